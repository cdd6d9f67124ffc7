//! What the scenarios have in common.

use credits_ledger_tests::{Server, Session, SqlError};

/// A cycle of its own length, in the middle of nothing: 1 to 31 January.
pub const JAN: &str = "2026-01-10 12:00+00";

/// Plays a scenario in a database of its own, on an account `a` with 1000 credits and a monthly cycle of the
/// calendar, opened in UTC at [`JAN`]. Whatever it does, the ledger is sound afterwards.
pub fn scenario(play: impl FnOnce(&mut Session)) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at(JAN);
    s.run("SELECT credits_open_account('a', anchor => '2026-01-01 00:00+00')");
    s.run("SELECT credits_grant('a', 1000, 'funds')");
    play(&mut s);
    sound(&mut s);
}

#[track_caller]
pub fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT account, entry, problem FROM credits_verify()"), Vec::<String>::new());
}

/// `period actor feature | limit used remaining` of each budget of account `a`; a budget for each actor ends in
/// whose it is.
#[track_caller]
pub fn budgets(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT concat_ws(' ', period, coalesce(actor, '-'), coalesce(feature, '-')),
                concat_ws(' ', trim_scale(budget_limit), trim_scale(used), trim_scale(remaining),
                    CASE WHEN actor = '*' THEN coalesce(used_by, 'nobody') END)
         FROM credits_budgets WHERE account = 'a'
         ORDER BY period, actor NULLS FIRST, feature NULLS FIRST, used_by NULLS FIRST",
    )
}

/// Debits account `a`; `rest` is what follows the key.
#[track_caller]
pub fn draw(s: &mut Session, amount: &str, key: &str, rest: &str) {
    s.row(&debit(amount, key, rest)).has(&[("accepted", "t"), ("amount", amount), ("replayed", "f")]);
}

pub fn debit(amount: &str, key: &str, rest: &str) -> String {
    format!("SELECT * FROM credits_debit('a', {amount}, '{key}'{rest})")
}

/// A debit of account `a` that a budget refuses. It leaves no trace.
#[track_caller]
pub fn over(s: &mut Session, amount: &str, rest: &str) -> SqlError {
    over_call(s, &debit(amount, "refused", rest))
}

#[track_caller]
pub fn over_call(s: &mut Session, call: &str) -> SqlError {
    let question = "SELECT balance, entry, head_hash FROM credits_accounts WHERE account = 'a'";
    let before = (s.list(question), budgets(s));
    let error = s.error(call);
    assert_eq!(error.code, "LC012", "{call}: {error}");
    assert!(!error.hint.is_empty(), "{call}: no hint");
    assert_eq!((s.list(question), budgets(s)), before, "{call}");
    error
}
