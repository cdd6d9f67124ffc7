//! Whether the ledger of an account adds up: everything is computed again from the entries alone.

use crate::account::{Account, Balances};
use crate::amount::Amount;
use crate::book::{Book, ClosedCycle, Context, Extent};
use crate::chain;
use crate::entry::{Entry, Operation};
use crate::lifecycle::Detail;
use crate::lot::{Bucket, Lot, LotStatus};
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The entry that it shows at; `None`: the account's own rows.
    pub entry: Option<i64>,
    pub problem: String,
}

/// What the entries of a cycle add up to.
#[derive(Default)]
struct CycleTotals {
    granted: Amount,
    used: Amount,
    rolled_over: Amount,
    expired: Amount,
    forgiven: Amount,
    invoiced: Amount,
}

/// Reads an account's entries, oldest first, and then compares them with its rows.
pub struct Auditor<'a> {
    account: &'a Account,
    lots: HashMap<i32, &'a Lot>,
    made_by: HashMap<i64, Vec<&'a Lot>>,
    remaining: HashMap<i32, Amount>,
    cycles: BTreeMap<i32, CycleTotals>,
    state: Option<Detail>,
    newest: i64,
    after: Balances,
    used: Amount,
    cycle: i32,
    hash: [u8; 32],
    recorded_at: Timestamp,
    effective_at: Timestamp,
    problems: Vec<Problem>,
}

impl<'a> Auditor<'a> {
    /// `lots` are all of the account's, what remains in the head being taken from the account's row.
    pub fn new(account: &'a Account, lots: &'a [Lot]) -> Self {
        let mut made_by: HashMap<i64, Vec<&Lot>> = HashMap::new();
        for lot in lots {
            made_by.entry(lot.entry).or_default().push(lot);
        }
        Auditor {
            account,
            lots: lots.iter().map(|lot| (lot.lot, lot)).collect(),
            made_by,
            remaining: HashMap::new(),
            cycles: BTreeMap::new(),
            state: None,
            newest: 0,
            after: Balances::default(),
            used: Amount::ZERO,
            cycle: 0,
            hash: [0; 32],
            recorded_at: Timestamp::NEG_INFINITY,
            effective_at: Timestamp::NEG_INFINITY,
            problems: Vec::new(),
        }
    }

    fn problem(&mut self, entry: Option<i64>, problem: impl Into<String>) {
        self.problems.push(Problem { entry, problem: problem.into() });
    }

    /// The next entry.
    pub fn entry(&mut self, entry: &Entry) {
        let number = Some(entry.entry);
        let expected = self.newest + 1;
        if entry.entry != expected {
            self.problem(number, format!("entries are missing: {expected} was expected"));
        }
        if (entry.entry == 1) != (entry.operation == Operation::Open) {
            self.problem(number, format!("operation {} cannot stand here", entry.operation.name()));
        }
        let made = self.made_by.remove(&entry.entry).unwrap_or_default();
        if chain::hash(&self.hash, &self.account.account, entry, made.into_iter()) != entry.hash {
            self.problem(
                number,
                "the hash does not fit: this entry, a lot that it made, or the entry before it was changed",
            );
        }
        self.check_balances(entry);
        self.check_movements(entry);
        self.check_times(entry);
        self.count(entry);
        if let Some(detail) = &entry.detail {
            match Detail::from_json(detail) {
                Ok(state) => self.state = Some(state),
                Err(error) => self.problem(number, error.message),
            }
        }
        self.newest = entry.entry;
        self.after = entry.after;
        self.used = entry.used;
        self.cycle = entry.cycle;
        self.hash = entry.hash;
    }

    fn check_balances(&mut self, entry: &Entry) {
        let number = Some(entry.entry);
        let (before, after) = (self.after, entry.after);
        let figures = [
            ("allowance", before.allowance + entry.allowance_change, after.allowance),
            ("credits", before.credits + entry.credits_change, after.credits),
            ("debt", before.debt + entry.debt_change, after.debt),
        ];
        for (name, expected, found) in figures {
            if expected != found {
                self.problem(number, format!("{name} is {found}, but the entries add up to {expected}"));
            }
            if found.is_negative() {
                self.problem(number, format!("{name} is below zero: {found}"));
            }
        }
        let before = if entry.cycle == self.cycle { self.used } else { Amount::ZERO };
        let expected = if entry.operation.is_usage() { before + entry.amount } else { before };
        if entry.used != expected {
            self.problem(number, format!("used is {}, but the entries add up to {expected}", entry.used));
        }
    }

    fn check_movements(&mut self, entry: &Entry) {
        let number = Some(entry.entry);
        let (mut allowance, mut credits, mut reserved) = (Amount::ZERO, Amount::ZERO, self.after.reserved);
        for movement in &entry.movements {
            let Some(lot) = self.lots.get(&movement.lot) else {
                self.problem(number, format!("lot {} does not exist", movement.lot));
                continue;
            };
            match lot.kind.bucket() {
                Bucket::Allowance => allowance += movement.amount,
                Bucket::Credits => credits += movement.amount,
            }
            if lot.is_restricted() {
                reserved += movement.amount;
            }
            let remaining = self.remaining.entry(movement.lot).or_default();
            *remaining += movement.amount;
            let (left, whole) = (*remaining, lot.amount);
            if left.is_negative() || left > whole {
                self.problem(number, format!("lot {} of {whole} would hold {left}", movement.lot));
            }
        }
        let figures = [
            ("allowance lots", entry.allowance_change, allowance),
            ("credit lots", entry.credits_change, credits),
            ("reserved", entry.after.reserved, reserved),
        ];
        for (name, expected, found) in figures {
            if expected != found {
                self.problem(number, format!("{name}: the entry says {expected}, its allocations add up to {found}"));
            }
        }
    }

    fn check_times(&mut self, entry: &Entry) {
        let number = Some(entry.entry);
        if entry.recorded_at < self.recorded_at || entry.effective_at < self.effective_at {
            self.problem(number, "its time lies before that of the entry before it");
        }
        if entry.effective_at > entry.recorded_at {
            self.problem(number, "it was recorded before it was effective");
        }
        self.recorded_at = entry.recorded_at;
        self.effective_at = entry.effective_at;
    }

    fn count(&mut self, entry: &Entry) {
        let of_plan = entry.kind.is_some_and(|kind| kind.bucket() == Bucket::Allowance);
        let totals = self.cycles.entry(entry.cycle).or_default();
        match entry.operation {
            Operation::Allowance => totals.granted += entry.amount,
            Operation::Rollover => totals.rolled_over += entry.amount,
            Operation::Expire if of_plan => totals.expired += entry.amount,
            Operation::Forgive => totals.forgiven += entry.amount,
            Operation::Invoice => totals.invoiced += entry.amount,
            operation if operation.is_usage() => totals.used += entry.amount,
            _ => {}
        }
    }

    /// Compares what the entries add up to with the account's rows.
    pub fn finish(mut self, closed: &[ClosedCycle]) -> Vec<Problem> {
        let account = self.account;
        if account.entry != self.newest {
            self.problem(None, format!("the account says {} entries, there are {}", account.entry, self.newest));
        }
        if account.hash != self.hash {
            self.problem(None, "the account's head_hash is not the newest entry's");
        }
        let used = if account.cycle.number == self.cycle { self.used } else { Amount::ZERO };
        let granted = self.cycles.get(&account.cycle.number).map_or(Amount::ZERO, |totals| totals.granted);
        let (row, sums) = (account.balances, self.after);
        let figures = [
            ("allowance", row.allowance, sums.allowance),
            ("credits", row.credits, sums.credits),
            ("held", row.held, sums.held),
            ("debt", row.debt, sums.debt),
            ("reserved", row.reserved, sums.reserved),
            ("used", account.used, used),
            ("allowance_granted", account.granted, granted),
        ];
        for (name, found, expected) in figures {
            if found != expected {
                self.problem(None, format!("the account's {name} is {found}, but the entries add up to {expected}"));
            }
        }
        if account.recorded_at != self.recorded_at {
            self.problem(None, "the account's time is not that of its newest entry");
        }
        match self.state.take() {
            Some(state) if state == Detail { result: state.result.clone(), ..Detail::of(account) } => {}
            _ => self.problem(None, "the account's status or settings are not those of its history"),
        }
        self.check_lots();
        self.check_cycles(closed);
        self.problems
    }

    fn check_lots(&mut self) {
        let account = self.account;
        let mut lots: Vec<&Lot> = self.lots.values().copied().collect();
        lots.sort_by_key(|lot| lot.lot);
        for (lot, number) in lots.iter().zip(1..) {
            if lot.lot != number {
                self.problem(None, format!("lot {number} is missing"));
                return;
            }
            let expected = self.remaining.get(&lot.lot).copied().unwrap_or_default();
            if lot.remaining + lot.held != expected {
                let found = lot.remaining + lot.held;
                self.problem(
                    Some(lot.entry),
                    format!("lot {number} holds {found}, but its allocations add up to {expected}"),
                );
            }
            if lot.status != LotStatus::Active && lot.remaining.is_positive() {
                self.problem(
                    Some(lot.entry),
                    format!("lot {number} is {} and holds {}", lot.status.name(), lot.remaining),
                );
            }
        }
        if account.lots as usize != lots.len() {
            self.problem(None, format!("the account says {} lots, there are {}", account.lots, lots.len()));
        }
        if !self.made_by.is_empty() {
            self.problem(None, "there are lots that no entry made");
        }
        // The row's shortcuts: the head, and when time has something to do.
        let context = Context { now: account.recorded_at, clock_was_set: false, recorded_by: String::new() };
        let open = lots.into_iter().filter(|lot| lot.is_open()).cloned().collect();
        let mut book = Book::new(account.clone(), open, Extent::All, context);
        let sealed = book.seal().is_ok();
        let head = |account: &Account| account.head.filter(|head| head.remaining.is_positive()).map(|head| head.lot);
        if !sealed || (account.head.is_some() && head(account).is_some() && head(&book.account) != head(account)) {
            self.problem(None, "the account's head is not the first lot in burn order");
        }
        if account.next_event_at > book.account.next_event_at {
            self.problem(None, "the account's next_event_at is too late");
        }
    }

    fn check_cycles(&mut self, closed: &[ClosedCycle]) {
        let mut previous: Option<&ClosedCycle> = None;
        for (cycle, number) in closed.iter().zip(1..) {
            if cycle.cycle != number {
                self.problem(None, format!("cycle {number} is missing"));
                return;
            }
            if previous.is_some_and(|previous| previous.end != cycle.start) || cycle.start > cycle.end {
                self.problem(None, format!("cycle {number} does not begin where the one before it ends"));
            }
            let totals = self.cycles.remove(&number).unwrap_or_default();
            let figures = [
                ("granted", cycle.granted, totals.granted),
                ("used", cycle.used, totals.used),
                ("rolled_over", cycle.rolled_over, totals.rolled_over),
                ("expired", cycle.expired, totals.expired),
                ("debt_forgiven", cycle.debt_forgiven, totals.forgiven),
                ("debt_invoiced", cycle.debt_invoiced, totals.invoiced),
            ];
            for (name, found, expected) in figures {
                if found != expected {
                    self.problem(
                        None,
                        format!("cycle {number}: {name} is {found}, but the entries add up to {expected}"),
                    );
                }
            }
            previous = Some(cycle);
        }
        let expected = if self.account.is_closed() { self.account.cycle.number } else { self.account.cycle.number - 1 };
        if closed.len() as i32 != expected {
            self.problem(None, format!("{expected} cycles were closed, but {} are recorded", closed.len()));
        }
    }
}
