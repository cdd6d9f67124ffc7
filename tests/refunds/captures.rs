//! Refunds of captures.

use crate::asked::*;
use crate::books::settled;
use crate::debt::refund_lots;
use crate::lots::refund;

#[test]
fn a_capture_gives_back_to_the_lots_that_were_held() {
    let (mut s, _) = hold_over_three_lots();
    call(&mut s, "credits_capture('a', 'h', 'c', 115)").has(&[("entry", "7"), ("from_allowance", "100")]);
    assert_eq!(lots(&mut s), ["1 0+0 spent", "2 50+0 active", "3 5+0 active", "4 30+0 active"]);
    refund(&mut s, "'c', 'r1', 20").has(&[
        ("entry", "8"),
        ("amount", "20"),
        ("from_allowance", "5"),
        ("from_credits", "15"),
        ("balance", "105"),
        ("held", "0"),
        ("refers_to", "7"),
    ]);
    s.row("SELECT * FROM credits_history WHERE entry = 8").has(&[
        ("operation", "refund"),
        ("amount", "20"),
        ("feature", "chat"),
        ("actor", "ann"),
    ]);
    assert_eq!(moved(&mut s), ["1 5", "3 15"]);
    refused(&mut s, "LC015", "credits_refund('a', 'c', 'r', 95.000001)");
    refund(&mut s, "'c', 'r2'").has(&[("amount", "95"), ("from_allowance", "95")]);
    assert_eq!(balance(&mut s), "200 100 100 0 0 180");
    // The hold is as its capture left it.
    assert_eq!(state(&mut s, "h"), "0 115 captured");
    refused(&mut s, "LC007", "credits_capture('a', 'h', 'c2')");
    settled(&mut s);
}

#[test]
fn each_capture_of_a_hold_is_refunded_for_itself() {
    let (mut s, _) = hold_over_three_lots();
    call(&mut s, "credits_capture('a', 'h', 'c1', 110, final => false)");
    call(&mut s, "credits_capture('a', 'h', 'c2', 15, final => false)");
    refund(&mut s, "'c1', 'r1', 12").has(&[("from_credits", "10"), ("from_allowance", "2"), ("held", "5")]);
    assert_eq!(lots(&mut s), ["1 2+0 active", "2 50+0 active", "3 10+0 active", "4 20+5 active"]);
    refund(&mut s, "'c2', 'r2'").has(&[("amount", "15"), ("from_credits", "15")]);
    assert_eq!(lots(&mut s), ["1 2+0 active", "2 50+0 active", "3 20+0 active", "4 25+5 active"]);
    assert_eq!(state(&mut s, "h"), "5 125 open");
    // What came back is not held again.
    call(&mut s, "credits_capture('a', 'h', 'c3')").has(&[("amount", "5"), ("held", "0")]);
    refund(&mut s, "'c1', 'r3'").has(&[("amount", "98")]);
    refund(&mut s, "'c3', 'r4'").has(&[("amount", "5"), ("balance", "200")]);
    settled(&mut s);
}

#[test]
fn the_excess_of_a_capture_comes_back_before_what_was_held() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_grant('a', 50, 'buy')");
    call(&mut s, "credits_hold('a', 60, 'h')");
    call(&mut s, "credits_capture('a', 'h', 'c', 180)").has(&[
        ("from_allowance", "100"),
        ("from_credits", "50"),
        ("overdraft", "30"),
    ]);
    refund(&mut s, "'c', 'r1', 45").has(&[("overdraft", "-30"), ("from_credits", "15"), ("from_allowance", "0")]);
    refund(&mut s, "'c', 'r2', 45").has(&[("from_credits", "35"), ("from_allowance", "10")]);
    refund(&mut s, "'c', 'r3'").has(&[("from_allowance", "90"), ("balance", "150")]);
    settled(&mut s);
}

#[test]
fn the_excess_of_a_late_capture_that_was_repaid_comes_back_as_repaid_debt() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_hold('a', 100, 'h')");
    s.at("2026-01-31 13:00+00");
    call(&mut s, "credits_debit('a', 80, 'd')");
    call(&mut s, "credits_capture('a', 'h', 'c')").has(&[("amount", "100"), ("overdraft", "80")]);
    call(&mut s, "credits_grant('a', 90, 'g', expires_at => '2026-02-20 00:00+00')").has(&[("overdraft", "-80")]);
    refund(&mut s, "'c', 'r', 85").has(&[("from_credits", "80"), ("from_allowance", "5"), ("balance", "95")]);
    assert_eq!(refund_lots(&mut s), ["80 02-20 00:00"]);
    settled(&mut s);
}

#[test]
fn what_a_capture_took_of_an_expired_lot_is_forfeited_or_restored() {
    for (how, entries, stands) in [
        ("forfeit", vec!["refund 25 145", "expire -25 120"], "120 120 0 0 0 120"),
        ("restore", vec!["refund 25 145"], "145 120 25 0 0 145"),
    ] {
        let mut s = with_allowance("100", ", rollover_percent => 50");
        s.at("2026-02-28 11:30+00");
        call(&mut s, "credits_hold('a', 60, 'h', '1 hour')");
        s.at("2026-02-28 12:10+00");
        call(&mut s, "credits_capture('a', 'h', 'c', 25)").has(&[("entry", "7"), ("from_allowance", "25")]);
        assert_eq!(balance(&mut s), "120 120 0 0 0 120");
        refund(&mut s, &format!("'c', 'r', if_expired => '{how}'")).has(&[("entry", "9"), ("amount", "25")]);
        assert_eq!(entries_after(&mut s, "8"), entries);
        assert_eq!(balance(&mut s), stands);
        // Used and given back in the second cycle.
        assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "0");
        settled(&mut s);
    }
}

#[test]
fn a_capture_by_quantity_is_refunded_by_quantity() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_define_rate('gpu', 2)");
    call(&mut s, "credits_hold('a', 20, 'h', feature => 'gpu')");
    call(&mut s, "credits_capture('a', 'h', 'c', quantity => 7)").has(&[("amount", "14"), ("balance", "86")]);
    refund(&mut s, "'c', 'r1', quantity => 3").has(&[("amount", "6"), ("from_allowance", "6"), ("balance", "92")]);
    refused(&mut s, "LC015", "credits_refund('a', 'c', 'r', quantity => 4.000001)");
    refund(&mut s, "'c', 'r2', 5").has(&[("amount", "5")]);
    refund(&mut s, "'c', 'r3'").has(&[("amount", "3"), ("balance", "100")]);
    settled(&mut s);
}

#[test]
fn a_capture_of_included_and_package_units_is_refunded_like_a_charge() {
    let mut s = with_allowance("0", "");
    call(&mut s, "credits_define_rate('run', 1, 100, 'package')");
    call(&mut s, "credits_define_plan('team', 50)");
    call(&mut s, "credits_include('team', 'run', 20)");
    call(&mut s, "credits_subscribe('a', 'team', 's')");
    call(&mut s, "credits_hold('a', 5, 'h', feature => 'run')");
    call(&mut s, "credits_capture('a', 'h', 'c', quantity => 250)").has(&[("amount", "3"), ("included", "20")]);
    let quote = "SELECT trim_scale(credits_quote('a', 'run', n)) FROM unnest('{70, 71}'::int[]) n";
    assert_eq!(s.list(quote), ["0", "1"]);
    refused(&mut s, "LC005", "credits_refund('a', 'c', 'r', 1)");
    // 30 and the 70 that are left are a whole package.
    refund(&mut s, "'c', 'r1', quantity => 30").has(&[("amount", "1"), ("included", "0"), ("balance", "48")]);
    refund(&mut s, "'c', 'r2', quantity => 210").has(&[("amount", "2"), ("included", "10"), ("balance", "50")]);
    refund(&mut s, "'c', 'r3'").has(&[("amount", "0"), ("included", "10")]);
    assert_eq!(s.one("SELECT trim_scale(credits_quote('a', 'run', 20))"), "0");
    assert_eq!(s.one("SELECT trim_scale(credits_quote('a', 'run', 21))"), "1");
    settled(&mut s);
}

#[test]
fn a_capture_by_amount_has_no_units() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_define_rate('gpu', 2)");
    call(&mut s, "credits_hold('a', 20, 'h', feature => 'gpu')");
    call(&mut s, "credits_capture('a', 'h', 'c', 14)");
    refused(&mut s, "LC005", "credits_refund('a', 'c', 'r', quantity => 1)");
    refund(&mut s, "'c', 'r'").has(&[("amount", "14")]);
    settled(&mut s);
}

#[test]
fn a_capture_of_nothing_leaves_nothing_to_refund() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_hold('a', 20, 'h')");
    call(&mut s, "credits_capture('a', 'h', 'c', 0)").has(&[("amount", "0")]);
    refused(&mut s, "LC007", "credits_refund('a', 'c', 'r')");
    settled(&mut s);
}
