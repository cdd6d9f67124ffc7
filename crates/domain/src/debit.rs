//! Debits: the plan over the lots, and taking it.

use crate::account::{Head, Status};
use crate::amount::Amount;
use crate::book::{Book, Draft, Extent, Outcome, Stop};
use crate::chain::Encoder;
use crate::entry::{Dimensions, Key, Operation};
use crate::error::{Code, Error, Result};
use crate::lot::Lot;
use crate::receipt::Receipt;
use crate::time::Timestamp;

/// What to do where the lots do not cover the amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnInsufficient {
    /// Raise LC001.
    Error,
    /// Return a receipt that says it was refused, and record nothing.
    Refuse,
    /// Take what there is, the overdraft included.
    Partial,
    /// It has happened already: record all of it, the rest becoming debt whatever the limit.
    Allow,
}

impl OnInsufficient {
    pub fn name(self) -> &'static str {
        match self {
            OnInsufficient::Error => "error",
            OnInsufficient::Refuse => "refuse",
            OnInsufficient::Partial => "partial",
            OnInsufficient::Allow => "allow",
        }
    }

    /// LC005 for another name.
    pub fn parse(name: &str) -> Result<OnInsufficient> {
        [OnInsufficient::Error, OnInsufficient::Refuse, OnInsufficient::Partial, OnInsufficient::Allow]
            .into_iter()
            .find(|mode| mode.name() == name)
            .ok_or_else(|| {
                Error::argument("on_insufficient", name, "on_insufficient is none of error, refuse, partial, allow")
            })
    }
}

#[derive(Clone, Debug)]
pub struct Debit {
    pub amount: Amount,
    pub key: String,
    pub on_insufficient: OnInsufficient,
    pub dimensions: Dimensions,
}

impl Debit {
    /// Digest of what the caller passed; `metadata` is not compared.
    pub fn request(&self) -> i64 {
        let mut e = Encoder::new();
        e.text(Operation::Debit.name()).amount(self.amount).text(self.on_insufficient.name());
        e.opt_text(self.dimensions.feature.as_deref());
        e.opt_text(self.dimensions.actor.as_deref()).opt_text(self.dimensions.resource.as_deref());
        e.digest64()
    }
}

/// What a debit takes of one lot.
#[derive(Clone, Copy, Debug)]
enum Take {
    Head(Head, Amount),
    /// By its place among the book's lots.
    Lot(usize, Amount),
}

struct Plan {
    takes: Vec<Take>,
    taken: Amount,
}

/// One line of `credits_explain_debit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanLine {
    /// `None`: what neither a lot nor the overdraft limit covers.
    pub lot: Option<i32>,
    /// The lot's kind; `shortfall` where there is no lot.
    pub kind: &'static str,
    pub takes: Amount,
    pub remaining_after: Option<Amount>,
    pub expires_at: Option<Timestamp>,
}

impl Book {
    /// Which lots would bear `amount`, in burn order, as far as they reach.
    fn plan(&self, amount: Amount, feature: Option<&str>) -> Outcome<Plan> {
        let mut plan = Plan { takes: Vec::with_capacity(1), taken: Amount::ZERO };
        if self.extent == Extent::Head {
            // A lot restricted to the feature would come before the head.
            let restricted_first = feature.is_some() && self.account.balances.reserved.is_positive();
            return match self.account.head {
                Some(head) if head.remaining >= amount && !restricted_first => {
                    plan.takes.push(Take::Head(head, amount));
                    plan.taken = amount;
                    Ok(plan)
                }
                _ => Err(Stop::NeedLots),
            };
        }
        for (i, lot) in self.lots.iter().enumerate().filter(|(_, lot)| lot.usable_for(feature)) {
            let take = lot.remaining.min(amount - plan.taken);
            if take.is_positive() {
                if self.is_beyond(lot) {
                    return Err(Stop::NeedLots);
                }
                plan.takes.push(Take::Lot(i, take));
                plan.taken += take;
                if plan.taken == amount {
                    return Ok(plan);
                }
            }
        }
        self.need_all()?;
        Ok(plan)
    }

    /// How much more debt the account's limit allows.
    fn headroom(&self) -> Amount {
        (self.account.settings.overdraft_limit - self.account.balances.debt).or_zero()
    }

    /// Takes the amount from the lots in burn order, all of it or as `on_insufficient` says. Time must be settled.
    pub fn debit(&mut self, debit: &Debit) -> Outcome<Receipt> {
        match self.try_debit(debit) {
            Err(Stop::Refused(error)) if debit.on_insufficient == OnInsufficient::Refuse && refusable(error.code) => {
                Ok(Receipt::refused(self, Operation::Debit, &debit.key, error.code))
            }
            // Nothing there: like `refuse`.
            Err(Stop::Refused(error))
                if debit.on_insufficient == OnInsufficient::Partial && error.code == Code::InsufficientCredits =>
            {
                Ok(Receipt::refused(self, Operation::Debit, &debit.key, error.code))
            }
            other => other,
        }
    }

    fn try_debit(&mut self, debit: &Debit) -> Outcome<Receipt> {
        self.must_be_open()?;
        let plan = self.plan(debit.amount, debit.dimensions.feature.as_deref())?;
        let missing = debit.amount - plan.taken;
        let overdraft = match debit.on_insufficient {
            OnInsufficient::Allow => missing,
            OnInsufficient::Partial => missing.min(self.headroom()),
            OnInsufficient::Error | OnInsufficient::Refuse => missing,
        };
        let within = debit.on_insufficient == OnInsufficient::Allow || overdraft <= self.headroom();
        let amount = plan.taken + overdraft;
        if !within || amount.is_zero() {
            return Err(self.insufficient(debit.amount, plan.taken).into());
        }
        (self.account.balances.debt + overdraft).checked("debt")?;
        (self.account.used + amount).checked("usage in the cycle")?;
        for take in plan.takes {
            match take {
                Take::Head(head, amount) => self.take_from_head(head, amount),
                Take::Lot(index, amount) => self.move_lot(index, -amount),
            }
        }
        self.account.balances.debt += overdraft;
        self.account.used += amount;
        let mut draft = Draft::new(Operation::Debit, amount);
        draft.key = Some(Key { key: debit.key.clone(), request: debit.request() });
        draft.dimensions = debit.dimensions.clone();
        self.record(draft);
        Ok(Receipt::of_newest(self))
    }

    /// LC001, with the figures that an application shows to its user.
    fn insufficient(&self, required: Amount, available: Amount) -> Error {
        let shortfall = required - available - self.headroom();
        let resets_at = self.account.cycle.end.map_or("manual".to_string(), |end| end.to_string());
        Error::new(Code::InsufficientCredits, format!("account {:?} has too few credits", self.account.account))
            .detail(format!("available={available} required={required} shortfall={shortfall} resets_at={resets_at}"))
    }

    /// LC011 unless the account may begin something new.
    pub(crate) fn must_be_open(&self) -> Result<()> {
        match self.account.status {
            Status::Open => Ok(()),
            Status::Frozen => {
                Err(Error::new(Code::AccountFrozen, format!("account {:?} is frozen", self.account.account))
                    .detail("status=frozen"))
            }
            Status::Closed => Err(crate::cycle::closed(&self.account.account)),
        }
    }

    /// What a debit of this amount would take, lot by lot; nothing is taken. Time must be settled.
    pub fn explain_debit(&self, amount: Amount, feature: Option<&str>) -> Outcome<Vec<PlanLine>> {
        self.need_all()?;
        let plan = self.plan(amount, feature)?;
        let line = |lot: &Lot, takes: Amount| PlanLine {
            lot: Some(lot.lot),
            kind: lot.kind.name(),
            takes,
            remaining_after: Some(lot.remaining - takes),
            expires_at: lot.expiry.date(),
        };
        let mut lines: Vec<PlanLine> = plan
            .takes
            .iter()
            .filter_map(|take| match take {
                Take::Lot(index, takes) => Some(line(&self.lots[*index], *takes)),
                Take::Head(..) => None,
            })
            .collect();
        // As in LC001: what is missing after the overdraft limit.
        let takes = amount - plan.taken - self.headroom();
        if takes.is_positive() {
            lines.push(PlanLine { lot: None, kind: "shortfall", takes, remaining_after: None, expires_at: None });
        }
        Ok(lines)
    }
}

/// Whether `refuse` turns the error into a receipt; the others are raised all the same.
fn refusable(code: Code) -> bool {
    matches!(code, Code::InsufficientCredits | Code::FeatureDisabled | Code::AccountFrozen | Code::BudgetExceeded)
}
