//! The rules of the ledger, pure: no Postgres, no SQL, no clock.
pub mod amount;
pub mod error;
pub mod time;
