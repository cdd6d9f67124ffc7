//! Time makes conditions true and false, too: by what expires, by grants whose time has come, by new cycles.

use super::{NOTHING, after, sound, start, told};
use credits_ledger_tests::Session;

/// The events of an account's alerts, with the instants at which they happened.
fn story(s: &mut Session, account: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT type, payload ->> 'alert', occurred_at, payload ->> 'available', payload -> 'cycle' FROM credits_events
         WHERE account = '{account}' AND type LIKE 'alert.%' ORDER BY event"
    ))
}

#[test]
fn maintenance_tells_what_time_did_while_nobody_wrote() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a')");
    s.run("SELECT credits_set_alert('a', 'few', below => 20)");
    assert_eq!(told(&mut s, "a"), ["few"]);
    assert_eq!(
        after(&mut s, "a", "credits_grant('a', 30, 'g1', 'promo', expires_at => '2026-04-10')"),
        ["cleared few"]
    );
    s.run("SELECT credits_grant('a', 5, 'g2', 'promo', expires_at => '2026-04-12')");
    s.run("SELECT credits_grant('a', 40, 'g3', 'promo', effective_at => '2026-04-20')");
    assert_eq!(told(&mut s, "a"), NOTHING);
    for (at, expected) in [
        ("2026-04-09 23:59:59+00", vec![]),
        ("2026-04-10 00:00+00", vec!["few"]),
        ("2026-04-11 23:00+00", vec![]),
        ("2026-04-12 08:00+00", vec!["exhausted"]),
        ("2026-04-19 00:00+00", vec![]),
        ("2026-04-21 00:00+00", vec!["cleared exhausted", "cleared few"]),
        ("2026-06-21 00:00+00", vec![]),
    ] {
        s.at(at);
        // A read tells nobody.
        s.run("SELECT credits_balance('a'), credits_forecast('a')");
        assert_eq!(told(&mut s, "a"), NOTHING, "{at}");
        assert_eq!(after(&mut s, "a", "credits_maintain()"), expected, "{at}");
    }
    sound(&mut s);
}

/// Whether time was recorded each day or a year late: the same was told, of the same instants.
#[test]
fn it_makes_no_difference_when_time_is_recorded() {
    let (_db, mut s) = start();
    for account in ["daily", "late", "used"] {
        s.run(&format!("SELECT credits_open_account('{account}', 0)"));
        s.run(&format!("SELECT credits_set_alert('{account}', 'few', below => 10)"));
        for month in 4..12 {
            s.run(&format!(
                "SELECT credits_grant('{account}', {month}, 'g{month}', 'promo', effective_at => '2026-{month}-02', expires_in => '40 days')"
            ));
            s.run(&format!(
                "SELECT credits_grant('{account}', 3, 'h{month}', 'bonus', effective_at => '2026-{month}-05', expires_after_cycles => 1)"
            ));
        }
    }
    for month in 4..13 {
        for day in [1, 3, 8, 11, 12, 13, 14, 20, 28] {
            s.at(&format!("2026-{month}-{day} 07:00+00"));
            s.run("SELECT credits_freeze_account('daily', 'now'), credits_unfreeze_account('daily')");
        }
    }
    s.run("SELECT credits_maintain()");
    s.run("SELECT credits_grant('used', 1, 'g')");
    let daily = story(&mut s, "daily");
    assert!(daily.len() > 8, "{daily:?}");
    assert_eq!(story(&mut s, "late"), daily);
    assert_eq!(story(&mut s, "used")[..daily.len()], daily);
    sound(&mut s);
}

#[test]
fn a_cycle_that_nobody_closed_arms_an_alert_before_it_fires_again() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 100)");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 80, 'd1')"), ["low"]);
    s.at("2026-08-15 00:00+00");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 80, 'd2')"), ["cleared low", "low"]);
    assert_eq!(
        story(&mut s, "a"),
        [
            "alert.low|low|2026-04-01 00:00:00+00|20|1",
            "alert.cleared|low|2026-05-01 00:00:00+00|100|2",
            "alert.low|low|2026-08-15 00:00:00+00|20|5"
        ]
    );
    sound(&mut s);
}

/// A hold that lapses gives back, which is no grant; with it the account has what it had.
#[test]
fn a_lapse_arms_nothing() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 10)");
    assert_eq!(after(&mut s, "a", "credits_hold('a', 10, 'h')"), ["exhausted"]);
    s.at("2026-04-01 12:00+00");
    assert_eq!(after(&mut s, "a", "credits_maintain()"), NOTHING);
    assert_eq!(s.one("SELECT available FROM credits_balance('a')"), "10");
    assert_eq!(after(&mut s, "a", "credits_hold('a', 10, 'h2')"), NOTHING);
    s.at("2026-05-01 00:00+00");
    assert_eq!(after(&mut s, "a", "credits_maintain()"), ["cleared exhausted"]);
    assert_eq!(after(&mut s, "a", "credits_hold('a', 10, 'h3')"), ["exhausted"]);
    sound(&mut s);
}

/// A thousand cycles that nobody closed, in pieces, each with its own alerts.
#[test]
fn many_missed_cycles() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 10, '1 hour')");
    s.run("SELECT credits_set_alert('a', 'few', below => 20)");
    s.run("SELECT credits_grant('a', 15, 'g', expires_after_cycles => 1200)");
    assert_eq!(told(&mut s, "a"), ["few", "cleared few"]);
    s.at("2026-06-30 00:00+00");
    assert_eq!(after(&mut s, "a", "credits_maintain()"), ["few"]);
    assert_eq!(
        s.one("SELECT payload -> 'cycle' FROM credits_events WHERE type = 'alert.few' ORDER BY event DESC LIMIT 1"),
        "1201"
    );
    sound(&mut s);
}
