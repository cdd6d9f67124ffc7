//! The order in which a debit takes lots, against a sort of its own: rollover, allowance, then the others by
//! priority; restricted before unrestricted; soonest expiry first; earliest effective; lowest entry.

use credits_ledger_tests::{Server, Session};

const JAN: &str = "2026-01-31 12:00+00";

/// Lots in the order of the dry run.
fn order(s: &mut Session, account: &str, amount: &str, feature: &str) -> Vec<String> {
    s.list(&format!("SELECT lot FROM credits_explain_debit('{account}', {amount}, {feature}) WHERE lot IS NOT NULL"))
}

fn grant(s: &mut Session, account: &str, amount: u64, key: &str, rest: &str) {
    s.run(&format!("SELECT * FROM credits_grant('{account}', {amount}, '{key}'{rest})"));
}

/// Two grants of 1, in both orders of granting: the first named is always taken first.
#[test]
fn each_rule_decides_between_two_lots() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    let chat = "features => ARRAY['chat']";
    let pairs = [
        // priority, whatever else
        (", 'promo'".to_string(), String::new()),
        (", priority => 1".to_string(), ", 'promo', expires_in => '1 second'".to_string()),
        (", 'promo', priority => 50".to_string(), ", 'trial', priority => 51".to_string()),
        (", priority => 999".to_string(), ", 'bonus', priority => 1000, expires_in => '1 day'".to_string()),
        (", 'welcome'".to_string(), ", 'adjustment', expires_in => '1 day'".to_string()),
        (", 'bonus'".to_string(), format!(", 'purchase', {chat}, expires_in => '1 day'")),
        // restricted before unrestricted, even if the other expires first
        (format!(", {chat}"), ", expires_in => '1 second'".to_string()),
        (format!(", {chat}, priority => 7"), ", priority => 7".to_string()),
        // soonest expiry, never last
        (", expires_in => '1 day'".to_string(), String::new()),
        (", expires_in => '1 day'".to_string(), ", expires_in => '2 days'".to_string()),
        (format!(", {chat}, expires_in => '1 day'"), format!(", {chat}, expires_in => '25 hours'")),
        (", expires_after_cycles => 1".to_string(), String::new()),
        (", expires_after_cycles => 1".to_string(), ", expires_after_cycles => 2".to_string()),
        // a lot by cycle counts with its cycle's end
        (", expires_at => '2026-02-28 11:59+00'".to_string(), ", expires_after_cycles => 1".to_string()),
        (", expires_after_cycles => 1".to_string(), ", expires_at => '2026-02-28 12:01+00'".to_string()),
        (", expires_at => '2026-03-31 11:59+00'".to_string(), ", expires_after_cycles => 2".to_string()),
        (", expires_after_cycles => 2".to_string(), ", expires_at => '2026-03-31 12:01+00'".to_string()),
    ];
    for (i, (first, second)) in pairs.iter().enumerate() {
        let account = format!("forth{i}");
        grant(&mut s, &account, 1, "first", first);
        grant(&mut s, &account, 1, "second", second);
        assert_eq!(order(&mut s, &account, "2", "'chat'"), ["1", "2"], "{first} / {second}");
        let account = format!("back{i}");
        grant(&mut s, &account, 1, "second", second);
        grant(&mut s, &account, 1, "first", first);
        assert_eq!(order(&mut s, &account, "2", "'chat'"), ["2", "1"], "{first} / {second}, granted the other way");
    }
}

#[test]
fn equal_lots_go_by_effective_time_then_by_entry() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    // Scheduled first, effective last.
    grant(&mut s, "a", 1, "scheduled", ", effective_at => '2026-02-03 00:00+00'");
    grant(&mut s, "a", 1, "now", "");
    s.at("2026-02-02 00:00+00");
    grant(&mut s, "a", 1, "later", "");
    grant(&mut s, "a", 1, "same instant", "");
    s.at("2026-02-04 00:00+00");
    grant(&mut s, "a", 1, "last", "");
    assert_eq!(order(&mut s, "a", "5", "NULL"), ["2", "3", "4", "1", "5"]);
    s.run("SELECT * FROM credits_debit('a', 4, 'd')");
    assert_eq!(s.list("SELECT remaining FROM credits_grants ORDER BY lot"), ["0", "0", "0", "0", "1"]);
}

#[test]
fn rollover_then_allowance_then_the_rest() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10, rollover_percent => 100)");
    grant(
        &mut s,
        "a",
        5,
        "urgent",
        ", 'promo', priority => 1, features => ARRAY['chat'], expires_at => '2026-03-01 00:00+00'",
    );
    s.run("SELECT * FROM credits_debit('a', 6, 'd')");
    s.at("2026-02-28 12:00+00");
    assert_eq!(
        s.list("SELECT kind, takes FROM credits_explain_debit('a', 19, 'chat')"),
        ["rollover|4", "allowance|10", "promo|5"]
    );
    s.row("SELECT * FROM credits_debit('a', 5, 'd2', 'chat')").has(&[("from_allowance", "5"), ("from_credits", "0")]);
    s.row("SELECT * FROM credits_debit('a', 12, 'd3', 'chat')").has(&[("from_allowance", "9"), ("from_credits", "3")]);
}

#[test]
fn on_a_manual_account_lots_by_cycle_come_between_dated_and_eternal_ones() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', cycle_length => '0')");
    grant(&mut s, "a", 1, "never", "");
    grant(&mut s, "a", 1, "cycle", ", expires_after_cycles => 1");
    grant(&mut s, "a", 1, "far", ", expires_at => '2999-01-01 00:00+00'");
    grant(&mut s, "a", 1, "near", ", expires_in => '1 day'");
    assert_eq!(order(&mut s, "a", "4", "NULL"), ["4", "3", "2", "1"]);
}

#[test]
fn lots_of_other_features_are_left_alone() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    grant(&mut s, "a", 1, "any", "");
    grant(&mut s, "a", 1, "image", ", features => ARRAY['image']");
    grant(&mut s, "a", 1, "both", ", features => ARRAY['video', 'chat']");
    grant(&mut s, "a", 1, "chat", ", features => ARRAY['chat']");
    assert_eq!(order(&mut s, "a", "9", "NULL"), ["1"]);
    assert_eq!(order(&mut s, "a", "9", "'chat'"), ["3", "4", "1"]);
    assert_eq!(order(&mut s, "a", "9", "'image'"), ["2", "1"]);
    assert_eq!(order(&mut s, "a", "9", "'CHAT'"), ["1"]);
}

/// xorshift64*: the same histories on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

/// A lot as the test knows it: never read back from the ledger.
struct Lot {
    number: usize,
    priority: u64,
    features: Option<Vec<&'static str>>,
    /// Minutes from the start; none: never.
    expires: Option<u64>,
    effective: u64,
    remaining: u64,
}

impl Lot {
    fn usable(&self, feature: Option<&str>) -> bool {
        match (&self.features, feature) {
            (None, _) => true,
            (Some(features), Some(feature)) => features.contains(&feature),
            (Some(_), None) => false,
        }
    }
}

/// The positions of the usable lots in the order of the reference.
fn sorted(lots: &[Lot], feature: Option<&str>) -> Vec<usize> {
    let mut usable: Vec<usize> =
        (0..lots.len()).filter(|&i| lots[i].remaining > 0 && lots[i].usable(feature)).collect();
    usable.sort_by_key(|&i| {
        let lot = &lots[i];
        (lot.priority, lot.features.is_none(), lot.expires.unwrap_or(u64::MAX), lot.effective, lot.number)
    });
    usable
}

/// Thirty lots, then debits until nothing is left. The dry run, the debit's allocations, the receipt and what
/// remains must all be what the test's own sort says.
fn random_history(s: &mut Session, seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let account = format!("random{seed}");
    let mut lots = Vec::new();
    // Three instants on the first day; all expiries lie beyond the debits, at one hour of the tenth day or later.
    for minute in [0, 60, 120] {
        s.at(&format!("2026-02-01 {:02}:00+00", minute / 60));
        for _ in 0..10 {
            let number = lots.len() + 1;
            let kind = random.pick(&["purchase", "promo", "welcome", "trial", "bonus", "adjustment"]);
            let mut priority = if ["purchase", "adjustment"].contains(&kind) { 100 } else { 50 };
            let mut arguments = format!(", '{kind}'");
            if random.below(3) == 0 {
                priority = [1, 49, 50, 100, 1000][random.below(5) as usize];
                arguments += &format!(", priority => {priority}");
            }
            let features = match random.below(4) {
                0 => Some(vec!["chat"]),
                1 => Some(vec!["image", "chat"]),
                _ => None,
            };
            if let Some(features) = &features {
                arguments += &format!(", features => ARRAY['{}']", features.join("','"));
            }
            let expires = match random.below(3) {
                0 => None,
                1 => {
                    let hour = random.below(4);
                    arguments += &format!(", expires_at => '2026-02-10 {hour:02}:00+00'");
                    Some((9 * 24 + hour) * 60)
                }
                // The account opened on Feb 1 at midnight: its cycle ends on Mar 1.
                _ => {
                    arguments += ", expires_after_cycles => 1";
                    Some(28 * 24 * 60)
                }
            };
            let mut effective = minute;
            if random.below(4) == 0 {
                let hour = 12 + random.below(3);
                effective = hour * 60;
                arguments += &format!(", effective_at => '2026-02-01 {hour:02}:00+00'");
            }
            let remaining = 1 + random.below(9);
            grant(s, &account, remaining, &format!("g{number}"), &arguments);
            lots.push(Lot { number, priority, features, expires, effective, remaining });
        }
    }
    s.at("2026-02-02 00:00+00");
    for i in 0.. {
        let feature = [None, Some("chat"), Some("image")][random.below(3) as usize];
        let usable = sorted(&lots, feature);
        let available: u64 = usable.iter().map(|&i| lots[i].remaining).sum();
        if available == 0 {
            if feature == Some("chat") {
                break;
            }
            continue;
        }
        let amount = 1 + random.below(available.min(25));
        let feature_sql = feature.map_or("NULL".to_string(), |f| format!("'{f}'"));
        let mut left = amount;
        let mut expected = Vec::new();
        for &i in &usable {
            let takes = lots[i].remaining.min(left);
            if takes == 0 {
                break;
            }
            lots[i].remaining -= takes;
            left -= takes;
            expected.push((lots[i].number, takes, lots[i].remaining));
        }
        let plan: Vec<String> = expected.iter().map(|(lot, takes, after)| format!("{lot}|{takes}|{after}")).collect();
        assert_eq!(
            s.list(&format!(
                "SELECT lot, takes, remaining_after FROM credits_explain_debit('{account}', {amount}, {feature_sql})"
            )),
            plan,
            "seed {seed}, debit {i}"
        );
        let balance: u64 = lots.iter().map(|lot| lot.remaining).sum();
        let unrestricted: u64 = lots.iter().filter(|lot| lot.features.is_none()).map(|lot| lot.remaining).sum();
        let receipt = s.row(&format!("SELECT * FROM credits_debit('{account}', {amount}, 'd{i}', {feature_sql})"));
        receipt.has(&[
            ("amount", amount.to_string().as_str()),
            ("from_credits", amount.to_string().as_str()),
            ("balance", balance.to_string().as_str()),
            ("available", unrestricted.to_string().as_str()),
        ]);
        expected.sort();
        let moved: Vec<String> = expected.iter().map(|(lot, takes, _)| format!("{lot}|{takes}")).collect();
        assert_eq!(
            s.list(&format!(
                "SELECT lot, -amount FROM credits_allocations WHERE account = '{account}' AND entry = {} ORDER BY lot",
                receipt.get("entry")
            )),
            moved,
            "seed {seed}, debit {i}"
        );
    }
    let left: Vec<String> = lots.iter().map(|lot| lot.remaining.to_string()).collect();
    assert_eq!(
        s.list(&format!("SELECT remaining FROM credits_grants WHERE account = '{account}' ORDER BY lot")),
        left,
        "seed {seed}"
    );
}

#[test]
fn random_lots_burn_as_an_independent_sort_says() {
    let db = Server::shared().database();
    let mut s = db.session();
    for seed in 1..=8 {
        random_history(&mut s, seed);
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn one_debit_may_cross_hundreds_of_lots() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run(
        "SELECT count(*) FROM credits_grant_many(array_fill('a'::text, ARRAY[400]), array_fill(0.25, ARRAY[400]),
             (SELECT array_agg('g' || i) FROM generate_series(1, 400) i))",
    );
    s.row("SELECT * FROM credits_debit('a', 0.1, 'd1')").has(&[("balance", "99.9")]);
    s.row("SELECT * FROM credits_debit('a', 75.2, 'd2')").has(&[("amount", "75.2"), ("balance", "24.7")]);
    // 75.3 are gone: 301 lots of 0.25, and 0.05 of the next.
    assert_eq!(
        s.list(
            "SELECT status, count(*), min(lot), max(lot), trim_scale(sum(remaining)) FROM credits_grants
             GROUP BY status ORDER BY status"
        ),
        ["active|99|302|400|24.7", "spent|301|1|301|0"]
    );
    assert_eq!(
        s.list(
            "SELECT count(*), min(lot), max(lot), trim_scale(sum(amount)) FROM credits_allocations
             WHERE operation = 'debit' GROUP BY entry ORDER BY entry"
        ),
        ["1|1|1|-0.1", "302|1|302|-75.2"]
    );
    assert_eq!(
        s.list("SELECT lot, takes, remaining_after FROM credits_explain_debit('a', 0.5)"),
        ["302|0.2|0", "303|0.25|0", "304|0.05|0.2"]
    );
    s.row("SELECT * FROM credits_debit('a', 30, 'd3', on_insufficient => 'partial')")
        .has(&[("amount", "24.7"), ("balance", "0")]);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}
