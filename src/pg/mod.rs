//! All that talks to Postgres' C interface: errors, values, statements, the entry points of the SQL functions.
//!
//! Postgres reports an error by a long jump, which skips destructors. So each call that may report one runs inside
//! [`error::pg_try`], which turns it into a value; within the closure given to it nothing with a destructor is alive.
//! A value of [`error::Error`] becomes a Postgres error again in one place, [`error::Error::raise`], after everything
//! else has been dropped.

mod args;
mod array;
pub mod background;
mod bump;
mod direct;
pub mod error;
mod ffi;
pub mod function;
mod numeric;
mod output;
mod queue;
pub mod row;
pub mod scan;
pub mod session;
pub mod setting;
pub mod spi;
mod statement;
mod subtransaction;
pub mod trigger;
mod tuple;
mod types;
pub mod value;
mod varlena;
pub mod zone;

pub use args::Args;
pub use direct::{Seen, Table};
pub use error::{Error, Result};
pub use function::{Output, Signature};
pub use queue::Queue;
pub use row::Columns;
pub use scan::{Index, Sought, Version};
pub use spi::{Rows, Spi, Statement, Type};
pub use subtransaction::subtransaction;
pub use value::Value;
pub use zone::ServerZone;

pub(crate) use crate::sql_function;
