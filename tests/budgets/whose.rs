//! Whose budget it is: an actor's, each actor's, a feature's, both, the account's; one or several at once.

use crate::calls::*;
use credits_ledger_tests::Session;

#[test]
fn the_budget_of_an_actor_binds_nobody_else() {
    scenario(|s| {
        s.row("SELECT * FROM credits_set_budget('a', 10, actor => 'ann')").has(&[
            ("account", "a"),
            ("budget_limit", "10"),
            ("period", "cycle"),
            ("actor", "ann"),
            ("feature", "NULL"),
            ("used", "0"),
            ("remaining", "10"),
            ("period_start", "2026-01-01 00:00:00+00"),
            ("period_end", "2026-02-01 00:00:00+00"),
        ]);
        draw(s, "7.5", "d1", ", actor => 'ann'");
        draw(s, "20", "d2", ", actor => 'bob'");
        draw(s, "30", "d3", "");
        assert_eq!(budgets(s), ["cycle ann -|10 7.5 2.5"]);
        let error = over(s, "2.500001", ", actor => 'ann'");
        for (name, value) in [
            ("budget_limit", "10"),
            ("used", "7.5"),
            ("required", "2.500001"),
            ("remaining", "2.5"),
            ("period", "cycle"),
        ] {
            assert_eq!(error.figure(name), value, "{error}");
        }
        // The budget can be used up to its last part.
        draw(s, "2.5", "d4", ", 'chat', 'ann', 'document'");
        assert_eq!(budgets(s), ["cycle ann -|10 10 0"]);
        over(s, "0.000001", ", actor => 'ann'");
        draw(s, "0.000001", "d5", ", actor => 'bob'");
    });
}

#[test]
fn names_are_compared_bytewise() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 1, actor => 'ann', feature => 'chat')");
        for (n, rest) in [
            "'chat', 'Ann'",
            "'chat', ' ann'",
            "'chat', 'ann '",
            "'Chat', 'ann'",
            "'chat ', 'ann'",
            "'chat', 'annn'",
            "NULL, 'ann'",
            "'chat', NULL",
            "'ann', 'chat'",
        ]
        .into_iter()
        .enumerate()
        {
            draw(s, "5", &format!("d{n}"), &format!(", {rest}"));
        }
        over(s, "5", ", 'chat', 'ann'");
        assert_eq!(budgets(s), ["cycle ann chat|1 0 1"]);
    });
}

#[test]
fn the_budget_of_a_feature_binds_all_who_use_it() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10, feature => 'chat')");
        draw(s, "4", "d1", ", 'chat', 'ann'");
        draw(s, "4", "d2", ", 'chat', 'bob'");
        draw(s, "1", "d3", ", 'chat'");
        draw(s, "50", "d4", ", 'image', 'ann'");
        draw(s, "50", "d5", "");
        assert_eq!(budgets(s), ["cycle - chat|10 9 1"]);
        for actor in ["'ann'", "'bob'", "'cid'", "NULL"] {
            assert_eq!(over(s, "2", &format!(", 'chat', {actor}")).figure("used"), "9");
        }
        draw(s, "1", "d6", ", 'chat', 'cid'");
    });
}

#[test]
fn the_budget_of_both_binds_one_actors_use_of_one_feature() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10, actor => 'ann', feature => 'chat')");
        draw(s, "10", "d1", ", 'chat', 'ann'");
        draw(s, "20", "d2", ", 'image', 'ann'");
        draw(s, "30", "d3", ", 'chat', 'bob'");
        draw(s, "40", "d4", ", 'chat'");
        draw(s, "50", "d5", ", actor => 'ann'");
        assert_eq!(budgets(s), ["cycle ann chat|10 10 0"]);
        over(s, "1", ", 'chat', 'ann'");
    });
}

#[test]
fn a_budget_for_each_actor_gives_each_its_own_and_those_who_are_none_one() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10, actor => '*')");
        // One row, while nobody has used it.
        assert_eq!(budgets(s), ["cycle * -|10 0 10 nobody"]);
        draw(s, "10", "d1", ", actor => 'ann'");
        draw(s, "6", "d2", ", 'chat', 'bob'");
        draw(s, "3", "d3", ", 'image', 'bob'");
        draw(s, "8", "d4", "");
        draw(s, "1", "d5", ", 'chat'");
        assert_eq!(budgets(s), ["cycle * -|10 9 1 nobody", "cycle * -|10 10 0 ann", "cycle * -|10 9 1 bob"]);
        assert_eq!(over(s, "1", ", actor => 'ann'").figure("remaining"), "0");
        assert_eq!(over(s, "2", ", actor => 'bob'").figure("remaining"), "1");
        assert_eq!(over(s, "2", "").figure("remaining"), "1");
        draw(s, "10", "d6", ", actor => 'cid'");
        draw(s, "1", "d7", ", actor => 'bob'");
        draw(s, "1", "d8", ", 'image'");
    });
}

#[test]
fn a_budget_for_each_actor_of_a_feature_leaves_other_features_free() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10, 'cycle', '*', 'chat')");
        draw(s, "10", "d1", ", 'chat', 'ann'");
        draw(s, "50", "d2", ", 'image', 'ann'");
        draw(s, "50", "d3", ", NULL, 'ann'");
        draw(s, "4", "d4", ", 'chat', 'bob'");
        draw(s, "5", "d5", ", 'chat'");
        assert_eq!(budgets(s), ["cycle * chat|10 5 5 nobody", "cycle * chat|10 10 0 ann", "cycle * chat|10 4 6 bob"]);
        over(s, "1", ", 'chat', 'ann'");
        over(s, "7", ", 'chat', 'bob'");
        over(s, "6", ", 'chat'");
    });
}

#[test]
fn the_budget_of_the_account_binds_everything() {
    scenario(|s| {
        s.row("SELECT * FROM credits_set_budget('a', 10)").has(&[("actor", "NULL"), ("feature", "NULL")]);
        draw(s, "1", "d1", "");
        draw(s, "2", "d2", ", 'chat'");
        draw(s, "3", "d3", ", actor => 'ann'");
        draw(s, "4", "d4", ", 'image', 'bob'");
        assert_eq!(budgets(s), ["cycle - -|10 10 0"]);
        for rest in ["", ", 'chat'", ", actor => 'ann'", ", 'new', 'new'"] {
            over(s, "0.000001", rest);
        }
    });
}

#[test]
fn another_account_has_budgets_of_its_own() {
    scenario(|s| {
        s.run("SELECT credits_grant('b', 100, 'g')");
        s.run("SELECT credits_set_budget('a', 1, actor => 'ann')");
        s.run("SELECT credits_set_budget('b', 50, actor => 'ann')");
        s.row("SELECT * FROM credits_debit('b', 40, 'd', actor => 'ann')").has(&[("accepted", "t")]);
        assert_eq!(budgets(s), ["cycle ann -|1 0 1"]);
        let error = s.error("SELECT credits_debit('b', 11, 'e', actor => 'ann')");
        assert_eq!((error.code.as_str(), error.figure("used")), ("LC012", "40"));
        over(s, "2", ", actor => 'ann'");
    });
}

#[test]
fn of_several_budgets_the_tightest_binds_and_each_counts() {
    scenario(|s| {
        for call in [
            "100",
            "30, feature => 'chat'",
            "20, actor => 'ann'",
            "12, actor => 'ann', feature => 'chat'",
            "15, actor => '*'",
            "9, 'day', '*', 'chat'",
        ] {
            s.run(&format!("SELECT credits_set_budget('a', {call})"));
        }
        // Account 100, chat 30, ann 20, each 15, ann's chat 12, each one's chat of a day 9.
        let error = over(s, "9.5", ", 'chat', 'ann'");
        assert_eq!((error.figure("budget_limit"), error.figure("period")), ("9", "day"), "{error}");
        draw(s, "9", "d1", ", 'chat', 'ann'");
        s.at("2026-01-11 12:00+00");
        let error = over(s, "4", ", 'chat', 'ann'");
        assert_eq!((error.figure("budget_limit"), error.figure("remaining")), ("12", "3"), "{error}");
        draw(s, "3", "d2", ", 'chat', 'ann'");
        let error = over(s, "4", ", 'image', 'ann'");
        assert_eq!((error.figure("budget_limit"), error.figure("remaining")), ("15", "3"), "{error}");
        s.run("SELECT credits_set_budget('a', 100, actor => '*')");
        let error = over(s, "9", ", 'image', 'ann'");
        assert_eq!((error.figure("budget_limit"), error.figure("remaining")), ("20", "8"), "{error}");
        draw(s, "8", "d3", ", 'image', 'ann'");
        draw(s, "9", "d4", ", 'chat', 'bob'");
        draw(s, "8", "d5", ", 'chat'");
        let error = over(s, "2", ", 'chat', 'cid'");
        assert_eq!((error.figure("budget_limit"), error.figure("remaining")), ("30", "1"), "{error}");
        draw(s, "63", "d6", ", actor => 'bob'");
        let error = over(s, "1", ", actor => 'dan'");
        assert_eq!((error.figure("budget_limit"), error.figure("used")), ("100", "100"), "{error}");
        assert_eq!(
            budgets(s),
            [
                "cycle - -|100 100 0",
                "cycle - chat|30 29 1",
                "cycle * -|100 8 92 nobody",
                "cycle * -|100 20 80 ann",
                "cycle * -|100 72 28 bob",
                "cycle ann -|20 20 0",
                "cycle ann chat|12 12 0",
                "day * chat|9 8 1 nobody",
                "day * chat|9 3 6 ann",
                "day * chat|9 9 0 bob",
            ]
        );
    });
}

#[test]
fn a_debit_that_one_budget_refuses_counts_on_none() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 100), credits_set_budget('a', 50, 'day', '*')");
        s.run("SELECT credits_set_budget('a', 5, 'hour', feature => 'chat')");
        draw(s, "3", "d1", ", 'chat', 'ann'");
        for _ in 0..20 {
            over(s, "10", ", 'chat', 'ann'");
        }
        draw(s, "47", "d2", ", 'image', 'ann'");
        assert_eq!(budgets(s), ["cycle - -|100 50 50", "day * -|50 50 0 ann", "hour - chat|5 3 2"]);
    });
}

#[test]
fn many_budgets_on_one_account() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', n, 'day', 'actor ' || n) FROM generate_series(1, 40) n");
        s.run("SELECT credits_set_budget('a', 100 + n, 'month', feature => 'feature ' || n) FROM generate_series(1, 40) n");
        for n in [1, 17, 40] {
            draw(s, &n.to_string(), &format!("d{n}"), &format!(", 'feature {n}', 'actor {n}'"));
            let error = over(s, "1", &format!(", 'feature {n}', 'actor {n}'"));
            assert_eq!(error.figure("budget_limit"), n.to_string());
        }
        assert_eq!(
            s.list("SELECT period, sum(budget_limit), sum(used), count(*) FROM credits_budgets GROUP BY 1 ORDER BY 1"),
            ["day|820|58|40", "month|4820|58|40"]
        );
    });
}

/// What the debits of one actor read, as the server counts it.
struct Read {
    /// Rows of the tables of budgets and of their use.
    rows: i64,
    /// Blocks of all tables and indexes.
    blocks: i64,
}

/// A debit of 1 by an actor, and what it read; the debit is taken back.
fn what_a_debit_reads(s: &mut Session, actor: &str) -> Read {
    const ROWS: &str = "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables
                        WHERE schemaname = 'credits_ledger' AND relname IN ('budgets', 'budget_use')";
    let call = format!("credits_debit('a', 1, 'measured', actor => '{actor}')");
    s.run("BEGIN");
    let before: i64 = s.one(ROWS).parse().expect("a number");
    s.row(&format!("SELECT * FROM {call}")).has(&[("accepted", "t")]);
    let rows = s.one(ROWS).parse::<i64>().expect("a number") - before;
    s.run("ROLLBACK; BEGIN");
    let explained = s.list(&format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) SELECT * FROM {call}"));
    s.run("ROLLBACK");
    let buffers = explained.iter().find(|line| line.contains("Buffers:")).expect("EXPLAIN counts buffers");
    let blocks = buffers
        .split([' ', '='])
        .zip(buffers.split([' ', '=']).skip(1))
        .filter(|(what, _)| ["hit", "read"].contains(what))
        .map(|(_, number)| number.parse::<i64>().expect("a number"))
        .sum();
    Read { rows, blocks }
}

/// A debit looks for the budgets and the use of its own actor. That thousands of others have used a budget, or have
/// budgets of their own, is nothing that it reads.
#[test]
fn a_debit_does_not_read_the_budgets_of_others() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 100, 'month'), credits_set_budget('a', 10, 'month', '*')");
        draw(s, "1", "d1", ", actor => 'ann'");
        let few = what_a_debit_reads(s, "ann");
        // Users of an earlier month: what they used is over, and their rows stay.
        s.run(
            "INSERT INTO credits_ledger.budget_use (account, budget, actor, cycle, period_start, used)
             SELECT 'a', budget, 'actor ' || n, 1, '2025-12-01 00:00+00', 1
             FROM credits_ledger.budgets, generate_series(1, 20000) n WHERE actor = '*'",
        );
        s.run("SELECT count(*) FROM generate_series(1, 1000) n, credits_set_budget('a', 5, 'day', 'other ' || n)");
        for analyzed in [false, true] {
            if analyzed {
                s.run("ANALYZE credits_ledger.budgets, credits_ledger.budget_use");
            }
            for actor in ["ann", "actor 17", "other 17", "nobody"] {
                let many = what_a_debit_reads(s, actor);
                assert!(many.blocks <= few.blocks + 60, "{actor}: {} blocks, were {}", many.blocks, few.blocks);
                // Until it has statistics, the server may take the few budgets of one account for fewer than they are.
                assert!(!analyzed || many.rows <= few.rows + 2, "{actor}: {} rows, were {}", many.rows, few.rows);
            }
        }
    });
}
