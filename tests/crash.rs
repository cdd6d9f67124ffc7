//! Crashes under load: whatever was acknowledged is there, once; what was not is there once or not at all,
//! together with the application's own rows; and the ledger verifies.

use credits_ledger_tests::{Database, Server, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const WORKERS: usize = 4;
const ACCOUNTS: [&str; 3] = ["one", "two", "three"];

/// The fate of one worker's calls.
#[derive(Default)]
struct Calls {
    acknowledged: Vec<String>,
    /// Sent, but the answer never came.
    in_doubt: Vec<String>,
}

/// The call of one key: a debit by itself, a debit together with the application's own row, or a batch.
fn call(session: &mut Session, key: &str, n: usize) -> Result<(), credits_ledger_tests::SqlError> {
    let account = ACCOUNTS[n % ACCOUNTS.len()];
    match n % 4 {
        0 => {
            session.try_run("BEGIN")?;
            session.try_run(&format!("SELECT credits_debit('{account}', 1, '{key}')"))?;
            session.try_run(&format!("INSERT INTO orders VALUES ('{account}', '{key}') ON CONFLICT DO NOTHING"))?;
            session.try_run("COMMIT")?;
        }
        1 => {
            session.try_run(&format!(
                "SELECT * FROM credits_debit_many(ARRAY['three','one','two'], ARRAY[1,1,1], ARRAY['{key}','{key}','{key}'])"
            ))?;
        }
        _ => {
            session.try_run(&format!("SELECT credits_debit('{account}', 1, '{key}')"))?;
        }
    }
    Ok(())
}

/// Calls until told to stop or until the server is gone.
fn work(mut session: Session, name: String, over: &AtomicBool) -> Calls {
    let mut calls = Calls::default();
    for n in 0.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("{name}n{n}");
        match call(&mut session, &key, n) {
            Ok(()) => calls.acknowledged.push(key),
            Err(e) => {
                assert!(e.severity == "FATAL", "{key}: {} {}", e.code, e.message);
                calls.in_doubt.push(key);
                break;
            }
        }
    }
    calls
}

/// Starts the workers of one round.
fn start_load(db: &Database, round: usize) -> (Arc<AtomicBool>, Vec<std::thread::JoinHandle<Calls>>) {
    let over = Arc::new(AtomicBool::new(false));
    let workers = (0..WORKERS)
        .map(|worker| {
            let (session, over) = (db.session(), over.clone());
            std::thread::spawn(move || work(session, format!("r{round}w{worker}"), &over))
        })
        .collect();
    (over, workers)
}

fn prepare(db: &Database) {
    let mut s = db.session();
    s.run("CREATE TABLE orders (account text, key text, PRIMARY KEY (account, key))");
    for account in ACCOUNTS {
        s.run(&format!("SELECT credits_open_account('{account}', 1000, '0', rollover_percent => 50)"));
        s.run(&format!("SELECT credits_grant('{account}', 10000000, 'g')"));
    }
}

/// The number of the call, from its key.
fn number(key: &str) -> usize {
    key.rsplit('n').next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("the key {key} has no number"))
}

/// How many debits the call of this key makes.
fn debits_of(key: &str) -> usize {
    if number(key) % 4 == 1 { ACCOUNTS.len() } else { 1 }
}

fn count(s: &mut Session, sql: &str) -> usize {
    s.one(sql).parse().unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// What must hold after recovery. `durable`: acknowledged calls must all be there.
fn check(s: &mut Session, calls: &[Calls], durable: bool) {
    s.run("CREATE TEMP TABLE acknowledged (key text, debits int); CREATE TEMP TABLE in_doubt (key text, debits int)");
    for (table, keys) in [
        ("acknowledged", calls.iter().flat_map(|c| &c.acknowledged).collect::<Vec<_>>()),
        ("in_doubt", calls.iter().flat_map(|c| &c.in_doubt).collect()),
    ] {
        for some in keys.chunks(500) {
            let rows: Vec<String> = some.iter().map(|key| format!("('{key}',{})", debits_of(key))).collect();
            s.run(&format!("INSERT INTO {table} VALUES {}", rows.join(",")));
        }
    }
    // how many debits each key made
    s.run(
        "CREATE TEMP TABLE found AS SELECT idempotency_key AS key, count(*) AS n FROM credits_history
         WHERE operation = 'debit' GROUP BY 1; ANALYZE found, acknowledged, in_doubt",
    );
    if durable {
        let lost = s.list(
            "SELECT key, debits, n FROM acknowledged LEFT JOIN found USING (key) WHERE n IS DISTINCT FROM debits",
        );
        assert_eq!(lost, Vec::<String>::new(), "acknowledged keys that are not there once");
    }
    let halves = s.list(
        "SELECT key, debits, n FROM (TABLE acknowledged UNION ALL TABLE in_doubt) k JOIN found USING (key)
         WHERE n <> debits",
    );
    assert_eq!(halves, Vec::<String>::new(), "keys with part of their effect");
    let twice = s.list(
        "SELECT account, idempotency_key FROM credits_history WHERE idempotency_key IS NOT NULL
         GROUP BY 1, 2 HAVING count(*) > 1",
    );
    assert_eq!(twice, Vec::<String>::new(), "keys that are there twice");
    // The debit and the application's own row stand or fall together.
    let torn = s.list(
        "SELECT account, key FROM orders EXCEPT
             SELECT account, idempotency_key FROM credits_history WHERE operation = 'debit'",
    );
    assert_eq!(torn, Vec::<String>::new(), "orders without their debit");
    let unpaired = s.list(
        "SELECT account, idempotency_key FROM credits_history
         WHERE operation = 'debit' AND substring(idempotency_key, 'n([0-9]+)$')::int % 4 = 0
         EXCEPT SELECT account, key FROM orders",
    );
    assert_eq!(unpaired, Vec::<String>::new(), "debits without their order");
    let gaps = s.list(
        "SELECT account FROM credits_history GROUP BY account
         HAVING count(*) <> max(entry) OR min(entry) <> 1 OR count(DISTINCT entry) <> count(*)",
    );
    assert_eq!(gaps, Vec::<String>::new(), "accounts whose entries have gaps");
    let sums = s.list(
        "SELECT a.account FROM credits_accounts a JOIN credits_history h USING (account)
         GROUP BY a.account, a.balance HAVING a.balance <> sum(h.amount)",
    );
    assert_eq!(sums, Vec::<String>::new(), "accounts whose balance is not the sum of their history");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Sends again what was in doubt, as an application does after it reconnected.
fn settle(s: &mut Session, calls: &mut [Calls]) {
    for calls in calls {
        for key in std::mem::take(&mut calls.in_doubt) {
            call(s, &key, number(&key)).unwrap_or_else(|e| panic!("{key}: {} {}", e.code, e.message));
            calls.acknowledged.push(key);
        }
    }
}

fn join(workers: Vec<std::thread::JoinHandle<Calls>>) -> Vec<Calls> {
    workers.into_iter().map(|w| w.join().expect("a worker failed")).collect()
}

fn acknowledged(calls: &[Calls]) -> usize {
    calls.iter().map(|c| c.acknowledged.len()).sum()
}

#[test]
fn immediate_stops_under_load_lose_no_acknowledged_key() {
    let mut server = Server::start(&[("synchronous_commit", "on")]);
    let db = server.database();
    prepare(&db);
    let mut all = Vec::new();
    for round in 0..5 {
        let (_, workers) = start_load(&db, round);
        std::thread::sleep(Duration::from_millis(700 + 130 * round as u64));
        server.stop("immediate");
        all.extend(join(workers));
        server.start_again();
        let mut s = db.session();
        check(&mut s, &all, true);
        settle(&mut s, &mut all);
    }
    let mut s = db.session();
    check(&mut s, &all, true);
    let debits: usize = all.iter().flat_map(|c| &c.acknowledged).map(|key| debits_of(key)).sum();
    assert_eq!(count(&mut s, "SELECT count(*) FROM credits_history WHERE operation = 'debit'"), debits);
    println!("5 crashes, {} calls acknowledged", acknowledged(&all));
    assert!(acknowledged(&all) > 500, "only {} calls: no load", acknowledged(&all));
}

#[test]
fn killed_backends_under_load_lose_no_acknowledged_key() {
    // The death of one backend makes the server drop all sessions and recover.
    let server = Server::start(&[("synchronous_commit", "on"), ("restart_after_crash", "on")]);
    let db = server.database();
    prepare(&db);
    let mut all = Vec::new();
    for round in 0..4 {
        // One that has called, and one that is in the middle of a call: the load goes on meanwhile.
        let mut victim = db.session();
        victim.run(&format!("SELECT credits_debit('one', 1, 'r{round}w9n2')"));
        all.push(Calls { acknowledged: vec![format!("r{round}w9n2")], in_doubt: Vec::new() });
        victim.run("BEGIN");
        let (_, workers) = start_load(&db, round);
        std::thread::sleep(Duration::from_millis(400 + 90 * round as u64));
        victim.run(&format!("SELECT credits_debit('two', 1, 'r{round}w9n6')"));
        server.kill_backend_of(&victim);
        all.extend(join(workers));
        server.wait_until_ready();
        let mut s = db.session();
        check(&mut s, &all, true);
        settle(&mut s, &mut all);
    }
    let mut s = db.session();
    check(&mut s, &all, true);
    assert!(acknowledged(&all) > 300, "only {} calls: no load", acknowledged(&all));
}

#[test]
fn a_killed_postmaster_under_load_loses_no_acknowledged_key() {
    let mut server = Server::start(&[("synchronous_commit", "on")]);
    let db = server.database();
    prepare(&db);
    let mut all = Vec::new();
    for round in 0..3 {
        let (over, workers) = start_load(&db, round);
        std::thread::sleep(Duration::from_millis(500 + 110 * round as u64));
        server.kill_postmaster();
        // Sessions that live on without their postmaster may still commit: those commits count too.
        std::thread::sleep(Duration::from_millis(200));
        over.store(true, Ordering::SeqCst);
        all.extend(join(workers));
        server.start_again();
        let mut s = db.session();
        check(&mut s, &all, true);
        settle(&mut s, &mut all);
    }
    let mut s = db.session();
    check(&mut s, &all, true);
    assert!(acknowledged(&all) > 300, "only {} calls: no load", acknowledged(&all));
}

#[test]
fn without_durable_commits_a_crash_may_lose_calls_but_not_consistency() {
    let mut server =
        Server::start(&[("synchronous_commit", "off"), ("wal_writer_delay", "10s"), ("wal_writer_flush_after", "0")]);
    let db = server.database();
    prepare(&db);
    for round in 0..2 {
        let (_, workers) = start_load(&db, round);
        std::thread::sleep(Duration::from_millis(600));
        server.stop("immediate");
        let calls = join(workers);
        assert!(acknowledged(&calls) > 100, "only {} calls: no load", acknowledged(&calls));
        server.start_again();
        let mut s = db.session();
        check(&mut s, &calls, false);
        // Whatever was lost goes in with a retry, whatever was not replays.
        for key in calls.iter().flat_map(|c| c.acknowledged.iter().chain(&c.in_doubt)) {
            call(&mut s, key, number(key)).unwrap_or_else(|e| panic!("{key}: {} {}", e.code, e.message));
        }
        s.run("DROP TABLE acknowledged, in_doubt, found");
        check(&mut s, &calls, true);
    }
}
