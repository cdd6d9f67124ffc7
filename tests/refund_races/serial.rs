//! Everything at once, over several cycles, with debts, claw-backs and their refunds: as if by one session.

use crate::crowd::Dice;
use crate::one_by_one::Load;
use crate::refunds::settled;
use credits_ledger_tests::Session;

fn open(s: &mut Session, policy: &str) {
    for call in [
        "credits_define_plan('team', 120, rollover_percent => 50)",
        "credits_define_plan('more', 200, rank => 1)",
        "credits_include('team', 'search', 25)",
        "credits_define_rate('search', 0.75)",
        "credits_define_rate('run', 3, 20, 'package')",
        &format!(
            "credits_open_account('a', overdraft_limit => 25, cycle_length => '10 days', debt_policy => '{policy}')"
        ),
        "credits_subscribe('a', 'team', 'first')",
        "credits_grant('a', 120, 'second', payment_ref => 'pay')",
        "credits_grant('a', 40, 'third', 'promo', features => '{search}', expires_after_cycles => 2)",
        "credits_set_budget('a', 150, 'day')",
    ] {
        s.run(&format!("SELECT * FROM {call}"));
    }
}

/// Keys that refund or void name a debit, charge, capture or grant of their own twenty or of the twenty before.
fn request(number: u64) -> String {
    let mut dice = Dice(number * 1_000_003);
    let here = number - number % 20;
    let before = here.saturating_sub(20 * dice.below(2));
    let mut pick = |of: &[&'static str]| of[dice.below(of.len() as u64) as usize];
    let key = format!("'k{number}'");
    let amount = pick(&["3", "7.25", "12", "31", "0.000001", "55.5"]);
    let part = pick(&["NULL", "NULL", "1", "3.5", "0.000001", "20"]);
    let expired = pick(&["forfeit", "restore"]);
    match number % 20 {
        0..=4 => {
            let feature = pick(&["NULL", "'search'"]);
            let how = pick(&["error", "refuse", "partial", "allow", "allow"]);
            format!("credits_debit('a', {amount}, {key}, {feature}, on_insufficient => '{how}')")
        }
        5 => {
            let (feature, units) = (pick(&["search", "run"]), pick(&["1", "17", "40"]));
            format!("credits_charge('a', '{feature}', {units}, {key}, on_insufficient => 'allow')")
        }
        6 => {
            let expires = pick(&["expires_in => '50 hours'", "expires_after_cycles => 1", "features => '{search}'"]);
            format!("credits_grant('a', {amount}, {key}, 'promo', {expires})")
        }
        7 => format!("credits_grant('a', {amount}, {key})"),
        8 => format!("credits_hold('a', {amount}, {key}, '{}', 'run')", pick(&["1 hour", "3 days", "20 days"])),
        9 => {
            let what = pick(&["", ", 5", ", 40", ", quantity => 30", ", 2, final => false"]);
            format!("credits_capture('a', 'k{}', {key}{what})", here + 8)
        }
        10..=14 => {
            let of = before + [0, 1, 2, 3, 4, 9, 9][dice.below(7) as usize];
            format!("credits_refund('a', 'k{of}', {key}, {part}, if_expired => '{expired}')")
        }
        15 => {
            let units = pick(&["NULL", "3", "16"]);
            format!("credits_refund('a', 'k{}', {key}, quantity => {units}, if_expired => '{expired}')", before + 5)
        }
        16 | 17 => {
            let claw_back = pick(&["true", "true", "false"]);
            let of = match dice.below(12) {
                0 => "first".to_owned(),
                1 => "pay".to_owned(),
                more => format!("k{}", before + 6 + more % 2),
            };
            format!("credits_void_grant('a', '{of}', {key}, {part}, {claw_back})")
        }
        18 if number.is_multiple_of(5) => format!("credits_change_plan('a', 'team', 'more', {key})"),
        18 if number.is_multiple_of(3) => {
            format!(
                "credits_reset_cycle('a', {key}, timestamptz '2026-02-01 00:00+00' + {} * interval '1 day')",
                number / 30
            )
        }
        18 => format!("credits_grant('a', 9, {key}, 'promo', expires_in => '50 hours')"),
        _ => format!("credits_release('a', 'k{}', {key})", before + 8),
    }
}

fn what_many_do(policy: &str) {
    let load = Load {
        sessions: 12,
        calls: 90,
        keys: 1_000,
        begin: "2026-01-31 10:00+00",
        minutes: 50,
        open: &|s| open(s, policy),
        request,
        codes: &["LC001", "LC005", "LC006", "LC007", "LC012", "LC015"],
        operations: &["debit", "capture", "refund", "void", "claw_back", "grant"],
        questions: &[
            "SELECT entry, operation, kind, amount, from_allowance, from_credits, overdraft, balance, available, held, debt, feature,
                    quantity, included, idempotency_key, refers_to, effective_at,
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
            "SELECT period, used, remaining FROM credits_budgets",
            "SELECT n, credits_quote('a', 'run', n), credits_quote('a', 'search', n) FROM generate_series(0, 60) n",
            "SELECT balance, allowance, credits, held, debt, available, allowance_granted, used, cycle FROM credits_balance('a')",
        ],
    };
    for mut s in load.play() {
        settled(&mut s);
    }
}

#[test]
fn what_many_sessions_do_at_once_is_what_one_does_after_the_other() {
    what_many_do("repay");
}

#[test]
fn so_it_is_where_debt_is_forgiven() {
    what_many_do("forgive_at_reset");
}

#[test]
fn so_it_is_where_debt_is_invoiced() {
    what_many_do("invoice_at_reset");
}
