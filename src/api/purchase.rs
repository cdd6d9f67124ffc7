//! `credits_purchase`.

use super::answer;
use super::arguments::{name, positive};
use super::grant::must_be_new;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Keyed, Unknown, write};
use crate::store::lookup::Sight;
use crate::store::packs;
use credits_domain::book::Extent;
use credits_domain::pack::Purchase;

sql_function! {
    credits_purchase(account: text, pack: text, payment_ref: text, idempotency_key: text, price: numeric)
        -> credits_receipt, volatile, handler = purchase
}

fn purchase(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let price = args.amount(4)?.map(|price| positive(args.name(4), price)).transpose()?;
    let purchase = Purchase::new(name(args, 1)?, name(args, 2)?, name(args, 3)?, price);
    let keyed = Keyed::of(&purchase.key);
    let written = write(account, Some(keyed), Extent::Prefix, Unknown::Open, |desk, book| {
        let pack = packs::pack(desk.spi, Sight::Newest, &purchase.pack, book.now())?;
        must_be_new(desk, book, &purchase.payment_ref)?;
        Ok(book.purchase(&purchase, &pack, desk.zone))
    })?;
    Ok(answer::receipt(account, &written))
}
