//! The SQL-facing functions, one verb a file: check the arguments' form, then lock, settle, decide and write through
//! the store, then answer.

mod access;
mod answer;
mod arguments;
mod balance;
mod balance_at;
mod close_account;
mod configure_account;
mod debit;
mod debit_many;
mod errors;
mod explain_debit;
mod freeze_account;
mod grant;
mod grant_many;
mod maintain;
mod open_account;
mod redact;
mod reset_cycle;
mod settled;
mod verify;

use crate::pg::Signature;

/// Every function that sql/functions.sql declares; a test compares the two.
pub const SIGNATURES: &[Signature] = &[
    open_account::SIGNATURE,
    configure_account::SIGNATURE,
    freeze_account::SIGNATURE,
    freeze_account::UNFREEZE,
    close_account::SIGNATURE,
    grant::SIGNATURE,
    debit::SIGNATURE,
    balance::SIGNATURE,
    balance_at::SIGNATURE,
    reset_cycle::SIGNATURE,
    maintain::SIGNATURE,
    explain_debit::SIGNATURE,
    redact::SIGNATURE,
    debit_many::SIGNATURE,
    grant_many::SIGNATURE,
    access::ALLOW,
    access::DISALLOW,
    verify::SIGNATURE,
    errors::SIGNATURE,
    settled::SIGNATURE,
    settled::SETTLED_ACCOUNT,
    settled::SETTLED_LOTS,
    settled::SIGNATURES_LIST,
];
