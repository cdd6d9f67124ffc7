//! Rows written without the executor: for one row of a plain table of ours, starting and ending a plan costs more than
//! the row.
//!
//! What the executor would have done beside writing is asked for once, and again after each change of the table that
//! Postgres reports: no triggers for the operation, no rules, no CHECK, no generated columns, no index on expressions, on a
//! part of the rows, or deferrable. Where any of these is there, or the table is not what this library knows, the answer is
//! false, nothing was done, and the caller writes by SQL.

use super::bump::Bump;
use super::error::{Result, throw_internal};
use super::ffi;
use super::scan;
use super::spi::sql_try;
use super::tuple::{self, MAX_COLUMNS};
use super::types::{SCHEMA, name, relation};
use super::value::Value;
use pgrx::pg_sys::{self, Datum, HeapTuple, InvalidOid, Oid, Relation};
use std::cell::Cell;
use std::ffi::CStr;

/// A table of the ledger, meant for a `static`.
pub struct Table {
    name: &'static str,
    /// All of its columns in their order, as SQL lists them.
    columns: &'static str,
    found: Cell<Found>,
}

#[derive(Clone, Copy)]
struct Found {
    place: Oid,
    /// Whether rows can be added here, and changed.
    insert: bool,
    update: bool,
    /// As of which age of what is known of tables.
    age: u64,
}

const NOWHERE: Found = Found { place: InvalidOid, insert: false, update: false, age: 0 };

/// # Safety
/// A backend of Postgres has one thread.
unsafe impl Sync for Table {}

/// A version of a row, kept to make the next one of it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// In memory of the call that saw it.
    pub(super) tuple: HeapTuple,
}

const LOCK: i32 = pg_sys::RowExclusiveLock as i32;
/// Memory for the values of a row.
const CHUNK: usize = 4 << 10;

impl Table {
    pub const fn new(name: &'static str, columns: &'static str) -> Table {
        Table { name, columns, found: Cell::new(NOWHERE) }
    }

    /// Adds a row with a value for each column. False: nothing was done.
    pub fn insert(&'static self, values: &[Value]) -> Result<bool> {
        Ok(unsafe {
            sql_try(|| {
                let Some(table) = self.open(c"INSERT", |found| found.insert) else { return false };
                let shape = (*table).rd_att;
                let mut memory = Bump::new(CHUNK);
                no_nulls(shape, values);
                let row = tuple::form(shape, values, &mut memory);
                ffi::CatalogTupleInsert(table, row);
                ffi::relation_close(table, 0);
                ffi::CommandCounterIncrement();
                true
            })?
        })
    }

    /// Puts a new version of a row, with other values in some columns (from 0), in the place of one that was seen. False:
    /// nothing was done, perhaps because somebody else has changed the row since.
    pub fn update(&'static self, seen: Seen, changes: &[(usize, Value)]) -> Result<bool> {
        Ok(unsafe {
            sql_try(|| {
                let Some(table) = self.open(c"UPDATE", |found| found.update) else { return false };
                let row = changed((*table).rd_att, seen.tuple, changes);
                (*row).t_tableOid = (*table).rd_id;
                let mut place = (*seen.tuple).t_self;
                let done = replace(table, &mut place, row);
                ffi::relation_close(table, 0);
                if done {
                    ffi::CommandCounterIncrement();
                }
                done
            })?
        })
    }

    /// The table, locked for writing, if it can be written here.
    unsafe fn open(&self, command: &'static CStr, can: impl Fn(Found) -> bool) -> Option<Relation> {
        unsafe {
            ffi::PreventCommandIfReadOnly(command.as_ptr());
            ffi::PreventCommandIfParallelMode(command.as_ptr());
            let mut found = Some(self.up_to_date()).filter(|found| can(*found))?;
            loop {
                let table = ffi::try_relation_open(found.place, LOCK);
                // Only under the lock nothing more happens to the table and its indexes.
                let now = Some(self.up_to_date()).filter(|found| can(*found));
                if !table.is_null() {
                    if now.is_some_and(|now| now.place == found.place) {
                        return Some(table);
                    }
                    ffi::relation_close(table, 0);
                }
                found = now?;
            }
        }
    }

    unsafe fn up_to_date(&self) -> Found {
        let found = self.found.get();
        if found.age > 0 && found.age == scan::age() { found } else { unsafe { self.look_up() } }
    }

    #[cold]
    unsafe fn look_up(&self) -> Found {
        unsafe {
            scan::note_changes();
            // Opening it may let Postgres report changes: then it is looked up again next time.
            let age = scan::age();
            let schema = ffi::get_namespace_oid(name(SCHEMA).as_ptr(), true);
            let place = if schema == InvalidOid { InvalidOid } else { relation(self.name, schema) };
            let table = if place == InvalidOid { std::ptr::null_mut() } else { ffi::try_relation_open(place, LOCK) };
            let mut found = Found { age, ..NOWHERE };
            if !table.is_null() {
                if scan::is_plain(table, self.columns, true) && is_bare(table) && are_simple(table) {
                    let (insert, update) = (!fires_on_insert(table), !fires_on_update(table));
                    found = Found { place, insert, update, age };
                }
                ffi::relation_close(table, 0);
            }
            self.found.set(found);
            found
        }
    }
}

/// There is nothing to be checked or computed when a row is written.
unsafe fn is_bare(table: Relation) -> bool {
    unsafe {
        let constraints = (*(*table).rd_att).constr;
        let checks = !constraints.is_null() && ((*constraints).num_check > 0 || (*constraints).has_generated_stored);
        !(*(*table).rd_rel).relhasrules && !checks
    }
}

unsafe fn fires_on_insert(table: Relation) -> bool {
    unsafe { (*table).trigdesc.as_ref() }.is_some_and(|own| {
        own.trig_insert_before_row
            || own.trig_insert_after_row
            || own.trig_insert_before_statement
            || own.trig_insert_after_statement
            || own.trig_insert_new_table
    })
}

/// Among others where a foreign key refers to the table.
unsafe fn fires_on_update(table: Relation) -> bool {
    unsafe { (*table).trigdesc.as_ref() }.is_some_and(|own| {
        own.trig_update_before_row
            || own.trig_update_after_row
            || own.trig_update_before_statement
            || own.trig_update_after_statement
            || own.trig_update_new_table
            || own.trig_update_old_table
    })
}

/// All of its indexes can be filled from the row as it is, at once.
unsafe fn are_simple(table: Relation) -> bool {
    unsafe {
        let indexes = ffi::RelationGetIndexList(table);
        if indexes.is_null() {
            return true;
        }
        let all = std::slice::from_raw_parts((*indexes).elements, (*indexes).length as usize);
        all.iter().all(|cell| {
            let index = ffi::try_relation_open(cell.oid_value, LOCK);
            if index.is_null() {
                return false;
            }
            let form = &*(*index).rd_index;
            let simple = form.indimmediate
                && !form.indisexclusion
                && ffi::RelationGetIndexExpressions(index).is_null()
                && ffi::RelationGetIndexPredicate(index).is_null();
            ffi::relation_close(index, 0);
            simple
        })
    }
}

/// The columns that must have a value have one.
unsafe fn no_nulls(shape: pg_sys::TupleDesc, values: &[Value]) {
    unsafe {
        for (i, value) in values.iter().enumerate().take(tuple::count(shape)) {
            let column = tuple::column(shape, i);
            if column.attnotnull && matches!(value, Value::Null) {
                throw_internal(&["there is no value for column ", column.name()]);
            }
        }
    }
}

/// The row with other values in these columns.
unsafe fn changed(shape: pg_sys::TupleDesc, row: HeapTuple, changes: &[(usize, Value)]) -> HeapTuple {
    unsafe {
        let mut datums = [Datum::null(); MAX_COLUMNS];
        let (mut nulls, mut replaced) = ([false; MAX_COLUMNS], [false; MAX_COLUMNS]);
        let mut memory = Bump::new(CHUNK);
        for (i, value) in changes {
            let column = tuple::column(shape, *i);
            let (datum, null) = value.put(&mut memory);
            if null && column.attnotnull || !value.fits(column.atttypid) {
                throw_internal(&["the value for column ", column.name(), " is of another type"]);
            }
            (datums[*i], nulls[*i], replaced[*i]) = (datum, null, true);
        }
        ffi::heap_modify_tuple(row, shape, datums.as_mut_ptr(), nulls.as_mut_ptr(), replaced.as_mut_ptr())
    }
}

/// Whether the row was still the one that was seen, and is replaced.
unsafe fn replace(table: Relation, place: &mut pg_sys::ItemPointerData, row: HeapTuple) -> bool {
    unsafe {
        let mut failure = pg_sys::TM_FailureData::default();
        let mut lock = pg_sys::LockTupleMode::LockTupleNoKeyExclusive;
        let command = ffi::GetCurrentCommandId(true);
        let nothing = std::ptr::null_mut();
        #[cfg(feature = "pg15")]
        let result = ffi::heap_update(table, place, row, command, nothing, true, &mut failure, &mut lock);
        #[cfg(not(feature = "pg15"))]
        let result = {
            let mut indexes = 0;
            ffi::heap_update(table, place, row, command, nothing, true, &mut failure, &mut lock, &mut indexes)
        };
        if result != pg_sys::TM_Result::TM_Ok {
            return false;
        }
        // A version beside the old one is found through it.
        if u32::from((*(*row).t_data).t_infomask2) & pg_sys::HEAP_ONLY_TUPLE == 0 {
            add_to_indexes(table, row);
        }
        true
    }
}

#[cold]
unsafe fn add_to_indexes(table: Relation, row: HeapTuple) {
    unsafe {
        let indexes = ffi::CatalogOpenIndexes(table);
        let state = ffi::CreateExecutorState();
        let slot = ffi::MakeSingleTupleTableSlot((*table).rd_att, &raw const pg_sys::TTSOpsHeapTuple);
        ffi::ExecStoreHeapTuple(row, slot, false);
        let nothing = std::ptr::null_mut();
        #[cfg(feature = "pg15")]
        ffi::ExecInsertIndexTuples(indexes, slot, state, false, false, nothing, nothing.cast());
        #[cfg(not(feature = "pg15"))]
        ffi::ExecInsertIndexTuples(indexes, slot, state, false, false, nothing, nothing.cast(), false);
        ffi::ExecDropSingleTupleTableSlot(slot);
        ffi::FreeExecutorState(state);
        ffi::CatalogCloseIndexes(indexes);
    }
}
