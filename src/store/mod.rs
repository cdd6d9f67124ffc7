//! The only place that knows the tables: kept plans, loading and locking an account, appending entries.
//!
//! Locking order and what may be trusted when: docs/design.md.

pub mod alerts;
pub mod batch;
pub mod book;
pub mod debts;
pub mod definitions;
pub mod events;
pub mod fast;
pub mod forecast;
pub mod holds;
pub mod lookup;
pub mod packs;
pub mod persist;
pub mod read;
pub mod recharges;
pub mod revenue;
pub mod rows;
pub mod set_budget;
pub mod statement;
pub mod terms;
pub mod usage;
pub mod verify;
pub mod watch;

pub use book::Written;
