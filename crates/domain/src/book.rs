//! The book of one account: its row and its lots, on which operations work, and what they leave to be written.
//!
//! A book may know only the first lots in burn order. An operation that would need more says so by [`Stop::NeedMore`];
//! it is then done again, from the start, on a book that knows them all.

use crate::account::{Account, Balances, Head, Settings};
use crate::alert::Alert;
use crate::amount::Amount;
use crate::budget::{Budget, BudgetRow, BudgetUse};
use crate::chain;
use crate::debt::{Debts, Settlement};
use crate::entry::{Dimensions, Entry, Key, Movement, Operation};
use crate::error::Error;
use crate::event::{self, Event, EventType};
use crate::hold::Hold;
use crate::lot::{Bucket, BurnKey, Expiry, Lot, LotKind, LotStatus};
use crate::plan::Holdings;
use crate::rate::{Meter, Switch};
use crate::recharge::{AutoRecharge, Recharge};
use crate::refund::Refunded;
use crate::time::Timestamp;
use crate::void::ClawBack;

/// How many of the account's open lots a book knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// None but the head, whose number, bucket and remainder stand on the account itself.
    Head,
    /// The first ones in burn order.
    Prefix,
    All,
}

/// Why an operation did not happen.
#[derive(Debug)]
pub enum Stop {
    Refused(Error),
    /// The book knows too little to tell.
    NeedMore,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Refused(error)
    }
}

pub type Outcome<T> = std::result::Result<T, Stop>;

/// When and for whom an operation happens.
#[derive(Clone, Debug)]
pub struct Context {
    /// Read after the account's lock was held.
    pub now: Timestamp,
    /// When the caller's transaction began: what callers mean by now.
    pub began: Timestamp,
    /// credits_ledger.now replaced the clock.
    pub clock_was_set: bool,
    /// The role that called.
    pub recorded_by: String,
}

/// A cycle that was closed; it never changes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedCycle {
    pub cycle: i32,
    pub start: Timestamp,
    pub end: Timestamp,
    /// Its end as it was known while it ran; `None` where it was to be closed by hand.
    pub foreseen_end: Option<Timestamp>,
    pub granted: Amount,
    pub used: Amount,
    pub rolled_over: Amount,
    pub expired: Amount,
    pub debt_forgiven: Amount,
    pub debt_invoiced: Amount,
    pub closed_at: Timestamp,
    /// The account's newest entry when it was closed.
    pub entry: i64,
    pub hash: [u8; 32],
}

/// What the cycles that were closed on a book add up to, of allowance and rollover lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CycleTotals {
    pub closed: i32,
    pub granted: Amount,
    pub rolled_over: Amount,
    pub expired: Amount,
    pub debt_forgiven: Amount,
    pub debt_invoiced: Amount,
}

/// What a book keeps of what time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everything: it will be written.
    Write,
    /// The account and its open lots.
    Read,
    /// These, and the lots that close meanwhile.
    ReadLots,
    /// All of these, and the entries that it makes.
    ReadEntries,
}

/// What an account's row keeps beside what operations need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// As the account was opened, to be compared when somebody opens it again.
    pub opened_with: Settings,
    /// JSON.
    pub metadata: Option<String>,
}

/// A budget to be stored, with what was used of it in its running period, or to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetChange {
    Set(BudgetRow, Vec<BudgetUse>),
    Remove(i32),
}

/// What is said of an entry before it is recorded; its figures come from the book.
pub(crate) struct Draft {
    pub operation: Operation,
    pub amount: Amount,
    pub kind: Option<LotKind>,
    pub key: Option<Key>,
    pub dimensions: Dimensions,
    pub quantity: Option<Amount>,
    pub included: Option<Amount>,
    pub refers_to: Option<i64>,
    pub reason: Option<String>,
    pub detail: Option<String>,
    /// `None`: now.
    pub effective_at: Option<Timestamp>,
}

impl Draft {
    pub fn new(operation: Operation, amount: Amount) -> Draft {
        Draft {
            operation,
            amount,
            kind: None,
            key: None,
            dimensions: Dimensions::default(),
            quantity: None,
            included: None,
            refers_to: None,
            reason: None,
            detail: None,
            effective_at: None,
        }
    }

    pub fn kind(mut self, kind: LotKind) -> Draft {
        self.kind = Some(kind);
        self
    }

    pub fn key(mut self, key: Option<Key>) -> Draft {
        self.key = key;
        self
    }

    /// Made by time, at this instant.
    pub fn at(mut self, instant: Timestamp) -> Draft {
        self.effective_at = Some(instant);
        self
    }
}

#[derive(Clone, Debug)]
pub struct Book {
    pub account: Account,
    /// In burn order. Empty where the extent is `Head`.
    pub lots: Vec<Lot>,
    pub extent: Extent,
    /// On a book with a prefix: the burn key of the last lot that was read. Unknown lots may follow it at once.
    known_until: Option<BurnKey>,
    /// Lots that closed meanwhile: nothing in them can change any more but by a return.
    pub retired: Vec<Lot>,
    /// To be written, oldest first.
    pub entries: Vec<Entry>,
    /// To be written, oldest first.
    pub closed: Vec<ClosedCycle>,
    /// To be written, oldest first.
    pub events: Vec<Event>,
    /// The account's row has to be written, also where no entry is.
    pub touched: bool,
    /// The account's plans; of a complete book, where the account has any.
    pub holdings: Holdings,
    /// The account's budgets, as they stand for who draws now; where the account has any, they must be given.
    pub budgets: Option<Vec<Budget>>,
    /// To be written.
    pub meters: Vec<Meter>,
    /// To be written.
    pub switches: Vec<Switch>,
    /// To be written.
    pub budget_changes: Vec<BudgetChange>,
    /// Open holds that are due, and holds that changed, to be written.
    pub holds: Vec<Hold>,
    /// The account's alerts, those included that every account has; where rows of them are stored, they must be given.
    pub alerts: Option<Vec<Alert>>,
    /// What the account owes; of a complete book, and of any that has lots where something is owed.
    pub debts: Debts,
    /// To be written.
    pub settlements: Vec<Settlement>,
    /// What refunds and voids undid, to be written.
    pub refunded: Vec<Refunded>,
    pub claw_backs: Vec<ClawBack>,
    /// When the first open hold lapses that the book does not know; of a complete book.
    pub next_lapse: Timestamp,
    /// Where it was looked at: how auto-recharge is set.
    pub auto_recharge: Option<AutoRecharge>,
    /// With it: the open request, if any, and those that the operation is about.
    pub recharges: Vec<Recharge>,
    /// The most that was missing for a debit that was refused.
    pub(crate) lacking: Amount,
    /// To be written: the account was described anew.
    pub redescribed: Option<Description>,
    pub context: Context,
    pub purpose: Purpose,
    /// Over the cycles closed since the operation began.
    pub totals: CycleTotals,
    /// The balances after the newest entry.
    mark: Balances,
    /// Movements since the newest entry.
    movements: Vec<Movement>,
    /// Changes since then of what is held of allowance and rollover lots; of all others.
    held_changes: [Amount; 2],
    /// So many of the entries and closed cycles have been looked at for alerts.
    pub(crate) judged: (usize, usize),
}

impl Book {
    /// `lots` are open ones, in any order. The ledger's time never falls before the account's newest entry.
    pub fn new(account: Account, mut lots: Vec<Lot>, extent: Extent, mut context: Context) -> Book {
        context.now = context.now.max(account.recorded_at);
        lots.sort_by_key(Lot::burn_key);
        let mark = account.balances;
        let known_until = if extent == Extent::Prefix { lots.last().map(Lot::burn_key) } else { None };
        // A head that was spent on the account's row is still filed as open.
        let (lots, retired) = lots.into_iter().partition(Lot::is_open);
        Book {
            account,
            lots,
            extent,
            known_until,
            retired,
            entries: Vec::new(),
            closed: Vec::new(),
            events: Vec::new(),
            touched: false,
            holdings: Holdings::default(),
            budgets: None,
            meters: Vec::new(),
            switches: Vec::new(),
            budget_changes: Vec::new(),
            holds: Vec::new(),
            alerts: None,
            debts: Debts::default(),
            settlements: Vec::new(),
            refunded: Vec::new(),
            claw_backs: Vec::new(),
            next_lapse: Timestamp::INFINITY,
            auto_recharge: None,
            recharges: Vec::new(),
            lacking: Amount::ZERO,
            redescribed: None,
            context,
            purpose: Purpose::Write,
            totals: CycleTotals::default(),
            mark,
            movements: Vec::new(),
            held_changes: [Amount::ZERO; 2],
            judged: (0, 0),
        }
    }

    /// With the account's plans.
    pub fn with_holdings(mut self, holdings: Holdings) -> Book {
        self.holdings = holdings;
        self
    }

    pub fn now(&self) -> Timestamp {
        self.context.now
    }

    /// Whether an unknown lot may burn before this one.
    pub(crate) fn is_beyond(&self, lot: &Lot) -> bool {
        self.extent == Extent::Prefix && self.known_until.is_none_or(|key| lot.burn_key() > key)
    }

    /// Nothing to do but for a book that knows every open lot and every plan.
    pub(crate) fn need_all(&self) -> Outcome<()> {
        let unknown_plans = self.account.extras.subscriptions && self.holdings.subscriptions.is_empty();
        if self.extent == Extent::All && !unknown_plans { Ok(()) } else { Err(Stop::NeedMore) }
    }

    /// Changes what remains in a lot, and the account's figures with it.
    pub(crate) fn move_lot(&mut self, index: usize, amount: Amount) {
        let lot = &mut self.lots[index];
        lot.remaining += amount;
        lot.changed = true;
        if lot.is_restricted() {
            self.account.balances.reserved += amount;
        }
        let (number, bucket) = (lot.lot, lot.kind.bucket());
        self.note(number, bucket, amount);
    }

    /// Takes from the head, on a book that knows nothing else.
    pub(crate) fn take_from_head(&mut self, amount: Amount) {
        if let Some(head) = &mut self.account.head {
            head.remaining -= amount;
            let (lot, bucket) = (head.lot, head.bucket);
            self.note(lot, bucket, -amount);
        }
    }

    /// What was just taken from a lot is set aside in it.
    pub(crate) fn hold_in_lot(&mut self, index: usize, amount: Amount) {
        let lot = &mut self.lots[index];
        lot.held += amount;
        lot.changed = true;
        let bucket = lot.kind.bucket();
        self.note_held(bucket, amount);
    }

    pub(crate) fn hold_in_head(&mut self, amount: Amount) {
        if let Some(head) = &mut self.account.head {
            head.held += amount;
            let bucket = head.bucket;
            self.note_held(bucket, amount);
        }
    }

    fn note_held(&mut self, bucket: Bucket, amount: Amount) {
        self.account.balances.held += amount;
        self.held_changes[bucket as usize] += amount;
    }

    /// Where a lot stands on the book, `None` being the head of a book that knows nothing else.
    fn place_of(&self, lot: i32) -> Outcome<Option<usize>> {
        match self.extent {
            Extent::Head if self.account.head.is_some_and(|head| head.lot == lot) => Ok(None),
            Extent::Head => Err(Stop::NeedMore),
            _ => self.lots.iter().position(|own| own.lot == lot).map(Some).ok_or(Stop::NeedMore),
        }
    }

    /// What lots hold is spent.
    pub(crate) fn give_up_held(&mut self, parts: &[Movement]) -> Outcome<()> {
        for part in parts {
            match self.place_of(part.lot)? {
                Some(index) => self.hold_in_lot(index, -part.amount),
                None => self.hold_in_head(-part.amount),
            }
        }
        Ok(())
    }

    /// What lots hold returns to them, the last taken first, and pays debt first where the account repays it.
    pub(crate) fn give_back(&mut self, parts: &[Movement]) -> Outcome<()> {
        for part in parts.iter().rev() {
            match (self.place_of(part.lot)?, self.account.head) {
                (Some(index), _) => {
                    self.hold_in_lot(index, -part.amount);
                    self.move_lot(index, part.amount);
                    if !self.lots[index].revoked {
                        self.repay_from(index);
                    }
                    // While nothing remained in the lot, its end was no event.
                    self.expect_event(match self.lots[index].expiry {
                        Expiry::At(at) => Some(at),
                        _ => None,
                    });
                }
                // A head that has something left is not over, and there is no debt beside it that it could pay.
                (None, Some(head)) if head.remaining.is_positive() && self.account.balances.debt.is_zero() => {
                    self.hold_in_head(-part.amount);
                    self.take_from_head(-part.amount);
                }
                (None, _) => return Err(Stop::NeedMore),
            }
        }
        Ok(())
    }

    /// A hold of which the book knows already.
    pub fn take_hold(&mut self, hold: i64) -> Option<Hold> {
        let index = self.holds.iter().position(|own| own.hold == hold)?;
        Some(self.holds.remove(index))
    }

    fn note(&mut self, lot: i32, bucket: Bucket, amount: Amount) {
        *self.account.balances.bucket(bucket) += amount;
        self.movements.push(Movement { lot, amount });
    }

    /// A new, empty lot that the next entry makes, and its place among the lots.
    pub(crate) fn add_lot(&mut self, mut lot: Lot) -> usize {
        self.account.lots += 1;
        lot.lot = self.account.lots;
        lot.entry = self.account.entry + 1;
        lot.changed = true;
        self.place(lot)
    }

    /// Puts a lot into its place in the burn order.
    fn place(&mut self, lot: Lot) -> usize {
        let key = lot.burn_key();
        let index = self.lots.partition_point(|other| other.burn_key() < key);
        self.lots.insert(index, lot);
        index
    }

    /// Adds lots in which nothing could happen any more, as far as the book does not know them.
    pub fn know(&mut self, lots: Vec<Lot>) {
        for lot in lots {
            if !self.all_lots().any(|own| own.lot == lot.lot) {
                self.retired.push(lot);
            }
        }
    }

    /// The place of a lot, which may have been spent long ago, among the lots in which something can happen.
    pub(crate) fn reopen(&mut self, lot: i32) -> Option<usize> {
        if let Some(index) = self.lots.iter().position(|own| own.lot == lot) {
            return Some(index);
        }
        let retired = self.retired.iter().position(|own| own.lot == lot)?;
        let lot = self.retired.remove(retired);
        Some(self.place(lot))
    }

    /// Puts a lot whose burn key changed into its new place.
    pub(crate) fn replace(&mut self, index: usize) -> usize {
        let lot = self.lots.remove(index);
        self.place(lot)
    }

    /// A lot of this kind, active from `instant`, with nothing in it yet.
    pub(crate) fn blank_lot(&self, kind: LotKind, instant: Timestamp, expiry: Expiry) -> Lot {
        Lot {
            lot: 0,
            entry: 0,
            kind,
            status: LotStatus::Active,
            amount: Amount::ZERO,
            remaining: Amount::ZERO,
            held: Amount::ZERO,
            priority: kind.default_priority(),
            gone: Amount::ZERO,
            revoked: false,
            features: Vec::new(),
            effective_at: instant,
            expiry,
            expires_after_cycles: None,
            cycle: self.account.cycle.number,
            price: None,
            payment_ref: None,
            plan: None,
            changed: true,
        }
    }

    /// Appends an entry with all that moved since the last one.
    pub(crate) fn record(&mut self, draft: Draft) {
        let account = &mut self.account;
        account.entry += 1;
        let [held_allowance_change, held_credits_change] = std::mem::take(&mut self.held_changes);
        if !matches!(self.purpose, Purpose::Write | Purpose::ReadEntries) {
            self.movements.clear();
            return;
        }
        let before = std::mem::replace(&mut self.mark, account.balances);
        let after = account.balances;
        account.recorded_at = self.context.now;
        let mut entry = Entry {
            entry: account.entry,
            operation: draft.operation,
            kind: draft.kind,
            key: draft.key,
            amount: draft.amount,
            allowance_change: after.allowance - before.allowance,
            credits_change: after.credits - before.credits,
            debt_change: after.debt - before.debt,
            held_allowance_change,
            held_credits_change,
            after,
            used: account.used,
            cycle: account.cycle.number,
            movements: std::mem::take(&mut self.movements),
            dimensions: draft.dimensions,
            quantity: draft.quantity,
            included: draft.included,
            refers_to: draft.refers_to,
            reason: draft.reason,
            detail: draft.detail,
            effective_at: draft.effective_at.unwrap_or(self.context.now),
            recorded_at: self.context.now,
            recorded_by: self.context.recorded_by.clone(),
            clock_was_set: self.context.clock_was_set,
            redacted: None,
            hash: [0; 32],
        };
        let mut made: Vec<&Lot> = self.lots.iter().filter(|lot| lot.entry == entry.entry).collect();
        made.sort_by_key(|lot| lot.lot);
        entry.hash = chain::hash(&account.hash, &account.account, &entry, made.into_iter());
        account.hash = entry.hash;
        self.entries.push(entry);
    }

    /// Appends a closed cycle, once its entries are recorded.
    pub(crate) fn record_cycle(&mut self, mut cycle: ClosedCycle) {
        self.totals.closed += 1;
        self.totals.rolled_over += cycle.rolled_over;
        self.totals.debt_forgiven += cycle.debt_forgiven;
        self.totals.debt_invoiced += cycle.debt_invoiced;
        if self.purpose == Purpose::Write {
            // A closing may leave no entry, and yet time must not fall behind it.
            self.account.recorded_at = self.context.now;
            cycle.entry = self.account.entry;
            cycle.hash = chain::cycle_hash(&self.account.hash, &self.account.account, &cycle);
            let (end, payload) = (cycle.end, event::of_cycle(&cycle));
            self.closed.push(cycle);
            self.emit(EventType::CycleClosed, end, payload);
        }
    }

    /// Sets the head and the next event anew, and judges the alerts. To be called once, after the last operation on the
    /// book. A book that knows the head only stays as it is, and does not do where an alert is near.
    pub fn seal(&mut self) -> Outcome<()> {
        if self.extent == Extent::Head {
            return if self.account.is_near_alert() { Err(Stop::NeedMore) } else { Ok(()) };
        }
        let head = self.lots.iter().find(|lot| lot.usable_for(None) && lot.remaining.is_positive());
        let unknown = match head {
            Some(lot) => self.is_beyond(lot),
            None => self.extent == Extent::Prefix && self.account.balances.available().is_positive(),
        };
        // What remains in the old head stands on the account's row only: before another lot takes its place there, its own
        // row has to be written, and so to be known.
        let lost = self.extent == Extent::Prefix
            && self.account.head.is_some_and(|old| {
                head.map(|lot| lot.lot) != Some(old.lot) && !self.all_lots().any(|lot| lot.lot == old.lot)
            });
        if unknown || lost {
            return Err(Stop::NeedMore);
        }
        self.account.head =
            head.map(|lot| Head { lot: lot.lot, bucket: lot.kind.bucket(), remaining: lot.remaining, held: lot.held });
        if self.extent == Extent::All {
            self.account.next_event_at = self.next_event();
        }
        self.judge_alerts(self.now())?;
        if !self.entries.is_empty() || !self.closed.is_empty() {
            self.account.watch.alerts = self.alerts_at()?;
        }
        Ok(())
    }

    /// On a book that knows only some lots: time has something to do at this instant, too.
    pub(crate) fn expect_event(&mut self, instant: Option<Timestamp>) {
        if let Some(instant) = instant {
            self.account.next_event_at = self.account.next_event_at.min(instant);
        }
    }

    /// Nothing can be added to a book that knows no lots at all.
    pub(crate) fn need_some(&self) -> Outcome<()> {
        if self.extent == Extent::Head { Err(Stop::NeedMore) } else { Ok(()) }
    }

    /// The instant at which time next changes anything; needs all open lots.
    pub(crate) fn next_event(&self) -> Timestamp {
        if self.account.is_closed() {
            return Timestamp::INFINITY;
        }
        let lots = self.lots.iter().filter_map(|lot| self.lot_event(lot));
        let holds = self.holds.iter().filter(|hold| hold.is_open()).map(|hold| hold.expires_at);
        lots.chain(holds).chain([self.next_lapse]).chain(self.account.cycle.end).min().unwrap_or(Timestamp::INFINITY)
    }

    /// The instant at which time next changes this lot, its cycle's end left out.
    fn lot_event(&self, lot: &Lot) -> Option<Timestamp> {
        match (lot.status, lot.expiry) {
            (LotStatus::Scheduled, _) => Some(lot.effective_at),
            (LotStatus::Active, Expiry::At(at)) if lot.remaining.is_positive() => Some(at),
            (LotStatus::Active, Expiry::Cycle { cycle, .. })
                if lot.remaining.is_positive() && cycle < self.account.cycle.number =>
            {
                Some(self.account.cycle.start)
            }
            _ => None,
        }
    }

    /// Moves lots in which nothing can happen any more out of the way.
    pub(crate) fn retire(&mut self) {
        let mut i = 0;
        while i < self.lots.len() {
            if self.lots[i].is_open() {
                i += 1;
            } else {
                let lot = self.lots.remove(i);
                if self.purpose != Purpose::Read {
                    self.retired.push(lot);
                }
            }
        }
    }

    /// All lots of which the book knows, open ones first.
    pub fn all_lots(&self) -> impl Iterator<Item = &Lot> {
        self.lots.iter().chain(&self.retired)
    }
}
