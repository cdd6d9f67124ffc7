//! The C entry points of the SQL functions.

pub use super::args::Args;
use super::error::{Error, Result};
use super::output::{self, Set};
use super::session;
use super::subtransaction::Handover;
use super::types::Type;
use super::value::Value;
use pgrx::pg_sys::panic::pgrx_extern_c_guard;
use pgrx::pg_sys::{Datum, FunctionCallInfo, Pg_finfo_record};

/// What a function's SQL declaration has to say, for a test to compare with the catalogue.
#[derive(Debug)]
pub struct Signature {
    pub name: &'static str,
    /// Names and SQL types.
    pub args: &'static [(&'static str, &'static str)],
    /// The types of the arguments.
    pub types: &'static [Type],
    /// The SQL type of the result, or of its rows; `record` for `table (…)`.
    pub returns: &'static str,
    /// Whether it returns any number of rows.
    pub set: bool,
}

impl Signature {
    /// The library is of another version than the SQL that calls it.
    #[cold]
    pub(super) fn outdated(&self) -> Error {
        Error::Postgres(super::error::PgError::new(
            "55000",
            &format!("{} is declared with another number of arguments than the library has", self.name),
            None,
            Some("Update the extension with ALTER EXTENSION credits_ledger UPDATE, and start a new session."),
        ))
    }
}

/// What a handler returns.
pub enum Output {
    Null,
    Value(Value),
    /// A row of the composite type that the function returns.
    Row(Vec<Value>),
    /// For functions that return a set; a set of plain values has rows of one column.
    Rows(Vec<Vec<Value>>),
    /// The same for sets that may be too large to be made at once: adds the rows one by one.
    Stream(RowMaker),
}

pub type RowMaker = Box<dyn FnOnce(&mut Set) -> Result<()>>;

pub type Handler = fn(&Args) -> Result<Output>;

/// Runs a handler and gives Postgres its result or its error.
///
/// # Safety
/// To be called by Postgres only, with the call's own data.
pub unsafe fn run(call: FunctionCallInfo, signature: &'static Signature, handler: Handler) -> Datum {
    unsafe {
        entry(|| {
            let args = Args::new(call, signature)?;
            let output = handler(&args)?;
            output::put(call, signature, output)
        })
    }
}

/// Turns a panic or an error in `f` into an error of Postgres, after everything in `f` was dropped.
///
/// # Safety
/// To be called first in a function that Postgres calls: nothing with a destructor may be alive in it.
pub(super) unsafe fn entry(f: impl FnOnce() -> Result<Datum>) -> Datum {
    let guarded = || {
        let _handover = Handover::new();
        session::define_late()?;
        f()
    };
    match unsafe { pgrx_extern_c_guard(guarded) } {
        Ok(datum) => datum,
        Err(error) => error.raise(),
    }
}

/// Tells Postgres by which convention to call a function.
#[doc(hidden)]
pub static FINFO: Pg_finfo_record = Pg_finfo_record { api_version: 1 };

/// Defines the C entry point of a SQL function and its `SIGNATURE`.
///
/// ```ignore
/// sql_function! {
///     credits_debit(account: text, amount: numeric, idempotency_key: text, feature: text = null)
///         -> credits_receipt, volatile, handler = debit
/// }
/// ```
/// Sets are `-> setof t` or `-> table (a: text, b: numeric)`. Defaults, volatility and the columns of a table are for
/// the reader; what counts is the SQL declaration. A second function in a module names its signature:
/// `…, handler = thaw, signature = THAW`.
#[macro_export]
macro_rules! sql_function {
    ($name:ident $args:tt -> setof $returns:ident, $($rest:tt)*) => {
        $crate::sql_function!(@named $name $args ($returns, true) $($rest)*);
    };
    ($name:ident $args:tt -> table ( $($columns:tt)* ), $($rest:tt)*) => {
        $crate::sql_function!(@named $name $args (record, true) $($rest)*);
    };
    ($name:ident $args:tt -> $returns:ident, $($rest:tt)*) => {
        $crate::sql_function!(@named $name $args ($returns, false) $($rest)*);
    };
    (@named $name:ident $args:tt $result:tt $volatility:ident, handler = $handler:path $(,)?) => {
        $crate::sql_function!(@define $name $args $result $handler, SIGNATURE);
    };
    (@named $name:ident $args:tt $result:tt $volatility:ident,
        handler = $handler:path, signature = $signature:ident $(,)?
    ) => {
        $crate::sql_function!(@define $name $args $result $handler, $signature);
    };
    (@define $name:ident
        ( $($arg:ident : $type:ident $([$($array:tt)*])? $(= $default:expr)?),* $(,)? )
        ( $returns:ident, $set:literal )
        $handler:path, $signature:ident
    ) => {
        /// What the SQL declaration has to say.
        pub const $signature: $crate::pg::function::Signature = $crate::pg::function::Signature {
            name: stringify!($name),
            args: &[$((stringify!($arg), concat!(stringify!($type) $(, "[]", $($array)*)?))),*],
            types: &[$($crate::pg::function::type_named(concat!(stringify!($type) $(, "[]", $($array)*)?))),*],
            returns: stringify!($returns),
            set: $set,
        };

        // The names in here are unusual, so that none hides the handler.
        const _: () = {
            static __SIGNATURE: $crate::pg::function::Signature = $signature;

            #[unsafe(export_name = stringify!($name))]
            unsafe extern "C-unwind" fn __call(call: ::pgrx::pg_sys::FunctionCallInfo) -> ::pgrx::pg_sys::Datum {
                unsafe { $crate::pg::function::run(call, &__SIGNATURE, $handler) }
            }

            #[unsafe(export_name = concat!("pg_finfo_", stringify!($name)))]
            extern "C" fn __info() -> &'static ::pgrx::pg_sys::Pg_finfo_record {
                &$crate::pg::function::FINFO
            }
        };
    };
}

/// The type of this name in SQL.
#[doc(hidden)]
pub const fn type_named(name: &'static str) -> Type {
    Type::named(name)
}
