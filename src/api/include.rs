//! `credits_include`.

use super::arguments::{missing, name, not_negative};
use crate::pg::{Args, Output, Result, Spi, sql_function};
use crate::store::definitions::{self, Defined};

sql_function! {
    credits_include(plan: text, feature: text, units: numeric)
        -> table (plan: text, feature: text, units: numeric, version: integer, defined_at: timestamptz,
        defined_by: text), volatile, handler = include
}

fn include(args: &Args) -> Result<Output> {
    let (plan, feature) = (name(args, 0)?, name(args, 1)?);
    let units = args.amount(2)?.ok_or_else(|| missing(args.name(2)))?;
    not_negative(args.name(2), units)?;
    let spi = Spi::connect()?;
    definitions::must_be_defined(&spi, plan)?;
    let Defined { definition, version, defined_at, defined_by } =
        definitions::define_included(&spi, plan, feature, units)?;
    Ok(Output::Rows(vec![vec![
        plan.into(),
        feature.into(),
        definition.into(),
        version.into(),
        defined_at.into(),
        defined_by.into(),
    ]]))
}
