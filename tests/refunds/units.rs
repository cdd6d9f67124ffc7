//! Refunds of charges: by the unit and with included units.

use crate::asked::*;
use crate::books::settled;
use crate::lots::refund;
use credits_ledger_tests::Session;

/// The account `a` with 1000 credits, and prices: `chat` 0.75 each, `film` 10 for 3.
fn priced() -> Session {
    let mut s = session();
    call(&mut s, "credits_define_rate('chat', 0.75)");
    call(&mut s, "credits_define_rate('film', 10, 3)");
    call(&mut s, "credits_grant('a', 1000, 'buy')");
    s
}

/// As [`priced`], and of `mail`, at 2 each, a plan without allowance includes 4 in each cycle.
pub fn with_included_units() -> Session {
    let mut s = priced();
    call(&mut s, "credits_define_rate('mail', 2)");
    call(&mut s, "credits_define_plan('team', 0)");
    call(&mut s, "credits_include('team', 'mail', 4)");
    call(&mut s, "credits_subscribe('a', 'team', 's')");
    s
}

/// What so many units of a feature would cost now.
#[track_caller]
pub fn quote(s: &mut Session, feature: &str, quantity: &str) -> String {
    s.one(&format!("SELECT trim_scale(credits_quote('a', '{feature}', {quantity}))"))
}

#[test]
fn units_come_back_at_the_price_that_was_paid() {
    let mut s = priced();
    call(&mut s, "credits_charge('a', 'chat', 10, 'c', 'ann')").has(&[("amount", "7.5")]);
    call(&mut s, "credits_define_rate('chat', 99)");
    refund(&mut s, "'c', 'r1', quantity => 4").has(&[
        ("amount", "3"),
        ("from_credits", "3"),
        ("included", "0"),
        ("balance", "995.5"),
        ("refers_to", "3"),
    ]);
    s.row("SELECT * FROM credits_history WHERE idempotency_key = 'r1'").has(&[
        ("operation", "refund"),
        ("amount", "3"),
        ("feature", "chat"),
        ("actor", "ann"),
    ]);
    refused(&mut s, "LC015", "credits_refund('a', 'c', 'r', quantity => 6.000001)");
    refund(&mut s, "'c', 'r2', quantity => 0.5").has(&[("amount", "0.375")]);
    refund(&mut s, "'c', 'r3', quantity => 5.5").has(&[("amount", "4.125"), ("balance", "1000")]);
    for rest in ["", ", 1", ", quantity => 1"] {
        refused(&mut s, "LC007", &format!("credits_refund('a', 'c', 'r'{rest})"));
    }
    settled(&mut s);
}

#[test]
fn what_stays_charged_is_rounded_up() {
    let mut s = priced();
    call(&mut s, "credits_charge('a', 'film', 3, 'c1')").has(&[("amount", "10")]);
    for (key, amount) in [("r1", "3.333333"), ("r2", "3.333333"), ("r3", "3.333334")] {
        refund(&mut s, &format!("'c1', '{key}', quantity => 1")).has(&[("amount", amount)]);
    }
    call(&mut s, "credits_charge('a', 'film', 1, 'c2')").has(&[("amount", "3.333334")]);
    // 0.333333 of 3.333334 is 1.11111022…, which stays as 1.111111; 0.000001 / 0.333333 of that stays as 0.000004.
    refund(&mut s, "'c2', 'r4', quantity => 0.666667").has(&[("amount", "2.222223")]);
    refund(&mut s, "'c2', 'r5', quantity => 0.333332").has(&[("amount", "1.111107")]);
    refund(&mut s, "'c2', 'r6'").has(&[("amount", "0.000004")]);
    assert_eq!(balance(&mut s), "1000 0 1000 0 0 1000");
    settled(&mut s);
}

#[test]
fn after_a_refund_by_amount_units_come_back_in_proportion_to_what_is_left() {
    let mut s = priced();
    call(&mut s, "credits_define_rate('call', 2)");
    call(&mut s, "credits_charge('a', 'call', 10, 'c')").has(&[("amount", "20")]);
    refund(&mut s, "'c', 'r1', 5").has(&[("amount", "5")]);
    refused(&mut s, "LC015", "credits_refund('a', 'c', 'r', 15.000001)");
    refund(&mut s, "'c', 'r2', quantity => 4").has(&[("amount", "6")]);
    refused(&mut s, "LC015", "credits_refund('a', 'c', 'r', quantity => 7)");
    refund(&mut s, "'c', 'r3'").has(&[("amount", "9"), ("balance", "1000")]);
    refused(&mut s, "LC007", "credits_refund('a', 'c', 'r')");
    settled(&mut s);
}

#[test]
fn a_charge_that_took_only_part_gives_back_in_proportion() {
    let mut s = session();
    call(&mut s, "credits_define_rate('chat', 1)");
    call(&mut s, "credits_grant('a', 6, 'g')");
    call(&mut s, "credits_charge('a', 'chat', 10, 'c', on_insufficient => 'partial')").has(&[("amount", "6")]);
    refund(&mut s, "'c', 'r1', quantity => 5").has(&[("amount", "3"), ("balance", "3")]);
    refund(&mut s, "'c', 'r2', quantity => 2").has(&[("amount", "1.2")]);
    refund(&mut s, "'c', 'r3'").has(&[("amount", "1.8"), ("balance", "6")]);
    settled(&mut s);
}

#[test]
fn a_refund_of_a_whole_charge_takes_all_its_units_back() {
    let mut s = priced();
    call(&mut s, "credits_charge('a', 'chat', 10, 'c')");
    refund(&mut s, "'c', 'r'").has(&[("amount", "7.5"), ("balance", "1000")]);
    refused(&mut s, "LC007", "credits_refund('a', 'c', 'r2', quantity => 1)");
    let of_cycle = s.list(
        "SELECT feature, trim_scale(quantity), trim_scale(credits), trim_scale(from_credits) FROM credits_usage_by_cycle",
    );
    assert_eq!(of_cycle, ["chat|0|0|0"]);
    settled(&mut s);
}

#[test]
fn of_a_charge_priced_units_come_back_before_included_ones() {
    let mut s = with_included_units();
    call(&mut s, "credits_charge('a', 'mail', 10, 'c')").has(&[("amount", "12"), ("included", "4")]);
    assert_eq!(quote(&mut s, "mail", "1"), "2");
    refund(&mut s, "'c', 'r1', quantity => 5").has(&[("amount", "10"), ("included", "0"), ("balance", "998")]);
    assert_eq!(quote(&mut s, "mail", "1"), "2");
    refund(&mut s, "'c', 'r2', quantity => 3").has(&[("amount", "2"), ("included", "2"), ("balance", "1000")]);
    assert_eq!([quote(&mut s, "mail", "2"), quote(&mut s, "mail", "3")], ["0", "2"]);
    refund(&mut s, "'c', 'r3', quantity => 1.5").has(&[("amount", "0"), ("included", "1.5"), ("from_credits", "0")]);
    refused(&mut s, "LC015", "credits_refund('a', 'c', 'r', quantity => 0.500001)");
    refund(&mut s, "'c', 'r4'").has(&[("amount", "0"), ("included", "0.5")]);
    assert_eq!([quote(&mut s, "mail", "4"), quote(&mut s, "mail", "5")], ["0", "2"]);
    refused(&mut s, "LC007", "credits_refund('a', 'c', 'r')");
    settled(&mut s);
    let of_cycle = s.list(
        "SELECT trim_scale(quantity), trim_scale(included), trim_scale(credits) FROM credits_usage_by_cycle WHERE feature = 'mail'",
    );
    assert_eq!(of_cycle, ["0|0|0"]);
}

#[test]
fn a_charge_with_included_units_is_refunded_whole_or_by_quantity() {
    let mut s = with_included_units();
    call(&mut s, "credits_charge('a', 'mail', 10, 'c')");
    for amount in ["5", "11.999999", "2"] {
        refused(&mut s, "LC005", &format!("credits_refund('a', 'c', 'r', {amount})"));
    }
    refund(&mut s, "'c', 'r', 12").has(&[("amount", "12"), ("included", "4"), ("balance", "1000")]);
    refused(&mut s, "LC007", "credits_refund('a', 'c', 'r2')");
    assert_eq!(quote(&mut s, "mail", "4"), "0");
    settled(&mut s);
}

#[test]
fn a_charge_that_cost_nothing_gives_its_units_back() {
    let mut s = with_included_units();
    call(&mut s, "credits_charge('a', 'mail', 3, 'c')").has(&[("amount", "0"), ("included", "3")]);
    refund(&mut s, "'c', 'r'").has(&[("amount", "0"), ("included", "3"), ("balance", "1000")]);
    assert_eq!(s.one("SELECT amount FROM credits_history WHERE idempotency_key = 'r'"), "0");
    assert_eq!([quote(&mut s, "mail", "4"), quote(&mut s, "mail", "5")], ["0", "2"]);
    refused(&mut s, "LC007", "credits_refund('a', 'c', 'r2')");
    settled(&mut s);
}

#[test]
fn included_units_that_came_back_are_there_for_the_next_charge() {
    let mut s = with_included_units();
    call(&mut s, "credits_charge('a', 'mail', 3, 'c1')").has(&[("included", "3")]);
    call(&mut s, "credits_charge('a', 'mail', 3, 'c2')").has(&[("included", "1"), ("amount", "4")]);
    refund(&mut s, "'c1', 'r1'").has(&[("included", "3")]);
    // 5 from now on: 3 that came back are included, 2 are not.
    call(&mut s, "credits_charge('a', 'mail', 5, 'c3')").has(&[("included", "3"), ("amount", "4")]);
    refund(&mut s, "'c2', 'r2'").has(&[("included", "1"), ("amount", "4")]);
    assert_eq!([quote(&mut s, "mail", "1"), quote(&mut s, "mail", "2")], ["0", "2"]);
    settled(&mut s);
}

#[test]
fn included_units_of_a_closed_cycle_do_not_come_back() {
    let mut s = with_included_units();
    call(&mut s, "credits_charge('a', 'mail', 10, 'c')").has(&[("amount", "12"), ("included", "4")]);
    s.at("2026-03-01 00:00+00");
    call(&mut s, "credits_charge('a', 'mail', 1, 'c2')").has(&[("included", "1")]);
    refund(&mut s, "'c', 'r1', quantity => 8").has(&[("amount", "12"), ("included", "0"), ("balance", "1000")]);
    assert_eq!([quote(&mut s, "mail", "3"), quote(&mut s, "mail", "4")], ["0", "2"]);
    refund(&mut s, "'c', 'r2'").has(&[("amount", "0"), ("included", "0")]);
    assert_eq!([quote(&mut s, "mail", "3"), quote(&mut s, "mail", "4")], ["0", "2"]);
    refused(&mut s, "LC007", "credits_refund('a', 'c', 'r')");
    settled(&mut s);
}

#[test]
fn priced_units_that_became_debt_cancel_it() {
    let mut s = session();
    call(&mut s, "credits_define_rate('chat', 2)");
    call(&mut s, "credits_grant('a', 5, 'g')");
    call(&mut s, "credits_charge('a', 'chat', 4, 'c', on_insufficient => 'allow')").has(&[("overdraft", "3")]);
    refund(&mut s, "'c', 'r1', quantity => 1").has(&[("amount", "2"), ("overdraft", "-2"), ("debt", "1")]);
    refund(&mut s, "'c', 'r2', quantity => 1").has(&[
        ("amount", "2"),
        ("overdraft", "-1"),
        ("from_credits", "1"),
        ("balance", "1"),
    ]);
    settled(&mut s);
}
