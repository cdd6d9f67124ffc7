//! Revenue: what was paid for lots is recognised as they are spent, and as breakage when they expire.

use crate::account::Account;
use crate::amount::Amount;
use crate::entry::{Entry, Operation};
use crate::error::{Error, Result};
use crate::hold::CaptureDetail;
use crate::lot::{Lot, LotKind, LotStatus, Price};
use crate::void::VoidDetail;
use std::collections::BTreeMap;

/// What became of credits, and so of the money that was paid for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// They were spent, or repaid debt.
    Recognised,
    /// They expired.
    Breakage,
    Voided,
    /// They had been spent, and were voided with a claw-back: what was recognised of them is taken back.
    ClawedBack,
}

/// What an entry made of a lot's credits: below zero where it took that back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    pub lot: i32,
    pub share: Share,
    pub amount: Amount,
}

/// What an entry made of lots, in the order in which it did. What a hold sets aside is not used yet.
pub fn uses(entry: &Entry) -> Result<Vec<Use>> {
    let detail = entry.detail.as_deref();
    let taken =
        |share: Share| entry.movements.iter().map(move |moved| Use { lot: moved.lot, share, amount: -moved.amount });
    // What goes into a lot comes from a hold, or is what the lot was made with; what goes out again repays debt.
    let spent = || taken(Share::Recognised).filter(|own| own.amount.is_positive());
    Ok(match entry.operation {
        Operation::Hold | Operation::Rollover => Vec::new(),
        Operation::Expire => taken(Share::Breakage).collect(),
        Operation::Refund => taken(Share::Recognised).collect(),
        Operation::Capture => {
            let detail = detail.map(CaptureDetail::from_json).transpose()?.unwrap_or_default();
            let held = |(lot, amount): (i32, Amount)| Use { lot, share: Share::Recognised, amount };
            detail.from_hold.into_iter().map(held).chain(spent()).collect()
        }
        // What returned to a lot that was voided before.
        Operation::Void if detail.is_none() => taken(Share::Voided).collect(),
        Operation::Void | Operation::ClawBack => {
            let detail = detail.map(VoidDetail::from_json).transpose()?.unwrap_or_default();
            let own = |lot: i32| detail.lots.iter().any(|part| part.lot == lot);
            let mut uses: Vec<Use> = Vec::new();
            for part in &detail.lots {
                uses.push(Use { lot: part.lot, share: Share::Voided, amount: part.voided });
                uses.push(Use { lot: part.lot, share: Share::ClawedBack, amount: part.clawed_back });
            }
            uses.extend(spent().filter(|elsewhere| !own(elsewhere.lot)));
            uses
        }
        _ => spent().collect(),
    })
}

/// When something happened, seen from the period that is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    During,
    After,
}

/// Of one currency and one kind of lot, in money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub opening_deferred: Amount,
    pub sold: Amount,
    pub recognised: Amount,
    pub breakage: Amount,
    pub voided: Amount,
    pub closing_deferred: Amount,
}

/// A lot that was paid for, and what became of it from some entry on.
#[derive(Clone, Debug)]
struct Paid {
    lot: Lot,
    price: Price,
    sold: When,
    /// It was still scheduled when the account was closed, or came after that.
    perhaps_unseen: bool,
    /// Oldest first.
    uses: Vec<(When, Share, Amount)>,
}

/// An account's lots that were paid for, while its entries are read.
#[derive(Clone, Debug, Default)]
pub struct PaidLots(BTreeMap<i32, Paid>);

impl PaidLots {
    /// Of the account's lots as they stand at the end, those that have a price. `when` says when an entry was, seen
    /// from the period.
    pub fn new(account: &Account, lots: impl IntoIterator<Item = Lot>, when: impl Fn(i64) -> When) -> PaidLots {
        let closed_at = account.cycle.end.filter(|_| account.is_closed());
        let paid = lots.into_iter().filter_map(|lot| {
            let (price, sold) = (lot.price.clone()?, when(lot.entry));
            let perhaps_unseen =
                lot.status == LotStatus::Expired && closed_at.is_some_and(|closed_at| lot.effective_at > closed_at);
            Some((lot.lot, Paid { lot, price, sold, perhaps_unseen, uses: Vec::new() }))
        });
        PaidLots(paid.collect())
    }

    pub fn numbers(&self) -> Vec<i32> {
        self.0.keys().copied().collect()
    }

    /// The first entry that has to be read, where `first` is the first one in or after the period: of a lot that never
    /// became effective, all are needed.
    pub fn read_from(&self, first: i64) -> i64 {
        let whole = self.0.values().filter(|paid| paid.perhaps_unseen).map(|paid| paid.lot.entry);
        whole.fold(first, i64::min)
    }

    /// The next entry, oldest first.
    pub fn read(&mut self, entry: &Entry, when: When) -> Result<()> {
        for used in uses(entry)? {
            if let Some(paid) = self.0.get_mut(&used.lot) {
                paid.uses.push((when, used.share, used.amount));
            }
        }
        // What never became effective expired without a movement.
        if entry.operation == Operation::Close {
            let unseen = |paid: &&mut Paid| paid.perhaps_unseen && paid.lot.entry < entry.entry;
            for paid in self.0.values_mut().filter(unseen) {
                paid.uses.push((when, Share::Breakage, paid.lot.amount - paid.used()));
            }
        }
        Ok(())
    }

    /// Adds what the lots come to. An error where a lot's uses do not lead back to its whole amount.
    pub fn add_up(&self, to: &mut BTreeMap<(String, LotKind), Figures>) -> Result<()> {
        for paid in self.0.values().filter(|paid| paid.sold != When::After) {
            paid.add_up(to.entry((paid.price.currency.clone(), paid.lot.kind)).or_default())?;
        }
        Ok(())
    }
}

impl Paid {
    /// How much of it was used by the entries that were read.
    fn used(&self) -> Amount {
        let used = self.uses.iter().filter(|(_, share, _)| *share != Share::ClawedBack);
        used.map(|(_, _, amount)| *amount).sum()
    }

    /// How much they spent of it, less what was clawed back.
    fn spent(&self) -> Amount {
        let signed = |(_, share, amount): &(When, Share, Amount)| match share {
            Share::Recognised => *amount,
            Share::ClawedBack => -*amount,
            Share::Breakage | Share::Voided => Amount::ZERO,
        };
        self.uses.iter().map(signed).sum()
    }

    /// The money that is not earned while so much of the lot is unspent.
    fn deferred(&self, unspent: Amount) -> Result<Amount> {
        let deferred = if unspent.is_negative() || unspent > self.lot.amount {
            None
        } else {
            self.price.amount.times_up(unspent, self.lot.amount)
        };
        deferred.ok_or_else(|| self.broken(unspent))
    }

    fn broken(&self, unspent: Amount) -> Error {
        Error::invalid(format!("lot {} and the entries that used it do not add up", self.lot.lot))
            .detail(format!("lot={} amount={} unspent={unspent}", self.lot.lot, self.lot.amount))
            .hint("Run credits_verify: somebody changed the tables by hand.")
    }

    fn add_up(&self, figures: &mut Figures) -> Result<()> {
        let mut unspent = self.lot.unspent() + self.lot.held + self.used();
        let mut spent = self.lot.spent() - self.spent();
        if self.sold == When::During && unspent != self.lot.amount {
            return Err(self.broken(unspent));
        }
        let mut deferred = self.deferred(unspent)?;
        let mut opening = (self.sold == When::Before).then_some(deferred);
        let mut closing = deferred;
        for (when, share, amount) in &self.uses {
            let (money, left) = if *share == Share::ClawedBack {
                // As if so much more were unspent: of one who spent and nothing else, all is taken back with the last part.
                let before = self.deferred(self.lot.amount - spent)?;
                spent -= *amount;
                (self.deferred(self.lot.amount - spent)? - before, deferred)
            } else {
                unspent -= *amount;
                spent += if *share == Share::Recognised { *amount } else { Amount::ZERO };
                let left = self.deferred(unspent)?;
                (deferred - left, left)
            };
            deferred = left;
            match when {
                When::Before => opening = opening.map(|_| left),
                When::During => match share {
                    Share::Recognised => figures.recognised += money,
                    Share::Breakage => figures.breakage += money,
                    Share::Voided => figures.voided += money,
                    Share::ClawedBack => {
                        figures.recognised -= money;
                        figures.voided += money;
                    }
                },
                When::After => continue,
            }
            closing = left;
        }
        figures.opening_deferred += opening.unwrap_or_default();
        if self.sold == When::During {
            figures.sold += self.price.amount;
        }
        figures.closing_deferred += closing;
        Ok(())
    }
}
