//! `credits_set_feature`.

use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, Value, sql_function};
use crate::store::book::{Unknown, Written, write};
use crate::store::lookup::Sight;
use crate::store::terms;
use credits_domain::book::Extent;

sql_function! {
    credits_set_feature(account: text, feature: text, enabled: boolean)
        -> table (account: text, feature: text, enabled: boolean, changed_at: timestamptz), volatile, handler = set_feature
}

fn set_feature(args: &Args) -> Result<Output> {
    let (account, feature) = (name(args, 0)?, name(args, 1)?);
    let enabled = args.bool(2)?.ok_or_else(|| missing(args.name(2)))?;
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |desk, book| {
        let current = terms::switch(desk.spi, Sight::Newest, account, feature)?;
        Ok(book.set_feature(feature, enabled, current))
    })?;
    let changed_at = match written {
        Written::Done(Some(switch), _) => switch.changed_at.into(),
        _ => Value::Null,
    };
    Ok(Output::Rows(vec![vec![account.into(), feature.into(), enabled.into(), changed_at]]))
}
