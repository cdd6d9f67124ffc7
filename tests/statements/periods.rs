//! Which entry falls into which period, and what stands at its ends.

use crate::asked::*;
use credits_ledger_tests::Session;

/// Opened on 5 January, 100 granted on the 10th, 30 debited on the 20th, 20 in the last microsecond of January.
fn two_debits() -> Session {
    let mut s = ledger();
    on(&mut s, "01-05");
    call(&mut s, "credits_open_account('a', cycle_length => '0')");
    on(&mut s, "01-10");
    call(&mut s, "credits_grant('a', 100, 'g')");
    on(&mut s, "01-20");
    call(&mut s, "credits_debit('a', 30, 'd1', 'chat')");
    on(&mut s, "01-31 23:59:59.999999");
    call(&mut s, "credits_debit('a', 20, 'd2')");
    on(&mut s, "03-01");
    s
}

#[test]
fn the_whole_of_it() {
    let mut s = two_debits();
    assert_eq!(
        statement(&mut s, "a", "01-01", "02-01"),
        [
            "opening 0 0 0 0 0 0 0 01-01 00:00",
            "debit - - 1 - -20 0 -20 0 0",
            "debit - chat 1 - -30 0 -30 0 0",
            "grant purchase - 1 - 100 0 100 0 0",
            "closing 50 0 50 0 0 50 4 02-01 00:00",
        ]
    );
}

#[test]
fn a_period_begins_with_its_first_instant_and_ends_before_its_last() {
    let mut s = two_debits();
    assert_eq!(
        statement(&mut s, "a", "01-10", "01-20"),
        [
            "opening 0 0 0 0 0 0 1 01-10 00:00",
            "grant purchase - 1 - 100 0 100 0 0",
            "closing 100 0 100 0 0 100 2 01-20 00:00",
        ]
    );
    assert_eq!(
        statement(&mut s, "a", "01-20", "01-31 23:59:59.999999"),
        [
            "opening 100 0 100 0 0 100 2 01-20 00:00",
            "debit - chat 1 - -30 0 -30 0 0",
            "closing 70 0 70 0 0 70 3 01-31 23:59:59.999999+00",
        ]
    );
    assert_eq!(
        statement(&mut s, "a", "01-31 23:59:59.999999", "02-01"),
        [
            "opening 70 0 70 0 0 70 3 01-31 23:59:59.999999+00",
            "debit - - 1 - -20 0 -20 0 0",
            "closing 50 0 50 0 0 50 4 02-01 00:00",
        ]
    );
}

#[test]
fn nothing_moved() {
    let mut s = two_debits();
    for (from, to, expected) in [
        ("02-01", "02-10", ["opening 50 0 50 0 0 50 4 02-01 00:00", "closing 50 0 50 0 0 50 4 02-10 00:00"]),
        ("01-20", "01-20", ["opening 100 0 100 0 0 100 2 01-20 00:00", "closing 100 0 100 0 0 100 2 01-20 00:00"]),
        // Before it was opened, and only its opening.
        ("01-01", "01-02", ["opening 0 0 0 0 0 0 0 01-01 00:00", "closing 0 0 0 0 0 0 0 01-02 00:00"]),
        ("01-01", "01-05", ["opening 0 0 0 0 0 0 0 01-01 00:00", "closing 0 0 0 0 0 0 0 01-05 00:00"]),
        ("01-05", "01-06", ["opening 0 0 0 0 0 0 0 01-05 00:00", "closing 0 0 0 0 0 0 1 01-06 00:00"]),
        ("-infinity", "-infinity", ["opening 0 0 0 0 0 0 0 01-05 00:00", "closing 0 0 0 0 0 0 0 01-05 00:00"]),
    ] {
        assert_eq!(statement(&mut s, "a", from, to), expected, "{from} to {to}");
    }
}

/// An end after now is now.
#[test]
fn infinity_and_after_now() {
    let mut s = two_debits();
    call(&mut s, "credits_debit('a', 1, 'd3')");
    let moved = ["debit - - 2 - -21 0 -21 0 0", "debit - chat 1 - -30 0 -30 0 0", "grant purchase - 1 - 100 0 100 0 0"];
    let closing = "closing 49 0 49 0 0 49 5 03-01 00:00";
    for (from, to) in [("-infinity", "infinity"), ("-infinity", "12-31"), ("01-01", "03-01 00:00:00.000001")] {
        let rows = statement(&mut s, "a", from, to);
        assert_eq!(rows[1..4], moved, "{from} to {to}");
        assert_eq!(rows[4], closing, "{from} to {to}");
    }
    // At now itself a period ends before what happens now.
    assert_eq!(statement(&mut s, "a", "02-01", "03-01").last().expect("a row"), "closing 50 0 50 0 0 50 4 03-01 00:00");
    for from in ["06-01", "infinity"] {
        let rows = statement(&mut s, "a", from, "infinity");
        assert_eq!(rows, ["opening 49 0 49 0 0 49 5 03-01 00:00", closing], "{from}");
    }
}

#[test]
fn accounts_and_periods_that_cannot_be() {
    let mut s = two_debits();
    for (arguments, code) in [
        ("'a', NULL, '2026-01-01'", "LC005"),
        ("'a', '2026-01-01', NULL", "LC005"),
        ("NULL, '2026-01-01', '2026-02-01'", "LC005"),
        ("'', '2026-01-01', '2026-02-01'", "LC005"),
        ("'a', '2026-01-02', '2026-01-01'", "LC005"),
        ("'a', 'infinity', '2026-01-01'", "LC005"),
        // The form of the arguments comes before the account.
        ("'nobody', '2026-01-02', '2026-01-01'", "LC005"),
        ("'nobody', '2026-01-01', '2026-02-01'", "LC002"),
        ("'A', '2026-01-01', '2026-02-01'", "LC002"),
    ] {
        for function in ["credits_statement", "credits_usage_csv"] {
            assert_eq!(
                s.error(&format!("SELECT * FROM {function}({arguments})")).code,
                code,
                "{function}({arguments})"
            );
        }
    }
}

#[test]
fn only_its_own_account() {
    let mut s = two_debits();
    call(&mut s, "credits_grant('b', 7, 'g')");
    assert_eq!(
        statement(&mut s, "b", "01-01", "infinity"),
        ["opening 0 0 0 0 0 0 0 01-01 00:00", "grant purchase - 1 - 7 0 7 0 0", "closing 7 0 7 0 0 7 2 03-01 00:00"]
    );
}

/// An account's time never goes back: what it has recorded has happened, whatever the clock says.
#[test]
fn a_clock_that_jumps_back() {
    let mut s = two_debits();
    call(&mut s, "credits_debit('a', 1, 'd3')");
    let before = statement(&mut s, "a", "-infinity", "infinity");
    on(&mut s, "01-15");
    assert_eq!(statement(&mut s, "a", "-infinity", "infinity"), before);
    assert_eq!(
        statement(&mut s, "a", "01-16", "02-01"),
        [
            "opening 100 0 100 0 0 100 2 01-16 00:00",
            "debit - - 1 - -20 0 -20 0 0",
            "debit - chat 1 - -30 0 -30 0 0",
            "closing 50 0 50 0 0 50 4 02-01 00:00",
        ]
    );
    call(&mut s, "credits_debit('a', 2, 'd4')");
    assert_eq!(statement(&mut s, "a", "01-16", "02-01")[3], "closing 50 0 50 0 0 50 4 02-01 00:00");
    assert_eq!(statement(&mut s, "a", "03-01", "infinity")[1], "debit - - 2 - -3 0 -3 0 0");
}

#[test]
fn what_was_said_of_the_past_stays_said() {
    let mut s = two_debits();
    let january = statement(&mut s, "a", "01-01", "02-01");
    call(&mut s, "credits_refund('a', 'd1', 'r')");
    call(&mut s, "credits_void_grant('a', 'g', 'v', claw_back => true)");
    call(&mut s, "credits_configure_account('a', allowance => 5, overdraft_limit => 7)");
    call(&mut s, "credits_close_account('a', 'gone')");
    on(&mut s, "04-01");
    assert_eq!(statement(&mut s, "a", "01-01", "02-01"), january);
}
