//! Every verb and view once, with the figures that must come out, wherever the extension is installed and
//! whatever the search_path is. The statements use no operator and no function but the extension's own.

use credits_ledger_tests::{Row, Session};

pub const VIEWS: [&str; 20] = [
    "credits_accounts",
    "credits_history",
    "credits_grants",
    "credits_allocations",
    "credits_cycles",
    "credits_usage_daily",
    "credits_usage_by_cycle",
    "credits_expiring",
    "credits_holds",
    "credits_plans",
    "credits_subscriptions",
    "credits_rates",
    "credits_features",
    "credits_budgets",
    "credits_invoice_lines",
    "credits_packs",
    "credits_auto_recharges",
    "credits_recharges",
    "credits_alerts",
    "credits_events",
];

fn expect(row: &Row, figures: &[(&str, &str)], call: &str) {
    for (column, value) in figures {
        assert_eq!(row.get(column), *value, "{call}: {column}");
    }
}

/// Calls each verb on new accounts of this name. `schema` is the prefix of the extension's schema, with its
/// dot, or empty.
pub fn call_every_verb(s: &mut Session, schema: &str, name: &str) {
    let mut call = |call: &str, figures: &[(&str, &str)]| {
        let sql = format!("SELECT * FROM {schema}{call}");
        expect(&s.row(&sql), figures, &sql);
    };
    let open = format!("credits_open_account('{name}', 100, '0', rollover_percent => 50, overdraft_limit => 5)");
    call(&open, &[("allowance", "100"), ("status", "open"), ("entry", "2")]);
    call(
        &format!("credits_grant('{name}', 20, 'g', price => 5, currency => 'EUR', payment_ref => 'p-{name}')"),
        &[("entry", "3"), ("from_credits", "20"), ("balance", "120")],
    );
    call(
        &format!("credits_grant('{name}', 10, 'gf', 'promo', expires_in => '30 days', features => ARRAY['chat'])"),
        &[("credits", "30"), ("available", "120"), ("balance", "130")],
    );
    let debit =
        format!("credits_debit('{name}', 30.5, 'd', 'chat', 'ann', 'doc', 'error', '{{\"trace\": [1, \"two\"]}}')");
    let receipt = [("entry", "5"), ("from_allowance", "30.5"), ("from_credits", "0"), ("balance", "99.5")];
    call(&debit, &[&receipt[..], &[("replayed", "f")]].concat());
    call(&debit, &[&receipt[..], &[("replayed", "t")]].concat());
    call(
        &format!("credits_debit('{name}', 200, 'no', on_insufficient => 'refuse')"),
        &[("accepted", "f"), ("refused", "LC001"), ("balance", "99.5")],
    );
    call(&format!("credits_balance('{name}')"), &[("allowance", "69.5"), ("credits", "30"), ("used", "30.5")]);
    call(&format!("credits_forecast('{name}')"), &[("state", "ok"), ("used", "30.5")]);
    let at = s.row(&format!("SELECT as_of FROM {schema}credits_balance('{name}')")).get("as_of").to_owned();

    let plan = s.rows(&format!(
        "SELECT kind, takes FROM {schema}credits_explain_debit('{name}', 80, 'chat') WHERE lot IS NOT NULL"
    ));
    let plan: Vec<_> = plan.iter().map(|r| (r.get("kind"), r.get("takes"))).collect();
    assert_eq!(plan, [("allowance", "69.5"), ("promo", "10"), ("purchase", "0.5")]);

    let many = s.rows(&format!(
        "SELECT * FROM {schema}credits_debit_many(ARRAY['{name}','{name}'], ARRAY[9.5,1], ARRAY['m1','m2'], ARRAY['chat',NULL])"
    ));
    assert_eq!(many.iter().map(|r| r.get("allowance")).collect::<Vec<_>>(), ["60", "59"]);
    let many = s.rows(&format!(
        "SELECT * FROM {schema}credits_grant_many(ARRAY['{name} 2','{name}'], ARRAY[3,4], ARRAY['m3','m3'])"
    ));
    assert_eq!(many.iter().map(|r| r.get("balance")).collect::<Vec<_>>(), ["3", "93"]);

    let mut call = |call: &str, figures: &[(&str, &str)]| {
        let sql = format!("SELECT * FROM {schema}{call}");
        expect(&s.row(&sql), figures, &sql);
    };
    call(&format!("credits_balance_at('{name}', '{at}')"), &[("allowance", "69.5"), ("credits", "30")]);
    call(
        &format!("credits_hold('{name}', 40, 'h', '1 hour', 'chat', 'ann', 'doc')"),
        &[("amount", "40"), ("from_allowance", "40"), ("allowance", "19"), ("held", "40"), ("balance", "93")],
    );
    call(&format!("credits_extend_hold('{name}', 'h', 'e', '2 hours')"), &[("operation", "extend"), ("held", "40")]);
    call(
        &format!("credits_capture('{name}', 'h', 'c', 10, final => false)"),
        &[("amount", "10"), ("from_allowance", "10"), ("allowance", "19"), ("held", "30"), ("balance", "83")],
    );
    call(
        &format!("credits_refund('{name}', 'c', 'rc', 4, reason => 'why')"),
        &[("operation", "refund"), ("from_allowance", "4"), ("allowance", "23"), ("balance", "87")],
    );
    call(
        &format!("credits_debit('{name}', 4, 'd4')"),
        &[("from_allowance", "4"), ("allowance", "19"), ("balance", "83")],
    );
    call(&format!("credits_hold('{name}', 15, 'h2')"), &[("allowance", "4"), ("held", "45"), ("balance", "83")]);
    call(
        &format!("credits_release('{name}', 'h2', 'l')"),
        &[("amount", "15"), ("from_allowance", "15"), ("allowance", "19"), ("held", "30"), ("balance", "83")],
    );
    // What is held neither rolls over nor expires.
    call(
        &format!("credits_reset_cycle('{name}', 'r')"),
        &[
            ("cycles_closed", "1"),
            ("rolled_over", "9.5"),
            ("expired", "9.5"),
            ("granted", "100"),
            ("allowance", "109.5"),
            ("balance", "173.5"),
        ],
    );
    call(
        &format!("credits_void_grant('{name}', 'p-{name}', 'v', 2)"),
        &[("operation", "void"), ("from_credits", "2"), ("balance", "171.5")],
    );
    call(&format!("credits_grant('{name}', 2, 'g2')"), &[("from_credits", "2"), ("balance", "173.5")]);
    call(&format!("credits_configure_account('{name}', overdraft_limit => 7)"), &[("overdraft_limit", "7")]);
    call(&format!("credits_redact('{name}', 5)"), &[("operation", "redact"), ("refers_to", "5")]);
    call(&format!("credits_freeze_account('{name}', 'why')"), &[("status", "frozen")]);
    call(
        &format!("credits_set_alert('{name}', 'few', below => 5)"),
        &[("alert", "few"), ("below", "5"), ("enabled", "t"), ("fired_at", "NULL")],
    );
    call(&format!("credits_ack_event('{name}', 3)"), &[("credits_ack_event", "t")]);
    call(
        &format!("credits_capture('{name}', 'h', 'c2')"),
        &[("amount", "30"), ("from_allowance", "30"), ("allowance", "109.5"), ("held", "0"), ("balance", "143.5")],
    );
    call(&format!("credits_unfreeze_account('{name}')"), &[("status", "open")]);
    call(&format!("credits_close_account('{name} 2', 'why')"), &[("status", "closed"), ("balance", "0")]);

    call_verbs_of_plans(s, schema, &format!("{name} 3"));
    call_verbs_of_packs(s, schema, &format!("{name} 4"));

    assert_eq!(s.error(&format!("SELECT {schema}credits_debit('{name}', 500, 'k')")).code, "LC001");
    assert_eq!(s.error(&format!("SELECT {schema}credits_debit('{name}', 31, 'd')")).code, "LC003");
    assert_eq!(s.error(&format!("SELECT {schema}credits_debit('nobody', 31, 'd')")).code, "LC002");
    s.one(&format!("SELECT {schema}credits_maintain(10)"));
    for view in VIEWS {
        assert!(!s.rows(&format!("SELECT * FROM {schema}{view}")).is_empty(), "{view} shows nothing");
    }
    assert_eq!(s.list(&format!("SELECT * FROM {schema}credits_verify()")), Vec::<String>::new());
    assert_eq!(s.list(&format!("SELECT * FROM {schema}credits_verify('{name}')")), Vec::<String>::new());
}

/// Plans, rates, features and budgets, on a new account of this name. Definitions are for all accounts: made once more,
/// they are those that are there.
fn call_verbs_of_plans(s: &mut Session, schema: &str, name: &str) {
    let mut call = |call: &str, figures: &[(&str, &str)]| {
        let sql = format!("SELECT * FROM {schema}{call}");
        expect(&s.row(&sql), figures, &sql);
    };
    call(
        "credits_define_plan('base', 100, per_seat => true, seat_cap => 5, rollover_percent => 50, rollover_max => 30)",
        &[("allowance", "100"), ("seat_cap", "5"), ("version", "1")],
    );
    call(
        "credits_define_plan('more', 300, rank => 1, metadata => '{\"price\": 9}')",
        &[("rank", "1"), ("version", "1")],
    );
    call(
        "credits_define_plan('try', 40, trial => true, trial_period => '14 days')",
        &[("trial_period", "14 days"), ("version", "1")],
    );
    call("credits_include('base', 'chat', 10)", &[("units", "10"), ("version", "1")]);
    call("credits_include('more', 'chat', 20)", &[("units", "20"), ("version", "1")]);
    call("credits_define_rate('chat', 2)", &[("credits", "2"), ("model", "per_unit"), ("version", "1")]);
    call("credits_define_rate('run', 1, 100, 'package')", &[("per_units", "100"), ("version", "1")]);
    call("credits_define_rate('help', free => true)", &[("free", "t"), ("version", "1")]);

    call(&format!("credits_open_account('{name}', 0, '0')"), &[("entry", "1"), ("balance", "0")]);
    call(
        &format!("credits_subscribe('{name}', 'base', 's', 2)"),
        &[("entry", "2"), ("amount", "200"), ("from_allowance", "200"), ("balance", "200")],
    );
    call(&format!("credits_set_feature('{name}', 'image', false)"), &[("feature", "image"), ("enabled", "f")]);
    call(
        &format!("credits_set_budget('{name}', 20, actor => 'ann')"),
        &[("budget_limit", "20"), ("used", "0"), ("remaining", "20")],
    );
    call(
        &format!("credits_set_budget('{name}', 500, 'month', '*', 'chat')"),
        &[("budget_limit", "500"), ("period", "month"), ("used", "0")],
    );
    call(&format!("credits_quote('{name}', 'chat', 15)"), &[("credits_quote", "10")]);
    let charge = format!("credits_charge('{name}', 'chat', 15, 'c', 'ann', 'doc', metadata => '{{\"trace\": 1}}')");
    let receipt = [("entry", "6"), ("amount", "10"), ("included", "10"), ("from_allowance", "10"), ("balance", "190")];
    call(&charge, &[&receipt[..], &[("replayed", "f")]].concat());
    call(&charge, &[&receipt[..], &[("replayed", "t")]].concat());
    call(&format!("credits_charge('{name}', 'run', 130, 'r')"), &[("amount", "2"), ("balance", "188")]);
    call(&format!("credits_charge('{name}', 'run', 70, 'r2')"), &[("amount", "0"), ("balance", "188")]);
    call(&format!("credits_charge('{name}', 'help', 5, 'h')"), &[("entry", "NULL"), ("amount", "0")]);
    for (feature, quantity, actor, code) in [
        ("image", 1, "ann", "LC010"),
        ("film", 1, "ann", "LC014"),
        ("chat", 500, "bob", "LC001"),
        ("chat", 6, "ann", "LC012"),
    ] {
        let sql = format!("SELECT {schema}credits_charge('{name}', '{feature}', {quantity}, 'no', '{actor}')");
        assert_eq!(s.error(&sql).code, code, "{sql}");
    }

    let mut call = |call: &str, figures: &[(&str, &str)]| {
        let sql = format!("SELECT * FROM {schema}{call}");
        expect(&s.row(&sql), figures, &sql);
    };
    call(&format!("credits_set_seats('{name}', 'base', 9, 'seats')"), &[("amount", "300"), ("balance", "488")]);
    call(&format!("credits_subscribe('{name}', 'try', 't')"), &[("from_credits", "40"), ("balance", "528")]);
    call(&format!("credits_unsubscribe('{name}', 'try', 'end', 'now')"), &[("amount", "0"), ("balance", "528")]);
    call(&format!("credits_change_plan('{name}', 'base', 'more', 'up')"), &[("amount", "300"), ("balance", "828")]);
    call(
        &format!("credits_change_plan('{name}', 'more', 'base', 'down', unused_allowance => 'expire')"),
        &[("entry", "13"), ("amount", "0"), ("balance", "828")],
    );
    // 300 of `more` expire; of base's 500 less the 12 drawn 30 roll over; 5 of 9 seats count in the new cycle.
    call(
        &format!("credits_reset_cycle('{name}', 'r3')"),
        &[("cycles_closed", "1"), ("rolled_over", "30"), ("expired", "758"), ("granted", "500"), ("balance", "530")],
    );
    call(&format!("credits_unsubscribe('{name}', 'base', 'end 2')"), &[("amount", "0"), ("balance", "530")]);
}

/// Packs, purchases and auto-recharge, on a new account of this name.
fn call_verbs_of_packs(s: &mut Session, schema: &str, name: &str) {
    let mut call = |call: &str, figures: &[(&str, &str)]| {
        let sql = format!("SELECT * FROM {schema}{call}");
        expect(&s.row(&sql), figures, &sql);
    };
    call("credits_define_pack('small', 100, 5, 'EUR')", &[("credits", "100"), ("version", "1")]);
    call("credits_define_pack('any', 100, 3, 'EUR', 2)", &[("minimum_price", "2"), ("version", "1")]);
    let buy = format!("credits_purchase('{name}', 'any', 'pi {name}', 'b', 2)");
    let receipt = [("entry", "2"), ("amount", "66.666666"), ("balance", "66.666666")];
    call(&buy, &[&receipt[..], &[("replayed", "f")]].concat());
    call(&buy, &[&receipt[..], &[("replayed", "t")]].concat());
    call(&format!("credits_check_purchase('{name}', 'small', 4)"), &[("credits_check_purchase", "100")]);
    let set =
        format!("credits_set_auto_recharge('{name}', 50, 'small', payment_method => 'card', monthly_limit => 20)");
    call(&set, &[("status", "active"), ("failures", "0")]);
    call(&format!("credits_debit('{name}', 36.666666, 'd')"), &[("available", "30")]);
    call("credits_claim_recharges()", &[("account", name), ("attempt", "1"), ("price", "5"), ("credits", "100")]);
    call(
        &format!("credits_fail_recharge('{name}', 1, 1, 'card_declined', 'no', suspend => true)"),
        &[("status", "failed"), ("last_error_code", "card_declined")],
    );
    call(&format!("credits_resume_auto_recharge('{name}')"), &[("status", "active")]);
    call(
        &format!("credits_complete_recharge('{name}', 2, 'pi 2 {name}')"),
        &[("operation", "recharge"), ("amount", "100"), ("balance", "130")],
    );
}
