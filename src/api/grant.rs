//! `credits_grant`.

use super::answer;
use super::arguments::{dimensions, name, optional_name, positive, positive_amount, texts};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Desk, Keyed, Unknown, write};
use crate::store::lookup;
use credits_domain::amount::Amount;
use credits_domain::book::{Book, Extent, Outcome};
use credits_domain::error::{Code, Error, Result as Checked};
use credits_domain::grant::{Grant, GrantExpiry};
use credits_domain::lot::{LotKind, Price};
use credits_domain::name::{check_currency, check_features};
use credits_domain::receipt::Receipt;
use credits_domain::time::{Interval, Timestamp};

sql_function! {
    credits_grant(account: text, amount: numeric, idempotency_key: text, kind: text, expires_at: timestamptz,
        expires_in: interval, expires_after_cycles: integer, effective_at: timestamptz, priority: integer,
        features: text[], price: numeric, currency: text, payment_ref: text, metadata: jsonb)
        -> credits_receipt, volatile, handler = grant
}

fn grant(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let grant = Grant {
        amount: positive_amount(args, 1)?,
        key: name(args, 2)?.into(),
        kind: kind(args.text(3)?.unwrap_or("purchase"))?,
        expiry: expiry(args.time(4)?, args.interval(5)?, args.i32(6)?)?,
        effective_at: args.time(7)?,
        priority: args.i32(8)?,
        features: if args.is_null(9) { Vec::new() } else { check_features(texts(args, 9)?)? },
        price: price(args.amount(10)?, args.text(11)?)?,
        payment_ref: optional_name(args, 12)?.map(Into::into),
        dimensions: dimensions(None, None, None, args.json(13)?)?,
    };
    grant.check()?;
    let keyed = Keyed { key: &grant.key, request: grant.request() };
    let written = write(account, Some(keyed), Extent::Prefix, Unknown::Open, |desk, book| make(desk, book, &grant))?;
    Ok(answer::receipt(account, &written))
}

/// Makes the lot, unless its payment was credited before.
pub fn make(desk: &Desk, book: &mut Book, grant: &Grant) -> Result<Outcome<Receipt>> {
    let made = book.grant(grant.clone(), desk.zone);
    // Asked for after the grant's own refusals, of which LC011 comes first.
    if made.is_ok()
        && let Some(payment) = &grant.payment_ref
    {
        must_be_new(desk, book, payment)?;
    }
    Ok(made)
}

/// LC009 where the payment was credited to the account before.
pub fn must_be_new(desk: &Desk, book: &Book, payment_ref: &str) -> Result<()> {
    match lookup::find_payment(desk.spi, &book.account.account, payment_ref)? {
        None => Ok(()),
        Some(entry) => Err(Error::new(Code::DuplicatePayment, format!("payment {payment_ref:?} was credited before"))
            .detail(format!("entry={entry}"))
            .into()),
    }
}

/// LC005 for a kind that is none.
pub fn kind(name: &str) -> Checked<LotKind> {
    LotKind::parse(name).ok_or_else(|| {
        Error::argument("kind", name, "kind is none of purchase, promo, welcome, trial, bonus, adjustment")
    })
}

fn expiry(at: Option<Timestamp>, within: Option<Interval>, cycles: Option<i32>) -> Checked<GrantExpiry> {
    match (at, within, cycles) {
        (None, None, None) => Ok(GrantExpiry::Never),
        (Some(at), None, None) => Ok(GrantExpiry::At(at)),
        (None, Some(interval), None) => Ok(GrantExpiry::In(interval)),
        (None, None, Some(cycles)) => Ok(GrantExpiry::AfterCycles(cycles)),
        _ => Err(Error::argument(
            "expires_at",
            "given with another expiry",
            "at most one of expires_at, expires_in and expires_after_cycles can be given",
        )),
    }
}

fn price(amount: Option<Amount>, currency: Option<&str>) -> Checked<Option<Price>> {
    match (amount, currency) {
        (None, None) => Ok(None),
        (Some(amount), Some(currency)) => {
            check_currency(currency)?;
            Ok(Some(Price { amount: positive("price", amount)?, currency: currency.into() }))
        }
        (Some(_), None) => Err(Error::argument("currency", "NULL", "price needs a currency")),
        (None, Some(_)) => Err(Error::argument("price", "NULL", "currency needs a price")),
    }
}
