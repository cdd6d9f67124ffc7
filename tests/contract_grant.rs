//! `credits_grant` with each of its arguments.

use credits_ledger_tests::{Server, Session};

const JAN: &str = "2026-01-31 12:00+00";

fn holds(s: &mut Session, condition: &str) {
    assert_eq!(s.one(&format!("SELECT ({condition})::text")), "true", "{condition}");
}

fn available(s: &mut Session, account: &str) -> String {
    s.one(&format!("SELECT available FROM credits_balance('{account}')"))
}

/// The call raises this code and the account stays unopened.
fn refused(s: &mut Session, call: &str, code: &str) {
    let error = s.error(&format!("SELECT * FROM credits_grant({call})"));
    assert_eq!(error.code, code, "credits_grant({call}): {}", error.message);
}

#[test]
fn a_grant_opens_an_unknown_account() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.row("SELECT * FROM credits_grant('a', 12.5, 'g1')").has(&[
        ("account", "a"),
        ("entry", "2"),
        ("operation", "grant"),
        ("idempotency_key", "g1"),
        ("accepted", "t"),
        ("replayed", "f"),
        ("amount", "12.5"),
        ("from_allowance", "0"),
        ("from_credits", "12.5"),
        ("overdraft", "0"),
        ("balance", "12.5"),
        ("allowance", "0"),
        ("credits", "12.5"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "12.5"),
        ("included", "0"),
    ]);
    holds(
        &mut s,
        "SELECT refused IS NULL AND refers_to IS NULL AND recorded_at = '2026-01-31 12:00+00'
         FROM credits_grant('a', 12.5, 'g1')",
    );
    assert_eq!(
        s.list("SELECT entry, operation, amount, balance FROM credits_history ORDER BY entry"),
        ["1|open|0|0", "2|grant|12.5|12.5"]
    );
    // With the defaults of credits_open_account.
    holds(
        &mut s,
        "SELECT cycle_end = '2026-02-28 12:00+00' AND cycle_length = '1 month' AND time_zone = 'UTC'
            AND overdraft_limit = 0 AND debt_policy = 'repay' FROM credits_accounts",
    );
    s.row("SELECT * FROM credits_grant('a', 7.5, 'g2')").has(&[("entry", "3"), ("balance", "20")]);
}

#[test]
fn kinds_have_default_priorities() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for kind in ["purchase", "promo", "welcome", "trial", "bonus", "adjustment"] {
        s.run(&format!("SELECT * FROM credits_grant('a', 1, '{kind}', '{kind}')"));
    }
    s.run("SELECT * FROM credits_grant('a', 1, 'default')");
    s.run("SELECT * FROM credits_grant('a', 1, 'null', NULL)");
    assert_eq!(
        s.list("SELECT idempotency_key, kind, priority, amount, remaining, status FROM credits_grants ORDER BY lot"),
        [
            "purchase|purchase|100|1|1|active",
            "promo|promo|50|1|1|active",
            "welcome|welcome|50|1|1|active",
            "trial|trial|50|1|1|active",
            "bonus|bonus|50|1|1|active",
            "adjustment|adjustment|100|1|1|active",
            "default|purchase|100|1|1|active",
            "null|purchase|100|1|1|active",
        ]
    );
    assert_eq!(s.list("SELECT kind FROM credits_history WHERE entry IN (2, 3) ORDER BY entry"), ["purchase", "promo"]);
    for kind in ["allowance", "rollover", "refund", "gift", "Promo", "PURCHASE", " promo", ""] {
        refused(&mut s, &format!("'a', 1, 'k', '{kind}'"), "LC005");
    }
    assert_eq!(available(&mut s, "a"), "8");
}

#[test]
fn amounts_are_exact_and_bounded() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for amount in [
        "0",
        "-1",
        "-0.000001",
        "0.0000001",
        "1.1234567",
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
        "100000000000000",
        "1e20",
    ] {
        refused(&mut s, &format!("'a', {amount}, 'k'"), "LC004");
    }
    refused(&mut s, "'a', NULL, 'k'", "LC005");
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "0");
    s.row("SELECT * FROM credits_grant('small', 0.000001, 'k')").has(&[("balance", "0.000001")]);
    s.row("SELECT * FROM credits_grant('large', 99999999999999.999999, 'k')")
        .has(&[("balance", "99999999999999.999999")]);
    // Sums on an account are bounded as well.
    refused(&mut s, "'large', 0.000001, 'k2'", "LC004");
    assert_eq!(available(&mut s, "large"), "99999999999999.999999");
    assert_eq!(s.one("SELECT entry FROM credits_balance('large')"), "2");
    s.run("SELECT * FROM credits_grant('sum', 50000000000000, 'k1')");
    refused(&mut s, "'sum', 50000000000000, 'k2'", "LC004");
    s.row("SELECT * FROM credits_grant('sum', 49999999999999.999999, 'k2')")
        .has(&[("balance", "99999999999999.999999")]);
}

#[test]
fn expires_at_is_half_open() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_grant('a', 10, 'g', expires_at => '2026-02-10 00:00+00')");
    s.run("SELECT * FROM credits_grant('a', 3, 'stays')");
    holds(&mut s, "SELECT expires_at = '2026-02-10 00:00+00' FROM credits_grants WHERE idempotency_key = 'g'");
    holds(&mut s, "SELECT expires_at IS NULL FROM credits_grants WHERE idempotency_key = 'stays'");
    s.at("2026-02-09 23:59:59.999999+00");
    assert_eq!(available(&mut s, "a"), "13");
    s.at("2026-02-10 00:00+00");
    assert_eq!(available(&mut s, "a"), "3");
    assert_eq!(s.one("SELECT status FROM credits_grants WHERE idempotency_key = 'g'"), "expired");
    // Reading wrote nothing; the next write records it, at its own instant.
    assert_eq!(s.one("SELECT max(entry) FROM credits_history"), "3");
    s.at("2026-02-11 00:00+00");
    s.row("SELECT * FROM credits_debit('a', 1, 'd')").has(&[("entry", "5"), ("balance", "2")]);
    assert_eq!(
        s.list("SELECT entry, operation, amount, balance FROM credits_history WHERE entry = 4"),
        ["4|expire|-10|3"]
    );
    holds(
        &mut s,
        "SELECT effective_at = '2026-02-10 00:00+00' AND recorded_at = '2026-02-11 00:00+00' AND idempotency_key IS NULL
         FROM credits_history WHERE entry = 4",
    );
    assert_eq!(s.list("SELECT lot, remaining, status FROM credits_grants ORDER BY lot"), ["1|0|expired", "2|2|active"]);
}

#[test]
fn expires_in_counts_in_the_accounts_time_zone() {
    let db = Server::shared().database();
    let mut s = db.session();
    // Noon in Berlin on the day before summer time begins.
    s.at("2026-03-28 11:00+00");
    s.run("SELECT * FROM credits_open_account('a', time_zone => 'Europe/Berlin')");
    for (key, expires_in, expected) in [
        ("day", "1 day", "2026-03-29 10:00+00"),
        ("second", "1 second", "2026-03-28 11:00:01+00"),
        ("month", "1 month", "2026-04-28 10:00+00"),
        ("year", "1 year", "2027-03-28 10:00+00"),
    ] {
        s.run(&format!("SELECT * FROM credits_grant('a', 1, '{key}', expires_in => '{expires_in}')"));
        holds(&mut s, &format!("SELECT expires_at = '{expected}' FROM credits_grants WHERE idempotency_key = '{key}'"));
    }
    // From the lot's effective_at, and months end where Postgres ends them.
    s.run(
        "SELECT * FROM credits_grant('a', 1, 'later', expires_in => '1 month', effective_at => '2026-05-31 12:00+02')",
    );
    holds(&mut s, "SELECT expires_at = '2026-06-30 12:00+02' FROM credits_grants WHERE idempotency_key = 'later'");
}

#[test]
fn expires_after_cycles_counts_the_running_cycle_as_the_first() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a')");
    s.at("2026-02-10 00:00+00");
    for n in 1..=3 {
        s.run(&format!("SELECT * FROM credits_grant('a', {n}, 'g{n}', expires_after_cycles => {n})"));
    }
    // Scheduled for the next cycle, where its count begins.
    s.run("SELECT * FROM credits_grant('a', 10, 'later', expires_after_cycles => 1, effective_at => '2026-03-05 00:00+00')");
    for (at, expected) in [
        ("2026-02-28 11:59:59.999999+00", "6"),
        ("2026-02-28 12:00+00", "5"),
        ("2026-03-05 00:00+00", "15"),
        ("2026-03-31 11:59:59.999999+00", "15"),
        ("2026-03-31 12:00+00", "3"),
        ("2026-04-30 11:59:59.999999+00", "3"),
        ("2026-04-30 12:00+00", "0"),
    ] {
        s.at(at);
        assert_eq!(available(&mut s, "a"), expected, "{at}");
    }
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list("SELECT effective_at::date, sum(amount) FROM credits_history WHERE operation = 'expire' GROUP BY 1 ORDER BY 1"),
        ["2026-02-28|-1", "2026-03-31|-12", "2026-04-30|-3"]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn expires_after_cycles_on_a_manual_account_waits_for_the_reset() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', cycle_length => '0')");
    s.run("SELECT * FROM credits_grant('a', 1, 'g1', expires_after_cycles => 1)");
    s.run("SELECT * FROM credits_grant('a', 2, 'g2', expires_after_cycles => 2)");
    s.at("2027-01-31 12:00+00");
    assert_eq!(available(&mut s, "a"), "3");
    s.run("SELECT * FROM credits_reset_cycle('a', 'r1')");
    assert_eq!(available(&mut s, "a"), "2");
    s.at("2027-01-31 13:00+00");
    s.run("SELECT * FROM credits_reset_cycle('a', 'r2')");
    assert_eq!(available(&mut s, "a"), "0");
}

#[test]
fn at_most_one_expiry_and_it_lies_ahead() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let at = "expires_at => '2026-03-01 00:00+00'";
    let within = "expires_in => '1 day'";
    let cycles = "expires_after_cycles => 1";
    for two in [
        format!("{at}, {within}"),
        format!("{at}, {cycles}"),
        format!("{within}, {cycles}"),
        format!("{at}, {within}, {cycles}"),
    ] {
        refused(&mut s, &format!("'a', 1, 'k', {two}"), "LC005");
    }
    for bad in [
        "expires_at => '2026-01-31 11:59:59+00'",
        "expires_at => '2026-01-31 12:00+00'",
        "expires_at => '-infinity'",
        "expires_at => '2026-02-01 00:00+00', effective_at => '2026-02-01 00:00+00'",
        "expires_at => '2026-02-01 00:00+00', effective_at => '2026-02-02 00:00+00'",
        "expires_in => '0'",
        "expires_in => '-1 second'",
        "expires_in => '-1 month'",
        "expires_after_cycles => 0",
        "expires_after_cycles => -1",
    ] {
        refused(&mut s, &format!("'a', 1, 'k', {bad}"), "LC005");
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "0");
}

#[test]
fn a_future_grant_is_scheduled() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_grant('a', 1, 'now', effective_at => '2026-01-31 13:00+01')");
    assert_eq!(available(&mut s, "a"), "1");
    let scheduled = s.row("SELECT * FROM credits_grant('a', 10, 'g', 'promo', effective_at => '2026-02-10 00:00+00')");
    scheduled.has(&[
        ("operation", "schedule"),
        ("entry", "3"),
        ("accepted", "t"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "1"),
        ("credits", "1"),
        ("available", "1"),
    ]);
    s.run("SELECT * FROM credits_grant('a', 5, 'after')");
    assert_eq!(
        s.list("SELECT lot, idempotency_key, kind, amount, status FROM credits_grants ORDER BY lot"),
        ["1|now|purchase|1|active", "2|g|promo|10|scheduled", "3|after|purchase|5|active"]
    );
    holds(&mut s, "SELECT effective_at = '2026-02-10 00:00+00' FROM credits_grants WHERE lot = 2");
    // What will be, asked today.
    assert_eq!(s.one("SELECT available FROM credits_balance_at('a', '2026-02-09 23:59:59.999999+00')"), "6");
    assert_eq!(s.one("SELECT available FROM credits_balance_at('a', '2026-02-10 00:00+00')"), "16");
    s.at("2026-02-09 23:59:59.999999+00");
    assert_eq!(available(&mut s, "a"), "6");
    let error = s.error("SELECT * FROM credits_debit('a', 7, 'd')");
    assert_eq!(error.code, "LC001");
    s.at("2026-02-10 00:00+00");
    assert_eq!(available(&mut s, "a"), "16");
    assert_eq!(s.one("SELECT status FROM credits_grants WHERE lot = 2"), "active");
    assert_eq!(s.one("SELECT entry FROM credits_balance('a')"), "4");
    s.at("2026-02-12 00:00+00");
    s.row("SELECT * FROM credits_debit('a', 7, 'd')").has(&[("entry", "6"), ("balance", "9")]);
    assert_eq!(
        s.list("SELECT operation, kind, amount, from_credits, balance, refers_to FROM credits_history WHERE entry = 5"),
        ["grant|promo|10|10|16|3"]
    );
    holds(
        &mut s,
        "SELECT effective_at = '2026-02-10 00:00+00' AND idempotency_key IS NULL FROM credits_history WHERE entry = 5",
    );
    // The promo lot goes before the purchased ones.
    assert_eq!(s.list("SELECT lot, amount FROM credits_allocations WHERE entry = 6"), ["2|-7"]);
    // The replay is the receipt of the schedule.
    s.row("SELECT * FROM credits_grant('a', 10, 'g', 'promo', effective_at => '2026-02-10 00:00+00')").has(&[
        ("operation", "schedule"),
        ("entry", "3"),
        ("replayed", "t"),
        ("balance", "1"),
    ]);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn an_effective_at_in_the_past_is_refused() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for effective_at in ["2026-01-31 11:59:59.999999+00", "2020-01-01 00:00+00", "infinity", "-infinity"] {
        refused(&mut s, &format!("'a', 1, 'k', effective_at => '{effective_at}'"), "LC005");
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "0");
}

#[test]
fn priorities_are_1_to_1000() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for priority in ["0", "-1", "1001", "2147483647", "-2147483648"] {
        refused(&mut s, &format!("'a', 1, 'k', priority => {priority}"), "LC005");
    }
    s.run("SELECT * FROM credits_grant('a', 1, 'last', priority => 1000)");
    s.run("SELECT * FROM credits_grant('a', 2, 'plain')");
    s.run("SELECT * FROM credits_grant('a', 3, 'first', priority => 1)");
    assert_eq!(s.list("SELECT priority FROM credits_grants ORDER BY lot"), ["1000", "100", "1"]);
    assert_eq!(s.list("SELECT lot, takes FROM credits_explain_debit('a', 6)"), ["3|3", "2|2", "1|1"]);
}

#[test]
fn features_restrict_a_lot() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.row("SELECT * FROM credits_grant('a', 10, 'g', features => ARRAY['chat', 'image'])").has(&[
        ("amount", "10"),
        ("balance", "10"),
        ("credits", "10"),
        ("available", "0"),
    ]);
    s.run("SELECT * FROM credits_grant('a', 4, 'g2')");
    holds(
        &mut s,
        "SELECT features @> ARRAY['chat', 'image'] AND features <@ ARRAY['chat', 'image'] FROM credits_grants WHERE lot = 1",
    );
    holds(&mut s, "SELECT features IS NULL FROM credits_grants WHERE lot = 2");
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "14"), ("credits", "14"), ("available", "4")]);
    for (feature, amount) in [("NULL", "5"), ("'video'", "5"), ("'Chat'", "5"), ("'chat'", "15")] {
        let error = s.error(&format!("SELECT * FROM credits_debit('a', {amount}, 'd', {feature})"));
        assert_eq!(error.code, "LC001", "{feature}");
    }
    s.row("SELECT * FROM credits_debit('a', 11, 'd', 'image')").has(&[
        ("from_credits", "11"),
        ("balance", "3"),
        ("available", "3"),
    ]);
    for features in ["ARRAY['']", "ARRAY['chat', NULL]", "ARRAY[repeat('x', 256)]", "ARRAY[E'a\\nb']"] {
        refused(&mut s, &format!("'a', 1, 'k', features => {features}"), "LC005");
    }
    s.run("SELECT * FROM credits_grant('a', 1, 'long', features => ARRAY[repeat('x', 255)])");
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn a_price_needs_its_currency() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run(
        "SELECT * FROM credits_grant('a', 100, 'g', price => 9.99, currency => 'EUR', payment_ref => 'pi_1',
             metadata => '{\"invoice\": 17}')",
    );
    assert_eq!(s.list("SELECT price, currency, payment_ref, idempotency_key FROM credits_grants"), ["9.99|EUR|pi_1|g"]);
    holds(&mut s, "SELECT metadata = '{\"invoice\": 17}' FROM credits_grants");
    holds(&mut s, "SELECT metadata = '{\"invoice\": 17}' FROM credits_history WHERE idempotency_key = 'g'");
    refused(&mut s, "'a', 1, 'k', price => 1", "LC005");
    refused(&mut s, "'a', 1, 'k', currency => 'EUR'", "LC005");
    for currency in ["eur", "EU", "EURO", "E R", "E1R", ""] {
        refused(&mut s, &format!("'a', 1, 'k', price => 1, currency => '{currency}'"), "LC005");
    }
    for price in ["-1", "0.0000001", "'NaN'", "'Infinity'", "100000000000000"] {
        refused(&mut s, &format!("'a', 1, 'k', price => {price}, currency => 'EUR'"), "LC004");
    }
    assert_eq!(available(&mut s, "a"), "100");
}

#[test]
fn a_payment_is_credited_once() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let first = "'a', 100, 'g', price => 10, currency => 'USD', payment_ref => 'pi_1'";
    s.run(&format!("SELECT * FROM credits_grant({first})"));
    refused(&mut s, "'a', 100, 'other', price => 10, currency => 'USD', payment_ref => 'pi_1'", "LC009");
    refused(&mut s, "'a', 5, 'another', price => 1, currency => 'EUR', payment_ref => 'pi_1'", "LC009");
    assert_eq!(available(&mut s, "a"), "100");
    assert_eq!(s.one("SELECT entry FROM credits_balance('a')"), "2");
    s.row(&format!("SELECT * FROM credits_grant({first})")).has(&[("replayed", "t"), ("entry", "2")]);
    // Under the same key another payment is another request.
    refused(&mut s, "'a', 100, 'g', price => 10, currency => 'USD', payment_ref => 'pi_2'", "LC003");
    // Bytewise, and per account.
    s.run("SELECT * FROM credits_grant('a', 1, 'upper', price => 10, currency => 'USD', payment_ref => 'PI_1')");
    // The key that LC009 refused is free.
    s.row("SELECT * FROM credits_grant('a', 1, 'other')").has(&[("replayed", "f"), ("balance", "102")]);
}

#[test]
fn a_payment_credited_to_two_accounts_is_reported() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for account in ["a", "b"] {
        s.row(&format!(
            "SELECT * FROM credits_grant('{account}', 100, 'g', price => 10, currency => 'USD', payment_ref => 'pi_1')"
        ))
        .has(&[("accepted", "t"), ("balance", "100")]);
    }
    assert_ne!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn a_grant_repays_debt_first() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', overdraft_limit => 15)");
    s.run("SELECT * FROM credits_debit('a', 15, 'd')");
    // A restricted lot pays no debt.
    s.row("SELECT * FROM credits_grant('a', 3, 'r', features => ARRAY['chat'])").has(&[
        ("amount", "3"),
        ("from_credits", "3"),
        ("overdraft", "0"),
        ("balance", "-12"),
        ("debt", "15"),
        ("credits", "3"),
        ("available", "0"),
    ]);
    s.row("SELECT * FROM credits_grant('a', 20, 'g')").has(&[
        ("amount", "20"),
        ("from_allowance", "0"),
        ("from_credits", "5"),
        ("overdraft", "-15"),
        ("balance", "8"),
        ("credits", "8"),
        ("debt", "0"),
        ("available", "5"),
    ]);
    assert_eq!(s.list("SELECT amount, remaining FROM credits_grants ORDER BY lot"), ["3|3", "20|5"]);
    // A lot that the debt takes whole is spent.
    s.run("SELECT * FROM credits_debit('a', 20, 'd2')");
    s.row("SELECT * FROM credits_grant('a', 6, 'g2')").has(&[
        ("amount", "6"),
        ("from_credits", "0"),
        ("overdraft", "-6"),
        ("debt", "9"),
        ("credits", "3"),
    ]);
    assert_eq!(s.one("SELECT status FROM credits_grants WHERE idempotency_key = 'g2'"), "spent");
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn a_scheduled_grant_repays_debt_when_it_comes() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', overdraft_limit => 15)");
    s.run("SELECT * FROM credits_debit('a', 15, 'd')");
    s.run("SELECT * FROM credits_grant('a', 20, 'g', effective_at => '2026-02-01 00:00+00')");
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "-15"), ("debt", "15")]);
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "5"), ("debt", "0"), ("credits", "5")]);
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list("SELECT operation, amount, from_credits, overdraft, balance FROM credits_history WHERE entry = 4"),
        ["grant|20|5|-15|5"]
    );
    assert_eq!(s.one("SELECT remaining FROM credits_grants"), "5");
}
