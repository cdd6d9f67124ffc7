//! `credits_debit_many` and `credits_grant_many`: order, duplicates, refusals and errors.

use credits_ledger_tests::{Server, Session};

const JAN: &str = "2026-01-31 12:00+00";

fn fails(s: &mut Session, call: &str, code: &str) {
    let before = s.one("SELECT count(*) FROM credits_history");
    let error = s.error(&format!("SELECT * FROM {call}"));
    assert_eq!(error.code, code, "{call}: {}", error.message);
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), before, "{call}");
}

#[test]
fn one_receipt_per_item_in_the_order_given() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for account in ["c", "a", "b"] {
        s.run(&format!("SELECT * FROM credits_open_account('{account}', 100)"));
    }
    assert_eq!(
        s.list(
            "SELECT account, idempotency_key, operation, accepted::text, replayed::text, entry, amount, balance
             FROM credits_debit_many(ARRAY['b', 'a', 'b', 'c', 'a', 'b'], ARRAY[1, 2, 3, 4, 5, 6.5],
                 ARRAY['k1', 'k2', 'k3', 'k1', 'k5', 'k6'])"
        ),
        [
            "b|k1|debit|true|false|3|1|99",
            "a|k2|debit|true|false|3|2|98",
            "b|k3|debit|true|false|4|3|96",
            "c|k1|debit|true|false|3|4|96",
            "a|k5|debit|true|false|4|5|93",
            "b|k6|debit|true|false|5|6.5|89.5",
        ]
    );
    assert_eq!(s.list("SELECT balance, used FROM credits_accounts ORDER BY account"), ["93|7", "89.5|10.5", "96|4"]);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn features_go_with_their_items() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_grant('a', 5, 'chat', features => ARRAY['chat'])");
    s.run("SELECT * FROM credits_grant('a', 5, 'any')");
    assert_eq!(
        s.list(
            "SELECT accepted::text, amount, available FROM credits_debit_many(ARRAY['a', 'a', 'a', 'a'],
                 ARRAY[3, 3, 3, 3], ARRAY['k1', 'k2', 'k3', 'k4'], ARRAY['chat', NULL, 'chat', 'image'])"
        ),
        // 3 of chat; 3 of any; 2 of chat and 1 of any; only 1 of any is left.
        ["true|3|5", "true|3|2", "true|3|1", "false|0|1"]
    );
    assert_eq!(
        s.list("SELECT idempotency_key, coalesce(feature, '-') FROM credits_history WHERE operation = 'debit' ORDER BY entry"),
        ["k1|chat", "k2|-", "k3|chat"]
    );
}

#[test]
fn refuse_refuses_only_the_item() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_open_account('frozen', 10)");
    s.run("SELECT * FROM credits_freeze_account('frozen', 'why')");
    s.run("SELECT * FROM credits_open_account('closed', 10)");
    s.run("SELECT * FROM credits_close_account('closed', 'why')");
    let batch =
        "SELECT account, idempotency_key, accepted::text, coalesce(refused, '-'), coalesce(entry::text, '-'), amount,
            balance, available, debt
        FROM credits_debit_many(ARRAY['a', 'a', 'nobody', 'frozen', 'closed', 'a'], ARRAY[6, 5, 1, 1, 1, 4],
            ARRAY['k1', 'k2', 'k3', 'k4', 'k5', 'k6'])";
    assert_eq!(
        s.list(batch),
        [
            "a|k1|true|-|3|6|4|4|0",
            "a|k2|false|LC001|-|0|4|4|0",
            "nobody|k3|false|LC002|-|0|0|0|0",
            "frozen|k4|false|LC011|-|0|10|10|0",
            "closed|k5|false|LC011|-|0|0|0|0",
            "a|k6|true|-|4|4|0|0|0",
        ]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts WHERE account = 'nobody'"), "0");
    // Refused items keep no key: after a grant the same batch carries them out, and replays the others.
    s.run("SELECT * FROM credits_grant('a', 5, 'g')");
    s.run("SELECT * FROM credits_unfreeze_account('frozen')");
    assert_eq!(
        s.list("SELECT idempotency_key, accepted::text, replayed::text, balance
                FROM credits_debit_many(ARRAY['a', 'a', 'frozen', 'a'], ARRAY[6, 5, 1, 4], ARRAY['k1', 'k2', 'k4', 'k6'])"),
        ["k1|true|true|4", "k2|true|false|0", "k4|true|false|9", "k6|true|true|0"]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn error_fails_the_whole_batch() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_open_account('b', 10)");
    s.run("SELECT * FROM credits_open_account('frozen', 10)");
    s.run("SELECT * FROM credits_freeze_account('frozen', 'why')");
    let error = s.error("SELECT * FROM credits_debit_many(ARRAY['b', 'a', 'a'], ARRAY[1, 6, 5], ARRAY['k1', 'k2', 'k3'], NULL, 'error')");
    assert_eq!(error.code, "LC001");
    assert!(error.detail.starts_with("available=4 required=5 shortfall=1 resets_at="), "{}", error.detail);
    assert_eq!(
        s.list("SELECT account, balance, entry FROM credits_accounts ORDER BY account"),
        ["a|10|2", "b|10|2", "frozen|10|3"]
    );
    fails(&mut s, "credits_debit_many(ARRAY['b', 'nobody'], ARRAY[1, 1], ARRAY['k1', 'k2'], NULL, 'error')", "LC002");
    fails(&mut s, "credits_debit_many(ARRAY['b', 'frozen'], ARRAY[1, 1], ARRAY['k1', 'k2'], NULL, 'error')", "LC011");
    // The first item that cannot be, in the order given, is the one that is named.
    fails(&mut s, "credits_debit_many(ARRAY['nobody', 'a'], ARRAY[1, 11], ARRAY['k1', 'k2'], NULL, 'error')", "LC002");
    fails(&mut s, "credits_debit_many(ARRAY['a', 'nobody'], ARRAY[11, 1], ARRAY['k1', 'k2'], NULL, 'error')", "LC001");
    assert_eq!(
        s.list("SELECT balance FROM credits_debit_many(ARRAY['b', 'a', 'a'], ARRAY[1, 6, 4], ARRAY['k1', 'k2', 'k3'], NULL, 'error')"),
        ["9", "4", "0"]
    );
}

#[test]
fn a_key_repeated_within_a_batch_replays_within_it() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_open_account('b', 10)");
    let batch = "SELECT account, idempotency_key, accepted::text, replayed::text, entry, amount, balance
        FROM credits_debit_many(ARRAY['a', 'a', 'a', 'b', 'a'], ARRAY[3, 1, 3, 3, 1], ARRAY['k', 'j', 'k', 'k', 'j'])";
    assert_eq!(
        s.list(batch),
        [
            "a|k|true|false|3|3|7",
            "a|j|true|false|4|1|6",
            "a|k|true|true|3|3|7",
            "b|k|true|false|3|3|7",
            "a|j|true|true|4|1|6"
        ]
    );
    assert_eq!(
        s.list(batch),
        [
            "a|k|true|true|3|3|7",
            "a|j|true|true|4|1|6",
            "a|k|true|true|3|3|7",
            "b|k|true|true|3|3|7",
            "a|j|true|true|4|1|6"
        ]
    );
    for mode in ["refuse", "error"] {
        fails(
            &mut s,
            &format!("credits_debit_many(ARRAY['a', 'a'], ARRAY[1, 2], ARRAY['n', 'n'], NULL, '{mode}')"),
            "LC003",
        );
        fails(
            &mut s,
            &format!("credits_debit_many(ARRAY['a', 'a'], ARRAY[1, 4], ARRAY['n', 'k'], NULL, '{mode}')"),
            "LC003",
        );
    }
    // A refused item keeps no key within the batch either.
    assert_eq!(
        s.list(
            "SELECT accepted::text, replayed::text, balance
                FROM credits_debit_many(ARRAY['a', 'a', 'a'], ARRAY[99, 2, 2], ARRAY['r', 'r', 'r'])"
        ),
        ["false|false|6", "true|false|4", "true|true|4"]
    );
}

#[test]
fn batches_and_single_debits_agree() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for account in ["single", "batch"] {
        s.run(&format!("SELECT * FROM credits_open_account('{account}', 50, overdraft_limit => 8)"));
        for (key, amount, rest) in [
            ("g1", 9, ", 'promo'"),
            ("g2", 8, ", features => ARRAY['chat']"),
            ("g3", 7, ", expires_in => '5 days'"),
            ("g4", 6, ", effective_at => '2026-02-01 00:00+00'"),
        ] {
            s.run(&format!("SELECT * FROM credits_grant('{account}', {amount}, '{key}'{rest})"));
        }
    }
    s.at("2026-02-02 00:00+00");
    let items = [
        (30, "NULL"),
        (25, "'chat'"),
        (20, "NULL"),
        (4, "'image'"),
        (90, "NULL"),
        (3, "'chat'"),
        (8, "NULL"),
        (1, "NULL"),
    ];
    let mut singles = Vec::new();
    let columns =
        "entry, accepted::text, refused, amount, from_allowance, from_credits, overdraft, balance, allowance, credits,
        debt, available";
    for (i, (amount, feature)) in items.iter().enumerate() {
        singles.extend(s.list(&format!(
            "SELECT {columns} FROM credits_debit('single', {amount}, 'd{i}', {feature}, on_insufficient => 'refuse')"
        )));
    }
    let join = |f: &dyn Fn(usize) -> String| (0..items.len()).map(f).collect::<Vec<_>>().join(", ");
    let batch = s.list(&format!(
        "SELECT {columns} FROM credits_debit_many(ARRAY[{}], ARRAY[{}], ARRAY[{}], ARRAY[{}])",
        join(&|_| "'batch'".to_string()),
        join(&|i| items[i].0.to_string()),
        join(&|i| format!("'d{i}'")),
        join(&|i| items[i].1.to_string()),
    ));
    assert_eq!(batch, singles);
    let history = |s: &mut Session, account: &str| {
        s.list(&format!(
            "SELECT entry, operation, amount, balance, available, feature, idempotency_key FROM credits_history
             WHERE account = '{account}' ORDER BY entry"
        ))
    };
    assert_eq!(history(&mut s, "batch"), history(&mut s, "single"));
    let moved = |s: &mut Session, account: &str| {
        s.list(&format!(
            "SELECT entry, lot, lot_kind, amount FROM credits_allocations WHERE account = '{account}' ORDER BY 1, 2"
        ))
    };
    assert_eq!(moved(&mut s, "batch"), moved(&mut s, "single"));
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn a_batch_records_what_is_due_first() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_grant('b', 5, 'g', expires_at => '2026-02-10 00:00+00')");
    s.at("2026-02-28 12:00+00");
    assert_eq!(
        s.list("SELECT account, accepted::text, entry, balance FROM credits_debit_many(ARRAY['b', 'a', 'b'], ARRAY[1, 1, 1], ARRAY['k', 'k', 'k2'])")[1],
        "a|true|5|9"
    );
    s.row("SELECT * FROM credits_balance('b')").has(&[("balance", "0")]);
    assert_eq!(
        s.list("SELECT operation FROM credits_history WHERE account = 'a' ORDER BY entry")[2..],
        ["expire", "allowance", "debit"]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    for arguments in [
        "ARRAY['a', 'a'], ARRAY[1], ARRAY['k1', 'k2']",
        "ARRAY['a'], ARRAY[1, 2], ARRAY['k1']",
        "ARRAY['a'], ARRAY[1], ARRAY['k1', 'k2']",
        "ARRAY['a', 'a'], ARRAY[1, 1], ARRAY['k1']",
        "ARRAY['a'], ARRAY[]::numeric[], ARRAY['k1']",
        "NULL, ARRAY[1], ARRAY['k1']",
        "ARRAY['a'], NULL, ARRAY['k1']",
        "ARRAY['a'], ARRAY[1], NULL",
        "ARRAY['a', NULL], ARRAY[1, 1], ARRAY['k1', 'k2']",
        "ARRAY['a', 'a'], ARRAY[1, NULL], ARRAY['k1', 'k2']",
        "ARRAY['a', 'a'], ARRAY[1, 1], ARRAY['k1', NULL]",
        "ARRAY['a', 'a'], ARRAY[1, 1], ARRAY['k1', '']",
        "ARRAY['a', ''], ARRAY[1, 1], ARRAY['k1', 'k2']",
        "ARRAY['a', E'a\\t'], ARRAY[1, 1], ARRAY['k1', 'k2']",
        "ARRAY['a', 'a'], ARRAY[1, 1], ARRAY['k1', repeat('x', 256)]",
    ] {
        fails(&mut s, &format!("credits_debit_many({arguments})"), "LC005");
        fails(&mut s, &format!("credits_grant_many({arguments})"), "LC005");
    }
    for features in ["ARRAY['x']", "ARRAY['x', 'y', 'z']", "ARRAY['x', '']", "ARRAY['x', repeat('y', 256)]"] {
        fails(
            &mut s,
            &format!("credits_debit_many(ARRAY['a', 'a'], ARRAY[1, 1], ARRAY['k1', 'k2'], {features})"),
            "LC005",
        );
    }
    for mode in ["Refuse", "", "skip"] {
        fails(&mut s, &format!("credits_debit_many(ARRAY['a'], ARRAY[1], ARRAY['k1'], NULL, '{mode}')"), "LC005");
    }
    for amount in ["0", "-1", "1.1234567", "'NaN'", "'Infinity'", "100000000000000"] {
        let arrays = format!("ARRAY['a', 'a'], ARRAY[1, {amount}]::numeric[], ARRAY['k1', 'k2']");
        fails(&mut s, &format!("credits_debit_many({arrays})"), "LC004");
        fails(&mut s, &format!("credits_grant_many({arrays})"), "LC004");
    }
    assert_eq!(s.list("SELECT account, balance, entry FROM credits_accounts"), ["a|10|2"]);
}

#[test]
fn no_items_give_no_rows() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for verb in ["debit_many", "grant_many"] {
        let rows =
            s.list(&format!("SELECT * FROM credits_{verb}(ARRAY[]::text[], ARRAY[]::numeric[], ARRAY[]::text[])"));
        assert!(rows.is_empty(), "{verb}: {rows:?}");
    }
}

#[test]
fn grants_in_order_opening_who_is_new() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('b', 100, overdraft_limit => 50)");
    s.run("SELECT * FROM credits_debit('b', 120, 'd')");
    assert_eq!(
        s.list(
            "SELECT account, idempotency_key, operation, replayed::text, entry, amount, from_credits, overdraft, balance
             FROM credits_grant_many(ARRAY['c', 'b', 'a', 'b', 'c'], ARRAY[1, 15, 3, 8.25, 5],
                 ARRAY['k1', 'k2', 'k3', 'k4', 'k5'])"
        ),
        [
            "c|k1|grant|false|2|1|1|0|1",
            "b|k2|grant|false|4|15|0|-15|-5",
            "a|k3|grant|false|2|3|3|0|3",
            "b|k4|grant|false|5|8.25|3.25|-5|3.25",
            "c|k5|grant|false|3|5|5|0|6",
        ]
    );
    // Promo credits by default, which never expire.
    assert_eq!(
        s.list("SELECT DISTINCT kind, priority, coalesce(expires_at::text, 'never') FROM credits_grants WHERE kind <> 'allowance'"),
        ["promo|50|never"]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn grants_of_a_kind_with_an_expiry() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let batch = "credits_grant_many(ARRAY['a', 'b', 'a'], ARRAY[1, 2, 1], ARRAY['k', 'k', 'k'], 'bonus', '2026-02-10 00:00+00')";
    assert_eq!(
        s.list(&format!("SELECT account, replayed::text, balance FROM {batch}")),
        ["a|false|1", "b|false|2", "a|true|1"]
    );
    assert_eq!(
        s.list("SELECT account, kind, remaining, (expires_at = '2026-02-10 00:00+00')::text FROM credits_grants ORDER BY account"),
        ["a|bonus|1|true", "b|bonus|2|true"]
    );
    s.at("2026-02-10 00:00+00");
    assert_eq!(s.list("SELECT balance FROM credits_accounts"), ["0", "0"]);
    // It replays past its expiry, but grants nothing new there.
    assert_eq!(s.list(&format!("SELECT DISTINCT replayed::text FROM {batch}")), ["true"]);
    fails(&mut s, "credits_grant_many(ARRAY['a'], ARRAY[1], ARRAY['new'], 'bonus', '2026-02-10 00:00+00')", "LC005");
    for kind in ["allowance", "rollover", "refund", "gift", ""] {
        fails(&mut s, &format!("credits_grant_many(ARRAY['a'], ARRAY[1], ARRAY['new'], '{kind}')"), "LC005");
    }
}

#[test]
fn a_batch_of_grants_is_all_or_nothing() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('frozen')");
    s.run("SELECT * FROM credits_freeze_account('frozen', 'why')");
    s.run("SELECT * FROM credits_open_account('closed')");
    s.run("SELECT * FROM credits_close_account('closed', 'why')");
    s.run("SELECT * FROM credits_grant('full', 99999999999999, 'g')");
    s.run("SELECT * FROM credits_grant('used', 7, 'k')");
    fails(&mut s, "credits_grant_many(ARRAY['new', 'closed'], ARRAY[1, 1], ARRAY['k', 'k'])", "LC011");
    fails(&mut s, "credits_grant_many(ARRAY['new', 'full'], ARRAY[1, 1], ARRAY['k', 'k'])", "LC004");
    fails(&mut s, "credits_grant_many(ARRAY['new', 'used'], ARRAY[1, 1], ARRAY['k', 'k'])", "LC003");
    fails(&mut s, "credits_grant_many(ARRAY['new', 'new'], ARRAY[1, 2], ARRAY['k', 'k'])", "LC003");
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts WHERE account = 'new'"), "0");
    assert_eq!(
        s.list("SELECT account, balance FROM credits_grant_many(ARRAY['new', 'frozen'], ARRAY[1, 2], ARRAY['k', 'k'])"),
        ["new|1", "frozen|2"]
    );
}

#[test]
fn a_thousand_items_keep_their_order() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run(
        "SELECT count(*) FROM credits_grant_many(
               (SELECT array_agg('a' || i) FROM generate_series(0, 6) i), array_fill(1000, ARRAY[7])::numeric[],
               array_fill('g'::text, ARRAY[7]))",
    );
    assert_eq!(
        s.one(
            "WITH receipts AS (
                 SELECT r.* FROM credits_debit_many(
                     (SELECT array_agg('a' || i % 7 ORDER BY i) FROM generate_series(1, 1000) i),
                     (SELECT array_agg(i % 10 + 1 ORDER BY i)::numeric[] FROM generate_series(1, 1000) i),
                     (SELECT array_agg('k' || i ORDER BY i) FROM generate_series(1, 1000) i)) WITH ORDINALITY AS r)
             SELECT count(*) FROM receipts
             WHERE idempotency_key = 'k' || ordinality AND account = 'a' || ordinality % 7
                 AND amount = ordinality % 10 + 1 AND accepted
                 AND entry = 2 + (ordinality + 6) / 7"
        ),
        "1000"
    );
    // 1 + 2 + … + 10, a hundred times.
    assert_eq!(s.one("SELECT 7000 - sum(balance) FROM credits_accounts"), "5500");
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}
