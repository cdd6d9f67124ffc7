//! The plans and rates of these tests, calls, and what holds after every race.

use crate::crowd::patient;
use credits_ledger_tests::{Row, Session};

/// `small` and `other` are of equal rank, `big` is above them, `seat` gives 10 for each of at most 10 seats.
pub fn define(s: &mut Session) {
    s.run("SELECT credits_define_plan('small', 100, rank => 1)");
    s.run("SELECT credits_define_plan('other', 200, rank => 1)");
    s.run("SELECT credits_define_plan('big', 300, rank => 2)");
    s.run("SELECT credits_define_plan('seat', 10, per_seat => true, seat_cap => 10)");
    s.run("SELECT credits_define_plan('try', 50, trial => true, trial_period => '14 days')");
}

pub fn subscribe(account: &str, plan: &str, key: &str) -> String {
    format!("SELECT * FROM credits_subscribe('{account}', '{plan}', '{key}')")
}

pub fn change(account: &str, from: &str, to: &str, key: &str, rest: &str) -> String {
    format!("SELECT * FROM credits_change_plan('{account}', '{from}', '{to}', '{key}'{rest})")
}

pub fn seats(account: &str, seats: u64, key: &str) -> String {
    format!("SELECT * FROM credits_set_seats('{account}', 'seat', {seats}, '{key}')")
}

pub fn charge(account: &str, feature: &str, quantity: &str, key: &str) -> String {
    format!("SELECT * FROM credits_charge('{account}', '{feature}', {quantity}, '{key}')")
}

pub fn reset(account: &str, key: &str) -> String {
    format!("SELECT * FROM credits_reset_cycle('{account}', '{key}')")
}

/// The receipt of a call, or `None` where it was refused with one of these codes.
pub fn receipt(s: &mut Session, call: &str, refusals: &[&str]) -> Option<Row> {
    match patient(s, call) {
        Ok(mut rows) => Some(rows.remove(0)),
        Err(error) => {
            assert!(refusals.contains(&error.code.as_str()), "{call}: {error}");
            None
        }
    }
}

/// The ledger is sound, entries are numbered without gaps, and each key has one.
pub fn settled(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    assert_eq!(
        s.list(
            "SELECT account, entry FROM (SELECT account, entry, row_number() OVER (PARTITION BY account ORDER BY entry) AS n
                                         FROM credits_history) h WHERE entry <> n"
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        s.list(
            "SELECT account, idempotency_key FROM credits_history WHERE idempotency_key IS NOT NULL
             GROUP BY 1, 2 HAVING count(*) > 1"
        ),
        Vec::<String>::new()
    );
}

/// What plans granted to an account, `cycle plan amount`.
pub fn granted(s: &mut Session, account: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT h.cycle || ' ' || g.plan, trim_scale(sum(g.amount)) FROM credits_grants g
         JOIN credits_history h ON h.account = g.account AND h.entry = g.entry
         WHERE g.account = '{account}' AND g.kind IN ('allowance', 'trial') GROUP BY h.cycle, g.plan ORDER BY h.cycle, g.plan"
    ))
    .iter()
    .map(|row| row.replace('|', " "))
    .collect()
}
