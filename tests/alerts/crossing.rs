//! When an alert fires, when it keeps still, and when it is armed again.

use super::{NOTHING, after, sound, start, told};

#[test]
fn low_and_exhausted_fire_once_each_with_their_figures() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 1000)");
    s.at("2026-04-16 00:00+00");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 749.999999, 'd1')"), NOTHING);
    s.run("SELECT credits_debit('a', 0.000001, 'd2')");
    let low = s.row("SELECT * FROM credits_events WHERE type = 'alert.low'");
    low.has(&[("event", "1"), ("entry", "4"), ("occurred_at", "2026-04-16 00:00:00+00")]);
    s.row(
        "SELECT p ->> 'alert' AS alert, p ->> 'available' AS available, p ->> 'used' AS used, p ->> 'used_percent' AS used_percent,
                p ->> 'burn_per_day' AS burn_per_day, (p ->> 'runs_out_at')::timestamptz AS runs_out_at, p -> 'on_pace' AS on_pace,
                p -> 'cycle' AS cycle, (p ->> 'cycle_end')::timestamptz AS cycle_end, jsonb_typeof(p -> 'used') AS kind
         FROM (SELECT payload FROM credits_events) e(p)",
    )
    .has(&[
        ("alert", "low"),
        ("available", "250"),
        ("used", "750"),
        ("used_percent", "75"),
        ("burn_per_day", "50"),
        ("runs_out_at", "2026-04-21 00:00:00+00"),
        ("on_pace", "true"),
        ("cycle", "1"),
        ("cycle_end", "2026-05-01 00:00:00+00"),
        ("kind", "string"),
    ]);
    assert_eq!(told(&mut s, "a"), ["low"]);
    for n in 3..252 {
        s.run(&format!("SELECT credits_debit('a', 1, 'd{n}')"));
    }
    assert_eq!(told(&mut s, "a"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 0.999999, 'd252')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 0.000001, 'd253')"), ["exhausted"]);
    // Debits that find nothing, and such that go into debt, tell nothing new.
    assert_eq!(after(&mut s, "a", "credits_debit('a', 1, 'd254', on_insufficient => 'refuse')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 1, 'd254', on_insufficient => 'allow')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 1, 'd254', on_insufficient => 'allow')"), NOTHING);
    sound(&mut s);
}

#[test]
fn one_debit_may_cross_both() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 10)");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 10, 'd')"), ["exhausted", "low"]);
    sound(&mut s);
}

/// 75 % are used in time: nobody needs to be told, until usage grows.
#[test]
fn low_needs_to_be_on_pace() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 1000)");
    // 26 days, 4 left: 866.666 lasts.
    s.at("2026-04-27 00:00+00");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 866, 'd1')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 0.666666, 'd2')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 0.000001, 'd3')"), ["low"]);
    // As the days go by it is not on pace any more, but that is no grant.
    s.at("2026-04-30 00:00+00");
    assert_eq!(s.one("SELECT state FROM credits_forecast('a')"), "ok");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 1, 'd4')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 110, 'd5')"), NOTHING);
    assert_eq!(s.one("SELECT state FROM credits_forecast('a')"), "low");
    sound(&mut s);
}

/// Holds and releases carry the account to and fro over the level.
#[test]
fn what_comes_back_without_a_grant_does_not_arm_an_alert() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 0, '0')");
    s.run("SELECT credits_grant('a', 100, 'g1')");
    s.run("SELECT credits_set_alert('a', 'few', below => 50)");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 50, 'd')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_hold('a', 0.5, 'h0')"), ["few"]);
    s.run("SELECT credits_release('a', 'h0', 'r0')");
    for n in 1..20 {
        s.run(&format!("SELECT credits_hold('a', 10, 'h{n}')"));
        s.run(&format!("SELECT credits_release('a', 'h{n}', 'r{n}')"));
        s.run(&format!("SELECT credits_hold('a', 0.5, 'i{n}')"));
        s.run(&format!("SELECT credits_capture('a', 'i{n}', 'c{n}', 0)"));
    }
    assert_eq!(told(&mut s, "a"), NOTHING);
    assert_eq!(s.one("SELECT available FROM credits_balance('a')"), "50");
    // The grant finds it false already, and that arms it.
    assert_eq!(after(&mut s, "a", "credits_grant('a', 1, 'g2')"), ["cleared few"]);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 1, 'd2')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 1, 'd3')"), ["few"]);
    // A grant that does not reach leaves it as it is.
    assert_eq!(after(&mut s, "a", "credits_grant('a', 0.999999, 'g3')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 1, 'd4')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_grant('a', 1.000001, 'g4')"), ["cleared few"]);
    assert_eq!(s.one("SELECT available FROM credits_balance('a')"), "50");
    sound(&mut s);
}

/// What is refunded is not granted; what is voided is gone.
#[test]
fn refunds_arm_nothing_and_voids_tell() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 0, '0')");
    s.run("SELECT credits_grant('a', 100, 'g1')");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 80, 'd1')"), ["low"]);
    assert_eq!(after(&mut s, "a", "credits_refund('a', 'd1', 'r1', 79)"), NOTHING);
    assert_eq!(s.one("SELECT state FROM credits_forecast('a')"), "ok");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 80, 'd2')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_refund('a', 'd2', 'r2')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_grant('a', 100, 'g2')"), ["cleared low"]);
    assert_eq!(after(&mut s, "a", "credits_void_grant('a', 'g2', 'v2')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_void_grant('a', 'g1', 'v1')"), ["exhausted", "low"]);
    sound(&mut s);
}

#[test]
fn a_new_cycle_arms_them_again() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 100, '0')");
    for n in 0..3 {
        s.at(&format!("2026-04-{} 00:00+00", n + 1));
        assert_eq!(after(&mut s, "a", &format!("credits_debit('a', 90, 'd{n}')")), ["low"]);
        assert_eq!(after(&mut s, "a", &format!("credits_debit('a', 10, 'e{n}')")), ["exhausted"]);
        s.at(&format!("2026-04-{} 08:00+00", n + 1));
        assert_eq!(
            after(&mut s, "a", &format!("credits_reset_cycle('a', 'r{n}')")),
            ["cleared exhausted", "cleared low"]
        );
    }
    // A cycle in which nothing is granted leaves the account as empty as it was; but nothing of it is used any more.
    s.run("SELECT credits_configure_account('a', allowance => 0)");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 100, 'd')"), ["exhausted", "low"]);
    s.at("2026-04-04 00:00+00");
    assert_eq!(after(&mut s, "a", "credits_reset_cycle('a', 'r')"), ["cleared low"]);
    s.at("2026-04-05 00:00+00");
    assert_eq!(after(&mut s, "a", "credits_reset_cycle('a', 's')"), NOTHING);
    assert_eq!(s.one("SELECT cycle FROM credits_balance('a')"), "6");
    assert_eq!(after(&mut s, "a", "credits_grant('a', 1, 'g')"), ["cleared exhausted"]);
    sound(&mut s);
}

/// What is held cannot be spent by others; what is captured counts as used.
#[test]
fn holds_and_captures_count() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 100, '0')");
    s.run("SELECT credits_set_alert('a', 'few', below => 30)");
    s.run("SELECT credits_set_alert('a', 'half', used_percent => 50)");
    assert_eq!(after(&mut s, "a", "credits_hold('a', 70, 'h1')"), NOTHING);
    // Of 0 used and 30 available nothing is used; of 30 and 30 it is half.
    assert_eq!(after(&mut s, "a", "credits_capture('a', 'h1', 'c1', 29, final => false)"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_capture('a', 'h1', 'c2', 1, final => false)"), ["half"]);
    assert_eq!(after(&mut s, "a", "credits_hold('a', 1, 'h2')"), ["few"]);
    // 40 come back: 69 are available, 30 used. Neither is over before a grant or a new cycle.
    assert_eq!(after(&mut s, "a", "credits_release('a', 'h1', 'r1')"), NOTHING);
    s.row("SELECT * FROM credits_forecast('a')").has(&[("used", "30"), ("used_percent", "30.30303")]);
    assert_eq!(after(&mut s, "a", "credits_hold('a', 69, 'h3')"), ["exhausted", "low"]);
    assert_eq!(
        after(&mut s, "a", "credits_grant('a', 31, 'g')"),
        ["cleared exhausted", "cleared few", "cleared half", "cleared low"]
    );
    sound(&mut s);
}

/// Whichever verb it is that writes.
#[test]
fn every_verb_that_draws_tells() {
    let (_db, mut s) = start();
    s.run("SELECT credits_define_rate('chat', 2)");
    s.run("SELECT credits_define_rate('run', 10, 5, 'package')");
    for (account, call) in [
        ("debit", "credits_debit('debit', 60, 'k')"),
        ("image", "credits_debit('image', 60, 'k', 'chat', 'ann')"),
        ("charge", "credits_charge('charge', 'chat', 30, 'k')"),
        ("package", "credits_charge('package', 'run', 26, 'k')"),
        ("hold", "credits_hold('hold', 60, 'k')"),
        ("partial", "credits_debit('partial', 1000, 'k', on_insufficient => 'partial')"),
        ("many", "credits_debit_many(ARRAY['many', 'many'], ARRAY[10, 50], ARRAY['k', 'l'])"),
        ("lots", "credits_debit('lots', 60, 'k')"),
    ] {
        s.run(&format!("SELECT credits_open_account('{account}', 100, '0')"));
        if account == "lots" {
            for n in 0..25 {
                s.run(&format!("SELECT credits_grant('lots', 1, 'g{n}')"));
            }
            s.run("SELECT credits_debit('lots', 25, 'd')");
        }
        s.run(&format!("SELECT credits_set_alert('{account}', 'few', below => 40.000001)"));
        assert_eq!(told(&mut s, account), NOTHING, "{account}");
        let mut expected = vec!["few"];
        if account == "partial" {
            expected = vec!["exhausted", "few", "low"];
        }
        assert_eq!(after(&mut s, account, call), expected, "{account}");
        assert_eq!(after(&mut s, account, call), NOTHING, "{account}, replayed");
    }
    sound(&mut s);
}

/// A lot for one feature only is not available to all, but what is drawn from it is used.
#[test]
fn lots_restricted_to_features() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 0, '0')");
    s.run("SELECT credits_grant('a', 10, 'g1')");
    s.run("SELECT credits_grant('a', 100, 'g2', features => ARRAY['image'])");
    s.run("SELECT credits_set_alert('a', 'half', used_percent => 50)");
    assert_eq!(after(&mut s, "a", "credits_debit('a', 9, 'd1', 'image')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 1, 'd2', 'image')"), ["half"]);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 20, 'd3', 'image')"), ["low"]);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 10, 'd4')"), ["exhausted"]);
    sound(&mut s);
}

/// Plans: what they grant is a grant, and moving the cycle is one step, in which nobody is exhausted on the way.
#[test]
fn plans_clear_and_do_not_flap() {
    let (_db, mut s) = start();
    s.run("SELECT credits_define_plan('base', 100, per_seat => true)");
    s.run("SELECT credits_define_plan('more', 1000, rank => 1)");
    s.run("SELECT credits_define_plan('try', 50, trial => true)");
    s.run("SELECT credits_open_account('a')");
    assert_eq!(after(&mut s, "a", "credits_subscribe('a', 'try', 's0')"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 50, 'd0')"), ["exhausted", "low"]);
    assert_eq!(
        after(&mut s, "a", "credits_change_plan('a', 'try', 'base', 's1')"),
        ["cleared exhausted", "cleared low"]
    );
    assert_eq!(after(&mut s, "a", "credits_debit('a', 90, 'd1')"), ["low"]);
    assert_eq!(after(&mut s, "a", "credits_set_seats('a', 'base', 2, 's2')"), ["cleared low"]);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 110, 'd2')"), ["exhausted", "low"]);
    assert_eq!(
        after(&mut s, "a", "credits_change_plan('a', 'base', 'more', 's3', takes_effect => 'now')"),
        ["cleared exhausted", "cleared low"]
    );
    // Fewer seats grant nothing: what a refund made false is not armed by it.
    s.run("SELECT credits_open_account('c')");
    s.run("SELECT credits_subscribe('c', 'base', 's1', 4)");
    assert_eq!(after(&mut s, "c", "credits_debit('c', 390, 'd1')"), ["low"]);
    assert_eq!(after(&mut s, "c", "credits_refund('c', 'd1', 'r1')"), NOTHING);
    assert_eq!(after(&mut s, "c", "credits_set_seats('c', 'base', 2, 's2')"), NOTHING);
    assert_eq!(after(&mut s, "c", "credits_debit('c', 390, 'd2')"), NOTHING);
    s.at("2026-04-02 00:00+00");
    // The allowance goes and comes within one call.
    assert_eq!(after(&mut s, "a", "credits_reset_cycle('a', 'r', starts_at => '2026-04-02 00:00+00')"), NOTHING);
    s.run("SELECT credits_open_account('b', 10)");
    s.run("SELECT credits_grant('b', 5, 'g')");
    assert_eq!(after(&mut s, "b", "credits_debit('b', 5, 'd')"), NOTHING);
    assert_eq!(after(&mut s, "b", "credits_subscribe('b', 'base', 's')"), NOTHING);
    sound(&mut s);
}

/// Nothing was ever granted: nothing can be exhausted. A closed account tells nothing any more.
#[test]
fn accounts_that_have_nothing_to_tell() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('never', overdraft_limit => 10)");
    assert_eq!(after(&mut s, "never", "credits_debit('never', 1, 'd')"), ["low"]);
    assert_eq!(after(&mut s, "never", "credits_grant('never', 1, 'g')"), ["exhausted"]);
    s.run("SELECT credits_open_account('closed', 10)");
    assert_eq!(after(&mut s, "closed", "credits_close_account('closed', 'gone')"), NOTHING);
    assert_eq!(after(&mut s, "closed", "credits_grant('closed', 5, 'g', payment_ref => 'p')"), NOTHING);
    s.run("SELECT credits_open_account('frozen', 10)");
    s.run("SELECT credits_hold('frozen', 10, 'h')");
    assert_eq!(told(&mut s, "frozen"), ["exhausted"]);
    s.run("SELECT credits_freeze_account('frozen', 'why')");
    assert_eq!(after(&mut s, "frozen", "credits_capture('frozen', 'h', 'c')"), ["low"]);
    sound(&mut s);
}

#[test]
fn what_is_rolled_back_tells_nothing() {
    let (_db, mut s) = start();
    s.run("SELECT credits_open_account('a', 10)");
    s.run("BEGIN; SELECT credits_debit('a', 10, 'd'); ROLLBACK");
    s.run("BEGIN; SAVEPOINT p; SELECT credits_debit('a', 10, 'd'); ROLLBACK TO p; COMMIT");
    assert_eq!(told(&mut s, "a"), NOTHING);
    assert_eq!(after(&mut s, "a", "credits_debit('a', 10, 'd')"), ["exhausted", "low"]);
    // No table keeps what every account has, but of those that fired.
    s.run("SELECT credits_open_account('b', 10)");
    assert_eq!(
        s.list("SELECT account, alert, below, used_percent, only_if_on_pace, enabled, fired_at FROM credits_alerts ORDER BY 1, 2"),
        [
            "a|exhausted|NULL|NULL|f|t|2026-04-01 00:00:00+00",
            "a|low|NULL|75|t|t|2026-04-01 00:00:00+00",
            "b|exhausted|NULL|NULL|f|t|NULL",
            "b|low|NULL|75|t|t|NULL"
        ]
    );
    assert_eq!(s.list("SELECT account, alert FROM credits_ledger.alerts ORDER BY 1, 2"), ["a|exhausted", "a|low"]);
    sound(&mut s);
}
