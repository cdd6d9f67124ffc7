//! What plans, rates, switches and budgets add to the small ledger.

use credits_ledger_tests::Session;

/// Gives `acme` of the small ledger plans with seats and pending changes, a trial that was converted, used units of
/// plans and packages, switches, and budgets used now and earlier.
pub fn add_plans(s: &mut Session) {
    s.run("SELECT credits_define_plan('team', 10, per_seat => true, seat_cap => 5), credits_define_plan('more', 30, rank => 1)");
    s.run("SELECT credits_define_plan('try', 20, trial => true, trial_period => '10 days'), credits_define_plan('extra', 5)");
    s.run("SELECT credits_include('team', 'search', 5), credits_include('more', 'search', 8)");
    s.run("SELECT credits_define_rate('search', 1), credits_define_rate('run', 2, 10, 'package')");
    s.run("SELECT credits_set_budget('acme', 9, 'day', 'ann'), credits_set_budget('acme', 1, 'hour')");
    s.run("SELECT credits_set_budget('acme', NULL, 'hour')");
    s.run("SELECT credits_debit('acme', 2, 'earlier', 'search', 'ann')");
    s.run("SELECT credits_subscribe('acme', 'try', 'p1')");
    s.at("2026-02-10 00:00+00");
    s.run("SELECT credits_subscribe('acme', 'team', 'p2', 2)");
    s.run("SELECT credits_subscribe('acme', 'extra', 'p3')");
    s.run("SELECT credits_set_budget('acme', 100), credits_set_budget('acme', 50, 'month', '*', 'search')");
    s.run("SELECT credits_charge('acme', 'search', 7, 'c1', 'ann'), credits_charge('acme', 'run', 3, 'c2')");
    s.run("SELECT credits_debit('acme', 1, 'd5', 'search')");
    s.run("SELECT credits_set_feature('acme', 'off', false), credits_set_feature('acme', 'on', false)");
    s.run("SELECT credits_set_feature('acme', 'on', true)");
    s.run("SELECT credits_change_plan('acme', 'team', 'more', 'p4')");
    s.run("SELECT credits_change_plan('acme', 'more', 'team', 'p5', unused_allowance => 'expire')");
    s.run("SELECT credits_unsubscribe('acme', 'extra', 'p6')");
    assert_eq!(s.list("SELECT account, entry, problem FROM credits_verify()"), Vec::<String>::new());
}
