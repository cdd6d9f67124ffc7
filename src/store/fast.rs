//! The fast path of a debit: read the row without a lock, decide, and update it where it still is what was read.
//!
//! The decision is the domain's own, on a book that knows the head only; whatever is not plain (time is due, the head
//! runs out, the account is unknown, frozen or empty) is left to the general path. One snapshot serves each attempt:
//! both reads, and the update that checks that the row is still the same. Where another transaction is busy with the
//! row, it is waited for before anything is decided.

use super::book::{Keyed, Written, context, same_request};
use super::{lookup, persist};
use crate::pg::scan::Transaction;
use crate::pg::{Queue, Result, Sought, Spi, session};
use credits_domain::book::{Book, Extent, Outcome};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// An update that took longer than this may have waited for a lock: the time that was read before it is too old.
const WAITED_MICROS: i64 = 2_000;
/// After so many attempts the account's lock is taken first.
const ATTEMPTS: u32 = 20;

enum Attempt<T> {
    Done(Written<T>),
    /// Another transaction is busy with the row.
    Busy(Transaction),
    /// The row moved on between being read and being updated. Its lock is ours now.
    Outrun,
    /// Not plain.
    General,
}

/// Does the operation on the fast path; `None`: nothing was done, the general path has to.
pub fn write<T>(
    spi: &Spi,
    account: &str,
    keyed: Keyed,
    operation: impl Fn(&mut Book) -> Result<Outcome<T>>,
) -> Result<Option<Written<T>>> {
    let mut queue: Option<Queue> = None;
    for _ in 0..ATTEMPTS {
        match spi.with_fresh_snapshot(|spi| attempt(spi, account, keyed, &operation, &mut queue))? {
            Attempt::Done(written) => return Ok(Some(written)),
            Attempt::General => return Ok(None),
            Attempt::Outrun => {}
            Attempt::Busy(transaction) => match &queue {
                Some(queue) => queue.wait_for(transaction)?,
                None => {
                    let joined = Queue::join(number(account))?;
                    if !joined.waited {
                        joined.wait_for(transaction)?;
                    }
                    queue = Some(joined);
                }
            },
        }
    }
    Ok(None)
}

/// Stands for the account in the queue.
fn number(account: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(account)
}

fn attempt<T>(
    spi: &Spi,
    account: &str,
    keyed: Keyed,
    operation: &impl Fn(&mut Book) -> Result<Outcome<T>>,
    queue: &mut Option<Queue>,
) -> Result<Attempt<T>> {
    let Sought::Row((row, version, seen)) = lookup::seek_account_to_update(account)? else {
        return Ok(Attempt::General);
    };
    if queue.is_some()
        && let Some(transaction) = version.busy_with
    {
        return Ok(Attempt::Busy(transaction));
    }
    match lookup::seek_key(account, keyed.key)? {
        Sought::Row(entry) => {
            same_request(&entry, keyed)?;
            return Ok(Attempt::Done(Written::Replayed(Box::new(entry))));
        }
        Sought::Nothing => {}
        Sought::Elsewhere => return Ok(Attempt::General),
    }
    // Asked last at the first attempt: a replay waits for nobody.
    if let Some(transaction) = version.busy_with {
        return Ok(Attempt::Busy(transaction));
    }
    let before = row.clone();
    let mut book = Book::new(row, Vec::new(), Extent::Head, context()?);
    if book.is_due() {
        return Ok(Attempt::General);
    }
    let Ok(value) = operation(&mut book)? else { return Ok(Attempt::General) };
    let [entry] = book.entries.as_slice() else { return Ok(Attempt::General) };
    if book.account.extras != before.extras || book.touched || book.account.is_near() {
        return Ok(Attempt::General);
    }
    let updated = persist::update_figures_there(spi, seen, &before, &book.account)?;
    *queue = None;
    if !updated {
        return Ok(Attempt::Outrun);
    }
    let (now, clock_was_set) = session::clock()?;
    if !clock_was_set && now.0 - book.context.now.0 > WAITED_MICROS {
        // The lock is ours now: put the row back as it was, and let the general path read the clock anew.
        persist::update_figures(spi, &book.account, &before)?;
        return Ok(Attempt::General);
    }
    persist::append_plain(spi, account, entry)?;
    persist::save_extras_as_seen(spi, &book)?;
    Ok(Attempt::Done(Written::Done(value, Box::new(book))))
}
