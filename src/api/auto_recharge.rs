//! `credits_set_auto_recharge` and `credits_resume_auto_recharge`.

use super::arguments::{missing, name, not_negative, optional_name, positive};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Unknown, Written, write};
use crate::store::lookup::Sight;
use crate::store::{packs, recharges};
use credits_domain::book::{Book, Extent};
use credits_domain::recharge::{Measure, RechargeSettings, Trigger};

sql_function! {
    credits_set_auto_recharge(account: text, threshold: numeric, pack: text, trigger: text, measure: text,
        max_packs: integer, monthly_limit: numeric, payment_method: text, enabled: boolean)
        -> table (account: text, threshold: numeric, pack: text, trigger: text, measure: text, max_packs: integer,
        monthly_limit: numeric, payment_method: text, enabled: boolean, status: text, failures: integer,
        last_error_code: text, last_error: text), volatile, handler = set_auto_recharge
}

fn set_auto_recharge(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let threshold = args.amount(1)?.ok_or_else(|| missing(args.name(1)))?;
    let settings = RechargeSettings {
        threshold: not_negative(args.name(1), threshold)?,
        pack: name(args, 2)?.into(),
        trigger: args.text(3)?.map_or(Ok(Trigger::Below), Trigger::parse)?,
        measure: args.text(4)?.map_or(Ok(Measure::Available), Measure::parse)?,
        max_packs: args.i32(5)?.unwrap_or(1),
        monthly_limit: args.amount(6)?.map(|limit| positive(args.name(6), limit)).transpose()?,
        payment_method: optional_name(args, 7)?.map(Into::into),
        enabled: args.bool(8)?.unwrap_or(true),
    };
    settings.check()?;
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |desk, book| {
        book.must_not_be_closed()?;
        let pack = packs::pack(desk.spi, Sight::Newest, &settings.pack, book.now())?;
        recharges::load(desk.spi, book, 0)?;
        Ok(book.set_auto_recharge(settings.clone(), &pack).map(drop))
    })?;
    Ok(row(written))
}

sql_function! {
    credits_resume_auto_recharge(account: text)
        -> table (account: text, threshold: numeric, pack: text, trigger: text, measure: text, max_packs: integer,
        monthly_limit: numeric, payment_method: text, enabled: boolean, status: text, failures: integer,
        last_error_code: text, last_error: text), volatile, handler = resume_auto_recharge, signature = RESUME
}

fn resume_auto_recharge(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |desk, book| {
        recharges::load(desk.spi, book, 0)?;
        Ok(book.resume_auto_recharge().map(drop))
    })?;
    Ok(row(written))
}

/// As the view shows it.
fn row(written: Written<()>) -> Output {
    let rows = match &written {
        Written::Done((), book) => of_book(book),
        Written::Replayed(_) => None,
    };
    Output::Rows(rows.into_iter().collect())
}

fn of_book(book: &Book) -> Option<Vec<crate::pg::Value>> {
    let auto = book.auto_recharge.as_ref()?;
    let settings = &auto.settings;
    Some(vec![
        book.account.account.as_str().into(),
        settings.threshold.into(),
        settings.pack.as_str().into(),
        settings.trigger.name().into(),
        settings.measure.name().into(),
        settings.max_packs.into(),
        settings.monthly_limit.into(),
        settings.payment_method.as_deref().into(),
        settings.enabled.into(),
        auto.status().into(),
        auto.failures.into(),
        auto.last_error.as_ref().map(|error| error.code.as_str()).into(),
        auto.last_error.as_ref().map(|error| error.message.as_str()).into(),
    ])
}
