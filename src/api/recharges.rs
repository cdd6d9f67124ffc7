//! `credits_claim_recharges`, `credits_complete_recharge`, `credits_fail_recharge`.

use super::answer;
use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, sql_function};
use crate::store::book::{Unknown, Written, write};
use crate::store::recharges;
use credits_domain::book::Extent;
use credits_domain::error::Error;
use credits_domain::recharge::Failure;
use credits_domain::time::Interval;

sql_function! {
    credits_claim_recharges(max_requests: integer, lease: interval)
        -> table (account: text, recharge: bigint, attempt: integer, pack: text, quantity: integer, credits: numeric,
        price: numeric, currency: text, payment_method: text, payment_idempotency_key: text), volatile, handler = claim_recharges, signature = CLAIM
}

const FIVE_MINUTES: Interval = Interval { months: 0, days: 0, micros: 300_000_000 };

fn claim_recharges(args: &Args) -> Result<Output> {
    let max_requests = args.i32(0)?.unwrap_or(10);
    if max_requests < 1 {
        return Err(Error::argument("max_requests", max_requests, "max_requests must be at least 1").into());
    }
    let claimed = recharges::claim(i64::from(max_requests), args.interval(1)?.unwrap_or(FIVE_MINUTES))?;
    let row = |claimed: recharges::Claimed| {
        let recharge = claimed.recharge;
        vec![
            claimed.account.into(),
            recharge.recharge.into(),
            recharge.attempts.into(),
            recharge.pack.into(),
            recharge.quantity.into(),
            recharge.credits.into(),
            recharge.price.amount.into(),
            recharge.price.currency.into(),
            recharge.payment_method.into(),
            recharge.payment_key.into(),
        ]
    };
    Ok(Output::Rows(claimed.into_iter().map(row).collect()))
}

sql_function! {
    credits_complete_recharge(account: text, recharge: bigint, payment_ref: text)
        -> credits_receipt, volatile, handler = complete_recharge, signature = COMPLETE
}

fn complete_recharge(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let recharge = args.i64(1)?.ok_or_else(|| missing(args.name(1)))?;
    let payment_ref = name(args, 2)?;
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |desk, book| {
        recharges::complete(desk.spi, desk.zone, book, recharge, payment_ref)
    })?;
    Ok(answer::receipt(account, &written))
}

sql_function! {
    credits_fail_recharge(account: text, recharge: bigint, attempt: integer, code: text, message: text,
        suspend: boolean)
        -> table (account: text, recharge: bigint, status: text, quantity: integer, credits: numeric, price: numeric,
        currency: text, attempts: integer, last_error_code: text, last_error: text, next_attempt_at: timestamptz,
        payment_ref: text, requested_at: timestamptz, settled_at: timestamptz, pack: text, payment_method: text,
        payment_idempotency_key: text, entry: bigint), volatile, handler = fail_recharge, signature = FAIL
}

fn fail_recharge(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let number = args.i64(1)?.ok_or_else(|| missing(args.name(1)))?;
    let attempt = args.i32(2)?.ok_or_else(|| missing(args.name(2)))?;
    let code = name(args, 3)?.to_string();
    let message = args.text(4)?.ok_or_else(|| missing(args.name(4)))?.to_string();
    let failure = Failure { code, message };
    let suspend = args.bool(5)?.unwrap_or(false);
    let written = write(account, None, Extent::Head, Unknown::Refuse, |desk, book| {
        recharges::load(desk.spi, book, number)?;
        Ok(book.fail_recharge(number, attempt, failure.clone(), suspend))
    })?;
    let Written::Done(recharge, _) = written else { return Ok(Output::Rows(Vec::new())) };
    Ok(Output::Rows(vec![vec![
        account.into(),
        recharge.recharge.into(),
        recharge.status.name().into(),
        recharge.quantity.into(),
        recharge.credits.into(),
        recharge.price.amount.into(),
        recharge.price.currency.into(),
        recharge.attempts.into(),
        recharge.last_error.as_ref().map(|error| error.code.as_str()).into(),
        recharge.last_error.as_ref().map(|error| error.message.as_str()).into(),
        recharge.due_at.into(),
        recharge.payment_ref.into(),
        recharge.requested_at.into(),
        recharge.settled_at.into(),
        recharge.pack.into(),
        recharge.payment_method.into(),
        recharge.payment_key.into(),
        recharge.credited_by.into(),
    ]]))
}
