//! What an account may use: features that are switched off, and budgets.

use crate::amount::Amount;
use crate::book::{Book, BudgetChange, Draft, Outcome, Stop};
use crate::budget::{BudgetRow, BudgetUse, SetBudget};
use crate::debit::OnInsufficient;
use crate::entry::{Dimensions, Operation};
use crate::error::{Code, Error, Result};
use crate::lifecycle::{Change, Detail};
use crate::rate::Switch;

impl Book {
    /// Switches a feature on or off; nothing where it is so already. `current` is how it was switched last.
    pub fn set_feature(&mut self, feature: &str, enabled: bool, current: Option<Switch>) -> Outcome<Option<Switch>> {
        self.must_not_be_closed()?;
        if current.as_ref().is_none_or(|switch| switch.enabled) == enabled {
            return Ok(current);
        }
        let switch = Switch { feature: feature.into(), enabled, changed_at: self.now() };
        self.account.extras.switches = true;
        self.record_change(Change::Feature(switch.clone()))?;
        self.switches.push(switch.clone());
        Ok(Some(switch))
    }

    /// Sets, changes or removes a budget; nothing where it is so already. `rows` are the account's budgets, `used` what
    /// was drawn in the running period against one that is new.
    pub fn set_budget(
        &mut self,
        request: &SetBudget,
        rows: &[BudgetRow],
        used: Vec<BudgetUse>,
    ) -> Outcome<Option<BudgetRow>> {
        self.must_not_be_closed()?;
        let current = rows.iter().find(|row| request.is_of(row));
        let Some(budget_limit) = request.limit else {
            let Some(row) = current else { return Ok(None) };
            self.account.extras.budgets = rows.len() > 1;
            self.record_change(Change::NoBudget { budget: row.budget })?;
            self.budget_changes.push(BudgetChange::Remove(row.budget));
            return Ok(None);
        };
        if let Some(row) = current
            && row.budget_limit == budget_limit
        {
            return Ok(Some(row.clone()));
        }
        let budget = match current {
            Some(row) => row.budget,
            None => rows.iter().map(|row| row.budget).max().unwrap_or(0) + 1,
        };
        let row = BudgetRow {
            budget,
            period: request.period,
            actor: request.actor.clone(),
            feature: request.feature.clone(),
            budget_limit,
        };
        let used = used.into_iter().map(|used| BudgetUse { budget, ..used }).collect();
        self.account.extras.budgets = true;
        self.record_change(Change::Budget(row.clone()))?;
        self.budget_changes.push(BudgetChange::Set(row.clone(), used));
        Ok(Some(row))
    }

    pub(crate) fn record_change(&mut self, change: Change) -> Result<()> {
        let mut draft = Draft::new(Operation::Configure, Amount::ZERO);
        draft.detail = Some(Detail { change: Some(change), ..Detail::of(&self.account) }.to_json()?);
        self.record(draft);
        Ok(())
    }

    /// LC012 where what is drawn would exceed a budget that it concerns. What has happened already is never refused.
    pub(crate) fn check_budgets(&self, dimensions: &Dimensions, amount: Amount, mode: OnInsufficient) -> Outcome<()> {
        if !self.account.extras.budgets || amount.is_zero() || mode == OnInsufficient::Allow {
            return Ok(());
        }
        let budgets = self.budgets.as_ref().ok_or(Stop::NeedMore)?;
        for budget in budgets.iter().filter(|budget| budget.concerns(dimensions)) {
            let (row, used) = (&budget.row, budget.used.used + budget.held);
            if used + amount > row.budget_limit {
                let mut detail = format!(
                    "budget_limit={} used={used} remaining={} required={amount} period={} resets_at={}",
                    row.budget_limit,
                    (row.budget_limit - used).or_zero(),
                    row.period.name(),
                    budget.ends_at.map_or("manual".to_string(), |end| end.to_string()),
                );
                for (name, value) in [("actor", &row.actor), ("feature", &row.feature)] {
                    if let Some(value) = value {
                        detail.push_str(&format!(" {name}={value}"));
                    }
                }
                let what = format!("a budget of account {:?} would be exceeded", self.account.account);
                return Err(Error::new(Code::BudgetExceeded, what).detail(detail).into());
            }
        }
        Ok(())
    }

    /// Counts what is drawn against the budgets that it concerns, unless one of them would be exceeded.
    pub(crate) fn spend_budgets(
        &mut self,
        dimensions: &Dimensions,
        amount: Amount,
        mode: OnInsufficient,
    ) -> Outcome<()> {
        self.check_budgets(dimensions, amount, mode)?;
        if !self.account.extras.budgets || amount.is_zero() {
            return Ok(());
        }
        let budgets = self.budgets.as_mut().ok_or(Stop::NeedMore)?;
        for budget in budgets.iter_mut().filter(|budget| budget.concerns(dimensions)) {
            budget.used.used += amount;
            budget.changed = true;
        }
        Ok(())
    }
}
