//! `credits_set_alert`.

use super::arguments::name;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Unknown, Written, write};
use credits_domain::alert::{AlertRow, Condition};
use credits_domain::book::Extent;

sql_function! {
    credits_set_alert(account: text, alert: text, below: numeric, used_percent: numeric, only_if_on_pace: boolean,
        enabled: boolean)
        -> table (account: text, alert: text, below: numeric, used_percent: numeric, only_if_on_pace: boolean,
        enabled: boolean, fired_at: timestamptz), volatile, handler = set_alert
}

fn set_alert(args: &Args) -> Result<Output> {
    let (account, alert) = (name(args, 0)?, name(args, 1)?);
    let only_if_on_pace = args.bool(4)?.unwrap_or(false);
    let condition = Condition { below: args.amount(2)?, used_percent: args.amount(3)?, only_if_on_pace };
    let row = AlertRow::new(alert, condition, args.bool(5)?.unwrap_or(true))?;
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |_, book| Ok(book.set_alert(&row)))?;
    let Written::Done((), book) = written else { return Ok(Output::Rows(Vec::new())) };
    let fired_at = book.alerts.iter().flatten().find(|own| own.row.alert == alert).and_then(|own| own.fired_at);
    Ok(Output::Rows(vec![vec![
        account.into(),
        alert.into(),
        row.condition.below.into(),
        row.condition.used_percent.into(),
        row.condition.only_if_on_pace.into(),
        row.enabled.into(),
        fired_at.into(),
    ]]))
}
