//! Cycles: closing one, beginning the next, and resetting by hand or by a billing provider's webhook.

use crate::account::{Cycle, DebtPolicy};
use crate::amount::Amount;
use crate::book::{Book, ClosedCycle, Draft, Outcome};
use crate::calendar::Series;
use crate::chain::Encoder;
use crate::entry::{Key, Operation};
use crate::error::{Error, Result};
use crate::lifecycle::Detail;
use crate::lot::{Expiry, LotKind};
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
            (Some(end), ahead) if ahead > 0 => {
                self.series(zone)?.map(|series| series.nth_after(end, i64::from(ahead))).transpose()?
            }
            (end, _) => end,
        };
        Ok(Expiry::Cycle { cycle, at })
    }

    /// After the boundaries changed: the lots that expire by cycle get new dates.
    pub(crate) fn foresee_expiries(&mut self, zone: &dyn Zone) -> Result<()> {
        for i in 0..self.lots.len() {
            let Expiry::Cycle { cycle, at } = self.lots[i].expiry else { continue };
            let expiry = self.expiry_of_cycle(cycle, zone)?;
            if expiry.date() != at {
                self.lots[i].expiry = expiry;
                self.lots[i].changed = true;
            }
        }
        self.lots.sort_by_key(|lot| lot.burn_key());
        Ok(())
    }

    /// Grants the running cycle's allowance in full.
    pub(crate) fn grant_allowance(&mut self, instant: Timestamp) {
        let amount = self.account.settings.allowance;
        if !amount.is_positive() {
            return;
        }
        let cycle = self.account.cycle;
        let expiry = Expiry::Cycle { cycle: cycle.number, at: cycle.end };
        let mut lot = self.blank_lot(LotKind::Allowance, instant, expiry);
        lot.amount = amount;
        let index = self.add_lot(lot);
        self.move_lot(index, amount);
        self.repay_from(index);
        self.account.granted += amount;
        self.totals.granted += amount;
        self.record(Draft::new(Operation::Allowance, amount).kind(LotKind::Allowance).at(instant));
    }

    /// The running cycle ends at `instant`, and the next one begins.
    pub(crate) fn begin_next_cycle(&mut self, instant: Timestamp, zone: &dyn Zone) -> Result<()> {
        let number = self.account.cycle.number;
        let next = Cycle { number: number + 1, start: instant, end: self.end_after(instant, zone)? };
        self.close_cycle(instant, Some(next));
        self.account.cycle = next;
        (self.account.used, self.account.granted) = (Amount::ZERO, Amount::ZERO);
        self.grant_allowance(instant);
        Ok(())
    }

    /// Rollover, expiry of the rest, debt policy. Without a next cycle nothing rolls over.
    pub(crate) fn close_cycle(&mut self, instant: Timestamp, next: Option<Cycle>) {
        let closing = self.account.cycle;
        let rolled_over = next.map_or(Amount::ZERO, |next| self.roll_over(instant, next));
        let mut expired = Amount::ZERO;
        for i in 0..self.lots.len() {
            let lot = &self.lots[i];
            let over = matches!(lot.kind, LotKind::Allowance | LotKind::Rollover)
                && lot.expiry.cycle().is_some_and(|cycle| cycle <= closing.number);
            if over && lot.is_active() && lot.remaining.is_positive() {
                expired += self.expire(i, instant);
            }
        }
        let debt = self.account.balances.debt;
        let (mut debt_forgiven, mut debt_invoiced) = (Amount::ZERO, Amount::ZERO);
        let fate = match self.account.settings.debt_policy {
            DebtPolicy::Repay => None,
            DebtPolicy::ForgiveAtReset => Some((Operation::Forgive, &mut debt_forgiven)),
            DebtPolicy::InvoiceAtReset => Some((Operation::Invoice, &mut debt_invoiced)),
        };
        if let Some((operation, figure)) = fate
            && debt.is_positive()
        {
            *figure = debt;
            self.account.balances.debt = Amount::ZERO;
            self.record(Draft::new(operation, debt).at(instant));
        }
        self.retire();
        self.record_cycle(ClosedCycle {
            cycle: closing.number,
            start: closing.start,
            end: instant,
            foreseen_end: closing.end,
            granted: self.account.granted,
            used: self.account.used,
            rolled_over,
            expired,
            debt_forgiven,
            debt_invoiced,
            closed_at: self.now(),
            entry: 0,
            hash: [0; 32],
        });
    }

    /// Moves the share of the unused allowance that rolls over into a lot that lives through the next cycle.
    fn roll_over(&mut self, instant: Timestamp, next: Cycle) -> Amount {
        let closing = self.account.cycle.number;
        let settings = &self.account.settings;
        let allowances: Vec<usize> = (0..self.lots.len())
            .filter(|i| {
                let lot = &self.lots[*i];
                lot.kind == LotKind::Allowance && lot.cycle == closing && lot.is_active()
            })
            .collect();
        let unused: Amount = allowances.iter().map(|i| self.lots[*i].remaining).sum();
        let mut rolling = unused.percent(settings.rollover_percent);
        if let Some(max) = settings.rollover_max {
            // Rollover of earlier cycles whose term ends now is gone, but what is held of it still lives.
            let living: Amount = self
                .lots
                .iter()
                .filter(|lot| lot.kind == LotKind::Rollover)
                .map(|lot| if lot.expiry.cycle() > Some(closing) { lot.remaining + lot.held } else { lot.held })
                .sum();
            rolling = rolling.min((max - living).or_zero());
        }
        // With the next allowance, the account's sum stays in range; the rest expires.
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
                left -= share;
            }
        }
        let expiry = Expiry::Cycle { cycle: next.number, at: next.end };
        let mut lot = self.blank_lot(LotKind::Rollover, instant, expiry);
        lot.amount = rolling;
        lot.cycle = next.number;
        let index = self.add_lot(lot);
        self.move_lot(index, rolling);
        self.record(Draft::new(Operation::Rollover, rolling).kind(LotKind::Rollover).at(instant));
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
            self.need_all()?;
            self.account.settings.anchor = start;
            self.begin_next_cycle(now, zone)?;
            self.foresee_expiries(zone)?;
            self.account.next_event_at = now;
            self.settle(zone)?;
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
