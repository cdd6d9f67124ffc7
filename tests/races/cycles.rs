//! Resets, and cycles that end by the clock, against debits and each other.

use crate::calls::*;
use crate::interleave::LEVELS;
use crate::running::{Outcome, Running};
use credits_ledger_tests::{Database, Server, Session};
use std::sync::{Arc, Barrier};

fn manual_account(s: &mut Session, account: &str) {
    s.run(&format!("SELECT credits_open_account('{account}', 100, '0')"));
    s.run(&debit(account, "30", "first"));
}

#[test]
fn a_debit_that_waits_for_a_reset_draws_from_the_new_allowance() {
    in_every_way(|db, s, way, account| {
        manual_account(s, account);
        let reset = format!("SELECT * FROM credits_reset_cycle('{account}', 'r')");
        let (first, second) = way.play(db, &reset, "COMMIT", &debit(account, "80", "d"));
        let r = &first[0];
        assert_eq!((r.get("cycles_closed"), r.get("expired"), r.get("granted")), ("1", "70", "100"), "{way:?}");
        assert_eq!(only(second, way).get("allowance"), "20", "{way:?}");
    });
}

#[test]
fn a_debit_that_waits_for_a_reset_that_rolls_back_draws_from_the_old_allowance() {
    in_every_way(|db, s, way, account| {
        manual_account(s, account);
        let reset = format!("SELECT * FROM credits_reset_cycle('{account}', 'r')");
        let (_, second) = way.play(db, &reset, "ROLLBACK", &debit(account, "80", "d"));
        let e = refused(second, "LC001", way);
        assert!(e.detail.contains("available=70 required=80 shortfall=10"), "{way:?}: {}", e.detail);
    });
}

#[test]
fn a_reset_that_waits_for_a_debit_expires_only_what_it_left() {
    in_every_way(|db, s, way, account| {
        manual_account(s, account);
        let reset = format!("SELECT * FROM credits_reset_cycle('{account}', 'r')");
        let (_, second) = way.play(db, &debit(account, "60", "d"), "COMMIT", &reset);
        let r = only(second, way);
        assert_eq!((r.get("cycles_closed"), r.get("expired"), r.get("granted")), ("1", "10", "100"), "{way:?}");
        assert_eq!((r.get("allowance"), r.get("replayed")), ("100", "f"), "{way:?}");
        let cycle = s.list(&format!(
            "SELECT trim_scale(granted), trim_scale(used), trim_scale(expired) FROM credits_cycles
             WHERE account = '{account}' AND closed_at IS NOT NULL"
        ));
        assert_eq!(cycle, ["100|90|10"], "{way:?}");
    });
}

#[test]
fn a_reset_that_waits_for_a_debit_that_rolls_back_expires_all() {
    in_every_way(|db, s, way, account| {
        manual_account(s, account);
        let reset = format!("SELECT * FROM credits_reset_cycle('{account}', 'r')");
        let r = only(way.play(db, &debit(account, "60", "d"), "ROLLBACK", &reset).1, way);
        assert_eq!((r.get("expired"), r.get("granted")), ("70", "100"), "{way:?}");
    });
}

#[test]
fn of_two_resets_for_one_webhook_one_applies() {
    in_every_way(|db, s, way, account| {
        manual_account(s, account);
        let reset = format!("SELECT * FROM credits_reset_cycle('{account}', 'evt_1')");
        let (first, second) = way.play(db, &reset, "COMMIT", &reset);
        let second = only(second, way);
        assert_eq!(second.get("replayed"), "t", "{way:?}");
        for column in ["cycle", "cycle_start", "cycles_closed", "expired", "granted", "allowance", "balance"] {
            assert_eq!(first[0].get(column), second.get(column), "{way:?}: {column}");
        }
        let closed =
            format!("SELECT count(*) FROM credits_cycles WHERE account = '{account}' AND closed_at IS NOT NULL");
        assert_eq!(s.one(&closed), "1", "{way:?}");
    });
}

#[test]
fn of_two_resets_for_one_cycle_one_applies() {
    // Two webhooks with keys of their own tell of the same period.
    in_every_way(|db, s, way, account| {
        manual_account(s, account);
        let starts_at = s.one("SELECT clock_timestamp()");
        let reset =
            |key: &str| format!("SELECT * FROM credits_reset_cycle('{account}', '{key}', starts_at => '{starts_at}')");
        let (first, second) = way.play(db, &reset("evt_1"), "COMMIT", &reset("evt_2"));
        assert_eq!((first[0].get("cycles_closed"), first[0].get("expired")), ("1", "70"), "{way:?}");
        let second = only(second, way);
        assert_eq!((second.get("cycles_closed"), second.get("expired")), ("0", "0"), "{way:?}");
        assert_eq!((second.get("replayed"), second.get("allowance")), ("f", "100"), "{way:?}");
        let closed =
            format!("SELECT count(*) FROM credits_cycles WHERE account = '{account}' AND closed_at IS NOT NULL");
        assert_eq!(s.one(&closed), "1", "{way:?}");
    });
}

/// An account by the clock whose cycle has just ended, with 70 of 100 unused.
fn account_with_a_cycle_due(s: &mut Session, account: &str) {
    s.run(&format!(
        "SELECT credits_open_account('{account}', 100, '1 day',
             anchor => clock_timestamp() - interval '1 day' + interval '250 milliseconds')"
    ));
    s.run(&debit(account, "30", "first"));
    s.run("SELECT pg_sleep(0.3)");
}

#[test]
fn a_cycle_that_ended_by_the_clock_is_closed_once() {
    in_every_way(|db, s, way, account| {
        account_with_a_cycle_due(s, account);
        let reset = format!("SELECT * FROM credits_reset_cycle('{account}')");
        let (first, second) = way.play(db, &reset, "COMMIT", &reset);
        assert_eq!((first[0].get("cycles_closed"), first[0].get("expired")), ("1", "70"), "{way:?}");
        let second = only(second, way);
        assert_eq!((second.get("cycles_closed"), second.get("expired")), ("0", "0"), "{way:?}");
        let operations =
            s.list(&format!("SELECT operation FROM credits_history WHERE account = '{account}' ORDER BY entry"));
        assert_eq!(operations, ["open", "allowance", "debit", "expire", "allowance"], "{way:?}");
    });
}

#[test]
fn two_debits_find_a_cycle_due_and_close_it_once() {
    in_every_way(|db, s, way, account| {
        account_with_a_cycle_due(s, account);
        let (first, second) = way.play(db, &debit(account, "50", "a"), "COMMIT", &debit(account, "50", "b"));
        assert_eq!(first[0].get("allowance"), "50", "{way:?}");
        assert_eq!(only(second, way).get("allowance"), "0", "{way:?}");
        let operations =
            s.list(&format!("SELECT operation FROM credits_history WHERE account = '{account}' ORDER BY entry"));
        assert_eq!(operations, ["open", "allowance", "debit", "expire", "allowance", "debit", "debit"], "{way:?}");
    });
}

#[test]
fn maintenance_in_two_sessions_brings_each_account_up_to_date_once() {
    const ACCOUNTS: usize = 40;
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&format!(
            "SELECT credits_open_account('m' || i, 100, '1 day',
                 anchor => clock_timestamp() - interval '1 day' + interval '2 seconds')
             FROM generate_series(1, {ACCOUNTS}) i"
        ));
        s.run("SELECT pg_sleep(2.1)");
        let start = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (mut session, start) = (db.session(), start.clone());
                std::thread::spawn(move || {
                    session.run(&format!("SET default_transaction_isolation = '{level}'"));
                    start.wait();
                    let mut done = 0;
                    for _ in 0..20 {
                        let row = until_serialized(&mut session, "SELECT credits_maintain(7) AS n");
                        done += row.get("n").parse::<usize>().unwrap();
                    }
                    done
                })
            })
            .collect();
        let done: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
        assert_eq!(done, ACCOUNTS, "{level}");
        let entries = s.list("SELECT operation, count(*) FROM credits_history GROUP BY 1 ORDER BY 1");
        assert_eq!(entries, ["allowance|80", "expire|40", "open|40"], "{level}");
        assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    }
}

/// Plays a scene in which `first` holds the account until a quarter of a second has passed, and returns what
/// `second`, which waited for it, comes to.
fn waiting_out(db: &Database, s: &mut Session, level: &str, first: &str, end: &str, second: &str) -> Outcome {
    let mut holder = db.session();
    holder.run("BEGIN");
    holder.run(first);
    let mut b = db.session();
    b.run(&format!("SET default_transaction_isolation = '{level}'"));
    let waiting = Running::start(b, second);
    assert!(waiting.until_blocked_or_done(s), "did not wait");
    s.run("SELECT pg_sleep(0.4)");
    holder.run(end);
    match waiting.finish() {
        (mut b, Err(e)) if e.code == "40001" && level != "READ COMMITTED" => b.try_run(second),
        (_, outcome) => outcome,
    }
}

#[test]
fn credits_that_expire_while_a_debit_waits_are_not_spent() {
    // The ledger's time is the clock after the lock, not when the call began.
    for level in LEVELS {
        for end in ["COMMIT", "ROLLBACK"] {
            let db = Server::shared().database();
            let mut s = db.session();
            s.run("SELECT credits_grant('acme', 10, 'g', expires_in => '400 milliseconds')");
            s.run("SELECT credits_grant('acme', 3, 'h', 'adjustment')");
            let second = debit("acme", "5", "b");
            let e = match waiting_out(&db, &mut s, level, &debit("acme", "1", "a"), end, &second) {
                Ok(rows) => panic!("{level} {end}: what had expired was spent: {}", rows[0]),
                Err(e) => e,
            };
            assert_eq!(e.code, "LC001", "{level} {end}: {e}");
            assert_eq!(e.figure("available"), "3", "{level} {end}");
            assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
        }
    }
}

#[test]
fn a_debit_that_waits_over_the_end_of_a_cycle_draws_from_the_new_one() {
    for level in LEVELS {
        for (end, unused) in [("COMMIT", "9"), ("ROLLBACK", "10")] {
            let db = Server::shared().database();
            let mut s = db.session();
            s.run(
                "SELECT credits_open_account('acme', 10, '1 day',
                     anchor => clock_timestamp() - interval '1 day' + interval '400 milliseconds')",
            );
            let second = debit("acme", "4", "b");
            let outcome = waiting_out(&db, &mut s, level, &debit("acme", "1", "a"), end, &second);
            let rows = outcome.unwrap_or_else(|e| panic!("{level} {end}: {e}"));
            rows[0].has(&[("allowance", "6"), ("balance", "6")]);
            let closed = s.row("SELECT * FROM credits_cycles WHERE account = 'acme' AND closed_at IS NOT NULL");
            closed.has(&[("cycle", "1"), ("expired", unused)]);
            let in_order = s.one(
                "SELECT bool_and(recorded_at >= before AND effective_at >= before_effective) FROM (
                     SELECT recorded_at, effective_at, lag(recorded_at, 1, '-infinity') OVER w AS before,
                            lag(effective_at, 1, '-infinity') OVER w AS before_effective
                     FROM credits_history WINDOW w AS (PARTITION BY account ORDER BY entry)) h",
            );
            assert_eq!(in_order, "t", "{level} {end}");
        }
    }
}
