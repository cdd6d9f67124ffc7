//! Random histories of one account, kept in memory twice: once on books that know as few lots as they can, as the
//! extension does it, and once on complete ones. Entries, hashes and all must be the same, the audit must find nothing,
//! and no credit may come from nowhere.

use credits_domain::account::{Account, DebtPolicy, Settings, Status};
use credits_domain::alert::{self, Alert, AlertRow, Condition};
use credits_domain::amount::Amount;
use credits_domain::audit::{Auditor, PastSettings, Rows};
use credits_domain::book::{Book, BudgetChange, ClosedCycle, Context, Description, Extent, Outcome, Purpose, Stop};
use credits_domain::budget::{Budget, BudgetRow, BudgetUse, Period, SetBudget, Span};
use credits_domain::debit::{Charge, Debit, OnInsufficient};
use credits_domain::debt::{Debts, Fate, Settlement, Stretch};
use credits_domain::entry::{Dimensions, Entry, Operation};
use credits_domain::error::{Code, Error};
use credits_domain::event::Event;
use credits_domain::grant::{Grant, GrantExpiry};
use credits_domain::hold::{self, Capture, Captured, Hold, NewHold, extend_key, release_key};
use credits_domain::lifecycle::{Changes, Detail, Opening};
use credits_domain::lot::{Lot, LotKind, LotStatus, Price};
use credits_domain::plan::{Catalogue, Holdings, Plan, PlanVersion, Subscription};
use credits_domain::rate::{Meter, Rate, RateModel, Switch, Terms};
use credits_domain::refund::{Amounts, Case, IfExpired, Original, Records, Refund, RefundDetail, Refunded};
use credits_domain::revenue::{Figures, PaidLots, When};
use credits_domain::statement::{Standing, Statement};
use credits_domain::subscribe::{ChangePlan, SetSeats, Subscribe, TakesEffect, Unsubscribe};
use credits_domain::time::{Interval, Timestamp};
use credits_domain::void::{self, ClawBack, Void, VoidDetail};
use credits_domain::zone_tz::Named;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

const HOUR: i64 = 3_600_000_000;

/// An account and all that was written of it.
#[derive(Clone)]
struct Ledger {
    zone: &'static str,
    account: Account,
    lots: BTreeMap<i32, Lot>,
    entries: Vec<Entry>,
    closed: Vec<ClosedCycle>,
    description: Option<Description>,
    holdings: Holdings,
    switches: BTreeMap<String, Switch>,
    meters: BTreeMap<String, Meter>,
    budgets: BTreeMap<i32, BudgetRow>,
    budget_use: BTreeMap<(i32, String), BudgetUse>,
    holds: BTreeMap<i64, Hold>,
    events: Vec<Event>,
    alerts: BTreeMap<String, Alert>,
    debts: Option<Debts>,
    settlements: Vec<Settlement>,
    refunded: BTreeMap<i64, Refunded>,
    claw_backs: BTreeMap<(i32, i64), ClawBack>,
    /// Whether books know as few lots as they can.
    lazy: bool,
}

impl Ledger {
    fn book(&self, extent: Extent, now: Timestamp) -> Book {
        let context = Context { now, began: now, clock_was_set: true, recorded_by: "somebody".into() };
        let due = self.account.next_event_at <= now && !self.account.is_closed();
        let extent = if due { Extent::All } else { extent };
        let mut lots: Vec<Lot> = self.lots.values().filter(|lot| lot.is_open()).cloned().collect();
        lots.sort_by_key(Lot::burn_key);
        let (lots, extent) = match extent {
            Extent::Head => (Vec::new(), Extent::Head),
            Extent::Prefix if lots.len() > 2 => (lots[..2].to_vec(), Extent::Prefix),
            _ => (lots, Extent::All),
        };
        let lots = lots.into_iter().map(|lot| self.with_head(lot)).collect();
        let holdings = if extent == Extent::All { self.holdings.clone() } else { Holdings::default() };
        let mut book = Book::new(self.account.clone(), lots, extent, context).with_holdings(holdings);
        if extent == Extent::All || extent == Extent::Prefix && self.account.balances.debt.is_positive() {
            book.debts = self.debts.clone().unwrap_or_default();
        }
        if extent == Extent::All {
            let open = || self.holds.values().filter(|hold| hold.is_open());
            book.holds = open().filter(|hold| hold.expires_at <= now).cloned().collect();
            let later = open().map(|hold| hold.expires_at).filter(|at| *at > now);
            book.next_lapse = later.min().unwrap_or(Timestamp::INFINITY);
        }
        if extent != Extent::Head && self.account.extras.alerts {
            book.alerts = Some(alert::complete(self.alerts.values().cloned().collect()));
        }
        book
    }

    /// The key of one of the holds that were made.
    fn hold_key(&self, which: usize) -> Option<String> {
        let numbers: Vec<i64> = self.holds.keys().copied().collect();
        let number = *numbers.get(which % numbers.len().max(1))?;
        self.entries[number as usize - 1].key.as_ref().map(|key| key.key.clone())
    }

    /// One of the entries of such operations that have a key.
    fn pick(&self, which: usize, wanted: impl Fn(Operation) -> bool) -> Option<(i64, String)> {
        let entries = self.entries.iter().filter(|entry| wanted(entry.operation) && entry.key.is_some());
        let entries: Vec<&Entry> = entries.collect();
        let entry = entries.get(which % entries.len().max(1))?;
        Some((entry.entry, entry.key.as_ref()?.key.clone()))
    }

    /// The hold that a key made, as the store finds it.
    fn find(&self, book: &mut Book, hold_key: &str) -> (Hold, Dimensions) {
        let made_by = |entry: &&Entry| entry.key.as_ref().is_some_and(|own| own.key == hold_key);
        let entry = self.entries.iter().find(made_by).expect("the hold was made");
        let hold = book.take_hold(entry.entry).or_else(|| self.holds.get(&entry.entry).cloned());
        (hold.expect("it has a row"), entry.dimensions.clone())
    }

    /// What open holds but for one set aside against a budget.
    fn held_for(&self, row: &BudgetRow, user: &str, span: Span, but_hold: i64, now: Timestamp) -> Amount {
        let counts = |hold: &&Hold| {
            let (feature, actor) = (hold.feature.clone(), hold.actor.clone());
            let dimensions = Dimensions { feature, actor, ..Dimensions::default() };
            let in_span = match row.period {
                Period::Cycle => hold.cycle == span.cycle,
                _ => hold.made_at >= span.start,
            };
            let open = hold.is_open() && hold.expires_at > now && hold.hold != but_hold;
            open && in_span && row.counts(&dimensions) && row.user(&dimensions) == user
        };
        self.holds.values().filter(counts).map(Hold::remaining).sum()
    }

    /// What a debit or charge has to know, as the store finds it.
    fn terms(&self, book: &mut Book, dimensions: &Dimensions) -> Terms {
        self.terms_but(book, dimensions, 0)
    }

    fn terms_but(&self, book: &mut Book, dimensions: &Dimensions, but_hold: i64) -> Terms {
        let zone = Named::new(self.zone);
        let (cycle, now) = (book.account.cycle, book.now());
        let actor = dimensions.actor.as_deref();
        let budget = |row: &BudgetRow| {
            let user = row.user(&Dimensions { actor: actor.map(Into::into), ..Dimensions::default() }).to_string();
            let span = row.period.span(cycle, now, &zone).expect("in range");
            let used = self.budget_use.get(&(row.budget, user.clone()));
            let used = used.map_or(Amount::ZERO, |used| used.used_in(row.period, span));
            let ends_at = row.period.end(cycle, now, &zone).expect("in range");
            Budget {
                row: row.clone(),
                held: self.held_for(row, &user, span, but_hold, now),
                used: BudgetUse { budget: row.budget, actor: user, span, used },
                ends_at,
                changed: false,
            }
        };
        book.budgets = Some(self.budgets.values().map(budget).collect());
        let feature = dimensions.feature.as_deref().unwrap_or_default();
        let holdings = if book.holdings.subscriptions.is_empty() { &self.holdings } else { &book.holdings };
        let include = |own: &&Subscription| own.held && own.plan != "b" && feature == "run";
        let included = holdings.subscriptions.iter().filter(include).count() as i64 * 3;
        Terms {
            enabled: self.switches.get(feature).is_none_or(|switch| switch.enabled),
            rate: rate(feature),
            included: Amount::from_credits(included),
            meter: self.meters.get(feature).cloned().unwrap_or_default(),
        }
    }

    fn with_head(&self, mut lot: Lot) -> Lot {
        if let Some(head) = self.account.head
            && head.lot == lot.lot
        {
            lot.changed |= (lot.remaining, lot.held) != (head.remaining, head.held);
            (lot.remaining, lot.held) = (head.remaining, head.held);
        }
        lot
    }

    fn all_lots(&self) -> Vec<Lot> {
        self.lots.values().cloned().map(|lot| self.with_head(lot)).collect()
    }

    /// Does it on the smallest book that can, and writes what it leaves.
    fn run<T>(&mut self, now: Timestamp, operation: &dyn Fn(&mut Book) -> Outcome<T>) -> Result<T, Error> {
        let extents = if self.lazy { &[Extent::Head, Extent::Prefix, Extent::All][..] } else { &[Extent::All] };
        for extent in extents {
            let mut book = self.book(*extent, now);
            let zone = Named::new(self.zone);
            let done = book.settle_some(&zone, usize::MAX).and_then(|_| operation(&mut book)).and_then(|value| {
                book.seal()?;
                Ok(value)
            });
            match done {
                Ok(value) => {
                    self.save(book);
                    return Ok(value);
                }
                Err(Stop::NeedMore) => assert_ne!(*extent, Extent::All, "a complete book asked for more lots"),
                Err(Stop::Refused(error)) => return Err(error),
            }
        }
        unreachable!("a complete book asked for more lots")
    }

    fn save(&mut self, book: Book) {
        for lot in book.all_lots().filter(|lot| lot.changed) {
            self.lots.insert(lot.lot, Lot { changed: false, ..lot.clone() });
        }
        self.description = book.redescribed.clone().or(self.description.take());
        for own in book.holdings.subscriptions.iter().filter(|own| own.changed) {
            self.holdings.subscriptions.retain(|old| old.plan != own.plan);
            self.holdings.subscriptions.push(Subscription { changed: false, ..own.clone() });
        }
        self.meters.extend(book.meters.into_iter().map(|meter| (meter.feature.clone(), meter)));
        self.switches.extend(book.switches.into_iter().map(|switch| (switch.feature.clone(), switch)));
        let drawn = book.budgets.into_iter().flatten().filter(|budget| budget.changed).map(|budget| budget.used);
        self.budget_use.extend(drawn.map(|used| ((used.budget, used.actor.clone()), used)));
        self.holds.extend(
            book.holds
                .iter()
                .filter(|hold| hold.changed)
                .map(|hold| (hold.hold, Hold { changed: false, ..hold.clone() })),
        );
        if book.debts.changed {
            self.debts = Some(Debts { changed: false, ..book.debts });
        }
        self.settlements.extend(book.settlements);
        self.refunded.extend(book.refunded.into_iter().map(|own| (own.entry, Refunded { changed: false, ..own })));
        let claw_backs = book.claw_backs.into_iter();
        self.claw_backs.extend(claw_backs.map(|own| ((own.lot, own.entry), ClawBack { changed: false, ..own })));
        for change in book.budget_changes {
            match change {
                BudgetChange::Set(row, used) => {
                    self.budgets.insert(row.budget, row);
                    self.budget_use.extend(used.into_iter().map(|used| ((used.budget, used.actor.clone()), used)));
                }
                BudgetChange::Remove(budget) => {
                    self.budgets.remove(&budget);
                    self.budget_use.retain(|(of, _), _| *of != budget);
                }
            }
        }
        let told = book.alerts.into_iter().flatten().filter(|alert| alert.changed);
        self.alerts.extend(told.map(|alert| (alert.row.alert.clone(), Alert { changed: false, ..alert })));
        self.account = book.account;
        self.entries.extend(book.entries);
        self.closed.extend(book.closed);
        self.events.extend(book.events);
    }

    fn audit(&self) {
        let opened_with = &self.description.as_ref().expect("opened").opened_with;
        let opened_with = serde_json::to_string(opened_with).expect("plain values");
        let (switches, meters): (Vec<Switch>, Vec<Meter>) =
            (self.switches.values().cloned().collect(), self.meters.values().cloned().collect());
        let (budgets, budget_use): (Vec<BudgetRow>, Vec<BudgetUse>) =
            (self.budgets.values().cloned().collect(), self.budget_use.values().cloned().collect());
        let holds: Vec<Hold> = self.holds.values().cloned().collect();
        let refunded: Vec<Refunded> = self.refunded.values().copied().collect();
        let claw_backs: Vec<ClawBack> = self.claw_backs.values().copied().collect();
        let rows = Rows {
            account: &self.account,
            lots: &self.all_lots(),
            closed: &self.closed,
            settings: &self.settings(),
            opened_with: &opened_with,
            holdings: &self.holdings,
            switches: &switches,
            meters: &meters,
            budgets: &budgets,
            budget_use: &budget_use,
            holds: &holds,
            auto_recharge: None,
            recharges: &[],
            events: &self.events,
            alerts: &self.alerts.values().cloned().collect::<Vec<_>>(),
            debts: self.debts.as_ref(),
            settlements: &self.settlements,
            refunded: &refunded,
            claw_backs: &claw_backs,
        };
        let zone = Named::new(self.zone);
        let mut auditor = Auditor::new(&rows, &zone);
        self.entries.iter().for_each(|entry| auditor.entry(entry));
        let problems = auditor.finish();
        assert!(problems.is_empty(), "{problems:?}");
    }

    /// What was drawn against a new budget in its running period.
    fn used_since(&self, book: &Book, request: &SetBudget) -> Vec<BudgetUse> {
        let cycle = book.account.cycle;
        let span = request.period.span(cycle, book.now(), &Named::new(self.zone)).expect("in range");
        let row = BudgetRow {
            budget: 0,
            period: request.period,
            actor: request.actor.clone(),
            feature: request.feature.clone(),
            budget_limit: Amount::ZERO,
        };
        let mut used: BTreeMap<String, Amount> = BTreeMap::new();
        for entry in &self.entries {
            let counted = match (entry.operation, entry.refers_to) {
                (Operation::Refund, Some(debit)) => &self.entries[debit as usize - 1],
                _ => entry,
            };
            let in_span = request.period.has(span, counted.cycle, counted.recorded_at);
            if in_span && !entry.usage().is_zero() && row.counts(&entry.dimensions) {
                *used.entry(row.user(&entry.dimensions).into()).or_default() += entry.usage();
            }
        }
        used.into_iter().map(|(actor, used)| BudgetUse { budget: 0, actor, span, used }).collect()
    }

    fn settings(&self) -> Vec<PastSettings> {
        let settings = self.entries.iter().filter(|entry| entry.operation.is_setting());
        settings
            .map(|entry| {
                let detail = Detail::from_json(entry.detail.as_deref().expect("a setting has it")).expect("it is JSON");
                let overdraft_limit = detail.settings.overdraft_limit;
                PastSettings { entry: entry.entry, status: detail.status, overdraft_limit }
            })
            .collect()
    }

    /// granted = spent + held + remaining + expired + voided - debt that was drawn and neither repaid nor written off, and
    /// nobody can ever spend more than was granted, or paid for as an invoice.
    fn conserves(&self) {
        let total = |operations: &[Operation]| -> Amount {
            let of = self.entries.iter().filter(|entry| operations.contains(&entry.operation));
            of.map(|entry| entry.amount).sum()
        };
        let balances = self.account.balances;
        let plans = [Operation::Subscribe, Operation::ChangePlan, Operation::SetSeats, Operation::Unsubscribe];
        let granted = total(&[Operation::Grant, Operation::Allowance]) + total(&plans);
        let spent: Amount = self.entries.iter().map(Entry::usage).sum();
        let gone = spent + total(&[Operation::Expire]) + self.voided() - self.not_returned();
        let written_off = total(&[Operation::Forgive, Operation::Invoice]);
        let there = balances.allowance + balances.credits + balances.held;
        assert_eq!(granted + balances.debt + written_off, gone + there, "{:#?}", self.entries);
        assert!(there <= granted + total(&[Operation::Invoice]));
        for (debit, refunded) in &self.refunded {
            let debit = &self.entries[*debit as usize - 1];
            let parts =
                |entry: &Entry| Original::of(entry, Refunded::default()).expect("it reads").expect("it took").amount;
            assert!(refunded.amount <= parts(debit) && refunded.quantity <= debit.quantity.unwrap_or_default());
        }
    }

    /// What voids took, but for what never arrived.
    fn voided(&self) -> Amount {
        let voids = |operation| matches!(operation, Operation::Void | Operation::ClawBack);
        let taken = |entry: &Entry| {
            let detail = entry.detail.as_deref().map(|json| VoidDetail::from_json(json).expect("it reads"));
            let moved = |lot: i32| entry.movements.iter().any(|movement| movement.lot == lot);
            let scheduled = detail.iter().flat_map(|detail| &detail.lots).filter(|part| !moved(part.lot));
            entry.amount - scheduled.map(|part| part.voided).sum()
        };
        self.entries.iter().filter(|entry| voids(entry.operation)).map(taken).sum()
    }

    /// What refunds undid of debt that had been forgiven, and so gave back to nobody.
    fn not_returned(&self) -> Amount {
        let refunds = self.entries.iter().filter(|entry| entry.operation == Operation::Refund);
        let details = refunds.map(|entry| RefundDetail::from_json(entry.detail.as_deref().expect("it has it")));
        let undone = details.flat_map(|detail| detail.expect("it reads").debt);
        let lost = undone.filter(|undone| undone.fate == Some(Fate::Forgiven) && undone.onto.is_none());
        -lost.map(|undone| undone.stretch.length()).sum::<Amount>()
    }
}

impl Records for Ledger {
    type Error = Error;

    fn original(&self, entry: i64) -> Result<Original, Error> {
        let refunded = self.refunded.get(&entry).copied().unwrap_or_default();
        Ok(Original::of(&self.entries[entry as usize - 1], refunded)?.expect("it took something"))
    }

    fn claw_backs(&self, lots: &[i32]) -> Result<Vec<ClawBack>, Error> {
        Ok(self.claw_backs.values().filter(|own| lots.contains(&own.lot)).copied().collect())
    }

    fn settlements(&self, stretch: Stretch) -> Result<Vec<Settlement>, Error> {
        let overlaps = |own: &&Settlement| own.stretch.start < stretch.end && own.stretch.end > stretch.start;
        Ok(self.settlements.iter().filter(overlaps).copied().collect())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait { hours: i64 },
    Grant { amount: i64, kind: LotKind, expiry: u8, delay: Option<i64>, priority: Option<i32>, restricted: bool },
    Debit { amount: i64, mode: OnInsufficient, restricted: bool },
    Reset { hours_ago: i64 },
    Configure { allowance: Option<i64>, limit: Option<i64>, policy: Option<DebtPolicy>, manual: Option<bool> },
    Charge { quantity: i64, feature: &'static str, actor: Option<&'static str>, mode: OnInsufficient },
    Hold { amount: i64, minutes: i64, feature: Option<&'static str>, actor: Option<&'static str>, mode: OnInsufficient },
    Capture { which: usize, captured: Option<i64>, by_quantity: bool, is_final: bool, mode: OnInsufficient },
    Release { which: usize },
    Refund { which: usize, part: Option<i64>, by_quantity: bool, restore: bool },
    Void { which: usize, part: Option<i64>, claw_back: bool },
    Extend { which: usize, minutes: i64 },
    Subscribe { plan: &'static str, seats: i32, hours_ago: Option<i64> },
    ChangePlan { from: &'static str, to: &'static str, when: TakesEffect, expire: bool },
    SetSeats { plan: &'static str, seats: i32 },
    Unsubscribe { plan: &'static str, now: bool },
    SetFeature { feature: &'static str, enabled: bool },
    SetBudget { limit: Option<i64>, period: Period, actor: Option<&'static str>, feature: Option<&'static str> },
    SetAlert { alert: &'static str, below: Option<i64>, percent: Option<i64>, pace: bool, enabled: bool },
    Freeze,
    Unfreeze,
    Close,
}

const PLANS: [&str; 5] = ["a", "b", "c", "d", "t"];

/// a and b are of one rank, c is above them and per seat, d rolls over for two cycles, t is a trial. What a gives changes
/// after a month.
fn catalogue() -> Rc<Catalogue> {
    let plan = |allowance, rank| Plan {
        allowance: Amount::from_credits(allowance),
        per_seat: false,
        seat_cap: None,
        rank,
        trial: false,
        trial_period: None,
        purchases: true,
        rollover_percent: Amount::ZERO,
        rollover_max: None,
        rollover_cycles: 1,
        metadata: None,
    };
    let fifty = Amount::from_credits(50);
    let later = Timestamp(START.0 + 700 * HOUR);
    let versions = [
        ("a", START, plan(40, 1)),
        ("a", later, plan(60, 1)),
        ("b", START, Plan { rollover_percent: fifty, ..plan(70, 1) }),
        ("c", START, Plan { per_seat: true, seat_cap: Some(4), ..plan(30, 2) }),
        ("d", START, Plan { rollover_percent: fifty, rollover_cycles: 2, rollover_max: Some(fifty), ..plan(80, 0) }),
        ("t", START, Plan { trial: true, trial_period: Some(Interval { days: 14, ..Interval::ZERO }), ..plan(25, 0) }),
    ];
    let mut catalogue = Catalogue::default();
    for (name, defined_at, plan) in versions {
        catalogue.add(name, PlanVersion { version: 1, defined_at, plan });
    }
    Rc::new(catalogue)
}

/// chat costs 1.5 a unit, a run 4 for each package of 5; talk is free, and of nothing else is there a rate.
fn rate(feature: &str) -> Option<Rate> {
    let rate = |micros, per, model, free| Rate {
        credits: Amount::from_micros(micros),
        per_units: Amount::from_credits(per),
        model,
        free,
    };
    match feature {
        "chat" => Some(rate(1_500_000, 1, RateModel::PerUnit, false)),
        "run" => Some(rate(4_000_000, 5, RateModel::Package, false)),
        "talk" => Some(rate(0, 1, RateModel::PerUnit, true)),
        _ => None,
    }
}

fn policy() -> impl Strategy<Value = DebtPolicy> {
    prop::sample::select(vec![DebtPolicy::Repay, DebtPolicy::ForgiveAtReset, DebtPolicy::InvoiceAtReset])
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = vec![LotKind::Purchase, LotKind::Promo, LotKind::Welcome, LotKind::Adjustment];
    let modes = vec![OnInsufficient::Error, OnInsufficient::Refuse, OnInsufficient::Partial, OnInsufficient::Allow];
    let modes_again = modes.clone();
    let modes_of_captures = modes.clone();
    let plan = || prop::sample::select(PLANS.to_vec());
    prop_oneof![
        4 => (0..60i64).prop_map(|hours| Step::Wait { hours }),
        1 => (100..2000i64).prop_map(|hours| Step::Wait { hours }),
        6 => (1..100i64, prop::sample::select(kinds), 0..5u8, prop::option::weighted(0.2, 1..300i64),
              prop::option::weighted(0.3, 1..200i32), any::<bool>())
            .prop_map(|(amount, kind, expiry, delay, priority, restricted)|
                Step::Grant { amount, kind, expiry, delay, priority, restricted }),
        12 => (1..120i64, prop::sample::select(modes), any::<bool>())
            .prop_map(|(amount, mode, restricted)| Step::Debit { amount, mode, restricted }),
        6 => (0..30i64, prop::sample::select(vec!["chat", "run", "run", "talk", "mail"]),
              prop::sample::select(vec![None, Some("ann"), Some("bob")]), prop::sample::select(modes_again))
            .prop_map(|(quantity, feature, actor, mode)| Step::Charge { quantity, feature, actor, mode }),
        6 => (1..90i64, 1..20_000i64, prop::sample::select(vec![None, Some("chat"), Some("run")]),
              prop::sample::select(vec![None, Some("ann")]), prop::sample::select(vec![
                  OnInsufficient::Error, OnInsufficient::Refuse, OnInsufficient::Partial]))
            .prop_map(|(amount, minutes, feature, actor, mode)| Step::Hold { amount, minutes, feature, actor, mode }),
        6 => (0..40usize, prop::option::weighted(0.7, 0..100i64), prop::bool::weighted(0.3), prop::bool::weighted(0.6),
              prop::sample::select(modes_of_captures))
            .prop_map(|(which, captured, by_quantity, is_final, mode)|
                Step::Capture { which, captured, by_quantity, is_final, mode }),
        2 => (0..40usize).prop_map(|which| Step::Release { which }),
        1 => (0..40usize, 1..20_000i64).prop_map(|(which, minutes)| Step::Extend { which, minutes }),
        8 => (0..40usize, prop::option::weighted(0.5, 1..60i64), prop::bool::weighted(0.4), any::<bool>())
            .prop_map(|(which, part, by_quantity, restore)| Step::Refund { which, part, by_quantity, restore }),
        3 => (0..40usize, prop::option::weighted(0.4, 1..60i64), any::<bool>())
            .prop_map(|(which, part, claw_back)| Step::Void { which, part, claw_back }),
        3 => (plan(), 1..6i32, prop::option::weighted(0.1, 1..2000i64))
            .prop_map(|(plan, seats, hours_ago)| Step::Subscribe { plan, seats, hours_ago }),
        3 => (plan(), plan(), prop::sample::select(vec![TakesEffect::Auto, TakesEffect::Now, TakesEffect::NextCycle]),
              any::<bool>())
            .prop_map(|(from, to, when, expire)| Step::ChangePlan { from, to, when, expire }),
        2 => (plan(), 1..8i32).prop_map(|(plan, seats)| Step::SetSeats { plan, seats }),
        1 => (plan(), any::<bool>()).prop_map(|(plan, now)| Step::Unsubscribe { plan, now }),
        1 => (prop::sample::select(vec!["chat", "run", "talk"]), any::<bool>())
            .prop_map(|(feature, enabled)| Step::SetFeature { feature, enabled }),
        1 => (prop::option::weighted(0.8, 0..120i64),
              prop::sample::select(vec![Period::Cycle, Period::Hour, Period::Day, Period::Month]),
              prop::sample::select(vec![None, Some("*"), Some("ann")]), prop::sample::select(vec![None, Some("chat")]))
            .prop_map(|(limit, period, actor, feature)| Step::SetBudget { limit, period, actor, feature }),
        2 => (prop::sample::select(vec!["low", "exhausted", "few", "much"]), prop::option::of(1..90i64),
              prop::option::of(1..=100i64), any::<bool>(), prop::bool::weighted(0.9))
            .prop_map(|(alert, below, percent, pace, enabled)| Step::SetAlert { alert, below, percent, pace, enabled }),
        1 => (0..400i64).prop_map(|hours_ago| Step::Reset { hours_ago }),
        1 => (prop::option::of(0..100i64), prop::option::of(0..50i64), prop::option::of(policy()),
              prop::option::of(any::<bool>()))
            .prop_map(|(allowance, limit, policy, manual)| Step::Configure { allowance, limit, policy, manual }),
        1 => Just(Step::Freeze),
        3 => Just(Step::Unfreeze),
    ]
}

fn expiry(kind: u8, now: Timestamp) -> GrantExpiry {
    match kind {
        0 | 1 => GrantExpiry::Never,
        2 => GrantExpiry::At(Timestamp(now.0 + 500 * HOUR)),
        3 => GrantExpiry::In(Interval { months: 0, days: 9, micros: 0 }),
        _ => GrantExpiry::AfterCycles(2),
    }
}

fn minutes_of(minutes: i64) -> Interval {
    Interval { micros: minutes * 60_000_000, ..Interval::ZERO }
}

/// Does a step on a ledger and says what it answered, as text.
fn apply(ledger: &mut Ledger, step: &Step, number: usize, now: Timestamp) -> String {
    let zone = Named::new(ledger.zone);
    let whole = Amount::from_credits;
    let key = format!("k{number}");
    let answer = match step {
        Step::Wait { .. } => Ok("waited".to_string()),
        Step::Grant { amount, kind, expiry: how, delay, priority, restricted } => {
            let grant = Grant {
                amount: whole(*amount),
                key: format!("k{number}"),
                kind: *kind,
                expiry: expiry(*how, now),
                effective_at: delay.map(|hours| Timestamp(now.0 + hours * HOUR)),
                priority: *priority,
                features: if *restricted { vec!["chat".into()] } else { Vec::new() },
                // Two of three are paid for, at prices that no amount divides.
                price: (!number.is_multiple_of(3)).then(|| Price { amount: PRICE, currency: "EUR".into() }),
                payment_ref: None,
                dimensions: Dimensions::default(),
            };
            ledger.run(now, &|book| book.grant(grant.clone(), &zone)).map(|receipt| format!("{receipt:?}"))
        }
        Step::Debit { amount, mode, restricted } => {
            let dimensions = Dimensions { feature: restricted.then(|| "chat".into()), ..Dimensions::default() };
            let debit = Debit::new(whole(*amount), &key, *mode, dimensions);
            let known = ledger.clone();
            ledger
                .run(now, &|book| {
                    let terms = known.terms(book, &debit.dimensions);
                    book.debit(&debit, &terms)
                })
                .map(|receipt| format!("{receipt:?}"))
        }
        Step::Charge { quantity, feature, actor, mode } => {
            let feature = Some((*feature).to_string());
            let dimensions = Dimensions { feature, actor: actor.map(Into::into), ..Dimensions::default() };
            let charge = Charge::new(whole(*quantity), &key, *mode, dimensions);
            let known = ledger.clone();
            ledger
                .run(now, &|book| {
                    let terms = known.terms(book, &charge.dimensions);
                    book.charge(&charge, &terms)
                })
                .map(|receipt| format!("{receipt:?}"))
        }
        Step::Hold { amount, minutes, feature, actor, mode } => {
            let (feature, actor) = (feature.map(Into::into), actor.map(Into::into));
            let dimensions = Dimensions { feature, actor, ..Dimensions::default() };
            // Every other one lapses as a cycle closes: this one, the next, or the one after that.
            let cycle = ledger.account.cycle;
            let at_a_boundary = cycle.end.filter(|_| minutes % 2 == 0).map(|end| {
                let micros = end.0 + minutes / 2 % 3 * (end.0 - cycle.start.0) - now.0;
                Interval { micros, ..Interval::ZERO }
            });
            let expires_in = at_a_boundary.filter(|expires_in| hold::check_expires_in(*expires_in).is_ok());
            let new = NewHold::new(whole(*amount), &key, expires_in.unwrap_or(minutes_of(*minutes)), *mode, dimensions);
            let known = ledger.clone();
            ledger
                .run(now, &|book| {
                    let terms = known.terms(book, &new.dimensions);
                    book.hold(&new, &terms, &zone)
                })
                .map(|receipt| format!("{receipt:?}"))
        }
        Step::Capture { which, captured, by_quantity, is_final, mode } => {
            let Some(hold_key) = ledger.hold_key(*which) else { return "there is no hold".into() };
            let captured = match captured {
                None => Captured::All,
                Some(units) if *by_quantity => Captured::Quantity(whole(*units)),
                Some(amount) => Captured::Amount(whole(*amount)),
            };
            let capture = Capture::new(&hold_key, &key, captured, *is_final, *mode, Dimensions::default());
            let known = ledger.clone();
            ledger
                .run(now, &|book| {
                    let (hold, made_by) = known.find(book, &hold_key);
                    let terms = known.terms_but(book, &made_by, hold.hold);
                    book.capture(&capture, hold, &made_by, &terms)
                })
                .map(|receipt| format!("{receipt:?}"))
        }
        Step::Release { which } => {
            let Some(hold_key) = ledger.hold_key(*which) else { return "there is no hold".into() };
            let known = ledger.clone();
            ledger
                .run(now, &|book| {
                    let (hold, _) = known.find(book, &hold_key);
                    book.release(hold, &hold_key, Some(release_key(&hold_key, &key)))
                })
                .map(|receipt| format!("{receipt:?}"))
        }
        Step::Extend { which, minutes } => {
            let Some(hold_key) = ledger.hold_key(*which) else { return "there is no hold".into() };
            let known = ledger.clone();
            let (length, key) = (minutes_of(*minutes), extend_key(&hold_key, &key, minutes_of(*minutes)));
            ledger
                .run(now, &|book| {
                    let (hold, _) = known.find(book, &hold_key);
                    book.extend_hold(hold, &hold_key, key.clone(), length, &zone)
                })
                .map(|receipt| format!("{receipt:?}"))
        }
        Step::Refund { which, part, by_quantity, restore } => {
            let takes = |operation: Operation| operation.is_usage();
            let Some((entry, debit_key)) = ledger.pick(*which, takes) else { return "nothing was taken".into() };
            let amounts = match part {
                None => Amounts::All,
                Some(units) if *by_quantity => Amounts::Quantity(whole(*units)),
                Some(amount) => Amounts::Amount(whole(*amount)),
            };
            let if_expired = if *restore { IfExpired::Restore } else { IfExpired::Forfeit };
            let refund = Refund::new(&debit_key, &key, amounts, if_expired);
            let known = ledger.clone();
            ledger
                .run(now, &|book| {
                    if book.extent != Extent::All {
                        return Err(Stop::NeedMore);
                    }
                    let original = known.original(entry).expect("it took something");
                    let terms = known.terms(book, &original.dimensions);
                    let (case, lots) = Case::gather(original, &book.settlements, &known).expect("it is known");
                    book.know(
                        lots.iter()
                            .filter_map(|lot| known.lots.get(lot))
                            .map(|lot| known.with_head(lot.clone()))
                            .collect(),
                    );
                    let ends = known.closed.iter().map(|cycle| (cycle.cycle, cycle.end)).collect();
                    book.refund(&refund, Case { meter: terms.meter, ends, ..case }, &zone)
                })
                .map(|receipt| format!("{receipt:?}"))
        }
        Step::Void { which, part, claw_back } => {
            let Some((entry, grant_key)) = ledger.pick(*which, void::grants) else {
                return "nothing was granted".into();
            };
            let void = Void::new(&grant_key, &key, part.map(whole), *claw_back, None);
            let known = ledger.clone();
            ledger
                .run(now, &|book| {
                    let made = known.all_lots().into_iter().filter(|lot| lot.entry == entry).collect();
                    if book.extent != Extent::All {
                        return Err(Stop::NeedMore);
                    }
                    book.know(made);
                    book.void(&void, entry)
                })
                .map(|receipt| format!("{receipt:?}"))
        }
        Step::Subscribe { plan, seats, hours_ago } => {
            let anchor = hours_ago.map(|hours| Timestamp(now.0 - hours * HOUR));
            let request = Subscribe { plan: (*plan).into(), key, seats: *seats, anchor };
            ledger.run(now, &|book| book.subscribe(&request, &zone)).map(|receipt| format!("{receipt:?}"))
        }
        Step::ChangePlan { from, to, when, expire } => {
            let (from, to) = ((*from).into(), (*to).into());
            let request = ChangePlan { from, to, key, takes_effect: *when, expire_unused: *expire };
            ledger.run(now, &|book| book.change_plan(&request, &zone)).map(|receipt| format!("{receipt:?}"))
        }
        Step::SetSeats { plan, seats } => {
            let request = SetSeats { plan: (*plan).into(), seats: *seats, key };
            ledger.run(now, &|book| book.set_seats(&request, &zone)).map(|receipt| format!("{receipt:?}"))
        }
        Step::Unsubscribe { plan, now: at_once } => {
            let request = Unsubscribe { plan: (*plan).into(), key, now: *at_once };
            ledger.run(now, &|book| book.unsubscribe(&request, &zone)).map(|receipt| format!("{receipt:?}"))
        }
        Step::SetFeature { feature, enabled } => {
            let current = ledger.switches.get(*feature).cloned();
            ledger
                .run(now, &|book| book.set_feature(feature, *enabled, current.clone()))
                .map(|switch| format!("{switch:?}"))
        }
        Step::SetAlert { alert, below, percent, pace, enabled } => {
            let condition =
                Condition { below: below.map(whole), used_percent: percent.map(whole), only_if_on_pace: *pace };
            AlertRow::new(alert, condition, *enabled)
                .and_then(|row| ledger.run(now, &|book| book.set_alert(&row)))
                .map(|()| String::new())
        }
        Step::SetBudget { limit, period, actor, feature } => {
            let request = SetBudget {
                limit: limit.map(whole),
                period: *period,
                actor: actor.map(Into::into),
                feature: feature.map(Into::into),
            };
            let known = ledger.clone();
            ledger
                .run(now, &|book| {
                    let rows: Vec<BudgetRow> = known.budgets.values().cloned().collect();
                    let used = known.used_since(book, &request);
                    book.set_budget(&request, &rows, used)
                })
                .map(|row| format!("{row:?}"))
        }
        Step::Reset { hours_ago } => {
            let key = Some(credits_domain::entry::Key { key: format!("k{number}"), request: 0 });
            let starts_at = Some(Timestamp(now.0 - hours_ago * HOUR));
            ledger.run(now, &|book| book.reset(key.clone(), starts_at, &zone)).map(|result| format!("{result:?}"))
        }
        Step::Configure { allowance, limit, policy, manual } => {
            let changes = Changes {
                allowance: allowance.map(whole),
                overdraft_limit: limit.map(whole),
                debt_policy: *policy,
                cycle_length: manual.map(|manual| if manual { Interval::ZERO } else { Interval::MONTH }),
                ..Changes::default()
            };
            let description = ledger.description.clone().expect("opened");
            ledger
                .run(now, &|book| book.configure(changes.clone(), description.clone(), &zone, &zone))
                .map(|()| "configured".into())
        }
        Step::Freeze => ledger.run(now, &|book| book.freeze("why not".into(), &zone)).map(|()| "frozen".into()),
        Step::Unfreeze => ledger.run(now, &|book| book.unfreeze(&zone)).map(|()| "unfrozen".into()),
        Step::Close => {
            let known = ledger.clone();
            ledger
                .run(now, &|book| {
                    let settled: Vec<i64> = book.holds.iter().map(|hold| hold.hold).collect();
                    let open = known.holds.values().filter(|hold| hold.is_open() && !settled.contains(&hold.hold));
                    book.holds.extend(open.cloned());
                    book.next_lapse = Timestamp::INFINITY;
                    book.close("the end".into(), &zone)
                })
                .map(|()| "closed".into())
        }
    };
    answer.unwrap_or_else(|error| error.to_string())
}

fn open(zone: &'static str, settings: Settings, now: Timestamp, lazy: bool) -> Ledger {
    let account = Account::unopened("acme", settings.clone(), now);
    let mut ledger = Ledger {
        zone,
        account,
        lots: BTreeMap::new(),
        entries: Vec::new(),
        closed: Vec::new(),
        description: None,
        holdings: Holdings { subscriptions: Vec::new(), catalogue: catalogue() },
        switches: BTreeMap::new(),
        meters: BTreeMap::new(),
        budgets: BTreeMap::new(),
        budget_use: BTreeMap::new(),
        holds: BTreeMap::new(),
        events: Vec::new(),
        alerts: BTreeMap::new(),
        debts: None,
        settlements: Vec::new(),
        refunded: BTreeMap::new(),
        claw_backs: BTreeMap::new(),
        lazy,
    };
    let opening = Opening { settings, anchor_given: false, metadata: Dimensions::default() };
    let mut book = ledger.book(Extent::All, now);
    book.open(opening, false, &Named::new(zone)).expect("it opens");
    book.seal().expect("it knows all lots");
    ledger.save(book);
    ledger
}

fn settings() -> impl Strategy<Value = Settings> {
    let lengths = vec![
        Interval::MONTH,
        Interval { months: 0, days: 7, micros: 0 },
        Interval { months: 0, days: 1, micros: 0 },
        Interval::ZERO,
    ];
    (0..60i64, prop::sample::select(lengths), 0..=100i64, prop::option::of(0..80i64), 0..40i64, policy()).prop_map(
        |(allowance, cycle_length, percent, max, limit, debt_policy)| Settings {
            allowance: Amount::from_credits(allowance),
            cycle_length,
            rollover_percent: Amount::from_credits(percent),
            rollover_max: max.map(Amount::from_credits),
            overdraft_limit: Amount::from_credits(limit),
            debt_policy,
            ..Settings::defaults(START)
        },
    )
}

/// 31 January 2026, noon UTC.
const START: Timestamp = Timestamp(823_176_000_000_000 - 1_209_600_000_000);

const PRICE: Amount = Amount::from_micros(9_999_991);

/// The money that is not earned yet, by the lots alone.
fn deferred(ledger: &Ledger) -> Amount {
    let paid = ledger.all_lots().into_iter().filter(|lot| lot.price.is_some());
    paid.map(|lot| PRICE.times_up(lot.unspent() + lot.held, lot.amount).expect("in range")).sum()
}

/// What the ledger's entries come to between two of them: of the first none, of the second the last that counts.
fn revenue(ledger: &Ledger, from: i64, to: i64) -> Figures {
    let when = |entry: i64| match entry {
        _ if entry <= from => When::Before,
        _ if entry <= to => When::During,
        _ => When::After,
    };
    let mut paid = PaidLots::new(&ledger.account, ledger.all_lots(), when);
    let first = paid.read_from(from + 1);
    for entry in ledger.entries.iter().filter(|entry| entry.entry >= first) {
        paid.read(entry, when(entry.entry)).expect("its detail reads");
    }
    let mut revenue = BTreeMap::new();
    paid.add_up(&mut revenue).expect("uses lead back to the whole");
    let mut sum = Figures::default();
    for figures in revenue.values() {
        sum.opening_deferred += figures.opening_deferred;
        sum.sold += figures.sold;
        sum.recognised += figures.recognised;
        sum.breakage += figures.breakage;
        sum.voided += figures.voided;
        sum.closing_deferred += figures.closing_deferred;
    }
    sum
}

/// How many histories to play; more by the environment variable HISTORIES.
fn cases() -> u32 {
    std::env::var("HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn books_of_any_size_leave_the_same_entries(
        settings in settings(),
        zone in prop::sample::select(vec!["UTC", "America/New_York", "Europe/Berlin"]),
        steps in prop::collection::vec(step(), 1..60),
        close in any::<bool>(),
    ) {
        let mut now = START;
        let settings = Settings { time_zone: zone.into(), ..settings };
        let mut lazy = open(zone, settings.clone(), now, true);
        let mut full = open(zone, settings, now, false);
        for (number, step) in steps.iter().chain(close.then_some(&Step::Close)).enumerate() {
            if let Step::Wait { hours } = step {
                now = Timestamp(now.0 + hours * HOUR);
            }
            let said = apply(&mut lazy, step, number, now);
            prop_assert_eq!(&said, &apply(&mut full, step, number, now));
            prop_assert_eq!(&lazy.entries, &full.entries);
            prop_assert_eq!(&lazy.closed, &full.closed);
            prop_assert_eq!(&lazy.events, &full.events);
            prop_assert_eq!(lazy.account.balances, full.account.balances);
            let lots = |ledger: &Ledger| -> Vec<_> {
                ledger.all_lots().iter().map(|lot| (lot.lot, lot.status, lot.remaining, lot.expiry)).collect()
            };
            prop_assert_eq!(lots(&lazy), lots(&full));
            lazy.audit();
            full.audit();
            lazy.conserves();
        }
    }

    #[test]
    fn a_read_says_what_the_next_write_finds(
        settings in settings(), steps in prop::collection::vec(step(), 1..30), hours in 0..3000i64,
    ) {
        let mut now = START;
        let mut ledger = open("UTC", settings, now, true);
        for (number, step) in steps.iter().enumerate() {
            if let Step::Wait { hours } = step {
                now = Timestamp(now.0 + hours * HOUR);
            }
            apply(&mut ledger, step, number, now);
        }
        let later = Timestamp(now.0 + hours * HOUR);
        let mut read = ledger.book(Extent::Head, later);
        read.purpose = Purpose::Read;
        read.settle_some(&Named::new("UTC"), usize::MAX).expect("it knows enough");
        prop_assert!(read.entries.is_empty() && read.retired.len() <= 1);
        let mut entries = ledger.book(Extent::All, later);
        entries.purpose = Purpose::ReadEntries;
        entries.settle_some(&Named::new("UTC"), usize::MAX).expect("it knows all lots");
        let recorded = ledger.entries.len();
        ledger.run(later, &|_| Ok(())).expect("time passes");
        prop_assert_eq!(&entries.entries, &ledger.entries[recorded..]);
        prop_assert_eq!(read.account.balances, ledger.account.balances);
        prop_assert_eq!(read.account.cycle, ledger.account.cycle);
        prop_assert_eq!((read.account.used, read.account.granted), (ledger.account.used, ledger.account.granted));
        prop_assert_eq!(read.account.entry, ledger.account.entry);
    }

    #[test]
    fn statements_and_revenue_add_up_between_any_two_entries(
        settings in settings(), steps in prop::collection::vec(step(), 1..60), close in any::<bool>(),
        cuts in prop::array::uniform2(any::<prop::sample::Index>()),
    ) {
        let mut now = START;
        let mut ledger = open("UTC", settings, now, false);
        let mut known: Vec<(Standing, Amount)> = vec![Default::default()];
        for (number, step) in steps.iter().chain(close.then_some(&Step::Close)).enumerate() {
            if let Step::Wait { hours } = step {
                now = Timestamp(now.0 + hours * HOUR);
            }
            apply(&mut ledger, step, number, now);
            let standing = Standing { entry: ledger.account.entry, balances: ledger.account.balances };
            known.push((standing, deferred(&ledger)));
        }
        let mut cuts = cuts.map(|cut| *cut.get(&known));
        cuts.sort_by_key(|(standing, _)| standing.entry);
        let [(opening, deferred_before), (closing, deferred_after)] = cuts;

        let mut statement = Statement::new(opening);
        let during = ledger.entries.iter().filter(|entry| opening.entry < entry.entry && entry.entry <= closing.entry);
        during.for_each(|entry| statement.add_entry(entry));
        prop_assert_eq!(statement.closing, closing);
        let change: Amount = statement.lines().expect("it adds up").iter().map(|(_, movements)| movements.amount()).sum();
        prop_assert_eq!(opening.balances.balance() + change, closing.balances.balance());

        let figures = revenue(&ledger, opening.entry, closing.entry);
        prop_assert_eq!((figures.opening_deferred, figures.closing_deferred), (deferred_before, deferred_after));
        let earned = figures.recognised + figures.breakage + figures.voided;
        prop_assert_eq!(figures.opening_deferred + figures.sold - earned, figures.closing_deferred);
        // However time is cut, the parts are the whole.
        let newest = ledger.account.entry;
        let parts = [(0, opening.entry), (opening.entry, closing.entry), (closing.entry, newest)];
        let parts = parts.map(|(from, to)| revenue(&ledger, from, to));
        let whole = revenue(&ledger, 0, newest);
        for figure in [
            |figures: &Figures| figures.sold,
            |figures: &Figures| figures.recognised,
            |figures: &Figures| figures.breakage,
            |figures: &Figures| figures.voided,
        ] {
            prop_assert_eq!(parts.iter().map(figure).sum::<Amount>(), figure(&whole));
        }
    }

    #[test]
    fn the_plan_is_what_the_debit_does(
        settings in settings(), steps in prop::collection::vec(step(), 1..30), amount in 1..300i64, restricted in any::<bool>(),
    ) {
        let mut now = START;
        let mut ledger = open("UTC", settings, now, true);
        for (number, step) in steps.iter().enumerate() {
            if let Step::Wait { hours } = step {
                now = Timestamp(now.0 + hours * HOUR);
            }
            apply(&mut ledger, step, number, now);
        }
        if ledger.account.status != Status::Open {
            return Ok(());
        }
        let feature = restricted.then_some("chat");
        let mut book = ledger.book(Extent::All, now);
        book.settle_some(&Named::new("UTC"), usize::MAX).expect("it knows all lots");
        let plan = book.explain_debit(Amount::from_credits(amount), feature).expect("it knows all lots");
        let dimensions = Dimensions { feature: feature.map(Into::into), ..Dimensions::default() };
        let debit = Debit::new(Amount::from_credits(amount), "last", OnInsufficient::Error, dimensions);
        book.budgets = Some(Vec::new());
        let done = book.debit(&debit, &Terms::default());
        if plan.iter().any(|line| line.kind == "shortfall") {
            let refused = matches!(done, Err(Stop::Refused(Error { code: Code::InsufficientCredits, .. })));
            prop_assert!(refused);
        } else {
            let receipt = done.expect("the plan says so");
            let taken: Vec<_> = plan.iter().filter_map(|line| line.lot.map(|lot| (lot, -line.takes))).collect();
            let moved: Vec<_> = book.entries.last().expect("the debit").movements.iter().map(|m| (m.lot, m.amount)).collect();
            prop_assert_eq!(taken, moved);
            prop_assert_eq!(receipt.from_allowance + receipt.from_credits + receipt.overdraft, receipt.amount);
        }
    }
}

#[test]
fn a_thousand_missed_cycles_are_closed_one_by_one() {
    let settings = Settings {
        allowance: Amount::from_credits(10),
        cycle_length: Interval { months: 0, days: 1, micros: 0 },
        rollover_percent: Amount::from_credits(50),
        ..Settings::defaults(START)
    };
    let mut ledger = open("Europe/Berlin", settings, START, true);
    let later = Timestamp(START.0 + 1000 * 24 * HOUR);
    ledger.run(later, &|_| Ok(())).expect("time passes");
    assert_eq!(ledger.account.cycle.number, 1001);
    assert_eq!(ledger.closed.len(), 1000);
    // Half of each day's 10 lives one day longer: 10 of today and 5 of yesterday.
    assert_eq!(ledger.account.balances.allowance, Amount::from_credits(15));
    assert!(ledger.lots.values().filter(|lot| lot.status == LotStatus::Active).count() == 2);
    ledger.audit();
}
