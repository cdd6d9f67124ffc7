//! credits_ledger: prepaid credits and plan allowances inside Postgres.
//!
//! | layer | what it does |
//! |---|---|
//! | [`api`] | one SQL verb a file: checks the arguments' form, answers with a row |
//! | [`store`] | the tables: kept plans, locks, loading and appending |
//! | `credits_domain` | the rules, pure: what an operation does to an account |
//! | [`maintenance`] | the background worker, where the library is preloaded |
//! | [`pg`] | Postgres' C interface: arguments, results, errors, SPI, the clock |
//!
//! The SQL side is in sql/: types, tables, functions, views, privileges and comments, in this order.
//! Settings: `credits_ledger.now` (superusers only) replaces the clock, for tests and simulations;
//! `credits_ledger.notify` announces new events;
//! `credits_ledger.databases`, `.maintenance_interval` and `.maintenance_role` are the background worker's.

mod api;
mod maintenance;
mod pg;
mod store;

pgrx::pg_module_magic!();

/// Called by Postgres when it loads the library.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn _PG_init() {
    pg::session::define(|| {
        maintenance::define_settings();
        // Last: where all settings are defined, their prefix becomes reserved.
        pg::session::define_settings();
    });
    maintenance::init();
}
