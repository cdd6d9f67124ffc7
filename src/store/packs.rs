//! Packs as they were defined: versions, insert-only, the same for all accounts.

use super::definitions::Defined;
use super::lookup::{Sight, run};
use super::rows::{self, insert_rows, pack_columns};
use crate::pg::{Result, Spi, Statement, Type, Value, session};
use credits_domain::pack::{Pack, in_force, undefined_pack};
use credits_domain::time::Timestamp;

static VERSIONS: Statement = Statement::new(
    concat!("SELECT ", pack_columns!(), " FROM credits_ledger.packs WHERE pack = $1 ORDER BY version"),
    &[Type::Text],
);

static LOCK: Statement = Statement::new("LOCK TABLE credits_ledger.packs IN SHARE ROW EXCLUSIVE MODE", &[]);

// As of the other definitions: a version that cannot be seen is a serialization failure.
static DEFINE: Statement = Statement::new(
    concat!(insert_rows!("packs", pack_columns!()), " ON CONFLICT (pack, version) DO NOTHING"),
    &[Type::RowsOf("packs")],
);

/// The pack in force at an instant; LC006 where none was ever defined.
pub fn pack(spi: &Spi, sight: Sight, name: &str, instant: Timestamp) -> Result<Pack> {
    let rows = run(spi, sight, &VERSIONS, &[name.into()])?;
    let versions = rows.iter().map(|row| rows::pack_version(&row)).collect::<Result<Vec<_>>>()?;
    Ok(in_force(versions, instant).ok_or_else(|| undefined_pack(name))?)
}

/// Defines a pack; nothing where it is defined so already.
pub fn define(spi: &Spi, name: &str, pack: Pack) -> Result<Defined<Pack>> {
    spi.write(&LOCK, &[])?;
    let rows = spi.write(&VERSIONS, &[name.into()])?;
    let newest =
        rows.iter().last().map(|row| -> Result<_> { Ok((rows::pack_version(&row)?, row.text(7)?.to_string())) });
    let version = match newest.transpose()? {
        Some((newest, defined_by)) if newest.pack == pack => {
            let (version, defined_at) = (newest.version, newest.defined_at);
            return Ok(Defined { definition: pack, version, defined_at, defined_by });
        }
        Some((newest, _)) => newest.version + 1,
        None => 1,
    };
    let (defined_at, defined_by) = (session::clock()?.0, session::invoker()?);
    let row = vec![
        name.into(),
        version.into(),
        defined_at.into(),
        pack.credits.into(),
        pack.price.amount.into(),
        pack.price.currency.as_str().into(),
        pack.minimum_price.into(),
        defined_by.as_str().into(),
    ];
    spi.write(&DEFINE, &[Value::Rows("packs", vec![row])])?;
    Ok(Defined { definition: pack, version, defined_at, defined_by })
}
