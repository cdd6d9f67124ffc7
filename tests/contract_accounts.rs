//! Opening, configuring, freezing and closing accounts, as the reference says.

use credits_ledger_tests::{Server, Session};

const JAN: &str = "2026-01-31 12:00+00";

fn holds(s: &mut Session, condition: &str) {
    assert_eq!(s.one(&format!("SELECT ({condition})::text")), "true", "{condition}");
}

/// Operations of the account's history, oldest first.
fn operations(s: &mut Session, account: &str) -> Vec<String> {
    s.list(&format!("SELECT operation FROM credits_history WHERE account = '{account}' ORDER BY entry"))
}

fn newest(s: &mut Session, account: &str) -> String {
    s.one(&format!("SELECT entry FROM credits_balance('{account}')"))
}

fn refused(s: &mut Session, sql: &str, code: &str) {
    let error = s.error(sql);
    assert_eq!(error.code, code, "{sql}: {}", error.message);
}

#[test]
fn opening_with_the_defaults_moves_nothing() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let row = s.row("SELECT * FROM credits_open_account('a')");
    row.has(&[
        ("account", "a"),
        ("status", "open"),
        ("balance", "0"),
        ("allowance", "0"),
        ("credits", "0"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "0"),
        ("allowance_granted", "0"),
        ("used", "0"),
        ("overdraft_limit", "0"),
        ("entry", "1"),
    ]);
    // One month from the anchor, which is now.
    holds(&mut s, "SELECT cycle_start = '2026-01-31 12:00+00' FROM credits_balance('a')");
    holds(&mut s, "SELECT cycle_end = '2026-02-28 12:00+00' FROM credits_balance('a')");
    holds(&mut s, "SELECT as_of = '2026-01-31 12:00+00' FROM credits_balance('a')");
    assert_eq!(operations(&mut s, "a"), ["open"]);
    assert_eq!(
        s.list("SELECT amount, from_allowance, from_credits, overdraft, balance FROM credits_history"),
        ["0|0|0|0|0"]
    );
}

#[test]
fn a_first_allowance_is_entry_2() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.row("SELECT * FROM credits_open_account('a', 1000)").has(&[
        ("balance", "1000"),
        ("allowance", "1000"),
        ("credits", "0"),
        ("available", "1000"),
        ("allowance_granted", "1000"),
        ("used", "0"),
        ("entry", "2"),
    ]);
    assert_eq!(
        s.list("SELECT entry, operation, amount, balance FROM credits_history ORDER BY entry"),
        ["1|open|0|0", "2|allowance|1000|1000"]
    );
    assert_eq!(
        s.list("SELECT lot, kind, amount, remaining, status FROM credits_grants"),
        ["1|allowance|1000|1000|active"]
    );
    holds(&mut s, "SELECT expires_at = '2026-02-28 12:00+00' FROM credits_grants");
}

#[test]
fn the_settings_given_are_the_settings_shown() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at("2026-03-10 09:00+00");
    s.run(
        "SELECT * FROM credits_open_account(account => 'a', allowance => 250.5, cycle_length => '7 days',
             anchor => '2026-03-09 00:00+01', time_zone => 'Europe/Berlin', rollover_percent => 12.5,
             rollover_max => 40, overdraft_limit => 15.25, debt_policy => 'invoice_at_reset',
             metadata => '{\"team\": 7}')",
    );
    s.row("SELECT * FROM credits_accounts WHERE account = 'a'").has(&[
        ("account", "a"),
        ("status", "open"),
        ("balance", "250.5"),
        ("available", "250.5"),
        ("time_zone", "Europe/Berlin"),
        ("rollover_percent", "12.5"),
        ("rollover_max", "40"),
        ("overdraft_limit", "15.25"),
        ("debt_policy", "invoice_at_reset"),
    ]);
    for condition in [
        "cycle_length = '7 days'",
        "anchor = '2026-03-09 00:00+01'",
        "cycle_start = '2026-03-09 00:00+01'",
        "cycle_end = '2026-03-16 00:00+01'",
        "opened_at = '2026-03-10 09:00+00'",
        "metadata = '{\"team\": 7}'",
        "head_hash IS NOT NULL",
    ] {
        holds(&mut s, &format!("SELECT {condition} FROM credits_accounts WHERE account = 'a'"));
    }
}

#[test]
fn an_anchor_may_lie_in_the_past_or_the_future() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at("2026-03-10 12:00+00");
    s.row("SELECT * FROM credits_open_account('past', 100, anchor => '2025-12-31 00:00+00')")
        .has(&[("allowance", "100"), ("allowance_granted", "100")]);
    holds(&mut s, "SELECT cycle_start = '2026-02-28 00:00+00' FROM credits_balance('past')");
    holds(&mut s, "SELECT cycle_end = '2026-03-31 00:00+00' FROM credits_balance('past')");
    s.row("SELECT * FROM credits_open_account('future', 100, anchor => '2026-05-31 00:00+00')")
        .has(&[("allowance", "100"), ("allowance_granted", "100")]);
    // Boundary -2 is Mar 31, boundary -3 Feb 28.
    holds(&mut s, "SELECT cycle_start = '2026-02-28 00:00+00' FROM credits_balance('future')");
    holds(&mut s, "SELECT cycle_end = '2026-03-31 00:00+00' FROM credits_balance('future')");
}

#[test]
fn opening_again_alike_is_a_no_op_whatever_was_configured_since() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let open = "SELECT * FROM credits_open_account('a', 100, overdraft_limit => 5, rollover_percent => 50)";
    s.run(open);
    s.at("2026-02-02 12:00+00");
    // Numbers by value, intervals by their fields, defaults filled in.
    s.run(
        "SELECT * FROM credits_open_account('a', 100.00, '1 mon', NULL, 'UTC', 50.0, NULL, 5.000,
             debt_policy => 'repay')",
    );
    assert_eq!(operations(&mut s, "a"), ["open", "allowance"]);
    s.run("SELECT * FROM credits_configure_account('a', overdraft_limit => 9, allowance => 70)");
    let row = s.row(open);
    row.has(&[("overdraft_limit", "9"), ("allowance", "100"), ("entry", "3")]);
    assert_eq!(operations(&mut s, "a"), ["open", "allowance", "configure"]);
    assert_eq!(s.one("SELECT overdraft_limit FROM credits_balance('a')"), "9");
    holds(&mut s, "SELECT cycle_start = '2026-01-31 12:00+00' FROM credits_balance('a')");
}

#[test]
fn opening_again_otherwise_says_to_configure() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100, anchor => '2026-01-15 00:00+00')");
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.run("SELECT * FROM credits_open_account('a', 100, anchor => '2026-01-15 01:00+01')");
    for other in [
        "101",
        "NULL",
        "100, '30 days'",
        "100, '0'",
        "100, anchor => '2026-01-16 00:00+00'",
        "100, time_zone => 'Europe/Berlin'",
        "100, rollover_percent => 1",
        "100, rollover_max => 10",
        "100, overdraft_limit => 1",
        "100, debt_policy => 'forgive_at_reset'",
    ] {
        let error = s.error(&format!("SELECT * FROM credits_open_account('a', {other})"));
        assert_eq!(error.code, "LC005", "{other}");
        assert!(error.hint.contains("credits_configure_account"), "{other}: {}", error.hint);
    }
    assert_eq!(operations(&mut s, "a"), ["open", "allowance"]);
}

#[test]
fn an_account_opened_by_a_grant_takes_its_settings_once() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_grant('a', 20, 'welcome', 'welcome')");
    assert_eq!(operations(&mut s, "a"), ["open", "grant"]);
    s.at("2026-02-05 12:00+00");
    let open = "SELECT * FROM credits_open_account('a', 100, overdraft_limit => 5)";
    s.row(open).has(&[
        ("balance", "120"),
        ("allowance", "100"),
        ("credits", "20"),
        ("allowance_granted", "100"),
        ("overdraft_limit", "5"),
    ]);
    // The running anchor stays, as none was given.
    holds(&mut s, "SELECT cycle_start = '2026-01-31 12:00+00' FROM credits_balance('a')");
    holds(&mut s, "SELECT cycle_end = '2026-02-28 12:00+00' FROM credits_balance('a')");
    let entries = newest(&mut s, "a");
    s.run(open);
    assert_eq!(newest(&mut s, "a"), entries);
    refused(&mut s, "SELECT * FROM credits_open_account('a', 101, overdraft_limit => 5)", "LC005");
    refused(&mut s, "SELECT * FROM credits_open_account('a')", "LC005");
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn settings_that_cannot_be_are_refused_and_open_nothing() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for amount in ["-1", "0.0000001", "'NaN'", "'Infinity'", "'-Infinity'", "100000000000000"] {
        for setting in ["allowance", "rollover_max", "overdraft_limit"] {
            refused(&mut s, &format!("SELECT * FROM credits_open_account('a', {setting} => {amount})"), "LC004");
        }
    }
    for setting in [
        "cycle_length => '-1 month'",
        "cycle_length => '-1 second'",
        "anchor => 'infinity'",
        "anchor => '-infinity'",
        "time_zone => 'Mars/Olympus'",
        "time_zone => ''",
        "debt_policy => 'forget'",
        "debt_policy => 'REPAY'",
        "debt_policy => ''",
    ] {
        refused(&mut s, &format!("SELECT * FROM credits_open_account('a', {setting})"), "LC005");
    }
    for percent in ["-1", "100.5", "'NaN'"] {
        let error = s.error(&format!("SELECT * FROM credits_open_account('a', rollover_percent => {percent})"));
        assert!(["LC004", "LC005"].contains(&error.code.as_str()), "{percent}: {}", error.code);
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "0");
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), "0");
    s.run("SELECT * FROM credits_open_account('a', 99999999999999.999999, rollover_percent => 100)");
    assert_eq!(s.one("SELECT balance FROM credits_balance('a')"), "99999999999999.999999");
}

#[test]
fn every_verb_but_a_grant_needs_the_account() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for call in [
        "credits_configure_account('nobody', allowance => 1)",
        "credits_freeze_account('nobody', 'why')",
        "credits_unfreeze_account('nobody')",
        "credits_close_account('nobody', 'why')",
        "credits_debit('nobody', 1, 'k')",
        "credits_debit('nobody', 1, 'k', on_insufficient => 'allow')",
        "credits_balance('nobody')",
        "credits_balance_at('nobody', '2026-01-31 12:00+00')",
        "credits_reset_cycle('nobody')",
        "credits_reset_cycle('nobody', 'k')",
        "credits_explain_debit('nobody', 1)",
        "credits_forecast('nobody')",
        "credits_redact('nobody', 1)",
    ] {
        refused(&mut s, &format!("SELECT * FROM {call}"), "LC002");
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "0");
}

#[test]
fn configuring_changes_what_is_named_and_leaves_the_rest() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100, rollover_percent => 10, overdraft_limit => 5, rollover_max => 30)");
    s.row("SELECT * FROM credits_configure_account('a', overdraft_limit => 8, metadata => '{\"n\": 1}')").has(&[
        ("account", "a"),
        ("overdraft_limit", "8"),
        ("allowance", "100"),
        ("entry", "3"),
    ]);
    s.row("SELECT * FROM credits_accounts").has(&[
        ("overdraft_limit", "8"),
        ("rollover_percent", "10"),
        ("rollover_max", "30"),
        ("debt_policy", "repay"),
        ("time_zone", "UTC"),
    ]);
    holds(&mut s, "SELECT metadata = '{\"n\": 1}' FROM credits_accounts");
    assert_eq!(operations(&mut s, "a"), ["open", "allowance", "configure"]);
    // Saying what is so already writes no entry; nor does saying nothing.
    s.run("SELECT * FROM credits_configure_account('a', overdraft_limit => 8.00)");
    s.run("SELECT * FROM credits_configure_account('a', allowance => 100, debt_policy => 'repay', time_zone => 'UTC')");
    s.run("SELECT * FROM credits_configure_account('a')");
    assert_eq!(newest(&mut s, "a"), "3");
    // A setting back to its default.
    s.row("SELECT * FROM credits_configure_account('a', clear => ARRAY['rollover_max', 'overdraft_limit', 'rollover_percent'])")
        .has(&[("overdraft_limit", "0"), ("entry", "4")]);
    holds(&mut s, "SELECT rollover_max IS NULL AND rollover_percent = 0 FROM credits_accounts");
    refused(&mut s, "SELECT * FROM credits_configure_account('a', clear => ARRAY['balance'])", "LC005");
    refused(&mut s, "SELECT * FROM credits_configure_account('a', clear => ARRAY['account'])", "LC005");
    refused(&mut s, "SELECT * FROM credits_configure_account('a', clear => ARRAY['overdraft_limit', ''])", "LC005");
    for setting in ["allowance => -1", "overdraft_limit => 0.0000001", "rollover_max => 'NaN'"] {
        refused(&mut s, &format!("SELECT * FROM credits_configure_account('a', {setting})"), "LC004");
    }
    for setting in ["debt_policy => 'x'", "time_zone => 'Nowhere'", "cycle_length => '-1 day'", "anchor => 'infinity'"]
    {
        refused(&mut s, &format!("SELECT * FROM credits_configure_account('a', {setting})"), "LC005");
    }
    assert_eq!(newest(&mut s, "a"), "4");
}

#[test]
fn each_setting_can_be_cleared() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run(
        "SELECT * FROM credits_open_account('a', 250, '7 days', '2026-01-30 00:00+00', 'Europe/Berlin', 10, 40, 15,
             'forgive_at_reset', '{\"x\": 1}')",
    );
    for (setting, default) in [
        ("cycle_length", "cycle_length = '1 month'"),
        ("time_zone", "time_zone = 'UTC'"),
        ("rollover_percent", "rollover_percent = 0"),
        ("rollover_max", "rollover_max IS NULL"),
        ("overdraft_limit", "overdraft_limit = 0"),
        ("debt_policy", "debt_policy = 'repay'"),
        ("metadata", "metadata IS NULL"),
    ] {
        s.run(&format!("SELECT * FROM credits_configure_account('a', clear => ARRAY['{setting}'])"));
        holds(&mut s, &format!("SELECT {default} FROM credits_accounts"));
    }
    // The allowance counts from the next cycle.
    s.row("SELECT * FROM credits_configure_account('a', clear => ARRAY['allowance'])").has(&[("allowance", "250")]);
    s.at("2026-02-06 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("allowance", "0"),
        ("balance", "0"),
        ("allowance_granted", "0"),
    ]);
}

#[test]
fn a_changed_allowance_counts_from_the_next_cycle() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.run("SELECT * FROM credits_debit('a', 30, 'd1')");
    s.row("SELECT * FROM credits_configure_account('a', allowance => 500)")
        .has(&[("allowance", "70"), ("allowance_granted", "100")]);
    s.at("2026-02-28 11:59:59.999999+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("allowance", "70"),
        ("allowance_granted", "100"),
        ("used", "30"),
    ]);
    s.at("2026-02-28 12:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("allowance", "500"),
        ("allowance_granted", "500"),
        ("used", "0"),
    ]);
}

#[test]
fn a_changed_length_keeps_the_running_cycles_end() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.at("2026-02-10 00:00+00");
    s.run("SELECT * FROM credits_configure_account('a', cycle_length => '10 days')");
    holds(&mut s, "SELECT cycle_end = '2026-02-28 12:00+00' FROM credits_balance('a')");
    // The new series: Feb 10, Feb 20, Mar 2, Mar 12, at noon.
    for (at, end) in [("2026-02-28 12:00+00", "2026-03-02 12:00+00"), ("2026-03-02 12:00+00", "2026-03-12 12:00+00")] {
        s.at(at);
        holds(&mut s, &format!("SELECT cycle_start = '{at}' AND cycle_end = '{end}' FROM credits_balance('a')"));
        s.run("SELECT * FROM credits_reset_cycle('a')");
        holds(&mut s, &format!("SELECT cycle_start = '{at}' AND cycle_end = '{end}' FROM credits_balance('a')"));
    }
}

#[test]
fn from_manual_to_clock_the_running_cycle_gets_an_end() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100, '0')");
    holds(&mut s, "SELECT cycle_end IS NULL FROM credits_balance('a')");
    s.at("2026-04-10 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "100")]);
    s.run("SELECT * FROM credits_configure_account('a', cycle_length => '1 month')");
    holds(&mut s, "SELECT cycle_start = '2026-01-31 12:00+00' FROM credits_balance('a')");
    holds(&mut s, "SELECT cycle_end = '2026-04-30 12:00+00' FROM credits_balance('a')");
}

#[test]
fn switching_to_repay_pays_at_once() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for policy in ["forgive_at_reset", "invoice_at_reset"] {
        s.run(&format!(
            "SELECT * FROM credits_open_account('{policy}', overdraft_limit => 50, debt_policy => '{policy}')"
        ));
        s.run(&format!("SELECT * FROM credits_debit('{policy}', 30, 'd')"));
        s.run(&format!("SELECT * FROM credits_grant('{policy}', 50, 'g')"));
        s.row(&format!("SELECT * FROM credits_balance('{policy}')")).has(&[
            ("balance", "20"),
            ("credits", "50"),
            ("debt", "30"),
            ("available", "50"),
        ]);
        s.row(&format!("SELECT * FROM credits_configure_account('{policy}', debt_policy => 'repay')")).has(&[
            ("balance", "20"),
            ("credits", "20"),
            ("debt", "0"),
            ("available", "20"),
        ]);
        assert_eq!(s.one(&format!("SELECT remaining FROM credits_grants WHERE account = '{policy}'")), "20");
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn freezing_refuses_what_begins_something_new() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.run("SELECT * FROM credits_grant('a', 50, 'g', expires_at => '2026-02-10 00:00+00')");
    s.row("SELECT * FROM credits_freeze_account('a', 'chargeback')").has(&[
        ("status", "frozen"),
        ("balance", "150"),
        ("entry", "4"),
    ]);
    assert_eq!(
        s.list("SELECT operation, reason, amount FROM credits_history WHERE entry = 4"),
        ["freeze|chargeback|0"]
    );
    refused(&mut s, "SELECT * FROM credits_debit('a', 1, 'd')", "LC011");
    refused(&mut s, "SELECT * FROM credits_debit('a', 1, 'd', on_insufficient => 'allow')", "LC011");
    s.row("SELECT * FROM credits_debit('a', 1, 'd', on_insufficient => 'refuse')").has(&[
        ("accepted", "f"),
        ("refused", "LC011"),
        ("replayed", "f"),
        ("amount", "0"),
        ("balance", "150"),
        ("available", "150"),
    ]);
    assert_eq!(newest(&mut s, "a"), "4");
    // Saying it twice is harmless and writes nothing.
    s.row("SELECT * FROM credits_freeze_account('a', 'chargeback')").has(&[("status", "frozen"), ("entry", "4")]);
    s.run("SELECT * FROM credits_grant('a', 5, 'g2')");
    s.run("SELECT * FROM credits_configure_account('a', overdraft_limit => 3)");
    // Time goes on: the dated lot expires, the cycle turns.
    s.at("2026-02-28 12:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("status", "frozen"),
        ("allowance", "100"),
        ("credits", "5"),
        ("overdraft_limit", "3"),
    ]);
    s.row("SELECT * FROM credits_unfreeze_account('a')").has(&[("status", "open"), ("balance", "105")]);
    let entry = newest(&mut s, "a");
    s.row("SELECT * FROM credits_unfreeze_account('a')").has(&[("status", "open"), ("entry", entry.as_str())]);
    assert_eq!(s.one(&format!("SELECT operation FROM credits_history WHERE entry = {entry}")), "unfreeze");
    // The key that the frozen account refused is free.
    s.row("SELECT * FROM credits_debit('a', 1, 'd')").has(&[("accepted", "t"), ("replayed", "f"), ("balance", "104")]);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn closing_expires_what_remains() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100, rollover_percent => 100)");
    s.run("SELECT * FROM credits_grant('a', 40, 'g')");
    s.run("SELECT * FROM credits_grant('a', 5, 'promo', 'promo', features => ARRAY['chat'])");
    s.run("SELECT * FROM credits_grant('a', 7, 'later', effective_at => '2026-02-10 00:00+00')");
    s.run("SELECT * FROM credits_debit('a', 110, 'd')");
    s.row("SELECT * FROM credits_close_account('a', 'customer left')").has(&[
        ("status", "closed"),
        ("balance", "0"),
        ("allowance", "0"),
        ("credits", "0"),
        ("debt", "0"),
        ("available", "0"),
    ]);
    assert_eq!(s.list("SELECT reason FROM credits_history WHERE operation = 'close'"), ["customer left"]);
    assert_eq!(s.one("SELECT sum(-amount) FROM credits_history WHERE operation = 'expire'"), "35");
    assert_eq!(s.one("SELECT count(*) FROM credits_grants WHERE remaining > 0 AND status = 'active'"), "0");
    let entries = newest(&mut s, "a");
    // Neither cycles nor scheduled grants go on.
    s.at("2026-05-01 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("status", "closed"),
        ("balance", "0"),
        ("available", "0"),
        ("entry", entries.as_str()),
    ]);
    s.run("SELECT credits_maintain()");
    assert_eq!(newest(&mut s, "a"), entries);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn a_closed_account_stays_closed() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.run("SELECT * FROM credits_grant('a', 40, 'g', metadata => '{\"who\": \"x\"}')");
    s.run("SELECT * FROM credits_debit('a', 10, 'd', actor => 'ann')");
    s.run("SELECT * FROM credits_close_account('a', 'gone')");
    let entries = newest(&mut s, "a");
    for call in [
        "credits_debit('a', 1, 'd2')",
        "credits_debit('a', 1, 'd2', on_insufficient => 'allow')",
        "credits_grant('a', 1, 'g2')",
        "credits_grant('a', 1, 'g2', 'promo')",
        "credits_configure_account('a', allowance => 1)",
        "credits_freeze_account('a', 'why')",
        "credits_unfreeze_account('a')",
        "credits_reset_cycle('a', 'r')",
    ] {
        refused(&mut s, &format!("SELECT * FROM {call}"), "LC011");
    }
    s.row("SELECT * FROM credits_debit('a', 1, 'd2', on_insufficient => 'refuse')").has(&[
        ("accepted", "f"),
        ("refused", "LC011"),
        ("balance", "0"),
    ]);
    assert_eq!(newest(&mut s, "a"), entries);
    // Reads and replays work.
    s.row("SELECT * FROM credits_balance('a')").has(&[("status", "closed"), ("balance", "0")]);
    s.row("SELECT * FROM credits_balance_at('a', '2026-01-31 12:00+00')").has(&[("account", "a")]);
    s.row("SELECT * FROM credits_grant('a', 40, 'g')").has(&[("replayed", "t"), ("balance", "140"), ("entry", "3")]);
    s.row("SELECT * FROM credits_debit('a', 10, 'd', actor => 'ann')").has(&[
        ("replayed", "t"),
        ("balance", "130"),
        ("entry", "4"),
    ]);
    assert_eq!(newest(&mut s, "a"), entries);
    // So does redaction.
    s.row("SELECT * FROM credits_redact('a', 4)").has(&[("operation", "redact"), ("refers_to", "4")]);
    assert_eq!(s.one("SELECT status FROM credits_balance('a')"), "closed");
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn a_payment_that_arrives_on_a_closed_account_expires_at_once() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_open_account('debtor', overdraft_limit => 30)");
    s.run("SELECT * FROM credits_debit('debtor', 30, 'd')");
    for account in ["a", "debtor"] {
        s.run(&format!("SELECT * FROM credits_close_account('{account}', 'gone')"));
    }
    // Policy repay: the debt outlives the account.
    s.row("SELECT * FROM credits_balance('debtor')").has(&[("status", "closed"), ("balance", "-30"), ("debt", "30")]);
    for account in ["a", "debtor"] {
        let pay = format!("50, 'pay', price => 5, currency => 'USD', payment_ref => 'of {account}'");
        s.row(&format!("SELECT * FROM credits_grant('{account}', {pay})")).has(&[("accepted", "t"), ("amount", "50")]);
        s.row(&format!("SELECT * FROM credits_balance('{account}')")).has(&[
            ("status", "closed"),
            ("balance", "0"),
            ("credits", "0"),
            ("debt", "0"),
            ("available", "0"),
        ]);
        assert_eq!(
            s.list(&format!(
                "SELECT remaining, status, price, currency, payment_ref FROM credits_grants WHERE account = '{account}'"
            )),
            [format!("0|expired|5|USD|of {account}")],
            "{account}"
        );
        s.row(&format!("SELECT * FROM credits_grant('{account}', {pay})")).has(&[("replayed", "t")]);
    }
    assert_eq!(s.one("SELECT sum(-amount) FROM credits_history WHERE account = 'a' AND operation = 'expire'"), "50");
    assert_eq!(
        s.one("SELECT sum(-amount) FROM credits_history WHERE account = 'debtor' AND operation = 'expire'"),
        "20"
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn closing_settles_debt_by_its_policy() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for (policy, operation, debt) in
        [("repay", "none", "30"), ("forgive_at_reset", "forgive", "0"), ("invoice_at_reset", "invoice", "0")]
    {
        s.run(&format!(
            "SELECT * FROM credits_open_account('{policy}', overdraft_limit => 50, debt_policy => '{policy}')"
        ));
        s.run(&format!("SELECT * FROM credits_debit('{policy}', 30, 'd')"));
        s.row(&format!("SELECT * FROM credits_close_account('{policy}', 'gone')"))
            .has(&[("debt", debt), ("credits", "0")]);
        let settled = s.one(&format!(
            "SELECT coalesce(sum(-overdraft), 0) FROM credits_history WHERE account = '{policy}' AND operation = '{operation}'"
        ));
        assert_eq!(settled, if debt == "0" { "30" } else { "0" }, "{policy}");
    }
    assert_eq!(
        s.list("SELECT account, debt_forgiven, debt_invoiced FROM credits_cycles WHERE closed_at IS NOT NULL ORDER BY account"),
        ["forgive_at_reset|30|0", "invoice_at_reset|0|30", "repay|0|0"]
    );
}

#[test]
fn configuration_returns_the_row_that_the_view_shows() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let columns = "account, status, balance, allowance, credits, held, debt, available, allowance_granted, used,
        overdraft_limit, cycle, cycle_start, cycle_end, entry";
    for call in [
        "credits_open_account('a', 100, overdraft_limit => 10)",
        "credits_configure_account('a', overdraft_limit => 20)",
        "credits_freeze_account('a', 'why')",
        "credits_unfreeze_account('a')",
        "credits_close_account('a', 'why')",
    ] {
        let returned = s.list(&format!("SELECT {columns} FROM {call}"));
        assert_eq!(returned.len(), 1, "{call}");
        assert_eq!(s.list(&format!("SELECT {columns} FROM credits_accounts")), returned, "{call}");
        assert_eq!(s.list(&format!("SELECT {columns} FROM credits_balance('a')")), returned, "{call}");
    }
}
