//! `credits_set_seats`.

use super::answer;
use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use credits_domain::book::Extent;
use credits_domain::subscribe::SetSeats;

sql_function! {
    credits_set_seats(account: text, plan: text, seats: integer, idempotency_key: text)
        -> credits_receipt, volatile, handler = set_seats
}

fn set_seats(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let plan = name(args, 1)?.into();
    let seats = args.i32(2)?.ok_or_else(|| missing(args.name(2)))?;
    let request = SetSeats { plan, seats, key: name(args, 3)?.into() };
    request.check()?;
    let keyed = Keyed { key: &request.key, request: request.request() };
    let written =
        write(
            account,
            Some(keyed),
            Extent::All,
            Unknown::Refuse,
            |desk, book| Ok(book.set_seats(&request, desk.zone)),
        )?;
    Ok(answer::receipt(account, &written))
}
