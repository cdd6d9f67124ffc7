//! When money is asked for.

use crate::asked::*;

#[test]
fn a_debit_that_leaves_the_measure_past_the_threshold_asks_once() {
    let (_, mut s) = shop();
    with_credits(&mut s, "130", "");
    assert_eq!(requests(&mut s), Vec::<String>::new());
    debit(&mut s, "30", "at the threshold").has(&[("available", "100")]);
    assert_eq!(requests(&mut s), Vec::<String>::new());
    debit(&mut s, "0.000001", "below it").has(&[("available", "99.999999")]);
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    for n in 0..5 {
        debit(&mut s, "5", &format!("further down {n}"));
    }
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    s.row("SELECT * FROM credits_recharges").has(&[
        ("account", "a"),
        ("attempts", "0"),
        ("last_error_code", "NULL"),
        ("next_attempt_at", "2026-01-10 12:00:00+00"),
        ("payment_ref", "NULL"),
        ("requested_at", "2026-01-10 12:00:00+00"),
        ("settled_at", "NULL"),
    ]);
    // The event came with the debit that crossed.
    let event = s.row(
        "SELECT type, entry, payload ->> 'recharge' recharge, payload ->> 'quantity' quantity, payload ->> 'pack' pack,
             payload ->> 'credits' credits, payload ->> 'price' price, payload ->> 'currency' currency
         FROM credits_events",
    );
    event.has(&[
        ("type", "recharge.requested"),
        ("entry", "5"),
        ("recharge", "1"),
        ("quantity", "1"),
        ("pack", "pack"),
        ("credits", "50"),
        ("price", "4"),
        ("currency", "EUR"),
    ]);
    sound(&mut s);
}

#[test]
fn at_or_below_asks_at_the_threshold() {
    let (_, mut s) = shop();
    with_credits(&mut s, "130", ", trigger => 'at_or_below'");
    debit(&mut s, "29.999999", "above it");
    assert_eq!(requests(&mut s), Vec::<String>::new());
    debit(&mut s, "0.000001", "at it");
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    sound(&mut s);
}

#[test]
fn the_measure_is_available_or_credits_less_the_debt() {
    // An allowance of 200 is available, and no credits.
    let (_, mut s) = shop();
    s.run("SELECT credits_open_account('a', 200)");
    s.run("SELECT credits_grant('a', 120, 'g'), credits_grant('a', 60, 'f', 'promo', features => '{chat}')");
    set(&mut s, "100, 'pack', payment_method => 'card', measure => 'credits'");
    debit(&mut s, "200", "the allowance").has(&[("available", "120"), ("credits", "180")]);
    debit(&mut s, "79", "credits").has(&[("available", "41"), ("credits", "101")]);
    assert_eq!(requests(&mut s), Vec::<String>::new());
    // A restricted lot counts as credits, and is not available.
    call(&mut s, "credits_debit('a', 2, 'restricted', 'chat')").has(&[("available", "41"), ("credits", "99")]);
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    sound(&mut s);

    let (_, mut s) = shop();
    s.run("SELECT credits_open_account('a', debt_policy => 'invoice_at_reset')");
    s.run("SELECT credits_grant('a', 90, 'f', 'promo', features => '{chat}'), credits_grant('a', 110, 'g')");
    set(&mut s, "100, 'pack', payment_method => 'card', measure => 'credits', max_packs => 9");
    // 110 drawn, 20 of debt: 90 - 20 are 70 credits.
    call(&mut s, "credits_debit('a', 130, 'd', on_insufficient => 'allow')").has(&[("credits", "90"), ("debt", "20")]);
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    sound(&mut s);
}

#[test]
fn a_request_is_for_whole_packs_that_bring_it_above_the_threshold_again() {
    for (start, drawn, quantity) in
        [("150", "50.000001", 1), ("150", "99.999999", 1), ("150", "100", 2), ("150", "149", 2), ("150", "150", 3)]
    {
        let (_, mut s) = shop();
        with_credits(&mut s, start, ", max_packs => 10");
        debit(&mut s, drawn, "d");
        let (credits, price) = (50 * quantity, 4 * quantity);
        assert_eq!(requests(&mut s), [format!("1 open {quantity} {credits} {price} EUR")], "{drawn}");
    }
    // Debt counts: it is paid first.
    let (_, mut s) = shop();
    with_credits(&mut s, "150", ", max_packs => 10");
    call(&mut s, "credits_debit('a', 400, 'd', on_insufficient => 'allow')").has(&[("debt", "250")]);
    assert_eq!(requests(&mut s), ["1 open 8 400 32 EUR"]);
    complete(&mut s, 1, "pi").has(&[("amount", "400"), ("overdraft", "-250"), ("available", "150")]);
    assert_eq!(requests(&mut s), ["1 completed 8 400 32 EUR"]);
    sound(&mut s);
    // At most max_packs.
    let (_, mut s) = shop();
    with_credits(&mut s, "150", ", max_packs => 2");
    debit(&mut s, "150", "d");
    assert_eq!(requests(&mut s), ["1 open 2 100 8 EUR"]);
}

#[test]
fn a_refused_call_asks_for_what_it_lacks() {
    for (refused, quantity) in [
        ("credits_debit('a', 320, 'k', on_insufficient => 'refuse')", 4),
        ("credits_charge('a', 'unit', 270.5, 'k', on_insufficient => 'refuse')", 3),
        ("credits_hold('a', 400, 'k', on_insufficient => 'refuse')", 5),
        ("credits_capture('a', 'h', 'k', 251, on_insufficient => 'refuse')", 2),
    ] {
        let (_, mut s) = shop();
        s.run("SELECT credits_define_rate('unit', 1)");
        with_credits(&mut s, "160", ", max_packs => 5");
        s.run("SELECT credits_hold('a', 10, 'h')");
        // 150 are available and 160 with what is held: far from the threshold.
        assert_eq!(requests(&mut s), Vec::<String>::new());
        let entry = s.one("SELECT entry FROM credits_balance('a')");
        call(&mut s, refused).has(&[("accepted", "f"), ("refused", "LC001"), ("entry", "NULL")]);
        let (credits, price) = (50 * quantity, 4 * quantity);
        assert_eq!(requests(&mut s), [format!("1 open {quantity} {credits} {price} EUR")], "{refused}");
        // It recorded nothing else.
        assert_eq!(s.one("SELECT entry FROM credits_balance('a')"), entry);
        assert_eq!(events(&mut s), ["recharge.requested"]);
        sound(&mut s);
    }
}

#[test]
fn within_a_batch_refused_items_ask_too() {
    let (_, mut s) = shop();
    with_credits(&mut s, "150", ", max_packs => 9");
    let receipts = s.list(
        "SELECT accepted FROM credits_debit_many(ARRAY['a','b','a','a'], ARRAY[10,1,300,200], ARRAY['1','2','3','4'])",
    );
    assert_eq!(receipts, ["t", "f", "f", "f"]);
    // The most that was missing: 160.
    assert_eq!(requests(&mut s), ["1 open 4 200 16 EUR"]);
    sound(&mut s);
}

#[test]
fn what_raises_asks_for_nothing() {
    let (_, mut s) = shop();
    with_credits(&mut s, "150", "");
    assert_eq!(code(&mut s, "credits_debit('a', 500, 'k')"), "LC001");
    s.run("BEGIN; SELECT credits_debit('a', 140, 'k'); ROLLBACK");
    s.run("BEGIN; SAVEPOINT p; SELECT credits_debit('a', 140, 'k'); ROLLBACK TO p; COMMIT");
    assert_eq!(requests(&mut s), Vec::<String>::new());
    assert_eq!(events(&mut s), Vec::<String>::new());
    // Refused for another reason than credits.
    s.run("SELECT credits_set_feature('a', 'off', false)");
    call(&mut s, "credits_debit('a', 500, 'k', 'off', on_insufficient => 'refuse')").has(&[("refused", "LC010")]);
    assert_eq!(requests(&mut s), Vec::<String>::new());
    sound(&mut s);
}

#[test]
fn captures_holds_expiries_and_cycle_ends_ask_too() {
    // A hold.
    let (_, mut s) = shop();
    with_credits(&mut s, "150", "");
    s.run("SELECT credits_hold('a', 60, 'h')");
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    // A capture of more than was held.
    let (_, mut s) = shop();
    with_credits(&mut s, "150", "");
    s.run("SELECT credits_hold('a', 50, 'h'), credits_capture('a', 'h', 'c', 50)");
    assert_eq!(requests(&mut s), Vec::<String>::new());
    s.run("SELECT credits_hold('a', 0.5, 'h2', on_insufficient => 'partial')");
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    let (_, mut s) = shop();
    with_credits(&mut s, "150", "");
    s.run("SELECT credits_hold('a', 10, 'h'), credits_capture('a', 'h', 'c', 51)");
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    // A lot that expires: asked for by whoever records it.
    let (_, mut s) = shop();
    s.run("SELECT credits_grant('a', 80, 'p', 'promo', expires_at => '2026-01-20 00:00+00')");
    with_credits(&mut s, "60", "");
    s.at("2026-01-20 00:00+00");
    assert_eq!(requests(&mut s), Vec::<String>::new());
    assert_eq!(s.one("SELECT credits_maintain()"), "1");
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    sound(&mut s);
    // A cycle's end, with nothing after it.
    let (_, mut s) = shop();
    s.run("SELECT credits_open_account('a', 150), credits_configure_account('a', 0)");
    set(&mut s, "100, 'pack', payment_method => 'card', max_packs => 3");
    s.at("2026-02-10 12:00+00");
    s.run("SELECT credits_reset_cycle('a')");
    assert_eq!(requests(&mut s), ["1 open 3 150 12 EUR"]);
    sound(&mut s);
    // What time took and gave again by now is nothing to ask for.
    let (_, mut s) = shop();
    s.run("SELECT credits_open_account('a', 150)");
    set(&mut s, "100, 'pack', payment_method => 'card'");
    debit(&mut s, "50", "d");
    s.at("2026-03-10 12:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(requests(&mut s), Vec::<String>::new());
    sound(&mut s);
}

#[test]
fn frozen_accounts_and_plans_that_forbid_purchases_ask_for_nothing() {
    let (_, mut s) = shop();
    with_credits(&mut s, "150", "");
    s.run("SELECT credits_hold('a', 10, 'h'), credits_freeze_account('a', 'why')");
    s.run("SELECT credits_capture('a', 'h', 'c', 120)");
    call(&mut s, "credits_debit('a', 500, 'k', on_insufficient => 'refuse')").has(&[("refused", "LC011")]);
    assert_eq!(requests(&mut s), Vec::<String>::new());
    s.run("SELECT credits_unfreeze_account('a')");
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    sound(&mut s);

    let (_, mut s) = shop();
    s.run("SELECT credits_define_plan('no', 0, purchases => false), credits_define_plan('yes', 0)");
    s.run("SELECT credits_open_account('a'), credits_subscribe('a', 'no', 's')");
    with_credits(&mut s, "150", "");
    debit(&mut s, "60", "d1");
    debit(&mut s, "1", "d2");
    call(&mut s, "credits_debit('a', 500, 'k', on_insufficient => 'refuse')").has(&[("refused", "LC001")]);
    assert_eq!(requests(&mut s), Vec::<String>::new());
    s.run("SELECT credits_subscribe('a', 'yes', 's2')");
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    sound(&mut s);
}
