//! Two sessions, step by step, in every interleaving and at every isolation level.

use crate::calls::*;
use credits_ledger_tests::Session;

/// 100 credits and a budget.
fn account(s: &mut Session, account: &str, budget: &str) {
    s.run(&grant(account, "100", "g"));
    s.run(&set(account, budget));
}

fn set(account: &str, budget: &str) -> String {
    format!("SELECT * FROM credits_set_budget('{account}', {budget})")
}

fn by(account: &str, amount: &str, key: &str, actor: &str) -> String {
    format!("SELECT * FROM credits_debit('{account}', {amount}, '{key}', actor => '{actor}')")
}

/// `limit used remaining` of the account's budgets.
fn budgets(s: &mut Session, account: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT concat_ws(' ', trim_scale(budget_limit), trim_scale(used), trim_scale(remaining), used_by)
         FROM credits_budgets WHERE account = '{account}' ORDER BY used_by, budget_limit"
    ))
}

#[test]
fn of_two_debits_with_room_for_one_the_second_is_refused() {
    in_every_way(|db, s, way, a| {
        account(s, a, "10");
        let (_, second) = way.play(db, &debit(a, "6", "a"), "COMMIT", &debit(a, "5", "b"));
        let error = refused(second, "LC012", way);
        assert_eq!((error.figure("used"), error.figure("remaining")), ("6", "4"), "{way:?}");
        assert_eq!(budgets(s, a), ["10 6 4"], "{way:?}");
    });
}

#[test]
fn where_the_first_rolls_back_the_second_has_the_room() {
    in_every_way(|db, s, way, a| {
        account(s, a, "10, 'day', '*'");
        let (_, second) = way.play(db, &by(a, "6", "a", "ann"), "ROLLBACK", &by(a, "10", "b", "ann"));
        assert_eq!(only(second, way).get("amount"), "10", "{way:?}");
        assert_eq!(budgets(s, a), ["10 10 0 ann"], "{way:?}");
    });
}

#[test]
fn what_one_actor_draws_leaves_the_budget_of_another_alone() {
    in_every_way(|db, s, way, a| {
        account(s, a, "10, 'hour', '*'");
        let (_, second) = way.play(db, &by(a, "10", "a", "ann"), "COMMIT", &by(a, "10", "b", "bob"));
        assert_eq!(only(second, way).get("balance"), "80", "{way:?}");
        assert_eq!(budgets(s, a), ["10 10 0 ann", "10 10 0 bob"], "{way:?}");
    });
}

#[test]
fn one_key_draws_once() {
    in_every_way(|db, s, way, a| {
        account(s, a, "10");
        let call = debit(a, "10", "k");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(budgets(s, a), ["10 10 0"], "{way:?}");
    });
}

#[test]
fn one_key_draws_once_where_the_first_rolls_back() {
    in_every_way(|db, s, way, a| {
        account(s, a, "10");
        let call = debit(a, "10", "k");
        assert_eq!(only(way.play(db, &call, "ROLLBACK", &call).1, way).get("replayed"), "f", "{way:?}");
        assert_eq!(budgets(s, a), ["10 10 0"], "{way:?}");
    });
}

#[test]
fn a_debit_that_waits_for_a_lower_limit_goes_by_it() {
    in_every_way(|db, s, way, a| {
        account(s, a, "10");
        let (_, second) = way.play(db, &set(a, "5"), "COMMIT", &debit(a, "6", "b"));
        assert_eq!(refused(second, "LC012", way).figure("budget_limit"), "5", "{way:?}");
        let (_, second) = way.play(db, &set(a, "2"), "ROLLBACK", &debit(a, "5", "b"));
        assert_eq!(only(second, way).get("amount"), "5", "{way:?}");
        assert_eq!(budgets(s, a), ["5 5 0"], "{way:?}");
    });
}

#[test]
fn a_debit_that_waits_for_a_first_budget_goes_by_it() {
    in_every_way(|db, s, way, a| {
        s.run(&grant(a, "100", "g"));
        s.run(&debit(a, "4", "a"));
        let (_, second) = way.play(db, &set(a, "5, 'month', '*'"), "COMMIT", &debit(a, "2", "b"));
        assert_eq!(refused(second, "LC012", way).figure("used"), "4", "{way:?}");
        assert_eq!(budgets(s, a), ["5 4 1"], "{way:?}");
    });
}

#[test]
fn a_debit_that_waits_for_a_removal_is_free() {
    in_every_way(|db, s, way, a| {
        account(s, a, "10");
        let (_, second) = way.play(db, &set(a, "NULL"), "ROLLBACK", &debit(a, "11", "b"));
        refused(second, "LC012", way);
        let (_, second) = way.play(db, &set(a, "NULL"), "COMMIT", &debit(a, "11", "b"));
        assert_eq!(only(second, way).get("amount"), "11", "{way:?}");
        assert_eq!(budgets(s, a), Vec::<String>::new(), "{way:?}");
    });
}

#[test]
fn a_budget_that_waits_for_a_debit_knows_of_it() {
    in_every_way(|db, s, way, a| {
        s.run(&grant(a, "100", "g"));
        let (_, second) = way.play(db, &by(a, "7", "a", "ann"), "COMMIT", &set(a, "10, 'day', 'ann'"));
        only(second, way).has(&[("used", "7"), ("remaining", "3")]);
        let (_, second) = way.play(db, &by(a, "3", "b", "ann"), "ROLLBACK", &set(a, "20, 'month', 'ann'"));
        only(second, way).has(&[("used", "7"), ("remaining", "13")]);
        assert_eq!(budgets(s, a), ["10 7 3", "20 7 13"], "{way:?}");
    });
}

#[test]
fn of_two_limits_for_one_budget_the_last_one_stays() {
    in_every_way(|db, s, way, a| {
        s.run(&grant(a, "100", "g"));
        only(way.play(db, &set(a, "10, 'day', 'ann'"), "COMMIT", &set(a, "20, 'day', 'ann'")).1, way)
            .has(&[("budget_limit", "20")]);
        assert_eq!(budgets(s, a), ["20 0 20"], "{way:?}");
        let configured =
            format!("SELECT count(*) FROM credits_history WHERE account = '{a}' AND operation = 'configure'");
        assert_eq!(s.one(&configured), "2", "{way:?}");
        // The same once more at once: one of them changes nothing.
        only(way.play(db, &set(a, "30, 'day', 'ann'"), "COMMIT", &set(a, "30, 'day', 'ann'")).1, way);
        assert_eq!((s.one(&configured), budgets(s, a)), ("3".into(), vec!["30 0 30".into()]), "{way:?}");
    });
}

#[test]
fn a_debit_that_waits_for_a_reset_draws_in_the_new_cycle() {
    in_every_way(|db, s, way, a| {
        s.run(&format!("SELECT credits_open_account('{a}', 100, '0')"));
        s.run(&set(a, "10"));
        s.run(&debit(a, "10", "full"));
        let reset = format!("SELECT * FROM credits_reset_cycle('{a}', 'r')");
        let (_, second) = way.play(db, &reset, "ROLLBACK", &debit(a, "9", "b"));
        refused(second, "LC012", way);
        let (_, second) = way.play(db, &reset, "COMMIT", &debit(a, "9", "b"));
        assert_eq!(only(second, way).get("allowance"), "91", "{way:?}");
        assert_eq!(budgets(s, a), ["10 9 1"], "{way:?}");
    });
}

#[test]
fn a_reset_that_waits_for_a_debit_leaves_its_use_in_the_old_cycle() {
    in_every_way(|db, s, way, a| {
        s.run(&format!("SELECT credits_open_account('{a}', 100, '0')"));
        s.run(&set(a, "10"));
        let reset = format!("SELECT * FROM credits_reset_cycle('{a}', 'r')");
        only(way.play(db, &debit(a, "8", "a"), "COMMIT", &reset).1, way).has(&[("expired", "92")]);
        assert_eq!(budgets(s, a), ["10 0 10"], "{way:?}");
        s.row(&debit(a, "10", "b")).has(&[("accepted", "t")]);
    });
}

#[test]
fn batches_and_single_debits_share_a_budget() {
    in_every_way(|db, s, way, a| {
        account(s, a, "10");
        let batch = format!(
            "SELECT idempotency_key, accepted, refused FROM credits_debit_many('{{{a},{a},{a}}}', '{{4,5,2}}', '{{b1,b2,b3}}')"
        );
        let (_, second) = way.play(db, &debit(a, "4", "a"), "COMMIT", &batch);
        let rows = second.unwrap_or_else(|e| panic!("{way:?}: {e}"));
        let said: Vec<String> = rows.iter().map(|row| row.values().join(" ")).collect();
        assert_eq!(said, ["b1 t NULL", "b2 f LC012", "b3 t NULL"], "{way:?}");
        assert_eq!(budgets(s, a), ["10 10 0"], "{way:?}");
    });
}

/// An account whose history began before the periods that run now, and draws of 1 by one statement.
fn long_known(s: &mut Session, account: &str) {
    s.at("2026-01-01 00:00+00");
    s.run(&format!("SELECT credits_open_account('{account}', cycle_length => '0')"));
    s.run(&grant(account, "100", "g"));
    s.at("");
}

fn draws(account: &str, number: u32) -> String {
    format!("SELECT d.* FROM generate_series(1, {number}) n, credits_debit('{account}', 1, 'draw ' || n) d")
}

/// What was drawn while it waited may be most of the account's history: it is counted all the same.
#[test]
fn a_budget_that_waits_for_many_debits_knows_of_all() {
    in_every_way(|db, s, way, a| {
        long_known(s, a);
        let (_, second) = way.play(db, &draws(a, 9), "COMMIT", &set(a, "10, 'month'"));
        only(second, way).has(&[("used", "9"), ("remaining", "1")]);
        assert_eq!(budgets(s, a), ["10 9 1"], "{way:?}");
    });
    in_every_way(|db, s, way, a| {
        long_known(s, a);
        let (_, second) = way.play(db, &draws(a, 9), "ROLLBACK", &set(a, "10, 'month'"));
        only(second, way).has(&[("used", "0"), ("remaining", "10")]);
        assert_eq!(budgets(s, a), ["10 0 10"], "{way:?}");
    });
}

/// Another time zone has other months: what was drawn in them is counted anew.
#[test]
fn a_time_zone_that_waits_for_many_debits_knows_of_all() {
    in_every_way(|db, s, way, a| {
        long_known(s, a);
        s.run(&set(a, "10, 'month'"));
        let zone = format!("SELECT * FROM credits_configure_account('{a}', time_zone => 'Asia/Tokyo')");
        let (_, second) = way.play(db, &draws(a, 9), "COMMIT", &zone);
        only(second, way).has(&[("used", "9")]);
        assert_eq!(budgets(s, a), ["10 9 1"], "{way:?}");
        refused(s.try_run(&debit(a, "2", "over")), "LC012", way);
    });
}
