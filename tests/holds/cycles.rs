//! Holds that are open when a cycle ends or a lot expires.

use crate::asked::*;

/// 60 of 100 are held across the end of the cycle, with half of the rest rolling over.
fn across() -> credits_ledger_tests::Session {
    let mut s = with_allowance("100", ", rollover_percent => 50");
    s.at("2026-02-28 11:30+00");
    call(&mut s, "credits_hold('a', 60, 'h', '1 hour')");
    s.at("2026-02-28 12:10+00");
    s
}

#[test]
fn what_is_held_neither_rolls_over_nor_expires() {
    let mut s = across();
    assert_eq!(balance(&mut s), "180 120 0 60 0 120");
    the_same_once_recorded(&mut s);
    assert_eq!(entries_after(&mut s, "3"), ["rollover 0 100", "expire -20 80", "allowance 100 180"]);
    s.row("SELECT * FROM credits_cycles WHERE cycle = 1").has(&[
        ("granted", "100"),
        ("used", "0"),
        ("rolled_over", "20"),
        ("expired", "20"),
    ]);
    let lots = s.list("SELECT kind, trim_scale(remaining), trim_scale(held) FROM credits_grants ORDER BY lot");
    assert_eq!(lots, ["allowance|0|60", "rollover|20|0", "allowance|100|0"]);
    // A dry run and a debit see only what is not held.
    assert_eq!(refused(&mut s, "LC001", "credits_debit('a', 121, 'd')").figure("available"), "120");
}

#[test]
fn a_lapse_into_a_lot_that_has_expired_is_two_entries() {
    let mut s = across();
    let cycle = "SELECT * FROM credits_cycles WHERE cycle = 1";
    s.run("SELECT credits_maintain()");
    let closed = s.list(cycle);
    s.at("2026-02-28 12:30+00");
    assert_eq!(balance(&mut s), "120 120 0 0 0 120");
    assert_eq!(state(&mut s, "h"), "0 0 lapsed");
    the_same_once_recorded(&mut s);
    assert_eq!(entries_after(&mut s, "6"), ["lapse 0 180", "expire -60 120"]);
    let moved = s.list("SELECT entry, lot, trim_scale(amount) FROM credits_allocations WHERE entry > 6 ORDER BY 1");
    assert_eq!(moved, ["7|1|60", "8|1|-60"]);
    s.row("SELECT * FROM credits_history WHERE entry = 8").has(&[
        ("operation", "expire"),
        ("effective_at", "2026-02-28 12:30:00+00"),
        ("idempotency_key", "NULL"),
    ]);
    assert_eq!(s.one("SELECT status FROM credits_grants WHERE lot = 1"), "expired");
    // The closed cycle is as it was.
    assert_eq!(s.list(cycle), closed);
}

#[test]
fn a_capture_takes_from_a_lot_that_has_expired_and_the_rest_expires() {
    let mut s = across();
    call(&mut s, "credits_capture('a', 'h', 'c', 25)").has(&[
        ("entry", "7"),
        ("amount", "25"),
        ("from_allowance", "25"),
        ("overdraft", "0"),
        ("balance", "155"),
        ("held", "0"),
        ("refers_to", "3"),
    ]);
    assert_eq!(entries_after(&mut s, "6"), ["capture -25 155", "expire -35 120"]);
    assert_eq!(balance(&mut s), "120 120 0 0 0 120");
    // It is used in the cycle in which it was captured.
    let cycles = s.list("SELECT cycle, trim_scale(used) FROM credits_cycles ORDER BY 1");
    assert_eq!(cycles, ["1|0", "2|25"]);
    assert_eq!(s.list("SELECT cycle, trim_scale(credits) FROM credits_usage_by_cycle"), ["2|25"]);
    sound(&mut s);
}

#[test]
fn a_release_into_a_lot_that_has_expired_is_followed_by_its_expiry() {
    let mut s = across();
    let released = call(&mut s, "credits_release('a', 'h', 'r')");
    released.has(&[
        ("entry", "7"),
        ("operation", "release"),
        ("amount", "60"),
        ("from_allowance", "60"),
        ("balance", "180"),
        ("held", "0"),
    ]);
    assert_eq!(entries_after(&mut s, "6"), ["release 0 180", "expire -60 120"]);
    call(&mut s, "credits_release('a', 'h', 'r')").has(&[("replayed", "t"), ("entry", "7"), ("balance", "180")]);
    assert_eq!(balance(&mut s), "120 120 0 0 0 120");
    sound(&mut s);
}

#[test]
fn what_returns_before_the_cycle_ends_rolls_over_as_if_it_had_never_been_held() {
    let mut s = with_allowance("100", ", rollover_percent => 50");
    call(&mut s, "credits_hold('a', 60, 'h')");
    s.at("2026-02-28 12:10+00");
    assert_eq!(balance(&mut s), "150 150 0 0 0 150");
    the_same_once_recorded(&mut s);
    assert_eq!(entries_after(&mut s, "3"), ["lapse 0 100", "rollover 0 100", "expire -50 50", "allowance 100 150"]);
}

#[test]
fn a_hold_outlives_several_cycles() {
    let mut s = with_allowance("100", ", cycle_length => '7 days', rollover_percent => 100");
    call(&mut s, "credits_hold('a', 80, 'h', '20 days')");
    // 20 roll over once and expire in the cycle after it, while 80 stay held.
    s.at("2026-02-08 00:00+00");
    assert_eq!(balance(&mut s), "200 120 0 80 0 120");
    s.at("2026-02-15 00:00+00");
    assert_eq!(balance(&mut s), "280 200 0 80 0 200");
    the_same_once_recorded(&mut s);
    call(&mut s, "credits_capture('a', 'h', 'c', 30, final => false)").has(&[("held", "50"), ("balance", "250")]);
    s.at("2026-02-20 12:00+00");
    assert_eq!(balance(&mut s), "200 200 0 0 0 200");
    the_same_once_recorded(&mut s);
    assert_eq!(entries_after(&mut s, "9").iter().filter(|entry| entry.starts_with("lapse")).count(), 1);
}

#[test]
fn held_rollover_counts_as_living() {
    // At most 30 of rollover live at once.
    let mut s = with_allowance("100", ", cycle_length => '7 days', rollover_percent => 100, rollover_max => 30");
    s.at("2026-02-07 12:00+00");
    assert_eq!(balance(&mut s), "130 130 0 0 0 130");
    call(&mut s, "credits_hold('a', 20, 'h', '31 days')").has(&[("from_allowance", "20")]);
    // The held 20 are rollover: 10 more have room at the next boundary, although their term is over.
    s.at("2026-02-14 12:00+00");
    assert_eq!(balance(&mut s), "130 110 0 20 0 110");
    the_same_once_recorded(&mut s);
    let lots = s.list(
        "SELECT kind, trim_scale(remaining), trim_scale(held) FROM credits_grants WHERE remaining + held > 0 ORDER BY lot",
    );
    assert_eq!(lots, ["rollover|0|20", "rollover|10|0", "allowance|100|0"]);
}

#[test]
fn a_dated_lot_does_not_expire_while_it_is_held() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g', 'promo', '2026-01-31 12:30+00')");
    call(&mut s, "credits_hold('a', 30, 'h', '1 hour')");
    s.at("2026-01-31 12:30+00");
    assert_eq!(balance(&mut s), "30 0 0 30 0 0");
    the_same_once_recorded(&mut s);
    assert_eq!(entries_after(&mut s, "3"), ["expire -20 30"]);
    call(&mut s, "credits_capture('a', 'h', 'c1', 10, final => false)").has(&[("balance", "20"), ("held", "20")]);
    s.at("2026-01-31 13:00+00");
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    the_same_once_recorded(&mut s);
    assert_eq!(entries_after(&mut s, "5"), ["lapse 0 20", "expire -20 0"]);
    assert_eq!(lots(&mut s), ["1 0+0 expired"]);
}

#[test]
fn a_lapse_and_an_expiry_at_one_instant_come_in_that_order() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g', 'promo', '2026-01-31 12:15+00')");
    call(&mut s, "credits_hold('a', 30, 'h')");
    s.at("2026-01-31 12:15+00");
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    the_same_once_recorded(&mut s);
    assert_eq!(entries_after(&mut s, "3"), ["lapse 0 50", "expire -50 0"]);
}

#[test]
fn a_manual_reset_leaves_what_is_held() {
    let mut s = session();
    call(&mut s, "credits_open_account('a', 100, '0')");
    call(&mut s, "credits_hold('a', 60, 'h', '1 hour')");
    s.at("2026-01-31 12:10+00");
    call(&mut s, "credits_reset_cycle('a', 'k')").has(&[("expired", "40"), ("granted", "100"), ("balance", "160")]);
    assert_eq!(balance(&mut s), "160 100 0 60 0 100");
    call(&mut s, "credits_capture('a', 'h', 'c', 70)").has(&[("from_allowance", "70"), ("balance", "90")]);
    sound(&mut s);
}

#[test]
fn a_reset_by_a_billing_period_leaves_what_is_held() {
    let mut s = with_allowance("100", ", rollover_percent => 50");
    s.at("2026-02-10 12:00+00");
    call(&mut s, "credits_hold('a', 60, 'h', '1 hour')");
    s.at("2026-02-10 12:30+00");
    call(&mut s, "credits_reset_cycle('a', 'evt', '2026-02-10 12:15+00')").has(&[
        ("cycles_closed", "1"),
        ("rolled_over", "20"),
        ("expired", "20"),
        ("granted", "100"),
        ("balance", "180"),
        ("available", "120"),
    ]);
    s.at("2026-02-10 13:00+00");
    assert_eq!(balance(&mut s), "120 120 0 0 0 120");
    the_same_once_recorded(&mut s);
}

#[test]
fn a_plan_that_is_replaced_with_its_allowance_keeps_what_is_held_until_it_returns() {
    let mut s = session();
    call(&mut s, "credits_define_plan('small', 100)");
    call(&mut s, "credits_define_plan('big', 300, rank => 1)");
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_subscribe('a', 'small', 's')");
    call(&mut s, "credits_hold('a', 70, 'h', '1 hour')");
    s.at("2026-01-31 12:10+00");
    let before = newest(&mut s);
    call(&mut s, "credits_change_plan('a', 'small', 'big', 'u', unused_allowance => 'expire')").has(&[
        ("amount", "300"),
        ("balance", "370"),
        ("allowance", "300"),
        ("held", "70"),
    ]);
    assert_eq!(entries_after(&mut s, &before), ["expire -30 70", "change_plan 300 370"]);
    call(&mut s, "credits_capture('a', 'h', 'c', 20, final => false)").has(&[("from_allowance", "20"), ("held", "50")]);
    let before = newest(&mut s);
    s.at("2026-01-31 13:00+00");
    assert_eq!(balance(&mut s), "300 300 0 0 0 300");
    the_same_once_recorded(&mut s);
    assert_eq!(entries_after(&mut s, &before), ["lapse 0 350", "expire -50 300"]);
}

#[test]
fn what_is_held_of_a_trial_outlives_the_conversion() {
    let mut s = session();
    call(&mut s, "credits_define_plan('try', 50, trial => true, trial_period => '14 days')");
    call(&mut s, "credits_define_plan('team', 100)");
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_subscribe('a', 'try', 's')");
    call(&mut s, "credits_hold('a', 30, 'h', '1 hour')").has(&[("from_credits", "30")]);
    s.at("2026-01-31 12:10+00");
    call(&mut s, "credits_subscribe('a', 'team', 's2')");
    assert_eq!(balance(&mut s), "130 100 0 30 0 100");
    sound(&mut s);
    call(&mut s, "credits_capture('a', 'h', 'c', 10)").has(&[("from_credits", "10"), ("balance", "120")]);
    assert_eq!(balance(&mut s), "100 100 0 0 0 100");
    sound(&mut s);
}

#[test]
fn an_account_without_any_other_date_sees_its_holds_lapse() {
    let mut s = session();
    call(&mut s, "credits_open_account('a', 100, '0')");
    call(&mut s, "credits_hold('a', 60, 'h1', '20 minutes')");
    call(&mut s, "credits_hold('a', 30, 'h2', '5 minutes')");
    for (instant, figures) in
        [("12:04:59.999999", "100 10 0 90 0 10"), ("12:05", "100 40 0 60 0 40"), ("12:20", "100 100 0 0 0 100")]
    {
        s.at(&format!("2026-01-31 {instant}+00"));
        assert_eq!(balance(&mut s), figures, "{instant}");
    }
    assert_eq!(s.one("SELECT credits_maintain()"), "1");
    assert_eq!(s.one("SELECT credits_maintain()"), "0");
    the_same_once_recorded(&mut s);
}
