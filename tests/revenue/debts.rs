//! Repaying debt is spending.

use crate::asked::*;

#[test]
fn a_grant_that_repays_debt_is_recognised_at_once() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_debit('a', 15, 'd', on_insufficient => 'allow')").has(&[("debt", "15")]);
    assert_eq!(revenue(&mut s, "01-01", "infinity"), Vec::<String>::new());
    on(&mut s, "01-10");
    call(&mut s, "credits_grant('a', 20, 'g', price => 40, currency => 'USD')").has(&[("debt", "0"), ("credits", "5")]);
    assert_eq!(money(&mut s, "01-10", "infinity"), "USD purchase 0 40 30 0 0 10");
    call(&mut s, "credits_debit('a', 25, 'd2', on_insufficient => 'allow')").has(&[("debt", "20")]);
    call(&mut s, "credits_grant('a', 8, 'g2', price => 1, currency => 'USD')").has(&[("debt", "12")]);
    assert_eq!(money(&mut s, "01-10", "infinity"), "USD purchase 0 41 41 0 0 0");
}

#[test]
fn where_the_policy_lets_no_lot_pay_nothing_is_recognised() {
    for policy in ["forgive_at_reset", "invoice_at_reset"] {
        let mut s = ledger();
        call(&mut s, &format!("credits_open_account('a', cycle_length => '7 days', debt_policy => '{policy}')"));
        call(&mut s, "credits_debit('a', 15, 'd', on_insufficient => 'allow')");
        call(&mut s, "credits_grant('a', 20, 'g', price => 40, currency => 'USD')")
            .has(&[("debt", "15"), ("credits", "20")]);
        on(&mut s, "02-01");
        assert_eq!(money(&mut s, "01-01", "infinity"), "USD purchase 0 40 0 0 0 40", "{policy}");
    }
}

#[test]
fn switching_to_repay_pays() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '0', debt_policy => 'forgive_at_reset')");
    call(&mut s, "credits_debit('a', 15, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_grant('a', 20, 'g', price => 40, currency => 'USD')");
    on(&mut s, "01-05");
    call(&mut s, "credits_configure_account('a', debt_policy => 'repay')").has(&[("debt", "0"), ("credits", "5")]);
    assert_eq!(money(&mut s, "01-01", "01-05"), "USD purchase 0 40 0 0 0 40");
    assert_eq!(money(&mut s, "01-05", "infinity"), "USD purchase 40 0 30 0 0 10");
}

/// Whether a hold is released or lapses: what comes back pays.
#[test]
fn what_a_hold_gives_back_pays_debt() {
    for released in [true, false] {
        let mut s = ledger();
        call(&mut s, "credits_grant('a', 20, 'g', price => 40, currency => 'USD')");
        call(&mut s, "credits_hold('a', 20, 'h', '9 days')");
        call(&mut s, "credits_debit('a', 15, 'd', on_insufficient => 'allow')").has(&[("debt", "15")]);
        on(&mut s, "01-09");
        if released {
            call(&mut s, "credits_release('a', 'h', 'r')").has(&[("debt", "0"), ("credits", "5")]);
        }
        on(&mut s, "01-20");
        let (end, after) = if released { ("01-09", "01-10") } else { ("01-10", "01-11") };
        assert_eq!(money(&mut s, "01-01", end), "USD purchase 0 40 0 0 0 40");
        assert_eq!(money(&mut s, end, after), "USD purchase 40 0 30 0 0 10");
    }
}

/// Without anybody calling: the lot begins on 20 January and pays.
#[test]
fn a_scheduled_grant_pays_when_it_begins() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_grant('a', 20, 'g', effective_at => '2026-01-20', price => 40, currency => 'USD')");
    call(&mut s, "credits_debit('a', 15, 'd', on_insufficient => 'allow')");
    on(&mut s, "01-31");
    assert_eq!(money(&mut s, "01-01", "01-20"), "USD purchase 0 40 0 0 0 40");
    assert_eq!(money(&mut s, "01-20", "01-31"), "USD purchase 40 0 30 0 0 10");
}

/// A lot for one feature pays no debt.
#[test]
fn a_restricted_lot_waits() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_debit('a', 15, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_grant('a', 20, 'g', features => '{chat}', price => 40, currency => 'USD')")
        .has(&[("debt", "15")]);
    assert_eq!(money(&mut s, "01-01", "infinity"), "USD purchase 0 40 0 0 0 40");
    call(&mut s, "credits_debit('a', 5, 'd2', 'chat')");
    assert_eq!(money(&mut s, "01-01", "infinity"), "USD purchase 0 40 10 0 0 30");
}
