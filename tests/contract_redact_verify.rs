//! Erasing personal data, seeing a superuser's edits, and refusing everyone else's.

use credits_ledger_tests::{Server, Session};

const JAN: &str = "2026-01-31 12:00+00";

fn holds(s: &mut Session, condition: &str) {
    assert_eq!(s.one(&format!("SELECT ({condition})::text")), "true", "{condition}");
}

fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT account, entry, problem FROM credits_verify()"), Vec::<String>::new());
}

/// Two accounts with every kind of entry: cycles closed, lots of each state, debt, personal data.
fn history(s: &mut Session) {
    s.at(JAN);
    s.run(
        "SELECT * FROM credits_open_account('a', 100, rollover_percent => 50, overdraft_limit => 20,
             metadata => '{\"team\": 1}')",
    );
    s.run(
        "SELECT * FROM credits_grant('a', 30, 'g1', price => 3, currency => 'EUR', payment_ref => 'pi_1',
             metadata => '{\"who\": \"Grace\"}')",
    );
    s.run("SELECT * FROM credits_grant('a', 9, 'g2', 'promo', features => ARRAY['chat'], expires_in => '20 days')");
    s.run("SELECT * FROM credits_grant('a', 8, 'g3', 'bonus', effective_at => '2026-02-05 00:00+00')");
    s.run("SELECT * FROM credits_debit('a', 50, 'd1', 'chat', 'ann', 'doc 1', metadata => '{\"secret\": \"Ada\"}')");
    s.run("SELECT * FROM credits_debit('a', 60, 'd2', actor => 'bob')");
    s.at("2026-03-02 00:00+00");
    s.run("SELECT * FROM credits_debit('a', 160, 'd3', on_insufficient => 'allow')");
    s.run("SELECT * FROM credits_grant('a', 40, 'g4', expires_after_cycles => 2)");
    s.run("SELECT * FROM credits_grant('a', 5, 'g5', 'promo')");
    s.run("SELECT * FROM credits_configure_account('a', overdraft_limit => 25)");
    s.run("SELECT * FROM credits_freeze_account('a', 'why')");
    s.run("SELECT * FROM credits_unfreeze_account('a')");
    s.run("SELECT * FROM credits_reset_cycle('a', 'r1', '2026-03-01 00:00+00')");
    s.run("SELECT * FROM credits_debit('a', 7, 'd4', 'chat', 'ann', 'doc 2', metadata => '{\"n\": 2}')");
    s.at("2026-04-15 00:00+00");
    s.run("SELECT * FROM credits_debit('a', 60, 'd5')");
    s.run("SELECT * FROM credits_grant('b', 10, 'g')");
    s.run("SELECT * FROM credits_debit('b', 4, 'd', actor => 'eve')");
    assert_eq!(
        s.list("SELECT DISTINCT operation FROM credits_history ORDER BY 1"),
        [
            "allowance",
            "configure",
            "debit",
            "expire",
            "freeze",
            "grant",
            "open",
            "reset",
            "rollover",
            "schedule",
            "unfreeze"
        ]
    );
    sound(s);
}

#[test]
fn redacting_erases_and_the_chain_still_verifies() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    let before = s.row("SELECT * FROM credits_balance('a')");
    let entry = s.one("SELECT entry FROM credits_history WHERE account = 'a' AND idempotency_key = 'd1'");
    let kept = "account, entry, operation, kind, amount, from_allowance, from_credits, overdraft, balance, available,
        feature, quantity, included, idempotency_key, refers_to, reason, effective_at, recorded_at, recorded_by";
    let rest = s.list(&format!("SELECT {kept} FROM credits_history WHERE account = 'a' ORDER BY entry"));
    let receipt = s.row(&format!("SELECT * FROM credits_redact('a', {entry})"));
    receipt.has(&[
        ("account", "a"),
        ("operation", "redact"),
        ("accepted", "t"),
        ("replayed", "f"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("refers_to", entry.as_str()),
        ("balance", before.get("balance")),
        ("available", before.get("available")),
    ]);
    // Erased, nothing else changed, and one entry more.
    holds(
        &mut s,
        &format!(
            "SELECT actor IS NULL AND resource IS NULL AND metadata IS NULL FROM credits_history WHERE account = 'a' AND entry = {entry}"
        ),
    );
    let after = s.list(&format!("SELECT {kept} FROM credits_history WHERE account = 'a' ORDER BY entry"));
    assert_eq!(after[..rest.len()], rest[..]);
    assert_eq!(after.len(), rest.len() + 1);
    sound(&mut s);
    // Nothing of it is left in any table.
    for table in s.list(
        "SELECT oid::regclass FROM pg_class WHERE relnamespace = 'credits_ledger'::regnamespace AND relkind = 'r'",
    ) {
        for erased in ["Ada", "doc 1"] {
            assert_eq!(
                s.one(&format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%{erased}%'")),
                "0",
                "{table} has {erased}"
            );
        }
    }
    // Other entries keep theirs.
    assert_eq!(
        s.list("SELECT actor FROM credits_history WHERE actor IS NOT NULL ORDER BY account, entry"),
        ["bob", "ann", "eve"]
    );
    // The call still replays, and another actor is still another request.
    s.row("SELECT * FROM credits_debit('a', 50, 'd1', 'chat', 'ann', 'doc 1')")
        .has(&[("replayed", "t"), ("entry", entry.as_str())]);
    assert_eq!(s.error("SELECT * FROM credits_debit('a', 50, 'd1', 'chat', 'bob', 'doc 1')").code, "LC003");
    assert_eq!(s.error("SELECT * FROM credits_debit('a', 50, 'd1', 'chat')").code, "LC003");
}

#[test]
fn each_entry_of_an_account_can_be_redacted() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    for entry in s.list("SELECT entry FROM credits_history WHERE account = 'a' AND entry > 1 ORDER BY entry") {
        s.row(&format!("SELECT * FROM credits_redact('a', {entry})"))
            .has(&[("operation", "redact"), ("refers_to", &entry)]);
    }
    assert_eq!(
        s.one("SELECT count(*) FROM credits_history WHERE account = 'a' AND entry > 1 AND (actor, resource, metadata) IS DISTINCT FROM (NULL, NULL, NULL)"),
        "0"
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_grants WHERE account = 'a' AND metadata IS NOT NULL"), "0");
    sound(&mut s);
    // The ledger goes on.
    s.run("SELECT * FROM credits_debit('a', 1, 'after', actor => 'ann')");
    s.at("2026-09-01 00:00+00");
    s.run("SELECT credits_maintain()");
    sound(&mut s);
}

#[test]
fn redacting_needs_an_entry_that_is_there() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    let count = s.one("SELECT count(*) FROM credits_history");
    for entry in ["0", "-1", "999"] {
        let error = s.error(&format!("SELECT * FROM credits_redact('a', {entry})"));
        assert!(["LC005", "LC006"].contains(&error.code.as_str()), "{entry}: {}", error.code);
    }
    assert_eq!(s.error("SELECT * FROM credits_redact('nobody', 1)").code, "LC002");
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), count);
}

/// What another value of a column of this type could be.
fn other_value(column: &str, kind: &str) -> String {
    match kind {
        "numeric" | "integer" | "bigint" => format!("coalesce({column}, 0) + 1"),
        "text" => format!("coalesce({column}, '') || 'x'"),
        "boolean" => format!("NOT coalesce({column}, false)"),
        "timestamp with time zone" => {
            format!("CASE WHEN isfinite({column}) THEN {column} + '1 second' ELSE '2026-03-01 00:00+00' END")
        }
        "interval" => format!("{column} + '1 day'"),
        "bytea" => format!("coalesce({column}, '') || '\\x01'"),
        "jsonb" => "'{\"forged\": true}'".to_string(),
        "integer[]" | "numeric[]" => format!("coalesce({column}, '{{}}') || ARRAY[1]::{kind}"),
        "text[]" => format!("coalesce({column}, '{{}}') || ARRAY['forged']"),
        other => panic!("no other value for {column} {other}"),
    }
}

/// Edits one column of one row as a superuser would who switched the triggers off, and returns what
/// `credits_verify` then says; the edit is undone. None: a constraint forbade it.
fn edited(s: &mut Session, table: &str, column: &str, value: &str, row: &str) -> Option<Vec<String>> {
    s.run("BEGIN");
    s.run(&format!("ALTER TABLE credits_ledger.{table} DISABLE TRIGGER ALL"));
    let update = format!("UPDATE credits_ledger.{table} SET {column} = {value} WHERE {row}");
    s.run("CREATE TEMP TABLE outcome (rows int, state text) ON COMMIT DROP");
    s.run(&format!(
        "DO $edit$ DECLARE n int; BEGIN
             {update};
             GET DIAGNOSTICS n = ROW_COUNT;
             INSERT INTO outcome VALUES (n, 'done');
         EXCEPTION WHEN integrity_constraint_violation THEN INSERT INTO outcome VALUES (0, 'forbidden');
         END $edit$"
    ));
    let outcome = s.one("SELECT state || ' ' || rows FROM outcome");
    let found = match outcome.as_str() {
        "forbidden 0" => None,
        "done 1" => Some(s.list("SELECT account, entry, problem FROM credits_verify()")),
        other => panic!("{update}: {other}"),
    };
    s.run("ROLLBACK");
    found
}

fn columns(s: &mut Session, table: &str) -> Vec<(String, String)> {
    s.list(&format!(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
         WHERE attrelid = 'credits_ledger.{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    ))
    .iter()
    .filter_map(|line| line.split_once('|').map(|(name, kind)| (name.to_string(), kind.to_string())))
    .collect()
}

/// Every column of the rows, one at a time; what no problem named.
fn unnoticed(s: &mut Session, table: &str, rows: &[String]) -> Vec<String> {
    let mut missed = Vec::new();
    // What remains and is held in the lot that debits are now taken from stands on the account's row, not in the lot's.
    let head =
        s.one("SELECT 'account = ''a'' AND lot = ' || head_lot FROM credits_ledger.accounts WHERE account = 'a'");
    for (column, kind) in columns(s, table) {
        for row in rows {
            if table == "lots" && ["remaining", "held"].contains(&column.as_str()) && *row == head {
                continue;
            }
            // What the application calls the account is not the ledger's: it may be changed at any time.
            // The level at which alerts are looked at may lie higher than it need; lower, it is named.
            if table == "accounts" && ["metadata", "alert_at"].contains(&column.as_str()) {
                continue;
            }
            let Some(problems) = edited(s, table, &column, &other_value(&column, &kind), row) else { continue };
            let account = if row.contains("'b'") { "b|" } else { "a|" };
            if column == "account" {
                if problems.is_empty() {
                    missed.push(format!("{table}.{column} where {row}"));
                }
            } else if !problems.iter().any(|problem| problem.starts_with(account)) {
                missed.push(format!("{table}.{column} where {row}"));
            }
        }
    }
    missed
}

#[test]
fn an_edit_of_any_column_of_an_entry_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    s.run("SELECT * FROM credits_redact('a', (SELECT entry FROM credits_history WHERE account = 'a' AND idempotency_key = 'd2'))");
    sound(&mut s);
    let rows: Vec<String> = s
        .list("SELECT account, entry FROM credits_history ORDER BY account, entry")
        .iter()
        .filter_map(|line| {
            line.split_once('|').map(|(account, entry)| format!("account = '{account}' AND entry = {entry}"))
        })
        .collect();
    assert!(rows.len() > 20, "{}", rows.len());
    assert_eq!(unnoticed(&mut s, "entries", &rows), Vec::<String>::new());
}

#[test]
fn the_edited_entry_itself_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    let entry = s.one("SELECT entry FROM credits_history WHERE account = 'a' AND idempotency_key = 'd2'");
    for (column, value) in [
        ("amount", "amount + 1"),
        ("balance_less", "allowance - 1"),
        ("actor", "'mallory'"),
        ("metadata", "'{\"forged\": true}'"),
        ("idempotency_key", "'forged'"),
        ("recorded_at", "recorded_at - interval '1 day'"),
        ("feature", "'forged'"),
    ] {
        let column = if column == "balance_less" { "allowance" } else { column };
        let row = format!("account = 'a' AND entry = {entry}");
        let problems = edited(&mut s, "entries", column, value, &row).unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.starts_with(&format!("a|{entry}|"))), "{column}: {problems:?}");
        assert!(!problems.iter().any(|problem| problem.starts_with("b|")), "{column}: {problems:?}");
    }
    sound(&mut s);
}

#[test]
fn an_edit_of_any_column_of_a_lot_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    let rows: Vec<String> = s
        .list("SELECT lot FROM credits_grants WHERE account = 'a' ORDER BY lot")
        .iter()
        .map(|lot| format!("account = 'a' AND lot = {lot}"))
        .collect();
    assert!(rows.len() >= 8, "{}", rows.len());
    assert_eq!(unnoticed(&mut s, "lots", &rows), Vec::<String>::new());
}

#[test]
fn an_edit_of_any_column_of_an_account_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    let rows = ["account = 'a'".to_string(), "account = 'b'".to_string()];
    assert_eq!(unnoticed(&mut s, "accounts", &rows), Vec::<String>::new());
}

#[test]
fn an_edit_of_any_column_of_a_closed_cycle_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    let rows: Vec<String> = s
        .list("SELECT cycle FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle")
        .iter()
        .map(|cycle| format!("account = 'a' AND cycle = {cycle}"))
        .collect();
    assert!(rows.len() >= 3, "{}", rows.len());
    assert_eq!(unnoticed(&mut s, "cycles", &rows), Vec::<String>::new());
}

/// What `credits_verify` says after this, which is then undone.
fn after(s: &mut Session, sql: &str) -> Vec<String> {
    s.run("BEGIN");
    for table in s.list(
        "SELECT oid::regclass FROM pg_class WHERE relnamespace = 'credits_ledger'::regnamespace AND relkind = 'r'",
    ) {
        s.run(&format!("ALTER TABLE {table} DISABLE TRIGGER ALL"));
    }
    s.run(sql);
    let problems = s.list("SELECT account, entry, problem FROM credits_verify()");
    s.run("ROLLBACK");
    problems
}

#[test]
fn rows_removed_or_made_up_are_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    let entry = s.one("SELECT entry FROM credits_history WHERE account = 'a' AND idempotency_key = 'd2'");
    for forgery in [
        format!("DELETE FROM credits_ledger.entries WHERE account = 'a' AND entry = {entry}"),
        "DELETE FROM credits_ledger.entries WHERE account = 'a' AND entry = 1".to_string(),
        // The newest, while the account's row still says that it was there.
        "DELETE FROM credits_ledger.entries WHERE account = 'a' AND entry = (SELECT max(entry) FROM credits_ledger.entries WHERE account = 'a')".to_string(),
        "DELETE FROM credits_ledger.entries WHERE account = 'a'".to_string(),
        "DELETE FROM credits_ledger.lots WHERE account = 'a' AND lot = 2".to_string(),
        "DELETE FROM credits_ledger.lots WHERE account = 'a' AND lot = (SELECT max(lot) FROM credits_ledger.lots WHERE account = 'a')".to_string(),
        "DELETE FROM credits_ledger.accounts WHERE account = 'a'".to_string(),
        // A forged row after the newest, and two rows that change places.
        "CREATE TEMP TABLE forged ON COMMIT DROP AS SELECT * FROM credits_ledger.entries WHERE account = 'a' AND entry = 3;
         UPDATE forged SET entry = 1000, idempotency_key = 'forged';
         INSERT INTO credits_ledger.entries SELECT * FROM forged".to_string(),
        "UPDATE credits_ledger.entries SET entry = -entry WHERE account = 'a' AND entry IN (3, 4);
         UPDATE credits_ledger.entries SET entry = 7 + entry WHERE account = 'a' AND entry < 0".to_string(),
        // Credits from nowhere, in account and lot alike.
        "UPDATE credits_ledger.accounts SET credits = credits + 5 WHERE account = 'a';
         UPDATE credits_ledger.lots SET remaining = remaining + 5, amount = amount + 5 WHERE account = 'a' AND lot = 2".to_string(),
    ] {
        let problems = after(&mut s, &forgery);
        assert!(problems.iter().any(|problem| problem.starts_with("a|")), "{forgery}: {problems:?}");
        assert!(!problems.iter().any(|problem| problem.starts_with("b|")), "{forgery}: {problems:?}");
    }
    sound(&mut s);
}

#[test]
fn one_account_can_be_verified_by_itself() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    s.run("ALTER TABLE credits_ledger.entries DISABLE TRIGGER ALL");
    s.run("UPDATE credits_ledger.entries SET amount = amount + 1 WHERE account = 'b' AND entry = 3");
    for trigger in
        s.list("SELECT tgname FROM pg_trigger WHERE tgrelid = 'credits_ledger.entries'::regclass AND NOT tgisinternal")
    {
        s.run(&format!("ALTER TABLE credits_ledger.entries ENABLE ALWAYS TRIGGER {trigger}"));
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_verify('a')"), "0");
    assert_ne!(s.one("SELECT count(*) FROM credits_verify('b')"), "0");
    assert_ne!(s.one("SELECT count(*) FROM credits_verify()"), "0");
    assert_eq!(s.one("SELECT count(*) FROM credits_verify() WHERE account <> 'b' OR problem = ''"), "0");
    // Reading and writing go on: it is the check that tells.
    s.row("SELECT * FROM credits_debit('b', 1, 'd2')").has(&[("balance", "5")]);
}

#[test]
fn entries_are_append_only_even_for_a_superuser() {
    let db = Server::shared().database();
    let mut s = db.session();
    history(&mut s);
    let before = s.list("SELECT * FROM credits_ledger.entries ORDER BY account, entry");
    for role in ["origin", "replica", "local"] {
        s.run(&format!("SET session_replication_role = {role}"));
        for sql in [
            "UPDATE credits_ledger.entries SET amount = amount + 1",
            "UPDATE credits_ledger.entries SET amount = amount WHERE account = 'a' AND entry = 2",
            "UPDATE credits_ledger.entries SET actor = NULL, resource = NULL, metadata = NULL WHERE account = 'a'",
            "UPDATE credits_ledger.entries SET actor = 'mallory' WHERE account = 'a' AND entry = 3",
            "DELETE FROM credits_ledger.entries",
            "DELETE FROM credits_ledger.entries WHERE account = 'a' AND entry = 2",
            "TRUNCATE credits_ledger.entries",
            "TRUNCATE credits_ledger.entries CASCADE",
            "INSERT INTO credits_ledger.entries SELECT * FROM credits_ledger.entries
                 ON CONFLICT (account, entry) DO UPDATE SET amount = 0",
        ] {
            let error = s.error(sql);
            assert_eq!(error.code, "LC013", "{sql} as {role}: {}", error.message);
        }
    }
    s.run("RESET session_replication_role");
    assert_eq!(s.list("SELECT * FROM credits_ledger.entries ORDER BY account, entry"), before);
    sound(&mut s);
    // The ledger's own writing works under each role.
    for (i, role) in ["origin", "replica", "local"].into_iter().enumerate() {
        s.run(&format!("SET session_replication_role = {role}"));
        s.run(&format!("SELECT * FROM credits_debit('b', 1, 'r{i}')"));
        s.run(&format!("SELECT * FROM credits_redact('b', {})", i + 1));
    }
    assert_eq!(s.one("SELECT balance FROM credits_balance('b')"), "3");
    sound(&mut s);
}

#[test]
fn the_head_hash_moves_with_every_entry() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let mut seen: Vec<String> = Vec::new();
    for call in [
        "credits_open_account('a', 10)",
        "credits_grant('a', 1, 'g')",
        "credits_debit('a', 1, 'd', actor => 'ann')",
        "credits_configure_account('a', overdraft_limit => 1)",
        "credits_freeze_account('a', 'why')",
        "credits_unfreeze_account('a')",
        "credits_redact('a', 4)",
        "credits_reset_cycle('a', 'r')",
        "credits_close_account('a', 'why')",
    ] {
        s.run(&format!("SELECT * FROM {call}"));
        let head = s.one("SELECT head_hash FROM credits_accounts");
        assert!(!seen.contains(&head), "{call} left the head hash as it was");
        seen.push(head);
    }
    // Reads, replays and refusals do not.
    s.run("SELECT * FROM credits_balance('a')");
    s.run("SELECT * FROM credits_debit('a', 1, 'd', actor => 'ann')");
    s.run("SELECT * FROM credits_debit('a', 1, 'no', on_insufficient => 'refuse')");
    assert_eq!(seen.last(), Some(&s.one("SELECT head_hash FROM credits_accounts")));
}
