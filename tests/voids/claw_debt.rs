//! What a claw-back finds no credits for is owed, and no reset forgives or invoices it.

use crate::asked::*;
use crate::books::settled;
use crate::remainder::void;
use credits_ledger_tests::Session;

const CLOSED: &str = "SELECT trim_scale(debt_forgiven), trim_scale(debt_invoiced) FROM credits_cycles
     WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle";

/// An account with an allowance of 100 in its first cycle, which owes 30 for a claw-back: `d` had spent the allowance and 30
/// of the grant `g` of 50.
pub fn owing_a_claw_back(policy: &str) -> Session {
    let mut s = with_allowance("100", &format!(", debt_policy => '{policy}'"));
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 130, 'd')").has(&[("entry", "4"), ("from_credits", "30")]);
    void(&mut s, "'g', 'v', claw_back => true").has(&[
        ("amount", "50"),
        ("from_credits", "20"),
        ("overdraft", "30"),
        ("balance", "-30"),
        ("debt", "30"),
    ]);
    s
}

#[test]
fn under_repay_the_next_allowance_pays_it() {
    let mut s = owing_a_claw_back("repay");
    s.at("2026-03-01 00:00+00");
    assert_eq!(balance(&mut s), "70 70 0 0 0 70");
    settled(&mut s);
    assert_eq!(s.list(CLOSED), ["0|0"]);
}

#[test]
fn under_repay_a_grant_pays_it() {
    let mut s = owing_a_claw_back("repay");
    call(&mut s, "credits_grant('a', 12, 'g2')").has(&[("overdraft", "-12"), ("debt", "18")]);
    call(&mut s, "credits_grant('a', 20, 'g3', 'promo', features => '{chat}')").has(&[("debt", "18")]);
    call(&mut s, "credits_grant('a', 20, 'g4')").has(&[("overdraft", "-18"), ("credits", "22")]);
    settled(&mut s);
}

#[test]
fn no_reset_forgives_or_invoices_it() {
    for policy in ["forgive_at_reset", "invoice_at_reset"] {
        let mut s = owing_a_claw_back(policy);
        s.at("2026-03-01 00:00+00");
        assert_eq!(balance(&mut s), "70 100 0 0 30 100", "{policy}");
        s.at("2026-05-05 00:00+00");
        assert_eq!(balance(&mut s), "70 100 0 0 30 100", "{policy}");
        settled(&mut s);
        assert_eq!(s.list(CLOSED), ["0|0", "0|0", "0|0"], "{policy}");
        // Grants do not pay it, as they pay no debt here; …
        call(&mut s, "credits_grant('a', 10, 'g2')").has(&[("overdraft", "0"), ("debt", "30"), ("credits", "10")]);
        settled(&mut s);
        // … a switch of the policy lets them, the allowance first.
        call(&mut s, "credits_configure_account('a', debt_policy => 'repay')").has(&[
            ("debt", "0"),
            ("allowance", "70"),
            ("credits", "10"),
        ]);
        settled(&mut s);
    }
}

#[test]
fn other_debt_beside_it_is_forgiven_or_invoiced_as_ever() {
    for (policy, closed) in [("forgive_at_reset", "12|0"), ("invoice_at_reset", "0|12")] {
        let mut s = owing_a_claw_back(policy);
        call(&mut s, "credits_debit('a', 12, 'd2', on_insufficient => 'allow')").has(&[("debt", "42")]);
        s.at("2026-03-01 00:00+00");
        assert_eq!(balance(&mut s), "70 100 0 0 30 100", "{policy}");
        settled(&mut s);
        assert_eq!(s.list(CLOSED), [closed], "{policy}");
        let back = if policy == "forgive_at_reset" { "0" } else { "12" };
        assert_eq!(s.one("SELECT trim_scale(coalesce(sum(debt_invoiced), 0)) FROM credits_invoice_lines"), back);
    }
}

#[test]
fn under_repay_the_allowance_pays_it_at_once() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 150, 'd')");
    s.at("2026-03-01 00:00+00");
    void(&mut s, "'g', 'v', claw_back => true").has(&[
        ("amount", "50"),
        ("from_allowance", "50"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "50"),
        ("allowance", "50"),
        ("debt", "0"),
    ]);
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation IN ('claw_back', 'void')"), "1");
    settled(&mut s);
}

#[test]
fn under_repay_what_the_allowance_does_not_cover_stays_owed() {
    let mut s = with_allowance("30", "");
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 80, 'd')");
    s.at("2026-03-01 00:00+00");
    call(&mut s, "credits_grant('a', 5, 'g2')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[
        ("amount", "50"),
        ("from_allowance", "30"),
        ("from_credits", "5"),
        ("overdraft", "15"),
        ("balance", "-15"),
    ]);
    s.at("2026-03-31 12:00+00");
    assert_eq!(balance(&mut s), "15 15 0 0 0 15");
    settled(&mut s);
}

#[test]
fn under_the_other_policies_the_allowance_stays_beside_it() {
    for policy in ["forgive_at_reset", "invoice_at_reset"] {
        let mut s = with_allowance("100", &format!(", debt_policy => '{policy}'"));
        call(&mut s, "credits_grant('a', 50, 'g')");
        call(&mut s, "credits_debit('a', 150, 'd')");
        s.at("2026-03-01 00:00+00");
        void(&mut s, "'g', 'v', claw_back => true").has(&[
            ("amount", "50"),
            ("from_allowance", "0"),
            ("overdraft", "50"),
            ("balance", "50"),
            ("allowance", "100"),
            ("debt", "50"),
            ("available", "100"),
        ]);
        call(&mut s, "credits_debit('a', 100, 'd2')").has(&[("from_allowance", "100"), ("balance", "-50")]);
        settled(&mut s);
    }
}

#[test]
fn it_uses_up_the_overdraft_limit() {
    let mut s = with_allowance("100", ", overdraft_limit => 40");
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 150, 'd')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[("overdraft", "50"), ("debt", "50")]);
    refused(&mut s, "LC001", "credits_debit('a', 0.000001, 'd2')");
    call(&mut s, "credits_refund('a', 'd', 'r', 30)").has(&[("overdraft", "-30"), ("debt", "20")]);
    call(&mut s, "credits_debit('a', 20, 'd2')").has(&[("overdraft", "20"), ("debt", "40")]);
    refused(&mut s, "LC001", "credits_debit('a', 0.000001, 'd3')");
    settled(&mut s);
}

#[test]
fn closing_forgives_or_invoices_only_the_other_debt() {
    for (policy, owed) in [("repay", "-42"), ("forgive_at_reset", "-30"), ("invoice_at_reset", "-30")] {
        let mut s = owing_a_claw_back(policy);
        call(&mut s, "credits_debit('a', 12, 'd2', on_insufficient => 'allow')").has(&[("debt", "42")]);
        call(&mut s, "credits_close_account('a', 'fraud')").has(&[("balance", owed), ("status", "closed")]);
        settled(&mut s);
    }
}
