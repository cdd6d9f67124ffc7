//! Definitions that change under a plan that is held.

use super::*;

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
