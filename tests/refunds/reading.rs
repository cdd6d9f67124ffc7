//! What views and functions show of refunds.

use crate::asked::*;
use crate::books::settled;
use crate::lots::{debit_over_three_lots, refund};

#[test]
fn the_history_shows_the_debit_that_was_refunded_and_why() {
    let mut s = debit_over_three_lots();
    s.at("2026-01-31 13:00+00");
    refund(&mut s, "'d', 'r', 25, reason => 'it failed'");
    s.row("SELECT * FROM credits_history WHERE entry = 7").has(&[
        ("account", "a"),
        ("operation", "refund"),
        ("amount", "25"),
        ("from_allowance", "0"),
        ("from_credits", "25"),
        ("overdraft", "0"),
        ("balance", "95"),
        ("available", "80"),
        ("feature", "chat"),
        ("included", "0"),
        ("actor", "ann"),
        ("resource", "doc 7"),
        ("idempotency_key", "r"),
        ("refers_to", "6"),
        ("reason", "it failed"),
        ("effective_at", "2026-01-31 13:00:00+00"),
        ("recorded_at", "2026-01-31 13:00:00+00"),
    ]);
    let path = s.list(
        "SELECT d.operation, d.lot, trim_scale(d.amount), r.operation, trim_scale(r.amount)
         FROM credits_history h
         JOIN credits_allocations d ON d.account = h.account AND d.entry = h.refers_to
         JOIN credits_allocations r ON r.account = h.account AND r.entry = h.entry AND r.lot = d.lot
         WHERE h.operation = 'refund' ORDER BY d.lot",
    );
    assert_eq!(path, ["debit|3|-20|refund|15", "debit|4|-10|refund|10"]);
    settled(&mut s);
}

#[test]
fn refunds_count_negative_on_the_day_and_in_the_cycle_in_which_they_happen() {
    let mut s = debit_over_three_lots();
    call(&mut s, "credits_debit('a', 20, 'd2', 'chat', 'bob')");
    s.at("2026-02-02 00:00+00");
    refund(&mut s, "'d', 'r1', 5");
    s.at("2026-03-02 00:00+00");
    refund(&mut s, "'d', 'r2', 50, if_expired => 'restore'");
    let daily = s.list(
        "SELECT day, feature, actor, trim_scale(credits), trim_scale(from_allowance), trim_scale(from_credits)
         FROM credits_usage_daily ORDER BY day, actor",
    );
    assert_eq!(
        daily,
        [
            "2026-01-31|chat|ann|130|100|30",
            "2026-01-31|chat|bob|20|0|20",
            "2026-02-02|chat|ann|-5|0|-5",
            // 5 of the promo that lasts, 20 and 25 restored.
            "2026-03-02|chat|ann|-50|0|-50",
        ]
    );
    for view in ["credits_usage_by_cycle", "credits_invoice_lines"] {
        let cycles = s.list(&format!(
            "SELECT cycle, feature, trim_scale(credits), trim_scale(from_allowance), trim_scale(from_credits) FROM {view}
             WHERE credits <> 0 ORDER BY cycle"
        ));
        assert_eq!(cycles, ["1|chat|145|100|45", "2|chat|-50|0|-50"], "{view}");
    }
    assert_eq!(s.list("SELECT cycle, trim_scale(used) FROM credits_cycles ORDER BY 1"), ["1|145", "2|-50"]);
    assert_eq!(s.one("SELECT used FROM credits_balance('a')"), "-50");
    settled(&mut s);
}

#[test]
fn units_count_negative_where_they_come_back() {
    let mut s = with_allowance("100", "");
    call(&mut s, "credits_define_rate('mail', 2)");
    call(&mut s, "credits_define_plan('team', 50)");
    call(&mut s, "credits_include('team', 'mail', 4)");
    call(&mut s, "credits_subscribe('a', 'team', 's')");
    call(&mut s, "credits_charge('a', 'mail', 10, 'c', 'ann')").has(&[("included", "4"), ("amount", "12")]);
    s.at("2026-02-02 00:00+00");
    refund(&mut s, "'c', 'r', quantity => 7").has(&[("amount", "12"), ("included", "1")]);
    let daily = s.list(
        "SELECT day, feature, actor, trim_scale(quantity), trim_scale(credits) FROM credits_usage_daily ORDER BY day",
    );
    assert_eq!(daily, ["2026-01-31|mail|ann|10|12", "2026-02-02|mail|ann|-7|-12"]);
    for view in ["credits_usage_by_cycle", "credits_invoice_lines"] {
        let cycle = s.list(&format!(
            "SELECT trim_scale(quantity), trim_scale(included), trim_scale(credits) FROM {view} WHERE feature = 'mail'"
        ));
        assert_eq!(cycle, ["3|3|0"], "{view}");
    }
    settled(&mut s);
}

#[test]
fn the_past_is_read_as_it_was() {
    let mut s = debit_over_three_lots();
    s.at("2026-02-05 00:00+00");
    refund(&mut s, "'d', 'r1', 45");
    s.at("2026-02-12 00:00+00");
    refund(&mut s, "'d', 'r2', 40");
    s.at("2026-03-15 00:00+00");
    let figures =
        "trim_scale(balance), trim_scale(allowance), trim_scale(credits), trim_scale(available), trim_scale(used)";
    for (at, expected) in [
        ("2026-02-04 00:00+00", "70|0|70|70|130"),
        ("2026-02-05 00:00+00", "115|15|100|95|85"),
        ("2026-02-10 00:00+00", "95|15|80|95|85"),
        ("2026-02-12 00:00+00", "135|55|80|135|45"),
        ("2026-03-01 00:00+00", "180|100|80|180|0"),
    ] {
        assert_eq!(s.list(&format!("SELECT {figures} FROM credits_balance_at('a', '{at}')")), [expected], "{at}");
    }
    settled(&mut s);
}

#[test]
fn expiring_shows_what_came_back() {
    let mut s = debit_over_three_lots();
    let expiring = "SELECT lot, kind, trim_scale(remaining), expires_at FROM credits_expiring ORDER BY lot";
    assert_eq!(s.list(expiring), Vec::<String>::new());
    refund(&mut s, "'d', 'r1', 25");
    assert_eq!(s.list(expiring), ["3|promo|15|2026-02-10 00:00:00+00"]);
    s.at("2026-02-12 00:00+00");
    refund(&mut s, "'d', 'r2', 15, if_expired => 'restore'");
    assert_eq!(s.list(expiring), ["1|allowance|10|2026-02-28 12:00:00+00", "5|refund|5|2026-02-28 12:00:00+00"]);
    settled(&mut s);
}

#[test]
fn redaction_reaches_the_debit_and_its_refund() {
    let mut s = with_allowance("100", "");
    for call_ in [
        "credits_set_budget('a', 100, 'day', '*')",
        "credits_debit('a', 10, 'd1', 'chat', 'marker-actor', 'marker-resource', metadata => '{\"m\": \"marker\"}')",
        "credits_debit('a', 20, 'd2', 'chat', 'marker-actor', 'marker-resource')",
        "credits_refund('a', 'd1', 'r1', 4)",
        "credits_redact('a', 4)",
        "credits_redact('a', 6)",
        "credits_redact('a', 5)",
    ] {
        call(&mut s, call_);
        sound(&mut s);
    }
    // What was redacted can still be refunded, and nothing tells of whom.
    refund(&mut s, "'d1', 'r2'").has(&[("amount", "6")]);
    refund(&mut s, "'d2', 'r3', 7").has(&[("amount", "7"), ("balance", "87")]);
    call(&mut s, "credits_refund('a', 'd1', 'r1', 4)").has(&[("replayed", "t")]);
    let shown = s.list("SELECT DISTINCT actor, resource FROM credits_history");
    assert_eq!(shown, ["NULL|NULL"]);
    // What is counted against the actor's budget stays until its period is over.
    for table in ["entries", "accounts", "lots", "refunded", "debts"] {
        let rows = s.list(&format!("SELECT t::text FROM credits_ledger.{table} t WHERE t::text LIKE '%marker%'"));
        assert_eq!(rows, Vec::<String>::new(), "{table}");
    }
    settled(&mut s);
}
