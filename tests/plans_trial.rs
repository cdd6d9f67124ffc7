//! Trials: given once, ever; for their period or until another plan takes their place, which begins a new cycle.

use credits_ledger_tests::Session;

#[path = "plans/books.rs"]
mod books;

use books::{closing, held, history, lots, opened, running, sound};

/// An account opened on 1 January, trials of 1000 with and without a period, and plans to convert to.
fn shop(settings: &str) -> Session {
    let mut s = opened("2026-01-01 00:00+00", settings);
    s.run("SELECT * FROM credits_define_plan('trial', 1000, trial => true, trial_period => '14 days')");
    s.run("SELECT * FROM credits_define_plan('open', 1000, trial => true)");
    s.run("SELECT * FROM credits_define_plan('basic', 500, rank => 1)");
    s.run("SELECT * FROM credits_define_plan('pro', 2000, rank => 2)");
    s.run("SELECT * FROM credits_define_plan('pro trial', 700, rank => 2, trial => true)");
    s.run("SELECT * FROM credits_define_plan('team', 100, per_seat => true, rank => 1)");
    s
}

#[test]
fn a_trial_is_a_lot_of_its_own_kind() {
    let mut s = shop("");
    s.at("2026-01-10 12:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'trial', 'k1')").has(&[
        ("entry", "2"),
        ("operation", "subscribe"),
        ("amount", "1000"),
        ("from_allowance", "0"),
        ("from_credits", "1000"),
        ("overdraft", "0"),
        ("balance", "1000"),
        ("allowance", "0"),
        ("credits", "1000"),
        ("available", "1000"),
    ]);
    // As the first plan it begins a cycle.
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("cycle", "1"),
        ("cycle_start", "2026-01-10 12:00:00+00"),
        ("cycle_end", "2026-02-10 12:00:00+00"),
    ]);
    s.row("SELECT * FROM credits_grants WHERE account = 'a'").has(&[
        ("lot", "1"),
        ("entry", "2"),
        ("kind", "trial"),
        ("plan", "trial"),
        ("amount", "1000"),
        ("remaining", "1000"),
        ("priority", "50"),
        ("features", "NULL"),
        ("effective_at", "2026-01-10 12:00:00+00"),
        ("expires_at", "2026-01-24 12:00:00+00"),
        ("status", "active"),
        ("idempotency_key", "k1"),
    ]);
    s.row("SELECT * FROM credits_history WHERE account = 'a' AND entry = 2").has(&[
        ("operation", "subscribe"),
        ("kind", "trial"),
        ("plan", "trial"),
        ("amount", "1000"),
        ("from_allowance", "0"),
        ("from_credits", "1000"),
    ]);
    assert_eq!(held(&mut s), ["trial|1|NULL|NULL|f"]);
    s.row("SELECT * FROM credits_debit('a', 300, 'd')").has(&[("from_allowance", "0"), ("from_credits", "300")]);
    // Its period over, what is left of it expires. It does not come again.
    s.at("2026-01-24 11:59:59.999999+00");
    assert_eq!(s.one("SELECT trim_scale(credits) FROM credits_balance('a')"), "700");
    s.at("2026-01-24 12:00+00");
    assert_eq!(s.one("SELECT trim_scale(credits) FROM credits_balance('a')"), "0");
    s.at("2026-03-20 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(history(&mut s, 2), ["debit|NULL|-300|700", "expire|trial|-700|0"]);
    assert_eq!(s.one("SELECT effective_at FROM credits_history WHERE operation = 'expire'"), "2026-01-24 12:00:00+00");
    assert_eq!(lots(&mut s), ["trial|trial|1000|0|expired"]);
    assert_eq!(held(&mut s), ["trial|1|NULL|NULL|f"], "the plan is held on");
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("balance", "0"),
        ("cycle", "3"),
        ("cycle_start", "2026-03-10 12:00:00+00"),
    ]);
    sound(&mut s);
}

/// The period is added in the account's local time, as all lengths are.
#[test]
fn the_period_in_local_time() {
    for (zone, now, period) in [
        ("America/New_York", "2026-03-01 17:00+00", "14 days"),
        ("America/New_York", "2026-10-20 04:30+00", "1 month"),
        ("Europe/Berlin", "2028-01-31 10:00+00", "1 month"),
        ("Europe/Berlin", "2026-03-28 12:00+00", "24 hours"),
        ("Europe/Berlin", "2026-03-28 12:00+00", "1 day 12 hours"),
    ] {
        let mut s = opened(now, &format!(", time_zone => '{zone}'"));
        s.run(&format!("SELECT * FROM credits_define_plan('trial', 9, trial => true, trial_period => '{period}')"));
        s.run("SELECT credits_subscribe('a', 'trial', 'k')");
        let expected = s.one(&format!(
            "SELECT ((timestamptz '{now}' AT TIME ZONE '{zone}') + interval '{period}') AT TIME ZONE '{zone}'"
        ));
        assert_eq!(s.one("SELECT expires_at FROM credits_grants"), expected, "{zone} {now} + {period}");
        s.at(&expected);
        assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "0", "{zone} {now} + {period}");
        sound(&mut s);
    }
}

/// Without a period it lasts over the ends of cycles, and never renews.
#[test]
fn a_trial_without_a_period_lasts() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'open', 'k1')");
    assert_eq!(s.one("SELECT expires_at FROM credits_grants"), "NULL");
    s.run("SELECT credits_debit('a', 100, 'd')");
    s.at("2026-04-15 00:00+00");
    assert_eq!(
        s.list("SELECT trim_scale(allowance), trim_scale(credits), cycle FROM credits_balance('a')"),
        ["0|900|4"]
    );
    s.run("SELECT credits_maintain()");
    assert_eq!(history(&mut s, 3), Vec::<String>::new(), "closings have nothing to write");
    assert_eq!(lots(&mut s), ["trial|open|1000|900|active"]);
    sound(&mut s);
}

// Conversion

/// Subscribing to a plan that is no trial begins a new cycle, and the trial is over.
#[test]
fn subscribing_converts() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'trial', 'k1')");
    s.run("SELECT credits_grant('a', 50, 'bought')");
    s.run("SELECT credits_debit('a', 400, 'd')");
    s.at("2026-01-08 09:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'basic', 'k2')").has(&[
        ("operation", "subscribe"),
        ("amount", "500"),
        ("from_allowance", "500"),
        ("from_credits", "0"),
        ("balance", "550"),
        ("allowance", "500"),
        ("credits", "50"),
    ]);
    assert_eq!(running(&mut s), "500|50|500|2026-01-08 09:00:00+00|2026-02-08 09:00:00+00");
    assert_eq!(s.one("SELECT anchor FROM credits_accounts WHERE account = 'a'"), "2026-01-08 09:00:00+00");
    assert_eq!(history(&mut s, 4), ["expire|trial|-600|50", "subscribe|basic|500|550"]);
    assert_eq!(
        s.list("SELECT cycle, cycle_start, cycle_end, trim_scale(used) FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
        [
            "1|2026-01-01 00:00:00+00|2026-01-08 09:00:00+00|400",
            "2|2026-01-08 09:00:00+00|2026-02-08 09:00:00+00|0"
        ]
    );
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f"], "the trial is no longer held");
    assert_eq!(
        lots(&mut s),
        ["purchase|NULL|50|50|active", "trial|trial|1000|0|expired", "allowance|basic|500|500|active"]
    );
    s.at("2026-02-08 09:00+00");
    assert_eq!(running(&mut s), "500|50|500|2026-02-08 09:00:00+00|2026-03-08 09:00:00+00");
    sound(&mut s);
}

#[test]
fn subscribing_converts_to_an_anchor() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'trial', 'k1')");
    s.at("2026-01-08 09:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'basic', 'k2', anchor => '2026-01-15 00:00+00')")
        .has(&[("amount", "500"), ("balance", "500")]);
    assert_eq!(running(&mut s), "500|0|500|2026-01-08 09:00:00+00|2026-01-15 00:00:00+00");
    s.at("2026-01-15 00:00+00");
    assert_eq!(running(&mut s), "500|0|500|2026-01-15 00:00:00+00|2026-02-15 00:00:00+00");
    sound(&mut s);
}

/// So does changing to one, whatever the ranks say; seats are carried over.
#[test]
fn changing_converts() {
    for (trial, to, amount) in
        [("trial", "pro", 2000), ("pro trial", "basic", 500), ("pro trial", "pro", 2000), ("open", "team", 400)]
    {
        let mut s = shop("");
        s.run(&format!("SELECT credits_subscribe('a', '{trial}', 'k1', 4)"));
        let given: i64 = s.one("SELECT trim_scale(credits) FROM credits_balance('a')").parse().expect("an amount");
        s.run("SELECT credits_debit('a', 100, 'd')");
        s.at("2026-01-08 09:00+00");
        s.row(&format!("SELECT * FROM credits_change_plan('a', '{trial}', '{to}', 'k2')")).has(&[
            ("operation", "change_plan"),
            ("amount", &amount.to_string()),
            ("from_allowance", &amount.to_string()),
            ("from_credits", "0"),
            ("balance", &amount.to_string()),
            ("credits", "0"),
        ]);
        assert_eq!(
            running(&mut s),
            format!("{amount}|0|{amount}|2026-01-08 09:00:00+00|2026-02-08 09:00:00+00"),
            "{trial} to {to}"
        );
        assert_eq!(
            history(&mut s, 3),
            [format!("expire|{trial}|-{}|0", given - 100), format!("change_plan|{to}|{amount}|{amount}")]
        );
        assert_eq!(held(&mut s), [format!("{to}|4|NULL|NULL|f")]);
        s.at("2026-02-08 09:00+00");
        assert_eq!(
            running(&mut s),
            format!("{amount}|0|{amount}|2026-02-08 09:00:00+00|2026-03-08 09:00:00+00"),
            "{trial} to {to}"
        );
        sound(&mut s);
    }
}

/// Asked to wait for the next cycle, a conversion waits; until then the trial is what it was.
#[test]
fn a_conversion_may_wait() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'open', 'k1')");
    s.at("2026-01-08 09:00+00");
    s.row("SELECT * FROM credits_change_plan('a', 'open', 'pro', 'k2', 'next_cycle')")
        .has(&[("amount", "0"), ("balance", "1000")]);
    assert_eq!(held(&mut s), ["open|1|pro|NULL|f"]);
    s.at("2026-01-31 23:59:59.999999+00");
    assert_eq!(s.list("SELECT trim_scale(allowance), trim_scale(credits) FROM credits_balance('a')"), ["0|1000"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), "2000|0|2000|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), "2000|0|2000|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"]);
    assert_eq!(lots(&mut s), ["trial|open|1000|0|expired", "allowance|pro|2000|2000|active"]);
    sound(&mut s);
}

/// A trial that has run out, or is used up, is a trial still: the plan after it begins its own cycle.
#[test]
fn converting_late() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'trial', 'k1')");
    s.at("2026-01-20 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'pro', 'k2')").has(&[("amount", "2000"), ("balance", "2000")]);
    assert_eq!(running(&mut s), "2000|0|2000|2026-01-20 00:00:00+00|2026-02-20 00:00:00+00");
    assert_eq!(history(&mut s, 2), ["expire|trial|-1000|0", "subscribe|pro|2000|2000"]);
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"]);
    sound(&mut s);

    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'open', 'k1')");
    s.run("SELECT credits_debit('a', 1000, 'd')");
    s.at("2026-03-20 00:00+00");
    s.row("SELECT * FROM credits_change_plan('a', 'open', 'pro', 'k2')")
        .has(&[("amount", "2000"), ("balance", "2000")]);
    assert_eq!(running(&mut s), "2000|0|2000|2026-03-20 00:00:00+00|2026-04-20 00:00:00+00");
    assert_eq!(history(&mut s, 3), ["change_plan|pro|2000|2000"], "nothing was left to expire");
    sound(&mut s);
}

/// After the conversion, plans are plans.
#[test]
fn after_the_conversion() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'trial', 'k1')");
    s.at("2026-01-08 00:00+00");
    s.run("SELECT credits_subscribe('a', 'basic', 'k2')");
    s.at("2026-01-10 00:00+00");
    // One joins, one is an upgrade; neither begins a cycle.
    s.row("SELECT * FROM credits_subscribe('a', 'team', 'k3', 2)").has(&[("amount", "200"), ("balance", "700")]);
    s.row("SELECT * FROM credits_change_plan('a', 'basic', 'pro', 'k4')")
        .has(&[("amount", "2000"), ("balance", "2700")]);
    assert_eq!(running(&mut s), "2700|0|2700|2026-01-08 00:00:00+00|2026-02-08 00:00:00+00");
    assert_eq!(s.error("SELECT credits_change_plan('a', 'trial', 'pro', 'x')").code, "LC005", "pro is held");
    assert_eq!(s.error("SELECT credits_change_plan('a', 'trial', 'basic', 'x')").code, "LC006");
    assert_eq!(s.error("SELECT credits_unsubscribe('a', 'trial', 'x')").code, "LC006");
    sound(&mut s);
}

// Once, ever

#[test]
fn once_ever() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'trial', 'k1')");
    s.run("SELECT credits_unsubscribe('a', 'trial', 'u1', 'now')");
    s.row("SELECT * FROM credits_subscribe('a', 'trial', 'k2')").has(&[
        ("accepted", "t"),
        ("amount", "0"),
        ("from_credits", "0"),
        ("balance", "1000"),
    ]);
    s.run("SELECT credits_unsubscribe('a', 'trial', 'u2')");
    // Not in later cycles, not after another definition of it, not by a change.
    s.at("2026-03-05 00:00+00");
    s.run("SELECT * FROM credits_define_plan('trial', 5000, trial => true)");
    s.row("SELECT * FROM credits_subscribe('a', 'trial', 'k3')").has(&[("amount", "0"), ("balance", "0")]);
    s.run("SELECT credits_unsubscribe('a', 'trial', 'u3', 'now')");
    s.run("SELECT credits_subscribe('a', 'basic', 'k4')");
    s.row("SELECT * FROM credits_change_plan('a', 'basic', 'trial', 'k5', 'now')").has(&[("amount", "0")]);
    s.at("2026-08-05 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(s.list("SELECT count(*), trim_scale(sum(amount)) FROM credits_grants WHERE kind = 'trial'"), ["1|1000"]);
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "0");
    // Each trial plan is one, and each account has its own.
    s.row("SELECT * FROM credits_subscribe('a', 'open', 'k6')").has(&[("amount", "1000"), ("from_credits", "1000")]);
    s.run("SELECT credits_open_account('b')");
    s.row("SELECT * FROM credits_subscribe('b', 'trial', 'k1')").has(&[("amount", "5000")]);
    sound(&mut s);
}

/// More seats bring nothing to a trial that is not by seats, and no cycle renews one.
#[test]
fn seats_do_not_renew_a_trial() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'open', 'k1', 2)");
    s.row("SELECT * FROM credits_set_seats('a', 'open', 50, 's1')").has(&[("amount", "0"), ("balance", "1000")]);
    s.at("2026-02-03 00:00+00");
    s.row("SELECT * FROM credits_set_seats('a', 'open', 60, 's2')").has(&[("amount", "0"), ("balance", "1000")]);
    assert_eq!(lots(&mut s), ["trial|open|1000|1000|active"]);
    sound(&mut s);
}

/// Given up, it lasts to the end of the cycle, like what any plan brought.
#[test]
fn a_trial_given_up() {
    for (takes_effect, pending) in [("now", vec![]), ("next_cycle", vec!["open|1|NULL|NULL|t".to_owned()])] {
        let mut s = shop("");
        s.run("SELECT credits_subscribe('a', 'open', 'k1')");
        s.at("2026-01-08 00:00+00");
        s.row(&format!("SELECT * FROM credits_unsubscribe('a', 'open', 'u1', '{takes_effect}')"))
            .has(&[("amount", "0"), ("balance", "1000")]);
        assert_eq!(held(&mut s), pending, "{takes_effect}");
        s.at("2026-01-31 23:59:59.999999+00");
        assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "1000", "{takes_effect}");
        s.at("2026-02-01 00:00+00");
        assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "0", "{takes_effect}");
        s.run("SELECT credits_maintain()");
        assert_eq!(history(&mut s, 3), ["expire|open|-1000|0"], "{takes_effect}");
        assert_eq!(held(&mut s), Vec::<String>::new(), "{takes_effect}");
        sound(&mut s);
    }
}

// With other plans

/// A trial on top of a plan joins its cycle.
#[test]
fn a_trial_joins() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'basic', 'k1')");
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'trial', 'k2')").has(&[
        ("amount", "1000"),
        ("from_allowance", "0"),
        ("from_credits", "1000"),
        ("balance", "1500"),
    ]);
    s.row("SELECT * FROM credits_balance('a')").has(&[
        ("cycle", "1"),
        ("cycle_start", "2026-01-01 00:00:00+00"),
        ("cycle_end", "2026-02-01 00:00:00+00"),
        ("allowance", "500"),
        ("credits", "1000"),
    ]);
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f", "trial|1|NULL|NULL|f"]);
    // The allowance is drawn before it.
    s.row("SELECT * FROM credits_debit('a', 600, 'd')").has(&[("from_allowance", "500"), ("from_credits", "100")]);
    s.at("2026-01-24 00:00+00");
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "0");
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), "500|0|500|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    assert_eq!(closing(&mut s, 4), ["allowance|basic|500", "expire|trial|-900"]);
    sound(&mut s);
}

/// One trial is no conversion of another.
#[test]
fn a_trial_besides_a_trial() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'open', 'k1')");
    s.at("2026-01-05 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'pro trial', 'k2')").has(&[("amount", "700"), ("balance", "1700")]);
    s.row("SELECT * FROM credits_balance('a')").has(&[("cycle", "1"), ("cycle_start", "2026-01-01 00:00:00+00")]);
    assert_eq!(held(&mut s), ["open|1|NULL|NULL|f", "pro trial|1|NULL|NULL|f"]);
    sound(&mut s);
}

/// Whatever plan replaces one of several trials ends all of them, at once and once.
#[test]
fn a_conversion_ends_every_trial() {
    for convert in ["credits_change_plan('a', 'open', 'basic', 'k3')", "credits_subscribe('a', 'basic', 'k3')"] {
        let mut s = shop("");
        s.run("SELECT credits_subscribe('a', 'open', 'k1')");
        s.run("SELECT credits_subscribe('a', 'pro trial', 'k2')");
        s.at("2026-01-08 00:00+00");
        s.row(&format!("SELECT * FROM {convert}")).has(&[("amount", "500"), ("balance", "500")]);
        assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f"], "{convert}");
        assert_eq!(running(&mut s), "500|0|500|2026-01-08 00:00:00+00|2026-02-08 00:00:00+00", "{convert}");
        assert_eq!(
            lots(&mut s),
            ["trial|open|1000|0|expired", "trial|pro trial|700|0|expired", "allowance|basic|500|500|active"],
            "{convert}"
        );
        // There is no trial left to convert from, and so no second cycle.
        s.at("2026-01-09 00:00+00");
        let error = s.error("SELECT credits_change_plan('a', 'pro trial', 'pro', 'k4')");
        assert_eq!(error.code, "LC006", "{convert}: {error}");
        s.row("SELECT * FROM credits_change_plan('a', 'basic', 'pro', 'k5')")
            .has(&[("amount", "2000"), ("balance", "2500")]);
        assert_eq!(running(&mut s), "2500|0|2500|2026-01-08 00:00:00+00|2026-02-08 00:00:00+00", "{convert}");
        sound(&mut s);
    }
}

/// A trial that was given up and is taken up again while it lasts runs, though it grants nothing: the next plan converts.
#[test]
fn a_trial_taken_up_again_converts() {
    for convert in ["credits_change_plan('a', 'open', 'pro', 'k3')", "credits_subscribe('a', 'pro', 'k3')"] {
        let mut s = shop(", allowance => 10");
        s.at("2026-01-05 00:00+00");
        s.run("SELECT credits_subscribe('a', 'open', 'k1')");
        s.run("SELECT credits_unsubscribe('a', 'open', 'u1', 'now')");
        s.row("SELECT * FROM credits_subscribe('a', 'open', 'k2')").has(&[("amount", "0"), ("balance", "1010")]);
        s.at("2026-01-08 00:00+00");
        s.row(&format!("SELECT * FROM {convert}")).has(&[("amount", "2000"), ("balance", "2010")]);
        assert_eq!(running(&mut s), "2010|0|2010|2026-01-08 00:00:00+00|2026-02-08 00:00:00+00", "{convert}");
        assert_eq!(
            lots(&mut s),
            [
                "allowance|NULL|10|0|expired",
                "trial|open|1000|0|expired",
                "allowance|NULL|10|10|active",
                "allowance|pro|2000|2000|active"
            ],
            "{convert}"
        );
        assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"], "{convert}");
        sound(&mut s);
    }
}

/// Changing up to a trial gives it now, on the running cycle; from there to the plan itself is a conversion.
#[test]
fn an_upgrade_to_a_trial() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'basic', 'k1')");
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_change_plan('a', 'basic', 'pro trial', 'k2')").has(&[
        ("amount", "700"),
        ("from_allowance", "0"),
        ("from_credits", "700"),
        ("balance", "1200"),
        ("allowance", "500"),
        ("credits", "700"),
    ]);
    assert_eq!(lots(&mut s), ["allowance|basic|500|500|active", "trial|pro trial|700|700|active"]);
    s.row("SELECT * FROM credits_balance('a')").has(&[("cycle", "1"), ("cycle_end", "2026-02-01 00:00:00+00")]);
    s.at("2026-02-05 00:00+00");
    assert_eq!(s.list("SELECT trim_scale(allowance), trim_scale(credits) FROM credits_balance('a')"), ["0|700"]);
    s.row("SELECT * FROM credits_change_plan('a', 'pro trial', 'pro', 'k3')")
        .has(&[("amount", "2000"), ("balance", "2000")]);
    assert_eq!(running(&mut s), "2000|0|2000|2026-02-05 00:00:00+00|2026-03-05 00:00:00+00");
    assert_eq!(history(&mut s, 3), ["expire|basic|-500|700", "expire|pro trial|-700|0", "change_plan|pro|2000|2000"]);
    // The way back to the trial brings nothing.
    s.run("SELECT credits_unsubscribe('a', 'pro', 'u1', 'now')");
    s.row("SELECT * FROM credits_subscribe('a', 'pro trial', 'k4')").has(&[("amount", "0"), ("balance", "2000")]);
    sound(&mut s);
}

/// A pending change to a trial gives it at the boundary, recorded or not: a lot that no cycle's end takes.
#[test]
fn a_trial_that_a_pending_change_brings() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'basic', 'k1')");
    s.row("SELECT * FROM credits_change_plan('a', 'basic', 'open', 'k2')").has(&[("amount", "0"), ("balance", "500")]);
    s.at("2026-02-03 00:00+00");
    for _ in 0..2 {
        assert_eq!(s.list("SELECT trim_scale(allowance), trim_scale(credits) FROM credits_balance('a')"), ["0|1000"]);
        assert_eq!(
            s.list("SELECT kind, plan, effective_at, expires_at, expires_by_cycle FROM credits_grants WHERE status = 'active'"),
            ["trial|open|2026-02-01 00:00:00+00|NULL|f"]
        );
        assert_eq!(s.list("SELECT * FROM credits_expiring"), Vec::<String>::new());
        s.run("SELECT credits_maintain()");
    }
    s.at("2026-05-03 00:00+00");
    s.row("SELECT * FROM credits_change_plan('a', 'open', 'pro', 'k3')")
        .has(&[("amount", "2000"), ("balance", "2000")]);
    assert_eq!(running(&mut s), "2000|0|2000|2026-05-03 00:00:00+00|2026-06-03 00:00:00+00");
    sound(&mut s);
}

/// A held plan that is defined anew as a trial gives it at the next boundary, once; one that is a trial no more gives its
/// allowance from the next boundary on.
#[test]
fn a_plan_becomes_a_trial_and_a_trial_a_plan() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'basic', 'k1')");
    s.at("2026-02-10 00:00+00");
    s.run("SELECT credits_maintain()");
    s.run("SELECT * FROM credits_define_plan('basic', 600, trial => true)");
    s.at("2026-04-10 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(s.list("SELECT trim_scale(allowance), trim_scale(credits) FROM credits_balance('a')"), ["0|600"]);
    sound(&mut s);
    s.run("SELECT * FROM credits_define_plan('basic', 700)");
    s.at("2026-06-10 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list("SELECT cycle_start, trim_scale(granted) FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
        [
            "2026-01-01 00:00:00+00|500",
            "2026-02-01 00:00:00+00|500",
            "2026-03-01 00:00:00+00|0",
            "2026-04-01 00:00:00+00|0",
            "2026-05-01 00:00:00+00|700",
            "2026-06-01 00:00:00+00|700"
        ]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_grants WHERE kind = 'trial'"), "1");
    sound(&mut s);
}

/// What is recorded stays what it was, and adds up, also after a definition made with the clock set back.
#[test]
fn a_definition_before_what_is_recorded() {
    let mut s = shop("");
    s.run("SELECT credits_subscribe('a', 'basic', 'k1')");
    s.at("2026-03-15 00:00+00");
    s.run("SELECT credits_maintain()");
    let recorded = history(&mut s, 0);
    for now in ["2026-03-01 00:00+00", "2026-01-20 00:00+00", "2025-12-01 00:00+00"] {
        s.at(now);
        s.run("SELECT * FROM credits_define_plan('basic', 600, trial => true)");
        s.run("SELECT * FROM credits_define_plan('basic', 800, true, 5, 2, rollover_percent => 10)");
        sound(&mut s);
    }
    s.at("2026-03-16 00:00+00");
    assert_eq!(running(&mut s), "500|0|500|2026-03-01 00:00:00+00|2026-04-01 00:00:00+00");
    assert_eq!(history(&mut s, 0), recorded);
    assert_eq!(s.one("SELECT trim_scale(allowance) FROM credits_balance_at('a', '2026-02-15 00:00+00')"), "500");
    s.at("2026-05-15 00:00+00");
    s.run("SELECT credits_maintain()");
    sound(&mut s);
}

/// What is left of a trial does not roll over, whatever the plans say.
#[test]
fn nothing_of_a_trial_rolls_over() {
    let mut s = shop("");
    s.run("SELECT * FROM credits_define_plan('roll', 100, trial => true, rollover_percent => 100)");
    s.run("SELECT * FROM credits_define_plan('paid', 300, rollover_percent => 100)");
    s.run("SELECT credits_subscribe('a', 'roll', 'k1')");
    s.at("2026-02-10 00:00+00");
    assert_eq!(s.list("SELECT trim_scale(allowance), trim_scale(credits) FROM credits_balance('a')"), ["0|100"]);
    s.run("SELECT credits_subscribe('a', 'paid', 'k2')");
    assert_eq!(running(&mut s), "300|0|300|2026-02-10 00:00:00+00|2026-03-10 00:00:00+00");
    assert_eq!(history(&mut s, 2), ["expire|roll|-100|0", "subscribe|paid|300|300"]);
    sound(&mut s);
}

/// Trials pay debt, as whatever reaches the account does.
#[test]
fn a_trial_pays_debt() {
    let mut s = shop(", overdraft_limit => 100");
    s.run("SELECT credits_debit('a', 60, 'd')");
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'trial', 'k1')").has(&[
        ("amount", "1000"),
        ("from_allowance", "0"),
        ("from_credits", "940"),
        ("overdraft", "-60"),
        ("balance", "940"),
    ]);
    sound(&mut s);
}

#[test]
fn replays_of_a_conversion() {
    let mut s = shop("");
    let trial = "SELECT to_jsonb(r) - 'replayed' FROM credits_subscribe('a', 'trial', 'k1') r";
    let convert = "SELECT to_jsonb(r) - 'replayed' FROM credits_change_plan('a', 'trial', 'pro', 'k2') r";
    let first = s.one(trial);
    s.at("2026-01-05 00:00+00");
    let second = s.one(convert);
    for now in ["2026-01-05 00:00+00", "2026-01-06 00:00+00", "2026-07-05 00:00+00"] {
        s.at(now);
        assert_eq!((s.one(trial), s.one(convert)), (first.clone(), second.clone()), "{now}");
    }
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"]);
    s.at("2026-01-06 00:00+00");
    assert_eq!(running(&mut s), "2000|0|2000|2026-01-05 00:00:00+00|2026-02-05 00:00:00+00");
    assert_eq!(lots(&mut s), ["trial|trial|1000|0|expired", "allowance|pro|2000|2000|active"]);
    assert_eq!(history(&mut s, 2), ["expire|trial|-1000|0", "change_plan|pro|2000|2000"]);
    sound(&mut s);
}
