//! Timeouts, cancels and terminated sessions at any moment, and two-phase commit over a crash: no partial
//! effect, a session that can go on, and a retry with the key that is right.

#[path = "trust/running.rs"]
mod running;

use credits_ledger_tests::{Database, Server, Session};
use running::Running;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn debit(account: &str, amount: &str, key: &str) -> String {
    format!("SELECT * FROM credits_debit('{account}', {amount}, '{key}')")
}

/// An account with 10 credits, locked by `holder`, which has debited 7.
fn locked_account(holder: &mut Session, account: &str) {
    holder.run(&format!("SELECT credits_grant('{account}', 10, 'g')"));
    holder.run("BEGIN");
    holder.run(&debit(account, "7", "held"));
}

fn operations(s: &mut Session, account: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT entry, operation, idempotency_key FROM credits_history WHERE account = '{account}' ORDER BY entry"
    ))
}

fn no_problem(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Both outside of a transaction block and inside of one: the wait ends with `code`, nothing happened, and
/// the same session retries with the same key.
fn a_wait_that_times_out(setting: &str, code: &str) {
    let db = Server::shared().database();
    let mut holder = db.session();
    let mut s = db.session();
    for (account, block) in [("alone", false), ("block", true)] {
        locked_account(&mut holder, account);
        s.run(&format!("SET {setting} = '80ms'"));
        if block {
            s.run("BEGIN");
        }
        let e = s.error(&debit(account, "3", "k"));
        assert_eq!(e.code, code, "{}", e.message);
        if block {
            assert_eq!(s.error("SELECT 1").code, "25P02");
            s.run("ROLLBACK");
        }
        s.run(&format!("RESET {setting}"));
        assert_eq!(s.row(&format!("SELECT * FROM credits_balance('{account}')")).get("balance"), "10");
        holder.run("COMMIT");
        let receipt = s.row(&debit(account, "3", "k"));
        assert_eq!((receipt.get("replayed"), receipt.get("balance")), ("f", "0"));
        assert_eq!(operations(&mut s, account), ["1|open|NULL", "2|grant|g", "3|debit|held", "4|debit|k"]);
    }
    no_problem(&mut s);
}

#[test]
fn lock_timeout_leaves_nothing_behind() {
    a_wait_that_times_out("lock_timeout", "55P03");
}

#[test]
fn statement_timeout_leaves_nothing_behind() {
    a_wait_that_times_out("statement_timeout", "57014");
}

#[test]
fn a_batch_that_times_out_has_no_effect_on_any_account() {
    let db = Server::shared().database();
    let (mut holder, mut s) = (db.session(), db.session());
    s.run("SELECT credits_grant('a', 10, 'g'), credits_grant('z', 10, 'g')");
    locked_account(&mut holder, "m");
    let batch = "SELECT * FROM credits_debit_many(ARRAY['z','m','a'], ARRAY[1,1,1], ARRAY['k','k','k'])";
    s.run("SET lock_timeout = '80ms'");
    assert_eq!(s.error(batch).code, "55P03");
    assert_eq!(operations(&mut s, "a"), ["1|open|NULL", "2|grant|g"]);
    assert_eq!(operations(&mut s, "z"), ["1|open|NULL", "2|grant|g"]);
    holder.run("ROLLBACK");
    let rows = s.rows(batch);
    assert_eq!(rows.iter().map(|r| r.get("balance")).collect::<Vec<_>>(), ["9", "9", "9"]);
    no_problem(&mut s);
}

#[test]
fn a_call_for_which_time_has_much_to_do_can_be_stopped() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at("2026-01-01 00:00+00");
    for account in ["stopped", "whole"] {
        s.run(&format!("SELECT credits_open_account('{account}', 10, '1 second')"));
    }
    // half a day: 43,200 cycles
    s.at("2026-01-01 12:00+00");
    let mut took = |account: &str, timeout: &str| {
        s.run(&format!("SET statement_timeout = '{timeout}'"));
        let began = Instant::now();
        let code = s.try_run(&format!("SELECT credits_reset_cycle('{account}')")).err().map(|e| e.code);
        (code, began.elapsed())
    };
    let (code, whole) = took("whole", "0");
    assert_eq!(code, None);
    let (code, stopped) = took("stopped", "50ms");
    assert_eq!(code.as_deref(), Some("57014"));
    assert!(stopped < whole / 2, "stopped after {stopped:?} of {whole:?}");
    // nothing of it stands
    s.run("RESET statement_timeout");
    s.at("2026-01-01 00:01+00");
    s.row("SELECT * FROM credits_debit('stopped', 1, 'k')").has(&[
        ("replayed", "f"),
        ("balance", "9"),
        ("entry", "123"),
    ]);
    no_problem(&mut s);
}

#[test]
fn a_waiting_session_that_is_cancelled_retries_with_its_key() {
    let db = Server::shared().database();
    let (mut holder, mut watcher) = (db.session(), db.session());
    locked_account(&mut holder, "acct");
    let waiting = Running::start(db.session(), &debit("acct", "3", "k"));
    assert!(waiting.until_blocked_or_done(&mut watcher));
    assert_eq!(watcher.one(&format!("SELECT pg_cancel_backend({})", waiting.pid)), "t");
    let (mut s, outcome) = waiting.finish();
    assert_eq!(outcome.err().map(|e| e.code).as_deref(), Some("57014"));
    holder.run("COMMIT");
    assert_eq!(s.row(&debit("acct", "3", "k")).get("balance"), "0");
    assert_eq!(operations(&mut s, "acct"), ["1|open|NULL", "2|grant|g", "3|debit|held", "4|debit|k"]);
}

#[test]
fn the_lock_of_a_terminated_session_is_free_and_its_debit_undone() {
    let db = Server::shared().database();
    let (mut holder, mut watcher) = (db.session(), db.session());
    locked_account(&mut holder, "acct");
    let pid = holder.one("SELECT pg_backend_pid()");
    let waiting = Running::start(db.session(), &debit("acct", "8", "k"));
    assert!(waiting.until_blocked_or_done(&mut watcher));
    assert_eq!(watcher.one(&format!("SELECT pg_terminate_backend({pid})")), "t");
    let (mut s, outcome) = waiting.finish();
    let receipt = outcome.unwrap_or_else(|e| panic!("{} {}", e.code, e.message)).remove(0);
    assert_eq!((receipt.get("entry"), receipt.get("balance")), ("3", "2"));
    assert_eq!(operations(&mut s, "acct"), ["1|open|NULL", "2|grant|g", "3|debit|k"]);
    no_problem(&mut s);
}

const WORKERS: usize = 3;
const CALLS: usize = 300;

/// What a worker calls as its n-th call: single debits, a batch now and then, a reset now and then.
fn call(worker: usize, n: usize) -> String {
    match n % 10 {
        3 => format!(
            "SELECT * FROM credits_debit_many(ARRAY['one','two','one'], ARRAY[1,1,1],
                 ARRAY['w{worker}n{n}a','w{worker}n{n}b','w{worker}n{n}c'])"
        ),
        7 => format!("SELECT * FROM credits_reset_cycle('two', 'w{worker}n{n}')"),
        _ => debit(if n.is_multiple_of(2) { "one" } else { "two" }, "1", &format!("w{worker}n{n}")),
    }
}

/// Each call in turn, again with the same key until it is answered. Returns how many answers were lost.
fn persist(db: &Database, worker: usize, stopped: &str) -> u32 {
    let mut session = db.session();
    let mut lost = 0;
    for n in 0..CALLS {
        let in_block = n % 4 == 1;
        loop {
            let outcome = if in_block {
                session.try_run("BEGIN").and_then(|_| {
                    let answer = session.try_run(&call(worker, n))?;
                    session.try_run("COMMIT").map(|_| answer)
                })
            } else {
                session.try_run(&call(worker, n))
            };
            match outcome {
                Ok(_) => break,
                Err(e) if e.code == "57014" => {
                    assert_eq!(stopped, "pg_cancel_backend", "{}", e.message);
                    if in_block {
                        // The cancel may have met BEGIN or COMMIT itself: there may be no block to end.
                        while session.try_run("ROLLBACK").is_err() {}
                    }
                }
                Err(e) => {
                    assert!(
                        stopped == "pg_terminate_backend" && e.severity == "FATAL",
                        "{} {}: {}",
                        e.code,
                        e.message,
                        call(worker, n)
                    );
                    session = db.session();
                }
            }
            lost += 1;
            assert!(lost < 100_000, "no call gets through");
        }
    }
    lost
}

/// Workers call while another session stops their backends at random moments with the function named, with
/// pauses of so many microseconds at most.
fn stopped_at_random_moments(stop: &'static str, most: u64) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET application_name = 'bystander'");
    s.run("SELECT credits_grant('one', 100000, 'g')");
    s.run("SELECT credits_open_account('two', 1000, '0', rollover_percent => 10)");
    s.run("SELECT credits_grant('two', 100000, 'g')");

    let db = Arc::new(db);
    let over = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let db = db.clone();
            std::thread::spawn(move || persist(&db, worker, stop))
        })
        .collect();
    let stopper = {
        let (mut session, over) = (db.session(), over.clone());
        std::thread::spawn(move || {
            // The pause varies, so that every part of a call is met.
            let mut pause = 1;
            let mut stops = 0;
            while !over.load(Ordering::SeqCst) {
                pause = (pause * 7919 + 13) % most;
                std::thread::sleep(Duration::from_micros(200 + pause));
                let question = format!(
                    "SELECT count({stop}(pid)) FROM (
                         SELECT pid FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()
                           AND query LIKE '%credits%' AND application_name <> 'bystander'
                         ORDER BY random() LIMIT 1) a"
                );
                stops += session.one(&question).parse::<u32>().unwrap();
            }
            stops
        })
    };
    let lost: u32 = workers.into_iter().map(|w| w.join().expect("a worker failed")).sum();
    over.store(true, Ordering::SeqCst);
    let stops = stopper.join().unwrap();
    println!("{stop}: {stops} stops, {lost} calls without an answer");
    assert!(lost >= 20, "only {lost} calls were stopped: the test proves little");

    for (account, keys) in [("one", 2), ("two", 1)] {
        // of ten calls five are even and three odd; the batch and the reset are the other two
        let singles = if account == "one" { 5 } else { 3 };
        let expected = WORKERS * CALLS / 10 * (singles + keys);
        let found = s.row(&format!(
            "SELECT count(*) AS n, count(DISTINCT idempotency_key) AS keys, sum(-amount) AS spent
             FROM credits_history WHERE account = '{account}' AND operation = 'debit'"
        ));
        assert_eq!(found.get("n"), expected.to_string(), "{account}");
        assert_eq!(found.get("keys"), expected.to_string(), "{account}");
        assert_eq!(found.get("spent"), expected.to_string(), "{account}");
    }
    let resets = s.one("SELECT count(*) FROM credits_history WHERE operation = 'reset'");
    assert_eq!(resets, (WORKERS * CALLS / 10).to_string());
    no_problem(&mut s);
}

#[test]
fn debits_cancelled_at_random_moments_happen_once_each() {
    stopped_at_random_moments("pg_cancel_backend", 1_000);
}

#[test]
fn debits_of_sessions_terminated_at_random_moments_happen_once_each() {
    stopped_at_random_moments("pg_terminate_backend", 10_000);
}

#[test]
fn a_prepared_debit_survives_a_crash_and_is_committed_after_it() {
    let mut server = Server::start(&[("max_prepared_transactions", "8"), ("synchronous_commit", "on")]);
    let db = server.database();
    let mut s = db.session();
    for account in ["kept", "dropped"] {
        s.run(&format!("SELECT credits_grant('{account}', 10, 'g')"));
        s.run("BEGIN");
        s.run(&debit(account, "7", "k"));
        s.run(&format!("PREPARE TRANSACTION '{account}'"));
    }
    // what is prepared is neither visible nor free
    assert_eq!(s.row("SELECT * FROM credits_balance('kept')").get("balance"), "10");
    s.run("SET lock_timeout = '80ms'");
    assert_eq!(s.error(&debit("kept", "7", "other")).code, "55P03");
    assert_eq!(s.error(&debit("kept", "7", "k")).code, "55P03");
    drop(s);

    server.stop("immediate");
    server.start_again();

    let mut s = db.session();
    assert_eq!(s.list("SELECT gid FROM pg_prepared_xacts ORDER BY gid"), ["dropped", "kept"]);
    s.run("SET lock_timeout = '80ms'");
    assert_eq!(s.error(&debit("kept", "7", "other")).code, "55P03");
    s.run("COMMIT PREPARED 'kept'");
    s.run("ROLLBACK PREPARED 'dropped'");
    let replay = s.row(&debit("kept", "7", "k"));
    assert_eq!((replay.get("replayed"), replay.get("balance"), replay.get("entry")), ("t", "3", "3"));
    let e = s.error(&debit("kept", "7", "other"));
    assert_eq!(e.code, "LC001");
    let executed = s.row(&debit("dropped", "7", "k"));
    assert_eq!((executed.get("replayed"), executed.get("balance"), executed.get("entry")), ("f", "3", "3"));
    for account in ["kept", "dropped"] {
        assert_eq!(operations(&mut s, account), ["1|open|NULL", "2|grant|g", "3|debit|k"]);
    }
    no_problem(&mut s);
}
