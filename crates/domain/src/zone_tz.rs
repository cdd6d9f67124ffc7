//! Time zones for the tests, from chrono-tz; the extension asks the server instead.

use crate::time::{Timestamp, Zone};
use chrono::{LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

pub struct Named(Tz);

impl Named {
    pub fn new(name: &str) -> Named {
        Named(name.parse().expect("a zone of the IANA database"))
    }
}

impl Zone for Named {
    fn to_local(&self, instant: Timestamp) -> Option<NaiveDateTime> {
        Some(self.0.from_utc_datetime(&instant.to_utc()?).naive_local())
    }

    fn to_instant(&self, wall_clock: NaiveDateTime) -> Option<Timestamp> {
        let utc = match self.0.from_local_datetime(&wall_clock) {
            LocalResult::Single(instant) => instant.naive_utc(),
            LocalResult::Ambiguous(first, second) => first.naive_utc().max(second.naive_utc()),
            LocalResult::None => {
                let before = self.0.from_local_datetime(&(wall_clock - TimeDelta::days(1))).latest()?;
                wall_clock - TimeDelta::seconds(i64::from(before.offset().fix().local_minus_utc()))
            }
        };
        Some(Timestamp::from_utc(utc))
    }
}
