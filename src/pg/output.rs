//! What a SQL function returns, handed to Postgres.

use super::bump::Bump;
use super::error::{Result, pg_try, throw_internal};
use super::ffi;
use super::function::{Output, Signature};
use super::spi::sql_try;
use super::tuple::{self, MAX_COLUMNS};
use super::types::Type;
use super::value::Value;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, MemoryContext, Oid, ReturnSetInfo, TupleDesc};
use std::mem::MaybeUninit;

/// Memory for the values of a row.
const CHUNK: usize = 2 << 10;

/// The function's result, allocated where the caller expects it: in the current memory context.
pub(super) unsafe fn put(call: FunctionCallInfo, signature: &Signature, output: Output) -> Result<Datum> {
    unsafe {
        (*call).isnull = false;
        let datum = match output {
            Output::Rows(rows) => put_set(call, signature, |set| rows.iter().try_for_each(|row| set.add(row)))?,
            Output::Stream(rows) => put_set(call, signature, rows)?,
            _ if signature.set => pg_try(|| throw_internal(&[signature.name, " must return rows"]))?,
            Output::Row(row) => pg_try(|| put_row(call, &row))?,
            Output::Value(value) if !value.is_of(Type::named(signature.returns)) => {
                pg_try(|| throw_internal(&[signature.name, " must return ", signature.returns]))?
            }
            Output::Value(value) => {
                let (datum, null) = pg_try(|| value.datum())?;
                (*call).isnull = null;
                datum
            }
            Output::Null => {
                (*call).isnull = true;
                Datum::null()
            }
        };
        Ok(datum)
    }
}

unsafe fn put_row(call: FunctionCallInfo, row: &[Value]) -> Datum {
    unsafe {
        let tuple = tuple::form(result_shape(call), row, &mut Bump::new(CHUNK));
        Datum::from((*tuple).t_data)
    }
}

/// The columns of the function's result. The type is asked for anew in each call, since the function may have been
/// created again, and costs little from Postgres' caches.
unsafe fn result_shape(call: FunctionCallInfo) -> TupleDesc {
    unsafe {
        let type_ = ffi::get_func_rettype((*(*call).flinfo).fn_oid);
        let cached = if type_ == pg_sys::RECORDOID { std::ptr::null_mut() } else { type_shape(type_) };
        if !cached.is_null() {
            return cached;
        }
        let (mut type_, mut shape) = (Oid::INVALID, std::ptr::null_mut());
        ffi::get_call_result_type(call, &mut type_, &mut shape);
        if shape.is_null() {
            throw_internal(&["a function that returns a row is not declared so"]);
        }
        ffi::BlessTupleDesc(shape)
    }
}

unsafe fn type_shape(type_: Oid) -> TupleDesc {
    unsafe { (*ffi::lookup_type_cache(type_, pg_sys::TYPECACHE_TUPDESC as i32)).tupDesc }
}

/// The rows that a function returns, in a tuplestore: beyond work_mem on disk.
pub struct Set {
    store: *mut pg_sys::Tuplestorestate,
    shape: TupleDesc,
    /// For one row at a time.
    memory: MemoryContext,
}

impl Set {
    pub fn add(&mut self, row: &[Value]) -> Result<()> {
        let (store, shape, memory) = (self.store, self.shape, self.memory);
        let put = || unsafe {
            let outside = ffi::switch_context(memory);
            let mut datums = [const { MaybeUninit::<Datum>::uninit() }; MAX_COLUMNS];
            let mut nulls = [const { MaybeUninit::<bool>::uninit() }; MAX_COLUMNS];
            tuple::fill(shape, row, &mut Bump::new(CHUNK), &mut datums, &mut nulls);
            ffi::tuplestore_putvalues(store, shape, datums.as_ptr().cast(), nulls.as_ptr().cast());
            ffi::switch_context(outside);
            ffi::MemoryContextReset(memory);
        };
        unsafe { sql_try(put) }?;
        Ok(())
    }
}

unsafe fn put_set(
    call: FunctionCallInfo,
    signature: &Signature,
    fill: impl FnOnce(&mut Set) -> Result<()>,
) -> Result<Datum> {
    let begin = || unsafe {
        if !signature.set {
            throw_internal(&[signature.name, " must return one row"]);
        }
        let scalar = !matches!(Type::named(signature.returns), Type::Named(_));
        let flags = if scalar { pg_sys::MAT_SRF_USE_EXPECTED_DESC } else { pg_sys::MAT_SRF_BLESS };
        ffi::InitMaterializedSRF(call, flags);
        let set = (*call).resultinfo.cast::<ReturnSetInfo>();
        let memory = ffi::new_context(pg_sys::CurrentMemoryContext, c"credits_ledger rows");
        ((*set).setResult, (*set).setDesc, memory)
    };
    unsafe {
        let (store, shape, memory) = pg_try(begin)?;
        fill(&mut Set { store, shape, memory })?;
        ffi::MemoryContextDelete(memory);
        (*call).isnull = true;
        Ok(Datum::null())
    }
}
