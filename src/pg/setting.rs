//! Settings of the configuration file that a reload changes.

use super::ffi;
use pgrx::pg_sys::{GucContext, GucSource};
use std::ffi::{CStr, c_char, c_int, c_void};

/// What a setting may say.
pub trait Check {
    /// Why not, where it may not say this.
    fn check(text: &str) -> std::result::Result<(), String>;
}

/// Defines a setting that is a text, empty by default. `flags` are those of `guc.h`.
pub fn define_text<C: Check>(name: &'static CStr, short: &'static CStr, long: &'static CStr, flags: u32) {
    let place: &'static mut *mut c_char = Box::leak(Box::new(std::ptr::null_mut()));
    unsafe {
        ffi::DefineCustomStringVariable(
            name.as_ptr(),
            short.as_ptr(),
            long.as_ptr(),
            place,
            c"".as_ptr(),
            GucContext::PGC_SIGHUP,
            flags as c_int,
            Some(check::<C>),
            None,
            None,
        );
    }
}

/// Defines a setting that is a number.
pub fn define_number(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    initial: i32,
    range: std::ops::RangeInclusive<i32>,
    flags: u32,
) {
    let place: &'static mut c_int = Box::leak(Box::new(initial));
    unsafe {
        ffi::DefineCustomIntVariable(
            name.as_ptr(),
            short.as_ptr(),
            long.as_ptr(),
            place,
            initial,
            *range.start(),
            *range.end(),
            GucContext::PGC_SIGHUP,
            flags as c_int,
            None,
            None,
            None,
        );
    }
}

/// What a setting says now; a number in its base unit.
pub fn get(name: &CStr) -> String {
    unsafe {
        let text = ffi::GetConfigOption(name.as_ptr(), true, false);
        if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    }
}

unsafe extern "C-unwind" fn check<C: Check>(text: *mut *mut c_char, _: *mut *mut c_void, _: GucSource::Type) -> bool {
    unsafe {
        if (*text).is_null() {
            return true;
        }
        match CStr::from_ptr(*text).to_str() {
            Ok(text) => C::check(text).map_or_else(|why| refuse(&why), |()| true),
            Err(_) => refuse("It is not valid UTF-8."),
        }
    }
}

/// Says why in the DETAIL of the error that Postgres will report.
pub(super) unsafe fn refuse(why: &str) -> bool {
    unsafe {
        let text = ffi::try_palloc(why.len() + 1);
        if !text.is_null() {
            std::ptr::copy_nonoverlapping(why.as_ptr(), text, why.len());
            text.add(why.len()).write(0);
            GUC_check_errdetail_string = text.cast();
        }
        false
    }
}

unsafe extern "C-unwind" {
    static mut GUC_check_errdetail_string: *mut c_char;
}
