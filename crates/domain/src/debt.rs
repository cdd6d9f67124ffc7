//! Debt, and what becomes of it.
//!
//! All debt that an account ever drew lies end to end on a line: each operation that drew some has a stretch of it. What
//! is repaid, written off or undone are stretches of the same line. So it is known what became of each operation's
//! debt, though the oldest is repaid first, and though one payment repays the debt of many.

use crate::account::DebtPolicy;
use crate::amount::Amount;
use crate::book::Book;
use crate::entry::{Entry, Movement, Operation};
use serde::{Deserialize, Serialize};

/// A part of an account's line of debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    pub start: Amount,
    /// Above `start`.
    pub end: Amount,
}

impl Stretch {
    pub fn new(start: Amount, length: Amount) -> Stretch {
        Stretch { start, end: start + length }
    }

    pub fn length(self) -> Amount {
        self.end - self.start
    }

    fn within(self, other: Stretch) -> Option<Stretch> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start < end).then_some(Stretch { start, end })
    }

    /// What of it the others leave.
    fn without(self, others: impl Iterator<Item = Stretch>) -> Vec<Stretch> {
        let mut left = vec![self];
        for other in others {
            left = left
                .into_iter()
                .flat_map(|own| {
                    let before = Stretch { start: own.start, end: own.end.min(other.start) };
                    let after = Stretch { start: own.start.max(other.end), end: own.end };
                    [before, after].into_iter().filter(|part| part.start < part.end)
                })
                .collect();
        }
        left
    }
}

/// Debt that is neither repaid nor written off nor undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenDebt {
    pub stretch: Stretch,
    /// A claw-back drew it: no reset forgives or invoices it.
    pub lasting: bool,
}

/// The account's line of debt, as far as it is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Debts {
    /// Its length: all debt that was ever drawn.
    pub drawn: Amount,
    /// Oldest first.
    pub open: Vec<OpenDebt>,
    /// Differs from what is stored.
    pub changed: bool,
}

/// What became of a stretch of debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// By this lot.
    Repaid(i32),
    Invoiced,
    Forgiven,
    /// A refund undid it, whatever had become of it before.
    Refunded,
}

impl Fate {
    pub fn name(self) -> &'static str {
        match self {
            Fate::Repaid(_) => "repaid",
            Fate::Invoiced => "invoiced",
            Fate::Forgiven => "forgiven",
            Fate::Refunded => "refunded",
        }
    }

    /// `lot` is the one that repaid it.
    pub fn parse(name: &str, lot: Option<i32>) -> Option<Fate> {
        match (name, lot) {
            ("repaid", Some(lot)) => Some(Fate::Repaid(lot)),
            ("invoiced", None) => Some(Fate::Invoiced),
            ("forgiven", None) => Some(Fate::Forgiven),
            ("refunded", None) => Some(Fate::Refunded),
            _ => None,
        }
    }

    /// In which order a refund undoes what became of a debt.
    fn undone(self) -> i32 {
        match self {
            Fate::Repaid(_) => 0,
            Fate::Invoiced => 1,
            Fate::Forgiven | Fate::Refunded => 2,
        }
    }

    pub fn lot(self) -> Option<i32> {
        match self {
            Fate::Repaid(lot) => Some(lot),
            _ => None,
        }
    }
}

/// A stretch that is not open any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    pub stretch: Stretch,
    pub fate: Fate,
    /// By which it came.
    pub entry: i64,
}

impl Debts {
    /// What is owed.
    pub fn total(&self) -> Amount {
        self.open.iter().map(|debt| debt.stretch.length()).sum()
    }

    /// What a reset would forgive or invoice.
    pub fn passing(&self) -> Amount {
        self.open.iter().filter(|debt| !debt.lasting).map(|debt| debt.stretch.length()).sum()
    }

    /// Adds to the line, and says where.
    pub fn draw(&mut self, amount: Amount, lasting: bool) -> Stretch {
        let stretch = Stretch::new(self.drawn, amount);
        self.drawn += amount;
        self.changed = true;
        match self.open.last_mut() {
            Some(last) if last.stretch.end == stretch.start && last.lasting == lasting => {
                last.stretch.end = stretch.end;
            }
            _ => self.open.push(OpenDebt { stretch, lasting }),
        }
        stretch
    }

    /// Closes up to so much, the oldest first, and says which.
    pub fn settle(&mut self, amount: Amount) -> Vec<Stretch> {
        self.close(amount, |_| true)
    }

    /// The same of what resets forgive or invoice, all of it.
    pub fn settle_passing(&mut self) -> Vec<Stretch> {
        self.close(self.passing(), |debt| !debt.lasting)
    }

    fn close(&mut self, amount: Amount, concerns: impl Fn(&OpenDebt) -> bool) -> Vec<Stretch> {
        let (mut closed, mut left) = (Vec::new(), amount);
        for debt in self.open.iter_mut().filter(|debt| concerns(debt)) {
            let length = debt.stretch.length().min(left);
            if length.is_positive() {
                let stretch = Stretch::new(debt.stretch.start, length);
                debt.stretch.start = stretch.end;
                closed.push(stretch);
                left -= length;
            }
        }
        self.tidy(&closed);
        closed
    }

    /// Closes up to so much of what is open within a stretch, the newest first, and says which.
    pub fn settle_within(&mut self, bounds: Stretch, amount: Amount) -> Vec<Stretch> {
        let (mut closed, mut left) = (Vec::new(), amount);
        for debt in self.open.iter().rev() {
            if let Some(part) = debt.stretch.within(bounds) {
                let length = part.length().min(left);
                if length.is_positive() {
                    closed.push(Stretch { start: part.end - length, end: part.end });
                    left -= length;
                }
            }
        }
        self.remove(&closed);
        closed
    }

    /// Closes stretches that are open.
    pub fn remove(&mut self, closed: &[Stretch]) {
        let open = std::mem::take(&mut self.open);
        for debt in open {
            let left = debt.stretch.without(closed.iter().copied());
            self.open.extend(left.into_iter().map(|stretch| OpenDebt { stretch, ..debt }));
        }
        self.tidy(closed);
    }

    fn tidy(&mut self, closed: &[Stretch]) {
        self.open.retain(|debt| debt.stretch.length().is_positive());
        self.changed |= !closed.is_empty();
    }
}

/// What became of a stretch, but for what is open and what was refunded: in the order in which a refund undoes it.
pub fn fates(bounds: Stretch, settlements: &[Settlement]) -> Vec<Settlement> {
    let refunded = || settlements.iter().filter(|own| own.fate == Fate::Refunded).map(|own| own.stretch);
    let mut fates: Vec<Settlement> = Vec::new();
    for own in settlements.iter().filter(|own| own.fate != Fate::Refunded) {
        if let Some(part) = own.stretch.within(bounds) {
            fates.extend(part.without(refunded()).into_iter().map(|stretch| Settlement { stretch, ..*own }));
        }
    }
    fates.sort_by_key(|own| (own.fate.undone(), -own.entry, -own.stretch.start));
    fates
}

/// What an entry repaid, in order: what a lot gave right after it had gained something. Switching to `repay` lets every
/// lot pay.
pub fn repayments(entry: &Entry) -> Vec<Movement> {
    let mut paid = Vec::new();
    let mut before: Option<&Movement> = None;
    for moved in &entry.movements {
        let gained = before.is_some_and(|own| own.lot == moved.lot && own.amount.is_positive());
        if moved.amount.is_negative() && (gained || entry.operation == Operation::Configure) {
            paid.push(Movement { lot: moved.lot, amount: -moved.amount });
        }
        before = Some(moved);
    }
    paid
}

impl Book {
    /// What the entry that comes next draws past zero; where it lies on the line, if it is anything.
    pub(crate) fn draw_debt(&mut self, amount: Amount, lasting: bool) -> Option<Stretch> {
        if !amount.is_positive() {
            return None;
        }
        self.account.balances.debt += amount;
        self.account.extras.debts = true;
        Some(self.debts.draw(amount, lasting))
    }

    /// Takes settled stretches off what is owed.
    pub(crate) fn settle_debt(&mut self, stretches: &[Stretch], fate: Fate) {
        let entry = self.account.entry + 1;
        for stretch in stretches {
            self.account.balances.debt -= stretch.length();
            self.settlements.push(Settlement { stretch: *stretch, fate, entry });
        }
    }

    /// Where the account repays its debt: what has just reached this lot pays it first, if any purpose may draw on it.
    pub(crate) fn repay_from(&mut self, index: usize) {
        // On a closed account nothing is spent any more but on what is owed.
        if self.account.settings.debt_policy == DebtPolicy::Repay || self.account.is_closed() {
            self.pay_debt_from(index);
        }
    }

    pub(crate) fn pay_debt_from(&mut self, index: usize) {
        let lot = &self.lots[index];
        let (number, paid) = (lot.lot, lot.remaining.min(self.account.balances.debt));
        if paid.is_positive() && !lot.is_restricted() {
            self.move_lot(index, -paid);
            let stretches = self.debts.settle(paid);
            self.settle_debt(&stretches, Fate::Repaid(number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credits(n: i64) -> Amount {
        Amount::from_credits(n)
    }

    fn stretch(start: i64, end: i64) -> Stretch {
        Stretch { start: credits(start), end: credits(end) }
    }

    fn settled(start: i64, end: i64, fate: Fate, entry: i64) -> Settlement {
        Settlement { stretch: stretch(start, end), fate, entry }
    }

    #[test]
    fn the_oldest_is_settled_first_and_a_reset_leaves_what_lasts() {
        let mut debts = Debts::default();
        assert_eq!(debts.draw(credits(10), false), stretch(0, 10));
        assert_eq!(debts.draw(credits(5), false), stretch(10, 15));
        assert_eq!(debts.draw(credits(7), true), stretch(15, 22));
        assert_eq!(debts.open.len(), 2);
        assert_eq!(debts.settle(credits(3)), [stretch(0, 3)]);
        assert_eq!((debts.total(), debts.passing()), (credits(19), credits(12)));
        assert_eq!(debts.settle_passing(), [stretch(3, 15)]);
        assert_eq!(debts.total(), credits(7));
        assert_eq!(debts.settle(credits(100)), [stretch(15, 22)]);
        assert_eq!((debts.total(), debts.drawn), (credits(0), credits(22)));
    }

    #[test]
    fn what_is_undone_leaves_a_gap_in_what_is_open() {
        let mut debts = Debts::default();
        debts.draw(credits(30), false);
        assert_eq!(debts.settle_within(stretch(10, 20), credits(4)), [stretch(16, 20)]);
        assert_eq!(debts.settle_within(stretch(10, 20), credits(100)), [stretch(10, 16)]);
        assert_eq!(debts.settle_within(stretch(10, 20), credits(1)), []);
        assert_eq!(debts.settle(credits(15)), [stretch(0, 10), stretch(20, 25)]);
        assert_eq!(debts.total(), credits(5));
    }

    #[test]
    fn a_refund_undoes_the_latest_repayment_then_what_was_invoiced_then_what_was_forgiven() {
        let all = [
            settled(0, 10, Fate::Forgiven, 4),
            settled(10, 14, Fate::Repaid(1), 5),
            settled(14, 20, Fate::Repaid(2), 6),
            settled(20, 30, Fate::Invoiced, 7),
            settled(12, 13, Fate::Refunded, 8),
        ];
        let undone: Vec<_> = fates(stretch(5, 25), &all).iter().map(|own| (own.fate, own.stretch)).collect();
        assert_eq!(
            undone,
            [
                (Fate::Repaid(2), stretch(14, 20)),
                (Fate::Repaid(1), stretch(13, 14)),
                (Fate::Repaid(1), stretch(10, 12)),
                (Fate::Invoiced, stretch(20, 25)),
                (Fate::Forgiven, stretch(5, 10)),
            ]
        );
    }
}
