//! What accounts owe, what became of their debt, and what was undone: the rows behind refunds and voids.

use super::lookup::{self, Sight, run};
use super::rows::{self, claw_back_columns, debt_columns, refunded_columns, settlement_columns};
use crate::pg::{Error, Result, Spi, Statement, Type, Value};
use credits_domain::debt::{Debts, Settlement, Stretch};
use credits_domain::entry::Entry;
use credits_domain::refund::{Original, Records, Refunded};
use credits_domain::void::ClawBack;
use std::collections::HashMap;

static OPEN: Statement = Statement::new(
    concat!("SELECT ", debt_columns!(), " FROM credits_ledger.debts WHERE account = ANY ($1)"),
    &[Type::Texts],
);

// What was settled is disjoint, and what was refunded is, too: what begins before a stretch reaches into it only where
// it is the last to do so.
static OVERLAPPING: Statement = Statement::new(
    concat!(
        "SELECT ",
        settlement_columns!(),
        " FROM credits_ledger.settlements WHERE account = $1 AND line_end > $2 AND line_start < $3 \
            AND line_start >= coalesce((SELECT max(s.line_start) FROM credits_ledger.settlements s \
                                        WHERE s.account = $1 AND s.line_start <= $2 AND s.fate <> 'refunded'), 0)"
    ),
    &[Type::Text, Type::Amount, Type::Amount],
);

static SETTLEMENTS: Statement = Statement::new(
    concat!("SELECT ", settlement_columns!(), " FROM credits_ledger.settlements WHERE account = $1"),
    &[Type::Text],
);

static REFUNDED_OF: Statement = Statement::new(
    concat!("SELECT ", refunded_columns!(), " FROM credits_ledger.refunded WHERE account = $1 AND entry = $2"),
    &[Type::Text, Type::I64],
);

static REFUNDED: Statement = Statement::new(
    concat!("SELECT ", refunded_columns!(), " FROM credits_ledger.refunded WHERE account = $1 ORDER BY entry"),
    &[Type::Text],
);

static CLAW_BACKS_OF: Statement = Statement::new(
    concat!("SELECT ", claw_back_columns!(), " FROM credits_ledger.claw_backs WHERE account = $1 AND lot = ANY ($2)"),
    &[Type::Text, Type::Ints],
);

static CLAW_BACKS: Statement = Statement::new(
    concat!("SELECT ", claw_back_columns!(), " FROM credits_ledger.claw_backs WHERE account = $1 ORDER BY lot, entry"),
    &[Type::Text],
);

/// What an account owes, if it ever had debt.
pub fn open(spi: &Spi, sight: Sight, account: &str) -> Result<Option<Debts>> {
    let rows = run(spi, sight, &OPEN, &[Value::Texts(vec![account.into()])])?;
    rows.iter().next().map(|row| rows::debts(&row)).transpose()
}

/// The same of several accounts, by name.
pub fn open_of(spi: &Spi, accounts: Vec<String>) -> Result<HashMap<String, Debts>> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = spi.write(&OPEN, &[Value::Texts(accounts)])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_string(), rows::debts(&row)?))).collect()
}

pub fn settlements(spi: &Spi, account: &str) -> Result<Vec<Settlement>> {
    spi.read(&SETTLEMENTS, &[account.into()])?.iter().map(|row| rows::settlement(&row)).collect()
}

pub fn refunded(spi: &Spi, account: &str) -> Result<Vec<Refunded>> {
    spi.read(&REFUNDED, &[account.into()])?.iter().map(|row| rows::refunded(&row)).collect()
}

pub fn claw_backs(spi: &Spi, account: &str) -> Result<Vec<ClawBack>> {
    spi.read(&CLAW_BACKS, &[account.into()])?.iter().map(|row| rows::claw_back(&row)).collect()
}

/// The rows of a locked account.
pub struct Stored<'a> {
    pub spi: &'a Spi,
    pub account: &'a str,
}

impl Stored<'_> {
    /// What an entry took; `None` where it took nothing that could come back.
    pub fn taken_by(&self, entry: &Entry) -> Result<Option<Original>> {
        let rows = self.spi.write(&REFUNDED_OF, &[self.account.into(), entry.entry.into()])?;
        let refunded = rows.iter().next().map(|row| rows::refunded(&row)).transpose()?;
        Ok(Original::of(entry, refunded.unwrap_or_default())?)
    }
}

impl Records for Stored<'_> {
    type Error = Error;

    fn original(&self, entry: i64) -> Result<Original> {
        let found = lookup::entry(self.spi, Sight::Newest, self.account, entry)?;
        let original = found.as_ref().map(|found| self.taken_by(found)).transpose()?.flatten();
        Ok(original.ok_or_else(|| rows::corrupt("claw-back", &entry.to_string()))?)
    }

    fn claw_backs(&self, lots: &[i32]) -> Result<Vec<ClawBack>> {
        let rows = self.spi.write(&CLAW_BACKS_OF, &[self.account.into(), Value::Ints(lots.to_vec())])?;
        rows.iter().map(|row| rows::claw_back(&row)).collect()
    }

    fn settlements(&self, stretch: Stretch) -> Result<Vec<Settlement>> {
        let values = [self.account.into(), stretch.start.into(), stretch.end.into()];
        self.spi.write(&OVERLAPPING, &values)?.iter().map(|row| rows::settlement(&row)).collect()
    }
}
