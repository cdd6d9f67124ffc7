//! The SQL types that pass between the ledger and Postgres.

use super::error::throw_internal;
use super::ffi;
use pgrx::pg_sys::{self, Oid};
use std::ffi::c_char;

/// The schema of the ledger's tables; it is fixed, whatever schema the functions were installed in.
pub const SCHEMA: &str = "credits_ledger";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Text,
    Texts,
    Amount,
    Amounts,
    I64,
    I32,
    Ints,
    Bool,
    Time,
    Interval,
    Json,
    Bytes,
    Regrole,
    /// An array of rows of a table of the ledger.
    RowsOf(&'static str),
    /// Any other, by the name that SQL gives it: a composite or a set of them. Results only.
    Named(&'static str),
}

impl Type {
    /// The type of this name in SQL.
    pub const fn named(name: &'static str) -> Type {
        match name.as_bytes() {
            b"text" => Type::Text,
            b"text[]" => Type::Texts,
            b"numeric" => Type::Amount,
            b"numeric[]" => Type::Amounts,
            b"bigint" => Type::I64,
            b"integer" | b"int" => Type::I32,
            b"integer[]" | b"int[]" => Type::Ints,
            b"boolean" => Type::Bool,
            b"timestamptz" => Type::Time,
            b"interval" => Type::Interval,
            b"jsonb" => Type::Json,
            b"bytea" => Type::Bytes,
            b"regrole" => Type::Regrole,
            _ => Type::Named(name),
        }
    }

    /// Its OID, where that is the same in every database.
    pub const fn fixed_oid(self) -> Option<Oid> {
        Some(match self {
            Type::Text => pg_sys::TEXTOID,
            Type::Texts => pg_sys::TEXTARRAYOID,
            Type::Amount => pg_sys::NUMERICOID,
            Type::Amounts => pg_sys::NUMERICARRAYOID,
            Type::I64 => pg_sys::INT8OID,
            Type::I32 => pg_sys::INT4OID,
            Type::Ints => pg_sys::INT4ARRAYOID,
            Type::Bool => pg_sys::BOOLOID,
            Type::Time => pg_sys::TIMESTAMPTZOID,
            Type::Interval => pg_sys::INTERVALOID,
            Type::Json => pg_sys::JSONBOID,
            Type::Bytes => pg_sys::BYTEAOID,
            Type::Regrole => pg_sys::REGROLEOID,
            Type::RowsOf(_) | Type::Named(_) => return None,
        })
    }

    /// Its OID now. Only inside a `pg_try`.
    pub(super) unsafe fn oid(self) -> Oid {
        match (self.fixed_oid(), self) {
            (Some(oid), _) => oid,
            (None, Type::RowsOf(table)) => unsafe { ffi::get_array_type(row_type(table)) },
            (None, _) => unsafe { throw_internal(&["only results can be of a named type"]) },
        }
    }
}

/// The OID of a table's row type. It is another one after the extension was dropped and created again. Only inside a
/// `pg_try`.
pub(super) unsafe fn row_type(table: &str) -> Oid {
    unsafe {
        let schema = ffi::get_namespace_oid(name(SCHEMA).as_ptr(), false);
        let relation = relation(table, schema);
        if relation == pg_sys::InvalidOid {
            throw_internal(&["the table ", SCHEMA, ".", table, " does not exist"]);
        }
        ffi::get_rel_type_id(relation)
    }
}

/// The OID of a table or index of a schema, if there is one. Only inside a `pg_try`.
pub(super) unsafe fn relation(table: &str, schema: Oid) -> Oid {
    unsafe { ffi::get_relname_relid(name(table).as_ptr(), schema) }
}

/// A name as C wants it, on the stack.
pub(super) fn name(text: &str) -> [c_char; pg_sys::NAMEDATALEN as usize] {
    let mut name = [0; pg_sys::NAMEDATALEN as usize];
    for (place, byte) in name.iter_mut().take(pg_sys::NAMEDATALEN as usize - 1).zip(text.bytes()) {
        *place = byte as c_char;
    }
    name
}
