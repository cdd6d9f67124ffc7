//! Accounts: opening, configuring, freezing, closing; and erasing personal data of an entry.

use crate::account::{Account, Cycle, DebtPolicy, Settings, Status};
use crate::alert::AlertRow;
use crate::amount::Amount;
use crate::book::{Book, Description, Draft, Outcome};
use crate::budget::BudgetRow;
use crate::cycle::{CycleResult, closed};
use crate::detail::kept_as_json;
use crate::entry::{Dimensions, Operation};
use crate::error::{Error, Result};
use crate::event::{self, EventType};
use crate::lot::LotStatus;
use crate::plan::Subscription;
use crate::rate::Switch;
use crate::receipt::Receipt;
use crate::recharge::RechargeSettings;
use crate::time::{Interval, Timestamp, Zone};
use serde::{Deserialize, Serialize};

/// What an entry keeps, as JSON, of how it left the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    pub status: Status,
    pub settings: Settings,
    pub cycle: Cycle,
    pub opened_by_grant: bool,
    /// Of the entry that gave the account its first settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_with: Option<Settings>,
    /// Of `reset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<CycleResult>,
    /// The plan that the entry is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// All of the account's, of an entry that is about a plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<Subscription>,
    /// Of an entry that sets something else than the account's own settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// What `configure` set beside the account's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Feature(Switch),
    Budget(BudgetRow),
    NoBudget { budget: i32 },
    AutoRecharge(RechargeSettings),
    ResumedAutoRecharge,
    Alert(AlertRow),
}

/// What an entry that time made keeps, as JSON, of the plan that it is about.
pub(crate) fn plan_detail(plan: &str) -> String {
    serde_json::json!({ "plan": plan }).to_string()
}

/// The plan that such an entry is about.
pub(crate) fn plan_of(json: &str) -> Result<String> {
    let detail: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let plan = detail.get("plan").and_then(|plan| plan.as_str());
    plan.map(Into::into).ok_or_else(|| Error::invalid("the detail of an entry does not name its plan"))
}

impl Detail {
    pub fn of(account: &Account) -> Detail {
        Detail {
            status: account.status,
            settings: account.settings.clone(),
            cycle: account.cycle,
            opened_by_grant: account.opened_by_grant,
            opened_with: None,
            result: None,
            plan: None,
            subscriptions: Vec::new(),
            change: None,
        }
    }

    /// What of it must be so of the account's row as well, and not only of the entry.
    pub fn state(self) -> Detail {
        Detail { opened_with: None, result: None, plan: None, subscriptions: Vec::new(), change: None, ..self }
    }
}

kept_as_json!(Detail, "the detail of an entry");

/// The settings that `credits_open_account` was given; what was not given has its default.
#[derive(Clone, Debug)]
pub struct Opening {
    pub settings: Settings,
    /// An anchor that was not given is now, and is not compared when the account is opened again.
    pub anchor_given: bool,
    pub metadata: Dimensions,
}

/// The settings that `credits_configure_account` was given; `None` leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub allowance: Option<Amount>,
    pub cycle_length: Option<Interval>,
    pub anchor: Option<Timestamp>,
    pub time_zone: Option<String>,
    pub rollover_percent: Option<Amount>,
    pub rollover_max: Option<Option<Amount>>,
    pub overdraft_limit: Option<Amount>,
    pub debt_policy: Option<DebtPolicy>,
    /// New metadata; inside, none of them removes it.
    pub metadata: Option<Dimensions>,
}

impl Changes {
    /// Sets the setting of this name back to its default. LC005 for a name that is none, or that was given a value.
    pub fn clear(&mut self, name: &str, now: Timestamp) -> Result<()> {
        let defaults = Settings::defaults(now);
        let free = match name {
            "allowance" => set(&mut self.allowance, defaults.allowance),
            "cycle_length" => set(&mut self.cycle_length, defaults.cycle_length),
            "anchor" => set(&mut self.anchor, defaults.anchor),
            "time_zone" => set(&mut self.time_zone, defaults.time_zone),
            "rollover_percent" => set(&mut self.rollover_percent, defaults.rollover_percent),
            "rollover_max" => set(&mut self.rollover_max, defaults.rollover_max),
            "overdraft_limit" => set(&mut self.overdraft_limit, defaults.overdraft_limit),
            "debt_policy" => set(&mut self.debt_policy, defaults.debt_policy),
            "metadata" => set(&mut self.metadata, Dimensions::default()),
            _ => {
                return Err(Error::argument("clear", name, "clear names what is no setting of an account").hint(
                    "The settings are allowance, cycle_length, anchor, time_zone, rollover_percent, rollover_max, \
                     overdraft_limit, debt_policy and metadata.",
                ));
            }
        };
        if free { Ok(()) } else { Err(Error::argument("clear", name, "a setting is both given and named in clear")) }
    }

    /// LC004 or LC005 where a new setting cannot be, whatever the others are.
    pub fn check(&self) -> Result<()> {
        let mut settings = Settings::defaults(Timestamp::default());
        self.apply(&mut settings);
        settings.check()
    }

    fn apply(&self, settings: &mut Settings) {
        fn change<T: Clone>(setting: &mut T, change: &Option<T>) {
            if let Some(value) = change {
                *setting = value.clone();
            }
        }
        change(&mut settings.allowance, &self.allowance);
        change(&mut settings.cycle_length, &self.cycle_length);
        change(&mut settings.anchor, &self.anchor);
        change(&mut settings.time_zone, &self.time_zone);
        change(&mut settings.rollover_percent, &self.rollover_percent);
        change(&mut settings.rollover_max, &self.rollover_max);
        change(&mut settings.overdraft_limit, &self.overdraft_limit);
        change(&mut settings.debt_policy, &self.debt_policy);
    }
}

/// Sets what is unset; false where it was set.
fn set<T>(slot: &mut Option<T>, value: T) -> bool {
    let free = slot.is_none();
    if free {
        *slot = Some(value);
    }
    free
}

impl Book {
    fn record_state(&mut self, operation: Operation, reason: Option<String>, dimensions: Dimensions) -> Result<()> {
        let opened_with = self.redescribed.as_ref().map(|new| new.opened_with.clone());
        let mut draft = Draft::new(operation, Amount::ZERO);
        draft.detail = Some(Detail { opened_with, ..Detail::of(&self.account) }.to_json()?);
        draft.reason = reason;
        draft.dimensions = dimensions;
        self.record(draft);
        Ok(())
    }

    /// The first entries of an account: `open`, and the allowance of the cycle that contains now.
    pub fn open(&mut self, opening: Opening, by_grant: bool, zone: &dyn Zone) -> Outcome<()> {
        self.need_all()?;
        opening.settings.check()?;
        let metadata = opening.metadata.metadata.clone();
        self.redescribed = Some(Description { opened_with: opening.settings.clone(), metadata });
        self.account.settings = opening.settings;
        self.account.opened_by_grant = by_grant;
        self.account.opened_at = self.now();
        self.account.cycle = self.cycle_around_now(1, zone)?;
        self.record_state(Operation::Open, None, opening.metadata)?;
        self.grant_allowance(self.now());
        Ok(())
    }

    /// `credits_open_account` on an account that exists: nothing where it was opened with these settings; an account
    /// that a grant opened takes them once.
    pub fn open_again(&mut self, mut opening: Opening, opened_with: &Settings, zone: &dyn Zone) -> Outcome<()> {
        if self.account.opened_by_grant {
            return self.adopt(opening, zone);
        }
        if !opening.anchor_given {
            opening.settings.anchor = opened_with.anchor;
        }
        if opening.settings == *opened_with {
            return Ok(());
        }
        if self.account.is_closed() {
            return Err(closed(&self.account.account).into());
        }
        Err(Error::invalid(format!("account {:?} was opened with other settings", self.account.account))
            .detail(format!("opened_at={} status={}", self.account.opened_at, self.account.status.name()))
            .hint("Change the settings of an account with credits_configure_account.")
            .into())
    }

    /// Takes the settings in place: the running cycle keeps its number, its allowance is granted at once.
    fn adopt(&mut self, mut opening: Opening, zone: &dyn Zone) -> Outcome<()> {
        if self.account.is_closed() {
            return Err(closed(&self.account.account).into());
        }
        self.need_all()?;
        self.settle(zone)?;
        if !opening.anchor_given {
            opening.settings.anchor = self.account.settings.anchor;
        }
        opening.settings.check()?;
        (self.account.balances.credits + opening.settings.allowance).checked("balance of the next cycle")?;
        let running = self.account.cycle;
        let metadata = opening.metadata.metadata.clone();
        self.redescribed = Some(Description { opened_with: opening.settings.clone(), metadata });
        self.account.settings = opening.settings;
        self.account.opened_by_grant = false;
        let around = self.cycle_around_now(running.number, zone)?;
        // Cycles that were closed before stay as they are: only the first one can begin elsewhere.
        let start =
            if running.number == 1 && !self.account.settings.is_manual() { around.start } else { running.start };
        self.account.cycle = Cycle { start, ..around };
        self.foresee_expiries(zone)?;
        self.record_state(Operation::Configure, None, opening.metadata)?;
        self.grant_allowance(self.now());
        Ok(())
    }

    /// Changes settings. The running cycle's end does not move, and a changed allowance counts from the next cycle.
    /// `metadata` is what the account has now.
    pub fn configure(
        &mut self,
        changes: Changes,
        current: Description,
        zone: &dyn Zone,
        new_zone: &dyn Zone,
    ) -> Outcome<()> {
        if self.account.is_closed() {
            return Err(closed(&self.account.account).into());
        }
        let before = self.account.settings.clone();
        let mut after = before.clone();
        changes.apply(&mut after);
        after.check()?;
        (self.account.balances.credits + after.allowance).checked("balance of the next cycle")?;
        let metadata = changes.metadata.as_ref().filter(|new| new.metadata != current.metadata).cloned();
        if after == before && metadata.is_none() {
            return Ok(());
        }
        self.need_all()?;
        self.settle(zone)?;
        if let Some(new) = &metadata {
            self.redescribed = Some(Description { metadata: new.metadata.clone(), ..current });
        }
        self.account.settings = after;
        if before.is_manual() && !self.account.settings.is_manual() && self.account.cycle.end.is_none() {
            self.account.cycle.end = self.end_after(self.now(), new_zone)?;
        }
        self.foresee_expiries(new_zone)?;
        if before.debt_policy != DebtPolicy::Repay && self.account.settings.debt_policy == DebtPolicy::Repay {
            for index in 0..self.lots.len() {
                if self.lots[index].is_active() {
                    self.pay_debt_from(index);
                }
            }
        }
        self.record_state(Operation::Configure, None, metadata.unwrap_or_default())?;
        Ok(())
    }

    /// Refuses what would begin something new, until it is unfrozen. Nothing where it is frozen already.
    pub fn freeze(&mut self, reason: String, zone: &dyn Zone) -> Outcome<()> {
        let before = self.account.status;
        self.change_status(Status::Frozen, Operation::Freeze, Some(reason.clone()), zone)?;
        if before != Status::Frozen {
            self.emit(EventType::AccountFrozen, self.now(), event::of_freeze(&reason));
        }
        Ok(())
    }

    /// Nothing where it is open.
    pub fn unfreeze(&mut self, zone: &dyn Zone) -> Outcome<()> {
        self.change_status(Status::Open, Operation::Unfreeze, None, zone)
    }

    fn change_status(
        &mut self,
        to: Status,
        operation: Operation,
        reason: Option<String>,
        zone: &dyn Zone,
    ) -> Outcome<()> {
        if self.account.is_closed() {
            return Err(closed(&self.account.account).into());
        }
        if self.account.status == to {
            return Ok(());
        }
        self.settle(zone)?;
        self.account.status = to;
        self.record_state(operation, reason, Dimensions::default())?;
        Ok(())
    }

    /// Releases holds, closes the running cycle with its debt and expires what remains, for good. Nothing where it is closed
    /// already. The book must know every open hold.
    pub fn close(&mut self, reason: String, zone: &dyn Zone) -> Outcome<()> {
        if self.account.is_closed() {
            return Ok(());
        }
        self.need_all()?;
        self.settle(zone)?;
        let now = self.now();
        for hold in std::mem::take(&mut self.holds) {
            if hold.is_open() { self.release(hold, "", None).map(drop)? } else { self.holds.push(hold) }
        }
        self.close_cycle(now, None, zone);
        self.holdings.end();
        self.account.cycle.end = Some(now);
        for index in 0..self.lots.len() {
            match self.lots[index].status {
                LotStatus::Active if self.lots[index].remaining.is_positive() => {
                    self.expire(index, now);
                }
                // It never became effective: nothing moves.
                LotStatus::Scheduled => {
                    let lot = &mut self.lots[index];
                    (lot.status, lot.gone, lot.changed) = (LotStatus::Expired, lot.amount, true);
                }
                _ => {}
            }
        }
        self.account.status = Status::Closed;
        self.retire();
        self.record_state(Operation::Close, reason.into(), Dimensions::default())?;
        Ok(())
    }

    /// Records that actor, resource and metadata of an entry were erased.
    pub fn redact(&mut self, entry: i64) -> Receipt {
        let mut draft = Draft::new(Operation::Redact, Amount::ZERO);
        draft.refers_to = Some(entry);
        self.record(draft);
        Receipt::of_newest(self)
    }
}
