//! `credits_configure_account`.

use super::answer;
use super::arguments::{dimensions, name, texts};
use crate::pg::{Args, Output, Result, ServerZone, session, sql_function};
use crate::store::book::{Unknown, write};
use crate::store::lookup;
use credits_domain::account::DebtPolicy;
use credits_domain::book::Extent;
use credits_domain::lifecycle::Changes;
use std::collections::BTreeSet;

sql_function! {
    credits_configure_account(account: text, allowance: numeric, cycle_length: interval, anchor: timestamptz,
        time_zone: text, rollover_percent: numeric, rollover_max: numeric, overdraft_limit: numeric,
        debt_policy: text, metadata: jsonb, clear: text[]) -> credits_account_balance, volatile, handler = configure_account
}

fn configure_account(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let mut changes = Changes {
        allowance: args.amount(1)?,
        cycle_length: args.interval(2)?,
        anchor: args.time(3)?,
        time_zone: args.text(4)?.map(Into::into),
        rollover_percent: args.amount(5)?,
        rollover_max: args.amount(6)?.map(Some),
        overdraft_limit: args.amount(7)?,
        debt_policy: args.text(8)?.map(DebtPolicy::parse).transpose()?,
        metadata: match args.json(9)? {
            Some(json) => Some(dimensions(None, None, None, Some(json))?),
            None => None,
        },
    };
    if !args.is_null(10) {
        let now = session::clock()?.0;
        for setting in texts(args, 10)?.into_iter().collect::<BTreeSet<_>>() {
            changes.clear(&setting, now)?;
        }
    }
    changes.check()?;
    if let Some(zone) = &changes.time_zone {
        ServerZone::new(zone)?;
    }
    let written = write(account, None, Extent::Prefix, Unknown::Refuse, |desk, book| {
        let description = lookup::description(desk.spi, account)?;
        let new_zone = ServerZone::new(changes.time_zone.as_ref().unwrap_or(&book.account.settings.time_zone))?;
        Ok(book.configure(changes.clone(), description, desk.zone, &new_zone))
    })?;
    answer::written_balance(written)
}
