//! `credits_void_grant`.

use super::answer;
use super::arguments::{name, positive};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Desk, Keyed, Unknown, write};
use crate::store::lookup::{self, Sight};
use credits_domain::book::{Extent, Stop};
use credits_domain::void::{Void, grants, unknown_grant};

sql_function! {
    credits_void_grant(account: text, grant_key: text, idempotency_key: text, amount: numeric, claw_back: boolean,
        reason: text) -> credits_receipt, volatile, handler = void_grant
}

fn void_grant(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let (grant_key, key) = (name(args, 1)?, name(args, 2)?);
    let amount = args.amount(3)?.map(|amount| positive(args.name(3), amount)).transpose()?;
    let claw_back = args.bool(4)?.unwrap_or(false);
    let void = Void::new(grant_key, key, amount, claw_back, args.text(5)?.map(Into::into));
    let written = write(account, Some(Keyed::of(&void.key)), Extent::All, Unknown::Refuse, |desk, book| {
        if book.extent != Extent::All {
            return Ok(Err(Stop::NeedMore));
        }
        let granted = granting_entry(desk, account, grant_key)?;
        book.know(lookup::lots_made_by(desk.spi, &book.account, granted)?);
        Ok(book.void(&void, granted))
    })?;
    Ok(answer::receipt(account, &written))
}

/// The entry that a key or a payment names; LC006 where it granted nothing, or there is none.
fn granting_entry(desk: &Desk, account: &str, grant_key: &str) -> Result<i64> {
    if let Some(number) = lookup::find_key(desk.spi, Sight::Newest, account, grant_key)? {
        let entry = lookup::entry(desk.spi, Sight::Newest, account, number)?;
        if entry.is_some_and(|entry| grants(entry.operation)) {
            return Ok(number);
        }
    }
    let paid = lookup::find_payment(desk.spi, account, grant_key)?;
    Ok(paid.ok_or_else(|| unknown_grant(grant_key))?)
}
