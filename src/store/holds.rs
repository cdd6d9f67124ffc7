//! Finding a hold by the key that made it.

use super::lookup::{self, Sight};
use crate::pg::{Result, Sought, Spi};
use credits_domain::book::Book;
use credits_domain::entry::{Dimensions, Entry, Operation};
use credits_domain::error::{Code, Error};
use credits_domain::hold::Hold;
use credits_domain::time::Timestamp;

/// The hold that a key made, and who holds for what; LC006 where the key made none. Once time is settled: what time has
/// done to it is taken off the book.
pub fn find(spi: &Spi, book: &mut Book, hold_key: &str) -> Result<(Hold, Dimensions)> {
    let account = book.account.account.clone();
    let made_by = match lookup::find_key(spi, Sight::Newest, &account, hold_key)? {
        Some(number) => lookup::entry(spi, Sight::Newest, &account, number)?,
        None => None,
    };
    let entry = made_by.filter(is_hold).ok_or_else(|| unknown(hold_key))?;
    let hold = match book.take_hold(entry.entry) {
        Some(hold) => Some(hold),
        None => lookup::hold(spi, Sight::Newest, &account, entry.entry)?,
    };
    Ok((hold.ok_or_else(|| unknown(hold_key))?, entry.dimensions))
}

/// The same as the active snapshot sees it, without the executor.
pub fn seek(book: &Book, hold_key: &str) -> Result<Sought<(Hold, Dimensions)>> {
    let account = book.account.account.as_str();
    let entry = match lookup::seek_key(account, hold_key)? {
        Sought::Row(entry) if is_hold(&entry) => entry,
        Sought::Elsewhere => return Ok(Sought::Elsewhere),
        _ => return Ok(Sought::Nothing),
    };
    Ok(match lookup::seek_hold(account, entry.entry)? {
        Sought::Row(hold) => Sought::Row((hold, entry.dimensions)),
        Sought::Nothing => Sought::Nothing,
        Sought::Elsewhere => Sought::Elsewhere,
    })
}

/// Puts every open hold on the book, for an account that is closed.
pub fn load_open(spi: &Spi, book: &mut Book) -> Result<()> {
    if book.account.extras.holds {
        let account = book.account.account.clone();
        // What time has just done is on the book already.
        let settled: Vec<i64> = book.holds.iter().map(|hold| hold.hold).collect();
        let open = lookup::holds_until(spi, Sight::Newest, &account, Timestamp::INFINITY, i64::MAX)?;
        book.holds.extend(open.into_iter().filter(|hold| !settled.contains(&hold.hold)));
        book.next_lapse = Timestamp::INFINITY;
    }
    Ok(())
}

fn is_hold(entry: &Entry) -> bool {
    entry.operation == Operation::Hold
}

fn unknown(hold_key: &str) -> Error {
    Error::new(Code::NotFound, format!("no hold was made with key {hold_key:?}"))
        .detail(format!("hold_key={hold_key}"))
        .hint("hold_key is the idempotency_key of the credits_hold.")
}
