//! What is exported, in which order, and how each field is written.

use crate::asked::*;
use credits_ledger_tests::Session;

/// One of each that counts as usage, and some that do not.
fn one_of_each() -> Session {
    let mut s = ledger();
    s.run("SELECT credits_define_rate('chat', 1, per_units => 10)");
    s.run("SELECT credits_define_plan('solo', 20), credits_include('solo', 'chat', 5)");
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_subscribe('a', 'solo', 's')");
    call(&mut s, "credits_grant('a', 100, 'g')");
    s.at("2026-01-02 03:04:05.678901");
    call(&mut s, "credits_debit('a', 12.5, 'd', 'draw', 'ann', 'file 7')");
    call(&mut s, "credits_charge('a', 'chat', 105, 'c', 'bob')");
    call(&mut s, "credits_hold('a', 30, 'h', feature => 'chat', actor => 'eve')");
    call(&mut s, "credits_capture('a', 'h', 'k', quantity => 200)");
    call(&mut s, "credits_hold('a', 5, 'h2')");
    call(&mut s, "credits_release('a', 'h2', 'l')");
    s.at("2026-01-02 03:04:06");
    call(&mut s, "credits_refund('a', 'c', 'r', quantity => 50)");
    call(&mut s, "credits_debit('a', 90, 'd2', on_insufficient => 'allow')");
    call(&mut s, "credits_refund('a', 'd2', 'r2', 10)");
    s
}

#[test]
fn one_record_for_each_entry_that_is_usage() {
    let mut s = one_of_each();
    assert_eq!(
        records(&mut s, "a", "-infinity", "infinity"),
        [
            "a,4,2026-01-02T03:04:05.678901Z,debit,draw,ann,file 7,,0,12.5,12.5,0,0,d,",
            "a,5,2026-01-02T03:04:05.678901Z,charge,chat,bob,,105,5,10,7.5,2.5,0,c,",
            "a,7,2026-01-02T03:04:05.678901Z,capture,chat,eve,,200,0,20,0,20,0,k,6",
            "a,10,2026-01-02T03:04:06.000000Z,refund,chat,bob,,-50,0,-5,-2.5,-2.5,0,r,5",
            // 77.5 were left of the purchase with the 2.5 that came back, and 2.5 of the plan.
            "a,11,2026-01-02T03:04:06.000000Z,debit,,,,,0,90,2.5,80,7.5,d2,",
            "a,12,2026-01-02T03:04:06.000000Z,refund,,,,,0,-10,0,-2.5,-7.5,r2,11",
        ]
    );
}

#[test]
fn a_period_begins_with_its_first_instant_and_ends_before_its_last() {
    let mut s = one_of_each();
    let mut entries = |from: &str, to: &str| {
        let rows = records(&mut s, "a", from, to);
        rows.iter().map(|row| row.split(',').nth(1).expect("a field").to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(entries("01-01", "01-02 03:04:05.678901"), "");
    assert_eq!(entries("01-02 03:04:05.678901", "01-02 03:04:06"), "4 5 7");
    assert_eq!(entries("01-02 03:04:05.678902", "01-02 03:04:06.000001"), "10 11 12");
    assert_eq!(entries("01-02 03:04:06", "infinity"), "10 11 12");
    assert_eq!(entries("01-02 03:04:06", "01-02 03:04:06"), "");
    assert_eq!(entries("infinity", "infinity"), "");
    assert_eq!(entries("06-01", "07-01"), "");
}

/// Only the header: also of an account on which nothing but time has acted, and before it was opened.
#[test]
fn without_usage() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', 10, '7 days')");
    call(&mut s, "credits_hold('a', 5, 'h', '1 day')");
    on(&mut s, "03-01");
    assert_eq!(records(&mut s, "a", "-infinity", "infinity"), Vec::<String>::new());
    assert_eq!(records(&mut s, "a", "-infinity", "-infinity"), Vec::<String>::new());
}

/// The session decides how Postgres shows instants and numbers, not how they are exported.
#[test]
fn whatever_the_session_is_set_to() {
    let mut s = one_of_each();
    let before = records(&mut s, "a", "-infinity", "infinity");
    s.run("SET TimeZone = 'Asia/Kolkata'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'iso_8601'; SET bytea_output = 'escape'");
    s.run(
        "SET quote_all_identifiers = on; SET standard_conforming_strings = off; SET search_path = pg_catalog, public",
    );
    assert_eq!(records(&mut s, "a", "-infinity", "infinity"), before);
}

#[test]
fn small_and_large_numbers() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '0')");
    call(&mut s, "credits_grant('a', 99999999999999.999999, 'g')");
    call(&mut s, "credits_debit('a', 0.000001, 'd1')");
    call(&mut s, "credits_debit('a', 99999999999999.999998, 'd2')");
    call(&mut s, "credits_refund('a', 'd1', 'r1')");
    let figures: Vec<_> = records(&mut s, "a", "-infinity", "infinity")
        .iter()
        .map(|row| row.split(',').skip(7).take(6).collect::<Vec<_>>().join(","))
        .collect();
    assert_eq!(
        figures,
        [
            ",0,0.000001,0,0.000001,0",
            ",0,99999999999999.999998,0,99999999999999.999998,0",
            ",0,-0.000001,0,-0.000001,0",
        ]
    );
}

#[test]
fn what_was_taken_only_in_part_or_for_nothing() {
    let mut s = ledger();
    s.run("SELECT credits_define_rate('chat', 1), credits_define_rate('run', 1, 100, 'package')");
    call(&mut s, "credits_open_account('a', 10, '0')");
    call(&mut s, "credits_charge('a', 'run', 30, 'c1')").has(&[("amount", "1")]);
    call(&mut s, "credits_charge('a', 'run', 70, 'c2')").has(&[("amount", "0")]);
    call(&mut s, "credits_charge('a', 'chat', 40, 'c3', on_insufficient => 'partial')").has(&[("amount", "9")]);
    // Refused: nothing is recorded.
    call(&mut s, "credits_debit('a', 40, 'd', on_insufficient => 'refuse')").has(&[("accepted", "f")]);
    assert_eq!(
        records(&mut s, "a", "-infinity", "infinity"),
        [
            "a,3,2026-01-01T00:00:00.000000Z,charge,run,,,30,0,1,1,0,0,c1,",
            "a,4,2026-01-01T00:00:00.000000Z,charge,run,,,70,0,0,0,0,0,c2,",
            "a,5,2026-01-01T00:00:00.000000Z,charge,chat,,,40,0,9,9,0,0,c3,",
        ]
    );
}

/// What had been forgiven comes back as nothing, and counts as refunded.
#[test]
fn a_refund_of_forgiven_debt() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '7 days', debt_policy => 'forgive_at_reset')");
    call(&mut s, "credits_debit('a', 15, 'd', 'chat', on_insufficient => 'allow')");
    on(&mut s, "01-10");
    call(&mut s, "credits_refund('a', 'd', 'r')").has(&[("amount", "15"), ("balance", "0")]);
    assert_eq!(
        records(&mut s, "a", "01-02", "infinity"),
        ["a,4,2026-01-10T00:00:00.000000Z,refund,chat,,,,0,-15,0,0,0,r,2"]
    );
}

#[test]
fn what_was_redacted_is_empty() {
    let mut s = one_of_each();
    let before = records(&mut s, "a", "-infinity", "infinity");
    call(&mut s, "credits_redact('a', 4)");
    call(&mut s, "credits_redact('a', 7)");
    let after = records(&mut s, "a", "-infinity", "infinity");
    assert_eq!(after[0], "a,4,2026-01-02T03:04:05.678901Z,debit,draw,,,,0,12.5,12.5,0,0,d,");
    assert_eq!(after[2], "a,7,2026-01-02T03:04:05.678901Z,capture,chat,,,200,0,20,0,20,0,k,6");
    assert_eq!((&after[1], &after[3..]), (&before[1], &before[3..]));
}

#[test]
fn of_a_closed_account() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '0')");
    call(&mut s, "credits_grant('a', 10, 'g')");
    call(&mut s, "credits_debit('a', 4, 'd')");
    call(&mut s, "credits_close_account('a', 'gone')");
    on(&mut s, "01-02");
    call(&mut s, "credits_refund('a', 'd', 'r')");
    assert_eq!(
        records(&mut s, "a", "01-02", "infinity"),
        ["a,6,2026-01-02T00:00:00.000000Z,refund,,,,,0,-4,0,-4,0,r,3"]
    );
}

/// An account's time never goes back, so its records stay in order.
#[test]
fn a_clock_that_jumps_back() {
    let mut s = one_of_each();
    on(&mut s, "01-01");
    call(&mut s, "credits_grant('a', 10, 'g2')");
    call(&mut s, "credits_debit('a', 1, 'd3')");
    let rows = records(&mut s, "a", "-infinity", "infinity");
    assert_eq!(rows.len(), 7);
    assert_eq!(rows[6], "a,14,2026-01-02T03:04:06.000000Z,debit,,,,,0,1,0,1,0,d3,");
    assert_eq!(records(&mut s, "a", "01-01", "01-02"), Vec::<String>::new());
}
