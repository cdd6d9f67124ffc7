//! `credits_reset_cycle`: by the clock, by hand, by a billing provider's webhook.

use std::thread;
use std::time::Instant;

use credits_ledger_tests::{Database, Server, Session};

fn opened(db: &Database, settings: &str) -> Session {
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run(&format!("SELECT credits_open_account('a', {settings})"));
    s
}

fn entries(s: &mut Session) -> String {
    s.one("SELECT count(*) FROM credits_history WHERE account = 'a'")
}

#[test]
fn nothing_is_due() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100");
    s.run("SELECT credits_grant('a', 5, 'g')");
    s.run("SELECT credits_debit('a', 30, 'd')");
    let before = entries(&mut s);
    s.at("2026-01-31 23:59:59+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("account", "a"),
        ("cycle_start", "2026-01-01 00:00:00+00"),
        ("cycle_end", "2026-02-01 00:00:00+00"),
        ("cycles_closed", "0"),
        ("expired", "0"),
        ("rolled_over", "0"),
        ("granted", "0"),
        ("debt_forgiven", "0"),
        ("debt_invoiced", "0"),
        ("balance", "75"),
        ("allowance", "70"),
        ("credits", "5"),
        ("available", "75"),
        ("replayed", "f"),
    ]);
    assert_eq!(entries(&mut s), before, "no key and nothing due: nothing is recorded");
}

/// A keyed reset records its key, also where nothing was due.
#[test]
fn a_key_is_kept_though_nothing_is_due() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100");
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt_1')").has(&[("cycles_closed", "0"), ("replayed", "f")]);
    assert_eq!(
        s.list("SELECT entry, operation, amount, balance, idempotency_key FROM credits_history WHERE account = 'a' AND entry > 2"),
        ["3|reset|0|100|evt_1"]
    );
    // Once the cycle has ended, the same key still tells what it told then.
    s.at("2026-02-10 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt_1')").has(&[
        ("cycles_closed", "0"),
        ("cycle_end", "2026-02-01 00:00:00+00"),
        ("allowance", "100"),
        ("replayed", "t"),
    ]);
    assert_eq!(entries(&mut s), "3");
}

#[test]
fn what_is_due_closes() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, overdraft_limit => 50, debt_policy => 'forgive_at_reset'");
    s.run("SELECT credits_grant('a', 5, 'g')");
    s.run("SELECT credits_debit('a', 125, 'd')");
    let cycle: i64 = s.one("SELECT cycle FROM credits_balance('a')").parse().unwrap();
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycle", &(cycle + 1).to_string()),
        ("cycle_start", "2026-02-01 00:00:00+00"),
        ("cycle_end", "2026-03-01 00:00:00+00"),
        ("cycles_closed", "1"),
        ("expired", "0"),
        ("rolled_over", "0"),
        ("granted", "100"),
        ("debt_forgiven", "20"),
        ("debt_invoiced", "0"),
        ("balance", "100"),
        ("allowance", "100"),
        ("credits", "0"),
        ("available", "100"),
        ("replayed", "f"),
    ]);
    // By time alone: no entry `reset`.
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE account = 'a' AND operation = 'reset'"), "0");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[("cycles_closed", "0"), ("granted", "0")]);
}

/// The entry `reset` comes after the closing that it causes, and a replay gives the receipt of then.
#[test]
fn keyed_resets_replay() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 20");
    s.run("SELECT credits_debit('a', 30, 'd')");
    s.at("2026-02-05 00:00+00");
    let columns = "cycle, cycle_start, cycle_end, cycles_closed, expired, rolled_over, granted, balance, allowance, credits, available";
    let first = s.list(&format!("SELECT {columns}, replayed FROM credits_reset_cycle('a', 'evt_1')"));
    assert!(
        first[0].ends_with("|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00|1|56|14|100|114|114|0|114|f"),
        "{first:?}"
    );
    assert_eq!(
        s.one("SELECT string_agg(operation, ' ' ORDER BY entry) FROM credits_history WHERE account = 'a'"),
        "open allowance debit rollover expire allowance reset"
    );
    s.run("SELECT credits_debit('a', 50, 'd2')");
    s.at("2026-04-05 00:00+00");
    let again = s.list(&format!("SELECT {columns}, replayed FROM credits_reset_cycle('a', 'evt_1')"));
    assert_eq!(again, [first[0].trim_end_matches("|f").to_owned() + "|t"]);
    assert_eq!(entries(&mut s), "8", "a replay writes nothing, not even what is due");
}

#[test]
fn one_key_for_two_things() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100");
    s.at("2026-01-20 00:00+00");
    s.run("SELECT credits_grant('a', 1, 'grant')");
    s.run("SELECT credits_reset_cycle('a', 'reset')");
    s.run("SELECT credits_reset_cycle('a', 'started', '2026-01-19 00:00+00')");
    let before = entries(&mut s);
    for call in [
        "credits_reset_cycle('a', 'grant')",
        "credits_reset_cycle('a', 'grant', '2026-01-19 00:00+00')",
        "credits_reset_cycle('a', 'reset', '2026-01-19 00:00+00')",
        "credits_reset_cycle('a', 'started')",
        "credits_reset_cycle('a', 'started', '2026-01-19 00:00:00.000001+00')",
        "credits_debit('a', 1, 'reset')",
        "credits_grant('a', 1, 'started')",
    ] {
        assert_eq!(s.error(&format!("SELECT {call}")).code, "LC003", "{call}");
    }
    // The same instant, written in another way, is the same argument.
    s.row("SELECT * FROM credits_reset_cycle('a', 'started', '2026-01-19 05:30+05:30')").has(&[("replayed", "t")]);
    assert_eq!(entries(&mut s), before);
}

/// `starts_at` is the start of the period that a provider's invoice states: the running cycle ends now, the next one
/// begins now, and the series is anchored at `starts_at`.
#[test]
fn a_webhook_ends_the_cycle() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, anchor => '2026-01-01 00:00+00'");
    s.run("SELECT credits_debit('a', 30, 'd')");
    s.at("2026-01-20 12:34:56+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt_1', '2026-01-20 10:00+00')").has(&[
        ("cycle_start", "2026-01-20 12:34:56+00"),
        ("cycle_end", "2026-02-20 10:00:00+00"),
        ("cycles_closed", "1"),
        ("expired", "70"),
        ("granted", "100"),
        ("allowance", "100"),
    ]);
    assert_eq!(s.one("SELECT anchor FROM credits_accounts WHERE account = 'a'"), "2026-01-20 10:00:00+00");
    assert_eq!(
        s.list("SELECT cycle_start, cycle_end, granted, used, expired FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
        [
            "2026-01-01 00:00:00+00|2026-01-20 12:34:56+00|100|30|70",
            "2026-01-20 12:34:56+00|2026-02-20 10:00:00+00|100|0|0"
        ]
    );
    s.at("2026-02-20 10:00+00");
    s.row("SELECT * FROM credits_balance('a')")
        .has(&[("cycle_start", "2026-02-20 10:00:00+00"), ("cycle_end", "2026-03-20 10:00:00+00")]);
}

/// The provider's month ends count from its own anchor, too.
#[test]
fn a_webhook_at_a_month_end() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, anchor => '2026-01-15 00:00+00'");
    // The cycle that contained the opening ended on the 15th, the next one ends now.
    s.at("2026-01-31 09:05+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt_1', '2026-01-31 09:00+00')")
        .has(&[("cycle_end", "2026-02-28 09:00:00+00"), ("cycles_closed", "2")]);
    s.at("2026-02-28 09:00+00");
    assert_eq!(s.one("SELECT cycle_end FROM credits_balance('a')"), "2026-03-31 09:00:00+00");
}

/// What was due closes first, each cycle at its own end.
#[test]
fn a_webhook_after_missed_cycles() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, anchor => '2026-01-01 00:00+00'");
    s.at("2026-03-20 12:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt_1', '2026-03-15 00:00+00')").has(&[
        ("cycles_closed", "3"),
        ("expired", "300"),
        ("granted", "300"),
        ("cycle_start", "2026-03-20 12:00:00+00"),
        ("cycle_end", "2026-04-15 00:00:00+00"),
    ]);
    assert_eq!(
        s.list("SELECT cycle_start, cycle_end FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle"),
        [
            "2026-01-01 00:00:00+00|2026-02-01 00:00:00+00",
            "2026-02-01 00:00:00+00|2026-03-01 00:00:00+00",
            "2026-03-01 00:00:00+00|2026-03-20 12:00:00+00"
        ]
    );
}

/// If the running cycle began at or after `starts_at`, nothing happens.
#[test]
fn a_stale_webhook_does_nothing() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, anchor => '2026-01-01 00:00+00'");
    s.at("2026-02-02 00:00+00");
    s.run("SELECT credits_debit('a', 30, 'd')");
    for (key, starts_at) in
        [("evt_1", "2026-02-01 00:00+00"), ("evt_2", "2026-01-31 00:00+00"), ("evt_3", "2020-01-01 00:00+00")]
    {
        s.row(&format!("SELECT * FROM credits_reset_cycle('a', '{key}', '{starts_at}')")).has(&[
            ("cycles_closed", "0"),
            ("granted", "0"),
            ("expired", "0"),
            ("allowance", "70"),
            ("cycle_start", "2026-02-01 00:00:00+00"),
            ("cycle_end", "2026-03-01 00:00:00+00"),
        ]);
    }
    assert_eq!(s.one("SELECT anchor FROM credits_accounts WHERE account = 'a'"), "2026-01-01 00:00:00+00");
    assert_eq!(
        s.list(
            "SELECT idempotency_key FROM credits_history WHERE account = 'a' AND operation = 'reset' ORDER BY entry"
        ),
        ["evt_1", "evt_2", "evt_3"]
    );
    // Without a key it leaves nothing.
    let before = entries(&mut s);
    s.row("SELECT * FROM credits_reset_cycle('a', starts_at => '2026-02-01 00:00+00')").has(&[("cycles_closed", "0")]);
    assert_eq!(entries(&mut s), before);
    // A microsecond later than the start is a new period.
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt_4', '2026-02-01 00:00:00.000001+00')").has(&[
        ("cycles_closed", "1"),
        ("allowance", "100"),
        ("cycle_start", "2026-02-02 00:00:00+00"),
    ]);
}

/// The clock closed the cycle just before the webhook that reports the same boundary came in.
#[test]
fn clock_and_webhook_agree() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, anchor => '2026-01-01 00:00+00'");
    s.at("2026-02-01 00:00:07+00");
    let row = s.row("SELECT * FROM credits_reset_cycle('a', 'evt_1', '2026-02-01 00:00+00')");
    row.has(&[
        ("cycle_start", "2026-02-01 00:00:00+00"),
        ("cycle_end", "2026-03-01 00:00:00+00"),
        ("allowance", "100"),
    ]);
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE account = 'a' AND operation = 'allowance'"), "2");
}

#[test]
fn starts_at_in_the_future() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100");
    s.at("2026-01-20 00:00+00");
    for starts_at in ["2026-01-20 00:00:00.000001+00", "2026-02-01 00:00+00", "infinity", "-infinity"] {
        let error = s.error(&format!("SELECT credits_reset_cycle('a', 'evt', '{starts_at}')"));
        assert_eq!(error.code, "LC005", "{starts_at}");
    }
    assert_eq!(entries(&mut s), "2");
    // Exactly now is not in the future.
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt', '2026-01-20 00:00+00')")
        .has(&[("cycles_closed", "1"), ("cycle_end", "2026-02-20 00:00:00+00")]);
}

#[test]
fn manual_accounts() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, cycle_length => '0'");
    s.run("SELECT credits_debit('a', 30, 'd')");
    s.at("2026-05-05 00:00+00");
    assert_eq!(s.error("SELECT credits_reset_cycle('a')").code, "LC005");
    assert_eq!(s.error("SELECT credits_reset_cycle('a', starts_at => '2026-05-01 00:00+00')").code, "LC005");
    let row = s.row("SELECT *, cycle_end IS NULL AS open_ended FROM credits_reset_cycle('a', 'r1')");
    row.has(&[
        ("cycles_closed", "1"),
        ("expired", "70"),
        ("granted", "100"),
        ("allowance", "100"),
        ("cycle_start", "2026-05-05 00:00:00+00"),
        ("open_ended", "t"),
        ("replayed", "f"),
    ]);
    s.row("SELECT * FROM credits_reset_cycle('a', 'r1')").has(&[("replayed", "t"), ("cycles_closed", "1")]);
    // At the same instant the running cycle began at `starts_at`: nothing happens.
    s.row("SELECT * FROM credits_reset_cycle('a', 'r2')").has(&[("cycles_closed", "0"), ("granted", "0")]);
    // The next cycle begins now, also where the period stated began earlier.
    s.at("2026-06-09 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'r3', '2026-06-05 00:00+00')")
        .has(&[("cycles_closed", "1"), ("cycle_start", "2026-06-09 00:00:00+00")]);
    s.row("SELECT * FROM credits_reset_cycle('a', 'r4', '2026-06-07 00:00+00')").has(&[("cycles_closed", "0")]);
    assert_eq!(
        s.list("SELECT cycle_start, cycle_end, used, expired FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle"),
        [
            "2026-01-01 00:00:00+00|2026-05-05 00:00:00+00|30|70",
            "2026-05-05 00:00:00+00|2026-06-09 00:00:00+00|0|100"
        ]
    );
}

#[test]
fn accounts_that_cannot_be_reset() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100");
    assert_eq!(s.error("SELECT credits_reset_cycle('nobody')").code, "LC002");
    assert_eq!(s.error("SELECT credits_reset_cycle(NULL)").code, "LC005");
    assert_eq!(s.error("SELECT credits_reset_cycle('a', '')").code, "LC005");
    s.run("SELECT credits_reset_cycle('a', 'before')");
    s.run("SELECT credits_close_account('a', 'gone')");
    s.at("2026-03-01 00:00+00");
    assert_eq!(s.error("SELECT credits_reset_cycle('a', 'after')").code, "LC011");
    s.row("SELECT * FROM credits_reset_cycle('a', 'before')").has(&[("replayed", "t"), ("allowance", "100")]);
}

/// A thousand missed cycles, each closed at its own end, in well under a second.
#[test]
fn a_thousand_missed_cycles() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 10, cycle_length => '1 hour', rollover_percent => 50");
    s.run("SELECT credits_debit('a', 4, 'd')");
    s.run("SELECT credits_grant('a', 7, 'g', 'promo', expires_after_cycles => 500)");
    s.at("2026-02-11 16:00+00"); // 1,000 hours later

    let started = Instant::now();
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("allowance", "15"),
        ("credits", "0"),
        ("used", "0"),
        ("cycle_start", "2026-02-11 16:00:00+00"),
        ("cycle_end", "2026-02-11 17:00:00+00"),
    ]);
    let read = started.elapsed();

    // Cycle 1 leaves 6, of which 3 roll; each of the 999 others leaves 10, of which 5 roll, and loses what rolled
    // into it: 3 the second, 5 each of the 998 after it.
    let started = Instant::now();
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycles_closed", "1000"),
        ("rolled_over", "4998"),
        ("granted", "10000"),
        ("expired", "9991"),
        ("allowance", "15"),
        ("credits", "0"),
        ("balance", "15"),
    ]);
    let written = started.elapsed();
    assert!(read.as_millis() < 1000 && written.as_millis() < 1000, "read {read:?}, written {written:?}");

    assert_eq!(
        s.list("SELECT count(*), sum(used), min(cycle_start), max(cycle_end) FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL"),
        ["1000|4|2026-01-01 00:00:00+00|2026-02-11 16:00:00+00"]
    );
    // The promo lot counted 500 cycles, its own the first.
    assert_eq!(
        s.list(
            "SELECT h.effective_at, a.amount FROM credits_allocations a JOIN credits_history h USING (account, entry)
             WHERE a.account = 'a' AND a.lot_kind = 'promo' AND a.operation = 'expire'"
        ),
        ["2026-01-21 20:00:00+00|-7"]
    );
    assert_eq!(s.one("SELECT sum(amount) FROM credits_history WHERE account = 'a'"), "15");
    assert_eq!(s.list("SELECT * FROM credits_verify('a')"), Vec::<String>::new());
}

/// Twelve webhooks for one period, each under its own id, at once: one applies.
#[test]
fn concurrent_webhooks() {
    let db = Server::shared().database();
    opened(&db, "allowance => 100, anchor => '2026-01-01 00:00+00'");
    let closed: i64 = thread::scope(|scope| {
        let workers: Vec<_> = (0..12)
            .map(|n| {
                let db = &db;
                scope.spawn(move || {
                    let mut s = db.session();
                    s.at("2026-01-20 12:00+00");
                    let call =
                        format!("SELECT cycles_closed FROM credits_reset_cycle('a', 'evt_{n}', '2026-01-20 11:00+00')");
                    s.one(&call).parse::<i64>().unwrap()
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).sum()
    });
    assert_eq!(closed, 1);
    let mut s = db.session();
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'allowance'"), "2");
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'reset'"), "12");
    assert_eq!(s.one("SELECT allowance FROM credits_debit('a', 100, 'd')"), "0");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// The same, without keys, for cycles that the clock ended; and one key from many sessions.
#[test]
fn concurrent_catch_up() {
    let db = Server::shared().database();
    opened(&db, "allowance => 100, cycle_length => '1 day'");
    let results: Vec<(i64, String)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..12)
            .map(|n| {
                let db = &db;
                scope.spawn(move || {
                    let mut s = db.session();
                    s.at("2026-01-31 12:00+00");
                    let key = if n % 2 == 0 { "NULL" } else { "'evt'" };
                    let row = s.row(&format!("SELECT * FROM credits_reset_cycle('a', {key})"));
                    let closed = row.get("cycles_closed").parse().unwrap();
                    (if row.get("replayed") == "t" { 0 } else { closed }, row.get("allowance").to_owned())
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    assert_eq!(results.iter().map(|r| r.0).sum::<i64>(), 30);
    assert!(results.iter().all(|r| r.1 == "100"), "{results:?}");
    let mut s = db.session();
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'allowance'"), "31");
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'reset'"), "1");
    assert_eq!(s.one("SELECT count(*) FROM credits_cycles WHERE closed_at IS NOT NULL"), "30");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// However much there is to catch up on, a session can be told to stop; then nothing of it has happened.
#[test]
fn a_catch_up_can_be_cancelled() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 10, cycle_length => '1 second'");
    s.at("2026-01-03 00:00+00");
    s.run("SET statement_timeout = '150ms'");
    for call in ["credits_reset_cycle('a')", "credits_debit('a', 1, 'd')"] {
        let started = Instant::now();
        assert_eq!(s.error(&format!("SELECT {call}")).code, "57014", "{call}");
        assert!(started.elapsed().as_secs() < 5, "{call}: {:?}", started.elapsed());
    }
    s.run("SET statement_timeout = 0");
    assert_eq!(entries(&mut s), "2");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}
