//! `credits_define_plan`.

use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, Spi, Value, sql_function};
use crate::store::definitions::{self, Defined};
use credits_domain::amount::Amount;
use credits_domain::plan::Plan;

sql_function! {
    credits_define_plan(plan: text, allowance: numeric, per_seat: boolean, seat_cap: integer, rank: integer,
        trial: boolean, trial_period: interval, purchases: boolean, rollover_percent: numeric, rollover_max: numeric,
        rollover_cycles: integer, metadata: jsonb)
        -> table (plan: text, allowance: numeric, per_seat: boolean, seat_cap: integer, rank: integer, trial: boolean,
        trial_period: interval, purchases: boolean, rollover_percent: numeric, rollover_max: numeric,
        rollover_cycles: integer, metadata: jsonb, included: jsonb, version: integer, defined_at: timestamptz,
        defined_by: text), volatile, handler = define_plan
}

fn define_plan(args: &Args) -> Result<Output> {
    let plan_name = name(args, 0)?;
    let plan = Plan {
        allowance: args.amount(1)?.ok_or_else(|| missing(args.name(1)))?,
        per_seat: args.bool(2)?.unwrap_or(false),
        seat_cap: args.i32(3)?,
        rank: args.i32(4)?.unwrap_or(0),
        trial: args.bool(5)?.unwrap_or(false),
        trial_period: args.interval(6)?,
        purchases: args.bool(7)?.unwrap_or(true),
        rollover_percent: args.amount(8)?.unwrap_or(Amount::ZERO),
        rollover_max: args.amount(9)?,
        rollover_cycles: args.i32(10)?.unwrap_or(1),
        metadata: args.json(11)?,
    };
    plan.check()?;
    let spi = Spi::connect()?;
    let Defined { definition: plan, version, defined_at, defined_by } =
        definitions::define_plan(&spi, plan_name, plan)?;
    Ok(Output::Rows(vec![vec![
        plan_name.into(),
        plan.allowance.into(),
        plan.per_seat.into(),
        plan.seat_cap.into(),
        plan.rank.into(),
        plan.trial.into(),
        plan.trial_period.map_or(Value::Null, Value::Interval),
        plan.purchases.into(),
        plan.rollover_percent.into(),
        plan.rollover_max.into(),
        plan.rollover_cycles.into(),
        plan.metadata.map_or(Value::Null, Value::Json),
        Value::Json(definitions::plan_includes(&spi, plan_name)?),
        version.into(),
        defined_at.into(),
        defined_by.into(),
    ]]))
}
