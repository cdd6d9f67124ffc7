//! Holds under two sessions and under many: each is settled once, nothing is spent twice, and what is held is neither
//! lost nor invented.

// Each of the files shared with other tests is used in part.
#[allow(dead_code)]
#[path = "races/calls.rs"]
mod calls;
#[path = "trust/crowd.rs"]
mod crowd;
#[path = "hold_races/crowds.rs"]
mod crowds;
#[path = "hold_races/holds.rs"]
mod holds;
#[allow(dead_code)]
#[path = "trust/interleave.rs"]
mod interleave;
#[path = "trust/one_by_one.rs"]
mod one_by_one;
#[path = "hold_races/pairs.rs"]
mod pairs;
#[path = "trust/running.rs"]
mod running;
#[path = "hold_races/serial.rs"]
mod serial;
#[path = "hold_races/waiting.rs"]
mod waiting;
