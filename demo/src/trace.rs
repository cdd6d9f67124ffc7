//! Usage traces: read from a CSV file, or generated.

use crate::Result;
use crate::random::Random;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The tokens of one request: those it sent and those it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub context: u32,
    pub generated: u32,
}

impl Request {
    pub fn tokens(self) -> u64 {
        u64::from(self.context) + u64::from(self.generated)
    }
}

/// Columns that a trace must have; others are passed over.
const COLUMNS: [&str; 3] = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"];

/// Well above what any model takes in a request; more is a broken line.
const MOST_TOKENS: u32 = 100_000_000;

/// Reads a trace. A line that is not as it must be is an error that names the file and the line.
pub fn read(file: &Path) -> Result<Vec<Request>> {
    let source = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
    parse(BufReader::new(source)).map_err(|problem| format!("{}{problem}", file.display()))
}

fn parse(source: impl BufRead) -> Result<Vec<Request>> {
    let mut lines = source.lines().enumerate();
    let mut columns = Vec::new();
    let mut places = [0; 3];
    let mut requests = Vec::new();
    for (index, line) in &mut lines {
        let problem = |what: String| format!(", line {}: {what}", index + 1);
        let line = line.map_err(|error| problem(format!("cannot be read: {error}")))?;
        let line = line.trim_start_matches('\u{feff}').trim_end();
        if line.is_empty() {
            continue;
        }
        let fields: Vec<&str> = line.split(',').map(|field| field.trim().trim_matches('"')).collect();
        if columns.is_empty() {
            for (place, name) in places.iter_mut().zip(COLUMNS) {
                *place = fields.iter().position(|field| field.eq_ignore_ascii_case(name)).ok_or_else(|| {
                    problem(format!("the header must have the columns {}, found: {line}", COLUMNS.join(",")))
                })?;
            }
            columns = fields.iter().map(|field| (*field).to_owned()).collect();
            continue;
        }
        if fields.len() != columns.len() {
            return Err(problem(format!("expected {} columns, found {}: {line}", columns.len(), fields.len())));
        }
        let [at, context, generated] = places.map(|place| fields[place]);
        if !is_timestamp(at) {
            return Err(problem(format!("TIMESTAMP must be like 2023-11-16 18:17:03.97996, found {at:?}")));
        }
        let tokens = |name: &str, text: &str| {
            text.parse().ok().filter(|tokens| *tokens <= MOST_TOKENS).ok_or_else(|| {
                problem(format!("{name} must be a whole number from 0 to {MOST_TOKENS}, found {text:?}"))
            })
        };
        requests.push(Request { context: tokens(COLUMNS[1], context)?, generated: tokens(COLUMNS[2], generated)? });
    }
    if requests.is_empty() {
        return Err(": no requests in it".to_owned());
    }
    Ok(requests)
}

/// Whether it looks like `2023-11-16 18:17:03`, with fractions of a second and a zone if there are any.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 19
        && bytes[..19].iter().zip(b"dddd-dd-dd dd:dd:dd").all(|(found, pattern)| match pattern {
            b'd' => found.is_ascii_digit(),
            b' ' => *found == b' ' || *found == b'T',
            _ => found == pattern,
        })
        && bytes[19..].iter().all(|b| b.is_ascii_digit() || b".:+-Z".contains(b))
}

/// A trace like that of a code-completion service: long prompts, short answers.
pub fn generated(seed: u64) -> Vec<Request> {
    let mut random = Random::new(seed);
    let request = |_| Request {
        context: random.log_normal(1500.0, 1.0, 7437.0) as u32,
        generated: random.log_normal(13.0, 1.1, 1899.0) as u32,
    };
    (0..10_000).map(request).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Request>> {
        parse(text.as_bytes())
    }

    #[test]
    fn a_trace_is_read_with_any_line_ends() {
        let expected = vec![Request { context: 4808, generated: 10 }, Request { context: 0, generated: 8 }];
        let lines = [
            "TIMESTAMP,ContextTokens,GeneratedTokens",
            "2023-11-16 18:17:03.9799600,4808,10",
            "2024-05-10T00:00:00.009930+00:00,0,8",
        ];
        assert_eq!(parsed(&lines.join("\n")), Ok(expected.clone()));
        assert_eq!(parsed(&format!("\u{feff}{}\r\n\r\n", lines.join("\r\n"))), Ok(expected));
        let more = "GeneratedTokens,id,TIMESTAMP,ContextTokens\n10,x,2023-11-16 18:17:03,4808\n";
        assert_eq!(parsed(more), Ok(vec![Request { context: 4808, generated: 10 }]));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let after = |line: &str| parsed(&format!("TIMESTAMP,ContextTokens,GeneratedTokens\n\n{line}\n")).unwrap_err();
        let at = "2023-11-16 18:17:03.97";
        assert_eq!(after(&format!("{at},1")), format!(", line 3: expected 3 columns, found 2: {at},1"));
        assert!(after(&format!("{at},1.5,2")).starts_with(", line 3: ContextTokens must be a whole number"));
        assert!(after(&format!("{at},1,-2")).starts_with(", line 3: GeneratedTokens must be a whole number"));
        assert!(after(&format!("{at},1,")).starts_with(", line 3: GeneratedTokens must be a whole number"));
        assert!(after(&format!("{at},1,99999999999")).starts_with(", line 3: GeneratedTokens must be"));
        assert!(after("yesterday,1,2").starts_with(", line 3: TIMESTAMP must be like"));
        assert_eq!(parsed("a,b,c\n1,2,3").unwrap_err(), {
            ", line 1: the header must have the columns TIMESTAMP,ContextTokens,GeneratedTokens, found: a,b,c"
        });
        assert_eq!(parsed("").unwrap_err(), ": no requests in it");
        assert!(parsed_bytes(b"TIMESTAMP,ContextTokens,GeneratedTokens\n\xff\xfe").starts_with(", line 2: cannot be"));
    }

    fn parsed_bytes(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err()
    }

    #[test]
    fn a_generated_trace_is_the_same_each_time() {
        let (one, again) = (generated(1), generated(1));
        assert_eq!(one, again);
        assert_ne!(one, generated(2));
        let tokens: u64 = one.iter().map(|request| request.tokens()).sum();
        assert!((15_000_000..30_000_000).contains(&tokens), "{tokens}");
    }
}
