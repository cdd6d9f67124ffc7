//! Many sessions holding and capturing on one account.

use crate::calls::{debit, grant};
use crate::crowd::{Dice, crowd, patient};
use crate::holds::*;
use crate::interleave::LEVELS;
use credits_ledger_tests::Server;
use std::collections::BTreeMap;

#[test]
fn each_hold_is_captured_by_one_worker() {
    const HOLDS: usize = 25;
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&grant("a", "1000", "g"));
        for n in 0..HOLDS {
            s.run(&hold("a", "10", &format!("h{n}")));
        }
        let told = crowd(&db, 8, &[level], |i, s| {
            (0..HOLDS)
                .map(|n| {
                    // Half of the workers come from the other end.
                    let n = if i % 2 == 0 { n } else { HOLDS - 1 - n };
                    let call = capture("a", &format!("h{n}"), &format!("w{i} {n}"), &format!(", {}", i + 1));
                    (n, receipt(patient(s, &call)))
                })
                .collect::<Vec<_>>()
        });
        let mut winners = BTreeMap::new();
        for (n, told) in told.into_iter().flatten() {
            match told {
                Ok(row) => assert!(winners.insert(n, row.get("amount").to_owned()).is_none(), "{n} was captured twice"),
                Err(code) => assert_eq!(code, "LC007"),
            }
        }
        assert_eq!(winners.len(), HOLDS, "{level}");
        let captured: u32 = winners.values().map(|amount| amount.parse::<u32>().unwrap()).sum();
        let left = 1000 - captured;
        assert_eq!(balance(&mut s, "a"), format!("{left} 0 0 {left}"), "{level}");
        settled(&mut s);
    }
}

#[test]
fn workers_that_share_a_key_capture_once_and_all_hear_the_same() {
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&grant("a", "1000", "g"));
        for n in 0..20 {
            s.run(&hold("a", "10", &format!("h{n}")));
        }
        let told = crowd(&db, 6, &[level], |_, s| {
            (0..20)
                .map(|n| {
                    let row =
                        receipt(patient(s, &capture("a", &format!("h{n}"), &format!("c{n}"), ", 4, final => false")))
                            .unwrap();
                    ["entry", "amount", "balance", "held", "recorded_at"].map(|column| row.get(column).to_owned())
                })
                .collect::<Vec<_>>()
        });
        assert!(told.iter().all(|heard| *heard == told[0]), "{level}");
        assert_eq!(balance(&mut s, "a"), "920 120 0 800", "{level}");
        settled(&mut s);
    }
}

/// Twenty sessions hold, capture, release, extend and debit, none of them beyond what is there.
#[test]
fn nothing_is_held_or_spent_that_is_not_there() {
    for (level, limit) in LEVELS.into_iter().zip([0, 40, 15]) {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&format!("SELECT credits_open_account('a', overdraft_limit => {limit})"));
        s.run(&grant("a", "150", "g1"));
        s.run("SELECT credits_grant('a', 60, 'g2', 'promo', features => '{chat}')");
        let outcomes = crowd(&db, 20, &[level], |i, s| {
            let mut dice = Dice(900 + i as u64);
            let mut codes: BTreeMap<String, u32> = BTreeMap::new();
            for n in 0..12 {
                let amount = 1 + dice.below(9);
                let feature = if dice.below(2) == 0 { "chat" } else { "image" };
                let key = format!("h{i} {n}");
                let mut calls = vec![format!(
                    "SELECT * FROM credits_hold('a', {amount}, '{key}', feature => '{feature}', on_insufficient => '{}')",
                    ["error", "refuse", "partial"][dice.below(3) as usize]
                )];
                let less = dice.below(amount + 1);
                calls.push(match dice.below(6) {
                    0 => release("a", &key, &format!("r{i} {n}")),
                    1 => capture("a", &key, &format!("c{i} {n}"), &format!(", {less}, on_insufficient => 'error'")),
                    2 => capture("a", &key, &format!("c{i} {n}"), &format!(", {less}, NULL, false, 'refuse'")),
                    3 => capture(
                        "a",
                        &key,
                        &format!("c{i} {n}"),
                        &format!(", {}, on_insufficient => 'error'", amount + 3),
                    ),
                    4 => extend("a", &key, &format!("e{i} {n}"), "1 hour"),
                    _ => debit("a", &amount.to_string(), &format!("d{i} {n}")),
                });
                calls.push(capture(
                    "a",
                    &key,
                    &format!("f{i} {n}"),
                    &format!(", {less}, on_insufficient => 'partial'"),
                ));
                if dice.below(3) == 0 {
                    calls.push(grant("a", "1", &format!("g{i} {n}")));
                }
                for call in calls {
                    // Each call once more, as after a lost answer: the second hears what the first did.
                    let first = receipt(patient(s, &call));
                    let again = receipt(patient(s, &call));
                    match (&first, &again) {
                        (Ok(first), Ok(again)) if first.get("accepted") == "t" => {
                            again.has(&[
                                ("replayed", "t"),
                                ("entry", first.get("entry")),
                                ("balance", first.get("balance")),
                            ]);
                        }
                        _ => {}
                    }
                    let outcome = first
                        .map_or_else(|code| code, |row| format!("{} {}", row.get("operation"), row.get("accepted")));
                    *codes.entry(outcome).or_default() += 1;
                }
            }
            codes
        });
        let mut all: BTreeMap<String, u32> = BTreeMap::new();
        for (code, count) in outcomes.into_iter().flatten() {
            *all.entry(code).or_default() += count;
        }
        let known = ["LC001", "LC006", "LC007"];
        assert!(all.keys().filter(|key| key.starts_with("LC")).all(|key| known.contains(&key.as_str())), "{all:?}");
        for wanted in ["hold t", "hold f", "capture t", "release t", "extend t", "debit t", "LC001", "LC007"] {
            assert!(all.contains_key(wanted), "{level}: no {wanted} in {all:?}");
        }
        never_past(&mut s, &limit.to_string());
        settled(&mut s);
    }
}

/// Every session holds and captures under one budget: what is held and what is captured never comes to more than it.
#[test]
fn holds_and_captures_together_keep_to_a_budget() {
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&grant("a", "10000", "g"));
        s.run(
            "SELECT credits_set_budget('a', 200, 'month', feature => 'gpu'), credits_set_budget('a', 45, 'month', '*')",
        );
        let refused: u32 = crowd(&db, 12, &[level], |i, s| {
            let mut dice = Dice(5_000 + i as u64);
            let mut refused = 0;
            for n in 0..10 {
                let amount = 2 + dice.below(8);
                let actor = ["ann", "bob", "carl", "dan", "eve", "fay"][dice.below(6) as usize];
                let key = format!("h{i} {n}");
                let held = format!("SELECT * FROM credits_hold('a', {amount}, '{key}', '1 day', 'gpu', '{actor}')");
                let rest = match dice.below(4) {
                    0 => None,
                    1 => Some(release("a", &key, &format!("r{i} {n}"))),
                    2 => Some(capture("a", &key, &format!("c{i} {n}"), &format!(", {}", dice.below(amount + 1)))),
                    _ => Some(capture(
                        "a",
                        &key,
                        &format!("c{i} {n}"),
                        &format!(", {}, on_insufficient => 'error'", amount + 2),
                    )),
                };
                for call in std::iter::once(held).chain(rest) {
                    match receipt(patient(s, &call)) {
                        Ok(_) => {}
                        Err(code) if code == "LC012" => refused += 1,
                        // of a hold that was refused
                        Err(code) => assert_eq!(code, "LC006", "{call}"),
                    }
                }
            }
            refused
        })
        .into_iter()
        .sum();
        assert!(refused > 0, "{level}: only {refused} were refused");
        let open = "(SELECT coalesce(sum(remaining), 0) FROM credits_holds h WHERE status = 'open' AND (b.used_by IS NULL OR h.actor = b.used_by))";
        let captured = "(SELECT coalesce(-sum(amount), 0) FROM credits_history h WHERE operation = 'capture' AND (b.used_by IS NULL OR h.actor = b.used_by))";
        let wrong = s.list(&format!(
            "SELECT used_by, used, {open}, {captured} FROM credits_budgets b WHERE used <> {open} + {captured} OR used > budget_limit"
        ));
        assert_eq!(wrong, Vec::<String>::new(), "{level}");
        assert!(s.one("SELECT count(*) FROM credits_budgets WHERE used > 0").parse::<u32>().unwrap() >= 5);
        settled(&mut s);
    }
}
