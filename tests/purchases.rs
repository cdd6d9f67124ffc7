//! Packs, what may be bought, and payments that are credited once.

use credits_ledger_tests::{Row, Server, Session};

const JAN: &str = "2026-01-31 12:00+00";

/// A database with some packs, at [`JAN`].
fn shop() -> Session {
    let db = Server::shared().database();
    let mut s = db.session();
    s.at(JAN);
    s.run("SELECT credits_define_pack('small', 100, 5, 'EUR')");
    s.run("SELECT credits_define_pack('any', 1000, 30, 'USD', minimum_price => 10)");
    s
}

fn buy(s: &mut Session, arguments: &str) -> Row {
    s.row(&format!("SELECT * FROM credits_purchase({arguments})"))
}

fn code(s: &mut Session, call: &str) -> String {
    s.error(&format!("SELECT * FROM {call}")).code
}

fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn a_fixed_pack_gives_its_credits_and_records_what_was_paid() {
    let mut s = shop();
    s.run("SELECT credits_open_account('a', 10)");
    assert_eq!(s.one("SELECT credits_check_purchase('a', 'small')"), "100");
    buy(&mut s, "'a', 'small', 'pi_1', 'k1'").has(&[
        ("entry", "3"),
        ("operation", "purchase"),
        ("idempotency_key", "k1"),
        ("accepted", "t"),
        ("replayed", "f"),
        ("amount", "100"),
        ("from_allowance", "0"),
        ("from_credits", "100"),
        ("overdraft", "0"),
        ("balance", "110"),
        ("credits", "100"),
    ]);
    // Paid at another price: that price, and the same credits.
    assert_eq!(s.one("SELECT credits_check_purchase('a', 'small', 0.01)"), "100");
    buy(&mut s, "'a', 'small', 'pi_2', 'k2', 3.99").has(&[("amount", "100"), ("balance", "210")]);
    assert_eq!(
        s.list(
            "SELECT lot, kind, trim_scale(amount), trim_scale(price), currency, payment_ref, idempotency_key, priority,
                 expires_at FROM credits_grants WHERE kind = 'purchase' ORDER BY lot"
        ),
        ["2|purchase|100|5|EUR|pi_1|k1|100|NULL", "3|purchase|100|3.99|EUR|pi_2|k2|100|NULL"]
    );
    assert_eq!(
        s.list("SELECT operation, kind, trim_scale(amount), pack FROM credits_history WHERE entry > 2 ORDER BY entry"),
        ["purchase|purchase|100|small", "purchase|purchase|100|small"]
    );
    sound(&mut s);
}

#[test]
fn a_pack_with_a_minimum_price_scales_with_what_was_paid_rounded_down() {
    let mut s = shop();
    s.run("SELECT credits_open_account('a')");
    for (price, credits) in [
        ("NULL", "1000"),
        ("30", "1000"),
        ("10", "333.333333"),
        ("10.000001", "333.333366"),
        ("59.99", "1999.666666"),
        ("3000000", "100000000"),
    ] {
        assert_eq!(s.one(&format!("SELECT credits_check_purchase('a', 'any', {price})")), credits, "{price}");
        buy(&mut s, &format!("'a', 'any', 'pi {price}', 'k {price}', {price}")).has(&[("amount", credits)]);
    }
    let under = "SELECT credits_check_purchase('a', 'any', 9.999999)";
    assert_eq!(s.error(under).figure("minimum_price"), "10");
    assert_eq!(code(&mut s, "credits_check_purchase('a', 'any', 9.999999)"), "LC008");
    assert_eq!(code(&mut s, "credits_purchase('a', 'any', 'pi', 'k', 9.999999)"), "LC008");
    // More credits than an account can hold.
    assert_eq!(code(&mut s, "credits_check_purchase('a', 'any', 99999999999999)"), "LC004");
    assert_eq!(code(&mut s, "credits_purchase('a', 'any', 'pi', 'k', 99999999999999)"), "LC004");
    assert_eq!(s.one("SELECT count(*) FROM credits_grants"), "6");
    sound(&mut s);
}

#[test]
fn a_payment_is_credited_once() {
    let mut s = shop();
    let first = buy(&mut s, "'a', 'small', 'pi_1', 'k1'");
    // Again under the same key: the receipt as it was, whatever happened since.
    s.run("SELECT credits_debit('a', 60, 'd'), credits_define_pack('small', 200, 9, 'EUR')");
    let again = buy(&mut s, "'a', 'small', 'pi_1', 'k1'");
    again.has(&[("replayed", "t")]);
    for column in ["entry", "amount", "balance", "credits", "recorded_at"] {
        assert_eq!(again.get(column), first.get(column), "{column}");
    }
    // The key of another request.
    for other in ["'a', 'any', 'pi_1', 'k1'", "'a', 'small', 'pi_2', 'k1'", "'a', 'small', 'pi_1', 'k1', 5"] {
        assert_eq!(code(&mut s, &format!("credits_purchase({other})")), "LC003", "{other}");
    }
    // The payment under another key, by any verb.
    let error = s.error("SELECT credits_purchase('a', 'any', 'pi_1', 'k2')");
    assert_eq!((error.code.as_str(), error.figure("entry")), ("LC009", "2"));
    let grant = |payment: &str, key: &str| {
        format!("credits_grant('a', 1, '{key}', price => 1, currency => 'EUR', payment_ref => '{payment}')")
    };
    assert_eq!(code(&mut s, &grant("pi_1", "k3")), "LC009");
    s.run(&format!("SELECT {}", grant("pi_4", "k4")));
    assert_eq!(code(&mut s, "credits_purchase('a', 'small', 'pi_4', 'k5')"), "LC009");
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "41"), ("entry", "4")]);
    sound(&mut s);
    // On another account nobody can tell before, and credits_verify tells after.
    s.run("SELECT credits_purchase('b', 'small', 'pi_1', 'k1')");
    let found = s.list("SELECT account, entry, problem LIKE '%pi_1%' FROM credits_verify()");
    assert_eq!(found, ["a|2|t", "b|2|t"]);
}

#[test]
fn a_purchase_opens_an_unknown_account() {
    let mut s = shop();
    buy(&mut s, "'new', 'small', 'pi_1', 'k'").has(&[("entry", "2"), ("balance", "100")]);
    assert_eq!(
        s.list("SELECT operation FROM credits_history WHERE account = 'new' ORDER BY entry"),
        ["open", "purchase"]
    );
    // It takes the settings of its first opening, as after a grant.
    s.row("SELECT * FROM credits_open_account('new', 50)").has(&[("allowance", "50"), ("credits", "100")]);
    assert_eq!(code(&mut s, "credits_check_purchase('other', 'small')"), "LC002");
    // A purchase that cannot be leaves no account behind.
    assert_eq!(code(&mut s, "credits_purchase('other', 'none', 'pi', 'k')"), "LC006");
    assert_eq!(s.one("SELECT count(*) FROM credits_accounts WHERE account = 'other'"), "0");
    sound(&mut s);
}

#[test]
fn plans_may_forbid_the_checkout_and_never_what_was_paid() {
    let mut s = shop();
    s.run("SELECT credits_define_plan('closed', 10, purchases => false), credits_define_plan('also', 5, purchases => false)");
    s.run("SELECT credits_define_plan('free', 1)");
    s.run("SELECT credits_open_account('a')");
    // An account without a plan may buy.
    assert_eq!(s.one("SELECT credits_check_purchase('a', 'small')"), "100");
    s.run("SELECT credits_subscribe('a', 'closed', 's1')");
    assert_eq!(code(&mut s, "credits_check_purchase('a', 'small')"), "LC008");
    s.run("SELECT credits_subscribe('a', 'also', 's2')");
    assert_eq!(code(&mut s, "credits_check_purchase('a', 'small')"), "LC008");
    buy(&mut s, "'a', 'small', 'pi_1', 'k1'").has(&[("amount", "100"), ("accepted", "t")]);
    // One that allows it is enough.
    s.run("SELECT credits_subscribe('a', 'free', 's3')");
    assert_eq!(s.one("SELECT credits_check_purchase('a', 'small')"), "100");
    // From the next cycle on it is given up, recorded or not.
    s.run("SELECT credits_unsubscribe('a', 'free', 'u3')");
    assert_eq!(s.one("SELECT credits_check_purchase('a', 'small')"), "100");
    s.at("2026-02-28 12:00+00");
    assert_eq!(code(&mut s, "credits_check_purchase('a', 'small')"), "LC008");
    // A new definition counts at once.
    s.run("SELECT credits_define_plan('also', 5)");
    assert_eq!(s.one("SELECT credits_check_purchase('a', 'small')"), "100");
    sound(&mut s);
}

#[test]
fn a_frozen_account_is_not_sent_to_the_checkout_and_keeps_what_it_paid() {
    let mut s = shop();
    s.run("SELECT credits_open_account('a', overdraft_limit => 30), credits_debit('a', 30, 'd')");
    s.run("SELECT credits_freeze_account('a', 'why')");
    assert_eq!(code(&mut s, "credits_check_purchase('a', 'small')"), "LC011");
    // It pays debt first.
    buy(&mut s, "'a', 'small', 'pi_1', 'k1'").has(&[
        ("amount", "100"),
        ("from_credits", "70"),
        ("overdraft", "-30"),
        ("balance", "70"),
        ("debt", "0"),
    ]);
    s.run("SELECT credits_close_account('a', 'gone')");
    assert_eq!(code(&mut s, "credits_check_purchase('a', 'small')"), "LC011");
    // Money that arrives on a closed account expires at once, with an event.
    buy(&mut s, "'a', 'small', 'pi_2', 'k2'").has(&[("amount", "100"), ("accepted", "t")]);
    s.row("SELECT * FROM credits_balance('a')").has(&[("status", "closed"), ("balance", "0")]);
    assert_eq!(
        s.list("SELECT type, payload ->> 'amount' FROM credits_events ORDER BY event DESC LIMIT 1"),
        ["lot.expired|100"]
    );
    sound(&mut s);
}

#[test]
fn packs_are_versions_and_the_newest_counts() {
    let mut s = shop();
    s.run("SELECT credits_purchase('a', 'small', 'pi_1', 'k1')");
    s.row("SELECT * FROM credits_define_pack('small', 100, 5, 'EUR')").has(&[("version", "1")]);
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_define_pack('small', 120, 6.5, 'GBP', 2)").has(&[
        ("pack", "small"),
        ("credits", "120"),
        ("price", "6.5"),
        ("currency", "GBP"),
        ("minimum_price", "2"),
        ("version", "2"),
        ("defined_at", "2026-02-01 00:00:00+00"),
        ("defined_by", "postgres"),
    ]);
    buy(&mut s, "'a', 'small', 'pi_2', 'k2', 13").has(&[("amount", "240")]);
    assert_eq!(
        s.list("SELECT pack, trim_scale(credits), trim_scale(price), currency, minimum_price, version FROM credits_packs ORDER BY pack"),
        ["any|1000|30|USD|10|1", "small|120|6.5|GBP|2|2"]
    );
    // A clock that was set back makes no pack unknown.
    s.at("2026-01-01 00:00+00");
    assert_eq!(s.one("SELECT credits_check_purchase('a', 'small', 13)"), "240");
    for statement in [
        "UPDATE credits_ledger.packs SET price = 1",
        "DELETE FROM credits_ledger.packs",
        "TRUNCATE credits_ledger.packs",
    ] {
        assert_eq!(s.error(statement).code, "LC013", "{statement}");
    }
    sound(&mut s);
}

#[test]
fn what_cannot_be_defined_or_bought() {
    let mut s = shop();
    s.run("SELECT credits_open_account('a')");
    for (call, expected) in [
        ("credits_define_pack('p', 0, 1, 'EUR')", "LC004"),
        ("credits_define_pack('p', -1, 1, 'EUR')", "LC004"),
        ("credits_define_pack('p', 1, 0, 'EUR')", "LC004"),
        ("credits_define_pack('p', 1, 1, 'EUR', 0)", "LC004"),
        ("credits_define_pack('p', 1.0000001, 1, 'EUR')", "LC004"),
        ("credits_define_pack('p', 1, 'NaN', 'EUR')", "LC004"),
        ("credits_define_pack('p', 1, 1, 'eur')", "LC005"),
        ("credits_define_pack('p', 1, 1, 'EURO')", "LC005"),
        ("credits_define_pack('', 1, 1, 'EUR')", "LC005"),
        ("credits_check_purchase('a', 'none')", "LC006"),
        ("credits_check_purchase('a', 'small', 0)", "LC004"),
        ("credits_check_purchase('a', 'small', -1)", "LC004"),
        ("credits_purchase('a', 'none', 'pi', 'k')", "LC006"),
        ("credits_purchase('a', 'small', 'pi', 'k', 0)", "LC004"),
        ("credits_purchase('a', 'small', NULL, 'k')", "LC005"),
        ("credits_purchase('a', 'small', '', 'k')", "LC005"),
        ("credits_purchase('a', 'small', 'pi', NULL)", "LC005"),
    ] {
        assert_eq!(code(&mut s, call), expected, "{call}");
    }
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "0"), ("entry", "1")]);
}

#[test]
fn of_many_sessions_with_one_payment_one_credits_it() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_define_pack('small', 100, 5, 'EUR')");
    let told: Vec<String> = std::thread::scope(|scope| {
        let buyers: Vec<_> = (0..8)
            .map(|n| {
                let mut s = db.session();
                // Half of them share a key.
                let key = if n % 2 == 0 { "same".to_owned() } else { format!("k{n}") };
                scope.spawn(move || {
                    match s.try_run(&format!("SELECT replayed FROM credits_purchase('a', 'small', 'pi', '{key}')")) {
                        Ok(rows) => rows[0].get("replayed").to_owned(),
                        Err(error) => error.code,
                    }
                })
            })
            .collect();
        buyers.into_iter().map(|buyer| buyer.join().expect("it ends")).collect()
    });
    assert_eq!(told.iter().filter(|told| *told == "f").count(), 1, "{told:?}");
    assert!(told.iter().all(|told| ["f", "t", "LC009"].contains(&told.as_str())), "{told:?}");
    s.row("SELECT * FROM credits_balance('a')").has(&[("balance", "100"), ("entry", "2")]);
    sound(&mut s);
}
