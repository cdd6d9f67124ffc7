//! The export of usage: every record, its figures, and names that no spreadsheet takes for a formula.

// Written for all reports: not all of it is asked here.
#[allow(dead_code)]
#[path = "reports/asked.rs"]
mod asked;
#[path = "reports/csv.rs"]
mod csv;
#[path = "usage_csv/names.rs"]
mod names;
#[path = "usage_csv/records.rs"]
mod records;
#[path = "usage_csv/sums.rs"]
mod sums;
