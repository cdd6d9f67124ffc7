//! Keys, replays and rollbacks; and what an edit by hand shows.

use super::*;

const RECEIPT: &str = "account, entry, operation, idempotency_key, accepted, refused, amount, from_allowance,
    from_credits, overdraft, balance, allowance, credits, held, debt, available, included, refers_to, recorded_at";

#[test]
fn replays_give_the_first_receipt() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_grant('a', 10, 'bought')");
    let calls = [
        "credits_subscribe('a', 'team', 'k1', 3, '2025-12-20 00:00+00')",
        "credits_subscribe('a', 'tier', 'k2')",
        "credits_unsubscribe('a', 'tier', 'k3')",
        "credits_unsubscribe('a', 'team', 'k4', 'now')",
        "credits_subscribe('a', 'team', 'k5', 2)",
        "credits_subscribe('a', 'free', 'k6')",
    ];
    let mut first = Vec::new();
    for call in calls {
        first.push(s.list(&format!("SELECT {RECEIPT} FROM {call}")));
        // At once, too.
        assert_eq!(&s.list(&format!("SELECT {RECEIPT} FROM {call}")), first.last().expect("a receipt"), "{call}");
    }
    // Much happens: other definitions, cycles, a freeze, an end.
    s.run("SELECT * FROM credits_define_plan('team', 7)");
    s.run("SELECT * FROM credits_define_plan('tier', 9, trial => true)");
    s.run("SELECT credits_debit('a', 1300, 'd')");
    s.at("2026-05-05 00:00+00");
    s.run("SELECT credits_maintain()");
    for end in ["credits_freeze_account('a', 'why')", "credits_close_account('a', 'why')"] {
        s.run(&format!("SELECT {end}"));
        let (count, subscriptions) = (entries(&mut s), held(&mut s));
        for (call, expected) in calls.iter().zip(&first) {
            assert_eq!(&s.list(&format!("SELECT {RECEIPT} FROM {call}")), expected, "{call} after {end}");
            assert_eq!(s.one(&format!("SELECT replayed FROM {call}")), "t", "{call} after {end}");
        }
        assert_eq!((entries(&mut s), held(&mut s)), (count, subscriptions), "{end}");
    }
    sound(&mut s);
}

/// A replay has no transaction id: it wrote no row, not even what is due.
#[test]
fn a_replay_writes_nothing() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    let calls = [
        "credits_subscribe('a', 'base', 'k1')",
        "credits_subscribe('a', 'tier', 'k2')",
        "credits_unsubscribe('a', 'base', 'k3')",
    ];
    for call in calls {
        s.run(&format!("SELECT {call}"));
    }
    s.at("2026-04-01 00:00+00");
    let count = entries(&mut s);
    for call in calls {
        s.run("BEGIN");
        assert_eq!(s.one(&format!("SELECT replayed FROM {call}")), "t", "{call}");
        assert_eq!(s.one("SELECT pg_current_xact_id_if_assigned() IS NULL"), "t", "{call}");
        s.run("COMMIT");
    }
    assert_eq!(entries(&mut s), count);
    assert_eq!(held(&mut s), ["base|1|NULL|NULL|t", "tier|1|NULL|NULL|f"]);
    sound(&mut s);
}

#[test]
fn a_key_is_for_one_request() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'team', 'sub', 3, '2026-01-01 00:00+00')");
    s.run("SELECT credits_subscribe('a', 'tier', 'plain')");
    s.run("SELECT credits_unsubscribe('a', 'tier', 'gone')");
    s.run("SELECT credits_grant('a', 1, 'grant')");
    let count = entries(&mut s);
    for call in [
        "credits_subscribe('a', 'base', 'sub', 3, '2026-01-01 00:00+00')",
        "credits_subscribe('a', 'team', 'sub', 4, '2026-01-01 00:00+00')",
        "credits_subscribe('a', 'team', 'sub', NULL, '2026-01-01 00:00+00')",
        "credits_subscribe('a', 'team', 'sub', 3)",
        "credits_subscribe('a', 'team', 'sub', 3, '2026-01-01 00:00:01+00')",
        "credits_subscribe('a', 'tier', 'plain', 2)",
        "credits_subscribe('a', 'tier', 'plain', anchor => '2026-01-01 00:00+00')",
        "credits_subscribe('a', 'base', 'grant')",
        "credits_subscribe('a', 'tier', 'gone')",
        "credits_unsubscribe('a', 'base', 'gone')",
        "credits_unsubscribe('a', 'tier', 'gone', 'now')",
        "credits_unsubscribe('a', 'tier', 'plain')",
        "credits_set_seats('a', 'team', 3, 'sub')",
        "credits_change_plan('a', 'team', 'tier', 'sub')",
        "credits_grant('a', 300, 'sub')",
        "credits_debit('a', 1, 'gone')",
    ] {
        refused(&mut s, call, "LC003");
    }
    for call in [
        "credits_subscribe('a', 'team', 'sub', 3, '2026-01-01 05:30+05:30')",
        "credits_subscribe('a', 'tier', 'plain', 1)",
        "credits_subscribe('a', 'tier', 'plain', NULL, NULL)",
        "credits_unsubscribe('a', 'tier', 'gone', 'next_cycle')",
        "credits_unsubscribe('a', 'tier', 'gone', NULL)",
    ] {
        assert_eq!(s.one(&format!("SELECT replayed FROM {call}")), "t", "{call}");
    }
    assert_eq!(entries(&mut s), count);
    // Another account has keys of its own.
    s.run("SELECT credits_open_account('b')");
    s.row("SELECT * FROM credits_subscribe('b', 'base', 'sub')").has(&[("replayed", "f"), ("amount", "500")]);
    sound(&mut s);
}

/// A rollback leaves nothing: no plan, no cycle, not even the key.
#[test]
fn a_subscription_rolled_back_never_was() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_grant('a', 10, 'bought')");
    let before = s.list("SELECT * FROM credits_accounts");
    s.at("2026-01-10 00:00+00");
    s.run("BEGIN; SELECT credits_subscribe('a', 'base', 'k1'); ROLLBACK");
    s.run("BEGIN; SAVEPOINT x; SELECT credits_subscribe('a', 'tier', 'k1'); ROLLBACK TO x; COMMIT");
    s.at("2026-01-01 00:00+00");
    assert_eq!(s.list("SELECT * FROM credits_accounts"), before);
    assert_eq!(held(&mut s), Vec::<String>::new());
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k1')").has(&[("replayed", "f"), ("balance", "510")]);
    assert_eq!(running(&mut s), "500|10|500|2026-01-10 00:00:00+00|2026-02-10 00:00:00+00");
    sound(&mut s);
}

/// What an account holds, and what it has had, is worked out from its entries: an edit of it shows.
#[test]
fn an_edit_of_a_subscription_shows() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT * FROM credits_define_plan('trial', 10, trial => true)");
    s.run("SELECT credits_subscribe('a', 'team', 'k1', 3)");
    s.run("SELECT credits_subscribe('a', 'trial', 'k2')");
    s.run("SELECT credits_subscribe('a', 'tier', 'k3')");
    s.run("SELECT credits_unsubscribe('a', 'tier', 'k4', 'now')");
    sound(&mut s);
    assert_eq!(s.error("DELETE FROM credits_ledger.subscriptions").code, "LC013");
    for edit in [
        "UPDATE credits_ledger.subscriptions SET seats = 9 WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET pending_plan = 'base' WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET pending_seats = 2 WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET pending_end = true WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET pending_expire = true WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET peak_seats = 1 WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET counted = 0 WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET carried = 7 WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET cycle = 0 WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET subscribed_at = '2025-01-01' WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET held = false WHERE plan = 'team'",
        "UPDATE credits_ledger.subscriptions SET held = true WHERE plan = 'tier'",
        "UPDATE credits_ledger.subscriptions SET trial_granted = false WHERE plan = 'trial'",
        "UPDATE credits_ledger.subscriptions SET converts = NOT converts WHERE plan = 'trial'",
        "UPDATE credits_ledger.subscriptions SET plan = 'gold' WHERE plan = 'team'",
        "UPDATE credits_ledger.lots SET plan = 'tier' WHERE plan = 'team'",
        "UPDATE credits_ledger.lots SET plan = NULL WHERE plan = 'team'",
        "ALTER TABLE credits_ledger.subscriptions DISABLE TRIGGER USER; DELETE FROM credits_ledger.subscriptions WHERE plan = 'team'",
        "ALTER TABLE credits_ledger.subscriptions DISABLE TRIGGER USER; DELETE FROM credits_ledger.subscriptions WHERE plan = 'tier'",
        "UPDATE credits_ledger.accounts SET extras = 0",
    ] {
        s.run("BEGIN");
        s.run(edit);
        assert_ne!(s.one("SELECT count(*) FROM credits_verify()"), "0", "{edit}");
        s.run("ROLLBACK");
    }
    sound(&mut s);
}

/// Seats of a plan that is not by seats are kept and change nothing.
#[test]
fn seats_of_a_flat_plan() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k', 25)").has(&[("amount", "500"), ("balance", "500")]);
    assert_eq!(held(&mut s), ["base|25|NULL|NULL|f"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), "500|0|500|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    sound(&mut s);
}
