//! The command line.

use crate::failure::{Failure, Result};
use std::path::PathBuf;

/// The groups of rows, in the order in which they run, and what each measures.
pub const GROUPS: [(&str, &str); 13] = [
    ("debit", "credits_debit over 10,000 accounts against the bare statement and PL/pgSQL"),
    ("hot", "credits_debit, all sessions on one account"),
    ("charge", "credits_charge on accounts with a plan against a plain debit"),
    ("hold", "credits_hold and credits_capture against two debits; debits beside open holds; lapsing many"),
    (
        "watched",
        "debits on accounts with alerts and auto-recharge far from their levels against accounts that have set none",
    ),
    ("batch", "credits_debit_many, 1,000 items a call"),
    ("balance", "credits_balance against a SELECT by primary key"),
    ("replay", "a repeated idempotency key against a new one, and the WAL it writes"),
    ("bytes", "WAL and disk bytes of a debit"),
    ("memory", "memory of a session over 10^6 debits"),
    ("growth", "debits, history and past balances at 10^4 and 10^7 entries; 1 and 1,000 lots"),
    ("history", "past balances, statements, exports and pages of history of accounts with 10^3 and 10^6 entries"),
    ("accounts", "debits at 10^2 and 10^6 accounts; credits_maintain over 10^6 due accounts"),
];

/// How long and what to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// Smaller data and shorter rounds: for a look in between, not for publishing.
    pub quick: bool,
    /// Names of the groups to run; empty means all.
    pub only: Vec<String>,
    /// How often contenders take turns.
    pub rounds: usize,
    /// Length of one turn.
    pub seconds: u32,
    /// Where the private servers keep their data. Must be a real disk: the flush is part of what is measured.
    pub dir: PathBuf,
    /// Where the Markdown and the chart go.
    pub output: PathBuf,
    /// Leaves the extension out: what the contenders alone do on this machine.
    pub baseline: bool,
}

const USAGE: &str = "\
usage: cargo run --release -p credits_ledger_bench -- [options]
  --quick          less data and shorter rounds (about 5 minutes)
  --only GROUP     one group of rows; may be repeated
  --rounds N       turns of each contender (default 3)
  --seconds N      length of a turn (default 5, quick 1)
  --dir DIR        where the private servers keep their data (default /var/tmp)
  --output DIR     where the results go (default bench/results)
  --baseline       contenders only, without the extension
  --list           the groups

PG_CONFIG names the pg_config of the Postgres to use (default /usr/bin/pg_config); the extension must be
installed there. A full run writes up to 40 GB below --dir, and removes it.";

impl Options {
    /// Reads the command line; `None` where it only asked for help.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Option<Options>> {
        let mut options = Options {
            quick: false,
            only: Vec::new(),
            rounds: 3,
            seconds: 0,
            dir: PathBuf::from("/var/tmp"),
            output: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results"),
            baseline: false,
        };
        let mut args = args;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| Failure(format!("{arg} needs a value\n{USAGE}")));
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--baseline" => options.baseline = true,
                "--rounds" => options.rounds = number(&value()?)? as usize,
                "--seconds" => options.seconds = number(&value()?)?,
                "--dir" => options.dir = PathBuf::from(value()?),
                "--output" => options.output = PathBuf::from(value()?),
                "--only" => {
                    let group = value()?;
                    if !GROUPS.iter().any(|(name, _)| *name == group) {
                        return Err(Failure(format!("there is no group {group}; see --list")));
                    }
                    options.only.push(group);
                }
                "--list" => {
                    for (name, what) in GROUPS {
                        println!("{name:9} {what}");
                    }
                    return Ok(None);
                }
                "--help" | "-h" => {
                    println!("{USAGE}");
                    return Ok(None);
                }
                _ => return Err(Failure(format!("unknown option {arg}\n{USAGE}"))),
            }
        }
        if options.seconds == 0 {
            options.seconds = if options.quick { 1 } else { 5 };
        }
        Ok(Some(options))
    }

    /// Whether this group was asked for.
    pub fn wants(&self, group: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == group)
    }

    /// `full`, or `quick` for a quick run.
    pub fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

fn number(text: &str) -> Result<u32> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(Failure(format!("{text} is not a positive whole number"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Option<Options>> {
        Options::parse(args.iter().map(|arg| arg.to_string()))
    }

    #[test]
    fn defaults_differ_between_full_and_quick() {
        let full = parse(&[]).unwrap().unwrap();
        assert_eq!((full.rounds, full.seconds, full.quick), (3, 5, false));
        let quick = parse(&["--quick"]).unwrap().unwrap();
        assert_eq!((quick.rounds, quick.seconds, quick.size(10, 1)), (3, 1, 1));
        assert_eq!(parse(&["--quick", "--seconds", "7"]).unwrap().unwrap().seconds, 7);
    }

    #[test]
    fn only_takes_known_groups() {
        let some = parse(&["--only", "hot", "--only", "replay"]).unwrap().unwrap();
        assert!(some.wants("hot") && some.wants("replay") && !some.wants("debit"));
        assert!(parse(&["--only", "nothing"]).is_err());
        assert!(parse(&["--rounds", "0"]).is_err());
        assert!(parse(&["--rounds"]).is_err());
    }
}
