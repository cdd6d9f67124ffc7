//! Many accounts at once: locked in the order of their names, written by one statement a table.

use super::book::{Desk, INSTANTS, Keyed, context, open_by_grant, operate, refusal, same_request};
use super::lookup::{self, Sight};
use super::rows::{self, account_columns};
use super::watch::watch;
use super::{alerts, debts, persist};
use crate::pg::{self, Result, ServerZone, Spi, Statement, Type, Value, session};
use credits_domain::account::Account;
use credits_domain::alert;
use credits_domain::book::{Book, Extent, Outcome};
use credits_domain::entry::Entry;
use credits_domain::error::Error;
use credits_domain::hold::Hold;
use credits_domain::receipt::Receipt;
use credits_domain::time::Timestamp;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

static LOCK_ACCOUNTS: Statement = Statement::new(
    concat!(
        "SELECT ",
        account_columns!(),
        " FROM credits_ledger.accounts WHERE account = ANY ($1) \
         ORDER BY account FOR NO KEY UPDATE"
    ),
    &[Type::Texts],
);

static KNOWN_ACCOUNTS: Statement =
    Statement::new("SELECT account FROM credits_ledger.accounts WHERE account = ANY ($1)", &[Type::Texts]);

static FIND_KEYS: Statement = Statement::new(
    "SELECT e.account, e.idempotency_key, e.entry FROM unnest($1, $2) k (account, idempotency_key) \
     JOIN credits_ledger.entries e ON e.account = k.account AND e.idempotency_key = k.idempotency_key",
    &[Type::Texts, Type::Texts],
);

// Accounts that another session is busy with are settled by that session, or next time. While a dump is being restored, an
// account is there before what belongs to it: it waits for that.
static LOCK_DUE: Statement = Statement::new(
    concat!(
        "SELECT ",
        account_columns!(),
        " FROM credits_ledger.accounts a WHERE next_event_at <= $1 \
           AND EXISTS (SELECT FROM credits_ledger.entries e WHERE e.account = a.account AND e.entry = a.entry) \
           AND EXISTS (SELECT FROM credits_ledger.settings s WHERE s.account = a.account) \
           AND (a.lots = 0 OR EXISTS (SELECT FROM credits_ledger.lots l WHERE l.account = a.account AND l.lot = a.lots)) \
           AND (a.extras & 1 = 0 OR EXISTS (SELECT FROM credits_ledger.subscriptions s \
                                            JOIN credits_ledger.plans p ON p.plan = s.plan WHERE s.account = a.account)) \
           AND (a.extras & 16 = 0 OR EXISTS (SELECT FROM credits_ledger.holds h WHERE h.account = a.account)) \
           AND (a.extras & 32 = 0 OR EXISTS (SELECT FROM credits_ledger.debts d WHERE d.account = a.account)) \
           AND (a.extras & 64 = 0 OR EXISTS (SELECT FROM credits_ledger.auto_recharges r WHERE r.account = a.account)) \
           AND (a.extras & 128 = 0 OR EXISTS (SELECT FROM credits_ledger.alerts n WHERE n.account = a.account)) \
         ORDER BY next_event_at LIMIT $2 FOR NO KEY UPDATE OF a SKIP LOCKED"
    ),
    &[Type::Time, Type::I64],
);

static OPEN_LOTS_OF: Statement = Statement::new(
    concat!("SELECT ", rows::lot_columns!(), " FROM credits_ledger.lots WHERE account = ANY ($1) AND open"),
    &[Type::Texts],
);

static DUE_HOLDS_OF: Statement = Statement::new(
    concat!(
        "SELECT ",
        rows::hold_columns!(),
        " FROM credits_ledger.holds WHERE account = ANY ($1) AND lapses_at <= $2"
    ),
    &[Type::Texts, Type::Time],
);

// One look into the index for each account, however many holds it has.
static NEXT_LAPSES_OF: Statement = Statement::new(
    "SELECT a.account, (SELECT min(h.lapses_at) FROM credits_ledger.holds h \
                        WHERE h.account = a.account AND h.lapses_at > $2) \
     FROM unnest($1) a (account)",
    &[Type::Texts, Type::Time],
);

/// One operation of a batch.
pub trait Item {
    fn account(&self) -> &str;
    fn keyed(&self) -> Keyed<'_>;
    /// Whether it opens an account that is unknown.
    fn opens(&self) -> bool;
    /// Its receipt where it is refused for want of an account; `None`: the batch fails with LC002.
    fn unknown(&self, now: Timestamp) -> Option<Receipt>;
    fn operate(&self, desk: &Desk, book: &mut Book) -> Result<Outcome<Receipt>>;
}

fn lock(spi: &Spi, accounts: &[&str]) -> Result<HashMap<String, Account>> {
    let names = Value::Texts(accounts.iter().map(ToString::to_string).collect());
    let rows = spi.write(&LOCK_ACCOUNTS, &[names])?;
    rows.iter().map(|row| rows::account(&row).map(|account| (account.account.clone(), account))).collect()
}

/// Entries whose keys the batch uses, as far as there are any.
fn used_keys<I: Item>(spi: &Spi, items: &[I]) -> Result<HashMap<(String, String), Entry>> {
    // In the index's order: neighbours are found on pages that are at hand.
    let mut wanted: Vec<(&str, &str)> = items.iter().map(|item| (item.account(), item.keyed().key)).collect();
    wanted.sort_unstable();
    let accounts = Value::Texts(wanted.iter().map(|(account, _)| account.to_string()).collect());
    let keys = Value::Texts(wanted.iter().map(|(_, key)| key.to_string()).collect());
    let mut used = HashMap::new();
    for row in spi.write(&FIND_KEYS, &[accounts, keys])?.iter() {
        let (account, key, number) = (row.text(0)?.to_string(), row.text(1)?.to_string(), row.i64(2)?);
        if let Some(entry) = lookup::entry(spi, Sight::Newest, &account, number)? {
            used.insert((account, key), entry);
        }
    }
    Ok(used)
}

/// Does all items, those of one account in the order given, and answers in the order given.
pub fn write<I: Item>(items: &[I]) -> Result<Vec<Receipt>> {
    let spi = Spi::connect()?;
    if let Some(receipts) = replay_all(&spi, items)? {
        return Ok(receipts);
    }
    let mut by_account: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, item) in items.iter().enumerate() {
        by_account.entry(item.account()).or_default().push(i);
    }
    let names: Vec<&str> = by_account.keys().copied().collect();
    if items.first().is_some_and(Item::opens) {
        make_unknown(&spi, &names)?;
    }
    let accounts = lock(&spi, &names)?;
    let used = used_keys(&spi, items)?;
    let context = context()?;
    let mut zones = Zones::default();
    let mut receipts: Vec<Option<Receipt>> = vec![None; items.len()];
    let mut books = Vec::with_capacity(by_account.len());
    // Accounts are worked on in the order of their names, but it is the first item that cannot be which is reported.
    let mut failure: Option<(usize, Error)> = None;
    let mut fail = |place: usize, error: Error| {
        if failure.as_ref().is_none_or(|(first, _)| place < *first) {
            failure = Some((place, error));
        }
    };
    for (name, places) in by_account {
        let Some(account) = accounts.get(name) else {
            for place in places {
                match items[place].unknown(context.now) {
                    Some(refused) => receipts[place] = Some(refused),
                    None => fail(place, lookup::unknown_account(name)),
                }
            }
            continue;
        };
        let desk = Desk { spi: &spi, zone: zones.get(&account.settings.time_zone)? };
        let extent = if account.entry == 0 { Extent::All } else { Extent::Head };
        let at = Cell::new(places[0]);
        let done = operate(&desk, account, extent, &context, &|desk, book| {
            if book.account.entry == 0
                && let Err(stop) = open_by_grant(desk, book)
            {
                return Ok(Err(stop));
            }
            do_items(desk, book, items, &places, &used, &at)
        });
        match done {
            Ok((done, book)) => {
                for (place, receipt) in places.into_iter().zip(done) {
                    receipts[place] = Some(receipt);
                }
                books.push(book);
            }
            Err(pg::Error::Ledger(error)) => fail(at.get(), *error),
            Err(error) => return Err(error),
        }
    }
    if let Some((_, error)) = failure {
        return Err(error.into());
    }
    persist::save(&spi, &books.iter().collect::<Vec<_>>())?;
    // Every item has its receipt: each place stands in just one account's list.
    Ok(receipts.into_iter().flatten().collect())
}

/// The receipts where every item is a replay, as in a batch that is sent again: then nothing is locked or written.
fn replay_all<I: Item>(spi: &Spi, items: &[I]) -> Result<Option<Vec<Receipt>>> {
    let Some(first) = items.first() else { return Ok(Some(Vec::new())) };
    if lookup::find_key(spi, Sight::Newest, first.account(), first.keyed().key)?.is_none() {
        return Ok(None);
    }
    let used = used_keys(spi, items)?;
    let mut receipts = Vec::with_capacity(items.len());
    for item in items {
        let keyed = item.keyed();
        let Some(entry) = used.get(&(item.account().to_string(), keyed.key.to_string())) else { return Ok(None) };
        same_request(entry, keyed)?;
        receipts.push(Receipt { replayed: true, ..Receipt::of(item.account(), entry) });
    }
    Ok(Some(receipts))
}

/// Makes the rows of accounts that do not exist yet, in the order of their names and before anything is locked: whoever
/// waits here holds only rows that nobody else can see.
fn make_unknown(spi: &Spi, names: &[&str]) -> Result<()> {
    let all = Value::Texts(names.iter().map(ToString::to_string).collect());
    let known: HashSet<String> =
        spi.write(&KNOWN_ACCOUNTS, &[all])?.iter().map(|row| Ok(row.text(0)?.to_string())).collect::<Result<_>>()?;
    let now = session::clock()?.0;
    let unknown: Vec<&str> = names.iter().copied().filter(|name| !known.contains(*name)).collect();
    persist::make_rows(spi, &unknown, now)
}

/// The items of one account, on its book. `at` says which one it is at.
fn do_items<I: Item>(
    desk: &Desk,
    book: &mut Book,
    items: &[I],
    places: &[usize],
    used: &HashMap<(String, String), Entry>,
    at: &Cell<usize>,
) -> Result<Outcome<Vec<Receipt>>> {
    let mut done = Vec::with_capacity(places.len());
    // Keys that items before this one have just used, by their place among the new entries.
    let mut new: HashMap<&str, usize> = HashMap::new();
    let name = book.account.account.clone();
    for place in places {
        at.set(*place);
        let item = &items[*place];
        let keyed = item.keyed();
        let earlier = match new.get(keyed.key) {
            Some(at) => Some(&book.entries[*at]),
            None if used.is_empty() => None,
            None => used.get(&(name.clone(), keyed.key.to_string())),
        };
        if let Some(entry) = earlier {
            same_request(entry, keyed)?;
            done.push(Receipt { replayed: true, ..Receipt::of(&name, entry) });
            continue;
        }
        match item.operate(desk, book)? {
            Ok(receipt) => {
                // What follows a grant may be its own expiry, on a closed account.
                if let Some(number) = receipt.entry
                    && let Some(at) = book.entries.iter().rposition(|entry| entry.entry == number)
                {
                    new.insert(keyed.key, at);
                }
                done.push(receipt);
            }
            Err(stop) => return Ok(Err(stop)),
        }
    }
    Ok(Ok(done))
}

/// Time zones by name: most accounts of a batch share one.
#[derive(Default)]
struct Zones(HashMap<String, ServerZone>);

impl Zones {
    fn get(&mut self, name: &str) -> Result<&ServerZone> {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_string(), ServerZone::new(name)?);
        }
        Ok(&self.0[name])
    }
}

/// How many accounts are brought up to date by one round of statements.
const ROUND: i64 = 1000;

/// Records what time has done on up to so many accounts, and says on how many.
pub fn maintain(max_accounts: i64) -> Result<i64> {
    let mut done = 0;
    while done < max_accounts {
        let round = settle_round(ROUND.min(max_accounts - done))?;
        done += round;
        session::check_interrupts()?;
        if round < ROUND {
            break;
        }
    }
    Ok(done)
}

/// The open holds of these accounts that are due, and when the next one of each lapses.
fn due_holds(spi: &Spi, accounts: Vec<String>, now: Timestamp) -> Result<HashMap<String, (Vec<Hold>, Timestamp)>> {
    let mut holds: HashMap<String, (Vec<Hold>, Timestamp)> = HashMap::new();
    if accounts.is_empty() {
        return Ok(holds);
    }
    for row in spi.write(&NEXT_LAPSES_OF, &[Value::Texts(accounts.clone()), now.into()])?.iter() {
        let next = row.opt_time(1)?.unwrap_or(Timestamp::INFINITY);
        holds.insert(row.text(0)?.to_string(), (Vec::new(), next));
    }
    for row in spi.write(&DUE_HOLDS_OF, &[Value::Texts(accounts), now.into()])?.iter() {
        if let Some((due, _)) = holds.get_mut(row.text(0)?) {
            due.push(rows::hold(&row)?);
        }
    }
    Ok(holds)
}

fn settle_round(limit: i64) -> Result<i64> {
    let spi = Spi::connect()?;
    let rows = spi.write(&LOCK_DUE, &[session::clock()?.0.into(), limit.into()])?;
    let accounts = rows.iter().map(|row| rows::account(&row)).collect::<Result<Vec<_>>>()?;
    let names = Value::Texts(accounts.iter().map(|account| account.account.clone()).collect());
    let mut lots: HashMap<String, Vec<_>> = HashMap::new();
    for row in spi.write(&OPEN_LOTS_OF, &[names])?.iter() {
        lots.entry(row.text(0)?.to_string()).or_default().push(rows::lot(&row)?);
    }
    let with_plans = accounts.iter().filter(|account| account.extras.subscriptions);
    let with_plans: Vec<String> = with_plans.map(|account| account.account.clone()).collect();
    let mut holdings = match with_plans.is_empty() {
        true => HashMap::new(),
        false => lookup::holdings_of(&spi, Sight::Newest, with_plans)?,
    };
    let context = context()?;
    let with_holds = accounts.iter().filter(|account| account.extras.holds);
    let with_holds: Vec<String> = with_holds.map(|account| account.account.clone()).collect();
    let mut holds = due_holds(&spi, with_holds, context.now)?;
    let with_alerts = accounts.iter().filter(|account| account.extras.alerts);
    let with_alerts: Vec<String> = with_alerts.map(|account| account.account.clone()).collect();
    let mut alerts = alerts::of(&spi, Sight::Newest, with_alerts)?;
    let in_debt = accounts.iter().filter(|account| account.extras.debts);
    let in_debt: Vec<String> = in_debt.map(|account| account.account.clone()).collect();
    let mut owed = debts::open_of(&spi, in_debt)?;
    let mut zones = Zones::default();
    let mut books = Vec::with_capacity(accounts.len());
    for account in accounts {
        let lots = lots.remove(&account.account).unwrap_or_default();
        let lots = lots.into_iter().map(|lot| lookup::with_head(lot, account.head)).collect();
        let zone = match zones.get(&account.settings.time_zone) {
            Ok(zone) => zone,
            Err(error) => {
                session::warn_about(&account.account, error)?;
                continue;
            }
        };
        let holdings = holdings.remove(&account.account).unwrap_or_default();
        let mut book = Book::new(account, lots, Extent::All, context.clone()).with_holdings(holdings);
        if let Some((due, next)) = holds.remove(&book.account.account) {
            (book.holds, book.next_lapse) = (due, next);
        }
        if book.account.extras.alerts {
            book.alerts = Some(alert::complete(alerts.remove(&book.account.account).unwrap_or_default()));
        }
        book.debts = owed.remove(&book.account.account).unwrap_or_default();
        match book.settle_some(zone, INSTANTS).and_then(|_| book.seal()) {
            Ok(()) => {
                watch(&spi, zone, &mut book)?;
                books.push(book);
            }
            Err(stop) => session::warn_about(&book.account.account, refusal(stop))?,
        }
    }
    persist::save(&spi, &books.iter().collect::<Vec<_>>())?;
    // What missed more than a piece of time is settled to the end, one by one.
    for book in books.iter().filter(|book| book.is_due()) {
        let desk = Desk { spi: &spi, zone: zones.get(&book.account.settings.time_zone)? };
        let ((), rest) = operate(&desk, &book.account, Extent::All, &context, &|_, _| Ok(Ok(())))?;
        persist::save(&spi, &[&rest])?;
    }
    Ok(books.len() as i64)
}
