//! The one error of this program: a sentence that says what could not be done.

use std::fmt;

/// Why the benchmark stopped.
#[derive(Debug)]
pub struct Failure(pub String);

/// A result whose error is a [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure(error.to_string())
    }
}

/// Says what was being done when an operation failed.
pub trait While<T> {
    /// Puts `what` in front of the error.
    fn during(self, what: &str) -> Result<T>;
}

impl<T, E: fmt::Display> While<T> for std::result::Result<T, E> {
    fn during(self, what: &str) -> Result<T> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}
