//! Every pair of verbs on one account. The second session comes upon the first one's open transaction; whatever its
//! outcome, a twin of the account on which both were called by one session comes to the same.

use crate::interleave::WAYS;
use crate::refunds::settled;
use crate::running::Outcome;
use credits_ledger_tests::{Server, Session};

/// `#` is the account, `%` the key.
const VERBS: [&str; 30] = [
    "credits_grant('#', 6, '%')",
    "credits_grant('#', 6, '%', 'promo', effective_at => now() + interval '1 day')",
    "credits_debit('#', 9, '%')",
    "credits_debit('#', 12, '%', 'chat', on_insufficient => 'partial')",
    "credits_debit('#', 60, '%', on_insufficient => 'allow')",
    "credits_charge('#', 'run', 7, '%')",
    "credits_charge('#', 'mail', 4, '%')",
    "credits_hold('#', 6, '%')",
    "credits_capture('#', 'h', '%', 3)",
    "credits_capture('#', 'h', '%', 30)",
    "credits_release('#', 'h', '%')",
    "credits_extend_hold('#', 'h', '%', '2 hours')",
    "credits_refund('#', 'd', '%')",
    "credits_refund('#', 'd', '%', 12)",
    "credits_refund('#', 'owed', '%', 6)",
    "credits_refund('#', 'c', '%', quantity => 4)",
    "credits_void_grant('#', 'g1', '%')",
    "credits_void_grant('#', 'g1', '%', 7)",
    "credits_void_grant('#', 'g1', '%', claw_back => true)",
    "credits_void_grant('#', 'g2', '%', claw_back => true)",
    "credits_void_grant('#', 's', '%', 1, true)",
    "credits_reset_cycle('#', '%', now())",
    "credits_change_plan('#', 'team', 'more', '%')",
    "credits_set_seats('#', 'team', 2, '%')",
    "credits_unsubscribe('#', 'team', '%')",
    "credits_configure_account('#', debt_policy => 'forgive_at_reset')",
    "credits_set_budget('#', 70, 'month')",
    "credits_set_feature('#', 'chat', false)",
    "credits_freeze_account('#', 'why')",
    "credits_close_account('#', 'why')",
];

fn call(verb: usize, account: &str, key: &str) -> String {
    format!("SELECT * FROM {}", VERBS[verb].replace('#', account).replace('%', key))
}

fn define(s: &mut Session) {
    for call in [
        "credits_define_plan('team', 30, per_seat => true)",
        "credits_define_plan('more', 50, rank => 1)",
        "credits_include('team', 'mail', 5)",
        "credits_define_rate('run', 1, 10, 'package')",
        "credits_define_rate('mail', 0.5)",
    ] {
        s.run(&format!("SELECT {call}"));
    }
}

/// Debits over an allowance, a promo and a purchase, debt that was repaid, a hold, and units of a package.
fn make(s: &mut Session, account: &str) {
    let calls = [
        "credits_open_account('#', overdraft_limit => 10)",
        "credits_subscribe('#', 'team', 's')",
        "credits_debit('#', 37, 'owed')",
        "credits_grant('#', 25, 'g1', payment_ref => 'pay #')",
        "credits_grant('#', 15, 'g2', 'promo')",
        "credits_debit('#', 18, 'd', 'chat')",
        "credits_charge('#', 'run', 12, 'c')",
        "credits_hold('#', 4, 'h', '1 hour')",
    ];
    // Each in a transaction of its own.
    s.run(&calls.map(|call| format!("BEGIN; SELECT {}; COMMIT;", call.replace('#', account))).concat());
}

/// What a call came to, without what differs from account to account.
fn told(outcome: Outcome) -> String {
    match outcome {
        Err(error) => error.code,
        Ok(rows) => {
            let row = &rows[0];
            let own = ["account", "recorded_at", "as_of", "cycle_start", "cycle_end", "opened_at", "head_hash"];
            let same = row.columns().iter().zip(row.values()).filter(|(column, _)| {
                !own.contains(&column.as_str()) && !column.starts_with("period_") && !column.ends_with("_at")
            });
            same.map(|(column, value)| format!("{column}={value}")).collect::<Vec<_>>().join(" ")
        }
    }
}

/// What the views say of an account, without what differs from account to account.
fn state(s: &mut Session, account: &str) -> Vec<String> {
    [
        "SELECT entry, operation, kind, amount, from_allowance, from_credits, overdraft, balance, allowance, credits, held, debt,
                available, feature, quantity, included, idempotency_key, refers_to, cycle
         FROM credits_history WHERE account = '#' ORDER BY entry",
        "SELECT entry, lot, amount FROM credits_allocations WHERE account = '#' ORDER BY 1, 2, 3",
        "SELECT lot, entry, kind, amount, remaining, held, status FROM credits_grants WHERE account = '#' ORDER BY lot",
        "SELECT hold_key, amount, remaining, captured, status FROM credits_holds WHERE account = '#' ORDER BY entry",
        "SELECT status, balance, allowance, credits, held, debt, available, used, cycle FROM credits_balance('#')",
        "SELECT budget_limit, period, used FROM credits_budgets WHERE account = '#'",
        "SELECT credits_quote('#', 'run', 8), credits_quote('#', 'run', 9), credits_quote('#', 'mail', 6)",
    ]
    .iter()
    .flat_map(|question| s.list(&question.replace('#', account)))
    .collect()
}

/// Plays each pair whose number leaves this rest, so that several tests share the work.
fn pairs(rest: usize, of: usize) {
    let db = Server::shared().database();
    let mut s = db.session();
    define(&mut s);
    let all = (0..VERBS.len()).flat_map(|first| (0..VERBS.len()).map(move |second| (first, second)));
    for (number, (first, second)) in all.enumerate().filter(|(number, _)| number % of == rest) {
        let way = WAYS[(number / of) % WAYS.len()];
        let end = if (number / of / WAYS.len()).is_multiple_of(3) { "ROLLBACK" } else { "COMMIT" };
        let (account, twin) = (format!("acct{number}"), format!("twin{number}"));
        make(&mut s, &account);
        make(&mut s, &twin);
        let (_, outcome) = way.play(&db, &call(first, &account, "k1"), end, &call(second, &account, "k2"));
        if end == "COMMIT" {
            s.run(&call(first, &twin, "k1"));
        }
        let alone = s.try_run(&call(second, &twin, "k2"));
        let what = format!("{}, {end}, {} ({way:?})", VERBS[first], VERBS[second]);
        assert_eq!(told(outcome), told(alone), "{what}");
        assert_eq!(state(&mut s, &account), state(&mut s, &twin), "{what}");
    }
    settled(&mut s);
}

#[test]
fn every_pair_of_verbs_comes_to_what_one_session_would_have_made_of_it_one() {
    pairs(0, 3);
}

#[test]
fn every_pair_of_verbs_comes_to_what_one_session_would_have_made_of_it_two() {
    pairs(1, 3);
}

#[test]
fn every_pair_of_verbs_comes_to_what_one_session_would_have_made_of_it_three() {
    pairs(2, 3);
}
