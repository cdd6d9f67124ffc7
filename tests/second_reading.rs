//! A second reading of the contract: a small model of accounts, written from the documents alone and sharing no code
//! with the extension, plays random histories next to it. Every receipt, balance, lot, plan and cycle must agree.
//!
//! Instants are seconds since 1 January 2026 UTC, amounts are millionths. Where cycles end, plain SQL says.

use std::collections::HashMap;

use credits_ledger_tests::{Server, Session, plain};

#[path = "second_reading/model.rs"]
mod model;

use model::{Account, Calendar, Class, Expiry, Lot, Micros, Receipt, Seconds, shown};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % sides as u64) as i64
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as i64) as usize]
    }

    /// Mostly plain numbers, sometimes all six decimals.
    fn amount(&mut self, most: i64) -> Micros {
        let whole = (1 + self.roll(most)) * 1_000_000;
        let odd = whole - self.roll(999_999);
        self.pick(&[whole, whole, whole - 500_000, odd])
    }
}

const HOUR: Seconds = 3600;

/// The columns of a balance.
const BALANCE: &str = "account, status, balance, allowance, credits, held, debt, available, allowance_granted, used, \
                       overdraft_limit, cycle, cycle_start, cycle_end, entry, as_of";

/// The ledger and the model, side by side.
struct Both {
    s: Session,
    calendar: Calendar,
    account: Account,
    story: Vec<String>,
}

impl Both {
    fn call(&mut self, call: &str) -> credits_ledger_tests::Row {
        self.story.push(call.to_owned());
        self.s.row(&format!("SELECT * FROM {call}"))
    }

    #[track_caller]
    fn agree(&self, what: &str, ledger: &str, model: &str) {
        assert_eq!(ledger, model, "{what}: ledger left, model right, after\n{}", self.story.join("\n"));
    }

    /// The receipt, and the figures that stand on it.
    fn check_receipt(&mut self, row: &credits_ledger_tests::Row, receipt: &Receipt) {
        let columns = [
            "amount",
            "from_allowance",
            "from_credits",
            "overdraft",
            "allowance",
            "credits",
            "debt",
            "balance",
            "available",
        ];
        let ledger = format!("{} {}", row.get("accepted"), columns.map(|column| plain(row.get(column))).join(" "));
        let a = &self.account;
        let figures = [
            receipt.amount,
            receipt.from_allowance,
            receipt.from_credits,
            receipt.overdraft,
            a.of_allowance(),
            a.of_credits(),
            a.debt,
            a.of_allowance() + a.of_credits() - a.debt,
            a.sum(|lot| !lot.restricted),
        ];
        let model = format!("{} {}", if receipt.accepted { "t" } else { "f" }, figures.map(shown).join(" "));
        self.agree("receipt", &ledger, &model);
    }

    /// The ledger's time of the account when the clock is far back: it is never before what was recorded.
    fn newest(&mut self) -> Seconds {
        self.calendar.s.at("2000-01-01 00:00+00");
        let as_of = "SELECT extract(epoch FROM as_of - '2026-01-01 00:00+00')::bigint FROM credits_balance('a')";
        self.calendar.s.one(as_of).parse().unwrap()
    }

    /// Balance, lots and the plan of a debit, as reads show them.
    fn look(&mut self, dice: &mut Dice) {
        let row = self.s.row(
            "SELECT *, extract(epoch FROM cycle_start - '2026-01-01 00:00+00')::bigint AS starts,
                    extract(epoch FROM cycle_end - '2026-01-01 00:00+00')::bigint AS ends FROM credits_balance('a')",
        );
        let columns = ["allowance", "credits", "held", "debt", "balance", "available", "used", "allowance_granted"];
        let ledger = format!(
            "{} {} {}",
            columns.map(|column| plain(row.get(column))).join(" "),
            row.get("starts"),
            row.get("ends")
        );
        let a = &self.account;
        let figures = [
            a.of_allowance(),
            a.of_credits(),
            0,
            a.debt,
            a.of_allowance() + a.of_credits() - a.debt,
            a.sum(|lot| !lot.restricted),
            a.used,
            a.granted,
        ];
        let view = self.s.row(&format!("SELECT {} FROM credits_accounts WHERE account = 'a'", BALANCE));
        let of_view = view.values().iter().map(|value| plain(value)).collect::<Vec<_>>().join(" ");
        let of_function = row.values()[..16].iter().map(|value| plain(value)).collect::<Vec<_>>().join(" ");
        self.agree("credits_accounts and credits_balance", &of_view, &of_function);
        let a = &self.account;
        let ends = a.end.map_or("NULL".to_owned(), |end| end.to_string());
        let model = format!("{} {} {ends}", figures.map(shown).join(" "), a.start);
        self.agree("balance", &ledger, &model);

        let lots = self.s.list(
            "SELECT kind, trim_scale(amount), trim_scale(remaining) FROM credits_grants
             WHERE account = 'a' AND status = 'active' ORDER BY 1, amount, remaining",
        );
        let mut held: Vec<_> = a.lots.iter().filter(|lot| !lot.scheduled && lot.remaining > 0).collect();
        held.sort_by_key(|lot| (lot.kind, lot.amount, lot.remaining));
        let held: Vec<_> =
            held.iter().map(|lot| format!("{}|{}|{}", lot.kind, shown(lot.amount), shown(lot.remaining))).collect();
        self.agree("lots", &lots.join("\n"), &held.join("\n"));

        let (amount, chat) = (dice.amount(60), dice.roll(2) == 0);
        let feature = if chat { "'chat'" } else { "NULL" };
        let plan = self.s.list(&format!(
            "SELECT CASE WHEN lot IS NULL THEN 'short' ELSE kind END, trim_scale(takes) FROM credits_explain_debit('a', {}, {feature}) WITH ORDINALITY
             WHERE takes > 0 ORDER BY ordinality",
            shown(amount)
        ));
        // What headroom covers is told on the way; the last row is what is missing after it.
        let (mut rest, mut expected) = (amount, Vec::new());
        for i in self.account.order(chat, &mut self.calendar) {
            let lot = &self.account.lots[i];
            let takes = rest.min(lot.remaining);
            rest -= takes;
            if takes > 0 {
                expected.push(format!("{}|{}", lot.kind, shown(takes)));
            }
        }
        let lots: Vec<_> = plan.iter().filter(|row| !row.starts_with("short")).cloned().collect();
        self.agree("plan", &lots.join("\n"), &expected.join("\n"));
        let missing = rest - (self.account.limit - self.account.debt).max(0);
        if missing > 0 {
            self.agree("shortfall", plan.last().unwrap(), &format!("short|{}", shown(missing)));
        }
    }
}

fn open(dice: &mut Dice) -> Both {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    let mut calendar = Calendar { s: db.session(), known: HashMap::new() };
    calendar.s.run("SET TimeZone = 'UTC'");
    let now = 40 * 24 * HOUR; // 10 February
    let length = dice.pick(&["1 month", "7 days", "1 day", "36 hours", "P1M3D", "0"]);
    let zone = dice.pick(&["UTC", "America/New_York", "Asia/Kolkata"]);
    let anchor = if length == "0" { now } else { now + dice.pick(&[0, -50, 30, -10]) * 24 * HOUR };
    let mut account = Account {
        allowance: dice.pick(&[0, 20_000_000, 33_333_333]),
        length,
        anchor,
        zone,
        percent: dice.pick(&[0, 25, 33, 100]),
        rollover_max: dice.pick(&[None, Some(7_500_000)]),
        limit: dice.pick(&[0, 15_000_000]),
        policy: dice.pick(&["repay", "forgive_at_reset", "invoice_at_reset"]),
        lots: Vec::new(),
        debt: 0,
        cycle: 1,
        start: now,
        end: calendar.after(anchor, length, zone, now),
        used: 0,
        granted: 0,
        closed: Vec::new(),
    };
    if length != "0" {
        // The cycle that contains now began with the last boundary that is not after now.
        let mut boundary = anchor - 100 * 24 * HOUR;
        while let Some(next) = calendar.after(anchor, length, zone, boundary).filter(|next| *next <= now) {
            boundary = next;
        }
        account.start = boundary;
    }
    account.granted = account.allowance;
    let allowance = account.allowance;
    account.add_of_cycle(Class::Allowance, "allowance", allowance);
    s.at(&calendar.text(now));
    let anchor_text = calendar.text(anchor);
    let call = format!(
        "credits_open_account('a', {}, '{length}', '{anchor_text}', '{zone}', {}, {}, {}, '{}')",
        shown(account.allowance),
        account.percent,
        account.rollover_max.map_or("NULL".to_owned(), shown),
        shown(account.limit),
        account.policy
    );
    s.run(&format!("SELECT {call}"));
    Both { s, calendar, account, story: vec![format!("at {now}: {call}")] }
}

fn grant(both: &mut Both, dice: &mut Dice, now: Seconds, key: &str) {
    let (kind, default) = dice.pick(&[("purchase", 100), ("promo", 50), ("bonus", 50), ("adjustment", 100)]);
    let amount = dice.amount(30);
    let mut call = format!("credits_grant('a', {}, '{key}', '{kind}'", shown(amount));
    let mut effective = if dice.roll(4) == 0 { now + dice.roll(5) * 12 * HOUR } else { now };
    // Which of two that come at one instant is first to pay debt, the contract does not say.
    while effective > now && both.account.lots.iter().any(|lot| lot.scheduled && lot.effective == effective) {
        effective += 1;
    }
    if effective > now {
        call += &format!(", effective_at => '{}'", both.calendar.text(effective));
    }
    let expiry = match dice.roll(4) {
        0 => Expiry::At(effective + (1 + dice.roll(240)) * HOUR),
        1 => Expiry::After(1 + dice.roll(3)),
        _ => Expiry::Never,
    };
    match expiry {
        Expiry::At(at) => call += &format!(", expires_at => '{}'", both.calendar.text(at)),
        Expiry::After(cycles) => call += &format!(", expires_after_cycles => {cycles}"),
        _ => {}
    }
    let priority = if dice.roll(5) == 0 { Some(dice.pick(&[1, 50, 75, 100, 1000])) } else { None };
    if let Some(priority) = priority {
        call += &format!(", priority => {priority}");
    }
    let restricted = dice.roll(4) == 0;
    if restricted {
        call += ", features => '{chat}'";
    }
    let row = both.call(&(call + ")"));
    let receipt = both.account.add(Lot {
        class: Class::Other,
        kind,
        priority: priority.unwrap_or(default),
        restricted,
        amount,
        remaining: 0,
        effective,
        expiry,
        scheduled: effective > now,
        number: 0,
    });
    if effective == now {
        both.check_receipt(&row, &receipt);
    }
}

fn configure(both: &mut Both, dice: &mut Dice, now: Seconds) {
    let a = &mut both.account;
    let setting = match dice.roll(5) {
        0 => {
            a.allowance = dice.pick(&[0, 10_000_000, 20_000_000, 50_000_001]);
            format!("allowance => {}", shown(a.allowance))
        }
        1 => {
            a.limit = dice.pick(&[0, 5_000_000, 25_000_000]);
            format!("overdraft_limit => {}", shown(a.limit))
        }
        2 => {
            a.rollover_max = Some(dice.pick(&[1_000_000, 7_500_000, 9_000_000_000]));
            format!("rollover_max => {}", a.rollover_max.map_or(String::new(), shown))
        }
        3 => {
            a.anchor = now + dice.pick(&[-300, -5, 0, 5, 70]) * HOUR;
            format!("anchor => '{}'", both.calendar.text(a.anchor))
        }
        _ => {
            let was_manual = a.length == "0";
            a.length = dice.pick(&["1 month", "7 days", "1 day", "36 hours", "0"]);
            if was_manual && a.end.is_none() {
                a.end = both.calendar.after(a.anchor, a.length, a.zone, now);
            }
            format!("cycle_length => '{}'", a.length)
        }
    };
    both.call(&format!("credits_configure_account('a', {setting})"));
}

fn play(seed: u64, steps: usize) {
    let mut dice = Dice(seed);
    let mut both = open(&mut dice);
    let mut now = 40 * 24 * HOUR;
    both.look(&mut dice);
    for step in 0..steps {
        // Sometimes nothing passes, sometimes exactly until something is due, sometimes a while; sometimes the clock
        // goes back, and then the ledger's time is that of the newest entry.
        let newest = both.newest();
        let mut clock = None;
        now = match dice.roll(5) {
            0 => now,
            4 => {
                let back = now - dice.roll(90) * HOUR;
                clock = Some(back);
                back.max(newest)
            }
            1 => {
                let due = both.account.lots.iter().filter_map(|lot| match lot.expiry {
                    _ if lot.scheduled => Some(lot.effective),
                    Expiry::At(at) => Some(at),
                    _ => None,
                });
                let next = due.chain(both.account.end).filter(|at| *at > now).min().unwrap_or(now);
                if next < now + 60 * 24 * HOUR { (next - dice.roll(2)).max(now) } else { now }
            }
            _ => now + dice.roll(40) * HOUR,
        };
        let text = both.calendar.text(clock.unwrap_or(now));
        both.story.push(format!("at {now}, the clock says {text}, seed {seed}"));
        both.s.at(&text);
        let recorded = both.account.clone();
        both.account.settle(now, &mut both.calendar);
        both.look(&mut dice);
        let key = format!("k{step}");
        match dice.roll(10) {
            0..=4 => {
                let (amount, chat) = (dice.amount(25), dice.roll(2) == 0);
                let mode = dice.pick(&["refuse", "partial", "allow"]);
                let row = both.call(&format!(
                    "credits_debit('a', {}, '{key}', {}, on_insufficient => '{mode}')",
                    shown(amount),
                    if chat { "'chat'" } else { "NULL" }
                ));
                let receipt = both.account.debit(amount, chat, mode, &mut both.calendar);
                both.check_receipt(&row, &receipt);
            }
            5 | 6 => grant(&mut both, &mut dice, now, &key),
            7 => {
                let starts_at = now - dice.pick(&[0, 1, 30 * HOUR, 200 * HOUR]);
                let text = both.calendar.text(starts_at);
                both.call(&format!("credits_reset_cycle('a', '{key}', '{text}')"));
                both.account.reset(now, starts_at, &mut both.calendar);
            }
            8 => configure(&mut both, &mut dice, now),
            _ => both.s.run("SELECT credits_maintain()"),
        }
        both.look(&mut dice);
        let newest = both.newest();
        if newest < now {
            // Nothing was recorded since: what time did, it has only shown.
            both.account = recorded;
            both.account.settle(newest, &mut both.calendar);
        }
    }
    let text = both.calendar.text(now + 60 * 24 * HOUR);
    both.s.at(&text);
    both.account.settle(now + 60 * 24 * HOUR, &mut both.calendar);
    both.look(&mut dice);
    both.s.run("SELECT credits_maintain()");
    both.look(&mut dice);
    let recorded = both.s.list(
        "SELECT trim_scale(granted), trim_scale(used), trim_scale(rolled_over), trim_scale(expired), trim_scale(debt_forgiven),
                trim_scale(debt_invoiced), extract(epoch FROM cycle_start - '2026-01-01 00:00+00')::bigint,
                extract(epoch FROM cycle_end - '2026-01-01 00:00+00')::bigint
         FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle",
    );
    both.agree("closed cycles", &recorded.join("\n"), &both.account.closed.join("\n"));
    assert_eq!(both.s.list("SELECT * FROM credits_verify()"), Vec::<String>::new(), "seed {seed}");
}

#[test]
fn random_histories_one() {
    (1..=12).for_each(|seed| play(seed, 60));
}

#[test]
fn random_histories_two() {
    (13..=24).for_each(|seed| play(seed, 60));
}

/// Long ones, with lots left over from many cycles.
#[test]
fn long_histories() {
    (101..=103).for_each(|seed| play(seed, 300));
}
