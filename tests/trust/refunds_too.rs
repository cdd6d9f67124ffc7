//! Refunds, voids and claw-backs for `acme`.

use credits_ledger_tests::Session;

/// Refunds a debit that went through the lots into debt, before and after a claw-back of one of the lots; a charge of
/// units; and voids a grant for good.
pub fn add_refunds(s: &mut Session) {
    s.at("2026-02-12 02:00+00");
    for call in [
        "credits_grant('acme', 30, 'card', payment_ref => 'card-1')",
        "credits_grant('acme', 20, 'unwanted', 'promo', expires_in => '90 days')",
        "credits_charge('acme', 'run', 7, 'seven', on_insufficient => 'allow')",
        "credits_refund('acme', 'seven', 'k7', quantity => 3)",
        "credits_void_grant('acme', 'unwanted', 'k8', reason => 'a mistake')",
        "credits_debit('acme', (SELECT available + 12 FROM credits_balance('acme')), 'big', on_insufficient => 'allow')",
        "credits_refund('acme', 'big', 'k9', 5)",
        "credits_void_grant('acme', 'card-1', 'k10', claw_back => true)",
        "credits_refund('acme', 'big', 'k11', 45)",
        "credits_grant('acme', 3, 'some more')",
    ] {
        s.run(&format!("SELECT {call}"));
    }
    assert_eq!(
        s.list(
            "SELECT operation, count(*) FROM credits_history
             WHERE account = 'acme' AND operation IN ('refund', 'void', 'claw_back') GROUP BY 1 ORDER BY 1"
        ),
        ["claw_back|1", "refund|3", "void|1"]
    );
    assert_eq!(s.list("SELECT account, entry, problem FROM credits_verify()"), Vec::<String>::new());
}
