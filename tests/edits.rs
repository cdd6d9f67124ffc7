//! Rows edited by a superuser who disarms the triggers: `credits_verify` names what was touched. Whoever does not
//! disarm them cannot edit.

#[path = "trust/holds_too.rs"]
mod holds_too;
#[path = "trust/plans_too.rs"]
mod plans_too;
#[path = "trust/refunds_too.rs"]
mod refunds_too;
#[path = "trust/small_ledger.rs"]
mod small_ledger;

use credits_ledger_tests::{Server, Session};
use holds_too::add_holds;
use plans_too::add_plans;
use refunds_too::add_refunds;
use small_ledger::{entry_of, problems, small_ledger};

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
            // metadata describes the account for the application: it is no part of the ledger's figures
            "account" | "metadata" => continue,
            "status" => "'frozen'".to_owned(),
            "debt_policy" => "'forgive_at_reset'".to_owned(),
            // A higher one is only slower.
            "alert_at" => "NULL".to_owned(),
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
            // What remains and is held of the head lot stands on the account's row; these columns are then of no account.
            if column == "account" || (["remaining", "held"].contains(&column.as_str()) && *lot == head) {
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
    add_plans(&mut s);
    add_holds(&mut s);
    // Of auto-recharge see tests/recharges/sound.rs: how workers fare is theirs to say.
    add_refunds(&mut s);
    let tables = s.list(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account'
         WHERE c.relnamespace = 'credits_ledger'::regnamespace AND c.relkind = 'r'
             AND c.relname NOT IN ('accounts', 'entries', 'lots', 'auto_recharges', 'recharges') ORDER BY 1",
    );
    let known = "alerts budget_use budgets claw_backs cycles debts events holds meters refunded settings settlements \
                 subscriptions switches";
    assert_eq!(tables.join(" "), known);
    let of_cycles = s.list(
        "SELECT u.ctid FROM credits_ledger.budget_use u JOIN credits_ledger.budgets b USING (account, budget)
         WHERE b.period = 'cycle'",
    );
    let mut wrong = Vec::new();
    for table in tables {
        let rows = s.list(&format!("SELECT ctid FROM credits_ledger.{table} WHERE account = 'acme' ORDER BY 1"));
        assert!(!rows.is_empty(), "{table} has no row to edit");
        for row in rows {
            for (column, other) in other_values(&mut s, &table) {
                let other = match column.as_str() {
                    "account" => continue,
                    // Who has an event is for the consumers to say.
                    "leased_until" | "acknowledged_at" => continue,
                    // A period is told by its cycle or by its beginning; the other one is of no account.
                    "cycle" if table == "budget_use" && !of_cycles.contains(&row) => continue,
                    "period_start" if table == "budget_use" && of_cycles.contains(&row) => continue,
                    "status" if table == "holds" => {
                        "CASE status WHEN 'released' THEN 'captured' ELSE 'released' END".to_owned()
                    }
                    "status" => "'closed'".to_owned(),
                    "period" => "CASE period WHEN 'day' THEN 'month' ELSE 'day' END".to_owned(),
                    _ => other,
                };
                let edit = format!("UPDATE credits_ledger.{table} SET {column} = {other} WHERE ctid = '{row}'");
                wrong.extend(
                    wrong_about(&mut s, &table, None, &edit).map(|why| (format!("{table} {row} {column}"), why)),
                );
            }
            let removed = format!("DELETE FROM credits_ledger.{table} WHERE ctid = '{row}'");
            wrong
                .extend(wrong_about(&mut s, &table, None, &removed).map(|why| (format!("{table} {row} removed"), why)));
        }
    }
    none_unseen(&wrong);
}

/// Rows that nothing in the history tells of: room that nobody gave, a plan that nobody took up.
#[test]
fn a_row_that_is_made_up_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    add_plans(&mut s);
    add_holds(&mut s);
    add_refunds(&mut s);
    let mut wrong = Vec::new();
    for (table, changed) in [
        ("budgets", "budget = 99, period = 'month', actor = 'dan'"),
        ("budget_use", "actor = 'dan', used = 1"),
        ("subscriptions", "plan = 'try2', held = true"),
        ("switches", "feature = 'another', enabled = false"),
        ("meters", "feature = 'another', package_left = 1000"),
        ("holds", "hold = 1"),
        ("holds", "hold = 1000"),
        ("events", "event = 1000"),
        ("alerts", "alert = 'another', enabled = true"),
        ("settlements", "line_start = line_end, line_end = line_end + 1"),
        ("refunded", "entry = 1"),
        ("claw_backs", "entry = 1"),
    ] {
        let made_up = format!(
            "CREATE TEMP TABLE forged ON COMMIT DROP AS SELECT * FROM credits_ledger.{table} WHERE account = 'acme' LIMIT 1;
             UPDATE forged SET {changed};
             INSERT INTO credits_ledger.{table} SELECT * FROM forged"
        );
        wrong.extend(wrong_about(&mut s, table, None, &made_up).map(|why| (format!("{table}: {changed}"), why)));
    }
    none_unseen(&wrong);
}

/// The same rows for an account that has none of them.
#[test]
fn rows_given_to_an_account_without_any_are_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    let donor = "INSERT INTO credits_ledger.{table} SELECT * FROM forged";
    s.run("SELECT credits_grant('donor', 10, 'g')");
    for call in [
        "credits_define_plan('team', 10, per_seat => true)",
        "credits_define_rate('run', 2, 10, 'package')",
        "credits_subscribe('donor', 'team', 's')",
        "credits_charge('donor', 'run', 1, 'c')",
        "credits_set_feature('donor', 'off', false)",
        "credits_set_budget('donor', 100)",
        "credits_debit('donor', 1, 'd')",
        "credits_hold('donor', 1, 'h')",
        "credits_set_alert('donor', 'few', below => 1)",
        "credits_debit('donor', 30, 'in debt', on_insufficient => 'allow')",
        "credits_grant('donor', 2, 'some')",
        "credits_void_grant('donor', 'g', 'v', claw_back => true)",
        "credits_refund('donor', 'd', 'r')",
    ] {
        s.run(&format!("SELECT {call}"));
    }
    let mut wrong = Vec::new();
    for table in [
        "budgets",
        "subscriptions",
        "switches",
        "meters",
        "holds",
        "debts",
        "settlements",
        "refunded",
        "claw_backs",
        "alerts",
    ] {
        let edit = format!(
            "CREATE TEMP TABLE forged ON COMMIT DROP AS SELECT * FROM credits_ledger.{table} WHERE account = 'donor';
             UPDATE forged SET account = 'acme';
             {}",
            donor.replace("{table}", table)
        );
        wrong.extend(wrong_about(&mut s, table, None, &edit).map(|why| (table.to_owned(), why)));
    }
    none_unseen(&wrong);
}

/// What holds set aside stands on the account, on lots and on the holds, and each entry says what it did to it.
#[test]
fn an_edit_of_what_is_held_is_named_wherever_it_stands() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    add_plans(&mut s);
    add_holds(&mut s);
    let held = |s: &mut Session, table: &str| {
        s.list(&format!("SELECT ctid FROM credits_ledger.{table} WHERE account = 'acme' AND held > 0"))
    };
    assert!(!held(&mut s, "lots").is_empty() && held(&mut s, "accounts").len() == 1);
    let mut edits = Vec::new();
    for column in ["held", "headroom", "head_held", "reserved", "next_event_at"] {
        let (_, other) = other_values(&mut s, "accounts").into_iter().find(|(name, _)| name == column).unwrap();
        edits.push(("accounts", None, format!("SET {column} = {other} WHERE account = 'acme'")));
    }
    // What is held of the head lot stands on the account's row.
    for row in s.list(
        "SELECT l.ctid FROM credits_ledger.lots l JOIN credits_ledger.accounts a USING (account)
         WHERE account = 'acme' AND l.held > 0 AND l.lot IS DISTINCT FROM a.head_lot",
    ) {
        for change in
            ["held = held - 1", "held = 0, remaining = remaining + held", "held = held - 1, remaining = remaining + 1"]
        {
            edits.push(("lots", None, format!("SET {change} WHERE ctid = '{row}'")));
        }
    }
    // Of what one hold set aside to another one's, which leaves every sum as it is.
    edits.push((
        "holds",
        None,
        "SET amounts = ARRAY[amounts[1] + CASE hold WHEN (SELECT max(hold) FROM credits_ledger.holds WHERE status = 'open') THEN 1 ELSE -1 END]
             || amounts[2:], amount = amount + CASE hold WHEN (SELECT max(hold) FROM credits_ledger.holds WHERE status = 'open') THEN 1 ELSE -1 END
         WHERE account = 'acme' AND status = 'open' AND cardinality(amounts) > 0"
            .to_owned(),
    ));
    for (operation, least) in [("hold", 7), ("capture", 4), ("release", 1), ("extend", 1), ("lapse", 2)] {
        let entries = s.list(&format!(
            "SELECT entry FROM credits_history WHERE account = 'acme' AND operation = '{operation}' ORDER BY 1"
        ));
        assert!(entries.len() >= least, "{operation}: {entries:?}");
        for entry in [&entries[0], &entries[entries.len() - 1]] {
            for (column, other) in other_values(&mut s, "entries") {
                if column != "account" && column != "entry" {
                    edits.push((
                        "entries",
                        Some(entry.clone()),
                        format!("SET {column} = {other} WHERE account = 'acme' AND entry = {entry}"),
                    ));
                }
            }
        }
    }
    let mut wrong = Vec::new();
    for (table, entry, edit) in edits {
        let edit = format!("UPDATE credits_ledger.{table} {edit}");
        wrong.extend(wrong_about(&mut s, table, entry.as_deref(), &edit).map(|why| (edit, why)));
    }
    none_unseen(&wrong);
    assert_eq!(problems(&mut s), Vec::<String>::new());
}

#[test]
fn a_lot_that_is_given_to_another_plan_is_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    add_plans(&mut s);
    let lots = s.list("SELECT lot FROM credits_grants WHERE account = 'acme' AND plan IS NOT NULL ORDER BY lot");
    assert!(lots.len() >= 4, "{lots:?}");
    let mut wrong = Vec::new();
    for lot in lots {
        for plan in ["CASE plan WHEN 'team' THEN 'more' ELSE 'team' END", "NULL"] {
            let edit = format!("UPDATE credits_ledger.lots SET plan = {plan} WHERE account = 'acme' AND lot = {lot}");
            wrong.extend(wrong_about(&mut s, "lots", None, &edit).map(|why| (format!("lot {lot}: {plan}"), why)));
        }
    }
    none_unseen(&wrong);
}

#[test]
fn rows_cannot_be_changed_or_removed_even_by_a_superuser_who_does_not_disarm_the_triggers() {
    let db = Server::shared().database();
    let mut s = db.session();
    small_ledger(&mut s);
    add_plans(&mut s);
    add_holds(&mut s);
    s.run("SELECT credits_define_pack('small', 100, 5, 'EUR')");
    s.run("SELECT credits_set_auto_recharge('acme', 1000000, 'small', payment_method => 'card')");
    // What was written once is never changed, …
    let written_once = [
        ("entries", "amount = 0"),
        ("entries", "actor = 'another'"),
        ("cycles", "used = 0"),
        ("settings", "status = 'open'"),
        ("plans", "allowance = 0"),
        ("included_units", "units = 1000000"),
        ("packs", "price = 0"),
        ("rates", "credits = 0"),
    ];
    // … and neither that nor what operations bring up to date is ever removed.
    let kept = [
        "accounts",
        "alerts",
        "auto_recharges",
        "cycles",
        "entries",
        "events",
        "holds",
        "included_units",
        "lots",
        "packs",
        "plans",
        "rates",
        "recharges",
        "settings",
    ];
    for role in ["origin", "replica", "local"] {
        s.run(&format!("SET session_replication_role = '{role}'"));
        for (table, change) in written_once {
            for rows in [String::new(), format!(" WHERE ctid = (SELECT max(ctid) FROM credits_ledger.{table})")] {
                let statement = format!("UPDATE credits_ledger.{table} SET {change}{rows}");
                let e = s.error(&statement);
                assert_eq!(e.code, "LC013", "{role}: {statement}: {}", e.message);
                assert!(!e.hint.is_empty(), "{role}: {statement}: no hint");
            }
        }
        let together =
            "TRUNCATE credits_ledger.entries, credits_ledger.accounts, credits_ledger.lots, credits_ledger.cycles";
        assert_eq!(s.error(together).code, "LC013", "{role}: {together}");
        for table in kept {
            for statement in [
                format!("DELETE FROM credits_ledger.{table}"),
                format!(
                    "DELETE FROM credits_ledger.{table} WHERE ctid = (SELECT max(ctid) FROM credits_ledger.{table})"
                ),
                format!("TRUNCATE credits_ledger.{table}"),
            ] {
                assert_eq!(s.error(&statement).code, "LC013", "{role}: {statement}");
            }
        }
    }
    s.run("RESET session_replication_role");
    assert_eq!(problems(&mut s), Vec::<String>::new());
}

#[test]
fn what_a_redaction_may_change_stays_closed_before_and_after_it() {
    let db = Server::shared().database();
    let (mut s, mut holder) = (db.session(), db.session());
    small_ledger(&mut s);
    let entry = entry_of(&mut s, "d1");
    let edits = [
        format!("UPDATE credits_ledger.entries SET actor = NULL WHERE account = 'acme' AND entry = {entry}"),
        format!(
            "UPDATE credits_ledger.entries SET actor = NULL, resource = NULL, metadata = NULL, salt = NULL,
                 redacted = '\\x{}' WHERE account = 'acme' AND entry = {entry}",
            "00".repeat(32)
        ),
    ];
    let closed = |s: &mut Session, when: &str| {
        for edit in &edits {
            assert_eq!(s.error(edit).code, "LC013", "{when}: {edit}");
        }
    };
    closed(&mut s, "before");
    // a redaction that fails on the way leaves nothing open
    holder.run("BEGIN; SELECT 1 FROM credits_ledger.entries WHERE account = 'acme' FOR UPDATE");
    s.run("SET lock_timeout = '50ms'");
    assert_eq!(s.error(&format!("SELECT credits_redact('acme', {entry})")).code, "55P03");
    holder.run("ROLLBACK");
    closed(&mut s, "after a failure");
    s.run(&format!("BEGIN; SELECT credits_redact('acme', {entry}); SAVEPOINT p"));
    closed_in_block(&mut s, &edits[0]);
    s.run("COMMIT");
    closed(&mut s, "after");
    assert_eq!(problems(&mut s), Vec::<String>::new());
}

fn closed_in_block(s: &mut Session, edit: &str) {
    assert_eq!(s.error(edit).code, "LC013", "in the redaction's transaction");
    s.run("ROLLBACK TO SAVEPOINT p");
}
