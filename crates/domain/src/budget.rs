//! Budgets: how much an actor, or a feature, may draw in a period.

use crate::account::Cycle;
use crate::amount::Amount;
use crate::entry::Dimensions;
use crate::error::{Error, Result};
use crate::time::{Interval, Timestamp, Zone};
use chrono::{Datelike, NaiveDateTime, NaiveTime, Timelike};
use serde::{Deserialize, Serialize};

/// Each actor has a budget of its own.
pub const EACH_ACTOR: &str = "*";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Cycle,
    Hour,
    Day,
    Month,
}

/// A period of a budget: which one, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub cycle: i32,
    pub start: Timestamp,
}

impl Period {
    pub fn name(self) -> &'static str {
        match self {
            Period::Cycle => "cycle",
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Month => "month",
        }
    }

    /// LC005 for another name.
    pub fn parse(name: &str) -> Result<Period> {
        [Period::Cycle, Period::Hour, Period::Day, Period::Month]
            .into_iter()
            .find(|period| period.name() == name)
            .ok_or_else(|| Error::argument("period", name, "period is none of cycle, hour, day, month"))
    }

    /// The period that contains now, by the wall clock of the account's zone.
    pub fn span(self, cycle: Cycle, now: Timestamp, zone: &dyn Zone) -> Result<Span> {
        let start = match self {
            Period::Cycle => Some(cycle.start),
            Period::Hour => zone.to_local(now).map(|local| hour_start(now, local)),
            Period::Day | Period::Month => self.local_start(now, zone).and_then(|local| zone.to_instant(local)),
        };
        Ok(Span { cycle: cycle.number, start: start.ok_or_else(out_of_range)? })
    }

    /// When the period that contains now ends; `None`: with a cycle that is closed by hand.
    pub fn end(self, cycle: Cycle, now: Timestamp, zone: &dyn Zone) -> Result<Option<Timestamp>> {
        const HOUR: i64 = 3_600_000_000;
        let length = match self {
            Period::Cycle => return Ok(cycle.end),
            Period::Hour => return Ok(Some(Timestamp(self.span(cycle, now, zone)?.start.0 + HOUR))),
            Period::Day => Interval { days: 1, ..Interval::ZERO },
            Period::Month => Interval::MONTH,
        };
        let local = self.local_start(now, zone).and_then(|start| crate::time::add(start, length));
        let end = local.and_then(|local| zone.to_instant(local)).ok_or_else(out_of_range)?;
        Ok(Some(end))
    }

    /// Of a day or month.
    fn local_start(self, now: Timestamp, zone: &dyn Zone) -> Option<NaiveDateTime> {
        let date = zone.to_local(now)?.date();
        let first = if self == Period::Month { date.with_day(1)? } else { date };
        Some(first.and_time(NaiveTime::MIN))
    }
}

/// Back to the full hour that the wall clock showed last. Not by way of the wall clock: an hour that comes twice is two.
fn hour_start(now: Timestamp, local: NaiveDateTime) -> Timestamp {
    let micros = i64::from(local.minute()) * 60_000_000
        + i64::from(local.second()) * 1_000_000
        + i64::from(local.nanosecond() / 1000);
    Timestamp(now.0 - micros)
}

fn out_of_range() -> Error {
    Error::argument("period", "out of range", "the budget's period leaves the range of time")
}

/// A budget as it was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetRow {
    /// Its number within the account.
    pub budget: i32,
    pub period: Period,
    /// [`EACH_ACTOR`]: each has its own; `None`: all together.
    pub actor: Option<String>,
    /// `None`: all together.
    pub feature: Option<String>,
    pub budget_limit: Amount,
}

impl BudgetRow {
    /// Whether what has these dimensions counts against it.
    pub fn counts(&self, dimensions: &Dimensions) -> bool {
        let feature = self.feature.is_none() || self.feature == dimensions.feature;
        let actor = match self.actor.as_deref() {
            None | Some(EACH_ACTOR) => true,
            own => own == dimensions.actor.as_deref(),
        };
        feature && actor
    }

    /// Under which actor it counts: `''` for nobody, and where it is not for each.
    pub fn user<'d>(&self, dimensions: &'d Dimensions) -> &'d str {
        let each = self.actor.as_deref() == Some(EACH_ACTOR);
        if each { dimensions.actor.as_deref().unwrap_or_default() } else { "" }
    }
}

/// What was drawn against a budget in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetUse {
    pub budget: i32,
    /// As [`BudgetRow::user`] says.
    pub actor: String,
    pub span: Span,
    pub used: Amount,
}

impl BudgetUse {
    /// What of it counts in this period.
    pub fn used_in(&self, period: Period, span: Span) -> Amount {
        let same = if period == Period::Cycle { self.span.cycle == span.cycle } else { self.span.start == span.start };
        if same { self.used } else { Amount::ZERO }
    }
}

/// A budget, and what one user has drawn against it in the period that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub row: BudgetRow,
    pub used: BudgetUse,
    pub ends_at: Option<Timestamp>,
    /// `used` differs from what is stored.
    pub changed: bool,
}

/// What `credits_set_budget` asks for.
#[derive(Clone, Debug)]
pub struct SetBudget {
    /// `None` removes it.
    pub limit: Option<Amount>,
    pub period: Period,
    pub actor: Option<String>,
    pub feature: Option<String>,
}

impl SetBudget {
    pub fn is_of(&self, row: &BudgetRow) -> bool {
        self.period == row.period && self.actor == row.actor && self.feature == row.feature
    }
}
