//! Plans as they were defined, and what an account has of them.

use crate::amount::Amount;
use crate::error::{Code, Error, Result};
use crate::lot::LotKind;
use crate::time::{Interval, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::rc::Rc;

/// In cycles: what is to live longer should not expire.
const LONGEST_ROLLOVER: i32 = 1000;
const LONGEST_TRIAL: Interval = Interval { months: 1200, days: 0, micros: 0 };

/// What a plan gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In each cycle; for each seat where `per_seat`.
    pub allowance: Amount,
    pub per_seat: bool,
    /// Seats beyond it add nothing.
    pub seat_cap: Option<i32>,
    /// A change to a plan of higher rank is an upgrade.
    pub rank: i32,
    /// Its allowance is given once per account, ever.
    pub trial: bool,
    /// How long a trial's credits last; `None`: until conversion.
    pub trial_period: Option<Interval>,
    /// Whether it lets accounts buy credits.
    pub purchases: bool,
    /// 0 to 100.
    pub rollover_percent: Amount,
    /// Bounds the living rollover of this plan.
    pub rollover_max: Option<Amount>,
    /// How many cycles what rolls over lives.
    pub rollover_cycles: i32,
    /// JSON.
    pub metadata: Option<String>,
}

impl Plan {
    /// LC004 or LC005 where it cannot be.
    pub fn check(&self) -> Result<()> {
        let amounts = [
            ("allowance", self.allowance),
            ("rollover_percent", self.rollover_percent),
            ("rollover_max", self.rollover_max.unwrap_or_default()),
        ];
        for (name, amount) in amounts {
            if amount.is_negative() {
                return Err(Error::amount(format!("{name} must not be negative")).detail(format!("{name}={amount}")));
            }
        }
        if self.rollover_percent > Amount::from_credits(100) {
            return Err(Error::argument(
                "rollover_percent",
                self.rollover_percent,
                "rollover_percent must be at most 100",
            ));
        }
        if !(1..=LONGEST_ROLLOVER).contains(&self.rollover_cycles) {
            let what = format!("rollover_cycles must be from 1 to {LONGEST_ROLLOVER}");
            return Err(Error::argument("rollover_cycles", self.rollover_cycles, what));
        }
        match self.seat_cap {
            Some(cap) if cap < 1 => Err(Error::argument("seat_cap", cap, "seat_cap must be at least 1")),
            Some(cap) if !self.per_seat => Err(Error::argument("seat_cap", cap, "seat_cap needs per_seat")),
            _ => Ok(()),
        }?;
        match self.trial_period {
            Some(period) if !self.trial => {
                Err(Error::argument("trial_period", period, "trial_period needs a trial plan"))
            }
            Some(period) if !period.is_positive() || period.typical_micros() > LONGEST_TRIAL.typical_micros() => {
                let what = "trial_period must be a positive interval of at most 100 years";
                Err(Error::argument("trial_period", period, what))
            }
            _ => Ok(()),
        }
    }

    /// What it grants in a cycle for so many seats; as much as an account can hold, where that is more.
    pub fn allowance_for(&self, seats: i32) -> Amount {
        self.uncut(seats).min(Amount::MAX)
    }

    /// LC004 where so many seats are more than an account can hold.
    pub fn check_seats(&self, seats: i32) -> Result<()> {
        self.uncut(seats).checked("allowance").map(drop)
    }

    fn uncut(&self, seats: i32) -> Amount {
        let counted = seats.min(self.seat_cap.unwrap_or(i32::MAX)).max(0);
        match (self.per_seat, counted) {
            (_, 0) => Amount::ZERO,
            (true, seats) => Amount::from_micros(self.allowance.micros() * i128::from(seats)),
            (false, _) => self.allowance,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanVersion {
    /// 1, 2, 3 … within the plan.
    pub version: i32,
    pub defined_at: Timestamp,
    pub plan: Plan,
}

/// The versions of some plans.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(BTreeMap<String, Vec<PlanVersion>>);

impl Catalogue {
    /// Versions are added oldest first.
    pub fn add(&mut self, name: &str, version: PlanVersion) {
        self.0.entry(name.into()).or_default().push(version);
    }

    pub fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The definition in force at an instant. The first one counts for earlier instants, too: a clock that was set back
    /// makes no plan unknown.
    pub fn plan(&self, name: &str, instant: Timestamp) -> Option<&Plan> {
        let versions = self.0.get(name)?;
        let in_force = versions.iter().rev().find(|version| version.defined_at <= instant);
        in_force.or(versions.first()).map(|version| &version.plan)
    }
}

/// LC006.
pub fn undefined_plan(name: &str) -> Error {
    Error::new(Code::NotFound, format!("plan {name:?} is not defined"))
        .detail(format!("plan={name}"))
        .hint("Define it with credits_define_plan; names are compared bytewise.")
}

/// What becomes of a subscription when the cycle closes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// This plan replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<i32>,
    /// It is given up.
    #[serde(default, skip_serializing_if = "is_false")]
    pub end: bool,
    /// What is unused of its allowance does not roll over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub expire: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A plan that the account holds or held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub plan: String,
    /// Now.
    pub held: bool,
    pub seats: i32,
    pub subscribed_at: Timestamp,
    #[serde(default)]
    pub pending: Pending,
    /// The cycle to which the next three belong: in any other they are zero.
    pub cycle: i32,
    /// The most seats that its allowance was granted for.
    pub peak_seats: i32,
    /// Its whole allowance at that number, granted or not.
    pub counted: Amount,
    /// What the plans that it replaced at equal rank had counted for.
    pub carried: Amount,
    /// Once, ever.
    pub trial_granted: bool,
    /// Its trial runs: the next plan that is none starts a cycle.
    pub converts: bool,
    /// Differs from what is stored.
    #[serde(skip)]
    pub changed: bool,
}

impl Subscription {
    fn new(plan: &str) -> Subscription {
        Subscription {
            plan: plan.into(),
            held: false,
            seats: 0,
            subscribed_at: Timestamp::default(),
            pending: Pending::default(),
            cycle: 0,
            peak_seats: 0,
            counted: Amount::ZERO,
            carried: Amount::ZERO,
            trial_granted: false,
            converts: false,
            changed: true,
        }
    }

    /// Forgets what it counted for in another cycle.
    fn turn_to(&mut self, cycle: i32) {
        if self.cycle != cycle {
            (self.cycle, self.peak_seats) = (cycle, 0);
            (self.counted, self.carried) = (Amount::ZERO, Amount::ZERO);
            self.changed = true;
        }
    }

    /// Whether its allowance, or part of it, was counted in this cycle.
    pub fn counts_in(&self, cycle: i32) -> bool {
        self.cycle == cycle && self.peak_seats > 0
    }

    /// What more it is to be granted in this cycle, so that for so many seats the whole allowance is given and never more:
    /// neither seats that were granted for before, nor what the plans that it replaced at equal rank had counted for.
    pub(crate) fn entitle(&mut self, plan: &Plan, seats: i32, cycle: i32) -> Amount {
        self.turn_to(cycle);
        let whole = plan.allowance_for(seats);
        let due = (whole - plan.allowance_for(self.peak_seats)).min(whole - self.carried).or_zero();
        self.count(plan, seats);
        due
    }

    /// Counts with its whole allowance for so many seats, without a grant.
    pub(crate) fn count(&mut self, plan: &Plan, seats: i32) {
        self.peak_seats = self.peak_seats.max(seats);
        self.counted = self.counted.max(plan.allowance_for(self.peak_seats));
        self.changed = true;
    }

    /// Takes over what a plan of equal rank had counted for.
    pub(crate) fn carry(&mut self, cycle: i32, replaced: Amount) {
        self.turn_to(cycle);
        self.carried = self.carried.max(replaced);
        self.changed = true;
    }

    /// What a plan that replaces it at equal rank has to take over.
    pub(crate) fn counted_in(&self, cycle: i32) -> Amount {
        if self.cycle == cycle { self.counted.max(self.carried) } else { Amount::ZERO }
    }

    pub(crate) fn give_up(&mut self) {
        (self.held, self.converts) = (false, false);
        self.pending = Pending::default();
        self.changed = true;
    }

    pub(crate) fn take_up(&mut self, seats: i32, instant: Timestamp, pending: Pending) {
        (self.held, self.seats, self.subscribed_at) = (true, seats, instant);
        self.pending = pending;
        self.changed = true;
    }
}

/// What a plan grants as a cycle begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub plan: String,
    /// Allowance, or trial.
    pub kind: LotKind,
    pub amount: Amount,
    /// Of a trial.
    pub period: Option<Interval>,
}

/// The plans that an account holds or held, and how they were defined.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    pub subscriptions: Vec<Subscription>,
    /// Of all plans that they name.
    pub catalogue: Rc<Catalogue>,
}

impl Holdings {
    /// The definition in force, or LC006.
    pub fn plan(&self, name: &str, instant: Timestamp) -> Result<&Plan> {
        self.catalogue.plan(name, instant).ok_or_else(|| undefined_plan(name))
    }

    pub fn held(&self, plan: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|own| own.held && own.plan == plan)
    }

    /// Whether another held plan is to become this one when the cycle closes.
    pub(crate) fn is_coming(&self, plan: &str) -> bool {
        self.subscriptions.iter().any(|own| own.held && own.pending.plan.as_deref() == Some(plan))
    }

    /// Whether the plan is held once the cycle has closed.
    pub(crate) fn stays(&self, plan: &str) -> bool {
        let stays = self.held(plan).is_some_and(|own| !own.pending.end && own.pending.plan.is_none());
        stays || self.is_coming(plan)
    }

    /// The row of a plan, a new one where it was never held.
    pub(crate) fn row(&mut self, plan: &str) -> &mut Subscription {
        let index = self.subscriptions.iter().position(|own| own.plan == plan).unwrap_or_else(|| {
            self.subscriptions.push(Subscription::new(plan));
            self.subscriptions.len() - 1
        });
        &mut self.subscriptions[index]
    }

    /// A cycle begins: pending changes take effect, and every plan counts anew.
    pub(crate) fn turn(&mut self, cycle: i32, instant: Timestamp) {
        let changes: Vec<(String, i32, Pending)> = (self.subscriptions.iter().filter(|own| own.held))
            .map(|own| (own.plan.clone(), own.seats, own.pending.clone()))
            .filter(|(_, _, pending)| *pending != Pending::default())
            .collect();
        for (plan, seats, pending) in changes {
            let seats = pending.seats.unwrap_or(seats);
            if pending.end {
                self.row(&plan).give_up();
            } else if let Some(next) = &pending.plan {
                self.row(&plan).give_up();
                self.row(next).take_up(seats, instant, Pending::default());
            } else {
                let row = self.row(&plan);
                (row.seats, row.pending, row.changed) = (seats, Pending::default(), true);
            }
        }
        self.subscriptions.iter_mut().filter(|own| own.held).for_each(|own| own.turn_to(cycle));
    }

    /// What the plans held grant as a cycle begins, in the order in which they were taken up.
    pub(crate) fn dues(&mut self, cycle: i32, instant: Timestamp) -> Vec<Due> {
        let catalogue = Rc::clone(&self.catalogue);
        let mut held: Vec<&mut Subscription> = self.subscriptions.iter_mut().filter(|own| own.held).collect();
        held.sort_by(|a, b| (a.subscribed_at, &a.plan).cmp(&(b.subscribed_at, &b.plan)));
        let mut dues = Vec::with_capacity(held.len());
        for own in held {
            let Some(plan) = catalogue.plan(&own.plan, instant) else { continue };
            let (kind, amount) = if plan.trial {
                (LotKind::Trial, own.begin_trial(plan))
            } else {
                (LotKind::Allowance, own.entitle(plan, own.seats, cycle))
            };
            if amount.is_positive() {
                dues.push(Due { plan: own.plan.clone(), kind, amount, period: plan.trial_period });
            }
        }
        dues
    }

    /// The account is closed: nothing is held any more.
    pub fn end(&mut self) {
        self.subscriptions.iter_mut().filter(|own| own.held).for_each(Subscription::give_up);
    }
}

impl Subscription {
    /// What a trial grants: once per account, ever.
    pub(crate) fn begin_trial(&mut self, plan: &Plan) -> Amount {
        if self.trial_granted {
            return Amount::ZERO;
        }
        (self.trial_granted, self.converts, self.changed) = (true, true, true);
        plan.allowance_for(self.seats)
    }
}
