//! Whether questions about the past of an account cost more where it is long.

use super::{Bench, DATABASE, settle};
use crate::failure::Result;
use crate::pgbench::{Length, Load, Turns};
use crate::report::{Target, Unit};

const SHORT: u32 = 1_000;
const LONG: u32 = 1_000_000;

/// What is asked of an account, and how: `:minute` is one of its past, in each of which it has a hundred entries.
const QUESTIONS: [(&str, &str); 5] = [
    (
        "a balance at a past time",
        "SELECT balance FROM credits_balance_at(:account, '2020-01-01 00:00+00'::timestamptz + :minute * interval '1 min');",
    ),
    (
        "a statement of 100 entries",
        "SELECT * FROM credits_statement(:account, '2020-01-01 00:00+00'::timestamptz + :minute * interval '1 min',
             '2020-01-01 00:01+00'::timestamptz + :minute * interval '1 min');",
    ),
    (
        "the CSV of 100 entries",
        "SELECT * FROM credits_usage_csv(:account, '2020-01-01 00:00+00'::timestamptz + :minute * interval '1 min',
             '2020-01-01 00:01+00'::timestamptz + :minute * interval '1 min');",
    ),
    (
        "the newest 50 lines of the history",
        "SELECT * FROM credits_history WHERE account = :account ORDER BY entry DESC LIMIT 50;",
    ),
    (
        "50 older lines of the history",
        "SELECT * FROM credits_history WHERE account = :account AND entry < 100 * :minute ORDER BY entry DESC LIMIT 50;",
    ),
];

/// An account with a thousand entries against one with a million.
pub fn run(bench: &mut Bench) -> Result<()> {
    if bench.options.baseline {
        return Ok(());
    }
    let server = bench.server()?;
    let accounts = [("'short'", SHORT), ("'long'", LONG)];
    for (account, entries) in accounts {
        let variables = [("account", account.trim_matches('\'').to_string()), ("entries", entries.to_string())];
        server.script(DATABASE, include_str!("../../contenders/ledger_history.sql"), &variables)?;
    }
    settle(&server, DATABASE)?;
    for (what, question) in QUESTIONS {
        let load = |i: usize, length: Length| {
            let (account, entries) = accounts[i];
            let script = format!("\\set minute random(1, {})\n{}\n", entries / 100 - 1, question.replace('\n', " "));
            Load::new(script.replace(":account", account), 8, length)
        };
        for i in 0..accounts.len() {
            load(i, Length::Seconds(1)).run(&server, DATABASE)?;
        }
        let turns = Turns::take(bench.options.rounds, 2, |_, i| load(i, bench.turn()).run(&server, DATABASE))?;
        for (i, entries) in [(0, "1,000"), (1, "1,000,000")] {
            let figure = format!("{what}, c=8, an account of {entries} entries");
            bench.report.figure(figure, "ledger", turns.figures(i), Unit::PerSecond);
        }
        let row = format!("cost of {what} in an account of 10^6 entries / of 10^3");
        bench.report.row(row, turns.ratio(0, 1), Unit::Ratio, Target::AtMost(1.5));
    }
    Ok(())
}
