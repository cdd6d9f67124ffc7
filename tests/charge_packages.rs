//! `credits_charge` by package rates: what is left of a package that was paid for, and that no unit is lost or invented.

#[path = "metering/mod.rs"]
mod metering;

use std::sync::{Arc, Barrier};
use std::thread;

use credits_ledger_tests::{Database, Session};
use metering::{FEB, JAN, MAR, charge, costs, entries, fails, insufficient, quote, sound, start};

const ONE_HUNDRED_RUNS: &str = "SELECT * FROM credits_define_rate('runs', 1, 100, 'package')";

/// Account a with 1000 credits, and 1 credit covers 100 runs.
#[track_caller]
fn with_runs() -> (Database, Session) {
    let (db, mut s) = start();
    s.run(ONE_HUNDRED_RUNS);
    s.run("SELECT * FROM credits_grant('a', 1000, 'g')");
    (db, s)
}

#[track_caller]
fn balance(s: &mut Session, account: &str) -> String {
    s.one(&format!("SELECT trim_scale(balance) FROM credits_balance('{account}')"))
}

/// So many units are left of what was paid for: they cost nothing, and the next one does. The rate is a package's.
#[track_caller]
fn left(s: &mut Session, account: &str, feature: &str, units: &str) {
    assert_eq!(quote(s, account, feature, units), "0", "{units} are left");
    let one_more = s.one(&format!("SELECT {units} + 0.000001"));
    assert_ne!(quote(s, account, feature, &one_more), "0", "no more than {units} are left");
}

#[test]
fn one_credit_covers_a_hundred_runs() {
    let (_db, mut s) = with_runs();
    charge(&mut s, "a", "runs", "1", "run 1").has(&[
        ("entry", "3"),
        ("amount", "1"),
        ("from_credits", "1"),
        ("balance", "999"),
        ("included", "0"),
    ]);
    for run in 2..=100 {
        charge(&mut s, "a", "runs", "1", &format!("run {run}")).has(&[
            ("amount", "0"),
            ("from_allowance", "0"),
            ("from_credits", "0"),
            ("overdraft", "0"),
            ("balance", "999"),
            ("included", "0"),
        ]);
    }
    charge(&mut s, "a", "runs", "1", "run 101").has(&[("entry", "103"), ("amount", "1"), ("balance", "998")]);
    // Each run is an entry, and those that cost nothing move no lot.
    assert_eq!(
        s.list("SELECT count(*), trim_scale(sum(quantity)), trim_scale(sum(amount)) FROM credits_history WHERE operation = 'charge'"),
        ["101|101|-2"]
    );
    assert_eq!(s.list("SELECT entry FROM credits_allocations WHERE operation = 'charge' ORDER BY entry"), ["3", "103"]);
    assert_eq!(
        s.list("SELECT operations, trim_scale(quantity), trim_scale(included), trim_scale(credits) FROM credits_usage_by_cycle"),
        ["101|101|0|2"]
    );
    left(&mut s, "a", "runs", "99");
    sound(&mut s);
}

#[test]
fn quantities_span_packages() {
    let (_db, mut s) = with_runs();
    costs(
        &mut s,
        "a",
        "runs",
        &[
            ("250", "3"),   // 50 left
            ("50", "0"),    // none
            ("0", "0"),     // nothing wanted, nothing bought
            ("1", "1"),     // 99
            ("100", "1"),   // 99
            ("99", "0"),    // none
            ("100", "1"),   // none
            ("101", "2"),   // 99
            ("1000", "10"), // 99: 901 of 10 packages
            ("99", "0"),
        ],
    );
    assert_eq!(balance(&mut s, "a"), "982");
    left(&mut s, "a", "runs", "0");
    sound(&mut s);
}

#[test]
fn packages_may_be_of_any_size_and_price() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 1000, 'g')");
    s.run("SELECT * FROM credits_define_rate('tenth', 0.333333, 0.1, 'package')");
    costs(&mut s, "a", "tenth", &[("0.05", "0.333333"), ("0.05", "0"), ("1", "3.33333"), ("0.000001", "0.333333")]);
    left(&mut s, "a", "tenth", "0.099999");
    s.run("SELECT * FROM credits_define_rate('odd', 7, 2.5, 'package')");
    costs(&mut s, "a", "odd", &[("0.4", "7"), ("2.1", "0"), ("2.500001", "14"), ("2.499999", "0"), ("7.5", "21")]);
    left(&mut s, "a", "odd", "0");
    // A package of one unit is whole units.
    s.run("SELECT * FROM credits_define_rate('seat', 3, 1, 'package')");
    costs(&mut s, "a", "seat", &[("0.5", "3"), ("0.5", "0"), ("2.25", "9"), ("0.75", "0")]);
    s.run("SELECT * FROM credits_define_rate('least', 0.000001, 0.000001, 'package')");
    costs(&mut s, "a", "least", &[("1.234567", "1.234567"), ("0.000001", "0.000001")]);
    sound(&mut s);
}

#[test]
fn huge_quantities_of_packages_are_exact() {
    let (_db, mut s) = start();
    let most = "99999999999999.999999";
    let cases = [
        // credits, per_units, quantity, amount, left
        ("0.000001", "0.000001", most, most, "0"),
        ("0.000001", "1", most, "100000000", "0.000001"),
        ("1", most, most, "1", "0"),
        ("1", most, "0.000001", "1", "99999999999999.999998"),
        (most, most, "1", most, "99999999999998.999999"),
        ("1", "99999999999999", most, "2", "99999999999998.000001"),
    ];
    for (n, (credits, per_units, quantity, amount, units_left)) in cases.iter().enumerate() {
        s.run(&format!("SELECT * FROM credits_define_rate('f{n}', {credits}, {per_units}, 'package')"));
        s.run(&format!("SELECT * FROM credits_open_account('a{n}')"));
        assert_eq!(&quote(&mut s, &format!("a{n}"), &format!("f{n}"), quantity), amount);
        s.row(&format!("SELECT * FROM credits_charge('a{n}', 'f{n}', {quantity}, 'c', on_insufficient => 'allow')"))
            .has(&[("amount", amount), ("debt", amount)]);
        left(&mut s, &format!("a{n}"), &format!("f{n}"), units_left);
    }
    // What remains is used up by the next charge, however much more that one is.
    s.row(&format!("SELECT * FROM credits_charge('a3', 'f3', {most}, 'c2', on_insufficient => 'allow')"))
        .has(&[("amount", "1"), ("debt", "2")]);
    left(&mut s, "a3", "f3", "99999999999999.999998");
    // A price that is no amount.
    s.run("SELECT * FROM credits_define_rate('dear', 2, 1, 'package')");
    s.run("SELECT * FROM credits_open_account('b')");
    fails(&mut s, &format!("credits_charge('b', 'dear', {most}, 'c', on_insufficient => 'allow')"), "LC004");
    fails(&mut s, &format!("credits_quote('b', 'dear', {most})"), "LC004");
    left(&mut s, "b", "dear", "0");
    sound(&mut s);
}

#[test]
fn each_account_and_each_feature_has_packages_of_its_own() {
    let (_db, mut s) = with_runs();
    s.run("SELECT * FROM credits_define_rate('mails', 1, 100, 'package')");
    s.run("SELECT * FROM credits_grant('b', 1000, 'g')");
    costs(&mut s, "a", "runs", &[("30", "1")]);
    costs(&mut s, "a", "mails", &[("10", "1")]);
    costs(&mut s, "b", "runs", &[("1", "1")]);
    left(&mut s, "a", "runs", "70");
    left(&mut s, "a", "mails", "90");
    left(&mut s, "b", "runs", "99");
    left(&mut s, "b", "mails", "0");
    costs(&mut s, "a", "runs", &[("70", "0"), ("1", "1")]);
    left(&mut s, "a", "mails", "90");
    sound(&mut s);
}

/// A package is one, whoever uses it up and with whatever resource.
#[test]
fn actors_share_a_package() {
    let (_db, mut s) = with_runs();
    for (n, (actor, amount)) in [("ann", "1"), ("bob", "0"), ("cid", "0")].iter().enumerate() {
        s.row(&format!("SELECT * FROM credits_charge('a', 'runs', 30, 'c{n}', '{actor}', 'doc {n}')"))
            .has(&[("amount", amount)]);
    }
    assert_eq!(
        s.list("SELECT actor, trim_scale(quantity), trim_scale(credits) FROM credits_usage_daily ORDER BY actor"),
        ["ann|30|1", "bob|30|0", "cid|30|0"]
    );
    left(&mut s, "a", "runs", "10");
}

#[test]
fn units_left_cover_the_next_charges_across_cycles() {
    let (_db, mut s) = start();
    s.run(ONE_HUNDRED_RUNS);
    s.run("SELECT * FROM credits_open_account('a', 5)");
    costs(&mut s, "a", "runs", &[("30", "1")]);
    s.at("2026-02-28 11:59:59.999999+00");
    left(&mut s, "a", "runs", "70");
    s.at(FEB);
    left(&mut s, "a", "runs", "70");
    costs(&mut s, "a", "runs", &[("60", "0")]);
    s.at(MAR);
    s.run("SELECT credits_maintain()");
    left(&mut s, "a", "runs", "10");
    // Many cycles later, in which nobody charged anything.
    s.at("2027-01-01 00:00+00");
    charge(&mut s, "a", "runs", "11", "late").has(&[("amount", "1"), ("from_allowance", "1"), ("allowance", "4")]);
    left(&mut s, "a", "runs", "99");
    assert_eq!(
        s.list(
            "SELECT cycle_start::date, trim_scale(quantity), trim_scale(credits) FROM credits_invoice_lines
             ORDER BY cycle_start"
        ),
        ["2026-01-31|30|1", "2026-02-28|60|0", "2026-12-31|11|1"]
    );
    sound(&mut s);
}

#[test]
fn one_charge_just_before_the_boundary_and_one_at_it_share_a_package() {
    let (_db, mut s) = start();
    s.run(ONE_HUNDRED_RUNS);
    s.run("SELECT * FROM credits_open_account('a', 1)");
    s.at("2026-02-28 11:59:59.999999+00");
    charge(&mut s, "a", "runs", "1", "before").has(&[("amount", "1"), ("from_allowance", "1"), ("allowance", "0")]);
    s.at(FEB);
    charge(&mut s, "a", "runs", "99", "at").has(&[("amount", "0"), ("allowance", "1")]);
    charge(&mut s, "a", "runs", "1", "after").has(&[("amount", "1"), ("allowance", "0")]);
    sound(&mut s);
}

#[test]
fn a_reset_by_hand_leaves_the_units() {
    let (_db, mut s) = start();
    s.run(ONE_HUNDRED_RUNS);
    s.run("SELECT * FROM credits_open_account('a', 1, '0')");
    costs(&mut s, "a", "runs", &[("30", "1")]);
    s.at("2026-02-05 00:00+00");
    s.run("SELECT * FROM credits_reset_cycle('a', 'webhook')");
    costs(&mut s, "a", "runs", &[("70", "0"), ("1", "1")]);
    sound(&mut s);
}

#[test]
fn units_left_outlive_the_rate() {
    let (_db, mut s) = with_runs();
    costs(&mut s, "a", "runs", &[("40", "1")]);
    // Dearer, and smaller packages: the 60 that were paid for come first, then new packages.
    s.run("SELECT * FROM credits_define_rate('runs', 5, 10, 'package')");
    costs(&mut s, "a", "runs", &[("50", "0"), ("11", "5")]);
    left(&mut s, "a", "runs", "9");
    // By the unit: the 9 first.
    s.run("SELECT * FROM credits_define_rate('runs', 0.5)");
    costs(&mut s, "a", "runs", &[("4", "0"), ("7", "1"), ("1", "0.5")]);
    // And back: nothing is left, nothing was kept.
    s.run(ONE_HUNDRED_RUNS);
    costs(&mut s, "a", "runs", &[("1", "1"), ("99", "0"), ("1", "1")]);
    assert_eq!(balance(&mut s, "a"), "990.5");
    sound(&mut s);
}

#[test]
fn units_left_wait_while_the_feature_is_free() {
    let (_db, mut s) = with_runs();
    costs(&mut s, "a", "runs", &[("40", "1")]);
    s.run("SELECT * FROM credits_define_rate('runs', free => true)");
    let before = entries(&mut s);
    s.row("SELECT * FROM credits_charge('a', 'runs', 500, 'free')").has(&[("amount", "0"), ("entry", "NULL")]);
    assert_eq!(entries(&mut s), before);
    s.run("SELECT * FROM credits_define_rate('runs', 3, 20, 'package')");
    left(&mut s, "a", "runs", "60");
    costs(&mut s, "a", "runs", &[("61", "3")]);
    left(&mut s, "a", "runs", "19");
    sound(&mut s);
}

#[test]
fn a_rate_that_changes_at_midnight_keeps_what_was_paid_for() {
    let (_db, mut s) = with_runs();
    s.run("SELECT * FROM credits_define_rate('runs', 2, 50, 'package', effective_at => '2026-02-01 00:00+00')");
    s.at("2026-01-31 23:59:59+00");
    let call = "SELECT * FROM credits_charge('a', 'runs', 130, 'night')";
    s.row(call).has(&[("amount", "2"), ("balance", "998")]);
    s.at("2026-02-01 00:00+00");
    // 70 of the old package, then one of the new.
    charge(&mut s, "a", "runs", "100", "morning").has(&[("amount", "2"), ("balance", "996")]);
    left(&mut s, "a", "runs", "20");
    s.row(call).has(&[("replayed", "t"), ("amount", "2"), ("balance", "998")]);
    left(&mut s, "a", "runs", "20");
    sound(&mut s);
}

#[test]
fn a_rollback_leaves_no_unit_lost() {
    let (_db, mut s) = with_runs();
    costs(&mut s, "a", "runs", &[("40", "1")]);
    s.run("BEGIN");
    costs(&mut s, "a", "runs", &[("50", "0"), ("100", "1")]);
    left(&mut s, "a", "runs", "10");
    s.run("ROLLBACK");
    left(&mut s, "a", "runs", "60");
    // The first package of an account, too.
    s.run("SELECT * FROM credits_grant('b', 5, 'g')");
    s.run("BEGIN");
    charge(&mut s, "b", "runs", "1", "c").has(&[("amount", "1")]);
    s.run("ROLLBACK");
    left(&mut s, "b", "runs", "0");
    charge(&mut s, "b", "runs", "1", "c").has(&[("amount", "1"), ("balance", "4")]);
    // A part of a transaction.
    s.run("BEGIN");
    charge(&mut s, "a", "runs", "10", "kept").has(&[("amount", "0")]);
    s.run("SAVEPOINT here");
    charge(&mut s, "a", "runs", "70", "dropped").has(&[("amount", "1")]);
    left(&mut s, "a", "runs", "80");
    s.run("ROLLBACK TO SAVEPOINT here");
    left(&mut s, "a", "runs", "50");
    charge(&mut s, "a", "runs", "20", "dropped").has(&[("amount", "0")]);
    s.run("COMMIT");
    left(&mut s, "a", "runs", "30");
    // An exception block.
    s.run(
        "DO $$ BEGIN
             PERFORM credits_charge('a', 'runs', 5, 'x1');
             BEGIN
                 PERFORM credits_charge('a', 'runs', 400, 'x2');
                 RAISE 'no';
             EXCEPTION WHEN raise_exception THEN NULL;
             END;
             PERFORM credits_charge('a', 'runs', 5, 'x2');
         END $$",
    );
    left(&mut s, "a", "runs", "20");
    assert_eq!(balance(&mut s, "a"), "999");
    sound(&mut s);
}

#[test]
fn a_retry_uses_no_unit() {
    let (_db, mut s) = with_runs();
    charge(&mut s, "a", "runs", "40", "c1").has(&[("amount", "1")]);
    charge(&mut s, "a", "runs", "30", "c2").has(&[("amount", "0")]);
    for _ in 0..5 {
        s.row("SELECT * FROM credits_charge('a', 'runs', 40, 'c1')").has(&[("replayed", "t"), ("amount", "1")]);
        s.row("SELECT * FROM credits_charge('a', 'runs', 30, 'c2')").has(&[("replayed", "t"), ("amount", "0")]);
    }
    fails(&mut s, "credits_charge('a', 'runs', 31, 'c2')", "LC003");
    left(&mut s, "a", "runs", "30");
    sound(&mut s);
}

#[test]
fn a_refused_charge_uses_none() {
    let (_db, mut s) = start();
    s.run(ONE_HUNDRED_RUNS);
    s.run("SELECT * FROM credits_grant('a', 2, 'g')");
    costs(&mut s, "a", "runs", &[("40", "1")]);
    insufficient(&mut s, "'a', 'runs', 161, 'no'", "available=1 required=2 shortfall=1");
    s.row("SELECT * FROM credits_charge('a', 'runs', 161, 'no', on_insufficient => 'refuse')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("amount", "0"),
    ]);
    left(&mut s, "a", "runs", "60");
    // Switched off, over the budget, frozen.
    s.run("SELECT * FROM credits_set_feature('a', 'runs', false)");
    fails(&mut s, "credits_charge('a', 'runs', 10, 'no')", "LC010");
    s.run("SELECT * FROM credits_set_feature('a', 'runs', true)");
    s.run("SELECT * FROM credits_set_budget('a', 1, feature => 'runs')");
    fails(&mut s, "credits_charge('a', 'runs', 61, 'no')", "LC012");
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    fails(&mut s, "credits_charge('a', 'runs', 10, 'no')", "LC011");
    s.run("SELECT * FROM credits_unfreeze_account('a')");
    left(&mut s, "a", "runs", "60");
    // What is paid for needs no credit and no room in a budget.
    s.run("SELECT * FROM credits_debit('a', 1, 'd')");
    costs(&mut s, "a", "runs", &[("60", "0")]);
    insufficient(&mut s, "'a', 'runs', 1, 'no'", "available=0 required=1 shortfall=1");
    sound(&mut s);
}

#[test]
fn partial_is_for_per_unit_rates_only() {
    let (_db, mut s) = with_runs();
    for quantity in ["0", "1", "500"] {
        let call = format!("credits_charge('a', 'runs', {quantity}, 'c', on_insufficient => 'partial')");
        fails(&mut s, &call, "LC005");
    }
    costs(&mut s, "a", "runs", &[("40", "1")]);
    fails(&mut s, "credits_charge('a', 'runs', 10, 'c', on_insufficient => 'partial')", "LC005");
    left(&mut s, "a", "runs", "60");
    // By the unit it is possible again, the units left first.
    s.run("SELECT * FROM credits_define_rate('runs', 2)");
    s.run("SELECT * FROM credits_debit('a', 989, 'd')");
    s.row("SELECT * FROM credits_charge('a', 'runs', 100, 'c', on_insufficient => 'partial')").has(&[
        ("accepted", "t"),
        ("amount", "10"),
        ("balance", "0"),
    ]);
    assert_eq!(s.one("SELECT trim_scale(quantity) FROM credits_history WHERE idempotency_key = 'c'"), "100");
    assert_eq!(quote(&mut s, "a", "runs", "1"), "2");
    sound(&mut s);
}

#[test]
fn packages_may_be_bought_on_debt() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 3, 100, 'package')");
    s.run("SELECT * FROM credits_open_account('a', 4, overdraft_limit => 2)");
    insufficient(&mut s, "'a', 'runs', 201, 'no'", "available=4 required=9 shortfall=3");
    charge(&mut s, "a", "runs", "200", "c1").has(&[("amount", "6"), ("from_allowance", "4"), ("overdraft", "2")]);
    s.row("SELECT * FROM credits_charge('a', 'runs', 150, 'c2', on_insufficient => 'allow')").has(&[
        ("amount", "6"),
        ("overdraft", "6"),
        ("debt", "8"),
    ]);
    left(&mut s, "a", "runs", "50");
    costs(&mut s, "a", "runs", &[("50", "0")]);
    sound(&mut s);
}

#[test]
fn a_package_draws_from_the_lots_in_burn_order() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 4, 100, 'package')");
    s.run("SELECT * FROM credits_open_account('a', 3)");
    s.run("SELECT * FROM credits_grant('a', 9, 'bought')");
    s.run("SELECT * FROM credits_grant('a', 4, 'runs only', features => ARRAY['runs'])");
    charge(&mut s, "a", "runs", "101", "c").has(&[("amount", "8"), ("from_allowance", "3"), ("from_credits", "5")]);
    assert_eq!(
        s.list(
            "SELECT lot, lot_kind, trim_scale(amount) FROM credits_allocations WHERE operation = 'charge' ORDER BY lot"
        ),
        ["1|allowance|-3", "2|purchase|-1", "3|purchase|-4"]
    );
    sound(&mut s);
}

/// Plain debits of the feature have nothing to do with its packages.
#[test]
fn debits_leave_packages_alone() {
    let (_db, mut s) = with_runs();
    costs(&mut s, "a", "runs", &[("40", "1")]);
    s.row("SELECT * FROM credits_debit('a', 7, 'd', 'runs')").has(&[("amount", "7"), ("balance", "992")]);
    left(&mut s, "a", "runs", "60");
    sound(&mut s);
}

/// A snapshot from before: the charge fails or counts on what is left now, and never uses a unit twice.
#[test]
fn an_old_snapshot_uses_no_unit_twice() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let (db, mut s) = with_runs();
        costs(&mut s, "a", "runs", &[("40", "1")]);
        let mut old = db.session();
        old.at(JAN);
        old.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        assert_eq!(quote(&mut old, "a", "runs", "60"), "0");
        costs(&mut s, "a", "runs", &[("50", "0")]);
        match old.try_run("SELECT * FROM credits_charge('a', 'runs', 30, 'old')") {
            Ok(rows) => {
                rows[0].has(&[("amount", "1")]);
                old.run("COMMIT");
                left(&mut s, "a", "runs", "80");
            }
            Err(error) => {
                assert_eq!(error.code, "40001", "{level}: {error}");
                old.run("ROLLBACK");
                left(&mut s, "a", "runs", "10");
            }
        }
        sound(&mut s);
    }
}

/// Whoever changes the stored units by hand is found out.
#[test]
fn verify_works_the_units_out_anew() {
    let (_db, mut s) = with_runs();
    s.run("SELECT * FROM credits_grant('b', 10, 'g')");
    costs(&mut s, "a", "runs", &[("40", "1")]);
    costs(&mut s, "b", "runs", &[("40", "1")]);
    sound(&mut s);
    for change in ["package_left = package_left + 0.000001", "package_left = 0", "included = 1"] {
        s.run("BEGIN");
        s.run(&format!("UPDATE credits_ledger.meters SET {change} WHERE account = 'a'"));
        assert_eq!(s.list("SELECT DISTINCT account FROM credits_verify()"), ["a"], "{change}");
        s.run("ROLLBACK");
    }
    s.run("ALTER TABLE credits_ledger.meters DISABLE TRIGGER meters_never_deleted");
    s.run("DELETE FROM credits_ledger.meters WHERE account = 'a'");
    s.run("ALTER TABLE credits_ledger.meters ENABLE ALWAYS TRIGGER meters_never_deleted");
    assert_eq!(s.list("SELECT DISTINCT account FROM credits_verify()"), ["a"]);
}

#[test]
fn many_sessions_share_packages_to_the_unit() {
    const SESSIONS: usize = 4;
    const CHARGES: usize = 50;
    let (db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 1, 30, 'package')");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    let together = Arc::new(Barrier::new(SESSIONS));
    let threads: Vec<_> = (0..SESSIONS)
        .map(|who| {
            let (mut session, together) = (db.session(), together.clone());
            thread::spawn(move || {
                session.at(JAN);
                together.wait();
                for n in 0..CHARGES {
                    let call = format!("SELECT * FROM credits_charge('a', 'runs', 1, 's{who} {n}')");
                    // Every fifth is rolled back first.
                    if n % 5 == 0 {
                        session.run("BEGIN");
                        session.run(&call);
                        session.run("ROLLBACK");
                    }
                    session.run(&call);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // 200 runs: 7 packages of 30, of which 10 units are left.
    assert_eq!(
        s.list("SELECT count(*), trim_scale(sum(quantity)), trim_scale(sum(amount)) FROM credits_history WHERE operation = 'charge'"),
        ["200|200|-7"]
    );
    // A package was bought just when the one before was used up.
    assert_eq!(
        s.list(
            "SELECT n FROM (SELECT amount, row_number() OVER (ORDER BY entry) AS n FROM credits_history
                            WHERE operation = 'charge') c WHERE amount <> 0 ORDER BY n"
        ),
        ["1", "31", "61", "91", "121", "151", "181"]
    );
    left(&mut s, "a", "runs", "10");
    sound(&mut s);
}
