//! The ledger's clock: never before what was recorded, whatever the server's clock or `credits_ledger.now` does, and
//! who may set it.

use credits_ledger_tests::{Database, Server, Session};

fn utc(db: &Database) -> Session {
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s
}

/// The clock may jump: what is recorded never goes back, and no entry is before an older one.
#[test]
fn a_clock_that_jumps() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_open_account('a', 100)");
    s.run("SELECT credits_grant('a', 1000, 'g')");
    s.run("SELECT credits_grant('a', 50, 'dated', 'promo', expires_at => '2026-05-01 00:00+00')");
    for (n, now) in [
        "2026-01-20 00:00+00",
        "2026-01-05 00:00+00",
        "2026-02-10 00:00+00",
        "2026-02-09 23:59:59.999999+00",
        "2025-01-01 00:00+00",
        "2026-04-30 00:00+00",
        "2026-03-01 00:00+00",
        "2026-05-01 00:00+00",
        "2026-01-01 00:00+00",
        "2027-01-01 00:00+00",
        "2026-12-31 23:59:59+00",
    ]
    .into_iter()
    .enumerate()
    {
        s.at(now);
        s.run(&format!("SELECT credits_debit('a', 1, 'k{n}')"));
        s.run("SELECT credits_maintain()");
        s.run(&format!("SELECT credits_grant('a', 1, 'g{n}', 'adjustment')"));
        assert_eq!(
            s.one(
                "SELECT count(*) FROM (
                     SELECT recorded_at < lag(recorded_at) OVER by_entry OR effective_at < lag(effective_at) OVER by_entry
                            OR effective_at > recorded_at AS falls
                     FROM credits_history WHERE account = 'a' WINDOW by_entry AS (ORDER BY entry)) steps
                 WHERE falls"
            ),
            "0",
            "after the clock showed {now}"
        );
    }
    assert_eq!(
        s.one(
            "SELECT max(recorded_at) BETWEEN '2027-01-01 00:00:00+00' AND '2027-01-01 00:00:01+00' FROM credits_history"
        ),
        "t"
    );
    // The first allowance and eleven closings, each once, and no lot came back to life.
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'allowance'"), "12");
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'expire' AND amount = -50"), "1");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Cycles without an allowance end without an entry. A clock that is set back after such an end was recorded does not
/// lead back into the cycle that is over.
#[test]
fn a_clock_set_back_after_a_closing_without_entries() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    for (n, record) in
        ["credits_debit('a', 5, 'k', on_insufficient => 'refuse')", "credits_maintain()", "credits_reset_cycle('a')"]
            .into_iter()
            .enumerate()
    {
        let account = format!("a{n}");
        s.at("2026-02-10 00:00+00");
        s.run(&format!("SELECT credits_open_account('{account}', 0, '1 day')"));
        s.at("2026-02-12 12:00+00");
        s.run(&format!("SELECT {}", record.replace("'a'", &format!("'{account}'"))));
        s.at("2026-02-10 12:00+00");
        for read in [format!("credits_balance('{account}')"), "credits_accounts".to_owned()] {
            assert_eq!(
                s.one(&format!(
                    "SELECT cycle_start <= as_of AND as_of < cycle_end FROM {read} WHERE account = '{account}'"
                )),
                "t",
                "{read} after {record}"
            );
        }
        s.run(&format!("SELECT credits_grant('{account}', 5, 'g')"));
        assert_eq!(
            s.one(&format!(
                "SELECT h.recorded_at >= b.cycle_start AND h.recorded_at < b.cycle_end
                 FROM credits_history h, credits_balance('{account}') b WHERE h.account = '{account}' AND h.operation = 'grant'"
            )),
            "t",
            "a grant after {record}"
        );
    }
}

/// An entry says whether the setting replaced the clock.
#[test]
fn a_set_clock_is_recorded() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.run("SELECT credits_open_account('real')");
    s.run("SELECT credits_grant('real', 1, 'g')");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_open_account('set', 5)");
    s.run("SELECT credits_debit('set', 1, 'd')");
    assert_eq!(
        s.list(
            "SELECT account, entry, coalesce(clock_was_set, false) FROM credits_ledger.entries ORDER BY account, entry"
        ),
        ["real|1|f", "real|2|f", "set|1|t", "set|2|t", "set|3|t"]
    );
    s.run("RESET credits_ledger.now");
    assert_eq!(s.one("SELECT abs(extract(epoch FROM clock_timestamp() - as_of)) < 5 FROM credits_balance('set')"), "t");
    assert_eq!(
        s.one("SELECT abs(extract(epoch FROM clock_timestamp() - recorded_at)) < 5 FROM credits_grant('set', 1, 'g')"),
        "t"
    );
}

/// Without the setting the ledger's time is the server's clock, not the transaction's start.
#[test]
fn the_clock_is_read_late() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.run("SELECT credits_open_account('a', 5)");
    s.run("BEGIN");
    let began = s.one("SELECT now()");
    s.run("SELECT pg_sleep(0.02)");
    assert_eq!(
        s.one(&format!(
            "SELECT recorded_at >= timestamptz '{began}' + interval '20 ms' FROM credits_debit('a', 1, 'd')"
        )),
        "t"
    );
    s.run("COMMIT");
}

/// Within a transaction time goes on, and no read is before what was recorded: neither the function's nor the view's.
#[test]
fn reads_are_not_before_what_was_recorded() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.run("SELECT credits_open_account('a', 5)");
    s.run("BEGIN");
    let first = s.one("SELECT as_of FROM credits_balance('a')");
    s.run("SELECT pg_sleep(0.02)");
    let recorded = s.one("SELECT recorded_at FROM credits_debit('a', 1, 'd')");
    for read in ["credits_balance('a')", "credits_accounts"] {
        assert_eq!(
            s.list(&format!("SELECT as_of >= '{recorded}', as_of > '{first}', allowance FROM {read}")),
            ["t|t|4"],
            "{read}"
        );
    }
    s.run("COMMIT");
    // A clock that was set back: reads are of the newest entry's time, whichever way one asks.
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('b', 5)");
    s.run("SELECT credits_grant('b', 7, 'g', 'promo', expires_at => '2026-01-20 00:00+00')");
    s.at("2026-01-15 00:00+00");
    s.run("SELECT credits_debit('b', 1, 'd')");
    s.at("2026-01-10 00:00+00");
    for read in ["credits_balance('b')", "credits_accounts"] {
        assert_eq!(
            s.list(&format!("SELECT balance, as_of FROM {read} WHERE account = 'b'")),
            ["11|2026-01-15 00:00:00+00"],
            "{read}"
        );
    }
}

/// Only a superuser, or a role granted SET on it, may set the clock: neither once the library is loaded, nor in a
/// session that sets it before the library is.
#[test]
fn who_may_set_the_clock() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    let role = format!("clock_{}", s.one("SELECT current_database()"));
    s.run(&format!("CREATE ROLE \"{role}\""));
    s.run(&format!("SELECT credits_allow('\"{role}\"', 'spend')"));
    s.run("SELECT credits_open_account('a', 5)");

    // The library is loaded.
    s.run(&format!("SET SESSION AUTHORIZATION \"{role}\""));
    assert_eq!(s.error("SET credits_ledger.now = '2030-01-01 00:00+00'").code, "42501");
    assert_eq!(s.error("SELECT set_config('credits_ledger.now', '2030-01-01 00:00+00', false)").code, "42501");
    assert_eq!(s.error(&format!("ALTER ROLE \"{role}\" SET credits_ledger.now = '2030-01-01 00:00+00'")).code, "42501");

    // It is not loaded yet.
    let mut fresh = db.session();
    fresh.run(&format!("SET SESSION AUTHORIZATION \"{role}\""));
    assert_eq!(
        fresh.error(&format!("ALTER ROLE \"{role}\" SET credits_ledger.now = '2030-01-01 00:00+00'")).code,
        "42501"
    );
    fresh.run("SET credits_ledger.now = '2030-01-01 00:00+00'");
    assert_eq!(
        fresh.one("SELECT abs(extract(epoch FROM clock_timestamp() - as_of)) < 5 FROM credits_balance('a')"),
        "t",
        "the value set before the load does not count"
    );
    assert_eq!(
        fresh
            .one("SELECT abs(extract(epoch FROM clock_timestamp() - recorded_at)) < 5 FROM credits_debit('a', 1, 'd')"),
        "t"
    );
    let mut first_write = db.session();
    first_write.run(&format!("SET SESSION AUTHORIZATION \"{role}\""));
    first_write.run("SET credits_ledger.now = '2030-01-01 00:00+00'");
    assert_eq!(
        first_write.one(
            "SELECT abs(extract(epoch FROM clock_timestamp() - recorded_at)) < 5 FROM credits_debit('a', 1, 'd2')"
        ),
        "t"
    );

    // A role that was granted it.
    let mut admin = db.session();
    admin.run("SELECT * FROM credits_errors()");
    admin.run(&format!("GRANT SET ON PARAMETER credits_ledger.now TO \"{role}\""));
    s.run("SET credits_ledger.now = '2030-01-01 00:00+00'");
    assert_eq!(s.one("SELECT recorded_at FROM credits_debit('a', 1, 'd3')"), "2030-01-01 00:00:00+00");
    admin.run(&format!("REVOKE SET ON PARAMETER credits_ledger.now FROM \"{role}\""));
    assert_eq!(
        admin.list(
            "SELECT coalesce(clock_was_set, false) FROM credits_ledger.entries WHERE operation = 'debit' ORDER BY entry"
        ),
        ["f", "f", "t"]
    );
}

#[test]
fn clocks_that_cannot_be() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.run("SELECT credits_open_account('a', 5)");
    assert_eq!(s.error("SET credits_ledger.now = 'yesterday morning or so'").code, "22023");
    assert_eq!(s.one("SELECT abs(extract(epoch FROM clock_timestamp() - as_of)) < 5 FROM credits_balance('a')"), "t");
}

/// Postgres cannot take settings over while a parallel query runs: a session whose first call is in one must not lose them.
#[test]
fn a_first_call_in_a_parallel_query_forgets_no_setting() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT * FROM credits_grant('a', 5, 'g')");
    s.run("CREATE TABLE rows AS SELECT n FROM generate_series(1, 20000) n");
    s.run("ANALYZE rows");
    let parallel = "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;";
    let question = "SELECT (credits_balance('a')).balance FROM rows WHERE n = 77";

    let mut fresh = db.session();
    fresh.run(parallel);
    let plan = fresh.list(&format!("EXPLAIN (COSTS off) {question}"));
    assert!(plan.iter().any(|line| line.contains("Gather")), "{plan:?}");
    fresh.run("SET credits_ledger.notify = on");
    assert_eq!(fresh.one(question), "5");
    assert_eq!(fresh.one("SHOW credits_ledger.notify"), "on");
    assert_eq!(fresh.one("SELECT balance FROM credits_balance('a')"), "5");
    assert_eq!(
        fresh.one("SELECT setting || ' ' || vartype FROM pg_settings WHERE name = 'credits_ledger.notify'"),
        "on bool"
    );

    // A clock that cannot be told yet is an error, and told later.
    let mut simulated = db.session();
    simulated.run(parallel);
    simulated.run("SET credits_ledger.now = '2040-01-01 00:00+00'");
    assert_eq!(simulated.error(question).code, "55000");
    assert_eq!(simulated.one("SELECT as_of FROM credits_balance('a')"), "2040-01-01 00:00:00+00");
    assert_eq!(simulated.one(question), "5");
}
