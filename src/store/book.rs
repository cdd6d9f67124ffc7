//! One account, from lock to write.

use super::lookup::{self, Sight};
use super::watch::watch;
use super::{alerts, debts, persist, set_budget};
use crate::pg::{Result, ServerZone, Spi, session};
use credits_domain::account::{Account, Settings};
use credits_domain::book::{Book, Context, CycleTotals, Extent, Outcome, Stop};
use credits_domain::entry::{Dimensions, Entry, Key};
use credits_domain::error::{Code, Error};
use credits_domain::lifecycle::Opening;
use credits_domain::plan::Holdings;

/// An idempotency key and the digest of the request that comes with it.
#[derive(Clone, Copy)]
pub struct Keyed<'a> {
    pub key: &'a str,
    pub request: i64,
}

impl Keyed<'_> {
    pub fn of(key: &Key) -> Keyed<'_> {
        Keyed { key: &key.key, request: key.request }
    }
}

/// What became of a write.
pub enum Written<T> {
    Done(T, Box<Book>),
    /// The key was used before, by the same request: its entry.
    Replayed(Box<Entry>),
}

/// What an operation may need beside the book.
pub struct Desk<'a> {
    pub spi: &'a Spi,
    /// The account's time zone.
    pub zone: &'a ServerZone,
}

/// The moment and the caller; read after the lock.
pub fn context() -> Result<Context> {
    let (now, clock_was_set) = session::clock()?;
    Ok(Context { now, began: session::transaction_time(), clock_was_set, recorded_by: session::invoker()? })
}

/// LC003 unless the entry is of the same request.
pub fn same_request(entry: &Entry, keyed: Keyed) -> std::result::Result<(), Error> {
    match &entry.key {
        Some(key) if key.request == keyed.request => Ok(()),
        _ => Err(Error::new(
            Code::IdempotencyKeyReused,
            format!("idempotency_key {:?} was used for another request", keyed.key),
        )
        .detail(format!("entry={} operation={}", entry.entry, entry.operation.name()))),
    }
}

/// The entry that the key belongs to, if it was used before; LC003 if by another request.
pub fn replay(spi: &Spi, sight: Sight, account: &str, keyed: Option<Keyed>) -> Result<Option<Entry>> {
    let Some(keyed) = keyed else { return Ok(None) };
    let Some(number) = lookup::find_key(spi, sight, account, keyed.key)? else { return Ok(None) };
    let entry = lookup::entry(spi, sight, account, number)?;
    if let Some(entry) = &entry {
        same_request(entry, keyed)?;
    }
    Ok(entry)
}

/// The account's book with so many lots; with all of them, and its plans, where time has something to do.
pub fn load(spi: &Spi, sight: Sight, account: Account, extent: Extent, context: Context) -> Result<Book> {
    let due = Book::new(account.clone(), Vec::new(), Extent::Head, context.clone()).is_due();
    if extent == Extent::Head && !due {
        return Ok(Book::new(account, Vec::new(), Extent::Head, context));
    }
    let (lots, complete) = lookup::open_lots(spi, sight, &account, due || extent == Extent::All)?;
    let holdings = if complete { lookup::holdings(spi, sight, &account)? } else { Holdings::default() };
    let extent = if complete { Extent::All } else { Extent::Prefix };
    let mut book = Book::new(account, lots, extent, context).with_holdings(holdings);
    if complete {
        load_holds(spi, sight, &mut book)?;
    }
    if sight == Sight::Newest {
        alerts::load(spi, &mut book)?;
    }
    let (extras, owed) = (book.account.extras, book.account.balances.debt);
    if extras.debts && (complete || owed.is_positive()) {
        book.debts = debts::open(spi, sight, &book.account.account)?.unwrap_or_default();
    }
    Ok(book)
}

/// The open holds that are due, and when the next one lapses. Where they will be written, a piece of them at a time.
pub fn load_holds(spi: &Spi, sight: Sight, book: &mut Book) -> Result<()> {
    if !book.account.extras.holds {
        return Ok(());
    }
    let (account, now) = (book.account.account.clone(), book.now());
    let limit = if sight == Sight::Newest { INSTANTS as i64 } else { i64::MAX };
    book.holds = lookup::holds_until(spi, sight, &account, now, limit)?;
    // Several may lapse at the instant at which the piece ends.
    let whole = (book.holds.len() as i64) < limit;
    let known_until = book.holds.last().filter(|_| !whole).map_or(now, |hold| hold.expires_at);
    if !whole {
        let last = lookup::holds_until(spi, sight, &account, known_until, i64::MAX)?;
        book.holds = last;
    }
    book.next_lapse = lookup::next_lapse(spi, sight, &account, known_until)?;
    Ok(())
}

/// How many instants of missed time are settled before they are written: memory stays bounded, and a cancel is heard.
pub const INSTANTS: usize = 1000;

/// Runs an operation on the book of a locked account: time first, then the operation, then the row's shortcuts. Where
/// the book knows too few lots it is done again on one that knows all.
pub fn operate<T>(
    desk: &Desk,
    account: &Account,
    extent: Extent,
    context: &Context,
    operation: &impl Fn(&Desk, &mut Book) -> Result<Outcome<T>>,
) -> Result<(T, Book)> {
    let (mut account, mut extent, mut totals) = (account.clone(), extent, CycleTotals::default());
    loop {
        let mut book = load(desk.spi, Sight::Newest, account.clone(), extent, context.clone())?;
        book.totals = totals;
        if !book.settle_some(desk.zone, INSTANTS).map_err(refusal)? {
            book.seal().map_err(refusal)?;
            persist::save(desk.spi, &[&book])?;
            (account, totals) = (book.account, book.totals);
            session::check_interrupts()?;
            continue;
        }
        match operation(desk, &mut book)?.and_then(|value| book.seal().map(|()| value)) {
            Ok(value) => {
                watch(desk.spi, desk.zone, &mut book)?;
                return Ok((value, book));
            }
            Err(Stop::NeedMore) if extent == Extent::Head => extent = Extent::Prefix,
            Err(Stop::NeedMore) if extent == Extent::Prefix => extent = Extent::All,
            Err(stop) => return Err(refusal(stop)),
        }
    }
}

/// Which accounts a write may begin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// LC002.
    Refuse,
    /// Opened with the defaults, as a grant does.
    Open,
    /// Left to the operation: the book has no entry yet.
    Leave,
}

/// Opens an account that a grant met before anybody else, with the defaults.
pub fn open_by_grant(desk: &Desk, book: &mut Book) -> Outcome<()> {
    let opening =
        Opening { settings: Settings::defaults(book.now()), anchor_given: false, metadata: Dimensions::default() };
    book.open(opening, true, desk.zone)
}

/// A write on one account: lock, replay or LC003, settle time, operate, save. The operation may be run more than once,
/// on a fresh book each time.
pub fn write<T>(
    account: &str,
    keyed: Option<Keyed>,
    extent: Extent,
    unknown: Unknown,
    operation: impl Fn(&Desk, &mut Book) -> Result<Outcome<T>>,
) -> Result<Written<T>> {
    let spi = Spi::connect()?;
    // Before the lock, so that a replay writes nothing; and once more after it, for a key that another session has used
    // meanwhile.
    if let Some(entry) = replay(&spi, Sight::Newest, account, keyed)? {
        return Ok(Written::Replayed(Box::new(entry)));
    }
    let locked = match lookup::lock_account(&spi, account)? {
        Some(locked) => locked,
        None if unknown == Unknown::Refuse => return Err(lookup::unknown_account(account).into()),
        None => {
            // In statements of their own: a row that somebody else is just making is waited for, then locked.
            persist::make_rows(&spi, &[account], session::clock()?.0)?;
            lookup::lock_account(&spi, account)?.ok_or_else(|| lookup::unknown_account(account))?
        }
    };
    if let Some(entry) = replay(&spi, Sight::Newest, account, keyed)? {
        return Ok(Written::Replayed(Box::new(entry)));
    }
    let context = context()?;
    let zone = ServerZone::new(&locked.settings.time_zone)?;
    let desk = Desk { spi: &spi, zone: &zone };
    let unopened = locked.entry == 0;
    let with_opening = |desk: &Desk, book: &mut Book| {
        if unopened
            && unknown == Unknown::Open
            && let Err(stop) = open_by_grant(desk, book)
        {
            return Ok(Err(stop));
        }
        operation(desk, book)
    };
    let extent = if unopened { Extent::All } else { extent };
    let (value, mut book) = operate(&desk, &locked, extent, &context, &with_opening)?;
    let zone = &book.account.settings.time_zone;
    if book.account.extras.budgets && *zone != locked.settings.time_zone {
        let zone = ServerZone::new(zone)?;
        set_budget::recount(&spi, &mut book, &zone)?;
    }
    save(&spi, &locked, &book)?;
    Ok(Written::Done(value, Box::new(book)))
}

/// Writes the book of a locked account, the short way where one plain entry is all there is of the account and its lots.
fn save(spi: &Spi, locked: &Account, book: &Book) -> Result<()> {
    match book.entries.as_slice() {
        // Where time was settled in pieces, entries were written since the row was locked.
        [entry]
            if book.extent == Extent::Head
                && entry.entry == locked.entry + 1
                && !book.touched
                && book.account.extras == locked.extras =>
        {
            if !persist::update_figures(spi, locked, &book.account)? {
                return Err(Error::invalid(format!("account {:?} changed while it was locked", locked.account)).into());
            }
            persist::append_plain(spi, &book.account.account, entry)?;
            persist::save_extras(spi, book)
        }
        _ => persist::save(spi, &[book]),
    }
}

/// A stop as an error, of a book that knows all lots.
pub fn refusal(stop: Stop) -> crate::pg::Error {
    match stop {
        Stop::Refused(error) => error.into(),
        Stop::NeedMore => Error::invalid("an operation asked for more lots than there are").into(),
    }
}
