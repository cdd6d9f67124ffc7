//! Damage: rows that hold what cannot be, and bytes flipped on disk.

#[path = "trust/small_ledger.rs"]
mod small_ledger;

use credits_ledger_tests::Server;
use small_ledger::{entry_of, problems, small_ledger};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

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
