//! Everything at once, over several cycles, with holds that lapse and lots that expire. The oracle is the ledger itself,
//! by one session: what was accepted, asked for again in the order of the entries on a new account, comes to
//! the same, row by row.

use crate::crowd::{Dice, crowd, patient};
use crate::holds::settled;
use crate::interleave::LEVELS;
use credits_ledger_tests::{Database, Server, Session};
use std::sync::atomic::{AtomicU32, Ordering};

const SESSIONS: usize = 16;
const CALLS: usize = 90;
const KEYS: u64 = 1050;
/// The clock begins here, and each call sets it on by so many minutes: 40 days in all.
const BEGIN: &str = "2026-01-31 10:00+00";
const MINUTES: u32 = 40;

fn open(policy: &str) -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at(BEGIN);
    for call in [
        "credits_define_plan('team', 120, rollover_percent => 50, rollover_max => 70)",
        "credits_include('team', 'search', 25)",
        "credits_define_rate('search', 0.75)",
        "credits_define_rate('run', 3, 20, 'package')",
        &format!(
            "credits_open_account('a', overdraft_limit => 25, cycle_length => '10 days', debt_policy => '{policy}')"
        ),
        "credits_subscribe('a', 'team', 'first')",
        "credits_grant('a', 120, 'second')",
        "credits_grant('a', 40, 'third', 'promo', features => '{search}', expires_after_cycles => 2)",
        "credits_set_budget('a', 60, 'day')",
        "credits_set_budget('a', 70, 'cycle', '*', 'search')",
    ] {
        s.run(&format!("SELECT * FROM {call}"));
    }
    (db, s)
}

/// What a key asks for, whichever session uses it. Keys that settle name a hold whose number is theirs or a little below.
fn request(number: u64) -> String {
    let mut dice = Dice(number * 1_000_003);
    let of = number - number % 10;
    let mut pick = |of: &[&'static str]| of[dice.below(of.len() as u64) as usize];
    let key = format!("'k{number}'");
    let amount = pick(&["3", "7.25", "12", "31", "0.000001", "25.5"]);
    let feature = pick(&["NULL", "'search'", "'run'"]);
    let actor = pick(&["NULL", "'ann'", "'bob'"]);
    let how = pick(&["error", "refuse", "partial"]);
    let excess = pick(&["error", "refuse", "partial", "allow", "allow"]);
    let last = pick(&["true", "true", "false"]);
    match number % 10 {
        0..=2 => {
            let time = pick(&["1 hour", "10 hours", "2 days", "5 days", "20 days"]);
            format!("credits_hold('a', {amount}, {key}, '{time}', {feature}, {actor}, on_insufficient => '{how}')")
        }
        kind @ 3..=5 => {
            let hold = of + kind - 3;
            let what = match pick(&["all", "all", "amount", "none", "quantity"]) {
                "all" => String::new(),
                "amount" => format!(", {amount}"),
                "none" => ", 0".to_owned(),
                _ => format!(", quantity => {}", pick(&["1", "5", "17", "40"])),
            };
            format!("credits_capture('a', 'k{hold}', {key}{what}, final => {last}, on_insufficient => '{excess}')")
        }
        6 => format!("credits_release('a', 'k{}', {key})", of + dice.below(3)),
        7 => {
            let time = pick(&["1 minute", "30 hours", "9 days"]);
            format!("credits_extend_hold('a', 'k{}', {key}, '{time}')", of + dice.below(3))
        }
        8 => match pick(&["debit", "charge", "charge"]) {
            "debit" => {
                format!("credits_debit('a', {amount}, {key}, {feature}, {actor}, on_insufficient => '{excess}')")
            }
            _ => format!("credits_charge('a', 'search', 9, {key}, {actor}, on_insufficient => '{excess}')"),
        },
        _ if number.is_multiple_of(3) => format!("credits_grant('a', 9, {key}, 'promo', expires_in => '50 hours')"),
        _ => format!("credits_capture('a', 'k{}', {key}, {amount}, final => false)", of + dice.below(3)),
    }
}

/// Everything that the views say of the account, but for what differs from ledger to ledger.
fn all(s: &mut Session) -> Vec<(&'static str, Vec<String>)> {
    [
        "SELECT entry, operation, kind, amount, from_allowance, from_credits, overdraft, balance, available, held, feature,
                quantity, included, actor, idempotency_key, refers_to, effective_at,
                CASE WHEN idempotency_key IS NOT NULL THEN recorded_at END, cycle
         FROM credits_history WHERE account = 'a' ORDER BY entry",
        "SELECT entry, operation, lot, lot_kind, amount FROM credits_allocations WHERE account = 'a' ORDER BY 1, 3, 5",
        "SELECT lot, entry, kind, amount, remaining, held, effective_at, expires_at, status
         FROM credits_grants WHERE account = 'a' ORDER BY lot",
        "SELECT * FROM credits_holds WHERE account = 'a' ORDER BY entry",
        "SELECT cycle, cycle_start, cycle_end, granted, used, rolled_over, expired, debt_forgiven, debt_invoiced
         FROM credits_cycles WHERE account = 'a' ORDER BY cycle",
        "SELECT cycle, feature, quantity, included, credits, from_allowance, from_credits
         FROM credits_usage_by_cycle WHERE account = 'a' ORDER BY 1, 2",
        "SELECT period, actor, feature, used, remaining, used_by FROM credits_budgets ORDER BY 1, 2, 6",
        "SELECT n, credits_quote('a', 'run', n), credits_quote('a', 'search', n) FROM generate_series(0, 60) n",
        "SELECT balance, allowance, credits, held, debt, available, allowance_granted, used, cycle FROM credits_balance('a')",
    ]
    .map(|question| (question, s.list(question)))
    .into()
}

fn what_many_do(policy: &str) {
    let (db, mut s) = open(policy);
    let ticks = AtomicU32::new(0);
    let replays: usize = crowd(&db, SESSIONS, &LEVELS, |i, s| {
        let mut dice = Dice(70 + i as u64);
        let mut replays = 0;
        for _ in 0..CALLS {
            let tick = ticks.fetch_add(MINUTES, Ordering::SeqCst);
            let now = s.one(&format!("SELECT timestamptz '{BEGIN}' + {tick} * interval '1 minute'"));
            s.at(&now);
            // The keys move on with the clock, so that holds are settled by others while they are open, or soon after.
            let newest = u64::from(tick / MINUTES) * KEYS / (SESSIONS * CALLS) as u64;
            let number = (newest + dice.below(40)).saturating_sub(30);
            let call = format!("SELECT * FROM {}", request(number));
            match patient(s, &call) {
                Ok(rows) => replays += usize::from(rows[0].get("replayed") == "t"),
                Err(error) => assert!(
                    ["LC001", "LC005", "LC006", "LC007", "LC012"].contains(&error.code.as_str()),
                    "{call}: {error}"
                ),
            }
        }
        replays
    })
    .into_iter()
    .sum();
    let end = s.one(&format!("SELECT timestamptz '{BEGIN}' + {} * interval '1 minute'", ticks.into_inner()));
    s.at(&end);
    settled(&mut s);
    // How much of each kind is accepted is the scheduler's to say.
    assert!(replays > 0, "no replays");
    for operation in ["hold", "capture", "debit"] {
        let there = s.one(&format!("SELECT count(*) > 0 FROM credits_history WHERE operation = '{operation}'"));
        assert_eq!(there, "t", "no {operation}");
    }

    // One after the other.
    let (_other, mut one) = open(policy);
    let requests = s.rows(
        "SELECT substr(idempotency_key, 2) AS number, recorded_at FROM credits_history
         WHERE idempotency_key LIKE 'k%' ORDER BY entry",
    );
    for row in requests {
        one.at(row.get("recorded_at"));
        let call = format!("SELECT * FROM {}", request(row.get("number").parse().unwrap()));
        match one.try_run(&call) {
            Ok(rows) => assert_eq!((rows[0].get("replayed"), rows[0].get("accepted")), ("f", "t"), "{call}"),
            Err(error) => panic!("{call} at {}: {error}", row.get("recorded_at")),
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
    the_past_is_as_it_was(&mut one);
}

/// At the instant of each entry, after the last one of that instant, `credits_balance_at` says what stands there.
fn the_past_is_as_it_was(s: &mut Session) {
    let said_otherwise = s.list(
        "SELECT h.entry, h.operation, h.effective_at, h.balance, h.allowance, h.credits, h.held, h.debt, h.available, '<>', b.*
         FROM (SELECT DISTINCT ON (effective_at) * FROM credits_history WHERE account = 'a' ORDER BY effective_at, entry DESC) h
         CROSS JOIN LATERAL credits_balance_at('a', h.effective_at) b
         WHERE (h.balance, h.allowance, h.credits, h.held, h.debt, h.available)
               IS DISTINCT FROM (b.balance, b.allowance, b.credits, b.held, b.debt, b.available)",
    );
    assert_eq!(said_otherwise, Vec::<String>::new());
}

#[test]
fn what_many_sessions_do_at_once_is_what_one_does_after_the_other() {
    what_many_do("repay");
}

#[test]
fn so_it_is_where_debt_is_not_repaid() {
    what_many_do("forgive_at_reset");
}
