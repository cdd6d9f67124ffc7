//! `credits_verify`: every account computed again from its entries, and what concerns all accounts at once.

use super::lookup::{self, Sight, StoredLots, unknown_account};
use super::{alerts, debts, events, read, recharges, terms};
use crate::pg::{Error, Result, Rows, ServerZone, Spi, Statement, subtransaction};
use credits_domain::audit::{self, Auditor, Problem};

/// A problem, and the account that has it; no account: the ledger as a whole.
pub struct Found {
    pub account: Option<String>,
    pub problem: Problem,
}

// A payment is credited once per account by a unique index; here it was credited to several.
static SHARED_PAYMENTS: Statement = Statement::new(
    "SELECT DISTINCT l.account, l.entry, l.payment_ref FROM credits_ledger.lots l \
     WHERE l.payment_ref IS NOT NULL AND EXISTS (SELECT FROM credits_ledger.lots o \
         WHERE o.payment_ref = l.payment_ref AND o.account <> l.account) ORDER BY l.account, l.entry",
    &[],
);

static ORPHANS: Statement = Statement::new(
    "SELECT DISTINCT r.account FROM ( \
         SELECT account FROM credits_ledger.entries WHERE entry = 1 \
         UNION SELECT account FROM credits_ledger.lots UNION SELECT account FROM credits_ledger.cycles \
         UNION SELECT account FROM credits_ledger.subscriptions UNION SELECT account FROM credits_ledger.switches \
         UNION SELECT account FROM credits_ledger.meters UNION SELECT account FROM credits_ledger.budgets \
         UNION SELECT account FROM credits_ledger.budget_use UNION SELECT account FROM credits_ledger.holds \
         UNION SELECT account FROM credits_ledger.auto_recharges UNION SELECT account FROM credits_ledger.recharges \
         UNION SELECT account FROM credits_ledger.debts UNION SELECT account FROM credits_ledger.settlements \
         UNION SELECT account FROM credits_ledger.refunded UNION SELECT account FROM credits_ledger.claw_backs \
         UNION SELECT account FROM credits_ledger.events UNION SELECT account FROM credits_ledger.alerts) r \
     WHERE NOT EXISTS (SELECT FROM credits_ledger.accounts a WHERE a.account = r.account) ORDER BY r.account",
    &[],
);

// pg_restore --disable-triggers leaves a trigger enabled that should be ENABLE ALWAYS.
static WEAK_TRIGGERS: Statement = Statement::new(
    "SELECT tgname::text, tgrelid::regclass::text FROM pg_catalog.pg_trigger \
     WHERE tgfoid = 'credits_ledger.append_only()'::pg_catalog.regprocedure AND tgenabled <> 'A' ORDER BY 2, 1",
    &[],
);

static TRIGGERS: Statement = Statement::new(
    "SELECT count(*) FROM pg_catalog.pg_trigger \
     WHERE tgfoid = 'credits_ledger.append_only()'::pg_catalog.regprocedure",
    &[],
);

/// Triggers that keep rows from being changed or removed: sql/functions.sql creates them.
const TRIGGER_COUNT: i64 = 42;

fn found(account: &str, entry: Option<i64>, problem: impl Into<String>) -> Found {
    Found { account: Some(account.into()), problem: Problem { entry, problem: problem.into() } }
}

/// LC002 for an account of which there is no row at all.
pub fn one(account: &str) -> Result<Vec<Found>> {
    let spi = Spi::connect()?;
    if !lookup::exists(&spi, account)? {
        return match orphans(&spi)?.into_iter().find(|orphan| orphan == account) {
            Some(orphan) => Ok(vec![found(&orphan, None, "the account's row is missing")]),
            None => Err(unknown_account(account).into()),
        };
    }
    check(account)
}

pub fn all() -> Result<Vec<Found>> {
    let spi = Spi::connect()?;
    let mut problems = Vec::new();
    let mut after = String::new();
    loop {
        let names = read::account_names(&spi, &after)?;
        let Some(last) = names.last() else { break };
        after = last.clone();
        for name in &names {
            problems.extend(check(name)?);
        }
    }
    problems.extend(orphans(&spi)?.iter().map(|orphan| found(orphan, None, "the account's row is missing")));
    for row in spi.read(&SHARED_PAYMENTS, &[])?.iter() {
        let problem = format!("payment {:?} was credited to another account, too", row.text(2)?);
        problems.push(found(row.text(0)?, Some(row.i64(1)?), problem));
    }
    problems.extend(triggers(&spi)?);
    Ok(problems)
}

fn orphans(spi: &Spi) -> Result<Vec<String>> {
    texts(&spi.read(&ORPHANS, &[])?)
}

fn texts(rows: &Rows) -> Result<Vec<String>> {
    rows.iter().map(|row| Ok(row.text(0)?.to_string())).collect()
}

fn triggers(spi: &Spi) -> Result<Vec<Found>> {
    let whole = |problem: String| Found { account: None, problem: Problem { entry: None, problem } };
    let mut problems = Vec::new();
    for row in spi.read(&WEAK_TRIGGERS, &[])?.iter() {
        problems.push(whole(format!(
            "trigger {} on {} does not fire always: ALTER TABLE … ENABLE ALWAYS TRIGGER",
            row.text(0)?,
            row.text(1)?
        )));
    }
    let count = spi.read(&TRIGGERS, &[])?.iter().next().map_or(Ok(0), |row| row.i64(0))?;
    if count != TRIGGER_COUNT {
        problems.push(whole(format!("there are {count} append-only triggers instead of {TRIGGER_COUNT}")));
    }
    Ok(problems)
}

/// One account, in a subtransaction: a page that cannot be read is a finding, and not the end of the check.
fn check(account: &str) -> Result<Vec<Found>> {
    let problems = match subtransaction(|| audit(account)) {
        Ok(problems) => problems,
        Err(Error::Ledger(error)) => vec![Problem { entry: None, problem: error.message }],
        // Cancels and the like end the check; what a damaged page raises is what we are here to find.
        Err(Error::Postgres(error)) if matches!(error.sqlstate().get(..2), Some("XX" | "58" | "22")) => {
            vec![Problem { entry: None, problem: format!("it cannot be read: {}", error.message()) }]
        }
        Err(error) => return Err(error),
    };
    Ok(problems.into_iter().map(|problem| Found { account: Some(account.into()), problem }).collect())
}

fn audit(account: &str) -> Result<Vec<Problem>> {
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| unknown_account(account))?;
    let opened_with = lookup::opened_with(&spi, account)?;
    let settings = lookup::past_settings(&spi, account)?;
    let StoredLots { lots, misfiled } = lookup::lots_as_stored(&spi, &row)?;
    let closed = lookup::closed_cycles(&spi, account)?;
    let zone = ServerZone::new(&row.settings.time_zone)?;
    let (holds, misfiled_holds) = lookup::all_holds(&spi, account)?;
    let auto_recharge = recharges::auto_recharge(&spi, Sight::Callers, account)?;
    let owed = debts::open(&spi, Sight::Callers, account)?;
    let rows = audit::Rows {
        account: &row,
        lots: &lots,
        closed: &closed,
        settings: &settings,
        opened_with: &opened_with,
        // All that there are, whatever the account's row says.
        holdings: &lookup::holdings_of(&spi, Sight::Callers, vec![account.into()])?.remove(account).unwrap_or_default(),
        switches: &terms::switches(&spi, account)?,
        meters: &terms::meters(&spi, account)?,
        budgets: &terms::budget_rows(&spi, Sight::Callers, account)?,
        budget_use: &terms::budget_uses(&spi, account)?,
        holds: &holds,
        auto_recharge: auto_recharge.as_ref(),
        recharges: &recharges::all(&spi, account)?,
        events: &events::all(&spi, account)?,
        alerts: &alerts::of(&spi, Sight::Callers, vec![account.into()])?.remove(account).unwrap_or_default(),
        debts: owed.as_ref(),
        settlements: &debts::settlements(&spi, account)?,
        refunded: &debts::refunded(&spi, account)?,
        claw_backs: &debts::claw_backs(&spi, account)?,
    };
    let mut auditor = Auditor::new(&rows, &zone);
    for (entry, lot) in misfiled {
        auditor.problem(Some(entry), format!("lot {lot} is filed in another place than it should be"));
    }
    for hold in misfiled_holds {
        auditor.problem(Some(hold), "its hold is filed to lapse at another time than it does");
    }
    read::for_each_entry(&spi, account, |number, entry| match entry {
        Ok(entry) => auditor.entry(&entry),
        Err(error) => auditor.unreadable(number, &error.message),
    })?;
    Ok(auditor.finish())
}
