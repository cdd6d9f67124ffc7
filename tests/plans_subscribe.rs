//! `credits_subscribe` and `credits_unsubscribe`: the first plan and the cycle it begins, plans that join, what is
//! refused and in which order, and every column that tells of it.

use credits_ledger_tests::Session;

#[path = "plans/books.rs"]
mod books;
#[path = "plans/first_plan.rs"]
mod first_plan;
#[path = "plans/joining_and_leaving.rs"]
mod joining_and_leaving;
#[path = "plans/subscribe_once.rs"]
mod subscribe_once;
#[path = "plans/subscribe_refused.rs"]
mod subscribe_refused;

use books::{closing, held, history, lots, opened, running, sound};

/// A free plan, a base plan of 500, a tier of 1200, both of which renew each cycle, and one by seats.
fn plans(s: &mut Session) {
    s.run("SELECT * FROM credits_define_plan('free', 0)");
    s.run("SELECT * FROM credits_define_plan('base', 500, rank => 1)");
    s.run("SELECT * FROM credits_define_plan('tier', 1200, rank => 2)");
    s.run("SELECT * FROM credits_define_plan('team', 100, per_seat => true, seat_cap => 10)");
}

#[track_caller]
fn refused(s: &mut Session, call: &str, code: &str) {
    let error = s.error(&format!("SELECT * FROM {call}"));
    assert_eq!(error.code, code, "{call}: {}", error.message);
}

fn entries(s: &mut Session) -> String {
    s.one("SELECT count(*) FROM credits_history")
}
