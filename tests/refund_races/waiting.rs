//! Lots that expire while somebody waits: the ledger's time is the clock after the lock.

use crate::calls::*;
use crate::holds::balance;
use crate::interleave::LEVELS;
use crate::refunds::*;
use crate::running::{Outcome, Running};
use credits_ledger_tests::{Database, Server, Session};

/// An account with 10 credits that last for less than half a second, 6 of which are spent, and 5 that stay.
fn short_lived() -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('acme', 10, 'short', 'promo', expires_in => '450 milliseconds')");
    s.run(&grant("acme", "5", "long"));
    s.run(&debit("acme", "6", "d"));
    (db, s)
}

/// Holds the account until the lot has expired, and returns what `call`, which waited, comes to.
fn waiting_out(db: &Database, s: &mut Session, level: &str, call: &str) -> Outcome {
    let mut holder = db.session();
    holder.run("BEGIN");
    holder.run(&grant("acme", "1", "x"));
    let mut b = db.session();
    b.run(&format!("SET default_transaction_isolation = '{level}'"));
    let waiting = Running::start(b, call);
    assert!(waiting.until_blocked_or_done(s), "did not wait");
    s.run("SELECT pg_sleep(0.5)");
    holder.run("COMMIT");
    match waiting.finish() {
        (mut b, Err(e)) if e.code == "40001" && level != "READ COMMITTED" => b.try_run(call),
        (_, outcome) => outcome,
    }
}

#[test]
fn a_refund_that_waited_too_long_finds_the_lot_over() {
    for level in LEVELS {
        for (how, stands) in [("forfeit", "6 0 0 6"), ("restore", "12 0 0 12")] {
            let (db, mut s) = short_lived();
            let call = refund("acme", "d", "r", &format!(", if_expired => '{how}'"));
            let rows = waiting_out(&db, &mut s, level, &call).unwrap();
            // The 4 that were left of it have expired before.
            rows[0].has(&[("amount", "6"), ("from_credits", "6"), ("balance", "12")]);
            assert_eq!(balance(&mut s, "acme"), stands, "{level} {how}");
            settled(&mut s);
        }
    }
}

#[test]
fn a_void_that_waited_too_long_finds_nothing() {
    for level in LEVELS {
        let (db, mut s) = short_lived();
        let error = waiting_out(&db, &mut s, level, &void("acme", "short", "v", "")).unwrap_err();
        assert_eq!(error.code, "LC007", "{level}: {error}");
        assert_eq!(balance(&mut s, "acme"), "6 0 0 6", "{level}");
        settled(&mut s);
    }
}

#[test]
fn a_claw_back_that_waited_takes_what_was_spent_and_not_what_expired() {
    for level in LEVELS {
        let (db, mut s) = short_lived();
        let rows = waiting_out(&db, &mut s, level, &void("acme", "short", "v", CLAW_BACK)).unwrap();
        rows[0].has(&[("operation", "claw_back"), ("amount", "6"), ("from_credits", "6"), ("balance", "0")]);
        settled(&mut s);
    }
}
