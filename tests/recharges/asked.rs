//! What the tests of auto-recharge ask.

use credits_ledger_tests::{Database, Row, Server, Session};

pub const JAN: &str = "2026-01-10 12:00+00";

/// A database with a pack of 50 credits for 4 EUR, at [`JAN`].
pub fn shop() -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT credits_define_pack('pack', 50, 4, 'EUR')");
    (db, s)
}

/// An account with so many credits and a threshold of 100, and further arguments.
pub fn with_credits(s: &mut Session, credits: &str, arguments: &str) {
    s.run(&format!("SELECT credits_grant('a', {credits}, 'g')"));
    set(s, &format!("100, 'pack', payment_method => 'card'{arguments}"));
}

/// With 70 credits left of 100, and a worker that has the request for more.
pub fn claimed() -> Session {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", "");
    debit(&mut s, "30", "d");
    claim_one(&mut s);
    s
}

pub fn set(s: &mut Session, arguments: &str) -> Row {
    s.row(&format!("SELECT * FROM credits_set_auto_recharge('a', {arguments})"))
}

pub fn call(s: &mut Session, call: &str) -> Row {
    s.row(&format!("SELECT * FROM {call}"))
}

pub fn code(s: &mut Session, call: &str) -> String {
    s.error(&format!("SELECT * FROM {call}")).code
}

/// `recharge status quantity credits price currency` of the requests of `a`.
pub fn requests(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT concat_ws(' ', recharge, status, quantity, trim_scale(credits), trim_scale(price), currency)
         FROM credits_recharges WHERE account = 'a' ORDER BY recharge",
    )
}

/// The types of the events of `a`, but for those of cycles and lots.
pub fn events(s: &mut Session) -> Vec<String> {
    s.list("SELECT type FROM credits_events WHERE account = 'a' AND type LIKE 'recharge.%' ORDER BY event")
}

/// `account recharge attempt payment_method` of what a worker gets.
pub fn claim(s: &mut Session) -> Vec<String> {
    s.list("SELECT concat_ws(' ', account, recharge, attempt, payment_method) FROM credits_claim_recharges()")
}

/// The row of the one request that a worker gets.
pub fn claim_one(s: &mut Session) -> Row {
    s.row("SELECT * FROM credits_claim_recharges()")
}

pub fn complete(s: &mut Session, recharge: i64, payment: &str) -> Row {
    call(s, &format!("credits_complete_recharge('a', {recharge}, '{payment}')"))
}

pub fn fail(s: &mut Session, recharge: i64, attempt: i64) -> Row {
    call(s, &format!("credits_fail_recharge('a', {recharge}, {attempt}, 'card_declined', 'Your card was declined.')"))
}

pub fn debit(s: &mut Session, amount: &str, key: &str) -> Row {
    call(s, &format!("credits_debit('a', {amount}, '{key}')"))
}

/// `available credits debt`.
pub fn balance(s: &mut Session) -> String {
    s.one(
        "SELECT concat_ws(' ', trim_scale(available), trim_scale(credits), trim_scale(debt)) FROM credits_balance('a')",
    )
}

pub fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}
