//! Two sessions, step by step, in every interleaving and at every isolation level.

use crate::calls::*;
use crate::interleave::Way;
use crate::plans::*;
use credits_ledger_tests::{Database, Session};

/// As [`in_every_way`], on accounts without an allowance of their own. Their cycles end by hand.
fn on_a_manual_account(scene: impl Fn(&Database, &mut Session, Way, &str)) {
    in_every_way(|db, s, way, a| {
        define(s);
        s.run(&format!("SELECT credits_open_account('{a}', cycle_length => '0')"));
        scene(db, s, way, a);
    });
}

#[test]
fn one_key_subscribes_once() {
    on_a_manual_account(|db, s, way, a| {
        let call = subscribe(a, "small", "k");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(history(s, a), ["1|open|0|0", "2|subscribe|100|100"], "{way:?}");
    });
}

#[test]
fn one_key_subscribes_once_where_the_first_rolls_back() {
    on_a_manual_account(|db, s, way, a| {
        let call = subscribe(a, "small", "k");
        assert_eq!(only(way.play(db, &call, "ROLLBACK", &call).1, way).get("replayed"), "f", "{way:?}");
        assert_eq!(history(s, a), ["1|open|0|0", "2|subscribe|100|100"], "{way:?}");
    });
}

#[test]
fn a_plan_is_taken_up_once() {
    on_a_manual_account(|db, s, way, a| {
        let (_, second) = way.play(db, &subscribe(a, "small", "a"), "COMMIT", &subscribe(a, "small", "b"));
        refused(second, "LC005", way);
        assert_eq!(history(s, a), ["1|open|0|0", "2|subscribe|100|100"], "{way:?}");
    });
}

#[test]
fn two_plans_join_in_one_cycle() {
    on_a_manual_account(|db, s, way, a| {
        let (_, second) = way.play(db, &subscribe(a, "small", "a"), "COMMIT", &subscribe(a, "big", "b"));
        assert_eq!(only(second, way).get("allowance"), "400", "{way:?}");
        assert_eq!(history(s, a), ["1|open|0|0", "2|subscribe|100|100", "3|subscribe|300|400"], "{way:?}");
        assert_eq!(granted(s, a), ["1 big 300", "1 small 100"], "{way:?}");
    });
}

#[test]
fn a_debit_that_waits_for_a_subscription_draws_from_it() {
    on_a_manual_account(|db, s, way, a| {
        let (_, second) = way.play(db, &subscribe(a, "small", "a"), "ROLLBACK", &debit(a, "80", "d"));
        refused(second, "LC001", way);
        let (_, second) = way.play(db, &subscribe(a, "small", "a"), "COMMIT", &debit(a, "80", "d"));
        only(second, way).has(&[("from_allowance", "80"), ("allowance", "20")]);
        assert_eq!(history(s, a), ["1|open|0|0", "2|subscribe|100|100", "3|debit|-80|20"], "{way:?}");
    });
}

#[test]
fn a_plan_is_left_for_another_once() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "small", "s"));
        let call = change(a, "small", "big", "k", "");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        // Another key, to the same plan or to another one: there is nothing to leave any more.
        s.run(&subscribe(a, "seat", "t"));
        let (_, second) =
            way.play(db, &change(a, "seat", "small", "c", ""), "COMMIT", &change(a, "seat", "other", "d", ""));
        refused(second, "LC006", way);
        assert_eq!(
            history(s, a),
            [
                "1|open|0|0",
                "2|subscribe|100|100",
                "3|change_plan|300|400",
                "4|subscribe|10|410",
                // small was granted in this cycle already
                "5|change_plan|0|410",
            ],
            "{way:?}"
        );
    });
}

#[test]
fn a_change_that_rolls_back_leaves_the_plan_to_the_other() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "small", "s"));
        let (_, second) =
            way.play(db, &change(a, "small", "big", "a", ""), "ROLLBACK", &change(a, "small", "other", "b", ""));
        // Of equal rank: the excess of 200 over 100.
        assert_eq!(only(second, way).get("amount"), "100", "{way:?}");
        assert_eq!(granted(s, a), ["1 other 100", "1 small 100"], "{way:?}");
    });
}

#[test]
fn up_and_down_and_up_again_grants_once() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "small", "s"));
        let down = change(a, "big", "small", "down", ", 'now'");
        only(way.play(db, &change(a, "small", "big", "up", ""), "COMMIT", &down).1, way).has(&[("amount", "0")]);
        let again = change(a, "small", "big", "again", "");
        only(way.play(db, &debit(a, "350", "d"), "COMMIT", &again).1, way).has(&[("amount", "0"), ("balance", "50")]);
        assert_eq!(granted(s, a), ["1 big 300", "1 small 100"], "{way:?}");
    });
}

#[test]
fn what_a_debit_left_of_the_old_plan_expires_with_the_change() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "small", "s"));
        let call = change(a, "small", "big", "c", ", unused_allowance => 'expire'");
        only(way.play(db, &debit(a, "60", "d"), "COMMIT", &call).1, way).has(&[("amount", "300"), ("balance", "300")]);
        assert_eq!(
            history(s, a),
            ["1|open|0|0", "2|subscribe|100|100", "3|debit|-60|40", "4|expire|-40|0", "5|change_plan|300|300"],
            "{way:?}"
        );
    });
}

#[test]
fn more_seats_are_granted_up_to_the_highest_number_once() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "seat", "s"));
        // 1 → 5 and 1 → 12, of which 10 count; each way around.
        let (first, second) = way.play(db, &seats(a, 5, "a"), "COMMIT", &seats(a, 12, "b"));
        assert_eq!((first[0].get("amount"), only(second, way).get("amount")), ("40", "50"), "{way:?}");
        let (_, second) = way.play(db, &seats(a, 3, "c"), "COMMIT", &seats(a, 11, "d"));
        assert_eq!(only(second, way).get("amount"), "0", "{way:?}");
        assert_eq!(granted(s, a), ["1 seat 100"], "{way:?}");
        s.run(&reset(a, "r"));
        assert_eq!(granted(s, a), ["1 seat 100", "2 seat 100"], "{way:?}");
    });
}

#[test]
fn fewer_seats_that_wait_for_more_count_from_the_next_cycle() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "seat", "s"));
        let (first, second) = way.play(db, &seats(a, 12, "a"), "COMMIT", &seats(a, 5, "b"));
        assert_eq!((first[0].get("amount"), only(second, way).get("amount")), ("90", "0"), "{way:?}");
        s.run(&reset(a, "r"));
        assert_eq!(granted(s, a), ["1 seat 100", "2 seat 50"], "{way:?}");
        // One key asks once.
        let call = seats(a, 7, "k");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(granted(s, a), ["1 seat 100", "2 seat 70"], "{way:?}");
    });
}

#[test]
fn a_change_that_waits_for_a_reset_is_made_in_the_new_cycle() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "small", "s"));
        only(way.play(db, &reset(a, "r"), "COMMIT", &change(a, "small", "big", "c", "")).1, way)
            .has(&[("amount", "300"), ("allowance", "400")]);
        assert_eq!(granted(s, a), ["1 small 100", "2 big 300", "2 small 100"], "{way:?}");
    });
}

#[test]
fn a_reset_that_waits_for_a_change_grants_the_new_plan_alone() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "small", "s"));
        only(way.play(db, &change(a, "small", "big", "c", ""), "COMMIT", &reset(a, "r")).1, way).has(&[
            ("expired", "400"),
            ("granted", "300"),
            ("allowance", "300"),
        ]);
        assert_eq!(granted(s, a), ["1 big 300", "1 small 100", "2 big 300"], "{way:?}");
    });
}

#[test]
fn a_reset_carries_out_what_is_pending_by_then() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "big", "s"));
        let down = change(a, "big", "small", "down", "");
        only(way.play(db, &down, "ROLLBACK", &reset(a, "r1")).1, way).has(&[("granted", "300")]);
        only(way.play(db, &down, "COMMIT", &reset(a, "r2")).1, way).has(&[("granted", "100")]);
        let end = format!("SELECT * FROM credits_unsubscribe('{a}', 'small', 'end')");
        only(way.play(db, &end, "COMMIT", &reset(a, "r3")).1, way).has(&[("granted", "0"), ("balance", "0")]);
        assert_eq!(granted(s, a), ["1 big 300", "2 big 300", "3 small 100"], "{way:?}");
    });
}

#[test]
fn a_plan_given_up_cannot_be_changed_by_who_waits() {
    on_a_manual_account(|db, s, way, a| {
        s.run(&subscribe(a, "seat", "s"));
        let end = format!("SELECT * FROM credits_unsubscribe('{a}', 'seat', 'end', 'now')");
        let (_, second) = way.play(db, &end, "COMMIT", &seats(a, 5, "a"));
        refused(second, "LC006", way);
        assert_eq!(granted(s, a), ["1 seat 10"], "{way:?}");
        // Its allowance of this cycle was granted, and is not again.
        assert_eq!(s.row(&subscribe(a, "seat", "again")).get("amount"), "0", "{way:?}");
    });
}

#[test]
fn a_subscription_that_waits_for_a_freeze_or_the_end_is_refused() {
    on_a_manual_account(|db, s, way, a| {
        let stop = |verb: &str| format!("SELECT * FROM credits_{verb}_account('{a}', 'why')");
        refused(way.play(db, &stop("freeze"), "COMMIT", &subscribe(a, "small", "s")).1, "LC011", way);
        s.run(&format!("SELECT credits_unfreeze_account('{a}')"));
        s.run(&subscribe(a, "small", "s"));
        refused(way.play(db, &stop("close"), "COMMIT", &change(a, "small", "big", "c", "")).1, "LC011", way);
        // More than `open` had happened in the first cycle.
        assert_eq!(granted(s, a), ["2 small 100"], "{way:?}");
    });
}

#[test]
fn a_trial_is_granted_once() {
    on_a_manual_account(|db, s, way, a| {
        let (_, second) = way.play(db, &subscribe(a, "try", "a"), "COMMIT", &subscribe(a, "try", "b"));
        refused(second, "LC005", way);
        let (_, second) =
            way.play(db, &change(a, "try", "small", "c", ""), "COMMIT", &change(a, "try", "big", "d", ""));
        refused(second, "LC006", way);
        s.row(&format!("SELECT * FROM credits_balance('{a}')")).has(&[("allowance", "100"), ("credits", "0")]);
        assert_eq!(s.row(&subscribe(a, "try", "again")).get("amount"), "0", "{way:?}");
    });
}

#[test]
fn a_charge_that_waits_for_a_plan_uses_its_included_units() {
    on_a_manual_account(|db, s, way, a| {
        s.run("SELECT credits_include('small', 'search', 30), credits_define_rate('search', 2)");
        s.run(&grant(a, "100", "g"));
        let (_, second) = way.play(db, &subscribe(a, "small", "s"), "ROLLBACK", &charge(a, "search", "5", "c1"));
        only(second, way).has(&[("amount", "10"), ("included", "0")]);
        let (_, second) = way.play(db, &subscribe(a, "small", "s"), "COMMIT", &charge(a, "search", "35", "c2"));
        only(second, way).has(&[("amount", "10"), ("included", "30")]);
    });
}

#[test]
fn two_charges_share_the_included_units_that_are_left() {
    on_a_manual_account(|db, s, way, a| {
        s.run("SELECT credits_include('small', 'search', 30), credits_define_rate('search', 2)");
        s.run(&subscribe(a, "small", "s"));
        let (first, second) = way.play(db, &charge(a, "search", "20", "a"), "COMMIT", &charge(a, "search", "20", "b"));
        first[0].has(&[("amount", "0"), ("included", "20")]);
        only(second, way).has(&[("amount", "20"), ("included", "10")]);
        // One key uses them once, and where the first rolls back they are still there.
        s.run(&reset(a, "r"));
        let call = charge(a, "search", "30", "k");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        s.row(&charge(a, "search", "1", "after")).has(&[("amount", "2"), ("included", "0")]);
        s.run(&reset(a, "r2"));
        let (_, second) = way.play(db, &charge(a, "search", "30", "x"), "ROLLBACK", &charge(a, "search", "25", "y"));
        only(second, way).has(&[("amount", "0"), ("included", "25")]);
    });
}

#[test]
fn two_charges_share_a_package() {
    on_a_manual_account(|db, s, way, a| {
        s.run("SELECT credits_define_rate('run', 7, 100, 'package')");
        s.run(&grant(a, "1000", "g"));
        let (first, second) = way.play(db, &charge(a, "run", "60", "a"), "COMMIT", &charge(a, "run", "60", "b"));
        // 120 units are two packages, 80 are left.
        assert_eq!((first[0].get("amount"), only(second, way).get("amount")), ("7", "7"), "{way:?}");
        let (_, second) = way.play(db, &charge(a, "run", "80", "c"), "ROLLBACK", &charge(a, "run", "80", "d"));
        assert_eq!(only(second, way).get("amount"), "0", "{way:?}");
        let call = charge(a, "run", "101", "k");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(first[0].get("amount"), "14", "{way:?}");
        s.row(&charge(a, "run", "99", "rest")).has(&[("amount", "0"), ("balance", "972")]);
    });
}

#[test]
fn a_charge_that_waits_for_a_switch_goes_by_it() {
    on_a_manual_account(|db, s, way, a| {
        s.run("SELECT credits_define_rate('search', 2)");
        s.run(&grant(a, "100", "g"));
        let off = format!("SELECT * FROM credits_set_feature('{a}', 'search', false)");
        only(way.play(db, &off, "ROLLBACK", &charge(a, "search", "1", "a")).1, way).has(&[("amount", "2")]);
        refused(way.play(db, &off, "COMMIT", &charge(a, "search", "1", "b")).1, "LC010", way);
        let on = format!("SELECT * FROM credits_set_feature('{a}', 'search', true)");
        only(way.play(db, &on, "COMMIT", &charge(a, "search", "1", "b")).1, way).has(&[("amount", "2")]);
    });
}
