//! `on_insufficient` where a budget is in the way, limits down to 0, and which error comes first.

use crate::calls::*;
use credits_ledger_tests::Session;

/// A budget of 10 for ann, of which 8 are used.
fn two_left(s: &mut Session) {
    s.run("SELECT credits_set_budget('a', 10, actor => 'ann')");
    draw(s, "8", "first", ", actor => 'ann'");
}

#[test]
fn error_refuses_the_whole() {
    scenario(|s| {
        two_left(s);
        for mode in ["", ", on_insufficient => 'error'", ", on_insufficient => NULL"] {
            let error = over(s, "3", &format!(", actor => 'ann'{mode}"));
            assert_eq!((error.figure("required"), error.figure("remaining")), ("3", "2"), "{error}");
        }
        assert_eq!(budgets(s), ["cycle ann -|10 8 2"]);
    });
}

#[test]
fn refuse_returns_and_records_nothing() {
    scenario(|s| {
        two_left(s);
        let refuse = debit("3", "k", ", actor => 'ann', on_insufficient => 'refuse'");
        for _ in 0..2 {
            s.row(&refuse).has(&[
                ("account", "a"),
                ("entry", "NULL"),
                ("operation", "debit"),
                ("idempotency_key", "k"),
                ("accepted", "f"),
                ("refused", "LC012"),
                ("replayed", "f"),
                ("amount", "0"),
                ("from_allowance", "0"),
                ("from_credits", "0"),
                ("overdraft", "0"),
                ("balance", "992"),
                ("available", "992"),
            ]);
        }
        assert_eq!(s.one("SELECT max(entry) FROM credits_history WHERE account = 'a'"), "4");
        assert_eq!(budgets(s), ["cycle ann -|10 8 2"]);
        // The same call is decided anew once there is room.
        s.run("SELECT credits_set_budget('a', 11, actor => 'ann')");
        s.row(&refuse).has(&[("accepted", "t"), ("replayed", "f"), ("amount", "3"), ("entry", "6")]);
        s.row(&refuse).has(&[("accepted", "t"), ("replayed", "t"), ("entry", "6")]);
        assert_eq!(budgets(s), ["cycle ann -|11 11 0"]);
    });
}

#[test]
fn partial_does_not_shrink_to_fit_a_budget() {
    scenario(|s| {
        two_left(s);
        over(s, "3", ", actor => 'ann', on_insufficient => 'partial'");
        // It would draw the 992 that there are, of which ann may use 2.
        over(s, "2000", ", actor => 'ann', on_insufficient => 'partial'");
        s.run("SELECT credits_debit('a', 990.5, 'rest', actor => 'bob')");
        // 1.5 are left: partial takes them, and they fit.
        let partial = debit("2000", "p", ", actor => 'ann', on_insufficient => 'partial'");
        s.row(&partial).has(&[("accepted", "t"), ("amount", "1.5"), ("balance", "0")]);
        assert_eq!(budgets(s), ["cycle ann -|10 9.5 0.5"]);
        s.row(&partial).has(&[("accepted", "t"), ("replayed", "t"), ("amount", "1.5")]);
        assert_eq!(budgets(s), ["cycle ann -|10 9.5 0.5"]);
        // Nothing there: like refuse, and for want of credits.
        s.row(&debit("5", "q", ", actor => 'ann', on_insufficient => 'partial'")).has(&[
            ("accepted", "f"),
            ("refused", "LC001"),
            ("amount", "0"),
        ]);
    });
}

#[test]
fn allow_is_never_refused_and_counts() {
    scenario(|s| {
        two_left(s);
        s.row(&debit("30", "late", ", actor => 'ann', on_insufficient => 'allow'")).has(&[
            ("accepted", "t"),
            ("amount", "30"),
            ("overdraft", "0"),
            ("balance", "962"),
        ]);
        assert_eq!(budgets(s), ["cycle ann -|10 38 0"]);
        let error = over(s, "0.000001", ", actor => 'ann'");
        assert_eq!((error.figure("used"), error.figure("remaining")), ("38", "0"), "{error}");
        // Past the limit, and past what there is.
        s.row(&debit("1000", "later", ", actor => 'ann', on_insufficient => 'allow'")).has(&[
            ("accepted", "t"),
            ("amount", "1000"),
            ("from_credits", "962"),
            ("overdraft", "38"),
        ]);
        assert_eq!(budgets(s), ["cycle ann -|10 1038 0"]);
    });
}

#[test]
fn what_becomes_debt_is_drawn_too() {
    scenario(|s| {
        s.run("SELECT credits_open_account('d', overdraft_limit => 20)");
        s.run("SELECT credits_grant('d', 4, 'g')");
        s.run("SELECT credits_set_budget('d', 10)");
        s.row("SELECT * FROM credits_debit('d', 9, 'd1')").has(&[("from_credits", "4"), ("overdraft", "5")]);
        let error = s.error("SELECT credits_debit('d', 2, 'd2')");
        assert_eq!((error.code.as_str(), error.figure("used")), ("LC012", "9"));
        s.row("SELECT * FROM credits_debit('d', 1, 'd2')").has(&[("overdraft", "1"), ("debt", "6")]);
    });
}

#[test]
fn a_limit_of_zero_lets_nothing_through() {
    scenario(|s| {
        s.row("SELECT * FROM credits_set_budget('a', 0, feature => 'chat')").has(&[
            ("budget_limit", "0"),
            ("used", "0"),
            ("remaining", "0"),
        ]);
        let error = over(s, "0.000001", ", 'chat'");
        assert_eq!((error.figure("budget_limit"), error.figure("used")), ("0", "0"), "{error}");
        s.row(&debit("1", "r", ", 'chat', on_insufficient => 'refuse'")).has(&[("refused", "LC012")]);
        over(s, "1", ", 'chat', on_insufficient => 'partial'");
        draw(s, "1", "other", ", 'image'");
        s.row(&debit("1", "l", ", 'chat', on_insufficient => 'allow'")).has(&[("accepted", "t")]);
        assert_eq!(budgets(s), ["cycle - chat|0 1 0"]);
    });
}

#[test]
fn a_limit_is_exact() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 0.3)");
        for n in 0..3 {
            draw(s, "0.1", &format!("d{n}"), "");
        }
        assert_eq!(budgets(s), ["cycle - -|0.3 0.3 0"]);
        over(s, "0.000001", "");
        s.run("SELECT credits_set_budget('a', 99999999999999.999999)");
        assert_eq!(budgets(s), ["cycle - -|99999999999999.999999 0.3 99999999999999.699999"]);
        draw(s, "100", "e", "");
    });
}

#[test]
fn a_batch_refuses_the_items_that_a_budget_refuses() {
    scenario(|s| {
        s.run("SELECT credits_grant('b', 100, 'g')");
        s.run("SELECT credits_set_budget('a', 10, feature => 'chat'), credits_set_budget('a', 12, actor => '*')");
        let batch = "SELECT account, idempotency_key, accepted, coalesce(refused, 'none') AS refused, trim_scale(amount) AS amount,
                         coalesce(entry::text, 'none') AS entry
                     FROM credits_debit_many('{a,b,a,a,a,a}', '{6,50,5,4,2,3}', '{k1,k2,k3,k4,k5,k6}', '{chat,chat,chat,chat,image,image}')";
        assert_eq!(
            s.list(batch),
            [
                "a|k1|t|none|6|5",
                "b|k2|t|none|50|3",
                "a|k3|f|LC012|0|none",
                "a|k4|t|none|4|6",
                // Nobody's: one actor, whose 12 are used with this.
                "a|k5|t|none|2|7",
                "a|k6|f|LC012|0|none",
            ]
        );
        assert_eq!(budgets(s), ["cycle - chat|10 10 0", "cycle * -|12 12 0 nobody"]);
        // Again: replays where it was accepted, decided anew where it was not.
        s.run("SELECT credits_set_budget('a', 20, feature => 'chat'), credits_set_budget('a', 17, actor => '*')");
        assert_eq!(
            s.list(batch),
            [
                "a|k1|t|none|6|5",
                "b|k2|t|none|50|3",
                "a|k3|t|none|5|10",
                "a|k4|t|none|4|6",
                "a|k5|t|none|2|7",
                "a|k6|f|LC012|0|none",
            ]
        );
        assert_eq!(budgets(s), ["cycle - chat|20 15 5", "cycle * -|17 17 0 nobody"]);
    });
}

#[test]
fn a_batch_that_must_be_whole_fails_as_one() {
    scenario(|s| {
        s.run("SELECT credits_grant('b', 100, 'g')");
        s.run("SELECT credits_set_budget('a', 10)");
        let error = over_call(
            s,
            "SELECT * FROM credits_debit_many('{b,a,a,b}', '{1,6,5,1}', '{k1,k2,k3,k4}', on_insufficient => 'error')",
        );
        assert_eq!((error.figure("used"), error.figure("required")), ("6", "5"), "{error}");
        assert_eq!(s.one("SELECT balance FROM credits_balance('b')"), "100");
        assert_eq!(budgets(s), ["cycle - -|10 0 10"]);
        assert_eq!(
            s.list("SELECT accepted, trim_scale(amount) FROM credits_debit_many('{a,a}', '{6,5}', '{k2,k3}', on_insufficient => 'allow')"),
            ["t|6", "t|5"]
        );
        assert_eq!(budgets(s), ["cycle - -|10 11 0"]);
    });
}

#[test]
fn a_key_repeated_within_a_batch_counts_once() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10)");
        assert_eq!(
            s.list("SELECT accepted, replayed FROM credits_debit_many('{a,a,a}', '{6,6,4}', '{k1,k1,k2}')"),
            ["t|f", "t|t", "t|f"]
        );
        assert_eq!(budgets(s), ["cycle - -|10 10 0"]);
    });
}

#[test]
fn other_errors_come_first() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10)");
        draw(s, "9", "used", "");
        // Form, reused key, and nothing to take it from: before the budget.
        assert_eq!(s.error(&debit("-5", "k", "")).code, "LC004");
        assert_eq!(s.error(&debit("5", "k", ", on_insufficient => 'never'")).code, "LC005");
        assert_eq!(s.error(&debit("5", "used", "")).code, "LC003");
        assert_eq!(s.error(&debit("992", "k", "")).code, "LC001");
        s.row(&debit("992", "k", ", on_insufficient => 'refuse'")).has(&[("refused", "LC001")]);
        s.run("SELECT credits_set_feature('a', 'chat', false)");
        assert_eq!(s.error(&debit("5", "k", ", 'chat'")).code, "LC010");
        s.row(&debit("5", "k", ", 'chat', on_insufficient => 'refuse'")).has(&[("refused", "LC010")]);
        assert_eq!(s.error("SELECT credits_charge('a', 'unknown', 5, 'k')").code, "LC014");
        s.run("SELECT credits_freeze_account('a', 'unpaid')");
        assert_eq!(s.error(&debit("5", "k", "")).code, "LC011");
        s.run("SELECT credits_unfreeze_account('a')");
        assert_eq!(s.error(&debit("5", "k", "")).code, "LC012");
        assert_eq!(budgets(s), ["cycle - -|10 9 1"]);
    });
}
