//! What a debit leaves behind: WAL, disk, memory of the session.

use super::reads::wal;
use super::{Bench, DATABASE, settle};
use crate::contender::Contender;
use crate::failure::{Failure, Result};
use crate::machine::private_memory_kb;
use crate::pgbench::{Length, Spread};
use crate::report::{Target, Unit};
use crate::server::Server;
use std::time::Duration;

const ACCOUNTS: u32 = 10_000;
const CLIENTS: u32 = 2;

/// WAL bytes and disk bytes of a debit, indexes included.
pub fn written(bench: &mut Bench) -> Result<()> {
    let contenders = bench.contenders(&[Contender::Bare, Contender::BareMin, Contender::PlPgSql, Contender::Ledger]);
    let debits = bench.options.size(200_000, 60_000);
    let warm_up = bench.options.size(50_000, 30_000);
    let server = bench.server()?;
    for contender in &contenders {
        contender.set_up(&server, DATABASE, ACCOUNTS)?;
    }
    // Vacuum in the background would count for whoever runs at that moment.
    server.sql(DATABASE, "ALTER SYSTEM SET autovacuum = off")?;
    server.sql(DATABASE, "SELECT pg_reload_conf()")?;
    settle(&server, DATABASE)?;
    let mut costs = Vec::new();
    for contender in &contenders {
        let load = contender.debits(ACCOUNTS, CLIENTS as usize, Length::Transactions(warm_up / CLIENTS));
        load.run(&server, DATABASE)?;
        let (wal_before, disk_before, images) = (wal(&server)?, disk(&server, *contender)?, page_images(&server)?);
        load.lasting(Length::Transactions(debits / CLIENTS)).run(&server, DATABASE)?;
        let count = f64::from(debits);
        let of_wal = (wal(&server)? - wal_before) / count;
        let of_disk = (disk(&server, *contender)? - disk_before) / count;
        let images = page_images(&server)? - images;
        println!("  {}: {images} full-page images in {debits} debits", contender.name());
        bench.report.figure("WAL of a debit", contender.name(), one(of_wal), Unit::Bytes);
        bench.report.figure("disk of a debit, indexes included", contender.name(), one(of_disk), Unit::Bytes);
        costs.push((*contender, of_wal, of_disk));
    }
    let of = |who: Contender| costs.iter().find(|(contender, ..)| *contender == who);
    for (other, name) in
        [(Contender::Bare, "the bare statement"), (Contender::BareMin, "the bare statement without entry order")]
    {
        if let (Some(ours), Some(theirs)) = (of(Contender::Ledger), of(other)) {
            let target = Target::AtMost(1.5);
            bench.report.row(format!("WAL bytes of a debit / {name}"), one(ours.1 / theirs.1), Unit::Ratio, target);
            bench.report.row(format!("disk bytes of a debit / {name}"), one(ours.2 / theirs.2), Unit::Ratio, target);
        }
    }
    bench.report.note(format!(
        "WAL and disk bytes: the mean of {debits} debits over 10,000 accounts with random keys of 36 bytes, after \
         {warm_up} others and without a checkpoint or a vacuum in between, so that full-page images count for nobody."
    ));
    Ok(())
}

/// Private memory of one session over many debits.
pub fn memory(bench: &mut Bench) -> Result<()> {
    if bench.options.baseline {
        return Ok(());
    }
    let debits = bench.options.size(1_000_000, 100_000);
    let server = bench.server()?;
    Contender::Ledger.set_up(&server, DATABASE, ACCOUNTS)?;
    settle(&server, DATABASE)?;
    let load = Contender::Ledger.debits(ACCOUNTS, 1, Length::Transactions(debits));
    let mut samples = Vec::new();
    let done = std::thread::scope(|scope| {
        let running = scope.spawn(|| load.run(&server, DATABASE));
        while !running.is_finished() {
            std::thread::sleep(Duration::from_millis(250));
            let pid =
                server.number(DATABASE, "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench' LIMIT 1");
            if let Some(kb) = pid.ok().and_then(|pid| private_memory_kb(pid as u32)) {
                samples.push(kb as f64 / 1024.0);
            }
        }
        running.join().unwrap_or_else(|_| Err(Failure("the load stopped".into())))
    });
    let tps = done?;
    bench.report.figure("debits, 10,000 accounts, c=1, not durable", "ledger", one(tps), Unit::PerSecond);
    // The first tenth fills the session's caches: plans, catalogue, the accounts table's buffers.
    let (Some(start), Some(end)) = (samples.get(samples.len() / 10), samples.last()) else {
        return Err(Failure("the session's memory could not be read from /proc".into()));
    };
    bench.report.figure("private memory after a tenth of the debits", "ledger", one(*start), Unit::Megabytes);
    bench.report.figure("private memory at the end", "ledger", one(*end), Unit::Megabytes);
    let row = format!("growth of a session's private memory over {debits} debits");
    bench.report.row(row, one(end - start), Unit::Megabytes, Target::AtMost(0.5));
    Ok(())
}

/// A figure measured once.
fn one(value: f64) -> Spread {
    Spread { low: value, median: value, high: value }
}

/// What a contender's tables and indexes take on disk.
fn disk(server: &Server, contender: Contender) -> Result<f64> {
    let schema = contender.schema();
    server.number(
        DATABASE,
        &format!(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class
              WHERE relkind = 'r' AND relnamespace = '{schema}'::regnamespace"
        ),
    )
}

fn page_images(server: &Server) -> Result<f64> {
    server.number(DATABASE, "SELECT wal_fpi FROM pg_stat_wal")
}
