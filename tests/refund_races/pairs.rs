//! Two sessions at one debit, at one grant, or at the last credits.

use crate::calls::*;
use crate::holds::{balance, capture, hold, release};
use crate::interleave::Way;
use crate::refunds::*;
use credits_ledger_tests::{Database, Session};

/// Plays two calls in every way on an account made by `make`. After a COMMIT of the first, the second comes to `after`, a
/// receipt's amount or a code, and the account to that balance, held, debt and available; after a ROLLBACK to `alone`.
fn both(make: &[String], [first, second]: [String; 2], after: (&str, &str), alone: (&str, &str)) {
    in_every_way(|db: &Database, s: &mut Session, way: Way, account: &str| {
        for (end, (comes_to, stands)) in [("COMMIT", after), ("ROLLBACK", alone)] {
            let account = format!("{account} {end}");
            let on = |call: &str| call.replace('#', &account);
            for call in make {
                s.run(&on(call));
            }
            let (_, outcome) = way.play(db, &on(&first), end, &on(&second));
            if comes_to.starts_with("LC") {
                refused(outcome, comes_to, way);
            } else {
                only(outcome, way).has(&[("accepted", "t"), ("amount", comes_to)]);
            }
            assert_eq!(balance(s, &account), stands, "{way:?} {end}");
        }
        settled(s);
    });
}

/// 20 credits `g`, of which 10 were spent by `d`.
fn ten_of_twenty() -> Vec<String> {
    vec![grant("#", "20", "g"), debit("#", "10", "d")]
}

/// 10 credits `g`, all of them spent by `d`.
fn all_of_ten() -> Vec<String> {
    vec![grant("#", "10", "g"), debit("#", "10", "d")]
}

#[test]
fn two_refunds_together_never_give_back_more_than_the_debit() {
    both(
        &ten_of_twenty(),
        [refund("#", "d", "a", ", 6"), refund("#", "d", "b", ", 7")],
        ("LC015", "16 0 0 16"),
        ("7", "17 0 0 17"),
    );
    both(
        &ten_of_twenty(),
        [refund("#", "d", "a", ", 6"), refund("#", "d", "b", ", 4")],
        ("4", "20 0 0 20"),
        ("4", "14 0 0 14"),
    );
    both(
        &ten_of_twenty(),
        [refund("#", "d", "a", ", 6"), refund("#", "d", "b", "")],
        ("4", "20 0 0 20"),
        ("10", "20 0 0 20"),
    );
    both(
        &ten_of_twenty(),
        [refund("#", "d", "a", ""), refund("#", "d", "b", "")],
        ("LC007", "20 0 0 20"),
        ("10", "20 0 0 20"),
    );
}

#[test]
fn one_key_refunds_once() {
    in_every_way(|db, s, way, account| {
        for call in ten_of_twenty() {
            s.run(&call.replace('#', account));
        }
        let call = refund(account, "d", "r", ", 4");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(balance(s, account), "14 0 0 14", "{way:?}");
        let (_, second) = way.play(db, &call, "COMMIT", &refund(account, "d", "r", ", 5"));
        refused(second, "LC003", way);
        let call = refund(account, "d", "r2", ", 3");
        let (_, second) = way.play(db, &call, "ROLLBACK", &call);
        only(second, way).has(&[("replayed", "f"), ("balance", "17")]);
        settled(s);
    });
}

#[test]
fn one_key_voids_once() {
    in_every_way(|db, s, way, account| {
        for call in ten_of_twenty() {
            s.run(&call.replace('#', account));
        }
        let call = void(account, "g", "v", ", 4");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(balance(s, account), "6 0 0 6", "{way:?}");
        let (_, second) = way.play(db, &call, "COMMIT", &void(account, "g", "v", ", 4, true"));
        refused(second, "LC003", way);
        settled(s);
    });
}

#[test]
fn what_a_refund_gives_back_is_there_for_who_waits() {
    both(&all_of_ten(), [refund("#", "d", "a", ", 6"), debit("#", "5", "b")], ("5", "1 0 0 1"), ("LC001", "0 0 0 0"));
    both(&all_of_ten(), [refund("#", "d", "a", ", 6"), hold("#", "5", "b")], ("5", "6 5 0 1"), ("LC001", "0 0 0 0"));
}

#[test]
fn a_debit_that_is_not_there_is_not_refunded() {
    both(
        &[grant("#", "10", "g")],
        [debit("#", "4", "d"), refund("#", "d", "b", "")],
        ("4", "10 0 0 10"),
        ("LC006", "10 0 0 10"),
    );
    both(
        &[grant("#", "10", "g"), hold("#", "6", "h")],
        [capture("#", "h", "c", ", 5"), refund("#", "c", "b", ", 2")],
        ("2", "7 0 0 7"),
        ("LC006", "10 6 0 4"),
    );
}

#[test]
fn a_refund_cancels_the_debt_of_a_debit_that_came_first() {
    let owing = "SELECT * FROM credits_debit('#', 8, 'b', on_insufficient => 'allow')".to_owned();
    both(&all_of_ten(), [owing.clone(), refund("#", "d", "a", "")], ("10", "2 0 0 2"), ("10", "10 0 0 10"));
    both(&all_of_ten(), [refund("#", "d", "a", ""), owing], ("8", "2 0 0 2"), ("8", "-8 0 8 0"));
}

#[test]
fn what_is_voided_is_not_spent_or_held() {
    for second in [debit("#", "8", "b"), hold("#", "8", "b")] {
        let stands = if second.contains("hold") { "10 8 0 2" } else { "2 0 0 2" };
        both(&ten_of_twenty(), [void("#", "g", "v", ""), second], ("LC001", "0 0 0 0"), ("8", stands));
    }
    both(&ten_of_twenty(), [debit("#", "8", "a"), void("#", "g", "v", "")], ("2", "0 0 0 0"), ("10", "0 0 0 0"));
    both(&ten_of_twenty(), [hold("#", "8", "a"), void("#", "g", "v", "")], ("2", "8 8 0 0"), ("10", "0 0 0 0"));
}

#[test]
fn two_voids_take_no_more_than_what_is_there() {
    both(&ten_of_twenty(), [void("#", "g", "a", ""), void("#", "g", "b", "")], ("LC007", "0 0 0 0"), ("10", "0 0 0 0"));
    both(
        &ten_of_twenty(),
        [void("#", "g", "a", ", 6"), void("#", "g", "b", ", 7")],
        ("LC015", "4 0 0 4"),
        ("7", "3 0 0 3"),
    );
    both(
        &ten_of_twenty(),
        [void("#", "g", "a", ""), void("#", "g", "b", CLAW_BACK)],
        ("10", "-10 0 10 0"),
        ("20", "-10 0 10 0"),
    );
}

#[test]
fn what_is_held_of_a_voided_grant_is_captured_or_void() {
    let held = [grant("#", "20", "g"), hold("#", "8", "h")];
    both(&held, [void("#", "g", "v", ""), capture("#", "h", "c", ", 5")], ("5", "0 0 0 0"), ("5", "15 0 0 15"));
    both(&held, [capture("#", "h", "c", ", 5"), void("#", "g", "v", "")], ("15", "0 0 0 0"), ("12", "8 8 0 0"));
    both(&held, [void("#", "g", "v", ""), release("#", "h", "r")], ("8", "0 0 0 0"), ("8", "20 0 0 20"));
    both(&held, [release("#", "h", "r"), void("#", "g", "v", "")], ("20", "0 0 0 0"), ("12", "8 8 0 0"));
}

#[test]
fn a_refund_and_a_void_of_its_grant_leave_nothing() {
    // The last figure is what the other alone would have left.
    both(
        &ten_of_twenty(),
        [void("#", "g", "v", ""), refund("#", "d", "r", "")],
        ("10", "0 0 0 0"),
        ("10", "20 0 0 20"),
    );
    both(&ten_of_twenty(), [refund("#", "d", "r", ""), void("#", "g", "v", "")], ("20", "0 0 0 0"), ("10", "0 0 0 0"));
}

#[test]
fn a_refund_and_a_claw_back_come_to_the_same_in_either_order() {
    both(
        &ten_of_twenty(),
        [void("#", "g", "v", CLAW_BACK), refund("#", "d", "r", "")],
        ("10", "0 0 0 0"),
        ("10", "20 0 0 20"),
    );
    both(
        &ten_of_twenty(),
        [refund("#", "d", "r", ""), void("#", "g", "v", CLAW_BACK)],
        ("20", "0 0 0 0"),
        ("20", "-10 0 10 0"),
    );
    both(
        &ten_of_twenty(),
        [refund("#", "d", "r", ", 4"), void("#", "g", "v", CLAW_BACK)],
        ("20", "-6 0 6 0"),
        ("20", "-10 0 10 0"),
    );
}

#[test]
fn a_claw_back_takes_from_a_grant_that_came_first() {
    both(
        &all_of_ten(),
        [grant("#", "7", "g2"), void("#", "g", "v", CLAW_BACK)],
        ("10", "-3 0 3 0"),
        ("10", "-10 0 10 0"),
    );
    both(&all_of_ten(), [void("#", "g", "v", CLAW_BACK), grant("#", "7", "g2")], ("7", "-3 0 3 0"), ("7", "7 0 0 7"));
}

#[test]
fn a_refund_after_a_reset_finds_the_allowance_over() {
    let spent = ["SELECT * FROM credits_open_account('#', 10, '0')".to_owned(), debit("#", "10", "d")];
    let reset = "SELECT * FROM credits_reset_cycle('#', 'k')".to_owned();
    both(&spent, [reset.clone(), refund("#", "d", "r", ", 4")], ("4", "10 0 0 10"), ("4", "4 0 0 4"));
    let restored = refund("#", "d", "r", ", 4, if_expired => 'restore'");
    both(&spent, [reset.clone(), restored], ("4", "14 0 0 14"), ("4", "4 0 0 4"));
    // The other way round what came back expires with the cycle.
    in_every_way(|db, s, way, account| {
        for call in &spent {
            s.run(&call.replace('#', account));
        }
        let (_, outcome) = way.play(db, &refund(account, "d", "r", ", 4"), "COMMIT", &reset.replace('#', account));
        only(outcome, way).has(&[("expired", "4"), ("granted", "10"), ("balance", "10")]);
        settled(s);
    });
}
