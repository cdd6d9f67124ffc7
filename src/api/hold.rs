//! `credits_hold`.

use super::answer;
use super::arguments::{dimensions, name, optional_name, positive_amount};
use crate::pg::{Args, Output, Result, ServerZone, Spi, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use crate::store::{fast, terms};
use credits_domain::book::{Extent, Stop};
use credits_domain::debit::OnInsufficient;
use credits_domain::error::Error;
use credits_domain::hold::{NewHold, check_expires_in};
use credits_domain::time::Interval;

sql_function! {
    credits_hold(account: text, amount: numeric, idempotency_key: text, expires_in: interval, feature: text,
        actor: text, resource: text, on_insufficient: text, metadata: jsonb) -> credits_receipt, volatile, handler = hold
}

const FIFTEEN_MINUTES: Interval = Interval { months: 0, days: 0, micros: 900_000_000 };

fn hold(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let amount = positive_amount(args, 1)?;
    let key = name(args, 2)?;
    let expires_in = args.interval(3)?.unwrap_or(FIFTEEN_MINUTES);
    check_expires_in(expires_in)?;
    let (feature, actor, resource) = (optional_name(args, 4)?, optional_name(args, 5)?, optional_name(args, 6)?);
    let mode = args.text(7)?.map_or(Ok(OnInsufficient::Error), OnInsufficient::parse)?;
    if mode == OnInsufficient::Allow {
        return Err(Error::argument(
            "on_insufficient",
            mode.name(),
            "on_insufficient is none of error, refuse, partial",
        )
        .hint("What has happened already is recorded by credits_debit or credits_charge.")
        .into());
    }
    let new = NewHold::new(amount, key, expires_in, mode, dimensions(feature, actor, resource, args.json(8)?)?);
    let keyed = Keyed::of(&new.key);
    let plain = fast::write(&Spi::connect()?, account, keyed, |book| {
        let Some(terms) = terms::seek_of_debit(book, &new.dimensions)? else { return Ok(Err(Stop::NeedMore)) };
        let zone = ServerZone::new(&book.account.settings.time_zone)?;
        Ok(book.hold(&new, &terms, &zone))
    })?;
    let written = match plain {
        Some(written) => written,
        None => write(account, Some(keyed), Extent::Head, Unknown::Refuse, |desk, book| {
            let terms = terms::of_debit(desk.spi, book, desk.zone, &new.dimensions)?;
            Ok(book.hold(&new, &terms, desk.zone))
        })?,
    };
    Ok(answer::receipt(account, &written))
}
