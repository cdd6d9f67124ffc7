//! Running `credits_maintain` without anybody's help: a background worker, where the library is preloaded.
//!
//! A **launcher** runs as long as the server does, connected to no database. Each time a database is due, it starts a
//! **visit**: a process of its own that connects, calls `credits_maintain` until nothing is left to do, and ends. So no
//! worker stays in a database, where it would be in the way of `DROP DATABASE` and of those who copy it. What became of
//! a visit is a word of shared memory.

mod launcher;
mod settings;
mod visit;

use crate::pg::background::{preloading, register, reserve_words};
use std::time::Duration;

/// Before the postmaster starts the launcher again, where it failed.
const RESTART_AFTER: Duration = Duration::from_secs(10);

pub use settings::define as define_settings;

/// Where the library is being preloaded, registers the launcher. For `_PG_init`, once the settings are defined.
pub fn init() {
    if preloading() {
        reserve_words();
        register(c"credits_ledger launcher", c"credits_ledger_launcher", RESTART_AFTER);
    }
}

/// What became of a visit: the values of its word. Whatever else it ends with is a failure, for a process that fails
/// may say nothing any more.
mod outcome {
    pub const NONE: u32 = 0;
    /// Nothing is left to do.
    pub const DONE: u32 = 1;
    /// The database does not have the extension.
    pub const NO_EXTENSION: u32 = 2;
}
