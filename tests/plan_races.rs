//! Plans, rates and included units under many sessions: whatever they do at once, the ledger is as if they had done it
//! one after the other, and nothing is granted, used or paid for twice.

// Each of the files shared with other tests is used in part.
#[allow(dead_code)]
#[path = "races/calls.rs"]
mod calls;
#[path = "trust/crowd.rs"]
mod crowd;
#[path = "plan_races/definitions.rs"]
mod definitions;
#[path = "plan_races/entitlements.rs"]
mod entitlements;
#[allow(dead_code)]
#[path = "trust/interleave.rs"]
mod interleave;
#[path = "plan_races/meters.rs"]
mod meters;
#[path = "plan_races/pairs.rs"]
mod pairs;
#[path = "plan_races/plans.rs"]
mod plans;
#[path = "trust/running.rs"]
mod running;
#[path = "plan_races/serial.rs"]
mod serial;
