//! Results of the domain as rows of the contract's types.

use crate::pg::{Output, Result, Value};
use crate::store::Written;
use crate::store::read::AccountBalance;
use credits_domain::book::Book;
use credits_domain::cycle::CycleResult;
use credits_domain::receipt::Receipt;

/// A row of `credits_receipt`.
pub fn receipt_row(receipt: &Receipt) -> Vec<Value> {
    let after = &receipt.after;
    vec![
        receipt.account.as_str().into(),
        receipt.entry.into(),
        receipt.operation.name().into(),
        receipt.key.as_deref().into(),
        receipt.refused.is_none().into(),
        receipt.refused.map(|code| code.sqlstate()).into(),
        receipt.replayed.into(),
        receipt.amount.into(),
        receipt.from_allowance.into(),
        receipt.from_credits.into(),
        receipt.overdraft.into(),
        after.balance().into(),
        after.allowance.into(),
        after.credits.into(),
        after.held.into(),
        after.debt.into(),
        after.available().into(),
        receipt.included.into(),
        receipt.refers_to.into(),
        receipt.recorded_at.into(),
    ]
}

/// The receipt of a write, or that of the earlier call whose key it has.
pub fn receipt(account: &str, written: &Written<Receipt>) -> Output {
    Output::Row(match written {
        Written::Done(receipt, _) => receipt_row(receipt),
        Written::Replayed(entry) => receipt_row(&Receipt { replayed: true, ..Receipt::of(account, entry) }),
    })
}

pub fn receipts(receipts: &[Receipt]) -> Output {
    Output::Rows(receipts.iter().map(receipt_row).collect())
}

/// A row of `credits_account_balance`.
pub fn account_balance(balance: &AccountBalance) -> Output {
    let figures = &balance.balances;
    Output::Row(vec![
        balance.account.as_str().into(),
        balance.status.name().into(),
        figures.balance().into(),
        figures.allowance.into(),
        figures.credits.into(),
        figures.held.into(),
        figures.debt.into(),
        figures.available().into(),
        balance.granted.into(),
        balance.used.into(),
        balance.overdraft_limit.into(),
        balance.cycle.number.into(),
        balance.cycle.start.into(),
        balance.cycle.end.into(),
        balance.entry.into(),
        balance.as_of.into(),
    ])
}

/// The account as a write left it. Configuration has no key: it is never a replay.
pub fn written_balance<T>(written: Written<T>) -> Result<Output> {
    match written {
        Written::Done(_, book) => Ok(book_balance(&book)),
        Written::Replayed(_) => Ok(Output::Null),
    }
}

fn book_balance(book: &Book) -> Output {
    account_balance(&AccountBalance::of(&book.account, book.account.entry, book.now()))
}

/// A row of `credits_cycle_result`.
pub fn cycle_result(account: &str, result: &CycleResult, replayed: bool) -> Output {
    Output::Row(vec![
        account.into(),
        result.cycle.into(),
        result.cycle_start.into(),
        result.cycle_end.into(),
        result.cycles_closed.into(),
        result.expired.into(),
        result.rolled_over.into(),
        result.granted.into(),
        result.debt_forgiven.into(),
        result.debt_invoiced.into(),
        result.balance.into(),
        result.allowance.into(),
        result.credits.into(),
        result.available.into(),
        replayed.into(),
    ])
}
