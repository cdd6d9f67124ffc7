//! Alerts as they are stored. What every account has without setting anything has a row only once it has fired or was set.

use super::lookup::{Sight, run};
use super::rows::{self, alert_columns};
use crate::pg::{Result, Spi, Statement, Type, Value};
use credits_domain::alert::{self, Alert};
use credits_domain::book::Book;
use std::collections::HashMap;

static ALERTS: Statement = Statement::new(
    concat!(
        "SELECT ",
        alert_columns!(),
        " FROM credits_ledger.alerts WHERE account = ANY ($1) ORDER BY account, alert"
    ),
    &[Type::Texts],
);

/// Those of some accounts, by account.
pub fn of(spi: &Spi, sight: Sight, accounts: Vec<String>) -> Result<HashMap<String, Vec<Alert>>> {
    let mut alerts: HashMap<String, Vec<Alert>> = HashMap::new();
    if !accounts.is_empty() {
        for row in run(spi, sight, &ALERTS, &[Value::Texts(accounts)])?.iter() {
            alerts.entry(row.text(0)?.to_string()).or_default().push(rows::alert(&row)?);
        }
    }
    Ok(alerts)
}

/// Puts the account's alerts on a book that will be written.
pub fn load(spi: &Spi, book: &mut Book) -> Result<()> {
    if book.account.extras.alerts {
        let account = book.account.account.clone();
        let stored = of(spi, Sight::Newest, vec![account.clone()])?.remove(&account);
        book.alerts = Some(alert::complete(stored.unwrap_or_default()));
    }
    Ok(())
}
