//! Changes to a plan of higher rank: at once and in full.

use super::*;

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
