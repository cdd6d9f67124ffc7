//! `credits_capture`.

use super::answer;
use super::arguments::{name, not_negative};
use crate::pg::{Args, Output, Result, Sought, Spi, session, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use crate::store::holds::{find, seek};
use crate::store::{fast, terms};
use credits_domain::book::{Extent, Stop};
use credits_domain::debit::OnInsufficient;
use credits_domain::entry::Dimensions;
use credits_domain::error::Error;
use credits_domain::hold::{Capture, Captured};
use credits_domain::rate::Terms;

sql_function! {
    credits_capture(account: text, hold_key: text, idempotency_key: text, amount: numeric, quantity: numeric,
        final: boolean, on_insufficient: text, metadata: jsonb) -> credits_receipt, volatile, handler = capture
}

fn capture(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let (hold_key, key) = (name(args, 1)?, name(args, 2)?);
    let captured = match (args.amount(3)?, args.amount(4)?) {
        (None, None) => Captured::All,
        (Some(amount), None) => Captured::Amount(not_negative(args.name(3), amount)?),
        (None, Some(quantity)) => Captured::Quantity(not_negative(args.name(4), quantity)?),
        (Some(_), Some(quantity)) => {
            let what = "at most one of amount and quantity can be given";
            return Err(Error::argument("quantity", quantity, what).into());
        }
    };
    let is_final = args.bool(5)?.unwrap_or(true);
    let mode = args.text(6)?.map_or(Ok(OnInsufficient::Allow), OnInsufficient::parse)?;
    let metadata = Dimensions { metadata: args.json(7)?, salt: Some(session::random_salt()?), ..Dimensions::default() };
    let capture = Capture::new(hold_key, key, captured, is_final, mode, metadata);
    let by_quantity = matches!(captured, Captured::Quantity(_));
    let keyed = Keyed::of(&capture.key);
    let plain = fast::write(&Spi::connect()?, account, keyed, |book| {
        if by_quantity || book.account.extras.budgets {
            return Ok(Err(Stop::NeedMore));
        }
        let Sought::Row((hold, made_by)) = seek(book, hold_key)? else { return Ok(Err(Stop::NeedMore)) };
        Ok(book.capture(&capture, hold, &made_by, &Terms::default()))
    })?;
    let written = match plain {
        Some(written) => written,
        None => write(account, Some(keyed), Extent::Head, Unknown::Refuse, |desk, book| {
            let (hold, made_by) = find(desk.spi, book, hold_key)?;
            let terms = terms::of_capture(desk.spi, book, desk.zone, hold.hold, &made_by, by_quantity)?;
            Ok(book.capture(&capture, hold, &made_by, &terms))
        })?,
    };
    Ok(answer::receipt(account, &written))
}
