//! SQL statements: prepared once per session, run with values, answered with rows.

use super::bump::Bump;
use super::error::{Error, PgError, Result, pg_try, throw_internal};
use super::ffi;
use super::row::Columns;
use super::subtransaction::{count_failure, failures};
use super::tuple::{self, MAX_COLUMNS};
use super::value::Value;
use pgrx::pg_sys::{self, Datum, MemoryContext, Portal, SPIPlanPtr, SPITupleTable};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::marker::PhantomData;

pub use super::statement::Statement;
pub use super::types::Type;

/// Memory for the parameters of a statement.
const CHUNK: usize = 4 << 10;

thread_local! {
    /// How many connections are open.
    static OPEN: Cell<u32> = const { Cell::new(0) };
}

/// A connection to the executor. What it returns lives as long as it does. While another one is open that was made
/// later, it can do nothing.
pub struct Spi {
    /// How many connections were open with this one.
    level: u32,
    /// Of this connection; it goes when the connection is closed.
    memory: MemoryContext,
    /// Parameters; emptied after each statement. Made with the first one.
    parameters: Cell<MemoryContext>,
    /// As it was at the beginning. If a statement failed since and its part was not rolled back, the stack of
    /// connections is not what it was: Postgres cleans it up when it handles the error.
    failures: u32,
    not_send: PhantomData<*mut ()>,
}

/// Which snapshot a statement has.
#[derive(Clone, Copy)]
enum View {
    /// That of the calling query: it only reads.
    Callers,
    /// One of its own.
    New,
    /// The active one.
    Active,
}

/// Statements that can run SQL count their failures.
pub(super) unsafe fn sql_try<T: Copy>(f: impl FnOnce() -> T) -> std::result::Result<T, PgError> {
    unsafe { pg_try(f) }.inspect_err(|_| count_failure())
}

impl Spi {
    pub fn connect() -> Result<Spi> {
        check(unsafe { pg_try(|| ffi::SPI_connect())? })?;
        let level = OPEN.get() + 1;
        OPEN.set(level);
        Ok(Spi {
            level,
            memory: unsafe { pg_sys::CurrentMemoryContext },
            parameters: Cell::new(std::ptr::null_mut()),
            failures: failures(),
            not_send: PhantomData,
        })
    }

    /// Runs a statement that only reads, with the snapshot of the calling query: it does not see what was written
    /// since, unless it is called in [`Spi::with_fresh_snapshot`]. Takes no transaction id: works on a standby and in a
    /// read-only transaction.
    pub fn read(&self, statement: &'static Statement, values: &[Value]) -> Result<Rows<'_>> {
        self.run(statement, values, View::Callers)
    }

    /// Runs a statement with a snapshot of its own; it sees all that this transaction has done so far.
    pub fn write(&self, statement: &'static Statement, values: &[Value]) -> Result<Rows<'_>> {
        self.run(statement, values, View::New)
    }

    /// Runs a statement that writes with the active snapshot, brought up to what this transaction has done so far.
    pub fn write_as_seen(&self, statement: &'static Statement, values: &[Value]) -> Result<Rows<'_>> {
        self.run(statement, values, View::Active)
    }

    /// Runs `f`, in which reads see what was committed until now (at READ COMMITTED) and what this transaction did.
    pub fn with_fresh_snapshot<T>(&self, f: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        unsafe {
            pg_try(|| {
                if !ffi::IsInParallelMode() {
                    ffi::CommandCounterIncrement();
                }
                ffi::PushActiveSnapshot(ffi::GetTransactionSnapshot());
            })?;
        }
        let outcome = f(self);
        if !self.is_broken() {
            unsafe { ffi::PopActiveSnapshot() };
        }
        outcome
    }

    /// Runs SQL text, unprepared. Returns how many rows it affected.
    pub fn run_text(&self, sql: &str) -> Result<u64> {
        self.require_current()?;
        let sql = CString::new(sql).map_err(|_| Error::internal("SQL text with a zero byte"))?;
        let text = sql.as_ptr();
        let (code, affected) = unsafe { sql_try(|| (ffi::SPI_execute(text, false, 0), pg_sys::SPI_processed))? };
        check(code)?;
        Ok(affected)
    }

    /// Reads with a cursor, `batch` rows at a time, so that the memory used does not grow with the number of rows.
    /// What `f` allocates from Postgres is freed after each batch.
    pub fn for_each_batch(
        &self,
        statement: &'static Statement,
        values: &[Value],
        batch: usize,
        mut f: impl FnMut(&Rows<'_>) -> Result<()>,
    ) -> Result<()> {
        self.require_current()?;
        statement.check(values)?;
        let (portal, memory) = unsafe {
            sql_try(|| {
                let (plan, datums, nulls) = self.prepare(statement, values);
                let portal = ffi::SPI_cursor_open(std::ptr::null(), plan, datums, nulls, true);
                self.forget_parameters();
                (portal, ffi::new_context(self.memory, c"credits_ledger batch"))
            })?
        };
        let outcome = self.fetch_all(portal, batch, memory, &mut f);
        if self.is_broken() {
            return outcome;
        }
        let closed = unsafe { sql_try(|| ffi::SPI_cursor_close(portal)) };
        unsafe { ffi::MemoryContextDelete(memory) };
        outcome.and(closed.map_err(Error::from))
    }

    fn fetch_all(
        &self,
        portal: Portal,
        batch: usize,
        memory: MemoryContext,
        f: &mut dyn FnMut(&Rows<'_>) -> Result<()>,
    ) -> Result<()> {
        loop {
            let rows = self.fetch(portal, batch)?;
            if rows.is_empty() {
                return Ok(());
            }
            let outside = unsafe { ffi::switch_context(memory) };
            let outcome = f(&rows);
            unsafe {
                ffi::switch_context(outside);
                ffi::MemoryContextReset(memory);
            }
            outcome?;
        }
    }

    fn run(&self, statement: &'static Statement, values: &[Value], view: View) -> Result<Rows<'_>> {
        self.require_current()?;
        statement.check(values)?;
        let (code, affected, table) = unsafe {
            sql_try(|| {
                let (plan, datums, nulls) = self.prepare(statement, values);
                let code = match view {
                    View::Callers => ffi::SPI_execute_plan(plan, datums, nulls, true, 0),
                    View::New => ffi::SPI_execute_plan(plan, datums, nulls, false, 0),
                    View::Active => {
                        let snapshot = ffi::GetActiveSnapshot();
                        ffi::SPI_execute_snapshot(plan, datums, nulls, snapshot, std::ptr::null_mut(), false, true, 0)
                    }
                };
                let answer = (code, pg_sys::SPI_processed, pg_sys::SPI_tuptable);
                self.forget_parameters();
                answer
            })?
        };
        check(code)?;
        self.rows(affected, table)
    }

    /// The statement's plan and its parameters. Only inside a `pg_try`.
    unsafe fn prepare(
        &self,
        statement: &'static Statement,
        values: &[Value],
    ) -> (SPIPlanPtr, *mut Datum, *const c_char) {
        unsafe {
            let plan = statement.plan();
            if values.is_empty() {
                return (plan, std::ptr::null_mut(), std::ptr::null());
            }
            if self.parameters.get().is_null() {
                self.parameters.set(ffi::new_context(self.memory, c"credits_ledger parameters"));
            }
            let outside = ffi::switch_context(self.parameters.get());
            let mut memory = Bump::new(CHUNK);
            let datums = memory.take(size_of::<Datum>() * values.len()).cast::<Datum>();
            let nulls = memory.take(values.len());
            for (i, value) in values.iter().enumerate() {
                let (datum, null) = value.put(&mut memory);
                datums.add(i).write(datum);
                nulls.add(i).write(if null { b'n' } else { b' ' });
            }
            ffi::switch_context(outside);
            (plan, datums, nulls.cast())
        }
    }

    unsafe fn forget_parameters(&self) {
        if !self.parameters.get().is_null() {
            unsafe { ffi::MemoryContextReset(self.parameters.get()) };
        }
    }

    fn fetch(&self, portal: Portal, batch: usize) -> Result<Rows<'_>> {
        self.require_current()?;
        let (count, table) = unsafe {
            sql_try(|| {
                ffi::SPI_cursor_fetch(portal, true, batch as c_long);
                (pg_sys::SPI_processed, pg_sys::SPI_tuptable)
            })?
        };
        self.rows(count, table)
    }

    fn rows(&self, affected: u64, table: *mut SPITupleTable) -> Result<Rows<'_>> {
        let rows = Rows { spi: self, affected, table };
        if !table.is_null() && unsafe { tuple::count((*table).tupdesc) } > MAX_COLUMNS {
            return Err(Error::internal(format!("a statement returns more than {MAX_COLUMNS} columns")));
        }
        Ok(rows)
    }

    /// Whether Postgres is about to clean up after an error, and must not be interfered with.
    fn is_broken(&self) -> bool {
        self.failures != failures() || std::thread::panicking()
    }

    /// Postgres takes every call as one on the newest connection.
    fn is_current(&self) -> bool {
        self.level == OPEN.get()
    }

    fn require_current(&self) -> Result<()> {
        if self.is_current() { Ok(()) } else { Err(Error::internal("a connection is used while a newer one is open")) }
    }
}

impl Drop for Spi {
    fn drop(&mut self) {
        OPEN.set(self.level - 1);
        if !self.is_broken() {
            unsafe { ffi::SPI_finish() };
        }
    }
}

/// What a statement returned. Its memory is freed with it, or at the latest with its connection.
pub struct Rows<'s> {
    spi: &'s Spi,
    affected: u64,
    table: *mut SPITupleTable,
}

impl Rows<'_> {
    /// How many rows it returned.
    pub fn len(&self) -> usize {
        if self.table.is_null() { 0 } else { unsafe { (*self.table).numvals as usize } }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows it returned or changed.
    pub fn affected(&self) -> u64 {
        self.affected
    }

    /// The `i`th row, from 0.
    pub fn get(&self, i: usize) -> Option<Columns<'_>> {
        (i < self.len()).then(|| unsafe { Columns::new(*(*self.table).vals.add(i), (*self.table).tupdesc) })
    }

    /// The first row.
    pub fn first(&self) -> Option<Columns<'_>> {
        self.get(0)
    }

    pub fn iter(&self) -> impl Iterator<Item = Columns<'_>> {
        (0..self.len()).filter_map(|i| self.get(i))
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        if !self.table.is_null() && self.spi.is_current() && !self.spi.is_broken() {
            unsafe { ffi::SPI_freetuptable(self.table) };
        }
    }
}

/// SPI reports some failures, such as COMMIT in a function, by a negative code.
fn check(code: c_int) -> Result<()> {
    if code >= 0 {
        return Ok(());
    }
    let name = unsafe { CStr::from_ptr(ffi::SPI_result_code_string(code)) };
    Err(Error::internal(format!("SPI failed: {}", name.to_string_lossy())))
}

/// As [`check`], inside a `pg_try`.
pub(super) unsafe fn check_or_throw(code: c_int) {
    if code < 0 {
        unsafe {
            let name = CStr::from_ptr(ffi::SPI_result_code_string(code));
            throw_internal(&["SPI failed: ", std::str::from_utf8_unchecked(name.to_bytes())]);
        }
    }
}
