//! Debt and what returns from holds.

use crate::asked::*;

/// 60 of 100 are held, the rest spent, and 30 owed.
fn owing(policy: &str) -> credits_ledger_tests::Session {
    let mut s = with_allowance("100", &format!(", debt_policy => '{policy}'"));
    call(&mut s, "credits_hold('a', 60, 'h')");
    call(&mut s, "credits_debit('a', 70, 'd', on_insufficient => 'allow')").has(&[
        ("from_allowance", "40"),
        ("overdraft", "30"),
        ("debt", "30"),
        ("held", "60"),
        ("balance", "30"),
    ]);
    s
}

#[test]
fn a_release_pays_debt_first() {
    let mut s = owing("repay");
    call(&mut s, "credits_release('a', 'h', 'r')").has(&[
        ("amount", "60"),
        ("from_allowance", "30"),
        ("overdraft", "-30"),
        ("balance", "30"),
        ("allowance", "30"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "30"),
    ]);
    s.row("SELECT * FROM credits_history WHERE operation = 'release'").has(&[
        ("amount", "0"),
        ("from_allowance", "30"),
        ("overdraft", "-30"),
    ]);
    sound(&mut s);
}

#[test]
fn a_lapse_pays_debt_first() {
    let mut s = owing("repay");
    s.at("2026-01-31 12:15+00");
    assert_eq!(balance(&mut s), "30 30 0 0 0 30");
    the_same_once_recorded(&mut s);
    s.row("SELECT * FROM credits_history WHERE operation = 'lapse'").has(&[
        ("amount", "0"),
        ("from_allowance", "30"),
        ("overdraft", "-30"),
        ("balance", "30"),
    ]);
}

#[test]
fn what_a_capture_gives_back_pays_debt_first() {
    let mut s = owing("repay");
    // 20 are captured; of the 40 that come back 30 pay what is owed.
    call(&mut s, "credits_capture('a', 'h', 'c', 20)").has(&[
        ("amount", "20"),
        ("from_allowance", "50"),
        ("overdraft", "-30"),
        ("balance", "10"),
        ("allowance", "10"),
        ("held", "0"),
        ("debt", "0"),
    ]);
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "90");
    sound(&mut s);
    let mut s = owing("repay");
    call(&mut s, "credits_capture('a', 'h', 'c', 20, final => false)").has(&[("held", "40"), ("debt", "30")]);
    call(&mut s, "credits_capture('a', 'h', 'c2', 30)").has(&[("debt", "20"), ("allowance", "0"), ("balance", "-20")]);
    sound(&mut s);
}

#[test]
fn the_part_that_was_taken_last_returns_first_and_pays() {
    for settle in ["credits_release('a', 'h', 'r')", "credits_capture('a', 'h', 'c', 0)", ""] {
        let mut s = session();
        call(&mut s, "credits_grant('a', 10, 'promo', 'promo')");
        call(&mut s, "credits_grant('a', 10, 'buy')");
        call(&mut s, "credits_hold('a', 20, 'h')");
        call(&mut s, "credits_debit('a', 13, 'd', on_insufficient => 'allow')").has(&[("debt", "13")]);
        if settle.is_empty() {
            s.at("2026-01-31 12:15+00");
        } else {
            call(&mut s, settle);
        }
        assert_eq!(lots(&mut s), ["1 7+0 active", "2 0+0 spent"], "{settle}");
        assert_eq!(balance(&mut s), "7 0 7 0 0 7", "{settle}");
        the_same_once_recorded(&mut s);
    }
}

#[test]
fn only_the_policy_repay_lets_what_returns_pay() {
    for policy in ["forgive_at_reset", "invoice_at_reset"] {
        let mut s = owing(policy);
        call(&mut s, "credits_release('a', 'h', 'r')").has(&[
            ("amount", "60"),
            ("from_allowance", "60"),
            ("overdraft", "0"),
            ("balance", "30"),
            ("allowance", "60"),
            ("debt", "30"),
        ]);
        sound(&mut s);
        let mut s = owing(policy);
        s.at("2026-01-31 12:15+00");
        assert_eq!(balance(&mut s), "30 60 0 0 30 60");
        the_same_once_recorded(&mut s);
        let mut s = owing(policy);
        call(&mut s, "credits_capture('a', 'h', 'c', 20)").has(&[
            ("from_allowance", "20"),
            ("overdraft", "0"),
            ("allowance", "40"),
            ("debt", "30"),
        ]);
        sound(&mut s);
    }
}

#[test]
fn what_returns_to_a_restricted_lot_pays_nothing() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 60, 'g', 'promo', features => '{chat}')");
    call(&mut s, "credits_hold('a', 50, 'h', feature => 'chat')");
    call(&mut s, "credits_debit('a', 30, 'd', on_insufficient => 'allow')").has(&[("overdraft", "30")]);
    call(&mut s, "credits_release('a', 'h', 'r')").has(&[("from_credits", "50"), ("overdraft", "0"), ("debt", "30")]);
    assert_eq!(balance(&mut s), "30 0 60 0 30 0");
    sound(&mut s);
}

#[test]
fn a_cycle_that_closes_while_credits_are_held_deals_with_the_debt() {
    for (policy, held_and_owed) in [
        // The new allowance of 100 pays the 30.
        ("repay", "130 70 0 60 0 70"),
        ("forgive_at_reset", "160 100 0 60 0 100"),
        ("invoice_at_reset", "160 100 0 60 0 100"),
    ] {
        let mut s = owing(policy);
        call(&mut s, "credits_extend_hold('a', 'h', 'e', '31 days')");
        s.at("2026-02-28 12:00+00");
        assert_eq!(balance(&mut s), held_and_owed, "{policy}");
        the_same_once_recorded(&mut s);
        call(&mut s, "credits_capture('a', 'h', 'c')").has(&[
            ("amount", "60"),
            ("from_allowance", "60"),
            ("held", "0"),
        ]);
        sound(&mut s);
    }
}

#[test]
fn what_returns_to_a_lot_that_has_expired_pays_as_the_return_that_it_is() {
    let mut s = with_allowance("100", "");
    s.at("2026-02-28 11:30+00");
    call(&mut s, "credits_hold('a', 60, 'h', '1 hour')");
    s.at("2026-02-28 12:10+00");
    call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')").has(&[("debt", "30"), ("held", "60")]);
    call(&mut s, "credits_release('a', 'h', 'r')").has(&[
        ("amount", "60"),
        ("from_allowance", "30"),
        ("overdraft", "-30"),
        ("debt", "0"),
        ("balance", "30"),
    ]);
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    sound(&mut s);
}

#[test]
fn switching_to_repay_pays_with_what_is_not_held() {
    let mut s = owing("forgive_at_reset");
    call(&mut s, "credits_capture('a', 'h', 'c', 10, final => false)");
    call(&mut s, "credits_grant('a', 12, 'g')").has(&[("debt", "30"), ("credits", "12")]);
    call(&mut s, "credits_configure_account('a', debt_policy => 'repay')").has(&[
        ("debt", "18"),
        ("credits", "0"),
        ("held", "50"),
    ]);
    call(&mut s, "credits_release('a', 'h', 'r')").has(&[
        ("amount", "50"),
        ("from_allowance", "32"),
        ("overdraft", "-18"),
    ]);
    sound(&mut s);
}
