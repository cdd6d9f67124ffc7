//! What the scenes have in common: calls, and what is asked of their outcome.

use crate::interleave::{WAYS, Way};
use crate::running::Outcome;
use credits_ledger_tests::{Database, Row, Server, Session, SqlError};

pub fn debit(account: &str, amount: &str, key: &str) -> String {
    format!("SELECT * FROM credits_debit('{account}', {amount}, '{key}')")
}

pub fn grant(account: &str, amount: &str, key: &str) -> String {
    format!("SELECT * FROM credits_grant('{account}', {amount}, '{key}')")
}

/// Plays a scene in every way, each on an account of its own.
pub fn in_every_way(scene: impl Fn(&Database, &mut Session, Way, &str)) {
    let db = Server::shared().database();
    let mut s = db.session();
    for (number, way) in WAYS.into_iter().enumerate() {
        scene(&db, &mut s, way, &format!("acct{number}"));
    }
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

pub fn only(outcome: Outcome, way: Way) -> Row {
    let mut rows = outcome.unwrap_or_else(|e| panic!("{way:?}: {} {}", e.code, e.message));
    assert_eq!(rows.len(), 1, "{way:?}");
    rows.remove(0)
}

pub fn refused(outcome: Outcome, code: &str, way: Way) -> SqlError {
    match outcome {
        Ok(_) => panic!("{way:?}: went through, should have been {code}"),
        Err(e) => {
            assert_eq!(e.code, code, "{way:?}: {}", e.message);
            e
        }
    }
}

/// `entry operation amount balance` of each entry of the account.
pub fn history(s: &mut Session, account: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT entry, operation, trim_scale(amount), trim_scale(balance) FROM credits_history
         WHERE account = '{account}' ORDER BY entry"
    ))
}

/// All columns of a receipt but `replayed`, to compare an original with its replay.
pub const RECEIPT: [&str; 19] = [
    "account",
    "entry",
    "operation",
    "idempotency_key",
    "accepted",
    "refused",
    "amount",
    "from_allowance",
    "from_credits",
    "overdraft",
    "balance",
    "allowance",
    "credits",
    "held",
    "debt",
    "available",
    "included",
    "refers_to",
    "recorded_at",
];

pub fn assert_replay_of(original: &Row, replay: &Row, way: Way) {
    assert_eq!(original.get("replayed"), "f", "{way:?}");
    assert_eq!(replay.get("replayed"), "t", "{way:?}");
    for column in RECEIPT {
        assert_eq!(original.get(column), replay.get(column), "{way:?}: {column}");
    }
}

/// Runs a statement as a careful application does: again, while it fails to serialize.
pub fn until_serialized(s: &mut Session, sql: &str) -> Row {
    let mut tries = 0;
    loop {
        match s.try_run(sql) {
            Ok(mut rows) => return rows.remove(0),
            Err(e) if e.code == "40001" && tries < 200 => tries += 1,
            Err(e) => panic!("{sql}: {} {}", e.code, e.message),
        }
    }
}
