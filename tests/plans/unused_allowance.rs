//! `unused_allowance`: what is left of the replaced plan's allowance.

use super::*;

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
