//! Changes that cannot be, keys, and many sessions at once.

use super::*;

#[test]
fn changes_that_cannot_be() {
    let mut s = on("pro");
    s.run("SELECT credits_subscribe('a', 't1', 'sub-t')");
    let long = "x".repeat(256);
    for (call, code) in [
        ("credits_change_plan(NULL, 'pro', 'basic', 'k')", "LC005"),
        ("credits_change_plan('a', NULL, 'basic', 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', NULL, 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', NULL)", "LC005"),
        ("credits_change_plan('a', '', 'basic', 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', '', 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', '')", "LC005"),
        (&format!("credits_change_plan('a', 'pro', '{long}', 'k')"), "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'k', 'later')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'k', '')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'k', 'auto', 'roll')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'k', unused_allowance => 'Expire')", "LC005"),
        // To itself with nothing pending; to one that is held.
        ("credits_change_plan('a', 'pro', 'pro', 'k')", "LC005"),
        ("credits_change_plan('a', 'pro', 't1', 'k')", "LC005"),
        ("credits_change_plan('a', 't1', 'pro', 'k', 'next_cycle')", "LC005"),
        // Not held; not defined.
        ("credits_change_plan('a', 'basic', 'ultra', 'k')", "LC006"),
        ("credits_change_plan('a', 'gold', 'ultra', 'k')", "LC006"),
        ("credits_change_plan('a', 'pro', 'gold', 'k')", "LC006"),
        ("credits_change_plan('a', 'pro', 'gold', 'k', 'now')", "LC006"),
        ("credits_change_plan('a', 'pro', 'Basic', 'k')", "LC006"),
        // The order: form, key, account, state, what is not there.
        ("credits_change_plan('nobody', 'pro', 'basic', 'k', 'later')", "LC005"),
        ("credits_change_plan('a', 'pro', 'basic', 'sub', 'later')", "LC005"),
        ("credits_change_plan('a', 'gold', 'silver', 'sub')", "LC003"),
        ("credits_change_plan('nobody', 'gold', 'silver', 'k')", "LC002"),
        ("credits_change_plan('a', 'gold', 'pro', 'k')", "LC005"),
    ] {
        refused(&mut s, call, code);
    }
    assert_eq!(history(&mut s, 3), Vec::<String>::new());
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f", "t1|1|NULL|NULL|f"]);
    sound(&mut s);
}

#[test]
fn frozen_accounts_change_and_closed_ones_do_not() {
    let mut s = on("basic");
    s.run("SELECT credits_freeze_account('a', 'unpaid')");
    brings(&mut s, "basic", "pro", "", 1000);
    brings(&mut s, "pro", "basic", "", 0);
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f"]);
    s.run("SELECT credits_close_account('a', 'left')");
    for call in [
        "credits_change_plan('a', 'basic', 'pro', 'k')",
        "credits_change_plan('a', 'basic', 'basic', 'k')",
        "credits_change_plan('a', 'gold', 'silver', 'k')",
    ] {
        refused(&mut s, call, "LC011");
    }
    assert_eq!(held(&mut s), Vec::<String>::new());
    sound(&mut s);
}

/// More than the account can hold is refused, and nothing expired for it.
#[test]
fn a_change_beyond_all_measure() {
    let mut s = on("basic");
    s.run("SELECT * FROM credits_define_plan('huge', 99999999999999, rank => 9)");
    s.run("SELECT credits_grant('a', 1, 'bought')");
    refused(&mut s, "credits_change_plan('a', 'basic', 'huge', 'k')", "LC004");
    assert_eq!(held(&mut s), ["basic|1|NULL|NULL|f"]);
    assert_eq!(running(&mut s), format!("500|1|500|{JAN}"));
    sound(&mut s);
}

#[test]
fn one_key_changes_a_plan_once() {
    let mut s = on("basic");
    let calls = [
        "credits_change_plan('a', 'basic', 'pro', 'k1')",
        "credits_change_plan('a', 'pro', 'basic', 'k2', 'now', 'expire')",
        "credits_change_plan('a', 'basic', 'free', 'k3', 'next_cycle')",
        "credits_change_plan('a', 'basic', 'basic', 'k4')",
    ];
    let mut first = Vec::new();
    for call in calls {
        let receipt = format!("SELECT to_jsonb(r) - 'replayed' FROM {call} r");
        first.push(s.one(&receipt));
        assert_eq!(&s.one(&receipt), first.last().expect("a receipt"), "{call}");
    }
    s.run("SELECT * FROM credits_define_plan('pro', 4, rank => -5)");
    let count = s.one("SELECT count(*) FROM credits_history");
    for now in ["2026-01-20 00:00+00", "2026-05-20 00:00+00"] {
        s.at(now);
        for (call, expected) in calls.iter().zip(&first) {
            assert_eq!(&s.one(&format!("SELECT to_jsonb(r) - 'replayed' FROM {call} r")), expected, "{call} at {now}");
            assert_eq!(s.one(&format!("SELECT replayed FROM {call}")), "t", "{call} at {now}");
        }
    }
    assert_eq!(s.one("SELECT count(*) FROM credits_history"), count);
    for call in [
        "credits_change_plan('a', 'basic', 'ultra', 'k1')",
        "credits_change_plan('a', 'free', 'pro', 'k1')",
        "credits_change_plan('a', 'basic', 'pro', 'k1', 'now')",
        "credits_change_plan('a', 'basic', 'pro', 'k1', unused_allowance => 'expire')",
        "credits_change_plan('a', 'pro', 'basic', 'k2', 'now')",
        "credits_change_plan('a', 'pro', 'basic', 'k2')",
        "credits_subscribe('a', 'pro', 'k1')",
        "credits_unsubscribe('a', 'basic', 'k4')",
        "credits_change_plan('a', 'basic', 'pro', 'sub')",
    ] {
        refused(&mut s, call, "LC003");
    }
    // With its defaults spelled out it is the same request.
    assert_eq!(s.one("SELECT replayed FROM credits_change_plan('a', 'basic', 'pro', 'k1', 'auto', 'keep')"), "t");
    assert_eq!(s.one("SELECT replayed FROM credits_change_plan('a', 'basic', 'pro', 'k1', NULL, NULL)"), "t");
    sound(&mut s);
}

/// Sessions that upgrade at once, each with a key of its own: one of them does it, the others find it done.
#[test]
fn an_upgrade_by_many_at_once() {
    let db = credits_ledger_tests::Server::shared().database();
    let mut s = db.session();
    s.run("SELECT * FROM credits_define_plan('basic', 500, rank => 1)");
    s.run("SELECT * FROM credits_define_plan('pro', 1000, rank => 2)");
    s.run("SELECT credits_open_account('a')");
    s.run("SELECT credits_subscribe('a', 'basic', 'sub')");
    let threads: Vec<_> = (0..12)
        .map(|n| {
            let mut s = db.session();
            std::thread::spawn(move || {
                match s.try_run(&format!("SELECT credits_change_plan('a', 'basic', 'pro', 'k{n}')")) {
                    Ok(_) => "done".to_owned(),
                    Err(error) => error.code,
                }
            })
        })
        .collect();
    let mut ends: Vec<_> = threads.into_iter().map(|t| t.join().expect("an end")).collect();
    ends.sort();
    // Of those that come too late `pro` is held, which comes before `basic` is not.
    assert_eq!(ends[..11], vec!["LC005".to_owned(); 11]);
    assert_eq!(ends[11], "done");
    assert_eq!(held(&mut s), ["pro|1|NULL|NULL|f"]);
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "1500");
    sound(&mut s);
}
