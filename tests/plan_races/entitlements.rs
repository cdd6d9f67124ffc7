//! Many sessions on one subscription: what a plan gives in a cycle, it gives once.

use crate::crowd::{Dice, crowd, patient};
use crate::interleave::LEVELS;
use crate::plans::*;
use credits_ledger_tests::{Database, Server, Session};

const SESSIONS: usize = 16;

/// What those are told who come too late to change a plan: its successor is held already, or it is held no more. The
/// first comes before the second where both are so.
const GONE: [&str; 2] = ["LC005", "LC006"];

fn ledger() -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    define(&mut s);
    s.run("SELECT credits_open_account('a', cycle_length => '0')");
    (db, s)
}

#[test]
fn of_many_subscriptions_one_is_made() {
    for level in LEVELS {
        let (db, mut s) = ledger();
        for (plan, total) in [("small", "100"), ("big", "400"), ("seat", "410")] {
            let made = crowd(&db, SESSIONS, &[level], |i, s| {
                // Four keys, each in four sessions.
                let row = receipt(s, &subscribe("a", plan, &format!("{plan} {}", i % 4)), &["LC005"])?;
                Some((row.get("replayed").to_owned(), row.get("entry").to_owned()))
            });
            let made: Vec<_> = made.into_iter().flatten().collect();
            assert_eq!(made.len(), 4, "{level}: the sessions that share the key that came first: {made:?}");
            assert_eq!(made.iter().filter(|(replayed, _)| replayed == "f").count(), 1, "{level}: {made:?}");
            assert!(made.iter().all(|(_, entry)| *entry == made[0].1), "{level}: {made:?}");
            s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", total), ("cycle", "1")]);
        }
        assert_eq!(granted(&mut s, "a"), ["1 big 300", "1 seat 10", "1 small 100"], "{level}");
        settled(&mut s);
    }
}

#[test]
fn up_and_down_by_many_sessions_grants_each_plan_once() {
    for level in LEVELS {
        let (db, mut s) = ledger();
        s.run(&subscribe("a", "small", "s"));
        let made: usize = crowd(&db, SESSIONS, &[level], |i, s| {
            let mut dice = Dice(11 * i as u64);
            let mut made = 0;
            for n in 0..10 {
                let call = match dice.below(3) {
                    0 => change("a", "small", "big", &format!("k{i} {n}"), ""),
                    1 => change("a", "big", "small", &format!("k{i} {n}"), ", 'now'"),
                    _ => format!("SELECT * FROM credits_debit('a', 1, 'k{i} {n}')"),
                };
                let row = receipt(s, &call, &GONE);
                made += usize::from(row.is_some_and(|row| row.get("operation") == "change_plan"));
            }
            made
        })
        .into_iter()
        .sum();
        assert!(made > 0, "{level}: only {made} changes");
        assert_eq!(granted(&mut s, "a"), ["1 big 300", "1 small 100"], "{level}");
        assert_eq!(
            s.one("SELECT count(*) FROM credits_history WHERE operation = 'change_plan'"),
            made.to_string(),
            "{level}"
        );
        assert_eq!(s.one("SELECT count(*) FROM credits_subscriptions WHERE account = 'a'"), "1", "{level}");
        settled(&mut s);
    }
}

#[test]
fn to_and_fro_between_equals_grants_the_larger() {
    let (db, mut s) = ledger();
    s.run(&subscribe("a", "small", "s"));
    crowd(&db, SESSIONS, &LEVELS, |i, s| {
        for n in 0..8 {
            let (from, to) = if (i + n) % 2 == 0 { ("small", "other") } else { ("other", "small") };
            receipt(s, &change("a", from, to, &format!("k{i} {n}"), ""), &GONE);
        }
    });
    assert_eq!(granted(&mut s, "a"), ["1 other 100", "1 small 100"]);
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "200"), ("allowance_granted", "200")]);
    // In the next cycle, what is held now is granted in full.
    let held = s.one("SELECT plan FROM credits_subscriptions WHERE account = 'a'");
    let whole = if held == "small" { "100" } else { "200" };
    s.row(&reset("a", "r")).has(&[("granted", whole), ("expired", "200"), ("allowance", whole)]);
    settled(&mut s);
}

#[test]
fn seats_set_by_many_sessions_grant_up_to_the_highest_number() {
    for (level, most) in LEVELS.into_iter().zip([9, 14, 6]) {
        let (db, mut s) = ledger();
        s.run("SELECT credits_subscribe('a', 'seat', 's', 3)");
        crowd(&db, SESSIONS, &[level], |i, s| {
            let mut dice = Dice(i as u64 + most);
            for n in 0..8 {
                // Some of the keys belong to several sessions.
                let number = dice.below(90);
                let wanted = if i == 7 && n == 4 { most } else { 1 + number % most };
                let key = if wanted == most { format!("k{i} {n}") } else { format!("k{number}") };
                receipt(s, &seats("a", wanted, &key), &["LC005"]);
                receipt(s, &format!("SELECT * FROM credits_debit('a', 0.1, 'd{i} {n}')"), &["LC001"]);
            }
        });
        let cap = most.min(10);
        assert_eq!(granted(&mut s, "a"), [format!("1 seat {}", 10 * cap)], "{level}");
        // From the next cycle on, the last number that was asked for counts.
        let last =
            s.row("SELECT coalesce(pending_seats, seats) AS seats FROM credits_subscriptions WHERE account = 'a'");
        let last: u64 = last.get("seats").parse().unwrap();
        s.row(&reset("a", "r")).has(&[("granted", &(10 * last.min(10)).to_string())]);
        settled(&mut s);
    }
}

#[test]
fn a_trial_wanted_by_many_is_given_once_and_converted_once() {
    let (db, mut s) = ledger();
    let tried = crowd(&db, SESSIONS, &LEVELS, |i, s| {
        receipt(s, &subscribe("a", "try", &format!("t{i}")), &["LC005"]).is_some()
    });
    assert_eq!(tried.iter().filter(|made| **made).count(), 1);
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "0"), ("credits", "50")]);
    let converted = crowd(&db, SESSIONS, &LEVELS, |i, s| {
        let to = ["small", "big"][i % 2];
        receipt(s, &change("a", "try", to, &format!("c{i}"), ""), &GONE).is_some()
    });
    assert_eq!(converted.iter().filter(|made| **made).count(), 1);
    let held = s.one("SELECT plan FROM credits_subscriptions WHERE account = 'a'");
    let whole = if held == "small" { "100" } else { "300" };
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", whole), ("credits", "0")]);
    assert_eq!(s.list("SELECT amount FROM credits_grants WHERE kind = 'trial'"), ["50"]);
    settled(&mut s);
}

#[test]
fn a_boundary_that_many_sessions_find_is_passed_once() {
    let (db, mut s) = ledger();
    s.at("2026-01-31 00:00+00");
    s.run("SELECT credits_open_account('c')");
    for plan in ["small", "big", "seat"] {
        s.run(&subscribe("c", plan, plan));
    }
    for (n, now) in ["2026-02-28 00:00+00", "2026-03-31 00:00+00", "2026-06-15 12:00+00"].iter().enumerate() {
        crowd(&db, SESSIONS, &LEVELS, |i, s| {
            s.at(now);
            for k in 0..3 {
                match i % 4 {
                    0 => drop(patient(s, "SELECT credits_maintain()").unwrap()),
                    1 => drop(patient(s, "SELECT * FROM credits_reset_cycle('c')").unwrap()),
                    _ => drop(patient(s, &format!("SELECT * FROM credits_debit('c', 1, 'd{n} {i} {k}')")).unwrap()),
                }
            }
        });
    }
    // Subscribed in cycle 1; boundaries at the ends of February to May, of which the last three came at once.
    let each: Vec<String> =
        (1..=5).flat_map(|c| [format!("{c} big 300"), format!("{c} seat 10"), format!("{c} small 100")]).collect();
    assert_eq!(granted(&mut s, "c"), each);
    assert_eq!(
        s.list("SELECT cycle, cycle_start, granted, used FROM credits_cycles WHERE account = 'c' ORDER BY cycle"),
        [
            "1|2026-01-31 00:00:00+00|410|0",
            "2|2026-02-28 00:00:00+00|410|24",
            "3|2026-03-31 00:00:00+00|410|24",
            "4|2026-04-30 00:00:00+00|410|0",
            "5|2026-05-31 00:00:00+00|410|24",
        ]
    );
    s.at("2026-06-15 12:00+00");
    settled(&mut s);
}
