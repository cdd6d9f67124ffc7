//! `credits_change_plan`.

use super::answer;
use super::arguments::name;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use crate::store::definitions::learn_plan;
use credits_domain::book::Extent;
use credits_domain::error::Error;
use credits_domain::subscribe::{ChangePlan, TakesEffect};

sql_function! {
    credits_change_plan(account: text, from_plan: text, to_plan: text, idempotency_key: text, takes_effect: text,
        unused_allowance: text) -> credits_receipt, volatile, handler = change_plan
}

fn change_plan(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let request = ChangePlan {
        from: name(args, 1)?.into(),
        to: name(args, 2)?.into(),
        key: name(args, 3)?.into(),
        takes_effect: args.text(4)?.map_or(Ok(TakesEffect::Auto), TakesEffect::parse)?,
        expire_unused: match args.text(5)?.unwrap_or("keep") {
            "keep" => false,
            "expire" => true,
            other => {
                let what = "unused_allowance is none of keep, expire";
                return Err(Error::argument("unused_allowance", other, what).into());
            }
        },
    };
    let keyed = Keyed { key: &request.key, request: request.request() };
    let written = write(account, Some(keyed), Extent::All, Unknown::Refuse, |desk, book| {
        learn_plan(desk.spi, book, &request.to)?;
        Ok(book.change_plan(&request, desk.zone))
    })?;
    Ok(answer::receipt(account, &written))
}
