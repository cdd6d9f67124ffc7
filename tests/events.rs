//! Events: what makes them, in which order they come, who gets them and when they are gone.

use credits_ledger_tests::{Server, Session};
use std::time::Duration;

const JAN: &str = "2026-01-01 00:00+00";

/// `account|event|type` of a claim, in the order in which it hands them out.
fn claim(s: &mut Session, arguments: &str) -> Vec<String> {
    s.list(&format!("SELECT account, event, type FROM credits_claim_events({arguments})"))
}

/// So many events of an account: it is frozen and unfrozen.
fn freeze(s: &mut Session, account: &str, times: usize) {
    for n in 0..times {
        s.run(&format!(
            "SELECT credits_freeze_account('{account}', 'reason {n}'), credits_unfreeze_account('{account}')"
        ));
    }
}

fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn a_cycle_that_closes_a_lot_that_expires_and_a_freeze_are_events_with_their_figures() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT credits_open_account('a', 100, rollover_percent => 25, rollover_max => 10)");
    s.run("SELECT credits_grant('a', 7, 'g', 'promo', expires_at => '2026-01-10 00:00+00')");
    s.run("SELECT credits_debit('a', 40, 'd')");
    assert_eq!(s.one("SELECT count(*) FROM credits_events"), "0");
    s.at("2026-02-03 12:00+00");
    s.run("SELECT credits_freeze_account('a', 'card disputed')");
    let events = s.rows("SELECT * FROM credits_events ORDER BY event");
    let types: Vec<&str> = events.iter().map(|row| row.get("type")).collect();
    assert_eq!(types, ["lot.expired", "lot.expired", "cycle.closed", "account.frozen"]);
    for (row, number) in events.iter().zip(1..) {
        row.has(&[("account", "a"), ("event", &number.to_string()), ("acknowledged_at", "NULL")]);
    }
    // 60 are unused: 10 of them roll over.
    let of = |key: &str| {
        format!("SELECT string_agg(coalesce(payload ->> '{key}', '-'), ' ' ORDER BY event) FROM credits_events")
    };
    assert_eq!(s.one(&of("kind")), "promo allowance - -");
    assert_eq!(s.one(&of("amount")), "7 50 - -");
    assert_eq!(s.one(&of("lot")), "2 1 - -");
    assert_eq!(s.one(&of("reason")), "- - - card disputed");
    let cycle = s.row(
        "SELECT payload ->> 'cycle' cycle, payload ->> 'granted' granted, payload ->> 'used' used,
             payload ->> 'rolled_over' rolled_over, payload ->> 'expired' expired,
             (payload ->> 'cycle_start')::timestamptz::text cycle_start, (payload ->> 'cycle_end')::timestamptz::text cycle_end
         FROM credits_events WHERE type = 'cycle.closed'",
    );
    cycle.has(&[
        ("cycle", "1"),
        ("granted", "100"),
        ("used", "40"),
        ("rolled_over", "10"),
        ("expired", "50"),
        ("cycle_start", "2026-01-01 00:00:00+00"),
        ("cycle_end", "2026-02-01 00:00:00+00"),
    ]);
    // Amounts are texts: no reader's doubles round them.
    assert_eq!(
        s.one("SELECT jsonb_typeof(payload -> 'expired') FROM credits_events WHERE type = 'cycle.closed'"),
        "string"
    );
    assert_eq!(
        s.list("SELECT occurred_at FROM credits_events ORDER BY event"),
        ["2026-01-10 00:00:00+00", "2026-02-01 00:00:00+00", "2026-02-01 00:00:00+00", "2026-02-03 12:00:00+00"]
    );
    // Each belongs to the entry after which it came.
    assert_eq!(
        s.list(
            "SELECT e.type, h.operation FROM credits_events e JOIN credits_history h USING (account, entry) ORDER BY event"
        ),
        ["lot.expired|expire", "lot.expired|expire", "cycle.closed|expire", "account.frozen|freeze"]
    );
    // Nothing new happened by freezing it once more.
    s.run("SELECT credits_freeze_account('a', 'again')");
    assert_eq!(s.one("SELECT count(*) FROM credits_events"), "4");
    sound(&mut s);
}

#[test]
fn maintenance_makes_the_events_that_the_next_call_would_make() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for account in ["a", "b"] {
        s.run(&format!("SELECT credits_open_account('{account}', 10, '7 days')"));
    }
    s.at("2026-01-20 00:00+00");
    assert_eq!(s.one("SELECT credits_maintain()"), "2");
    s.run("SELECT credits_reset_cycle('a')");
    let of = |account: &str| {
        format!(
            "SELECT event, type, occurred_at, payload FROM credits_events WHERE account = '{account}' ORDER BY event"
        )
    };
    let events = s.list(&of("a"));
    assert_eq!(events.len(), 4, "{events:?}");
    assert_eq!(s.list(&of("b")), events);
    sound(&mut s);
}

#[test]
fn what_is_rolled_back_leaves_no_event_and_no_gap() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT credits_open_account('a')");
    s.run("BEGIN; SELECT credits_freeze_account('a', 'no'); ROLLBACK");
    s.run("BEGIN; SAVEPOINT p; SELECT credits_freeze_account('a', 'nor this'); ROLLBACK TO p; COMMIT");
    assert_eq!(s.one("SELECT count(*) FROM credits_events"), "0");
    s.run("SELECT credits_freeze_account('a', 'yes')");
    assert_eq!(s.list("SELECT event, payload ->> 'reason' FROM credits_events"), ["1|yes"]);
    // A read shows what time did, and leaves nothing.
    s.at("2026-03-01 00:00+00");
    s.run("SELECT credits_balance('a')");
    assert_eq!(s.one("SELECT count(*) FROM credits_events"), "1");
    sound(&mut s);
}

#[test]
fn events_are_handed_out_under_a_lease_and_are_gone_only_when_acknowledged() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT credits_open_account('a')");
    freeze(&mut s, "a", 3);
    assert_eq!(claim(&mut s, "2, '10 minutes'"), ["a|1|account.frozen", "a|2|account.frozen"]);
    // The third waits behind the two that somebody has.
    s.at("2026-01-01 00:09:59.999999+00");
    assert_eq!(claim(&mut s, "").len(), 0);
    s.row("SELECT * FROM credits_events WHERE event = 1")
        .has(&[("leased_until", "2026-01-01 00:10:00+00"), ("acknowledged_at", "NULL")]);
    assert_eq!(s.one("SELECT credits_ack_event('a', 1)"), "t");
    assert_eq!(s.one("SELECT credits_ack_event('a', 1)"), "f");
    s.row("SELECT * FROM credits_events WHERE event = 1")
        .has(&[("leased_until", "NULL"), ("acknowledged_at", "2026-01-01 00:09:59.999999+00")]);
    // The lease is over: what was not acknowledged comes again, in its place.
    s.at("2026-01-01 00:10+00");
    assert_eq!(claim(&mut s, ""), ["a|2|account.frozen", "a|3|account.frozen"]);
    assert_eq!(s.one("SELECT leased_until FROM credits_events WHERE event = 3"), "2026-01-01 00:11:00+00");
    for event in [3, 2] {
        assert_eq!(s.one(&format!("SELECT credits_ack_event('a', {event})")), "t");
    }
    s.at("2026-02-15 00:00+00");
    assert_eq!(claim(&mut s, "").len(), 0);
    assert_eq!(s.one("SELECT count(*) FROM credits_events WHERE acknowledged_at IS NOT NULL"), "3");
    sound(&mut s);
}

#[test]
fn the_oldest_come_first_and_those_of_one_account_in_their_order() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    for account in ["a", "b", "c"] {
        s.run(&format!("SELECT credits_open_account('{account}')"));
    }
    for (second, account) in ["c", "a", "c", "b", "a", "c"].into_iter().enumerate() {
        s.at(&format!("2026-01-01 00:00:0{second}+00"));
        freeze(&mut s, account, 1);
    }
    s.at("2026-01-01 00:01+00");
    let accounts = |rows: Vec<String>| rows.iter().map(|row| row[..3].to_owned()).collect::<Vec<_>>();
    assert_eq!(accounts(claim(&mut s, "4")), ["c|1", "a|1", "c|2", "b|1"]);
    // a 2 and c 3 wait behind what is leased.
    assert_eq!(claim(&mut s, "4").len(), 0);
    assert_eq!(s.one("SELECT credits_ack_event('a', 1)"), "t");
    assert_eq!(accounts(claim(&mut s, "4")), ["a|2"]);
    sound(&mut s);
}

#[test]
fn two_consumers_at_once_never_have_events_of_one_account() {
    let db = Server::shared().database();
    let (mut s, mut one, mut other) = (db.session(), db.session(), db.session());
    for account in ["a", "b"] {
        s.run(&format!("SELECT credits_open_account('{account}')"));
        freeze(&mut s, account, 5);
    }
    one.run("BEGIN");
    let first = claim(&mut one, "3");
    assert_eq!(first.len(), 3);
    // The other neither waits nor gets what follows the three.
    other.run("SET statement_timeout = '5s'");
    let second = claim(&mut other, "100");
    let account = |row: &String| row[..1].to_owned();
    assert!(first.iter().all(|row| !second.iter().map(account).any(|own| own == account(row))), "{first:?} {second:?}");
    // It rolls back: all of them are there again.
    one.run("ROLLBACK");
    let again = claim(&mut one, "3");
    assert_eq!(again, first);
    // The consumer that has them dies; when its lease is over the other one gets them.
    drop(one);
    other.run("SET credits_ledger.now = '2100-01-01 00:00+00'");
    assert_eq!(claim(&mut other, "100").len(), 10);
    sound(&mut s);
}

#[test]
fn many_consumers_get_every_event_once_and_in_order() {
    const ACCOUNTS: usize = 7;
    const EVENTS: usize = 12;
    let db = Server::shared().database();
    let mut s = db.session();
    for account in 0..ACCOUNTS {
        s.run(&format!("SELECT credits_open_account('{account}')"));
        freeze(&mut s, &account.to_string(), EVENTS);
    }
    let seen: Vec<(String, i64, String)> = std::thread::scope(|scope| {
        let consumers: Vec<_> = (0..6)
            .map(|_| {
                let mut s = db.session();
                scope.spawn(move || {
                    let mut seen = Vec::new();
                    loop {
                        let claimed = s.rows("SELECT account, event FROM credits_claim_events(5, '1 hour')");
                        for row in &claimed {
                            let (account, event) = (row.get("account").to_owned(), row.get("event").to_owned());
                            // Acknowledged one by one, and timed while it is still leased.
                            let at = s.one("SELECT to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US')");
                            assert_eq!(s.one(&format!("SELECT credits_ack_event('{account}', {event})")), "t");
                            seen.push((account, event.parse().expect("a number"), at));
                        }
                        let left = s.one("SELECT count(*) FROM credits_events WHERE acknowledged_at IS NULL");
                        if claimed.is_empty() && left == "0" {
                            return seen;
                        }
                    }
                })
            })
            .collect();
        consumers.into_iter().flat_map(|consumer| consumer.join().expect("it ends")).collect()
    });
    assert_eq!(seen.len(), ACCOUNTS * EVENTS);
    for account in 0..ACCOUNTS {
        let mut own: Vec<_> = seen.iter().filter(|(name, ..)| *name == account.to_string()).collect();
        own.sort_by(|a, b| a.2.cmp(&b.2));
        let order: Vec<i64> = own.iter().map(|(_, event, _)| *event).collect();
        assert_eq!(order, (1..=EVENTS as i64).collect::<Vec<_>>());
    }
    sound(&mut s);
}

#[test]
fn what_cannot_be_claimed_or_acknowledged() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT credits_open_account('a')");
    freeze(&mut s, "a", 1);
    for (call, code) in [
        ("credits_claim_events(0)", "LC005"),
        ("credits_claim_events(-1)", "LC005"),
        ("credits_claim_events(1, '0')", "LC005"),
        ("credits_claim_events(1, '-1 minute')", "LC005"),
        ("credits_claim_events(1, '31 days 1 second')", "LC005"),
        ("credits_ack_event('nobody', 1)", "LC002"),
        ("credits_ack_event('a', 2)", "LC006"),
        ("credits_ack_event('a', 0)", "LC006"),
        ("credits_ack_event('', 1)", "LC005"),
    ] {
        assert_eq!(s.error(&format!("SELECT * FROM {call}")).code, code, "{call}");
    }
    assert_eq!(claim(&mut s, "1, '31 days'"), ["a|1|account.frozen"]);
}

#[test]
fn who_listens_is_woken_by_a_commit_and_not_by_a_rollback() {
    let db = Server::shared().database();
    let (mut s, mut listener) = (db.session(), db.session());
    listener.run("LISTEN credits_ledger");
    fn woken(listener: &mut Session) -> Vec<(String, String)> {
        use postgres::fallible_iterator::FallibleIterator;
        // A round trip: what was sent before it has arrived.
        listener.run("SELECT 1");
        let mut notifications = listener.client().notifications();
        let found = notifications.timeout_iter(Duration::from_millis(200));
        found.map(|n| Ok((n.channel().to_owned(), n.payload().to_owned()))).collect().expect("connected")
    }
    s.run("SELECT credits_open_account('a')");
    // Not unless it is switched on.
    freeze(&mut s, "a", 1);
    assert_eq!(woken(&mut listener), []);
    s.run("SET credits_ledger.notify = on");
    s.run("BEGIN; SELECT credits_freeze_account('a', 'no'); ROLLBACK");
    assert_eq!(woken(&mut listener), []);
    // No event, nothing to tell.
    s.run("SELECT credits_grant('a', 5, 'g'), credits_debit('a', 1, 'd')");
    assert_eq!(woken(&mut listener), []);
    s.run("BEGIN; SELECT credits_freeze_account('a', 'yes'), credits_unfreeze_account('a'), credits_freeze_account('a', 'so')");
    assert_eq!(woken(&mut listener), []);
    s.run("COMMIT");
    assert_eq!(woken(&mut listener), [("credits_ledger".to_owned(), String::new())]);
    assert_eq!(claim(&mut listener, "").len(), 3);
}

#[test]
fn a_transaction_with_events_can_be_prepared_unless_it_notifies() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_open_account('a')");
    let name = &db.name;
    s.run(&format!("BEGIN; SELECT credits_freeze_account('a', 'why'); PREPARE TRANSACTION '{name}'"));
    s.run(&format!("COMMIT PREPARED '{name}'"));
    assert_eq!(claim(&mut s, ""), ["a|1|account.frozen"]);
    s.run("SET credits_ledger.notify = on; SELECT credits_unfreeze_account('a')");
    s.run("BEGIN; SELECT credits_freeze_account('a', 'why')");
    assert_eq!(s.error(&format!("PREPARE TRANSACTION '{name}'")).code, "0A000");
    s.run("ROLLBACK");
    assert_eq!(s.one("SELECT count(*) FROM credits_events"), "1");
}

#[test]
fn edits_of_events_are_named() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT credits_open_account('a', 10)");
    freeze(&mut s, "a", 2);
    s.at("2026-02-02 00:00+00");
    s.run("SELECT credits_maintain()");
    sound(&mut s);
    for edit in [
        "UPDATE credits_ledger.events SET payload = payload || '{\"reason\": \"other\"}' WHERE event = 1",
        "UPDATE credits_ledger.events SET payload = payload || '{\"amount\": \"9\"}' WHERE type = 'lot.expired'",
        "UPDATE credits_ledger.events SET payload = payload || '{\"used\": \"9\"}' WHERE type = 'cycle.closed'",
        "UPDATE credits_ledger.events SET type = 'alert.low' WHERE event = 2",
        "UPDATE credits_ledger.events SET entry = entry + 1 WHERE event = 4",
        "UPDATE credits_ledger.events SET occurred_at = occurred_at - interval '1 hour' WHERE event = 2",
        "UPDATE credits_ledger.events SET event = 9 WHERE event = 4",
        "UPDATE credits_ledger.accounts SET events = events + 1",
        "ALTER TABLE credits_ledger.events DISABLE TRIGGER events_never_deleted; DELETE FROM credits_ledger.events WHERE event = 4",
    ] {
        s.run("BEGIN");
        s.run(edit);
        assert_ne!(s.one("SELECT count(*) FROM credits_verify()"), "0", "{edit}");
        s.run("ROLLBACK");
    }
    assert_eq!(s.error("DELETE FROM credits_ledger.events").code, "LC013");
    assert_eq!(s.error("TRUNCATE credits_ledger.events").code, "LC013");
    sound(&mut s);
}
