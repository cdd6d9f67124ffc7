//! Plans that are not taken up: codes and their order, frozen and closed accounts, more than an account can hold.

use super::*;

#[test]
fn a_held_plan_is_not_taken_twice() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'team', 'k1', 3)");
    refused(&mut s, "credits_subscribe('a', 'team', 'k2', 3)", "LC005");
    refused(&mut s, "credits_subscribe('a', 'team', 'k2', 5)", "LC005");
    s.run("SELECT credits_unsubscribe('a', 'team', 'u1')");
    refused(&mut s, "credits_subscribe('a', 'team', 'k2', 3)", "LC005");
    assert_eq!(held(&mut s), ["team|3|NULL|NULL|t"]);
    assert_eq!(history(&mut s, 1), ["subscribe|team|300|300", "unsubscribe|team|0|300"]);
    // Another account has plans of its own.
    s.run("SELECT credits_open_account('b')");
    s.row("SELECT * FROM credits_subscribe('b', 'team', 'k2', 5)").has(&[("amount", "500")]);
    sound(&mut s);
}

#[test]
fn plans_that_are_not_there() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    refused(&mut s, "credits_subscribe('a', 'gold', 'k')", "LC006");
    refused(&mut s, "credits_subscribe('a', 'Base', 'k')", "LC006");
    for plan in ["gold", "base"] {
        refused(&mut s, &format!("credits_unsubscribe('a', '{plan}', 'k')"), "LC006");
        refused(&mut s, &format!("credits_unsubscribe('a', '{plan}', 'k', 'now')"), "LC006");
        refused(&mut s, &format!("credits_set_seats('a', '{plan}', 2, 'k')"), "LC006");
    }
    s.run("SELECT credits_subscribe('a', 'tier', 'k')");
    refused(&mut s, "credits_unsubscribe('a', 'base', 'k2')", "LC006");
    assert_eq!(entries(&mut s), "2");
    sound(&mut s);
}

#[test]
fn arguments_that_cannot_be() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    let long = "x".repeat(256);
    for call in [
        "credits_subscribe(NULL, 'base', 'k')",
        "credits_subscribe('a', NULL, 'k')",
        "credits_subscribe('a', 'base', NULL)",
        "credits_subscribe('', 'base', 'k')",
        "credits_subscribe('a', '', 'k')",
        "credits_subscribe('a', 'base', '')",
        "credits_subscribe('a', E'ba\\tse', 'k')",
        "credits_subscribe('a', 'base', E'k\\n')",
        &format!("credits_subscribe('{long}', 'base', 'k')"),
        &format!("credits_subscribe('a', '{long}', 'k')"),
        &format!("credits_subscribe('a', 'base', '{long}')"),
        "credits_subscribe('a', 'base', 'k', 0)",
        "credits_subscribe('a', 'base', 'k', -1)",
        "credits_subscribe('a', 'team', 'k', 0)",
        "credits_unsubscribe(NULL, 'base', 'k')",
        "credits_unsubscribe('a', NULL, 'k')",
        "credits_unsubscribe('a', 'base', NULL)",
        "credits_unsubscribe('a', 'base', 'k', '')",
        "credits_unsubscribe('a', 'base', 'k', 'auto')",
        "credits_unsubscribe('a', 'base', 'k', 'NOW')",
        "credits_unsubscribe('a', '', 'k')",
    ] {
        refused(&mut s, call, "LC005");
    }
    assert_eq!(history(&mut s, 0), ["open|NULL|0|0"]);
    assert_eq!(held(&mut s), Vec::<String>::new());
    sound(&mut s);
}

/// Form; replay or LC003; LC002; LC011; LC005 by state; LC006.
#[test]
fn errors_come_in_their_order() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'base', 'used')");
    // The form is first, for accounts unknown and for keys known.
    refused(&mut s, "credits_subscribe('nobody', 'base', 'k', 0)", "LC005");
    refused(&mut s, "credits_subscribe('a', 'base', 'used', 0)", "LC005");
    refused(&mut s, "credits_unsubscribe('nobody', 'base', 'k', 'later')", "LC005");
    // An unknown account comes before an unknown plan.
    refused(&mut s, "credits_subscribe('nobody', 'gold', 'k')", "LC002");
    refused(&mut s, "credits_unsubscribe('nobody', 'gold', 'k')", "LC002");
    // A key that is known comes before what the account is and holds.
    refused(&mut s, "credits_subscribe('a', 'gold', 'used')", "LC003");
    refused(&mut s, "credits_unsubscribe('a', 'gold', 'used')", "LC003");
    // State comes before what is not there: an anchor while another plan runs.
    refused(&mut s, "credits_subscribe('a', 'gold', 'k', anchor => '2026-01-01 00:00+00')", "LC005");
    // Frozen comes before both.
    s.run("SELECT credits_freeze_account('a', 'unpaid')");
    refused(&mut s, "credits_subscribe('a', 'base', 'k')", "LC011");
    refused(&mut s, "credits_subscribe('a', 'gold', 'k')", "LC011");
    refused(&mut s, "credits_subscribe('a', 'tier', 'k', anchor => '2026-01-01 00:00+00')", "LC011");
    refused(&mut s, "credits_subscribe('a', 'gold', 'used')", "LC003");
    assert_eq!(entries(&mut s), "3");
    sound(&mut s);
}

#[test]
fn frozen_and_closed() {
    let mut s = opened("2026-01-01 00:00+00", "");
    plans(&mut s);
    s.run("SELECT credits_subscribe('a', 'team', 'k1', 3)");
    s.run("SELECT credits_subscribe('a', 'base', 'k2')");
    s.run("SELECT credits_freeze_account('a', 'unpaid')");
    refused(&mut s, "credits_subscribe('a', 'tier', 'k3')", "LC011");
    // What is held can be changed and given up, and time goes on.
    s.row("SELECT * FROM credits_set_seats('a', 'team', 4, 's1')").has(&[("amount", "100")]);
    s.row("SELECT * FROM credits_unsubscribe('a', 'base', 'u1')").has(&[("accepted", "t")]);
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), "400|0|400|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    s.run("SELECT credits_unfreeze_account('a')");
    s.row("SELECT * FROM credits_subscribe('a', 'tier', 'k3')").has(&[("amount", "1200")]);
    sound(&mut s);

    s.run("SELECT credits_close_account('a', 'left')");
    assert_eq!(held(&mut s), Vec::<String>::new(), "closing ends all");
    for call in [
        "credits_subscribe('a', 'base', 'k4')",
        "credits_subscribe('a', 'team', 'k4')",
        "credits_set_seats('a', 'team', 9, 'k4')",
        "credits_unsubscribe('a', 'team', 'k4')",
    ] {
        refused(&mut s, call, "LC011");
    }
    s.row("SELECT * FROM credits_balance('a')").has(&[("status", "closed"), ("balance", "0"), ("allowance", "0")]);
    s.row("SELECT * FROM credits_subscribe('a', 'tier', 'k3')").has(&[("replayed", "t"), ("balance", "1600")]);
    // Nothing is granted any more.
    s.at("2026-08-01 00:00+00");
    s.run("SELECT credits_maintain()");
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "0")]);
    sound(&mut s);
}

/// Sums stay below 10^14, and what would pass it is refused before anything is done.
#[test]
fn more_than_an_account_can_hold() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('huge', 99999999999999.999999)");
    s.run("SELECT * FROM credits_define_plan('small', 0.000001)");
    s.run("SELECT * FROM credits_define_plan('seats', 50000000000000, per_seat => true)");
    refused(&mut s, "credits_subscribe('a', 'seats', 'k1', 2)", "LC004");
    refused(&mut s, "credits_subscribe('a', 'seats', 'k1', 2147483647)", "LC004");
    assert_eq!(entries(&mut s), "1");
    s.row("SELECT * FROM credits_subscribe('a', 'huge', 'k1')").has(&[("balance", "99999999999999.999999")]);
    refused(&mut s, "credits_subscribe('a', 'small', 'k2')", "LC004");
    assert_eq!(held(&mut s), ["huge|1|NULL|NULL|f"]);
    assert_eq!(entries(&mut s), "2");
    sound(&mut s);
}
