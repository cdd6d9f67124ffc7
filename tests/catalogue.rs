//! What the catalogue says of the extension, against the contract and against the library.

use credits_ledger_tests::{Server, Session};
use std::collections::BTreeSet;

/// `(name, arguments, result)` of each public function, as the contract writes them. Defaults are written
/// without the casts that Postgres adds.
const FUNCTIONS: [(&str, &str, &str); 51] = [
    (
        "credits_open_account",
        "account text, allowance numeric DEFAULT 0, cycle_length interval DEFAULT '1 mon', \
         anchor timestamp with time zone DEFAULT NULL, time_zone text DEFAULT 'UTC', rollover_percent numeric DEFAULT 0, \
         rollover_max numeric DEFAULT NULL, overdraft_limit numeric DEFAULT 0, debt_policy text DEFAULT 'repay', \
         metadata jsonb DEFAULT NULL",
        "credits_account_balance",
    ),
    (
        "credits_configure_account",
        "account text, allowance numeric DEFAULT NULL, cycle_length interval DEFAULT NULL, \
         anchor timestamp with time zone DEFAULT NULL, time_zone text DEFAULT NULL, rollover_percent numeric DEFAULT NULL, \
         rollover_max numeric DEFAULT NULL, overdraft_limit numeric DEFAULT NULL, debt_policy text DEFAULT NULL, \
         metadata jsonb DEFAULT NULL, clear text[] DEFAULT NULL",
        "credits_account_balance",
    ),
    ("credits_freeze_account", "account text, reason text", "credits_account_balance"),
    ("credits_unfreeze_account", "account text", "credits_account_balance"),
    ("credits_close_account", "account text, reason text", "credits_account_balance"),
    (
        "credits_grant",
        "account text, amount numeric, idempotency_key text, kind text DEFAULT 'purchase', \
         expires_at timestamp with time zone DEFAULT NULL, expires_in interval DEFAULT NULL, \
         expires_after_cycles integer DEFAULT NULL, effective_at timestamp with time zone DEFAULT NULL, \
         priority integer DEFAULT NULL, features text[] DEFAULT NULL, price numeric DEFAULT NULL, \
         currency text DEFAULT NULL, payment_ref text DEFAULT NULL, metadata jsonb DEFAULT NULL",
        "credits_receipt",
    ),
    (
        "credits_debit",
        "account text, amount numeric, idempotency_key text, feature text DEFAULT NULL, actor text DEFAULT NULL, \
         resource text DEFAULT NULL, on_insufficient text DEFAULT 'error', metadata jsonb DEFAULT NULL",
        "credits_receipt",
    ),
    ("credits_balance", "account text", "credits_account_balance"),
    ("credits_balance_at", "account text, at timestamp with time zone", "credits_account_balance"),
    (
        "credits_reset_cycle",
        "account text, idempotency_key text DEFAULT NULL, starts_at timestamp with time zone DEFAULT NULL",
        "credits_cycle_result",
    ),
    ("credits_maintain", "max_accounts integer DEFAULT 1000", "integer"),
    (
        "credits_explain_debit",
        "account text, amount numeric, feature text DEFAULT NULL",
        "TABLE(lot bigint, kind text, takes numeric, remaining_after numeric, expires_at timestamp with time zone)",
    ),
    (
        "credits_forecast",
        "account text",
        "TABLE(account text, state text, used numeric, used_percent numeric, burn_per_day numeric, \
         runs_out_at timestamp with time zone, cycle_end timestamp with time zone, on_pace boolean)",
    ),
    ("credits_redact", "account text, entry bigint", "credits_receipt"),
    (
        "credits_debit_many",
        "accounts text[], amounts numeric[], idempotency_keys text[], features text[] DEFAULT NULL, \
         on_insufficient text DEFAULT 'refuse'",
        "SETOF credits_receipt",
    ),
    (
        "credits_grant_many",
        "accounts text[], amounts numeric[], idempotency_keys text[], kind text DEFAULT 'promo', \
         expires_at timestamp with time zone DEFAULT NULL",
        "SETOF credits_receipt",
    ),
    (
        "credits_hold",
        "account text, amount numeric, idempotency_key text, expires_in interval DEFAULT '00:15:00', \
         feature text DEFAULT NULL, actor text DEFAULT NULL, resource text DEFAULT NULL, \
         on_insufficient text DEFAULT 'error', metadata jsonb DEFAULT NULL",
        "credits_receipt",
    ),
    (
        "credits_capture",
        "account text, hold_key text, idempotency_key text, amount numeric DEFAULT NULL, \
         quantity numeric DEFAULT NULL, final boolean DEFAULT true, on_insufficient text DEFAULT 'allow', \
         metadata jsonb DEFAULT NULL",
        "credits_receipt",
    ),
    ("credits_release", "account text, hold_key text, idempotency_key text", "credits_receipt"),
    (
        "credits_extend_hold",
        "account text, hold_key text, idempotency_key text, expires_in interval",
        "credits_receipt",
    ),
    (
        "credits_refund",
        "account text, debit_key text, idempotency_key text, amount numeric DEFAULT NULL, \
         quantity numeric DEFAULT NULL, if_expired text DEFAULT 'forfeit', reason text DEFAULT NULL",
        "credits_receipt",
    ),
    (
        "credits_void_grant",
        "account text, grant_key text, idempotency_key text, amount numeric DEFAULT NULL, \
         claw_back boolean DEFAULT false, reason text DEFAULT NULL",
        "credits_receipt",
    ),
    (
        "credits_define_plan",
        "plan text, allowance numeric, per_seat boolean DEFAULT false, seat_cap integer DEFAULT NULL, \
         rank integer DEFAULT 0, trial boolean DEFAULT false, trial_period interval DEFAULT NULL, \
         purchases boolean DEFAULT true, rollover_percent numeric DEFAULT 0, rollover_max numeric DEFAULT NULL, \
         rollover_cycles integer DEFAULT 1, metadata jsonb DEFAULT NULL",
        "TABLE(plan text, allowance numeric, per_seat boolean, seat_cap integer, rank integer, trial boolean, \
         trial_period interval, purchases boolean, rollover_percent numeric, rollover_max numeric, \
         rollover_cycles integer, metadata jsonb, included jsonb, version integer, \
         defined_at timestamp with time zone, defined_by text)",
    ),
    (
        "credits_include",
        "plan text, feature text, units numeric",
        "TABLE(plan text, feature text, units numeric, version integer, defined_at timestamp with time zone, \
         defined_by text)",
    ),
    (
        "credits_subscribe",
        "account text, plan text, idempotency_key text, seats integer DEFAULT 1, \
         anchor timestamp with time zone DEFAULT NULL",
        "credits_receipt",
    ),
    (
        "credits_change_plan",
        "account text, from_plan text, to_plan text, idempotency_key text, takes_effect text DEFAULT 'auto', \
         unused_allowance text DEFAULT 'keep'",
        "credits_receipt",
    ),
    ("credits_set_seats", "account text, plan text, seats integer, idempotency_key text", "credits_receipt"),
    (
        "credits_unsubscribe",
        "account text, plan text, idempotency_key text, takes_effect text DEFAULT 'next_cycle'",
        "credits_receipt",
    ),
    (
        "credits_define_rate",
        "feature text, credits numeric DEFAULT NULL, per_units numeric DEFAULT 1, model text DEFAULT 'per_unit', \
         free boolean DEFAULT false, effective_at timestamp with time zone DEFAULT NULL",
        "TABLE(feature text, credits numeric, per_units numeric, model text, free boolean, \
         effective_at timestamp with time zone, effective_until timestamp with time zone, in_force boolean, \
         version integer, defined_at timestamp with time zone, defined_by text)",
    ),
    (
        "credits_charge",
        "account text, feature text, quantity numeric, idempotency_key text, actor text DEFAULT NULL, \
         resource text DEFAULT NULL, on_insufficient text DEFAULT 'error', metadata jsonb DEFAULT NULL",
        "credits_receipt",
    ),
    ("credits_quote", "account text, feature text, quantity numeric", "numeric"),
    (
        "credits_set_feature",
        "account text, feature text, enabled boolean",
        "TABLE(account text, feature text, enabled boolean, changed_at timestamp with time zone)",
    ),
    (
        "credits_set_budget",
        "account text, budget_limit numeric DEFAULT NULL, period text DEFAULT 'cycle', actor text DEFAULT NULL, \
         feature text DEFAULT NULL",
        "TABLE(account text, budget_limit numeric, period text, actor text, feature text, used numeric, \
         remaining numeric, used_by text, period_start timestamp with time zone, period_end timestamp with time zone)",
    ),
    (
        "credits_define_pack",
        "pack text, credits numeric, price numeric, currency text, minimum_price numeric DEFAULT NULL",
        "TABLE(pack text, credits numeric, price numeric, currency text, minimum_price numeric, version integer, \
         defined_at timestamp with time zone, defined_by text)",
    ),
    ("credits_check_purchase", "account text, pack text, price numeric DEFAULT NULL", "numeric"),
    (
        "credits_purchase",
        "account text, pack text, payment_ref text, idempotency_key text, price numeric DEFAULT NULL",
        "credits_receipt",
    ),
    (
        "credits_set_auto_recharge",
        "account text, threshold numeric, pack text, trigger text DEFAULT 'below', \
         measure text DEFAULT 'available', max_packs integer DEFAULT 1, monthly_limit numeric DEFAULT NULL, \
         payment_method text DEFAULT NULL, enabled boolean DEFAULT true",
        "TABLE(account text, threshold numeric, pack text, trigger text, measure text, max_packs integer, \
         monthly_limit numeric, payment_method text, enabled boolean, status text, failures integer, \
         last_error_code text, last_error text)",
    ),
    (
        "credits_resume_auto_recharge",
        "account text",
        "TABLE(account text, threshold numeric, pack text, trigger text, measure text, max_packs integer, \
         monthly_limit numeric, payment_method text, enabled boolean, status text, failures integer, \
         last_error_code text, last_error text)",
    ),
    (
        "credits_claim_recharges",
        "max_requests integer DEFAULT 10, lease interval DEFAULT '00:05:00'",
        "TABLE(account text, recharge bigint, attempt integer, pack text, quantity integer, credits numeric, \
         price numeric, currency text, payment_method text, payment_idempotency_key text)",
    ),
    ("credits_complete_recharge", "account text, recharge bigint, payment_ref text", "credits_receipt"),
    (
        "credits_fail_recharge",
        "account text, recharge bigint, attempt integer, code text, message text, suspend boolean DEFAULT false",
        "TABLE(account text, recharge bigint, status text, quantity integer, credits numeric, price numeric, \
         currency text, attempts integer, last_error_code text, last_error text, \
         next_attempt_at timestamp with time zone, payment_ref text, requested_at timestamp with time zone, \
         settled_at timestamp with time zone, pack text, payment_method text, payment_idempotency_key text, \
         entry bigint)",
    ),
    (
        "credits_set_alert",
        "account text, alert text, below numeric DEFAULT NULL, used_percent numeric DEFAULT NULL, \
         only_if_on_pace boolean DEFAULT false, enabled boolean DEFAULT true",
        "TABLE(account text, alert text, below numeric, used_percent numeric, only_if_on_pace boolean, enabled boolean, \
         fired_at timestamp with time zone)",
    ),
    (
        "credits_claim_events",
        "max_events integer DEFAULT 100, lease interval DEFAULT '00:01:00'",
        "TABLE(account text, event bigint, type text, payload jsonb, entry bigint, \
         occurred_at timestamp with time zone, acknowledged_at timestamp with time zone, \
         leased_until timestamp with time zone)",
    ),
    ("credits_ack_event", "account text, event bigint", "boolean"),
    (
        "credits_statement",
        "account text, from_time timestamp with time zone, to_time timestamp with time zone",
        "TABLE(line text, operation text, kind text, feature text, operations bigint, quantity numeric, amount numeric, \
         allowance numeric, credits numeric, held numeric, debt numeric, balance numeric, entry bigint, \
         as_of timestamp with time zone)",
    ),
    (
        "credits_usage_csv",
        "account text, from_time timestamp with time zone, to_time timestamp with time zone",
        "SETOF text",
    ),
    (
        "credits_revenue",
        "from_time timestamp with time zone, to_time timestamp with time zone",
        "TABLE(currency text, kind text, opening_deferred numeric, sold numeric, recognised numeric, breakage numeric, \
         voided numeric, closing_deferred numeric)",
    ),
    ("credits_allow", "role regrole, access text", "boolean"),
    ("credits_disallow", "role regrole, access text", "boolean"),
    ("credits_verify", "account text DEFAULT NULL", "TABLE(account text, entry bigint, problem text)"),
    ("credits_errors", "", "TABLE(code text, name text, meaning text, hint text)"),
];

/// The functions that change nothing: usable on a standby and in a read-only transaction.
const READS: [&str; 11] = [
    "credits_balance",
    "credits_balance_at",
    "credits_explain_debit",
    "credits_forecast",
    "credits_quote",
    "credits_check_purchase",
    "credits_statement",
    "credits_usage_csv",
    "credits_revenue",
    "credits_verify",
    "credits_errors",
];

/// `(function, the view with the columns of the rows that it returns)` of what configures, and of claims.
const CONFIGURES: [(&str, &str); 10] = [
    ("credits_define_plan", "credits_plans"),
    ("credits_define_rate", "credits_rates"),
    ("credits_set_feature", "credits_features"),
    ("credits_set_budget", "credits_budgets"),
    ("credits_define_pack", "credits_packs"),
    ("credits_set_auto_recharge", "credits_auto_recharges"),
    ("credits_resume_auto_recharge", "credits_auto_recharges"),
    ("credits_fail_recharge", "credits_recharges"),
    ("credits_set_alert", "credits_alerts"),
    ("credits_claim_events", "credits_events"),
];

/// `(type, columns)` of the result types.
const TYPES: [(&str, &str); 3] = [
    (
        "credits_receipt",
        "account text, entry bigint, operation text, idempotency_key text, accepted boolean, refused text, \
         replayed boolean, amount numeric, from_allowance numeric, from_credits numeric, overdraft numeric, \
         balance numeric, allowance numeric, credits numeric, held numeric, debt numeric, available numeric, \
         included numeric, refers_to bigint, recorded_at timestamp with time zone",
    ),
    (
        "credits_account_balance",
        "account text, status text, balance numeric, allowance numeric, credits numeric, held numeric, debt numeric, \
         available numeric, allowance_granted numeric, used numeric, overdraft_limit numeric, cycle integer, \
         cycle_start timestamp with time zone, cycle_end timestamp with time zone, entry bigint, \
         as_of timestamp with time zone",
    ),
    (
        "credits_cycle_result",
        "account text, cycle integer, cycle_start timestamp with time zone, cycle_end timestamp with time zone, \
         cycles_closed integer, expired numeric, rolled_over numeric, granted numeric, debt_forgiven numeric, \
         debt_invoiced numeric, balance numeric, allowance numeric, credits numeric, available numeric, replayed boolean",
    ),
];

/// `(view, the columns that must be there, in the contract's order)`; more may follow.
const VIEWS: [(&str, &str); 20] = [
    (
        "credits_accounts",
        "account status balance allowance credits held debt available allowance_granted used overdraft_limit cycle \
         cycle_start cycle_end entry as_of",
    ),
    (
        "credits_history",
        "account entry operation kind amount from_allowance from_credits overdraft balance available feature quantity \
         included actor resource idempotency_key refers_to reason effective_at recorded_at recorded_by metadata",
    ),
    (
        "credits_grants",
        "account lot entry kind amount remaining held priority features effective_at expires_at status price currency \
         payment_ref idempotency_key metadata",
    ),
    ("credits_allocations", "account entry operation lot lot_kind amount effective_at"),
    (
        "credits_cycles",
        "account cycle cycle_start cycle_end granted used rolled_over expired debt_forgiven debt_invoiced closed_at",
    ),
    ("credits_holds", "account hold_key entry amount remaining captured status feature actor resource expires_at"),
    ("credits_usage_daily", "account day feature actor operations quantity credits from_allowance from_credits"),
    (
        "credits_usage_by_cycle",
        "account cycle feature cycle_start cycle_end operations quantity included credits from_allowance from_credits",
    ),
    ("credits_expiring", "account lot kind remaining expires_at"),
    (
        "credits_invoice_lines",
        "account cycle feature cycle_start cycle_end quantity included credits from_allowance from_credits debt_invoiced",
    ),
    (
        "credits_plans",
        "plan allowance per_seat seat_cap rank trial trial_period purchases rollover_percent rollover_max \
         rollover_cycles metadata",
    ),
    ("credits_subscriptions", "account plan seats anchor pending_plan pending_seats pending_end"),
    ("credits_rates", "feature credits per_units model free effective_at"),
    ("credits_features", "account feature enabled"),
    ("credits_budgets", "account budget_limit period actor feature used remaining"),
    ("credits_packs", "pack credits price currency minimum_price"),
    (
        "credits_auto_recharges",
        "account threshold pack trigger measure max_packs monthly_limit payment_method enabled status",
    ),
    (
        "credits_recharges",
        "account recharge status quantity credits price currency attempts last_error_code last_error next_attempt_at \
         payment_ref requested_at settled_at",
    ),
    ("credits_alerts", "account alert below used_percent only_if_on_pace enabled"),
    ("credits_events", "account event type payload entry occurred_at acknowledged_at"),
];

/// Objects that belong to the extension, as `pg_depend` lists them.
const MEMBERS: &str = "(SELECT d.classid, d.objid FROM pg_depend d
     JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
     WHERE e.extname = 'credits_ledger' AND d.deptype = 'e')";

/// One row per function of the extension: name, schema and what else is asked.
fn functions(s: &mut Session, what: &str, condition: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT {what} FROM pg_proc p JOIN {MEMBERS} m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
         JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {condition} ORDER BY 1"
    ))
}

/// Takes the casts off the defaults: `'UTC'::text` → `'UTC'`.
fn without_casts(arguments: &str) -> String {
    let mut out = String::new();
    let mut rest = arguments;
    while let Some(at) = rest.find("::") {
        out.push_str(&rest[..at]);
        let cast = &rest[at + 2..];
        let end = cast.find(',').unwrap_or(cast.len());
        rest = &cast[end..];
    }
    out + rest
}

#[test]
fn the_functions_are_those_of_the_contract_to_the_letter() {
    let db = Server::shared().database();
    let mut s = db.session();
    let there = s.rows(&format!(
        "SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
         FROM pg_proc p JOIN {MEMBERS} m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
         WHERE p.pronamespace <> 'credits_ledger'::regnamespace"
    ));
    let there: BTreeSet<(String, String, String)> = there
        .iter()
        .map(|r| (r.get("name").to_owned(), without_casts(r.get("arguments")), r.get("result").to_owned()))
        .collect();
    let contract: BTreeSet<(String, String, String)> =
        FUNCTIONS.iter().map(|(n, a, r)| ((*n).to_owned(), (*a).to_owned(), (*r).to_owned())).collect();
    let extra: Vec<_> = there.difference(&contract).collect();
    let missing: Vec<_> = contract.difference(&there).collect();
    assert!(extra.is_empty() && missing.is_empty(), "not in the contract: {extra:#?}\nmissing: {missing:#?}");
}

#[test]
fn no_function_is_overloaded_or_strict() {
    let db = Server::shared().database();
    let mut s = db.session();
    let twice = functions(&mut s, "proname", "true");
    let once: BTreeSet<&String> = twice.iter().collect();
    assert_eq!(twice.len(), once.len(), "{twice:?}");
    assert_eq!(functions(&mut s, "proname", "proisstrict"), Vec::<String>::new());
}

#[test]
fn volatility_parallel_safety_and_rights_suit_what_each_function_does() {
    let db = Server::shared().database();
    let mut s = db.session();
    for (name, ..) in FUNCTIONS {
        let flags = functions(
            &mut s,
            "provolatile, proparallel, prosecdef",
            &format!("proname = '{name}' AND nspname = 'public'"),
        );
        let [flags] = flags.as_slice() else { panic!("{name}: {flags:?}") };
        let flags: Vec<&str> = flags.split('|').collect();
        if READS.contains(&name) {
            assert!(["s", "i"].contains(&flags[0]), "{name} is a read, yet volatile");
            // Its answer depends on the account's rows: never IMMUTABLE.
            assert!(flags[0] == "s" || name == "credits_errors", "{name} is not immutable");
        } else {
            assert_eq!(flags[0], "v", "{name} writes");
            assert_eq!(flags[1], "u", "{name} writes: no parallel worker may run it");
        }
        // Callers have no right on the tables: whatever touches them acts for its owner.
        if name != "credits_errors" && name != "credits_allow" && name != "credits_disallow" {
            assert_eq!(flags[2], "t", "{name} is not SECURITY DEFINER");
        }
    }
}

#[test]
fn the_result_types_are_those_of_the_contract() {
    let db = Server::shared().database();
    let mut s = db.session();
    for (name, columns) in TYPES {
        let there = s.one(&format!(
            "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum > 0 AND NOT attisdropped"
        ));
        assert_eq!(there, columns, "{name}");
    }
}

#[test]
fn the_views_have_the_columns_of_the_contract() {
    let db = Server::shared().database();
    let mut s = db.session();
    let mut expected = Vec::new();
    for (name, columns) in VIEWS {
        expected.push(name.to_owned());
        let there = s.list(&format!(
            "SELECT attname FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum > 0 AND NOT attisdropped
             ORDER BY attnum"
        ));
        let columns: Vec<&str> = columns.split(' ').collect();
        assert!(there.len() >= columns.len(), "{name}: {there:?}");
        assert_eq!(there[..columns.len()], columns, "{name}");
        if name == "credits_accounts" {
            for column in [
                "cycle_length",
                "anchor",
                "time_zone",
                "rollover_percent",
                "rollover_max",
                "overdraft_limit",
                "debt_policy",
                "opened_at",
                "head_hash",
                "metadata",
            ] {
                assert!(there.iter().any(|c| c == column), "{name}.{column}: {there:?}");
            }
        }
    }
    expected.sort();
    let there = s.list(&format!(
        "SELECT c.relname FROM pg_class c JOIN {MEMBERS} m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
         WHERE c.relnamespace <> 'credits_ledger'::regnamespace AND c.relkind <> 'c' ORDER BY 1"
    ));
    assert_eq!(there, expected);
}

/// A caller who configures sees what a reader of the view will see.
#[test]
fn what_configures_returns_the_columns_of_its_view() {
    let db = Server::shared().database();
    let mut s = db.session();
    for (function, view) in CONFIGURES {
        let columns = s.one(&format!(
            "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = '{view}'::regclass AND attnum > 0 AND NOT attisdropped"
        ));
        let result = s.one(&format!("SELECT pg_get_function_result('{function}'::regproc)"));
        assert_eq!(result, format!("TABLE({columns})"), "{function} and {view}");
    }
}

#[test]
fn amounts_are_numeric_in_every_view() {
    let db = Server::shared().database();
    let mut s = db.session();
    let others = s.list(&format!(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
         JOIN pg_class c ON c.oid = a.attrelid
         JOIN {MEMBERS} m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
         WHERE c.relkind = 'v' AND a.attnum > 0 AND a.atttypid <> 'numeric'::regtype
           AND a.attname IN ('amount', 'balance', 'available', 'allowance', 'credits', 'held', 'debt', 'remaining', 'price',
               'granted', 'used', 'expired', 'rolled_over', 'quantity', 'included', 'from_allowance', 'from_credits', 'overdraft',
               'budget_limit', 'captured', 'debt_invoiced', 'debt_forgiven', 'per_units', 'rollover_max')
           -- there it is not a number of units, but the units of each feature
           AND (c.relname, a.attname) <> ('credits_plans', 'included')"
    ));
    // So many packs are a count.
    assert_eq!(others, ["credits_recharges|quantity|integer"]);
    let days = s.one("SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'credits_usage_daily'::regclass AND attname = 'day'");
    assert_eq!(days, "date");
}

#[test]
fn every_object_has_a_comment() {
    let db = Server::shared().database();
    let mut s = db.session();
    let bare = s.list(&format!(
        "SELECT pg_describe_object(m.classid, m.objid, 0) FROM {MEMBERS} m
         LEFT JOIN pg_description d ON d.classoid = m.classid AND d.objoid = m.objid AND d.objsubid = 0
         -- an array type, the shadow of its element type, cannot be described apart from it
         WHERE d.description IS NULL
           AND NOT EXISTS (SELECT FROM pg_type t WHERE m.classid = 'pg_type'::regclass AND t.oid = m.objid AND t.typcategory = 'A')
         ORDER BY 1"
    ));
    assert_eq!(bare, Vec::<String>::new());
    let extension = s.one(
        "SELECT coalesce(obj_description(oid, 'pg_extension'), '') FROM pg_extension WHERE extname = 'credits_ledger'",
    );
    assert!(!extension.is_empty(), "the extension itself has no comment");
}

#[test]
fn every_function_is_in_the_library() {
    let db = Server::shared().database();
    let mut s = db.session();
    let library = s.one("SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'") + "/credits_ledger.so";
    let output = std::process::Command::new("nm").args(["-D", "--defined-only", &library]).output().expect("nm");
    assert!(output.status.success(), "nm: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let symbols: BTreeSet<&str> = text.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let wanted = functions(&mut s, "prosrc", "prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')");
    assert!(wanted.len() >= FUNCTIONS.len(), "{wanted:?}");
    for symbol in &wanted {
        assert!(symbols.contains(symbol.as_str()), "{symbol} is not in {library}");
        assert!(symbols.contains(format!("pg_finfo_{symbol}").as_str()), "{symbol} has no pg_finfo");
    }
    // All of them are in the library that was installed, under the name that an upgrade can replace.
    let libraries = functions(&mut s, "DISTINCT probin", "prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')");
    assert_eq!(libraries, ["$libdir/credits_ledger"]);
}

#[test]
fn the_sql_and_the_library_agree_on_every_signature() {
    let db = Server::shared().database();
    let mut s = db.session();
    // The library names its symbols, and types by the names that Rust code uses for them.
    let library: BTreeSet<String> = s
        .list("SELECT name, arguments, returns FROM credits_ledger.signatures()")
        .iter()
        .map(|row| row.replace("timestamptz", "timestamp with time zone"))
        .collect();
    // A trigger function is called without arguments and has no signature to disagree about.
    let declared: BTreeSet<String> = functions(
        &mut s,
        "prosrc,
         (SELECT coalesce(string_agg(name || ' ' || format_type(type, NULL), ', ' ORDER BY place), '')
          FROM unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY a(name, type, place)),
         CASE WHEN p.proretset THEN 'SETOF ' ELSE '' END || p.prorettype::regtype",
        "prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND prorettype <> 'trigger'::regtype",
    )
    .into_iter()
    .collect();
    let only_in_library: Vec<_> = library.difference(&declared).collect();
    let only_declared: Vec<_> = declared.difference(&library).collect();
    assert!(
        only_in_library.is_empty() && only_declared.is_empty(),
        "only in the library: {only_in_library:#?}\nonly in the SQL: {only_declared:#?}"
    );
    assert!(library.len() >= FUNCTIONS.len());
}

#[test]
fn text_is_compared_bytewise_and_amounts_are_never_floats() {
    let db = Server::shared().database();
    let mut s = db.session();
    let keys = s.list(
        "SELECT i.indexrelid::regclass, a.attname FROM pg_index i
         JOIN pg_class t ON t.oid = i.indrelid AND t.relnamespace = 'credits_ledger'::regnamespace
         CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indcollation::oid[]) AS k(column_number, collation_of)
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.column_number
         WHERE a.atttypid = 'text'::regtype AND k.collation_of <> '\"C\"'::regcollation",
    );
    assert_eq!(keys, Vec::<String>::new());
    let not_led = s.list(
        "SELECT DISTINCT t.relname FROM pg_index i
         JOIN pg_class t ON t.oid = i.indrelid AND t.relnamespace = 'credits_ledger'::regnamespace
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
         WHERE i.indisunique AND a.attname <> 'account' ORDER BY 1",
    );
    // What is defined for all accounts belongs to none; it is the same on every node of a distributed database.
    assert_eq!(
        not_led,
        ["included_units", "packs", "plans", "rates"],
        "tables with unique indexes that account does not lead"
    );
    let floats = s.list(
        "SELECT attrelid::regclass, attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relnamespace = 'credits_ledger'::regnamespace AND a.attnum > 0
           AND a.atttypid IN ('float4'::regtype, 'float8'::regtype, 'money'::regtype)",
    );
    assert_eq!(floats, Vec::<String>::new());
    let references = s.list(
        "SELECT conrelid::regclass, conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
         WHERE t.relnamespace = 'credits_ledger'::regnamespace AND c.contype = 'f' ORDER BY 1",
    );
    assert_eq!(references, Vec::<String>::new(), "no foreign keys: a debit must not lock other rows");
}

#[test]
fn all_tables_are_dumped() {
    let db = Server::shared().database();
    let mut s = db.session();
    let not_dumped = s.list(
        "SELECT c.oid::regclass FROM pg_class c
         WHERE c.relnamespace = 'credits_ledger'::regnamespace AND c.relkind = 'r'
           AND c.oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'credits_ledger')::oid[])",
    );
    assert_eq!(not_dumped, Vec::<String>::new());
}
