//! Many sessions that give back and take back on one account.

use crate::calls::{debit, grant};
use crate::crowd::{Dice, crowd, patient};
use crate::holds::{balance, capture, hold, receipt, release};
use crate::interleave::LEVELS;
use crate::refunds::*;
use credits_ledger_tests::{Server, Session};
use std::collections::BTreeMap;

const POLICIES: [&str; 3] = ["repay", "forgive_at_reset", "invoice_at_reset"];

#[test]
fn however_many_refund_a_debit_comes_back_once() {
    const DEBITS: usize = 12;
    for (level, policy) in LEVELS.into_iter().zip(POLICIES) {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&format!("SELECT credits_open_account('a', 100, debt_policy => '{policy}')"));
        s.run(&grant("a", "60", "g"));
        // The last of them are owed.
        for n in 0..DEBITS {
            s.run(&format!("SELECT credits_debit('a', 20, 'd{n}', on_insufficient => 'allow')"));
        }
        let told = crowd(&db, 8, &[level], |i, s| {
            let mut dice = Dice(300 + i as u64);
            let mut back: BTreeMap<usize, u64> = BTreeMap::new();
            for n in 0..40 {
                let debit = dice.below(DEBITS as u64) as usize;
                let amount = 1 + dice.below(6);
                match receipt(patient(
                    s,
                    &refund("a", &format!("d{debit}"), &format!("r{i} {n}"), &format!(", {amount}")),
                )) {
                    Ok(row) => {
                        row.has(&[("amount", &amount.to_string()), ("replayed", "f")]);
                        *back.entry(debit).or_default() += amount;
                    }
                    Err(code) => assert!(["LC007", "LC015"].contains(&code.as_str()), "{code}"),
                }
            }
            back
        });
        for n in 0..DEBITS {
            let back: u64 = told.iter().filter_map(|back| back.get(&n)).sum();
            assert!(back <= 20, "{back} of debit {n} came back");
            match receipt(s.try_run(&refund("a", &format!("d{n}"), &format!("rest {n}"), ""))) {
                Ok(row) => assert_eq!(row.get("amount"), (20 - back).to_string(), "{level}"),
                Err(code) => assert_eq!((code.as_str(), back), ("LC007", 20), "{level}"),
            }
        }
        assert_eq!(balance(&mut s, "a"), "160 0 0 160", "{level}");
        assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "0");
        settled(&mut s);
    }
}

#[test]
fn sessions_that_share_keys_refund_once_and_all_hear_the_same() {
    for level in LEVELS {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&grant("a", "1000", "g"));
        for n in 0..15 {
            s.run(&debit("a", "10", &format!("d{n}")));
        }
        let told = crowd(&db, 6, &[level], |_, s| {
            (0..15)
                .map(|n| {
                    let row = receipt(patient(s, &refund("a", &format!("d{n}"), &format!("r{n}"), ", 4"))).unwrap();
                    ["entry", "amount", "from_credits", "balance", "recorded_at"]
                        .map(|column| row.get(column).to_owned())
                })
                .collect::<Vec<_>>()
        });
        assert!(told.iter().all(|heard| *heard == told[0]), "{level}");
        assert_eq!(balance(&mut s, "a"), "910 0 0 910", "{level}");
        settled(&mut s);
    }
}

#[test]
fn however_many_claw_it_back_a_grant_is_taken_back_once() {
    for (level, policy) in LEVELS.into_iter().zip(POLICIES) {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&format!("SELECT credits_open_account('a', debt_policy => '{policy}')"));
        for n in 0..10 {
            s.run(&grant("a", "20", &format!("g{n}")));
        }
        s.run(&debit("a", "130", "d"));
        let told = crowd(&db, 6, &[level], |i, s| {
            let mut taken = 0;
            for n in 0..10 {
                let n = if i % 2 == 0 { n } else { 9 - n };
                let rest = if i % 3 == 0 { CLAW_BACK } else { ", 7, true" };
                match receipt(patient(s, &void("a", &format!("g{n}"), &format!("v{i} {n}"), rest))) {
                    Ok(row) => taken += row.get("amount").parse::<u32>().unwrap(),
                    Err(code) => assert!(["LC007", "LC015"].contains(&code.as_str()), "{code}"),
                }
            }
            taken
        });
        // All of it, whoever took which part.
        assert_eq!(told.into_iter().sum::<u32>(), 200, "{level}");
        assert_eq!(balance(&mut s, "a"), "-130 0 130 0", "{level}");
        settled(&mut s);
        s.run(&refund("a", "d", "r", ""));
        assert_eq!(balance(&mut s, "a"), "0 0 0 0", "{level}");
        settled(&mut s);
    }
}

/// What a session of the mixed crowd asks for next; `made` has the keys of what it made before: debits, grants and holds.
fn next(dice: &mut Dice, key: &str, made: &[Vec<String>; 3]) -> String {
    let amount = 1 + dice.below(12);
    let [debits, grants, holds] = made;
    let any = |dice: &mut Dice, of: &[String]| of[dice.below(of.len() as u64) as usize].clone();
    let rest = ["", ", 2", ", 1, if_expired => 'restore'", ", if_expired => 'restore'"][dice.below(4) as usize];
    match dice.below(12) {
        0..=2 => format!("SELECT * FROM credits_debit('a', {amount}, '{key}', on_insufficient => 'allow')"),
        3 => debit("a", &amount.to_string(), key),
        4 if dice.below(3) == 0 => format!("SELECT * FROM credits_reset_cycle('a', '{key}')"),
        4 | 5 => grant("a", &amount.to_string(), key),
        6 => hold("a", &amount.to_string(), key),
        7 if !holds.is_empty() && dice.below(3) == 0 => release("a", &any(dice, holds), key),
        7 if !holds.is_empty() => capture("a", &any(dice, holds), key, &format!(", {}", dice.below(12))),
        8..=10 if !debits.is_empty() => refund("a", &any(dice, debits), key, rest),
        11 if !grants.is_empty() => {
            void("a", &any(dice, grants), key, ["", ", 3", CLAW_BACK, ", 4, true"][dice.below(4) as usize])
        }
        _ => debit("a", "1", key),
    }
}

/// Sessions that spend, hold, give back, take back and reset at random, each settling what it and others made.
#[test]
fn in_the_end_nothing_is_lost_and_nothing_invented() {
    for (level, policy) in LEVELS.into_iter().zip(POLICIES) {
        let db = Server::shared().database();
        let mut s = db.session();
        s.run(&format!("SELECT credits_open_account('a', 30, '0', rollover_percent => 50, debt_policy => '{policy}')"));
        s.run(&grant("a", "40", "g"));
        s.run(&debit("a", "55", "d"));
        let outcomes = crowd(&db, 10, &[level], |i, s: &mut Session| {
            let mut dice = Dice(4_000 + i as u64);
            let mut made = [vec!["d".to_owned()], vec!["g".to_owned()], Vec::new()];
            let mut codes: BTreeMap<String, u32> = BTreeMap::new();
            for n in 0..45 {
                // Half of the keys are those of a neighbour: what one made the other settles.
                let key = format!("{} {n}", if n % 2 == 0 { i } else { i / 2 * 2 });
                let call = next(&mut dice, &key, &made);
                let outcome = receipt(patient(s, &call));
                let told = match &outcome {
                    Err(code) => code.clone(),
                    Ok(row) if row.columns().iter().any(|column| column == "operation") => {
                        row.get("operation").to_owned()
                    }
                    Ok(_) => "reset".to_owned(),
                };
                match told.as_str() {
                    "debit" | "capture" => made[0].push(key),
                    "grant" => made[1].push(key),
                    "hold" => made[2].push(key),
                    _ => {}
                }
                *codes.entry(told).or_default() += 1;
            }
            codes
        });
        let mut all: BTreeMap<String, u32> = BTreeMap::new();
        for (code, count) in outcomes.into_iter().flatten() {
            *all.entry(code).or_default() += count;
        }
        let known = ["LC001", "LC003", "LC007", "LC015"];
        assert!(all.keys().filter(|key| key.starts_with("LC")).all(|key| known.contains(&key.as_str())), "{all:?}");
        // Of the others there are few, and which of them find something to do is chance.
        for wanted in ["debit", "grant", "refund"] {
            assert!(all.contains_key(wanted), "{level}: no {wanted} in {all:?}");
        }
        let below =
            s.list("SELECT entry FROM credits_history WHERE allowance < 0 OR credits < 0 OR held < 0 OR debt < 0");
        assert_eq!(below, Vec::<String>::new());
        settled(&mut s);
    }
}
