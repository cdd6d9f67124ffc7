//! Dependencies go one way: api → store → domain; pg knows the domain's values only, and the domain knows nobody.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the project").into()
}

/// The lines of all Rust files below a folder, with their places.
fn lines(folder: &str) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).expect("a folder of the project") {
            let path = item.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                let place = |n: usize| format!("{}:{}", path.display(), n + 1);
                lines.extend(text.lines().enumerate().map(|(n, line)| (place(n), line.to_owned())));
            }
        }
    }
    assert!(!lines.is_empty(), "{folder} has no Rust files");
    lines
}

fn names_none_of(folder: &str, forbidden: &[&str]) {
    for (place, line) in lines(folder) {
        let code = line.split("//").next().unwrap_or_default();
        for name in forbidden {
            assert!(!code.contains(name), "{place} names {name}: {line}");
        }
    }
}

#[test]
fn the_domain_knows_neither_postgres_nor_sql() {
    names_none_of("crates/domain/src", &["pgrx", "pg_sys", "credits_ledger::", "SELECT ", "INSERT ", "UPDATE "]);
    let manifest = fs::read_to_string(root().join("crates/domain/Cargo.toml")).expect("the domain's manifest");
    assert!(!manifest.contains("pgrx"), "{manifest}");
}

#[test]
fn the_postgres_layer_knows_no_tables_and_no_verbs() {
    names_none_of("src/pg", &["crate::store", "crate::api", "credits_domain::book", "credits_domain::debit"]);
}

#[test]
fn the_store_knows_no_verbs() {
    names_none_of("src/store", &["crate::api", "sql_function!"]);
}

#[test]
fn the_verbs_know_no_tables() {
    for (place, line) in lines("src/api") {
        // Privileges are about the catalogue, not about the ledger's rows.
        if !place.contains("access.rs") {
            let code = line.split("//").next().unwrap_or_default();
            assert!(!code.contains("Statement") && !code.contains("credits_ledger."), "{place} speaks SQL: {line}");
        }
    }
}
