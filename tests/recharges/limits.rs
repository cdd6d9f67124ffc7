//! The monthly limit.

use crate::asked::*;

#[test]
fn the_money_limit_counts_what_is_pending_and_what_was_paid() {
    let (_, mut s) = shop();
    with_credits(&mut s, "150", ", max_packs => 2, monthly_limit => 14");
    debit(&mut s, "150", "d1");
    assert_eq!(requests(&mut s), ["1 open 2 100 8 EUR"]);
    complete(&mut s, 1, "pi_1");
    // 100 are not below 100.
    assert_eq!(requests(&mut s).len(), 1);
    debit(&mut s, "1", "d2");
    assert_eq!(requests(&mut s), ["1 completed 2 100 8 EUR", "2 open 1 50 4 EUR"]);
    // 12 of 14 are paid: there is no room for a third.
    complete(&mut s, 2, "pi_2");
    call(&mut s, "credits_debit('a', 149, 'd3')").has(&[("available", "0")]);
    assert_eq!(requests(&mut s).len(), 2);
    assert_eq!(
        events(&mut s),
        ["recharge.requested", "recharge.completed", "recharge.requested", "recharge.completed", "recharge.capped"]
    );
    let capped = s.row(
        "SELECT payload ->> 'monthly_limit' monthly_limit, payload ->> 'spent' spent, payload ->> 'price' price,
             payload ->> 'currency' currency, payload ->> 'pack' pack
         FROM credits_events WHERE type = 'recharge.capped'",
    );
    capped.has(&[("monthly_limit", "14"), ("spent", "12"), ("price", "4"), ("currency", "EUR"), ("pack", "pack")]);
    sound(&mut s);
}

#[test]
fn a_request_is_reduced_to_fit_and_capped_is_told_once_a_month() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", ", max_packs => 9, monthly_limit => 11.99");
    debit(&mut s, "100", "d1");
    assert_eq!(requests(&mut s), ["1 open 2 100 8 EUR"]);
    // The open request alone leaves no room: one that is refused asks for nothing more.
    s.run("SELECT credits_debit('a', 500, 'r', on_insufficient => 'refuse')");
    assert_eq!(events(&mut s), ["recharge.requested"]);
    complete(&mut s, 1, "pi_1");
    for n in 0..4 {
        debit(&mut s, "10", &format!("on {n}"));
        s.run("SELECT credits_debit('a', 500, 'r', on_insufficient => 'refuse')");
    }
    assert_eq!(events(&mut s), ["recharge.requested", "recharge.completed", "recharge.capped"]);
    // A new month has room.
    s.at("2026-02-01 00:00+00");
    debit(&mut s, "55", "february");
    assert_eq!(requests(&mut s), ["1 completed 2 100 8 EUR", "2 open 2 100 8 EUR"]);
    complete(&mut s, 2, "pi_2");
    debit(&mut s, "100", "february 2");
    assert_eq!(events(&mut s)[3..], ["recharge.requested", "recharge.completed", "recharge.capped"]);
    sound(&mut s);
}

#[test]
fn months_are_those_of_the_accounts_time_zone_and_currencies_are_apart() {
    let (_, mut s) = shop();
    s.run("SELECT credits_open_account('a', time_zone => 'America/New_York')");
    with_credits(&mut s, "100", ", monthly_limit => 4");
    s.at("2026-01-31 23:00+00");
    debit(&mut s, "100", "d1");
    complete(&mut s, 1, "pi_1");
    // In New York it is still January.
    s.at("2026-02-01 04:59:59+00");
    debit(&mut s, "10", "d2");
    assert_eq!(requests(&mut s), ["1 completed 1 50 4 EUR"]);
    s.at("2026-02-01 05:00+00");
    debit(&mut s, "10", "d3");
    assert_eq!(requests(&mut s), ["1 completed 1 50 4 EUR", "2 open 1 50 4 EUR"]);
    complete(&mut s, 2, "pi_2");
    // What was paid in euros is no part of a limit in dollars.
    s.run("SELECT credits_define_pack('dollars', 30, 3, 'USD')");
    set(&mut s, "100, 'dollars', payment_method => 'card', monthly_limit => 4");
    assert_eq!(requests(&mut s)[2..], ["3 open 1 30 3 USD"]);
    sound(&mut s);
}

#[test]
fn requests_that_failed_or_were_cancelled_do_not_count_until_they_are_paid() {
    let (_, mut s) = shop();
    with_credits(&mut s, "100", ", monthly_limit => 4");
    debit(&mut s, "60", "d1");
    claim_one(&mut s);
    call(&mut s, "credits_fail_recharge('a', 1, 1, 'expired_card', 'gone', suspend => true)");
    s.run("SELECT credits_resume_auto_recharge('a')");
    assert_eq!(requests(&mut s), ["1 failed 1 50 4 EUR", "2 open 1 50 4 EUR"]);
    // The first was charged after all: with it the month is over its limit, and yet both are credited.
    complete(&mut s, 1, "pi_1").has(&[("amount", "50")]);
    complete(&mut s, 2, "pi_2").has(&[("amount", "50"), ("available", "140")]);
    debit(&mut s, "100", "d2");
    assert_eq!(requests(&mut s), ["1 completed 1 50 4 EUR", "2 completed 1 50 4 EUR"]);
    sound(&mut s);
}
