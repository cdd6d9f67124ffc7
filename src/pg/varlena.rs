//! Values of variable length: texts and bytes.

use super::bump::Bump;
use super::error::{Error, Result, pg_try};
use super::ffi;
use credits_domain::error::Error as LedgerError;
use pgrx::pg_sys::{Datum, varlena};

/// The bytes of a value, unpacked where it is stored compressed or elsewhere.
///
/// # Safety
/// `datum` is a live value of a type of variable length; the bytes live as long as it, or, where it had to be
/// unpacked, as the current memory context.
pub(super) unsafe fn bytes<'a>(datum: Datum) -> Result<&'a [u8]> {
    unsafe {
        let mut value = datum.cast_mut_ptr::<varlena>();
        if pgrx::varatt_is_1b_e(value) || pgrx::varatt_is_4b_c(value) {
            value = pg_try(|| ffi::pg_detoast_datum_packed(value))?;
        }
        Ok(std::slice::from_raw_parts(pgrx::vardata_any(value).cast(), pgrx::varsize_any_exhdr(value)))
    }
}

/// As [`bytes`], for text. `what` names it in the error.
pub(super) unsafe fn text<'a>(datum: Datum, what: &str) -> Result<&'a str> {
    std::str::from_utf8(unsafe { bytes(datum)? }).map_err(|_| not_utf8(what))
}

#[cold]
pub(super) fn not_utf8(what: &str) -> Error {
    LedgerError::invalid(format!("{what} is not valid UTF-8"))
        .hint("The ledger keeps texts as UTF-8: use a database with that encoding.")
        .into()
}

/// A text or bytea value. Only inside a `pg_try`.
pub(super) unsafe fn put(bytes: &[u8], memory: &mut Bump) -> Datum {
    unsafe {
        let size = size_of::<u32>() + bytes.len();
        let value = memory.take(size);
        pgrx::set_varsize_4b(value.cast(), size as i32);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.add(size_of::<u32>()), bytes.len());
        Datum::from(value)
    }
}
