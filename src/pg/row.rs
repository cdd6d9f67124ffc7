//! A row that Postgres returned, taken apart.

use super::error::{Error, Result, pg_try};
use super::tuple::{self, MAX_COLUMNS};
use super::{array, ffi, numeric, varlena};
use credits_domain::amount::Amount;
use credits_domain::time::{Interval, Timestamp};
use pgrx::pg_sys::{self, Datum, HeapTuple, InvalidOid, Oid, TupleDesc};
use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// The columns of a row by their place, from 0. A column that is asked for as another type than it has is an internal
/// error; so is NULL where the getter has no `opt`.
pub struct Columns<'r> {
    shape: TupleDesc,
    count: usize,
    datums: [MaybeUninit<Datum>; MAX_COLUMNS],
    nulls: [MaybeUninit<bool>; MAX_COLUMNS],
    rows: PhantomData<&'r ()>,
}

impl<'r> Columns<'r> {
    /// # Safety
    /// `tuple` is of this shape, has at most [`MAX_COLUMNS`] columns and lives for `'r`.
    pub(super) unsafe fn new(tuple: HeapTuple, shape: TupleDesc) -> Self {
        let mut columns = Columns {
            shape,
            count: unsafe { tuple::count(shape) },
            datums: [const { MaybeUninit::uninit() }; MAX_COLUMNS],
            nulls: [const { MaybeUninit::uninit() }; MAX_COLUMNS],
            rows: PhantomData,
        };
        let (datums, nulls) = (columns.datums.as_mut_ptr().cast(), columns.nulls.as_mut_ptr().cast());
        unsafe { ffi::heap_deform_tuple(tuple, shape, datums, nulls) };
        columns
    }

    /// Whether the column is NULL, or is not there.
    pub fn is_null(&self, i: usize) -> bool {
        i >= self.count || unsafe { self.nulls[i].assume_init() }
    }

    fn value(&self, i: usize) -> Option<Datum> {
        (!self.is_null(i)).then(|| unsafe { self.datums[i].assume_init() })
    }

    pub fn text(&self, i: usize) -> Result<&'r str> {
        self.opt_text(i)?.ok_or_else(|| self.missing(i))
    }

    pub fn opt_text(&self, i: usize) -> Result<Option<&'r str>> {
        match self.of(i, &[pg_sys::TEXTOID, pg_sys::VARCHAROID])? {
            Some(datum) => match unsafe { varlena::text(datum, "") } {
                Ok(text) => Ok(Some(text)),
                Err(_) => unsafe { varlena::text(datum, &self.name(i)) }.map(Some),
            },
            None => Ok(None),
        }
    }

    pub fn bytes(&self, i: usize) -> Result<&'r [u8]> {
        self.opt_bytes(i)?.ok_or_else(|| self.missing(i))
    }

    pub fn opt_bytes(&self, i: usize) -> Result<Option<&'r [u8]>> {
        self.of(i, &[pg_sys::BYTEAOID])?.map(|datum| unsafe { varlena::bytes(datum) }).transpose()
    }

    pub fn amount(&self, i: usize) -> Result<Amount> {
        self.opt_amount(i)?.ok_or_else(|| self.missing(i))
    }

    pub fn opt_amount(&self, i: usize) -> Result<Option<Amount>> {
        let datum = self.of(i, &[pg_sys::NUMERICOID])?;
        datum.map(|datum| unsafe { numeric::get_stored(datum, || self.name(i)) }).transpose()
    }

    pub fn i64(&self, i: usize) -> Result<i64> {
        self.opt_i64(i)?.ok_or_else(|| self.missing(i))
    }

    /// A bigint, or an integer.
    pub fn opt_i64(&self, i: usize) -> Result<Option<i64>> {
        if self.type_of(i) == pg_sys::INT4OID {
            return Ok(self.opt_i32(i)?.map(i64::from));
        }
        Ok(self.of(i, &[pg_sys::INT8OID])?.map(|datum| datum.value() as i64))
    }

    pub fn i32(&self, i: usize) -> Result<i32> {
        self.opt_i32(i)?.ok_or_else(|| self.missing(i))
    }

    pub fn opt_i32(&self, i: usize) -> Result<Option<i32>> {
        Ok(self.of(i, &[pg_sys::INT4OID])?.map(|datum| datum.value() as i32))
    }

    pub fn bool(&self, i: usize) -> Result<bool> {
        self.opt_bool(i)?.ok_or_else(|| self.missing(i))
    }

    pub fn opt_bool(&self, i: usize) -> Result<Option<bool>> {
        Ok(self.of(i, &[pg_sys::BOOLOID])?.map(|datum| datum.value() & 0xff != 0))
    }

    pub fn time(&self, i: usize) -> Result<Timestamp> {
        self.opt_time(i)?.ok_or_else(|| self.missing(i))
    }

    pub fn opt_time(&self, i: usize) -> Result<Option<Timestamp>> {
        Ok(self.of(i, &[pg_sys::TIMESTAMPTZOID])?.map(|datum| Timestamp(datum.value() as i64)))
    }

    pub fn interval(&self, i: usize) -> Result<Interval> {
        self.opt_interval(i)?.ok_or_else(|| self.missing(i))
    }

    pub fn opt_interval(&self, i: usize) -> Result<Option<Interval>> {
        Ok(self.of(i, &[pg_sys::INTERVALOID])?.map(|datum| unsafe { interval(datum) }))
    }

    /// The text of a jsonb.
    pub fn json(&self, i: usize) -> Result<String> {
        self.opt_json(i)?.ok_or_else(|| self.missing(i))
    }

    pub fn opt_json(&self, i: usize) -> Result<Option<String>> {
        self.of(i, &[pg_sys::JSONBOID])?.map(|datum| unsafe { json(datum, || self.name(i)) }).transpose()
    }

    /// `None` where the array is NULL.
    pub fn texts(&self, i: usize) -> Result<Option<Vec<String>>> {
        let Some(datum) = self.of(i, &[pg_sys::TEXTARRAYOID])? else { return Ok(None) };
        let name = self.name(i);
        let texts = array::all(unsafe { array::texts(datum, &name)? }, &name)?;
        Ok(Some(texts.into_iter().map(str::to_owned).collect()))
    }

    /// `None` where the array is NULL.
    pub fn ints(&self, i: usize) -> Result<Option<Vec<i32>>> {
        let Some(datum) = self.of(i, &[pg_sys::INT4ARRAYOID])? else { return Ok(None) };
        let name = self.name(i);
        array::all(unsafe { array::ints(datum, &name)? }, &name).map(Some)
    }

    /// `None` where the array is NULL.
    pub fn amounts(&self, i: usize) -> Result<Option<Vec<Amount>>> {
        let Some(datum) = self.of(i, &[pg_sys::NUMERICARRAYOID])? else { return Ok(None) };
        let name = self.name(i);
        array::all(unsafe { array::amounts(datum, &name)? }, &name).map(Some)
    }

    /// The column's value, if its type is one of these.
    #[inline]
    fn of(&self, i: usize, types: &[Oid]) -> Result<Option<Datum>> {
        if !types.contains(&self.type_of(i)) {
            return Err(self.mistyped(i));
        }
        Ok(self.value(i))
    }

    #[inline]
    fn type_of(&self, i: usize) -> Oid {
        if i < self.count { unsafe { tuple::column(self.shape, i).atttypid } } else { InvalidOid }
    }

    fn name(&self, i: usize) -> String {
        if i < self.count { unsafe { tuple::column_name(self.shape, i) } } else { format!("column {i}") }
    }

    #[cold]
    fn missing(&self, i: usize) -> Error {
        Error::internal(format!("{} is NULL", self.name(i)))
    }

    #[cold]
    fn mistyped(&self, i: usize) -> Error {
        Error::internal(format!("{} is of type {}, not as expected", self.name(i), self.type_of(i).to_u32()))
    }
}

pub(super) unsafe fn interval(datum: Datum) -> Interval {
    let value = unsafe { datum.cast_mut_ptr::<pg_sys::Interval>().read_unaligned() };
    Interval { months: value.month, days: value.day, micros: value.time }
}

/// The text of a jsonb. `what` names it in the error.
pub(super) unsafe fn json(datum: Datum, what: impl Fn() -> String) -> Result<String> {
    unsafe {
        let out = pg_try(|| ffi::DirectFunctionCall1Coll(Some(ffi::jsonb_out), InvalidOid, datum))?;
        let text = CStr::from_ptr(out.cast_mut_ptr()).to_bytes();
        String::from_utf8(text.to_vec()).map_err(|_| varlena::not_utf8(&what()))
    }
}
