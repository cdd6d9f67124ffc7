//! `credits_include`: units of a feature that plans cover in each cycle, before any credit is drawn.

#[path = "metering/mod.rs"]
mod metering;

use credits_ledger_tests::{Database, Session};
use metering::{FEB, JAN, MAR, charge, entries, fails, insufficient, quote, sound, start};

/// Before the first cycle of the accounts begins.
const DEFINED: &str = "2026-01-01 00:00+00";

/// Plan pro (allowance 100, 50 runs included), runs at 2 credits each, and account a that holds the plan since JAN.
#[track_caller]
fn with_pro() -> (Database, Session) {
    let (db, mut s) = start();
    s.at(DEFINED);
    s.run("SELECT * FROM credits_define_rate('runs', 2)");
    s.run("SELECT * FROM credits_define_plan('pro', 100)");
    s.run("SELECT * FROM credits_include('pro', 'runs', 50)");
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_subscribe('a', 'pro', 'pro')");
    (db, s)
}

/// Charges of runs one after the other: quantity, units that were included, amount.
#[track_caller]
fn uses(s: &mut Session, account: &str, charges: &[(&str, &str, &str)]) {
    for (quantity, included, amount) in charges {
        let key = s.one(&format!("SELECT 'no ' || entry + 1 FROM credits_balance('{account}')"));
        charge(s, account, "runs", quantity, &key).has(&[("included", included), ("amount", amount)]);
    }
}

/// So many units are still included in this cycle: they cost nothing, and the next one does.
#[track_caller]
fn left(s: &mut Session, account: &str, units: &str) {
    assert_eq!(quote(s, account, "runs", units), "0", "{units} are left");
    let one_more = s.one(&format!("SELECT {units} + 0.000001"));
    assert_ne!(quote(s, account, "runs", &one_more), "0", "no more than {units} are left");
}

#[test]
fn included_units_are_used_first_and_cost_nothing() {
    let (_db, mut s) = with_pro();
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    charge(&mut s, "a", "runs", "30", "c1").has(&[
        ("entry", "4"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("included", "30"),
        ("allowance", "100"),
        ("balance", "110"),
    ]);
    // Only the rest is priced.
    charge(&mut s, "a", "runs", "30", "c2").has(&[
        ("amount", "20"),
        ("from_allowance", "20"),
        ("included", "20"),
        ("balance", "90"),
    ]);
    charge(&mut s, "a", "runs", "1", "c3").has(&[("amount", "2"), ("included", "0"), ("balance", "88")]);
    charge(&mut s, "a", "runs", "0", "c4").has(&[("amount", "0"), ("included", "0"), ("balance", "88")]);
    assert_eq!(
        s.list(
            "SELECT entry, operation, trim_scale(amount), trim_scale(quantity), trim_scale(included)
             FROM credits_history WHERE entry > 3 ORDER BY entry"
        ),
        ["4|charge|0|30|30", "5|charge|-20|30|20", "6|charge|-2|1|0", "7|charge|0|0|0"]
    );
    assert_eq!(s.list("SELECT entry FROM credits_allocations WHERE operation = 'charge' ORDER BY entry"), ["5", "6"]);
    for view in ["credits_usage_by_cycle", "credits_invoice_lines"] {
        assert_eq!(
            s.list(&format!(
                "SELECT feature, trim_scale(quantity), trim_scale(included), trim_scale(credits),
                        trim_scale(from_allowance), trim_scale(from_credits) FROM {view}"
            )),
            ["runs|61|50|22|22|0"],
            "{view}"
        );
    }
    s.row("SELECT * FROM credits_balance('a')").has(&[("used", "22")]);
    sound(&mut s);
}

#[test]
fn included_units_need_no_credits() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 2)");
    s.run("SELECT * FROM credits_define_plan('basic', 0)");
    s.run("SELECT * FROM credits_include('basic', 'runs', 50)");
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_subscribe('a', 'basic', 'basic')");
    insufficient(&mut s, "'a', 'runs', 51, 'no'", "available=0 required=2 shortfall=2");
    left(&mut s, "a", "50");
    uses(&mut s, "a", &[("49", "49", "0"), ("1", "1", "0")]);
    insufficient(&mut s, "'a', 'runs', 1, 'no'", "available=0 required=2 shortfall=2");
    // Nor while the account owes.
    s.run("SELECT * FROM credits_charge('a', 'runs', 4, 'owed', on_insufficient => 'allow')");
    s.at(FEB);
    charge(&mut s, "a", "runs", "50", "c").has(&[("included", "50"), ("amount", "0"), ("debt", "8")]);
    sound(&mut s);
}

#[test]
fn each_cycle_has_its_own_and_none_is_carried_over() {
    let (_db, mut s) = with_pro();
    uses(&mut s, "a", &[("20", "20", "0")]);
    s.at("2026-02-28 11:59:59.999999+00");
    left(&mut s, "a", "30");
    s.at(FEB);
    left(&mut s, "a", "50");
    uses(&mut s, "a", &[("60", "50", "20"), ("1", "0", "2")]);
    s.at(MAR);
    // Recorded early or not, it is the same.
    left(&mut s, "a", "50");
    s.run("SELECT credits_maintain()");
    left(&mut s, "a", "50");
    uses(&mut s, "a", &[("50", "50", "0")]);
    left(&mut s, "a", "0");
    // Many cycles missed.
    s.at("2026-12-25 00:00+00");
    left(&mut s, "a", "50");
    uses(&mut s, "a", &[("51", "50", "2")]);
    assert_eq!(
        s.list(
            "SELECT cycle_start, trim_scale(quantity), trim_scale(included), trim_scale(credits)
             FROM credits_invoice_lines ORDER BY cycle_start"
        ),
        [
            "2026-01-31 12:00:00+00|20|20|0",
            "2026-02-28 12:00:00+00|61|50|22",
            "2026-03-31 12:00:00+00|50|50|0",
            "2026-11-30 12:00:00+00|51|50|2"
        ]
    );
    sound(&mut s);
}

#[test]
fn a_cycle_begun_by_hand_has_its_own() {
    let (_db, mut s) = with_pro();
    uses(&mut s, "a", &[("50", "50", "0")]);
    s.at("2026-02-10 00:00+00");
    s.run("SELECT * FROM credits_reset_cycle('a', 'webhook', '2026-02-10 00:00+00')");
    left(&mut s, "a", "50");
    uses(&mut s, "a", &[("30", "30", "0")]);
    // A manual account has cycles, too.
    s.run("SELECT * FROM credits_open_account('m', cycle_length => '0')");
    s.run("SELECT * FROM credits_subscribe('m', 'pro', 'pro')");
    uses(&mut s, "m", &[("60", "50", "20")]);
    s.at("2026-08-01 00:00+00");
    left(&mut s, "m", "0");
    s.run("SELECT * FROM credits_reset_cycle('m', 'webhook')");
    left(&mut s, "m", "50");
    sound(&mut s);
}

#[test]
fn fractions_of_units_are_exact() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 2, 3)");
    s.run("SELECT * FROM credits_define_plan('pro', 100)");
    s.run("SELECT * FROM credits_include('pro', 'runs', 1.000001)");
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_subscribe('a', 'pro', 'pro')");
    // The rest is rounded up once: 0.000002 × 2 / 3.
    uses(&mut s, "a", &[("0.999999", "0.999999", "0"), ("0.000004", "0.000002", "0.000002"), ("1", "0", "0.666667")]);
    // As many as there can be.
    let most = "99999999999999.999999";
    s.run(&format!("SELECT * FROM credits_include('pro', 'runs', {most})"));
    s.at(FEB);
    uses(&mut s, "a", &[(most, most, "0"), ("1", "0", "0.666667")]);
    sound(&mut s);
}

#[test]
fn they_are_of_one_feature_and_one_account() {
    let (_db, mut s) = with_pro();
    s.run("SELECT * FROM credits_define_rate('mails', 1)");
    s.run("SELECT * FROM credits_open_account('b')");
    s.run("SELECT * FROM credits_subscribe('b', 'pro', 'pro')");
    s.run("SELECT * FROM credits_open_account('c', 100)");
    uses(&mut s, "a", &[("50", "50", "0")]);
    uses(&mut s, "b", &[("10", "10", "0")]);
    uses(&mut s, "c", &[("10", "0", "20")]);
    charge(&mut s, "a", "mails", "10", "m").has(&[("included", "0"), ("amount", "10")]);
    left(&mut s, "a", "0");
    left(&mut s, "b", "40");
    // Plain debits of the feature are credits, not units.
    s.row("SELECT * FROM credits_debit('b', 5, 'd', 'runs')").has(&[("amount", "5"), ("included", "0")]);
    left(&mut s, "b", "40");
    sound(&mut s);
}

#[test]
fn seats_do_not_multiply_them() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 2)");
    s.run("SELECT * FROM credits_define_plan('team', 10, per_seat => true)");
    s.run("SELECT * FROM credits_include('team', 'runs', 50)");
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_subscribe('a', 'team', 'team', 4)");
    uses(&mut s, "a", &[("30", "30", "0")]);
    s.run("SELECT * FROM credits_set_seats('a', 'team', 9, 'seats')");
    uses(&mut s, "a", &[("30", "20", "20")]);
    s.at(FEB);
    left(&mut s, "a", "50");
    sound(&mut s);
}

#[test]
fn a_redefinition_counts_from_the_next_cycle() {
    let (_db, mut s) = with_pro();
    uses(&mut s, "a", &[("20", "20", "0")]);
    s.at("2026-02-10 00:00+00");
    s.row("SELECT * FROM credits_include('pro', 'runs', 80)").has(&[("units", "80"), ("version", "2")]);
    left(&mut s, "a", "30");
    // For a cycle that begins now, it counts now.
    s.run("SELECT * FROM credits_open_account('b')");
    s.run("SELECT * FROM credits_subscribe('b', 'pro', 'pro')");
    left(&mut s, "b", "80");
    s.at(FEB);
    left(&mut s, "a", "80");
    uses(&mut s, "a", &[("70", "70", "0")]);
    // Fewer, and none.
    s.at("2026-03-01 00:00+00");
    s.run("SELECT * FROM credits_include('pro', 'runs', 40)");
    left(&mut s, "a", "10");
    s.at(MAR);
    left(&mut s, "a", "40");
    s.at("2026-04-01 00:00+00");
    s.row("SELECT * FROM credits_include('pro', 'runs', 0)").has(&[("units", "0"), ("version", "4")]);
    uses(&mut s, "a", &[("45", "40", "10")]);
    s.at("2026-04-30 12:00+00");
    left(&mut s, "a", "0");
    uses(&mut s, "a", &[("1", "0", "2")]);
    sound(&mut s);
}

/// When the cycle began, nothing was included.
#[test]
fn a_first_definition_for_a_plan_that_is_held_counts_from_the_next_cycle() {
    let (_db, mut s) = with_pro();
    s.run("SELECT * FROM credits_define_rate('mails', 1)");
    s.at("2026-02-10 00:00+00");
    s.run("SELECT * FROM credits_include('pro', 'mails', 10)");
    charge(&mut s, "a", "mails", "4", "c1").has(&[("included", "0"), ("amount", "4")]);
    s.at("2026-02-28 11:59:59.999999+00");
    charge(&mut s, "a", "mails", "4", "c2").has(&[("included", "0"), ("amount", "4")]);
    s.at(FEB);
    charge(&mut s, "a", "mails", "14", "c3").has(&[("included", "10"), ("amount", "4")]);
    sound(&mut s);
}

/// A plan that is newer than the cycle covers what it was defined to cover when the account took it up.
#[test]
fn a_plan_defined_and_joined_in_mid_cycle_covers_at_once() {
    let (_db, mut s) = with_pro();
    uses(&mut s, "a", &[("50", "50", "0")]);
    s.at("2026-02-10 00:00+00");
    s.run("SELECT * FROM credits_define_plan('addon', 0)");
    s.run("SELECT * FROM credits_include('addon', 'runs', 30)");
    s.at("2026-02-12 00:00+00");
    s.run("SELECT * FROM credits_subscribe('a', 'addon', 'addon')");
    left(&mut s, "a", "30");
    // Defined anew, it counts from the next cycle.
    s.at("2026-02-14 00:00+00");
    s.run("SELECT * FROM credits_include('addon', 'runs', 40)");
    uses(&mut s, "a", &[("35", "30", "10")]);
    s.at(FEB);
    left(&mut s, "a", "90");
    sound(&mut s);
}

#[test]
fn of_several_redefinitions_in_a_cycle_the_last_one_counts() {
    let (_db, mut s) = with_pro();
    for (day, units) in [("02", "500"), ("03", "7"), ("04", "60")] {
        s.at(&format!("2026-02-{day} 00:00+00"));
        s.run(&format!("SELECT * FROM credits_include('pro', 'runs', {units})"));
        left(&mut s, "a", "50");
    }
    s.at(FEB);
    left(&mut s, "a", "60");
}

#[test]
fn a_redefinition_exactly_at_the_boundary_counts_for_it() {
    let (_db, mut s) = with_pro();
    s.at("2026-02-28 11:59:59.999999+00");
    s.run("SELECT * FROM credits_include('pro', 'runs', 80)");
    s.at(FEB);
    s.run("SELECT * FROM credits_include('pro', 'runs', 90)");
    left(&mut s, "a", "90");
    s.at("2026-02-28 12:00:00.000001+00");
    s.run("SELECT * FROM credits_include('pro', 'runs', 100)");
    left(&mut s, "a", "90");
    s.at(MAR);
    left(&mut s, "a", "100");
}

/// Missed cycles are judged by the definitions of their own time, a charge by those of its cycle's beginning.
#[test]
fn a_missed_boundary_uses_the_definition_of_its_instant() {
    let (_db, mut s) = with_pro();
    s.at("2026-03-10 00:00+00");
    s.run("SELECT * FROM credits_include('pro', 'runs', 80)");
    // Nobody has recorded that the second cycle began on 28 February.
    left(&mut s, "a", "50");
    uses(&mut s, "a", &[("60", "50", "20")]);
    s.at(MAR);
    left(&mut s, "a", "80");
    sound(&mut s);
}

#[test]
fn several_plans_add_up() {
    let (_db, mut s) = with_pro();
    s.at(DEFINED);
    s.run("SELECT * FROM credits_define_plan('addon', 0)");
    s.run("SELECT * FROM credits_include('addon', 'runs', 30)");
    s.run("SELECT * FROM credits_define_plan('other', 0)");
    s.at("2026-02-05 00:00+00");
    uses(&mut s, "a", &[("45", "45", "0")]);
    s.run("SELECT * FROM credits_subscribe('a', 'addon', 'addon')");
    s.run("SELECT * FROM credits_subscribe('a', 'other', 'other')");
    left(&mut s, "a", "35");
    uses(&mut s, "a", &[("40", "35", "10")]);
    s.at(FEB);
    left(&mut s, "a", "80");
    uses(&mut s, "a", &[("81", "80", "2")]);
    // One of them goes.
    s.run("SELECT * FROM credits_unsubscribe('a', 'pro', 'bye')");
    s.at("2026-03-31 11:59:59.999999+00");
    left(&mut s, "a", "0");
    s.at(MAR);
    left(&mut s, "a", "30");
    sound(&mut s);
}

#[test]
fn a_plan_that_goes_at_once_takes_its_units_along() {
    let (_db, mut s) = with_pro();
    uses(&mut s, "a", &[("20", "20", "0")]);
    s.run("SELECT * FROM credits_unsubscribe('a', 'pro', 'bye', 'now')");
    left(&mut s, "a", "0");
    // Its allowance stays until the cycle's end.
    charge(&mut s, "a", "runs", "3", "c").has(&[("amount", "6"), ("included", "0"), ("allowance", "94")]);
    // Back in the same cycle: what was used counts.
    s.run("SELECT * FROM credits_subscribe('a', 'pro', 'back')");
    left(&mut s, "a", "30");
    uses(&mut s, "a", &[("31", "30", "2")]);
    sound(&mut s);
}

#[test]
fn a_plan_that_ends_with_the_cycle_covers_until_then() {
    let (_db, mut s) = with_pro();
    uses(&mut s, "a", &[("20", "20", "0")]);
    s.run("SELECT * FROM credits_unsubscribe('a', 'pro', 'bye')");
    s.at("2026-02-28 11:59:59.999999+00");
    left(&mut s, "a", "30");
    s.at(FEB);
    left(&mut s, "a", "0");
    insufficient(&mut s, "'a', 'runs', 1, 'no'", "available=0 required=2 shortfall=2");
    s.run("SELECT credits_maintain()");
    left(&mut s, "a", "0");
    sound(&mut s);
}

#[test]
fn what_was_used_under_a_replaced_plan_counts() {
    let (_db, mut s) = with_pro();
    s.at(DEFINED);
    s.run("SELECT * FROM credits_define_plan('max', 300, rank => 1)");
    s.run("SELECT * FROM credits_include('max', 'runs', 120)");
    s.run("SELECT * FROM credits_define_plan('mini', 20, rank => -1)");
    s.run("SELECT * FROM credits_include('mini', 'runs', 10)");
    s.run("SELECT * FROM credits_define_plan('side', 100)");
    s.at("2026-02-05 00:00+00");
    uses(&mut s, "a", &[("45", "45", "0")]);
    s.run("SELECT * FROM credits_change_plan('a', 'pro', 'max', 'up')");
    left(&mut s, "a", "75");
    uses(&mut s, "a", &[("35", "35", "0")]);
    // Forced down to a plan with fewer than were used: none is left, and none is owed.
    s.run("SELECT * FROM credits_change_plan('a', 'max', 'mini', 'down', 'now')");
    left(&mut s, "a", "0");
    uses(&mut s, "a", &[("1", "0", "2")]);
    // To and fro gives nothing twice.
    s.run("SELECT * FROM credits_change_plan('a', 'mini', 'max', 'up again')");
    left(&mut s, "a", "40");
    uses(&mut s, "a", &[("40", "40", "0"), ("1", "0", "2")]);
    // Of equal rank, to one that includes none and back.
    s.at(FEB);
    s.run("SELECT * FROM credits_open_account('b')");
    s.run("SELECT * FROM credits_subscribe('b', 'pro', 'pro')");
    uses(&mut s, "b", &[("12", "12", "0")]);
    s.run("SELECT * FROM credits_change_plan('b', 'pro', 'side', 'to')");
    left(&mut s, "b", "0");
    s.run("SELECT * FROM credits_change_plan('b', 'side', 'pro', 'fro')");
    left(&mut s, "b", "38");
    sound(&mut s);
}

#[test]
fn a_pending_downgrade_brings_its_units_with_the_next_cycle() {
    let (_db, mut s) = with_pro();
    s.at(DEFINED);
    s.run("SELECT * FROM credits_define_plan('mini', 20, rank => -1)");
    s.run("SELECT * FROM credits_include('mini', 'runs', 10)");
    s.at("2026-02-05 00:00+00");
    s.run("SELECT * FROM credits_change_plan('a', 'pro', 'mini', 'down')");
    left(&mut s, "a", "50");
    s.at(FEB);
    // Seen before anybody has recorded it.
    left(&mut s, "a", "10");
    uses(&mut s, "a", &[("15", "10", "10")]);
    sound(&mut s);
}

#[test]
fn the_cycle_that_a_conversion_starts_has_its_own() {
    let (_db, mut s) = with_pro();
    s.at(DEFINED);
    s.run("SELECT * FROM credits_define_plan('try', 10, trial => true)");
    s.run("SELECT * FROM credits_include('try', 'runs', 5)");
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('b')");
    s.run("SELECT * FROM credits_subscribe('b', 'try', 'try')");
    uses(&mut s, "b", &[("7", "5", "4")]);
    s.at("2026-02-05 00:00+00");
    left(&mut s, "b", "0");
    s.run("SELECT * FROM credits_change_plan('b', 'try', 'pro', 'convert')");
    left(&mut s, "b", "50");
    uses(&mut s, "b", &[("50", "50", "0")]);
    s.at("2026-03-05 00:00+00");
    left(&mut s, "b", "50");
    sound(&mut s);
}

#[test]
fn one_charge_spans_included_units_a_package_and_priced_ones() {
    let (_db, mut s) = with_pro();
    s.run("SELECT * FROM credits_define_rate('runs', 5, 100, 'package')");
    uses(&mut s, "a", &[("50", "50", "0"), ("80", "0", "5")]);
    s.at(FEB);
    // Included first, then the 20 that are left of the package; 30 are a new one, of which 70 remain.
    left(&mut s, "a", "70");
    uses(&mut s, "a", &[("100", "50", "5"), ("70", "0", "0")]);
    s.at(MAR);
    // The package of the next cycle waits until the included units are used.
    uses(&mut s, "a", &[("50", "50", "0"), ("1", "0", "5"), ("0", "0", "0")]);
    left(&mut s, "a", "99");
    // By the unit: 50 included, 99 of the package, one priced.
    s.at("2026-04-30 12:00+00");
    s.run("SELECT * FROM credits_define_rate('runs', 2)");
    left(&mut s, "a", "149");
    charge(&mut s, "a", "runs", "150", "span").has(&[("included", "50"), ("amount", "2"), ("from_allowance", "2")]);
    assert_eq!(
        s.list("SELECT trim_scale(quantity), trim_scale(included), trim_scale(amount) FROM credits_history WHERE idempotency_key = 'span'"),
        ["150|50|-2"]
    );
    left(&mut s, "a", "0");
    sound(&mut s);
}

#[test]
fn packages_are_whole_for_the_rest_only() {
    let (_db, mut s) = with_pro();
    s.run("SELECT * FROM credits_define_rate('runs', 5, 100, 'package')");
    // 150 = 50 included and exactly one package.
    uses(&mut s, "a", &[("150", "50", "5")]);
    left(&mut s, "a", "0");
    uses(&mut s, "a", &[("100.000001", "0", "10")]);
    left(&mut s, "a", "99.999999");
    sound(&mut s);
}

#[test]
fn partial_draws_what_there_is_for_the_priced_units() {
    let (_db, mut s) = with_pro();
    s.run("SELECT * FROM credits_debit('a', 97, 'd')");
    s.row("SELECT * FROM credits_charge('a', 'runs', 60, 'c', on_insufficient => 'partial')").has(&[
        ("accepted", "t"),
        ("included", "50"),
        ("amount", "3"),
        ("from_allowance", "3"),
        ("balance", "0"),
    ]);
    assert_eq!(
        s.list("SELECT trim_scale(quantity), trim_scale(included), trim_scale(amount) FROM credits_history WHERE idempotency_key = 'c'"),
        ["60|50|-3"]
    );
    left(&mut s, "a", "0");
    // What is covered is taken where there is no credit, wholly covered or not; where neither is there, it is refused.
    s.at(FEB);
    s.run("SELECT * FROM credits_debit('a', 100, 'd2')");
    s.row("SELECT * FROM credits_charge('a', 'runs', 50, 'c2', on_insufficient => 'partial')").has(&[
        ("accepted", "t"),
        ("included", "50"),
        ("amount", "0"),
    ]);
    s.row("SELECT * FROM credits_charge('a', 'runs', 1, 'c3', on_insufficient => 'partial')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("included", "0"),
        ("entry", "NULL"),
    ]);
    sound(&mut s);
}

#[test]
fn allow_owes_only_for_the_priced_units() {
    let (_db, mut s) = with_pro();
    s.row("SELECT * FROM credits_charge('a', 'runs', 110, 'c', on_insufficient => 'allow')").has(&[
        ("included", "50"),
        ("amount", "120"),
        ("from_allowance", "100"),
        ("overdraft", "20"),
        ("debt", "20"),
    ]);
    left(&mut s, "a", "0");
    sound(&mut s);
}

#[test]
fn what_is_refused_rolled_back_or_retried_uses_none() {
    let (_db, mut s) = with_pro();
    uses(&mut s, "a", &[("10", "10", "0")]);
    insufficient(&mut s, "'a', 'runs', 91, 'no'", "available=100 required=102 shortfall=2");
    s.row("SELECT * FROM credits_charge('a', 'runs', 91, 'no', on_insufficient => 'refuse')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("included", "0"),
    ]);
    s.run("SELECT * FROM credits_set_feature('a', 'runs', false)");
    fails(&mut s, "credits_charge('a', 'runs', 1, 'no')", "LC010");
    s.run("SELECT * FROM credits_set_feature('a', 'runs', true)");
    s.run("SELECT * FROM credits_set_budget('a', 1, feature => 'runs')");
    fails(&mut s, "credits_charge('a', 'runs', 41, 'no')", "LC012");
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    fails(&mut s, "credits_charge('a', 'runs', 1, 'no')", "LC011");
    s.run("SELECT * FROM credits_unfreeze_account('a')");
    left(&mut s, "a", "40");
    s.run("BEGIN");
    uses(&mut s, "a", &[("40", "40", "0")]);
    left(&mut s, "a", "0");
    s.run("ROLLBACK");
    left(&mut s, "a", "40");
    charge(&mut s, "a", "runs", "30", "again").has(&[("included", "30"), ("amount", "0")]);
    for _ in 0..5 {
        s.row("SELECT * FROM credits_charge('a', 'runs', 30, 'again')").has(&[
            ("replayed", "t"),
            ("included", "30"),
            ("amount", "0"),
        ]);
    }
    left(&mut s, "a", "10");
    // What is included draws nothing, so that it fits any budget.
    uses(&mut s, "a", &[("10", "10", "0")]);
    sound(&mut s);
}

#[test]
fn a_free_feature_uses_none() {
    let (_db, mut s) = with_pro();
    uses(&mut s, "a", &[("10", "10", "0")]);
    s.run("SELECT * FROM credits_define_rate('runs', free => true)");
    s.row("SELECT * FROM credits_charge('a', 'runs', 500, 'free')").has(&[("included", "0"), ("amount", "0")]);
    s.run("SELECT * FROM credits_define_rate('runs', 2)");
    left(&mut s, "a", "40");
}

#[test]
fn a_feature_needs_a_rate_even_where_all_is_included() {
    let (_db, mut s) = with_pro();
    s.at(DEFINED);
    s.run("SELECT * FROM credits_include('pro', 'calls', 10)");
    s.at(JAN);
    fails(&mut s, "credits_charge('a', 'calls', 1, 'c')", "LC014");
    fails(&mut s, "credits_quote('a', 'calls', 1)", "LC014");
}

#[test]
fn including_returns_the_row_stored() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_plan('pro', 100)");
    s.row("SELECT * FROM credits_include('pro', 'runs', 50)").has(&[
        ("plan", "pro"),
        ("feature", "runs"),
        ("units", "50"),
        ("version", "1"),
        ("defined_at", "2026-01-31 12:00:00+00"),
        ("defined_by", "postgres"),
    ]);
    s.at("2026-02-01 00:00+00");
    // The same once more is no new version.
    s.row("SELECT * FROM credits_include('pro', 'runs', 50.0)")
        .has(&[("version", "1"), ("defined_at", "2026-01-31 12:00:00+00")]);
    s.row("SELECT * FROM credits_include('pro', 'runs', 60)").has(&[
        ("units", "60"),
        ("version", "2"),
        ("defined_at", "2026-02-01 00:00:00+00"),
    ]);
    s.run("SELECT * FROM credits_include('pro', 'mails', 2.5)");
    let included = "SELECT included = '{\"runs\": 60, \"mails\": 2.5}' FROM credits_plans WHERE plan = 'pro'";
    assert_eq!(s.one(included), "t");
    s.row("SELECT * FROM credits_include('pro', 'runs', 0)").has(&[("units", "0"), ("version", "3")]);
    assert_eq!(s.one("SELECT included = '{\"mails\": 2.5}' FROM credits_plans WHERE plan = 'pro'"), "t");
    // A definition is no entry of any account.
    assert_eq!(entries(&mut s), "0");
}

#[test]
fn what_cannot_be_included() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_plan('pro', 100)");
    for units in ["-1", "0.0000001", "'NaN'", "'Infinity'", "'-Infinity'", "100000000000000"] {
        fails(&mut s, &format!("credits_include('pro', 'runs', {units})"), "LC004");
    }
    let long = "x".repeat(256);
    for arguments in [
        "NULL, 'runs', 1",
        "'pro', NULL, 1",
        "'pro', 'runs', NULL",
        "'', 'runs', 1",
        "'pro', '', 1",
        "'pro', E'ru\\tns', 1",
        &format!("'pro', '{long}', 1"),
        &format!("'{long}', 'runs', 1"),
    ] {
        fails(&mut s, &format!("credits_include({arguments})"), "LC005");
    }
    fails(&mut s, "credits_include('Pro', 'runs', 1)", "LC006");
    assert_eq!(s.one("SELECT included FROM credits_plans"), "{}");
}

#[test]
fn many_sessions_share_included_units_to_the_unit() {
    let (db, mut s) = with_pro();
    let threads: Vec<_> = (0..4)
        .map(|who| {
            let mut session = db.session();
            std::thread::spawn(move || {
                session.at(JAN);
                for n in 0..20 {
                    session.run(&format!("SELECT * FROM credits_charge('a', 'runs', 1, 's{who} {n}')"));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // 80 runs: 50 included, 30 at 2 credits.
    assert_eq!(
        s.list("SELECT trim_scale(quantity), trim_scale(included), trim_scale(credits) FROM credits_invoice_lines"),
        ["80|50|60"]
    );
    left(&mut s, "a", "0");
    sound(&mut s);
}
