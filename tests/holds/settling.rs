//! Releasing and extending.

use crate::asked::*;

#[test]
fn a_release_gives_back_all_that_is_left() {
    let (mut s, _) = hold_over_three_lots();
    call(&mut s, "credits_capture('a', 'h', 'c', 105, final => false)");
    s.at("2026-01-31 12:05+00");
    call(&mut s, "credits_release('a', 'h', 'r')").has(&[
        ("account", "a"),
        ("entry", "8"),
        ("operation", "release"),
        ("idempotency_key", "r"),
        ("accepted", "t"),
        ("refused", "NULL"),
        ("replayed", "f"),
        ("amount", "25"),
        ("from_allowance", "0"),
        ("from_credits", "25"),
        ("overdraft", "0"),
        ("balance", "95"),
        ("allowance", "0"),
        ("credits", "95"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "80"),
        ("included", "0"),
        ("refers_to", "6"),
        ("recorded_at", "2026-01-31 12:05:00+00"),
    ]);
    s.row("SELECT * FROM credits_history WHERE entry = 8").has(&[
        ("operation", "release"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("from_credits", "25"),
        ("overdraft", "0"),
        ("balance", "95"),
        ("available", "80"),
        ("idempotency_key", "r"),
        ("refers_to", "6"),
    ]);
    assert_eq!(moved(&mut s), ["3 15", "4 10"]);
    assert_eq!(state(&mut s, "h"), "0 105 released");
    for again in [
        "credits_release('a', 'h', 'r2')",
        "credits_capture('a', 'h', 'c2')",
        "credits_capture('a', 'h', 'c2', 1, final => false)",
        "credits_extend_hold('a', 'h', 'e', '1 hour')",
    ] {
        refused(&mut s, "LC007", again);
    }
    s.at("2026-01-31 13:00+00");
    the_same_once_recorded(&mut s);
    assert_eq!(newest(&mut s), "8");
}

#[test]
fn extending_counts_from_now() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_hold('a', 60, 'h', '20 minutes')");
    s.at("2026-01-31 12:10+00");
    call(&mut s, "credits_extend_hold('a', 'h', 'e', '1 hour')").has(&[
        ("entry", "4"),
        ("operation", "extend"),
        ("idempotency_key", "e"),
        ("accepted", "t"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "100"),
        ("allowance", "40"),
        ("held", "60"),
        ("available", "40"),
        ("refers_to", "3"),
    ]);
    assert_eq!(s.one("SELECT amount FROM credits_history WHERE entry = 4"), "0");
    assert_eq!(moved(&mut s), Vec::<String>::new());
    let expires_at = "SELECT expires_at FROM credits_holds";
    assert_eq!(s.one(expires_at), "2026-01-31 13:10:00+00");
    s.at("2026-01-31 13:09:59.999999+00");
    assert_eq!(balance(&mut s), "100 40 0 60 0 40");
    the_same_once_recorded(&mut s);
    // Shorter, too.
    call(&mut s, "credits_extend_hold('a', 'h', 'e2', '1 microsecond')").has(&[("held", "60")]);
    assert_eq!(s.one(expires_at), "2026-01-31 13:10:00+00");
    call(&mut s, "credits_extend_hold('a', 'h', 'e3', '31 days')");
    assert_eq!(s.one(expires_at), "2026-03-03 13:09:59.999999+00");
    call(&mut s, "credits_extend_hold('a', 'h', 'e4', '30 seconds')");
    assert_eq!(s.one(expires_at), "2026-01-31 13:10:29.999999+00");
    s.at("2026-01-31 13:10:29.999998+00");
    assert_eq!(state(&mut s, "h"), "60 0 open");
    s.at("2026-01-31 13:10:29.999999+00");
    assert_eq!(state(&mut s, "h"), "0 0 lapsed");
    assert_eq!(balance(&mut s), "100 100 0 0 0 100");
    refused(&mut s, "LC007", "credits_extend_hold('a', 'h', 'e5', '1 hour')");
    the_same_once_recorded(&mut s);
    refused(&mut s, "LC007", "credits_extend_hold('a', 'h', 'e5', '1 hour')");
}

#[test]
fn a_frozen_account_settles_its_holds_and_makes_no_new_ones() {
    let mut s = with_allowance("100", "");
    for key in ["h1", "h2", "h3", "h4"] {
        call(&mut s, &format!("credits_hold('a', 10, '{key}')"));
    }
    call(&mut s, "credits_freeze_account('a', 'unpaid')");
    refused(&mut s, "LC011", "credits_hold('a', 10, 'h5')");
    call(&mut s, "credits_hold('a', 10, 'h5', on_insufficient => 'refuse')").has(&[
        ("accepted", "f"),
        ("refused", "LC011"),
        ("held", "40"),
    ]);
    call(&mut s, "credits_capture('a', 'h1', 'c', 80)").has(&[
        ("amount", "80"),
        ("from_allowance", "70"),
        ("debt", "10"),
    ]);
    call(&mut s, "credits_release('a', 'h2', 'r')").has(&[("amount", "10"), ("debt", "0"), ("allowance", "0")]);
    call(&mut s, "credits_extend_hold('a', 'h3', 'e', '1 hour')").has(&[("held", "20")]);
    s.at("2026-01-31 12:15+00");
    assert_eq!(balance(&mut s), "20 10 0 10 0 10");
    the_same_once_recorded(&mut s);
    call(&mut s, "credits_capture('a', 'h4', 'c4')").has(&[("amount", "10"), ("from_allowance", "10")]);
    call(&mut s, "credits_capture('a', 'h3', 'c3')").has(&[("balance", "0")]);
    sound(&mut s);
}

#[test]
fn closing_releases_holds_and_expires_what_remains() {
    let mut s = with_allowance("100", ", overdraft_limit => 20, rollover_percent => 50");
    call(&mut s, "credits_grant('a', 50, 'buy')");
    call(&mut s, "credits_hold('a', 60, 'h1')");
    call(&mut s, "credits_capture('a', 'h1', 'c1', 15, final => false)");
    call(&mut s, "credits_hold('a', 100, 'h2')"); // 40 of the allowance, 50 bought, 10 of the limit
    s.at("2026-01-31 12:05+00");
    call(&mut s, "credits_close_account('a', 'gone')").has(&[
        ("status", "closed"),
        ("balance", "0"),
        ("held", "0"),
        ("debt", "0"),
    ]);
    assert_eq!(state(&mut s, "h1"), "0 15 released");
    assert_eq!(state(&mut s, "h2"), "0 0 released");
    assert_eq!(balance(&mut s), "0 0 0 0 0 0");
    // 45 and 40 of the allowance, 50 bought: all of it came back, and then expired.
    let given_back = s.list(
        "SELECT operation, trim_scale(from_allowance), trim_scale(from_credits), refers_to FROM credits_history
         WHERE operation = 'release' ORDER BY refers_to",
    );
    assert_eq!(given_back, ["release|45|0|4", "release|40|50|6"]);
    let expired = s.one("SELECT trim_scale(sum(amount)) FROM credits_history WHERE operation = 'expire'");
    assert_eq!(expired, "-135");
    for gone in [
        "credits_capture('a', 'h1', 'c')",
        "credits_release('a', 'h1', 'r')",
        "credits_extend_hold('a', 'h1', 'e', '1 hour')",
    ] {
        refused(&mut s, "LC011", gone);
    }
    refused(&mut s, "LC011", "credits_hold('a', 1, 'h3')");
    // The earlier receipts stand.
    call(&mut s, "credits_hold('a', 60, 'h1')").has(&[("replayed", "t"), ("held", "60"), ("balance", "150")]);
    call(&mut s, "credits_capture('a', 'h1', 'c1', 15, final => false)").has(&[("replayed", "t"), ("held", "45")]);
    s.at("2026-03-31 12:00+00");
    the_same_once_recorded(&mut s);
}

#[test]
fn a_switched_off_feature_makes_no_holds_and_lets_captures_through() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_hold('a', 10, 'h', feature => 'gpu')");
    call(&mut s, "credits_set_feature('a', 'gpu', false)");
    refused(&mut s, "LC010", "credits_hold('a', 10, 'h2', feature => 'gpu')");
    call(&mut s, "credits_hold('a', 10, 'h2', feature => 'gpu', on_insufficient => 'refuse')")
        .has(&[("accepted", "f"), ("refused", "LC010")]);
    call(&mut s, "credits_hold('a', 10, 'h2')").has(&[("held", "20")]);
    call(&mut s, "credits_capture('a', 'h', 'c')").has(&[("amount", "10"), ("held", "10")]);
    sound(&mut s);
}
