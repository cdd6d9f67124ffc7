//! `credits_define_pack`.

use super::arguments::{missing, name, positive, positive_amount};
use crate::pg::{Args, Output, Result, Spi, sql_function};
use crate::store::definitions::Defined;
use crate::store::packs;
use credits_domain::lot::Price;
use credits_domain::name::check_currency;
use credits_domain::pack::Pack;

sql_function! {
    credits_define_pack(pack: text, credits: numeric, price: numeric, currency: text, minimum_price: numeric)
        -> table (pack: text, credits: numeric, price: numeric, currency: text, minimum_price: numeric,
        version: integer, defined_at: timestamptz, defined_by: text), volatile, handler = define_pack
}

fn define_pack(args: &Args) -> Result<Output> {
    let pack_name = name(args, 0)?;
    let (credits, amount) = (positive_amount(args, 1)?, positive_amount(args, 2)?);
    let currency = args.text(3)?.ok_or_else(|| missing(args.name(3)))?;
    check_currency(currency)?;
    let minimum_price = args.amount(4)?.map(|minimum| positive(args.name(4), minimum)).transpose()?;
    let pack = Pack { credits, price: Price { amount, currency: currency.into() }, minimum_price };
    let Defined { definition: pack, version, defined_at, defined_by } =
        packs::define(&Spi::connect()?, pack_name, pack)?;
    Ok(Output::Rows(vec![vec![
        pack_name.into(),
        pack.credits.into(),
        pack.price.amount.into(),
        pack.price.currency.as_str().into(),
        pack.minimum_price.into(),
        version.into(),
        defined_at.into(),
        defined_by.into(),
    ]]))
}
