//! `credits_subscribe`.

use super::answer;
use super::arguments::name;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use crate::store::definitions::learn_plan;
use credits_domain::book::Extent;
use credits_domain::subscribe::Subscribe;

sql_function! {
    credits_subscribe(account: text, plan: text, idempotency_key: text, seats: integer, anchor: timestamptz)
        -> credits_receipt, volatile, handler = subscribe
}

fn subscribe(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let request = Subscribe {
        plan: name(args, 1)?.into(),
        key: name(args, 2)?.into(),
        seats: args.i32(3)?.unwrap_or(1),
        anchor: args.time(4)?,
    };
    request.check()?;
    let keyed = Keyed { key: &request.key, request: request.request() };
    let written = write(account, Some(keyed), Extent::All, Unknown::Refuse, |desk, book| {
        learn_plan(desk.spi, book, &request.plan)?;
        Ok(book.subscribe(&request, desk.zone))
    })?;
    Ok(answer::receipt(account, &written))
}
