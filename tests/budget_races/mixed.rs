//! Debits, charges and batches of many sessions on an account with many budgets, and resets beside them.

use crate::crowd::{Dice, crowd, patient};
use crate::crowds::{SESSIONS, accepted, ledger, settled, told};
use crate::interleave::LEVELS;
use credits_ledger_tests::Session;

/// What a session asked for and was refused: how much, by whom, for what.
struct Refused {
    amount: u64,
    actor: &'static str,
    feature: &'static str,
}

const ACTORS: [&str; 4] = ["'ann'", "'bob'", "'cid'", "NULL"];
const FEATURES: [&str; 3] = ["'chat'", "'image'", "NULL"];

/// Whether each budget's use is the sum of what the history says was drawn on it.
fn off(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT b.period, b.actor, b.feature, b.used_by, b.used, h.drawn
         FROM credits_budgets b JOIN credits_accounts a ON a.account = b.account
         CROSS JOIN LATERAL (
             SELECT coalesce(-sum(e.amount), 0) AS drawn FROM credits_history e
             WHERE e.account = b.account AND e.operation IN ('debit', 'charge')
               AND (b.period <> 'cycle' OR e.cycle = a.cycle)
               AND (b.feature IS NULL OR e.feature = b.feature)
               AND (b.actor IS NULL OR e.actor = b.actor OR b.actor = '*' AND e.actor IS NOT DISTINCT FROM b.used_by)
         ) h
         WHERE b.used <> h.drawn",
    )
}

/// A call by dice, with what it asks for. Charges cost 2 a unit; a batch has items of one unit each.
fn call(dice: &mut Dice, key: &str) -> (String, Refused) {
    let amount = 1 + dice.below(6);
    let actor = ACTORS[dice.below(4) as usize];
    let feature = FEATURES[dice.below(3) as usize];
    match dice.below(3) {
        0 if feature != "NULL" => (
            format!(
                "SELECT * FROM credits_charge('a', {feature}, {amount}, '{key}', {actor}, on_insufficient => 'refuse')"
            ),
            Refused { amount: 2 * amount, actor, feature },
        ),
        1 => (
            format!(
                "SELECT * FROM credits_debit_many(ARRAY['a'], ARRAY[{amount}], ARRAY['{key}'], ARRAY[{feature}]::text[])"
            ),
            Refused { amount, actor: "NULL", feature },
        ),
        _ => (
            format!(
                "SELECT * FROM credits_debit('a', {amount}, '{key}', {feature}, {actor}, on_insufficient => 'refuse')"
            ),
            Refused { amount, actor, feature },
        ),
    }
}

#[test]
fn what_was_refused_would_not_fit_and_what_was_drawn_does() {
    for level in LEVELS {
        let (db, mut s) = ledger(&[
            "400",
            "150, feature => 'chat'",
            "170, 'month', '*'",
            "60, 'month', 'ann'",
            "25, 'cycle', 'bob', 'chat'",
            "20, 'month', '*', 'image'",
        ]);
        s.run("SELECT credits_define_rate('chat', 2), credits_define_rate('image', 2)");
        let refused = crowd(&db, SESSIONS, &[level], |i, s| {
            let mut dice = Dice(31 * i as u64 + 5);
            let mut refused = Vec::new();
            for n in 0..12 {
                let (call, asked) = call(&mut dice, &format!("k{i} {n}"));
                if !accepted(&told(s, &call)) {
                    refused.push(asked);
                }
            }
            refused
        });
        let refused: Vec<Refused> = refused.into_iter().flatten().collect();
        assert!(!refused.is_empty(), "{level}: only {} were refused", refused.len());
        assert_eq!(s.list("SELECT * FROM credits_budgets WHERE used > budget_limit"), Vec::<String>::new(), "{level}");
        assert_eq!(off(&mut s), Vec::<String>::new(), "{level}");
        // Use only grows: one of the budgets that bind it has no room for what was refused.
        for Refused { amount, actor, feature } in refused {
            let binding = s.one(&format!(
                "SELECT count(*) FROM credits_budgets
                 WHERE (actor IS NULL OR actor = {actor} OR actor = '*' AND used_by IS NOT DISTINCT FROM {actor}::text)
                   AND (feature IS NULL OR feature = {feature}) AND remaining < {amount}"
            ));
            assert_ne!(binding, "0", "{level}: {amount} by {actor} for {feature} was refused and would fit");
        }
        settled(&mut s);
    }
}

#[test]
fn a_budget_of_the_cycle_binds_in_each_cycle_that_resets_begin() {
    let (db, mut s) = ledger(&[]);
    s.run("SELECT credits_open_account('m', 1000, '0')");
    s.run("SELECT credits_set_budget('m', 10), credits_set_budget('m', 4, actor => '*')");
    let taken = crowd(&db, SESSIONS, &LEVELS, |i, s| {
        let mut taken = 0;
        for n in 0..12 {
            if i == 0 {
                patient(s, &format!("SELECT * FROM credits_reset_cycle('m', 'r{n}')")).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(30));
                continue;
            }
            let call = format!(
                "SELECT * FROM credits_debit('m', 1, 'k{i} {n}', actor => 'actor {}', on_insufficient => 'refuse')",
                i % 5
            );
            taken += usize::from(accepted(&told(s, &call)));
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        taken
    });
    let taken: usize = taken.iter().sum();
    assert!(taken > 40, "{taken} in all");
    let by_cycle = s.list("SELECT cycle, used, used <= 10 FROM credits_cycles WHERE account = 'm' ORDER BY cycle");
    assert_eq!(by_cycle.len(), 13, "{by_cycle:?}");
    assert!(by_cycle.iter().all(|cycle| cycle.ends_with("|t")), "{by_cycle:?}");
    assert_eq!(
        s.list(
            "SELECT cycle, actor, sum(amount) FROM credits_history WHERE account = 'm' AND operation = 'debit'
             GROUP BY 1, 2 HAVING -sum(amount) > 4"
        ),
        Vec::<String>::new()
    );
    assert_eq!(s.one("SELECT sum(used) FROM credits_cycles WHERE account = 'm'"), taken.to_string());
    assert_eq!(off(&mut s), Vec::<String>::new());
    settled(&mut s);
}
