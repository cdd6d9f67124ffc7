//! Who may do what: the contract's table, cell by cell, asked of the catalogue and tried by each role.

use credits_ledger_tests::{Database, Server, Session};

/// The five kinds of callers: four levels of access, and a role that was given nothing.
const ROLES: [&str; 5] = ["nobody", "spend", "billing", "analyst", "admin"];

/// For each function who may call it, and a call that succeeds where it is allowed. `{role}` makes keys and
/// accounts unique to the caller.
const FUNCTIONS: [(&str, &[&str], &str); 49] = [
    ("credits_debit", &["spend", "billing", "admin"], "credits_debit('acme', 1, 'd-{role}')"),
    (
        "credits_debit_many",
        &["spend", "billing", "admin"],
        "credits_debit_many(ARRAY['acme'], ARRAY[1], ARRAY['dm-{role}'])",
    ),
    ("credits_charge", &["spend", "billing", "admin"], "credits_charge('acme', 'chat', 1, 'c-{role}')"),
    ("credits_quote", &["spend", "billing", "admin"], "credits_quote('acme', 'chat', 1)"),
    ("credits_hold", &["spend", "billing", "admin"], "credits_hold('acme', 1, 'h-{role}')"),
    ("credits_extend_hold", &["spend", "billing", "admin"], "credits_extend_hold('acme', 'h', 'e-{role}', '1 day')"),
    ("credits_capture", &["spend", "billing", "admin"], "credits_capture('acme', 'h', 'x-{role}', 1, final => false)"),
    ("credits_release", &["spend", "billing", "admin"], "credits_release('acme', 'h-{role}', 'l-{role}')"),
    ("credits_refund", &["spend", "billing", "admin"], "credits_refund('acme', 'd', 'rf-{role}', 0.1)"),
    ("credits_void_grant", &["billing", "admin"], "credits_void_grant('acme', 'g', 'vg-{role}', 0.5)"),
    ("credits_balance", &["spend", "billing", "analyst", "admin"], "credits_balance('acme')"),
    ("credits_explain_debit", &["spend", "billing", "analyst", "admin"], "credits_explain_debit('acme', 1)"),
    ("credits_forecast", &["spend", "billing", "analyst", "admin"], "credits_forecast('acme')"),
    ("credits_grant", &["billing", "admin"], "credits_grant('acme', 1, 'g-{role}')"),
    ("credits_grant_many", &["billing", "admin"], "credits_grant_many(ARRAY['acme'], ARRAY[1], ARRAY['gm-{role}'])"),
    ("credits_reset_cycle", &["billing", "admin"], "credits_reset_cycle('acme', 'r-{role}')"),
    ("credits_open_account", &["billing", "admin"], "credits_open_account('new-{role}')"),
    ("credits_configure_account", &["billing", "admin"], "credits_configure_account('acme', overdraft_limit => 5)"),
    ("credits_subscribe", &["billing", "admin"], "credits_subscribe('acme', 'team', 's-{role}')"),
    ("credits_set_seats", &["billing", "admin"], "credits_set_seats('acme', 'team', 3, 'n-{role}')"),
    ("credits_change_plan", &["billing", "admin"], "credits_change_plan('acme', 'team', 'more', 'p-{role}')"),
    ("credits_unsubscribe", &["billing", "admin"], "credits_unsubscribe('acme', 'more', 'u-{role}', 'now')"),
    ("credits_set_feature", &["billing", "admin"], "credits_set_feature('acme', 'off', false)"),
    ("credits_set_budget", &["billing", "admin"], "credits_set_budget('acme', 500, actor => '{role}')"),
    ("credits_maintain", &["billing", "admin"], "credits_maintain()"),
    ("credits_check_purchase", &["billing", "admin"], "credits_check_purchase('acme', 'pack')"),
    ("credits_purchase", &["billing", "admin"], "credits_purchase('acme', 'pack', 'pi {role}', 'b-{role}')"),
    (
        "credits_set_auto_recharge",
        &["billing", "admin"],
        "credits_set_auto_recharge('acme', 5, 'pack', payment_method => '{role}')",
    ),
    ("credits_resume_auto_recharge", &["billing", "admin"], "credits_resume_auto_recharge('poor')"),
    ("credits_claim_recharges", &["billing", "admin"], "credits_claim_recharges(1)"),
    (
        "credits_fail_recharge",
        &["billing", "admin"],
        "credits_fail_recharge('poor', (SELECT CASE '{role}' WHEN 'billing' THEN 1 ELSE 2 END), 1, 'x', 'y', true)",
    ),
    ("credits_complete_recharge", &["billing", "admin"], "credits_complete_recharge('poor', 1, 'pi')"),
    ("credits_set_alert", &["billing", "admin"], "credits_set_alert('acme', 'few-{role}', 5)"),
    ("credits_claim_events", &["billing", "admin"], "credits_claim_events(1, '1 second')"),
    ("credits_ack_event", &["billing", "admin"], "credits_ack_event('ice', 1)"),
    ("credits_balance_at", &["analyst", "admin"], "credits_balance_at('acme', clock_timestamp())"),
    ("credits_statement", &["analyst", "admin"], "credits_statement('acme', '-infinity', 'infinity')"),
    ("credits_usage_csv", &["analyst", "admin"], "credits_usage_csv('acme', '-infinity', 'infinity')"),
    ("credits_revenue", &["analyst", "admin"], "credits_revenue('-infinity', 'infinity')"),
    ("credits_verify", &["analyst", "admin"], "credits_verify()"),
    ("credits_define_plan", &["admin"], "credits_define_plan('{role}', 5)"),
    ("credits_include", &["admin"], "credits_include('team', 'chat', 5)"),
    ("credits_define_pack", &["admin"], "credits_define_pack('{role}', 5, 1, 'EUR')"),
    ("credits_define_rate", &["admin"], "credits_define_rate('{role}', 5)"),
    ("credits_freeze_account", &["admin"], "credits_freeze_account('ice', 'why')"),
    ("credits_unfreeze_account", &["admin"], "credits_unfreeze_account('ice')"),
    ("credits_close_account", &["admin"], "credits_close_account('old', 'why')"),
    ("credits_redact", &["admin"], "credits_redact('acme', 3)"),
    // Not in the contract's table: whoever may grant rights on the ledger is its owner.
    ("credits_allow", &[], "credits_allow('{self}'::regrole, 'admin')"),
];

const VIEWS: [&str; 20] = [
    "credits_accounts",
    "credits_history",
    "credits_grants",
    "credits_allocations",
    "credits_cycles",
    "credits_usage_daily",
    "credits_usage_by_cycle",
    "credits_expiring",
    "credits_holds",
    "credits_invoice_lines",
    "credits_plans",
    "credits_subscriptions",
    "credits_rates",
    "credits_features",
    "credits_budgets",
    "credits_packs",
    "credits_auto_recharges",
    "credits_recharges",
    "credits_alerts",
    "credits_events",
];

/// Who may read the views.
const READERS: [&str; 2] = ["analyst", "admin"];

/// A database with a small ledger, and one role of each kind.
struct Ledger {
    db: Database,
    owner: Session,
}

impl Ledger {
    fn new() -> Self {
        let db = Server::shared().database();
        let mut owner = db.session();
        owner.run(
            "SELECT credits_define_plan('team', 10, per_seat => true), credits_define_plan('more', 20, rank => 1)",
        );
        owner.run("SELECT credits_define_rate('chat', 2), credits_define_pack('pack', 10, 1, 'EUR')");
        owner.run("SELECT credits_grant('acme', 1000, 'g')");
        owner.run("SELECT credits_debit('acme', 1, 'd', actor => 'someone')");
        owner.run("SELECT credits_hold('acme', 100, 'h')");
        owner.run("SELECT credits_grant('ice', 10, 'g'), credits_grant('old', 10, 'g')");
        owner.run("SELECT credits_freeze_account('ice', 'why'), credits_unfreeze_account('ice')");
        owner.run("SELECT credits_grant('poor', 10, 'g')");
        owner.run("SELECT credits_set_auto_recharge('poor', 50, 'pack', payment_method => 'card')");
        let mut ledger = Ledger { db, owner };
        for role in ROLES {
            let name = ledger.db.role(role);
            assert_eq!(name, ledger.name(role));
            if role != "nobody" {
                assert_eq!(ledger.owner.one(&format!("SELECT credits_allow('{name}', '{role}')")), "t");
            }
        }
        ledger
    }

    fn name(&self, role: &str) -> String {
        format!("{}_{role}", self.db.name)
    }

    fn session_as(&self, role: &str) -> Session {
        self.db.session_as(&self.name(role))
    }
}

/// `schema.name(types)` of the one function of this name.
fn signature(s: &mut Session, function: &str) -> String {
    s.one(&format!("SELECT '{function}'::regproc::oid::regprocedure"))
}

#[test]
fn each_function_is_open_to_whom_the_contract_names_and_to_nobody_else() {
    let mut ledger = Ledger::new();
    for role in ROLES {
        let mut caller = ledger.session_as(role);
        let name = ledger.name(role);
        for (function, allowed, call) in FUNCTIONS {
            let may = allowed.contains(&role);
            let signature = signature(&mut ledger.owner, function);
            let granted =
                ledger.owner.one(&format!("SELECT has_function_privilege('{name}', '{signature}', 'EXECUTE')"));
            assert_eq!(granted, if may { "t" } else { "f" }, "{role} {function} in the catalogue");
            let call = call.replace("{role}", role).replace("{self}", &name);
            match caller.try_run(&format!("SELECT * FROM {call}")) {
                Ok(_) => assert!(may, "{role} could call {function}"),
                Err(e) => {
                    assert!(!may, "{role} could not call {function}: {} {}", e.code, e.message);
                    assert_eq!(e.code, "42501", "{role} {function}: {}", e.message);
                }
            }
        }
    }
    assert_eq!(ledger.owner.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn the_table_of_this_test_covers_all_functions() {
    let db = Server::shared().database();
    let mut s = db.session();
    let mut named: Vec<String> = FUNCTIONS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    named.extend(["credits_errors".into(), "credits_disallow".into()]);
    named.sort();
    let there = s.list(
        "SELECT p.proname FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
         JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
         WHERE e.extname = 'credits_ledger' AND d.deptype = 'e' AND p.proname LIKE 'credits\\_%'
           AND p.pronamespace = e.extnamespace ORDER BY 1",
    );
    assert_eq!(there, named);
}

#[test]
fn nobody_but_the_owner_may_allow_or_disallow() {
    let mut ledger = Ledger::new();
    let nobody = ledger.name("nobody");
    for role in ROLES {
        let mut caller = ledger.session_as(role);
        for verb in ["allow", "disallow"] {
            for access in ["spend", "billing", "analyst", "admin"] {
                let e = caller.error(&format!("SELECT credits_{verb}('{nobody}', '{access}')"));
                assert_eq!(e.code, "42501", "{role} {verb} {access}: {}", e.message);
            }
        }
        // nor by the ordinary way around
        for statement in [
            format!("GRANT EXECUTE ON FUNCTION credits_balance(text) TO {nobody}"),
            format!("GRANT SELECT ON credits_accounts TO {nobody}"),
            format!("GRANT SELECT ON credits_ledger.accounts TO {nobody}"),
        ] {
            // Without any right it is an error, with the right but without its grant option a warning.
            let _ = caller.try_run(&statement);
        }
    }
    let rights = ledger.owner.one(&format!(
        "SELECT has_function_privilege('{nobody}', 'credits_balance(text)', 'EXECUTE')
             OR has_table_privilege('{nobody}', 'credits_accounts', 'SELECT')
             OR has_table_privilege('{nobody}', 'credits_ledger.accounts', 'SELECT')"
    ));
    assert_eq!(rights, "f");
}

#[test]
fn each_view_is_open_to_analysts_and_admins_and_for_reading_only() {
    let mut ledger = Ledger::new();
    for role in ROLES {
        let mut caller = ledger.session_as(role);
        let name = ledger.name(role);
        for view in VIEWS {
            let may = READERS.contains(&role);
            let question = |right: &str| format!("SELECT has_table_privilege('{name}', '{view}', '{right}')");
            assert_eq!(ledger.owner.one(&question("SELECT")), if may { "t" } else { "f" }, "{role} {view}");
            for right in ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"] {
                assert_eq!(ledger.owner.one(&question(right)), "f", "{role} {view} {right}");
            }
            match caller.try_run(&format!("SELECT * FROM {view}")) {
                Ok(_) => assert!(may, "{role} could read {view}"),
                Err(e) => {
                    assert!(!may, "{role} could not read {view}: {}", e.message);
                    assert_eq!(e.code, "42501", "{role} {view}: {}", e.message);
                }
            }
            let key = match view {
                "credits_plans" => "plan",
                "credits_packs" => "pack",
                "credits_rates" => "feature",
                _ => "account",
            };
            for statement in [
                format!("INSERT INTO {view} ({key}) VALUES ('mine')"),
                format!("UPDATE {view} SET {key} = 'mine'"),
                format!("DELETE FROM {view}"),
            ] {
                let e = caller.error(&statement);
                assert!(
                    // a view that cannot be written at all says so before it asks who writes
                    ["42501", "55000", "0A000", "LC013"].contains(&e.code.as_str()),
                    "{role}: {statement}: {} {}",
                    e.code,
                    e.message
                );
            }
        }
    }
}

#[test]
fn the_tables_are_closed_to_every_level_of_access() {
    let mut ledger = Ledger::new();
    let tables = ledger.owner.list(
        "SELECT oid::regclass FROM pg_class WHERE relnamespace = 'credits_ledger'::regnamespace
           AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1",
    );
    assert!(tables.len() >= 4, "{tables:?}");
    let before = ledger.owner.list("SELECT * FROM credits_history ORDER BY account, entry");
    for role in ROLES {
        let mut caller = ledger.session_as(role);
        let name = ledger.name(role);
        for table in &tables {
            for right in ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"] {
                let granted = ledger.owner.one(&format!("SELECT has_table_privilege('{name}', '{table}', '{right}')"));
                assert_eq!(granted, "f", "{role} {table} {right}");
            }
            for statement in [
                format!("SELECT * FROM {table}"),
                format!("INSERT INTO {table} SELECT * FROM {table}"),
                format!("UPDATE {table} SET account = 'mine'"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
                format!("COPY {table} TO STDOUT"),
                format!("COPY {table} FROM STDIN"),
                format!("BEGIN; LOCK TABLE {table} IN ACCESS SHARE MODE"),
                format!("ALTER TABLE {table} DISABLE TRIGGER ALL"),
                format!("ALTER TABLE {table} ADD COLUMN mine int"),
                format!(
                    "CREATE TRIGGER mine BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
                ),
                format!("CREATE RULE mine AS ON UPDATE TO {table} DO INSTEAD NOTHING"),
                format!("DROP TABLE {table}"),
            ] {
                let e = caller.error(&statement);
                assert_eq!(e.code, "42501", "{role}: {statement}: {}", e.message);
                caller.run("ROLLBACK");
            }
        }
        for statement in [
            "SET session_replication_role = replica",
            "CREATE FUNCTION credits_ledger.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "DROP EXTENSION credits_ledger CASCADE",
            "ALTER EXTENSION credits_ledger SET SCHEMA public",
            "DROP SCHEMA credits_ledger CASCADE",
            "ALTER FUNCTION credits_debit OWNER TO CURRENT_USER",
            "CREATE OR REPLACE VIEW credits_accounts AS SELECT 1",
            "DROP FUNCTION credits_balance",
        ] {
            let e = caller.error(statement);
            assert_eq!(e.code, "42501", "{role}: {statement}: {}", e.message);
        }
    }
    assert_eq!(ledger.owner.list("SELECT * FROM credits_history ORDER BY account, entry"), before);
    assert_eq!(ledger.owner.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn the_clock_cannot_be_set_before_the_library_is_loaded_either() {
    // Until the library is loaded anyone may set any name with a dot in it: such a value must not count.
    let ledger = Ledger::new();
    let name = ledger.name("spend");
    let mut caller = ledger.session_as("spend");
    let set = caller.try_run("SET credits_ledger.now = '2001-01-01 00:00+00'");
    if let Err(e) = &set {
        assert_eq!(e.code, "42501", "{}", e.message);
    }
    let year = caller.one("SELECT extract(year FROM as_of) FROM credits_balance('acme')");
    assert_eq!(year, caller.one("SELECT extract(year FROM clock_timestamp())"));
    for setting in
        ["credits_ledger.now = '2001-01-01 00:00+00'", "credits_ledger.now = ''", "credits_ledger.other = 'x'"]
    {
        assert_eq!(caller.error(&format!("SET {setting}")).code[..2], *"42", "{setting}");
    }
    let mut owner = ledger.db.session();
    let e = ledger.session_as("spend").error(&format!("ALTER ROLE {name} SET credits_ledger.now = '2001-01-01'"));
    assert_eq!(e.code, "42501", "{}", e.message);
    owner.run(&format!("GRANT SET ON PARAMETER credits_ledger.now TO {name}"));
    let mut caller = ledger.session_as("spend");
    caller.run("SELECT credits_balance('acme')");
    caller.run("SET credits_ledger.now = '2101-01-01 00:00+00'");
    assert_eq!(caller.one("SELECT extract(year FROM as_of) FROM credits_balance('acme')"), "2101");
}

#[test]
fn public_may_nothing() {
    let db = Server::shared().database();
    let mut s = db.session();
    let open = s.list(
        "SELECT pg_describe_object(d.classid, d.objid, 0), a.privilege_type
         FROM pg_depend d
         JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
         LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
         LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
         LEFT JOIN pg_namespace n ON d.classid = 'pg_namespace'::regclass AND d.objid = n.oid
         CROSS JOIN LATERAL aclexplode(coalesce(
             p.proacl, c.relacl, n.nspacl,
             CASE WHEN p.oid IS NOT NULL THEN acldefault('f', p.proowner)
                  WHEN c.oid IS NOT NULL THEN acldefault('r', c.relowner)
                  WHEN n.oid IS NOT NULL THEN acldefault('n', n.nspowner) END)) a
         WHERE e.extname = 'credits_ledger' AND d.deptype = 'e' AND a.grantee = 0 ORDER BY 1",
    );
    assert_eq!(open, Vec::<String>::new());
}

#[test]
fn each_security_definer_function_pins_its_search_path() {
    let db = Server::shared().database();
    let mut s = db.session();
    let definers = s.rows(
        "SELECT p.oid::regprocedure::text AS name,
                (SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE c LIKE 'search\\_path=%') AS path
         FROM pg_proc p
         JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
         JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
         WHERE e.extname = 'credits_ledger' AND p.prosecdef ORDER BY 1",
    );
    assert!(definers.len() >= 15, "only {} SECURITY DEFINER functions", definers.len());
    for row in definers {
        let path: Vec<&str> = row.get("path").split(',').map(str::trim).collect();
        assert_eq!(path.last(), Some(&"pg_temp"), "{} {path:?}", row.get("name"));
        // Nothing before it may be a schema in which others can create things.
        for schema in &path[..path.len() - 1] {
            assert!(["pg_catalog", "credits_ledger"].contains(schema), "{} {path:?}", row.get("name"));
        }
    }
}

#[test]
fn access_given_twice_and_taken_twice_says_so() {
    let mut ledger = Ledger::new();
    let name = ledger.name("nobody");
    for access in ["spend", "billing", "analyst", "admin"] {
        for (verb, answers) in [("allow", ["t", "f"]), ("disallow", ["t", "f"])] {
            for answer in answers {
                let call = format!("SELECT credits_{verb}('{name}', '{access}')");
                assert_eq!(ledger.owner.one(&call), answer, "{call}");
            }
        }
        let mut caller = ledger.session_as("nobody");
        assert_eq!(caller.error("SELECT credits_balance('acme')").code, "42501", "{access}");
        assert_eq!(caller.error("SELECT * FROM credits_accounts").code, "42501", "{access}");
    }
    for access in ["owner", "", "Spend", "spend "] {
        let e = ledger.owner.error(&format!("SELECT credits_allow('{name}', '{access}')"));
        assert_eq!(e.code, "LC005", "{access:?}");
    }
    assert_eq!(ledger.owner.error(&format!("SELECT credits_allow('{name}', NULL)")).code, "LC005");
    assert_eq!(ledger.owner.error("SELECT credits_allow(NULL, 'spend')").code, "LC005");
}

#[test]
fn access_taken_away_ends_at_once() {
    let mut ledger = Ledger::new();
    let name = ledger.name("spend");
    let mut caller = ledger.session_as("spend");
    caller.run("SELECT credits_debit('acme', 1, 'before')");
    assert_eq!(ledger.owner.one(&format!("SELECT credits_disallow('{name}', 'spend')")), "t");
    assert_eq!(caller.error("SELECT credits_debit('acme', 1, 'after')").code, "42501");
}

#[test]
fn a_member_of_a_role_that_was_allowed_may_what_the_role_may() {
    // Stored as ordinary privileges: membership works as everywhere.
    let mut ledger = Ledger::new();
    let (group, member) = (ledger.name("spend"), ledger.name("nobody"));
    ledger.owner.run(&format!("GRANT {group} TO {member}"));
    let mut caller = ledger.session_as("nobody");
    assert_eq!(caller.row("SELECT * FROM credits_debit('acme', 1, 'as a member')").get("amount"), "1");
    assert_eq!(
        ledger.owner.one("SELECT recorded_by FROM credits_history WHERE idempotency_key = 'as a member'"),
        member
    );
}

#[test]
fn the_errors_of_one_account_name_no_other() {
    let ledger = Ledger::new();
    let mut s = ledger.db.session();
    s.run("SELECT credits_grant('secret-neighbour', 7755331177, 'secret-key', payment_ref => 'secret-payment')");
    s.run("SELECT credits_debit('secret-neighbour', 7, 'shared', actor => 'secret-actor')");
    s.run("SELECT credits_set_budget('secret-neighbour', 7755331177, actor => 'secret-actor', feature => 'capped')");
    s.run("SELECT credits_subscribe('secret-neighbour', 'team', 'secret-subscription')");
    s.run("SELECT credits_hold('secret-neighbour', 7, 'secret-hold', actor => 'secret-actor')");
    s.run("SELECT credits_grant('mine', 5, 'g', payment_ref => 'my-payment')");
    s.run("SELECT credits_set_budget('mine', 1, feature => 'capped'), credits_set_feature('mine', 'off', false)");
    s.run("SELECT credits_debit('mine', 1, 'used')");
    s.run("SELECT credits_hold('mine', 0.5, 'settled'), credits_release('mine', 'settled', 'release')");
    s.run("SELECT credits_hold('mine', 0.5, 'held')");
    s.run("SELECT credits_freeze_account('ice', 'secret-reason')");
    let mut caller = ledger.session_as("billing");
    let refused = [
        ("SELECT credits_debit('mine', 50, 'k')", "LC001"),
        ("SELECT credits_debit('no such account', 1, 'k')", "LC002"),
        ("SELECT credits_debit('secret-neighbou', 1, 'k')", "LC002"),
        ("SELECT credits_balance('secret')", "LC002"),
        ("SELECT credits_debit('mine', 2, 'used')", "LC003"),
        ("SELECT credits_debit('mine', -1, 'k')", "LC004"),
        ("SELECT credits_debit('mine', 'NaN', 'k')", "LC004"),
        ("SELECT credits_debit('mine', 1, '')", "LC005"),
        ("SELECT credits_grant('mine', 1, 'k', 'refund')", "LC005"),
        ("SELECT credits_grant('mine', 1, 'k', payment_ref => 'my-payment')", "LC009"),
        ("SELECT credits_open_account('mine', time_zone => 'No/Where')", "LC005"),
        ("SELECT credits_charge('mine', 'chat', 50, 'k')", "LC001"),
        ("SELECT credits_charge('mine', 'unpriced', 1, 'k')", "LC014"),
        ("SELECT credits_debit('mine', 2, 'k', 'capped')", "LC012"),
        ("SELECT credits_debit('mine', 2, 'k', 'off')", "LC010"),
        ("SELECT credits_hold('mine', 50, 'k')", "LC001"),
        ("SELECT credits_hold('mine', 0.5, 'settled', feature => 'chat')", "LC003"),
        ("SELECT credits_hold('mine', 1, 'k', '32 days')", "LC005"),
        ("SELECT credits_capture('mine', 'secret-hold', 'k')", "LC006"),
        ("SELECT credits_release('mine', 'secret-hold', 'k')", "LC006"),
        ("SELECT credits_extend_hold('mine', 'used', 'k', '1 hour')", "LC006"),
        ("SELECT credits_refund('mine', 'secret-hold', 'k')", "LC006"),
        ("SELECT credits_refund('mine', 'used', 'k', 2)", "LC015"),
        ("SELECT credits_void_grant('mine', 'secret-payment', 'k')", "LC006"),
        ("SELECT credits_void_grant('mine', 'g', 'k', 50)", "LC015"),
        ("SELECT credits_capture('mine', 'settled', 'k')", "LC007"),
        ("SELECT credits_capture('mine', 'held', 'k', 50, on_insufficient => 'error')", "LC001"),
        ("SELECT credits_subscribe('mine', 'no such plan', 'k')", "LC006"),
        ("SELECT credits_set_seats('mine', 'team', 2, 'k')", "LC006"),
        ("SELECT credits_change_plan('nobody', 'team', 'more', 'k')", "LC002"),
        ("SELECT credits_set_budget('mine', 1, 'week')", "LC005"),
        ("SELECT * FROM credits_debit_many(ARRAY['mine'], ARRAY[50], ARRAY['k'], on_insufficient => 'error')", "LC001"),
        ("SELECT * FROM credits_debit_many(ARRAY['mine'], ARRAY[1,2], ARRAY['k'])", "LC005"),
    ];
    for (call, code) in refused {
        let e = caller.error(call);
        assert_eq!(e.code, code, "{call}: {}", e.message);
        let text = format!("{}\n{}\n{}", e.message, e.detail, e.hint);
        for secret in ["neighbour", "secret-", "7755331177", "acme"] {
            // the caller's own words may come back
            assert!(!text.contains(secret) || call.contains(secret), "{call} told of {secret}: {text}");
        }
        assert!(!e.message.is_empty() && !e.hint.is_empty(), "{call}: {e:?}");
    }
    // The same payment on another account is none of this account's business.
    let receipt = caller.row("SELECT * FROM credits_grant('mine', 1, 'k9', payment_ref => 'secret-payment')");
    assert_eq!(receipt.get("accepted"), "t");
}
