//! `credits_debit_many`.

use super::answer;
use super::arguments::{names, positive_amounts, same_length};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::batch::{self, Item};
use crate::store::book::{Desk, Keyed};
use crate::store::terms;
use credits_domain::book::{Book, Outcome};
use credits_domain::debit::{Debit, OnInsufficient};
use credits_domain::entry::{Dimensions, Operation};
use credits_domain::name;
use credits_domain::receipt::Receipt;
use credits_domain::time::Timestamp;

sql_function! {
    credits_debit_many(accounts: text[], amounts: numeric[], idempotency_keys: text[],
        features: text[], on_insufficient: text) -> setof credits_receipt, volatile, handler = debit_many
}

struct DebitItem {
    account: String,
    debit: Debit,
}

impl Item for DebitItem {
    fn account(&self) -> &str {
        &self.account
    }

    fn keyed(&self) -> Keyed<'_> {
        Keyed::of(&self.debit.key)
    }

    fn opens(&self) -> bool {
        false
    }

    fn unknown(&self, now: Timestamp) -> Option<Receipt> {
        (self.debit.on_insufficient == OnInsufficient::Refuse)
            .then(|| Receipt::unknown_account(&self.account, Operation::Debit, &self.debit.key.key, now))
    }

    fn operate(&self, desk: &Desk, book: &mut Book) -> Result<Outcome<Receipt>> {
        let terms = terms::of_debit(desk.spi, book, desk.zone, &self.debit.dimensions)?;
        Ok(book.debit(&self.debit, &terms))
    }
}

fn debit_many(args: &Args) -> Result<Output> {
    let accounts = names(args, 0)?;
    let amounts = positive_amounts(args, 1)?;
    let keys = names(args, 2)?;
    let mut lengths = vec![(0, accounts.len()), (1, amounts.len()), (2, keys.len())];
    let features = args.texts(3)?;
    lengths.extend(features.as_ref().map(|features| (3, features.len())));
    same_length(args, &lengths)?;
    let on_insufficient = args.text(4)?.map_or(Ok(OnInsufficient::Refuse), OnInsufficient::parse)?;
    let mut features = features.unwrap_or_default().into_iter();
    let mut items = Vec::with_capacity(accounts.len());
    for ((account, amount), key) in accounts.into_iter().zip(amounts).zip(keys) {
        let feature = features.next().flatten();
        if let Some(feature) = &feature {
            name::check(args.name(3), feature)?;
        }
        let dimensions = Dimensions { feature, ..Dimensions::default() };
        items.push(DebitItem { account, debit: Debit::new(amount, &key, on_insufficient, dimensions) });
    }
    Ok(answer::receipts(&batch::write(&items)?))
}
