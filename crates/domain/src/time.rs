//! Instants, intervals and time zones.

use chrono::{DateTime, Months, NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An instant: microseconds since 2000-01-01 00:00 UTC, which is Postgres' own representation of `timestamptz`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// 2000-01-01 00:00 UTC in Unix microseconds.
const POSTGRES_EPOCH_UNIX_MICROS: i64 = 946_684_800_000_000;

impl Timestamp {
    /// Later than every instant: `infinity`.
    pub const INFINITY: Timestamp = Timestamp(i64::MAX);
    /// `-infinity`.
    pub const NEG_INFINITY: Timestamp = Timestamp(i64::MIN);

    pub fn is_finite(self) -> bool {
        self != Self::INFINITY && self != Self::NEG_INFINITY
    }

    /// The wall clock of UTC; `None` outside the years that chrono counts.
    pub fn to_utc(self) -> Option<NaiveDateTime> {
        let micros = self.0.checked_add(POSTGRES_EPOCH_UNIX_MICROS)?;
        DateTime::from_timestamp_micros(micros).map(|instant| instant.naive_utc())
    }

    pub fn from_utc(wall_clock: NaiveDateTime) -> Timestamp {
        Timestamp(wall_clock.and_utc().timestamp_micros() - POSTGRES_EPOCH_UNIX_MICROS)
    }
}

/// RFC 3339 in UTC, as details and hints show it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(wall_clock) if self.is_finite() => write!(f, "{}Z", wall_clock.format("%Y-%m-%dT%H:%M:%S%.f")),
            _ => f.write_str(if self.0 > 0 { "infinity" } else { "-infinity" }),
        }
    }
}

/// An interval with Postgres' three fields, which do not convert into each other: a month has no fixed number of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

/// Its three fields, as Postgres counts them.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mons {} days {} us", self.months, self.days, self.micros)
    }
}

impl Interval {
    pub const ZERO: Interval = Interval { months: 0, days: 0, micros: 0 };
    pub const MONTH: Interval = Interval { months: 1, days: 0, micros: 0 };

    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// No field is negative and one is positive: adding it always moves forward.
    pub fn is_positive(self) -> bool {
        self.months >= 0 && self.days >= 0 && self.micros >= 0 && !self.is_zero()
    }

    /// `n` times itself, field by field; `None` on overflow.
    pub fn times(self, n: i64) -> Option<Interval> {
        Some(Interval {
            months: i32::try_from(i64::from(self.months).checked_mul(n)?).ok()?,
            days: i32::try_from(i64::from(self.days).checked_mul(n)?).ok()?,
            micros: self.micros.checked_mul(n)?,
        })
    }

    /// About how long it is, in microseconds: what an average month and day last. At least 1.
    pub fn typical_micros(self) -> i64 {
        const DAY: i64 = 86_400_000_000;
        const MONTH: i64 = 2_629_746_000_000; // 1/4800 of the 146,097 days that 400 years have
        (i64::from(self.months).saturating_mul(MONTH))
            .saturating_add(i64::from(self.days).saturating_mul(DAY))
            .saturating_add(self.micros)
            .max(1)
    }
}

/// `wall_clock + interval` as Postgres adds it to a timestamp without time zone: months first (31 January and a month
/// is the last day of February), then days, then the rest. `None` out of range.
pub fn add(wall_clock: NaiveDateTime, interval: Interval) -> Option<NaiveDateTime> {
    let months = Months::new(interval.months.unsigned_abs());
    let by_month = if interval.months >= 0 {
        wall_clock.checked_add_months(months)?
    } else {
        wall_clock.checked_sub_months(months)?
    };
    by_month
        .checked_add_signed(TimeDelta::try_days(i64::from(interval.days))?)?
        .checked_add_signed(TimeDelta::microseconds(interval.micros))
}

/// A time zone: how wall clocks there and instants belong together. The extension asks the server's own time zone
/// database; the tests bring chrono-tz.
pub trait Zone {
    /// What the wall clock shows at the instant.
    fn to_local(&self, instant: Timestamp) -> Option<NaiveDateTime>;

    /// The instant at which the wall clock shows this, as Postgres resolves it: a time that is skipped counts with the
    /// offset before the change, one that comes twice is the second.
    fn to_instant(&self, wall_clock: NaiveDateTime) -> Option<Timestamp>;

    /// `instant + interval`, counted on the wall clock of the zone.
    fn add(&self, instant: Timestamp, interval: Interval) -> Option<Timestamp> {
        self.to_instant(add(self.to_local(instant)?, interval)?)
    }
}

/// Coordinated universal time.
pub struct Utc;

impl Zone for Utc {
    fn to_local(&self, instant: Timestamp) -> Option<NaiveDateTime> {
        instant.to_utc()
    }

    fn to_instant(&self, wall_clock: NaiveDateTime) -> Option<Timestamp> {
        Some(Timestamp::from_utc(wall_clock))
    }
}
