//! Refunds on frozen and closed accounts.

use crate::asked::*;
use crate::books::settled;
use crate::debt::refund_lots;
use crate::lots::{debit_over_three_lots, refund};

#[test]
fn a_frozen_account_takes_refunds() {
    let mut s = debit_over_three_lots();
    call(&mut s, "credits_freeze_account('a', 'unpaid')");
    refund(&mut s, "'d', 'r1', 20").has(&[("amount", "20"), ("from_credits", "20"), ("balance", "90")]);
    s.at("2026-02-12 00:00+00");
    refund(&mut s, "'d', 'r2', 30, if_expired => 'restore'").has(&[("from_credits", "10"), ("from_allowance", "20")]);
    assert_eq!(refund_lots(&mut s), ["10 02-28 12:00"]);
    refused(&mut s, "LC011", "credits_debit('a', 1, 'd2')");
    call(&mut s, "credits_unfreeze_account('a')");
    call(&mut s, "credits_debit('a', 20, 'd2')").has(&[("from_allowance", "20")]);
    settled(&mut s);
}

#[test]
fn a_refund_of_a_switched_off_feature_works() {
    let mut s = debit_over_three_lots();
    call(&mut s, "credits_set_feature('a', 'chat', false)");
    refund(&mut s, "'d', 'r'").has(&[("amount", "130"), ("balance", "200")]);
    settled(&mut s);
}

#[test]
fn what_comes_back_on_a_closed_account_expires_at_once() {
    for how in ["forfeit", "restore"] {
        let mut s = debit_over_three_lots();
        call(&mut s, "credits_close_account('a', 'gone')").has(&[("status", "closed"), ("balance", "0")]);
        let before = newest(&mut s);
        refund(&mut s, &format!("'d', 'r1', 45, if_expired => '{how}'")).has(&[
            ("amount", "45"),
            ("overdraft", "0"),
            ("balance", "45"),
            ("refers_to", "6"),
        ]);
        let entries = entries_after(&mut s, &before);
        assert_eq!(entries[0], "refund 45 45", "{how}");
        assert!(entries.len() > 1 && entries[1..].iter().all(|entry| entry.starts_with("expire -")), "{entries:?}");
        assert_eq!(balance(&mut s), "0 0 0 0 0 0", "{how}");
        refund(&mut s, &format!("'d', 'r2', if_expired => '{how}'")).has(&[("amount", "85"), ("balance", "85")]);
        assert_eq!(balance(&mut s), "0 0 0 0 0 0", "{how}");
        refused(&mut s, "LC007", "credits_refund('a', 'd', 'r3')");
        s.at("2026-06-01 00:00+00");
        settled(&mut s);
        s.row("SELECT * FROM credits_balance('a')").has(&[("status", "closed"), ("balance", "0")]);
    }
}

#[test]
fn what_is_owed_on_a_closed_account_is_cancelled_and_paid_first() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 40, 'd1')");
    call(&mut s, "credits_debit('a', 90, 'd2', on_insufficient => 'allow')").has(&[("overdraft", "30")]);
    call(&mut s, "credits_close_account('a', 'gone')").has(&[("balance", "-30"), ("debt", "30")]);
    refund(&mut s, "'d2', 'r1', 8").has(&[("overdraft", "-8"), ("balance", "-22"), ("debt", "22")]);
    // Of the 40, 22 pay what is owed, and 18 expire.
    let before = newest(&mut s);
    refund(&mut s, "'d1', 'r2'").has(&[
        ("amount", "40"),
        ("from_allowance", "18"),
        ("overdraft", "-22"),
        ("balance", "18"),
        ("debt", "0"),
    ]);
    assert_eq!(entries_after(&mut s, &before), ["refund 40 18", "expire -18 0"]);
    // What d2 had owed was repaid: that, too, comes back and expires.
    refund(&mut s, "'d2', 'r3', if_expired => 'restore'").has(&[("amount", "82"), ("balance", "82")]);
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    settled(&mut s);
}

#[test]
fn debt_that_the_closing_forgave_or_invoiced_has_that_fate() {
    for (policy, back) in [("forgive_at_reset", "0"), ("invoice_at_reset", "30")] {
        let mut s = with_allowance("100", &format!(", debt_policy => '{policy}'"));
        call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')");
        call(&mut s, "credits_close_account('a', 'gone')").has(&[("balance", "0"), ("debt", "0")]);
        refund(&mut s, "'d', 'r', 30").has(&[("amount", "30"), ("from_credits", back), ("overdraft", "0")]);
        assert_eq!(balance(&mut s), "0 0 0 0 0 0", "{policy}");
        settled(&mut s);
    }
}
