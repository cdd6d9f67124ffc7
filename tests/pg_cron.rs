//! pg_cron as the clock: the schedule of docs/operating/maintenance.md, word for word.

use credits_ledger_tests::{Database, Installation, Server, Session};
use std::time::{Duration, Instant};

/// The block of the page that schedules the work.
fn schedule() -> &'static str {
    let page = include_str!("../docs/operating/maintenance.md");
    let block = page.split("```sql-pg_cron\n").nth(1).expect("the page has the schedule");
    block.split("```").next().expect("the block ends")
}

/// A server with pg_cron, whose own tables are in the server's first database.
fn server(settings: &[(&str, &str)]) -> (Server, Database) {
    let library = Installation::get().pg_config("--pkglibdir") + "/pg_cron.so";
    assert!(std::path::Path::new(&library).exists(), "{library} is missing: `make setup` installs pg_cron on Debian");
    let with_cron = [
        ("shared_preload_libraries", "pg_cron, credits_ledger"),
        ("cron.database_name", "db1"),
        ("credits_ledger.maintenance_interval", "1s"),
    ];
    let server = Server::start(&[&with_cron, settings].concat());
    let db = server.database();
    assert_eq!(db.name, "db1");
    db.session().run("CREATE EXTENSION pg_cron");
    (server, db)
}

/// Accounts with cycles of half a year since January 2020.
fn open_overdue(s: &mut Session, accounts: u32) {
    s.run("SET credits_ledger.now = '2020-01-01 00:00+00'");
    s.run(&format!(
        "SELECT credits_open_account('account ' || n, 10, '6 months') FROM generate_series(1, {accounts}) n"
    ));
    s.run("RESET credits_ledger.now");
}

const OVERDUE: &str = "SELECT count(*) FROM credits_ledger.accounts WHERE next_event_at <= now()";
const RUNS: &str = "SELECT status FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')";

/// pg_cron starts jobs at full minutes.
#[track_caller]
fn until_a_run_has_ended(s: &mut Session) {
    let deadline = Instant::now() + Duration::from_secs(180);
    while s.list(RUNS).is_empty() {
        assert!(Instant::now() < deadline, "the job has not run");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Schedules the work as a role that has access, and sees what the first run has done.
#[track_caller]
fn is_done_on_schedule(db: &Database) {
    let mut s = db.session();
    s.run("CREATE ROLE keeper LOGIN; SELECT credits_allow('keeper', 'billing'); GRANT USAGE ON SCHEMA cron TO keeper");
    open_overdue(&mut s, 700);
    db.session_as("keeper").run(schedule());
    until_a_run_has_ended(&mut s);
    assert_eq!(
        s.list("SELECT DISTINCT username, status, return_message FROM cron.job_run_details"),
        ["keeper|succeeded|DO"]
    );
    assert_eq!(s.one(OVERDUE), "0");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    // A cycle that two sessions had closed would be there twice, or one be left out.
    let odd = "SELECT account FROM credits_cycles GROUP BY account
               HAVING count(*) <> max(cycle) OR count(DISTINCT cycle_start) <> count(*)";
    assert_eq!(s.list(odd), Vec::<String>::new());
}

#[test]
fn the_schedule_of_the_page_does_all_that_is_due() {
    let (_server, db) = server(&[("cron.use_background_workers", "on")]);
    is_done_on_schedule(&db);
    let by = "SELECT DISTINCT recorded_by FROM credits_history WHERE operation = 'allowance' AND NOT clock_was_set";
    assert_eq!(db.session().list(by), ["keeper"]);
}

/// Here pg_cron connects as a client does, and the background worker is at work in the same database.
#[test]
fn it_does_no_harm_beside_the_background_worker() {
    let (mut server, db) = server(&[("credits_ledger.databases", "db1")]);
    server.configure(&[("cron.host", &server.socket_dir().display().to_string())]);
    server.stop("fast");
    server.start_again();
    is_done_on_schedule(&db);
}
