//! The table of docs/operating/access.md, cell by cell: what it shows is what `credits_allow` gives, of every function,
//! view and table that the extension has.

use credits_ledger_tests::{Database, Server, Session};
use std::collections::BTreeMap;

const LEVELS: [&str; 4] = ["spend", "billing", "analyst", "admin"];

/// The cell that stands for all tables.
const TABLES: &str = "every table in the schema `credits_ledger`";

/// What can be done with a view or a table.
const TABLE_RIGHTS: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];

/// A row of the table: what it names, and for each level whether it has a tick.
struct PageRow {
    names: Vec<String>,
    ticks: [bool; 4],
}

fn page() -> Vec<PageRow> {
    let text = include_str!("../docs/operating/access.md");
    let mut lines = text.lines().skip_while(|line| !line.starts_with('|'));
    assert_eq!(lines.next(), Some("| may call or read | spend | billing | analyst | admin |"));
    assert_eq!(lines.next(), Some("|---|---|---|---|---|"));
    let rows: Vec<PageRow> = lines.by_ref().take_while(|line| line.starts_with('|')).map(page_row).collect();
    assert!(!lines.any(|line| line.starts_with('|')), "the page has one table");
    rows
}

fn page_row(line: &str) -> PageRow {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let ["", what, spend, billing, analyst, admin, ""] = cells[..] else { panic!("five cells: {line}") };
    let ticks = [spend, billing, analyst, admin].map(|cell| match cell {
        "✓" => true,
        "" => false,
        other => panic!("a tick or nothing, not {other:?}: {line}"),
    });
    let names = if what == TABLES {
        vec![what.to_owned()]
    } else {
        what.split(", ")
            .map(|name| {
                name.strip_prefix('`').and_then(|name| name.strip_suffix('`')).unwrap_or_else(|| panic!("{line}"))
            })
            .map(str::to_owned)
            .collect()
    };
    PageRow { names, ticks }
}

/// A function, view or table of the extension, under the name that the page has for it.
struct Member {
    name: String,
    kind: char,
    identity: String,
}

fn members(s: &mut Session) -> Vec<Member> {
    let rows = s.rows(
        "SELECT m.kind, m.identity, CASE WHEN m.schema = x.extnamespace THEN '' ELSE m.schema::text || '.' END || m.name AS name
         FROM pg_extension x
         JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.deptype = 'e'
         JOIN (SELECT 'pg_proc'::regclass AS class, oid, 'f' AS kind, oid::regprocedure::text AS identity,
                      pronamespace::regnamespace AS schema, proname AS name FROM pg_proc
               UNION ALL
               SELECT 'pg_class'::regclass, oid, relkind::text, oid::regclass::text, relnamespace::regnamespace, relname
               FROM pg_class WHERE relkind NOT IN ('i', 'c')) m ON m.class = d.classid AND m.oid = d.objid
         WHERE x.extname = 'credits_ledger' ORDER BY 1, 2",
    );
    rows.iter()
        .map(|row| Member {
            name: row.get("name").to_owned(),
            kind: row.get("kind").chars().next().expect("a letter"),
            identity: row.get("identity").to_owned(),
        })
        .collect()
}

/// What a role may do with a member, as the catalogue has it: nothing, everything that the page means, or something else.
fn may(s: &mut Session, role: &str, member: &Member) -> Result<bool, String> {
    if member.kind == 'f' {
        let asked = format!("SELECT has_function_privilege('{role}', '{}', 'EXECUTE')", member.identity);
        return Ok(s.one(&asked) == "t");
    }
    let rights: Vec<&str> = TABLE_RIGHTS
        .into_iter()
        .filter(|right| {
            s.one(&format!("SELECT has_table_privilege('{role}', '{}', '{right}')", member.identity)) == "t"
        })
        .collect();
    let any_column = s.one(&format!(
        "SELECT has_any_column_privilege('{role}', '{}', 'SELECT, INSERT, UPDATE, REFERENCES')",
        member.identity
    ));
    match rights[..] {
        [] if any_column == "f" => Ok(false),
        ["SELECT"] if member.kind == 'v' => Ok(true),
        _ => Err(format!("{role} has {rights:?} on {}", member.name)),
    }
}

/// A database with a role of each level, and one without any.
fn ledger() -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    for level in LEVELS {
        let role = db.role(level);
        assert_eq!(s.one(&format!("SELECT credits_allow('{role}', '{level}')")), "t");
    }
    db.role("nobody");
    (db, s)
}

#[test]
fn everything_that_the_extension_has_stands_in_one_row() {
    let db = Server::shared().database();
    let mut there: Vec<String> = members(&mut db.session())
        .into_iter()
        .map(|member| if member.kind == 'r' { TABLES.to_owned() } else { member.name })
        .collect();
    there.sort();
    // Many tables, one row.
    there.dedup();
    let named: Vec<String> = page().into_iter().flat_map(|row| row.names).collect();
    let missing: Vec<&String> = there.iter().filter(|name| !named.contains(name)).collect();
    let unknown: Vec<&String> = named.iter().filter(|name| !there.contains(name)).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "in no row: {missing:?}, not in the extension: {unknown:?}");
    assert_eq!(named.len(), there.len(), "a name stands in two rows");
}

#[test]
fn each_tick_and_each_blank_is_true() {
    let (db, mut s) = ledger();
    let page = page();
    let ticks: BTreeMap<&str, [bool; 4]> =
        page.iter().flat_map(|row| row.names.iter().map(|name| (name.as_str(), row.ticks))).collect();
    let mut wrong = Vec::new();
    let mut kinds = BTreeMap::new();
    for member in members(&mut s) {
        *kinds.entry(member.kind).or_insert(0) += 1;
        let name = if member.kind == 'r' { TABLES } else { &member.name };
        let Some(ticks) = ticks.get(name) else {
            wrong.push(format!("{name} is in no row"));
            continue;
        };
        let levels = LEVELS.into_iter().zip(*ticks).map(|(level, tick)| (format!("{}_{level}", db.name), tick));
        // PUBLIC and who was given nothing: a column that the page has no need of.
        for (role, tick) in levels.chain(["public".into(), format!("{}_nobody", db.name)].map(|role| (role, false))) {
            match may(&mut s, &role, &member) {
                Ok(found) if found == tick => {}
                Ok(found) => wrong.push(format!("{role} {name}: the page says {tick}, the catalogue {found}")),
                Err(odd) => wrong.push(odd),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nothing else, such as a sequence or a foreign table, has been made a member.
    assert_eq!(kinds.keys().collect::<Vec<_>>(), [&'f', &'r', &'v']);
    assert!(kinds[&'f'] >= 56 && kinds[&'r'] >= 23 && kinds[&'v'] >= 20, "{kinds:?}");
}

/// What stands below the table: helpers are for the views only, because nobody may use the schema they are in.
#[test]
fn no_level_may_use_the_schema_of_the_tables() {
    let (db, mut s) = ledger();
    for level in LEVELS.into_iter().chain(["nobody"]) {
        let role = format!("{}_{level}", db.name);
        for right in ["USAGE", "CREATE"] {
            let asked = format!("SELECT has_schema_privilege('{role}', 'credits_ledger', '{right}')");
            assert_eq!(s.one(&asked), "f", "{level} {right}");
        }
        let mut caller = db.session_as(&role);
        for call in ["credits_ledger.statement_time()", "credits_ledger.settled_lots('a')"] {
            let e = caller.error(&format!("SELECT * FROM {call}"));
            assert_eq!((e.code.as_str(), e.message.as_str()), ("42501", "permission denied for schema credits_ledger"));
        }
    }
}

#[test]
fn taking_a_level_away_empties_its_column() {
    let (db, mut s) = ledger();
    let all = members(&mut s);
    for level in LEVELS {
        let role = format!("{}_{level}", db.name);
        let before = all.iter().filter(|member| may(&mut s, &role, member) == Ok(true)).count();
        assert!(before >= 12, "{level} has {before}");
        assert_eq!(s.one(&format!("SELECT credits_disallow('{role}', '{level}')")), "t");
        for member in &all {
            assert_eq!(may(&mut s, &role, member), Ok(false), "{level} {}", member.name);
        }
    }
}
