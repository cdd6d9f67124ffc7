//! Whether the ledger of an account adds up: everything is computed again from the entries alone.

use crate::account::{Account, Balances, Cycle, Extras, Settings, Status};
use crate::alert::{self, Alert};
use crate::amount::Amount;
use crate::book::{Book, ClosedCycle, Context, Extent};
use crate::budget::{BudgetRow, BudgetUse, Span};
use crate::chain;
use crate::debt::{Debts, Fate, Settlement, Stretch, repayments};
use crate::entry::{Entry, Movement, Operation};
use crate::error::Result;
use crate::event::{self, Event, EventType};
use crate::hold::{CaptureDetail, Hold, HoldDetail, HoldStatus};
use crate::lifecycle::{Change, Detail, plan_of};
use crate::lot::{Bucket, Expiry, Lot, LotKind, LotStatus};
use crate::plan::{Holdings, Subscription};
use crate::rate::{DrawDetail, Meter, PackageDetail, Switch};
use crate::recharge::{AutoRecharge, Measure, Recharge, RechargeDetail, RechargeSettings, RechargeStatus};
use crate::refund::{RefundDetail, Refunded};
use crate::time::{Timestamp, Zone};
use crate::void::{ClawBack, VoidDetail};
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The entry that it shows at; `None`: the account's own rows.
    pub entry: Option<i64>,
    pub problem: String,
}

/// What the entries of a cycle add up to.
#[derive(Default)]
struct CycleTotals {
    granted: Amount,
    used: Amount,
    rolled_over: Amount,
    expired: Amount,
    forgiven: Amount,
    invoiced: Amount,
}

/// What an account was set to from an entry on, as its own row keeps it for questions about the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastSettings {
    pub entry: i64,
    pub status: Status,
    pub overdraft_limit: Amount,
}

/// All rows of an account but its entries.
pub struct Rows<'r> {
    pub account: &'r Account,
    /// All it ever had, what remains in the head being taken from the account's row.
    pub lots: &'r [Lot],
    pub closed: &'r [ClosedCycle],
    pub settings: &'r [PastSettings],
    /// JSON.
    pub opened_with: &'r str,
    pub holdings: &'r Holdings,
    pub switches: &'r [Switch],
    pub meters: &'r [Meter],
    pub budgets: &'r [BudgetRow],
    pub budget_use: &'r [BudgetUse],
    /// All it ever had, by their numbers.
    pub holds: &'r [Hold],
    /// By their numbers.
    pub events: &'r [Event],
    /// Those of which there are rows.
    pub alerts: &'r [Alert],
    /// `None`: there is no row.
    pub debts: Option<&'r Debts>,
    pub settlements: &'r [Settlement],
    pub refunded: &'r [Refunded],
    pub claw_backs: &'r [ClawBack],
    pub auto_recharge: Option<&'r AutoRecharge>,
    /// By their numbers.
    pub recharges: &'r [Recharge],
}

/// What the entries say of plans, features and budgets.
#[derive(Default)]
struct Extra {
    /// As the newest entry about plans left them, and the cycle in which it did.
    subscriptions: Vec<Subscription>,
    cycle: i32,
    switches: BTreeMap<String, Switch>,
    meters: BTreeMap<String, Meter>,
    holds: BTreeMap<i64, Hold>,
    /// Those that were set, or of which an event told.
    alerts: BTreeMap<String, Alert>,
    budgets: BTreeMap<i32, BudgetRow>,
    debts: Debts,
    settlements: Vec<Settlement>,
    refunded: BTreeMap<i64, Refunded>,
    claw_backs: BTreeMap<(i32, i64), ClawBack>,
    /// What the newest cycle granted by plan, as it began.
    allowances: BTreeMap<String, Amount>,
    allowances_of: i32,
    /// By budget and user, in the period of the account's newest entry.
    used: BTreeMap<(i32, String), Amount>,
    auto_recharge: Option<RechargeSettings>,
    /// The entry that credited each recharge that one did.
    recharged: BTreeMap<i64, i64>,
    /// By budget: use that was redacted, so that it is not known whose it was.
    redacted: BTreeMap<i32, Amount>,
}

/// What the entries say of a lot.
#[derive(Clone, Copy)]
struct LotTrail {
    remaining: Amount,
    gone: Amount,
    revoked: bool,
    status: LotStatus,
    /// In which it became effective.
    cycle: i32,
    expired_at: Option<Timestamp>,
}

/// Reads an account's entries, oldest first, and then compares them with its rows.
pub struct Auditor<'a> {
    rows: &'a Rows<'a>,
    account: &'a Account,
    /// The account's.
    zone: &'a dyn Zone,
    lots: HashMap<i32, &'a Lot>,
    made_by: HashMap<i64, Vec<&'a Lot>>,
    trails: BTreeMap<i32, LotTrail>,
    cycles: BTreeMap<i32, CycleTotals>,
    closed: HashMap<i64, Vec<&'a ClosedCycle>>,
    /// The period of each budget in which the account's newest entry lies.
    spans: Vec<(&'a BudgetRow, Span)>,
    extra: Extra,
    /// What the entries and closed cycles tell: type, newest entry, when, payload.
    told: Vec<(EventType, i64, Timestamp, serde_json::Value)>,
    state: Option<Detail>,
    opened_with: Option<Settings>,
    settings: Vec<PastSettings>,
    opened_at: Timestamp,
    was_closed: bool,
    newest: i64,
    after: Balances,
    used: Amount,
    cycle: i32,
    hash: [u8; 32],
    recorded_at: Timestamp,
    effective_at: Timestamp,
    problems: Vec<Problem>,
}

impl<'a> Auditor<'a> {
    pub fn new(rows: &'a Rows<'a>, zone: &'a dyn Zone) -> Self {
        let account = rows.account;
        let mut closed: HashMap<i64, Vec<&ClosedCycle>> = HashMap::new();
        for cycle in rows.closed {
            closed.entry(cycle.entry).or_default().push(cycle);
        }
        let mut made_by: HashMap<i64, Vec<&Lot>> = HashMap::new();
        for lot in rows.lots {
            made_by.entry(lot.entry).or_default().push(lot);
        }
        let span =
            |row: &'a BudgetRow| row.period.span(account.cycle, account.recorded_at, zone).ok().map(|span| (row, span));
        Auditor {
            rows,
            account,
            zone,
            lots: rows.lots.iter().map(|lot| (lot.lot, lot)).collect(),
            made_by,
            trails: BTreeMap::new(),
            cycles: BTreeMap::new(),
            closed,
            spans: rows.budgets.iter().filter_map(span).collect(),
            extra: Extra::default(),
            told: Vec::new(),
            state: None,
            opened_with: None,
            settings: Vec::new(),
            opened_at: Timestamp::NEG_INFINITY,
            was_closed: false,
            newest: 0,
            after: Balances::default(),
            used: Amount::ZERO,
            cycle: 0,
            hash: [0; 32],
            recorded_at: Timestamp::NEG_INFINITY,
            effective_at: Timestamp::NEG_INFINITY,
            problems: Vec::new(),
        }
    }

    /// Something that the reader of the rows found.
    pub fn problem(&mut self, entry: Option<i64>, problem: impl Into<String>) {
        self.problems.push(Problem { entry, problem: problem.into() });
    }

    /// The next entry, whose row cannot be one.
    pub fn unreadable(&mut self, number: i64, why: &str) {
        self.problem(Some(number), why);
        self.newest = number;
    }

    /// The next entry.
    pub fn entry(&mut self, entry: &Entry) {
        let number = Some(entry.entry);
        let expected = self.newest + 1;
        if entry.entry != expected {
            self.problem(number, format!("entries are missing: {expected} was expected"));
        }
        if (entry.entry == 1) != (entry.operation == Operation::Open) {
            self.problem(number, format!("operation {} cannot stand here", entry.operation.name()));
        }
        let made = self.made_by.remove(&entry.entry).unwrap_or_default();
        for lot in &made {
            let (status, cycle) = match entry.operation {
                Operation::Schedule => (LotStatus::Scheduled, entry.cycle),
                Operation::Rollover => (LotStatus::Active, entry.cycle + 1),
                _ => (LotStatus::Active, entry.cycle),
            };
            let (remaining, gone, revoked, expired_at) = (Amount::ZERO, Amount::ZERO, false, None);
            self.trails.insert(lot.lot, LotTrail { remaining, gone, revoked, status, cycle, expired_at });
        }
        if entry.redacted.is_some() && (entry.dimensions.is_personal() || entry.dimensions.salt.is_some()) {
            self.problem(number, "it was redacted, and yet has actor, resource or metadata");
        }
        if chain::hash(&self.hash, &self.account.account, entry, made.into_iter()) != entry.hash {
            self.problem(
                number,
                "the hash does not fit: this entry, a lot that it made, or the entry before it was changed",
            );
        }
        self.check_balances(entry);
        self.check_movements(entry);
        self.check_times(entry);
        self.count(entry);
        if let Err(error) = self.read_detail(entry) {
            self.problem(number, error.message);
        }
        self.read_debt(entry);
        self.count_use(entry);
        self.newest = entry.entry;
        self.after = entry.after;
        self.used = entry.used;
        self.cycle = entry.cycle;
        self.hash = entry.hash;
        if entry.entry == 1 {
            self.opened_at = entry.recorded_at;
        }
        self.tell(entry);
        let closed = self.closed.remove(&entry.entry).unwrap_or_default();
        self.read_alerts(entry, &closed);
        for cycle in closed {
            self.told.push((EventType::CycleClosed, entry.entry, cycle.end, event::of_cycle(cycle)));
            if chain::cycle_hash(&self.hash, &self.account.account, cycle) != cycle.hash {
                self.problem(number, format!("the row of closed cycle {} was changed", cycle.cycle));
            }
        }
    }

    /// The event that the entry made, if any.
    fn tell(&mut self, entry: &Entry) {
        let expired = entry.movements.first().and_then(|moved| self.lots.get(&moved.lot));
        let told = match (entry.operation, expired) {
            (Operation::Expire, Some(lot)) => (EventType::LotExpired, event::of_expiry(lot, entry.amount)),
            (Operation::Freeze, _) => {
                (EventType::AccountFrozen, event::of_freeze(entry.reason.as_deref().unwrap_or_default()))
            }
            _ => return,
        };
        self.told.push((told.0, entry.entry, entry.effective_at, told.1));
    }

    /// The events: numbered without gaps, and those that the entries and closed cycles tell as these do.
    fn check_events(&mut self) {
        let rows = self.rows.events;
        if rows.iter().zip(1..).any(|(row, number)| row.event != number) || rows.len() as i64 != self.account.events {
            self.problem(None, format!("the account says {} events, there are others", self.account.events));
        }
        if rows.iter().any(|row| row.entry > self.newest) || !rows.is_sorted_by_key(|row| row.entry) {
            self.problem(None, "an event does not belong where it stands among the entries");
        }
        let told = std::mem::take(&mut self.told);
        let found = rows.iter().filter(|row| row.event_type.is_of_the_ledger());
        let found = found.map(|row| (&row.event_type, row.entry, row.occurred_at, &row.payload));
        if !told.iter().map(|(kind, entry, at, payload)| (kind, *entry, *at, payload)).eq(found) {
            self.problem(None, "the account's events are not those of its history");
        }
    }

    /// How auto-recharge is set, the requests, and what was credited and told of them. How a worker fared with them is
    /// not in the entries.
    fn check_recharges(&mut self, extra: &Extra) {
        let rows = self.rows;
        if extra.auto_recharge.as_ref() != rows.auto_recharge.map(|auto| &auto.settings) {
            self.problem(None, "the account's auto-recharge is not set as its history says");
        }
        if rows.recharges.iter().zip(1..).any(|(row, number)| row.recharge != number) {
            self.problem(None, "a recharge is missing");
        }
        if rows.recharges.iter().filter(|row| row.is_open()).count() > 1 {
            self.problem(None, "more than one recharge is open");
        }
        for row in rows.recharges {
            let completed = row.status == RechargeStatus::Completed;
            // By its own entry, or by a grant that credited the payment before.
            let credited = rows.lots.iter().any(|lot| {
                let own = extra.recharged.get(&row.recharge) == row.credited_by.as_ref();
                let as_asked = lot.amount == row.credits && lot.price.as_ref() == Some(&row.price);
                Some(lot.entry) == row.credited_by && lot.payment_ref == row.payment_ref && (as_asked || !own)
            });
            let sound = match completed {
                true => credited && row.payment_ref.is_some(),
                false => row.credited_by.is_none() && row.payment_ref.is_none(),
            };
            let timed = row.is_open() == row.due_at.is_some() && row.is_open() == row.settled_at.is_none();
            if !sound || !timed {
                self.problem(row.credited_by, format!("recharge {} is not what was credited for it", row.recharge));
            }
        }
        let unknown = |(recharge, entry): (&i64, &i64)| {
            !rows.recharges.iter().any(|row| row.recharge == *recharge && row.credited_by == Some(*entry))
        };
        if extra.recharged.iter().any(unknown) {
            self.problem(None, "a recharge was credited that nobody asked for");
        }
        let told = |event_type: EventType| {
            let mut told: Vec<(Timestamp, String)> = (rows.events.iter())
                .filter(|row| row.event_type == event_type)
                .map(|row| (row.occurred_at, row.payload.to_string()))
                .collect();
            told.sort();
            told
        };
        let mut asked: Vec<_> = rows.recharges.iter().map(|row| (row.requested_at, row.asked().to_string())).collect();
        asked.sort();
        let paid = rows.recharges.iter().filter(|row| row.status == RechargeStatus::Completed);
        let mut paid: Vec<_> = paid.filter_map(|row| Some((row.settled_at?, row.paid().to_string()))).collect();
        paid.sort();
        if told(EventType::RechargeRequested) != asked || told(EventType::RechargeCompleted) != paid {
            self.problem(None, "the account's recharges are not those that its events tell of");
        }
    }

    /// The levels at which something has to be looked at.
    fn check_watch(&mut self) {
        let one_is_open = self.rows.recharges.iter().any(Recharge::is_open);
        let (auto, found) = (self.rows.auto_recharge, self.account.watch.recharge);
        let expected = auto.and_then(|auto| auto.level(one_is_open, self.account.balances));
        // Where credits are measured it was set for what stood beside them then.
        let moves = auto.is_some_and(|auto| auto.settings.measure == Measure::Credits);
        let as_expected = if moves { found.is_some() == expected.is_some() } else { found == expected };
        if !as_expected {
            self.problem(None, "the account's recharge_at is not the level at which a recharge is to be asked for");
        }
    }

    /// What the events that came after this entry tell of alerts. They happened as it did, or as a cycle closed thereafter.
    fn read_alerts(&mut self, entry: &Entry, closed: &[&ClosedCycle]) {
        let number = Some(entry.entry);
        let events = &self.rows.events[self.rows.events.partition_point(|event| event.entry < entry.entry)..];
        for event in events.iter().take_while(|event| event.entry == entry.entry) {
            let (name, fired_at) = match &event.event_type {
                EventType::Alert(name) => (name.as_str(), Some(event.occurred_at)),
                EventType::AlertCleared => (alert::named_by(&event.payload), None),
                _ => continue,
            };
            let instants = closed.iter().map(|cycle| cycle.end).chain([entry.effective_at]);
            if !alert::tells_of(&event.payload, name, entry) || !instants.into_iter().any(|at| at == event.occurred_at)
            {
                self.problem(number, format!("event {} does not tell what the entry left", event.event));
            }
            match alert::find_or_built_in(&mut self.extra.alerts, name) {
                Some(alert) => alert.fired_at = fired_at,
                None => self.problem(number, format!("an event tells of the alert {name:?}, which nobody set")),
            }
        }
    }

    fn check_alerts(&mut self) {
        let found = self.rows.alerts.iter().map(|alert| (&alert.row, alert.fired_at));
        let expected = self.extra.alerts.values().map(|alert| (&alert.row, alert.fired_at));
        if !found.eq(expected) {
            self.problem(None, "the account's alerts are not those that its entries and events tell of");
        }
    }

    /// What the entry says of the account's settings, plans, features and budgets.
    fn read_detail(&mut self, entry: &Entry) -> Result<()> {
        let mut package = None;
        match (entry.operation, &entry.detail) {
            (Operation::Recharge, Some(json)) => {
                self.extra.recharged.insert(RechargeDetail::from_json(json)?.recharge, entry.entry);
            }
            (Operation::Debit | Operation::Charge, Some(json)) => {
                let detail = DrawDetail::from_json(json)?;
                self.read_draw(entry, detail.debt_from);
                package = detail.package;
            }
            (Operation::Refund, Some(json)) => return self.read_refund(entry, RefundDetail::from_json(json)?),
            (Operation::Void | Operation::ClawBack, Some(json)) => self.read_void(entry, VoidDetail::from_json(json)?),
            (Operation::Allowance, Some(json)) => {
                let extra = &mut self.extra;
                if extra.allowances_of != entry.cycle {
                    (extra.allowances, extra.allowances_of) = (BTreeMap::new(), entry.cycle);
                }
                *extra.allowances.entry(plan_of(json)?).or_default() += entry.amount;
            }
            (Operation::Capture, Some(json)) => package = self.read_capture(entry, CaptureDetail::from_json(json)?),
            (Operation::Hold | Operation::Extend, Some(json)) => self.read_hold(entry, &HoldDetail::from_json(json)?),
            (Operation::Release | Operation::Lapse, _) => self.read_end_of_hold(entry),
            // They only name their plan or pack.
            (Operation::Rollover | Operation::Expire | Operation::Grant | Operation::Purchase, _) | (_, None) => {}
            (_, Some(json)) => self.read_state(entry, Detail::from_json(json)?),
        }
        let included = entry.included.unwrap_or_default();
        if let Some(feature) = &entry.dimensions.feature
            && (package.is_some() || included.is_positive())
        {
            let meter = self.extra.meters.entry(feature.clone()).or_default();
            meter.feature.clone_from(feature);
            meter.included = meter.included_in(entry.cycle) + included;
            meter.cycle = entry.cycle;
            meter.package_left = package.map_or(meter.package_left, |package| package.package_left);
        }
        Ok(())
    }

    /// What an entry drew past zero.
    fn read_draw(&mut self, entry: &Entry, debt_from: Option<Amount>) {
        if let Some(start) = debt_from {
            let lasting = entry.operation == Operation::ClawBack;
            if self.extra.debts.draw(entry.debt_change, lasting).start != start {
                self.problem(Some(entry.entry), "what it drew past zero is not where the account's line of debt ended");
            }
        }
    }

    fn settle(&mut self, stretches: &[Stretch], fate: Fate, entry: i64) {
        let settled = stretches.iter().map(|stretch| Settlement { stretch: *stretch, fate, entry });
        self.extra.settlements.extend(settled);
    }

    /// What the entry did to what is owed, but for what it drew and what a refund undid.
    fn read_debt(&mut self, entry: &Entry) {
        let number = entry.entry;
        let written_off = match entry.operation {
            Operation::Forgive => Some(Fate::Forgiven),
            Operation::Invoice => Some(Fate::Invoiced),
            _ => None,
        };
        if let Some(fate) = written_off {
            let stretches = self.extra.debts.settle_passing();
            self.settle(&stretches, fate, number);
        }
        for paid in repayments(entry) {
            let stretches = self.extra.debts.settle(paid.amount);
            self.settle(&stretches, Fate::Repaid(paid.lot), number);
        }
        let owed = self.extra.debts.total();
        if owed != entry.after.debt {
            self.problem(
                Some(number),
                format!("debt is {}, but what was drawn and settled leaves {owed}", entry.after.debt),
            );
        }
    }

    fn read_refund(&mut self, entry: &Entry, detail: RefundDetail) -> Result<()> {
        for undone in &detail.debt {
            if undone.fate.is_none() {
                self.extra.debts.remove(&[undone.stretch]);
            }
            if let (Some(fate), Some(onto)) = (undone.fate, undone.onto) {
                self.extra.debts.remove(&[onto]);
                self.settle(&[onto], fate, entry.entry);
            }
            self.settle(&[undone.stretch], Fate::Refunded, entry.entry);
        }
        let extra = &mut self.extra;
        let mut undo = |original: i64, amount: Amount, quantity: Amount| {
            let own = extra.refunded.entry(original).or_default();
            own.entry = original;
            (own.amount, own.quantity) = (own.amount + amount, own.quantity + quantity);
        };
        undo(entry.refers_to.unwrap_or_default(), entry.amount, entry.quantity.unwrap_or_default());
        for (lot, claw_back, amount) in detail.claw_backs.iter().copied() {
            undo(claw_back, amount, Amount::ZERO);
            if let Some(own) = extra.claw_backs.get_mut(&(lot, claw_back)) {
                own.returned += amount;
            }
        }
        if let Some(feature) = &entry.dimensions.feature
            && (entry.included.is_some() || detail.package_left.is_some())
        {
            let meter = extra.meters.entry(feature.clone()).or_default();
            meter.included = meter.included_in(entry.cycle) - entry.included.unwrap_or_default();
            meter.cycle = entry.cycle;
            meter.package_left = detail.package_left.unwrap_or(meter.package_left);
        }
        self.count_refund(entry, &detail);
        Ok(())
    }

    fn read_void(&mut self, entry: &Entry, detail: VoidDetail) {
        self.read_draw(entry, detail.debt_from);
        for part in detail.lots {
            if let Some(trail) = self.trails.get_mut(&part.lot) {
                trail.gone += part.voided + part.clawed_back;
                (trail.revoked, trail.status) = (part.revoked, part.status);
            }
            if part.clawed_back.is_positive() {
                let claw_back = ClawBack {
                    lot: part.lot,
                    entry: entry.entry,
                    amount: part.clawed_back,
                    returned: Amount::ZERO,
                    changed: false,
                };
                self.extra.claw_backs.insert((part.lot, entry.entry), claw_back);
            }
        }
    }

    fn read_hold(&mut self, entry: &Entry, detail: &HoldDetail) {
        if entry.operation == Operation::Extend {
            if let Some(hold) = entry.refers_to.and_then(|hold| self.extra.holds.get_mut(&hold)) {
                hold.expires_at = detail.expires_at;
            }
            return;
        }
        let held = entry.movements.iter().map(|moved| Movement { lot: moved.lot, amount: -moved.amount });
        let hold = Hold {
            hold: entry.entry,
            status: HoldStatus::Open,
            expires_at: detail.expires_at,
            amount: entry.amount,
            captured: Amount::ZERO,
            headroom: detail.headroom.unwrap_or_default(),
            parts: held.collect(),
            lapsed: Amount::ZERO,
            feature: entry.dimensions.feature.clone(),
            actor: entry.dimensions.actor.clone(),
            made_at: entry.recorded_at,
            cycle: entry.cycle,
            changed: false,
        };
        self.extra.holds.insert(entry.entry, hold);
    }

    /// What became of a package by it, if anything.
    fn read_capture(&mut self, entry: &Entry, detail: CaptureDetail) -> Option<PackageDetail> {
        let hold = entry.refers_to.and_then(|hold| self.extra.holds.get_mut(&hold))?;
        for (lot, amount) in detail.from_hold {
            if let Some(part) = hold.parts.iter_mut().find(|part| part.lot == lot) {
                part.amount -= amount;
            }
        }
        hold.parts.retain(|part| !part.amount.is_zero());
        hold.headroom = detail.headroom.unwrap_or_default();
        hold.captured += entry.amount;
        if detail.closes {
            hold.parts.clear();
            hold.status = if hold.captured.is_zero() { HoldStatus::Released } else { HoldStatus::Captured };
        }
        self.read_draw(entry, detail.debt_from);
        detail.package
    }

    fn read_end_of_hold(&mut self, entry: &Entry) {
        if let Some(hold) = entry.refers_to.and_then(|hold| self.extra.holds.get_mut(&hold)) {
            let lapses = entry.operation == Operation::Lapse;
            (hold.lapsed, hold.status) =
                if lapses { (hold.remaining(), HoldStatus::Lapsed) } else { (Amount::ZERO, HoldStatus::Released) };
            (hold.headroom, hold.parts) = (Amount::ZERO, Vec::new());
        }
    }

    fn read_state(&mut self, entry: &Entry, mut state: Detail) {
        if entry.operation.is_setting() {
            self.settings.push(PastSettings {
                entry: entry.entry,
                status: state.status,
                overdraft_limit: state.settings.overdraft_limit,
            });
        }
        let extra = &mut self.extra;
        if entry.operation.is_about_plans() {
            (extra.subscriptions, extra.cycle) = (std::mem::take(&mut state.subscriptions), state.cycle.number);
        }
        match state.change.take() {
            Some(Change::Feature(switch)) => {
                extra.switches.insert(switch.feature.clone(), switch);
            }
            Some(Change::Budget(row)) => {
                extra.budgets.insert(row.budget, row);
            }
            Some(Change::NoBudget { budget }) => {
                extra.budgets.remove(&budget);
            }
            Some(Change::AutoRecharge(settings)) => extra.auto_recharge = Some(settings),
            Some(Change::Alert(row)) => {
                extra.alerts.insert(row.alert.clone(), Alert::armed(row));
            }
            Some(Change::ResumedAutoRecharge) | None => {}
        }
        self.opened_with = state.opened_with.take().or(self.opened_with.take());
        self.state = Some(state.state());
    }

    /// Counts what the entry drew against the budgets whose period still ran at the newest entry.
    fn count_use(&mut self, entry: &Entry) {
        if entry.operation.is_usage() {
            self.count_usage(entry, entry.cycle, entry.recorded_at);
        }
    }

    /// What a refund gives back counts in the period of its debit.
    fn count_refund(&mut self, entry: &Entry, detail: &RefundDetail) {
        if !detail.redacted {
            self.count_usage(entry, detail.debited_in, detail.debited_at);
        }
    }

    fn count_usage(&mut self, entry: &Entry, cycle: i32, recorded_at: Timestamp) {
        let usage = entry.usage();
        for (row, span) in &self.spans {
            if usage.is_zero() || !row.period.has(*span, cycle, recorded_at) {
                continue;
            }
            let of_feature = row.feature.is_none() || row.feature == entry.dimensions.feature;
            if entry.redacted.is_some() && row.actor.is_some() && of_feature {
                *self.extra.redacted.entry(row.budget).or_default() += usage;
            } else if row.counts(&entry.dimensions) {
                let user = row.user(&entry.dimensions).to_string();
                *self.extra.used.entry((row.budget, user)).or_default() += usage;
            }
        }
    }

    fn check_balances(&mut self, entry: &Entry) {
        let number = Some(entry.entry);
        let (before, after) = (self.after, entry.after);
        let figures = [
            ("allowance", before.allowance + entry.allowance_change, after.allowance),
            ("credits", before.credits + entry.credits_change, after.credits),
            ("debt", before.debt + entry.debt_change, after.debt),
            ("held", before.held + entry.held_allowance_change + entry.held_credits_change, after.held),
        ];
        for (name, expected, found) in figures {
            if expected != found {
                self.problem(number, format!("{name} is {found}, but the entries add up to {expected}"));
            }
            if found.is_negative() {
                self.problem(number, format!("{name} is below zero: {found}"));
            }
        }
        let before = if entry.cycle == self.cycle { self.used } else { Amount::ZERO };
        let expected = before + entry.usage();
        if entry.used != expected {
            self.problem(number, format!("used is {}, but the entries add up to {expected}", entry.used));
        }
    }

    fn check_movements(&mut self, entry: &Entry) {
        let number = Some(entry.entry);
        let (mut allowance, mut credits, mut reserved) = (Amount::ZERO, Amount::ZERO, self.after.reserved);
        for movement in &entry.movements {
            let Some(lot) = self.lots.get(&movement.lot) else {
                self.problem(number, format!("lot {} does not exist", movement.lot));
                continue;
            };
            match lot.kind.bucket() {
                Bucket::Allowance => allowance += movement.amount,
                Bucket::Credits => credits += movement.amount,
            }
            if lot.is_restricted() {
                reserved += movement.amount;
            }
            let whole = lot.amount;
            let Some(trail) = self.trails.get_mut(&movement.lot) else {
                self.problem(number, format!("lot {} moved before an entry made it", movement.lot));
                continue;
            };
            trail.remaining += movement.amount;
            match entry.operation {
                Operation::Expire => {
                    trail.status = LotStatus::Expired;
                    trail.expired_at = trail.expired_at.or(Some(entry.effective_at));
                    trail.gone -= movement.amount;
                }
                // What returned to a lot that was voided before.
                Operation::Void if entry.key.is_none() => {
                    trail.gone -= movement.amount;
                    trail.revoked = true;
                    if trail.status != LotStatus::Expired {
                        trail.status = LotStatus::Voided;
                    }
                }
                Operation::Rollover if movement.amount.is_negative() => trail.gone -= movement.amount,
                Operation::Refund if trail.status == LotStatus::Voided && !trail.revoked => {
                    trail.status = LotStatus::Active;
                }
                Operation::Grant if trail.status == LotStatus::Scheduled => {
                    (trail.status, trail.cycle) = (LotStatus::Active, entry.cycle);
                }
                _ => {}
            }
            let left = trail.remaining;
            if left.is_negative() || left > whole {
                self.problem(number, format!("lot {} of {whole} would hold {left}", movement.lot));
            }
        }
        let figures = [
            ("allowance lots", entry.allowance_change, allowance),
            ("credit lots", entry.credits_change, credits),
            ("reserved", entry.after.reserved, reserved),
        ];
        for (name, expected, found) in figures {
            if expected != found {
                self.problem(number, format!("{name}: the entry says {expected}, its allocations add up to {found}"));
            }
        }
    }

    fn check_times(&mut self, entry: &Entry) {
        let number = Some(entry.entry);
        if entry.recorded_at < self.recorded_at || entry.effective_at < self.effective_at {
            self.problem(number, "its time lies before that of the entry before it");
        }
        if entry.effective_at > entry.recorded_at {
            self.problem(number, "it was recorded before it was effective");
        }
        self.recorded_at = entry.recorded_at;
        self.effective_at = entry.effective_at;
    }

    fn count(&mut self, entry: &Entry) {
        let of_plan = entry.kind.is_some_and(|kind| kind.bucket() == Bucket::Allowance);
        // Once the account is closed no cycle runs.
        if self.was_closed {
            return;
        }
        self.was_closed = entry.operation == Operation::Close;
        let totals = self.cycles.entry(entry.cycle).or_default();
        match entry.operation {
            Operation::Allowance => totals.granted += entry.amount,
            operation if operation.is_about_plans() && of_plan => totals.granted += entry.amount,
            Operation::Rollover => totals.rolled_over += entry.amount,
            Operation::Expire if of_plan => totals.expired += entry.amount,
            Operation::Forgive => totals.forgiven += entry.amount,
            Operation::Invoice => totals.invoiced += entry.amount,
            // What was scheduled never becomes effective.
            Operation::Close => {
                for (lot, trail) in self.trails.iter_mut().filter(|(_, trail)| trail.status == LotStatus::Scheduled) {
                    let whole = self.lots.get(lot).map_or(Amount::ZERO, |lot| lot.amount);
                    (trail.status, trail.gone) = (LotStatus::Expired, whole);
                }
            }
            _ => totals.used += entry.usage(),
        }
    }

    /// Compares what the entries add up to with the account's rows.
    pub fn finish(mut self) -> Vec<Problem> {
        let (account, rows) = (self.account, self.rows);
        let (closed, zone) = (rows.closed, self.zone);
        if account.entry != self.newest {
            self.problem(None, format!("the account says {} entries, there are {}", account.entry, self.newest));
        }
        if account.hash != self.hash {
            self.problem(None, "the account's head_hash is not the newest entry's");
        }
        let used = if account.cycle.number == self.cycle { self.used } else { Amount::ZERO };
        let running = self.cycles.get(&account.cycle.number);
        let granted = running.map_or(Amount::ZERO, |totals| totals.granted);
        let expired = running.map_or(Amount::ZERO, |totals| totals.expired);
        let (row, sums) = (account.balances, self.after);
        let figures = [
            ("allowance", row.allowance, sums.allowance),
            ("credits", row.credits, sums.credits),
            ("held", row.held, sums.held),
            ("debt", row.debt, sums.debt),
            ("reserved", row.reserved, sums.reserved),
            ("used", account.used, used),
            ("allowance_granted", account.granted, granted),
            ("expired", account.expired, expired),
        ];
        for (name, found, expected) in figures {
            if found != expected {
                self.problem(None, format!("the account's {name} is {found}, but the entries add up to {expected}"));
            }
        }
        let closed_at = closed.last().map_or(Timestamp::NEG_INFINITY, |cycle| cycle.closed_at);
        if account.recorded_at != self.recorded_at.max(closed_at) {
            self.problem(None, "the account's time is not that of its newest entry or closed cycle");
        }
        let opened_with = self.opened_with.as_ref().and_then(|settings| serde_json::to_value(settings).ok());
        if serde_json::from_str(rows.opened_with).ok() != opened_with || account.opened_at != self.opened_at {
            self.problem(None, "opened_with or opened_at is not what the account's history says");
        }
        match self.state.take() {
            Some(state) => {
                let cycle = self.expected_cycle(&state, closed, zone);
                if state != (Detail { cycle: state.cycle, ..Detail::of(account) }) {
                    self.problem(None, "the account's status or settings are not those of its history");
                }
                if cycle.is_ok_and(|cycle| cycle != account.cycle) {
                    self.problem(None, "the account's running cycle is not the one that its history leads to");
                }
            }
            None => self.problem(None, "the account's history does not say what it is set to"),
        }
        if self.settings != rows.settings {
            self.problem(None, "what the account was set to in the past is not what its history says");
        }
        self.check_lots(zone);
        self.check_cycles(closed);
        self.check_alerts();
        self.check_plans();
        self.check_limits();
        self.check_events();
        self.check_watch();
        self.problems
    }

    /// The subscriptions: as the newest entry about plans left them, and what the cycles closed since have made of them.
    /// How plans were defined is not asked again: what counts for an account is what was granted.
    fn check_plans(&mut self) {
        let subscriptions = std::mem::take(&mut self.extra.subscriptions);
        let mut expected = Holdings { subscriptions, ..Holdings::default() };
        let from = if expected.subscriptions.is_empty() { i32::MAX } else { self.extra.cycle };
        let since: Vec<&ClosedCycle> = self.rows.closed.iter().filter(|cycle| cycle.cycle >= from).collect();
        for cycle in &since {
            if self.account.is_closed() && cycle.cycle == self.account.cycle.number {
                expected.end();
            } else {
                expected.turn(cycle.cycle + 1, cycle.end);
            }
        }
        let rows: BTreeMap<&str, &Subscription> =
            self.rows.holdings.subscriptions.iter().map(|own| (own.plan.as_str(), own)).collect();
        let mut sound = rows.len() == expected.subscriptions.len();
        for own in &expected.subscriptions {
            let Some(row) = rows.get(own.plan.as_str()).copied() else {
                sound = false;
                continue;
            };
            let mut own = Subscription { changed: row.changed, ..own.clone() };
            if !since.is_empty() && own.cycle > from {
                // A cycle has begun since: what it granted is what the plan counts for.
                let granted = self.extra.allowances.get(&own.plan).filter(|_| self.extra.allowances_of == own.cycle);
                own.counted = granted.copied().unwrap_or_default();
                own.peak_seats = if row.peak_seats == 0 { 0 } else { own.seats };
                (own.trial_granted, own.converts) = (own.trial_granted || row.trial_granted, row.converts);
            }
            sound &= own == *row;
        }
        if !sound {
            self.problem(None, "the account's subscriptions are not those of its history");
        }
    }

    /// Features that are switched off, meters of units, budgets and what was used of them.
    fn check_limits(&mut self) {
        let (rows, extra) = (self.rows, std::mem::take(&mut self.extra));
        if !extra.switches.values().eq(rows.switches) {
            self.problem(None, "the account's features are not switched as its history says");
        }
        if !extra.meters.values().eq(rows.meters) {
            self.problem(None, "the units used or left of a feature are not those of the account's history");
        }
        if !extra.budgets.values().eq(rows.budgets) {
            self.problem(None, "the account's budgets are not those of its history");
        }
        let as_stored = rows.holds.iter().map(|hold| Hold { changed: false, ..hold.clone() });
        if !extra.holds.values().cloned().eq(as_stored) {
            self.problem(None, "the account's holds are not those of its history");
        }
        let debts = rows.debts.cloned().unwrap_or_default();
        if extra.debts != (Debts { changed: extra.debts.changed, ..debts }) {
            self.problem(None, "what the account owes is not what its history leaves open");
        }
        let in_order = |settlements: &[Settlement]| {
            let mut all: Vec<_> =
                settlements.iter().map(|own| (own.stretch.start, own.entry, own.stretch.end, own.fate)).collect();
            all.sort_by_key(|(start, entry, _, fate)| (*start, *entry, fate.name()));
            all
        };
        if in_order(&extra.settlements) != in_order(rows.settlements) {
            self.problem(None, "what became of the account's debt is not what its history says");
        }
        let refunded = rows.refunded.iter().map(|own| Refunded { changed: false, ..*own });
        if !extra.refunded.values().copied().eq(refunded) {
            self.problem(None, "what was refunded of the account's debits is not what its history says");
        }
        let claw_backs = rows.claw_backs.iter().map(|own| ClawBack { changed: false, ..*own });
        if !extra.claw_backs.values().copied().eq(claw_backs) {
            self.problem(None, "what was clawed back of the account's lots is not what its history says");
        }
        let headroom: Amount = extra.holds.values().map(|hold| hold.headroom).sum();
        if self.account.headroom != headroom {
            self.problem(
                None,
                format!("the account's headroom is {}, its holds reserve {headroom}", self.account.headroom),
            );
        }
        let found = Extras {
            holds: !rows.holds.is_empty(),
            debts: rows.debts.is_some(),
            subscriptions: !rows.holdings.subscriptions.is_empty(),
            switches: !rows.switches.is_empty(),
            meters: !rows.meters.is_empty(),
            budgets: !rows.budgets.is_empty(),
            auto_recharge: rows.auto_recharge.is_some(),
            alerts: !rows.alerts.is_empty(),
        };
        self.check_recharges(&extra);
        if self.account.extras != found {
            self.problem(None, "the account's row does not say which of the other tables have rows of it");
        }
        for (row, span) in std::mem::take(&mut self.spans) {
            let expected = extra.used.iter().filter(|((budget, _), _)| *budget == row.budget);
            let expected: BTreeMap<&str, Amount> = expected.map(|((_, user), used)| (user.as_str(), *used)).collect();
            let uses = rows.budget_use.iter().filter(|used| used.budget == row.budget);
            let found: BTreeMap<&str, Amount> = uses
                .map(|used| (used.actor.as_str(), used.used_in(row.period, span)))
                .filter(|(_, used)| !used.is_zero())
                .collect();
            let redacted = extra.redacted.get(&row.budget).copied().unwrap_or_default();
            let of = |uses: &BTreeMap<&str, Amount>, user: &str| uses.get(user).copied().unwrap_or_default();
            let users = expected.keys().chain(found.keys());
            let unsound = users.clone().any(|user| {
                let (expected, found) = (of(&expected, user), of(&found, user));
                found < expected || found > expected + redacted
            });
            let excess = found.values().copied().sum::<Amount>() - expected.values().copied().sum();
            if unsound || excess > redacted {
                self.problem(None, format!("what was used of budget {} is not what the entries add up to", row.budget));
            }
        }
        if rows.budget_use.iter().any(|used| !rows.budgets.iter().any(|row| row.budget == used.budget)) {
            self.problem(None, "use is counted of a budget that does not exist");
        }
    }

    /// The running cycle, from the newest entry that states one and the cycles that were closed since.
    fn expected_cycle(&self, state: &Detail, closed: &[ClosedCycle], zone: &dyn Zone) -> Result<Cycle> {
        let account = self.account;
        match closed.last() {
            Some(last) if last.cycle >= state.cycle.number && !account.is_closed() => {
                let end = self.book().end_after(last.end, zone)?;
                Ok(Cycle { number: last.cycle + 1, start: last.end, end })
            }
            _ => Ok(state.cycle),
        }
    }

    /// The account's book with its open lots and holds, to ask it what the row's shortcuts should be.
    fn book(&self) -> Book {
        let now = self.account.recorded_at;
        let context = Context { now, began: now, clock_was_set: false, recorded_by: String::new() };
        let open = self.lots.values().filter(|lot| lot.is_open()).map(|lot| (*lot).clone()).collect();
        let mut book = Book::new(self.account.clone(), open, Extent::All, context);
        book.holds = self.rows.holds.iter().filter(|hold| hold.is_open()).cloned().collect();
        book.alerts = Some(alert::complete(self.rows.alerts.to_vec()));
        book
    }

    /// Whether a lot's row says what the entries say of it, and that so much of it is held.
    fn check_lot(&mut self, lot: &Lot, held: Amount, book: &Book, zone: &dyn Zone) {
        // Closed cycles are numbered 1, 2, 3 …
        let closed = self.rows.closed;
        let nth = |cycle: i32| usize::try_from(cycle - 1).ok().and_then(|i| closed.get(i));
        let ended = lot.expiry.cycle().and_then(nth).map(|cycle| cycle.end);
        let Some(trail) = self.trails.get(&lot.lot).copied() else {
            self.problem(Some(lot.entry), format!("no entry made lot {}", lot.lot));
            return;
        };
        let mut problem = |what: String| self.problem(Some(lot.entry), format!("lot {} {what}", lot.lot));
        if lot.remaining != trail.remaining {
            problem(format!("has {} left, but its allocations add up to {}", lot.remaining, trail.remaining));
        }
        if lot.gone != trail.gone {
            problem(format!("says that {} of it is gone, but by its entries it is {}", lot.gone, trail.gone));
        }
        if lot.revoked != trail.revoked {
            problem("says otherwise than its entries whether what returns to it is void".into());
        }
        if lot.held != held {
            problem(format!("says that {} of it is held, but its holds add up to {held}", lot.held));
        }
        if lot.status != trail.status {
            problem(format!("is {}, but by its entries it is {}", lot.status.name(), trail.status.name()));
        }
        if lot.cycle != trail.cycle {
            problem(format!("says cycle {}, but became effective in cycle {}", lot.cycle, trail.cycle));
        }
        let last = match (lot.kind, lot.expires_after_cycles) {
            (LotKind::Allowance | LotKind::Rollover, None) => Some(trail.cycle),
            (_, Some(cycles)) if trail.status != LotStatus::Scheduled => trail.cycle.checked_add(cycles - 1),
            _ => None,
        };
        let never_began = lot.expires_after_cycles.is_some() && matches!(lot.expiry, Expiry::AfterCycles(_));
        if lot.expiry.cycle() != last && !never_began {
            problem("expires at the end of another cycle than it should".into());
        }
        let date = match (lot.expiry, trail.expired_at) {
            (Expiry::Cycle { .. }, Some(at)) => Some(Some(ended.map_or(at, |end| end.min(at)).max(lot.effective_at))),
            (Expiry::Cycle { .. }, None) if lot.is_open() && ended.is_some() => Some(ended),
            (Expiry::Cycle { cycle, .. }, None) if lot.is_open() && cycle >= book.account.cycle.number => {
                book.expiry_of_cycle(cycle, zone).ok().map(Expiry::date)
            }
            _ => None,
        };
        if date.is_some_and(|date| date != lot.expiry.date()) {
            problem("expires at another time than it should".into());
        }
    }

    fn check_lots(&mut self, zone: &dyn Zone) {
        let account = self.account;
        let mut lots: Vec<&Lot> = self.lots.values().copied().collect();
        lots.sort_by_key(|lot| lot.lot);
        let mut book = self.book();
        let mut held: HashMap<i32, Amount> = HashMap::new();
        for part in self.extra.holds.values().flat_map(|hold| &hold.parts) {
            *held.entry(part.lot).or_default() += part.amount;
        }
        for (lot, number) in lots.iter().zip(1..) {
            if lot.lot != number {
                self.problem(None, format!("lot {number} is missing"));
                return;
            }
            self.check_lot(lot, held.get(&lot.lot).copied().unwrap_or_default(), &book, zone);
            if lot.status != LotStatus::Active && lot.remaining.is_positive() {
                self.problem(
                    Some(lot.entry),
                    format!("lot {number} is {} and holds {}", lot.status.name(), lot.remaining),
                );
            }
        }
        if account.lots as usize != lots.len() {
            self.problem(None, format!("the account says {} lots, there are {}", account.lots, lots.len()));
        }
        if !self.made_by.is_empty() {
            self.problem(None, "there are lots that no entry made");
        }
        // The row's shortcuts: the head, and when time has something to do. A head in which nothing remains is left
        // where it was until somebody needs the next one.
        let sealed = book.seal().is_ok();
        let alerts_at = book.alerts_at().unwrap_or_default();
        let empty = account.head.is_some_and(|head| !head.remaining.is_positive());
        let as_it_should_be = account.head == book.account.head;
        if !sealed || !(empty || as_it_should_be) {
            self.problem(None, "the account's head is not the first lot in burn order");
        }
        if empty
            && account
                .head
                .is_some_and(|head| self.lots.get(&head.lot).is_none_or(|lot| lot.kind.bucket() != head.bucket))
        {
            self.problem(None, "the account's head is not a lot of its kind");
        }
        if account.next_event_at > book.account.next_event_at {
            self.problem(None, "the account's next_event_at is too late");
        }
        // As time goes by it may lie lower, never higher.
        if account.watch.alerts < alerts_at {
            self.problem(None, "the account's alert_at lies below the level at which an alert may fire");
        }
    }

    fn check_cycles(&mut self, closed: &[ClosedCycle]) {
        let mut previous: Option<&ClosedCycle> = None;
        for (cycle, number) in closed.iter().zip(1..) {
            if cycle.cycle != number {
                self.problem(None, format!("cycle {number} is missing"));
                return;
            }
            if previous.is_some_and(|previous| previous.end != cycle.start) || cycle.start > cycle.end {
                self.problem(None, format!("cycle {number} does not begin where the one before it ends"));
            }
            let totals = self.cycles.remove(&number).unwrap_or_default();
            let figures = [
                ("granted", cycle.granted, totals.granted),
                ("used", cycle.used, totals.used),
                ("rolled_over", cycle.rolled_over, totals.rolled_over),
                ("expired", cycle.expired, totals.expired),
                ("debt_forgiven", cycle.debt_forgiven, totals.forgiven),
                ("debt_invoiced", cycle.debt_invoiced, totals.invoiced),
            ];
            for (name, found, expected) in figures {
                if found != expected {
                    self.problem(
                        None,
                        format!("cycle {number}: {name} is {found}, but the entries add up to {expected}"),
                    );
                }
            }
            previous = Some(cycle);
        }
        let expected = if self.account.is_closed() { self.account.cycle.number } else { self.account.cycle.number - 1 };
        if closed.len() as i32 != expected {
            self.problem(None, format!("{expected} cycles were closed, but {} are recorded", closed.len()));
        }
    }
}
