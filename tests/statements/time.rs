//! What time did counts at its instant, recorded or not: [`ask`] compares both.

use crate::asked::*;

/// Cycles of seven days that nobody closes: half of what is unused rolls over.
#[test]
fn missed_cycles() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', 100, '7 days', rollover_percent => 50)");
    call(&mut s, "credits_debit('a', 40, 'd')");
    on(&mut s, "01-20");
    assert_eq!(
        statement(&mut s, "a", "01-01", "01-08"),
        [
            "opening 0 0 0 0 0 0 0 01-01 00:00",
            "allowance allowance - 1 - 100 100 0 0 0",
            "debit - - 1 - -40 -40 0 0 0",
            "closing 60 60 0 0 0 60 3 01-08 00:00",
        ]
    );
    // 30 of 60 roll over, 30 expire; a new allowance: the boundary belongs to the new cycle.
    assert_eq!(
        statement(&mut s, "a", "01-08", "01-15"),
        [
            "opening 60 60 0 0 0 60 3 01-08 00:00",
            "allowance allowance - 1 - 100 100 0 0 0",
            "expire allowance - 1 - -30 -30 0 0 0",
            "closing 130 130 0 0 0 130 6 01-15 00:00",
        ]
    );
    assert_eq!(
        statement(&mut s, "a", "01-15", "infinity"),
        [
            "opening 130 130 0 0 0 130 6 01-15 00:00",
            "allowance allowance - 1 - 100 100 0 0 0",
            "expire allowance - 1 - -50 -50 0 0 0",
            "expire rollover - 1 - -30 -30 0 0 0",
            "closing 150 150 0 0 0 150 10 01-20 00:00",
        ]
    );
    assert_eq!(s.one("SELECT max(entry) FROM credits_history"), "3", "nothing was recorded");
}

#[test]
fn a_lot_that_expired_and_one_that_began() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '0')");
    call(&mut s, "credits_grant('a', 10, 'g1', 'promo', '2026-02-01')");
    call(&mut s, "credits_grant('a', 20, 'g2', 'bonus', effective_at => '2026-02-01')");
    on(&mut s, "03-01");
    assert_eq!(
        statement(&mut s, "a", "01-01", "02-01"),
        ["opening 0 0 0 0 0 0 0 01-01 00:00", "grant promo - 1 - 10 0 10 0 0", "closing 10 0 10 0 0 10 3 02-01 00:00",]
    );
    assert_eq!(
        statement(&mut s, "a", "02-01", "02-01 00:00:00.000001"),
        [
            "opening 10 0 10 0 0 10 3 02-01 00:00",
            "expire promo - 1 - -10 0 -10 0 0",
            "grant bonus - 1 - 20 0 20 0 0",
            "closing 20 0 20 0 0 20 5 02-01 00:00:00.000001+00",
        ]
    );
}

#[test]
fn a_hold_that_lapsed_to_an_expired_lot() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', cycle_length => '0')");
    call(&mut s, "credits_grant('a', 30, 'g', 'promo', '2026-01-10')");
    call(&mut s, "credits_hold('a', 20, 'h', '20 days', 'chat')");
    on(&mut s, "02-01");
    assert_eq!(
        statement(&mut s, "a", "01-10", "01-21"),
        [
            "opening 30 0 10 20 0 30 3 01-10 00:00",
            "expire promo - 1 - -10 0 -10 0 0",
            "closing 20 0 0 20 0 20 4 01-21 00:00",
        ]
    );
    assert_eq!(
        statement(&mut s, "a", "01-21", "02-01"),
        [
            "opening 20 0 0 20 0 20 4 01-21 00:00",
            "expire promo - 1 - -20 0 -20 0 0",
            "lapse - - 1 - 0 0 20 -20 0",
            "closing 0 0 0 0 0 0 6 02-01 00:00",
        ]
    );
}

/// 10 of January's first allowance are held over its end; they come back when the next cycle closes, and are over.
#[test]
fn a_hold_that_lapses_as_a_cycle_closes() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', 20, '7 days')");
    call(&mut s, "credits_hold('a', 10, 'h', '14 days')");
    on(&mut s, "01-16");
    assert_eq!(
        moved(&mut s, "a", "01-08", "01-15"),
        ["allowance allowance - 1 - 20 20 0 0 0", "expire allowance - 1 - -10 -10 0 0 0"]
    );
    let rows = statement(&mut s, "a", "01-15", "01-16");
    assert_eq!(rows[0], "opening 30 20 0 10 0 30 5 01-15 00:00");
    assert_eq!(
        rows[1..],
        [
            "allowance allowance - 1 - 20 20 0 0 0",
            "expire allowance - 2 - -30 -30 0 0 0",
            "lapse - - 1 - 0 10 0 -10 0",
            "closing 20 20 0 0 0 20 9 01-16 00:00",
        ]
    );
}

#[test]
fn debt_that_was_forgiven_or_invoiced() {
    for (policy, operation) in [("forgive_at_reset", "forgive"), ("invoice_at_reset", "invoice")] {
        let mut s = ledger();
        call(&mut s, &format!("credits_open_account('a', 10, '7 days', debt_policy => '{policy}')"));
        call(&mut s, "credits_debit('a', 25, 'd', on_insufficient => 'allow')");
        on(&mut s, "01-10");
        assert_eq!(
            statement(&mut s, "a", "01-08", "01-09"),
            [
                "opening -15 0 0 0 15 -15 3 01-08 00:00".to_owned(),
                "allowance allowance - 1 - 10 10 0 0 0".to_owned(),
                format!("{operation} - - 1 - 15 0 0 0 -15"),
                "closing 10 10 0 0 0 10 5 01-09 00:00".to_owned(),
            ]
        );
    }
}

/// The next allowance pays what is owed.
#[test]
fn debt_that_was_repaid() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a', 10, '7 days')");
    call(&mut s, "credits_debit('a', 16, 'd', on_insufficient => 'allow')");
    on(&mut s, "01-10");
    assert_eq!(
        statement(&mut s, "a", "01-08", "infinity"),
        [
            "opening -6 0 0 0 6 -6 3 01-08 00:00",
            "allowance allowance - 1 - 10 4 0 0 -6",
            "closing 4 4 0 0 0 4 4 01-10 00:00",
        ]
    );
}

#[test]
fn plans() {
    let mut s = ledger();
    s.run("SELECT credits_define_plan('team', 10, per_seat => true, rollover_percent => 100)");
    call(&mut s, "credits_open_account('a', cycle_length => '7 days')");
    call(&mut s, "credits_subscribe('a', 'team', 's', seats => 3)");
    call(&mut s, "credits_set_seats('a', 'team', 2, 'n')");
    call(&mut s, "credits_debit('a', 5, 'd')");
    on(&mut s, "01-16");
    // 25 roll over on the 8th, to expire on the 15th, when 20 roll over.
    assert_eq!(
        statement(&mut s, "a", "01-01", "01-08"),
        [
            "opening 0 0 0 0 0 0 0 01-01 00:00",
            "debit - - 1 - -5 -5 0 0 0",
            "subscribe allowance - 1 - 30 30 0 0 0",
            "closing 25 25 0 0 0 25 4 01-08 00:00",
        ]
    );
    assert_eq!(
        statement(&mut s, "a", "01-08", "01-16"),
        [
            "opening 25 25 0 0 0 25 4 01-08 00:00",
            "allowance allowance - 2 - 40 40 0 0 0",
            "expire rollover - 1 - -25 -25 0 0 0",
            "closing 40 40 0 0 0 40 9 01-16 00:00",
        ]
    );
}
