//! What cannot be voided, and which error comes first.

use crate::asked::*;
use crate::books::settled;
use crate::remainder::void;
use credits_ledger_tests::Session;

/// The account `a` with grants `g` of 50, of which 20 are spent, and `gone`, which was voided.
fn something_to_void() -> Session {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g', payment_ref => 'pay 1')");
    call(&mut s, "credits_debit('a', 20, 'd')");
    call(&mut s, "credits_grant('a', 5, 'gone')");
    void(&mut s, "'gone', 'back'");
    s
}

#[test]
fn what_is_no_amount() {
    let mut s = something_to_void();
    for amount in ["0", "-1", "'NaN'", "'Infinity'", "'-Infinity'", "100000000000000", "0.0000001", "1.0000001"] {
        refused(&mut s, "LC004", &format!("credits_void_grant('a', 'g', 'v', {amount})"));
        refused(&mut s, "LC004", &format!("credits_void_grant('a', 'g', 'v', {amount}, true)"));
    }
    settled(&mut s);
}

#[test]
fn what_is_no_argument() {
    let mut s = something_to_void();
    let long = "x".repeat(256);
    for arguments in [
        "NULL, 'g', 'v'",
        "'a', NULL, 'v'",
        "'a', 'g', NULL",
        "'', 'g', 'v'",
        "'a', '', 'v'",
        "'a', 'g', ''",
        "'a', E'g\\x01', 'v'",
        "'a', 'g', E'v\\n'",
        &format!("'a', 'g', '{long}'"),
        &format!("'a', '{long}', 'v'"),
    ] {
        refused(&mut s, "LC005", &format!("credits_void_grant({arguments})"));
    }
    void(&mut s, "'g', 'v', NULL, NULL, NULL").has(&[("operation", "void"), ("amount", "30")]);
    settled(&mut s);
}

#[test]
fn only_what_granted_is_voided() {
    let mut s = something_to_void();
    call(&mut s, "credits_hold('a', 10, 'h')");
    call(&mut s, "credits_capture('a', 'h', 'c', 1, final => false)");
    call(&mut s, "credits_release('a', 'h', 'rel')");
    call(&mut s, "credits_refund('a', 'd', 'r', 1)");
    call(&mut s, "credits_reset_cycle('a', 'reset', '2026-01-31 12:00+00')");
    call(&mut s, "credits_define_plan('team', 10)");
    call(&mut s, "credits_subscribe('a', 'team', 's')");
    call(&mut s, "credits_unsubscribe('a', 'team', 'u')");
    call(&mut s, "credits_grant('b', 10, 'of b', payment_ref => 'pay b')");
    for key in ["d", "h", "c", "rel", "r", "reset", "u", "back", "of b", "pay b", "nobody", "G", "g "] {
        refused(&mut s, "LC006", &format!("credits_void_grant('a', '{key}', 'v')"));
        refused(&mut s, "LC006", &format!("credits_void_grant('a', '{key}', 'v', 1, true)"));
    }
    refused(&mut s, "LC002", "credits_void_grant('c', 'g', 'v')");
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "2");
    settled(&mut s);
}

#[test]
fn the_first_error_is_the_one_that_is_told() {
    let mut s = something_to_void();
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 31)");
    refused(&mut s, "LC007", "credits_void_grant('a', 'gone', 'v', 31)");
    refused(&mut s, "LC006", "credits_void_grant('a', 'nobody', 'v', 31)");
    refused(&mut s, "LC003", "credits_void_grant('a', 'nobody', 'd', 31)");
    refused(&mut s, "LC003", "credits_void_grant('a', 'gone', 'back', 1)");
    refused(&mut s, "LC002", "credits_void_grant('b', 'nobody', 'd', 31)");
    refused(&mut s, "LC004", "credits_void_grant('b', 'nobody', 'd', 0)");
    refused(&mut s, "LC005", "credits_void_grant('b', NULL, 'd')");
    settled(&mut s);
}

#[test]
fn an_error_tells_what_is_left() {
    let mut s = something_to_void();
    for (claw_back, left) in [("false", "=30"), ("true", "=50")] {
        let error = refused(&mut s, "LC015", &format!("credits_void_grant('a', 'g', 'v', 51, {claw_back})"));
        assert!(error.detail.split_whitespace().any(|figure| figure.ends_with(left)), "{error}");
        assert!(!error.hint.is_empty(), "{error}");
    }
    settled(&mut s);
}
