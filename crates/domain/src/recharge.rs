//! Auto-recharge: asking for money before it is too late, once, and crediting it once.
//!
//! The ledger never calls a payment provider. It leaves a request, which a worker claims, charges, and completes or
//! fails.

use crate::account::{Balances, Status};
use crate::amount::{Amount, divided_up};
use crate::book::{Book, Outcome, Stop};
use crate::chain::Encoder;
use crate::detail::kept_as_json;
use crate::entry::Operation;
use crate::error::{Code, Error, Result};
use crate::event::EventType;
use crate::lifecycle::Change;
use crate::lot::Price;
use crate::pack::{Pack, paid_lot};
use crate::receipt::Receipt;
use crate::time::{Timestamp, Zone};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// When the measure is past the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Below,
    AtOrBelow,
}

impl Trigger {
    pub fn name(self) -> &'static str {
        match self {
            Trigger::Below => "below",
            Trigger::AtOrBelow => "at_or_below",
        }
    }

    /// LC005 for another name.
    pub fn parse(name: &str) -> Result<Trigger> {
        [Trigger::Below, Trigger::AtOrBelow]
            .into_iter()
            .find(|trigger| trigger.name() == name)
            .ok_or_else(|| Error::argument("trigger", name, "trigger is none of below, at_or_below"))
    }
}

/// The figure that is compared with the threshold, less the debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Available,
    Credits,
}

impl Measure {
    pub fn name(self) -> &'static str {
        match self {
            Measure::Available => "available",
            Measure::Credits => "credits",
        }
    }

    /// LC005 for another name.
    pub fn parse(name: &str) -> Result<Measure> {
        [Measure::Available, Measure::Credits]
            .into_iter()
            .find(|measure| measure.name() == name)
            .ok_or_else(|| Error::argument("measure", name, "measure is none of available, credits"))
    }
}

/// What `credits_set_auto_recharge` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RechargeSettings {
    pub threshold: Amount,
    pub pack: String,
    pub trigger: Trigger,
    pub measure: Measure,
    /// In one request.
    pub max_packs: i32,
    /// In the pack's currency, for each calendar month of the account's time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_limit: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    pub enabled: bool,
}

impl RechargeSettings {
    /// LC005 where they cannot be.
    pub fn check(&self) -> Result<()> {
        if self.max_packs < 1 {
            return Err(Error::argument("max_packs", self.max_packs, "max_packs must be at least 1"));
        }
        if self.enabled && self.payment_method.is_none() {
            return Err(Error::argument("payment_method", "NULL", "auto-recharge needs a payment_method")
                .hint("Name the payment method that was saved, or call with enabled => false."));
        }
        Ok(())
    }

    fn is_past(&self, level: Amount) -> bool {
        match self.trigger {
            Trigger::Below => level < self.threshold,
            Trigger::AtOrBelow => level <= self.threshold,
        }
    }
}

/// An error of a payment provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

/// How an account's auto-recharge is set, and how it fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoRecharge {
    pub settings: RechargeSettings,
    /// Until it is resumed.
    pub suspended: bool,
    /// In a row.
    pub failures: i32,
    pub last_error: Option<Failure>,
    /// The month of which the account was told that its limit is reached.
    pub capped_month: Option<Timestamp>,
    /// Differs from what is stored.
    pub changed: bool,
}

impl AutoRecharge {
    pub fn is_active(&self) -> bool {
        self.settings.enabled && !self.suspended
    }

    pub fn status(&self) -> &'static str {
        match (self.suspended, self.settings.enabled) {
            (true, _) => "suspended",
            (false, false) => "disabled",
            (false, true) => "active",
        }
    }

    /// The level of `available - debt` at or below which a request may have to be made. Where credits are measured,
    /// allowance that is there makes it higher. It is set anew after each operation but for those that take from the head
    /// or return to it, none of which bring credits nearer to the threshold than this says.
    pub fn level(&self, one_is_open: bool, balances: Balances) -> Option<Amount> {
        let beside = match self.settings.measure {
            Measure::Available => Amount::ZERO,
            Measure::Credits => balances.available() - balances.credits,
        };
        (self.is_active() && !one_is_open).then_some(self.settings.threshold + beside)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RechargeStatus {
    Open,
    /// A worker has it.
    Claimed,
    Completed,
    Failed,
    Cancelled,
}

const STATUSES: [(RechargeStatus, &str); 5] = [
    (RechargeStatus::Open, "open"),
    (RechargeStatus::Claimed, "claimed"),
    (RechargeStatus::Completed, "completed"),
    (RechargeStatus::Failed, "failed"),
    (RechargeStatus::Cancelled, "cancelled"),
];

impl RechargeStatus {
    pub fn name(self) -> &'static str {
        STATUSES[self as usize].1
    }

    pub fn parse(name: &str) -> Option<RechargeStatus> {
        STATUSES.iter().find(|(_, n)| *n == name).map(|(status, _)| *status)
    }
}

/// A request for money. Quantity, credits and price stay as they were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recharge {
    /// 1, 2, 3 … within the account.
    pub recharge: i64,
    pub status: RechargeStatus,
    pub pack: String,
    /// Packs.
    pub quantity: i32,
    /// Of all of them.
    pub credits: Amount,
    pub price: Price,
    pub requested_at: Timestamp,
    /// How often it was claimed.
    pub attempts: i32,
    /// The same for the provider until a failure is recorded.
    pub payment_key: Option<String>,
    /// As it was when that key was made.
    pub payment_method: Option<String>,
    /// When it may be claimed, again where a worker has it; `None` once it is settled.
    pub due_at: Option<Timestamp>,
    pub last_error: Option<Failure>,
    pub payment_ref: Option<String>,
    pub settled_at: Option<Timestamp>,
    /// The entry that gave the credits.
    pub credited_by: Option<i64>,
    /// Differs from what is stored.
    pub changed: bool,
}

/// A failure after so many others in a row is waited for so long; one more suspends.
const BACKOFF_HOURS: [i64; 2] = [1, 6];
const HOUR: i64 = 3_600_000_000;

impl Recharge {
    pub fn is_open(&self) -> bool {
        matches!(self.status, RechargeStatus::Open | RechargeStatus::Claimed)
    }

    /// A worker takes it until then. `new_key` and the payment method count where a failure was recorded, or nobody
    /// has tried yet.
    pub fn claim(&mut self, until: Timestamp, payment_method: Option<&str>, new_key: impl FnOnce() -> String) {
        if self.payment_key.is_none() {
            (self.payment_key, self.payment_method) = (Some(new_key()), payment_method.map(Into::into));
        }
        self.attempts += 1;
        (self.status, self.due_at, self.changed) = (RechargeStatus::Claimed, Some(until), true);
    }

    fn settle(&mut self, status: RechargeStatus, now: Timestamp) {
        (self.status, self.due_at, self.settled_at, self.changed) = (status, None, Some(now), true);
    }

    /// What `recharge.requested` says.
    pub(crate) fn asked(&self) -> serde_json::Value {
        json!({
            "recharge": self.recharge,
            "pack": self.pack,
            "quantity": self.quantity,
            "credits": self.credits,
            "price": self.price.amount,
            "currency": self.price.currency,
        })
    }

    /// What `recharge.completed` says.
    pub(crate) fn paid(&self) -> serde_json::Value {
        let mut payload = self.asked();
        payload["payment_ref"] = json!(self.payment_ref);
        payload
    }
}

/// A payment provider's key, unguessable.
pub fn payment_key(account: &str, recharge: i64, salt: [u8; 16]) -> String {
    let mut e = Encoder::new();
    e.text(account).integer(recharge).bytes(&salt);
    let hash = e.sha256();
    let digits: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("recharge-{digits}")
}

/// What the entry of a recharge keeps, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RechargeDetail {
    pub pack: String,
    pub recharge: i64,
}

kept_as_json!(RechargeDetail, "the detail of a recharge");

/// What a request is made from, beside the account.
pub struct Asking<'p> {
    pub pack: &'p Pack,
    /// In the pack's currency, by open and completed requests of this month.
    pub spent: Amount,
    /// When the month began.
    pub month: Timestamp,
    /// The number of the account's newest request.
    pub newest: i64,
}

/// How many packs, if any fit the limits.
fn quantity(settings: &RechargeSettings, asking: &Asking, level: Amount, lacking: Amount) -> Option<i32> {
    let (pack, price) = (asking.pack, asking.pack.price.amount);
    let above = match level <= settings.threshold {
        true => (settings.threshold - level).micros() / pack.credits.micros() + 1,
        false => 0,
    };
    let for_debit = divided_up(lacking.micros(), pack.credits.micros());
    let least = divided_up(pack.minimum_price.unwrap_or_default().micros(), price.micros()).max(1);
    // What no amount can be is never asked for.
    let most = i128::from(settings.max_packs).min(Amount::MAX.micros() / price.micros().max(pack.credits.micros()));
    let room = settings.monthly_limit.map_or(most, |limit| (limit - asking.spent).or_zero().micros() / price.micros());
    let quantity = above.max(for_debit).max(least).min(most).min(room);
    if quantity < least { None } else { i32::try_from(quantity).ok() }
}

impl Book {
    fn measured(&self, measure: Measure) -> Amount {
        let balances = &self.account.balances;
        let figure = match measure {
            Measure::Available => balances.available(),
            Measure::Credits => balances.credits,
        };
        figure - balances.debt
    }

    /// Whether money is to be asked for, if the account's plans allow it: the measure is past the threshold, or a debit was
    /// refused for want of credits.
    pub fn wants_recharge(&self) -> bool {
        self.auto_recharge.as_ref().is_some_and(|auto| {
            let past = auto.settings.is_past(self.measured(auto.settings.measure));
            self.account.status == Status::Open
                && auto.is_active()
                && !self.one_is_open()
                && (past || self.lacks_credits())
        })
    }

    /// Whether a debit was refused for want of credits.
    pub fn lacks_credits(&self) -> bool {
        self.lacking.is_positive()
    }

    fn one_is_open(&self) -> bool {
        self.recharges.iter().any(Recharge::is_open)
    }

    /// Makes a request, or tells, once a month, that there is no room for one.
    pub fn ask_recharge(&mut self, asking: &Asking) {
        let now = self.now();
        let Some(auto) = &self.auto_recharge else { return };
        let (settings, level) = (auto.settings.clone(), self.measured(auto.settings.measure));
        let Price { amount: price, currency } = asking.pack.price.clone();
        let Some(quantity) = quantity(&settings, asking, level, self.lacking) else {
            if auto.capped_month != Some(asking.month) {
                let payload = json!({
                    "pack": settings.pack,
                    "price": price,
                    "currency": currency,
                    "monthly_limit": settings.monthly_limit,
                    "spent": asking.spent,
                });
                if let Some(auto) = &mut self.auto_recharge {
                    (auto.capped_month, auto.changed) = (Some(asking.month), true);
                }
                self.emit(EventType::RechargeCapped, now, payload);
            }
            return;
        };
        let times = |amount: Amount| Amount::from_micros(amount.micros() * i128::from(quantity));
        let recharge = Recharge {
            recharge: asking.newest + 1,
            status: RechargeStatus::Open,
            pack: settings.pack,
            quantity,
            credits: times(asking.pack.credits),
            price: Price { amount: times(price), currency },
            requested_at: now,
            attempts: 0,
            payment_key: None,
            payment_method: None,
            due_at: Some(now),
            last_error: None,
            payment_ref: None,
            settled_at: None,
            credited_by: None,
            changed: true,
        };
        self.emit(EventType::RechargeRequested, now, recharge.asked());
        self.recharges.push(recharge);
    }

    /// Sets the level at which auto-recharge has to be looked at; to be called last.
    pub fn watch_recharge(&mut self) {
        let balances = self.account.balances;
        let level = self.auto_recharge.as_ref().and_then(|auto| auto.level(self.one_is_open(), balances));
        if self.account.watch.recharge != level {
            (self.account.watch.recharge, self.touched) = (level, true);
        }
    }

    /// Sets auto-recharge; nothing where it is set so already. Another payment method ends a suspension.
    pub fn set_auto_recharge(&mut self, mut settings: RechargeSettings, pack: &Pack) -> Outcome<AutoRecharge> {
        self.must_not_be_closed()?;
        let most = Amount::from_micros(pack.price.amount.micros().saturating_mul(i128::from(settings.max_packs)));
        if let Some(minimum) = pack.minimum_price.filter(|minimum| *minimum > most) {
            return Err(Error::new(Code::PurchaseNotAllowed, "max_packs cost less than the pack's minimum price")
                .detail(format!("minimum_price={minimum} price={} max_packs={}", pack.price.amount, settings.max_packs))
                .into());
        }
        let current = self.auto_recharge.clone();
        // Which method was declined is remembered until there is another one.
        if let Some(auto) = current.as_ref().filter(|auto| auto.suspended)
            && settings.payment_method.is_none()
        {
            settings.payment_method.clone_from(&auto.settings.payment_method);
        }
        if let Some(auto) = current.as_ref().filter(|auto| auto.settings == settings) {
            return Ok(auto.clone());
        }
        let mut auto = match current {
            Some(mut auto) => {
                if settings.payment_method.is_some() && settings.payment_method != auto.settings.payment_method {
                    (auto.suspended, auto.failures) = (false, 0);
                }
                auto
            }
            None => AutoRecharge {
                settings: settings.clone(),
                suspended: false,
                failures: 0,
                last_error: None,
                capped_month: None,
                changed: true,
            },
        };
        (auto.settings, auto.changed) = (settings.clone(), true);
        self.account.extras.auto_recharge = true;
        self.auto_recharge = Some(auto.clone());
        self.record_change(Change::AutoRecharge(settings))?;
        Ok(auto)
    }

    /// Ends a suspension; nothing where there is none.
    pub fn resume_auto_recharge(&mut self) -> Outcome<AutoRecharge> {
        self.must_not_be_closed()?;
        let Some(auto) = &mut self.auto_recharge else {
            let what = format!("account {:?} has no auto-recharge", self.account.account);
            return Err(Error::new(Code::NotFound, what).hint("Set it with credits_set_auto_recharge.").into());
        };
        if auto.suspended {
            (auto.suspended, auto.failures, auto.changed) = (false, 0, true);
            self.record_change(Change::ResumedAutoRecharge)?;
        }
        self.auto_recharge.clone().ok_or(Stop::NeedMore)
    }

    /// Whether a request may be given to a worker now.
    pub fn may_recharge(&self) -> bool {
        self.account.status == Status::Open
            && self.auto_recharge.as_ref().is_some_and(AutoRecharge::is_active)
            && self.holdings.allow_purchases(self.now())
    }

    /// Gives an open request up, unless it may be handed out after all. Of a complete book.
    pub fn cancel_recharge(&mut self, number: i64) {
        let (now, may) = (self.now(), self.may_recharge() || self.account.status == Status::Frozen);
        if let Some(recharge) = self.recharges.iter_mut().find(|own| own.recharge == number && own.is_open())
            && !may
        {
            recharge.settle(RechargeStatus::Cancelled, now);
            self.touched = true;
        }
    }

    fn recharge_place(&self, number: i64) -> Result<usize> {
        self.recharges.iter().position(|own| own.recharge == number).ok_or_else(|| {
            let what = format!("account {:?} has no recharge {number}", self.account.account);
            Error::new(Code::NotFound, what).detail(format!("recharge={number}"))
        })
    }

    /// Credits a request with a new payment, whatever became of it meanwhile; LC007 where it was completed.
    pub fn complete_recharge(&mut self, number: i64, payment_ref: &str, zone: &dyn Zone) -> Outcome<Receipt> {
        let place = self.recharge_place(number)?;
        let recharge = self.recharges[place].clone();
        if recharge.status == RechargeStatus::Completed {
            return Err(settled(&recharge).into());
        }
        let detail = RechargeDetail { pack: recharge.pack, recharge: number }.to_json()?;
        let lot = paid_lot(recharge.credits, recharge.price, payment_ref);
        let receipt = self.make_lot(lot, Operation::Recharge, None, Some(detail), zone)?;
        self.recharge_is_paid(place, payment_ref, receipt.entry);
        Ok(receipt)
    }

    /// Closes a request on the grant that credited its payment already; false where it was closed so before.
    pub fn close_recharge_on(&mut self, number: i64, payment_ref: &str, entry: i64) -> Outcome<bool> {
        let place = self.recharge_place(number)?;
        let recharge = &self.recharges[place];
        match recharge.status {
            RechargeStatus::Completed if recharge.payment_ref.as_deref() == Some(payment_ref) => Ok(false),
            RechargeStatus::Completed => Err(settled(recharge).into()),
            _ => {
                self.recharge_is_paid(place, payment_ref, Some(entry));
                Ok(true)
            }
        }
    }

    fn recharge_is_paid(&mut self, place: usize, payment_ref: &str, entry: Option<i64>) {
        let now = self.now();
        let recharge = &mut self.recharges[place];
        recharge.settle(RechargeStatus::Completed, now);
        (recharge.payment_ref, recharge.credited_by) = (Some(payment_ref.into()), entry);
        let payload = recharge.paid();
        if let Some(auto) = &mut self.auto_recharge
            && (auto.failures, &auto.last_error) != (0, &None)
        {
            (auto.failures, auto.last_error, auto.changed) = (0, None, true);
        }
        self.emit(EventType::RechargeCompleted, now, payload);
    }

    /// Records that a charge failed: it is tried again later, or, after the third failure in a row or where `suspend`
    /// says so, no more until somebody resumes.
    pub fn fail_recharge(&mut self, number: i64, attempt: i32, failure: Failure, suspend: bool) -> Outcome<Recharge> {
        let (now, place) = (self.now(), self.recharge_place(number)?);
        let current = &self.recharges[place];
        if current.status != RechargeStatus::Claimed || current.attempts != attempt {
            return Err(settled(current).into());
        }
        let Some(auto) = &mut self.auto_recharge else { return Err(settled(current).into()) };
        auto.failures += 1;
        (auto.last_error, auto.changed) = (Some(failure.clone()), true);
        let wait = usize::try_from(auto.failures - 1).ok().and_then(|n| BACKOFF_HOURS.get(n)).filter(|_| !suspend);
        auto.suspended |= wait.is_none();
        let recharge = &mut self.recharges[place];
        (recharge.payment_key, recharge.payment_method) = (None, None);
        recharge.last_error = Some(failure.clone());
        match wait {
            Some(hours) => {
                let due = Timestamp(now.0 + hours * HOUR);
                (recharge.status, recharge.due_at, recharge.changed) = (RechargeStatus::Open, Some(due), true);
            }
            None => recharge.settle(RechargeStatus::Failed, now),
        }
        let recharge = recharge.clone();
        let Failure { code, message } = failure;
        let payload = json!({
            "recharge": number,
            "attempt": attempt,
            "code": code,
            "message": message,
            "next_attempt_at": recharge.due_at.map(|at| at.to_string()),
        });
        self.emit(EventType::RechargeFailed, now, payload);
        if wait.is_none() {
            let payload = json!({ "recharge": number, "code": code, "message": message });
            self.emit(EventType::RechargeSuspended, now, payload);
        }
        Ok(recharge)
    }
}

/// LC007: the request, or this attempt at it, is settled.
fn settled(recharge: &Recharge) -> Error {
    let what = match recharge.status {
        RechargeStatus::Completed => format!("recharge {} was completed before", recharge.recharge),
        _ => format!("this attempt at recharge {} is over", recharge.recharge),
    };
    Error::new(Code::AlreadyClosed, what).detail(format!(
        "recharge={} status={} attempt={}",
        recharge.recharge,
        recharge.status.name(),
        recharge.attempts
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn settings(max_packs: i32, monthly_limit: Option<&str>) -> RechargeSettings {
        RechargeSettings {
            threshold: amount("100"),
            pack: "p".into(),
            trigger: Trigger::Below,
            measure: Measure::Available,
            max_packs,
            monthly_limit: monthly_limit.map(amount),
            payment_method: Some("card".into()),
            enabled: true,
        }
    }

    fn packs(settings: &RechargeSettings, level: &str, lacking: &str, spent: &str) -> Option<i32> {
        let price = Price { amount: amount("7.5"), currency: "EUR".into() };
        let pack = Pack { credits: amount("50"), price, minimum_price: None };
        let asking = Asking { pack: &pack, spent: amount(spent), month: Timestamp(0), newest: 0 };
        quantity(settings, &asking, amount(level), amount(lacking))
    }

    #[test]
    fn whole_packs_bring_the_measure_above_the_threshold() {
        for (level, quantity) in [("99.999999", 1), ("50.000001", 1), ("50", 2), ("0.000001", 2), ("0", 3), ("-30", 3)]
        {
            assert_eq!(packs(&settings(9, None), level, "0", "0"), Some(quantity), "{level}");
        }
        assert_eq!(packs(&settings(2, None), "-500", "0", "0"), Some(2));
    }

    #[test]
    fn a_refused_debit_asks_for_what_it_lacks() {
        assert_eq!(packs(&settings(9, None), "150", "200", "0"), Some(4));
        assert_eq!(packs(&settings(9, None), "150", "200.000001", "0"), Some(5));
        assert_eq!(packs(&settings(9, None), "0", "1", "0"), Some(3));
        assert_eq!(packs(&settings(2, None), "150", "200", "0"), Some(2));
    }

    #[test]
    fn the_monthly_limit_leaves_whole_packs_or_none() {
        assert_eq!(packs(&settings(9, Some("30")), "0", "0", "0"), Some(3));
        assert_eq!(packs(&settings(9, Some("30")), "0", "0", "15"), Some(2));
        assert_eq!(packs(&settings(9, Some("30")), "0", "0", "15.000001"), Some(1));
        assert_eq!(packs(&settings(9, Some("30")), "0", "0", "22.500001"), None);
        assert_eq!(packs(&settings(9, Some("30")), "0", "0", "40"), None);
    }
}
