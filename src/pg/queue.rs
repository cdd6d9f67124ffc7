//! Waiting for a row that another transaction has changed, before anything is decided on it.

use super::error::Result;
use super::ffi;
use super::scan::Transaction;
use super::spi::sql_try;
use super::subtransaction::failures;
use pgrx::pg_sys::{self, LOCKTAG, LockAcquireResult, LockTagType};

/// The first place in the queue of those who wait for a row, as Postgres has one for each row, too: without it, all who
/// wait would set out at once when the row becomes free.
///
/// It must be given up as soon as the row is locked: who holds it waits for nothing but the row.
pub struct Queue {
    tag: LOCKTAG,
    /// Whether somebody else had it first.
    pub waited: bool,
    failures: u32,
}

const MODE: i32 = pg_sys::ExclusiveLock as i32;

impl Queue {
    /// Waits for the first place among those who wait for the row that this number stands for.
    ///
    /// The kind of lock is one that nothing in Postgres uses: no advisory lock of the application can be mistaken for it.
    pub fn join(row: u64) -> Result<Queue> {
        let tag = LOCKTAG {
            locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
            locktag_field2: (row >> 32) as u32,
            locktag_field3: row as u32,
            locktag_field4: 0,
            locktag_type: LockTagType::LOCKTAG_USERLOCK as u8,
            locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
        };
        let lock = |no_wait| unsafe { sql_try(|| ffi::LockAcquire(&raw const tag, MODE, false, no_wait)) };
        let waited = lock(true)? == LockAcquireResult::LOCKACQUIRE_NOT_AVAIL;
        if waited {
            lock(false)?;
        }
        Ok(Queue { tag, waited, failures: failures() })
    }

    /// Waits until this transaction ends.
    pub fn wait_for(&self, transaction: Transaction) -> Result<()> {
        unsafe {
            sql_try(|| {
                let (table, row) = (std::ptr::null_mut(), std::ptr::null());
                ffi::XactLockTableWait(transaction.0, table, row, pg_sys::XLTW_Oper::XLTW_None);
            })?;
        }
        Ok(())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // After an error Postgres does it.
        if self.failures == failures() && !std::thread::panicking() {
            unsafe { ffi::LockRelease(&raw const self.tag, MODE, false) };
        }
    }
}
