//! Who is compared: each with a script that makes its tables and one that debits.

use crate::failure::Result;
use crate::pgbench::{Length, Load};
use crate::server::Server;

/// A way to debit an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// One statement: `UPDATE … RETURNING` and `INSERT`, entries numbered and keyed.
    Bare,
    /// The same without the index by entry number.
    BareMin,
    /// A ledger with lots, written by hand in PL/pgSQL.
    PlPgSql,
    /// This extension.
    Ledger,
}

impl Contender {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Contender::Bare => "bare",
            Contender::BareMin => "bare_min",
            Contender::PlPgSql => "PL/pgSQL",
            Contender::Ledger => "ledger",
        }
    }

    /// The schema that holds its tables.
    pub fn schema(self) -> &'static str {
        match self {
            Contender::Bare => "bare",
            Contender::BareMin => "bare_min",
            Contender::PlPgSql => "plp",
            Contender::Ledger => "credits_ledger",
        }
    }

    /// Makes its tables and `accounts` accounts.
    pub fn set_up(self, server: &Server, database: &str, accounts: u32) -> Result<()> {
        let script = match self {
            Contender::Bare => include_str!("../contenders/bare.sql"),
            Contender::BareMin => include_str!("../contenders/bare_min.sql"),
            Contender::PlPgSql => include_str!("../contenders/plpgsql.sql"),
            Contender::Ledger => include_str!("../contenders/ledger.sql"),
        };
        server.script(database, script, &[("accounts", accounts.to_string())])?;
        Ok(())
    }

    /// The load of debits, spread evenly over accounts `acct-1` to `acct-<accounts>`.
    pub fn debits(self, accounts: u32, clients: usize, length: Length) -> Load {
        let statement = match self {
            Contender::Bare => include_str!("../scripts/debit_bare.sql"),
            Contender::BareMin => include_str!("../scripts/debit_bare_min.sql"),
            Contender::PlPgSql => include_str!("../scripts/debit_plpgsql.sql"),
            Contender::Ledger => include_str!("../scripts/debit_ledger.sql"),
        };
        let script = format!("{}{statement}", include_str!("../scripts/variables.sql"));
        Load::new(script, clients, length).with("accounts", accounts)
    }
}
