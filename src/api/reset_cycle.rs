//! `credits_reset_cycle`.

use super::answer;
use super::arguments::{name, optional_name};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Keyed, Unknown, Written, write};
use credits_domain::book::Extent;
use credits_domain::cycle;
use credits_domain::entry::Key;
use credits_domain::error::Error;
use credits_domain::lifecycle::Detail;

sql_function! {
    credits_reset_cycle(account: text, idempotency_key: text, starts_at: timestamptz) -> credits_cycle_result, volatile, handler = reset_cycle
}

fn reset_cycle(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let key = optional_name(args, 1)?;
    let starts_at = args.time(2)?;
    let request = cycle::reset_request(starts_at);
    let keyed = key.map(|key| Keyed { key, request });
    let written = write(account, keyed, Extent::Prefix, Unknown::Refuse, |desk, book| {
        Ok(book.reset(key.map(|key| Key { key: key.into(), request }), starts_at, desk.zone))
    })?;
    match written {
        Written::Done(result, _) => Ok(answer::cycle_result(account, &result, false)),
        Written::Replayed(entry) => {
            let detail = Detail::from_json(entry.detail.as_deref().unwrap_or_default())?;
            let result = detail.result.ok_or_else(|| Error::invalid("the reset's result is missing"))?;
            Ok(answer::cycle_result(account, &result, true))
        }
    }
}
