//! What is held is deferred; a capture recognises it.

use crate::asked::*;
use credits_ledger_tests::Session;

/// 40 of 100 credits, bought for 10 EUR, are held from 10 January on, for 25 days.
fn forty_held(grant: &str) -> Session {
    let mut s = ledger();
    call(&mut s, &format!("credits_grant('a', 100, 'g', price => 10, currency => 'EUR' {grant})"));
    on(&mut s, "01-10");
    call(&mut s, "credits_hold('a', 40, 'h', expires_in => '25 days')").has(&[("held", "40")]);
    s
}

#[test]
fn over_a_months_end() {
    let mut s = forty_held("");
    on(&mut s, "02-02");
    call(&mut s, "credits_capture('a', 'h', 'c', 25)");
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "01-01", "02-01"), "EUR purchase 0 10 0 0 0 10");
    assert_eq!(money(&mut s, "02-01", "03-01"), "EUR purchase 10 0 2.5 0 0 7.5");
}

#[test]
fn released_or_lapsed_it_was_never_spent() {
    let mut s = forty_held("");
    on(&mut s, "01-20");
    call(&mut s, "credits_release('a', 'h', 'r')");
    assert_eq!(money(&mut s, "01-01", "infinity"), "EUR purchase 0 10 0 0 0 10");
    let mut s = forty_held("");
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "01-01", "infinity"), "EUR purchase 0 10 0 0 0 10");
}

#[test]
fn captured_in_parts() {
    let mut s = forty_held("");
    on(&mut s, "01-15");
    call(&mut s, "credits_capture('a', 'h', 'c1', 10, final => false)");
    on(&mut s, "01-16");
    call(&mut s, "credits_capture('a', 'h', 'c2', 5, final => false)");
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "01-15", "01-16"), "EUR purchase 10 0 1 0 0 9");
    assert_eq!(money(&mut s, "01-16", "01-17"), "EUR purchase 9 0 0.5 0 0 8.5");
    // Then it lapsed; captured after that, all is taken once more.
    call(&mut s, "credits_capture('a', 'h', 'c3', 30)");
    assert_eq!(money(&mut s, "01-17", "03-01"), "EUR purchase 8.5 0 0 0 0 8.5");
    assert_eq!(money(&mut s, "03-01", "infinity"), "EUR purchase 8.5 0 3 0 0 5.5");
}

#[test]
fn more_than_was_held() {
    let mut s = forty_held("");
    call(&mut s, "credits_capture('a', 'h', 'c', 130)").has(&[("overdraft", "30")]);
    assert_eq!(money(&mut s, "01-01", "infinity"), "EUR purchase 0 10 10 0 0 0");
}

/// What is held does not expire, what comes back to an expired lot does.
#[test]
fn while_the_lot_expires() {
    let mut s = forty_held(", expires_at => '2026-01-15'");
    on(&mut s, "01-20");
    assert_eq!(money(&mut s, "01-01", "01-15"), "EUR purchase 0 10 0 0 0 10");
    assert_eq!(money(&mut s, "01-15", "01-20"), "EUR purchase 10 0 0 6 0 4");
    call(&mut s, "credits_capture('a', 'h', 'c', 10)");
    on(&mut s, "02-01");
    assert_eq!(money(&mut s, "01-20", "01-21"), "EUR purchase 4 0 1 3 0 0");

    let mut s = forty_held(", expires_at => '2026-01-15'");
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "01-15", "02-04"), "EUR purchase 10 0 0 6 0 4");
    assert_eq!(money(&mut s, "02-04", "02-04 00:00:00.000001"), "EUR purchase 4 0 0 4 0 0");
}

/// Parts are spent in burn order: the promo that expires, then the purchase.
#[test]
fn over_two_lots() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
    call(&mut s, "credits_grant('a', 30, 'p', 'promo', expires_in => '90 days', price => 6, currency => 'EUR')");
    call(&mut s, "credits_hold('a', 50, 'h', '20 days')");
    on(&mut s, "01-02");
    call(&mut s, "credits_capture('a', 'h', 'c1', 12, final => false)");
    on(&mut s, "01-03");
    call(&mut s, "credits_capture('a', 'h', 'c2', 26, final => false)");
    on(&mut s, "01-04");
    call(&mut s, "credits_capture('a', 'h', 'c3', 2)");
    on(&mut s, "01-05");
    assert_eq!(revenue(&mut s, "01-02", "01-03"), ["EUR promo 6 0 2.4 0 0 3.6", "EUR purchase 10 0 0 0 0 10"]);
    assert_eq!(revenue(&mut s, "01-03", "01-04"), ["EUR promo 3.6 0 3.6 0 0 0", "EUR purchase 10 0 0.8 0 0 9.2"]);
    assert_eq!(revenue(&mut s, "01-04", "01-05"), ["EUR promo 0 0 0 0 0 0", "EUR purchase 9.2 0 0.2 0 0 9"]);
}

#[test]
fn voided_while_held() {
    let mut s = forty_held("");
    on(&mut s, "01-12");
    call(&mut s, "credits_void_grant('a', 'g', 'v')").has(&[("amount", "60")]);
    on(&mut s, "01-14");
    call(&mut s, "credits_capture('a', 'h', 'c', 15)");
    on(&mut s, "01-16");
    assert_eq!(money(&mut s, "01-12", "01-14"), "EUR purchase 10 0 0 0 6 4");
    assert_eq!(money(&mut s, "01-14", "01-16"), "EUR purchase 4 0 1.5 0 2.5 0");
}

#[test]
fn closing_an_account_expires_what_was_held() {
    let mut s = forty_held("");
    on(&mut s, "01-12");
    call(&mut s, "credits_close_account('a', 'gone')");
    assert_eq!(money(&mut s, "01-01", "01-12"), "EUR purchase 0 10 0 0 0 10");
    assert_eq!(money(&mut s, "01-12", "infinity"), "EUR purchase 10 0 0 10 0 0");
}
