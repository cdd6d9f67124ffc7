//! A refund gives room back only in the period of its debit.

use crate::asked::*;
use crate::books::settled;
use crate::lots::refund;
use credits_ledger_tests::Session;

fn with_budget(arguments: &str) -> Session {
    let mut s = with_allowance("1000", "");
    call(&mut s, &format!("credits_set_budget('a', 100, {arguments})"));
    s
}

/// `used remaining` of the only budget of `a`.
fn used(s: &mut Session) -> String {
    s.one("SELECT concat_ws(' ', trim_scale(used), trim_scale(remaining)) FROM credits_budgets WHERE account = 'a'")
}

#[test]
fn within_the_period_a_refund_makes_room() {
    let mut s = with_budget("'day'");
    call(&mut s, "credits_debit('a', 90, 'd')");
    refused(&mut s, "LC012", "credits_debit('a', 11, 'd2')");
    refund(&mut s, "'d', 'r1', 30").has(&[("amount", "30")]);
    assert_eq!(used(&mut s), "60 40");
    refused(&mut s, "LC012", "credits_debit('a', 40.000001, 'd2')");
    call(&mut s, "credits_debit('a', 40, 'd2')");
    assert_eq!(used(&mut s), "100 0");
    s.at("2026-01-31 23:59:59.999999+00");
    refund(&mut s, "'d', 'r2'").has(&[("amount", "60")]);
    assert_eq!(used(&mut s), "40 60");
    settled(&mut s);
}

#[test]
fn after_the_period_a_refund_makes_no_room() {
    let mut s = with_budget("'day'");
    call(&mut s, "credits_debit('a', 90, 'd1')");
    s.at("2026-02-01 00:00+00");
    call(&mut s, "credits_debit('a', 80, 'd2')");
    refund(&mut s, "'d1', 'r1'").has(&[("amount", "90")]);
    assert_eq!(used(&mut s), "80 20");
    refused(&mut s, "LC012", "credits_debit('a', 21, 'd3')");
    refund(&mut s, "'d2', 'r2', 10");
    assert_eq!(used(&mut s), "70 30");
    call(&mut s, "credits_debit('a', 30, 'd3')");
    settled(&mut s);
}

#[test]
fn a_cycles_budget_counts_while_the_debits_cycle_runs() {
    let mut s = with_budget("'cycle'");
    call(&mut s, "credits_debit('a', 90, 'd1')");
    s.at("2026-02-28 11:59:59.999999+00");
    refund(&mut s, "'d1', 'r1', 20");
    assert_eq!(used(&mut s), "70 30");
    s.at("2026-02-28 12:00+00");
    call(&mut s, "credits_debit('a', 50, 'd2')");
    refund(&mut s, "'d1', 'r2', 20, if_expired => 'restore'");
    assert_eq!(used(&mut s), "50 50");
    refund(&mut s, "'d2', 'r3', 20");
    assert_eq!(used(&mut s), "30 70");
    settled(&mut s);
}

#[test]
fn the_room_is_of_the_actor_and_the_feature_that_drew() {
    let mut s = with_allowance("1000", "");
    call(&mut s, "credits_set_budget('a', 100, 'day', actor => '*')");
    call(&mut s, "credits_set_budget('a', 100, 'day', feature => 'gpu')");
    call(&mut s, "credits_debit('a', 70, 'd1', 'gpu', 'ann')");
    call(&mut s, "credits_debit('a', 20, 'd2', 'gpu', 'bob')");
    call(&mut s, "credits_debit('a', 30, 'd3', 'chat', 'ann')");
    call(&mut s, "credits_debit('a', 15, 'd4')");
    let all = "SELECT coalesce(used_by, '-'), feature, trim_scale(used) FROM credits_budgets WHERE used > 0 ORDER BY feature NULLS FIRST, 1";
    assert_eq!(s.list(all), ["-|NULL|15", "ann|NULL|100", "bob|NULL|20", "-|gpu|90"]);
    refund(&mut s, "'d1', 'r1', 25");
    assert_eq!(s.list(all), ["-|NULL|15", "ann|NULL|75", "bob|NULL|20", "-|gpu|65"]);
    refund(&mut s, "'d3', 'r2', 5");
    refund(&mut s, "'d4', 'r3', 5");
    assert_eq!(s.list(all), ["-|NULL|10", "ann|NULL|70", "bob|NULL|20", "-|gpu|65"]);
    refused(&mut s, "LC012", "credits_debit('a', 36, 'd5', 'gpu', 'bob')");
    call(&mut s, "credits_debit('a', 35, 'd5', 'gpu', 'bob')");
    settled(&mut s);
}

#[test]
fn a_refunded_capture_makes_room_in_the_period_of_the_capture() {
    let mut s = with_budget("'day'");
    s.at("2026-02-01 23:50+00");
    call(&mut s, "credits_hold('a', 60, 'h', '1 hour')");
    s.at("2026-02-02 00:10+00");
    call(&mut s, "credits_capture('a', 'h', 'c', 50)");
    assert_eq!(used(&mut s), "50 50");
    refund(&mut s, "'c', 'r', 20");
    assert_eq!(used(&mut s), "30 70");
    s.at("2026-02-03 00:00+00");
    refund(&mut s, "'c', 'r2'");
    assert_eq!(used(&mut s), "0 100");
    settled(&mut s);
}

#[test]
fn what_was_forgiven_makes_room_too() {
    // The debit's month still runs, its cycle has ended.
    let mut s = with_allowance("10", ", cycle_length => '7 days', debt_policy => 'forgive_at_reset'");
    s.at("2026-02-02 00:00+00");
    call(&mut s, "credits_set_budget('a', 100, 'month')");
    call(&mut s, "credits_debit('a', 90, 'd', on_insufficient => 'allow')").has(&[("overdraft", "80")]);
    s.at("2026-02-10 00:00+00");
    assert_eq!(used(&mut s), "90 10");
    refund(&mut s, "'d', 'r', 75").has(&[("amount", "75"), ("from_credits", "0")]);
    assert_eq!(used(&mut s), "15 85");
    settled(&mut s);
}

#[test]
fn a_budget_that_comes_later_counts_what_was_refunded() {
    let mut s = with_allowance("1000", "");
    call(&mut s, "credits_debit('a', 90, 'd1', 'gpu', 'ann')");
    s.at("2026-02-01 06:00+00");
    call(&mut s, "credits_debit('a', 50, 'd2', 'gpu', 'ann')");
    refund(&mut s, "'d1', 'r1', 15");
    refund(&mut s, "'d2', 'r2', 20");
    call(&mut s, "credits_set_budget('a', 100, 'day', 'ann', 'gpu')").has(&[("used", "30"), ("remaining", "70")]);
    call(&mut s, "credits_set_budget('a', 100, 'day', 'ann', NULL)").has(&[("used", "30")]);
    call(&mut s, "credits_set_budget('a', 500, 'cycle')").has(&[("used", "105")]);
    settled(&mut s);
}

#[test]
fn voids_leave_budgets_alone() {
    let mut s = with_budget("'day'");
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 90, 'd')");
    call(&mut s, "credits_void_grant('a', 'g', 'v')").has(&[("amount", "50")]);
    assert_eq!(used(&mut s), "90 10");
    settled(&mut s);
}
