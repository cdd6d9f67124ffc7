//! `credits_balance_at` answers what `credits_balance` would have said at that instant; for a future instant, what it
//! will say if nothing more happens.

use credits_ledger_tests::{Server, Session};

/// All of a balance but `entry`, which on a read is the newest recorded number.
const COLUMNS: &str = "account, status, balance, allowance, credits, held, debt, available, allowance_granted, used, \
                       overdraft_limit, cycle, cycle_start, coalesce(cycle_end::text, 'never'), as_of";

fn balance(s: &mut Session, account: &str) -> String {
    s.list(&format!("SELECT {COLUMNS} FROM credits_balance('{account}')")).remove(0)
}

fn balance_at(s: &mut Session, account: &str, at: &str) -> String {
    s.list(&format!("SELECT {COLUMNS} FROM credits_balance_at('{account}', '{at}')")).remove(0)
}

/// What happened, and what the balance said in between: `run` does something at an instant, `look` remembers what
/// a read says. Afterwards everything remembered must be what `credits_balance_at` answers.
struct Witness {
    s: Session,
    said: Vec<(String, String, String)>,
}

impl Witness {
    fn new(db: &credits_ledger_tests::Database) -> Self {
        let mut s = db.session();
        s.run("SET TimeZone = 'UTC'");
        Self { s, said: Vec::new() }
    }

    fn look(&mut self, account: &str, at: &str) {
        self.s.at(at);
        let said = balance(&mut self.s, account);
        self.said.push((account.to_owned(), at.to_owned(), said));
    }

    fn run(&mut self, at: &str, sql: &str) {
        self.s.at(at);
        self.s.run(&format!("SELECT {sql}"));
    }

    fn confirm(&mut self) {
        for (account, at, said) in &self.said {
            assert_eq!(&balance_at(&mut self.s, account, at), said, "{account} at {at}");
        }
    }
}

/// One busy quarter, told step by step: at each step what a read says just before, at and between the transitions
/// that are recorded only later. A second account lives through the same with maintenance at every step.
#[test]
fn a_busy_quarter() {
    let db = Server::shared().database();
    let mut w = Witness::new(&db);
    for account in ["late", "prompt"] {
        let a = account;
        w.run(
            "2026-01-01 00:00+00",
            &format!(
                "credits_open_account('{a}', 100, rollover_percent => 50, rollover_max => 40, overdraft_limit => 20)"
            ),
        );
        w.run(
            "2026-01-02 00:00+00",
            &format!("credits_grant('{a}', 30, 'g1', 'promo', expires_at => '2026-01-20 00:00+00')"),
        );
        w.run(
            "2026-01-02 00:00+00",
            &format!(
                "credits_grant('{a}', 25, 'g2', effective_at => '2026-01-10 08:00+00', expires_after_cycles => 2)"
            ),
        );
        w.run("2026-01-02 00:00+00", &format!("credits_grant('{a}', 10, 'g3', 'bonus', features => '{{chat}}')"));
        w.look(a, "2026-01-02 00:00+00");
        for at in [
            "2026-01-05 00:00+00",
            "2026-01-10 07:59:59.999999+00",
            "2026-01-10 08:00+00",
            "2026-01-19 23:59:59.999999+00",
            "2026-01-20 00:00+00",
            "2026-01-31 23:59:59.999999+00",
            "2026-02-01 00:00+00",
            "2026-02-01 00:00:00.000001+00",
        ] {
            if a == "prompt" {
                w.run(at, "credits_maintain()");
            }
            w.look(a, at);
        }
        w.run("2026-02-03 09:00+00", &format!("credits_debit('{a}', 150, 'd1', 'chat')"));
        w.look(a, "2026-02-03 09:00+00");
        w.run("2026-02-10 00:00+00", &format!("credits_freeze_account('{a}', 'unpaid')"));
        w.look(a, "2026-02-10 00:00+00");
        w.look(a, "2026-02-15 00:00+00");
        w.run("2026-02-20 00:00+00", &format!("credits_unfreeze_account('{a}')"));
        w.look(a, "2026-02-20 00:00+00");
        w.run("2026-02-21 00:00+00", &format!("credits_debit('{a}', 70, 'd2', on_insufficient => 'allow')"));
        w.look(a, "2026-02-21 00:00+00");
        w.run(
            "2026-02-22 00:00+00",
            &format!(
                "credits_configure_account('{a}', allowance => 60, overdraft_limit => 500, cycle_length => '10 days')"
            ),
        );
        w.look(a, "2026-02-22 00:00+00");
        for at in ["2026-02-28 23:59:59.999999+00", "2026-03-01 00:00+00", "2026-03-02 00:00+00", "2026-03-15 00:00+00"]
        {
            if a == "prompt" {
                w.run(at, "credits_maintain()");
            }
            w.look(a, at);
        }
        w.run("2026-03-16 01:00+00", &format!("credits_reset_cycle('{a}', 'evt', '2026-03-16 00:00+00')"));
        w.look(a, "2026-03-16 01:00+00");
        w.run("2026-03-17 00:00+00", &format!("credits_grant('{a}', 500, 'g4')"));
        w.look(a, "2026-03-17 00:00+00");
        w.look(a, "2026-03-26 00:00+00");
        w.run("2026-03-30 00:00+00", &format!("credits_close_account('{a}', 'left')"));
        w.look(a, "2026-03-30 00:00+00");
        w.look(a, "2027-03-30 00:00+00");
        w.s.run("RESET credits_ledger.now");
    }
    w.confirm();
    assert_eq!(w.said.len(), 2 * 24);

    // The figures of some of these instants, so that both functions cannot be wrong together.
    let at = |w: &mut Witness, at: &str| {
        w.s.list(&format!(
            "SELECT status, allowance, credits, debt, available, allowance_granted, used, overdraft_limit FROM credits_balance_at('late', '{at}')"
        ))
        .remove(0)
    };
    assert_eq!(at(&mut w, "2026-01-02 00:00+00"), "open|100|40|0|130|100|0|20");
    assert_eq!(at(&mut w, "2026-01-10 08:00+00"), "open|100|65|0|155|100|0|20");
    assert_eq!(at(&mut w, "2026-01-20 00:00+00"), "open|100|35|0|125|100|0|20");
    assert_eq!(at(&mut w, "2026-02-01 00:00+00"), "open|140|35|0|165|100|0|20");
    assert_eq!(at(&mut w, "2026-02-03 08:59:59.999999+00"), "open|140|35|0|165|100|0|20");
    // 150 for chat: 40 rolled over, 100 of the allowance, 10 of the bonus lot.
    assert_eq!(at(&mut w, "2026-02-03 09:00+00"), "open|0|25|0|25|100|150|20");
    assert_eq!(at(&mut w, "2026-02-15 00:00+00"), "frozen|0|25|0|25|100|150|20");
    assert_eq!(at(&mut w, "2026-02-21 00:00+00"), "open|0|0|45|0|100|220|20");
    assert_eq!(at(&mut w, "2026-02-22 00:00+00"), "open|0|0|45|0|100|220|500");
    assert_eq!(at(&mut w, "2026-03-01 00:00+00"), "open|15|0|0|15|60|0|500");
    assert_eq!(at(&mut w, "2026-03-30 00:00+00").split('|').take(4).collect::<Vec<_>>(), ["closed", "0", "0", "0"]);
}

/// A repeatable generator: the same histories on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % sides
    }
}

/// Random histories: each step moves the clock, looks, perhaps does something, and looks again.
#[test]
fn random_histories() {
    for seed in 1..=8 {
        let db = Server::shared().database();
        let mut w = Witness::new(&db);
        let mut dice = Dice(seed);
        let policy = ["repay", "forgive_at_reset", "invoice_at_reset"][dice.roll(3) as usize];
        let length = ["1 month", "7 days", "1 day", "0"][dice.roll(4) as usize];
        let zone = ["UTC", "America/New_York", "Asia/Kolkata"][dice.roll(3) as usize];
        w.run(
            "2026-02-20 00:00+00",
            &format!(
                "credits_open_account('a', {}, '{length}', NULL, '{zone}', {}, {}, 15, '{policy}')",
                [0, 20][dice.roll(2) as usize],
                dice.roll(5) * 25,
                ["NULL", "7.5"][dice.roll(2) as usize]
            ),
        );
        let mut hours = 0;
        for step in 0..80 {
            hours += [0, 1, 7, 24, 50][dice.roll(5) as usize];
            let at = w.s.one(&format!("SELECT timestamptz '2026-02-20 00:00+00' + {hours} * interval '1 hour'"));
            let later = |days: u64| format!("timestamptz '{at}' + interval '{days} days'");
            let action = match dice.roll(12) {
                0..=4 => format!(
                    "credits_debit('a', {}.25, 'k{step}', {}, on_insufficient => '{}')",
                    1 + dice.roll(25),
                    ["NULL", "'chat'"][dice.roll(2) as usize],
                    ["refuse", "partial", "allow"][dice.roll(3) as usize]
                ),
                5 => format!("credits_grant('a', {}, 'k{step}')", 1 + dice.roll(30)),
                6 => format!(
                    "credits_grant('a', {}, 'k{step}', 'promo', expires_at => {})",
                    1 + dice.roll(30),
                    later(1 + dice.roll(9))
                ),
                7 => format!(
                    "credits_grant('a', {}, 'k{step}', 'bonus', effective_at => {}, expires_after_cycles => {}, features => {})",
                    1 + dice.roll(30),
                    later(dice.roll(9)),
                    1 + dice.roll(3),
                    ["NULL", "'{chat}'"][dice.roll(2) as usize]
                ),
                8 => format!(
                    "credits_reset_cycle('a', 'k{step}', timestamptz '{at}' - interval '{} hours')",
                    dice.roll(30)
                ),
                9 => format!(
                    "credits_configure_account('a', allowance => {}, overdraft_limit => {})",
                    dice.roll(3) * 15,
                    dice.roll(20)
                ),
                10 => "credits_maintain()".to_owned(),
                _ => format!(
                    "credits_configure_account('a', debt_policy => '{}', rollover_percent => {})",
                    ["repay", "forgive_at_reset", "invoice_at_reset"][dice.roll(3) as usize],
                    dice.roll(5) * 25
                ),
            };
            w.run(&at, &action);
            // Nothing else happens at this instant only if the next step is later: look in between.
            let between = w.s.one(&format!("SELECT timestamptz '{at}' + interval '20 minutes'"));
            w.look("a", &between);
            hours += 1;
        }
        w.confirm();
        // And once everything is recorded.
        w.s.run("SELECT credits_maintain()");
        w.confirm();
        assert_eq!(w.s.list("SELECT * FROM credits_verify()"), Vec::<String>::new(), "seed {seed}");
    }
}

/// For the future: what will be if nothing more happens.
#[test]
fn the_future() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-31 12:00+00");
    s.run("SELECT credits_open_account('a', 100, rollover_percent => 25, overdraft_limit => 50, time_zone => 'America/New_York')");
    s.run("SELECT credits_grant('a', 30, 'g1', 'promo', expires_at => '2026-03-05 00:00+00')");
    s.run("SELECT credits_grant('a', 40, 'g2', effective_at => '2026-04-01 00:00+00', expires_in => '1 month')");
    s.run("SELECT credits_grant('a', 50, 'g3', 'bonus', expires_after_cycles => 3)");
    s.run("SELECT credits_debit('a', 60, 'd')");
    let instants = [
        "2026-02-01 00:00+00",
        "2026-02-28 11:59:59.999999+00",
        "2026-02-28 12:00+00",
        "2026-03-04 23:59:59.999999+00",
        "2026-03-05 00:00+00",
        "2026-03-31 10:59:59.999999+00",
        "2026-03-31 11:00+00",
        "2026-04-01 00:00+00",
        "2026-05-01 00:00+00",
        "2027-01-31 12:00+00",
    ];
    let foreseen: Vec<String> = instants.iter().map(|at| balance_at(&mut s, "a", at)).collect();
    let recorded = s.one("SELECT count(*) FROM credits_history");
    for (n, at) in instants.iter().enumerate() {
        s.at(at);
        assert_eq!(balance(&mut s, "a"), foreseen[n], "at {at}");
        if n % 4 == 3 {
            s.run("SELECT credits_maintain()");
        }
    }
    assert_ne!(s.one("SELECT count(*) FROM credits_history"), recorded);
    // Lengths are added in New York's time: 07:00 there is 12:00 UTC in February and 11:00 after 8 March.
    let figures = |s: &mut Session, at: &str| {
        s.list(&format!("SELECT allowance, credits, cycle_start FROM credits_balance_at('a', '{at}')")).remove(0)
    };
    assert_eq!(figures(&mut s, "2026-02-28 12:00+00"), "110|80|2026-02-28 12:00:00+00");
    assert_eq!(figures(&mut s, "2026-03-31 11:00+00"), "125|50|2026-03-31 11:00:00+00");
    assert_eq!(figures(&mut s, "2026-04-30 10:59:59+00"), "125|90|2026-03-31 11:00:00+00");
    assert_eq!(figures(&mut s, "2026-04-30 11:00+00"), "125|40|2026-04-30 11:00:00+00");
    assert_eq!(figures(&mut s, "2026-05-01 00:00+00"), "125|0|2026-04-30 11:00:00+00");
}

/// Now is neither past nor future: both functions agree.
#[test]
fn now() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 100)");
    s.run("SELECT credits_debit('a', 30, 'd1')");
    s.at("2026-02-01 00:00+00");
    assert_eq!(balance_at(&mut s, "a", "2026-02-01 00:00+00"), balance(&mut s, "a"));
    s.run("SELECT credits_debit('a', 20, 'd2')");
    s.run("SELECT credits_debit('a', 10, 'd3')");
    assert_eq!(balance_at(&mut s, "a", "2026-02-01 00:00+00"), balance(&mut s, "a"));
    assert_eq!(s.one("SELECT allowance FROM credits_balance_at('a', '2026-02-01 00:00+00')"), "70");
    assert_eq!(s.one("SELECT allowance FROM credits_balance_at('a', '2026-01-31 23:59:59.999999+00')"), "70");
    assert_eq!(s.one("SELECT used FROM credits_balance_at('a', '2026-01-31 23:59:59.999999+00')"), "30");
}

#[test]
fn instants_that_cannot_be() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_open_account('a', 100, anchor => '2026-01-01 00:00+00')");
    s.row("SELECT * FROM credits_balance_at('a', '2026-01-10 00:00+00')").has(&[
        ("allowance", "100"),
        ("cycle_start", "2026-01-01 00:00:00+00"),
        ("as_of", "2026-01-10 00:00:00+00"),
    ]);
    for at in ["'2026-01-09 23:59:59.999999+00'", "'2026-01-01 00:00+00'", "'-infinity'", "'infinity'", "NULL"] {
        assert_eq!(s.error(&format!("SELECT credits_balance_at('a', {at})")).code, "LC005", "{at}");
    }
    assert_eq!(s.error("SELECT credits_balance_at('nobody', '2026-01-10 00:00+00')").code, "LC002");
    assert_eq!(s.error("SELECT credits_balance_at(NULL, '2026-01-10 00:00+00')").code, "LC005");
}

/// Asking writes nothing, and asking about any instant works in a read-only transaction.
#[test]
fn asking_writes_nothing() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 100, '1 day')");
    s.run("SELECT credits_debit('a', 30, 'd')");
    s.at("2026-01-20 00:00+00");
    s.run("BEGIN TRANSACTION READ ONLY");
    assert_eq!(
        s.list(
            "SELECT allowance, used FROM unnest('{2026-01-01 00:00+00, 2026-01-02 00:00+00, 2026-01-20 00:00+00, 2026-02-20 00:00+00}'::timestamptz[])
                    WITH ORDINALITY AS asked (at, n), credits_balance_at('a', at) ORDER BY n"
        ),
        ["70|30", "100|0", "100|0", "100|0"]
    );
    s.run("COMMIT");
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), "3");
}

/// The most memory that a backend has had, in megabytes.
fn peak_memory(s: &Session) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", s.backend_pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Time far ahead takes time, not memory, and ends when it is told to.
#[test]
fn far_ahead() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 10, '1 hour', rollover_percent => 50)");
    s.run("SELECT credits_open_account('fast', 10, '1 second')");
    s.run("SELECT credits_balance_at('a', '2026-02-01 00:00+00')");
    let before = peak_memory(&s);
    // 10,957 days of 24 cycles each.
    s.row("SELECT *, cycle - 1 AS closed FROM credits_balance_at('a', '2056-01-01 00:00+00')").has(&[
        ("allowance", "15"),
        ("closed", "262968"),
        ("cycle_start", "2056-01-01 00:00:00+00"),
    ]);
    let grown = peak_memory(&s) - before;
    assert!(grown < 40, "a quarter of a million cycles took {grown} MB");

    s.run("SET statement_timeout = '300ms'");
    for ahead in ["2026-03-01 00:00+00", "20000-01-01 00:00+00"] {
        let started = std::time::Instant::now();
        let answer = s.try_run(&format!("SELECT credits_balance_at('fast', '{ahead}')"));
        assert!(answer.map_or_else(|error| error.code == "57014", |_| true), "{ahead}");
        assert!(started.elapsed().as_secs() < 5, "{ahead}: {:?}", started.elapsed());
    }
    let grown = peak_memory(&s) - before;
    assert!(grown < 100, "reads that were cancelled took {grown} MB");
    s.run("SET statement_timeout = 0");
    assert_eq!(s.one("SELECT allowance FROM credits_balance_at('fast', '2026-01-01 00:10+00')"), "10");
}

/// An account that a grant opened takes its settings later: before, it was an account with the defaults.
#[test]
fn opened_by_a_grant() {
    let db = Server::shared().database();
    let mut w = Witness::new(&db);
    w.run("2026-01-01 00:00+00", "credits_grant('a', 40, 'g', expires_at => '2026-01-25 00:00+00')");
    w.look("a", "2026-01-01 00:00+00");
    w.run("2026-01-02 00:00+00", "credits_debit('a', 45, 'd1', on_insufficient => 'allow')");
    w.look("a", "2026-01-02 00:00+00");
    w.look("a", "2026-01-05 23:59:59.999999+00");
    w.run(
        "2026-01-06 00:00+00",
        "credits_open_account('a', 100, rollover_percent => 50, overdraft_limit => 7, debt_policy => 'forgive_at_reset')",
    );
    for at in ["2026-01-06 00:00+00", "2026-01-31 23:59:59.999999+00", "2026-02-01 00:00+00", "2026-03-03 00:00+00"] {
        w.look("a", at);
    }
    w.confirm();
    w.s.run("SELECT credits_maintain()");
    w.confirm();
    let figures = |w: &mut Witness, at: &str| {
        w.s.list(&format!("SELECT allowance, credits, debt, allowance_granted, used, overdraft_limit FROM credits_balance_at('a', '{at}')"))
            .remove(0)
    };
    assert_eq!(figures(&mut w, "2026-01-05 00:00+00"), "0|0|5|0|45|0");
    assert_eq!(figures(&mut w, "2026-02-01 00:00+00").split('|').skip(2).collect::<Vec<_>>(), ["0", "100", "0", "7"]);
}

/// Without an allowance a cycle ends and no entry tells of it: the past has its cycles all the same.
#[test]
fn cycles_that_wrote_no_entry() {
    let db = Server::shared().database();
    let mut w = Witness::new(&db);
    w.run("2026-02-10 00:00+00", "credits_open_account('a', 0, '1 day')");
    w.run("2026-02-10 00:00+00", "credits_grant('a', 50, 'g')");
    w.run("2026-02-10 06:00+00", "credits_debit('a', 5, 'd1')");
    for at in ["2026-02-10 12:00+00", "2026-02-10 23:59:59.999999+00", "2026-02-11 00:00+00", "2026-02-11 12:00+00"] {
        w.look("a", at);
    }
    w.run("2026-02-12 12:00+00", "credits_maintain()");
    w.look("a", "2026-02-12 12:00+00");
    w.confirm();
    w.look("a", "2026-02-14 00:00+00");
    w.run("2026-02-15 06:00+00", "credits_debit('a', 7, 'd2')");
    w.look("a", "2026-02-15 06:00+00");
    w.run("2026-02-18 06:00+00", "credits_maintain()");
    w.look("a", "2026-02-19 06:00+00");
    w.confirm();
    assert_eq!(
        w.s.list(
            "SELECT cycle_start, used, credits FROM credits_balance_at('a', '2026-02-10 12:00+00')
             UNION ALL SELECT cycle_start, used, credits FROM credits_balance_at('a', '2026-02-11 12:00+00')
             UNION ALL SELECT cycle_start, used, credits FROM credits_balance_at('a', '2026-02-15 12:00+00')"
        ),
        ["2026-02-10 00:00:00+00|5|45", "2026-02-11 00:00:00+00|0|45", "2026-02-15 00:00:00+00|7|38"]
    );
}
