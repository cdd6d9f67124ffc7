//! What the documents say about rates, packages and included units, once more, in as few lines as possible.

use std::collections::BTreeMap;

pub type Seconds = i64;
pub type Micros = i128;

pub const FEATURES: [&str; 4] = ["chat", "runs", "mails", "calls"];

/// The first two are of equal rank and allowance: an account holds one of them at a time, and the third beside it or not.
pub const PLANS: [&str; 3] = ["base", "swap", "addon"];
pub const ALLOWANCE: Micros = 40_000_000;
pub const CYCLE: Seconds = 7 * 24 * 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    PerUnit { credits: Micros, per_units: Micros },
    Package { credits: Micros, per_units: Micros },
    Free,
}

/// Each list in the order in which its definitions were made.
#[derive(Default)]
pub struct Definitions {
    pub rates: Vec<(usize, Seconds, Price)>,
    pub included: Vec<(usize, usize, Seconds, Micros)>,
}

impl Definitions {
    pub fn price(&self, feature: usize, now: Seconds) -> Price {
        let of_feature = self.rates.iter().filter(|(f, effective, _)| *f == feature && *effective <= now);
        // Of two for one instant, max_by_key takes the last one.
        of_feature.max_by_key(|(_, effective, _)| *effective).expect("each feature has a rate").2
    }

    /// Units of a feature that a plan covers in a cycle that began then.
    pub fn units(&self, plan: usize, feature: usize, start: Seconds) -> Micros {
        let of_plan = self.included.iter().filter(|(p, f, at, _)| (*p, *f) == (plan, feature) && *at <= start);
        of_plan.max_by_key(|(_, _, at, _)| *at).map_or(0, |(_, _, _, units)| *units)
    }
}

/// What was charged for a feature in a cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub operations: i64,
    pub quantity: Micros,
    pub included: Micros,
    pub credits: Micros,
    pub from_allowance: Micros,
    pub from_credits: Micros,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub held: [bool; PLANS.len()],
    /// The third plan ends with the cycle.
    pub ending: bool,
    pub limit: Micros,
    pub start: Seconds,
    pub allowance: Micros,
    pub credits: Micros,
    pub debt: Micros,
    pub included_used: [Micros; FEATURES.len()],
    pub package_left: [Micros; FEATURES.len()],
    pub usage: BTreeMap<(Seconds, usize), Usage>,
}

/// How a quantity is covered, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    pub included: Micros,
    pub from_package: Micros,
    pub bought: Micros,
    pub amount: Micros,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Recorded { amount: Micros, from_allowance: Micros, from_credits: Micros, overdraft: Micros, included: Micros },
    Free,
    Refused(&'static str),
    Raised(&'static str),
}

impl Account {
    /// Lets cycles end up to `now`.
    pub fn settle(&mut self, now: Seconds) {
        while self.start + CYCLE <= now {
            self.start += CYCLE;
            self.held[2] &= !std::mem::take(&mut self.ending);
            self.included_used = Default::default();
            let repaid = self.debt.min(ALLOWANCE);
            self.debt -= repaid;
            self.allowance = ALLOWANCE - repaid;
        }
    }

    pub fn grant(&mut self, amount: Micros) {
        let repaid = self.debt.min(amount);
        self.debt -= repaid;
        self.credits += amount - repaid;
    }

    pub fn included_left(&self, feature: usize, definitions: &Definitions) -> Micros {
        let plans = (0..PLANS.len()).filter(|plan| self.held[*plan]);
        let units: Micros = plans.map(|plan| definitions.units(plan, feature, self.start)).sum();
        (units - self.included_used[feature]).max(0)
    }

    /// Included units, then what is left of packages, then new packages or units.
    pub fn cover(&self, feature: usize, quantity: Micros, now: Seconds, definitions: &Definitions) -> Cover {
        let price = definitions.price(feature, now);
        if price == Price::Free {
            return Cover { included: 0, from_package: 0, bought: 0, amount: 0 };
        }
        let included = quantity.min(self.included_left(feature, definitions));
        let from_package = (quantity - included).min(self.package_left[feature]);
        let rest = quantity - included - from_package;
        let (bought, amount) = match price {
            Price::PerUnit { credits, per_units } => (0, up(rest * credits, per_units)),
            Price::Package { credits, per_units } => {
                let packages = up(rest, per_units);
                (packages * per_units - rest, packages * credits)
            }
            Price::Free => unreachable!(),
        };
        Cover { included, from_package, bought, amount }
    }

    pub fn charge(
        &mut self,
        feature: usize,
        quantity: Micros,
        mode: &str,
        now: Seconds,
        definitions: &Definitions,
    ) -> Answer {
        let price = definitions.price(feature, now);
        if price == Price::Free {
            return Answer::Free;
        }
        if mode == "partial" && matches!(price, Price::Package { .. }) {
            return Answer::Raised("LC005");
        }
        let cover = self.cover(feature, quantity, now, definitions);
        let most = self.allowance + self.credits + (self.limit - self.debt).max(0);
        let amount = match mode {
            "allow" => cover.amount,
            "partial" if most + cover.included + cover.from_package > 0 => cover.amount.min(most),
            _ if cover.amount <= most || cover.amount == 0 => cover.amount,
            "error" => return Answer::Raised("LC001"),
            _ => return Answer::Refused("LC001"),
        };
        let from_allowance = amount.min(self.allowance);
        let from_credits = (amount - from_allowance).min(self.credits);
        let overdraft = amount - from_allowance - from_credits;
        self.allowance -= from_allowance;
        self.credits -= from_credits;
        self.debt += overdraft;
        self.included_used[feature] += cover.included;
        self.package_left[feature] += cover.bought - cover.from_package;
        let usage = self.usage.entry((self.start, feature)).or_default();
        usage.operations += 1;
        usage.quantity += quantity;
        usage.included += cover.included;
        usage.credits += amount;
        usage.from_allowance += from_allowance;
        usage.from_credits += from_credits;
        Answer::Recorded { amount, from_allowance, from_credits, overdraft, included: cover.included }
    }
}

/// Division that rounds up.
fn up(a: Micros, b: Micros) -> Micros {
    (a + b - 1) / b
}

/// Millionths as the ledger shows them.
pub fn shown(amount: Micros) -> String {
    let (sign, size) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    let text = format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
