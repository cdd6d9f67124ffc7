//! Refunds to lots whose time is over: forfeited, or restored.

use crate::asked::*;
use crate::books::settled;
use crate::debt::refund_lots;
use crate::lots::{debit_over_three_lots, refund};

#[test]
fn of_three_lots_the_one_that_has_expired_forfeits_its_part() {
    for how in ["", ", if_expired => 'forfeit'", ", if_expired => NULL"] {
        let mut s = debit_over_three_lots();
        s.at("2026-02-12 00:00+00");
        // The receipt is of the refund; the expiry comes after it.
        refund(&mut s, &format!("'d', 'r'{how}")).has(&[
            ("entry", "7"),
            ("amount", "130"),
            ("from_allowance", "100"),
            ("from_credits", "30"),
            ("balance", "200"),
            ("allowance", "100"),
            ("credits", "100"),
        ]);
        assert_eq!(entries_after(&mut s, "6"), ["refund 130 200", "expire -20 180"]);
        let moved =
            s.list("SELECT entry, lot, trim_scale(amount) FROM credits_allocations WHERE entry > 6 ORDER BY 1, 2");
        assert_eq!(moved, ["7|1|100", "7|3|20", "7|4|10", "8|3|-20"]);
        s.row("SELECT * FROM credits_history WHERE entry = 8").has(&[
            ("operation", "expire"),
            ("idempotency_key", "NULL"),
            ("effective_at", "2026-02-12 00:00:00+00"),
        ]);
        assert_eq!(lots(&mut s), ["1 100+0 active", "2 50+0 active", "3 0+0 expired", "4 30+0 active"]);
        assert_eq!(balance(&mut s), "180 100 80 0 0 180");
        call(&mut s, &format!("credits_refund('a', 'd', 'r'{how})")).has(&[("replayed", "t"), ("balance", "200")]);
        refused(&mut s, "LC007", "credits_refund('a', 'd', 'r2', if_expired => 'restore')");
        settled(&mut s);
    }
}

#[test]
fn of_three_lots_the_one_that_has_expired_is_restored_with_its_restriction() {
    let mut s = debit_over_three_lots();
    s.at("2026-02-12 00:00+00");
    refund(&mut s, "'d', 'r', if_expired => 'restore'").has(&[
        ("amount", "130"),
        ("from_allowance", "100"),
        ("from_credits", "30"),
        ("balance", "200"),
        ("available", "180"),
    ]);
    assert_eq!(entries_after(&mut s, "6"), ["refund 130 200"]);
    assert_eq!(moved(&mut s), ["1 100", "4 10", "5 20"]);
    s.row("SELECT * FROM credits_grants WHERE lot = 5").has(&[
        ("entry", "7"),
        ("kind", "refund"),
        ("amount", "20"),
        ("remaining", "20"),
        ("priority", "50"),
        ("features", "{chat}"),
        ("effective_at", "2026-02-12 00:00:00+00"),
        ("expires_at", "2026-02-28 12:00:00+00"),
        ("status", "active"),
    ]);
    // Of the lot itself nothing was left to expire.
    assert_eq!(s.one("SELECT status || ' ' || trim_scale(remaining) FROM credits_grants WHERE lot = 3"), "spent 0");
    refused(&mut s, "LC001", "credits_debit('a', 181, 'd2')");
    call(&mut s, "credits_debit('a', 105, 'd2', 'chat')").has(&[("from_allowance", "100"), ("from_credits", "5")]);
    assert_eq!(s.one("SELECT trim_scale(remaining) FROM credits_grants WHERE lot = 5"), "15");
    s.at("2026-02-28 12:00+00");
    assert_eq!(balance(&mut s), "180 100 80 0 0 180");
    settled(&mut s);
}

#[test]
fn until_the_instant_at_which_it_expires_a_lot_takes_back() {
    let mut s = debit_over_three_lots();
    s.at("2026-02-09 23:59:59.999999+00");
    refund(&mut s, "'d', 'r1', 15").has(&[("from_credits", "15"), ("balance", "85")]);
    assert_eq!(lots(&mut s), ["1 0+0 spent", "2 50+0 active", "3 5+0 active", "4 30+0 active"]);
    s.at("2026-02-10 00:00+00");
    // The 5 that came back in time expire first.
    refund(&mut s, "'d', 'r2', 15").has(&[("entry", "9"), ("amount", "15"), ("balance", "95")]);
    assert_eq!(entries_after(&mut s, "6"), ["refund 15 85", "expire -5 80", "refund 15 95", "expire -15 80"]);
    refund(&mut s, "'d', 'r3'").has(&[("from_allowance", "100"), ("balance", "180")]);
    settled(&mut s);
}

#[test]
fn each_refund_says_for_itself_what_becomes_of_expired_lots() {
    let mut s = debit_over_three_lots();
    s.at("2026-02-12 00:00+00");
    refund(&mut s, "'d', 'r1', 16").has(&[("balance", "86")]); // 10 of the promo, 6 for chat
    assert_eq!(balance(&mut s), "80 0 80 0 0 80");
    refund(&mut s, "'d', 'r2', 9, if_expired => 'restore'").has(&[("balance", "89")]);
    refund(&mut s, "'d', 'r3', 5, if_expired => 'restore'").has(&[("balance", "94")]);
    assert_eq!(refund_lots(&mut s), ["14 02-28 12:00"]);
    assert_eq!(balance(&mut s), "94 0 94 0 0 80");
    settled(&mut s);
}

#[test]
fn nothing_is_restored_that_has_not_expired() {
    let mut s = debit_over_three_lots();
    refund(&mut s, "'d', 'r', if_expired => 'restore'").has(&[("from_allowance", "100"), ("from_credits", "30")]);
    assert_eq!(lots(&mut s), ["1 100+0 active", "2 50+0 active", "3 20+0 active", "4 30+0 active"]);
    settled(&mut s);
}

#[test]
fn the_allowance_of_a_closed_cycle_is_over() {
    let closed = "SELECT trim_scale(granted), trim_scale(used), trim_scale(expired), closed_at FROM credits_cycles WHERE cycle = 1";
    let mut s = with_allowance("100", ", rollover_percent => 50");
    call(&mut s, "credits_debit('a', 60, 'd')");
    s.at("2026-03-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(balance(&mut s), "120 120 0 0 0 120");
    let then = s.list(closed);
    let before = newest(&mut s);
    refund(&mut s, "'d', 'r1', 25").has(&[("from_allowance", "25"), ("from_credits", "0"), ("balance", "145")]);
    assert_eq!(entries_after(&mut s, &before), ["refund 25 145", "expire -25 120"]);
    // Restored, it is no allowance.
    refund(&mut s, "'d', 'r2', 35, if_expired => 'restore'").has(&[
        ("from_allowance", "0"),
        ("from_credits", "35"),
        ("allowance", "120"),
        ("credits", "35"),
        ("available", "155"),
    ]);
    assert_eq!(refund_lots(&mut s), ["35 03-31 12:00"]);
    assert_eq!(s.list(closed), then, "a closed cycle never changes");
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "-60");
    s.at("2026-03-31 12:00+00");
    // 50 of the second allowance roll over, the first cycle's rollover does not, nor does what was restored.
    assert_eq!(balance(&mut s), "150 150 0 0 0 150");
    settled(&mut s);
    assert_eq!(s.list(closed), then);
}

#[test]
fn rollover_whose_term_is_over_is_forfeited() {
    let mut s = with_allowance("100", ", rollover_percent => 50");
    s.at("2026-03-01 00:00+00");
    call(&mut s, "credits_debit('a', 70, 'd')").has(&[("from_allowance", "70")]);
    s.at("2026-03-31 12:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(balance(&mut s), "140 140 0 0 0 140");
    let before = newest(&mut s);
    refund(&mut s, "'d', 'r'").has(&[("from_allowance", "70"), ("balance", "210")]);
    let expired = s.one(&format!(
        "SELECT trim_scale(sum(amount)) FROM credits_history WHERE entry > {before} AND operation = 'expire'"
    ));
    assert_eq!(expired, "-70");
    assert_eq!(balance(&mut s), "140 140 0 0 0 140");
    settled(&mut s);
}

#[test]
fn on_a_manual_account_what_is_restored_lasts_until_the_next_reset() {
    let mut s = session();
    call(&mut s, "credits_open_account('a', 100, '0')");
    call(&mut s, "credits_debit('a', 60, 'd')");
    s.at("2026-02-28 12:00+00");
    call(&mut s, "credits_reset_cycle('a', 'k1')").has(&[("balance", "100")]);
    refund(&mut s, "'d', 'r', 50, if_expired => 'restore'").has(&[("from_credits", "50"), ("balance", "150")]);
    assert_eq!(refund_lots(&mut s), ["50 never"]);
    s.at("2027-01-31 12:00+00");
    assert_eq!(balance(&mut s), "150 100 50 0 0 150");
    call(&mut s, "credits_debit('a', 120, 'd2')").has(&[("from_allowance", "100"), ("from_credits", "20")]);
    call(&mut s, "credits_reset_cycle('a', 'k2')").has(&[("cycles_closed", "1"), ("granted", "100")]);
    assert_eq!(balance(&mut s), "100 100 0 0 0 100");
    // What it was spent on comes back to a lot that is over.
    refund(&mut s, "'d2', 'r2', 20").has(&[("from_credits", "20"), ("balance", "120")]);
    assert_eq!(balance(&mut s), "100 100 0 0 0 100");
    settled(&mut s);
}

#[test]
fn what_is_forfeited_pays_debt_before_it_expires() {
    for (policy, from_allowance, overdraft, entries, stands) in [
        ("repay", "30", "-30", ["refund 60 30", "expire -30 0"], "0 0 0 0 0 0"),
        ("forgive_at_reset", "60", "0", ["refund 60 30", "expire -60 -30"], "-30 0 0 0 30 0"),
    ] {
        let mut s = with_allowance("100", &format!(", debt_policy => '{policy}'"));
        call(&mut s, "credits_debit('a', 60, 'd1')");
        s.at("2026-03-01 00:00+00");
        call(&mut s, "credits_debit('a', 130, 'd2', on_insufficient => 'allow')").has(&[("debt", "30")]);
        let before = newest(&mut s);
        refund(&mut s, "'d1', 'r'").has(&[
            ("amount", "60"),
            ("from_allowance", from_allowance),
            ("overdraft", overdraft),
            ("balance", "30"),
        ]);
        assert_eq!(entries_after(&mut s, &before), entries, "{policy}");
        assert_eq!(balance(&mut s), stands, "{policy}");
        settled(&mut s);
    }
}

#[test]
fn what_is_restored_pays_debt_first() {
    for (policy, from_credits, overdraft, stands, remaining) in [
        ("repay", "30", "-30", "30 0 30 0 0 30", "30 03-31 12:00"),
        ("forgive_at_reset", "60", "0", "30 0 60 0 30 60", "60 03-31 12:00"),
    ] {
        let mut s = with_allowance("100", &format!(", debt_policy => '{policy}'"));
        call(&mut s, "credits_debit('a', 60, 'd1')");
        s.at("2026-03-01 00:00+00");
        call(&mut s, "credits_debit('a', 130, 'd2', on_insufficient => 'allow')");
        refund(&mut s, "'d1', 'r', if_expired => 'restore'").has(&[
            ("amount", "60"),
            ("from_allowance", "0"),
            ("from_credits", from_credits),
            ("overdraft", overdraft),
        ]);
        assert_eq!(balance(&mut s), stands, "{policy}");
        assert_eq!(refund_lots(&mut s), [remaining], "{policy}");
        settled(&mut s);
    }
}

#[test]
fn debt_that_a_restored_lot_paid_comes_back_for_as_long_as_that_lot() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_debit('a', 60, 'd1')");
    s.at("2026-03-01 00:00+00");
    call(&mut s, "credits_debit('a', 130, 'd2', on_insufficient => 'allow')");
    refund(&mut s, "'d1', 'r1', 40, if_expired => 'restore'").has(&[("from_credits", "10"), ("overdraft", "-30")]);
    refund(&mut s, "'d2', 'r2', 35").has(&[("from_credits", "30"), ("from_allowance", "5"), ("overdraft", "0")]);
    assert_eq!(refund_lots(&mut s), ["40 03-31 12:00"]);
    settled(&mut s);
}

#[test]
fn a_refund_records_what_time_did_before_it() {
    let mut s = debit_over_three_lots();
    s.at("2026-03-05 00:00+00");
    // The cycle closed with nothing of its allowance left; the new one has begun.
    refund(&mut s, "'d', 'r'").has(&[("entry", "8"), ("allowance", "200"), ("balance", "300")]);
    let operations = s.list("SELECT operation, trim_scale(amount) FROM credits_history WHERE entry > 6 ORDER BY entry");
    assert_eq!(operations[..2], ["allowance|100", "refund|130"]);
    assert!(operations[2..].iter().all(|entry| entry.starts_with("expire|")), "{operations:?}");
    assert_eq!(balance(&mut s), "180 100 80 0 0 180");
    settled(&mut s);
}

#[test]
fn a_lot_that_was_held_as_its_cycle_closed_has_expired_with_that_cycle() {
    for (length, ends) in [("0", "2026-02-14 12:00:00+00"), ("7 days", "2026-02-07 12:00:00+00")] {
        for back in ["credits_refund('a', 'd', 'r', 2)", "credits_release('a', 'h', 'r')"] {
            let mut s = session();
            call(&mut s, &format!("credits_open_account('a', 30, '{length}')"));
            call(&mut s, "credits_hold('a', 1, 'h', '31 days')");
            call(&mut s, "credits_debit('a', 29, 'd')");
            s.at("2026-02-14 12:00+00");
            call(&mut s, "credits_reset_cycle('a', 'k')");
            s.at("2026-02-18 12:00+00");
            call(&mut s, back);
            assert_eq!(s.one("SELECT expires_at FROM credits_grants WHERE lot = 1"), ends, "{back}");
            settled(&mut s);
        }
    }
}
