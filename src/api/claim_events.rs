//! `credits_claim_events` and `credits_ack_event`.

use super::arguments::{missing, name};
use crate::pg::{Args, Output, Result, Value, sql_function};
use crate::store::events;
use credits_domain::error::Error;
use credits_domain::time::Interval;

sql_function! {
    credits_claim_events(max_events: integer, lease: interval)
        -> table (account: text, event: bigint, type: text, payload: jsonb, entry: bigint, occurred_at: timestamptz,
        acknowledged_at: timestamptz, leased_until: timestamptz), volatile, handler = claim_events
}

const MINUTE: Interval = Interval { months: 0, days: 0, micros: 60_000_000 };

fn claim_events(args: &Args) -> Result<Output> {
    let max_events = args.i32(0)?.unwrap_or(100);
    if max_events < 1 {
        return Err(Error::argument("max_events", max_events, "max_events must be at least 1").into());
    }
    let claimed = events::claim(i64::from(max_events), args.interval(1)?.unwrap_or(MINUTE))?;
    let row = |claimed: events::Delivery| {
        vec![
            claimed.account.into(),
            claimed.event.event.into(),
            Value::Text(claimed.event.event_type.name().into_owned()),
            Value::Json(claimed.event.payload.to_string()),
            claimed.event.entry.into(),
            claimed.event.occurred_at.into(),
            claimed.acknowledged_at.into(),
            claimed.leased_until.into(),
        ]
    };
    Ok(Output::Rows(claimed.into_iter().map(row).collect()))
}

sql_function! {
    credits_ack_event(account: text, event: bigint) -> boolean, volatile, handler = ack_event, signature = ACK
}

fn ack_event(args: &Args) -> Result<Output> {
    let account = name(args, 0)?;
    let event = args.i64(1)?.ok_or_else(|| missing(args.name(1)))?;
    Ok(Output::Value(events::acknowledge(account, event)?.into()))
}
