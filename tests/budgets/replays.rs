//! Replays and rollbacks: a request counts once or not at all.

use crate::calls::*;

#[test]
fn a_replay_is_answered_whatever_the_budget_says_now() {
    scenario(|s| {
        s.run("SELECT credits_define_rate('chat', 2)");
        draw(s, "4", "before", ", actor => 'ann'");
        s.run("SELECT credits_set_budget('a', 10, actor => 'ann')");
        let calls = [
            debit("4", "before", ", actor => 'ann'"),
            debit("3", "within", ", actor => 'ann'"),
            "SELECT * FROM credits_charge('a', 'chat', 1, 'priced', 'ann')".to_owned(),
            debit("5", "allowed", ", actor => 'ann', on_insufficient => 'allow'"),
        ];
        let originals: Vec<_> = calls.iter().map(|call| s.row(call)).collect();
        assert_eq!(budgets(s), ["cycle ann -|10 14 0"]);
        let entries = s.one("SELECT count(*) FROM credits_history");
        let limits = [
            "SELECT 'as it is'",
            "SELECT credits_set_budget('a', 0, actor => 'ann')",
            "SELECT credits_set_budget('a', actor => 'ann')",
        ];
        for (n, change) in limits.into_iter().enumerate() {
            s.run(change);
            for (call, original) in calls.iter().zip(&originals) {
                let replay = s.row(call);
                assert_eq!(replay.get("replayed"), "t", "{change}: {call}");
                for column in ["entry", "accepted", "refused", "amount", "balance", "recorded_at"] {
                    assert_eq!(replay.get(column), original.get(column), "{change}: {call}: {column}");
                }
            }
            // Each change is an entry, replays are none.
            assert_eq!(
                s.one("SELECT count(*) FROM credits_history").parse::<usize>(),
                entries.parse::<usize>().map(|entries| entries + n)
            );
        }
        // Set again, it counts each of them once.
        s.run("SELECT credits_set_budget('a', 20, actor => 'ann')");
        assert_eq!(budgets(s), ["cycle ann -|20 14 6"]);
    });
}

#[test]
fn the_key_of_a_refused_request_is_free_for_another() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10)");
        over(s, "11", "");
        s.row(&debit("12", "refused", ", on_insufficient => 'refuse'")).has(&[("refused", "LC012")]);
        draw(s, "10", "refused", ", 'chat'");
        assert_eq!(s.error(&debit("11", "refused", "")).code, "LC003");
        s.row(&debit("10", "refused", ", 'chat'")).has(&[("replayed", "t")]);
        assert_eq!(budgets(s), ["cycle - -|10 10 0"]);
    });
}

#[test]
fn what_is_rolled_back_was_never_drawn() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10, 'day', '*')");
        s.run("BEGIN");
        draw(s, "9", "d1", ", actor => 'ann'");
        s.run("ROLLBACK");
        assert_eq!(budgets(s), ["day * -|10 0 10 nobody"]);
        s.run("BEGIN");
        draw(s, "2", "d1", ", actor => 'ann'");
        s.run("SAVEPOINT p");
        draw(s, "8", "d2", ", actor => 'ann'");
        s.run("SELECT credits_set_budget('a', 100, 'day', '*')");
        draw(s, "50", "d3", ", actor => 'ann'");
        s.run("ROLLBACK TO SAVEPOINT p");
        s.run("SAVEPOINT q");
        assert_eq!(s.error(&debit("9", "d2", ", actor => 'ann'")).code, "LC012");
        s.run("ROLLBACK TO SAVEPOINT q");
        draw(s, "8", "d2", ", actor => 'ann'");
        s.run("COMMIT");
        assert_eq!(budgets(s), ["day * -|10 10 0 ann"]);
        over(s, "1", ", actor => 'ann'");
    });
}

#[test]
fn a_refused_debit_in_an_exception_block_leaves_no_use() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10)");
        s.run(
            "DO $$ BEGIN
                 PERFORM credits_debit('a', 6, 'd1');
                 BEGIN
                     PERFORM credits_debit('a', 4, 'd2');
                     PERFORM credits_debit('a', 1, 'd3');
                 EXCEPTION WHEN SQLSTATE 'LC012' THEN
                     PERFORM credits_debit('a', 3, 'd3');
                 END;
             END $$",
        );
        assert_eq!(s.list("SELECT idempotency_key FROM credits_history WHERE operation = 'debit'"), ["d1", "d3"]);
        assert_eq!(budgets(s), ["cycle - -|10 9 1"]);
    });
}
