//! What the scenarios have in common: calls, and what is asked afterwards.

use credits_ledger_tests::{Row, Server, Session};

/// When most scenarios begin. The first cycle of an account opened then ends on 2026-02-28 at 12:00.
pub const NOON: &str = "2026-01-31 12:00+00";

/// A session in a database of its own, at [`NOON`].
pub fn session() -> Session {
    let mut s = Server::shared().database().session();
    s.run("SET TimeZone = 'UTC'");
    s.at(NOON);
    s
}

/// The account `a` with an allowance, and overdraft if there is to be any.
pub fn with_allowance(allowance: &str, settings: &str) -> Session {
    let mut s = session();
    s.run(&format!("SELECT * FROM credits_open_account('a', {allowance} {settings})"));
    s
}

/// The account `a` with lots of several kinds, and as entry 6 a hold over three of them: 130 credits for `chat`, by
/// `ann`. The burn order is: allowance (lot 1), promo for chat only (lot 3), promo (lot 4), purchase (lot 2).
pub fn hold_over_three_lots() -> (Session, Row) {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_grant('a', 50, 'buy')");
    call(&mut s, "credits_grant('a', 20, 'chat', 'promo', '2026-02-10 00:00+00', features => '{chat}')");
    call(&mut s, "credits_grant('a', 30, 'promo', 'promo')");
    let held = call(
        &mut s,
        "credits_hold('a', 130, 'h', feature => 'chat', actor => 'ann', resource => 'doc 7', metadata => '{\"t\": 9}')",
    );
    (s, held)
}

pub fn call(s: &mut Session, call: &str) -> Row {
    s.row(&format!("SELECT * FROM {call}"))
}

/// The call fails with this code and records nothing.
#[track_caller]
pub fn refused(s: &mut Session, code: &str, call: &str) -> credits_ledger_tests::SqlError {
    let before = s.list("SELECT account, head_hash, held FROM credits_accounts ORDER BY 1");
    let error = s.error(&format!("SELECT * FROM {call}"));
    assert_eq!(error.code, code, "{call}: {error}");
    assert_eq!(s.list("SELECT account, head_hash, held FROM credits_accounts ORDER BY 1"), before, "{call}");
    error
}

/// `remaining captured status` of a hold of `a`.
pub fn state(s: &mut Session, key: &str) -> String {
    s.one(&format!(
        "SELECT concat_ws(' ', trim_scale(remaining), trim_scale(captured), status) FROM credits_holds
         WHERE account = 'a' AND hold_key = '{key}'"
    ))
}

/// `lot remaining+held status` of each lot of `a`.
pub fn lots(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT format('%s %s+%s %s', lot, trim_scale(remaining), trim_scale(held), status) FROM credits_grants
         WHERE account = 'a' ORDER BY lot",
    )
}

/// `lot amount` of each movement of the newest entry of `a`.
pub fn moved(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT format('%s %s', lot, trim_scale(amount)) FROM credits_allocations
         WHERE account = 'a' AND entry = (SELECT max(entry) FROM credits_history WHERE account = 'a') ORDER BY lot",
    )
}

/// `operation amount balance` of the entries of `a` after the given one.
pub fn entries_after(s: &mut Session, entry: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT concat_ws(' ', operation, trim_scale(amount), trim_scale(balance)) FROM credits_history
         WHERE account = 'a' AND entry > {entry} ORDER BY entry"
    ))
}

pub fn newest(s: &mut Session) -> String {
    s.one("SELECT max(entry) FROM credits_history WHERE account = 'a'")
}

/// `balance allowance credits held debt available` of `a`, which the views and the newest figures agree on.
#[track_caller]
pub fn balance(s: &mut Session) -> String {
    let columns = "concat_ws(' ', trim_scale(balance), trim_scale(allowance), trim_scale(credits), trim_scale(held),
         trim_scale(debt), trim_scale(available))";
    let told = s.one(&format!("SELECT {columns} FROM credits_balance('a')"));
    assert_eq!(s.one(&format!("SELECT {columns} FROM credits_accounts WHERE account = 'a'")), told);
    let of_lots = s.one(
        "SELECT concat_ws(' ', trim_scale(coalesce(sum(remaining), 0)), trim_scale(coalesce(sum(held), 0)))
         FROM credits_grants WHERE account = 'a' AND status <> 'scheduled'",
    );
    let of_account =
        s.one("SELECT concat_ws(' ', trim_scale(allowance + credits), trim_scale(held)) FROM credits_balance('a')");
    assert_eq!(of_lots, of_account, "the lots make up the balance");
    told
}

#[track_caller]
pub fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// The figures stand the same once maintenance has recorded what time did, and the ledger is sound.
#[track_caller]
pub fn the_same_once_recorded(s: &mut Session) {
    let questions = [
        "SELECT account, status, balance, allowance, credits, held, debt, available, allowance_granted, used, cycle, cycle_start,
             cycle_end FROM credits_accounts ORDER BY 1",
        "SELECT * FROM credits_holds ORDER BY account, entry",
        "SELECT account, lot, kind, trim_scale(amount), trim_scale(remaining), trim_scale(held), status, expires_at
         FROM credits_grants ORDER BY account, lot",
        "SELECT account, lot, trim_scale(remaining), expires_at FROM credits_expiring ORDER BY account, lot",
        "SELECT account, period, actor, feature, trim_scale(used), trim_scale(remaining), used_by FROM credits_budgets ORDER BY 1, 2, 3, 4, 7",
    ];
    let before: Vec<_> = questions.iter().map(|question| s.list(question)).collect();
    s.run("SELECT credits_maintain()");
    let after: Vec<_> = questions.iter().map(|question| s.list(question)).collect();
    assert_eq!(after, before);
    sound(s);
}
