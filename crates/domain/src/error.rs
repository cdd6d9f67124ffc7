//! The errors of the contract: one SQLSTATE per kind of failure, class LC.

use crate::amount::Amount;
use crate::time::Timestamp;
use std::fmt;

/// What kind of failure it was; each has its own SQLSTATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InsufficientCredits,
    UnknownAccount,
    IdempotencyKeyReused,
    InvalidAmount,
    InvalidArgument,
    NotFound,
    AlreadyClosed,
    PurchaseNotAllowed,
    DuplicatePayment,
    FeatureDisabled,
    AccountFrozen,
    BudgetExceeded,
    AppendOnly,
    UnknownFeature,
    ExceedsOriginal,
}

/// (code, SQLSTATE, name, meaning, what to do), as `credits_errors()` lists them.
const CODES: [(Code, &str, &str, &str, &str); 15] = [
    (
        Code::InsufficientCredits,
        "LC001",
        "insufficient_credits",
        "The account has less to spend than the call needs.",
        "Grant credits, wait for the next cycle (resets_at), or call with on_insufficient => 'partial' or 'refuse'.",
    ),
    (
        Code::UnknownAccount,
        "LC002",
        "unknown_account",
        "No account of this name was opened.",
        "Open it with credits_open_account, or grant credits to it.",
    ),
    (
        Code::IdempotencyKeyReused,
        "LC003",
        "idempotency_key_reused",
        "The idempotency key was used on this account for another request.",
        "Repeat a call with exactly the same arguments, or take a new key for a new request.",
    ),
    (
        Code::InvalidAmount,
        "LC004",
        "invalid_amount",
        "The amount is not a number above zero and below 10^14 with at most 6 decimals.",
        "Pass a decimal number in range with at most 6 decimals: the ledger never rounds silently.",
    ),
    (
        Code::InvalidArgument,
        "LC005",
        "invalid_argument",
        "An argument is missing or cannot be.",
        "See the function's comment (\\df+) for what its arguments may be.",
    ),
    (
        Code::NotFound,
        "LC006",
        "not_found",
        "The hold, debit, grant, entry, recharge, plan or pack named does not exist.",
        "Check the name or key; keys are compared bytewise.",
    ),
    (
        Code::AlreadyClosed,
        "LC007",
        "already_closed",
        "The hold, recharge, debit or grant was settled before.",
        "Nothing is left to do; read its state in the views.",
    ),
    (
        Code::PurchaseNotAllowed,
        "LC008",
        "purchase_not_allowed",
        "No plan of the account allows purchases, or the price is under the pack's minimum.",
        "Change the plan, or pay the pack's minimum price.",
    ),
    (
        Code::DuplicatePayment,
        "LC009",
        "duplicate_payment",
        "This payment was credited to the account before, under another key.",
        "The customer has the credits already: do not grant them again.",
    ),
    (
        Code::FeatureDisabled,
        "LC010",
        "feature_disabled",
        "The feature is switched off for this account.",
        "Switch it on with credits_set_feature.",
    ),
    (
        Code::AccountFrozen,
        "LC011",
        "account_frozen",
        "The account is frozen or closed.",
        "A frozen account is opened again by credits_unfreeze_account; a closed one stays closed.",
    ),
    (
        Code::BudgetExceeded,
        "LC012",
        "budget_exceeded",
        "A budget of the account would be exceeded.",
        "Raise the budget with credits_set_budget, or wait for its next period.",
    ),
    (
        Code::AppendOnly,
        "LC013",
        "append_only",
        "Rows of the ledger are never changed or removed.",
        "Correct a mistake by a new entry; erase personal data with credits_redact.",
    ),
    (
        Code::UnknownFeature,
        "LC014",
        "unknown_feature",
        "No rate is defined for the feature.",
        "Define one with credits_define_rate.",
    ),
    (
        Code::ExceedsOriginal,
        "LC015",
        "exceeds_original",
        "The refund or void is above what is left of the original.",
        "Leave out the amount to take all that is left.",
    ),
];

impl Code {
    /// All codes, in the order of their SQLSTATEs.
    pub fn all() -> impl Iterator<Item = Code> {
        CODES.iter().map(|row| row.0)
    }

    fn row(self) -> &'static (Code, &'static str, &'static str, &'static str, &'static str) {
        &CODES[self as usize]
    }

    /// The five-character SQLSTATE.
    pub fn sqlstate(self) -> &'static str {
        self.row().1
    }

    /// The name that the contract gives it, such as `insufficient_credits`.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// One sentence for people.
    pub fn meaning(self) -> &'static str {
        self.row().3
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        self.row().4
    }
}

/// A refused request: nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: Code,
    /// One sentence.
    pub message: String,
    /// Figures as `name=value` pairs.
    pub detail: Option<String>,
    /// What to do; where unset, the code's own hint is shown.
    pub hint: Option<String>,
    /// Credits that are missing, of LC001.
    pub shortfall: Option<Amount>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, hint: None, shortfall: None }
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// LC005: this argument cannot have this value.
    pub fn argument(argument: &str, value: impl fmt::Display, message: impl Into<String>) -> Self {
        Self::invalid(message).detail(format!("argument={argument} value={}", shortened(&value.to_string())))
    }

    /// LC005: an argument cannot be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// LC005: nothing can be made to count from an instant on that is over.
    pub fn in_the_past(effective_at: Timestamp, now: Timestamp) -> Self {
        Self::invalid("effective_at must not be in the past: what happened does not change afterwards")
            .detail(format!("effective_at={effective_at} now={now}"))
    }

    /// LC004: the amount cannot be.
    pub fn amount(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidAmount, message)
    }
}

/// Enough of a value to recognize it.
pub fn shortened(value: &str) -> String {
    const LONGEST: usize = 80;
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.into(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.sqlstate(), self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_stands_at_its_own_place() {
        for (i, code) in Code::all().enumerate() {
            assert_eq!(code as usize, i);
            assert_eq!(code.sqlstate(), format!("LC{:03}", i + 1));
        }
    }
}
