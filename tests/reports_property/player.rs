//! Calls every verb at random. What is refused is refused: the reports are about what was recorded.

use crate::Dice;
use crate::books::{Micros, micros, shown};
use credits_ledger_tests::{Row, Server, Session};
use std::collections::BTreeMap;

pub const ACCOUNTS: &[&str] = &["a", "b", "m", "p"];

const ONE: Micros = 1_000_000;
const HOUR: i64 = 3600;

pub struct Player {
    pub s: Session,
    /// Every amount is a multiple of a half, and every price divides evenly.
    pub even: bool,
    /// Calls that did something.
    pub done: usize,
    /// What receipts of refunds and voids said, by account and entry.
    pub receipts: BTreeMap<(String, i64), Micros>,
    /// Everything takes so many hours or a multiple of it. Where it is half a day, much happens at one instant.
    pace: i64,
    now: i64, // seconds since 1 January 2026 UTC
    takings: Vec<(&'static str, String)>,
    holds: Vec<(&'static str, String)>,
    grants: Vec<(&'static str, String)>,
    story: Vec<String>,
}

impl Player {
    pub fn open(seed: u64, dice: &mut Dice) -> Player {
        let even = !dice.one_in(3);
        let mut player = Player {
            s: Server::shared().database().session(),
            even,
            done: 0,
            receipts: BTreeMap::new(),
            pace: dice.pick(&[1, 1, 12]),
            now: 0,
            takings: Vec::new(),
            holds: Vec::new(),
            grants: Vec::new(),
            story: vec![format!("-- seed {seed}")],
        };
        player.s.run("SET TimeZone = 'UTC'");
        player.clock(0);
        for definition in [
            "credits_define_plan('solo', 20, rank => 1, rollover_percent => 100, rollover_max => 15)",
            "credits_define_plan('team', 30, per_seat => true, seat_cap => 5, rank => 2)",
            "credits_define_plan('try', 25, trial => true, trial_period => '9 days')",
            "credits_include('solo', 'chat', 6)",
            "credits_define_rate('chat', 0.5)",
            "credits_define_rate('run', 3, per_units => 10, model => 'package')",
            "credits_define_pack('fixed', 50, 20, 'EUR')",
            "credits_define_pack('scaled', 100, 20, 'USD', minimum_price => 5)",
        ] {
            player.run(&format!("SELECT {definition}"));
        }
        let policy = |dice: &mut Dice| dice.pick(&["repay", "repay", "forgive_at_reset", "invoice_at_reset"]);
        let percent = if even { "100" } else { "33.3" };
        let (first, second, third) = (policy(dice), policy(dice), policy(dice));
        for account in [
            format!(
                "'a', 20, '7 days', rollover_percent => {percent}, overdraft_limit => 15, debt_policy => '{first}'"
            ),
            format!(
                "'b', 0, '1 month', anchor => '2025-12-31 12:00+00', time_zone => 'Europe/Berlin', debt_policy => '{second}'"
            ),
            format!("'m', 10, '0', debt_policy => '{third}'"),
            "'p', 0, '10 days', overdraft_limit => 30".to_owned(),
        ] {
            player.run(&format!("SELECT credits_open_account({account})"));
        }
        player.run("SELECT credits_set_auto_recharge('b', 8, 'fixed', max_packs => 2, payment_method => 'pm')");
        player
    }

    pub fn story(&self) -> String {
        self.story.join(";\n")
    }

    /// In microseconds.
    pub fn now(&self) -> i64 {
        self.now * 1_000_000
    }

    fn instant(now: i64) -> String {
        let (day, second) = (now / 86_400, now % 86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        // The server counts the days.
        format!(
            "(timestamp '2026-01-01 {hour:02}:{minute:02}:{second:02}' + {day} * interval '1 day') AT TIME ZONE 'UTC'"
        )
    }

    fn clock(&mut self, now: i64) {
        self.now = now;
        let text = self.s.one(&format!("SELECT {}", Player::instant(now)));
        self.story.push(format!("SET credits_ledger.now = '{text}'"));
        self.s.at(&text);
    }

    /// Sets the clock to some instant in the past, and returns it.
    pub fn turn_back(&mut self, dice: &mut Dice) -> i64 {
        let earlier = self.now() - dice.roll(1 + self.now / HOUR) * HOUR * 1_000_000;
        self.turn_to(earlier);
        earlier
    }

    pub fn turn_to(&mut self, at: i64) {
        let text = self.s.one(&format!("SELECT {}", Player::instant(at / 1_000_000)));
        self.s.at(&text);
    }

    /// Sets the clock to now again.
    pub fn turn_forth(&mut self) {
        self.turn_to(self.now());
    }

    pub fn pass(&mut self, dice: &mut Dice) {
        let passes = match dice.roll(10) {
            0..=3 => return,
            4..=7 => dice.roll(30),
            _ => dice.roll(12 * 24),
        };
        self.clock(self.now + passes / self.pace * self.pace * HOUR);
    }

    fn run(&mut self, sql: &str) {
        self.story.push(sql.to_owned());
        self.s.run(sql);
    }

    /// Calls what may be refused.
    fn call(&mut self, call: &str) -> Option<Row> {
        let sql = format!("SELECT * FROM {call}");
        match self.s.try_run(&sql) {
            Ok(mut rows) => {
                self.story.push(sql);
                self.done += 1;
                (!rows.is_empty()).then(|| rows.remove(0))
            }
            Err(error) => {
                assert!(error.code.starts_with("LC"), "{error}\nin {sql}\nafter\n{}", self.story());
                None
            }
        }
    }

    /// Hours, up to so many.
    fn hours(&self, dice: &mut Dice, most: i64) -> i64 {
        (1 + dice.roll(most / self.pace)) * self.pace
    }

    fn amount(&self, dice: &mut Dice, most: i64) -> Micros {
        let half = Micros::from(1 + dice.roll(2 * most)) * ONE / 2;
        if self.even || !dice.one_in(3) { half } else { half - Micros::from(dice.roll(499_999)) }
    }

    /// `price` and `currency` for so many credits.
    fn price(&self, dice: &mut Dice, amount: Micros) -> String {
        let currency = dice.pick(&["EUR", "EUR", "USD", "JPY"]);
        let odd = Micros::from(1 + dice.roll(30_000_000));
        let price = if self.even {
            amount * dice.pick(&[20_000, 2, 2 * ONE, 500_000]) / ONE
        } else {
            dice.pick(&[odd, ONE, 1])
        };
        format!("price => {}, currency => '{currency}'", shown(price))
    }

    pub fn step(&mut self, dice: &mut Dice, step: usize) {
        let account = dice.pick(ACCOUNTS);
        let key = format!("k{step}");
        match dice.roll(60) {
            0..=9 => self.grant(dice, account, &key),
            10..=12 => self.buy(dice, account, &key),
            13..=22 => self.take(dice, account, &key),
            23..=28 => self.hold(dice, account, &key),
            29..=36 => self.settle(dice, &key),
            37..=43 => self.refund(dice, &key),
            44..=47 => self.void(dice, &key),
            48 | 49 => self.plan(dice, &key),
            50 => self.recharge(dice, &key),
            51 => {
                let starts = Player::instant(self.now - dice.roll(3) * HOUR);
                self.call(&format!("credits_reset_cycle('m', '{key}', starts_at => {starts})"));
            }
            52 | 53 => {
                let setting = dice.pick(&[
                    "debt_policy => 'repay'",
                    "debt_policy => 'invoice_at_reset'",
                    "debt_policy => 'forgive_at_reset'",
                    "overdraft_limit => 25",
                    "allowance => 5.5",
                ]);
                self.call(&format!("credits_configure_account('{account}', {setting})"));
            }
            54 => {
                self.call(&format!("credits_freeze_account('{account}', 'why')"));
            }
            55 | 56 => ACCOUNTS.iter().for_each(|account| {
                self.call(&format!("credits_unfreeze_account('{account}')"));
            }),
            57 if step > 80 && dice.one_in(3) => {
                self.call(&format!("credits_close_account('{account}', 'gone')"));
            }
            58 => {
                let entries: i64 = self
                    .s
                    .one(&format!("SELECT count(*) FROM credits_history WHERE account = '{account}'"))
                    .parse()
                    .expect("a number");
                self.call(&format!("credits_redact('{account}', {})", 1 + dice.roll(entries)));
            }
            _ => self.many(dice, &key),
        }
    }

    fn grant(&mut self, dice: &mut Dice, account: &'static str, key: &str) {
        let amount = self.amount(dice, 40);
        let kind = dice.pick(&["purchase", "purchase", "promo", "welcome", "trial", "bonus", "adjustment"]);
        let mut call = format!("credits_grant('{account}', {}, '{key}', '{kind}'", shown(amount));
        match dice.roll(5) {
            0 => call += &format!(", expires_in => '{} hours'", self.hours(dice, 300)),
            1 => call += &format!(", expires_after_cycles => {}", 1 + dice.roll(3)),
            _ => {}
        }
        if dice.one_in(5) {
            call += &format!(", effective_at => {}", Player::instant(self.now + self.hours(dice, 200) * HOUR));
        }
        if dice.one_in(4) {
            call += ", features => '{chat}'";
        }
        if dice.one_in(4) {
            call += &format!(", priority => {}", dice.pick(&[1, 60, 150]));
        }
        if !dice.one_in(4) {
            let price = self.price(dice, amount);
            call += &format!(", {price}, payment_ref => 'pay {key}'");
        }
        if self.call(&(call + ")")).is_some() {
            self.grants.push((account, key.to_owned()));
        }
    }

    fn buy(&mut self, dice: &mut Dice, account: &'static str, key: &str) {
        let call = if dice.one_in(2) {
            format!("credits_purchase('{account}', 'fixed', 'pay {key}', '{key}')")
        } else {
            format!(
                "credits_purchase('{account}', 'scaled', 'pay {key}', '{key}', {})",
                dice.pick(&["20", "5", "7.5", "12.3"])
            )
        };
        if self.call(&call).is_some() {
            self.grants.push((account, key.to_owned()));
        }
    }

    fn take(&mut self, dice: &mut Dice, account: &'static str, key: &str) {
        let mode = dice.pick(&["refuse", "partial", "allow", "allow"]);
        let actor = dice.pick(&["NULL", "'ann'", "'bob, \"jr\"'"]);
        let call = match dice.roll(4) {
            0 => format!(
                "credits_charge('{account}', 'chat', {}, '{key}', {actor}, on_insufficient => '{mode}')",
                1 + dice.roll(40)
            ),
            1 => format!(
                "credits_charge('{account}', 'run', {}, '{key}', {actor}, on_insufficient => 'allow')",
                1 + dice.roll(50)
            ),
            _ => {
                let feature = dice.pick(&["NULL", "'chat'", "'draw'"]);
                let amount = shown(self.amount(dice, 40));
                format!(
                    "credits_debit('{account}', {amount}, '{key}', {feature}, {actor}, on_insufficient => '{mode}')"
                )
            }
        };
        if self.call(&call).is_some_and(|row| row.get("accepted") == "t") {
            self.takings.push((account, key.to_owned()));
        }
    }

    fn hold(&mut self, dice: &mut Dice, account: &'static str, key: &str) {
        let feature = dice.pick(&["NULL", "'chat'", "'run'"]);
        let mode = dice.pick(&["refuse", "partial"]);
        let hours = self.hours(dice, 200);
        let amount = shown(self.amount(dice, 35));
        let call = format!(
            "credits_hold('{account}', {amount}, '{key}', '{hours} hours', {feature}, 'ann', on_insufficient => '{mode}')"
        );
        if self.call(&call).is_some_and(|row| row.get("accepted") == "t") {
            self.holds.push((account, key.to_owned()));
        }
    }

    fn settle(&mut self, dice: &mut Dice, key: &str) {
        if self.holds.is_empty() {
            return;
        }
        // Mostly a recent one.
        let back = 1 + dice.roll((self.holds.len() as i64).min(5)) as usize;
        let (account, hold) = self.holds[self.holds.len() - back].clone();
        let amount = shown(self.amount(dice, 20));
        let call = match dice.roll(10) {
            0 | 1 => format!("credits_release('{account}', '{hold}', '{key}')"),
            2 => format!("credits_extend_hold('{account}', '{hold}', '{key}', '{} hours')", self.hours(dice, 200)),
            3 | 4 => format!("credits_capture('{account}', '{hold}', '{key}')"),
            5..=7 => format!("credits_capture('{account}', '{hold}', '{key}', {amount}, final => false)"),
            8 => format!("credits_capture('{account}', '{hold}', '{key}', quantity => {})", 1 + dice.roll(40)),
            _ => format!("credits_capture('{account}', '{hold}', '{key}', {amount})"),
        };
        if self.call(&call).is_some_and(|row| row.get("operation") == "capture") {
            self.takings.push((account, key.to_owned()));
        }
    }

    fn refund(&mut self, dice: &mut Dice, key: &str) {
        if self.takings.is_empty() {
            return;
        }
        let recent = dice.roll((self.takings.len() as i64).min(8)) as usize;
        let (account, taking) = self.takings[self.takings.len() - 1 - recent].clone();
        let part = match dice.roll(5) {
            0 | 1 => "NULL".to_owned(),
            2 => format!("quantity => {}", 1 + dice.roll(10)),
            _ => shown(self.amount(dice, 10)),
        };
        let expired = dice.pick(&["forfeit", "forfeit", "restore"]);
        let row =
            self.call(&format!("credits_refund('{account}', '{taking}', '{key}', {part}, if_expired => '{expired}')"));
        self.keep_receipt(row);
    }

    fn void(&mut self, dice: &mut Dice, key: &str) {
        if self.grants.is_empty() {
            return;
        }
        let recent = dice.roll((self.grants.len() as i64).min(10)) as usize;
        let (account, grant) = self.grants[self.grants.len() - 1 - recent].clone();
        let part = if dice.one_in(2) { "NULL".to_owned() } else { shown(self.amount(dice, 15)) };
        let claw_back = dice.one_in(2);
        let row = self.call(&format!("credits_void_grant('{account}', '{grant}', '{key}', {part}, {claw_back})"));
        self.keep_receipt(row);
    }

    fn keep_receipt(&mut self, row: Option<Row>) {
        if let Some(row) = row.filter(|row| row.get("entry") != "NULL") {
            let of = (row.get("account").to_owned(), row.get("entry").parse().expect("a number"));
            self.receipts.insert(of, micros(row.get("amount")));
        }
    }

    fn plan(&mut self, dice: &mut Dice, key: &str) {
        let call = match dice.roll(8) {
            0 => format!("credits_subscribe('p', 'solo', '{key}')"),
            1 => format!("credits_subscribe('p', 'team', '{key}', seats => 2)"),
            2 => format!("credits_subscribe('p', 'try', '{key}')"),
            3 => format!(
                "credits_change_plan('p', 'solo', 'team', '{key}', unused_allowance => '{}')",
                dice.pick(&["keep", "expire"])
            ),
            4 => format!("credits_change_plan('p', 'team', 'solo', '{key}')"),
            5 => format!("credits_set_seats('p', 'team', {}, '{key}')", 1 + dice.roll(6)),
            6 => format!("credits_unsubscribe('p', '{}', '{key}')", dice.pick(&["solo", "team"])),
            _ => format!(
                "credits_define_plan('solo', {}, rank => 1, rollover_percent => 100)",
                dice.pick(&["20", "35.5"])
            ),
        };
        self.call(&call);
    }

    fn recharge(&mut self, dice: &mut Dice, key: &str) {
        let Some(row) = self.call("credits_claim_recharges(1)") else { return };
        let (account, recharge) = (row.get("account").to_owned(), row.get("recharge").to_owned());
        if dice.one_in(4) {
            let attempt = row.get("attempt").to_owned();
            self.call(&format!("credits_fail_recharge('{account}', {recharge}, {attempt}, 'declined', 'no')"));
        } else {
            self.call(&format!("credits_complete_recharge('{account}', {recharge}, 'pay {key}')"));
        }
    }

    fn many(&mut self, dice: &mut Dice, key: &str) {
        let call = if dice.one_in(2) {
            format!(
                "credits_debit_many('{{a,b,m,a}}', '{{3,4.5,2,1}}', '{{{key}1,{key}2,{key}3,{key}4}}', '{{chat,draw,NULL,NULL}}')"
            )
        } else {
            let expires = Player::instant(self.now + self.hours(dice, 100) * HOUR);
            format!("credits_grant_many('{{a,b,p}}', '{{5,6,7.5}}', '{{{key}1,{key}2,{key}3}}', 'promo', {expires})")
        };
        self.call(&call);
    }
}
