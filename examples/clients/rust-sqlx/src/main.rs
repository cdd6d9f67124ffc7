//! Credits from Rust with sqlx, without its macros: nothing needs a database to compile.
//!
//! ```sh
//! cargo run -- [URL]     # without a URL: PGHOST, PGUSER, PGDATABASE …
//! ```

use rust_decimal::Decimal;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgRow};
use sqlx::{Error, PgConnection, PgPool, Row};
use std::time::Duration;

const ATTEMPTS: u32 = 6;
/// Nothing was done; or, where the connection broke, nobody knows. The same call with the same key is right for both.
const AGAIN: &[&str] = &["40001", "40P01", "55P03", "57P01", "57P02", "57P03"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = match std::env::args().nth(1) {
        Some(url) => url.parse()?,
        None => PgConnectOptions::new(),
    };
    let ledger = Ledger { pool: PgPool::connect_lazy_with(options) };

    let account = ledger.open_account("acme").await?;
    println!("{}: {}", account.get::<&str, _>("account"), account.get::<&str, _>("status"));
    // Decimals, and never f64: amounts are exact.
    show("order-1", "granted", &ledger.grant("acme", Decimal::from(100), "order-1").await?);

    // The second time stands for a caller who never saw the first answer. Nothing is taken twice.
    for _ in 0..2 {
        show("job-1", "debited", &ledger.run_job("job-1", "acme", "12.345678".parse()?).await?);
    }

    match ledger.run_job("job-2", "acme", Decimal::from(500)).await {
        Err(error) if sqlstate(&error) == Some("LC001") => {
            let missing: Decimal = figure(&error, "shortfall").ok_or("LC001 says what is missing")?.parse()?;
            println!("job-2: LC001, {missing} credits are missing");
        }
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("job-2 was debited".into()),
    }

    for entry in ledger.history("acme").await? {
        let (number, operation): (i64, &str) = (entry.get("entry"), entry.get("operation"));
        let (amount, balance): (Decimal, Decimal) = (entry.get("amount"), entry.get("balance"));
        println!("{number} {operation} {amount}, balance {balance}");
    }
    // job-2 was refused, and its row went with it.
    println!("jobs: {}", ledger.jobs().await?.join(", "));
    println!("available: {}", ledger.available("acme").await?);
    Ok(())
}

/// What this program wants of the ledger.
struct Ledger {
    pool: PgPool,
}

impl Ledger {
    async fn open_account(&self, account: &str) -> Result<PgRow, Error> {
        let sql = "SELECT account, status FROM credits_open_account(account => $1)";
        self.transaction(async |t| sqlx::query(sql).bind(account).fetch_one(t).await).await
    }

    async fn grant(&self, account: &str, amount: Decimal, key: &str) -> Result<PgRow, Error> {
        let sql = "SELECT amount, balance, replayed
                   FROM credits_grant(account => $1, amount => $2, idempotency_key => $3)";
        self.transaction(async |t| sqlx::query(sql).bind(account).bind(amount).bind(key).fetch_one(t).await).await
    }

    /// Notes a job and takes its credits. The job's own name is the key: it is known before the first attempt.
    async fn run_job(&self, job: &str, account: &str, amount: Decimal) -> Result<PgRow, Error> {
        // A repeated transaction may find the job that it has committed before.
        let note = "INSERT INTO jobs (job, account, credits) VALUES ($1, $2, $3) ON CONFLICT (job) DO NOTHING";
        let debit = "SELECT amount, balance, replayed
                     FROM credits_debit(account => $1, amount => $2, idempotency_key => $3, feature => 'render')";
        self.transaction(async |t| {
            sqlx::query(note).bind(job).bind(account).bind(amount).execute(&mut *t).await?;
            // Last, because it locks the account until the COMMIT.
            sqlx::query(debit).bind(account).bind(amount).bind(job).fetch_one(t).await
        })
        .await
    }

    async fn history(&self, account: &str) -> Result<Vec<PgRow>, Error> {
        let sql = "SELECT entry, operation, amount, balance FROM credits_history WHERE account = $1 ORDER BY entry";
        self.transaction(async |t| sqlx::query(sql).bind(account).fetch_all(t).await).await
    }

    async fn jobs(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT job FROM jobs ORDER BY job";
        self.transaction(async |t| sqlx::query_scalar(sql).fetch_all(t).await).await
    }

    async fn available(&self, account: &str) -> Result<Decimal, Error> {
        let sql = "SELECT available FROM credits_balance($1)";
        self.transaction(async |t| sqlx::query_scalar(sql).bind(account).fetch_one(t).await).await
    }

    /// Runs `work` in a transaction, as a whole and from its start as often as it takes.
    async fn transaction<T>(&self, work: impl AsyncFn(&mut PgConnection) -> Result<T, Error>) -> Result<T, Error> {
        let mut attempt = 1;
        loop {
            match self.attempt(&work).await {
                Err(error) if attempt < ATTEMPTS && worth_another_attempt(&error) => {
                    eprintln!("attempt {attempt}: {}", sqlstate(&error).unwrap_or("connection lost"));
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn attempt<T>(&self, work: &impl AsyncFn(&mut PgConnection) -> Result<T, Error>) -> Result<T, Error> {
        // The pool tries a connection before it gives it away, so one that was lost is not met again.
        let mut transaction = self.pool.begin().await?;
        let result = work(&mut transaction).await?;
        // Can fail, too: only now it is done.
        transaction.commit().await?;
        Ok(result)
    }
}

fn database_error(error: &Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

fn sqlstate(error: &Error) -> Option<&str> {
    Some(database_error(error)?.code())
}

fn worth_another_attempt(error: &Error) -> bool {
    match sqlstate(error) {
        Some(state) => AGAIN.contains(&state) || state.starts_with("08"),
        // The driver itself lost the connection, or got none. Others are mistakes in this program.
        None => matches!(error, Error::Io(_) | Error::PoolTimedOut),
    }
}

/// A figure of DETAIL, in which they are `name=value` pairs.
fn figure<'a>(error: &'a Error, name: &str) -> Option<&'a str> {
    let pairs = database_error(error)?.detail()?.split(' ');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn show(key: &str, done: &str, receipt: &PgRow) {
    let (amount, balance): (Decimal, Decimal) = (receipt.get("amount"), receipt.get("balance"));
    println!("{key}: {done} {amount}, balance {balance}{}", if receipt.get("replayed") { ", replayed" } else { "" });
}
