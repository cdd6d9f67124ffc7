//! Debits against debits and grants, and one key in two sessions.

use crate::calls::*;

#[test]
fn of_two_debits_with_funds_for_one_just_one_succeeds() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let (first, second) = way.play(db, &debit(account, "7", "a"), "COMMIT", &debit(account, "7", "b"));
        assert_eq!(first[0].get("balance"), "3");
        let e = refused(second, "LC001", way);
        assert!(e.detail.contains("available=3 required=7 shortfall=4"), "{way:?}: {}", e.detail);
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|10|10", "3|debit|-7|3"], "{way:?}");
    });
}

#[test]
fn after_a_rollback_the_other_debit_has_the_funds() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let (_, second) = way.play(db, &debit(account, "7", "a"), "ROLLBACK", &debit(account, "7", "b"));
        let receipt = only(second, way);
        assert_eq!(receipt.get("entry"), "3", "{way:?}");
        assert_eq!(receipt.get("balance"), "3", "{way:?}");
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|10|10", "3|debit|-7|3"], "{way:?}");
    });
}

#[test]
fn a_refusing_debit_that_waited_refuses_by_what_is_left() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let second = format!("SELECT * FROM credits_debit('{account}', 7, 'b', on_insufficient => 'refuse')");
        let receipt = only(way.play(db, &debit(account, "7", "a"), "COMMIT", &second).1, way);
        assert_eq!(receipt.get("accepted"), "f", "{way:?}");
        assert_eq!(receipt.get("refused"), "LC001", "{way:?}");
        assert_eq!(receipt.get("balance"), "3", "{way:?}");
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|10|10", "3|debit|-7|3"], "{way:?}");
    });
}

#[test]
fn a_partial_debit_that_waited_takes_what_is_left() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let second = format!("SELECT * FROM credits_debit('{account}', 7, 'b', on_insufficient => 'partial')");
        let receipt = only(way.play(db, &debit(account, "7", "a"), "COMMIT", &second).1, way);
        assert_eq!(receipt.get("amount"), "3", "{way:?}");
        assert_eq!(receipt.get("balance"), "0", "{way:?}");
        assert_eq!(receipt.get("entry"), "4", "{way:?}");
    });
}

#[test]
fn the_debits_of_two_waiting_sessions_draw_from_the_right_lots() {
    in_every_way(|db, s, way, account| {
        s.run(&format!("SELECT credits_open_account('{account}', 10)"));
        s.run(&grant(account, "10", "g"));
        let (first, second) = way.play(db, &debit(account, "8", "a"), "COMMIT", &debit(account, "8", "b"));
        assert_eq!((first[0].get("from_allowance"), first[0].get("from_credits")), ("8", "0"), "{way:?}");
        let second = only(second, way);
        assert_eq!((second.get("from_allowance"), second.get("from_credits")), ("2", "6"), "{way:?}");
        assert_eq!((second.get("allowance"), second.get("credits")), ("0", "4"), "{way:?}");
    });
}

#[test]
fn one_key_in_two_sessions_has_one_effect_and_one_receipt() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let call = debit(account, "4", "k");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|10|10", "3|debit|-4|6"], "{way:?}");
    });
}

#[test]
fn the_second_use_of_a_key_executes_where_the_first_rolls_back() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let call = debit(account, "4", "k");
        let receipt = only(way.play(db, &call, "ROLLBACK", &call).1, way);
        assert_eq!(receipt.get("replayed"), "f", "{way:?}");
        assert_eq!(receipt.get("entry"), "3", "{way:?}");
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|10|10", "3|debit|-4|6"], "{way:?}");
    });
}

#[test]
fn one_key_of_a_grant_in_two_sessions_grants_once() {
    in_every_way(|db, s, way, account| {
        s.run(&format!("SELECT credits_open_account('{account}')"));
        let call = format!("SELECT * FROM credits_grant('{account}', 4, 'k', 'bonus', payment_ref => 'p {account}')");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|4|4"], "{way:?}");
    });
}

#[test]
fn a_key_used_up_to_the_last_credit_still_replays() {
    // The second session finds an empty account: the key must be looked up before the funds.
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let call = debit(account, "10", "k");
        let (first, second) = way.play(db, &call, "COMMIT", &call);
        assert_replay_of(&first[0], &only(second, way), way);
    });
}

#[test]
fn one_key_with_another_amount_or_operation_is_refused_without_effect() {
    let others: [fn(&str) -> String; 4] = [
        |account| debit(account, "5", "k"),
        |account| grant(account, "4", "k"),
        |account| format!("SELECT * FROM credits_debit('{account}', 4, 'k', actor => 'someone')"),
        |account| format!("SELECT * FROM credits_reset_cycle('{account}', 'k')"),
    ];
    for other in others {
        in_every_way(|db, s, way, account| {
            s.run(&grant(account, "10", "g"));
            let (_, second) = way.play(db, &debit(account, "4", "k"), "COMMIT", &other(account));
            refused(second, "LC003", way);
            assert_eq!(history(s, account), ["1|open|0|0", "2|grant|10|10", "3|debit|-4|6"], "{way:?}");
        });
    }
}

#[test]
fn another_amount_under_a_key_that_rolled_back_executes() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let (_, second) = way.play(db, &debit(account, "4", "k"), "ROLLBACK", &debit(account, "5", "k"));
        assert_eq!(only(second, way).get("balance"), "5", "{way:?}");
    });
}

#[test]
fn a_batch_and_a_single_call_share_one_key() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "10", "g"));
        let batch =
            format!("SELECT * FROM credits_debit_many(ARRAY['{account}','{account}'], ARRAY[1,4], ARRAY['j','k'])");
        // what a batch does by default, a single call has to be told
        let single = format!("SELECT * FROM credits_debit('{account}', 4, 'k', on_insufficient => 'refuse')");
        let (first, second) = way.play(db, &batch, "COMMIT", &single);
        assert_replay_of(&first[1], &only(second, way), way);
        let again = s.rows(&batch);
        assert_replay_of(&first[0], &again[0], way);
        assert_replay_of(&first[1], &again[1], way);
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|10|10", "3|debit|-1|9", "4|debit|-4|5"], "{way:?}");
    });
}

#[test]
fn a_debit_that_waits_for_a_grant_has_its_credits() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "5", "g"));
        let (_, second) = way.play(db, &grant(account, "5", "h"), "COMMIT", &debit(account, "10", "d"));
        assert_eq!(only(second, way).get("balance"), "0", "{way:?}");
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|5|5", "3|grant|5|10", "4|debit|-10|0"], "{way:?}");
    });
}

#[test]
fn a_debit_that_waits_for_a_grant_that_rolls_back_does_not() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "5", "g"));
        let (_, second) = way.play(db, &grant(account, "5", "h"), "ROLLBACK", &debit(account, "10", "d"));
        let e = refused(second, "LC001", way);
        assert!(e.detail.contains("available=5 required=10 shortfall=5"), "{way:?}: {}", e.detail);
        assert_eq!(history(s, account), ["1|open|0|0", "2|grant|5|5"], "{way:?}");
    });
}

#[test]
fn a_grant_that_waits_for_a_debit_into_overdraft_repays_it() {
    in_every_way(|db, s, way, account| {
        s.run(&format!("SELECT credits_open_account('{account}', overdraft_limit => 10)"));
        let (_, second) = way.play(db, &debit(account, "10", "d"), "COMMIT", &grant(account, "15", "g"));
        let receipt = only(second, way);
        assert_eq!((receipt.get("from_credits"), receipt.get("overdraft")), ("5", "-10"), "{way:?}");
        assert_eq!((receipt.get("debt"), receipt.get("credits")), ("0", "5"), "{way:?}");
    });
}

#[test]
fn a_debit_that_waits_for_a_freeze_or_a_close_is_refused() {
    for stop in ["freeze", "close"] {
        in_every_way(|db, s, way, account| {
            s.run(&grant(account, "5", "g"));
            let first = format!("SELECT * FROM credits_{stop}_account('{account}', 'unpaid')");
            let (_, second) = way.play(db, &first, "ROLLBACK", &debit(account, "1", "d"));
            assert_eq!(only(second, way).get("balance"), "4", "{way:?}");
            refused(way.play(db, &first, "COMMIT", &debit(account, "1", "e")).1, "LC011", way);
        });
    }
}

#[test]
fn a_debit_that_waits_for_a_configuration_goes_by_it() {
    in_every_way(|db, s, way, account| {
        s.run(&grant(account, "5", "g"));
        let first = format!("SELECT * FROM credits_configure_account('{account}', overdraft_limit => 3)");
        let receipt = only(way.play(db, &first, "COMMIT", &debit(account, "8", "d")).1, way);
        assert_eq!((receipt.get("overdraft"), receipt.get("debt")), ("3", "3"), "{way:?}");
    });
}
