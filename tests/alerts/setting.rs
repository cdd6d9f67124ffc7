//! `credits_set_alert` and `credits_alerts`.

use super::{NOTHING, after, sound, start, told};

#[test]
fn an_alert_is_stored_and_shown_as_it_was_set() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 100, '0')");
    let returned = s.row("SELECT * FROM credits_set_alert('a', 'few', below => 12.5)");
    returned.has(&[
        ("account", "a"),
        ("alert", "few"),
        ("below", "12.5"),
        ("used_percent", "NULL"),
        ("only_if_on_pace", "f"),
        ("enabled", "t"),
        ("fired_at", "NULL"),
    ]);
    let shown = s.row("SELECT * FROM credits_alerts WHERE account = 'a' AND alert = 'few'");
    assert_eq!((shown.columns(), shown.values()), (returned.columns(), returned.values()));
    // Set again: nothing is recorded. Set otherwise: one entry.
    let entries = |s: &mut credits_ledger_tests::Session| s.one("SELECT max(entry) FROM credits_history");
    assert_eq!(entries(&mut s), "3");
    s.run("SELECT credits_set_alert('a', 'few', below => 12.5)");
    s.run("SELECT credits_set_alert('a', 'few', 12.50, NULL, NULL, NULL)");
    s.run("SELECT credits_set_alert('a', 'low'), credits_set_alert('a', 'low', used_percent => 75, only_if_on_pace => true)");
    s.run("SELECT credits_set_alert('a', 'exhausted')");
    assert_eq!(entries(&mut s), "3");
    s.run("SELECT credits_set_alert('a', 'few', 10, 20, true, false)");
    s.row("SELECT * FROM credits_history WHERE entry = 4").has(&[("operation", "configure"), ("amount", "0")]);
    assert_eq!(
        s.list("SELECT alert, below, used_percent, only_if_on_pace, enabled FROM credits_alerts ORDER BY 1"),
        ["exhausted|NULL|NULL|f|t", "few|10|20|t|f", "low|NULL|75|t|t"]
    );
    sound(&mut s);
}

#[test]
fn what_cannot_be_set() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 100)");
    for (arguments, code) in [
        ("'few', 0", "LC004"),
        ("'few', -1", "LC004"),
        ("'few', 0.0000001", "LC004"),
        ("'few', 1e14", "LC004"),
        ("'few', used_percent => 0", "LC004"),
        ("'few', used_percent => -5", "LC004"),
        ("'few', used_percent => 'NaN'", "LC004"),
        ("'few', used_percent => 50.0000001", "LC004"),
        ("'few', used_percent => 100.000001", "LC005"),
        ("'few'", "LC005"),
        ("'few', only_if_on_pace => true", "LC005"),
        ("'few', enabled => false", "LC005"),
        ("'cleared', 5", "LC005"),
        ("'exhausted', 5", "LC005"),
        ("'exhausted', used_percent => 100", "LC005"),
        ("'exhausted', only_if_on_pace => true", "LC005"),
        ("'', 5", "LC005"),
        ("NULL, 5", "LC005"),
    ] {
        assert_eq!(s.error(&format!("SELECT credits_set_alert('a', {arguments})")).code, code, "{arguments}");
    }
    assert_eq!(s.error("SELECT credits_set_alert('nobody', 'few', 5)").code, "LC002");
    assert_eq!(s.error("SELECT credits_set_alert(NULL, 'few', 5)").code, "LC005");
    s.run("SELECT credits_freeze_account('a', 'why')");
    s.run("SELECT credits_set_alert('a', 'few', 5)");
    s.run("SELECT credits_close_account('a', 'why')");
    assert_eq!(s.error("SELECT credits_set_alert('a', 'few', 6)").code, "LC011");
    assert_eq!(s.one("SELECT max(entry) FROM credits_history WHERE operation = 'configure'"), "4");
    sound(&mut s);
}

/// Set where its condition holds already it fires at once; set anew, it begins anew.
#[test]
fn an_alert_that_is_changed_begins_anew() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 100, '0')");
    s.run("SELECT credits_debit('a', 60, 'd1')");
    s.row("SELECT * FROM credits_set_alert('a', 'half', used_percent => 50)")
        .has(&[("fired_at", "2026-04-01 00:00:00+00")]);
    assert_eq!(told(&mut s, "a"), ["half"]);
    s.row("SELECT * FROM credits_set_alert('a', 'half', used_percent => 70)").has(&[("fired_at", "NULL")]);
    assert_eq!(told(&mut s, "a"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 10, 'd2')"), ["half"]);
    // Said again, it is no change.
    assert_eq!(after(&mut s, "a", "credits_set_alert('a', 'half', used_percent => 70)"), NOTHING);
    // Switched off it is neither told nor cleared, and switched on it begins anew.
    assert_eq!(after(&mut s, "a", "credits_set_alert('a', 'half', used_percent => 70, enabled => false)"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_grant('a', 1000, 'g1')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 700, 'd3')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_set_alert('a', 'half', used_percent => 70)"), ["half"]);
    sound(&mut s);
}

#[test]
fn both_figures_must_be_reached() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 100, '0')");
    s.run("SELECT credits_set_alert('a', 'both', below => 30, used_percent => 60)");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 65, 'd1')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 5, 'd2')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 0.000001, 'd3')"), ["both"]);
    s.run("SELECT credits_open_account('b', 100, '0')");
    s.run("SELECT credits_set_alert('b', 'both', below => 60, used_percent => 60)");
    assert_eq!(after(&mut s, "b", "credits_debit('b', 59.999999, 'd1')"), NOTHING);
    assert_eq!(after(&mut s, "b", "credits_debit('b', 0.000001, 'd2')"), ["both"]);
    sound(&mut s);
}

#[test]
fn what_every_account_has_can_be_switched_off_and_low_can_be_set_otherwise() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('off', 100, '0')");
    s.run("SELECT credits_set_alert('off', 'low', enabled => false), credits_set_alert('off', 'exhausted', enabled => false)");
    assert_eq!(after(&mut s, "off", "credits_debit('off', 100, 'd')"), NOTHING);
    // The state is what it is, told or not.
    assert_eq!(s.one("SELECT state FROM credits_forecast('off')"), "exhausted");
    assert_eq!(
        s.list("SELECT alert, used_percent, only_if_on_pace, enabled FROM credits_alerts ORDER BY 1"),
        ["exhausted|NULL|f|f", "low|75|t|f"]
    );
    s.run("SELECT credits_open_account('own', 100, '0')");
    s.run("SELECT credits_set_alert('own', 'low', below => 50)");
    assert_eq!(after(&mut s, "own", "credits_debit('own', 50, 'd1')"), NOTHING);
    assert_eq!(s.one("SELECT state FROM credits_forecast('own')"), "ok");
    assert_eq!(after(&mut s, "own", "credits_debit('own', 1, 'd2')"), ["low"]);
    assert_eq!(s.one("SELECT state FROM credits_forecast('own')"), "low");
    assert_eq!(after(&mut s, "own", "credits_set_alert('own', 'low')"), NOTHING);
    assert_eq!(s.one("SELECT state FROM credits_forecast('own')"), "ok");
    assert_eq!(after(&mut s, "own", "credits_debit('own', 24, 'd3')"), ["low"]);
    sound(&mut s);
}
