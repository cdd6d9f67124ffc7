//! `credits_define_rate`.

use super::arguments::name;
use crate::pg::{Args, Output, Result, Spi, sql_function};
use crate::store::definitions::{self, DefinedRate};
use credits_domain::amount::Amount;
use credits_domain::error::Error;
use credits_domain::rate::{Rate, RateModel};

sql_function! {
    credits_define_rate(feature: text, credits: numeric, per_units: numeric, model: text, free: boolean,
        effective_at: timestamptz)
        -> table (feature: text, credits: numeric, per_units: numeric, model: text, free: boolean,
        effective_at: timestamptz, effective_until: timestamptz, in_force: boolean, version: integer,
        defined_at: timestamptz, defined_by: text), volatile, handler = define_rate
}

fn define_rate(args: &Args) -> Result<Output> {
    let feature = name(args, 0)?;
    let per_units = args.amount(2)?.unwrap_or(Amount::from_credits(1));
    let model = args.text(3)?.map_or(Ok(RateModel::PerUnit), RateModel::parse)?;
    let rate = Rate::new(args.amount(1)?, per_units, model, args.bool(4)?.unwrap_or(false))?;
    let effective_at = args.time(5)?;
    if let Some(at) = effective_at.filter(|at| !at.is_finite()) {
        return Err(Error::argument("effective_at", at, "effective_at must be a finite time").into());
    }
    let spi = Spi::connect()?;
    let DefinedRate { effective_at, effective_until, in_force, defined } =
        definitions::define_rate(&spi, feature, rate, effective_at)?;
    let rate = defined.definition;
    Ok(Output::Rows(vec![vec![
        feature.into(),
        rate.credits.into(),
        rate.per_units.into(),
        rate.model.name().into(),
        rate.free.into(),
        effective_at.into(),
        effective_until.into(),
        in_force.into(),
        defined.version.into(),
        defined.defined_at.into(),
        defined.defined_by.into(),
    ]]))
}
