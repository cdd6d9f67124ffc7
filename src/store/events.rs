//! Events: handed out under a lease, gone once they are acknowledged.

use super::lookup::unknown_account;
use super::persist;
use super::rows::{self, event_columns};
use crate::pg::{Columns, Result, Spi, Statement, Type, Value, session};
use credits_domain::error::{Code, Error};
use credits_domain::event::Event;
use credits_domain::time::{Interval, Timestamp, Utc, Zone};

/// An event that is waiting or was acknowledged.
pub struct Delivery {
    pub account: String,
    pub event: Event,
    pub leased_until: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
}

// Who has some of their events leased by somebody. A consumer has few; what waits may be many.
static BUSY: Statement = Statement::new(
    "SELECT DISTINCT account FROM credits_ledger.events WHERE leased_until > $1 AND acknowledged_at IS NULL",
    &[Type::Time],
);

// The oldest waiting event of an account stands for all of them: only who has locked it may be given any. So those of
// one account are never with two consumers at once.
static LOCK_OLDEST: Statement = Statement::new(
    "SELECT e.account, e.occurred_at FROM credits_ledger.events e \
     WHERE e.acknowledged_at IS NULL AND (e.leased_until IS NULL OR e.leased_until <= $1) \
       AND e.account <> ALL ($2) AND e.occurred_at >= $3 AND e.occurred_at < $4 \
       AND NOT EXISTS (SELECT FROM credits_ledger.events p \
                       WHERE p.account = e.account AND p.event < e.event AND p.acknowledged_at IS NULL) \
     ORDER BY e.occurred_at LIMIT 1 FOR NO KEY UPDATE OF e SKIP LOCKED",
    &[Type::Time, Type::Texts, Type::Time, Type::Time],
);

/// The first waiting events of an account. Where the clock was set back meanwhile, one counts as no older than those before
/// it, so that nobody gets them in another order than their own.
macro_rules! oldest_of_account {
    () => {
        "SELECT w.account, w.event, max(w.occurred_at) OVER (ORDER BY w.event) AS since \
         FROM credits_ledger.events w WHERE w.account = l.account AND w.acknowledged_at IS NULL \
         ORDER BY w.event LIMIT $2"
    };
}

// How many events wait of these accounts, up to so many, and when the last of them occurred.
static WAITING: Statement = Statement::new(
    concat!(
        "SELECT count(*), max(o.since) FROM (SELECT w.since FROM unnest($1) l (account) CROSS JOIN LATERAL (",
        oldest_of_account!(),
        ") w ORDER BY w.since LIMIT $2) o"
    ),
    &[Type::Texts, Type::I64],
);

static LEASE: Statement = Statement::new(
    concat!(
        "UPDATE credits_ledger.events e SET leased_until = $3 \
         FROM (SELECT w.account, w.event, w.since FROM unnest($1) l (account) CROSS JOIN LATERAL (",
        oldest_of_account!(),
        ") w ORDER BY w.since, w.account, w.event LIMIT $2) n \
         WHERE e.account = n.account AND e.event = n.event AND e.acknowledged_at IS NULL RETURNING ",
        "e.account, e.event, e.type, e.payload, e.entry, e.occurred_at, e.leased_until, e.acknowledged_at, n.since"
    ),
    &[Type::Texts, Type::I64, Type::Time],
);

static ACKNOWLEDGE: Statement = Statement::new(
    "UPDATE credits_ledger.events SET acknowledged_at = $3, leased_until = NULL \
     WHERE account = $1 AND event = $2 AND acknowledged_at IS NULL",
    &[Type::Text, Type::I64, Type::Time],
);

static FIND: Statement =
    Statement::new("SELECT FROM credits_ledger.events WHERE account = $1 AND event = $2", &[Type::Text, Type::I64]);

static EVENTS: Statement = Statement::new(
    concat!("SELECT ", event_columns!(), " FROM credits_ledger.events WHERE account = $1 ORDER BY event"),
    &[Type::Text],
);

// Empty: whoever listens learns that there is something to fetch, and of nobody.
static NOTIFY: Statement = Statement::new("SELECT pg_catalog.pg_notify('credits_ledger', '')", &[]);

fn delivery(row: &Columns) -> Result<Delivery> {
    Ok(Delivery {
        account: row.text(0)?.into(),
        event: rows::event(row)?,
        leased_until: row.opt_time(6)?,
        acknowledged_at: row.opt_time(7)?,
    })
}

/// When a lease that begins now ends; LC005 unless it is from above zero to 31 days long.
pub fn lease_end(argument: &str, now: Timestamp, lease: Interval) -> Result<Timestamp> {
    const LONGEST: Interval = Interval { months: 0, days: 31, micros: 0 };
    let fits = lease.is_positive() && lease.typical_micros() <= LONGEST.typical_micros();
    let end = if fits { Utc.add(now, lease) } else { None };
    Ok(end.ok_or_else(|| {
        Error::argument(argument, lease, format!("{argument} must be above zero and at most 31 days"))
    })?)
}

/// Locks the accounts that the oldest so many waiting events belong to, one after the other: one account may have them
/// all, and then nobody looks through its events for the next account.
fn lock_oldest(spi: &Spi, now: Timestamp, max_events: i64) -> Result<Vec<String>> {
    let mut accounts: Vec<String> = Vec::new();
    // Passed over by their names: their waiting events are not looked at one by one.
    let busy = spi.write(&BUSY, &[now.into()])?;
    let mut others = busy.iter().map(|row| Ok(row.text(0)?.to_string())).collect::<Result<Vec<_>>>()?;
    let (mut from, mut until) = (Timestamp::NEG_INFINITY, Timestamp::INFINITY);
    let mut room = max_events;
    let waiting = |accounts: Vec<String>, most: i64| -> Result<(i64, Timestamp)> {
        let rows = spi.write(&WAITING, &[Value::Texts(accounts), most.into()])?;
        let Some(row) = rows.first() else { return Ok((0, Timestamp::INFINITY)) };
        Ok((row.i64(0)?, row.opt_time(1)?.unwrap_or(Timestamp::INFINITY)))
    };
    loop {
        let values = [now.into(), Value::Texts(others.clone()), from.into(), until.into()];
        let rows = spi.write(&LOCK_OLDEST, &values)?;
        let Some(row) = rows.first() else { return Ok(accounts) };
        let account = row.text(0)?.to_string();
        from = row.time(1)?;
        accounts.push(account.clone());
        others.push(account.clone());
        if room > 0 {
            room -= waiting(vec![account], room)?.0;
            if room <= 0 {
                // Only what is older can still take the place of one of these.
                until = waiting(accounts.clone(), max_events)?.1;
            }
        }
    }
}

/// Leases up to so many waiting events to the caller, the oldest first and those of an account in their order.
pub fn claim(max_events: i64, lease: Interval) -> Result<Vec<Delivery>> {
    let now = session::clock()?.0;
    let until = lease_end("lease", now, lease)?;
    let spi = Spi::connect()?;
    let accounts = lock_oldest(&spi, now, max_events)?;
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let leased = spi.write(&LEASE, &[Value::Texts(accounts), max_events.into(), until.into()])?;
    let mut leased = leased.iter().map(|row| Ok((row.time(8)?, delivery(&row)?))).collect::<Result<Vec<_>>>()?;
    // Those of an account stay in their order.
    leased.sort_by(|(a_since, a), (b_since, b)| {
        (a_since, &a.account, a.event.event).cmp(&(b_since, &b.account, b.event.event))
    });
    Ok(leased.into_iter().map(|(_, delivery)| delivery).collect())
}

/// The event is dealt with. False where it was acknowledged before; LC002, LC006 where there is no such event.
pub fn acknowledge(account: &str, event: i64) -> Result<bool> {
    let spi = Spi::connect()?;
    let now = session::clock()?.0;
    if spi.write(&ACKNOWLEDGE, &[account.into(), event.into(), now.into()])?.affected() == 1 {
        return Ok(true);
    }
    if !spi.write(&FIND, &[account.into(), event.into()])?.is_empty() {
        return Ok(false);
    }
    if !super::lookup::exists(&spi, account)? {
        return Err(unknown_account(account).into());
    }
    Err(Error::new(Code::NotFound, format!("account {account:?} has no event {event}"))
        .detail(format!("event={event}"))
        .hint("Events are numbered within their account.")
        .into())
}

/// All events of an account.
pub fn all(spi: &Spi, account: &str) -> Result<Vec<Event>> {
    spi.read(&EVENTS, &[account.into()])?.iter().map(|row| rows::event(&row)).collect()
}

/// Appends the events of books whose accounts are locked.
pub fn append(spi: &Spi, rows: Vec<Vec<Value>>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    persist::append_events(spi, rows)?;
    if session::notifies() {
        spi.write(&NOTIFY, &[])?;
    }
    Ok(())
}
