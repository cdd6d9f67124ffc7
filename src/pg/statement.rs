//! Statements and their plans.

use super::error::{Error, Result};
use super::ffi;
use super::spi::check_or_throw;
use super::types::Type;
use super::value::Value;
use pgrx::pg_sys::{self, InvalidOid, Oid, SPIPlanPtr};
use std::cell::Cell;

/// A statement with the types of its parameters, meant for a `static`. Its plan is made at first use in a session,
/// for any values of the parameters, and kept. Postgres makes it anew by itself when tables change.
pub struct Statement {
    sql: &'static str,
    types: &'static [Type],
    plan: Cell<SPIPlanPtr>,
    /// The OID of its `RowsOf` parameter when the plan was made; it changes when the extension is created again.
    rows: Cell<Oid>,
    /// Which parameter that is.
    rows_at: Option<usize>,
}

/// # Safety
/// A backend of Postgres has one thread.
unsafe impl Sync for Statement {}

/// The most parameters of a statement.
const MAX_PARAMETERS: usize = 64;

impl Statement {
    /// At most one parameter can be a `RowsOf`.
    pub const fn new(sql: &'static str, types: &'static [Type]) -> Statement {
        assert!(types.len() <= MAX_PARAMETERS, "too many parameters");
        let (mut rows_at, mut i) = (None, 0);
        while i < types.len() {
            if matches!(types[i], Type::RowsOf(_)) {
                assert!(rows_at.is_none(), "more than one parameter of rows");
                rows_at = Some(i);
            }
            i += 1;
        }
        Statement { sql, types, plan: Cell::new(std::ptr::null_mut()), rows: Cell::new(InvalidOid), rows_at }
    }

    /// Whether these values fit its parameters.
    pub(super) fn check(&self, values: &[Value]) -> Result<()> {
        if values.len() != self.types.len() {
            return Err(self.misused(&format!("takes {} parameters, not {}", self.types.len(), values.len())));
        }
        match values.iter().zip(self.types).position(|(value, type_)| !value.is_of(*type_)) {
            None => Ok(()),
            Some(i) => Err(self.misused(&format!("takes {:?} as ${}", self.types[i], i + 1))),
        }
    }

    #[cold]
    fn misused(&self, how: &str) -> Error {
        Error::internal(format!("a statement {how}: {}", self.sql))
    }

    /// Its plan. Only inside a `pg_try`, in a session connected to SPI.
    pub(super) unsafe fn plan(&self) -> SPIPlanPtr {
        unsafe {
            let rows = match self.rows_at {
                Some(i) => self.types[i].oid(),
                None => InvalidOid,
            };
            if self.plan.get().is_null() || self.rows.get() != rows {
                self.make_plan(rows);
            }
            self.plan.get()
        }
    }

    #[cold]
    unsafe fn make_plan(&self, rows: Oid) {
        unsafe {
            let mut types = [InvalidOid; MAX_PARAMETERS];
            for (place, type_) in types.iter_mut().zip(self.types) {
                *place = type_.oid();
            }
            let sql = ffi::cstring(self.sql);
            let options = pg_sys::CURSOR_OPT_GENERIC_PLAN as i32;
            let plan = ffi::SPI_prepare_cursor(sql, self.types.len() as i32, types.as_mut_ptr(), options);
            if plan.is_null() {
                check_or_throw(pg_sys::SPI_result);
            }
            check_or_throw(ffi::SPI_keepplan(plan));
            // From here on nothing fails: the old plan goes, the new one is kept.
            let old = self.plan.replace(plan);
            self.rows.set(rows);
            if !old.is_null() {
                ffi::SPI_freeplan(old);
            }
        }
    }
}
