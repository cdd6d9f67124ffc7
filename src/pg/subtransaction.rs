//! Surviving an error without giving up the transaction.

use super::error::{Result, pg_try};
use super::ffi;
use pgrx::pg_sys;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

thread_local! {
    /// How many statements failed in a part of the transaction that is still to be rolled back. While it is not what
    /// it was, SPI's stack may hold connections of functions that were jumped out of, and cleaning up is Postgres' job.
    static FAILED: Cell<u32> = const { Cell::new(0) };
}

pub(super) fn failures() -> u32 {
    FAILED.get()
}

pub(super) fn count_failure() {
    FAILED.set(FAILED.get().wrapping_add(1));
}

/// Forgets, when dropped, the failures that were counted since it was made. A function whose error goes to Postgres
/// holds one: whoever handles that error rolls back first.
pub(super) struct Handover(u32);

impl Handover {
    pub(super) fn new() -> Self {
        Handover(FAILED.get())
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        FAILED.set(self.0);
    }
}

/// Runs `f` in a subtransaction, which is rolled back where `f` fails; then the caller can go on.
///
/// Rows that `f` read must not be used after it failed. Postgres refuses subtransactions in parallel queries, so a
/// function that calls this must be PARALLEL UNSAFE.
pub fn subtransaction<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    let failed = FAILED.get();
    let (memory, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    let restore = || unsafe {
        pg_sys::CurrentMemoryContext = memory;
        pg_sys::CurrentResourceOwner = owner;
    };
    unsafe { pg_try(|| ffi::BeginInternalSubTransaction(std::ptr::null()))? };
    unsafe { pg_sys::CurrentMemoryContext = memory };

    // Rolled back after a panic, too: a handler further up expects to find its own subtransaction on top.
    let outcome = catch_unwind(AssertUnwindSafe(f));
    if let Ok(Ok(_)) = outcome {
        unsafe { pg_try(|| ffi::ReleaseCurrentSubTransaction())? };
        restore();
    } else {
        unsafe { pg_try(|| ffi::RollbackAndReleaseCurrentSubTransaction())? };
        restore();
        FAILED.set(failed);
    }
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}
