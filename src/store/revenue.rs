//! `credits_revenue`: account by account, the lots that were paid for and the entries that used them.

use super::book::context;
use super::{lookup, read, rows};
use crate::pg::{Result, Spi, Statement, Type, Value, session};
use credits_domain::book::Context;
use credits_domain::entry::Entry;
use credits_domain::lot::{Lot, LotKind};
use credits_domain::period::Period;
use credits_domain::revenue::{Figures, PaidLots, When};
use std::collections::BTreeMap;

static ACCOUNTS: Statement = Statement::new(
    "SELECT a.account FROM credits_ledger.accounts a WHERE a.account > $1 AND EXISTS \
         (SELECT FROM credits_ledger.lots l WHERE l.account = a.account AND l.price IS NOT NULL) \
     ORDER BY a.account LIMIT 1000",
    &[Type::Text],
);

static PAID_LOTS: Statement = Statement::new(
    concat!("SELECT ", rows::lot_columns!(), " FROM credits_ledger.lots WHERE account = $1 AND price IS NOT NULL"),
    &[Type::Text],
);

// Most entries are debits, and most debits take one lot: those that do not concern a paid one need not be read. A
// subquery, and not ALL, is hashed also in a kept plan.
static USES: Statement = Statement::new(
    concat!(
        "SELECT ",
        rows::entry_columns!(),
        " FROM credits_ledger.entries WHERE account = $1 AND entry >= $2 \
         AND NOT (operation IN ('debit', 'charge') AND lot IS NOT NULL AND lot NOT IN (SELECT unnest($3))) ORDER BY entry"
    ),
    &[Type::Text, Type::I64, Type::Ints],
);

/// By currency and kind of lot.
pub type Revenue = BTreeMap<(String, LotKind), Figures>;

/// Of all accounts, as of one snapshot.
pub fn revenue(period: Period) -> Result<Revenue> {
    let (mut revenue, mut after) = (Revenue::new(), String::new());
    loop {
        // A connection for each batch, so that what it read is freed.
        let spi = Spi::connect()?;
        let rows = spi.read(&ACCOUNTS, &[after.as_str().into()])?;
        let names: Vec<String> = rows.iter().map(|row| Ok(row.text(0)?.into())).collect::<Result<_>>()?;
        let Some(last) = names.last() else { return Ok(revenue) };
        after.clone_from(last);
        for name in &names {
            add_account(name, period, &mut revenue)?;
            session::check_interrupts()?;
        }
    }
}

fn add_account(name: &str, period: Period, revenue: &mut Revenue) -> Result<()> {
    let spi = Spi::connect()?;
    let Some(account) = lookup::read_account(&spi, name)? else { return Ok(()) };
    let before = read::newest_happened(&spi, &account, period.from)?;
    let last = read::newest_happened(&spi, &account, period.to)?;
    let when = |entry: i64| match entry {
        _ if entry <= before => When::Before,
        _ if entry <= last => When::During,
        _ => When::After,
    };

    let rows = spi.read(&PAID_LOTS, &[name.into()])?;
    let stored = rows.iter().map(|row| Ok(lookup::with_head(rows::lot(&row)?, account.head)));
    let mut lots: BTreeMap<i32, Lot> = stored.map(|lot| lot.map(|lot| (lot.lot, lot))).collect::<Result<_>>()?;
    let mut due: Vec<Entry> = Vec::new();
    if last == account.entry {
        let context = context()?;
        let now = context.now.max(account.recorded_at);
        let context = Context { now: period.last_instant(now), ..context };
        let settled = read::unrecorded(&spi, &account, context, |entry| {
            due.push(entry);
            Ok(())
        })?;
        let settled = settled.iter().flat_map(|book| book.all_lots()).filter(|lot| lot.price.is_some());
        lots.extend(settled.map(|lot| (lot.lot, lot.clone())));
    }

    let mut paid = PaidLots::new(&account, lots.into_values(), when);
    let first = paid.read_from(before + 1);
    if first <= account.entry {
        spi.for_each_batch(&USES, &[name.into(), first.into(), Value::Ints(paid.numbers())], 1000, |batch| {
            for row in batch.iter() {
                let entry = rows::entry(&row)?;
                paid.read(&entry, when(entry.entry))?;
            }
            session::check_interrupts()
        })?;
    }
    for entry in &due {
        paid.read(entry, if entry.effective_at < period.from { When::Before } else { When::During })?;
    }
    Ok(paid.add_up(revenue)?)
}
