//! Revenue, worked out from history, allocations, lots and holds alone.
//!
//! Where prices divide evenly it is the same to the last decimal. Where they do not, deferred money is; which of several
//! movements bears the last millionth is compared to a millionth each.

use crate::books::{Books, Lot, Micros, read, shown};
use crate::period::{Instant, Period, literal};
use crate::player::Player;
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Sold,
    Recognised,
    Breakage,
    Voided,
}

struct Movement {
    at: i64,
    /// Currency and kind.
    of: (String, String),
    part: Part,
    money: Micros,
}

/// A lot with a price while its history is read.
struct Paid<'a> {
    lot: &'a Lot,
    currency: &'a str,
    price: Micros,
    unspent: Micros,
    deferred: Micros,
    recognised: Micros,
    /// Spent, and not clawed back.
    spent: Micros,
    /// Its time is still to come.
    scheduled: bool,
}

fn rounded_up(a: Micros, b: Micros) -> Micros {
    (a + b - 1) / b
}

struct Ledger<'a> {
    paid: BTreeMap<i64, Paid<'a>>,
    movements: Vec<Movement>,
}

impl Ledger<'_> {
    fn book(&mut self, lot: i64, at: i64, part: Part, money: Micros) {
        let paid = &self.paid[&lot];
        self.movements.push(Movement { at, of: (paid.currency.to_owned(), paid.lot.kind.clone()), part, money });
    }

    /// So much of a lot is not unspent any more; below zero: is again.
    fn leaves(&mut self, lot: i64, at: i64, part: Part, amount: Micros) {
        let Some(paid) = self.paid.get_mut(&lot).filter(|_| amount != 0) else { return };
        paid.unspent -= amount;
        assert!((0..=paid.lot.amount).contains(&paid.unspent), "lot {lot} has {} unspent", shown(paid.unspent));
        let deferred = rounded_up(paid.price * paid.unspent, paid.lot.amount);
        let money = paid.deferred - deferred;
        paid.deferred = deferred;
        if part == Part::Recognised {
            paid.recognised += money;
            paid.spent += amount;
        }
        self.book(lot, at, part, money);
    }

    /// A claw-back of spent credits: the customer did not pay for them after all.
    fn claws(&mut self, lot: i64, at: i64, amount: Micros) {
        let Some(paid) = self.paid.get_mut(&lot).filter(|_| amount != 0) else { return };
        assert!(amount <= paid.spent, "{} of {} spent", shown(amount), shown(paid.spent));
        let money = paid.recognised * amount / paid.spent;
        paid.spent -= amount;
        paid.recognised -= money;
        self.book(lot, at, Part::Recognised, -money);
        self.book(lot, at, Part::Voided, money);
    }
}

/// What of a hold's parts a capture spent, in burn order, after it gave some back.
fn captured(
    parts: &mut BTreeMap<i64, Micros>,
    back: &BTreeMap<i64, Micros>,
    mut spent: Micros,
    books: &Books,
) -> BTreeMap<i64, Micros> {
    for (lot, amount) in back {
        *parts.get_mut(lot).expect("a held part") -= amount;
    }
    let mut order: Vec<_> = parts.keys().copied().collect();
    order.sort_by_key(|lot| books.lots[*lot as usize - 1].burn);
    let mut taken = BTreeMap::new();
    for lot in order {
        let part = parts.get_mut(&lot).expect("a held part");
        let takes = spent.min(*part);
        *part -= takes;
        spent -= takes;
        taken.insert(lot, takes);
    }
    assert_eq!(spent, 0, "a capture spends what was held");
    taken
}

fn movements(books: &Books, receipts: &BTreeMap<i64, Micros>) -> Vec<Movement> {
    let mut ledger = Ledger { paid: BTreeMap::new(), movements: Vec::new() };
    let mut holds: BTreeMap<i64, BTreeMap<i64, Micros>> = BTreeMap::new();
    let mut held = 0;
    for entry in &books.entries {
        let at = entry.at;
        for lot in books.lots.iter().filter(|lot| lot.entry == entry.number) {
            let Some((currency, price)) = &lot.price else { continue };
            ledger.paid.insert(
                lot.number,
                Paid {
                    lot,
                    currency,
                    price: *price,
                    unspent: lot.amount,
                    deferred: *price,
                    recognised: 0,
                    spent: 0,
                    scheduled: entry.operation == "schedule",
                },
            );
            ledger.book(lot.number, at, Part::Sold, *price);
        }
        let mut came: BTreeMap<i64, Micros> = BTreeMap::new();
        let mut went: BTreeMap<i64, Micros> = BTreeMap::new();
        for (lot, amount) in &entry.moves {
            *(if *amount > 0 { &mut came } else { &mut went }).entry(*lot).or_default() += amount.abs();
        }
        let spends = |ledger: &mut Ledger, came: &BTreeMap<i64, Micros>, went: &BTreeMap<i64, Micros>| {
            for (lot, amount) in came {
                ledger.leaves(*lot, at, Part::Recognised, -amount);
            }
            for (lot, amount) in went {
                ledger.leaves(*lot, at, Part::Recognised, *amount);
            }
        };
        let nothing = BTreeMap::new();
        match entry.operation.as_str() {
            "grant" | "purchase" | "recharge" => {
                for (lot, amount) in &came {
                    if let Some(paid) = ledger.paid.get_mut(lot) {
                        paid.scheduled = false;
                        assert_eq!(*amount, paid.unspent, "lot {lot} arrives");
                    }
                }
                spends(&mut ledger, &nothing, &went);
            }
            "hold" => {
                holds.insert(entry.number, went);
            }
            "release" | "lapse" => {
                let parts = holds.remove(&entry.refers_to.expect("a hold")).unwrap_or_default();
                // What came back and went at once paid debt.
                for (lot, part) in parts {
                    ledger.leaves(lot, at, Part::Recognised, part - came.remove(&lot).unwrap_or_default());
                }
                assert!(came.is_empty(), "only held parts come back");
                spends(&mut ledger, &nothing, &went);
            }
            "capture" => {
                let back: Micros = came.values().sum();
                if let Some(parts) = holds.get_mut(&entry.refers_to.expect("a hold")) {
                    let taken = captured(parts, &came, held - entry.held - back, books);
                    spends(&mut ledger, &nothing, &taken);
                } else {
                    assert_eq!(back, 0, "only held parts come back");
                }
                spends(&mut ledger, &nothing, &went);
            }
            "refund" => spends(&mut ledger, &came, &went),
            "expire" => went.iter().for_each(|(lot, amount)| ledger.leaves(*lot, at, Part::Breakage, *amount)),
            "void" | "claw_back" => {
                let granted = entry.refers_to.expect("a grant");
                let granted = books.entries[granted as usize - 1].refers_to.unwrap_or(granted);
                let own = |lot: i64| books.lots[lot as usize - 1].entry == granted;
                let scheduled: Vec<_> = ledger
                    .paid
                    .values()
                    .filter(|paid| paid.scheduled && own(paid.lot.number))
                    .map(|paid| paid.lot.number)
                    .collect();
                let mut unspent = 0;
                for (lot, amount) in went {
                    if own(lot) {
                        unspent += amount;
                        ledger.leaves(lot, at, Part::Voided, amount);
                    } else {
                        ledger.leaves(lot, at, Part::Recognised, amount);
                    }
                }
                // What is voided before its time moves nothing yet: only the receipt told how much it was.
                for lot in &scheduled {
                    ledger.leaves(*lot, at, Part::Voided, receipts[&entry.number]);
                }
                if scheduled.is_empty() && entry.operation == "claw_back" {
                    for lot in books.lots.iter().filter(|lot| lot.entry == granted) {
                        ledger.claws(lot.number, at, -entry.amount - unspent);
                    }
                }
            }
            "close" => {
                let scheduled: Vec<_> = ledger
                    .paid
                    .values()
                    .filter(|paid| paid.scheduled)
                    .map(|paid| (paid.lot.number, paid.unspent))
                    .collect();
                for (lot, unspent) in scheduled {
                    ledger.leaves(lot, at, Part::Breakage, unspent);
                }
                spends(&mut ledger, &came, &went);
            }
            // Debits and charges; debt that is paid when the policy is changed; plans, whose lots have no price.
            _ => spends(&mut ledger, &nothing, &went),
        }
        held = entry.held;
    }
    ledger.movements
}

type Figures = BTreeMap<(String, String), [Micros; 6]>;

fn of_period(movements: &[Movement], period: &Period, now: Instant) -> Figures {
    // What is recorded has happened, if one asks for more than now.
    let before = |at: i64, end: Instant| at < end || end > now;
    let mut figures = Figures::new();
    for Movement { at, of, part, money } in movements.iter().filter(|movement| before(movement.at, period.to)) {
        if *part == Part::Sold {
            figures.entry(of.clone()).or_default();
        }
        let row = figures.get_mut(of).expect("sold before");
        let deferred = if *part == Part::Sold { *money } else { -money };
        if before(*at, period.from) {
            row[0] += deferred;
        } else {
            row[1 + *part as usize] += money;
        }
        row[5] += deferred;
    }
    figures
}

const COLUMNS: [&str; 6] = ["opening_deferred", "sold", "recognised", "breakage", "voided", "closing_deferred"];

/// What the ledger says.
fn told(player: &mut Player, period: &Period) -> Figures {
    let rows = player.s.rows(&format!("SELECT * FROM credits_revenue({period})"));
    let number = rows.len();
    let figures: Figures = rows
        .iter()
        .map(|row| {
            let of = (row.get("currency").to_owned(), row.get("kind").to_owned());
            let figures = COLUMNS.map(|column| crate::books::micros(row.get(column)));
            let [opening, sold, recognised, breakage, voided, closing] = figures;
            assert_eq!(opening + sold - recognised - breakage - voided, closing, "{row}\nafter\n{}", player.story());
            (of, figures)
        })
        .collect();
    assert_eq!(figures.len(), number, "a row for each currency and kind");
    figures
}

fn all_movements(player: &mut Player) -> Vec<Movement> {
    let books = read(player);
    let story = player.story();
    books
        .iter()
        .flat_map(|(account, books)| {
            let receipts = player.receipts.iter().filter(|((of, _), _)| of == account);
            let receipts = receipts.map(|((_, entry), amount)| (*entry, *amount)).collect();
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| movements(books, &receipts)))
                .unwrap_or_else(|_| panic!("the books of {account} do not add up after\n{story}"))
        })
        .collect()
}

pub fn agrees_with_the_books(player: &mut Player, periods: &[Period]) {
    let movements = all_movements(player);
    let all = Period { from: crate::period::NEVER, to: crate::period::ALWAYS };
    for period in periods.iter().chain([&all]) {
        let expected = of_period(&movements, period, player.now());
        let found = told(player, period);
        let keys = |figures: &Figures| figures.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&found), keys(&expected), "{period}: ledger left, after\n{}", player.story());
        for (of, expected) in &expected {
            let found = found[of];
            for (column, (found, expected)) in COLUMNS.iter().zip(found.iter().zip(expected)) {
                let exact = player.even || column.ends_with("deferred") || *column == "sold";
                let most = if exact { 0 } else { movements.len() as Micros };
                assert!(
                    (found - expected).abs() <= most,
                    "{column} of {of:?} in {period}: {}, not {}, after\n{}",
                    shown(*found),
                    shown(*expected),
                    player.story()
                );
            }
        }
    }
}

/// Adjacent periods: what one defers the next begins with, and their movements add up to those of both.
pub fn chains(player: &mut Player, instants: &[Instant]) {
    let (first, last) = (instants[0], instants[instants.len() - 1]);
    let whole = told(player, &Period { from: first, to: last });
    let mut sums = Figures::new();
    for ends in instants.windows(2) {
        for (of, figures) in told(player, &Period { from: ends[0], to: ends[1] }) {
            let sum = sums.entry(of.clone()).or_insert_with(|| [figures[0], 0, 0, 0, 0, figures[0]]);
            assert_eq!(sum[5], figures[0], "{of:?} at {} after\n{}", literal(ends[0]), player.story());
            (1..5).for_each(|column| sum[column] += figures[column]);
            sum[5] = figures[5];
        }
    }
    assert_eq!(sums, whole, "{instants:?} after\n{}", player.story());
}
