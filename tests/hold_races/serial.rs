//! Everything at once, over several cycles, with holds that lapse and lots that expire: as if by one session.

use crate::crowd::Dice;
use crate::holds::settled;
use crate::one_by_one::Load;
use credits_ledger_tests::Session;

fn open(s: &mut Session, policy: &str) {
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

fn what_many_do(policy: &str) {
    let load = Load {
        sessions: 16,
        calls: 90,
        keys: 1_050,
        begin: "2026-01-31 10:00+00",
        minutes: 40,
        open: &|s| open(s, policy),
        request,
        codes: &["LC001", "LC005", "LC006", "LC007", "LC012"],
        operations: &["hold", "capture", "debit"],
        questions: &[
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
        ],
    };
    let [mut many, mut one] = load.play();
    settled(&mut many);
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
