//! Who sends which request, and what each account is given beforehand.

use crate::Result;
use crate::random::Random;
use crate::trace::Request;
use postgres::Client;
use rust_decimal::Decimal;

/// As many accounts as a small service's busy customers.
const ACCOUNTS: u64 = 20;
/// Of 100 requests, this many come from the first account: a hot one, which all connections meet at.
const HOT_PERCENT: u64 = 30;
/// These accounts are given less than they ask for, so that there are refusals to see.
const SHORT: [usize; 2] = [3, 7];

/// One debit to be made.
pub struct Debit {
    pub account: usize,
    pub amount: Decimal,
}

/// An account and what it is given.
pub struct Account {
    pub name: String,
    pub allowance: Decimal,
    pub welcome: Decimal,
    pub purchased: Decimal,
}

/// All that the replay is going to do.
pub struct Plan {
    pub accounts: Vec<Account>,
    /// In the order of the trace; requests without any token cost nothing and are left out.
    pub debits: Vec<Debit>,
    /// What all debits together ask for.
    pub total: Decimal,
}

/// Spreads the requests over accounts. Each gets about half of what it will ask for as allowance and the rest as
/// credits, with a tenth to spare; those of `SHORT` get too little.
pub fn plan(requests: &[Request], rate: Decimal, seed: u64) -> Result<Plan> {
    let mut random = Random::new(seed ^ 0xACC0);
    let mut asked = vec![Decimal::ZERO; ACCOUNTS as usize];
    let mut debits = Vec::with_capacity(requests.len());
    for request in requests.iter().filter(|request| request.tokens() > 0) {
        let hot = random.below(100) < HOT_PERCENT;
        let account = if hot { 0 } else { 1 + random.below(ACCOUNTS - 1) as usize };
        let amount = (Decimal::from(request.tokens()) * rate).normalize();
        asked[account] += amount;
        debits.push(Debit { account, amount });
    }
    if debits.is_empty() {
        return Err("no request of the trace has any token: there is nothing to debit".to_owned());
    }
    let total = asked.iter().sum();
    let percent = |of: Decimal, percent: i64| (of * Decimal::new(percent, 2)).ceil();
    let account = |(index, asked): (usize, Decimal)| Account {
        name: format!("customer-{:02}", index + 1),
        allowance: percent(asked, 50),
        welcome: percent(asked, 10),
        purchased: percent(asked, if SHORT.contains(&index) { 20 } else { 50 }),
    };
    Ok(Plan { accounts: asked.into_iter().enumerate().map(account).collect(), debits, total })
}

/// Opens the accounts and grants what they have.
pub fn open(client: &mut Client, plan: &Plan) -> Result<()> {
    let mut transaction = client.transaction().map_err(|error| failed("BEGIN", &error))?;
    for account in &plan.accounts {
        let open = "SELECT account FROM credits_open_account($1, allowance => $2::text::numeric)";
        let grant = "SELECT entry FROM credits_grant($1, $2::text::numeric, $3, kind => $3)";
        transaction
            .query_one(open, &[&account.name, &account.allowance.to_string()])
            .map_err(|error| failed("credits_open_account", &error))?;
        for (kind, amount) in [("welcome", account.welcome), ("purchase", account.purchased)] {
            // An account that asks for nothing is given nothing.
            if amount > Decimal::ZERO {
                transaction
                    .query_one(grant, &[&account.name, &amount.to_string(), &kind])
                    .map_err(|error| failed("credits_grant", &error))?;
            }
        }
    }
    transaction.commit().map_err(|error| failed("COMMIT", &error))
}

/// An error of the server with its code and figures.
pub fn failed(what: &str, error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{what}: {} {} {}", db.code().code(), db.message(), db.detail().unwrap_or_default()),
        None => format!("{what}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_asked_for_exactly_once() {
        let requests =
            [(4808, 10), (0, 0), (3180, 8), (1, 0)].map(|(context, generated)| Request { context, generated });
        let plan = plan(&requests, Decimal::new(1, 6), 1).expect("a plan");
        assert_eq!(plan.debits.len(), 3);
        assert_eq!(plan.total, "0.008007".parse().expect("a decimal"));
        assert_eq!(plan.debits.iter().map(|debit| debit.amount).sum::<Decimal>(), plan.total);
        assert_eq!(plan.accounts.len(), 20);
    }

    #[test]
    fn a_trace_without_tokens_is_an_error() {
        assert!(super::plan(&[Request { context: 0, generated: 0 }], Decimal::ONE, 1).is_err());
    }
}
