//! Debits on accounts with alerts and auto-recharge, far from their levels, against debits on accounts that have set none.

use super::{Bench, DATABASE, settle};
use crate::contender::Contender;
use crate::failure::Result;
use crate::pgbench::{Length, Load, Turns};
use crate::report::{Target, Unit};

const ACCOUNTS: u32 = 10_000;

/// Whose accounts, and how their names begin.
const WHO: [(&str, &str); 2] = [("nothing set", "acct-"), ("alerts and auto-recharge set", "watched-")];

pub fn run(bench: &mut Bench) -> Result<()> {
    if bench.options.baseline {
        return Ok(());
    }
    let server = bench.server()?;
    Contender::Ledger.set_up(&server, DATABASE, ACCOUNTS)?;
    let script = include_str!("../../contenders/watched.sql");
    server.script(DATABASE, script, &[("accounts", ACCOUNTS.to_string())])?;
    settle(&server, DATABASE)?;
    let load = |i: usize, length: Length| {
        let statement = include_str!("../../scripts/debit_ledger.sql").replace("acct-", WHO[i].1);
        let script = format!("{}{statement}", include_str!("../../scripts/variables.sql"));
        Load::new(script, 8, length).with("accounts", ACCOUNTS)
    };
    for i in 0..WHO.len() {
        load(i, Length::Seconds(1)).run(&server, DATABASE)?;
    }
    for durable in [false, true] {
        let how = format!("10,000 accounts, c=8, {}", if durable { "durable" } else { "not durable" });
        let turns = Turns::take(bench.options.rounds, WHO.len(), |_, i| {
            load(i, bench.turn()).durable(durable).run(&server, DATABASE)
        })?;
        for (i, (name, _)) in WHO.iter().enumerate() {
            bench.report.figure(format!("debits, {how}"), name, turns.figures(i), Unit::PerSecond);
        }
        let row = format!("cost of a debit with alerts and auto-recharge far from their levels / with none set, {how}");
        bench.report.row(row, turns.ratio(0, 1), Unit::Ratio, Target::AtMost(1.05));
    }
    Ok(())
}
