//! Voids: a grant is taken back, as far as it was not spent, or the spent part, too.

// Written for holds and refunds: not all of it is asked here.
#[allow(dead_code)]
#[path = "holds/asked.rs"]
mod asked;
#[path = "refunds/books.rs"]
mod books;
#[path = "voids/claw_back.rs"]
mod claw_back;
#[path = "voids/claw_debt.rs"]
mod claw_debt;
#[path = "voids/claw_undone.rs"]
mod claw_undone;
#[path = "voids/errors.rs"]
mod errors;
#[path = "voids/held.rs"]
mod held;
#[path = "voids/plans.rs"]
mod plans;
#[path = "voids/reading.rs"]
mod reading;
#[path = "voids/remainder.rs"]
mod remainder;
#[path = "voids/returns.rs"]
mod returns;
#[path = "voids/scheduled.rs"]
mod scheduled;
