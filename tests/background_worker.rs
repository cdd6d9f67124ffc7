//! The background worker: where the library is preloaded, `credits_maintain` runs in the databases that are named.

use credits_ledger_tests::{Database, Server, Session};
use postgres::fallible_iterator::FallibleIterator;
use std::time::{Duration, Instant};

/// A server that has preloaded the library, with a visit a second.
fn server(settings: &[(&str, &str)]) -> Server {
    let preloaded = [("shared_preload_libraries", "credits_ledger"), ("credits_ledger.maintenance_interval", "1s")];
    Server::start(&[&preloaded, settings].concat())
}

/// Names the databases to maintain, and has the server read that.
fn maintain(server: &Server, databases: &str) {
    server.configure(&[("credits_ledger.databases", databases)]);
    reload(server);
}

fn reload(server: &Server) {
    server.existing_database("postgres").session().run("SELECT pg_reload_conf()");
}

#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !done() {
        assert!(Instant::now() < deadline, "it never was so that {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Accounts with cycles of half a year since January 2020: several have ended on any day on which this runs.
fn open_overdue(s: &mut Session, accounts: u32) {
    s.run("SET credits_ledger.now = '2020-01-01 00:00+00'");
    s.run(&format!(
        "SELECT credits_open_account('account ' || n, 10, '6 months') FROM generate_series(1, {accounts}) n"
    ));
    s.run("RESET credits_ledger.now");
}

const CLOSED: &str = "SELECT count(*) FROM credits_cycles WHERE closed_at IS NOT NULL";
/// Accounts whose newest cycle is over, yet not recorded as closed.
const OVERDUE: &str = "SELECT count(*) FROM credits_ledger.accounts WHERE next_event_at <= now()";

#[track_caller]
fn is_maintained(db: &Database) {
    let mut s = db.session();
    until("nothing is overdue", || s.one(OVERDUE) == "0");
    assert_ne!(s.one(CLOSED), "0");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

fn workers(s: &mut Session, name: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT pid FROM pg_stat_activity
         WHERE backend_type = 'credits_ledger maintenance' AND application_name = 'credits_ledger {name}'"
    ))
}

/// The lines of the log that say this.
fn said(server: &Server, what: &str) -> usize {
    server.log().matches(what).count()
}

#[test]
fn databases_that_are_named_are_maintained_and_others_are_not() {
    let server = server(&[]);
    let (one, two, other) = (server.database(), server.database(), server.database());
    for db in [&one, &two, &other] {
        open_overdue(&mut db.session(), 3);
    }
    maintain(&server, &format!("{}, \"{}\"", one.name, two.name));
    is_maintained(&one);
    is_maintained(&two);
    assert_eq!(other.session().one(CLOSED), "0");
    assert_eq!(other.session().one(OVERDUE), "3");
    // What it recorded is what any session would have.
    let mut s = one.session();
    let cycles = "SELECT cycle, cycle_start, granted, expired FROM credits_cycles WHERE account = 'account 1' AND closed_at IS NOT NULL";
    let recorded = s.list(cycles);
    let mut s = other.session();
    s.run("SELECT credits_reset_cycle('account 1')");
    assert_eq!(s.list(cycles)[..recorded.len()], recorded);
}

#[test]
fn what_falls_due_while_the_server_runs_is_recorded() {
    let server = server(&[]);
    let db = server.database();
    maintain(&server, &db.name);
    let mut s = db.session();
    s.run("SELECT credits_grant('acme', 7, 'g', 'promo', expires_in => '2 seconds')");
    until("the lot's expiry is recorded", || {
        s.one("SELECT count(*) FROM credits_history WHERE operation = 'expire'") == "1"
    });
    s.row("SELECT entry, operation, amount, balance, recorded_by FROM credits_history ORDER BY entry DESC LIMIT 1")
        .has(&[
            ("entry", "3"),
            ("operation", "expire"),
            ("amount", "-7"),
            ("balance", "0"),
            ("recorded_by", "postgres"),
        ]);
}

/// What the worker records is announced as what anybody records.
#[test]
fn its_events_are_announced() {
    let server = server(&[("credits_ledger.notify", "on")]);
    let db = server.database();
    maintain(&server, &db.name);
    let mut s = db.session();
    s.run("LISTEN credits_ledger");
    open_overdue(&mut s, 1);
    let heard =
        s.client().notifications().timeout_iter(Duration::from_secs(60)).next().expect("the connection is there");
    let heard = heard.expect("something was announced");
    assert_eq!((heard.channel(), heard.payload()), ("credits_ledger", ""));
    assert_ne!(heard.process_id() as u32, s.backend_pid(), "opening an account announces nothing");
    until("its cycles are closed", || {
        s.one("SELECT count(*) > 5 FROM credits_events WHERE type = 'cycle.closed'") == "t"
    });
}

#[test]
fn more_accounts_than_one_transaction_takes_are_all_maintained() {
    let server = server(&[]);
    let db = server.database();
    open_overdue(&mut db.session(), 1200);
    maintain(&server, &db.name);
    is_maintained(&db);
    let transactions = "SELECT count(DISTINCT xmin::text) >= 3 FROM credits_ledger.accounts";
    assert_eq!(db.session().one(transactions), "t", "1,200 accounts in transactions of 500");
}

/// A reload names another database; the first is left alone from then on.
#[test]
fn a_reload_changes_what_is_maintained() {
    let server = server(&[]);
    let (one, two) = (server.database(), server.database());
    for db in [&one, &two] {
        open_overdue(&mut db.session(), 2);
    }
    maintain(&server, &one.name);
    is_maintained(&one);
    assert_eq!(two.session().one(CLOSED), "0");
    open_overdue_again(&mut one.session());
    is_maintained(&one);

    maintain(&server, &two.name);
    is_maintained(&two);
    // The launcher has read the settings by now, for it visited the second database.
    open_overdue_again(&mut one.session());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(one.session().one(OVERDUE), "1");
}

fn open_overdue_again(s: &mut Session) {
    let name = s.one("SELECT 'later ' || count(*) FROM credits_accounts");
    s.run("SET credits_ledger.now = '2020-01-01 00:00+00'");
    s.run(&format!("SELECT credits_open_account('{name}', 10)"));
    s.run("RESET credits_ledger.now");
}

#[test]
fn a_database_or_an_extension_that_is_missing_is_waited_for() {
    let server = server(&[]);
    let empty = server.empty_database();
    maintain(&server, &format!("later, {}", empty.name));
    let missing = "does not maintain database \"later\": it does not exist";
    let bare = format!("does not maintain database \"{}\": it does not have the extension", empty.name);
    until("the log says what is missing", || said(&server, missing) > 0 && said(&server, &bare) > 0);

    empty.session().run("CREATE EXTENSION credits_ledger");
    open_overdue(&mut empty.session(), 2);
    is_maintained(&empty);
    server.existing_database("postgres").session().run(&format!("CREATE DATABASE later TEMPLATE {}", empty.name));
    let later = server.existing_database("later");
    open_overdue_again(&mut later.session());
    is_maintained(&later);
    // Said once, however many times it looked.
    assert_eq!((said(&server, missing), said(&server, &bare)), (1, 1), "{}", server.log());
}

#[test]
fn the_extension_is_found_in_whatever_schema_it_is() {
    let server = server(&[]);
    let db = server.empty_database();
    let mut s = db.session();
    s.run("CREATE SCHEMA \"My Schema\"; CREATE EXTENSION credits_ledger SCHEMA \"My Schema\"");
    s.run("SET search_path = \"My Schema\"");
    open_overdue(&mut s, 2);
    maintain(&server, &db.name);
    until("nothing is overdue", || s.one(OVERDUE) == "0");
    assert_ne!(s.one(CLOSED), "0");
}

/// The launcher is connected to no database, and a visit is over soon.
#[test]
fn it_is_not_in_the_way_of_who_copies_or_drops_a_database() {
    let server = server(&[]);
    let db = server.database();
    open_overdue(&mut db.session(), 2);
    maintain(&server, &db.name);
    is_maintained(&db);
    let mut s = server.existing_database("postgres").session();
    // Each of these fails while anybody is connected for longer than some seconds.
    s.run(&format!("CREATE DATABASE copy TEMPLATE {}", db.name));
    s.run(&format!("ALTER DATABASE {} RENAME TO renamed", db.name));
    s.run("DROP DATABASE renamed");
    let missing = format!("does not maintain database \"{}\": it does not exist", db.name);
    until("the launcher has noticed", || said(&server, &missing) == 1);
}

/// The rights of `credits_ledger.maintenance_role` are those that `credits_allow` gave it; what fails is tried again,
/// at first soon, then later and later; a reload tries at once.
#[test]
fn a_role_without_access_fails_and_is_tried_again_ever_later() {
    let server = server(&[("credits_ledger.maintenance_role", "keeper")]);
    let db = server.database();
    open_overdue(&mut db.session(), 2);
    maintain(&server, &db.name);
    let failed = |seconds: u32| {
        format!("could not maintain database \"{}\": see the error above; next try in {seconds} s", db.name)
    };
    until("the role's absence is a failure", || said(&server, &failed(4)) == 1);
    assert!(said(&server, "role \"keeper\" does not exist") >= 2, "{}", server.log());
    assert_eq!(said(&server, &failed(2)), 1, "{}", server.log());

    let mut s = db.session();
    s.run("CREATE ROLE keeper LOGIN");
    reload(&server);
    let denied = "the role \"keeper\" of credits_ledger.maintenance_role may not call credits_maintain";
    until("its want of access is a failure", || said(&server, denied) > 0);
    assert_eq!(s.one(CLOSED), "0");

    s.run("SELECT credits_allow('keeper', 'billing')");
    reload(&server);
    is_maintained(&db);
    let by = "SELECT DISTINCT recorded_by FROM credits_history WHERE operation = 'allowance' AND NOT clock_was_set";
    assert_eq!(s.list(by), ["keeper"]);
}

/// Nobody has to do anything for it to go on after an error.
#[test]
fn an_error_is_logged_and_what_was_left_is_done_later() {
    let server = server(&[]);
    let db = server.database();
    let mut s = db.session();
    open_overdue(&mut s, 2);
    s.run(&format!("ALTER DATABASE {} SET lock_timeout = '100ms'", db.name));
    s.run("BEGIN; LOCK TABLE credits_ledger.accounts IN ACCESS EXCLUSIVE MODE");
    maintain(&server, &db.name);
    let failed =
        |seconds| format!("could not maintain database \"{}\": see the error above; next try in {seconds} s", db.name);
    until("it has failed twice", || said(&server, &failed(4)) == 1);
    assert!(said(&server, "ERROR:  canceling statement due to lock timeout") >= 2, "{}", server.log());
    s.run("COMMIT");
    is_maintained(&db);
}

#[test]
fn want_of_room_for_a_worker_is_told() {
    // Postgres' own replication launcher has one of them.
    let server = server(&[("max_worker_processes", "2")]);
    let db = server.database();
    open_overdue(&mut db.session(), 1);
    maintain(&server, &db.name);
    let why = "there is no room for another background worker: see max_worker_processes; next try in 2 s";
    until("the log says why", || said(&server, why) == 1);
    assert_eq!(db.session().one(CLOSED), "0");
}

/// Whoever owns the database owns the extension there, and can put anything in place of its functions. The worker
/// gives them no more rights than they have.
#[test]
fn an_owner_gets_no_rights_through_the_worker() {
    let server = server(&[]);
    let db = server.empty_database();
    let owner = db.role("owner");
    db.session().run(&format!("ALTER DATABASE {} OWNER TO {owner}", db.name));
    let mut s = db.session_as(&owner);
    s.run("CREATE EXTENSION credits_ledger");
    s.run("CREATE TABLE seen (who text, what text)");
    s.run(
        "CREATE OR REPLACE FUNCTION credits_maintain(max_accounts integer DEFAULT 1000) RETURNS integer
         LANGUAGE plpgsql SECURITY INVOKER SET search_path TO public AS $$
         DECLARE attempt text;
         BEGIN
             FOREACH attempt IN ARRAY ARRAY['SET ROLE postgres', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT',
                 'SELECT count(*) FROM pg_authid', 'SET credits_ledger.now = ''2030-01-01''']
             LOOP
                 BEGIN
                     EXECUTE attempt;
                     INSERT INTO seen VALUES (current_user, attempt || ': done');
                 EXCEPTION WHEN OTHERS THEN
                     INSERT INTO seen VALUES (current_user, attempt || ': ' || SQLSTATE);
                 END;
             END LOOP;
             RETURN 0;
         END $$",
    );
    maintain(&server, &db.name);
    until("the function has been called", || s.one("SELECT count(*) >= 5 FROM seen") == "t");
    let mut expected: Vec<String> = ["SET ROLE postgres", "RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT"]
        .iter()
        .chain(&["SELECT count(*) FROM pg_authid", "SET credits_ledger.now = '2030-01-01'"])
        .map(|attempt| format!("{owner}|{attempt}: 42501"))
        .collect();
    expected.sort();
    let seen = "SELECT who, what FROM seen GROUP BY who, what ORDER BY what COLLATE \"C\"";
    assert_eq!(s.list(seen), expected);
}

#[test]
fn settings_of_the_database_do_not_change_what_it_does() {
    let server = server(&[]);
    let db = server.database();
    let mut s = db.session();
    open_overdue(&mut s, 2);
    for setting in
        ["search_path = 'nowhere'", "default_transaction_isolation = 'serializable'", "TimeZone = 'Asia/Tokyo'"]
    {
        s.run(&format!("ALTER DATABASE {} SET {setting}", db.name));
    }
    maintain(&server, &db.name);
    until("nothing is overdue", || s.one(OVERDUE) == "0");
    assert_eq!(said(&server, "could not maintain"), 0, "{}", server.log());
}

#[test]
fn several_at_once_do_each_thing_once() {
    let server = server(&[]);
    let db = server.database();
    open_overdue(&mut db.session(), 600);
    maintain(&server, &db.name);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut s = db.session();
                for _ in 0..20 {
                    s.run("SELECT credits_maintain(50)");
                }
            });
        }
    });
    is_maintained(&db);
    let mut s = db.session();
    // One account a cycle and month: a second closing would show as a second row, or as a number left out.
    let odd = "SELECT account FROM credits_cycles GROUP BY account
               HAVING count(*) <> max(cycle) OR count(DISTINCT cycle_start) <> count(*)";
    assert_eq!(s.list(odd), Vec::<String>::new());
    assert_eq!(s.list("SELECT count(DISTINCT balance), min(balance) FROM credits_accounts"), ["1|10"]);
}

/// A visit that waits for a lock is ended by the server's stop, and so is the launcher's sleep.
#[test]
fn the_server_stops_at_once_and_maintains_again_when_it_starts() {
    let mut server = server(&[]);
    let db = server.database();
    let mut s = db.session();
    open_overdue(&mut s, 2);
    s.run("BEGIN; LOCK TABLE credits_ledger.accounts IN ACCESS EXCLUSIVE MODE");
    maintain(&server, &db.name);
    let mut other = server.existing_database("postgres").session();
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE backend_type = 'credits_ledger maintenance' AND wait_event_type = 'Lock'";
    until("a visit waits for the lock", || other.one(waits) == "1");
    let begun = Instant::now();
    server.stop("fast");
    assert!(begun.elapsed() < Duration::from_secs(30), "stopping took {:?}", begun.elapsed());
    server.start_again();
    is_maintained(&db);
}

#[test]
fn it_survives_the_end_of_its_processes() {
    let mut server = server(&[]);
    let db = server.database();
    open_overdue(&mut db.session(), 2);
    maintain(&server, &db.name);
    is_maintained(&db);
    let mut s = server.existing_database("postgres").session();
    let first = workers(&mut s, "launcher");
    assert_eq!(first.len(), 1);
    s.run(&format!("SELECT pg_terminate_backend({})", first[0]));
    until("there is a new launcher", || {
        let now = workers(&mut s, "launcher");
        now.len() == 1 && now != first
    });
    open_overdue_again(&mut db.session());
    is_maintained(&db);

    // A crash of any process restarts the server's others.
    server.kill_backend_of(&db.session());
    server.wait_until_ready();
    open_overdue_again(&mut db.session());
    is_maintained(&db);

    server.kill_postmaster();
    server.start_again();
    open_overdue_again(&mut db.session());
    is_maintained(&db);
}

/// A database that leaves the list while its visit waits is left at once.
#[test]
fn a_database_that_is_no_longer_named_is_left_at_once() {
    let server = server(&[]);
    let db = server.database();
    let mut s = db.session();
    open_overdue(&mut s, 2);
    s.run("BEGIN; LOCK TABLE credits_ledger.accounts IN ACCESS EXCLUSIVE MODE");
    maintain(&server, &db.name);
    let mut other = server.existing_database("postgres").session();
    let visit = format!("maintenance of {}", db.name);
    until("a visit is there", || workers(&mut other, &visit).len() == 1);
    maintain(&server, "");
    until("the visit is gone", || workers(&mut other, &visit).is_empty());
    s.run("COMMIT");
    assert_eq!(s.one(OVERDUE), "2");
}

#[test]
fn a_standby_is_left_alone_until_it_is_promoted() {
    let server = server(&[]);
    let db = server.database();
    maintain(&server, &db.name);
    let standby = server.standby();
    let mut s = standby.existing_database(&db.name).session();
    assert_eq!(workers(&mut s, "launcher"), Vec::<String>::new());
    assert_eq!(s.one("SELECT pg_promote()"), "t");
    open_overdue(&mut s, 2);
    is_maintained(&standby.existing_database(&db.name));
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let server = server(&[]);
    let mut s = server.existing_database("postgres").session();
    for (value, detail) in [
        ("a,, b", "A name in the list is empty."),
        ("a, \"b", "A double quote in the list is not closed."),
        ("\"a\" b", "Names in the list must be separated by commas."),
        (&"x".repeat(64), "is too long."),
    ] {
        let error = s.error(&format!("ALTER SYSTEM SET credits_ledger.databases = '{value}'"));
        assert_eq!(error.code, "22023", "{error}");
        assert!(error.detail.ends_with(detail), "{error}");
    }
    let many = (1..=33).map(|n| format!("db{n}")).collect::<Vec<_>>().join(", ");
    let error = s.error(&format!("ALTER SYSTEM SET credits_ledger.databases = '{many}'"));
    assert_eq!((error.code.as_str(), error.detail.as_str()), ("22023", "There can be at most 32 databases."));
    for interval in ["0", "-1", "2 days", "soon"] {
        let error = s.error(&format!("ALTER SYSTEM SET credits_ledger.maintenance_interval = '{interval}'"));
        assert_eq!(error.code, "22023", "{error}");
    }
    // Nothing that a session can change.
    for setting in ["databases = 'a'", "maintenance_interval = 5", "maintenance_role = 'postgres'"] {
        assert_eq!(s.error(&format!("SET credits_ledger.{setting}")).code, "55P02");
    }
}

#[test]
fn without_preloading_there_is_no_worker() {
    let server = Server::start(&[("credits_ledger.databases", "db1")]);
    let db = server.database();
    let mut s = db.session();
    open_overdue(&mut s, 2);
    assert_eq!(s.one("SHOW credits_ledger.databases"), "db1");
    assert_eq!(s.one("SHOW credits_ledger.maintenance_interval"), "1min");
    assert_eq!(workers(&mut s, "launcher"), Vec::<String>::new());
    assert_eq!(s.one(CLOSED), "0");
}
