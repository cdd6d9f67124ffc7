//! Alerts: whom an account tells that it runs out, and when.

use crate::amount::Amount;
use crate::forecast::Standing;

/// When an alert is to be told. All that is given must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    pub fn holds(&self, standing: &Standing) -> bool {
        self.below.is_none_or(|below| standing.available < below)
            && self.used_percent.is_none_or(|percent| standing.has_used(percent))
            && (!self.only_if_on_pace || standing.on_pace())
    }

    /// Debits, holds and what settles them can only make it true where less than this is available.
    pub fn level(&self, standing: &Standing) -> Amount {
        let pace = self.only_if_on_pace.then(|| standing.level_of_pace());
        let usage = self.used_percent.map(|percent| standing.level_of_use(percent));
        [self.below, usage, pace].into_iter().flatten().min().unwrap_or_default()
    }
}
