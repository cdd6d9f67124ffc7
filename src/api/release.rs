//! `credits_release`.

use super::answer;
use super::arguments::name;
use crate::pg::{Args, Output, Result, Sought, Spi, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use crate::store::fast;
use crate::store::holds::{find, seek};
use credits_domain::book::{Extent, Stop};
use credits_domain::hold::release_key;

sql_function! {
    credits_release(account: text, hold_key: text, idempotency_key: text) -> credits_receipt, volatile, handler = release
}

fn release(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let hold_key = name(args, 1)?;
    let key = release_key(hold_key, name(args, 2)?);
    let keyed = Keyed::of(&key);
    let plain = fast::write(&Spi::connect()?, account, keyed, |book| {
        let Sought::Row((hold, _)) = seek(book, hold_key)? else { return Ok(Err(Stop::NeedMore)) };
        Ok(book.release(hold, hold_key, Some(key.clone())))
    })?;
    let written = match plain {
        Some(written) => written,
        None => write(account, Some(keyed), Extent::Head, Unknown::Refuse, |desk, book| {
            let (hold, _) = find(desk.spi, book, hold_key)?;
            Ok(book.release(hold, hold_key, Some(key.clone())))
        })?,
    };
    Ok(answer::receipt(account, &written))
}
