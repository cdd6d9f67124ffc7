//! Random histories against the definitions, worked out here from what `credits_balance` says after each call.

use super::{sound, start, told};
use credits_ledger_tests::Session;

const HOUR: i128 = 3_600_000_000;

/// A pseudo-random sequence that is the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    /// 0.01 to 20, more often small.
    fn amount(&mut self) -> String {
        let scale = [1, 100, 1000, 2000][self.below(4) as usize];
        format!("{}", (self.below(scale) + 1) as f64 / 100.0)
    }
}

/// `(name, below, used_percent, only_if_on_pace)`, by name; the figures in millionths and percent.
type Alert = (&'static str, Option<i128>, Option<i128>, bool);

const ALERTS: [Alert; 6] = [
    ("both", Some(60_000_000), Some(40), false),
    ("exhausted", Some(1), None, false),
    ("fast", None, Some(20), true),
    ("few", Some(25_000_000), None, false),
    ("half", None, Some(50), false),
    ("low", None, Some(75), true),
];

#[derive(Default)]
struct Oracle {
    fired: [bool; 6],
    told: usize,
}

impl Oracle {
    /// What is to be told now, when everything that a call did is done.
    fn judge(&mut self, s: &mut Session, gave: bool) -> Vec<String> {
        let figures = s.list(
            "SELECT (greatest(used, 0) * 1000000)::bigint, (available * 1000000)::bigint,
                    (extract(epoch FROM as_of) * 1000000)::bigint, (extract(epoch FROM cycle_start) * 1000000)::bigint,
                    (extract(epoch FROM cycle_end) * 1000000)::bigint
             FROM credits_balance('a')",
        );
        let figures: Vec<i128> = figures[0].split('|').map(|figure| figure.parse().unwrap()).collect();
        let [used, available, now, start, end] = figures[..] else { panic!("{figures:?}") };
        let elapsed = (now - start).max(HOUR);
        let on_pace = used > 0 && available * elapsed < (end - now) * used;
        let mut expected = Vec::new();
        for ((name, below, percent, pace), fired) in ALERTS.iter().zip(&mut self.fired) {
            let holds = below.is_none_or(|below| available < below)
                && percent.is_none_or(|percent| used > 0 && used * 100 >= percent * (used + available))
                && (!pace || on_pace);
            if holds && !*fired {
                expected.push(name.to_string());
                *fired = true;
            } else if *fired && !holds && gave {
                expected.push(format!("cleared {name}"));
                *fired = false;
            }
        }
        self.told += expected.len();
        expected
    }
}

/// Calls, and compares what the alerts tell.
fn step(s: &mut Session, oracle: &mut Oracle, call: &str, gave: bool) {
    s.run(&format!("SELECT * FROM {call}"));
    let expected = oracle.judge(s, gave);
    assert_eq!(told(s, "a"), expected, "{call}, at {}", s.one("SELECT as_of FROM credits_balance('a')"));
}

#[test]
fn random_histories_tell_what_the_definitions_say() {
    for seed in 1..=4 {
        history(seed);
    }
}

fn history(seed: u64) {
    let (_db, mut s) = start();
    let mut dice = Dice(seed);
    let mut oracle = Oracle::default();
    s.run("SELECT credits_open_account('a', 100)");
    for call in [
        "'both', below => 60, used_percent => 40",
        "'fast', used_percent => 20, only_if_on_pace => true",
        "'few', below => 25",
        "'half', used_percent => 50",
    ] {
        step(&mut s, &mut oracle, &format!("credits_set_alert('a', {call})"), false);
    }
    // Hours since 1 April; May begins after 720 of them, June after 1464.
    let mut hours = 0.0;
    let mut months = [720.0, 1464.0, f64::MAX].into_iter().peekable();
    for n in 0..250 {
        if dice.below(3) == 0 {
            hours += [0.2, 5.0, 17.0, 31.0][dice.below(4) as usize];
            if let Some(month) = months.next_if(|month| hours >= *month) {
                s.run(&format!("SELECT set_config('credits_ledger.now', (timestamptz '2026-04-01 00:00+00' + interval '{month} hours')::text, false)"));
                step(&mut s, &mut oracle, "credits_maintain()", true);
            }
            s.run(&format!("SELECT set_config('credits_ledger.now', (timestamptz '2026-04-01 00:00+00' + interval '{hours} hours')::text, false)"));
        }
        let amount = dice.amount();
        match dice.below(12) {
            0..=6 => step(
                &mut s,
                &mut oracle,
                &format!("credits_debit('a', {amount}, 'd{n}', on_insufficient => 'partial')"),
                false,
            ),
            7 => {
                let rest = format!("ARRAY[{amount}, 0.5, 0.25], ARRAY['m{n}', 'n{n}', 'o{n}']");
                step(&mut s, &mut oracle, &format!("credits_debit_many(ARRAY['a', 'a', 'a'], {rest})"), false);
            }
            8 => step(&mut s, &mut oracle, &format!("credits_grant('a', {amount}, 'g{n}')"), true),
            9 if dice.below(3) == 0 => step(&mut s, &mut oracle, &format!("credits_grant('a', 90, 'g{n}')"), true),
            _ => {
                step(
                    &mut s,
                    &mut oracle,
                    &format!("credits_hold('a', {amount}, 'h{n}', on_insufficient => 'partial')"),
                    false,
                );
                if s.one(&format!("SELECT count(*) FROM credits_holds WHERE hold_key = 'h{n}'")) == "0" {
                    continue;
                }
                if dice.below(2) == 0 {
                    let part = dice.amount();
                    step(
                        &mut s,
                        &mut oracle,
                        &format!("credits_capture('a', 'h{n}', 'c{n}', {part}, on_insufficient => 'partial')"),
                        false,
                    );
                } else {
                    step(&mut s, &mut oracle, &format!("credits_release('a', 'h{n}', 'r{n}')"), false);
                }
            }
        }
    }
    assert!(oracle.told > 20, "seed {seed}: only {} were told", oracle.told);
    sound(&mut s);
}
