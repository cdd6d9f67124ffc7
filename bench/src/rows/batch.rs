//! Debits by the thousand: one client, so one core does the work.

use super::{Bench, DATABASE, settle};
use crate::contender::Contender;
use crate::failure::{Failure, Result};
use crate::pgbench::{Length, Load, Spread, Turns};
use crate::report::{Target, Unit};

const ITEMS: u32 = 1000;
const ACCOUNTS: u32 = 10_000;

/// `credits_debit_many` with 1,000 items a call, over many accounts and on one.
pub fn run(bench: &mut Bench) -> Result<()> {
    if bench.options.baseline {
        return Ok(());
    }
    let rounds = bench.options.rounds as u32;
    let calls = bench.options.size(300, 100);
    let warm_up = 20;
    let kinds = [("many accounts", "'acct-' || 1 + floor(random() * 10000)::int"), ("one account", "'acct-1'::text")];

    let server = bench.server()?;
    Contender::Ledger.set_up(&server, DATABASE, ACCOUNTS)?;
    server.sql(
        DATABASE,
        "CREATE TABLE bench_batches (batch int PRIMARY KEY, accounts text[], amounts numeric[], keys text[]);
         ALTER TABLE bench_batches ALTER accounts SET STORAGE EXTERNAL, ALTER keys SET STORAGE EXTERNAL",
    )?;
    let per_kind = warm_up + rounds * calls;
    for (kind, (_, account)) in kinds.iter().enumerate() {
        let first = kind as u32 * per_kind + 1;
        let last = first + per_kind - 1;
        server.sql(
            DATABASE,
            &format!(
                "INSERT INTO bench_batches
                 SELECT batch, array_agg({account}), array_agg(1::numeric), array_agg(gen_random_uuid()::text)
                   FROM generate_series({first}, {last}) batch, generate_series(1, {ITEMS}) GROUP BY batch"
            ),
        )?;
    }
    settle(&server, DATABASE)?;
    let load = |first: u32, count: u32| {
        Load::new(include_str!("../../scripts/debit_batch.sql"), 1, Length::Transactions(count)).with("batch", first)
    };
    for kind in 0..kinds.len() as u32 {
        load(kind * per_kind, warm_up).run(&server, DATABASE)?;
    }
    let turns = Turns::take(bench.options.rounds, kinds.len(), |round, kind| {
        let done = kind as u32 * per_kind + warm_up + round as u32 * calls;
        Ok(load(done, calls).run(&server, DATABASE)? * f64::from(ITEMS))
    })?;

    let expected = f64::from(per_kind * ITEMS * kinds.len() as u32);
    let made = server.number(DATABASE, "SELECT count(*) FROM credits_ledger.entries WHERE operation = 'debit'")?;
    if made != expected {
        return Err(Failure(format!("the batches should have made {expected} debits and made {made}")));
    }
    for (i, (kind, _)) in kinds.iter().enumerate() {
        let value: Spread = turns.figures(i);
        let what = format!("credits_debit_many, 1,000 items a call, {kind}, one client, not durable");
        bench.report.row(what, value, Unit::PerSecond, Target::AtLeast(100_000.0));
    }
    Ok(())
}
