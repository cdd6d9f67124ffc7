//! An error that Postgres reported.

use std::fmt::{Display, Formatter};

/// All fields of an error, each empty where Postgres sent none.
///
/// Where the connection broke, `code` is `08006` (connection_failure) and `message` says how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqlError {
    pub severity: String,
    /// The SQLSTATE, such as `LC001`.
    pub code: String,
    pub message: String,
    pub detail: String,
    pub hint: String,
    /// CONTEXT: where in nested functions it happened.
    pub context: String,
    pub schema: String,
    pub table: String,
    pub column: String,
    pub constraint: String,
}

impl SqlError {
    /// The value of `name` in a DETAIL of `name=value` pairs. Panics where it is not there.
    #[track_caller]
    pub fn figure(&self, name: &str) -> &str {
        self.detail
            .split([' ', ','])
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_else(|| panic!("no {name}=… in the DETAIL of {self}"))
    }
}

impl From<postgres::Error> for SqlError {
    fn from(error: postgres::Error) -> SqlError {
        let Some(db) = error.as_db_error() else {
            let mut message = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                message = format!("{message}: {inner}");
                cause = inner.source();
            }
            return SqlError { severity: "FATAL".into(), code: "08006".into(), message, ..SqlError::default() };
        };
        let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
        SqlError {
            severity: db.severity().into(),
            code: db.code().code().into(),
            message: db.message().into(),
            detail: text(db.detail()),
            hint: text(db.hint()),
            context: text(db.where_()),
            schema: text(db.schema()),
            table: text(db.table()),
            column: text(db.column()),
            constraint: text(db.constraint()),
        }
    }
}

impl Display for SqlError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.severity, self.code, self.message)?;
        for (name, value) in [("DETAIL", &self.detail), ("HINT", &self.hint), ("CONTEXT", &self.context)] {
            if !value.is_empty() {
                write!(f, "\n{name}: {value}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for SqlError {}
