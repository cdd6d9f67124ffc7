//! Voids: what a grant gave is taken back; with a claw-back, also what was spent of it.

use crate::account::DebtPolicy;
use crate::amount::Amount;
use crate::book::{Book, Draft, Outcome};
use crate::chain::Encoder;
use crate::debt::Stretch;
use crate::detail::kept_as_json;
use crate::entry::{Key, Operation};
use crate::error::{Code, Error};
use crate::lot::{Bucket, Lot, LotStatus};
use crate::receipt::Receipt;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What `credits_void_grant` asks for.
#[derive(Clone, Debug)]
pub struct Void {
    pub grant_key: String,
    pub key: Key,
    /// `None`: all that remains, and whatever returns later.
    pub amount: Option<Amount>,
    /// What was spent of it is taken from the account's other credits.
    pub claw_back: bool,
    pub reason: Option<String>,
}

impl Void {
    pub fn new(grant_key: &str, key: &str, amount: Option<Amount>, claw_back: bool, reason: Option<String>) -> Void {
        let mut e = Encoder::new();
        e.text(Operation::Void.name()).text(grant_key).opt_amount(amount).integer(claw_back.into());
        Void {
            grant_key: grant_key.into(),
            key: Key { key: key.into(), request: e.digest64() },
            amount,
            claw_back,
            reason,
        }
    }
}

/// How much of what was spent of a lot an entry took back from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClawBack {
    pub lot: i32,
    /// The `claw_back`.
    pub entry: i64,
    pub amount: Amount,
    /// What refunds have undone of it.
    pub returned: Amount,
    /// Differs from what is stored.
    pub changed: bool,
}

impl ClawBack {
    /// What refunds have not undone.
    pub fn left(&self) -> Amount {
        self.amount - self.returned
    }
}

/// What an entry did to a lot that it voided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidedLot {
    pub lot: i32,
    /// Of what remained in it, or was to come.
    pub voided: Amount,
    /// Of what was spent of it.
    pub clawed_back: Amount,
    /// Whether what returns to it is void, too.
    pub revoked: bool,
    pub status: LotStatus,
}

/// What the entry of a void keeps, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidDetail {
    pub lots: Vec<VoidedLot>,
    /// Where on the account's line of debt that lies which a claw-back drew past zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debt_from: Option<Amount>,
}

kept_as_json!(VoidDetail, "the detail of a void");

/// LC006.
pub fn unknown_grant(grant_key: &str) -> Error {
    Error::new(Code::NotFound, format!("no grant was made with key {grant_key:?}"))
        .detail(format!("grant_key={grant_key}"))
        .hint("grant_key is the idempotency_key of a grant, purchase, subscribe, change_plan or set_seats, or a payment_ref.")
}

impl Book {
    /// Takes back what the entry `granted` gave. Time must be settled, and the book must know the lots that it made,
    /// also those that are closed.
    pub fn void(&mut self, void: &Void, granted: i64) -> Outcome<Receipt> {
        self.need_all()?;
        let made = |lot: &&Lot| lot.entry == granted;
        let mut numbers: Vec<i32> = self.all_lots().filter(made).map(|lot| lot.lot).collect();
        numbers.sort_unstable();
        let lots: Vec<Lot> = self.all_lots().filter(made).cloned().collect();
        let left: Amount = lots.iter().map(|lot| lot.unspent() + spent(lot, void.claw_back)).sum();
        // What is held is void once it returns, and that is something, too.
        let held = lots.iter().any(|lot| lot.held.is_positive() && !lot.revoked);
        if left.is_zero() && !held {
            return Err(Error::new(Code::AlreadyClosed, format!("nothing is left of grant {:?}", void.grant_key))
                .detail(format!("entry={granted}"))
                .into());
        }
        let wanted = void.amount.unwrap_or(left);
        if wanted > left {
            return Err(Error::new(Code::ExceedsOriginal, format!("grant {:?} has less left to void", void.grant_key))
                .detail(format!("left={left} amount={wanted} entry={granted}"))
                .into());
        }
        let mut parts: Vec<VoidedLot> = Vec::with_capacity(numbers.len());
        let mut to_take = wanted;
        for number in numbers {
            let Some(index) = self.reopen(number) else { continue };
            let voided = self.lots[index].unspent().min(to_take);
            to_take -= voided;
            self.lots[index].gone += voided;
            self.lots[index].changed = true;
            if self.lots[index].status != LotStatus::Scheduled && voided.is_positive() {
                self.move_lot(index, -voided);
            }
            let lot = &self.lots[index];
            parts.push(VoidedLot {
                lot: number,
                voided,
                clawed_back: Amount::ZERO,
                revoked: lot.revoked,
                status: lot.status,
            });
        }
        for part in &mut parts {
            let Some(lot) = self.lots.iter_mut().find(|lot| lot.lot == part.lot) else { continue };
            part.clawed_back = spent(lot, void.claw_back).min(to_take);
            to_take -= part.clawed_back;
            lot.gone += part.clawed_back;
            let emptied = match lot.status {
                LotStatus::Scheduled => lot.gone == lot.amount,
                _ => lot.remaining.is_zero() && lot.held.is_zero() && (part.voided + part.clawed_back).is_positive(),
            };
            lot.revoked |= void.amount.is_none();
            // One that has expired stays expired.
            if (void.amount.is_none() || emptied) && lot.status != LotStatus::Expired {
                lot.status = LotStatus::Voided;
            }
            (part.revoked, part.status) = (lot.revoked, lot.status);
        }
        let debt = self.claw_back(&parts)?;
        let operation = if void.claw_back { Operation::ClawBack } else { Operation::Void };
        let mut draft = Draft::new(operation, wanted).key(Some(void.key.clone()));
        draft.kind = lots.first().map(|lot| lot.kind);
        (draft.refers_to, draft.reason) = (Some(granted), void.reason.clone());
        draft.detail = Some(VoidDetail { lots: parts, debt_from: debt.map(|debt| debt.start) }.to_json()?);
        self.record(draft);
        self.retire();
        // A lot that changed its status stands elsewhere in the burn order.
        self.lots.sort_by_key(Lot::burn_key);
        Ok(Receipt::of_newest(self))
    }

    /// What was spent of lots is taken from other credits that are for every purpose, in burn order; what they lack becomes
    /// debt that no reset writes off.
    fn claw_back(&mut self, parts: &[VoidedLot]) -> Outcome<Option<Stretch>> {
        let mut left: Amount = parts.iter().map(|part| part.clawed_back).sum();
        if left.is_zero() {
            return Ok(None);
        }
        let entry = self.account.entry + 1;
        for part in parts.iter().filter(|part| part.clawed_back.is_positive()) {
            self.claw_backs.push(ClawBack {
                lot: part.lot,
                entry,
                amount: part.clawed_back,
                returned: Amount::ZERO,
                changed: true,
            });
        }
        // Where lots pay debt, allowance would pay what is left of it at once.
        let buckets = match self.account.settings.debt_policy {
            DebtPolicy::Repay => &[Bucket::Credits, Bucket::Allowance][..],
            DebtPolicy::ForgiveAtReset | DebtPolicy::InvoiceAtReset => &[Bucket::Credits],
        };
        for bucket in buckets {
            for index in 0..self.lots.len() {
                let lot = &self.lots[index];
                let own = parts.iter().any(|part| part.lot == lot.lot);
                let taken = lot.remaining.min(left);
                if lot.kind.bucket() == *bucket
                    && lot.usable_for(None)
                    && !lot.is_restricted()
                    && !own
                    && taken.is_positive()
                {
                    self.move_lot(index, -taken);
                    left -= taken;
                }
            }
        }
        (self.account.balances.debt + left).checked("debt")?;
        Ok(self.draw_debt(left, true))
    }

    /// What returned to a lot that was voided for good is void.
    pub(crate) fn void_returned(&mut self, index: usize, instant: Timestamp) {
        let lot = &mut self.lots[index];
        let (kind, remaining, made_by) = (lot.kind, lot.remaining, lot.entry);
        lot.gone += remaining;
        self.move_lot(index, -remaining);
        let mut draft = Draft::new(Operation::Void, remaining).kind(kind).at(instant);
        draft.refers_to = Some(made_by);
        self.record(draft);
    }
}

fn spent(lot: &Lot, claw_back: bool) -> Amount {
    if claw_back { lot.spent() } else { Amount::ZERO }
}

/// Whether an entry gives lots that can be voided.
pub fn grants(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Grant
            | Operation::Schedule
            | Operation::Purchase
            | Operation::Recharge
            | Operation::Subscribe
            | Operation::ChangePlan
            | Operation::SetSeats
    )
}
