//! What the tests share: private Postgres servers, fresh databases in them, and sessions that speak text.
//!
//! ```no_run
//! use credits_ledger_tests::Server;
//!
//! let db = Server::shared().database();
//! let mut s = db.session();
//! s.at("2026-01-31 12:00+00");
//! s.run("SELECT * FROM credits_grant('acme', 20, 'g-1')");
//! s.row("SELECT * FROM credits_debit('acme', 5, 'd-1')").has(&[("accepted", "t"), ("balance", "15")]);
//! assert_eq!(s.error("SELECT * FROM credits_debit('acme', 99, 'd-2')").code, "LC001");
//! ```
//!
//! The servers use the Postgres that `PG_CONFIG` names (default: `pg_config`), with the extension that
//! `make install` put there. They listen on a unix socket only. As root, they run as the user `postgres`.
//!
//! This is a test library: it panics, at the caller's line, whenever something is not as it must be.

mod database;
mod error;
mod installation;
mod keeper;
mod row;
mod server;
mod session;

pub use database::Database;
pub use error::SqlError;
pub use installation::Installation;
pub use row::{Row, plain};
pub use server::Server;
pub use session::Session;
