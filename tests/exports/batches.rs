//! Each entry is exported once, whatever else goes on.

use crate::page::{block, files, folder, load, program, run, site};
use credits_ledger_tests::{Database, Installation, Server, Session};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The files together are the ledger: each entry once, as the view has it.
fn is_whole(s: &mut Session, folder: &Path) {
    s.run("DROP TABLE IF EXISTS loaded; CREATE TABLE loaded (LIKE exports.entries)");
    let names = files(folder, ".csv");
    for name in &names {
        load(s, "loaded", &folder.join(name));
    }
    let (loaded, ledger) = ("SELECT to_jsonb(l) - 'batch' FROM loaded l", "SELECT to_jsonb(h) FROM credits_history h");
    assert_eq!(
        s.list(&format!("({loaded}) EXCEPT ALL ({ledger})")),
        Vec::<String>::new(),
        "exported twice, or changed"
    );
    assert_eq!(s.list(&format!("({ledger}) EXCEPT ALL ({loaded})")), Vec::<String>::new(), "not exported");
    // A file for each batch, and no batch is left out.
    let numbers =
        s.list("SELECT 'batch-' || batch || '.csv' FROM exports.batches WHERE delivered_at IS NOT NULL ORDER BY 1");
    assert_eq!(names, numbers);
    assert_eq!(s.one("SELECT count(*) = max(batch) AND bool_and(delivered_at IS NOT NULL) FROM exports.batches"), "t");
}

fn entries(s: &mut Session) -> u64 {
    s.one("SELECT count(*) FROM credits_history").parse().expect("a number")
}

/// Six writers with transactions over one or two of four accounts, some of them rolled back, while batches are made.
#[test]
fn with_writers_at_work() {
    let server = Server::shared();
    let (db, exporter) = site(server);
    let folder = folder(server, "with_writers");
    let mut s = db.session();
    for account in ["a", "b", "c", "d"] {
        s.run(&format!("SELECT credits_open_account('{account}', 10000000)"));
    }
    let mut export = program(server, &db, &exporter, "ledger-export", &folder);
    run(&mut export);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for worker in 0..6_usize {
            let (db, done) = (&db, &done);
            scope.spawn(move || {
                let mut s = db.session();
                for n in 0.. {
                    let names = ["a", "b", "c", "d"];
                    s.run("BEGIN");
                    s.run(&format!(
                        "SELECT credits_debit('{}', 1, 'w{worker} n{n}', actor => 'x,\"y')",
                        names[(worker + n) % 2]
                    ));
                    if n % 3 == 0 {
                        s.run(&format!("SELECT credits_hold('{}', 2, 'w{worker} n{n}')", names[2 + (worker + n) % 2]));
                    }
                    // Open while others commit and batches are made.
                    std::thread::sleep(Duration::from_millis((worker * 3 + n) as u64 % 20));
                    s.run(if n % 7 == 6 { "ROLLBACK" } else { "COMMIT" });
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for _ in 0..6 {
            let before = entries(&mut s);
            let deadline = Instant::now() + Duration::from_secs(60);
            while entries(&mut s) < before + 20 {
                assert!(Instant::now() < deadline, "the writers write");
                std::thread::sleep(Duration::from_millis(10));
            }
            run(&mut export);
        }
        done.store(true, Ordering::Relaxed);
    });
    run(&mut export);
    is_whole(&mut s, &folder);
    assert!(files(&folder, ".csv").len() >= 7, "{:?}", files(&folder, ".csv"));
    // Ranges of an account follow each other without a gap.
    assert_eq!(
        s.list(
            "SELECT account, first_entry FROM (SELECT *, lag(last_entry, 1, 0::bigint) OVER (PARTITION BY account ORDER BY first_entry) AS before
                                               FROM exports.ranges) r WHERE first_entry <> before + 1 OR last_entry < first_entry"
        ),
        Vec::<String>::new()
    );
}

/// Why the watermark is no time: what was open during an export comes later, with an earlier one.
#[test]
fn what_was_open_comes_with_the_next_batch() {
    let (db, _) = site(Server::shared());
    let mut s = db.session();
    s.run("SELECT credits_grant('slow', 10, 'g'), credits_grant('fast', 10, 'g')");
    let mut slow = db.session();
    slow.run("BEGIN");
    slow.run("SELECT credits_debit('slow', 1, 'd')");
    s.run("SELECT credits_debit('fast', 1, 'd')");
    assert_eq!(s.one("SELECT exports.next_batch()"), "1");
    assert_eq!(
        s.list("SELECT account, first_entry, last_entry FROM exports.ranges ORDER BY 1"),
        ["fast|1|3", "slow|1|2"]
    );
    let newest = s.one("SELECT max(recorded_at) FROM exports.entries");
    slow.run("COMMIT");
    let by_time = s.list(&format!("SELECT account FROM credits_history WHERE recorded_at > '{newest}'"));
    assert_eq!(by_time, Vec::<String>::new(), "a watermark of time misses it");
    assert_eq!(s.one("SELECT exports.next_batch()"), "2");
    assert_eq!(s.list("SELECT account, entry, operation FROM exports.entries WHERE batch = 2"), ["slow|3|debit"]);
    assert_eq!(s.one("SELECT exports.next_batch()"), "NULL");
}

#[test]
fn a_program_that_died_is_finished_by_the_next() {
    let server = Server::shared();
    let (db, exporter) = site(server);
    let folder = folder(server, "died");
    let mut s = db.session();
    let mut export = program(server, &db, &exporter, "ledger-export", &folder);
    run(&mut export);
    assert_eq!(files(&folder, ".csv"), Vec::<String>::new(), "nothing, and so no file");
    s.run("SELECT credits_grant('a', 10, 'g')");
    // It died after it made the batch, and the one after it while it wrote the file.
    assert_eq!(db.session_as(&exporter).one("SELECT exports.next_batch()"), "1");
    s.run("SELECT credits_debit('a', 1, 'd1')");
    assert_eq!(db.session_as(&exporter).one("SELECT exports.next_batch()"), "2");
    run(Installation::get().as_user("sh", &folder).args(["-c", "printf 'account,entry\na,' >batch-2.part"]));
    s.run("SELECT credits_debit('a', 1, 'd2')");
    run(&mut export);
    assert_eq!(files(&folder, ".csv"), ["batch-1.csv", "batch-2.csv", "batch-3.csv"]);
    assert_eq!(files(&folder, ".part"), ["batch-2.part"; 0]);
    is_whole(&mut s, &folder);

    // It died after the file was there, before that was noted: the same file once more.
    let bytes = fs::read(folder.join("batch-2.csv")).unwrap();
    s.run("UPDATE exports.batches SET delivered_at = NULL WHERE batch = 2; SELECT credits_debit('a', 1, 'd3')");
    run(&mut export);
    assert_eq!(fs::read(folder.join("batch-2.csv")).unwrap(), bytes);
    assert!(String::from_utf8(bytes).unwrap().contains(",d1,"));
    is_whole(&mut s, &folder);

    // A run that is at work is not disturbed by a second one.
    s.run("SELECT credits_debit('a', 1, 'd4')");
    let mut holder = Installation::get()
        .as_user("sh", &folder)
        .args(["-c", "exec 9>.lock; flock 9; echo held; read _"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh can be started");
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(holder.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "held\n");
    run(&mut export);
    assert_eq!(files(&folder, ".csv").len(), 4);
    drop(holder.stdin.take());
    holder.wait().unwrap();

    // A database that cannot be reached is an error, and no file.
    let failed = program(server, &db, "nobody_of_that_name", "ledger-export", &folder).output().unwrap();
    assert!(!failed.status.success() && files(&folder, ".csv").len() == 4, "{failed:?}");
    run(&mut export);
    is_whole(&mut s, &folder);
}

/// Two at once, and one that looks at the ledger as it was before: no entry is in two batches.
#[test]
fn batches_are_made_one_at_a_time() {
    let (db, exporter) = site(Server::shared());
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 10, 'g')");
    let mut old = db.session_as(&exporter);
    old.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM credits_history");
    let mut first = db.session_as(&exporter);
    first.run("BEGIN");
    assert_eq!(first.one("SELECT exports.next_batch()"), "1");
    std::thread::scope(|scope| {
        let db: &Database = &db;
        let exporter = &exporter;
        let second = scope.spawn(move || {
            let mut second = db.session_as(exporter);
            second.run("SET statement_timeout = '30s'");
            second.one("SELECT exports.next_batch()")
        });
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let deadline = Instant::now() + Duration::from_secs(20);
        while s.one(waiting) != "1" {
            assert!(Instant::now() < deadline, "the second waits");
            std::thread::sleep(Duration::from_millis(10));
        }
        s.run("SELECT credits_debit('a', 1, 'd1')");
        first.run("COMMIT");
        assert_eq!(second.join().unwrap(), "2");
    });
    let e = old.error("SELECT exports.next_batch()");
    assert!(["23505", "40001"].contains(&e.code.as_str()), "{e}");
    assert_eq!(s.list("SELECT batch, first_entry, last_entry FROM exports.ranges ORDER BY 1"), ["1|1|2", "2|3|3"]);
    // A batch that is rolled back leaves nothing, not even its number.
    s.run("SELECT credits_debit('a', 1, 'd2')");
    let mut undone = db.session_as(&exporter);
    undone.run("BEGIN; SELECT exports.next_batch(); ROLLBACK");
    assert_eq!(undone.one("SELECT exports.next_batch()"), "3");
}

#[test]
fn a_redaction_is_told_to_the_copies() {
    let (db, _) = site(Server::shared());
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 10, 'g'), credits_debit('a', 1, 'd', actor => 'ann', resource => 'r', metadata => '{}')");
    assert_eq!(s.one("SELECT exports.next_batch()"), "1");
    assert_eq!(s.list("SELECT actor FROM exports.entries WHERE batch = 1 AND actor IS NOT NULL"), ["ann"]);
    s.run("SELECT credits_redact('a', 3)");
    assert_eq!(s.one("SELECT exports.next_batch()"), "2");
    assert_eq!(s.list("SELECT account, operation, refers_to FROM exports.entries WHERE batch = 2"), ["a|redact|3"]);
    assert_eq!(s.list("SELECT actor FROM exports.entries WHERE actor IS NOT NULL"), Vec::<String>::new());
}

/// The exporter reads views and writes its own tables; the ledger is closed to it.
#[test]
fn the_exporter_may_no_more_than_an_analyst() {
    let (db, exporter) = site(Server::shared());
    let mut s = db.session_as(&exporter);
    for refused in [
        "SELECT * FROM credits_debit('a', 1, 'd')",
        "SELECT * FROM credits_ledger.entries",
        "COPY (SELECT 1) TO '/tmp/anything'",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
    ] {
        assert_eq!(s.error(refused).code, "42501", "{refused}");
    }
    assert!(block("sh ledger-export").contains("COPY (SELECT * FROM exports.entries"));
}
