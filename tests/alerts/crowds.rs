//! Many sessions at once: one crossing, one event.

use super::{sound, start, told};
use std::sync::Barrier;
use std::thread;

#[test]
fn many_sessions_that_cross_at_once_fire_one_event() {
    const SESSIONS: usize = 20;
    const EACH: usize = 25;
    let (db, mut s) = start();
    s.run("SELECT credits_open_account('a', 500, '0')");
    s.run("SELECT credits_set_alert('a', 'half', used_percent => 50), credits_set_alert('a', 'few', below => 100)");
    let barrier = Barrier::new(SESSIONS);
    thread::scope(|scope| {
        for n in 0..SESSIONS {
            let (db, barrier) = (&db, &barrier);
            scope.spawn(move || {
                let mut own = db.session();
                own.at("2026-04-01 00:00+00");
                barrier.wait();
                for i in 0..EACH {
                    if i % 5 == 4 {
                        own.run(&format!("SELECT credits_hold('a', 1, 'h{n}-{i}')"));
                        own.run(&format!("SELECT credits_capture('a', 'h{n}-{i}', 'c{n}-{i}')"));
                    } else {
                        own.run(&format!("SELECT credits_debit('a', 1, 'd{n}-{i}')"));
                    }
                }
            });
        }
    });
    // A hold may have taken the last ones before a capture used them: in which order the last ones come is open.
    let mut all = told(&mut s, "a");
    assert_eq!(all[..3], ["half", "low", "few"]);
    all.sort();
    assert_eq!(all, ["exhausted", "few", "half", "low"]);
    // Each stands at the first entry that left the account so.
    for (alert, first) in [
        ("half", "SELECT min(entry) FROM h WHERE used * 2 >= used + available AND used > 0"),
        ("low", "SELECT min(entry) FROM h WHERE used * 4 >= 3 * (used + available) AND used > 0"),
        ("few", "SELECT min(entry) FROM h WHERE available < 100 AND entry > 2"),
        ("exhausted", "SELECT min(entry) FROM h WHERE available = 0 AND entry > 2"),
    ] {
        let expected = s.one(&format!(
            "WITH h AS (SELECT entry, available, sum(amount) FILTER (WHERE operation IN ('debit', 'capture')) OVER (ORDER BY entry) * -1 AS used
                        FROM credits_history) {first}"
        ));
        assert_eq!(
            s.one(&format!("SELECT entry FROM credits_events WHERE type = 'alert.{alert}'")),
            expected,
            "{alert}"
        );
    }
    sound(&mut s);
}
