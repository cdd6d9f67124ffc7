//! Captures: exact, less, more, nothing, in several steps, and by quantity.

use crate::asked::*;

#[test]
fn a_capture_of_all_takes_what_is_held() {
    let (mut s, _) = hold_over_three_lots();
    s.at("2026-01-31 12:10+00");
    call(&mut s, "credits_capture('a', 'h', 'c', metadata => '{\"m\": 1}')").has(&[
        ("account", "a"),
        ("entry", "7"),
        ("operation", "capture"),
        ("idempotency_key", "c"),
        ("accepted", "t"),
        ("refused", "NULL"),
        ("replayed", "f"),
        ("amount", "130"),
        ("from_allowance", "100"),
        ("from_credits", "30"),
        ("overdraft", "0"),
        ("balance", "70"),
        ("allowance", "0"),
        ("credits", "70"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "70"),
        ("included", "0"),
        ("refers_to", "6"),
        ("recorded_at", "2026-01-31 12:10:00+00"),
    ]);
    s.row("SELECT * FROM credits_history WHERE entry = 7").has(&[
        ("operation", "capture"),
        ("amount", "-130"),
        ("from_allowance", "100"),
        ("from_credits", "30"),
        ("overdraft", "0"),
        ("balance", "70"),
        ("available", "70"),
        ("feature", "chat"),
        ("included", "0"),
        ("actor", "ann"),
        ("idempotency_key", "c"),
        ("refers_to", "6"),
        ("metadata", "{\"m\": 1}"),
    ]);
    assert_eq!(lots(&mut s), ["1 0+0 spent", "2 50+0 active", "3 0+0 spent", "4 20+0 active"]);
    assert_eq!(moved(&mut s), Vec::<String>::new());
    s.row("SELECT * FROM credits_holds").has(&[
        ("amount", "130"),
        ("remaining", "0"),
        ("captured", "130"),
        ("status", "captured"),
    ]);
    assert_eq!(balance(&mut s), "70 0 70 0 0 70");
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "130");
    s.row("SELECT * FROM credits_usage_daily").has(&[
        ("day", "2026-01-31"),
        ("feature", "chat"),
        ("actor", "ann"),
        ("operations", "1"),
        ("credits", "130"),
        ("from_allowance", "100"),
        ("from_credits", "30"),
    ]);
    for view in ["credits_usage_by_cycle", "credits_invoice_lines"] {
        s.row(&format!("SELECT * FROM {view}")).has(&[
            ("cycle", "1"),
            ("feature", "chat"),
            ("credits", "130"),
            ("from_allowance", "100"),
            ("from_credits", "30"),
        ]);
    }
    // It does not lapse any more.
    s.at("2026-01-31 13:00+00");
    assert_eq!(balance(&mut s), "70 0 70 0 0 70");
    the_same_once_recorded(&mut s);
    assert_eq!(newest(&mut s), "7");
}

#[test]
fn a_final_capture_of_less_takes_the_first_parts_and_gives_the_rest_back() {
    let (mut s, _) = hold_over_three_lots();
    call(&mut s, "credits_capture('a', 'h', 'c', 105)").has(&[
        ("amount", "105"),
        ("from_allowance", "100"),
        ("from_credits", "5"),
        ("overdraft", "0"),
        ("balance", "95"),
        ("allowance", "0"),
        ("credits", "95"),
        ("held", "0"),
        ("available", "80"),
    ]);
    assert_eq!(lots(&mut s), ["1 0+0 spent", "2 50+0 active", "3 15+0 active", "4 30+0 active"]);
    assert_eq!(moved(&mut s), ["3 15", "4 10"]);
    assert_eq!(state(&mut s, "h"), "0 105 captured");
    assert_eq!(balance(&mut s), "95 0 95 0 0 80");
    s.row("SELECT * FROM credits_usage_daily").has(&[
        ("credits", "105"),
        ("from_allowance", "100"),
        ("from_credits", "5"),
    ]);
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "105");
    refused(&mut s, "LC007", "credits_capture('a', 'h', 'c2', 1)");
    sound(&mut s);
}

#[test]
fn a_capture_of_more_draws_the_excess_from_the_lots() {
    let (mut s, _) = hold_over_three_lots();
    call(&mut s, "credits_capture('a', 'h', 'c', 155)").has(&[
        ("amount", "155"),
        ("from_allowance", "100"),
        ("from_credits", "55"),
        ("overdraft", "0"),
        ("balance", "45"),
        ("credits", "45"),
        ("held", "0"),
    ]);
    assert_eq!(moved(&mut s), ["2 -5", "4 -20"]);
    assert_eq!(lots(&mut s), ["1 0+0 spent", "2 45+0 active", "3 0+0 spent", "4 0+0 spent"]);
    assert_eq!(state(&mut s, "h"), "0 155 captured");
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "155");
    s.row("SELECT * FROM credits_usage_by_cycle").has(&[("credits", "155"), ("from_credits", "55")]);
    sound(&mut s);
}

#[test]
fn the_excess_may_come_from_lots_of_the_holds_feature() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 5, 'buy')");
    call(&mut s, "credits_hold('a', 5, 'h', feature => 'chat')");
    call(&mut s, "credits_hold('a', 0.5, 'x', on_insufficient => 'refuse')").has(&[("accepted", "f")]);
    call(&mut s, "credits_grant('a', 20, 'chat', 'promo', features => '{chat}')");
    call(&mut s, "credits_capture('a', 'h', 'c', 12, on_insufficient => 'error')").has(&[
        ("from_credits", "12"),
        ("balance", "13"),
        ("available", "0"),
    ]);
    assert_eq!(moved(&mut s), ["2 -7"]);
    sound(&mut s);
}

#[test]
fn a_capture_of_nothing_releases_all() {
    let (mut s, _) = hold_over_three_lots();
    call(&mut s, "credits_capture('a', 'h', 'c', 0)").has(&[
        ("entry", "7"),
        ("operation", "capture"),
        ("accepted", "t"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "200"),
        ("allowance", "100"),
        ("credits", "100"),
        ("held", "0"),
        ("available", "180"),
        ("refers_to", "6"),
    ]);
    assert_eq!(moved(&mut s), ["1 100", "3 20", "4 10"]);
    assert_eq!(lots(&mut s), ["1 100+0 active", "2 50+0 active", "3 20+0 active", "4 30+0 active"]);
    assert_eq!(state(&mut s, "h"), "0 0 released");
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "0");
    refused(&mut s, "LC007", "credits_capture('a', 'h', 'c2', 0)");
    sound(&mut s);
}

#[test]
fn captures_that_are_not_final_leave_the_hold_open_with_the_rest() {
    let (mut s, _) = hold_over_three_lots();
    call(&mut s, "credits_capture('a', 'h', 'c1', 70, final => false)").has(&[
        ("amount", "70"),
        ("from_allowance", "70"),
        ("from_credits", "0"),
        ("balance", "130"),
        ("held", "60"),
        ("available", "70"),
        ("refers_to", "6"),
    ]);
    assert_eq!(moved(&mut s), Vec::<String>::new());
    assert_eq!(state(&mut s, "h"), "60 70 open");
    assert_eq!(lots(&mut s), ["1 0+30 active", "2 50+0 active", "3 0+20 active", "4 20+10 active"]);
    call(&mut s, "credits_capture('a', 'h', 'c2', 35, final => false)").has(&[
        ("from_allowance", "30"),
        ("from_credits", "5"),
        ("balance", "95"),
        ("held", "25"),
    ]);
    // Nothing of it, and not final, changes nothing of it.
    call(&mut s, "credits_capture('a', 'h', 'c3', 0, final => false)").has(&[("amount", "0"), ("held", "25")]);
    assert_eq!(state(&mut s, "h"), "25 105 open");
    sound(&mut s);
    call(&mut s, "credits_capture('a', 'h', 'c4', 18)").has(&[
        ("from_allowance", "0"),
        ("from_credits", "18"),
        ("balance", "77"),
        ("held", "0"),
        ("refers_to", "6"),
    ]);
    assert_eq!(moved(&mut s), ["4 7"]);
    assert_eq!(state(&mut s, "h"), "0 123 captured");
    s.row("SELECT * FROM credits_usage_daily").has(&[
        ("credits", "123"),
        ("from_allowance", "100"),
        ("from_credits", "23"),
    ]);
    refused(&mut s, "LC007", "credits_capture('a', 'h', 'c5', 1)");
    sound(&mut s);
}

#[test]
fn a_hold_of_which_nothing_is_left_stays_open_until_a_final_capture() {
    for (second, taken) in [("30", "30"), ("NULL", "30"), ("31", "31")] {
        let mut s = with_allowance("100", "");
        call(&mut s, "credits_hold('a', 50, 'h')");
        call(&mut s, "credits_capture('a', 'h', 'c1', 20, final => false)");
        call(&mut s, &format!("credits_capture('a', 'h', 'c2', {second}, final => false)"))
            .has(&[("amount", taken), ("held", "0")]);
        assert!(state(&mut s, "h").ends_with(" open"), "{second}");
        sound(&mut s);
        // Whatever comes now is excess.
        call(&mut s, "credits_capture('a', 'h', 'c3', 4)").has(&[("amount", "4"), ("from_allowance", "4")]);
        assert_eq!(moved(&mut s), ["1 -4"]);
        assert!(state(&mut s, "h").ends_with(" captured"), "{second}");
        refused(&mut s, "LC007", "credits_capture('a', 'h', 'c4', 1)");
        refused(&mut s, "LC007", "credits_release('a', 'h', 'r')");
        sound(&mut s);
    }
}

#[test]
fn a_hold_of_which_nothing_is_left_lapses_or_is_released_like_any_other() {
    for release in [true, false] {
        let mut s = with_allowance("100", "");
        call(&mut s, "credits_hold('a', 50, 'h')");
        call(&mut s, "credits_capture('a', 'h', 'c1', final => false)").has(&[("amount", "50"), ("held", "0")]);
        if release {
            call(&mut s, "credits_release('a', 'h', 'r')").has(&[
                ("amount", "0"),
                ("refers_to", "3"),
                ("balance", "50"),
            ]);
            assert_eq!(state(&mut s, "h"), "0 50 released");
        } else {
            s.at("2026-01-31 12:15+00");
            assert_eq!(state(&mut s, "h"), "0 50 lapsed");
            the_same_once_recorded(&mut s);
            call(&mut s, "credits_capture('a', 'h', 'c2')").has(&[("amount", "0"), ("balance", "50")]);
            refused(&mut s, "LC007", "credits_capture('a', 'h', 'c3')");
        }
        assert_eq!(balance(&mut s), "50 50 0 0 0 50");
        sound(&mut s);
    }
}

/// 50 credits, 30 of them held; 100 are captured.
fn capture_of_twice_the_credits(limit: &str, how: &str) -> credits_ledger_tests::Session {
    let mut s = with_allowance("50", &format!(", overdraft_limit => {limit}"));
    call(&mut s, "credits_hold('a', 30, 'h')");
    println!("limit {limit}, {how}");
    s
}

#[test]
fn an_excess_that_nothing_covers_becomes_debt_by_default() {
    for limit in ["0", "30", "50"] {
        for how in ["", ", on_insufficient => 'allow'", ", on_insufficient => NULL"] {
            let mut s = capture_of_twice_the_credits(limit, how);
            call(&mut s, &format!("credits_capture('a', 'h', 'c', 100 {how})")).has(&[
                ("amount", "100"),
                ("from_allowance", "50"),
                ("overdraft", "50"),
                ("balance", "-50"),
                ("allowance", "0"),
                ("held", "0"),
                ("debt", "50"),
            ]);
            assert_eq!(state(&mut s, "h"), "0 100 captured");
            assert_eq!(moved(&mut s), ["1 -20"]);
            sound(&mut s);
        }
    }
}

#[test]
fn an_excess_that_nothing_covers_can_be_an_error() {
    for (limit, shortfall) in [("0", "50"), ("30", "20"), ("49.999999", "0.000001")] {
        let mut s = capture_of_twice_the_credits(limit, "error");
        let error = refused(&mut s, "LC001", "credits_capture('a', 'h', 'c', 100, on_insufficient => 'error')");
        assert_eq!(error.figure("shortfall"), shortfall, "{error}");
        // The hold is as it was.
        assert_eq!(state(&mut s, "h"), "30 0 open");
        call(&mut s, "credits_capture('a', 'h', 'c', 50, on_insufficient => 'error')").has(&[("balance", "0")]);
        sound(&mut s);
    }
    let mut s = capture_of_twice_the_credits("50", "error");
    call(&mut s, "credits_capture('a', 'h', 'c', 100, on_insufficient => 'error')").has(&[
        ("amount", "100"),
        ("from_allowance", "50"),
        ("overdraft", "50"),
    ]);
    sound(&mut s);
}

#[test]
fn an_excess_that_nothing_covers_can_be_refused() {
    for limit in ["0", "30"] {
        let mut s = capture_of_twice_the_credits(limit, "refuse");
        call(&mut s, "credits_capture('a', 'h', 'c', 100, on_insufficient => 'refuse')").has(&[
            ("entry", "NULL"),
            ("operation", "capture"),
            ("accepted", "f"),
            ("refused", "LC001"),
            ("amount", "0"),
            ("balance", "50"),
            ("held", "30"),
        ]);
        assert_eq!(newest(&mut s), "3");
        assert_eq!(state(&mut s, "h"), "30 0 open");
        call(&mut s, "credits_capture('a', 'h', 'c', 50, on_insufficient => 'refuse')").has(&[("accepted", "t")]);
        sound(&mut s);
    }
}

#[test]
fn of_an_excess_that_nothing_covers_a_part_can_be_taken() {
    for (limit, amount, debt) in [("0", "50", "0"), ("30", "80", "30"), ("60", "100", "50")] {
        let mut s = capture_of_twice_the_credits(limit, "partial");
        call(&mut s, "credits_capture('a', 'h', 'c', 100, on_insufficient => 'partial')").has(&[
            ("accepted", "t"),
            ("amount", amount),
            ("from_allowance", "50"),
            ("overdraft", debt),
            ("debt", debt),
            ("held", "0"),
        ]);
        assert_eq!(state(&mut s, "h"), format!("0 {amount} captured"));
        sound(&mut s);
    }
}

#[test]
fn an_excess_leaves_what_other_holds_reserved() {
    let mut s = with_allowance("100", ", overdraft_limit => 40");
    call(&mut s, "credits_hold('a', 60, 'h1')");
    call(&mut s, "credits_hold('a', 70, 'h2')"); // 40 of the lot and 30 of the limit
    assert_eq!(
        refused(&mut s, "LC001", "credits_capture('a', 'h1', 'c', 71, on_insufficient => 'error')").figure("shortfall"),
        "1"
    );
    call(&mut s, "credits_capture('a', 'h1', 'c', 90, on_insufficient => 'partial')")
        .has(&[("amount", "70"), ("overdraft", "10")]);
    call(&mut s, "credits_capture('a', 'h2', 'c2', on_insufficient => 'error')").has(&[
        ("amount", "70"),
        ("from_allowance", "40"),
        ("overdraft", "30"),
        ("debt", "40"),
    ]);
    sound(&mut s);
}

#[test]
fn what_the_hold_reserved_of_the_limit_is_no_part_of_what_is_missing() {
    let mut s = with_allowance("100", ", overdraft_limit => 20");
    call(&mut s, "credits_hold('a', 110, 'h')");
    let error = refused(&mut s, "LC001", "credits_capture('a', 'h', 'c', 125, on_insufficient => 'error')");
    assert_eq!(error.figure("shortfall"), "5", "{error}");
    call(&mut s, "credits_capture('a', 'h', 'c', 120, on_insufficient => 'error')")
        .has(&[("amount", "120"), ("debt", "20")]);
    sound(&mut s);
}

#[test]
fn a_quantity_is_priced_by_the_rate_of_the_holds_feature() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_define_rate('gpu', 2.5)");
    call(&mut s, "credits_hold('a', 60, 'h', feature => 'gpu')");
    call(&mut s, "credits_capture('a', 'h', 'c1', quantity => 4, final => false)").has(&[
        ("amount", "10"),
        ("from_allowance", "10"),
        ("included", "0"),
        ("held", "50"),
    ]);
    // The rate of the moment counts, not that of the hold.
    s.at("2026-01-31 12:01+00");
    call(&mut s, "credits_define_rate('gpu', 3)");
    call(&mut s, "credits_capture('a', 'h', 'c2', quantity => 7)").has(&[("amount", "21"), ("balance", "69")]);
    assert_eq!(moved(&mut s), ["1 29"]);
    let history = s.list(
        "SELECT trim_scale(amount), trim_scale(quantity), feature FROM credits_history WHERE operation = 'capture' ORDER BY entry",
    );
    assert_eq!(history, ["-10|4|gpu", "-21|7|gpu"]);
    s.row("SELECT * FROM credits_usage_by_cycle").has(&[("operations", "2"), ("quantity", "11"), ("credits", "31")]);
    assert_eq!(state(&mut s, "h"), "0 31 captured");
    sound(&mut s);
}

#[test]
fn included_units_come_before_what_is_held() {
    let mut s = session();
    call(&mut s, "credits_define_plan('team', 100)");
    call(&mut s, "credits_include('team', 'gpu', 8)");
    call(&mut s, "credits_define_rate('gpu', 2)");
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_subscribe('a', 'team', 's')");
    call(&mut s, "credits_hold('a', 30, 'h', feature => 'gpu')");
    call(&mut s, "credits_capture('a', 'h', 'c1', quantity => 5, final => false)").has(&[
        ("amount", "0"),
        ("included", "5"),
        ("held", "30"),
    ]);
    assert_eq!(state(&mut s, "h"), "30 0 open");
    call(&mut s, "credits_capture('a', 'h', 'c2', quantity => 10)").has(&[
        ("amount", "14"),
        ("included", "3"),
        ("held", "0"),
        ("balance", "86"),
        ("allowance", "86"),
    ]);
    call(&mut s, "credits_charge('a', 'gpu', 1, 'x')").has(&[("amount", "2"), ("included", "0")]);
    s.row("SELECT * FROM credits_usage_by_cycle").has(&[("quantity", "16"), ("included", "8"), ("credits", "16")]);
    sound(&mut s);
}

#[test]
fn packages_are_paid_by_what_is_held_and_their_rest_is_used_first() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_define_rate('run', 7, 100, 'package')");
    call(&mut s, "credits_charge('a', 'run', 30, 'x')");
    call(&mut s, "credits_hold('a', 20, 'h', feature => 'run')");
    // 70 of the first package, and 80 of a second one
    call(&mut s, "credits_capture('a', 'h', 'c1', quantity => 150, final => false)")
        .has(&[("amount", "7"), ("held", "13")]);
    call(&mut s, "credits_capture('a', 'h', 'c2', quantity => 20, final => false)")
        .has(&[("amount", "0"), ("held", "13")]);
    call(&mut s, "credits_charge('a', 'run', 1, 'y')").has(&[("amount", "7")]);
    // 99 are left of the third; two more for 101 units on top: 13 held and 1 of the lot
    call(&mut s, "credits_capture('a', 'h', 'c3', quantity => 200)").has(&[
        ("amount", "14"),
        ("held", "0"),
        ("balance", "65"),
    ]);
    assert_eq!(moved(&mut s), ["1 -1"]);
    assert_eq!(state(&mut s, "h"), "0 21 captured");
    sound(&mut s);
}

#[test]
fn packages_are_not_captured_in_part() {
    let mut s = with_allowance("3", "");
    call(&mut s, "credits_define_rate('run', 1, 100, 'package')");
    call(&mut s, "credits_hold('a', 1, 'h', feature => 'run')");
    for quantity in ["1000", "10"] {
        let capture = format!("credits_capture('a', 'h', 'c', quantity => {quantity}, on_insufficient => 'partial')");
        refused(&mut s, "LC005", &capture);
    }
    // An amount can be.
    call(&mut s, "credits_capture('a', 'h', 'c', 10, on_insufficient => 'partial')").has(&[("amount", "3")]);
    sound(&mut s);
}

#[test]
fn a_refused_quantity_uses_no_units() {
    let mut s = session();
    call(&mut s, "credits_define_plan('team', 10)");
    call(&mut s, "credits_include('team', 'run', 5)");
    call(&mut s, "credits_define_rate('run', 7, 100, 'package')");
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_subscribe('a', 'team', 's')");
    call(&mut s, "credits_hold('a', 8, 'h', feature => 'run')");
    refused(&mut s, "LC001", "credits_capture('a', 'h', 'c', quantity => 106, on_insufficient => 'error')");
    call(&mut s, "credits_capture('a', 'h', 'c', quantity => 105, on_insufficient => 'error')").has(&[
        ("amount", "7"),
        ("included", "5"),
        ("balance", "3"),
    ]);
    sound(&mut s);
}
