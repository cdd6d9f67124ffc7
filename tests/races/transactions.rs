//! Snapshots older than the write, savepoints and exception blocks.

use crate::calls::*;
use crate::interleave::LEVELS;
use crate::running::Running;
use credits_ledger_tests::Server;

#[test]
fn a_key_committed_after_the_snapshot_has_no_second_effect() {
    let calls: [fn(&str) -> String; 3] = [
        |account| debit(account, "4", "k"),
        |account| grant(account, "4", "k"),
        |account| format!("SELECT * FROM credits_reset_cycle('{account}', 'k')"),
    ];
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        let mut late = db.session();
        for (number, call) in calls.into_iter().enumerate() {
            let account = format!("late{number}");
            let call = call(&account);
            s.run(&grant(&account, "10", "g"));
            late.run(&format!("BEGIN ISOLATION LEVEL {level}"));
            late.one("SELECT count(*) FROM credits_accounts");
            let original = s.row(&call);
            let entries = history(&mut s, &account);
            let replay = match late.try_run(&call) {
                Ok(mut rows) => {
                    late.run("COMMIT");
                    rows.remove(0)
                }
                Err(e) => {
                    assert_eq!(e.code, "40001", "{level}: {}", e.message);
                    assert_ne!(level, "READ COMMITTED", "40001 where nothing was to be retried");
                    late.run("ROLLBACK");
                    late.row(&call)
                }
            };
            assert_eq!((original.get("replayed"), replay.get("replayed")), ("f", "t"), "{level}: {call}");
            assert_eq!(original.get("balance"), replay.get("balance"), "{level}: {call}");
            assert_eq!(history(&mut s, &account), entries, "{level}: {call}");
        }
    }
}

#[test]
fn funds_spent_after_the_snapshot_are_not_spent_again() {
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        let mut late = db.session();
        s.run(&grant("acct", "10", "g"));
        late.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        assert_eq!(late.row("SELECT * FROM credits_balance('acct')").get("balance"), "10");
        s.run(&debit("acct", "7", "a"));
        let e = late.error(&debit("acct", "7", "b"));
        let right = if level == "READ COMMITTED" { "LC001" } else { "40001" };
        assert_eq!(e.code, right, "{level}: {}", e.message);
        late.run("ROLLBACK");
        assert_eq!(late.error(&debit("acct", "7", "b")).code, "LC001", "{level}");
        assert_eq!(history(&mut s, "acct"), ["1|open|0|0", "2|grant|10|10", "3|debit|-7|3"], "{level}");
    }
}

#[test]
fn a_transaction_reads_its_own_writes_and_its_own_snapshot() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let db = Server::shared().database();
        let mut s = db.session();
        let mut reader = db.session();
        s.run(&grant("acct", "10", "g"));
        reader.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        assert_eq!(reader.row("SELECT * FROM credits_balance('acct')").get("balance"), "10");
        s.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        s.run(&debit("acct", "7", "a"));
        assert_eq!(s.row("SELECT * FROM credits_balance('acct')").get("balance"), "3", "{level}");
        assert_eq!(s.row(&debit("acct", "2", "b")).get("balance"), "1", "{level}");
        s.run("COMMIT");
        assert_eq!(reader.row("SELECT * FROM credits_balance('acct')").get("balance"), "10", "{level}");
        assert_eq!(
            reader.one("SELECT trim_scale(balance) FROM credits_accounts WHERE account = 'acct'"),
            "10",
            "{level}"
        );
        reader.run("COMMIT");
        assert_eq!(reader.row("SELECT * FROM credits_balance('acct')").get("balance"), "1", "{level}");
    }
}

#[test]
fn a_debit_rolled_back_to_a_savepoint_can_be_retried_with_its_key() {
    let db = Server::shared().database();
    let mut s = db.session();
    for level in LEVELS {
        let account = format!("save {level}");
        s.run(&grant(&account, "10", "g"));
        s.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        s.run(&debit(&account, "1", "kept"));
        s.run("SAVEPOINT p");
        assert_eq!(s.row(&debit(&account, "4", "k")).get("entry"), "4", "{level}");
        s.run("ROLLBACK TO SAVEPOINT p");
        assert_eq!(s.row(&format!("SELECT * FROM credits_balance('{account}')")).get("balance"), "9", "{level}");
        let retried = s.row(&debit(&account, "5", "k"));
        assert_eq!((retried.get("entry"), retried.get("replayed")), ("4", "f"), "{level}");
        assert_eq!(retried.get("balance"), "4", "{level}");
        // A refusal inside of a savepoint leaves no trace either.
        s.run("SAVEPOINT q");
        assert_eq!(s.error(&debit(&account, "50", "l")).code, "LC001", "{level}");
        s.run("ROLLBACK TO SAVEPOINT q");
        assert_eq!(s.row(&debit(&account, "4", "l")).get("balance"), "0", "{level}");
        s.run("COMMIT");
        assert_eq!(
            history(&mut s, &account),
            ["1|open|0|0", "2|grant|10|10", "3|debit|-1|9", "4|debit|-5|4", "5|debit|-4|0"],
            "{level}"
        );
    }
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn an_account_opened_in_a_savepoint_rolled_back_was_never_there() {
    let db = Server::shared().database();
    let mut s = db.session();
    for level in LEVELS {
        let account = format!("fresh {level}");
        s.run(&format!("BEGIN ISOLATION LEVEL {level}; SAVEPOINT p"));
        s.run(&grant(&account, "4", "k"));
        s.run("ROLLBACK TO SAVEPOINT p");
        assert_eq!(s.row(&grant(&account, "6", "k")).get("balance"), "6", "{level}");
        s.run("COMMIT");
        assert_eq!(history(&mut s, &account), ["1|open|0|0", "2|grant|6|6"], "{level}");
    }
}

#[test]
fn the_same_in_a_plpgsql_exception_block() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run(
        "CREATE FUNCTION try_twice(account text) RETURNS text LANGUAGE plpgsql AS $$
         DECLARE
             seen text := '';
             r record;
         BEGIN
             BEGIN
                 SELECT * INTO r FROM credits_debit(account, 4, 'k');
                 seen := seen || r.entry || ' ';
                 RAISE EXCEPTION 'the application fails after the debit';
             EXCEPTION WHEN raise_exception THEN
                 seen := seen || 'undone ';
             END;
             BEGIN
                 PERFORM credits_debit(account, 40, 'k');
             EXCEPTION WHEN SQLSTATE 'LC001' THEN
                 seen := seen || 'refused ';
             END;
             SELECT * INTO r FROM credits_debit(account, 4, 'k');
             seen := seen || r.entry || ' ' || r.replayed || ' ';
             SELECT * INTO r FROM credits_debit(account, 4, 'k');
             RETURN seen || r.entry || ' ' || r.replayed;
         END $$",
    );
    for level in LEVELS {
        let account = format!("block {level}");
        s.run(&grant(&account, "10", "g"));
        s.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        let seen = s.one(&format!("SELECT try_twice('{account}')"));
        s.run("COMMIT");
        assert_eq!(seen, "3 undone refused 3 false 3 true", "{level}");
        assert_eq!(history(&mut s, &account), ["1|open|0|0", "2|grant|10|10", "3|debit|-4|6"], "{level}");
    }
}

#[test]
fn a_session_that_waits_goes_on_when_the_savepoint_is_rolled_back() {
    // The lock of a rolled-back savepoint is released at once: the other session need not wait for the end.
    // (SERIALIZABLE may find that one of them has read what the other wrote, and refuse a COMMIT.)
    let db = Server::shared().database();
    let (mut a, mut watcher) = (db.session(), db.session());
    for level in ["READ COMMITTED", "REPEATABLE READ"] {
        let account = format!("free {level}");
        a.run(&grant(&account, "10", "g"));
        let mut b = db.session();
        a.run(&format!("BEGIN ISOLATION LEVEL {level}; SAVEPOINT p"));
        a.run(&debit(&account, "7", "a"));
        b.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        let waiting = Running::start(b, &debit(&account, "7", "b"));
        assert!(waiting.until_blocked_or_done(&mut watcher), "{level}: did not wait");
        a.run("ROLLBACK TO SAVEPOINT p");
        let (mut b, outcome) = waiting.finish();
        let receipt = outcome.unwrap_or_else(|e| panic!("{level}: {} {}", e.code, e.message)).remove(0);
        assert_eq!((receipt.get("entry"), receipt.get("balance")), ("3", "3"), "{level}");
        b.run("COMMIT");
        a.run("COMMIT");
        assert_eq!(history(&mut a, &account), ["1|open|0|0", "2|grant|10|10", "3|debit|-7|3"], "{level}");
    }
}
