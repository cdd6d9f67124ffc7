//! What history, allocations, lots and holds say, as recorded.

use crate::player::Player;
use credits_ledger_tests::Row;
use std::collections::BTreeMap;

/// Millionths, of credits as of money.
pub type Micros = i128;

pub fn micros(text: &str) -> Micros {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(fraction.len() <= 6, "{text} has more than 6 decimals");
    let number = format!("{whole}{fraction:0<6}");
    sign * number.parse::<Micros>().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

pub fn shown(amount: Micros) -> String {
    let (sign, size) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    let text = format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub struct Entry {
    pub number: i64,
    pub operation: String,
    /// Change of the balance.
    pub amount: Micros,
    /// What is held afterwards.
    pub held: Micros,
    pub refers_to: Option<i64>,
    pub at: i64,
    /// Lot and change of what remains in it without what is held.
    pub moves: Vec<(i64, Micros)>,
}

pub struct Lot {
    pub number: i64,
    pub entry: i64,
    pub kind: String,
    pub amount: Micros,
    pub price: Option<(String, Micros)>,
    /// Sorts as debits take lots.
    pub burn: (u8, i64, bool, i64, i64, i64),
}

#[derive(Default)]
pub struct Books {
    pub entries: Vec<Entry>,
    pub lots: Vec<Lot>,
}

fn optional(row: &Row, column: &str) -> Option<i64> {
    match row.get(column) {
        "NULL" => None,
        number => Some(number.parse().expect("a number")),
    }
}

/// By account.
pub fn read(player: &mut Player) -> BTreeMap<String, Books> {
    const AT: &str = "(extract(epoch FROM effective_at - '2026-01-01 00:00Z') * 1000000)::bigint AS at";
    let mut books: BTreeMap<String, Books> = BTreeMap::new();
    for row in player.s.rows(&format!(
        "SELECT account, entry, operation, amount, held, refers_to, {AT} FROM credits_history ORDER BY account, entry"
    )) {
        books.entry(row.get("account").to_owned()).or_default().entries.push(Entry {
            number: optional(&row, "entry").expect("a number"),
            operation: row.get("operation").to_owned(),
            amount: micros(row.get("amount")),
            held: micros(row.get("held")),
            refers_to: optional(&row, "refers_to"),
            at: optional(&row, "at").expect("an instant"),
            moves: Vec::new(),
        });
    }
    for row in player.s.rows("SELECT account, entry, lot, amount FROM credits_allocations") {
        let of_account = books.get_mut(row.get("account")).expect("an account");
        let entry = optional(&row, "entry").expect("a number");
        let lot = optional(&row, "lot").expect("a number");
        of_account.entries[entry as usize - 1].moves.push((lot, micros(row.get("amount"))));
    }
    for row in player.s.rows(&format!(
        "SELECT account, lot, entry, kind, amount, price, currency, priority, features IS NOT NULL AS restricted, {AT},
                (extract(epoch FROM expires_at - '2026-01-01 00:00Z') * 1000000)::bigint AS expires, expires_by_cycle
         FROM credits_grants ORDER BY account, lot"
    )) {
        let kind = row.get("kind").to_owned();
        let class = match kind.as_str() {
            "rollover" => 0,
            "allowance" => 1,
            _ => 2,
        };
        let priority = if class == 2 { optional(&row, "priority").expect("a priority") } else { 0 };
        // What ends with the running cycle of a manual account comes after dated lots.
        let expires = optional(&row, "expires").unwrap_or(i64::MAX - i64::from(row.get("expires_by_cycle") == "t"));
        let entry = optional(&row, "entry").expect("a number");
        books.get_mut(row.get("account")).expect("an account").lots.push(Lot {
            number: optional(&row, "lot").expect("a number"),
            entry,
            kind,
            amount: micros(row.get("amount")),
            price: (row.get("price") != "NULL").then(|| (row.get("currency").to_owned(), micros(row.get("price")))),
            burn: (
                class,
                priority,
                row.get("restricted") != "t",
                expires,
                optional(&row, "at").expect("an instant"),
                entry,
            ),
        });
    }
    books
}
