//! Rows of the tables as the domain's values, and back. Columns are in the order of sql/tables.sql.

use crate::pg::{Columns, Result, Value};
use credits_domain::account::{Account, Balances, Cycle, DebtPolicy, Extras, Head, Settings, Status, Watch};
use credits_domain::alert::{Alert, AlertRow, Condition};
use credits_domain::amount::Amount;
use credits_domain::book::{ClosedCycle, Description};
use credits_domain::budget::{BudgetRow, BudgetUse, Period, Span};
use credits_domain::debt::{Debts, Fate, OpenDebt, Settlement, Stretch};
use credits_domain::entry::{Dimensions, Entry, Key, Movement, Operation};
use credits_domain::error::{Code, Error};
use credits_domain::event::{Event, EventType};
use credits_domain::hold::{Hold, HoldStatus};
use credits_domain::lot::{Bucket, Expiry, Lot, LotKind, LotStatus, Price};
use credits_domain::pack::{Pack, PackVersion};
use credits_domain::plan::{Pending, Plan, PlanVersion, Subscription};
use credits_domain::rate::{Meter, Rate, RateModel, RateVersion, Switch};
use credits_domain::recharge::{AutoRecharge, Failure, Measure, Recharge, RechargeSettings, RechargeStatus, Trigger};
use credits_domain::refund::Refunded;
use credits_domain::time::Timestamp;
use credits_domain::void::ClawBack;

/// All columns in table order: the executor hands such a row on as it is, without a projection.
macro_rules! account_columns {
    () => {
        "account, next_event_at, opened_at, cycle_start, cycle_end, anchor, cycle_length, cycle_allowance, \
         rollover_percent, rollover_max, overdraft_limit, time_zone, debt_policy, status, opened_by_grant, \
         extras, head_is_allowance, head_lot, lots, cycle, entry, recorded_at, granted, expired, allowance, credits, held, debt, \
         reserved, used, headroom, head_remaining, head_held, hash, opened_with, metadata, events, recharge_at, alert_at"
    };
}

// Places of columns in an account's row, from 0.
pub const NEXT_EVENT_AT: usize = 1;
pub const ENTRY: usize = 20;
pub const RECORDED_AT: usize = 21;
pub const ALLOWANCE: usize = 24;
pub const CREDITS: usize = 25;
pub const HELD: usize = 26;
pub const USED: usize = 29;
pub const HEADROOM: usize = 30;
pub const HEAD_REMAINING: usize = 31;
pub const HEAD_HELD: usize = 32;
pub const HASH: usize = 33;

macro_rules! lot_columns {
    () => {
        "account, lot, entry, effective_at, expires_at, burn_at, burn_rank, cycle, expires_cycle, \
         expires_after_cycles, priority, open, status, kind, amount, remaining, held, price, currency, payment_ref, \
         features, plan, gone, revoked"
    };
}

macro_rules! entry_columns {
    () => {
        "account, entry, recorded_at, effective_at, request, cycle, lot, operation, idempotency_key, amount, \
         allowance_change, credits_change, debt_change, allowance, credits, held, debt, reserved, used, recorded_by, \
         hash, kind, feature, actor, resource, quantity, included, refers_to, reason, moved_lots, moved_amounts, \
         detail, clock_was_set, metadata, salt, redacted, held_allowance_change, held_credits_change"
    };
}

macro_rules! cycle_columns {
    () => {
        "account, cycle, cycle_start, cycle_end, closed_at, granted, used, rolled_over, expired, debt_forgiven, \
         debt_invoiced, foreseen_end, entry, hash"
    };
}

/// Adds rows to a table, which are `$1`. What columns somebody else has added to it is left to their defaults.
macro_rules! insert_rows {
    ($table:literal, $columns:expr) => {
        concat!("INSERT INTO credits_ledger.", $table, " (", $columns, ") SELECT ", $columns, " FROM unnest($1)")
    };
}

pub(crate) use {account_columns, cycle_columns, entry_columns, insert_rows, lot_columns};

/// A row says what no row of ours can say: somebody changed it by hand.
pub fn corrupt(what: &str, found: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("the ledger's tables hold an unknown {what}: {found:?}"))
        .hint("Run credits_verify: somebody changed the tables by hand.")
}

fn hash(bytes: &[u8]) -> Result<[u8; 32]> {
    Ok(<[u8; 32]>::try_from(bytes).map_err(|_| corrupt("hash", "not 32 bytes long"))?)
}

pub fn status(name: &str) -> Result<Status> {
    Ok(Status::parse(name).ok_or_else(|| corrupt("status", name))?)
}

pub fn account(row: &Columns) -> Result<Account> {
    let policy = row.text(12)?;
    let head = match row.opt_i32(17)? {
        Some(lot) => Some(Head {
            lot,
            bucket: if row.bool(16)? { Bucket::Allowance } else { Bucket::Credits },
            remaining: row.amount(31)?,
            held: row.amount(32)?,
        }),
        None => None,
    };
    Ok(Account {
        account: row.text(0)?.into(),
        next_event_at: row.time(1)?,
        opened_at: row.time(2)?,
        cycle: Cycle { number: row.i32(19)?, start: row.time(3)?, end: row.opt_time(4)? },
        settings: Settings {
            anchor: row.time(5)?,
            cycle_length: row.interval(6)?,
            allowance: row.amount(7)?,
            rollover_percent: row.amount(8)?,
            rollover_max: row.opt_amount(9)?,
            overdraft_limit: row.amount(10)?,
            time_zone: row.text(11)?.into(),
            debt_policy: DebtPolicy::parse(policy).map_err(|_| corrupt("debt_policy", policy))?,
        },
        status: status(row.text(13)?)?,
        opened_by_grant: row.bool(14)?,
        extras: Extras::from_bits(row.i32(15)?),
        lots: row.i32(18)?,
        entry: row.i64(20)?,
        recorded_at: row.time(21)?,
        granted: row.amount(22)?,
        expired: row.amount(23)?,
        balances: Balances {
            allowance: row.amount(24)?,
            credits: row.amount(25)?,
            held: row.amount(26)?,
            debt: row.amount(27)?,
            reserved: row.amount(28)?,
        },
        used: row.amount(29)?,
        headroom: row.amount(30)?,
        head,
        hash: hash(row.bytes(33)?)?,
        events: row.i64(36)?,
        watch: Watch { recharge: row.opt_amount(37)?, alerts: row.opt_amount(38)? },
    })
}

/// All columns but for opened_with and metadata, which are NULL here where no description is given.
pub fn account_values(account: &Account, description: Option<&Description>) -> Vec<Value> {
    let settings = &account.settings;
    let balances = &account.balances;
    vec![
        account.account.as_str().into(),
        account.next_event_at.into(),
        account.opened_at.into(),
        account.cycle.start.into(),
        account.cycle.end.into(),
        settings.anchor.into(),
        settings.cycle_length.into(),
        settings.allowance.into(),
        settings.rollover_percent.into(),
        settings.rollover_max.into(),
        settings.overdraft_limit.into(),
        settings.time_zone.as_str().into(),
        settings.debt_policy.name().into(),
        account.status.name().into(),
        account.opened_by_grant.into(),
        account.extras.bits().into(),
        account.head.is_some_and(|head| head.bucket == Bucket::Allowance).into(),
        account.head.map(|head| head.lot).into(),
        account.lots.into(),
        account.cycle.number.into(),
        account.entry.into(),
        account.recorded_at.into(),
        account.granted.into(),
        account.expired.into(),
        balances.allowance.into(),
        balances.credits.into(),
        balances.held.into(),
        balances.debt.into(),
        balances.reserved.into(),
        account.used.into(),
        account.headroom.into(),
        account.head.map_or(Amount::ZERO, |head| head.remaining).into(),
        account.head.map_or(Amount::ZERO, |head| head.held).into(),
        Value::Bytes(account.hash.to_vec()),
        description.map_or(Value::Null, |d| Value::Json(opened_with_json(&d.opened_with))),
        description.and_then(|d| d.metadata.clone()).map_or(Value::Null, Value::Json),
        account.events.into(),
        account.watch.recharge.into(),
        account.watch.alerts.into(),
    ]
}

/// Settings always have a JSON form: they are plain texts and numbers.
pub fn opened_with_json(settings: &Settings) -> String {
    serde_json::to_string(settings).unwrap_or_else(|_| "{}".into())
}

pub fn lot(row: &Columns) -> Result<Lot> {
    let (kind, status) = (row.text(13)?, row.text(12)?);
    let status = LotStatus::parse(status).ok_or_else(|| corrupt("status of a lot", status))?;
    let expires_after_cycles = row.opt_i32(9)?;
    let at = row.opt_time(4)?;
    let expiry = match (row.opt_i32(8)?, expires_after_cycles, at) {
        (Some(cycle), _, at) => Expiry::Cycle { cycle, at },
        (None, Some(cycles), _) => Expiry::AfterCycles(cycles),
        (None, None, Some(at)) => Expiry::At(at),
        (None, None, None) => Expiry::Never,
    };
    Ok(Lot {
        lot: row.i32(1)?,
        entry: row.i64(2)?,
        effective_at: row.time(3)?,
        expiry,
        cycle: row.i32(7)?,
        expires_after_cycles,
        priority: row.i32(10)?,
        status,
        kind: LotKind::parse(kind).ok_or_else(|| corrupt("kind of lot", kind))?,
        amount: row.amount(14)?,
        remaining: row.amount(15)?,
        held: row.amount(16)?,
        price: match (row.opt_amount(17)?, row.opt_text(18)?) {
            (Some(amount), Some(currency)) => Some(Price { amount, currency: currency.into() }),
            _ => None,
        },
        payment_ref: row.opt_text(19)?.map(Into::into),
        features: row.texts(20)?.unwrap_or_default(),
        plan: row.opt_text(21)?.map(Into::into),
        gone: row.amount(22)?,
        revoked: row.bool(23)?,
        changed: false,
    })
}

/// Whether the columns that a lot's row keeps for the sake of finding it are those of the lot. The head's remainder
/// stands on the account's row: once it is spent, its own row may still be filed as open.
pub fn is_filed_right(row: &Columns, lot: &Lot, is_spent_head: bool) -> Result<bool> {
    Ok(row.time(5)? == lot.expiry.burn_at()
        && row.i32(6)? == lot.burn_rank()
        && row.opt_time(4)? == lot.expiry.date()
        && (is_spent_head || row.bool(11)? == lot.is_open())
        && row.is_null(17) == row.is_null(18))
}

pub fn lot_values(account: &str, lot: &Lot) -> Vec<Value> {
    vec![
        account.into(),
        lot.lot.into(),
        lot.entry.into(),
        lot.effective_at.into(),
        lot.expiry.date().into(),
        lot.expiry.burn_at().into(),
        lot.burn_rank().into(),
        lot.cycle.into(),
        lot.expiry.cycle().into(),
        lot.expires_after_cycles.into(),
        lot.priority.into(),
        lot.is_open().into(),
        lot.status.name().into(),
        lot.kind.name().into(),
        lot.amount.into(),
        lot.remaining.into(),
        lot.held.into(),
        lot.price.as_ref().map(|price| price.amount).into(),
        lot.price.as_ref().map(|price| price.currency.as_str()).into(),
        lot.payment_ref.as_deref().into(),
        if lot.features.is_empty() { Value::Null } else { Value::Texts(lot.features.clone()) },
        lot.plan.as_deref().into(),
        lot.gone.into(),
        lot.revoked.into(),
    ]
}

/// When an entry was recorded, and when it took effect.
#[derive(Clone, Copy, Debug)]
pub struct Instants {
    pub recorded_at: Timestamp,
    pub effective_at: Timestamp,
}

/// From these columns, recorded_at and effective_at.
pub fn instants(row: &Columns, first: usize) -> Result<Instants> {
    let recorded_at = row.time(first)?;
    Ok(Instants { recorded_at, effective_at: row.opt_time(first + 1)?.unwrap_or(recorded_at) })
}

pub fn entry(row: &Columns) -> Result<Entry> {
    let operation = row.text(7)?;
    let recorded_at = row.time(2)?;
    let (allowance_change, credits_change) = (row.amount(10)?, row.amount(11)?);
    let key = match (row.opt_text(8)?, row.opt_i64(4)?) {
        (Some(key), Some(request)) => Some(Key { key: key.into(), request }),
        (None, None) => None,
        _ => return Err(corrupt("request", "a key without it, or it without a key").into()),
    };
    let movements = match (row.opt_i32(6)?, row.ints(29)?, row.amounts(30)?) {
        (Some(lot), None, None) => vec![Movement { lot, amount: allowance_change + credits_change }],
        (None, Some(lots), Some(amounts)) if lots.len() == amounts.len() => {
            lots.into_iter().zip(amounts).map(|(lot, amount)| Movement { lot, amount }).collect()
        }
        (None, None, None) => Vec::new(),
        _ => return Err(corrupt("list of movements", "lots and amounts do not belong together").into()),
    };
    let kind = match row.opt_text(21)? {
        Some(kind) => Some(LotKind::parse(kind).ok_or_else(|| corrupt("kind of lot", kind))?),
        None => None,
    };
    let salt = match row.opt_bytes(34)? {
        Some(salt) => Some(<[u8; 16]>::try_from(salt).map_err(|_| corrupt("salt", "not 16 bytes long"))?),
        None => None,
    };
    Ok(Entry {
        entry: row.i64(1)?,
        operation: Operation::parse(operation).ok_or_else(|| corrupt("operation", operation))?,
        kind,
        key,
        amount: row.amount(9)?,
        allowance_change,
        credits_change,
        debt_change: row.amount(12)?,
        after: Balances {
            allowance: row.amount(13)?,
            credits: row.amount(14)?,
            held: row.amount(15)?,
            debt: row.amount(16)?,
            reserved: row.amount(17)?,
        },
        used: row.amount(18)?,
        cycle: row.i32(5)?,
        movements,
        dimensions: Dimensions {
            feature: row.opt_text(22)?.map(Into::into),
            actor: row.opt_text(23)?.map(Into::into),
            resource: row.opt_text(24)?.map(Into::into),
            metadata: row.opt_json(33)?,
            salt,
        },
        quantity: row.opt_amount(25)?,
        included: row.opt_amount(26)?,
        refers_to: row.opt_i64(27)?,
        reason: row.opt_text(28)?.map(Into::into),
        detail: row.opt_json(31)?,
        effective_at: row.opt_time(3)?.unwrap_or(recorded_at),
        recorded_at,
        recorded_by: row.text(19)?.into(),
        clock_was_set: row.opt_bool(32)?.unwrap_or(false),
        redacted: row.opt_bytes(35)?.map(hash).transpose()?,
        held_allowance_change: row.opt_amount(36)?.unwrap_or_default(),
        held_credits_change: row.opt_amount(37)?.unwrap_or_default(),
        hash: hash(row.bytes(20)?)?,
    })
}

pub fn entry_values(account: &str, entry: &Entry) -> Vec<Value> {
    let dimensions = &entry.dimensions;
    // One movement is the sum of the changes: only its lot is kept.
    let (lot, lots, amounts) = match entry.movements.as_slice() {
        [] => (Value::Null, Value::Null, Value::Null),
        [only] => (only.lot.into(), Value::Null, Value::Null),
        several => (
            Value::Null,
            Value::Ints(several.iter().map(|movement| movement.lot).collect()),
            Value::Amounts(several.iter().map(|movement| movement.amount).collect()),
        ),
    };
    vec![
        account.into(),
        entry.entry.into(),
        entry.recorded_at.into(),
        if entry.effective_at == entry.recorded_at { Value::Null } else { entry.effective_at.into() },
        entry.key.as_ref().map(|key| key.request).into(),
        entry.cycle.into(),
        lot,
        entry.operation.name().into(),
        entry.key.as_ref().map(|key| key.key.as_str()).into(),
        entry.amount.into(),
        entry.allowance_change.into(),
        entry.credits_change.into(),
        entry.debt_change.into(),
        entry.after.allowance.into(),
        entry.after.credits.into(),
        entry.after.held.into(),
        entry.after.debt.into(),
        entry.after.reserved.into(),
        entry.used.into(),
        entry.recorded_by.as_str().into(),
        Value::Bytes(entry.hash.to_vec()),
        entry.kind.map(|kind| kind.name()).into(),
        dimensions.feature.as_deref().into(),
        dimensions.actor.as_deref().into(),
        dimensions.resource.as_deref().into(),
        entry.quantity.into(),
        entry.included.into(),
        entry.refers_to.into(),
        entry.reason.as_deref().into(),
        lots,
        amounts,
        entry.detail.clone().map_or(Value::Null, Value::Json),
        if entry.clock_was_set { true.into() } else { Value::Null },
        dimensions.metadata.clone().map_or(Value::Null, Value::Json),
        dimensions.salt.map_or(Value::Null, |salt| Value::Bytes(salt.to_vec())),
        entry.redacted.map_or(Value::Null, |digest| Value::Bytes(digest.to_vec())),
        some_or_null(entry.held_allowance_change),
        some_or_null(entry.held_credits_change),
    ]
}

/// Zero, which most entries have there, is NULL.
fn some_or_null(amount: Amount) -> Value {
    if amount.is_zero() { Value::Null } else { amount.into() }
}

pub fn cycle(row: &Columns) -> Result<ClosedCycle> {
    Ok(ClosedCycle {
        cycle: row.i32(1)?,
        start: row.time(2)?,
        end: row.time(3)?,
        closed_at: row.time(4)?,
        granted: row.amount(5)?,
        used: row.amount(6)?,
        rolled_over: row.amount(7)?,
        expired: row.amount(8)?,
        debt_forgiven: row.amount(9)?,
        debt_invoiced: row.amount(10)?,
        foreseen_end: row.opt_time(11)?,
        entry: row.i64(12)?,
        hash: hash(row.bytes(13)?)?,
    })
}

pub fn cycle_values(account: &str, cycle: &ClosedCycle) -> Vec<Value> {
    vec![
        account.into(),
        cycle.cycle.into(),
        cycle.start.into(),
        cycle.end.into(),
        cycle.closed_at.into(),
        cycle.granted.into(),
        cycle.used.into(),
        cycle.rolled_over.into(),
        cycle.expired.into(),
        cycle.debt_forgiven.into(),
        cycle.debt_invoiced.into(),
        cycle.foreseen_end.into(),
        cycle.entry.into(),
        Value::Bytes(cycle.hash.to_vec()),
    ]
}

macro_rules! subscription_columns {
    () => {
        "account, plan, held, seats, subscribed_at, pending_plan, pending_seats, pending_end, pending_expire, cycle, \
         peak_seats, counted, carried, trial_granted, converts"
    };
}

macro_rules! plan_columns {
    () => {
        "plan, version, defined_at, allowance, per_seat, seat_cap, rank, trial, trial_period, purchases, \
         rollover_percent, rollover_max, rollover_cycles, defined_by, metadata"
    };
}

macro_rules! included_columns {
    () => {
        "feature, plan, version, defined_at, units, defined_by"
    };
}

macro_rules! rate_columns {
    () => {
        "feature, effective_at, version, defined_at, credits, per_units, model, free, defined_by"
    };
}

macro_rules! switch_columns {
    () => {
        "account, feature, enabled, changed_at"
    };
}

macro_rules! meter_columns {
    () => {
        "account, feature, cycle, included, package_left"
    };
}

macro_rules! hold_columns {
    () => {
        "account, hold, lapses_at, expires_at, made_at, cycle, status, amount, captured, headroom, lapsed, lots, \
         amounts, feature, actor"
    };
}

macro_rules! pack_columns {
    () => {
        "pack, version, defined_at, credits, price, currency, minimum_price, defined_by"
    };
}

macro_rules! auto_recharge_columns {
    () => {
        "account, threshold, pack, trigger, measure, max_packs, monthly_limit, payment_method, enabled, suspended, \
         failures, last_error_code, last_error, capped_month"
    };
}

macro_rules! recharge_columns {
    () => {
        "account, recharge, status, pack, quantity, credits, price, currency, requested_at, attempts, payment_key, \
         payment_method, due_at, last_error_code, last_error, payment_ref, settled_at, credited_by"
    };
}

macro_rules! event_columns {
    () => {
        "account, event, type, payload, entry, occurred_at, leased_until, acknowledged_at"
    };
}

macro_rules! alert_columns {
    () => {
        "account, alert, below, used_percent, only_if_on_pace, enabled, fired_at"
    };
}

macro_rules! debt_columns {
    () => {
        "account, drawn, line_starts, line_ends, lasting"
    };
}

macro_rules! settlement_columns {
    () => {
        "account, line_start, line_end, entry, fate, lot"
    };
}

macro_rules! refunded_columns {
    () => {
        "account, entry, amount, quantity"
    };
}

macro_rules! claw_back_columns {
    () => {
        "account, lot, entry, amount, returned"
    };
}

macro_rules! budget_columns {
    () => {
        "account, budget, period, actor, feature, budget_limit"
    };
}

macro_rules! budget_use_columns {
    () => {
        "account, budget, actor, cycle, period_start, used"
    };
}

pub(crate) use {
    alert_columns, auto_recharge_columns, budget_columns, budget_use_columns, claw_back_columns, debt_columns,
    event_columns, hold_columns, included_columns, meter_columns, pack_columns, plan_columns, rate_columns,
    recharge_columns, refunded_columns, settlement_columns, subscription_columns, switch_columns,
};

pub fn subscription(row: &Columns) -> Result<Subscription> {
    Ok(Subscription {
        plan: row.text(1)?.into(),
        held: row.bool(2)?,
        seats: row.i32(3)?,
        subscribed_at: row.time(4)?,
        pending: Pending {
            plan: row.opt_text(5)?.map(Into::into),
            seats: row.opt_i32(6)?,
            end: row.bool(7)?,
            expire: row.bool(8)?,
        },
        cycle: row.i32(9)?,
        peak_seats: row.i32(10)?,
        counted: row.amount(11)?,
        carried: row.amount(12)?,
        trial_granted: row.bool(13)?,
        converts: row.bool(14)?,
        changed: false,
    })
}

pub fn subscription_values(account: &str, own: &Subscription) -> Vec<Value> {
    vec![
        account.into(),
        own.plan.as_str().into(),
        own.held.into(),
        own.seats.into(),
        own.subscribed_at.into(),
        own.pending.plan.as_deref().into(),
        own.pending.seats.into(),
        own.pending.end.into(),
        own.pending.expire.into(),
        own.cycle.into(),
        own.peak_seats.into(),
        own.counted.into(),
        own.carried.into(),
        own.trial_granted.into(),
        own.converts.into(),
    ]
}

/// The plan's name, and the version.
pub fn plan_version(row: &Columns) -> Result<(String, PlanVersion)> {
    let plan = Plan {
        allowance: row.amount(3)?,
        per_seat: row.bool(4)?,
        seat_cap: row.opt_i32(5)?,
        rank: row.i32(6)?,
        trial: row.bool(7)?,
        trial_period: row.opt_interval(8)?,
        purchases: row.bool(9)?,
        rollover_percent: row.amount(10)?,
        rollover_max: row.opt_amount(11)?,
        rollover_cycles: row.i32(12)?,
        metadata: row.opt_json(14)?,
    };
    Ok((row.text(0)?.into(), PlanVersion { version: row.i32(1)?, defined_at: row.time(2)?, plan }))
}

pub fn rate_version(row: &Columns) -> Result<RateVersion> {
    let model = row.text(6)?;
    let rate = Rate {
        credits: row.amount(4)?,
        per_units: row.amount(5)?,
        model: RateModel::parse(model).map_err(|_| corrupt("model of a rate", model))?,
        free: row.bool(7)?,
    };
    Ok(RateVersion { rate, effective_at: row.time(1)?, version: row.i32(2)?, defined_at: row.time(3)? })
}

pub fn switch(row: &Columns) -> Result<Switch> {
    Ok(Switch { feature: row.text(1)?.into(), enabled: row.bool(2)?, changed_at: row.time(3)? })
}

pub fn switch_values(account: &str, switch: &Switch) -> Vec<Value> {
    vec![account.into(), switch.feature.as_str().into(), switch.enabled.into(), switch.changed_at.into()]
}

pub fn meter(row: &Columns) -> Result<Meter> {
    Ok(Meter {
        feature: row.text(1)?.into(),
        cycle: row.i32(2)?,
        included: row.amount(3)?,
        package_left: row.amount(4)?,
    })
}

pub fn meter_values(account: &str, meter: &Meter) -> Vec<Value> {
    vec![
        account.into(),
        meter.feature.as_str().into(),
        meter.cycle.into(),
        meter.included.into(),
        meter.package_left.into(),
    ]
}

pub fn hold(row: &Columns) -> Result<Hold> {
    let status = row.text(6)?;
    let (lots, amounts) = (row.ints(11)?.unwrap_or_default(), row.amounts(12)?.unwrap_or_default());
    if lots.len() != amounts.len() {
        return Err(corrupt("list of parts of a hold", "lots and amounts do not belong together").into());
    }
    Ok(Hold {
        hold: row.i64(1)?,
        expires_at: row.time(3)?,
        made_at: row.time(4)?,
        cycle: row.i32(5)?,
        status: HoldStatus::parse(status).ok_or_else(|| corrupt("status of a hold", status))?,
        amount: row.amount(7)?,
        captured: row.amount(8)?,
        headroom: row.amount(9)?,
        lapsed: row.amount(10)?,
        parts: lots.into_iter().zip(amounts).map(|(lot, amount)| Movement { lot, amount }).collect(),
        feature: row.opt_text(13)?.map(Into::into),
        actor: row.opt_text(14)?.map(Into::into),
        changed: false,
    })
}

pub fn hold_values(account: &str, hold: &Hold) -> Vec<Value> {
    vec![
        account.into(),
        hold.hold.into(),
        hold.is_open().then_some(hold.expires_at).into(),
        hold.expires_at.into(),
        hold.made_at.into(),
        hold.cycle.into(),
        hold.status.name().into(),
        hold.amount.into(),
        hold.captured.into(),
        hold.headroom.into(),
        hold.lapsed.into(),
        Value::Ints(hold.parts.iter().map(|part| part.lot).collect()),
        Value::Amounts(hold.parts.iter().map(|part| part.amount).collect()),
        hold.feature.as_deref().into(),
        hold.actor.as_deref().into(),
    ]
}

pub fn pack_version(row: &Columns) -> Result<PackVersion> {
    let price = Price { amount: row.amount(4)?, currency: row.text(5)?.into() };
    let pack = Pack { credits: row.amount(3)?, price, minimum_price: row.opt_amount(6)? };
    Ok(PackVersion { version: row.i32(1)?, defined_at: row.time(2)?, pack })
}

fn failure(row: &Columns, code: usize) -> Result<Option<Failure>> {
    Ok(match (row.opt_text(code)?, row.opt_text(code + 1)?) {
        (Some(code), Some(message)) => Some(Failure { code: code.into(), message: message.into() }),
        _ => None,
    })
}

pub fn auto_recharge(row: &Columns) -> Result<AutoRecharge> {
    let (trigger, measure) = (row.text(3)?, row.text(4)?);
    let settings = RechargeSettings {
        threshold: row.amount(1)?,
        pack: row.text(2)?.into(),
        trigger: Trigger::parse(trigger).map_err(|_| corrupt("trigger", trigger))?,
        measure: Measure::parse(measure).map_err(|_| corrupt("measure", measure))?,
        max_packs: row.i32(5)?,
        monthly_limit: row.opt_amount(6)?,
        payment_method: row.opt_text(7)?.map(Into::into),
        enabled: row.bool(8)?,
    };
    Ok(AutoRecharge {
        settings,
        suspended: row.bool(9)?,
        failures: row.i32(10)?,
        last_error: failure(row, 11)?,
        capped_month: row.opt_time(13)?,
        changed: false,
    })
}

pub fn auto_recharge_values(account: &str, auto: &AutoRecharge) -> Vec<Value> {
    let settings = &auto.settings;
    vec![
        account.into(),
        settings.threshold.into(),
        settings.pack.as_str().into(),
        settings.trigger.name().into(),
        settings.measure.name().into(),
        settings.max_packs.into(),
        settings.monthly_limit.into(),
        settings.payment_method.as_deref().into(),
        settings.enabled.into(),
        auto.suspended.into(),
        auto.failures.into(),
        auto.last_error.as_ref().map(|error| error.code.as_str()).into(),
        auto.last_error.as_ref().map(|error| error.message.as_str()).into(),
        auto.capped_month.into(),
    ]
}

pub fn recharge(row: &Columns) -> Result<Recharge> {
    let status = row.text(2)?;
    Ok(Recharge {
        recharge: row.i64(1)?,
        status: RechargeStatus::parse(status).ok_or_else(|| corrupt("status of a recharge", status))?,
        pack: row.text(3)?.into(),
        quantity: row.i32(4)?,
        credits: row.amount(5)?,
        price: Price { amount: row.amount(6)?, currency: row.text(7)?.into() },
        requested_at: row.time(8)?,
        attempts: row.i32(9)?,
        payment_key: row.opt_text(10)?.map(Into::into),
        payment_method: row.opt_text(11)?.map(Into::into),
        due_at: row.opt_time(12)?,
        last_error: failure(row, 13)?,
        payment_ref: row.opt_text(15)?.map(Into::into),
        settled_at: row.opt_time(16)?,
        credited_by: row.opt_i64(17)?,
        changed: false,
    })
}

pub fn recharge_values(account: &str, recharge: &Recharge) -> Vec<Value> {
    vec![
        account.into(),
        recharge.recharge.into(),
        recharge.status.name().into(),
        recharge.pack.as_str().into(),
        recharge.quantity.into(),
        recharge.credits.into(),
        recharge.price.amount.into(),
        recharge.price.currency.as_str().into(),
        recharge.requested_at.into(),
        recharge.attempts.into(),
        recharge.payment_key.as_deref().into(),
        recharge.payment_method.as_deref().into(),
        recharge.due_at.into(),
        recharge.last_error.as_ref().map(|error| error.code.as_str()).into(),
        recharge.last_error.as_ref().map(|error| error.message.as_str()).into(),
        recharge.payment_ref.as_deref().into(),
        recharge.settled_at.into(),
        recharge.credited_by.into(),
    ]
}

pub fn event(row: &Columns) -> Result<Event> {
    let name = row.text(2)?;
    let payload = row.json(3)?;
    Ok(Event {
        event: row.i64(1)?,
        event_type: EventType::parse(name).ok_or_else(|| corrupt("type of event", name))?,
        payload: serde_json::from_str(&payload).map_err(|_| corrupt("payload of an event", &payload))?,
        entry: row.i64(4)?,
        occurred_at: row.time(5)?,
    })
}

pub fn event_values(account: &str, event: &Event) -> Vec<Value> {
    vec![
        account.into(),
        event.event.into(),
        Value::Text(event.event_type.name().into_owned()),
        Value::Json(event.payload.to_string()),
        event.entry.into(),
        event.occurred_at.into(),
        Value::Null,
        Value::Null,
    ]
}

pub fn alert(row: &Columns) -> Result<Alert> {
    let condition =
        Condition { below: row.opt_amount(2)?, used_percent: row.opt_amount(3)?, only_if_on_pace: row.bool(4)? };
    let alert = Alert::armed(AlertRow { alert: row.text(1)?.into(), condition, enabled: row.bool(5)? });
    Ok(Alert { fired_at: row.opt_time(6)?, ..alert })
}

pub fn alert_values(account: &str, alert: &Alert) -> Vec<Value> {
    let AlertRow { alert: name, condition, enabled } = &alert.row;
    vec![
        account.into(),
        name.as_str().into(),
        condition.below.into(),
        condition.used_percent.into(),
        condition.only_if_on_pace.into(),
        (*enabled).into(),
        alert.fired_at.into(),
    ]
}

pub fn debts(row: &Columns) -> Result<Debts> {
    let (starts, ends) = (row.amounts(2)?.unwrap_or_default(), row.amounts(3)?.unwrap_or_default());
    let lasting = row.ints(4)?.unwrap_or_default();
    let known = lasting.iter().all(|lasting| matches!(lasting, 0 | 1));
    if starts.len() != ends.len() || starts.len() != lasting.len() || !known {
        return Err(corrupt("list of debts", "starts and ends do not belong together").into());
    }
    let stretches = starts.into_iter().zip(ends).map(|(start, end)| Stretch { start, end });
    let open = stretches.zip(lasting).map(|(stretch, lasting)| OpenDebt { stretch, lasting: lasting != 0 });
    Ok(Debts { drawn: row.amount(1)?, open: open.collect(), changed: false })
}

pub fn debt_values(account: &str, debts: &Debts) -> Vec<Value> {
    let open = || debts.open.iter();
    vec![
        account.into(),
        debts.drawn.into(),
        Value::Amounts(open().map(|debt| debt.stretch.start).collect()),
        Value::Amounts(open().map(|debt| debt.stretch.end).collect()),
        Value::Ints(open().map(|debt| debt.lasting.into()).collect()),
    ]
}

pub fn settlement(row: &Columns) -> Result<Settlement> {
    let fate = row.text(4)?;
    Ok(Settlement {
        stretch: Stretch { start: row.amount(1)?, end: row.amount(2)? },
        entry: row.i64(3)?,
        fate: Fate::parse(fate, row.opt_i32(5)?).ok_or_else(|| corrupt("fate of a debt", fate))?,
    })
}

pub fn settlement_values(account: &str, settlement: &Settlement) -> Vec<Value> {
    vec![
        account.into(),
        settlement.stretch.start.into(),
        settlement.stretch.end.into(),
        settlement.entry.into(),
        settlement.fate.name().into(),
        settlement.fate.lot().into(),
    ]
}

pub fn refunded(row: &Columns) -> Result<Refunded> {
    Ok(Refunded { entry: row.i64(1)?, amount: row.amount(2)?, quantity: row.amount(3)?, changed: false })
}

pub fn refunded_values(account: &str, refunded: &Refunded) -> Vec<Value> {
    vec![account.into(), refunded.entry.into(), refunded.amount.into(), refunded.quantity.into()]
}

pub fn claw_back(row: &Columns) -> Result<ClawBack> {
    Ok(ClawBack {
        lot: row.i32(1)?,
        entry: row.i64(2)?,
        amount: row.amount(3)?,
        returned: row.amount(4)?,
        changed: false,
    })
}

pub fn claw_back_values(account: &str, own: &ClawBack) -> Vec<Value> {
    vec![account.into(), own.lot.into(), own.entry.into(), own.amount.into(), own.returned.into()]
}

pub fn budget(row: &Columns) -> Result<BudgetRow> {
    let period = row.text(2)?;
    Ok(BudgetRow {
        budget: row.i32(1)?,
        period: Period::parse(period).map_err(|_| corrupt("period of a budget", period))?,
        actor: row.opt_text(3)?.map(Into::into),
        feature: row.opt_text(4)?.map(Into::into),
        budget_limit: row.amount(5)?,
    })
}

pub fn budget_values(account: &str, row: &BudgetRow) -> Vec<Value> {
    vec![
        account.into(),
        row.budget.into(),
        row.period.name().into(),
        row.actor.as_deref().into(),
        row.feature.as_deref().into(),
        row.budget_limit.into(),
    ]
}

pub fn budget_use(row: &Columns) -> Result<BudgetUse> {
    Ok(BudgetUse {
        budget: row.i32(1)?,
        actor: row.text(2)?.into(),
        span: Span { cycle: row.i32(3)?, start: row.time(4)? },
        used: row.amount(5)?,
    })
}

pub fn budget_use_values(account: &str, used: &BudgetUse) -> Vec<Value> {
    vec![
        account.into(),
        used.budget.into(),
        used.actor.as_str().into(),
        used.span.cycle.into(),
        used.span.start.into(),
        used.used.into(),
    ]
}
