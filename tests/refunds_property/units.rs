//! Charges and captures by quantity, and their refunds: no unit of a plan or of a package is lost or invented, and no credit
//! comes back twice.

use crate::{Dice, books};
use credits_ledger_tests::{Server, Session, plain};
use std::collections::BTreeMap;

type Micros = i128;

const ONE: Micros = 1_000_000;
const CYCLE: i64 = 7 * 24;
const FEATURES: [&str; 3] = ["chat", "runs", "mails"];
/// What the plan includes of each in a cycle.
const INCLUDED: [Micros; 3] = [0, 20 * ONE, 5 * ONE + ONE / 2];

#[derive(Clone, Copy, Debug)]
struct Rate {
    credits: Micros,
    per_units: Micros,
    package: bool,
}

/// What a charge took and has not given back.
#[derive(Debug)]
struct Charge {
    key: String,
    feature: usize,
    cycle: i64,
    rate: Rate,
    /// By quantity it is refunded only whole or by quantity.
    metered: bool,
    priced: Micros,
    from_package: Micros,
    included: Micros,
    credits: Micros,
}

struct Units {
    s: Session,
    now: i64, // hours
    rates: [Rate; 3],
    included_used: [Micros; 3],
    package_left: [Micros; 3],
    balance: Micros,
    charges: Vec<Charge>,
    /// Units, included units and credits of each cycle and feature.
    usage: BTreeMap<(i64, usize), [Micros; 3]>,
    /// Features of which something was refunded by amount: what that says of units is left open.
    by_amount: [bool; 3],
    story: Vec<String>,
}

/// Division that rounds up.
fn up(a: Micros, b: Micros) -> Micros {
    (a + b - 1) / b
}

fn shown(amount: Micros) -> String {
    let (sign, size) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    plain(&format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000))
}

impl Units {
    fn open(seed: u64, dice: &mut Dice) -> Units {
        let rates = [0, 1, 2].map(|_| rate(dice));
        let balance = 10_000_000 * ONE;
        let mut units = Units {
            s: Server::shared().database().session(),
            now: 0,
            rates,
            included_used: [0; 3],
            package_left: [0; 3],
            balance,
            charges: Vec::new(),
            usage: BTreeMap::new(),
            by_amount: [false; 3],
            story: vec![format!("seed {seed}")],
        };
        units.s.run("SET TimeZone = 'UTC'");
        units.clock(0);
        units.run("credits_define_plan('team', 0)");
        for (feature, included) in FEATURES.into_iter().zip(INCLUDED).filter(|(_, included)| *included > 0) {
            units.run(&format!("credits_include('team', '{feature}', {})", shown(included)));
        }
        for (feature, rate) in rates.into_iter().enumerate() {
            units.define(feature, rate);
        }
        units.run("credits_open_account('a', cycle_length => '7 days')");
        units.run("credits_subscribe('a', 'team', 's')");
        units.run(&format!("credits_grant('a', {}, 'g')", shown(balance)));
        units
    }

    fn run(&mut self, call: &str) -> credits_ledger_tests::Row {
        self.story.push(call.to_owned());
        match self.s.try_run(&format!("SELECT * FROM {call}")) {
            Ok(mut rows) => rows.remove(0),
            Err(error) => panic!("{error}\nafter\n{}", self.story.join("\n")),
        }
    }

    #[track_caller]
    fn fails(&mut self, call: &str, code: &str) {
        self.story.push(call.to_owned());
        match self.s.try_run(&format!("SELECT * FROM {call}")) {
            Err(error) => self.agree("error", &error.code, code),
            Ok(rows) => panic!("{}, not {code}\nafter\n{}", rows[0], self.story.join("\n")),
        }
    }

    #[track_caller]
    fn agree(&self, what: &str, ledger: &str, model: &str) {
        assert_eq!(ledger, model, "{what}: ledger left, model right, after\n{}", self.story.join("\n"));
    }

    fn clock(&mut self, hour: i64) {
        if hour / CYCLE > self.now / CYCLE {
            self.included_used = [0; 3];
        }
        self.now = hour;
        let text = self.s.one(&format!("SELECT timestamptz '2026-01-01 00:00+00' + interval '{hour} hours'"));
        self.story.push(format!("-- at {text}"));
        self.s.at(&text);
    }

    fn define(&mut self, feature: usize, rate: Rate) {
        self.rates[feature] = rate;
        self.run(&format!(
            "credits_define_rate('{}', {}, {}, '{}')",
            FEATURES[feature],
            shown(rate.credits),
            shown(rate.per_units),
            if rate.package { "package" } else { "per_unit" }
        ));
    }

    fn included_left(&self, feature: usize) -> Micros {
        (INCLUDED[feature] - self.included_used[feature]).max(0)
    }

    fn counts(&mut self, feature: usize, units: [Micros; 3]) {
        let sums = self.usage.entry((self.now / CYCLE + 1, feature)).or_default();
        for (sum, units) in sums.iter_mut().zip(units) {
            *sum += units;
        }
    }

    /// Charges, or captures by quantity.
    fn charge(&mut self, dice: &mut Dice, key: &str) {
        let feature = dice.roll(3) as usize;
        let whole = Micros::from(1 + dice.roll(60)) * ONE;
        let odd = whole - Micros::from(dice.roll(999_999));
        let quantity = dice.pick(&[whole, whole, whole - ONE / 2, odd, 3 * whole]);
        let rate = self.rates[feature];
        let included = quantity.min(self.included_left(feature));
        let from_package = (quantity - included).min(self.package_left[feature]);
        let priced = quantity - included - from_package;
        let credits = if rate.package {
            let packages = up(priced, rate.per_units);
            self.package_left[feature] += packages * rate.per_units - priced;
            packages * rate.credits
        } else {
            up(priced * rate.credits, rate.per_units)
        };
        self.package_left[feature] -= from_package;
        self.included_used[feature] += included;
        self.balance -= credits;
        self.counts(feature, [quantity, included, credits]);
        let (name, quantity) = (FEATURES[feature], shown(quantity));
        let row = if dice.roll(4) == 0 {
            self.run(&format!("credits_hold('a', 7, 'h{key}', feature => '{name}')"));
            self.run(&format!("credits_capture('a', 'h{key}', '{key}', quantity => {quantity})"))
        } else {
            self.run(&format!("credits_charge('a', '{name}', {quantity}, '{key}')"))
        };
        let ledger = ["amount", "included", "balance"].map(|column| plain(row.get(column))).join(" ");
        self.agree("charge", &ledger, &[credits, included, self.balance].map(shown).join(" "));
        self.charges.push(Charge {
            key: key.to_owned(),
            feature,
            cycle: self.now / CYCLE,
            rate,
            metered: rate.package || included + from_package > 0,
            priced,
            from_package,
            included,
            credits,
        });
    }

    fn refund(&mut self, dice: &mut Dice, key: &str) {
        if self.charges.is_empty() {
            return;
        }
        let n = dice.roll(self.charges.len() as i64) as usize;
        let Charge { feature, cycle, rate, metered, priced, from_package, included, credits, .. } = self.charges[n];
        let units = priced + from_package + included;
        let name = self.charges[n].key.clone();
        if units == 0 {
            return self.fails(&format!("credits_refund('a', '{name}', '{key}')"), "LC007");
        }
        match dice.roll(8) {
            0 => {
                let call = format!("credits_refund('a', '{name}', '{key}', quantity => {})", shown(units + 1));
                return self.fails(&call, "LC015");
            }
            1 if metered && credits > ONE => {
                let call = format!("credits_refund('a', '{name}', '{key}', {})", shown(credits / 2));
                return self.fails(&call, "LC005");
            }
            1 | 2 if !metered && credits > ONE => {
                let amount = credits / 3;
                self.charges[n].credits -= amount;
                self.balance += amount;
                self.by_amount[feature] = true;
                self.counts(feature, [0, 0, -amount]);
                let row = self.run(&format!("credits_refund('a', '{name}', '{key}', {})", shown(amount)));
                let ledger = ["amount", "included", "balance"].map(|column| plain(row.get(column))).join(" ");
                return self.agree("refund", &ledger, &[amount, 0, self.balance].map(shown).join(" "));
            }
            _ => {}
        }
        let part = units * Micros::from(1 + dice.roll(9)) / 10;
        let quantity = dice.pick(&[units, units, part, part]).max(1);
        let priced_back = quantity.min(priced);
        let package_back = (quantity - priced_back).min(from_package);
        let included_back = quantity - priced_back - package_back;
        let charge = &mut self.charges[n];
        charge.priced -= priced_back;
        charge.from_package -= package_back;
        charge.included -= included_back;
        let back = if rate.package {
            self.package_left[feature] += priced_back + package_back;
            let whole = self.package_left[feature] / rate.per_units;
            let paid = if rate.credits == 0 { whole } else { credits / rate.credits };
            let packages = whole.min(paid);
            self.package_left[feature] -= packages * rate.per_units;
            packages * rate.credits
        } else {
            self.package_left[feature] += package_back;
            // What stays charged is rounded up.
            if priced == 0 { 0 } else { credits - up(credits * (priced - priced_back), priced) }
        };
        charge.credits -= back;
        let returns = if cycle == self.now / CYCLE { included_back } else { 0 };
        self.included_used[feature] -= returns;
        self.balance += back;
        self.counts(feature, [-quantity, -returns, -back]);
        let asked = if quantity == units && dice.roll(2) == 0 {
            String::new()
        } else {
            format!(", quantity => {}", shown(quantity))
        };
        let row = self.run(&format!("credits_refund('a', '{name}', '{key}'{asked})"));
        let ledger = ["amount", "included", "balance"].map(|column| plain(row.get(column))).join(" ");
        self.agree("refund", &ledger, &[back, returns, self.balance].map(shown).join(" "));
    }

    /// So many units cost nothing, and the next one does.
    fn look(&mut self) {
        for (feature, name) in FEATURES.into_iter().enumerate() {
            let free = self.included_left(feature) + self.package_left[feature];
            let rate = self.rates[feature];
            let next = if rate.package { rate.credits } else { up(rate.credits, rate.per_units) };
            let quotes = self.s.one(&format!(
                "SELECT trim_scale(credits_quote('a', '{name}', {})) || ' ' || trim_scale(credits_quote('a', '{name}', {}))",
                shown(free),
                shown(free + 1)
            ));
            self.agree(&format!("{} of {name} left", shown(free)), &quotes, &format!("0 {}", shown(next)));
        }
    }

    fn totals(&mut self) {
        let by_amount = self.by_amount;
        let quantity = |feature: usize, quantity: String| if by_amount[feature] { "-".to_owned() } else { quantity };
        let mut model: Vec<_> = self
            .usage
            .iter()
            .map(|((cycle, feature), [units, included, credits])| {
                let units = quantity(*feature, shown(*units));
                format!("{cycle}|{}|{units}|{}|{}", FEATURES[*feature], shown(*included), shown(*credits))
            })
            .collect();
        model.sort();
        let mut ledger: Vec<_> = self
            .s
            .rows("SELECT cycle, feature, quantity, included, credits FROM credits_usage_by_cycle")
            .iter()
            .map(|row| {
                let feature = FEATURES.iter().position(|name| *name == row.get("feature")).expect("a feature");
                let figures = ["included", "credits"].map(|column| plain(row.get(column))).join("|");
                let units = quantity(feature, plain(row.get("quantity")));
                format!("{}|{}|{units}|{figures}", row.get("cycle"), FEATURES[feature])
            })
            .collect();
        ledger.sort();
        self.agree("usage", &ledger.join("\n"), &model.join("\n"));
        let problems = self.s.list("SELECT * FROM credits_verify()");
        assert_eq!(problems, Vec::<String>::new(), "after\n{}", self.story.join("\n"));
    }
}

fn rate(dice: &mut Dice) -> Rate {
    if dice.roll(2) == 0 {
        let credits = dice.pick(&[3, ONE / 2, ONE, ONE + 333_333]);
        Rate { credits, per_units: dice.pick(&[ONE, 3 * ONE, 1000 * ONE]), package: false }
    } else {
        let credits = dice.pick(&[1, ONE / 2, ONE, 3 * ONE]);
        Rate { credits, per_units: dice.pick(&[ONE, 2 * ONE + ONE / 2, 10 * ONE, 100 * ONE]), package: true }
    }
}

fn play(seed: u64, steps: usize) {
    let mut dice = Dice(seed);
    let mut units = Units::open(seed, &mut dice);
    for step in 0..steps {
        let passes = dice.pick(&[0, 0, 0, 5, 30, 100]);
        units.clock(units.now + passes);
        let key = format!("k{step}");
        match dice.roll(20) {
            0 => {
                let (feature, rate) = (dice.roll(3) as usize, rate(&mut dice));
                units.define(feature, rate);
            }
            1..=9 => units.charge(&mut dice, &key),
            _ => units.refund(&mut dice, &key),
        }
        units.look();
        if step % 8 == 0 {
            units.totals();
        }
    }
    units.totals();
    units.s.run("SELECT credits_maintain()");
    books::conserved(&mut units.s);
}

#[test]
fn charges_and_their_refunds() {
    (1..=20).for_each(|seed| play(seed, 60));
}

#[test]
fn long_histories_of_charges() {
    (201..=203).for_each(|seed| play(seed, 250));
}
