//! Billing cycles: the n-th boundary is `anchor + n × length` on the wall clock of the account's zone, always counted
//! from the original anchor, so that 31 January leads to 28 February and then to 31 March.

use crate::error::{Error, Result};
use crate::time::{Interval, Timestamp, Zone, add};
use chrono::NaiveDateTime;

/// The boundaries of an account's cycles.
pub struct Series<'z> {
    anchor: Timestamp,
    local_anchor: NaiveDateTime,
    length: Interval,
    zone: &'z dyn Zone,
}

/// Where a change of the zone's offset falls on a boundary, neighbouring boundaries can coincide or swap; never more
/// than a few hours of them.
const NEIGHBOURS: i64 = 3;

fn out_of_range() -> Error {
    Error::argument("cycle_length", "out of range", "the cycle's boundaries leave the range of time")
}

impl<'z> Series<'z> {
    /// `length` must be positive.
    pub fn new(anchor: Timestamp, length: Interval, zone: &'z dyn Zone) -> Result<Self> {
        if !length.is_positive() {
            return Err(Error::argument("cycle_length", length, "a cycle's length must be positive"));
        }
        Ok(Self { anchor, local_anchor: zone.to_local(anchor).ok_or_else(out_of_range)?, length, zone })
    }

    /// The n-th boundary; the anchor itself is number 0.
    pub fn boundary(&self, n: i64) -> Result<Timestamp> {
        if n == 0 {
            return Ok(self.anchor);
        }
        let local = self.length.times(n).and_then(|whole| add(self.local_anchor, whole)).ok_or_else(out_of_range)?;
        self.zone.to_instant(local).ok_or_else(out_of_range)
    }

    /// The number of the first boundary after `instant`.
    fn index_after(&self, instant: Timestamp) -> Result<i64> {
        let mut n = instant.0.saturating_sub(self.anchor.0) / self.length.typical_micros();
        while self.boundary(n)? > instant {
            n -= 1;
        }
        while self.boundary(n)? <= instant {
            n += 1;
        }
        Ok(n)
    }

    /// The first boundary after `instant`.
    pub fn first_after(&self, instant: Timestamp) -> Result<Timestamp> {
        self.nth_after(instant, 1)
    }

    /// The n-th boundary after `instant`, n from 1.
    pub fn nth_after(&self, instant: Timestamp, n: i64) -> Result<Timestamp> {
        let index = self.index_after(instant)?.checked_add(n - 1).ok_or_else(out_of_range)?;
        let mut first = self.boundary(index)?;
        for later in index + 1..=index + NEIGHBOURS {
            match self.boundary(later) {
                Ok(boundary) if boundary > instant => first = first.min(boundary),
                _ => break,
            }
        }
        Ok(first)
    }

    /// The last boundary at or before `instant`.
    pub fn last_until(&self, instant: Timestamp) -> Result<Timestamp> {
        let index = self.index_after(instant)?;
        let mut last = Timestamp::NEG_INFINITY;
        for earlier in index - NEIGHBOURS..index {
            let boundary = self.boundary(earlier)?;
            if boundary <= instant {
                last = last.max(boundary);
            }
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Utc;
    use crate::zone_tz::Named;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_utc(NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap())
    }

    const MONTH: Interval = Interval::MONTH;

    #[test]
    fn month_ends_do_not_drift() {
        let series = Series::new(at("2023-10-31 00:00"), MONTH, &Utc).unwrap();
        let ends: Vec<_> = (1..=6).map(|n| series.boundary(n).unwrap()).collect();
        let days = ["2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"];
        assert_eq!(ends, days.map(|day| at(&format!("{day} 00:00"))));
    }

    #[test]
    fn a_skipped_hour_counts_with_the_offset_before() {
        let zone = Named::new("America/New_York");
        // 02:30 does not exist on 10 March 2024: it is 03:30 EDT.
        let series = Series::new(at("2024-02-10 07:30"), MONTH, &zone).unwrap();
        assert_eq!(series.boundary(1).unwrap(), at("2024-03-10 07:30"));
        assert_eq!(series.boundary(2).unwrap(), at("2024-04-10 06:30"));
    }

    #[test]
    fn an_hour_that_comes_twice_is_the_second() {
        let zone = Named::new("America/New_York");
        let series = Series::new(at("2024-10-03 05:30"), MONTH, &zone).unwrap();
        assert_eq!(series.boundary(1).unwrap(), at("2024-11-03 06:30"));
    }

    #[test]
    fn boundaries_lie_on_both_sides_of_the_anchor() {
        let series = Series::new(at("2024-01-31 12:00"), MONTH, &Utc).unwrap();
        assert_eq!(series.last_until(at("2023-12-31 11:59")).unwrap(), at("2023-11-30 12:00"));
        assert_eq!(series.first_after(at("2023-12-31 11:59")).unwrap(), at("2023-12-31 12:00"));
        assert_eq!(series.first_after(at("2023-12-31 12:00")).unwrap(), at("2024-01-31 12:00"));
    }

    proptest! {
        #[test]
        fn an_instant_lies_between_its_boundaries(
            zone in prop::sample::select(vec!["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]),
            anchor in 0i64..1_000_000_000, instant in -500_000_000i64..1_000_000_000,
            (months, days, hours) in prop_oneof![(1..30i32, 0..3i32, 0..3i64), (0..1i32, 1..40i32, 0..30i64), (0..1i32, 0..1i32, 1..100i64)],
        ) {
            let zone = Named::new(zone);
            let length = Interval { months, days, micros: hours * 3_600_000_000 };
            let (anchor, instant) = (Timestamp(anchor * 1_000_000), Timestamp(instant * 1_000_000));
            let series = Series::new(anchor, length, &zone).unwrap();
            let (start, end) = (series.last_until(instant).unwrap(), series.first_after(instant).unwrap());
            prop_assert!(start <= instant && instant < end);
            // No boundary lies inside the cycle.
            let near = (instant.0 - anchor.0) / length.typical_micros();
            for n in near - 10..near + 10 {
                let boundary = series.boundary(n).unwrap();
                prop_assert!(boundary <= start || boundary >= end);
            }
        }
    }
}
