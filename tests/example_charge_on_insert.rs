//! The example examples/charge_on_insert: it shows what it says, and it holds when many insert at once, when the
//! database is dumped and restored, and whatever else becomes of what was charged.

use credits_ledger_tests::{Database, Server, Session};
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/charge_on_insert")
}

fn read(file: &str) -> String {
    let path = folder().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a terminal shows when psql reads this, without the blanks with which psql fills up the cells of a column.
fn psql(database: &str, script: &str) -> (bool, String) {
    let (succeeded, shown) = Server::shared().psql(database, script);
    (succeeded, shown.lines().map(|line| line.trim_end().to_owned() + "\n").collect())
}

/// A database in which setup.sql has run. The roles belong to the server: one test at a time makes them.
fn set_up() -> Database {
    static ONE_BY_ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _held = ONE_BY_ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let db = Server::shared().database();
    let (succeeded, shown) = psql(&db.name, &read("setup.sql"));
    assert!(succeeded && !shown.contains("ERROR"), "{shown}");
    db
}

/// A job's id.
fn job(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn is_clean(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    // Each job has its charge, and each charge its entry, of the right account and for what the job is.
    let odd = "SELECT j.job FROM app.jobs j LEFT JOIN app.charges c USING (job)
               JOIN app.customers u USING (customer) JOIN app.models m USING (model)
               LEFT JOIN credits_history h ON h.account = c.account AND h.entry = c.entry
               WHERE (c.account, h.operation, h.feature, h.quantity, h.resource)
                     IS DISTINCT FROM (u.account, 'charge', m.feature, j.units::numeric, j.job::text)";
    assert_eq!(s.list(odd), Vec::<String>::new());
    // And nothing was charged without one, but what was refunded.
    let lost = "SELECT h.account, h.entry FROM credits_history h
                WHERE h.operation = 'charge' AND NOT EXISTS (SELECT FROM app.jobs j WHERE j.job::text = h.resource)
                  AND NOT EXISTS (SELECT FROM credits_history r
                                  WHERE r.account = h.account AND r.operation = 'refund' AND r.refers_to = h.entry)";
    assert_eq!(s.list(lost), Vec::<String>::new());
}

#[test]
fn it_shows_what_it_says() {
    let db = set_up();
    // Once more: an operator runs setup.sql at each deployment.
    let (succeeded, shown) = psql(&db.name, &(read("setup.sql") + &read("scenario.sql")));
    assert!(succeeded, "it ended early:\n{shown}");
    assert!(!shown.contains("unterminated quoted string"), "an apostrophe in what psql echoes:\n{shown}");
    assert!(!shown.contains("SQLSTATE 00000"), "what should be refused was not:\n{shown}");
    assert_eq!(shown.matches("ERROR:  ").count(), shown.matches("\nSQLSTATE ").count(), "{shown}");
    is_clean(&mut db.session());

    let file = folder().join("expected.out");
    if std::env::var_os("CREDITS_UPDATE").is_some() {
        fs::write(&file, &shown).expect("expected.out can be written");
    }
    let expected = read("expected.out");
    for (number, (shown, expected)) in shown.lines().zip(expected.lines()).enumerate() {
        assert_eq!(shown, expected, "line {} of expected.out (CREDITS_UPDATE=1 writes it anew)", number + 1);
    }
    assert_eq!(shown.lines().count(), expected.lines().count(), "lines of expected.out");
}

#[test]
fn the_readme_names_every_section_and_no_other() {
    let (readme, scenario) = (read("README.md"), read("scenario.sql"));
    let sections = scenario.lines().filter(|line| line.starts_with("\\echo == ")).count();
    assert_eq!(sections, 10);
    let named: std::collections::BTreeSet<usize> = readme
        .split("§ ")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().expect("a number"))
        .collect();
    // The first only opens the accounts.
    assert_eq!(named.into_iter().collect::<Vec<_>>(), (2..=sections).collect::<Vec<_>>());
}

/// Credits for half of what eight sessions insert: exactly as many rows as credits, and everybody else is told.
#[test]
fn eight_sessions_insert_exactly_what_is_paid_for() {
    let db = set_up();
    let mut owner = db.session();
    owner.run("SELECT credits_grant('crowd', 320, 'g'); INSERT INTO app.customers VALUES ('c', 'crowd')");
    let (inserted, refused): (Vec<usize>, Vec<usize>) = std::thread::scope(|scope| {
        let sessions: Vec<_> = (0..8)
            .map(|worker| {
                let db = &db;
                scope.spawn(move || {
                    let mut s = db.session_as("jobs_writer");
                    let mut counts = (0, 0);
                    for n in 0..20 {
                        let insert =
                            format!("INSERT INTO app.jobs VALUES ('{}', 'c', 'photo', 1)", job(worker * 100 + n));
                        match s.try_run(&insert) {
                            Ok(_) => counts.0 += 1,
                            Err(e) => {
                                assert_eq!(e.code, "LC001", "{e}");
                                counts.1 += 1;
                            }
                        }
                    }
                    counts
                })
            })
            .collect();
        sessions.into_iter().map(|session| session.join().expect("the session ends")).unzip()
    });
    assert_eq!((inserted.iter().sum::<usize>(), refused.iter().sum::<usize>()), (80, 80));
    assert_eq!(owner.one("SELECT count(*) FROM app.jobs"), "80");
    assert_eq!(owner.list("SELECT balance, entry FROM credits_balance('crowd')"), ["0|82"]);
    is_clean(&mut owner);
}

/// Rows of several accounts, in another order in each session: a statement charges in the order of the accounts.
#[test]
fn statements_about_the_same_accounts_do_not_deadlock() {
    let db = set_up();
    let mut owner = db.session();
    for account in ["a", "b", "c"] {
        owner.run(&format!("SELECT credits_grant('{account}', 10000, 'g')"));
        owner.run(&format!("INSERT INTO app.customers VALUES ('{account}', '{account}')"));
    }
    let orders = [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"], ["c", "a", "b"]];
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let db = &db;
            scope.spawn(move || {
                let mut s = db.session_as("jobs_writer");
                for n in 0..15 {
                    let rows: Vec<String> = orders[(worker + n) % 4]
                        .iter()
                        .enumerate()
                        .map(|(at, customer)| {
                            format!("('{}', '{customer}', 'sketch', 1)", job(worker * 1000 + n * 10 + at))
                        })
                        .collect();
                    s.run(&format!("INSERT INTO app.jobs VALUES {}", rows.join(", ")));
                    // And back again, every third time.
                    if n % 3 == 0 {
                        s.run(&format!(
                            "DELETE FROM app.jobs WHERE job IN ('{}', '{}')",
                            job(worker * 1000 + n * 10),
                            job(worker * 1000 + n * 10 + 2)
                        ));
                    }
                }
            });
        }
    });
    // 8 × 15 × 3, less 8 × 5 × 2.
    assert_eq!(owner.one("SELECT count(*) FROM app.jobs"), "280");
    assert_eq!(owner.one("SELECT sum(balance) FROM credits_accounts"), (30000 - 280 * 4).to_string());
    is_clean(&mut owner);
}

/// A transaction that took part of it back, one that failed later, and one whose session died.
#[test]
fn what_does_not_commit_was_never_charged() {
    let db = set_up();
    let mut owner = db.session();
    owner.run("SELECT credits_grant('acme', 100, 'g'); INSERT INTO app.customers VALUES ('c', 'acme')");
    let insert = |n| format!("INSERT INTO app.jobs VALUES ('{}', 'c', 'photo', 1)", job(n));
    let mut s = db.session_as("jobs_writer");
    s.run("BEGIN");
    s.run(&insert(1));
    s.run("SAVEPOINT half");
    s.run(&insert(2));
    s.run("ROLLBACK TO half");
    // The same job, and so the same key.
    s.run(&insert(2));
    s.run("COMMIT");
    s.run("BEGIN");
    s.run(&insert(3));
    assert_eq!(s.error("INSERT INTO app.jobs VALUES (NULL, 'c', 'photo', 1)").code, "23502");
    s.run("ROLLBACK");
    let mut lost = db.session_as("jobs_writer");
    lost.run("BEGIN");
    lost.run(&insert(4));
    owner.run(&format!("SELECT pg_terminate_backend({})", lost.backend_pid()));
    drop(lost);
    // As it was not charged, it can be inserted now.
    s.run(&insert(4));
    assert_eq!(owner.one("SELECT balance FROM credits_balance('acme')"), "88");
    assert_eq!(owner.one("SELECT count(*) FROM app.jobs"), "3");
    // A frozen account, a feature that is off, a model without a price: the row is refused for the ledger's reason.
    owner.run("INSERT INTO app.models VALUES ('film', 'video')");
    assert_eq!(s.error(&insert(5).replace("photo", "film")).code, "LC014");
    owner.run("SELECT credits_set_feature('acme', 'image', false)");
    assert_eq!(s.error(&insert(5)).code, "LC010");
    owner.run("SELECT credits_freeze_account('acme', 'r')");
    assert_eq!(s.error(&insert(5).replace("photo", "talk-small")).code, "LC011");
    owner.run("INSERT INTO app.customers VALUES ('nobody', 'not opened')");
    assert_eq!(s.error(&insert(5).replace("'c'", "'nobody'")).code, "LC002");
    is_clean(&mut owner);
}

/// A free feature costs nothing and leaves no entry; what was refunded by hand is not refunded twice.
#[test]
fn deleting_gives_back_what_is_left_to_give_back() {
    let db = set_up();
    let mut owner = db.session();
    owner.run("SELECT credits_define_rate('look', free => true); INSERT INTO app.models VALUES ('viewer', 'look')");
    owner.run("SELECT credits_grant('acme', 100, 'g'); INSERT INTO app.customers VALUES ('c', 'acme')");
    let mut s = db.session_as("jobs_writer");
    for (n, model) in [(1, "photo"), (2, "photo"), (3, "photo"), (4, "viewer")] {
        s.run(&format!("INSERT INTO app.jobs VALUES ('{}', 'c', '{model}', 2)", job(n)));
    }
    assert_eq!(owner.list(&format!("SELECT entry FROM app.charges WHERE job = '{}'", job(4))), ["NULL"]);
    assert_eq!(owner.one("SELECT balance FROM credits_balance('acme')"), "76");
    owner.run(&format!("SELECT credits_refund('acme', 'job-{}', 'by hand')", job(1)));
    owner.run(&format!("SELECT credits_refund('acme', 'job-{}', 'in part', 3)", job(2)));
    assert_eq!(owner.one("SELECT balance FROM credits_balance('acme')"), "87");
    s.run("DELETE FROM app.jobs");
    assert_eq!(owner.one("SELECT balance FROM credits_balance('acme')"), "100");
    assert_eq!(
        owner.list("SELECT refers_to, amount FROM credits_history WHERE operation = 'refund' ORDER BY entry"),
        ["3|8", "4|3", "4|5", "5|8"]
    );
    is_clean(&mut owner);
}

/// app.costs of section 10, against what the ledger's own view says, over cycles, holds, debts and every kind of refund.
#[test]
fn costs_add_up_to_the_last_decimal() {
    let db = set_up();
    let mut s = db.session();
    let scenario = read("scenario.sql");
    let view = scenario.split("CREATE VIEW app.costs").nth(1).expect("the scenario makes the view");
    s.run(&format!("CREATE VIEW app.costs{}", view.split(';').next().unwrap()));
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_define_rate('chat', 0.000007, effective_at => '2026-01-02 00:00+00')");
    s.run(
        "SELECT credits_define_plan('team', 25.5, rollover_percent => 50); SELECT credits_include('team', 'chat', 100)",
    );
    for account in ["a", "b"] {
        s.run(&format!("SELECT credits_open_account('{account}', 3.000001, overdraft_limit => 50, debt_policy => 'invoice_at_reset')"));
        s.run(&format!("SELECT credits_subscribe('{account}', 'team', 's')"));
        s.run(&format!("SELECT credits_grant('{account}', 20, 'g', 'promo', expires_at => '2026-01-20 00:00+00')"));
        s.run(&format!("INSERT INTO app.customers VALUES ('{account}1', '{account}'), ('{account}2', '{account}')"));
    }
    let mut n = 0;
    for (day, at) in ["2026-01-03", "2026-01-15", "2026-02-01", "2026-02-20", "2026-03-31"].iter().enumerate() {
        s.at(&format!("{at} 12:00+00"));
        for (at, customer) in ["a1", "b1", "a2", "b2"].iter().enumerate() {
            for (place, model) in ["talk-small", "photo", "talk-large"].iter().enumerate() {
                n += 1;
                let units = if *model == "photo" { 1 + at % 2 } else { 37 * n + place };
                s.run(&format!("INSERT INTO app.jobs VALUES ('{}', '{customer}', '{model}', {units})", job(n)));
            }
        }
        for account in ["a", "b"] {
            s.run(&format!("SELECT credits_hold('{account}', 2.5, 'h{day}', feature => 'chat')"));
            s.run(&format!("SELECT credits_capture('{account}', 'h{day}', 'c{day}', {}.125)", day + 1));
            s.run(&format!("SELECT credits_debit('{account}', 0.000001, 'd{day}')"));
        }
        // Refunds of jobs of an earlier day, in part and in whole, of what has expired meanwhile, too.
        if day > 0 {
            let before = 12 * (day - 1);
            s.run(&format!("SELECT credits_refund('a', 'job-{}', 'part {day}', 1.5)", job(before + 2)));
            s.run(&format!("DELETE FROM app.jobs WHERE job IN ('{}', '{}')", job(before + 5), job(before + 7)));
            s.run(&format!(
                "SELECT credits_refund('b', 'job-{}', 'restored {day}', if_expired => 'restore')",
                job(before + 11)
            ));
        }
    }
    let sums = "SELECT account, cycle, feature, sum(operations), sum(credits) FROM app.costs GROUP BY 1, 2, 3";
    let ledger = "SELECT account, cycle, feature, operations::numeric, credits FROM credits_usage_by_cycle";
    assert_eq!(s.list(&format!("({sums}) EXCEPT ALL ({ledger})")), Vec::<String>::new());
    assert_eq!(s.list(&format!("({ledger}) EXCEPT ALL ({sums})")), Vec::<String>::new());
    // Three cycles of two accounts, each with two features and what has none.
    assert_eq!(s.one("SELECT count(*) FROM credits_usage_by_cycle"), "18");
    assert_eq!(s.one("SELECT count(DISTINCT (customer, model)) FROM app.costs"), "13");
    assert_ne!(s.one("SELECT sum(credits) FROM app.costs WHERE customer = 'b2'"), "0");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// The foreign key locks rows of entries, which nothing else locks: neither debits nor redactions wait for it.
#[test]
fn the_foreign_key_is_in_nobodys_way() {
    let db = set_up();
    let mut owner = db.session();
    owner.run("SELECT credits_grant('acme', 100, 'g')");
    owner.run("SELECT credits_debit('acme', 1, 'old', actor => 'ann')");
    let mut slow = db.session();
    slow.run("BEGIN");
    slow.run(&format!("INSERT INTO app.charges VALUES ('{}', 'acme', 3)", job(1)));
    let mut s = db.session();
    s.run("SET lock_timeout = '2s'");
    for n in 0..20 {
        s.run(&format!("SELECT credits_debit('acme', 1, 'd{n}')"));
    }
    s.run("SELECT credits_refund('acme', 'old', 'r')");
    s.run("SELECT credits_redact('acme', 3)");
    s.run(&format!("INSERT INTO app.charges VALUES ('{}', 'acme', 3)", job(2)));
    slow.run("COMMIT");
    assert_eq!(owner.one("SELECT balance FROM credits_balance('acme')"), "80");
    // It keeps the ledger from being dropped by accident, and the ledger's own guard stays.
    let e = owner.error("DROP EXTENSION credits_ledger");
    assert_eq!(e.code, "2BP01", "{e}");
    assert!(e.detail.contains("charges_account_entry_fkey"), "{e}");
    assert_eq!(owner.error("DELETE FROM credits_ledger.entries WHERE account = 'acme' AND entry = 3").code, "LC013");
    is_clean(&mut owner);
}

/// An owner of tables who is not the ledger's: two grants make the foreign key, and they let nobody read the ledger.
#[test]
fn another_owner_needs_two_grants() {
    let db = Server::shared().database();
    let mut owner = db.session();
    owner.run("SELECT credits_grant('acme', 100, 'g')");
    let builder = db.role("builder");
    owner.run(&format!("CREATE SCHEMA shop AUTHORIZATION {builder}"));
    let mut s = db.session_as(&builder);
    s.run("CREATE TABLE shop.orders (account text COLLATE \"C\", entry bigint)");
    let key =
        "ALTER TABLE shop.orders ADD FOREIGN KEY (account, entry) REFERENCES credits_ledger.entries (account, entry)";
    assert_eq!(s.error(key).message, "permission denied for schema credits_ledger");
    owner.run(&format!("GRANT USAGE ON SCHEMA credits_ledger TO {builder}"));
    assert_eq!(s.error(key).message, "permission denied for table entries");
    owner.run(&format!("GRANT REFERENCES ON credits_ledger.entries TO {builder}"));
    s.run(key);
    // From here on the schema is not needed any more.
    owner.run(&format!("REVOKE USAGE ON SCHEMA credits_ledger FROM {builder}"));
    s.run("INSERT INTO shop.orders VALUES ('acme', 2)");
    assert_eq!(s.error("INSERT INTO shop.orders VALUES ('acme', 3)").code, "23503");
    owner.run(&format!("GRANT USAGE ON SCHEMA credits_ledger TO {builder}"));
    for refused in ["SELECT * FROM credits_ledger.entries", "SELECT account FROM credits_ledger.entries FOR KEY SHARE"]
    {
        assert_eq!(s.error(refused).code, "42501", "{refused}");
    }
}

/// Restoring makes the triggers last, so that nothing is charged again; the foreign key is checked and there.
#[test]
fn dump_and_restore() {
    let server = Server::shared();
    let db = set_up();
    let mut s = db.session();
    s.run("SELECT credits_grant('acme', 100, 'g'); INSERT INTO app.customers VALUES ('c', 'acme')");
    for n in 1..=5 {
        s.run(&format!("INSERT INTO app.jobs VALUES ('{}', 'c', 'photo', 1)", job(n)));
    }
    s.run(&format!("DELETE FROM app.jobs WHERE job = '{}'", job(5)));
    let state = |s: &mut Session| {
        ["app.jobs", "app.charges", "credits_history", "credits_grants"]
            .map(|table| s.list(&format!("SELECT t::text FROM {table} t ORDER BY 1")))
    };
    let before = state(&mut s);
    let run = |tool: &str, args: &[&str]| {
        let output = server.run_tool(tool, args);
        assert!(output.status.success(), "{tool} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let file = format!("{}.dump", db.name);
    run("pg_dump", &["-Fc", "-f", &file, &db.name]);

    let whole = server.empty_database();
    run("pg_restore", &["--exit-on-error", "-d", &whole.name, &file]);
    // The schema first and the rows later: then the triggers are there, and have to be told. A dump of the rows alone has
    // them in the order that foreign keys want.
    let rows = format!("{}.rows", db.name);
    run("pg_dump", &["-Fc", "--data-only", "-f", &rows, &db.name]);
    let parts = server.empty_database();
    run("pg_restore", &["--exit-on-error", "--schema-only", "-d", &parts.name, &file]);
    parts.session().run("ALTER TABLE app.jobs DISABLE TRIGGER USER");
    run("pg_restore", &["--exit-on-error", "-d", &parts.name, &rows]);
    parts.session().run("ALTER TABLE app.jobs ENABLE TRIGGER USER");

    for restored in [whole, parts] {
        let mut s = restored.session();
        assert_eq!(state(&mut s), before);
        assert_eq!(s.one("SELECT convalidated FROM pg_constraint WHERE conname = 'charges_account_entry_fkey'"), "t");
        let mut writer = restored.session_as("jobs_writer");
        writer.run(&format!("INSERT INTO app.jobs VALUES ('{}', 'c', 'photo', 1)", job(6)));
        assert_eq!(writer.error(&format!("INSERT INTO app.jobs VALUES ('{}', 'c', 'photo', 1)", job(5))).code, "23505");
        assert_eq!(s.one("SELECT balance FROM credits_balance('acme')"), "80");
        is_clean(&mut s);
    }
}
