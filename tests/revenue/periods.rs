//! Which movement falls into which period.

use crate::asked::*;
use credits_ledger_tests::Session;

/// 100 credits for 10 EUR on 10 January, 30 spent on 20 January, 20 in the last microsecond of January.
fn two_debits() -> Session {
    let mut s = ledger();
    on(&mut s, "01-10");
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
    on(&mut s, "01-20");
    call(&mut s, "credits_debit('a', 30, 'd1')");
    on(&mut s, "01-31 23:59:59.999999");
    call(&mut s, "credits_debit('a', 20, 'd2')");
    on(&mut s, "03-01");
    s
}

#[test]
fn a_period_begins_with_its_first_instant_and_ends_before_its_last() {
    let mut s = two_debits();
    for (from, to, expected) in [
        ("01-10", "01-20", "EUR purchase 0 10 0 0 0 10"),
        ("01-10", "01-20 00:00:00.000001", "EUR purchase 0 10 3 0 0 7"),
        ("01-10 00:00:00.000001", "01-20", "EUR purchase 10 0 0 0 0 10"),
        ("01-20", "01-31 23:59:59.999999", "EUR purchase 10 0 3 0 0 7"),
        ("01-20 00:00:00.000001", "02-01", "EUR purchase 7 0 2 0 0 5"),
        ("01-01", "02-01", "EUR purchase 0 10 5 0 0 5"),
        ("02-01", "03-01", "EUR purchase 5 0 0 0 0 5"),
    ] {
        assert_eq!(money(&mut s, from, to), expected, "{from} to {to}");
    }
}

#[test]
fn before_anything_was_sold_there_is_no_row() {
    let mut s = ledger();
    assert_eq!(revenue(&mut s, "-infinity", "infinity"), Vec::<String>::new());
    let mut s = two_debits();
    assert_eq!(revenue(&mut s, "01-01", "01-10"), Vec::<String>::new());
    assert_eq!(revenue(&mut s, "-infinity", "01-10"), Vec::<String>::new());
    assert_eq!(revenue(&mut s, "-infinity", "-infinity"), Vec::<String>::new());
    assert_eq!(revenue(&mut s, "01-10", "01-10"), Vec::<String>::new());
}

#[test]
fn a_period_without_length_has_no_movements() {
    let mut s = two_debits();
    assert_eq!(money(&mut s, "01-20", "01-20"), "EUR purchase 10 0 0 0 0 10");
    assert_eq!(money(&mut s, "02-01", "02-01"), "EUR purchase 5 0 0 0 0 5");
    assert_eq!(money(&mut s, "infinity", "infinity"), "EUR purchase 5 0 0 0 0 5");
}

#[test]
fn infinity() {
    let mut s = two_debits();
    assert_eq!(money(&mut s, "-infinity", "infinity"), "EUR purchase 0 10 5 0 0 5");
    assert_eq!(money(&mut s, "-infinity", "01-31"), "EUR purchase 0 10 3 0 0 7");
    assert_eq!(money(&mut s, "01-31", "infinity"), "EUR purchase 7 0 2 0 0 5");
}

#[test]
fn what_lies_after_now_has_not_happened() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR', expires_at => '2026-02-01')");
    on(&mut s, "01-20");
    assert_eq!(money(&mut s, "01-01", "12-31"), "EUR purchase 0 10 0 0 0 10");
    assert_eq!(money(&mut s, "06-01", "12-31"), "EUR purchase 10 0 0 0 0 10");
    assert_eq!(money(&mut s, "06-01", "infinity"), "EUR purchase 10 0 0 0 0 10");
    // At now itself it has.
    on(&mut s, "02-01");
    assert_eq!(money(&mut s, "01-01", "12-31"), "EUR purchase 0 10 0 10 0 0");
    assert_eq!(money(&mut s, "01-01", "02-01"), "EUR purchase 0 10 0 0 0 10");
}

#[test]
fn what_time_does_counts_at_its_instant() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR', expires_at => '2026-02-01')");
    call(&mut s, "credits_debit('a', 25, 'd')");
    on(&mut s, "04-01");
    // [`ask`] compares with what maintenance has recorded.
    assert_eq!(money(&mut s, "01-01", "02-01"), "EUR purchase 0 10 2.5 0 0 7.5");
    assert_eq!(money(&mut s, "02-01", "03-01"), "EUR purchase 7.5 0 0 7.5 0 0");
    assert_eq!(money(&mut s, "03-01", "04-01"), "EUR purchase 0 0 0 0 0 0");
    assert_eq!(s.one("SELECT max(entry) FROM credits_history"), "3", "nothing was recorded");
}

#[test]
fn what_expires_by_cycle_expires_with_it() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', 10, '7 days')");
    call(&mut s, "credits_grant('a', 20, 'g', price => 4, currency => 'EUR', expires_after_cycles => 2)");
    call(&mut s, "credits_debit('a', 15, 'd')");
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "01-01", "01-15"), "EUR purchase 0 4 1 0 0 3");
    assert_eq!(money(&mut s, "01-15", "01-15 00:00:00.000001"), "EUR purchase 3 0 0 3 0 0");
}

#[test]
fn what_was_said_of_the_past_stays_said() {
    let mut s = two_debits();
    call(&mut s, "credits_refund('a', 'd2', 'r')");
    call(&mut s, "credits_void_grant('a', 'g', 'v', claw_back => true)");
    assert_eq!(money(&mut s, "01-01", "02-01"), "EUR purchase 0 10 5 0 0 5");
    assert_eq!(money(&mut s, "02-01", "03-01"), "EUR purchase 5 0 0 0 0 5");
    on(&mut s, "04-01");
    assert_eq!(money(&mut s, "03-01", "04-01"), "EUR purchase 5 0 -5 0 10 0");
}

/// An account's time never goes back: what it has recorded has happened.
#[test]
fn a_clock_that_jumps_back() {
    let mut s = two_debits();
    call(&mut s, "credits_debit('a', 10, 'd3')");
    call(&mut s, "credits_grant('b', 10, 'g', price => 7, currency => 'USD', expires_at => '2026-03-10')");
    on(&mut s, "01-15");
    assert_eq!(revenue(&mut s, "-infinity", "infinity"), ["EUR purchase 0 10 6 0 0 4", "USD purchase 0 7 0 0 0 7"]);
    assert_eq!(revenue(&mut s, "01-01", "02-01"), ["EUR purchase 0 10 5 0 0 5"]);
    call(&mut s, "credits_debit('a', 10, 'd4')").has(&[("recorded_at", "2026-03-01 00:00:00+00")]);
    assert_eq!(revenue(&mut s, "01-01", "02-01"), ["EUR purchase 0 10 5 0 0 5"]);
    on(&mut s, "03-02");
    assert_eq!(revenue(&mut s, "02-01", "03-01"), ["EUR purchase 5 0 0 0 0 5"]);
    assert_eq!(revenue(&mut s, "03-01", "03-02"), ["EUR purchase 5 0 2 0 0 3", "USD purchase 0 7 0 0 0 7"]);
}

#[test]
fn periods_that_cannot_be() {
    let mut s = two_debits();
    for arguments in [
        "NULL, '2026-01-01'",
        "'2026-01-01', NULL",
        "NULL, NULL",
        "'2026-01-02', '2026-01-01'",
        "'infinity', '2026-01-01'",
    ] {
        assert_eq!(s.error(&format!("SELECT * FROM credits_revenue({arguments})")).code, "LC005", "{arguments}");
    }
}
