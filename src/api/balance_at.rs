//! `credits_balance_at`.

use super::answer;
use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::read;

sql_function! {
    credits_balance_at(account: text, at: timestamptz) -> credits_account_balance, stable, handler = balance_at
}

fn balance_at(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let at = args.time(1)?.ok_or_else(|| missing("at"))?;
    Ok(answer::account_balance(&read::balance_at(account, at)?))
}
