//! Voids of what plans granted.

use crate::asked::*;
use crate::books::settled;
use crate::remainder::void;
use credits_ledger_tests::Session;

/// The account `a` with 2 seats of a plan that gives 100 a seat, subscribed as `s`, and 50 that were bought as `g`.
fn with_seats(settings: &str) -> Session {
    let mut s = session();
    call(&mut s, "credits_define_plan('team', 100, per_seat => true, rollover_percent => 50)");
    call(&mut s, "credits_define_plan('more', 300, rank => 1)");
    call(&mut s, &format!("credits_open_account('a' {settings})"));
    call(&mut s, "credits_subscribe('a', 'team', 's', 2)").has(&[("amount", "200")]);
    call(&mut s, "credits_grant('a', 50, 'g')");
    s
}

#[test]
fn the_allowance_that_a_subscription_granted_is_removed() {
    let mut s = with_seats("");
    let subscribed = s.one("SELECT entry FROM credits_history WHERE idempotency_key = 's'");
    call(&mut s, "credits_debit('a', 30, 'd')");
    void(&mut s, "'s', 'v'").has(&[
        ("operation", "void"),
        ("amount", "170"),
        ("from_allowance", "170"),
        ("from_credits", "0"),
        ("balance", "50"),
        ("allowance", "0"),
        ("refers_to", &subscribed),
    ]);
    refused(&mut s, "LC007", "credits_void_grant('a', 's', 'v2')");
    // The plan is still held: nothing rolls over, and the next cycle grants as always.
    assert_eq!(s.list("SELECT plan, seats FROM credits_subscriptions"), ["team|2"]);
    s.at("2026-03-01 00:00+00");
    assert_eq!(balance(&mut s), "250 200 50 0 0 250");
    settled(&mut s);
    refused(&mut s, "LC007", "credits_void_grant('a', 's', 'v2')");
}

#[test]
fn each_change_of_seats_is_voided_for_itself() {
    let mut s = with_seats("");
    call(&mut s, "credits_set_seats('a', 'team', 5, 'seats')").has(&[("amount", "300"), ("allowance", "500")]);
    void(&mut s, "'seats', 'v1', 40").has(&[("amount", "40"), ("from_allowance", "40"), ("allowance", "460")]);
    void(&mut s, "'seats', 'v2'").has(&[("amount", "260"), ("allowance", "200")]);
    refused(&mut s, "LC007", "credits_void_grant('a', 'seats', 'v')");
    // Seats that were paid once are not granted again.
    call(&mut s, "credits_set_seats('a', 'team', 4, 'fewer')");
    call(&mut s, "credits_set_seats('a', 'team', 6, 'one more')").has(&[("amount", "100"), ("allowance", "300")]);
    void(&mut s, "'s', 'v3'").has(&[("amount", "200"), ("allowance", "100")]);
    s.at("2026-03-01 00:00+00");
    // Of the 100 that are left, 50 roll over.
    assert_eq!(balance(&mut s), "700 650 50 0 0 700");
    settled(&mut s);
}

#[test]
fn the_allowance_of_a_change_of_plan_is_removed_and_the_old_one_stays() {
    let mut s = with_seats("");
    call(&mut s, "credits_change_plan('a', 'team', 'more', 'up')").has(&[("amount", "300"), ("allowance", "500")]);
    call(&mut s, "credits_debit('a', 210, 'd')").has(&[("allowance", "290")]);
    void(&mut s, "'up', 'v'").has(&[("amount", "290"), ("from_allowance", "290"), ("balance", "50")]);
    refund_goes_to(&mut s, "200 0");
}

/// Refunds `d`; what is then active of lots 1 and 3 is `stands`.
#[track_caller]
fn refund_goes_to(s: &mut Session, stands: &str) {
    call(s, "credits_refund('a', 'd', 'r')");
    let remaining = s.one(
        "SELECT string_agg(trim_scale(remaining)::text, ' ' ORDER BY lot) FROM credits_grants WHERE kind = 'allowance'",
    );
    assert_eq!(remaining, stands);
    settled(s);
}

#[test]
fn a_change_that_granted_nothing_leaves_nothing_to_void() {
    let mut s = with_seats("");
    call(&mut s, "credits_set_seats('a', 'team', 1, 'fewer')").has(&[("amount", "0")]);
    call(&mut s, "credits_change_plan('a', 'team', 'more', 'later', 'next_cycle')").has(&[("amount", "0")]);
    refused(&mut s, "LC007", "credits_void_grant('a', 'fewer', 'v')");
    refused(&mut s, "LC007", "credits_void_grant('a', 'later', 'v')");
    settled(&mut s);
}

#[test]
fn a_trial_is_voided_by_its_subscription() {
    let mut s = session();
    call(&mut s, "credits_define_plan('try', 40, trial => true, trial_period => '14 days')");
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_subscribe('a', 'try', 's')").has(&[("from_credits", "40")]);
    call(&mut s, "credits_debit('a', 15, 'd')");
    void(&mut s, "'s', 'v'").has(&[("amount", "25"), ("from_credits", "25"), ("balance", "0")]);
    assert_eq!(s.list("SELECT kind, status FROM credits_grants"), ["trial|voided"]);
    s.at("2026-02-14 12:00+00");
    settled(&mut s);
    assert_eq!(s.list("SELECT kind, status FROM credits_grants"), ["trial|voided"]);
}

#[test]
fn what_rolled_over_or_expired_is_not_clawed_back() {
    for policy in ["repay", "forgive_at_reset", "invoice_at_reset"] {
        let mut s = with_seats(&format!(", debt_policy => '{policy}'"));
        call(&mut s, "credits_debit('a', 30, 'd')");
        s.at("2026-03-01 00:00+00");
        // Of the 170 that were left, 85 rolled over and 85 expired.
        assert_eq!(balance(&mut s), "335 285 50 0 0 335", "{policy}");
        refused(&mut s, "LC007", "credits_void_grant('a', 's', 'v')");
        refused(&mut s, "LC015", "credits_void_grant('a', 's', 'v', 30.000001, true)");
        // The 30 come from what was bought: neither from the rollover nor from the new allowance.
        void(&mut s, "'s', 'v', claw_back => true").has(&[
            ("operation", "claw_back"),
            ("amount", "30"),
            ("from_allowance", "0"),
            ("from_credits", "30"),
            ("overdraft", "0"),
            ("balance", "305"),
        ]);
        assert_eq!(balance(&mut s), "305 285 20 0 0 305", "{policy}");
        settled(&mut s);
    }
}

#[test]
fn a_spent_allowance_is_clawed_back() {
    let mut s = with_seats("");
    call(&mut s, "credits_debit('a', 190, 'd')");
    void(&mut s, "'s', 'v', claw_back => true").has(&[
        ("operation", "claw_back"),
        ("amount", "200"),
        ("from_allowance", "10"),
        ("from_credits", "50"),
        ("overdraft", "140"),
        ("balance", "-140"),
        ("debt", "140"),
    ]);
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "190");
    settled(&mut s);
    // The next cycle's allowance pays it.
    s.at("2026-03-01 00:00+00");
    assert_eq!(balance(&mut s), "60 60 0 0 0 60");
    settled(&mut s);
}

#[test]
fn the_allowance_of_an_account_without_a_plan_has_no_key() {
    let mut s = with_allowance("100", "");
    for key in ["a", "allowance", "open"] {
        refused(&mut s, "LC006", &format!("credits_void_grant('a', '{key}', 'v')"));
    }
    settled(&mut s);
}
