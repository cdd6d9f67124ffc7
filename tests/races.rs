//! Races between two sessions, each interleaving driven step by step, at every isolation level: the outcome
//! is right, or 40001 and right when tried again.

#[path = "races/batches.rs"]
mod batches;
#[path = "races/calls.rs"]
mod calls;
#[path = "races/cycles.rs"]
mod cycles;
#[path = "races/debits.rs"]
mod debits;
#[path = "trust/interleave.rs"]
mod interleave;
#[path = "races/openings.rs"]
mod openings;
#[path = "trust/running.rs"]
mod running;
#[path = "races/transactions.rs"]
mod transactions;
