//! The reference against the catalogue: nothing of the extension is left out, nothing is named that is not there.

use crate::page::Page;
use credits_ledger_tests::{Server, Session};

/// Objects that belong to the extension, as `pg_depend` lists them.
const MEMBERS: &str = "(SELECT d.classid, d.objid FROM pg_depend d
     JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
     WHERE e.extname = 'credits_ledger' AND d.deptype = 'e')";

/// What is missing from the reference, or is said otherwise there.
pub fn problems(pages: &[Page]) -> Vec<String> {
    let reference: Vec<&Page> = pages.iter().filter(|page| page.name.starts_with("docs/reference/")).collect();
    let db = Server::shared().database();
    let mut s = db.session();
    let mut problems = functions(&mut s, &reference);
    problems.extend(relations(&mut s, &reference));
    problems.extend(errors(&mut s, &reference));
    problems.extend(settings(&mut s, &reference));
    problems
}

fn section<'p>(reference: &[&'p Page], title: &str) -> Result<&'p str, String> {
    let found: Vec<&str> = reference.iter().filter_map(|page| page.section(title)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        _ => Err(format!("{} sections of the reference are headed `{title}`", found.len())),
    }
}

/// Each function has a section that begins with its signature.
fn functions(s: &mut Session, reference: &[&Page]) -> Vec<String> {
    let rows = s.rows(&format!(
        "SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
         FROM pg_proc p JOIN {MEMBERS} m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
         WHERE p.pronamespace <> 'credits_ledger'::regnamespace ORDER BY 1"
    ));
    assert!(rows.len() >= 19, "{} functions", rows.len());
    let mut problems = Vec::new();
    for row in rows {
        let name = row.get("name");
        let catalogue = flat(&without_casts(&format!("{name}({}) → {}", row.get("arguments"), row.get("result"))));
        match section(reference, name) {
            Ok(text) => {
                let signature = text.split("```signature\n").nth(1).and_then(|rest| rest.split("```").next());
                let written = flat(signature.unwrap_or_default());
                if written != catalogue {
                    problems.push(format!("the reference says\n  {written}\nthe catalogue says\n  {catalogue}"));
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    problems
}

/// Each view and each type has a section with a table of its columns, in order.
fn relations(s: &mut Session, reference: &[&Page]) -> Vec<String> {
    let names = s.list(&format!(
        "SELECT DISTINCT c.relname FROM pg_class c
         LEFT JOIN {MEMBERS} v ON v.classid = 'pg_class'::regclass AND v.objid = c.oid
         LEFT JOIN {MEMBERS} t ON t.classid = 'pg_type'::regclass AND t.objid = c.reltype
         WHERE c.relkind = 'v' AND v.objid IS NOT NULL OR c.relkind = 'c' AND t.objid IS NOT NULL ORDER BY 1"
    ));
    assert!(names.len() >= 11, "{names:?}");
    let mut problems = Vec::new();
    for name in names {
        let there = s.list(&format!(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
             WHERE attrelid = '{name}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        ));
        match section(reference, &name) {
            Ok(text) => {
                let written: Vec<String> = text.lines().filter_map(column).collect();
                let there: Vec<String> =
                    there.iter().map(|c| c.replace("timestamp with time zone", "timestamptz")).collect();
                if written != there {
                    problems.push(format!("columns of {name}: the reference has {written:?}, the catalogue {there:?}"));
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    problems
}

/// `` | `name` | type | … `` as `name|type`.
fn column(line: &str) -> Option<String> {
    let mut cells = line.strip_prefix("| `")?.split('|');
    let name = cells.next()?.trim().strip_suffix('`')?;
    Some(format!("{name}|{}", cells.next()?.trim()))
}

/// Each code has a section, which gives its name.
fn errors(s: &mut Session, reference: &[&Page]) -> Vec<String> {
    let mut problems = Vec::new();
    let codes = s.rows("SELECT * FROM credits_errors()");
    assert_eq!(codes.len(), 15);
    for row in codes {
        match section(reference, row.get("code")) {
            Ok(text) if text.contains(&format!("`{}`", row.get("name"))) => {}
            Ok(_) => problems.push(format!("the section of {} does not give its name", row.get("code"))),
            Err(problem) => problems.push(problem),
        }
    }
    problems
}

fn settings(s: &mut Session, reference: &[&Page]) -> Vec<String> {
    // The library defines its settings when it is loaded.
    s.run("SELECT * FROM credits_errors()");
    let names = s.list("SELECT name FROM pg_settings WHERE name LIKE 'credits\\_ledger.%'");
    assert!(!names.is_empty());
    names.iter().filter_map(|name| section(reference, name).err()).collect()
}

/// On one line, with single spaces.
fn flat(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace("( ", "(").replace(" )", ")")
}

/// As people write types and defaults: `'UTC'::text` → `'UTC'`.
fn without_casts(signature: &str) -> String {
    let mut out = String::new();
    let mut rest = signature;
    while let Some(at) = rest.find("::") {
        out.push_str(&rest[..at]);
        let cast = &rest[at + 2..];
        rest = &cast[cast.find([',', ')']).unwrap_or(cast.len())..];
    }
    (out + rest)
        .replace("timestamp with time zone", "timestamptz")
        .replace("'1 mon'", "'1 month'")
        .replace("'00:15:00'", "'15 minutes'")
        .replace("'00:05:00'", "'5 minutes'")
        .replace("'00:01:00'", "'1 minute'")
}
