//! Cycles: closing one, beginning the next, and resetting by hand or by a billing provider's webhook.

use crate::account::{Cycle, DebtPolicy};
use crate::amount::Amount;
use crate::book::{Book, ClosedCycle, Draft, Outcome};
use crate::calendar::Series;
use crate::chain::Encoder;
use crate::debt::Fate;
use crate::entry::{Key, Operation};
use crate::error::{Error, Result};
use crate::lifecycle::{Detail, plan_detail};
use crate::lot::{Expiry, Lot, LotKind, LotStatus};
use crate::time::{Timestamp, Zone};
use serde::{Deserialize, Serialize};

/// What `credits_reset_cycle` says; the amounts are totals over the cycles that the call closed, of allowance and
/// rollover lots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleResult {
    pub cycle: i32,
    pub cycle_start: Timestamp,
    pub cycle_end: Option<Timestamp>,
    pub cycles_closed: i32,
    pub expired: Amount,
    pub rolled_over: Amount,
    pub granted: Amount,
    pub debt_forgiven: Amount,
    pub debt_invoiced: Amount,
    pub balance: Amount,
    pub allowance: Amount,
    pub credits: Amount,
    pub available: Amount,
}

/// Digest of what `credits_reset_cycle` was passed.
pub fn reset_request(starts_at: Option<Timestamp>) -> i64 {
    let mut e = Encoder::new();
    e.text(Operation::Reset.name()).opt_integer(starts_at.map(|at| at.0));
    e.digest64()
}

/// How unused allowance rolls over.
struct RolloverTerms {
    percent: Amount,
    max: Option<Amount>,
    /// How many cycles it lives.
    cycles: i32,
}

impl Book {
    /// The account's boundaries; `None` where its cycles are closed by hand.
    fn series<'z>(&self, zone: &'z dyn Zone) -> Result<Option<Series<'z>>> {
        let settings = &self.account.settings;
        if settings.is_manual() {
            return Ok(None);
        }
        Series::new(settings.anchor, settings.cycle_length, zone).map(Some)
    }

    /// The cycle that contains now, by the account's settings.
    pub(crate) fn cycle_around_now(&self, number: i32, zone: &dyn Zone) -> Result<Cycle> {
        let now = self.now();
        Ok(match self.series(zone)? {
            Some(series) => Cycle { number, start: series.last_until(now)?, end: Some(series.first_after(now)?) },
            None => Cycle { number, start: now, end: None },
        })
    }

    /// Where a cycle that begins at `start` ends.
    pub(crate) fn end_after(&self, start: Timestamp, zone: &dyn Zone) -> Result<Option<Timestamp>> {
        self.series(zone)?.map(|series| series.first_after(start)).transpose()
    }

    /// The expiry of a lot that becomes effective now and lives for `cycles` cycles, this one being the first.
    pub(crate) fn expiry_after_cycles(&self, cycles: i32, zone: &dyn Zone) -> Result<Expiry> {
        let number = self.account.cycle.number;
        let last = number.checked_add(cycles - 1).ok_or_else(|| {
            Error::invalid("expires_after_cycles is too large").detail(format!("expires_after_cycles={cycles}"))
        })?;
        self.expiry_of_cycle(last, zone)
    }

    /// The expiry of a lot that lives to the end of the cycle with this number, the running one or a later one.
    pub(crate) fn expiry_of_cycle(&self, cycle: i32, zone: &dyn Zone) -> Result<Expiry> {
        let running = self.account.cycle;
        let at = match (running.end, cycle - running.number) {
            (Some(end), ahead) if ahead > 0 => self.nth_boundary_after(end, ahead, zone)?,
            (end, _) => end,
        };
        Ok(Expiry::Cycle { cycle, at })
    }

    fn nth_boundary_after(&self, instant: Timestamp, n: i32, zone: &dyn Zone) -> Result<Option<Timestamp>> {
        self.series(zone)?.map(|series| series.nth_after(instant, i64::from(n))).transpose()
    }

    /// After the boundaries changed: the lots that expire by cycle get new dates.
    pub(crate) fn foresee_expiries(&mut self, zone: &dyn Zone) -> Result<()> {
        for i in 0..self.lots.len() {
            let Expiry::Cycle { cycle, at } = self.lots[i].expiry else { continue };
            // Its time is over, but a hold sets some of it aside: when that was, is history.
            if cycle < self.account.cycle.number || self.lots[i].status == LotStatus::Expired {
                continue;
            }
            let expiry = self.expiry_of_cycle(cycle, zone)?;
            if expiry.date() != at {
                self.lots[i].expiry = expiry;
                self.lots[i].changed = true;
            }
        }
        self.lots.sort_by_key(|lot| lot.burn_key());
        Ok(())
    }

    /// Grants the account's own allowance for the running cycle in full.
    pub(crate) fn grant_allowance(&mut self, instant: Timestamp) {
        let amount = self.account.settings.allowance;
        if amount.is_positive() {
            let cycle = self.account.cycle;
            let expiry = Expiry::Cycle { cycle: cycle.number, at: cycle.end };
            self.add_plan_lot(LotKind::Allowance, None, amount, expiry, instant);
            self.record(Draft::new(Operation::Allowance, amount).kind(LotKind::Allowance).at(instant));
        }
    }

    /// Fills a new lot with what a plan grants, or the account's own settings.
    pub(crate) fn add_plan_lot(
        &mut self,
        kind: LotKind,
        plan: Option<&str>,
        amount: Amount,
        expiry: Expiry,
        instant: Timestamp,
    ) {
        let mut lot = self.blank_lot(kind, instant, expiry);
        lot.amount = amount;
        lot.plan = plan.map(Into::into);
        let index = self.add_lot(lot);
        self.move_lot(index, amount);
        self.repay_from(index);
        if kind == LotKind::Allowance {
            self.account.granted += amount;
            self.totals.granted += amount;
        }
    }

    /// What the account's plans grant as a cycle begins: pending changes take effect.
    fn grant_by_plans(&mut self, instant: Timestamp, zone: &dyn Zone) {
        let cycle = self.account.cycle.number;
        self.holdings.turn(cycle, instant);
        for due in self.holdings.dues(cycle, instant) {
            let operation = if due.kind == LotKind::Trial { Operation::Grant } else { Operation::Allowance };
            let expiry = self.expiry_by_plan(due.kind, due.period, instant, zone).unwrap_or(Expiry::Never);
            self.add_plan_lot(due.kind, Some(&due.plan), due.amount, expiry, instant);
            let mut draft = Draft::new(operation, due.amount).kind(due.kind).at(instant);
            draft.detail = Some(plan_detail(&due.plan));
            self.record(draft);
        }
    }

    /// The running cycle ends at `instant`, and the next one begins.
    pub(crate) fn begin_next_cycle(&mut self, instant: Timestamp, zone: &dyn Zone) -> Result<()> {
        let number = self.account.cycle.number;
        let next = Cycle { number: number + 1, start: instant, end: self.end_after(instant, zone)? };
        self.close_cycle(instant, Some(next), zone);
        self.account.cycle = next;
        let account = &mut self.account;
        (account.used, account.granted, account.expired) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
        self.grant_allowance(instant);
        self.grant_by_plans(instant, zone);
        Ok(())
    }

    /// A cycle with this anchor begins now. Where nothing but `open` has happened, the first one is moved instead.
    pub(crate) fn start_cycle(&mut self, anchor: Timestamp, zone: &dyn Zone) -> Outcome<()> {
        if self.account.entry == 1 && self.account.cycle.number == 1 {
            self.account.settings.anchor = anchor;
            self.account.cycle = self.cycle_around_now(1, zone)?;
            return Ok(());
        }
        self.end_cycle_now(anchor, zone)
    }

    /// The running cycle ends now, whatever its end was to be, and the series of cycles has this anchor from now on.
    fn end_cycle_now(&mut self, anchor: Timestamp, zone: &dyn Zone) -> Outcome<()> {
        self.need_all()?;
        let now = self.now();
        self.account.settings.anchor = anchor;
        self.begin_next_cycle(now, zone)?;
        self.foresee_expiries(zone)?;
        self.account.next_event_at = now;
        self.settle(zone)
    }

    /// Rollover, expiry of the rest, debt policy. Without a next cycle nothing rolls over.
    pub(crate) fn close_cycle(&mut self, instant: Timestamp, next: Option<Cycle>, zone: &dyn Zone) {
        let closing = self.account.cycle;
        let rolled_over = next.map_or(Amount::ZERO, |next| self.roll_over(instant, next, zone));
        let mut expired = Amount::ZERO;
        for i in 0..self.lots.len() {
            let lot = &self.lots[i];
            let over = matches!(lot.kind, LotKind::Allowance | LotKind::Rollover)
                && (next.is_none() || lot.expiry.cycle().is_some_and(|cycle| cycle <= closing.number));
            if over && lot.is_active() && lot.remaining.is_positive() {
                expired += self.expire(i, instant);
            } else if self.is_trial_over(i) {
                self.expire(i, instant);
            }
        }
        let debt = self.debts.passing();
        let (mut debt_forgiven, mut debt_invoiced) = (Amount::ZERO, Amount::ZERO);
        let fate = match self.account.settings.debt_policy {
            DebtPolicy::Repay => None,
            DebtPolicy::ForgiveAtReset => Some((Operation::Forgive, Fate::Forgiven, &mut debt_forgiven)),
            DebtPolicy::InvoiceAtReset => Some((Operation::Invoice, Fate::Invoiced, &mut debt_invoiced)),
        };
        if let Some((operation, fate, figure)) = fate
            && debt.is_positive()
        {
            *figure = debt;
            let stretches = self.debts.settle_passing();
            self.settle_debt(&stretches, fate);
            self.record(Draft::new(operation, debt).at(instant));
        }
        self.retire();
        self.totals.expired += expired;
        self.record_cycle(ClosedCycle {
            cycle: closing.number,
            start: closing.start,
            end: instant,
            foreseen_end: closing.end,
            granted: self.account.granted,
            used: self.account.used,
            rolled_over,
            expired: self.account.expired,
            debt_forgiven,
            debt_invoiced,
            closed_at: self.now(),
            entry: 0,
            hash: [0; 32],
        });
    }

    /// Whether something is left of a trial whose plan is not held any more once the cycle has closed.
    fn is_trial_over(&self, index: usize) -> bool {
        let lot = &self.lots[index];
        let given_up = lot.plan.as_deref().is_some_and(|plan| !self.holdings.stays(plan));
        lot.kind == LotKind::Trial && given_up && lot.is_active() && lot.remaining.is_positive()
    }

    /// Moves the share of the unused allowance that rolls over into lots that live through the next cycles: one for
    /// the account's own allowance, one for each plan.
    fn roll_over(&mut self, instant: Timestamp, next: Cycle, zone: &dyn Zone) -> Amount {
        let closing = self.account.cycle.number;
        let is_allowance = |lot: &&Lot| lot.kind == LotKind::Allowance && lot.cycle == closing && lot.is_active();
        let mut plans: Vec<Option<String>> = Vec::new();
        for lot in self.lots.iter().filter(is_allowance) {
            if !plans.contains(&lot.plan) {
                plans.push(lot.plan.clone());
            }
        }
        plans.sort();
        let mut rolled_over = Amount::ZERO;
        for plan in plans {
            if let Some(terms) = self.rollover_terms(plan.as_deref(), instant) {
                rolled_over += self.roll_over_plan(plan, terms, instant, next, zone);
            }
        }
        rolled_over
    }

    /// What rolls over of a plan, or of the account's own allowance; `None`: nothing.
    fn rollover_terms(&self, plan: Option<&str>, instant: Timestamp) -> Option<RolloverTerms> {
        let terms = match plan {
            None => {
                let settings = &self.account.settings;
                RolloverTerms { percent: settings.rollover_percent, max: settings.rollover_max, cycles: 1 }
            }
            Some(_) if plan.and_then(|plan| self.holdings.held(plan)).is_some_and(|own| own.pending.expire) => {
                return None;
            }
            Some(name) => {
                let plan = self.holdings.plan(name, instant).ok()?;
                RolloverTerms { percent: plan.rollover_percent, max: plan.rollover_max, cycles: plan.rollover_cycles }
            }
        };
        terms.percent.is_positive().then_some(terms)
    }

    fn roll_over_plan(
        &mut self,
        plan: Option<String>,
        terms: RolloverTerms,
        instant: Timestamp,
        next: Cycle,
        zone: &dyn Zone,
    ) -> Amount {
        let closing = self.account.cycle.number;
        let of_plan = |lot: &Lot, kind: LotKind| lot.kind == kind && lot.plan == plan;
        let allowances: Vec<usize> = (0..self.lots.len())
            .filter(|i| {
                let lot = &self.lots[*i];
                of_plan(lot, LotKind::Allowance) && lot.cycle == closing && lot.is_active()
            })
            .collect();
        let unused: Amount = allowances.iter().map(|i| self.lots[*i].remaining).sum();
        let mut rolling = unused.percent(terms.percent);
        if let Some(max) = terms.max {
            // Rollover of earlier cycles whose term ends now is gone, but what is held of it still lives.
            let living: Amount = self
                .lots
                .iter()
                .filter(|lot| of_plan(lot, LotKind::Rollover))
                .map(|lot| if lot.expiry.cycle() > Some(closing) { lot.remaining + lot.held } else { lot.held })
                .sum();
            rolling = rolling.min((max - living).or_zero());
        }
        // With the next allowance, the account's sum stays in range; the rest expires.
        let settings = &self.account.settings;
        let room = Amount::MAX - self.account.balances.credits - self.account.balances.held - settings.allowance;
        rolling = rolling.min(room.or_zero());
        if !rolling.is_positive() {
            return Amount::ZERO;
        }
        let mut left = rolling;
        for index in allowances {
            let share = left.min(self.lots[index].remaining);
            if share.is_positive() {
                self.move_lot(index, -share);
                self.lots[index].gone += share;
                left -= share;
            }
        }
        let last = next.number.saturating_add(terms.cycles - 1);
        let at = match next.end {
            // Time does not fail: where the calendar ends, the end is not foreseen.
            Some(end) if terms.cycles > 1 => self.nth_boundary_after(end, terms.cycles - 1, zone).unwrap_or(None),
            end => end,
        };
        let mut lot = self.blank_lot(LotKind::Rollover, instant, Expiry::Cycle { cycle: last, at });
        lot.amount = rolling;
        lot.cycle = next.number;
        lot.expires_after_cycles = (terms.cycles > 1).then_some(terms.cycles);
        lot.plan = plan.clone();
        let index = self.add_lot(lot);
        self.move_lot(index, rolling);
        let mut draft = Draft::new(Operation::Rollover, rolling).kind(LotKind::Rollover).at(instant);
        draft.detail = plan.as_deref().map(plan_detail);
        self.record(draft);
        rolling
    }

    /// `credits_reset_cycle`: closes what is due. With `starts_at`, the start of the period that the caller's billing
    /// states: unless the running cycle began at or after it, the cycle ends now and the next begins, with `starts_at`
    /// as the anchor. With a key it leaves an entry, also where nothing was due; without one, only where the cycle was
    /// ended by the call and not by time.
    pub fn reset(&mut self, key: Option<Key>, starts_at: Option<Timestamp>, zone: &dyn Zone) -> Outcome<CycleResult> {
        let now = self.now();
        let manual = self.account.settings.is_manual();
        if self.account.is_closed() {
            return Err(closed(&self.account.account).into());
        }
        if manual && key.is_none() {
            return Err(Error::argument(
                "idempotency_key",
                "NULL",
                "a cycle that is closed by hand is reset with an idempotency_key",
            )
            .hint("Give the id of the event that resets it, such as the webhook's.")
            .into());
        }
        if let Some(start) = starts_at
            && (!start.is_finite() || start > now)
        {
            return Err(Error::invalid("starts_at must not be in the future")
                .detail(format!("starts_at={start} now={now}"))
                .into());
        }
        self.settle(zone)?;
        let starts_at = if manual { starts_at.or(Some(now)) } else { starts_at };
        let moved = starts_at.filter(|start| self.account.cycle.start < *start);
        if let Some(start) = moved {
            self.end_cycle_now(start, zone)?;
        }
        let result = self.cycle_result();
        if key.is_some() || moved.is_some() {
            let mut draft = Draft::new(Operation::Reset, Amount::ZERO).key(key);
            draft.detail = Some(Detail { result: Some(result.clone()), ..Detail::of(&self.account) }.to_json()?);
            self.record(draft);
        }
        Ok(result)
    }

    /// What the cycles closed on this book amount to.
    pub fn cycle_result(&self) -> CycleResult {
        let (balances, totals) = (self.account.balances, self.totals);
        CycleResult {
            cycle: self.account.cycle.number,
            cycle_start: self.account.cycle.start,
            cycle_end: self.account.cycle.end,
            cycles_closed: totals.closed,
            expired: totals.expired,
            rolled_over: totals.rolled_over,
            granted: totals.granted,
            debt_forgiven: totals.debt_forgiven,
            debt_invoiced: totals.debt_invoiced,
            balance: balances.balance(),
            allowance: balances.allowance,
            credits: balances.credits,
            available: balances.available(),
        }
    }
}

/// LC011 for what a closed account refuses.
pub(crate) fn closed(account: &str) -> Error {
    Error::new(crate::error::Code::AccountFrozen, format!("account {account:?} is closed"))
        .detail("status=closed")
        .hint("A closed account stays closed: open another one.")
}
