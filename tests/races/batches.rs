//! Batches that name their accounts in reversed order.

use crate::calls::*;
use crate::interleave::LEVELS;
use crate::running::Running;
use credits_ledger_tests::Server;
use std::sync::{Arc, Barrier};

#[test]
fn batches_in_reversed_order_wait_and_do_not_deadlock() {
    in_every_way(|db, s, way, account| {
        let (x, y) = (format!("{account}x"), format!("{account}y"));
        s.run(&format!("SELECT * FROM credits_grant_many(ARRAY['{y}','{x}'], ARRAY[10,10], ARRAY['g','g'])"));
        let batch = |p: &str, q: &str, key: &str| {
            format!("SELECT * FROM credits_debit_many(ARRAY['{p}','{q}'], ARRAY[4,4], ARRAY['{key}','{key}'])")
        };
        let (_, second) = way.play(db, &batch(&x, &y, "a"), "COMMIT", &batch(&y, &x, "b"));
        let rows = second.unwrap_or_else(|e| panic!("{way:?}: {} {}", e.code, e.message));
        let seen: Vec<_> = rows.iter().map(|r| (r.get("account"), r.get("balance"))).collect();
        assert_eq!(seen, [(y.as_str(), "2"), (x.as_str(), "2")], "{way:?}");
    });
}

#[test]
fn many_sessions_with_batches_in_any_order_never_deadlock() {
    const ROUNDS: usize = 25;
    let accounts = ["b1", "b2", "b3", "b4", "b5", "b6"];
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        let start = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4)
            .map(|i: usize| {
                let (mut session, start) = (db.session(), start.clone());
                std::thread::spawn(move || {
                    session.run(&format!("SET default_transaction_isolation = '{level}'"));
                    start.wait();
                    for round in 0..ROUNDS {
                        let mut order: Vec<&str> = accounts.to_vec();
                        order.rotate_left((i * 2 + round) % accounts.len());
                        if i % 2 == 1 {
                            order.reverse();
                        }
                        // one account twice in each batch
                        order.push(order[0]);
                        let names = order.join("','");
                        let keys: Vec<String> = (0..order.len()).map(|n| format!("s{i}r{round}n{n}")).collect();
                        let keys = keys.join("','");
                        // The first round of each session opens the accounts.
                        let verb = if round % 5 == 0 { "grant" } else { "debit" };
                        let amount = if round % 5 == 0 { "8" } else { "1" };
                        let amounts = vec![amount; order.len()].join(",");
                        until_serialized(
                            &mut session,
                            &format!(
                                "SELECT * FROM credits_{verb}_many(ARRAY['{names}'], ARRAY[{amounts}], ARRAY['{keys}'])"
                            ),
                        );
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        // 4 sessions, 7 items: 5 rounds of +8, 20 rounds of −1
        let total = s.one("SELECT trim_scale(sum(balance)) FROM credits_accounts");
        assert_eq!(total, (4 * 7 * (5 * 8 - 20)).to_string(), "{level}");
        let items = s.list("SELECT operation, count(*) FROM credits_history GROUP BY 1 ORDER BY 1");
        assert_eq!(items, ["debit|560", "grant|140", "open|6"], "{level}");
        assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    }
}

#[test]
fn a_batch_applies_one_account_in_order_and_a_repeated_key_once() {
    let db = Server::shared().database();
    let mut s = db.session();
    for level in LEVELS {
        let account = format!("once {level}");
        s.run(&grant(&account, "10", "g"));
        s.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        let rows = s.rows(&format!(
            "SELECT * FROM credits_debit_many(array_fill('{account}'::text, '{{5}}'), ARRAY[6,3,6,5,1],
                 ARRAY['a','b','a','c','d'])"
        ));
        s.run("COMMIT");
        let seen: Vec<String> =
            rows.iter().map(|r| [r.get("accepted"), r.get("replayed"), r.get("balance")].join(" ")).collect();
        assert_eq!(seen, ["t f 4", "t f 1", "t t 4", "f f 1", "t f 0"], "{level}");
        assert_eq!(
            history(&mut s, &account),
            ["1|open|0|0", "2|grant|10|10", "3|debit|-6|4", "4|debit|-3|1", "5|debit|-1|0"],
            "{level}"
        );
    }
}

#[test]
fn a_batch_whose_new_account_appears_while_it_waits_does_not_deadlock() {
    // The first batch waits for z when somebody else opens a; the second then locks a and waits for z, too.
    let db = Server::shared().database();
    let (mut s, mut holder, mut watcher) = (db.session(), db.session(), db.session());
    s.run(&grant("z", "10", "g"));
    holder.run("BEGIN");
    holder.run(&debit("z", "1", "h"));
    let batch = |verb: &str, key: &str| {
        format!("SELECT * FROM credits_{verb}_many(ARRAY['a','z'], ARRAY[1,1], ARRAY['{key}','{key}'])")
    };
    let first = Running::start(db.session(), &batch("grant", "first"));
    assert!(first.until_blocked_or_done(&mut watcher));
    let opening = Running::start(db.session(), &grant("a", "10", "g"));
    opening.until_blocked_or_done(&mut watcher);
    let second = Running::start(db.session(), &batch("debit", "second"));
    second.until_blocked_or_done(&mut watcher);
    holder.run("COMMIT");
    for (running, last) in [(first, "z"), (opening, "a"), (second, "z")] {
        let rows = running.finish().1.unwrap_or_else(|e| panic!("{e}"));
        rows[rows.len() - 1].has(&[("account", last), ("accepted", "t")]);
    }
    // Whether the second batch found the account a or refused that item depends on who came first; all else does not.
    let found = s.one("SELECT count(*) FROM credits_history WHERE account = 'a' AND operation = 'debit'");
    let balances = s.list("SELECT account, trim_scale(balance), entry FROM credits_accounts ORDER BY 1");
    let a = if found == "1" { "a|10|4" } else { "a|11|3" };
    assert_eq!(balances, [a, "z|9|5"]);
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn batches_that_open_accounts_in_reversed_order_do_not_deadlock() {
    const ROUNDS: usize = 12;
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&grant("m", "1", "g"));
        let threads: Vec<_> = (0..4)
            .map(|i: usize| {
                let mut session = db.session();
                std::thread::spawn(move || {
                    session.run(&format!("SET default_transaction_isolation = '{level}'"));
                    for round in 0..ROUNDS {
                        // new accounts on both sides of one that is there, in either order
                        let mut names: Vec<String> =
                            (0..3).flat_map(|n| [format!("a{round}-{n}"), format!("z{round}-{n}")]).collect();
                        names.push("m".into());
                        names.rotate_left((i + round) % 7);
                        if i % 2 == 1 {
                            names.reverse();
                        }
                        let list = names.join("','");
                        let keys = vec![format!("'{i}-{round}'"); names.len()].join(",");
                        let ones = vec!["1"; names.len()].join(",");
                        until_serialized(
                            &mut session,
                            &format!("SELECT * FROM credits_grant_many(ARRAY['{list}'], ARRAY[{ones}], ARRAY[{keys}])"),
                        );
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let accounts =
            s.list("SELECT trim_scale(balance), entry, count(*) FROM credits_accounts GROUP BY 1, 2 ORDER BY 3");
        // each new account: its opening and a grant of each session
        assert_eq!(accounts, ["49|50|1".to_owned(), format!("4|5|{}", 6 * ROUNDS)], "{level}");
        assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    }
}
