//! What all receipts together must say.

use crate::asks::Ask;
use crate::load::Given;
use credits_ledger_tests::Session;
use std::collections::BTreeMap;

const MICRO: i128 = 1_000_000;

/// An amount in millionths.
pub fn micros(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = format!("{part:0<6}");
    assert_eq!(part.len(), 6, "more than 6 decimals: {text}");
    sign * (whole.parse::<i128>().unwrap() * MICRO + part.parse::<i128>().unwrap())
}

/// One entry as `credits_history` tells it.
pub struct Told {
    pub operation: String,
    pub key: String,
    pub amount: i128,
    pub balance: i128,
}

pub fn told(s: &mut Session, account: &str) -> Vec<Told> {
    let rows = s.rows(&format!(
        "SELECT entry, operation, coalesce(idempotency_key, '') AS key, amount, balance
         FROM credits_history WHERE account = '{account}' ORDER BY entry"
    ));
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row.get("entry"), (index + 1).to_string(), "{account}: the entries have a gap");
    }
    rows.iter()
        .map(|row| Told {
            operation: row.get("operation").to_owned(),
            key: row.get("key").to_owned(),
            amount: micros(row.get("amount")),
            balance: micros(row.get("balance")),
        })
        .collect()
}

/// Columns in which a replay equals its original.
pub const SAME: [&str; 18] = [
    "account",
    "entry",
    "operation",
    "idempotency_key",
    "accepted",
    "amount",
    "from_allowance",
    "from_credits",
    "overdraft",
    "balance",
    "allowance",
    "credits",
    "held",
    "debt",
    "available",
    "included",
    "refers_to",
    "recorded_at",
];

pub fn is_receipt(given: &Given) -> bool {
    given.item.ask != Ask::Reset
}

/// Never past zero, and the sums of the contract, in every receipt.
pub fn check_figures(given: &Given) {
    let row = &given.row;
    let figure = |column: &str| micros(row.get(column));
    for column in ["allowance", "credits", "held", "debt", "available"] {
        assert!(figure(column) >= 0, "{} {column} is below zero", given.item.sql());
    }
    assert!(figure("debt") <= 5 * MICRO, "{}: the debt is above its limit", given.item.sql());
    assert_eq!(
        figure("balance"),
        figure("allowance") + figure("credits") + figure("held") - figure("debt"),
        "{}",
        given.item.sql()
    );
    if row.get("accepted") == "t" && row.get("operation") == "debit" {
        assert_eq!(
            figure("amount"),
            figure("from_allowance") + figure("from_credits") + figure("overdraft"),
            "{}",
            given.item.sql()
        );
    }
}

/// The balances of one account from receipt to receipt. Entries that no receipt tells of (openings, what
/// time and resets made) come from the history.
pub fn check_chain(account: &str, history: &[Told], originals: &BTreeMap<(String, u64), &Given>) {
    let (mut balance, mut known) = (0, None::<(i128, i128, i128)>);
    for (index, entry) in history.iter().enumerate() {
        let number = index as u64 + 1;
        let place = format!("{account} {number} {} {}", entry.operation, entry.key);
        balance += entry.amount;
        assert_eq!(entry.balance, balance, "{place}: the running balance in the history");
        let Some(given) = originals.get(&(account.to_owned(), number)) else {
            let by_a_call = matches!(entry.operation.as_str(), "debit" | "grant") && entry.key != "first";
            assert!(!by_a_call, "{place}: no session was given its receipt");
            known = None;
            continue;
        };
        let figure = |column: &str| micros(given.row.get(column));
        let sign = if entry.operation == "debit" { -1 } else { 1 };
        assert_eq!(given.row.get("operation"), entry.operation, "{place}");
        assert_eq!(given.row.get("idempotency_key"), entry.key, "{place}");
        assert_eq!(sign * figure("amount"), entry.amount, "{place}: amount");
        assert_eq!(figure("balance"), balance, "{place}: balance after");
        let after = (figure("allowance"), figure("credits"), figure("debt"));
        if let Some((allowance, credits, debt)) = known {
            let moved = (
                allowance + sign * figure("from_allowance"),
                credits + sign * figure("from_credits"),
                debt + figure("overdraft"),
            );
            assert_eq!(after, moved, "{place}: allowance, credits and debt after");
        }
        known = Some(after);
    }
}

/// A returned before B began: A's entry is the lower one.
pub fn check_real_time_order(account: &str, given: &[&Given]) {
    let mut by_return: Vec<(u64, u64)> = given.iter().map(|g| (g.returned, entry_of(g))).collect();
    let mut by_begin: Vec<(u64, u64)> = given.iter().map(|g| (g.began, entry_of(g))).collect();
    by_return.sort_unstable();
    by_begin.sort_unstable();
    let (mut highest, mut next) = (0, 0);
    for (began, entry) in by_begin {
        while next < by_return.len() && by_return[next].0 < began {
            highest = highest.max(by_return[next].1);
            next += 1;
        }
        assert!(entry > highest, "{account}: entry {entry} began after entry {highest} had returned");
    }
}

pub fn entry_of(given: &Given) -> u64 {
    given.row.get("entry").parse().unwrap()
}
