//! The launcher: which database is due, and what became of the visits.

use super::{outcome, settings};
use crate::pg::Result;
use crate::pg::background::{self, End, Signals, Started, Wake};
use crate::pg::session;
use pgrx::pg_sys::Datum;
use std::ffi::CString;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

/// The main function of the launcher.
#[unsafe(no_mangle)]
extern "C-unwind" fn credits_ledger_launcher(_: Datum) {
    unsafe { background::run(launch) }
}

/// After failures a database is left alone for longer and longer, up to this, or to the interval if that is more.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);

fn launch() -> Result<End> {
    background::connect(Signals::Told, None, None)?;
    let words = background::words()?;
    let mut databases = Vec::new();
    list(&mut databases);
    loop {
        for database in &mut databases {
            database.attend(words)?;
        }
        databases.retain(|database| database.wanted || database.visit.is_some());
        match background::sleep(time_to_next(&databases))? {
            Wake::Up => {}
            Wake::Reloaded => list(&mut databases),
            Wake::ShutDown => return Ok(End::Again),
        }
    }
}

/// Until a database is due; `None`: until a visit ends or the configuration is reloaded.
fn time_to_next(databases: &[Database]) -> Option<Duration> {
    let due = databases.iter().filter(|database| database.visit.is_none()).map(|database| database.due).min()?;
    Some(due.saturating_duration_since(Instant::now()))
}

/// Brings the list up to the settings. Every database is due then: a reload is also how one says that what was wrong
/// has been put right.
fn list(databases: &mut Vec<Database>) {
    let mut wanted = settings::databases();
    for database in databases.iter_mut() {
        let place = wanted.iter().position(|name| *name == database.name);
        database.wanted = place.map(|place| wanted.remove(place)).is_some();
        if database.wanted {
            database.due_now();
        } else if let Some(visit) = &database.visit {
            visit.terminate();
        }
    }
    for name in wanted {
        let free = |word: &usize| !databases.iter().any(|database| database.word == *word);
        if let Some(word) = (0..background::WORDS).find(free) {
            databases.push(Database::new(name, word));
        }
    }
}

/// A database of the list.
struct Database {
    name: CString,
    /// Whether the settings name it still; else it is here until its visit has ended.
    wanted: bool,
    /// The number of the word that says what became of its visit.
    word: usize,
    visit: Option<Started>,
    due: Instant,
    /// How many visits in a row have failed.
    failures: u32,
    /// Why there was nothing to do, as far as the log has been told.
    told: Option<&'static str>,
}

impl Database {
    fn new(name: CString, word: usize) -> Database {
        Database { name, wanted: true, word, visit: None, due: Instant::now(), failures: 0, told: None }
    }

    fn due_now(&mut self) {
        self.due = Instant::now();
        self.failures = 0;
        self.told = None;
    }

    /// Sees to a visit that has ended, and starts one that is due.
    fn attend(&mut self, words: &[AtomicU32]) -> Result<()> {
        let word = &words[self.word];
        if let Some(visit) = &self.visit {
            if visit.is_running() {
                return Ok(());
            }
            self.visit = None;
            match word.load(Acquire) {
                outcome::DONE => self.rest(None),
                outcome::NO_EXTENSION => self.rest(Some("it does not have the extension")),
                _ if self.wanted => self.fail("see the error above"),
                _ => {}
            }
        }
        if !self.wanted || self.due > Instant::now() {
            return Ok(());
        }
        if !background::transaction(c"looking for a database", || background::database_exists(&self.name))? {
            self.rest(Some("it does not exist"));
            return Ok(());
        }
        word.store(outcome::NONE, Release);
        let title = [b"credits_ledger maintenance of ", self.name.to_bytes()].concat();
        let title = CString::new(title).unwrap_or_default();
        self.visit = background::start(&title, c"credits_ledger_visit", self.word as i32, &self.name)?;
        if self.visit.is_none() {
            self.fail("there is no room for another background worker: see max_worker_processes");
        }
        Ok(())
    }

    /// Nothing is left to do, or nothing can be done, until the next time.
    fn rest(&mut self, why: Option<&'static str>) {
        if let Some(why) = why.filter(|_| self.told != why) {
            session::log(&format!("credits_ledger does not maintain database \"{}\": {why}", self.shown()));
        }
        self.told = why;
        self.failures = 0;
        self.due = Instant::now() + settings::interval();
    }

    fn fail(&mut self, why: &str) {
        self.failures += 1;
        self.told = None;
        let interval = settings::interval();
        let doubled = interval.saturating_mul(2u32.saturating_pow(self.failures));
        let delay = doubled.min(interval.max(LONGEST_DELAY));
        let (name, seconds) = (self.shown(), delay.as_secs());
        session::log(&format!("credits_ledger could not maintain database \"{name}\": {why}; next try in {seconds} s"));
        self.due = Instant::now() + delay;
    }

    fn shown(&self) -> std::borrow::Cow<'_, str> {
        self.name.to_string_lossy()
    }
}
