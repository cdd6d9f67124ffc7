//! `credits_forecast`: how fast an account uses what it has, and when it runs out.

use credits_ledger_tests::{Database, Row, Server, Session};

fn start() -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-04-01 00:00+00");
    (db, s)
}

/// The forecast, and that a read-only transaction gets the same.
#[track_caller]
fn forecast(s: &mut Session, account: &str) -> Row {
    let ask = format!("SELECT * FROM credits_forecast('{account}')");
    let row = s.row(&ask);
    s.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    assert_eq!(s.row(&ask).values(), row.values());
    s.run("COMMIT");
    row
}

#[track_caller]
fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// April has 30 days: 300 of 1000 in 6 days are 50 a day, 700 more last 14 days.
#[test]
fn a_steady_month() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 1000)");
    s.at("2026-04-07 00:00+00");
    s.run("SELECT credits_debit('a', 300, 'd1')");
    let row = forecast(&mut s, "a");
    assert_eq!(
        row.columns(),
        ["account", "state", "used", "used_percent", "burn_per_day", "runs_out_at", "cycle_end", "on_pace"]
    );
    row.has(&[
        ("account", "a"),
        ("state", "ok"),
        ("used", "300"),
        ("used_percent", "30"),
        ("burn_per_day", "50"),
        ("runs_out_at", "2026-04-21 00:00:00+00"),
        ("cycle_end", "2026-05-01 00:00:00+00"),
        ("on_pace", "t"),
    ]);
    // Without usage the same burns slower from day to day: 300 in 10 days are 30 a day.
    s.at("2026-04-11 00:00+00");
    forecast(&mut s, "a").has(&[
        ("burn_per_day", "30"),
        ("runs_out_at", "2026-05-04 08:00:00+00"),
        ("used_percent", "30"),
        ("on_pace", "f"),
    ]);
    // Asking wrote nothing.
    assert_eq!(s.one("SELECT max(entry) FROM credits_history"), "3");
    sound(&mut s);
}

/// Less than an hour counts as an hour: a first minute says little of a month.
#[test]
fn the_first_hour_of_a_cycle() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 1000)");
    forecast(&mut s, "a").has(&[("used", "0"), ("burn_per_day", "0"), ("runs_out_at", "NULL"), ("on_pace", "f")]);
    s.run("SELECT credits_debit('a', 10, 'd1')");
    forecast(&mut s, "a").has(&[
        ("used_percent", "1"),
        ("burn_per_day", "240"),
        ("runs_out_at", "2026-04-05 03:00:00+00"),
        ("on_pace", "t"),
        ("state", "ok"),
    ]);
    s.at("2026-04-01 00:10+00");
    forecast(&mut s, "a").has(&[("burn_per_day", "240"), ("runs_out_at", "2026-04-05 03:10:00+00")]);
    s.at("2026-04-01 01:00+00");
    forecast(&mut s, "a").has(&[("burn_per_day", "240"), ("runs_out_at", "2026-04-05 04:00:00+00")]);
    s.at("2026-04-01 02:00+00");
    forecast(&mut s, "a").has(&[("burn_per_day", "120"), ("runs_out_at", "2026-04-09 08:00:00+00")]);
    // So it is in the first hour of a later cycle.
    s.at("2026-05-01 00:30+00");
    s.run("SELECT credits_debit('a', 20, 'd2')");
    forecast(&mut s, "a").has(&[
        ("used", "20"),
        ("used_percent", "2"),
        ("burn_per_day", "480"),
        ("runs_out_at", "2026-05-03 01:30:00+00"),
        ("cycle_end", "2026-06-01 00:00:00+00"),
    ]);
}

/// Opened on the 11th into a cycle that began on the 1st: usage counts since the 11th.
#[test]
fn an_account_opened_in_mid_cycle() {
    let (_db, mut s) = start();
    s.at("2026-04-11 00:00+00");
    s.run("SELECT credits_open_account('a', 1000, anchor => '2026-04-01 00:00+00')");
    s.at("2026-04-16 00:00+00");
    s.run("SELECT credits_debit('a', 500, 'd')");
    forecast(&mut s, "a").has(&[
        ("burn_per_day", "100"),
        ("runs_out_at", "2026-04-21 00:00:00+00"),
        ("cycle_end", "2026-05-01 00:00:00+00"),
        ("on_pace", "t"),
    ]);
    // Of the next cycle all counts, from its beginning.
    s.at("2026-05-11 00:00+00");
    s.run("SELECT credits_debit('a', 500, 'd2')");
    forecast(&mut s, "a").has(&[("burn_per_day", "50"), ("runs_out_at", "2026-05-21 00:00:00+00")]);
}

/// A cycle that is closed by hand has no end to run out before: any usage is on pace.
#[test]
fn a_manual_cycle() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 0, '0')");
    s.run("SELECT credits_grant('a', 100, 'g')");
    s.at("2026-04-11 00:00+00");
    forecast(&mut s, "a").has(&[("runs_out_at", "NULL"), ("cycle_end", "NULL"), ("on_pace", "f"), ("state", "ok")]);
    s.run("SELECT credits_debit('a', 1, 'd1')");
    forecast(&mut s, "a").has(&[
        ("burn_per_day", "0.1"),
        ("runs_out_at", "2028-12-26 00:00:00+00"),
        ("cycle_end", "NULL"),
        ("on_pace", "t"),
        ("state", "ok"),
    ]);
    s.run("SELECT credits_debit('a', 74, 'd2')");
    forecast(&mut s, "a").has(&[("used_percent", "75"), ("state", "low")]);
    // The cycle that follows begins with nothing used.
    s.at("2026-04-12 00:00+00");
    s.run("SELECT credits_reset_cycle('a', 'r')");
    forecast(&mut s, "a").has(&[("used", "0"), ("used_percent", "0"), ("burn_per_day", "0"), ("state", "ok")]);
    sound(&mut s);
}

/// Used 75 % or more, and on pace to run out: both must hold.
#[test]
fn low_is_three_quarters_used_and_on_pace() {
    let (_db, mut s) = start();
    for account in ["early", "late"] {
        s.run(&format!("SELECT credits_open_account('{account}', 1000)"));
    }
    s.at("2026-04-16 00:00+00");
    s.run("SELECT credits_debit('early', 749.999999, 'd1')");
    forecast(&mut s, "early").has(&[("used_percent", "75"), ("on_pace", "t"), ("state", "ok")]);
    s.run("SELECT credits_debit('early', 0.000001, 'd2')");
    forecast(&mut s, "early").has(&[("used_percent", "75"), ("on_pace", "t"), ("state", "low")]);
    // 800 in 24 days leave enough for the last 6.
    s.at("2026-04-25 00:00+00");
    s.run("SELECT credits_debit('late', 800, 'd1')");
    forecast(&mut s, "late").has(&[
        ("used_percent", "80"),
        ("runs_out_at", "2026-05-01 00:00:00+00"),
        ("on_pace", "f"),
        ("state", "ok"),
    ]);
    s.run("SELECT credits_debit('late', 1, 'd2')");
    forecast(&mut s, "late").has(&[("used_percent", "80.1"), ("on_pace", "t"), ("state", "low")]);
    s.run("SELECT credits_debit('late', 199, 'd3')");
    forecast(&mut s, "late").has(&[
        ("used_percent", "100"),
        ("runs_out_at", "2026-04-25 00:00:00+00"),
        ("on_pace", "t"),
        ("state", "exhausted"),
    ]);
}

/// Nothing is available: exhausted where something was granted once, whatever became of it.
#[test]
fn exhausted_is_who_once_had_something() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('never', overdraft_limit => 10)");
    forecast(&mut s, "never").has(&[("state", "ok"), ("used_percent", "0"), ("burn_per_day", "0"), ("on_pace", "f")]);
    // What is used of an overdraft limit is used all the same: with nothing available that is all of it.
    s.run("SELECT credits_debit('never', 1, 'd')");
    forecast(&mut s, "never").has(&[("state", "low"), ("used", "1"), ("used_percent", "100"), ("on_pace", "t")]);

    // A grant that is yet to come is none yet, however many there are.
    s.run("SELECT credits_open_account('soon')");
    for day in 2..20 {
        s.run(&format!("SELECT credits_grant('soon', 5, 'g{day}', 'promo', effective_at => '2026-04-{day}')"));
    }
    forecast(&mut s, "soon").has(&[("state", "ok")]);
    s.at("2026-04-02 00:00+00");
    s.run("SELECT credits_debit('soon', 5, 'd')");
    forecast(&mut s, "soon").has(&[("state", "exhausted")]);

    s.at("2026-04-01 00:00+00");
    s.run("SELECT credits_open_account('expired')");
    s.run("SELECT credits_grant('expired', 5, 'g', 'promo', expires_at => '2026-04-03')");
    s.at("2026-04-02 23:59:59+00");
    forecast(&mut s, "expired").has(&[("state", "ok")]);
    s.at("2026-04-03 00:00+00");
    forecast(&mut s, "expired").has(&[("state", "exhausted"), ("used_percent", "0"), ("runs_out_at", "NULL")]);
    s.at("2026-07-01 00:00+00");
    forecast(&mut s, "expired").has(&[("state", "exhausted")]);

    s.run("SELECT credits_open_account('held', 5)");
    s.run("SELECT credits_hold('held', 5, 'h')");
    forecast(&mut s, "held").has(&[("state", "exhausted"), ("used", "0"), ("used_percent", "0")]);
    s.run("SELECT credits_release('held', 'h', 'r')");
    forecast(&mut s, "held").has(&[("state", "ok")]);

    // For one feature only: not available to whoever may ask.
    s.run("SELECT credits_open_account('reserved')");
    s.run("SELECT credits_grant('reserved', 5, 'g', features => ARRAY['image'])");
    forecast(&mut s, "reserved").has(&[("state", "exhausted")]);

    s.run("SELECT credits_open_account('closed', 5)");
    s.run("SELECT credits_debit('closed', 1, 'd')");
    s.run("SELECT credits_close_account('closed', 'gone')");
    forecast(&mut s, "closed").has(&[
        ("state", "exhausted"),
        ("cycle_end", "2026-07-01 00:00:00+00"),
        ("on_pace", "f"),
    ]);
    sound(&mut s);
}

/// Time acts by itself: what is due counts, recorded or not, and recording it changes nothing.
#[test]
fn time_that_nobody_recorded() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 1000, rollover_percent => 50)");
    s.run("SELECT credits_grant('a', 400, 'g', 'promo', expires_at => '2026-04-21')");
    s.at("2026-04-11 00:00+00");
    s.run("SELECT credits_debit('a', 600, 'd')");
    forecast(&mut s, "a").has(&[
        ("used_percent", "42.857143"),
        ("burn_per_day", "60"),
        ("runs_out_at", "2026-04-24 08:00:00+00"),
        ("on_pace", "t"),
    ]);
    for (at, expected) in [
        // the 400 are gone
        ("2026-04-21 00:00+00", ["ok", "600", "60", "30", "2026-05-04 08:00:00+00", "2026-05-01 00:00:00+00", "f"]),
        // a new cycle, in which nothing was used; 200 rolled over
        ("2026-05-01 00:00+00", ["ok", "0", "0", "0", "NULL", "2026-06-01 00:00:00+00", "f"]),
        ("2026-11-15 00:00+00", ["ok", "0", "0", "0", "NULL", "2026-12-01 00:00:00+00", "f"]),
    ] {
        s.at(at);
        assert_eq!(forecast(&mut s, "a").values()[1..], expected, "{at}");
        s.run("SELECT credits_maintain()");
        assert_eq!(forecast(&mut s, "a").values()[1..], expected, "{at}, recorded");
    }
    sound(&mut s);
}

/// A refund counts in the cycle in which it happens: that cycle's usage may go below zero, which is none.
#[test]
fn a_late_refund_leaves_nothing_used() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a')");
    s.run("SELECT credits_grant('a', 100, 'g')");
    s.run("SELECT credits_debit('a', 60, 'd')");
    s.at("2026-05-02 00:00+00");
    s.run("SELECT credits_refund('a', 'd', 'r', 25)");
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "-25");
    forecast(&mut s, "a").has(&[
        ("state", "ok"),
        ("used", "0"),
        ("used_percent", "0"),
        ("burn_per_day", "0"),
        ("runs_out_at", "NULL"),
        ("on_pace", "f"),
    ]);
    // It takes 25 to come back to zero; 4 more in a day, with 36 left.
    s.run("SELECT credits_debit('a', 29, 'd2')");
    forecast(&mut s, "a").has(&[
        ("used", "4"),
        ("used_percent", "10"),
        ("burn_per_day", "4"),
        ("runs_out_at", "2026-05-11 00:00:00+00"),
        ("on_pace", "t"),
    ]);
    sound(&mut s);
}

/// Where usage goes on for ten thousand years nothing is foreseen: few languages know such a date.
#[test]
fn nothing_is_foreseen_too_far_ahead() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 99999999999999, '0')");
    s.run("SELECT credits_debit('a', 0.000001, 'd')");
    forecast(&mut s, "a").has(&[
        ("used", "0.000001"),
        ("used_percent", "0"),
        ("burn_per_day", "0.000024"),
        ("runs_out_at", "NULL"),
        ("on_pace", "f"),
    ]);
    s.run("SELECT credits_debit('a', 99999999999998.999998, 'd2')");
    forecast(&mut s, "a").has(&[
        ("burn_per_day", "2399999999999975.999976"),
        ("used_percent", "100"),
        ("state", "low"),
    ]);
    s.at("9999-12-31 00:00+00");
    forecast(&mut s, "a").has(&[("on_pace", "t"), ("runs_out_at", "9999-12-31 00:00:00+00")]);
}

#[test]
fn only_known_accounts_have_one() {
    let (_db, mut s) = start();
    assert_eq!(s.error("SELECT * FROM credits_forecast('nobody')").code, "LC002");
    assert_eq!(s.error("SELECT * FROM credits_forecast(NULL)").code, "LC005");
    assert_eq!(s.error("SELECT * FROM credits_forecast('')").code, "LC005");
}
