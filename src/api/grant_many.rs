//! `credits_grant_many`.

use super::answer;
use super::arguments::{names, positive_amounts, same_length};
use super::grant::kind;
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::batch::{self, Item};
use crate::store::book::{Desk, Keyed};
use credits_domain::book::{Book, Outcome};
use credits_domain::entry::Dimensions;
use credits_domain::grant::{Grant, GrantExpiry};
use credits_domain::receipt::Receipt;
use credits_domain::time::Timestamp;

sql_function! {
    credits_grant_many(accounts: text[], amounts: numeric[], idempotency_keys: text[], kind: text,
        expires_at: timestamptz) -> setof credits_receipt, volatile, handler = grant_many
}

struct GrantItem {
    account: String,
    grant: Grant,
    request: i64,
}

impl Item for GrantItem {
    fn account(&self) -> &str {
        &self.account
    }

    fn keyed(&self) -> Keyed<'_> {
        Keyed { key: &self.grant.key, request: self.request }
    }

    fn opens(&self) -> bool {
        true
    }

    fn unknown(&self, _now: Timestamp) -> Option<Receipt> {
        None
    }

    fn operate(&self, desk: &Desk, book: &mut Book) -> Result<Outcome<Receipt>> {
        Ok(book.grant(self.grant.clone(), desk.zone))
    }
}

fn grant_many(args: &Args) -> Result<Output> {
    let accounts = names(args, 0)?;
    let amounts = positive_amounts(args, 1)?;
    let keys = names(args, 2)?;
    same_length(args, &[(0, accounts.len()), (1, amounts.len()), (2, keys.len())])?;
    let kind = kind(args.text(3)?.unwrap_or("promo"))?;
    let expiry = args.time(4)?.map_or(GrantExpiry::Never, GrantExpiry::At);
    let mut items = Vec::with_capacity(accounts.len());
    for ((account, amount), key) in accounts.into_iter().zip(amounts).zip(keys) {
        let grant = Grant {
            amount,
            key,
            kind,
            expiry,
            effective_at: None,
            priority: None,
            features: Vec::new(),
            price: None,
            payment_ref: None,
            dimensions: Dimensions::default(),
        };
        grant.check()?;
        items.push(GrantItem { account, request: grant.request(), grant });
    }
    Ok(answer::receipts(&batch::write(&items)?))
}
