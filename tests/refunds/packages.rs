//! Refunds of charges by package: units go to the remainder, and credits come back for packages that become whole again.

use crate::asked::*;
use crate::books::settled;
use crate::lots::refund;
use crate::units::quote;
use credits_ledger_tests::Session;

/// The account `a` with 1000 credits; 1 credit covers 100 runs.
fn with_runs() -> Session {
    let mut s = session();
    call(&mut s, "credits_define_rate('run', 1, 100, 'package')");
    call(&mut s, "credits_grant('a', 1000, 'buy')");
    s
}

#[track_caller]
fn charge(s: &mut Session, quantity: &str, key: &str, amount: &str) {
    call(s, &format!("credits_charge('a', 'run', {quantity}, '{key}')")).has(&[("amount", amount)]);
}

/// So many runs are left of what was paid for.
#[track_caller]
fn left(s: &mut Session, units: &str) {
    assert_eq!(quote(s, "run", units), "0", "{units} are left");
    assert_ne!(quote(s, "run", &format!("{units} + 0.000001")), "0", "no more than {units} are left");
}

#[test]
fn credits_come_back_for_packages_that_become_whole_again() {
    let mut s = with_runs();
    charge(&mut s, "250", "c", "3");
    for (key, quantity, amount, remainder) in
        [("r1", "50", "1", "0"), ("r2", "30", "0", "30"), ("r3", "120", "1", "50"), ("r4", "50", "1", "0")]
    {
        refund(&mut s, &format!("'c', '{key}', quantity => {quantity}")).has(&[
            ("amount", amount),
            ("from_credits", amount),
            ("included", "0"),
        ]);
        left(&mut s, remainder);
        sound(&mut s);
    }
    refused(&mut s, "LC007", "credits_refund('a', 'c', 'r')");
    assert_eq!(balance(&mut s), "1000 0 1000 0 0 1000");
    settled(&mut s);
}

#[test]
fn a_charge_by_package_is_refunded_whole_or_by_quantity() {
    let mut s = with_runs();
    charge(&mut s, "250", "c", "3");
    refused(&mut s, "LC005", "credits_refund('a', 'c', 'r', 1)");
    refused(&mut s, "LC005", "credits_refund('a', 'c', 'r', 2.5)");
    refused(&mut s, "LC015", "credits_refund('a', 'c', 'r', quantity => 251)");
    refund(&mut s, "'c', 'r', 3").has(&[("amount", "3"), ("balance", "1000")]);
    left(&mut s, "0");
    refused(&mut s, "LC007", "credits_refund('a', 'c', 'r2')");
    settled(&mut s);
}

#[test]
fn what_others_used_of_a_package_stays_paid() {
    let mut s = with_runs();
    charge(&mut s, "250", "c1", "3");
    charge(&mut s, "50", "c2", "0");
    // 250 units come back: two packages are whole, of the third 50 units stay used.
    refund(&mut s, "'c1', 'r1'").has(&[("amount", "2"), ("balance", "999")]);
    left(&mut s, "50");
    // The other charge paid for no package, so nothing comes back for the one that is whole again.
    refund(&mut s, "'c2', 'r2'").has(&[("amount", "0"), ("balance", "999")]);
    left(&mut s, "100");
    charge(&mut s, "100", "c3", "0");
    refused(&mut s, "LC007", "credits_refund('a', 'c1', 'r')");
    settled(&mut s);
}

#[test]
fn where_the_user_of_the_remainder_is_refunded_first_the_payer_gets_all() {
    let mut s = with_runs();
    charge(&mut s, "250", "c1", "3");
    charge(&mut s, "50", "c2", "0");
    refund(&mut s, "'c2', 'r2'").has(&[("amount", "0")]);
    left(&mut s, "50");
    refund(&mut s, "'c1', 'r1'").has(&[("amount", "3"), ("balance", "1000")]);
    left(&mut s, "0");
    settled(&mut s);
}

#[test]
fn a_refund_gives_back_at_most_the_packages_that_its_charge_paid() {
    let mut s = with_runs();
    charge(&mut s, "30", "c1", "1");
    charge(&mut s, "100", "c2", "1"); // 70 of the first package, 30 of a new one
    refund(&mut s, "'c2', 'r1', quantity => 50").has(&[("amount", "1"), ("balance", "999")]);
    left(&mut s, "20");
    refund(&mut s, "'c2', 'r2'").has(&[("amount", "0")]);
    left(&mut s, "70");
    refund(&mut s, "'c1', 'r3'").has(&[("amount", "1"), ("balance", "1000")]);
    left(&mut s, "0");
    settled(&mut s);
}

#[test]
fn packages_of_another_size_have_another_price() {
    let mut s = with_runs();
    charge(&mut s, "150", "c1", "2");
    call(&mut s, "credits_define_rate('run', 3, 10, 'package')");
    charge(&mut s, "60", "c2", "3"); // 50 that were left, one of the new packages
    refund(&mut s, "'c1', 'r1'").has(&[("amount", "1"), ("balance", "996")]);
    assert_eq!(quote(&mut s, "run", "50"), "0");
    refund(&mut s, "'c2', 'r2'").has(&[("amount", "3"), ("balance", "999")]);
    assert_eq!([quote(&mut s, "run", "100"), quote(&mut s, "run", "101")], ["0", "3"]);
    settled(&mut s);
}

#[test]
fn after_the_cycle_has_closed_package_units_still_come_back() {
    let mut s = with_runs();
    charge(&mut s, "130", "c", "2");
    s.at("2026-04-01 00:00+00");
    refund(&mut s, "'c', 'r', quantity => 40").has(&[("amount", "1"), ("balance", "999")]);
    left(&mut s, "10");
    refund(&mut s, "'c', 'r2'").has(&[("amount", "1"), ("balance", "1000")]);
    left(&mut s, "0");
    settled(&mut s);
}

#[test]
fn units_bought_come_back_before_those_of_a_package_and_included_ones_last() {
    let mut s = with_runs();
    call(&mut s, "credits_define_plan('team', 0)");
    call(&mut s, "credits_include('team', 'run', 20)");
    call(&mut s, "credits_subscribe('a', 'team', 's')");
    charge(&mut s, "130", "c1", "2"); // 20 included, 110 of two packages
    charge(&mut s, "140", "c2", "1"); // the 90 that are left, 50 of a new package
    left(&mut s, "50");
    refund(&mut s, "'c1', 'r1', quantity => 115").has(&[("amount", "1"), ("included", "5")]);
    // 5 are included again, 50 + 110 − 100 of packages are left.
    left(&mut s, "65");
    refund(&mut s, "'c1', 'r2'").has(&[("amount", "0"), ("included", "15")]);
    left(&mut s, "80");
    refund(&mut s, "'c2', 'r3', quantity => 40").has(&[("amount", "1"), ("included", "0")]);
    left(&mut s, "20");
    refund(&mut s, "'c2', 'r4'").has(&[("amount", "0")]);
    left(&mut s, "120");
    settled(&mut s);
}

#[test]
fn a_package_that_became_debt_cancels_it() {
    let mut s = session();
    call(&mut s, "credits_define_rate('run', 1, 100, 'package')");
    call(&mut s, "credits_grant('a', 1, 'g')");
    call(&mut s, "credits_charge('a', 'run', 250, 'c', on_insufficient => 'allow')").has(&[
        ("amount", "3"),
        ("from_credits", "1"),
        ("overdraft", "2"),
    ]);
    refund(&mut s, "'c', 'r1', quantity => 50").has(&[("amount", "1"), ("overdraft", "-1"), ("debt", "1")]);
    refund(&mut s, "'c', 'r2'").has(&[("amount", "2"), ("overdraft", "-1"), ("from_credits", "1"), ("debt", "0")]);
    left(&mut s, "0");
    settled(&mut s);
}

#[test]
fn a_charge_of_the_remainder_alone_gives_units_back_and_no_credits() {
    let mut s = with_runs();
    charge(&mut s, "10", "c1", "1");
    charge(&mut s, "20", "c2", "0");
    refund(&mut s, "'c2', 'r1', quantity => 15").has(&[("amount", "0"), ("entry", "5")]);
    left(&mut s, "85");
    refund(&mut s, "'c2', 'r2'").has(&[("amount", "0"), ("entry", "6")]);
    left(&mut s, "90");
    refused(&mut s, "LC007", "credits_refund('a', 'c2', 'r')");
    settled(&mut s);
}
