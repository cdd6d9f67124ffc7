//! Refunds of debt that a closed cycle forgave or invoiced.

use crate::asked::*;
use crate::books::settled;
use crate::debt::{owing_thirty, refund_lots};
use crate::lots::refund;

/// In the second cycle of an account opened at [`NOON`].
const MARCH: &str = "2026-03-01 00:00+00";

const CLOSED: &str = "SELECT trim_scale(used), trim_scale(debt_forgiven), trim_scale(debt_invoiced) FROM credits_cycles
     WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle";

#[test]
fn of_debt_that_was_forgiven_nothing_comes_back() {
    let mut s = owing_thirty("forgive_at_reset");
    s.at(MARCH);
    assert_eq!(balance(&mut s), "100 100 0 0 0 100");
    refund(&mut s, "'d', 'r1', 18").has(&[
        ("amount", "18"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "100"),
        ("refers_to", "3"),
    ]);
    // It is recorded all the same, and counts as not used.
    s.row("SELECT * FROM credits_history WHERE idempotency_key = 'r1'").has(&[
        ("operation", "refund"),
        ("amount", "0"),
        ("overdraft", "0"),
        ("balance", "100"),
        ("feature", "chat"),
        ("actor", "ann"),
    ]);
    assert_eq!(moved(&mut s), Vec::<String>::new());
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "-18");
    // The rest of the debt, then 8 of the first allowance, which is over.
    let before = newest(&mut s);
    refund(&mut s, "'d', 'r2', 20").has(&[("amount", "20"), ("from_allowance", "8"), ("balance", "108")]);
    assert_eq!(entries_after(&mut s, &before), ["refund 8 108", "expire -8 100"]);
    assert_eq!(refund_lots(&mut s), Vec::<String>::new());
    assert_eq!(s.list(CLOSED), ["130|30|0"]);
    settled(&mut s);
}

#[test]
fn debt_that_was_invoiced_comes_back_as_a_lot_that_never_expires() {
    let mut s = owing_thirty("invoice_at_reset");
    s.at(MARCH);
    refund(&mut s, "'d', 'r1', 18").has(&[
        ("amount", "18"),
        ("from_allowance", "0"),
        ("from_credits", "18"),
        ("overdraft", "0"),
        ("balance", "118"),
    ]);
    let before = newest(&mut s);
    refund(&mut s, "'d', 'r2', 20, if_expired => 'restore'").has(&[
        ("amount", "20"),
        ("from_credits", "20"),
        ("balance", "138"),
    ]);
    assert_eq!(entries_after(&mut s, &before), ["refund 20 138"]);
    assert_eq!(refund_lots(&mut s), ["8 03-31 12:00", "30 never"]);
    assert_eq!(s.list(CLOSED), ["130|0|30"]);
    s.at("2026-04-01 00:00+00");
    assert_eq!(balance(&mut s), "130 100 30 0 0 130");
    settled(&mut s);
    assert_eq!(s.list(CLOSED), ["130|0|30", "-38|0|0"]);
}

#[test]
fn a_refund_before_the_cycle_closes_is_neither_forgiven_nor_invoiced() {
    for (policy, closed) in [("forgive_at_reset", "118|18|0"), ("invoice_at_reset", "118|0|18")] {
        let mut s = owing_thirty(policy);
        refund(&mut s, "'d', 'r', 12").has(&[("overdraft", "-12"), ("debt", "18")]);
        s.at(MARCH);
        assert_eq!(balance(&mut s), "100 100 0 0 0 100");
        settled(&mut s);
        assert_eq!(s.list(CLOSED), [closed]);
        let back = if policy == "forgive_at_reset" { "0" } else { "18" };
        refund(&mut s, "'d', 'r2', 18").has(&[("amount", "18"), ("from_credits", back), ("overdraft", "0")]);
        settled(&mut s);
    }
}

#[test]
fn forgiven_debt_still_cancels_what_is_owed_today() {
    let mut s = owing_thirty("forgive_at_reset");
    s.at(MARCH);
    call(&mut s, "credits_debit('a', 112, 'd2', on_insufficient => 'allow')").has(&[("overdraft", "12")]);
    refund(&mut s, "'d', 'r1', 30").has(&[
        ("amount", "30"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "-12"),
        ("balance", "0"),
        ("debt", "0"),
    ]);
    assert_eq!(s.one("SELECT amount FROM credits_history WHERE idempotency_key = 'r1'"), "12");
    // What d2 owed is now as if it had been forgiven.
    refund(&mut s, "'d2', 'r2'").has(&[
        ("amount", "112"),
        ("from_allowance", "100"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "100"),
    ]);
    s.at("2026-04-01 00:00+00");
    settled(&mut s);
    assert_eq!(s.list(CLOSED), ["130|30|0", "-30|0|0"]);
}

#[test]
fn invoiced_debt_cancels_what_is_owed_today_and_is_not_invoiced_again() {
    let mut s = owing_thirty("invoice_at_reset");
    s.at(MARCH);
    call(&mut s, "credits_debit('a', 112, 'd2', on_insufficient => 'allow')").has(&[("overdraft", "12")]);
    refund(&mut s, "'d', 'r1', 30").has(&[
        ("overdraft", "-12"),
        ("from_credits", "18"),
        ("balance", "18"),
        ("debt", "0"),
    ]);
    refund(&mut s, "'d2', 'r2', 20").has(&[("from_credits", "12"), ("from_allowance", "8"), ("overdraft", "0")]);
    assert_eq!(refund_lots(&mut s), ["30 never"]);
    s.at("2026-04-01 00:00+00");
    assert_eq!(balance(&mut s), "130 100 30 0 0 130");
    settled(&mut s);
    assert_eq!(s.list(CLOSED), ["130|0|30", "62|0|0"]);
}

#[test]
fn what_was_repaid_is_undone_before_what_was_forgiven_or_invoiced() {
    for (policy, of_the_rest) in [("forgive_at_reset", "0"), ("invoice_at_reset", "4")] {
        let mut s = owing_thirty("repay");
        call(&mut s, "credits_grant('a', 8, 'g', expires_at => '2026-03-15 00:00+00')").has(&[("debt", "22")]);
        call(&mut s, &format!("credits_configure_account('a', debt_policy => '{policy}')")).has(&[("debt", "22")]);
        s.at(MARCH);
        assert_eq!(balance(&mut s), "100 100 0 0 0 100");
        refund(&mut s, "'d', 'r1', 5").has(&[("amount", "5"), ("from_credits", "5")]);
        assert_eq!(refund_lots(&mut s), ["5 03-15 00:00"]);
        refund(&mut s, "'d', 'r2', 3").has(&[("amount", "3"), ("from_credits", "3")]);
        refund(&mut s, "'d', 'r3', 4").has(&[("amount", "4"), ("from_credits", of_the_rest), ("overdraft", "0")]);
        let mut expected = vec!["8 03-15 00:00".to_owned()];
        if of_the_rest != "0" {
            expected.push(format!("{of_the_rest} never"));
        }
        assert_eq!(refund_lots(&mut s), expected, "{policy}");
        settled(&mut s);
    }
}

#[test]
fn debts_of_several_cycles_have_each_a_fate_of_its_own() {
    let mut s = owing_thirty("forgive_at_reset");
    s.at(MARCH);
    call(&mut s, "credits_configure_account('a', debt_policy => 'invoice_at_reset')").has(&[("debt", "0")]);
    call(&mut s, "credits_debit('a', 120, 'd2', on_insufficient => 'allow')").has(&[("overdraft", "20")]);
    s.at("2026-04-01 00:00+00");
    call(&mut s, "credits_configure_account('a', debt_policy => 'repay')").has(&[("debt", "0")]);
    call(&mut s, "credits_debit('a', 110, 'd3', on_insufficient => 'allow')").has(&[("overdraft", "10")]);
    s.at("2026-05-01 00:00+00");
    assert_eq!(balance(&mut s), "90 90 0 0 0 90");
    refund(&mut s, "'d', 'r1', 30").has(&[("amount", "30"), ("from_credits", "0"), ("balance", "90")]);
    refund(&mut s, "'d2', 'r2', 20").has(&[("amount", "20"), ("from_credits", "20"), ("balance", "110")]);
    refund(&mut s, "'d3', 'r3', 10").has(&[("amount", "10"), ("from_credits", "10"), ("balance", "120")]);
    assert_eq!(refund_lots(&mut s), ["10 05-31 12:00", "20 never"]);
    settled(&mut s);
    assert_eq!(s.list(CLOSED), ["130|30|0", "120|0|20", "110|0|0"]);
}
