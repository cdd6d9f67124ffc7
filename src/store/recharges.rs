//! Auto-recharge: what is set, the requests, and who works on them.
//!
//! Requests are made and settled under the account's lock, claimed under their own: a worker must not wait for an
//! account that is busy. Who relies on a request being open locks it, too, so that it is not being given up meanwhile.

use super::book::{Unknown, context, write};
use super::events::lease_end;
use super::lookup::{self, Sight};
use super::rows::{self, auto_recharge_columns, recharge_columns};
use super::{packs, read};
use crate::pg::{Result, Spi, Statement, Type, session};
use credits_domain::account::{Account, Status};
use credits_domain::amount::Amount;
use credits_domain::book::{Book, Extent, Outcome, Purpose};
use credits_domain::budget::Period;
use credits_domain::entry::Operation;
use credits_domain::error::{Code, Error};
use credits_domain::receipt::Receipt;
use credits_domain::recharge::{Asking, AutoRecharge, Recharge, RechargeStatus, payment_key};
use credits_domain::time::{Interval, Zone};

const ACCOUNT: &[Type] = &[Type::Text];

static AUTO_RECHARGE: Statement = Statement::new(
    concat!("SELECT ", auto_recharge_columns!(), " FROM credits_ledger.auto_recharges WHERE account = $1"),
    ACCOUNT,
);

// With the one that it is about: 0 for none.
static LOCK_OPEN: Statement = Statement::new(
    concat!(
        "SELECT ",
        recharge_columns!(),
        " FROM credits_ledger.recharges WHERE account = $1 AND (recharge = $2 OR status IN ('open', 'claimed')) \
         FOR NO KEY UPDATE"
    ),
    &[Type::Text, Type::I64],
);

static RECHARGES: Statement = Statement::new(
    concat!("SELECT ", recharge_columns!(), " FROM credits_ledger.recharges WHERE account = $1 ORDER BY recharge"),
    ACCOUNT,
);

static CLOSED_BY_PAYMENT: Statement = Statement::new(
    "SELECT FROM credits_ledger.recharges WHERE account = $1 AND payment_ref = $2 AND recharge <> $3 LIMIT 1",
    &[Type::Text, Type::Text, Type::I64],
);

static NEWEST: Statement =
    Statement::new("SELECT coalesce(max(recharge), 0) FROM credits_ledger.recharges WHERE account = $1", ACCOUNT);

static SPENT: Statement = Statement::new(
    "SELECT coalesce(sum(price), 0) FROM credits_ledger.recharges \
     WHERE account = $1 AND currency = $2 AND requested_at >= $3 AND status IN ('open', 'claimed', 'completed')",
    &[Type::Text, Type::Text, Type::Time],
);

// The requests of a frozen account wait until it is unfrozen.
static LOCK_DUE: Statement = Statement::new(
    concat!(
        "SELECT ",
        recharge_columns!(),
        " FROM credits_ledger.recharges r WHERE due_at <= $1 \
           AND NOT EXISTS (SELECT FROM credits_ledger.accounts a WHERE a.account = r.account AND a.status = 'frozen') \
         ORDER BY due_at LIMIT $2 FOR NO KEY UPDATE OF r SKIP LOCKED"
    ),
    &[Type::Time, Type::I64],
);

static CLAIM: Statement = Statement::new(
    "UPDATE credits_ledger.recharges SET status = $3, attempts = $4, payment_key = $5, payment_method = $6, due_at = $7 \
     WHERE account = $1 AND recharge = $2",
    &[Type::Text, Type::I64, Type::Text, Type::I32, Type::Text, Type::Text, Type::Time],
);

static LOCK_IF_FREE: Statement =
    Statement::new("SELECT FROM credits_ledger.accounts WHERE account = $1 FOR NO KEY UPDATE SKIP LOCKED", ACCOUNT);

pub fn auto_recharge(spi: &Spi, sight: Sight, account: &str) -> Result<Option<AutoRecharge>> {
    let rows = lookup::run(spi, sight, &AUTO_RECHARGE, &[account.into()])?;
    rows.iter().next().map(|row| rows::auto_recharge(&row)).transpose()
}

/// All requests of an account.
pub fn all(spi: &Spi, account: &str) -> Result<Vec<Recharge>> {
    spi.read(&RECHARGES, &[account.into()])?.iter().map(|row| rows::recharge(&row)).collect()
}

/// Puts on the book how auto-recharge is set, the open request, and the one with this number (0: none).
pub fn load(spi: &Spi, book: &mut Book, number: i64) -> Result<()> {
    let account = book.account.account.clone();
    let rows = spi.write(&LOCK_OPEN, &[account.as_str().into(), number.into()])?;
    book.recharges = rows.iter().map(|row| rows::recharge(&row)).collect::<Result<_>>()?;
    book.auto_recharge = auto_recharge(spi, Sight::Newest, &account)?;
    Ok(())
}

/// Asks for money where that is due, and sets the level at which to look again: of an account that has such a level, or of
/// one whose operation was about auto-recharge itself and has loaded it. See [`super::watch`].
pub fn watch(spi: &Spi, zone: &dyn Zone, book: &mut Book) -> Result<()> {
    if book.auto_recharge.is_none() {
        if book.account.watch.recharge.is_none() {
            return Ok(());
        }
        // While there is a level, no request is open: only who is about to make one has to look.
        book.auto_recharge = auto_recharge(spi, Sight::Newest, &book.account.account)?;
        if book.wants_recharge() {
            load(spi, book, 0)?;
        }
    }
    if book.wants_recharge() && purchases_allowed(spi, book)? {
        ask(spi, zone, book)?;
    }
    book.watch_recharge();
    Ok(())
}

fn purchases_allowed(spi: &Spi, book: &Book) -> Result<bool> {
    let known = !book.account.extras.subscriptions || !book.holdings.subscriptions.is_empty();
    Ok(match known {
        true => book.holdings.allow_purchases(book.now()),
        false => lookup::holdings(spi, Sight::Newest, &book.account)?.allow_purchases(book.now()),
    })
}

fn ask(spi: &Spi, zone: &dyn Zone, book: &mut Book) -> Result<()> {
    let Some(auto) = &book.auto_recharge else { return Ok(()) };
    let (account, now) = (book.account.account.as_str(), book.now());
    let pack = packs::pack(spi, Sight::Newest, &auto.settings.pack, now)?;
    let month = Period::Month.span(book.account.cycle, now, zone)?.start;
    let spent = match auto.settings.monthly_limit {
        Some(_) => {
            let values = [account.into(), pack.price.currency.as_str().into(), month.into()];
            spi.write(&SPENT, &values)?.first().map_or(Ok(Amount::ZERO), |row| row.amount(0))?
        }
        None => Amount::ZERO,
    };
    let newest = spi.write(&NEWEST, &[account.into()])?.first().map_or(Ok(0), |row| row.i64(0))?;
    book.ask_recharge(&Asking { pack: &pack, spent, month, newest });
    Ok(())
}

/// A request that a worker has now.
pub struct Claimed {
    pub account: String,
    pub recharge: Recharge,
}

/// Gives up to so many requests to the caller, those first that have waited longest. Requests of accounts that may not be
/// charged any more are given up.
pub fn claim(max_requests: i64, lease: Interval) -> Result<Vec<Claimed>> {
    let spi = Spi::connect()?;
    let now = session::clock()?.0;
    let until = lease_end("lease", now, lease)?;
    let due = spi.write(&LOCK_DUE, &[now.into(), max_requests.into()])?;
    let due =
        due.iter().map(|row| Ok((row.text(0)?.to_string(), rows::recharge(&row)?))).collect::<Result<Vec<_>>>()?;
    let mut claimed = Vec::with_capacity(due.len());
    for (account, mut recharge) in due {
        // By statements of their own, now that the request is locked.
        let Some(row) = read_newest(&spi, &account)? else { continue };
        let (frozen, number) = (row.status == Status::Frozen, recharge.recharge);
        let mut book = match read::settled(&spi, row, Extent::All, context()?, Purpose::Read) {
            Ok(book) => book,
            Err(error) => {
                session::warn_about(&account, error)?;
                continue;
            }
        };
        book.auto_recharge = auto_recharge(&spi, Sight::Newest, &account)?;
        if book.may_recharge() {
            let method = book.auto_recharge.as_ref().and_then(|auto| auto.settings.payment_method.as_deref());
            let salt = session::random_salt()?;
            recharge.claim(until, method, || payment_key(&account, number, salt));
            save_claim(&spi, &account, &recharge)?;
            claimed.push(Claimed { account, recharge });
        } else if !frozen && !spi.write(&LOCK_IF_FREE, &[account.as_str().into()])?.is_empty() {
            write(&account, None, Extent::All, Unknown::Refuse, |desk, book| {
                load(desk.spi, book, number)?;
                book.cancel_recharge(number);
                Ok(Ok(()))
            })?;
        }
    }
    Ok(claimed)
}

fn read_newest(spi: &Spi, account: &str) -> Result<Option<Account>> {
    spi.with_fresh_snapshot(|spi| lookup::read_account(spi, account))
}

fn save_claim(spi: &Spi, account: &str, recharge: &Recharge) -> Result<()> {
    let values = [
        account.into(),
        recharge.recharge.into(),
        recharge.status.name().into(),
        recharge.attempts.into(),
        recharge.payment_key.as_deref().into(),
        recharge.payment_method.as_deref().into(),
        recharge.due_at.into(),
    ];
    spi.write(&CLAIM, &values)?;
    Ok(())
}

/// Credits a request, or closes it on the grant that credited its payment already.
pub fn complete(
    spi: &Spi,
    zone: &dyn Zone,
    book: &mut Book,
    number: i64,
    payment_ref: &str,
) -> Result<Outcome<Receipt>> {
    load(spi, book, number)?;
    let account = book.account.account.clone();
    let completed = book.recharges.iter().find(|own| own.recharge == number && own.status == RechargeStatus::Completed);
    let by_this_payment = completed.map(|own| own.payment_ref.as_deref() == Some(payment_ref));
    let credited_by = match (by_this_payment, lookup::find_payment(spi, &account, payment_ref)?) {
        (None | Some(true), Some(entry)) => entry,
        // A new payment; or LC007, as it was completed by another one.
        _ => return Ok(book.complete_recharge(number, payment_ref, zone)),
    };
    let entry = lookup::entry(spi, Sight::Newest, &account, credited_by)?;
    let entry = entry.ok_or_else(|| lookup::unknown_account(&account))?;
    let completed_others = || -> Result<bool> {
        let values = [account.as_str().into(), payment_ref.into(), number.into()];
        Ok(!spi.write(&CLOSED_BY_PAYMENT, &values)?.is_empty())
    };
    if by_this_payment.is_none() && (entry.operation == Operation::Recharge || completed_others()?) {
        return Err(Error::new(Code::DuplicatePayment, format!("payment {payment_ref:?} was credited before"))
            .detail(format!("entry={credited_by}"))
            .hint("It completed another recharge: name the payment that was made for this one.")
            .into());
    }
    let closed = book.close_recharge_on(number, payment_ref, credited_by);
    Ok(closed.map(|_| Receipt { replayed: true, ..Receipt::of(&account, &entry) }))
}
