//! The hash chain: each entry's hash covers the previous one's and everything that the entry says, so that a later
//! edit of any entry shows.

use crate::amount::Amount;
use crate::book::ClosedCycle;
use crate::entry::{Dimensions, Entry};
use crate::lot::{Expiry, Lot};
use crate::time::Interval;
use sha2::{Digest, Sha256};

/// Writes values so that different values never give the same bytes: texts carry their length, absence its own mark.
#[derive(Default)]
pub struct Encoder(Vec<u8>);

const ABSENT: u32 = u32::MAX;

impl Encoder {
    pub fn new() -> Self {
        Self(Vec::with_capacity(512))
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub fn opt_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.absent(),
        }
    }

    pub fn integer(&mut self, n: i64) -> &mut Self {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }

    pub fn opt_integer(&mut self, n: Option<i64>) -> &mut Self {
        match n {
            Some(n) => self.bytes(&n.to_le_bytes()),
            None => self.absent(),
        }
    }

    pub fn amount(&mut self, amount: Amount) -> &mut Self {
        self.0.extend_from_slice(&amount.micros().to_le_bytes());
        self
    }

    pub fn interval(&mut self, interval: Interval) -> &mut Self {
        let Interval { months, days, micros } = interval;
        self.integer(months.into()).integer(days.into()).integer(micros)
    }

    pub fn opt_amount(&mut self, amount: Option<Amount>) -> &mut Self {
        match amount {
            Some(amount) => self.bytes(&amount.micros().to_le_bytes()),
            None => self.absent(),
        }
    }

    fn absent(&mut self) -> &mut Self {
        self.0.extend_from_slice(&ABSENT.to_le_bytes());
        self
    }

    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// The first 64 bits of the SHA-256: enough to tell two requests apart that share a key by accident.
    pub fn digest64(&self) -> i64 {
        let hash = self.sha256();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        i64::from_le_bytes(first)
    }
}

/// The digest that stays when actor, resource and metadata are erased. The salt is erased with them, so that nobody can
/// find them again by trying names.
pub fn personal_digest(dimensions: &Dimensions) -> [u8; 32] {
    let mut encoder = Encoder::new();
    encoder
        .bytes(&dimensions.salt.unwrap_or_default())
        .opt_text(dimensions.actor.as_deref())
        .opt_text(dimensions.resource.as_deref())
        .opt_text(dimensions.metadata.as_deref());
    encoder.sha256()
}

/// JSON in one spelling, whatever order of keys and white space it came in: jsonb keeps neither. What is no JSON
/// stays as it is.
fn canonical(json: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(value) => value.to_string(),
        Err(_) => json.to_string(),
    }
}

/// The entry's hash. `lots` are those that it made.
pub fn hash<'l>(previous: &[u8; 32], account: &str, entry: &Entry, lots: impl Iterator<Item = &'l Lot>) -> [u8; 32] {
    let mut e = Encoder::new();
    e.bytes(previous).text(account).integer(entry.entry);
    e.text(entry.operation.name()).opt_text(entry.kind.map(|kind| kind.name()));
    e.opt_text(entry.key.as_ref().map(|key| key.key.as_str()));
    e.opt_integer(entry.key.as_ref().map(|key| key.request));
    e.integer(entry.recorded_at.0).integer(entry.effective_at.0).integer(i64::from(entry.clock_was_set));
    e.text(&entry.recorded_by).integer(i64::from(entry.cycle));
    e.amount(entry.amount);
    e.amount(entry.allowance_change).amount(entry.credits_change).amount(entry.debt_change);
    e.amount(entry.after.allowance).amount(entry.after.credits).amount(entry.after.held);
    e.amount(entry.after.debt).amount(entry.after.reserved).amount(entry.used);
    e.amount(entry.held_allowance_change).amount(entry.held_credits_change);
    e.integer(entry.movements.len() as i64);
    for movement in &entry.movements {
        e.integer(i64::from(movement.lot)).amount(movement.amount);
    }
    e.opt_amount(entry.quantity).opt_amount(entry.included);
    e.opt_text(entry.dimensions.feature.as_deref()).opt_integer(entry.refers_to).opt_text(entry.reason.as_deref());
    e.opt_text(entry.detail.as_deref().map(canonical).as_deref());
    match &entry.redacted {
        Some(digest) => e.bytes(digest),
        None if entry.dimensions.is_personal() => e.bytes(&personal_digest(&entry.dimensions)),
        None => e.absent(),
    };
    for lot in lots {
        e.integer(i64::from(lot.lot)).text(lot.kind.name()).amount(lot.amount).integer(i64::from(lot.priority));
        e.integer(lot.features.len() as i64);
        for feature in &lot.features {
            e.text(feature);
        }
        e.opt_integer(match lot.expiry {
            Expiry::At(at) => Some(at.0),
            _ => None,
        });
        e.opt_integer(lot.expires_after_cycles.map(i64::from));
        e.integer(lot.effective_at.0);
        e.opt_amount(lot.price.as_ref().map(|price| price.amount));
        e.opt_text(lot.price.as_ref().map(|price| price.currency.as_str()));
        e.opt_text(lot.payment_ref.as_deref()).opt_text(lot.plan.as_deref());
    }
    e.sha256()
}

/// The hash of a closed cycle's row, tied to the newest entry of the moment at which it was closed.
pub fn cycle_hash(newest: &[u8; 32], account: &str, cycle: &ClosedCycle) -> [u8; 32] {
    let mut e = Encoder::new();
    e.bytes(newest).text(account).integer(cycle.cycle.into()).integer(cycle.entry);
    e.integer(cycle.start.0).integer(cycle.end.0).opt_integer(cycle.foreseen_end.map(|end| end.0));
    e.integer(cycle.closed_at.0).amount(cycle.granted).amount(cycle.used).amount(cycle.rolled_over);
    e.amount(cycle.expired).amount(cycle.debt_forgiven).amount(cycle.debt_invoiced);
    e.sha256()
}
