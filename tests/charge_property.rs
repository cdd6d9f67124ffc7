//! Random histories of charges over features with included units, packages and prices by the unit, played next to a small model
//! that was written from the documents alone: no unit is lost or invented, every amount is exact, and a quote is what
//! the charge then costs.
//!
//! Instants are seconds since 1 January 2026 UTC, amounts and units are millionths.

#[path = "charge_property/model.rs"]
mod model;

use credits_ledger_tests::{Row, Server, Session, plain};
use model::{ALLOWANCE, Account, Answer, CYCLE, Definitions, FEATURES, Micros, PLANS, Price, Seconds, shown};

const ONE: Micros = 1_000_000;
const ACCOUNTS: [&str; 2] = ["a", "b"];

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % sides as u64) as i64
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as i64) as usize]
    }

    fn quantity(&mut self) -> Micros {
        let whole = Micros::from(1 + self.roll(60)) * ONE;
        let odd = whole - Micros::from(self.roll(999_999));
        self.pick(&[0, 1, ONE, whole, whole, whole, whole - ONE / 2, odd, 10 * whole])
    }

    fn price(&mut self) -> Price {
        match self.roll(8) {
            0 => Price::Free,
            1..=3 => Price::PerUnit {
                credits: self.pick(&[0, 3, ONE / 2, ONE, ONE + 333_333]),
                per_units: self.pick(&[ONE, ONE, 3 * ONE, 1000 * ONE]),
            },
            _ => Price::Package {
                credits: self.pick(&[1, ONE / 2, ONE, 3 * ONE]),
                per_units: self.pick(&[ONE, 2 * ONE + ONE / 2, 10 * ONE, 100 * ONE]),
            },
        }
    }

    fn units(&mut self) -> Micros {
        self.pick(&[0, ONE / 2, 5 * ONE, 20 * ONE, 33_333_333])
    }
}

/// The ledger and the model, side by side.
struct Both {
    s: Session,
    now: Seconds,
    definitions: Definitions,
    accounts: [Account; 2],
    /// Charges that were recorded, with what their receipts said.
    recorded: Vec<(String, String)>,
    keys: usize,
    story: Vec<String>,
}

impl Both {
    fn open(seed: u64, dice: &mut Dice) -> Both {
        let mut s = Server::shared().database().session();
        s.run("SET TimeZone = 'UTC'");
        let account = Account {
            held: [true, false, false],
            ending: false,
            limit: dice.pick(&[0, 5 * ONE]),
            start: 0,
            allowance: ALLOWANCE,
            credits: 0,
            debt: 0,
            included_used: [0; 4],
            package_left: [0; 4],
            usage: Default::default(),
        };
        let accounts = [account.clone(), account];
        let story = vec![format!("seed {seed}")];
        let mut both =
            Both { s, now: -1, definitions: Definitions::default(), accounts, recorded: Vec::new(), keys: 0, story };
        both.clock();
        for plan in PLANS {
            let allowance = if plan == "addon" { 0 } else { ALLOWANCE };
            both.run(&format!("credits_define_plan('{plan}', {})", shown(allowance)));
        }
        // What a plan does not include from the beginning, it never does: when a first definition counts is another matter.
        for (plan, feature) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 1), (2, 3)] {
            both.include(plan, feature, dice.units().max(1));
        }
        for feature in 0..FEATURES.len() {
            let price = dice.price();
            both.define(feature, None, price);
        }
        both.now = 0;
        both.clock();
        for account in ACCOUNTS {
            let limit = shown(both.accounts[0].limit);
            both.run(&format!(
                "credits_open_account('{account}', cycle_length => '7 days', overdraft_limit => {limit})"
            ));
            both.run(&format!("credits_subscribe('{account}', 'base', 'base')"));
        }
        both
    }

    #[track_caller]
    fn run(&mut self, call: &str) -> Row {
        self.story.push(call.to_owned());
        match self.s.try_run(&format!("SELECT * FROM {call}")) {
            Ok(mut rows) => rows.remove(0),
            Err(error) => panic!("{error}\nafter\n{}", self.story.join("\n")),
        }
    }

    fn sql(&mut self, statement: &str) {
        self.story.push(statement.to_owned());
        self.s.run(statement);
    }

    #[track_caller]
    fn agree(&self, what: &str, ledger: &str, model: &str) {
        assert_eq!(ledger, model, "{what}: ledger left, model right, after\n{}", self.story.join("\n"));
    }

    fn clock(&mut self) {
        let text = self.instant(self.now);
        self.story.push(format!("-- at {text}"));
        self.s.at(&text);
    }

    fn instant(&mut self, at: Seconds) -> String {
        self.s.one(&format!("SELECT timestamptz '2026-01-01 00:00+00' + {at} * interval '1 second'"))
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        format!("k{}", self.keys)
    }

    fn define(&mut self, feature: usize, effective: Option<Seconds>, price: Price) {
        let mut call = match price {
            Price::Free => format!("credits_define_rate('{}', free => true", FEATURES[feature]),
            Price::PerUnit { credits, per_units } => {
                format!("credits_define_rate('{}', {}, {}", FEATURES[feature], shown(credits), shown(per_units))
            }
            Price::Package { credits, per_units } => {
                format!(
                    "credits_define_rate('{}', {}, {}, 'package'",
                    FEATURES[feature],
                    shown(credits),
                    shown(per_units)
                )
            }
        };
        if let Some(at) = effective {
            call += &format!(", effective_at => '{}'", self.instant(at));
        }
        self.run(&(call + ")"));
        self.definitions.rates.push((feature, effective.unwrap_or(self.now), price));
    }

    fn include(&mut self, plan: usize, feature: usize, units: Micros) {
        self.run(&format!("credits_include('{}', '{}', {})", PLANS[plan], FEATURES[feature], shown(units)));
        self.definitions.included.push((plan, feature, self.now, units));
    }

    /// Quotes, charges, and compares both with the model.
    fn charge(&mut self, dice: &mut Dice, modes: &[&'static str]) {
        let who = dice.roll(2) as usize;
        let feature = dice.roll(FEATURES.len() as i64) as usize;
        let quantity = dice.quantity();
        let cover = self.accounts[who].cover(feature, quantity, self.now, &self.definitions);
        let named = format!("'{}', '{}', {}", ACCOUNTS[who], FEATURES[feature], shown(quantity));
        let quote = self.s.one(&format!("SELECT trim_scale(credits_quote({named}))"));
        self.agree(&format!("quote of {named}"), &quote, &shown(cover.amount));

        let mode = dice.pick(modes);
        let key = self.key();
        let call = format!("credits_charge({named}, '{key}', on_insufficient => '{mode}')");
        self.story.push(call.clone());
        let answer = self.accounts[who].charge(feature, quantity, mode, self.now, &self.definitions);
        let found = self.s.try_run(&format!("SELECT * FROM {call}"));
        let row = match (found, &answer) {
            (Err(error), Answer::Raised(code)) => return self.agree("error", &error.code, code),
            (Err(error), _) => panic!("{error}, not {answer:?}\nafter\n{}", self.story.join("\n")),
            (Ok(rows), _) => rows[0].clone(),
        };
        let columns = [
            "accepted",
            "refused",
            "amount",
            "from_allowance",
            "from_credits",
            "overdraft",
            "included",
            "allowance",
            "credits",
            "debt",
            "balance",
        ];
        let ledger = columns.map(|column| plain(row.get(column))).join(" ");
        let (accepted, refused, figures) = match &answer {
            Answer::Recorded { amount, from_allowance, from_credits, overdraft, included } => {
                ("t", "NULL", [*amount, *from_allowance, *from_credits, *overdraft, *included])
            }
            Answer::Free => ("t", "NULL", [0; 5]),
            Answer::Refused(code) => ("f", *code, [0; 5]),
            Answer::Raised(code) => panic!("{row}, not {code}\nafter\n{}", self.story.join("\n")),
        };
        let a = &self.accounts[who];
        let after = [a.allowance, a.credits, a.debt, a.allowance + a.credits - a.debt];
        let model = format!("{accepted} {refused} {} {}", figures.map(shown).join(" "), after.map(shown).join(" "));
        self.agree("receipt", &ledger, &model);
        let is_recorded = matches!(answer, Answer::Recorded { .. });
        self.agree("recorded", &(row.get("entry") != "NULL").to_string(), &is_recorded.to_string());
        if is_recorded {
            self.recorded.push((call, row.but("replayed")));
        }
    }

    /// A transaction of a few charges, a part or all of which is rolled back.
    fn transaction(&mut self, dice: &mut Dice) {
        let before = (self.accounts.clone(), self.recorded.len(), self.keys);
        self.sql("BEGIN");
        for _ in 0..=dice.roll(2) {
            self.charge(dice, &["refuse", "allow"]);
        }
        if dice.roll(2) == 0 {
            let here = (self.accounts.clone(), self.recorded.len(), self.keys);
            self.sql("SAVEPOINT here");
            self.charge(dice, &["refuse", "allow"]);
            self.look();
            self.sql("ROLLBACK TO SAVEPOINT here");
            self.back_to(here);
            self.charge(dice, &["refuse", "allow"]);
        }
        if dice.roll(2) == 0 {
            self.sql("COMMIT");
        } else {
            self.sql("ROLLBACK");
            self.back_to(before);
        }
    }

    /// What was rolled back did not happen; its keys are free.
    fn back_to(&mut self, (accounts, recorded, keys): ([Account; 2], usize, usize)) {
        self.accounts = accounts;
        self.recorded.truncate(recorded);
        self.keys = keys;
    }

    /// Some charge once more, whatever became of its rate since.
    fn retry(&mut self, dice: &mut Dice) {
        if self.recorded.is_empty() {
            return;
        }
        let (call, first) = self.recorded[dice.roll(self.recorded.len() as i64) as usize].clone();
        let row = self.run(&call);
        self.agree("replayed", row.get("replayed"), "t");
        self.agree("replay", &row.but("replayed"), &first);
    }

    fn plans(&mut self, dice: &mut Dice) {
        let who = dice.roll(2) as usize;
        let (account, key) = (ACCOUNTS[who], self.key());
        let a = &mut self.accounts[who];
        let call = match dice.roll(2) {
            0 => {
                let (from, to) = if a.held[0] { (0, 1) } else { (1, 0) };
                (a.held[from], a.held[to]) = (false, true);
                format!("credits_change_plan('{account}', '{}', '{}', '{key}')", PLANS[from], PLANS[to])
            }
            _ if !a.held[2] => {
                a.held[2] = true;
                format!("credits_subscribe('{account}', 'addon', '{key}')")
            }
            _ if a.ending => return,
            _ if dice.roll(2) == 0 => {
                a.ending = true;
                format!("credits_unsubscribe('{account}', 'addon', '{key}')")
            }
            _ => {
                a.held[2] = false;
                format!("credits_unsubscribe('{account}', 'addon', '{key}', 'now')")
            }
        };
        self.run(&call);
    }

    /// How many units of each feature each account may use for nothing, and what the first after them costs.
    fn look(&mut self) {
        let (mut asked, mut expected) = (Vec::new(), Vec::new());
        for (name, account) in ACCOUNTS.iter().zip(&self.accounts) {
            for (feature, feature_name) in FEATURES.iter().enumerate() {
                let covered = account.included_left(feature, &self.definitions) + account.package_left[feature];
                for quantity in [covered, covered + 1, covered + 7 * ONE + 1] {
                    let cover = account.cover(feature, quantity, self.now, &self.definitions);
                    asked.push(format!("('{name}', '{feature_name}', {})", shown(quantity)));
                    expected.push(format!("{name}|{feature_name}|{}|{}", shown(quantity), shown(cover.amount)));
                }
            }
        }
        let quotes = self.s.list(&format!(
            "SELECT a, f, trim_scale(q), trim_scale(credits_quote(a, f, q))
             FROM (VALUES {}) AS asked(a, f, q)",
            asked.join(", ")
        ));
        self.agree("units left", &quotes.join("\n"), &expected.join("\n"));
    }

    /// What was charged in each cycle, as the view adds it up.
    fn totals(&mut self) {
        let mut expected = Vec::new();
        for (name, account) in ACCOUNTS.iter().zip(&self.accounts) {
            let mut lines: Vec<_> = account.usage.iter().collect();
            lines.sort_by_key(|((start, feature), _)| (*start, FEATURES[*feature]));
            for ((start, feature), usage) in lines {
                let figures = [usage.quantity, usage.included, usage.credits, usage.from_allowance, usage.from_credits]
                    .map(shown);
                let feature = FEATURES[*feature];
                expected.push(format!("{name}|{start}|{feature}|{}|{}", usage.operations, figures.join("|")));
            }
        }
        let found = self.s.list(
            "SELECT account, extract(epoch FROM cycle_start - '2026-01-01 00:00+00')::bigint, feature, operations, trim_scale(quantity),
                    trim_scale(included), trim_scale(credits), trim_scale(from_allowance), trim_scale(from_credits)
             FROM credits_usage_by_cycle ORDER BY account, cycle, feature",
        );
        self.agree("usage", &found.join("\n"), &expected.join("\n"));
        assert_eq!(self.s.list("SELECT * FROM credits_verify()"), Vec::<String>::new(), "{}", self.story.join("\n"));
    }
}

fn play(seed: u64, steps: usize) {
    let mut dice = Dice(seed);
    let mut both = Both::open(seed, &mut dice);
    both.look();
    for _ in 0..steps {
        // Sometimes nothing passes, sometimes exactly until the cycle ends or just before, sometimes several cycles.
        let end = both.accounts[0].start + CYCLE;
        both.now = match dice.roll(12) {
            0..=5 => both.now,
            6..=8 => both.now + dice.roll(40) * 3600,
            9 => end - 1,
            10 => end,
            _ => both.now + dice.roll(3 * CYCLE),
        };
        both.clock();
        let now = both.now;
        both.accounts.iter_mut().for_each(|account| account.settle(now));
        match dice.roll(16) {
            0..=6 => both.charge(&mut dice, &["error", "error", "refuse", "partial", "allow"]),
            7 | 8 => both.transaction(&mut dice),
            9 | 10 => both.retry(&mut dice),
            11 => {
                let who = dice.roll(2) as usize;
                let amount = dice.quantity().max(1);
                let key = both.key();
                both.run(&format!("credits_grant('{}', {}, '{key}')", ACCOUNTS[who], shown(amount)));
                both.accounts[who].grant(amount);
            }
            12 | 13 => {
                let feature = dice.roll(FEATURES.len() as i64) as usize;
                // Now and then the price of now, which may be scheduled, too.
                let price = if dice.roll(4) == 0 { both.definitions.price(feature, now) } else { dice.price() };
                let effective = match dice.roll(3) {
                    0 => Some(now + dice.roll(CYCLE)),
                    1 => Some(both.accounts[0].start + CYCLE),
                    _ => None,
                };
                both.define(feature, effective, price);
            }
            14 => {
                let (plan, feature) = dice.pick(&[(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 1), (2, 3)]);
                let units = dice.units();
                both.include(plan, feature, units);
            }
            _ => both.plans(&mut dice),
        }
        both.look();
        if dice.roll(20) == 0 {
            both.sql("SELECT credits_maintain()");
            both.look();
        }
    }
    both.totals();
}

#[test]
fn random_charges_one() {
    (1..=8).for_each(|seed| play(seed, 100));
}

#[test]
fn random_charges_two() {
    (9..=16).for_each(|seed| play(seed, 100));
}

/// Few definitions, many charges: packages and included units are used up to the last one.
#[test]
fn long_histories() {
    (101..=102).for_each(|seed| play(seed, 500));
}
