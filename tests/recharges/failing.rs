//! Failures: backoff, new keys, suspension.

use crate::asked::*;

#[test]
fn three_declines_suspend_and_a_new_card_asks_anew() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", "");
    debit(&mut s, "30", "d");
    let mut keys = Vec::new();
    // After 1 hour, then 6 hours more.
    for (attempt, now, next) in [
        (1, "2026-01-10 12:10:00+00", "2026-01-10 13:10:00+00"),
        (2, "2026-01-10 13:10:00+00", "2026-01-10 19:10:00+00"),
        (3, "2026-01-10 19:10:00+00", "NULL"),
    ] {
        s.at(now);
        let claimed = claim_one(&mut s);
        claimed.has(&[("recharge", "1"), ("attempt", &attempt.to_string())]);
        keys.push(claimed.get("payment_idempotency_key").to_owned());
        fail(&mut s, 1, attempt).has(&[
            ("status", if attempt == 3 { "failed" } else { "open" }),
            ("attempts", &attempt.to_string()),
            ("last_error_code", "card_declined"),
            ("last_error", "Your card was declined."),
            ("next_attempt_at", next),
            ("settled_at", if attempt == 3 { now } else { "NULL" }),
        ]);
        if attempt < 3 {
            assert_eq!(claim(&mut s), Vec::<String>::new());
            s.at(&next.replace(":10:00", ":09:59.999999"));
            assert_eq!(claim(&mut s), Vec::<String>::new(), "not before {next}");
        }
    }
    keys.dedup();
    assert_eq!(keys.len(), 3, "a new key after each recorded failure: {keys:?}");
    s.row("SELECT * FROM credits_auto_recharges").has(&[
        ("enabled", "t"),
        ("status", "suspended"),
        ("failures", "3"),
        ("last_error_code", "card_declined"),
        ("last_error", "Your card was declined."),
    ]);
    assert_eq!(
        events(&mut s),
        ["recharge.requested", "recharge.failed", "recharge.failed", "recharge.failed", "recharge.suspended"]
    );
    assert_eq!(
        s.list("SELECT payload ->> 'attempt', payload ->> 'code' FROM credits_events WHERE type = 'recharge.failed' ORDER BY event"),
        ["1|card_declined", "2|card_declined", "3|card_declined"]
    );
    sound(&mut s);
    // Suspended: nothing is asked for, also where it is set as it was.
    debit(&mut s, "5", "d2");
    s.run("SELECT credits_debit('a', 500, 'r', on_insufficient => 'refuse')");
    set(&mut s, "100, 'pack', payment_method => 'card'").has(&[("status", "suspended")]);
    set(&mut s, "90, 'pack', payment_method => 'card'").has(&[("status", "suspended")]);
    assert_eq!(requests(&mut s), ["1 failed 1 50 4 EUR"]);
    // A new card.
    set(&mut s, "100, 'pack', payment_method => 'new card'").has(&[("status", "active"), ("failures", "0")]);
    assert_eq!(requests(&mut s), ["1 failed 1 50 4 EUR", "2 open 1 50 4 EUR"]);
    let claimed = claim_one(&mut s);
    claimed.has(&[("recharge", "2"), ("attempt", "1"), ("payment_method", "new card")]);
    assert!(!keys.contains(&claimed.get("payment_idempotency_key").to_owned()));
    complete(&mut s, 2, "pi").has(&[("available", "115")]);
    s.row("SELECT * FROM credits_auto_recharges").has(&[("status", "active"), ("last_error_code", "NULL")]);
    sound(&mut s);
}

#[test]
fn resuming_asks_anew_with_a_new_key_and_counts_from_the_start() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", "");
    debit(&mut s, "30", "d");
    let first = claim_one(&mut s);
    call(&mut s, "credits_fail_recharge('a', 1, 1, 'stolen_card', 'no', suspend => true)").has(&[("status", "failed")]);
    assert_eq!(events(&mut s), ["recharge.requested", "recharge.failed", "recharge.suspended"]);
    call(&mut s, "credits_resume_auto_recharge('a')").has(&[("status", "active"), ("failures", "0")]);
    assert_eq!(requests(&mut s), ["1 failed 1 50 4 EUR", "2 open 1 50 4 EUR"]);
    assert_ne!(claim_one(&mut s).get("payment_idempotency_key"), first.get("payment_idempotency_key"));
    fail(&mut s, 2, 1).has(&[("status", "open"), ("next_attempt_at", "2026-01-10 13:00:00+00")]);
    // Resuming what is not suspended changes nothing.
    let entry = s.one("SELECT entry FROM credits_balance('a')");
    call(&mut s, "credits_resume_auto_recharge('a')").has(&[("status", "active"), ("failures", "1")]);
    assert_eq!(s.one("SELECT entry FROM credits_balance('a')"), entry);
    assert_eq!(code(&mut s, "credits_resume_auto_recharge('b')"), "LC002");
    s.run("SELECT credits_open_account('b')");
    assert_eq!(code(&mut s, "credits_resume_auto_recharge('b')"), "LC006");
    sound(&mut s);
}

#[test]
fn after_a_failure_the_payment_method_is_read_anew_and_nothing_else() {
    let mut s = claimed();
    s.run("SELECT credits_define_pack('pack', 60, 9, 'USD'), credits_define_pack('other', 1, 1, 'USD')");
    set(&mut s, "10, 'other', payment_method => 'new card'");
    fail(&mut s, 1, 1);
    s.at("2026-01-10 13:00+00");
    claim_one(&mut s).has(&[
        ("recharge", "1"),
        ("attempt", "2"),
        ("payment_method", "new card"),
        ("pack", "pack"),
        ("credits", "50"),
        ("price", "4"),
        ("currency", "EUR"),
    ]);
    sound(&mut s);
}

#[test]
fn a_success_ends_the_row_of_failures() {
    let mut s = claimed();
    fail(&mut s, 1, 1);
    s.at("2026-01-10 13:00+00");
    claim_one(&mut s);
    fail(&mut s, 1, 2);
    s.at("2026-01-10 19:00+00");
    claim_one(&mut s);
    complete(&mut s, 1, "pi_1").has(&[("available", "120")]);
    debit(&mut s, "30", "d2");
    claim_one(&mut s).has(&[("recharge", "2")]);
    fail(&mut s, 2, 1).has(&[("status", "open"), ("next_attempt_at", "2026-01-10 20:00:00+00")]);
    sound(&mut s);
}

#[test]
fn a_stale_attempt_cannot_fail() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", "");
    debit(&mut s, "30", "d");
    let failing = |attempt: i64| format!("credits_fail_recharge('a', 1, {attempt}, 'x', 'y')");
    // Nobody has claimed it yet.
    assert_eq!(code(&mut s, &failing(0)), "LC007");
    assert_eq!(code(&mut s, &failing(1)), "LC007");
    claim_one(&mut s);
    s.at("2026-01-10 12:05+00");
    claim_one(&mut s).has(&[("attempt", "2")]);
    for stale in [1, 3] {
        assert_eq!(code(&mut s, &failing(stale)), "LC007", "{stale}");
    }
    fail(&mut s, 1, 2).has(&[("attempts", "2")]);
    assert_eq!(code(&mut s, &failing(2)), "LC007", "it is recorded already");
    assert_eq!(code(&mut s, "credits_fail_recharge('a', 9, 1, 'x', 'y')"), "LC006");
    assert_eq!(code(&mut s, "credits_fail_recharge('b', 1, 1, 'x', 'y')"), "LC002");
    assert_eq!(code(&mut s, "credits_complete_recharge('a', 9, 'pi')"), "LC006");
    assert_eq!(code(&mut s, "credits_complete_recharge('b', 1, 'pi')"), "LC002");
    assert_eq!(events(&mut s), ["recharge.requested", "recharge.failed"]);
    sound(&mut s);
}
