//! Debits over many accounts and on one.

use super::{Bench, DATABASE, settle};
use crate::contender::Contender;
use crate::failure::Result;
use crate::pgbench::{Length, Turns};
use crate::report::{Target, Unit};
use crate::server::Server;

const LOADS: [(usize, bool); 4] = [(8, false), (32, false), (8, true), (32, true)];

/// `credits_debit` over 10,000 accounts.
pub fn many_accounts(bench: &mut Bench) -> Result<()> {
    let contenders = bench.contenders(&[Contender::Bare, Contender::BareMin, Contender::PlPgSql, Contender::Ledger]);
    let versus = [
        (Contender::Bare, "the bare statement", 0.85),
        (Contender::BareMin, "the bare statement without entry order", 0.85),
        (Contender::PlPgSql, "PL/pgSQL", 2.0),
    ];
    measure(bench, "10,000 accounts", 10_000, &contenders, &versus)
}

/// `credits_debit`, every session on the same account.
pub fn one_account(bench: &mut Bench) -> Result<()> {
    let contenders = bench.contenders(&[Contender::Bare, Contender::Ledger]);
    measure(bench, "one account", 1, &contenders, &[(Contender::Bare, "the bare statement", 0.8)])
}

fn measure(
    bench: &mut Bench,
    what: &str,
    accounts: u32,
    contenders: &[Contender],
    versus: &[(Contender, &str, f64)],
) -> Result<()> {
    let server = bench.server()?;
    for contender in contenders {
        contender.set_up(&server, DATABASE, accounts)?;
    }
    settle(&server, DATABASE)?;
    for contender in contenders {
        contender.debits(accounts, 8, Length::Seconds(1)).run(&server, DATABASE)?;
    }
    for (clients, durable) in LOADS {
        let how = format!("{what}, c={clients}, {}", if durable { "durable" } else { "not durable" });
        let before = flushes(&server)?;
        let turns = Turns::take(bench.options.rounds, contenders.len(), |_, i| {
            contenders[i].debits(accounts, clients, bench.turn()).durable(durable).run(&server, DATABASE)
        })?;
        let after = flushes(&server)?;
        for (i, contender) in contenders.iter().enumerate() {
            bench.report.figure(format!("debits, {how}"), contender.name(), turns.figures(i), Unit::PerSecond);
        }
        if durable && after.0 > before.0 {
            let ms = (after.1 - before.1) / (after.0 - before.0);
            let line = format!("a flush of the WAL took {ms:.2} ms ({how})");
            println!("  {line}");
            bench.report.about.push(line);
        }
        let place = |who: Contender| contenders.iter().position(|other| *other == who);
        for (other, name, target) in versus {
            if let (Some(ours), Some(theirs)) = (place(Contender::Ledger), place(*other)) {
                let row = format!("credits_debit / {name}, {how}");
                bench.report.row(row, turns.ratio(ours, theirs), Unit::Ratio, Target::AtLeast(*target));
            }
        }
    }
    Ok(())
}

/// How many flushes there were so far, and the milliseconds they took.
fn flushes(server: &Server) -> Result<(f64, f64)> {
    Ok((
        server.number(DATABASE, "SELECT wal_sync FROM pg_stat_wal")?,
        server.number(DATABASE, "SELECT wal_sync_time FROM pg_stat_wal")?,
    ))
}
