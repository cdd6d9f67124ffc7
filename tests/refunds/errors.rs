//! What cannot be refunded, and which error comes first.

use crate::asked::*;
use crate::books::settled;
use crate::lots::refund;
use credits_ledger_tests::Session;

/// The account `a` with a debit `d` of 30, a charge `c` of 10 units for 20, and a debit `gone` that was refunded.
fn something_to_refund() -> Session {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_define_rate('chat', 2)");
    call(&mut s, "credits_debit('a', 30, 'd')");
    call(&mut s, "credits_charge('a', 'chat', 10, 'c')");
    call(&mut s, "credits_debit('a', 5, 'gone')");
    refund(&mut s, "'gone', 'back'");
    s
}

#[test]
fn what_is_no_amount() {
    let mut s = something_to_refund();
    for amount in ["0", "-1", "'NaN'", "'Infinity'", "'-Infinity'", "100000000000000", "0.0000001", "1.0000001"] {
        refused(&mut s, "LC004", &format!("credits_refund('a', 'd', 'r', {amount})"));
        refused(&mut s, "LC004", &format!("credits_refund('a', 'c', 'r', quantity => {amount})"));
    }
    settled(&mut s);
}

#[test]
fn what_is_no_argument() {
    let mut s = something_to_refund();
    let long = "x".repeat(256);
    for arguments in [
        "NULL, 'd', 'r'",
        "'a', NULL, 'r'",
        "'a', 'd', NULL",
        "'', 'd', 'r'",
        "'a', '', 'r'",
        "'a', 'd', ''",
        "'a', E'd\\x01', 'r'",
        "'a', 'd', E'r\\n'",
        &format!("'a', 'd', '{long}'"),
        &format!("'a', '{long}', 'r'"),
        "'a', 'c', 'r', 1, 1",
        "'a', 'd', 'r', if_expired => 'maybe'",
        "'a', 'd', 'r', if_expired => ''",
        "'a', 'd', 'r', if_expired => 'Restore'",
    ] {
        refused(&mut s, "LC005", &format!("credits_refund({arguments})"));
    }
    refund(&mut s, "'d', 'r', NULL, NULL, NULL, NULL").has(&[("amount", "30")]);
    settled(&mut s);
}

#[test]
fn what_has_no_units_is_not_refunded_by_quantity() {
    let mut s = something_to_refund();
    refused(&mut s, "LC005", "credits_refund('a', 'd', 'r', quantity => 1)");
    call(&mut s, "credits_debit('a', 5, 'd2', 'chat')");
    refused(&mut s, "LC005", "credits_refund('a', 'd2', 'r', quantity => 1)");
    settled(&mut s);
}

#[test]
fn only_debits_charges_and_captures_are_refunded() {
    let mut s = something_to_refund();
    call(&mut s, "credits_grant('a', 10, 'g')");
    call(&mut s, "credits_hold('a', 10, 'h')");
    call(&mut s, "credits_extend_hold('a', 'h', 'e', '1 hour')");
    call(&mut s, "credits_release('a', 'h', 'rel')");
    call(&mut s, "credits_grant('a', 10, 'g2')");
    call(&mut s, "credits_void_grant('a', 'g2', 'v')");
    call(&mut s, "credits_reset_cycle('a', 'reset', '2026-01-31 12:00+00')");
    call(&mut s, "credits_debit('a', 500, 'never', on_insufficient => 'refuse')").has(&[("accepted", "f")]);
    call(&mut s, "credits_open_account('b', 100)");
    call(&mut s, "credits_debit('b', 10, 'of b')");
    for key in ["g", "h", "e", "rel", "back", "v", "reset", "never", "of b", "nobody", "D", "d "] {
        refused(&mut s, "LC006", &format!("credits_refund('a', '{key}', 'r')"));
    }
    refused(&mut s, "LC002", "credits_refund('c', 'd', 'r')");
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "2");
    settled(&mut s);
}

#[test]
fn the_first_error_is_the_one_that_is_told() {
    let mut s = something_to_refund();
    // LC015 is said of what is left, LC007 where nothing is, …
    refused(&mut s, "LC015", "credits_refund('a', 'd', 'r', 31)");
    refused(&mut s, "LC007", "credits_refund('a', 'gone', 'r', 31)");
    // … LC005 by what the debit is before that, …
    refused(&mut s, "LC005", "credits_refund('a', 'gone', 'r', quantity => 31)");
    refused(&mut s, "LC006", "credits_refund('a', 'nobody', 'r', quantity => 31)");
    // … a key that was used before that, …
    refused(&mut s, "LC003", "credits_refund('a', 'nobody', 'd', 31)");
    refused(&mut s, "LC003", "credits_refund('a', 'gone', 'back', 5)");
    refused(&mut s, "LC002", "credits_refund('b', 'nobody', 'd', 31)");
    // … and the form of the arguments first of all.
    refused(&mut s, "LC004", "credits_refund('b', 'nobody', 'd', 0)");
    refused(&mut s, "LC005", "credits_refund('a', 'nobody', 'd', if_expired => 'maybe')");
    refused(&mut s, "LC005", "credits_refund('a', 'nobody', 'd', 1, 1)");
    // No other error of debits is one of refunds.
    call(&mut s, "credits_set_feature('a', 'chat', false)");
    call(&mut s, "credits_set_budget('a', 0)");
    call(&mut s, "credits_close_account('a', 'gone')");
    refused(&mut s, "LC015", "credits_refund('a', 'c', 'r', 21)");
    refund(&mut s, "'c', 'r', quantity => 1").has(&[("amount", "2")]);
    settled(&mut s);
}

#[test]
fn an_error_tells_what_is_left() {
    let mut s = something_to_refund();
    refund(&mut s, "'d', 'r', 12");
    let error = refused(&mut s, "LC015", "credits_refund('a', 'd', 'r2', 19)");
    assert!(error.detail.split_whitespace().any(|figure| figure.ends_with("=18")), "{error}");
    assert!(!error.hint.is_empty(), "{error}");
    settled(&mut s);
}
