//! Definitions, which no account's lock guards, made while accounts go by them.

use crate::calls::{in_every_way, only};
use crate::crowd::{crowd, patient};
use crate::interleave::LEVELS;
use crate::plans::*;
use credits_ledger_tests::{Database, Server, Session};

/// Two sessions with clocks of their own: one defines and does not commit yet.
fn two_sessions(level: &str) -> (Database, Session, Session) {
    let db = Server::shared().database();
    let (mut definer, mut s) = (db.session(), db.session());
    for session in [&mut definer, &mut s] {
        session.run("SET TimeZone = 'UTC'");
        session.run(&format!("SET default_transaction_isolation = '{level}'"));
        session.at("2026-01-01 00:00+00");
    }
    define(&mut s);
    s.run("SELECT credits_include('small', 'search', 10), credits_define_rate('search', 2)");
    (db, definer, s)
}

#[test]
fn a_definition_that_commits_after_a_boundary_leaves_it_as_it_was() {
    for level in LEVELS {
        let (_db, mut definer, mut s) = two_sessions(level);
        s.run("SELECT credits_open_account('a'), credits_subscribe('a', 'small', 's')");
        definer.at("2026-01-31 12:00+00");
        definer
            .run("BEGIN; SELECT credits_define_plan('small', 500, rank => 1), credits_include('small', 'search', 90)");
        s.at("2026-02-01 00:00+00");
        s.row(&charge("a", "search", "15", "c1")).has(&[("included", "10"), ("amount", "10"), ("allowance", "90")]);
        definer.run("COMMIT");
        settled(&mut s);
        s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "90"), ("allowance_granted", "100")]);
        s.row("SELECT * FROM credits_debit('a', 1, 'd')").has(&[("allowance", "89")]);
        settled(&mut s);
        s.at("2026-03-01 00:00+00");
        s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "500"), ("allowance_granted", "500")]);
        s.row(&charge("a", "search", "91", "c2")).has(&[("included", "90"), ("amount", "2"), ("allowance", "498")]);
        assert_eq!(granted(&mut s, "a"), ["1 small 100", "2 small 100", "3 small 500"], "{level}");
        settled(&mut s);
    }
}

#[test]
fn a_rate_that_commits_after_a_charge_leaves_its_price() {
    for level in LEVELS {
        let (_db, mut definer, mut s) = two_sessions(level);
        s.run("SELECT credits_grant('a', 1000, 'g')");
        definer.at("2026-01-05 00:00+00");
        definer.run("BEGIN; SELECT credits_define_rate('search', 5)");
        s.at("2026-01-06 00:00+00");
        s.row(&charge("a", "search", "3", "c1")).has(&[("amount", "6"), ("replayed", "f")]);
        definer.run("COMMIT");
        assert_eq!(s.one("SELECT credits_quote('a', 'search', 3)"), "15", "{level}");
        s.row(&charge("a", "search", "3", "c1")).has(&[("amount", "6"), ("replayed", "t")]);
        s.row(&charge("a", "search", "3", "c2")).has(&[("amount", "15"), ("balance", "979")]);
        settled(&mut s);
    }
}

#[test]
fn a_definition_that_rolls_back_was_never_there() {
    for level in LEVELS {
        let (_db, mut definer, mut s) = two_sessions(level);
        s.run("SELECT credits_open_account('a')");
        definer.run("BEGIN; SELECT credits_define_plan('new', 500), credits_define_rate('new', 5)");
        assert_eq!(s.error(&subscribe("a", "new", "s")).code, "LC006", "{level}");
        assert_eq!(s.error(&charge("a", "new", "1", "c")).code, "LC014", "{level}");
        definer.run("ROLLBACK");
        assert_eq!(s.error(&subscribe("a", "new", "s")).code, "LC006", "{level}");
        assert_eq!(s.error(&charge("a", "new", "1", "c")).code, "LC014", "{level}");
        definer.run("SELECT credits_define_plan('new', 7), credits_define_rate('new', 3)");
        s.row(&subscribe("a", "new", "s")).has(&[("amount", "7")]);
        s.row(&charge("a", "new", "1", "c")).has(&[("amount", "3")]);
        assert_eq!(s.list("SELECT version FROM credits_plans WHERE plan = 'new'"), ["1"], "{level}");
    }
}

#[test]
fn of_two_definitions_at_once_the_last_one_stays() {
    in_every_way(|db, s, way, name| {
        for (first, second, question) in [
            (
                format!("credits_define_plan('{name}', 10)"),
                format!("credits_define_plan('{name}', 20)"),
                format!("SELECT allowance, version FROM credits_plans WHERE plan = '{name}'"),
            ),
            (
                format!("credits_include('{name}', 'search', 10)"),
                format!("credits_include('{name}', 'search', 20)"),
                format!("SELECT included ->> 'search', 2 FROM credits_plans WHERE plan = '{name}'"),
            ),
            (
                format!("credits_define_rate('{name}', 10)"),
                format!("credits_define_rate('{name}', 20)"),
                format!("SELECT credits, version FROM credits_rates WHERE feature = '{name}' AND in_force"),
            ),
        ] {
            let (first, second) = (format!("SELECT * FROM {first}"), format!("SELECT * FROM {second}"));
            only(way.play(db, &first, "COMMIT", &second).1, way);
            assert_eq!(s.list(&question), ["20|2"], "{way:?}: {second}");
            // The same at once: nothing more is defined.
            only(way.play(db, &second, "COMMIT", &second).1, way);
            assert_eq!(s.list(&question), ["20|2"], "{way:?}: {second}, again");
        }
    });
}

#[test]
fn many_sessions_define_one_thing() {
    let db = Server::shared().database();
    let mut s = db.session();
    crowd(&db, 12, &LEVELS, |i, s| {
        for n in 0..5 {
            for call in [
                format!("credits_define_plan('team', {})", 100 * i + n),
                format!("credits_define_rate('chat', {})", 100 * i + n),
                format!(
                    "credits_define_rate('run', {}, 10, 'package', effective_at => '2100-01-01 00:00+00')",
                    100 * i + n
                ),
            ] {
                let call = format!("SELECT * FROM {call}");
                patient(s, &call).unwrap_or_else(|error| panic!("{call}: {error}"));
            }
        }
    });
    // Sixty different values, each a version.
    assert_eq!(s.list("SELECT version FROM credits_plans WHERE plan = 'team'"), ["60"]);
    assert_eq!(s.list("SELECT version FROM credits_rates WHERE feature = 'chat'"), ["60"]);
    assert_eq!(s.list("SELECT version FROM credits_rates WHERE feature = 'run'"), ["60"]);
    settled(&mut s);
}

#[test]
fn accounts_go_by_one_definition_or_the_other_while_it_changes() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_define_plan('team', 1000), credits_define_rate('chat', 1)");
    s.run("SELECT credits_open_account('m' || n, cycle_length => '0') FROM generate_series(1, 4) n");
    crowd(&db, 12, &LEVELS, |i, s| {
        if i < 2 {
            for n in 0..20 {
                patient(s, &format!("SELECT * FROM credits_define_rate('chat', {})", 1 + (i + n) % 2)).unwrap();
                patient(s, &format!("SELECT * FROM credits_define_plan('team', {})", 1000 * (1 + (i + n) % 2)))
                    .unwrap();
            }
            return;
        }
        let account = format!("m{}", i % 4 + 1);
        receipt(s, &subscribe(&account, "team", &format!("s{i}")), &["LC005"]);
        for n in 0..12 {
            let row = receipt(s, &charge(&account, "chat", "3", &format!("c{i} {n}")), &[]).unwrap();
            assert!(["3", "6"].contains(&row.get("amount")), "{row}");
            if n % 4 == 0 {
                patient(s, &reset(&account, &format!("r{i} {n}"))).unwrap();
            }
        }
    });
    assert_eq!(
        s.list(
            "SELECT account, entry, amount FROM credits_grants WHERE kind = 'allowance' AND amount NOT IN (1000, 2000)"
        ),
        Vec::<String>::new()
    );
    settled(&mut s);
}
