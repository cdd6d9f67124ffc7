//! Credits from Rust with tokio-postgres.
//!
//! ```sh
//! cargo run -- [URL]     # without a URL: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE
//! ```

use rust_decimal::Decimal;
use std::io;
use std::time::Duration;
use tokio_postgres::{Config, Error, NoTls, Row, Transaction};

const ATTEMPTS: u32 = 6;
/// Nothing was done; or, where the connection broke, nobody knows. The same call with the same key is right for both.
const AGAIN: &[&str] = &["40001", "40P01", "55P03", "57P01", "57P02", "57P03"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ledger = Ledger { config: config()? };

    let account = ledger.open_account("acme").await?;
    println!("{}: {}", account.get::<_, &str>("account"), account.get::<_, &str>("status"));
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
    config: Config,
}

impl Ledger {
    async fn open_account(&self, account: &str) -> Result<Row, Error> {
        let sql = "SELECT account, status FROM credits_open_account(account => $1)";
        self.transaction(async |t| t.query_one(sql, &[&account]).await).await
    }

    async fn grant(&self, account: &str, amount: Decimal, key: &str) -> Result<Row, Error> {
        let sql = "SELECT amount, balance, replayed
                   FROM credits_grant(account => $1, amount => $2, idempotency_key => $3)";
        self.transaction(async |t| t.query_one(sql, &[&account, &amount, &key]).await).await
    }

    /// Notes a job and takes its credits. The job's own name is the key: it is known before the first attempt.
    async fn run_job(&self, job: &str, account: &str, amount: Decimal) -> Result<Row, Error> {
        // A repeated transaction may find the job that it has committed before.
        let note = "INSERT INTO jobs (job, account, credits) VALUES ($1, $2, $3) ON CONFLICT (job) DO NOTHING";
        let debit = "SELECT amount, balance, replayed
                     FROM credits_debit(account => $1, amount => $2, idempotency_key => $3, feature => 'render')";
        self.transaction(async |t| {
            t.execute(note, &[&job, &account, &amount]).await?;
            // Last, because it locks the account until the COMMIT.
            t.query_one(debit, &[&account, &amount, &job]).await
        })
        .await
    }

    async fn history(&self, account: &str) -> Result<Vec<Row>, Error> {
        let sql = "SELECT entry, operation, amount, balance FROM credits_history WHERE account = $1 ORDER BY entry";
        self.transaction(async |t| t.query(sql, &[&account]).await).await
    }

    async fn jobs(&self) -> Result<Vec<String>, Error> {
        let rows = self.transaction(async |t| t.query("SELECT job FROM jobs ORDER BY job", &[]).await).await?;
        Ok(rows.iter().map(|row| row.get("job")).collect())
    }

    async fn available(&self, account: &str) -> Result<Decimal, Error> {
        let sql = "SELECT available FROM credits_balance($1)";
        Ok(self.transaction(async |t| t.query_one(sql, &[&account]).await).await?.get("available"))
    }

    /// Runs `work` in a transaction, as a whole and from its start as often as it takes.
    async fn transaction<T>(&self, work: impl AsyncFn(&Transaction<'_>) -> Result<T, Error>) -> Result<T, Error> {
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

    async fn attempt<T>(&self, work: &impl AsyncFn(&Transaction<'_>) -> Result<T, Error>) -> Result<T, Error> {
        // A new connection each time keeps this short. Where there is a pool, take one of its connections.
        let (mut client, connection) = self.config.connect(NoTls).await?;
        // Its end is seen by the client, too.
        tokio::spawn(connection);
        let transaction = client.transaction().await?;
        let result = work(&transaction).await?;
        // Can fail, too: only now it is done.
        transaction.commit().await?;
        Ok(result)
    }
}

/// The server from the URL, or from the variables that libpq reads; the driver itself does not.
fn config() -> Result<Config, Box<dyn std::error::Error>> {
    if let Some(url) = std::env::args().nth(1) {
        return Ok(url.parse()?);
    }
    let variable = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let mut config = Config::new();
    config.host(variable("PGHOST", "localhost")).port(variable("PGPORT", "5432").parse()?);
    config.user(variable("PGUSER", "app")).dbname(variable("PGDATABASE", "app"));
    if let Ok(password) = std::env::var("PGPASSWORD") {
        config.password(password);
    }
    Ok(config)
}

fn sqlstate(error: &Error) -> Option<&str> {
    error.code().map(|code| code.code())
}

fn worth_another_attempt(error: &Error) -> bool {
    match sqlstate(error) {
        Some(state) => AGAIN.contains(&state) || state.starts_with("08"),
        // The driver itself lost the connection, or got none. Others are mistakes in this program.
        None => error.is_closed() || std::error::Error::source(error).is_some_and(|cause| cause.is::<io::Error>()),
    }
}

/// A figure of DETAIL, in which they are `name=value` pairs.
fn figure<'a>(error: &'a Error, name: &str) -> Option<&'a str> {
    let pairs = error.as_db_error()?.detail()?.split(' ');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn show(key: &str, done: &str, receipt: &Row) {
    let (amount, balance): (Decimal, Decimal) = (receipt.get("amount"), receipt.get("balance"));
    println!("{key}: {done} {amount}, balance {balance}{}", if receipt.get("replayed") { ", replayed" } else { "" });
}
