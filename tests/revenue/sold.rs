//! What sells: grants with a price, packs, recharges; and accounts that are closed.

use crate::asked::*;

#[test]
fn packs_at_the_price_that_was_paid() {
    let mut s = ledger();
    s.run("SELECT credits_define_pack('fixed', 50, 20, 'EUR'), credits_define_pack('scaled', 100, 20, 'EUR', minimum_price => 5)");
    call(&mut s, "credits_purchase('a', 'fixed', 'pay 1', 'p1')").has(&[("amount", "50")]);
    call(&mut s, "credits_purchase('a', 'fixed', 'pay 2', 'p2', 15)").has(&[("amount", "50")]);
    call(&mut s, "credits_purchase('a', 'scaled', 'pay 3', 'p3', 7.5)").has(&[("amount", "37.5")]);
    assert_eq!(money(&mut s, "01-01", "infinity"), "EUR purchase 0 42.5 0 0 0 42.5");
    // The first pack, half of the second.
    call(&mut s, "credits_debit('a', 75, 'd')");
    assert_eq!(money(&mut s, "01-01", "infinity"), "EUR purchase 0 42.5 27.5 0 0 15");
    // A replay sells nothing.
    call(&mut s, "credits_purchase('a', 'fixed', 'pay 1', 'p1')").has(&[("replayed", "t")]);
    assert_eq!(money(&mut s, "01-01", "infinity"), "EUR purchase 0 42.5 27.5 0 0 15");
}

/// Two packs at once, which pay the debt that asked for them.
#[test]
fn recharges() {
    let mut s = ledger();
    s.run("SELECT credits_define_pack('refill', 50, 20, 'EUR')");
    call(&mut s, "credits_open_account('a', overdraft_limit => 100)");
    call(&mut s, "credits_debit('a', 60, 'd')");
    call(&mut s, "credits_set_auto_recharge('a', 10, 'refill', max_packs => 2, payment_method => 'card')");
    on(&mut s, "01-02");
    call(&mut s, "credits_claim_recharges()").has(&[("quantity", "2"), ("price", "40")]);
    assert_eq!(revenue(&mut s, "01-01", "infinity"), Vec::<String>::new(), "a request is no sale");
    call(&mut s, "credits_complete_recharge('a', 1, 'pay 1')").has(&[("amount", "100"), ("debt", "0")]);
    assert_eq!(money(&mut s, "01-02", "infinity"), "EUR purchase 0 40 24 0 0 16");
}

/// Allowance, rollover and what is free come first and sell nothing.
#[test]
fn only_lots_with_a_price_count() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', 20)");
    call(&mut s, "credits_grant('a', 5, 'free', 'promo')");
    call(&mut s, "credits_grant('a', 10, 'g', price => 3, currency => 'EUR')");
    call(&mut s, "credits_debit('a', 25, 'd1')");
    assert_eq!(money(&mut s, "01-01", "infinity"), "EUR purchase 0 3 0 0 0 3");
    call(&mut s, "credits_debit('a', 5, 'd2')");
    assert_eq!(money(&mut s, "01-01", "infinity"), "EUR purchase 0 3 1.5 0 0 1.5");
}

#[test]
fn charges_count_as_debits_do() {
    let mut s = ledger();
    s.run("SELECT credits_define_rate('chat', 2, per_units => 10)");
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
    call(&mut s, "credits_charge('a', 'chat', 150, 'c')").has(&[("amount", "30")]);
    on(&mut s, "01-02");
    call(&mut s, "credits_refund('a', 'c', 'r', quantity => 50)").has(&[("amount", "10")]);
    assert_eq!(money(&mut s, "01-01", "01-02"), "EUR purchase 0 10 3 0 0 7");
    assert_eq!(money(&mut s, "01-02", "infinity"), "EUR purchase 7 0 -1 0 0 8");
}

#[test]
fn closing_expires_what_is_left() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR')");
    call(&mut s, "credits_debit('a', 30, 'd')");
    on(&mut s, "02-01");
    call(&mut s, "credits_close_account('a', 'gone')");
    on(&mut s, "03-01");
    assert_eq!(money(&mut s, "02-01", "03-01"), "EUR purchase 7 0 0 7 0 0");
    call(&mut s, "credits_refund('a', 'd', 'r', 10)");
    assert_eq!(money(&mut s, "03-01", "infinity"), "EUR purchase 0 0 -1 1 0 0");
}

/// It pays what is owed; the rest is lost at once.
#[test]
fn money_that_arrives_after_closing() {
    let mut s = ledger();
    s.run("SELECT credits_define_pack('refill', 50, 20, 'EUR')");
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_debit('a', 15, 'd', on_insufficient => 'allow')");
    on(&mut s, "02-01");
    call(&mut s, "credits_close_account('a', 'gone')");
    let debt = s.one("SELECT debt FROM credits_balance('a')");
    assert_eq!(debt, "15");
    on(&mut s, "02-10");
    call(&mut s, "credits_purchase('a', 'refill', 'pay', 'p')");
    assert_eq!(s.one("SELECT balance FROM credits_balance('a')"), "0");
    assert_eq!(money(&mut s, "02-01", "infinity"), "EUR purchase 0 20 6 14 0 0");
    on(&mut s, "02-11");
    call(&mut s, "credits_purchase('a', 'refill', 'pay 2', 'p2')");
    assert_eq!(money(&mut s, "02-11", "infinity"), "EUR purchase 0 20 0 20 0 0");
}

#[test]
fn redacting_changes_nothing() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR', metadata => '{\"a\": 1}')")
        .has(&[("entry", "2")]);
    call(&mut s, "credits_debit('a', 30, 'd', actor => 'ann')").has(&[("entry", "3")]);
    let before = money(&mut s, "-infinity", "infinity");
    s.run("SELECT credits_redact('a', 2), credits_redact('a', 3)");
    assert_eq!(money(&mut s, "-infinity", "infinity"), before);
    assert_eq!(before, "EUR purchase 0 10 3 0 0 7");
}
