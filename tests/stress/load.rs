//! The load: sessions that call at random and keep what they were told.

use crate::asks::{ACCOUNTS, Ask, Dice, Item, item};
use crate::watch::watch;
use credits_ledger_tests::{Database, Row, Session, SqlError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SESSIONS: usize = 9;
const KEYS: u64 = 1_500;
const LOAD: Duration = Duration::from_secs(12);
const LEVELS: [&str; 3] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

/// A receipt that its session was given and that was committed.
pub struct Given {
    pub item: Item,
    pub began: u64,
    pub returned: u64,
    pub row: Row,
}

/// What a session came home with.
#[derive(Default)]
pub struct Log {
    pub given: Vec<Given>,
    /// Calls that were told LC003.
    pub reused: Vec<Item>,
    /// How often which code was met.
    pub codes: BTreeMap<String, u64>,
}

struct Worker {
    pub session: Session,
    pub dice: Dice,
    /// One tick for each beginning and each end of a call: a total order of what happened.
    pub clock: Arc<AtomicU64>,
    pub log: Log,
}

impl Worker {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn pick(&mut self) -> Item {
        let mut item = item(self.dice.below(KEYS));
        // now and then a key comes back with another request
        if self.dice.below(25) == 0 {
            item.ask = Ask::Debit { amount: "0.25".into(), mode: "error" };
        }
        item
    }

    fn met(&mut self, item: &Item, e: &SqlError) {
        *self.log.codes.entry(e.code.clone()).or_default() += 1;
        match e.code.as_str() {
            "LC001" | "LC003" | "40001" => {}
            _ => panic!("{}: {} {} {}", item.sql(), e.code, e.message, e.detail),
        }
    }

    fn call(&mut self, item: &Item) -> Result<Given, SqlError> {
        let began = self.tick();
        let outcome = self.session.try_run(&item.sql());
        let returned = self.tick();
        let mut rows = outcome?;
        assert_eq!(rows.len(), 1, "{}", item.sql());
        Ok(Given { item: item.clone(), began, returned, row: rows.remove(0) })
    }

    /// One call outside of a transaction block, tried again while it fails to serialize.
    fn single(&mut self) {
        let item = self.pick();
        for _ in 0..50 {
            match self.call(&item) {
                Ok(given) => return self.log.given.push(given),
                Err(e) => {
                    self.met(&item, &e);
                    if e.code == "LC003" {
                        self.log.reused.push(item);
                        return;
                    }
                    if e.code != "40001" {
                        return;
                    }
                }
            }
        }
    }

    /// Several calls of one account in a transaction, with a savepoint rolled back, committed or not.
    fn transaction(&mut self) {
        let account = ACCOUNTS[self.dice.below(3) as usize];
        let commit = self.dice.below(3) > 0;
        let (mut given, mut reused) = (Vec::new(), Vec::new());
        self.session.run("BEGIN");
        for step in 0..3 {
            let mut item = self.pick();
            item.account = account;
            self.session.run("SAVEPOINT step");
            match self.call(&item) {
                Ok(_) if step == 1 => self.session.run("ROLLBACK TO SAVEPOINT step"),
                Ok(receipt) => given.push(receipt),
                Err(e) => {
                    self.met(&item, &e);
                    if e.code == "40001" {
                        self.session.run("ROLLBACK");
                        return;
                    }
                    self.session.run("ROLLBACK TO SAVEPOINT step");
                    if e.code == "LC003" {
                        reused.push(item);
                    }
                }
            }
        }
        if !commit {
            self.session.run("ROLLBACK");
            return;
        }
        match self.session.try_run("COMMIT") {
            Ok(_) => {
                self.log.given.append(&mut given);
                self.log.reused.append(&mut reused);
            }
            Err(e) => {
                assert_eq!(e.code, "40001", "COMMIT: {}", e.message);
                *self.log.codes.entry(e.code).or_default() += 1;
            }
        }
    }

    /// A batch of debits over all accounts, in any order, with keys of their own and keys of others.
    fn batch(&mut self) {
        let mut items = Vec::new();
        while items.len() < 6 {
            let item = self.pick();
            if let Ask::Debit { amount, .. } = item.ask {
                let ask = Ask::Debit { amount, mode: "refuse" };
                items.push(Item { key: format!("b{}", item.key), ask, ..item });
            }
        }
        let list = |of: fn(&Item) -> String| items.iter().map(of).collect::<Vec<_>>().join(",");
        let sql = format!(
            "SELECT * FROM credits_debit_many(ARRAY[{}], ARRAY[{}]::numeric[], ARRAY[{}])",
            list(|i| format!("'{}'", i.account)),
            list(|i| match &i.ask {
                Ask::Debit { amount, .. } => amount.clone(),
                _ => unreachable!("only debits were picked"),
            }),
            list(|i| format!("'{}'", i.key)),
        );
        for _ in 0..50 {
            let began = self.tick();
            let outcome = self.session.try_run(&sql);
            let returned = self.tick();
            match outcome {
                Ok(rows) => {
                    assert_eq!(rows.len(), items.len());
                    for (item, row) in items.into_iter().zip(rows) {
                        self.log.given.push(Given { item, began, returned, row });
                    }
                    return;
                }
                Err(e) => {
                    *self.log.codes.entry(e.code.clone()).or_default() += 1;
                    match e.code.as_str() {
                        "40001" => {}
                        // one of the items came back with another amount
                        "LC003" => return,
                        _ => panic!("{sql}: {} {}", e.code, e.message),
                    }
                }
            }
        }
    }

    fn work(mut self, until: Instant) -> Log {
        while Instant::now() < until {
            match self.dice.below(10) {
                0..=6 => self.single(),
                7 | 8 => self.transaction(),
                _ => self.batch(),
            }
        }
        self.log
    }
}

pub fn load(db: &Database) -> Vec<Log> {
    let clock = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + LOAD;
    let threads: Vec<_> = (0..SESSIONS)
        .map(|i| {
            let mut session = db.session();
            session.run(&format!("SET default_transaction_isolation = '{}'", LEVELS[i % 3]));
            let worker = Worker { session, dice: Dice(7_000 + i as u64), clock: clock.clone(), log: Log::default() };
            std::thread::spawn(move || worker.work(until))
        })
        .collect();
    let reader = db.session();
    let watching = std::thread::spawn(move || watch(reader, until));
    let logs = threads.into_iter().map(|t| t.join().expect("a session failed")).collect();
    let asked = watching.join().expect("what was read did not belong together");
    assert!(asked >= 20, "only {asked} looks beside the load");
    logs
}
