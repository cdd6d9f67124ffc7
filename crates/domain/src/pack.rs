//! Packs: credits that are sold at a price, and buying them.

use crate::amount::Amount;
use crate::book::{Book, Outcome};
use crate::chain::Encoder;
use crate::entry::{Dimensions, Key, Operation};
use crate::error::{Code, Error, Result};
use crate::grant::{Grant, GrantExpiry};
use crate::lot::{LotKind, Price};
use crate::plan::Holdings;
use crate::receipt::Receipt;
use crate::time::{Timestamp, Zone};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    pub credits: Amount,
    pub price: Price,
    /// Set: the credits are in proportion to what is paid, and less than this cannot be.
    pub minimum_price: Option<Amount>,
}

impl Pack {
    /// What it gives for a price, or for its own; LC008 under its minimum.
    pub fn credits_for(&self, name: &str, paid: Option<Amount>) -> Result<Amount> {
        let paid = paid.unwrap_or(self.price.amount);
        let Some(minimum) = self.minimum_price else { return Ok(self.credits) };
        if paid < minimum {
            return Err(not_allowed(format!("the price is under the minimum of pack {name:?}"))
                .detail(format!("price={paid} minimum_price={minimum} currency={}", self.price.currency)));
        }
        let too_many =
            || Error::amount("the price gives more credits than there can be").detail(format!("price={paid}"));
        let credits = self.credits.times_down(paid, self.price.amount).ok_or_else(too_many)?;
        if credits.is_zero() {
            return Err(Error::amount("the price gives no credits").detail(format!("price={paid}")));
        }
        credits.checked("credits")
    }
}

/// A pack as it was defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackVersion {
    /// 1, 2, 3 … within the pack.
    pub version: i32,
    pub defined_at: Timestamp,
    pub pack: Pack,
}

/// Of versions, oldest first, the one in force at an instant. The first one counts for earlier instants, too: a clock
/// that was set back makes no pack unknown.
pub fn in_force(versions: Vec<PackVersion>, instant: Timestamp) -> Option<Pack> {
    let at = versions.iter().rposition(|version| version.defined_at <= instant).unwrap_or(0);
    versions.into_iter().nth(at).map(|version| version.pack)
}

/// LC006.
pub fn undefined_pack(name: &str) -> Error {
    Error::new(Code::NotFound, format!("pack {name:?} is not defined"))
        .detail(format!("pack={name}"))
        .hint("Define it with credits_define_pack; names are compared bytewise.")
}

fn not_allowed(what: String) -> Error {
    Error::new(Code::PurchaseNotAllowed, what)
}

/// A payment that has happened.
#[derive(Clone, Debug)]
pub struct Purchase {
    pub pack: String,
    pub payment_ref: String,
    pub key: Key,
    /// What was paid; `None`: the pack's price.
    pub price: Option<Amount>,
}

impl Purchase {
    pub fn new(pack: &str, payment_ref: &str, key: &str, price: Option<Amount>) -> Purchase {
        let mut e = Encoder::new();
        e.text(Operation::Purchase.name()).text(pack).text(payment_ref).opt_amount(price);
        let key = Key { key: key.into(), request: e.digest64() };
        Purchase { pack: pack.into(), payment_ref: payment_ref.into(), key, price }
    }
}

/// What the entry of a purchase or recharge keeps, as JSON, of the pack.
pub(crate) fn pack_detail(pack: &str) -> String {
    serde_json::json!({ "pack": pack }).to_string()
}

/// A lot that was paid for and never expires.
pub(crate) fn paid_lot(amount: Amount, price: Price, payment_ref: &str) -> Grant {
    Grant {
        amount,
        key: String::new(),
        kind: LotKind::Purchase,
        expiry: GrantExpiry::Never,
        effective_at: None,
        priority: None,
        features: Vec::new(),
        price: Some(price),
        payment_ref: Some(payment_ref.into()),
        dimensions: Dimensions::default(),
    }
}

impl Holdings {
    /// Whether the account may buy: it holds no plan, or one of its plans allows it.
    pub fn allow_purchases(&self, instant: Timestamp) -> bool {
        let mut held = self.subscriptions.iter().filter(|own| own.held).peekable();
        held.peek().is_none() || held.any(|own| self.plan(&own.plan, instant).is_ok_and(|plan| plan.purchases))
    }
}

impl Book {
    /// What a purchase would give; LC011, LC008 where it should not be begun. Of a complete book with time settled.
    pub fn check_purchase(&self, name: &str, pack: &Pack, paid: Option<Amount>) -> Result<Amount> {
        if !self.holdings.allow_purchases(self.now()) {
            return Err(not_allowed(format!("no plan of account {:?} allows purchases", self.account.account))
                .detail(format!("account={}", self.account.account)));
        }
        pack.credits_for(name, paid)
    }

    /// Records a payment that has happened, whatever the account's plans and status. Time must be settled.
    pub fn purchase(&mut self, purchase: &Purchase, pack: &Pack, zone: &dyn Zone) -> Outcome<Receipt> {
        let credits = pack.credits_for(&purchase.pack, purchase.price)?;
        let amount = purchase.price.unwrap_or(pack.price.amount);
        let lot = paid_lot(credits, Price { amount, ..pack.price.clone() }, &purchase.payment_ref);
        let detail = Some(pack_detail(&purchase.pack));
        self.make_lot(lot, Operation::Purchase, Some(purchase.key.clone()), detail, zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn pack(credits: &str, price: &str, minimum: Option<&str>) -> Pack {
        let price = Price { amount: amount(price), currency: "EUR".into() };
        Pack { credits: amount(credits), price, minimum_price: minimum.map(amount) }
    }

    #[test]
    fn credits_scale_with_the_price_and_are_rounded_down() {
        let pack = pack("1000", "30", Some("5"));
        for (paid, credits) in [("30", "1000"), ("5", "166.666666"), ("10", "333.333333"), ("60", "2000")] {
            assert_eq!(pack.credits_for("p", Some(amount(paid))), Ok(amount(credits)));
        }
        assert_eq!(pack.credits_for("p", None), Ok(amount("1000")));
        assert_eq!(pack.credits_for("p", Some(amount("4.999999"))).unwrap_err().code, Code::PurchaseNotAllowed);
    }

    #[test]
    fn what_gives_nothing_or_too_much_cannot_be() {
        let pack = pack("0.000001", "99999999999999", Some("0.000001"));
        assert_eq!(pack.credits_for("p", Some(amount("1"))).unwrap_err().code, Code::InvalidAmount);
        let pack = self::pack("99999999999999", "0.000001", Some("0.000001"));
        assert_eq!(pack.credits_for("p", Some(amount("99999999999999"))).unwrap_err().code, Code::InvalidAmount);
    }
}
