//! `credits_change_plan`: upgrades at once and in full, equal ranks by the excess, downgrades from the next cycle;
//! and definitions that change under a plan that is held.

use credits_ledger_tests::{Row, Session};

#[path = "plans/books.rs"]
mod books;
#[path = "plans/change_refused.rs"]
mod change_refused;
#[path = "plans/downgrades.rs"]
mod downgrades;
#[path = "plans/equal_ranks.rs"]
mod equal_ranks;
#[path = "plans/new_definitions.rs"]
mod new_definitions;
#[path = "plans/unused_allowance.rs"]
mod unused_allowance;
#[path = "plans/upgrades.rs"]
mod upgrades;

use books::{closing, held, history, lots, opened, running, sound};

const JAN: &str = "2026-01-01 00:00:00+00|2026-02-01 00:00:00+00";
const FEB: &str = "2026-02-01 00:00:00+00|2026-03-01 00:00:00+00";
const MAR: &str = "2026-03-01 00:00:00+00|2026-04-01 00:00:00+00";

/// An account on the plan `on` since 1 January; the plans basic (500), pro (1000) and ultra (3000) of rising rank, and
/// the tiers t1 to t5 of one rank.
fn on(plan: &str) -> Session {
    let mut s = opened("2026-01-01 00:00+00", "");
    for (name, allowance, rank) in [
        ("free", 0, 0),
        ("basic", 500, 1),
        ("pro", 1000, 2),
        ("ultra", 3000, 3),
        ("t1", 1000, 7),
        ("t2", 500, 7),
        ("t3", 1500, 7),
        ("t4", 1200, 7),
        ("t5", 2000, 7),
    ] {
        s.run(&format!("SELECT * FROM credits_define_plan('{name}', {allowance}, rank => {rank})"));
    }
    s.run(&format!("SELECT credits_subscribe('a', '{plan}', 'sub')"));
    s
}

#[track_caller]
fn change(s: &mut Session, from: &str, to: &str, rest: &str) -> Row {
    let key = s.one("SELECT 'c' || count(*) FROM credits_history");
    let row = s.row(&format!("SELECT * FROM credits_change_plan('a', '{from}', '{to}', '{key}'{rest})"));
    row.has(&[("operation", "change_plan"), ("accepted", "t"), ("replayed", "f"), ("idempotency_key", &key)]);
    row
}

/// A change that must bring just so much.
#[track_caller]
fn brings(s: &mut Session, from: &str, to: &str, rest: &str, amount: i64) {
    change(s, from, to, rest).has(&[("amount", &amount.to_string())]);
}

#[track_caller]
fn refused(s: &mut Session, call: &str, code: &str) {
    let error = s.error(&format!("SELECT * FROM {call}"));
    assert_eq!(error.code, code, "{call}: {}", error.message);
}
