//! Charges by rate on accounts with a plan, against plain debits.

use super::{Bench, DATABASE, settle};
use crate::contender::Contender;
use crate::failure::Result;
use crate::pgbench::{Length, Load, Turns};
use crate::report::{Target, Unit};

const ACCOUNTS: u32 = 10_000;
const KEY: &str = ":k1::text || :k2::text";

/// What is done, on which accounts; and what it may cost of a plain debit.
const CALLS: [(&str, &str, Option<f64>); 6] = [
    ("a plain debit", "credits_debit('acct-' || :aid, 1, KEY)", None),
    ("a debit, with a plan", "credits_debit('plan-' || :aid, 1, KEY)", Some(1.2)),
    ("a charge per unit, with a plan", "credits_charge('plan-' || :aid, 'reply', 1, KEY)", Some(1.2)),
    ("a charge that included units cover", "credits_charge('plan-' || :aid, 'search', 1, KEY)", None),
    ("a charge by package", "credits_charge('plan-' || :aid, 'run', 1, KEY)", None),
    ("a charge under a budget for each actor", "credits_charge('budget-' || :aid, 'reply', 1, KEY, 'ann')", None),
];

pub fn run(bench: &mut Bench) -> Result<()> {
    if bench.options.baseline {
        return Ok(());
    }
    let server = bench.server()?;
    Contender::Ledger.set_up(&server, DATABASE, ACCOUNTS)?;
    let script = include_str!("../../contenders/plans.sql");
    server.script(DATABASE, script, &[("accounts", ACCOUNTS.to_string())])?;
    settle(&server, DATABASE)?;
    let load = |i: usize, length: Length| {
        let call = CALLS[i].1.replace("KEY", KEY);
        let script = format!("{}SELECT balance FROM {call};\n", include_str!("../../scripts/variables.sql"));
        Load::new(script, 8, length).with("accounts", ACCOUNTS)
    };
    for i in 0..CALLS.len() {
        load(i, Length::Seconds(1)).run(&server, DATABASE)?;
    }
    for durable in [false, true] {
        let how = format!("10,000 accounts, c=8, {}", if durable { "durable" } else { "not durable" });
        let turns = Turns::take(bench.options.rounds, CALLS.len(), |_, i| {
            load(i, bench.turn()).durable(durable).run(&server, DATABASE)
        })?;
        for (i, (name, _, target)) in CALLS.iter().enumerate() {
            bench.report.figure(format!("charges, {how}"), name, turns.figures(i), Unit::PerSecond);
            if let Some(target) = target {
                let row = format!("cost of {name} / of a plain debit, {how}");
                bench.report.row(row, turns.ratio(0, i), Unit::Ratio, Target::AtMost(*target));
            }
        }
    }
    Ok(())
}
