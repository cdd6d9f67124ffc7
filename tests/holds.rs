//! Holds: what is set aside, captured, given back, extended, and what lapses by itself.

#[path = "holds/asked.rs"]
mod asked;
#[path = "holds/budgets.rs"]
mod budgets;
#[path = "holds/capture.rs"]
mod capture;
#[path = "holds/cycles.rs"]
mod cycles;
#[path = "holds/debt.rs"]
mod debt;
#[path = "holds/errors.rs"]
mod errors;
#[path = "holds/hold.rs"]
mod hold;
#[path = "holds/lapse.rs"]
mod lapse;
#[path = "holds/reading.rs"]
mod reading;
#[path = "holds/replays.rs"]
mod replays;
#[path = "holds/settling.rs"]
mod settling;
