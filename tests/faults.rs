//! Damage: bytes flipped on disk and rows edited by a superuser. `credits_verify` names what was touched.

use credits_ledger_tests::{Server, Session};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A small ledger in which every kind of entry of an account stands: a cycle closed with rollover and
/// expiry, debt drawn and repaid, a restricted and a dated lot, a redacted entry.
fn small_ledger(s: &mut Session) {
    s.at("2026-01-05 00:00+00");
    s.run("SELECT credits_open_account('acme', 100, rollover_percent => 50, overdraft_limit => 30)");
    s.run("SELECT credits_open_account('other', 50)");
    s.at("2026-01-06 00:00+00");
    s.run("SELECT credits_grant('acme', 40, 'buy', price => 10, currency => 'EUR', payment_ref => 'pay_1')");
    s.run("SELECT credits_grant('acme', 15, 'promo', 'promo', expires_at => '2026-03-01', features => ARRAY['chat'])");
    s.at("2026-01-07 00:00+00");
    s.run(
        "SELECT credits_debit('acme', 7.25, 'd1', feature => 'chat', actor => 'marker-of-the-actor', resource => 'doc-1',
             metadata => '{\"trace\": \"marker-of-the-metadata\"}')",
    );
    s.run("SELECT credits_debit('other', 5, 'd1')");
    s.at("2026-02-06 00:00+00");
    s.run("SELECT credits_debit('acme', 190, 'd2')");
    s.run("SELECT credits_grant('acme', 60, 'more')");
    s.run("SELECT credits_debit('acme', 3, 'd3', actor => 'someone', metadata => '{\"a\": 1}')");
    s.run("SELECT credits_redact('acme', (SELECT entry FROM credits_history WHERE account = 'acme' AND idempotency_key = 'd3'))");
    s.run("SELECT credits_freeze_account('acme', 'unpaid'), credits_unfreeze_account('acme')");
    s.run("SELECT credits_debit('acme', 1, 'd4')");
    assert_eq!(problems(s), Vec::<String>::new());
}

fn problems(s: &mut Session) -> Vec<String> {
    s.list("SELECT account, entry, problem FROM credits_verify()")
}

fn entry_of(s: &mut Session, key: &str) -> String {
    s.one(&format!("SELECT entry FROM credits_history WHERE account = 'acme' AND idempotency_key = '{key}'"))
}

/// Runs `edit` with the table's triggers out of the way, as a superuser can, and returns what
/// `credits_verify` gets wrong while it stands; nothing where it names the account, and the entry if one is
/// given. Nothing of the edit stays. An edit that a constraint rejects harms nobody.
fn wrong_about(s: &mut Session, table: &str, entry: Option<&str>, edit: &str) -> Option<String> {
    s.run("BEGIN");
    s.run(&format!("ALTER TABLE credits_ledger.{table} DISABLE TRIGGER ALL"));
    if let Err(e) = s.try_run(edit) {
        s.run("ROLLBACK");
        assert!(e.code.starts_with("23") || e.code.starts_with("22"), "{edit}: {e}");
        return None;
    }
    let verdict = asked_in_every_way(s, entry);
    s.run("ROLLBACK");
    verdict
}

fn asked_in_every_way(s: &mut Session, entry: Option<&str>) -> Option<String> {
    for question in ["credits_verify()", "credits_verify('acme')"] {
        let said = match s.try_run(&format!("SELECT entry FROM {question} WHERE account = 'acme'")) {
            Ok(rows) => rows,
            Err(e) => return Some(format!("{question} raised {e}")),
        };
        let named: Vec<&str> = said.iter().map(|row| row.get("entry")).collect();
        if named.is_empty() {
            return Some(format!("{question} does not name the account"));
        }
        if entry.is_some_and(|entry| !named.contains(&entry)) {
            return Some(format!("{question} does not name the entry, but {named:?}"));
        }
    }
    let blamed = s.list("SELECT account, problem FROM credits_verify('other') WHERE account IS NOT NULL");
    (!blamed.is_empty()).then(|| format!("an account that nobody touched was named: {blamed:?}"))
}

/// `(column, an expression of another value)` for each column of a table.
fn other_values(s: &mut Session, table: &str) -> Vec<(String, String)> {
    s.rows(&format!(
        "SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
         WHERE attrelid = 'credits_ledger.{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    ))
    .iter()
    .map(|row| {
        let c = row.get("name").to_owned();
        let other = match row.get("type") {
            "numeric" | "bigint" | "integer" => format!("coalesce({c}, 0) + 1"),
            "text" => format!("coalesce({c}, '') || 'x'"),
            "timestamp with time zone" => {
                format!("CASE WHEN isfinite({c}) THEN {c} + interval '1 microsecond' ELSE 'epoch' END")
            }
            "interval" => format!("{c} + interval '1 day'"),
            "boolean" => format!("NOT coalesce({c}, false)"),
            "jsonb" => format!("coalesce({c}, '{{}}') || '{{\"edited\": true}}'"),
            "bytea" => format!("coalesce({c}, '') || '\\x00'::bytea"),
            "integer[]" => format!("coalesce({c}, '{{}}') || 1"),
            "numeric[]" => format!("coalesce({c}, '{{}}') || 1::numeric"),
            "text[]" => format!("coalesce({c}, '{{}}') || 'x'::text"),
            "bigint[]" => format!("coalesce({c}, '{{}}') || 1::bigint"),
            other => panic!("{table}.{c}: no other value of type {other}"),
        };
        (c, other)
    })
    .collect()
}

/// No edit of the list may stay unseen: `(what was edited, what is wrong about the answer)`.
fn none_unseen(wrong: &[(String, String)]) {
    let list: Vec<String> = wrong.iter().map(|(what, why)| format!("{what}: {why}")).collect();
    assert!(list.is_empty(), "{} edits were not named as they should:\n{}", list.len(), list.join("\n"));
}

#[test]
fn a_superusers_edit_of_any_column_of_an_entry_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    let mut wrong = Vec::new();
    // an entry with actor, resource and metadata; one that draws debt; one that is redacted; the newest
    for key in ["d1", "d2", "d3", "d4", "buy"] {
        let entry = entry_of(&mut s, key);
        for (column, other) in other_values(&mut s, "entries") {
            // That an entry is not in its place is another test.
            if column == "account" || column == "entry" {
                continue;
            }
            let edit = format!(
                "UPDATE credits_ledger.entries SET {column} = {other} WHERE account = 'acme' AND entry = {entry}"
            );
            wrong.extend(
                wrong_about(&mut s, "entries", Some(&entry), &edit).map(|why| (format!("{key} {column}"), why)),
            );
        }
    }
    none_unseen(&wrong);
    assert_eq!(problems(&mut s), Vec::<String>::new());
}

#[test]
fn an_entry_that_is_removed_moved_or_made_up_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    let d2 = entry_of(&mut s, "d2");
    let newest = s.one("SELECT max(entry) FROM credits_history WHERE account = 'acme'");
    let edits = [
        ("a removed entry", format!("DELETE FROM credits_ledger.entries WHERE account = 'acme' AND entry = {d2}")),
        (
            "the newest entry removed",
            format!("DELETE FROM credits_ledger.entries WHERE account = 'acme' AND entry = {newest}"),
        ),
        (
            "the first entry removed",
            "DELETE FROM credits_ledger.entries WHERE account = 'acme' AND entry = 1".to_owned(),
        ),
        ("all entries removed", "DELETE FROM credits_ledger.entries WHERE account = 'acme'".to_owned()),
        (
            "two entries exchanged",
            format!(
                "UPDATE credits_ledger.entries SET entry = -1 WHERE account = 'acme' AND entry = {d2};
                 UPDATE credits_ledger.entries SET entry = {d2} WHERE account = 'acme' AND entry = {d2} - 1;
                 UPDATE credits_ledger.entries SET entry = {d2} - 1 WHERE account = 'acme' AND entry = -1"
            ),
        ),
        (
            "an entry made up",
            format!(
                "CREATE TEMP TABLE forged ON COMMIT DROP AS
                     SELECT * FROM credits_ledger.entries WHERE account = 'acme' AND entry = {newest};
                 UPDATE forged SET entry = {newest} + 1, idempotency_key = 'forged';
                 INSERT INTO credits_ledger.entries SELECT * FROM forged"
            ),
        ),
        (
            "an entry given to another account",
            format!("UPDATE credits_ledger.entries SET account = 'acme2' WHERE account = 'acme' AND entry = {newest}"),
        ),
    ];
    let mut wrong = Vec::new();
    for (what, edit) in edits {
        wrong.extend(wrong_about(&mut s, "entries", None, &edit).map(|why| (what.to_owned(), why)));
    }
    none_unseen(&wrong);
}

#[test]
fn a_superusers_edit_of_an_account_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    let mut wrong = Vec::new();
    for (column, other) in other_values(&mut s, "accounts") {
        let other = match column.as_str() {
            "account" => continue,
            "status" => "'frozen'".to_owned(),
            "debt_policy" => "'forgive_at_reset'".to_owned(),
            "time_zone" => "'Europe/Berlin'".to_owned(),
            _ => other,
        };
        let edit = format!("UPDATE credits_ledger.accounts SET {column} = {other} WHERE account = 'acme'");
        wrong.extend(wrong_about(&mut s, "accounts", None, &edit).map(|why| (column, why)));
    }
    let removed = "DELETE FROM credits_ledger.accounts WHERE account = 'acme'";
    wrong.extend(wrong_about(&mut s, "accounts", None, removed).map(|why| ("the row removed".to_owned(), why)));
    none_unseen(&wrong);
}

#[test]
fn a_superusers_edit_of_a_lot_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    let lots = s.list("SELECT lot FROM credits_ledger.lots WHERE account = 'acme' ORDER BY lot");
    assert!(lots.len() >= 5, "{lots:?}");
    let head = s.one("SELECT coalesce(head_lot, 0) FROM credits_ledger.accounts WHERE account = 'acme'");
    let mut wrong = Vec::new();
    for lot in &lots {
        for (column, other) in other_values(&mut s, "lots") {
            // What remains of the head lot stands on the account's row; this column is then of no account.
            if column == "account" || (column == "remaining" && *lot == head) {
                continue;
            }
            let other = match column.as_str() {
                "status" => "CASE status WHEN 'voided' THEN 'active' ELSE 'voided' END".to_owned(),
                "kind" => "'bonus'".to_owned(),
                _ => other,
            };
            let edit =
                format!("UPDATE credits_ledger.lots SET {column} = {other} WHERE account = 'acme' AND lot = {lot}");
            wrong.extend(wrong_about(&mut s, "lots", None, &edit).map(|why| (format!("lot {lot} {column}"), why)));
        }
        let removed = format!("DELETE FROM credits_ledger.lots WHERE account = 'acme' AND lot = {lot}");
        wrong.extend(wrong_about(&mut s, "lots", None, &removed).map(|why| (format!("lot {lot} removed"), why)));
    }
    let made_up = "CREATE TEMP TABLE forged ON COMMIT DROP AS
             SELECT * FROM credits_ledger.lots WHERE account = 'acme' AND lot = 2;
         UPDATE forged SET lot = 99, payment_ref = NULL, remaining = 1000000, amount = 1000000, open = true;
         INSERT INTO credits_ledger.lots SELECT * FROM forged";
    wrong.extend(wrong_about(&mut s, "lots", None, made_up).map(|why| ("a lot made up".to_owned(), why)));
    none_unseen(&wrong);
}

#[test]
fn a_superusers_edit_of_any_other_table_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    let tables = s.list(
        "SELECT relname FROM pg_class WHERE relnamespace = 'credits_ledger'::regnamespace AND relkind = 'r'
             AND relname NOT IN ('accounts', 'entries', 'lots') ORDER BY 1",
    );
    assert!(tables.contains(&"cycles".to_owned()), "{tables:?}");
    let mut wrong = Vec::new();
    for table in tables {
        let key = if table == "cycles" { "cycle" } else { "entry" };
        let first = format!(
            "account = 'acme' AND {key} = (SELECT min({key}) FROM credits_ledger.{table} WHERE account = 'acme')"
        );
        for (column, other) in other_values(&mut s, &table) {
            let other = match column.as_str() {
                "account" => continue,
                "status" => "'closed'".to_owned(),
                _ => other,
            };
            let edit = format!("UPDATE credits_ledger.{table} SET {column} = {other} WHERE {first}");
            wrong.extend(wrong_about(&mut s, &table, None, &edit).map(|why| (format!("{table}.{column}"), why)));
        }
        let removed = format!("DELETE FROM credits_ledger.{table} WHERE {first}");
        wrong.extend(wrong_about(&mut s, &table, None, &removed).map(|why| (format!("a row of {table} removed"), why)));
    }
    none_unseen(&wrong);
}

#[test]
fn damaged_rows_take_no_session_down() {
    // Whatever stands in the rows, a call ends with a result or with an error, and the session goes on.
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    s.at("2026-04-20 00:00+00");
    let calls = [
        "SELECT * FROM credits_balance('acme')",
        "SELECT * FROM credits_balance_at('acme', '2026-01-20 00:00+00')",
        "SELECT * FROM credits_explain_debit('acme', 50)",
        "SELECT * FROM credits_accounts",
        "SELECT * FROM credits_debit('acme', 150, 'much')",
        "SELECT * FROM credits_grant('acme', 1, 'some')",
        "SELECT * FROM credits_debit('acme', 7.25, 'd1', feature => 'chat')",
        "SELECT * FROM credits_reset_cycle('acme', 'r')",
    ];
    let extremes = [
        ("numeric", vec!["99999999999999999999999999999999", "'NaN'"]),
        ("bigint", vec!["9223372036854775807"]),
        ("integer", vec!["2147483647", "-2147483648"]),
        ("interval", vec!["'-1 month'"]),
        ("text", vec!["'\u{1}'"]),
        ("bytea", vec!["''"]),
        ("jsonb", vec!["'[]'"]),
    ];
    for (table, one) in
        [("accounts", "true"), ("lots", "lot IN (2, 6)"), ("entries", "idempotency_key IN ('d1', 'd4')")]
    {
        let columns = s.rows(&format!(
            "SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
             WHERE attrelid = 'credits_ledger.{table}'::regclass AND attnum > 1"
        ));
        for column in columns {
            let name = column.get("name");
            for value in extremes.iter().filter(|(of, _)| *of == column.get("type")).flat_map(|(_, values)| values) {
                s.run(&format!("BEGIN; ALTER TABLE credits_ledger.{table} DISABLE TRIGGER ALL"));
                let edit =
                    format!("UPDATE credits_ledger.{table} SET {name} = {value} WHERE account = 'acme' AND {one}");
                if s.try_run(&edit).is_ok() {
                    for call in calls {
                        s.run("SAVEPOINT here");
                        if let Err(e) = s.try_run(call) {
                            let text = format!("{edit}; {call}: {e}");
                            assert_ne!(e.severity, "FATAL", "{text}");
                            assert!(!text.contains("panic") && !text.contains("unwrap"), "{text}");
                        }
                        s.run("ROLLBACK TO SAVEPOINT here");
                    }
                }
                s.run("ROLLBACK");
            }
        }
    }
    assert_eq!(problems(&mut s), Vec::<String>::new());
}

#[test]
fn rows_cannot_be_changed_or_removed_even_by_a_superuser_who_does_not_disarm_the_triggers() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    let tables = s.list(
        "SELECT c.oid::regclass FROM pg_class c
         WHERE c.relnamespace = 'credits_ledger'::regnamespace AND c.relkind = 'r' ORDER BY 1",
    );
    assert!(tables.len() >= 4, "{tables:?}");
    for role in ["origin", "replica", "local"] {
        s.run(&format!("SET session_replication_role = '{role}'"));
        for statement in [
            "UPDATE credits_ledger.entries SET amount = 0",
            "UPDATE credits_ledger.entries SET actor = 'another' WHERE account = 'acme' AND entry = 5",
            "DELETE FROM credits_ledger.entries WHERE account = 'acme' AND entry = 5",
            "TRUNCATE credits_ledger.entries",
            "TRUNCATE credits_ledger.entries, credits_ledger.accounts, credits_ledger.lots, credits_ledger.cycles",
        ] {
            let e = s.error(statement);
            assert_eq!(e.code, "LC013", "{role}: {statement}: {}", e.message);
            assert!(!e.hint.is_empty(), "{role}: {statement}: no hint");
        }
        for table in &tables {
            for statement in [format!("DELETE FROM {table}"), format!("TRUNCATE {table}")] {
                assert_eq!(s.error(&statement).code, "LC013", "{role}: {statement}");
            }
        }
    }
    s.run("RESET session_replication_role");
    assert_eq!(problems(&mut s), Vec::<String>::new());
}

/// Replaces the first occurrence of `old` in the file by `new`, of the same length.
fn overwrite(file: &Path, old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len());
    let mut f = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut bytes = Vec::new();
    f.read_to_end(&mut bytes).expect("the relation's file");
    let places: Vec<usize> =
        (0..bytes.len().saturating_sub(old.len())).filter(|&i| &bytes[i..i + old.len()] == old).collect();
    assert!(!places.is_empty(), "{}: the bytes to be damaged are not there", file.display());
    // all versions of the row, so that the living one is among them
    for place in places {
        f.seek(SeekFrom::Start(place as u64)).and_then(|_| f.write_all(new)).expect("write");
    }
    f.sync_all().expect("sync");
}

#[test]
fn bytes_flipped_on_disk_are_named() {
    let mut server = Server::start(&[]);
    let db = server.database();
    let mut s = db.session();
    small_ledger(&mut s);
    s.run("CHECKPOINT");
    let entry = entry_of(&mut s, "d1");
    let file = server.pgdata().join(s.one("SELECT pg_relation_filepath('credits_ledger.entries')"));
    drop(s);
    server.stop("fast");
    overwrite(&file, b"marker-of-the-actor", b"marker-of-the-aktor");
    server.start_again();

    // With checksums on, Postgres itself refuses the page and names the table's file.
    let mut s = db.session();
    assert_eq!(s.one("SHOW data_checksums"), "on");
    match s.try_run("SELECT account, entry, problem FROM credits_verify()") {
        Err(e) => {
            assert_eq!(e.code, "XX001", "{}", e.message);
            let name = file.file_name().and_then(|n| n.to_str()).expect("a file name").to_owned();
            assert!(e.message.contains(&name), "{}", e.message);
        }
        Ok(rows) => assert!(!rows.is_empty(), "the damage was not seen"),
    }

    // Read all the same, the hash chain names the entry.
    s.run("SET ignore_checksum_failure = on");
    let said = s.list("SELECT account, entry FROM credits_verify()");
    assert!(said.contains(&format!("acme|{entry}")), "{said:?}");
    assert!(said.iter().all(|row| row.starts_with("acme|")), "{said:?}");
    assert!(s.list("SELECT * FROM credits_verify('other')").is_empty());
}

#[test]
fn without_checksums_the_hash_chain_alone_finds_flipped_bytes() {
    let mut server = Server::start(&[]);
    let db = server.database();
    let mut s = db.session();
    small_ledger(&mut s);
    s.run("CHECKPOINT");
    let entry = entry_of(&mut s, "d1");
    let file = server.pgdata().join(s.one("SELECT pg_relation_filepath('credits_ledger.entries')"));
    drop(s);
    server.stop("fast");
    let data = server.pgdata().display().to_string();
    let disabled = server.run_tool("pg_checksums", &["--disable", "-D", &data]);
    assert!(disabled.status.success(), "{disabled:?}");
    overwrite(&file, b"marker-of-the-metadata", b"marker-of-the-metadatA");
    server.start_again();
    let mut s = db.session();
    let said = s.list("SELECT account, entry FROM credits_verify()");
    assert_eq!(said, [format!("acme|{entry}")]);
}
