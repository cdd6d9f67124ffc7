//! Finding rows: an account, its lots, its entries, its cycles.

use super::definitions;
use super::rows::{
    self, Instants, account_columns, cycle_columns, entry_columns, hold_columns, lot_columns, subscription_columns,
};
use crate::pg::{Index, Result, Rows, Seen, Sought, Spi, Statement, Type, Value, Version};
use credits_domain::account::{Account, Head};
use credits_domain::audit::PastSettings;
use credits_domain::book::{Book, ClosedCycle, Description};
use credits_domain::entry::{Entry, Operation};
use credits_domain::error::{Code, Error};
use credits_domain::hold::Hold;
use credits_domain::lot::Lot;
use credits_domain::plan::{Holdings, Subscription};
use credits_domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// How many lots a prefix has. A debit that needs more than these is rare; reading them costs about as much as one row.
pub const PREFIX: usize = 16;

const ACCOUNT: &[Type] = &[Type::Text];

static ACCOUNT_BY_NAME: Index = Index::new("accounts", "accounts_pkey", account_columns!(), &[1]);

static ENTRY_BY_KEY: Index = Index::new("entries", "entries_idempotency_key", entry_columns!(), &[1, 9]);

static ENTRY_BY_NUMBER: Index = Index::new("entries", "entries_pkey", entry_columns!(), &[1, 2]);

static READ_INSTANTS: Statement = Statement::new(
    "SELECT recorded_at, effective_at FROM credits_ledger.entries WHERE account = $1 AND entry = $2",
    &[Type::Text, Type::I64],
);

static READ_ACCOUNT: Statement =
    Statement::new(concat!("SELECT ", account_columns!(), " FROM credits_ledger.accounts WHERE account = $1"), ACCOUNT);

// Not FOR UPDATE: rows of the application may refer to the account while it is debited.
static LOCK_ACCOUNT: Statement = Statement::new(
    concat!("SELECT ", account_columns!(), " FROM credits_ledger.accounts WHERE account = $1 FOR NO KEY UPDATE"),
    ACCOUNT,
);

static READ_DESCRIPTION: Statement =
    Statement::new("SELECT opened_with, metadata FROM credits_ledger.accounts WHERE account = $1", ACCOUNT);

static FIND_KEY: Statement = Statement::new(
    "SELECT entry FROM credits_ledger.entries WHERE account = $1 AND idempotency_key = $2",
    &[Type::Text, Type::Text],
);

static READ_ENTRY: Statement = Statement::new(
    concat!("SELECT ", entry_columns!(), " FROM credits_ledger.entries WHERE account = $1 AND entry = $2"),
    &[Type::Text, Type::I64],
);

static LOT_PREFIX: Statement = Statement::new(
    concat!(
        "SELECT ",
        lot_columns!(),
        " FROM credits_ledger.lots WHERE account = $1 AND open \
         ORDER BY burn_rank, burn_at, effective_at, lot LIMIT 16"
    ),
    ACCOUNT,
);

static OPEN_LOTS: Statement = Statement::new(
    concat!("SELECT ", lot_columns!(), " FROM credits_ledger.lots WHERE account = $1 AND open"),
    ACCOUNT,
);

static ALL_LOTS: Statement = Statement::new(
    concat!("SELECT ", lot_columns!(), " FROM credits_ledger.lots WHERE account = $1 ORDER BY lot"),
    ACCOUNT,
);

static LOTS: Statement = Statement::new(
    concat!("SELECT ", lot_columns!(), " FROM credits_ledger.lots WHERE account = $1 AND lot = ANY ($2)"),
    &[Type::Text, Type::Ints],
);

static LOTS_OF_ENTRY: Statement = Statement::new(
    concat!("SELECT ", lot_columns!(), " FROM credits_ledger.lots WHERE account = $1 AND entry = $2"),
    &[Type::Text, Type::I64],
);

static CYCLES: Statement = Statement::new(
    concat!("SELECT ", cycle_columns!(), " FROM credits_ledger.cycles WHERE account = $1 ORDER BY cycle"),
    ACCOUNT,
);

static ENDS: Statement = Statement::new(
    "SELECT cycle, cycle_end FROM credits_ledger.cycles WHERE account = $1 AND cycle = ANY ($2)",
    &[Type::Text, Type::Ints],
);

static PAST_SETTINGS: Statement = Statement::new(
    "SELECT entry, status, overdraft_limit FROM credits_ledger.settings WHERE account = $1 ORDER BY entry",
    ACCOUNT,
);

static HOLD: Statement = Statement::new(
    concat!("SELECT ", hold_columns!(), " FROM credits_ledger.holds WHERE account = $1 AND hold = $2"),
    &[Type::Text, Type::I64],
);
static HOLD_BY_NUMBER: Index = Index::new("holds", "holds_pkey", hold_columns!(), &[1, 2]);

static HOLDS: Statement = Statement::new(
    concat!("SELECT ", hold_columns!(), " FROM credits_ledger.holds WHERE account = $1 ORDER BY hold"),
    ACCOUNT,
);

// Due ones first, in the order in which they lapse.
static NEXT_HOLDS: Statement = Statement::new(
    concat!(
        "SELECT ",
        hold_columns!(),
        " FROM credits_ledger.holds WHERE account = $1 AND lapses_at <= $2 ORDER BY lapses_at, hold LIMIT $3"
    ),
    &[Type::Text, Type::Time, Type::I64],
);

static NEXT_LAPSE: Statement = Statement::new(
    "SELECT min(lapses_at) FROM credits_ledger.holds WHERE account = $1 AND lapses_at > $2",
    &[Type::Text, Type::Time],
);

static SUBSCRIPTIONS: Statement = Statement::new(
    concat!("SELECT ", subscription_columns!(), " FROM credits_ledger.subscriptions WHERE account = ANY ($1)"),
    &[Type::Texts],
);

static FIND_PAYMENT: Statement = Statement::new(
    "SELECT entry FROM credits_ledger.lots WHERE account = $1 AND payment_ref = $2",
    &[Type::Text, Type::Text],
);

static EXISTS: Statement = Statement::new("SELECT FROM credits_ledger.accounts WHERE account = $1", ACCOUNT);

/// How a statement sees the tables.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// As the calling query does: reads, which must work on a standby and in a read-only transaction.
    Callers,
    /// As of now: what is read after a lock, where a snapshot from before it would be stale.
    Newest,
}

pub fn run<'s>(spi: &'s Spi, sight: Sight, statement: &'static Statement, args: &[Value]) -> Result<Rows<'s>> {
    match sight {
        Sight::Callers => spi.read(statement, args),
        Sight::Newest => spi.write(statement, args),
    }
}

fn first_account(rows: Rows) -> Result<Option<Account>> {
    rows.iter().next().map(|row| rows::account(&row)).transpose()
}

/// LC002.
pub fn unknown_account(account: &str) -> Error {
    Error::new(Code::UnknownAccount, format!("account {account:?} does not exist")).detail(format!("account={account}"))
}

/// As the active snapshot sees it; without the executor, so without SPI.
pub fn seek_account(account: &str) -> Result<Sought<Account>> {
    ACCOUNT_BY_NAME.find(&[account.into()], |row, _| rows::account(row))
}

/// The same, with which version of its row that is, to be updated.
pub fn seek_account_to_update(account: &str) -> Result<Sought<(Account, Version, Seen)>> {
    ACCOUNT_BY_NAME.find(&[account.into()], |row, version| Ok((rows::account(row)?, version, version.keep()?)))
}

/// The entry that an idempotency key belongs to, as the active snapshot sees it; without the executor.
pub fn seek_key(account: &str, key: &str) -> Result<Sought<Entry>> {
    ENTRY_BY_KEY.find(&[account.into(), key.into()], |row, _| rows::entry(row))
}

/// When an entry was recorded and when it took effect. As callers see it without the executor, where that can be.
pub fn instants(spi: &Spi, sight: Sight, account: &str, entry: i64) -> Result<Option<Instants>> {
    let key = [account.into(), entry.into()];
    if sight == Sight::Callers {
        match ENTRY_BY_NUMBER.find(&key, |row, _| rows::instants(row, 2))? {
            Sought::Row(instants) => return Ok(Some(instants)),
            Sought::Nothing => return Ok(None),
            Sought::Elsewhere => {}
        }
    }
    run(spi, sight, &READ_INSTANTS, &key)?.first().map(|row| rows::instants(&row, 0)).transpose()
}

/// Without a lock: for reads, and for the fast path, which checks afterwards.
pub fn read_account(spi: &Spi, account: &str) -> Result<Option<Account>> {
    first_account(spi.read(&READ_ACCOUNT, &[account.into()])?)
}

pub fn exists(spi: &Spi, account: &str) -> Result<bool> {
    Ok(!spi.read(&EXISTS, &[account.into()])?.is_empty())
}

/// Waits for the account's lock, and reads its newest row.
pub fn lock_account(spi: &Spi, account: &str) -> Result<Option<Account>> {
    first_account(spi.write(&LOCK_ACCOUNT, &[account.into()])?)
}

/// As the account was opened, and its metadata; of a locked account.
pub fn description(spi: &Spi, account: &str) -> Result<Description> {
    let rows = spi.write(&READ_DESCRIPTION, &[account.into()])?;
    let Some(row) = rows.iter().next() else { return Err(unknown_account(account).into()) };
    let opened_with = serde_json::from_str(&row.json(0)?)
        .map_err(|e| Error::invalid(format!("opened_with of account {account:?} cannot be read: {e}")))?;
    Ok(Description { opened_with, metadata: row.opt_json(1)? })
}

/// JSON of the settings that the account was opened with, as stored.
pub fn opened_with(spi: &Spi, account: &str) -> Result<String> {
    let rows = spi.read(&READ_DESCRIPTION, &[account.into()])?;
    rows.first().ok_or_else(|| unknown_account(account))?.json(0)
}

/// What the account was set to in the past, oldest first.
pub fn past_settings(spi: &Spi, account: &str) -> Result<Vec<PastSettings>> {
    let rows = spi.read(&PAST_SETTINGS, &[account.into()])?;
    rows.iter()
        .map(|row| {
            Ok(PastSettings {
                entry: row.i64(0)?,
                status: rows::status(row.text(1)?)?,
                overdraft_limit: row.amount(2)?,
            })
        })
        .collect()
}

/// The entry that an idempotency key belongs to.
pub fn find_key(spi: &Spi, sight: Sight, account: &str, key: &str) -> Result<Option<i64>> {
    let rows = run(spi, sight, &FIND_KEY, &[account.into(), key.into()])?;
    rows.iter().next().map(|row| row.i64(0)).transpose()
}

pub fn entry(spi: &Spi, sight: Sight, account: &str, entry: i64) -> Result<Option<Entry>> {
    let rows = run(spi, sight, &READ_ENTRY, &[account.into(), entry.into()])?;
    rows.iter().next().map(|row| rows::entry(&row)).transpose()
}

/// The entry that credited a payment to the account.
pub fn find_payment(spi: &Spi, account: &str, payment_ref: &str) -> Result<Option<i64>> {
    let rows = spi.write(&FIND_PAYMENT, &[account.into(), payment_ref.into()])?;
    rows.iter().next().map(|row| row.i64(0)).transpose()
}

/// The account's open lots: all of them, or the first ones in burn order (with whether these are all).
pub fn open_lots(spi: &Spi, sight: Sight, account: &Account, all: bool) -> Result<(Vec<Lot>, bool)> {
    let statement = if all { &OPEN_LOTS } else { &LOT_PREFIX };
    let lots = lots(run(spi, sight, statement, &[account.account.as_str().into()])?, account.head)?;
    let complete = all || lots.len() < PREFIX;
    Ok((lots, complete))
}

/// Every lot that the account ever had.
pub fn all_lots(spi: &Spi, account: &Account) -> Result<Vec<Lot>> {
    lots(spi.read(&ALL_LOTS, &[account.account.as_str().into()])?, account.head)
}

/// Lots by their numbers, also those that are closed.
pub fn lots_of(spi: &Spi, account: &Account, numbers: Vec<i32>) -> Result<Vec<Lot>> {
    lots(spi.write(&LOTS, &[account.account.as_str().into(), Value::Ints(numbers)])?, account.head)
}

/// When the cycles ended by which lots of a book expire that nothing can happen in.
pub fn ends_of(spi: &Spi, book: &Book) -> Result<BTreeMap<i32, Timestamp>> {
    let running = book.account.cycle.number;
    let cycles = book.retired.iter().filter_map(|lot| lot.expiry.cycle()).filter(|cycle| *cycle < running);
    let cycles: Vec<i32> = cycles.collect();
    if cycles.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = spi.write(&ENDS, &[book.account.account.as_str().into(), Value::Ints(cycles)])?;
    rows.iter().map(|row| Ok((row.i32(0)?, row.time(1)?))).collect()
}

/// The lots that an entry made.
pub fn lots_made_by(spi: &Spi, account: &Account, entry: &Entry) -> Result<Vec<Lot>> {
    // What it made has moved with it, but for what is scheduled.
    if entry.operation == Operation::Schedule {
        let rows = spi.write(&LOTS_OF_ENTRY, &[account.account.as_str().into(), entry.entry.into()])?;
        return lots(rows, account.head);
    }
    let moved: BTreeSet<i32> = entry.movements.iter().map(|movement| movement.lot).collect();
    let mut lots = lots_of(spi, account, moved.into_iter().collect())?;
    lots.retain(|lot| lot.entry == entry.entry);
    Ok(lots)
}

/// Every lot that an account ever had, as stored.
pub struct StoredLots {
    pub lots: Vec<Lot>,
    /// (entry, lot) of those whose row is filed where the lot itself would not be.
    pub misfiled: Vec<(i64, i32)>,
}

pub fn lots_as_stored(spi: &Spi, account: &Account) -> Result<StoredLots> {
    let (mut lots, mut misfiled) = (Vec::new(), Vec::new());
    for row in spi.read(&ALL_LOTS, &[account.account.as_str().into()])?.iter() {
        let lot = with_head(rows::lot(&row)?, account.head);
        let is_spent_head = account.head.is_some_and(|head| head.lot == lot.lot) && !lot.is_open();
        if !rows::is_filed_right(&row, &lot, is_spent_head)? {
            misfiled.push((lot.entry, lot.lot));
        }
        lots.push(lot);
    }
    Ok(StoredLots { lots, misfiled })
}

fn lots(rows: Rows, head: Option<Head>) -> Result<Vec<Lot>> {
    rows.iter().map(|row| rows::lot(&row).map(|lot| with_head(lot, head))).collect()
}

/// What remains and is held in the head stands on the account's row.
pub fn with_head(mut lot: Lot, head: Option<Head>) -> Lot {
    if let Some(head) = head
        && head.lot == lot.lot
        && (head.remaining, head.held) != (lot.remaining, lot.held)
    {
        (lot.remaining, lot.held) = (head.remaining, head.held);
        lot.changed = true;
    }
    lot
}

pub fn closed_cycles(spi: &Spi, account: &str) -> Result<Vec<ClosedCycle>> {
    spi.read(&CYCLES, &[account.into()])?.iter().map(|row| rows::cycle(&row)).collect()
}

/// The plans that an account holds or held, with all versions of these plans.
pub fn holdings(spi: &Spi, sight: Sight, account: &Account) -> Result<Holdings> {
    if !account.extras.subscriptions {
        return Ok(Holdings::default());
    }
    let name = account.account.as_str();
    Ok(holdings_of(spi, sight, vec![name.into()])?.remove(name).unwrap_or_default())
}

/// The same of several accounts, by name.
pub fn holdings_of(spi: &Spi, sight: Sight, accounts: Vec<String>) -> Result<HashMap<String, Holdings>> {
    let mut subscriptions: HashMap<String, Vec<Subscription>> = HashMap::new();
    let mut plans = BTreeSet::new();
    for row in run(spi, sight, &SUBSCRIPTIONS, &[Value::Texts(accounts)])?.iter() {
        let own = rows::subscription(&row)?;
        plans.extend([Some(own.plan.clone()), own.pending.plan.clone()].into_iter().flatten());
        subscriptions.entry(row.text(0)?.to_string()).or_default().push(own);
    }
    let catalogue = Rc::new(definitions::catalogue(spi, sight, plans.into_iter().collect())?);
    let holdings = |subscriptions| Holdings { subscriptions, catalogue: Rc::clone(&catalogue) };
    Ok(subscriptions.into_iter().map(|(account, own)| (account, holdings(own))).collect())
}

pub fn hold(spi: &Spi, sight: Sight, account: &str, hold: i64) -> Result<Option<Hold>> {
    let rows = run(spi, sight, &HOLD, &[account.into(), hold.into()])?;
    rows.iter().next().map(|row| rows::hold(&row)).transpose()
}

/// A hold as the active snapshot sees it, without the executor.
pub fn seek_hold(account: &str, hold: i64) -> Result<Sought<Hold>> {
    HOLD_BY_NUMBER.find(&[account.into(), hold.into()], |row, _| rows::hold(row))
}

/// The version of a hold's row that the active snapshot sees, to be updated.
pub fn seek_hold_to_update(account: &str, hold: i64) -> Result<Sought<Seen>> {
    HOLD_BY_NUMBER.find(&[account.into(), hold.into()], |_, version| version.keep())
}

/// Every hold that the account ever had, and which of them are filed to lapse when they do not.
pub fn all_holds(spi: &Spi, account: &str) -> Result<(Vec<Hold>, Vec<i64>)> {
    let (mut holds, mut misfiled) = (Vec::new(), Vec::new());
    for row in spi.read(&HOLDS, &[account.into()])?.iter() {
        let hold = rows::hold(&row)?;
        if row.opt_time(2)? != hold.is_open().then_some(hold.expires_at) {
            misfiled.push(hold.hold);
        }
        holds.push(hold);
    }
    Ok((holds, misfiled))
}

/// Open holds that lapse until an instant, the first ones first and no more than `limit`.
pub fn holds_until(spi: &Spi, sight: Sight, account: &str, until: Timestamp, limit: i64) -> Result<Vec<Hold>> {
    let rows = run(spi, sight, &NEXT_HOLDS, &[account.into(), until.into(), limit.into()])?;
    rows.iter().map(|row| rows::hold(&row)).collect()
}

/// When the first open hold lapses after an instant.
pub fn next_lapse(spi: &Spi, sight: Sight, account: &str, after: Timestamp) -> Result<Timestamp> {
    let rows = run(spi, sight, &NEXT_LAPSE, &[account.into(), after.into()])?;
    let at = rows.first().map_or(Ok(None), |row| row.opt_time(0))?;
    Ok(at.unwrap_or(Timestamp::INFINITY))
}
