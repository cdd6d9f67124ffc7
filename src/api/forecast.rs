//! `credits_forecast`.

use super::arguments::name;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::forecast as store;

sql_function! {
    credits_forecast(account: text) -> table (account: text, state: text, used: numeric, used_percent: numeric,
        burn_per_day: numeric, runs_out_at: timestamptz, cycle_end: timestamptz, on_pace: boolean), stable, handler = forecast
}

fn forecast(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let (state, standing) = store::forecast(account)?;
    Ok(Output::Rows(vec![vec![
        account.into(),
        state.name().into(),
        standing.used.into(),
        standing.used_percent().into(),
        standing.burn_per_day().into(),
        standing.runs_out_at().into(),
        standing.cycle_end.into(),
        standing.on_pace().into(),
    ]]))
}
