//! What the documents say about debts, refunds and voids, once more, in as few lines as possible: a debit remembers what
//! bore it, a debt what became of it, a claw-back from where it was taken; a refund walks these backwards.

pub type Seconds = i64;
pub type Micros = i64;

pub const CYCLE: Seconds = 7 * 24 * 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Rollover,
    Allowance,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    Never,
    At(Seconds),
    /// At the end of the cycle of this number.
    EndOf(i64),
}

#[derive(Clone, Debug)]
pub struct Lot {
    pub class: Class,
    pub kind: &'static str,
    pub key: Option<String>,
    pub priority: i64,
    /// Usable for the feature `chat` only.
    pub restricted: bool,
    pub expiry: Expiry,
    pub begins: Seconds,
    pub begun: bool,
    /// Before it begins: what will then be there.
    pub remaining: Micros,
    pub held: Micros,
    /// Taken by debits, captures, debt that it repaid, and claw-backs of other grants.
    pub spent: Micros,
    /// How much of `spent` is clawed back.
    pub clawed: Micros,
    pub voided: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Repaid { by: usize },
    Invoiced,
    Forgiven,
}

#[derive(Clone, Debug)]
struct Debt {
    of_claw_back: bool,
    open: Micros,
    /// What became of the rest, in the order in which it did.
    fates: Vec<(Fate, Micros)>,
}

impl Debt {
    fn left(&self) -> Micros {
        self.open + self.fates.iter().map(|(_, part)| part).sum::<Micros>()
    }

    /// What became of it that is undone first: what was repaid, the latest first, then invoiced, then forgiven.
    fn latest(&self) -> Option<usize> {
        let order = |fate: &Fate| match fate {
            Fate::Repaid { .. } => 2,
            Fate::Invoiced => 1,
            Fate::Forgiven => 0,
        };
        let left = self.fates.iter().enumerate().filter(|(_, (_, part))| *part > 0);
        left.max_by_key(|(n, (fate, _))| (order(fate), *n)).map(|(n, _)| n)
    }
}

/// Where a refund comes to.
#[derive(Clone, Copy, Debug)]
enum Place {
    Debt(usize),
    /// A lot that gets back what was taken of it, or what it `repaid`.
    Lot {
        lot: usize,
        repaid: bool,
    },
}

impl Place {
    fn is(self, other: Place) -> bool {
        match (self, other) {
            (Place::Debt(this), Place::Debt(that)) => this == that,
            (Place::Lot { lot: this, .. }, Place::Lot { lot: that, .. }) => this == that,
            _ => false,
        }
    }
}

/// A step from one place to the next: what a claw-back drew as debt or took of a lot, or by what a debt was repaid.
#[derive(Clone, Copy, Debug)]
enum Step {
    Owed { claw_back: usize },
    Taken { claw_back: usize },
    Became { debt: usize, fate: usize },
}

/// What a debit or a capture took and has not given back: parts of lots, then a debt.
#[derive(Clone, Debug)]
pub struct Taking {
    pub key: String,
    pub amount: Micros,
    pub refunded: Micros,
    parts: Vec<(usize, Micros)>,
    debt: Option<usize>,
}

#[derive(Clone, Debug)]
struct ClawBack {
    of: usize,
    sources: Vec<(usize, Micros)>,
    debt: Option<usize>,
    /// How much of the spent part is still clawed back.
    left: Micros,
}

#[derive(Clone, Debug)]
pub struct Hold {
    pub key: String,
    pub restricted_too: bool,
    pub lapses: Seconds,
    pub parts: Vec<(usize, Micros)>,
    pub open: bool,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub allowance: Micros,
    pub percent: i64,
    pub limit: Micros,
    pub policy: &'static str,
    pub now: Seconds,
    pub cycle: i64,
    pub end: Seconds,
    pub used: Micros,
    pub lots: Vec<Lot>,
    pub takings: Vec<Taking>,
    pub holds: Vec<Hold>,
    /// `forgiven|invoiced` of each closed cycle.
    pub closed: Vec<(Micros, Micros)>,
    debts: Vec<Debt>,
    claw_backs: Vec<ClawBack>,
    /// What came back to lots that are voided or over, and is to be removed after the entry that brought it.
    leaving: Vec<usize>,
}

/// The figures on which a receipt tells what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    pub allowance: Micros,
    pub credits: Micros,
    pub held_allowance: Micros,
    pub held_credits: Micros,
    pub debt: Micros,
    pub available: Micros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub amount: Micros,
    pub before: Figures,
    pub after: Figures,
}

pub type Answer = Result<Receipt, &'static str>;

impl Account {
    pub fn open(allowance: Micros, percent: i64, limit: Micros, policy: &'static str) -> Account {
        let mut account = Account {
            allowance,
            percent,
            limit,
            policy,
            now: 0,
            cycle: 1,
            end: CYCLE,
            used: 0,
            lots: Vec::new(),
            takings: Vec::new(),
            holds: Vec::new(),
            closed: Vec::new(),
            debts: Vec::new(),
            claw_backs: Vec::new(),
            leaving: Vec::new(),
        };
        account.of_cycle(Class::Allowance, "allowance", allowance);
        account
    }

    pub fn figures(&self) -> Figures {
        let sum = |of: &dyn Fn(&Lot) -> bool, figure: &dyn Fn(&Lot) -> Micros| {
            self.lots.iter().filter(|lot| lot.begun && of(lot)).map(figure).sum()
        };
        let other = |lot: &Lot| lot.class == Class::Other;
        Figures {
            allowance: sum(&|lot| !other(lot), &|lot| lot.remaining),
            credits: sum(&other, &|lot| lot.remaining),
            held_allowance: sum(&|lot| !other(lot), &|lot| lot.held),
            held_credits: sum(&other, &|lot| lot.held),
            debt: self.debt(),
            available: sum(&|lot| !lot.restricted, &|lot| lot.remaining),
        }
    }

    pub fn debt(&self) -> Micros {
        self.debts.iter().map(|debt| debt.open).sum()
    }

    /// Ends an entry: its receipt, and after that the expiry or void of what came back to where it cannot stay.
    fn entry(&mut self, amount: Micros, before: Figures) -> Answer {
        let receipt = Receipt { amount, before, after: self.figures() };
        for lot in std::mem::take(&mut self.leaving) {
            self.lots[lot].remaining = 0;
        }
        Ok(receipt)
    }

    // Lots

    /// When a lot expires; `None`: never.
    fn expires(&self, lot: &Lot) -> Option<Seconds> {
        match lot.expiry {
            Expiry::Never => None,
            Expiry::At(at) => Some(at),
            Expiry::EndOf(cycle) => Some(self.end + (cycle - self.cycle) * CYCLE),
        }
    }

    fn is_over(&self, lot: usize) -> bool {
        self.expires(&self.lots[lot]).is_some_and(|at| at <= self.now)
    }

    /// The lots that can be taken from now, in burn order.
    fn order(&self, of: impl Fn(usize, &Lot) -> bool) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.lots.len())
            .filter(|i| self.lots[*i].begun && self.lots[*i].remaining > 0 && of(*i, &self.lots[*i]))
            .collect();
        order.sort_by_key(|i| {
            let lot = &self.lots[*i];
            let priority = if lot.class == Class::Other { lot.priority } else { 0 };
            (lot.class, priority, !lot.restricted, self.expires(lot).unwrap_or(Seconds::MAX), lot.begins, *i)
        });
        order
    }

    /// Takes up to so much of these lots, in order.
    fn take(&mut self, order: Vec<usize>, most: Micros) -> Vec<(usize, Micros)> {
        let mut rest = most;
        let mut parts = Vec::new();
        for lot in order {
            let part = rest.min(self.lots[lot].remaining);
            if part > 0 {
                self.lots[lot].remaining -= part;
                rest -= part;
                parts.push((lot, part));
            }
        }
        parts
    }

    fn add(&mut self, lot: Lot) -> usize {
        self.lots.push(lot);
        let number = self.lots.len() - 1;
        if self.lots[number].begun {
            self.pay(number);
        }
        number
    }

    fn of_cycle(&mut self, class: Class, kind: &'static str, amount: Micros) {
        if amount > 0 {
            self.made(class, kind, false, Expiry::EndOf(self.cycle), amount);
        }
    }

    /// A lot that the ledger makes.
    fn made(&mut self, class: Class, kind: &'static str, restricted: bool, expiry: Expiry, amount: Micros) -> usize {
        self.add(Lot {
            class,
            kind,
            key: None,
            priority: 50,
            restricted,
            expiry,
            begins: self.now,
            begun: true,
            remaining: amount,
            held: 0,
            spent: 0,
            clawed: 0,
            voided: false,
        })
    }

    /// Under `repay`, what has reached an unrestricted lot pays debt, the oldest first.
    fn pay(&mut self, lot: usize) {
        if self.policy != "repay" || self.lots[lot].restricted {
            return;
        }
        for debt in &mut self.debts {
            let part = debt.open.min(self.lots[lot].remaining);
            if part > 0 {
                debt.open -= part;
                debt.fates.push((Fate::Repaid { by: lot }, part));
                self.lots[lot].remaining -= part;
                self.lots[lot].spent += part;
            }
        }
    }

    fn owe(&mut self, amount: Micros, of_claw_back: bool) -> Option<usize> {
        if amount == 0 {
            return None;
        }
        self.debts.push(Debt { of_claw_back, open: amount, fates: Vec::new() });
        Some(self.debts.len() - 1)
    }

    // Time

    /// When time next does something, and what: a lapse, the cycle's end, an expiry, the beginning of a grant.
    pub fn due(&self) -> (Seconds, usize) {
        let lapse = self.holds.iter().filter(|hold| hold.open).map(|hold| (hold.lapses, 0)).min();
        let open = |lot: &&Lot| lot.begun && lot.remaining > 0;
        let expiry = self.lots.iter().filter(open).filter_map(|lot| Some((self.expires(lot)?, 2))).min();
        let grant = self.lots.iter().filter(|lot| !lot.begun && !lot.voided).map(|lot| (lot.begins, 3)).min();
        [lapse, expiry, grant].into_iter().flatten().min().map_or((self.end, 1), |due| due.min((self.end, 1)))
    }

    pub fn settle(&mut self, now: Seconds) {
        loop {
            let (at, what) = self.due();
            if at > now {
                break;
            }
            self.now = at;
            match what {
                0 => {
                    let due = self.holds.iter().position(|hold| hold.open && hold.lapses == at).expect("a hold");
                    self.let_go(due);
                    let before = self.figures();
                    let _ = self.entry(0, before);
                }
                1 => self.close_cycle(),
                2 => {
                    for lot in 0..self.lots.len() {
                        if self.is_over(lot) {
                            self.lots[lot].remaining = 0;
                        }
                    }
                }
                _ => {
                    let due = self.lots.iter().position(|lot| !lot.begun && !lot.voided && lot.begins == at);
                    let due = due.expect("a scheduled grant");
                    self.lots[due].begun = true;
                    self.pay(due);
                }
            }
        }
        self.now = now;
    }

    fn close_cycle(&mut self) {
        let closing = Expiry::EndOf(self.cycle);
        let unused: Micros = self
            .lots
            .iter()
            .filter(|lot| lot.class == Class::Allowance && lot.expiry == closing)
            .map(|lot| lot.remaining)
            .sum();
        for lot in &mut self.lots {
            if lot.expiry == closing && lot.begun {
                lot.remaining = 0;
            }
        }
        let (mut forgiven, mut invoiced) = (0, 0);
        for debt in self.debts.iter_mut().filter(|debt| !debt.of_claw_back && debt.open > 0) {
            let (fate, sum) = match self.policy {
                "forgive_at_reset" => (Fate::Forgiven, &mut forgiven),
                "invoice_at_reset" => (Fate::Invoiced, &mut invoiced),
                _ => break,
            };
            *sum += debt.open;
            debt.fates.push((fate, std::mem::take(&mut debt.open)));
        }
        self.closed.push((forgiven, invoiced));
        self.cycle += 1;
        self.end += CYCLE;
        self.used = 0;
        self.of_cycle(Class::Rollover, "rollover", unused * self.percent / 100);
        self.of_cycle(Class::Allowance, "allowance", self.allowance);
    }

    // Calls

    pub fn grant(&mut self, lot: Lot) -> Answer {
        let (before, amount) = (self.figures(), lot.remaining);
        self.add(lot);
        self.entry(amount, before)
    }

    pub fn set_policy(&mut self, policy: &'static str) {
        self.policy = policy;
        for lot in self.order(|_, lot| !lot.restricted) {
            self.pay(lot);
        }
    }

    /// `Err("")`: refused, and nothing recorded.
    pub fn debit(&mut self, key: &str, amount: Micros, chat: bool, mode: &str) -> Answer {
        let before = self.figures();
        let order = self.order(|_, lot| chat || !lot.restricted);
        let there: Micros = order.iter().map(|lot| self.lots[*lot].remaining).sum();
        let headroom = (self.limit - self.debt()).max(0);
        let amount = match mode {
            "allow" => amount,
            _ if amount <= there + headroom => amount,
            "partial" if there + headroom > 0 => there + headroom,
            _ => return Err(""),
        };
        let parts = self.take(order, amount);
        self.spend(key, amount, parts);
        self.entry(amount, before)
    }

    /// Records what a debit or capture took: of these lots, and the rest as debt.
    fn spend(&mut self, key: &str, amount: Micros, parts: Vec<(usize, Micros)>) {
        let covered: Micros = parts.iter().map(|(_, part)| part).sum();
        for (lot, part) in &parts {
            self.lots[*lot].spent += part;
        }
        let debt = self.owe(amount - covered, false);
        self.used += amount;
        self.takings.push(Taking { key: key.to_owned(), amount, refunded: 0, parts, debt });
    }

    pub fn hold(&mut self, key: &str, amount: Micros, chat: bool, lapses: Seconds) -> Answer {
        let before = self.figures();
        let order = self.order(|_, lot| chat || !lot.restricted);
        let there: Micros = order.iter().map(|lot| self.lots[*lot].remaining).sum();
        if amount > there {
            return Err("");
        }
        let parts = self.take(order, amount);
        for (lot, part) in &parts {
            self.lots[*lot].held += part;
        }
        self.holds.push(Hold { key: key.to_owned(), restricted_too: chat, lapses, parts, open: true });
        self.entry(amount, before)
    }

    /// A final capture; what is not there is owed.
    pub fn capture(&mut self, hold: usize, key: &str, amount: Micros) -> Answer {
        let before = self.figures();
        let (mut parts, mut rest) = (Vec::new(), amount);
        for (lot, part) in &mut self.holds[hold].parts {
            let taken = rest.min(*part);
            if taken > 0 {
                *part -= taken;
                rest -= taken;
                self.lots[*lot].held -= taken;
                parts.push((*lot, taken));
            }
        }
        let chat = self.holds[hold].restricted_too;
        let order = self.order(|_, lot| chat || !lot.restricted);
        parts.append(&mut self.take(order, rest));
        self.spend(key, amount, parts);
        self.let_go(hold);
        self.entry(amount, before)
    }

    pub fn release(&mut self, hold: usize) -> Answer {
        let before = self.figures();
        let amount = self.holds[hold].parts.iter().map(|(_, part)| part).sum();
        self.let_go(hold);
        self.entry(amount, before)
    }

    /// What is left of a hold returns, the part taken last first.
    fn let_go(&mut self, hold: usize) {
        self.holds[hold].open = false;
        for (lot, part) in std::mem::take(&mut self.holds[hold].parts).into_iter().rev().filter(|(_, part)| *part > 0) {
            self.lots[lot].held -= part;
            self.put_back(lot, part);
        }
    }

    /// Adds to a lot; what cannot stay there leaves after the entry. Only what was voided pays no debt on its way.
    fn put_back(&mut self, lot: usize, amount: Micros) {
        self.lots[lot].remaining += amount;
        if !self.lots[lot].voided {
            self.pay(lot);
        }
        if self.lots[lot].voided || self.is_over(lot) {
            self.leaving.push(lot);
        }
    }

    // Refunds

    pub fn refund(&mut self, taking: usize, amount: Option<Micros>, restore: bool) -> Answer {
        let before = self.figures();
        let left = self.takings[taking].amount - self.takings[taking].refunded;
        let amount = amount.unwrap_or(left);
        match left {
            0 => return Err("LC007"),
            _ if amount > left => return Err("LC015"),
            _ => {}
        }
        let mut rest = amount;
        while rest > 0 {
            let debt = self.takings[taking].debt.filter(|debt| self.debts[*debt].left() > 0);
            let (place, part) = match debt {
                Some(debt) => (Place::Debt(debt), rest.min(self.debts[debt].left())),
                None => {
                    let (lot, left) = self.takings[taking].parts.last_mut().expect("a part that is not refunded");
                    let part = rest.min(*left);
                    *left -= part;
                    (Place::Lot { lot: *lot, repaid: false }, part)
                }
            };
            self.takings[taking].parts.retain(|(_, left)| *left > 0);
            self.undo(place, part, restore);
            rest -= part;
        }
        self.takings[taking].refunded += amount;
        self.used -= amount;
        self.entry(amount, before)
    }

    /// Undoes so much of a debt, or gives so much back to a lot. Of a lot that was clawed back the claw-back is undone: its
    /// debt, then the lots from which it was taken, the last first; and of these likewise. Where that comes round to where
    /// it was, the circle of claw-backs is cancelled: it changes nothing for anybody.
    fn undo(&mut self, start: Place, amount: Micros, restore: bool) {
        let mut rest = amount;
        while rest > 0 {
            let (mut steps, mut places) = (Vec::new(), vec![start]);
            let circle = loop {
                let Some((step, to)) = self.step(places[places.len() - 1]) else { break None };
                steps.push(step);
                if let Some(at) = places.iter().position(|place| place.is(to)) {
                    break Some(at);
                }
                places.push(to);
            };
            let steps = &steps[circle.unwrap_or(0)..];
            let mut most = steps.iter().map(|step| self.left(*step)).min().unwrap_or(rest);
            let end = places[places.len() - 1];
            if circle.is_none() {
                most = most.min(rest);
                if let Place::Debt(debt) = end {
                    most = most.min(self.next_of(debt));
                }
                rest -= most;
            }
            for step in steps {
                self.lessen(*step, most);
            }
            if circle.is_none() {
                self.arrive(end, most, restore);
            }
        }
    }

    /// The next step from a place, unless it is where things end.
    fn step(&self, from: Place) -> Option<(Step, Place)> {
        match from {
            Place::Lot { lot, .. } => {
                let n = self.claw_backs.iter().rposition(|claw_back| claw_back.of == lot && claw_back.left > 0)?;
                let debt = self.claw_backs[n].debt.filter(|debt| self.debts[*debt].left() > 0);
                Some(match debt {
                    Some(debt) => (Step::Owed { claw_back: n }, Place::Debt(debt)),
                    None => {
                        let (lot, _) = *self.claw_backs[n].sources.last().expect("what was taken and not given back");
                        (Step::Taken { claw_back: n }, Place::Lot { lot, repaid: false })
                    }
                })
            }
            Place::Debt(debt) if self.debts[debt].open > 0 || self.debt() > 0 => None,
            Place::Debt(debt) => {
                let fate = self.debts[debt].latest()?;
                match self.debts[debt].fates[fate].0 {
                    Fate::Repaid { by } => Some((Step::Became { debt, fate }, Place::Lot { lot: by, repaid: true })),
                    Fate::Invoiced | Fate::Forgiven => None,
                }
            }
        }
    }

    fn left(&self, step: Step) -> Micros {
        match step {
            Step::Owed { claw_back } => {
                let ClawBack { left, debt, .. } = &self.claw_backs[claw_back];
                debt.map_or(0, |debt| self.debts[debt].left()).min(*left)
            }
            Step::Taken { claw_back } => {
                let ClawBack { left, sources, .. } = &self.claw_backs[claw_back];
                sources.last().map_or(0, |(_, part)| *part).min(*left)
            }
            Step::Became { debt, fate } => self.debts[debt].fates[fate].1,
        }
    }

    fn lessen(&mut self, step: Step, by: Micros) {
        match step {
            Step::Became { debt, fate } => self.debts[debt].fates[fate].1 -= by,
            Step::Owed { claw_back: n } | Step::Taken { claw_back: n } => {
                if let (Step::Taken { .. }, Some((_, part))) = (step, self.claw_backs[n].sources.last_mut()) {
                    *part -= by;
                }
                self.claw_backs[n].sources.retain(|(_, part)| *part > 0);
                self.claw_backs[n].left -= by;
                let lot = &mut self.lots[self.claw_backs[n].of];
                lot.clawed -= by;
                lot.spent -= by;
            }
        }
    }

    /// How much of a debt can end at once.
    fn next_of(&self, debt: usize) -> Micros {
        let Debt { open, fates, .. } = &self.debts[debt];
        match self.debts[debt].latest() {
            _ if *open > 0 => *open,
            Some(fate) if self.debt() > 0 => fates[fate].1.min(self.debt()),
            Some(fate) => fates[fate].1,
            None => 0,
        }
    }

    /// What is open of the debt is cancelled; what became of the rest cancels what others owe before anything comes back.
    fn arrive(&mut self, at: Place, amount: Micros, restore: bool) {
        match at {
            Place::Lot { lot, repaid: true } => self.give_back_repaid(lot, amount, restore),
            Place::Lot { lot, repaid: false } => self.give_back(lot, amount, restore),
            Place::Debt(debt) if self.debts[debt].open > 0 => self.debts[debt].open -= amount,
            Place::Debt(debt) => {
                let fate = self.debts[debt].latest().expect("a debt that is not undone");
                self.debts[debt].fates[fate].1 -= amount;
                let fate = self.debts[debt].fates[fate].0;
                let mut rest = amount;
                for other in &mut self.debts {
                    let cancelled = rest.min(other.open);
                    if cancelled > 0 {
                        other.open -= cancelled;
                        other.fates.push((fate, cancelled));
                        rest -= cancelled;
                    }
                }
                if fate == Fate::Invoiced && rest > 0 {
                    self.made(Class::Other, "refund", false, Expiry::Never, rest);
                }
            }
        }
    }

    /// Gives back debt that a lot had repaid: a lot that expires like that one.
    fn give_back_repaid(&mut self, by: usize, amount: Micros, restore: bool) {
        let Lot { expiry, voided, .. } = self.lots[by];
        let expiry = match expiry {
            _ if voided => Expiry::Never,
            _ if restore && self.is_over(by) => Expiry::EndOf(self.cycle),
            expiry => expiry,
        };
        let lot = self.made(Class::Other, "refund", false, expiry, amount);
        if voided || self.is_over(lot) {
            self.leaving.push(lot);
        }
    }

    /// Gives back to a lot what had been taken of it.
    fn give_back(&mut self, lot: usize, amount: Micros, restore: bool) {
        if self.is_over(lot) && restore && !self.lots[lot].voided {
            let restricted = self.lots[lot].restricted;
            self.made(Class::Other, "refund", restricted, Expiry::EndOf(self.cycle), amount);
        } else {
            self.lots[lot].spent -= amount;
            self.put_back(lot, amount);
        }
    }

    // Voids

    pub fn void(&mut self, lot: usize, amount: Option<Micros>, claw_back: bool) -> Answer {
        let before = self.figures();
        let Lot { begun, remaining, held, spent, clawed, voided, .. } = self.lots[lot];
        let most = remaining + if claw_back { spent - clawed } else { 0 };
        match amount {
            _ if most == 0 && (held == 0 || voided) => return Err("LC007"),
            Some(amount) if amount > most => return Err("LC015"),
            _ => {}
        }
        let total = amount.unwrap_or(most);
        let of_remainder = total.min(remaining);
        self.lots[lot].remaining -= of_remainder;
        self.lots[lot].voided |= amount.is_none() || !begun && self.lots[lot].remaining == 0;
        let of_spent = total - of_remainder;
        if of_spent > 0 {
            let mut order = self.order(|i, other| i != lot && other.class == Class::Other && !other.restricted);
            if self.policy == "repay" {
                // The debt that would be drawn is paid by the allowance at once.
                order.append(&mut self.order(|_, other| other.class != Class::Other));
            }
            let sources = self.take(order, of_spent);
            for (source, part) in &sources {
                self.lots[*source].spent += part;
            }
            let covered: Micros = sources.iter().map(|(_, part)| part).sum();
            let debt = self.owe(of_spent - covered, true);
            self.lots[lot].clawed += of_spent;
            self.claw_backs.push(ClawBack { of: lot, sources, debt, left: of_spent });
        }
        self.entry(total, before)
    }
}

/// Millionths as the ledger shows them.
pub fn shown(amount: Micros) -> String {
    let (sign, size) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    let text = format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
