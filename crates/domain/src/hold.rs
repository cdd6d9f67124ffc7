//! Holds: credits set aside for work whose cost is known only after it is done.

use crate::amount::Amount;
use crate::book::{Book, Draft, Outcome};
use crate::chain::Encoder;
use crate::debit::OnInsufficient;
use crate::detail::kept_as_json;
use crate::entry::{Dimensions, Key, Movement, Operation};
use crate::error::{Code, Error, Result};
use crate::rate::{Price, Terms};
use crate::receipt::Receipt;
use crate::time::{Interval, Timestamp, Zone};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldStatus {
    Open,
    /// Settled, in whole or in part.
    Captured,
    Released,
    /// Its time is over. It can still be captured once, from what the lots have by then.
    Lapsed,
}

const STATUSES: [(HoldStatus, &str); 4] = [
    (HoldStatus::Open, "open"),
    (HoldStatus::Captured, "captured"),
    (HoldStatus::Released, "released"),
    (HoldStatus::Lapsed, "lapsed"),
];

impl HoldStatus {
    pub fn name(self) -> &'static str {
        STATUSES[self as usize].1
    }

    pub fn parse(name: &str) -> Option<HoldStatus> {
        STATUSES.iter().find(|(_, n)| *n == name).map(|(status, _)| *status)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The entry that made it.
    pub hold: i64,
    pub status: HoldStatus,
    pub expires_at: Timestamp,
    /// Set aside when it was made, headroom included.
    pub amount: Amount,
    /// So far.
    pub captured: Amount,
    /// Overdraft headroom that is still reserved.
    pub headroom: Amount,
    /// What lots still hold, in the order in which it was taken; all above zero.
    pub parts: Vec<Movement>,
    /// What it held when it lapsed, headroom included.
    pub lapsed: Amount,
    pub feature: Option<String>,
    pub actor: Option<String>,
    /// When and in which cycle it was made.
    pub made_at: Timestamp,
    pub cycle: i32,
    /// Differs from what is stored.
    pub changed: bool,
}

impl Hold {
    pub fn is_open(&self) -> bool {
        self.status == HoldStatus::Open
    }

    /// What lots hold for it.
    pub fn held(&self) -> Amount {
        self.parts.iter().map(|part| part.amount).sum()
    }

    /// What it still sets aside, headroom included.
    pub fn remaining(&self) -> Amount {
        self.held() + self.headroom
    }
}

/// What `credits_hold` asks for.
#[derive(Clone, Debug)]
pub struct NewHold {
    pub amount: Amount,
    pub key: Key,
    pub expires_in: Interval,
    pub on_insufficient: OnInsufficient,
    pub dimensions: Dimensions,
}

/// How much `credits_capture` settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captured {
    /// All that is held.
    All,
    Amount(Amount),
    /// Units of the hold's feature, priced by its rate.
    Quantity(Amount),
}

#[derive(Clone, Debug)]
pub struct Capture {
    pub hold_key: String,
    pub key: Key,
    pub captured: Captured,
    /// What is left is released.
    pub is_final: bool,
    pub on_insufficient: OnInsufficient,
    /// Metadata and salt are the capture's own; feature, actor and resource are the hold's.
    pub dimensions: Dimensions,
}

impl NewHold {
    pub fn new(
        amount: Amount,
        key: &str,
        expires_in: Interval,
        on_insufficient: OnInsufficient,
        dimensions: Dimensions,
    ) -> NewHold {
        let mut e = Encoder::new();
        e.text(Operation::Hold.name()).amount(amount).interval(expires_in).text(on_insufficient.name());
        e.opt_text(dimensions.feature.as_deref());
        e.opt_text(dimensions.actor.as_deref()).opt_text(dimensions.resource.as_deref());
        let key = Key { key: key.into(), request: e.digest64() };
        NewHold { amount, key, expires_in, on_insufficient, dimensions }
    }
}

impl Capture {
    pub fn new(
        hold_key: &str,
        key: &str,
        captured: Captured,
        is_final: bool,
        on_insufficient: OnInsufficient,
        dimensions: Dimensions,
    ) -> Capture {
        let mut e = Encoder::new();
        e.text(Operation::Capture.name()).text(hold_key);
        match captured {
            Captured::All => e.text("all"),
            Captured::Amount(amount) => e.text("amount").amount(amount),
            Captured::Quantity(quantity) => e.text("quantity").amount(quantity),
        };
        e.integer(is_final.into()).text(on_insufficient.name());
        let key = Key { key: key.into(), request: e.digest64() };
        Capture { hold_key: hold_key.into(), key, captured, is_final, on_insufficient, dimensions }
    }
}

/// The key of `credits_release`.
pub fn release_key(hold_key: &str, key: &str) -> Key {
    let mut e = Encoder::new();
    e.text(Operation::Release.name()).text(hold_key);
    Key { key: key.into(), request: e.digest64() }
}

/// The key of `credits_extend_hold`.
pub fn extend_key(hold_key: &str, key: &str, expires_in: Interval) -> Key {
    let mut e = Encoder::new();
    e.text(Operation::Extend.name()).text(hold_key).interval(expires_in);
    Key { key: key.into(), request: e.digest64() }
}

/// LC005 unless a hold can last so long.
pub fn check_expires_in(expires_in: Interval) -> Result<()> {
    if expires_in.is_positive() && expires_in.typical_micros() <= LONGEST.typical_micros() {
        return Ok(());
    }
    Err(Error::argument("expires_in", expires_in, "expires_in must be above zero and at most 31 days"))
}

const LONGEST: Interval = Interval { months: 0, days: 31, micros: 0 };

/// What the entry of a hold keeps, as JSON, beside what moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldDetail {
    pub expires_at: Timestamp,
    /// Overdraft headroom that it reserves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<Amount>,
}

/// What the entry of a capture keeps, as JSON, beside what moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureDetail {
    /// Lot and amount of what was held and is spent now, in the order in which it was taken.
    pub from_hold: Vec<(i32, Amount)>,
    /// Headroom that the hold still reserves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<Amount>,
    /// The hold is closed by it.
    pub closes: bool,
    /// Where on the account's line of debt that lies which it drew past zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debt_from: Option<Amount>,
    /// Of a quantity that a package covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<crate::rate::PackageDetail>,
}

kept_as_json!(HoldDetail, "the detail of a hold");
kept_as_json!(CaptureDetail, "the detail of a capture");

impl Book {
    /// Sets credits aside, in burn order; where an overdraft limit has to cover it, headroom. Time must be settled.
    pub fn hold(&mut self, new: &NewHold, terms: &Terms, zone: &dyn Zone) -> Outcome<Receipt> {
        let done = self.try_hold(new, terms, zone);
        self.refused(done, Operation::Hold, &new.key, new.on_insufficient)
    }

    fn try_hold(&mut self, new: &NewHold, terms: &Terms, zone: &dyn Zone) -> Outcome<Receipt> {
        self.must_be_open()?;
        crate::debit::must_be_enabled(terms, &new.dimensions)?;
        let expires_at = self.hold_end(new.expires_in, zone)?;
        let taking = self.taking(new.amount, new.dimensions.feature.as_deref(), new.on_insufficient, Amount::ZERO)?;
        let amount = taking.taken + taking.overdraft;
        if amount.is_zero() {
            return Err(self.insufficient(new.amount, taking.taken, Amount::ZERO).into());
        }
        self.check_budgets(&new.dimensions, amount, new.on_insufficient)?;
        let parts = self.set_aside(&taking);
        self.account.headroom += taking.overdraft;
        self.account.extras.holds = true;
        self.expect_event(Some(expires_at));
        let headroom = taking.overdraft.is_positive().then_some(taking.overdraft);
        let mut draft = Draft::new(Operation::Hold, amount).key(Some(new.key.clone()));
        draft.dimensions = new.dimensions.clone();
        draft.detail = Some(HoldDetail { expires_at, headroom }.to_json()?);
        self.record(draft);
        self.holds.push(Hold {
            hold: self.account.entry,
            status: HoldStatus::Open,
            expires_at,
            amount,
            captured: Amount::ZERO,
            headroom: taking.overdraft,
            parts,
            lapsed: Amount::ZERO,
            feature: new.dimensions.feature.clone(),
            actor: new.dimensions.actor.clone(),
            made_at: self.now(),
            cycle: self.account.cycle.number,
            changed: true,
        });
        Ok(Receipt::of_newest(self))
    }

    /// Settles a hold: what was set aside first, then the lots. `made_by` are the dimensions of the hold's own entry.
    pub fn capture(&mut self, capture: &Capture, hold: Hold, made_by: &Dimensions, terms: &Terms) -> Outcome<Receipt> {
        let unsettled = hold.clone();
        let done = self.try_capture(capture, hold, made_by, terms);
        if done.is_err() {
            self.holds.push(unsettled);
        }
        self.refused(done, Operation::Capture, &capture.key, capture.on_insufficient)
    }

    fn try_capture(
        &mut self,
        capture: &Capture,
        mut hold: Hold,
        made_by: &Dimensions,
        terms: &Terms,
    ) -> Outcome<Receipt> {
        self.must_not_be_closed()?;
        let lapsed = hold.status == HoldStatus::Lapsed;
        if !hold.is_open() && !lapsed {
            return Err(settled(&hold, &capture.hold_key).into());
        }
        let cycle = self.account.cycle.number;
        let mut price: Option<Price> = None;
        let wanted = match capture.captured {
            Captured::All if lapsed => hold.lapsed,
            Captured::All => hold.remaining(),
            Captured::Amount(amount) => amount,
            Captured::Quantity(quantity) => {
                crate::debit::must_be_divisible(terms, capture.on_insufficient)?;
                let feature = made_by.feature.as_deref().ok_or_else(|| {
                    Error::argument("quantity", quantity, "the hold names no feature by which to price a quantity")
                })?;
                let rate = terms.rate.ok_or_else(|| crate::debit::unknown_feature(feature))?;
                let priced = terms.price(&rate, quantity, cycle)?;
                price = Some(priced);
                priced.amount
            }
        };
        // What was set aside goes first, in the order in which it was taken; then the lots, and where they have nothing
        // by now, the headroom that the hold reserves becomes debt.
        let from_hold = hold.take(wanted);
        let spent: Amount = from_hold.iter().map(|part| part.amount).sum();
        let (excess, reserved) = (wanted - spent, hold.headroom);
        let taking = self.taking(excess, made_by.feature.as_deref(), capture.on_insufficient, reserved)?;
        let amount = spent + taking.taken + taking.overdraft;
        let covered = price.is_some_and(|price| price.covers());
        if amount.is_zero() && wanted.is_positive() && !covered {
            return Err(self.insufficient(excess, taking.taken, reserved).into());
        }
        let mut dimensions = made_by.clone();
        dimensions.metadata.clone_from(&capture.dimensions.metadata);
        dimensions.salt = capture.dimensions.salt.filter(|_| dimensions.is_personal());
        (self.account.balances.debt + taking.overdraft).checked("debt")?;
        (self.account.used + amount).checked("usage in the cycle")?;
        self.spend_budgets(&dimensions, amount, capture.on_insufficient)?;
        // From here on nothing is refused any more.
        let left = (reserved - excess).or_zero();
        // One that is not final leaves the hold open, even with nothing left: work in progress may go on.
        let closes = lapsed || capture.is_final;
        let released = if closes { std::mem::take(&mut hold.parts) } else { Vec::new() };
        hold.headroom = if closes { Amount::ZERO } else { left };
        self.account.headroom += hold.headroom - reserved;
        self.give_up_held(&from_hold)?;
        self.take(&taking);
        let debt = self.draw_debt(taking.overdraft, false);
        self.account.used += amount;
        self.give_back(&released)?;
        let detail = CaptureDetail {
            from_hold: from_hold.iter().map(|part| (part.lot, part.amount)).collect(),
            headroom: hold.headroom.is_positive().then_some(hold.headroom),
            closes,
            debt_from: debt.map(|debt| debt.start),
            package: price.and_then(|price| terms.package_detail(&price)),
        };
        let mut draft = Draft::new(Operation::Capture, amount).key(Some(capture.key.clone()));
        draft.refers_to = Some(hold.hold);
        if let (Captured::Quantity(quantity), Some(price)) = (capture.captured, price) {
            (draft.quantity, draft.included) = (Some(quantity), Some(price.included));
            self.note_meter(made_by.feature.as_deref().unwrap_or_default(), &price, terms);
        }
        draft.dimensions = dimensions;
        draft.detail = Some(detail.to_json()?);
        self.record(draft);
        let receipt = Receipt::of_newest(self);
        hold.captured += amount;
        if closes {
            hold.status = if hold.captured.is_zero() { HoldStatus::Released } else { HoldStatus::Captured };
        }
        hold.changed = true;
        self.holds.push(hold);
        self.expire_returned();
        Ok(receipt)
    }

    /// Gives back what a hold sets aside. One that has lapsed has nothing to give: nothing is recorded.
    pub fn release(&mut self, mut hold: Hold, hold_key: &str, key: Option<Key>) -> Outcome<Receipt> {
        self.must_not_be_closed()?;
        match hold.status {
            HoldStatus::Open => {}
            HoldStatus::Lapsed => {
                let key = key.map(|key| key.key);
                let nothing = Receipt::nothing(self, Operation::Release);
                let receipt = Receipt { key, refers_to: Some(hold.hold), ..nothing };
                // Perhaps time has only just done it.
                self.holds.push(hold);
                return Ok(receipt);
            }
            HoldStatus::Captured | HoldStatus::Released => return Err(settled(&hold, hold_key).into()),
        }
        self.free(&mut hold)?;
        hold.status = HoldStatus::Released;
        let mut draft = Draft::new(Operation::Release, hold.lapsed).key(key);
        (draft.refers_to, hold.lapsed) = (Some(hold.hold), Amount::ZERO);
        self.record(draft);
        let receipt = Receipt::of_newest(self);
        self.holds.push(hold);
        self.expire_returned();
        Ok(receipt)
    }

    /// Changes when a hold lapses: so long from now on.
    pub fn extend_hold(
        &mut self,
        mut hold: Hold,
        hold_key: &str,
        key: Key,
        expires_in: Interval,
        zone: &dyn Zone,
    ) -> Outcome<Receipt> {
        self.must_not_be_closed()?;
        if !hold.is_open() {
            return Err(settled(&hold, hold_key).into());
        }
        hold.expires_at = self.hold_end(expires_in, zone)?;
        hold.changed = true;
        self.expect_event(Some(hold.expires_at));
        let mut draft = Draft::new(Operation::Extend, Amount::ZERO).key(Some(key));
        draft.refers_to = Some(hold.hold);
        draft.detail = Some(HoldDetail { expires_at: hold.expires_at, headroom: None }.to_json()?);
        self.record(draft);
        self.holds.push(hold);
        Ok(Receipt::of_newest(self))
    }

    /// Holds whose time is over at an instant lapse, in the order of their ends.
    pub(crate) fn lapse_holds(&mut self, instant: Timestamp) -> Outcome<()> {
        let is_due = |hold: &Hold| hold.is_open() && hold.expires_at <= instant;
        while let Some(index) = (0..self.holds.len())
            .filter(|index| is_due(&self.holds[*index]))
            .min_by_key(|index| (self.holds[*index].expires_at, self.holds[*index].hold))
        {
            let mut hold = self.holds.remove(index);
            self.free(&mut hold)?;
            hold.status = HoldStatus::Lapsed;
            let mut draft = Draft::new(Operation::Lapse, hold.lapsed).at(instant);
            draft.refers_to = Some(hold.hold);
            self.record(draft);
            self.holds.push(hold);
        }
        Ok(())
    }

    /// Gives back all that a hold sets aside, and notes in `lapsed` how much it was.
    fn free(&mut self, hold: &mut Hold) -> Outcome<()> {
        hold.lapsed = hold.remaining();
        self.account.headroom -= hold.headroom;
        let parts = std::mem::take(&mut hold.parts);
        self.give_back(&parts)?;
        (hold.headroom, hold.changed) = (Amount::ZERO, true);
        Ok(())
    }

    fn hold_end(&self, expires_in: Interval, zone: &dyn Zone) -> Result<Timestamp> {
        zone.add(self.now(), expires_in)
            .ok_or_else(|| Error::argument("expires_in", expires_in, "expires_in leaves the range of time"))
    }
}

impl Hold {
    /// Takes up to `amount` out of the parts, the first taken first.
    fn take(&mut self, amount: Amount) -> Vec<Movement> {
        let (mut taken, mut left) = (Vec::new(), amount);
        for part in &mut self.parts {
            let share = part.amount.min(left);
            if share.is_positive() {
                taken.push(Movement { lot: part.lot, amount: share });
                part.amount -= share;
                left -= share;
            }
        }
        self.parts.retain(|part| part.amount.is_positive());
        taken
    }
}

/// LC007: nothing is held any more.
fn settled(hold: &Hold, hold_key: &str) -> Error {
    let status = hold.status.name();
    let error = Error::new(Code::AlreadyClosed, format!("hold {hold_key:?} is {status} already"))
        .detail(format!("hold={} status={status} captured={}", hold.hold, hold.captured));
    match hold.status {
        HoldStatus::Lapsed => error.hint("It can still be captured; for work that goes on, hold again."),
        _ => error,
    }
}
