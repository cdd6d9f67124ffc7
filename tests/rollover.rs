//! What is left of an allowance when its cycle closes: `unused × rollover_percent / 100`, rounded down at the sixth
//! decimal, at most `rollover_max`, lives one cycle more and never rolls again. The rest expires.

use credits_ledger_tests::{Database, Server, Session};

fn opened(db: &Database, settings: &str) -> Session {
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run(&format!("SELECT credits_open_account('a', {settings})"));
    s
}

/// `granted|used|rolled_over|expired` of each closed cycle.
fn closed(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT granted, used, rolled_over, expired FROM credits_cycles
         WHERE account = 'a' AND closed_at IS NOT NULL ORDER BY cycle",
    )
}

#[test]
fn a_share_of_what_is_unused() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 50");
    s.run("SELECT credits_debit('a', 30, 'd1')");

    s.at("2026-02-01 00:00+00");
    let row = s.row("SELECT * FROM credits_reset_cycle('a')");
    row.has(&[
        ("cycles_closed", "1"),
        ("expired", "35"),
        ("rolled_over", "35"),
        ("granted", "100"),
        ("balance", "135"),
        ("allowance", "135"),
        ("credits", "0"),
        ("available", "135"),
    ]);
    assert_eq!(closed(&mut s), ["100|30|35|35"]);
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance_granted", "100"), ("used", "0")]);
    assert_eq!(
        s.list("SELECT kind, amount, remaining, status, expires_at FROM credits_grants WHERE account = 'a' AND status = 'active' ORDER BY kind"),
        ["allowance|100|100|active|2026-03-01 00:00:00+00", "rollover|35|35|active|2026-03-01 00:00:00+00"]
    );
}

/// What rolled over is drawn before the new allowance, both before any other lot.
#[test]
fn rollover_is_drawn_first() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 50");
    s.run("SELECT credits_debit('a', 30, 'd1')");
    s.run("SELECT credits_grant('a', 20, 'p', 'promo', priority => 1, expires_at => '2026-02-02 00:00+00')");
    s.at("2026-02-01 00:00+00");
    assert_eq!(
        s.list("SELECT kind, takes, remaining_after FROM credits_explain_debit('a', 140) WHERE takes > 0"),
        ["rollover|35|0", "allowance|100|0", "promo|5|15"]
    );
    s.row("SELECT * FROM credits_debit('a', 140, 'd2')").has(&[
        ("from_allowance", "135"),
        ("from_credits", "5"),
        ("overdraft", "0"),
    ]);
}

#[test]
fn it_lives_one_cycle_and_never_rolls_again() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 50");
    // Cycle 1 unused: 50 rolls.
    s.at("2026-02-01 00:00+00");
    assert_eq!(s.one("SELECT allowance FROM credits_balance('a')"), "150");
    // Cycle 2: of the 50 rolled over, 40 stay unused and are lost; of the 100 granted, 50 roll.
    assert_eq!(s.list("SELECT from_allowance, allowance FROM credits_debit('a', 10, 'd1')"), ["10|140"]);
    s.at("2026-03-01 00:00+00");
    assert_eq!(s.one("SELECT allowance FROM credits_balance('a')"), "150");
    // Cycle 3: 50 rolled over and 40 of the 100: 60 are left, 30 roll.
    s.run("SELECT credits_debit('a', 90, 'd2')");
    s.at("2026-04-01 00:00+00");
    assert_eq!(s.one("SELECT allowance FROM credits_reset_cycle('a')"), "130");
    assert_eq!(closed(&mut s), ["100|0|50|50", "100|10|50|90", "100|90|30|30"]);
    assert_eq!(
        s.list(
            "SELECT amount, remaining, status, effective_at, expires_at FROM credits_grants
             WHERE account = 'a' AND kind = 'rollover' ORDER BY lot"
        ),
        [
            "50|0|expired|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00",
            "50|0|spent|2026-03-01 00:00:00+00|2026-04-01 00:00:00+00",
            "30|30|active|2026-04-01 00:00:00+00|2026-05-01 00:00:00+00"
        ]
    );
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// `rollover_max` bounds all living rollover together. What has lived its cycle makes room.
#[test]
fn the_maximum() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 100, rollover_max => 20");
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("rolled_over", "20"),
        ("expired", "80"),
        ("allowance", "120"),
    ]);
    s.at("2026-03-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("rolled_over", "20"),
        ("expired", "100"),
        ("allowance", "120"),
    ]);
    // Less than the maximum is left: all of it rolls.
    s.run("SELECT credits_debit('a', 107, 'd')");
    s.at("2026-04-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("rolled_over", "13"),
        ("expired", "0"),
        ("allowance", "113"),
    ]);
    let living = s.one(
        "SELECT max(living) FROM (SELECT sum(remaining) AS living FROM credits_grants
         WHERE kind = 'rollover' AND status = 'active' GROUP BY account) per_account",
    );
    assert_eq!(living, "13");
}

#[test]
fn the_maximum_meets_the_percentage() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 30, rollover_max => 25");
    s.run("SELECT credits_debit('a', 10, 'd1')"); // 90 × 30 % = 27, more than 25
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[("rolled_over", "25"), ("expired", "65")]);
    s.run("SELECT credits_debit('a', 45, 'd2')"); // 25 rolled over and 20: 80 × 30 % = 24
    s.at("2026-03-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[("rolled_over", "24"), ("expired", "56")]);
}

#[test]
fn rounded_down_at_the_sixth_decimal() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 1, rollover_percent => 33.333333");
    // 1 × 33.333333 / 100 = 0.33333333
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[("rolled_over", "0.333333"), ("expired", "0.666667")]);
    // 0.000007 × 33.333333 / 100 = 0.00000233333331
    s.run("SELECT credits_debit('a', 1.333326, 'd1')");
    s.at("2026-03-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[("rolled_over", "0.000002"), ("expired", "0.000005")]);
    // 0.000002 × 33.333333 / 100 is below the sixth decimal: nothing rolls, and no lot of nothing is made.
    s.run("SELECT credits_debit('a', 1, 'd2')");
    s.at("2026-04-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("rolled_over", "0"),
        ("expired", "0.000002"),
        ("allowance", "1"),
    ]);
    assert_eq!(s.one("SELECT count(*) FROM credits_grants WHERE account = 'a' AND kind = 'rollover'"), "2");
}

#[test]
fn all_or_nothing() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 12.345678, rollover_percent => 100");
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("rolled_over", "12.345678"),
        ("expired", "0"),
        ("allowance", "24.691356"),
    ]);
    s.run("SELECT credits_debit('a', 24.691356, 'd')");
    s.at("2026-03-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("rolled_over", "0"),
        ("expired", "0"),
        ("granted", "12.345678"),
        ("allowance", "12.345678"),
    ]);
    assert_eq!(closed(&mut s), ["12.345678|0|12.345678|0", "12.345678|24.691356|0|0"]);

    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 40");
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("rolled_over", "0"),
        ("expired", "40"),
        ("allowance", "40"),
    ]);
}

/// Only what was granted as allowance rolls over: purchased and other credits are untouched.
#[test]
fn credits_are_untouched() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 10");
    s.run("SELECT credits_grant('a', 77, 'p1')");
    s.run("SELECT credits_grant('a', 5, 'p2', 'promo', expires_at => '2027-01-01 00:00+00')");
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("rolled_over", "10"),
        ("expired", "90"),
        ("allowance", "110"),
        ("credits", "82"),
        ("balance", "192"),
    ]);
}

/// The net-zero entry: the unused part leaves the allowance's lot and arrives in the rollover lot.
#[test]
fn how_it_is_recorded() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 25");
    s.run("SELECT credits_debit('a', 20, 'd')");
    s.at("2026-02-03 00:00+00");
    s.run("SELECT credits_grant('a', 1, 'g')");
    assert_eq!(
        s.list(
            "SELECT entry, operation, amount, balance, idempotency_key IS NULL, effective_at FROM credits_history
             WHERE account = 'a' AND entry BETWEEN 4 AND 7 ORDER BY entry"
        ),
        [
            "4|rollover|0|80|t|2026-02-01 00:00:00+00",
            "5|expire|-60|20|t|2026-02-01 00:00:00+00",
            "6|allowance|100|120|t|2026-02-01 00:00:00+00",
            "7|grant|1|121|f|2026-02-03 00:00:00+00"
        ]
    );
    assert_eq!(
        s.list(
            "SELECT entry, operation, lot_kind, amount FROM credits_allocations
             WHERE account = 'a' AND entry BETWEEN 4 AND 6 ORDER BY entry, amount"
        ),
        ["4|rollover|allowance|-20", "4|rollover|rollover|20", "5|expire|allowance|-60", "6|allowance|allowance|100"]
    );
}

/// Missed cycles roll one by one.
#[test]
fn missed_cycles() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 50");
    s.at("2026-04-15 00:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "150"), ("balance", "150")]);
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("cycles_closed", "3"),
        ("rolled_over", "150"),
        ("granted", "300"),
        ("expired", "250"),
        ("allowance", "150"),
        ("cycle_start", "2026-04-01 00:00:00+00"),
        ("cycle_end", "2026-05-01 00:00:00+00"),
    ]);
    assert_eq!(closed(&mut s), ["100|0|50|50", "100|0|50|100", "100|0|50|100"]);
}

/// A billing webhook that ends a cycle early, and a manual account, roll over alike; on the manual one the rolled
/// part lives until the next reset.
#[test]
fn resets_by_hand_roll_over_too() {
    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, rollover_percent => 50");
    s.at("2026-01-20 10:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt_1', '2026-01-20 09:00+00')").has(&[
        ("cycles_closed", "1"),
        ("rolled_over", "50"),
        ("expired", "50"),
        ("allowance", "150"),
    ]);

    let db = Server::shared().database();
    let mut s = opened(&db, "allowance => 100, cycle_length => '0', rollover_percent => 50");
    s.at("2026-01-20 10:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'r1')").has(&[("rolled_over", "50"), ("allowance", "150")]);
    s.at("2028-01-20 10:00+00");
    s.row("SELECT * FROM credits_balance('a')").has(&[("allowance", "150")]);
    s.row("SELECT * FROM credits_reset_cycle('a', 'r2')").has(&[
        ("rolled_over", "50"),
        ("expired", "100"),
        ("allowance", "150"),
    ]);
}

#[test]
fn shares_that_cannot_be() {
    let db = Server::shared().database();
    let mut s = db.session();
    for settings in [
        "rollover_percent => -1",
        "rollover_percent => 100.000001",
        "rollover_percent => 'NaN'",
        "rollover_percent => 'infinity'",
        "rollover_max => -1",
        "rollover_max => 0.0000001",
        "rollover_max => 'NaN'",
    ] {
        let error = s.error(&format!("SELECT credits_open_account('a', 10, {settings})"));
        assert!(["LC004", "LC005"].contains(&error.code.as_str()), "{settings}: {} {}", error.code, error.message);
    }
}
