//! docs/recipes/exports.md: its SQL and its programs, word for word, with writers at work, killed half-way, scheduled by
//! pg_cron, and between two servers.

#[path = "exports/batches.rs"]
mod batches;
#[path = "exports/page.rs"]
mod page;
#[path = "exports/replication.rs"]
mod replication;
#[path = "exports/schedule.rs"]
mod schedule;
#[path = "exports/usage.rs"]
mod usage;
