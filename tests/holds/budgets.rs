//! Budgets count what open holds may still draw, in the period in which the holds were made.

use crate::asked::*;
use credits_ledger_tests::Session;

/// `used remaining` of the only budget of `a`.
fn used(s: &mut Session) -> String {
    s.one("SELECT concat_ws(' ', trim_scale(used), trim_scale(remaining)) FROM credits_budgets WHERE account = 'a'")
}

fn with_budget(arguments: &str) -> Session {
    let mut s = with_allowance("1000", "");
    call(&mut s, &format!("credits_set_budget('a', 100, {arguments})"));
    s
}

#[test]
fn an_open_hold_counts_and_its_capture_does_not_count_twice() {
    let mut s = with_budget("'day', feature => 'gpu'");
    call(&mut s, "credits_hold('a', 60, 'h', feature => 'gpu')");
    assert_eq!(used(&mut s), "60 40");
    let error = refused(&mut s, "LC012", "credits_debit('a', 41, 'd', 'gpu')");
    assert_eq!((error.figure("budget_limit"), error.figure("used"), error.figure("required")), ("100", "60", "41"));
    refused(&mut s, "LC012", "credits_hold('a', 41, 'h2', feature => 'gpu')");
    call(&mut s, "credits_hold('a', 41, 'h2')").has(&[("held", "101")]);
    call(&mut s, "credits_debit('a', 30, 'd', 'gpu')");
    assert_eq!(used(&mut s), "90 10");
    call(&mut s, "credits_capture('a', 'h', 'c1', 20, final => false, on_insufficient => 'error')");
    assert_eq!(used(&mut s), "90 10");
    refused(&mut s, "LC012", "credits_capture('a', 'h', 'c2', 51, on_insufficient => 'error')");
    call(&mut s, "credits_capture('a', 'h', 'c2', 25, on_insufficient => 'error')");
    assert_eq!(used(&mut s), "75 25");
    sound(&mut s);
}

#[test]
fn a_capture_binds_unless_it_is_allowed() {
    let mut s = with_budget("'day'");
    call(&mut s, "credits_hold('a', 100, 'h')");
    refused(&mut s, "LC012", "credits_capture('a', 'h', 'c', 100.000001, on_insufficient => 'error')");
    call(&mut s, "credits_capture('a', 'h', 'c', 100.000001, on_insufficient => 'refuse')")
        .has(&[("accepted", "f"), ("refused", "LC012")]);
    refused(&mut s, "LC012", "credits_capture('a', 'h', 'c', 100.000001, on_insufficient => 'partial')");
    call(&mut s, "credits_capture('a', 'h', 'c', 120)").has(&[("amount", "120")]);
    assert_eq!(used(&mut s), "120 0");
    sound(&mut s);
    let mut s = with_budget("'day'");
    call(&mut s, "credits_hold('a', 100, 'h')");
    call(&mut s, "credits_capture('a', 'h', 'c', on_insufficient => 'error')").has(&[("amount", "100")]);
    assert_eq!(used(&mut s), "100 0");
    sound(&mut s);
}

#[test]
fn what_is_given_back_or_lapses_makes_room() {
    let mut s = with_budget("'cycle', actor => 'ann'");
    call(&mut s, "credits_hold('a', 70, 'h1', actor => 'ann')");
    call(&mut s, "credits_hold('a', 30, 'h2', '5 minutes', actor => 'ann')");
    call(&mut s, "credits_hold('a', 500, 'h3', actor => 'bob')");
    assert_eq!(used(&mut s), "100 0");
    refused(&mut s, "LC012", "credits_debit('a', 1, 'd', actor => 'ann')");
    call(&mut s, "credits_release('a', 'h1', 'r')");
    assert_eq!(used(&mut s), "30 70");
    s.at("2026-01-31 12:05+00");
    assert_eq!(used(&mut s), "0 100");
    the_same_once_recorded(&mut s);
    call(&mut s, "credits_debit('a', 100, 'd', actor => 'ann')");
    // What is captured late counts all the same, and is refused if it is not allowed.
    refused(&mut s, "LC012", "credits_capture('a', 'h2', 'c', on_insufficient => 'error')");
    call(&mut s, "credits_capture('a', 'h2', 'c')");
    assert_eq!(used(&mut s), "130 0");
    sound(&mut s);
}

#[test]
fn each_actors_holds_count_against_its_own_budget() {
    let mut s = with_budget("'day', actor => '*'");
    call(&mut s, "credits_hold('a', 60, 'h1', actor => 'ann')");
    call(&mut s, "credits_hold('a', 90, 'h2', actor => 'bob')");
    call(&mut s, "credits_hold('a', 100, 'h3')");
    refused(&mut s, "LC012", "credits_debit('a', 41, 'd', actor => 'ann')");
    refused(&mut s, "LC012", "credits_debit('a', 11, 'd', actor => 'bob')");
    refused(&mut s, "LC012", "credits_debit('a', 1, 'd')");
    call(&mut s, "credits_debit('a', 40, 'd', actor => 'ann')");
    call(&mut s, "credits_capture('a', 'h2', 'c', 50)");
    let of_each = s.list("SELECT used_by, trim_scale(used) FROM credits_budgets ORDER BY 1 NULLS FIRST");
    assert_eq!(of_each, ["NULL|100", "ann|100", "bob|50"]);
    sound(&mut s);
}

#[test]
fn an_open_hold_counts_in_the_period_in_which_it_was_made() {
    let mut s = with_budget("'day'");
    s.at("2026-02-01 23:50+00");
    call(&mut s, "credits_hold('a', 60, 'h', '1 hour')");
    assert_eq!(used(&mut s), "60 40");
    s.at("2026-02-02 00:10+00");
    // The new day is whole.
    assert_eq!(used(&mut s), "0 100");
    call(&mut s, "credits_extend_hold('a', 'h', 'e', '1 hour')");
    assert_eq!(used(&mut s), "0 100");
    call(&mut s, "credits_debit('a', 100, 'd')").has(&[("accepted", "t")]);
    assert_eq!(used(&mut s), "100 0");
    the_same_once_recorded(&mut s);
}

#[test]
fn a_capture_counts_in_the_period_in_which_it_happens() {
    let mut s = with_budget("'day'");
    s.at("2026-02-01 23:50+00");
    call(&mut s, "credits_hold('a', 60, 'h', '1 hour')");
    s.at("2026-02-02 00:10+00");
    call(&mut s, "credits_debit('a', 50, 'd')");
    refused(&mut s, "LC012", "credits_capture('a', 'h', 'c', on_insufficient => 'error')");
    call(&mut s, "credits_capture('a', 'h', 'c', 50, final => false, on_insufficient => 'error')");
    assert_eq!(used(&mut s), "100 0");
    call(&mut s, "credits_capture('a', 'h', 'c2')").has(&[("amount", "10")]);
    assert_eq!(used(&mut s), "110 0");
    the_same_once_recorded(&mut s);
}

#[test]
fn headroom_that_is_held_counts_too() {
    let mut s = with_allowance("10", ", overdraft_limit => 200");
    call(&mut s, "credits_set_budget('a', 100, 'day')");
    call(&mut s, "credits_hold('a', 80, 'h')");
    assert_eq!(used(&mut s), "80 20");
    refused(&mut s, "LC012", "credits_debit('a', 21, 'd')");
    call(&mut s, "credits_capture('a', 'h', 'c', 30)");
    assert_eq!(used(&mut s), "30 70");
    sound(&mut s);
}

#[test]
fn a_budget_that_comes_later_counts_the_holds_of_its_period() {
    let mut s = with_allowance("1000", "");
    call(&mut s, "credits_hold('a', 60, 'h', feature => 'gpu', actor => 'ann')");
    call(&mut s, "credits_capture('a', 'h', 'c', 15, final => false)");
    call(&mut s, "credits_set_budget('a', 100, 'day', 'ann', 'gpu')").has(&[("used", "60"), ("remaining", "40")]);
    assert_eq!(used(&mut s), "60 40");
    refused(&mut s, "LC012", "credits_debit('a', 41, 'd', 'gpu', 'ann')");
    call(&mut s, "credits_capture('a', 'h', 'c2', 5)");
    assert_eq!(used(&mut s), "20 80");
    sound(&mut s);
}
