//! What remains of a grant is removed, or a part of it.

use crate::asked::*;
use crate::books::settled;
use credits_ledger_tests::{Row, Session};

/// The account `a` with an allowance of 100, a grant `g` of 50 by `pay 1` (lot 2) and 10 of a promo (lot 3), after a debit
/// `d` of 130: the allowance, the promo and 20 of the grant.
pub fn twenty_of_fifty_spent(settings: &str) -> Session {
    let mut s = with_allowance("100", settings);
    call(&mut s, "credits_grant('a', 50, 'g', price => 5, currency => 'EUR', payment_ref => 'pay 1')");
    call(&mut s, "credits_grant('a', 10, 'promo', 'promo')");
    call(&mut s, "credits_debit('a', 130, 'd')").has(&[("entry", "5"), ("from_allowance", "100"), ("balance", "30")]);
    s
}

#[track_caller]
pub fn void(s: &mut Session, arguments: &str) -> Row {
    let row = call(s, &format!("credits_void_grant('a', {arguments})"));
    row.has(&[("account", "a"), ("accepted", "t"), ("refused", "NULL"), ("replayed", "f"), ("included", "0")]);
    row
}

#[test]
fn a_void_removes_what_remains() {
    let mut s = twenty_of_fifty_spent("");
    s.at("2026-01-31 12:10+00");
    void(&mut s, "'g', 'v'").has(&[
        ("entry", "6"),
        ("operation", "void"),
        ("idempotency_key", "v"),
        ("amount", "30"),
        ("from_allowance", "0"),
        ("from_credits", "30"),
        ("overdraft", "0"),
        ("balance", "0"),
        ("allowance", "0"),
        ("credits", "0"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "0"),
        ("refers_to", "3"),
        ("recorded_at", "2026-01-31 12:10:00+00"),
    ]);
    assert_eq!(moved(&mut s), ["2 -30"]);
    assert_eq!(lots(&mut s), ["1 0+0 spent", "2 0+0 voided", "3 0+0 spent"]);
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "130");
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v2')");
    settled(&mut s);
}

#[test]
fn a_grant_that_was_not_touched_is_removed_whole() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_grant('a', 50, 'g')");
    void(&mut s, "'g', 'v'").has(&[("amount", "50"), ("from_credits", "50"), ("balance", "100"), ("available", "100")]);
    refused(&mut s, "LC001", "credits_debit('a', 101, 'd')");
    call(&mut s, "credits_debit('a', 100, 'd')").has(&[("balance", "0")]);
    settled(&mut s);
}

#[test]
fn a_restricted_grant_and_the_first_in_burn_order_are_removed_as_well() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 20, 'chat', 'promo', features => '{chat}')");
    call(&mut s, "credits_grant('a', 30, 'promo', 'promo')");
    call(&mut s, "credits_grant('a', 40, 'buy')");
    call(&mut s, "credits_debit('a', 5, 'd')"); // the promo is the lot from which debits are taken
    void(&mut s, "'promo', 'v1'").has(&[("amount", "25"), ("balance", "60"), ("available", "40")]);
    void(&mut s, "'chat', 'v2'").has(&[("amount", "20"), ("balance", "40"), ("available", "40")]);
    assert_eq!(lots(&mut s), ["1 0+0 voided", "2 0+0 voided", "3 40+0 active"]);
    call(&mut s, "credits_debit('a', 40, 'd2', 'chat')").has(&[("from_credits", "40"), ("balance", "0")]);
    settled(&mut s);
}

#[test]
fn a_payment_names_its_grant() {
    let mut s = twenty_of_fifty_spent("");
    void(&mut s, "'pay 1', 'v1', 10").has(&[("amount", "10"), ("refers_to", "3")]);
    void(&mut s, "'g', 'v2', 5").has(&[("amount", "5"), ("refers_to", "3")]);
    void(&mut s, "'pay 1', 'v3'").has(&[("amount", "15"), ("refers_to", "3")]);
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v')");
    // The payment was credited, and is not credited again.
    refused(&mut s, "LC009", "credits_grant('a', 50, 'g2', payment_ref => 'pay 1')");
    settled(&mut s);
}

#[test]
fn an_amount_takes_a_part_and_the_rest_lives_on() {
    let mut s = twenty_of_fifty_spent("");
    void(&mut s, "'g', 'v1', 12.5").has(&[
        ("operation", "void"),
        ("amount", "12.5"),
        ("from_credits", "12.5"),
        ("balance", "17.5"),
    ]);
    assert_eq!(lots(&mut s)[1], "2 17.5+0 active");
    for amount in ["17.500001", "30", "50"] {
        refused(&mut s, "LC015", &format!("credits_void_grant('a', 'g', 'v', {amount})"));
    }
    call(&mut s, "credits_debit('a', 7.5, 'd2')").has(&[("from_credits", "7.5")]);
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 10.000001)");
    void(&mut s, "'g', 'v2', 10").has(&[("amount", "10"), ("balance", "0")]);
    assert_eq!(lots(&mut s)[1], "2 0+0 voided");
    for amount in ["NULL", "1", "99"] {
        refused(&mut s, "LC007", &format!("credits_void_grant('a', 'g', 'v', {amount})"));
    }
    settled(&mut s);
}

#[test]
fn of_a_grant_that_is_spent_or_expired_nothing_is_left_to_void() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 10, 'g1', 'promo')");
    call(&mut s, "credits_grant('a', 10, 'g2', expires_at => '2026-02-10 00:00+00')");
    call(&mut s, "credits_debit('a', 13, 'd')");
    for arguments in ["", ", 1", ", 11"] {
        refused(&mut s, "LC007", &format!("credits_void_grant('a', 'g1', 'v'{arguments})"));
    }
    s.at("2026-02-10 00:00+00");
    refused(&mut s, "LC007", "credits_void_grant('a', 'g2', 'v')");
    settled(&mut s);
    refused(&mut s, "LC007", "credits_void_grant('a', 'g2', 'v')");
}

#[test]
fn what_a_grant_repaid_is_not_there_to_be_removed() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_grant('a', 50, 'g')").has(&[("overdraft", "-30")]);
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 20.000001)");
    void(&mut s, "'g', 'v'").has(&[("amount", "20"), ("overdraft", "0"), ("balance", "0"), ("debt", "0")]);
    settled(&mut s);
}

#[test]
fn debt_stays_where_it_is() {
    let mut s = with_allowance("100", ", debt_policy => 'forgive_at_reset'");
    call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_grant('a', 50, 'g')").has(&[("debt", "30")]);
    void(&mut s, "'g', 'v', 40").has(&[("amount", "40"), ("overdraft", "0"), ("balance", "-20"), ("debt", "30")]);
    s.at("2026-03-01 00:00+00");
    assert_eq!(balance(&mut s), "110 100 10 0 0 110");
    settled(&mut s);
}

#[test]
fn frozen_and_closed_accounts_take_voids() {
    let mut s = twenty_of_fifty_spent("");
    call(&mut s, "credits_freeze_account('a', 'fraud')");
    void(&mut s, "'g', 'v1', 20").has(&[("amount", "20"), ("balance", "10")]);
    call(&mut s, "credits_close_account('a', 'fraud')");
    // What remained has expired.
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v2')");
    settled(&mut s);
}

#[test]
fn the_last_of_the_credits_is_voided_or_spent_but_not_both() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 10, 'g')");
    s.run("BEGIN; SELECT credits_void_grant('a', 'g', 'v'); ROLLBACK");
    call(&mut s, "credits_debit('a', 4, 'd')").has(&[("balance", "6")]);
    s.run("BEGIN; SELECT credits_void_grant('a', 'g', 'v', 6); SAVEPOINT p");
    assert_eq!(s.error("SELECT credits_debit('a', 1, 'd2')").code, "LC001");
    s.run("ROLLBACK TO SAVEPOINT p; COMMIT");
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    settled(&mut s);
}
