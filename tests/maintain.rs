//! `credits_maintain` does early the bookkeeping that time has due, from as many sessions as one likes.

use std::thread;

use credits_ledger_tests::{Server, Session};

fn utc(db: &credits_ledger_tests::Database) -> Session {
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s
}

fn figures(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT account, status, balance, allowance, credits, held, debt, available, allowance_granted, used, cycle, cycle_start,
                coalesce(cycle_end::text, 'never')
         FROM credits_accounts ORDER BY account",
    )
}

#[test]
fn max_accounts() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('due' || n, 10) FROM generate_series(1, 10) n");
    s.run("SELECT credits_open_account('manual' || n, 10, '0') FROM generate_series(1, 5) n");
    s.run("SELECT credits_open_account('year' || n, 10, '1 year') FROM generate_series(1, 5) n");
    assert_eq!(s.one("SELECT credits_maintain()"), "0", "nothing is due yet");
    s.at("2026-02-01 00:00+00");
    let mut done = Vec::new();
    for _ in 0..5 {
        done.push(s.one("SELECT credits_maintain(3)"));
        let closed = s.one("SELECT count(*) FROM credits_cycles WHERE closed_at IS NOT NULL");
        let expected: i64 = done.iter().map(|d| d.parse::<i64>().unwrap()).sum();
        assert_eq!(closed, expected.to_string());
    }
    assert_eq!(done, ["3", "3", "3", "1", "0"]);
    s.at("2026-03-01 00:00+00");
    assert_eq!(s.one("SELECT credits_maintain(NULL)"), "10");
    s.at("2027-01-01 00:00+00");
    assert_eq!(s.one("SELECT credits_maintain(max_accounts => 100)"), "15");
    assert_eq!(s.error("SELECT credits_maintain(-1)").code, "LC005");
}

/// An account with much to catch up is one account.
#[test]
fn an_account_counts_once() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 10, '1 day')");
    s.run("SELECT credits_grant('a', 5, 'g1', 'promo', expires_at => '2026-01-05 12:00+00')");
    s.run("SELECT credits_grant('a', 6, 'g2', effective_at => '2026-01-07 12:00+00')");
    s.at("2026-02-01 00:00+00");
    assert_eq!(s.one("SELECT credits_maintain()"), "1");
    assert_eq!(s.one("SELECT count(*) FROM credits_cycles WHERE closed_at IS NOT NULL"), "31");
    assert_eq!(s.one("SELECT credits_maintain()"), "0");
}

/// Doing it twice does nothing more.
#[test]
fn it_is_idempotent() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a' || n, n, rollover_percent => 50) FROM generate_series(1, 20) n");
    s.run("SELECT credits_freeze_account('a1', 'unpaid')");
    s.run("SELECT credits_close_account('a2', 'gone')");
    s.at("2026-03-15 00:00+00");
    assert_eq!(s.one("SELECT credits_maintain()"), "19", "time goes on for a frozen account, not for a closed one");
    let (before, entries) = (figures(&mut s), s.one("SELECT count(*) FROM credits_history"));
    let hashes = s.list("SELECT account, head_hash FROM credits_accounts ORDER BY account");
    assert_eq!(s.one("SELECT credits_maintain()"), "0");
    assert_eq!(figures(&mut s), before);
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), entries);
    assert_eq!(s.list("SELECT account, head_hash FROM credits_accounts ORDER BY account"), hashes);
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Six sessions at once: each account is brought up to date by one of them, with the figures that reads had foreseen.
#[test]
fn several_sessions_at_once() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    for n in 0..120 {
        let (length, policy) =
            (["1 month", "7 days", "1 day", "0"][n % 4], ["repay", "forgive_at_reset", "invoice_at_reset"][n % 3]);
        s.run(&format!(
            "SELECT credits_open_account('a{n}', {}, '{length}', rollover_percent => {}, overdraft_limit => 30, debt_policy => '{policy}')",
            10 + n,
            (n % 5) * 25
        ));
        s.run(&format!("SELECT credits_debit('a{n}', {}.5, 'd', on_insufficient => 'allow')", n % 37 * 3));
        if n % 6 == 0 {
            s.run(&format!("SELECT credits_grant('a{n}', 5, 'g', 'promo', expires_at => '2026-01-20 00:00+00')"));
        }
    }
    s.at("2026-02-14 12:00+00");
    let before = figures(&mut s);
    // Three of four have cycles that ended; of the manual ones none has anything else that is due, unless n is a
    // multiple of 6, which n % 4 = 3 never is.
    let done: i64 = thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|_| {
                let db = &db;
                scope.spawn(move || {
                    let mut s = db.session();
                    s.at("2026-02-14 12:00+00");
                    let mut sum = 0;
                    loop {
                        let done: i64 = s.one("SELECT credits_maintain(4)").parse().unwrap();
                        sum += done;
                        if done == 0 {
                            break sum;
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).sum()
    });
    let rest: i64 = s.one("SELECT credits_maintain()").parse().unwrap();
    assert_eq!(done + rest, 90);
    assert_eq!(figures(&mut s), before);
    assert_eq!(s.one("SELECT credits_maintain()"), "0");
    assert_eq!(
        s.list("SELECT cycle_start, count(*) FROM credits_accounts GROUP BY 1 ORDER BY 1"),
        [
            "2026-01-01 00:00:00+00|30",
            "2026-02-01 00:00:00+00|30",
            "2026-02-12 00:00:00+00|30",
            "2026-02-14 00:00:00+00|30"
        ]
    );
    assert_eq!(
        s.one("SELECT count(*) FROM (SELECT entry <> row_number() OVER (PARTITION BY account ORDER BY entry) AS gap FROM credits_history) x WHERE gap"),
        "0"
    );
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Maintenance while others debit: nobody fails, nothing is done twice.
#[test]
fn beside_debits() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a' || n, 100, '1 day') FROM generate_series(1, 8) n");
    thread::scope(|scope| {
        for worker in 0..4 {
            let db = &db;
            scope.spawn(move || {
                let mut s = db.session();
                for day in 1..=20 {
                    s.at(&format!("2026-01-{:02} 00:00+00", day + 1));
                    if worker < 2 {
                        s.run("SELECT credits_maintain(3)");
                    }
                    for n in 1..=8 {
                        s.run(&format!("SELECT credits_debit('a{n}', 1, 'w{worker} d{day}')"));
                    }
                }
            });
        }
    });
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'debit'"), (4 * 20 * 8).to_string());
    assert_eq!(s.one("SELECT count(*) FROM credits_cycles WHERE closed_at IS NOT NULL"), (20 * 8).to_string());
    assert_eq!(
        s.one("SELECT sum(used) FROM credits_cycles"),
        (4 * 20 * 8).to_string(),
        "each debit counts in one cycle"
    );
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Whether it was recorded early by maintenance or late by the next write, the history is the same but for when it
/// was recorded.
#[test]
fn early_and_late_records_are_the_same() {
    let db = Server::shared().database();
    let mut early = utc(&db);
    let other = Server::shared().database();
    let mut late = utc(&other);
    for s in [&mut early, &mut late] {
        s.at("2026-01-01 00:00+00");
        s.run(
            "SELECT credits_open_account('a', 100, rollover_percent => 40, rollover_max => 30, overdraft_limit => 200)",
        );
        s.run("SELECT credits_open_account('m', 100, '0')");
        for account in ["a", "m"] {
            s.run(&format!(
                "SELECT credits_grant('{account}', 10, 'g1', 'promo', expires_at => '2026-01-20 00:00+00')"
            ));
            s.run(&format!("SELECT credits_grant('{account}', 20, 'g2', effective_at => '2026-02-01 00:00+00', expires_after_cycles => 1)"));
            s.run(&format!("SELECT credits_debit('{account}', 60, 'd1')"));
        }
        s.at("2026-02-10 00:00+00");
        s.run("SELECT credits_debit('a', 300, 'd2')");
    }
    for now in [
        "2026-02-20 00:00+00",
        "2026-03-01 00:00+00",
        "2026-03-15 00:00+00",
        "2026-04-01 00:00+00",
        "2026-06-01 00:00+00",
    ] {
        early.at(now);
        early.run("SELECT credits_maintain()");
        late.at(now);
        assert_eq!(figures(&mut early), figures(&mut late), "at {now}");
    }
    for s in [&mut early, &mut late] {
        s.at("2026-06-05 00:00+00");
        s.run("SELECT credits_debit('a', 1, 'd3')");
        s.run("SELECT credits_debit('m', 1, 'd3')");
    }
    for query in [
        "SELECT account, entry, operation, kind, amount, from_allowance, from_credits, overdraft, balance, available, effective_at
         FROM credits_history ORDER BY account, entry",
        "SELECT account, cycle, cycle_start, cycle_end, granted, used, rolled_over, expired, debt_forgiven, debt_invoiced
         FROM credits_cycles ORDER BY account, cycle",
        "SELECT account, lot, entry, kind, amount, remaining, priority, effective_at, expires_at, status FROM credits_grants ORDER BY account, lot",
        "SELECT account, entry, operation, lot, lot_kind, amount, effective_at FROM credits_allocations ORDER BY 1, 2, 4, 6",
    ] {
        assert_eq!(early.list(query), late.list(query), "{query}");
    }
}

/// However much an account has missed, one call brings it up to date.
#[test]
fn an_account_is_brought_up_to_date() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 10, '1 hour')");
    s.run("SELECT credits_grant('a', 5, 'g1', 'promo', expires_at => '2026-01-05 12:34+00')");
    s.at("2026-04-15 04:00+00"); // 2,500 hours later
    assert_eq!(s.one("SELECT credits_maintain()"), "1");
    assert_eq!(
        s.list("SELECT count(*), max(cycle_end) FROM credits_cycles WHERE closed_at IS NOT NULL"),
        ["2500|2026-04-15 04:00:00+00"]
    );
    assert_eq!(s.one("SELECT credits_maintain()"), "0");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Accounts with plans for which a lot happens in a quarter, on monthly, weekly and manual cycles.
fn a_quarter_with_plans(s: &mut Session) {
    s.at("2026-01-01 00:00+00");
    for call in [
        "credits_define_plan('team', 10, per_seat => true, seat_cap => 8, rollover_percent => 50, rollover_max => 45, rollover_cycles => 2)",
        "credits_define_plan('small', 100, rank => 1, rollover_percent => 25)",
        "credits_define_plan('big', 300, rank => 2)",
        "credits_define_plan('try', 20, trial => true, trial_period => '20 days')",
        "credits_include('team', 'search', 5)",
        "credits_include('big', 'search', 40)",
        "credits_define_rate('search', 2)",
        "credits_define_rate('search', 3, effective_at => '2026-02-03 00:00+00')",
        "credits_define_rate('run', 3, 100, 'package')",
    ] {
        s.run(&format!("SELECT {call}"));
    }
    for (n, length) in ["1 month", "7 days", "0"].iter().enumerate() {
        for kind in ["seats", "down", "end", "trial", "both", "debt"] {
            let policy = ["repay", "forgive_at_reset", "invoice_at_reset"][n];
            s.run(&format!(
                "SELECT credits_open_account('{kind} {n}', cycle_length => '{length}', overdraft_limit => 50, debt_policy => '{policy}')"
            ));
        }
        for call in [
            "credits_subscribe('seats', 'team', 's', 12)",
            "credits_debit('seats', 33.333333, 'd')",
            "credits_set_seats('seats', 'team', 3, 'n')",
            "credits_subscribe('down', 'big', 's')",
            "credits_charge('down', 'search', 44, 'c', 'ann')",
            "credits_charge('down', 'run', 30, 'r')",
            "credits_change_plan('down', 'big', 'small', 'c2', unused_allowance => 'expire')",
            "credits_subscribe('end', 'small', 's')",
            "credits_grant('end', 7, 'g', 'promo', expires_after_cycles => 2)",
            "credits_unsubscribe('end', 'small', 'u')",
            "credits_subscribe('trial', 'try', 's')",
            "credits_debit('trial', 5, 'd')",
            "credits_subscribe('both', 'team', 's1', 2)",
            "credits_subscribe('both', 'small', 's2')",
            "credits_change_plan('both', 'small', 'big', 'c')",
            "credits_debit('both', 199, 'd')",
            "credits_set_budget('both', 500)",
            "credits_set_budget('both', 300, 'month', '*')",
            "credits_subscribe('debt', 'small', 's')",
            "credits_debit('debt', 250, 'd', on_insufficient => 'allow')",
            "credits_set_seats('debt', 'small', 2, 'n')",
        ] {
            let (function, rest) = call.split_once("('").unwrap();
            let (account, rest) = rest.split_once('\'').unwrap();
            s.run(&format!("SELECT {function}('{account} {n}'{rest}"));
        }
    }
}

/// Whatever maintenance records of plans early, reads had said before: at many instants, no figure moves.
#[test]
fn accounts_with_plans_have_the_same_figures_before_and_after() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    a_quarter_with_plans(&mut s);
    let all = |s: &mut Session| {
        let mut all = figures(s);
        all.extend(s.list(
            "SELECT account, kind, plan, amount, remaining, status, effective_at, coalesce(expires_at::text, 'never')
             FROM credits_grants ORDER BY account, lot",
        ));
        all.extend(s.list("SELECT account, kind, remaining, expires_at FROM credits_expiring ORDER BY account, lot"));
        all.extend(s.list(
            "SELECT account, n, credits_quote(account, 'search', n), credits_quote(account, 'run', n)
             FROM credits_accounts, unnest('{1,5,6,40,70,71}'::int[]) n ORDER BY 1, 2",
        ));
        all.extend(s.list("SELECT account, period, used, remaining FROM credits_budgets ORDER BY 1, 2, used_by"));
        all
    };
    let mut recorded = 0;
    for now in [
        "2026-01-07 23:59:59.999999+00",
        "2026-01-08 00:00+00",
        "2026-01-15 00:00+00",
        "2026-01-20 23:59:59.999999+00",
        "2026-01-21 00:00+00",
        "2026-01-31 23:59:59.999999+00",
        "2026-02-01 00:00+00",
        "2026-02-05 00:00+00",
        "2026-03-17 12:34+00",
    ] {
        s.at(now);
        let before = all(&mut s);
        recorded += s.one("SELECT credits_maintain()").parse::<u32>().unwrap();
        let after = all(&mut s);
        assert_eq!(before.iter().zip(&after).find(|(before, after)| before != after), None, "at {now}");
        assert_eq!(before.len(), after.len(), "at {now}");
        assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new(), "at {now}");
    }
    assert!(recorded > 30, "only {recorded} accounts had something due");
}

/// One account with plans maintained often, one never: in the end they are the same.
#[test]
fn plans_are_recorded_the_same_early_and_late() {
    let (db, other) = (Server::shared().database(), Server::shared().database());
    let (mut early, mut late) = (utc(&db), utc(&other));
    for s in [&mut early, &mut late] {
        a_quarter_with_plans(s);
    }
    for now in ["2026-01-08 00:00+00", "2026-01-22 00:00+00", "2026-02-01 00:00+00", "2026-02-14 00:00+00"] {
        early.at(now);
        early.run("SELECT credits_maintain()");
        late.at(now);
        assert_eq!(figures(&mut early), figures(&mut late), "at {now}");
        for s in [&mut early, &mut late] {
            s.run(&format!(
                "SELECT credits_charge('down 0', 'search', 3, '{now}'), credits_debit('both 0', 1, '{now}')"
            ));
        }
    }
    for s in [&mut early, &mut late] {
        s.at("2026-03-20 00:00+00");
        s.run("SELECT credits_maintain()");
    }
    for query in [
        "SELECT account, entry, operation, kind, amount, from_allowance, from_credits, overdraft, balance, available, feature, quantity,
                included, effective_at, plan
         FROM credits_history ORDER BY account, entry",
        "SELECT account, cycle, cycle_start, cycle_end, granted, used, rolled_over, expired, debt_forgiven, debt_invoiced
         FROM credits_cycles ORDER BY account, cycle",
        "SELECT account, lot, kind, plan, amount, remaining, effective_at, expires_at, status FROM credits_grants ORDER BY account, lot",
        "SELECT * FROM credits_subscriptions ORDER BY account, plan",
        "SELECT * FROM credits_budgets ORDER BY account, period",
        "SELECT * FROM credits_invoice_lines ORDER BY account, cycle, feature",
    ] {
        let (early, late) = (early.list(query), late.list(query));
        assert_eq!(early.iter().zip(&late).find(|(early, late)| early != late), None, "{query}");
        assert_eq!(early.len(), late.len(), "{query}");
    }
}

/// pg_restore fills one table after the other, and a background worker or a schedule may call in between.
#[test]
fn an_account_that_is_just_being_restored_waits_for_what_belongs_to_it() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at("2026-01-31 12:00+00");
    s.run("SELECT credits_define_plan('team', 10)");
    s.run(
        "SELECT credits_open_account('a', allowance => 100, overdraft_limit => 50, debt_policy => 'forgive_at_reset')",
    );
    s.run("SELECT credits_subscribe('a', 'team', 's')");
    s.run("SELECT credits_hold('a', 5, 'h', '31 days')");
    s.run("SELECT credits_debit('a', 125, 'd')");
    s.run("SELECT credits_set_alert('a', 'ten', below => 10)");
    s.at("2026-03-01 12:00+00");
    for table in ["entries", "settings", "lots", "subscriptions", "plans", "holds", "debts", "alerts"] {
        let all = format!("credits_ledger.{table}");
        s.run("BEGIN");
        s.run(&format!("CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM {all}"));
        assert_ne!(s.one("SELECT count(*) FROM kept"), "0", "{table}");
        s.run(&format!("ALTER TABLE {all} DISABLE TRIGGER ALL"));
        s.run(&format!("DELETE FROM {all}"));
        assert_eq!(s.one("SELECT credits_maintain()"), "0", "{table}");
        s.run("ROLLBACK");
    }
    assert_eq!(s.one("SELECT credits_maintain()"), "1");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}
