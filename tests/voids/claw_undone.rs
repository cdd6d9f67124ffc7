//! Refunds of the debit that had spent a grant that was clawed back.

use crate::asked::*;
use crate::books::settled;
use crate::claw_back::spent_with_others;
use crate::claw_debt::owing_a_claw_back;
use crate::remainder::void;

#[test]
fn what_is_left_of_the_claw_backs_debt_is_cancelled() {
    for policy in ["repay", "forgive_at_reset", "invoice_at_reset"] {
        let mut s = owing_a_claw_back(policy);
        call(&mut s, "credits_refund('a', 'd', 'r1', 12)").has(&[
            ("amount", "12"),
            ("from_credits", "0"),
            ("overdraft", "-12"),
            ("balance", "-18"),
            ("debt", "18"),
        ]);
        // The rest of it, and 8 of the allowance.
        call(&mut s, "credits_refund('a', 'd', 'r2', 26)").has(&[
            ("from_allowance", "8"),
            ("from_credits", "0"),
            ("overdraft", "-18"),
            ("debt", "0"),
        ]);
        call(&mut s, "credits_refund('a', 'd', 'r3')").has(&[("amount", "92"), ("from_allowance", "92")]);
        assert_eq!(balance(&mut s), "100 100 0 0 0 100", "{policy}");
        assert_eq!(lots(&mut s), ["1 100+0 active", "2 0+0 voided"], "{policy}");
        refused(&mut s, "LC007", "credits_void_grant('a', 'g', 'v2', claw_back => true)");
        settled(&mut s);
    }
}

#[test]
fn the_rest_goes_back_to_the_lots_from_which_it_was_taken_the_last_first() {
    let mut s = spent_with_others("");
    void(&mut s, "'g', 'v', claw_back => true"); // 10 of the promo, 40 of what was bought
    call(&mut s, "credits_refund('a', 'd', 'r1', 15)").has(&[
        ("from_credits", "15"),
        ("overdraft", "0"),
        ("refers_to", "3"),
    ]);
    assert_eq!(moved(&mut s), ["4 15"]);
    call(&mut s, "credits_refund('a', 'd', 'r2', 30)").has(&[("from_credits", "30")]);
    assert_eq!(moved(&mut s), ["2 5", "4 25"]);
    call(&mut s, "credits_refund('a', 'd', 'r3')").has(&[("from_credits", "5"), ("balance", "95")]);
    assert_eq!(lots(&mut s), ["1 0+0 voided", "2 10+0 active", "3 5+0 active", "4 80+0 active"]);
    settled(&mut s);
}

#[test]
fn debt_first_then_the_lots() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 50, 'd')");
    call(&mut s, "credits_grant('a', 30, 'g2')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[("from_credits", "30"), ("overdraft", "20")]);
    call(&mut s, "credits_refund('a', 'd', 'r1', 25)").has(&[
        ("overdraft", "-20"),
        ("from_credits", "5"),
        ("balance", "5"),
    ]);
    call(&mut s, "credits_refund('a', 'd', 'r2')").has(&[("amount", "25"), ("from_credits", "25"), ("balance", "30")]);
    assert_eq!(lots(&mut s), ["1 0+0 voided", "2 30+0 active"]);
    settled(&mut s);
}

#[test]
fn debt_of_a_claw_back_that_was_repaid_comes_back_as_repaid_debt() {
    let mut s = owing_a_claw_back("repay");
    call(&mut s, "credits_grant('a', 40, 'g2', expires_at => '2026-03-15 00:00+00')").has(&[("overdraft", "-30")]);
    call(&mut s, "credits_refund('a', 'd', 'r', 33)").has(&[
        ("from_credits", "30"),
        ("from_allowance", "3"),
        ("overdraft", "0"),
        ("balance", "43"),
    ]);
    let made = s.list("SELECT lot, kind, trim_scale(remaining), expires_at FROM credits_grants WHERE kind = 'refund'");
    assert_eq!(made, ["4|refund|30|2026-03-15 00:00:00+00"]);
    settled(&mut s);
}

#[test]
fn debt_of_a_claw_back_that_the_allowance_paid_at_once_comes_back_until_the_cycles_end() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 150, 'd')");
    s.at("2026-03-01 00:00+00");
    void(&mut s, "'g', 'v', claw_back => true").has(&[("from_allowance", "50"), ("overdraft", "0")]);
    call(&mut s, "credits_refund('a', 'd', 'r', 50)").has(&[
        ("from_credits", "50"),
        ("overdraft", "0"),
        ("balance", "100"),
    ]);
    let made = s.list("SELECT trim_scale(remaining), expires_at FROM credits_grants WHERE kind = 'refund'");
    assert_eq!(made, ["50|2026-03-31 12:00:00+00"]);
    settled(&mut s);
}

#[test]
fn debt_of_a_claw_back_that_outlived_a_reset_is_cancelled() {
    for policy in ["forgive_at_reset", "invoice_at_reset"] {
        let mut s = owing_a_claw_back(policy);
        s.at("2026-04-01 00:00+00");
        call(&mut s, "credits_refund('a', 'd', 'r', 30)").has(&[
            ("amount", "30"),
            ("overdraft", "-30"),
            ("from_credits", "0"),
            ("balance", "100"),
            ("debt", "0"),
        ]);
        settled(&mut s);
    }
}

#[test]
fn a_source_that_has_expired_forfeits_or_restores() {
    for (how, stands, last) in
        [("forfeit", "30 0 30 0 0 30", "expire -20 30"), ("restore", "50 0 50 0 0 50", "refund 50 50")]
    {
        let mut s = with_allowance("0", "");
        call(&mut s, "credits_grant('a', 50, 'g')");
        call(&mut s, "credits_debit('a', 50, 'd')");
        call(&mut s, "credits_grant('a', 20, 'promo', 'promo', '2026-02-10 00:00+00')");
        call(&mut s, "credits_grant('a', 30, 'buy')");
        void(&mut s, "'g', 'v', claw_back => true").has(&[("from_credits", "50"), ("balance", "0")]);
        s.at("2026-02-12 00:00+00");
        let before = newest(&mut s);
        call(&mut s, &format!("credits_refund('a', 'd', 'r', if_expired => '{how}')"))
            .has(&[("from_credits", "50"), ("balance", "50")]);
        assert_eq!(entries_after(&mut s, &before).last().map(String::as_str), Some(last));
        assert_eq!(balance(&mut s), stands, "{how}");
        settled(&mut s);
    }
}

#[test]
fn a_source_that_was_voided_takes_nothing_back() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 50, 'd')");
    call(&mut s, "credits_grant('a', 20, 'promo', 'promo')");
    call(&mut s, "credits_grant('a', 40, 'buy')");
    void(&mut s, "'g', 'v1', claw_back => true").has(&[("from_credits", "50"), ("balance", "10")]);
    void(&mut s, "'buy', 'v2'").has(&[("amount", "10"), ("balance", "0")]);
    let before = newest(&mut s);
    call(&mut s, "credits_refund('a', 'd', 'r', 35)").has(&[("from_credits", "35"), ("balance", "35")]);
    assert_eq!(entries_after(&mut s, &before), ["refund 35 35", "void -30 5"]);
    assert_eq!(lots(&mut s), ["1 0+0 voided", "2 5+0 active", "3 0+0 voided"]);
    settled(&mut s);
}

#[test]
fn a_source_that_was_clawed_back_passes_it_on() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g1')");
    call(&mut s, "credits_debit('a', 50, 'd')");
    call(&mut s, "credits_grant('a', 60, 'g2')");
    void(&mut s, "'g1', 'v1', claw_back => true").has(&[("balance", "10")]);
    void(&mut s, "'g2', 'v2', claw_back => true").has(&[("overdraft", "50"), ("balance", "-50")]);
    // It would go back to g2, of which that was clawed back: so it cancels that claw-back's debt.
    call(&mut s, "credits_refund('a', 'd', 'r')").has(&[("overdraft", "-50"), ("from_credits", "0"), ("balance", "0")]);
    settled(&mut s);
}

#[test]
fn what_goes_back_to_a_source_pays_debt_first() {
    let mut s = spent_with_others("");
    void(&mut s, "'g', 'v', claw_back => true");
    call(&mut s, "credits_debit('a', 52, 'd2', on_insufficient => 'allow')").has(&[("overdraft", "12")]);
    call(&mut s, "credits_refund('a', 'd', 'r', 20)").has(&[
        ("amount", "20"),
        ("from_credits", "8"),
        ("overdraft", "-12"),
        ("debt", "0"),
        ("balance", "13"),
    ]);
    settled(&mut s);
}

#[test]
fn a_refund_of_a_debit_whose_debt_the_grant_had_repaid_undoes_the_claw_back() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_grant('a', 50, 'g')").has(&[("overdraft", "-30")]);
    void(&mut s, "'g', 'v', claw_back => true").has(&[("overdraft", "30"), ("balance", "-30")]);
    call(&mut s, "credits_refund('a', 'd', 'r', 30)").has(&[
        ("overdraft", "-30"),
        ("from_credits", "0"),
        ("balance", "0"),
    ]);
    call(&mut s, "credits_refund('a', 'd', 'r2')").has(&[("amount", "100"), ("from_allowance", "100")]);
    assert_eq!(balance(&mut s), "100 100 0 0 0 100");
    settled(&mut s);
}

#[test]
fn a_claw_back_by_amount_is_undone_before_the_lot_takes_back() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 50, 'd')");
    call(&mut s, "credits_grant('a', 12, 'g2')");
    void(&mut s, "'g', 'v', 30, true").has(&[("from_credits", "12"), ("overdraft", "18")]);
    call(&mut s, "credits_refund('a', 'd', 'r1', 25)").has(&[
        ("overdraft", "-18"),
        ("from_credits", "7"),
        ("balance", "7"),
    ]);
    assert_eq!(moved(&mut s), ["2 7"]);
    call(&mut s, "credits_refund('a', 'd', 'r2')").has(&[("from_credits", "25"), ("balance", "32")]);
    // 5 that were clawed back, and 20 that were not: these live on in the grant.
    assert_eq!(moved(&mut s), ["1 20", "2 5"]);
    assert_eq!(lots(&mut s), ["1 20+0 active", "2 12+0 active"]);
    settled(&mut s);
}

#[test]
fn debits_share_what_was_clawed_back() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g')");
    call(&mut s, "credits_debit('a', 20, 'd1')");
    call(&mut s, "credits_debit('a', 25, 'd2')");
    void(&mut s, "'g', 'v', claw_back => true").has(&[("amount", "50"), ("from_credits", "5"), ("overdraft", "45")]);
    call(&mut s, "credits_refund('a', 'd2', 'r1')").has(&[("overdraft", "-25"), ("balance", "-20")]);
    call(&mut s, "credits_grant('a', 20, 'g2')").has(&[("overdraft", "-20"), ("balance", "0")]);
    call(&mut s, "credits_refund('a', 'd1', 'r2')").has(&[
        ("from_credits", "20"),
        ("overdraft", "0"),
        ("balance", "20"),
    ]);
    assert_eq!(lots(&mut s), ["1 0+0 voided", "2 0+0 spent", "3 20+0 active"]);
    settled(&mut s);
}
