//! Plans that join a running cycle, and plans that are given up.

use super::*;

#[test]
fn further_plans_join_the_running_cycle() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_subscribe('a', 'base', 'k1')");
    s.run("SELECT credits_debit('a', 100, 'd1')");
    s.at("2026-01-20 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'tier', 'k2')").has(&[
        ("entry", "4"),
        ("amount", "1200"),
        ("from_allowance", "1200"),
        ("balance", "1600"),
        ("allowance", "1600"),
    ]);
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("cycle", "1"),
        ("cycle_start", "2026-01-10 00:00:00+00"),
        ("cycle_end", "2026-02-10 00:00:00+00"),
        ("allowance_granted", "1700"),
        ("used", "100"),
    ]);
    // Separate lots, which end alike; the earlier one is drawn first.
    assert_eq!(lots(&mut s), ["allowance|base|500|400|active", "allowance|tier|1200|1200|active"]);
    assert_eq!(
        s.list("SELECT DISTINCT expires_at FROM credits_grants WHERE account = 'a'"),
        ["2026-02-10 00:00:00+00"]
    );
    s.row("SELECT * FROM credits_debit('a', 650, 'd2')").has(&[("from_allowance", "650"), ("balance", "950")]);
    assert_eq!(
        s.list("SELECT lot_kind, trim_scale(amount) FROM credits_allocations WHERE account = 'a' AND entry = 5 ORDER BY lot"),
        ["allowance|-400", "allowance|-250"]
    );
    assert_eq!(lots(&mut s), ["allowance|base|500|0|spent", "allowance|tier|1200|950|active"]);
    assert_eq!(held(&mut s), ["base|1|NULL|NULL|f", "tier|1|NULL|NULL|f"]);
    assert_eq!(
        s.list("SELECT plan, anchor, subscribed_at FROM credits_subscriptions ORDER BY plan"),
        ["base|2026-01-10 00:00:00+00|2026-01-10 00:00:00+00", "tier|2026-01-10 00:00:00+00|2026-01-20 00:00:00+00"]
    );
    // At the boundary each is granted anew, and what was left of either expires.
    s.at("2026-02-10 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycles_closed", "1"),
        ("expired", "950"),
        ("rolled_over", "0"),
        ("granted", "1700"),
        ("allowance", "1700"),
        ("balance", "1700"),
    ]);
    assert_eq!(closing(&mut s, 5), ["allowance|base|500", "allowance|tier|1200", "expire|tier|-950"]);
    assert_eq!(
        lots(&mut s)[2..],
        ["allowance|base|500|500|active".to_owned(), "allowance|tier|1200|1200|active".to_owned()]
    );
    sound(&mut s);
}

/// An account that has an allowance of its own in this cycle keeps its cycle.
#[test]
fn a_plan_joins_the_accounts_own_allowance() {
    let mut s = opened("2026-01-01 00:00+00", ", 100");
    plans(&mut s);
    s.at("2026-01-10 00:00+00");
    refused(&mut s, "credits_subscribe('a', 'base', 'k1', anchor => '2026-01-10 00:00+00')", "LC005");
    refused(&mut s, "credits_subscribe('a', 'base', 'k1', anchor => '2026-01-01 00:00+00')", "LC005");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k1')").has(&[
        ("entry", "3"),
        ("amount", "500"),
        ("balance", "600"),
    ]);
    assert_eq!(running(&mut s), "600|0|600|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00");
    assert_eq!(lots(&mut s), ["allowance|NULL|100|100|active", "allowance|base|500|500|active"]);
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), "600|0|600|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    assert_eq!(
        s.list("SELECT plan, trim_scale(amount) FROM credits_history WHERE operation = 'allowance' AND entry > 3 ORDER BY plan"),
        ["base|500", "NULL|100"]
    );
    // Its own allowance stays when the plan goes.
    s.run("SELECT credits_unsubscribe('a', 'base', 'k2')");
    s.at("2026-03-01 00:00+00");
    assert_eq!(running(&mut s), "100|0|100|2026-03-01 00:00:00+00|2026-04-01 00:00:00+00");
    sound(&mut s);
}

#[test]
fn an_anchor_only_where_a_cycle_begins() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    for anchor in ["infinity", "-infinity"] {
        refused(&mut s, &format!("credits_subscribe('a', 'base', 'k', anchor => '{anchor}')"), "LC005");
    }
    s.run("SELECT credits_subscribe('a', 'base', 'k1')");
    for anchor in ["2026-01-01 00:00+00", "2026-02-01 00:00+00", "2025-01-01 00:00+00"] {
        refused(&mut s, &format!("credits_subscribe('a', 'tier', 'k2', anchor => '{anchor}')"), "LC005");
    }
    assert_eq!(entries(&mut s), "2");
    // NULL is the default, and no anchor.
    s.row("SELECT * FROM credits_subscribe('a', 'tier', 'k2', NULL, NULL)").has(&[("amount", "1200")]);
    sound(&mut s);
}

/// Many plans on one cycle.
#[test]
fn a_dozen_plans() {
    let mut s = opened("2026-01-01 00:00+00", "");
    for n in 1..=12 {
        s.run(&format!("SELECT * FROM credits_define_plan('p{n:02}', {n}, rank => {})", n % 3));
        s.row(&format!("SELECT * FROM credits_subscribe('a', 'p{n:02}', 'k{n}')"))
            .has(&[("amount", &n.to_string()), ("balance", &(n * (n + 1) / 2).to_string())]);
    }
    s.run("SELECT credits_unsubscribe('a', 'p05', 'u5')");
    s.run("SELECT credits_unsubscribe('a', 'p12', 'u12')");
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), "61|0|61|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    s.at("2026-06-15 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycles_closed", "5"),
        ("granted", "305"),
        ("expired", "322"),
    ]);
    assert_eq!(held(&mut s).len(), 10);
    sound(&mut s);
}

#[test]
fn a_plan_ends_with_its_cycle() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'base', 'k1')");
    s.run("SELECT credits_subscribe('a', 'tier', 'k2')");
    s.at("2026-01-20 00:00+00");
    s.row("SELECT * FROM credits_unsubscribe('a', 'tier', 'u1')").has(&[
        ("entry", "4"),
        ("operation", "unsubscribe"),
        ("idempotency_key", "u1"),
        ("accepted", "t"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "1700"),
        ("allowance", "1700"),
        ("available", "1700"),
    ]);
    assert_eq!(held(&mut s), ["base|1|NULL|NULL|f", "tier|1|NULL|NULL|t"]);
    assert_eq!(
        s.list("SELECT plan, pending_at FROM credits_subscriptions ORDER BY plan"),
        ["base|NULL", "tier|2026-02-01 00:00:00+00"]
    );
    s.at("2026-01-31 23:59:59.999999+00");
    assert_eq!(running(&mut s), "1700|0|1700|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00");
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), "500|0|500|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    // The view of subscriptions shows what is recorded.
    assert_eq!(held(&mut s).len(), 2);
    s.run("SELECT credits_maintain()");
    assert_eq!(held(&mut s), ["base|1|NULL|NULL|f"]);
    assert_eq!(running(&mut s), "500|0|500|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    refused(&mut s, "credits_unsubscribe('a', 'tier', 'u2')", "LC006");
    sound(&mut s);
}

/// The last plan gone, cycles go on with nothing in them; the next plan is a first one again.
#[test]
fn the_next_plan_after_the_last_one() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'base', 'k1')");
    s.run("SELECT credits_unsubscribe('a', 'base', 'u1')");
    s.at("2026-02-10 00:00+00");
    assert_eq!(running(&mut s), "0|0|0|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    s.at("2026-02-20 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k2')").has(&[("amount", "500"), ("balance", "500")]);
    assert_eq!(running(&mut s), "500|0|500|2026-02-20 00:00:00+00|2026-03-20 00:00:00+00");
    assert_eq!(history(&mut s, 3), ["expire|base|-500|0", "subscribe|base|500|500"]);
    assert_eq!(
        s.list(
            "SELECT cycle_start, cycle_end, trim_scale(granted) FROM credits_cycles WHERE account = 'a' ORDER BY cycle"
        ),
        [
            "2026-01-01 00:00:00+00|2026-02-01 00:00:00+00|500",
            "2026-02-01 00:00:00+00|2026-02-20 00:00:00+00|0",
            "2026-02-20 00:00:00+00|2026-03-20 00:00:00+00|500"
        ]
    );
    sound(&mut s);
}

/// The plan goes, its allowance stays until the cycle's end; taken up again in the same cycle it brings nothing.
#[test]
fn leaving_at_once_and_coming_back() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'base', 'k1')");
    s.run("SELECT credits_debit('a', 100, 'd')");
    s.at("2026-01-05 00:00+00");
    s.row("SELECT * FROM credits_unsubscribe('a', 'base', 'u1', 'now')").has(&[("amount", "0"), ("balance", "400")]);
    assert_eq!(held(&mut s), Vec::<String>::new());
    assert_eq!(running(&mut s), "400|0|500|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00");
    refused(&mut s, "credits_set_seats('a', 'base', 2, 'x')", "LC006");
    s.at("2026-01-06 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'base', 'k2')").has(&[
        ("operation", "subscribe"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("balance", "400"),
    ]);
    assert_eq!(running(&mut s), "400|0|500|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00");
    assert_eq!(s.list("SELECT plan, subscribed_at FROM credits_subscriptions"), ["base|2026-01-06 00:00:00+00"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), "500|0|500|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    // Gone for good.
    s.run("SELECT credits_unsubscribe('a', 'base', 'u2', takes_effect => 'now')");
    assert_eq!(running(&mut s), "500|0|500|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    s.at("2026-03-01 00:00+00");
    assert_eq!(running(&mut s), "0|0|0|2026-03-01 00:00:00+00|2026-04-01 00:00:00+00");
    sound(&mut s);
}

/// However often, and in however many plans.
#[test]
fn coming_and_going_brings_nothing() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    for round in 0..5 {
        for plan in ["base", "tier"] {
            s.run(&format!("SELECT credits_subscribe('a', '{plan}', 's-{plan}-{round}')"));
            s.run(&format!("SELECT credits_unsubscribe('a', '{plan}', 'u-{plan}-{round}', 'now')"));
        }
    }
    assert_eq!(running(&mut s), "1700|0|1700|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00");
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), "0|0|0|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    sound(&mut s);
}
