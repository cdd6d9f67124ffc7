//! Changes to a plan of lower rank, what is pending, and up and down and up again.

use super::*;

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
