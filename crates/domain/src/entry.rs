//! Entries: what the ledger records of each operation, never changed afterwards.

use crate::account::Balances;
use crate::amount::Amount;
use crate::lot::LotKind;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    Open,
    Grant,
    Schedule,
    Purchase,
    Recharge,
    Debit,
    Charge,
    Hold,
    Capture,
    Release,
    Extend,
    Refund,
    Void,
    ClawBack,
    Subscribe,
    ChangePlan,
    SetSeats,
    Unsubscribe,
    Reset,
    Redact,
    Configure,
    Freeze,
    Unfreeze,
    Close,
    // made by time
    Allowance,
    Rollover,
    Expire,
    Lapse,
    Forgive,
    Invoice,
}

const OPERATIONS: [(Operation, &str); 30] = [
    (Operation::Open, "open"),
    (Operation::Grant, "grant"),
    (Operation::Schedule, "schedule"),
    (Operation::Purchase, "purchase"),
    (Operation::Recharge, "recharge"),
    (Operation::Debit, "debit"),
    (Operation::Charge, "charge"),
    (Operation::Hold, "hold"),
    (Operation::Capture, "capture"),
    (Operation::Release, "release"),
    (Operation::Extend, "extend"),
    (Operation::Refund, "refund"),
    (Operation::Void, "void"),
    (Operation::ClawBack, "claw_back"),
    (Operation::Subscribe, "subscribe"),
    (Operation::ChangePlan, "change_plan"),
    (Operation::SetSeats, "set_seats"),
    (Operation::Unsubscribe, "unsubscribe"),
    (Operation::Reset, "reset"),
    (Operation::Redact, "redact"),
    (Operation::Configure, "configure"),
    (Operation::Freeze, "freeze"),
    (Operation::Unfreeze, "unfreeze"),
    (Operation::Close, "close"),
    (Operation::Allowance, "allowance"),
    (Operation::Rollover, "rollover"),
    (Operation::Expire, "expire"),
    (Operation::Lapse, "lapse"),
    (Operation::Forgive, "forgive"),
    (Operation::Invoice, "invoice"),
];

impl Operation {
    pub fn name(self) -> &'static str {
        OPERATIONS[self as usize].1
    }

    pub fn parse(name: &str) -> Option<Operation> {
        OPERATIONS.iter().find(|(_, n)| *n == name).map(|(operation, _)| *operation)
    }

    /// Whether it takes from lots, so that `from_allowance` and `from_credits` say what they bore; of the others they
    /// say what the lots gained.
    pub fn takes(self) -> bool {
        self.is_usage() || matches!(self, Operation::Expire | Operation::Hold | Operation::Void | Operation::ClawBack)
    }

    /// Whether it changes what the account is set to, or may move the running cycle.
    pub fn is_setting(self) -> bool {
        self.is_about_plans()
            || matches!(
                self,
                Operation::Open | Operation::Configure | Operation::Freeze | Operation::Unfreeze | Operation::Close
            )
    }

    /// Whether it changes which plans the account holds.
    pub fn is_about_plans(self) -> bool {
        matches!(self, Operation::Subscribe | Operation::ChangePlan | Operation::SetSeats | Operation::Unsubscribe)
    }

    /// Whether it counts as usage of the cycle.
    pub fn is_usage(self) -> bool {
        matches!(self, Operation::Debit | Operation::Charge | Operation::Capture)
    }
}

/// A lot's change by an entry: positive where the lot gained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    pub lot: i32,
    pub amount: Amount,
}

/// What the caller said about it: free of meaning for the ledger, kept for reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dimensions {
    pub feature: Option<String>,
    pub actor: Option<String>,
    pub resource: Option<String>,
    /// JSON, as jsonb prints it.
    pub metadata: Option<String>,
    /// Random; makes the digest of actor, resource and metadata unguessable. Set where there are any.
    pub salt: Option<[u8; 16]>,
}

impl Dimensions {
    /// Whether there is anything that `credits_redact` would erase.
    pub fn is_personal(&self) -> bool {
        self.actor.is_some() || self.resource.is_some() || self.metadata.is_some()
    }
}

/// An idempotency key, with a digest of the request that used it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub key: String,
    pub request: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3 … within the account.
    pub entry: i64,
    pub operation: Operation,
    /// The kind of the lot that it is about.
    pub kind: Option<LotKind>,
    pub key: Option<Key>,
    /// What was applied; never negative.
    pub amount: Amount,
    /// Changes of the balances.
    pub allowance_change: Amount,
    pub credits_change: Amount,
    pub debt_change: Amount,
    /// Changes of what holds set aside of allowance and rollover lots, and of all others.
    pub held_allowance_change: Amount,
    pub held_credits_change: Amount,
    /// The balances after it.
    pub after: Balances,
    /// Usage in the cycle after it.
    pub used: Amount,
    pub cycle: i32,
    pub movements: Vec<Movement>,
    pub dimensions: Dimensions,
    /// Units, where it was priced by quantity.
    pub quantity: Option<Amount>,
    /// Of these, what included units covered.
    pub included: Option<Amount>,
    pub refers_to: Option<i64>,
    pub reason: Option<String>,
    /// JSON: the settings that `open` and `configure` leave, the result of `reset`, the plan of `allowance` …
    pub detail: Option<String>,
    pub effective_at: Timestamp,
    pub recorded_at: Timestamp,
    /// The role that called.
    pub recorded_by: String,
    /// credits_ledger.now replaced the clock.
    pub clock_was_set: bool,
    /// The digest of actor, resource and metadata, once they were erased.
    pub redacted: Option<[u8; 32]>,
    pub hash: [u8; 32],
}

impl Entry {
    /// What the allowance and rollover lots bore, or gained, net. A capture's share of what was held was borne by it.
    pub fn from_allowance(&self) -> Amount {
        self.borne(self.allowance_change, self.held_allowance_change)
    }

    /// What all other lots bore, or gained, net.
    pub fn from_credits(&self) -> Amount {
        self.borne(self.credits_change, self.held_credits_change)
    }

    /// What it adds to the usage of its cycle: below zero for a refund.
    pub fn usage(&self) -> Amount {
        match self.operation {
            Operation::Refund => -self.amount,
            operation if operation.is_usage() => self.amount,
            _ => Amount::ZERO,
        }
    }

    fn borne(&self, change: Amount, held_change: Amount) -> Amount {
        match self.operation {
            Operation::Capture => -(change + held_change),
            operation if operation.takes() => -change,
            _ => change,
        }
    }
}
