//! Names and keys: account, idempotency_key, feature, actor, resource, payment_ref, plan, pack.

use crate::error::{Error, Result};

/// Longest name or key, in bytes.
pub const LONGEST: usize = 255;

/// LC005 unless it is 1 to 255 bytes without control characters. Nothing is trimmed, and case matters.
pub fn check(argument: &str, name: &str) -> Result<()> {
    if name.is_empty() || name.len() > LONGEST {
        return Err(Error::invalid(format!("{argument} must be 1 to {LONGEST} bytes long"))
            .detail(format!("{argument}_bytes={}", name.len())));
    }
    // C0, DEL and C1.
    if name.chars().any(char::is_control) {
        return Err(Error::argument(
            argument,
            name.escape_debug(),
            format!("{argument} must not contain control characters"),
        ));
    }
    Ok(())
}

/// LC005 unless it is three capital letters.
pub fn check_currency(currency: &str) -> Result<()> {
    if currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(Error::argument("currency", currency, "currency must be three capital letters, such as EUR"))
    }
}

/// Sorted and without duplicates, as a set is compared. LC005 where it is empty or one of them is no name.
pub fn check_features(mut features: Vec<String>) -> Result<Vec<String>> {
    if features.is_empty() {
        return Err(Error::argument("features", "{}", "features must name at least one feature")
            .hint("Leave it out for credits of use everywhere."));
    }
    for feature in &features {
        check("features", feature)?;
    }
    features.sort();
    features.dedup();
    Ok(features)
}
