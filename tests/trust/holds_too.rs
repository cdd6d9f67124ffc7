//! What holds add to the small ledger with plans.

use credits_ledger_tests::Session;

/// Gives `acme` holds in every state: captured at once, in steps and late, released, lapsed, extended, and open over
/// several lots, with headroom, with nothing left, and redacted.
pub fn add_holds(s: &mut Session) {
    s.at("2026-02-12 00:00+00");
    for call in [
        "credits_configure_account('acme', overdraft_limit => 500)",
        "credits_set_budget('acme', 1000)",
        "credits_hold('acme', 6, 'captured', feature => 'search', actor => 'ann', resource => 'doc', metadata => '{\"a\": 1}')",
        "credits_capture('acme', 'captured', 'k1', 4, metadata => '{\"b\": 1}')",
        "credits_hold('acme', 5, 'by quantity', feature => 'run', actor => 'bob')",
        "credits_capture('acme', 'by quantity', 'k2', quantity => 12, final => false)",
        "credits_hold('acme', 3, 'released')",
        "credits_release('acme', 'released', 'k3')",
        "credits_hold('acme', 3, 'lapsed', '5 minutes', actor => 'ann')",
        "credits_hold('acme', 4, 'late', '5 minutes')",
        "credits_hold('acme', 2, 'extended', '30 days', feature => 'chat')",
        "credits_extend_hold('acme', 'extended', 'k4', '20 days')",
        "credits_hold('acme', 9, 'redacted', '31 days', actor => 'carl', resource => 'doc-9')",
        "credits_redact('acme', (SELECT entry FROM credits_history WHERE account = 'acme' AND idempotency_key = 'redacted'))",
    ] {
        s.run(&format!("SELECT {call}"));
    }
    s.at("2026-02-12 01:00+00");
    for call in [
        "credits_capture('acme', 'late', 'k5', 5)",
        "credits_hold('acme', 7, 'used up', '31 days')",
        "credits_capture('acme', 'used up', 'k6', final => false)",
        "credits_hold('acme', (SELECT available + 20 FROM credits_balance('acme')), 'all', '31 days', on_insufficient => 'partial')",
        "credits_grant('acme', 50, 'fresh')",
        "credits_debit('acme', 1, 'd6')",
        "credits_hold('acme', 3, 'of the head lot', '31 days')",
    ] {
        s.run(&format!("SELECT {call}"));
    }
    assert_eq!(
        s.list("SELECT hold_key, status FROM credits_holds WHERE account = 'acme' ORDER BY entry"),
        [
            "captured|captured",
            "by quantity|lapsed",
            "released|released",
            "lapsed|lapsed",
            "late|captured",
            "extended|open",
            "redacted|open",
            "used up|open",
            "all|open",
            "of the head lot|open"
        ]
    );
    assert_eq!(s.list("SELECT account, entry, problem FROM credits_verify()"), Vec::<String>::new());
}
