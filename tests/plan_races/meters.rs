//! Units under twenty sessions: packages and included units are neither lost nor invented.

use crate::crowd::{Dice, crowd, patient};
use crate::interleave::LEVELS;
use crate::plans::*;
use credits_ledger_tests::{Database, Row, Server, Session};
use std::collections::BTreeMap;

const SESSIONS: usize = 20;

fn ledger(funds: &str) -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_define_rate('run', 7, 100, 'package'), credits_define_rate('search', 2)");
    s.run("SELECT credits_define_plan('team', 0), credits_include('team', 'search', 500), credits_include('team', 'run', 150)");
    s.run("SELECT credits_open_account('a', cycle_length => '0')");
    s.run(&format!("SELECT credits_grant('a', {funds}, 'funds')"));
    (db, s)
}

/// A charge of the feature that depends on its number alone, so that a second use of the number is a retry.
fn numbered(feature: &str, number: u64, most: u64) -> String {
    let quantity = 1 + Dice(number).below(most);
    format!(
        "SELECT * FROM credits_charge('a', '{feature}', {quantity}, '{feature} {number}', on_insufficient => 'refuse')"
    )
}

/// Twenty sessions charge, sharing keys; returns the first receipt of each key that was accepted, and how many replays
/// there were.
fn charges(db: &Database, levels: &[&str], feature: &str, most: u64) -> (BTreeMap<String, Row>, usize) {
    let rows = crowd(db, SESSIONS, levels, |i, s| {
        let mut dice = Dice(1_000 + i as u64);
        (0..15).map(|_| patient(s, &numbered(feature, dice.below(150), most)).unwrap().remove(0)).collect::<Vec<Row>>()
    });
    let mut first: BTreeMap<String, Row> = BTreeMap::new();
    let mut replays = 0;
    for row in rows.into_iter().flatten() {
        match (row.get("accepted"), row.get("replayed")) {
            ("t", "f") => {
                let before = first.insert(row.get("idempotency_key").to_owned(), row);
                assert!(before.is_none(), "two effects of one key: {before:?}");
            }
            ("t", _) => replays += 1,
            _ => drop(row.has(&[("refused", "LC001"), ("amount", "0"), ("included", "0")])),
        }
    }
    (first, replays)
}

/// How many units an account's charges of a feature were for, and what they cost.
fn units_and_credits(s: &mut Session, feature: &str) -> (u64, u64) {
    let row = s.row(&format!(
        "SELECT sum(quantity)::bigint AS units, trim_scale(-sum(amount)) AS credits FROM credits_history
         WHERE account = 'a' AND operation = 'charge' AND feature = '{feature}'"
    ));
    (row.get("units").parse().unwrap(), row.get("credits").parse().unwrap())
}

fn cost(s: &mut Session, feature: &str, quantity: u64) -> String {
    s.one(&format!("SELECT trim_scale(credits_quote('a', '{feature}', {quantity}))"))
}

#[test]
fn packages_cover_all_units_and_no_more() {
    for level in LEVELS {
        let (db, mut s) = ledger("100000");
        let (charged, replays) = charges(&db, &[level], "run", 60);
        assert!(replays > 0, "only {replays} replays");
        let (units, credits) = units_and_credits(&mut s, "run");
        assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'charge'"), charged.len().to_string());
        assert!(units > 2_000, "{level}: {units} units");
        // However they came, whole packages of 100 were bought for all of them, …
        assert_eq!(credits, units.div_ceil(100) * 7, "{level}: {units} units");
        assert_eq!(s.one("SELECT balance FROM credits_balance('a')"), (100_000 - credits).to_string(), "{level}");
        // … and what is left of the last one costs nothing, to the unit.
        let left = units.div_ceil(100) * 100 - units;
        assert_eq!(cost(&mut s, "run", left), "0", "{level}: {left} are left");
        assert_eq!(cost(&mut s, "run", left + 1), "7", "{level}: {left} are left");
        assert_eq!(cost(&mut s, "run", left + 101), "14", "{level}: {left} are left");
        settled(&mut s);
    }
}

#[test]
fn packages_that_credits_do_not_pay_for_are_not_there() {
    // 36 credits are five packages and 1: never more than 500 units.
    for level in LEVELS {
        let (db, mut s) = ledger("36");
        charges(&db, &[level], "run", 60);
        let (units, credits) = units_and_credits(&mut s, "run");
        assert_eq!(credits, 35, "{level}");
        assert!((401..=500).contains(&units), "{level}: {units} units");
        let left = 500 - units;
        if left > 0 {
            s.row(&charge("a", "run", &left.to_string(), "rest")).has(&[("amount", "0"), ("balance", "1")]);
        }
        assert_eq!(s.error(&charge("a", "run", "1", "more")).code, "LC001", "{level}");
        settled(&mut s);
    }
}

#[test]
fn packages_bought_in_transactions_that_roll_back_are_given_back() {
    let (db, mut s) = ledger("100000");
    crowd(&db, SESSIONS, &["READ COMMITTED"], |i, s| {
        let mut dice = Dice(77 + i as u64);
        for n in 0..12 {
            s.run("BEGIN");
            s.run(&charge("a", "run", &(1 + dice.below(250)).to_string(), &format!("k{i} {n}")));
            s.run("SAVEPOINT p");
            s.run(&charge("a", "run", &(1 + dice.below(250)).to_string(), &format!("l{i} {n}")));
            s.run("ROLLBACK TO SAVEPOINT p");
            s.run(if dice.below(2) == 0 { "COMMIT" } else { "ROLLBACK" });
        }
    });
    let (units, credits) = units_and_credits(&mut s, "run");
    assert_eq!(credits, units.div_ceil(100) * 7, "{units} units");
    assert_eq!(cost(&mut s, "run", units.div_ceil(100) * 100 - units), "0");
    assert_eq!(cost(&mut s, "run", units.div_ceil(100) * 100 - units + 1), "7");
    settled(&mut s);
}

#[test]
fn included_units_are_used_up_and_never_over() {
    for level in LEVELS {
        let (db, mut s) = ledger("100000");
        s.run("SELECT credits_subscribe('a', 'team', 's')");
        let (charged, replays) = charges(&db, &[level], "search", 25);
        assert!(replays > 0, "only {replays} replays");
        let (units, credits) = units_and_credits(&mut s, "search");
        assert!(units > 700, "{level}: {units} units");
        assert_eq!(credits, 2 * (units - 500), "{level}: {units} units");
        assert_eq!(s.one("SELECT sum(included) FROM credits_history"), "500", "{level}");
        // Each charge is priced for what its included units did not cover.
        for row in charged.values() {
            let asked = s.one(&format!(
                "SELECT 2 * (quantity - included) = -amount AND included = {} FROM credits_history WHERE idempotency_key = '{}'",
                row.get("included"),
                row.get("idempotency_key")
            ));
            assert_eq!(asked, "t", "{level}: {row}");
        }
        assert_eq!(cost(&mut s, "search", 1), "2", "{level}");
        s.run(&reset("a", "r"));
        assert_eq!((cost(&mut s, "search", 500), cost(&mut s, "search", 501)), ("0".into(), "2".into()), "{level}");
        settled(&mut s);
    }
}

#[test]
fn included_units_are_there_once_in_each_cycle_that_resets_begin() {
    let (db, mut s) = ledger("100000");
    s.run("SELECT credits_include('team', 'search', 40)");
    s.run("SELECT credits_subscribe('a', 'team', 's')");
    crowd(&db, SESSIONS, &LEVELS, |i, s| {
        let mut dice = Dice(5 + i as u64);
        for n in 0..12 {
            if i == 0 {
                patient(s, &reset("a", &format!("r{n}"))).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(20));
            } else {
                patient(s, &charge("a", "search", &(1 + dice.below(6)).to_string(), &format!("k{i} {n}"))).unwrap();
                patient(s, &charge("a", "run", &(1 + dice.below(60)).to_string(), &format!("p{i} {n}"))).unwrap();
            }
        }
    });
    let by_cycle = s.rows(
        "SELECT cycle, feature, quantity::bigint, included::bigint, trim_scale(credits) AS credits
         FROM credits_usage_by_cycle WHERE account = 'a' ORDER BY cycle",
    );
    let (mut after_units, mut used_up) = (0, 0);
    let mut run_credits = 0;
    for row in by_cycle {
        let figure = |column: &str| row.get(column).parse::<u64>().unwrap();
        let units = if row.get("feature") == "search" { 40 } else { 150 };
        assert_eq!(figure("included"), figure("quantity").min(units), "{row}");
        used_up += usize::from(figure("included") == units);
        if row.get("feature") == "search" {
            assert_eq!(figure("credits"), 2 * (figure("quantity") - figure("included")), "{row}");
        } else {
            // What is left of a package goes over into the next cycle.
            after_units += figure("quantity") - figure("included");
            run_credits += figure("credits");
        }
    }
    assert!(used_up > 2, "used up in {used_up} cycles");
    assert_eq!(run_credits, after_units.div_ceil(100) * 7, "{after_units} units that no plan included");
    settled(&mut s);
}

#[test]
fn included_units_of_plans_that_come_and_go_are_used_once() {
    let (db, mut s) = ledger("100000");
    s.run("SELECT credits_define_plan('more', 0, rank => 1), credits_include('more', 'search', 800)");
    s.run("SELECT credits_subscribe('a', 'team', 's')");
    crowd(&db, SESSIONS, &LEVELS, |i, s| {
        let mut dice = Dice(900 + i as u64);
        for n in 0..12 {
            if i == 0 {
                let (from, to) = if n % 2 == 0 { ("team", "more") } else { ("more", "team") };
                patient(s, &change("a", from, to, &format!("c{n}"), ", 'now'")).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(15));
            } else {
                patient(s, &charge("a", "search", &(1 + dice.below(9)).to_string(), &format!("k{i} {n}"))).unwrap();
            }
        }
    });
    // 500 of one or 800 of the other, never both.
    let row = s.row("SELECT sum(included)::bigint AS included, sum(quantity)::bigint AS quantity FROM credits_history WHERE operation = 'charge'");
    let included: u64 = row.get("included").parse().unwrap();
    assert!((500..=800).contains(&included), "{row}");
    // Entry by entry, a charge uses what the plan held by then still has.
    let (mut used, mut units) = (0, 500);
    for row in s.rows("SELECT operation, quantity, included FROM credits_history WHERE operation IN ('charge', 'change_plan') ORDER BY entry") {
        if row.get("operation") == "change_plan" {
            units = 1_300 - units;
            continue;
        }
        let figure = |column: &str| row.get(column).parse::<f64>().unwrap() as u64;
        assert_eq!(figure("included"), figure("quantity").min(u64::saturating_sub(units, used)), "{used} of {units} are used: {row}");
        used += figure("included");
    }
    settled(&mut s);
}
