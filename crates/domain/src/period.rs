//! Periods of time that reports are about.

use crate::error::{Error, Result};
use crate::time::Timestamp;

/// From an instant, which belongs to it, to another, which does not. Either end may be infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Period {
    /// LC005 where it would end before it begins.
    pub fn new(from: Timestamp, to: Timestamp) -> Result<Period> {
        if from > to {
            return Err(Error::invalid("from_time lies after to_time").detail(format!("from_time={from} to_time={to}")));
        }
        Ok(Period { from, to })
    }

    /// The last instant of it that is not after `now`.
    pub fn last_instant(&self, now: Timestamp) -> Timestamp {
        Timestamp(self.to.0.saturating_sub(1)).min(now)
    }
}
