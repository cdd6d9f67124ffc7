//! Random histories: whenever the measure is past the threshold after a write, a request is open.

use crate::asked::*;
use credits_ledger_tests::Session;

/// A small generator of its own: the same histories in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as u64) as usize]
    }
}

/// One call of any kind on `a`. Some are refused by an error and do nothing.
fn a_call(dice: &mut Dice, step: u64) -> String {
    let amount = format!("{}.{}", dice.roll(40), 1 + dice.roll(9));
    let feature = dice.pick(&["NULL", "NULL", "'chat'"]);
    let mode = dice.pick(&["error", "partial", "allow", "refuse"]);
    let earlier = dice.roll(step + 1);
    match dice.roll(16) {
        0..=5 => format!("credits_debit('a', {amount}, 'k{step}', {feature}, on_insufficient => '{mode}')"),
        6 | 7 => format!("credits_hold('a', {amount}, 'k{step}', '3 hours', {feature})"),
        8 => format!(
            "credits_capture('a', 'k{earlier}', 'k{step}', {amount}, final => {})",
            dice.pick(&["true", "false"])
        ),
        9 => format!("credits_release('a', 'k{earlier}', 'k{step}')"),
        10 => format!("credits_refund('a', 'k{earlier}', 'k{step}')"),
        11 => {
            format!("credits_void_grant('a', 'k{earlier}', 'k{step}', claw_back => {})", dice.pick(&["true", "false"]))
        }
        12 => format!("credits_grant('a', {amount}, 'k{step}', 'promo', expires_in => '20 hours')"),
        13 => format!("credits_grant('a', {amount}, 'k{step}', features => '{{chat}}')"),
        14 => format!("credits_complete_recharge('a', (SELECT max(recharge) FROM credits_recharges), 'p{step}')"),
        _ => format!("credits_configure_account('a', allowance => {amount})"),
    }
}

fn history(s: &mut Session, seed: u64, trigger: &str, measure: &str, policy: &str) {
    let mut dice = Dice(seed);
    s.run(&format!(
        "SELECT credits_open_account('a', 60, '1 day', overdraft_limit => 15, rollover_percent => 50, debt_policy => '{policy}')"
    ));
    s.run("SELECT credits_grant('a', 40, 'g'), credits_define_rate('chat', 1)");
    set(s, &format!("30, 'pack', '{trigger}', '{measure}', 3, payment_method => 'card'"));
    let (mut asked, mut done) = (0, 0);
    for step in 0..120 {
        let (day, hour) = (10 + step / 12, step % 12 * 2);
        s.at(&format!("2026-01-{day} {hour:02}:00+00"));
        done += u32::from(s.try_run(&format!("SELECT {}", a_call(&mut dice, step))).is_ok());
        s.run("SELECT credits_maintain()");
        let row = s.row(&format!(
            "SELECT {measure} - debt {} 30 AS past,
                 (SELECT count(*) FROM credits_recharges WHERE status IN ('open', 'claimed')) AS open,
                 (SELECT count(*) FROM credits_recharges) AS asked FROM credits_balance('a')",
            if trigger == "below" { "<" } else { "<=" }
        ));
        let what = format!("seed {seed}, step {step}, {trigger} {measure} {policy}: {row}");
        assert!(row.get("past") == "f" || row.get("open") == "1", "{what}");
        asked = row.get("asked").parse().expect("a number");
    }
    assert!(done > 40 && asked > 1, "{done} calls succeeded, {asked} requests were made");
    sound(s);
}

#[test]
fn past_the_threshold_a_request_is_always_open() {
    for (seed, (measure, policy)) in [
        ("available", "repay"),
        ("credits", "repay"),
        ("available", "invoice_at_reset"),
        ("credits", "forgive_at_reset"),
    ]
    .into_iter()
    .enumerate()
    {
        for trigger in ["below", "at_or_below"] {
            let (_, mut s) = shop();
            history(&mut s, 11 + seed as u64, trigger, measure, policy);
        }
    }
}
