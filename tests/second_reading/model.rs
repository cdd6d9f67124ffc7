//! What the documents say about lots, debits and cycles, once more, in as few lines as possible.

use std::collections::HashMap;

use credits_ledger_tests::Session;

pub type Seconds = i64;
pub type Micros = i64;

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
    /// Scheduled: at the end of the n-th cycle, counted from the one in which it becomes effective.
    After(i64),
}

#[derive(Clone, Debug)]
pub struct Lot {
    pub class: Class,
    pub kind: &'static str,
    pub priority: i64,
    pub restricted: bool,
    pub amount: Micros,
    pub remaining: Micros,
    pub effective: Seconds,
    pub expiry: Expiry,
    pub scheduled: bool,
    pub number: usize,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub allowance: Micros,
    pub length: &'static str,
    pub anchor: Seconds,
    pub zone: &'static str,
    pub percent: i64,
    pub rollover_max: Option<Micros>,
    pub limit: Micros,
    pub policy: &'static str,
    pub lots: Vec<Lot>,
    pub debt: Micros,
    pub cycle: i64,
    pub start: Seconds,
    pub end: Option<Seconds>,
    pub used: Micros,
    pub granted: Micros,
    pub closed: Vec<String>,
}

/// What a debit or a grant did, as its receipt tells it.
#[derive(Debug, PartialEq, Eq)]
pub struct Receipt {
    pub accepted: bool,
    pub amount: Micros,
    pub from_allowance: Micros,
    pub from_credits: Micros,
    pub overdraft: Micros,
}

/// Plain SQL's answer to where a series goes on, remembered.
pub struct Calendar {
    pub s: Session,
    pub known: HashMap<(Seconds, &'static str, &'static str, Seconds), Seconds>,
}

impl Calendar {
    pub fn text(&mut self, at: Seconds) -> String {
        self.s.one(&format!("SELECT timestamptz '2026-01-01 00:00+00' + {at} * interval '1 second'"))
    }

    /// The first boundary of a series after an instant; none where the length is 0.
    pub fn after(&mut self, anchor: Seconds, length: &'static str, zone: &'static str, at: Seconds) -> Option<Seconds> {
        if length == "0" {
            return None;
        }
        if let Some(found) = self.known.get(&(anchor, length, zone, at)) {
            return Some(*found);
        }
        let found = self
            .s
            .one(&format!(
                "WITH base AS (SELECT timestamptz '2026-01-01 00:00+00' AS zero),
                      series AS (
                          SELECT (((zero + {anchor} * interval '1 second') AT TIME ZONE '{zone}') + n * interval '{length}')
                                 AT TIME ZONE '{zone}' AS b, zero
                          FROM base, generate_series(-400, 800) n)
                 SELECT extract(epoch FROM min(b) - min(zero))::bigint FROM series
                 WHERE b > zero + {at} * interval '1 second'"
            ))
            .parse()
            .unwrap();
        self.known.insert((anchor, length, zone, at), found);
        Some(found)
    }
}

impl Account {
    /// The end of a cycle as it is now foreseen; none where someone has to end one before it by hand.
    pub fn end_of(&self, cycle: i64, calendar: &mut Calendar) -> Option<Seconds> {
        let mut end = self.end?;
        for _ in self.cycle..cycle {
            end = calendar.after(self.anchor, self.length, self.zone, end)?;
        }
        Some(end)
    }

    /// The lots that a debit may take, in the order in which it takes them.
    pub fn order(&self, chat: bool, calendar: &mut Calendar) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.lots.len())
            .filter(|&i| !self.lots[i].scheduled && self.lots[i].remaining > 0 && (chat || !self.lots[i].restricted))
            .map(|i| {
                let lot = &self.lots[i];
                let expires = match lot.expiry {
                    Expiry::At(at) => (0, at),
                    Expiry::EndOf(cycle) => self.end_of(cycle, calendar).map_or((1, cycle), |end| (0, end)),
                    Expiry::Never | Expiry::After(_) => (2, 0),
                };
                ((lot.class, lot.priority, !lot.restricted, expires, lot.effective, lot.number), i)
            })
            .collect();
        order.sort();
        order.into_iter().map(|(_, i)| i).collect()
    }

    pub fn sum(&self, which: impl Fn(&Lot) -> bool) -> Micros {
        self.lots.iter().filter(|lot| !lot.scheduled && which(lot)).map(|lot| lot.remaining).sum()
    }

    pub fn of_allowance(&self) -> Micros {
        self.sum(|lot| lot.class != Class::Other)
    }

    pub fn of_credits(&self) -> Micros {
        self.sum(|lot| lot.class == Class::Other)
    }

    pub fn add(&mut self, mut lot: Lot) -> Receipt {
        lot.number = self.lots.len();
        let amount = lot.amount;
        let repaid = self.arrive(&mut lot);
        let gained = if lot.scheduled { 0 } else { amount - repaid };
        let credits = lot.class == Class::Other;
        self.lots.push(lot);
        Receipt {
            accepted: true,
            amount,
            from_allowance: if credits { 0 } else { gained },
            from_credits: if credits { gained } else { 0 },
            overdraft: -repaid,
        }
    }

    /// Under `repay`, what reaches an unrestricted lot pays debt first.
    pub fn arrive(&mut self, lot: &mut Lot) -> Micros {
        if lot.scheduled {
            return 0;
        }
        lot.remaining = lot.amount;
        if let Expiry::After(cycles) = lot.expiry {
            lot.expiry = Expiry::EndOf(self.cycle + cycles - 1);
        }
        let repaid = if self.policy == "repay" && !lot.restricted { lot.remaining.min(self.debt) } else { 0 };
        lot.remaining -= repaid;
        self.debt -= repaid;
        repaid
    }

    /// Lets time act up to `now`.
    pub fn settle(&mut self, now: Seconds, calendar: &mut Calendar) {
        loop {
            let lots = self.lots.iter().filter_map(|lot| match (lot.scheduled, lot.expiry) {
                (true, _) => Some(lot.effective),
                (false, Expiry::At(at)) if lot.remaining > 0 => Some(at),
                _ => None,
            });
            let Some(at) = lots.chain(self.end).min().filter(|at| *at <= now) else { return };
            if self.end == Some(at) {
                let end = calendar.after(self.anchor, self.length, self.zone, at);
                self.close(at, end);
            }
            for lot in &mut self.lots {
                if !lot.scheduled && matches!(lot.expiry, Expiry::At(expires) if expires <= at) {
                    lot.remaining = 0;
                }
            }
            for i in 0..self.lots.len() {
                if self.lots[i].scheduled && self.lots[i].effective <= at {
                    let mut lot = self.lots[i].clone();
                    lot.scheduled = false;
                    self.arrive(&mut lot);
                    self.lots[i] = lot;
                }
            }
        }
    }

    pub fn close(&mut self, at: Seconds, end: Option<Seconds>) {
        let unused = self.sum(|lot| lot.class == Class::Allowance);
        let share = (i128::from(unused) * i128::from(self.percent) / 100) as Micros;
        let rolled = share.min(self.rollover_max.unwrap_or(share));
        let expired = self.of_allowance() - rolled;
        let (mut forgiven, mut invoiced) = (0, 0);
        match self.policy {
            "forgive_at_reset" => forgiven = std::mem::take(&mut self.debt),
            "invoice_at_reset" => invoiced = std::mem::take(&mut self.debt),
            _ => {}
        }
        self.closed.push(
            [self.granted, self.used, rolled, expired, forgiven, invoiced].map(shown).join("|")
                + &format!("|{}|{at}", self.start),
        );
        for lot in &mut self.lots {
            if !lot.scheduled && (lot.class != Class::Other || lot.expiry == Expiry::EndOf(self.cycle)) {
                lot.remaining = 0;
            }
        }
        self.cycle += 1;
        (self.start, self.end, self.used, self.granted) = (at, end, 0, self.allowance);
        self.add_of_cycle(Class::Rollover, "rollover", rolled);
        self.add_of_cycle(Class::Allowance, "allowance", self.allowance);
    }

    pub fn add_of_cycle(&mut self, class: Class, kind: &'static str, amount: Micros) {
        if amount > 0 {
            let (effective, expiry) = (self.start, Expiry::EndOf(self.cycle));
            self.add(Lot {
                class,
                kind,
                priority: 0,
                restricted: false,
                amount,
                remaining: 0,
                effective,
                expiry,
                scheduled: false,
                number: 0,
            });
        }
    }

    pub fn debit(&mut self, amount: Micros, chat: bool, mode: &str, calendar: &mut Calendar) -> Receipt {
        let refused = Receipt { accepted: false, amount: 0, from_allowance: 0, from_credits: 0, overdraft: 0 };
        let order = self.order(chat, calendar);
        let in_lots: Micros = order.iter().map(|&i| self.lots[i].remaining).sum();
        let most = in_lots + (self.limit - self.debt).max(0);
        let amount = match mode {
            "refuse" if amount > most => return refused,
            "partial" if most == 0 => return refused,
            "partial" => amount.min(most),
            _ => amount,
        };
        let (mut rest, mut from_allowance, mut from_credits) = (amount, 0, 0);
        for i in order {
            let taken = rest.min(self.lots[i].remaining);
            self.lots[i].remaining -= taken;
            rest -= taken;
            *(if self.lots[i].class == Class::Other { &mut from_credits } else { &mut from_allowance }) += taken;
        }
        self.debt += rest;
        self.used += amount;
        Receipt { accepted: true, amount, from_allowance, from_credits, overdraft: rest }
    }

    pub fn reset(&mut self, now: Seconds, starts_at: Seconds, calendar: &mut Calendar) {
        if self.start < starts_at {
            self.anchor = starts_at;
            let end = calendar.after(self.anchor, self.length, self.zone, now);
            self.close(now, end);
        }
    }
}

/// Millionths as the ledger shows them.
pub fn shown(amount: Micros) -> String {
    let (sign, size) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    let text = format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
