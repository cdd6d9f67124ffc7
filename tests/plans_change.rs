//! `credits_change_plan`: upgrades at once and in full, equal ranks by the excess, downgrades from the next cycle;
//! and definitions that change under a plan that is held.

use credits_ledger_tests::{Row, Session};

#[path = "plans/books.rs"]
mod books;

use books::{closing, held, history, lots, opened, running, sound};

const JAN: &str = "2026-01-01 00:00:00+00|2026-02-01 00:00:00+00";
const FEB: &str = "2026-02-01 00:00:00+00|2026-03-01 00:00:00+00";
const MAR: &str = "2026-03-01 00:00:00+00|2026-04-01 00:00:00+00";

/// An account on the plan `on` since 1 January; the plans basic (500), pro (1000) and ultra (3000) of rising rank, and
/// the tiers t1 to t5 of one rank.
fn on(plan: &str) -> Session {
    let mut s = opened("2026-01-01 00:00+00", "");
    for (name, allowance, rank) in [
        ("free", 0, 0),
        ("basic", 500, 1),
        ("pro", 1000, 2),
        ("ultra", 3000, 3),
        ("t1", 1000, 7),
        ("t2", 500, 7),
        ("t3", 1500, 7),
        ("t4", 1200, 7),
        ("t5", 2000, 7),
    ] {
        s.run(&format!("SELECT * FROM credits_define_plan('{name}', {allowance}, rank => {rank})"));
    }
    s.run(&format!("SELECT credits_subscribe('a', '{plan}', 'sub')"));
    s
}

#[track_caller]
fn change(s: &mut Session, from: &str, to: &str, rest: &str) -> Row {
    let key = s.one("SELECT 'c' || count(*) FROM credits_history");
    let row = s.row(&format!("SELECT * FROM credits_change_plan('a', '{from}', '{to}', '{key}'{rest})"));
    row.has(&[("operation", "change_plan"), ("accepted", "t"), ("replayed", "f"), ("idempotency_key", &key)]);
    row
}

/// A change that must bring just so much.
#[track_caller]
fn brings(s: &mut Session, from: &str, to: &str, rest: &str, amount: i64) {
    change(s, from, to, rest).has(&[("amount", &amount.to_string())]);
}

#[track_caller]
fn refused(s: &mut Session, call: &str, code: &str) {
    let error = s.error(&format!("SELECT * FROM {call}"));
    assert_eq!(error.code, code, "{call}: {}", error.message);
}

// Upgrades

/// The new allowance is added whole, the dates stay, what is left of the old one stays until the cycle's end.
#[test]
fn an_upgrade_acts_at_once_and_in_full() {
    let mut s = on("basic");
    s.run("SELECT credits_debit('a', 200, 'd')");
    s.at("2026-01-15 00:00+00");
    s.row("SELECT * FROM credits_change_plan('a', 'basic', 'pro', 'up')").has(&[
        ("account", "a"),
        ("entry", "4"),
        ("operation", "change_plan"),
        ("idempotency_key", "up"),
        ("accepted", "t"),
        ("refused", "NULL"),
        ("replayed", "f"),
        ("amount", "1000"),
        ("from_allowance", "1000"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "1300"),
        ("allowance", "1300"),
        ("credits", "0"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "1300"),
        ("included", "0"),
        ("refers_to", "NULL"),
        ("recorded_at", "2026-01-15 00:00:00+00"),
    ]);
    s.row("SELECT * FROM credits_history WHERE account = 'a' AND entry = 4").has(&[
        ("operation", "change_plan"),
        ("kind", "allowance"),
        ("plan", "pro"),
        ("amount", "1000"),
        ("from_allowance", "1000"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "1300"),
        ("available", "1300"),
        ("idempotency_key", "up"),
        ("effective_at", "2026-01-15 00:00:00+00"),
        ("cycle", "1"),
    ]);
    assert_eq!(lots(&mut s), ["allowance|basic|500|300|active", "allowance|pro|1000|1000|active"]);
    assert_eq!(s.list("SELECT DISTINCT expires_at FROM credits_grants"), ["2026-02-01 00:00:00+00"]);
    assert_eq!(running(&mut s), format!("1300|0|1500|{JAN}"));
    s.row("SELECT * FROM credits_subscriptions").has(&[
        ("account", "a"),
        ("plan", "pro"),
        ("seats", "1"),
        ("anchor", "2026-01-01 00:00:00+00"),
        ("pending_plan", "NULL"),
        ("pending_seats", "NULL"),
        ("pending_end", "f"),
        ("pending_at", "NULL"),
        ("subscribed_at", "2026-01-15 00:00:00+00"),
    ]);
    // The older lot is drawn first.
    assert_eq!(
        s.list(
            "SELECT trim_scale(takes), trim_scale(remaining_after) FROM credits_explain_debit('a', 400) WHERE takes > 0"
        ),
        ["300|0", "100|900"]
    );
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), format!("1000|0|1000|{FEB}"));
    assert_eq!(history(&mut s, 4), ["expire|basic|-300|1000", "expire|pro|-1000|0", "allowance|pro|1000|1000"]);
    sound(&mut s);
}

/// An upgrade on the cycle's last instant is an upgrade like any other, and so is one at the boundary, where the
/// new cycle has begun with the old plan.
#[test]
fn an_upgrade_on_the_last_day() {
    let mut s = on("basic");
    s.at("2026-01-31 23:59:59.999999+00");
    brings(&mut s, "basic", "pro", "", 1000);
    assert_eq!(running(&mut s), format!("1500|0|1500|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("1000|0|1000|{FEB}"));
    brings(&mut s, "pro", "ultra", "", 3000);
    assert_eq!(running(&mut s), format!("4000|0|4000|{FEB}"));
    assert_eq!(
        s.list(
            "SELECT cycle, trim_scale(granted), trim_scale(expired) FROM credits_cycles WHERE closed_at IS NOT NULL"
        ),
        ["1|1500|1500"]
    );
    s.at("2026-03-01 00:00+00");
    assert_eq!(running(&mut s), format!("3000|0|3000|{MAR}"));
    sound(&mut s);
}

#[test]
fn upgrade_upon_upgrade() {
    let mut s = on("free");
    s.at("2026-01-10 00:00+00");
    brings(&mut s, "free", "basic", "", 500);
    brings(&mut s, "basic", "pro", ", 'now'", 1000);
    brings(&mut s, "pro", "ultra", ", 'auto', 'keep'", 3000);
    assert_eq!(running(&mut s), format!("4500|0|4500|{JAN}"));
    assert_eq!(held(&mut s), ["ultra|1|NULL|NULL|f"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("3000|0|3000|{FEB}"));
    sound(&mut s);
}

#[test]
fn an_upgrade_may_wait() {
    let mut s = on("basic");
    brings(&mut s, "basic", "pro", ", 'next_cycle'", 0);
    assert_eq!(held(&mut s), ["basic|1|pro|NULL|f"]);
    assert_eq!(running(&mut s), format!("500|0|500|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("1000|0|1000|{FEB}"));
    s.run("SELECT credits_maintain()");
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"]);
    sound(&mut s);
}

#[test]
fn seats_are_carried_over() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('small', 100, true, 10, 1)");
    s.run("SELECT * FROM credits_define_plan('large', 200, true, 4, 2)");
    s.run("SELECT * FROM credits_define_plan('flat', 700, rank => 3)");
    s.run("SELECT credits_subscribe('a', 'small', 'sub', 6)");
    brings(&mut s, "small", "large", "", 800);
    assert_eq!(held(&mut s), ["large|6|NULL|NULL|f"]);
    brings(&mut s, "large", "flat", "", 700);
    assert_eq!(held(&mut s), ["flat|6|NULL|NULL|f"]);
    assert_eq!(running(&mut s), format!("2100|0|2100|{JAN}"));
    // Down again, from the next cycle, with as many.
    brings(&mut s, "flat", "small", "", 0);
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(held(&mut s), ["small|6|NULL|NULL|f"]);
    assert_eq!(running(&mut s), format!("600|0|600|{FEB}"));
    sound(&mut s);
}

/// Fewer seats that wait for the next cycle go along, with a change now and with one that waits, too.
#[test]
fn pending_seats_go_along() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('small', 100, true, 10, 1)");
    s.run("SELECT * FROM credits_define_plan('large', 200, true, 10, 2)");
    s.run("SELECT credits_subscribe('a', 'small', 'sub', 6)");
    s.row("SELECT * FROM credits_set_seats('a', 'small', 2, 's1')").has(&[("amount", "0")]);
    brings(&mut s, "small", "large", "", 1200);
    assert_eq!(held(&mut s), ["large|6|NULL|2|f"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("400|0|400|{FEB}"));
    // Up to 5 now, and down to another plan with 3 from the next cycle.
    s.row("SELECT * FROM credits_set_seats('a', 'large', 5, 's2')").has(&[("amount", "600")]);
    brings(&mut s, "large", "small", "", 0);
    s.row("SELECT * FROM credits_set_seats('a', 'large', 3, 's3')").has(&[("amount", "0")]);
    assert_eq!(held(&mut s), ["large|5|small|3|f"]);
    s.at("2026-03-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(held(&mut s), ["small|3|NULL|NULL|f"]);
    assert_eq!(running(&mut s), format!("300|0|300|{MAR}"));
    sound(&mut s);
}

/// A plan to which another is about to change is as good as held.
#[test]
fn a_plan_that_is_about_to_come() {
    let mut s = on("pro");
    s.run("SELECT credits_subscribe('a', 't1', 'sub-t')");
    brings(&mut s, "pro", "basic", "", 0);
    refused(&mut s, "credits_subscribe('a', 'basic', 'k')", "LC005");
    refused(&mut s, "credits_change_plan('a', 't1', 'basic', 'k', 'now')", "LC005");
    refused(&mut s, "credits_change_plan('a', 't1', 'basic', 'k', 'next_cycle')", "LC005");
    // Once the change is taken back it is not.
    brings(&mut s, "pro", "pro", "", 0);
    s.row("SELECT * FROM credits_subscribe('a', 'basic', 'k')").has(&[("amount", "500")]);
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f", "pro|1|NULL|NULL|f", "t1|1|NULL|NULL|f"]);
    sound(&mut s);
}

/// Only the plan that is changed changes.
#[test]
fn other_plans_stay() {
    let mut s = on("basic");
    s.run("SELECT credits_subscribe('a', 't1', 'sub-t')");
    s.at("2026-01-15 00:00+00");
    brings(&mut s, "t1", "t3", "", 500);
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f", "t3|1|NULL|NULL|f"]);
    brings(&mut s, "basic", "pro", "", 1000);
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f", "t3|1|NULL|NULL|f"]);
    assert_eq!(running(&mut s), format!("3000|0|3000|{JAN}"));
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), format!("2500|0|2500|{FEB}"));
    assert_eq!(
        closing(&mut s, 5),
        [
            "allowance|pro|1000",
            "allowance|t3|1500",
            "expire|basic|-500",
            "expire|pro|-1000",
            "expire|t1|-1000",
            "expire|t3|-500"
        ]
    );
    sound(&mut s);
}

/// What an upgrade adds pays debt first.
#[test]
fn an_upgrade_pays_debt() {
    let mut s = on("basic");
    s.run("SELECT credits_debit('a', 620, 'd', on_insufficient => 'allow')");
    change(&mut s, "basic", "pro", "").has(&[
        ("amount", "1000"),
        ("from_allowance", "880"),
        ("overdraft", "-120"),
        ("balance", "880"),
        ("debt", "0"),
    ]);
    assert_eq!(lots(&mut s), ["allowance|basic|500|0|spent", "allowance|pro|1000|880|active"]);
    sound(&mut s);
}

// Equal ranks

/// Now, and only by what the new plan has more.
#[test]
fn a_plan_of_equal_rank_brings_the_excess() {
    let mut s = on("t1");
    s.run("SELECT credits_debit('a', 900, 'd')");
    change(&mut s, "t1", "t3", "").has(&[("amount", "500"), ("from_allowance", "500"), ("balance", "600")]);
    assert_eq!(held(&mut s), ["t3|1|NULL|NULL|f"]);
    assert_eq!(lots(&mut s), ["allowance|t1|1000|100|active", "allowance|t3|500|500|active"]);
    assert_eq!(running(&mut s), format!("600|0|1500|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("1500|0|1500|{FEB}"));
    sound(&mut s);

    let mut s = on("t1");
    change(&mut s, "t1", "t2", "").has(&[("amount", "0"), ("from_allowance", "0"), ("balance", "1000")]);
    assert_eq!(held(&mut s), ["t2|1|NULL|NULL|f"]);
    assert_eq!(lots(&mut s), ["allowance|t1|1000|1000|active"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("500|0|500|{FEB}"));
    sound(&mut s);
}

/// In a chain each plan counts with its whole allowance, granted or not: together they grant what the largest does.
#[test]
fn chains_of_equal_rank() {
    // 1000, 500, 1000
    let mut s = on("t1");
    brings(&mut s, "t1", "t2", "", 0);
    brings(&mut s, "t2", "t1", "", 0);
    assert_eq!(running(&mut s), format!("1000|0|1000|{JAN}"));
    sound(&mut s);

    // 500, 1000, 1200, 500, 1500, 1000, 1200, 2000, 500
    let mut s = on("t2");
    for (from, to, amount) in [
        ("t2", "t1", 500),
        ("t1", "t4", 200),
        ("t4", "t2", 0),
        ("t2", "t3", 300),
        ("t3", "t1", 0),
        ("t1", "t4", 0),
        ("t4", "t5", 500),
        ("t5", "t2", 0),
    ] {
        brings(&mut s, from, to, "", amount);
        sound(&mut s);
    }
    assert_eq!(running(&mut s), format!("2000|0|2000|{JAN}"));
    assert_eq!(held(&mut s), ["t2|1|NULL|NULL|f"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("500|0|500|{FEB}"));
    // A new cycle, a new count.
    brings(&mut s, "t2", "t5", "", 1500);
    sound(&mut s);
}

/// 1000, then 500 of equal rank (nothing), then 1500: less the larger of the two.
#[test]
fn a_small_plan_between_two_large_ones() {
    let mut s = on("t1");
    brings(&mut s, "t1", "t2", "", 0);
    brings(&mut s, "t2", "t3", "", 500);
    assert_eq!(running(&mut s), format!("1500|0|1500|{JAN}"));
    sound(&mut s);
}

#[test]
fn equal_rank_after_an_upgrade() {
    let mut s = on("basic");
    s.run("SELECT * FROM credits_define_plan('pro2', 1300, rank => 2)");
    brings(&mut s, "basic", "pro", "", 1000);
    // The excess over what pro granted, not over all that the cycle did.
    brings(&mut s, "pro", "pro2", "", 300);
    assert_eq!(running(&mut s), format!("1800|0|1800|{JAN}"));
    sound(&mut s);
}

#[test]
fn equal_rank_by_seats() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('x', 100, true)");
    s.run("SELECT * FROM credits_define_plan('y', 60, true)");
    s.run("SELECT credits_subscribe('a', 'x', 'sub', 3)");
    brings(&mut s, "x", "y", "", 0); // 180, less than 300
    s.row("SELECT * FROM credits_set_seats('a', 'y', 5, 's1')").has(&[("amount", "0")]); // 300
    s.row("SELECT * FROM credits_set_seats('a', 'y', 6, 's2')").has(&[("amount", "60")]); // 360
    brings(&mut s, "y", "x", "", 240); // 600
    s.row("SELECT * FROM credits_set_seats('a', 'x', 8, 's3')").has(&[("amount", "200")]);
    brings(&mut s, "x", "y", "", 0); // 480
    s.row("SELECT * FROM credits_set_seats('a', 'y', 20, 's4')").has(&[("amount", "400")]); // 1200
    assert_eq!(running(&mut s), format!("1200|0|1200|{JAN}"));
    sound(&mut s);
}

#[test]
fn equal_rank_may_wait_too() {
    let mut s = on("t1");
    brings(&mut s, "t1", "t3", ", 'next_cycle'", 0);
    assert_eq!(held(&mut s), ["t1|1|t3|NULL|f"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("1500|0|1500|{FEB}"));
    sound(&mut s);
}

// Downgrades

#[test]
fn a_downgrade_counts_from_the_next_cycle() {
    let mut s = on("pro");
    s.at("2026-01-15 00:00+00");
    change(&mut s, "pro", "basic", "").has(&[
        ("amount", "0"),
        ("from_allowance", "0"),
        ("balance", "1000"),
        ("allowance", "1000"),
    ]);
    s.row("SELECT * FROM credits_subscriptions").has(&[
        ("plan", "pro"),
        ("pending_plan", "basic"),
        ("pending_seats", "NULL"),
        ("pending_end", "f"),
        ("pending_at", "2026-02-01 00:00:00+00"),
        ("subscribed_at", "2026-01-01 00:00:00+00"),
    ]);
    s.at("2026-01-31 23:59:59.999999+00");
    assert_eq!(running(&mut s), format!("1000|0|1000|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("500|0|500|{FEB}"));
    assert_eq!(held(&mut s), ["pro|1|basic|NULL|f"], "subscriptions show what is recorded");
    s.run("SELECT credits_maintain()");
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f"]);
    assert_eq!(s.one("SELECT pending_at FROM credits_subscriptions"), "NULL");
    assert_eq!(history(&mut s, 3), ["expire|pro|-1000|0", "allowance|basic|500|500"]);
    refused(&mut s, "credits_change_plan('a', 'pro', 'ultra', 'x')", "LC006");
    sound(&mut s);
}

/// Thought better of it: the plan to itself takes back what is pending.
#[test]
fn a_downgrade_taken_back() {
    let mut s = on("pro");
    brings(&mut s, "pro", "basic", "", 0);
    brings(&mut s, "pro", "pro", "", 0);
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"]);
    refused(&mut s, "credits_change_plan('a', 'pro', 'pro', 'x')", "LC005");
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("1000|0|1000|{FEB}"));
    s.run("SELECT credits_unsubscribe('a', 'pro', 'u')");
    brings(&mut s, "pro", "pro", "", 0);
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"]);
    s.at("2026-03-01 00:00+00");
    assert_eq!(running(&mut s), format!("1000|0|1000|{MAR}"));
    sound(&mut s);
}

/// A newer change takes the place of what was pending.
#[test]
fn the_newest_change_counts() {
    let mut s = on("pro");
    brings(&mut s, "pro", "basic", "", 0);
    refused(&mut s, "credits_change_plan('a', 'pro', 'basic', 'x')", "LC005");
    brings(&mut s, "pro", "free", "", 0);
    assert_eq!(held(&mut s), ["pro|1|free|NULL|f"]);
    brings(&mut s, "pro", "ultra", "", 3000);
    assert_eq!(held(&mut s), ["ultra|1|NULL|NULL|f"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("3000|0|3000|{FEB}"));
    // An end takes the place of a change, and a change that of an end.
    brings(&mut s, "ultra", "basic", "", 0);
    s.run("SELECT credits_unsubscribe('a', 'ultra', 'u1')");
    brings(&mut s, "ultra", "pro", "", 0);
    assert_eq!(held(&mut s), ["ultra|1|pro|NULL|f"]);
    s.run("SELECT credits_unsubscribe('a', 'ultra', 'u2')");
    s.at("2026-03-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(held(&mut s), Vec::<String>::new());
    assert_eq!(running(&mut s), format!("0|0|0|{MAR}"));
    sound(&mut s);
}

/// Forced now: another plan at once, but nothing more before the next cycle, and nothing taken away.
#[test]
fn a_downgrade_forced_now() {
    let mut s = on("pro");
    s.run("SELECT credits_debit('a', 300, 'd')");
    s.at("2026-01-10 00:00+00");
    change(&mut s, "pro", "basic", ", 'now'").has(&[("amount", "0"), ("from_allowance", "0"), ("balance", "700")]);
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f"]);
    assert_eq!(s.list("SELECT subscribed_at FROM credits_subscriptions"), ["2026-01-10 00:00:00+00"]);
    assert_eq!(lots(&mut s), ["allowance|pro|1000|700|active"]);
    assert_eq!(running(&mut s), format!("700|0|1000|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("500|0|500|{FEB}"));
    sound(&mut s);
}

/// Up, down and up again within one cycle brings each plan's allowance once.
#[test]
fn up_down_up() {
    let mut s = on("basic");
    for round in 0..4 {
        brings(&mut s, "basic", "pro", "", if round == 0 { 1000 } else { 0 });
        assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"]);
        brings(&mut s, "pro", "basic", ", 'now'", 0);
        assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f"]);
        assert_eq!(running(&mut s), format!("1500|0|1500|{JAN}"));
        sound(&mut s);
    }
    // Through three plans, by leaving and coming back, and with what is unused thrown away in between.
    brings(&mut s, "basic", "ultra", "", 3000);
    brings(&mut s, "ultra", "pro", ", 'now'", 0);
    brings(&mut s, "pro", "ultra", "", 0);
    s.run("SELECT credits_unsubscribe('a', 'ultra', 'u1', 'now')");
    s.row("SELECT * FROM credits_subscribe('a', 'pro', 'k1')").has(&[("amount", "0")]);
    brings(&mut s, "pro", "basic", ", 'now', 'expire'", 0);
    brings(&mut s, "basic", "pro", "", 0);
    // 1000 of pro are gone for good.
    assert_eq!(running(&mut s), format!("3500|0|4500|{JAN}"));
    assert_eq!(
        s.list("SELECT plan, trim_scale(sum(amount)) FROM credits_grants GROUP BY plan ORDER BY plan"),
        ["basic|500", "pro|1000", "ultra|3000"]
    );
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("1000|0|1000|{FEB}"));
    sound(&mut s);
}

/// The usual way down is pending, and coming back up costs and brings nothing.
#[test]
fn up_and_down_in_each_cycle() {
    let mut s = on("basic");
    for (now, cycle) in [("2026-01-20 00:00+00", 1), ("2026-02-20 00:00+00", 2), ("2026-03-20 00:00+00", 3)] {
        s.at(now);
        brings(&mut s, "basic", "pro", "", 1000);
        brings(&mut s, "pro", "basic", "", 0);
        brings(&mut s, "pro", "pro", "", 0);
        brings(&mut s, "pro", "basic", "", 0);
        assert_eq!(
            s.list("SELECT cycle, trim_scale(allowance_granted) FROM credits_balance('a')"),
            [format!("{cycle}|1500")]
        );
    }
    sound(&mut s);
}

/// Seats do not get around it either.
#[test]
fn up_down_up_by_seats() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('small', 100, true, 10, 1)");
    s.run("SELECT * FROM credits_define_plan('large', 200, true, 10, 2)");
    s.run("SELECT credits_subscribe('a', 'small', 'sub', 3)");
    brings(&mut s, "small", "large", "", 600);
    s.row("SELECT * FROM credits_set_seats('a', 'large', 5, 's1')").has(&[("amount", "400")]);
    brings(&mut s, "large", "small", ", 'now'", 0);
    assert_eq!(held(&mut s), ["small|5|NULL|NULL|f"]);
    brings(&mut s, "small", "large", "", 0);
    assert_eq!(held(&mut s), ["large|5|NULL|NULL|f"]);
    s.row("SELECT * FROM credits_set_seats('a', 'large', 6, 's2')").has(&[("amount", "200")]);
    assert_eq!(
        s.list("SELECT plan, trim_scale(sum(amount)) FROM credits_grants GROUP BY plan ORDER BY plan"),
        ["large|1200", "small|300"]
    );
    sound(&mut s);
}

// What is unused

#[test]
fn unused_allowance_expires_if_asked() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('small', 100, true, 10, 1)");
    s.run("SELECT * FROM credits_define_plan('large', 1000, rank => 2)");
    s.run("SELECT * FROM credits_define_plan('base', 50)");
    s.run("SELECT credits_subscribe('a', 'small', 'sub', 3)");
    s.run("SELECT credits_set_seats('a', 'small', 5, 's1')");
    s.run("SELECT credits_subscribe('a', 'base', 'sub2')");
    s.run("SELECT credits_grant('a', 10, 'bought')");
    s.run("SELECT credits_debit('a', 120, 'd')");
    s.at("2026-01-15 00:00+00");
    change(&mut s, "small", "large", ", unused_allowance => 'expire'").has(&[
        ("entry", "9"),
        ("amount", "1000"),
        ("from_allowance", "1000"),
        ("balance", "1060"),
        ("allowance", "1050"),
        ("credits", "10"),
    ]);
    // One entry per lot, before the change; the other plan's allowance and what was bought stay.
    assert_eq!(history(&mut s, 6), ["expire|small|-180|260", "expire|small|-200|60", "change_plan|large|1000|1060"]);
    assert_eq!(running(&mut s), format!("1050|10|1550|{JAN}"));
    // The closing tells what it let expire, the cycle all that expired in it.
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("expired", "1050"),
        ("granted", "1050"),
        ("balance", "1060"),
    ]);
    assert_eq!(
        s.list("SELECT trim_scale(granted), trim_scale(used), trim_scale(expired) FROM credits_cycles WHERE cycle = 1"),
        ["1550|120|1430"]
    );
    sound(&mut s);
}

#[test]
fn unused_allowance_expires_at_equal_rank() {
    let mut s = on("t1");
    s.run("SELECT credits_debit('a', 400, 'd')");
    change(&mut s, "t1", "t3", ", 'now', 'expire'").has(&[("amount", "500"), ("balance", "500"), ("allowance", "500")]);
    assert_eq!(history(&mut s, 3), ["expire|t1|-600|0", "change_plan|t3|500|500"]);
    // Nothing is left to expire: the change alone.
    s.run("SELECT credits_debit('a', 500, 'd2')");
    brings(&mut s, "t3", "t5", ", unused_allowance => 'expire'", 500);
    assert_eq!(history(&mut s, 6), ["change_plan|t5|500|500"]);
    sound(&mut s);
}

/// A pending change with `expire`: at the cycle's end nothing of the old plan rolls over.
#[test]
fn unused_allowance_expires_with_a_pending_change() {
    for (unused, rolled, expired) in [("keep", "250", "250"), ("expire", "0", "500")] {
        let mut s = opened("2026-01-01 00:00+00", "");
        s.run("SELECT * FROM credits_define_plan('large', 500, rank => 2, rollover_percent => 50)");
        s.run("SELECT * FROM credits_define_plan('small', 100, rank => 1)");
        s.run("SELECT credits_subscribe('a', 'large', 'sub')");
        change(&mut s, "large", "small", &format!(", 'auto', '{unused}'")).has(&[("amount", "0"), ("balance", "500")]);
        assert_eq!(running(&mut s), format!("500|0|500|{JAN}"), "it is there until then");
        s.at("2026-02-01 00:00+00");
        s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
            ("rolled_over", rolled),
            ("expired", expired),
            ("granted", "100"),
        ]);
        assert_eq!(held(&mut s), ["small|1|NULL|NULL|f"], "{unused}");
        sound(&mut s);
    }
}

/// Taken back, or followed by a change that keeps, it rolls over after all.
#[test]
fn unused_allowance_that_was_to_expire() {
    for (next, allowance) in [
        ("credits_change_plan('a', 'large', 'large', 'c2')", "750"),
        ("credits_change_plan('a', 'large', 'other', 'c2')", "370"),
        ("credits_unsubscribe('a', 'large', 'c2')", "250"),
    ] {
        let mut s = opened("2026-01-01 00:00+00", "");
        s.run("SELECT * FROM credits_define_plan('large', 500, rank => 2, rollover_percent => 50)");
        s.run("SELECT * FROM credits_define_plan('small', 100, rank => 1)");
        s.run("SELECT * FROM credits_define_plan('other', 120, rank => 1)");
        s.run("SELECT credits_subscribe('a', 'large', 'sub')");
        s.run("SELECT credits_change_plan('a', 'large', 'small', 'c1', unused_allowance => 'expire')");
        s.run(&format!("SELECT {next}"));
        s.at("2026-02-01 00:00+00");
        s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
            ("rolled_over", "250"),
            ("expired", "250"),
            ("allowance", allowance),
        ]);
        sound(&mut s);
    }
}

// Definitions

/// The plan that is held is what it was when the cycle began; a boundary uses the version in force at its instant.
#[test]
fn a_new_definition_counts_from_the_next_cycle() {
    let mut s = on("pro");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT * FROM credits_define_plan('pro', 1400, rank => 2)");
    assert_eq!(running(&mut s), format!("1000|0|1000|{JAN}"));
    s.run("SELECT credits_debit('a', 100, 'd')");
    assert_eq!(running(&mut s), format!("900|0|1000|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("1400|0|1400|{FEB}"));
    // Defined exactly at a boundary: it counts for it. A microsecond later: it does not.
    s.run("SELECT * FROM credits_define_plan('pro', 1500, rank => 2)");
    s.at("2026-02-20 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), format!("1500|0|1500|{FEB}"));
    s.at("2026-03-01 00:00:00.000001+00");
    s.run("SELECT * FROM credits_define_plan('pro', 1600, rank => 2)");
    assert_eq!(running(&mut s), format!("1500|0|1500|{MAR}"));
    s.at("2026-04-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycles_closed", "2"),
        ("granted", "3100"),
        ("allowance", "1600"),
    ]);
    sound(&mut s);
}

/// Missed cycles use each the version of their own boundary.
#[test]
fn many_definitions_and_nobody_looking() {
    let mut s = on("pro");
    for (now, allowance) in [
        ("2026-01-15 00:00+00", 1100),
        ("2026-01-16 00:00+00", 1150),
        ("2026-03-15 00:00+00", 1300),
        ("2026-04-15 00:00+00", 0),
        ("2026-05-15 00:00+00", 1500),
        ("2026-06-01 00:00:00.000001+00", 9999),
    ] {
        s.at(now);
        s.run(&format!("SELECT * FROM credits_define_plan('pro', {allowance}, rank => 2)"));
    }
    s.at("2026-06-10 00:00+00");
    s.run("SELECT credits_debit('a', 1, 'd')");
    assert_eq!(
        s.list("SELECT cycle_start, trim_scale(granted) FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
        [
            "2026-01-01 00:00:00+00|1000",
            "2026-02-01 00:00:00+00|1150",
            "2026-03-01 00:00:00+00|1150",
            "2026-04-01 00:00:00+00|1300",
            "2026-05-01 00:00:00+00|0",
            "2026-06-01 00:00:00+00|1500"
        ]
    );
    sound(&mut s);
}

/// What is subscribed or changed to in mid-cycle is taken as it is defined now.
#[test]
fn a_change_uses_the_definition_in_force() {
    let mut s = on("basic");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT * FROM credits_define_plan('pro', 1400, rank => 2)");
    s.run("SELECT * FROM credits_define_plan('free', 7)");
    brings(&mut s, "basic", "pro", "", 1400);
    s.row("SELECT * FROM credits_subscribe('a', 'free', 'k')").has(&[("amount", "7")]);
    // The rank, too: what was above is below now.
    s.run("SELECT * FROM credits_define_plan('ultra', 3000, rank => 1)");
    brings(&mut s, "pro", "ultra", "", 0);
    assert_eq!(held(&mut s), ["free|1|NULL|NULL|f", "pro|1|ultra|NULL|f"]);
    // And at the boundary, the pending plan as it is defined then.
    s.at("2026-01-20 00:00+00");
    s.run("SELECT * FROM credits_define_plan('ultra', 3333, rank => 1)");
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("3340|0|3340|{FEB}"));
    sound(&mut s);
}

/// A plan granted in part before its redefinition brings, changed to again, no more than its allowance is now.
#[test]
fn up_down_up_over_a_redefinition() {
    let mut s = on("basic");
    brings(&mut s, "basic", "pro", "", 1000);
    brings(&mut s, "pro", "basic", ", 'now'", 0);
    s.run("SELECT * FROM credits_define_plan('pro', 800, rank => 2)");
    brings(&mut s, "basic", "pro", "", 0);
    assert_eq!(running(&mut s), format!("1500|0|1500|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("800|0|800|{FEB}"));
    sound(&mut s);
}

// What is refused

#[test]
fn changes_that_cannot_be() {
    let mut s = on("pro");
    s.run("SELECT credits_subscribe('a', 't1', 'sub-t')");
    let long = "x".repeat(256);
    for (call, code) in [
        ("credits_change_plan(NULL, 'pro', 'basic', 'k')", "LC005"),
        ("credits_change_plan('a', NULL, 'basic', 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', NULL, 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', NULL)", "LC005"),
        ("credits_change_plan('a', '', 'basic', 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', '', 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', '')", "LC005"),
        (&format!("credits_change_plan('a', 'pro', '{long}', 'k')"), "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'k', 'later')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'k', '')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'k', 'auto', 'roll')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'k', unused_allowance => 'Expire')", "LC005"),
        // To itself with nothing pending; to one that is held.
        ("credits_change_plan('a', 'pro', 'pro', 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', 't1', 'k')", "LC005"),
        ("credits_change_plan('a', 't1', 'pro', 'k', 'next_cycle')", "LC005"),
        // Not held; not defined.
        ("credits_change_plan('a', 'basic', 'ultra', 'k')", "LC006"),
        ("credits_change_plan('a', 'gold', 'ultra', 'k')", "LC006"),
        ("credits_change_plan('a', 'pro', 'gold', 'k')", "LC006"),
        ("credits_change_plan('a', 'pro', 'gold', 'k', 'now')", "LC006"),
        ("credits_change_plan('a', 'pro', 'Basic', 'k')", "LC006"),
        // The order: form, key, account, state, what is not there.
        ("credits_change_plan('nobody', 'pro', 'basic', 'k', 'later')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'sub', 'later')", "LC005"),
        ("credits_change_plan('a', 'gold', 'silver', 'sub')", "LC003"),
        ("credits_change_plan('nobody', 'gold', 'silver', 'k')", "LC002"),
        ("credits_change_plan('a', 'gold', 'pro', 'k')", "LC005"),
    ] {
        refused(&mut s, call, code);
    }
    assert_eq!(history(&mut s, 3), Vec::<String>::new());
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f", "t1|1|NULL|NULL|f"]);
    sound(&mut s);
}

#[test]
fn frozen_accounts_change_and_closed_ones_do_not() {
    let mut s = on("basic");
    s.run("SELECT credits_freeze_account('a', 'unpaid')");
    brings(&mut s, "basic", "pro", "", 1000);
    brings(&mut s, "pro", "basic", "", 0);
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f"]);
    s.run("SELECT credits_close_account('a', 'left')");
    for call in [
        "credits_change_plan('a', 'basic', 'pro', 'k')",
        "credits_change_plan('a', 'basic', 'basic', 'k')",
        "credits_change_plan('a', 'gold', 'silver', 'k')",
    ] {
        refused(&mut s, call, "LC011");
    }
    assert_eq!(held(&mut s), Vec::<String>::new());
    sound(&mut s);
}

/// More than the account can hold is refused, and nothing expired for it.
#[test]
fn a_change_beyond_all_measure() {
    let mut s = on("basic");
    s.run("SELECT * FROM credits_define_plan('huge', 99999999999999, rank => 9)");
    s.run("SELECT credits_grant('a', 1, 'bought')");
    refused(&mut s, "credits_change_plan('a', 'basic', 'huge', 'k')", "LC004");
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f"]);
    assert_eq!(running(&mut s), format!("500|1|500|{JAN}"));
    sound(&mut s);
}

#[test]
fn one_key_changes_a_plan_once() {
    let mut s = on("basic");
    let calls = [
        "credits_change_plan('a', 'basic', 'pro', 'k1')",
        "credits_change_plan('a', 'pro', 'basic', 'k2', 'now', 'expire')",
        "credits_change_plan('a', 'basic', 'free', 'k3', 'next_cycle')",
        "credits_change_plan('a', 'basic', 'basic', 'k4')",
    ];
    let mut first = Vec::new();
    for call in calls {
        let receipt = format!("SELECT to_jsonb(r) - 'replayed' FROM {call} r");
        first.push(s.one(&receipt));
        assert_eq!(&s.one(&receipt), first.last().expect("a receipt"), "{call}");
    }
    s.run("SELECT * FROM credits_define_plan('pro', 4, rank => -5)");
    let count = s.one("SELECT count(*) FROM credits_history");
    for now in ["2026-01-20 00:00+00", "2026-05-20 00:00+00"] {
        s.at(now);
        for (call, expected) in calls.iter().zip(&first) {
            assert_eq!(&s.one(&format!("SELECT to_jsonb(r) - 'replayed' FROM {call} r")), expected, "{call} at {now}");
            assert_eq!(s.one(&format!("SELECT replayed FROM {call}")), "t", "{call} at {now}");
        }
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), count);
    for call in [
        "credits_change_plan('a', 'basic', 'ultra', 'k1')",
        "credits_change_plan('a', 'free', 'pro', 'k1')",
        "credits_change_plan('a', 'basic', 'pro', 'k1', 'now')",
        "credits_change_plan('a', 'basic', 'pro', 'k1', unused_allowance => 'expire')",
        "credits_change_plan('a', 'pro', 'basic', 'k2', 'now')",
        "credits_change_plan('a', 'pro', 'basic', 'k2')",
        "credits_subscribe('a', 'pro', 'k1')",
        "credits_unsubscribe('a', 'basic', 'k4')",
        "credits_change_plan('a', 'basic', 'pro', 'sub')",
    ] {
        refused(&mut s, call, "LC003");
    }
    // With its defaults spelled out it is the same request.
    assert_eq!(s.one("SELECT replayed FROM credits_change_plan('a', 'basic', 'pro', 'k1', 'auto', 'keep')"), "t");
    assert_eq!(s.one("SELECT replayed FROM credits_change_plan('a', 'basic', 'pro', 'k1', NULL, NULL)"), "t");
    sound(&mut s);
}

/// Sessions that upgrade at once, each with a key of its own: one of them does it, the others find it done.
#[test]
fn an_upgrade_by_many_at_once() {
    let db = credits_ledger_tests::Server::shared().database();
    let mut s = db.session();
    s.run("SELECT * FROM credits_define_plan('basic', 500, rank => 1)");
    s.run("SELECT * FROM credits_define_plan('pro', 1000, rank => 2)");
    s.run("SELECT credits_open_account('a')");
    s.run("SELECT credits_subscribe('a', 'basic', 'sub')");
    let threads: Vec<_> = (0..12)
        .map(|n| {
            let mut s = db.session();
            std::thread::spawn(move || {
                match s.try_run(&format!("SELECT credits_change_plan('a', 'basic', 'pro', 'k{n}')")) {
                    Ok(_) => "done".to_owned(),
                    Err(error) => error.code,
                }
            })
        })
        .collect();
    let mut ends: Vec<_> = threads.into_iter().map(|t| t.join().expect("an end")).collect();
    ends.sort();
    // Of those that come too late `pro` is held, which comes before `basic` is not.
    assert_eq!(ends[..11], vec!["LC005".to_owned(); 11]);
    assert_eq!(ends[11], "done");
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"]);
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "1500");
    sound(&mut s);
}
