//! `credits_debit`.

use super::answer;
use super::arguments::{dimensions, name, optional_name, positive_amount};
use crate::pg::{Args, Output, Result, Spi, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use crate::store::{fast, terms};
use credits_domain::book::{Extent, Stop};
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
    let mode = args.text(6)?.map_or(Ok(OnInsufficient::Error), OnInsufficient::parse)?;
    let debit = Debit::new(amount, key, mode, dimensions(feature, actor, resource, args.json(7)?)?);
    let keyed = Keyed::of(&debit.key);
    let plain = fast::write(&Spi::connect()?, account, keyed, |book| {
        let terms = terms::seek_of_debit(book, &debit.dimensions)?;
        Ok(terms.map_or(Err(Stop::NeedMore), |terms| book.debit(&debit, &terms)))
    })?;
    let written = match plain {
        Some(written) => written,
        None => write(account, Some(keyed), Extent::Head, Unknown::Refuse, |desk, book| {
            let terms = terms::of_debit(desk.spi, book, desk.zone, &debit.dimensions)?;
            Ok(book.debit(&debit, &terms))
        })?,
    };
    Ok(answer::receipt(account, &written))
}
