//! The rows of the table, one file for each group.

mod accounts;
mod batch;
mod bytes;
mod charge;
mod debit;
mod growth;
mod history;
mod hold;
mod reads;
mod watched;

use crate::contender::Contender;
use crate::failure::{Failure, Result};
use crate::options::Options;
use crate::pgbench::Length;
use crate::report::Report;
use crate::server::{Postgres, Server};

/// The database in which contenders meet.
pub const DATABASE: &str = "bench";

/// What the groups share.
pub struct Bench {
    /// What was asked for.
    pub options: Options,
    /// The installation to measure with.
    pub postgres: Postgres,
    /// What was found so far.
    pub report: Report,
}

/// Measures one group.
type Group = fn(&mut Bench) -> Result<()>;

/// Measures the groups that were asked for; says how many failed. One that fails does not stop the others.
pub fn run(bench: &mut Bench) -> usize {
    let groups: [(&str, Group); 13] = [
        ("debit", debit::many_accounts),
        ("hot", debit::one_account),
        ("charge", charge::run),
        ("hold", hold::run),
        ("watched", watched::run),
        ("batch", batch::run),
        ("balance", reads::balance),
        ("replay", reads::replay),
        ("bytes", bytes::written),
        ("memory", bytes::memory),
        ("growth", growth::run),
        ("history", history::run),
        ("accounts", accounts::run),
    ];
    let mut failed = 0;
    for (name, group) in groups {
        if bench.options.wants(name) {
            println!("\n{name}");
            if let Err(Failure(message)) = group(bench) {
                eprintln!("{message}");
                bench.report.note(format!("**{name} failed**, its rows are missing: {}", message.replace('\n', " ")));
                failed += 1;
            }
        }
    }
    failed
}

impl Bench {
    /// A new server with the bench database.
    pub fn server(&self) -> Result<Server> {
        let server = Server::start(&self.postgres, &self.options.dir)?;
        server.sql("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        Ok(server)
    }

    /// Of `contenders` those that take part: without the extension where only a baseline was asked for.
    pub fn contenders(&self, contenders: &[Contender]) -> Vec<Contender> {
        let baseline = self.options.baseline;
        contenders.iter().copied().filter(|who| !baseline || *who != Contender::Ledger).collect()
    }

    /// One turn, as long as the options say.
    pub fn turn(&self) -> Length {
        Length::Seconds(self.options.seconds)
    }
}

/// Statistics for the planner, and no page left that vacuum would touch in the middle of a round; then a checkpoint.
/// The warm-up that follows writes the full-page images.
pub fn settle(server: &Server, database: &str) -> Result<()> {
    settle_without_checkpoint(server, database)?;
    server.sql(database, "CHECKPOINT")?;
    Ok(())
}

/// The same for data too large to be warmed up: without a checkpoint since it was made, changing a page writes no
/// full-page image.
pub fn settle_without_checkpoint(server: &Server, database: &str) -> Result<()> {
    server.sql(database, "VACUUM (ANALYZE)")?;
    Ok(())
}
