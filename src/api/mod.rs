//! The SQL-facing functions, one verb a file: check the arguments' form, then lock, settle, decide and write through
//! the store, then answer.

mod access;
mod answer;
mod arguments;
mod auto_recharge;
mod balance;
mod balance_at;
mod capture;
mod change_plan;
mod charge;
mod check_purchase;
mod claim_events;
mod close_account;
mod configure_account;
mod debit;
mod debit_many;
mod define_pack;
mod define_plan;
mod define_rate;
mod errors;
mod explain_debit;
mod extend_hold;
mod forecast;
mod freeze_account;
mod grant;
mod grant_many;
mod hold;
mod include;
mod maintain;
mod open_account;
mod purchase;
mod quote;
mod recharges;
mod redact;
mod refund;
mod release;
mod reset_cycle;
mod revenue;
mod set_alert;
mod set_budget;
mod set_feature;
mod set_seats;
mod settled;
mod statement;
mod subscribe;
mod unsubscribe;
mod usage_csv;
mod verify;
mod void_grant;

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
    forecast::SIGNATURE,
    redact::SIGNATURE,
    debit_many::SIGNATURE,
    grant_many::SIGNATURE,
    hold::SIGNATURE,
    capture::SIGNATURE,
    release::SIGNATURE,
    extend_hold::SIGNATURE,
    refund::SIGNATURE,
    void_grant::SIGNATURE,
    define_plan::SIGNATURE,
    include::SIGNATURE,
    subscribe::SIGNATURE,
    change_plan::SIGNATURE,
    set_seats::SIGNATURE,
    unsubscribe::SIGNATURE,
    define_rate::SIGNATURE,
    charge::SIGNATURE,
    quote::SIGNATURE,
    set_feature::SIGNATURE,
    set_budget::SIGNATURE,
    define_pack::SIGNATURE,
    check_purchase::SIGNATURE,
    purchase::SIGNATURE,
    auto_recharge::SIGNATURE,
    auto_recharge::RESUME,
    recharges::CLAIM,
    recharges::COMPLETE,
    recharges::FAIL,
    set_alert::SIGNATURE,
    claim_events::SIGNATURE,
    claim_events::ACK,
    statement::SIGNATURE,
    usage_csv::SIGNATURE,
    revenue::SIGNATURE,
    access::ALLOW,
    access::DISALLOW,
    verify::SIGNATURE,
    errors::SIGNATURE,
    settled::SIGNATURE,
    settled::BUDGET_PERIOD,
    settled::SETTLED_ACCOUNT,
    settled::SETTLED_LOTS,
    settled::SIGNATURES_LIST,
];
