//! `credits_forecast`: how an account stands, and when it runs out.

use super::book::{context, refusal};
use super::lookup::{self, unknown_account};
use super::read;
use crate::pg::{Result, Spi};
use credits_domain::alert::Condition;
use credits_domain::book::{Extent, Purpose, Stop};
use credits_domain::forecast::{Standing, State};

/// As time has made it by now; nothing is written. LC002.
pub fn forecast(account: &str) -> Result<(State, Standing)> {
    let spi = Spi::connect()?;
    let row = lookup::read_account(&spi, account)?.ok_or_else(|| unknown_account(account))?;
    let context = context()?;
    let mut book = read::settled(&spi, row.clone(), Extent::Head, context.clone(), Purpose::Read)?;
    let mut state = book.state(&Condition::LOW);
    // Of an account that is empty it takes all lots to say whether it has ever got one.
    if let Err(Stop::NeedMore) = state {
        book = read::settled(&spi, row, Extent::All, context, Purpose::Read)?;
        state = book.state(&Condition::LOW);
    }
    Ok((state.map_err(refusal)?, book.account.standing(book.now())))
}
