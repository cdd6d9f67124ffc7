//! `credits_subscribe` and `credits_unsubscribe`: the first plan and the cycle it begins, plans that join, what is
//! refused and in which order, and every column that tells of it.

use credits_ledger_tests::Session;

#[path = "plans/books.rs"]
mod books;

use books::{closing, held, history, lots, opened, running, sound};

const RECEIPT: &str = "account, entry, operation, idempotency_key, accepted, refused, amount, from_allowance,
    from_credits, overdraft, balance, allowance, credits, held, debt, available, included, refers_to, recorded_at";

/// A free plan, a base plan of 500, a tier of 1200, both of which renew each cycle, and one by seats.
fn plans(s: &mut Session) {
    s.run("SELECT * FROM credits_define_plan('free', 0)");
    s.run("SELECT * FROM credits_define_plan('base', 500, rank => 1)");
    s.run("SELECT * FROM credits_define_plan('tier', 1200, rank => 2)");
    s.run("SELECT * FROM credits_define_plan('team', 100, per_seat => true, seat_cap => 10)");
}

#[track_caller]
fn refused(s: &mut Session, call: &str, code: &str) {
    let error = s.error(&format!("SELECT * FROM {call}"));
    assert_eq!(error.code, code, "{call}: {}", error.message);
}

fn entries(s: &mut Session) -> String {
    s.one("SELECT count(*) FROM credits_history")
}

// The first plan

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

// Plans that join

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

// Leaving

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

// What is refused

#[test]
fn a_held_plan_is_not_taken_twice() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'team', 'k1', 3)");
    refused(&mut s, "credits_subscribe('a', 'team', 'k2', 3)", "LC005");
    refused(&mut s, "credits_subscribe('a', 'team', 'k2', 5)", "LC005");
    s.run("SELECT credits_unsubscribe('a', 'team', 'u1')");
    refused(&mut s, "credits_subscribe('a', 'team', 'k2', 3)", "LC005");
    assert_eq!(held(&mut s), ["team|3|NULL|NULL|t"]);
    assert_eq!(history(&mut s, 1), ["subscribe|team|300|300", "unsubscribe|team|0|300"]);
    // Another account has plans of its own.
    s.run("SELECT credits_open_account('b')");
    s.row("SELECT * FROM credits_subscribe('b', 'team', 'k2', 5)").has(&[("amount", "500")]);
    sound(&mut s);
}

#[test]
fn plans_that_are_not_there() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    refused(&mut s, "credits_subscribe('a', 'gold', 'k')", "LC006");
    refused(&mut s, "credits_subscribe('a', 'Base', 'k')", "LC006");
    for plan in ["gold", "base"] {
        refused(&mut s, &format!("credits_unsubscribe('a', '{plan}', 'k')"), "LC006");
        refused(&mut s, &format!("credits_unsubscribe('a', '{plan}', 'k', 'now')"), "LC006");
        refused(&mut s, &format!("credits_set_seats('a', '{plan}', 2, 'k')"), "LC006");
    }
    s.run("SELECT credits_subscribe('a', 'tier', 'k')");
    refused(&mut s, "credits_unsubscribe('a', 'base', 'k2')", "LC006");
    assert_eq!(entries(&mut s), "2");
    sound(&mut s);
}

#[test]
fn arguments_that_cannot_be() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    let long = "x".repeat(256);
    for call in [
        "credits_subscribe(NULL, 'base', 'k')",
        "credits_subscribe('a', NULL, 'k')",
        "credits_subscribe('a', 'base', NULL)",
        "credits_subscribe('', 'base', 'k')",
        "credits_subscribe('a', '', 'k')",
        "credits_subscribe('a', 'base', '')",
        "credits_subscribe('a', E'ba\\tse', 'k')",
        "credits_subscribe('a', 'base', E'k\\n')",
        &format!("credits_subscribe('{long}', 'base', 'k')"),
        &format!("credits_subscribe('a', '{long}', 'k')"),
        &format!("credits_subscribe('a', 'base', '{long}')"),
        "credits_subscribe('a', 'base', 'k', 0)",
        "credits_subscribe('a', 'base', 'k', -1)",
        "credits_subscribe('a', 'team', 'k', 0)",
        "credits_unsubscribe(NULL, 'base', 'k')",
        "credits_unsubscribe('a', NULL, 'k')",
        "credits_unsubscribe('a', 'base', NULL)",
        "credits_unsubscribe('a', 'base', 'k', '')",
        "credits_unsubscribe('a', 'base', 'k', 'auto')",
        "credits_unsubscribe('a', 'base', 'k', 'NOW')",
        "credits_unsubscribe('a', '', 'k')",
    ] {
        refused(&mut s, call, "LC005");
    }
    assert_eq!(history(&mut s, 0), ["open|NULL|0|0"]);
    assert_eq!(held(&mut s), Vec::<String>::new());
    sound(&mut s);
}

/// Form; replay or LC003; LC002; LC011; LC005 by state; LC006.
#[test]
fn errors_come_in_their_order() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'base', 'used')");
    // The form is first, for accounts unknown and for keys known.
    refused(&mut s, "credits_subscribe('nobody', 'base', 'k', 0)", "LC005");
    refused(&mut s, "credits_subscribe('a', 'base', 'used', 0)", "LC005");
    refused(&mut s, "credits_unsubscribe('nobody', 'base', 'k', 'later')", "LC005");
    // An unknown account comes before an unknown plan.
    refused(&mut s, "credits_subscribe('nobody', 'gold', 'k')", "LC002");
    refused(&mut s, "credits_unsubscribe('nobody', 'gold', 'k')", "LC002");
    // A key that is known comes before what the account is and holds.
    refused(&mut s, "credits_subscribe('a', 'gold', 'used')", "LC003");
    refused(&mut s, "credits_unsubscribe('a', 'gold', 'used')", "LC003");
    // State comes before what is not there: an anchor while another plan runs.
    refused(&mut s, "credits_subscribe('a', 'gold', 'k', anchor => '2026-01-01 00:00+00')", "LC005");
    // Frozen comes before both.
    s.run("SELECT credits_freeze_account('a', 'unpaid')");
    refused(&mut s, "credits_subscribe('a', 'base', 'k')", "LC011");
    refused(&mut s, "credits_subscribe('a', 'gold', 'k')", "LC011");
    refused(&mut s, "credits_subscribe('a', 'tier', 'k', anchor => '2026-01-01 00:00+00')", "LC011");
    refused(&mut s, "credits_subscribe('a', 'gold', 'used')", "LC003");
    assert_eq!(entries(&mut s), "3");
    sound(&mut s);
}

#[test]
fn frozen_and_closed() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'team', 'k1', 3)");
    s.run("SELECT credits_subscribe('a', 'base', 'k2')");
    s.run("SELECT credits_freeze_account('a', 'unpaid')");
    refused(&mut s, "credits_subscribe('a', 'tier', 'k3')", "LC011");
    // What is held can be changed and given up, and time goes on.
    s.row("SELECT * FROM credits_set_seats('a', 'team', 4, 's1')").has(&[("amount", "100")]);
    s.row("SELECT * FROM credits_unsubscribe('a', 'base', 'u1')").has(&[("accepted", "t")]);
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), "400|0|400|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    s.run("SELECT credits_unfreeze_account('a')");
    s.row("SELECT * FROM credits_subscribe('a', 'tier', 'k3')").has(&[("amount", "1200")]);
    sound(&mut s);

    s.run("SELECT credits_close_account('a', 'left')");
    assert_eq!(held(&mut s), Vec::<String>::new(), "closing ends all");
    for call in [
        "credits_subscribe('a', 'base', 'k4')",
        "credits_subscribe('a', 'team', 'k4')",
        "credits_set_seats('a', 'team', 9, 'k4')",
        "credits_unsubscribe('a', 'team', 'k4')",
    ] {
        refused(&mut s, call, "LC011");
    }
    s.row("SELECT * FROM credits_balance('a')").has(&[("status", "closed"), ("balance", "0"), ("allowance", "0")]);
    s.row("SELECT * FROM credits_subscribe('a', 'tier', 'k3')").has(&[("replayed", "t"), ("balance", "1600")]);
    // Nothing is granted any more.
    s.at("2026-08-01 00:00+00");
    s.run("SELECT credits_maintain()");
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "0")]);
    sound(&mut s);
}

/// Sums stay below 10^14, and what would pass it is refused before anything is done.
#[test]
fn more_than_an_account_can_hold() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('huge', 99999999999999.999999)");
    s.run("SELECT * FROM credits_define_plan('small', 0.000001)");
    s.run("SELECT * FROM credits_define_plan('seats', 50000000000000, per_seat => true)");
    refused(&mut s, "credits_subscribe('a', 'seats', 'k1', 2)", "LC004");
    refused(&mut s, "credits_subscribe('a', 'seats', 'k1', 2147483647)", "LC004");
    assert_eq!(entries(&mut s), "1");
    s.row("SELECT * FROM credits_subscribe('a', 'huge', 'k1')").has(&[("balance", "99999999999999.999999")]);
    refused(&mut s, "credits_subscribe('a', 'small', 'k2')", "LC004");
    assert_eq!(held(&mut s), ["huge|1|NULL|NULL|f"]);
    assert_eq!(entries(&mut s), "2");
    sound(&mut s);
}

// Once

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
        "DELETE FROM credits_ledger.subscriptions WHERE plan = 'team'",
        "DELETE FROM credits_ledger.subscriptions WHERE plan = 'tier'",
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
