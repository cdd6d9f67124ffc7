//! Refunds: what a debit, charge or capture took goes back to where it came from, the last taken first.

use crate::amount::Amount;
use crate::book::{Book, Draft, Outcome, Stop};
use crate::budget::Budget;
use crate::chain::Encoder;
use crate::debt::{Fate, Settlement, Stretch, fates, repayments};
use crate::detail::kept_as_json;
use crate::entry::{Dimensions, Entry, Key, Movement, Operation};
use crate::error::{Code, Error, Result};
use crate::hold::CaptureDetail;
use crate::lot::{Expiry, Lot, LotKind, LotStatus};
use crate::rate::{DrawDetail, Meter, PackageDetail};
use crate::receipt::Receipt;
use crate::time::{Timestamp, Zone};
use crate::void::{ClawBack, VoidDetail};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How much of it is to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amounts {
    /// All that has not come back yet.
    All,
    Amount(Amount),
    /// Units of the feature.
    Quantity(Amount),
}

/// What becomes of the part that came from a lot whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExpired {
    /// It returns and expires at once.
    Forfeit,
    /// A lot of kind `refund` takes it, to the end of the running cycle.
    Restore,
}

impl IfExpired {
    pub fn name(self) -> &'static str {
        match self {
            IfExpired::Forfeit => "forfeit",
            IfExpired::Restore => "restore",
        }
    }

    /// LC005 for another name.
    pub fn parse(name: &str) -> Result<IfExpired> {
        [IfExpired::Forfeit, IfExpired::Restore]
            .into_iter()
            .find(|choice| choice.name() == name)
            .ok_or_else(|| Error::argument("if_expired", name, "if_expired is none of forfeit, restore"))
    }
}

/// What `credits_refund` asks for.
#[derive(Clone, Debug)]
pub struct Refund {
    pub debit_key: String,
    pub key: Key,
    pub amounts: Amounts,
    pub if_expired: IfExpired,
    pub reason: Option<String>,
    /// Makes the digest of what is copied from the debit unguessable.
    pub salt: Option<[u8; 16]>,
}

impl Refund {
    pub fn new(debit_key: &str, key: &str, amounts: Amounts, if_expired: IfExpired) -> Refund {
        let mut e = Encoder::new();
        e.text(Operation::Refund.name()).text(debit_key);
        match amounts {
            Amounts::All => e.text("all"),
            Amounts::Amount(amount) => e.text("amount").amount(amount),
            Amounts::Quantity(quantity) => e.text("quantity").amount(quantity),
        };
        e.text(if_expired.name());
        let key = Key { key: key.into(), request: e.digest64() };
        Refund { debit_key: debit_key.into(), key, amounts, if_expired, reason: None, salt: None }
    }
}

/// What has come back of a debit, or of a claw-back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refunded {
    /// The debit.
    pub entry: i64,
    pub amount: Amount,
    /// Units.
    pub quantity: Amount,
    /// Differs from what is stored.
    pub changed: bool,
}

/// What an entry took, and from where: all that a refund has to know of it.
#[derive(Clone, Debug)]
pub struct Original {
    pub entry: i64,
    pub operation: Operation,
    pub cycle: i32,
    pub recorded_at: Timestamp,
    pub amount: Amount,
    /// In the order in which it was taken.
    pub allocations: Vec<Movement>,
    /// What was drawn past zero; taken last.
    pub debt: Option<Stretch>,
    pub quantity: Option<Amount>,
    /// Units covered by included units.
    pub included: Amount,
    pub package: Option<PackageDetail>,
    pub dimensions: Dimensions,
    /// Its actor is not known any more.
    pub redacted: bool,
    pub refunded: Refunded,
}

impl Original {
    /// `None` for an entry that took nothing which could come back.
    pub fn of(entry: &Entry, refunded: Refunded) -> Result<Option<Original>> {
        let taken = |moved: &&Movement| moved.amount.is_negative();
        let took = |moved: &Movement| Movement { lot: moved.lot, amount: -moved.amount };
        let detail = entry.detail.as_deref();
        let (allocations, debt_from, package) = match entry.operation {
            Operation::Debit | Operation::Charge => {
                let detail = detail.map(DrawDetail::from_json).transpose()?.unwrap_or_default();
                (entry.movements.iter().filter(taken).map(took).collect(), detail.debt_from, detail.package)
            }
            Operation::Capture => {
                let detail = detail.map(CaptureDetail::from_json).transpose()?.unwrap_or_default();
                let mut parts: Vec<Movement> =
                    detail.from_hold.iter().map(|(lot, amount)| Movement { lot: *lot, amount: *amount }).collect();
                // What it took beyond the hold. What it released may have paid debt; it takes nothing beside.
                if repayments(entry).is_empty() {
                    parts.extend(entry.movements.iter().filter(taken).map(took));
                }
                (parts, detail.debt_from, detail.package)
            }
            Operation::ClawBack => {
                let detail = detail.map(VoidDetail::from_json).transpose()?.unwrap_or_default();
                let own = |lot: i32| detail.lots.iter().any(|part| part.lot == lot);
                let elsewhere = entry.movements.iter().filter(taken).filter(|moved| !own(moved.lot));
                (elsewhere.map(took).collect(), detail.debt_from, None)
            }
            _ => return Ok(None),
        };
        let debt = debt_from.map(|start| Stretch::new(start, entry.debt_change));
        let taken: Amount = allocations.iter().map(|part: &Movement| part.amount).sum();
        Ok(Some(Original {
            entry: entry.entry,
            operation: entry.operation,
            cycle: entry.cycle,
            recorded_at: entry.recorded_at,
            amount: taken + debt.map_or(Amount::ZERO, Stretch::length),
            allocations,
            debt,
            quantity: entry.quantity,
            included: entry.included.unwrap_or_default(),
            package,
            dimensions: entry.dimensions.clone(),
            redacted: entry.redacted.is_some(),
            refunded: Refunded { entry: entry.entry, ..refunded },
        }))
    }

    /// Included units or packages bore some of it.
    fn is_metered(&self) -> bool {
        self.included.is_positive() || self.package.is_some()
    }

    fn left(&self) -> Amount {
        self.amount - self.refunded.amount
    }

    fn units_left(&self) -> Amount {
        self.quantity.unwrap_or_default() - self.refunded.quantity
    }

    /// What comes back of so many units, the last used first: those that were priced, then those of a package that was
    /// paid already, then included ones.
    fn units(&self, quantity: Amount, package_left: Amount) -> Result<Units> {
        let whole = self.quantity.unwrap_or_default();
        let from_package = self.package.as_ref().map_or(Amount::ZERO, |package| package.from_package);
        let priced = whole - self.included - from_package;
        let (from, to) = (self.refunded.quantity, self.refunded.quantity + quantity);
        let within = |start: Amount, end: Amount| (to.min(end) - from.max(start)).or_zero();
        let of_priced = within(Amount::ZERO, priced);
        let of_package = within(priced, priced + from_package);
        let of_included = within(priced + from_package, whole);
        let packages = self.package.as_ref().map_or(Ok(0), PackageDetail::packages)?;
        let Some(package) = self.package.as_ref().filter(|_| packages > 0) else {
            // What stays is priced like a charge of the units that stay.
            let priced_left = (priced - from).or_zero();
            let stays = match of_priced == priced_left {
                true => Amount::ZERO,
                false => self.left().times_up(priced_left - of_priced, priced_left).unwrap_or(self.left()),
            };
            let amount = if of_priced.is_positive() { self.left() - stays } else { Amount::ZERO };
            return Ok(Units { amount, included: of_included, package_left: package_left + of_package });
        };
        let credits = package.credits.micros();
        let returned = self.refunded.amount.micros().checked_div(credits).unwrap_or(0);
        let full = package_left + of_priced + of_package;
        // Where packages cost nothing, their units stay.
        let room = if credits > 0 { packages - returned } else { 0 };
        let whole_again = (full.micros() / package.per_units.micros()).min(room);
        Ok(Units {
            amount: Amount::from_micros(whole_again * credits),
            included: of_included,
            package_left: full - Amount::from_micros(whole_again * package.per_units.micros()),
        })
    }
}

/// What comes back with units.
struct Units {
    amount: Amount,
    included: Amount,
    /// Units left of packages afterwards.
    package_left: Amount,
}

/// What a refund has to know beside the book. The book must know the lots that are concerned, also those that are closed.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// The debit that is refunded, then the claw-backs of lots that are concerned.
    pub originals: Vec<Original>,
    /// Of these lots.
    pub claw_backs: Vec<ClawBack>,
    /// What became of the debt of the originals.
    pub settlements: Vec<Settlement>,
    /// Of the debit's feature.
    pub meter: Meter,
    /// When cycles ended by which lots that are concerned expired.
    pub ends: BTreeMap<i32, Timestamp>,
}

/// Where what a refund has to know is kept.
pub trait Records {
    type Error;
    fn original(&self, entry: i64) -> std::result::Result<Original, Self::Error>;
    fn claw_backs(&self, lots: &[i32]) -> std::result::Result<Vec<ClawBack>, Self::Error>;
    /// What overlaps a stretch.
    fn settlements(&self, stretch: Stretch) -> std::result::Result<Vec<Settlement>, Self::Error>;
}

impl Case {
    /// What a refund of the first original has to know, its meter left out, and the lots that are concerned. `unsaved` is
    /// what time has just settled, and the records do not have yet.
    pub fn gather<R: Records>(
        first: Original,
        unsaved: &[Settlement],
        records: &R,
    ) -> std::result::Result<(Case, Vec<i32>), R::Error> {
        let (mut case, mut lots) = (Case::default(), BTreeSet::new());
        let mut next = vec![first];
        while let Some(original) = next.pop() {
            let mut concerned: BTreeSet<i32> = original.allocations.iter().map(|part| part.lot).collect();
            if let Some(debt) = original.debt {
                let settled = records.settlements(debt)?;
                concerned.extend(settled.iter().chain(unsaved).filter_map(|own| own.fate.lot()));
                case.settlements
                    .extend(settled.into_iter().filter(|own| !case.settlements.contains(own)).collect::<Vec<_>>());
            }
            case.originals.push(original);
            let new: Vec<i32> = concerned.into_iter().filter(|lot| lots.insert(*lot)).collect();
            if new.is_empty() {
                continue;
            }
            for claw_back in records.claw_backs(&new)? {
                let known = case.originals.iter().chain(&next).any(|own| own.entry == claw_back.entry);
                if !known && claw_back.returned < claw_back.amount {
                    next.push(records.original(claw_back.entry)?);
                }
                case.claw_backs.push(claw_back);
            }
        }
        Ok((case, lots.into_iter().collect()))
    }
}

/// A stretch of debt that a refund undid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    pub stretch: Stretch,
    /// What had become of it; `None`: it was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fate: Option<Fate>,
    /// The stretch of other debt that it settles instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onto: Option<Stretch>,
}

/// What the entry of a refund keeps, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundDetail {
    /// When the debit was recorded, and in which cycle: budgets are given room in its period only.
    pub debited_at: Timestamp,
    pub debited_in: i32,
    /// Whose it was had been erased.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// Units left of packages, where they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_left: Option<Amount>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debt: Vec<Undone>,
    /// Lot, entry and amount of claw-backs that were undone instead of giving to the lot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claw_backs: Vec<(i32, i64, Amount)>,
}

kept_as_json!(RefundDetail, "the detail of a refund");

/// Where credits go back to.
#[derive(Clone, Copy, Debug)]
enum Return {
    /// To the lot that bore it.
    Lot(i32, Amount),
    /// A lot of kind `refund` stands for the one that had repaid the debt.
    Repaid(i32, Amount),
    /// Debt that was invoiced: it was paid with money.
    Invoiced(Amount),
}

/// LC006.
pub fn unknown_debit(debit_key: &str) -> Error {
    Error::new(Code::NotFound, format!("no debit was made with key {debit_key:?}"))
        .detail(format!("debit_key={debit_key}"))
        .hint("debit_key is the idempotency_key of a debit, charge or capture.")
}

impl Book {
    /// Gives back what a debit took, or a part of it. Time must be settled.
    pub fn refund(&mut self, refund: &Refund, case: Case, zone: &dyn Zone) -> Outcome<Receipt> {
        self.need_all()?;
        let Some(original) = case.originals.first().cloned() else {
            return Err(unknown_debit(&refund.debit_key).into());
        };
        let (amount, quantity, units) = self.refunding(refund, &original, &case.meter)?;
        let balances = self.account.balances;
        (balances.allowance + balances.credits + balances.held + amount).checked("balance")?;
        let given_room = self.give_budgets_room(&original, amount)?;
        let mut undoing =
            Undoing { case, fates: HashMap::new(), debt: Vec::new(), claw_backs: Vec::new(), returns: Vec::new() };
        self.undo(&mut undoing, amount);
        let Undoing { mut case, debt, claw_backs, returns, .. } = undoing;
        for part in returns {
            self.give_returned(part, refund.if_expired, &case.ends, zone)?;
        }
        self.account.used -= amount;
        let mut dimensions = original.dimensions.clone();
        dimensions.metadata = None;
        dimensions.salt = refund.salt.filter(|_| dimensions.is_personal());
        let mut draft = Draft::new(Operation::Refund, amount).key(Some(refund.key.clone()));
        (draft.refers_to, draft.reason) = (Some(original.entry), refund.reason.clone());
        draft.quantity = quantity;
        let mut package_left = None;
        if let Some(units) = units {
            (draft.included, package_left) = self.give_units(&original, &units, &case.meter);
        }
        draft.dimensions = dimensions;
        let detail = RefundDetail {
            debited_at: original.recorded_at,
            debited_in: original.cycle,
            redacted: original.redacted,
            package_left,
            debt,
            claw_backs,
        };
        draft.detail = Some(detail.to_json()?);
        self.record(draft);
        let receipt = Receipt::of_newest(self);
        if let Some(own) = case.originals.first_mut() {
            own.refunded.quantity += quantity.unwrap_or_default();
            own.refunded.changed = true;
        }
        let changed = |original: Original| original.refunded.changed.then_some(original.refunded);
        self.refunded.extend(case.originals.into_iter().filter_map(changed));
        self.claw_backs.extend(case.claw_backs.into_iter().filter(|own| own.changed));
        if let Some(budgets) = given_room {
            self.budgets = Some(budgets);
        }
        self.expire_returned();
        Ok(receipt)
    }

    /// How many credits come back, how many units, and what becomes of these.
    fn refunding(
        &self,
        refund: &Refund,
        original: &Original,
        meter: &Meter,
    ) -> Outcome<(Amount, Option<Amount>, Option<Units>)> {
        let (left, units_left) = (original.left(), original.units_left());
        // One that cost nothing from the start goes by its units, too.
        let by_units = original.quantity.is_some() && (original.is_metered() || original.amount.is_zero());
        let untouched = original.refunded.amount.is_zero() && original.refunded.quantity.is_zero();
        let nothing_left = if by_units { units_left.is_zero() } else { left.is_zero() };
        match refund.amounts {
            Amounts::Quantity(quantity) if original.quantity.is_none() => {
                let what = "the debit was not priced by a quantity: refund an amount";
                return Err(Error::argument("quantity", quantity, what).into());
            }
            Amounts::Amount(amount) if original.is_metered() && !(untouched && amount == original.amount) => {
                let what = "what included units or packages bore is refunded whole or by quantity";
                return Err(Error::argument("amount", amount, what).into());
            }
            _ => {}
        }
        if nothing_left {
            let what = format!("debit {:?} was refunded already", refund.debit_key);
            let detail = format!("refunded={} entry={}", original.refunded.amount, original.entry);
            return Err(Error::new(Code::AlreadyClosed, what).detail(detail).into());
        }
        let above = |left: Amount, wanted: Amount, name: &str| {
            let what = format!("debit {:?} has less left to refund", refund.debit_key);
            Error::new(Code::ExceedsOriginal, what)
                .detail(format!("left={left} {name}={wanted} entry={}", original.entry))
        };
        let quantity = match refund.amounts {
            Amounts::Amount(amount) if amount > left => return Err(above(left, amount, "amount").into()),
            Amounts::Amount(amount) if !original.is_metered() => return Ok((amount, None, None)),
            Amounts::All if !by_units => return Ok((left, original.quantity.map(|_| units_left), None)),
            Amounts::All | Amounts::Amount(_) => units_left,
            Amounts::Quantity(quantity) if quantity > units_left => {
                return Err(above(units_left, quantity, "quantity").into());
            }
            Amounts::Quantity(quantity) => quantity,
        };
        let units = original.units(quantity, meter.package_left)?;
        Ok((units.amount, Some(quantity), Some(units)))
    }

    /// Included units that are usable again, and the units left of packages where they changed.
    fn give_units(&mut self, original: &Original, units: &Units, meter: &Meter) -> (Option<Amount>, Option<Amount>) {
        let cycle = self.account.cycle.number;
        let open = original.cycle == cycle && !self.account.is_closed();
        let included = Some(units.included).filter(|units| open && units.is_positive());
        let package_left = Some(units.package_left).filter(|left| *left != meter.package_left);
        if included.is_some() || package_left.is_some() {
            self.meters.push(Meter {
                feature: original.dimensions.feature.clone().unwrap_or_default(),
                cycle,
                included: meter.included_in(cycle) - included.unwrap_or_default(),
                package_left: units.package_left,
            });
        }
        (included, package_left)
    }

    /// The budgets, with room for what comes back of a debit in the period that runs.
    fn give_budgets_room(&self, original: &Original, amount: Amount) -> Outcome<Option<Vec<Budget>>> {
        if !self.account.extras.budgets || amount.is_zero() {
            return Ok(None);
        }
        let mut budgets = self.budgets.clone().ok_or(Stop::NeedMore)?;
        for budget in budgets.iter_mut().filter(|budget| budget.concerns(&original.dimensions)) {
            // Of an actor who is not known any more nobody is given room.
            let known = budget.row.actor.is_none() || !original.redacted;
            if known && budget.row.period.has(budget.used.span, original.cycle, original.recorded_at) {
                budget.used.used = (budget.used.used - amount).or_zero();
                budget.changed = true;
            }
        }
        Ok(Some(budgets))
    }

    /// Undoes so much of what the debit took, the last taken first. Each time along one path: from what was taken last, on
    /// through a claw-back of the lot that bore it to what that took last, and so on to where it ends. Claw-backs that took
    /// from each other's lots make a circle: on it nothing goes to anybody, so as much of it as there is is undone at once.
    fn undo(&mut self, undoing: &mut Undoing, amount: Amount) {
        let mut left = amount;
        while left.is_positive() {
            let (path, circle) = self.trace(undoing);
            let steps = &path[circle.unwrap_or(0)..];
            let narrowest = steps.iter().map(|step| step.left).min().unwrap_or_default();
            let share = if circle.is_some() { narrowest } else { narrowest.min(left) };
            if !share.is_positive() {
                return;
            }
            for step in steps {
                self.take_step(undoing, step, share);
            }
            if circle.is_none() {
                left -= share;
                undoing.give(path.last().and_then(|step| step.source.back(share)));
            }
        }
    }

    /// The path from the debit; and where on it the circle begins, if it ends in one.
    fn trace(&self, undoing: &mut Undoing) -> (Vec<Step>, Option<usize>) {
        let (mut path, mut which): (Vec<Step>, usize) = (Vec::new(), 0);
        loop {
            let Some((source, left)) = self.last_taken(undoing, which) else { return (path, None) };
            let through = source.lot().and_then(|lot| undoing.claw_back_of(lot));
            let left = through.map_or(left, |(claw_back, _)| left.min(undoing.case.claw_backs[claw_back].left()));
            path.push(Step { which, source, left, through: through.map(|(claw_back, _)| claw_back) });
            let Some((_, next)) = through else { return (path, None) };
            if let Some(start) = path.iter().position(|step| step.which == next) {
                return (path, Some(start));
            }
            which = next;
        }
    }

    /// What an original took last of what has not come back yet, and how much of that.
    fn last_taken(&self, undoing: &mut Undoing, which: usize) -> Option<(Source, Amount)> {
        let original = undoing.case.originals.get(which)?;
        let debt = original.debt.map_or(Amount::ZERO, Stretch::length);
        let mut done = original.refunded.amount;
        if let Some(bounds) = original.debt
            && done < debt
        {
            let left = debt - done;
            let open = self.debts.open_within(bounds);
            if open.is_positive() {
                return Some((Source::Open(bounds), left.min(open)));
            }
            let settled = *undoing.fates_of(which, bounds, &self.settlements).last()?;
            let left = left.min(settled.stretch.length());
            let owed = self.account.balances.debt;
            return Some(match owed.is_positive() {
                true => (Source::Other(settled), left.min(owed)),
                false => (Source::Settled(settled), left),
            });
        }
        done -= debt;
        for part in original.allocations.iter().rev() {
            if done < part.amount {
                return Some((Source::Lot(part.lot), part.amount - done));
            }
            done -= part.amount;
        }
        None
    }

    fn take_step(&mut self, undoing: &mut Undoing, step: &Step, amount: Amount) {
        let refunded = &mut undoing.case.originals[step.which].refunded;
        refunded.amount += amount;
        refunded.changed = true;
        match step.source {
            Source::Open(bounds) => {
                let own = self.debts.settle_within(bounds, amount);
                self.settle_debt(&own, Fate::Refunded);
                undoing.debt.extend(own.into_iter().map(|stretch| Undone { stretch, fate: None, onto: None }));
            }
            Source::Other(settled) => {
                // From its end.
                let mut end = settled.stretch.end;
                for onto in self.debts.settle(amount) {
                    let stretch = Stretch { start: end - onto.length(), end };
                    self.settle_debt(&[onto], settled.fate);
                    self.note_refunded(stretch);
                    undoing.debt.push(Undone { stretch, fate: Some(settled.fate), onto: Some(onto) });
                    end = stretch.start;
                }
                // The other debt may be that of an original.
                undoing.fates.clear();
            }
            Source::Settled(settled) => {
                let end = settled.stretch.end;
                let stretch = Stretch { start: end - amount, end };
                self.note_refunded(stretch);
                undoing.debt.push(Undone { stretch, fate: Some(settled.fate), onto: None });
                undoing.shorten(step.which, amount);
            }
            Source::Lot(_) => {}
        }
        if let (Some(index), Some(lot)) = (step.through, step.source.lot()) {
            let claw_back = &mut undoing.case.claw_backs[index];
            claw_back.returned += amount;
            claw_back.changed = true;
            undoing.claw_backs.push((lot, claw_back.entry, amount));
        }
    }

    /// A stretch that was settled before is undone.
    fn note_refunded(&mut self, stretch: Stretch) {
        let entry = self.account.entry + 1;
        self.settlements.push(Settlement { stretch, fate: Fate::Refunded, entry });
    }

    fn give_returned(
        &mut self,
        part: Return,
        if_expired: IfExpired,
        ends: &BTreeMap<i32, Timestamp>,
        zone: &dyn Zone,
    ) -> Outcome<()> {
        let (source, amount) = match part {
            Return::Lot(lot, amount) | Return::Repaid(lot, amount) => (Some(lot), amount),
            Return::Invoiced(amount) => (None, amount),
        };
        let Some(number) = source else {
            self.add_refund_lot(amount, Expiry::Never, Vec::new(), false);
            return Ok(());
        };
        let Some(index) = self.reopen(number) else {
            return Err(Error::invalid(format!("lot {number} is missing")).hint("Run credits_verify.").into());
        };
        let now = self.now();
        let over = self.is_over(&self.lots[index], now);
        // While nothing could happen in it, nobody looked after its date.
        let lot = &mut self.lots[index];
        if let Expiry::Cycle { cycle, .. } = lot.expiry
            && lot.status != LotStatus::Expired
        {
            let ended =
                ends.get(&cycle).copied().or(self.closed.iter().find(|own| own.cycle == cycle).map(|own| own.end));
            let expiry = match ended {
                Some(end) => Expiry::Cycle { cycle, at: Some(end) },
                None if cycle >= self.account.cycle.number => self.expiry_of_cycle(cycle, zone)?,
                // Something was held of it when its cycle closed: its date is right.
                None => lot.expiry,
            };
            self.lots[index].expiry = expiry;
        }
        let (source, closed) = (self.lots[index].clone(), self.account.is_closed());
        let ends_with_cycle = |book: &Book| book.expiry_of_cycle(book.account.cycle.number, zone);
        match part {
            _ if over && !source.revoked && !closed && if_expired == IfExpired::Restore => {
                let expiry = ends_with_cycle(self)?;
                self.add_refund_lot(amount, expiry, source.features, false);
            }
            Return::Lot(..) => {
                if source.status == LotStatus::Voided && !source.revoked {
                    self.lots[index].status = LotStatus::Active;
                }
                let index = self.replace(index);
                self.move_lot(index, amount);
                if !source.revoked {
                    self.repay_from(index);
                }
            }
            Return::Repaid(..) | Return::Invoiced(_) => {
                let expiry = match source.expiry {
                    own if over || source.revoked => Expiry::At(own.date().map_or(now, |at| at.min(now))),
                    own => own,
                };
                self.add_refund_lot(amount, expiry, Vec::new(), source.revoked);
            }
        }
        Ok(())
    }

    /// A lot of kind `refund`; one that stands for a lot that was revoked is so, too.
    fn add_refund_lot(&mut self, amount: Amount, expiry: Expiry, features: Vec<String>, revoked: bool) {
        let mut lot: Lot = self.blank_lot(LotKind::Refund, self.now(), expiry);
        lot.amount = amount;
        lot.features = features;
        lot.expires_after_cycles = expiry.cycle().map(|cycle| cycle - self.account.cycle.number + 1);
        if revoked {
            (lot.revoked, lot.status) = (true, LotStatus::Voided);
        }
        let index = self.add_lot(lot);
        self.move_lot(index, amount);
        if !revoked {
            self.repay_from(index);
        }
    }
}

/// Where something was taken.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Debt of this stretch that is still open.
    Open(Stretch),
    /// Debt of which this has become; instead of giving that back, other debt is cancelled.
    Other(Settlement),
    /// Debt of which this has become.
    Settled(Settlement),
    Lot(i32),
}

impl Source {
    /// The lot that it would go back to.
    fn lot(self) -> Option<i32> {
        match self {
            Source::Lot(lot) => Some(lot),
            Source::Settled(settled) => settled.fate.lot(),
            Source::Open(_) | Source::Other(_) => None,
        }
    }

    /// How so much of it goes back; `None` where debt falls, and nobody gets anything.
    fn back(self, amount: Amount) -> Option<Return> {
        match self {
            Source::Lot(lot) => Some(Return::Lot(lot, amount)),
            Source::Settled(settled) => match settled.fate {
                Fate::Repaid(lot) => Some(Return::Repaid(lot, amount)),
                Fate::Invoiced => Some(Return::Invoiced(amount)),
                Fate::Forgiven | Fate::Refunded => None,
            },
            Source::Open(_) | Source::Other(_) => None,
        }
    }
}

/// A step on the path of what is undone.
struct Step {
    /// The original, by its place.
    which: usize,
    source: Source,
    /// How much can be undone here.
    left: Amount,
    /// The claw-back, by its place, through which it goes on.
    through: Option<usize>,
}

/// What a refund is about to do.
struct Undoing {
    case: Case,
    /// What became of the debt of originals, by their places; what is undone next stands last.
    fates: HashMap<usize, Vec<Settlement>>,
    debt: Vec<Undone>,
    claw_backs: Vec<(i32, i64, Amount)>,
    /// In the order in which it goes back.
    returns: Vec<Return>,
}

impl Undoing {
    /// The latest claw-back of which something is left of what was spent of a lot: its place, and that of its original.
    fn claw_back_of(&self, lot: i32) -> Option<(usize, usize)> {
        let own = self.case.claw_backs.iter().enumerate();
        let (place, latest) =
            own.filter(|(_, own)| own.lot == lot && own.left().is_positive()).max_by_key(|(_, own)| own.entry)?;
        let original = self.case.originals.iter().position(|original| original.entry == latest.entry)?;
        Some((place, original))
    }

    fn fates_of(&mut self, which: usize, bounds: Stretch, unsaved: &[Settlement]) -> &Vec<Settlement> {
        let settlements = &self.case.settlements;
        self.fates.entry(which).or_insert_with(|| {
            let known: Vec<Settlement> = settlements.iter().chain(unsaved).copied().collect();
            let mut fates = fates(bounds, &known);
            fates.reverse();
            fates
        })
    }

    /// So much of what is undone next is undone.
    fn shorten(&mut self, which: usize, amount: Amount) {
        if let Some(fates) = self.fates.get_mut(&which)
            && let Some(last) = fates.last_mut()
        {
            last.stretch.end -= amount;
            if !last.stretch.length().is_positive() {
                fates.pop();
            }
        }
    }

    fn give(&mut self, part: Option<Return>) {
        let Some(part) = part else { return };
        // What goes to the same place goes there at once.
        match (self.returns.last_mut(), part) {
            (Some(Return::Lot(lot, sum)), Return::Lot(own, amount)) if *lot == own => *sum += amount,
            (Some(Return::Repaid(lot, sum)), Return::Repaid(own, amount)) if *lot == own => *sum += amount,
            (Some(Return::Invoiced(sum)), Return::Invoiced(amount)) => *sum += amount,
            _ => self.returns.push(part),
        }
    }
}
