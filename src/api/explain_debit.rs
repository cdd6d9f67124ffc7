//! `credits_explain_debit`.

use super::arguments::{name, optional_name, positive_amount};
use crate::pg::{Args, Output, Result, Spi, sql_function};
use crate::store::book::{context, refusal};
use crate::store::{lookup, read};
use credits_domain::book::{Extent, Purpose};

sql_function! {
    credits_explain_debit(account: text, amount: numeric, feature: text)
        -> table (lot: bigint, kind: text, takes: numeric, remaining_after: numeric, expires_at: timestamptz), stable, handler = explain_debit
}

fn explain_debit(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let amount = positive_amount(args, 1)?;
    let feature = optional_name(args, 2)?;
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| lookup::unknown_account(account))?;
    let book = read::settled(&spi, row, Extent::All, context()?, Purpose::Read)?;
    let lines = book.explain_debit(amount, feature).map_err(refusal)?;
    let rows = lines.into_iter().map(|line| {
        vec![
            line.lot.map(i64::from).into(),
            line.kind.into(),
            line.takes.into(),
            line.remaining_after.into(),
            line.expires_at.into(),
        ]
    });
    Ok(Output::Rows(rows.collect()))
}
