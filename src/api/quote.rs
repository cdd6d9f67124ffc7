//! `credits_quote`.

use super::arguments::{missing, name, not_negative};
use crate::pg::{Args, Output, Result, Spi, sql_function};
use crate::store::book::context;
use crate::store::lookup::{self, Sight};
use crate::store::{read, terms};
use credits_domain::book::{Extent, Purpose};

sql_function! {
    credits_quote(account: text, feature: text, quantity: numeric) -> numeric, stable, handler = quote
}

fn quote(args: &Args) -> Result<Output> {
    let (account, feature) = (name(args, 0)?, name(args, 1)?);
    let quantity = args.amount(2)?.ok_or_else(|| missing(args.name(2)))?;
    not_negative(args.name(2), quantity)?;
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| lookup::unknown_account(account))?;
    let book = read::settled(&spi, row, Extent::Head, context()?, Purpose::Read)?;
    let terms = terms::of_feature(&spi, Sight::Callers, &book, feature)?;
    Ok(Output::Value(terms.quote(feature, quantity, book.account.cycle.number)?.into()))
}
