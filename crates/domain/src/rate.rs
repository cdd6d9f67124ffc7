//! Rates: what units of a feature cost; included units, and the units left of packages.

use crate::amount::{Amount, divided_up};
use crate::debit::unknown_feature;
use crate::detail::kept_as_json;
use crate::error::{Error, Result};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How a quantity becomes credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateModel {
    /// Exactly in proportion.
    PerUnit,
    /// By whole packages; what is left of one covers the next units.
    Package,
}

impl RateModel {
    pub fn name(self) -> &'static str {
        match self {
            RateModel::PerUnit => "per_unit",
            RateModel::Package => "package",
        }
    }

    /// LC005 for another name.
    pub fn parse(name: &str) -> Result<RateModel> {
        [RateModel::PerUnit, RateModel::Package]
            .into_iter()
            .find(|model| model.name() == name)
            .ok_or_else(|| Error::argument("model", name, "model is none of per_unit, package"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// For `per_units` units; zero where it is free.
    pub credits: Amount,
    /// Units, above zero.
    pub per_units: Amount,
    pub model: RateModel,
    /// Never draws, never fails for want of credits, leaves no entry.
    pub free: bool,
}

impl Rate {
    /// LC004 or LC005 where it cannot be. `credits` as the caller gave them.
    pub fn new(credits: Option<Amount>, per_units: Amount, model: RateModel, free: bool) -> Result<Rate> {
        let credits = match (credits, free) {
            (Some(credits), true) => {
                return Err(Error::argument("credits", credits, "a free feature has no credits")
                    .hint("Leave credits out, or free."));
            }
            (None, false) => {
                return Err(Error::argument("credits", "NULL", "credits must be given unless the feature is free"));
            }
            (credits, _) => credits.unwrap_or_default(),
        };
        if credits.is_negative() {
            return Err(Error::amount("credits must not be negative").detail(format!("credits={credits}")));
        }
        if !per_units.is_positive() {
            return Err(Error::amount("per_units must be above zero").detail(format!("per_units={per_units}")));
        }
        Ok(Rate { credits, per_units, model, free })
    }
}

/// A version of a feature's rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateVersion {
    pub rate: Rate,
    pub effective_at: Timestamp,
    /// 1, 2, 3 … within the feature.
    pub version: i32,
    pub defined_at: Timestamp,
}

/// The rate in force at an instant, of versions that come newest first by `(effective_at, version)`. The first one counts
/// for earlier instants, too, unless it was scheduled: a clock that was set back makes no feature unknown.
pub fn in_force(newest_first: impl IntoIterator<Item = RateVersion>, instant: Timestamp) -> Option<Rate> {
    let mut first = None;
    for version in newest_first {
        if version.effective_at <= instant {
            return Some(version.rate);
        }
        first = (version.effective_at <= version.defined_at).then_some(version.rate);
    }
    first
}

/// What an account has used of a feature's included units, and has left of packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    pub feature: String,
    /// To which `included` belongs; in any other cycle none are used yet.
    pub cycle: i32,
    /// Included units used.
    pub included: Amount,
    /// Units left of packages that were paid for.
    pub package_left: Amount,
}

impl Meter {
    /// Included units used in this cycle.
    pub fn included_in(&self, cycle: i32) -> Amount {
        if self.cycle == cycle { self.included } else { Amount::ZERO }
    }
}

/// Whether a feature may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    pub feature: String,
    pub enabled: bool,
    pub changed_at: Timestamp,
}

/// What a debit or charge has to know of its feature beside the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Not switched off.
    pub enabled: bool,
    /// In force now; `None`: no rate is defined.
    pub rate: Option<Rate>,
    /// Units of the feature that the account's plans include in this cycle.
    pub included: Amount,
    pub meter: Meter,
}

/// Of a feature that nobody switched off and that is not metered.
impl Default for Terms {
    fn default() -> Terms {
        Terms { enabled: true, rate: None, included: Amount::ZERO, meter: Meter::default() }
    }
}

/// What a quantity costs, and what covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub amount: Amount,
    /// Units covered by included units.
    pub included: Amount,
    /// Units covered by what was left of a package.
    pub from_package: Amount,
    /// Whole packages to be paid.
    pub packages: i128,
    /// Units left of packages afterwards.
    pub package_left: Amount,
}

impl Terms {
    /// The price of a quantity: included units first, then units of a package already paid, the rest by the rate. LC004
    /// where it reaches 10^14.
    pub fn price(&self, rate: &Rate, quantity: Amount, cycle: i32) -> Result<Price> {
        let included = quantity.min((self.included - self.meter.included_in(cycle)).or_zero());
        let from_package = (quantity - included).min(self.meter.package_left);
        let priced = quantity - included - from_package;
        let left = self.meter.package_left - from_package;
        let too_much = || Error::amount("the price would reach 10^14").detail(format!("quantity={quantity}"));
        let (amount, packages, package_left) = match rate.model {
            RateModel::PerUnit => {
                let amount = priced.times_up(rate.credits, rate.per_units).ok_or_else(too_much)?;
                (amount, 0, left)
            }
            RateModel::Package => {
                let packages = divided_up(priced.micros(), rate.per_units.micros());
                let amount = packages.checked_mul(rate.credits.micros()).ok_or_else(too_much)?;
                // Below one package more than what is priced.
                let bought = Amount::from_micros(packages * rate.per_units.micros());
                (Amount::from_micros(amount), packages, left + bought - priced)
            }
        };
        Ok(Price { amount: amount.checked("price")?, included, from_package, packages, package_left })
    }
}

impl Price {
    fn is_by_package(&self) -> bool {
        self.from_package.is_positive() || self.packages > 0
    }

    /// Whether included units or a package bear some of it.
    pub fn covers(&self) -> bool {
        self.is_by_package() || self.included.is_positive()
    }
}

impl Terms {
    /// What an entry keeps of a price that a package has to do with.
    pub fn package_detail(&self, price: &Price) -> Option<PackageDetail> {
        let rate = self.rate.filter(|_| price.is_by_package())?;
        Some(PackageDetail {
            per_units: rate.per_units,
            credits: rate.credits,
            packages: price.packages.to_string(),
            from_package: price.from_package,
            package_left: price.package_left,
        })
    }

    /// What a charge of this quantity would cost now. LC014 where no rate is defined.
    pub fn quote(&self, feature: &str, quantity: Amount, cycle: i32) -> Result<Amount> {
        match &self.rate {
            Some(rate) if rate.free => Ok(Amount::ZERO),
            Some(rate) => Ok(self.price(rate, quantity, cycle)?.amount),
            None => Err(unknown_feature(feature)),
        }
    }
}

/// What an entry keeps, as JSON, of a charge that a package covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageDetail {
    /// Units of a package, and its credits.
    pub per_units: Amount,
    pub credits: Amount,
    /// Packages that this charge paid; as text, because there may be more than a JSON number holds.
    pub packages: String,
    /// Units that an earlier charge had paid for.
    pub from_package: Amount,
    /// Units left afterwards.
    pub package_left: Amount,
}

impl PackageDetail {
    /// Packages that the charge paid.
    pub fn packages(&self) -> Result<i128> {
        self.packages.parse().map_err(|_| Error::invalid(format!("not a number of packages: {:?}", self.packages)))
    }
}

/// What an entry of a debit or a charge keeps, as JSON, where there is something to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawDetail {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageDetail>,
    /// Where on the account's line of debt that lies which it drew past zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debt_from: Option<Amount>,
}

kept_as_json!(DrawDetail, "the detail of a debit");

impl DrawDetail {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.package.is_none() && self.debt_from.is_none()
    }
}
