//! The account `a` as the tests of plans read it.

use credits_ledger_tests::{Server, Session};

/// A session of a new database whose clock stands at `now`, and in it the account `a` with these settings.
#[track_caller]
pub fn opened(now: &str, settings: &str) -> Session {
    let mut s = Server::shared().database().session();
    s.run("SET TimeZone = 'UTC'");
    s.at(now);
    s.run(&format!("SELECT credits_open_account('a'{settings})"));
    s
}

/// `plan|seats|pending_plan|pending_seats|pending_end` of each plan that is recorded as held, by name.
#[track_caller]
pub fn held(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT plan, seats, pending_plan, pending_seats, pending_end FROM credits_subscriptions
         WHERE account = 'a' ORDER BY plan",
    )
}

/// `operation|plan|amount|balance` of the entries after the first `known`, in their order.
#[track_caller]
pub fn history(s: &mut Session, known: i64) -> Vec<String> {
    s.list(&format!(
        "SELECT operation, plan, trim_scale(amount), trim_scale(balance) FROM credits_history
         WHERE account = 'a' AND entry > {known} ORDER BY entry"
    ))
}

/// `operation|plan|amount` of the same entries, sorted: which of several plans comes first at one instant is no promise.
#[track_caller]
pub fn closing(s: &mut Session, known: i64) -> Vec<String> {
    let mut entries = history(s, known);
    for entry in &mut entries {
        entry.truncate(entry.rfind('|').expect("the balance is last"));
    }
    entries.sort();
    entries
}

/// `kind|plan|amount|remaining|status` of each lot: by the instant of its effect, then by plan.
#[track_caller]
pub fn lots(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT kind, plan, trim_scale(amount), trim_scale(remaining), status FROM credits_grants
         WHERE account = 'a' ORDER BY effective_at, plan NULLS FIRST, kind DESC, lot",
    )
}

/// `allowance|credits|allowance_granted|cycle_start|cycle_end` as a read at the session's time says.
#[track_caller]
pub fn running(s: &mut Session) -> String {
    s.list(
        "SELECT trim_scale(allowance), trim_scale(credits), trim_scale(allowance_granted), cycle_start, cycle_end
         FROM credits_balance('a')",
    )
    .remove(0)
}

/// Asserts that the ledger adds up.
#[track_caller]
pub fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new(), "credits_verify");
}
