//! Random sequences of subscribe, set_seats, change_plan and unsubscribe within one cycle, in any order, with retries
//! and with time passing. Whatever is called, no plan grants more than its allowance at its highest number of seats, and
//! plans of one rank together no more than the highest entitlement; a retry changes nothing; the ledger adds up.
//!
//! The model knows what the documents say of entitlements and shares no code with the extension. Every sequence
//! follows from its seed; what fails names the seed and tells the story.

use std::collections::BTreeMap;

use credits_ledger_tests::{Server, Session};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % sides as u64) as i64
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as i64) as usize]
    }
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    allowance: i64,
    per_seat: bool,
    cap: Option<i64>,
    rank: i64,
}

impl Plan {
    fn random(ranks: i64, dice: &mut Dice) -> Plan {
        let per_seat = dice.roll(3) > 0;
        let cap = if per_seat && dice.roll(2) == 0 { Some(1 + dice.roll(8)) } else { None };
        let allowance = if dice.roll(10) == 0 { 0 } else { 1 + dice.roll(if per_seat { 40 } else { 300 }) };
        Plan { allowance, per_seat, cap, rank: dice.roll(ranks) }
    }

    /// The allowance of a cycle.
    fn entitles(&self, seats: i64) -> i64 {
        if self.per_seat { self.allowance * seats.min(self.cap.unwrap_or(seats)) } else { self.allowance }
    }
}

/// A plan that is held: its seats, and what waits for the next cycle.
#[derive(Clone, Debug)]
struct Holding {
    seats: i64,
    pending_plan: Option<&'static str>,
    /// Which of the strands below it belongs to.
    strand: usize,
}

/// What began with one subscription: the plan taken up, and those of equal rank that took its place one after the
/// other. Together they are worth what the most valuable of them was. An end at once takes nothing away before the
/// cycle's end.
#[derive(Clone, Debug)]
struct Strand {
    plan: &'static str,
    worth: i64,
}

/// How a call ends, as far as the documents decide it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    Well,
    With(&'static str),
    /// With LC005 or LC006.
    Refused,
    /// Either well or with LC005.
    Somehow,
}

struct Play {
    s: Session,
    seed: u64,
    plans: BTreeMap<&'static str, Plan>,
    held: BTreeMap<&'static str, Holding>,
    /// The most seats of each plan that was ever held in this cycle.
    most_seats: BTreeMap<&'static str, i64>,
    strands: Vec<Strand>,
    /// Calls that went well, with their receipts.
    done: Vec<(String, String)>,
    story: Vec<String>,
}

impl Play {
    fn new(seed: u64, ranks: i64) -> (Play, Dice) {
        let mut dice = Dice(seed.wrapping_mul(7919));
        let mut s = Server::shared().database().session();
        let mut plans = BTreeMap::new();
        let mut story = Vec::new();
        s.at("2026-01-01 00:00+00");
        for name in ["p", "q", "r", "t", "u"] {
            let plan = Plan::random(ranks, &mut dice);
            let cap = plan.cap.map_or("NULL".to_owned(), |cap| cap.to_string());
            let call =
                format!("credits_define_plan('{name}', {}, {}, {cap}, {})", plan.allowance, plan.per_seat, plan.rank);
            s.run(&format!("SELECT * FROM {call}"));
            story.push(call);
            plans.insert(name, plan);
        }
        s.run("SELECT credits_open_account('a', overdraft_limit => 100)");
        if dice.roll(2) == 0 {
            s.run("SELECT credits_grant('a', 50, 'bought')");
        }
        let play = Play {
            s,
            seed,
            plans,
            held: BTreeMap::new(),
            most_seats: BTreeMap::new(),
            strands: Vec::new(),
            done: Vec::new(),
            story,
        };
        (play, dice)
    }

    #[track_caller]
    fn holds(&self, condition: bool, what: &str) {
        assert!(condition, "seed {}: {what}, after\n{}", self.seed, self.story.join("\n"));
    }

    /// Everything that a call could change.
    fn state(&mut self) -> Vec<String> {
        self.s.list(
            "SELECT to_jsonb(t) - 'as_of' FROM credits_accounts t
             UNION ALL SELECT jsonb_agg(to_jsonb(t) ORDER BY plan) FROM credits_subscriptions t
             UNION ALL SELECT jsonb_agg(to_jsonb(t) ORDER BY lot) FROM credits_grants t
             UNION ALL SELECT jsonb_agg(to_jsonb(t) ORDER BY cycle) FROM credits_cycles t
             UNION ALL SELECT to_jsonb(count(*)) FROM credits_history",
        )
    }

    /// Calls, and says whether it went well. A call that did not leaves no trace.
    fn call(&mut self, call: &str, ends: Ends) -> bool {
        let before = self.state();
        let result = self.s.try_run(&format!("SELECT replayed, to_jsonb(r) - 'replayed' FROM {call} r"));
        let found = match &result {
            Ok(_) => "well".to_owned(),
            Err(error) => error.code.clone(),
        };
        self.story.push(format!("{call}: {found}"));
        match ends {
            Ends::Well => self.holds(found == "well", &format!("{found} instead of a receipt")),
            Ends::With(code) => self.holds(found == code, &format!("{found} instead of {code}")),
            Ends::Refused => self.holds(["LC005", "LC006"].contains(&found.as_str()), &found),
            Ends::Somehow => self.holds(["well", "LC005"].contains(&found.as_str()), &found),
        }
        match result {
            Ok(rows) => {
                self.holds(rows[0].values()[0] == "f", "a first call is no replay");
                self.done.push((call.to_owned(), rows[0].values()[1].clone()));
                true
            }
            Err(_) => {
                let after = self.state();
                self.holds(after == before, "a refused call left a trace");
                false
            }
        }
    }

    /// (c) One of the calls so far once more.
    fn retry(&mut self, dice: &mut Dice) {
        let Some(last) = self.done.len().checked_sub(1) else { return };
        let which = if dice.roll(2) == 0 { last } else { dice.roll(self.done.len() as i64) as usize };
        let (call, receipt) = self.done[which].clone();
        let before = self.state();
        self.story.push(format!("again: {call}"));
        let rows = self.s.rows(&format!("SELECT replayed, to_jsonb(r) - 'replayed' FROM {call} r"));
        self.holds(rows[0].values()[0] == "t", "a retry is a replay");
        self.holds(rows[0].values()[1] == receipt, "a retry gives the first receipt");
        let after = self.state();
        self.holds(after == before, "a retry changes nothing");
    }

    /// A plan has now this many seats, within its strand.
    fn counts(&mut self, plan: &'static str) {
        let Holding { seats, strand, .. } = self.held[plan];
        let worth = self.plans[plan].entitles(seats);
        let most = self.most_seats.entry(plan).or_default();
        *most = seats.max(*most);
        let strand = &mut self.strands[strand];
        strand.plan = plan;
        strand.worth = strand.worth.max(worth);
    }

    fn subscribe(&mut self, plan: &'static str, seats: i64, key: &str) {
        let pending = self.held.values().any(|holding| holding.pending_plan == Some(plan));
        let ends = if self.held.contains_key(plan) || pending { Ends::With("LC005") } else { Ends::Well };
        if self.call(&format!("credits_subscribe('a', '{plan}', '{key}', {seats})"), ends) {
            // Taken up again after an end at once, it is the same entitlement.
            let free = |n: &usize| self.strands[*n].plan == plan && !self.held.values().any(|h| h.strand == *n);
            let strand = (0..self.strands.len()).find(free).unwrap_or_else(|| {
                self.strands.push(Strand { plan, worth: 0 });
                self.strands.len() - 1
            });
            self.held.insert(plan, Holding { seats, pending_plan: None, strand });
            self.counts(plan);
        }
    }

    fn set_seats(&mut self, plan: &'static str, seats: i64, key: &str) {
        let ends = if self.held.contains_key(plan) { Ends::Well } else { Ends::With("LC006") };
        if self.call(&format!("credits_set_seats('a', '{plan}', {seats}, '{key}')"), ends) {
            let holding = self.held.get_mut(plan).expect("a plan that is held");
            // Fewer count from the next cycle.
            holding.seats = holding.seats.max(seats);
            self.counts(plan);
        }
    }

    fn change(&mut self, from: &'static str, to: &'static str, takes_effect: &str, unused: &str, key: &str) {
        let from_where = self.held.iter().find(|(_, holding)| holding.pending_plan == Some(to)).map(|(plan, _)| *plan);
        let ends = match (self.held.contains_key(from), self.held.contains_key(to)) {
            // It takes back what is pending, or there is nothing to take back.
            (true, true) if from == to => Ends::Somehow,
            (true, true) => Ends::With("LC005"),
            // The same change once more, or another way of it.
            (true, false) if from_where == Some(from) => Ends::Somehow,
            (true, false) if from_where.is_some() => Ends::With("LC005"),
            (true, false) => Ends::Well,
            (false, true) => Ends::With("LC005"),
            (false, false) if from == to || from_where.is_some() => Ends::Refused,
            (false, false) => Ends::With("LC006"),
        };
        let call = format!("credits_change_plan('a', '{from}', '{to}', '{key}', '{takes_effect}', '{unused}')");
        if self.call(&call, ends) {
            let (old, new) = (self.plans[from], self.plans[to]);
            let mut holding = self.held.remove(from).expect("a plan that is held");
            holding.pending_plan = None;
            let acts_now = takes_effect == "now" || takes_effect == "auto" && new.rank >= old.rank;
            if from == to {
                self.held.insert(from, holding);
            } else if acts_now {
                if new.rank != old.rank {
                    // In full, or forced: not of the strand.
                    self.strands.push(Strand { plan: to, worth: 0 });
                    holding.strand = self.strands.len() - 1;
                }
                self.held.insert(to, holding);
                self.counts(to);
            } else {
                holding.pending_plan = Some(to);
                self.held.insert(from, holding);
            }
        }
    }

    fn unsubscribe(&mut self, plan: &'static str, takes_effect: &str, key: &str) {
        let ends = if self.held.contains_key(plan) { Ends::Somehow } else { Ends::With("LC006") };
        if self.call(&format!("credits_unsubscribe('a', '{plan}', '{key}', '{takes_effect}')"), ends) {
            if takes_effect == "now" {
                self.held.remove(plan);
            } else if let Some(holding) = self.held.get_mut(plan) {
                holding.pending_plan = None;
            }
        }
    }

    /// (a), (b) and (d), and that seats and plans are those of the model.
    fn check(&mut self, ranks: i64) {
        let granted: BTreeMap<String, i64> = self
            .s
            .rows("SELECT plan, trim_scale(sum(amount)) AS sum FROM credits_grants WHERE kind = 'allowance' GROUP BY plan")
            .iter()
            .map(|row| (row.get("plan").to_owned(), row.get("sum").parse().expect("a whole number")))
            .collect();
        for (plan, sum) in &granted {
            let most = self.plans[plan.as_str()].entitles(self.most_seats[plan.as_str()]);
            self.holds(*sum <= most, &format!("{plan} granted {sum}, which is more than {most}"));
        }
        let sum: i64 = granted.values().sum();
        let shown = self.s.one("SELECT trim_scale(allowance_granted) FROM credits_balance('a')");
        self.holds(shown == sum.to_string(), &format!("{sum} granted in lots, {shown} shown"));
        if ranks == 1 {
            let most = self.strands.iter().map(|strand| strand.worth).sum();
            self.holds(sum <= most, &format!("{sum} granted, which is more than {most}"));
            if self.strands.len() == 1 {
                self.holds(sum == most, &format!("{sum} granted, which is less than {most}"));
            }
        }
        let held: Vec<_> = self.held.iter().map(|(plan, holding)| format!("{plan}|{}", holding.seats)).collect();
        let shown = self.s.list("SELECT plan, seats FROM credits_subscriptions ORDER BY plan");
        self.holds(held == shown, &format!("held {held:?}, shown {shown:?}"));
        let problems = self.s.list("SELECT entry, problem FROM credits_verify()");
        self.holds(problems.is_empty(), &problems.join("\n"));
    }

    /// What the cycle after grants: the plans then held, with their seats then.
    fn next_cycle(&mut self) {
        let coming = self.s.rows(
            "SELECT coalesce(pending_plan, plan) AS plan, coalesce(pending_seats, seats) AS seats
             FROM credits_subscriptions WHERE NOT pending_end",
        );
        let sum: i64 = coming
            .iter()
            .map(|row| self.plans[row.get("plan")].entitles(row.get("seats").parse().expect("a number")))
            .sum();
        self.s.at("2026-02-20 00:00+00");
        self.s.run("SELECT credits_maintain()");
        let shown = self.s.one("SELECT trim_scale(allowance_granted) FROM credits_balance('a')");
        self.holds(shown == sum.to_string(), &format!("{sum} was to come, {shown} came"));
        let problems = self.s.list("SELECT entry, problem FROM credits_verify()");
        self.holds(problems.is_empty(), &problems.join("\n"));
    }
}

/// `ranks` different ranks; `single`: only one plan at a time, changed but never left and taken up again.
fn play(seed: u64, steps: i64, ranks: i64, single: bool) {
    let (mut play, mut dice) = Play::new(seed, ranks);
    let names: Vec<_> = play.plans.keys().copied().collect();
    for step in 0..steps {
        // Two weeks at the most: within the cycle, wherever the first plan lets it begin.
        let hour = step * 14 * 24 / steps;
        play.s.at(&format!("2026-01-{:02} {:02}:30+00", 1 + hour / 24, hour % 24));
        let key = format!("k{step}");
        let held: Vec<_> = play.held.keys().copied().collect();
        // Mostly of a plan that is held, sometimes of any.
        let plan = if held.is_empty() || dice.roll(4) == 0 { dice.pick(&names) } else { dice.pick(&held) };
        let other = dice.pick(&names);
        let seats = 1 + dice.roll(12);
        match dice.roll(10) {
            0 | 1 if !single || held.is_empty() => play.subscribe(other, seats, &key),
            2..=4 => play.set_seats(plan, seats, &key),
            5..=7 => {
                let takes_effect = dice.pick(&["auto", "auto", "now", "next_cycle"]);
                let unused = dice.pick(&["keep", "keep", "keep", "expire"]);
                play.change(plan, other, takes_effect, unused, &key);
            }
            8 => {
                let takes_effect = if single { "next_cycle" } else { dice.pick(&["now", "next_cycle"]) };
                play.unsubscribe(plan, takes_effect, &key);
            }
            _ => {
                let amount = 1 + dice.roll(80);
                let call = format!("credits_debit('a', {amount}, '{key}', on_insufficient => 'allow')");
                play.call(&call, Ends::Well);
            }
        }
        if dice.roll(3) == 0 {
            play.retry(&mut dice);
        }
        play.check(ranks);
    }
    play.next_cycle();
    play.retry(&mut dice);
}

/// Everything that a read shows of the account's money and cycle.
const FIGURES: &str = "status, trim_scale(balance), trim_scale(allowance), trim_scale(credits), held, trim_scale(debt),
    trim_scale(available), trim_scale(allowance_granted), trim_scale(used), cycle, cycle_start, cycle_end";

/// Everything of a lot.
const LOT: &str = "lot, entry, kind, plan, trim_scale(amount), trim_scale(remaining), held, priority, effective_at,
    expires_at, expires_by_cycle, status, idempotency_key";

/// Half a year and more of plans of all kinds: with rollover and trials, defined anew now and then, on accounts with and
/// without an allowance and a calendar of their own. At every step what was said of it before comes true, maintenance
/// changes nothing that is shown, and what is asked later of that instant is what was said.
fn months(seed: u64, steps: i64) {
    let mut dice = Dice(seed.wrapping_mul(104_729));
    let mut s = Server::shared().database().session();
    let mut story: Vec<String> = Vec::new();
    let mut said: Vec<(String, String)> = Vec::new();
    let names = ["p", "q", "r", "t", "u"];
    let define = |dice: &mut Dice, name: &str| {
        let trial = dice.roll(5) == 0;
        format!(
            "credits_define_plan('{name}', {}, {}, NULL, {}, {trial}, {}, true, {}, {}, {})",
            dice.pick(&["0", "100", "33.333333", "250"]),
            dice.roll(2) == 0,
            dice.roll(3),
            if trial { dice.pick(&["NULL", "'20 days'", "'1 month'"]) } else { "NULL" },
            dice.pick(&["0", "50", "33.333333", "100"]),
            dice.pick(&["NULL", "40", "400"]),
            1 + dice.roll(3),
        )
    };
    let mut now = 0; // hours
    let at = |hour: i64| format!("timestamptz '2028-01-31 05:30+00' + interval '{hour} hours'");
    let set = |s: &mut Session, hour: i64| {
        let text = s.one(&format!("SELECT {}", at(hour)));
        s.at(&text);
        text
    };
    set(&mut s, now);
    for name in names {
        story.push(define(&mut dice, name));
        s.run(&format!("SELECT * FROM {}", story[story.len() - 1]));
    }
    story.push(format!(
        "credits_open_account('a', {}, '{}', time_zone => 'America/New_York', rollover_percent => {}, overdraft_limit => 100, debt_policy => '{}')",
        dice.pick(&["0", "0", "60"]),
        dice.pick(&["1 month", "1 month", "10 days", "0"]),
        dice.pick(&["0", "50"]),
        dice.pick(&["repay", "forgive_at_reset", "invoice_at_reset"]),
    ));
    s.run(&format!("SELECT * FROM {}", story[story.len() - 1]));
    for step in 0..steps {
        let then = now + dice.pick(&[0, 1, 30, 24 * 7, 24 * 20]);
        let foretold = s.list(&format!("SELECT {FIGURES} FROM credits_balance_at('a', {})", at(then))).remove(0);
        now = then;
        let text = set(&mut s, now);
        let shown = |s: &mut Session| {
            let mut all = s.list(&format!("SELECT {FIGURES} FROM credits_balance('a')"));
            all.extend(s.list(&format!("SELECT {FIGURES} FROM credits_accounts")));
            all.extend(s.list(&format!("SELECT {LOT} FROM credits_grants ORDER BY lot")));
            all.extend(
                s.list("SELECT lot, kind, trim_scale(remaining), expires_at FROM credits_expiring ORDER BY lot"),
            );
            all
        };
        let read = shown(&mut s);
        let told = story.join("\n");
        assert_eq!(read[0], foretold, "seed {seed}: {text} as foretold, after\n{told}");
        assert_eq!(read[1], foretold, "seed {seed}: {text} in the view, after\n{told}");
        if dice.roll(2) == 0 {
            s.run("SELECT credits_maintain()");
            let recorded = shown(&mut s);
            let different: Vec<_> = recorded.iter().zip(&read).filter(|(recorded, read)| recorded != read).collect();
            assert!(
                different.is_empty() && recorded.len() == read.len(),
                "seed {seed}: {text} recorded and shown {different:#?}, after\n{told}"
            );
        }
        let (plan, other, key) = (dice.pick(&names), dice.pick(&names), format!("k{step}"));
        let call = match dice.roll(14) {
            0..=2 => format!("credits_subscribe('a', '{plan}', '{key}', {})", 1 + dice.roll(9)),
            3 | 4 => format!("credits_set_seats('a', '{plan}', {}, '{key}')", 1 + dice.roll(9)),
            5..=7 => {
                let takes_effect = dice.pick(&["auto", "auto", "now", "next_cycle"]);
                let unused = dice.pick(&["keep", "expire"]);
                format!("credits_change_plan('a', '{plan}', '{other}', '{key}', '{takes_effect}', '{unused}')")
            }
            8 => {
                let takes_effect = dice.pick(&["now", "next_cycle"]);
                format!("credits_unsubscribe('a', '{plan}', '{key}', '{takes_effect}')")
            }
            9 => define(&mut dice, plan),
            10 => format!("credits_reset_cycle('a', '{key}', {})", at(now - dice.pick(&[0, 1, 50]))),
            11 => format!(
                "credits_grant('a', {}, '{key}', 'promo', expires_after_cycles => {})",
                1 + dice.roll(90),
                1 + dice.roll(3)
            ),
            _ => format!("credits_debit('a', {}, '{key}', on_insufficient => 'allow')", 1 + dice.roll(300)),
        };
        let found = match s.try_run(&format!("SELECT * FROM {call}")) {
            Ok(_) => "well".to_owned(),
            Err(error) => error.code,
        };
        story.push(format!("at {text} {call}: {found}"));
        assert!(["well", "LC005", "LC006"].contains(&found.as_str()), "seed {seed}:\n{}", story.join("\n"));
        // Of several things at one instant, the last counts.
        said.retain(|(instant, _)| *instant != text);
        let says = s.list(&format!("SELECT {FIGURES} FROM credits_balance('a')")).remove(0);
        said.push((text, says));
        let problems = s.list("SELECT entry, problem FROM credits_verify()");
        assert_eq!(problems, Vec::<String>::new(), "seed {seed}:\n{}", story.join("\n"));
    }
    for (instant, says) in &said {
        let asked = s.list(&format!("SELECT {FIGURES} FROM credits_balance_at('a', '{instant}')")).remove(0);
        assert_eq!(&asked, says, "seed {seed}: {instant} asked for later, after\n{}", story.join("\n"));
    }
}

/// Any plans, of any ranks.
#[test]
fn plans_of_several_ranks() {
    (1..=12).for_each(|seed| play(seed, 40, 3, false));
}

/// Any plans, of one rank.
#[test]
fn plans_of_one_rank() {
    (101..=112).for_each(|seed| play(seed, 40, 1, false));
}

/// One plan at a time, of one rank: what is granted is the highest entitlement, no more and no less.
#[test]
fn one_plan_of_one_rank() {
    (201..=212).for_each(|seed| play(seed, 40, 1, true));
}

/// A long sequence has every plan come and go many times.
#[test]
fn long_sequences() {
    play(301, 300, 3, false);
    play(302, 300, 1, false);
    play(303, 300, 1, true);
}

/// Many cycles.
#[test]
fn months_of_plans() {
    (405..=424).for_each(|seed| months(seed, 40));
}
