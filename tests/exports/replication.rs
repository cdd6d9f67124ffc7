//! Logical replication of the ledger to a second server, as the page sets it up.

use crate::page::block;
use credits_ledger_tests::{Database, Server, Session};
use std::time::{Duration, Instant};

const INSTANTS: &[&str] = &["2026-01-10 00:00+00", "2026-01-20 00:00+00", "2026-02-01 00:00+00", "2026-07-09 03:00+00"];

/// What is there before the copy begins.
fn fill(s: &mut Session) {
    s.at("2026-01-01 00:00+00");
    for call in [
        "credits_define_plan('team', 10, per_seat => true, rollover_percent => 50)",
        "credits_define_plan('big', 300, rank => 1)",
        "credits_include('team', 'search', 5)",
        "credits_define_rate('search', 2)",
        "credits_define_rate('run', 3, 100, 'package')",
        "credits_define_pack('small', 100, 5, 'EUR')",
        "credits_open_account('p')",
        "credits_subscribe('p', 'team', 's1', 4)",
        "credits_charge('p', 'search', 12, 'c1', 'ann')",
        "credits_charge('p', 'run', 30, 'c2', 'ann')",
        "credits_set_feature('p', 'export', false)",
        "credits_set_budget('p', 100)",
        "credits_set_budget('p', 50, 'month', '*', 'search')",
        "credits_debit('p', 1, 'd1', 'search', 'ann')",
        "credits_open_account('a', 100, rollover_percent => 50, overdraft_limit => 200)",
        "credits_grant('a', 25, 'g2', price => 5, currency => 'USD', payment_ref => 'pay')",
        "credits_debit('a', 30, 'd1', 'chat', 'ann', 'letter', metadata => '{\"k\": 1}')",
        "credits_hold('a', 20, 'h1', '20 days')",
        "credits_debit('a', 150, 'deep', on_insufficient => 'allow')",
        "credits_set_alert('a', 'few', 10)",
        "credits_open_account('m', 30, '0')",
        "credits_set_auto_recharge('m', 40, 'small', payment_method => 'card')",
    ] {
        s.run(&format!("SELECT {call}"));
    }
}

/// What happens while it runs: rows of every table are added, changed and, of budgets, removed.
fn go_on(s: &mut Session) {
    s.at("2026-01-12 00:00+00");
    for call in [
        "credits_redact('a', (SELECT entry FROM credits_history WHERE account = 'a' AND idempotency_key = 'd1'))",
        "credits_grant('a', 400, 'g3', price => 80, currency => 'USD', payment_ref => 'pay 2')",
        "credits_refund('a', 'deep', 'r1', 40)",
        "credits_refund('a', 'd1', 'r2')",
        "credits_capture('a', 'h1', 'cap', 5)",
        "credits_debit('a', 300, 'spend it')",
        "credits_void_grant('a', 'g3', 'v1', 390, claw_back => true)",
        "credits_set_budget('p', NULL)",
        "credits_charge('p', 'search', 3, 'c3', 'bob')",
        "credits_set_seats('p', 'team', 6, 'n')",
        "credits_change_plan('p', 'team', 'big', 'more')",
        "credits_define_rate('search', 4)",
        "credits_open_account('late', 7)",
        "credits_freeze_account('late', 'why')",
    ] {
        s.run(&format!("SELECT {call}"));
    }
    s.run("SELECT credits_complete_recharge('m', 1, 'pi') FROM credits_claim_recharges(5)");
    s.run("SELECT credits_ack_event(account, event) FROM credits_claim_events(3)");
    s.at("2026-02-03 00:00+00");
    s.run("SELECT credits_maintain()");
    s.run("SELECT credits_debit('p', 3, 'after')");
}

/// All tables, and what views and functions say of them at several instants.
fn everything(s: &mut Session) -> Vec<String> {
    s.run("SET TimeZone = 'UTC'");
    let mut said = Vec::new();
    for table in s.list("SELECT oid::regclass FROM pg_class WHERE relnamespace = 'credits_ledger'::regnamespace AND relkind = 'r' ORDER BY 1") {
        let rows = s.list(&format!("SELECT t::text FROM {table} t ORDER BY 1"));
        said.push(format!("{table}: {} rows", rows.len()));
        said.extend(rows);
    }
    let views = s.list("SELECT oid::regclass FROM pg_class WHERE relkind = 'v' AND relname ~ '^credits_' ORDER BY 1");
    assert!(views.len() >= 20, "{views:?}");
    for at in INSTANTS {
        s.at(at);
        for view in &views {
            said.push(format!("{view} at {at}"));
            said.extend(s.list(&format!("SELECT v::text FROM {view} v ORDER BY 1")));
        }
        for account in ["a", "m", "p"] {
            for call in [
                format!("credits_balance('{account}')"),
                format!("credits_balance_at('{account}', '2026-01-05 00:00+00')"),
                format!("credits_explain_debit('{account}', 200, 'chat')"),
                format!("credits_forecast('{account}')"),
                format!("credits_statement('{account}', '-infinity', 'infinity')"),
                format!("credits_usage_csv('{account}', '2026-01-01', '2026-02-01')"),
                "credits_revenue('-infinity', 'infinity')".to_owned(),
            ] {
                said.push(format!("{call} at {at}"));
                said.extend(s.list(&format!("SELECT * FROM {call}")));
            }
        }
    }
    said
}

/// The two servers of the page.
struct Pair {
    first: Server,
    second: Server,
    ledger: Database,
    copy: Database,
}

impl Pair {
    fn start() -> Pair {
        let first = Server::start(&[("wal_level", "logical")]);
        let second = Server::start(&[]);
        let (ledger, copy) = (first.database(), second.empty_database());
        Pair { first, second, ledger, copy }
    }

    /// A block of the page, in psql: subscriptions are not made in a transaction.
    #[track_caller]
    fn psql(&self, db: &Database, script: &str) {
        let host = format!(
            "host={} port={} dbname={}",
            self.first.socket_dir().display(),
            self.first.port(),
            self.ledger.name
        );
        let script = script.replace("host=ledger.example dbname=app", &host).replace("analytics", &self.copy.name);
        let output = db.psql(&format!("\\set ON_ERROR_STOP on\n{script}"));
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    }

    fn publish(&self) {
        self.psql(&self.ledger, block("sql-publisher"));
    }

    fn subscribe(&self) {
        self.psql(&self.copy, block("sql-subscriber"));
        self.until_copied();
    }

    fn until_copied(&self) {
        let mut s = self.copy.session();
        within("all tables are copied", || s.list(block("sql-subscriber-ready")).is_empty());
    }

    /// Waits until the second server has all that the first has written.
    fn catch_up(&self) {
        let mut s = self.ledger.session();
        let written = s.one("SELECT pg_current_wal_lsn()");
        within("the copy has everything", || {
            s.one(&format!("SELECT bool_and(confirmed_flush_lsn >= '{written}') FROM pg_replication_slots")) == "t"
        });
    }

    fn is_equal(&self) {
        self.catch_up();
        let (here, there) = (everything(&mut self.ledger.session()), everything(&mut self.copy.session()));
        for (here, there) in here.iter().zip(&there) {
            assert_eq!(there, here);
        }
        assert_eq!(there.len(), here.len());
        assert!(here.len() > 500, "{} rows", here.len());
        assert_eq!(self.copy.session().list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    }
}

#[track_caller]
fn within(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "it is not so that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_copy_says_what_the_ledger_says() {
    let pair = Pair::start();
    let mut s = pair.ledger.session();
    fill(&mut s);
    pair.publish();
    pair.subscribe();
    pair.is_equal();
    go_on(&mut s);
    // What is compared is worth comparing: there are rows in every table, and one of them was redacted.
    for table in s.list(
        "SELECT oid::regclass FROM pg_class WHERE relnamespace = 'credits_ledger'::regnamespace AND relkind = 'r'",
    ) {
        assert_ne!(s.one(&format!("SELECT count(*) FROM {table}")), "0", "{table}");
    }
    pair.is_equal();
    let mut there = pair.copy.session();
    assert_eq!(
        there.list("SELECT entry, actor, resource, metadata FROM credits_history WHERE redacted"),
        ["4|NULL|NULL|NULL"]
    );

    // Many at once: each transaction arrives whole, so that the copy is in order at any moment.
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|worker| {
                let ledger = &pair.ledger;
                scope.spawn(move || {
                    let mut s = ledger.session();
                    for n in 0..40 {
                        s.run(&format!(
                            "SELECT credits_debit('m', 0.1, 'w{worker} n{n}'), credits_hold('p', 1, 'w{worker} n{n}')"
                        ));
                        s.run(&format!("SELECT credits_capture('p', 'w{worker} n{n}', 'c{worker} n{n}', 0.5)"));
                    }
                })
            })
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            assert_eq!(there.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
        }
    });
    pair.is_equal();

    // Every table has the replica identity that the page tells of, and no numbers come from sequences.
    assert_eq!(
        s.list(
            "SELECT c.relname, c.relkind, c.relreplident FROM pg_class c
             WHERE c.relnamespace = 'credits_ledger'::regnamespace AND c.relkind NOT IN ('i', 'v', 'c')
               AND (c.relkind <> 'r' OR c.relreplident <> 'd'
                    OR NOT EXISTS (SELECT FROM pg_constraint p WHERE p.conrelid = c.oid AND p.contype = 'p'))"
        ),
        Vec::<String>::new()
    );

    // Nobody writes on the copy.
    for write in ["SELECT credits_debit('a', 1, 'new')", "SELECT credits_maintain()", "CREATE TABLE mine ()"] {
        assert_eq!(there.error(write).code, "25006", "{write}");
    }
    there.run("SET default_transaction_read_only = off");
    for write in [
        "UPDATE credits_ledger.entries SET actor = 'x'",
        "DELETE FROM credits_ledger.accounts",
        "TRUNCATE credits_ledger.entries",
        "SET session_replication_role = replica; UPDATE credits_ledger.entries SET actor = 'x'",
    ] {
        assert_eq!(there.error(write).code, "LC013", "{write}");
    }
    // Analysts read, and have tables of their own.
    there.run("RESET session_replication_role; CREATE SCHEMA reports AUTHORIZATION analyst");
    let mut analyst = pair.copy.session_as("analyst");
    assert_ne!(analyst.one("SELECT sum(credits) FROM credits_usage_by_cycle"), "NULL");
    assert_eq!(analyst.error("SELECT * FROM credits_ledger.entries").code, "42501");
    analyst.run("SET default_transaction_read_only = off");
    analyst.run("CREATE TABLE reports.costs AS SELECT * FROM credits_usage_by_cycle");
    assert_eq!(analyst.error("SELECT credits_debit('a', 1, 'new')").code, "42501");
    pair.is_equal();
}

/// The copy becomes the ledger.
#[test]
fn the_ledger_moves() {
    let pair = Pair::start();
    let mut s = pair.ledger.session();
    fill(&mut s);
    pair.publish();
    pair.subscribe();
    go_on(&mut s);
    pair.catch_up();
    pair.psql(&pair.copy, block("sql-move"));
    assert_eq!(s.one("SELECT count(*) FROM pg_replication_slots"), "0");

    let mut there = pair.copy.session();
    let before = s.row("SELECT * FROM credits_balance('p')");
    there.at("2026-02-03 00:00+00");
    there.row("SELECT * FROM credits_debit('p', 3, 'after')").has(&[("replayed", "t")]);
    there.row("SELECT * FROM credits_debit('p', 2, 'moved')").has(&[("replayed", "f"), ("accepted", "t")]);
    let left: f64 = before.get("balance").parse::<f64>().unwrap() - 2.0;
    assert_eq!(there.one("SELECT balance::float FROM credits_balance('p')"), left.to_string());
    there.run("SELECT credits_redact('p', 4), credits_maintain()");
    assert_eq!(there.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    assert_eq!(there.error("UPDATE credits_ledger.entries SET actor = 'x'").code, "LC013");
}

/// What the page warns of, and how it begins again.
#[test]
fn a_write_on_the_copy_stops_it_and_it_can_begin_again() {
    let pair = Pair::start();
    let mut s = pair.ledger.session();
    fill(&mut s);
    pair.publish();
    pair.subscribe();
    let mut there = pair.copy.session();
    there.run("SET default_transaction_read_only = off");
    there.run("SELECT credits_debit('m', 1, 'astray')");
    s.run("SELECT credits_debit('m', 2, 'right')");
    let told = "duplicate key value violates unique constraint \"entries_pkey\"";
    within("replication has stopped", || pair.second.log().contains(told));
    pair.psql(&pair.copy, block("sql-again"));
    pair.until_copied();
    go_on(&mut s);
    pair.is_equal();
    assert_ne!(pair.copy.session_as("analyst").one("SELECT count(*) FROM credits_history"), "0");
    assert_eq!(there.one("SELECT count(*) FROM credits_history WHERE idempotency_key = 'astray'"), "0");
}
