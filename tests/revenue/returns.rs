//! Refunds and voids reverse.

use crate::asked::*;
use credits_ledger_tests::Session;

/// 50 of 100 credits, bought for 10 EUR on 1 January, are spent on 10 January; now it is 10 February.
fn half_spent(grant: &str) -> Session {
    let mut s = ledger();
    call(&mut s, &format!("credits_grant('a', 100, 'g', price => 10, currency => 'EUR' {grant})"));
    on(&mut s, "01-10");
    call(&mut s, "credits_debit('a', 50, 'd')");
    on(&mut s, "02-10");
    s
}

#[test]
fn refunds_take_back_what_was_recognised() {
    let mut s = half_spent("");
    call(&mut s, "credits_refund('a', 'd', 'r1', 20)");
    on(&mut s, "03-10");
    call(&mut s, "credits_refund('a', 'd', 'r2')").has(&[("amount", "30")]);
    assert_eq!(money(&mut s, "01-01", "02-01"), "EUR purchase 0 10 5 0 0 5");
    assert_eq!(money(&mut s, "02-01", "03-01"), "EUR purchase 5 0 -2 0 0 7");
    assert_eq!(money(&mut s, "03-01", "04-01"), "EUR purchase 7 0 -3 0 0 10");
    assert_eq!(money(&mut s, "01-01", "04-01"), "EUR purchase 0 10 0 0 0 10");
}

/// The promo was taken first, so it comes back last.
#[test]
fn a_refund_reverses_the_lots_that_bore_it_the_last_one_first() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 20, 'p', 'promo', price => 6, currency => 'EUR')");
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
    call(&mut s, "credits_debit('a', 50, 'd')");
    on(&mut s, "01-02");
    call(&mut s, "credits_refund('a', 'd', 'r1', 35)");
    assert_eq!(revenue(&mut s, "01-01", "01-02"), ["EUR promo 0 6 6 0 0 0", "EUR purchase 0 10 3 0 0 7"]);
    assert_eq!(revenue(&mut s, "01-02", "infinity"), ["EUR promo 0 0 -1.5 0 0 1.5", "EUR purchase 7 0 -3 0 0 10"]);
}

#[test]
fn what_comes_back_to_an_expired_lot_is_breakage() {
    let mut s = half_spent(", expires_at => '2026-02-01'");
    call(&mut s, "credits_refund('a', 'd', 'r', 20)").has(&[("amount", "20")]);
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "01-01", "02-01"), "EUR purchase 0 10 5 0 0 5");
    assert_eq!(money(&mut s, "02-01", "02-02"), "EUR purchase 5 0 0 5 0 0");
    assert_eq!(money(&mut s, "02-02", "03-01"), "EUR purchase 0 0 -2 2 0 0");
}

/// The credits come back as a lot of kind refund, which has no price: the money stays recognised, and is not
/// recognised twice.
#[test]
fn restored_credits_have_no_price() {
    let mut s = half_spent(", expires_at => '2026-02-01'");
    call(&mut s, "credits_refund('a', 'd', 'r', 20, if_expired => 'restore')").has(&[("credits", "20")]);
    call(&mut s, "credits_debit('a', 15, 'd2')");
    on(&mut s, "06-01");
    assert_eq!(revenue(&mut s, "02-02", "06-01"), ["EUR purchase 0 0 0 0 0 0"]);
    assert_eq!(revenue(&mut s, "-infinity", "infinity"), ["EUR purchase 0 10 5 5 0 0"]);
}

#[test]
fn what_comes_back_pays_debt_first() {
    let mut s = half_spent("");
    call(&mut s, "credits_debit('a', 80, 'd2', on_insufficient => 'allow')").has(&[("debt", "30")]);
    on(&mut s, "02-11");
    call(&mut s, "credits_refund('a', 'd', 'r')").has(&[("debt", "0"), ("credits", "20")]);
    assert_eq!(money(&mut s, "02-10", "02-11"), "EUR purchase 5 0 5 0 0 0");
    assert_eq!(money(&mut s, "02-11", "infinity"), "EUR purchase 0 0 -2 0 0 2");
}

/// What had repaid debt stays spent: the customer gets a lot of kind refund for it.
#[test]
fn refunds_of_debt() {
    for (grant, expected) in [(true, "EUR purchase 0 10 3 0 0 7"), (false, "EUR purchase 0 10 0 0 0 10")] {
        let mut s = ledger();
        call(&mut s, "credits_open_account('a')");
        call(&mut s, "credits_debit('a', 30, 'd', on_insufficient => 'allow')");
        if grant {
            call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
            call(&mut s, "credits_refund('a', 'd', 'r')").has(&[("debt", "0"), ("credits", "100")]);
            assert_eq!(s.one("SELECT remaining FROM credits_grants WHERE kind = 'refund'"), "30");
        } else {
            call(&mut s, "credits_refund('a', 'd', 'r')").has(&[("debt", "0"), ("credits", "0")]);
            call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
        }
        assert_eq!(money(&mut s, "01-01", "infinity"), expected);
    }
}

#[test]
fn a_void_takes_what_remains_and_what_comes_back_later() {
    let mut s = half_spent("");
    call(&mut s, "credits_void_grant('a', 'g', 'v')").has(&[("amount", "50")]);
    on(&mut s, "03-10");
    call(&mut s, "credits_refund('a', 'd', 'r', 20)").has(&[("credits", "20")]);
    on(&mut s, "04-01");
    assert_eq!(money(&mut s, "01-01", "02-01"), "EUR purchase 0 10 5 0 0 5");
    assert_eq!(money(&mut s, "02-01", "03-01"), "EUR purchase 5 0 0 0 5 0");
    assert_eq!(money(&mut s, "03-01", "04-01"), "EUR purchase 0 0 -2 0 2 0");
}

#[test]
fn a_void_of_a_part() {
    let mut s = half_spent("");
    call(&mut s, "credits_void_grant('a', 'g', 'v1', 12)");
    on(&mut s, "02-11");
    call(&mut s, "credits_void_grant('a', 'g', 'v2', 38)");
    on(&mut s, "02-12");
    // By amount it reaches nothing that comes back.
    call(&mut s, "credits_refund('a', 'd', 'r', 20)");
    assert_eq!(money(&mut s, "02-10", "02-11"), "EUR purchase 5 0 0 0 1.2 3.8");
    assert_eq!(money(&mut s, "02-11", "02-12"), "EUR purchase 3.8 0 0 0 3.8 0");
    assert_eq!(money(&mut s, "02-12", "infinity"), "EUR purchase 0 0 -2 0 0 2");
}

/// A void of what has expired meanwhile finds nothing.
#[test]
fn what_expired_stays_breakage() {
    let mut s = half_spent(", expires_at => '2026-02-01'");
    let code = s.error("SELECT * FROM credits_void_grant('a', 'g', 'v')").code;
    assert_eq!(code, "LC007");
    assert_eq!(money(&mut s, "01-01", "infinity"), "EUR purchase 0 10 5 5 0 0");
}
