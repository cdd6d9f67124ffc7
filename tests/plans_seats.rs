//! Plans by seats: caps, seats added and given back in mid-cycle, and the high-water mark that keeps one seat from
//! being granted twice.

use credits_ledger_tests::Session;

#[path = "plans/books.rs"]
mod books;

use books::{closing, held, history, lots, opened, running, sound};

const JAN: &str = "2026-01-01 00:00:00+00|2026-02-01 00:00:00+00";
const FEB: &str = "2026-02-01 00:00:00+00|2026-03-01 00:00:00+00";
const MAR: &str = "2026-03-01 00:00:00+00|2026-04-01 00:00:00+00";

/// An account opened on 1 January, and a plan of 100 a seat for at most 10 seats.
fn team() -> Session {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('team', 100, per_seat => true, seat_cap => 10)");
    s
}

/// Sets the seats and says what that brought.
#[track_caller]
fn set_seats(s: &mut Session, seats: i32, key: &str) -> String {
    let row = s
        .row(&format!("SELECT *, trim_scale(amount) AS brought FROM credits_set_seats('a', 'team', {seats}, '{key}')"));
    row.has(&[
        ("operation", "set_seats"),
        ("accepted", "t"),
        ("refused", "NULL"),
        ("replayed", "f"),
        ("idempotency_key", key),
        ("from_allowance", row.get("amount")),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("refers_to", "NULL"),
    ]);
    row.get("brought").to_owned()
}

#[test]
fn the_allowance_is_by_seat_up_to_the_cap() {
    for (seats, allowance) in [(1, 100), (3, 300), (9, 900), (10, 1000), (11, 1000), (500, 1000)] {
        let mut s = team();
        s.row(&format!("SELECT * FROM credits_subscribe('a', 'team', 'k', {seats})"))
            .has(&[("amount", &allowance.to_string()), ("balance", &allowance.to_string())]);
        assert_eq!(held(&mut s), [format!("team|{seats}|NULL|NULL|f")]);
        assert_eq!(lots(&mut s), [format!("allowance|team|{allowance}|{allowance}|active")]);
        s.at("2026-02-01 00:00+00");
        assert_eq!(running(&mut s), format!("{allowance}|0|{allowance}|{FEB}"), "{seats} seats");
        sound(&mut s);
    }
}

#[test]
fn without_a_cap_every_seat_counts() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('team', 0.333333, per_seat => true)");
    s.row("SELECT * FROM credits_subscribe('a', 'team', 'k', 7)").has(&[("amount", "2.333331")]);
    assert_eq!(set_seats(&mut s, 1000, "s1"), "330.999669");
    assert_eq!(running(&mut s), format!("333.333|0|333.333|{JAN}"));
    sound(&mut s);
}

/// 3 → 12 → 5 → 12 with a cap of 10, within a cycle and over its end.
#[test]
fn three_twelve_five_twelve() {
    let mut s = team();
    s.run("SELECT credits_subscribe('a', 'team', 'k', 3)");
    s.run("SELECT credits_debit('a', 250, 'd')");
    s.at("2026-01-05 00:00+00");
    s.row("SELECT * FROM credits_set_seats('a', 'team', 12, 's1')").has(&[
        ("entry", "4"),
        ("operation", "set_seats"),
        ("amount", "700"),
        ("from_allowance", "700"),
        ("from_credits", "0"),
        ("overdraft", "0"),
        ("balance", "750"),
        ("allowance", "750"),
        ("available", "750"),
        ("recorded_at", "2026-01-05 00:00:00+00"),
    ]);
    assert_eq!(held(&mut s), ["team|12|NULL|NULL|f"]);
    s.at("2026-01-10 00:00+00");
    assert_eq!(set_seats(&mut s, 5, "s2"), "0");
    // Fewer seats count from the next cycle.
    assert_eq!(held(&mut s), ["team|12|NULL|5|f"]);
    assert_eq!(s.one("SELECT pending_at FROM credits_subscriptions"), "2026-02-01 00:00:00+00");
    assert_eq!(running(&mut s), format!("750|0|1000|{JAN}"));
    s.at("2026-01-15 00:00+00");
    assert_eq!(set_seats(&mut s, 12, "s3"), "0");
    assert_eq!(held(&mut s), ["team|12|NULL|NULL|f"]);
    assert_eq!(s.one("SELECT pending_at FROM credits_subscriptions"), "NULL");
    assert_eq!(
        history(&mut s, 1),
        [
            "subscribe|team|300|300",
            "debit|NULL|-250|50",
            "set_seats|team|700|750",
            "set_seats|team|0|750",
            "set_seats|team|0|750"
        ]
    );
    assert_eq!(lots(&mut s), ["allowance|team|300|50|active", "allowance|team|700|700|active"]);
    s.at("2026-02-01 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a')").has(&[
        ("expired", "750"),
        ("granted", "1000"),
        ("allowance", "1000"),
    ]);
    assert_eq!(held(&mut s), ["team|12|NULL|NULL|f"]);
    sound(&mut s);
}

#[test]
fn fewer_seats_count_from_the_next_cycle() {
    let mut s = team();
    s.run("SELECT credits_subscribe('a', 'team', 'k', 3)");
    assert_eq!(set_seats(&mut s, 12, "s1"), "700");
    s.at("2026-01-10 00:00+00");
    assert_eq!(set_seats(&mut s, 5, "s2"), "0");
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("500|0|500|{FEB}"));
    s.run("SELECT credits_maintain()");
    assert_eq!(held(&mut s), ["team|5|NULL|NULL|f"]);
    // The mark is the cycle's own: what January had granted does not count in February.
    assert_eq!(set_seats(&mut s, 12, "s3"), "500");
    assert_eq!(running(&mut s), format!("1000|0|1000|{FEB}"));
    assert_eq!(
        history(&mut s, 4),
        ["expire|team|-300|700", "expire|team|-700|0", "allowance|team|500|500", "set_seats|team|500|1000"]
    );
    s.at("2026-03-01 00:00+00");
    assert_eq!(running(&mut s), format!("1000|0|1000|{MAR}"));
    sound(&mut s);
}

/// The newest word counts, and only where it stands above the mark it brings something.
#[test]
fn every_way_up_and_down() {
    let mut s = team();
    s.run("SELECT credits_subscribe('a', 'team', 'k', 4)");
    let mut granted = 400;
    let mut mark = 4;
    for (n, seats) in [2, 3, 4, 5, 1, 4, 5, 6, 6, 2, 8, 7, 9, 1, 10, 11, 30, 3, 12, 6].into_iter().enumerate() {
        let brings = (seats.min(10) - mark.min(10)).max(0) * 100;
        mark = mark.max(seats);
        granted += brings;
        assert_eq!(set_seats(&mut s, seats, &format!("s{n}")), brings.to_string(), "step {n}: {seats} seats");
        let pending = if seats < mark { seats.to_string() } else { "NULL".to_owned() };
        assert_eq!(held(&mut s), [format!("team|{mark}|NULL|{pending}|f")], "step {n}: {seats} seats");
        assert_eq!(running(&mut s), format!("{granted}|0|{granted}|{JAN}"), "step {n}: {seats} seats");
        sound(&mut s);
    }
    assert_eq!(granted, 1000);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("600|0|600|{FEB}"));
}

/// Nor does leaving and coming back take the mark away.
#[test]
fn the_mark_outlives_the_subscription() {
    let mut s = team();
    s.run("SELECT credits_subscribe('a', 'team', 'k1', 5)");
    s.run("SELECT credits_unsubscribe('a', 'team', 'u1', 'now')");
    s.row("SELECT * FROM credits_subscribe('a', 'team', 'k2', 3)").has(&[("amount", "0"), ("balance", "500")]);
    assert_eq!(held(&mut s), ["team|3|NULL|NULL|f"]);
    assert_eq!(set_seats(&mut s, 5, "s1"), "0");
    assert_eq!(set_seats(&mut s, 6, "s2"), "100");
    s.run("SELECT credits_unsubscribe('a', 'team', 'u2', 'now')");
    s.row("SELECT * FROM credits_subscribe('a', 'team', 'k3', 8)").has(&[("amount", "200"), ("balance", "800")]);
    assert_eq!(running(&mut s), format!("800|0|800|{JAN}"));
    assert_eq!(s.list("SELECT trim_scale(sum(amount)) FROM credits_grants WHERE plan = 'team'"), ["800"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("800|0|800|{FEB}"));
    sound(&mut s);
}

/// At the boundary the seats of before are granted, and what is set then is added to them.
#[test]
fn the_last_instant_and_the_first() {
    let mut s = team();
    s.run("SELECT credits_subscribe('a', 'team', 'k', 3)");
    s.at("2026-01-31 23:59:59.999999+00");
    assert_eq!(set_seats(&mut s, 4, "s1"), "100");
    assert_eq!(running(&mut s), format!("400|0|400|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(set_seats(&mut s, 6, "s2"), "200");
    assert_eq!(running(&mut s), format!("600|0|600|{FEB}"));
    assert_eq!(
        history(&mut s, 3),
        ["expire|team|-300|100", "expire|team|-100|0", "allowance|team|400|400", "set_seats|team|200|600"]
    );
    sound(&mut s);
}

/// What is due takes effect before what is asked for: the seats given back in January are gone by February.
#[test]
fn pending_seats_come_before_new_ones() {
    let mut s = team();
    s.run("SELECT credits_subscribe('a', 'team', 'k', 8)");
    set_seats(&mut s, 2, "s1");
    s.at("2026-03-15 00:00+00");
    assert_eq!(set_seats(&mut s, 3, "s2"), "100");
    assert_eq!(running(&mut s), format!("300|0|300|{MAR}"));
    assert_eq!(
        s.list("SELECT cycle, trim_scale(granted) FROM credits_cycles WHERE account = 'a' ORDER BY cycle"),
        ["1|800", "2|200", "3|300"]
    );
    sound(&mut s);
}

/// More seats after a redefinition in mid-cycle give the difference at the new definition; the seats there are
/// have what they have until the next cycle.
#[test]
fn seats_added_under_a_new_definition() {
    let mut s = team();
    s.run("SELECT credits_subscribe('a', 'team', 'k', 3)");
    s.at("2026-01-10 00:00+00");
    s.run("SELECT * FROM credits_define_plan('team', 150, per_seat => true, seat_cap => 10)");
    assert_eq!(running(&mut s), format!("300|0|300|{JAN}"));
    assert_eq!(set_seats(&mut s, 3, "s0"), "0");
    assert_eq!(set_seats(&mut s, 5, "s1"), "300");
    assert_eq!(running(&mut s), format!("600|0|600|{JAN}"));
    // A higher cap: the seats above the old one that are there already count from the next cycle.
    assert_eq!(set_seats(&mut s, 12, "s2"), "750");
    s.at("2026-01-20 00:00+00");
    s.run("SELECT * FROM credits_define_plan('team', 150, per_seat => true, seat_cap => 20)");
    assert_eq!(set_seats(&mut s, 12, "s3"), "0");
    assert_eq!(set_seats(&mut s, 14, "s4"), "300");
    assert_eq!(running(&mut s), format!("1650|0|1650|{JAN}"));
    // A lower one takes nothing back, and gives nothing for seats above it.
    s.run("SELECT * FROM credits_define_plan('team', 150, per_seat => true, seat_cap => 2)");
    assert_eq!(set_seats(&mut s, 15, "s5"), "0");
    assert_eq!(running(&mut s), format!("1650|0|1650|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("300|0|300|{FEB}"));
    sound(&mut s);
}

/// A flat plan keeps its seats, for the cycle in which it becomes one by seats.
#[test]
fn a_flat_plan_becomes_one_by_seats() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('team', 100)");
    s.row("SELECT * FROM credits_subscribe('a', 'team', 'k', 2)").has(&[("amount", "100")]);
    assert_eq!(set_seats(&mut s, 4, "s1"), "0");
    assert_eq!(held(&mut s), ["team|4|NULL|NULL|f"]);
    s.at("2026-01-10 00:00+00");
    s.run("SELECT * FROM credits_define_plan('team', 100, per_seat => true)");
    assert_eq!(running(&mut s), format!("100|0|100|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("400|0|400|{FEB}"));
    s.run("SELECT * FROM credits_define_plan('team', 70)");
    s.at("2026-03-01 00:00+00");
    assert_eq!(running(&mut s), format!("70|0|70|{MAR}"));
    sound(&mut s);
}

/// The seats of one plan are nothing to another.
#[test]
fn each_plan_has_its_seats() {
    let mut s = team();
    s.run("SELECT * FROM credits_define_plan('desk', 10, per_seat => true)");
    s.run("SELECT credits_subscribe('a', 'team', 'k1', 3)");
    s.row("SELECT * FROM credits_subscribe('a', 'desk', 'k2', 20)").has(&[("amount", "200"), ("balance", "500")]);
    assert_eq!(set_seats(&mut s, 5, "s1"), "200");
    s.row("SELECT * FROM credits_set_seats('a', 'desk', 4, 's2')").has(&[("amount", "0"), ("balance", "700")]);
    assert_eq!(held(&mut s), ["desk|20|NULL|4|f", "team|5|NULL|NULL|f"]);
    assert_eq!(
        lots(&mut s),
        ["allowance|desk|200|200|active", "allowance|team|300|300|active", "allowance|team|200|200|active"]
    );
    s.at("2026-02-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(running(&mut s), format!("540|0|540|{FEB}"));
    assert_eq!(
        closing(&mut s, 5),
        ["allowance|desk|40", "allowance|team|500", "expire|desk|-200", "expire|team|-200", "expire|team|-300"]
    );
    sound(&mut s);
}

/// Added seats pay debt first, like whatever reaches the account.
#[test]
fn added_seats_pay_debt() {
    let mut s = team();
    s.run("SELECT credits_configure_account('a', overdraft_limit => 500)");
    s.run("SELECT credits_subscribe('a', 'team', 'k', 2)");
    s.run("SELECT credits_debit('a', 450, 'd')");
    s.row("SELECT * FROM credits_set_seats('a', 'team', 4, 's1')").has(&[
        ("amount", "200"),
        ("from_allowance", "0"),
        ("overdraft", "-200"),
        ("balance", "-50"),
        ("debt", "50"),
    ]);
    s.row("SELECT * FROM credits_set_seats('a', 'team', 5, 's2')").has(&[
        ("amount", "100"),
        ("from_allowance", "50"),
        ("overdraft", "-50"),
        ("balance", "50"),
        ("debt", "0"),
    ]);
    assert_eq!(s.one("SELECT trim_scale(allowance_granted) FROM credits_balance('a')"), "500");
    sound(&mut s);
}

#[test]
fn seats_that_cannot_be() {
    let mut s = team();
    s.run("SELECT * FROM credits_define_plan('other', 5, per_seat => true)");
    s.run("SELECT credits_subscribe('a', 'team', 'k', 3)");
    let long = "x".repeat(256);
    for (call, code) in [
        ("credits_set_seats('a', 'team', 0, 's')", "LC005"),
        ("credits_set_seats('a', 'team', -3, 's')", "LC005"),
        ("credits_set_seats('a', 'team', NULL, 's')", "LC005"),
        ("credits_set_seats(NULL, 'team', 4, 's')", "LC005"),
        ("credits_set_seats('a', NULL, 4, 's')", "LC005"),
        ("credits_set_seats('a', 'team', 4, NULL)", "LC005"),
        ("credits_set_seats('a', 'team', 4, '')", "LC005"),
        ("credits_set_seats('a', '', 4, 's')", "LC005"),
        (&format!("credits_set_seats('a', 'team', 4, '{long}')"), "LC005"),
        // The form before the key and the account; the account before the plan.
        ("credits_set_seats('a', 'team', 0, 'k')", "LC005"),
        ("credits_set_seats('nobody', 'team', 0, 's')", "LC005"),
        ("credits_set_seats('nobody', 'gold', 4, 's')", "LC002"),
        ("credits_set_seats('a', 'gold', 4, 's')", "LC006"),
        ("credits_set_seats('a', 'other', 4, 's')", "LC006"),
        ("credits_set_seats('a', 'gold', 4, 'k')", "LC003"),
    ] {
        let error = s.error(&format!("SELECT * FROM {call}"));
        assert_eq!(error.code, code, "{call}: {}", error.message);
    }
    assert_eq!(history(&mut s, 1), ["subscribe|team|300|300"]);
    assert_eq!(held(&mut s), ["team|3|NULL|NULL|f"]);
    sound(&mut s);
}

/// More than an account can hold is refused, and the seats stay what they were.
#[test]
fn seats_beyond_all_measure() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('team', 60000000000000, per_seat => true)");
    s.run("SELECT credits_subscribe('a', 'team', 'k')");
    assert_eq!(s.error("SELECT credits_set_seats('a', 'team', 2, 's')").code, "LC004");
    assert_eq!(s.error("SELECT credits_set_seats('a', 'team', 2147483647, 's')").code, "LC004");
    assert_eq!(held(&mut s), ["team|1|NULL|NULL|f"]);
    assert_eq!(lots(&mut s), ["allowance|team|60000000000000|60000000000000|active"]);
    s.run("SELECT * FROM credits_define_plan('team', 1, per_seat => true)");
    assert_eq!(set_seats(&mut s, i32::MAX, "s"), "2147483646");
    sound(&mut s);
}

#[test]
fn one_key_sets_seats_once() {
    let mut s = team();
    s.run("SELECT credits_subscribe('a', 'team', 'k', 3)");
    let up = "SELECT to_jsonb(r) - 'replayed' FROM credits_set_seats('a', 'team', 5, 's1') r";
    let down = "SELECT to_jsonb(r) - 'replayed' FROM credits_set_seats('a', 'team', 2, 's2') r";
    let (first_up, first_down) = (s.one(up), s.one(down));
    set_seats(&mut s, 9, "s3");
    for call in [
        "credits_set_seats('a', 'team', 6, 's1')",
        "credits_set_seats('a', 'desk', 5, 's1')",
        "credits_subscribe('a', 'team', 's1', 5)",
        "credits_unsubscribe('a', 'team', 's1')",
        "credits_set_seats('a', 'team', 3, 'k')",
    ] {
        assert_eq!(s.error(&format!("SELECT {call}")).code, "LC003", "{call}");
    }
    for now in ["2026-01-20 00:00+00", "2026-04-20 00:00+00"] {
        s.at(now);
        assert_eq!((s.one(up), s.one(down)), (first_up.clone(), first_down.clone()), "{now}");
        assert_eq!(s.one("SELECT replayed FROM credits_set_seats('a', 'team', 5, 's1')"), "t", "{now}");
        assert_eq!(held(&mut s), ["team|9|NULL|NULL|f"], "{now}");
        assert_eq!(s.one("SELECT count(*) FROM credits_history"), "5", "{now}");
    }
    assert_eq!(
        lots(&mut s)[..3],
        [
            "allowance|team|300|0|expired".to_owned(),
            "allowance|team|200|0|expired".to_owned(),
            "allowance|team|400|0|expired".to_owned()
        ]
    );
    sound(&mut s);
}

/// Sixteen sessions that all set twelve seats, each with a key of its own, bring the difference once.
#[test]
fn seats_set_by_many_at_once() {
    let db = credits_ledger_tests::Server::shared().database();
    let mut s = db.session();
    s.run("SELECT * FROM credits_define_plan('team', 100, per_seat => true, seat_cap => 10)");
    s.run("SELECT credits_open_account('a')");
    s.run("SELECT credits_subscribe('a', 'team', 'k', 3)");
    let threads: Vec<_> = (0..16)
        .map(|n| {
            let mut s = db.session();
            std::thread::spawn(move || {
                let seats = if n % 2 == 0 { 12 } else { 5 };
                s.one(&format!("SELECT trim_scale(amount) FROM credits_set_seats('a', 'team', {seats}, 's{n}')"))
                    .parse::<i64>()
                    .expect("an amount")
            })
        })
        .collect();
    let brought: i64 = threads.into_iter().map(|t| t.join().expect("each call succeeds")).sum();
    assert_eq!(brought, 700);
    assert_eq!(s.one("SELECT trim_scale(balance) FROM credits_balance('a')"), "1000");
    assert_eq!(s.one("SELECT seats FROM credits_subscriptions"), "12");
    assert_eq!(s.one("SELECT entry FROM credits_balance('a')"), "18");
    sound(&mut s);
}

/// A downgrade that is forced grants nothing before the next cycle. Seats that are added to it later are a request of their
/// own, and add their difference at once.
#[test]
fn more_seats_after_a_forced_downgrade() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT credits_define_plan('high', 100, per_seat => true, rank => 2)");
    s.run("SELECT credits_define_plan('low', 50, per_seat => true, rank => 1)");
    s.run("SELECT credits_subscribe('a', 'high', 'k1', 2)");
    s.at("2026-01-10 00:00+00");
    s.row("SELECT * FROM credits_change_plan('a', 'high', 'low', 'k2', 'now')")
        .has(&[("amount", "0"), ("balance", "200")]);
    s.row("SELECT * FROM credits_set_seats('a', 'low', 3, 'k3')").has(&[("amount", "50"), ("balance", "250")]);
    s.row("SELECT * FROM credits_set_seats('a', 'low', 2, 'k4')").has(&[("amount", "0"), ("balance", "250")]);
    s.row("SELECT * FROM credits_set_seats('a', 'low', 3, 'k5')").has(&[("amount", "0"), ("balance", "250")]);
    assert_eq!(history(&mut s, 3), ["set_seats|low|50|250", "set_seats|low|0|250", "set_seats|low|0|250"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), "150|0|150|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    sound(&mut s);
}
