//! Reading the past and the future of holds, and erasing whose they were.

use crate::asked::*;
use credits_ledger_tests::Session;

fn at(s: &mut Session, instant: &str) -> String {
    s.one(&format!(
        "SELECT concat_ws(' ', trim_scale(balance), trim_scale(allowance), trim_scale(credits), trim_scale(held),
             trim_scale(debt), trim_scale(available), trim_scale(used)) FROM credits_balance_at('a', '{instant}')"
    ))
}

#[test]
fn balance_at_tells_of_holds_before_during_and_after() {
    let mut s = with_allowance("100", ", overdraft_limit => 20");
    s.at("2026-01-31 13:00+00");
    call(&mut s, "credits_hold('a', 60, 'h1', '1 hour')");
    call(&mut s, "credits_hold('a', 50, 'h2', '2 hours')");
    let figures = [
        ("2026-01-31 12:59:59.999999+00", "100 100 0 0 0 100 0"),
        ("2026-01-31 13:00+00", "100 0 0 100 0 0 0"),
        ("2026-01-31 13:59:59.999999+00", "100 0 0 100 0 0 0"),
        ("2026-01-31 14:00+00", "100 60 0 40 0 60 0"),
        ("2026-01-31 15:00+00", "100 100 0 0 0 100 0"),
    ];
    // Foretold, …
    for (instant, figures) in figures {
        assert_eq!(at(&mut s, instant), figures, "foretold for {instant}");
    }
    // … read at its time without being recorded, …
    for (instant, figures) in &figures[1..] {
        s.at(instant);
        assert_eq!(at(&mut s, instant), *figures, "read at {instant}");
        assert_eq!(format!("{} 0", balance(&mut s)), *figures, "read at {instant}");
    }
    // … and looked up, before and after it is recorded.
    s.at("2026-01-31 16:00+00");
    for _ in 0..2 {
        for (instant, figures) in figures {
            assert_eq!(at(&mut s, instant), figures, "looked up for {instant}");
        }
        s.run("SELECT credits_maintain()");
    }
    sound(&mut s);
}

#[test]
fn balance_at_tells_of_captures_and_of_what_they_gave_back() {
    let mut s = with_allowance("100", ", rollover_percent => 50");
    s.at("2026-02-28 11:30+00");
    call(&mut s, "credits_hold('a', 60, 'h', '1 hour')");
    // Foretold: the rest of the cycle closes, then the hold lapses into a lot that has expired.
    assert_eq!(at(&mut s, "2026-02-28 12:00+00"), "180 120 0 60 0 120 0");
    assert_eq!(at(&mut s, "2026-02-28 12:30+00"), "120 120 0 0 0 120 0");
    s.at("2026-02-28 11:45+00");
    call(&mut s, "credits_capture('a', 'h', 'c1', 10, final => false)");
    s.at("2026-02-28 12:15+00");
    call(&mut s, "credits_capture('a', 'h', 'c2', 20)");
    for (instant, figures) in [
        ("2026-02-28 11:29+00", "100 100 0 0 0 100 0"),
        ("2026-02-28 11:30+00", "100 40 0 60 0 40 0"),
        ("2026-02-28 11:45+00", "90 40 0 50 0 40 10"),
        ("2026-02-28 12:00+00", "170 120 0 50 0 120 0"),
        ("2026-02-28 12:15+00", "120 120 0 0 0 120 20"),
        ("2026-02-28 12:30+00", "120 120 0 0 0 120 20"),
    ] {
        assert_eq!(at(&mut s, instant), figures, "{instant}");
    }
    sound(&mut s);
}

#[test]
fn redaction_erases_whose_hold_it_was_everywhere() {
    let mut s = with_allowance("100", "");
    for key in ["h1", "h2", "h3"] {
        call(
            &mut s,
            &format!(
                "credits_hold('a', 10, '{key}', feature => 'chat', actor => 'marker-actor', resource => 'marker-resource',
                     metadata => '{{\"m\": \"marker-metadata\"}}')"
            ),
        );
    }
    call(&mut s, "credits_capture('a', 'h1', 'c1', 4, metadata => '{\"m\": \"marker-of-capture\"}')");
    for entry in ["3", "4", "5", "6"] {
        call(&mut s, &format!("credits_redact('a', {entry})")).has(&[("operation", "redact"), ("refers_to", entry)]);
        sound(&mut s);
    }
    let holds = s.list("SELECT hold_key, feature, actor, resource FROM credits_holds ORDER BY 1");
    assert_eq!(holds, ["h1|chat|NULL|NULL", "h2|chat|NULL|NULL", "h3|chat|NULL|NULL"]);
    // The holds go on, …
    call(&mut s, "credits_capture('a', 'h2', 'c2', 7)").has(&[("amount", "7"), ("held", "10")]);
    call(&mut s, "credits_extend_hold('a', 'h3', 'e', '20 minutes')");
    s.at("2026-01-31 12:30+00");
    the_same_once_recorded(&mut s);
    call(&mut s, "credits_capture('a', 'h3', 'c3')").has(&[("amount", "10")]);
    call(
        &mut s,
        "credits_hold('a', 10, 'h1', feature => 'chat', actor => 'marker-actor', resource => 'marker-resource')",
    )
    .has(&[("replayed", "t"), ("amount", "10")]);
    // … and nothing tells of whom.
    for table in ["entries", "holds", "accounts", "lots", "budget_use"] {
        let rows = s.list(&format!("SELECT t::text FROM credits_ledger.{table} t WHERE t::text LIKE '%marker%'"));
        assert_eq!(rows, Vec::<String>::new(), "{table}");
    }
    sound(&mut s);
}

#[test]
fn redaction_of_a_hold_under_an_actors_budget_keeps_the_ledger_sound() {
    let mut s = with_allowance("1000", "");
    call(&mut s, "credits_set_budget('a', 100, 'day', '*')");
    call(&mut s, "credits_hold('a', 60, 'h1', actor => 'ann')");
    call(&mut s, "credits_hold('a', 30, 'h2', actor => 'ann')");
    call(&mut s, "credits_redact('a', 3)");
    s.list("SELECT * FROM credits_budgets");
    sound(&mut s);
    call(&mut s, "credits_capture('a', 'h1', 'c1', 50)").has(&[("amount", "50")]);
    sound(&mut s);
    call(&mut s, "credits_release('a', 'h2', 'r')").has(&[("amount", "30")]);
    s.at("2026-02-03 00:00+00");
    the_same_once_recorded(&mut s);
}

#[test]
fn a_dry_run_and_the_reports_leave_holds_out() {
    let (mut s, _) = hold_over_three_lots();
    let explained = s
        .list("SELECT lot, trim_scale(takes), trim_scale(remaining_after) FROM credits_explain_debit('a', 75, 'chat')");
    assert_eq!(explained, ["4|20|0", "2|50|0", "NULL|5|NULL"]);
    // Lot 3 will expire, but nothing of it is free.
    assert_eq!(s.list("SELECT lot, trim_scale(remaining) FROM credits_expiring"), Vec::<String>::new());
    s.at("2026-01-31 12:15+00");
    let expiring = s.list("SELECT lot, trim_scale(remaining) FROM credits_expiring ORDER BY lot");
    assert_eq!(expiring, ["1|100", "3|20"]);
    the_same_once_recorded(&mut s);
}
