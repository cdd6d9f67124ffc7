//! The fast path of a debit, by SPI: read the row without a lock, decide, and update it where it still is what was read.
//!
//! The decision is the domain's own, on a book that knows the head only; whatever is not plain (time is due, the head
//! runs out, the account is unknown, frozen or empty, somebody else is busy with it) is left to the general path.
//! A faster store has to provide [`Store`], and nothing else changes.

use super::book::{Keyed, Written, context, replay};
use super::lookup::{self, Sight};
use super::{hot, persist};
use crate::pg::{Result, Spi, session};
use credits_domain::account::Account;
use credits_domain::book::{Book, Extent, Outcome};
use credits_domain::entry::Entry;

/// What the fast path asks of a store.
pub trait Store {
    /// The account's row, and the entry of the key if it was used, as of one snapshot taken now.
    fn look(&self, account: &str, keyed: Keyed) -> Result<(Option<Entry>, Option<Account>)>;

    /// Replaces the row if its newest entry still is `read_at_entry`; false if not, and then nothing was written.
    fn replace(&self, read_at_entry: i64, account: &Account) -> Result<bool>;

    /// Appends the entry that belongs to the row.
    fn append(&self, account: &str, entry: &Entry) -> Result<()>;
}

impl Store for Spi {
    fn look(&self, account: &str, keyed: Keyed) -> Result<(Option<Entry>, Option<Account>)> {
        self.with_fresh_snapshot(|spi| {
            Ok((replay(spi, Sight::Callers, account, Some(keyed))?, lookup::read_account(spi, account)?))
        })
    }

    fn replace(&self, read_at_entry: i64, account: &Account) -> Result<bool> {
        persist::update_figures(self, read_at_entry, account)
    }

    fn append(&self, account: &str, entry: &Entry) -> Result<()> {
        persist::append_plain(self, account, entry)
    }
}

/// An update that took longer than this may have waited for a lock: the time that was read before it is too old.
const WAITED_MICROS: i64 = 2_000;

/// Does the operation on the fast path; `None`: nothing was done, the general path has to.
pub fn write<T>(
    store: &impl Store,
    account: &str,
    keyed: Keyed,
    operation: impl FnOnce(&mut Book) -> Outcome<T>,
) -> Result<Option<Written<T>>> {
    if hot::is_hot(account) {
        return Ok(None);
    }
    let (replayed, row) = store.look(account, keyed)?;
    if let Some(entry) = replayed {
        return Ok(Some(Written::Replayed(Box::new(entry))));
    }
    let Some(row) = row else { return Ok(None) };
    let before = row.clone();
    let mut book = Book::new(row, Vec::new(), Extent::Head, context()?);
    if book.is_due() {
        return Ok(None);
    }
    let Ok(value) = operation(&mut book) else { return Ok(None) };
    let [entry] = book.entries.as_slice() else { return Ok(None) };
    if !store.replace(before.entry, &book.account)? {
        hot::heat(account);
        return Ok(None);
    }
    let (now, clock_was_set) = session::clock()?;
    if !clock_was_set && now.0 - book.context.now.0 > WAITED_MICROS {
        // The lock is ours now: put the row back as it was, and let the general path read the clock anew.
        store.replace(book.account.entry, &before)?;
        hot::heat(account);
        return Ok(None);
    }
    store.append(account, entry)?;
    Ok(Some(Written::Done(value, Box::new(book))))
}
