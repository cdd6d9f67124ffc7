//! `credits_refund`.

use super::answer;
use super::arguments::{name, positive};
use crate::pg::{Args, Output, Result, session, sql_function};
use crate::store::book::{Desk, Keyed, Unknown, write};
use crate::store::debts::Stored;
use crate::store::lookup::{self, Sight};
use crate::store::terms;
use credits_domain::book::{Book, Extent, Stop};
use credits_domain::error::Error;
use credits_domain::refund::{Amounts, Case, IfExpired, Refund, unknown_debit};

sql_function! {
    credits_refund(account: text, debit_key: text, idempotency_key: text, amount: numeric, quantity: numeric,
        if_expired: text, reason: text) -> credits_receipt, volatile, handler = refund
}

fn refund(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let (debit_key, key) = (name(args, 1)?, name(args, 2)?);
    let amounts = match (args.amount(3)?, args.amount(4)?) {
        (None, None) => Amounts::All,
        (Some(amount), None) => Amounts::Amount(positive(args.name(3), amount)?),
        (None, Some(quantity)) => Amounts::Quantity(positive(args.name(4), quantity)?),
        (Some(_), Some(quantity)) => {
            let what = "at most one of amount and quantity can be given";
            return Err(Error::argument("quantity", quantity, what).into());
        }
    };
    let if_expired = args.text(5)?.map_or(Ok(IfExpired::Forfeit), IfExpired::parse)?;
    let mut refund = Refund::new(debit_key, key, amounts, if_expired);
    refund.reason = args.text(6)?.map(Into::into);
    refund.salt = Some(session::random_salt()?);
    let keyed = Keyed::of(&refund.key);
    let written = write(account, Some(keyed), Extent::All, Unknown::Refuse, |desk, book| {
        if book.extent != Extent::All {
            return Ok(Err(Stop::NeedMore));
        }
        let case = case(desk, book, debit_key)?;
        Ok(book.refund(&refund, case, desk.zone))
    })?;
    Ok(answer::receipt(account, &written))
}

/// What the refund has to know; the lots that are concerned are added to the book.
fn case(desk: &Desk, book: &mut Book, debit_key: &str) -> Result<Case> {
    let account = book.account.account.clone();
    let stored = Stored { spi: desk.spi, account: &account };
    let entry = match lookup::find_key(desk.spi, Sight::Newest, &account, debit_key)? {
        Some(number) => lookup::entry(desk.spi, Sight::Newest, &account, number)?,
        None => None,
    };
    let entry = entry.filter(|entry| entry.operation.is_usage()).ok_or_else(|| unknown_debit(debit_key))?;
    let original = stored.taken_by(&entry)?.ok_or_else(|| unknown_debit(debit_key))?;
    let dimensions = original.dimensions.clone();
    let (mut case, lots) = Case::gather(original, &stored)?;
    book.know(lookup::lots_of(desk.spi, &book.account, lots)?);
    if book.account.extras.budgets {
        book.budgets = Some(terms::budgets(desk.spi, book, desk.zone, dimensions.actor.as_deref(), None)?);
    }
    if let Some(feature) = &dimensions.feature {
        case.meter = terms::meter(desk.spi, Sight::Newest, book, feature)?;
    }
    Ok(case)
}
