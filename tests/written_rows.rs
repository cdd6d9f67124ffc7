//! Rows are written without the executor where nothing else is to happen. Whatever a DBA adds to the tables that the
//! executor would have minded is minded all the same.

use credits_ledger_tests::{Server, Session};

/// Debits, charges nothing, holds, captures and releases, so that rows of accounts, entries and holds are added and
/// changed; and asks for the figures afterwards.
fn use_it(s: &mut Session, round: usize) {
    for call in [
        "credits_debit('a', 1, 'd{}')",
        "credits_hold('a', 5, 'h{}')",
        "credits_capture('a', 'h{}', 'c{}', 2)",
        "credits_hold('a', 4, 'i{}', '1 hour')",
        "credits_release('a', 'i{}', 'r{}')",
    ] {
        s.run(&format!("SELECT {}", call.replace("{}", &round.to_string())));
    }
}

/// With 1000 granted and 3 spent in each round so far.
fn is_right(s: &mut Session, rounds: usize) {
    let left = 1000 - 3 * rounds;
    let entries = 2 + 5 * rounds;
    assert_eq!(s.list("SELECT balance, held, entry FROM credits_balance('a')"), [format!("{left}|0|{entries}")]);
    assert_eq!(s.one("SELECT count(*) FROM credits_ledger.entries"), entries.to_string());
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn triggers_of_others_fire_once_for_each_row() {
    let db = Server::shared().database();
    let mut s = db.session();
    // An update that takes long by the real clock is taken back and done again.
    s.at("2026-01-31 12:00+00");
    s.run("SELECT credits_grant('a', 1000, 'g')");
    use_it(&mut s, 1);
    s.run("CREATE TABLE seen (what text)");
    s.run(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO public.seen VALUES (TG_TABLE_NAME || ' ' || TG_OP); RETURN NEW; END $$",
    );
    for (table, event) in
        [("entries", "AFTER INSERT"), ("accounts", "BEFORE UPDATE"), ("holds", "AFTER INSERT OR UPDATE")]
    {
        s.run(&format!(
            "CREATE TRIGGER note {event} ON credits_ledger.{table} FOR EACH ROW EXECUTE FUNCTION public.note()"
        ));
    }
    // The same session, which has written without the executor before.
    use_it(&mut s, 2);
    is_right(&mut s, 2);
    assert_eq!(
        s.list("SELECT what, count(*) FROM seen GROUP BY 1 ORDER BY 1"),
        ["accounts UPDATE|5", "entries INSERT|5", "holds INSERT|2", "holds UPDATE|2"]
    );
    for table in ["entries", "accounts", "holds"] {
        s.run(&format!("DROP TRIGGER note ON credits_ledger.{table}"));
    }
    use_it(&mut s, 3);
    is_right(&mut s, 3);
    assert_eq!(s.one("SELECT count(*) FROM seen"), "14");
}

#[test]
fn rules_of_others_are_followed() {
    let db = Server::shared().database();
    let mut s = db.session();
    // An update that takes long by the real clock is taken back and done again.
    s.at("2026-01-31 12:00+00");
    s.run("SELECT credits_grant('a', 1000, 'g')");
    use_it(&mut s, 1);
    s.run("CREATE TABLE seen (what text)");
    for (table, event) in [("entries", "INSERT"), ("accounts", "UPDATE"), ("holds", "INSERT")] {
        s.run(&format!(
            "CREATE RULE note AS ON {event} TO credits_ledger.{table} DO ALSO INSERT INTO public.seen VALUES ('{table}')"
        ));
    }
    use_it(&mut s, 2);
    is_right(&mut s, 2);
    assert_eq!(s.list("SELECT what, count(*) FROM seen GROUP BY 1 ORDER BY 1"), ["accounts|5", "entries|5", "holds|2"]);
}

#[test]
fn indexes_of_others_are_filled() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 1000, 'g')");
    use_it(&mut s, 1);
    s.run("CREATE INDEX ON credits_ledger.entries (upper(operation))");
    s.run("CREATE INDEX ON credits_ledger.entries (account, recorded_at) WHERE operation = 'debit'");
    s.run("CREATE INDEX ON credits_ledger.entries (recorded_at)");
    // Every update of an account is then one that the index has to know of.
    s.run("CREATE INDEX ON credits_ledger.accounts (credits)");
    s.run("CREATE INDEX ON credits_ledger.holds (captured)");
    for round in 2..=4 {
        use_it(&mut s, round);
    }
    is_right(&mut s, 4);
    s.run("SET enable_seqscan = off");
    s.run("SET enable_bitmapscan = off");
    assert_eq!(s.one("SELECT count(*) FROM credits_ledger.entries WHERE upper(operation) = 'DEBIT'"), "4");
    assert_eq!(
        s.one("SELECT count(*) FROM credits_ledger.entries WHERE account = 'a' AND recorded_at > '2000-01-01' AND operation = 'debit'"),
        "4"
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_ledger.entries WHERE recorded_at > '2000-01-01'"), "22");
    assert_eq!(s.list("SELECT account FROM credits_ledger.accounts WHERE credits = 988"), ["a"]);
    assert_eq!(s.one("SELECT count(*) FROM credits_ledger.accounts WHERE credits = 1000"), "0");
    assert_eq!(s.one("SELECT count(*) FROM credits_ledger.holds WHERE captured = 2"), "4");
    s.run("CREATE EXTENSION amcheck");
    for index in s.list(
        "SELECT indexrelid::regclass FROM pg_index
         WHERE indrelid IN ('credits_ledger.entries'::regclass, 'credits_ledger.accounts'::regclass, 'credits_ledger.holds'::regclass)",
    ) {
        s.run(&format!("SELECT bt_index_check('{index}', true)"));
    }
}

#[test]
fn rows_of_the_application_may_refer_to_the_ledgers() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 1000, 'g')");
    s.run(
        "CREATE TABLE job (account text COLLATE \"C\" REFERENCES credits_ledger.accounts (account), entry bigint,
                           FOREIGN KEY (account, entry) REFERENCES credits_ledger.entries (account, entry))",
    );
    use_it(&mut s, 1);
    s.run("INSERT INTO job VALUES ('a', 3)");
    assert_eq!(s.error("INSERT INTO job VALUES ('a', 99)").code, "23503");
    // While another transaction keeps the account from being deleted.
    let mut other = db.session();
    other.run("BEGIN");
    other.run("INSERT INTO job VALUES ('a', 4)");
    use_it(&mut s, 2);
    other.run("COMMIT");
    is_right(&mut s, 2);
}

#[test]
fn a_key_used_twice_in_one_transaction_and_a_rolled_back_part_are_as_ever() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 1000, 'g')");
    s.run("BEGIN");
    use_it(&mut s, 1);
    s.run("SAVEPOINT one");
    use_it(&mut s, 2);
    s.run("ROLLBACK TO one");
    use_it(&mut s, 2);
    assert_eq!(s.one("SELECT replayed FROM credits_debit('a', 1, 'd2')"), "t");
    s.run("COMMIT");
    is_right(&mut s, 2);
    for refused in ["READ ONLY", "ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE"] {
        s.run(&format!("BEGIN {refused}"));
        assert_eq!(s.error("SELECT credits_debit('a', 1, 'd3')").code, "25006");
        s.run("ROLLBACK");
    }
    is_right(&mut s, 2);
}

#[test]
fn columns_of_others_have_their_defaults_and_stay_as_they_are() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 1000, 'g')");
    use_it(&mut s, 1);
    let tables = s.list("SELECT tablename FROM pg_tables WHERE schemaname = 'credits_ledger'");
    for table in &tables {
        s.run(&format!(
            "ALTER TABLE credits_ledger.{table} ADD COLUMN note text, ALTER COLUMN note SET DEFAULT 'none'"
        ));
    }
    s.run("UPDATE credits_ledger.accounts SET note = 'ours'");
    use_it(&mut s, 2);
    is_right(&mut s, 2);
    // Into each of the tables.
    s.at("2026-01-31 12:00+00");
    for call in [
        "credits_define_plan('team', 100)",
        "credits_include('team', 'search', 5)",
        "credits_define_rate('search', 2)",
        "credits_define_pack('pack', 50, 4, 'EUR')",
        "credits_open_account('b', cycle_length => '10 days', overdraft_limit => 200)",
        "credits_subscribe('b', 'team', 's')",
        "credits_set_feature('b', 'chat', false)",
        "credits_set_budget('b', 5000, 'day')",
        "credits_set_alert('b', 'low', below => 40)",
        "credits_set_auto_recharge('b', 20, 'pack', payment_method => 'card')",
        "credits_grant('b', 10, 'paid', payment_ref => 'pi_0')",
        "credits_charge('b', 'search', 7, 'c')",
        "credits_hold('b', 1, 'h1', '1 hour')",
        "credits_hold('b', 1, 'h2', '1 hour')",
        "credits_hold('b', 1, 'h3', '1 hour')",
        "credits_debit('b', 110, 'd', on_insufficient => 'allow')",
        "credits_complete_recharge('b', 1, 'pi_1')",
        "credits_refund('b', 'd', 'r', 3)",
        "credits_void_grant('b', 'paid', 'v', claw_back => true)",
    ] {
        s.run(&format!("SELECT * FROM {call}"));
    }
    s.at("2026-02-11 12:00+00");
    s.run("SELECT credits_grant('b', 1, 'later')");
    assert_eq!(s.one("SELECT count(*) FROM credits_holds WHERE account = 'b' AND status = 'lapsed'"), "3");
    let mut without = tables;
    without.retain(|table| s.list(&format!("SELECT FROM credits_ledger.{table} WHERE note = 'none'")).is_empty());
    assert_eq!(without, Vec::<String>::new());
    assert_eq!(s.list("SELECT account, note FROM credits_ledger.accounts ORDER BY 1"), ["a|ours", "b|none"]);
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}
