//! A reader beside the load: whatever one statement reads belongs together, at every moment.

use credits_ledger_tests::Session;
use std::time::Instant;

/// Each returns no row while the ledger is sound. One statement is one snapshot, for the views and for the
/// functions called in it alike.
const QUESTIONS: [&str; 4] = [
    "SELECT * FROM credits_verify()",
    "SELECT a.account, a.balance, a.entry, h.* FROM credits_accounts a
     JOIN (SELECT account, sum(amount) AS sum, max(entry) AS last, count(*) AS entries FROM credits_history GROUP BY 1) h
         USING (account)
     WHERE a.balance <> h.sum OR a.entry <> h.last OR h.entries <> h.last",
    "SELECT a.account, b.balance, h.balance FROM credits_accounts a
     CROSS JOIN LATERAL credits_balance(a.account) b
     JOIN credits_history h ON h.account = a.account AND h.entry = b.entry
     WHERE b.balance <> h.balance OR b.entry <> a.entry",
    "SELECT a.account, a.allowance + a.credits AS figures, l.lots FROM credits_accounts a
     JOIN (SELECT account, sum(remaining) AS lots FROM credits_grants GROUP BY 1) l USING (account)
     WHERE a.allowance + a.credits <> l.lots",
];

/// Asks in turn, and returns how often.
pub fn watch(mut session: Session, until: Instant) -> usize {
    let mut asked = 0;
    while Instant::now() < until {
        let question = QUESTIONS[asked % QUESTIONS.len()];
        assert_eq!(session.list(question), Vec::<String>::new(), "{question}");
        asked += 1;
    }
    asked
}
