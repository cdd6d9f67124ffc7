//! The first touch of a new account.

use crate::calls::*;
use crate::interleave::LEVELS;
use credits_ledger_tests::{Row, Server};
use std::sync::{Arc, Barrier};

#[test]
fn two_first_grants_open_the_account_once() {
    in_every_way(|db, s, way, account| {
        let (first, second) = way.play(db, &grant(account, "4", "a"), "COMMIT", &grant(account, "5", "b"));
        assert_eq!(first[0].get("entry"), "2", "{way:?}");
        let second = only(second, way);
        assert_eq!((second.get("entry"), second.get("balance")), ("3", "9"), "{way:?}");
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|4|4", "3|grant|5|9"], "{way:?}");
    });
}

#[test]
fn a_first_grant_that_rolls_back_leaves_the_opening_to_the_other() {
    in_every_way(|db, s, way, account| {
        let (_, second) = way.play(db, &grant(account, "4", "a"), "ROLLBACK", &grant(account, "5", "b"));
        let second = only(second, way);
        assert_eq!((second.get("entry"), second.get("balance")), ("2", "5"), "{way:?}");
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|5|5"], "{way:?}");
    });
}

#[test]
fn one_key_on_a_new_account_grants_once() {
    in_every_way(|db, s, way, account| {
        let call = grant(account, "4", "k");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|4|4"], "{way:?}");
    });
}

#[test]
fn opening_twice_at_once_opens_once() {
    in_every_way(|db, s, way, account| {
        let call = format!("SELECT * FROM credits_open_account('{account}', 100)");
        let (_, second) = way.play(db, &call, "COMMIT", &call);
        let second = only(second, way);
        assert_eq!((second.get("allowance"), second.get("entry")), ("100", "2"), "{way:?}");
        assert_eq!(history(s, account), ["1|open|0|0", "2|allowance|100|100"], "{way:?}");
    });
}

#[test]
fn opening_at_once_with_other_settings_is_refused() {
    in_every_way(|db, s, way, account| {
        let first = format!("SELECT * FROM credits_open_account('{account}', 100)");
        let second = format!("SELECT * FROM credits_open_account('{account}', 200)");
        refused(way.play(db, &first, "COMMIT", &second).1, "LC005", way);
        assert_eq!(history(s, account), ["1|open|0|0", "2|allowance|100|100"], "{way:?}");
    });
}

#[test]
fn a_grant_that_waits_for_the_opening_grants_to_the_opened_account() {
    in_every_way(|db, s, way, account| {
        let open = format!("SELECT * FROM credits_open_account('{account}', 100)");
        let receipt = only(way.play(db, &open, "COMMIT", &grant(account, "5", "g")).1, way);
        assert_eq!((receipt.get("allowance"), receipt.get("credits")), ("100", "5"), "{way:?}");
        assert_eq!(history(s, account), ["1|open|0|0", "2|allowance|100|100", "3|grant|5|105"], "{way:?}");
    });
}

#[test]
fn an_opening_that_waits_for_a_first_grant_gives_its_settings_once() {
    in_every_way(|db, s, way, account| {
        let open = format!("SELECT * FROM credits_open_account('{account}', 100)");
        let opened = only(way.play(db, &grant(account, "5", "g"), "COMMIT", &open).1, way);
        assert_eq!((opened.get("allowance"), opened.get("credits")), ("100", "5"), "{way:?}");
        let other = s.error(&format!("SELECT credits_open_account('{account}', 200)"));
        assert_eq!(other.code, "LC005", "{way:?}");
    });
}

#[test]
fn a_debit_of_an_account_not_yet_committed_sees_it_or_does_not() {
    // The debit may wait for the opening or not; what it may not do is to take credits from nothing.
    in_every_way(|db, s, way, account| {
        let (_, second) = way.play(db, &grant(account, "5", "g"), "ROLLBACK", &debit(account, "5", "d"));
        refused(second, "LC002", way);
        assert_eq!(history(s, account), Vec::<String>::new(), "{way:?}");
    });
}

#[test]
fn many_sessions_touch_a_new_account_first() {
    const SESSIONS: usize = 8;
    let db = Server::shared().database();
    let mut s = db.session();
    for (round, level) in LEVELS.into_iter().cycle().take(9).enumerate() {
        let account = format!("new{round}");
        let start = Arc::new(Barrier::new(SESSIONS));
        let threads: Vec<_> = (0..SESSIONS)
            .map(|i| {
                let (mut session, start, account) = (db.session(), start.clone(), account.clone());
                std::thread::spawn(move || {
                    session.run(&format!("SET default_transaction_isolation = '{level}'"));
                    start.wait();
                    // two sessions share each key
                    until_serialized(&mut session, &grant(&account, "1", &format!("k{}", i / 2)))
                })
            })
            .collect();
        let receipts: Vec<Row> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        let replayed = receipts.iter().filter(|r| r.get("replayed") == "t").count();
        assert_eq!(replayed, SESSIONS / 2, "{level}");
        assert_eq!(
            history(&mut s, &account),
            ["1|open|0|0", "2|grant|1|1", "3|grant|1|2", "4|grant|1|3", "5|grant|1|4"],
            "{level}"
        );
    }
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}
