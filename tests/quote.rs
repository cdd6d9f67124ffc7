//! `credits_quote`: what a charge would cost now, without writing anything.

#[path = "metering/mod.rs"]
mod metering;

use credits_ledger_tests::Session;
use metering::{FEB, JAN, MAR, charge, entries, fails, quote, sound, start};

/// The quote, and that a read-only transaction gets the same.
#[track_caller]
fn price(s: &mut Session, account: &str, feature: &str, quantity: &str) -> String {
    let price = quote(s, account, feature, quantity);
    s.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    assert_eq!(quote(s, account, feature, quantity), price);
    s.run("COMMIT");
    price
}

/// What each rate, package and included unit makes of a charge: quoted, then charged, then quoted again.
#[test]
fn a_quote_is_what_the_charge_then_costs() {
    let (_db, mut s) = start();
    s.at("2026-01-01 00:00+00");
    for rate in [
        "'chat', 2.5",
        "'tokens', 3, 1000000",
        "'third', 1, 3",
        "'none', 0",
        "'runs', 1, 100, 'package'",
        "'odd', 0.333333, 2.5, 'package'",
        "'mails', 2",
        "'calls', 7, 10, 'package'",
    ] {
        s.run(&format!("SELECT * FROM credits_define_rate({rate})"));
    }
    s.run("SELECT * FROM credits_define_plan('pro', 1000)");
    s.run("SELECT * FROM credits_include('pro', 'mails', 12.5)");
    s.run("SELECT * FROM credits_include('pro', 'calls', 5)");
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_subscribe('a', 'pro', 's')");
    let prices = [
        // feature, quantity, price now, price of the same once more
        ("chat", "4", "10", "10"),
        ("chat", "0.000001", "0.000003", "0.000003"),
        ("tokens", "123456.789", "0.370371", "0.370371"),
        ("third", "1", "0.333334", "0.333334"),
        ("none", "1000000", "0", "0"),
        ("runs", "0", "0", "0"),
        ("runs", "1", "1", "0"),
        ("runs", "98", "0", "1"),
        ("runs", "301", "3", "4"),
        ("odd", "2.499999", "0.333333", "0.333333"),
        ("odd", "0.000001", "0", "0.333333"),
        ("mails", "10", "0", "15"),
        ("mails", "10", "15", "20"),
        ("calls", "4.5", "0", "7"),
        ("calls", "11.5", "14", "7"),
        ("calls", "9", "0", "7"),
    ];
    for (n, (feature, quantity, amount, once_more)) in prices.iter().enumerate() {
        assert_eq!(&price(&mut s, "a", feature, quantity), amount, "{n}: {feature} {quantity}");
        charge(&mut s, "a", feature, quantity, &format!("c{n}")).has(&[("amount", amount)]);
        assert_eq!(&price(&mut s, "a", feature, quantity), once_more, "{n}: {feature} {quantity}, once more");
    }
    sound(&mut s);
}

#[test]
fn a_quote_writes_nothing() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 1, 100, 'package')");
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_charge('a', 'runs', 40, 'c')");
    s.at("2026-05-05 00:00+00");
    let all = "SELECT account, entry, head_hash, as_of, balance FROM credits_accounts";
    let (before, count) = (s.list(all), entries(&mut s));
    for _ in 0..5 {
        assert_eq!(price(&mut s, "a", "runs", "161"), "2");
        assert_eq!(price(&mut s, "a", "runs", "60"), "0");
    }
    assert_eq!((s.list(all), entries(&mut s)), (before, count));
    // In a query of many rows, each is the price of its own.
    assert_eq!(
        s.list("SELECT trim_scale(credits_quote('a', 'runs', n)) FROM unnest(ARRAY[0, 60, 61, 160, 161, 1000]) n"),
        ["0", "0", "1", "1", "2", "10"]
    );
}

#[test]
fn a_quote_sees_a_cycle_boundary_that_nobody_recorded() {
    let (_db, mut s) = start();
    s.at("2026-01-01 00:00+00");
    s.run("SELECT * FROM credits_define_rate('mails', 2)");
    s.run("SELECT * FROM credits_define_plan('pro', 1000)");
    s.run("SELECT * FROM credits_include('pro', 'mails', 50)");
    s.run("SELECT * FROM credits_define_plan('mini', 100, rank => -1)");
    s.run("SELECT * FROM credits_include('mini', 'mails', 20)");
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_subscribe('a', 'pro', 's')");
    s.run("SELECT * FROM credits_charge('a', 'mails', 50, 'c')");
    s.at("2026-02-10 00:00+00");
    s.run("SELECT * FROM credits_include('pro', 'mails', 70)");
    let count = entries(&mut s);
    s.at("2026-02-28 11:59:59.999999+00");
    assert_eq!(price(&mut s, "a", "mails", "80"), "160");
    s.at(FEB);
    // New units, by the new definition.
    assert_eq!(price(&mut s, "a", "mails", "80"), "20");
    s.at("2026-12-24 00:00+00");
    assert_eq!(price(&mut s, "a", "mails", "80"), "20");
    assert_eq!(entries(&mut s), count);
    // A pending change of plan.
    s.at("2026-02-11 00:00+00");
    s.run("SELECT * FROM credits_change_plan('a', 'pro', 'mini', 'down')");
    let count = entries(&mut s);
    s.at(FEB);
    assert_eq!(price(&mut s, "a", "mails", "80"), "120");
    // And an unsubscribe.
    s.at("2026-02-12 00:00+00");
    s.run("SELECT * FROM credits_unsubscribe('a', 'pro', 'bye')");
    s.at(FEB);
    assert_eq!(price(&mut s, "a", "mails", "80"), "160");
    assert_eq!(entries(&mut s).parse::<u32>().unwrap(), count.parse::<u32>().unwrap() + 1);
    sound(&mut s);
}

#[test]
fn a_quote_is_by_the_rate_of_its_time() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_define_rate('chat', 5, 10, 'package', effective_at => '2026-02-01 00:00+00')");
    s.run("SELECT * FROM credits_define_rate('chat', free => true, effective_at => '2026-02-02 00:00+00')");
    s.run("SELECT * FROM credits_open_account('a', 1000)");
    for (now, expected) in [
        ("2026-01-31 23:59:59.999999+00", "22"),
        ("2026-02-01 00:00+00", "10"),
        ("2026-02-01 23:59:59.999999+00", "10"),
        ("2026-02-02 00:00+00", "0"),
    ] {
        s.at(now);
        assert_eq!(price(&mut s, "a", "chat", "11"), expected, "{now}");
    }
    // The account's time is never before its newest entry.
    s.at("2026-02-01 12:00+00");
    s.run("SELECT * FROM credits_grant('a', 1, 'g')");
    s.at(JAN);
    assert_eq!(price(&mut s, "a", "chat", "11"), "10");
    s.run("SELECT * FROM credits_open_account('b', 1000)");
    assert_eq!(price(&mut s, "b", "chat", "11"), "22");
}

/// It is a price: whether the charge would be refused is another question.
#[test]
fn a_quote_looks_at_no_credits_switches_budgets_or_freezing() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a')");
    assert_eq!(price(&mut s, "a", "chat", "11"), "22");
    s.run("SELECT * FROM credits_set_budget('a', 0, feature => 'chat')");
    assert_eq!(price(&mut s, "a", "chat", "11"), "22");
    s.run("SELECT * FROM credits_set_feature('a', 'chat', false)");
    assert_eq!(price(&mut s, "a", "chat", "11"), "22");
    s.run("SELECT * FROM credits_debit('a', 9, 'd', on_insufficient => 'allow')");
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    assert_eq!(price(&mut s, "a", "chat", "11"), "22");
    s.run("SELECT * FROM credits_close_account('a', 'gone')");
    assert_eq!(price(&mut s, "a", "chat", "11"), "22");
}

#[test]
fn a_quote_waits_for_no_lock() {
    let (db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 1, 100, 'package')");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    s.run("SELECT * FROM credits_charge('a', 'runs', 40, 'c')");
    let mut holder = db.session();
    holder.at(JAN);
    holder.run("BEGIN");
    holder.run("SELECT * FROM credits_charge('a', 'runs', 60, 'c2')");
    s.run("SET lock_timeout = '300ms'");
    // What is not committed does not count.
    assert_eq!(price(&mut s, "a", "runs", "60"), "0");
    assert_eq!(quote(&mut holder, "a", "runs", "60"), "1");
    holder.run("COMMIT");
    assert_eq!(price(&mut s, "a", "runs", "60"), "1");
}

/// At REPEATABLE READ a quote is that of the snapshot, rate and units alike.
#[test]
fn a_quote_is_of_one_snapshot() {
    let (db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 1, 100, 'package')");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    s.run("SELECT * FROM credits_charge('a', 'runs', 40, 'c')");
    let mut reader = db.session();
    reader.at(JAN);
    reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    assert_eq!(quote(&mut reader, "a", "runs", "70"), "1");
    s.run("SELECT * FROM credits_charge('a', 'runs', 60, 'c2')");
    s.run("SELECT * FROM credits_define_rate('runs', 7, 10, 'package')");
    assert_eq!(quote(&mut reader, "a", "runs", "70"), "1");
    assert_eq!(quote(&mut reader, "a", "runs", "60"), "0");
    reader.run("COMMIT");
    assert_eq!(quote(&mut reader, "a", "runs", "70"), "49");
}

#[test]
fn what_cannot_be_quoted() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_define_rate('help', free => true)");
    s.run("SELECT * FROM credits_open_account('a')");
    for feature in ["chat", "help", "nothing"] {
        for quantity in ["-1", "-0.000001", "0.0000001", "'NaN'", "'Infinity'", "'-Infinity'", "100000000000000"] {
            fails(&mut s, &format!("credits_quote('a', '{feature}', {quantity})"), "LC004");
        }
        fails(&mut s, &format!("credits_quote('nobody', '{feature}', 1)"), "LC002");
    }
    let long = "x".repeat(256);
    for arguments in [
        "NULL, 'chat', 1",
        "'a', NULL, 1",
        "'a', 'chat', NULL",
        "'', 'chat', 1",
        "'a', '', 1",
        "'a', E'ch\\u0085at', 1",
        &format!("'a', '{long}', 1"),
        &format!("'{long}', 'chat', 1"),
    ] {
        fails(&mut s, &format!("credits_quote({arguments})"), "LC005");
    }
    fails(&mut s, "credits_quote('a', 'nothing', 1)", "LC014");
    fails(&mut s, "credits_quote('a', 'nothing', 0)", "LC014");
    assert_eq!(price(&mut s, "a", "chat", "0"), "0");
    assert_eq!(price(&mut s, "a", "help", "12345.678901"), "0");
    s.at(MAR);
    assert_eq!(price(&mut s, "a", "chat", "99.999999"), "199.999998");
}
