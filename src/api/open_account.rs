//! `credits_open_account`.

use super::answer;
use super::arguments::{dimensions, name};
use crate::pg::{Args, Output, Result, ServerZone, session, sql_function};
use crate::store::book::{Unknown, write};
use crate::store::lookup;
use credits_domain::account::{DebtPolicy, Settings};
use credits_domain::book::Extent;
use credits_domain::lifecycle::Opening;

sql_function! {
    credits_open_account(account: text, allowance: numeric, cycle_length: interval, anchor: timestamptz,
        time_zone: text, rollover_percent: numeric, rollover_max: numeric, overdraft_limit: numeric,
        debt_policy: text, metadata: jsonb) -> credits_account_balance, volatile, handler = open_account
}

fn open_account(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let opening = opening(args)?;
    // The zone is looked up once, here, so that a wrong name is LC005 whatever the account's state.
    let zone = ServerZone::new(&opening.settings.time_zone)?;
    let written = write(account, None, Extent::Prefix, Unknown::Leave, |desk, book| {
        let mut opening = opening.clone();
        if !opening.anchor_given {
            opening.settings.anchor = book.now();
        }
        if book.account.entry == 0 {
            return Ok(book.open(opening, false, &zone));
        }
        let description = lookup::description(desk.spi, account)?;
        Ok(book.open_again(opening, &description.opened_with, &zone))
    })?;
    answer::written_balance(written)
}

/// What was passed, with the defaults for what was not.
fn opening(args: &Args) -> Result<Opening> {
    let defaults = Settings::defaults(session::clock()?.0);
    let anchor = args.time(3)?;
    let settings = Settings {
        allowance: args.amount(1)?.unwrap_or(defaults.allowance),
        cycle_length: args.interval(2)?.unwrap_or(defaults.cycle_length),
        anchor: anchor.unwrap_or(defaults.anchor),
        time_zone: args.text(4)?.map_or(defaults.time_zone, Into::into),
        rollover_percent: args.amount(5)?.unwrap_or(defaults.rollover_percent),
        rollover_max: args.amount(6)?,
        overdraft_limit: args.amount(7)?.unwrap_or(defaults.overdraft_limit),
        debt_policy: args.text(8)?.map_or(Ok(defaults.debt_policy), DebtPolicy::parse)?,
    };
    settings.check()?;
    let metadata = dimensions(None, None, None, args.json(9)?)?;
    Ok(Opening { settings, anchor_given: anchor.is_some(), metadata })
}
