//! Setting aside.

use crate::asked::*;

#[test]
fn a_hold_sets_aside_from_several_lots_in_burn_order() {
    let (mut s, held) = hold_over_three_lots();
    held.has(&[
        ("account", "a"),
        ("entry", "6"),
        ("operation", "hold"),
        ("idempotency_key", "h"),
        ("accepted", "t"),
        ("refused", "NULL"),
        ("replayed", "f"),
        ("amount", "130"),
        ("from_allowance", "100"),
        ("from_credits", "30"),
        ("overdraft", "0"),
        ("balance", "200"),
        ("allowance", "0"),
        ("credits", "70"),
        ("held", "130"),
        ("debt", "0"),
        ("available", "70"),
        ("included", "0"),
        ("refers_to", "NULL"),
        ("recorded_at", "2026-01-31 12:00:00+00"),
    ]);
    assert_eq!(lots(&mut s), ["1 0+100 active", "2 50+0 active", "3 0+20 active", "4 20+10 active"]);
    assert_eq!(moved(&mut s), ["1 -100", "3 -20", "4 -10"]);
    s.row("SELECT * FROM credits_holds").has(&[
        ("account", "a"),
        ("hold_key", "h"),
        ("entry", "6"),
        ("amount", "130"),
        ("remaining", "130"),
        ("captured", "0"),
        ("status", "open"),
        ("feature", "chat"),
        ("actor", "ann"),
        ("resource", "doc 7"),
        ("expires_at", "2026-01-31 12:15:00+00"),
    ]);
    s.row("SELECT * FROM credits_history WHERE entry = 6").has(&[
        ("operation", "hold"),
        ("amount", "0"),
        ("from_allowance", "100"),
        ("from_credits", "30"),
        ("overdraft", "0"),
        ("balance", "200"),
        ("available", "70"),
        ("feature", "chat"),
        ("quantity", "NULL"),
        ("included", "0"),
        ("actor", "ann"),
        ("resource", "doc 7"),
        ("idempotency_key", "h"),
        ("refers_to", "NULL"),
        ("reason", "NULL"),
        ("effective_at", "2026-01-31 12:00:00+00"),
        ("recorded_at", "2026-01-31 12:00:00+00"),
        ("recorded_by", "postgres"),
        ("metadata", "{\"t\": 9}"),
    ]);
    assert_eq!(balance(&mut s), "200 0 70 130 0 70");
    // Holds are no usage.
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "0");
    for view in ["credits_usage_daily", "credits_usage_by_cycle", "credits_invoice_lines"] {
        assert_eq!(s.list(&format!("SELECT * FROM {view}")), Vec::<String>::new(), "{view}");
    }
    sound(&mut s);
}

#[test]
fn what_is_held_is_spent_by_nobody_else() {
    let (mut s, _) = hold_over_three_lots();
    let error = refused(&mut s, "LC001", "credits_debit('a', 71, 'd', 'chat')");
    assert!(error.detail.starts_with("available=70 required=71 shortfall=1 "), "{error}");
    let error = refused(&mut s, "LC001", "credits_hold('a', 70.000001, 'h2', feature => 'chat')");
    assert!(error.detail.starts_with("available=70 required=70.000001 shortfall=0.000001 "), "{error}");
    // The rest of the promo, then the purchase.
    let explained = s.list("SELECT lot, trim_scale(takes) FROM credits_explain_debit('a', 30)");
    assert_eq!(explained, ["4|20", "2|10"]);
    call(&mut s, "credits_hold('a', 30, 'h2')").has(&[
        ("amount", "30"),
        ("from_allowance", "0"),
        ("from_credits", "30"),
        ("held", "160"),
        ("available", "40"),
    ]);
    call(&mut s, "credits_debit('a', 40, 'd')").has(&[("balance", "160"), ("held", "160"), ("available", "0")]);
    assert_eq!(lots(&mut s), ["1 0+100 active", "2 0+10 active", "3 0+20 active", "4 0+30 active"]);
    assert_eq!(balance(&mut s), "160 0 0 160 0 0");
    sound(&mut s);
}

#[test]
fn a_hold_without_the_feature_leaves_restricted_lots_alone() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 20, 'chat', 'promo', features => '{chat}')");
    call(&mut s, "credits_grant('a', 5, 'buy')");
    let error = refused(&mut s, "LC001", "credits_hold('a', 6, 'h')");
    assert!(error.detail.starts_with("available=5 required=6 shortfall=1 "), "{error}");
    refused(&mut s, "LC001", "credits_hold('a', 6, 'h', feature => 'image')");
    call(&mut s, "credits_hold('a', 6, 'h', feature => 'chat')").has(&[("credits", "19"), ("available", "5")]);
    call(&mut s, "credits_hold('a', 5, 'h2')").has(&[("credits", "14"), ("available", "0"), ("held", "11")]);
    assert_eq!(lots(&mut s), ["1 14+6 active", "2 0+5 active"]);
    sound(&mut s);
}

#[test]
fn too_little_is_an_error_a_refusal_or_a_part() {
    let mut s = with_allowance("10", "");
    let error = refused(&mut s, "LC001", "credits_hold('a', 12, 'h')");
    assert!(error.detail.starts_with("available=10 required=12 shortfall=2 resets_at="), "{error}");
    call(&mut s, "credits_hold('a', 12, 'h', on_insufficient => 'refuse')").has(&[
        ("entry", "NULL"),
        ("operation", "hold"),
        ("idempotency_key", "h"),
        ("accepted", "f"),
        ("refused", "LC001"),
        ("amount", "0"),
        ("balance", "10"),
        ("held", "0"),
        ("available", "10"),
    ]);
    assert_eq!(newest(&mut s), "2");
    assert_eq!(s.one("SELECT count(*) FROM credits_holds"), "0");
    // The key is free still.
    call(&mut s, "credits_hold('a', 12, 'h', on_insufficient => 'partial')").has(&[
        ("entry", "3"),
        ("accepted", "t"),
        ("amount", "10"),
        ("from_allowance", "10"),
        ("held", "10"),
        ("available", "0"),
    ]);
    s.row("SELECT * FROM credits_holds").has(&[("amount", "10"), ("remaining", "10")]);
    // Where there is nothing, a part is nothing.
    call(&mut s, "credits_hold('a', 1, 'h2', on_insufficient => 'partial')").has(&[
        ("entry", "NULL"),
        ("accepted", "f"),
        ("refused", "LC001"),
    ]);
    sound(&mut s);
}

#[test]
fn headroom_is_reserved_and_becomes_debt_at_capture_only() {
    let mut s = with_allowance("100", ", overdraft_limit => 40");
    call(&mut s, "credits_hold('a', 130, 'h')").has(&[
        ("amount", "130"),
        ("from_allowance", "100"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "100"),
        ("allowance", "0"),
        ("held", "100"),
        ("debt", "0"),
        ("available", "0"),
    ]);
    assert_eq!(state(&mut s, "h"), "130 0 open");
    assert_eq!(lots(&mut s), ["1 0+100 active"]);
    // 30 of the 40 are reserved.
    assert_eq!(refused(&mut s, "LC001", "credits_debit('a', 11, 'd')").figure("shortfall"), "1");
    assert_eq!(refused(&mut s, "LC001", "credits_hold('a', 11, 'h2')").figure("shortfall"), "1");
    call(&mut s, "credits_debit('a', 10, 'd')").has(&[("overdraft", "10"), ("debt", "10"), ("balance", "90")]);
    refused(&mut s, "LC001", "credits_debit('a', 0.000001, 'd2')");
    sound(&mut s);
    call(&mut s, "credits_capture('a', 'h', 'c', on_insufficient => 'error')").has(&[
        ("amount", "130"),
        ("from_allowance", "100"),
        ("overdraft", "30"),
        ("balance", "-40"),
        ("held", "0"),
        ("debt", "40"),
    ]);
    assert_eq!(state(&mut s, "h"), "0 130 captured");
    sound(&mut s);
}

#[test]
fn a_part_may_be_made_up_of_headroom() {
    let mut s = with_allowance("100", ", overdraft_limit => 40");
    call(&mut s, "credits_hold('a', 200, 'h', on_insufficient => 'partial')").has(&[
        ("amount", "140"),
        ("from_allowance", "100"),
        ("overdraft", "0"),
        ("held", "100"),
    ]);
    call(&mut s, "credits_release('a', 'h', 'r')").has(&[
        ("amount", "140"),
        ("from_allowance", "100"),
        ("overdraft", "0"),
        ("balance", "100"),
        ("held", "0"),
        ("available", "100"),
    ]);
    // All of the headroom is there again.
    call(&mut s, "credits_debit('a', 140, 'd')").has(&[("overdraft", "40")]);
    sound(&mut s);
}

#[test]
fn headroom_alone_can_be_held() {
    let mut s = with_allowance("0", ", overdraft_limit => 40");
    call(&mut s, "credits_hold('a', 25, 'h')").has(&[("amount", "25"), ("held", "0"), ("balance", "0"), ("debt", "0")]);
    refused(&mut s, "LC001", "credits_hold('a', 16, 'h2')");
    call(&mut s, "credits_capture('a', 'h', 'c', 10, final => false)").has(&[("overdraft", "10"), ("debt", "10")]);
    assert_eq!(state(&mut s, "h"), "15 10 open");
    // 10 are owed and 15 reserved.
    assert_eq!(refused(&mut s, "LC001", "credits_debit('a', 16, 'd')").figure("shortfall"), "1");
    call(&mut s, "credits_capture('a', 'h', 'c2', 5)").has(&[("overdraft", "5"), ("debt", "15")]);
    call(&mut s, "credits_debit('a', 25, 'd')").has(&[("debt", "40")]);
    sound(&mut s);
}

#[test]
fn headroom_that_is_reserved_outlives_a_lower_limit() {
    let mut s = with_allowance("0", ", overdraft_limit => 40");
    call(&mut s, "credits_hold('a', 25, 'h')");
    call(&mut s, "credits_configure_account('a', overdraft_limit => 0)");
    refused(&mut s, "LC001", "credits_debit('a', 1, 'd')");
    call(&mut s, "credits_capture('a', 'h', 'c', on_insufficient => 'error')").has(&[("amount", "25"), ("debt", "25")]);
    sound(&mut s);
}
