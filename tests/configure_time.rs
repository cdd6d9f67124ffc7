//! Changing what time does: anchor, length, zone and allowance in mid-cycle, manual and clock-driven accounts.

use credits_ledger_tests::{Database, Server, Session};

/// An account of 100 a month, anchored at midnight of 1 January 2026 UTC, ten days later.
fn opened(db: &Database, settings: &str) -> Session {
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run(&format!("SELECT credits_open_account('a', 100{settings})"));
    s.at("2026-01-10 00:00+00");
    s
}

fn configure(s: &mut Session, settings: &str) {
    s.run(&format!("SELECT credits_configure_account('a', {settings})"));
}

fn end(s: &mut Session) -> String {
    s.one("SELECT coalesce(cycle_end::text, 'never') FROM credits_balance('a')")
}

/// The next ends of cycle, as reads at each of them say.
fn ends(s: &mut Session, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let now = end(s);
        s.at(&now);
        seen.push(now);
    }
    seen
}

/// The first boundaries of a series after an instant, by plain SQL.
fn expected(s: &mut Session, anchor: &str, length: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    s.list(&format!(
        "SELECT b FROM (
             SELECT CASE WHEN n = 0 THEN timestamptz '{anchor}' ELSE
                 ((timestamptz '{anchor}' AT TIME ZONE '{zone}') + n * interval '{length}') AT TIME ZONE '{zone}' END AS b
             FROM generate_series(-1000, 1000) n) series
         WHERE b > '{after}' ORDER BY b LIMIT {count}"
    ))
}

#[test]
fn a_new_anchor() {
    let db = Server::shared().database();
    let mut s = opened(&db, "");
    configure(&mut s, "anchor => '2026-01-15 06:00+00'");
    assert_eq!(s.one("SELECT anchor FROM credits_accounts WHERE account = 'a'"), "2026-01-15 06:00:00+00");
    // The running cycle's end does not move; the new series starts with its first boundary after that.
    assert_eq!(
        ends(&mut s, 4),
        ["2026-02-01 00:00:00+00", "2026-02-15 06:00:00+00", "2026-03-15 06:00:00+00", "2026-04-15 06:00:00+00"]
    );
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list("SELECT cycle_start, cycle_end FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle"),
        [
            "2026-01-01 00:00:00+00|2026-02-01 00:00:00+00",
            "2026-02-01 00:00:00+00|2026-02-15 06:00:00+00",
            "2026-02-15 06:00:00+00|2026-03-15 06:00:00+00",
            "2026-03-15 06:00:00+00|2026-04-15 06:00:00+00"
        ]
    );
}

/// Anchors far off, in the past or the future, and one whose boundary falls exactly on the running cycle's end.
#[test]
fn new_anchors_near_and_far() {
    for anchor in [
        "2020-01-31 12:00+00",
        "2026-01-10 00:00+00",
        "2026-01-31 12:00+00",
        "2026-05-31 12:00+00",
        "2028-02-29 12:00+00",
        "2025-12-01 00:00+00",
        "2026-02-01 00:00:00.000001+00",
    ] {
        let db = Server::shared().database();
        let mut s = opened(&db, "");
        configure(&mut s, &format!("anchor => '{anchor}'"));
        let mut all = vec!["2026-02-01 00:00:00+00".to_owned()];
        all.extend(expected(&mut s, anchor, "1 month", "UTC", "2026-02-01 00:00+00", 4));
        assert_eq!(ends(&mut s, 5), all, "{anchor}");
    }
}

#[test]
fn a_new_length() {
    for length in ["7 days", "1 day", "1 year", "3 months", "P1M3D", "36 hours"] {
        let db = Server::shared().database();
        let mut s = opened(&db, "");
        configure(&mut s, &format!("cycle_length => '{length}'"));
        let mut all = vec!["2026-02-01 00:00:00+00".to_owned()];
        all.extend(expected(&mut s, "2026-01-01 00:00+00", length, "UTC", "2026-02-01 00:00+00", 4));
        assert_eq!(ends(&mut s, 5), all, "{length}");
    }
    let db = Server::shared().database();
    let mut s = opened(&db, "");
    configure(&mut s, "cycle_length => '7 days'");
    assert_eq!(ends(&mut s, 3), ["2026-02-01 00:00:00+00", "2026-02-05 00:00:00+00", "2026-02-12 00:00:00+00"]);
}

#[test]
fn a_new_zone() {
    for zone in ["America/New_York", "Asia/Kolkata", "Pacific/Apia"] {
        let db = Server::shared().database();
        let mut s = opened(&db, "");
        configure(&mut s, &format!("time_zone => '{zone}'"));
        let mut all = vec!["2026-02-01 00:00:00+00".to_owned()];
        all.extend(expected(&mut s, "2026-01-01 00:00+00", "1 month", zone, "2026-02-01 00:00+00", 5));
        assert_eq!(ends(&mut s, 6), all, "{zone}");
    }
    // Midnight UTC is 19:00 in New York, and after 8 March 20:00: in local time the anchor is 31 December, 19:00.
    let db = Server::shared().database();
    let mut s = opened(&db, "");
    configure(&mut s, "time_zone => 'America/New_York'");
    assert_eq!(ends(&mut s, 3), ["2026-02-01 00:00:00+00", "2026-03-01 00:00:00+00", "2026-03-31 23:00:00+00"]);
}

/// A change at the very instant of a boundary comes after it: the cycle that has just begun keeps the end it began
/// with.
#[test]
fn a_change_at_the_boundary() {
    let db = Server::shared().database();
    let mut s = opened(&db, "");
    s.at("2026-02-01 00:00+00");
    configure(&mut s, "anchor => '2026-02-10 00:00+00'");
    assert_eq!(ends(&mut s, 3), ["2026-03-01 00:00:00+00", "2026-03-10 00:00:00+00", "2026-04-10 00:00:00+00"]);
}

/// What was due before the change closes as it was then set.
#[test]
fn due_cycles_close_by_the_old_settings() {
    let db = Server::shared().database();
    let mut s = opened(&db, "");
    s.at("2026-04-10 00:00+00");
    s.row("SELECT * FROM credits_configure_account('a', allowance => 30, cycle_length => '7 days')").has(&[
        ("allowance", "100"),
        ("allowance_granted", "100"),
        ("cycle_start", "2026-04-01 00:00:00+00"),
        ("cycle_end", "2026-05-01 00:00:00+00"),
    ]);
    assert_eq!(
        s.list("SELECT granted, expired, cycle_end FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle"),
        ["100|100|2026-02-01 00:00:00+00", "100|100|2026-03-01 00:00:00+00", "100|100|2026-04-01 00:00:00+00"]
    );
    assert_eq!(
        s.one("SELECT string_agg(operation, ' ' ORDER BY entry) FROM credits_history WHERE account = 'a' AND operation <> 'rollover'"),
        "open allowance expire allowance expire allowance expire allowance configure"
    );
    s.at("2026-05-01 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "30"), ("cycle_end", "2026-05-07 00:00:00+00")]);
}

/// A changed allowance counts from the next cycle, up or down, from nothing or to nothing.
#[test]
fn a_new_allowance() {
    let db = Server::shared().database();
    let mut s = opened(&db, "");
    s.run("SELECT credits_debit('a', 30, 'd1')");
    s.row("SELECT * FROM credits_configure_account('a', allowance => 250.5)").has(&[
        ("allowance", "70"),
        ("allowance_granted", "100"),
        ("used", "30"),
        ("balance", "70"),
    ]);
    assert_eq!(s.error("SELECT credits_debit('a', 71, 'd2')").code, "LC001");
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "250.5"), ("allowance_granted", "250.5")]);
    configure(&mut s, "allowance => 10");
    assert_eq!(s.one("SELECT allowance FROM credits_balance('a')"), "250.5");
    configure(&mut s, "allowance => 0");
    s.at("2026-03-01 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("allowance", "0"),
        ("allowance_granted", "0"),
        ("balance", "0"),
    ]);
    configure(&mut s, "allowance => 5");
    assert_eq!(s.one("SELECT allowance FROM credits_balance('a')"), "0");
    s.at("2026-04-01 00:00+00");
    assert_eq!(s.one("SELECT allowance FROM credits_balance('a')"), "5");
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list("SELECT granted, used FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle"),
        ["100|30", "250.5|0", "0|0"]
    );
}

/// From manual to clock: the running cycle ends at the series' first boundary after now.
#[test]
fn from_manual_to_clock() {
    let db = Server::shared().database();
    let mut s = opened(&db, ", cycle_length => '0'");
    assert_eq!(end(&mut s), "never");
    s.run("SELECT credits_debit('a', 30, 'd1')");
    s.row("SELECT * FROM credits_configure_account('a', cycle_length => '1 month')").has(&[
        ("allowance", "70"),
        ("used", "30"),
        ("cycle_start", "2026-01-01 00:00:00+00"),
        ("cycle_end", "2026-02-01 00:00:00+00"),
    ]);
    assert_eq!(ends(&mut s, 2), ["2026-02-01 00:00:00+00", "2026-03-01 00:00:00+00"]);
    assert_eq!(s.one("SELECT allowance FROM credits_balance('a')"), "100");

    // With an anchor of its own, and long after the opening.
    let db = Server::shared().database();
    let mut s = opened(&db, ", cycle_length => '0'");
    s.at("2026-07-20 00:00+00");
    configure(&mut s, "cycle_length => '7 days', anchor => '2026-07-22 12:00+00', time_zone => 'Europe/Berlin'");
    assert_eq!(ends(&mut s, 2), ["2026-07-22 12:00:00+00", "2026-07-29 12:00:00+00"]);
    assert_eq!(s.list("SELECT cycle_start, allowance FROM credits_balance('a')"), ["2026-07-29 12:00:00+00|100"]);
    assert_eq!(s.error("SELECT credits_configure_account('a', cycle_length => '-1 day')").code, "LC005");
}

/// Lots that count cycles follow: with an end in sight they expire at it.
#[test]
fn lots_by_cycle_follow_from_manual_to_clock() {
    let db = Server::shared().database();
    let mut s = opened(&db, ", cycle_length => '0'");
    s.run("SELECT credits_grant('a', 5, 'g1', 'promo', expires_after_cycles => 1)");
    s.run("SELECT credits_grant('a', 7, 'g2', 'promo', expires_after_cycles => 2)");
    configure(&mut s, "cycle_length => '1 month'");
    let mut seen = Vec::new();
    for now in
        ["2026-01-31 23:59:59.999999+00", "2026-02-01 00:00+00", "2026-02-28 23:59:59.999999+00", "2026-03-01 00:00+00"]
    {
        s.at(now);
        seen.push(s.one("SELECT credits FROM credits_balance('a')"));
    }
    assert_eq!(seen, ["12", "7", "7", "0"]);
}

/// From clock to manual: the running cycle ends when it was to end, the next one has no end.
#[test]
fn from_clock_to_manual() {
    let db = Server::shared().database();
    let mut s = opened(&db, "");
    s.run("SELECT credits_debit('a', 30, 'd1')");
    configure(&mut s, "cycle_length => '0'");
    assert_eq!(end(&mut s), "2026-02-01 00:00:00+00");
    assert_eq!(s.one("SELECT allowance FROM credits_balance('a')"), "70");
    s.at("2026-02-01 00:00+00");
    assert_eq!(
        s.list("SELECT allowance, cycle_start, cycle_end IS NULL FROM credits_balance('a')"),
        ["100|2026-02-01 00:00:00+00|t"]
    );
    s.at("2031-02-01 00:00+00");
    assert_eq!(
        s.list("SELECT allowance, cycle_start, cycle_end IS NULL FROM credits_balance('a')"),
        ["100|2026-02-01 00:00:00+00|t"]
    );
    s.row("SELECT * FROM credits_reset_cycle('a', 'r')")
        .has(&[("cycles_closed", "2"), ("cycle_start", "2031-02-01 00:00:00+00")]);
}

/// `clear` sets settings back to their defaults.
#[test]
fn clear() {
    let db = Server::shared().database();
    let mut s = opened(
        &db,
        ", cycle_length => '7 days', time_zone => 'Asia/Tokyo', rollover_percent => 50, rollover_max => 9, overdraft_limit => 8, debt_policy => 'forgive_at_reset', metadata => '{\"a\": 1}'",
    );
    configure(
        &mut s,
        "clear => '{allowance, cycle_length, time_zone, rollover_percent, rollover_max, overdraft_limit, debt_policy, metadata}'",
    );
    assert_eq!(
        s.list(
            "SELECT cycle_length, time_zone, rollover_percent, rollover_max IS NULL, overdraft_limit, debt_policy, metadata IS NULL
             FROM credits_accounts WHERE account = 'a'"
        ),
        ["1 mon|UTC|0|t|0|repay|t"]
    );
    // 10 January is in the second week, into which 9 rolled over; it ends as it was to, and the allowance of 0 counts
    // from then.
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "109"), ("cycle_end", "2026-01-15 00:00:00+00")]);
    s.at("2026-01-15 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "0"), ("cycle_end", "2026-02-01 00:00:00+00")]);
    for clear in ["'{nonsense}'", "'{status}'", "'{NULL}'"] {
        assert_eq!(
            s.error(&format!("SELECT credits_configure_account('a', clear => {clear})")).code,
            "LC005",
            "{clear}"
        );
    }
}

/// Configuration that changes nothing writes no entry; each change is one.
#[test]
fn what_is_recorded() {
    let db = Server::shared().database();
    let mut s = opened(&db, ", rollover_max => 9");
    let entries = |s: &mut Session| s.one("SELECT count(*) FROM credits_history WHERE account = 'a'");
    assert_eq!(entries(&mut s), "2");
    configure(&mut s, "allowance => 100.0, cycle_length => '1 month', time_zone => 'UTC', rollover_max => 9.000");
    configure(&mut s, "anchor => '2026-01-01 00:00+00', overdraft_limit => 0, clear => '{debt_policy}'");
    s.run("SELECT credits_configure_account('a')");
    assert_eq!(entries(&mut s), "2");
    configure(&mut s, "rollover_percent => 10");
    configure(&mut s, "rollover_percent => 10");
    assert_eq!(
        s.list("SELECT entry, operation, amount, balance FROM credits_history WHERE account = 'a' AND entry > 2"),
        ["3|configure|0|100"]
    );
    assert_eq!(s.error("SELECT credits_configure_account('nobody', allowance => 1)").code, "LC002");
}
