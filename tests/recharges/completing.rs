//! Claims, leases, and completion, which wins over everything but completion.

use crate::asked::*;

#[test]
fn a_worker_gets_what_to_charge_and_completing_credits_it_once() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", ", max_packs => 3");
    debit(&mut s, "30", "d");
    let claimed = claim_one(&mut s);
    claimed.has(&[
        ("account", "a"),
        ("recharge", "1"),
        ("attempt", "1"),
        ("pack", "pack"),
        ("quantity", "1"),
        ("credits", "50"),
        ("price", "4"),
        ("currency", "EUR"),
        ("payment_method", "card"),
    ]);
    assert!((16..=255).contains(&claimed.get("payment_idempotency_key").len()));
    assert_eq!(requests(&mut s), ["1 claimed 1 50 4 EUR"]);
    s.at("2026-01-10 12:01+00");
    let receipt = complete(&mut s, 1, "pi_1");
    receipt.has(&[
        ("entry", "5"),
        ("operation", "recharge"),
        ("idempotency_key", "NULL"),
        ("replayed", "f"),
        ("amount", "50"),
        ("from_credits", "50"),
        ("balance", "120"),
    ]);
    s.row("SELECT * FROM credits_recharges").has(&[
        ("status", "completed"),
        ("payment_ref", "pi_1"),
        ("entry", "5"),
        ("settled_at", "2026-01-10 12:01:00+00"),
        ("next_attempt_at", "NULL"),
    ]);
    s.row("SELECT * FROM credits_grants WHERE entry = 5").has(&[
        ("kind", "purchase"),
        ("amount", "50"),
        ("price", "4"),
        ("currency", "EUR"),
        ("payment_ref", "pi_1"),
        ("expires_at", "NULL"),
    ]);
    s.row("SELECT * FROM credits_history WHERE entry = 5").has(&[("operation", "recharge"), ("pack", "pack")]);
    // Again with its payment: the same entry, as it was.
    debit(&mut s, "1", "d2");
    let again = complete(&mut s, 1, "pi_1");
    again.has(&[("replayed", "t"), ("entry", "5"), ("amount", "50"), ("balance", "120")]);
    // With another one: it is closed.
    assert_eq!(code(&mut s, "credits_complete_recharge('a', 1, 'pi_2')"), "LC007");
    assert_eq!(code(&mut s, "credits_fail_recharge('a', 1, 1, 'x', 'y')"), "LC007");
    assert_eq!(balance(&mut s), "119 119 0");
    assert_eq!(events(&mut s), ["recharge.requested", "recharge.completed"]);
    sound(&mut s);
}

#[test]
fn a_worker_that_died_after_charging_charges_nothing_twice() {
    let (db, mut s) = shop();
    with_credits(&mut s, "100", "");
    debit(&mut s, "30", "d");
    let mut worker = db.session();
    worker.at(JAN);
    let first = worker.row("SELECT * FROM credits_claim_recharges(10, '5 minutes')");
    // It charged, and died. What is set meanwhile does not change what that key stands for.
    drop(worker);
    s.run("SELECT credits_define_pack('pack', 60, 9, 'USD')");
    set(&mut s, "100, 'pack', payment_method => 'another card'");
    s.at("2026-01-10 12:04:59.999999+00");
    assert_eq!(claim(&mut s), Vec::<String>::new());
    s.at("2026-01-10 12:05+00");
    let second = claim_one(&mut s);
    second.has(&[("attempt", "2"), ("recharge", "1")]);
    for column in ["payment_idempotency_key", "price", "currency", "payment_method", "credits", "quantity"] {
        assert_eq!(second.get(column), first.get(column), "{column}");
    }
    // The provider answers with the same payment, whoever completes first.
    complete(&mut s, 1, "pi_1").has(&[("replayed", "f"), ("balance", "120")]);
    complete(&mut s, 1, "pi_1").has(&[("replayed", "t"), ("balance", "120")]);
    assert_eq!(balance(&mut s), "120 120 0");
    sound(&mut s);
}

#[test]
fn late_success_credits_after_a_cancellation_a_failure_a_freeze_and_a_downgrade() {
    // Cancelled: switched off while the worker was charging.
    let mut s = claimed();
    set(&mut s, "100, 'pack', payment_method => 'card', enabled => false");
    s.at("2026-01-10 12:05+00");
    assert_eq!(claim(&mut s), Vec::<String>::new());
    assert_eq!(requests(&mut s), ["1 cancelled 1 50 4 EUR"]);
    complete(&mut s, 1, "pi_1").has(&[("accepted", "t"), ("balance", "120")]);
    assert_eq!(requests(&mut s), ["1 completed 1 50 4 EUR"]);
    sound(&mut s);
    // Failed for good.
    let mut s = claimed();
    call(&mut s, "credits_fail_recharge('a', 1, 1, 'fraud', 'stop', suspend => true)").has(&[("status", "failed")]);
    complete(&mut s, 1, "pi_1").has(&[("balance", "120")]);
    sound(&mut s);
    // Frozen.
    let mut s = claimed();
    s.run("SELECT credits_freeze_account('a', 'why')");
    complete(&mut s, 1, "pi_1").has(&[("balance", "120")]);
    sound(&mut s);
    // On a plan without purchases by now.
    let mut s = claimed();
    s.run("SELECT credits_define_plan('no', 0, purchases => false), credits_subscribe('a', 'no', 's')");
    complete(&mut s, 1, "pi_1").has(&[("balance", "120")]);
    sound(&mut s);
    // On a closed account the money is recorded and expires at once, with an event.
    let mut s = claimed();
    s.run("SELECT credits_close_account('a', 'gone')");
    complete(&mut s, 1, "pi_1").has(&[("amount", "50")]);
    assert_eq!(balance(&mut s), "0 0 0");
    assert_eq!(
        s.list("SELECT type, payload ->> 'amount' FROM credits_events WHERE type <> 'cycle.closed' ORDER BY event"),
        ["recharge.requested|NULL", "lot.expired|70", "lot.expired|50", "recharge.completed|NULL"]
    );
    sound(&mut s);
}

#[test]
fn a_payment_that_a_purchase_credited_closes_the_request() {
    let mut s = claimed();
    // The provider's webhook was quicker than the worker.
    call(&mut s, "credits_purchase('a', 'pack', 'pi_1', 'webhook', 4)").has(&[("entry", "5"), ("balance", "120")]);
    complete(&mut s, 1, "pi_1").has(&[
        ("entry", "5"),
        ("operation", "purchase"),
        ("replayed", "t"),
        ("balance", "120"),
    ]);
    complete(&mut s, 1, "pi_1").has(&[("entry", "5"), ("replayed", "t")]);
    s.row("SELECT * FROM credits_recharges").has(&[("status", "completed"), ("payment_ref", "pi_1"), ("entry", "5")]);
    assert_eq!(balance(&mut s), "120 120 0");
    assert_eq!(events(&mut s), ["recharge.requested", "recharge.completed"]);
    sound(&mut s);
    // The other way round it is credited once, too; and a payment completes one request.
    debit(&mut s, "30", "d2");
    complete(&mut s, 2, "pi_2");
    assert_eq!(code(&mut s, "credits_purchase('a', 'pack', 'pi_2', 'webhook 2')"), "LC009");
    debit(&mut s, "60", "d3");
    assert_eq!(code(&mut s, "credits_complete_recharge('a', 3, 'pi_2')"), "LC009");
    assert_eq!(requests(&mut s)[2..], ["3 open 1 50 4 EUR"]);
    sound(&mut s);
}

#[test]
fn completing_while_still_past_the_threshold_asks_again_at_once() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", "");
    debit(&mut s, "90", "d");
    complete(&mut s, 1, "pi_1").has(&[("available", "60")]);
    assert_eq!(requests(&mut s), ["1 completed 1 50 4 EUR", "2 open 1 50 4 EUR"]);
    complete(&mut s, 2, "pi_2").has(&[("available", "110")]);
    assert_eq!(requests(&mut s).len(), 2);
    assert_eq!(
        events(&mut s),
        ["recharge.requested", "recharge.completed", "recharge.requested", "recharge.completed"]
    );
    sound(&mut s);
}

#[test]
fn the_longest_due_are_handed_out_first_and_no_more_than_asked_for() {
    let (_, mut s) = shop();
    for (second, account) in ["c", "a", "b"].into_iter().enumerate() {
        s.at(&format!("2026-01-10 12:00:0{second}+00"));
        s.run(&format!("SELECT credits_grant('{account}', 10, 'g')"));
        s.run(&format!("SELECT credits_set_auto_recharge('{account}', 100, 'pack', payment_method => 'pm {account}')"));
    }
    s.at("2026-01-10 12:01+00");
    let claim = |s: &mut credits_ledger_tests::Session, arguments: &str| {
        s.list(&format!("SELECT account, attempt, payment_method FROM credits_claim_recharges({arguments})"))
    };
    assert_eq!(claim(&mut s, "2, '1 minute'"), ["c|1|pm c", "a|1|pm a"]);
    assert_eq!(claim(&mut s, "2"), ["b|1|pm b"]);
    s.at("2026-01-10 12:02+00");
    assert_eq!(claim(&mut s, ""), ["c|2|pm c", "a|2|pm a"]);
    // Each account has a key of its own.
    assert_eq!(s.one("SELECT count(DISTINCT payment_idempotency_key) FROM credits_recharges"), "3");
    sound(&mut s);
}
