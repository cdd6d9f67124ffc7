//! pg_cron makes batches and lets the server write their files.

use crate::page::{block, files, folder, load};
use credits_ledger_tests::{Installation, Server};
use std::time::{Duration, Instant};

#[test]
fn pg_cron_writes_what_is_new() {
    let library = Installation::get().pg_config("--pkglibdir") + "/pg_cron.so";
    assert!(std::path::Path::new(&library).exists(), "{library} is missing: `make setup` installs pg_cron on Debian");
    let server = Server::start(&[
        ("shared_preload_libraries", "pg_cron"),
        ("cron.database_name", "db1"),
        ("cron.use_background_workers", "on"),
    ]);
    let db = server.database();
    assert_eq!(db.name, "db1");
    let mut s = db.session();
    s.run(block("sql"));
    s.run("CREATE EXTENSION pg_cron");
    s.run("SELECT credits_grant('a', 10, 'g'), credits_debit('a', 1, 'd')");
    // A batch that was made and not written, for whatever reason.
    assert_eq!(s.one("SELECT exports.next_batch()"), "1");
    s.run("SELECT credits_debit('a', 1, 'd2')");
    let folder = folder(&server, "files");
    let scheduled = block("sql-pg_cron").replace("/var/lib/ledger-export", &folder.display().to_string());
    assert_ne!(scheduled, block("sql-pg_cron"));
    let output = db.psql(&format!("\\set ON_ERROR_STOP on\n{scheduled}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // pg_cron starts jobs at full minutes.
    let deadline = Instant::now() + Duration::from_secs(180);
    let runs =
        "SELECT username, status, return_message FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')";
    while s.list(runs).is_empty() {
        assert!(Instant::now() < deadline, "the job has not run");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(s.list(runs)[0], "exporter|succeeded|CALL");
    assert_eq!(files(&folder, ".csv"), ["batch-1.csv", "batch-2.csv"]);
    s.run("CREATE TABLE loaded (LIKE exports.entries)");
    for file in files(&folder, ".csv") {
        load(&mut s, "loaded", &folder.join(file));
    }
    assert_eq!(
        s.list("SELECT batch, entry, operation FROM loaded ORDER BY entry"),
        ["1|1|open", "1|2|grant", "1|3|debit", "2|4|debit"]
    );
    assert_eq!(s.one("SELECT count(*) FROM exports.batches WHERE delivered_at IS NULL"), "0");
    // The next run is not waited for, but played: nothing new, and no file.
    s.run("SET ROLE exporter");
    s.run(&format!("CALL exports.write_batches('{}')", folder.display()));
    assert_eq!(files(&folder, ".csv").len(), 2);
}
