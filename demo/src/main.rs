//! Replays a usage trace as load on a ledger: each request of the trace is one `credits_debit` with a key of its own,
//! sent through one of several real connections. Then it shows that everything adds up.
//!
//! The trace is a CSV file of `TIMESTAMP,ContextTokens,GeneratedTokens`, or a generated one of similar shape. It is
//! replayed as fast as the server answers, not at the pace of its timestamps.

mod accounts;
mod load;
mod options;
mod random;
mod report;
mod trace;

use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// What the program fails with: a message for whoever started it.
type Result<T> = std::result::Result<T, String>;

/// Whether all that was checked is as it must be.
fn run() -> Result<bool> {
    let options = Options::parse(std::env::args().skip(1))?;
    let requests = match &options.trace {
        Some(file) => trace::read(file)?,
        None => trace::generated(options.seed),
    };
    let plan = accounts::plan(&requests, options.rate, options.seed)?;
    if options.check {
        return Ok(true);
    }
    report::requests(&options, &requests);
    let mut client = options.connect()?;
    accounts::open(&mut client, &plan)?;
    let outcome = load::replay(&options, &plan)?;
    report::throughput(&outcome, options.connections);
    report::balances(&mut client, &plan, options.rate)?;
    let reconciled = report::reconciliation(&mut client, &plan, &outcome)?;
    let sound = report::verification(&mut client)?;
    Ok(reconciled && sound)
}
