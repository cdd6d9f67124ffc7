//! Time acting by itself: what is due by now is recorded, instant by instant, before anything else is done.
//!
//! At one instant, in this order: holds lapse, the cycle closes, other lots expire, scheduled grants become effective.

use crate::amount::Amount;
use crate::book::{Book, Draft, Outcome, Purpose};
use crate::entry::Operation;
use crate::error::Result;
use crate::event::{self, EventType};
use crate::lifecycle::plan_detail;
use crate::lot::{Bucket, Expiry, Lot, LotStatus};
use crate::time::{Timestamp, Zone};

impl Book {
    /// Whether time has done something that is not recorded yet.
    pub fn is_due(&self) -> bool {
        self.account.next_event_at <= self.now() && !self.account.is_closed()
    }

    /// Records all that time has done by now, as part of an operation: alerts wait until that is done.
    pub(crate) fn settle(&mut self, zone: &dyn Zone) -> Outcome<()> {
        while !self.settle_instants(zone, usize::MAX, |_, _| Ok(()))? {}
        Ok(())
    }

    /// Records what time has done by now, but no more than so many instants of it; true where that was all. Alerts are
    /// judged at each of the instants.
    pub fn settle_some(&mut self, zone: &dyn Zone, instants: usize) -> Outcome<bool> {
        self.settle_instants(zone, instants, Book::judge_alerts)
    }

    fn settle_instants(
        &mut self,
        zone: &dyn Zone,
        instants: usize,
        judge: impl Fn(&mut Book, Timestamp) -> Outcome<()>,
    ) -> Outcome<bool> {
        if !self.is_due() {
            return Ok(true);
        }
        self.need_all()?;
        for _ in 0..instants {
            let instant = self.next_event();
            self.account.next_event_at = instant;
            if instant > self.now() {
                return Ok(true);
            }
            // More holds lapse than the book knows.
            if instant == self.next_lapse {
                return Ok(false);
            }
            self.lapse_holds(instant)?;
            // What came back to lots that were over before is gone before the cycle closes.
            self.expire_where(instant, |_, lot| lot.status == LotStatus::Expired);
            if self.account.cycle.end == Some(instant) {
                self.begin_next_cycle(instant, zone)?;
            }
            self.expire_lots(instant);
            self.retire();
            self.start_scheduled(instant, zone)?;
            judge(self, instant)?;
        }
        Ok(false)
    }

    /// Expires what remains in the lots whose time is over at `instant`; those of the plan go with their cycle. What has
    /// returned to a voided lot is void.
    fn expire_lots(&mut self, instant: Timestamp) {
        self.expire_where(instant, |book, lot| book.is_over(lot, instant));
    }

    fn expire_where(&mut self, instant: Timestamp, is_over: impl Fn(&Book, &Lot) -> bool) {
        for i in 0..self.lots.len() {
            let lot = &self.lots[i];
            match lot.remaining.is_positive() {
                true if lot.revoked => self.void_returned(i, instant),
                true if is_over(self, lot) => {
                    self.expire(i, instant);
                }
                _ => {}
            }
        }
    }

    /// What returned just now to lots whose time is over expires at once, or is void.
    pub(crate) fn expire_returned(&mut self) {
        self.expire_lots(self.now());
        self.retire();
    }

    /// Whether a lot's time is over at `instant`. What holds still set aside of it may return later.
    pub(crate) fn is_over(&self, lot: &Lot, instant: Timestamp) -> bool {
        match (lot.status, lot.expiry) {
            (LotStatus::Expired, _) => true,
            (LotStatus::Scheduled, _) => false,
            _ if self.account.is_closed() => true,
            (_, Expiry::At(at)) => at <= instant,
            (_, Expiry::Cycle { cycle, .. }) => cycle < self.account.cycle.number,
            _ => false,
        }
    }

    /// Expires what remains in a lot, as an entry of its own, and says how much it was.
    pub(crate) fn expire(&mut self, index: usize, instant: Timestamp) -> Amount {
        let lot = &mut self.lots[index];
        let (kind, remaining) = (lot.kind, lot.remaining);
        let detail = lot.plan.as_deref().map(plan_detail);
        lot.status = LotStatus::Expired;
        if let Expiry::Cycle { cycle, at } = lot.expiry {
            // What was foreseen has come, perhaps at an earlier instant. Of what returns later it is history. What a closed
            // account is given expires as it comes.
            let at = at.map_or(instant, |at| at.min(instant)).max(lot.effective_at);
            lot.expiry = Expiry::Cycle { cycle, at: Some(at) };
        }
        lot.gone += remaining;
        // After the account was closed no cycle runs.
        if kind.bucket() == Bucket::Allowance && !self.account.is_closed() {
            self.account.expired += remaining;
        }
        self.move_lot(index, -remaining);
        let mut draft = Draft::new(Operation::Expire, remaining).kind(kind).at(instant);
        draft.detail = detail;
        self.record(draft);
        if self.purpose == Purpose::Write {
            let payload = event::of_expiry(&self.lots[index], remaining);
            self.emit(EventType::LotExpired, instant, payload);
        }
        remaining
    }

    fn start_scheduled(&mut self, instant: Timestamp, zone: &dyn Zone) -> Result<()> {
        // In the order in which they were scheduled.
        let due = |lot: &Lot| lot.status == LotStatus::Scheduled && lot.effective_at <= instant;
        while let Some(next) = self.lots.iter().filter(|lot| due(lot)).map(|lot| lot.lot).min() {
            let Some(index) = self.lots.iter().position(|lot| lot.lot == next) else { break };
            let expiry = match self.lots[index].expiry {
                Expiry::AfterCycles(cycles) => self.expiry_after_cycles(cycles, zone)?,
                dated => dated,
            };
            let cycle = self.account.cycle.number;
            let lot = &mut self.lots[index];
            lot.status = LotStatus::Active;
            lot.expiry = expiry;
            lot.cycle = cycle;
            // Some of it may have been voided meanwhile.
            let (amount, kind, scheduled_by) = (lot.amount - lot.gone, lot.kind, lot.entry);
            let index = self.replace(index);
            self.move_lot(index, amount);
            self.repay_from(index);
            let mut draft = Draft::new(Operation::Grant, amount).kind(kind).at(instant);
            draft.refers_to = Some(scheduled_by);
            self.record(draft);
        }
        Ok(())
    }
}
