//! Voids while a part of the grant is held.

use crate::asked::*;
use crate::books::settled;
use crate::remainder::void;
use credits_ledger_tests::Session;

/// A grant `g` of 50, of which a hold `h` of 20 is open for an hour, and 5 are spent.
fn twenty_held() -> Session {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_hold('a', 20, 'h', '1 hour')");
    call(&mut s, "credits_debit('a', 5, 'd')");
    s
}

#[test]
fn what_is_held_stays_held_and_is_void_when_it_is_released() {
    let mut s = twenty_held();
    void(&mut s, "'g', 'v'").has(&[("amount", "25"), ("from_credits", "25"), ("held", "20"), ("balance", "20")]);
    assert_eq!(balance(&mut s), "20 0 0 20 0 0");
    assert_eq!(lots(&mut s), ["1 0+20 voided"]);
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v2', 1)");
    let before = newest(&mut s);
    call(&mut s, "credits_release('a', 'h', 'rel')").has(&[
        ("amount", "20"),
        ("from_credits", "20"),
        ("balance", "20"),
        ("credits", "20"),
        ("held", "0"),
    ]);
    assert_eq!(entries_after(&mut s, &before), ["release 0 20", "void -20 0"]);
    s.row(&format!("SELECT * FROM credits_history WHERE entry = {before} + 2")).has(&[
        ("operation", "void"),
        ("amount", "-20"),
        ("from_credits", "20"),
        ("idempotency_key", "NULL"),
    ]);
    let moved = s.list(&format!(
        "SELECT lot, trim_scale(amount) FROM credits_allocations WHERE entry > {before} ORDER BY entry"
    ));
    assert_eq!(moved, ["1|20", "1|-20"]);
    assert_eq!(lots(&mut s), ["1 0+0 voided"]);
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    settled(&mut s);
}

#[test]
fn what_is_held_is_void_when_it_lapses() {
    let mut s = twenty_held();
    void(&mut s, "'g', 'v'");
    let before = newest(&mut s);
    s.at("2026-01-31 13:00+00");
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    assert_eq!(lots(&mut s), ["1 0+0 voided"]);
    settled(&mut s);
    assert_eq!(entries_after(&mut s, &before), ["lapse 0 20", "void -20 0"]);
    let at = s.list(&format!("SELECT effective_at FROM credits_history WHERE entry > {before}"));
    assert_eq!(at, ["2026-01-31 13:00:00+00", "2026-01-31 13:00:00+00"]);
    // Captured late, it is all excess.
    call(&mut s, "credits_capture('a', 'h', 'c', 3)").has(&[("from_credits", "0"), ("overdraft", "3")]);
    settled(&mut s);
}

#[test]
fn what_is_captured_was_spent_and_the_rest_is_void() {
    let mut s = twenty_held();
    void(&mut s, "'g', 'v'");
    call(&mut s, "credits_capture('a', 'h', 'c1', 4, final => false)").has(&[("from_credits", "4"), ("held", "16")]);
    let before = newest(&mut s);
    call(&mut s, "credits_capture('a', 'h', 'c2', 6)").has(&[
        ("amount", "6"),
        ("from_credits", "6"),
        ("overdraft", "0"),
        ("held", "0"),
        ("balance", "10"),
    ]);
    assert_eq!(entries_after(&mut s, &before), ["capture -6 10", "void -10 0"]);
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    settled(&mut s);
    // What a refund brings back is void, too.
    let before = newest(&mut s);
    call(&mut s, "credits_refund('a', 'c2', 'r')").has(&[("amount", "6"), ("from_credits", "6"), ("balance", "6")]);
    assert_eq!(entries_after(&mut s, &before), ["refund 6 6", "void -6 0"]);
    settled(&mut s);
}

#[test]
fn an_excess_of_a_capture_finds_nothing_in_a_voided_lot() {
    let mut s = twenty_held();
    void(&mut s, "'g', 'v'");
    call(&mut s, "credits_capture('a', 'h', 'c', 26)").has(&[
        ("from_credits", "20"),
        ("overdraft", "6"),
        ("debt", "6"),
    ]);
    settled(&mut s);
}

#[test]
fn with_an_amount_held_parts_return_alive() {
    let mut s = twenty_held();
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 25.000001)");
    void(&mut s, "'g', 'v', 25").has(&[("amount", "25"), ("held", "20"), ("balance", "20")]);
    assert_ne!(lots(&mut s)[0], "1 0+20 voided", "20 are still held, and live");
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v2', 1)");
    let before = newest(&mut s);
    call(&mut s, "credits_release('a', 'h', 'rel')").has(&[("from_credits", "20"), ("available", "20")]);
    assert_eq!(entries_after(&mut s, &before), ["release 0 20"]);
    assert_eq!(lots(&mut s), ["1 20+0 active"]);
    void(&mut s, "'g', 'v2', 12").has(&[("amount", "12"), ("balance", "8")]);
    call(&mut s, "credits_debit('a', 8, 'd2')").has(&[("balance", "0")]);
    settled(&mut s);
}

#[test]
fn where_all_that_is_left_is_held_the_void_takes_it_as_it_returns() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_hold('a', 50, 'h')");
    void(&mut s, "'g', 'v'").has(&[("operation", "void"), ("amount", "0"), ("from_credits", "0"), ("balance", "50")]);
    assert_eq!(lots(&mut s), ["1 0+50 voided"]);
    call(&mut s, "credits_capture('a', 'h', 'c', 30)").has(&[("from_credits", "30"), ("balance", "20")]);
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    settled(&mut s);
}

#[test]
fn what_returns_to_a_voided_lot_pays_no_debt() {
    let mut s = twenty_held();
    void(&mut s, "'g', 'v'");
    call(&mut s, "credits_debit('a', 12, 'd2', on_insufficient => 'allow')").has(&[("overdraft", "12")]);
    let before = newest(&mut s);
    call(&mut s, "credits_release('a', 'h', 'rel')").has(&[
        ("from_credits", "20"),
        ("overdraft", "0"),
        ("debt", "12"),
        ("balance", "8"),
    ]);
    assert_eq!(entries_after(&mut s, &before), ["release 0 8", "void -20 -12"]);
    assert_eq!(balance(&mut s), "-12 0 0 0 12 0");
    settled(&mut s);
}

#[test]
fn of_a_hold_over_two_lots_only_the_voided_part_is_void() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 10, 'g1', 'promo')");
    call(&mut s, "credits_grant('a', 50, 'g2')");
    call(&mut s, "credits_hold('a', 25, 'h')");
    void(&mut s, "'g1', 'v'").has(&[("amount", "0"), ("held", "25")]);
    let before = newest(&mut s);
    call(&mut s, "credits_release('a', 'h', 'rel')").has(&[
        ("amount", "25"),
        ("from_credits", "25"),
        ("balance", "60"),
    ]);
    assert_eq!(entries_after(&mut s, &before), ["release 0 60", "void -10 50"]);
    assert_eq!(lots(&mut s), ["1 0+0 voided", "2 50+0 active"]);
    settled(&mut s);
}

#[test]
fn a_voided_allowance_that_is_held_over_the_cycles_end_does_not_roll_over() {
    let mut s = session();
    call(&mut s, "credits_define_plan('team', 100, rollover_percent => 100)");
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_subscribe('a', 'team', 's')");
    call(&mut s, "credits_hold('a', 60, 'h', '31 days')");
    void(&mut s, "'s', 'v'").has(&[("amount", "40"), ("from_allowance", "40"), ("held", "60")]);
    s.at("2026-03-01 00:00+00");
    assert_eq!(balance(&mut s), "160 100 0 60 0 100");
    let before = newest(&mut s);
    call(&mut s, "credits_release('a', 'h', 'rel')").has(&[("from_allowance", "60"), ("balance", "160")]);
    let entries = entries_after(&mut s, &before);
    assert_eq!(entries[entries.len() - 2..], ["release 0 160", "void -60 100"], "void, rather than expired");
    settled(&mut s);
}

#[test]
fn closing_an_account_voids_what_was_held_of_a_voided_grant() {
    let mut s = twenty_held();
    void(&mut s, "'g', 'v'");
    call(&mut s, "credits_close_account('a', 'fraud')").has(&[("balance", "0"), ("held", "0")]);
    let sums = s.list(
        "SELECT operation, trim_scale(sum(amount)) FROM credits_history WHERE operation IN ('void', 'expire') GROUP BY 1 ORDER BY 1",
    );
    assert_eq!(sums, ["void|-45"]);
    settled(&mut s);
}
