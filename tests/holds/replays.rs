//! The same call again, and another call with the same key.

use crate::asked::*;
use credits_ledger_tests::Row;

#[track_caller]
fn replay_of(first: &Row, again: &Row) {
    for (column, value) in first.columns().iter().zip(first.values()) {
        let expected = if column == "replayed" { "t" } else { value };
        assert_eq!(again.get(column), expected, "{column}");
    }
}

#[test]
fn each_call_said_again_returns_its_receipt_whatever_came_after() {
    let mut s = with_allowance("100", ", overdraft_limit => 10");
    call(&mut s, "credits_define_rate('gpu', 2)");
    let calls = [
        "credits_hold('a', 70, 'h1', '1 hour', 'gpu', 'ann', 'doc', metadata => '{\"a\": 1}')",
        "credits_hold('a', 38, 'h2', on_insufficient => 'partial')",
        "credits_capture('a', 'h1', 'c1', 20, final => false)",
        "credits_capture('a', 'h1', 'c2', quantity => 5, final => false)",
        "credits_extend_hold('a', 'h1', 'e1', '40 minutes')",
        "credits_release('a', 'h2', 'r1')",
        "credits_capture('a', 'h1', 'c3', on_insufficient => 'error')",
        "credits_hold('a', 5, 'h3', '1 minute')",
    ];
    let first: Vec<Row> = calls.iter().map(|text| call(&mut s, text)).collect();
    let all_again = |s: &mut credits_ledger_tests::Session| {
        let before = newest(s);
        for (text, first) in calls.iter().zip(&first) {
            replay_of(first, &call(s, text));
        }
        assert_eq!(newest(s), before);
    };
    all_again(&mut s);
    call(&mut s, "credits_set_feature('a', 'gpu', false)");
    call(&mut s, "credits_set_budget('a', 1)");
    call(&mut s, "credits_freeze_account('a', 'unpaid')");
    all_again(&mut s);
    s.at("2026-04-01 00:00+00");
    s.run("SELECT credits_maintain()");
    all_again(&mut s);
    // A lapsed hold's capture and its replay.
    let late = call(&mut s, "credits_capture('a', 'h3', 'c4')");
    late.has(&[("amount", "5"), ("replayed", "f")]);
    replay_of(&late, &call(&mut s, "credits_capture('a', 'h3', 'c4')"));
    call(&mut s, "credits_close_account('a', 'gone')");
    all_again(&mut s);
    replay_of(&late, &call(&mut s, "credits_capture('a', 'h3', 'c4')"));
    sound(&mut s);
}

#[test]
fn what_was_not_said_is_what_the_default_says() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_hold('a', 10, 'h')");
    for same in [
        "credits_hold('a', 10.000000, 'h', '15 minutes')",
        "credits_hold('a', 10, 'h', NULL, on_insufficient => NULL)",
        "credits_hold('a', 10, 'h', '900 seconds', metadata => '{\"other\": 1}')",
    ] {
        call(&mut s, same).has(&[("replayed", "t"), ("entry", "3")]);
    }
    call(&mut s, "credits_capture('a', 'h', 'c', 4)");
    for same in [
        "credits_capture('a', 'h', 'c', 4.0, NULL, true, 'allow')",
        "credits_capture('a', 'h', 'c', 4, final => NULL, on_insufficient => NULL, metadata => '{\"other\": 1}')",
    ] {
        call(&mut s, same).has(&[("replayed", "t"), ("entry", "4")]);
    }
    sound(&mut s);
}

#[test]
fn another_request_with_the_same_key_is_an_error() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_define_rate('gpu', 2)");
    call(&mut s, "credits_hold('a', 10, 'h', '20 minutes', 'gpu', 'ann', 'doc', 'refuse')");
    call(&mut s, "credits_hold('a', 10, 'h2')");
    call(&mut s, "credits_capture('a', 'h', 'c', 4, final => false)");
    call(&mut s, "credits_capture('a', 'h', 'q', quantity => 1, final => false)");
    call(&mut s, "credits_extend_hold('a', 'h', 'e', '20 minutes')");
    call(&mut s, "credits_release('a', 'h2', 'r')");
    for other in [
        "credits_hold('a', 11, 'h', '20 minutes', 'gpu', 'ann', 'doc', 'refuse')",
        "credits_hold('a', 10, 'h', '21 minutes', 'gpu', 'ann', 'doc', 'refuse')",
        "credits_hold('a', 10, 'h', '20 minutes', NULL, 'ann', 'doc', 'refuse')",
        "credits_hold('a', 10, 'h', '20 minutes', 'gpu', 'bob', 'doc', 'refuse')",
        "credits_hold('a', 10, 'h', '20 minutes', 'gpu', 'ann', NULL, 'refuse')",
        "credits_hold('a', 10, 'h', '20 minutes', 'gpu', 'ann', 'doc', 'error')",
        "credits_debit('a', 10, 'h', 'gpu', 'ann', 'doc', 'refuse')",
        "credits_capture('a', 'h', 'h')",
        "credits_capture('a', 'h', 'c', 5, final => false)",
        "credits_capture('a', 'h', 'c', 4, final => true)",
        "credits_capture('a', 'h2', 'c', 4, final => false)",
        "credits_capture('a', 'h', 'c', 4, final => false, on_insufficient => 'error')",
        "credits_capture('a', 'h', 'c', quantity => 4, final => false)",
        "credits_capture('a', 'h', 'q', 2, final => false)",
        "credits_release('a', 'h', 'c')",
        "credits_release('a', 'h', 'r')",
        "credits_extend_hold('a', 'h', 'e', '21 minutes')",
        "credits_extend_hold('a', 'h2', 'e', '20 minutes')",
        "credits_grant('a', 10, 'h')",
    ] {
        refused(&mut s, "LC003", other);
    }
    assert_eq!(state(&mut s, "h"), "4 6 open");
    sound(&mut s);
}
