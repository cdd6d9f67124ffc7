//! The account: its settings, its running cycle, and the figures that every operation checks.

use crate::amount::Amount;
use crate::error::{Error, Result};
use crate::lot::Bucket;
use crate::time::{Interval, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    /// Nothing new begins; what is under way completes, and money still arrives.
    Frozen,
    /// For good.
    Closed,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Frozen => "frozen",
            Status::Closed => "closed",
        }
    }

    pub fn parse(name: &str) -> Option<Status> {
        [Status::Open, Status::Frozen, Status::Closed].into_iter().find(|status| status.name() == name)
    }
}

/// What becomes of debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DebtPolicy {
    /// Whatever reaches an unrestricted lot pays it first.
    Repay,
    /// Written off when the cycle closes.
    ForgiveAtReset,
    /// Taken off the account when the cycle closes, to be billed.
    InvoiceAtReset,
}

impl DebtPolicy {
    pub fn name(self) -> &'static str {
        match self {
            DebtPolicy::Repay => "repay",
            DebtPolicy::ForgiveAtReset => "forgive_at_reset",
            DebtPolicy::InvoiceAtReset => "invoice_at_reset",
        }
    }

    /// LC005 for another name.
    pub fn parse(name: &str) -> Result<DebtPolicy> {
        [DebtPolicy::Repay, DebtPolicy::ForgiveAtReset, DebtPolicy::InvoiceAtReset]
            .into_iter()
            .find(|policy| policy.name() == name)
            .ok_or_else(|| {
                Error::argument("debt_policy", name, "debt_policy is none of repay, forgive_at_reset, invoice_at_reset")
            })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Granted when a cycle begins.
    pub allowance: Amount,
    /// Zero: cycles are closed by hand.
    pub cycle_length: Interval,
    pub anchor: Timestamp,
    pub time_zone: String,
    /// 0 to 100.
    pub rollover_percent: Amount,
    /// Bounds all living rollover together; `None`: unbounded.
    pub rollover_max: Option<Amount>,
    /// How far debits may go into debt.
    pub overdraft_limit: Amount,
    pub debt_policy: DebtPolicy,
}

/// Shortest cycle of an account that follows the clock: a shorter one would only make catching up endless.
const SHORTEST_CYCLE_MICROS: i64 = 1_000_000;
/// Longest, in months or in days of 30 of them: far beyond any plan, and safe to multiply.
const LONGEST_CYCLE_MONTHS: i32 = 12_000;

impl Settings {
    /// What an account has that was opened without any.
    pub fn defaults(now: Timestamp) -> Settings {
        Settings {
            allowance: Amount::ZERO,
            cycle_length: Interval::MONTH,
            anchor: now,
            time_zone: "UTC".into(),
            rollover_percent: Amount::ZERO,
            rollover_max: None,
            overdraft_limit: Amount::ZERO,
            debt_policy: DebtPolicy::Repay,
        }
    }

    pub fn is_manual(&self) -> bool {
        self.cycle_length.is_zero()
    }

    /// LC004 or LC005 where a setting cannot be. The time zone is checked by whoever knows the zones.
    pub fn check(&self) -> Result<()> {
        let amounts = [
            ("allowance", self.allowance),
            ("rollover_percent", self.rollover_percent),
            ("rollover_max", self.rollover_max.unwrap_or_default()),
            ("overdraft_limit", self.overdraft_limit),
        ];
        for (name, amount) in amounts {
            if amount.is_negative() {
                return Err(Error::amount(format!("{name} must not be negative")).detail(format!("{name}={amount}")));
            }
        }
        if self.rollover_percent > Amount::from_credits(100) {
            return Err(Error::invalid("rollover_percent must be at most 100")
                .detail(format!("rollover_percent={}", self.rollover_percent)));
        }
        if !self.anchor.is_finite() {
            return Err(Error::argument("anchor", self.anchor, "anchor must be a finite time"));
        }
        let length = self.cycle_length;
        let too_long =
            length.typical_micros() > (Interval { months: LONGEST_CYCLE_MONTHS, ..Interval::ZERO }).typical_micros();
        if !length.is_zero() && (!length.is_positive() || length.typical_micros() < SHORTEST_CYCLE_MICROS || too_long) {
            return Err(Error::argument(
                "cycle_length",
                length,
                "cycle_length must be 0 (closed by hand), or from 1 second to 1000 years",
            )
            .hint("Give an interval whose fields are not negative, such as '1 month' or '7 days'."));
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// 1, 2, 3 … within the account.
    pub number: i32,
    pub start: Timestamp,
    /// `None` where it is closed by hand.
    pub end: Option<Timestamp>,
}

/// The figures of an account, all at least zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    /// Unheld, in allowance and rollover lots.
    pub allowance: Amount,
    /// Unheld, in all other lots.
    pub credits: Amount,
    pub held: Amount,
    pub debt: Amount,
    /// The part of `allowance + credits` that lies in lots restricted to features.
    pub reserved: Amount,
}

impl Balances {
    pub fn balance(&self) -> Amount {
        self.allowance + self.credits + self.held - self.debt
    }

    /// What an unrestricted debit could take, overdraft left out.
    pub fn available(&self) -> Amount {
        self.allowance + self.credits - self.reserved
    }

    pub fn bucket(&mut self, bucket: Bucket) -> &mut Amount {
        match bucket {
            Bucket::Allowance => &mut self.allowance,
            Bucket::Credits => &mut self.credits,
        }
    }
}

/// The lot from which an unrestricted debit is now taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub lot: i32,
    pub bucket: Bucket,
    pub remaining: Amount,
    /// What open holds reserve of it; not part of `remaining`.
    pub held: Amount,
}

/// Which other tables have rows of the account: what is not there need not be looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    pub subscriptions: bool,
    pub switches: bool,
    pub meters: bool,
    pub budgets: bool,
    pub holds: bool,
    /// It ever had debt.
    pub debts: bool,
    pub auto_recharge: bool,
    pub alerts: bool,
}

impl Extras {
    /// As a number: 1, 2, 4, 8, 16, 32, 64 and 128.
    pub fn bits(self) -> i32 {
        let flags = [
            self.subscriptions,
            self.switches,
            self.meters,
            self.budgets,
            self.holds,
            self.debts,
            self.auto_recharge,
            self.alerts,
        ];
        flags.into_iter().zip(0..).map(|(flag, bit)| i32::from(flag) << bit).sum()
    }

    pub fn from_bits(bits: i32) -> Extras {
        let flag = |bit: i32| bits >> bit & 1 == 1;
        Extras {
            subscriptions: flag(0),
            switches: flag(1),
            meters: flag(2),
            budgets: flag(3),
            holds: flag(4),
            debts: flag(5),
            auto_recharge: flag(6),
            alerts: flag(7),
        }
    }
}

/// Levels of `available - debt` at or below which something has to be looked at; `None`: at no level. While the account
/// is above all of them, a debit need not know what is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Whether to ask for a recharge.
    pub recharge: Option<Amount>,
    /// Whether an alert fires.
    pub alerts: Option<Amount>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub account: String,
    pub opened_at: Timestamp,
    pub status: Status,
    /// A grant opened it, and no credits_open_account has given it its settings yet.
    pub opened_by_grant: bool,
    pub extras: Extras,
    pub settings: Settings,
    pub cycle: Cycle,
    /// Allowance granted in the running cycle.
    pub granted: Amount,
    /// What expired of allowance and rollover in the running cycle.
    pub expired: Amount,
    /// Usage in the running cycle: debits less refunds.
    pub used: Amount,
    pub balances: Balances,
    /// Overdraft headroom that open holds reserve.
    pub headroom: Amount,
    /// Number of the newest entry; 0 where not even `open` is written yet.
    pub entry: i64,
    /// When the newest entry or closed cycle was recorded: the ledger's time never falls before it.
    pub recorded_at: Timestamp,
    /// Number of the newest lot.
    pub lots: i32,
    pub head: Option<Head>,
    /// A lower bound of the next instant at which time changes anything.
    pub next_event_at: Timestamp,
    /// Hash of the newest entry.
    pub hash: [u8; 32],
    /// Number of the newest event.
    pub events: i64,
    pub watch: Watch,
}

impl Account {
    /// An account that does not exist yet: the first thing to happen to it is `open`.
    pub fn unopened(account: &str, settings: Settings, now: Timestamp) -> Account {
        Account {
            account: account.into(),
            opened_at: now,
            status: Status::Open,
            opened_by_grant: false,
            extras: Extras::default(),
            cycle: Cycle { number: 1, start: settings.anchor, end: None },
            settings,
            granted: Amount::ZERO,
            expired: Amount::ZERO,
            used: Amount::ZERO,
            balances: Balances::default(),
            headroom: Amount::ZERO,
            entry: 0,
            recorded_at: now,
            lots: 0,
            head: None,
            next_event_at: Timestamp::INFINITY,
            hash: [0; 32],
            events: 0,
            watch: Watch::default(),
        }
    }

    /// Whether something that is watched is so near that it has to be looked at.
    pub fn is_near(&self) -> bool {
        self.is_at_or_below(self.watch.recharge) || self.is_near_alert()
    }

    pub(crate) fn is_near_alert(&self) -> bool {
        self.is_at_or_below(self.watch.alerts)
    }

    /// Whether it has come to this level.
    pub fn is_at_or_below(&self, level: Option<Amount>) -> bool {
        level.is_some_and(|level| self.balances.available() - self.balances.debt <= level)
    }

    pub fn is_closed(&self) -> bool {
        self.status == Status::Closed
    }
}
