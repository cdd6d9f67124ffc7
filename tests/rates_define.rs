//! `credits_define_rate` and `credits_rates`: versions, effective dates, and what cannot be a rate.

#[path = "metering/mod.rs"]
mod metering;

use credits_ledger_tests::Session;
use metering::{JAN, charge, costs, entries, fails, quote, sound, start};

/// The versions that the view shows, in the order of their effect.
#[track_caller]
fn shown(s: &mut Session, feature: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT version, trim_scale(credits), effective_at, coalesce(effective_until::text, '-'), in_force
         FROM credits_rates WHERE feature = '{feature}' ORDER BY effective_at, version"
    ))
}

/// The number of the version that a definition returns.
#[track_caller]
fn version(s: &mut Session, arguments: &str) -> String {
    s.one(&format!("SELECT version FROM credits_define_rate({arguments})"))
}

#[test]
fn a_definition_returns_its_row_as_the_view_shows_it() {
    let (_db, mut s) = start();
    let jan = "2026-01-31 12:00:00+00";
    let definitions: [(&str, &[(&str, &str)]); 6] = [
        (
            "'chat', 2.5",
            &[
                ("feature", "chat"),
                ("credits", "2.5"),
                ("per_units", "1"),
                ("model", "per_unit"),
                ("free", "f"),
                ("effective_at", jan),
                ("effective_until", "NULL"),
                ("in_force", "t"),
                ("version", "1"),
                ("defined_at", jan),
                ("defined_by", "postgres"),
            ],
        ),
        ("'tokens', 0.000003, 1000", &[("credits", "0.000003"), ("per_units", "1000"), ("model", "per_unit")]),
        (
            "'runs', credits => 1, per_units => 100, model => 'package'",
            &[("credits", "1"), ("per_units", "100"), ("model", "package"), ("free", "f")],
        ),
        ("'help', free => true", &[("free", "t"), ("in_force", "t"), ("version", "1")]),
        ("'nothing', 0", &[("credits", "0"), ("free", "f")]),
        (
            "'later', 7, effective_at => '2026-02-01 00:00+00'",
            &[
                ("credits", "7"),
                ("effective_at", "2026-02-01 00:00:00+00"),
                ("effective_until", "NULL"),
                ("in_force", "f"),
                ("version", "1"),
                ("defined_at", jan),
            ],
        ),
    ];
    for (arguments, expected) in definitions {
        let returned = s.row(&format!("SELECT * FROM credits_define_rate({arguments})"));
        returned.has(expected);
        let seen = s.row(&format!("SELECT * FROM credits_rates WHERE feature = '{}'", returned.get("feature")));
        assert_eq!(returned, seen, "{arguments}");
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_rates"), "6");
}

#[test]
fn null_means_the_default() {
    let (_db, mut s) = start();
    s.row("SELECT * FROM credits_define_rate('chat', 3, NULL, NULL, NULL, NULL)").has(&[
        ("credits", "3"),
        ("per_units", "1"),
        ("model", "per_unit"),
        ("free", "f"),
        ("effective_at", "2026-01-31 12:00:00+00"),
        ("version", "1"),
    ]);
    s.row("SELECT * FROM credits_define_rate('help', NULL, NULL, NULL, true, NULL)")
        .has(&[("free", "t"), ("version", "1")]);
}

#[test]
fn a_new_definition_counts_from_its_instant_and_changes_nothing_before_it() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    costs(&mut s, "a", "chat", &[("3", "6")]);
    s.at("2026-02-03 00:00+00");
    s.row("SELECT * FROM credits_define_rate('chat', 5)").has(&[
        ("version", "2"),
        ("effective_at", "2026-02-03 00:00:00+00"),
        ("effective_until", "NULL"),
        ("in_force", "t"),
    ]);
    // What is over is not shown, what was charged stays as it was.
    assert_eq!(shown(&mut s, "chat"), ["2|5|2026-02-03 00:00:00+00|-|t"]);
    costs(&mut s, "a", "chat", &[("3", "15")]);
    assert_eq!(s.list("SELECT trim_scale(amount) FROM credits_history WHERE operation = 'charge'"), ["-6", "-15"]);
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "79");
    sound(&mut s);
}

#[test]
fn of_two_definitions_of_one_instant_the_later_one_counts() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    assert_eq!(version(&mut s, "'chat', 2"), "1");
    assert_eq!(version(&mut s, "'chat', 3"), "2");
    assert_eq!(shown(&mut s, "chat"), ["2|3|2026-01-31 12:00:00+00|-|t"]);
    costs(&mut s, "a", "chat", &[("1", "3")]);
    assert_eq!(version(&mut s, "'chat', 2"), "3");
    costs(&mut s, "a", "chat", &[("1", "2")]);
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "95");
}

#[test]
fn a_scheduled_rate_counts_from_its_instant_on() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.row("SELECT * FROM credits_define_rate('chat', 5, effective_at => '2026-02-01 00:00+00')").has(&[
        ("version", "2"),
        ("effective_at", "2026-02-01 00:00:00+00"),
        ("effective_until", "NULL"),
        ("in_force", "f"),
    ]);
    assert_eq!(
        shown(&mut s, "chat"),
        ["1|2|2026-01-31 12:00:00+00|2026-02-01 00:00:00+00|t", "2|5|2026-02-01 00:00:00+00|-|f"]
    );
    s.at("2026-01-31 23:59:59.999999+00");
    costs(&mut s, "a", "chat", &[("1", "2")]);
    assert_eq!(shown(&mut s, "chat").len(), 2);
    s.at("2026-02-01 00:00+00");
    assert_eq!(shown(&mut s, "chat"), ["2|5|2026-02-01 00:00:00+00|-|t"]);
    costs(&mut s, "a", "chat", &[("1", "5")]);
    sound(&mut s);
}

#[test]
fn a_scheduled_rate_is_replaced_by_one_for_the_same_instant() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    let scheduled = "effective_at => '2026-02-01 00:00+00'";
    assert_eq!(version(&mut s, "'chat', 2"), "1");
    assert_eq!(version(&mut s, &format!("'chat', 5, {scheduled}")), "2");
    assert_eq!(version(&mut s, &format!("'chat', 4, 10, 'package', {scheduled}")), "3");
    assert_eq!(
        shown(&mut s, "chat"),
        ["1|2|2026-01-31 12:00:00+00|2026-02-01 00:00:00+00|t", "3|4|2026-02-01 00:00:00+00|-|f"]
    );
    // Called off: then what counts now counts on.
    assert_eq!(version(&mut s, &format!("'chat', 2, {scheduled}")), "4");
    s.at("2026-02-01 00:00+00");
    costs(&mut s, "a", "chat", &[("1", "2")]);
    assert_eq!(shown(&mut s, "chat"), ["4|2|2026-02-01 00:00:00+00|-|t"]);
}

#[test]
fn scheduled_rates_count_in_the_order_of_their_instants_whenever_they_were_defined() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 4, effective_at => '2026-02-04 00:00+00')");
    s.run("SELECT * FROM credits_define_rate('chat', 2, effective_at => '2026-02-02 00:00+00')");
    s.run("SELECT * FROM credits_define_rate('chat', 1)");
    s.run("SELECT * FROM credits_define_rate('chat', 3, effective_at => '2026-02-03 00:00+00')");
    assert_eq!(
        shown(&mut s, "chat"),
        [
            "3|1|2026-01-31 12:00:00+00|2026-02-02 00:00:00+00|t",
            "2|2|2026-02-02 00:00:00+00|2026-02-03 00:00:00+00|f",
            "4|3|2026-02-03 00:00:00+00|2026-02-04 00:00:00+00|f",
            "1|4|2026-02-04 00:00:00+00|-|f"
        ]
    );
    for (day, price) in [("2026-02-01", "1"), ("2026-02-02", "2"), ("2026-02-03", "3"), ("2026-02-04", "4")] {
        s.at(&format!("{day} 12:00+00"));
        costs(&mut s, "a", "chat", &[("1", price)]);
    }
    assert_eq!(shown(&mut s, "chat"), ["1|4|2026-02-04 00:00:00+00|-|t"]);
    sound(&mut s);
}

/// Defining a rate that counts at once does not call off what is scheduled.
#[test]
fn a_rate_defined_meanwhile_counts_until_the_scheduled_one_does() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 1)");
    s.run("SELECT * FROM credits_define_rate('chat', 9, effective_at => '2026-02-10 00:00+00')");
    s.at("2026-02-05 00:00+00");
    s.row("SELECT * FROM credits_define_rate('chat', 2)").has(&[
        ("version", "3"),
        ("effective_at", "2026-02-05 00:00:00+00"),
        ("effective_until", "2026-02-10 00:00:00+00"),
        ("in_force", "t"),
    ]);
    costs(&mut s, "a", "chat", &[("1", "2")]);
    s.at("2026-02-10 00:00+00");
    costs(&mut s, "a", "chat", &[("1", "9")]);
}

/// The rate of today, scheduled for a later day, is what counts from then on, whatever is defined until then.
#[test]
fn what_is_scheduled_counts_even_where_it_is_the_rate_of_today() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.row("SELECT * FROM credits_define_rate('chat', 2, effective_at => '2026-02-10 00:00+00')")
        .has(&[("effective_at", "2026-02-10 00:00:00+00"), ("in_force", "f")]);
    s.at("2026-02-05 00:00+00");
    s.run("SELECT * FROM credits_define_rate('chat', 5)");
    costs(&mut s, "a", "chat", &[("1", "5")]);
    s.at("2026-02-10 00:00+00");
    costs(&mut s, "a", "chat", &[("1", "2")]);
}

#[test]
fn a_feature_whose_only_rate_is_scheduled_has_none_before_it() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 2, effective_at => '2026-02-01 00:00+00')");
    for now in [JAN, "2026-01-31 23:59:59.999999+00"] {
        s.at(now);
        assert_eq!(shown(&mut s, "chat"), ["1|2|2026-02-01 00:00:00+00|-|f"]);
        fails(&mut s, "credits_charge('a', 'chat', 1, 'c')", "LC014");
        fails(&mut s, "credits_quote('a', 'chat', 1)", "LC014");
        fails(&mut s, "credits_charge('a', 'chat', 1, 'c', on_insufficient => 'refuse')", "LC014");
    }
    s.at("2026-02-01 00:00+00");
    charge(&mut s, "a", "chat", "1", "c").has(&[("amount", "2")]);
}

/// A clock that was set back must not make a rate unknown.
#[test]
fn the_first_rate_counts_for_earlier_instants_too() {
    let (_db, mut s) = start();
    s.at("2026-02-10 00:00+00");
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.at("2026-02-20 00:00+00");
    s.run("SELECT * FROM credits_define_rate('chat', 3)");
    s.at(JAN);
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    costs(&mut s, "a", "chat", &[("1", "2")]);
    s.at("2026-02-15 00:00+00");
    costs(&mut s, "a", "chat", &[("1", "2")]);
    s.at("2026-02-20 00:00+00");
    costs(&mut s, "a", "chat", &[("1", "3")]);
}

/// The ledger's time is never before the account's newest entry, whatever the clock says.
#[test]
fn the_rate_is_that_of_the_ledgers_time() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_define_rate('chat', 7, effective_at => '2026-02-03 00:00+00')");
    s.at("2026-02-05 00:00+00");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.at("2026-02-01 00:00+00");
    costs(&mut s, "a", "chat", &[("1", "7")]);
    s.run("SELECT * FROM credits_grant('b', 100, 'g')");
    costs(&mut s, "b", "chat", &[("1", "2")]);
    sound(&mut s);
}

#[test]
fn an_identical_definition_is_no_new_version() {
    let (_db, mut s) = start();
    assert_eq!(version(&mut s, "'chat', 2.5, 10, 'package'"), "1");
    assert_eq!(version(&mut s, "'help', free => true"), "1");
    let first = s.rows("SELECT * FROM credits_rates ORDER BY feature");
    s.at("2026-02-05 00:00+00");
    // Numbers by value, and with what the default says written out.
    for again in ["'chat', 2.50, 10.0, 'package'", "'chat', 2.5, 10, 'package', false, NULL"] {
        let row = s.row(&format!("SELECT * FROM credits_define_rate({again})"));
        assert_eq!(row, first[0], "{again}");
    }
    assert_eq!(s.row("SELECT * FROM credits_define_rate('help', free => true)"), first[1]);
    assert_eq!(s.rows("SELECT * FROM credits_rates ORDER BY feature"), first);
    // Each other value makes one.
    for (n, other) in [
        "'chat', 2.500001, 10, 'package'",
        "'chat', 2.500001, 11, 'package'",
        "'chat', 2.500001, 11, 'per_unit'",
        "'chat', free => true",
        "'chat', 0, 11, 'per_unit'",
        "'chat', 2.5, 10, 'package'",
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(version(&mut s, other), (n + 2).to_string(), "{other}");
        assert_eq!(version(&mut s, other), (n + 2).to_string(), "{other}, again");
    }
}

#[test]
fn an_identical_definition_of_a_scheduled_rate_is_no_new_version() {
    let (_db, mut s) = start();
    let scheduled = "effective_at => '2026-02-01 00:00+00'";
    assert_eq!(version(&mut s, "'chat', 2"), "1");
    assert_eq!(version(&mut s, &format!("'chat', 5, {scheduled}")), "2");
    let first = s.rows("SELECT * FROM credits_rates ORDER BY version");
    s.at("2026-01-31 18:00+00");
    assert_eq!(s.row(&format!("SELECT * FROM credits_define_rate('chat', 5.0, {scheduled})")), first[1]);
    assert_eq!(s.row("SELECT * FROM credits_define_rate('chat', 2)"), first[0]);
    assert_eq!(s.rows("SELECT * FROM credits_rates ORDER BY version"), first);
    // The scheduled price now instead of then is a change.
    assert_eq!(version(&mut s, "'chat', 5"), "3");
}

#[test]
fn amounts_that_are_no_rate() {
    let (_db, mut s) = start();
    let none = ["-1", "-0.000001", "0.0000001", "1.1234567", "'NaN'", "'Infinity'", "'-Infinity'", "100000000000000"];
    for amount in none {
        fails(&mut s, &format!("credits_define_rate('chat', {amount})"), "LC004");
        fails(&mut s, &format!("credits_define_rate('chat', {amount}, 10, 'package')"), "LC004");
        fails(&mut s, &format!("credits_define_rate('chat', 1, {amount})"), "LC004");
        fails(&mut s, &format!("credits_define_rate('chat', 1, {amount}, 'package')"), "LC004");
    }
    fails(&mut s, "credits_define_rate('chat', 1, 0)", "LC004");
    fails(&mut s, "credits_define_rate('chat', 1, 0, 'package')", "LC004");
    assert_eq!(s.one("SELECT count(*) FROM credits_rates"), "0");
    // The largest and the smallest are rates.
    s.row("SELECT * FROM credits_define_rate('most', 99999999999999.999999, 99999999999999.999999)")
        .has(&[("credits", "99999999999999.999999"), ("per_units", "99999999999999.999999")]);
    s.row("SELECT * FROM credits_define_rate('least', 0.000001, 0.000001, 'package')")
        .has(&[("credits", "0.000001"), ("per_units", "0.000001")]);
}

#[test]
fn arguments_that_are_no_rate() {
    let (_db, mut s) = start();
    let long = "x".repeat(256);
    let calls = [
        "NULL, 1",
        "'', 1",
        &format!("'{long}', 1"),
        "E'a\\nb', 1",
        "E'a\\u007fb', 1",
        "E'a\\u0085b', 1",
        "'chat'",
        "'chat', NULL",
        "'chat', NULL, 10, 'package'",
        "'chat', free => false",
        "'chat', 1, free => true",
        "'chat', 0, free => true",
        "'chat', 1, 1, ''",
        "'chat', 1, 1, 'Package'",
        "'chat', 1, 1, 'per unit'",
        "'chat', 1, 1, 'tiered'",
        "'chat', 1, effective_at => '2026-01-31 11:59:59.999999+00'",
        "'chat', 1, effective_at => '2020-01-01 00:00+00'",
        "'chat', free => true, effective_at => '2020-01-01 00:00+00'",
        "'chat', 1, effective_at => 'infinity'",
        "'chat', 1, effective_at => '-infinity'",
    ];
    for arguments in calls {
        fails(&mut s, &format!("credits_define_rate({arguments})"), "LC005");
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_rates"), "0");
    // At the very instant is not in the past, and 255 bytes are a name.
    s.row(&format!("SELECT * FROM credits_define_rate('chat', 1, effective_at => '{JAN}')"))
        .has(&[("version", "1"), ("in_force", "t")]);
    let name = &long[..255];
    s.row(&format!("SELECT * FROM credits_define_rate('{name}', 1)")).has(&[("feature", name)]);
}

#[test]
fn names_are_compared_bytewise() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    for (name, credits) in [("chat", "1"), ("Chat", "2"), (" chat", "3"), ("chat ", "4"), ("châţ", "5"), ("''", "6")]
    {
        s.run(&format!("SELECT * FROM credits_define_rate('{name}', {credits})"));
    }
    for (name, credits) in [("chat", "1"), ("Chat", "2"), (" chat", "3"), ("chat ", "4"), ("châţ", "5"), ("''", "6")]
    {
        assert_eq!(quote(&mut s, "a", name, "1"), credits, "{name}");
    }
    fails(&mut s, "credits_charge('a', 'CHAT', 1, 'c')", "LC014");
    assert_eq!(s.one("SELECT count(DISTINCT feature) FROM credits_rates"), "6");
}

#[test]
fn a_rate_is_for_all_accounts_and_writes_no_entry() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_grant('b', 100, 'g')");
    let before = entries(&mut s);
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    assert_eq!(entries(&mut s), before);
    costs(&mut s, "a", "chat", &[("2", "4")]);
    costs(&mut s, "b", "chat", &[("3", "6")]);
}

#[test]
fn a_definition_stands_and_falls_with_its_transaction() {
    let (db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("BEGIN");
    s.run("SELECT * FROM credits_define_rate('chat', 5)");
    // Its own transaction sees it, others do not.
    assert_eq!(quote(&mut s, "a", "chat", "1"), "5");
    let mut other = db.session();
    other.at(JAN);
    assert_eq!(quote(&mut other, "a", "chat", "1"), "2");
    s.run("ROLLBACK");
    costs(&mut s, "a", "chat", &[("1", "2")]);
    assert_eq!(version(&mut s, "'chat', 6"), "2");
    assert_eq!(quote(&mut other, "a", "chat", "1"), "6");
}

/// Who defines waits for who is defining; who charges waits for neither.
#[test]
fn versions_are_numbered_one_by_one() {
    let (db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 1000, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("BEGIN");
    s.run("SELECT * FROM credits_define_rate('chat', 3)");
    let mut other = db.session();
    other.at(JAN);
    other.run("SET lock_timeout = '300ms'");
    costs(&mut other, "a", "chat", &[("1", "2")]);
    s.run("COMMIT");
    costs(&mut other, "a", "chat", &[("1", "3")]);
    let threads: Vec<_> = (0..4)
        .map(|who| {
            let mut session = db.session();
            std::thread::spawn(move || {
                session.at(JAN);
                for n in 0..10 {
                    session.run(&format!("SELECT * FROM credits_define_rate('chat', {}.{n})", who + 10));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let newest = s.row("SELECT * FROM credits_rates WHERE feature = 'chat'");
    newest.has(&[("version", "42"), ("in_force", "t")]);
    assert_eq!(quote(&mut s, "a", "chat", "1000"), s.one("SELECT trim_scale(credits * 1000) FROM credits_rates"));
}

/// With the server's own clock: what one statement defines, the next one uses, also within a function.
#[test]
fn a_definition_counts_for_what_follows_it() {
    let (_db, mut s) = start();
    s.at("");
    s.run("SELECT * FROM credits_grant('a', 1000, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("CREATE TABLE seen (quoted numeric, charged numeric)");
    for (n, credits) in ["3", "4", "5", "6"].iter().enumerate() {
        s.run(&format!(
            "DO $$ DECLARE quoted numeric;
             BEGIN
                 PERFORM credits_define_rate('chat', {credits});
                 quoted := credits_quote('a', 'chat', 1);
                 INSERT INTO seen SELECT quoted, amount FROM credits_charge('a', 'chat', 1, 'c{n}');
             END $$"
        ));
    }
    assert_eq!(s.list("SELECT trim_scale(quoted), trim_scale(charged) FROM seen"), ["3|3", "4|4", "5|5", "6|6"]);
    s.run("BEGIN");
    s.run("SELECT * FROM credits_define_rate('chat', 7)");
    costs(&mut s, "a", "chat", &[("1", "7")]);
    s.run("COMMIT");
    sound(&mut s);
}

/// The statement that a long transaction is in reads the rate that is committed, not one of its beginning.
#[test]
fn a_definition_counts_for_transactions_that_run() {
    let (db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    let mut running = db.session();
    running.at(JAN);
    running.run("BEGIN");
    costs(&mut running, "a", "chat", &[("1", "2")]);
    s.run("SELECT * FROM credits_define_rate('chat', 3)");
    costs(&mut running, "a", "chat", &[("1", "3")]);
    running.run("COMMIT");
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "95");
    sound(&mut s);
}

/// The price is the same however the index is sorted that it is looked up by: an operator may have made it anew.
#[test]
fn the_rate_does_not_depend_on_the_order_of_an_index() {
    let (db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 1000, 'g')");
    s.run("SELECT * FROM credits_define_rate('chat', 1)");
    s.run("SELECT * FROM credits_define_rate('chat', 5, effective_at => '2026-03-01 00:00+00')");
    s.run("SELECT * FROM credits_define_rate('chat', 3, effective_at => '2026-02-10 00:00+00')");
    s.run("SELECT * FROM credits_define_rate('chat', 4, effective_at => '2026-02-10 00:00+00')");
    // Neighbours, which are not to be run into.
    s.run("SELECT credits_define_rate('chas', 70), credits_define_rate('chau', 80)");
    s.run("ALTER TABLE credits_ledger.rates DROP CONSTRAINT rates_pkey");
    for index in [
        "UNIQUE INDEX rates_pkey ON credits_ledger.rates (feature, effective_at, version)",
        "UNIQUE INDEX rates_pkey ON credits_ledger.rates (feature, version, effective_at)",
        "UNIQUE INDEX rates_pkey ON credits_ledger.rates (feature, effective_at DESC, version DESC)",
        "UNIQUE INDEX rates_pkey ON credits_ledger.rates (feature, effective_at DESC, version)",
        "UNIQUE INDEX rates_pkey ON credits_ledger.rates (feature, effective_at, version DESC)",
        "UNIQUE INDEX rates_pkey ON credits_ledger.rates (feature DESC, effective_at, version)",
        "UNIQUE INDEX rates_pkey ON credits_ledger.rates (feature, credits, effective_at, version)",
        "INDEX rates_pkey ON credits_ledger.rates (feature, effective_at)",
        "INDEX rates_pkey ON credits_ledger.rates (feature)",
        "INDEX rates_pkey ON credits_ledger.rates (feature, effective_at, version) WHERE credits > 2",
        "INDEX another ON credits_ledger.rates (feature, effective_at, version)",
    ] {
        s.run("DROP INDEX IF EXISTS credits_ledger.rates_pkey");
        s.run(&format!("CREATE {index}"));
        let mut fresh = db.session();
        for (now, price) in
            [(JAN, "1"), ("2026-02-10 00:00+00", "4"), ("2026-02-28 23:59:59+00", "4"), ("2026-03-10 00:00+00", "5")]
        {
            for session in [&mut s, &mut fresh] {
                session.at(now);
                assert_eq!(quote(session, "a", "chat", "1"), price, "{index}: {now}");
                session.run("BEGIN");
                charge(session, "a", "chat", "2", "c")
                    .has(&[("amount", &(2 * price.parse::<i32>().unwrap()).to_string())]);
                session.run("ROLLBACK");
            }
        }
        s.at(JAN);
    }
    sound(&mut s);
}
