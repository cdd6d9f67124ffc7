//! examples/recharge_worker against a stateful stand-in for Stripe's API: whatever dies whenever, a customer pays once.

#[path = "recharge_worker/service.rs"]
mod service;

use credits_ledger_tests::{Database, Server, Session};
use service::{Environment, SECRET, Service, Stripe, until};

const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000341";
const WANTS_AUTHENTICATION: &str = "4000002500003155";
const SLOW: &str = "000123456789";

/// A ledger with packs of 100 credits for 10 USD, its worker's role, and a stand-in.
struct Setting {
    db: Database,
    s: Session,
    stripe: Stripe,
    role: String,
}

fn setting() -> Setting {
    on(Server::shared())
}

fn on(server: &Server) -> Setting {
    let db = server.database();
    let mut s = db.session();
    let role = db.role("worker");
    s.run(&format!("SELECT credits_allow('{role}', 'billing')"));
    s.run("SELECT credits_define_pack('top-up', 100, 10, 'USD')");
    Setting { db, s, stripe: Stripe::start(), role }
}

impl Setting {
    fn environment(&self) -> Environment {
        self.environment_on(Server::shared())
    }

    fn environment_on(&self, server: &Server) -> Environment {
        Environment::new(server, &self.db, &self.role, &self.stripe)
    }

    /// An account with 60 credits, recharged below 50.
    fn account(&mut self, name: &str, card: &str) {
        let method = self.stripe.card(card);
        self.s.run(&format!("SELECT credits_grant('{name}', 60, 'start')"));
        self.s.run(&format!("SELECT credits_set_auto_recharge('{name}', 50, 'top-up', payment_method => '{method}')"));
    }

    /// Takes it to 40, which asks for a recharge.
    fn spend(&mut self, name: &str) {
        self.s.row(&format!("SELECT * FROM credits_debit('{name}', 20, 'd')")).has(&[("balance", "40")]);
    }

    fn status(&mut self, name: &str) -> String {
        self.s.one(&format!("SELECT status FROM credits_recharges WHERE account = '{name}'"))
    }

    #[track_caller]
    fn until_completed(&mut self, name: &str) {
        until("the recharge is completed", || self.status(name) == "completed");
    }

    /// One payment, by one key, and its credits.
    #[track_caller]
    fn paid_once(&mut self, name: &str) {
        let payments = self.stripe.payments();
        let [payment] = &payments[..] else { panic!("one payment: {payments:?}") };
        assert_eq!((payment.status.as_str(), payment.amount.as_str()), ("succeeded", "1000 usd"));
        self.s.row(&format!("SELECT * FROM credits_recharges WHERE account = '{name}'")).has(&[
            ("status", "completed"),
            ("quantity", "1"),
            ("credits", "100"),
            ("price", "10"),
            ("currency", "USD"),
            ("payment_ref", &payment.id),
        ]);
        self.s
            .row(&format!("SELECT * FROM credits_balance('{name}')"))
            .has(&[("balance", "140"), ("available", "140")]);
        let lots = format!(
            "SELECT amount, price, currency, payment_ref FROM credits_grants WHERE account = '{name}' AND price > 0"
        );
        self.s.row(&lots).has(&[("amount", "100"), ("price", "10"), ("currency", "USD"), ("payment_ref", &payment.id)]);
        self.is_sound();
    }

    #[track_caller]
    fn is_sound(&mut self) {
        assert_eq!(self.s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    }
}

#[test]
fn a_request_is_paid_and_credited() {
    let mut t = setting();
    t.account("acme", GOOD);
    assert_eq!(t.environment().work_once().matches("claimed").count(), 0, "nothing is asked for yet");
    t.spend("acme");
    let log = t.environment().work_once();
    t.paid_once("acme");
    for line in
        ["level=INFO claimed account=acme recharge=1 attempt=1 price=10", "credits=100", "balance=140 replayed=false"]
    {
        assert!(log.contains(line), "{line:?} is not in\n{log}");
    }
    assert!(!log.contains(SECRET), "{log}");
    // Nothing is left to do.
    t.environment().work_once();
    assert_eq!(t.stripe.attempts(), 1);
}

#[test]
fn several_packs_are_one_payment() {
    let mut t = setting();
    let method = t.stripe.card(GOOD);
    t.s.run("SELECT credits_grant('acme', 260, 'start')");
    t.s.run(&format!(
        "SELECT credits_set_auto_recharge('acme', 250, 'top-up', max_packs => 5, payment_method => '{method}')"
    ));
    t.s.run("SELECT credits_debit('acme', 220, 'd')");
    t.environment().work_once();
    // 40 are left: two packs make 240, three make 340.
    let payments = t.stripe.payments();
    assert_eq!(payments.iter().map(|payment| payment.amount.as_str()).collect::<Vec<_>>(), ["3000 usd"]);
    t.s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "340")]);
    t.is_sound();
}

#[test]
fn amounts_are_in_the_smallest_unit_of_the_currency() {
    let mut t = setting();
    for (pack, price, currency) in [("yen", "1500", "JPY"), ("dinar", "3.25", "KWD"), ("cents", "0.99", "EUR")] {
        let method = t.stripe.card(GOOD);
        t.s.run(&format!("SELECT credits_define_pack('{pack}', 100, {price}, '{currency}')"));
        t.s.run(&format!("SELECT credits_grant('{pack}', 60, 'start')"));
        t.s.run(&format!("SELECT credits_set_auto_recharge('{pack}', 50, '{pack}', payment_method => '{method}')"));
        t.spend(pack);
    }
    t.environment().work_once();
    let mut amounts: Vec<String> = t.stripe.payments().into_iter().map(|payment| payment.amount).collect();
    amounts.sort();
    assert_eq!(amounts, ["1500 jpy", "3250 kwd", "99 eur"]);
    // A price that no card can be charged exactly.
    let method = t.stripe.card(GOOD);
    t.s.run("SELECT credits_define_pack('odd', 100, 0.999, 'EUR'), credits_grant('odd', 60, 'start')");
    t.s.run(&format!("SELECT credits_set_auto_recharge('odd', 50, 'odd', payment_method => '{method}')"));
    t.spend("odd");
    t.environment().work_once();
    t.s.row("SELECT * FROM credits_recharges WHERE account = 'odd'")
        .has(&[("status", "failed"), ("last_error_code", "amount_not_chargeable")]);
    assert_eq!(t.stripe.attempts(), 3);
}

/// Three declines, 1 h and 6 h apart, each under a key of its own; the third ends it. A new card is another request.
#[test]
fn a_declined_card_is_tried_with_new_keys_until_recharging_is_suspended() {
    let mut t = setting();
    t.s.run(&format!("GRANT SET ON PARAMETER credits_ledger.now TO {}", t.role));
    t.s.at("2026-03-01 09:00+00");
    t.account("acme", DECLINED);
    t.spend("acme");
    let database = |t: &Setting, now: &str| {
        let (socket, port) = (Server::shared().socket_dir().display().to_string(), Server::shared().port());
        let options = format!("-c credits_ledger.now={}", now.replace(' ', "\\ "));
        let parts = format!("host={socket} port={port} dbname={} user={}", t.db.name, t.role);
        t.environment().with("DATABASE_URL", &format!("{parts} options='{}'", options.replace('\\', "\\\\")))
    };
    for (times, now, status) in [
        (1, "2026-03-01 09:00+00", "open"),
        (1, "2026-03-01 09:59+00", "open"),
        (2, "2026-03-01 10:00+00", "open"),
        (2, "2026-03-01 15:59+00", "open"),
        (3, "2026-03-01 16:00+00", "failed"),
        (3, "2026-03-09 00:00+00", "failed"),
    ] {
        let log = database(&t, now).work_once();
        let payments = t.stripe.payments();
        assert_eq!(payments.len(), times, "at {now}: {payments:?}\n{log}");
        assert_eq!(t.status("acme"), status, "at {now}\n{log}");
        assert!(payments.iter().all(|payment| payment.status == "requires_payment_method"), "{payments:?}");
    }
    let mut keys: Vec<String> = t.stripe.payments().into_iter().map(|payment| payment.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3, "a provider answers a key that it knows with the old decline: {keys:?}");
    t.s.row("SELECT * FROM credits_recharges").has(&[
        ("last_error_code", "generic_decline"),
        ("last_error", "Your card was declined."),
        ("payment_ref", "NULL"),
    ]);
    t.s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "40")]);

    t.s.at("2026-03-09 00:00+00");
    let method = t.stripe.card(GOOD);
    t.s.run(&format!("SELECT credits_set_auto_recharge('acme', 50, 'top-up', payment_method => '{method}')"));
    database(&t, "2026-03-09 00:01+00").work_once();
    t.s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "140")]);
    assert_eq!(t.stripe.payments().iter().filter(|payment| payment.status == "succeeded").count(), 1);
    t.is_sound();
}

#[test]
fn a_card_that_requires_authentication_waits_for_its_owner() {
    let mut t = setting();
    t.account("acme", WANTS_AUTHENTICATION);
    t.spend("acme");
    let log = t.environment().work_once();
    assert!(
        log.contains("failed account=acme recharge=1 attempt=1 code=authentication_required suspend=true"),
        "{log}"
    );
    t.s.row("SELECT * FROM credits_recharges")
        .has(&[("status", "failed"), ("last_error_code", "authentication_required")]);
    t.s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "40")]);
    // No further request until somebody resumes it.
    t.s.run("SELECT credits_debit('acme', 1, 'd2')");
    t.environment().work_once();
    assert_eq!(t.stripe.attempts(), 1);
    assert_eq!(t.s.one("SELECT count(*) FROM credits_recharges"), "1");
}

#[test]
fn a_payment_method_that_stripe_does_not_know_is_told_and_not_tried_again() {
    let mut t = setting();
    for (account, method, code) in
        [("gone", "cus_1/pm_gone", "resource_missing"), ("odd", "pm_alone", "payment_method_malformed")]
    {
        t.s.run(&format!("SELECT credits_grant('{account}', 60, 'start')"));
        t.s.run(&format!("SELECT credits_set_auto_recharge('{account}', 50, 'top-up', payment_method => '{method}')"));
        t.spend(account);
        t.environment().work_once();
        t.s.row(&format!("SELECT * FROM credits_recharges WHERE account = '{account}'")).has(&[
            ("status", "failed"),
            ("last_error_code", code),
            ("attempts", "1"),
        ]);
    }
    assert!(t.stripe.payments().is_empty());
}

/// Trouble with Stripe itself is no failure of the card: the claim comes back, with its key.
#[test]
fn an_outage_is_no_decline() {
    for fault in ["outage", "rate_limit"] {
        let mut t = setting();
        t.account("acme", GOOD);
        t.spend("acme");
        t.stripe.fault(fault, None);
        let service = t.environment().start();
        t.until_completed("acme");
        let log = service.stop();
        assert!(log.contains("unresolved account=acme recharge=1 attempt=1"), "{fault}: {log}");
        t.s.row("SELECT * FROM credits_recharges").has(&[("attempts", "2"), ("last_error_code", "NULL")]);
        t.paid_once("acme");
    }
}

#[test]
fn a_wrong_api_key_is_no_failure_of_the_customer() {
    let mut t = setting();
    t.account("acme", GOOD);
    t.spend("acme");
    let log = t.environment().with("STRIPE_API_KEY", "rk_wrong").work_once();
    assert!(log.contains("unresolved account=acme") && log.contains("AuthenticationError"), "{log}");
    assert_eq!(t.status("acme"), "claimed");
    let service = t.environment().start();
    t.until_completed("acme");
    service.stop();
    t.paid_once("acme");
}

/// A payment that the bank takes days to settle is asked for again, never made again.
#[test]
fn a_payment_in_processing_is_waited_for() {
    let mut t = setting();
    t.account("acme", SLOW);
    t.account("other", SLOW);
    t.spend("acme");
    let log = t.environment().work_once();
    assert!(log.contains("unresolved account=acme recharge=1 attempt=1"), "{log}");
    let service = t.environment().start();
    until("it was claimed again", || t.s.one("SELECT attempts >= 2 FROM credits_recharges") == "t");
    t.stripe.settle(&t.stripe.payments()[0].id, "succeeded");
    t.until_completed("acme");
    service.stop();
    t.paid_once("acme");

    t.spend("other");
    t.environment().work_once();
    t.stripe.settle(&t.stripe.payments()[1].id, "failed");
    let service = t.environment().start();
    let code = "SELECT coalesce(last_error_code, '') FROM credits_recharges WHERE account = 'other'";
    until("the failure is recorded", || t.s.one(code) == "payment_intent_payment_attempt_failed");
    service.stop();
    assert_eq!(t.stripe.payments().len(), 2);
    t.s.row("SELECT * FROM credits_balance('other')").has(&[("balance", "40")]);
}

/// Runs workers until the recharge is completed, and sees that one payment was made.
#[track_caller]
fn another_worker_finishes(t: &mut Setting) {
    let service = t.environment().start();
    t.until_completed("acme");
    service.stop();
    t.paid_once("acme");
}

#[test]
fn a_worker_that_dies_before_it_pays_has_paid_nothing() {
    let mut t = setting();
    t.account("acme", GOOD);
    let mut worker = t.environment().start();
    t.stripe.fault("kill_before", Some(&worker));
    t.spend("acme");
    worker.is_killed();
    assert!(t.stripe.payments().is_empty());
    assert_eq!(t.status("acme"), "claimed");
    another_worker_finishes(&mut t);
}

/// The crash that matters: the money is taken, and nobody has been told.
#[test]
fn a_worker_that_dies_between_paying_and_telling_makes_nobody_pay_twice() {
    let mut t = setting();
    t.account("acme", GOOD);
    let mut worker = t.environment().start();
    t.stripe.fault("kill_after", Some(&worker));
    t.spend("acme");
    worker.is_killed();
    assert_eq!(t.stripe.payments().len(), 1);
    assert_eq!(t.status("acme"), "claimed");
    t.s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "40")]);
    another_worker_finishes(&mut t);
}

#[test]
fn an_answer_that_is_lost_makes_nobody_pay_twice() {
    let mut t = setting();
    t.account("acme", GOOD);
    t.spend("acme");
    t.stripe.fault("lost_response", None);
    let log = t.environment().work_once();
    assert!(log.contains("unresolved account=acme recharge=1 attempt=1"), "{log}");
    another_worker_finishes(&mut t);
    assert_eq!(t.stripe.attempts(), 1, "the second worker found the payment");
    // The official library tries again by itself, with the key.
    let mut t = setting();
    t.account("acme", GOOD);
    t.spend("acme");
    t.stripe.fault("lost_response", None);
    t.environment().with("STRIPE_RETRIES", "2").with("RECHARGE_LEASE", "20").work_once();
    t.paid_once("acme");
    assert_eq!(t.stripe.attempts(), 2);
}

/// Statements of the worker that wait for a lock.
fn waiting(t: &mut Setting, statement: &str) -> Vec<String> {
    t.s.list(&format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'recharge_worker'
           AND wait_event_type = 'Lock' AND query LIKE '%{statement}%'",
        t.db.name
    ))
}

/// Kills the worker while the database is busy with a call of it, and what the database has of it.
#[track_caller]
fn kill_during(t: &mut Setting, worker: &mut Service, statement: &str) {
    until("the call waits", || waiting(t, statement).len() == 1);
    worker.kill();
    let pid = waiting(t, statement).remove(0);
    t.s.run(&format!("SELECT pg_terminate_backend({pid}, 10000)"));
}

#[test]
fn a_worker_that_dies_while_it_claims_leaves_the_request_to_others() {
    let mut t = setting();
    t.account("acme", GOOD);
    t.spend("acme");
    let mut other = t.db.session();
    other.run("BEGIN; LOCK TABLE credits_ledger.accounts IN ACCESS EXCLUSIVE MODE");
    let mut worker = t.environment().start();
    kill_during(&mut t, &mut worker, "credits_claim_recharges");
    other.run("ROLLBACK");
    assert_eq!(t.status("acme"), "open");
    another_worker_finishes(&mut t);
}

#[test]
fn a_worker_that_dies_while_it_completes_makes_nobody_pay_twice() {
    let mut t = setting();
    t.account("acme", GOOD);
    let mut other = t.db.session();
    // The first attempt comes to nothing, which leaves time to lock until the claim comes back.
    let mut worker = t.environment().with("RECHARGE_LEASE", "5").start();
    t.stripe.fault("outage", None);
    t.spend("acme");
    until("the first attempt came to nothing", || t.stripe.attempts() == 1);
    // A claim writes no entry; completing does.
    other.run("BEGIN; LOCK TABLE credits_ledger.entries IN ACCESS EXCLUSIVE MODE");
    kill_during(&mut t, &mut worker, "credits_complete_recharge");
    assert_eq!(t.stripe.payments().len(), 1);
    other.run("ROLLBACK");
    t.s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "40")]);
    another_worker_finishes(&mut t);
}

#[test]
fn a_worker_that_dies_while_it_records_a_decline_has_it_recorded_once() {
    let mut t = setting();
    t.account("acme", DECLINED);
    let mut worker = t.environment().start();
    t.stripe.fault("kill_after", Some(&worker));
    t.spend("acme");
    worker.is_killed();
    let service = t.environment().start();
    let code = "SELECT coalesce(last_error_code, '') FROM credits_recharges";
    until("the decline is recorded", || t.s.one(code) == "generic_decline");
    service.stop();
    // One decline at the provider, one failure here, although two workers had it.
    assert_eq!(t.stripe.payments().len(), 1);
    t.s.row("SELECT status, attempts FROM credits_recharges").has(&[("status", "open"), ("attempts", "2")]);
    assert_eq!(t.s.one("SELECT count(*) FROM credits_events WHERE type = 'recharge.failed'"), "1");
}

#[test]
fn two_workers_charge_each_customer_once() {
    let mut t = setting();
    let accounts: Vec<String> = (1..=20).map(|n| format!("acme {n}")).collect();
    for account in &accounts {
        t.account(account, GOOD);
    }
    let workers =
        [t.environment().with("RECHARGE_LEASE", "60").start(), t.environment().with("RECHARGE_LEASE", "60").start()];
    for account in &accounts {
        t.spend(account);
    }
    let open = "SELECT count(*) FROM credits_recharges WHERE status <> 'completed'";
    until("all are completed", || t.s.one(open) == "0");
    let logs = workers.map(Service::stop);
    assert_eq!(logs.iter().map(|log| log.matches(" completed account=").count()).sum::<usize>(), 20, "{logs:?}");
    let payments = t.stripe.payments();
    assert_eq!(payments.len(), 20);
    assert!(
        payments.iter().all(|payment| payment.status == "succeeded" && payment.amount == "1000 usd"),
        "{payments:?}"
    );
    assert_eq!(t.s.list("SELECT DISTINCT balance::int FROM credits_accounts"), ["140"]);
    assert_eq!(t.s.one("SELECT count(DISTINCT payment_ref) FROM credits_recharges"), "20");
    t.is_sound();
}

/// What one worker is slow with, the other takes over when the lease lapses: both pay, by one key.
#[test]
fn a_worker_that_is_overtaken_makes_nobody_pay_twice() {
    let mut t = setting();
    t.account("acme", GOOD);
    t.spend("acme");
    let mut other = t.db.session();
    other.run("BEGIN; LOCK TABLE credits_ledger.entries IN ACCESS EXCLUSIVE MODE");
    let workers = [t.environment().start(), t.environment().start()];
    until("the first has paid", || t.stripe.payments().len() == 1);
    // Its lease lapses while it waits to tell the ledger.
    std::thread::sleep(std::time::Duration::from_secs(4));
    other.run("ROLLBACK");
    t.until_completed("acme");
    for worker in workers {
        worker.stop();
    }
    t.paid_once("acme");
}

#[test]
fn what_was_switched_off_before_the_claim_is_not_paid() {
    let mut t = setting();
    t.account("acme", GOOD);
    t.spend("acme");
    t.s.run("SELECT credits_set_auto_recharge('acme', 50, 'top-up', enabled => false)");
    t.environment().work_once();
    assert_eq!(t.stripe.attempts(), 0);
    assert_eq!(t.status("acme"), "cancelled");
    t.s.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "40")]);
}

#[test]
fn a_commit_wakes_the_worker() {
    let mut t = setting();
    t.s.run(&format!("ALTER DATABASE {} SET credits_ledger.notify = on", t.db.name));
    t.s = t.db.session();
    t.account("acme", GOOD);
    // It would look by itself after an hour.
    let service = t.environment().with("RECHARGE_POLL", "3600").start();
    let idle = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'recharge_worker'
           AND state = 'idle' AND query LIKE '%credits_claim_recharges%'",
        t.db.name
    );
    until("the worker has found nothing to do", || t.s.one(&idle) == "1");
    t.spend("acme");
    t.until_completed("acme");
    service.stop();
    t.paid_once("acme");
}

#[test]
fn it_outlives_the_database() {
    let mut server = Server::start(&[]);
    let mut t = on(&server);
    t.account("acme", GOOD);
    let service = t.environment_on(&server).start();
    let there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'recharge_worker'";
    until("the worker is connected", || t.s.one(there) == "1");
    server.stop("fast");
    server.start_again();
    t.s = t.db.session();
    t.spend("acme");
    t.until_completed("acme");
    let log = service.stop();
    assert!(log.contains("level=WARNING database"), "{log}");
    t.paid_once("acme");
}

#[test]
fn it_stops_when_it_is_told_to() {
    let t = setting();
    let service = t.environment().with("RECHARGE_POLL", "3600").start();
    let mut s = t.db.session();
    let there = "SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = 'recharge_worker' AND datname = current_database() AND state = 'idle'";
    until("the worker waits", || s.one(there) == "1");
    let log = service.stop();
    assert!(log.ends_with("level=INFO stopped\n"), "{log}");
}

#[test]
fn a_configuration_that_cannot_be_is_refused() {
    let t = setting();
    for (name, value, reason) in [
        ("DATABASE_URL", "", "DATABASE_URL is not set"),
        ("STRIPE_API_KEY", " ", "STRIPE_API_KEY is not set"),
        ("RECHARGE_POLL", "soon", "RECHARGE_POLL is not a number"),
        ("RECHARGE_LEASE", "0", "RECHARGE_LEASE must be at least 1"),
        ("STRIPE_RETRIES", "2", "RECHARGE_LEASE must be more than"),
    ] {
        let output = t.environment().with(name, value).run(&[]);
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{log}");
        assert!(log.contains(reason), "{reason:?} is not in {log}");
    }
    assert_eq!(t.environment().run(&["--twice"]).status.code(), Some(78));
}

/// The README's table of settings, and the unit, name what the program reads.
#[test]
fn the_documentation_names_each_setting() {
    let read = |name: &str| std::fs::read_to_string(service::example().join(name)).expect("it is there");
    let (program, readme) = (read("recharge_worker.py"), read("README.md"));
    let reads = ["text(\"", "number(\"", "environment.get(\"", "environ.get(\""];
    let mut read_settings: Vec<&str> = reads
        .iter()
        .flat_map(|call| program.split(call).skip(1))
        .map(|rest| rest.split('"').next().expect("a name ends"))
        .collect();
    let mut told: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    read_settings.sort_unstable();
    told.sort_unstable();
    assert_eq!(read_settings, told);
    assert_eq!(told.len(), 8);
    assert!(read("recharge-worker.service").contains("RestartPreventExitStatus=78"));
}
