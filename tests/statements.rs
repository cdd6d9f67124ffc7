//! Statements: opening, movements, closing; and that they add up.

// Written for all reports: not all of it is asked here.
#[allow(dead_code)]
#[path = "reports/asked.rs"]
mod asked;
#[allow(dead_code)]
#[path = "reports/csv.rs"]
mod csv;
#[path = "statements/movements.rs"]
mod movements;
#[path = "statements/periods.rs"]
mod periods;
#[path = "statements/reading.rs"]
mod reading;
#[path = "statements/time.rs"]
mod time;
