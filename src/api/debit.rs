//! `credits_debit`.

use super::answer;
use super::arguments::{dimensions, name, optional_name, positive_amount};
use crate::pg::{Args, Output, Result, Spi, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use crate::store::fast;
use credits_domain::book::Extent;
use credits_domain::debit::{Debit, OnInsufficient};

sql_function! {
    credits_debit(account: text, amount: numeric, idempotency_key: text, feature: text, actor: text, resource: text,
        on_insufficient: text, metadata: jsonb) -> credits_receipt, volatile, handler = debit
}

fn debit(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let amount = positive_amount(args, 1)?;
    let key = name(args, 2)?;
    let (feature, actor, resource) = (optional_name(args, 3)?, optional_name(args, 4)?, optional_name(args, 5)?);
    let debit = Debit {
        amount,
        key: key.into(),
        on_insufficient: args.text(6)?.map_or(Ok(OnInsufficient::Error), OnInsufficient::parse)?,
        dimensions: dimensions(feature, actor, resource, args.json(7)?)?,
    };
    let keyed = Keyed { key, request: debit.request() };
    let written = match fast::write(&Spi::connect()?, account, keyed, |book| book.debit(&debit))? {
        Some(written) => written,
        None => write(account, Some(keyed), Extent::Head, Unknown::Refuse, |_, book| Ok(book.debit(&debit)))?,
    };
    Ok(answer::receipt(account, &written))
}
