//! Budgets under many sessions: the sum never passes the limit, and exactly as many requests go through as fit.

// Each of the files shared with other tests is used in part.
#[allow(dead_code)]
#[path = "races/calls.rs"]
mod calls;
#[path = "trust/crowd.rs"]
mod crowd;
#[path = "budget_races/crowds.rs"]
mod crowds;
#[allow(dead_code)]
#[path = "trust/interleave.rs"]
mod interleave;
#[path = "budget_races/mixed.rs"]
mod mixed;
#[path = "budget_races/pairs.rs"]
mod pairs;
#[path = "trust/running.rs"]
mod running;
