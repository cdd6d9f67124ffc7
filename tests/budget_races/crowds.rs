//! Twenty sessions on one budget.

use crate::crowd::{Dice, crowd, patient};
use crate::interleave::LEVELS;
use credits_ledger_tests::{Database, Row, Server, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

pub const SESSIONS: usize = 20;

/// An account `a` with plenty of credits, and budgets.
pub fn ledger(budgets: &[&str]) -> (Database, Session) {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 1000000, 'funds')");
    for budget in budgets {
        s.run(&format!("SELECT credits_set_budget('a', {budget})"));
    }
    (db, s)
}

pub fn debit(amount: &str, key: &str, rest: &str) -> String {
    format!("SELECT * FROM credits_debit('a', {amount}, '{key}', on_insufficient => 'refuse'{rest})")
}

/// The only row of a call that is answered with a row.
pub fn told(s: &mut Session, call: &str) -> Row {
    patient(s, call).unwrap_or_else(|error| panic!("{call}: {error}")).remove(0)
}

/// Whether a receipt says that it was taken. If not, then because of a budget.
pub fn accepted(row: &Row) -> bool {
    if row.get("accepted") == "f" {
        row.has(&[("refused", "LC012"), ("amount", "0"), ("entry", "NULL"), ("replayed", "f")]);
    }
    row.get("accepted") == "t"
}

/// What holds after every race: the ledger is sound, its entries are numbered without gaps, and each key has one.
pub fn settled(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    assert_eq!(
        s.one(
            "SELECT count(*) FROM (SELECT entry <> row_number() OVER (PARTITION BY account ORDER BY entry) AS gap
                                   FROM credits_history) x WHERE gap"
        ),
        "0"
    );
    assert_eq!(
        s.list(
            "SELECT account, idempotency_key FROM credits_history WHERE idempotency_key IS NOT NULL
             GROUP BY 1, 2 HAVING count(*) > 1"
        ),
        Vec::<String>::new()
    );
}

/// `limit used remaining` of each budget, and who used it.
pub fn budgets(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT concat_ws(' ', trim_scale(budget_limit), trim_scale(used), trim_scale(remaining), used_by)
         FROM credits_budgets ORDER BY used_by NULLS FIRST",
    )
}

/// Debits in the history: how many, and their sum.
fn debits(s: &mut Session) -> String {
    s.one("SELECT count(*) || ' ' || trim_scale(-sum(amount)) FROM credits_history WHERE operation = 'debit'")
}

#[test]
fn exactly_as_many_debits_go_through_as_fit() {
    for level in LEVELS {
        // 200 ask for 1 of 100; 100 ask for 3 of 100, of which 1 is left.
        for (amount, each, fit, left) in [("1", 10, 100, "0"), ("3", 5, 33, "1")] {
            let (db, mut s) = ledger(&["100"]);
            let taken = crowd(&db, SESSIONS, &[level], |i, s| {
                (0..each).filter(|n| accepted(&told(s, &debit(amount, &format!("k{i} {n}"), "")))).count()
            });
            assert_eq!(taken.iter().sum::<usize>(), fit, "{level}: {taken:?}");
            let used = fit * amount.parse::<usize>().unwrap();
            assert_eq!(debits(&mut s), format!("{fit} {used}"), "{level}");
            assert_eq!(budgets(&mut s), [format!("100 {used} {left}")], "{level}");
            settled(&mut s);
        }
    }
}

#[test]
fn those_who_are_told_by_an_error_are_as_many() {
    let (db, mut s) = ledger(&["100, 'month'"]);
    let taken = crowd(&db, SESSIONS, &LEVELS, |i, s| {
        let mut taken = 0;
        for n in 0..10 {
            match patient(s, &format!("SELECT * FROM credits_debit('a', 1, 'k{i} {n}')")) {
                Ok(_) => taken += 1,
                Err(error) => {
                    assert_eq!(error.code, "LC012", "{error}");
                    assert_eq!((error.figure("used"), error.figure("remaining")), ("100", "0"), "{error}");
                }
            }
        }
        taken
    });
    assert_eq!(taken.iter().sum::<usize>(), 100, "{taken:?}");
    assert_eq!((debits(&mut s), budgets(&mut s)), ("100 100".into(), vec!["100 100 0".into()]));
    settled(&mut s);
}

#[test]
fn amounts_of_all_sizes_never_pass_the_limit() {
    let (db, mut s) = ledger(&["100, 'day'"]);
    let refused = crowd(&db, SESSIONS, &LEVELS, |i, s| {
        let mut dice = Dice(100 + i as u64);
        let mut refused = Vec::new();
        for n in 0..10 {
            // 0.5 to 8 in steps of a half
            let halves = 1 + dice.below(16);
            let amount = format!("{}.{}", halves / 2, halves % 2 * 5);
            if !accepted(&told(s, &debit(&amount, &format!("k{i} {n}"), ""))) {
                refused.push(halves);
            }
        }
        refused
    });
    let row = s.row("SELECT used <= 100 AS within, trim_scale(remaining * 2) AS halves FROM credits_budgets");
    assert_eq!(row.get("within"), "t", "{row}");
    // Use only grows: what did not fit then does not fit now.
    let left: u64 = row.get("halves").parse().unwrap();
    let refused: Vec<u64> = refused.into_iter().flatten().collect();
    assert!(refused.len() > 50, "{refused:?}");
    assert!(refused.iter().all(|halves| *halves > left), "{left} halves are left, and yet refused were {refused:?}");
    assert_eq!(
        s.one(
            "SELECT used = (SELECT -sum(amount) FROM credits_history WHERE operation = 'debit') FROM credits_budgets"
        ),
        "t"
    );
    settled(&mut s);
}

#[test]
fn each_actor_fills_a_budget_of_its_own() {
    for level in LEVELS {
        let (db, mut s) = ledger(&["10, 'month', '*'"]);
        let actors = ["ann", "bob", "cid", "dan", "NULL"];
        // Four sessions for each actor ask 24 times in all for 1 of 10.
        let taken = crowd(&db, SESSIONS, &[level], |i, s| {
            let actor = match actors[i % 5] {
                "NULL" => "NULL".to_owned(),
                name => format!("'{name}'"),
            };
            (0..6)
                .filter(|n| accepted(&told(s, &debit("1", &format!("k{i} {n}"), &format!(", actor => {actor}")))))
                .count()
        });
        for (number, actor) in actors.iter().enumerate() {
            let of_actor: usize = taken.iter().skip(number).step_by(5).sum();
            assert_eq!(of_actor, 10, "{level}: {actor} of {taken:?}");
        }
        assert_eq!(budgets(&mut s), ["10 10 0", "10 10 0 ann", "10 10 0 bob", "10 10 0 cid", "10 10 0 dan"], "{level}");
        assert_eq!(debits(&mut s), "50 50", "{level}");
        settled(&mut s);
    }
}

#[test]
fn actors_meet_at_the_budget_of_their_feature() {
    let (db, mut s) = ledger(&["60, feature => 'chat'", "10, 'month', '*', 'chat'"]);
    // Each of twenty actors may have 10, together they may have 60, and each asks for 6 times 2.
    let taken = crowd(&db, SESSIONS, &LEVELS, |i, s| {
        let rest = format!(", feature => 'chat', actor => 'actor {i}'");
        (0..6).filter(|n| accepted(&told(s, &debit("2", &format!("k{i} {n}"), &rest)))).count()
    });
    assert_eq!(taken.iter().sum::<usize>(), 30, "{taken:?}");
    assert!(taken.iter().all(|taken| *taken <= 5), "{taken:?}");
    assert_eq!(budgets(&mut s)[0], "60 60 0");
    assert_eq!(
        s.one("SELECT sum(used) || ' ' || (max(used) <= 10)::text FROM credits_budgets WHERE actor = '*'"),
        "60 true"
    );
    settled(&mut s);
}

#[test]
fn retries_of_one_key_draw_once() {
    for budget in ["100", "100, 'month', '*'"] {
        let (db, mut s) = ledger(&[budget]);
        // 200 keys, each tried twice by four sessions, in an order of each one's own.
        let receipts = crowd(&db, SESSIONS, &LEVELS, |i, s| {
            let mut dice = Dice(7 * i as u64);
            let mut keys: Vec<String> = (0..80).map(|n| format!("k{} {}", i % 5, n % 40)).collect();
            for n in (1..keys.len()).rev() {
                keys.swap(n, dice.below(n as u64 + 1) as usize);
            }
            keys.iter().map(|key| told(s, &debit("1", key, ""))).collect::<Vec<Row>>()
        });
        let mut by_key: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in receipts.iter().flatten() {
            by_key.entry(row.get("idempotency_key").to_owned()).or_default().push(row);
        }
        assert_eq!(by_key.len(), 200);
        let (mut fit, mut entries) = (0, BTreeSet::new());
        for (key, rows) in &by_key {
            assert_eq!(rows.len(), 8);
            if !accepted(rows[0]) {
                // There is never more room than before: what was refused once is refused again.
                assert!(rows.iter().all(|row| !accepted(row)), "{key}");
                continue;
            }
            fit += 1;
            assert_eq!(rows.iter().filter(|row| row.get("replayed") == "f").count(), 1, "{key}: effects of one key");
            for column in ["accepted", "entry", "amount", "balance", "recorded_at"] {
                let said: BTreeSet<&str> = rows.iter().map(|row| row.get(column)).collect();
                assert_eq!(said.len(), 1, "{key}: {column}: {said:?}");
            }
            assert!(entries.insert(rows[0].get("entry")), "{key}: another key's entry");
        }
        assert_eq!(fit, 100, "{budget}");
        assert_eq!((debits(&mut s), budgets(&mut s)), ("100 100".into(), vec!["100 100 0".into()]), "{budget}");
        settled(&mut s);
    }
}

#[test]
fn what_is_rolled_back_leaves_its_room_to_others() {
    let (db, mut s) = ledger(&["100"]);
    let committed = crowd(&db, SESSIONS, &["READ COMMITTED"], |i, s| {
        let mut taken = 0;
        for n in 0..24 {
            s.run("BEGIN");
            let first = usize::from(accepted(&told(s, &debit("1", &format!("k{i} {n} a"), ""))));
            s.run("SAVEPOINT p");
            let _ = accepted(&told(s, &debit("1", &format!("k{i} {n} b"), "")));
            s.run("ROLLBACK TO SAVEPOINT p");
            if n % 3 == 0 {
                s.run("COMMIT");
                taken += first;
            } else {
                s.run("ROLLBACK");
            }
        }
        taken
    });
    // 20 times 8 were to be committed: enough to fill it.
    assert_eq!(committed.iter().sum::<usize>(), 100, "{committed:?}");
    assert_eq!((debits(&mut s), budgets(&mut s)), ("100 100".into(), vec!["100 100 0".into()]));
    settled(&mut s);
}

/// Limits that change while others draw: each debit keeps to the one that was in force.
#[test]
fn each_debit_keeps_to_the_limit_in_force() {
    let (db, mut s) = ledger(&["10"]);
    let limits: Vec<u32> = (0..40).map(|n| if n % 2 == 0 { 20 + 2 * n } else { 5 + n }).collect();
    let drawing = AtomicUsize::new(SESSIONS - 1);
    crowd(&db, SESSIONS, &LEVELS, |i, s| {
        if i == 0 {
            for limit in &limits {
                told(s, &format!("SELECT * FROM credits_set_budget('a', {limit})"));
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            return;
        }
        for n in 0..12 {
            let _ = accepted(&told(s, &debit("1", &format!("k{i} {n}"), "")));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        drawing.fetch_sub(1, Ordering::Relaxed);
    });
    assert_eq!(drawing.into_inner(), 0);
    // One session changed limits, so the entries are in its order; the first one is the limit of 10.
    let mut in_force = std::iter::once(10).chain(limits.iter().copied());
    let (mut limit, mut used) = (u32::MAX, 0);
    for operation in
        s.list("SELECT operation FROM credits_history WHERE operation IN ('configure', 'debit') ORDER BY entry")
    {
        match operation.as_str() {
            "configure" => limit = in_force.next().expect("an entry for each limit that was set"),
            _ => {
                used += 1;
                assert!(used <= limit, "{used} were drawn of {limit}");
            }
        }
    }
    assert_eq!(in_force.next(), None, "a limit has no entry");
    assert!(used > 0, "only {used} were drawn");
    assert_eq!(budgets(&mut s), [format!("{} {used} {}", limits[39], limits[39].saturating_sub(used))]);
    settled(&mut s);
}

#[test]
fn a_budget_set_while_others_draw_knows_what_they_drew() {
    for level in LEVELS {
        let (db, mut s) = ledger(&[]);
        let taken = crowd(&db, SESSIONS, &[level], |i, s| {
            if i == 0 {
                std::thread::sleep(std::time::Duration::from_millis(15));
                let row = told(s, "SELECT * FROM credits_set_budget('a', 100, 'month', '*')");
                row.has(&[("budget_limit", "100")]);
                return 0;
            }
            (0..12).filter(|n| accepted(&told(s, &debit("1", &format!("k{i} {n}"), "")))).count()
        });
        let taken = taken.iter().sum::<usize>();
        let before: usize = s
            .one(
                "SELECT count(*) FROM credits_history WHERE operation = 'debit'
                   AND entry < (SELECT entry FROM credits_history WHERE operation = 'configure')",
            )
            .parse()
            .unwrap();
        // 228 asked: either it was set in time and filled up, or more than that was drawn before.
        assert_eq!(taken, before.max(100), "{level}: {before} before it was set");
        assert_eq!(budgets(&mut s), [format!("100 {taken} {}", 100_usize.saturating_sub(taken))], "{level}");
        settled(&mut s);
    }
}
