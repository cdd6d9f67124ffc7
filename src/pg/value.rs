//! Values on their way to Postgres.

use super::bump::Bump;
use super::types::Type;
use super::{array, ffi, numeric, tuple, varlena};
use credits_domain::amount::Amount;
use credits_domain::time::{Interval, Timestamp};
use pgrx::pg_sys::{self, Datum, InvalidOid, Oid};

/// A parameter of a statement, or a column of a result.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Text(String),
    Bytes(Vec<u8>),
    Amount(Amount),
    I64(i64),
    I32(i32),
    Bool(bool),
    Time(Timestamp),
    Interval(Interval),
    /// JSON text, which becomes jsonb.
    Json(String),
    Texts(Vec<String>),
    Ints(Vec<i32>),
    Amounts(Vec<Amount>),
    /// Rows of a table of the ledger, each with all its columns in their order: an array of the table's row type.
    Rows(&'static str, Vec<Vec<Value>>),
}

impl Value {
    /// The value for Postgres, and whether it is NULL. Memory comes from the current memory context.
    ///
    /// # Safety
    /// May report an error: only inside a [`super::error::pg_try`].
    pub unsafe fn datum(&self) -> (Datum, bool) {
        unsafe { self.put(&mut Bump::pieces()) }
    }

    /// As [`Value::datum`], with many values sharing memory.
    #[inline]
    pub(super) unsafe fn put(&self, memory: &mut Bump) -> (Datum, bool) {
        let datum = unsafe {
            match self {
                Value::Null => return (Datum::null(), true),
                Value::Text(text) => varlena::put(text.as_bytes(), memory),
                Value::Bytes(bytes) => varlena::put(bytes, memory),
                Value::Amount(amount) => numeric::put(*amount, memory),
                Value::I64(n) => Datum::from(*n),
                Value::I32(n) => Datum::from(*n),
                Value::Bool(b) => Datum::from(*b),
                Value::Time(time) => Datum::from(time.0),
                Value::Interval(interval) => put_interval(*interval, memory),
                Value::Json(json) => put_json(json),
                Value::Texts(texts) => array::put_texts(texts, memory),
                Value::Ints(ints) => array::put_ints(ints),
                Value::Amounts(amounts) => array::put_amounts(amounts, memory),
                Value::Rows(table, rows) => tuple::put_rows(table, rows),
            }
        };
        (datum, false)
    }

    /// Whether it can stand where Postgres expects this type.
    #[inline]
    pub(super) fn fits(&self, expected: Oid) -> bool {
        let own = match self {
            Value::Null => return true,
            // The row type is looked up where the rows are made.
            Value::Rows(..) => return expected.to_u32() >= pg_sys::FirstNormalObjectId,
            Value::Text(_) => Type::Text,
            Value::Bytes(_) => Type::Bytes,
            Value::Amount(_) => Type::Amount,
            Value::I64(_) => Type::I64,
            Value::I32(_) => Type::I32,
            Value::Bool(_) => Type::Bool,
            Value::Time(_) => Type::Time,
            Value::Interval(_) => Type::Interval,
            Value::Json(_) => Type::Json,
            Value::Texts(_) => Type::Texts,
            Value::Ints(_) => Type::Ints,
            Value::Amounts(_) => Type::Amounts,
        };
        own.fixed_oid() == Some(expected)
    }

    /// Whether it can be a parameter of this type.
    #[inline]
    pub(super) fn is_of(&self, type_: Type) -> bool {
        match (self, type_) {
            (Value::Null, _) => true,
            (Value::Rows(table, _), Type::RowsOf(expected)) => *table == expected,
            (Value::Rows(..), _) => false,
            _ => type_.fixed_oid().is_some_and(|oid| self.fits(oid)),
        }
    }
}

unsafe fn put_interval(interval: Interval, memory: &mut Bump) -> Datum {
    unsafe {
        let place = memory.take(size_of::<pg_sys::Interval>()).cast::<pg_sys::Interval>();
        place.write(pg_sys::Interval { time: interval.micros, day: interval.days, month: interval.months });
        Datum::from(place)
    }
}

unsafe fn put_json(json: &str) -> Datum {
    unsafe {
        let text = Datum::from(ffi::cstring(json));
        ffi::DirectFunctionCall1Coll(Some(ffi::jsonb_in), InvalidOid, text)
    }
}

macro_rules! from {
    ($($variant:ident: $from:ty),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Value::$variant(value.into())
            }
        })*
    };
}

from! {
    Text: String,
    Text: &str,
    Text: &String,
    Bytes: Vec<u8>,
    Bytes: &[u8],
    Bytes: [u8; 16],
    Bytes: [u8; 32],
    Amount: Amount,
    I64: i64,
    I32: i32,
    Bool: bool,
    Time: Timestamp,
    Interval: Interval,
    Texts: Vec<String>,
    Ints: Vec<i32>,
    Amounts: Vec<Amount>,
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
