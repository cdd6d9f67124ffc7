//! Grants: credits that arrive, now or at a later time.

use crate::account::Status;
use crate::amount::Amount;
use crate::book::{Book, Draft, Outcome};
use crate::chain::Encoder;
use crate::cycle::closed;
use crate::entry::{Dimensions, Key, Operation};
use crate::error::{Error, Result};
use crate::lot::{Expiry, LotKind, LotStatus, Price};
use crate::receipt::Receipt;
use crate::time::{Interval, Timestamp, Zone};

/// When the lot is to expire, as the caller says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantExpiry {
    Never,
    At(Timestamp),
    /// Counted from the lot's effective_at, on the wall clock of the account's zone.
    In(Interval),
    /// Counted in cycles, the one in which the lot becomes effective being the first.
    AfterCycles(i32),
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub amount: Amount,
    pub key: String,
    pub kind: LotKind,
    pub expiry: GrantExpiry,
    /// `None`: now.
    pub effective_at: Option<Timestamp>,
    /// `None`: the kind's default.
    pub priority: Option<i32>,
    /// Sorted, without duplicates; empty: for all features.
    pub features: Vec<String>,
    pub price: Option<Price>,
    pub payment_ref: Option<String>,
    pub dimensions: Dimensions,
}

impl Grant {
    /// Digest of what the caller passed; `metadata` is not compared.
    pub fn request(&self) -> i64 {
        let mut e = Encoder::new();
        e.text(Operation::Grant.name()).amount(self.amount).text(self.kind.name());
        match self.expiry {
            GrantExpiry::Never => e.text("never"),
            GrantExpiry::At(at) => e.text("at").integer(at.0),
            GrantExpiry::In(interval) => e.text("in").interval(interval),
            GrantExpiry::AfterCycles(cycles) => e.text("after").integer(cycles.into()),
        };
        e.opt_integer(self.effective_at.map(|at| at.0)).opt_integer(self.priority.map(i64::from));
        e.integer(self.features.len() as i64);
        for feature in &self.features {
            e.text(feature);
        }
        e.opt_amount(self.price.as_ref().map(|price| price.amount));
        e.opt_text(self.price.as_ref().map(|price| price.currency.as_str()));
        e.opt_text(self.payment_ref.as_deref());
        e.digest64()
    }

    /// LC004 or LC005 where the request can be for no account at any time.
    pub fn check(&self) -> Result<()> {
        if !self.kind.grantable() {
            return Err(Error::argument("kind", self.kind.name(), "lots of this kind are made by the ledger only")
                .hint("Grant one of purchase, promo, welcome, trial, bonus, adjustment."));
        }
        if let Some(priority) = self.priority
            && !(1..=1000).contains(&priority)
        {
            return Err(Error::invalid("priority must be from 1 to 1000").detail(format!("priority={priority}")));
        }
        match self.expiry {
            GrantExpiry::In(interval) if !interval.is_positive() => {
                return Err(Error::argument("expires_in", interval, "expires_in must be a positive interval"));
            }
            GrantExpiry::AfterCycles(cycles) if cycles < 1 => {
                return Err(Error::invalid("expires_after_cycles must be at least 1")
                    .detail(format!("expires_after_cycles={cycles}")));
            }
            GrantExpiry::At(at) if !at.is_finite() => {
                return Err(Error::argument("expires_at", at, "expires_at must be a finite time")
                    .hint("Leave it out for credits that never expire."));
            }
            _ => {}
        }
        if let Some(at) = self.effective_at.filter(|at| !at.is_finite()) {
            return Err(Error::argument("effective_at", at, "effective_at must be a finite time"));
        }
        Ok(())
    }

    /// Whether it records a payment that has happened.
    fn is_paid(&self) -> bool {
        self.price.is_some() || self.payment_ref.is_some()
    }
}

impl Book {
    /// Makes a lot, now or scheduled. Time must be settled. Whether the payment was credited before is the store's to
    /// say: it knows the lots that are closed, too.
    pub fn grant(&mut self, grant: Grant, zone: &dyn Zone) -> Outcome<Receipt> {
        let key = Key { key: grant.key.clone(), request: grant.request() };
        self.make_lot(grant, Operation::Grant, Some(key), None, zone)
    }

    /// The same as another operation, whose key and detail it records.
    pub(crate) fn make_lot(
        &mut self,
        grant: Grant,
        operation: Operation,
        key: Option<Key>,
        detail: Option<String>,
        zone: &dyn Zone,
    ) -> Outcome<Receipt> {
        self.need_some()?;
        if self.account.status == Status::Closed && !grant.is_paid() {
            return Err(closed(&self.account.account).into());
        }
        let now = self.now();
        // A caller's now() is the instant at which the transaction began, a little earlier.
        let effective_at = match grant.effective_at {
            Some(at) if at < self.context.began => at,
            Some(at) => at.max(now),
            None => now,
        };
        if effective_at < now {
            return Err(Error::in_the_past(effective_at, now).into());
        }
        let scheduled = effective_at > now && !self.account.is_closed();
        let expiry = match grant.expiry {
            GrantExpiry::Never => Expiry::Never,
            GrantExpiry::At(at) => Expiry::At(at),
            GrantExpiry::In(interval) => Expiry::At(
                zone.add(effective_at, interval)
                    .ok_or_else(|| Error::argument("expires_in", interval, "expires_in leaves the range of time"))?,
            ),
            GrantExpiry::AfterCycles(cycles) if scheduled => Expiry::AfterCycles(cycles),
            GrantExpiry::AfterCycles(cycles) => self.expiry_after_cycles(cycles, zone)?,
        };
        if let Expiry::At(at) = expiry
            && at <= effective_at
        {
            return Err(Error::invalid("expires_at must be after the credits become effective")
                .detail(format!("expires_at={at} effective_at={effective_at}"))
                .into());
        }
        let balances = self.account.balances;
        (balances.allowance + balances.credits + balances.held + grant.amount).checked("balance")?;
        let next = self.account.settings.allowance;
        (balances.credits + balances.held + grant.amount + next).checked("balance of the next cycle")?;

        let mut lot = self.blank_lot(grant.kind, effective_at, expiry);
        lot.amount = grant.amount;
        lot.priority = grant.priority.unwrap_or(grant.kind.default_priority());
        lot.expires_after_cycles = match grant.expiry {
            GrantExpiry::AfterCycles(cycles) => Some(cycles),
            _ => None,
        };
        lot.features = grant.features;
        lot.price = grant.price;
        lot.payment_ref = grant.payment_ref;
        if scheduled {
            lot.status = LotStatus::Scheduled;
        }
        let index = self.add_lot(lot);
        let operation = if scheduled { Operation::Schedule } else { operation };
        if scheduled {
            self.expect_event(Some(effective_at));
        } else {
            self.move_lot(index, grant.amount);
            self.repay_from(index);
            self.expect_event(match expiry {
                Expiry::At(at) => Some(at),
                _ => None,
            });
        }
        let mut draft = Draft::new(operation, grant.amount).kind(grant.kind).key(key);
        (draft.dimensions, draft.detail) = (grant.dimensions, detail);
        self.record(draft);
        let receipt = Receipt::of_newest(self);
        if self.account.is_closed() {
            self.expire_rest(index, now);
        }
        Ok(receipt)
    }

    /// On a closed account nothing can be spent any more: what a late payment leaves after the debt expires at once.
    fn expire_rest(&mut self, index: usize, now: Timestamp) {
        if self.lots[index].remaining.is_positive() {
            self.expire(index, now);
        }
    }
}
