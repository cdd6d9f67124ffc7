//! The clock, the caller, randomness: what a session knows.

use super::error::{Error, PgError, Result, pg_try};
use super::ffi;
use super::setting::{get, refuse};
use credits_domain::time::Timestamp;
use pgrx::pg_sys::{self, Datum, GucContext, GucSource, InvalidOid};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};

thread_local! {
    /// What `credits_ledger.now` says, if it is set.
    static NOW: Cell<Option<i64>> = const { Cell::new(None) };
}

/// The ledger's time now, and whether it comes from the setting `credits_ledger.now`.
pub fn clock() -> Result<(Timestamp, bool)> {
    Ok(match NOW.get() {
        Some(now) => (Timestamp(now), true),
        None => (Timestamp(unsafe { ffi::GetCurrentTimestamp() }), false),
    })
}

/// One instant for a whole statement: when it began, or what `credits_ledger.now` says.
pub fn statement_time() -> Timestamp {
    Timestamp(NOW.get().unwrap_or_else(|| unsafe { ffi::GetCurrentStatementStartTimestamp() }))
}

/// When the transaction began, which is what `now()` says in SQL; or what `credits_ledger.now` says.
pub fn transaction_time() -> Timestamp {
    Timestamp(NOW.get().unwrap_or_else(|| unsafe { ffi::GetCurrentTransactionStartTimestamp() }))
}

/// The role in whose name the session acts: not the owner of a SECURITY DEFINER function that was called on the way.
pub fn invoker() -> Result<String> {
    unsafe {
        let role = ffi::GetOuterUserId();
        let name = pg_try(|| ffi::GetUserNameFromId(role, true))?;
        if name.is_null() {
            // Dropped while it was connected.
            return Ok(role.to_u32().to_string());
        }
        let text = CStr::from_ptr(name).to_string_lossy().into_owned();
        pg_sys::pfree(name.cast());
        Ok(text)
    }
}

/// 16 bytes that nobody can guess.
pub fn random_salt() -> Result<[u8; 16]> {
    let mut salt = [0; 16];
    if unsafe { ffi::pg_strong_random(salt.as_mut_ptr().cast(), salt.len()) } {
        Ok(salt)
    } else {
        Err(Error::internal("the system gave no random numbers"))
    }
}

/// Lets a cancel or a timeout act; for loops that may take long.
pub fn check_interrupts() -> Result<()> {
    unsafe {
        if (&raw const pg_sys::InterruptPending).read_volatile() != 0 {
            pg_try(|| ffi::ProcessInterrupts())?;
        }
    }
    Ok(())
}

/// Tells the client, and goes on.
pub fn warn(message: &str) {
    pgrx::warning!("{message}");
}

/// One account's trouble is not the others': its own calls will say so, too. What Postgres itself reports ends the call.
pub fn warn_about(account: &str, error: Error) -> Result<()> {
    match error {
        Error::Ledger(error) => {
            warn(&format!("account {account:?} is left as it is: {error}"));
            Ok(())
        }
        error => Err(error),
    }
}

/// Tells the server's log.
pub fn log(message: &str) {
    pgrx::log!("{message}");
}

/// What `credits_ledger.notify` says. Postgres writes it.
static mut NOTIFIES: bool = false;

/// Whether new events are to be announced to those who LISTEN.
pub fn notifies() -> bool {
    unsafe { (&raw const NOTIFIES).read() }
}

thread_local! {
    /// Defines the settings, which could not be done when the library was loaded.
    static UNDEFINED: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Defines settings by `define`. For `_PG_init`. A library that is loaded by a call in a parallel query cannot: Postgres
/// would forget what the settings were set to. Then it is done by the first call outside of one.
pub fn define(define: fn()) {
    match unsafe { ffi::IsInParallelMode() } {
        true => UNDEFINED.set(Some(define)),
        false => define(),
    }
}

/// At the beginning of each call. An error where the clock is set and that cannot be told yet.
pub(super) fn define_late() -> Result<()> {
    let Some(define) = UNDEFINED.get() else { return Ok(()) };
    if !unsafe { ffi::IsInParallelMode() } {
        UNDEFINED.set(None);
        unsafe { pg_try(define) }?;
        return Ok(());
    }
    match get(c"credits_ledger.now").is_empty() {
        true => Ok(()),
        false => Err(Error::Postgres(PgError::new(
            "55000",
            "credits_ledger.now is set, and the library is first used in a parallel query",
            None,
            Some("LOAD 'credits_ledger' first, or call any function of the ledger in a query of its own."),
        ))),
    }
}

/// For [`define`].
pub fn define_settings() {
    static mut TEXT: *mut c_char = std::ptr::null_mut();
    unsafe {
        ffi::DefineCustomStringVariable(
            c"credits_ledger.now".as_ptr(),
            c"Replaces the clock of the ledger, for tests and simulations.".as_ptr(),
            c"A timestamp with time zone; empty: the server's clock. Entries record that the clock was set.".as_ptr(),
            &raw mut TEXT,
            c"".as_ptr(),
            GucContext::PGC_SUSET,
            0,
            Some(check_now),
            Some(assign_now),
            None,
        );
        ffi::DefineCustomBoolVariable(
            c"credits_ledger.notify".as_ptr(),
            c"Sends an empty NOTIFY credits_ledger on commit where there are new events.".as_ptr(),
            c"A transaction that notifies cannot be prepared for two-phase commit, and anyone may LISTEN.".as_ptr(),
            &raw mut NOTIFIES,
            false,
            GucContext::PGC_USERSET,
            0,
            None,
            None,
            None,
        );
        ffi::MarkGUCPrefixReserved(c"credits_ledger".as_ptr());
    }
}

/// Parses the setting once, as Postgres parses any timestamptz; `extra` carries the result to [`assign_now`].
unsafe extern "C-unwind" fn check_now(text: *mut *mut c_char, extra: *mut *mut c_void, _: GucSource::Type) -> bool {
    unsafe {
        let text = *text;
        if text.is_null() || CStr::from_ptr(text).is_empty() {
            return true;
        }
        let parsed = pg_try(|| {
            let no_typmod = Datum::from(-1i32);
            let type_ = Datum::from(InvalidOid);
            ffi::DirectFunctionCall3Coll(Some(ffi::timestamptz_in), InvalidOid, Datum::from(text), type_, no_typmod)
        });
        match parsed {
            Ok(datum) if Timestamp(datum.value() as i64).is_finite() => {
                let place = guc_alloc(size_of::<i64>()).cast::<i64>();
                if place.is_null() {
                    return false;
                }
                place.write(datum.value() as i64);
                *extra = place.cast();
                true
            }
            Ok(_) => refuse("The clock cannot stand at infinity."),
            Err(error) => refuse(&error.message()),
        }
    }
}

unsafe extern "C-unwind" fn assign_now(_: *const c_char, extra: *mut c_void) {
    NOW.set(if extra.is_null() { None } else { Some(unsafe { extra.cast::<i64>().read() }) });
}

/// Memory that the settings machinery frees by itself.
unsafe fn guc_alloc(size: usize) -> *mut c_void {
    #[cfg(feature = "pg15")]
    unsafe {
        malloc(size)
    }
    #[cfg(not(feature = "pg15"))]
    unsafe {
        guc_malloc(pg_sys::LOG as i32, size)
    }
}

unsafe extern "C-unwind" {
    #[cfg(feature = "pg15")]
    fn malloc(size: usize) -> *mut c_void;
    #[cfg(not(feature = "pg15"))]
    fn guc_malloc(level: i32, size: usize) -> *mut c_void;
}
