//! What is kept: over dump and restore, redaction, cycles that closed unseen, and an account's end.

use crate::calls::*;
use credits_ledger_tests::{Server, Session};

#[test]
fn a_restored_ledger_keeps_budgets_and_what_was_used() {
    let server = Server::shared();
    let db = server.database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT credits_open_account('a', anchor => '2026-01-01 00:00+00', time_zone => 'Asia/Kolkata')");
    s.run("SELECT credits_grant('a', 1000, 'funds')");
    s.run("SELECT credits_set_budget('a', 100), credits_set_budget('a', 10, 'day', '*', 'chat')");
    s.run("SELECT credits_set_budget('a', 7, 'hour', 'ann'), credits_set_budget('a', 1, 'month', 'bob')");
    s.run("SELECT credits_set_budget('a', NULL, 'month', 'bob')");
    draw(&mut s, "6", "d1", ", 'chat', 'ann'");
    draw(&mut s, "9", "d2", ", 'chat'");
    let file = format!("{}.dump", db.name);
    let done = server.run_tool("pg_dump", &["-d", &db.name, "-Fc", "-f", &file]);
    assert!(done.status.success(), "{done:?}");
    let restored = server.empty_database();
    let done = server.run_tool("pg_restore", &["--exit-on-error", "-d", &restored.name, &file]);
    assert!(done.status.success(), "{done:?}");

    let mut there = restored.session();
    there.at("2026-01-10 12:10+00");
    s.at("2026-01-10 12:10+00");
    let all = "SELECT * FROM credits_budgets ORDER BY period, actor, feature, used_by";
    assert_eq!(there.list(all), s.list(all));
    assert_eq!(
        budgets(&mut there),
        ["cycle - -|100 15 85", "day * chat|10 9 1 nobody", "day * chat|10 6 4 ann", "hour ann -|7 6 1"]
    );
    sound(&mut there);
    // It binds as before, and numbers go on.
    assert_eq!(over(&mut there, "2", ", 'chat', 'ann'").figure("budget_limit"), "7");
    assert_eq!(over(&mut there, "2", ", 'chat'").figure("budget_limit"), "10");
    draw(&mut there, "1", "d3", ", 'chat', 'ann'");
    there.run("SELECT credits_set_budget('a', 8, 'month', 'bob')");
    draw(&mut there, "8", "d4", ", actor => 'bob'");
    over(&mut there, "1", ", actor => 'bob'");
    assert_eq!(over(&mut there, "77", ", actor => 'cid'").figure("used"), "24");
    sound(&mut there);
}

#[test]
fn a_redacted_debit_was_drawn_all_the_same() {
    scenario(|s| {
        s.run(
            "SELECT credits_set_budget('a', 10, 'month', '*'), credits_set_budget('a', 20, 'month', feature => 'chat')",
        );
        draw(s, "6", "d1", ", 'chat', 'ann'");
        draw(s, "7", "d2", ", 'chat', 'bob'");
        s.run("SELECT credits_redact('a', (SELECT entry FROM credits_history WHERE idempotency_key = 'd1'))");
        sound(s);
        over(s, "5", ", 'chat', 'ann'");
        draw(s, "4", "d3", ", 'image', 'ann'");
        over(s, "1", ", 'image', 'ann'");
        assert_eq!(over(s, "8", ", 'chat', 'cid'").figure("used"), "13");
        // A budget set after it cannot know whose it was, and the ledger is sound with it.
        s.run("SELECT credits_set_budget('a', 50, 'month', 'ann'), credits_set_budget('a', 60, 'month')");
        s.row("SELECT * FROM credits_budgets WHERE actor IS NULL AND feature IS NULL").has(&[("used", "17")]);
        draw(s, "1", "d4", ", 'chat', 'cid'");
        s.run("SELECT credits_redact('a', (SELECT entry FROM credits_history WHERE idempotency_key = 'd4'))");
        s.at("2026-03-01 00:00+00");
        draw(s, "10", "d5", ", actor => 'ann'");
    });
}

/// Where use is counted anew from the entries, a redacted one counts like those without an actor.
#[test]
fn use_counted_anew_does_not_know_whose_a_redacted_debit_was() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 50, 'month', 'ann'), credits_set_budget('a', 50, 'month', '*')");
        s.run("SELECT credits_set_budget('a', 90, 'month')");
        draw(s, "40", "d1", ", actor => 'ann'");
        draw(s, "3", "d2", ", actor => 'ann'");
        s.run("SELECT credits_redact('a', (SELECT entry FROM credits_history WHERE idempotency_key = 'd1'))");
        assert_eq!(budgets(s), ["month - -|90 43 47", "month * -|50 43 7 ann", "month ann -|50 43 7"]);
        sound(s);
        // Another time zone has other months.
        s.run("SELECT credits_configure_account('a', time_zone => 'Asia/Tokyo')");
        assert_eq!(
            budgets(s),
            ["month - -|90 43 47", "month * -|50 40 10 nobody", "month * -|50 3 47 ann", "month ann -|50 3 47"]
        );
        sound(s);
        // So does a budget that is removed and set again.
        s.run("SELECT credits_set_budget('a', NULL, 'month'), credits_set_budget('a', NULL, 'month', 'ann')");
        s.row("SELECT * FROM credits_set_budget('a', 90, 'month')").has(&[("used", "43")]);
        s.row("SELECT * FROM credits_set_budget('a', 50, 'month', 'ann')").has(&[("used", "3")]);
    });
}

/// Every kind of budget at once, over a quarter: what is used in each period is what the history says.
#[test]
fn over_many_cycles_the_use_is_what_the_history_says() {
    scenario(|s| {
        s.run("SELECT credits_configure_account('a', cycle_length => '10 days')");
        for (period, limit) in [("cycle", 30), ("hour", 4), ("day", 6), ("month", 80)] {
            for who in ["NULL", "'*'", "'ann'", "NULL, 'chat'", "'ann', 'chat'"] {
                s.run(&format!("SELECT credits_set_budget('a', {limit}, '{period}', {who})"));
            }
        }
        let (mut accepted, mut refused) = (0, 0);
        for n in 0..160 {
            let now = s.one(&format!("SELECT timestamptz '{JAN}' + {n} * interval '11 hours'"));
            s.at(&now);
            let actor = ["'ann'", "'bob'", "NULL"][n % 3];
            let feature = ["'chat'", "'image'", "NULL", "'chat'"][n % 4];
            let row = s.row(&debit(
                &format!("{}.5", n % 5),
                &format!("d{n}"),
                &format!(", {feature}, {actor}, on_insufficient => 'refuse'"),
            ));
            match row.get("accepted") {
                "t" => accepted += 1,
                _ => {
                    row.has(&[("refused", "LC012")]);
                    refused += 1;
                }
            }
        }
        assert!(accepted > 50 && refused > 20, "{accepted} accepted, {refused} refused");
        s.run("SELECT credits_maintain()");
        assert_eq!(off(s), Vec::<String>::new());
    });
}

/// The budgets whose use is not the sum of what was drawn in the period that the view names.
fn off(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT b.period, b.actor, b.feature, b.used_by, b.used, h.drawn
         FROM credits_budgets b
         CROSS JOIN LATERAL (
             SELECT coalesce(-sum(e.amount), 0) AS drawn FROM credits_history e
             WHERE e.account = b.account AND e.operation = 'debit'
               AND e.recorded_at >= b.period_start AND (e.recorded_at < b.period_end OR b.period_end IS NULL)
               AND (b.feature IS NULL OR e.feature = b.feature)
               AND (b.actor IS NULL OR e.actor = b.actor OR b.actor = '*' AND e.actor IS NOT DISTINCT FROM b.used_by)
         ) h
         WHERE b.used <> h.drawn",
    )
}

#[test]
fn a_closed_account_takes_its_budgets_along() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10), credits_set_budget('a', 5, 'day', '*')");
        draw(s, "4", "d1", ", actor => 'ann'");
        s.run("SELECT credits_close_account('a', 'moved away')");
        sound(s);
        s.at("2026-06-01 00:00+00");
        s.row(&debit("4", "d1", ", actor => 'ann'")).has(&[("replayed", "t"), ("amount", "4")]);
        assert_eq!(s.error(&debit("1", "d2", "")).code, "LC011");
    });
}

#[test]
fn what_was_used_is_read_without_writing() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10), credits_set_budget('a', 5, 'day', '*')");
        draw(s, "4", "d1", ", actor => 'ann'");
        s.run("BEGIN READ ONLY");
        assert_eq!(budgets(s), ["cycle - -|10 4 6", "day * -|5 4 1 ann"]);
        assert_eq!(s.error("SELECT credits_set_budget('a', 6)").code, "25006");
        s.run("ROLLBACK");
        s.at("2026-02-03 00:00+00");
        s.run("BEGIN READ ONLY");
        assert_eq!(budgets(s), ["cycle - -|10 0 10", "day * -|5 0 5 nobody"]);
        s.run("COMMIT");
    });
}
