//! What is paid for now and given later is sold now.

use crate::asked::*;
use credits_ledger_tests::Session;

/// On 1 January 10 credits are bought for 5 USD that come on 1 February.
fn scheduled(grant: &str) -> Session {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a')");
    call(
        &mut s,
        &format!("credits_grant('a', 10, 'g', effective_at => '2026-02-01', price => 5, currency => 'USD' {grant})"),
    )
    .has(&[("operation", "schedule")]);
    s
}

#[test]
fn sold_when_it_was_scheduled() {
    let mut s = scheduled("");
    on(&mut s, "01-20");
    assert_eq!(money(&mut s, "01-01", "infinity"), "USD purchase 0 5 0 0 0 5");
    on(&mut s, "02-10");
    call(&mut s, "credits_debit('a', 4, 'd')");
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "01-01", "02-01"), "USD purchase 0 5 0 0 0 5");
    assert_eq!(money(&mut s, "02-01", "02-02"), "USD purchase 5 0 0 0 0 5");
    assert_eq!(money(&mut s, "02-02", "03-01"), "USD purchase 5 0 2 0 0 3");
}

/// Nobody calls: it comes on 1 February and expires on the 11th.
#[test]
fn it_comes_and_expires() {
    let mut s = scheduled(", expires_in => '10 days'");
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "01-01", "02-11"), "USD purchase 0 5 0 0 0 5");
    assert_eq!(money(&mut s, "02-11", "02-11 00:00:00.000001"), "USD purchase 5 0 0 5 0 0");
}

#[test]
fn voided_before_it_comes() {
    for claw_back in ["false", "true"] {
        let mut s = scheduled("");
        on(&mut s, "01-10");
        call(&mut s, &format!("credits_void_grant('a', 'g', 'v', NULL, {claw_back})")).has(&[("amount", "10")]);
        on(&mut s, "03-01");
        assert_eq!(money(&mut s, "01-01", "01-10"), "USD purchase 0 5 0 0 0 5", "{claw_back}");
        assert_eq!(money(&mut s, "01-10", "infinity"), "USD purchase 5 0 0 0 5 0", "{claw_back}");
    }
}

#[test]
fn voided_in_part_before_it_comes() {
    let mut s = scheduled("");
    on(&mut s, "01-10");
    call(&mut s, "credits_void_grant('a', 'g', 'v', 4)").has(&[("amount", "4")]);
    assert_eq!(money(&mut s, "01-10", "infinity"), "USD purchase 5 0 0 0 2 3");
    on(&mut s, "02-10");
    call(&mut s, "credits_debit('a', 6, 'd')").has(&[("credits", "0")]);
    assert_eq!(money(&mut s, "01-10", "02-10"), "USD purchase 5 0 0 0 2 3");
    assert_eq!(money(&mut s, "02-10", "infinity"), "USD purchase 3 0 3 0 0 0");
}

#[test]
fn voided_after_it_came() {
    let mut s = scheduled("");
    on(&mut s, "02-10");
    call(&mut s, "credits_debit('a', 4, 'd')");
    call(&mut s, "credits_void_grant('a', 'g', 'v', claw_back => true)").has(&[("amount", "10"), ("debt", "4")]);
    assert_eq!(money(&mut s, "02-10", "infinity"), "USD purchase 5 0 0 0 5 0");
}

/// An account that was closed gets nothing any more: what it had paid for is lost with its closing.
#[test]
fn closed_before_it_comes() {
    let mut s = scheduled("");
    on(&mut s, "01-10");
    call(&mut s, "credits_close_account('a', 'gone')");
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "01-01", "01-10"), "USD purchase 0 5 0 0 0 5");
    assert_eq!(money(&mut s, "01-10", "01-11"), "USD purchase 5 0 0 5 0 0");
    assert_eq!(money(&mut s, "01-11", "infinity"), "USD purchase 0 0 0 0 0 0");
}

#[test]
fn closed_after_a_part_of_it_was_voided() {
    let mut s = scheduled("");
    call(&mut s, "credits_void_grant('a', 'g', 'v', 4)");
    call(&mut s, "credits_close_account('a', 'gone')");
    assert_eq!(money(&mut s, "-infinity", "infinity"), "USD purchase 0 5 0 3 2 0");
}
