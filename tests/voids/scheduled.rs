//! Voids of grants that have not begun.

use crate::asked::*;
use crate::books::settled;
use crate::remainder::void;
use credits_ledger_tests::Session;

/// The account `a` with an allowance of 100 and a grant `g` of 30 that begins on 10 February.
fn with_scheduled() -> Session {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_grant('a', 30, 'g', 'promo', effective_at => '2026-02-10 00:00+00', payment_ref => 'pay 1')")
        .has(&[("entry", "3"), ("operation", "schedule")]);
    s
}

#[test]
fn a_grant_that_was_voided_before_it_began_never_begins() {
    for (arguments, operation) in
        [("'g', 'v'", "void"), ("'pay 1', 'v'", "void"), ("'g', 'v', NULL, true", "claw_back")]
    {
        let mut s = with_scheduled();
        void(&mut s, arguments).has(&[
            ("entry", "4"),
            ("operation", operation),
            ("amount", "30"),
            ("from_credits", "0"),
            ("overdraft", "0"),
            ("balance", "100"),
            ("refers_to", "3"),
        ]);
        assert_eq!(s.one("SELECT amount FROM credits_history WHERE entry = 4"), "0");
        let lot =
            "SELECT status, trim_scale(amount), trim_scale(remaining) FROM credits_grants WHERE idempotency_key = 'g'";
        assert_eq!(s.list(lot), ["voided|30|0"]);
        refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v2')");
        for instant in ["2026-02-09 23:59:59.999999+00", "2026-02-10 00:00+00", "2026-02-20 00:00+00"] {
            s.at(instant);
            assert_eq!(balance(&mut s), "100 100 0 0 0 100", "{instant}");
            settled(&mut s);
        }
        assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'grant'"), "0");
        assert_eq!(s.list(lot), ["voided|30|0"]);
        assert_eq!(s.one("SELECT balance FROM credits_balance_at('a', '2027-01-01 00:00+00')"), "100");
    }
}

#[test]
fn of_a_grant_that_was_voided_in_part_the_rest_begins() {
    let mut s = with_scheduled();
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 30.000001)");
    void(&mut s, "'g', 'v1', 12").has(&[("amount", "12"), ("from_credits", "0"), ("balance", "100")]);
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 18.000001)");
    s.at("2026-02-10 00:00+00");
    assert_eq!(balance(&mut s), "118 100 18 0 0 118");
    settled(&mut s);
    void(&mut s, "'g', 'v2', 8").has(&[("amount", "8"), ("from_credits", "8"), ("balance", "110")]);
    void(&mut s, "'pay 1', 'v3'").has(&[("amount", "10"), ("balance", "100")]);
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v')");
    settled(&mut s);
}

#[test]
fn parts_may_add_up_to_all() {
    let mut s = with_scheduled();
    void(&mut s, "'g', 'v1', 12");
    void(&mut s, "'g', 'v2', 18").has(&[("amount", "18"), ("balance", "100")]);
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v', 1)");
    s.at("2026-02-11 00:00+00");
    assert_eq!(balance(&mut s), "100 100 0 0 0 100");
    settled(&mut s);
}

#[test]
fn a_grant_that_has_begun_is_voided_like_any_other() {
    let mut s = with_scheduled();
    s.at("2026-02-12 00:00+00");
    call(&mut s, "credits_debit('a', 110, 'd')").has(&[("from_credits", "10")]);
    void(&mut s, "'g', 'v'").has(&[("operation", "void"), ("amount", "20"), ("from_credits", "20"), ("balance", "0")]);
    settled(&mut s);
}

#[test]
fn the_void_of_one_scheduled_grant_leaves_the_others() {
    let mut s = with_scheduled();
    call(&mut s, "credits_grant('a', 7, 'g2', effective_at => '2026-02-10 00:00+00')");
    call(&mut s, "credits_grant('a', 5, 'g3', effective_at => '2026-02-05 00:00+00')");
    void(&mut s, "'g', 'v'");
    s.at("2026-02-05 00:00+00");
    assert_eq!(balance(&mut s), "105 100 5 0 0 105");
    s.at("2026-02-10 00:00+00");
    assert_eq!(balance(&mut s), "112 100 12 0 0 112");
    settled(&mut s);
}

#[test]
fn closing_an_account_does_not_bring_back_what_was_voided() {
    let mut s = with_scheduled();
    void(&mut s, "'g', 'v'");
    call(&mut s, "credits_close_account('a', 'gone')").has(&[("balance", "0")]);
    s.at("2026-02-11 00:00+00");
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    settled(&mut s);
}
