//! A row of a result, as text.

use std::fmt::{Display, Formatter, Write};
use std::sync::Arc;

/// Column names and values, as psql shows them; NULL is `NULL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<String>,
}

impl Row {
    pub(crate) fn new(columns: Arc<[String]>, values: Vec<String>) -> Row {
        Row { columns, values }
    }

    /// The value of a column. Panics where there is no such column.
    #[track_caller]
    pub fn get(&self, column: &str) -> &str {
        match self.columns.iter().position(|name| name == column) {
            Some(index) => &self.values[index],
            None => panic!("no column {column:?} in {self}"),
        }
    }

    /// The column names, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values, in order.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// The values of all columns but this one, joined with `|`.
    pub fn but(&self, column: &str) -> String {
        let others = self.columns.iter().zip(&self.values).filter(|(name, _)| *name != column);
        others.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("|")
    }

    /// Asserts that these columns have these values, and shows all that differ. Numbers are compared by value:
    /// how many trailing zeros a `numeric` shows is no promise.
    #[track_caller]
    pub fn has(&self, expected: &[(&str, &str)]) -> &Row {
        let mut differences = String::new();
        for &(column, value) in expected {
            let found = self.get(column);
            if found != value && !(canonical(found).is_some() && canonical(found) == canonical(value)) {
                let _ = writeln!(differences, "  {column}: expected {value:?}, found {found:?}");
            }
        }
        assert!(differences.is_empty(), "the row is not as expected:\n{differences}in {self}");
        self
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("(")?;
        for (index, (column, value)) in self.columns.iter().zip(&self.values).enumerate() {
            write!(f, "{}{column}={value}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

/// A number without trailing zeros; any other text as it is.
pub fn plain(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

/// A decimal number without trailing zeros; `None` for any other text.
fn canonical(text: &str) -> Option<String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let sign = if fraction.is_empty() && whole == "0" { "" } else { sign };
    Some(format!("{sign}{whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let columns: Vec<String> = ["a", "b"].map(String::from).into();
        Row::new(columns.into(), vec!["5.500000".into(), "NULL".into()])
    }

    #[test]
    fn numbers_are_compared_by_value_and_nothing_else_is() {
        row().has(&[("a", "5.5"), ("b", "NULL")]);
        assert_eq!(canonical("-0.00"), canonical("0"));
        assert_ne!(canonical("-1"), canonical("1"));
        assert_ne!(canonical("10"), canonical("1"));
        assert_eq!(canonical("2026-01-31"), None);
        assert_eq!(canonical(""), None);
    }

    #[test]
    #[should_panic(expected = "a: expected \"5.6\", found \"5.500000\"")]
    fn a_difference_is_shown() {
        row().has(&[("a", "5.6")]);
    }

    #[test]
    #[should_panic(expected = "no column \"c\"")]
    fn an_unknown_column_is_no_null() {
        row().get("c");
    }
}
