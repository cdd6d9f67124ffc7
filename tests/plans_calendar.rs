//! Plans over time: month ends and changing clocks, cycles that nobody looked at, questions about the past and the
//! future, what is shown before it is recorded, cycles ended by hand, and accounts without a calendar.

use credits_ledger_tests::Session;

#[path = "plans/books.rs"]
mod books;

use books::{closing, held, history, lots, opened, running, sound};

/// Everything that a read shows of the account's money and cycle. The newest entry's number is not of it.
const FIGURES: &str = "status, trim_scale(balance), trim_scale(allowance), trim_scale(credits), held, trim_scale(debt),
    trim_scale(available), trim_scale(allowance_granted), trim_scale(used), overdraft_limit, cycle, cycle_start, cycle_end";

fn shop(s: &mut Session) {
    s.run("SELECT * FROM credits_define_plan('free', 0)");
    s.run("SELECT * FROM credits_define_plan('basic', 500, rank => 1, rollover_percent => 50)");
    s.run("SELECT * FROM credits_define_plan('pro', 1000, rank => 2, rollover_percent => 10, rollover_cycles => 2)");
    s.run("SELECT * FROM credits_define_plan('team', 100, true, 10, 3)");
    s.run("SELECT * FROM credits_define_plan('trial', 300, trial => true, trial_period => '45 days')");
}

/// Boundaries 0 to `last` of a series, as Postgres itself computes them.
fn boundaries(s: &mut Session, anchor: &str, length: &str, zone: &str, last: i32) -> Vec<String> {
    s.list(&format!(
        "SELECT CASE WHEN n = 0 THEN timestamptz '{anchor}'
                ELSE ((timestamptz '{anchor}' AT TIME ZONE '{zone}') + n * interval '{length}') AT TIME ZONE '{zone}' END
         FROM generate_series(0, {last}) n ORDER BY n"
    ))
}

fn figures(s: &mut Session) -> String {
    s.list(&format!("SELECT {FIGURES} FROM credits_balance('a')")).remove(0)
}

fn figures_at(s: &mut Session, at: &str) -> String {
    s.list(&format!("SELECT {FIGURES} FROM credits_balance_at('a', '{at}')")).remove(0)
}

// Month ends

/// The plan's cycle is anchored on 31 January of a leap year, where the offset changes in spring and in autumn. Each
/// boundary is counted from that anchor; on each the allowance is there anew.
#[test]
fn from_31_january_over_a_leap_year() {
    for (zone, opening, anchor) in [
        // 00:30 local time, which is the day before in UTC or the day itself.
        ("America/New_York", "2028-01-30 12:00+00", "2028-01-31 05:30:00+00"),
        ("Europe/Berlin", "2028-01-30 12:00+00", "2028-01-30 23:30:00+00"),
        // 02:30, and the last minute of the day.
        ("Europe/Berlin", "2028-01-30 12:00+00", "2028-01-31 01:30:00+00"),
        ("Australia/Sydney", "2028-01-30 12:00+00", "2028-01-31 12:59:00+00"),
    ] {
        let mut s = opened(opening, &format!(", time_zone => '{zone}'"));
        shop(&mut s);
        s.at(anchor);
        s.run("SELECT credits_subscribe('a', 'team', 'sub', 3)");
        let bounds = boundaries(&mut s, anchor, "1 month", zone, 15);
        assert_eq!(bounds[0], anchor);
        // 29 February, 31 March, 30 April …, in local time.
        assert_eq!(
            s.one(&format!(
                "SELECT string_agg(to_char(b AT TIME ZONE '{zone}', 'DD.MM.'), ' ') FROM unnest(ARRAY['{}']::timestamptz[]) b",
                bounds[1..5].join("','")
            )),
            "29.02. 31.03. 30.04. 31.05."
        );
        for pair in bounds.windows(2) {
            s.at(&pair[0]);
            assert_eq!(running(&mut s), format!("300|0|300|{}|{}", pair[0], pair[1]), "{zone}");
            s.run(&format!("SELECT credits_debit('a', 299, 'd {}')", pair[0]));
            let before = s.one(&format!("SELECT timestamptz '{}' - interval '1 microsecond'", pair[1]));
            s.at(&before);
            assert_eq!(running(&mut s), format!("1|0|300|{}|{}", pair[0], pair[1]), "{zone}");
        }
        assert_eq!(
            s.list("SELECT cycle_start, cycle_end FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
            bounds.windows(2).map(|pair| format!("{}|{}", pair[0], pair[1])).collect::<Vec<_>>(),
            "{zone}"
        );
        sound(&mut s);
    }
}

/// A plan that joins on another day keeps the first one's dates, and so does an upgrade.
#[test]
fn later_plans_keep_the_month_end() {
    let zone = "Europe/Berlin";
    let mut s = opened("2028-01-30 12:00+00", &format!(", time_zone => '{zone}'"));
    shop(&mut s);
    s.at("2028-01-31 11:00:00+00");
    s.run("SELECT credits_subscribe('a', 'basic', 'k1')");
    let bounds = boundaries(&mut s, "2028-01-31 11:00+00", "1 month", zone, 6);
    s.at("2028-02-29 10:59:59.999999+00");
    s.run("SELECT credits_subscribe('a', 'team', 'k2', 2)");
    s.at(&bounds[1]);
    s.run("SELECT credits_change_plan('a', 'basic', 'pro', 'k3')");
    // 500 and 200 anew and 250 rolled over, and the upgrade's 1000.
    assert_eq!(running(&mut s), format!("1950|0|1700|{}|{}", bounds[1], bounds[2]));
    for pair in bounds[2..].windows(2) {
        s.at(&pair[0]);
        let row = s.row("SELECT * FROM credits_balance('a')");
        row.has(&[("cycle_start", &pair[0]), ("cycle_end", &pair[1]), ("allowance_granted", "1200")]);
    }
    sound(&mut s);
}

// Cycles that nobody looked at

/// What was pending, defined and due in the meantime happens in its order, each at its instant, and leaves what it
/// would have left with somebody looking every day.
#[test]
fn missed_cycles_close_in_order() {
    let mut stories = Vec::new();
    for looks in [false, true] {
        let mut s = opened("2026-01-01 00:00+00", ", 50, rollover_percent => 100");
        shop(&mut s);
        s.run("SELECT credits_subscribe('a', 'pro', 'k1')");
        s.run("SELECT credits_subscribe('a', 'team', 'k2', 8)");
        s.run("SELECT credits_subscribe('a', 'trial', 'k3')");
        s.run("SELECT credits_grant('a', 7, 'g1', 'promo', expires_after_cycles => 3)");
        s.run("SELECT credits_grant('a', 11, 'g2', effective_at => '2026-04-10 00:00+00')");
        s.at("2026-01-20 00:00+00");
        s.run("SELECT credits_debit('a', 650, 'd1')");
        s.run("SELECT credits_change_plan('a', 'pro', 'basic', 'c1')");
        s.run("SELECT credits_set_seats('a', 'team', 4, 's1')");
        // From here on nobody touches the account for half a year, but definitions change.
        let definitions = [
            ("2026-02-10", "credits_define_plan('basic', 600, rank => 1, rollover_percent => 25)"),
            ("2026-04-01", "credits_define_plan('team', 110, true, 3, 3)"),
            ("2026-05-15", "credits_define_plan('basic', 0, rank => 1)"),
            ("2026-06-15", "credits_define_plan('team', 5)"),
        ];
        let days = s.list("SELECT d::date FROM generate_series('2026-01-21'::date, '2026-07-14', interval '1 day') d");
        for day in &days {
            let due: Vec<_> = definitions.iter().filter(|(on, _)| on == day).collect();
            if looks || !due.is_empty() {
                s.at(&format!("{day} 00:00+00"));
            }
            for (_, definition) in due {
                s.run(&format!("SELECT * FROM {definition}"));
            }
            if looks {
                s.run("SELECT credits_maintain()");
            }
        }
        s.at("2026-07-15 00:00+00");
        s.run("SELECT credits_debit('a', 1, 'd2')");
        assert_eq!(
            s.list("SELECT cycle_start, trim_scale(granted), trim_scale(rolled_over), trim_scale(expired) FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
            [
                // The own 50 and 600 of pro's 1000 were used: 10 % of 400 roll, the 800 of team expire.
                "2026-01-01 00:00:00+00|1850|40|1160",
                // basic 500 at 25 % (as defined on 10 February), team 4 × 100, the own 50 whole.
                "2026-02-01 00:00:00+00|950|175|775",
                // basic 600, team 400, 50; and pro's 40 and the 175 of before end.
                "2026-03-01 00:00:00+00|1050|200|1065",
                // team 3 × 110, by the definition made at the boundary.
                "2026-04-01 00:00:00+00|980|200|980",
                "2026-05-01 00:00:00+00|980|50|1130",
                // basic is worth nothing by now.
                "2026-06-01 00:00:00+00|380|50|380",
                "2026-07-01 00:00:00+00|55|0|0"
            ],
            "looking: {looks}"
        );
        assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f", "team|4|NULL|NULL|f", "trial|1|NULL|NULL|f"]);
        assert_eq!(s.one("SELECT count(*) FROM (SELECT effective_at < lag(effective_at) OVER (ORDER BY entry) AS back FROM credits_history) e WHERE back"), "0");
        assert_eq!(
            s.list("SELECT operation, kind, trim_scale(amount), effective_at FROM credits_history WHERE operation IN ('grant', 'expire') AND kind IN ('trial', 'promo', 'purchase') ORDER BY entry"),
            [
                "grant|promo|7|2026-01-01 00:00:00+00",
                "expire|trial|-300|2026-02-15 00:00:00+00",
                "expire|promo|-7|2026-04-01 00:00:00+00",
                "grant|purchase|11|2026-04-10 00:00:00+00"
            ],
            "looking: {looks}"
        );
        sound(&mut s);
        let mut story = s.list(
            "SELECT entry, operation, kind, plan, amount, from_allowance, from_credits, balance, available, effective_at, cycle
             FROM credits_history WHERE account = 'a' ORDER BY entry",
        );
        story.extend(lots(&mut s));
        story.push(figures(&mut s));
        stories.push(story);
    }
    assert_eq!(stories[0], stories[1], "not looked at, and looked at every day");
}

/// A thousand missed cycles of three plans take no time worth speaking of.
#[test]
fn a_thousand_missed_cycles() {
    let mut s = opened("2026-01-01 00:00+00", ", cycle_length => '1 day'");
    shop(&mut s);
    for plan in ["basic", "team", "free"] {
        s.run(&format!("SELECT credits_subscribe('a', '{plan}', '{plan}', 2)"));
    }
    s.at("2028-09-27 12:00+00");
    let began = std::time::Instant::now();
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycles_closed", "1000"),
        ("granted", "700000"),
        ("rolled_over", "250000"),
        ("allowance", "950"),
    ]);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    sound(&mut s);
}

// Questions about the past and the future

/// A year of changes: at each step what a read says before and after it; afterwards the same, asked for that instant.
#[test]
fn the_past_is_what_it_was() {
    let mut s = opened("2026-01-01 00:00+00", ", overdraft_limit => 200");
    shop(&mut s);
    let mut said = Vec::new();
    let mut look = |s: &mut Session, now: &str| {
        s.at(now);
        said.push((now.to_owned(), figures(s)));
    };
    look(&mut s, "2026-01-01 00:00+00");
    look(&mut s, "2026-01-05 00:00+00");
    for (n, (now, call)) in [
        ("2026-01-10 00:00+00", "credits_subscribe('a', 'basic', 'k1')"),
        ("2026-01-11 00:00+00", "credits_debit('a', 620, 'd1')"),
        ("2026-01-20 00:00+00", "credits_change_plan('a', 'basic', 'pro', 'k2')"),
        ("2026-01-25 00:00+00", "credits_subscribe('a', 'team', 'k3', 3)"),
        ("2026-02-05 00:00+00", "credits_set_seats('a', 'team', 7, 'k4')"),
        ("2026-02-06 00:00+00", "credits_set_seats('a', 'team', 2, 'k5')"),
        ("2026-02-20 00:00+00", "credits_change_plan('a', 'pro', 'basic', 'k6')"),
        ("2026-02-21 00:00+00", "credits_define_plan('basic', 777, rank => 1)"),
        ("2026-04-02 00:00+00", "credits_unsubscribe('a', 'team', 'k7')"),
        ("2026-04-20 00:00+00", "credits_change_plan('a', 'basic', 'pro', 'k8', 'now', 'expire')"),
        ("2026-05-03 00:00+00", "credits_reset_cycle('a', 'k9', '2026-05-02 00:00+00')"),
        ("2026-06-10 00:00+00", "credits_unsubscribe('a', 'pro', 'k10', 'now')"),
        ("2026-07-20 00:00+00", "credits_subscribe('a', 'trial', 'k11')"),
        ("2026-07-25 00:00+00", "credits_change_plan('a', 'trial', 'team', 'k12')"),
        ("2026-10-10 00:00+00", "credits_freeze_account('a', 'unpaid')"),
        ("2026-12-10 00:00+00", "credits_close_account('a', 'left')"),
    ]
    .into_iter()
    .enumerate()
    {
        let before = s.one(&format!("SELECT timestamptz '{now}' - interval '1 microsecond'"));
        look(&mut s, &before);
        s.at(now);
        s.run(&format!("SELECT * FROM {call}"));
        look(&mut s, now);
        if n % 3 == 0 {
            sound(&mut s);
        }
    }
    look(&mut s, "2027-03-01 00:00+00");
    let mut wrong = Vec::new();
    for (at, expected) in &said {
        let found = figures_at(&mut s, at);
        if &found != expected {
            wrong.push(format!("{at}: said {expected}\nasked later {found}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    sound(&mut s);
}

/// What will be if nothing more happens: pending changes, ends of trials, the definitions known by now.
#[test]
fn the_future_is_what_comes() {
    let mut s = opened("2026-01-01 00:00+00", "");
    shop(&mut s);
    s.run("SELECT credits_subscribe('a', 'pro', 'k1')");
    s.run("SELECT credits_subscribe('a', 'team', 'k2', 5)");
    s.run("SELECT credits_subscribe('a', 'trial', 'k3')");
    s.run("SELECT credits_debit('a', 900, 'd1')");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_change_plan('a', 'pro', 'basic', 'c1')");
    s.run("SELECT credits_set_seats('a', 'team', 2, 's1')");
    s.run("SELECT * FROM credits_define_plan('basic', 640, rank => 1, rollover_percent => 50)");
    let instants = [
        "2026-01-10 00:00+00",
        "2026-01-31 23:59:59.999999+00",
        "2026-02-01 00:00+00",
        "2026-02-14 23:59:59.999999+00",
        "2026-02-15 00:00+00",
        "2026-03-01 00:00+00",
        "2026-04-01 00:00+00",
        "2026-12-24 00:00+00",
    ];
    let ahead: Vec<_> = instants.iter().map(|at| figures_at(&mut s, at)).collect();
    // basic 640 and team 200, with 10 % of pro's 100 that were left; then with half of basic's.
    for (at, allowance, credits) in [
        ("2026-01-31 00:00+00", "600", "300"),
        ("2026-02-01 00:00+00", "850", "300"),
        ("2026-02-15 00:00+00", "850", "0"),
        ("2026-03-01 00:00+00", "1170", "0"),
        ("2026-04-01 00:00+00", "1160", "0"),
    ] {
        assert_eq!(
            s.list(&format!("SELECT trim_scale(allowance), trim_scale(credits) FROM credits_balance_at('a', '{at}')")),
            [format!("{allowance}|{credits}")],
            "{at}"
        );
    }
    let recorded = history(&mut s, 0);
    for (at, expected) in instants.iter().zip(&ahead) {
        s.at(at);
        assert_eq!(&figures(&mut s), expected, "{at}");
    }
    assert_eq!(history(&mut s, 0), recorded, "reads write nothing");
    s.run("SELECT credits_maintain()");
    assert_eq!(&figures(&mut s), ahead.last().expect("the last one"));
    sound(&mut s);
}

/// What views show of time's effects is what maintenance then records.
#[test]
fn shown_and_recorded_are_the_same() {
    let mut s = opened("2026-01-01 00:00+00", ", 40");
    shop(&mut s);
    for (account, call) in [
        ("down", "credits_change_plan('down', 'pro', 'basic', 'c')"),
        ("expire", "credits_change_plan('expire', 'pro', 'basic', 'c', unused_allowance => 'expire')"),
        ("seats", "credits_set_seats('seats', 'team', 2, 'c')"),
        ("gone", "credits_unsubscribe('gone', 'pro', 'c')"),
        ("left", "credits_unsubscribe('left', 'trial', 'c', 'now')"),
        ("later", "credits_change_plan('later', 'trial', 'pro', 'c', 'next_cycle')"),
        ("stay", "credits_debit('stay', 10, 'c')"),
    ] {
        s.run(&format!("SELECT credits_open_account('{account}', overdraft_limit => 5000)"));
        let plans: &[&str] = match account {
            "left" | "later" => &["trial"],
            _ => &["pro", "team", "basic"],
        };
        for plan in plans.iter().filter(|plan| **plan != "basic" || account == "stay") {
            s.run(&format!("SELECT credits_subscribe('{account}', '{plan}', '{plan}', 5)"));
        }
        s.run(&format!("SELECT credits_grant('{account}', 9, 'g', 'promo', expires_after_cycles => 2)"));
        s.run(&format!("SELECT credits_debit('{account}', {}, 'd')", 100 * account.len()));
        s.run(&format!("SELECT {call}"));
    }
    s.run("SELECT credits_debit('seats', 4000, 'debt')");
    let shown = |s: &mut Session| {
        let mut all = s.list(&format!("SELECT account, {FIGURES}, as_of FROM credits_accounts ORDER BY account"));
        all.extend(s.list(
            "SELECT account, lot, kind, plan, amount, remaining, held, status, effective_at, expires_at, expires_by_cycle, entry
             FROM credits_grants ORDER BY account, lot",
        ));
        all.extend(s.list("SELECT account, lot, kind, remaining, expires_at FROM credits_expiring ORDER BY 1, 2"));
        all
    };
    for (n, now) in [
        "2026-01-31 23:59:59.999999+00",
        "2026-02-01 00:00+00",
        "2026-02-10 00:00+00",
        "2026-02-15 00:00+00",
        "2026-03-01 00:00+00",
        "2026-07-09 00:00+00",
    ]
    .into_iter()
    .enumerate()
    {
        s.at(now);
        s.run(&format!("SELECT * FROM credits_define_plan('team', {}, true)", 100 + 7 * n));
        s.run("BEGIN TRANSACTION READ ONLY");
        let count = s.one("SELECT count(*) FROM credits_history");
        let before = shown(&mut s);
        let by_function = s.list(&format!(
            "SELECT a.account, b.*, a.as_of FROM credits_accounts a, LATERAL (SELECT {FIGURES} FROM credits_balance(a.account)) b
             ORDER BY 1"
        ));
        assert_eq!(by_function, before[..8], "credits_balance and credits_accounts at {now}");
        assert_eq!(s.one("SELECT count(*) FROM credits_history"), count);
        s.run("COMMIT");
        s.run("SELECT credits_maintain()");
        assert_eq!(shown(&mut s), before, "before and after credits_maintain at {now}");
        sound(&mut s);
    }
}

// Cycles ended by hand

/// A webhook ends the cycle: what is pending takes effect, and all plans are granted anew, on the new series.
#[test]
fn a_reset_takes_all_plans_along() {
    let mut s = opened("2026-01-01 00:00+00", "");
    shop(&mut s);
    s.run("SELECT credits_subscribe('a', 'pro', 'k1')");
    s.run("SELECT credits_subscribe('a', 'team', 'k2', 5)");
    s.run("SELECT credits_subscribe('a', 'free', 'k3')");
    s.run("SELECT credits_debit('a', 700, 'd')");
    s.run("SELECT credits_change_plan('a', 'pro', 'basic', 'c1')");
    s.run("SELECT credits_set_seats('a', 'team', 2, 's1')");
    s.run("SELECT credits_unsubscribe('a', 'free', 'u1')");
    s.at("2026-01-20 09:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt', '2026-01-20 08:00+00')").has(&[
        ("cycle", "2"),
        ("cycle_start", "2026-01-20 09:00:00+00"),
        ("cycle_end", "2026-02-20 08:00:00+00"),
        ("cycles_closed", "1"),
        ("expired", "770"),
        ("rolled_over", "30"),
        ("granted", "700"),
        ("balance", "730"),
        ("allowance", "730"),
        ("credits", "0"),
        ("replayed", "f"),
    ]);
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f", "team|2|NULL|NULL|f"]);
    let last = history(&mut s, 8).pop();
    assert_eq!(last.as_deref(), Some("reset|NULL|0|730"), "after the closing that it causes");
    assert_eq!(
        closing(&mut s, 8),
        [
            "allowance|basic|500",
            "allowance|team|200",
            "expire|pro|-270",
            "expire|team|-500",
            "reset|NULL|0",
            "rollover|pro|0"
        ]
    );
    // High-water marks begin anew with the cycle.
    s.row("SELECT * FROM credits_set_seats('a', 'team', 5, 's2')").has(&[("amount", "300")]);
    s.row("SELECT * FROM credits_change_plan('a', 'basic', 'pro', 'c2')").has(&[("amount", "1000")]);
    s.at("2026-02-20 08:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("cycle_start", "2026-02-20 08:00:00+00"),
        ("cycle_end", "2026-03-20 08:00:00+00"),
        ("allowance_granted", "1500"),
    ]);
    // The provider's stale webhook does nothing.
    s.row("SELECT * FROM credits_reset_cycle('a', 'stale', '2026-02-20 08:00+00')").has(&[
        ("cycles_closed", "1"),
        ("granted", "1500"),
        ("cycle", "3"),
    ]);
    s.row("SELECT * FROM credits_reset_cycle('a', 'stale 2', '2026-02-20 08:00+00')").has(&[
        ("cycles_closed", "0"),
        ("granted", "0"),
        ("cycle", "3"),
    ]);
    sound(&mut s);
}

/// On a manual account a plan's cycle has no end of its own: everything waits for the reset.
#[test]
fn manual_accounts() {
    let mut s = opened("2026-01-01 00:00+00", ", cycle_length => '0'");
    shop(&mut s);
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'pro', 'k1')").has(&[("entry", "2"), ("amount", "1000")]);
    assert_eq!(running(&mut s), "1000|0|1000|2026-01-10 00:00:00+00|NULL");
    assert_eq!(s.list("SELECT expires_at FROM credits_grants"), ["NULL"]);
    assert_eq!(s.list("SELECT lot, expires_at FROM credits_expiring"), ["1|NULL"], "it will, though not when");
    s.at("2027-05-05 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'team', 'k2', 4)").has(&[("amount", "400"), ("balance", "1400")]);
    s.run("SELECT credits_change_plan('a', 'pro', 'basic', 'c1')");
    s.run("SELECT credits_set_seats('a', 'team', 2, 's1')");
    assert_eq!(held(&mut s), ["pro|1|basic|NULL|f", "team|4|NULL|2|f"]);
    assert_eq!(s.list("SELECT DISTINCT pending_at FROM credits_subscriptions"), ["NULL"]);
    s.at("2029-05-05 00:00+00");
    assert_eq!(running(&mut s), "1400|0|1400|2026-01-10 00:00:00+00|NULL");
    s.row("SELECT * FROM credits_reset_cycle('a', 'r1')").has(&[
        ("cycles_closed", "1"),
        ("rolled_over", "100"),
        ("expired", "1300"),
        ("granted", "700"),
        ("allowance", "800"),
        ("cycle_start", "2029-05-05 00:00:00+00"),
        ("cycle_end", "NULL"),
    ]);
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f", "team|2|NULL|NULL|f"]);
    assert_eq!(running(&mut s), "800|0|700|2029-05-05 00:00:00+00|NULL");
    // An upgrade acts at once here, too.
    s.row("SELECT * FROM credits_change_plan('a', 'basic', 'pro', 'c2')")
        .has(&[("amount", "1000"), ("balance", "1800")]);
    sound(&mut s);

    // Where something has happened before, the first plan ends that cycle.
    let mut s = opened("2026-01-01 00:00+00", ", cycle_length => '0'");
    shop(&mut s);
    s.run("SELECT credits_grant('a', 5, 'bought')");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_subscribe('a', 'basic', 'k1')");
    assert_eq!(running(&mut s), "500|5|500|2026-01-10 00:00:00+00|NULL");
    assert_eq!(s.one("SELECT cycle FROM credits_balance('a')"), "2");
    assert_eq!(lots(&mut s), ["purchase|NULL|5|5|active", "allowance|basic|500|500|active"]);
    sound(&mut s);

    // A trial without a period, then its conversion.
    let mut s = opened("2026-01-01 00:00+00", ", cycle_length => '0'");
    shop(&mut s);
    s.run("SELECT credits_subscribe('a', 'trial', 'k1')");
    s.at("2026-02-14 23:59:59.999999+00");
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "300");
    s.at("2026-02-20 00:00+00");
    s.row("SELECT * FROM credits_change_plan('a', 'trial', 'pro', 'k2')")
        .has(&[("amount", "1000"), ("balance", "1000")]);
    assert_eq!(running(&mut s), "1000|0|1000|2026-02-20 00:00:00+00|NULL");
    sound(&mut s);
}

/// Other lengths than months: plans follow the account's cycle, whatever it is.
#[test]
fn other_lengths() {
    for (length, zone) in
        [("7 days", "America/New_York"), ("1 year", "UTC"), ("36 hours", "Europe/Berlin"), ("3 months", "Pacific/Apia")]
    {
        let mut s = opened("2028-02-20 12:00+00", &format!(", cycle_length => '{length}', time_zone => '{zone}'"));
        shop(&mut s);
        s.at("2028-02-29 12:00:00+00");
        s.run("SELECT credits_subscribe('a', 'team', 'k', 2)");
        let bounds = boundaries(&mut s, "2028-02-29 12:00+00", length, zone, 8);
        for pair in bounds.windows(2) {
            s.at(&pair[0]);
            assert_eq!(running(&mut s), format!("200|0|200|{}|{}", pair[0], pair[1]), "{length} {zone}");
        }
        s.run("SELECT credits_maintain()");
        sound(&mut s);
    }
}

/// After another length or anchor was configured, the plan's cycle ends when it was said to end, and the new series
/// goes on from there.
#[test]
fn another_calendar() {
    let mut s = opened("2026-01-01 00:00+00", "");
    shop(&mut s);
    s.run("SELECT credits_subscribe('a', 'team', 'k', 2)");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT credits_configure_account('a', cycle_length => '10 days')");
    assert_eq!(running(&mut s), "200|0|200|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00");
    s.at("2026-02-01 00:00+00");
    // Ten days from 1 January: the 11th, 21st, 31st, and 10 February.
    assert_eq!(running(&mut s), "200|0|200|2026-02-01 00:00:00+00|2026-02-10 00:00:00+00");
    s.at("2026-02-10 00:00+00");
    assert_eq!(running(&mut s), "200|0|200|2026-02-10 00:00:00+00|2026-02-20 00:00:00+00");
    // An allowance of its own comes from the next cycle on.
    s.run("SELECT credits_configure_account('a', allowance => 33)");
    assert_eq!(running(&mut s), "200|0|200|2026-02-10 00:00:00+00|2026-02-20 00:00:00+00");
    s.at("2026-02-20 00:00+00");
    assert_eq!(running(&mut s), "233|0|233|2026-02-20 00:00:00+00|2026-03-02 00:00:00+00");
    sound(&mut s);
}

/// What a boundary brings may last longer than the calendar, which ends with the year 262142. Time does not fail for it: the account is read and used as
/// before, what rolled over lives on, and the trial lasts.
#[test]
fn where_the_calendar_ends() {
    let mut s = opened("262140-05-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('roll', 100, rollover_percent => 50, rollover_cycles => 1000)");
    s.run("SELECT * FROM credits_define_plan('basic', 20)");
    s.run("SELECT * FROM credits_define_plan('trial', 30, trial => true, trial_period => '100 years')");
    s.run("SELECT * FROM credits_subscribe('a', 'roll', 'k1')");
    s.run("SELECT * FROM credits_subscribe('a', 'basic', 'k2')");
    s.run("SELECT * FROM credits_change_plan('a', 'basic', 'trial', 'k3', 'next_cycle')");
    s.at("262140-06-02 00:00+00");
    let june = "150|30|100|262140-06-01 00:00:00+00|262140-07-01 00:00:00+00";
    assert_eq!(running(&mut s), june);
    assert_eq!(s.list("SELECT trim_scale(balance) FROM credits_accounts"), ["180"]);
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), june);
    assert_eq!(
        s.list(
            "SELECT kind, plan, trim_scale(remaining), expires_at FROM credits_grants
             WHERE status = 'active' ORDER BY kind"
        ),
        ["allowance|roll|100|262140-07-01 00:00:00+00", "rollover|roll|50|NULL", "trial|trial|30|NULL"]
    );
    sound(&mut s);
    s.row("SELECT * FROM credits_debit('a', 10, 'd')").has(&[("balance", "170"), ("from_allowance", "10")]);
    s.at("262140-08-02 00:00+00");
    // 40 of 50 are left of June's, and 50 each of the two months since.
    assert_eq!(running(&mut s), "240|30|100|262140-08-01 00:00:00+00|262140-09-01 00:00:00+00");
    s.row("SELECT * FROM credits_close_account('a', 'left')").has(&[("balance", "0")]);
    sound(&mut s);
}
