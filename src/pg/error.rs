//! Errors on their way between Rust and Postgres.

use super::ffi;
use credits_domain::error::Error as LedgerError;
use pgrx::pg_sys::{self, ErrorData};
use std::ffi::{CStr, CString, c_char, c_int};
use std::fmt;
use std::mem::MaybeUninit;

/// Why a call failed.
#[derive(Debug)]
pub enum Error {
    /// The ledger refused it: class LC.
    Ledger(Box<LedgerError>),
    /// Postgres did: whatever SQLSTATE it gave.
    Postgres(PgError),
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A fault of the program or of the stored data, XX000.
    pub fn internal(message: impl AsRef<str>) -> Self {
        Error::Postgres(PgError::new("XX000", message.as_ref(), None, None))
    }

    /// Reports it to Postgres, which jumps to its nearest handler: nothing with a destructor may be alive in any
    /// caller up to there.
    pub fn raise(self) -> ! {
        let error = match self {
            Error::Postgres(error) => error,
            Error::Ledger(error) => {
                let hint = error.hint.as_deref().unwrap_or(error.code.hint());
                PgError::new(error.code.sqlstate(), &error.message, error.detail.as_deref(), Some(hint))
            }
        };
        error.raise()
    }
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        Error::Ledger(Box::new(error))
    }
}

impl From<PgError> for Error {
    fn from(error: PgError) -> Self {
        Error::Postgres(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Ledger(error) => error.fmt(f),
            Error::Postgres(error) => error.fmt(f),
        }
    }
}

/// An error of Postgres with all its fields. It owns its texts, so it outlives memory contexts and subtransactions.
pub struct PgError(Box<Report>);

struct Report {
    /// The plain fields; its pointers are null.
    data: ErrorData,
    texts: [Option<CString>; TEXTS],
    /// Made here, so that Postgres has not yet added the context in which it happened.
    new: bool,
}

const TEXTS: usize = 17;
const MESSAGE: usize = 0;
const DETAIL: usize = 1;
const HINT: usize = 2;

/// Where an `ErrorData` points to its texts.
fn text_fields(data: &mut ErrorData) -> [*mut *mut c_char; TEXTS] {
    [
        &raw mut data.message,
        &raw mut data.detail,
        &raw mut data.hint,
        &raw mut data.detail_log,
        &raw mut data.context,
        &raw mut data.backtrace,
        &raw mut data.schema_name,
        &raw mut data.table_name,
        &raw mut data.column_name,
        &raw mut data.datatype_name,
        &raw mut data.constraint_name,
        &raw mut data.internalquery,
        (&raw mut data.filename).cast(),
        (&raw mut data.funcname).cast(),
        (&raw mut data.domain).cast(),
        (&raw mut data.context_domain).cast(),
        (&raw mut data.message_id).cast(),
    ]
}

impl PgError {
    /// An error of level ERROR.
    pub fn new(sqlstate: &str, message: &str, detail: Option<&str>, hint: Option<&str>) -> Self {
        let data = ErrorData {
            elevel: pg_sys::PGERROR as c_int,
            sqlerrcode: encode_sqlstate(sqlstate),
            ..ErrorData::default()
        };
        let mut texts = [const { None }; TEXTS];
        texts[MESSAGE] = Some(without_zeros(message));
        texts[DETAIL] = detail.map(without_zeros);
        texts[HINT] = hint.map(without_zeros);
        PgError(Box::new(Report { data, texts, new: true }))
    }

    /// Takes over the error that Postgres has just reported.
    unsafe fn take() -> Self {
        unsafe {
            let Some(original) = catch(|| ffi::CopyErrorData()) else {
                ffi::FlushErrorState();
                return PgError::new("53200", "out of memory", None, None);
            };
            ffi::FlushErrorState();
            let mut data = *original;
            let texts = text_fields(&mut data).map(|field| {
                let text = field.replace(std::ptr::null_mut());
                (!text.is_null()).then(|| CStr::from_ptr(text).to_owned())
            });
            data.assoc_context = std::ptr::null_mut();
            ffi::FreeErrorData(original);
            PgError(Box::new(Report { data, texts, new: false }))
        }
    }

    pub fn message(&self) -> String {
        self.0.texts[MESSAGE].as_ref().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub fn sqlstate(&self) -> String {
        decode_sqlstate(self.0.data.sqlerrcode)
    }

    fn raise(self) -> ! {
        let new = self.0.new;
        unsafe {
            let data = self.into_palloc();
            if new {
                ffi::ThrowErrorData(data);
            }
            // Reached for errors that were caught only: ThrowErrorData does not return at level ERROR.
            ffi::ReThrowError(data)
        }
    }

    /// Moves it into memory that Postgres frees by itself. Cannot jump: what there is no memory for is left out.
    unsafe fn into_palloc(self) -> *mut ErrorData {
        unsafe {
            let Report { mut data, texts, .. } = *self.0;
            for (field, text) in text_fields(&mut data).into_iter().zip(&texts) {
                if let Some(text) = text {
                    let bytes = text.as_bytes_with_nul();
                    let copy = ffi::try_palloc(bytes.len());
                    if !copy.is_null() {
                        std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
                        *field = copy.cast();
                    }
                }
            }
            data.assoc_context = pg_sys::CurrentMemoryContext;
            let place = ffi::try_palloc(size_of::<ErrorData>()).cast::<ErrorData>();
            if place.is_null() {
                return oom_report(data);
            }
            place.write(data);
            place
        }
    }
}

/// A place for the report where there is no memory at all.
unsafe fn oom_report(data: ErrorData) -> *mut ErrorData {
    static mut RESERVE: MaybeUninit<ErrorData> = MaybeUninit::uninit();
    unsafe {
        let place = (&raw mut RESERVE).cast::<ErrorData>();
        place.write(data);
        place
    }
}

impl fmt::Display for PgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sqlstate(), self.message())
    }
}

impl fmt::Debug for PgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Runs `f` and turns an error that Postgres reports in it into a value.
///
/// # Safety
/// Nothing with a destructor may be alive inside `f` when a Postgres function is called, and `f` must not panic.
/// Where `f` can run SQL, the failed part has to be rolled back: by passing the error on, or by [`subtransaction`].
pub unsafe fn pg_try<T: Copy>(f: impl FnOnce() -> T) -> std::result::Result<T, PgError> {
    unsafe { catch(f).ok_or_else(|| PgError::take()) }
}

/// As [`pg_try`], but leaves the error where Postgres put it.
unsafe fn catch<T: Copy>(f: impl FnOnce() -> T) -> Option<T> {
    unsafe {
        let memory = pg_sys::CurrentMemoryContext;
        let (handler, callbacks) = (pg_sys::PG_exception_stack, pg_sys::error_context_stack);
        let mut value = MaybeUninit::<T>::uninit();
        let jumped = cee_scape::call_with_sigsetjmp(false, |here| {
            pg_sys::PG_exception_stack = std::ptr::from_ref(here).cast_mut().cast();
            value.write(f());
            0
        });
        pg_sys::PG_exception_stack = handler;
        pg_sys::error_context_stack = callbacks;
        if jumped == 0 {
            Some(value.assume_init())
        } else {
            pg_sys::CurrentMemoryContext = memory;
            None
        }
    }
}

/// Reports an internal error from inside a [`pg_try`]. The text is put together of parts, to own nothing.
pub(super) unsafe fn throw_internal(parts: &[&str]) -> ! {
    unsafe {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let message = ffi::palloc(length + 1).cast::<u8>();
        let mut end = message;
        for part in parts {
            std::ptr::copy_nonoverlapping(part.as_ptr(), end, part.len());
            end = end.add(part.len());
        }
        end.write(0);
        let mut data = ErrorData {
            elevel: pg_sys::PGERROR as c_int,
            sqlerrcode: encode_sqlstate("XX000"),
            message: message.cast(),
            assoc_context: pg_sys::CurrentMemoryContext,
            ..ErrorData::default()
        };
        ffi::ThrowErrorData(&raw mut data);
        // Not reached: level ERROR does not return.
        ffi::ReThrowError(&raw mut data)
    }
}

fn without_zeros(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| CString::new(text.replace('\0', "")).unwrap_or_default())
}

/// Six bits a character, the first one lowest.
fn encode_sqlstate(sqlstate: &str) -> c_int {
    sqlstate.bytes().take(5).enumerate().fold(0, |code, (i, c)| code | ((c_int::from(c) - 0x30) & 0x3f) << (6 * i))
}

fn decode_sqlstate(code: c_int) -> String {
    (0..5).map(|i| char::from((code >> (6 * i) & 0x3f) as u8 + 0x30)).collect()
}
