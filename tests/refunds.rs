//! Refunds: what a debit, charge or capture took goes back to where it came from.

// Written for holds: not all of it is asked here.
#[allow(dead_code)]
#[path = "holds/asked.rs"]
mod asked;
#[path = "refunds/books.rs"]
mod books;
#[path = "refunds/budgets.rs"]
mod budgets;
#[path = "refunds/captures.rs"]
mod captures;
#[path = "refunds/debt.rs"]
mod debt;
#[path = "refunds/errors.rs"]
mod errors;
#[path = "refunds/expired.rs"]
mod expired;
#[path = "refunds/fates.rs"]
mod fates;
#[path = "refunds/lots.rs"]
mod lots;
#[path = "refunds/packages.rs"]
mod packages;
#[path = "refunds/reading.rs"]
mod reading;
#[path = "refunds/replays.rs"]
mod replays;
#[path = "refunds/standing.rs"]
mod standing;
#[path = "refunds/units.rs"]
mod units;
