//! The first plan of an account and the cycle that it begins.

use super::*;

/// Nothing but `open` has happened: the cycle is anchored anew in place, and there is no other.
#[test]
fn the_first_plan_anchors_the_first_cycle_in_place() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.at("2026-01-10 12:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'sub-1')").has(&[
        ("account", "a"),
        ("entry", "2"),
        ("operation", "subscribe"),
        ("idempotency_key", "sub-1"),
        ("accepted", "t"),
        ("refused", "NULL"),
        ("replayed", "f"),
        ("amount", "500"),
        ("from_allowance", "500"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "500"),
        ("allowance", "500"),
        ("credits", "0"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "500"),
        ("included", "0"),
        ("refers_to", "NULL"),
        ("recorded_at", "2026-01-10 12:00:00+00"),
    ]);
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("cycle", "1"),
        ("cycle_start", "2026-01-10 12:00:00+00"),
        ("cycle_end", "2026-02-10 12:00:00+00"),
        ("allowance_granted", "500"),
        ("used", "0"),
        ("entry", "2"),
    ]);
    assert_eq!(s.one("SELECT anchor FROM credits_accounts WHERE account = 'a'"), "2026-01-10 12:00:00+00");
    assert_eq!(
        s.list("SELECT cycle, cycle_start, cycle_end, trim_scale(granted), closed_at FROM credits_cycles WHERE account = 'a'"),
        ["1|2026-01-10 12:00:00+00|2026-02-10 12:00:00+00|500|NULL"]
    );
    // The account's own settings stay: it has no allowance of its own.
    s.at("2026-02-10 11:59:59.999999+00");
    assert_eq!(running(&mut s), "500|0|500|2026-01-10 12:00:00+00|2026-02-10 12:00:00+00");
    s.at("2026-02-10 12:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), "500|0|500|2026-02-10 12:00:00+00|2026-03-10 12:00:00+00");
    assert_eq!(
        history(&mut s, 0),
        ["open|NULL|0|0", "subscribe|base|500|500", "expire|base|-500|0", "allowance|base|500|500"]
    );
    sound(&mut s);
}

/// What stands in the history, the lots, the movements and the subscriptions, column by column.
#[test]
fn what_a_subscription_leaves() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT * FROM credits_subscribe('a', 'team', 'sub-1', 4)");
    s.row("SELECT * FROM credits_history WHERE account = 'a' AND entry = 2").has(&[
        ("operation", "subscribe"),
        ("kind", "allowance"),
        ("plan", "team"),
        ("amount", "400"),
        ("from_allowance", "400"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "400"),
        ("available", "400"),
        ("feature", "NULL"),
        ("quantity", "NULL"),
        ("included", "0"),
        ("actor", "NULL"),
        ("resource", "NULL"),
        ("idempotency_key", "sub-1"),
        ("refers_to", "NULL"),
        ("effective_at", "2026-01-01 00:00:00+00"),
        ("recorded_at", "2026-01-01 00:00:00+00"),
        ("recorded_by", "postgres"),
        ("metadata", "NULL"),
        ("cycle", "1"),
    ]);
    s.row("SELECT * FROM credits_grants WHERE account = 'a'").has(&[
        ("lot", "1"),
        ("entry", "2"),
        ("kind", "allowance"),
        ("amount", "400"),
        ("remaining", "400"),
        ("held", "0"),
        ("features", "NULL"),
        ("effective_at", "2026-01-01 00:00:00+00"),
        ("expires_at", "2026-02-01 00:00:00+00"),
        ("status", "active"),
        ("price", "NULL"),
        ("currency", "NULL"),
        ("payment_ref", "NULL"),
        ("idempotency_key", "sub-1"),
        ("plan", "team"),
    ]);
    assert_eq!(
        s.list("SELECT entry, operation, lot, lot_kind, trim_scale(amount), effective_at FROM credits_allocations WHERE account = 'a'"),
        ["2|subscribe|1|allowance|400|2026-01-01 00:00:00+00"]
    );
    s.row("SELECT * FROM credits_subscriptions").has(&[
        ("account", "a"),
        ("plan", "team"),
        ("seats", "4"),
        ("anchor", "2026-01-01 00:00:00+00"),
        ("pending_plan", "NULL"),
        ("pending_seats", "NULL"),
        ("pending_end", "f"),
        ("pending_at", "NULL"),
        ("subscribed_at", "2026-01-01 00:00:00+00"),
    ]);
    assert_eq!(
        s.list("SELECT kind, trim_scale(remaining), expires_at FROM credits_expiring WHERE account = 'a'"),
        ["allowance|400|2026-02-01 00:00:00+00"]
    );
    sound(&mut s);
}

/// Something happened in the running cycle: it ends now, and the plan's begins.
#[test]
fn the_first_plan_closes_a_cycle_in_which_something_happened() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_grant('a', 30, 'bought')");
    s.run("SELECT credits_grant('a', 20, 'this cycle', 'promo', expires_after_cycles => 1)");
    s.run("SELECT credits_grant('a', 8, 'next cycle', 'promo', expires_after_cycles => 2)");
    s.run("SELECT credits_debit('a', 5, 'd')");
    s.at("2026-01-10 12:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'sub-1')").has(&[
        ("entry", "7"),
        ("amount", "500"),
        ("from_allowance", "500"),
        ("balance", "538"),
        ("allowance", "500"),
        ("credits", "38"),
    ]);
    assert_eq!(history(&mut s, 5), ["expire|NULL|-15|38", "subscribe|base|500|538"]);
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("cycle", "2"),
        ("cycle_start", "2026-01-10 12:00:00+00"),
        ("cycle_end", "2026-02-10 12:00:00+00"),
        ("allowance_granted", "500"),
        ("used", "0"),
    ]);
    assert_eq!(
        s.list(
            "SELECT cycle, cycle_start, cycle_end, trim_scale(granted), trim_scale(used), closed_at FROM credits_cycles
             WHERE account = 'a' ORDER BY cycle"
        ),
        [
            "1|2026-01-01 00:00:00+00|2026-01-10 12:00:00+00|0|5|2026-01-10 12:00:00+00",
            "2|2026-01-10 12:00:00+00|2026-02-10 12:00:00+00|500|0|NULL"
        ]
    );
    // The lot of two cycles now ends with the plan's first one.
    assert_eq!(
        s.list("SELECT trim_scale(remaining), expires_at FROM credits_expiring WHERE account = 'a' AND kind = 'promo'"),
        ["8|2026-02-10 12:00:00+00"]
    );
    sound(&mut s);
}

/// The anchor says where the series lies; the running cycle is the one that contains now, with the whole allowance.
#[test]
fn an_anchor_in_place() {
    for (anchor, start, end, next) in [
        ("2025-12-31 08:00+00", "2025-12-31 08:00:00+00", "2026-01-31 08:00:00+00", "2026-02-28 08:00:00+00"),
        ("2026-01-20 00:00+00", "2026-01-20 00:00:00+00", "2026-02-20 00:00:00+00", "2026-03-20 00:00:00+00"),
        ("2026-02-15 00:00+00", "2026-01-15 00:00:00+00", "2026-02-15 00:00:00+00", "2026-03-15 00:00:00+00"),
        ("2026-03-31 00:00+00", "2025-12-31 00:00:00+00", "2026-01-31 00:00:00+00", "2026-02-28 00:00:00+00"),
    ] {
        let mut s = opened("2026-01-01 00:00+00", "");
        plans(&mut s);
        s.at("2026-01-20 00:00+00");
        s.row(&format!("SELECT * FROM credits_subscribe('a', 'base', 'k', anchor => '{anchor}')"))
            .has(&[("amount", "500"), ("entry", "2")]);
        assert_eq!(running(&mut s), format!("500|0|500|{start}|{end}"), "{anchor}");
        assert_eq!(s.one("SELECT cycle FROM credits_balance('a')"), "1", "{anchor}");
        s.at(end);
        assert_eq!(running(&mut s), format!("500|0|500|{end}|{next}"), "{anchor}");
        sound(&mut s);
    }
}

/// Where a cycle has to end, the next begins now and ends at the first boundary of the new series.
#[test]
fn an_anchor_by_closing() {
    for (anchor, end, next) in [
        ("2025-12-31 08:00+00", "2026-01-31 08:00:00+00", "2026-02-28 08:00:00+00"),
        ("2026-01-20 00:00+00", "2026-02-20 00:00:00+00", "2026-03-20 00:00:00+00"),
        ("2026-02-15 00:00+00", "2026-02-15 00:00:00+00", "2026-03-15 00:00:00+00"),
        ("2026-01-20 00:00:00.000001+00", "2026-01-20 00:00:00.000001+00", "2026-02-20 00:00:00.000001+00"),
    ] {
        let mut s = opened("2026-01-01 00:00+00", "");
        plans(&mut s);
        s.run("SELECT credits_grant('a', 30, 'bought')");
        s.at("2026-01-20 00:00+00");
        s.row(&format!("SELECT * FROM credits_subscribe('a', 'base', 'k', anchor => '{anchor}')"))
            .has(&[("amount", "500"), ("balance", "530")]);
        assert_eq!(running(&mut s), format!("500|30|500|2026-01-20 00:00:00+00|{end}"), "{anchor}");
        assert_eq!(
            s.list("SELECT cycle, cycle_start, cycle_end FROM credits_cycles WHERE closed_at IS NOT NULL"),
            ["1|2026-01-01 00:00:00+00|2026-01-20 00:00:00+00"],
            "{anchor}"
        );
        s.at(end);
        assert_eq!(running(&mut s), format!("500|30|500|{end}|{next}"), "{anchor}");
        sound(&mut s);
    }
}

/// Cycles that are over close first, each at its own end.
#[test]
fn cycles_missed_before_the_first_plan() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.at("2026-03-10 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k')").has(&[("amount", "500"), ("entry", "2")]);
    assert_eq!(running(&mut s), "500|0|500|2026-03-10 00:00:00+00|2026-04-10 00:00:00+00");
    assert_eq!(
        s.list("SELECT cycle_start, cycle_end FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
        [
            "2026-01-01 00:00:00+00|2026-02-01 00:00:00+00",
            "2026-02-01 00:00:00+00|2026-03-01 00:00:00+00",
            "2026-03-01 00:00:00+00|2026-03-10 00:00:00+00",
            "2026-03-10 00:00:00+00|2026-04-10 00:00:00+00"
        ]
    );
    sound(&mut s);
}

/// At a boundary's very instant, and at the very instant of the purchase before.
#[test]
fn the_first_plan_at_the_instant_of_something_else() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_grant('a', 30, 'bought')");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k')").has(&[("amount", "500"), ("balance", "530")]);
    assert_eq!(running(&mut s), "500|30|500|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00");
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), "500|30|500|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    sound(&mut s);

    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_grant('a', 30, 'bought')");
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k')").has(&[("amount", "500"), ("balance", "530")]);
    assert_eq!(running(&mut s), "500|30|500|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    s.at("2026-02-10 00:00+00");
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_debit('a', 10, 'd')"), "520");
    sound(&mut s);
}

/// A plan with nothing in it begins a cycle like any other: the plans after it join.
#[test]
fn a_plan_of_nothing_is_a_plan() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'free', 'k1')").has(&[
        ("entry", "2"),
        ("accepted", "t"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("balance", "0"),
    ]);
    assert_eq!(lots(&mut s), Vec::<String>::new(), "no lot of nothing");
    s.at("2026-01-20 00:00+00");
    refused(&mut s, "credits_subscribe('a', 'base', 'k2', anchor => '2026-01-20 00:00+00')", "LC005");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k3')").has(&[("amount", "500")]);
    assert_eq!(running(&mut s), "500|0|500|2026-01-10 00:00:00+00|2026-02-10 00:00:00+00");
    assert_eq!(held(&mut s), ["base|1|NULL|NULL|f", "free|1|NULL|NULL|f"]);
    s.at("2026-03-10 00:00+00");
    assert_eq!(running(&mut s), "500|0|500|2026-03-10 00:00:00+00|2026-04-10 00:00:00+00");
    sound(&mut s);
}

/// A grant opens an account with the defaults; a plan on top of it begins its cycle.
#[test]
fn the_first_plan_of_an_account_that_a_grant_opened() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_grant('b', 30, 'bought')");
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_subscribe('b', 'tier', 'k')").has(&[("entry", "3"), ("balance", "1230")]);
    s.row("SELECT * FROM credits_balance('b')").has(&[
        ("cycle", "2"),
        ("cycle_start", "2026-01-10 00:00:00+00"),
        ("cycle_end", "2026-02-10 00:00:00+00"),
    ]);
    sound(&mut s);
}

/// The closing that the first plan causes does to debt what every closing does.
#[test]
fn debt_at_the_first_plan() {
    // Repaid: what reaches the account pays debt first.
    let mut s = opened("2026-01-01 00:00+00", ", overdraft_limit => 100");
    plans(&mut s);
    s.run("SELECT credits_debit('a', 60, 'd')");
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k')").has(&[
        ("amount", "500"),
        ("from_allowance", "440"),
        ("from_credits", "0"),
        ("overdraft", "-60"),
        ("balance", "440"),
        ("allowance", "440"),
        ("debt", "0"),
    ]);
    assert_eq!(history(&mut s, 2), ["subscribe|base|500|440"]);
    assert_eq!(lots(&mut s), ["allowance|base|500|440|active"]);
    assert_eq!(s.one("SELECT trim_scale(allowance_granted) FROM credits_balance('a')"), "500");
    sound(&mut s);

    // Forgiven, or invoiced, before the plan begins.
    for (policy, operation) in [("forgive_at_reset", "forgive"), ("invoice_at_reset", "invoice")] {
        let mut s = opened("2026-01-01 00:00+00", &format!(", overdraft_limit => 100, debt_policy => '{policy}'"));
        plans(&mut s);
        s.run("SELECT credits_debit('a', 60, 'd')");
        s.at("2026-01-10 00:00+00");
        s.row("SELECT * FROM credits_subscribe('a', 'base', 'k')").has(&[
            ("amount", "500"),
            ("from_allowance", "500"),
            ("overdraft", "0"),
            ("balance", "500"),
            ("debt", "0"),
        ]);
        assert_eq!(history(&mut s, 2), [format!("{operation}|NULL|60|0"), "subscribe|base|500|500".to_owned()]);
        sound(&mut s);
    }
}
