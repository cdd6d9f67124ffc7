//! What the tests of rates, charges and included units share.

// Each of their files is a program of its own, and none of them needs all of this.
#![allow(dead_code)]

use credits_ledger_tests::{Database, Row, Server, Session};

pub const JAN: &str = "2026-01-31 12:00+00";

/// When the cycle of an account opened at [`JAN`] ends.
pub const FEB: &str = "2026-02-28 12:00+00";
pub const MAR: &str = "2026-03-31 12:00+00";

/// A database of the test's own, and a session of it at [`JAN`].
#[track_caller]
pub fn start() -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    (db, s)
}

/// The price as `credits_quote` names it, without trailing zeros.
#[track_caller]
pub fn quote(s: &mut Session, account: &str, feature: &str, quantity: &str) -> String {
    s.one(&format!("SELECT trim_scale(credits_quote('{account}', '{feature}', {quantity}))"))
}

/// A charge that must be recorded, at the price that the quote just before it named.
#[track_caller]
pub fn charge(s: &mut Session, account: &str, feature: &str, quantity: &str, key: &str) -> Row {
    let price = quote(s, account, feature, quantity);
    let row = s.row(&format!("SELECT * FROM credits_charge('{account}', '{feature}', {quantity}, '{key}')"));
    row.has(&[
        ("account", account),
        ("operation", "charge"),
        ("idempotency_key", key),
        ("accepted", "t"),
        ("refused", "NULL"),
        ("replayed", "f"),
        ("amount", &price),
    ]);
    assert_ne!(row.get("entry"), "NULL", "a charge that was recorded has a number: {row}");
    row
}

/// Charges one after the other, each with a key of its own, and asserts what each costs.
#[track_caller]
pub fn costs(s: &mut Session, account: &str, feature: &str, quantities_and_amounts: &[(&str, &str)]) {
    for (quantity, amount) in quantities_and_amounts {
        let key = s.one(&format!("SELECT 'no ' || entry + 1 FROM credits_balance('{account}')"));
        charge(s, account, feature, quantity, &key).has(&[("amount", amount)]);
    }
}

/// A number of entries that does not change where nothing is recorded.
#[track_caller]
pub fn entries(s: &mut Session) -> String {
    s.one("SELECT count(*) FROM credits_history")
}

/// The call raises this code, and nothing happened.
#[track_caller]
pub fn fails(s: &mut Session, call: &str, code: &str) {
    let before = entries(s);
    let error = s.error(&format!("SELECT * FROM {call}"));
    assert_eq!(error.code, code, "{call}: {error}");
    assert_eq!(entries(s), before, "{call}");
}

/// The charge raises LC001 with these figures, and nothing happened.
#[track_caller]
pub fn insufficient(s: &mut Session, arguments: &str, figures: &str) {
    let before = entries(s);
    let error = s.error(&format!("SELECT * FROM credits_charge({arguments})"));
    assert_eq!(error.code, "LC001", "{arguments}: {error}");
    assert!(error.detail.starts_with(&format!("{figures} resets_at=")), "{arguments}: {}", error.detail);
    assert_eq!(entries(s), before, "{arguments}");
}

/// `credits_verify` finds nothing.
#[track_caller]
pub fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}
