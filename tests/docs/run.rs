//! Runs the SQL of a page in psql, block by block in one session, and compares what it shows.

use crate::page::Page;
use credits_ledger_tests::{Database, Server};
use std::fmt::Write;

/// A block that is run.
struct Step {
    /// Place of the block in the page.
    block: usize,
    /// The SQLSTATE that it must end with; `None`: it must succeed.
    error: Option<String>,
    /// Place of the block that shows its output, where one follows.
    output: Option<usize>,
}

/// What psql said to a block.
struct Answer {
    shown: String,
    state: String,
}

const MARK: &str = "@@ block";

/// NULL is shown as `-`, and the number of rows is not.
const OPTIONS: [&str; 11] =
    ["-X", "-q", "-P", "null=-", "-P", "footer=off", "-P", "pager=off", "-v", "SHOW_CONTEXT=never", "-d"];

/// Runs the page in a database of its own and returns what is not as it says. With `update`, the page is written
/// anew with what was shown.
pub fn run(page: &Page, update: bool) -> Vec<String> {
    let steps = steps(page);
    if steps.is_empty() {
        return Vec::new();
    }
    let installs = page.blocks.iter().any(|block| block.text.contains("CREATE EXTENSION credits_ledger"));
    let server = Server::shared();
    let db = if installs { server.empty_database() } else { server.database() };
    let answers = play(page, &steps, &db);
    let mut problems = Vec::new();
    let mut text = page.text.clone();
    for (step, answer) in steps.iter().zip(&answers).rev() {
        let block = &page.blocks[step.block];
        let place = format!("{}:{}", page.name, block.line);
        let expected = step.error.as_deref().unwrap_or("00000");
        if answer.state != expected {
            problems.push(format!("{place}: SQLSTATE {} instead of {expected}:\n{}", answer.state, answer.shown));
        }
        if let Some(output) = step.output {
            let written = &page.blocks[output];
            if update {
                text.replace_range(written.range.clone(), &answer.shown);
            } else if trimmed(&written.text) != answer.shown {
                let (written, shown) = (&written.text, &answer.shown);
                problems.push(format!("{place}: the page says\n{written}but psql shows\n{shown}"));
            }
        }
    }
    if update && text != page.text {
        std::fs::write(&page.path, text).expect("the page can be written");
    }
    remove(db);
    problems.reverse();
    problems
}

fn steps(page: &Page) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, block) in page.blocks.iter().enumerate() {
        if block.language != "sql" {
            continue;
        }
        let error = match block.info.split_once(' ') {
            _ if block.info.is_empty() => None,
            Some(("error", state)) => Some(state.to_owned()),
            _ => panic!("{}:{}: what is {:?}?", page.name, block.line, block.info),
        };
        let follows = page.blocks.get(index + 1).filter(|next| {
            let between = &page.text[block.range.end..next.range.start];
            next.language == "text" && between.trim_start_matches("```").trim() == "```text"
        });
        steps.push(Step { block: index, error, output: follows.map(|_| index + 1) });
    }
    steps
}

fn play(page: &Page, steps: &[Step], db: &Database) -> Vec<Answer> {
    let mut script = String::new();
    for step in steps {
        let text = &page.blocks[step.block].text;
        let _ = write!(
            script,
            "\\set LAST_ERROR_SQLSTATE 00000\n{text}\n\\echo {MARK} :LAST_ERROR_SQLSTATE\n\\warn {MARK}\n"
        );
    }
    let mut arguments = OPTIONS.to_vec();
    arguments.push(&db.name);
    let output = Server::shared().run_tool_with_input("psql", &arguments, &script);
    let (shown, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut shown = shown.split_inclusive('\n');
    let mut errors = errors.split_inclusive('\n');
    steps
        .iter()
        .map(|step| {
            let mut answer = String::new();
            let state = loop {
                let line = shown.next().unwrap_or_else(|| {
                    let line = page.blocks[step.block].line;
                    panic!("{}:{line}: psql ended early:\n{answer}", page.name)
                });
                match line.strip_prefix(MARK) {
                    Some(state) => break state.trim().to_owned(),
                    None => answer.push_str(line),
                }
            };
            for line in errors.by_ref().take_while(|line| !line.starts_with(MARK)) {
                answer.push_str(line);
            }
            Answer { shown: trimmed(&answer), state }
        })
        .collect()
}

/// Without the spaces with which psql fills a line, and without empty lines at the end.
fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let text = lines.join("\n");
    let text = text.trim_end();
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

/// The next page may make roles of the same names.
fn remove(db: Database) {
    let mut s = Server::shared().existing_database("postgres").session();
    s.run(&format!("DROP DATABASE {} WITH (FORCE)", db.name));
    for role in s.list("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'") {
        s.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}
