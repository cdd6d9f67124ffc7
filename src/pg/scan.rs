//! Rows of the ledger's tables by an index, read without the executor: no plan to start and to end for one row.
//!
//! What a row is comes from the active snapshot, as in a query; under SERIALIZABLE the index notes what was looked for.
//! Only plain tables of the expected shape are read so. Of any other (partitioned, distributed, with columns that this
//! library does not know) the answer is [`Sought::Elsewhere`], and the caller has to ask by SQL.

use super::bump::Bump;
use super::direct::Seen;
use super::error::Result;
use super::ffi;
use super::row::Columns;
use super::spi::sql_try;
use super::tuple::{self, MAX_COLUMNS};
use super::types::{SCHEMA, name, relation};
use super::value::Value;
use pgrx::pg_sys::{self, Datum, HeapTuple, InvalidOid, Oid, Relation, ScanKeyData, SysScanDesc};
use std::cell::Cell;
use std::ffi::CStr;

/// An index of a table of the ledger, meant for a `static`.
pub struct Index {
    table: &'static str,
    index: &'static str,
    /// The table's columns in their order, as SQL lists them.
    columns: &'static str,
    /// Which of them, from 1, are looked for.
    keys: &'static [i16],
    /// Which of them the index is sorted by, ascending, as far as that matters.
    order: &'static [i16],
    /// Where it was found, and in which [`AGE`].
    found: Cell<(Place, u64)>,
}

/// # Safety
/// A backend of Postgres has one thread.
unsafe impl Sync for Index {}

#[derive(Clone, Copy)]
struct Place {
    table: Oid,
    index: Oid,
}

const NOWHERE: Place = Place { table: InvalidOid, index: InvalidOid };

/// What came of looking for a row.
pub enum Sought<T> {
    Row(T),
    Nothing,
    /// The table is not one that can be read here.
    Elsewhere,
}

/// Which version of a row was found.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// Only good while its row is being read.
    tuple: HeapTuple,
    /// Another transaction, still running when this was asked, that has changed or locked the row.
    pub busy_with: Option<Transaction>,
}

impl Version {
    /// Keeps the row, to put a new version in its place. Only while it is being read.
    pub fn keep(&self) -> Result<Seen> {
        let tuple = unsafe { sql_try(|| ffi::heap_copytuple(self.tuple))? };
        Ok(Seen { tuple })
    }
}

/// A transaction that can be waited for.
#[derive(Clone, Copy, Debug)]
pub struct Transaction(pub(super) pg_sys::TransactionId);

const EQUAL: u16 = pg_sys::BTEqualStrategyNumber as u16;
const LOCK: i32 = pg_sys::AccessShareLock as i32;
const BACKWARDS: i32 = pg_sys::ScanDirection::BackwardScanDirection;
/// Columns to be looked for.
const MAX_KEYS: usize = 2;

thread_local! {
    /// Counts what Postgres reported to have happened to any table: what was found before may not be right any more.
    static AGE: Cell<u64> = const { Cell::new(0) };
}

unsafe extern "C-unwind" fn tables_changed(_: Datum, _: Oid) {
    AGE.set(AGE.get() + 1);
}

impl Index {
    pub const fn new(table: &'static str, index: &'static str, columns: &'static str, keys: &'static [i16]) -> Index {
        assert!(keys.len() <= MAX_KEYS, "too many columns to look for");
        Index::sorted(table, index, columns, keys, keys)
    }

    /// An index whose order counts beyond the columns that are looked for.
    pub const fn sorted(
        table: &'static str,
        index: &'static str,
        columns: &'static str,
        keys: &'static [i16],
        order: &'static [i16],
    ) -> Index {
        Index { table, index, columns, keys, order, found: Cell::new((NOWHERE, 0)) }
    }

    /// The row with these values in the index's columns, as the active snapshot sees it. The index is unique, or one
    /// row is as good as another. Values are texts or bigints.
    pub fn find<T>(
        &'static self,
        values: &[Value],
        row: impl FnOnce(&Columns<'_>, Version) -> Result<T>,
    ) -> Result<Sought<T>> {
        let scan = unsafe { sql_try(|| self.begin(values))? };
        let Some(scan) = scan else { return Ok(Sought::Elsewhere) };
        let scan = Scan(scan);
        let found = unsafe {
            sql_try(|| {
                let tuple = ffi::systable_getnext(scan.0.scan);
                if tuple.is_null() {
                    return (tuple, None);
                }
                (tuple, busy_with(tuple))
            })
        };
        match found {
            Ok((tuple, _)) if tuple.is_null() => Ok(Sought::Nothing),
            Ok((tuple, busy_with)) => unsafe {
                let version = Version { tuple, busy_with };
                row(&Columns::new(tuple, (*scan.0.table).rd_att), version).map(Sought::Row)
            },
            Err(error) => {
                // Postgres cleans up when it handles the error.
                std::mem::forget(scan);
                Err(error.into())
            }
        }
    }

    /// The rows with these values in the index's first columns, backwards in the index's order, until `row` has seen
    /// enough (false).
    pub fn backwards(
        &'static self,
        values: &[Value],
        mut row: impl FnMut(&Columns<'_>) -> Result<bool>,
    ) -> Result<Sought<()>> {
        let scan = unsafe { sql_try(|| self.begin_ordered(values))? };
        let Some(scan) = scan else { return Ok(Sought::Elsewhere) };
        let scan = OrderedScan(scan);
        loop {
            match unsafe { sql_try(|| ffi::systable_getnext_ordered(scan.0.scan, BACKWARDS)) } {
                Ok(tuple) if tuple.is_null() => return Ok(Sought::Nothing),
                Ok(tuple) => {
                    if !row(&unsafe { Columns::new(tuple, (*scan.0.table).rd_att) })? {
                        return Ok(Sought::Row(()));
                    }
                }
                Err(error) => {
                    // Postgres cleans up when it handles the error.
                    std::mem::forget(scan);
                    return Err(error.into());
                }
            }
        }
    }

    unsafe fn begin(&self, values: &[Value]) -> Option<Open> {
        unsafe {
            let (table, index) = self.open()?;
            let mut memory = Bump::pieces();
            let (mut keys, count) = self.keys(values, &mut memory);
            let snapshot = ffi::GetActiveSnapshot();
            let scan = ffi::systable_beginscan(table, index, true, snapshot, count, keys.as_mut_ptr());
            Some(Open { table, scan })
        }
    }

    unsafe fn begin_ordered(&self, values: &[Value]) -> Option<OpenOrdered> {
        unsafe {
            let (table, index) = self.open()?;
            let index = ffi::try_relation_open(index, LOCK);
            if index.is_null() {
                ffi::relation_close(table, 0);
                return None;
            }
            let mut memory = Bump::pieces();
            let (mut keys, count) = self.keys(values, &mut memory);
            let snapshot = ffi::GetActiveSnapshot();
            let scan = ffi::systable_beginscan_ordered(table, index, snapshot, count, keys.as_mut_ptr());
            Some(OpenOrdered { table, index, scan })
        }
    }

    /// The table, locked, and the OID of its index.
    unsafe fn open(&self) -> Option<(Relation, Oid)> {
        unsafe {
            let mut place = self.up_to_date()?;
            loop {
                let table = ffi::try_relation_open(place.table, LOCK);
                // Only under the lock nothing more happens to the table and its indexes.
                let now = self.up_to_date();
                if !table.is_null() {
                    if let Some(now) = now
                        && now.table == place.table
                    {
                        return Some((table, now.index));
                    }
                    ffi::relation_close(table, 0);
                }
                place = now?;
            }
        }
    }

    unsafe fn keys(&self, values: &[Value], memory: &mut Bump) -> ([ScanKeyData; MAX_KEYS], i32) {
        let mut keys = [ScanKeyData::default(); MAX_KEYS];
        for (i, (key, value)) in keys.iter_mut().zip(values).enumerate() {
            let equal = if matches!(value, Value::I64(_)) { pg_sys::F_INT8EQ } else { pg_sys::F_TEXTEQ };
            unsafe { ffi::ScanKeyInit(key, self.keys[i], EQUAL, Oid::from(equal), value.put(memory).0) };
        }
        (keys, values.len().min(self.keys.len()) as i32)
    }

    unsafe fn up_to_date(&self) -> Option<Place> {
        let (place, age) = self.found.get();
        if age == AGE.get() && age > 0 {
            return (place.table != InvalidOid).then_some(place);
        }
        unsafe { self.look_up() }
    }

    #[cold]
    unsafe fn look_up(&self) -> Option<Place> {
        unsafe {
            note_changes();
            // Opening them may let Postgres report changes: then it is looked up again next time.
            let age = AGE.get();
            let place = self.usable_place();
            self.found.set((place.unwrap_or(NOWHERE), age));
            place
        }
    }

    unsafe fn usable_place(&self) -> Option<Place> {
        unsafe {
            let schema = ffi::get_namespace_oid(name(SCHEMA).as_ptr(), true);
            if schema == InvalidOid {
                return None;
            }
            let place = Place { table: relation(self.table, schema), index: relation(self.index, schema) };
            if place.table == InvalidOid || place.index == InvalidOid {
                return None;
            }
            let table = ffi::try_relation_open(place.table, LOCK);
            if table.is_null() {
                return None;
            }
            let index = ffi::try_relation_open(place.index, LOCK);
            let usable = !index.is_null() && is_plain(table, self.columns, false) && self.fits(index, place.table);
            if !index.is_null() {
                ffi::relation_close(index, 0);
            }
            ffi::relation_close(table, 0);
            usable.then_some(place)
        }
    }

    /// Its first columns are those it is to be sorted by, and it is complete. A REINDEX during which rows changed leaves it
    /// flagged as unfit for old snapshots (indcheckxmin); for columns that never change it is fit all the same.
    unsafe fn fits(&self, index: Relation, table: Oid) -> bool {
        unsafe {
            let form = (*index).rd_index;
            if form.is_null() {
                return false;
            }
            let columns = (*form).indkey.values.as_slice((*form).indnatts as usize);
            let options = std::slice::from_raw_parts((*index).rd_indoption, (*form).indnkeyatts as usize);
            let ascending = options.iter().take(self.order.len()).all(|option| *option == 0);
            (*form).indrelid == table && (*form).indisvalid && columns.starts_with(self.order) && ascending
        }
    }
}

/// A plain table with these columns, and perhaps more, all of whose rows everybody sees who may read it.
pub(super) unsafe fn is_plain(table: Relation, columns: &str, no_more: bool) -> bool {
    unsafe {
        let class = (*table).rd_rel;
        let shape = (*table).rd_att;
        let plain = (*class).relkind == pg_sys::RELKIND_RELATION as i8
            && (*class).relam == pg_sys::HEAP_TABLE_AM_OID
            && !(*class).relhassubclass
            && !(*class).relispartition
            && !(*class).relrowsecurity;
        let mut count = 0;
        let named = columns.split(',').enumerate().all(|(i, column)| {
            count += 1;
            i < tuple::count(shape) && {
                let there = tuple::column(shape, i);
                !there.attisdropped
                    && CStr::from_ptr(there.attname.data.as_ptr()).to_bytes() == column.trim().as_bytes()
            }
        });
        plain && named && tuple::count(shape) <= MAX_COLUMNS && !(no_more && count < tuple::count(shape))
    }
}

/// How old is what is known of tables.
pub(super) fn age() -> u64 {
    AGE.get()
}

/// Lets Postgres report changes of tables from now on.
pub(super) unsafe fn note_changes() {
    if AGE.get() == 0 {
        unsafe { ffi::CacheRegisterRelcacheCallback(Some(tables_changed), Datum::null()) };
        AGE.set(1);
    }
}

/// A hint only: the row may be changed at any moment. Of several lockers at once nothing is said, nor of one that only
/// keeps the row from being deleted, as a foreign key does.
unsafe fn busy_with(tuple: HeapTuple) -> Option<Transaction> {
    const NOBODY: u32 = pg_sys::HEAP_XMAX_INVALID | pg_sys::HEAP_XMAX_IS_MULTI;
    const LOCK: u32 = pg_sys::HEAP_XMAX_LOCK_ONLY | pg_sys::HEAP_XMAX_KEYSHR_LOCK | pg_sys::HEAP_XMAX_EXCL_LOCK;
    const KEY_SHARE: u32 = pg_sys::HEAP_XMAX_LOCK_ONLY | pg_sys::HEAP_XMAX_KEYSHR_LOCK;
    unsafe {
        let header = (*tuple).t_data;
        let (mask, xmax) = (u32::from((*header).t_infomask), (*header).t_choice.t_heap.t_xmax);
        let busy = mask & NOBODY == 0
            && mask & LOCK != KEY_SHARE
            && xmax != pg_sys::InvalidTransactionId
            && !ffi::TransactionIdIsCurrentTransactionId(xmax)
            && ffi::TransactionIdIsInProgress(xmax);
        busy.then_some(Transaction(xmax))
    }
}

#[derive(Clone, Copy)]
struct Open {
    table: Relation,
    scan: SysScanDesc,
}

struct Scan(Open);

impl Drop for Scan {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            unsafe {
                ffi::systable_endscan(self.0.scan);
                ffi::relation_close(self.0.table, 0);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct OpenOrdered {
    table: Relation,
    index: Relation,
    scan: SysScanDesc,
}

struct OrderedScan(OpenOrdered);

impl Drop for OrderedScan {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            unsafe {
                ffi::systable_endscan_ordered(self.0.scan);
                ffi::relation_close(self.0.index, 0);
                ffi::relation_close(self.0.table, 0);
            }
        }
    }
}
