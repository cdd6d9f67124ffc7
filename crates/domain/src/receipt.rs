//! Receipts: what an operation did and how the account stood afterwards.

use crate::account::Balances;
use crate::amount::Amount;
use crate::book::Book;
use crate::entry::{Entry, Operation};
use crate::error::Code;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub account: String,
    /// `None` where nothing was recorded.
    pub entry: Option<i64>,
    pub operation: Operation,
    pub key: Option<String>,
    pub refused: Option<Code>,
    /// It is an earlier call's.
    pub replayed: bool,
    pub amount: Amount,
    pub from_allowance: Amount,
    pub from_credits: Amount,
    /// Change of the debt: positive drawn, negative repaid.
    pub overdraft: Amount,
    pub after: Balances,
    /// Units that included units covered.
    pub included: Amount,
    pub refers_to: Option<i64>,
    pub recorded_at: Timestamp,
}

impl Receipt {
    pub fn of(account: &str, entry: &Entry) -> Receipt {
        Receipt {
            account: account.into(),
            entry: Some(entry.entry),
            operation: entry.operation,
            key: entry.key.as_ref().map(|key| key.key.clone()),
            refused: None,
            replayed: false,
            amount: entry.amount,
            from_allowance: entry.from_allowance(),
            from_credits: entry.from_credits(),
            overdraft: entry.debt_change,
            after: entry.after,
            included: entry.included.unwrap_or_default(),
            refers_to: entry.refers_to,
            recorded_at: entry.recorded_at,
        }
    }

    /// Of the entry just recorded.
    pub(crate) fn of_newest(book: &Book) -> Receipt {
        match book.entries.last() {
            Some(entry) => Receipt::of(&book.account.account, entry),
            None => Receipt::nothing(book, Operation::Open),
        }
    }

    /// Nothing was recorded.
    pub fn nothing(book: &Book, operation: Operation) -> Receipt {
        Receipt {
            account: book.account.account.clone(),
            entry: None,
            operation,
            key: None,
            refused: None,
            replayed: false,
            amount: Amount::ZERO,
            from_allowance: Amount::ZERO,
            from_credits: Amount::ZERO,
            overdraft: Amount::ZERO,
            after: book.account.balances,
            included: Amount::ZERO,
            refers_to: None,
            recorded_at: book.now(),
        }
    }

    /// Refused for want of an account: all figures are zero.
    pub fn unknown_account(account: &str, operation: Operation, key: &str, now: Timestamp) -> Receipt {
        Receipt {
            account: account.into(),
            entry: None,
            operation,
            key: Some(key.into()),
            refused: Some(Code::UnknownAccount),
            replayed: false,
            amount: Amount::ZERO,
            from_allowance: Amount::ZERO,
            from_credits: Amount::ZERO,
            overdraft: Amount::ZERO,
            after: Balances::default(),
            included: Amount::ZERO,
            refers_to: None,
            recorded_at: now,
        }
    }

    /// Refused and not recorded, so that the key can be tried again.
    pub fn refused(book: &Book, operation: Operation, key: &str, code: Code) -> Receipt {
        Receipt { key: Some(key.into()), refused: Some(code), ..Receipt::nothing(book, operation) }
    }
}
