//! `pg_dump` and a restore keep everything, in each format and in parts.

use std::process::Output;

use credits_ledger_tests::{Database, Server, Session};

const VIEWS: &[&str] = &[
    "credits_accounts",
    "credits_history",
    "credits_grants",
    "credits_allocations",
    "credits_cycles",
    "credits_usage_daily",
    "credits_usage_by_cycle",
    "credits_expiring",
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
    "credits_holds",
];

/// A ledger in which everything has happened, and a role with each access. The extension is in `schema`.
fn fill(db: &Database, schema: &str) -> Vec<String> {
    let mut s = session(db, schema);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 100, rollover_percent => 50, overdraft_limit => 20, metadata => '{\"t\": [1, 2]}')");
    s.run("SELECT credits_open_account('b', 40, '7 days', time_zone => 'Europe/Berlin', debt_policy => 'forgive_at_reset')");
    s.run("SELECT credits_open_account('ключ | \"quoted\" ''x'' \\ $$', 30, '0')");
    s.run("SELECT credits_open_account('n' || n, n) FROM generate_series(1, 50) n");
    s.run("SELECT credits_grant('a', 15, 'g1', 'promo', expires_at => '2026-01-20 00:00+00', features => '{chat,\"a,b\"}')");
    s.run("SELECT credits_grant('a', 25.123456, 'g2', effective_at => '2026-01-15 12:00+00', price => 5, currency => 'USD', payment_ref => 'p')");
    s.run("SELECT credits_grant('a', 7, 'g3', effective_at => '2026-12-15 12:00+00', priority => 3, expires_after_cycles => 4)");
    s.run("SELECT credits_grant('b', 9, 'g1', 'bonus', expires_after_cycles => 2)");
    s.run("SELECT credits_grant('unopened', 9, 'g1', 'welcome')");
    s.run("SELECT credits_debit('a', 30, 'd1', 'chat', 'ann', 'r', metadata => '{\"k\": \"line\\nbreak\"}')");
    s.run("SELECT credits_debit('a', 3, 'd2', 'chat', 'bob', 'r2')");
    s.run("SELECT credits_debit('b', 70, 'd1', on_insufficient => 'allow')");
    s.run("SELECT credits_redact('a', (SELECT entry FROM credits_history WHERE account = 'a' AND idempotency_key = 'd2'))");
    s.run("SELECT credits_freeze_account('n1', 'unpaid')");
    s.run("SELECT credits_close_account('n2', 'gone')");
    fill_plans(&mut s);
    fill_holds(&mut s);
    s.at("2026-02-20 00:00+00");
    s.run("SELECT credits_debit('a', 5, 'd3')");
    s.run("SELECT credits_reset_cycle('b', 'evt_1', '2026-02-19 12:00+00')");
    s.run("SELECT credits_configure_account('b', allowance => 45)");
    ["spend", "billing", "analyst", "admin"]
        .into_iter()
        .map(|access| {
            let role = db.role(&format!("{schema}_{access}"));
            s.run(&format!("SELECT credits_allow('{role}', '{access}')"));
            role
        })
        .collect()
}

/// Plans in several versions, a rate that is scheduled, and accounts with pending changes, a running trial, a package
/// begun, included units used, switches and budgets.
fn fill_plans(s: &mut Session) {
    for call in [
        "credits_define_plan('team', 10, per_seat => true, seat_cap => 5, rollover_percent => 50, rollover_cycles => 2, metadata => '{\"price\": 9}')",
        "credits_define_plan('team', 12, per_seat => true, seat_cap => 5, rollover_percent => 50, rollover_cycles => 2)",
        "credits_define_plan('big', 300, rank => 2)",
        "credits_define_plan('try', 20, trial => true, trial_period => '90 days', purchases => false)",
        "credits_include('team', 'search', 5)",
        "credits_include('big', 'search', 30)",
        "credits_include('big', 'search', 40)",
        "credits_define_rate('search', 0.5)",
        "credits_define_rate('search', 0.75, effective_at => '2026-03-10 00:00+00')",
        "credits_define_rate('run', 2, 100, 'package')",
        "credits_define_rate('view', free => true)",
        "credits_define_pack('small', 100, 5, 'EUR')",
        "credits_define_pack('small', 120, 5, 'EUR', 2)",
        "credits_purchase('q', 'small', 'pi_1', 'b1', 3.5)",
        "credits_set_auto_recharge('q', 100, 'small', max_packs => 3, monthly_limit => 7, payment_method => 'card')",
        "credits_claim_recharges()",
        "credits_fail_recharge('q', 1, 1, 'card_declined', 'no')",
        "credits_open_account('p', overdraft_limit => 1, time_zone => 'Asia/Kolkata')",
        "credits_subscribe('p', 'team', 's1', 2)",
        "credits_charge('p', 'search', 3, 'c1', 'ann')",
        "credits_open_account('t')",
        "credits_subscribe('t', 'try', 's1')",
        "credits_charge('t', 'run', 30, 'c1')",
    ] {
        s.run(&format!("SELECT {call}"));
    }
    s.at("2026-02-19 00:00+00");
    for call in [
        "credits_set_seats('p', 'team', 4, 'n1')",
        "credits_charge('p', 'search', 8, 'c2', 'ann')",
        "credits_charge('p', 'run', 30, 'c3', 'bob')",
        "credits_set_budget('p', 100)",
        "credits_set_budget('p', 6, 'day', '*', 'search')",
        "credits_set_budget('p', 20, 'month', 'ann')",
        "credits_debit('p', 4, 'd1', 'search', 'ann')",
        "credits_set_feature('p', 'export', false)",
        "credits_change_plan('p', 'team', 'big', 'u1')",
        "credits_change_plan('p', 'big', 'team', 'u2')",
        "credits_set_feature('t', 'export', false)",
        "credits_set_feature('t', 'export', true)",
    ] {
        s.run(&format!("SELECT {call}"));
    }
}

/// Holds that are open over several lots and with headroom, captured in part, extended, lapsed and not yet recorded,
/// settled, and redacted. The last of them lapse in March.
fn fill_holds(s: &mut Session) {
    for call in [
        "credits_open_account('h', 100, rollover_percent => 50, overdraft_limit => 30, metadata => '{}')",
        "credits_grant('h', 40, 'g1', 'promo', expires_at => '2026-03-02 00:00+00', features => '{run}')",
        "credits_grant('h', 25, 'g2')",
        "credits_set_budget('h', 500, 'cycle', '*')",
        "credits_hold('h', 130, 'h1', '15 days', 'run', 'ann', 'doc', metadata => '{\"t\": 1}')",
        "credits_capture('h', 'h1', 'c1', 15.5, final => false, metadata => '{\"t\": 2}')",
        "credits_hold('h', 55, 'h2', '1 day', actor => 'bob')",
        "credits_extend_hold('h', 'h2', 'e2', '14 days')",
        "credits_hold('h', 1, 'h3', feature => 'run', actor => 'ann')",
        "credits_release('h', 'h3', 'r3')",
        "credits_hold('h', 2, 'h4', feature => 'run', actor => 'carl', resource => 'x')",
        "credits_redact('h', (SELECT entry FROM credits_history WHERE account = 'h' AND idempotency_key = 'h4'))",
        "credits_hold('h', 3, 'h5', '5 minutes', 'run')",
    ] {
        s.run(&format!("SELECT {call}"));
    }
}

/// What comes of the same calls on the accounts with plans: receipts, errors, and then what is recorded of them.
fn going_on(db: &Database, schema: &str) -> Vec<String> {
    let mut s = session(db, schema);
    let mut said = Vec::new();
    for (now, calls) in [
        (
            "2026-02-19 12:00+00",
            vec![
                // replays, with the receipts of then
                "credits_subscribe('p', 'team', 's1', 2)",
                "credits_charge('p', 'search', 8, 'c2', 'ann')",
                // the rest of the package, the included units of the larger plan, the day's budget, the switch
                "credits_charge('p', 'run', 70, 'c4')",
                "credits_charge('p', 'run', 1, 'c5')",
                "credits_charge('p', 'search', 31, 'c6', 'bob')",
                "credits_debit('p', 3, 'd2', 'search', 'ann')",
                "credits_charge('p', 'export', 1, 'c7')",
                "credits_charge('p', 'view', 1, 'c8')",
                "credits_subscribe('t', 'try', 's2')",
                // holds, theirs and their replays
                "credits_hold('h', 130, 'h1', '15 days', 'run', 'ann', 'doc')",
                "credits_capture('h', 'h4', 'c4')",
                "credits_release('h', 'h5', 'r5')",
                "credits_debit('h', 500, 'd', 'run')",
                "credits_extend_hold('h', 'h2', 'e3', '14 days')",
                "credits_capture('h', 'h1', 'c2', 20, final => false)",
                "credits_balance_at('h', '2026-03-05 00:00+00')",
            ],
        ),
        (
            // The pending change came with the first of March; after the tenth the scheduled rate counts.
            "2026-03-11 00:00+00",
            vec![
                "credits_balance('p')",
                "credits_balance('h')",
                "credits_capture('h', 'h1', 'c3', 60)",
                "credits_capture('h', 'h2', 'c5', 60)",
                "credits_charge('p', 'search', 9, 'c9', 'ann')",
                "credits_charge('p', 'run', 99, 'c10')",
                "credits_set_seats('p', 'team', 9, 'n2')",
                "credits_set_budget('p', 7, 'day', '*', 'search')",
                "credits_set_budget('p', NULL, 'month', 'ann')",
                "credits_change_plan('t', 'try', 'team', 'u1')",
                "credits_define_plan('team', 13, per_seat => true)",
                "credits_define_rate('search', 1)",
                "credits_include('team', 'search', 6)",
            ],
        ),
        ("2026-05-02 00:00+00", vec!["credits_balance('p')", "credits_charge('t', 'search', 7, 'c2')"]),
    ] {
        s.at(now);
        for call in calls {
            match s.try_run(&format!("SELECT * FROM {call}")) {
                Ok(rows) => said.extend(rows.iter().map(|row| format!("{call}: {row}"))),
                Err(error) => said.push(format!("{call}: {error}")),
            }
        }
    }
    for question in [
        "SELECT account, entry, operation, kind, amount, from_allowance, from_credits, balance, feature, quantity, included,
                actor, idempotency_key, effective_at, recorded_at, cycle, plan
         FROM credits_history WHERE account IN ('p', 't', 'h') ORDER BY account, entry",
        "SELECT * FROM credits_holds ORDER BY account, entry",
        "SELECT * FROM credits_allocations WHERE account = 'h' ORDER BY entry, lot, amount",
        "SELECT * FROM credits_subscriptions ORDER BY account, plan",
        "SELECT * FROM credits_budgets ORDER BY account, period, actor, feature, used_by",
        "SELECT * FROM credits_plans ORDER BY plan",
        "SELECT * FROM credits_rates ORDER BY feature, effective_at",
    ] {
        said.extend(s.list(question));
    }
    said
}

fn session(db: &Database, schema: &str) -> Session {
    let mut s = db.session();
    s.run(&format!("SET search_path = {schema}, public"));
    s.run("SET TimeZone = 'UTC'");
    s
}

/// Every row of every table and of every view.
fn contents(db: &Database, schema: &str) -> Vec<String> {
    let mut s = session(db, schema);
    let tables = s.list(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'credits_ledger' AND c.relkind IN ('r', 'p') ORDER BY 1",
    );
    assert!(tables.contains(&"entries".to_owned()), "{tables:?}");
    s.at("2026-07-01 00:00+00");
    let mut all = Vec::new();
    for table in tables {
        let rows = s.list(&format!("SELECT t::text FROM credits_ledger.{table} t ORDER BY t::text COLLATE \"C\""));
        all.push(format!("{table}: {} rows", rows.len()));
        all.extend(rows);
    }
    for view in VIEWS {
        let rows = s.list(&format!("SELECT t::text FROM {view} t ORDER BY t::text COLLATE \"C\""));
        assert!(!rows.is_empty(), "{view}");
        all.push(format!("{view}: {} rows", rows.len()));
        all.extend(rows);
    }
    all.extend(
        s.list("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'credits_ledger' ORDER BY 1"),
    );
    all
}

/// Who may do what, and how the triggers fire.
fn privileges(db: &Database, schema: &str) -> Vec<String> {
    let mut s = session(db, schema);
    s.list(
        "SELECT o.object, coalesce(r.rolname, 'PUBLIC'), a.privilege_type
         FROM (SELECT p.oid::regprocedure::text AS object, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl, p.pronamespace AS namespace
               FROM pg_proc p
               UNION ALL SELECT c.oid::regclass::text, coalesce(c.relacl, acldefault('r', c.relowner)), c.relnamespace
               FROM pg_class c WHERE c.relkind IN ('r', 'v', 'S')
               UNION ALL SELECT n.nspname, coalesce(n.nspacl, acldefault('n', n.nspowner)), n.oid FROM pg_namespace n WHERE n.nspname = 'credits_ledger'
              ) o
         JOIN pg_namespace n ON n.oid = o.namespace AND (n.nspname = 'credits_ledger' OR o.object LIKE '%credits\\_%')
         CROSS JOIN aclexplode(o.acl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
         UNION ALL
         SELECT t.tgrelid::regclass::text, t.tgname, t.tgenabled::text FROM pg_trigger t WHERE NOT t.tgisinternal
         ORDER BY 1, 2, 3",
    )
}

#[track_caller]
fn ok(output: Output) {
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The restored database holds all that the original does, and goes on where it stopped.
fn same(original: &Database, restored: &Database, schema: &str, roles: &[String]) {
    assert_eq!(contents(restored, schema), contents(original, schema));
    let granted = privileges(restored, schema);
    assert_eq!(granted, privileges(original, schema));
    for role in roles {
        assert!(granted.iter().any(|line| line.contains(role)), "{role} may do something");
    }
    assert!(
        !granted.iter().any(|line| line.contains("credits_debit(") && line.contains("PUBLIC")),
        "PUBLIC may not debit"
    );

    let mut s = session(restored, schema);
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    // Plans, rates, meters and budgets go on as they would have gone on in the original.
    let (there, here) = (going_on(restored, schema), going_on(original, schema));
    assert_eq!(there.iter().zip(&here).find(|(there, here)| there != here), None);
    assert_eq!(there.len(), here.len());
    for sign in ["LC012", "LC010", "LC005", "replayed=t", "included=31", "allowance=117"] {
        assert!(there.iter().any(|line| line.contains(sign)), "no {sign} in what was said");
    }
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    // A replay, then the counters go on.
    s.at("2026-02-20 12:00+00");
    s.row("SELECT * FROM credits_debit('a', 5, 'd3')").has(&[("replayed", "t"), ("amount", "5")]);
    let (entry, lot) = (
        s.one("SELECT max(entry) + 1 FROM credits_history WHERE account = 'a'"),
        s.one("SELECT max(lot) + 1 FROM credits_grants WHERE account = 'a'"),
    );
    s.row("SELECT * FROM credits_grant('a', 1, 'after', payment_ref => 'p2')")
        .has(&[("entry", &entry), ("replayed", "f")]);
    assert_eq!(s.one("SELECT lot FROM credits_grants WHERE account = 'a' AND idempotency_key = 'after'"), lot);
    assert_eq!(s.error("SELECT credits_grant('a', 1, 'again', payment_ref => 'p')").code, "LC009");
    assert_eq!(s.error("DELETE FROM credits_ledger.entries").code, "LC013");
    s.at("2026-04-01 00:00+00");
    let before = s.list("SELECT account, balance, allowance, credits, debt FROM credits_accounts ORDER BY account");
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list("SELECT account, balance, allowance, credits, debt FROM credits_accounts ORDER BY account"),
        before
    );
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    // Access, used: who may spend may debit, who may only read may not, and neither sees the tables.
    for (role, expected) in [(&roles[0], None), (&roles[2], Some("42501"))] {
        let mut s = restored.session_as(role);
        s.run(&format!("SET search_path = {schema}, public"));
        let result = s.try_run("SELECT * FROM credits_debit('a', 1, 'by role')");
        assert_eq!(result.err().map(|error| error.code).as_deref(), expected, "{role}");
        assert_eq!(s.error("SELECT * FROM credits_ledger.entries").code, "42501");
    }
}

#[test]
fn plain() {
    let server = Server::shared();
    let db = server.database();
    let roles = fill(&db, "public");
    let file = format!("{}.sql", db.name);
    ok(server.run_tool("pg_dump", &["-d", &db.name, "-f", &file]));
    let restored = server.empty_database();
    ok(server.run_tool("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &restored.name, "-f", &file]));
    same(&db, &restored, "public", &roles);
}

#[test]
fn plain_with_inserts() {
    let server = Server::shared();
    let db = server.database();
    let roles = fill(&db, "public");
    let file = format!("{}.sql", db.name);
    ok(server.run_tool("pg_dump", &["-d", &db.name, "--column-inserts", "-f", &file]));
    let restored = server.empty_database();
    ok(server.run_tool("psql", &["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", &restored.name, "-f", &file]));
    same(&db, &restored, "public", &roles);
}

#[test]
fn custom() {
    let server = Server::shared();
    let db = server.database();
    let roles = fill(&db, "public");
    let file = format!("{}.dump", db.name);
    ok(server.run_tool("pg_dump", &["-d", &db.name, "-Fc", "-f", &file]));
    let restored = server.empty_database();
    ok(server.run_tool("pg_restore", &["--exit-on-error", "-d", &restored.name, &file]));
    same(&db, &restored, "public", &roles);
}

#[test]
fn directory_in_parallel() {
    let server = Server::shared();
    let db = server.database();
    let roles = fill(&db, "public");
    let folder = format!("{}.dir", db.name);
    ok(server.run_tool("pg_dump", &["-d", &db.name, "-Fd", "-j", "2", "-f", &folder]));
    let restored = server.empty_database();
    ok(server.run_tool("pg_restore", &["--exit-on-error", "-j", "2", "-d", &restored.name, &folder]));
    same(&db, &restored, "public", &roles);
}

/// First the schema, then the rows.
#[test]
fn in_two_parts() {
    let server = Server::shared();
    let db = server.database();
    let roles = fill(&db, "public");
    let (schema, data) = (format!("{}.schema", db.name), format!("{}.data", db.name));
    ok(server.run_tool("pg_dump", &["-d", &db.name, "--schema-only", "-Fc", "-f", &schema]));
    ok(server.run_tool("pg_dump", &["-d", &db.name, "--data-only", "-Fc", "-f", &data]));
    let restored = server.empty_database();
    ok(server.run_tool("pg_restore", &["--exit-on-error", "-d", &restored.name, &schema]));
    let mut s = restored.session();
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts"), "0");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    drop(s);
    ok(server.run_tool("pg_restore", &["--exit-on-error", "-d", &restored.name, &data]));
    same(&db, &restored, "public", &roles);
}

/// The rows alone, into a database in which the extension was installed anew: all but the privileges come along.
#[test]
fn data_only_into_a_new_installation() {
    let server = Server::shared();
    let db = server.database();
    fill(&db, "public");
    let file = format!("{}.data.sql", db.name);
    ok(server.run_tool("pg_dump", &["-d", &db.name, "--data-only", "-f", &file]));
    let restored = server.database();
    ok(server.run_tool("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &restored.name, "-f", &file]));
    assert_eq!(contents(&restored, "public"), contents(&db, "public"));
    assert_eq!(restored.session().list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Into another cluster, with the roles brought over first.
#[test]
fn into_an_empty_cluster() {
    let server = Server::shared();
    let db = server.database();
    let roles = fill(&db, "public");
    let other = Server::start(&[]);
    for role in &roles {
        other.existing_database("postgres").session().run(&format!("CREATE ROLE {role} LOGIN"));
    }
    let path = server.socket_dir().join(format!("{}.dump", db.name));
    let file = path.to_str().unwrap();
    ok(server.run_tool("pg_dump", &["-d", &db.name, "-Fc", "-f", file]));
    let restored = other.empty_database();
    ok(other.run_tool("pg_restore", &["--exit-on-error", "-d", &restored.name, file]));
    same(&db, &restored, "public", &roles);
}

/// The extension in a schema of its own.
#[test]
fn in_another_schema() {
    let server = Server::shared();
    let db = server.empty_database();
    db.session().run("CREATE SCHEMA billing; CREATE EXTENSION credits_ledger SCHEMA billing; GRANT USAGE ON SCHEMA billing TO PUBLIC");
    let roles = fill(&db, "billing");
    let file = format!("{}.sql", db.name);
    ok(server.run_tool("pg_dump", &["-d", &db.name, "-f", &file]));
    let restored = server.empty_database();
    ok(server.run_tool("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &restored.name, "-f", &file]));
    same(&db, &restored, "billing", &roles);
}
