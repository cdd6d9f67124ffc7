//! Alerts: whom an account tells that it runs out, and when.
//!
//! An alert fires when its condition becomes true, and then keeps still until a grant or a new cycle has made the condition
//! false: that is told, too. What a release or a refund gives back, or time, does not clear it, so it does not flap.
//!
//! Time alone never makes a condition true: with each hour without usage it takes longer to run out, and there is less of
//! the cycle left. So alerts are judged where something was recorded, and nowhere else.

use crate::account::Account;
use crate::amount::Amount;
use crate::book::{Book, Outcome, Purpose, Stop};
use crate::entry::{Entry, Operation};
use crate::error::{Error, Result};
use crate::event::EventType;
use crate::forecast::Standing;
use crate::lifecycle::Change;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The alert that every account has for running low.
pub const LOW: &str = "low";
/// The alert that every account has for having nothing available any more.
pub const EXHAUSTED: &str = "exhausted";
/// No alert has this name: `alert.cleared` is another event.
const CLEARED: &str = "cleared";

/// When an alert is to be told. All that is given must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Less than this is available.
    pub below: Option<Amount>,
    /// So many percent are used, or more.
    pub used_percent: Option<Amount>,
    pub only_if_on_pace: bool,
}

impl Condition {
    /// Of the alert `low`, unless the account has another one set.
    pub const LOW: Condition =
        Condition { below: None, used_percent: Some(Amount::from_credits(75)), only_if_on_pace: true };
    /// Of the alert `exhausted`, which has one of its own.
    const NONE: Condition = Condition { below: None, used_percent: None, only_if_on_pace: false };

    pub fn holds(&self, standing: &Standing) -> bool {
        self.below.is_none_or(|below| standing.available < below)
            && self.used_percent.is_none_or(|percent| standing.has_used(percent))
            && (!self.only_if_on_pace || standing.on_pace())
    }

    /// Debits, holds and what settles them can only make it true where less than this is available.
    fn level(&self, standing: &Standing) -> Amount {
        let pace = self.only_if_on_pace.then(|| standing.level_of_pace());
        let usage = self.used_percent.map(|percent| standing.level_of_use(percent));
        [self.below, usage, pace].into_iter().flatten().min().unwrap_or_default()
    }
}

/// An alert as it is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRow {
    pub alert: String,
    #[serde(flatten)]
    pub condition: Condition,
    pub enabled: bool,
}

impl AlertRow {
    /// As `credits_set_alert` was told. LC004, LC005 where that cannot be.
    pub fn new(alert: &str, condition: Condition, enabled: bool) -> Result<AlertRow> {
        let Condition { below, used_percent, .. } = condition;
        for (name, given) in [("below", below), ("used_percent", used_percent)] {
            if let Some(amount) = given.filter(|amount| !amount.is_positive()) {
                return Err(Error::amount(format!("{name} must be above zero")).detail(format!("{name}={amount}")));
            }
        }
        if let Some(percent) = used_percent.filter(|percent| *percent > Amount::from_credits(100)) {
            return Err(Error::argument("used_percent", percent, "used_percent must be at most 100"));
        }
        let is_bare = below.is_none() && used_percent.is_none();
        let condition = match alert {
            CLEARED => {
                return Err(Error::argument("alert", alert, "no alert can be called cleared")
                    .hint("The event alert.cleared says that an alert is over. Choose another name."));
            }
            EXHAUSTED if condition != Condition::NONE => {
                return Err(Error::argument("alert", alert, "the alert exhausted has a condition of its own")
                    .hint("It can only be switched off and on. Set an alert with another name."));
            }
            LOW if is_bare => Condition::LOW,
            EXHAUSTED => condition,
            _ if is_bare => {
                return Err(Error::argument("alert", alert, "an alert needs below, used_percent, or both"));
            }
            _ => condition,
        };
        Ok(AlertRow { alert: alert.into(), condition, enabled })
    }

    /// What every account has before it sets anything.
    pub fn built_in() -> [AlertRow; 2] {
        let row = |alert: &str, condition| AlertRow { alert: alert.into(), condition, enabled: true };
        [row(EXHAUSTED, Condition::NONE), row(LOW, Condition::LOW)]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub row: AlertRow,
    /// Since when its condition has been told; `None`: it is armed.
    pub fired_at: Option<Timestamp>,
    /// To be written.
    pub changed: bool,
}

impl Alert {
    /// Of a row that nobody has touched yet.
    pub fn armed(row: AlertRow) -> Alert {
        Alert { row, fired_at: None, changed: false }
    }

    fn is_waiting(&self) -> bool {
        self.row.enabled && self.fired_at.is_none()
    }

    fn holds(&self, standing: &Standing, exhausted: bool) -> bool {
        if self.row.alert == EXHAUSTED { exhausted } else { self.row.condition.holds(standing) }
    }
}

/// Stored alerts with those that every account has, by name.
pub fn complete(mut stored: Vec<Alert>) -> Vec<Alert> {
    for row in AlertRow::built_in() {
        if !stored.iter().any(|own| own.row.alert == row.alert) {
            stored.push(Alert::armed(row));
        }
    }
    stored.sort_by(|a, b| a.row.alert.cmp(&b.row.alert));
    stored
}

/// The stored alert of this name, made where every account has it; `None`: there is none.
pub(crate) fn find_or_built_in<'a>(stored: &'a mut BTreeMap<String, Alert>, name: &str) -> Option<&'a mut Alert> {
    if !stored.contains_key(name) {
        let row = AlertRow::built_in().into_iter().find(|row| row.alert == name)?;
        stored.insert(name.into(), Alert::armed(row));
    }
    stored.get_mut(name)
}

/// The alert that an event is about.
pub(crate) fn named_by(payload: &Value) -> &str {
    payload.get("alert").and_then(Value::as_str).unwrap_or_default()
}

/// Whether such an event has what it should have, with the figures that the entry left.
pub(crate) fn tells_of(payload: &Value, alert: &str, entry: &Entry) -> bool {
    let in_same_cycle = payload["cycle"] == entry.cycle;
    let used = if in_same_cycle { entry.used.or_zero() } else { Amount::ZERO };
    let figures = [("available", entry.after.available()), ("used", used)];
    payload.as_object().is_some_and(|told| told.keys().eq(TOLD))
        && payload["alert"] == alert
        && figures.into_iter().all(|(name, amount)| payload[name] == json!(amount))
}

/// Whether an entry grants something to the account: what may clear an alert, as does a new cycle.
fn grants(entry: &Entry) -> bool {
    let by_plan = matches!(entry.operation, Operation::Subscribe | Operation::ChangePlan | Operation::SetSeats);
    let given =
        matches!(entry.operation, Operation::Grant | Operation::Purchase | Operation::Recharge | Operation::Allowance);
    entry.amount.is_positive() && (by_plan || given)
}

impl Book {
    /// The account's alerts, those included that every account has.
    fn known_alerts(&mut self) -> Outcome<&mut Vec<Alert>> {
        if self.alerts.is_none() && self.account.extras.alerts {
            return Err(Stop::NeedMore);
        }
        Ok(self.alerts.get_or_insert_with(|| complete(Vec::new())))
    }

    /// Sets an alert, which then begins anew: where its condition holds already it fires at once. Nothing where it is set so.
    pub fn set_alert(&mut self, row: &AlertRow) -> Outcome<()> {
        self.must_not_be_closed()?;
        self.need_some()?;
        let alerts = self.known_alerts()?;
        if alerts.iter().any(|own| own.row == *row) {
            return Ok(());
        }
        alerts.retain(|own| own.row.alert != row.alert);
        alerts.push(Alert { changed: true, ..Alert::armed(row.clone()) });
        alerts.sort_by(|a, b| a.row.alert.cmp(&b.row.alert));
        self.account.extras.alerts = true;
        self.record_change(Change::Alert(row.clone()))?;
        Ok(())
    }

    /// Fires alerts whose conditions have become true, and clears those that a grant or a new cycle made false, by what was
    /// recorded since they were judged last. Of a closed account nobody is told any more.
    pub(crate) fn judge_alerts(&mut self, instant: Timestamp) -> Outcome<()> {
        let recorded = (self.entries.len(), self.closed.len());
        if self.purpose != Purpose::Write || recorded == self.judged || self.account.is_closed() {
            return Ok(());
        }
        let new = &self.entries[self.judged.0..];
        let gave = recorded.1 > self.judged.1 || new.iter().any(grants);
        let standing = self.account.standing(instant);
        let exhausted = self.is_exhausted()?;
        let mut alerts = std::mem::take(self.known_alerts()?);
        for alert in &mut alerts {
            let holds = alert.holds(&standing, exhausted);
            let name = &alert.row.alert;
            let event = match alert.fired_at {
                None if holds && alert.row.enabled => EventType::Alert(name.clone()),
                Some(_) if gave && !holds => EventType::AlertCleared,
                _ => continue,
            };
            alert.fired_at = (event != EventType::AlertCleared).then_some(instant);
            alert.changed = true;
            let payload = told(&alert.row, &standing, &self.account);
            self.emit(event, instant, payload);
            self.account.extras.alerts = true;
        }
        self.alerts = Some(alerts);
        self.judged = recorded;
        Ok(())
    }

    /// The highest `available - debt` at which a debit, a hold or what settles it may make an alert fire in this cycle.
    pub(crate) fn alerts_at(&mut self) -> Outcome<Option<Amount>> {
        if self.account.is_closed() {
            return Ok(None);
        }
        let standing = self.account.standing(self.now());
        let exhausted_below = if self.was_granted()? { SMALLEST } else { Amount::ZERO };
        let waiting = self.known_alerts()?.iter().filter(|alert| alert.is_waiting());
        let below = |alert: &Alert| match alert.row.alert == EXHAUSTED {
            true => exhausted_below,
            false => alert.row.condition.level(&standing),
        };
        let level = waiting.map(below).max().unwrap_or_default();
        Ok(level.is_positive().then(|| level - SMALLEST - self.account.balances.debt))
    }
}

const SMALLEST: Amount = Amount::from_micros(1);

/// What an event about an alert says, in the order of the names.
const TOLD: [&str; 9] =
    ["alert", "available", "burn_per_day", "cycle", "cycle_end", "on_pace", "runs_out_at", "used", "used_percent"];

/// [`TOLD`], as of an instant.
fn told(row: &AlertRow, standing: &Standing, account: &Account) -> Value {
    json!({
        "alert": row.alert,
        "available": standing.available,
        "used": standing.used,
        "used_percent": standing.used_percent(),
        "burn_per_day": standing.burn_per_day(),
        "runs_out_at": standing.runs_out_at().map(|at| at.to_string()),
        "on_pace": standing.on_pace(),
        "cycle": account.cycle.number,
        "cycle_end": standing.cycle_end.map(|end| end.to_string()),
    })
}
