//! Who may read it, and what a reader sees.

use crate::asked::*;
use credits_ledger_tests::Server;

const ALL: &str = "SELECT * FROM credits_revenue('-infinity', 'infinity')";

#[test]
fn columns() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 10, 'g', price => 3, currency => 'EUR')");
    let row = s.row(ALL);
    assert_eq!(
        row.columns().join(" "),
        "currency kind opening_deferred sold recognised breakage voided closing_deferred"
    );
    assert_eq!(s.one("SELECT provolatile FROM pg_proc WHERE proname = 'credits_revenue'"), "s");
}

#[test]
fn an_analyst_may_and_others_may_not() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 10, 'g', price => 3, currency => 'EUR')");
    for (access, may) in [("analyst", true), ("admin", true), ("spend", false), ("billing", false), ("", false)] {
        let role = db.role(if access.is_empty() { "nobody" } else { access });
        if !access.is_empty() {
            s.run(&format!("SELECT credits_allow('{role}', '{access}')"));
        }
        let mut theirs = db.session_as(&role);
        if may {
            assert_eq!(theirs.row(ALL).get("sold"), "3", "{access}");
        } else {
            assert_eq!(theirs.error(ALL).code, "42501", "{access}");
        }
    }
}

#[test]
fn a_read_only_transaction() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 10, 'g', price => 3, currency => 'EUR', expires_at => '2026-01-10')");
    call(&mut s, "credits_hold('a', 5, 'h', '20 days')");
    on(&mut s, "02-01");
    let expected = money(&mut s, "-infinity", "infinity");
    assert_eq!(expected, "EUR purchase 0 3 0 3 0 0");
    s.run("SET default_transaction_read_only = on");
    s.row(ALL).has(&[("sold", "3"), ("breakage", "3"), ("closing_deferred", "0")]);
}

#[test]
fn a_reader_sees_its_snapshot() {
    let db = Server::shared().database();
    let (mut reader, mut writer) = (db.session(), db.session());
    writer.run("SELECT credits_grant('a', 10, 'g', price => 5, currency => 'EUR')");
    reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    reader.row(ALL).has(&[("recognised", "0")]);
    writer.run("SELECT credits_debit('a', 4, 'd')");
    reader.row(ALL).has(&[("recognised", "0"), ("closing_deferred", "5")]);
    reader.run("COMMIT");
    reader.row(ALL).has(&[("recognised", "2"), ("closing_deferred", "3")]);
}

#[test]
fn its_own_transactions_debits_count_until_it_rolls_back() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 10, 'g', price => 5, currency => 'EUR')");
    s.run("BEGIN");
    s.run("SELECT credits_debit('a', 4, 'd')");
    s.row(ALL).has(&[("recognised", "2")]);
    s.run("ROLLBACK");
    s.row(ALL).has(&[("recognised", "0")]);
}

/// Whatever others write meanwhile: in one snapshot all reports tell the same.
#[test]
fn while_others_write() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 1000, 'g', price => 1000, currency => 'EUR')");
    s.run("SELECT credits_grant('b', 1000, 'g', price => 1000, currency => 'EUR')");
    let write = |account: &str| {
        let mut s = db.session();
        for n in 0..60 {
            s.run(&format!("SELECT credits_debit('{account}', 2, 'd{n}')"));
            s.run(&format!("SELECT credits_hold('{account}', 3, 'h{n}')"));
            s.run(&format!("SELECT credits_refund('{account}', 'd{n}', 'r{n}', 1)"));
            s.run(&format!("SELECT credits_capture('{account}', 'h{n}', 'c{n}', 2)"));
        }
    };
    std::thread::scope(|scope| {
        let writers = ["a", "b"].map(|account| scope.spawn(move || write(account)));
        let mut reader = db.session();
        loop {
            let written = writers.iter().all(std::thread::ScopedJoinHandle::is_finished);
            reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
            let deferred = reader.row(ALL).get("closing_deferred").to_owned();
            let unspent = reader.one("SELECT sum(remaining + held) FROM credits_grants");
            let mut balance = "SELECT 0".to_owned();
            for account in ["a", "b"] {
                let all = format!("credits_statement('{account}', '-infinity', 'infinity')");
                balance += &format!(" + (SELECT balance FROM {all} WHERE line = 'closing')");
            }
            let stated = reader.one(&balance);
            reader.run("COMMIT");
            assert_eq!((&deferred, &stated), (&unspent, &unspent));
            if written {
                // 2 − 1 + 2 of each, 60 times, on two accounts.
                return assert_eq!(unspent, "1640");
            }
        }
    });
}
