//! Usage as CSV (RFC 4180), safe to open in a spreadsheet.

use crate::amount::Amount;
use crate::entry::{Entry, Operation};
use crate::time::Timestamp;

const COLUMNS: [&str; 15] = [
    "account",
    "entry",
    "recorded_at",
    "operation",
    "feature",
    "actor",
    "resource",
    "quantity",
    "included",
    "credits",
    "from_allowance",
    "from_credits",
    "overdraft",
    "idempotency_key",
    "refers_to",
];

/// The names of the columns, as the first record, without a line end.
pub fn header() -> String {
    record(COLUMNS.map(String::from))
}

/// The record of an entry that is usage, or takes some back: its figures are below zero then. Without a line end.
pub fn line(account: &str, entry: &Entry) -> String {
    let sign = |amount: Amount| if entry.operation == Operation::Refund { -amount } else { amount };
    let text = |text: Option<&str>| text.map(harmless).unwrap_or_default();
    let dimensions = &entry.dimensions;
    record([
        harmless(account),
        entry.entry.to_string(),
        utc(entry.recorded_at),
        entry.operation.name().into(),
        text(dimensions.feature.as_deref()),
        text(dimensions.actor.as_deref()),
        text(dimensions.resource.as_deref()),
        entry.quantity.map(|quantity| sign(quantity).to_string()).unwrap_or_default(),
        sign(entry.included.unwrap_or_default()).to_string(),
        entry.usage().to_string(),
        sign(entry.from_allowance()).to_string(),
        sign(entry.from_credits()).to_string(),
        entry.debt_change.to_string(),
        text(entry.key.as_ref().map(|key| key.key.as_str())),
        entry.refers_to.map(|entry| entry.to_string()).unwrap_or_default(),
    ])
}

/// With all six decimals of a second, so that the texts sort by time.
fn utc(instant: Timestamp) -> String {
    match instant.to_utc() {
        Some(wall_clock) => wall_clock.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        None => instant.to_string(),
    }
}

/// A text that a spreadsheet would take for a formula, told by an apostrophe that it is none.
/// Source: OWASP, CSV Injection.
fn harmless(text: &str) -> String {
    let invisible = |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    match text.trim_start_matches(invisible).chars().next() {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') => format!("'{text}"),
        _ => text.into(),
    }
}

fn record<const N: usize>(fields: [String; N]) -> String {
    fields.map(quoted).join(",")
}

fn quoted(field: String) -> String {
    let plain = !field.contains([',', '"', '\r', '\n']) && field.trim() == field;
    if plain { field } else { format!("\"{}\"", field.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_texts() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\u{a0}=1", "＝1", "\u{feff}=1", "\u{200b} =1"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["chat", "a=1", "'=1", "1-2", ""] {
            assert_eq!(harmless(text), text);
        }
    }

    proptest! {
        #[test]
        fn reads_back(fields in prop::array::uniform3("[ -~“”äß;,\"\r\n]{0,12}")) {
            let line = record(fields.clone());
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            // One record of empty fields looks like none where there is only one field; here are three.
            let read = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(read.iter().collect::<Vec<_>>(), fields.iter().collect::<Vec<_>>());
        }
    }
}
