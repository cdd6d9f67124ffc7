//! Debits and charges: the plan over the lots, and taking it.

use crate::account::{Head, Status};
use crate::amount::Amount;
use crate::book::{Book, Draft, Extent, Outcome, Stop};
use crate::chain::Encoder;
use crate::entry::{Dimensions, Key, Movement, Operation};
use crate::error::{Code, Error, Result};
use crate::lot::Lot;
use crate::rate::{DrawDetail, Meter, PackageDetail, Price, RateModel, Terms};
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
    /// With a digest of what the caller passed; `metadata` is not compared.
    pub key: Key,
    pub on_insufficient: OnInsufficient,
    pub dimensions: Dimensions,
}

impl Debit {
    pub fn new(amount: Amount, key: &str, on_insufficient: OnInsufficient, dimensions: Dimensions) -> Debit {
        let key = Key { key: key.into(), request: request(Operation::Debit, amount, on_insufficient, &dimensions) };
        Debit { amount, key, on_insufficient, dimensions }
    }
}

/// Units of a feature, to be priced by its rate.
#[derive(Clone, Debug)]
pub struct Charge {
    pub quantity: Amount,
    /// As of a debit.
    pub key: Key,
    pub on_insufficient: OnInsufficient,
    /// With the feature.
    pub dimensions: Dimensions,
}

impl Charge {
    pub fn new(quantity: Amount, key: &str, on_insufficient: OnInsufficient, dimensions: Dimensions) -> Charge {
        let key = Key { key: key.into(), request: request(Operation::Charge, quantity, on_insufficient, &dimensions) };
        Charge { quantity, key, on_insufficient, dimensions }
    }
}

fn request(operation: Operation, number: Amount, mode: OnInsufficient, dimensions: &Dimensions) -> i64 {
    let mut e = Encoder::new();
    e.text(operation.name()).amount(number).text(mode.name());
    e.opt_text(dimensions.feature.as_deref());
    e.opt_text(dimensions.actor.as_deref()).opt_text(dimensions.resource.as_deref());
    e.digest64()
}

/// Credits to be taken, and what the entry says beside them.
struct Draw<'d> {
    operation: Operation,
    amount: Amount,
    key: &'d Key,
    on_insufficient: OnInsufficient,
    dimensions: &'d Dimensions,
    quantity: Option<Amount>,
    included: Option<Amount>,
    /// Something else than credits is used: then it is not for nothing, even where there are none.
    covered: bool,
    package: Option<PackageDetail>,
}

/// What a debit takes of one lot.
#[derive(Clone, Copy, Debug)]
enum Take {
    Head(Head, Amount),
    /// By its place among the book's lots.
    Lot(usize, Amount),
}

/// Which lots bear an amount, in burn order, and how much of it.
struct BurnPlan {
    takes: Vec<Take>,
    taken: Amount,
}

/// What is taken from lots, and what becomes debt.
pub(crate) struct Taking {
    takes: Vec<Take>,
    pub taken: Amount,
    pub overdraft: Amount,
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
    fn burn_plan(&self, amount: Amount, feature: Option<&str>) -> Outcome<BurnPlan> {
        let mut plan = BurnPlan { takes: Vec::with_capacity(1), taken: Amount::ZERO };
        if amount.is_zero() {
            return Ok(plan);
        }
        if self.extent == Extent::Head {
            // A lot restricted to the feature would come before the head.
            let restricted_first = feature.is_some() && self.account.balances.reserved.is_positive();
            return match self.account.head {
                Some(head) if head.remaining >= amount && !restricted_first => {
                    plan.takes.push(Take::Head(head, amount));
                    plan.taken = amount;
                    Ok(plan)
                }
                _ => Err(Stop::NeedMore),
            };
        }
        for (i, lot) in self.lots.iter().enumerate().filter(|(_, lot)| lot.usable_for(feature)) {
            let take = lot.remaining.min(amount - plan.taken);
            if take.is_positive() {
                if self.is_beyond(lot) {
                    return Err(Stop::NeedMore);
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

    /// How much more debt the account's limit allows, beside what open holds reserve.
    fn headroom(&self) -> Amount {
        self.headroom_beside(Amount::ZERO)
    }

    /// The same for a hold that reserves some of it, which stays its own whatever the limit is by now.
    fn headroom_beside(&self, reserved: Amount) -> Amount {
        let account = &self.account;
        let others = account.headroom - reserved;
        (account.settings.overdraft_limit - account.balances.debt - others).max(reserved).or_zero()
    }

    /// Takes the amount from the lots in burn order, all of it or as `on_insufficient` says. Time must be settled.
    pub fn debit(&mut self, debit: &Debit, terms: &Terms) -> Outcome<Receipt> {
        let done = self.try_debit(debit, terms);
        self.refused(done, Operation::Debit, &debit.key, debit.on_insufficient)
    }

    /// Prices a quantity and takes the credits, in one step. Time must be settled. A free feature leaves nothing.
    pub fn charge(&mut self, charge: &Charge, terms: &Terms) -> Outcome<Receipt> {
        let done = self.try_charge(charge, terms);
        self.refused(done, Operation::Charge, &charge.key, charge.on_insufficient)
    }

    /// A refusal as a receipt, where the caller wants one.
    pub(crate) fn refused(
        &mut self,
        done: Outcome<Receipt>,
        operation: Operation,
        key: &Key,
        mode: OnInsufficient,
    ) -> Outcome<Receipt> {
        match done {
            Err(Stop::Refused(error))
                if match mode {
                    OnInsufficient::Refuse => refusable(error.code),
                    // Nothing there: like `refuse`.
                    OnInsufficient::Partial => error.code == Code::InsufficientCredits,
                    OnInsufficient::Error | OnInsufficient::Allow => false,
                } =>
            {
                self.lacking = self.lacking.max(error.shortfall.unwrap_or_default());
                Ok(Receipt::refused(self, operation, &key.key, error.code))
            }
            other => other,
        }
    }

    fn try_debit(&mut self, debit: &Debit, terms: &Terms) -> Outcome<Receipt> {
        self.must_be_open()?;
        must_be_enabled(terms, &debit.dimensions)?;
        self.draw(Draw {
            operation: Operation::Debit,
            amount: debit.amount,
            key: &debit.key,
            on_insufficient: debit.on_insufficient,
            dimensions: &debit.dimensions,
            quantity: None,
            included: None,
            covered: false,
            package: None,
        })
    }

    fn try_charge(&mut self, charge: &Charge, terms: &Terms) -> Outcome<Receipt> {
        if terms.rate.is_some_and(|rate| rate.free) {
            must_be_enabled(terms, &charge.dimensions)?;
            let key = Some(charge.key.key.clone());
            return Ok(Receipt { key, ..Receipt::nothing(self, Operation::Charge) });
        }
        self.must_be_open()?;
        must_be_divisible(terms, charge.on_insufficient)?;
        must_be_enabled(terms, &charge.dimensions)?;
        let feature = charge.dimensions.feature.as_deref().unwrap_or_default();
        let rate = terms.rate.ok_or_else(|| unknown_feature(feature))?;
        let cycle = self.account.cycle.number;
        let price = terms.price(&rate, charge.quantity, cycle)?;
        let receipt = self.draw(Draw {
            operation: Operation::Charge,
            amount: price.amount,
            key: &charge.key,
            on_insufficient: charge.on_insufficient,
            dimensions: &charge.dimensions,
            quantity: Some(charge.quantity),
            included: Some(price.included),
            covered: price.covers(),
            package: terms.package_detail(&price),
        })?;
        self.note_meter(feature, &price, terms);
        Ok(receipt)
    }

    /// What a quantity has used of included units and packages.
    pub(crate) fn note_meter(&mut self, feature: &str, price: &Price, terms: &Terms) {
        if price.covers() {
            let cycle = self.account.cycle.number;
            self.account.extras.meters = true;
            self.meters.push(Meter {
                feature: feature.into(),
                cycle,
                included: terms.meter.included_in(cycle) + price.included,
                package_left: price.package_left,
            });
        }
    }

    /// Takes credits, all of the amount or as `on_insufficient` says, if the budgets let it.
    fn draw(&mut self, draw: Draw) -> Outcome<Receipt> {
        let feature = draw.dimensions.feature.as_deref();
        let taking = self.taking(draw.amount, feature, draw.on_insufficient, Amount::ZERO)?;
        let amount = taking.taken + taking.overdraft;
        if amount.is_zero() && draw.amount.is_positive() && !draw.covered {
            return Err(self.insufficient(draw.amount, taking.taken, Amount::ZERO).into());
        }
        (self.account.balances.debt + taking.overdraft).checked("debt")?;
        (self.account.used + amount).checked("usage in the cycle")?;
        self.spend_budgets(draw.dimensions, amount, draw.on_insufficient)?;
        self.take(&taking);
        let debt = self.draw_debt(taking.overdraft, false);
        self.account.used += amount;
        let mut draft = Draft::new(draw.operation, amount).key(Some(draw.key.clone()));
        draft.dimensions = draw.dimensions.clone();
        (draft.quantity, draft.included) = (draw.quantity, draw.included);
        let detail = DrawDetail { package: draw.package, debt_from: debt.map(|debt| debt.start) };
        draft.detail = if detail.is_empty() { None } else { Some(detail.to_json()?) };
        self.record(draft);
        Ok(Receipt::of_newest(self))
    }

    /// Which lots bear the amount and how much becomes debt, as `on_insufficient` says; LC001 where it cannot be. So much
    /// headroom is `reserved` for it, whatever the overdraft limit is by now.
    pub(crate) fn taking(
        &self,
        amount: Amount,
        feature: Option<&str>,
        mode: OnInsufficient,
        reserved: Amount,
    ) -> Outcome<Taking> {
        let BurnPlan { takes, taken } = self.burn_plan(amount, feature)?;
        let missing = amount - taken;
        let headroom = self.headroom_beside(reserved);
        let overdraft = match mode {
            OnInsufficient::Partial => missing.min(headroom),
            OnInsufficient::Allow | OnInsufficient::Error | OnInsufficient::Refuse => missing,
        };
        if mode != OnInsufficient::Allow && overdraft > headroom {
            return Err(self.insufficient(amount, taken, reserved).into());
        }
        Ok(Taking { takes, taken, overdraft })
    }

    /// Takes from the lots.
    pub(crate) fn take(&mut self, taking: &Taking) {
        for take in &taking.takes {
            match *take {
                Take::Head(_, amount) => self.take_from_head(amount),
                Take::Lot(index, amount) => self.move_lot(index, -amount),
            }
        }
    }

    /// Sets aside what would be taken from the lots, and says what each holds of it.
    pub(crate) fn set_aside(&mut self, taking: &Taking) -> Vec<Movement> {
        self.take(taking);
        let part = |take: &Take| match *take {
            Take::Head(head, amount) => Movement { lot: head.lot, amount },
            Take::Lot(index, amount) => Movement { lot: self.lots[index].lot, amount },
        };
        let parts: Vec<Movement> = taking.takes.iter().map(part).collect();
        for (take, part) in taking.takes.iter().zip(&parts) {
            match *take {
                Take::Head(..) => self.hold_in_head(part.amount),
                Take::Lot(index, amount) => self.hold_in_lot(index, amount),
            }
        }
        parts
    }

    /// LC001, with the figures that an application shows to its user. So much headroom is `reserved` for the caller.
    pub(crate) fn insufficient(&self, required: Amount, available: Amount, reserved: Amount) -> Error {
        let shortfall = required - available - self.headroom_beside(reserved);
        let resets_at = self.account.cycle.end.map_or("manual".to_string(), |end| end.to_string());
        let what = format!("account {:?} has too few credits", self.account.account);
        let detail = format!("available={available} required={required} shortfall={shortfall} resets_at={resets_at}");
        Error { shortfall: Some(shortfall), ..Error::new(Code::InsufficientCredits, what).detail(detail) }
    }

    /// LC011 unless the account may begin something new.
    pub fn must_be_open(&self) -> Result<()> {
        match self.account.status {
            Status::Open => Ok(()),
            Status::Frozen => {
                Err(Error::new(Code::AccountFrozen, format!("account {:?} is frozen", self.account.account))
                    .detail("status=frozen"))
            }
            Status::Closed => Err(crate::cycle::closed(&self.account.account)),
        }
    }

    /// LC011 where the account is closed: a frozen one may still be changed.
    pub fn must_not_be_closed(&self) -> Result<()> {
        if self.account.is_closed() { Err(crate::cycle::closed(&self.account.account)) } else { Ok(()) }
    }

    /// What a debit of this amount would take, lot by lot; nothing is taken. Time must be settled.
    pub fn explain_debit(&self, amount: Amount, feature: Option<&str>) -> Outcome<Vec<PlanLine>> {
        self.need_all()?;
        let plan = self.burn_plan(amount, feature)?;
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

/// LC005 where only a part could be taken of what is priced by whole packages.
pub(crate) fn must_be_divisible(terms: &Terms, mode: OnInsufficient) -> Result<()> {
    let by_package = terms.rate.is_some_and(|rate| rate.model == RateModel::Package);
    if mode != OnInsufficient::Partial || !by_package {
        return Ok(());
    }
    Err(Error::argument("on_insufficient", "partial", "a package cannot be taken in part")
        .hint("Where a feature is priced by packages, on_insufficient is one of error, refuse, allow."))
}

/// LC010 where the feature is switched off.
pub(crate) fn must_be_enabled(terms: &Terms, dimensions: &Dimensions) -> Result<()> {
    if terms.enabled {
        return Ok(());
    }
    let feature = dimensions.feature.as_deref().unwrap_or_default();
    Err(Error::new(Code::FeatureDisabled, format!("feature {feature:?} is switched off for this account"))
        .detail(format!("feature={feature}")))
}

/// LC014.
pub fn unknown_feature(feature: &str) -> Error {
    Error::new(Code::UnknownFeature, format!("no rate is defined for feature {feature:?}"))
        .detail(format!("feature={feature}"))
}

/// Whether `refuse` turns the error into a receipt; the others are raised all the same.
fn refusable(code: Code) -> bool {
    matches!(code, Code::InsufficientCredits | Code::FeatureDisabled | Code::AccountFrozen | Code::BudgetExceeded)
}
