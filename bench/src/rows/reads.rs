//! Balances, and replays: what writes nothing.

use super::{Bench, DATABASE, settle};
use crate::contender::Contender;
use crate::failure::Result;
use crate::pgbench::{Length, Load, Spread, Turns};
use crate::report::{Target, Unit};
use crate::server::Server;

const ACCOUNTS: u32 = 10_000;
const ACCOUNT: &str = "\\set aid random(1, :accounts)\n";

/// `credits_balance` against a `SELECT` by primary key.
pub fn balance(bench: &mut Bench) -> Result<()> {
    if bench.options.baseline {
        return Ok(());
    }
    let server = bench.server()?;
    Contender::Bare.set_up(&server, DATABASE, ACCOUNTS)?;
    Contender::Ledger.set_up(&server, DATABASE, ACCOUNTS)?;
    settle(&server, DATABASE)?;
    let reads = [
        ("SELECT balance by primary key", "SELECT balance FROM bare.accounts WHERE account = 'acct-' || :aid"),
        ("SELECT balance FROM credits_balance", "SELECT balance FROM credits_balance('acct-' || :aid)"),
        ("SELECT * by primary key", "SELECT * FROM credits_ledger.accounts WHERE account = 'acct-' || :aid"),
        ("SELECT * FROM credits_balance", "SELECT * FROM credits_balance('acct-' || :aid)"),
    ];
    let load = |i: usize, length: Length| {
        Load::new(format!("{ACCOUNT}{};\n", reads[i].1), 8, length).with("accounts", ACCOUNTS)
    };
    for i in 0..reads.len() {
        load(i, Length::Seconds(1)).run(&server, DATABASE)?;
    }
    let turns = Turns::take(bench.options.rounds, reads.len(), |_, i| load(i, bench.turn()).run(&server, DATABASE))?;
    for (i, (name, _)) in reads.iter().enumerate() {
        bench.report.figure("reads, 10,000 accounts, c=8", name, turns.figures(i), Unit::PerSecond);
    }
    let target = Target::AtLeast(0.9);
    let row = "credits_balance, balance selected / SELECT balance of a bare account by primary key, c=8";
    bench.report.row(row, turns.ratio(1, 0), Unit::Ratio, target);
    let row = "credits_balance, whole row / SELECT of the ledger's account row by primary key, c=8";
    bench.report.row(row, turns.ratio(3, 2), Unit::Ratio, target);
    Ok(())
}

/// A key that was used before, against a new one.
pub fn replay(bench: &mut Bench) -> Result<()> {
    if bench.options.baseline {
        return Ok(());
    }
    let server = bench.server()?;
    Contender::Ledger.set_up(&server, DATABASE, ACCOUNTS)?;
    // Vacuum in the background would write WAL that a replay did not cause.
    server.sql(DATABASE, "ALTER SYSTEM SET autovacuum = off")?;
    server.sql(DATABASE, "SELECT pg_reload_conf()")?;
    let keys = format!(
        "SELECT count(*) FROM generate_series(1, {ACCOUNTS}) g, LATERAL credits_debit('acct-' || g, 1, 'replay-' || g)"
    );
    server.sql(DATABASE, &keys)?;
    settle(&server, DATABASE)?;
    let statement = "SELECT balance FROM credits_debit('acct-' || :aid, 1, 'replay-' || :aid);\n";
    let replays = |length| Load::new(format!("{ACCOUNT}{statement}"), 8, length).with("accounts", ACCOUNTS);
    replays(Length::Seconds(1)).run(&server, DATABASE)?;

    let count = bench.options.size(20_000, 5_000);
    let mut bytes = Vec::new();
    for _ in 0..bench.options.rounds {
        let before = wal(&server)?;
        replays(Length::Transactions(count)).run(&server, DATABASE)?;
        bytes.push((wal(&server)? - before) / f64::from(8 * count));
    }
    let turns = Turns::take(bench.options.rounds, 2, |_, i| match i {
        0 => Contender::Ledger.debits(ACCOUNTS, 8, bench.turn()).run(&server, DATABASE),
        _ => replays(bench.turn()).run(&server, DATABASE),
    })?;
    for (i, name) in ["a new key", "a replayed key"].iter().enumerate() {
        bench.report.figure("debits, 10,000 accounts, c=8, not durable", name, turns.figures(i), Unit::PerSecond);
    }
    let row = "replay of a debit / a debit, 10,000 accounts, c=8, not durable";
    bench.report.row(row, turns.ratio(1, 0), Unit::Ratio, Target::AtLeast(1.0));
    bench.report.row("WAL of a replay", Spread::of(bytes), Unit::Bytes, Target::AtMost(0.0));
    Ok(())
}

/// How much WAL there is, in bytes.
pub fn wal(server: &Server) -> Result<f64> {
    server.number(DATABASE, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
}
