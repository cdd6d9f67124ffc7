//! Where cycles begin and end.
//!
//! The oracle is plain SQL: boundary n is `(anchor in local time + n × length) AT TIME ZONE zone`, boundary 0 the
//! anchor itself.

use credits_ledger_tests::{Server, Session};

/// Boundaries `first..=last` of a series as Postgres itself computes them, in order, each instant once.
fn boundaries(s: &mut Session, anchor: &str, length: &str, zone: &str, first: i32, last: i32) -> Vec<String> {
    s.list(&format!(
        "SELECT DISTINCT CASE WHEN n = 0 THEN timestamptz '{anchor}'
                ELSE ((timestamptz '{anchor}' AT TIME ZONE '{zone}') + n * interval '{length}') AT TIME ZONE '{zone}' END AS b
         FROM generate_series({first}, {last}) n ORDER BY b"
    ))
}

fn microsecond_before(s: &mut Session, instant: &str) -> String {
    s.one(&format!("SELECT timestamptz '{instant}' - interval '1 microsecond'"))
}

/// `cycle_start|cycle_end|allowance` as a read at the session's time says.
fn running(s: &mut Session, account: &str) -> String {
    s.list(&format!("SELECT cycle_start, cycle_end, allowance FROM credits_balance('{account}')")).remove(0)
}

/// Follows a series through `last` cycles: by asking ahead, by reading at each boundary and just before it, and by
/// what the closings recorded.
fn follow(anchor: &str, length: &str, zone: &str, last: i32) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    let bounds = boundaries(&mut s, anchor, length, zone, 0, last);
    assert!(bounds.len() > 2, "a series to follow: {anchor} {length} {zone}");
    s.at(anchor);
    s.run(&format!("SELECT credits_open_account('a', 10, '{length}', '{anchor}', '{zone}')"));

    for pair in bounds.windows(2) {
        let ahead = s.list(&format!(
            "SELECT cycle_start, cycle_end, allowance FROM credits_balance_at('a', timestamptz '{}')",
            pair[0]
        ));
        assert_eq!(ahead, [format!("{}|{}|10", pair[0], pair[1])], "asked ahead: {anchor} {length} {zone}");
    }
    for (n, pair) in bounds.windows(2).enumerate() {
        let expected = format!("{}|{}|10", pair[0], pair[1]);
        s.at(&pair[0]);
        assert_eq!(running(&mut s, "a"), expected, "at the boundary: {anchor} {length} {zone}");
        let before = microsecond_before(&mut s, &pair[1]);
        s.at(&before);
        assert_eq!(running(&mut s, "a"), expected, "just before the end: {anchor} {length} {zone}");
        if n % 3 != 2 {
            // Two of three cycles are closed one by one, the third is a missed one.
            let left = s.one(&format!("SELECT allowance FROM credits_debit('a', 1, 'k{n}')"));
            assert_eq!(left, "9", "{anchor} {length} {zone}");
        }
    }
    s.at(bounds.last().unwrap());
    s.run("SELECT credits_reset_cycle('a')");
    // Where the clocks skip, two boundaries can fall on one instant: what lies between has no length.
    let closed = s.list(
        "SELECT cycle_start, cycle_end, used FROM credits_cycles
         WHERE account = 'a' AND closed_at IS NOT NULL AND cycle_start < cycle_end ORDER BY cycle",
    );
    let expected: Vec<String> = bounds
        .windows(2)
        .enumerate()
        .map(|(n, pair)| format!("{}|{}|{}", pair[0], pair[1], if n % 3 == 2 { 0 } else { 1 }))
        .collect();
    assert_eq!(closed, expected, "recorded: {anchor} {length} {zone}");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn month_ends_count_from_the_original_anchor() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-31 12:00+00");
    s.run("SELECT credits_open_account('a', 100)");
    let mut seen = Vec::new();
    for now in ["2026-01-31 12:00+00", "2026-02-28 12:00+00", "2026-03-31 12:00+00", "2026-04-30 12:00+00"] {
        s.at(now);
        seen.push(s.one("SELECT cycle_end FROM credits_balance('a')"));
        s.run("SELECT credits_reset_cycle('a')");
    }
    assert_eq!(
        seen,
        ["2026-02-28 12:00:00+00", "2026-03-31 12:00:00+00", "2026-04-30 12:00:00+00", "2026-05-31 12:00:00+00"]
    );
}

#[test]
fn months() {
    follow("2026-01-31 12:00+00", "1 month", "UTC", 26);
    follow("2023-12-31 23:59:59.999999+00", "1 month", "UTC", 15);
    follow("2025-08-31 00:00+00", "3 months", "UTC", 9);
    follow("2026-01-30 18:30+00", "1 month", "Asia/Kolkata", 14);
    follow("2026-01-31 18:15+00", "1 month", "Asia/Kathmandu", 6);
}

#[test]
fn leap_days_and_year_ends() {
    follow("2024-02-29 00:00+00", "1 year", "UTC", 9);
    follow("2024-02-29 12:00+00", "1 month", "UTC", 26);
    follow("2023-12-29 00:00+00", "1 month", "UTC", 4);
    follow("2027-12-31 16:00+00", "1 month", "Asia/Tokyo", 4);
    follow("2024-02-26 00:00+00", "1 day", "UTC", 6);
}

#[test]
fn weeks_days_hours_and_mixed_lengths() {
    follow("2026-01-05 09:00+00", "7 days", "UTC", 10);
    follow("2026-01-05 09:00+00", "2 weeks", "Europe/Berlin", 10);
    follow("2026-02-26 00:00+00", "1 day", "UTC", 6);
    follow("2026-02-28 20:00+00", "1 hour", "UTC", 10);
    follow("2026-02-28 20:00+00", "90 minutes", "Asia/Kolkata", 10);
    follow("2026-02-28 20:00+00", "36 hours", "UTC", 8);
    follow("2026-01-31 12:00+00", "P1M3D", "UTC", 14);
    follow("2026-01-31 12:00+00", "P1M3D", "America/New_York", 14);
    follow("2026-01-31 12:00+00", "1 month 1 day 02:00", "Europe/Berlin", 10);
}

/// 02:30 on 8 March 2026 does not exist in New York, 01:30 on 1 November happens twice.
#[test]
fn new_york_gap_and_overlap() {
    follow("2026-02-08 07:30+00", "1 month", "America/New_York", 5);
    follow("2026-03-06 07:30+00", "1 day", "America/New_York", 5);
    follow("2026-10-01 05:30+00", "1 month", "America/New_York", 4);
    follow("2026-10-30 05:30+00", "1 day", "America/New_York", 5);
    follow("2026-03-08 04:00+00", "1 hour", "America/New_York", 8);
    follow("2026-11-01 03:00+00", "1 hour", "America/New_York", 8);
}

/// 02:30 on 29 March 2026 does not exist in Berlin, 02:30 on 25 October happens twice.
#[test]
fn berlin_gap_and_overlap() {
    follow("2026-03-22 01:30+00", "1 week", "Europe/Berlin", 4);
    follow("2026-01-29 01:30+00", "1 month", "Europe/Berlin", 5);
    follow("2026-10-18 00:30+00", "1 week", "Europe/Berlin", 4);
    follow("2026-08-25 00:30+00", "1 month", "Europe/Berlin", 5);
    follow("2026-03-15 23:00+00", "1 month", "Europe/Berlin", 14);
}

/// In São Paulo the clocks changed at midnight: 4 November 2018 began at 01:00, and 16 February 2019 had its last
/// hour twice.
#[test]
fn sao_paulo_midnights() {
    follow("2018-10-04 03:00+00", "1 month", "America/Sao_Paulo", 6);
    follow("2018-11-02 03:00+00", "1 day", "America/Sao_Paulo", 5);
    follow("2018-12-17 01:30+00", "1 month", "America/Sao_Paulo", 5);
    follow("2019-02-15 01:30+00", "1 day", "America/Sao_Paulo", 5);
}

/// Samoa moved across the date line: 30 December 2011 never happened there.
#[test]
fn apia_skips_a_day() {
    follow("2011-12-26 22:00+00", "1 day", "Pacific/Apia", 9);
    follow("2011-11-30 10:00+00", "1 month", "Pacific/Apia", 4);
    follow("2011-12-09 18:00+00", "1 week", "Pacific/Apia", 6);
}

/// Half an hour on Lord Howe Island, two hours at Troll.
#[test]
fn unusual_shifts() {
    follow("2026-09-03 16:15+00", "1 month", "Australia/Lord_Howe", 9);
    follow("2026-03-28 01:30+00", "1 day", "Antarctica/Troll", 4);
    follow("2026-10-24 00:30+00", "1 day", "Antarctica/Troll", 4);
}

/// Any zone that `AT TIME ZONE` knows, by whatever name, and rules beyond the tables and before them.
#[test]
fn zones_by_other_names_and_other_centuries() {
    for zone in
        ["utc", "america/NEW_york", "EST5EDT", "CET", "EST", "PDT", "Etc/GMT+5", "posix/Europe/Berlin", "<+0330>-3:30"]
    {
        follow("2026-02-08 07:30+00", "1 month", zone, 4);
    }
    follow("2060-02-14 07:30+00", "1 month", "America/New_York", 12);
    follow("2500-03-28 01:30+00", "7 days", "Europe/Berlin", 4);
    follow("1937-06-29 23:00+00", "1 day", "Europe/Amsterdam", 4);
    follow("1883-11-17 17:00+00", "1 day", "America/New_York", 4);
}

/// The first cycle begins at the anchor given, also where its local time happens twice and would be resolved to the
/// second one.
#[test]
fn boundary_zero_is_the_anchor_itself() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-11-01 05:45+00");
    s.run("SELECT credits_open_account('a', 10, '1 week', '2026-11-01 05:30+00', 'America/New_York')");
    assert_eq!(running(&mut s, "a"), "2026-11-01 05:30:00+00|2026-11-08 06:30:00+00|10");
    s.at("2026-11-08 06:30+00");
    assert_eq!(running(&mut s, "a"), "2026-11-08 06:30:00+00|2026-11-15 06:30:00+00|10");
    follow("2026-11-01 05:30+00", "1 week", "America/New_York", 4);
}

/// Half-hour cycles over a spring-forward: local times that do not exist come after some that do. Whatever the
/// cycles are called, the running one contains now.
#[test]
fn the_running_cycle_contains_now() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-03-08 05:00+00");
    s.run("SELECT credits_open_account('a', 10, '30 minutes', NULL, 'America/New_York')");
    for step in 0..48 {
        let now = s.one(&format!("SELECT timestamptz '2026-03-08 05:00+00' + {step} * interval '5 minutes'"));
        s.at(&now);
        let contains = s.one(&format!(
            "SELECT cycle_start <= '{now}' AND '{now}' < cycle_end AND allowance = 10 FROM credits_balance('a')"
        ));
        assert_eq!(contains, "t", "at {now}: {}", running(&mut s, "a"));
        if step % 7 == 0 {
            s.run("SELECT credits_reset_cycle('a')");
        }
    }
    assert_eq!(running(&mut s, "a"), "2026-03-08 08:30:00+00|2026-03-08 09:00:00+00|10");
}

/// An anchor may lie in the past or the future: the running cycle is the one that contains now, with the whole
/// allowance, and the series goes on from there.
#[test]
fn anchors_in_the_past_and_in_the_future() {
    let cases = [
        ("2024-01-31 09:00+00", "1 month", "UTC", "2026-03-15 00:00+00"),
        ("2024-01-31 09:00+00", "1 month", "UTC", "2026-02-28 09:00+00"),
        ("2024-02-29 09:00+00", "1 year", "UTC", "2026-03-15 00:00+00"),
        ("1999-12-31 23:00+00", "1 day", "UTC", "2026-03-15 00:00+00"),
        ("2021-05-31 01:30+00", "1 month", "America/New_York", "2026-03-31 00:00+00"),
        ("2020-01-31 12:00+00", "P1M3D", "UTC", "2026-03-15 00:00+00"),
        ("2026-05-31 09:00+00", "1 month", "UTC", "2026-03-15 00:00+00"),
        ("2026-05-31 09:00+00", "1 month", "UTC", "2026-02-28 09:00+00"),
        ("2026-05-31 09:00+00", "1 month", "UTC", "2026-02-28 08:59:59.999999+00"),
        ("2030-01-01 00:00+00", "7 days", "Europe/Berlin", "2026-07-01 12:00+00"),
        ("2026-04-29 01:30+00", "1 month", "Europe/Berlin", "2026-03-29 00:00+00"),
        ("2026-06-30 12:00+00", "P1M3D", "UTC", "2026-03-15 00:00+00"),
        ("2028-02-29 12:00+00", "1 year", "UTC", "2026-03-15 00:00+00"),
    ];
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    for (n, (anchor, length, zone, now)) in cases.into_iter().enumerate() {
        s.at(now);
        let bounds = s.list(&format!(
            "WITH series AS (
                 SELECT DISTINCT CASE WHEN n = 0 THEN timestamptz '{anchor}' ELSE
                     ((timestamptz '{anchor}' AT TIME ZONE '{zone}') + n * interval '{length}') AT TIME ZONE '{zone}' END AS b
                 FROM generate_series(-300, 10000) n)
             SELECT b FROM series WHERE b >= (SELECT max(b) FROM series WHERE b <= '{now}') ORDER BY b LIMIT 5"
        ));
        assert_eq!(bounds.len(), 5, "the oracle's series contains now: case {n}");
        s.run(&format!("SELECT credits_open_account('a{n}', 10, '{length}', '{anchor}', '{zone}')"));
        for pair in bounds.windows(2) {
            assert_eq!(running(&mut s, &format!("a{n}")), format!("{}|{}|10", pair[0], pair[1]), "case {n}: {anchor}");
            s.at(&pair[1]);
        }
    }
}

/// At the boundary instant the new cycle has begun: what is drawn then is the new allowance and counts for the new
/// cycle.
#[test]
fn periods_are_half_open() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 100)");
    let first: i64 = s.one("SELECT cycle FROM credits_balance('a')").parse().unwrap();

    s.at("2026-01-31 23:59:59.999999+00");
    assert_eq!(
        s.list("SELECT from_allowance, allowance, recorded_at FROM credits_debit('a', 60, 'last')"),
        ["60|40|2026-01-31 23:59:59.999999+00"]
    );
    assert_eq!(s.one("SELECT cycle FROM credits_balance('a')"), first.to_string());

    s.at("2026-02-01 00:00+00");
    assert_eq!(
        s.list("SELECT allowance, allowance_granted, used, cycle_start, cycle_end FROM credits_balance('a')"),
        ["100|100|0|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"]
    );
    assert_eq!(s.list("SELECT from_allowance, allowance FROM credits_debit('a', 70, 'first')"), ["70|30"]);
    assert_eq!(s.list("SELECT used, cycle FROM credits_balance('a')"), [format!("70|{}", first + 1)]);
    assert_eq!(
        s.list("SELECT granted, used, expired, cycle_start, cycle_end FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
        [
            "100|60|40|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00",
            "100|70|0|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"
        ]
    );
}

/// Lots, too: at `expires_at` a lot is gone, at `effective_at` it is there.
#[test]
fn lots_are_half_open() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a')");
    s.run("SELECT credits_grant('a', 5, 'g1', 'promo', expires_at => '2026-01-10 00:00+00')");
    s.run("SELECT credits_grant('a', 7, 'g2', 'promo', effective_at => '2026-01-10 00:00+00')");
    s.at("2026-01-09 23:59:59.999999+00");
    assert_eq!(s.one("SELECT credits FROM credits_balance('a')"), "5");
    s.at("2026-01-10 00:00+00");
    assert_eq!(s.one("SELECT credits FROM credits_balance('a')"), "7");
    assert_eq!(s.one("SELECT credits FROM credits_debit('a', 7, 'd')"), "0");
}

/// A manual account's cycle has no end of its own.
#[test]
fn manual_accounts_wait() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 100, '0')");
    s.run("SELECT credits_debit('a', 30, 'd1')");
    s.at("2036-06-01 00:00+00");
    assert_eq!(
        s.list("SELECT allowance, used, cycle_start, cycle_end IS NULL FROM credits_balance('a')"),
        ["70|30|2026-01-01 00:00:00+00|t"]
    );
    assert_eq!(s.one("SELECT allowance FROM credits_debit('a', 30, 'd2')"), "40");
    assert_eq!(s.one("SELECT count(*) FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL"), "0");
}

/// `expires_in` is added in the account's local time, too: a day over the change of clocks has 23 or 25 hours.
#[test]
fn expiry_is_added_in_local_time() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    let cases = [
        ("America/New_York", "2026-03-07 17:00+00", "1 day"),
        ("America/New_York", "2026-03-07 07:30+00", "1 day"),
        ("America/New_York", "2026-10-31 16:00+00", "1 day 12 hours"),
        ("Europe/Berlin", "2026-01-31 23:30+00", "1 month"),
        ("Europe/Berlin", "2026-03-28 12:00+00", "24 hours"),
        ("Pacific/Apia", "2011-12-29 12:00+00", "1 day"),
        ("UTC", "2028-02-29 12:00+00", "1 year"),
    ];
    for (n, (zone, now, length)) in cases.into_iter().enumerate() {
        s.at(now);
        s.run(&format!("SELECT credits_open_account('a{n}', 0, '0', time_zone => '{zone}')"));
        s.run(&format!("SELECT credits_grant('a{n}', 5, 'g', 'promo', expires_in => '{length}')"));
        let expected = s.one(&format!(
            "SELECT ((timestamptz '{now}' AT TIME ZONE '{zone}') + interval '{length}') AT TIME ZONE '{zone}'"
        ));
        assert_eq!(
            s.one(&format!("SELECT expires_at FROM credits_grants WHERE account = 'a{n}'")),
            expected,
            "{zone} {now}"
        );
        let before = microsecond_before(&mut s, &expected);
        s.at(&before);
        assert_eq!(s.one(&format!("SELECT credits FROM credits_balance('a{n}')")), "5", "{zone} {now}");
        s.at(&expected);
        assert_eq!(s.one(&format!("SELECT credits FROM credits_balance('a{n}')")), "0", "{zone} {now}");
    }
}

/// Neither the reader's nor the writer's TimeZone has a part in it.
#[test]
fn the_sessions_time_zone_does_not_matter() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'Pacific/Auckland'");
    s.at("2026-01-31 12:00+00");
    s.run("SELECT credits_open_account('a', 100, '1 month')");
    s.run("SELECT credits_grant('a', 5, 'g', 'promo', expires_in => '1 month')");
    s.run("SET TimeZone = 'America/New_York'");
    s.at("2026-03-02 00:00+00");
    s.run("SELECT credits_debit('a', 1, 'd')");
    s.run("SET TimeZone = 'UTC'");
    assert_eq!(
        s.list("SELECT cycle_start, cycle_end FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
        ["2026-01-31 12:00:00+00|2026-02-28 12:00:00+00", "2026-02-28 12:00:00+00|2026-03-31 12:00:00+00"]
    );
    assert_eq!(
        s.one("SELECT expires_at FROM credits_grants WHERE account = 'a' AND kind = 'promo'"),
        "2026-02-28 12:00:00+00"
    );
}

/// Nor do the settings that change how values are written and read: the same calls leave the same rows.
#[test]
fn the_sessions_formats_do_not_matter() {
    let history = |settings: &[&str]| {
        let db = Server::shared().database();
        let mut s = db.session();
        for setting in settings {
            s.run(&format!("SET {setting}"));
        }
        s.at("2026-01-31T12:00:00+00");
        s.run("SELECT credits_open_account('a', 100.5, '1 month 2 days 03:00:00', time_zone => 'Europe/Berlin', rollover_percent => 12.5)");
        s.run(
            "SELECT credits_grant('a', 5.25, 'g1', 'promo', expires_in => '1 month 1 day', features => '{\"a b\",c}')",
        );
        s.run("SELECT credits_grant('a', 7, 'g2', effective_at => '2026-02-03T04:05:06.789+00', expires_after_cycles => 2)");
        s.run("SELECT credits_debit('a', 30.000001, 'd1', 'c')");
        s.run("SELECT credits_configure_account('a', cycle_length => '10 days', anchor => '2026-03-04T05:06:07+00')");
        s.at("2026-04-05T06:07:08+00");
        s.run("SELECT credits_reset_cycle('a', 'r1', '2026-04-05T05:00:00+00')");
        s.run("SELECT credits_reset_cycle('a', 'r1', '2026-04-05T05:00:00+00')");
        s.run("SELECT credits_open_account('a', 100.5, '1 month 2 days 03:00:00', time_zone => 'Europe/Berlin', rollover_percent => 12.5)");
        s.run("SELECT credits_close_account('a', 'done')");
        assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
        s.run("RESET ALL");
        s.at("2026-04-05T06:07:08+00");
        let mut rows = s.list("SELECT * FROM credits_balance_at('a', '2026-03-20T00:00:00+00')");
        for table in ["accounts", "entries", "lots", "cycles"] {
            rows.extend(s.list(&format!("SELECT t::text FROM credits_ledger.{table} t ORDER BY 1")));
        }
        rows
    };
    let plain = history(&[]);
    assert!(plain.len() > 20, "{plain:#?}");
    let strange = [
        "DateStyle = 'German, DMY'",
        "IntervalStyle = 'iso_8601'",
        "TimeZone = 'Asia/Kathmandu'",
        "extra_float_digits = -15",
        "bytea_output = 'escape'",
        "standard_conforming_strings = off",
        "escape_string_warning = off",
        "backslash_quote = off",
        "array_nulls = off",
        "transform_null_equals = on",
        "quote_all_identifiers = on",
        "xmlbinary = 'hex'",
        "enable_indexscan = off",
        "enable_indexonlyscan = off",
        "enable_bitmapscan = off",
        "plan_cache_mode = 'force_generic_plan'",
        "jit = off",
    ];
    assert_eq!(history(&strange), plain);
    assert_eq!(history(&["DateStyle = 'SQL, MDY'", "IntervalStyle = 'sql_standard'", "enable_seqscan = off"]), plain);
    assert_eq!(
        history(&["IntervalStyle = 'postgres_verbose'", "DateStyle = 'Postgres, DMY'", "client_encoding = 'LATIN1'"]),
        plain
    );
}

#[test]
fn lengths_and_zones_that_cannot_be() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at("2026-01-01 00:00+00");
    for arguments in [
        "cycle_length => '-1 month'",
        "cycle_length => '-1 second'",
        "time_zone => 'Mars/Olympus'",
        "time_zone => ''",
        "anchor => 'infinity'",
        "anchor => '-infinity'",
    ] {
        let error = s.error(&format!("SELECT credits_open_account('a', 10, {arguments})"));
        assert_eq!(error.code, "LC005", "{arguments}: {}", error.message);
    }
    assert_eq!(s.error("SELECT credits_balance('a')").code, "LC002");
}
