//! `credits_balance`.

use super::answer;
use super::arguments::name;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::read;

sql_function! {
    credits_balance(account: text) -> credits_account_balance, stable, handler = balance
}

fn balance(args: &Args) -> Result<Output> {
    Ok(answer::account_balance(&read::balance(name(args, 0)?)?))
}
