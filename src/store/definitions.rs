//! Plans, included units and rates as they were defined: versions, insert-only, the same for all accounts.

use super::lookup::{Sight, run};
use super::rows::{self, included_columns, insert_rows, plan_columns, rate_columns};
use crate::pg::{Index, Result, Sought, Spi, Statement, Type, Value, session};
use credits_domain::amount::Amount;
use credits_domain::book::Book;
use credits_domain::error::Error;
use credits_domain::plan::{Catalogue, Plan, PlanVersion, undefined_plan};
use credits_domain::rate::{Rate, RateVersion, in_force};
use credits_domain::time::Timestamp;
use std::rc::Rc;

static PLAN_VERSIONS: Statement = Statement::new(
    concat!("SELECT ", plan_columns!(), " FROM credits_ledger.plans WHERE plan = ANY ($1) ORDER BY plan, version"),
    &[Type::Texts],
);

static RATE_VERSIONS: Statement = Statement::new(
    concat!(
        "SELECT ",
        rate_columns!(),
        " FROM credits_ledger.rates WHERE feature = $1 ORDER BY effective_at DESC, version DESC"
    ),
    &[Type::Text],
);

static RATES_IN_ORDER: Index = Index::sorted("rates", "rates_pkey", rate_columns!(), &[1], &[1, 2, 3]);

static INCLUDED_BY_FEATURE: Index = Index::new("included_units", "included_units_pkey", included_columns!(), &[1]);

static INCLUDED_VERSIONS: Statement = Statement::new(
    concat!(
        "SELECT ",
        included_columns!(),
        " FROM credits_ledger.included_units WHERE feature = $1 AND plan = $2 ORDER BY version"
    ),
    &[Type::Text, Type::Text],
);

// Those who define the same kind of thing come one after the other, so that versions are numbered in the order of their
// instants; nobody who reads waits.
static LOCK_PLANS: Statement = Statement::new("LOCK TABLE credits_ledger.plans IN SHARE ROW EXCLUSIVE MODE", &[]);
static LOCK_INCLUDED: Statement =
    Statement::new("LOCK TABLE credits_ledger.included_units IN SHARE ROW EXCLUSIVE MODE", &[]);
static LOCK_RATES: Statement = Statement::new("LOCK TABLE credits_ledger.rates IN SHARE ROW EXCLUSIVE MODE", &[]);

// ON CONFLICT: under REPEATABLE READ a version that another session has just made cannot be seen, and is a
// serialization failure and not a broken constraint.
static DEFINE_PLAN: Statement = Statement::new(
    concat!(insert_rows!("plans", plan_columns!()), " ON CONFLICT (plan, version) DO NOTHING"),
    &[Type::RowsOf("plans")],
);
static DEFINE_INCLUDED: Statement = Statement::new(
    concat!(insert_rows!("included_units", included_columns!()), " ON CONFLICT (feature, plan, version) DO NOTHING"),
    &[Type::RowsOf("included_units")],
);
static DEFINE_RATE: Statement = Statement::new(
    concat!(insert_rows!("rates", rate_columns!()), " ON CONFLICT (feature, version) DO NOTHING"),
    &[Type::RowsOf("rates")],
);

static PLAN_INCLUDES: Statement = Statement::new(
    "SELECT coalesce(jsonb_object_agg(i.feature, i.units) FILTER (WHERE i.units > 0), '{}') \
     FROM (SELECT DISTINCT ON (feature) feature, units FROM credits_ledger.included_units WHERE plan = $1 \
           ORDER BY feature, version DESC) i",
    &[Type::Text],
);

/// All versions of these plans.
pub fn catalogue(spi: &Spi, sight: Sight, plans: Vec<String>) -> Result<Catalogue> {
    let mut catalogue = Catalogue::default();
    learn(spi, sight, &mut catalogue, plans)?;
    Ok(catalogue)
}

fn learn(spi: &Spi, sight: Sight, catalogue: &mut Catalogue, plans: Vec<String>) -> Result<()> {
    if !plans.is_empty() {
        for row in run(spi, sight, &PLAN_VERSIONS, &[Value::Texts(plans)])?.iter() {
            let (name, version) = rows::plan_version(&row)?;
            catalogue.add(&name, version);
        }
    }
    Ok(())
}

/// Adds the versions of a plan to those that the book knows.
pub fn learn_plan(spi: &Spi, book: &mut Book, plan: &str) -> Result<()> {
    if book.holdings.catalogue.knows(plan) {
        return Ok(());
    }
    learn(spi, Sight::Newest, Rc::make_mut(&mut book.holdings.catalogue), vec![plan.into()])
}

/// A definition, its version, when and by whom it was made.
pub struct Defined<T> {
    pub definition: T,
    pub version: i32,
    pub defined_at: Timestamp,
    pub defined_by: String,
}

/// Defines a plan; nothing where it is defined so already.
pub fn define_plan(spi: &Spi, name: &str, plan: Plan) -> Result<Defined<Plan>> {
    spi.write(&LOCK_PLANS, &[])?;
    let rows = spi.write(&PLAN_VERSIONS, &[Value::Texts(vec![name.into()])])?;
    let newest =
        rows.iter().last().map(|row| -> Result<_> { Ok((rows::plan_version(&row)?.1, row.text(13)?.to_string())) });
    let version = match newest.transpose()? {
        Some((PlanVersion { version, defined_at, plan: current }, defined_by)) if current == plan => {
            return Ok(Defined { definition: current, version, defined_at, defined_by });
        }
        Some((newest, _)) => newest.version + 1,
        None => 1,
    };
    let (defined_at, defined_by) = (session::clock()?.0, session::invoker()?);
    let row = vec![
        name.into(),
        version.into(),
        defined_at.into(),
        plan.allowance.into(),
        plan.per_seat.into(),
        plan.seat_cap.into(),
        plan.rank.into(),
        plan.trial.into(),
        plan.trial_period.map_or(Value::Null, Value::Interval),
        plan.purchases.into(),
        plan.rollover_percent.into(),
        plan.rollover_max.into(),
        plan.rollover_cycles.into(),
        defined_by.as_str().into(),
        plan.metadata.clone().map_or(Value::Null, Value::Json),
    ];
    spi.write(&DEFINE_PLAN, &[Value::Rows("plans", vec![row])])?;
    Ok(Defined { definition: plan, version, defined_at, defined_by })
}

/// Units by feature that the newest definitions of a plan include, as a JSON object.
pub fn plan_includes(spi: &Spi, plan: &str) -> Result<String> {
    let rows = spi.write(&PLAN_INCLUDES, &[plan.into()])?;
    rows.first().map_or(Ok("{}".into()), |row| row.json(0))
}

/// LC006 unless the plan is defined.
pub fn must_be_defined(spi: &Spi, plan: &str) -> Result<()> {
    if catalogue(spi, Sight::Newest, vec![plan.into()])?.knows(plan) {
        return Ok(());
    }
    Err(undefined_plan(plan).into())
}

/// Defines how many units of a feature a plan includes; nothing where it does so already.
pub fn define_included(spi: &Spi, plan: &str, feature: &str, units: Amount) -> Result<Defined<Amount>> {
    spi.write(&LOCK_INCLUDED, &[])?;
    let rows = spi.write(&INCLUDED_VERSIONS, &[feature.into(), plan.into()])?;
    let version = match rows.iter().last() {
        Some(row) if row.amount(4)? == units => {
            return Ok(Defined {
                definition: units,
                version: row.i32(2)?,
                defined_at: row.time(3)?,
                defined_by: row.text(5)?.into(),
            });
        }
        Some(row) => row.i32(2)? + 1,
        None => 1,
    };
    let (defined_at, defined_by) = (session::clock()?.0, session::invoker()?);
    let row =
        vec![feature.into(), plan.into(), version.into(), defined_at.into(), units.into(), defined_by.as_str().into()];
    spi.write(&DEFINE_INCLUDED, &[Value::Rows("included_units", vec![row])])?;
    Ok(Defined { definition: units, version, defined_at, defined_by })
}

/// What a plan includes of a feature in a cycle that began at `began`, by the definition that was in force then. A plan
/// that joined later brings the first definition that it had, where there was none when the cycle began; one that
/// was held already waits for the next cycle.
pub fn included(
    spi: &Spi,
    sight: Sight,
    plan: &str,
    feature: &str,
    began: Timestamp,
    subscribed_at: Timestamp,
    now: Timestamp,
) -> Result<Amount> {
    let mut first = None;
    let mut in_force = None;
    for row in run(spi, sight, &INCLUDED_VERSIONS, &[feature.into(), plan.into()])?.iter() {
        let (defined_at, units) = (row.time(3)?, row.amount(4)?);
        if defined_at <= began {
            in_force = Some(units);
        }
        // Later than now: the clock was set back.
        if first.is_none() {
            first = Some(if defined_at <= subscribed_at || defined_at > now { units } else { Amount::ZERO });
        }
    }
    Ok(in_force.or(first).unwrap_or_default())
}

/// Whether any plan includes units of the feature, as the active snapshot sees it; without the executor.
pub fn seek_included(feature: &str) -> Result<Sought<()>> {
    INCLUDED_BY_FEATURE.find(&[feature.into()], |_, _| Ok(()))
}

/// The rate of a feature in force at an instant.
pub fn rate(spi: &Spi, sight: Sight, feature: &str, instant: Timestamp) -> Result<Option<Rate>> {
    let rows = run(spi, sight, &RATE_VERSIONS, &[feature.into()])?;
    let versions = rows.iter().map(|row| rows::rate_version(&row)).collect::<Result<Vec<_>>>()?;
    Ok(in_force(versions, instant))
}

/// A rate that was in force at an instant, and until when it is, as far as was known then.
#[derive(Clone, Copy)]
pub struct KnownRate {
    pub rate: Rate,
    at: Timestamp,
    until: Timestamp,
}

impl KnownRate {
    /// Whether it is still known to be in force: what was defined in the last millisecond counts from when it is seen.
    pub fn holds_at(&self, instant: Timestamp) -> bool {
        const FRESH_MICROS: i64 = 1_000;
        instant < self.until && (0..FRESH_MICROS).contains(&(instant.0 - self.at.0))
    }
}

/// The same as the active snapshot sees it, without the executor.
pub fn seek_rate(feature: &str, instant: Timestamp) -> Result<Sought<KnownRate>> {
    let mut versions: Vec<RateVersion> = Vec::with_capacity(1);
    let sought = RATES_IN_ORDER.backwards(&[feature.into()], |row| {
        versions.push(rows::rate_version(row)?);
        Ok(versions.last().is_some_and(|version| version.effective_at > instant))
    })?;
    let later = versions.iter().map(|version| version.effective_at).filter(|at| *at > instant);
    let until = later.min().unwrap_or(Timestamp::INFINITY);
    Ok(match (sought, in_force(versions, instant)) {
        (Sought::Elsewhere, _) => Sought::Elsewhere,
        (_, Some(rate)) => Sought::Row(KnownRate { rate, at: instant, until }),
        (_, None) => Sought::Nothing,
    })
}

/// A rate that was defined, from when and until when it is in force.
pub struct DefinedRate {
    pub effective_at: Timestamp,
    pub effective_until: Option<Timestamp>,
    pub in_force: bool,
    pub defined: Defined<Rate>,
}

/// Defines a rate from an instant on, or from now; nothing where it is defined so for that instant, or is in force now.
pub fn define_rate(spi: &Spi, feature: &str, rate: Rate, effective_at: Option<Timestamp>) -> Result<DefinedRate> {
    spi.write(&LOCK_RATES, &[])?;
    let now = session::clock()?.0;
    let scheduled = match effective_at {
        // A caller's now() is the instant at which the transaction began, a little earlier.
        Some(at) if at < session::transaction_time().min(now) => return Err(Error::in_the_past(at, now).into()),
        at => at.filter(|at| *at > now),
    };
    let effective_at = scheduled.unwrap_or(now);
    let rows = spi.write(&RATE_VERSIONS, &[feature.into()])?;
    let mut versions = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        versions.push((rows::rate_version(&row)?, row.text(8)?.to_string()));
    }
    let effective_until =
        versions.iter().map(|(version, _)| version.effective_at).filter(|at| *at > effective_at).min();
    let answer = |defined: Defined<Rate>, effective_at| DefinedRate {
        effective_at,
        effective_until,
        in_force: effective_at <= now,
        defined,
    };
    // What is promised from an instant on counts from it on, even where it is what counts until then.
    let current = versions.iter().find(|(version, _)| match scheduled {
        Some(at) => version.effective_at == at,
        None => version.effective_at <= now,
    });
    if let Some((RateVersion { rate: same, effective_at, version, defined_at }, by)) = current
        && *same == rate
    {
        let (version, defined_at, defined_by) = (*version, *defined_at, by.clone());
        return Ok(answer(Defined { definition: rate, version, defined_at, defined_by }, *effective_at));
    }
    let version = versions.iter().map(|(version, _)| version.version).max().unwrap_or(0) + 1;
    let defined_by = session::invoker()?;
    let row = vec![
        feature.into(),
        effective_at.into(),
        version.into(),
        now.into(),
        rate.credits.into(),
        rate.per_units.into(),
        rate.model.name().into(),
        rate.free.into(),
        defined_by.as_str().into(),
    ];
    spi.write(&DEFINE_RATE, &[Value::Rows("rates", vec![row])])?;
    Ok(answer(Defined { definition: rate, version, defined_at: now, defined_by }, effective_at))
}
