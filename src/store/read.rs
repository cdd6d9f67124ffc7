//! Reads: the account as it is at an instant, computed without writing.

use super::book::{INSTANTS, context, load, refusal};
use super::lookup::{self, Sight, unknown_account};
use super::rows::{self, Instants};
use crate::pg::{self, Result, ServerZone, Sought, Spi, Statement, Type, session};
use credits_domain::account::{Account, Balances, Cycle, Status};
use credits_domain::amount::Amount;
use credits_domain::book::{Book, Context, Extent, Purpose};
use credits_domain::entry::Entry;
use credits_domain::error::Error;
use credits_domain::lifecycle::Detail;
use credits_domain::time::Timestamp;
use credits_domain::timeline;

/// A row of `credits_account_balance`.
#[derive(Clone, Debug)]
pub struct AccountBalance {
    pub account: String,
    pub status: Status,
    pub balances: Balances,
    pub granted: Amount,
    pub used: Amount,
    pub overdraft_limit: Amount,
    pub cycle: Cycle,
    /// The newest recorded entry's number.
    pub entry: i64,
    pub as_of: Timestamp,
}

impl AccountBalance {
    pub fn of(account: &Account, entry: i64, as_of: Timestamp) -> AccountBalance {
        AccountBalance {
            account: account.account.clone(),
            status: account.status,
            balances: account.balances,
            granted: account.granted,
            used: account.used,
            overdraft_limit: account.settings.overdraft_limit,
            cycle: account.cycle,
            entry,
            as_of,
        }
    }
}

/// The account's book as time has made it by `context.now`; nothing is written. With `extent` `Head` and nothing due
/// that is one lookup by primary key.
pub fn settled(spi: &Spi, account: Account, extent: Extent, context: Context, purpose: Purpose) -> Result<Book> {
    let zone = account.settings.time_zone.clone();
    let mut book = load(spi, Sight::Callers, account, extent, context)?;
    book.purpose = purpose;
    if book.is_due() {
        let zone = ServerZone::new(&zone)?;
        while !book.settle_some(&zone, INSTANTS).map_err(refusal)? {
            session::check_interrupts()?;
        }
    }
    Ok(book)
}

/// Hands over the entries that time has made by `context.now` and nobody recorded yet, oldest first. The account's book
/// after them, with its open lots and those that they closed; `None` where time had nothing to do.
pub fn unrecorded(
    spi: &Spi,
    account: &Account,
    context: Context,
    mut each: impl FnMut(Entry) -> Result<()>,
) -> Result<Option<Book>> {
    if !Book::new(account.clone(), Vec::new(), Extent::Head, context.clone()).is_due() {
        return Ok(None);
    }
    let mut book = load(spi, Sight::Callers, account.clone(), Extent::All, context)?;
    book.purpose = Purpose::ReadEntries;
    let zone = ServerZone::new(&account.settings.time_zone)?;
    loop {
        let settled = book.settle_some(&zone, INSTANTS).map_err(refusal)?;
        book.entries.drain(..).try_for_each(&mut each)?;
        if settled {
            return Ok(Some(book));
        }
        session::check_interrupts()?;
    }
}

/// `credits_balance`.
pub fn balance(account: &str) -> Result<AccountBalance> {
    if let Sought::Row(row) = lookup::seek_account(account)? {
        let book = Book::new(row, Vec::new(), Extent::Head, context()?);
        if !book.is_due() {
            return Ok(AccountBalance::of(&book.account, book.account.entry, book.now()));
        }
    }
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| unknown_account(account))?;
    let entry = row.entry;
    let book = settled(&spi, row, Extent::Head, context()?, Purpose::Read)?;
    Ok(AccountBalance::of(&book.account, entry, book.now()))
}

static SETTINGS_AT: Statement = Statement::new(
    "SELECT s.status, s.overdraft_limit, e.detail FROM credits_ledger.settings s \
     JOIN credits_ledger.entries e ON e.account = s.account AND e.entry = s.entry \
     WHERE s.account = $1 AND s.entry <= $2 ORDER BY s.entry DESC LIMIT 1",
    &[Type::Text, Type::I64],
);

static CYCLE_AT: Statement = Statement::new(
    "SELECT cycle, cycle_start, foreseen_end FROM credits_ledger.cycles \
     WHERE account = $1 AND cycle >= $2 AND cycle_end > $3 ORDER BY cycle LIMIT 1",
    &[Type::Text, Type::I32, Type::Time],
);

static GRANTED_AT: Statement = Statement::new(
    "SELECT coalesce(sum(amount), 0) FROM credits_ledger.lots \
     WHERE account = $1 AND kind = 'allowance' AND cycle = $2 AND entry <= $3",
    &[Type::Text, Type::I32, Type::I64],
);

/// `credits_balance_at`: what `credits_balance` would have said, or will say if nothing more happens.
pub fn balance_at(account: &str, at: Timestamp) -> Result<AccountBalance> {
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| unknown_account(account))?;
    if at < row.opened_at || !at.is_finite() {
        let problem = if at.is_finite() { "lies before the account was opened" } else { "must be a finite time" };
        return Err(Error::invalid(format!("at {problem}"))
            .detail(format!("at={at} opened_at={}", row.opened_at))
            .into());
    }
    if at >= row.recorded_at {
        let entry = row.entry;
        let book = settled(&spi, row, Extent::Head, Context { now: at, ..context()? }, Purpose::Read)?;
        return Ok(AccountBalance::of(&book.account, entry, at));
    }
    // What had happened by then, and what was recorded by then: time acts first, and is recorded later.
    let happened = newest_until(&spi, Sight::Callers, &row.account, EFFECTIVE, row.entry, at)?;
    let recorded = newest_until(&spi, Sight::Callers, &row.account, RECORDED, happened, at)?;
    Ok(AccountBalance { entry: recorded, ..past(&spi, &row, happened, at)? })
}

/// By which instant an entry is looked for.
type Which = fn(Instants) -> Timestamp;
const EFFECTIVE: Which = |instants| instants.effective_at;
const RECORDED: Which = |instants| instants.recorded_at;

/// The number of the newest entry, up to `last`, that was recorded before this instant; 0: none was.
pub fn newest_before(spi: &Spi, sight: Sight, account: &str, last: i64, instant: Timestamp) -> Result<i64> {
    newest_until(spi, sight, account, RECORDED, last, just_before(instant))
}

/// The number of the account's newest entry that happened before this instant; 0: none did.
pub fn newest_happened(spi: &Spi, account: &Account, instant: Timestamp) -> Result<i64> {
    let before = just_before(instant);
    match account.recorded_at <= before {
        true => Ok(account.entry),
        false => newest_until(spi, Sight::Callers, &account.account, EFFECTIVE, account.entry, before),
    }
}

fn just_before(instant: Timestamp) -> Timestamp {
    Timestamp(instant.0.saturating_sub(1))
}

/// The number of the newest entry, up to `last`, whose instant lies at or before `at`; 0: none does.
fn newest_until(spi: &Spi, sight: Sight, account: &str, which: Which, last: i64, at: Timestamp) -> Result<i64> {
    timeline::newest_until(last, at, |entry| match lookup::instants(spi, sight, account, entry)? {
        Some(instants) => Ok(which(instants)),
        None => Err(Error::invalid(format!("entry {entry} of account {account:?} is missing"))
            .detail(format!("entry={entry}"))
            .hint("Run credits_verify: somebody changed the tables by hand.")
            .into()),
    })
}

/// The account after this entry, before the next one.
fn past(spi: &Spi, row: &Account, number: i64, at: Timestamp) -> Result<AccountBalance> {
    let name = row.account.as_str();
    let entry = lookup::entry(spi, Sight::Callers, name, number)?.ok_or_else(|| unknown_account(name))?;
    let settings = spi.read(&SETTINGS_AT, &[name.into(), number.into()])?;
    let (status, overdraft_limit, stated) = match settings.first() {
        Some(settings) => (
            rows::status(settings.text(0)?)?,
            settings.amount(1)?,
            settings.opt_json(2)?.map(|json| Detail::from_json(&json)).transpose()?.map(|detail| detail.cycle),
        ),
        None => (row.status, row.settings.overdraft_limit, None),
    };
    // Cycles may have passed since the entry without leaving one.
    let closed = spi.read(&CYCLE_AT, &[name.into(), entry.cycle.into(), at.into()])?;
    let cycle = match closed.iter().next() {
        Some(row) => Cycle { number: row.i32(0)?, start: row.time(1)?, end: row.opt_time(2)? },
        None => row.cycle,
    };
    // The cycle may have been moved since: by a first plan, or by settings.
    let cycle = stated.filter(|stated| stated.number == cycle.number).unwrap_or(cycle);
    let granted = spi.read(&GRANTED_AT, &[name.into(), cycle.number.into(), number.into()])?;
    Ok(AccountBalance {
        account: name.into(),
        status,
        balances: entry.after,
        granted: granted.iter().next().map(|row| row.amount(0)).transpose()?.unwrap_or_default(),
        used: if entry.cycle == cycle.number { entry.used } else { Amount::ZERO },
        overdraft_limit,
        cycle,
        entry: number,
        as_of: at,
    })
}

static ACCOUNT_NAMES: Statement = Statement::new(
    "SELECT account FROM credits_ledger.accounts WHERE account > $1 ORDER BY account LIMIT 1000",
    &[Type::Text],
);

/// All accounts' names after this one, up to a thousand.
pub fn account_names(spi: &Spi, after: &str) -> Result<Vec<String>> {
    spi.read(&ACCOUNT_NAMES, &[after.into()])?.iter().map(|row| Ok(row.text(0)?.to_string())).collect()
}

static ENTRIES: Statement = Statement::new(
    concat!("SELECT ", rows::entry_columns!(), " FROM credits_ledger.entries WHERE account = $1 ORDER BY entry"),
    &[Type::Text],
);

/// All entries of an account, oldest first, a few at a time: number, and the entry or why its row cannot be one.
pub fn for_each_entry(
    spi: &Spi,
    account: &str,
    mut each: impl FnMut(i64, std::result::Result<Entry, Box<Error>>),
) -> Result<()> {
    spi.for_each_batch(&ENTRIES, &[account.into()], 1000, |batch| {
        for row in batch.iter() {
            match rows::entry(&row) {
                Ok(entry) => each(entry.entry, Ok(entry)),
                Err(pg::Error::Ledger(error)) => each(row.i64(1)?, Err(error)),
                Err(error) => return Err(error),
            }
        }
        session::check_interrupts()
    })
}
