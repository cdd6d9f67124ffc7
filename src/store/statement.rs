//! `credits_statement`: what there was, what moved, what is left.

use super::book::context;
use super::lookup::{self, Sight, unknown_account};
use super::{read, rows};
use crate::pg::{Columns, Result, Spi, Statement as Sql, Type};
use credits_domain::account::Account;
use credits_domain::book::Context;
use credits_domain::entry::Operation;
use credits_domain::lot::LotKind;
use credits_domain::period::Period;
use credits_domain::statement::{Movements, Standing, Statement, Subject};
use credits_domain::time::Timestamp;

static MOVEMENTS: Sql = Sql::new(
    "SELECT operation, kind, feature, count(*), sum(quantity), sum(allowance_change), sum(credits_change), \
         sum(coalesce(held_allowance_change, 0) + coalesce(held_credits_change, 0)), sum(debt_change), min(entry) \
     FROM credits_ledger.entries WHERE account = $1 AND entry > $2 AND entry <= $3 \
     GROUP BY operation, kind, feature",
    &[Type::Text, Type::I64, Type::I64],
);

/// The statement, and the instants of its ends: none is after now, and an infinite past begins with the account. LC002.
pub fn statement(account: &str, period: Period) -> Result<(Statement, [Timestamp; 2])> {
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| unknown_account(account))?;
    let context = context()?;
    let now = context.now.max(row.recorded_at);
    let before = read::newest_happened(&spi, &row, period.from)?;
    let last = read::newest_happened(&spi, &row, period.to)?.max(before);
    let mut statement = Statement::new(after(&spi, &row, before)?);
    if last > before {
        for row in spi.read(&MOVEMENTS, &[account.into(), before.into(), last.into()])?.iter() {
            let (subject, movements) = group(&row)?;
            statement.add(subject, movements);
        }
        statement.closing = after(&spi, &row, last)?;
    }
    if last == row.entry {
        let context = Context { now: period.last_instant(now), ..context };
        read::unrecorded(&spi, &row, context, |entry| {
            if entry.effective_at < period.from {
                statement = Statement::new(Standing { entry: entry.entry, balances: entry.after });
            } else {
                statement.add_entry(&entry);
            }
            Ok(())
        })?;
    }
    let ends = [period.from, period.to].map(|end| match end.min(now) {
        end if end.is_finite() => end,
        _ => row.opened_at,
    });
    Ok((statement, ends))
}

fn after(spi: &Spi, account: &Account, number: i64) -> Result<Standing> {
    if number == account.entry {
        return Ok(Standing { entry: number, balances: account.balances });
    }
    let entry = lookup::entry(spi, Sight::Callers, &account.account, number)?;
    Ok(entry.map_or_else(Standing::default, |entry| Standing { entry: number, balances: entry.after }))
}

fn group(row: &Columns) -> Result<(Subject, Movements)> {
    let (operation, kind) = (row.text(0)?, row.opt_text(1)?);
    let parse_kind = |name| LotKind::parse(name).ok_or_else(|| rows::corrupt("kind", name));
    let subject = Subject {
        operation: Operation::parse(operation).ok_or_else(|| rows::corrupt("operation", operation))?,
        kind: kind.map(parse_kind).transpose()?,
        feature: row.opt_text(2)?.map(String::from),
    };
    let movements = Movements {
        first: row.i64(9)?,
        operations: row.i64(3)?,
        quantity: row.opt_amount(4)?,
        allowance: row.amount(5)?,
        credits: row.amount(6)?,
        held: row.amount(7)?,
        debt: row.amount(8)?,
    };
    Ok((subject, movements))
}
