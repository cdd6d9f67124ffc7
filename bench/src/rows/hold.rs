//! Holds: setting aside and settling against two debits, debits beside many open holds, and lapsing many.

use super::{Bench, DATABASE, settle};
use crate::contender::Contender;
use crate::failure::{Failure, Result};
use crate::pgbench::{Length, Load, Spread, Turns};
use crate::report::{Target, Unit};
use crate::server::feed;
use std::time::Instant;

const ACCOUNTS: u32 = 10_000;
const OPEN_HOLDS: u32 = 10_000;

const TWO_DEBITS: &str = "SELECT balance FROM credits_debit('acct-' || :aid, 1, :k1::text);\n\
                          SELECT balance FROM credits_debit('acct-' || :aid, 1, :k2::text);\n";
const HOLD_AND_CAPTURE: &str = "SELECT balance FROM credits_hold('acct-' || :aid, 2, :k1::text);\n\
                                SELECT balance FROM credits_capture('acct-' || :aid, :k1::text, :k2::text, 1);\n";

pub fn run(bench: &mut Bench) -> Result<()> {
    if bench.options.baseline {
        return Ok(());
    }
    let server = bench.server()?;
    Contender::Ledger.set_up(&server, DATABASE, ACCOUNTS)?;
    server.sql(DATABASE, "SELECT count(*) FROM credits_grant_many('{bare,held}', '{1e9,1e9}', '{g,g}')")?;
    let holds = format!(
        "SELECT count(*) FROM generate_series(1, {OPEN_HOLDS}) g, LATERAL credits_hold('held', 1, 'hold-' || g, '1 day')"
    );
    server.sql(DATABASE, &holds)?;
    settle(&server, DATABASE)?;

    let scripts = [TWO_DEBITS, HOLD_AND_CAPTURE];
    let load = |i: usize, length: Length| {
        let script = format!("{}{}", include_str!("../../scripts/variables.sql"), scripts[i]);
        Load::new(script, 8, length).with("accounts", ACCOUNTS)
    };
    for i in 0..scripts.len() {
        load(i, Length::Seconds(1)).run(&server, DATABASE)?;
    }
    for durable in [false, true] {
        let how = format!("10,000 accounts, c=8, {}", if durable { "durable" } else { "not durable" });
        let turns = Turns::take(bench.options.rounds, scripts.len(), |_, i| {
            load(i, bench.turn()).durable(durable).run(&server, DATABASE)
        })?;
        for (i, name) in ["two debits", "a hold and its capture"].iter().enumerate() {
            bench.report.figure(format!("pairs, {how}"), name, turns.figures(i), Unit::PerSecond);
        }
        let row = format!("a hold and its capture / two debits, {how}");
        bench.report.row(row, turns.ratio(1, 0), Unit::Ratio, Target::AtLeast(0.8));
    }

    let calls =
        [("debit", "credits_debit(ACCOUNT, 1, :k1::text || :k2::text)"), ("balance read", "credits_balance(ACCOUNT)")];
    for (name, call) in calls {
        let of = |i: usize, length: Length| {
            let call = call.replace("ACCOUNT", ["'bare'", "'held'"][i]);
            let script = format!("{}SELECT balance FROM {call};\n", include_str!("../../scripts/variables.sql"));
            Load::new(script, 1, length).with("accounts", ACCOUNTS)
        };
        for i in 0..2 {
            of(i, Length::Seconds(1)).run(&server, DATABASE)?;
        }
        let turns = Turns::take(bench.options.rounds, 2, |_, i| of(i, bench.turn()).run(&server, DATABASE))?;
        let row = format!("cost of a {name} with 10,000 open holds / with none, c=1, not durable");
        bench.report.row(row, turns.ratio(0, 1), Unit::Ratio, Target::AtMost(1.25));
    }

    lapse(bench)
}

/// How fast maintenance records that holds have lapsed: ten on each account.
fn lapse(bench: &mut Bench) -> Result<()> {
    let server = bench.server()?;
    let accounts = bench.options.size(10_000, 1_000);
    Contender::Ledger.set_up(&server, DATABASE, accounts)?;
    let mut rates = Vec::new();
    for round in 0..bench.options.rounds {
        let holds = format!(
            "SELECT count(*) FROM generate_series(1, {accounts}) a, generate_series(1, 10) g,
                 LATERAL credits_hold('acct-' || a, 1, 'hold-{round}-' || g, '1 second')"
        );
        server.sql(DATABASE, &holds)?;
        server.sql(DATABASE, "VACUUM (ANALYZE)")?;
        server.sql(DATABASE, "SELECT pg_sleep(1)")?;
        let started = Instant::now();
        let calls = "SELECT credits_maintain(10000);\n".repeat((accounts / 10_000) as usize + 1);
        let mut psql = server.client("psql", DATABASE);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        feed(&mut psql, &calls)?;
        rates.push(f64::from(10 * accounts) / started.elapsed().as_secs_f64());
        let open = server.number(DATABASE, "SELECT count(*) FROM credits_ledger.holds WHERE status = 'open'")?;
        if open > 0.0 {
            return Err(Failure(format!("{open} holds were left open by maintenance")));
        }
    }
    let what = format!("holds lapsed by maintenance, {} due", 10 * accounts);
    bench.report.figure(what, "credits_maintain", Spread::of(rates), Unit::PerSecond);
    Ok(())
}
