//! `credits_verify`.

use super::arguments::optional_name;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::verify;

sql_function! {
    credits_verify(account: text) -> table (account: text, entry: bigint, problem: text), stable, handler = verify
}

fn verify(args: &Args) -> Result<Output> {
    let found = match optional_name(args, 0)? {
        Some(account) => verify::one(account)?,
        None => verify::all()?,
    };
    let rows = found
        .into_iter()
        .map(|found| vec![found.account.into(), found.problem.entry.into(), found.problem.problem.into()]);
    Ok(Output::Rows(rows.collect()))
}
