//! `credits_debit`: the four ways when credits run out, overdraft, debt policies, and the dry run.

use credits_ledger_tests::{Server, Session};

const JAN: &str = "2026-01-31 12:00+00";

fn holds(s: &mut Session, condition: &str) {
    assert_eq!(s.one(&format!("SELECT ({condition})::text")), "true", "{condition}");
}

/// The call raises LC001 with these figures; nothing happened.
fn insufficient(s: &mut Session, call: &str, figures: &str) {
    let before = s.one("SELECT count(*) FROM credits_history");
    let error = s.error(&format!("SELECT * FROM credits_debit({call})"));
    assert_eq!(error.code, "LC001", "{call}: {}", error.message);
    assert!(error.detail.starts_with(&format!("{figures} resets_at=")), "{call}: {}", error.detail);
    assert!(!error.hint.is_empty(), "{call}");
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), before, "{call}");
}

#[test]
fn the_allowance_goes_before_credits() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.run("SELECT * FROM credits_grant('a', 50, 'g', 'promo', priority => 1)");
    s.row("SELECT * FROM credits_debit('a', 30.25, 'd1', 'chat', 'ann', 'doc 7', metadata => '{\"tokens\": 9}')").has(
        &[
            ("account", "a"),
            ("entry", "4"),
            ("operation", "debit"),
            ("idempotency_key", "d1"),
            ("accepted", "t"),
            ("replayed", "f"),
            ("amount", "30.25"),
            ("from_allowance", "30.25"),
            ("from_credits", "0"),
            ("overdraft", "0"),
            ("balance", "119.75"),
            ("allowance", "69.75"),
            ("credits", "50"),
            ("held", "0"),
            ("debt", "0"),
            ("available", "119.75"),
            ("included", "0"),
        ],
    );
    s.row("SELECT * FROM credits_debit('a', 70, 'd2')").has(&[
        ("entry", "5"),
        ("amount", "70"),
        ("from_allowance", "69.75"),
        ("from_credits", "0.25"),
        ("balance", "49.75"),
        ("allowance", "0"),
        ("credits", "49.75"),
    ]);
    s.row("SELECT * FROM credits_debit('a', 49.75, 'd3')").has(&[
        ("from_allowance", "0"),
        ("from_credits", "49.75"),
        ("balance", "0"),
        ("available", "0"),
    ]);
    s.row("SELECT * FROM credits_balance('a')").has(&[("used", "150"), ("allowance_granted", "100"), ("entry", "6")]);
    assert_eq!(
        s.list("SELECT operation, amount, balance, available, feature, actor, resource FROM credits_history WHERE entry = 4"),
        ["debit|-30.25|119.75|119.75|chat|ann|doc 7"]
    );
    holds(&mut s, "SELECT metadata = '{\"tokens\": 9}' FROM credits_history WHERE entry = 4");
    assert_eq!(
        s.list(
            "SELECT entry, lot, lot_kind, amount FROM credits_allocations WHERE operation = 'debit' ORDER BY entry, lot"
        ),
        ["4|1|allowance|-30.25", "5|1|allowance|-69.75", "5|2|promo|-0.25", "6|2|promo|-49.75"]
    );
    assert_eq!(s.list("SELECT lot, remaining, status FROM credits_grants ORDER BY lot"), ["1|0|spent", "2|0|spent"]);
}

#[test]
fn error_takes_all_or_nothing_and_says_the_figures() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 2)");
    s.run("SELECT * FROM credits_grant('a', 3.5, 'g')");
    insufficient(&mut s, "'a', 8, 'd'", "available=5.5 required=8 shortfall=2.5");
    insufficient(&mut s, "'a', 5.500001, 'd'", "available=5.5 required=5.500001 shortfall=0.000001");
    insufficient(&mut s, "'a', 8, 'd', on_insufficient => 'error'", "available=5.5 required=8 shortfall=2.5");
    insufficient(&mut s, "'a', 8, 'd', on_insufficient => NULL", "available=5.5 required=8 shortfall=2.5");
    // resets_at is the end of the running cycle.
    let error = s.error("SELECT * FROM credits_debit('a', 8, 'd')");
    let resets_at = error.detail.split("resets_at=").nth(1).unwrap_or_default().to_string();
    holds(&mut s, &format!("'{resets_at}'::timestamptz = '2026-02-28 12:00+00'"));
    // The key is free, for another amount too.
    s.row("SELECT * FROM credits_debit('a', 5.5, 'd')").has(&[("replayed", "f"), ("balance", "0"), ("entry", "4")]);
    insufficient(&mut s, "'a', 0.000001, 'd2'", "available=0 required=0.000001 shortfall=0.000001");
}

#[test]
fn available_is_what_the_feature_may_use() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_grant('a', 3, 'g')");
    s.run("SELECT * FROM credits_grant('a', 5, 'chat', features => ARRAY['chat'])");
    s.run("SELECT * FROM credits_grant('a', 7, 'both', features => ARRAY['chat', 'image'])");
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "15"), ("credits", "15"), ("available", "3")]);
    insufficient(&mut s, "'a', 20, 'd'", "available=3 required=20 shortfall=17");
    insufficient(&mut s, "'a', 20, 'd', 'video'", "available=3 required=20 shortfall=17");
    insufficient(&mut s, "'a', 20, 'd', 'image'", "available=10 required=20 shortfall=10");
    insufficient(&mut s, "'a', 20, 'd', 'chat'", "available=15 required=20 shortfall=5");
    // The receipt's available is that of an unrestricted debit.
    s.row("SELECT * FROM credits_debit('a', 6, 'd', 'image')").has(&[
        ("from_credits", "6"),
        ("balance", "9"),
        ("credits", "9"),
        ("available", "3"),
    ]);
    s.row("SELECT * FROM credits_debit('a', 2, 'd2', 'image')").has(&[("balance", "7"), ("available", "2")]);
    insufficient(&mut s, "'a', 3, 'd3'", "available=2 required=3 shortfall=1");
    s.row("SELECT * FROM credits_debit('a', 7, 'd3', 'chat')").has(&[("balance", "0"), ("available", "0")]);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn refuse_returns_and_records_nothing() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 5)");
    let row = s.row("SELECT * FROM credits_debit('a', 8, 'd', on_insufficient => 'refuse')");
    row.has(&[
        ("account", "a"),
        ("operation", "debit"),
        ("idempotency_key", "d"),
        ("accepted", "f"),
        ("refused", "LC001"),
        ("replayed", "f"),
        ("amount", "0"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "5"),
        ("allowance", "5"),
        ("credits", "0"),
        ("debt", "0"),
        ("available", "5"),
    ]);
    holds(&mut s, "SELECT entry IS NULL FROM credits_debit('a', 8, 'd', on_insufficient => 'refuse')");
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), "2");
    // The same call is decided anew, and so is another one under its key.
    s.run("SELECT * FROM credits_grant('a', 3, 'g')");
    s.row("SELECT * FROM credits_debit('a', 8, 'd', on_insufficient => 'refuse')").has(&[
        ("accepted", "t"),
        ("replayed", "f"),
        ("amount", "8"),
        ("balance", "0"),
        ("entry", "4"),
    ]);
    holds(&mut s, "SELECT refused IS NULL AND replayed FROM credits_debit('a', 8, 'd', on_insufficient => 'refuse')");
}

#[test]
fn partial_takes_what_there_is() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 2)");
    s.run("SELECT * FROM credits_grant('a', 3, 'g')");
    let partial = "SELECT * FROM credits_debit('a', 8, 'd', on_insufficient => 'partial')";
    s.row(partial).has(&[
        ("accepted", "t"),
        ("amount", "5"),
        ("from_allowance", "2"),
        ("from_credits", "3"),
        ("overdraft", "0"),
        ("balance", "0"),
        ("debt", "0"),
        ("entry", "4"),
    ]);
    // Nothing there: like refuse.
    s.row("SELECT * FROM credits_debit('a', 1, 'd2', on_insufficient => 'partial')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("amount", "0"),
        ("balance", "0"),
    ]);
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), "4");
    // The replay compares what was asked for, not what was taken.
    s.run("SELECT * FROM credits_grant('a', 50, 'g2')");
    s.row(partial).has(&[("accepted", "t"), ("replayed", "t"), ("amount", "5"), ("balance", "0"), ("entry", "4")]);
    let error = s.error("SELECT * FROM credits_debit('a', 5, 'd', on_insufficient => 'partial')");
    assert_eq!(error.code, "LC003");
    // Where there is enough, the whole.
    s.row("SELECT * FROM credits_debit('a', 20, 'd3', on_insufficient => 'partial')")
        .has(&[("amount", "20"), ("balance", "30")]);
}

#[test]
fn partial_uses_the_overdraft_limit() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 5, overdraft_limit => 2)");
    s.row("SELECT * FROM credits_debit('a', 8, 'd', on_insufficient => 'partial')").has(&[
        ("accepted", "t"),
        ("amount", "7"),
        ("from_allowance", "5"),
        ("overdraft", "2"),
        ("balance", "-2"),
        ("debt", "2"),
        ("available", "0"),
    ]);
    s.row("SELECT * FROM credits_debit('a', 1, 'd2', on_insufficient => 'partial')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("balance", "-2"),
    ]);
}

#[test]
fn partial_takes_only_what_the_feature_may_use() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_grant('a', 4, 'chat', features => ARRAY['chat'])");
    s.row("SELECT * FROM credits_debit('a', 9, 'd', on_insufficient => 'partial')")
        .has(&[("accepted", "f"), ("balance", "4")]);
    s.run("SELECT * FROM credits_grant('a', 1, 'g')");
    s.row("SELECT * FROM credits_debit('a', 9, 'd', on_insufficient => 'partial')")
        .has(&[("amount", "1"), ("balance", "4")]);
    s.row("SELECT * FROM credits_debit('a', 9, 'd2', 'chat', on_insufficient => 'partial')")
        .has(&[("amount", "4"), ("balance", "0")]);
}

#[test]
fn allow_records_all_whatever_the_limit() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 5, overdraft_limit => 1)");
    s.row("SELECT * FROM credits_debit('a', 8, 'd', on_insufficient => 'allow')").has(&[
        ("accepted", "t"),
        ("amount", "8"),
        ("from_allowance", "5"),
        ("from_credits", "0"),
        ("overdraft", "3"),
        ("balance", "-3"),
        ("debt", "3"),
        ("available", "0"),
    ]);
    s.row("SELECT * FROM credits_debit('a', 100, 'd2', on_insufficient => 'allow')").has(&[
        ("amount", "100"),
        ("overdraft", "100"),
        ("balance", "-103"),
        ("debt", "103"),
    ]);
    s.row("SELECT * FROM credits_balance('a')").has(&[("used", "108"), ("balance", "-103")]);
    // Past the limit already, nothing more goes by it.
    insufficient(&mut s, "'a', 1, 'd3'", "available=0 required=1 shortfall=1");
    assert_eq!(s.list("SELECT amount, overdraft, balance FROM credits_history WHERE entry = 3"), ["-8|3|-3"]);
    // Debt is bounded as every amount is.
    let error = s.error("SELECT * FROM credits_debit('a', 99999999999999.999999, 'd3', on_insufficient => 'allow')");
    assert_eq!(error.code, "LC004");
    assert_eq!(s.one("SELECT debt FROM credits_balance('a')"), "103");
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn the_overdraft_limit_is_exact() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 5, overdraft_limit => 10)");
    insufficient(&mut s, "'a', 20, 'd'", "available=5 required=20 shortfall=5");
    s.row("SELECT * FROM credits_debit('a', 9, 'd')").has(&[
        ("amount", "9"),
        ("from_allowance", "5"),
        ("overdraft", "4"),
        ("balance", "-4"),
        ("debt", "4"),
        ("available", "0"),
    ]);
    insufficient(&mut s, "'a', 10, 'd2'", "available=0 required=10 shortfall=4");
    insufficient(&mut s, "'a', 6.000001, 'd2'", "available=0 required=6.000001 shortfall=0.000001");
    s.row("SELECT * FROM credits_debit('a', 6, 'd2')").has(&[("overdraft", "6"), ("balance", "-10"), ("debt", "10")]);
    insufficient(&mut s, "'a', 0.000001, 'd3'", "available=0 required=0.000001 shortfall=0.000001");
    s.row("SELECT * FROM credits_debit('a', 1, 'd3', on_insufficient => 'refuse')")
        .has(&[("accepted", "f"), ("debt", "10")]);
}

#[test]
fn a_restricted_lot_is_left_while_others_owe() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', overdraft_limit => 10)");
    s.run("SELECT * FROM credits_grant('a', 6, 'r', features => ARRAY['chat'])");
    s.row("SELECT * FROM credits_debit('a', 4, 'd1')").has(&[
        ("from_credits", "0"),
        ("overdraft", "4"),
        ("balance", "2"),
        ("credits", "6"),
        ("debt", "4"),
        ("available", "0"),
    ]);
    // The restricted lot first, then the rest of the limit.
    s.row("SELECT * FROM credits_debit('a', 8, 'd2', 'chat')").has(&[
        ("from_credits", "6"),
        ("overdraft", "2"),
        ("balance", "-6"),
        ("debt", "6"),
        ("credits", "0"),
    ]);
    insufficient(&mut s, "'a', 5, 'd3', 'chat'", "available=0 required=5 shortfall=1");
}

#[test]
fn what_cannot_be_debited() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 5)");
    for amount in ["0", "-1", "0.0000001", "1.1234567", "'NaN'", "'Infinity'", "'-Infinity'", "100000000000000", "1e30"]
    {
        for mode in ["error", "refuse", "partial", "allow"] {
            let call = format!("SELECT * FROM credits_debit('a', {amount}, 'd', on_insufficient => '{mode}')");
            assert_eq!(s.error(&call).code, "LC004", "{call}");
        }
    }
    for mode in ["Error", "ERROR", "fail", "", "true"] {
        let call = format!("SELECT * FROM credits_debit('a', 1, 'd', on_insufficient => '{mode}')");
        assert_eq!(s.error(&call).code, "LC005", "{call}");
    }
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "5"), ("entry", "2")]);
    s.row("SELECT * FROM credits_debit('a', 0.000001, 'd')").has(&[("balance", "4.999999")]);
}

#[test]
fn repay_takes_debt_from_the_next_allowance() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100, debt_policy => 'repay')");
    s.run("SELECT * FROM credits_debit('a', 130, 'd', on_insufficient => 'allow')");
    s.at("2026-02-28 12:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("balance", "70"),
        ("allowance", "70"),
        ("debt", "0"),
        ("available", "70"),
        ("allowance_granted", "100"),
        ("used", "0"),
    ]);
    s.row("SELECT * FROM credits_debit('a', 10, 'd2')").has(&[("from_allowance", "10"), ("balance", "60")]);
    assert_eq!(
        s.list("SELECT amount, from_allowance, overdraft, balance FROM credits_history WHERE operation = 'allowance' AND entry > 2"),
        ["100|70|-30|70"]
    );
    assert_eq!(
        s.list("SELECT used, debt_forgiven, debt_invoiced FROM credits_cycles WHERE closed_at IS NOT NULL"),
        ["130|0|0"]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation IN ('forgive', 'invoice')"), "0");
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn forgive_and_invoice_take_debt_off_at_the_close() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for (policy, operation, cycle) in
        [("forgive_at_reset", "forgive", "150|30|0"), ("invoice_at_reset", "invoice", "150|0|30")]
    {
        s.at(JAN);
        s.run(&format!("SELECT * FROM credits_open_account('{policy}', 100, debt_policy => '{policy}')"));
        s.run(&format!("SELECT * FROM credits_debit('{policy}', 130, 'd', on_insufficient => 'allow')"));
        // Credits that come do not pay it, and are spent beside it.
        s.row(&format!("SELECT * FROM credits_grant('{policy}', 50, 'g')")).has(&[
            ("from_credits", "50"),
            ("overdraft", "0"),
            ("balance", "20"),
            ("credits", "50"),
            ("debt", "30"),
            ("available", "50"),
        ]);
        s.row(&format!("SELECT * FROM credits_debit('{policy}', 20, 'd2')")).has(&[
            ("from_credits", "20"),
            ("overdraft", "0"),
            ("balance", "0"),
            ("debt", "30"),
            ("available", "30"),
        ]);
        s.at("2026-02-28 11:59:59.999999+00");
        s.row(&format!("SELECT * FROM credits_balance('{policy}')")).has(&[("debt", "30"), ("balance", "0")]);
        s.at("2026-02-28 12:00+00");
        s.row(&format!("SELECT * FROM credits_balance('{policy}')")).has(&[
            ("debt", "0"),
            ("balance", "130"),
            ("allowance", "100"),
            ("credits", "30"),
        ]);
        s.run("SELECT credits_maintain()");
        assert_eq!(
            s.list(&format!(
                "SELECT overdraft, from_allowance, from_credits FROM credits_history
                 WHERE account = '{policy}' AND operation = '{operation}'"
            )),
            ["-30|0|0"],
            "{policy}"
        );
        assert_eq!(
            s.list(&format!(
                "SELECT used, debt_forgiven, debt_invoiced FROM credits_cycles
                 WHERE account = '{policy}' AND closed_at IS NOT NULL"
            )),
            [cycle]
        );
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn used_counts_debits_of_the_running_cycle() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 100)");
    s.run("SELECT * FROM credits_debit('a', 30, 'd1', 'chat', 'ann')");
    s.run("SELECT * FROM credits_debit('a', 0.5, 'd2', 'chat', 'bob')");
    s.run("SELECT * FROM credits_debit('a', 4, 'd3')");
    s.run("SELECT * FROM credits_debit('a', 99, 'no', on_insufficient => 'refuse')");
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "34.5");
    s.at("2026-02-28 12:00+00");
    s.run("SELECT * FROM credits_debit('a', 1, 'd4', 'chat')");
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "1");
    assert_eq!(
        s.list("SELECT granted, used, rolled_over, expired FROM credits_cycles WHERE closed_at IS NOT NULL"),
        ["100|34.5|0|65.5"]
    );
    assert_eq!(
        s.list(
            "SELECT cycle_start::date, coalesce(feature, '-'), operations, credits, from_allowance, from_credits
                FROM credits_usage_by_cycle ORDER BY 1, coalesce(feature, '-') COLLATE \"C\""
        ),
        ["2026-01-31|-|1|4|4|0", "2026-01-31|chat|2|30.5|30.5|0", "2026-02-28|chat|1|1|1|0"]
    );
    assert_eq!(
        s.list(
            "SELECT day, coalesce(feature, '-'), coalesce(actor, '-'), operations, credits
                FROM credits_usage_daily ORDER BY day, coalesce(feature, '-') COLLATE \"C\", coalesce(actor, '-') COLLATE \"C\""
        ),
        ["2026-01-31|-|-|1|4", "2026-01-31|chat|ann|1|30", "2026-01-31|chat|bob|1|0.5", "2026-02-28|chat|-|1|1"]
    );
}

#[test]
fn explain_shows_the_lots_without_taking_them() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_grant('a', 20, 'bought')");
    s.run("SELECT * FROM credits_grant('a', 5, 'promo', 'promo', expires_at => '2026-02-05 00:00+00')");
    s.run("SELECT * FROM credits_grant('a', 7, 'chat', 'promo', features => ARRAY['chat'])");
    assert_eq!(
        s.list("SELECT lot, kind, takes, remaining_after FROM credits_explain_debit('a', 18)"),
        ["1|allowance|10|0", "3|promo|5|0", "2|purchase|3|17"]
    );
    assert_eq!(
        s.list("SELECT lot, kind, takes, remaining_after FROM credits_explain_debit('a', 18, 'chat')"),
        ["1|allowance|10|0", "4|promo|7|0", "3|promo|1|4"]
    );
    holds(
        &mut s,
        "SELECT bool_and(expires_at IS NOT DISTINCT FROM CASE lot WHEN 1 THEN timestamptz '2026-02-28 12:00+00'
             WHEN 3 THEN timestamptz '2026-02-05 00:00+00' END) FROM credits_explain_debit('a', 18)",
    );
    // The shortfall is the last row.
    assert_eq!(
        s.list("SELECT coalesce(lot::text, '-'), takes FROM credits_explain_debit('a', 40)"),
        ["1|10", "3|5", "2|20", "-|5"]
    );
    // At its own time, and writing nothing.
    s.at("2026-02-05 00:00+00");
    assert_eq!(s.list("SELECT lot, takes, remaining_after FROM credits_explain_debit('a', 18)"), ["1|10|0", "2|8|12"]);
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), "5");
    s.run("SELECT * FROM credits_debit('a', 18, 'd')");
    assert_eq!(
        s.list("SELECT lot, -amount FROM credits_allocations WHERE operation = 'debit' ORDER BY lot"),
        ["1|10", "2|8"]
    );
    for amount in ["0", "-1", "'NaN'", "0.0000001", "100000000000000"] {
        assert_eq!(s.error(&format!("SELECT * FROM credits_explain_debit('a', {amount})")).code, "LC004", "{amount}");
    }
}

#[test]
fn a_debit_stands_and_falls_with_its_transaction() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("CREATE TABLE orders (id int PRIMARY KEY)");
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("BEGIN");
    s.run("INSERT INTO orders VALUES (1)");
    s.row("SELECT * FROM credits_debit('a', 4, 'd')").has(&[("balance", "6")]);
    s.run("ROLLBACK");
    assert_eq!(s.list("SELECT balance, entry FROM credits_balance('a')"), ["10|2"]);
    assert_eq!(s.one("SELECT count(*) FROM orders"), "0");
    s.run("BEGIN");
    s.run("INSERT INTO orders VALUES (1)");
    s.row("SELECT * FROM credits_debit('a', 4, 'd')").has(&[("replayed", "f"), ("balance", "6"), ("entry", "3")]);
    s.run("COMMIT");
    assert_eq!(s.list("SELECT balance, entry FROM credits_balance('a')"), ["6|3"]);
    assert_eq!(s.one("SELECT count(*) FROM orders"), "1");
}
