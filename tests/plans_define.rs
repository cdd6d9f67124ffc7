//! `credits_define_plan` and `credits_plans`: what a plan is, its versions, and what no plan can be.

use std::thread;

use credits_ledger_tests::{Server, Session};

/// What a caller sets, and the version.
const SET: &str = "trim_scale(allowance), per_seat, seat_cap, rank, trial, trial_period, purchases,
    trim_scale(rollover_percent), trim_scale(rollover_max), rollover_cycles, metadata, version";

fn opened(now: &str) -> Session {
    let mut s = Server::shared().database().session();
    s.run("SET TimeZone = 'UTC'");
    s.at(now);
    s
}

fn shown(s: &mut Session, plan: &str) -> String {
    s.list(&format!("SELECT {SET} FROM credits_plans WHERE plan = '{plan}'")).join("\n")
}

fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn a_definition_returns_the_row_that_the_view_shows() {
    let mut s = opened("2026-01-01 09:30+00");
    let returned = s.row(
        "SELECT * FROM credits_define_plan('growth', 1500.25, true, 10, 3, true, '14 days', false, 12.5, 7500.75, 2,
             '{\"price\": \"99 USD\"}')",
    );
    returned.has(&[
        ("plan", "growth"),
        ("allowance", "1500.25"),
        ("per_seat", "t"),
        ("seat_cap", "10"),
        ("rank", "3"),
        ("trial", "t"),
        ("trial_period", "14 days"),
        ("purchases", "f"),
        ("rollover_percent", "12.5"),
        ("rollover_max", "7500.75"),
        ("rollover_cycles", "2"),
        ("metadata", "{\"price\": \"99 USD\"}"),
        ("included", "{}"),
        ("version", "1"),
        ("defined_at", "2026-01-01 09:30:00+00"),
        ("defined_by", "postgres"),
    ]);
    let viewed = s.row("SELECT * FROM credits_plans WHERE plan = 'growth'");
    assert_eq!((viewed.columns(), viewed.values()), (returned.columns(), returned.values()));
    // A definition is nobody's operation.
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), "0");
    sound(&mut s);
}

#[test]
fn what_is_not_given_has_its_default() {
    let mut s = opened("2026-01-01 00:00+00");
    s.run("SELECT * FROM credits_define_plan('short', 10)");
    s.run("SELECT * FROM credits_define_plan('named', allowance => 10)");
    s.run("SELECT * FROM credits_define_plan('null', 10, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)");
    for plan in ["short", "named", "null"] {
        assert_eq!(shown(&mut s, plan), "10|f|NULL|0|f|NULL|t|0|NULL|1|NULL|1", "{plan}");
    }
    assert_eq!(s.list("SELECT plan FROM credits_plans ORDER BY plan"), ["named", "null", "short"]);
}

/// A definition is whole: what the new one does not say has its default again.
#[test]
fn defining_again_makes_the_next_version() {
    let mut s = opened("2026-01-01 00:00+00");
    s.run("SELECT * FROM credits_define_plan('pro', 100, true, 5, rank => 2, rollover_percent => 50)");
    s.at("2026-01-05 00:00+00");
    s.row("SELECT * FROM credits_define_plan('pro', 200)").has(&[
        ("allowance", "200"),
        ("per_seat", "f"),
        ("seat_cap", "NULL"),
        ("rank", "0"),
        ("rollover_percent", "0"),
        ("version", "2"),
        ("defined_at", "2026-01-05 00:00:00+00"),
    ]);
    s.at("2026-01-06 00:00+00");
    s.run("SELECT * FROM credits_define_plan('other', 7)");
    s.row("SELECT * FROM credits_define_plan('pro', 100, true, 5, rank => 2, rollover_percent => 50)").has(&[
        ("allowance", "100"),
        ("version", "3"),
        ("defined_at", "2026-01-06 00:00:00+00"),
    ]);
    // One row per plan: the newest. The numbers of versions are each plan's own.
    assert_eq!(
        s.list("SELECT plan, trim_scale(allowance), version FROM credits_plans ORDER BY plan"),
        ["other|7|1", "pro|100|3"]
    );
}

#[test]
fn every_argument_makes_a_version() {
    let mut s = opened("2026-01-01 00:00+00");
    let mut definition = [
        ("allowance", "100"),
        ("per_seat", "true"),
        ("seat_cap", "NULL"),
        ("rank", "0"),
        ("trial", "true"),
        ("trial_period", "NULL"),
        ("purchases", "true"),
        ("rollover_percent", "0"),
        ("rollover_max", "NULL"),
        ("rollover_cycles", "1"),
    ];
    let define = |s: &mut Session, definition: &[(&str, &str)]| {
        let arguments: Vec<_> = definition.iter().map(|(name, value)| format!("{name} => {value}")).collect();
        s.one(&format!("SELECT version FROM credits_define_plan('p', {})", arguments.join(", ")))
    };
    let mut version = 1;
    assert_eq!(define(&mut s, &definition), "1");
    for (name, value) in [
        ("allowance", "100.000001"),
        ("seat_cap", "3"),
        ("rank", "-1"),
        ("trial_period", "'1 month'"),
        // As long, but not the same: a month is no number of days.
        ("trial_period", "'30 days'"),
        ("trial_period", "'720 hours'"),
        ("purchases", "false"),
        ("rollover_percent", "33.333333"),
        ("rollover_max", "0"),
        ("rollover_max", "5"),
        ("rollover_cycles", "2"),
        ("seat_cap", "NULL"),
        ("per_seat", "false"),
        ("trial_period", "NULL"),
        ("trial", "false"),
    ] {
        definition.iter_mut().find(|(argument, _)| *argument == name).expect("an argument").1 = value;
        version += 1;
        assert_eq!(define(&mut s, &definition), version.to_string(), "{name} => {value}");
        assert_eq!(define(&mut s, &definition), version.to_string(), "{name} => {value}, said twice");
    }
}

/// Saying it twice is harmless: numbers count by their value, intervals by their fields.
#[test]
fn the_same_definition_is_no_new_version() {
    let mut s = opened("2026-01-01 00:00+00");
    s.run(
        "SELECT * FROM credits_define_plan('p', 10, trial => true, trial_period => '1 month', rollover_percent => 50)",
    );
    let before = s.list("SELECT * FROM credits_plans");
    s.at("2026-02-01 00:00+00");
    for again in [
        "'p', 10, trial => true, trial_period => '1 month', rollover_percent => 50",
        "'p', 10.000, trial => true, trial_period => '1 mon', rollover_percent => 5e1",
        "'p', 10, false, NULL, 0, true, '1 month', true, 50.0, NULL, 1, NULL",
    ] {
        assert_eq!(s.list(&format!("SELECT * FROM credits_define_plan({again})")), before, "{again}");
    }
    assert_eq!(s.list("SELECT * FROM credits_plans"), before);
    assert_eq!(s.one("SELECT count(*) FROM credits_ledger.plans"), "1");
}

#[test]
fn metadata_is_the_applications_own() {
    let mut s = opened("2026-01-01 00:00+00");
    s.run("SELECT * FROM credits_define_plan('p', 10, metadata => '{\"a\": [1, null, \"x\"]}')");
    assert_eq!(s.one("SELECT metadata FROM credits_plans"), "{\"a\": [1, null, \"x\"]}");
    s.run("SELECT * FROM credits_define_plan('p', 10, metadata => '{\"b\": 2}')");
    assert_eq!(s.one("SELECT metadata FROM credits_plans"), "{\"b\": 2}");
    assert_eq!(s.one("SELECT count(*) FROM credits_plans"), "1");
}

/// What a plan includes stands beside it and does not depend on how it is defined again.
#[test]
fn included_units_are_shown() {
    let mut s = opened("2026-01-01 00:00+00");
    s.run("SELECT * FROM credits_define_plan('p', 10)");
    s.run("SELECT * FROM credits_define_plan('q', 10)");
    s.run("SELECT * FROM credits_include('p', 'run', 500)");
    s.run("SELECT * FROM credits_include('p', 'chat', 2.5)");
    s.row("SELECT * FROM credits_define_plan('p', 20)").has(&[("included", "{\"run\": 500, \"chat\": 2.5}")]);
    s.run("SELECT * FROM credits_include('p', 'run', 0)");
    assert_eq!(s.list("SELECT plan, included FROM credits_plans ORDER BY plan"), ["p|{\"chat\": 2.5}", "q|{}"]);
}

/// Names are compared bytewise: case matters, nothing is trimmed.
#[test]
fn names_are_kept_as_given() {
    let mut s = opened("2026-01-01 00:00+00");
    let long = "p".repeat(255);
    let wide = "é".repeat(127);
    for (n, name) in ["pro", "Pro", "pro ", " pro", "50 % \"off\"", "Größe", &long, &wide].into_iter().enumerate() {
        s.run(&format!("SELECT * FROM credits_define_plan('{name}', {n})"));
        assert_eq!(
            s.one(&format!("SELECT trim_scale(allowance) FROM credits_plans WHERE plan = '{name}'")),
            n.to_string()
        );
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_plans"), "8");
    let too_long = "p".repeat(256);
    let too_wide = "é".repeat(128);
    for name in ["", &too_long, &too_wide, "a\tb", "a\nb", "a\u{7f}b", "a\u{85}b", "\u{1}"] {
        let error = s.error(&format!("SELECT * FROM credits_define_plan('{name}', 1)"));
        assert_eq!(error.code, "LC005", "{name:?}: {}", error.message);
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_plans"), "8");
}

#[test]
fn what_no_plan_can_be() {
    let mut s = opened("2026-01-01 00:00+00");
    s.run("SELECT * FROM credits_define_plan('p', 10)");
    let before = s.list("SELECT * FROM credits_plans");
    for amount in ["-1", "-0.000001", "0.0000001", "1.2345678", "'NaN'", "'Infinity'", "'-Infinity'", "100000000000000"]
    {
        for arguments in [amount.to_owned(), format!("1, rollover_max => {amount}")] {
            let error = s.error(&format!("SELECT * FROM credits_define_plan('p', {arguments})"));
            assert_eq!(error.code, "LC004", "{arguments}: {}", error.message);
        }
    }
    for arguments in [
        "NULL",
        "1, true, 0 - 1",
        "1, false, 5",
        "1, seat_cap => 5",
        "1, trial_period => '14 days'",
        "1, trial => false, trial_period => '14 days'",
        "1, trial => true, trial_period => '-14 days'",
        "1, trial => true, trial_period => '0'",
        "1, trial => true, trial_period => '100 years 1 day'",
        "1, trial => true, trial_period => '1200 months 1 microsecond'",
        "1, trial => true, trial_period => '101 years'",
        "1, trial => true, trial_period => '290000 years'",
        "1, rollover_cycles => 0",
        "1, rollover_cycles => -1",
        "1, rollover_cycles => 1001",
        "1, rollover_cycles => 2147483647",
    ] {
        let error = s.error(&format!("SELECT * FROM credits_define_plan('p', {arguments})"));
        assert_eq!(error.code, "LC005", "{arguments}: {}", error.message);
    }
    assert_eq!(s.error("SELECT * FROM credits_define_plan(NULL, 1)").code, "LC005");
    for percent in ["-1", "-0.000001", "100.000001", "'NaN'", "'Infinity'"] {
        let error = s.error(&format!("SELECT * FROM credits_define_plan('p', 1, rollover_percent => {percent})"));
        assert!(["LC004", "LC005"].contains(&error.code.as_str()), "{percent}: {} {}", error.code, error.message);
    }
    assert_eq!(s.list("SELECT * FROM credits_plans"), before);
}

#[test]
fn the_outermost_that_a_plan_can_be() {
    let mut s = opened("2026-01-01 00:00+00");
    s.run(
        "SELECT * FROM credits_define_plan('most', 99999999999999.999999, true, 2147483647, 2147483647,
             rollover_percent => 100, rollover_max => 99999999999999.999999, rollover_cycles => 1000)",
    );
    assert_eq!(
        shown(&mut s, "most"),
        "99999999999999.999999|t|2147483647|2147483647|f|NULL|t|100|99999999999999.999999|1000|NULL|1"
    );
    s.run("SELECT * FROM credits_define_plan('least', 0, true, 1, -2147483648, rollover_percent => 0.000001, rollover_max => 0)");
    assert_eq!(shown(&mut s, "least"), "0|t|1|-2147483648|f|NULL|t|0.000001|0|1|NULL|1");
    // The most fits into one seat.
    s.run("SELECT * FROM credits_open_account('a')");
    assert_eq!(s.error("SELECT * FROM credits_subscribe('a', 'most', 'k1', 2)").code, "LC004");
    s.row("SELECT * FROM credits_subscribe('a', 'most', 'k1')").has(&[("balance", "99999999999999.999999")]);
    // The longest trial, which is one of years and not of days.
    s.run("SELECT * FROM credits_define_plan('longest', 5, trial => true, trial_period => '100 years')");
    s.run("SELECT * FROM credits_open_account('b')");
    s.run("SELECT * FROM credits_subscribe('b', 'longest', 'k1')");
    assert_eq!(s.one("SELECT expires_at FROM credits_grants WHERE account = 'b'"), "2126-01-01 00:00:00+00");
    sound(&mut s);
}

/// A clock that was set back does not make a plan unknown.
#[test]
fn the_first_definition_counts_for_earlier_instants_too() {
    let mut s = opened("2026-03-01 00:00+00");
    s.run("SELECT * FROM credits_define_plan('p', 10)");
    s.at("2026-03-02 00:00+00");
    s.run("SELECT * FROM credits_define_plan('p', 20)");
    s.at("2026-01-01 00:00+00");
    s.run("SELECT * FROM credits_open_account('a')");
    s.row("SELECT * FROM credits_subscribe('a', 'p', 'k1')").has(&[("amount", "10")]);
    // The second one is made on 2 March, after the boundary of 1 March and before that of 1 April.
    s.at("2026-04-01 00:00+00");
    assert_eq!(s.one("SELECT trim_scale(allowance) FROM credits_balance('a')"), "20");
    assert_eq!(
        s.list(
            "SELECT trim_scale(allowance) FROM unnest(ARRAY['2026-02-01', '2026-03-01', '2026-04-01']) at,
                    credits_balance_at('a', at::timestamptz)"
        ),
        ["10", "10", "20"]
    );
    sound(&mut s);
}

#[test]
fn a_definition_rolled_back_was_never_made() {
    let mut s = opened("2026-01-01 00:00+00");
    s.run("SELECT * FROM credits_define_plan('p', 10)");
    s.run("BEGIN; SELECT * FROM credits_define_plan('p', 20); SELECT * FROM credits_define_plan('q', 5); ROLLBACK");
    assert_eq!(s.list("SELECT plan, trim_scale(allowance), version FROM credits_plans"), ["p|10|1"]);
    s.run("BEGIN; SELECT * FROM credits_define_plan('p', 30); SAVEPOINT x; SELECT * FROM credits_define_plan('p', 40); ROLLBACK TO x; COMMIT");
    assert_eq!(s.list("SELECT plan, trim_scale(allowance), version FROM credits_plans"), ["p|30|2"]);
}

/// Last write wins: sessions that define one plan at once each make a version, without gaps.
#[test]
fn sessions_that_define_at_once() {
    let db = Server::shared().database();
    let threads: Vec<_> = (0..4)
        .map(|t| {
            let mut s = db.session();
            thread::spawn(move || {
                for n in 0..15 {
                    s.run(&format!("SELECT * FROM credits_define_plan('p', {})", 1 + t * 100 + n));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().expect("each definition succeeds"));
    let mut s = db.session();
    assert_eq!(
        s.list("SELECT count(*), min(version), max(version), count(DISTINCT allowance) FROM credits_ledger.plans"),
        ["60|1|60|60"]
    );
    assert_eq!(s.list("SELECT plan, version FROM credits_plans"), ["p|60"]);
}

#[test]
fn definitions_are_never_changed() {
    let mut s = opened("2026-01-01 00:00+00");
    s.run("SELECT * FROM credits_define_plan('p', 10)");
    for statement in [
        "UPDATE credits_ledger.plans SET allowance = 11",
        "DELETE FROM credits_ledger.plans",
        "TRUNCATE credits_ledger.plans",
    ] {
        assert_eq!(s.error(statement).code, "LC013", "{statement}");
    }
    assert_eq!(shown(&mut s, "p"), "10|f|NULL|0|f|NULL|t|0|NULL|1|NULL|1");
}
