//! `credits_statement`.

use super::arguments::{name, period};
use crate::pg::{Args, Output, Result, Value, sql_function};
use crate::store::statement;
use credits_domain::statement::Standing;
use credits_domain::time::Timestamp;

sql_function! {
    credits_statement(account: text, from_time: timestamptz, to_time: timestamptz)
        -> table (line: text, operation: text, kind: text, feature: text, operations: bigint, quantity: numeric,
            amount: numeric, allowance: numeric, credits: numeric, held: numeric, debt: numeric, balance: numeric,
            entry: bigint, as_of: timestamptz), stable, handler = statement
}

fn statement(args: &Args) -> Result<Output> {
    let (account, period) = (name(args, 0)?, period(args, 1)?);
    let (statement, [from, to]) = statement::statement(account, period)?;
    let mut rows = vec![end("opening", statement.opening, from)];
    rows.extend(statement.lines()?.into_iter().map(|(subject, movements)| {
        vec![
            "movement".into(),
            subject.operation.name().into(),
            subject.kind.map(|kind| kind.name()).into(),
            subject.feature.as_deref().into(),
            movements.operations.into(),
            movements.quantity.into(),
            movements.amount().into(),
            movements.allowance.into(),
            movements.credits.into(),
            movements.held.into(),
            movements.debt.into(),
            Value::Null,
            Value::Null,
            Value::Null,
        ]
    }));
    rows.push(end("closing", statement.closing, to));
    Ok(Output::Rows(rows))
}

/// The line at either end of the period.
fn end(line: &str, standing: Standing, as_of: Timestamp) -> Vec<Value> {
    let balances = standing.balances;
    vec![
        line.into(),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        balances.balance().into(),
        balances.allowance.into(),
        balances.credits.into(),
        balances.held.into(),
        balances.debt.into(),
        balances.balance().into(),
        standing.entry.into(),
        as_of.into(),
    ]
}
