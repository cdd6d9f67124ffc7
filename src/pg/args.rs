//! The arguments that a SQL function was called with.

use super::error::{Error, Result};
use super::function::Signature;
use super::types::Type;
use super::{array, ffi, numeric, row, varlena};
use credits_domain::amount::Amount;
use credits_domain::error::Error as LedgerError;
use credits_domain::time::{Interval, Timestamp};
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, MemoryContext, NullableDatum, Oid};

/// Arguments by their place, from 0. `None` is NULL. An argument that is asked for as another type than it was declared
/// with is an internal error.
pub struct Args {
    signature: &'static Signature,
    values: *const NullableDatum,
    count: usize,
    /// Where values are unpacked: it lives as long as the call.
    memory: MemoryContext,
}

impl Args {
    /// # Safety
    /// Lives no longer than the call.
    pub(super) unsafe fn new(call: FunctionCallInfo, signature: &'static Signature) -> Result<Args> {
        unsafe {
            let count = (*call).nargs as usize;
            if count != signature.args.len() {
                return Err(signature.outdated());
            }
            Ok(Args { signature, values: (*call).args.as_ptr(), count, memory: pg_sys::CurrentMemoryContext })
        }
    }

    /// The argument's name.
    pub fn name(&self, i: usize) -> &'static str {
        self.signature.args.get(i).map_or("", |(name, _)| name)
    }

    pub fn is_null(&self, i: usize) -> bool {
        self.value(i).is_none()
    }

    /// LC005 if the argument is NULL.
    pub fn required(&self, i: usize) -> Result<()> {
        if self.is_null(i) { Err(self.missing(i)) } else { Ok(()) }
    }

    pub fn text(&self, i: usize) -> Result<Option<&str>> {
        let Some(datum) = self.of(i, Type::Text)? else { return Ok(None) };
        // The name is put together only where it is needed.
        match self.unpacked(|| unsafe { varlena::text(datum, "") }) {
            Err(Error::Ledger(_)) => unsafe { varlena::text(datum, &self.label(i)) }.map(Some),
            text => text.map(Some),
        }
    }

    pub fn required_text(&self, i: usize) -> Result<&str> {
        self.text(i)?.ok_or_else(|| self.missing(i))
    }

    pub fn amount(&self, i: usize) -> Result<Option<Amount>> {
        let Some(datum) = self.of(i, Type::Amount)? else { return Ok(None) };
        self.unpacked(|| unsafe { numeric::get(datum, || self.name(i).to_owned()) }).map(Some)
    }

    pub fn i64(&self, i: usize) -> Result<Option<i64>> {
        Ok(self.of(i, Type::I64)?.map(|datum| datum.value() as i64))
    }

    pub fn i32(&self, i: usize) -> Result<Option<i32>> {
        Ok(self.of(i, Type::I32)?.map(|datum| datum.value() as i32))
    }

    pub fn bool(&self, i: usize) -> Result<Option<bool>> {
        Ok(self.of(i, Type::Bool)?.map(|datum| datum.value() & 0xff != 0))
    }

    pub fn time(&self, i: usize) -> Result<Option<Timestamp>> {
        Ok(self.of(i, Type::Time)?.map(|datum| Timestamp(datum.value() as i64)))
    }

    pub fn interval(&self, i: usize) -> Result<Option<Interval>> {
        Ok(self.of(i, Type::Interval)?.map(|datum| unsafe { row::interval(datum) }))
    }

    /// The text of a jsonb.
    pub fn json(&self, i: usize) -> Result<Option<String>> {
        let Some(datum) = self.of(i, Type::Json)? else { return Ok(None) };
        self.unpacked(|| unsafe { row::json(datum, || self.label(i)) }).map(Some)
    }

    pub fn texts(&self, i: usize) -> Result<Option<Vec<Option<String>>>> {
        let Some(datum) = self.of(i, Type::Texts)? else { return Ok(None) };
        let texts = self.unpacked(|| unsafe { array::texts(datum, self.name(i)) })?;
        Ok(Some(texts.into_iter().map(|text| text.map(str::to_owned)).collect()))
    }

    pub fn amounts(&self, i: usize) -> Result<Option<Vec<Option<Amount>>>> {
        let Some(datum) = self.of(i, Type::Amounts)? else { return Ok(None) };
        self.unpacked(|| unsafe { array::amounts(datum, self.name(i)) }).map(Some)
    }

    /// The OID of a regrole.
    pub fn role(&self, i: usize) -> Result<Option<Oid>> {
        Ok(self.of(i, Type::Regrole)?.map(|datum| Oid::from(datum.value() as u32)))
    }

    #[inline]
    fn value(&self, i: usize) -> Option<Datum> {
        if i >= self.count {
            return None;
        }
        let argument = unsafe { *self.values.add(i) };
        (!argument.isnull).then_some(argument.value)
    }

    #[inline]
    fn of(&self, i: usize, type_: Type) -> Result<Option<Datum>> {
        if self.signature.types.get(i) != Some(&type_) {
            return Err(Error::internal(format!("argument {i} of {} is not {type_:?}", self.signature.name)));
        }
        Ok(self.value(i))
    }

    fn unpacked<T>(&self, f: impl FnOnce() -> T) -> T {
        unsafe {
            let outside = ffi::switch_context(self.memory);
            let value = f();
            ffi::switch_context(outside);
            value
        }
    }

    fn label(&self, i: usize) -> String {
        format!("argument {}", self.name(i))
    }

    #[cold]
    fn missing(&self, i: usize) -> Error {
        LedgerError::argument(self.name(i), "NULL", format!("{} must not be NULL", self.name(i))).into()
    }
}
