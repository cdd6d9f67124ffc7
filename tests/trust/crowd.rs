//! Many sessions at once.

use credits_ledger_tests::{Database, Row, Session, SqlError};
use std::sync::Barrier;
use std::time::Duration;

/// Runs `work` in so many sessions, each in a thread of its own, all beginning at one moment. Session `i` of the
/// crowd works at the isolation level `levels[i % levels.len()]`. Returns what each came to.
pub fn crowd<T: Send>(
    db: &Database,
    sessions: usize,
    levels: &[&str],
    work: impl Fn(usize, &mut Session) -> T + Sync,
) -> Vec<T> {
    let start = Barrier::new(sessions);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..sessions)
            .map(|i| {
                let (start, work) = (&start, &work);
                let mut session = db.session();
                session.run(&format!("SET default_transaction_isolation = '{}'", levels[i % levels.len()]));
                scope.spawn(move || {
                    start.wait();
                    work(i, &mut session)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a session failed")).collect()
    })
}

/// Runs a call as a careful application does: again, while it fails to serialize. Any other error is an answer.
pub fn patient(s: &mut Session, call: &str) -> Result<Vec<Row>, SqlError> {
    for again in 0..2_000_u64 {
        match s.try_run(call) {
            Err(error) if error.code == "40001" => std::thread::sleep(Duration::from_micros(again.min(20) * 100)),
            answer => return answer,
        }
    }
    panic!("{call}: never serialized");
}

/// splitmix64: a seed is all that it takes to repeat the choices of a session.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}
