//! Budgets: what is drawn per actor, per feature or both, in a cycle, an hour, a day or a month of the account's
//! time zone. They bind in the same step as the debit, and each scenario ends with a clean `credits_verify`.

#[path = "budgets/calls.rs"]
mod calls;
#[path = "budgets/changes.rs"]
mod changes;
#[path = "budgets/charges.rs"]
mod charges;
#[path = "budgets/keeping.rs"]
mod keeping;
#[path = "budgets/modes.rs"]
mod modes;
#[path = "budgets/periods.rs"]
mod periods;
#[path = "budgets/replays.rs"]
mod replays;
#[path = "budgets/whose.rs"]
mod whose;
