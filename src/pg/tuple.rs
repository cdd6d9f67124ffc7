//! Rows made of values, and what columns a row has.

use super::bump::Bump;
use super::error::throw_internal;
use super::ffi;
use super::types::row_type;
use super::value::Value;
use pgrx::pg_sys::{self, Datum, FormData_pg_attribute, HeapTuple, TupleDesc};
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;

/// The most columns that a row may have here; they are kept on the stack.
pub(super) const MAX_COLUMNS: usize = 64;

/// Memory for the values of a row.
const CHUNK: usize = 8 << 10;

pub(super) unsafe fn count(shape: TupleDesc) -> usize {
    unsafe { (*shape).natts as usize }
}

/// The `i`th column, from 0; `i` is below the number of columns.
pub(super) unsafe fn column<'a>(shape: TupleDesc, i: usize) -> &'a FormData_pg_attribute {
    unsafe {
        #[cfg(feature = "pg18")]
        let columns = (*shape).compact_attrs.as_ptr().add((*shape).natts as usize).cast::<FormData_pg_attribute>();
        #[cfg(not(feature = "pg18"))]
        let columns = (*shape).attrs.as_ptr();
        &*columns.add(i)
    }
}

/// A row of this shape; it must have a value for each column, of the column's type. Only inside a
/// `pg_try`.
pub(super) unsafe fn form(shape: TupleDesc, values: &[Value], memory: &mut Bump) -> HeapTuple {
    unsafe { form_with(shape, values, None, memory) }
}

/// The same; `rest` is the value of the columns that come after the last one that has its own.
unsafe fn form_with(shape: TupleDesc, values: &[Value], rest: Option<&Value>, memory: &mut Bump) -> HeapTuple {
    unsafe {
        let mut datums = [const { MaybeUninit::<Datum>::uninit() }; MAX_COLUMNS];
        let mut nulls = [const { MaybeUninit::<bool>::uninit() }; MAX_COLUMNS];
        fill_with(shape, values, rest, memory, &mut datums, &mut nulls);
        ffi::heap_form_tuple(shape, datums.as_mut_ptr().cast(), nulls.as_mut_ptr().cast())
    }
}

/// The values of a row of this shape, as Postgres takes them. Only inside a `pg_try`.
pub(super) unsafe fn fill(
    shape: TupleDesc,
    values: &[Value],
    memory: &mut Bump,
    datums: &mut [MaybeUninit<Datum>; MAX_COLUMNS],
    nulls: &mut [MaybeUninit<bool>; MAX_COLUMNS],
) {
    unsafe { fill_with(shape, values, None, memory, datums, nulls) }
}

unsafe fn fill_with(
    shape: TupleDesc,
    values: &[Value],
    rest: Option<&Value>,
    memory: &mut Bump,
    datums: &mut [MaybeUninit<Datum>; MAX_COLUMNS],
    nulls: &mut [MaybeUninit<bool>; MAX_COLUMNS],
) {
    unsafe {
        let columns = count(shape);
        if columns > MAX_COLUMNS {
            throw_internal(&["a row type has too many columns"]);
        }
        let mut values = values.iter();
        for (i, (datum, null)) in datums.iter_mut().zip(nulls).take(columns).enumerate() {
            let column = column(shape, i);
            if column.attisdropped {
                datum.write(Datum::null());
                null.write(true);
                continue;
            }
            let Some(value) = values.next().or(rest) else {
                throw_internal(&["a row has no value for column ", column.name()]);
            };
            if !value.fits(column.atttypid) {
                throw_internal(&["the value for column ", column.name(), " is of another type"]);
            }
            let (d, n) = value.put(memory);
            datum.write(d);
            null.write(n);
        }
        if values.next().is_some() {
            throw_internal(&["a row has more values than its type has columns"]);
        }
    }
}

/// An array of rows of a table of the ledger. Columns that somebody else has added to it are NULL. Only inside a `pg_try`.
pub(super) unsafe fn put_rows(table: &str, rows: &[Vec<Value>]) -> Datum {
    unsafe {
        let type_ = row_type(table);
        let shape = ffi::lookup_rowtype_tupdesc(type_, -1);
        let mut memory = Bump::new(CHUNK);
        let datums = ffi::palloc(size_of::<Datum>() * rows.len().max(1)).cast::<Datum>();
        for (i, row) in rows.iter().enumerate() {
            datums.add(i).write(Datum::from((*form_with(shape, row, Some(&Value::Null), &mut memory)).t_data));
        }
        if (*shape).tdrefcount >= 0 {
            ffi::DecrTupleDescRefCount(shape);
        }
        let align = pg_sys::TYPALIGN_DOUBLE as c_char;
        Datum::from(ffi::construct_array(datums, rows.len() as c_int, type_, -1, false, align))
    }
}

/// The name of a column, for errors.
pub(super) unsafe fn column_name(shape: TupleDesc, i: usize) -> String {
    unsafe { CStr::from_ptr(column(shape, i).attname.data.as_ptr()).to_string_lossy().into_owned() }
}
