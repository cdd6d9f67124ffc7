//! Two sessions interleaved on purpose: one holds its transaction open, the other runs into it, then the
//! first commits or rolls back. Each scene is played at every isolation level, with the second session's
//! snapshot taken before the first wrote and after.

use crate::running::{Outcome, Running};
use credits_ledger_tests::{Database, Row, Session};

/// How the second session of a scene runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// `None`: a single statement outside of any transaction block.
    pub level: Option<&'static str>,
    /// The second session has read something before the first one wrote.
    pub snapshot_first: bool,
}

pub const WAYS: [Way; 7] = [
    Way { level: None, snapshot_first: false },
    Way { level: Some("READ COMMITTED"), snapshot_first: false },
    Way { level: Some("READ COMMITTED"), snapshot_first: true },
    Way { level: Some("REPEATABLE READ"), snapshot_first: false },
    Way { level: Some("REPEATABLE READ"), snapshot_first: true },
    Way { level: Some("SERIALIZABLE"), snapshot_first: false },
    Way { level: Some("SERIALIZABLE"), snapshot_first: true },
];

pub const LEVELS: [&str; 3] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

impl Way {
    /// Whether Postgres' own code for "try again" is a legal answer here.
    fn may_fail_to_serialize(self) -> bool {
        matches!(self.level, Some("REPEATABLE READ" | "SERIALIZABLE"))
    }

    fn begin(self, session: &mut Session) {
        if let Some(level) = self.level {
            session.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        }
    }

    /// Plays `first` in an open transaction, then `second` in another session, then ends the first with
    /// `end` (COMMIT or ROLLBACK). Returns what the first saw and what the second came to: where it got
    /// 40001 it is run again, once, as an application would.
    pub fn play(self, db: &Database, first: &str, end: &str, second: &str) -> (Vec<Row>, Outcome) {
        let mut a = db.session();
        let mut b = db.session();
        let mut watcher = db.session();
        if self.snapshot_first {
            self.begin(&mut b);
            b.one("SELECT count(*) FROM credits_accounts");
        }
        a.run(&format!("BEGIN ISOLATION LEVEL {}", self.level.unwrap_or("READ COMMITTED")));
        let seen = a.rows(first);
        if !self.snapshot_first {
            self.begin(&mut b);
        }
        let waiting = Running::start(b, second);
        waiting.until_blocked_or_done(&mut watcher);
        a.run(end);
        let (mut b, outcome) = waiting.finish();
        let mut outcome = self.end(&mut b, outcome);
        if matches!(&outcome, Err(e) if e.code == "40001") {
            assert!(self.may_fail_to_serialize(), "{self:?}: 40001 where nothing was to be retried: {second}");
            self.begin(&mut b);
            let again = b.try_run(second);
            outcome = self.end(&mut b, again);
        }
        (seen, outcome)
    }

    /// Ends the transaction block, if there is one: its COMMIT may be what fails.
    fn end(self, session: &mut Session, outcome: Outcome) -> Outcome {
        if self.level.is_none() {
            return outcome;
        }
        match outcome {
            Ok(rows) => session.try_run("COMMIT").map(|_| rows),
            Err(e) => {
                session.run("ROLLBACK");
                Err(e)
            }
        }
    }
}
