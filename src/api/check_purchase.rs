//! `credits_check_purchase`.

use super::arguments::{name, positive};
use crate::pg::{Args, Output, Result, Spi, sql_function};
use crate::store::book::context;
use crate::store::lookup::{self, Sight};
use crate::store::{packs, read};
use credits_domain::book::{Extent, Purpose};

sql_function! {
    credits_check_purchase(account: text, pack: text, price: numeric) -> numeric, stable, handler = check_purchase
}

fn check_purchase(args: &Args) -> Result<Output> {
    let (account, pack_name) = (name(args, 0)?, name(args, 1)?);
    let price = args.amount(2)?.map(|price| positive(args.name(2), price)).transpose()?;
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| lookup::unknown_account(account))?;
    let book = read::settled(&spi, row, Extent::All, context()?, Purpose::Read)?;
    book.must_be_open()?;
    let pack = packs::pack(&spi, Sight::Callers, pack_name, book.now())?;
    Ok(Output::Value(book.check_purchase(pack_name, &pack, price)?.into()))
}
