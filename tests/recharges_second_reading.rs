//! What a second reading of packs, auto-recharge and events found.

use credits_ledger_tests::{Server, Session};

fn pack(s: &mut Session) {
    s.at("2026-03-10 00:00+00");
    s.run("SELECT credits_define_pack('p', 100, 10, 'EUR')");
}

fn open_requests(s: &mut Session, account: &str) -> String {
    s.one(&format!("SELECT count(*) FROM credits_recharges WHERE account = '{account}' AND status = 'open'"))
}

#[test]
fn credits_are_measured_though_there_is_plenty_of_allowance() {
    let db = Server::shared().database();
    let mut s = db.session();
    pack(&mut s);
    for account in ["voided", "expired", "spent", "far"] {
        s.run(&format!("SELECT credits_open_account('{account}', allowance => 1000)"));
        s.run(&format!("SELECT credits_grant('{account}', 200, 'g', 'promo', expires_in => '1 day')"));
        s.run(&format!(
            "SELECT credits_set_auto_recharge('{account}', 100, 'p', measure => 'credits', payment_method => 'pm')"
        ));
        s.run(&format!("SELECT credits_debit('{account}', 1, 'd0')"));
        assert_eq!(open_requests(&mut s, account), "0", "{account}");
    }
    s.run("SELECT credits_void_grant('voided', 'g', 'v')");
    assert_eq!(open_requests(&mut s, "voided"), "1");
    // The allowance goes first, by itself and then with 101 of the credits.
    s.run("SELECT credits_debit('spent', 999, 'd1')");
    assert_eq!(open_requests(&mut s, "spent"), "0");
    s.run("SELECT credits_debit('spent', 100, 'd2')");
    assert_eq!(open_requests(&mut s, "spent"), "0");
    s.run("SELECT credits_debit('spent', 1, 'd3')");
    assert_eq!(open_requests(&mut s, "spent"), "1");
    assert_eq!(open_requests(&mut s, "far"), "0");
    s.at("2026-03-12 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(open_requests(&mut s, "expired"), "1");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn a_declined_card_is_not_asked_again_because_auto_recharge_was_off_meanwhile() {
    let db = Server::shared().database();
    let mut s = db.session();
    pack(&mut s);
    s.run("SELECT credits_open_account('a')");
    s.run("SELECT credits_set_auto_recharge('a', 100, 'p', payment_method => 'pm1')");
    s.run("SELECT credits_claim_recharges()");
    s.run("SELECT credits_fail_recharge('a', 1, 1, 'declined', 'no', suspend => true)");
    s.run("SELECT credits_set_auto_recharge('a', 100, 'p', enabled => false)");
    s.run("SELECT credits_set_auto_recharge('a', 100, 'p', payment_method => 'pm1')");
    assert_eq!(s.one("SELECT status FROM credits_auto_recharges"), "suspended");
    assert_eq!(open_requests(&mut s, "a"), "0");
    s.run("SELECT credits_set_auto_recharge('a', 100, 'p', payment_method => 'pm2')");
    assert_eq!(s.one("SELECT status FROM credits_auto_recharges"), "active");
    assert_eq!(open_requests(&mut s, "a"), "1");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn events_keep_their_order_where_the_clock_goes_back() {
    let db = Server::shared().database();
    let mut s = db.session();
    pack(&mut s);
    s.run("SELECT credits_open_account('e')");
    s.run("SELECT credits_set_auto_recharge('e', 10, 'p', payment_method => 'pm1')");
    s.run("SELECT credits_claim_recharges()");
    s.at("2026-03-10 02:00+00");
    s.run("SELECT credits_fail_recharge('e', 1, 1, 'c', 'm')");
    s.at("2026-03-10 01:00+00");
    s.run("SELECT credits_complete_recharge('e', 1, 'e_1')");
    let first = s.list("SELECT event FROM credits_claim_events(2)");
    assert_eq!(first, ["1", "2"]);
    s.run("SELECT credits_ack_event('e', 1), credits_ack_event('e', 2)");
    assert_eq!(s.list("SELECT event, type FROM credits_claim_events(10)"), ["3|recharge.completed"]);
}

#[test]
fn a_payment_closes_one_request_and_a_completed_one_says_so_first() {
    let db = Server::shared().database();
    let mut s = db.session();
    pack(&mut s);
    s.run("SELECT credits_open_account('a')");
    s.run("SELECT credits_set_auto_recharge('a', 50, 'p', payment_method => 'pm1')");
    s.run("SELECT credits_claim_recharges()");
    s.run("SELECT credits_complete_recharge('a', 1, 'pi_1')");
    s.run("SELECT credits_debit('a', 90, 'd1')");
    s.run("SELECT credits_claim_recharges()");
    s.run("SELECT credits_complete_recharge('a', 2, 'pi_2')");
    assert_eq!(s.error("SELECT credits_complete_recharge('a', 1, 'pi_2')").code, "LC007");
    assert_eq!(s.one("SELECT replayed FROM credits_complete_recharge('a', 1, 'pi_1')"), "t");
    // Credited by hand while the request was open: it closes the request, and no other one.
    s.run("SELECT credits_debit('a', 90, 'd2')");
    s.run("SELECT credits_claim_recharges()");
    s.run("SELECT credits_purchase('a', 'p', 'pi_3', 'by hand')");
    assert_eq!(s.one("SELECT operation FROM credits_complete_recharge('a', 3, 'pi_3')"), "purchase");
    assert_eq!(s.one("SELECT replayed FROM credits_complete_recharge('a', 3, 'pi_3')"), "t");
    s.run("SELECT credits_debit('a', 90, 'd3')");
    s.run("SELECT credits_claim_recharges()");
    assert_eq!(s.error("SELECT credits_complete_recharge('a', 4, 'pi_3')").code, "LC009");
    assert_eq!(
        s.list("SELECT recharge, status FROM credits_recharges ORDER BY 1"),
        ["1|completed", "2|completed", "3|completed", "4|claimed"]
    );
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn an_account_that_cannot_be_settled_holds_up_no_other() {
    let db = Server::shared().database();
    let mut s = db.session();
    pack(&mut s);
    for account in ["sick", "well"] {
        s.run(&format!("SELECT credits_open_account('{account}', allowance => 10)"));
        s.run(&format!("SELECT credits_set_auto_recharge('{account}', 50, 'p', payment_method => 'pm')"));
    }
    // As where the server's list of time zones is another one after a move.
    s.run("UPDATE credits_ledger.accounts SET time_zone = 'Foo/Bar' WHERE account = 'sick'");
    s.at("2026-06-10 00:00+00");
    assert_eq!(s.list("SELECT account FROM credits_claim_recharges()"), ["well"]);
    assert_eq!(s.one("SELECT credits_maintain()"), "1");
    assert_eq!(s.one("SELECT cycle FROM credits_accounts WHERE account = 'well'"), "4");
    assert_eq!(s.error("SELECT credits_debit('sick', 1, 'd')").code, "LC005");
}
