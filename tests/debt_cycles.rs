//! Debt over the end of a cycle, and what pays it: the policies `repay`, `forgive_at_reset`, `invoice_at_reset`.

use credits_ledger_tests::{Database, Server, Session};

fn opened(db: &Database, settings: &str) -> Session {
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run(&format!("SELECT credits_open_account('a', {settings})"));
    s
}

/// `allowance|credits|debt|balance|available` now.
fn state(s: &mut Session) -> String {
    s.list("SELECT allowance, credits, debt, balance, available FROM credits_balance('a')").remove(0)
}

fn sound(s: &mut Session) {
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    assert_eq!(
        s.one(
            "SELECT (SELECT sum(amount) FROM credits_history WHERE account = 'a') - balance FROM credits_balance('a')"
        ),
        "0",
        "amounts sum to the balance"
    );
}

#[test]
fn drawing_debt() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, overdraft_limit => 50");
    s.row("SELECT * FROM credits_debit('a', 130, 'd1')").has(&[
        ("amount", "130"),
        ("from_allowance", "100"),
        ("from_credits", "0"),
        ("overdraft", "30"),
        ("balance", "-30"),
        ("debt", "30"),
        ("available", "0"),
    ]);
    // 20 of the limit are left: what is missing after it is the shortfall.
    let error = s.error("SELECT credits_debit('a', 21, 'd2')");
    assert_eq!(error.code, "LC001");
    for figure in ["available=0", "required=21", "shortfall=1", "resets_at=2026-02-01"] {
        assert!(error.detail.contains(figure), "{figure} in {}", error.detail);
    }
    s.row("SELECT * FROM credits_debit('a', 25, 'd3', on_insufficient => 'partial')").has(&[
        ("amount", "20"),
        ("overdraft", "20"),
        ("debt", "50"),
        ("balance", "-50"),
    ]);
    s.row("SELECT * FROM credits_debit('a', 1, 'd4', on_insufficient => 'partial')").has(&[
        ("accepted", "f"),
        ("refused", "LC001"),
        ("debt", "50"),
    ]);
    // What has already happened is recorded whatever the limit.
    s.row("SELECT * FROM credits_debit('a', 7, 'd5', on_insufficient => 'allow')").has(&[
        ("amount", "7"),
        ("overdraft", "7"),
        ("debt", "57"),
        ("balance", "-57"),
    ]);
    sound(&mut s);
}

/// `repay`: the new allowance, granted in full, pays first.
#[test]
fn the_next_allowance_repays() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, overdraft_limit => 50, rollover_percent => 50");
    s.run("SELECT credits_debit('a', 130, 'd1')");
    s.at("2026-02-01 00:00+00");
    assert_eq!(state(&mut s), "70|0|0|70|70");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycles_closed", "1"),
        ("granted", "100"),
        ("debt_forgiven", "0"),
        ("debt_invoiced", "0"),
        ("expired", "0"),
        ("rolled_over", "0"),
        ("balance", "70"),
        ("allowance", "70"),
    ]);
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance_granted", "100"), ("used", "0")]);
    assert_eq!(
        s.list(
            "SELECT amount, from_allowance, from_credits, overdraft, balance FROM credits_history
             WHERE account = 'a' AND operation = 'allowance' ORDER BY entry"
        ),
        ["100|100|0|0|100", "100|70|0|-30|70"]
    );
    // Only the 70 that were not needed for the debt are unused at the end: 35 of them roll over.
    s.at("2026-03-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("rolled_over", "35"),
        ("expired", "35"),
        ("allowance", "135"),
    ]);
    sound(&mut s);
}

/// A debt of more than one allowance takes several cycles to pay.
#[test]
fn a_debt_of_several_cycles() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100");
    s.run("SELECT credits_debit('a', 350, 'd1', on_insufficient => 'allow')");
    assert_eq!(state(&mut s), "0|0|250|-250|0");
    for (now, expected) in [
        ("2026-02-01 00:00+00", "0|0|150|-150|0"),
        ("2026-03-01 00:00+00", "0|0|50|-50|0"),
        ("2026-04-01 00:00+00", "50|0|0|50|50"),
        ("2026-05-01 00:00+00", "100|0|0|100|100"),
    ] {
        s.at(now);
        assert_eq!(state(&mut s), expected, "at {now}");
    }
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycles_closed", "4"),
        ("granted", "400"),
        ("expired", "50"),
        ("allowance", "100"),
    ]);
    assert_eq!(
        s.list("SELECT overdraft, from_allowance FROM credits_history WHERE operation = 'allowance' ORDER BY entry"),
        ["0|100", "-100|0", "-100|0", "-50|50", "0|100"]
    );
    sound(&mut s);
}

#[test]
fn forgiven_at_the_reset() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, overdraft_limit => 50, debt_policy => 'forgive_at_reset'");
    s.run("SELECT credits_debit('a', 130, 'd1')");
    // Nothing pays it before: credit and debt stand side by side.
    s.row("SELECT * FROM credits_grant('a', 20, 'g1')").has(&[
        ("amount", "20"),
        ("from_credits", "20"),
        ("overdraft", "0"),
        ("debt", "30"),
        ("balance", "-10"),
    ]);
    assert_eq!(state(&mut s), "0|20|30|-10|20");
    s.at("2026-01-31 23:59:59.999999+00");
    assert_eq!(state(&mut s), "0|20|30|-10|20");
    s.at("2026-02-01 00:00+00");
    assert_eq!(state(&mut s), "100|20|0|120|120");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("granted", "100"),
        ("debt_forgiven", "30"),
        ("debt_invoiced", "0"),
        ("balance", "120"),
    ]);
    assert_eq!(
        s.list("SELECT operation, amount, overdraft, from_allowance, from_credits, balance FROM credits_history WHERE operation = 'forgive'"),
        ["forgive|30|-30|0|0|20"]
    );
    assert_eq!(
        s.list("SELECT debt_forgiven, debt_invoiced FROM credits_cycles WHERE account = 'a' AND closed_at IS NOT NULL"),
        ["30|0"]
    );
    sound(&mut s);
}

#[test]
fn invoiced_at_the_reset() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, overdraft_limit => 50, debt_policy => 'invoice_at_reset'");
    s.run("SELECT credits_debit('a', 130, 'd1')");
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_debit('a', 145, 'd2')");
    assert_eq!(state(&mut s), "0|0|45|-45|0");
    s.at("2026-04-01 00:00+00");
    assert_eq!(state(&mut s), "100|0|0|100|100");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycles_closed", "2"),
        ("granted", "200"),
        ("expired", "100"),
        ("debt_forgiven", "0"),
        ("debt_invoiced", "45"),
    ]);
    assert_eq!(
        s.list(
            "SELECT debt_invoiced, debt_forgiven, used FROM credits_cycles
             WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle"
        ),
        ["30|0|130", "45|0|145", "0|0|0"]
    );
    assert_eq!(
        s.list(
            "SELECT amount, overdraft, effective_at FROM credits_history WHERE operation = 'invoice' ORDER BY entry"
        ),
        ["30|-30|2026-02-01 00:00:00+00", "45|-45|2026-03-01 00:00:00+00"]
    );
    sound(&mut s);
}

/// Without debt there is nothing to forgive or to invoice, and no entry that says so.
#[test]
fn nothing_to_forgive() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, debt_policy => 'forgive_at_reset'");
    s.run("SELECT credits_open_account('b', 100, debt_policy => 'invoice_at_reset')");
    s.at("2026-03-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation IN ('forgive', 'invoice')"), "0");
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'allowance'"), "6");
}

/// A grant pays first; the receipt's figures are net.
#[test]
fn a_grant_pays_the_debt() {
    let db = Server::shared().database();
    let mut s = opened(&db, "overdraft_limit => 50");
    s.run("SELECT credits_debit('a', 45, 'd1')");
    s.row("SELECT * FROM credits_grant('a', 30, 'g1')").has(&[
        ("amount", "30"),
        ("from_allowance", "0"),
        ("from_credits", "0"),
        ("overdraft", "-30"),
        ("debt", "15"),
        ("credits", "0"),
        ("balance", "-15"),
        ("available", "0"),
    ]);
    s.row("SELECT * FROM credits_grant('a', 20, 'g2', 'promo')").has(&[
        ("amount", "20"),
        ("from_allowance", "0"),
        ("from_credits", "5"),
        ("overdraft", "-15"),
        ("debt", "0"),
        ("credits", "5"),
        ("balance", "5"),
        ("available", "5"),
    ]);
    assert_eq!(
        s.list("SELECT kind, amount, remaining, status FROM credits_grants WHERE account = 'a' ORDER BY lot"),
        ["purchase|30|0|spent", "promo|20|5|active"]
    );
    assert_eq!(
        s.list("SELECT lot, sum(amount) FROM credits_allocations WHERE account = 'a' GROUP BY lot ORDER BY lot"),
        ["1|0", "2|5"]
    );
    sound(&mut s);
}

/// A lot restricted to features does not pay what anything may have cost.
#[test]
fn restricted_lots_do_not_pay() {
    let db = Server::shared().database();
    let mut s = opened(&db, "overdraft_limit => 50");
    s.run("SELECT credits_debit('a', 45, 'd1')");
    s.row("SELECT * FROM credits_grant('a', 20, 'g1', features => '{chat}')").has(&[
        ("from_credits", "20"),
        ("overdraft", "0"),
        ("debt", "45"),
        ("credits", "20"),
        ("available", "0"),
    ]);
    // The feature it is for can still spend it, before the overdraft's last 5.
    s.row("SELECT * FROM credits_debit('a', 22, 'd2', 'chat')").has(&[
        ("from_credits", "20"),
        ("overdraft", "2"),
        ("debt", "47"),
    ]);
    sound(&mut s);
}

/// A scheduled grant pays when its time comes.
#[test]
fn a_scheduled_grant_pays_at_its_time() {
    let db = Server::shared().database();
    let mut s = opened(&db, "overdraft_limit => 50");
    s.run("SELECT credits_grant('a', 60, 'g', effective_at => '2026-01-10 00:00+00')");
    s.run("SELECT credits_debit('a', 45, 'd1')");
    s.at("2026-01-09 23:59:59.999999+00");
    assert_eq!(state(&mut s), "0|0|45|-45|0");
    s.at("2026-01-10 00:00+00");
    assert_eq!(state(&mut s), "0|15|0|15|15");
    s.run("SELECT credits_maintain()");
    assert_eq!(state(&mut s), "0|15|0|15|15");
    assert_eq!(
        s.list("SELECT amount, from_credits, overdraft FROM credits_history WHERE operation = 'grant'"),
        ["60|15|-45"]
    );
    sound(&mut s);
}

/// Only `repay` lets lots pay. Switching to it pays at once, from unrestricted lots.
#[test]
fn switching_to_repay_pays_at_once() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 10, overdraft_limit => 50, debt_policy => 'invoice_at_reset'");
    s.run("SELECT credits_debit('a', 40, 'd1')");
    s.run("SELECT credits_grant('a', 12, 'g1', 'promo')");
    s.run("SELECT credits_grant('a', 7, 'g2', features => '{chat}')");
    s.run("SELECT credits_grant('a', 50, 'g3')");
    assert_eq!(state(&mut s), "0|69|30|39|62");
    let row = s.row("SELECT * FROM credits_configure_account('a', debt_policy => 'repay')");
    row.has(&[("debt", "0"), ("credits", "39"), ("balance", "39"), ("available", "32")]);
    assert_eq!(
        s.list(
            "SELECT features IS NOT NULL, sum(remaining) FROM credits_grants WHERE account = 'a' GROUP BY 1 ORDER BY 1"
        ),
        ["f|32", "t|7"]
    );
    assert_eq!(s.one("SELECT debt_policy FROM credits_accounts WHERE account = 'a'"), "repay");
    // Nothing is left to invoice when the cycle closes.
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("debt_invoiced", "0"),
        ("granted", "10"),
        ("credits", "39"),
    ]);
    sound(&mut s);
}

/// Less credit than debt: all of it goes, the rest of the debt stays and is paid by what comes.
#[test]
fn switching_to_repay_with_too_little() {
    let db = Server::shared().database();
    let mut s = opened(&db, "overdraft_limit => 50, debt_policy => 'forgive_at_reset'");
    s.run("SELECT credits_debit('a', 40, 'd1')");
    s.run("SELECT credits_grant('a', 15, 'g1')");
    s.row("SELECT * FROM credits_configure_account('a', debt_policy => 'repay')").has(&[
        ("debt", "25"),
        ("credits", "0"),
        ("balance", "-25"),
    ]);
    s.run("SELECT credits_grant('a', 5, 'g2')");
    assert_eq!(state(&mut s), "0|0|20|-20|0");
    sound(&mut s);
}

/// Away from `repay`, debt waits for the reset.
#[test]
fn switching_away_from_repay() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 10, overdraft_limit => 50");
    s.run("SELECT credits_debit('a', 40, 'd1')");
    s.run("SELECT credits_configure_account('a', debt_policy => 'invoice_at_reset')");
    s.run("SELECT credits_grant('a', 15, 'g1')");
    assert_eq!(state(&mut s), "0|15|30|-15|15");
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("debt_invoiced", "30"),
        ("balance", "25"),
        ("allowance", "10"),
    ]);
    sound(&mut s);
}

/// A webhook that ends the cycle, and a manual reset, treat debt as the clock does.
#[test]
fn resets_by_hand() {
    for (policy, after, forgiven, invoiced) in [
        ("repay", "70|0|0|70|70", "0", "0"),
        ("forgive_at_reset", "100|0|0|100|100", "30", "0"),
        ("invoice_at_reset", "100|0|0|100|100", "0", "30"),
    ] {
        for length in ["1 month", "0"] {
            let db = Server::shared().database();
            let mut s = opened(
                &db,
                &format!(
                    "allowance => 100, cycle_length => '{length}', overdraft_limit => 50, debt_policy => '{policy}'"
                ),
            );
            s.run("SELECT credits_debit('a', 130, 'd1')");
            s.at("2026-01-10 00:00+00");
            s.row("SELECT * FROM credits_reset_cycle('a', 'evt', '2026-01-09 00:00+00')").has(&[
                ("cycles_closed", "1"),
                ("debt_forgiven", forgiven),
                ("debt_invoiced", invoiced),
                ("granted", "100"),
            ]);
            assert_eq!(state(&mut s), after, "{policy} {length}");
            sound(&mut s);
        }
    }
}

/// A limit lowered below the debt takes nothing away, and lets nothing more be drawn.
#[test]
fn a_limit_below_the_debt() {
    let db = Server::shared().database();
    let mut s = opened(&db, "overdraft_limit => 50");
    s.run("SELECT credits_debit('a', 40, 'd1')");
    s.row("SELECT * FROM credits_configure_account('a', overdraft_limit => 10)")
        .has(&[("debt", "40"), ("overdraft_limit", "10")]);
    let error = s.error("SELECT credits_debit('a', 1, 'd2')");
    assert_eq!(error.code, "LC001");
    assert!(error.detail.contains("shortfall=1"), "{}", error.detail);
    s.run("SELECT credits_grant('a', 35, 'g')");
    s.row("SELECT * FROM credits_debit('a', 5, 'd3')").has(&[("overdraft", "5"), ("debt", "10")]);
    sound(&mut s);
}
