//! A visit to one database: `credits_maintain` until nothing is left to do.

use super::{outcome, settings};
use crate::pg::background::{self, End, Signals};
use crate::pg::{Result, Spi, Statement, session};
use pgrx::pg_sys::{Datum, Oid};
use std::sync::atomic::Ordering::Release;

/// The main function of a visit. Its argument is the number of the word that says what became of it.
#[unsafe(no_mangle)]
extern "C-unwind" fn credits_ledger_visit(word: Datum) {
    unsafe { background::run(|| visit(word.value())) }
}

/// Each transaction keeps its accounts locked until it commits.
const ACCOUNTS_PER_TRANSACTION: i32 = 500;

fn visit(word: usize) -> Result<End> {
    let (database, role) = (background::text(), settings::role());
    background::connect(Signals::Ending, Some(&database), role.as_deref())?;
    // A database may bring settings of its own. What is looked up here must not find what others put in its way, and
    // maintenance skips rows that others have just changed, which is an error at a higher isolation level.
    background::set(c"search_path", c"pg_catalog, pg_temp")?;
    background::set(c"default_transaction_isolation", c"read committed")?;

    let outcome = match background::transaction(c"looking for credits_maintain", find)? {
        Some(function) => {
            while background::transaction(c"SELECT credits_maintain(500)", || function.call())? > 0 {
                session::check_interrupts()?;
            }
            outcome::DONE
        }
        None => outcome::NO_EXTENSION,
    };
    background::words()?[word].store(outcome, Release);
    Ok(End::Done)
}

/// The function `credits_maintain` of this database.
struct Maintain {
    function: Oid,
    /// With whose rights it is called, if not with those of the session.
    rights_of: Option<Oid>,
}

impl Maintain {
    fn call(&self) -> Result<i32> {
        let call = || background::call(self.function, ACCOUNTS_PER_TRANSACTION);
        match self.rights_of {
            Some(role) => background::with_rights_of(role, call),
            None => call(),
        }
    }
}

static FIND: Statement = Statement::new(
    "SELECT f.oid::bigint, f.proowner::bigint, u.rolsuper, pg_catalog.has_function_privilege(u.oid, f.oid, 'EXECUTE'),
            u.rolname::text
     FROM pg_catalog.pg_extension x
     JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = x.oid
     JOIN pg_catalog.pg_proc f ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = f.oid
     CROSS JOIN pg_catalog.pg_roles u
     WHERE x.extname = 'credits_ledger' AND d.deptype = 'e' AND f.proname = 'credits_maintain'
       AND f.proargtypes = '23' AND f.prorettype = 23 AND u.rolname = session_user",
    &[],
);

/// A superuser does not call the function as such. It belongs to whoever installed the extension, perhaps to the owner
/// of the database only, and that role may put there whatever it likes.
fn find() -> Result<Option<Maintain>> {
    let spi = Spi::connect()?;
    let rows = spi.read(&FIND, &[])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (function, owner) = (Oid::from(row.i64(0)? as u32), Oid::from(row.i64(1)? as u32));
    if !row.bool(3)? {
        return Err(background::not_permitted(
            &format!("the role \"{}\" of credits_ledger.maintenance_role may not call credits_maintain", row.text(4)?),
            "Give it access in this database: SELECT credits_allow('…', 'billing').",
        ));
    }
    Ok(Some(Maintain { function, rights_of: row.bool(2)?.then_some(owner) }))
}
