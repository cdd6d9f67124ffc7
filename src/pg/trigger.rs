//! The trigger that keeps the ledger's rows from being changed or removed.

use super::error::{Error, PgError, Result};
use super::ffi;
use super::function::{self, FINFO};
use credits_domain::error::{Code, Error as LedgerError};
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, NodeTag, Pg_finfo_record, TriggerData};
use std::cell::Cell;
use std::ffi::CStr;

thread_local! {
    static REDACTING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, in which rows may be updated: for `credits_redact` only. Whatever becomes of `f`, afterwards they may not.
pub fn allow_redaction<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            REDACTING.set(false);
        }
    }
    let _reset = Reset;
    REDACTING.set(true);
    f()
}

/// # Safety
/// To be called by Postgres only.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn credits_ledger_append_only(call: FunctionCallInfo) -> Datum {
    unsafe { function::entry(|| append_only(call)) }
}

#[unsafe(no_mangle)]
extern "C" fn pg_finfo_credits_ledger_append_only() -> &'static Pg_finfo_record {
    &FINFO
}

unsafe fn append_only(call: FunctionCallInfo) -> Result<Datum> {
    unsafe {
        // A subscriber repeats what these triggers let pass where the ledger is: only a redaction is an update. Who may
        // create a subscription may do everything else, too.
        let may_update = REDACTING.get() || ffi::IsLogicalWorker();
        let trigger = (*call).context.cast::<TriggerData>();
        if trigger.is_null() || (*trigger).type_ != NodeTag::T_TriggerData {
            let message = "credits_ledger.append_only can only be called as a trigger";
            return Err(Error::Postgres(PgError::new("39P01", message, None, None)));
        }
        let operation = match (*trigger).tg_event & pg_sys::TRIGGER_EVENT_OPMASK {
            pg_sys::TRIGGER_EVENT_UPDATE if may_update => return Ok(Datum::from((*trigger).tg_newtuple)),
            pg_sys::TRIGGER_EVENT_UPDATE => "UPDATE",
            pg_sys::TRIGGER_EVENT_DELETE => "DELETE",
            pg_sys::TRIGGER_EVENT_TRUNCATE => "TRUNCATE",
            _ => "INSERT",
        };
        let table = CStr::from_ptr((*(*(*trigger).tg_relation).rd_rel).relname.data.as_ptr()).to_string_lossy();
        let message = format!("{operation} on credits_ledger.{table} is refused: the ledger is append-only");
        Err(LedgerError::new(Code::AppendOnly, message).detail(format!("table={table} operation={operation}")).into())
    }
}
