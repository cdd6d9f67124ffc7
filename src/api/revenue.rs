//! `credits_revenue`.

use super::arguments::period;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::revenue;

sql_function! {
    credits_revenue(from_time: timestamptz, to_time: timestamptz)
        -> table (currency: text, kind: text, opening_deferred: numeric, sold: numeric, recognised: numeric,
            breakage: numeric, voided: numeric, closing_deferred: numeric), stable, handler = revenue
}

fn revenue(args: &Args) -> Result<Output> {
    let revenue = revenue::revenue(period(args, 0)?)?;
    let rows = revenue.into_iter().map(|((currency, kind), figures)| {
        vec![
            currency.into(),
            kind.name().into(),
            figures.opening_deferred.into(),
            figures.sold.into(),
            figures.recognised.into(),
            figures.breakage.into(),
            figures.voided.into(),
            figures.closing_deferred.into(),
        ]
    });
    Ok(Output::Rows(rows.collect()))
}
