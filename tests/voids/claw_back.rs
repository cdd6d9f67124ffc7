//! The spent part of a grant is taken from other credits.

use crate::asked::*;
use crate::books::settled;
use crate::remainder::{twenty_of_fifty_spent, void};
use credits_ledger_tests::Session;

/// A grant `g` of 50 (lot 1) that `d` spent, then 10 of a promo (lot 2), 5 for chat only (lot 3) and 80 that were bought (lot 4).
pub fn spent_with_others(settings: &str) -> Session {
    let mut s = with_allowance("0", settings);
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 50, 'd', 'chat')").has(&[("entry", "3")]);
    call(&mut s, "credits_grant('a', 10, 'promo', 'promo')");
    call(&mut s, "credits_grant('a', 5, 'chat', 'promo', features => '{chat}')");
    call(&mut s, "credits_grant('a', 80, 'buy')").has(&[("balance", "95")]);
    s
}

#[test]
fn the_spent_part_is_taken_from_other_unrestricted_credits_in_burn_order() {
    let mut s = spent_with_others("");
    void(&mut s, "'g', 'v', claw_back => true").has(&[
        ("entry", "7"),
        ("operation", "claw_back"),
        ("idempotency_key", "v"),
        ("amount", "50"),
        ("from_allowance", "0"),
        ("from_credits", "50"),
        ("overdraft", "0"),
        ("balance", "45"),
        ("debt", "0"),
        ("available", "40"),
        ("refers_to", "2"),
    ]);
    assert_eq!(moved(&mut s), ["2 -10", "4 -40"]);
    assert_eq!(lots(&mut s), ["1 0+0 voided", "2 0+0 spent", "3 5+0 active", "4 40+0 active"]);
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v2', claw_back => true)");
    settled(&mut s);
}

#[test]
fn what_remains_goes_first() {
    let mut s = twenty_of_fifty_spent("");
    call(&mut s, "credits_grant('a', 7, 'g2')");
    void(&mut s, "'pay 1', 'v', claw_back => true").has(&[
        ("operation", "claw_back"),
        ("amount", "50"),
        ("from_credits", "37"),
        ("overdraft", "13"),
        ("balance", "-13"),
        ("debt", "13"),
        ("refers_to", "3"),
    ]);
    assert_eq!(moved(&mut s), ["2 -30", "4 -7"]);
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "130");
    settled(&mut s);
}

#[test]
fn where_nothing_was_spent_it_is_a_claw_back_all_the_same() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_grant('a', 5, 'g2')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[
        ("operation", "claw_back"),
        ("amount", "50"),
        ("from_credits", "50"),
        ("overdraft", "0"),
        ("balance", "5"),
    ]);
    settled(&mut s);
}

#[test]
fn an_amount_takes_what_remains_and_then_so_much_of_what_was_spent() {
    let mut s = twenty_of_fifty_spent("");
    call(&mut s, "credits_grant('a', 7, 'g2')");
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 50.000001, true)");
    void(&mut s, "'g', 'v1', 25, true").has(&[("operation", "claw_back"), ("amount", "25"), ("from_credits", "25")]);
    assert_eq!(moved(&mut s), ["2 -25"]);
    void(&mut s, "'g', 'v2', 15, true").has(&[("amount", "15"), ("from_credits", "12"), ("overdraft", "3")]);
    assert_eq!(moved(&mut s), ["2 -5", "4 -7"]);
    // 10 of the 20 that were spent are left to claw back.
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 10.000001, true)");
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v', 1)");
    void(&mut s, "'g', 'v3', claw_back => true").has(&[("amount", "10"), ("from_credits", "0"), ("overdraft", "10")]);
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v', claw_back => true)");
    assert_eq!(balance(&mut s), "-13 0 0 0 13 0");
    settled(&mut s);
}

#[test]
fn after_a_void_the_spent_part_can_still_be_clawed_back() {
    let mut s = twenty_of_fifty_spent("");
    void(&mut s, "'g', 'v1'").has(&[("operation", "void"), ("amount", "30")]);
    call(&mut s, "credits_grant('a', 30, 'g2')");
    void(&mut s, "'g', 'v2', claw_back => true").has(&[
        ("operation", "claw_back"),
        ("amount", "20"),
        ("from_credits", "20"),
        ("balance", "10"),
    ]);
    refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v3', claw_back => true)");
    settled(&mut s);
}

#[test]
fn captures_count_as_spent_and_what_is_held_does_not() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_hold('a', 30, 'h1')");
    call(&mut s, "credits_capture('a', 'h1', 'c', 10)");
    call(&mut s, "credits_hold('a', 15, 'h2')");
    call(&mut s, "credits_debit('a', 5, 'd')");
    call(&mut s, "credits_grant('a', 40, 'g2')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[
        ("amount", "35"),
        ("from_credits", "35"),
        ("overdraft", "0"),
        ("held", "15"),
        ("balance", "40"),
    ]);
    assert_eq!(moved(&mut s), ["1 -20", "2 -15"]);
    let before = newest(&mut s);
    call(&mut s, "credits_release('a', 'h2', 'rel')").has(&[("balance", "40")]);
    assert_eq!(entries_after(&mut s, &before), ["release 0 40", "void -15 25"]);
    settled(&mut s);
}

#[test]
fn what_expired_is_not_clawed_back() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g', expires_at => '2026-02-10 00:00+00')");
    call(&mut s, "credits_debit('a', 20, 'd')");
    call(&mut s, "credits_grant('a', 40, 'g2')");
    s.at("2026-02-12 00:00+00");
    refused(&mut s, "LC015", "credits_void_grant('a', 'g', 'v', 20.000001, true)");
    void(&mut s, "'g', 'v', claw_back => true").has(&[("amount", "20"), ("from_credits", "20"), ("balance", "20")]);
    settled(&mut s);
}

#[test]
fn what_was_refunded_counts_as_not_spent() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 40, 'd')");
    call(&mut s, "credits_refund('a', 'd', 'r', 25)");
    call(&mut s, "credits_grant('a', 60, 'g2')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[("amount", "50"), ("from_credits", "50"), ("balance", "45")]);
    assert_eq!(moved(&mut s), ["1 -35", "2 -15"]);
    settled(&mut s);
}

#[test]
fn what_a_refund_forfeited_is_not_clawed_back() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g', expires_at => '2026-02-10 00:00+00')");
    call(&mut s, "credits_debit('a', 50, 'd')");
    s.at("2026-02-12 00:00+00");
    call(&mut s, "credits_refund('a', 'd', 'r', 15)");
    call(&mut s, "credits_grant('a', 60, 'g2')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[("amount", "35"), ("from_credits", "35"), ("balance", "25")]);
    settled(&mut s);
}

#[test]
fn what_the_grant_repaid_counts_as_spent() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_grant('a', 50, 'g')").has(&[("overdraft", "-30")]);
    void(&mut s, "'g', 'v', claw_back => true").has(&[
        ("amount", "50"),
        ("from_credits", "20"),
        ("overdraft", "30"),
        ("balance", "-30"),
    ]);
    settled(&mut s);
}

#[test]
fn what_an_earlier_claw_back_took_counts_as_spent() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g1')");
    call(&mut s, "credits_debit('a', 50, 'd')");
    call(&mut s, "credits_grant('a', 60, 'g2')");
    void(&mut s, "'g1', 'v1', claw_back => true").has(&[("amount", "50"), ("from_credits", "50"), ("balance", "10")]);
    void(&mut s, "'g2', 'v2', claw_back => true").has(&[
        ("amount", "60"),
        ("from_credits", "10"),
        ("overdraft", "50"),
        ("balance", "-50"),
    ]);
    settled(&mut s);
}

#[test]
fn a_restricted_grant_is_clawed_back_from_unrestricted_credits() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g', 'promo', features => '{chat}')");
    call(&mut s, "credits_grant('a', 20, 'g2', 'promo', features => '{chat}')");
    call(&mut s, "credits_debit('a', 30, 'd', 'chat')");
    call(&mut s, "credits_grant('a', 25, 'g3')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[
        ("amount", "50"),
        ("from_credits", "45"),
        ("overdraft", "5"),
        ("credits", "20"),
        ("debt", "5"),
    ]);
    assert_eq!(moved(&mut s), ["1 -20", "3 -25"]);
    settled(&mut s);
}

#[test]
fn credits_of_later_grants_and_refunds_are_other_credits() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_grant('a', 30, 'g')").has(&[("overdraft", "-30")]);
    // What g repaid is a lot of its own now.
    call(&mut s, "credits_refund('a', 'd', 'r', 30)").has(&[("from_credits", "30")]);
    void(&mut s, "'g', 'v', claw_back => true").has(&[("amount", "30"), ("from_credits", "30"), ("balance", "0")]);
    assert_eq!(moved(&mut s), ["3 -30"]);
    settled(&mut s);
}

#[test]
fn a_closed_account_owes_what_is_clawed_back() {
    let mut s = twenty_of_fifty_spent("");
    call(&mut s, "credits_close_account('a', 'fraud')").has(&[("balance", "0")]);
    void(&mut s, "'g', 'v', claw_back => true").has(&[
        ("operation", "claw_back"),
        ("amount", "20"),
        ("from_credits", "0"),
        ("overdraft", "20"),
        ("balance", "-20"),
    ]);
    // The debit that had spent it cancels that debt; the rest of it expires.
    let before = newest(&mut s);
    call(&mut s, "credits_refund('a', 'd', 'r', 45)").has(&[("overdraft", "-20"), ("balance", "25"), ("debt", "0")]);
    let entries = entries_after(&mut s, &before);
    assert_eq!(entries[0], "refund 45 25");
    assert!(entries.len() > 1 && entries[1..].iter().all(|entry| entry.starts_with("expire -")), "{entries:?}");
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    s.at("2026-06-01 00:00+00");
    settled(&mut s);
}

#[test]
fn a_frozen_account_is_clawed_back_from() {
    let mut s = spent_with_others("");
    call(&mut s, "credits_freeze_account('a', 'charged back')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[("amount", "50"), ("balance", "45")]);
    settled(&mut s);
}

#[test]
fn of_many_lots_as_many_as_it_needs() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 50, 'd')");
    for n in 1..=40 {
        call(&mut s, &format!("credits_grant('a', 2, 'g{n}', 'promo')"));
    }
    void(&mut s, "'g', 'v', claw_back => true").has(&[("amount", "50"), ("from_credits", "50"), ("balance", "30")]);
    let left = "SELECT min(lot) || ' ' || count(*) || ' ' || trim_scale(sum(remaining)) FROM credits_grants WHERE status = 'active'";
    assert_eq!(s.one(left), "27 15 30");
    call(&mut s, "credits_refund('a', 'd', 'r', 7)").has(&[("from_credits", "7"), ("balance", "37")]);
    assert_eq!(s.one(left), "23 19 37");
    settled(&mut s);
}
