//! `credits_extend_hold`.

use super::answer;
use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use crate::store::holds::find;
use credits_domain::book::Extent;
use credits_domain::hold::{check_expires_in, extend_key};

sql_function! {
    credits_extend_hold(account: text, hold_key: text, idempotency_key: text, expires_in: interval)
        -> credits_receipt, volatile, handler = extend_hold
}

fn extend_hold(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let (hold_key, key) = (name(args, 1)?, name(args, 2)?);
    let expires_in = args.interval(3)?.ok_or_else(|| missing(args.name(3)))?;
    check_expires_in(expires_in)?;
    let key = extend_key(hold_key, key, expires_in);
    let written = write(account, Some(Keyed::of(&key)), Extent::Head, Unknown::Refuse, |desk, book| {
        let (hold, _) = find(desk.spi, book, hold_key)?;
        Ok(book.extend_hold(hold, hold_key, key.clone(), expires_in, desk.zone))
    })?;
    Ok(answer::receipt(account, &written))
}
