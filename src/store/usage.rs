//! `credits_usage_csv`: the usage of an account, entry by entry.

use super::lookup::{self, unknown_account};
use super::{read, rows};
use crate::pg::{Result, Spi, Statement, Type, session};
use credits_domain::entry::Entry;
use credits_domain::period::Period;

static USAGE: Statement = Statement::new(
    concat!(
        "SELECT ",
        rows::entry_columns!(),
        " FROM credits_ledger.entries WHERE account = $1 AND entry > $2 AND entry <= $3 \
         AND operation IN ('debit', 'charge', 'capture', 'refund') ORDER BY entry"
    ),
    &[Type::Text, Type::I64, Type::I64],
);

/// What was used in the period, and what refunds took back, oldest first, a few entries at a time. LC002.
pub fn for_each(account: &str, period: Period, mut each: impl FnMut(&Entry) -> Result<()>) -> Result<()> {
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| unknown_account(account))?;
    let before = read::newest_happened(&spi, &row, period.from)?;
    let last = read::newest_happened(&spi, &row, period.to)?;
    spi.for_each_batch(&USAGE, &[account.into(), before.into(), last.into()], 1000, |batch| {
        batch.iter().try_for_each(|row| each(&rows::entry(&row)?))?;
        session::check_interrupts()
    })
}
