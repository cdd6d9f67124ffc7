//! Refunds of what had become debt, while it is owed and after it was repaid.

use crate::asked::*;
use crate::books::settled;
use crate::lots::refund;
use credits_ledger_tests::Session;

pub const POLICIES: [&str; 3] = ["repay", "forgive_at_reset", "invoice_at_reset"];

/// The account `a`, all of whose 100 the debit `d` took, and 30 more that are owed.
pub fn owing_thirty(policy: &str) -> Session {
    let mut s = with_allowance("100", &format!(", debt_policy => '{policy}'"));
    call(&mut s, "credits_debit('a', 130, 'd', 'chat', 'ann', on_insufficient => 'allow')").has(&[
        ("entry", "3"),
        ("from_allowance", "100"),
        ("overdraft", "30"),
        ("balance", "-30"),
    ]);
    s
}

/// `remaining expires_at` of each lot of kind refund.
pub fn refund_lots(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT concat_ws(' ', trim_scale(sum(remaining)), coalesce(to_char(expires_at, 'MM-DD HH24:MI'), 'never'))
         FROM credits_grants WHERE account = 'a' AND kind = 'refund' GROUP BY expires_at ORDER BY expires_at",
    )
}

#[test]
fn what_is_still_owed_is_cancelled_before_anything_comes_back() {
    for policy in POLICIES {
        let mut s = owing_thirty(policy);
        refund(&mut s, "'d', 'r1', 12").has(&[
            ("amount", "12"),
            ("from_allowance", "0"),
            ("from_credits", "0"),
            ("overdraft", "-12"),
            ("balance", "-18"),
            ("debt", "18"),
            ("available", "0"),
        ]);
        s.row("SELECT * FROM credits_history WHERE idempotency_key = 'r1'").has(&[
            ("operation", "refund"),
            ("amount", "12"),
            ("overdraft", "-12"),
            ("balance", "-18"),
        ]);
        assert_eq!(moved(&mut s), Vec::<String>::new());
        refund(&mut s, "'d', 'r2', 28").has(&[
            ("amount", "28"),
            ("from_allowance", "10"),
            ("overdraft", "-18"),
            ("balance", "10"),
            ("debt", "0"),
            ("available", "10"),
        ]);
        assert_eq!(moved(&mut s), ["1 10"]);
        refund(&mut s, "'d', 'r3'").has(&[("amount", "90"), ("from_allowance", "90"), ("overdraft", "0")]);
        assert_eq!(lots(&mut s), ["1 100+0 active"], "{policy}");
        assert_eq!(balance(&mut s), "100 100 0 0 0 100", "{policy}");
        settled(&mut s);
    }
}

#[test]
fn cancelled_debt_makes_room_below_the_overdraft_limit() {
    let mut s = with_allowance("10", ", overdraft_limit => 20");
    call(&mut s, "credits_debit('a', 30, 'd1')").has(&[("overdraft", "20")]);
    refused(&mut s, "LC001", "credits_debit('a', 1, 'd2')");
    refund(&mut s, "'d1', 'r', 5").has(&[("overdraft", "-5"), ("debt", "15"), ("available", "0")]);
    assert_eq!(refused(&mut s, "LC001", "credits_debit('a', 6, 'd2')").figure("shortfall"), "1");
    call(&mut s, "credits_debit('a', 5, 'd2')").has(&[("overdraft", "5"), ("debt", "20")]);
    settled(&mut s);
}

#[test]
fn debt_that_a_grant_repaid_comes_back_as_a_lot_that_expires_like_the_grant() {
    let mut s = owing_thirty("repay");
    call(&mut s, "credits_grant('a', 50, 'g', expires_at => '2026-03-15 00:00+00')").has(&[("overdraft", "-30")]);
    refund(&mut s, "'d', 'r', 40").has(&[
        ("entry", "5"),
        ("amount", "40"),
        ("from_allowance", "10"),
        ("from_credits", "30"),
        ("overdraft", "0"),
        ("balance", "60"),
        ("allowance", "10"),
        ("credits", "50"),
        ("debt", "0"),
        ("refers_to", "3"),
    ]);
    s.row("SELECT * FROM credits_grants WHERE kind = 'refund'").has(&[
        ("lot", "3"),
        ("entry", "5"),
        ("amount", "30"),
        ("remaining", "30"),
        ("held", "0"),
        ("priority", "50"),
        ("features", "NULL"),
        ("effective_at", "2026-01-31 12:00:00+00"),
        ("expires_at", "2026-03-15 00:00:00+00"),
        ("status", "active"),
        ("price", "NULL"),
        ("payment_ref", "NULL"),
    ]);
    assert_eq!(moved(&mut s), ["1 10", "3 30"]);
    // The grant itself is as it was: 20 of it are left.
    assert_eq!(lots(&mut s), ["1 10+0 active", "2 20+0 active", "3 30+0 active"]);
    refund(&mut s, "'d', 'r2'").has(&[("amount", "90"), ("from_allowance", "90"), ("balance", "150")]);
    s.at("2026-03-15 00:00+00");
    assert_eq!(refund_lots(&mut s), ["0 03-15 00:00"]);
    settled(&mut s);
}

#[test]
fn debt_that_a_lasting_grant_repaid_comes_back_as_a_lot_that_lasts() {
    let mut s = owing_thirty("repay");
    call(&mut s, "credits_grant('a', 30, 'g')").has(&[("overdraft", "-30"), ("from_credits", "0")]);
    refund(&mut s, "'d', 'r', 30").has(&[("from_credits", "30"), ("balance", "30")]);
    assert_eq!(refund_lots(&mut s), ["30 never"]);
    s.at("2028-01-01 00:00+00");
    assert_eq!(refund_lots(&mut s), ["30 never"]);
    settled(&mut s);
}

#[test]
fn debt_that_the_next_allowance_repaid_comes_back_until_that_cycles_end() {
    let mut s = with_allowance("100", ", rollover_percent => 100");
    call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')");
    s.at("2026-03-01 00:00+00");
    assert_eq!(balance(&mut s), "70 70 0 0 0 70");
    // It is no allowance: it does not roll over.
    refund(&mut s, "'d', 'r', 30").has(&[("from_allowance", "0"), ("from_credits", "30"), ("balance", "100")]);
    assert_eq!(refund_lots(&mut s), ["30 03-31 12:00"]);
    s.at("2026-03-31 12:00+00");
    assert_eq!(balance(&mut s), "170 170 0 0 0 170");
    assert_eq!(refund_lots(&mut s), ["0 03-31 12:00"]);
    settled(&mut s);
}

#[test]
fn of_several_repayments_the_latest_is_undone_first() {
    let mut s = owing_thirty("repay");
    call(&mut s, "credits_grant('a', 10, 'g1', expires_at => '2026-03-01 00:00+00')").has(&[("overdraft", "-10")]);
    call(&mut s, "credits_grant('a', 25, 'g2', expires_at => '2026-03-15 00:00+00')").has(&[("overdraft", "-20")]);
    refund(&mut s, "'d', 'r1', 15").has(&[("from_credits", "15"), ("overdraft", "0")]);
    assert_eq!(refund_lots(&mut s), ["15 03-15 00:00"]);
    refund(&mut s, "'d', 'r2', 8").has(&[("from_credits", "8")]);
    assert_eq!(refund_lots(&mut s), ["3 03-01 00:00", "20 03-15 00:00"]);
    refund(&mut s, "'d', 'r3', 8").has(&[("from_credits", "7"), ("from_allowance", "1")]);
    assert_eq!(refund_lots(&mut s), ["10 03-01 00:00", "20 03-15 00:00"]);
    settled(&mut s);
}

#[test]
fn what_is_still_owed_comes_before_what_was_repaid() {
    let mut s = owing_thirty("repay");
    call(&mut s, "credits_grant('a', 12, 'g', expires_at => '2026-03-01 00:00+00')").has(&[("debt", "18")]);
    refund(&mut s, "'d', 'r', 25").has(&[
        ("amount", "25"),
        ("overdraft", "-18"),
        ("from_credits", "7"),
        ("from_allowance", "0"),
        ("balance", "7"),
        ("debt", "0"),
    ]);
    assert_eq!(refund_lots(&mut s), ["7 03-01 00:00"]);
    refund(&mut s, "'d', 'r2', 6").has(&[("from_credits", "5"), ("from_allowance", "1")]);
    settled(&mut s);
}

#[test]
fn what_comes_back_to_a_lot_pays_what_others_owe() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 60, 'd1')");
    call(&mut s, "credits_debit('a', 60, 'd2', on_insufficient => 'allow')").has(&[("overdraft", "20")]);
    refund(&mut s, "'d1', 'r1'").has(&[
        ("amount", "60"),
        ("from_allowance", "40"),
        ("overdraft", "-20"),
        ("balance", "40"),
        ("debt", "0"),
    ]);
    // The debt of d2 was repaid by the allowance.
    refund(&mut s, "'d2', 'r2'").has(&[("from_allowance", "40"), ("from_credits", "20"), ("balance", "100")]);
    assert_eq!(refund_lots(&mut s), ["20 02-28 12:00"]);
    settled(&mut s);
}

#[test]
fn only_the_policy_repay_lets_what_comes_back_pay() {
    for policy in ["forgive_at_reset", "invoice_at_reset"] {
        let mut s = with_allowance("100", &format!(", debt_policy => '{policy}'"));
        call(&mut s, "credits_debit('a', 60, 'd1')");
        call(&mut s, "credits_debit('a', 60, 'd2', on_insufficient => 'allow')");
        refund(&mut s, "'d1', 'r1'").has(&[
            ("from_allowance", "60"),
            ("overdraft", "0"),
            ("allowance", "60"),
            ("debt", "20"),
            ("balance", "40"),
        ]);
        refund(&mut s, "'d2', 'r2', 25").has(&[("from_allowance", "5"), ("overdraft", "-20"), ("debt", "0")]);
        settled(&mut s);
    }
}

#[test]
fn what_comes_back_to_a_restricted_lot_pays_nothing() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 60, 'g', 'promo', features => '{chat}')");
    call(&mut s, "credits_debit('a', 50, 'd1', 'chat')");
    call(&mut s, "credits_debit('a', 30, 'd2', on_insufficient => 'allow')").has(&[("overdraft", "30")]);
    refund(&mut s, "'d1', 'r'").has(&[("from_credits", "50"), ("overdraft", "0"), ("debt", "30"), ("available", "0")]);
    assert_eq!(balance(&mut s), "30 0 60 0 30 0");
    settled(&mut s);
}

#[test]
fn a_debits_own_debt_comes_before_that_of_others() {
    let mut s = owing_thirty("repay");
    call(&mut s, "credits_debit('a', 15, 'd2', on_insufficient => 'allow')");
    call(&mut s, "credits_debit('a', 5, 'd3', on_insufficient => 'allow')").has(&[("debt", "50")]);
    // What d2 owes, although d has owed for longer: the 30 that are then granted pay d.
    refund(&mut s, "'d2', 'r2'").has(&[("amount", "15"), ("overdraft", "-15"), ("debt", "35")]);
    call(&mut s, "credits_grant('a', 30, 'g', expires_at => '2026-03-15 00:00+00')").has(&[("debt", "5")]);
    // That is paid; so what comes back of it pays the 5 of d3 …
    refund(&mut s, "'d', 'r1', 11").has(&[("overdraft", "-5"), ("from_credits", "6"), ("balance", "6"), ("debt", "0")]);
    assert_eq!(refund_lots(&mut s), ["6 03-15 00:00"]);
    // … which is as if the grant had repaid it.
    refund(&mut s, "'d3', 'r3'").has(&[("amount", "5"), ("from_credits", "5"), ("overdraft", "0")]);
    assert_eq!(refund_lots(&mut s), ["11 03-15 00:00"]);
    refund(&mut s, "'d', 'r4', 19").has(&[("from_credits", "19"), ("from_allowance", "0")]);
    refund(&mut s, "'d', 'r5'").has(&[("amount", "100"), ("from_allowance", "100"), ("balance", "130")]);
    settled(&mut s);
}

#[test]
fn of_what_others_owe_the_oldest_is_cancelled_first() {
    let mut s = owing_thirty("invoice_at_reset");
    s.at("2026-03-01 00:00+00"); // the 30 were invoiced
    call(&mut s, "credits_debit('a', 107, 'd2', on_insufficient => 'allow')").has(&[("overdraft", "7")]);
    call(&mut s, "credits_debit('a', 9, 'd3', on_insufficient => 'allow')").has(&[("debt", "16")]);
    refund(&mut s, "'d', 'r', 10").has(&[("overdraft", "-10"), ("from_credits", "0"), ("debt", "6")]);
    // The 7 of d2 and 3 of d3 are now as if they had been invoiced.
    refund(&mut s, "'d3', 'r3'").has(&[("amount", "9"), ("overdraft", "-6"), ("from_credits", "3"), ("debt", "0")]);
    refund(&mut s, "'d2', 'r2', 8").has(&[("from_credits", "7"), ("from_allowance", "1")]);
    assert_eq!(refund_lots(&mut s), ["10 never"]);
    settled(&mut s);
}

#[test]
fn debt_repaid_by_a_switch_of_the_policy_is_repaid_debt() {
    let mut s = owing_thirty("forgive_at_reset");
    call(&mut s, "credits_grant('a', 50, 'g', expires_at => '2026-03-15 00:00+00')").has(&[("debt", "30")]);
    call(&mut s, "credits_configure_account('a', debt_policy => 'repay')").has(&[("debt", "0"), ("credits", "20")]);
    refund(&mut s, "'d', 'r', 30").has(&[("from_credits", "30"), ("overdraft", "0")]);
    assert_eq!(refund_lots(&mut s), ["30 03-15 00:00"]);
    settled(&mut s);
}

#[test]
fn if_the_lot_that_repaid_is_over_the_caller_says_what_becomes_of_it() {
    for (how, entries, stands) in [
        ("", vec!["refund 40 60", "expire -30 30"], "30 10 20 0 0 30"),
        (", if_expired => 'forfeit'", vec!["refund 40 60", "expire -30 30"], "30 10 20 0 0 30"),
        (", if_expired => 'restore'", vec!["refund 40 60"], "60 10 50 0 0 60"),
    ] {
        let mut s = owing_thirty("repay");
        call(&mut s, "credits_grant('a', 30, 'g', expires_at => '2026-02-10 00:00+00')").has(&[("overdraft", "-30")]);
        call(&mut s, "credits_grant('a', 20, 'g2')");
        s.at("2026-02-15 00:00+00");
        refund(&mut s, &format!("'d', 'r', 40{how}")).has(&[
            ("amount", "40"),
            ("from_allowance", "10"),
            ("from_credits", "30"),
            ("balance", "60"),
        ]);
        assert_eq!(entries_after(&mut s, "5"), entries, "{how}");
        assert_eq!(balance(&mut s), stands, "{how}");
        if how.contains("restore") {
            assert_eq!(refund_lots(&mut s), ["30 02-28 12:00"]);
        }
        settled(&mut s);
        s.at("2026-02-28 12:00+00");
        assert_eq!(balance(&mut s), "120 100 20 0 0 120", "{how}");
        settled(&mut s);
    }
}
