//! A small ledger to damage.

use credits_ledger_tests::Session;

/// A small ledger in which every kind of entry of an account stands: a cycle closed with rollover and
/// expiry, debt drawn and repaid, a restricted and a dated lot, a redacted entry.
pub fn small_ledger(s: &mut Session) {
    s.at("2026-01-05 00:00+00");
    s.run("SELECT credits_open_account('acme', 100, rollover_percent => 50, overdraft_limit => 30)");
    s.run("SELECT credits_open_account('other', 50)");
    s.at("2026-01-06 00:00+00");
    s.run("SELECT credits_grant('acme', 40, 'buy', price => 10, currency => 'EUR', payment_ref => 'pay_1')");
    s.run("SELECT credits_grant('acme', 15, 'promo', 'promo', expires_at => '2026-03-01', features => ARRAY['chat'])");
    s.at("2026-01-07 00:00+00");
    s.run(
        "SELECT credits_debit('acme', 7.25, 'd1', feature => 'chat', actor => 'marker-of-the-actor', resource => 'doc-1',
             metadata => '{\"trace\": \"marker-of-the-metadata\"}')",
    );
    s.run("SELECT credits_debit('other', 5, 'd1')");
    s.at("2026-02-06 00:00+00");
    s.run("SELECT credits_debit('acme', 190, 'd2')");
    s.run("SELECT credits_grant('acme', 60, 'more')");
    s.run("SELECT credits_debit('acme', 3, 'd3', actor => 'someone', metadata => '{\"a\": 1}')");
    s.run("SELECT credits_redact('acme', (SELECT entry FROM credits_history WHERE account = 'acme' AND idempotency_key = 'd3'))");
    s.run("SELECT credits_freeze_account('acme', 'unpaid'), credits_unfreeze_account('acme')");
    s.run("SELECT credits_debit('acme', 1, 'd4')");
    assert_eq!(problems(s), Vec::<String>::new());
}

pub fn problems(s: &mut Session) -> Vec<String> {
    s.list("SELECT account, entry, problem FROM credits_verify()")
}

pub fn entry_of(s: &mut Session, key: &str) -> String {
    s.one(&format!("SELECT entry FROM credits_history WHERE account = 'acme' AND idempotency_key = '{key}'"))
}
