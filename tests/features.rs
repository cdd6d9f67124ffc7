//! `credits_set_feature`: features that are switched off for an account.

#[path = "metering/mod.rs"]
mod metering;

use credits_ledger_tests::Session;
use metering::{JAN, charge, costs, entries, fails, quote, sound, start};

fn configures(s: &mut Session, account: &str) -> String {
    s.one(&format!("SELECT count(*) FROM credits_history WHERE account = '{account}' AND operation = 'configure'"))
}

#[track_caller]
fn switch(s: &mut Session, account: &str, feature: &str, enabled: bool) {
    s.row(&format!("SELECT * FROM credits_set_feature('{account}', '{feature}', {enabled})")).has(&[
        ("account", account),
        ("feature", feature),
        ("enabled", if enabled { "t" } else { "f" }),
    ]);
}

#[test]
fn a_feature_switched_off_is_refused_wherever_it_is_named() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_define_rate('image', 2)");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_grant('b', 100, 'g')");
    switch(&mut s, "a", "chat", false);
    for mode in ["error", "partial", "allow"] {
        fails(&mut s, &format!("credits_debit('a', 1, 'd', 'chat', on_insufficient => '{mode}')"), "LC010");
        fails(&mut s, &format!("credits_charge('a', 'chat', 1, 'c', on_insufficient => '{mode}')"), "LC010");
    }
    for call in [
        "credits_debit('a', 1, 'd', 'chat', on_insufficient => 'refuse')",
        "credits_charge('a', 'chat', 1, 'c', on_insufficient => 'refuse')",
    ] {
        let before = entries(&mut s);
        s.row(&format!("SELECT * FROM {call}")).has(&[
            ("accepted", "f"),
            ("refused", "LC010"),
            ("entry", "NULL"),
            ("amount", "0"),
            ("balance", "100"),
            ("available", "100"),
        ]);
        assert_eq!(entries(&mut s), before, "{call}");
    }
    // Other features, no feature, another case, another account: not meant.
    s.row("SELECT * FROM credits_debit('a', 1, 'd')").has(&[("balance", "99")]);
    s.row("SELECT * FROM credits_debit('a', 1, 'd2', 'image')").has(&[("balance", "98")]);
    s.row("SELECT * FROM credits_debit('a', 1, 'd3', 'Chat')").has(&[("balance", "97")]);
    charge(&mut s, "a", "image", "1", "c").has(&[("balance", "95")]);
    s.row("SELECT * FROM credits_debit('b', 1, 'd', 'chat')").has(&[("balance", "99")]);
    charge(&mut s, "b", "chat", "1", "c").has(&[("balance", "97")]);
    // And on again.
    switch(&mut s, "a", "chat", true);
    s.row("SELECT * FROM credits_debit('a', 1, 'd4', 'chat')").has(&[("balance", "94")]);
    charge(&mut s, "a", "chat", "1", "c4").has(&[("balance", "92")]);
    sound(&mut s);
}

#[test]
fn batches_refuse_the_item_or_fail_as_a_whole() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_grant('b', 100, 'g')");
    switch(&mut s, "a", "chat", false);
    let batch =
        "credits_debit_many(ARRAY['a', 'a', 'b', 'a', 'a'], ARRAY[1, 2, 4, 8, 16], ARRAY['k1', 'k2', 'k3', 'k4', 'k5'],
                     ARRAY['chat', 'image', 'chat', NULL, 'chat']";
    fails(&mut s, &format!("{batch}, 'error')"), "LC010");
    assert_eq!(
        s.list(&format!(
            "SELECT account, accepted, coalesce(refused, '-'), coalesce(entry::text, '-'), trim_scale(amount), trim_scale(balance)
             FROM {batch})"
        )),
        ["a|f|LC010|-|0|100", "a|t|-|4|2|98", "b|t|-|3|4|96", "a|t|-|5|8|90", "a|f|LC010|-|0|90"]
    );
    // The refused ones kept no key.
    switch(&mut s, "a", "chat", true);
    assert_eq!(
        s.list(&format!("SELECT accepted, replayed, trim_scale(balance) FROM {batch})")),
        ["t|f|89", "t|t|98", "t|t|96", "t|t|90", "t|f|73"]
    );
    sound(&mut s);
}

#[test]
fn replays_work_while_it_is_off() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    let calls = [
        ("SELECT * FROM credits_debit('a', 5, 'd', 'chat')", "95"),
        ("SELECT * FROM credits_charge('a', 'chat', 2, 'c')", "91"),
        ("SELECT * FROM credits_debit_many('{a}', '{1}', '{m}', '{chat}')", "90"),
    ];
    for (call, balance) in calls {
        s.row(call).has(&[("replayed", "f"), ("balance", balance)]);
    }
    switch(&mut s, "a", "chat", false);
    let before = entries(&mut s);
    for (call, balance) in calls {
        s.row(call).has(&[("accepted", "t"), ("replayed", "t"), ("balance", balance)]);
    }
    assert_eq!(entries(&mut s), before);
    // A key is compared before the switch is.
    fails(&mut s, "credits_charge('a', 'chat', 3, 'c')", "LC003");
    fails(&mut s, "credits_charge('a', 'chat', 3, 'new')", "LC010");
    sound(&mut s);
}

/// A call that was refused keeps no key: after the feature is on again, it is decided anew.
#[test]
fn a_refused_call_may_be_retried() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    switch(&mut s, "a", "chat", false);
    let call = "SELECT * FROM credits_charge('a', 'chat', 2, 'c', on_insufficient => 'refuse')";
    s.row(call).has(&[("accepted", "f"), ("refused", "LC010")]);
    switch(&mut s, "a", "chat", true);
    s.row(call).has(&[("accepted", "t"), ("refused", "NULL"), ("replayed", "f"), ("amount", "4")]);
}

#[test]
fn the_row_stored_is_returned_and_shown() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_grant('b', 100, 'g')");
    assert_eq!(s.one("SELECT count(*) FROM credits_features"), "0");
    s.at("2026-02-01 00:00+00");
    let returned = s.row("SELECT * FROM credits_set_feature('a', 'chat', false)");
    returned.has(&[("account", "a"), ("feature", "chat"), ("enabled", "f"), ("changed_at", "2026-02-01 00:00:00+00")]);
    assert_eq!(s.row("SELECT * FROM credits_features"), returned);
    s.at("2026-02-02 00:00+00");
    s.run("SELECT * FROM credits_set_feature('a', 'image', false)");
    s.run("SELECT * FROM credits_set_feature('b', 'chat', false)");
    // Saying it again changes nothing.
    assert_eq!(s.row("SELECT * FROM credits_set_feature('a', 'chat', false)"), returned);
    s.at("2026-02-03 00:00+00");
    s.row("SELECT * FROM credits_set_feature('a', 'chat', true)")
        .has(&[("enabled", "t"), ("changed_at", "2026-02-03 00:00:00+00")]);
    assert_eq!(
        s.list("SELECT account, feature, enabled, changed_at FROM credits_features ORDER BY account, feature"),
        ["a|chat|t|2026-02-03 00:00:00+00", "a|image|f|2026-02-02 00:00:00+00", "b|chat|f|2026-02-02 00:00:00+00"]
    );
    sound(&mut s);
}

#[test]
fn each_change_is_an_entry_and_the_last_write_wins() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    let steps = [(false, "1"), (false, "1"), (true, "2"), (true, "2"), (false, "3"), (true, "4"), (false, "5")];
    for (n, (enabled, changes)) in steps.iter().enumerate() {
        switch(&mut s, "a", "chat", *enabled);
        assert_eq!(&configures(&mut s, "a"), changes, "step {n}");
    }
    switch(&mut s, "a", "image", false);
    assert_eq!(configures(&mut s, "a"), "6");
    // They move nothing.
    assert_eq!(
        s.list(
            "SELECT DISTINCT trim_scale(amount), trim_scale(balance), coalesce(idempotency_key, '-') FROM credits_history
             WHERE operation = 'configure'"
        ),
        ["0|100|-"]
    );
    fails(&mut s, "credits_debit('a', 1, 'd', 'chat')", "LC010");
    s.row("SELECT * FROM credits_balance('a')").has(&[("entry", "8"), ("balance", "100")]);
    sound(&mut s);
}

/// Features are on unless they were switched off: to say so changes nothing.
#[test]
fn switching_on_what_was_never_off_is_no_change() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.row("SELECT * FROM credits_set_feature('a', 'chat', true)").has(&[
        ("account", "a"),
        ("feature", "chat"),
        ("enabled", "t"),
        ("changed_at", "NULL"),
    ]);
    assert_eq!(configures(&mut s, "a"), "0");
    s.row("SELECT * FROM credits_debit('a', 1, 'd', 'chat')").has(&[("balance", "99"), ("entry", "3")]);
    sound(&mut s);
}

#[test]
fn a_switch_stands_and_falls_with_its_transaction() {
    let (db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("BEGIN");
    switch(&mut s, "a", "chat", false);
    assert_eq!(
        s.row("SELECT * FROM credits_debit('a', 1, 'd', 'chat', on_insufficient => 'refuse')").get("refused"),
        "LC010"
    );
    s.run("ROLLBACK");
    assert_eq!(s.one("SELECT count(*) FROM credits_features"), "0");
    s.row("SELECT * FROM credits_debit('a', 1, 'd', 'chat')").has(&[("balance", "99"), ("entry", "3")]);
    // Who comes while another session switches waits for it, and finds it off.
    s.run("BEGIN");
    switch(&mut s, "a", "chat", false);
    let mut other = db.session();
    let waiting = std::thread::spawn(move || {
        other.at(JAN);
        other.error("SELECT * FROM credits_debit('a', 1, 'd2', 'chat')").code
    });
    let mut watcher = db.session();
    let blocked =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let since = std::time::Instant::now();
    while watcher.one(blocked) == "0" {
        assert!(since.elapsed().as_secs() < 20, "the debit does not wait for the switch");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    s.run("COMMIT");
    assert_eq!(waiting.join().unwrap(), "LC010");
    sound(&mut s);
}

#[test]
fn switches_outlive_cycles_and_what_is_due_is_recorded_first() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a', 10)");
    switch(&mut s, "a", "chat", false);
    s.at("2026-04-05 00:00+00");
    fails(&mut s, "credits_charge('a', 'chat', 1, 'c')", "LC010");
    switch(&mut s, "a", "chat", true);
    costs(&mut s, "a", "chat", &[("1", "2")]);
    assert_eq!(
        s.list(
            "SELECT cycle, operation FROM credits_history WHERE operation IN ('configure', 'charge') ORDER BY entry"
        ),
        ["1|configure", "3|configure", "3|charge"]
    );
    sound(&mut s);
}

#[test]
fn a_feature_off_is_no_matter_of_its_rate() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    // Features are named by debits, too: no rate is needed.
    switch(&mut s, "a", "chat", false);
    fails(&mut s, "credits_charge('a', 'chat', 1, 'c')", "LC010");
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    fails(&mut s, "credits_charge('a', 'chat', 1, 'c')", "LC010");
    s.run("SELECT * FROM credits_define_rate('chat', free => true)");
    fails(&mut s, "credits_charge('a', 'chat', 1, 'c')", "LC010");
    // The quote is a price, not a permission.
    s.run("SELECT * FROM credits_define_rate('chat', 3)");
    assert_eq!(quote(&mut s, "a", "chat", "2"), "6");
    // Before the question of credits, after that of the account.
    fails(&mut s, "credits_debit('a', 500, 'd', 'chat')", "LC010");
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    fails(&mut s, "credits_debit('a', 500, 'd', 'chat')", "LC011");
}

#[test]
fn frozen_accounts_can_be_switched_and_closed_ones_cannot() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    switch(&mut s, "a", "chat", false);
    s.run("SELECT * FROM credits_unfreeze_account('a')");
    fails(&mut s, "credits_debit('a', 1, 'd', 'chat')", "LC010");
    s.run("SELECT * FROM credits_close_account('a', 'gone')");
    fails(&mut s, "credits_set_feature('a', 'chat', true)", "LC011");
    assert_eq!(s.list("SELECT feature, enabled FROM credits_features"), ["chat|f"]);
    sound(&mut s);
}

/// Whoever changes the stored switch by hand is found out.
#[test]
fn verify_works_the_switches_out_anew() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_grant('b', 100, 'g')");
    switch(&mut s, "a", "chat", false);
    switch(&mut s, "b", "chat", false);
    sound(&mut s);
    for change in [
        "UPDATE credits_ledger.switches SET enabled = true WHERE account = 'a'",
        "DELETE FROM credits_ledger.switches WHERE account = 'a'",
        "INSERT INTO credits_ledger.switches VALUES ('a', 'image', false, '2026-01-31 12:00+00')",
    ] {
        s.run("BEGIN");
        s.run("ALTER TABLE credits_ledger.switches DISABLE TRIGGER switches_never_deleted");
        s.run(change);
        s.run("ALTER TABLE credits_ledger.switches ENABLE ALWAYS TRIGGER switches_never_deleted");
        assert_eq!(s.list("SELECT DISTINCT account FROM credits_verify()"), ["a"], "{change}");
        s.run("ROLLBACK");
    }
}

#[test]
fn what_cannot_be_switched() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    let long = "x".repeat(256);
    for arguments in [
        "NULL, 'chat', false",
        "'a', NULL, false",
        "'a', 'chat', NULL",
        "'', 'chat', false",
        "'a', '', false",
        "'a', E'ch\\nat', false",
        &format!("'a', '{long}', false"),
        &format!("'{long}', 'chat', false"),
    ] {
        fails(&mut s, &format!("credits_set_feature({arguments})"), "LC005");
    }
    fails(&mut s, "credits_set_feature('nobody', 'chat', false)", "LC002");
    assert_eq!(s.one("SELECT count(*) FROM credits_features"), "0");
    assert_eq!(s.error("BEGIN READ ONLY; SELECT * FROM credits_set_feature('a', 'chat', false)").code, "25006");
    s.run("ROLLBACK");
}
