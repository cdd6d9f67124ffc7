//! The places from which applications call: many times in one statement, triggers, loops, cursors, functions
//! of their own, sessions that discard everything, tables rebuilt under open sessions.

use credits_ledger_tests::{Server, Session};

fn no_problem(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn many_debits_in_one_statement_see_each_other() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_open_account('acme', 10)");
    s.run("SELECT credits_grant('acme', 20, 'g')");
    let rows = s.rows(
        "SELECT d.* FROM generate_series(1, 25) i,
             LATERAL credits_debit('acme', 1, 'k' || i, on_insufficient => 'refuse') d ORDER BY d.entry",
    );
    let entries: Vec<&str> = rows.iter().map(|r| r.get("entry")).collect();
    assert_eq!(entries, (4..=28).map(|n| n.to_string()).collect::<Vec<_>>());
    rows[24].has(&[("balance", "5"), ("allowance", "0"), ("credits", "5")]);
    // more than there is: the whole statement falls, and nothing of it stands
    let e = s.error("SELECT credits_debit('acme', 1, 'm' || i) FROM generate_series(1, 6) i");
    assert_eq!((e.code.as_str(), e.figure("shortfall")), ("LC001", "1"));
    s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "5"), ("entry", "28")]);
    no_problem(&mut s);
}

#[test]
fn one_statement_over_many_accounts() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('a' || i, i, 'g') FROM generate_series(1, 500) i");
    s.run("SELECT credits_debit('a' || i, 1, 'd') FROM generate_series(500, 1, -1) i");
    assert_eq!(s.one("SELECT trim_scale(sum(balance)) FROM credits_accounts"), (500 * 501 / 2 - 500).to_string());
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts WHERE entry = 3"), "500");
    no_problem(&mut s);
}

#[test]
fn a_call_inside_of_a_call() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('acme', 20, 'g'), credits_grant('other', 3, 'g')");
    // arguments are worked out first: the inner debit is the earlier entry
    let row = s.row(
        "SELECT * FROM credits_debit('acme', (credits_debit('acme', (credits_balance('other')).available, 'in')).balance, 'out')",
    );
    row.has(&[("entry", "4"), ("amount", "17"), ("balance", "0")]);
}

#[test]
fn a_trigger_of_the_application_charges_for_its_rows() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('acme', 5, 'g')");
    s.run(
        "CREATE TABLE jobs (id int PRIMARY KEY, account text, cost numeric, balance numeric);
         CREATE FUNCTION charge() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             SELECT r.balance INTO NEW.balance FROM credits_debit(NEW.account, NEW.cost, 'job-' || NEW.id) r;
             RETURN NEW;
         END $$;
         CREATE TRIGGER charge BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION charge();
         CREATE FUNCTION charge_late() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM credits_debit(NEW.account, 1, 'late-' || NEW.id);
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER charge_late AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION charge_late()",
    );
    s.run("INSERT INTO jobs VALUES (1, 'acme', 2, NULL)");
    assert_eq!(s.one("SELECT trim_scale(balance) FROM jobs"), "3");
    // the row and its debits stand or fall together, also where the commit is what fails
    let e = s.error("INSERT INTO jobs VALUES (2, 'acme', 2, NULL)");
    assert_eq!(e.code, "LC001");
    assert_eq!(s.one("SELECT count(*) FROM jobs"), "1");
    s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "2"), ("entry", "4")]);
    no_problem(&mut s);
}

#[test]
fn a_loop_with_an_exception_block_for_each_call() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('acme', 50, 'g')");
    s.run(
        "CREATE FUNCTION work() RETURNS text LANGUAGE plpgsql AS $$
         DECLARE done int := 0; refused int := 0;
         BEGIN
             FOR i IN 1..300 LOOP
                 BEGIN
                     PERFORM credits_debit('acme', 1, 'k' || i);
                     IF i % 3 = 0 THEN RAISE EXCEPTION 'undo'; END IF;
                     done := done + 1;
                 EXCEPTION
                     WHEN SQLSTATE 'LC001' THEN refused := refused + 1;
                     WHEN raise_exception THEN NULL;
                 END;
             END LOOP;
             RETURN done || ' ' || refused;
         END $$",
    );
    // two of three stay until 50 are spent, after 75 calls; every later one is refused
    assert_eq!(s.one("SELECT work()"), "50 226");
    s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "0"), ("entry", "52")]);
    no_problem(&mut s);
}

#[test]
fn a_batch_read_through_a_cursor_or_with_a_limit_happens_whole() {
    let db = Server::shared().database();
    let mut s = db.session();
    let batch =
        |key: &str| format!("credits_grant_many(ARRAY['a','b','c'], ARRAY[1,1,1], ARRAY['{key}','{key}','{key}'])");
    let balances = "SELECT account, trim_scale(balance) FROM credits_accounts ORDER BY 1";
    assert_eq!(s.rows(&format!("SELECT * FROM {} LIMIT 1", batch("k"))).len(), 1);
    assert_eq!(s.list(balances), ["a|1", "b|1", "c|1"]);
    s.run(&format!("BEGIN; DECLARE c CURSOR FOR SELECT * FROM {}", batch("l")));
    assert_eq!(s.row("FETCH 1 FROM c").get("account"), "a");
    s.run("CLOSE c; COMMIT");
    assert_eq!(s.list(balances), ["a|2", "b|2", "c|2"]);
    no_problem(&mut s);
}

#[test]
fn prepared_statements_with_typed_parameters() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('acme', 100, 'g')");
    let debit = s
        .client()
        .prepare("SELECT entry, balance::text FROM credits_debit($1, $2::text::numeric, $3, feature => $4, metadata => NULL)")
        .expect("prepare");
    for n in 0..20_i64 {
        let key = format!("k{n}");
        let feature: Option<&str> = (n % 2 == 0).then_some("chat");
        let row = s.client().query_one(&debit, &[&"acme", &"1.5", &key, &feature]).expect("debit");
        assert_eq!(row.get::<_, i64>(0), 3 + n);
    }
    s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "70"), ("used", "30")]);
}

#[test]
fn a_session_goes_on_after_it_discarded_everything() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('acme', 100, 'g')");
    for (n, what) in ["DISCARD ALL", "DISCARD PLANS", "RESET ALL", "DEALLOCATE ALL"].into_iter().enumerate() {
        s.run(&format!("SELECT credits_debit('acme', 1, 'before {n}')"));
        s.run(what);
        s.row(&format!("SELECT * FROM credits_debit('acme', 1, 'after {n}')")).has(&[("replayed", "f")]);
        s.row(&format!("SELECT * FROM credits_debit('acme', 1, 'before {n}')")).has(&[("replayed", "t")]);
    }
    s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "92")]);
}

#[test]
fn tables_rebuilt_and_analyzed_under_open_sessions() {
    let db = Server::shared().database();
    let (mut s, mut dba) = (db.session(), db.session());
    s.run("SELECT credits_open_account('acme', 10); SELECT credits_grant('acme', 100, 'g')");
    let mut n = 0;
    for what in [
        "ANALYZE",
        "VACUUM",
        "VACUUM FULL credits_ledger.accounts",
        "VACUUM FULL credits_ledger.entries",
        "CLUSTER credits_ledger.lots USING lots_pkey",
        "REINDEX SCHEMA credits_ledger",
        "CREATE INDEX mine ON credits_ledger.entries (account, recorded_at)",
        "ALTER TABLE credits_ledger.entries SET (autovacuum_enabled = off)",
        "CREATE STATISTICS st ON account, cycle FROM credits_ledger.entries",
    ] {
        dba.run(what);
        for _ in 0..3 {
            n += 1;
            s.row(&format!("SELECT * FROM credits_debit('acme', 1, 'k{n}')")).has(&[("replayed", "f")]);
        }
        s.row(&format!("SELECT * FROM credits_debit('acme', 1, 'k{n}')")).has(&[("replayed", "t")]);
        s.row("SELECT * FROM credits_balance('acme')").has(&[("used", &n.to_string())]);
    }
    no_problem(&mut s);
}

#[test]
fn the_history_names_the_caller_and_not_the_owner_for_whom_the_functions_act() {
    let db = Server::shared().database();
    let mut s = db.session();
    let role = db.role("app");
    s.run("SELECT credits_grant('acme', 10, 'g')");
    s.run(&format!("SELECT credits_allow('{role}', 'spend')"));
    db.session_as(&role).run("SELECT credits_debit('acme', 1, 'd')");
    let by = s.list("SELECT operation, recorded_by FROM credits_history ORDER BY entry");
    assert_eq!(by, ["open|postgres".to_owned(), "grant|postgres".to_owned(), format!("debit|{role}")]);
}

#[test]
fn rows_of_the_application_may_refer_to_an_account_while_it_is_debited() {
    let db = Server::shared().database();
    let (mut s, mut other) = (db.session(), db.session());
    s.run("SELECT credits_grant('acme', 10, 'g')");
    s.run("CREATE TABLE customers (account text COLLATE \"C\" REFERENCES credits_ledger.accounts)");
    other.run("SET lock_timeout = '2s'");
    s.run("BEGIN; SELECT credits_debit('acme', 1, 'a')");
    other.run("INSERT INTO customers VALUES ('acme')");
    s.run("COMMIT");
    s.run("BEGIN; INSERT INTO customers VALUES ('acme')");
    other.row("SELECT * FROM credits_debit('acme', 1, 'b')").has(&[("balance", "8")]);
    s.run("COMMIT");
    assert_eq!(s.one("SELECT count(*) FROM customers"), "2");
}
