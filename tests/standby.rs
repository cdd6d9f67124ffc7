//! A streaming standby answers every read, with time's effects, and refuses every write.

use std::thread;
use std::time::{Duration, Instant};

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
];

const INSTANTS: &[&str] = &[
    "2026-01-10 00:00+00",
    "2026-01-15 12:00+00",
    "2026-01-20 00:00+00",
    "2026-01-31 23:59:59.999999+00",
    "2026-02-01 00:00+00",
    "2026-07-09 03:00+00",
];

fn fill(db: &Database) {
    let mut s = db.session();
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_define_plan('team', 10, per_seat => true, seat_cap => 5, rollover_percent => 50)");
    s.run("SELECT credits_define_plan('big', 300, rank => 1), credits_define_plan('try', 20, trial => true, trial_period => '19 days')");
    s.run("SELECT credits_include('team', 'search', 5), credits_include('big', 'search', 40)");
    s.run("SELECT credits_define_rate('search', 2), credits_define_rate('run', 3, 100, 'package')");
    s.run("SELECT credits_define_rate('search', 4, effective_at => '2026-01-15 12:00+00')");
    s.run("SELECT credits_define_rate('view', free => true), credits_define_pack('small', 100, 5, 'EUR')");
    // In February: `team` with three seats and nothing left to roll over, and `big` no more.
    s.run("SELECT credits_open_account('p'), credits_open_account('t')");
    s.run("SELECT credits_subscribe('p', 'team', 's1', 4), credits_subscribe('p', 'big', 's2')");
    s.run("SELECT credits_charge('p', 'search', 44, 'c1', 'ann'), credits_charge('p', 'run', 30, 'c2', 'ann')");
    s.run("SELECT credits_debit('p', 37, 'd1', 'search')");
    s.run("SELECT credits_set_seats('p', 'team', 3, 'n'), credits_unsubscribe('p', 'big', 'u')");
    s.run("SELECT credits_set_feature('p', 'export', false)");
    s.run("SELECT credits_set_budget('p', 100), credits_set_budget('p', 50, 'month', '*', 'search')");
    s.run("SELECT credits_subscribe('t', 'try', 's')");
    s.run("SELECT credits_open_account('a', 100, rollover_percent => 50, overdraft_limit => 20)");
    s.run("SELECT credits_open_account('b', 40, '7 days', time_zone => 'Europe/Berlin', debt_policy => 'forgive_at_reset')");
    s.run("SELECT credits_open_account('m', 30, '0')");
    s.run("SELECT credits_freeze_account('m', 'why'), credits_unfreeze_account('m')");
    s.run("SELECT credits_set_auto_recharge('m', 40, 'small', payment_method => 'card')");
    s.run("SELECT credits_grant('a', 15, 'g1', 'promo', expires_at => '2026-01-20 00:00+00', features => '{chat}')");
    s.run("SELECT credits_grant('a', 25, 'g2', effective_at => '2026-01-15 12:00+00', price => 5, currency => 'USD', payment_ref => 'p')");
    s.run("SELECT credits_grant('b', 9, 'g1', 'bonus', expires_after_cycles => 2)");
    s.run("SELECT credits_debit('a', 30, 'd1', 'chat', 'ann', 'r', metadata => '{\"k\": 1}')");
    s.run("SELECT credits_debit('b', 70, 'd1', on_insufficient => 'allow')");
    s.run("SELECT credits_debit('m', 1, 'd1')");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_debit('b', 5, 'd2')");
    s.run("SELECT credits_redact('a', (SELECT entry FROM credits_history WHERE account = 'a' AND idempotency_key = 'd1'))");
}

/// What every read function and view says at an instant.
fn everything(s: &mut Session, at: &str) -> Vec<String> {
    s.run("SET TimeZone = 'UTC'");
    s.at(at);
    let mut said = Vec::new();
    for view in VIEWS {
        let rows = s.list(&format!("SELECT v::text FROM {view} v ORDER BY 1"));
        assert!(!rows.is_empty(), "{view} has rows to compare");
        said.extend(rows);
    }
    for account in ["a", "b", "m", "p", "t"] {
        said.extend(s.list(&format!("SELECT * FROM credits_balance('{account}')")));
        said.extend(s.list(&format!("SELECT credits_check_purchase('{account}', 'small')")));
        for feature in ["search", "run", "view"] {
            said.extend(s.list(&format!(
                "SELECT n, credits_quote('{account}', '{feature}', n) FROM unnest('{{0,1,5,6,70,71}}'::int[]) n"
            )));
        }
        for asked in INSTANTS {
            said.extend(s.list(&format!("SELECT * FROM credits_balance_at('{account}', '{asked}')")));
        }
        said.extend(s.list(&format!("SELECT * FROM credits_explain_debit('{account}', 200, 'chat')")));
        said.extend(s.list(&format!("SELECT * FROM credits_forecast('{account}')")));
        said.extend(s.list(&format!("SELECT * FROM credits_verify('{account}')")));
    }
    for (from, to) in INSTANTS.iter().zip(&INSTANTS[1..]) {
        let period = format!("least('{from}'::timestamptz, '{to}'), greatest('{from}'::timestamptz, '{to}')");
        for account in ["a", "b", "m", "p", "t"] {
            said.extend(s.list(&format!("SELECT * FROM credits_statement('{account}', {period})")));
            said.extend(s.list(&format!("SELECT credits_usage_csv('{account}', {period})")));
        }
        said.extend(s.list(&format!("SELECT * FROM credits_revenue({period})")));
    }
    said.extend(s.list("SELECT * FROM credits_verify()"));
    said.extend(s.list("SELECT * FROM credits_errors()"));
    said
}

#[test]
fn a_streaming_standby() {
    let primary = Server::start(&[]);
    let db = primary.database();
    fill(&db);
    let analyst = db.role("analyst");
    db.session().run(&format!("SELECT credits_allow('{analyst}', 'analyst')"));
    let standby = primary.standby();
    primary.wait_for(&standby);
    let copy = standby.existing_database(&db.name);

    let mut here = db.session();
    let mut there = copy.session();
    assert_eq!(there.one("SELECT pg_is_in_recovery()"), "t");
    for at in INSTANTS {
        assert_eq!(everything(&mut there, at), everything(&mut here, at), "at {at}");
    }
    // Time acts there by itself, too.
    there.at("2026-02-01 00:00+00");
    there.row("SELECT * FROM credits_balance('a')").has(&[
        ("allowance", "135"),
        ("credits", "25"),
        ("allowance_granted", "100"),
        ("used", "0"),
        ("cycle_start", "2026-02-01 00:00:00+00"),
    ]);

    // Plans, too: 30 for three seats, the new month's included units of `team` alone, a package's rest.
    there.row("SELECT * FROM credits_balance('p')").has(&[
        ("allowance", "30"),
        ("allowance_granted", "30"),
        ("used", "0"),
        ("cycle_start", "2026-02-01 00:00:00+00"),
    ]);
    assert_eq!(
        there.list("SELECT credits_quote('p', 'search', 5), credits_quote('p', 'search', 6), credits_quote('p', 'run', 70), credits_quote('p', 'run', 71)"),
        ["0|4|0|3"]
    );
    assert_eq!(there.list("SELECT trim_scale(used) FROM credits_budgets WHERE account = 'p' ORDER BY 1"), ["0", "0"]);
    assert_eq!(there.one("SELECT credits FROM credits_balance('t')"), "0", "the trial is over");
    // What is free writes nothing, and so it works here.
    there.row("SELECT * FROM credits_charge('p', 'view', 7, 'free')").has(&[("accepted", "t"), ("entry", "NULL")]);

    // An analyst's session, with the real clock.
    let mut reader = copy.session_as(&analyst);
    for view in VIEWS {
        assert_ne!(reader.one(&format!("SELECT count(*) FROM {view}")), "0", "{view}");
    }
    assert_eq!(reader.one("SELECT allowance FROM credits_balance('m')"), "29");
    assert_eq!(reader.one("SELECT allowance FROM credits_balance_at('a', '2026-01-10 00:00+00')"), "70");
    assert_eq!(reader.list("SELECT * FROM credits_verify()"), Vec::<String>::new());

    // A write is told that it cannot be here.
    there.at("2026-02-01 00:00+00");
    for write in [
        "credits_open_account('new', 5)",
        "credits_configure_account('a', allowance => 5)",
        "credits_freeze_account('a', 'r')",
        "credits_close_account('a', 'r')",
        "credits_grant('a', 5, 'new')",
        "credits_grant('new', 5, 'new')",
        "credits_debit('a', 5, 'new')",
        "credits_debit('m', 5, 'new')",
        "credits_debit_many('{a,b}', '{1,1}', '{n1,n2}')",
        "credits_charge('p', 'run', 1, 'new')",
        "credits_charge('p', 'search', 1, 'new')",
        "credits_subscribe('p', 'big', 'new')",
        "credits_subscribe('a', 'team', 'new')",
        "credits_change_plan('p', 'team', 'big', 'new')",
        "credits_set_seats('p', 'team', 5, 'new')",
        "credits_unsubscribe('p', 'team', 'new')",
        "credits_set_feature('p', 'new', false)",
        "credits_set_budget('p', 5, 'day')",
        "credits_define_plan('new', 5)",
        "credits_include('team', 'new', 5)",
        "credits_define_rate('new', 5)",
        "credits_grant_many('{a,b}', '{1,1}', '{n1,n2}')",
        "credits_reset_cycle('a')",
        "credits_reset_cycle('m', 'new')",
        "credits_maintain()",
        "credits_redact('b', 3)",
        &format!("credits_allow('{analyst}', 'spend')"),
        &format!("credits_disallow('{analyst}', 'analyst')"),
    ] {
        let error = there.error(&format!("SELECT * FROM {write}"));
        assert_eq!(error.code, "25006", "{write}: {error}");
    }

    // What happens on the primary arrives.
    here.at("2026-02-01 00:00+00");
    here.run("SELECT credits_debit('a', 35, 'more')");
    here.run("SELECT credits_maintain()");
    primary.wait_for(&standby);
    assert_eq!(there.one("SELECT allowance FROM credits_balance('a')"), "100");
    assert_eq!(everything(&mut there, "2026-03-03 00:00+00"), everything(&mut here, "2026-03-03 00:00+00"));
}

/// The same words in a read-only transaction of the primary.
#[test]
fn a_read_only_transaction() {
    let db = Server::shared().database();
    fill(&db);
    let mut s = db.session();
    s.run("SET default_transaction_read_only = on");
    for at in INSTANTS {
        let said = everything(&mut s, at);
        assert!(said.len() > 60, "{} rows", said.len());
    }
    s.row("SELECT * FROM credits_charge('p', 'view', 7, 'free')").has(&[("accepted", "t"), ("entry", "NULL")]);
    for write in [
        "credits_debit('a', 5, 'new')",
        "credits_charge('p', 'search', 1, 'new')",
        "credits_subscribe('a', 'team', 'new')",
        "credits_define_rate('new', 5)",
        "credits_grant('new', 5, 'new')",
        "credits_reset_cycle('a')",
        "credits_maintain()",
    ] {
        assert_eq!(s.error(&format!("SELECT * FROM {write}")).code, "25006", "{write}");
    }
}

/// The primary dies under load and its synchronous standby takes over: what was acknowledged is there, once, and
/// clients that retry with their keys are told what they were told.
#[test]
fn promoted_under_load() {
    let mut primary = Server::start(&[("synchronous_commit", "on")]);
    let db = primary.database();
    db.session().run("SELECT credits_open_account('a' || n, 1000000) FROM generate_series(1, 4) n");
    let standby = primary.standby();
    let mut admin = primary.existing_database("postgres").session();
    admin.run("ALTER SYSTEM SET synchronous_standby_names = '*'");
    admin.run("SELECT pg_reload_conf()");
    let deadline = Instant::now() + Duration::from_secs(20);
    while admin.one("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1" {
        assert!(Instant::now() < deadline, "the standby is synchronous");
        thread::sleep(Duration::from_millis(20));
    }
    let acknowledged: Vec<(String, String, String)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let db = &db;
                scope.spawn(move || {
                    let mut s = db.session();
                    let mut told = Vec::new();
                    let account = format!("a{}", worker % 4 + 1);
                    for n in 0.. {
                        let key = format!("w{worker} n{n}");
                        match s.try_run(&format!("SELECT entry FROM credits_debit('{account}', 1, '{key}')")) {
                            Ok(rows) => told.push((account.clone(), key, rows[0].get("entry").to_owned())),
                            Err(_) => break,
                        }
                    }
                    told
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(600));
        primary.kill_postmaster();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(acknowledged.len() > 50, "{} debits before the end", acknowledged.len());

    let promoted = standby.existing_database(&db.name);
    let mut s = promoted.session();
    assert_eq!(s.one("SELECT pg_promote()"), "t");
    for (account, key, entry) in &acknowledged {
        s.row(&format!("SELECT * FROM credits_debit('{account}', 1, '{key}')"))
            .has(&[("replayed", "t"), ("entry", entry)]);
    }
    assert_eq!(
        s.one("SELECT count(*) FROM (SELECT FROM credits_history WHERE operation = 'debit' GROUP BY account, idempotency_key HAVING count(*) > 1) x"),
        "0"
    );
    assert_eq!(
        s.one("SELECT sum(balance) + (SELECT count(*) FROM credits_history WHERE operation = 'debit') FROM credits_accounts"),
        "4000000"
    );
    s.row("SELECT * FROM credits_debit('a1', 1, 'after')").has(&[("replayed", "f")]);
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}
