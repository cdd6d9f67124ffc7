//! What has to be looked at after each operation: whether the account has come to a level that somebody watches.
//!
//! The fast path leaves an operation to the general one where the account is near such a level; so here alone it is
//! looked at, under the account's lock and before the book is written.

use super::recharges;
use crate::pg::{Result, ServerZone, Spi};
use credits_domain::book::Book;

/// Once the operation is done and the book is sealed.
pub fn watch(spi: &Spi, zone: &ServerZone, book: &mut Book) -> Result<()> {
    recharges::watch(spi, zone, book)
}
