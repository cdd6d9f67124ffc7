//! One row for each operation, kind and feature, and what it moved.

use crate::asked::*;

#[test]
fn operations_of_one_kind_and_feature_are_one_row() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', 20, '0')");
    call(&mut s, "credits_grant('a', 100, 'g1')");
    call(&mut s, "credits_grant('a', 50, 'g2')");
    call(&mut s, "credits_grant('a', 5, 'g3', 'promo')");
    for (n, feature) in ["'chat'", "'chat'", "'draw'", "NULL"].iter().enumerate() {
        call(&mut s, &format!("credits_debit('a', {}, 'd{n}', {feature})", 10 + n));
    }
    assert_eq!(
        statement(&mut s, "a", "01-01", "infinity"),
        [
            "opening 0 0 0 0 0 0 0 01-01 00:00",
            "allowance allowance - 1 - 20 20 0 0 0",
            "debit - - 1 - -13 0 -13 0 0",
            "debit - chat 2 - -21 -20 -1 0 0",
            "debit - draw 1 - -12 0 -12 0 0",
            "grant promo - 1 - 5 0 5 0 0",
            "grant purchase - 2 - 150 0 150 0 0",
            "closing 129 0 129 0 0 129 9 01-01 00:00",
        ]
    );
}

#[test]
fn movements_come_in_the_order_in_which_they_first_occur() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 100, 'g1', 'welcome')");
    for (n, feature) in ["'z'", "NULL", "'b'", "'z'"].iter().enumerate() {
        call(&mut s, &format!("credits_debit('a', 1, 'd{n}', {feature})"));
    }
    call(&mut s, "credits_refund('a', 'd0', 'r')");
    call(&mut s, "credits_grant('a', 1, 'g2', 'bonus')");
    let order =
        "SELECT concat_ws(' ', line, operation, kind, feature) FROM credits_statement('a', '2026-01-01', 'infinity')";
    assert_eq!(
        ask(&mut s, order),
        [
            "opening",
            "movement grant welcome",
            "movement debit z",
            "movement debit",
            "movement debit b",
            "movement refund z",
            "movement grant bonus",
            "closing",
        ]
    );
}

#[test]
fn units_of_charges_and_of_their_refunds() {
    let mut s = ledger();
    s.run("SELECT credits_define_plan('solo', 10), credits_include('solo', 'chat', 100)");
    s.run("SELECT credits_define_rate('chat', 1, per_units => 10)");
    call(&mut s, "credits_open_account('a')");
    call(&mut s, "credits_subscribe('a', 'solo', 's')");
    call(&mut s, "credits_grant('a', 100, 'g')");
    // Wholly covered: it moves nothing, and is usage all the same.
    call(&mut s, "credits_charge('a', 'chat', 60, 'c1')").has(&[("amount", "0")]);
    assert_eq!(moved(&mut s, "a", "01-01", "infinity")[0], "charge - chat 1 60 0 0 0 0 0");
    call(&mut s, "credits_charge('a', 'chat', 90, 'c2')").has(&[("amount", "5"), ("included", "40")]);
    call(&mut s, "credits_charge('a', 'chat', 70, 'c3')").has(&[("amount", "7")]);
    call(&mut s, "credits_refund('a', 'c3', 'r1', quantity => 20)").has(&[("amount", "2")]);
    call(&mut s, "credits_refund('a', 'c1', 'r2')").has(&[("amount", "0")]);
    assert_eq!(
        moved(&mut s, "a", "01-01", "infinity"),
        [
            "charge - chat 3 220 -12 -10 -2 0 0",
            "grant purchase - 1 - 100 0 100 0 0",
            "refund - chat 2 80 2 0 2 0 0",
            "subscribe allowance - 1 - 10 10 0 0 0",
        ]
    );
}

#[test]
fn holds_and_what_settles_them() {
    let mut s = ledger();
    s.run("SELECT credits_define_rate('chat', 1, per_units => 10)");
    call(&mut s, "credits_open_account('a', 20, '0')");
    call(&mut s, "credits_grant('a', 100, 'g')");
    on(&mut s, "01-02");
    call(&mut s, "credits_hold('a', 50, 'h1', '10 days', 'chat')");
    call(&mut s, "credits_hold('a', 10, 'h2', '10 days')");
    call(&mut s, "credits_hold('a', 15, 'h3', '1 day')");
    assert_eq!(
        statement(&mut s, "a", "01-02", "infinity"),
        [
            "opening 120 20 100 0 0 120 3 01-02 00:00",
            "hold - - 2 - 0 0 -25 25 0",
            "hold - chat 1 - 0 -20 -30 50 0",
            "closing 120 0 45 75 0 120 6 01-02 00:00",
        ]
    );
    on(&mut s, "01-04");
    call(&mut s, "credits_capture('a', 'h1', 'c1', 30, final => false)");
    call(&mut s, "credits_capture('a', 'h1', 'c2', quantity => 150)");
    call(&mut s, "credits_extend_hold('a', 'h2', 'e', '10 days')");
    call(&mut s, "credits_release('a', 'h2', 'r')");
    // Of the second capture's 15 all were held; 5 came back.
    assert_eq!(
        statement(&mut s, "a", "01-03", "infinity"),
        [
            "opening 120 0 45 75 0 120 6 01-03 00:00",
            "capture - chat 2 150 -45 0 5 -50 0",
            "lapse - - 1 - 0 0 15 -15 0",
            "release - - 1 - 0 0 10 -10 0",
            "closing 75 0 75 0 0 75 11 01-04 00:00",
        ]
    );
}

#[test]
fn debt() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '0', overdraft_limit => 50)");
    call(&mut s, "credits_debit('a', 15, 'd', 'chat')");
    call(&mut s, "credits_grant('a', 20, 'g')");
    assert_eq!(
        statement(&mut s, "a", "01-01", "infinity"),
        [
            "opening 0 0 0 0 0 0 0 01-01 00:00",
            "debit - chat 1 - -15 0 0 0 15",
            "grant purchase - 1 - 20 0 5 0 -15",
            "closing 5 0 5 0 0 5 3 01-01 00:00",
        ]
    );
    on(&mut s, "01-02");
    call(&mut s, "credits_debit('a', 25, 'd2')");
    assert_eq!(
        statement(&mut s, "a", "01-02", "infinity"),
        ["opening 5 0 5 0 0 5 3 01-02 00:00", "debit - - 1 - -25 0 -5 0 20", "closing -20 0 0 0 20 -20 4 01-02 00:00",]
    );
    on(&mut s, "01-03");
    // The first cancels 15 of what is owed; the second the other 5, and gives back 5 to the lot, and the 15 as a new one.
    call(&mut s, "credits_refund('a', 'd', 'r1')");
    call(&mut s, "credits_refund('a', 'd2', 'r2')");
    assert_eq!(
        moved(&mut s, "a", "01-03", "infinity"),
        ["refund - - 1 - 25 0 20 0 -5", "refund - chat 1 - 15 0 0 0 -15"]
    );
}

/// A change of the policy pays debt, without changing the balance.
#[test]
fn settings_that_move_something() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '0', debt_policy => 'forgive_at_reset')");
    call(&mut s, "credits_debit('a', 15, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_grant('a', 20, 'g')");
    on(&mut s, "01-02");
    call(&mut s, "credits_configure_account('a', debt_policy => 'repay')");
    assert_eq!(
        statement(&mut s, "a", "01-02", "infinity"),
        ["opening 5 0 20 0 15 5 3 01-02 00:00", "configure - - 1 - 0 0 -15 0 -15", "closing 5 0 5 0 0 5 4 01-02 00:00",]
    );
}

/// Opening, settings, freezing, redacting, what is scheduled: no row of any of them.
#[test]
fn what_moves_nothing_has_no_row() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '0')");
    call(&mut s, "credits_configure_account('a', overdraft_limit => 5)");
    s.run("SELECT credits_freeze_account('a', 'why'), credits_unfreeze_account('a')");
    call(&mut s, "credits_grant('a', 10, 'g', effective_at => '2026-02-01', metadata => '{\"order\": 7}')")
        .has(&[("entry", "5")]);
    call(&mut s, "credits_redact('a', 5)").has(&[("entry", "6")]);
    call(&mut s, "credits_set_feature('a', 'chat', false)");
    call(&mut s, "credits_void_grant('a', 'g', 'v')");
    call(&mut s, "credits_close_account('a', 'gone')");
    assert_eq!(
        statement(&mut s, "a", "01-01", "infinity"),
        ["opening 0 0 0 0 0 0 0 01-01 00:00", "closing 0 0 0 0 0 0 9 01-01 00:00"]
    );
}

#[test]
fn voids_and_claw_backs() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', 10, '0')");
    call(&mut s, "credits_grant('a', 100, 'g')");
    call(&mut s, "credits_grant('a', 30, 'b', 'bonus')");
    call(&mut s, "credits_void_grant('a', 'b', 'v')");
    call(&mut s, "credits_debit('a', 110, 'd')");
    call(&mut s, "credits_grant('a', 30, 'p', 'promo')");
    on(&mut s, "01-02");
    call(&mut s, "credits_void_grant('a', 'g', 'w', claw_back => true)").has(&[("amount", "100"), ("overdraft", "70")]);
    assert_eq!(
        statement(&mut s, "a", "01-01", "infinity"),
        [
            "opening 0 0 0 0 0 0 0 01-01 00:00",
            "allowance allowance - 1 - 10 10 0 0 0",
            "claw_back purchase - 1 - -100 0 -30 0 70",
            "debit - - 1 - -110 -10 -100 0 0",
            "grant bonus - 1 - 30 0 30 0 0",
            "grant promo - 1 - 30 0 30 0 0",
            "grant purchase - 1 - 100 0 100 0 0",
            "void bonus - 1 - -30 0 -30 0 0",
            "closing -70 0 0 0 70 -70 8 01-02 00:00",
        ]
    );
}

#[test]
fn money_after_closing() {
    let mut s = ledger();
    s.run("SELECT credits_define_pack('refill', 50, 20, 'EUR')");
    call(&mut s, "credits_open_account('a', cycle_length => '0')");
    call(&mut s, "credits_debit('a', 15, 'd', on_insufficient => 'allow')");
    call(&mut s, "credits_close_account('a', 'gone')");
    on(&mut s, "01-02");
    call(&mut s, "credits_purchase('a', 'refill', 'pay', 'p')");
    assert_eq!(
        statement(&mut s, "a", "01-02", "infinity"),
        [
            "opening -15 0 0 0 15 -15 3 01-02 00:00",
            "expire purchase - 1 - -35 0 -35 0 0",
            "purchase purchase - 1 - 50 0 35 0 -15",
            "closing 0 0 0 0 0 0 5 01-02 00:00",
        ]
    );
}

#[test]
fn the_largest_amounts() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '0')");
    for n in 0..3 {
        call(&mut s, &format!("credits_grant('a', 99999999999999.999999, 'g{n}')"));
        call(&mut s, &format!("credits_void_grant('a', 'g{n}', 'v{n}')"));
    }
    assert_eq!(
        moved(&mut s, "a", "01-01", "infinity"),
        [
            "grant purchase - 3 - 299999999999999.999997 0 299999999999999.999997 0 0",
            "void purchase - 3 - -299999999999999.999997 0 -299999999999999.999997 0 0",
        ]
    );
}
