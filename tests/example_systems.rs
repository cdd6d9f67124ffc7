//! The reference systems under examples/systems: each runs in psql as its README says, and shows what it showed before.

use credits_ledger_tests::Server;
use std::fs;
use std::path::{Path, PathBuf};

fn systems() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/systems")
}

/// The folders, each an example.
fn examples() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(systems())
        .expect("examples/systems can be read")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Runs the example in a database of its own and compares what it shows with expected.out.
fn shows_what_it_says(name: &str) {
    let folder = systems().join(name);
    let script = read(&folder.join("setup.sql")) + &read(&folder.join("scenario.sql"));
    let db = Server::shared().database();
    let (succeeded, shown) = Server::shared().psql(&db.name, &script);
    // psql fills up the cells of a column with blanks.
    let shown: String = shown.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    assert!(succeeded, "{name} ended early:\n{shown}");
    // An apostrophe in what psql echoes swallows the rest of the line.
    assert!(!shown.contains("unterminated quoted string"), "{name}:\n{shown}");
    assert!(!shown.contains("SQLSTATE 00000"), "{name}: a call that should be refused was not");
    // Of the ledger, or of a constraint or a privilege.
    let codes = ["SQLSTATE LC", "SQLSTATE 23514", "SQLSTATE 42501"];
    let (errors, said) =
        (shown.matches("ERROR:  ").count(), codes.iter().map(|code| shown.matches(code).count()).sum());
    assert_eq!(errors, said, "{name}: each error is one that the scenario waits for:\n{shown}");
    assert_eq!(db.session().list("SELECT problem FROM credits_verify()"), Vec::<String>::new(), "{name}");

    let file = folder.join("expected.out");
    if std::env::var_os("CREDITS_UPDATE").is_some() {
        fs::write(&file, &shown).expect("expected.out can be written");
    }
    let expected = read(&file);
    for (number, (shown, expected)) in shown.lines().zip(expected.lines()).enumerate() {
        assert_eq!(shown, expected, "line {} of {} (CREDITS_UPDATE=1 writes it anew)", number + 1, file.display());
    }
    assert_eq!(shown.lines().count(), expected.lines().count(), "lines of {}", file.display());
}

#[test]
fn usd_credits_and_auto_reload_show_what_they_say() {
    shows_what_it_says("system-0-usd-credits-auto-reload");
}

#[test]
fn token_packs_show_what_they_say() {
    shows_what_it_says("system-1-token-packs");
}

#[test]
fn actions_and_topups_show_what_they_say() {
    shows_what_it_says("system-2-actions-and-topups");
}

#[test]
fn rule_runs_and_overage_show_what_they_say() {
    shows_what_it_says("system-3-rule-runs-overage");
}

#[test]
fn pooled_seats_and_tiers_show_what_they_say() {
    shows_what_it_says("system-4-pooled-seats-tiers");
}

#[test]
fn every_example_is_run() {
    let source = include_str!("example_systems.rs");
    let index = read(&systems().join("README.md"));
    let folders = examples();
    assert!(folders.len() >= 2, "{folders:?}");
    for folder in folders {
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        assert!(source.contains(&format!("shows_what_it_says(\"{name}\")")), "no test runs {name}");
        assert!(index.contains(&format!("({name}/README.md)")), "no link to {name}");
    }
}

/// An operator runs setup.sql at each deployment.
#[test]
fn definitions_can_be_said_again() {
    for folder in examples() {
        let setup = read(&folder.join("setup.sql"));
        let db = Server::shared().database();
        let (succeeded, shown) = Server::shared().psql(&db.name, &(setup.clone() + &setup));
        assert!(succeeded && !shown.contains("ERROR"), "{}:\n{shown}", folder.display());
        let mut s = db.session();
        let definitions = "SELECT version FROM credits_plans UNION ALL SELECT version FROM credits_rates
                           UNION ALL SELECT version FROM credits_packs";
        let versions = s.row(&format!("SELECT count(*) >= 6 AS several, max(version) FROM ({definitions}) d"));
        assert_eq!(versions.values(), ["t", "1"], "{}", folder.display());
    }
}

/// The README names a section of the scenario as "§ 3", and shows calls that the scripts make.
#[test]
fn readmes_say_what_the_scripts_do() {
    for folder in examples() {
        let readme = read(&folder.join("README.md"));
        let scenario = read(&folder.join("scenario.sql"));
        let scripts = squeezed(&(read(&folder.join("setup.sql")) + &scenario));
        let place = folder.display();

        let sections = scenario.lines().filter(|line| line.starts_with("\\echo == ")).count();
        for number in 1..=sections {
            assert!(scenario.contains(&format!("\\echo == {number}. ")), "{place}: sections are numbered 1, 2, 3 …");
        }
        let mut named: Vec<usize> = readme
            .split("§ ")
            .skip(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>())
            .map(|number| number.parse().unwrap_or_else(|_| panic!("{place}: § and no number")))
            .collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, (1..=sections).collect::<Vec<_>>(), "{place}: sections that the README names");

        let mut blocks = 0;
        for block in readme.split("```sql\n").skip(1) {
            let sql = block.split("```").next().expect("a block ends");
            for statement in sql.split("\n\n") {
                blocks += 1;
                assert!(scripts.contains(&squeezed(statement)), "{place}: the scripts do not have\n{statement}");
            }
        }
        assert!(blocks > 3, "{place}: {blocks} statements");
    }
}

/// A row of a README's table ends with the sections that show it. Each figure of three digits or more in the cell before
/// stands in one of these sections of expected.out.
#[test]
fn figures_stand_in_the_sections_named() {
    for folder in examples() {
        let readme = read(&folder.join("README.md"));
        let shown = read(&folder.join("expected.out"));
        let sections: Vec<&str> = shown.split("\n== ").collect();
        let mut checked = 0;
        for row in readme.lines() {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let ["", _, sees, places, ""] = cells[..] else { continue };
            let named = places.split("§ ").skip(1).map(|number| number.trim_end_matches(", ").to_owned() + ". ");
            let texts = named.filter_map(|start| sections.iter().find(|section| section.starts_with(&start)));
            let there: Vec<String> = texts.flat_map(|text| figures(text)).collect();
            for figure in figures(sees) {
                assert!(there.contains(&figure), "{}: {figure} is not in {places}: {row}", folder.display());
                checked += 1;
            }
        }
        assert!(checked > 10, "{}: only {checked} figures were found", folder.display());
    }
}

/// Numbers of at least three digits, without commas between thousands; not those that are part of a word or date.
fn figures(text: &str) -> Vec<String> {
    let numbers = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, ',' | '.' | '-' | ':' | '_'));
    numbers
        .map(|word| word.trim_start_matches('-').trim_end_matches([',', '.', ':']).replace(',', ""))
        .filter(|word| word.chars().all(|c| c.is_ascii_digit() || c == '.'))
        .filter(|word| word.chars().filter(char::is_ascii_digit).count() >= 3)
        .collect()
}

/// All white space as single blanks.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
