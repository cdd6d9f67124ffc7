//! `credits_set_budget`.

use super::arguments::{name, not_negative, optional_name};
use crate::pg::{Args, Output, Result, Value, sql_function};
use crate::store::book::{Unknown, Written, write};
use crate::store::set_budget as store;
use credits_domain::book::Extent;
use credits_domain::budget::{Period, SetBudget};

sql_function! {
    credits_set_budget(account: text, budget_limit: numeric, period: text, actor: text, feature: text)
        -> table (account: text, budget_limit: numeric, period: text, actor: text, feature: text, used: numeric,
        remaining: numeric, used_by: text, period_start: timestamptz, period_end: timestamptz), volatile, handler = set_budget
}

fn set_budget(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let request = SetBudget {
        limit: args.amount(1)?,
        period: args.text(2)?.map_or(Ok(Period::Cycle), Period::parse)?,
        actor: optional_name(args, 3)?.map(Into::into),
        feature: optional_name(args, 4)?.map(Into::into),
    };
    if let Some(limit) = request.limit {
        not_negative(args.name(1), limit)?;
    }
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |desk, book| store::set(desk, book, &request))?;
    let Written::Done(budget, _) = written else { return Ok(Output::Rows(Vec::new())) };
    let limit = request.limit;
    let remaining = limit.map(|limit| (limit - budget.used).or_zero());
    Ok(Output::Rows(vec![vec![
        account.into(),
        limit.into(),
        request.period.name().into(),
        request.actor.as_deref().into(),
        request.feature.as_deref().into(),
        limit.map(|_| budget.used).into(),
        remaining.into(),
        Value::Null,
        budget.span.start.into(),
        budget.ends_at.into(),
    ]]))
}
