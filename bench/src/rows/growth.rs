//! Whether a debit, a page of history or a past balance costs more in a ledger that has grown.

use super::{Bench, settle_without_checkpoint};
use crate::contender::Contender;
use crate::failure::Result;
use crate::pgbench::{Length, Load, Turns};
use crate::report::{Target, Unit};
use crate::server::Server;

const ACCOUNTS: u32 = 100;
const SMALL: u32 = 10_000;
/// Debits of each client in a turn: few, so that the small ledger stays small.
const DEBITS: Length = Length::Transactions(2_500);

/// The rows about entries and lots.
pub fn run(bench: &mut Bench) -> Result<()> {
    let contenders = bench.contenders(&[Contender::Bare, Contender::Ledger]);
    let server = bench.server()?;
    let big = bench.options.size(10_000_000, 1_000_000);
    for (database, entries) in [("small_0", SMALL), ("big", big)] {
        server.sql("postgres", &format!("CREATE DATABASE {database}"))?;
        for contender in &contenders {
            contender.set_up(&server, database, ACCOUNTS)?;
            fill(&server, database, *contender, entries)?;
        }
        settle_without_checkpoint(&server, database)?;
    }
    debits(bench, &server, &contenders, big)?;
    if !bench.options.baseline {
        reads(bench, &server, big)?;
        lots(bench, &server)?;
    }
    Ok(())
}

fn debits(bench: &mut Bench, server: &Server, contenders: &[Contender], big: u32) -> Result<()> {
    // Small and big of each contender take turns. Short turns scatter, so there are more of them.
    let rounds = bench.options.rounds.max(5);
    let turns = Turns::take(rounds, 2 * contenders.len(), |round, i| {
        let small = format!("small_{}", round + 1);
        if i == 0 {
            server.sql("postgres", &format!("CREATE DATABASE {small} TEMPLATE small_0"))?;
        }
        let contender = contenders[i / 2];
        let database = if i % 2 == 0 { small.as_str() } else { "big" };
        contender.debits(ACCOUNTS, 8, Length::Transactions(50)).run(server, database)?;
        contender.debits(ACCOUNTS, 8, DEBITS).run(server, database)
    })?;
    for (i, contender) in contenders.iter().enumerate() {
        let (small, grown) = (2 * i, 2 * i + 1);
        for (turn, entries) in [(small, SMALL), (grown, big)] {
            let what = format!("debits, 100 accounts, c=8, not durable, {}", power(entries, "entries"));
            bench.report.figure(what, contender.name(), turns.figures(turn), Unit::PerSecond);
        }
        let (what, target) = match contender {
            Contender::Ledger => ("credits_debit", Target::AtMost(1.25)),
            _ => ("the bare statement (for comparison)", Target::None),
        };
        let row = format!("cost of {what} at {} / at {}", power(big, "entries"), power(SMALL, "entries"));
        bench.report.row(row, turns.ratio(small, grown), Unit::Ratio, target);
    }
    Ok(())
}

fn reads(bench: &mut Bench, server: &Server, big: u32) -> Result<()> {
    server.sql("postgres", "CREATE DATABASE small_reads TEMPLATE small_0")?;
    let databases = ["small_reads", "big"];
    let mut middle = [0.0; 2];
    for (database, middle) in databases.iter().zip(&mut middle) {
        *middle = server.number(
            database,
            "SELECT extract(epoch FROM min(recorded_at) + (max(recorded_at) - min(recorded_at)) / 2)
               FROM credits_ledger.entries WHERE account = 'acct-1' AND operation = 'debit'",
        )?;
    }
    let reads = [
        (
            "the newest 50 lines of an account's history",
            "SELECT * FROM credits_history WHERE account = 'acct-' || :aid ORDER BY entry DESC LIMIT 50;\n",
        ),
        ("a balance at a past time", "SELECT balance FROM credits_balance_at('acct-' || :aid, to_timestamp(:at));\n"),
    ];
    for (what, statement) in reads {
        let script = format!("\\set aid random(1, :accounts)\n{statement}");
        let load = |i: usize, length: Length| {
            Load::new(script.as_str(), 8, length).with("accounts", ACCOUNTS).with("at", middle[i])
        };
        for (i, database) in databases.iter().enumerate() {
            load(i, Length::Seconds(1)).run(server, database)?;
        }
        let turns = Turns::take(bench.options.rounds, 2, |_, i| load(i, bench.turn()).run(server, databases[i]))?;
        for (turn, entries) in [(0, SMALL), (1, big)] {
            let figure = format!("{what}, c=8, {}", power(entries, "entries"));
            bench.report.figure(figure, "ledger", turns.figures(turn), Unit::PerSecond);
        }
        let row = format!("cost of {what} at {} / at {}", power(big, "entries"), power(SMALL, "entries"));
        bench.report.row(row, turns.ratio(0, 1), Unit::Ratio, Target::AtMost(5.0));
    }
    bench.report.note(
        "Growth in entries: 100 accounts in both ledgers, so that the big one has 100,000 entries an account and \
         every page of history is full in both. The small ledger is made anew for each turn, because measuring it \
         makes it grow.",
    );
    Ok(())
}

fn lots(bench: &mut Bench, server: &Server) -> Result<()> {
    let kinds = [("lots_1", 1, 1_000_000_000), ("lots_1000", 1_000, 100)];
    for (database, lots, amount) in kinds {
        server.sql("postgres", &format!("CREATE DATABASE {database}"))?;
        let variables =
            [("accounts", ACCOUNTS.to_string()), ("lots", lots.to_string()), ("amount", amount.to_string())];
        server.script(database, include_str!("../../contenders/ledger_lots.sql"), &variables)?;
        settle_without_checkpoint(server, database)?;
        Contender::Ledger.debits(ACCOUNTS, 8, Length::Transactions(500)).run(server, database)?;
    }
    let turns = Turns::take(bench.options.rounds.max(5), 2, |_, i| {
        Contender::Ledger.debits(ACCOUNTS, 8, DEBITS).run(server, kinds[i].0)
    })?;
    for (i, (_, lots, _)) in kinds.iter().enumerate() {
        let what = format!("debits, 100 accounts, c=8, not durable, {lots} lots an account");
        bench.report.figure(what, "ledger", turns.figures(i), Unit::PerSecond);
    }
    let row = "cost of credits_debit in an account of 1,000 lots / of 1 lot";
    bench.report.row(row, turns.ratio(0, 1), Unit::Ratio, Target::AtMost(1.25));
    bench.report.note(
        "1,000 lots: of 100 credits each, debited 1 at a time, so that every hundredth debit moves on to the next lot.",
    );
    Ok(())
}

/// Gives a contender's accounts a past of `entries` debits in all.
fn fill(server: &Server, database: &str, contender: Contender, entries: u32) -> Result<()> {
    if contender == Contender::Ledger {
        let calls = Length::Transactions(entries / 2_000);
        let load = Load::new(include_str!("../../scripts/fill_ledger.sql"), 2, calls);
        load.with("share", ACCOUNTS / 2).run(server, database)?;
    } else {
        let variables = [("accounts", ACCOUNTS.to_string()), ("entries", entries.to_string())];
        server.script(database, include_str!("../../contenders/bare_fill.sql"), &variables)?;
    }
    Ok(())
}

/// A power of ten as it is written in tables.
pub fn power(count: u32, of: &str) -> String {
    format!("10^{} {of}", count.ilog10())
}
