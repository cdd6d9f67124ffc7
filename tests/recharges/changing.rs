//! Settings, and that they are read again at the claim.

use crate::asked::*;

#[test]
fn switching_it_off_between_request_and_claim_cancels() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", "");
    debit(&mut s, "30", "d");
    set(&mut s, "100, 'pack', payment_method => 'card', enabled => false").has(&[("status", "disabled")]);
    assert_eq!(claim(&mut s), Vec::<String>::new());
    assert_eq!(requests(&mut s), ["1 cancelled 1 50 4 EUR"]);
    s.row("SELECT * FROM credits_recharges").has(&[("attempts", "0"), ("settled_at", "2026-01-10 12:00:00+00")]);
    debit(&mut s, "1", "d2");
    assert_eq!(requests(&mut s).len(), 1);
    // Switched on while past the threshold it asks at once.
    set(&mut s, "100, 'pack', payment_method => 'card'").has(&[("status", "active")]);
    assert_eq!(requests(&mut s), ["1 cancelled 1 50 4 EUR", "2 open 1 50 4 EUR"]);
    assert_eq!(claim(&mut s), ["a 2 1 card"]);
    sound(&mut s);
}

#[test]
fn switched_off_and_on_again_before_the_claim_it_is_still_one_request() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", "");
    debit(&mut s, "30", "d");
    set(&mut s, "100, 'pack', payment_method => 'card', enabled => false");
    set(&mut s, "100, 'pack', payment_method => 'card'");
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    assert_eq!(claim(&mut s), ["a 1 1 card"]);
    sound(&mut s);
}

#[test]
fn a_closed_account_and_a_plan_without_purchases_cancel_and_a_frozen_one_waits() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", "");
    debit(&mut s, "30", "d");
    s.run("SELECT credits_freeze_account('a', 'why')");
    assert_eq!(claim(&mut s), Vec::<String>::new());
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    s.run("SELECT credits_unfreeze_account('a')");
    assert_eq!(claim(&mut s), ["a 1 1 card"]);
    fail(&mut s, 1, 1);
    s.run("SELECT credits_define_plan('no', 0, purchases => false), credits_subscribe('a', 'no', 's')");
    s.at("2026-01-10 13:00+00");
    assert_eq!(claim(&mut s), Vec::<String>::new());
    assert_eq!(requests(&mut s), ["1 cancelled 1 50 4 EUR"]);
    s.run("SELECT credits_define_plan('yes', 0), credits_subscribe('a', 'yes', 's2')");
    assert_eq!(requests(&mut s)[1..], ["2 open 1 50 4 EUR"]);
    s.run("SELECT credits_close_account('a', 'gone')");
    assert_eq!(claim(&mut s), Vec::<String>::new());
    assert_eq!(requests(&mut s)[1..], ["2 cancelled 1 50 4 EUR"]);
    sound(&mut s);
}

#[test]
fn settings_are_replaced_as_a_whole_and_each_change_is_an_entry() {
    let (_, mut s) = shop();
    s.run("SELECT credits_grant('a', 1000, 'g')");
    set(&mut s, "100.5, 'pack', 'at_or_below', 'credits', 3, 50, 'card'").has(&[
        ("account", "a"),
        ("threshold", "100.5"),
        ("pack", "pack"),
        ("trigger", "at_or_below"),
        ("measure", "credits"),
        ("max_packs", "3"),
        ("monthly_limit", "50"),
        ("payment_method", "card"),
        ("enabled", "t"),
        ("status", "active"),
        ("failures", "0"),
        ("last_error_code", "NULL"),
        ("last_error", "NULL"),
    ]);
    let entries = "SELECT string_agg(operation, ' ' ORDER BY entry) FROM credits_history";
    assert_eq!(s.one(entries), "open grant configure");
    set(&mut s, "100.5, 'pack', 'at_or_below', 'credits', 3, 50, 'card'");
    assert_eq!(s.one(entries), "open grant configure");
    // What is left out has its default.
    set(&mut s, "0, 'pack', enabled => false").has(&[
        ("threshold", "0"),
        ("trigger", "below"),
        ("measure", "available"),
        ("max_packs", "1"),
        ("monthly_limit", "NULL"),
        ("payment_method", "NULL"),
        ("enabled", "f"),
        ("status", "disabled"),
    ]);
    assert_eq!(s.one(entries), "open grant configure configure");
    assert_eq!(s.one("SELECT count(*) FROM credits_auto_recharges"), "1");
    sound(&mut s);
}

#[test]
fn what_cannot_be_set() {
    let (_, mut s) = shop();
    s.run("SELECT credits_open_account('a'), credits_open_account('closed'), credits_close_account('closed', 'x')");
    s.run("SELECT credits_define_pack('least', 10, 1, 'EUR', 5)");
    for (arguments, expected) in [
        ("'a', 10, 'pack'", "LC005"),
        ("'a', 10, 'pack', enabled => true", "LC005"),
        ("'a', -1, 'pack', payment_method => 'c'", "LC004"),
        ("'a', NULL, 'pack', payment_method => 'c'", "LC005"),
        ("'a', 10, NULL, payment_method => 'c'", "LC005"),
        ("'a', 10, 'none', payment_method => 'c'", "LC006"),
        ("'a', 10, 'pack', 'above', payment_method => 'c'", "LC005"),
        ("'a', 10, 'pack', measure => 'balance', payment_method => 'c'", "LC005"),
        ("'a', 10, 'pack', max_packs => 0, payment_method => 'c'", "LC005"),
        ("'a', 10, 'pack', monthly_limit => 0, payment_method => 'c'", "LC004"),
        ("'a', 10, 'pack', payment_method => ''", "LC005"),
        ("'a', 10, 'least', max_packs => 4, payment_method => 'c'", "LC008"),
        ("'b', 10, 'pack', payment_method => 'c'", "LC002"),
        ("'closed', 10, 'pack', payment_method => 'c'", "LC011"),
    ] {
        assert_eq!(code(&mut s, &format!("credits_set_auto_recharge({arguments})")), expected, "{arguments}");
    }
    for (call, expected) in [
        ("credits_claim_recharges(0)", "LC005"),
        ("credits_claim_recharges(1, '0')", "LC005"),
        ("credits_claim_recharges(1, '32 days')", "LC005"),
    ] {
        assert_eq!(code(&mut s, call), expected, "{call}");
    }
    // A pack with a minimum price is asked for in as many packs as that takes.
    set(&mut s, "10, 'least', max_packs => 6, payment_method => 'c'");
    assert_eq!(requests(&mut s), ["1 open 5 50 5 EUR"]);
    sound(&mut s);
}
