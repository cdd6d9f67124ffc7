//! What `credits_verify` says of edited rows, and that requests survive.

use crate::asked::*;
use credits_ledger_tests::Session;

/// An account with a completed request, one that a purchase closed, a cancelled and an open one.
fn history(s: &mut Session) {
    with_credits(s, "100", ", monthly_limit => 500");
    debit(s, "30", "d1");
    claim_one(s);
    complete(s, 1, "pi_1");
    debit(s, "30", "d2");
    s.run("SELECT credits_purchase('a', 'pack', 'pi_2', 'webhook')");
    complete(s, 2, "pi_2");
    debit(s, "60", "d3");
    set(s, "100, 'pack', payment_method => 'card', enabled => false");
    claim(s);
    set(s, "100, 'pack', payment_method => 'card', monthly_limit => 500");
    assert_eq!(
        requests(s),
        ["1 completed 1 50 4 EUR", "2 completed 1 50 4 EUR", "3 cancelled 1 50 4 EUR", "4 open 1 50 4 EUR"]
    );
    sound(s);
}

#[test]
fn edits_of_requests_and_of_their_settings_are_named() {
    let (_, mut s) = shop();
    history(&mut s);
    for edit in [
        "auto_recharges SET threshold = 0",
        "auto_recharges SET pack = 'other'",
        "auto_recharges SET trigger = 'at_or_below'",
        "auto_recharges SET measure = 'credits'",
        "auto_recharges SET max_packs = 9",
        "auto_recharges SET monthly_limit = NULL",
        "auto_recharges SET payment_method = 'mine'",
        "auto_recharges SET enabled = false",
        "recharges SET credits = credits + 1 WHERE recharge = 1",
        "recharges SET price = price - 1 WHERE recharge = 4",
        "recharges SET currency = 'USD' WHERE recharge = 2",
        "recharges SET quantity = 9 WHERE recharge = 4",
        "recharges SET pack = 'other' WHERE recharge = 3",
        "recharges SET requested_at = requested_at + interval '1 day' WHERE recharge = 3",
        "recharges SET settled_at = settled_at + interval '1 day' WHERE recharge = 1",
        "recharges SET status = 'completed' WHERE recharge = 3",
        "recharges SET status = 'completed', payment_ref = 'pi_1', credited_by = 5 WHERE recharge = 3",
        "recharges SET status = 'cancelled', settled_at = due_at, due_at = NULL WHERE recharge = 4",
        "recharges SET status = 'cancelled', payment_ref = NULL, credited_by = NULL WHERE recharge = 1",
        "recharges SET payment_ref = 'pi_3' WHERE recharge = 2",
        "recharges SET credited_by = credited_by + 1 WHERE recharge = 2",
        "recharges SET recharge = 9 WHERE recharge = 3",
        "accounts SET recharge_at = 5",
        "accounts SET extras = extras - 64",
        "events SET payload = payload || '{\"price\": \"1\"}' WHERE type = 'recharge.requested' AND event = 1",
        "events SET type = 'alert.low' WHERE type = 'recharge.completed'",
    ] {
        s.run("BEGIN");
        s.run(&format!("UPDATE credits_ledger.{edit}"));
        assert_ne!(s.one("SELECT count(*) FROM credits_verify()"), "0", "{edit}");
        s.run("ROLLBACK");
    }
    for table in ["auto_recharges", "recharges"] {
        for statement in [format!("DELETE FROM credits_ledger.{table}"), format!("TRUNCATE credits_ledger.{table}")] {
            assert_eq!(s.error(&statement).code, "LC013", "{statement}");
        }
    }
    // Two open requests cannot be, by whatever way.
    let forged =
        "INSERT INTO credits_ledger.recharges (account, recharge, status, pack, quantity, credits, price, currency,
        requested_at, attempts) VALUES ('a', 5, 'open', 'pack', 1, 50, 4, 'EUR', now(), 0)";
    assert_eq!(s.error(forged).code, "23505");
    sound(&mut s);
}

#[test]
fn the_past_stays_as_it_was() {
    let (_, mut s) = shop();
    history(&mut s);
    let then = s.one("SELECT max(recorded_at) FROM credits_history");
    s.at("2026-02-20 00:00+00");
    complete(&mut s, 4, "pi_4").has(&[("available", "130")]);
    assert_eq!(s.one(&format!("SELECT trim_scale(available) FROM credits_balance_at('a', '{then}')")), "80");
    sound(&mut s);
}
