//! What views and functions show of voids.

use crate::asked::*;
use crate::books::settled;
use crate::remainder::{twenty_of_fifty_spent, void};

#[test]
fn the_history_shows_what_was_voided_and_why() {
    let mut s = twenty_of_fifty_spent("");
    void(&mut s, "'g', 'v', 12, reason => 'entered twice'");
    s.row("SELECT * FROM credits_history WHERE entry = 6").has(&[
        ("operation", "void"),
        ("amount", "-12"),
        ("from_allowance", "0"),
        ("from_credits", "12"),
        ("overdraft", "0"),
        ("balance", "18"),
        ("available", "18"),
        ("feature", "NULL"),
        ("actor", "NULL"),
        ("idempotency_key", "v"),
        ("refers_to", "3"),
        ("reason", "entered twice"),
        ("effective_at", "2026-01-31 12:00:00+00"),
    ]);
    void(&mut s, "'g', 'w', claw_back => true, reason => 'charged back'");
    s.row("SELECT * FROM credits_history WHERE entry = 7").has(&[
        ("operation", "claw_back"),
        ("amount", "-38"),
        ("from_credits", "18"),
        ("overdraft", "20"),
        ("balance", "-20"),
        ("refers_to", "3"),
        ("reason", "charged back"),
    ]);
    let moved = s.list("SELECT entry, operation, lot, lot_kind, trim_scale(amount) FROM credits_allocations WHERE entry > 5 ORDER BY 1");
    assert_eq!(moved, ["6|void|2|purchase|-12", "7|claw_back|2|purchase|-18"]);
    settled(&mut s);
}

#[test]
fn the_grant_still_shows_what_it_was() {
    let mut s = twenty_of_fifty_spent("");
    void(&mut s, "'g', 'v'");
    s.row("SELECT * FROM credits_grants WHERE lot = 2").has(&[
        ("entry", "3"),
        ("kind", "purchase"),
        ("amount", "50"),
        ("remaining", "0"),
        ("held", "0"),
        ("status", "voided"),
        ("price", "5"),
        ("currency", "EUR"),
        ("payment_ref", "pay 1"),
        ("idempotency_key", "g"),
    ]);
    settled(&mut s);
}

#[test]
fn a_voided_lot_stays_voided_when_its_time_comes() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g', expires_at => '2026-02-10 00:00+00')");
    let expiring = "SELECT lot, trim_scale(remaining) FROM credits_expiring";
    assert_eq!(s.list(expiring), ["1|50"]);
    void(&mut s, "'g', 'v'");
    assert_eq!(s.list(expiring), Vec::<String>::new());
    s.at("2026-02-12 00:00+00");
    settled(&mut s);
    assert_eq!(s.one("SELECT status FROM credits_grants"), "voided");
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'expire'"), "0");
}

#[test]
fn voids_are_no_usage() {
    let mut s = twenty_of_fifty_spent("");
    let usage = [
        "SELECT day, feature, actor, credits FROM credits_usage_daily",
        "SELECT cycle, feature, credits FROM credits_usage_by_cycle",
        "SELECT used FROM credits_balance('a')",
    ];
    let before = usage.map(|question| s.list(question));
    void(&mut s, "'g', 'v', claw_back => true");
    assert_eq!(usage.map(|question| s.list(question)), before);
    settled(&mut s);
}

#[test]
fn the_past_is_read_as_it_was() {
    let mut s = twenty_of_fifty_spent("");
    s.at("2026-02-05 00:00+00");
    void(&mut s, "'g', 'v1', 10");
    s.at("2026-02-06 00:00+00");
    void(&mut s, "'g', 'v2', claw_back => true");
    s.at("2026-03-15 00:00+00");
    let figures =
        "trim_scale(balance), trim_scale(allowance), trim_scale(credits), trim_scale(debt), trim_scale(available)";
    for (at, expected) in [
        ("2026-02-04 00:00+00", "30|0|30|0|30"),
        ("2026-02-05 00:00+00", "20|0|20|0|20"),
        ("2026-02-06 00:00+00", "-20|0|0|20|0"),
        ("2026-03-01 00:00+00", "80|80|0|0|80"),
    ] {
        assert_eq!(s.list(&format!("SELECT {figures} FROM credits_balance_at('a', '{at}')")), [expected], "{at}");
    }
    settled(&mut s);
}

#[test]
fn a_void_can_be_redacted_and_its_grant_as_well() {
    let mut s = session();
    call(&mut s, "credits_grant('a', 50, 'g', metadata => '{\"m\": \"marker\"}')");
    call(&mut s, "credits_debit('a', 20, 'd', actor => 'marker')");
    void(&mut s, "'g', 'v', claw_back => true");
    for entry in ["2", "3", "4"] {
        call(&mut s, &format!("credits_redact('a', {entry})")).has(&[("refers_to", entry)]);
        sound(&mut s);
    }
    call(&mut s, "credits_refund('a', 'd', 'r')").has(&[("overdraft", "-20"), ("balance", "0")]);
    settled(&mut s);
}
