//! Refunds of what had been taken from a voided grant.

use crate::asked::*;
use crate::books::settled;
use crate::remainder::{twenty_of_fifty_spent, void};

#[test]
fn nothing_returns_to_a_voided_lot() {
    let mut s = twenty_of_fifty_spent("");
    void(&mut s, "'g', 'v'");
    let before = newest(&mut s);
    // 20 to the grant, 10 to the promo, 5 to the allowance.
    call(&mut s, "credits_refund('a', 'd', 'r1', 35)").has(&[
        ("amount", "35"),
        ("from_credits", "30"),
        ("from_allowance", "5"),
        ("balance", "35"),
    ]);
    assert_eq!(entries_after(&mut s, &before), ["refund 35 35", "void -20 15"]);
    s.row(&format!("SELECT * FROM credits_history WHERE entry = {before} + 2")).has(&[
        ("operation", "void"),
        ("from_credits", "20"),
        ("idempotency_key", "NULL"),
        ("balance", "15"),
    ]);
    assert_eq!(lots(&mut s), ["1 5+0 active", "2 0+0 voided", "3 10+0 active"]);
    call(&mut s, "credits_refund('a', 'd', 'r2')").has(&[("amount", "95"), ("balance", "110")]);
    assert_eq!(balance(&mut s), "110 100 10 0 0 110");
    // Nor is it there to be voided once more.
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v2')");
    settled(&mut s);
}

#[test]
fn what_is_void_is_not_restored() {
    for how in ["forfeit", "restore"] {
        let mut s = session();
        call(&mut s, "credits_grant('a', 50, 'g', expires_at => '2026-02-10 00:00+00')");
        call(&mut s, "credits_debit('a', 20, 'd')");
        void(&mut s, "'g', 'v'").has(&[("amount", "30")]);
        s.at("2026-02-12 00:00+00");
        let before = newest(&mut s);
        call(&mut s, &format!("credits_refund('a', 'd', 'r', if_expired => '{how}')")).has(&[("amount", "20")]);
        assert_eq!(entries_after(&mut s, &before), ["refund 20 20", "void -20 0"], "{how}");
        assert_eq!(balance(&mut s), "0 0 0 0 0 0", "{how}");
        assert_eq!(lots(&mut s), ["1 0+0 voided"], "{how}");
        settled(&mut s);
    }
}

#[test]
fn what_is_void_pays_no_debt() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 20, 'd')");
    void(&mut s, "'g', 'v'");
    call(&mut s, "credits_debit('a', 7, 'd2', on_insufficient => 'allow')").has(&[("debt", "7")]);
    let before = newest(&mut s);
    call(&mut s, "credits_refund('a', 'd', 'r')").has(&[("from_credits", "20"), ("overdraft", "0"), ("debt", "7")]);
    assert_eq!(entries_after(&mut s, &before), ["refund 20 13", "void -20 -7"]);
    settled(&mut s);
}

#[test]
fn a_lot_that_was_voided_by_amount_lives_again() {
    let mut s = twenty_of_fifty_spent("");
    void(&mut s, "'g', 'v1', 30").has(&[("amount", "30")]);
    assert_eq!(lots(&mut s)[1], "2 0+0 voided");
    let before = newest(&mut s);
    call(&mut s, "credits_refund('a', 'd', 'r1', 15)").has(&[("from_credits", "15"), ("available", "15")]);
    assert_eq!(entries_after(&mut s, &before), ["refund 15 15"]);
    assert_eq!(lots(&mut s)[1], "2 15+0 active");
    call(&mut s, "credits_debit('a', 5, 'd2')").has(&[("balance", "10")]);
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 10.000001)");
    void(&mut s, "'g', 'v2'").has(&[("amount", "10"), ("balance", "0")]);
    // Now it is voided for good.
    call(&mut s, "credits_refund('a', 'd2', 'r2')").has(&[("amount", "5"), ("balance", "5")]);
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    settled(&mut s);
}

#[test]
fn a_grant_that_was_spent_when_nothing_was_left_to_void_takes_refunds() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 10, 'g')");
    call(&mut s, "credits_debit('a', 10, 'd')");
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v')");
    call(&mut s, "credits_refund('a', 'd', 'r', 6)").has(&[("from_credits", "6"), ("balance", "6")]);
    void(&mut s, "'g', 'v'").has(&[("amount", "6"), ("balance", "0")]);
    call(&mut s, "credits_refund('a', 'd', 'r2')").has(&[("amount", "4"), ("balance", "4")]);
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    settled(&mut s);
}

#[test]
fn debt_that_a_voided_grant_repaid_does_not_come_back() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_grant('a', 50, 'g')").has(&[("overdraft", "-30")]);
    void(&mut s, "'g', 'v'").has(&[("amount", "20"), ("balance", "0")]);
    call(&mut s, "credits_refund('a', 'd', 'r1', 30)").has(&[("amount", "30"), ("overdraft", "0")]);
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    call(&mut s, "credits_refund('a', 'd', 'r2')").has(&[("amount", "100"), ("from_allowance", "100")]);
    assert_eq!(balance(&mut s), "100 100 0 0 0 100");
    settled(&mut s);
}
