//! Two sessions at one hold, or at the last credits.

use crate::calls::*;
use crate::holds::*;
use crate::interleave::Way;
use credits_ledger_tests::{Database, Session};

/// An account with 10 credits of which 7 are held.
fn seven_of_ten(s: &mut Session, account: &str) {
    s.run(&grant(account, "10", "g"));
    s.run(&hold(account, "7", "h"));
}

/// Plays two calls on an account with 7 of 10 credits held, in every way. After a COMMIT of the first the second comes
/// to `after`, a receipt's amount or a code; after a ROLLBACK it comes to `alone`. `left` is what is then so of
/// the account and of the hold, after the commit and after the rollback.
fn both(
    first: impl Fn(&str) -> String,
    second: impl Fn(&str) -> String,
    (after, left): (&str, [&str; 2]),
    (alone, left_alone): (&str, [&str; 2]),
) {
    in_every_way(|db: &Database, s: &mut Session, way: Way, account: &str| {
        for (end, expected, left) in [("COMMIT", after, left), ("ROLLBACK", alone, left_alone)] {
            let account = format!("{account} {end}");
            seven_of_ten(s, &account);
            let (_, outcome) = way.play(db, &first(&account), end, &second(&account));
            if expected.starts_with("LC") {
                refused(outcome, expected, way);
            } else {
                only(outcome, way).has(&[("accepted", "t"), ("amount", expected)]);
            }
            assert_eq!([balance(s, &account), state(s, &account, "h")], left, "{way:?} {end}");
        }
        settled(s);
    });
}

#[test]
fn of_two_workers_that_capture_one_hold_one_does() {
    both(
        |account| capture(account, "h", "a", ", 5"),
        |account| capture(account, "h", "b", ", 6"),
        ("LC007", ["5 0 0 5", "0 5 captured"]),
        ("6", ["4 0 0 4", "0 6 captured"]),
    );
}

#[test]
fn captures_that_are_not_final_add_up() {
    both(
        |account| capture(account, "h", "a", ", 5, final => false"),
        |account| capture(account, "h", "b", ", 4, final => false"),
        ("4", ["1 0 0 1", "0 9 open"]),
        ("4", ["6 3 0 3", "3 4 open"]),
    );
}

#[test]
fn a_capture_of_all_takes_what_an_earlier_one_left() {
    both(
        |account| capture(account, "h", "a", ", 5, final => false"),
        |account| capture(account, "h", "b", ""),
        ("2", ["3 0 0 3", "0 7 captured"]),
        ("7", ["3 0 0 3", "0 7 captured"]),
    );
}

#[test]
fn one_key_captures_once() {
    in_every_way(|db, s, way, account| {
        seven_of_ten(s, account);
        let call = capture(account, "h", "c", ", 5, final => false");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(state(s, account, "h"), "2 5 open", "{way:?}");
        let (_, second) = way.play(db, &call, "COMMIT", &capture(account, "h", "c", ", 4, final => false"));
        refused(second, "LC003", way);
        settled(s);
    });
}

#[test]
fn one_key_holds_once() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let call = hold(account, "6", "h");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(balance(s, account), "10 6 0 4", "{way:?}");
        let other = hold(account, "4", "h2");
        let row = only(way.play(db, &other, "ROLLBACK", &other).1, way);
        row.has(&[("replayed", "f"), ("held", "10")]);
        settled(s);
    });
}

#[test]
fn a_capture_and_a_release_settle_a_hold_once() {
    both(
        |account| capture(account, "h", "a", ", 5"),
        |account| release(account, "h", "b"),
        ("LC007", ["5 0 0 5", "0 5 captured"]),
        ("7", ["10 0 0 10", "0 0 released"]),
    );
    both(
        |account| release(account, "h", "b"),
        |account| capture(account, "h", "a", ", 5"),
        ("LC007", ["10 0 0 10", "0 0 released"]),
        ("5", ["5 0 0 5", "0 5 captured"]),
    );
    both(
        |account| release(account, "h", "a"),
        |account| release(account, "h", "b"),
        ("LC007", ["10 0 0 10", "0 0 released"]),
        ("7", ["10 0 0 10", "0 0 released"]),
    );
}

#[test]
fn a_settled_hold_is_not_extended() {
    both(
        |account| capture(account, "h", "a", ", 5"),
        |account| extend(account, "h", "b", "1 hour"),
        ("LC007", ["5 0 0 5", "0 5 captured"]),
        ("0", ["10 7 0 3", "7 0 open"]),
    );
    both(
        |account| extend(account, "h", "b", "1 hour"),
        |account| capture(account, "h", "a", ", 5"),
        ("5", ["5 0 0 5", "0 5 captured"]),
        ("5", ["5 0 0 5", "0 5 captured"]),
    );
}

#[test]
fn a_hold_and_a_debit_do_not_both_get_the_last_credits() {
    in_every_way(|db, s, way, account| {
        for (number, (first, second)) in [
            (hold("#", "7", "a"), debit("#", "7", "b")),
            (debit("#", "7", "a"), hold("#", "7", "b")),
            (hold("#", "7", "a"), hold("#", "7", "b")),
        ]
        .into_iter()
        .enumerate()
        {
            for end in ["COMMIT", "ROLLBACK"] {
                // Credits, and headroom of the same size.
                for limit in [false, true] {
                    let account = format!("{account} {number} {end} {limit}");
                    if limit {
                        s.run(&format!("SELECT credits_open_account('{account}', overdraft_limit => 10)"));
                    } else {
                        s.run(&grant(&account, "10", "g"));
                    }
                    let on = |call: &str| call.replace('#', &account);
                    let (_, outcome) = way.play(db, &on(&first), end, &on(&second));
                    if end == "COMMIT" {
                        assert_eq!(refused(outcome, "LC001", way).figure("shortfall"), "4");
                    } else {
                        only(outcome, way).has(&[("amount", "7")]);
                    }
                }
            }
        }
        never_past(s, "7");
        settled(s);
    });
}

#[test]
fn what_a_release_gives_back_is_there_for_who_waits() {
    both(
        |account| release(account, "h", "a"),
        |account| debit(account, "9", "b"),
        ("9", ["1 0 0 1", "0 0 released"]),
        ("LC001", ["10 7 0 3", "7 0 open"]),
    );
}
