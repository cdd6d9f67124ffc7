//! The settings of the background worker, which a reload of the configuration changes.

use crate::pg::background;
use crate::pg::setting::{Check, define_number, define_text, get};
use pgrx::pg_sys::{GUC_LIST_INPUT, GUC_UNIT_S, NAMEDATALEN};
use std::ffi::{CStr, CString};
use std::time::Duration;

const DATABASES: &CStr = c"credits_ledger.databases";
const INTERVAL: &CStr = c"credits_ledger.maintenance_interval";
const ROLE: &CStr = c"credits_ledger.maintenance_role";

const DEFAULT_INTERVAL_SECONDS: i32 = 60;
const LONGEST_INTERVAL_SECONDS: i32 = 86_400;

/// So many that words are left for those whose visits are just being ended.
const MOST_DATABASES: usize = background::WORDS / 2;

pub fn define() {
    define_text::<Databases>(
        DATABASES,
        c"The databases that the background worker maintains.",
        c"Their names, separated by commas; empty: none. Needs credits_ledger in shared_preload_libraries.",
        GUC_LIST_INPUT,
    );
    define_number(
        INTERVAL,
        c"How long the background worker waits from one maintenance of a database to the next.",
        c"",
        DEFAULT_INTERVAL_SECONDS,
        1..=LONGEST_INTERVAL_SECONDS,
        GUC_UNIT_S,
    );
    define_text::<Role>(
        ROLE,
        c"The role as which the background worker connects.",
        c"It needs LOGIN, and billing or admin access. Empty: the server's first superuser, with the rights of the \
          ledger's owner only.",
        0,
    );
}

/// The databases to maintain, each once.
pub fn databases() -> Vec<CString> {
    // What is set has been checked.
    let mut names = Vec::new();
    for name in split(&get(DATABASES)).unwrap_or_default().into_iter().filter_map(|name| CString::new(name).ok()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

pub fn interval() -> Duration {
    Duration::from_secs(get(INTERVAL).parse().unwrap_or(DEFAULT_INTERVAL_SECONDS as u64))
}

pub fn role() -> Option<CString> {
    CString::new(get(ROLE)).ok().filter(|role| !role.is_empty())
}

struct Databases;

impl Check for Databases {
    fn check(text: &str) -> Result<(), String> {
        let names = split(text)?;
        if names.len() > MOST_DATABASES {
            return Err(format!("There can be at most {MOST_DATABASES} databases."));
        }
        names.iter().try_for_each(|name| check_name(name))
    }
}

struct Role;

impl Check for Role {
    fn check(text: &str) -> Result<(), String> {
        check_name(text)
    }
}

fn check_name(name: &str) -> Result<(), String> {
    if name.len() < NAMEDATALEN as usize { Ok(()) } else { Err(format!("The name \"{name}\" is too long.")) }
}

/// The names of a list: separated by commas, case kept, blanks around them dropped. A name in double quotes is taken as
/// it stands there, two of them meaning one.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Ok(names);
    }
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_name(quoted)?,
            None => {
                let (name, _) = rest.split_once(',').unwrap_or((rest, ""));
                (name.trim_end().to_owned(), &rest[name.len()..])
            }
        };
        if name.is_empty() {
            return Err("A name in the list is empty.".into());
        }
        names.push(name);
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None if after.is_empty() => return Ok(names),
            None => return Err("Names in the list must be separated by commas.".into()),
        }
    }
}

/// A name whose opening quote has been read, and what follows its closing quote.
fn quoted_name(text: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err("A double quote in the list is not closed.".into());
        };
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Ok((name, after)),
        }
    }
}
