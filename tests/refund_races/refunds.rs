//! Calls that give back and take back, and what is so after every race.

use crate::books::conserved;
use crate::holds;
use credits_ledger_tests::Session;

pub fn refund(account: &str, debit: &str, key: &str, rest: &str) -> String {
    format!("SELECT * FROM credits_refund('{account}', '{debit}', '{key}'{rest})")
}

pub fn void(account: &str, grant: &str, key: &str, rest: &str) -> String {
    format!("SELECT * FROM credits_void_grant('{account}', '{grant}', '{key}'{rest})")
}

pub const CLAW_BACK: &str = ", claw_back => true";

/// Once what time did is recorded, the ledger is sound and nothing is lost or invented.
pub fn settled(s: &mut Session) {
    holds::settled(s);
    conserved(s);
}
