//! `credits_charge` by per-unit rates: exact prices, the ways when credits run out, what is recorded of it, keys, and
//! the order of errors.

#[path = "metering/mod.rs"]
mod metering;

use std::thread;
use std::time::{Duration, Instant};

use credits_ledger_tests::Session;
use metering::{JAN, charge, costs, entries, fails, insufficient, quote, sound, start};

/// Every column of the receipt but `replayed`.
const RECEIPT: &str = "account, entry, operation, idempotency_key, accepted, refused, amount, from_allowance,
    from_credits, overdraft, balance, allowance, credits, held, debt, available, included, refers_to,
    extract(epoch FROM recorded_at)";

fn receipt(s: &mut Session, call: &str, replayed: &str) -> String {
    let row = s.list(&format!("SELECT replayed, {RECEIPT} FROM {call}")).join("\n");
    match row.split_once('|') {
        Some((found, rest)) if found == replayed => rest.to_owned(),
        _ => panic!("{call}: expected replayed = {replayed}, found {row}"),
    }
}

#[test]
fn a_charge_is_recorded_column_by_column() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2.5)");
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.at("2026-02-01 08:00+00");
    let row = s.row(
        "SELECT * FROM credits_charge('a', 'chat', 6.2, 'c1', 'ann', 'doc 7', metadata => '{\"model\": \"large\"}')",
    );
    row.has(&[
        ("account", "a"),
        ("entry", "4"),
        ("operation", "charge"),
        ("idempotency_key", "c1"),
        ("accepted", "t"),
        ("refused", "NULL"),
        ("replayed", "f"),
        ("amount", "15.5"),
        ("from_allowance", "10"),
        ("from_credits", "5.5"),
        ("overdraft", "0"),
        ("balance", "94.5"),
        ("allowance", "0"),
        ("credits", "94.5"),
        ("held", "0"),
        ("debt", "0"),
        ("available", "94.5"),
        ("included", "0"),
        ("refers_to", "NULL"),
        ("recorded_at", "2026-02-01 08:00:00+00"),
    ]);
    assert_eq!(row.columns().len(), 20);
    s.row("SELECT * FROM credits_history WHERE account = 'a' AND entry = 4").has(&[
        ("operation", "charge"),
        ("kind", "NULL"),
        ("amount", "-15.5"),
        ("from_allowance", "10"),
        ("from_credits", "5.5"),
        ("overdraft", "0"),
        ("balance", "94.5"),
        ("available", "94.5"),
        ("feature", "chat"),
        ("quantity", "6.2"),
        ("included", "0"),
        ("actor", "ann"),
        ("resource", "doc 7"),
        ("idempotency_key", "c1"),
        ("refers_to", "NULL"),
        ("reason", "NULL"),
        ("effective_at", "2026-02-01 08:00:00+00"),
        ("recorded_at", "2026-02-01 08:00:00+00"),
        ("recorded_by", "postgres"),
        ("metadata", "{\"model\": \"large\"}"),
        ("cycle", "1"),
    ]);
    assert_eq!(
        s.list(
            "SELECT entry, operation, lot, lot_kind, trim_scale(amount), effective_at FROM credits_allocations
             WHERE operation = 'charge' ORDER BY lot"
        ),
        ["4|charge|1|allowance|-10|2026-02-01 08:00:00+00", "4|charge|2|purchase|-5.5|2026-02-01 08:00:00+00"]
    );
    s.row("SELECT * FROM credits_balance('a')").has(&[("used", "15.5"), ("entry", "4"), ("balance", "94.5")]);
    assert_eq!(
        s.list("SELECT lot, trim_scale(remaining), status FROM credits_grants ORDER BY lot"),
        ["1|0|spent", "2|94.5|active"]
    );
    sound(&mut s);
}

#[test]
fn usage_and_invoice_lines_add_charges_up() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 0.5)");
    s.run("SELECT * FROM credits_define_rate('image', 4)");
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_charge('a', 'chat', 3, 'c1', 'ann')");
    s.run("SELECT * FROM credits_charge('a', 'chat', 0, 'c2', 'ann')");
    s.run("SELECT * FROM credits_charge('a', 'image', 4, 'c3', 'bob')");
    s.run("SELECT * FROM credits_charge('a', 'image', 90, 'c4', 'bob', on_insufficient => 'refuse')");
    s.run("SELECT * FROM credits_debit('a', 7, 'd1', 'chat', 'ann')");
    s.at("2026-02-01 00:00+00");
    s.run("SELECT * FROM credits_charge('a', 'chat', 2.5, 'c5')");
    s.at("2026-02-28 12:00+00");
    s.run("SELECT * FROM credits_charge('a', 'chat', 8, 'c6', 'ann')");
    assert_eq!(
        s.list(
            "SELECT day, feature, coalesce(actor, '-'), operations, trim_scale(quantity), trim_scale(credits),
                    trim_scale(from_allowance), trim_scale(from_credits)
             FROM credits_usage_daily WHERE account = 'a' ORDER BY 1, 2, 3"
        ),
        [
            "2026-01-31|chat|ann|3|3|8.5|1.5|7",
            "2026-01-31|image|bob|1|4|16|8.5|7.5",
            "2026-02-01|chat|-|1|2.5|1.25|0|1.25",
            "2026-02-28|chat|ann|1|8|4|4|0"
        ]
    );
    let by_cycle = [
        "2026-01-31 12:00:00+00|2026-02-28 12:00:00+00|chat|5.5|0|9.75|1.5|8.25",
        "2026-01-31 12:00:00+00|2026-02-28 12:00:00+00|image|4|0|16|8.5|7.5",
        "2026-02-28 12:00:00+00|2026-03-31 12:00:00+00|chat|8|0|4|4|0",
    ];
    let columns = "cycle_start, cycle_end, feature, trim_scale(quantity), trim_scale(included), trim_scale(credits),
        trim_scale(from_allowance), trim_scale(from_credits)";
    assert_eq!(
        s.list(&format!("SELECT {columns} FROM credits_usage_by_cycle WHERE account = 'a' ORDER BY cycle, feature")),
        by_cycle
    );
    assert_eq!(
        s.list(&format!("SELECT {columns} FROM credits_invoice_lines WHERE account = 'a' ORDER BY cycle, feature")),
        by_cycle
    );
    assert_eq!(
        s.list("SELECT feature, operations FROM credits_usage_by_cycle ORDER BY cycle, feature"),
        ["chat|4", "image|1", "chat|1"]
    );
    assert_eq!(s.list("SELECT trim_scale(used) FROM credits_cycles ORDER BY cycle"), ["25.75", "4"]);
    sound(&mut s);
}

/// `quantity × credits / per_units`, rounded up to the 6th decimal, by whole numbers in plain SQL.
fn exact(s: &mut Session, credits: &str, per_units: &str, quantity: &str) -> String {
    s.one(&format!(
        "SELECT trim_scale(0.000001 * (div(millionths, {per_units}) + (mod(millionths, {per_units}) > 0)::int))
         FROM (SELECT {quantity}::numeric * {credits} * 1000000 AS millionths) q"
    ))
}

/// `quantity × credits / per_units`, exact, and where that needs more than 6 decimals rounded up to the 6th.
#[test]
fn prices_are_exact_and_rounded_up_at_the_sixth_decimal() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_grant('a', 99999999999999.999999, 'g')");
    let prices = [
        // credits, per_units, quantity, amount
        ("1", "1", "7", "7"),
        ("0.1", "1", "3", "0.3"),
        ("2.5", "1", "0.4", "1"),
        ("1", "3", "1", "0.333334"),
        ("1", "3", "2", "0.666667"),
        ("1", "3", "3", "1"),
        ("1", "3", "3.000001", "1.000001"),
        ("2", "3", "1", "0.666667"),
        ("1", "8", "1", "0.125"),
        ("1", "64", "1", "0.015625"),
        ("1", "128", "1", "0.007813"),
        ("1", "1000", "0.001", "0.000001"),
        ("1", "1000", "0.001001", "0.000002"),
        ("3", "1000000", "1", "0.000003"),
        ("3", "1000000", "0.333333", "0.000001"),
        ("3", "1000000", "0.333334", "0.000002"),
        ("0.000001", "1", "0.000001", "0.000001"),
        ("0.000001", "1", "1.000001", "0.000002"),
        ("0.000003", "7", "5", "0.000003"),
        ("1", "0.000001", "0.000003", "3"),
        ("1.000001", "1", "1.000001", "1.000003"),
        ("0.123456", "0.654321", "9.999999", "1.886781"),
    ];
    for (n, (credits, per_units, quantity, amount)) in prices.iter().enumerate() {
        assert_eq!(
            &exact(&mut s, credits, per_units, quantity),
            amount,
            "plain SQL agrees with the table: {quantity} × {credits} / {per_units}"
        );
        s.run(&format!("SELECT * FROM credits_define_rate('f{n}', {credits}, {per_units})"));
        costs(&mut s, "a", &format!("f{n}"), &[(quantity, amount)]);
    }
    // Each charge is rounded for itself.
    s.run("SELECT * FROM credits_define_rate('third', 1, 3)");
    costs(&mut s, "a", "third", &[("1", "0.333334"), ("1", "0.333334"), ("1", "0.333334")]);
    sound(&mut s);
}

#[test]
fn huge_quantities_are_exact() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_open_account('a')");
    let most = "99999999999999.999999";
    let prices = [
        ("0.000001", "1", most, "100000000"),
        ("0.000001", most, most, "0.000001"),
        ("0.000001", most, "0.000001", "0.000001"),
        ("1", most, most, "1"),
        ("1", most, "1", "0.000001"),
        ("1", most, "99999999999999", "1"),
        ("99999999999999", most, "33333333333333.333333", "33333333333333"),
        (most, most, "12345678901234.567891", "12345678901234.567891"),
        ("98765432109876.54321", "98765432109876.54321", "0.000001", "0.000001"),
        ("31415926535897.932384", "27182818284590.452353", "1234567890123.456789", "1426823875789.352555"),
    ];
    for (n, (credits, per_units, quantity, amount)) in prices.iter().enumerate() {
        assert_eq!(
            &exact(&mut s, credits, per_units, quantity),
            amount,
            "plain SQL agrees with the table: {quantity} × {credits} / {per_units}"
        );
        s.run(&format!("SELECT * FROM credits_define_rate('f{n}', {credits}, {per_units})"));
        assert_eq!(&quote(&mut s, "a", &format!("f{n}"), quantity), amount);
        let account = format!("a{n}");
        s.run(&format!("SELECT * FROM credits_open_account('{account}')"));
        s.row(&format!(
            "SELECT * FROM credits_charge('{account}', 'f{n}', {quantity}, 'c', on_insufficient => 'allow')"
        ))
        .has(&[("amount", amount), ("overdraft", amount), ("debt", amount)]);
    }
    // As much as an account can owe, in one charge, and not a millionth more.
    s.run("SELECT * FROM credits_define_rate('one', 1)");
    let all = format!("SELECT * FROM credits_charge('a', 'one', {most}, 'all', on_insufficient => 'allow')");
    s.row(&all).has(&[("amount", most), ("debt", most), ("balance", &format!("-{most}"))]);
    fails(&mut s, "credits_charge('a', 'one', 0.000001, 'more', on_insufficient => 'allow')", "LC004");
    // A price that is no amount.
    s.run("SELECT * FROM credits_define_rate('two', 2)");
    for quantity in ["50000000000000", most] {
        fails(&mut s, &format!("credits_charge('a', 'two', {quantity}, 'c', on_insufficient => 'allow')"), "LC004");
        fails(&mut s, &format!("credits_quote('a', 'two', {quantity})"), "LC004");
    }
    sound(&mut s);
}

#[test]
fn quantity_zero_is_recorded_and_costs_nothing() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a')");
    charge(&mut s, "a", "chat", "0", "c1").has(&[
        ("entry", "2"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "0"),
        ("included", "0"),
    ]);
    // It wants nothing, whatever there is.
    for (n, mode) in ["error", "refuse", "partial", "allow"].iter().enumerate() {
        s.row(&format!("SELECT * FROM credits_charge('a', 'chat', 0.000, 'm{n}', on_insufficient => '{mode}')"))
            .has(&[("accepted", "t"), ("amount", "0"), ("balance", "0")]);
    }
    s.row("SELECT * FROM credits_charge('a', 'chat', 0, 'c1')").has(&[("replayed", "t"), ("entry", "2")]);
    assert_eq!(
        s.list("SELECT entry, operation, amount, quantity, feature FROM credits_history WHERE entry = 2"),
        ["2|charge|0|0|chat"]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_allocations"), "0");
    assert_eq!(
        s.list("SELECT operations, trim_scale(quantity), trim_scale(credits) FROM credits_usage_by_cycle"),
        ["5|0|0"]
    );
    sound(&mut s);
}

#[test]
fn a_rate_of_zero_records_the_quantity() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('look', 0)");
    s.run("SELECT * FROM credits_open_account('a')");
    charge(&mut s, "a", "look", "12.5", "c1").has(&[("entry", "2"), ("amount", "0")]);
    assert_eq!(
        s.list("SELECT operation, trim_scale(amount), trim_scale(quantity) FROM credits_history WHERE entry = 2"),
        ["charge|0|12.5"]
    );
    assert_eq!(s.list("SELECT trim_scale(quantity), trim_scale(credits) FROM credits_invoice_lines"), ["12.5|0"]);
    sound(&mut s);
}

#[test]
fn error_takes_all_or_nothing_and_says_the_figures() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a', 2)");
    s.run("SELECT * FROM credits_grant('a', 3.5, 'g')");
    insufficient(&mut s, "'a', 'chat', 4, 'c'", "available=5.5 required=8 shortfall=2.5");
    insufficient(&mut s, "'a', 'chat', 2.750001, 'c'", "available=5.5 required=5.500002 shortfall=0.000002");
    insufficient(&mut s, "'a', 'chat', 4, 'c', on_insufficient => NULL", "available=5.5 required=8 shortfall=2.5");
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "5.5"), ("used", "0")]);
    // The key is free.
    charge(&mut s, "a", "chat", "2.75", "c").has(&[("amount", "5.5"), ("balance", "0")]);
    insufficient(&mut s, "'a', 'chat', 0.000001, 'c2'", "available=0 required=0.000002 shortfall=0.000002");
    sound(&mut s);
}

#[test]
fn refuse_returns_and_records_nothing() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a', 5)");
    let before = entries(&mut s);
    let call = "SELECT * FROM credits_charge('a', 'chat', 4, 'c', on_insufficient => 'refuse')";
    s.row(call).has(&[
        ("account", "a"),
        ("entry", "NULL"),
        ("operation", "charge"),
        ("idempotency_key", "c"),
        ("accepted", "f"),
        ("refused", "LC001"),
        ("replayed", "f"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "5"),
        ("allowance", "5"),
        ("available", "5"),
        ("included", "0"),
    ]);
    assert_eq!(entries(&mut s), before);
    s.run("SELECT * FROM credits_grant('a', 3, 'g')");
    s.row(call).has(&[("accepted", "t"), ("refused", "NULL"), ("replayed", "f"), ("amount", "8"), ("balance", "0")]);
    s.row(call).has(&[("accepted", "t"), ("replayed", "t"), ("amount", "8")]);
    sound(&mut s);
}

#[test]
fn partial_takes_what_there_is_and_keeps_the_quantity_asked_for() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a', 2)");
    s.run("SELECT * FROM credits_grant('a', 3.5, 'g')");
    let call = "SELECT * FROM credits_charge('a', 'chat', 4, 'c', on_insufficient => 'partial')";
    s.row(call).has(&[
        ("accepted", "t"),
        ("amount", "5.5"),
        ("from_allowance", "2"),
        ("from_credits", "3.5"),
        ("overdraft", "0"),
        ("balance", "0"),
        ("entry", "4"),
    ]);
    assert_eq!(
        s.list("SELECT trim_scale(quantity), trim_scale(amount) FROM credits_history WHERE entry = 4"),
        ["4|-5.5"]
    );
    // Nothing there: like refuse.
    s.row("SELECT * FROM credits_charge('a', 'chat', 1, 'c2', on_insufficient => 'partial')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("entry", "NULL"),
        ("amount", "0"),
    ]);
    // Compared is what was asked for, not what was taken; where there is enough, the whole.
    s.run("SELECT * FROM credits_grant('a', 50, 'g2')");
    s.row(call).has(&[("replayed", "t"), ("amount", "5.5"), ("balance", "0")]);
    s.row("SELECT * FROM credits_charge('a', 'chat', 1, 'c2', on_insufficient => 'partial')").has(&[
        ("accepted", "t"),
        ("replayed", "f"),
        ("amount", "2"),
        ("balance", "48"),
    ]);
    sound(&mut s);
}

#[test]
fn partial_uses_the_overdraft_limit() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a', 5, overdraft_limit => 2)");
    s.row("SELECT * FROM credits_charge('a', 'chat', 10, 'c', on_insufficient => 'partial')").has(&[
        ("accepted", "t"),
        ("amount", "7"),
        ("from_allowance", "5"),
        ("overdraft", "2"),
        ("balance", "-2"),
        ("debt", "2"),
    ]);
    s.row("SELECT * FROM credits_charge('a', 'chat', 1, 'c2', on_insufficient => 'partial')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("debt", "2"),
    ]);
    sound(&mut s);
}

#[test]
fn allow_records_all_and_the_rest_is_debt() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a', 5)");
    s.row("SELECT * FROM credits_charge('a', 'chat', 10, 'c', on_insufficient => 'allow')").has(&[
        ("accepted", "t"),
        ("amount", "20"),
        ("from_allowance", "5"),
        ("from_credits", "0"),
        ("overdraft", "15"),
        ("balance", "-15"),
        ("debt", "15"),
        ("available", "0"),
    ]);
    assert_eq!(
        s.list(
            "SELECT trim_scale(amount), trim_scale(from_allowance), trim_scale(from_credits), trim_scale(overdraft),
                    trim_scale(quantity) FROM credits_history WHERE operation = 'charge'"
        ),
        ["-20|5|0|15|10"]
    );
    assert_eq!(
        s.list(
            "SELECT trim_scale(credits), trim_scale(from_allowance), trim_scale(from_credits) FROM credits_usage_daily"
        ),
        ["20|5|0"]
    );
    // What is granted next pays it.
    s.row("SELECT * FROM credits_grant('a', 20, 'g')").has(&[
        ("overdraft", "-15"),
        ("from_credits", "5"),
        ("debt", "0"),
    ]);
    charge(&mut s, "a", "chat", "2.5", "c2").has(&[("from_credits", "5"), ("balance", "0")]);
    sound(&mut s);
}

#[test]
fn charges_go_into_debt_down_to_the_overdraft_limit() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a', 5, overdraft_limit => 10)");
    insufficient(&mut s, "'a', 'chat', 10, 'c'", "available=5 required=20 shortfall=5");
    charge(&mut s, "a", "chat", "4.5", "c").has(&[
        ("amount", "9"),
        ("from_allowance", "5"),
        ("overdraft", "4"),
        ("balance", "-4"),
    ]);
    insufficient(&mut s, "'a', 'chat', 3.000001, 'c2'", "available=0 required=6.000002 shortfall=0.000002");
    charge(&mut s, "a", "chat", "3", "c2").has(&[("overdraft", "6"), ("debt", "10"), ("balance", "-10")]);
    insufficient(&mut s, "'a', 'chat', 0.000001, 'c3'", "available=0 required=0.000002 shortfall=0.000002");
    sound(&mut s);
}

#[test]
fn debt_of_charges_is_forgiven_and_invoiced_as_that_of_debits() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    for (account, policy) in [("f", "forgive_at_reset"), ("i", "invoice_at_reset")] {
        s.at(JAN);
        s.run(&format!("SELECT * FROM credits_open_account('{account}', 5, debt_policy => '{policy}')"));
        s.run(&format!("SELECT * FROM credits_charge('{account}', 'chat', 10, 'c', on_insufficient => 'allow')"));
        s.at("2026-02-28 12:00+00");
        charge(&mut s, account, "chat", "2", "c2").has(&[("from_allowance", "4"), ("debt", "0"), ("balance", "1")]);
    }
    assert_eq!(
        s.list(
            "SELECT account, trim_scale(used), trim_scale(debt_forgiven), trim_scale(debt_invoiced) FROM credits_cycles
             WHERE closed_at IS NOT NULL ORDER BY account"
        ),
        ["f|20|15|0", "i|20|0|15"]
    );
    assert_eq!(
        s.list(
            "SELECT account, coalesce(feature, '-'), trim_scale(quantity), trim_scale(credits), trim_scale(debt_invoiced)
             FROM credits_invoice_lines WHERE cycle = 1 ORDER BY account, feature NULLS LAST"
        ),
        ["f|chat|10|20|0", "i|chat|10|20|0", "i|-|0|0|15"]
    );
    sound(&mut s);
}

#[test]
fn lots_restricted_to_the_feature_go_first_in_burn_order() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_define_rate('image', 2)");
    s.run("SELECT * FROM credits_open_account('a', 4)");
    s.run("SELECT * FROM credits_grant('a', 3, 'bought')");
    s.run("SELECT * FROM credits_grant('a', 6, 'chat only', 'promo', features => ARRAY['chat'])");
    s.run("SELECT * FROM credits_grant('a', 5, 'soon', 'promo', expires_in => '5 days')");
    s.run("SELECT * FROM credits_grant('a', 7, 'first', priority => 1)");
    let before = entries(&mut s);
    let plan = s.list("SELECT lot, trim_scale(takes) FROM credits_explain_debit('a', 18, 'chat') WHERE takes > 0");
    assert_eq!(plan, ["1|4", "5|7", "3|6", "4|1"]);
    charge(&mut s, "a", "chat", "9", "c1").has(&[
        ("amount", "18"),
        ("from_allowance", "4"),
        ("from_credits", "14"),
        ("balance", "7"),
        ("available", "7"),
    ]);
    let taken = "SELECT lot, trim_scale(-amount) FROM credits_allocations WHERE operation = 'charge' AND entry = ";
    let newest = s.one("SELECT entry FROM credits_balance('a')");
    assert_eq!(s.list(&format!("{taken} {newest} ORDER BY lot")), ["1|4", "3|6", "4|1", "5|7"]);
    assert_eq!(before.parse::<u32>().unwrap() + 1, entries(&mut s).parse().unwrap());

    // Another feature leaves it alone, and is told so.
    s.run("SELECT * FROM credits_grant('b', 6, 'chat only', features => ARRAY['chat'])");
    s.run("SELECT * FROM credits_grant('b', 3, 'g')");
    insufficient(&mut s, "'b', 'image', 2, 'c'", "available=3 required=4 shortfall=1");
    s.row("SELECT * FROM credits_charge('b', 'image', 4, 'c', on_insufficient => 'partial')").has(&[
        ("amount", "3"),
        ("balance", "6"),
        ("available", "0"),
        ("credits", "6"),
    ]);
    insufficient(&mut s, "'b', 'chat', 4, 'c2'", "available=6 required=8 shortfall=2");
    charge(&mut s, "b", "chat", "3", "c2").has(&[("amount", "6"), ("balance", "0")]);
    sound(&mut s);
}

#[test]
fn what_time_does_comes_before_the_charge() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_grant('a', 8, 'promo', 'promo', expires_at => '2026-02-10 00:00+00')");
    s.run("SELECT * FROM credits_grant('a', 20, 'later', effective_at => '2026-02-12 00:00+00')");
    costs(&mut s, "a", "chat", &[("4", "8")]);
    s.at("2026-02-10 00:00+00");
    insufficient(&mut s, "'a', 'chat', 2, 'no'", "available=2 required=4 shortfall=2");
    s.at("2026-02-12 00:00+00");
    charge(&mut s, "a", "chat", "5", "c").has(&[("from_allowance", "2"), ("from_credits", "8"), ("balance", "12")]);
    s.at("2026-02-28 12:00+00");
    charge(&mut s, "a", "chat", "7", "c2").has(&[("from_allowance", "10"), ("from_credits", "4"), ("balance", "8")]);
    sound(&mut s);
}

#[test]
fn a_charge_stands_and_falls_with_its_transaction() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    s.run("BEGIN");
    charge(&mut s, "a", "chat", "2", "c").has(&[("balance", "6")]);
    s.run("ROLLBACK");
    assert_eq!(s.list("SELECT trim_scale(balance), entry FROM credits_balance('a')"), ["10|2"]);
    s.run("BEGIN");
    charge(&mut s, "a", "chat", "1", "c").has(&[("balance", "8"), ("entry", "3")]);
    s.run("SAVEPOINT here");
    charge(&mut s, "a", "chat", "2", "c2").has(&[("balance", "4"), ("entry", "4")]);
    s.run("ROLLBACK TO SAVEPOINT here");
    charge(&mut s, "a", "chat", "3", "c2").has(&[("balance", "2"), ("entry", "4")]);
    s.run("COMMIT");
    assert_eq!(s.list("SELECT trim_scale(balance), entry FROM credits_balance('a')"), ["2|4"]);
    sound(&mut s);
}

#[test]
fn a_replay_is_the_first_receipt_field_by_field() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_define_plan('pro', 50)");
    s.run("SELECT * FROM credits_include('pro', 'chat', 5)");
    s.run("SELECT * FROM credits_open_account('a', overdraft_limit => 6)");
    s.run("SELECT * FROM credits_subscribe('a', 'pro', 's')");
    let calls = [
        "credits_charge('a', 'chat', 3, 'c1', 'ann', 'doc', metadata => '{\"n\": 1}')",
        "credits_charge('a', 'chat', 10, 'c2')",
        "credits_charge('a', 'chat', 0, 'c3')",
        "credits_charge('a', 'chat', 70, 'c4', on_insufficient => 'partial')",
        "credits_charge('a', 'chat', 4, 'c5', on_insufficient => 'allow')",
    ];
    let first: Vec<_> = calls.iter().map(|call| receipt(&mut s, call, "f")).collect();
    s.at("2026-05-05 00:00+00");
    s.run("SELECT * FROM credits_define_rate('chat', 3)");
    s.run("SELECT * FROM credits_grant('a', 1000, 'g')");
    costs(&mut s, "a", "chat", &[("20", "45")]);
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    s.run("SELECT * FROM credits_set_feature('a', 'chat', false)");
    let count = entries(&mut s);
    for (call, expected) in calls.iter().zip(&first) {
        assert_eq!(&receipt(&mut s, call, "t"), expected, "{call}");
    }
    assert_eq!(entries(&mut s), count);
    sound(&mut s);
}

#[test]
fn a_retry_after_the_rate_changed_at_midnight_returns_the_original_price() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_define_rate('chat', 5, effective_at => '2026-02-01 00:00+00')");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.at("2026-01-31 23:59:59+00");
    let call = "credits_charge('a', 'chat', 3, 'night')";
    let first = receipt(&mut s, call, "f");
    s.at("2026-02-01 00:00:01+00");
    assert_eq!(receipt(&mut s, call, "t"), first);
    s.row(&format!("SELECT * FROM {call}")).has(&[("amount", "6"), ("balance", "94"), ("replayed", "t")]);
    charge(&mut s, "a", "chat", "3", "morning").has(&[("amount", "15"), ("balance", "79")]);
    // To a package, to free, and back: the receipt stays.
    s.run("SELECT * FROM credits_define_rate('chat', 7, 100, 'package')");
    assert_eq!(receipt(&mut s, call, "t"), first);
    s.run("SELECT * FROM credits_define_rate('chat', free => true)");
    assert_eq!(receipt(&mut s, call, "t"), first);
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    assert_eq!(receipt(&mut s, call, "t"), first);
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "79");
    sound(&mut s);
}

#[test]
fn a_partial_charge_replays_after_its_rate_became_a_package() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_grant('a', 5, 'g')");
    let call = "credits_charge('a', 'chat', 10, 'c', on_insufficient => 'partial')";
    let first = receipt(&mut s, call, "f");
    s.run("SELECT * FROM credits_define_rate('chat', 2, 10, 'package')");
    assert_eq!(receipt(&mut s, call, "t"), first);
    fails(&mut s, "credits_charge('a', 'chat', 10, 'c2', on_insufficient => 'partial')", "LC005");
}

#[test]
fn each_changed_argument_is_another_request() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_define_rate('image', 2)");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_charge('a', 'chat', 3, 'c', 'ann', 'doc', metadata => '{\"n\": 1}')");
    s.run("SELECT * FROM credits_charge('a', 'chat', 3, 'bare')");
    for other in [
        "'a', 'image', 3, 'c', 'ann', 'doc'",
        "'a', 'Chat', 3, 'c', 'ann', 'doc'",
        "'a', 'chat', 3.000001, 'c', 'ann', 'doc'",
        "'a', 'chat', 0, 'c', 'ann', 'doc'",
        "'a', 'chat', 3, 'c', 'bob', 'doc'",
        "'a', 'chat', 3, 'c', NULL, 'doc'",
        "'a', 'chat', 3, 'c', 'ann', 'dog'",
        "'a', 'chat', 3, 'c', 'ann'",
        "'a', 'chat', 3, 'c', 'doc', 'ann'",
        "'a', 'chat', 3, 'c', 'ann', 'doc', 'refuse'",
        "'a', 'chat', 3, 'c', 'ann', 'doc', 'partial'",
        "'a', 'chat', 3, 'c', 'ann', 'doc', 'allow'",
        "'a', 'chat', 3, 'bare', 'ann'",
        "'a', 'chat', 3, 'bare', resource => 'ann'",
    ] {
        fails(&mut s, &format!("credits_charge({other})"), "LC003");
    }
    // Numbers by value, defaults filled in, metadata not compared.
    for same in [
        "'a', 'chat', 3, 'c', 'ann', 'doc'",
        "'a', 'chat', 3.000000, 'c', 'ann', 'doc', 'error', '{\"n\": 2}'",
        "'a', 'chat', 3, 'c', 'ann', 'doc', NULL",
        "'a', 'chat', 3, 'bare', NULL, NULL, NULL, NULL",
    ] {
        s.row(&format!("SELECT * FROM credits_charge({same})")).has(&[("replayed", "t"), ("amount", "6")]);
    }
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "88");
}

#[test]
fn a_key_belongs_to_one_operation() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_grant('a', 100, 'g')");
    s.run("SELECT * FROM credits_debit('a', 6, 'd', 'chat')");
    s.run("SELECT * FROM credits_debit_many(ARRAY['a'], ARRAY[6], ARRAY['m'], ARRAY['chat'])");
    s.run("SELECT * FROM credits_charge('a', 'chat', 3, 'c')");
    for key in ["d", "m", "g"] {
        fails(&mut s, &format!("credits_charge('a', 'chat', 3, '{key}')"), "LC003");
    }
    fails(&mut s, "credits_debit('a', 6, 'c', 'chat')", "LC003");
    fails(&mut s, "credits_grant('a', 6, 'c')", "LC003");
    fails(&mut s, "credits_reset_cycle('a', 'c')", "LC003");
    fails(&mut s, "credits_debit_many(ARRAY['a'], ARRAY[6], ARRAY['c'], ARRAY['chat'])", "LC003");
    // Another account's keys are its own.
    s.run("SELECT * FROM credits_grant('b', 100, 'c')");
    charge(&mut s, "b", "chat", "3", "d").has(&[("amount", "6")]);
    sound(&mut s);
}

/// Redacting erases who and what for; what was used and what it cost stays.
#[test]
fn a_redacted_charge_keeps_its_figures() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('runs', 1, 100, 'package')");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    let call = "SELECT * FROM credits_charge('a', 'runs', 40, 'c', 'ann', 'doc', metadata => '{\"n\": 1}')";
    s.row(call).has(&[("entry", "3"), ("amount", "1")]);
    s.run("SELECT * FROM credits_redact('a', 3)");
    s.row("SELECT * FROM credits_history WHERE entry = 3").has(&[
        ("feature", "runs"),
        ("quantity", "40"),
        ("amount", "-1"),
        ("actor", "NULL"),
        ("resource", "NULL"),
        ("metadata", "NULL"),
    ]);
    s.row(call).has(&[("replayed", "t"), ("amount", "1")]);
    costs(&mut s, "a", "runs", &[("60", "0"), ("1", "1")]);
    sound(&mut s);
}

/// Waits until some session of this database waits for a lock.
fn until_blocked(watcher: &mut Session) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let blocked =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while watcher.one(blocked) == "0" {
        assert!(Instant::now() < deadline, "the second session does not wait for the first");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_second_session_with_one_key_waits_and_replays_or_executes() {
    for (end, replayed, entry) in [("COMMIT", "t", "3"), ("ROLLBACK", "f", "3")] {
        let (db, mut s) = start();
        s.run("SELECT * FROM credits_define_rate('chat', 2)");
        s.run("SELECT * FROM credits_grant('a', 10, 'g')");
        let call = "SELECT * FROM credits_charge('a', 'chat', 3, 'c')";
        s.run("BEGIN");
        s.run(call);
        let mut second = db.session();
        second.at(JAN);
        let waiting = thread::spawn(move || second.row(call));
        until_blocked(&mut db.session());
        s.run(end);
        waiting.join().unwrap().has(&[("replayed", replayed), ("amount", "6"), ("balance", "4"), ("entry", entry)]);
        assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "4");
        sound(&mut s);
    }
}

#[test]
fn what_cannot_be_charged() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('chat', 2)");
    s.run("SELECT * FROM credits_grant('a', 10, 'g')");
    for quantity in ["-1", "-0.000001", "0.0000001", "1.1234567", "'NaN'", "'Infinity'", "'-Infinity'", "1e14", "1e30"]
    {
        for mode in ["error", "refuse", "partial", "allow"] {
            fails(
                &mut s,
                &format!("credits_charge('a', 'chat', {quantity}, 'c', on_insufficient => '{mode}')"),
                "LC004",
            );
        }
    }
    let long = "x".repeat(256);
    for arguments in [
        "NULL, 'chat', 1, 'c'",
        "'a', NULL, 1, 'c'",
        "'a', 'chat', NULL, 'c'",
        "'a', 'chat', 1, NULL",
        "'', 'chat', 1, 'c'",
        "'a', '', 1, 'c'",
        "'a', 'chat', 1, ''",
        "'a', 'chat', 1, 'c', ''",
        "'a', 'chat', 1, 'c', 'ann', ''",
        &format!("'{long}', 'chat', 1, 'c'"),
        &format!("'a', '{long}', 1, 'c'"),
        &format!("'a', 'chat', 1, '{long}'"),
        &format!("'a', 'chat', 1, 'c', '{long}'"),
        &format!("'a', 'chat', 1, 'c', 'ann', '{long}'"),
        "'a', E'ch\\nat', 1, 'c'",
        "'a', 'chat', 1, 'c', E'\\u0085'",
        "'a', 'chat', 1, 'c', on_insufficient => ''",
        "'a', 'chat', 1, 'c', on_insufficient => 'Error'",
        "'a', 'chat', 1, 'c', on_insufficient => 'fail'",
    ] {
        fails(&mut s, &format!("credits_charge({arguments})"), "LC005");
    }
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "10"), ("entry", "2")]);
    fails(&mut s, "credits_charge('nobody', 'chat', 1, 'c')", "LC002");
    fails(&mut s, "credits_charge('a', 'video', 1, 'c')", "LC014");
    assert_eq!(s.error("BEGIN READ ONLY; SELECT * FROM credits_charge('a', 'chat', 1, 'c')").code, "25006");
    s.run("ROLLBACK");
}

#[test]
fn errors_come_in_order() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_define_rate('old', 1)");
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_grant('a', 1, 'g')");
    s.run("SELECT * FROM credits_charge('a', 'old', 1, 'used')");
    // All at once: no credits, no rate, switched off, over its budget, frozen.
    s.run("SELECT * FROM credits_set_budget('a', 2, feature => 'chat')");
    s.run("SELECT * FROM credits_set_feature('a', 'chat', false)");
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    let call = |key: &str| format!("credits_charge('a', 'chat', 5, '{key}')");
    fails(&mut s, "credits_charge('a', 'chat', -5, 'used')", "LC004");
    fails(&mut s, "credits_charge('a', 'chat', 5, 'used', on_insufficient => 'never')", "LC005");
    fails(&mut s, &call("used"), "LC003");
    fails(&mut s, "credits_charge('nobody', 'chat', 5, 'used')", "LC002");
    fails(&mut s, &call("c"), "LC011");
    s.run("SELECT * FROM credits_define_rate('pack', 1, 10, 'package')");
    s.run("SELECT * FROM credits_set_feature('a', 'pack', false)");
    let partial = "credits_charge('a', 'pack', 5, 'c', on_insufficient => 'partial')";
    fails(&mut s, "credits_charge('nobody', 'pack', 5, 'c', on_insufficient => 'partial')", "LC002");
    fails(&mut s, partial, "LC011");
    s.run("SELECT * FROM credits_unfreeze_account('a')");
    fails(&mut s, partial, "LC005");
    fails(&mut s, "credits_charge('a', 'pack', 5, 'c')", "LC010");
    fails(&mut s, &call("c"), "LC010");
    s.run("SELECT * FROM credits_set_feature('a', 'chat', true)");
    fails(&mut s, &call("c"), "LC014");
    s.run("SELECT * FROM credits_define_rate('chat', 1)");
    fails(&mut s, &call("c"), "LC001");
    s.run("SELECT * FROM credits_grant('a', 5, 'g2')");
    fails(&mut s, &call("c"), "LC012");
    s.run("SELECT * FROM credits_set_budget('a', 5, feature => 'chat')");
    charge(&mut s, "a", "chat", "5", "c").has(&[("amount", "5"), ("balance", "0")]);
    sound(&mut s);
}

#[test]
fn refuse_returns_four_codes_and_raises_the_others() {
    let (_db, mut s) = start();
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_set_budget('a', 2, feature => 'chat')");
    s.run("SELECT * FROM credits_set_feature('a', 'chat', false)");
    s.run("SELECT * FROM credits_freeze_account('a', 'fraud')");
    let call = "credits_charge('a', 'chat', 5, 'c', on_insufficient => 'refuse')";
    let refused = |s: &mut Session, code: &str| {
        let before = entries(s);
        s.row(&format!("SELECT * FROM {call}")).has(&[
            ("accepted", "f"),
            ("refused", code),
            ("entry", "NULL"),
            ("amount", "0"),
            ("operation", "charge"),
        ]);
        assert_eq!(entries(s), before, "{code}");
    };
    refused(&mut s, "LC011");
    s.run("SELECT * FROM credits_unfreeze_account('a')");
    refused(&mut s, "LC010");
    s.run("SELECT * FROM credits_set_feature('a', 'chat', true)");
    fails(&mut s, call, "LC014");
    s.run("SELECT * FROM credits_define_rate('chat', 1)");
    refused(&mut s, "LC001");
    s.run("SELECT * FROM credits_grant('a', 5, 'g')");
    refused(&mut s, "LC012");
    s.run("SELECT * FROM credits_set_budget('a', NULL, feature => 'chat')");
    s.row(&format!("SELECT * FROM {call}")).has(&[("accepted", "t"), ("amount", "5")]);
    fails(&mut s, "credits_charge('nobody', 'chat', 5, 'c', on_insufficient => 'refuse')", "LC002");
    s.run("SELECT * FROM credits_close_account('a', 'gone')");
    s.row("SELECT * FROM credits_charge('a', 'chat', 0, 'c2', on_insufficient => 'refuse')")
        .has(&[("accepted", "f"), ("refused", "LC011")]);
    fails(&mut s, "credits_charge('a', 'chat', 0, 'c2')", "LC011");
    sound(&mut s);
}
