//! Revenue: what was sold is deferred, until it is spent, expires or is voided.

// Written for all reports: not all of it is asked here.
#[allow(dead_code)]
#[path = "reports/asked.rs"]
mod asked;
#[path = "revenue/claw_backs.rs"]
mod claw_backs;
#[allow(dead_code)]
#[path = "reports/csv.rs"]
mod csv;
#[path = "revenue/debts.rs"]
mod debts;
#[path = "revenue/figures.rs"]
mod figures;
#[path = "revenue/holds.rs"]
mod holds;
#[path = "revenue/periods.rs"]
mod periods;
#[path = "revenue/reading.rs"]
mod reading;
#[path = "revenue/returns.rs"]
mod returns;
#[path = "revenue/scheduled.rs"]
mod scheduled;
#[path = "revenue/sold.rs"]
mod sold;
