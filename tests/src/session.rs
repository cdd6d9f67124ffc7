//! One connection, everything as text.

use crate::{Row, SqlError};
use postgres::{Client, SimpleQueryMessage};
use std::sync::Arc;

/// A session of a database. Statements go through the simple protocol: several in one string are one transaction,
/// unless the string says otherwise.
pub struct Session {
    client: Client,
    backend: u32,
}

impl Session {
    pub(crate) fn new(client: Client) -> Result<Session, SqlError> {
        let mut session = Session { client, backend: 0 };
        let rows = session.try_run("SELECT pg_backend_pid()")?;
        session.backend = rows[0].values()[0].parse().expect("a process id");
        Ok(session)
    }

    /// Runs SQL that must succeed.
    #[track_caller]
    pub fn run(&mut self, sql: &str) {
        self.rows(sql);
    }

    /// The only column of the only row, as psql shows it; NULL is `NULL`.
    #[track_caller]
    pub fn one(&mut self, sql: &str) -> String {
        let row = self.row(sql);
        assert_eq!(row.columns().len(), 1, "expected one column from: {sql}\ngot {row}");
        row.values()[0].clone()
    }

    /// The only row.
    #[track_caller]
    pub fn row(&mut self, sql: &str) -> Row {
        let mut rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "expected one row from: {sql}\ngot {}", show(&rows));
        rows.remove(0)
    }

    /// All rows.
    #[track_caller]
    pub fn rows(&mut self, sql: &str) -> Vec<Row> {
        match self.try_run(sql) {
            Ok(rows) => rows,
            Err(error) => panic!("{error}\nin: {sql}"),
        }
    }

    /// All rows, the values of each joined with `|`; NULL is `NULL`.
    #[track_caller]
    pub fn list(&mut self, sql: &str) -> Vec<String> {
        self.rows(sql).iter().map(|row| row.values().join("|")).collect()
    }

    /// Runs SQL that may fail.
    pub fn try_run(&mut self, sql: &str) -> Result<Vec<Row>, SqlError> {
        let mut columns: Arc<[String]> = Arc::default();
        let mut rows = Vec::new();
        for message in self.client.simple_query(sql)? {
            match message {
                SimpleQueryMessage::RowDescription(described) => {
                    columns = described.iter().map(|column| column.name().to_owned()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    let value = |index| row.get(index).unwrap_or("NULL").to_owned();
                    rows.push(Row::new(columns.clone(), (0..row.len()).map(value).collect()));
                }
                _ => {}
            }
        }
        Ok(rows)
    }

    /// The error of SQL that must fail.
    #[track_caller]
    pub fn error(&mut self, sql: &str) -> SqlError {
        match self.try_run(sql) {
            Ok(rows) => panic!("expected an error from: {sql}\ngot {}", show(&rows)),
            Err(error) => error,
        }
    }

    /// Sets the ledger's clock for this session; the empty string gives the real clock back.
    #[track_caller]
    pub fn at(&mut self, now: &str) {
        self.run(&format!("SET credits_ledger.now = '{now}'"));
    }

    /// The connection itself, for prepared statements, typed parameters, COPY or transactions.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The process id of the backend.
    pub fn backend_pid(&self) -> u32 {
        self.backend
    }
}

fn show(rows: &[Row]) -> String {
    let mut text = format!("{} rows", rows.len());
    for row in rows.iter().take(20) {
        text.push_str(&format!("\n  {row}"));
    }
    text
}
