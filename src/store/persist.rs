//! Writing what an operation left on its book.

use super::rows::{
    self, account_columns, alert_columns, auto_recharge_columns, budget_columns, budget_use_columns, claw_back_columns,
    cycle_columns, debt_columns, entry_columns, event_columns, hold_columns, insert_rows, lot_columns, meter_columns,
    recharge_columns, refunded_columns, settlement_columns, subscription_columns, switch_columns,
};
use super::{events, lookup};
use crate::pg::{Result, Seen, Sought, Spi, Statement, Table, Type, Value};
use credits_domain::account::{Account, Settings};
use credits_domain::book::{Book, BudgetChange, Description};
use credits_domain::entry::Entry;
use credits_domain::hold::Hold;
use credits_domain::time::Timestamp;

static ACCOUNTS: Table = Table::new("accounts", account_columns!());
static ENTRIES: Table = Table::new("entries", entry_columns!());
static HOLDS: Table = Table::new("holds", hold_columns!());

static OPEN_ROW: Statement = Statement::new(
    concat!(insert_rows!("accounts", account_columns!()), " ON CONFLICT (account) DO NOTHING"),
    &[Type::RowsOf("accounts")],
);

/// What an operation on the head changes. The entry number is the row's version: where it moved on, no row is changed.
static UPDATE_FIGURES: Statement = Statement::new(
    "UPDATE credits_ledger.accounts SET entry = $3, recorded_at = $4, allowance = $5, credits = $6, used = $7, \
     head_remaining = $8, hash = $9, next_event_at = $10, held = $11, headroom = $12, head_held = $13 \
     WHERE account = $1 AND entry = $2",
    &[
        Type::Text,
        Type::I64,
        Type::I64,
        Type::Time,
        Type::Amount,
        Type::Amount,
        Type::Amount,
        Type::Amount,
        Type::Bytes,
        Type::Time,
        Type::Amount,
        Type::Amount,
        Type::Amount,
    ],
);

macro_rules! update_accounts {
    () => {
        "UPDATE credits_ledger.accounts a SET \
          next_event_at = n.next_event_at, opened_at = n.opened_at, cycle_start = n.cycle_start, \
          cycle_end = n.cycle_end, anchor = n.anchor, cycle_length = n.cycle_length, \
          cycle_allowance = n.cycle_allowance, rollover_percent = n.rollover_percent, rollover_max = n.rollover_max, \
          overdraft_limit = n.overdraft_limit, time_zone = n.time_zone, debt_policy = n.debt_policy, \
          status = n.status, opened_by_grant = n.opened_by_grant, extras = n.extras, head_is_allowance = n.head_is_allowance, \
          head_lot = n.head_lot, lots = n.lots, cycle = n.cycle, entry = n.entry, recorded_at = n.recorded_at, \
          granted = n.granted, expired = n.expired, allowance = n.allowance, credits = n.credits, held = n.held, debt = n.debt, \
          reserved = n.reserved, used = n.used, headroom = n.headroom, head_remaining = n.head_remaining, \
          head_held = n.head_held, hash = n.hash, events = n.events, recharge_at = n.recharge_at, alert_at = n.alert_at \
         FROM unnest($1) n WHERE a.account = n.account"
    };
}

static UPDATE_ACCOUNTS: Statement = Statement::new(update_accounts!(), &[Type::RowsOf("accounts")]);

/// Where it is one account, its name is looked for by index whatever the planner knows of the table. A plan that was kept
/// from when the table was empty would read all of it.
static UPDATE_ACCOUNT: Statement =
    Statement::new(concat!(update_accounts!(), " AND a.account = $2"), &[Type::RowsOf("accounts"), Type::Text]);

static DESCRIBE: Statement = Statement::new(
    "UPDATE credits_ledger.accounts SET opened_with = $2, metadata = $3 WHERE account = $1",
    &[Type::Text, Type::Json, Type::Json],
);

static APPEND_ENTRIES: Statement =
    Statement::new(insert_rows!("entries", entry_columns!()), &[Type::RowsOf("entries")]);

static SAVE_LOTS: Statement = Statement::new(
    concat!(
        insert_rows!("lots", lot_columns!()),
        " ON CONFLICT (account, lot) DO UPDATE SET effective_at = excluded.effective_at, \
         expires_at = excluded.expires_at, burn_at = excluded.burn_at, burn_rank = excluded.burn_rank, \
         cycle = excluded.cycle, expires_cycle = excluded.expires_cycle, open = excluded.open, \
         status = excluded.status, remaining = excluded.remaining, held = excluded.held, gone = excluded.gone, \
         revoked = excluded.revoked"
    ),
    &[Type::RowsOf("lots")],
);

static APPEND_CYCLES: Statement = Statement::new(insert_rows!("cycles", cycle_columns!()), &[Type::RowsOf("cycles")]);

static APPEND_SETTINGS: Statement =
    Statement::new(insert_rows!("settings", "account, entry, status, overdraft_limit"), &[Type::RowsOf("settings")]);

static APPEND_EVENTS: Statement = Statement::new(insert_rows!("events", event_columns!()), &[Type::RowsOf("events")]);

static SAVE_SUBSCRIPTIONS: Statement = Statement::new(
    concat!(
        insert_rows!("subscriptions", subscription_columns!()),
        " ON CONFLICT (account, plan) DO UPDATE SET held = excluded.held, seats = excluded.seats, \
         subscribed_at = excluded.subscribed_at, pending_plan = excluded.pending_plan, \
         pending_seats = excluded.pending_seats, pending_end = excluded.pending_end, \
         pending_expire = excluded.pending_expire, cycle = excluded.cycle, peak_seats = excluded.peak_seats, \
         counted = excluded.counted, carried = excluded.carried, trial_granted = excluded.trial_granted, \
         converts = excluded.converts"
    ),
    &[Type::RowsOf("subscriptions")],
);

static SAVE_METERS: Statement = Statement::new(
    concat!(
        insert_rows!("meters", meter_columns!()),
        " ON CONFLICT (account, feature) DO UPDATE SET cycle = excluded.cycle, included = excluded.included, \
         package_left = excluded.package_left"
    ),
    &[Type::RowsOf("meters")],
);

static SAVE_HOLDS: Statement = Statement::new(
    concat!(
        insert_rows!("holds", hold_columns!()),
        " ON CONFLICT (account, hold) DO UPDATE SET lapses_at = excluded.lapses_at, expires_at = excluded.expires_at, \
         status = excluded.status, captured = excluded.captured, headroom = excluded.headroom, \
         lapsed = excluded.lapsed, lots = excluded.lots, amounts = excluded.amounts"
    ),
    &[Type::RowsOf("holds")],
);

static APPEND_HOLDS: Statement = Statement::new(insert_rows!("holds", hold_columns!()), &[Type::RowsOf("holds")]);

static SETTLE_HOLD: Statement = Statement::new(
    "UPDATE credits_ledger.holds SET lapses_at = $3, expires_at = $4, status = $5, captured = $6, headroom = $7, \
     lapsed = $8, lots = $9, amounts = $10 WHERE account = $1 AND hold = $2",
    &[
        Type::Text,
        Type::I64,
        Type::Time,
        Type::Time,
        Type::Text,
        Type::Amount,
        Type::Amount,
        Type::Amount,
        Type::Ints,
        Type::Amounts,
    ],
);

static SAVE_AUTO_RECHARGE: Statement = Statement::new(
    concat!(
        insert_rows!("auto_recharges", auto_recharge_columns!()),
        " ON CONFLICT (account) DO UPDATE SET threshold = excluded.threshold, pack = excluded.pack, \
         trigger = excluded.trigger, measure = excluded.measure, max_packs = excluded.max_packs, \
         monthly_limit = excluded.monthly_limit, payment_method = excluded.payment_method, \
         enabled = excluded.enabled, suspended = excluded.suspended, failures = excluded.failures, \
         last_error_code = excluded.last_error_code, last_error = excluded.last_error, \
         capped_month = excluded.capped_month"
    ),
    &[Type::RowsOf("auto_recharges")],
);

static SAVE_RECHARGES: Statement = Statement::new(
    concat!(
        insert_rows!("recharges", recharge_columns!()),
        " ON CONFLICT (account, recharge) DO UPDATE SET status = excluded.status, payment_key = excluded.payment_key, \
         payment_method = excluded.payment_method, due_at = excluded.due_at, \
         last_error_code = excluded.last_error_code, last_error = excluded.last_error, \
         payment_ref = excluded.payment_ref, settled_at = excluded.settled_at, credited_by = excluded.credited_by"
    ),
    &[Type::RowsOf("recharges")],
);

static SAVE_DEBTS: Statement = Statement::new(
    concat!(
        insert_rows!("debts", debt_columns!()),
        " ON CONFLICT (account) DO UPDATE SET drawn = excluded.drawn, line_starts = excluded.line_starts, \
         line_ends = excluded.line_ends, lasting = excluded.lasting"
    ),
    &[Type::RowsOf("debts")],
);

static APPEND_SETTLEMENTS: Statement =
    Statement::new(insert_rows!("settlements", settlement_columns!()), &[Type::RowsOf("settlements")]);

static SAVE_REFUNDED: Statement = Statement::new(
    concat!(
        insert_rows!("refunded", refunded_columns!()),
        " ON CONFLICT (account, entry) DO UPDATE SET amount = excluded.amount, quantity = excluded.quantity"
    ),
    &[Type::RowsOf("refunded")],
);

static SAVE_CLAW_BACKS: Statement = Statement::new(
    concat!(
        insert_rows!("claw_backs", claw_back_columns!()),
        " ON CONFLICT (account, lot, entry) DO UPDATE SET returned = excluded.returned"
    ),
    &[Type::RowsOf("claw_backs")],
);

static SAVE_SWITCHES: Statement = Statement::new(
    concat!(
        insert_rows!("switches", switch_columns!()),
        " ON CONFLICT (account, feature) DO UPDATE SET enabled = excluded.enabled, changed_at = excluded.changed_at"
    ),
    &[Type::RowsOf("switches")],
);

static SAVE_ALERTS: Statement = Statement::new(
    concat!(
        insert_rows!("alerts", alert_columns!()),
        " ON CONFLICT (account, alert) DO UPDATE SET below = excluded.below, used_percent = excluded.used_percent, \
         only_if_on_pace = excluded.only_if_on_pace, enabled = excluded.enabled, fired_at = excluded.fired_at"
    ),
    &[Type::RowsOf("alerts")],
);

static SAVE_BUDGETS: Statement = Statement::new(
    concat!(
        insert_rows!("budgets", budget_columns!()),
        " ON CONFLICT (account, budget) DO UPDATE SET budget_limit = excluded.budget_limit"
    ),
    &[Type::RowsOf("budgets")],
);

static SAVE_BUDGET_USE: Statement = Statement::new(
    concat!(
        insert_rows!("budget_use", budget_use_columns!()),
        " ON CONFLICT (account, actor, budget) DO UPDATE SET cycle = excluded.cycle, \
         period_start = excluded.period_start, used = excluded.used"
    ),
    &[Type::RowsOf("budget_use")],
);

static REMOVE_BUDGET: Statement =
    Statement::new("DELETE FROM credits_ledger.budgets WHERE account = $1 AND budget = $2", &[Type::Text, Type::I32]);

static REMOVE_BUDGET_USE: Statement = Statement::new(
    "DELETE FROM credits_ledger.budget_use WHERE account = $1 AND budget = $2",
    &[Type::Text, Type::I32],
);

static ERASE: Statement = Statement::new(
    "UPDATE credits_ledger.entries SET actor = NULL, resource = NULL, metadata = NULL, salt = NULL, redacted = $3 \
     WHERE account = $1 AND entry = $2",
    &[Type::Text, Type::I64, Type::Bytes],
);

static ERASE_HOLD: Statement = Statement::new(
    "UPDATE credits_ledger.holds SET actor = NULL WHERE account = $1 AND hold = $2",
    &[Type::Text, Type::I64],
);

/// Makes the rows of accounts that nobody opened yet, in this order, but for those that somebody else just makes. They
/// say 0 entries: the `open` follows in the same transaction.
pub fn make_rows(spi: &Spi, accounts: &[&str], now: Timestamp) -> Result<()> {
    let settings = Settings::defaults(now);
    let description = Description { opened_with: settings.clone(), metadata: None };
    let row = |name: &&str| rows::account_values(&Account::unopened(name, settings.clone(), now), Some(&description));
    if !accounts.is_empty() {
        spi.write(&OPEN_ROW, &[Value::Rows("accounts", accounts.iter().map(row).collect())])?;
    }
    Ok(())
}

/// Writes the figures that an operation on the head changes, if the account still is where it was read. False: it moved
/// on.
pub fn update_figures(spi: &Spi, read: &Account, account: &Account) -> Result<bool> {
    Ok(spi.write(&UPDATE_FIGURES, &guarded(read, figures(account)))?.affected() == 1)
}

/// The same with the active snapshot, which saw that row.
pub fn update_figures_there(spi: &Spi, seen: Seen, read: &Account, account: &Account) -> Result<bool> {
    let figures = figures(account);
    let changed = if concerns_holds(read, account) { figures.len() } else { OF_DEBIT };
    if ACCOUNTS.update(seen, &figures[..changed])? {
        return Ok(true);
    }
    // It cannot be done so, or somebody else was quicker: then this waits, and locks the row.
    Ok(spi.write_as_seen(&UPDATE_FIGURES, &guarded(read, figures))?.affected() == 1)
}

/// Whether what is held changed, or when time next has something to do.
fn concerns_holds(before: &Account, after: &Account) -> bool {
    before.balances.held != after.balances.held
        || before.headroom != after.headroom
        || before.next_event_at != after.next_event_at
}

/// How many of the figures a plain debit changes. A hold on the head, or its settlement, may change them all.
const OF_DEBIT: usize = 7;

/// What an operation on the head changes, by the columns' places and in the order of [`UPDATE_FIGURES`].
fn figures(account: &Account) -> [(usize, Value); 11] {
    let head = account.head;
    [
        (rows::ENTRY, account.entry.into()),
        (rows::RECORDED_AT, account.recorded_at.into()),
        (rows::ALLOWANCE, account.balances.allowance.into()),
        (rows::CREDITS, account.balances.credits.into()),
        (rows::USED, account.used.into()),
        (rows::HEAD_REMAINING, head.map(|head| head.remaining).unwrap_or_default().into()),
        (rows::HASH, Value::Bytes(account.hash.to_vec())),
        (rows::NEXT_EVENT_AT, account.next_event_at.into()),
        (rows::HELD, account.balances.held.into()),
        (rows::HEADROOM, account.headroom.into()),
        (rows::HEAD_HELD, head.map(|head| head.held).unwrap_or_default().into()),
    ]
}

/// The figures for the row of an account as it was read.
fn guarded<const N: usize>(read: &Account, figures: [(usize, Value); N]) -> Vec<Value> {
    let row = [read.account.as_str().into(), read.entry.into()];
    row.into_iter().chain(figures.into_iter().map(|(_, figure)| figure)).collect()
}

/// Appends the entry of an operation on the head.
pub fn append_plain(spi: &Spi, account: &str, entry: &Entry) -> Result<()> {
    let values = rows::entry_values(account, entry);
    if ENTRIES.insert(&values)? {
        return Ok(());
    }
    write_rows(spi, &APPEND_ENTRIES, "entries", [values])
}

/// Writes what an operation left beside the account's row, its lots and entries.
pub fn save_extras(spi: &Spi, book: &Book) -> Result<()> {
    save_holds(spi, book, false)?;
    save_others(spi, book)
}

/// The same where the active snapshot has just been taken and sees all that this transaction did before the operation.
pub fn save_extras_as_seen(spi: &Spi, book: &Book) -> Result<()> {
    save_holds(spi, book, true)?;
    save_others(spi, book)
}

fn save_others(spi: &Spi, book: &Book) -> Result<()> {
    let name = book.account.account.as_str();
    let own = book.holdings.subscriptions.iter().filter(|own| own.changed);
    write_rows(spi, &SAVE_SUBSCRIPTIONS, "subscriptions", own.map(|own| rows::subscription_values(name, own)))?;
    write_rows(spi, &SAVE_METERS, "meters", book.meters.iter().map(|meter| rows::meter_values(name, meter)))?;
    write_rows(spi, &SAVE_SWITCHES, "switches", book.switches.iter().map(|switch| rows::switch_values(name, switch)))?;
    let told = book.alerts.iter().flatten().filter(|alert| alert.changed);
    write_rows(spi, &SAVE_ALERTS, "alerts", told.map(|alert| rows::alert_values(name, alert)))?;
    let debts = book.debts.changed.then(|| rows::debt_values(name, &book.debts));
    write_rows(spi, &SAVE_DEBTS, "debts", debts)?;
    let settled = book.settlements.iter().map(|own| rows::settlement_values(name, own));
    write_rows(spi, &APPEND_SETTLEMENTS, "settlements", settled)?;
    write_rows(spi, &SAVE_REFUNDED, "refunded", book.refunded.iter().map(|own| rows::refunded_values(name, own)))?;
    let claw_backs = book.claw_backs.iter().map(|own| rows::claw_back_values(name, own));
    write_rows(spi, &SAVE_CLAW_BACKS, "claw_backs", claw_backs)?;
    let used = book.budgets.iter().flatten().filter(|budget| budget.changed);
    write_rows(spi, &SAVE_BUDGET_USE, "budget_use", used.map(|budget| rows::budget_use_values(name, &budget.used)))?;
    let auto = book.auto_recharge.iter().filter(|auto| auto.changed);
    write_rows(spi, &SAVE_AUTO_RECHARGE, "auto_recharges", auto.map(|auto| rows::auto_recharge_values(name, auto)))?;
    // Those that are settled first: one at a time is open.
    for open in [false, true] {
        let recharges = book.recharges.iter().filter(|own| own.changed && own.is_open() == open);
        write_rows(spi, &SAVE_RECHARGES, "recharges", recharges.map(|own| rows::recharge_values(name, own)))?;
    }
    for change in &book.budget_changes {
        match change {
            BudgetChange::Set(row, used) => {
                write_rows(spi, &SAVE_BUDGETS, "budgets", [rows::budget_values(name, row)])?;
                let used = used.iter().map(|used| rows::budget_use_values(name, used));
                write_rows(spi, &SAVE_BUDGET_USE, "budget_use", used)?;
            }
            BudgetChange::Remove(budget) => {
                spi.write(&REMOVE_BUDGET_USE, &[name.into(), (*budget).into()])?;
                spi.write(&REMOVE_BUDGET, &[name.into(), (*budget).into()])?;
            }
        }
    }
    Ok(())
}

/// One by one where there are few, as after a call about a hold: that is quicker than rows of a table's type.
fn save_holds(spi: &Spi, book: &Book, as_seen: bool) -> Result<()> {
    const FEW: usize = 2;
    // made_at, cycle and amount never change, nor what it is for.
    let changes = |column: usize| matches!(column, 2 | 3 | 6 | 8..=12);
    let name = book.account.account.as_str();
    let changed: Vec<&Hold> = book.holds.iter().filter(|hold| hold.changed).collect();
    if changed.len() > FEW {
        return write_rows(spi, &SAVE_HOLDS, "holds", changed.iter().map(|hold| rows::hold_values(name, hold)));
    }
    for hold in changed {
        let is_new = book.entries.iter().any(|entry| entry.entry == hold.hold);
        let mut values = rows::hold_values(name, hold);
        if is_new {
            if !HOLDS.insert(&values)? {
                write_rows(spi, &APPEND_HOLDS, "holds", [values])?;
            }
            continue;
        }
        if as_seen && let Sought::Row(seen) = lookup::seek_hold_to_update(name, hold.hold)? {
            let changes: Vec<(usize, Value)> =
                values.iter().cloned().enumerate().filter(|(i, _)| changes(*i)).collect();
            if HOLDS.update(seen, &changes)? {
                continue;
            }
        }
        let mut place = 0;
        values.retain(|_| {
            place += 1;
            place <= 2 || changes(place - 1)
        });
        spi.write(&SETTLE_HOLD, &values)?;
    }
    Ok(())
}

fn write_rows(
    spi: &Spi,
    statement: &'static Statement,
    table: &'static str,
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> Result<()> {
    let rows: Vec<Vec<Value>> = rows.into_iter().collect();
    if !rows.is_empty() {
        spi.write(statement, &[Value::Rows(table, rows)])?;
    }
    Ok(())
}

/// Writes all that operations left on these books, whose accounts are locked: one statement a table.
pub fn save(spi: &Spi, books: &[&Book]) -> Result<()> {
    let (mut accounts, mut entries, mut lots, mut cycles) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut settings, mut events) = (Vec::new(), Vec::new());
    for book in books {
        let name = book.account.account.as_str();
        if !book.entries.is_empty() || !book.closed.is_empty() || book.touched {
            accounts.push(rows::account_values(&book.account, None));
        }
        entries.extend(book.entries.iter().map(|entry| rows::entry_values(name, entry)));
        settings.extend(book.entries.iter().filter(|entry| entry.operation.is_setting()).map(|entry| {
            let (status, limit) = (book.account.status, book.account.settings.overdraft_limit);
            vec![name.into(), entry.entry.into(), status.name().into(), limit.into()]
        }));
        lots.extend(book.all_lots().filter(|lot| lot.changed).map(|lot| rows::lot_values(name, lot)));
        events.extend(book.events.iter().map(|event| rows::event_values(name, event)));
        cycles.extend(book.closed.iter().map(|cycle| rows::cycle_values(name, cycle)));
    }
    match (accounts.len(), books) {
        (1, [book]) => {
            let name = book.account.account.as_str();
            spi.write(&UPDATE_ACCOUNT, &[Value::Rows("accounts", accounts), name.into()])?;
        }
        _ => write_rows(spi, &UPDATE_ACCOUNTS, "accounts", accounts)?,
    }
    write_rows(spi, &SAVE_LOTS, "lots", lots)?;
    write_rows(spi, &APPEND_ENTRIES, "entries", entries)?;
    write_rows(spi, &APPEND_CYCLES, "cycles", cycles)?;
    write_rows(spi, &APPEND_SETTINGS, "settings", settings)?;
    events::append(spi, events)?;
    for book in books {
        save_extras(spi, book)?;
        if let Some(Description { opened_with, metadata }) = &book.redescribed {
            spi.write(
                &DESCRIBE,
                &[
                    book.account.account.as_str().into(),
                    Value::Json(rows::opened_with_json(opened_with)),
                    metadata.clone().map_or(Value::Null, Value::Json),
                ],
            )?;
        }
    }
    Ok(())
}

/// Appends rows of events.
pub fn append_events(spi: &Spi, rows: Vec<Vec<Value>>) -> Result<()> {
    write_rows(spi, &APPEND_EVENTS, "events", rows)
}

/// Erases the personal data of an entry; the digest keeps the hash chain whole.
pub fn erase(spi: &Spi, account: &str, entry: i64, digest: [u8; 32]) -> Result<()> {
    crate::pg::trigger::allow_redaction(|| {
        spi.write(&ERASE, &[account.into(), entry.into(), Value::Bytes(digest.to_vec())])
    })?;
    spi.write(&ERASE_HOLD, &[account.into(), entry.into()])?;
    Ok(())
}
