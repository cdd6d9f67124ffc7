//! What came from lots goes back to them, the last first.

use crate::asked::*;
use crate::books::settled;
use credits_ledger_tests::{Row, Session};

/// The account `a` with lots of several kinds, and as entry 6 a debit `d` over three of them: 130 credits for `chat`, by
/// `ann`. It took the allowance of 100 (lot 1), 20 for chat only (lot 3, until 10 February) and 10 of a promo of 30
/// (lot 4), and nothing of the 50 that were bought (lot 2).
pub fn debit_over_three_lots() -> Session {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_grant('a', 50, 'buy')");
    call(&mut s, "credits_grant('a', 20, 'chat', 'promo', '2026-02-10 00:00+00', features => '{chat}')");
    call(&mut s, "credits_grant('a', 30, 'promo', 'promo')");
    let row = call(&mut s, "credits_debit('a', 130, 'd', 'chat', 'ann', 'doc 7', metadata => '{\"t\": 9}')");
    row.has(&[("entry", "6"), ("from_allowance", "100"), ("from_credits", "30"), ("balance", "70")]);
    s
}

#[track_caller]
pub fn refund(s: &mut Session, arguments: &str) -> Row {
    let row = call(s, &format!("credits_refund('a', {arguments})"));
    row.has(&[("account", "a"), ("operation", "refund"), ("accepted", "t"), ("refused", "NULL"), ("replayed", "f")]);
    row
}

#[test]
fn a_refund_of_all_gives_each_lot_back_what_it_bore() {
    let mut s = debit_over_three_lots();
    s.at("2026-01-31 12:10+00");
    refund(&mut s, "'d', 'r'").has(&[
        ("entry", "7"),
        ("idempotency_key", "r"),
        ("amount", "130"),
        ("from_allowance", "100"),
        ("from_credits", "30"),
        ("overdraft", "0"),
        ("balance", "200"),
        ("allowance", "100"),
        ("credits", "100"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "180"),
        ("included", "0"),
        ("refers_to", "6"),
        ("recorded_at", "2026-01-31 12:10:00+00"),
    ]);
    assert_eq!(lots(&mut s), ["1 100+0 active", "2 50+0 active", "3 20+0 active", "4 30+0 active"]);
    assert_eq!(moved(&mut s), ["1 100", "3 20", "4 10"]);
    assert_eq!(balance(&mut s), "200 100 100 0 0 180");
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "0");
    refused(&mut s, "LC007", "credits_refund('a', 'd', 'r2')");
    settled(&mut s);
}

#[test]
fn what_was_taken_last_comes_back_first() {
    let mut s = debit_over_three_lots();
    for (key, amount, from_allowance, from_credits, stands) in [
        ("r1", "5", "0", "5", ["0", "50", "0", "25"]),
        ("r2", "12", "0", "12", ["0", "50", "7", "30"]),
        ("r3", "50", "37", "13", ["37", "50", "20", "30"]),
        ("r4", "0.000001", "0.000001", "0", ["37.000001", "50", "20", "30"]),
        ("r5", "NULL", "62.999999", "0", ["100", "50", "20", "30"]),
    ] {
        let row = refund(&mut s, &format!("'d', '{key}', {amount}"));
        row.has(&[("from_allowance", from_allowance), ("from_credits", from_credits), ("overdraft", "0")]);
        row.has(&[("amount", if amount == "NULL" { from_allowance } else { amount }), ("refers_to", "6")]);
        let remaining = s.list("SELECT trim_scale(remaining) FROM credits_grants ORDER BY lot");
        assert_eq!(remaining, stands, "{key}");
        sound(&mut s);
    }
    settled(&mut s);
}

#[test]
fn partial_refunds_add_up_and_never_come_to_more_than_the_debit() {
    let mut s = debit_over_three_lots();
    refused(&mut s, "LC015", "credits_refund('a', 'd', 'r', 130.000001)");
    refund(&mut s, "'d', 'r1', 100").has(&[("amount", "100"), ("balance", "170")]);
    for amount in ["30.000001", "31", "130", "99999999999999"] {
        refused(&mut s, "LC015", &format!("credits_refund('a', 'd', 'r', {amount})"));
    }
    refund(&mut s, "'d', 'r2', 30").has(&[("amount", "30"), ("balance", "200")]);
    for amount in ["NULL", "0.000001", "30", "131"] {
        refused(&mut s, "LC007", &format!("credits_refund('a', 'd', 'r', {amount})"));
    }
    settled(&mut s);
}

#[test]
fn what_came_back_is_spent_again_in_burn_order() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_grant('a', 50, 'buy')");
    call(&mut s, "credits_debit('a', 60, 'd1')");
    call(&mut s, "credits_debit('a', 60, 'd2')").has(&[("from_allowance", "40"), ("from_credits", "20")]);
    // The lot that debits are taken from is now the second one; the first comes before it again.
    refund(&mut s, "'d1', 'r1'").has(&[("from_allowance", "60"), ("allowance", "60"), ("credits", "30")]);
    let plan = s.list("SELECT lot, trim_scale(takes) FROM credits_explain_debit('a', 70)");
    assert_eq!(plan[..2], ["1|60", "2|10"]);
    call(&mut s, "credits_debit('a', 70, 'd3')").has(&[("from_allowance", "60"), ("from_credits", "10")]);
    refund(&mut s, "'d2', 'r2'").has(&[("from_allowance", "40"), ("from_credits", "20"), ("balance", "80")]);
    assert_eq!(lots(&mut s), ["1 40+0 active", "2 40+0 active"]);
    refund(&mut s, "'d3', 'r3', 20").has(&[("from_allowance", "10"), ("from_credits", "10")]);
    assert_eq!(lots(&mut s), ["1 50+0 active", "2 50+0 active"]);
    settled(&mut s);
}

#[test]
fn a_lot_that_was_spent_is_active_again() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 10, 'g')");
    call(&mut s, "credits_debit('a', 10, 'd')");
    assert_eq!(lots(&mut s), ["1 0+0 spent"]);
    refused(&mut s, "LC001", "credits_debit('a', 1, 'd2')");
    refund(&mut s, "'d', 'r', 4").has(&[("from_credits", "4"), ("available", "4")]);
    assert_eq!(lots(&mut s), ["1 4+0 active"]);
    call(&mut s, "credits_debit('a', 4, 'd2')").has(&[("from_credits", "4"), ("balance", "0")]);
    call(&mut s, "credits_debit('a', 1, 'd3', on_insufficient => 'refuse')").has(&[("refused", "LC001")]);
    settled(&mut s);
}

#[test]
fn a_debit_over_many_lots_comes_back_from_the_end() {
    let mut s = session();
    call(&mut s, "credits_open_account('a')");
    for n in 1..=40 {
        call(&mut s, &format!("credits_grant('a', 2, 'g{n}', 'promo')"));
    }
    // 37 lots and half of the 38th.
    call(&mut s, "credits_debit('a', 75, 'd')").has(&[("balance", "5")]);
    refund(&mut s, "'d', 'r1', 6").has(&[("from_credits", "6"), ("balance", "11")]);
    assert_eq!(moved(&mut s), ["35 1", "36 2", "37 2", "38 1"]);
    let with_some = "SELECT string_agg(lot || ':' || trim_scale(remaining), ' ' ORDER BY lot) FROM credits_grants WHERE remaining > 0";
    assert_eq!(s.one(with_some), "35:1 36:2 37:2 38:2 39:2 40:2");
    call(&mut s, "credits_debit('a', 4, 'd2')").has(&[("balance", "7")]);
    assert_eq!(s.one(with_some), "37:1 38:2 39:2 40:2");
    refund(&mut s, "'d', 'r2'").has(&[("amount", "69"), ("balance", "76")]);
    assert_eq!(
        s.one("SELECT count(*) || ' ' || trim_scale(sum(remaining)) FROM credits_grants WHERE status = 'active'"),
        "39 76"
    );
    // What d2 took of lots 35, 36 and 37.
    refund(&mut s, "'d2', 'r3'").has(&[("amount", "4"), ("balance", "80")]);
    assert_eq!(s.one("SELECT count(*) FROM credits_grants WHERE remaining = amount"), "40");
    settled(&mut s);
}

#[test]
fn what_a_partial_debit_took_is_what_comes_back() {
    let mut s = debit_over_three_lots();
    call(&mut s, "credits_debit('a', 500, 'd2', on_insufficient => 'partial')").has(&[("amount", "70")]);
    refused(&mut s, "LC015", "credits_refund('a', 'd2', 'r', 70.000001)");
    refund(&mut s, "'d2', 'r'").has(&[("amount", "70"), ("from_credits", "70"), ("balance", "70")]);
    settled(&mut s);
}

#[test]
fn an_item_of_a_batch_is_refunded_like_any_other_debit() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_open_account('b', 100)");
    s.run("SELECT * FROM credits_debit_many('{a,b,a}', '{10,20,30}', '{m1,m1,m2}')");
    refund(&mut s, "'m1', 'r1'").has(&[("amount", "10"), ("balance", "70")]);
    refund(&mut s, "'m2', 'r2', 29").has(&[("amount", "29"), ("balance", "99")]);
    assert_eq!(s.one("SELECT balance FROM credits_balance('b')"), "80");
    settled(&mut s);
}

#[test]
fn a_refund_that_is_rolled_back_never_was() {
    let mut s = debit_over_three_lots();
    s.run("BEGIN; SELECT credits_refund('a', 'd', 'r'); ROLLBACK");
    assert_eq!(balance(&mut s), "70 0 70 0 0 70");
    s.run("BEGIN; SELECT credits_refund('a', 'd', 'r1', 10); SAVEPOINT p; SELECT credits_refund('a', 'd', 'r2', 60)");
    s.run("ROLLBACK TO SAVEPOINT p; SELECT credits_refund('a', 'd', 'r2', 15); COMMIT");
    assert_eq!(lots(&mut s), ["1 0+0 spent", "2 50+0 active", "3 15+0 active", "4 30+0 active"]);
    refund(&mut s, "'d', 'r'").has(&[("entry", "9"), ("amount", "105")]);
    settled(&mut s);
}

#[test]
fn what_comes_back_to_the_allowance_rolls_over_with_the_rest() {
    let mut s = with_allowance("100", ", rollover_percent => 50");
    call(&mut s, "credits_debit('a', 60, 'd')");
    refund(&mut s, "'d', 'r', 36").has(&[("from_allowance", "36")]);
    s.at("2026-02-28 12:00+00");
    assert_eq!(balance(&mut s), "138 138 0 0 0 138");
    settled(&mut s);
    let cycle =
        "SELECT trim_scale(used), trim_scale(rolled_over), trim_scale(expired) FROM credits_cycles WHERE cycle = 1";
    assert_eq!(s.list(cycle), ["24|38|38"]);
}

#[test]
fn rollover_goes_back_to_the_rollover() {
    let mut s = with_allowance("100", ", rollover_percent => 50");
    s.at("2026-03-01 00:00+00");
    call(&mut s, "credits_debit('a', 70, 'd')").has(&[("from_allowance", "70"), ("allowance", "80")]);
    let by_kind = "SELECT kind, trim_scale(remaining) FROM credits_grants WHERE status = 'active' ORDER BY lot";
    assert_eq!(s.list(by_kind), ["allowance|80"]);
    refund(&mut s, "'d', 'r', 45").has(&[("from_allowance", "45"), ("from_credits", "0")]);
    assert_eq!(s.list(by_kind), ["rollover|25", "allowance|100"]);
    refund(&mut s, "'d', 'r2'").has(&[("from_allowance", "25")]);
    assert_eq!(s.list(by_kind), ["rollover|50", "allowance|100"]);
    settled(&mut s);
}
