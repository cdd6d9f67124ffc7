//! `credits_freeze_account` and `credits_unfreeze_account`.

use super::answer;
use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Unknown, write};
use credits_domain::book::Extent;

sql_function! {
    credits_freeze_account(account: text, reason: text) -> credits_account_balance, volatile, handler = freeze_account
}

fn freeze_account(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let reason = args.text(1)?.ok_or_else(|| missing("reason"))?;
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |desk, book| {
        Ok(book.freeze(reason.to_string(), desk.zone))
    })?;
    answer::written_balance(written)
}

sql_function! {
    credits_unfreeze_account(account: text) -> credits_account_balance, volatile, handler = unfreeze_account, signature = UNFREEZE
}

fn unfreeze_account(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |desk, book| Ok(book.unfreeze(desk.zone)))?;
    answer::written_balance(written)
}
