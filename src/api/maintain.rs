//! `credits_maintain`.

use crate::pg::{Args, Output, Result, sql_function};
use crate::store::batch;
use credits_domain::error::Error;

sql_function! {
    credits_maintain(max_accounts: integer) -> integer, volatile, handler = maintain
}

fn maintain(args: &Args) -> Result<Output> {
    let max_accounts = args.i32(0)?.unwrap_or(1000);
    if max_accounts < 1 {
        return Err(Error::invalid("max_accounts must be at least 1")
            .detail(format!("max_accounts={max_accounts}"))
            .into());
    }
    // It cannot be more than max_accounts, which is an i32.
    Ok(Output::Value((batch::maintain(i64::from(max_accounts))? as i32).into()))
}
