//! Time acts by itself: reads show what is due without writing, writes record it first, in time order.

use credits_ledger_tests::{Server, Session};

fn utc(db: &credits_ledger_tests::Database) -> Session {
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s
}

/// Every figure of every account and lot that a read shows, and how many entries there are.
fn figures(s: &mut Session) -> Vec<String> {
    let mut all = s.list(
        "SELECT account, status, balance, allowance, credits, held, debt, available, allowance_granted, used,
                overdraft_limit, cycle, cycle_start, coalesce(cycle_end::text, 'never'), as_of
         FROM credits_accounts ORDER BY account",
    );
    all.extend(s.list(
        "SELECT account, kind, amount, remaining, held, status, effective_at, coalesce(expires_at::text, 'never')
         FROM credits_grants ORDER BY account, kind, effective_at, amount, expires_at",
    ));
    all.extend(s.list("SELECT account, kind, remaining, expires_at FROM credits_expiring ORDER BY 1, 2, 4, 3"));
    all
}

fn entries(s: &mut Session) -> String {
    s.one("SELECT count(*) FROM credits_history")
}

/// Accounts for which a lot happens between 1 January and 2 March 2026.
fn a_month_of_events(s: &mut Session) {
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('roll', 100, rollover_percent => 50)");
    s.run("SELECT credits_open_account('forgive', 100, debt_policy => 'forgive_at_reset', overdraft_limit => 50)");
    s.run("SELECT credits_open_account('invoice', 100, debt_policy => 'invoice_at_reset', overdraft_limit => 50)");
    s.run("SELECT credits_open_account('repay', 100, overdraft_limit => 250)");
    s.run("SELECT credits_open_account('manual', 100, '0')");
    s.run("SELECT credits_open_account('daily', 5, '1 day', time_zone => 'America/New_York')");
    for account in ["roll", "forgive", "invoice", "repay", "manual", "daily"] {
        s.run(&format!("SELECT credits_grant('{account}', 11, 'g1', 'promo', expires_at => '2026-01-15 06:00+00')"));
        s.run(&format!("SELECT credits_grant('{account}', 13, 'g2', 'bonus', expires_after_cycles => 2)"));
        s.run(&format!("SELECT credits_grant('{account}', 17, 'g3', effective_at => '2026-01-20 12:00+00')"));
        s.run(&format!(
            "SELECT credits_grant('{account}', 19, 'g4', 'trial', effective_at => '2026-01-10 00:00+00', expires_in => '3 days')"
        ));
    }
    s.run("SELECT credits_debit('roll', 30, 'd1')");
    s.run("SELECT credits_debit('forgive', 150, 'd1')");
    s.run("SELECT credits_debit('invoice', 150, 'd1')");
    s.run("SELECT credits_debit('repay', 340, 'd1')");
    s.run("SELECT credits_debit('manual', 30, 'd1')");
}

/// At many instants, in a read-only transaction: nothing is written, and the bookkeeping that `credits_maintain`
/// then does changes no figure.
#[test]
fn reads_write_nothing_and_maintenance_changes_no_figure() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    a_month_of_events(&mut s);
    for now in [
        "2026-01-09 23:59:59.999999+00",
        "2026-01-10 00:00+00",
        "2026-01-13 00:00+00",
        "2026-01-15 05:59:59.999999+00",
        "2026-01-15 06:00+00",
        "2026-01-20 12:00+00",
        "2026-01-31 23:59:59.999999+00",
        "2026-02-01 00:00+00",
        "2026-03-02 00:00+00",
    ] {
        s.at(now);
        s.run("BEGIN TRANSACTION READ ONLY");
        let recorded = entries(&mut s);
        let before = figures(&mut s);
        assert_eq!(entries(&mut s), recorded);
        s.run("COMMIT");
        let by_function = s.list(
            "SELECT b.account, b.status, b.balance, b.allowance, b.credits, b.held, b.debt, b.available, b.allowance_granted,
                    b.used, b.overdraft_limit, b.cycle, b.cycle_start, coalesce(b.cycle_end::text, 'never'), b.as_of
             FROM credits_accounts a, credits_balance(a.account) b ORDER BY 1",
        );
        assert_eq!(by_function, before[..6], "credits_balance and credits_accounts at {now}");
        s.run("SELECT credits_maintain()");
        assert_eq!(figures(&mut s), before, "before and after credits_maintain at {now}");
    }
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// The figures themselves, at the end of that history, read lazily from the state of 1 January.
#[test]
fn what_a_read_shows() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    a_month_of_events(&mut s);
    let recorded = entries(&mut s);

    s.at("2026-02-01 00:00+00");
    s.run("BEGIN TRANSACTION READ ONLY");
    assert_eq!(
        s.list("SELECT account, allowance, credits, debt, available, allowance_granted, used FROM credits_accounts ORDER BY account"),
        [
            // 30 days' closings; 13 expired after the second day, 11 and 19 at their dates.
            "daily|5|17|0|22|5|0",
            // 150 took the allowance, 24 of promo and bonus, and 26 of debt, forgiven.
            "forgive|100|17|0|117|100|0",
            "invoice|100|17|0|117|100|0",
            // 70 left of the allowance, 11, 19 expired; 13 in their second cycle.
            "manual|70|30|0|100|100|30",
            // 340 took 100 and 24; of the debt of 216, 19 and 17 were paid when they came, 100 by February's allowance.
            "repay|0|0|80|0|100|0",
            // 35 of the 70 left rolled over; 13 and 17 remain of the credits.
            "roll|135|30|0|165|100|0",
        ]
    );
    assert_eq!(
        s.list("SELECT kind, amount, remaining, status FROM credits_grants WHERE account = 'roll' ORDER BY kind, effective_at"),
        [
            "allowance|100|0|expired",
            "allowance|100|100|active",
            "bonus|13|13|active",
            "promo|11|0|expired",
            "purchase|17|17|active",
            "rollover|35|35|active",
            "trial|19|0|expired",
        ]
    );
    assert_eq!(
        s.list("SELECT kind, remaining, expires_at FROM credits_expiring WHERE account = 'roll' ORDER BY kind"),
        [
            "allowance|100|2026-03-01 00:00:00+00",
            "bonus|13|2026-03-01 00:00:00+00",
            "rollover|35|2026-03-01 00:00:00+00"
        ]
    );
    s.run("COMMIT");
    assert_eq!(entries(&mut s), recorded);

    // What the ledger records says so only when someone writes.
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE account = 'roll' AND operation = 'expire'"), "0");
    s.run("SELECT credits_debit('roll', 1, 'd2')");
    assert_eq!(
        s.list(
            "SELECT operation, amount, effective_at FROM credits_history
             WHERE account = 'roll' AND entry > 7 ORDER BY entry"
        ),
        [
            "grant|19|2026-01-10 00:00:00+00",
            "expire|-19|2026-01-13 00:00:00+00",
            "expire|-11|2026-01-15 06:00:00+00",
            "grant|17|2026-01-20 12:00:00+00",
            "rollover|0|2026-02-01 00:00:00+00",
            "expire|-35|2026-02-01 00:00:00+00",
            "allowance|100|2026-02-01 00:00:00+00",
            "debit|-1|2026-02-01 00:00:00+00",
        ]
    );
}

/// `credits_explain_debit` and a refusal see time's effects, too.
#[test]
fn the_plan_of_a_debit_is_of_now() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 100)");
    s.run("SELECT credits_grant('a', 10, 'g1', 'promo', expires_at => '2026-01-20 00:00+00')");
    s.run("SELECT credits_debit('a', 95, 'd1')");
    s.at("2026-01-20 00:00+00");
    s.run("BEGIN TRANSACTION READ ONLY");
    assert_eq!(
        s.list("SELECT kind, takes, remaining_after FROM credits_explain_debit('a', 5) WHERE takes > 0"),
        ["allowance|5|0"]
    );
    assert_eq!(s.one("SELECT takes FROM credits_explain_debit('a', 8) WHERE lot IS NULL"), "3");
    s.run("COMMIT");
    let refused = s.row("SELECT * FROM credits_debit('a', 8, 'd2', on_insufficient => 'refuse')");
    refused.has(&[("accepted", "f"), ("refused", "LC001"), ("available", "5"), ("balance", "5")]);
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_debit('a', 8, 'd2', on_insufficient => 'refuse')").has(&[
        ("accepted", "t"),
        ("available", "92"),
        ("replayed", "f"),
    ]);
}

/// At one instant: the cycle closes (rollover, expiry, debt policy, new allowance), then other lots expire (by cycle or
/// by date: two of the same size), then future grants become effective.
#[test]
fn order_at_one_instant() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run(
        "SELECT credits_open_account('a', 100, rollover_percent => 50, overdraft_limit => 50, debt_policy => 'forgive_at_reset')",
    );
    s.run("SELECT credits_grant('a', 7, 'future', effective_at => '2026-02-01 00:00+00')");
    s.run("SELECT credits_grant('a', 12, 'dated', 'promo', features => '{chat}', expires_at => '2026-02-01 00:00+00')");
    s.run("SELECT credits_grant('a', 12, 'counted', 'bonus', features => '{chat}', expires_after_cycles => 1)");
    s.run("SELECT credits_debit('a', 80, 'd1')");
    s.run("SELECT credits_debit('a', 45, 'd2')");
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "100"), ("credits", "7"), ("debt", "0")]);
    s.run("SELECT credits_reset_cycle('a', 'r')");
    // The debit of 45 took the 20 left and 25 of debt: nothing was left to roll over or expire.
    assert_eq!(
        s.list(
            "SELECT operation, amount, overdraft, balance FROM credits_history
             WHERE account = 'a' AND effective_at = '2026-02-01 00:00+00' AND operation NOT IN ('rollover', 'reset')
             ORDER BY entry"
        ),
        ["forgive|25|-25|24", "allowance|100|0|124", "expire|-12|0|112", "expire|-12|0|100", "grant|7|0|107"]
    );
    assert_eq!(
        s.list(
            "SELECT CASE WHEN a.amount > 0 THEN a.lot_kind END, a.amount FROM credits_allocations a
             WHERE a.account = 'a' AND a.effective_at = '2026-02-01 00:00+00' AND a.operation <> 'rollover' ORDER BY a.entry"
        ),
        ["allowance|100", "NULL|-12", "NULL|-12", "purchase|7"]
    );
}

/// The same instant, with something to roll over.
#[test]
fn order_at_one_instant_with_rollover() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 100, rollover_percent => 50)");
    s.run("SELECT credits_grant('a', 7, 'future', 'welcome', effective_at => '2026-02-01 00:00+00')");
    s.run("SELECT credits_grant('a', 12, 'dated', 'promo', expires_at => '2026-02-01 00:00+00')");
    s.run("SELECT credits_grant('a', 12, 'counted', 'bonus', expires_after_cycles => 1)");
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list(
            "SELECT operation, amount, balance FROM credits_history
             WHERE account = 'a' AND effective_at = '2026-02-01 00:00+00' ORDER BY entry"
        ),
        ["rollover|0|124", "expire|-50|74", "allowance|100|174", "expire|-12|162", "expire|-12|150", "grant|7|157"]
    );
}

/// A grant for the future writes `schedule`, which moves nothing; at its time a `grant` entry moves it.
#[test]
fn scheduled_grants() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a')");
    s.row("SELECT * FROM credits_grant('a', 50, 'g', 'promo', effective_at => '2026-01-10 00:00+00', expires_at => '2026-01-20 00:00+00')")
        .has(&[
            ("operation", "schedule"),
            ("accepted", "t"),
            ("from_allowance", "0"),
            ("from_credits", "0"),
            ("balance", "0"),
            ("credits", "0"),
            ("available", "0"),
        ]);
    let schedule = s.one("SELECT entry FROM credits_history WHERE account = 'a' AND operation = 'schedule'");
    assert_eq!(s.one("SELECT amount FROM credits_history WHERE account = 'a' AND operation = 'schedule'"), "0");
    let lot = s.list("SELECT lot, entry, amount, status FROM credits_grants WHERE account = 'a'");
    assert_eq!(lot, [format!("1|{schedule}|50|scheduled")]);
    assert_eq!(s.one("SELECT count(*) FROM credits_allocations WHERE account = 'a'"), "0");
    assert_eq!(s.error("SELECT credits_debit('a', 1, 'early')").code, "LC001");

    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[("credits", "50"), ("available", "50")]);
    assert_eq!(s.one("SELECT status FROM credits_grants WHERE account = 'a'"), "active");
    s.at("2026-01-12 00:00+00");
    s.run("SELECT credits_debit('a', 20, 'd')");
    assert_eq!(
        s.list(
            "SELECT operation, amount, refers_to, effective_at, idempotency_key IS NULL FROM credits_history
             WHERE account = 'a' AND operation = 'grant'"
        ),
        [format!("grant|50|{schedule}|2026-01-10 00:00:00+00|t")]
    );
    assert_eq!(
        s.list("SELECT lot, operation, amount FROM credits_allocations WHERE account = 'a' ORDER BY entry"),
        ["1|grant|50", "1|debit|-20"]
    );
    s.row("SELECT * FROM credits_grant('a', 50, 'g', 'promo', effective_at => '2026-01-10 00:00+00', expires_at => '2026-01-20 00:00+00')")
        .has(&[("operation", "schedule"), ("replayed", "t"), ("balance", "0")]);

    // Effective now is not the future; what is past cannot be.
    s.row("SELECT * FROM credits_grant('a', 1, 'now', effective_at => '2026-01-12 00:00+00')")
        .has(&[("operation", "grant"), ("credits", "31")]);
    assert_eq!(
        s.error("SELECT credits_grant('a', 1, 'past', effective_at => '2026-01-11 23:59:59.999999+00')").code,
        "LC005"
    );
}

/// The cycle in which a lot becomes effective counts as the first.
#[test]
fn expiry_counts_cycles() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_open_account('a', 0, anchor => '2026-01-01 00:00+00')");
    s.run("SELECT credits_grant('a', 1, 'this', 'promo', expires_after_cycles => 1)");
    s.run("SELECT credits_grant('a', 2, 'next', 'promo', expires_after_cycles => 2)");
    s.run("SELECT credits_grant('a', 4, 'third', 'promo', expires_after_cycles => 3)");
    s.run("SELECT credits_grant('a', 8, 'later', 'promo', effective_at => '2026-02-15 00:00+00', expires_after_cycles => 1)");
    s.run("SELECT credits_grant('a', 16, 'start', 'promo', effective_at => '2026-02-01 00:00+00', expires_after_cycles => 1)");
    s.run("SELECT credits_grant('a', 32, 'just before', 'promo', effective_at => '2026-01-31 23:59:59.999999+00', expires_after_cycles => 1)");
    let mut seen = Vec::new();
    for now in [
        "2026-01-10 00:00+00",
        "2026-01-31 23:59:59.999999+00",
        "2026-02-01 00:00+00",
        "2026-02-15 00:00+00",
        "2026-02-28 23:59:59.999999+00",
        "2026-03-01 00:00+00",
        "2026-04-01 00:00+00",
    ] {
        s.at(now);
        seen.push(s.one("SELECT credits FROM credits_balance('a')"));
    }
    assert_eq!(seen, ["7", "39", "22", "30", "30", "4", "0"]);
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list(
            "SELECT -a.amount, a.effective_at FROM credits_allocations a
             WHERE a.account = 'a' AND a.operation = 'expire' ORDER BY a.effective_at, a.amount DESC"
        ),
        [
            "1|2026-02-01 00:00:00+00",
            "32|2026-02-01 00:00:00+00",
            "2|2026-03-01 00:00:00+00",
            "8|2026-03-01 00:00:00+00",
            "16|2026-03-01 00:00:00+00",
            "4|2026-04-01 00:00:00+00"
        ]
    );
}

/// It counts cycles, not days: one that a webhook ends early, or that nobody ends for years, is one cycle.
#[test]
fn expiry_by_cycle_follows_the_cycles() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 10)");
    s.run("SELECT credits_grant('a', 5, 'g', 'promo', expires_after_cycles => 2)");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_reset_cycle('a', 'evt', '2026-01-10 00:00+00')");
    assert_eq!(s.one("SELECT credits FROM credits_balance('a')"), "5");
    s.at("2026-02-09 23:59:59.999999+00");
    assert_eq!(s.one("SELECT credits FROM credits_balance('a')"), "5");
    s.at("2026-02-10 00:00+00");
    assert_eq!(s.one("SELECT credits FROM credits_balance('a')"), "0");

    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('m', 10, '0')");
    s.run("SELECT credits_grant('m', 5, 'g1', 'promo', expires_after_cycles => 1)");
    s.run("SELECT credits_grant('m', 7, 'g2', 'promo', expires_after_cycles => 2)");
    s.at("2029-01-01 00:00+00");
    assert_eq!(s.one("SELECT credits FROM credits_balance('m')"), "12");
    s.row("SELECT * FROM credits_reset_cycle('m', 'r1')").has(&[("credits", "7"), ("expired", "10")]);
    s.row("SELECT * FROM credits_reset_cycle('m', 'r0')").has(&[("credits", "7"), ("cycles_closed", "0")]);
    s.at("2029-01-02 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('m', 'r2')").has(&[("credits", "0")]);
}

/// What is asked for may be refused where sums would reach 10^14 (LC004). What was accepted must not, by the time it adds
/// up, get the account stuck, nor the views and the maintenance of all others.
#[test]
fn sums_that_time_makes() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('small', 5)");
    let asked = |s: &mut Session, call: &str| {
        if let Err(error) = s.try_run(&format!("SELECT * FROM {call}")) {
            assert_eq!(error.code, "LC004", "{call}: {error}");
        }
    };
    asked(&mut s, "credits_open_account('rolls', 60000000000000, rollover_percent => 100)");
    asked(&mut s, "credits_open_account('adds', 60000000000000, '7 days')");
    asked(&mut s, "credits_grant('adds', 30000000000000, 'g')");
    asked(&mut s, "credits_configure_account('adds', allowance => 90000000000000)");
    for n in 0..3 {
        let key = format!("'g{n}', effective_at => '2026-01-20 00:00+00'");
        asked(&mut s, &format!("credits_grant('scheduled', 60000000000000, {key})"));
    }
    for now in ["2026-01-21 00:00+00", "2026-02-01 00:00+00", "2026-03-01 00:00+00", "2026-04-01 00:00+00"] {
        s.at(now);
        let before =
            s.list("SELECT account, balance, allowance, credits, cycle_end FROM credits_accounts ORDER BY account");
        s.run("SELECT credits_maintain()");
        let after =
            s.list("SELECT account, balance, allowance, credits, cycle_end FROM credits_accounts ORDER BY account");
        assert_eq!(after, before, "at {now}");
        for account in s.list("SELECT account FROM credits_accounts WHERE available > 0") {
            s.row(&format!("SELECT * FROM credits_debit('{account}', 0.000001, '{now}')")).has(&[("accepted", "t")]);
        }
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_cycles WHERE account = 'small' AND closed_at IS NOT NULL"), "3");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// The allowances of plans lead a sum past 10^14, too. The account is read and used; what asks for more is refused until
/// there is room.
#[test]
fn sums_that_plans_make() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_define_plan('big', 50000000000000)");
    s.run("SELECT credits_open_account('a')");
    s.run("SELECT credits_subscribe('a', 'big', 's')");
    s.run("SELECT credits_debit('a', 50000000000000, 'all')");
    s.run("SELECT credits_grant('a', 90000000000000, 'g')");
    s.at("2026-02-01 00:00+00");
    let balance = "SELECT trim_scale(balance), trim_scale(available) FROM credits_balance('a')";
    assert_eq!(s.list(balance), ["140000000000000|140000000000000"]);
    assert_eq!(s.error("SELECT credits_grant('a', 1, 'more')").code, "LC004");
    s.run("SELECT credits_maintain()");
    assert_eq!(s.list(balance), ["140000000000000|140000000000000"]);
    assert_eq!(s.list("SELECT trim_scale(balance) FROM credits_accounts"), ["140000000000000"]);
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    assert_eq!(s.error("SELECT credits_grant('a', 1, 'more')").code, "LC004");
    s.row("SELECT * FROM credits_debit('a', 60000000000000, 'd1')").has(&[
        ("from_allowance", "50000000000000"),
        ("from_credits", "10000000000000"),
        ("balance", "80000000000000"),
    ]);
    s.row("SELECT * FROM credits_grant('a', 1, 'more')").has(&[("balance", "80000000000001")]);
    // No cycle uses more either.
    assert_eq!(s.error("SELECT credits_debit('a', 40000000000000, 'd2')").code, "LC004");
    s.row("SELECT * FROM credits_debit('a', 39000000000000, 'd3')").has(&[("balance", "41000000000001")]);
    s.at("2026-03-01 00:00+00");
    s.row("SELECT * FROM credits_debit('a', 40000000000000, 'd4')").has(&[("balance", "51000000000001")]);
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Plans at boundaries that nobody recorded: pending changes, seats and endings take effect, included units begin anew,
/// packages go on, definitions and scheduled rates count from their instant, trials end.
#[test]
fn plans_in_cycles_that_nobody_recorded() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_define_plan('team', 10, per_seat => true, seat_cap => 8, rollover_percent => 50, rollover_cycles => 2)");
    s.run("SELECT credits_define_plan('big', 300, rank => 2), credits_define_plan('small', 100, rank => 1)");
    s.run("SELECT credits_define_plan('try', 20, trial => true, trial_period => '40 days')");
    s.run("SELECT credits_include('big', 'search', 40), credits_include('small', 'search', 15)");
    s.run("SELECT credits_define_rate('search', 2), credits_define_rate('run', 3, 100, 'package')");
    s.run("SELECT credits_define_rate('search', 5, effective_at => '2026-03-10 00:00+00')");
    for account in ["seats", "down", "end", "trial"] {
        s.run(&format!("SELECT credits_open_account('{account}')"));
    }
    s.run("SELECT credits_subscribe('seats', 'team', 's', 12), credits_set_seats('seats', 'team', 3, 'n')");
    s.run("SELECT credits_debit('seats', 60, 'd')");
    s.run("SELECT credits_subscribe('down', 'big', 's'), credits_change_plan('down', 'big', 'small', 'c')");
    s.run("SELECT credits_charge('down', 'search', 40, 'c1'), credits_charge('down', 'run', 30, 'c2')");
    s.run("SELECT credits_subscribe('end', 'small', 's'), credits_unsubscribe('end', 'small', 'u')");
    s.run("SELECT credits_grant('end', 7, 'g')");
    s.run("SELECT credits_subscribe('trial', 'try', 's'), credits_debit('trial', 5, 'd')");
    // A definition of February counts from March on.
    s.at("2026-02-15 00:00+00");
    s.run("SELECT credits_define_plan('small', 150, rank => 1), credits_define_plan('team', 9, per_seat => true, seat_cap => 8)");
    let recorded = entries(&mut s);

    for (now, expected, quotes) in [
        (
            "2026-01-31 23:59:59.999999+00",
            ["down|297|0|297|300|3", "end|100|7|107|100|0", "seats|20|0|20|80|60", "trial|0|15|15|0|5"],
            ["down|10|0|3", "end|0|3|3"],
        ),
        (
            // 8 of 12 seats count, 20 of 80 are left, half of that rolls over; three seats from now on
            "2026-02-01 00:00+00",
            ["down|100|0|100|100|0", "end|0|7|7|0|0", "seats|40|0|40|30|0", "trial|0|15|15|0|0"],
            ["down|0|0|3", "end|10|3|3"],
        ),
        (
            // 9 for each seat; by the definition of now nothing of February's 30 rolls over, January's 10 still live
            "2026-03-01 00:00+00",
            ["down|150|0|150|150|0", "end|0|7|7|0|0", "seats|37|0|37|27|0", "trial|0|0|0|0|0"],
            ["down|0|0|3", "end|10|3|3"],
        ),
        (
            "2026-03-10 00:00+00",
            ["down|150|0|150|150|0", "end|0|7|7|0|0", "seats|37|0|37|27|0", "trial|0|0|0|0|0"],
            ["down|0|0|3", "end|25|3|3"],
        ),
    ] {
        s.at(now);
        s.run("BEGIN TRANSACTION READ ONLY");
        let said = s.list(
            "SELECT account, trim_scale(allowance), trim_scale(credits), trim_scale(available), trim_scale(allowance_granted),
                    trim_scale(used) FROM credits_accounts ORDER BY account",
        );
        assert_eq!(said, expected, "at {now}");
        assert_eq!(
            s.list(
                "SELECT account, trim_scale(credits_quote(account, 'search', 5)), trim_scale(credits_quote(account, 'run', 70)),
                        trim_scale(credits_quote(account, 'run', 71))
                 FROM unnest('{down,end}'::text[]) account"
            ),
            quotes,
            "at {now}"
        );
        s.run("COMMIT");
        assert_eq!(entries(&mut s), recorded, "at {now}");
    }
}

/// What comes first after missed time: what is done before, who comes, how many entries time makes in each hour and the
/// caller in the end, and the balance then. Each hour brings 10, of a plan more; what is left of the hour before expires.
const FIRST_COMERS: [(&str, &str, u32, u32, &str); 19] = [
    ("", "credits_debit({a}, 1, 'k')", 2, 1, "9"),
    ("", "credits_debit({a}, 99, 'k', on_insufficient => 'partial')", 2, 1, "0"),
    ("", "credits_debit({a}, 99, 'k', on_insufficient => 'allow')", 2, 1, "-89"),
    ("", "credits_charge({a}, 'chat', 2, 'k')", 2, 1, "5"),
    ("", "credits_grant({a}, 5, 'k')", 2, 1, "15"),
    ("", "credits_grant_many(ARRAY[{a}, {a}], ARRAY[1, 2], ARRAY['k', 'l'])", 2, 2, "13"),
    ("", "credits_debit_many(ARRAY[{a}], ARRAY[3], ARRAY['k'])", 2, 1, "7"),
    ("", "credits_debit_many(ARRAY[{a}, {a}], ARRAY[3, 1], ARRAY['k', 'l'])", 2, 2, "6"),
    ("", "credits_configure_account({a}, overdraft_limit => 7)", 2, 1, "10"),
    ("", "credits_reset_cycle({a}, 'k')", 2, 1, "10"),
    ("", "credits_set_budget({a}, 5)", 2, 1, "10"),
    ("", "credits_set_feature({a}, 'chat', false)", 2, 1, "10"),
    ("credits_freeze_account({a}, 'why')", "credits_unfreeze_account({a})", 2, 1, "10"),
    ("credits_debit({a}, 1, 'd', actor => 'ann')", "credits_redact({a}, 3)", 2, 1, "10"),
    ("", "credits_subscribe({a}, 'team', 'k', 2)", 2, 1, "50"),
    ("credits_subscribe({a}, 'team', 's')", "credits_debit({a}, 1, 'k')", 4, 1, "29"),
    ("credits_subscribe({a}, 'team', 's')", "credits_set_seats({a}, 'team', 3, 'k')", 4, 1, "70"),
    ("credits_subscribe({a}, 'team', 's')", "credits_change_plan({a}, 'team', 'more', 'k')", 4, 1, "130"),
    ("credits_subscribe({a}, 'team', 's')", "credits_unsubscribe({a}, 'team', 'k')", 4, 1, "30"),
];

/// However much time was missed, it is recorded in full and in order before the first who comes, and the account goes
/// on from there. It is recorded a thousand instants at a time: none may be left over, and none be too many.
fn after_missed_hours(hours: u32) {
    let db = Server::shared().database();
    let mut s = utc(&db);
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_define_plan('team', 20, per_seat => true), credits_define_plan('more', 100, rank => 1)");
    s.run("SELECT credits_define_rate('chat', 2.5)");
    let now = s.one(&format!("SELECT timestamptz '2026-01-01 00:30+00' + {hours} * interval '1 hour'"));
    for (number, (before, comes, by_time, by_caller, balance)) in FIRST_COMERS.into_iter().enumerate() {
        let name = format!("'a{number}'");
        let call = |s: &mut Session, call: &str| s.rows(&format!("SELECT * FROM {}", call.replace("{a}", &name)));
        let told = format!("{before} {comes} after {hours} hours");
        s.at("2026-01-01 00:00+00");
        s.run(&format!("SELECT credits_open_account({name}, 10, cycle_length => '1 hour')"));
        if !before.is_empty() {
            call(&mut s, before);
        }
        let known: u32 = s.one(&format!("SELECT entry FROM credits_balance({name})")).parse().expect("a number");

        s.at(&now);
        call(&mut s, comes);
        let entries = known + by_time * hours + by_caller;
        let shown = format!("SELECT entry, cycle, trim_scale(balance) FROM credits_balance({name})");
        assert_eq!(s.list(&shown), [format!("{entries}|{}|{balance}", hours + 1)], "{told}");
        // The next ones find what the first left.
        let credits = s.row(&format!("SELECT * FROM credits_grant({name}, 1000, 'next')"));
        credits.has(&[("entry", &(entries + 1).to_string()), ("from_allowance", "0")]);
        let debit = s.row(&format!("SELECT * FROM credits_debit({name}, 1, 'and the next')"));
        debit.has(&[("entry", &(entries + 2).to_string()), ("amount", "1")]);
        let left = s.one(&format!("SELECT trim_scale({balance} + 1000 - 1)"));
        debit.has(&[("balance", &left)]);
        assert_eq!(s.list(&shown), [format!("{}|{}|{left}", entries + 2, hours + 1)], "{told}");
        assert_eq!(
            s.list(&format!(
                "SELECT count(*), count(DISTINCT entry), max(entry) FROM credits_history WHERE account = {name}"
            )),
            [format!("{0}|{0}|{0}", entries + 2)],
            "{told}"
        );
    }
    s.run("SELECT credits_maintain()");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn one_instant_less_than_a_thousand() {
    after_missed_hours(999);
}

#[test]
fn a_thousand_instants() {
    after_missed_hours(1000);
}

#[test]
fn one_instant_more_than_a_thousand() {
    after_missed_hours(1001);
}

#[test]
fn two_thousand_instants() {
    after_missed_hours(2000);
}

/// It is the instants that count, whatever happens in them: here each takes a lot of its own.
#[test]
fn a_thousand_lots_that_expire_one_by_one() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    for lots in [999, 1000, 1001] {
        s.at("2026-01-01 00:00+00");
        s.run(&format!("SELECT credits_open_account('a{lots}', cycle_length => '0')"));
        s.run(&format!("SELECT credits_grant('a{lots}', 5, 'stays')"));
        s.run(&format!(
            "SELECT count(*) FROM generate_series(1, {lots}) n,
                 credits_grant('a{lots}', 1, 'lot ' || n, expires_at => timestamptz '2026-01-01' + n * interval '1 minute')"
        ));
        s.at("2026-01-02 00:00+00");
        for (key, balance) in [("d1", "4"), ("d2", "3")] {
            s.row(&format!("SELECT * FROM credits_debit('a{lots}', 1, '{key}')")).has(&[("balance", balance)]);
            assert_eq!(
                s.one(&format!("SELECT trim_scale(balance) FROM credits_balance('a{lots}')")),
                balance,
                "{lots}"
            );
        }
        assert_eq!(
            s.list(&format!(
                "SELECT operation, count(*), trim_scale(sum(amount)) FROM credits_history WHERE account = 'a{lots}'
                 GROUP BY 1 ORDER BY 1"
            )),
            [
                "debit|2|-2".to_owned(),
                format!("expire|{lots}|-{lots}"),
                format!("grant|{}|{}", lots + 1, lots + 5),
                "open|1|0".to_owned()
            ]
        );
    }
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Closing is for good: what was missed is recorded first, the rest expires, and nobody comes after it.
#[test]
fn an_account_closed_after_a_thousand_instants() {
    let db = Server::shared().database();
    let mut s = utc(&db);
    for hours in [1000, 1001] {
        s.at("2026-01-01 00:00+00");
        s.run(&format!("SELECT credits_open_account('a{hours}', 10, cycle_length => '1 hour')"));
        let now = s.one(&format!("SELECT timestamptz '2026-01-01 00:30+00' + {hours} * interval '1 hour'"));
        s.at(&now);
        s.row(&format!("SELECT * FROM credits_close_account('a{hours}', 'left')"))
            .has(&[("status", "closed"), ("balance", "0")]);
        assert_eq!(s.error(&format!("SELECT credits_debit('a{hours}', 1, 'd')")).code, "LC011");
        assert_eq!(
            s.list(&format!(
                "SELECT operation, count(*), trim_scale(sum(amount)) FROM credits_history WHERE account = 'a{hours}'
                 GROUP BY 1 ORDER BY 1"
            )),
            [
                format!("allowance|{}|{}", hours + 1, 10 * (hours + 1)),
                "close|1|0".to_owned(),
                format!("expire|{}|-{}", hours + 1, 10 * (hours + 1)),
                "open|1|0".to_owned()
            ]
        );
    }
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}
