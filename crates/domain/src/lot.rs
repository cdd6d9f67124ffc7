//! Lots: what a grant makes, what a debit draws from, and the order in which it does.

use crate::amount::Amount;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a lot is. Allowance and rollover lots are the plan's; all others are credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LotKind {
    Allowance,
    Rollover,
    Purchase,
    Promo,
    Welcome,
    Trial,
    Bonus,
    Adjustment,
    Refund,
}

const KINDS: [(LotKind, &str); 9] = [
    (LotKind::Allowance, "allowance"),
    (LotKind::Rollover, "rollover"),
    (LotKind::Purchase, "purchase"),
    (LotKind::Promo, "promo"),
    (LotKind::Welcome, "welcome"),
    (LotKind::Trial, "trial"),
    (LotKind::Bonus, "bonus"),
    (LotKind::Adjustment, "adjustment"),
    (LotKind::Refund, "refund"),
];

impl LotKind {
    pub fn name(self) -> &'static str {
        KINDS[self as usize].1
    }

    pub fn parse(name: &str) -> Option<LotKind> {
        KINDS.iter().find(|(_, n)| *n == name).map(|(kind, _)| *kind)
    }

    /// Whether a caller may grant lots of this kind; the others are made by the ledger only.
    pub fn grantable(self) -> bool {
        !matches!(self, LotKind::Allowance | LotKind::Rollover | LotKind::Refund)
    }

    pub fn bucket(self) -> Bucket {
        match self {
            LotKind::Allowance | LotKind::Rollover => Bucket::Allowance,
            _ => Bucket::Credits,
        }
    }

    /// The priority of a lot whose grant named none.
    pub fn default_priority(self) -> i32 {
        match self {
            LotKind::Purchase | LotKind::Adjustment => 100,
            _ => 50,
        }
    }
}

/// The two figures that an account's lots add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    Allowance,
    Credits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotStatus {
    /// Waits for its effective_at.
    Scheduled,
    Active,
    Expired,
    Voided,
}

const STATUSES: [(LotStatus, &str); 4] = [
    (LotStatus::Scheduled, "scheduled"),
    (LotStatus::Active, "active"),
    (LotStatus::Expired, "expired"),
    (LotStatus::Voided, "voided"),
];

impl LotStatus {
    pub fn name(self) -> &'static str {
        STATUSES[self as usize].1
    }

    pub fn parse(name: &str) -> Option<LotStatus> {
        STATUSES.iter().find(|(_, n)| *n == name).map(|(status, _)| *status)
    }
}

/// When what is left of a lot expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    Never,
    At(Timestamp),
    /// At the end of the cycle with this number. `at` is that instant as now foreseen: `None` on an account whose
    /// cycles are closed by hand.
    Cycle {
        cycle: i32,
        at: Option<Timestamp>,
    },
    /// A scheduled lot that will live for so many cycles, the one in which it becomes effective being the first.
    AfterCycles(i32),
}

/// By-cycle lots of a manual account burn after all dated ones, the earlier cycle first, and before those that never
/// expire: their key starts at this instant, which lies beyond any date in use (year 293534).
const BY_HAND: i64 = 9_200_000_000_000_000_000;

impl Expiry {
    /// The instant that stands for it in the burn order.
    pub fn burn_at(self) -> Timestamp {
        match self {
            Expiry::Never | Expiry::AfterCycles(_) => Timestamp::INFINITY,
            Expiry::At(at) | Expiry::Cycle { at: Some(at), .. } => at,
            Expiry::Cycle { cycle, at: None } => Timestamp(BY_HAND + i64::from(cycle)),
        }
    }

    /// The date that views show.
    pub fn date(self) -> Option<Timestamp> {
        match self {
            Expiry::At(at) => Some(at),
            Expiry::Cycle { at, .. } => at,
            Expiry::Never | Expiry::AfterCycles(_) => None,
        }
    }

    pub fn cycle(self) -> Option<i32> {
        match self {
            Expiry::Cycle { cycle, .. } => Some(cycle),
            _ => None,
        }
    }
}

/// The price paid for a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub amount: Amount,
    /// Three capital letters.
    pub currency: String,
}

/// Rank, expiry, effective_at, number.
pub type BurnKey = (i32, Timestamp, Timestamp, i32);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Its number within the account.
    pub lot: i32,
    /// The entry that made it.
    pub entry: i64,
    pub kind: LotKind,
    pub status: LotStatus,
    pub amount: Amount,
    /// What a debit could still take.
    pub remaining: Amount,
    /// What open holds reserve of it; not part of `remaining`.
    pub held: Amount,
    /// 1 to 1000, lower first. Counts among credits only.
    pub priority: i32,
    /// What left it without being spent, or was clawed back after it was: expired, rolled over, voided.
    pub gone: Amount,
    /// It was voided for good: whatever returns to it is void.
    pub revoked: bool,
    /// Usable only for these, where not empty. Sorted, without duplicates.
    pub features: Vec<String>,
    pub effective_at: Timestamp,
    pub expiry: Expiry,
    /// As the grant said, where it counted in cycles.
    pub expires_after_cycles: Option<i32>,
    /// The cycle in which it became effective.
    pub cycle: i32,
    pub price: Option<Price>,
    pub payment_ref: Option<String>,
    /// The plan that granted it.
    pub plan: Option<String>,
    /// Differs from what is stored.
    pub changed: bool,
}

impl Lot {
    pub fn is_restricted(&self) -> bool {
        !self.features.is_empty()
    }

    /// What remains of it unheld, or is to come.
    pub fn unspent(&self) -> Amount {
        match self.status {
            LotStatus::Scheduled => self.amount - self.gone,
            _ => self.remaining,
        }
    }

    /// What was spent of it and neither came back nor was clawed back.
    pub fn spent(&self) -> Amount {
        match self.status {
            LotStatus::Scheduled => Amount::ZERO,
            _ => self.amount - self.remaining - self.held - self.gone,
        }
    }

    pub fn is_active(&self) -> bool {
        self.status == LotStatus::Active
    }

    /// Whether a debit for this feature may draw from it.
    pub fn usable_for(&self, feature: Option<&str>) -> bool {
        self.is_active() && (!self.is_restricted() || feature.is_some_and(|f| self.features.iter().any(|own| own == f)))
    }

    /// Whether it can still change: scheduled, or something remains or is held.
    pub fn is_open(&self) -> bool {
        match self.status {
            LotStatus::Scheduled => true,
            LotStatus::Active => self.remaining.is_positive() || self.held.is_positive(),
            LotStatus::Expired | LotStatus::Voided => self.held.is_positive(),
        }
    }

    /// First and second key of the burn order: rollover, then allowance, then the rest by priority; within each, lots
    /// restricted to features before unrestricted ones. Scheduled lots stand behind all others.
    pub fn burn_rank(&self) -> i32 {
        let class = match (self.status, self.kind) {
            (LotStatus::Scheduled, _) => 2000,
            (_, LotKind::Rollover) => 0,
            (_, LotKind::Allowance) => 1,
            _ => 1 + self.priority,
        };
        2 * class + i32::from(!self.is_restricted())
    }

    /// The total order in which debits take lots. Lots are numbered in the order of their entries.
    pub fn burn_key(&self) -> BurnKey {
        (self.burn_rank(), self.expiry.burn_at(), self.effective_at, self.lot)
    }
}
