//! `numeric` and amounts, digit by digit: no text in between, nothing rounded, nothing cut off.
//!
//! A numeric is a header and digits to the base 10,000, most significant first; the first one counts
//! 10,000^weight. See numeric.c of Postgres for the short and the long form of the header.

use super::bump::Bump;
use super::error::{Error, Result, pg_try};
use super::{ffi, varlena};
use credits_domain::amount::{Amount, DECIMALS};
use credits_domain::error::Error as LedgerError;
use pgrx::pg_sys::{Datum, InvalidOid};
use std::ffi::CStr;

const BASE: u64 = 10_000;
/// Micro-credits in a credit.
const MICRO: u128 = 1_000_000;

/// The two highest bits of the header tell the form.
const FORM: u16 = 0xC000;
const SPECIAL: u16 = 0xC000;
const SHORT: u16 = 0x8000;
const LONG_NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
/// A short header holds the sign, the display scale and a weight of seven bits.
const SHORT_NEGATIVE: u16 = 0x2000;
const SHORT_SCALE_SHIFT: u32 = 7;
const SHORT_WEIGHT_SIGN: u16 = 0x0040;
const SHORT_WEIGHT: u16 = 0x003F;

/// The digits that an i128 of micro-credits can need: 2 after the point, 9 before it.
const DIGITS: usize = 11;
/// Digits after the point: 8 decimals, of which an amount uses 6.
const FRACTION: i32 = 2;

/// Why a numeric is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    NotANumber,
    TooLarge,
    TooFine,
    Corrupt,
}

/// The numeric value of an amount, with no more decimals than it has. Only inside a `pg_try`.
pub(super) unsafe fn put(amount: Amount, memory: &mut Bump) -> Datum {
    let micros = amount.micros().unsigned_abs();
    let (mut whole, fraction) = match u64::try_from(micros) {
        // 64-bit division is several times as fast, and most amounts fit.
        Ok(micros) => (u128::from(micros / MICRO as u64), micros % MICRO as u64),
        Err(_) => (micros / MICRO, (micros % MICRO) as u64),
    };
    // Least significant first.
    let mut digits = [0u16; DIGITS];
    digits[0] = (fraction % 100 * 100) as u16;
    digits[1] = (fraction / 100) as u16;
    let mut count = FRACTION as usize;
    while whole > u128::from(u64::MAX) {
        digits[count] = (whole % u128::from(BASE)) as u16;
        whole /= u128::from(BASE);
        count += 1;
    }
    let mut whole = whole as u64;
    while whole > 0 {
        digits[count] = (whole % BASE) as u16;
        whole /= BASE;
        count += 1;
    }
    while count > 0 && digits[count - 1] == 0 {
        count -= 1;
    }
    let zeros = digits.iter().take_while(|digit| **digit == 0).count().min(count);
    let weight = if count == 0 { 0 } else { count as i32 - 1 - FRACTION };
    let mut header = SHORT | scale(fraction) << SHORT_SCALE_SHIFT | weight as u16 & (SHORT_WEIGHT | SHORT_WEIGHT_SIGN);
    if amount.is_negative() {
        header |= SHORT_NEGATIVE;
    }
    unsafe {
        let size = size_of::<u32>() + size_of::<u16>() * (1 + count - zeros);
        let value = memory.take(size);
        pgrx::set_varsize_4b(value.cast(), size as i32);
        let mut place = value.add(size_of::<u32>()).cast::<u16>();
        place.write(header);
        for digit in digits[zeros..count].iter().rev() {
            place = place.add(1);
            place.write(*digit);
        }
        Datum::from(value)
    }
}

/// Decimals shown, 0 to 6.
fn scale(mut fraction: u64) -> u16 {
    if fraction == 0 {
        return 0;
    }
    let mut scale = DECIMALS as u16;
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        scale -= 1;
    }
    scale
}

/// The amount that a caller's numeric is, or LC004. `what` names it in the error.
pub(super) unsafe fn get(datum: Datum, what: impl Fn() -> String) -> Result<Amount> {
    decode(unsafe { varlena::bytes(datum)? })
        .and_then(
            |amount| if amount <= Amount::MAX && -amount <= Amount::MAX { Ok(amount) } else { Err(Refusal::TooLarge) },
        )
        .map_err(|refusal| unsafe { refused(datum, refusal, &what()) })
}

/// The amount that a stored numeric is. Sums that time makes may reach 10^14, where no caller is there to be refused;
/// they must stay readable.
pub(super) unsafe fn get_stored(datum: Datum, what: impl Fn() -> String) -> Result<Amount> {
    decode(unsafe { varlena::bytes(datum)? }).map_err(|refusal| unsafe { refused(datum, refusal, &what()) })
}

fn decode(bytes: &[u8]) -> std::result::Result<Amount, Refusal> {
    let (header, rest) = word(bytes).ok_or(Refusal::Corrupt)?;
    let (negative, weight, digits) = match header & FORM {
        SPECIAL if header == NAN => return Err(Refusal::NotANumber),
        SPECIAL => return Err(Refusal::TooLarge),
        SHORT => {
            let magnitude = (header & SHORT_WEIGHT) as i32;
            let below = if header & SHORT_WEIGHT_SIGN == 0 { 0 } else { i32::from(SHORT_WEIGHT_SIGN) };
            (header & SHORT_NEGATIVE != 0, magnitude - below, rest)
        }
        form => {
            let (weight, digits) = word(rest).ok_or(Refusal::Corrupt)?;
            (form == LONG_NEGATIVE, i32::from(weight as i16), digits)
        }
    };
    let mut micros = 0i128;
    let mut power = weight;
    for pair in digits.chunks_exact(2) {
        let digit = i128::from(u16::from_ne_bytes([pair[0], pair[1]]));
        micros += match power {
            _ if digit == 0 => 0,
            5.. => return Err(Refusal::TooLarge),
            4 => digit * 10_000_000_000_000_000_000_000,
            3 => digit * 1_000_000_000_000_000_000,
            2 => digit * 100_000_000_000_000,
            1 => digit * 10_000_000_000,
            0 => digit * 1_000_000,
            -1 => digit * 100,
            -2 if digit % 100 == 0 => digit / 100,
            _ => return Err(Refusal::TooFine),
        };
        power -= 1;
    }
    Ok(Amount::from_micros(if negative { -micros } else { micros }))
}

fn word(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((u16::from_ne_bytes(*word), rest))
}

#[cold]
unsafe fn refused(datum: Datum, refusal: Refusal, what: &str) -> Error {
    let message = match refusal {
        Refusal::NotANumber => format!("{what} is not a number"),
        Refusal::TooLarge => format!("{what} must lie between -10^14 and 10^14"),
        Refusal::TooFine => format!("{what} has more than {DECIMALS} decimals"),
        Refusal::Corrupt => return Error::internal(format!("{what} is not a valid numeric value")),
    };
    let shown = unsafe {
        pg_try(|| ffi::DirectFunctionCall1Coll(Some(ffi::numeric_out), InvalidOid, datum).cast_mut_ptr::<i8>())
            .map(|text| CStr::from_ptr(text.cast()).to_string_lossy().into_owned())
    };
    match shown {
        Ok(shown) => LedgerError::amount(message).detail(format!("{what}={}", shortened(shown))).into(),
        Err(error) => error.into(),
    }
}

/// A numeric may have a hundred thousand digits; the first ones tell enough.
fn shortened(mut number: String) -> String {
    const SHOWN: usize = 40;
    if number.len() > SHOWN {
        number.truncate(SHOWN);
        number.push_str("...");
    }
    number
}
