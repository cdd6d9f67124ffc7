//! What no caller should pass: the signatures as the reference prints them, NULL in each argument, amounts that are
//! none, and keys of every kind.

use credits_ledger_tests::{Server, Session};

const JAN: &str = "2026-01-31 12:00+00";

/// A function's arguments: name, type, and whether there is a default.
type Signature = (&'static str, &'static [(&'static str, &'static str, bool)]);

const SETTINGS: [(&str, &str, bool); 9] = [
    ("allowance", "numeric", true),
    ("cycle_length", "interval", true),
    ("anchor", "timestamp with time zone", true),
    ("time_zone", "text", true),
    ("rollover_percent", "numeric", true),
    ("rollover_max", "numeric", true),
    ("overdraft_limit", "numeric", true),
    ("debt_policy", "text", true),
    ("metadata", "jsonb", true),
];

const OPEN: [(&str, &str, bool); 10] = [
    ("account", "text", false),
    SETTINGS[0],
    SETTINGS[1],
    SETTINGS[2],
    SETTINGS[3],
    SETTINGS[4],
    SETTINGS[5],
    SETTINGS[6],
    SETTINGS[7],
    SETTINGS[8],
];

const CONFIGURE: [(&str, &str, bool); 11] = [
    OPEN[0],
    OPEN[1],
    OPEN[2],
    OPEN[3],
    OPEN[4],
    OPEN[5],
    OPEN[6],
    OPEN[7],
    OPEN[8],
    OPEN[9],
    ("clear", "text[]", true),
];

const SIGNATURES: [Signature; 20] = [
    ("credits_open_account", &OPEN),
    ("credits_configure_account", &CONFIGURE),
    ("credits_freeze_account", &[("account", "text", false), ("reason", "text", false)]),
    ("credits_unfreeze_account", &[("account", "text", false)]),
    ("credits_close_account", &[("account", "text", false), ("reason", "text", false)]),
    (
        "credits_grant",
        &[
            ("account", "text", false),
            ("amount", "numeric", false),
            ("idempotency_key", "text", false),
            ("kind", "text", true),
            ("expires_at", "timestamp with time zone", true),
            ("expires_in", "interval", true),
            ("expires_after_cycles", "integer", true),
            ("effective_at", "timestamp with time zone", true),
            ("priority", "integer", true),
            ("features", "text[]", true),
            ("price", "numeric", true),
            ("currency", "text", true),
            ("payment_ref", "text", true),
            ("metadata", "jsonb", true),
        ],
    ),
    (
        "credits_debit",
        &[
            ("account", "text", false),
            ("amount", "numeric", false),
            ("idempotency_key", "text", false),
            ("feature", "text", true),
            ("actor", "text", true),
            ("resource", "text", true),
            ("on_insufficient", "text", true),
            ("metadata", "jsonb", true),
        ],
    ),
    ("credits_balance", &[("account", "text", false)]),
    ("credits_balance_at", &[("account", "text", false), ("at", "timestamp with time zone", false)]),
    (
        "credits_reset_cycle",
        &[
            ("account", "text", false),
            ("idempotency_key", "text", true),
            ("starts_at", "timestamp with time zone", true),
        ],
    ),
    ("credits_maintain", &[("max_accounts", "integer", true)]),
    ("credits_explain_debit", &[("account", "text", false), ("amount", "numeric", false), ("feature", "text", true)]),
    ("credits_forecast", &[("account", "text", false)]),
    ("credits_redact", &[("account", "text", false), ("entry", "bigint", false)]),
    (
        "credits_debit_many",
        &[
            ("accounts", "text[]", false),
            ("amounts", "numeric[]", false),
            ("idempotency_keys", "text[]", false),
            ("features", "text[]", true),
            ("on_insufficient", "text", true),
        ],
    ),
    (
        "credits_grant_many",
        &[
            ("accounts", "text[]", false),
            ("amounts", "numeric[]", false),
            ("idempotency_keys", "text[]", false),
            ("kind", "text", true),
            ("expires_at", "timestamp with time zone", true),
        ],
    ),
    ("credits_allow", &[("role", "regrole", false), ("access", "text", false)]),
    ("credits_disallow", &[("role", "regrole", false), ("access", "text", false)]),
    ("credits_verify", &[("account", "text", true)]),
    ("credits_errors", &[]),
];

#[test]
fn signatures_are_the_references() {
    let db = Server::shared().database();
    let mut s = db.session();
    for (function, arguments) in SIGNATURES {
        let expected: Vec<String> =
            arguments.iter().map(|(name, kind, default)| format!("{name}|{kind}|{default}")).collect();
        let found = s.list(&format!(
            "SELECT proargnames[i], format_type(proargtypes[i - 1], NULL), (i > pronargs - pronargdefaults)::text
             FROM pg_proc, generate_series(1, pronargs) i WHERE proname = '{function}' ORDER BY i"
        ));
        assert_eq!(found, expected, "{function}");
        assert_eq!(s.one(&format!("SELECT count(*) FROM pg_proc WHERE proname = '{function}'")), "1", "{function}");
    }
}

#[test]
fn result_types_are_the_references() {
    let db = Server::shared().database();
    let mut s = db.session();
    let columns = |s: &mut Session, name: &str| {
        s.list(&format!(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
             WHERE attrelid = '{name}'::regclass AND attnum > 0 ORDER BY attnum"
        ))
    };
    assert_eq!(
        columns(&mut s, "credits_receipt"),
        [
            "account|text",
            "entry|bigint",
            "operation|text",
            "idempotency_key|text",
            "accepted|boolean",
            "refused|text",
            "replayed|boolean",
            "amount|numeric",
            "from_allowance|numeric",
            "from_credits|numeric",
            "overdraft|numeric",
            "balance|numeric",
            "allowance|numeric",
            "credits|numeric",
            "held|numeric",
            "debt|numeric",
            "available|numeric",
            "included|numeric",
            "refers_to|bigint",
            "recorded_at|timestamp with time zone",
        ]
    );
    let names = |s: &mut Session, name: &str| {
        s.list(&format!(
            "SELECT attname FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum > 0 ORDER BY attnum"
        ))
    };
    assert_eq!(
        names(&mut s, "credits_account_balance").join(" "),
        "account status balance allowance credits held debt available allowance_granted used overdraft_limit cycle \
         cycle_start cycle_end entry as_of"
    );
    assert_eq!(
        names(&mut s, "credits_cycle_result").join(" "),
        "account cycle cycle_start cycle_end cycles_closed expired rolled_over granted debt_forgiven debt_invoiced \
         balance allowance credits available replayed"
    );
}

#[test]
fn views_have_the_references_columns() {
    let db = Server::shared().database();
    let mut s = db.session();
    for (view, columns) in [
        (
            "credits_accounts",
            "account status balance allowance credits held debt available allowance_granted used overdraft_limit cycle
             cycle_start cycle_end entry as_of cycle_length anchor time_zone rollover_percent rollover_max debt_policy
             opened_at head_hash metadata",
        ),
        (
            "credits_history",
            "account entry operation kind amount from_allowance from_credits overdraft balance available feature quantity
             included actor resource idempotency_key refers_to reason effective_at recorded_at recorded_by metadata",
        ),
        (
            "credits_grants",
            "account lot entry kind amount remaining held priority features effective_at expires_at status price currency
             payment_ref idempotency_key metadata",
        ),
        ("credits_allocations", "account entry operation lot lot_kind amount effective_at"),
        (
            "credits_cycles",
            "account cycle cycle_start cycle_end granted used rolled_over expired debt_forgiven debt_invoiced closed_at",
        ),
        ("credits_usage_daily", "account day feature actor operations quantity credits from_allowance from_credits"),
        (
            "credits_usage_by_cycle",
            "account cycle feature cycle_start cycle_end operations quantity included credits from_allowance from_credits",
        ),
        ("credits_expiring", "account lot kind remaining expires_at"),
    ] {
        let found = s.list(&format!("SELECT attname FROM pg_attribute WHERE attrelid = '{view}'::regclass AND attnum > 0"));
        for column in columns.split_whitespace() {
            assert!(found.iter().any(|name| name == column), "{view} lacks {column}: {found:?}");
        }
    }
}

/// A value that each argument accepts, by which one argument at a time can then be NULL.
fn valid(function: &str, argument: &str) -> &'static str {
    match (function, argument) {
        ("credits_capture", "amount" | "quantity") => "NULL",
        (_, "accounts") => "ARRAY['a']",
        (_, "amounts") => "ARRAY[1]::numeric[]",
        (_, "idempotency_keys") => "ARRAY['key']",
        (_, "account") => "'a'",
        (_, "amount") => "1",
        (_, "idempotency_key") => "'key'",
        (_, "reason") => "'why'",
        (_, "at" | "from_time") => "'2026-01-31 12:00+00'",
        (_, "to_time") => "'2026-02-01 00:00+00'",
        (_, "entry" | "event" | "recharge" | "attempt") => "1",
        ("credits_set_auto_recharge", "payment_method") => "'card'",
        (_, "threshold") => "500",
        (_, "code" | "message") => "'declined'",
        ("credits_define_pack", "pack") => "'new'",
        (_, "pack") => "'pack'",
        ("credits_define_pack", "price" | "credits") => "1",
        ("credits_define_pack", "currency") => "'EUR'",
        ("credits_purchase" | "credits_complete_recharge", "payment_ref") => "'payment'",
        (_, "role") => "'postgres'",
        (_, "access") => "'spend'",
        ("credits_subscribe", "plan") | (_, "to_plan") => "'other'",
        (_, "plan" | "from_plan") => "'held'",
        ("credits_define_plan", "allowance") => "0",
        ("credits_define_rate", "credits") => "1",
        ("credits_set_seats", "seats") => "2",
        ("credits_debit" | "credits_explain_debit", "feature") => "NULL",
        ("credits_extend_hold", "expires_in") => "'1 hour'",
        (_, "hold_key") => "'hold'",
        (_, "debit_key") => "'spent'",
        (_, "grant_key") => "'first'",
        // At most one of the two can be given.
        ("credits_refund", "quantity") => "NULL",
        (_, "feature") => "'unit'",
        (_, "quantity" | "units") => "1",
        (_, "enabled") => "true",
        // Of another one, below or used_percent have to be given.
        (_, "alert") => "'low'",
        _ => "NULL",
    }
}

#[test]
fn null_is_a_default_or_an_error_and_never_a_silent_null() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a')");
    s.run("SELECT * FROM credits_grant('a', 10, 'first')");
    s.run("SELECT * FROM credits_define_plan('held', 0)");
    s.run("SELECT * FROM credits_define_plan('other', 0)");
    s.run("SELECT * FROM credits_define_rate('unit', 1)");
    s.run("SELECT * FROM credits_define_pack('pack', 1, 1, 'EUR')");
    s.run("SELECT * FROM credits_subscribe('a', 'held', 'subscribed')");
    s.run("SELECT * FROM credits_hold('a', 1, 'hold')");
    s.run("SELECT credits_freeze_account('a', 'once'), credits_unfreeze_account('a')");
    s.run("SELECT credits_set_auto_recharge('a', 500, 'pack', payment_method => 'card'), credits_claim_recharges()");
    s.run("SELECT * FROM credits_debit('a', 2, 'spent')");
    // A strict function answers NULL to NULL without being asked.
    let strict =
        s.list("SELECT proname FROM pg_proc WHERE proname LIKE 'credits\\_%' AND proisstrict AND pronargs > 0");
    assert!(strict.is_empty(), "{strict:?}");
    // From the catalogue, so that no function is forgotten; returning triggers are not for calling.
    let arguments = s.list(
        "SELECT proname, proargnames[i], i, pronargs, (i > pronargs - pronargdefaults)::text
         FROM pg_proc, generate_series(1, pronargs) i
         WHERE proname LIKE 'credits\\_%' AND pronamespace = 'public'::regnamespace AND prokind = 'f'
             AND prorettype <> 'trigger'::regtype
         ORDER BY proname, i",
    );
    assert!(arguments.len() >= 70, "{}", arguments.len());
    for line in arguments {
        let fields: Vec<&str> = line.split('|').collect();
        let [function, argument, position, count, default] = fields[..] else { panic!("{line}") };
        let (position, count): (usize, usize) = (position.parse().expect("a number"), count.parse().expect("a number"));
        let names = s.list(&format!(
            "SELECT proargnames[i] FROM pg_proc, generate_series(1, {count}) i WHERE proname = '{function}' ORDER BY i"
        ));
        let call: Vec<&str> = names
            .iter()
            .enumerate()
            .map(|(i, name)| match (function, argument, name.as_str()) {
                _ if i + 1 == position => "NULL",
                // Without credits it can only be free.
                ("credits_define_rate", "credits", "free") => "true",
                ("credits_set_auto_recharge", "payment_method", "enabled") => "false",
                _ => valid(function, name),
            })
            .collect();
        let sql = format!("SELECT * FROM {function}({})", call.join(", "));
        s.run("BEGIN");
        if default == "true" {
            s.run(&sql);
        } else {
            let error = s.error(&sql);
            assert_eq!(error.code, "LC005", "{sql}: {}", error.message);
            assert!(error.message.contains(argument), "{sql} does not name {argument}: {}", error.message);
        }
        s.run("ROLLBACK");
    }
    assert_eq!(s.list("SELECT account, balance, entry FROM credits_accounts"), ["a|8|8"]);
}

#[test]
fn amounts_that_are_none() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    let bad = [
        "-1",
        "-0.000001",
        "0.0000001",
        "1.0000001",
        "123456789.1234567",
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
        "100000000000000",
        "99999999999999.9999999",
        "1e100",
        "repeat('9', 100000)::numeric",
        "('0.' || repeat('1', 10000))::numeric",
    ];
    for amount in bad {
        for call in [
            format!("credits_grant('a', {amount}, 'k')"),
            format!("credits_grant('a', 1, 'k', price => {amount}, currency => 'EUR')"),
            format!("credits_debit('a', {amount}, 'k')"),
            format!("credits_debit('a', {amount}, 'k', on_insufficient => 'refuse')"),
            format!("credits_debit('a', {amount}, 'k', on_insufficient => 'partial')"),
            format!("credits_debit('a', {amount}, 'k', on_insufficient => 'allow')"),
            format!("credits_explain_debit('a', {amount})"),
            format!("credits_debit_many(ARRAY['a'], ARRAY[{amount}]::numeric[], ARRAY['k'])"),
            format!("credits_grant_many(ARRAY['a'], ARRAY[{amount}]::numeric[], ARRAY['k'])"),
            format!("credits_open_account('b', {amount})"),
            format!("credits_open_account('b', rollover_max => {amount})"),
            format!("credits_open_account('b', overdraft_limit => {amount})"),
            format!("credits_configure_account('a', {amount})"),
            format!("credits_configure_account('a', rollover_max => {amount})"),
            format!("credits_configure_account('a', overdraft_limit => {amount})"),
        ] {
            let error = s.error(&format!("SELECT * FROM {call}"));
            assert_eq!(error.code, "LC004", "{call}: {}", error.message);
            assert!(error.message.len() < 1000, "{call}: a message of {} bytes", error.message.len());
        }
    }
    for call in [
        "credits_grant('a', 0, 'k')",
        "credits_debit('a', 0, 'k')",
        "credits_debit('a', 0.000000, 'k', on_insufficient => 'allow')",
        "credits_explain_debit('a', 0)",
        "credits_debit_many(ARRAY['a'], ARRAY[0]::numeric[], ARRAY['k'])",
        "credits_grant_many(ARRAY['a'], ARRAY[0]::numeric[], ARRAY['k'])",
    ] {
        assert_eq!(s.error(&format!("SELECT * FROM {call}")).code, "LC004", "{call}");
    }
    assert_eq!(s.list("SELECT account, balance, entry FROM credits_accounts"), ["a|10|2"]);
    // Exact to the sixth decimal, over the whole range.
    s.run("SELECT * FROM credits_grant('exact', 99999999999999.999999, 'g')");
    s.row("SELECT * FROM credits_debit('exact', 0.000001, 'd1')").has(&[("balance", "99999999999999.999998")]);
    s.row("SELECT * FROM credits_debit('exact', 33333333333333.333333, 'd2')")
        .has(&[("balance", "66666666666666.666665")]);
    s.row("SELECT * FROM credits_debit('exact', 66666666666666.666665, 'd3')").has(&[("balance", "0")]);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

/// Expressions for texts that no name or key may be.
fn bad_names() -> Vec<String> {
    let mut bad: Vec<String> = vec![
        "''".into(),
        "repeat('x', 256)".into(),
        // 256 bytes in 128 characters.
        "repeat('é', 128)".into(),
        "repeat('x', 1000000)".into(),
    ];
    // C0 but NUL, which no text has; DEL; C1.
    for code in (1..32).chain(127..160) {
        bad.push(format!("'a' || chr({code}) || 'b'"));
    }
    bad.push("chr(10)".into());
    bad.push("'a' || chr(9)".into());
    bad.push("chr(133) || 'a'".into());
    bad
}

#[test]
fn names_that_cannot_be() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    for name in bad_names() {
        for call in [
            format!("credits_open_account({name})"),
            format!("credits_configure_account({name}, 1)"),
            format!("credits_freeze_account({name}, 'why')"),
            format!("credits_unfreeze_account({name})"),
            format!("credits_close_account({name}, 'why')"),
            format!("credits_grant({name}, 1, 'k')"),
            format!("credits_grant('a', 1, {name})"),
            format!("credits_grant('a', 1, 'k', features => ARRAY['x', {name}])"),
            format!("credits_debit({name}, 1, 'k')"),
            format!("credits_debit('a', 1, {name})"),
            format!("credits_debit('a', 1, 'k', feature => {name})"),
            format!("credits_debit('a', 1, 'k', actor => {name})"),
            format!("credits_debit('a', 1, 'k', resource => {name})"),
            format!("credits_balance({name})"),
            format!("credits_balance_at({name}, '2026-01-31 12:00+00')"),
            format!("credits_reset_cycle({name})"),
            format!("credits_reset_cycle('a', {name})"),
            format!("credits_explain_debit({name}, 1)"),
            format!("credits_explain_debit('a', 1, {name})"),
            format!("credits_redact({name}, 1)"),
            format!("credits_debit_many(ARRAY[{name}], ARRAY[1], ARRAY['k'])"),
            format!("credits_debit_many(ARRAY['a'], ARRAY[1], ARRAY[{name}])"),
            format!("credits_debit_many(ARRAY['a'], ARRAY[1], ARRAY['k'], ARRAY[{name}])"),
            format!("credits_grant_many(ARRAY[{name}], ARRAY[1], ARRAY['k'])"),
            format!("credits_grant_many(ARRAY['a'], ARRAY[1], ARRAY[{name}])"),
        ] {
            let error = s.error(&format!("SELECT * FROM {call}"));
            assert_eq!(error.code, "LC005", "{call}: {}", error.message);
            assert!(error.message.len() < 1000, "{call}: a message of {} bytes", error.message.len());
        }
    }
    assert_eq!(s.list("SELECT account, balance, entry FROM credits_accounts"), ["a|10|2"]);
}

/// Expressions for different texts that names and keys may all be, side by side.
const GOOD: [&str; 30] = [
    "' '",
    "'  '",
    "' a'",
    "'a '",
    "'a'",
    "'A'",
    "repeat('x', 255)",
    "repeat('x', 254)",
    // 254 bytes in 127 characters.
    "repeat('é', 127)",
    // Composed and decomposed: not normalised.
    "U&'\\00E9'",
    "U&'e\\0301'",
    // Case that folds in some locales only.
    "'ß'",
    "'ss'",
    "'İ'",
    "'i'",
    "'ı'",
    // Beyond C1: no control characters.
    "chr(160)",
    "chr(8203)",
    "chr(8232)",
    "chr(65279)",
    "'😀'",
    "'日本語'",
    "''''",
    "'\"'",
    "'\\'",
    "'$1'",
    "'%'",
    "'_'",
    "'x''; DROP TABLE credits_ledger.entries; --'",
    "'{NULL}'",
];

#[test]
fn names_are_compared_bytewise_and_kept_as_given() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for (i, name) in GOOD.iter().enumerate() {
        let amount = i + 1;
        s.row(&format!("SELECT * FROM credits_grant({name}, {amount}, 'k')")).has(&[("replayed", "f"), ("entry", "2")]);
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), GOOD.len().to_string());
    for (i, name) in GOOD.iter().enumerate() {
        let amount = (i + 1).to_string();
        assert_eq!(s.one(&format!("SELECT balance FROM credits_balance({name})")), amount, "{name}");
        assert_eq!(s.one(&format!("SELECT balance FROM credits_accounts WHERE account = {name}")), amount, "{name}");
        assert_eq!(
            s.one(&format!("SELECT (account = {name} COLLATE \"C\")::text FROM credits_balance({name})")),
            "true",
            "{name}"
        );
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn keys_and_dimensions_are_compared_bytewise_and_kept_as_given() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 1000)");
    for name in GOOD {
        s.row(&format!(
            "SELECT * FROM credits_debit('a', 1, {name}, feature => {name}, actor => {name}, resource => {name})"
        ))
        .has(&[("replayed", "f"), ("amount", "1")]);
        assert_eq!(
            s.one(&format!(
                "SELECT count(*) FROM credits_history WHERE idempotency_key = {name} COLLATE \"C\"
                    AND feature = {name} COLLATE \"C\" AND actor = {name} COLLATE \"C\" AND resource = {name} COLLATE \"C\""
            )),
            "1",
            "{name}"
        );
    }
    for name in GOOD {
        s.row(&format!(
            "SELECT * FROM credits_debit('a', 1, {name}, feature => {name}, actor => {name}, resource => {name})"
        ))
        .has(&[("replayed", "t"), ("amount", "1")]);
    }
    // As the feature of a lot, each fits itself alone. (The keys are one byte longer.)
    let shorter = || GOOD.iter().filter(|name| **name != "repeat('x', 255)");
    for name in shorter() {
        s.run(&format!("SELECT * FROM credits_grant('lots', 1, 'g' || {name}, features => ARRAY[{name}])"));
    }
    assert_eq!(s.one("SELECT balance FROM credits_balance('a')"), (1000 - GOOD.len()).to_string());
    for name in shorter() {
        assert_eq!(
            s.one(&format!("SELECT sum(takes) FROM credits_explain_debit('lots', 1000, {name}) WHERE lot IS NOT NULL")),
            "1",
            "{name}"
        );
    }
}

#[test]
fn times_and_counts_that_cannot_be() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_open_account('manual', 10, '0')");
    for call in [
        // Before the opening.
        "credits_balance_at('a', '2026-01-31 11:59:59.999999+00')",
        "credits_balance_at('a', '-infinity')",
        // The reset of a manual account needs a key; no cycle starts in the future.
        "credits_reset_cycle('manual')",
        "credits_reset_cycle('manual', NULL, '2026-01-31 12:00+00')",
        "credits_reset_cycle('a', 'k', '2026-01-31 12:00:00.000001+00')",
        "credits_reset_cycle('manual', 'k', '2026-01-31 12:00:00.000001+00')",
        "credits_reset_cycle('a', 'k', 'infinity')",
        "credits_allow('postgres', 'everything')",
        "credits_allow('postgres', '')",
        "credits_disallow('postgres', 'Spend')",
    ] {
        let error = s.error(&format!("SELECT * FROM {call}"));
        assert_eq!(error.code, "LC005", "{call}: {}", error.message);
    }
    assert_eq!(
        s.list("SELECT account, balance, entry FROM credits_accounts ORDER BY account"),
        ["a|10|2", "manual|10|2"]
    );
}
