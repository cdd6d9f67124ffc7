//! What cannot be, and which error comes first.

use crate::asked::*;

#[test]
fn what_cannot_be_held() {
    let mut s = with_allowance("100", "");
    for amount in ["0", "-1", "'NaN'", "'Infinity'", "100000000000000", "0.0000001"] {
        refused(&mut s, "LC004", &format!("credits_hold('a', {amount}, 'h')"));
    }
    for arguments in [
        "NULL, 1, 'h'",
        "'a', NULL, 'h'",
        "'a', 1, NULL",
        "'', 1, 'h'",
        "'a', 1, ''",
        "'a', 1, 'h', '0'",
        "'a', 1, 'h', '-1 second'",
        "'a', 1, 'h', '31 days 1 microsecond'",
        "'a', 1, 'h', '1 year'",
        "'a', 1, 'h', feature => ''",
        "'a', 1, 'h', actor => E'\\x01'",
        "'a', 1, 'h', on_insufficient => 'allow'",
        "'a', 1, 'h', on_insufficient => 'maybe'",
    ] {
        refused(&mut s, "LC005", &format!("credits_hold({arguments})"));
    }
    refused(&mut s, "LC002", "credits_hold('b', 1, 'h')");
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "1");
    call(&mut s, "credits_hold('a', 1, 'h', '31 days')").has(&[("held", "1")]);
    assert_eq!(s.one("SELECT expires_at FROM credits_holds"), "2026-03-03 12:00:00+00");
    sound(&mut s);
}

#[test]
fn what_cannot_be_captured_released_or_extended() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_hold('a', 10, 'h')");
    call(&mut s, "credits_hold('a', 10, 'gpu', feature => 'gpu')");
    call(&mut s, "credits_debit('a', 1, 'd')");
    for amount in ["-1", "'NaN'", "'-Infinity'", "100000000000000", "0.0000001"] {
        refused(&mut s, "LC004", &format!("credits_capture('a', 'h', 'c', {amount})"));
        refused(&mut s, "LC004", &format!("credits_capture('a', 'gpu', 'c', quantity => {amount})"));
    }
    for arguments in [
        "NULL, 'h', 'c'",
        "'a', NULL, 'c'",
        "'a', 'h', NULL",
        "'a', '', 'c'",
        "'a', 'gpu', 'c', 1, 1",
        "'a', 'h', 'c', quantity => 1",
        "'a', 'h', 'c', on_insufficient => 'maybe'",
    ] {
        refused(&mut s, "LC005", &format!("credits_capture({arguments})"));
    }
    refused(&mut s, "LC014", "credits_capture('a', 'gpu', 'c', quantity => 1)");
    for arguments in ["NULL, 'h', 'r'", "'a', NULL, 'r'", "'a', 'h', NULL", "'a', '', 'r'"] {
        refused(&mut s, "LC005", &format!("credits_release({arguments})"));
        refused(&mut s, "LC005", &format!("credits_extend_hold({arguments}, '1 hour')"));
    }
    for period in ["NULL", "'0'", "'-1 second'", "'31 days 1 microsecond'"] {
        refused(&mut s, "LC005", &format!("credits_extend_hold('a', 'h', 'e', {period})"));
    }
    // Nobody's key, another account's, and a debit's.
    call(&mut s, "credits_open_account('b', 100)");
    call(&mut s, "credits_hold('b', 10, 'of b')");
    for key in ["nobody", "of b", "d"] {
        refused(&mut s, "LC006", &format!("credits_capture('a', '{key}', 'x')"));
        refused(&mut s, "LC006", &format!("credits_release('a', '{key}', 'x')"));
        refused(&mut s, "LC006", &format!("credits_extend_hold('a', '{key}', 'x', '1 hour')"));
    }
    refused(&mut s, "LC002", "credits_capture('c', 'h', 'x')");
    refused(&mut s, "LC002", "credits_release('c', 'h', 'x')");
    refused(&mut s, "LC002", "credits_extend_hold('c', 'h', 'x', '1 hour')");
    assert_eq!(state(&mut s, "h"), "10 0 open");
    sound(&mut s);
}

#[test]
fn the_first_error_of_a_hold_is_the_one_that_is_told() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 1, 'd')");
    call(&mut s, "credits_set_feature('a', 'gpu', false)");
    call(&mut s, "credits_set_budget('a', 10)");
    // LC012 comes last, after LC001 and LC010; …
    refused(&mut s, "LC012", "credits_hold('a', 50, 'h')");
    refused(&mut s, "LC001", "credits_hold('a', 500, 'h')");
    refused(&mut s, "LC010", "credits_hold('a', 500, 'h', feature => 'gpu')");
    call(&mut s, "credits_hold('a', 50, 'h', on_insufficient => 'refuse')").has(&[("refused", "LC012")]);
    call(&mut s, "credits_hold('a', 500, 'h', on_insufficient => 'refuse')").has(&[("refused", "LC001")]);
    refused(&mut s, "LC012", "credits_hold('a', 50, 'h', on_insufficient => 'partial')");
    // … a frozen account before these, …
    call(&mut s, "credits_freeze_account('a', 'unpaid')");
    refused(&mut s, "LC011", "credits_hold('a', 500, 'h', feature => 'gpu')");
    // … a key that was used before that, …
    refused(&mut s, "LC003", "credits_hold('a', 500, 'd', feature => 'gpu')");
    // … and the form of the arguments first of all.
    refused(&mut s, "LC004", "credits_hold('a', -1, 'd', feature => 'gpu')");
    refused(&mut s, "LC005", "credits_hold('a', 1, 'd', on_insufficient => 'allow')");
    sound(&mut s);
}

#[test]
fn the_first_error_of_a_capture_is_the_one_that_is_told() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 1, 'd')");
    call(&mut s, "credits_hold('a', 10, 'h', feature => 'gpu')");
    call(&mut s, "credits_hold('a', 10, 'gone', feature => 'gpu')");
    call(&mut s, "credits_release('a', 'gone', 'r')");
    call(&mut s, "credits_set_budget('a', 15)");
    let tail = "on_insufficient => 'error'";
    // LC006 and LC007 come before LC014, LC001 and LC012; LC001 before LC012.
    refused(&mut s, "LC006", &format!("credits_capture('a', 'no', 'c', quantity => 9999, {tail})"));
    refused(&mut s, "LC007", &format!("credits_capture('a', 'gone', 'c', quantity => 9999, {tail})"));
    refused(&mut s, "LC007", &format!("credits_capture('a', 'gone', 'c', 9999, {tail})"));
    refused(&mut s, "LC014", &format!("credits_capture('a', 'h', 'c', quantity => 9999, {tail})"));
    refused(&mut s, "LC001", &format!("credits_capture('a', 'h', 'c', 9999, {tail})"));
    refused(&mut s, "LC012", &format!("credits_capture('a', 'h', 'c', 50, {tail})"));
    call(&mut s, "credits_capture('a', 'h', 'c', 50, on_insufficient => 'refuse')").has(&[
        ("accepted", "f"),
        ("refused", "LC012"),
        ("held", "10"),
    ]);
    refused(&mut s, "LC003", &format!("credits_capture('a', 'no', 'd', 9999, {tail})"));
    refused(&mut s, "LC004", "credits_capture('a', 'no', 'd', -1)");
    refused(&mut s, "LC006", "credits_extend_hold('a', 'no', 'e', '1 hour')");
    refused(&mut s, "LC003", "credits_extend_hold('a', 'no', 'd', '1 hour')");
    refused(&mut s, "LC005", "credits_extend_hold('a', 'no', 'd', '32 days')");
    refused(&mut s, "LC003", "credits_release('a', 'no', 'd')");
    sound(&mut s);
}

#[test]
fn errors_leave_nothing_and_a_rollback_takes_a_hold_back() {
    let mut s = with_allowance("100", "");
    s.run("BEGIN; SELECT credits_hold('a', 40, 'h'); SAVEPOINT p; SELECT credits_capture('a', 'h', 'c', 15)");
    assert_eq!(balance(&mut s), "85 85 0 0 0 85");
    s.run("ROLLBACK TO SAVEPOINT p");
    assert_eq!(state(&mut s, "h"), "40 0 open");
    s.run("SELECT credits_capture('a', 'h', 'c', 10, final => false); COMMIT");
    assert_eq!(balance(&mut s), "90 60 0 30 0 60");
    s.run("BEGIN; SELECT credits_release('a', 'h', 'r'); ROLLBACK");
    assert_eq!(state(&mut s, "h"), "30 10 open");
    s.run("BEGIN; SELECT credits_hold('a', 60, 'h2'); ROLLBACK");
    call(&mut s, "credits_hold('a', 55, 'h2')").has(&[("entry", "5"), ("held", "85")]);
    sound(&mut s);
}

#[test]
fn sums_stay_below_what_an_amount_may_be() {
    let mut s = with_allowance("0", "");
    call(&mut s, "credits_grant('a', 99999999999999.999999, 'g')");
    call(&mut s, "credits_hold('a', 99999999999999.999999, 'h')").has(&[("held", "99999999999999.999999")]);
    sound(&mut s);
    // The balance would be a sum that no amount is.
    refused(&mut s, "LC004", "credits_grant('a', 0.000001, 'g2')");
    call(&mut s, "credits_capture('a', 'h', 'c', 99999999999999, final => false)").has(&[("held", "0.999999")]);
    // So would be what was used in the cycle.
    refused(&mut s, "LC004", "credits_capture('a', 'h', 'c2', 1)");
    call(&mut s, "credits_capture('a', 'h', 'c2', 0.999999)").has(&[("balance", "0")]);
    sound(&mut s);
}
