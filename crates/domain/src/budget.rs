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
        let start = if self == Period::Cycle { Some(cycle.start) } else { self.start(now, zone) };
        Ok(Span { cycle: cycle.number, start: start.ok_or_else(out_of_range)? })
    }

    /// Whether what was recorded then, in this cycle, lies in a period that runs.
    pub fn has(self, span: Span, cycle: i32, recorded_at: Timestamp) -> bool {
        if self == Period::Cycle { cycle == span.cycle } else { recorded_at >= span.start }
    }

    /// When the period that contains now ends; `None`: with a cycle that is closed by hand.
    pub fn end(self, cycle: Cycle, now: Timestamp, zone: &dyn Zone) -> Result<Option<Timestamp>> {
        let length = match self {
            Period::Cycle => return Ok(cycle.end),
            Period::Hour => return Ok(Some(Timestamp(full_hour(now, zone).ok_or_else(out_of_range)?.0 + HOUR))),
            Period::Day => Interval { days: 1, ..Interval::ZERO },
            Period::Month => Interval::MONTH,
        };
        let local = self.local_start(now, zone).and_then(|start| crate::time::add(start, length));
        let end = local.and_then(|local| zone.to_instant(local)).ok_or_else(out_of_range)?;
        Ok(Some(end))
    }

    /// The first instant of the clock period that contains now. Where the wall clock is set back, an hour that comes twice
    /// is two; a day stays one.
    fn start(self, now: Timestamp, zone: &dyn Zone) -> Option<Timestamp> {
        /// No change of a clock is larger.
        const SAFE: i64 = 4 * HOUR;
        let same = |instant: Timestamp| -> Option<bool> {
            let offset = |at: Timestamp| Some(zone.to_local(at)? - at.to_utc()?);
            let same_offset = self != Period::Hour || offset(instant)? == offset(now)?;
            Some(same_offset && self.local_start(instant, zone)? == self.local_start(now, zone)?)
        };
        let likely = match self {
            Period::Hour => full_hour(now, zone)?,
            _ => zone.to_instant(self.local_start(now, zone)?)?,
        };
        if likely <= now && same(likely)? && !same(Timestamp(likely.0 - 1))? {
            return Some(likely);
        }
        let (mut before, mut within) = (Timestamp(likely.0.min(now.0) - SAFE), now);
        while within.0 - before.0 > 1 {
            let middle = Timestamp(before.0 + (within.0 - before.0) / 2);
            if same(middle)? { within = middle } else { before = middle }
        }
        Some(within)
    }

    /// What the wall clock showed when the hour, day or month began.
    fn local_start(self, now: Timestamp, zone: &dyn Zone) -> Option<NaiveDateTime> {
        let local = zone.to_local(now)?;
        match self {
            Period::Hour => local.date().and_hms_opt(local.hour(), 0, 0),
            Period::Month => Some(local.date().with_day(1)?.and_time(NaiveTime::MIN)),
            Period::Cycle | Period::Day => Some(local.date().and_time(NaiveTime::MIN)),
        }
    }
}

const HOUR: i64 = 3_600_000_000;

/// Back to the full hour that the wall clock showed last.
fn full_hour(now: Timestamp, zone: &dyn Zone) -> Option<Timestamp> {
    let local = zone.to_local(now)?;
    let micros = i64::from(local.minute()) * 60_000_000
        + i64::from(local.second()) * 1_000_000
        + i64::from(local.nanosecond() / 1000);
    Some(Timestamp(now.0 - micros))
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
    /// What open holds set aside that were made in that period.
    pub held: Amount,
    pub ends_at: Option<Timestamp>,
    /// `used` differs from what is stored.
    pub changed: bool,
}

impl Budget {
    /// Whether what has these dimensions counts against it, under this user.
    pub(crate) fn concerns(&self, dimensions: &Dimensions) -> bool {
        self.row.counts(dimensions) && self.row.user(dimensions) == self.used.actor
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone_tz::Named;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_utc(NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap())
    }

    fn start(period: Period, now: &str, zone: &str) -> Timestamp {
        period.start(at(now), &Named::new(zone)).unwrap()
    }

    #[test]
    fn hours_follow_the_wall_clock() {
        assert_eq!(start(Period::Hour, "2026-01-10 12:59", "UTC"), at("2026-01-10 12:00"));
        assert_eq!(start(Period::Hour, "2026-01-10 12:29", "Asia/Kolkata"), at("2026-01-10 11:30"));
    }

    #[test]
    fn an_hour_that_comes_twice_is_two() {
        assert_eq!(start(Period::Hour, "2026-11-01 05:30", "America/New_York"), at("2026-11-01 05:00"));
        assert_eq!(start(Period::Hour, "2026-11-01 06:30", "America/New_York"), at("2026-11-01 06:00"));
    }

    #[test]
    fn an_hour_begins_anew_where_the_clock_moves_by_half_of_one() {
        assert_eq!(start(Period::Hour, "2026-04-04 15:05", "Australia/Lord_Howe"), at("2026-04-04 15:00"));
        assert_eq!(start(Period::Hour, "2026-04-04 14:59", "Australia/Lord_Howe"), at("2026-04-04 14:00"));
    }

    #[test]
    fn days_and_months_begin_at_midnight_or_right_after_it() {
        assert_eq!(start(Period::Day, "2026-03-29 12:00", "Europe/Berlin"), at("2026-03-28 23:00"));
        assert_eq!(start(Period::Month, "2026-03-31 23:00", "Europe/Berlin"), at("2026-03-31 22:00"));
        // Midnight does not exist on 8 March 2026 in Havana, and comes twice on 1 November.
        assert_eq!(start(Period::Day, "2026-03-08 12:00", "America/Havana"), at("2026-03-08 05:00"));
        for now in ["2026-11-01 04:30", "2026-11-01 05:30", "2026-11-01 12:00"] {
            assert_eq!(start(Period::Day, now, "America/Havana"), at("2026-11-01 04:00"));
        }
    }
}
