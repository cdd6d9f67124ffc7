//! The same refund or void again, and another with its key.

use crate::asked::*;
use crate::books::settled;
use credits_ledger_tests::{Row, Session};

#[track_caller]
fn replay_of(first: &Row, again: &Row) {
    for (column, value) in first.columns().iter().zip(first.values()) {
        let expected = if column == "replayed" { "t" } else { value };
        assert_eq!(again.get(column), expected, "{column}");
    }
}

/// Refunds and voids of every form, and their receipts.
fn refunds_and_voids() -> (Session, Vec<(&'static str, Row)>) {
    let mut s = with_allowance("100", "");
    for call_ in [
        "credits_define_rate('chat', 2)",
        "credits_grant('a', 50, 'g1')",
        "credits_grant('a', 40, 'g2', 'promo', '2026-02-10 00:00+00', payment_ref => 'pay 2')",
        "credits_grant('a', 30, 'g3', effective_at => '2026-02-20 00:00+00')",
        "credits_debit('a', 145, 'd')",
        "credits_charge('a', 'chat', 3, 'c')",
    ] {
        call(&mut s, call_);
    }
    let calls = [
        "credits_refund('a', 'd', 'r1', 3, reason => 'why')",
        "credits_refund('a', 'd', 'r2', 3, if_expired => 'restore')",
        "credits_refund('a', 'c', 'r3', quantity => 1)",
        "credits_void_grant('a', 'g1', 'v1', 5, reason => 'why')",
        "credits_void_grant('a', 'pay 2', 'v2', 1, true)",
        "credits_void_grant('a', 'g3', 'v3')",
        "credits_void_grant('a', 'g1', 'v4', claw_back => true)",
        "credits_refund('a', 'd', 'r4')",
    ];
    let receipts = calls.map(|text| (text, call(&mut s, text))).to_vec();
    (s, receipts)
}

#[test]
fn each_said_again_returns_its_receipt_whatever_came_after() {
    let (mut s, receipts) = refunds_and_voids();
    assert!(receipts.iter().all(|(_, row)| row.get("replayed") == "f" && row.get("entry") != "NULL"));
    let all_again = |s: &mut Session| {
        let before = newest(s);
        for (text, first) in &receipts {
            replay_of(first, &call(s, text));
        }
        assert_eq!(newest(s), before);
    };
    all_again(&mut s);
    call(&mut s, "credits_set_feature('a', 'chat', false)");
    call(&mut s, "credits_freeze_account('a', 'unpaid')");
    all_again(&mut s);
    s.at("2026-04-01 00:00+00");
    s.run("SELECT credits_maintain()");
    all_again(&mut s);
    call(&mut s, "credits_close_account('a', 'gone')");
    all_again(&mut s);
    settled(&mut s);
}

#[test]
fn what_was_not_said_is_what_the_default_says() {
    let (mut s, _) = refunds_and_voids();
    for same in [
        "credits_refund('a', 'd', 'r1', 3.000000, NULL, 'forfeit', 'another reason')",
        "credits_refund('a', 'd', 'r1', 3, if_expired => NULL)",
        "credits_refund('a', 'c', 'r3', NULL, 1.0)",
        "credits_refund('a', 'd', 'r4', NULL, NULL, 'forfeit', NULL)",
        "credits_void_grant('a', 'g1', 'v1', 5.0, false, 'another reason')",
        "credits_void_grant('a', 'g1', 'v1', 5, NULL)",
        "credits_void_grant('a', 'g3', 'v3', NULL, NULL, NULL)",
    ] {
        call(&mut s, same).has(&[("replayed", "t")]);
    }
    settled(&mut s);
}

#[test]
fn another_request_with_the_same_key_is_an_error() {
    let (mut s, _) = refunds_and_voids();
    for other in [
        "credits_refund('a', 'd', 'r1', 4)",
        "credits_refund('a', 'd', 'r1')",
        "credits_refund('a', 'c', 'r1', 3)",
        "credits_refund('a', 'd', 'r1', 3, if_expired => 'restore')",
        "credits_refund('a', 'd', 'r1', quantity => 3)",
        "credits_refund('a', 'd', 'r2', 3, if_expired => 'forfeit')",
        "credits_refund('a', 'c', 'r3', 1)",
        "credits_refund('a', 'c', 'r3', quantity => 2)",
        "credits_refund('a', 'd', 'r4', 139)",
        "credits_refund('a', 'd', 'd')",
        "credits_refund('a', 'd', 'g1')",
        "credits_refund('a', 'd', 'v1')",
        "credits_void_grant('a', 'g1', 'v1', 6)",
        "credits_void_grant('a', 'g1', 'v1')",
        "credits_void_grant('a', 'g1', 'v1', 5, true)",
        "credits_void_grant('a', 'g2', 'v1', 5)",
        "credits_void_grant('a', 'pay 2', 'v2', 1)",
        "credits_void_grant('a', 'pay 2', 'v2', 2, true)",
        "credits_void_grant('a', 'g3', 'v3', 30)",
        "credits_void_grant('a', 'g1', 'v4')",
        "credits_void_grant('a', 'g1', 'g1')",
        "credits_void_grant('a', 'g1', 'r1')",
        "credits_debit('a', 3, 'r1')",
        "credits_grant('a', 5, 'v1')",
    ] {
        refused(&mut s, "LC003", other);
    }
    settled(&mut s);
}

#[test]
fn a_key_of_a_refused_refund_is_free() {
    let (mut s, _) = refunds_and_voids();
    refused(&mut s, "LC007", "credits_refund('a', 'd', 'r')");
    refused(&mut s, "LC015", "credits_refund('a', 'c', 'r', 5)");
    refused(&mut s, "LC007", "credits_void_grant('a', 'g1', 'r')");
    call(&mut s, "credits_refund('a', 'c', 'r')").has(&[("replayed", "f"), ("amount", "4")]);
    settled(&mut s);
}
