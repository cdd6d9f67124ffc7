//! The rules of the ledger, pure: no Postgres, no SQL, no clock.
//!
//! | module | what it settles |
//! |---|---|
//! | [`amount`], [`time`] | exact amounts; instants, intervals, time zones |
//! | [`account`], [`lot`], [`entry`] | what the ledger keeps |
//! | [`book`] | one account with its lots, on which operations work |
//! | [`settle`], [`cycle`], [`calendar`] | time acting by itself; billing cycles |
//! | [`plan`], [`rate`], [`budget`] | plans and what an account holds of them; what units cost; limits of use |
//! | [`pack`], [`recharge`] | credits that are sold, and buying them; asking for money in time |
//! | [`debt`] | what was drawn past zero, and what became of it |
//! | [`forecast`], [`alert`] | when an account runs out, and whom it tells |
//! | [`grant`], [`debit`], [`hold`], [`refund`], [`void`], [`subscribe`], [`lifecycle`], [`limits`] | the operations |
//! | [`receipt`] | what an operation answers |
//! | [`period`], [`timeline`], [`statement`], [`usage_csv`], [`revenue`] | what accounts, their customers and finance are told |
//! | [`event`] | what applications are told of |
//! | [`chain`], [`audit`] | the hash chain; whether the ledger adds up |
//! | [`name`], [`error`] | what names and keys may be; the LC codes |

pub mod account;
pub mod alert;
pub mod amount;
pub mod audit;
pub mod book;
pub mod budget;
pub mod calendar;
pub mod chain;
pub mod cycle;
pub mod debit;
pub mod debt;
mod detail;
pub mod entry;
pub mod error;
pub mod event;
pub mod forecast;
pub mod grant;
pub mod hold;
pub mod lifecycle;
pub mod limits;
pub mod lot;
pub mod name;
pub mod pack;
pub mod period;
pub mod plan;
pub mod rate;
pub mod receipt;
pub mod recharge;
pub mod refund;
pub mod revenue;
pub mod settle;
pub mod statement;
pub mod subscribe;
pub mod time;
pub mod timeline;
pub mod usage_csv;
pub mod void;
#[cfg(any(test, feature = "tz"))]
pub mod zone_tz;
