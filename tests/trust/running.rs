//! A statement under way in another session.

use credits_ledger_tests::{Row, Session, SqlError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub type Outcome = Result<Vec<Row>, SqlError>;

/// A statement under way in another thread.
pub struct Running {
    pub pid: u32,
    handle: JoinHandle<(Session, Outcome)>,
}

impl Running {
    pub fn start(mut session: Session, sql: &str) -> Self {
        let pid = session.backend_pid();
        let sql = sql.to_owned();
        let handle = std::thread::spawn(move || {
            let outcome = session.try_run(&sql);
            (session, outcome)
        });
        Running { pid, handle }
    }

    pub fn is_done(&self) -> bool {
        self.handle.is_finished()
    }

    /// Waits until the statement waits for a lock of another session, or has come to an end. Returns
    /// whether it is blocked.
    pub fn until_blocked_or_done(&self, watcher: &mut Session) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        let question = format!("SELECT cardinality(pg_blocking_pids({})) > 0", self.pid);
        loop {
            if self.is_done() {
                return false;
            }
            if watcher.one(&question) == "t" {
                return true;
            }
            assert!(Instant::now() < deadline, "backend {} neither waits for a lock nor ends", self.pid);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The session and the statement's outcome.
    pub fn finish(self) -> (Session, Outcome) {
        self.handle.join().expect("the session's thread ended by a panic")
    }
}
