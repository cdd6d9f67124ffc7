//! Events: what applications are told of, in order, at least once.

use crate::book::{Book, ClosedCycle, Purpose};
use crate::lot::Lot;
use crate::time::Timestamp;
use serde_json::{Value, json};
use std::borrow::Cow;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventType {
    CycleClosed,
    LotExpired,
    AccountFrozen,
    RechargeRequested,
    RechargeCompleted,
    RechargeFailed,
    RechargeSuspended,
    RechargeCapped,
    /// The alert of this name fired.
    Alert(String),
    AlertCleared,
}

const ALERT: &str = "alert.";

const NAMES: [(EventType, &str); 9] = [
    (EventType::CycleClosed, "cycle.closed"),
    (EventType::LotExpired, "lot.expired"),
    (EventType::AccountFrozen, "account.frozen"),
    (EventType::RechargeRequested, "recharge.requested"),
    (EventType::RechargeCompleted, "recharge.completed"),
    (EventType::RechargeFailed, "recharge.failed"),
    (EventType::RechargeSuspended, "recharge.suspended"),
    (EventType::RechargeCapped, "recharge.capped"),
    (EventType::AlertCleared, "alert.cleared"),
];

impl EventType {
    pub fn name(&self) -> Cow<'static, str> {
        match (self, NAMES.iter().find(|(own, _)| own == self)) {
            (EventType::Alert(alert), _) => format!("{ALERT}{alert}").into(),
            (_, Some((_, name))) => Cow::Borrowed(name),
            (_, None) => Cow::Borrowed(""),
        }
    }

    pub fn parse(name: &str) -> Option<EventType> {
        let known = NAMES.iter().find(|(_, own)| *own == name).map(|(own, _)| own.clone());
        known.or_else(|| name.strip_prefix(ALERT).map(|alert| EventType::Alert(alert.into())))
    }

    /// Whether an entry or a closed cycle says the same, so that it can be worked out again.
    pub fn is_of_the_ledger(&self) -> bool {
        matches!(self, EventType::CycleClosed | EventType::LotExpired | EventType::AccountFrozen)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// 1, 2, 3 … within the account.
    pub event: i64,
    pub event_type: EventType,
    pub payload: Value,
    /// The account's newest entry then.
    pub entry: i64,
    pub occurred_at: Timestamp,
}

impl Book {
    /// Leaves an event, to be saved with the entries. Its place is where it is emitted: after the entry that it is about.
    pub fn emit(&mut self, event_type: EventType, occurred_at: Timestamp, payload: Value) {
        if self.purpose == Purpose::Write {
            self.account.events += 1;
            let (event, entry) = (self.account.events, self.account.entry);
            self.events.push(Event { event, event_type, payload, entry, occurred_at });
            self.touched = true;
        }
    }
}

/// What `cycle.closed` says.
pub(crate) fn of_cycle(cycle: &ClosedCycle) -> Value {
    json!({
        "cycle": cycle.cycle,
        "cycle_start": cycle.start.to_string(),
        "cycle_end": cycle.end.to_string(),
        "granted": cycle.granted,
        "used": cycle.used,
        "rolled_over": cycle.rolled_over,
        "expired": cycle.expired,
        "debt_forgiven": cycle.debt_forgiven,
        "debt_invoiced": cycle.debt_invoiced,
    })
}

/// What `lot.expired` says; `amount` is what expired.
pub(crate) fn of_expiry(lot: &Lot, amount: crate::amount::Amount) -> Value {
    json!({ "lot": lot.lot, "kind": lot.kind.name(), "amount": amount })
}

/// What `account.frozen` says.
pub(crate) fn of_freeze(reason: &str) -> Value {
    json!({ "reason": reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_types() {
        for (event_type, name) in NAMES {
            assert_eq!(event_type.name(), name);
            assert_eq!(EventType::parse(name), Some(event_type));
        }
        assert_eq!(EventType::parse("alert.low"), Some(EventType::Alert("low".into())));
        assert_eq!(EventType::Alert("low".into()).name(), "alert.low");
        assert_eq!(EventType::parse("other"), None);
    }
}
