//! `credits_forecast`: how an account stands, and when it runs out.

use super::book::{context, refusal};
use super::lookup::{self, Sight, unknown_account};
use super::{alerts, read};
use crate::pg::{Result, Spi};
use credits_domain::account::Account;
use credits_domain::alert::{Condition, LOW};
use credits_domain::book::{Extent, Purpose, Stop};
use credits_domain::forecast::{Standing, State};

/// As time has made it by now; nothing is written. LC002.
pub fn forecast(account: &str) -> Result<(State, Standing)> {
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| unknown_account(account))?;
    let (context, low) = (context()?, low(&spi, &row)?);
    let mut book = read::settled(&spi, row.clone(), Extent::Head, context.clone(), Purpose::Read)?;
    let mut state = book.state(&low);
    // Of an account that is empty it takes all lots to say whether it has ever got one.
    if let Err(Stop::NeedMore) = state {
        book = read::settled(&spi, row, Extent::All, context, Purpose::Read)?;
        state = book.state(&low);
    }
    Ok((state.map_err(refusal)?, book.account.standing(book.now())))
}

/// The condition of the account's alert `low`.
fn low(spi: &Spi, account: &Account) -> Result<Condition> {
    if !account.extras.alerts {
        return Ok(Condition::LOW);
    }
    let name = account.account.as_str();
    let stored = alerts::of(spi, Sight::Callers, vec![name.into()])?.remove(name).unwrap_or_default();
    Ok(stored.iter().find(|own| own.row.alert == LOW).map_or(Condition::LOW, |own| own.row.condition))
}
