//! A database of a private server.

use crate::Session;
use crate::server::Address;
use postgres::{Config, NoTls};
use std::process::Output;
use std::time::Duration;

/// A database that one test has for itself. Roles, unlike everything else, belong to the whole server: see
/// [`Database::role`].
pub struct Database {
    pub name: String,
    pub(crate) address: Address,
}

impl Database {
    /// A new session as the superuser `postgres`.
    #[track_caller]
    pub fn session(&self) -> Session {
        self.session_as("postgres")
    }

    /// A new session as `role`, which must be allowed to log in.
    #[track_caller]
    pub fn session_as(&self, role: &str) -> Session {
        match self.try_session_as(role) {
            Ok(session) => session,
            Err(error) => panic!("{role} cannot connect to {}: {error}", self.name),
        }
    }

    /// A new session as `role`, where connecting may fail.
    pub fn try_session_as(&self, role: &str) -> Result<Session, crate::SqlError> {
        let client = Config::new()
            .host_path(&self.address.socket_dir)
            .port(self.address.port)
            .user(role)
            .dbname(&self.name)
            .application_name("credits_ledger_tests")
            .connect_timeout(Duration::from_secs(20))
            .connect(NoTls)?;
        Session::new(client)
    }

    /// Makes a role that can log in, with a name that no other test has, and returns the name.
    #[track_caller]
    pub fn role(&self, purpose: &str) -> String {
        let name = format!("{}_{purpose}", self.name);
        self.session().run(&format!("CREATE ROLE {name} LOGIN"));
        name
    }

    /// Runs a script in psql as `postgres`. As in psql, an error does not end it, unless it says
    /// `\set ON_ERROR_STOP on`.
    pub fn psql(&self, script: &str) -> Output {
        self.address.tool("psql", &["-X", "-d", &self.name, "-f", "-"], script)
    }
}
