//! `credits_redact`.

use super::answer;
use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Unknown, write};
use crate::store::lookup::{self, Sight};
use crate::store::persist;
use credits_domain::book::Extent;
use credits_domain::chain::personal_digest;
use credits_domain::entry::Operation;
use credits_domain::error::{Code, Error};
use credits_domain::receipt::Receipt;

sql_function! {
    credits_redact(account: text, entry: bigint) -> credits_receipt, volatile, handler = redact
}

fn redact(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let number = args.i64(1)?.ok_or_else(|| missing("entry"))?;
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |desk, book| {
        let Some(entry) = lookup::entry(desk.spi, Sight::Newest, account, number)? else {
            return Err(Error::new(Code::NotFound, format!("account {account:?} has no entry {number}"))
                .detail(format!("entry={number} newest={}", book.account.entry))
                .into());
        };
        if !entry.dimensions.is_personal() {
            // Nothing to erase, or erased before.
            return Ok(Ok(Receipt { refers_to: Some(number), ..Receipt::nothing(book, Operation::Redact) }));
        }
        persist::erase(desk.spi, account, number, personal_digest(&entry.dimensions))?;
        Ok(Ok(book.redact(number)))
    })?;
    Ok(answer::receipt(account, &written))
}
