//! What many sessions do at once, and then the same by one. The oracle is the ledger itself: what was accepted, asked for
//! again by one session in the order of the entries, comes to the same on a new ledger, row by row.

use crate::crowd::{Dice, crowd, patient};
use crate::interleave::LEVELS;
use credits_ledger_tests::{Server, Session};
use std::sync::atomic::{AtomicU32, Ordering};

/// What is asked of account `a`, whose requests have the keys `k0`, `k1`, ….
pub struct Load<'a> {
    pub sessions: usize,
    /// How many calls each session makes.
    pub calls: usize,
    pub keys: u64,
    /// The clock begins here, and each call sets it on by so many minutes.
    pub begin: &'a str,
    pub minutes: u32,
    /// Makes the account, in a fresh database at `begin`.
    pub open: &'a (dyn Fn(&mut Session) + Sync),
    /// What a key asks for, whichever session uses it.
    pub request: fn(u64) -> String,
    /// With which a call may be refused.
    pub codes: &'a [&'a str],
    /// The operations of which there must be some. How many, is the scheduler's to say.
    pub operations: &'a [&'a str],
    /// Everything that the views say of the account, but for what differs from ledger to ledger.
    pub questions: &'a [&'a str],
}

impl Load<'_> {
    fn opened(&self) -> (credits_ledger_tests::Database, Session) {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run("SET TimeZone = 'UTC'");
        s.at(self.begin);
        (self.open)(&mut s);
        (db, s)
    }

    /// Puts the load on one ledger by many sessions, on another by one, and compares. Returns a session of each, at the
    /// load's end and with all that time did recorded.
    pub fn play(&self) -> [Session; 2] {
        let (db, mut s) = self.opened();
        let ticks = AtomicU32::new(0);
        let replays: usize = crowd(&db, self.sessions, &LEVELS, |i, s| {
            let mut dice = Dice(70 + i as u64);
            let mut replays = 0;
            for _ in 0..self.calls {
                let tick = ticks.fetch_add(self.minutes, Ordering::SeqCst);
                let now = s.one(&format!("SELECT timestamptz '{}' + {tick} * interval '1 minute'", self.begin));
                s.at(&now);
                // The keys move on with the clock, so that what a key names was made by others just before.
                let newest = u64::from(tick / self.minutes) * self.keys / (self.sessions * self.calls) as u64;
                let number = (newest + dice.below(40)).saturating_sub(30);
                let call = format!("SELECT * FROM {}", (self.request)(number));
                match patient(s, &call) {
                    Ok(rows) => replays += usize::from(rows[0].get("replayed") == "t"),
                    Err(error) => assert!(self.codes.contains(&error.code.as_str()), "{call}: {error}"),
                }
            }
            replays
        })
        .into_iter()
        .sum();
        assert!(replays > 0, "no replays");
        let end = s.one(&format!("SELECT timestamptz '{}' + {} * interval '1 minute'", self.begin, ticks.into_inner()));
        s.at(&end);
        s.run("SELECT credits_maintain()");
        for operation in self.operations {
            let there = s.one(&format!("SELECT count(*) > 0 FROM credits_history WHERE operation = '{operation}'"));
            assert_eq!(there, "t", "no {operation}");
        }

        let (_other, mut one) = self.opened();
        let requests = s.rows(
            "SELECT substr(idempotency_key, 2) AS number, recorded_at FROM credits_history
             WHERE idempotency_key LIKE 'k%' ORDER BY entry",
        );
        for row in requests {
            one.at(row.get("recorded_at"));
            let call = format!("SELECT * FROM {}", (self.request)(row.get("number").parse().unwrap()));
            match one.try_run(&call) {
                Ok(rows) => {
                    assert_eq!(rows[0].get("replayed"), "f", "{call}");
                    if rows[0].columns().iter().any(|column| column == "accepted") {
                        assert_eq!(rows[0].get("accepted"), "t", "{call}");
                    }
                }
                Err(error) => panic!("{call} at {}: {error}", row.get("recorded_at")),
            }
        }
        one.at(&end);
        one.run("SELECT credits_maintain()");
        for question in self.questions {
            let (many, one) = (s.list(question), one.list(question));
            let first = many.iter().zip(&one).find(|(many, one)| many != one);
            assert_eq!(first, None, "{question}");
            assert_eq!(many.len(), one.len(), "{question}");
        }
        [s, one]
    }
}
