//! `credits_close_account`.

use super::answer;
use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Unknown, write};
use crate::store::holds;
use credits_domain::book::Extent;

sql_function! {
    credits_close_account(account: text, reason: text) -> credits_account_balance, volatile, handler = close_account
}

fn close_account(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let reason = args.text(1)?.ok_or_else(|| missing("reason"))?;
    let written = write(account, None, Extent::All, Unknown::Refuse, |desk, book| {
        holds::load_open(desk.spi, book)?;
        Ok(book.close(reason.to_string(), desk.zone))
    })?;
    answer::written_balance(written)
}
