//! The documentation: its SQL is run, its links lead somewhere, its reference is whole.
//!
//! A block ` ```sql ` is run in psql, all blocks of a page in one session; ` ```sql error LC001 ` must end with that
//! SQLSTATE. Where a block ` ```text ` follows, it is what psql shows. `CREDITS_UPDATE=1` writes these blocks anew.

#[path = "docs/page.rs"]
mod page;
#[path = "docs/reference.rs"]
mod reference;
#[path = "docs/run.rs"]
mod run;

use page::{examples, pages};

#[test]
fn the_sql_of_every_page_does_what_the_page_says() {
    let update = std::env::var_os("CREDITS_UPDATE").is_some();
    let only = std::env::var("CREDITS_PAGE").unwrap_or_default();
    let mut run = 0;
    let mut problems = Vec::new();
    // One after the other: they share the server's roles.
    for page in pages().iter().filter(|page| page.name.contains(&only)) {
        run += page.blocks.iter().filter(|block| block.language == "sql").count();
        problems.extend(run::run(page, update));
    }
    assert!(
        problems.is_empty(),
        "{} problems (CREDITS_UPDATE=1 writes outputs anew):\n{}",
        problems.len(),
        problems.join("\n")
    );
    assert!(run > 100 || !only.is_empty(), "only {run} blocks of SQL were found");
}

#[test]
fn the_reference_has_everything_that_the_extension_has() {
    let problems = reference::problems(&pages());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_link_leads_somewhere() {
    let (mut pages, examples) = (pages(), examples());
    assert!(examples.len() >= 3, "{} pages of examples", examples.len());
    pages.extend(examples);
    let mut problems = Vec::new();
    let mut links = 0;
    for page in &pages {
        for link in page.links() {
            links += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = page.path.parent().expect("a page is in a folder");
            let target = if file.is_empty() { page.path.clone() } else { folder.join(file) };
            let Ok(target) = target.canonicalize() else {
                problems.push(format!("{}: {link}: there is no such file", page.name));
                continue;
            };
            let there = |other: &&page::Page| other.path == target && other.anchors().iter().any(|a| a == anchor);
            if !anchor.is_empty() && pages.iter().find(there).is_none() {
                problems.push(format!("{}: {link}: there is no such heading", page.name));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(links > 50, "only {links} links were found");
}
