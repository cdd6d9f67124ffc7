//! What the views ask for accounts on which time has done something that is not recorded yet, and what tests ask.

use crate::pg::{Args, Output, Result, ServerZone, Signature, Spi, Value, session, sql_function};
use crate::store::book::context;
use crate::store::lookup;
use crate::store::read;
use credits_domain::account::Cycle;
use credits_domain::book::{Book, Context, Extent, Purpose};
use credits_domain::budget::Period;
use credits_domain::lot::LotStatus;
use std::collections::HashSet;

sql_function! {
    credits_ledger_statement_time() -> timestamptz, stable, handler = statement_time
}

/// One instant for all rows of a query.
fn statement_time(_args: &Args) -> Result<Output> {
    Ok(Output::Value(session::statement_time().into()))
}

sql_function! {
    credits_ledger_budget_period(period: text, time_zone: text, at: timestamptz)
        -> table (period_start: timestamptz, period_end: timestamptz), stable, handler = budget_period, signature = BUDGET_PERIOD
}

/// When the clock period of a budget began and ends; no row where an argument is none.
fn budget_period(args: &Args) -> Result<Output> {
    let (Some(period), Some(zone), Some(at)) = (args.text(0)?, args.text(1)?, args.time(2)?) else {
        return Ok(Output::Rows(Vec::new()));
    };
    let (period, zone) = (Period::parse(period)?, ServerZone::new(zone)?);
    let no_cycle = Cycle { number: 0, start: at, end: None };
    let span = period.span(no_cycle, at, &zone)?;
    Ok(Output::Rows(vec![vec![span.start.into(), period.end(no_cycle, at, &zone)?.into()]]))
}

sql_function! {
    credits_ledger_settled_account(account: text) -> table (status: text, balance: numeric, allowance: numeric,
        credits: numeric, held: numeric, debt: numeric, available: numeric, allowance_granted: numeric, used: numeric,
        cycle: integer, cycle_start: timestamptz, cycle_end: timestamptz, as_of: timestamptz), stable, handler = settled_account, signature = SETTLED_ACCOUNT
}

fn settled_account(args: &Args) -> Result<Output> {
    let Some(book) = book(args, Extent::Head, Purpose::Read)? else { return Ok(Output::Rows(Vec::new())) };
    let (account, balances) = (&book.account, &book.account.balances);
    Ok(Output::Rows(vec![vec![
        account.status.name().into(),
        balances.balance().into(),
        balances.allowance.into(),
        balances.credits.into(),
        balances.held.into(),
        balances.debt.into(),
        balances.available().into(),
        account.granted.into(),
        account.used.into(),
        account.cycle.number.into(),
        account.cycle.start.into(),
        account.cycle.end.into(),
        book.now().into(),
    ]]))
}

sql_function! {
    credits_ledger_settled_lots(account: text) -> table (lot: integer, kind: text, entry: bigint, amount: numeric,
        remaining: numeric, held: numeric, priority: integer, features: text[], effective_at: timestamptz,
        expires_at: timestamptz, status: text, price: numeric, currency: text, payment_ref: text, plan: text), stable, handler = settled_lots, signature = SETTLED_LOTS
}

fn settled_lots(args: &Args) -> Result<Output> {
    let spi = Spi::connect()?;
    let Some(book) = book(args, Extent::All, Purpose::ReadLots)? else { return Ok(Output::Rows(Vec::new())) };
    let mut lots: Vec<_> = book.all_lots().cloned().collect();
    // Those that were closed long ago; time has nothing to do with them.
    let known: HashSet<i32> = lots.iter().map(|lot| lot.lot).collect();
    let stored = lookup::all_lots(&spi, &book.account)?;
    lots.extend(stored.into_iter().filter(|lot| !known.contains(&lot.lot)));
    lots.sort_by_key(|lot| lot.lot);
    let rows = lots.into_iter().map(|lot| {
        let spent = lot.status == LotStatus::Active && !lot.is_open();
        vec![
            lot.lot.into(),
            lot.kind.name().into(),
            lot.entry.into(),
            lot.amount.into(),
            lot.remaining.into(),
            lot.held.into(),
            lot.priority.into(),
            if lot.features.is_empty() { Value::Null } else { Value::Texts(lot.features.clone()) },
            lot.effective_at.into(),
            lot.expiry.date().into(),
            if lot.revoked {
                "voided"
            } else if spent {
                "spent"
            } else {
                lot.status.name()
            }
            .into(),
            lot.price.as_ref().map(|price| price.amount).into(),
            lot.price.as_ref().map(|price| price.currency.as_str()).into(),
            lot.payment_ref.as_deref().into(),
            lot.plan.as_deref().into(),
        ]
    });
    Ok(Output::Rows(rows.collect()))
}

/// The account's book as of the statement's time; `None` where there is no such account.
fn book(args: &Args, extent: Extent, purpose: Purpose) -> Result<Option<Book>> {
    let Some(account) = args.text(0)? else { return Ok(None) };
    let spi = Spi::connect()?;
    let Some(row) = lookup::read_account(&spi, account)? else { return Ok(None) };
    let context = Context { now: session::statement_time(), ..context()? };
    read::settled(&spi, row, extent, context, purpose).map(Some)
}

sql_function! {
    credits_ledger_signatures() -> table (name: text, arguments: text, returns: text), stable, handler = signatures, signature = SIGNATURES_LIST
}

/// The functions as the library knows them, to be compared with the catalogue.
fn signatures(_args: &Args) -> Result<Output> {
    let row = |signature: &Signature| {
        let arguments: Vec<String> =
            signature.args.iter().map(|(name, sql_type)| format!("{name} {sql_type}")).collect();
        let returns = format!("{}{}", if signature.set { "SETOF " } else { "" }, signature.returns);
        vec![signature.name.into(), arguments.join(", ").into(), returns.into()]
    };
    Ok(Output::Rows(super::SIGNATURES.iter().map(row).collect()))
}
