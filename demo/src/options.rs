//! The command line.

use crate::Result;
use postgres::{Client, Config, NoTls};
use rust_decimal::Decimal;
use std::path::PathBuf;

const USAGE: &str = "\
usage: credits_ledger_demo --socket FOLDER | --check [options]
  --socket FOLDER    folder of the server's unix socket
  --check            only read the options and the trace, and say what is wrong with them
  --database NAME    (default demo)
  --trace FILE       CSV of TIMESTAMP,ContextTokens,GeneratedTokens (default: a generated trace)
  --rate CREDITS     credits per token, at most 6 decimals (default 0.001)
  --connections N    sessions at a time (default 8)
  --seed N           for the generated trace and the choice of accounts (default 1)";

/// What to replay, and where.
pub struct Options {
    /// Read everything, replay nothing.
    pub check: bool,
    pub socket: PathBuf,
    pub database: String,
    pub trace: Option<PathBuf>,
    /// Credits per token.
    pub rate: Decimal,
    pub connections: usize,
    pub seed: u64,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Options> {
        let mut socket = None;
        let mut options = Options {
            check: false,
            socket: PathBuf::new(),
            database: "demo".into(),
            trace: None,
            rate: Decimal::new(1, 3),
            connections: 8,
            seed: 1,
        };
        while let Some(name) = args.next() {
            if name == "--check" {
                options.check = true;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{name} needs a value\n{USAGE}"))?;
            match name.as_str() {
                "--socket" => socket = Some(PathBuf::from(value)),
                "--database" => options.database = value,
                "--trace" => options.trace = Some(PathBuf::from(value)),
                "--rate" => options.rate = rate(&value)?,
                "--connections" => options.connections = number(&name, &value)?.clamp(1, 90) as usize,
                "--seed" => options.seed = number(&name, &value)?,
                _ => return Err(format!("unknown option {name}\n{USAGE}")),
            }
        }
        options.socket = match socket {
            Some(socket) => socket,
            None if options.check => PathBuf::new(),
            None => return Err(USAGE.to_owned()),
        };
        Ok(options)
    }

    /// A new connection to the server.
    pub fn connect(&self) -> Result<Client> {
        Config::new()
            .host_path(&self.socket)
            .user("postgres")
            .dbname(&self.database)
            .application_name("credits_ledger_demo")
            .connect(NoTls)
            .map_err(|error| format!("cannot connect to {}: {error}", self.socket.display()))
    }
}

fn number(name: &str, value: &str) -> Result<u64> {
    value.parse().map_err(|_| format!("{name} {value}: not a whole number"))
}

fn rate(value: &str) -> Result<Decimal> {
    let parsed = value.parse::<Decimal>().map_err(|_| format!("--rate {value}: not a decimal number"))?;
    let rate = parsed.normalize();
    if rate <= Decimal::ZERO || rate.scale() > 6 || rate > Decimal::from(1000) {
        return Err(format!("--rate {value}: must be above 0, at most 1000, with at most 6 decimals"));
    }
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_exact_and_has_at_most_six_decimals() {
        assert_eq!(rate("0.000001"), Ok(Decimal::new(1, 6)));
        assert_eq!(rate("0.0010000000"), Ok(Decimal::new(1, 3)));
        for wrong in ["0.0000001", "0", "-1", "1001", "a", ""] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
