//! Account statements: what there was, what moved, what is left.

use crate::account::Balances;
use crate::amount::Amount;
use crate::entry::{Entry, Operation};
use crate::error::{Error, Result};
use crate::lot::LotKind;
use std::collections::BTreeMap;

/// What a line of movements is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    pub operation: Operation,
    pub kind: Option<LotKind>,
    pub feature: Option<String>,
}

/// What a number of entries did, in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movements {
    /// The number of the first one.
    pub first: i64,
    pub operations: i64,
    /// Units, where any were counted.
    pub quantity: Option<Amount>,
    /// Changes of the figures.
    pub allowance: Amount,
    pub credits: Amount,
    pub held: Amount,
    pub debt: Amount,
}

impl Movements {
    pub fn of(entry: &Entry) -> Movements {
        Movements {
            first: entry.entry,
            operations: 1,
            quantity: entry.quantity,
            allowance: entry.allowance_change,
            credits: entry.credits_change,
            held: entry.held_allowance_change + entry.held_credits_change,
            debt: entry.debt_change,
        }
    }

    /// The change of the balance.
    pub fn amount(&self) -> Amount {
        self.allowance + self.credits + self.held - self.debt
    }

    fn moved(&self) -> bool {
        [self.allowance, self.credits, self.held, self.debt].iter().any(|change| !change.is_zero())
    }

    fn add(&mut self, other: &Movements) {
        self.first = self.first.min(other.first);
        self.operations += other.operations;
        if let Some(units) = other.quantity {
            self.quantity = Some(self.quantity.unwrap_or_default() + units);
        }
        self.allowance += other.allowance;
        self.credits += other.credits;
        self.held += other.held;
        self.debt += other.debt;
    }
}

/// How an account stood, and after which entry; 0 before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub entry: i64,
    pub balances: Balances,
}

/// The statement of a period, as it is put together from the oldest entry to the newest.
#[derive(Clone, Debug)]
pub struct Statement {
    pub opening: Standing,
    pub closing: Standing,
    movements: BTreeMap<Subject, Movements>,
}

impl Statement {
    /// Before anything moved.
    pub fn new(opening: Standing) -> Statement {
        Statement { opening, closing: opening, movements: BTreeMap::new() }
    }

    pub fn add(&mut self, subject: Subject, movements: Movements) {
        self.movements.entry(subject).and_modify(|sum| sum.add(&movements)).or_insert(movements);
    }

    /// An entry in the period.
    pub fn add_entry(&mut self, entry: &Entry) {
        let subject =
            Subject { operation: entry.operation, kind: entry.kind, feature: entry.dimensions.feature.clone() };
        self.add(subject, Movements::of(entry));
        self.closing = Standing { entry: entry.entry, balances: entry.after };
    }

    /// The lines of what moved or counts as usage, in the order in which they began; what only keeps a record has none.
    /// An error where opening and movements do not add up to closing.
    pub fn lines(&self) -> Result<Vec<(&Subject, &Movements)>> {
        let (before, after) = (self.opening.balances, self.closing.balances);
        let sum = |figure: fn(&Movements) -> Amount| -> Amount { self.movements.values().map(figure).sum() };
        let figures = [
            ("allowance", before.allowance + sum(|movements| movements.allowance), after.allowance),
            ("credits", before.credits + sum(|movements| movements.credits), after.credits),
            ("held", before.held + sum(|movements| movements.held), after.held),
            ("debt", before.debt + sum(|movements| movements.debt), after.debt),
        ];
        if let Some((figure, found, closing)) = figures.into_iter().find(|(_, found, closing)| found != closing) {
            return Err(Error::invalid(format!("the account's entries do not add up: {figure}"))
                .detail(format!("opening_and_movements={found} closing={closing} entry={}", self.closing.entry))
                .hint("Run credits_verify: somebody changed the tables by hand."));
        }
        let usage = |operation: Operation| operation.is_usage() || operation == Operation::Refund;
        let lines = self.movements.iter().filter(|(subject, movements)| movements.moved() || usage(subject.operation));
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by_key(|(_, movements)| movements.first);
        Ok(lines)
    }
}
