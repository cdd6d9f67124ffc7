//! Refunds and voids under two sessions and under many: nothing comes back twice, nothing is spent that was taken back,
//! and whatever happens at once is as if it had happened one after the other.

// Each of the files shared with other tests is used in part.
#[allow(dead_code)]
#[path = "holds/asked.rs"]
mod asked;
#[allow(dead_code)]
#[path = "refunds/books.rs"]
mod books;
#[allow(dead_code)]
#[path = "races/calls.rs"]
mod calls;
#[path = "trust/crowd.rs"]
mod crowd;
#[path = "refund_races/crowds.rs"]
mod crowds;
#[allow(dead_code)]
#[path = "hold_races/holds.rs"]
mod holds;
#[allow(dead_code)]
#[path = "trust/interleave.rs"]
mod interleave;
#[path = "trust/one_by_one.rs"]
mod one_by_one;
#[path = "refund_races/pairs.rs"]
mod pairs;
#[path = "refund_races/refunds.rs"]
mod refunds;
#[path = "trust/running.rs"]
mod running;
#[path = "refund_races/serial.rs"]
mod serial;
#[path = "refund_races/verbs.rs"]
mod verbs;
#[path = "refund_races/waiting.rs"]
mod waiting;
