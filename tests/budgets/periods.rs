//! The periods of budgets: the account's cycle, and hours, days and months on the clocks of its time zone.

use crate::calls::*;
use credits_ledger_tests::{Server, Session};

/// A session in a database of its own. Its ledger is empty.
fn session() -> Session {
    let mut s = Server::shared().database().session();
    s.run("SET TimeZone = 'UTC'");
    s
}

/// Opens an account in a time zone, with a cycle that no scenario reaches the end of.
fn open(s: &mut Session, account: &str, zone: &str, at: &str) {
    s.at(at);
    s.run(&format!("SELECT credits_open_account('{account}', cycle_length => '10 years', time_zone => '{zone}')"));
    s.run(&format!("SELECT credits_grant('{account}', 100000, 'funds')"));
}

fn just_before(s: &mut Session, instant: &str) -> String {
    s.one(&format!("SELECT timestamptz '{instant}' - interval '1 microsecond'"))
}

/// Uses up a budget just before a period, given in UTC, begins, as it begins, just before it ends and as it ends.
fn follow(zone: &str, period: &str, start: &str, end: &str) {
    println!("{zone}: the {period} from {start} to {end}");
    let (start, end) = (format!("{start}+00"), format!("{end}+00"));
    let mut s = session();
    let (before, last) = (just_before(&mut s, &start), just_before(&mut s, &end));
    open(&mut s, "a", zone, &before);
    s.run(&format!("SELECT credits_set_budget('a', 10, '{period}')"));
    draw(&mut s, "10", "last of the one before", "");
    over(&mut s, "1", "");

    s.at(&start);
    assert_eq!(budgets(&mut s), [format!("{period} - -|10 0 10")], "a new {period}");
    draw(&mut s, "9", "first", "");
    assert_eq!(
        s.list(&format!("SELECT used, period_start = '{start}', period_end = '{end}' FROM credits_budgets")),
        ["9|t|t"]
    );
    over(&mut s, "2", "");

    s.at(&last);
    assert_eq!(budgets(&mut s), [format!("{period} - -|10 9 1")], "the end of the {period}");
    assert_eq!(over(&mut s, "2", "").figure("period"), period);
    draw(&mut s, "1", "last", "");
    assert_eq!(over(&mut s, "1", "").figure("used"), "10");

    s.at(&end);
    assert_eq!(budgets(&mut s), [format!("{period} - -|10 0 10")], "the next {period}");
    draw(&mut s, "10", "first of the next", "");
    over(&mut s, "1", "");
    sound(&mut s);
}

#[test]
fn hours_are_those_of_the_accounts_clock() {
    for (zone, start, end) in [
        ("UTC", "2026-01-10 09:00", "2026-01-10 10:00"),
        ("Asia/Kolkata", "2026-01-10 09:30", "2026-01-10 10:30"),
        ("Asia/Kathmandu", "2026-01-10 09:15", "2026-01-10 10:15"),
        ("America/St_Johns", "2026-01-10 09:30", "2026-01-10 10:30"),
        ("Pacific/Chatham", "2026-01-10 09:15", "2026-01-10 10:15"),
        // Half an hour of daylight saving: by the hour in January, by the half hour in July.
        ("Australia/Lord_Howe", "2026-01-10 09:00", "2026-01-10 10:00"),
        ("Australia/Lord_Howe", "2026-07-10 09:30", "2026-07-10 10:30"),
        // Over midnight and the year's end.
        ("Asia/Kolkata", "2026-12-31 18:30", "2026-12-31 19:30"),
    ] {
        follow(zone, "hour", start, end);
    }
}

#[test]
fn the_hours_of_a_day_on_which_the_clocks_change() {
    for (zone, start, end) in [
        // 01:00 to 02:00, followed by 03:00 to 04:00
        ("Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-03-29 01:00", "2026-03-29 02:00"),
        // 02:00 to 03:00 in summer time, then once more in winter time
        ("Europe/Berlin", "2026-10-25 00:00", "2026-10-25 01:00"),
        ("Europe/Berlin", "2026-10-25 01:00", "2026-10-25 02:00"),
        ("America/St_Johns", "2026-03-08 04:30", "2026-03-08 05:30"),
        ("America/St_Johns", "2026-03-08 05:30", "2026-03-08 06:30"),
    ] {
        follow(zone, "hour", start, end);
    }
}

#[test]
fn days_begin_at_the_accounts_midnight() {
    for (zone, start, end) in [
        ("UTC", "2026-01-10 00:00", "2026-01-11 00:00"),
        ("Asia/Kolkata", "2026-01-09 18:30", "2026-01-10 18:30"),
        ("Asia/Kathmandu", "2026-01-09 18:15", "2026-01-10 18:15"),
        ("Pacific/Kiritimati", "2026-01-09 10:00", "2026-01-10 10:00"),
        ("America/New_York", "2028-02-29 05:00", "2028-03-01 05:00"),
    ] {
        follow(zone, "day", start, end);
    }
}

#[test]
fn a_day_on_which_the_clocks_change_is_shorter_or_longer() {
    for (zone, start, end) in [
        // 23 and 25 hours
        ("America/New_York", "2026-03-08 05:00", "2026-03-09 04:00"),
        ("America/New_York", "2026-11-01 04:00", "2026-11-02 05:00"),
        // 24 and a half, 23 and a half
        ("Australia/Lord_Howe", "2026-04-04 13:00", "2026-04-05 13:30"),
        ("Australia/Lord_Howe", "2026-10-03 13:30", "2026-10-04 13:00"),
        // a midnight that there is not, and an hour before midnight that there is twice
        ("America/Sao_Paulo", "2018-11-04 03:00", "2018-11-05 02:00"),
        ("America/Sao_Paulo", "2019-02-16 02:00", "2019-02-17 03:00"),
        // Samoa had no 30 December
        ("Pacific/Apia", "2011-12-29 10:00", "2011-12-30 10:00"),
        ("Pacific/Apia", "2011-12-30 10:00", "2011-12-31 10:00"),
    ] {
        follow(zone, "day", start, end);
    }
}

#[test]
fn months_begin_at_midnight_of_the_first() {
    for (zone, start, end) in [
        ("UTC", "2026-02-01 00:00", "2026-03-01 00:00"),
        ("UTC", "2028-02-01 00:00", "2028-03-01 00:00"),
        ("Asia/Kolkata", "2026-01-31 18:30", "2026-02-28 18:30"),
        // from winter to summer time and back
        ("America/New_York", "2026-03-01 05:00", "2026-04-01 04:00"),
        ("Pacific/Auckland", "2026-03-31 11:00", "2026-04-30 12:00"),
        ("America/St_Johns", "2026-12-01 03:30", "2027-01-01 03:30"),
    ] {
        follow(zone, "month", start, end);
    }
}

#[test]
fn a_budget_of_the_cycle_begins_anew_with_each_cycle() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10), credits_set_budget('a', 6, actor => '*')");
        draw(s, "6", "d1", ", actor => 'ann'");
        s.at("2026-01-31 23:59:59.999999+00");
        over(s, "1", ", actor => 'ann'");
        // The new cycle shows without a write.
        s.at("2026-02-01 00:00+00");
        assert_eq!(budgets(s), ["cycle - -|10 0 10", "cycle * -|6 0 6 nobody"]);
        draw(s, "5", "d2", ", actor => 'ann'");
        assert_eq!(
            s.list("SELECT used, period_start, period_end FROM credits_budgets WHERE actor IS NULL"),
            ["5|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"]
        );
        over(s, "2", ", actor => 'ann'");
        // Cycles in which nothing was drawn leave nothing behind either.
        s.at("2026-07-20 00:00+00");
        assert_eq!(budgets(s), ["cycle - -|10 0 10", "cycle * -|6 0 6 nobody"]);
        draw(s, "6", "d3", ", actor => 'ann'");
        draw(s, "4", "d4", ", actor => 'bob'");
        assert_eq!(budgets(s), ["cycle - -|10 10 0", "cycle * -|6 6 0 ann", "cycle * -|6 4 2 bob"]);
        over(s, "1", ", actor => 'bob'");
    });
}

/// The period shown is the one that `used` counts in, whether or not its beginning was recorded.
#[test]
fn a_budget_shows_the_cycle_of_now() {
    scenario(|s| {
        let shown = "SELECT period, used, period_start, period_end FROM credits_budgets ORDER BY period";
        s.run("SELECT credits_set_budget('a', 10), credits_set_budget('a', 20, 'month')");
        draw(s, "6", "d1", "");
        for (now, expected) in [
            ("2026-01-31 23:59:59.999999+00", "6|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00"),
            ("2026-02-01 00:00+00", "0|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"),
            ("2026-05-20 12:00+00", "0|2026-05-01 00:00:00+00|2026-06-01 00:00:00+00"),
        ] {
            s.at(now);
            let expected = [format!("cycle|{expected}"), format!("month|{expected}")];
            s.run("BEGIN READ ONLY");
            assert_eq!(s.list(shown), expected, "{now}");
            s.run("COMMIT");
        }
        let before = s.list(shown);
        s.run("SELECT credits_maintain()");
        assert_eq!(s.list(shown), before);
        draw(s, "7", "d2", "");
        let may = "7|2026-05-01 00:00:00+00|2026-06-01 00:00:00+00";
        assert_eq!(s.list(shown), [format!("cycle|{may}"), format!("month|{may}")]);
    });
}

#[test]
fn a_reset_begins_a_new_period_of_the_cycle_and_of_nothing_else() {
    scenario(|s| {
        for period in ["cycle", "hour", "day", "month"] {
            s.run(&format!("SELECT credits_set_budget('a', 10, '{period}')"));
        }
        draw(s, "7", "d1", "");
        s.run("SELECT credits_reset_cycle('a', 'evt_1', '2026-01-10 12:00+00')");
        assert_eq!(budgets(s), ["cycle - -|10 0 10", "day - -|10 7 3", "hour - -|10 7 3", "month - -|10 7 3"]);
        assert_eq!(over(s, "4", "").figure("used"), "7");
        draw(s, "3", "d2", "");
        s.run("SELECT credits_set_budget('a', 20, 'hour'), credits_set_budget('a', 20, 'day')");
        s.run("SELECT credits_set_budget('a', 30, 'month')");
        draw(s, "7", "d3", "");
        let error = over(s, "1", "");
        assert_eq!((error.figure("period"), error.figure("used")), ("cycle", "10"), "{error}");
        assert_eq!(budgets(s), ["cycle - -|10 10 0", "day - -|20 17 3", "hour - -|20 17 3", "month - -|30 17 13"]);
        s.at("2026-01-10 13:00+00");
        assert_eq!(budgets(s), ["cycle - -|10 10 0", "day - -|20 17 3", "hour - -|20 0 20", "month - -|30 17 13"]);
        s.at("2026-02-01 00:00+00");
        assert_eq!(
            budgets(s),
            ["cycle - -|10 10 0", "day - -|20 0 20", "hour - -|20 0 20", "month - -|30 0 30"],
            "the cycle is now that of the tenth"
        );
    });
}

#[test]
fn the_cycle_of_a_manual_account_lasts_until_its_reset() {
    scenario(|s| {
        s.run("SELECT credits_open_account('m', 100, '0')");
        s.row("SELECT * FROM credits_set_budget('m', 10)").has(&[("period_end", "NULL"), ("remaining", "10")]);
        s.run("SELECT credits_debit('m', 10, 'd1')");
        s.at("2031-01-01 00:00+00");
        let error = s.error("SELECT credits_debit('m', 1, 'd2')");
        assert_eq!((error.code.as_str(), error.figure("used")), ("LC012", "10"));
        s.run("SELECT credits_reset_cycle('m', 'r')");
        s.row("SELECT * FROM credits_debit('m', 9, 'd2')").has(&[("accepted", "t")]);
        s.row("SELECT * FROM credits_budgets WHERE account = 'm'").has(&[("used", "9"), ("remaining", "1")]);
        assert_eq!(s.error("SELECT credits_debit('m', 2, 'd3')").code, "LC012");
    });
}

#[test]
fn the_first_plan_begins_a_new_cycle_for_budgets_too() {
    scenario(|s| {
        s.run("SELECT credits_define_plan('team', 100), credits_define_plan('more', 50)");
        s.run("SELECT credits_set_budget('a', 10)");
        draw(s, "10", "d1", "");
        s.run("SELECT credits_subscribe('a', 'team', 's1')");
        assert_eq!(budgets(s), ["cycle - -|10 0 10"]);
        draw(s, "8", "d2", "");
        // The second joins the running cycle.
        s.run("SELECT credits_subscribe('a', 'more', 's2')");
        assert_eq!(over(s, "3", "").figure("used"), "8");
        s.at("2026-02-10 12:00+00");
        draw(s, "10", "d3", "");
        over(s, "1", "");
    });
}

/// What was drawn in the hour, the day or the month of `now`, from the history: an hour is told from the next by
/// what the clock on the wall shows, or, where that shows an hour twice, by its distance from UTC.
fn drawn(s: &mut Session, period: &str, zone: &str, now: &str) -> String {
    let wall = |instant: &str| format!("date_trunc('{period}', {instant} AT TIME ZONE '{zone}')");
    let distance = |instant: &str| match period {
        "hour" => format!("({instant} AT TIME ZONE '{zone}') - ({instant} AT TIME ZONE 'UTC')"),
        _ => "interval '0'".to_owned(),
    };
    let now = format!("timestamptz '{now}'");
    s.one(&format!(
        "SELECT trim_scale(coalesce(-sum(amount), 0)) FROM credits_history
         WHERE account = 'a' AND operation = 'debit' AND actor = 'ann'
           AND ({}, {}) = ({}, {})",
        wall("recorded_at"),
        distance("recorded_at"),
        wall(&now),
        distance(&now)
    ))
}

/// Around a change of the clocks: a budget that was there from the beginning and one that is set only now agree with
/// what the history says was drawn since the period began.
fn early_and_late(zone: &str, from: &str, hours: i32) {
    let mut s = session();
    open(&mut s, "a", zone, from);
    open(&mut s, "late", zone, from);
    for period in ["hour", "day", "month"] {
        s.run(&format!("SELECT credits_set_budget('a', 1000000, '{period}', '*')"));
    }
    let instants = s.list(&format!(
        "SELECT timestamptz '{from}' + n * interval '7 minutes' FROM generate_series(1, {hours} * 60 / 7) n"
    ));
    for (n, now) in instants.iter().enumerate() {
        s.at(now);
        for account in ["a", "late"] {
            s.run(&format!("SELECT credits_debit('{account}', {n}.25 + 1, 'd{n}', actor => 'ann')"));
        }
        for period in ["hour", "day", "month"] {
            let early = s.one(&format!(
                "SELECT trim_scale(used) FROM credits_budgets WHERE account = 'a' AND period = '{period}' AND used_by = 'ann'"
            ));
            assert_eq!(early, drawn(&mut s, period, zone, now), "{zone}: the {period} at {now}");
            s.run("BEGIN");
            s.run(&format!("SELECT credits_set_budget('late', 1000000, '{period}', 'ann')"));
            let late = s.one("SELECT trim_scale(used) FROM credits_budgets WHERE account = 'late'");
            s.run("ROLLBACK");
            assert_eq!(late, early, "{zone}: the {period}, set at {now}");
        }
    }
    sound(&mut s);
}

#[test]
fn early_and_late_budgets_agree_where_the_clocks_change() {
    early_and_late("Europe/Berlin", "2026-03-28 21:00+00", 6);
    early_and_late("Europe/Berlin", "2026-10-24 20:00+00", 7);
    early_and_late("America/Sao_Paulo", "2019-02-16 23:00+00", 6);
}

#[test]
fn early_and_late_budgets_agree_where_the_clocks_change_by_half_an_hour() {
    early_and_late("Australia/Lord_Howe", "2026-04-04 11:00+00", 6);
    early_and_late("Australia/Lord_Howe", "2026-10-03 12:00+00", 6);
}

#[test]
fn early_and_late_budgets_agree_in_a_zone_of_odd_minutes() {
    early_and_late("Asia/Kathmandu", "2026-01-31 16:00+00", 4);
}

#[test]
fn a_period_of_another_time_zone_counts_what_was_drawn_in_it() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 100, 'day')");
        s.at("2026-01-10 14:30+00");
        draw(s, "20", "d1", "");
        s.at("2026-01-10 16:00+00");
        draw(s, "3", "d2", "");
        assert_eq!(budgets(s), ["day - -|100 23 77"]);
        // In Tokyo the eleventh began at 15:00 UTC, …
        s.run("SELECT credits_configure_account('a', time_zone => 'Asia/Tokyo')");
        assert_eq!(budgets(s), ["day - -|100 3 97"]);
        draw(s, "4", "d3", "");
        assert_eq!(budgets(s), ["day - -|100 7 93"]);
        // … in UTC it is the tenth still.
        s.run("SELECT credits_configure_account('a', time_zone => 'UTC')");
        assert_eq!(budgets(s), ["day - -|100 27 73"]);
        assert_eq!(over(s, "74", "").figure("used"), "27");
    });
}

#[test]
fn the_clock_set_back_does_not_open_an_old_period() {
    scenario(|s| {
        s.run("SELECT credits_set_budget('a', 10, 'day')");
        draw(s, "10", "d1", "");
        s.at("2026-01-11 12:00+00");
        draw(s, "6", "d2", "");
        // The ledger's time is never before its newest entry.
        s.at("2026-01-09 12:00+00");
        assert_eq!(over(s, "5", "").figure("used"), "6");
        draw(s, "4", "d3", "");
        s.at("2026-01-11 13:00+00");
        assert_eq!(budgets(s), ["day - -|10 10 0"]);
    });
}
