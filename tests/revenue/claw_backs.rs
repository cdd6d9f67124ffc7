//! A payment that was returned: none of it was earned.

use crate::asked::*;
use credits_ledger_tests::Session;

/// 80 of 100 credits, bought for 10 EUR on 1 January, are spent on 10 January, and with it whatever `others` gave; a
/// dispute takes them back on 1 February.
fn disputed(others: &str, amount: &str) -> Session {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
    on(&mut s, "01-10");
    call(&mut s, "credits_debit('a', 80, 'd')");
    if !others.is_empty() {
        call(&mut s, others);
    }
    on(&mut s, "02-01");
    call(&mut s, &format!("credits_void_grant('a', 'g', 'v', {amount}, claw_back => true)"));
    on(&mut s, "03-01");
    s
}

#[test]
fn what_was_recognised_is_voided() {
    let mut s = disputed("", "NULL");
    assert_eq!(s.one("SELECT debt FROM credits_balance('a')"), "80");
    assert_eq!(money(&mut s, "01-01", "02-01"), "EUR purchase 0 10 8 0 0 2");
    assert_eq!(money(&mut s, "02-01", "03-01"), "EUR purchase 2 0 -8 0 10 0");
    assert_eq!(money(&mut s, "-infinity", "infinity"), "EUR purchase 0 10 0 0 10 0");
}

/// What remains goes first, then so much of what was spent.
#[test]
fn a_part() {
    let mut s = disputed("", "50");
    assert_eq!(money(&mut s, "02-01", "03-01"), "EUR purchase 2 0 -3 0 5 0");
    call(&mut s, "credits_void_grant('a', 'g', 'v2', 10, true)");
    assert_eq!(money(&mut s, "03-01", "infinity"), "EUR purchase 0 0 -1 0 1 0");
    call(&mut s, "credits_void_grant('a', 'g', 'v3', NULL, true)").has(&[("amount", "40")]);
    assert_eq!(money(&mut s, "-infinity", "infinity"), "EUR purchase 0 10 0 0 10 0");
}

/// What else was paid for bears the usage now: it is spent.
#[test]
fn other_lots_with_a_price_are_spent() {
    let mut s = disputed("credits_grant('a', 30, 'b', 'bonus', price => 6, currency => 'USD')", "NULL");
    assert_eq!(revenue(&mut s, "02-01", "03-01"), ["EUR purchase 2 0 -8 0 10 0", "USD bonus 6 0 6 0 0 0"]);
}

#[test]
fn money_that_pays_its_debt_is_recognised() {
    let mut s = disputed("", "NULL");
    call(&mut s, "credits_grant('a', 100, 'g2', price => 30, currency => 'EUR')")
        .has(&[("debt", "0"), ("credits", "20")]);
    assert_eq!(money(&mut s, "03-01", "infinity"), "EUR purchase 0 30 24 0 0 6");
}

/// A refund undoes the claw-back: first its debt, then what it took of other lots. The disputed lot stays void.
#[test]
fn a_refund_after_it() {
    let mut s = disputed("credits_grant('a', 30, 'b', 'bonus', price => 6, currency => 'USD')", "NULL");
    call(&mut s, "credits_refund('a', 'd', 'r1', 60)").has(&[("debt", "0"), ("credits", "10")]);
    assert_eq!(revenue(&mut s, "03-01", "infinity"), ["EUR purchase 0 0 0 0 0 0", "USD bonus 0 0 -2 0 0 2"]);
    call(&mut s, "credits_refund('a', 'd', 'r2')").has(&[("credits", "30")]);
    assert_eq!(revenue(&mut s, "-infinity", "infinity"), ["EUR purchase 0 10 0 0 10 0", "USD bonus 0 6 0 0 0 6"]);
}

#[test]
fn a_refund_before_it() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
    call(&mut s, "credits_debit('a', 80, 'd')");
    call(&mut s, "credits_refund('a', 'd', 'r', 30)");
    on(&mut s, "01-02");
    call(&mut s, "credits_void_grant('a', 'g', 'v', claw_back => true)").has(&[("amount", "100"), ("overdraft", "50")]);
    assert_eq!(money(&mut s, "01-02", "infinity"), "EUR purchase 5 0 -5 0 10 0");
}

/// What expired was not spent: it stays breakage.
#[test]
fn what_expired_is_not_taken() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR', expires_at => '2026-01-20')");
    call(&mut s, "credits_debit('a', 80, 'd')");
    on(&mut s, "02-01");
    call(&mut s, "credits_void_grant('a', 'g', 'v', claw_back => true)").has(&[("amount", "80")]);
    assert_eq!(money(&mut s, "-infinity", "infinity"), "EUR purchase 0 10 0 2 8 0");
}

/// What was captured after a void is clawed back, too.
#[test]
fn what_was_held_meanwhile() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
    call(&mut s, "credits_hold('a', 40, 'h', '10 days')");
    on(&mut s, "01-02");
    call(&mut s, "credits_void_grant('a', 'g', 'v', claw_back => true)").has(&[("amount", "60")]);
    assert_eq!(money(&mut s, "01-02", "infinity"), "EUR purchase 10 0 0 0 6 4");
    on(&mut s, "01-03");
    call(&mut s, "credits_capture('a', 'h', 'c', 25)");
    assert_eq!(money(&mut s, "01-03", "infinity"), "EUR purchase 4 0 2.5 0 1.5 0");
    on(&mut s, "01-04");
    call(&mut s, "credits_void_grant('a', 'g', 'v2', claw_back => true)").has(&[("amount", "25")]);
    assert_eq!(money(&mut s, "01-04", "infinity"), "EUR purchase 0 0 -2.5 0 2.5 0");
}

/// However a price divides: of what was taken back nothing stays recognised, and no more is voided than was sold.
#[test]
fn nothing_stays_recognised_of_what_was_taken_back() {
    for (debits, claw_backs) in [
        (&["2"][..], &["NULL"][..]),
        (&["1", "1"], &["NULL"]),
        (&["1", "1", "1"], &["NULL"]),
        (&["1", "1", "1"], &["1", "1", "1"]),
        (&["0.7", "1.3"], &["1.5", "1.5"]),
        (&["2"], &["2", "0.5", "NULL"]),
    ] {
        let mut s = ledger();
        call(&mut s, "credits_grant('a', 3, 'g', price => 10, currency => 'EUR')");
        for (n, amount) in debits.iter().enumerate() {
            call(&mut s, &format!("credits_debit('a', {amount}, 'd{n}')"));
        }
        for (n, amount) in claw_backs.iter().enumerate() {
            call(&mut s, &format!("credits_void_grant('a', 'g', 'v{n}', {amount}, true)"));
        }
        let all = money(&mut s, "-infinity", "infinity");
        assert_eq!(all, "EUR purchase 0 10 0 0 10 0", "{debits:?} {claw_backs:?}");
    }
}

/// Where refunds come between, it may be off by a millionth for each claw-back and refund, and still adds up.
#[test]
fn refunds_between_claw_backs_of_what_does_not_divide() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 3, 'g', price => 10, currency => 'EUR')");
    for debit in ["d1", "d2", "d3"] {
        call(&mut s, &format!("credits_debit('a', 1, '{debit}')"));
    }
    call(&mut s, "credits_void_grant('a', 'g', 'v1', 1, true)");
    call(&mut s, "credits_refund('a', 'd1', 'r1')");
    call(&mut s, "credits_refund('a', 'd2', 'r2')");
    call(&mut s, "credits_void_grant('a', 'g', 'v2', NULL, true)");
    let row = s.row(
        "SELECT abs(recognised) <= 0.000004 AS earned_nothing, abs(voided - 10) <= 0.000004 AS voided_all,
                recognised + voided AS sold, closing_deferred, breakage
         FROM credits_revenue('-infinity', 'infinity')",
    );
    row.has(&[
        ("earned_nothing", "t"),
        ("voided_all", "t"),
        ("sold", "10"),
        ("closing_deferred", "0"),
        ("breakage", "0"),
    ]);
}
