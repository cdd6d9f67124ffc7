//! `credits_usage_csv`.

use super::arguments::{name, period};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::usage;
use credits_domain::usage_csv;

sql_function! {
    credits_usage_csv(account: text, from_time: timestamptz, to_time: timestamptz) -> setof text, stable, handler = csv
}

fn csv(args: &Args) -> Result<Output> {
    let (account, period) = (name(args, 0)?.to_owned(), period(args, 1)?);
    Ok(Output::Stream(Box::new(move |set| {
        set.add(&[usage_csv::header().into()])?;
        usage::for_each(&account, period, |entry| set.add(&[usage_csv::line(&account, entry).into()]))
    })))
}
