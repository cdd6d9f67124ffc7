//! Holds that lapse while somebody waits: the ledger's time is the clock after the lock.

use crate::calls::*;
use crate::holds::*;
use crate::interleave::LEVELS;
use crate::running::{Outcome, Running};
use credits_ledger_tests::{Database, Row, Server, Session};

/// An account with 10 credits, 7 of which are held for less than half a second.
fn short_hold() -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('acme', 10, 'g')");
    s.run("SELECT credits_hold('acme', 7, 'h', '450 milliseconds')");
    (db, s)
}

/// Holds the account with `first` until the hold would have lapsed, and returns what `second`, which waited, comes to.
fn waiting_out(db: &Database, s: &mut Session, level: &str, first: &str, end: &str, second: &str) -> Outcome {
    let mut holder = db.session();
    holder.run("BEGIN");
    holder.run(first);
    let mut b = db.session();
    b.run(&format!("SET default_transaction_isolation = '{level}'"));
    let waiting = Running::start(b, second);
    assert!(waiting.until_blocked_or_done(s), "did not wait");
    s.run("SELECT pg_sleep(0.5)");
    holder.run(end);
    match waiting.finish() {
        (mut b, Err(e)) if e.code == "40001" && level != "READ COMMITTED" => b.try_run(second),
        (_, outcome) => outcome,
    }
}

#[track_caller]
fn has(told: Result<Row, String>, expected: &[(&str, &str)]) {
    told.unwrap().has(expected);
}

fn in_each_level(first: &str, second: &str, told: impl Fn(Result<Row, String>), left: [&str; 2]) {
    for level in LEVELS {
        for end in ["COMMIT", "ROLLBACK"] {
            let (db, mut s) = short_hold();
            // What rolls back has drawn nothing: the figures are those of the scenes that commit.
            if end == "ROLLBACK" {
                s.run(first);
            }
            let first = if end == "ROLLBACK" { &debit("acme", "0.5", "x") } else { first };
            told(receipt(waiting_out(&db, &mut s, level, first, end, second)));
            assert_eq!([balance(&mut s, "acme"), state(&mut s, "acme", "h")], left, "{level} {end}");
            settled(&mut s);
        }
    }
}

#[test]
fn a_capture_that_waited_too_long_is_all_excess() {
    in_each_level(
        &debit("acme", "1", "a"),
        &capture("acme", "h", "c", ", 8"),
        |told| has(told, &[("amount", "8"), ("from_credits", "8"), ("held", "0")]),
        ["1 0 0 1", "0 8 captured"],
    );
}

#[test]
fn a_release_that_waited_too_long_is_none() {
    in_each_level(
        &debit("acme", "1", "a"),
        &release("acme", "h", "r"),
        |told| has(told, &[("entry", "NULL"), ("accepted", "t"), ("amount", "0")]),
        ["9 0 0 9", "0 0 lapsed"],
    );
}

#[test]
fn an_extension_that_waited_too_long_is_refused() {
    in_each_level(
        &debit("acme", "1", "a"),
        &extend("acme", "h", "e", "1 hour"),
        |told| assert_eq!(told.unwrap_err(), "LC007"),
        ["9 0 0 9", "0 0 lapsed"],
    );
}

#[test]
fn a_debit_that_waited_finds_what_has_lapsed() {
    in_each_level(
        &debit("acme", "1", "a"),
        &debit("acme", "9", "b"),
        |told| has(told, &[("amount", "9"), ("balance", "0")]),
        ["0 0 0 0", "0 0 lapsed"],
    );
}

#[test]
fn a_hold_that_was_extended_meanwhile_has_not_lapsed() {
    in_each_level(
        &extend("acme", "h", "e", "1 hour"),
        &debit("acme", "9", "b"),
        |told| assert_eq!(told.unwrap_err(), "LC001"),
        ["10 7 0 3", "7 0 open"],
    );
}

#[test]
fn many_sessions_record_a_lapse_once() {
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run("SELECT credits_grant('m' || i, 10, 'g') FROM generate_series(1, 30) i");
        s.run("SELECT credits_hold('m' || i, 3 + n, 'h' || n, '1 second') FROM generate_series(1, 30) i, generate_series(0, 1) n");
        s.run("SELECT pg_sleep(1.1)");
        let done: usize = crate::crowd::crowd(&db, 4, &[level], |_, s| {
            (0..20)
                .map(|_| until_serialized(s, "SELECT credits_maintain(7) AS n").get("n").parse::<usize>().unwrap())
                .sum::<usize>()
        })
        .into_iter()
        .sum();
        assert_eq!(done, 30, "{level}");
        let operations = s.list("SELECT operation, count(*) FROM credits_history GROUP BY 1 ORDER BY 1");
        assert_eq!(operations, ["grant|30", "hold|60", "lapse|60", "open|30"], "{level}");
        assert_eq!(s.one("SELECT sum(available) FROM credits_accounts"), "300");
        settled(&mut s);
    }
}
