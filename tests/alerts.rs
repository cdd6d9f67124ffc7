//! Alerts: they fire once, when their condition becomes true, and again only after a grant or a new cycle made it false.

#[path = "alerts/crossing.rs"]
mod crossing;
#[path = "alerts/crowds.rs"]
mod crowds;
#[path = "alerts/random.rs"]
mod random;
#[path = "alerts/setting.rs"]
mod setting;
#[path = "alerts/time.rs"]
mod time;

use credits_ledger_tests::{Database, Server, Session};

/// April has 30 days, so that a day is a thirtieth of the cycle.
const APRIL: &str = "2026-04-01 00:00+00";

fn start() -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at(APRIL);
    (db, s)
}

/// What the account's alerts told since the last call: `type` of those that fired, `cleared <name>` of those that did not
/// hold any more.
fn told(s: &mut Session, account: &str) -> Vec<String> {
    let events = s.list(&format!(
        "SELECT event, CASE type WHEN 'alert.cleared' THEN 'cleared ' || (payload ->> 'alert') ELSE substr(type, 7) END
         FROM credits_events WHERE account = '{account}' AND type LIKE 'alert.%' AND acknowledged_at IS NULL ORDER BY event"
    ));
    events
        .iter()
        .map(|row| {
            let (event, what) = row.split_once('|').unwrap();
            assert_eq!(s.one(&format!("SELECT credits_ack_event('{account}', {event})")), "t");
            what.to_string()
        })
        .collect()
}

/// A call that must succeed, and what the account's alerts told by it.
#[track_caller]
fn after(s: &mut Session, account: &str, call: &str) -> Vec<String> {
    s.run(&format!("SELECT * FROM {call}"));
    told(s, account)
}

const NOTHING: Vec<String> = Vec::new();

#[track_caller]
fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}
