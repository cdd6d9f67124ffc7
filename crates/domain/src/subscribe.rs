//! Subscribing to plans, changing them, their seats, and giving them up.

use crate::amount::Amount;
use crate::book::{Book, Draft, Outcome};
use crate::chain::Encoder;
use crate::entry::{Key, Operation};
use crate::error::{Code, Error, Result};
use crate::lifecycle::Detail;
use crate::lot::{Expiry, Lot, LotKind};
use crate::plan::{Pending, Plan, Subscription};
use crate::receipt::Receipt;
use crate::time::{Interval, Timestamp, Zone};
use std::cmp::Ordering;

/// When a change of plan takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakesEffect {
    /// By the ranks: downgrades at the next cycle, all others now.
    Auto,
    Now,
    NextCycle,
}

impl TakesEffect {
    pub fn name(self) -> &'static str {
        match self {
            TakesEffect::Auto => "auto",
            TakesEffect::Now => "now",
            TakesEffect::NextCycle => "next_cycle",
        }
    }

    /// LC005 for another name.
    pub fn parse(name: &str) -> Result<TakesEffect> {
        [TakesEffect::Auto, TakesEffect::Now, TakesEffect::NextCycle]
            .into_iter()
            .find(|when| when.name() == name)
            .ok_or_else(|| Error::argument("takes_effect", name, "takes_effect is none of auto, now, next_cycle"))
    }
}

#[derive(Clone, Debug)]
pub struct Subscribe {
    pub plan: String,
    pub key: String,
    pub seats: i32,
    /// Of the cycle, where the plan starts one; `None`: now.
    pub anchor: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct ChangePlan {
    pub from: String,
    pub to: String,
    pub key: String,
    pub takes_effect: TakesEffect,
    /// What is unused of the replaced plan's allowance expires with the change.
    pub expire_unused: bool,
}

#[derive(Clone, Debug)]
pub struct SetSeats {
    pub plan: String,
    pub seats: i32,
    pub key: String,
}

#[derive(Clone, Debug)]
pub struct Unsubscribe {
    pub plan: String,
    pub key: String,
    /// Now or at the cycle's end.
    pub now: bool,
}

impl Subscribe {
    /// Digest of what the caller passed.
    pub fn request(&self) -> i64 {
        let mut e = Encoder::new();
        e.text(Operation::Subscribe.name()).text(&self.plan).integer(self.seats.into());
        e.opt_integer(self.anchor.map(|at| at.0));
        e.digest64()
    }

    /// LC005 where it can be for no account.
    pub fn check(&self) -> Result<()> {
        if let Some(anchor) = self.anchor.filter(|at| !at.is_finite()) {
            return Err(Error::argument("anchor", anchor, "anchor must be a finite time"));
        }
        check_seats(self.seats)
    }
}

impl ChangePlan {
    /// Digest of what the caller passed.
    pub fn request(&self) -> i64 {
        let mut e = Encoder::new();
        e.text(Operation::ChangePlan.name()).text(&self.from).text(&self.to).text(self.takes_effect.name());
        e.integer(self.expire_unused.into());
        e.digest64()
    }
}

impl SetSeats {
    /// Digest of what the caller passed.
    pub fn request(&self) -> i64 {
        let mut e = Encoder::new();
        e.text(Operation::SetSeats.name()).text(&self.plan).integer(self.seats.into());
        e.digest64()
    }

    /// LC005 where it can be for no account.
    pub fn check(&self) -> Result<()> {
        check_seats(self.seats)
    }
}

impl Unsubscribe {
    /// Digest of what the caller passed.
    pub fn request(&self) -> i64 {
        let mut e = Encoder::new();
        e.text(Operation::Unsubscribe.name()).text(&self.plan).integer(self.now.into());
        e.digest64()
    }
}

fn check_seats(seats: i32) -> Result<()> {
    if seats >= 1 {
        return Ok(());
    }
    Err(Error::argument("seats", seats, "seats must be at least 1").hint("Give a plan up with credits_unsubscribe."))
}

impl Book {
    /// Takes up a plan: its whole allowance is granted at once. The account's first plan, and the first after a trial,
    /// starts a cycle.
    pub fn subscribe(&mut self, request: &Subscribe, zone: &dyn Zone) -> Outcome<Receipt> {
        self.must_be_open()?;
        self.need_all()?;
        let now = self.now();
        if self.holdings.held(&request.plan).is_some() || self.holdings.is_coming(&request.plan) {
            return Err(self.held_already(&request.plan).into());
        }
        let is_trial = self.holdings.plan(&request.plan, now).is_ok_and(|plan| plan.trial);
        let trials = if is_trial { Vec::new() } else { self.trials_held() };
        let converts = self.any_converts(&trials);
        let starts = converts || self.is_first_plan(!is_trial);
        if let Some(anchor) = request.anchor
            && !starts
        {
            return Err(Error::argument(
                "anchor",
                anchor,
                "a plan that joins a running cycle has no anchor of its own",
            )
            .hint("Leave anchor out: all allowances of an account follow one cycle.")
            .into());
        }
        let plan = self.holdings.plan(&request.plan, now)?.clone();
        plan.check_seats(request.seats)?;
        for trial in &trials {
            self.holdings.row(trial).give_up();
        }
        if starts {
            self.start_cycle(request.anchor.unwrap_or(now), zone)?;
        }
        self.take_up(&request.plan, request.seats, Pending::default());
        let due = self.entitle(&request.plan, &plan, request.seats);
        let key = Key { key: request.key.clone(), request: request.request() };
        self.grant_by_plan(Operation::Subscribe, &request.plan, &plan, due, key, zone)
    }

    /// Replaces a plan by another one: an upgrade acts now and in full, at equal rank only the excess is granted, a
    /// downgrade waits for the next cycle.
    pub fn change_plan(&mut self, request: &ChangePlan, zone: &dyn Zone) -> Outcome<Receipt> {
        self.must_not_be_closed()?;
        self.need_all()?;
        let now = self.now();
        let key = Key { key: request.key.clone(), request: request.request() };
        if request.from == request.to {
            return self.keep_plan(&request.from, key, zone);
        }
        let is_of_another = |own: &Subscription| own.held && own.plan != request.from;
        let coming = |own: &Subscription| own.pending.plan.as_deref() == Some(request.to.as_str());
        let taken = self.holdings.subscriptions.iter().any(|own| is_of_another(own) && coming(own));
        if self.holdings.held(&request.to).is_some() || taken {
            return Err(self.held_already(&request.to).into());
        }
        let own = self.holding(&request.from)?.clone();
        let plan = self.holdings.plan(&request.to, now)?.clone();
        plan.check_seats(own.seats)?;
        let replaced = self.holdings.plan(&request.from, now)?.clone();
        let ends_trial = replaced.trial && !plan.trial;
        let acts_now = match request.takes_effect {
            TakesEffect::Auto => ends_trial || plan.rank >= replaced.rank,
            TakesEffect::Now => true,
            TakesEffect::NextCycle => false,
        };
        if !acts_now && coming(&own) && own.pending.expire == request.expire_unused {
            return Err(self.held_already(&request.to).into());
        }
        if !acts_now {
            let row = self.holdings.row(&request.from);
            row.pending.plan = Some(request.to.clone());
            (row.pending.end, row.pending.expire, row.changed) = (false, request.expire_unused, true);
            return self.grant_by_plan(Operation::ChangePlan, &request.to, &plan, Amount::ZERO, key, zone);
        }
        if request.expire_unused {
            self.expire_allowance_of(&request.from);
        }
        let trials = if plan.trial { Vec::new() } else { self.trials_held() };
        let converts = self.any_converts(&trials);
        for given_up in trials.iter().chain([&request.from]) {
            self.holdings.row(given_up).give_up();
        }
        if converts {
            self.start_cycle(now, zone)?;
        }
        let pending = Pending { seats: own.pending.seats, ..Pending::default() };
        self.take_up(&request.to, own.seats, pending);
        let cycle = self.account.cycle.number;
        let row = self.holdings.row(&request.to);
        let due = match plan.rank.cmp(&replaced.rank) {
            // Nothing of it was given, and yet it counts as if it were.
            Ordering::Less if !ends_trial && !plan.trial => {
                row.entitle(&plan, own.seats, cycle);
                Amount::ZERO
            }
            Ordering::Equal if !ends_trial => {
                row.carry(cycle, own.counted_in(cycle));
                self.entitle(&request.to, &plan, own.seats)
            }
            _ => self.entitle(&request.to, &plan, own.seats),
        };
        self.grant_by_plan(Operation::ChangePlan, &request.to, &plan, due, key, zone)
    }

    /// Keeps a plan that was to be replaced, given up or have fewer seats.
    fn keep_plan(&mut self, plan: &str, key: Key, zone: &dyn Zone) -> Outcome<Receipt> {
        if self.holding(plan)?.pending == Pending::default() {
            return Err(Error::argument("to_plan", plan, "the account holds this plan already").into());
        }
        let definition = self.holdings.plan(plan, self.now())?.clone();
        let row = self.holdings.row(plan);
        (row.pending, row.changed) = (Pending::default(), true);
        self.grant_by_plan(Operation::ChangePlan, plan, &definition, Amount::ZERO, key, zone)
    }

    /// More seats count at once, as far as they were not granted for in this cycle; fewer from the next cycle.
    pub fn set_seats(&mut self, request: &SetSeats, zone: &dyn Zone) -> Outcome<Receipt> {
        self.must_not_be_closed()?;
        self.need_all()?;
        let now = self.now();
        let own = self.holding(&request.plan)?.clone();
        let plan = self.holdings.plan(&request.plan, now)?.clone();
        plan.check_seats(request.seats)?;
        let row = self.holdings.row(&request.plan);
        row.changed = true;
        let mut due = Amount::ZERO;
        if request.seats < own.seats {
            row.pending.seats = Some(request.seats);
        } else {
            (row.seats, row.pending.seats) = (request.seats, None);
            if !plan.trial {
                due = self.entitle(&request.plan, &plan, request.seats);
            }
        }
        let key = Key { key: request.key.clone(), request: request.request() };
        self.grant_by_plan(Operation::SetSeats, &request.plan, &plan, due, key, zone)
    }

    /// Gives a plan up, now or when the cycle closes; its allowance stays until then.
    pub fn unsubscribe(&mut self, request: &Unsubscribe, zone: &dyn Zone) -> Outcome<Receipt> {
        self.must_not_be_closed()?;
        self.need_all()?;
        self.holding(&request.plan)?;
        let plan = self.holdings.plan(&request.plan, self.now())?.clone();
        let row = self.holdings.row(&request.plan);
        if request.now {
            row.give_up();
        } else {
            row.pending = Pending { end: true, ..Pending::default() };
            row.changed = true;
        }
        let key = Key { key: request.key.clone(), request: request.request() };
        self.grant_by_plan(Operation::Unsubscribe, &request.plan, &plan, Amount::ZERO, key, zone)
    }

    /// LC006 unless the account holds the plan.
    fn holding(&self, plan: &str) -> Result<&Subscription> {
        self.holdings.held(plan).ok_or_else(|| {
            let account = &self.account.account;
            Error::new(Code::NotFound, format!("account {account:?} does not hold plan {plan:?}"))
                .detail(format!("plan={plan}"))
                .hint("See what it holds in the view credits_subscriptions.")
        })
    }

    fn held_already(&self, plan: &str) -> Error {
        let ends = self.holdings.held(plan).is_some_and(|own| own.pending.end || own.pending.plan.is_some());
        let error = Error::argument("plan", plan, "the account holds this plan already, or is about to");
        if ends {
            error.hint("Keep a plan that is about to end: credits_change_plan from it to itself.")
        } else {
            error
        }
    }

    /// The trial plans that the account holds: they end when a plan that is none is taken up.
    fn trials_held(&self) -> Vec<String> {
        let now = self.now();
        let is_trial = |own: &&Subscription| self.holdings.plan(&own.plan, now).is_ok_and(|plan| plan.trial);
        let held = self.holdings.subscriptions.iter().filter(|own| own.held);
        held.filter(is_trial).map(|own| own.plan.clone()).collect()
    }

    /// Whether one of these trials runs, so that a plan that is none starts a cycle.
    fn any_converts(&self, trials: &[String]) -> bool {
        trials.iter().any(|trial| self.holdings.held(trial).is_some_and(|own| own.converts))
    }

    /// Whether a plan would be the account's first in a cycle that had no allowance. A plan that is no trial may follow one.
    fn is_first_plan(&self, may_follow_trials: bool) -> bool {
        let (now, cycle) = (self.now(), self.account.cycle.number);
        let is_trial = |own: &Subscription| self.holdings.plan(&own.plan, now).is_ok_and(|plan| plan.trial);
        let counts = |own: &Subscription| (own.held || own.counts_in(cycle)) && !(may_follow_trials && is_trial(own));
        self.account.granted.is_zero() && !self.holdings.subscriptions.iter().any(counts)
    }

    fn take_up(&mut self, plan: &str, seats: i32, pending: Pending) {
        self.account.extras.subscriptions = true;
        let now = self.now();
        self.holdings.row(plan).take_up(seats, now, pending);
    }

    /// What the plan is to grant now for so many seats.
    fn entitle(&mut self, name: &str, plan: &Plan, seats: i32) -> Amount {
        let cycle = self.account.cycle.number;
        let left_of_trial = |lot: &Lot| {
            lot.kind == LotKind::Trial && lot.plan.as_deref() == Some(name) && lot.is_active() && lot.is_open()
        };
        let still_runs = self.lots.iter().any(left_of_trial);
        let row = self.holdings.row(name);
        if plan.trial {
            row.entitle(plan, seats, cycle);
            row.converts |= still_runs;
            row.begin_trial(plan)
        } else {
            row.entitle(plan, seats, cycle)
        }
    }

    /// Expires what is left of the allowance that a plan granted in this cycle.
    fn expire_allowance_of(&mut self, plan: &str) {
        let now = self.now();
        for index in 0..self.lots.len() {
            let lot = &self.lots[index];
            let of_plan = lot.kind == LotKind::Allowance && lot.plan.as_deref() == Some(plan);
            if of_plan && lot.is_active() && lot.remaining.is_positive() {
                self.expire(index, now);
            }
        }
        self.retire();
    }

    /// The entry of a verb about a plan, with the lot that it grants, if any.
    fn grant_by_plan(
        &mut self,
        operation: Operation,
        name: &str,
        plan: &Plan,
        amount: Amount,
        key: Key,
        zone: &dyn Zone,
    ) -> Outcome<Receipt> {
        let now = self.now();
        let mut draft = Draft::new(operation, amount).key(Some(key));
        if amount.is_positive() {
            let balances = self.account.balances;
            (balances.allowance + balances.credits + balances.held + amount).checked("balance")?;
            let kind = if plan.trial { LotKind::Trial } else { LotKind::Allowance };
            let expiry = self.expiry_by_plan(kind, plan.trial_period, now, zone)?;
            self.add_plan_lot(kind, Some(name), amount, expiry, now);
            draft = draft.kind(kind);
        }
        let subscriptions = self.holdings.subscriptions.clone();
        draft.detail = Some(Detail { plan: Some(name.into()), subscriptions, ..Detail::of(&self.account) }.to_json()?);
        self.record(draft);
        Ok(Receipt::of_newest(self))
    }

    /// When what a plan grants expires: allowance with the running cycle, a trial after its period.
    pub(crate) fn expiry_by_plan(
        &self,
        kind: LotKind,
        trial_period: Option<Interval>,
        instant: Timestamp,
        zone: &dyn Zone,
    ) -> Result<Expiry> {
        let cycle = self.account.cycle;
        match (kind, trial_period) {
            (LotKind::Trial, Some(period)) => {
                let at = zone
                    .add(instant, period)
                    .ok_or_else(|| Error::argument("trial_period", period, "trial_period leaves the range of time"))?;
                Ok(Expiry::At(at))
            }
            (LotKind::Trial, None) => Ok(Expiry::Never),
            _ => Ok(Expiry::Cycle { cycle: cycle.number, at: cycle.end }),
        }
    }
}
