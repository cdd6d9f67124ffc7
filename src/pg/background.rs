//! Background workers: how they are started, sleep, end, connect to a database and work in transactions.
//!
//! An error ends a worker. Postgres logs it, rolls back what was begun, and starts the worker again if it is one that
//! was registered with the server's start.

use super::error::{Error, PgError, Result, pg_try};
use super::ffi;
use super::function::entry;
use super::session::check_interrupts;
use pgrx::pg_sys::{self, BackgroundWorker, BackgroundWorkerHandle, Datum, Oid, ScanKeyData};
use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// What all workers of the extension are called in `pg_stat_activity.backend_type`.
const TYPE: &CStr = c"credits_ledger maintenance";
const LIBRARY: &CStr = c"credits_ledger";

/// Whether the postmaster is loading the library, at its start: the only time at which workers can be registered and
/// shared memory reserved. Never in a server that pg_upgrade started: nothing may write there.
pub fn preloading() -> bool {
    unsafe { pg_sys::process_shared_preload_libraries_in_progress && !pg_sys::IsBinaryUpgrade }
}

/// Registers a worker that runs as long as the server does, from the end of recovery on. For `_PG_init`.
pub fn register(name: &CStr, function: &CStr, restart_after: Duration) {
    let mut worker = describe(name, function);
    worker.bgw_restart_time = restart_after.as_secs() as c_int;
    unsafe { ffi::RegisterBackgroundWorker(&raw mut worker) };
}

/// A worker that this process started.
pub struct Started(*mut BackgroundWorkerHandle);

/// Starts a worker that ends by itself, with an argument and a text of at most 127 bytes. When it ends, the sleep of
/// this process ends, too. `None`: no more workers can run (`max_worker_processes`).
pub fn start(name: &CStr, function: &CStr, argument: i32, text: &CStr) -> Result<Option<Started>> {
    let mut worker = describe(name, function);
    worker.bgw_restart_time = pg_sys::BGW_NEVER_RESTART;
    worker.bgw_main_arg = Datum::from(argument);
    worker.bgw_notify_pid = unsafe { pg_sys::MyProcPid };
    put(&mut worker.bgw_extra, text);
    let worker = &raw mut worker;
    let mut handle = std::ptr::null_mut();
    let handle_place = &raw mut handle;
    let registered = unsafe {
        pg_try(|| {
            let outside = ffi::switch_context(pg_sys::TopMemoryContext);
            let registered = ffi::RegisterDynamicBackgroundWorker(worker, handle_place);
            ffi::switch_context(outside);
            registered
        })?
    };
    // Not then_some(), which would make, and drop, one without a handle.
    Ok(if registered { Some(Started(handle)) } else { None })
}

impl Started {
    /// Whether it has not ended yet.
    pub fn is_running(&self) -> bool {
        let mut process = 0;
        let status = unsafe { ffi::GetBackgroundWorkerPid(self.0, &raw mut process) };
        status != pg_sys::BgwHandleStatus::BGWH_STOPPED
    }

    /// Tells it to end.
    pub fn terminate(&self) {
        unsafe { ffi::TerminateBackgroundWorker(self.0) };
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        unsafe { pg_sys::pfree(self.0.cast()) };
    }
}

/// How a worker ends that has no error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// For good.
    Done,
    /// To be started again, unless the server is being stopped.
    Again,
}

/// The main function of a worker: runs `f`, whose error ends the process.
///
/// # Safety
/// To be called first in a function that Postgres calls as the main function of a background worker.
pub unsafe fn run(f: impl FnOnce() -> Result<End>) {
    let mut end = End::Done;
    let place = &raw mut end;
    unsafe {
        entry(|| {
            place.write(f()?);
            Ok(Datum::null())
        });
        if place.read() == End::Again {
            ffi::proc_exit(1);
        }
    }
}

/// The text that the worker was started with.
pub fn text() -> CString {
    let bytes = unsafe { (*pg_sys::MyBgworkerEntry).bgw_extra.map(|c| c as u8) };
    CStr::from_bytes_until_nul(&bytes).map(CStr::to_owned).unwrap_or_default()
}

/// Which signals a worker answers at once.
pub enum Signals {
    /// SIGHUP and SIGTERM are for [`sleep`] to tell of.
    Told,
    /// SIGTERM ends the process at the next check for interrupts, whatever it does.
    Ending,
}

/// Connects the worker: to a database, or to none and so to the catalogues that all databases share; as a role that may
/// log in, or as the server's first superuser. Ends the process where it cannot.
pub fn connect(signals: Signals, database: Option<&CStr>, role: Option<&CStr>) -> Result<()> {
    let (database, role) =
        (database.map_or(std::ptr::null(), CStr::as_ptr), role.map_or(std::ptr::null(), CStr::as_ptr));
    unsafe {
        pg_try(|| {
            match signals {
                Signals::Told => {
                    ffi::pqsignal(SIGHUP, Some(ffi::SignalHandlerForConfigReload));
                    ffi::pqsignal(SIGTERM, Some(ffi::SignalHandlerForShutdownRequest));
                }
                Signals::Ending => ffi::pqsignal(SIGTERM, Some(ffi::die)),
            }
            ffi::BackgroundWorkerUnblockSignals();
            ffi::BackgroundWorkerInitializeConnection(database, role, 0);
        })?;
        // By this name it is found in pg_stat_activity.
        set(c"application_name", CStr::from_ptr((*pg_sys::MyBgworkerEntry).bgw_name.as_ptr()))
    }
}

const SIGHUP: c_int = pg_sys::SIGHUP as c_int;
const SIGTERM: c_int = pg_sys::SIGTERM as c_int;

/// Why a sleep ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Time is over, or something happened.
    Up,
    /// The configuration was read again.
    Reloaded,
    /// The process is to end.
    ShutDown,
}

/// Sleeps for a time, or until there is something to do. For a worker whose signals are [`Signals::Told`].
pub fn sleep(time: Option<Duration>) -> Result<Wake> {
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_EXIT_ON_PM_DEATH | time.map_or(0, |_| pg_sys::WL_TIMEOUT);
    // Rounded up: waking early would be waking twice.
    let milliseconds = time.map_or(-1, |time| time.as_millis().saturating_add(1).min(i32::MAX as u128) as c_long);
    unsafe {
        pg_try(|| {
            ffi::WaitLatch(pg_sys::MyLatch, events as c_int, milliseconds, pg_sys::PG_WAIT_EXTENSION);
            ffi::ResetLatch(pg_sys::MyLatch);
        })?;
        // Other sessions wait for this one, too: DROP DATABASE for every process to close its files.
        check_interrupts()?;
        if (&raw const pg_sys::ShutdownRequestPending).read_volatile() != 0 {
            return Ok(Wake::ShutDown);
        }
        if (&raw const pg_sys::ConfigReloadPending).read_volatile() != 0 {
            pg_sys::ConfigReloadPending = 0;
            pg_try(|| ffi::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP))?;
            return Ok(Wake::Reloaded);
        }
    }
    Ok(Wake::Up)
}

/// Runs `f` in a transaction of its own and commits it. After an error the worker has to end, which rolls back.
/// `activity` is what `pg_stat_activity.query` shows meanwhile.
pub fn transaction<T>(activity: &CStr, f: impl FnOnce() -> Result<T>) -> Result<T> {
    unsafe {
        pg_try(|| {
            ffi::SetCurrentStatementStartTimestamp();
            ffi::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, activity.as_ptr());
            ffi::StartTransactionCommand();
            ffi::PushActiveSnapshot(ffi::GetTransactionSnapshot());
        })?;
        let value = f()?;
        pg_try(|| {
            ffi::PopActiveSnapshot();
            ffi::CommitTransactionCommand();
            ffi::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, std::ptr::null());
        })?;
        Ok(value)
    }
}

/// Whether there is a database of this name. In a transaction.
///
/// Without an index: a process that is connected to no database may not be able to open one.
pub fn database_exists(name: &CStr) -> Result<bool> {
    let mut key = ScanKeyData::default();
    let (key, name) = (&raw mut key, Datum::from(name.as_ptr()));
    let (column, equal) = (pg_sys::Anum_pg_database_datname as i16, pg_sys::BTEqualStrategyNumber as u16);
    let found = unsafe {
        pg_try(|| {
            ffi::ScanKeyInit(key, column, equal, pg_sys::F_NAMEEQ.into(), name);
            let databases = ffi::relation_open(pg_sys::DatabaseRelationId, LOCK);
            let scan = ffi::systable_beginscan(databases, pg_sys::InvalidOid, false, std::ptr::null_mut(), 1, key);
            let found = !ffi::systable_getnext(scan).is_null();
            ffi::systable_endscan(scan);
            ffi::relation_close(databases, LOCK);
            found
        })?
    };
    Ok(found)
}

const LOCK: c_int = pg_sys::AccessShareLock as c_int;

/// Sets a setting for the worker's session, over what the database or the role set.
pub fn set(name: &CStr, value: &CStr) -> Result<()> {
    let (name, value) = (name.as_ptr(), value.as_ptr());
    let (context, source) = (pg_sys::GucContext::PGC_SUSET, pg_sys::GucSource::PGC_S_SESSION);
    unsafe { pg_try(|| ffi::SetConfigOption(name, value, context, source))? };
    Ok(())
}

/// Calls a SQL function of one integer that returns one, by its OID.
pub fn call(function: Oid, argument: i32) -> Result<i32> {
    let argument = Datum::from(argument);
    let result = unsafe { pg_try(|| ffi::OidFunctionCall1Coll(function, pg_sys::InvalidOid, argument))? };
    Ok(result.value() as i32)
}

/// Runs `f` with the rights of another role, which it cannot exchange for those of the session.
pub fn with_rights_of<T>(role: Oid, f: impl FnOnce() -> Result<T>) -> Result<T> {
    let (mut user, mut context) = (pg_sys::InvalidOid, 0);
    unsafe {
        ffi::GetUserIdAndSecContext(&raw mut user, &raw mut context);
        ffi::SetUserIdAndSecContext(role, context | pg_sys::SECURITY_RESTRICTED_OPERATION as c_int);
        let value = f()?;
        ffi::SetUserIdAndSecContext(user, context);
        Ok(value)
    }
}

/// An error that says who may not do what.
pub fn not_permitted(message: &str, hint: &str) -> Error {
    Error::Postgres(PgError::new("42501", message, None, Some(hint)))
}

/// How many words of shared memory there are.
pub const WORDS: usize = 64;

/// Reserves the words. For `_PG_init`, while the library is preloaded.
pub fn reserve_words() {
    static mut BEFORE: pg_sys::shmem_request_hook_type = None;
    unsafe extern "C-unwind" fn request() {
        unsafe {
            if let Some(before) = BEFORE {
                before();
            }
            ffi::RequestAddinShmemSpace(size_of::<[AtomicU32; WORDS]>());
        }
    }
    unsafe {
        BEFORE = pg_sys::shmem_request_hook;
        pg_sys::shmem_request_hook = Some(request);
    }
}

/// Words that the workers share. They are 0 when the server starts.
pub fn words() -> Result<&'static [AtomicU32; WORDS]> {
    let mut found = false;
    let found = &raw mut found;
    unsafe {
        let place = pg_try(|| ffi::ShmemInitStruct(LIBRARY.as_ptr(), size_of::<[AtomicU32; WORDS]>(), found))?;
        Ok(&*place.cast::<[AtomicU32; WORDS]>())
    }
}

fn describe(name: &CStr, function: &CStr) -> BackgroundWorker {
    let mut worker = BackgroundWorker {
        bgw_flags: (pg_sys::BGWORKER_SHMEM_ACCESS | pg_sys::BGWORKER_BACKEND_DATABASE_CONNECTION) as c_int,
        bgw_start_time: pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished,
        ..BackgroundWorker::default()
    };
    put(&mut worker.bgw_name, name);
    put(&mut worker.bgw_type, TYPE);
    put(&mut worker.bgw_library_name, LIBRARY);
    put(&mut worker.bgw_function_name, function);
    worker
}

/// Copies a text, cut where it does not fit.
fn put(place: &mut [c_char], text: &CStr) {
    let last = place.len() - 1;
    for (place, byte) in place[..last].iter_mut().zip(text.to_bytes()) {
        *place = *byte as c_char;
    }
}
