//! `credits_charge`.

use super::answer;
use super::arguments::{dimensions, missing, name, not_negative, optional_name};
use crate::pg::{Args, Output, Result, Sought, Spi, session, sql_function};
use crate::store::book::{Keyed, Unknown, Written, context, refusal, replay, write};
use crate::store::lookup::{Sight, unknown_account};
use crate::store::{definitions, fast, lookup, read, terms};
use credits_domain::book::{Extent, Purpose, Stop};
use credits_domain::debit::{Charge, OnInsufficient};
use credits_domain::rate::{Rate, Terms};
use credits_domain::receipt::Receipt;

sql_function! {
    credits_charge(account: text, feature: text, quantity: numeric, idempotency_key: text, actor: text, resource: text,
        on_insufficient: text, metadata: jsonb) -> credits_receipt, volatile, handler = charge
}

fn charge(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let feature = name(args, 1)?;
    let quantity = args.amount(2)?.ok_or_else(|| missing(args.name(2)))?;
    not_negative(args.name(2), quantity)?;
    let key = name(args, 3)?;
    let (actor, resource) = (optional_name(args, 4)?, optional_name(args, 5)?);
    let mode = args.text(6)?.map_or(Ok(OnInsufficient::Error), OnInsufficient::parse)?;
    let charge = Charge::new(quantity, key, mode, dimensions(Some(feature), actor, resource, args.json(7)?)?);
    let spi = Spi::connect()?;
    let now = session::clock()?.0;
    let (known, free) = match spi.with_fresh_snapshot(|_| definitions::seek_rate(feature, now))? {
        Sought::Row(known) => (Some(known), Some(known.rate)),
        Sought::Nothing => (None, None),
        Sought::Elsewhere => (None, definitions::rate(&spi, Sight::Newest, feature, now)?),
    };
    if let Some(rate) = free.filter(|rate| rate.free) {
        let written = spi.with_fresh_snapshot(|spi| charge_free(spi, account, &charge, rate))?;
        return Ok(answer::receipt(account, &written));
    }
    let keyed = Keyed::of(&charge.key);
    let plain = fast::write(&spi, account, keyed, |book| {
        let terms = terms::seek_of_charge(book, &charge.dimensions, known)?;
        Ok(terms.map_or(Err(Stop::NeedMore), |terms| book.charge(&charge, &terms)))
    })?;
    let written = match plain {
        Some(written) => written,
        None => write(account, Some(keyed), Extent::Head, Unknown::Refuse, |desk, book| {
            let terms = terms::of_charge(desk.spi, book, desk.zone, &charge.dimensions)?;
            Ok(book.charge(&charge, &terms))
        })?,
    };
    Ok(answer::receipt(account, &written))
}

/// A free feature: nothing is locked or written, and the key is not kept. It replays where a paid charge used it.
fn charge_free(spi: &Spi, account: &str, charge: &Charge, rate: Rate) -> Result<Written<Receipt>> {
    if let Some(entry) = replay(spi, Sight::Newest, account, Some(Keyed::of(&charge.key)))? {
        return Ok(Written::Replayed(Box::new(entry)));
    }
    let row = lookup::read_account(spi, account)?.ok_or_else(|| unknown_account(account))?;
    let mut book = read::settled(spi, row, Extent::Head, context()?, Purpose::Read)?;
    let enabled = terms::is_enabled(spi, &book, &charge.dimensions)?;
    let terms = Terms { enabled, rate: Some(rate), ..Terms::default() };
    let receipt = book.charge(charge, &terms).map_err(refusal)?;
    Ok(Written::Done(receipt, Box::new(book)))
}
