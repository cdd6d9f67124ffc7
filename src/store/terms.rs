//! What debits and charges have to know beside the account and its lots: whether the feature is switched off, its rate,
//! its meter, what the plans include of it, and the budgets.

use super::definitions;
use super::lookup::{Sight, run};
use super::rows::{self, budget_columns, budget_use_columns, meter_columns, subscription_columns, switch_columns};
use crate::pg::{Index, Result, Sought, Spi, Statement, Type, Value};
use credits_domain::amount::Amount;
use credits_domain::book::Book;
use credits_domain::budget::{Budget, BudgetRow, BudgetUse, EACH_ACTOR, Period, Span};
use credits_domain::entry::Dimensions;
use credits_domain::plan::Subscription;
use credits_domain::rate::{Meter, Switch, Terms};
use credits_domain::time::{Timestamp, Zone};

const ACCOUNT: &[Type] = &[Type::Text];

static SWITCH: Statement = Statement::new(
    concat!("SELECT ", switch_columns!(), " FROM credits_ledger.switches WHERE account = $1 AND feature = $2"),
    &[Type::Text, Type::Text],
);
static SWITCHES: Statement = Statement::new(
    concat!("SELECT ", switch_columns!(), " FROM credits_ledger.switches WHERE account = $1 ORDER BY feature"),
    ACCOUNT,
);
static SWITCH_BY_FEATURE: Index = Index::new("switches", "switches_pkey", switch_columns!(), &[1, 2]);

static METER: Statement = Statement::new(
    concat!("SELECT ", meter_columns!(), " FROM credits_ledger.meters WHERE account = $1 AND feature = $2"),
    &[Type::Text, Type::Text],
);
static METERS: Statement = Statement::new(
    concat!("SELECT ", meter_columns!(), " FROM credits_ledger.meters WHERE account = $1 ORDER BY feature"),
    ACCOUNT,
);
static METER_BY_FEATURE: Index = Index::new("meters", "meters_pkey", meter_columns!(), &[1, 2]);

static HELD: Statement = Statement::new(
    concat!("SELECT ", subscription_columns!(), " FROM credits_ledger.subscriptions WHERE account = $1 AND held"),
    ACCOUNT,
);

static BUDGETS: Statement = Statement::new(
    concat!("SELECT ", budget_columns!(), " FROM credits_ledger.budgets WHERE account = $1 ORDER BY budget"),
    ACCOUNT,
);
static BUDGETS_OF: Statement = Statement::new(
    concat!(
        "SELECT ",
        budget_columns!(),
        " FROM credits_ledger.budgets WHERE account = $1 AND (actor IS NULL OR actor = '*' OR actor = $2) \
         ORDER BY budget"
    ),
    &[Type::Text, Type::Text],
);
static BUDGET_USES: Statement = Statement::new(
    concat!("SELECT ", budget_use_columns!(), " FROM credits_ledger.budget_use WHERE account = $1"),
    ACCOUNT,
);
static BUDGET_USES_OF: Statement = Statement::new(
    concat!(
        "SELECT ",
        budget_use_columns!(),
        " FROM credits_ledger.budget_use WHERE account = $1 AND actor = ANY ($2)"
    ),
    &[Type::Text, Type::Texts],
);

static HELD_SINCE: Statement = Statement::new(
    "SELECT coalesce(sum(headroom + (SELECT coalesce(sum(part), 0) FROM unnest(amounts) part)), 0) \
     FROM credits_ledger.holds WHERE account = $1 AND lapses_at > $2 AND hold <> $3 \
       AND ($4 IS NULL OR feature = $4) AND ($5 IS NULL OR coalesce(actor, '') = $5) \
       AND ($6 IS NULL OR cycle = $6) AND made_at >= $7",
    &[Type::Text, Type::Time, Type::I64, Type::Text, Type::Text, Type::I32, Type::Time],
);

/// How a feature was switched last, if ever.
pub fn switch(spi: &Spi, sight: Sight, account: &str, feature: &str) -> Result<Option<Switch>> {
    let rows = run(spi, sight, &SWITCH, &[account.into(), feature.into()])?;
    rows.iter().next().map(|row| rows::switch(&row)).transpose()
}

pub fn switches(spi: &Spi, account: &str) -> Result<Vec<Switch>> {
    spi.read(&SWITCHES, &[account.into()])?.iter().map(|row| rows::switch(&row)).collect()
}

pub fn meters(spi: &Spi, account: &str) -> Result<Vec<Meter>> {
    spi.read(&METERS, &[account.into()])?.iter().map(|row| rows::meter(&row)).collect()
}

pub fn budget_rows(spi: &Spi, sight: Sight, account: &str) -> Result<Vec<BudgetRow>> {
    run(spi, sight, &BUDGETS, &[account.into()])?.iter().map(|row| rows::budget(&row)).collect()
}

pub fn budget_uses(spi: &Spi, account: &str) -> Result<Vec<BudgetUse>> {
    spi.read(&BUDGET_USES, &[account.into()])?.iter().map(|row| rows::budget_use(&row)).collect()
}

/// The account's budgets that may concern this actor, with what it has used of them in the periods that run, and what open holds but for
/// this one set aside.
pub fn budgets(
    spi: &Spi,
    book: &Book,
    zone: &dyn Zone,
    actor: Option<&str>,
    but_hold: Option<i64>,
) -> Result<Vec<Budget>> {
    let (account, now) = (&book.account, book.now());
    let name = account.account.as_str();
    let users = Value::Texts(vec![String::new(), actor.unwrap_or_default().into()]);
    let uses = spi.write(&BUDGET_USES_OF, &[name.into(), users])?;
    let uses = uses.iter().map(|row| rows::budget_use(&row)).collect::<Result<Vec<_>>>()?;
    let mut budgets = Vec::new();
    let rows = spi.write(&BUDGETS_OF, &[name.into(), actor.into()])?;
    for row in rows.iter() {
        let row = rows::budget(&row)?;
        let each = row.actor.as_deref() == Some(EACH_ACTOR);
        let user = if each { actor.unwrap_or_default() } else { "" };
        let span = row.period.span(account.cycle, now, zone)?;
        let stored = uses.iter().find(|used| used.budget == row.budget && used.actor == user);
        let used = BudgetUse {
            budget: row.budget,
            actor: user.into(),
            span,
            used: stored.map_or(Amount::ZERO, |stored| stored.used_in(row.period, span)),
        };
        let ends_at = row.period.end(account.cycle, now, zone)?;
        let whose = if each { Some(user) } else { row.actor.as_deref() };
        let held = held_since(spi, book, row.period, span, row.feature.as_deref(), whose, but_hold)?;
        budgets.push(Budget { row, used, held, ends_at, changed: false });
    }
    Ok(budgets)
}

/// What open holds but for one set aside that were made in a period, for a feature and by somebody where these are given.
pub fn held_since(
    spi: &Spi,
    book: &Book,
    period: Period,
    span: Span,
    feature: Option<&str>,
    whose: Option<&str>,
    but_hold: Option<i64>,
) -> Result<Amount> {
    let account = &book.account;
    if !account.extras.holds {
        return Ok(Amount::ZERO);
    }
    let (cycle, since) = match period {
        Period::Cycle => (Some(span.cycle), Timestamp::NEG_INFINITY),
        _ => (None, span.start),
    };
    let values = [
        account.account.as_str().into(),
        book.now().into(),
        but_hold.unwrap_or(0).into(),
        feature.into(),
        whose.into(),
        cycle.into(),
        since.into(),
    ];
    spi.write(&HELD_SINCE, &values)?.first().map_or(Ok(Amount::ZERO), |row| row.amount(0))
}

/// What a debit has to know of its feature. Once time is settled.
pub fn of_debit(spi: &Spi, book: &mut Book, zone: &dyn Zone, dimensions: &Dimensions) -> Result<Terms> {
    let extras = book.account.extras;
    if extras.budgets && book.budgets.is_none() {
        book.budgets = Some(budgets(spi, book, zone, dimensions.actor.as_deref(), None)?);
    }
    Ok(Terms { enabled: is_enabled(spi, book, dimensions)?, ..Terms::default() })
}

/// Whether the feature is not switched off.
pub fn is_enabled(spi: &Spi, book: &Book, dimensions: &Dimensions) -> Result<bool> {
    match &dimensions.feature {
        Some(feature) if book.account.extras.switches => {
            let switch = switch(spi, Sight::Newest, &book.account.account, feature)?;
            Ok(switch.is_none_or(|switch| switch.enabled))
        }
        _ => Ok(true),
    }
}

/// What a charge has to know of its feature. Once time is settled.
pub fn of_charge(spi: &Spi, book: &mut Book, zone: &dyn Zone, dimensions: &Dimensions) -> Result<Terms> {
    let enabled = of_debit(spi, book, zone, dimensions)?.enabled;
    let feature = dimensions.feature.as_deref().unwrap_or_default();
    Ok(Terms { enabled, ..of_feature(spi, Sight::Newest, book, feature)? })
}

/// What a capture has to know: the budgets, and the rate by which a quantity is priced. Switches bind what is begun, not
/// what is completed.
pub fn of_capture(
    spi: &Spi,
    book: &mut Book,
    zone: &dyn Zone,
    hold: i64,
    made_by: &Dimensions,
    by_quantity: bool,
) -> Result<Terms> {
    if book.account.extras.budgets {
        book.budgets = Some(budgets(spi, book, zone, made_by.actor.as_deref(), Some(hold))?);
    }
    match &made_by.feature {
        Some(feature) if by_quantity => of_feature(spi, Sight::Newest, book, feature),
        _ => Ok(Terms::default()),
    }
}

/// The rate of a feature, and what covers units of it. Switches are not looked at.
pub fn of_feature(spi: &Spi, sight: Sight, book: &Book, feature: &str) -> Result<Terms> {
    let (account, now) = (&book.account, book.now());
    let mut terms = Terms { rate: definitions::rate(spi, sight, feature, now)?, ..Terms::default() };
    terms.meter = meter(spi, sight, book, feature)?;
    if account.extras.subscriptions {
        let began = account.cycle.start.max(account.opened_at);
        for own in held(spi, sight, book)? {
            terms.included += definitions::included(spi, sight, &own.plan, feature, began, own.subscribed_at, now)?;
        }
    }
    Ok(terms)
}

/// What the account has used of the feature's included units, and has left of packages.
pub fn meter(spi: &Spi, sight: Sight, book: &Book, feature: &str) -> Result<Meter> {
    if !book.account.extras.meters {
        return Ok(Meter::default());
    }
    let rows = run(spi, sight, &METER, &[book.account.account.as_str().into(), feature.into()])?;
    Ok(rows.iter().next().map(|row| rows::meter(&row)).transpose()?.unwrap_or_default())
}

/// The plans held, as the book has them where time has changed them.
fn held(spi: &Spi, sight: Sight, book: &Book) -> Result<Vec<Subscription>> {
    let known = &book.holdings.subscriptions;
    if !known.is_empty() {
        return Ok(known.iter().filter(|own| own.held).cloned().collect());
    }
    let rows = run(spi, sight, &HELD, &[book.account.account.as_str().into()])?;
    rows.iter().map(|row| rows::subscription(&row)).collect()
}

/// What a debit has to know of its feature, as the active snapshot sees it, without the executor. `None`: the general
/// path has to ask.
pub fn seek_of_debit(book: &Book, dimensions: &Dimensions) -> Result<Option<Terms>> {
    let (account, extras) = (&book.account, book.account.extras);
    if extras.budgets {
        return Ok(None);
    }
    let mut terms = Terms::default();
    if extras.switches
        && let Some(feature) = &dimensions.feature
    {
        let key = [account.account.as_str().into(), feature.as_str().into()];
        match SWITCH_BY_FEATURE.find(&key, |row, _| rows::switch(row))? {
            Sought::Row(switch) => terms.enabled = switch.enabled,
            Sought::Nothing => {}
            Sought::Elsewhere => return Ok(None),
        }
    }
    Ok(Some(terms))
}

/// The same of a charge. Where plans include units of the feature, the general path has to ask which.
pub fn seek_of_charge(
    book: &Book,
    dimensions: &Dimensions,
    known: Option<definitions::KnownRate>,
) -> Result<Option<Terms>> {
    let Some(mut terms) = seek_of_debit(book, dimensions)? else { return Ok(None) };
    let (account, extras) = (&book.account, book.account.extras);
    let feature = dimensions.feature.as_deref().unwrap_or_default();
    terms.rate = match known.filter(|known| known.holds_at(book.now())) {
        Some(known) => Some(known.rate),
        None => match definitions::seek_rate(feature, book.now())? {
            Sought::Row(found) => Some(found.rate),
            _ => return Ok(None),
        },
    };
    if extras.meters {
        let key = [account.account.as_str().into(), feature.into()];
        match METER_BY_FEATURE.find(&key, |row, _| rows::meter(row))? {
            Sought::Row(meter) => terms.meter = meter,
            Sought::Nothing => {}
            Sought::Elsewhere => return Ok(None),
        }
    }
    if extras.subscriptions && !matches!(definitions::seek_included(feature)?, Sought::Nothing) {
        return Ok(None);
    }
    Ok(Some(terms))
}
