//! `credits_unsubscribe`.

use super::answer;
use super::arguments::name;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use credits_domain::book::Extent;
use credits_domain::error::Error;
use credits_domain::subscribe::Unsubscribe;

sql_function! {
    credits_unsubscribe(account: text, plan: text, idempotency_key: text, takes_effect: text)
        -> credits_receipt, volatile, handler = unsubscribe
}

fn unsubscribe(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let request = Unsubscribe {
        plan: name(args, 1)?.into(),
        key: name(args, 2)?.into(),
        now: match args.text(3)?.unwrap_or("next_cycle") {
            "next_cycle" => false,
            "now" => true,
            other => {
                return Err(Error::argument("takes_effect", other, "takes_effect is none of now, next_cycle").into());
            }
        },
    };
    let keyed = Keyed { key: &request.key, request: request.request() };
    let written = write(account, Some(keyed), Extent::All, Unknown::Refuse, |desk, book| {
        Ok(book.unsubscribe(&request, desk.zone))
    })?;
    Ok(answer::receipt(account, &written))
}
