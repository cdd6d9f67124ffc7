//! Setting budgets: in the middle of a period, raised, lowered, removed; what cannot be set.

use crate::calls::*;
use credits_ledger_tests::Session;

fn entries(s: &mut Session) -> String {
    s.one("SELECT count(*) FROM credits_history WHERE account = 'a'")
}

#[test]
fn a_budget_set_in_mid_period_counts_what_was_drawn_since_it_began() {
    scenario(|s| {
        s.run("SELECT credits_define_rate('chat', 2)");
        // In the cycle, and in this order in the month, the day and the hour.
        draw(s, "1", "d1", ", 'chat', 'ann'");
        s.run("SELECT credits_reset_cycle('a', 'evt_1', '2026-01-10 12:00+00')");
        s.at("2026-01-20 00:00+00");
        draw(s, "2", "d2", ", 'chat', 'ann'");
        s.run("SELECT credits_charge('a', 'chat', 2, 'c1', 'bob')");
        s.at("2026-01-25 09:59:59.999999+00");
        draw(s, "8", "d3", ", 'image', 'ann'");
        s.at("2026-01-25 10:00+00");
        draw(s, "16", "d4", ", 'image'");
        s.row(&debit("32", "d5", ", 'chat', 'ann', on_insufficient => 'allow'")).has(&[("accepted", "t")]);
        s.row(&debit("5000", "no", ", 'chat', 'ann', on_insufficient => 'refuse'")).has(&[("accepted", "f")]);
        s.at("2026-01-25 10:40+00");
        for (call, used) in [
            ("1000", "62"),
            ("1000, 'hour'", "48"),
            ("1000, 'day'", "56"),
            ("1000, 'month'", "63"),
            ("1000, 'month', 'ann'", "43"),
            ("1000, 'cycle', 'ann'", "42"),
            ("1000, 'day', feature => 'chat'", "32"),
            ("1000, 'month', 'ann', 'chat'", "35"),
            ("1000, 'month', 'dan'", "0"),
            ("1000, 'month', 'bob', 'image'", "0"),
        ] {
            s.row(&format!("SELECT * FROM credits_set_budget('a', {call})")).has(&[("used", used)]);
        }
        s.run("SELECT credits_set_budget('a', 1000, 'month', '*', 'chat')");
        assert_eq!(
            budgets(s),
            [
                "cycle - -|1000 62 938",
                "cycle ann -|1000 42 958",
                "day - -|1000 56 944",
                "day - chat|1000 32 968",
                "hour - -|1000 48 952",
                "month - -|1000 63 937",
                "month * chat|1000 35 965 ann",
                "month * chat|1000 4 996 bob",
                "month ann -|1000 43 957",
                "month ann chat|1000 35 965",
                "month bob image|1000 0 1000",
                "month dan -|1000 0 1000",
            ]
        );
        // It binds at once: ann has drawn 35 on chat this month.
        s.run("SELECT credits_set_budget('a', 36, 'month', '*', 'chat')");
        assert_eq!(over(s, "2", ", 'chat', 'ann'").figure("used"), "35");
        draw(s, "32", "d6", ", 'chat', 'bob'");
        assert_eq!(over(s, "1", ", 'chat', 'bob'").figure("used"), "36");
    });
}

/// Most of what counts may have been drawn by the very statement that sets the budget.
#[test]
fn a_budget_counts_what_its_own_statement_drew() {
    scenario(|s| {
        s.at("2026-02-20 09:30+00");
        for (period, number, used) in [("hour", 9, "9"), ("day", 5, "14"), ("month", 6, "20"), ("cycle", 4, "24")] {
            s.row(&format!(
                "SELECT b.* FROM (
                     SELECT max(d.account) AS account
                     FROM generate_series(1, {number}) n, credits_debit('a', 1, '{period} ' || n) d
                 ) drawn
                 CROSS JOIN LATERAL credits_set_budget(drawn.account, 50, '{period}') b"
            ))
            .has(&[("period", period), ("used", used)]);
        }
        assert_eq!(budgets(s), ["cycle - -|50 24 26", "day - -|50 24 26", "hour - -|50 24 26", "month - -|50 24 26"]);
    });
}

#[test]
fn a_budget_raised_gives_room() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10, 'day', '*')");
        draw(s, "10", "d1", ", actor => 'ann'");
        over(s, "1", ", actor => 'ann'");
        s.run("SELECT credits_set_budget('a', 10.5, 'day', '*')");
        assert_eq!(budgets(s), ["day * -|10.5 10 0.5 ann"]);
        over(s, "0.500001", ", actor => 'ann'");
        draw(s, "0.5", "d2", ", actor => 'ann'");
        draw(s, "10.5", "d3", ", actor => 'bob'");
    });
}

#[test]
fn a_budget_lowered_below_what_was_used_takes_nothing_back() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10)");
        draw(s, "8", "d1", "");
        s.row("SELECT * FROM credits_set_budget('a', 5)").has(&[
            ("budget_limit", "5"),
            ("used", "8"),
            ("remaining", "0"),
        ]);
        assert_eq!(budgets(s), ["cycle - -|5 8 0"]);
        let error = over(s, "0.000001", "");
        assert_eq!((error.figure("budget_limit"), error.figure("used"), error.figure("remaining")), ("5", "8", "0"));
        assert_eq!(s.one("SELECT balance FROM credits_balance('a')"), "992");
        s.at("2026-02-01 00:00+00");
        draw(s, "5", "d2", "");
        over(s, "1", "");
    });
}

#[test]
fn a_budget_removed_binds_no_more_and_set_again_knows_what_was_drawn() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10, 'month', 'ann'), credits_set_budget('a', 20, 'month', '*')");
        draw(s, "10", "d1", ", actor => 'ann'");
        s.row("SELECT * FROM credits_set_budget('a', NULL, 'month', 'ann')").has(&[
            ("account", "a"),
            ("budget_limit", "NULL"),
            ("period", "month"),
            ("actor", "ann"),
            ("feature", "NULL"),
        ]);
        assert_eq!(budgets(s), ["month * -|20 10 10 ann"]);
        draw(s, "10", "d2", ", actor => 'ann'");
        s.run("SELECT credits_set_budget('a', period => 'month', actor => '*')");
        assert_eq!(budgets(s), Vec::<String>::new());
        draw(s, "100", "d3", ", actor => 'ann'");
        s.row("SELECT * FROM credits_set_budget('a', 10, 'month', 'ann')").has(&[("used", "120"), ("remaining", "0")]);
        over(s, "1", ", actor => 'ann'");
        draw(s, "1", "d4", ", actor => 'bob'");
    });
}

#[test]
fn a_budget_is_told_from_others_by_period_actor_and_feature() {
    scenario(|s| {
        let all = [
            "'cycle'",
            "'hour'",
            "'day'",
            "'month'",
            "'day', 'ann'",
            "'day', 'Ann'",
            "'day', '*'",
            "'day', NULL, 'ann'",
            "'day', NULL, '*'",
            "'day', 'ann', 'chat'",
            "'day', '*', 'chat'",
        ];
        for (n, identity) in all.iter().enumerate() {
            s.run(&format!("SELECT credits_set_budget('a', {n}, {identity})"));
        }
        let limits = |s: &mut Session| {
            s.one("SELECT string_agg(trim_scale(budget_limit)::text, ' ' ORDER BY budget_limit) FROM credits_budgets")
        };
        assert_eq!(limits(s), "0 1 2 3 4 5 6 7 8 9 10");
        for (n, identity) in all.iter().enumerate() {
            s.row(&format!("SELECT * FROM credits_set_budget('a', {}, {identity})", n + 100))
                .has(&[("budget_limit", &(n + 100).to_string())]);
        }
        assert_eq!(limits(s), "100 101 102 103 104 105 106 107 108 109 110");
        for identity in [all[4], all[6], all[2], all[10]] {
            s.run(&format!("SELECT credits_set_budget('a', NULL, {identity})"));
        }
        assert_eq!(limits(s), "100 101 103 105 107 108 109");
        // NULL for an argument with a default is that default; '*' is a name like others among the features.
        s.run("SELECT credits_set_budget('a', 7, NULL, NULL, NULL)");
        assert_eq!(limits(s), "7 101 103 105 107 108 109");
        draw(s, "5", "d", ", '*', 'ann'");
        assert_eq!(s.list("SELECT trim_scale(used) FROM credits_budgets WHERE feature = '*'"), ["5"]);
    });
}

#[test]
fn each_change_is_one_entry_and_what_changes_nothing_is_none() {
    scenario(|s| {
        let start: u32 = entries(s).parse().unwrap();
        for (call, changes) in [
            ("10", 1),
            ("10", 0),
            ("10.000000, 'cycle'", 0),
            ("11", 1),
            ("11, 'day'", 1),
            ("NULL, 'day'", 1),
            ("NULL, 'day'", 0),
            ("NULL, 'month', 'ann'", 0),
            ("5, 'month', '*'", 1),
            ("5, 'month', '*'", 0),
            ("0, 'month', '*'", 1),
        ] {
            let before: u32 = entries(s).parse().unwrap();
            assert_eq!(s.rows(&format!("SELECT * FROM credits_set_budget('a', {call})")).len(), 1, "{call}");
            assert_eq!(entries(s).parse::<u32>().unwrap() - before, changes, "{call}");
        }
        assert_eq!(
            s.list(&format!(
                "SELECT DISTINCT operation, trim_scale(amount), balance, idempotency_key FROM credits_history
                 WHERE account = 'a' AND entry > {start}"
            )),
            ["configure|0|1000|NULL"]
        );
    });
}

#[test]
fn one_row_comes_back_however_many_have_used_it() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10, 'day', '*')");
        for actor in ["ann", "bob", "cid"] {
            draw(s, "3", actor, &format!(", actor => '{actor}'"));
        }
        for limit in ["12", "12", "NULL", "NULL"] {
            s.row(&format!("SELECT * FROM credits_set_budget('a', {limit}, 'day', '*')")).has(&[
                ("budget_limit", limit),
                ("actor", "*"),
                ("period", "day"),
            ]);
        }
    });
}

#[test]
fn what_cannot_be_set() {
    scenario(|s| {
        for (call, code) in [
            ("'a', -1", "LC004"),
            ("'a', 0.0000001", "LC004"),
            ("'a', 'NaN'", "LC004"),
            ("'a', 'Infinity'", "LC004"),
            ("'a', 100000000000000", "LC004"),
            ("'a', 1, 'week'", "LC005"),
            ("'a', 1, 'Day'", "LC005"),
            ("'a', 1, ''", "LC005"),
            ("'a', 1, 'day', ''", "LC005"),
            ("'a', 1, 'day', E'tab\\t'", "LC005"),
            ("'a', 1, 'day', repeat('x', 256)", "LC005"),
            ("'a', 1, 'day', 'ann', ''", "LC005"),
            ("'a', 1, 'day', 'ann', E'line\\n'", "LC005"),
            ("'a', 1, 'day', 'ann', repeat('x', 256)", "LC005"),
            ("NULL, 1", "LC005"),
            ("'', 1", "LC005"),
            ("'nobody', 1", "LC002"),
            ("'nobody', NULL", "LC002"),
            ("'nobody', 1, 'week'", "LC005"),
        ] {
            let error = s.error(&format!("SELECT credits_set_budget({call})"));
            assert_eq!(error.code, code, "{call}: {error}");
        }
        assert_eq!(s.one("SELECT count(*) FROM credits_budgets"), "0");
        assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "1");
        // 255 bytes are a name.
        s.run("SELECT credits_set_budget('a', 1, 'day', repeat('x', 255), repeat('ß', 127))");
    });
}

#[test]
fn a_frozen_account_takes_budgets_and_a_closed_one_does_not() {
    scenario(|s| {
        s.run("SELECT credits_freeze_account('a', 'unpaid')");
        s.row("SELECT * FROM credits_set_budget('a', 5)").has(&[("budget_limit", "5")]);
        s.run("SELECT credits_unfreeze_account('a')");
        over(s, "6", "");
        draw(s, "4", "d1", "");
        s.run("SELECT credits_close_account('a', 'moved away')");
        assert_eq!(s.error("SELECT credits_set_budget('a', 6)").code, "LC011");
        assert_eq!(s.error("SELECT credits_set_budget('a')").code, "LC011");
        s.row(&debit("4", "d1", "")).has(&[("replayed", "t")]);
        assert_eq!(s.error(&debit("6", "d2", "")).code, "LC011");
    });
}

#[test]
fn a_change_that_is_rolled_back_was_never_made() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10)");
        draw(s, "4", "d1", "");
        s.run("BEGIN; SELECT credits_set_budget('a', 5), credits_set_budget('a', 1, 'day')");
        assert_eq!(s.error(&debit("3", "d2", "")).code, "LC012");
        s.run("ROLLBACK");
        assert_eq!(budgets(s), ["cycle - -|10 4 6"]);
        s.run("BEGIN; SELECT credits_set_budget('a')");
        draw(s, "50", "d2", "");
        s.run("ROLLBACK");
        assert_eq!(budgets(s), ["cycle - -|10 4 6"]);
        over(s, "7", "");
    });
}
