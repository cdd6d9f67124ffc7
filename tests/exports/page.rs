//! The page's blocks, and how its programs are run.

use credits_ledger_tests::{Database, Installation, Server, Session};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The block of the page behind this fence, such as `sql-publisher`.
pub fn block(fence: &str) -> &'static str {
    let page = include_str!("../../docs/recipes/exports.md");
    let (_, block) = page.split_once(&format!("```{fence}\n")).unwrap_or_else(|| panic!("the page has no {fence}"));
    block.split("```").next().expect("a block ends")
}

/// A database with the page's schema `exports`, and the name of its `exporter`: roles belong to the whole server.
pub fn site(server: &Server) -> (Database, String) {
    let db = server.database();
    let exporter = format!("{}_exporter", db.name);
    let schema = block("sql").replace("exporter", &exporter);
    assert!(schema.contains("CREATE FUNCTION exports.next_batch"), "the first block makes the schema");
    db.session().run(&schema);
    (db, exporter)
}

/// A folder of the server's user, in the server's.
pub fn folder(server: &Server, name: &str) -> PathBuf {
    let folder = server.socket_dir().join(name);
    Installation::get().make_folder(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}

/// A program of the page, made a file, to be run in `folder` against the database.
pub fn program(server: &Server, db: &Database, role: &str, name: &str, folder: &Path) -> Command {
    let file = folder.join(name);
    fs::write(&file, block(&format!("sh {name}"))).expect("the program can be written");
    let installation = Installation::get();
    let mut command = installation.as_user("sh", folder);
    let path = format!("{}:{}", installation.bindir().display(), std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path).env("PGHOST", server.socket_dir()).env("PGPORT", server.port().to_string());
    command.env("PGUSER", role).env("PGDATABASE", &db.name).arg(file).arg(folder);
    command
}

#[track_caller]
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?}: {}\n{said}", output.status);
    output
}

/// The files in a folder whose names end so, in order.
pub fn files(folder: &Path, end: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .filter(|name| name.ends_with(end))
        .collect();
    names.sort();
    names
}

/// Adds the records of a CSV file with a header to a table.
pub fn load(s: &mut Session, table: &str, file: &Path) {
    let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut copy = s.client().copy_in(&format!("COPY {table} FROM STDIN (FORMAT csv, HEADER)")).expect("COPY begins");
    std::io::Write::write_all(&mut copy, &text).expect("the file is sent");
    copy.finish().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
