//! Charges against budgets: it is the price that counts, and what costs nothing needs no room.

use crate::calls::*;
use credits_ledger_tests::Session;

fn charge(feature: &str, quantity: &str, key: &str, rest: &str) -> String {
    format!("SELECT * FROM credits_charge('a', '{feature}', {quantity}, '{key}'{rest})")
}

/// A charge that must go through at this price.
#[track_caller]
fn costs(s: &mut Session, amount: &str, feature: &str, quantity: &str, key: &str) {
    s.row(&charge(feature, quantity, key, "")).has(&[("accepted", "t"), ("amount", amount), ("replayed", "f")]);
}

#[test]
fn the_price_of_a_charge_counts_not_its_quantity() {
    scenario(|s| {
        s.run("SELECT credits_define_rate('chat', 2.5, 1000)");
        s.run("SELECT credits_set_budget('a', 10, feature => 'chat')");
        costs(s, "7.5", "chat", "3000", "c1");
        let error = over_call(s, &charge("chat", "1001", "c2", ""));
        assert_eq!((error.figure("used"), error.figure("required")), ("7.5", "2.5025"), "{error}");
        s.row(&charge("chat", "1001", "c2", ", on_insufficient => 'refuse'")).has(&[
            ("operation", "charge"),
            ("accepted", "f"),
            ("refused", "LC012"),
            ("amount", "0"),
            ("entry", "NULL"),
            ("balance", "992.5"),
        ]);
        over_call(s, &charge("chat", "1001", "c2", ", on_insufficient => 'partial'"));
        costs(s, "2.5", "chat", "1000", "c2");
        assert_eq!(budgets(s), ["cycle - chat|10 10 0"]);
        s.row(&charge("chat", "400", "c3", ", on_insufficient => 'allow'")).has(&[("accepted", "t"), ("amount", "1")]);
        assert_eq!(budgets(s), ["cycle - chat|10 11 0"]);
    });
}

#[test]
fn debits_and_charges_draw_on_one_budget() {
    scenario(|s| {
        s.run("SELECT credits_define_rate('chat', 2)");
        s.run("SELECT credits_set_budget('a', 10, 'day', 'ann', 'chat')");
        s.row(&charge("chat", "3", "c1", ", 'ann'")).has(&[("amount", "6")]);
        draw(s, "3", "d1", ", 'chat', 'ann'");
        over_call(s, &charge("chat", "1", "c2", ", 'ann'"));
        costs(s, "2", "chat", "1", "c2");
        over(s, "1.5", ", 'chat', 'ann'");
        draw(s, "1", "d2", ", 'chat', 'ann'");
        assert_eq!(budgets(s), ["day ann chat|10 10 0"]);
    });
}

#[test]
fn a_charge_that_takes_only_part_counts_what_it_took() {
    scenario(|s| {
        s.run("SELECT credits_define_rate('chat', 2)");
        s.run("SELECT credits_set_budget('a', 10)");
        s.run("SELECT credits_debit('a', 995, 'most', on_insufficient => 'allow'), credits_set_budget('a', 1000)");
        s.row(&charge("chat", "50", "c", ", on_insufficient => 'partial'")).has(&[
            ("accepted", "t"),
            ("amount", "5"),
            ("balance", "0"),
        ]);
        assert_eq!(budgets(s), ["cycle - -|1000 1000 0"]);
    });
}

#[test]
fn included_units_need_no_room() {
    scenario(|s| {
        s.run("SELECT credits_define_rate('search', 1)");
        s.run("SELECT credits_define_plan('team', 100), credits_include('team', 'search', 50)");
        s.run("SELECT credits_subscribe('a', 'team', 's')");
        s.run("SELECT credits_set_budget('a', 0)");
        s.row(&charge("search", "30", "c1", "")).has(&[("accepted", "t"), ("amount", "0"), ("included", "30")]);
        // 20 units are left, 10 more would cost 10: nothing of it happens, and the 20 are still there.
        let error = over_call(s, &charge("search", "30", "c2", ""));
        assert_eq!((error.figure("budget_limit"), error.figure("required")), ("0", "10"), "{error}");
        s.row(&charge("search", "20", "c2", "")).has(&[("accepted", "t"), ("amount", "0"), ("included", "20")]);
        assert_eq!(over_call(s, &charge("search", "1", "c3", "")).figure("required"), "1");
        assert_eq!(budgets(s), ["cycle - -|0 0 0"]);
    });
}

#[test]
fn units_of_a_package_that_is_paid_need_no_room() {
    scenario(|s| {
        s.run("SELECT credits_define_rate('run', 5, 100, 'package')");
        s.run("SELECT credits_set_budget('a', 5, feature => 'run')");
        costs(s, "5", "run", "1", "c1");
        // The first 99 are paid for; the other one needs a package more, which the budget does not allow.
        assert_eq!(over_call(s, &charge("run", "100", "c2", "")).figure("required"), "5");
        costs(s, "0", "run", "49", "c2");
        // A limit lowered below what was used refuses what draws, and nothing else.
        s.run("SELECT credits_set_budget('a', 3, feature => 'run')");
        costs(s, "0", "run", "50", "c3");
        assert_eq!(over_call(s, &charge("run", "1", "c4", "")).figure("used"), "5");
        assert_eq!(budgets(s), ["cycle - run|3 5 0"]);
    });
}

#[test]
fn what_has_no_price_needs_no_room() {
    scenario(|s| {
        s.run("SELECT credits_define_rate('view', free => true), credits_define_rate('ping', 0)");
        s.run("SELECT credits_define_rate('chat', 3)");
        s.run("SELECT credits_set_budget('a', 10), credits_set_budget('a', 0, 'day', '*', 'view')");
        draw(s, "10", "all", "");
        s.row(&charge("view", "1000000", "v", "")).has(&[("accepted", "t"), ("amount", "0"), ("entry", "NULL")]);
        costs(s, "0", "ping", "1000000", "p");
        costs(s, "0", "chat", "0", "none");
        over_call(s, &charge("chat", "0.000001", "some", ""));
        assert_eq!(budgets(s), ["cycle - -|10 10 0", "day * view|0 0 0 nobody"]);
    });
}

#[test]
fn a_quote_does_not_look_at_budgets() {
    scenario(|s| {
        s.run("SELECT credits_define_rate('chat', 3), credits_set_budget('a', 0)");
        assert_eq!(s.one("SELECT credits_quote('a', 'chat', 4)"), "12");
        assert_eq!(budgets(s), ["cycle - -|0 0 0"]);
    });
}
