//! One key, one effect: replays, changed arguments, rollbacks, and two sessions at each isolation level.

use std::thread;
use std::time::{Duration, Instant};

use credits_ledger_tests::{Database, Server, Session};

const JAN: &str = "2026-01-31 12:00+00";

/// Every column of the receipt but `replayed`.
const RECEIPT: &str = "account, entry, operation, idempotency_key, accepted, refused, amount, from_allowance,
    from_credits, overdraft, balance, allowance, credits, held, debt, available, included, refers_to,
    extract(epoch FROM recorded_at)";

/// Every column of the cycle's result but `replayed`.
const CYCLE: &str = "account, cycle, extract(epoch FROM cycle_start), extract(epoch FROM cycle_end), cycles_closed,
    expired, rolled_over, granted, debt_forgiven, debt_invoiced, balance, allowance, credits, available";

fn rows(s: &mut Session, columns: &str, call: &str, replayed: bool) -> Vec<String> {
    let rows = s.list(&format!("SELECT replayed::text, {columns} FROM {call}"));
    for row in &rows {
        assert!(row.starts_with(&format!("{replayed}|")), "{call}: {row}");
    }
    rows.iter().map(|row| row.split_once('|').map_or(String::new(), |(_, rest)| rest.to_string())).collect()
}

fn reused(s: &mut Session, call: &str) {
    let error = s.error(&format!("SELECT * FROM {call}"));
    assert_eq!(error.code, "LC003", "{call}: {}", error.message);
}

fn entries(s: &mut Session) -> String {
    s.one("SELECT count(*) FROM credits_history")
}

#[test]
fn a_replay_is_the_first_receipt_field_by_field() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100, overdraft_limit => 20, rollover_percent => 50)");
    let calls = [
        "credits_grant('a', 30, 'g1')",
        "credits_grant('a', 5.5, 'g2', 'promo', expires_in => '3 days', priority => 7, features => ARRAY['x', 'y'],
            price => 1.25, currency => 'EUR', payment_ref => 'pi_1', metadata => '{\"n\": 1}')",
        "credits_grant('a', 9, 'g3', effective_at => '2026-02-03 00:00+00', expires_after_cycles => 2)",
        "credits_debit('a', 110, 'd1', 'x', 'ann', 'doc', metadata => '{\"n\": 2}')",
        "credits_debit('a', 400, 'd2', on_insufficient => 'partial')",
        "credits_debit('a', 3, 'd3', on_insufficient => 'allow')",
        "credits_debit('a', 10, 'd4', on_insufficient => 'allow')",
        "credits_grant('a', 60, 'g4')",
        "credits_debit('a', 1, 'd5', on_insufficient => 'refuse')",
        "credits_debit_many(ARRAY['a', 'a'], ARRAY[1, 2], ARRAY['m1', 'm2'])",
        "credits_grant_many(ARRAY['b', 'a'], ARRAY[1, 2], ARRAY['m3', 'm3'])",
    ];
    let mut first = Vec::new();
    for call in calls {
        first.push(rows(&mut s, RECEIPT, call, false));
    }
    let reset = "credits_reset_cycle('a', 'r1', '2026-02-20 00:00+00')";
    s.at("2026-02-20 06:00+00");
    let first_reset = rows(&mut s, CYCLE, reset, false);
    // Much happens in between.
    s.run("SELECT * FROM credits_debit('a', 77, 'later', on_insufficient => 'allow')");
    s.at("2026-06-15 00:00+00");
    s.run("SELECT * FROM credits_grant('a', 1000, 'later still')");
    let count = entries(&mut s);
    for (call, expected) in calls.iter().zip(&first) {
        assert_eq!(&rows(&mut s, RECEIPT, call, true), expected, "{call}");
    }
    assert_eq!(rows(&mut s, CYCLE, reset, true), first_reset);
    assert_eq!(entries(&mut s), count);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn a_replay_writes_nothing() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let calls = [
        "credits_grant('a', 30, 'g')",
        "credits_debit('a', 10, 'd')",
        "credits_debit_many(ARRAY['a', 'a'], ARRAY[1, 2], ARRAY['m1', 'm2'])",
        "credits_grant_many(ARRAY['a'], ARRAY[1], ARRAY['m3'])",
        "credits_reset_cycle('a', 'r')",
    ];
    for call in calls {
        s.run(&format!("SELECT * FROM {call}"));
    }
    // Time has something to do, which a replay does not begin with.
    s.at("2026-05-31 12:00+00");
    let count = entries(&mut s);
    let mut writing = Vec::new();
    for call in calls {
        s.run("BEGIN");
        assert_eq!(s.list(&format!("SELECT DISTINCT replayed::text FROM {call}")), ["true"], "{call}");
        // Without a transaction id no row was written or even locked.
        if s.one("SELECT (pg_current_xact_id_if_assigned() IS NULL)::text") != "true" {
            writing.push(call);
        }
        s.run("COMMIT");
    }
    assert_eq!(writing, Vec::<&str>::new());
    assert_eq!(entries(&mut s), count);
}

#[test]
fn each_changed_argument_of_a_grant_is_another_request() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let rich = "kind => 'promo', priority => 7, features => ARRAY['x', 'y'], price => 1.25, currency => 'EUR',
        payment_ref => 'pi_1', metadata => '{\"n\": 1}'";
    s.run("SELECT * FROM credits_grant('a', 30, 'plain')");
    s.run(&format!("SELECT * FROM credits_grant('a', 30, 'rich', {rich})"));
    s.run("SELECT * FROM credits_grant('a', 30, 'at', expires_at => '2026-03-01 00:00+00')");
    s.run("SELECT * FROM credits_grant('a', 30, 'in', expires_in => '1 month')");
    s.run("SELECT * FROM credits_grant('a', 30, 'day', expires_in => '1 day')");
    s.run("SELECT * FROM credits_grant('a', 30, 'cycles', expires_after_cycles => 1)");
    s.run("SELECT * FROM credits_grant('a', 30, 'future', effective_at => '2026-02-10 00:00+00')");
    let count = entries(&mut s);
    for changed in [
        "31, 'plain'",
        "30.000001, 'plain'",
        "30, 'plain', 'promo'",
        "30, 'plain', 'adjustment'",
        "30, 'plain', priority => 99",
        "30, 'plain', features => ARRAY['x']",
        "30, 'plain', expires_at => '2026-03-01 00:00+00'",
        "30, 'plain', expires_in => '1 month'",
        "30, 'plain', expires_after_cycles => 1",
        "30, 'plain', effective_at => '2026-02-10 00:00+00'",
        "30, 'plain', price => 1, currency => 'EUR'",
        "30, 'plain', payment_ref => 'pi_9'",
        "30, 'rich'",
        "30, 'rich', kind => 'bonus', priority => 7, features => ARRAY['x', 'y'], price => 1.25, currency => 'EUR', payment_ref => 'pi_1'",
        "30, 'rich', kind => 'promo', priority => 8, features => ARRAY['x', 'y'], price => 1.25, currency => 'EUR', payment_ref => 'pi_1'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['x'], price => 1.25, currency => 'EUR', payment_ref => 'pi_1'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['x', 'y', 'z'], price => 1.25, currency => 'EUR', payment_ref => 'pi_1'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['x', 'Y'], price => 1.25, currency => 'EUR', payment_ref => 'pi_1'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['xy'], price => 1.25, currency => 'EUR', payment_ref => 'pi_1'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['x', 'y'], price => 1.26, currency => 'EUR', payment_ref => 'pi_1'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['x', 'y'], price => 1.25, currency => 'USD', payment_ref => 'pi_1'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['x', 'y'], price => 1.25, currency => 'EUR', payment_ref => 'pi_2'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['x', 'y'], price => 1.25, currency => 'EUR'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['x', 'y'], payment_ref => 'pi_1'",
        "30, 'at', expires_at => '2026-03-01 00:00:00.000001+00'",
        "30, 'at'",
        "30, 'in', expires_in => '30 days'",
        "30, 'in', expires_in => '31 days'",
        "30, 'in', expires_in => '28 days'",
        "30, 'in'",
        "30, 'day', expires_in => '24 hours'",
        "30, 'cycles', expires_after_cycles => 2",
        "30, 'future', effective_at => '2026-02-10 00:00:01+00'",
        "30, 'future'",
    ] {
        reused(&mut s, &format!("credits_grant('a', {changed})"));
    }
    // The same request, said otherwise.
    for same in [
        "30, 'plain'",
        "30.000, 'plain'",
        "3e1, 'plain', 'purchase'",
        "30, 'plain', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
        "30, 'plain', metadata => '{\"other\": true}'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['y', 'x'], price => 1.250, currency => 'EUR', payment_ref => 'pi_1'",
        "30, 'rich', kind => 'promo', priority => 7, features => ARRAY['x', 'y', 'x'], price => 1.25, currency => 'EUR', payment_ref => 'pi_1', metadata => '{\"n\": 2}'",
        "30, 'at', expires_at => '2026-03-01 01:00+01'",
        "30, 'in', expires_in => '1 mon'",
        "30, 'cycles', expires_after_cycles => 1",
        "30, 'future', effective_at => '2026-02-09 19:00-05'",
    ] {
        let replayed = s.one(&format!("SELECT replayed::text FROM credits_grant('a', {same})"));
        assert_eq!(replayed, "true", "{same}");
    }
    assert_eq!(entries(&mut s), count);
}

#[test]
fn each_changed_argument_of_a_debit_is_another_request() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.run("SELECT * FROM credits_debit('a', 3, 'plain')");
    s.run("SELECT * FROM credits_debit('a', 3, 'rich', 'chat', 'ann', 'doc', 'allow', '{\"n\": 1}')");
    let count = entries(&mut s);
    for changed in [
        "3.000001, 'plain'",
        "300, 'plain'",
        "3, 'plain', 'chat'",
        "3, 'plain', actor => 'ann'",
        "3, 'plain', resource => 'doc'",
        "3, 'plain', on_insufficient => 'refuse'",
        "3, 'plain', on_insufficient => 'partial'",
        "3, 'plain', on_insufficient => 'allow'",
        "3, 'rich'",
        "3, 'rich', 'Chat', 'ann', 'doc', 'allow'",
        "3, 'rich', 'chat', 'bob', 'doc', 'allow'",
        "3, 'rich', 'chat', 'ann', 'Doc', 'allow'",
        "3, 'rich', 'chat', 'doc', 'ann', 'allow'",
        "3, 'rich', NULL, 'ann', 'doc', 'allow'",
        "3, 'rich', 'chat', NULL, 'doc', 'allow'",
        "3, 'rich', 'chat', 'ann', NULL, 'allow'",
        "3, 'rich', 'chat', 'ann', 'doc'",
        "3, 'rich', 'chata', 'nn', 'doc', 'allow'",
    ] {
        reused(&mut s, &format!("credits_debit('a', {changed})"));
    }
    for same in [
        "3, 'plain'",
        "3.0, 'plain', NULL, NULL, NULL, 'error'",
        "3, 'plain', metadata => '{\"x\": 1}'",
        "3, 'rich', 'chat', 'ann', 'doc', 'allow'",
        "3, 'rich', 'chat', 'ann', 'doc', 'allow', '{\"n\": 2}'",
    ] {
        assert_eq!(s.one(&format!("SELECT replayed::text FROM credits_debit('a', {same})")), "true", "{same}");
    }
    assert_eq!(entries(&mut s), count);
    assert_eq!(s.one("SELECT balance FROM credits_balance('a')"), "94");
}

#[test]
fn each_changed_argument_of_a_batch_is_another_request() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.run("SELECT * FROM credits_debit_many(ARRAY['a'], ARRAY[3], ARRAY['d'], ARRAY['chat'])");
    s.run("SELECT * FROM credits_grant_many(ARRAY['a'], ARRAY[3], ARRAY['g'], 'bonus', '2026-03-01 00:00+00')");
    let count = entries(&mut s);
    for changed in [
        "credits_debit_many(ARRAY['a'], ARRAY[4], ARRAY['d'], ARRAY['chat'])",
        "credits_debit_many(ARRAY['a'], ARRAY[3], ARRAY['d'], ARRAY['image'])",
        "credits_debit_many(ARRAY['a'], ARRAY[3], ARRAY['d'])",
        "credits_debit_many(ARRAY['a'], ARRAY[3], ARRAY['d'], ARRAY['chat'], 'error')",
        "credits_grant_many(ARRAY['a'], ARRAY[4], ARRAY['g'], 'bonus', '2026-03-01 00:00+00')",
        "credits_grant_many(ARRAY['a'], ARRAY[3], ARRAY['g'], 'promo', '2026-03-01 00:00+00')",
        "credits_grant_many(ARRAY['a'], ARRAY[3], ARRAY['g'], 'bonus', '2026-03-02 00:00+00')",
        "credits_grant_many(ARRAY['a'], ARRAY[3], ARRAY['g'], 'bonus')",
        "credits_grant_many(ARRAY['a'], ARRAY[3], ARRAY['d'], 'bonus', '2026-03-01 00:00+00')",
        "credits_debit_many(ARRAY['a'], ARRAY[3], ARRAY['g'], ARRAY['chat'])",
    ] {
        reused(&mut s, changed);
    }
    assert_eq!(entries(&mut s), count);
}

#[test]
fn each_changed_argument_of_a_reset_is_another_request() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.at("2026-02-10 00:00+00");
    s.run("SELECT * FROM credits_reset_cycle('a', 'r', '2026-02-09 00:00+00')");
    s.run("SELECT * FROM credits_reset_cycle('a', 'plain')");
    let count = entries(&mut s);
    reused(&mut s, "credits_reset_cycle('a', 'r')");
    reused(&mut s, "credits_reset_cycle('a', 'r', '2026-02-09 00:00:01+00')");
    reused(&mut s, "credits_reset_cycle('a', 'plain', '2026-02-09 00:00+00')");
    for same in ["'r', '2026-02-09 01:00+01'", "'plain'", "'plain', NULL"] {
        assert_eq!(s.one(&format!("SELECT replayed::text FROM credits_reset_cycle('a', {same})")), "true", "{same}");
    }
    assert_eq!(entries(&mut s), count);
}

#[test]
fn a_key_belongs_to_one_operation_of_one_account() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.run("SELECT * FROM credits_grant('a', 5, 'grant')");
    s.run("SELECT * FROM credits_grant('a', 5, 'schedule', effective_at => '2026-03-01 00:00+00')");
    s.run("SELECT * FROM credits_debit('a', 5, 'debit')");
    s.run("SELECT * FROM credits_reset_cycle('a', 'reset')");
    for key in ["schedule", "debit", "reset"] {
        reused(&mut s, &format!("credits_grant('a', 5, '{key}')"));
    }
    for key in ["grant", "schedule", "reset"] {
        reused(&mut s, &format!("credits_debit('a', 5, '{key}')"));
        reused(&mut s, &format!("credits_debit('a', 5, '{key}', on_insufficient => 'refuse')"));
    }
    for key in ["grant", "schedule", "debit"] {
        reused(&mut s, &format!("credits_reset_cycle('a', '{key}')"));
    }
    // Bytewise: another case is another key. And another account has keys of its own.
    for call in [
        "credits_grant('a', 5, 'GRANT')",
        "credits_grant('a', 5, 'grant ')",
        "credits_debit('a', 5, 'Debit')",
        "credits_grant('b', 9, 'debit')",
        "credits_grant('A', 9, 'debit')",
    ] {
        assert_eq!(s.one(&format!("SELECT replayed::text FROM {call}")), "false", "{call}");
    }
}

#[test]
fn the_form_is_checked_before_the_key_and_the_key_before_the_rest() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_debit('a', 10, 'd')");
    assert_eq!(s.error("SELECT * FROM credits_debit('a', -1, 'd')").code, "LC004");
    assert_eq!(s.error("SELECT * FROM credits_debit('a', 10, 'd', on_insufficient => 'x')").code, "LC005");
    assert_eq!(s.error("SELECT * FROM credits_grant('a', 10, 'd', 'gift')").code, "LC005");
    // Want of credits and the freeze come after it.
    reused(&mut s, "credits_debit('a', 999, 'd')");
    s.run("SELECT * FROM credits_freeze_account('a', 'why')");
    reused(&mut s, "credits_debit('a', 999, 'd')");
    reused(&mut s, "credits_debit('a', 999, 'd', on_insufficient => 'refuse')");
    assert_eq!(s.error("SELECT * FROM credits_debit('a', 999, 'd2')").code, "LC011");
}

#[test]
fn replays_work_whatever_became_of_the_account() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    let calls = [
        "credits_grant('a', 5, 'g1', expires_at => '2026-02-01 00:00+00')",
        "credits_grant('a', 5, 'g2', effective_at => '2026-02-01 00:00+00')",
        "credits_debit('a', 3, 'd')",
        "credits_debit_many(ARRAY['a'], ARRAY[2], ARRAY['m'])",
    ];
    let first: Vec<_> = calls.iter().map(|call| rows(&mut s, RECEIPT, call, false)).collect();
    let reset = rows(&mut s, CYCLE, "credits_reset_cycle('a', 'r')", false);
    let replay = |s: &mut Session| {
        for (call, expected) in calls.iter().zip(&first) {
            assert_eq!(&rows(s, RECEIPT, call, true), expected, "{call}");
        }
        assert_eq!(rows(s, CYCLE, "credits_reset_cycle('a', 'r')", true), reset);
    };
    replay(&mut s);
    s.run("SELECT * FROM credits_freeze_account('a', 'why')");
    replay(&mut s);
    // Past the expiry, past the effective time.
    s.at("2026-02-15 00:00+00");
    replay(&mut s);
    s.run("SELECT * FROM credits_unfreeze_account('a')");
    s.run("SELECT * FROM credits_close_account('a', 'gone')");
    replay(&mut s);
    s.at("2036-02-15 00:00+00");
    replay(&mut s);
    // A changed request is LC003 there too.
    reused(&mut s, "credits_debit('a', 4, 'd')");
    reused(&mut s, "credits_grant('a', 6, 'g1', expires_at => '2026-02-01 00:00+00')");
}

#[test]
fn a_failed_call_keeps_no_key() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    assert_eq!(s.error("SELECT * FROM credits_debit('a', 11, 'k')").code, "LC001");
    s.row("SELECT * FROM credits_debit('a', 12, 'k', on_insufficient => 'refuse')").has(&[("accepted", "f")]);
    s.row("SELECT * FROM credits_debit('a', 4, 'k')").has(&[("replayed", "f"), ("balance", "6")]);
    assert_eq!(s.error("SELECT * FROM credits_grant('a', 1, 'g', 'gift')").code, "LC005");
    s.row("SELECT * FROM credits_grant('a', 1, 'g')").has(&[("replayed", "f"), ("balance", "7")]);
}

#[test]
fn a_savepoint_rolled_back_leaves_no_key() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for isolation in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        let account = isolation.replace(' ', "-");
        s.run(&format!("SELECT * FROM credits_open_account('{account}', 10)"));
        s.run(&format!("BEGIN ISOLATION LEVEL {isolation}"));
        s.run("SAVEPOINT one");
        s.row(&format!("SELECT * FROM credits_debit('{account}', 4, 'k')")).has(&[("entry", "3"), ("balance", "6")]);
        s.run("ROLLBACK TO SAVEPOINT one");
        s.row(&format!("SELECT * FROM credits_balance('{account}')")).has(&[("entry", "2"), ("balance", "10")]);
        // Retried, even for another amount, it takes effect once.
        s.row(&format!("SELECT * FROM credits_debit('{account}', 5, 'k')")).has(&[
            ("replayed", "f"),
            ("entry", "3"),
            ("balance", "5"),
        ]);
        s.run("SAVEPOINT two");
        s.row(&format!("SELECT * FROM credits_debit('{account}', 5, 'k')")).has(&[("replayed", "t"), ("balance", "5")]);
        s.row(&format!("SELECT * FROM credits_grant('{account}', 1, 'g')")).has(&[("entry", "4"), ("balance", "6")]);
        s.run("ROLLBACK TO SAVEPOINT two");
        s.run("COMMIT");
        s.row(&format!("SELECT * FROM credits_balance('{account}')")).has(&[("entry", "3"), ("balance", "5")]);
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn an_exception_block_leaves_no_key() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run(
        "CREATE FUNCTION spend(amount numeric, fail boolean) RETURNS text LANGUAGE plpgsql AS $$
         DECLARE receipt credits_receipt;
         BEGIN
             BEGIN
                 receipt := credits_debit('a', amount, 'k');
                 IF fail THEN RAISE EXCEPTION 'the application failed'; END IF;
                 RETURN 'done ' || receipt.replayed;
             EXCEPTION
                 WHEN SQLSTATE 'LC001' THEN RETURN 'insufficient';
                 WHEN raise_exception THEN RETURN 'failed';
             END;
         END $$",
    );
    assert_eq!(s.one("SELECT spend(11, false)"), "insufficient");
    assert_eq!(s.one("SELECT spend(4, true)"), "failed");
    assert_eq!(s.list("SELECT balance, entry FROM credits_balance('a')"), ["10|2"]);
    assert_eq!(s.one("SELECT spend(4, false)"), "done false");
    assert_eq!(s.one("SELECT spend(4, false)"), "done true");
    assert_eq!(s.list("SELECT balance, entry FROM credits_balance('a')"), ["6|3"]);
    // Failing and retrying within one call.
    s.run(
        "DO $$ BEGIN
             BEGIN
                 PERFORM credits_debit('a', 5, 'k2');
                 RAISE EXCEPTION 'first';
             EXCEPTION WHEN raise_exception THEN NULL;
             END;
             PERFORM credits_debit('a', 5, 'k2');
             PERFORM credits_debit('a', 5, 'k2');
         END $$",
    );
    assert_eq!(s.list("SELECT balance, entry FROM credits_balance('a')"), ["1|4"]);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

/// Waits until some session of this database waits for a lock.
fn until_blocked(db: &Database) {
    let mut watcher = db.session();
    let deadline = Instant::now() + Duration::from_secs(20);
    let blocked =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while watcher.one(blocked) == "0" {
        assert!(Instant::now() < deadline, "the second session does not wait for the first");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a session saw: replayed and balance, or that it could not serialize.
fn attempt(s: &mut Session, call: &str) -> String {
    match s.try_run(&format!("SELECT replayed::text, trim_scale(balance) FROM {call}")) {
        Ok(rows) => rows[0].values().join(" "),
        Err(error) => {
            assert_eq!(error.code, "40001", "{call}: {error}");
            error.code
        }
    }
}

/// Every verb that takes a key, its arguments, and the balance that it leaves of 10.
const KEYED: [(&str, &str, &str); 5] = [
    ("debit", "ACCOUNT, 4, 'k'", "6"),
    ("grant", "ACCOUNT, 4, 'k'", "14"),
    ("debit_many", "ARRAY[ACCOUNT], ARRAY[4], ARRAY['k']", "6"),
    ("grant_many", "ARRAY[ACCOUNT], ARRAY[4], ARRAY['k']", "14"),
    ("reset_cycle", "ACCOUNT, 'k'", "10"),
];

/// Another session, whose transactions have this isolation level.
fn second_session(db: &Database, isolation: &str) -> Session {
    let mut s = db.session();
    s.at(JAN);
    s.run(&format!("SET default_transaction_isolation = '{isolation}'"));
    s
}

#[test]
fn the_second_session_waits_and_replays() {
    let db = Server::shared().database();
    let mut first = db.session();
    first.at(JAN);
    for (i, isolation) in ["read committed", "repeatable read", "serializable"].into_iter().enumerate() {
        for (verb, arguments, balance) in KEYED {
            let account = format!("{verb}{i}");
            first.run(&format!("SELECT * FROM credits_open_account('{account}', 10)"));
            let call = format!("credits_{verb}({})", arguments.replace("ACCOUNT", &format!("'{account}'")));
            first.run(&format!("SET default_transaction_isolation = '{isolation}'"));
            first.run("BEGIN");
            first.row(&format!("SELECT * FROM {call}")).has(&[("replayed", "f"), ("balance", balance)]);
            let seen = thread::scope(|scope| {
                let other = scope.spawn(|| attempt(&mut second_session(&db, isolation), &call));
                until_blocked(&db);
                first.run("COMMIT");
                other.join().expect("the second session")
            });
            let replayed = format!("true {balance}");
            if i == 0 {
                assert_eq!(seen, replayed, "{call} at {isolation}");
            } else {
                assert!(seen == replayed || seen == "40001", "{call} at {isolation}: {seen}");
            }
            first
                .row(&format!("SELECT * FROM credits_balance('{account}')"))
                .has(&[("entry", "3"), ("balance", balance)]);
            assert_eq!(attempt(&mut second_session(&db, isolation), &call), replayed);
        }
    }
    assert_eq!(first.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn the_second_session_executes_where_the_first_rolls_back() {
    let db = Server::shared().database();
    let mut first = db.session();
    first.at(JAN);
    for (i, isolation) in ["read committed", "repeatable read", "serializable"].into_iter().enumerate() {
        for (verb, arguments, balance) in KEYED {
            let account = format!("{verb}{i}");
            first.run(&format!("SELECT * FROM credits_open_account('{account}', 10)"));
            let call = format!("credits_{verb}({})", arguments.replace("ACCOUNT", &format!("'{account}'")));
            first.run(&format!("SET default_transaction_isolation = '{isolation}'"));
            first.run("BEGIN");
            first.row(&format!("SELECT * FROM {call}")).has(&[("replayed", "f"), ("balance", balance)]);
            let seen = thread::scope(|scope| {
                let other = scope.spawn(|| attempt(&mut second_session(&db, isolation), &call));
                until_blocked(&db);
                first.run("ROLLBACK");
                other.join().expect("the second session")
            });
            assert_eq!(seen, format!("false {balance}"), "{call} at {isolation}");
            first
                .row(&format!("SELECT * FROM credits_balance('{account}')"))
                .has(&[("entry", "3"), ("balance", balance)]);
        }
    }
    assert_eq!(first.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn two_sessions_meet_on_a_new_account() {
    let db = Server::shared().database();
    let mut first = db.session();
    first.at(JAN);
    for (i, isolation) in ["read committed", "repeatable read", "serializable"].into_iter().enumerate() {
        let call = format!("credits_grant('new{i}', 4, 'k')");
        first.run(&format!("SET default_transaction_isolation = '{isolation}'"));
        first.run("BEGIN");
        first.row(&format!("SELECT * FROM {call}")).has(&[("replayed", "f"), ("balance", "4")]);
        let seen = thread::scope(|scope| {
            let other = scope.spawn(|| attempt(&mut second_session(&db, isolation), &call));
            until_blocked(&db);
            first.run("COMMIT");
            other.join().expect("the second session")
        });
        if i == 0 {
            assert_eq!(seen, "true 4", "at {isolation}");
        } else {
            assert!(seen == "true 4" || seen == "40001", "at {isolation}: {seen}");
        }
        first.row(&format!("SELECT * FROM credits_balance('new{i}')")).has(&[("entry", "2"), ("balance", "4")]);
    }
    assert_eq!(first.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn a_key_committed_after_the_snapshot_has_no_second_effect() {
    let db = Server::shared().database();
    let mut first = db.session();
    first.at(JAN);
    for (i, isolation) in ["read committed", "repeatable read", "serializable"].into_iter().enumerate() {
        let account = format!("a{i}");
        first.run(&format!("SELECT * FROM credits_open_account('{account}', 10)"));
        let call = format!("credits_debit('{account}', 4, 'k')");
        let mut second = second_session(&db, isolation);
        second.run("BEGIN");
        second.run("SELECT count(*) FROM credits_history");
        first.row(&format!("SELECT * FROM {call}")).has(&[("replayed", "f"), ("balance", "6")]);
        let seen = attempt(&mut second, &call);
        if i == 0 {
            assert_eq!(seen, "true 6");
        } else {
            assert!(seen == "true 6" || seen == "40001", "at {isolation}: {seen}");
        }
        second.run("ROLLBACK");
        // Tried again in a new transaction, the key replays.
        assert_eq!(attempt(&mut second, &call), "true 6");
        // Another request under it is refused, or fails to serialize, but is never carried out.
        second.run("BEGIN");
        second.run("SELECT count(*) FROM credits_history");
        first.row(&format!("SELECT * FROM credits_debit('{account}', 1, 'k2')")).has(&[("balance", "5")]);
        let error = second.error(&format!("SELECT * FROM credits_debit('{account}', 2, 'k2')"));
        assert!(error.code == "LC003" || (i > 0 && error.code == "40001"), "at {isolation}: {}", error.code);
        second.run("ROLLBACK");
        first.row(&format!("SELECT * FROM credits_balance('{account}')")).has(&[("entry", "4"), ("balance", "5")]);
    }
    assert_eq!(first.one("SELECT count(*) FROM credits_verify()"), "0");
}
