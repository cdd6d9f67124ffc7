//! Arrays, of one dimension.

use super::bump::Bump;
use super::error::{Error, Result, pg_try};
use super::{ffi, numeric, varlena};
use credits_domain::amount::Amount;
use credits_domain::error::Error as LedgerError;
use pgrx::pg_sys::{self, ArrayType, Datum, Oid};
use std::ffi::{c_char, c_int};

/// How Postgres stores elements of a type.
#[derive(Clone, Copy)]
struct Element {
    oid: Oid,
    length: c_int,
    by_value: bool,
}

const TEXT: Element = Element { oid: pg_sys::TEXTOID, length: -1, by_value: false };
const NUMERIC: Element = Element { oid: pg_sys::NUMERICOID, length: -1, by_value: false };
const INT4: Element = Element { oid: pg_sys::INT4OID, length: 4, by_value: true };
/// All three are aligned as int4.
const ALIGN: c_char = pg_sys::TYPALIGN_INT as c_char;

pub(super) unsafe fn put_texts(texts: &[String], memory: &mut Bump) -> Datum {
    unsafe { put(TEXT, texts, |text| varlena::put(text.as_bytes(), memory)) }
}

pub(super) unsafe fn put_amounts(amounts: &[Amount], memory: &mut Bump) -> Datum {
    unsafe { put(NUMERIC, amounts, |amount| numeric::put(*amount, memory)) }
}

pub(super) unsafe fn put_ints(ints: &[i32]) -> Datum {
    unsafe { put(INT4, ints, |int| Datum::from(*int)) }
}

unsafe fn put<T>(element: Element, items: &[T], mut datum: impl FnMut(&T) -> Datum) -> Datum {
    unsafe {
        let datums = ffi::palloc(size_of::<Datum>() * items.len().max(1)).cast::<Datum>();
        for (i, item) in items.iter().enumerate() {
            datums.add(i).write(datum(item));
        }
        let Element { oid, length, by_value } = element;
        Datum::from(ffi::construct_array(datums, items.len() as c_int, oid, length, by_value, ALIGN))
    }
}

/// The elements of an array. `what` names it in errors.
///
/// # Safety
/// `datum` is a live array of elements of this kind; they live as long as it or the current memory context.
unsafe fn elements<'a>(datum: Datum, element: Element, what: &str) -> Result<impl Iterator<Item = Option<Datum>> + 'a> {
    let Element { oid, length, by_value } = element;
    let (dimensions, datums, nulls, count) = unsafe {
        pg_try(|| {
            let array = ffi::pg_detoast_datum(datum.cast_mut_ptr()).cast::<ArrayType>();
            let (mut datums, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
            ffi::deconstruct_array(array, oid, length, by_value, ALIGN, &mut datums, &mut nulls, &mut count);
            ((*array).ndim, datums, nulls, count)
        })?
    };
    if dimensions > 1 {
        return Err(LedgerError::argument(
            what,
            "several dimensions",
            format!("{what} must be an array of one dimension"),
        )
        .into());
    }
    Ok((0..count as usize).map(move |i| unsafe { (!*nulls.add(i)).then(|| *datums.add(i)) }))
}

pub(super) unsafe fn texts<'a>(datum: Datum, what: &str) -> Result<Vec<Option<&'a str>>> {
    let get = |(i, item): (usize, Option<Datum>)| match item {
        Some(item) => unsafe { varlena::text(item, &at(what, i)) }.map(Some),
        None => Ok(None),
    };
    unsafe { elements(datum, TEXT, what)?.enumerate().map(get).collect() }
}

pub(super) unsafe fn amounts(datum: Datum, what: &str) -> Result<Vec<Option<Amount>>> {
    let get = |(i, item): (usize, Option<Datum>)| match item {
        Some(item) => unsafe { numeric::get(item, || at(what, i)) }.map(Some),
        None => Ok(None),
    };
    unsafe { elements(datum, NUMERIC, what)?.enumerate().map(get).collect() }
}

pub(super) unsafe fn ints(datum: Datum, what: &str) -> Result<Vec<Option<i32>>> {
    Ok(unsafe { elements(datum, INT4, what)? }.map(|item| item.map(|datum| datum.value() as i32)).collect())
}

/// Every element, none of which may be NULL.
pub(super) fn all<T>(items: Vec<Option<T>>, what: &str) -> Result<Vec<T>> {
    items.into_iter().collect::<Option<_>>().ok_or_else(|| Error::internal(format!("{what} holds NULL")))
}

/// An element's name in errors; SQL counts from 1.
fn at(what: &str, i: usize) -> String {
    format!("{what}[{}]", i + 1)
}
