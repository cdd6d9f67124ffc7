//! Time zones as the server knows them.

use super::error::{Result, pg_try};
use super::ffi;
use chrono::NaiveDateTime;
use credits_domain::error::Error as LedgerError;
use credits_domain::time::{Timestamp, Utc, Zone};
use pgrx::pg_sys::{Datum, InvalidOid, PGFunction};

/// A time zone of the server's database: a name (`Europe/Berlin`), an abbreviation or a POSIX rule, whatever
/// `AT TIME ZONE` takes, and resolved by that very operator.
pub struct ServerZone {
    /// The name as a text value: a header of four bytes, then the name.
    name: Box<[u32]>,
    utc: bool,
}

impl ServerZone {
    /// LC005 if the server knows no such zone.
    pub fn new(name: &str) -> Result<ServerZone> {
        let zone = ServerZone { name: text_value(name), utc: name == "UTC" };
        if !zone.utc {
            let known = unsafe { pg_try(|| zone.call(Some(ffi::timestamptz_zone), 0)) };
            if let Err(error) = known {
                if error.sqlstate() != INVALID_PARAMETER {
                    return Err(error.into());
                }
                return Err(LedgerError::argument("time_zone", name, "the time zone is not known")
                    .hint("pg_timezone_names lists the names that this server knows.")
                    .into());
            }
        }
        Ok(zone)
    }

    /// Only inside a `pg_try`.
    unsafe fn call(&self, function: PGFunction, micros: i64) -> i64 {
        unsafe {
            let name = Datum::from(self.name.as_ptr());
            ffi::DirectFunctionCall2Coll(function, InvalidOid, name, Datum::from(micros)).value() as i64
        }
    }

    /// `None` where the result is out of the range that Postgres or chrono counts.
    fn convert(&self, function: PGFunction, micros: i64) -> Option<i64> {
        unsafe { pg_try(|| self.call(function, micros)) }.ok()
    }
}

/// invalid_parameter_value, which Postgres reports for an unknown zone.
const INVALID_PARAMETER: &str = "22023";

fn text_value(text: &str) -> Box<[u32]> {
    let size = size_of::<u32>() + text.len();
    let mut value = vec![0u32; size.div_ceil(size_of::<u32>())].into_boxed_slice();
    unsafe {
        pgrx::set_varsize_4b(value.as_mut_ptr().cast(), size as i32);
        std::ptr::copy_nonoverlapping(text.as_ptr(), value.as_mut_ptr().add(1).cast(), text.len());
    }
    value
}

impl Zone for ServerZone {
    fn to_local(&self, instant: Timestamp) -> Option<NaiveDateTime> {
        if self.utc {
            return Utc.to_local(instant);
        }
        // A timestamp without time zone counts as if it were UTC.
        Timestamp(self.convert(Some(ffi::timestamptz_zone), instant.0)?).to_utc()
    }

    fn to_instant(&self, wall_clock: NaiveDateTime) -> Option<Timestamp> {
        if self.utc {
            return Utc.to_instant(wall_clock);
        }
        self.convert(Some(ffi::timestamp_zone), Timestamp::from_utc(wall_clock).0).map(Timestamp)
    }
}
