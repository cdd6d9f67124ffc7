//! Calls on holds, and what is so after every race.

use credits_ledger_tests::{Row, Session};

pub fn hold(account: &str, amount: &str, key: &str) -> String {
    format!("SELECT * FROM credits_hold('{account}', {amount}, '{key}')")
}

pub fn capture(account: &str, hold: &str, key: &str, rest: &str) -> String {
    format!("SELECT * FROM credits_capture('{account}', '{hold}', '{key}'{rest})")
}

pub fn release(account: &str, hold: &str, key: &str) -> String {
    format!("SELECT * FROM credits_release('{account}', '{hold}', '{key}')")
}

pub fn extend(account: &str, hold: &str, key: &str, expires_in: &str) -> String {
    format!("SELECT * FROM credits_extend_hold('{account}', '{hold}', '{key}', '{expires_in}')")
}

/// `remaining captured status` of a hold.
pub fn state(s: &mut Session, account: &str, key: &str) -> String {
    s.one(&format!(
        "SELECT concat_ws(' ', trim_scale(remaining), trim_scale(captured), status) FROM credits_holds
         WHERE account = '{account}' AND hold_key = '{key}'"
    ))
}

/// `balance held debt available` of an account.
pub fn balance(s: &mut Session, account: &str) -> String {
    s.one(&format!(
        "SELECT concat_ws(' ', trim_scale(balance), trim_scale(held), trim_scale(debt), trim_scale(available))
         FROM credits_balance('{account}')"
    ))
}

/// Once what time did is recorded, the ledger is sound, entries are numbered without gaps, each key has one, and what is held is what the lots say and
/// what the open holds say that headroom does not cover.
pub fn settled(s: &mut Session) {
    s.run("SELECT credits_maintain()");
    for nothing in [
        "SELECT * FROM credits_verify()",
        "SELECT account, entry FROM (SELECT account, entry, row_number() OVER (PARTITION BY account ORDER BY entry) AS n
                                     FROM credits_history) h WHERE entry <> n",
        "SELECT account, idempotency_key FROM credits_history WHERE idempotency_key IS NOT NULL
         GROUP BY 1, 2 HAVING count(*) > 1",
        "SELECT a.account, a.held FROM credits_accounts a
         WHERE a.held <> (SELECT coalesce(sum(g.held), 0) FROM credits_grants g WHERE g.account = a.account)
            OR a.held > (SELECT coalesce(sum(h.remaining), 0) FROM credits_holds h WHERE h.account = a.account)
            OR a.balance <> (SELECT coalesce(sum(h.amount), 0) FROM credits_history h WHERE h.account = a.account)",
        "SELECT h.account, h.hold_key FROM credits_holds h
         WHERE h.captured <> (SELECT coalesce(-sum(e.amount), 0) FROM credits_history e
                              WHERE e.account = h.account AND e.operation = 'capture' AND e.refers_to = h.entry)",
        "SELECT account, refers_to FROM credits_history WHERE operation IN ('release', 'lapse')
         GROUP BY 1, 2 HAVING count(*) > 1",
    ] {
        assert_eq!(s.list(nothing), Vec::<String>::new(), "{nothing}");
    }
}

/// In the history as recorded, no entry leaves more debt than `limit`.
pub fn never_past(s: &mut Session, limit: &str) {
    let past = s.list(&format!("SELECT account, entry, debt FROM credits_history WHERE debt > {limit}"));
    assert_eq!(past, Vec::<String>::new());
    let below = s.list(
        "SELECT account, entry FROM credits_history WHERE allowance < 0 OR credits < 0 OR held < 0 OR available < 0",
    );
    assert_eq!(below, Vec::<String>::new());
}

/// The receipt of a call, or the code with which it was refused.
pub fn receipt(outcome: Result<Vec<Row>, credits_ledger_tests::SqlError>) -> Result<Row, String> {
    match outcome {
        Ok(mut rows) => Ok(rows.remove(0)),
        Err(error) => Err(error.code),
    }
}
