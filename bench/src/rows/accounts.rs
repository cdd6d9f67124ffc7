//! Many accounts: whether a debit costs more among them, and how fast the end of their cycles is recorded.

use super::growth::power;
use super::{Bench, settle_without_checkpoint};
use crate::contender::Contender;
use crate::failure::{Failure, Result};
use crate::pgbench::{Length, Load, Turns};
use crate::report::{Target, Unit};
use crate::server::{Server, feed};
use std::time::Instant;

const FEW: u32 = 100;
/// Accounts that one call of `credits_maintain` brings up to date.
const PER_CALL: u32 = 10_000;

/// The rows about accounts.
pub fn run(bench: &mut Bench) -> Result<()> {
    let contenders = bench.contenders(&[Contender::Bare, Contender::Ledger]);
    let server = bench.server()?;
    let many = bench.options.size(1_000_000, 100_000);
    let sizes = [("few", FEW), ("many", many)];
    for (database, accounts) in sizes {
        server.sql("postgres", &format!("CREATE DATABASE {database}"))?;
        for contender in &contenders {
            match contender {
                Contender::Ledger => open(&server, database, accounts)?,
                other => other.set_up(&server, database, accounts)?,
            }
        }
        settle_without_checkpoint(&server, database)?;
    }
    debits(bench, &server, &contenders, &sizes)?;
    if !bench.options.baseline {
        maintain(bench, &server, many)?;
    }
    Ok(())
}

fn debits(bench: &mut Bench, server: &Server, contenders: &[Contender], sizes: &[(&str, u32); 2]) -> Result<()> {
    let turns = Turns::take(bench.options.rounds.max(5), 2 * contenders.len(), |_, i| {
        let (database, accounts) = sizes[i % 2];
        let load = contenders[i / 2].debits(accounts, 8, Length::Transactions(100));
        load.run(server, database)?;
        load.lasting(Length::Transactions(4_000)).run(server, database)
    })?;
    for (i, contender) in contenders.iter().enumerate() {
        for (size, (_, accounts)) in sizes.iter().enumerate() {
            let what = format!("debits, c=8, not durable, {}", power(*accounts, "accounts"));
            bench.report.figure(what, contender.name(), turns.figures(2 * i + size), Unit::PerSecond);
        }
        let (what, target) = match contender {
            Contender::Ledger => ("credits_debit", Target::AtMost(1.25)),
            _ => ("the bare statement (for comparison)", Target::None),
        };
        let [few, many] = sizes.map(|(_, accounts)| power(accounts, "accounts"));
        let row = format!("cost of {what} at {many} / at {few}");
        bench.report.row(row, turns.ratio(2 * i, 2 * i + 1), Unit::Ratio, target);
    }
    Ok(())
}

/// Ends the cycle of every account, once a round, by moving the clock a month on.
fn maintain(bench: &mut Bench, server: &Server, accounts: u32) -> Result<()> {
    let database = "many";
    let variables = [("accounts", accounts.to_string()), ("due", clock(server, "1 month")?)];
    server.script(database, include_str!("../../contenders/bare_due.sql"), &variables)?;
    settle_without_checkpoint(server, database)?;
    let start = [rows_written(server, "due")?, rows_written(server, "credits_ledger")?];
    let turns = Turns::take(bench.options.rounds, 2, |round, i| {
        let at = clock(server, &format!("{} months 1 hour", round + 1))?;
        let started = Instant::now();
        if i == 0 {
            server.script(database, include_str!("../../contenders/bare_maintain.sql"), &[("at", at)])?;
        } else {
            let calls = format!("SELECT credits_maintain({PER_CALL});\n").repeat((accounts / PER_CALL) as usize + 1);
            let mut psql = server.client("psql", database);
            psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
            psql.env("PGOPTIONS", format!("-c credits_ledger.now={at}"));
            let done: u32 = feed(&mut psql, &calls)?.lines().filter_map(|line| line.trim().parse::<u32>().ok()).sum();
            if done != accounts {
                return Err(Failure(format!("credits_maintain brought {done} of {accounts} accounts up to date")));
            }
        }
        Ok(f64::from(accounts) / started.elapsed().as_secs_f64())
    })?;
    for (i, name) in ["bare", "ledger"].iter().enumerate() {
        let what = format!("accounts whose cycle was closed, {} due", power(accounts, "accounts"));
        bench.report.figure(what, name, turns.figures(i), Unit::PerSecond);
    }
    let row = format!("credits_maintain / bare set-based statements, {} due", power(accounts, "accounts"));
    bench.report.row(row, turns.ratio(1, 0), Unit::Ratio, Target::AtLeast(0.5));
    let per_account = |now: f64, before: f64| (now - before) / f64::from(accounts) / bench.options.rounds as f64;
    let bare = per_account(rows_written(server, "due")?, start[0]);
    let ledger = per_account(rows_written(server, "credits_ledger")?, start[1]);
    bench.report.note(format!(
        "Maintenance: for each account the bare statements wrote {bare:.2} rows and credits_maintain {ledger:.2} (the \
         closed cycle, the expired lot, the new lot, an entry for each, the account). The bare statements know no \
         rollover, debt, time zones or missed cycles, and run as one transaction; credits_maintain ran in calls of \
         {PER_CALL}."
    ));
    Ok(())
}

/// Opens accounts with an allowance that renews monthly.
fn open(server: &Server, database: &str, accounts: u32) -> Result<()> {
    server.sql(database, "CREATE EXTENSION credits_ledger")?;
    if accounts < 2_000 {
        let sql = format!(
            "SELECT count(*) FROM generate_series(1, {accounts}) g,
                LATERAL credits_open_account('acct-' || g, allowance => 1000000)"
        );
        server.sql(database, &sql)?;
    } else {
        let calls = Length::Transactions(accounts / 2_000);
        let load = Load::new(include_str!("../../scripts/open_accounts.sql"), 2, calls);
        load.with("turn", 0).run(server, database)?;
    }
    Ok(())
}

/// An instant after today's, written so that it needs no quoting.
fn clock(server: &Server, later: &str) -> Result<String> {
    let sql =
        format!("SELECT to_char((now() + interval '{later}') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
    Ok(server.sql("postgres", &sql)?.trim().to_owned())
}

/// Rows inserted and updated so far in the tables of a schema.
fn rows_written(server: &Server, schema: &str) -> Result<f64> {
    let sql = format!("SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_user_tables WHERE schemaname = '{schema}'");
    server.number("many", &sql)
}
