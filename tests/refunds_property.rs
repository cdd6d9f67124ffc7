//! Random histories of debits, holds, refunds and voids, played next to a small model that was written from the documents
//! alone: every receipt, balance, lot and closed cycle must agree, whatever became of debts in between.
//!
//! Instants are seconds since 1 January 2026 UTC, amounts are millionths.

// Written for the scenarios: not all of it is asked here.
#[allow(dead_code)]
#[path = "holds/asked.rs"]
mod asked;
#[allow(dead_code)]
#[path = "refunds/books.rs"]
mod books;
#[path = "refunds_property/model.rs"]
mod model;
#[path = "refunds_property/units.rs"]
mod units;

use credits_ledger_tests::{Server, Session, plain};
use model::{Account, Answer, Class, Expiry, Lot, Micros, Receipt, Seconds, shown};
use std::collections::BTreeMap;

const ONE: Micros = 1_000_000;
const HOUR: Seconds = 3600;
const POLICIES: [&str; 3] = ["repay", "forgive_at_reset", "invoice_at_reset"];

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % sides as u64) as i64
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as i64) as usize]
    }

    /// Mostly whole numbers, sometimes all six decimals.
    fn amount(&mut self, most: i64) -> Micros {
        let whole = (1 + self.roll(most)) * ONE;
        let odd = whole - self.roll(999_999);
        self.pick(&[whole, whole, whole - ONE / 2, odd])
    }
}

/// Which way an operation's `from_allowance` and `from_credits` count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// What lots gained.
    Gained,
    /// What lots lost.
    Lost,
    /// What lots lost, what is held of them included.
    Bore,
}

/// What a history is rich in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Mixed,
    /// Debt that many small grants repay.
    Indebted,
    /// Much debt, then more than enough to pay it.
    Swinging,
}

/// The ledger and the model, side by side.
struct Both {
    s: Session,
    account: Account,
    mood: Mood,
    story: Vec<String>,
    /// Calls that were recorded, with what their receipts said.
    recorded: Vec<(String, String)>,
}

impl Both {
    fn open(seed: u64, dice: &mut Dice) -> Both {
        let mut s = Server::shared().database().session();
        s.run("SET TimeZone = 'UTC'");
        let mood = dice.pick(&[Mood::Mixed, Mood::Indebted, Mood::Swinging]);
        let account = Account::open(
            dice.pick(&[0, 20 * ONE, 33_333_333]),
            dice.pick(&[0, 50, 100]),
            dice.pick(&[0, 0, 15 * ONE]),
            if mood == Mood::Mixed { dice.pick(&POLICIES) } else { "repay" },
        );
        let call = format!(
            "credits_open_account('a', {}, '7 days', rollover_percent => {}, overdraft_limit => {}, debt_policy => '{}')",
            shown(account.allowance),
            account.percent,
            shown(account.limit),
            account.policy
        );
        let mut both = Both { s, account, mood, story: vec![format!("seed {seed}")], recorded: Vec::new() };
        both.clock(0);
        both.story.push(call.clone());
        both.s.run(&format!("SELECT {call}"));
        both
    }

    fn clock(&mut self, now: Seconds) {
        let text = self.instant(now);
        self.story.push(format!("-- at {text}"));
        self.s.at(&text);
        self.account.settle(now);
    }

    fn instant(&mut self, at: Seconds) -> String {
        self.s.one(&format!("SELECT timestamptz '2026-01-01 00:00+00' + {at} * interval '1 second'"))
    }

    #[track_caller]
    fn agree(&self, what: &str, ledger: &str, model: &str) {
        assert_eq!(ledger, model, "{what}: ledger left, model right, after\n{}", self.story.join("\n"));
    }

    /// Makes a call and compares what comes of it with the model's answer.
    #[track_caller]
    fn call(&mut self, call: String, answer: Answer, counts: Counts) {
        self.story.push(call.clone());
        let row = match (self.s.try_run(&format!("SELECT * FROM {call}")), answer) {
            (Err(error), Err(code)) => return self.agree("error", &error.code, code),
            (Err(error), _) => panic!("{error}\nafter\n{}", self.story.join("\n")),
            (Ok(rows), _) => rows[0].clone(),
        };
        let Receipt { amount, before, after } = match answer {
            Ok(receipt) => receipt,
            Err("") => return self.agree("refused", row.get("refused"), "LC001"),
            Err(code) => panic!("{row}, not {code}\nafter\n{}", self.story.join("\n")),
        };
        let changes = [
            (after.allowance - before.allowance, after.held_allowance - before.held_allowance),
            (after.credits - before.credits, after.held_credits - before.held_credits),
        ];
        let [from_allowance, from_credits] = changes.map(|(change, held)| match counts {
            Counts::Gained => change,
            Counts::Lost => -change,
            Counts::Bore => -change - held,
        });
        let held = after.held_allowance + after.held_credits;
        let model = [
            amount,
            from_allowance,
            from_credits,
            after.debt - before.debt,
            after.allowance + after.credits + held - after.debt,
            after.allowance,
            after.credits,
            held,
            after.debt,
            after.available,
        ];
        let columns = [
            "amount",
            "from_allowance",
            "from_credits",
            "overdraft",
            "balance",
            "allowance",
            "credits",
            "held",
            "debt",
            "available",
        ];
        let ledger = columns.map(|column| format!("{column}={}", plain(row.get(column)))).join(" ");
        let mut values = model.into_iter().map(shown);
        let model = columns.map(|column| format!("{column}={}", values.next().expect("a value"))).join(" ");
        self.agree("receipt", &ledger, &model);
        self.agree("accepted", row.get("accepted"), "t");
        self.recorded.push((call, row.but("replayed")));
    }

    /// Some call once more, whatever came after it.
    fn retry(&mut self, dice: &mut Dice) {
        if self.recorded.is_empty() {
            return;
        }
        let (call, first) = self.recorded[dice.roll(self.recorded.len() as i64) as usize].clone();
        self.story.push(format!("{call} -- again"));
        let row = self.s.row(&format!("SELECT * FROM {call}"));
        self.agree("replayed", row.get("replayed"), "t");
        self.agree("replay", &row.but("replayed"), &first);
    }

    /// Balance and lots, as reads show them.
    fn look(&mut self) {
        let row = self.s.row("SELECT * FROM credits_balance('a')");
        let columns = ["allowance", "credits", "held", "debt", "balance", "available", "used", "cycle"];
        let ledger = columns.map(|column| plain(row.get(column))).join(" ");
        let now = self.account.figures();
        let held = now.held_allowance + now.held_credits;
        let balance = now.allowance + now.credits + held - now.debt;
        let figures = [now.allowance, now.credits, held, now.debt, balance, now.available, self.account.used];
        self.agree("balance", &ledger, &format!("{} {}", figures.map(shown).join(" "), self.account.cycle));

        let mut lots: BTreeMap<(Seconds, &str, bool), (Micros, Micros)> = BTreeMap::new();
        let mut granted = Vec::new();
        for lot in &self.account.lots {
            let ends = match lot.expiry {
                Expiry::Never => Seconds::MAX,
                Expiry::At(at) => at,
                Expiry::EndOf(cycle) => self.account.end + (cycle - self.account.cycle) * model::CYCLE,
            };
            if lot.begun && lot.remaining + lot.held > 0 {
                let sums = lots.entry((ends, lot.kind, lot.restricted)).or_default();
                *sums = (sums.0 + lot.remaining, sums.1 + lot.held);
            }
            if let Some(key) = &lot.key {
                let status = match lot {
                    Lot { voided: true, .. } => "voided",
                    Lot { begun: false, .. } => "scheduled",
                    Lot { remaining: 1.., .. } => "active",
                    _ => "-",
                };
                let remaining = if lot.begun { lot.remaining } else { 0 };
                granted.push(format!("{key}|{status}|{}|{}", shown(remaining), shown(lot.held)));
            }
        }
        let model: Vec<_> = lots
            .into_iter()
            .map(|((ends, kind, restricted), (remaining, held))| {
                let ends = if ends == Seconds::MAX { "never".to_owned() } else { ends.to_string() };
                format!("{ends}|{kind}|{}|{}|{}", if restricted { "t" } else { "f" }, shown(remaining), shown(held))
            })
            .collect();
        let ledger = self.s.list(
            "SELECT coalesce(extract(epoch FROM expires_at - '2026-01-01 00:00+00')::bigint::text, 'never'), kind,
                    features IS NOT NULL, trim_scale(sum(remaining)), trim_scale(sum(held))
             FROM credits_grants WHERE account = 'a' AND status <> 'scheduled' AND remaining + held > 0
             GROUP BY expires_at, kind, features IS NOT NULL ORDER BY expires_at, kind COLLATE \"C\", 3",
        );
        self.agree("lots", &ledger.join("\n"), &model.join("\n"));
        // Of the other statuses the lots above say as much as there is to say.
        let ledger = self.s.list(
            "SELECT idempotency_key,
                    CASE WHEN status = 'scheduled' THEN 'scheduled' WHEN remaining > 0 THEN 'active'
                         WHEN status = 'voided' THEN 'voided' ELSE '-' END,
                    CASE status WHEN 'scheduled' THEN 0 ELSE trim_scale(remaining) END, trim_scale(held)
             FROM credits_grants WHERE idempotency_key IS NOT NULL AND kind <> 'refund' ORDER BY lot",
        );
        // A lot that a void by amount has emptied is voided, too, until something returns to it.
        let ledger: Vec<_> = ledger
            .into_iter()
            .zip(&granted)
            .map(|(row, model)| if model.contains("|-|") { row.replace("|voided|", "|-|") } else { row })
            .collect();
        self.agree("grants", &ledger.join("\n"), &granted.join("\n"));
    }

    fn grant(&mut self, dice: &mut Dice, key: &str) {
        let now = self.account.now;
        let kind = dice.pick(&["purchase", "promo", "bonus"]);
        let amount = dice.amount(match self.mood {
            Mood::Mixed => 30,
            Mood::Indebted => 12,
            Mood::Swinging => 90,
        });
        let mut call = format!("credits_grant('a', {}, '{key}', '{kind}'", shown(amount));
        // No two of them begin at one instant: which then pays debt first, the contract does not say.
        let begins =
            if dice.roll(6) == 0 { now + (1 + dice.roll(9)) * 11 * HOUR + self.story.len() as i64 } else { now };
        if begins > now {
            call += &format!(", effective_at => '{}'", self.instant(begins));
        }
        let expiry = match dice.roll(if self.mood == Mood::Swinging { 3 } else { 4 }) {
            // Never on the hour, when cycles end.
            0 => Expiry::At(begins + (1 + dice.roll(300)) * HOUR + 1800),
            1 if begins == now => Expiry::EndOf(self.account.cycle + dice.roll(3)),
            _ => Expiry::Never,
        };
        match expiry {
            Expiry::At(at) => call += &format!(", expires_at => '{}'", self.instant(at)),
            Expiry::EndOf(cycle) => call += &format!(", expires_after_cycles => {}", cycle + 1 - self.account.cycle),
            Expiry::Never => {}
        }
        let priority = dice.pick(&[None, None, None, Some(1), Some(70)]);
        if let Some(priority) = priority {
            call += &format!(", priority => {priority}");
        }
        let restricted = dice.roll(if self.mood == Mood::Mixed { 5 } else { 20 }) == 0;
        if restricted {
            call += ", features => '{chat}'";
        }
        let answer = self.account.grant(Lot {
            class: Class::Other,
            kind,
            key: Some(key.to_owned()),
            priority: priority.unwrap_or(if kind == "purchase" { 100 } else { 50 }),
            restricted,
            expiry,
            begins,
            begun: begins == now,
            remaining: amount,
            held: 0,
            spent: 0,
            clawed: 0,
            voided: false,
        });
        self.call(call + ")", answer, Counts::Gained);
    }

    fn debit(&mut self, dice: &mut Dice, key: &str) {
        let (amount, chat) = (dice.amount(if self.mood == Mood::Mixed { 40 } else { 100 }), dice.roll(2) == 0);
        let mode = dice.pick(&["refuse", "partial", "allow", "allow"]);
        let mode = if self.mood == Mood::Mixed || dice.roll(4) == 0 { mode } else { "allow" };
        let answer = self.account.debit(key, amount, chat, mode);
        let feature = if chat { "'chat'" } else { "NULL" };
        let call = format!("credits_debit('a', {}, '{key}', {feature}, on_insufficient => '{mode}')", shown(amount));
        self.call(call, answer, Counts::Bore);
    }

    /// Holds, or settles a hold. Where there is an overdraft limit, holds reserve of it: that is told elsewhere.
    fn hold(&mut self, dice: &mut Dice, key: &str) {
        let open: Vec<_> = (0..self.account.holds.len()).filter(|hold| self.account.holds[*hold].open).collect();
        if open.is_empty() || self.account.limit == 0 && dice.roll(2) == 0 {
            if self.account.limit > 0 {
                return;
            }
            let (amount, chat, hours) = (dice.amount(25), dice.roll(2) == 0, 1 + dice.roll(300));
            // Two that lapse at one instant do so in an order that the contract leaves open.
            let seconds = hours * HOUR + self.story.len() as i64;
            let answer = self.account.hold(key, amount, chat, self.account.now + seconds);
            let feature = if chat { "'chat'" } else { "NULL" };
            let call = format!(
                "credits_hold('a', {}, '{key}', '{seconds} seconds', {feature}, on_insufficient => 'refuse')",
                shown(amount)
            );
            return self.call(call, answer, Counts::Lost);
        }
        let hold = dice.pick(&open);
        let name = self.account.holds[hold].key.clone();
        if dice.roll(3) == 0 {
            let answer = self.account.release(hold);
            self.call(format!("credits_release('a', '{name}', '{key}')"), answer, Counts::Gained);
        } else {
            let all: Micros = self.account.holds[hold].parts.iter().map(|(_, part)| part).sum();
            let amount = dice.pick(&[all, all / 2, 1, 0, all + 3 * ONE, all + 12 * ONE]);
            let answer = self.account.capture(hold, key, amount);
            let call = format!("credits_capture('a', '{name}', '{key}', {})", shown(amount));
            self.call(call, answer, Counts::Bore);
        }
    }

    fn refund(&mut self, dice: &mut Dice, key: &str) {
        if self.account.takings.is_empty() {
            return;
        }
        // Mostly a recent one.
        let takings = self.account.takings.len() as i64;
        let recent = takings - 1 - dice.roll(takings.min(6));
        let any = dice.roll(takings);
        let taking = dice.pick(&[recent, recent, any]) as usize;
        let left = self.account.takings[taking].amount - self.account.takings[taking].refunded;
        let amount = match dice.roll(5) {
            0 | 1 => None,
            2 => Some((left / 2).max(1)),
            3 => Some(1 + left / 7),
            _ => Some(left + dice.pick(&[0, 1])).filter(|amount| *amount > 0),
        };
        let restore = dice.roll(2) == 0;
        let answer = self.account.refund(taking, amount, restore);
        let call = format!(
            "credits_refund('a', '{}', '{key}', {}, if_expired => '{}')",
            self.account.takings[taking].key,
            amount.map_or("NULL".to_owned(), shown),
            if restore { "restore" } else { "forfeit" }
        );
        self.call(call, answer, Counts::Gained);
    }

    fn void(&mut self, dice: &mut Dice, key: &str) {
        let granted: Vec<_> =
            (0..self.account.lots.len()).filter(|lot| self.account.lots[*lot].key.is_some()).collect();
        if granted.is_empty() {
            return;
        }
        let mut lot = dice.pick(&granted);
        let spent: Vec<_> = granted.into_iter().filter(|lot| self.account.lots[*lot].spent > 0).collect();
        if self.mood != Mood::Mixed && !spent.is_empty() && dice.roll(3) > 0 {
            lot = dice.pick(&spent);
        }
        let Lot { remaining, spent, clawed, .. } = self.account.lots[lot];
        let claw_back = dice.roll(if self.mood == Mood::Mixed { 2 } else { 4 }) != 1;
        let most = remaining + if claw_back { spent - clawed } else { 0 };
        let amount = match dice.roll(4) {
            0 => Some((most / 2).max(1)),
            1 => Some(most + dice.pick(&[0, 1])).filter(|amount| *amount > 0),
            _ => None,
        };
        let answer = self.account.void(lot, amount, claw_back);
        let call = format!(
            "credits_void_grant('a', '{}', '{key}', {}, {claw_back})",
            self.account.lots[lot].key.as_ref().expect("a grant has a key"),
            amount.map_or("NULL".to_owned(), shown)
        );
        self.call(call, answer, Counts::Lost);
    }

    fn step(&mut self, dice: &mut Dice, key: &str) {
        match dice.roll(16) {
            0..=2 => self.grant(dice, key),
            3..=6 => self.debit(dice, key),
            7 | 8 => self.hold(dice, key),
            9..=12 => self.refund(dice, key),
            13 | 14 => self.void(dice, key),
            _ if dice.roll(2) == 0 => {
                let policy = dice.pick(&POLICIES);
                self.account.set_policy(policy);
                let call = format!("credits_configure_account('a', debt_policy => '{policy}')");
                self.story.push(call.clone());
                self.s.run(&format!("SELECT {call}"));
            }
            _ => self.s.run("SELECT credits_maintain()"),
        }
    }

    fn sound(&mut self) {
        let problems = self.s.list("SELECT * FROM credits_verify()");
        assert_eq!(problems, Vec::<String>::new(), "after\n{}", self.story.join("\n"));
    }
}

fn play(seed: u64, steps: usize) {
    let mut dice = Dice(seed);
    let mut both = Both::open(seed, &mut dice);
    both.look();
    for step in 0..steps {
        let now = both.account.now;
        // Mostly little passes, sometimes a cycle ends.
        let then = match dice.roll(10) {
            0..=4 => now,
            5..=7 => now + dice.roll(30) * HOUR,
            // Exactly until something happens, or just before.
            8 => both.account.due().0 - dice.roll(2),
            _ => now + dice.roll(12 * 24) * HOUR,
        };
        both.clock(then.max(now));
        both.look();
        if dice.roll(10) == 0 {
            // What is rolled back did not happen.
            let before = (both.account.clone(), both.recorded.len());
            both.s.run("BEGIN");
            both.story.push("BEGIN".to_owned());
            for n in 0..3 {
                both.step(&mut dice, &format!("x{step} {n}"));
                if matches!(both.s.try_run("SELECT 1"), Err(error) if error.code == "25P02") {
                    break; // an error ends a transaction
                }
            }
            both.s.run("ROLLBACK");
            both.story.push("ROLLBACK".to_owned());
            both.account = before.0;
            both.recorded.truncate(before.1);
        } else {
            both.step(&mut dice, &format!("k{step}"));
        }
        both.look();
        if dice.roll(8) == 0 {
            both.retry(&mut dice);
        }
        if step % 6 == 0 {
            both.sound();
        }
    }
    both.clock(both.account.end + 3 * model::CYCLE);
    both.look();
    both.s.run("SELECT credits_maintain()");
    both.look();
    both.sound();
    books::conserved(&mut both.s);
    let closed = both.s.list(
        "SELECT trim_scale(debt_forgiven), trim_scale(debt_invoiced) FROM credits_cycles
         WHERE closed_at IS NOT NULL ORDER BY cycle",
    );
    let model: Vec<_> = both
        .account
        .closed
        .iter()
        .map(|(forgiven, invoiced)| format!("{}|{}", shown(*forgiven), shown(*invoiced)))
        .collect();
    both.agree("closed cycles", &closed.join("\n"), &model.join("\n"));
}

#[test]
fn random_histories_one() {
    (1..=16).for_each(|seed| play(seed, 60));
}

#[test]
fn random_histories_two() {
    (17..=32).for_each(|seed| play(seed, 60));
}

/// Long ones, in which debts and claw-backs meet those of many cycles ago.
#[test]
fn long_histories() {
    (101..=103).for_each(|seed| play(seed, 300));
}
