//! Amounts of credits: exact fixed-point numbers with six decimals.

use crate::error::{Error, Result};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

/// An amount in micro-credits (millionths of a credit).
///
/// Every amount of the ledger, and every sum on an account, lies strictly between -10^14 and 10^14 credits, which is
/// 67 bits of micro-credits: more than an i64 holds, far less than an i128. So plain addition of
/// in-range amounts cannot overflow; `checked` is applied where a sum becomes an account's balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

/// Number of decimals an amount keeps.
pub const DECIMALS: u32 = 6;
const MICRO: i128 = 1_000_000;
/// The first magnitude that is out of range: 10^14 credits.
const LIMIT: i128 = 100_000_000_000_000 * MICRO;

impl Amount {
    pub const ZERO: Amount = Amount(0);
    /// The largest amount there is.
    pub const MAX: Amount = Amount(LIMIT - 1);

    /// From micro-credits, unchecked.
    pub const fn from_micros(micros: i128) -> Self {
        Self(micros)
    }

    /// From whole credits.
    pub const fn from_credits(credits: i64) -> Self {
        Self(credits as i128 * MICRO)
    }

    /// In micro-credits.
    pub const fn micros(self) -> i128 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Itself if it is within ±10^14 (exclusive), else LC004. `what` names the figure in the message.
    pub fn checked(self, what: &str) -> Result<Self> {
        if self.0.abs() < LIMIT {
            Ok(self)
        } else {
            Err(Error::amount(format!("{what} would reach 10^14")).detail(format!("{}={self}", what.replace(' ', "_"))))
        }
    }

    /// `self × percent / 100`, rounded down to the sixth decimal. Neither may be negative.
    pub fn percent(self, percent: Amount) -> Amount {
        debug_assert!(self.0 >= 0 && percent.0 >= 0);
        Self(self.0 * percent.0 / (100 * MICRO))
    }

    /// `self × numerator / denominator`, rounded up to the sixth decimal; `None` where it is beyond all amounts. None of
    /// them may be negative, the denominator must be above zero.
    pub fn times_up(self, numerator: Amount, denominator: Amount) -> Option<Amount> {
        let (quotient, rest) = self.times(numerator, denominator)?;
        quotient.checked_add(i128::from(rest)).map(Self)
    }

    /// The same rounded down.
    pub fn times_down(self, numerator: Amount, denominator: Amount) -> Option<Amount> {
        self.times(numerator, denominator).map(|(quotient, _)| Self(quotient))
    }

    /// The whole micros, and whether there is a rest.
    fn times(self, numerator: Amount, denominator: Amount) -> Option<(i128, bool)> {
        debug_assert!(self.0 >= 0 && numerator.0 >= 0 && denominator.0 > 0);
        let (a, b, d) = (self.0, numerator.0, denominator.0);
        if let Some(product) = a.checked_mul(b) {
            return Some((product / d, product % d > 0));
        }
        // Two amounts of 67 bits each: the product bit by bit, divided as it grows.
        let (mut quotient, mut rest) = (0_i128, 0_i128);
        for bit in (0..i128::BITS - b.leading_zeros()).rev() {
            quotient = quotient.checked_mul(2)?;
            rest *= 2;
            if b >> bit & 1 == 1 {
                quotient = quotient.checked_add(a / d)?;
                rest += a % d;
            }
            quotient = quotient.checked_add(rest / d)?;
            rest %= d;
        }
        Some((quotient, rest > 0))
    }

    /// Zero where it is negative.
    pub fn or_zero(self) -> Amount {
        self.max(Self::ZERO)
    }
}

/// `a / b`, rounded up; `a` must not be negative, `b` must be above zero.
pub(crate) const fn divided_up(a: i128, b: i128) -> i128 {
    a / b + (a % b > 0) as i128
}

impl Add for Amount {
    type Output = Amount;
    fn add(self, other: Amount) -> Amount {
        Amount(self.0 + other.0)
    }
}

impl Sub for Amount {
    type Output = Amount;
    fn sub(self, other: Amount) -> Amount {
        Amount(self.0 - other.0)
    }
}

impl Neg for Amount {
    type Output = Amount;
    fn neg(self) -> Amount {
        Amount(-self.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        self.0 += other.0;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Amount) {
        self.0 -= other.0;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        amounts.fold(Amount::ZERO, Add::add)
    }
}

impl From<Amount> for Decimal {
    fn from(amount: Amount) -> Decimal {
        Decimal::from_i128_with_scale(amount.0, DECIMALS).normalize()
    }
}

impl TryFrom<Decimal> for Amount {
    type Error = Error;

    /// LC004 where it has more than six decimals or reaches 10^14.
    fn try_from(decimal: Decimal) -> Result<Amount> {
        let decimal = decimal.normalize();
        if decimal.scale() > DECIMALS {
            return Err(Error::amount(format!("{decimal} has more than {DECIMALS} decimals"))
                .detail(format!("decimals={}", decimal.scale())));
        }
        // Cannot overflow: the mantissa is below 2^96 ≈ 7.9 × 10^28, times at most 10^6.
        Amount(decimal.mantissa() * 10_i128.pow(DECIMALS - decimal.scale())).checked("amount")
    }
}

impl FromStr for Amount {
    type Err = Error;

    fn from_str(text: &str) -> Result<Amount> {
        let decimal =
            Decimal::from_str_exact(text).map_err(|e| Error::amount(format!("{text:?} is no amount: {e}")))?;
        Amount::try_from(decimal)
    }
}

/// Shortest exact decimal: `5`, `0.000001`, `-12.5`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, micros) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, fraction) = (micros / MICRO as u128, micros % MICRO as u128);
        match format!("{fraction:06}").trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            decimals => write!(f, "{sign}{whole}.{decimals}"),
        }
    }
}

impl Serialize for Amount {
    /// As text: JSON numbers are doubles in most readers, and a double cannot hold every amount.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Amount, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use proptest::prelude::*;

    #[test]
    fn shows_no_more_decimals_than_it_has() {
        assert_eq!(Amount::from_credits(5).to_string(), "5");
        assert_eq!(Amount::from_micros(1).to_string(), "0.000001");
        assert_eq!(Amount::from_micros(-12_500_000).to_string(), "-12.5");
        assert_eq!(Amount::ZERO.to_string(), "0");
        assert_eq!(Amount::MAX.to_string(), "99999999999999.999999");
    }

    #[test]
    fn refuses_what_it_cannot_hold() {
        for text in ["1e14", "100000000000000", "0.0000001", "NaN", "", "1,5", "79228162514264337593543950335"] {
            assert_eq!(text.parse::<Amount>().unwrap_err().code, Code::InvalidAmount, "{text}");
        }
        assert_eq!("1.0000000".parse(), Ok(Amount::from_credits(1)));
    }

    proptest! {
        #[test]
        fn text_and_back(micros in -(LIMIT - 1)..LIMIT) {
            let amount = Amount::from_micros(micros);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
        }

        #[test]
        fn a_ratio_is_exact_and_rounds_up(a in 0..LIMIT, b in 0..LIMIT, d in 1..LIMIT) {
            let [a, b, d] = [a, b, d].map(Amount::from_micros);
            // result × d, as twice 128 bits
            let wide = |x: Amount, y: Amount| {
                let (x, y) = (x.0 as u128, y.0 as u128);
                let (high, low) = ((x >> 64) * (y >> 64), u128::from(x as u64) * u128::from(y as u64));
                let middle = (x >> 64) * u128::from(y as u64) + (y >> 64) * u128::from(x as u64);
                let (low, carry) = low.overflowing_add(middle << 64);
                (high + (middle >> 64) + u128::from(carry), low)
            };
            match a.times_up(b, d) {
                Some(result) if result < Amount::MAX => {
                    prop_assert!(wide(result, d) >= wide(a, b));
                    prop_assert!(result.is_zero() || wide(result - Amount(1), d) < wide(a, b));
                }
                _ => prop_assert!(wide(a, b) > wide(Amount::MAX - Amount(2), d)),
            }
        }

        #[test]
        fn percent_rounds_down(micros in 0..LIMIT, percent in 0..=100_000_000i128) {
            let exact = Amount::from_micros(micros).percent(Amount::from_micros(percent)).micros();
            prop_assert!(exact * 100_000_000 <= micros * percent);
            prop_assert!((exact + 1) * 100_000_000 > micros * percent);
        }
    }
}
