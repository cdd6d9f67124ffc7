//! Everything at once, over several cycles. The oracle is the ledger itself, by one session: the requests that were
//! accepted, made again in the order of their entries on a new account, must come to the same, row by row.

use crate::crowd::{Dice, crowd, patient};
use crate::interleave::LEVELS;
use crate::plans::settled;
use credits_ledger_tests::{Database, Row, Server, Session};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

const SESSIONS: usize = 16;
const CALLS: usize = 60;
const KEYS: u64 = 560;
/// The clock begins here, and each call sets it on by so many minutes: 64 days in all.
const BEGIN: &str = "2026-01-31 10:00+00";
const MINUTES: u32 = 96;

fn open() -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at(BEGIN);
    for call in [
        "credits_define_plan('small', 100, rank => 1, rollover_percent => 50)",
        "credits_define_plan('other', 150, rank => 1)",
        "credits_define_plan('big', 300, rank => 2, rollover_percent => 100, rollover_max => 120, rollover_cycles => 2)",
        "credits_define_plan('seat', 10, per_seat => true, seat_cap => 10)",
        "credits_define_plan('try', 50, trial => true, trial_period => '10 days')",
        "credits_include('small', 'search', 20)",
        "credits_include('big', 'search', 60)",
        "credits_include('big', 'run', 15)",
        "credits_define_rate('search', 0.5)",
        "credits_define_rate('search', 0.75, effective_at => '2026-03-10 00:00+00')",
        "credits_define_rate('run', 3, 20, 'package')",
        "credits_define_rate('run', 5, 30, 'package', effective_at => '2026-02-20 12:00+00')",
        "credits_open_account('a', overdraft_limit => 25)",
        "credits_grant('a', 120, 'first')",
    ] {
        s.run(&format!("SELECT * FROM {call}"));
    }
    (db, s)
}

/// What a key asks for, whichever session uses it.
fn request(number: u64) -> String {
    let mut dice = Dice(number * 1_000_003);
    let mut pick = |of: &[&'static str]| of[dice.below(of.len() as u64) as usize];
    let key = format!("'k{number}'");
    let plans = ["small", "other", "big", "seat"];
    match number % 20 {
        0..=5 => {
            let amount = pick(&["3", "7.25", "12", "31", "0.000001", "55.5"]);
            let mode = pick(&["error", "refuse", "partial", "allow"]);
            format!("credits_debit('a', {amount}, {key}, on_insufficient => '{mode}')")
        }
        6..=10 => {
            let feature = pick(&["search", "run"]);
            let quantity = pick(&["1", "4", "9", "17", "35", "0"]);
            let mode = pick(&["error", "refuse", "allow"]);
            format!("credits_charge('a', '{feature}', {quantity}, {key}, on_insufficient => '{mode}')")
        }
        11..=13 => {
            let (from, to) = (pick(&["small", "other", "big", "seat", "try"]), pick(&plans));
            let effect = pick(&["auto", "auto", "now", "next_cycle"]);
            let unused = pick(&["keep", "keep", "expire"]);
            format!("credits_change_plan('a', '{from}', '{to}', {key}, '{effect}', '{unused}')")
        }
        14 | 15 => {
            let plan = pick(&["seat", "seat", "seat", "small"]);
            let seats = pick(&["1", "2", "5", "8", "12"]);
            format!("credits_set_seats('a', '{plan}', {seats}, {key})")
        }
        16 | 17 => {
            let plan = pick(&["small", "other", "big", "seat", "try"]);
            let seats = pick(&["1", "3", "6"]);
            format!("credits_subscribe('a', '{plan}', {key}, {seats})")
        }
        18 => {
            let effect = pick(&["next_cycle", "next_cycle", "now"]);
            format!("credits_unsubscribe('a', '{}', {key}, '{effect}')", pick(&plans))
        }
        _ if number.is_multiple_of(3) => {
            // A day of February or March: in the past by then, or refused as the future.
            let day = 1 + dice.below(59);
            format!("credits_reset_cycle('a', {key}, timestamptz '2026-02-01 00:00+00' + {day} * interval '1 day')")
        }
        _ => format!("credits_grant('a', 20, {key}, 'promo', expires_after_cycles => 2)"),
    }
}

/// Everything that the views say of the account, but for what differs from ledger to ledger. When something that time
/// did was recorded is no part of it: a refused request may have done that.
fn all(s: &mut Session) -> Vec<(&'static str, Vec<String>)> {
    [
        "SELECT entry, operation, kind, amount, from_allowance, from_credits, overdraft, balance, available, feature, quantity,
                included, idempotency_key, refers_to, effective_at, CASE WHEN idempotency_key IS NOT NULL THEN recorded_at END, cycle, plan
         FROM credits_history WHERE account = 'a' ORDER BY entry",
        "SELECT entry, operation, lot, lot_kind, amount FROM credits_allocations WHERE account = 'a' ORDER BY 1, 3, 5",
        "SELECT lot, entry, kind, amount, remaining, effective_at, expires_at, status, plan
         FROM credits_grants WHERE account = 'a' ORDER BY lot",
        "SELECT cycle, cycle_start, cycle_end, granted, used, rolled_over, expired, debt_forgiven, debt_invoiced
         FROM credits_cycles WHERE account = 'a' ORDER BY cycle",
        "SELECT cycle, feature, quantity, included, credits FROM credits_usage_by_cycle WHERE account = 'a' ORDER BY 1, 2",
        "SELECT * FROM credits_subscriptions WHERE account = 'a' ORDER BY plan",
        "SELECT n, credits_quote('a', 'run', n), credits_quote('a', 'search', n) FROM generate_series(0, 60) n",
        "SELECT balance, allowance, credits, debt, available, allowance_granted, used, cycle, cycle_start, cycle_end
         FROM credits_balance('a')",
    ]
    .map(|question| (question, s.list(question)))
    .into()
}

#[test]
fn what_many_sessions_do_at_once_is_what_one_does_after_the_other() {
    let (db, mut s) = open();
    let ticks = AtomicU32::new(0);
    let told = crowd(&db, SESSIONS, &LEVELS, |i, s| {
        let mut dice = Dice(40 + i as u64);
        let mut told: Vec<(u64, Row)> = Vec::new();
        for _ in 0..CALLS {
            let tick = ticks.fetch_add(MINUTES, Ordering::SeqCst);
            let now = s.one(&format!("SELECT timestamptz '{BEGIN}' + {tick} * interval '1 minute'"));
            s.at(&now);
            let number = dice.below(KEYS);
            let call = format!("SELECT * FROM {}", request(number));
            match patient(s, &call) {
                Ok(mut rows) => told.push((number, rows.remove(0))),
                Err(error) => assert!(["LC001", "LC005", "LC006"].contains(&error.code.as_str()), "{call}: {error}"),
            }
        }
        told
    });
    let end = s.one(&format!("SELECT timestamptz '{BEGIN}' + {} * interval '1 minute'", ticks.into_inner()));
    s.at(&end);
    settled(&mut s);

    // No key had two effects, and what was accepted is there.
    let mut effects: BTreeMap<u64, u32> = BTreeMap::new();
    let mut replays = 0;
    for (number, row) in told.iter().flatten() {
        if row.columns().iter().any(|column| column == "accepted") && row.get("accepted") == "f" {
            continue;
        }
        match row.get("replayed") {
            "f" => *effects.entry(*number).or_default() += 1,
            _ => replays += 1,
        }
    }
    assert!(effects.values().all(|count| *count == 1), "{effects:?}");
    let keyed = s.list("SELECT idempotency_key FROM credits_history WHERE idempotency_key LIKE 'k%' ORDER BY 1");
    let mut expected: Vec<String> = effects.keys().map(|number| format!("k{number}")).collect();
    expected.sort();
    assert_eq!(keyed, expected);

    // Within a cycle each plan granted its highest entitlement at most.
    for row in s.rows(
        "SELECT h.cycle, g.plan, sum(g.amount)::float AS sum FROM credits_grants g JOIN credits_history h USING (account, entry)
         WHERE g.kind = 'allowance' GROUP BY 1, 2",
    ) {
        let most = match row.get("plan") {
            "small" | "seat" => 100.0,
            "other" => 150.0,
            "big" => 300.0,
            _ => panic!("{row}"),
        };
        assert!(row.get("sum").parse::<f64>().unwrap() <= most, "{row}");
    }
    assert!(s.one("SELECT coalesce(sum(amount), 0) <= 50 FROM credits_grants WHERE kind = 'trial'") == "t");

    // The load was worth its name. How much of each kind is accepted is the scheduler's to say.
    let count = |s: &mut Session, condition: &str| -> u32 {
        s.one(&format!("SELECT count(*) FROM credits_history WHERE {condition}")).parse().unwrap()
    };
    for operation in ["debit", "charge", "change_plan", "set_seats", "subscribe"] {
        assert!(count(&mut s, &format!("operation = '{operation}'")) > 0, "no {operation}");
    }
    assert!(replays > 0, "no replays");

    // One after the other.
    let (_other, mut one) = open();
    let requests = s.rows(
        "SELECT substr(idempotency_key, 2) AS number, recorded_at, operation FROM credits_history
         WHERE idempotency_key LIKE 'k%' ORDER BY entry",
    );
    for row in requests {
        one.at(row.get("recorded_at"));
        let call = format!("SELECT * FROM {}", request(row.get("number").parse().unwrap()));
        match one.try_run(&call) {
            Ok(rows) => assert_eq!(rows[0].get("replayed"), "f", "{call}"),
            Err(error) => panic!("{call} at {}, after {}: {error}", row.get("recorded_at"), row.get("operation")),
        }
    }
    for session in [&mut s, &mut one] {
        session.at(&end);
        session.run("SELECT credits_maintain()");
    }
    for ((question, many), (_, one)) in all(&mut s).into_iter().zip(all(&mut one)) {
        let first = many.iter().zip(&one).find(|(many, one)| many != one);
        assert_eq!(first, None, "{question}");
        assert_eq!(many.len(), one.len(), "{question}");
    }
    settled(&mut one);
}
