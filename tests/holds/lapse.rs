//! What lapses by itself, and what can be done about it afterwards.

use crate::asked::*;

#[test]
fn a_hold_lapses_at_its_instant_whether_or_not_anything_ran() {
    let (mut s, _) = hold_over_three_lots();
    s.at("2026-01-31 12:14:59.999999+00");
    assert_eq!(balance(&mut s), "200 0 70 130 0 70");
    assert_eq!(state(&mut s, "h"), "130 0 open");
    s.at("2026-01-31 12:15+00");
    s.run("BEGIN READ ONLY");
    assert_eq!(balance(&mut s), "200 100 100 0 0 180");
    assert_eq!(state(&mut s, "h"), "0 0 lapsed");
    assert_eq!(lots(&mut s), ["1 100+0 active", "2 50+0 active", "3 20+0 active", "4 30+0 active"]);
    // On its own, this was read and not recorded.
    s.row("SELECT * FROM credits_balance('a')").has(&[("entry", "6"), ("as_of", "2026-01-31 12:15:00+00")]);
    assert_eq!(
        s.list("SELECT lot, trim_scale(takes) FROM credits_explain_debit('a', 150, 'chat')"),
        ["1|100", "3|20", "4|30"]
    );
    s.run("COMMIT");
    assert_eq!(newest(&mut s), "6");

    s.at("2026-01-31 14:00+00");
    the_same_once_recorded(&mut s);
    s.row("SELECT * FROM credits_history WHERE entry = 7").has(&[
        ("operation", "lapse"),
        ("amount", "0"),
        ("from_allowance", "100"),
        ("from_credits", "30"),
        ("overdraft", "0"),
        ("balance", "200"),
        ("available", "180"),
        ("idempotency_key", "NULL"),
        ("refers_to", "6"),
        ("effective_at", "2026-01-31 12:15:00+00"),
        ("recorded_at", "2026-01-31 14:00:00+00"),
    ]);
    assert_eq!(moved(&mut s), ["1 100", "3 20", "4 10"]);
    assert_eq!(newest(&mut s), "7");
    assert_eq!(s.one("SELECT credits_maintain()"), "0");
}

#[test]
fn the_next_write_records_lapses_first_in_the_order_of_time() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_hold('a', 10, 'h1', '30 minutes')");
    call(&mut s, "credits_hold('a', 20, 'h2', '10 minutes')");
    call(&mut s, "credits_hold('a', 30, 'h3', '20 minutes')");
    call(&mut s, "credits_hold('a', 40, 'h4', '10 minutes')");
    s.at("2026-01-31 12:20+00");
    call(&mut s, "credits_debit('a', 90, 'd')").has(&[("entry", "10"), ("allowance", "0"), ("held", "10")]);
    let recorded = s.list(
        "SELECT entry, operation, refers_to, to_char(effective_at, 'HH24:MI') FROM credits_history WHERE entry > 6 ORDER BY entry",
    );
    assert_eq!(recorded, ["7|lapse|4|12:10", "8|lapse|6|12:10", "9|lapse|5|12:20", "10|debit|NULL|12:20"]);
    sound(&mut s);
}

#[test]
fn at_one_instant_holds_lapse_before_the_cycle_closes_and_lots_expire() {
    let mut s = with_allowance("100", ", rollover_percent => 50");
    call(&mut s, "credits_grant('a', 10, 'g', 'promo', '2026-02-28 12:00+00')");
    s.at("2026-02-28 11:30+00");
    call(&mut s, "credits_hold('a', 105, 'h', '30 minutes')").has(&[("from_allowance", "100"), ("from_credits", "5")]);
    s.at("2026-02-28 12:00+00");
    // All 100 were unused and unheld when the cycle closed.
    assert_eq!(balance(&mut s), "150 150 0 0 0 150");
    the_same_once_recorded(&mut s);
    assert_eq!(
        entries_after(&mut s, "4"),
        ["lapse 0 110", "rollover 0 110", "expire -50 60", "allowance 100 160", "expire -10 150"]
    );
    s.row("SELECT * FROM credits_cycles WHERE cycle = 1").has(&[
        ("rolled_over", "50"),
        ("expired", "50"),
        ("used", "0"),
    ]);
    sound(&mut s);
}

#[test]
fn part_of_a_hold_lapses_after_the_rest_was_captured() {
    let (mut s, _) = hold_over_three_lots();
    call(&mut s, "credits_capture('a', 'h', 'c', 105, final => false)");
    s.at("2026-01-31 12:15+00");
    assert_eq!(balance(&mut s), "95 0 95 0 0 80");
    assert_eq!(state(&mut s, "h"), "0 105 lapsed");
    the_same_once_recorded(&mut s);
    assert_eq!(moved(&mut s), ["3 15", "4 10"]);
    // Once more, what it held when it lapsed.
    call(&mut s, "credits_capture('a', 'h', 'c2')").has(&[
        ("amount", "25"),
        ("from_credits", "25"),
        ("refers_to", "6"),
        ("balance", "70"),
    ]);
    assert_eq!(moved(&mut s), ["3 -15", "4 -10"]);
    assert_eq!(state(&mut s, "h"), "0 130 captured");
    sound(&mut s);
}

/// A hold of 30 that lapses, after which 90 of 100 are spent.
fn lapsed_and_spent(recorded: bool, limit: &str) -> credits_ledger_tests::Session {
    let mut s = with_allowance("100", &format!(", overdraft_limit => {limit}"));
    call(&mut s, "credits_hold('a', 30, 'h')");
    call(&mut s, "credits_debit('a', 70, 'd1')");
    s.at("2026-01-31 12:20+00");
    if recorded {
        call(&mut s, "credits_debit('a', 20, 'd2')").has(&[("allowance", "10"), ("held", "0")]);
    } else {
        assert_eq!(balance(&mut s), "30 30 0 0 0 30");
    }
    s
}

#[test]
fn a_lapsed_hold_is_captured_once_as_excess() {
    for (recorded, borne, debt) in [(true, "10", "20"), (false, "30", "0")] {
        let mut s = lapsed_and_spent(recorded, "0");
        call(&mut s, "credits_capture('a', 'h', 'c')").has(&[
            ("operation", "capture"),
            ("accepted", "t"),
            ("amount", "30"),
            ("from_allowance", borne),
            ("overdraft", debt),
            ("held", "0"),
            ("debt", debt),
            ("refers_to", "3"),
        ]);
        assert_eq!(state(&mut s, "h"), "0 30 captured");
        assert_eq!(moved(&mut s), [format!("1 -{borne}")]);
        for again in
            ["credits_capture('a', 'h', 'c2')", "credits_capture('a', 'h', 'c2', 1)", "credits_release('a', 'h', 'r')"]
        {
            refused(&mut s, "LC007", again);
        }
        sound(&mut s);
    }
}

#[test]
fn a_lapsed_hold_can_be_captured_with_an_amount_and_is_then_closed() {
    for recorded in [true, false] {
        for last in ["true", "false"] {
            let mut s = lapsed_and_spent(recorded, "0");
            call(&mut s, &format!("credits_capture('a', 'h', 'c', 4, final => {last})")).has(&[
                ("amount", "4"),
                ("from_allowance", "4"),
                ("overdraft", "0"),
            ]);
            assert_eq!(state(&mut s, "h"), "0 4 captured");
            refused(&mut s, "LC007", "credits_capture('a', 'h', 'c2', 1)");
            sound(&mut s);
        }
        let mut s = lapsed_and_spent(recorded, "0");
        call(&mut s, "credits_capture('a', 'h', 'c', 44)").has(&[("amount", "44"), ("held", "0")]);
        assert_eq!(state(&mut s, "h"), "0 44 captured");
        sound(&mut s);
    }
}

#[test]
fn what_a_lapsed_hold_lacks_is_for_the_caller_to_say() {
    let mut s = lapsed_and_spent(true, "5");
    let error = refused(&mut s, "LC001", "credits_capture('a', 'h', 'c', on_insufficient => 'error')");
    assert!(error.detail.starts_with("available=10 required=30 shortfall=15 "), "{error}");
    call(&mut s, "credits_capture('a', 'h', 'c', on_insufficient => 'refuse')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("entry", "NULL"),
    ]);
    assert_eq!(state(&mut s, "h"), "0 0 lapsed");
    call(&mut s, "credits_capture('a', 'h', 'c', on_insufficient => 'partial')").has(&[
        ("accepted", "t"),
        ("amount", "15"),
        ("from_allowance", "10"),
        ("overdraft", "5"),
    ]);
    assert_eq!(state(&mut s, "h"), "0 15 captured");
    sound(&mut s);
    // Where there is nothing, a part is nothing, and the hold can still be captured.
    let mut s = lapsed_and_spent(true, "0");
    call(&mut s, "credits_debit('a', 10, 'd3')");
    call(&mut s, "credits_capture('a', 'h', 'c', on_insufficient => 'partial')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("entry", "NULL"),
    ]);
    call(&mut s, "credits_capture('a', 'h', 'c')").has(&[("amount", "30"), ("overdraft", "30")]);
    sound(&mut s);
}

#[test]
fn a_lapsed_hold_is_captured_with_its_headroom() {
    let mut s = with_allowance("10", ", overdraft_limit => 20");
    call(&mut s, "credits_hold('a', 25, 'h')");
    s.at("2026-01-31 12:15+00");
    // The headroom is free again, …
    call(&mut s, "credits_hold('a', 30, 'h2')").has(&[("amount", "30"), ("held", "10")]);
    call(&mut s, "credits_release('a', 'h2', 'r')");
    // … and capturing the hold takes all 25.
    call(&mut s, "credits_capture('a', 'h', 'c')").has(&[
        ("amount", "25"),
        ("from_allowance", "10"),
        ("overdraft", "15"),
        ("balance", "-15"),
    ]);
    s.row("SELECT * FROM credits_history WHERE operation = 'lapse'").has(&[
        ("amount", "0"),
        ("from_allowance", "10"),
        ("overdraft", "0"),
    ]);
    sound(&mut s);
}

#[test]
fn releasing_a_lapsed_hold_says_so_and_does_nothing() {
    for recorded in [true, false] {
        let mut s = lapsed_and_spent(recorded, "0");
        let before = balance(&mut s);
        for _ in 0..2 {
            call(&mut s, "credits_release('a', 'h', 'r')").has(&[
                ("operation", "release"),
                ("entry", "NULL"),
                ("accepted", "t"),
                ("refused", "NULL"),
                ("amount", "0"),
                ("from_allowance", "0"),
                ("from_credits", "0"),
                ("overdraft", "0"),
                ("held", "0"),
                ("refers_to", "3"),
            ]);
        }
        assert_eq!(balance(&mut s), before);
        assert_eq!(state(&mut s, "h"), "0 0 lapsed");
        assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'release'"), "0");
        // It keeps no key.
        call(&mut s, "credits_debit('a', 1, 'r')").has(&[("replayed", "f"), ("operation", "debit")]);
        call(&mut s, "credits_capture('a', 'h', 'c', 5)").has(&[("amount", "5")]);
        sound(&mut s);
    }
}

#[test]
fn a_lapse_is_recorded_by_reset_freeze_and_whatever_else_writes() {
    for write in [
        "credits_grant('a', 1, 'g')",
        "credits_freeze_account('a', 'unpaid')",
        "credits_set_feature('a', 'gpu', false)",
        "credits_set_budget('a', 5)",
        "credits_hold('a', 1, 'h2')",
        "credits_reset_cycle('a', 'k')",
    ] {
        let mut s = with_allowance("100", "");
        call(&mut s, "credits_hold('a', 100, 'h')");
        s.at("2026-01-31 12:15+00");
        call(&mut s, write);
        assert_eq!(s.one("SELECT operation FROM credits_history WHERE entry = 4"), "lapse", "{write}");
        the_same_once_recorded(&mut s);
    }
}
