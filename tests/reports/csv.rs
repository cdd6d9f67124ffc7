//! A reader of CSV that takes RFC 4180 at its word and nothing else.

use std::collections::BTreeMap;

/// The columns of `credits_usage_csv`, in order.
pub const COLUMNS: [&str; 15] = [
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

/// The records of a file: its lines, each with its CRLF.
///
/// Panics where a quote stands in a field that is not quoted, where something follows a closing quote, where a quoted
/// field does not end, or where a line break stands outside of quotes without being CRLF.
#[track_caller]
pub fn records(file: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let field;
        (field, rest) = match rest.strip_prefix('"') {
            Some(quoted) => until_closed(quoted, file),
            None => {
                let end = rest.find([',', '\r', '\n']).unwrap_or(rest.len());
                assert!(!rest[..end].contains('"'), "a quote in a field without quotes: {:?}", &rest[..end]);
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        record.push(field);
        if let Some(next) = rest.strip_prefix("\r\n") {
            records.push(std::mem::take(&mut record));
            rest = next;
        } else {
            rest = rest.strip_prefix(',').unwrap_or_else(|| panic!("no comma and no CRLF before {rest:?}"));
            assert!(!rest.is_empty(), "the last record does not end");
        }
    }
    assert!(record.is_empty(), "the last record does not end: {record:?}");
    records
}

/// A quoted field, of which the first quote was read, and what comes after it.
#[track_caller]
fn until_closed<'a>(mut rest: &'a str, file: &str) -> (String, &'a str) {
    let mut field = String::new();
    loop {
        let Some(end) = rest.find('"') else { panic!("a quoted field does not end in {file:?}") };
        field += &rest[..end];
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return (field, rest),
        }
    }
}

/// The rows of `credits_usage_csv` as a file, read back: each record by column. The first row is the header.
#[track_caller]
pub fn usage(rows: &[String]) -> Vec<BTreeMap<&'static str, String>> {
    let file: String = rows.iter().map(|row| format!("{row}\r\n")).collect();
    let mut records = records(&file).into_iter();
    assert_eq!(records.next().expect("a header"), COLUMNS, "the header");
    let records: Vec<_> = records
        .map(|record| {
            assert_eq!(record.len(), COLUMNS.len(), "fields of {record:?}");
            COLUMNS.into_iter().zip(record).collect()
        })
        .collect();
    assert_eq!(records.len(), rows.len() - 1, "a record to each row");
    records
}

#[test]
fn what_is_read() {
    assert_eq!(records("a,b\r\n,\r\n"), [["a", "b"], ["", ""]]);
    assert_eq!(records("\"a,\"\"\r\n\",b\r\n"), [["a,\"\r\n", "b"]]);
    for wrong in ["a", "a\n", "a,", "a\"b\r\n", "\"a\r\n", "\"a\"b\r\n", "a\rb\r\n"] {
        std::panic::catch_unwind(|| records(wrong)).expect_err(wrong);
    }
}
