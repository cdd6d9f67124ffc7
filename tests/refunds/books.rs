//! What must be so of every account, whatever was called.

use crate::asked::the_same_once_recorded;
use credits_ledger_tests::Session;

/// Nothing is lost or invented: granted + invoiced + forgiven = spent + remaining + held + expired + voided − debt, with what
/// refunds gave back counted as not spent; nobody can spend more than was granted or invoiced; and no debit
/// came back more than once.
///
/// The sums are of what is recorded: call it where nothing is due.
#[track_caller]
pub fn conserved(s: &mut Session) {
    let wrong = s.list(
        "WITH sums AS (
             SELECT account,
                    sum(amount) FILTER (WHERE operation IN ('grant', 'purchase', 'recharge', 'allowance', 'subscribe', 'change_plan',
                                                            'set_seats')) AS granted,
                    sum(amount) FILTER (WHERE operation = 'invoice') AS invoiced,
                    sum(amount) FILTER (WHERE operation = 'forgive') AS forgiven,
                    -sum(amount) FILTER (WHERE operation IN ('debit', 'charge', 'capture')) AS spent,
                    sum(amount) FILTER (WHERE operation = 'refund') AS refunded,
                    -sum(amount) FILTER (WHERE operation = 'expire') AS expired,
                    -sum(amount) FILTER (WHERE operation IN ('void', 'claw_back')) AS voided
             FROM credits_history GROUP BY account),
         figures AS (
             SELECT account, coalesce(granted, 0) AS granted, coalesce(invoiced, 0) AS invoiced, coalesce(forgiven, 0) AS forgiven,
                    coalesce(spent, 0) AS spent, coalesce(refunded, 0) AS refunded, coalesce(expired, 0) AS expired,
                    coalesce(voided, 0) AS voided
             FROM sums)
         SELECT f.*, a.allowance, a.credits, a.held, a.debt FROM figures f JOIN credits_accounts a USING (account)
         WHERE granted + invoiced + forgiven <> spent - refunded + a.allowance + a.credits + a.held + expired + voided - a.debt
            OR a.allowance + a.credits + a.held > granted + invoiced
            OR least(granted, invoiced, forgiven, spent, refunded, spent - refunded, expired, voided) < 0",
    );
    assert_eq!(wrong, Vec::<String>::new(), "not conserved");
    let twice = s.list(
        "SELECT d.account, d.entry, d.amount, sum(r.amount) FROM credits_history d
         JOIN credits_history r ON r.account = d.account AND r.refers_to = d.entry AND r.operation = 'refund'
         GROUP BY 1, 2, 3 HAVING sum(r.amount) > -d.amount",
    );
    assert_eq!(twice, Vec::<String>::new(), "more came back than was taken");
}

/// The end of a scenario: reads show what maintenance then records, the ledger is sound, nothing is lost or invented.
#[track_caller]
pub fn settled(s: &mut Session) {
    the_same_once_recorded(s);
    conserved(s);
}
