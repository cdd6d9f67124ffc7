//! Free features: a charge that draws nothing, records nothing, keeps no key and waits for nobody.

#[path = "metering/mod.rs"]
mod metering;
#[allow(dead_code)]
#[path = "trust/running.rs"]
mod running;

use credits_ledger_tests::{Row, Session};
use metering::{FEB, JAN, charge, entries, fails, quote, sound, start};
use running::Running;

const HELP_IS_FREE: &str = "SELECT * FROM credits_define_rate('help', free => true)";

/// A charge of a free feature: accepted, and nothing else happened.
#[track_caller]
fn free(s: &mut Session, arguments: &str) -> Row {
    let before = s.list("SELECT account, entry, head_hash FROM credits_accounts ORDER BY account");
    let row = s.row(&format!("SELECT * FROM credits_charge({arguments})"));
    row.has(&[
        ("entry", "NULL"),
        ("operation", "charge"),
        ("accepted", "t"),
        ("refused", "NULL"),
        ("replayed", "f"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("included", "0"),
        ("refers_to", "NULL"),
    ]);
    let after = s.list("SELECT account, entry, head_hash FROM credits_accounts ORDER BY account");
    assert_eq!(before, after, "{arguments}");
    row
}

#[test]
fn a_free_charge_draws_nothing_and_writes_nothing() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_grant('a', 5, 'g')");
    let before = entries(&mut s);
    free(&mut s, "'a', 'help', 1, 'c'").has(&[
        ("account", "a"),
        ("balance", "15"),
        ("allowance", "10"),
        ("credits", "5"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "15"),
    ]);
    free(&mut s, "'a', 'help', 99999999999999.999999, 'c2', 'ann', 'doc', metadata => '{\"n\": 1}'");
    free(&mut s, "'a', 'help', 0, 'c3'");
    assert_eq!(entries(&mut s), before);
    for view in ["credits_usage_daily", "credits_usage_by_cycle", "credits_invoice_lines"] {
        assert_eq!(s.one(&format!("SELECT count(*) FROM {view}")), "0", "{view}");
    }
    s.row("SELECT * FROM credits_balance('a')").has(&[("used", "0"), ("balance", "15"), ("entry", "3")]);
    assert_eq!(quote(&mut s, "a", "help", "1000"), "0");
    sound(&mut s);
}

#[test]
fn it_keeps_no_key() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    // Nothing to replay, nothing to compare, and the key is there for others.
    free(&mut s, "'a', 'help', 1, 'c'");
    free(&mut s, "'a', 'help', 1, 'c'");
    free(&mut s, "'a', 'help', 7, 'c', 'ann'");
    charge(&mut s, "a", "chat", "1", "c").has(&[("amount", "2"), ("balance", "8")]);
    free(&mut s, "'a', 'help', 1, 'd'");
    s.row("SELECT * FROM credits_debit('a', 1, 'd')").has(&[("replayed", "f"), ("balance", "7")]);
    sound(&mut s);
}

#[test]
fn a_key_of_a_paid_charge_replays_after_the_feature_became_free() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_define_rate('chat', free => true, effective_at => '2026-02-01 00:00+00')");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    let call = "SELECT * FROM credits_charge('a', 'chat', 3, 'paid', 'ann')";
    let first = s.row(call);
    first.has(&[("replayed", "f"), ("amount", "6"), ("balance", "4"), ("entry", "3")]);
    s.at("2026-02-01 00:00+00");
    free(&mut s, "'a', 'chat', 3, 'new'").has(&[("balance", "4")]);
    s.row(call).has(&[
        ("replayed", "t"),
        ("amount", "6"),
        ("from_credits", "6"),
        ("balance", "4"),
        ("entry", "3"),
        ("recorded_at", first.get("recorded_at")),
    ]);
    fails(&mut s, "credits_charge('a', 'chat', 4, 'paid', 'ann')", "LC003");
    // In a read-only transaction, while it is off, on a frozen account: a replay is a replay.
    s.run("SELECT * FROM credits_set_feature('a', 'chat', false)");
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    s.run("BEGIN READ ONLY");
    s.row(call).has(&[("replayed", "t"), ("amount", "6")]);
    s.run("COMMIT");
    sound(&mut s);
}

#[test]
fn a_key_of_another_operation_is_another_request() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    s.run("SELECT * FROM credits_debit('a', 1, 'd', 'help')");
    for key in ["g", "d"] {
        fails(&mut s, &format!("credits_charge('a', 'help', 1, '{key}')"), "LC003");
    }
    free(&mut s, "'a', 'help', 1, 'c'");
}

#[test]
fn a_feature_that_was_free_is_paid_for_from_its_rate_on() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_define_rate('help', 2, effective_at => '2026-02-01 00:00+00')");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    s.at("2026-01-31 23:59:59.999999+00");
    free(&mut s, "'a', 'help', 3, 'c'");
    s.at("2026-02-01 00:00+00");
    // The free one kept no key.
    charge(&mut s, "a", "help", "3", "c").has(&[("amount", "6"), ("balance", "4")]);
    sound(&mut s);
}

#[test]
fn it_never_fails_for_want_of_credits() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_open_account('empty')");
    s.run("SELECT * FROM credits_open_account('owes')");
    s.run("SELECT * FROM credits_debit('owes', 50, 'd', on_insufficient => 'allow')");
    s.run("SELECT * FROM credits_set_budget('empty', 0, feature => 'help')");
    for mode in ["error", "refuse", "allow"] {
        free(&mut s, &format!("'empty', 'help', 1000, 'c', on_insufficient => '{mode}'")).has(&[("balance", "0")]);
        free(&mut s, &format!("'owes', 'help', 1000, 'c', on_insufficient => '{mode}'")).has(&[
            ("balance", "-50"),
            ("debt", "50"),
            ("available", "0"),
        ]);
    }
    sound(&mut s);
}

/// A session that holds the account's lock makes others wait, but not this.
#[test]
fn it_waits_for_no_lock() {
    let (db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_define_rate('chat', 1)");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    let mut holder = db.session();
    holder.at(JAN);
    holder.run("BEGIN");
    holder.run("SELECT * FROM credits_debit('a', 4, 'd')");
    s.run("SET lock_timeout = '300ms'");
    assert_eq!(s.error("SELECT * FROM credits_charge('a', 'chat', 1, 'paid')").code, "55P03", "the lock is held");
    // What is not committed does not count.
    free(&mut s, "'a', 'help', 1, 'c'").has(&[("balance", "10"), ("available", "10")]);
    // Nor for whoever is about to use its key.
    holder.run("SELECT * FROM credits_debit('a', 1, 'c')");
    free(&mut s, "'a', 'help', 1, 'c'");
    assert_eq!(quote(&mut s, "a", "help", "1"), "0");
    // And it makes nobody wait.
    s.run("BEGIN");
    free(&mut s, "'a', 'help', 1, 'c2'");
    holder.run("COMMIT");
    holder.run("SET lock_timeout = '300ms'");
    holder.row("SELECT * FROM credits_debit('a', 1, 'd2')").has(&[("balance", "4")]);
    s.run("COMMIT");
    sound(&mut s);
}

/// An account of this name that is not committed yet is unknown.
#[test]
fn it_does_not_wait_for_an_account_to_be_opened() {
    let (db, mut s) = start();
    s.run(HELP_IS_FREE);
    let mut holder = db.session();
    holder.at(JAN);
    holder.run("BEGIN");
    holder.run("SELECT * FROM credits_grant('a', 4, 'g')");
    s.run("SET lock_timeout = '300ms'");
    fails(&mut s, "credits_charge('a', 'help', 1, 'c')", "LC002");
    holder.run("COMMIT");
    free(&mut s, "'a', 'help', 1, 'c'").has(&[("balance", "4")]);
}

#[test]
fn it_works_in_a_read_only_transaction() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_define_rate('chat', 1)");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        s.run(&format!("BEGIN ISOLATION LEVEL {level} READ ONLY"));
        free(&mut s, "'a', 'help', 5, 'c'").has(&[("balance", "10")]);
        s.run("SAVEPOINT here");
        assert_eq!(s.error("SELECT * FROM credits_charge('a', 'chat', 1, 'c')").code, "25006", "{level}");
        s.run("ROLLBACK TO SAVEPOINT here");
        s.run("COMMIT");
    }
    sound(&mut s);
}

/// What time has done is shown, and not recorded.
#[test]
fn it_shows_the_balance_of_now() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_grant('a', 5, 'g', expires_in => '3 days')");
    s.run("SELECT * FROM credits_debit('a', 8, 'd')");
    s.at("2026-02-03 12:00+00");
    free(&mut s, "'a', 'help', 5, 'c'").has(&[("balance", "2"), ("allowance", "2"), ("credits", "0")]);
    s.at(FEB);
    free(&mut s, "'a', 'help', 5, 'c'").has(&[("balance", "10"), ("allowance", "10"), ("available", "10")]);
    assert_eq!(s.one("SELECT max(entry) FROM credits_history"), "4");
    sound(&mut s);
}

#[test]
fn frozen_and_closed_accounts_may_use_it() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    for mode in ["error", "refuse", "allow"] {
        free(&mut s, &format!("'a', 'help', 5, 'c', on_insufficient => '{mode}'")).has(&[("balance", "10")]);
    }
    s.run("SELECT * FROM credits_unfreeze_account('a')");
    s.run("SELECT * FROM credits_close_account('a', 'gone')");
    free(&mut s, "'a', 'help', 5, 'c'").has(&[("balance", "0")]);
    sound(&mut s);
}

#[test]
fn it_is_for_known_accounts_that_have_it_switched_on() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    for mode in ["error", "refuse", "allow"] {
        fails(&mut s, &format!("credits_charge('nobody', 'help', 1, 'c', on_insufficient => '{mode}')"), "LC002");
    }
    s.run("SELECT * FROM credits_set_feature('a', 'help', false)");
    fails(&mut s, "credits_charge('a', 'help', 1, 'c')", "LC010");
    fails(&mut s, "credits_charge('a', 'help', 1, 'c', on_insufficient => 'allow')", "LC010");
    s.row("SELECT * FROM credits_charge('a', 'help', 1, 'c', on_insufficient => 'refuse')").has(&[
        ("accepted", "f"),
        ("refused", "LC010"),
        ("entry", "NULL"),
        ("balance", "10"),
    ]);
    // Frozen or not is not asked.
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    fails(&mut s, "credits_charge('a', 'help', 1, 'c')", "LC010");
    s.run("SELECT * FROM credits_set_feature('a', 'help', true)");
    free(&mut s, "'a', 'help', 1, 'c'");
}

/// What its own statement did before it counts, as for any other charge.
#[test]
fn it_sees_what_its_own_statement_did() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.row(
        "SELECT c.* FROM credits_open_account('a', 10) o
         CROSS JOIN LATERAL credits_charge(o.account, 'help', 1, 'c') c",
    )
    .has(&[("accepted", "t"), ("entry", "NULL"), ("amount", "0"), ("balance", "10")]);
    s.row(
        "SELECT c.* FROM credits_grant('a', 5, 'g') g
         CROSS JOIN LATERAL credits_charge(g.account, 'help', 1, 'c') c",
    )
    .has(&[("accepted", "t"), ("balance", "15")]);
    // Switched off for the first time, on again, and off once more.
    for (enabled, refused) in [("false", "LC010"), ("true", "NULL"), ("false", "LC010")] {
        let both = |mode: &str| {
            format!(
                "SELECT c.* FROM credits_set_feature('a', 'help', {enabled}) s
                 CROSS JOIN LATERAL credits_charge(s.account, 'help', 1, 'c', on_insufficient => '{mode}') c"
            )
        };
        s.row(&both("refuse")).has(&[("refused", refused), ("entry", "NULL"), ("balance", "15")]);
        match refused {
            "NULL" => s.run(&both("error")),
            code => assert_eq!(s.error(&both("error")).code, code, "{enabled}"),
        }
    }
    sound(&mut s);
}

/// A statement that runs for long does not go by what it saw when it began.
#[test]
fn it_sees_a_switch_that_another_session_made_meanwhile() {
    let (db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    let mut other = db.session();
    other.at(JAN);
    s.run("SELECT pg_advisory_lock(7)");
    // It has begun, and comes to the charge when it has the lock.
    let waits = Running::start(
        other,
        "SELECT c.* FROM (SELECT pg_advisory_lock(7)::text AS nothing OFFSET 0) waited
         CROSS JOIN LATERAL credits_charge('a', 'help', 1 + length(waited.nothing), 'c') c",
    );
    assert!(waits.until_blocked_or_done(&mut db.session()));
    s.run("SELECT * FROM credits_set_feature('a', 'help', false)");
    s.run("SELECT pg_advisory_unlock(7)");
    let (_other, outcome) = waits.finish();
    assert_eq!(outcome.expect_err("the feature is off").code, "LC010");
}

#[test]
fn the_form_of_its_arguments_is_checked() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    for quantity in ["-1", "0.0000001", "'NaN'", "'Infinity'", "100000000000000"] {
        fails(&mut s, &format!("credits_charge('a', 'help', {quantity}, 'c')"), "LC004");
    }
    for arguments in [
        "'a', 'help', NULL, 'c'",
        "'a', 'help', 1, NULL",
        "'a', 'help', 1, ''",
        "'a', 'help', 1, 'c', ''",
        "'a', 'help', 1, 'c', on_insufficient => 'never'",
    ] {
        fails(&mut s, &format!("credits_charge({arguments})"), "LC005");
    }
}

/// Free is the charge; a debit that names the feature draws what it says.
#[test]
fn a_debit_of_a_free_feature_draws() {
    let (_db, mut s) = start();
    s.run(HELP_IS_FREE);
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    s.row("SELECT * FROM credits_debit('a', 4, 'd', 'help')").has(&[("amount", "4"), ("balance", "6")]);
    sound(&mut s);
}
