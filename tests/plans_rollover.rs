//! Rollover of plans: each by its own percentage, maximum and number of cycles, worked out once on all that is left of
//! the plan's lots.

use credits_ledger_tests::Session;

#[path = "plans/books.rs"]
mod books;

use books::{closing, held, history, lots, opened, running, sound};

/// An account on one plan since 1 January.
fn on(definition: &str, seats: i32) -> Session {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run(&format!("SELECT * FROM credits_define_plan('p', {definition})"));
    s.run(&format!("SELECT credits_subscribe('a', 'p', 'sub', {seats})"));
    s
}

/// `rolled_over|expired|granted|allowance` of the closing at `now`.
#[track_caller]
fn close(s: &mut Session, now: &str) -> String {
    s.at(now);
    s.list(
        "SELECT trim_scale(rolled_over), trim_scale(expired), trim_scale(granted), trim_scale(allowance)
         FROM credits_reset_cycle('a')",
    )
    .remove(0)
}

/// `plan|remaining|effective_at|expires_at` of the rollover that lives.
#[track_caller]
fn living(s: &mut Session) -> Vec<String> {
    s.list(
        "SELECT plan, trim_scale(remaining), effective_at, expires_at FROM credits_grants
         WHERE account = 'a' AND kind = 'rollover' AND status = 'active' AND remaining > 0 ORDER BY plan, lot",
    )
}

#[test]
fn a_share_of_what_is_unused_rolls_over() {
    let mut s = on("100, rollover_percent => 50", 1);
    s.run("SELECT credits_debit('a', 30, 'd1')");
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "35|35|100|135");
    assert_eq!(history(&mut s, 3), ["rollover|p|0|70", "expire|p|-35|35", "allowance|p|100|135"]);
    assert_eq!(
        s.list("SELECT operation, lot_kind, trim_scale(amount) FROM credits_allocations WHERE account = 'a' AND entry > 3 ORDER BY entry, amount"),
        ["rollover|allowance|-35", "rollover|rollover|35", "expire|allowance|-35", "allowance|allowance|100"]
    );
    assert_eq!(living(&mut s), ["p|35|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"]);
    assert_eq!(lots(&mut s)[1..], ["rollover|p|35|35|active".to_owned(), "allowance|p|100|100|active".to_owned()]);
    assert_eq!(running(&mut s), "135|0|100|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    // It is drawn first, and does not roll again.
    s.row("SELECT * FROM credits_debit('a', 10, 'd2')").has(&[("from_allowance", "10")]);
    assert_eq!(living(&mut s), ["p|25|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"]);
    assert_eq!(close(&mut s, "2026-03-01 00:00+00"), "50|75|100|150");
    assert_eq!(living(&mut s), ["p|50|2026-03-01 00:00:00+00|2026-04-01 00:00:00+00"]);
    sound(&mut s);
}

/// Several lots of a plan in one cycle are one sum, rounded down once.
#[test]
fn rounded_once_on_the_sum_of_the_lots() {
    let mut s = on("0.000001, true, rollover_percent => 50", 1);
    s.run("SELECT credits_set_seats('a', 'p', 2, 's1')");
    s.run("SELECT credits_set_seats('a', 'p', 3, 's2')");
    s.run("SELECT credits_set_seats('a', 'p', 4, 's3')");
    s.run("SELECT credits_set_seats('a', 'p', 5, 's4')");
    assert_eq!(lots(&mut s).len(), 5);
    // 0.000005 × 50 % = 0.0000025. Each lot by itself would be below the sixth decimal.
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "0.000002|0.000003|0.000005|0.000007");
    assert_eq!(living(&mut s), ["p|0.000002|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"]);
    sound(&mut s);

    // 1.133333 × 33.333333 % = 0.37777766…
    let mut s = on("1.333333, rollover_percent => 33.333333", 1);
    s.run("SELECT credits_debit('a', 0.2, 'd')");
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "0.377777|0.755556|1.333333|1.71111");
    sound(&mut s);
}

/// Seats added and lots used up in part: what counts is what is left of all of them.
#[test]
fn what_is_left_of_all_lots() {
    let mut s = on("100, true, rollover_percent => 50", 2);
    s.run("SELECT credits_debit('a', 150, 'd')");
    s.run("SELECT credits_set_seats('a', 'p', 5, 's1')");
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "175|175|500|675");
    // One net-zero entry for the plan, one expiry per lot.
    assert_eq!(
        s.list("SELECT operation, trim_scale(sum(amount)) FROM credits_history WHERE entry > 4 GROUP BY operation ORDER BY 1"),
        ["allowance|500", "expire|-175", "rollover|0"]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE operation = 'rollover'"), "1");
    assert_eq!(
        s.one("SELECT trim_scale(sum(amount)) FROM credits_allocations WHERE operation = 'rollover' AND lot_kind = 'rollover'"),
        "175"
    );
    sound(&mut s);
}

/// `rollover_cycles` says how long a rollover lot lives; it never rolls again.
#[test]
fn it_lives_as_many_cycles_as_the_plan_says() {
    let mut s = on("100, rollover_percent => 10, rollover_cycles => 3", 1);
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "10|90|100|110");
    assert_eq!(living(&mut s), ["p|10|2026-02-01 00:00:00+00|2026-05-01 00:00:00+00"]);
    assert_eq!(close(&mut s, "2026-03-01 00:00+00"), "10|90|100|120");
    assert_eq!(close(&mut s, "2026-04-01 00:00+00"), "10|90|100|130");
    assert_eq!(
        living(&mut s),
        [
            "p|10|2026-02-01 00:00:00+00|2026-05-01 00:00:00+00",
            "p|10|2026-03-01 00:00:00+00|2026-06-01 00:00:00+00",
            "p|10|2026-04-01 00:00:00+00|2026-07-01 00:00:00+00"
        ]
    );
    // The oldest is drawn first; what is left of it ends after its third cycle.
    s.run("SELECT credits_debit('a', 4, 'd')");
    assert_eq!(living(&mut s)[0], "p|6|2026-02-01 00:00:00+00|2026-05-01 00:00:00+00");
    assert_eq!(close(&mut s, "2026-05-01 00:00+00"), "10|96|100|130");
    assert_eq!(living(&mut s).len(), 3);
    sound(&mut s);
}

/// The maximum bounds all living rollover of the plan together; what has lived its time makes room.
#[test]
fn the_maximum_of_a_plan() {
    let mut s = on("100, rollover_percent => 100, rollover_max => 150, rollover_cycles => 3", 1);
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "100|0|100|200");
    assert_eq!(close(&mut s, "2026-03-01 00:00+00"), "50|50|100|250");
    assert_eq!(close(&mut s, "2026-04-01 00:00+00"), "0|100|100|250");
    // February's 100 is over, 50 live on: room for 100 again.
    assert_eq!(close(&mut s, "2026-05-01 00:00+00"), "100|100|100|250");
    assert_eq!(
        living(&mut s),
        ["p|50|2026-03-01 00:00:00+00|2026-06-01 00:00:00+00", "p|100|2026-05-01 00:00:00+00|2026-08-01 00:00:00+00"]
    );
    // What was used of it makes room, too: 70 take all of the 50 and 20 of the 100.
    s.run("SELECT credits_debit('a', 70, 'd')");
    assert_eq!(close(&mut s, "2026-06-01 00:00+00"), "70|30|100|250");
    sound(&mut s);

    let mut s = on("100, rollover_percent => 100, rollover_max => 0", 1);
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "0|100|100|100");
    assert_eq!(living(&mut s), Vec::<String>::new());
    sound(&mut s);
}

/// Each plan by its own terms, the account's own allowance by the account's.
#[test]
fn several_plans_roll_each_by_its_own_terms() {
    let mut s = opened("2026-01-01 00:00+00", ", 100, rollover_percent => 10");
    s.run("SELECT * FROM credits_define_plan('half', 200, rollover_percent => 50)");
    s.run("SELECT * FROM credits_define_plan('bounded', 300, rollover_percent => 100, rollover_max => 40, rollover_cycles => 2)");
    s.run("SELECT * FROM credits_define_plan('none', 400)");
    for plan in ["half", "bounded", "none"] {
        s.run(&format!("SELECT credits_subscribe('a', '{plan}', '{plan}')"));
    }
    // The account's own allowance was there first, and is drawn first.
    s.run("SELECT credits_debit('a', 130, 'd')");
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "125|745|1000|1125");
    assert_eq!(
        closing(&mut s, 6),
        [
            "allowance|NULL|100",
            "allowance|bounded|300",
            "allowance|half|200",
            "allowance|none|400",
            "expire|bounded|-260",
            "expire|half|-85",
            "expire|none|-400",
            "rollover|bounded|0",
            "rollover|half|0"
        ]
    );
    assert_eq!(
        living(&mut s),
        [
            "bounded|40|2026-02-01 00:00:00+00|2026-04-01 00:00:00+00",
            "half|85|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"
        ]
    );
    // Half's rollover ends sooner and is drawn first: 85 and 5 of the 40.
    s.run("SELECT credits_debit('a', 90, 'd2')");
    // The own allowance rolls 10, half 100, bounded 5 (35 live on), none nothing.
    assert_eq!(close(&mut s, "2026-03-01 00:00+00"), "115|885|1000|1150");
    assert_eq!(
        living(&mut s),
        [
            "bounded|35|2026-02-01 00:00:00+00|2026-04-01 00:00:00+00",
            "bounded|5|2026-03-01 00:00:00+00|2026-05-01 00:00:00+00",
            "half|100|2026-03-01 00:00:00+00|2026-04-01 00:00:00+00",
            "NULL|10|2026-03-01 00:00:00+00|2026-04-01 00:00:00+00"
        ]
    );
    sound(&mut s);
}

/// The account's own percentage is nothing to a plan, and a plan's nothing to another's maximum.
#[test]
fn the_accounts_own_terms_are_not_the_plans() {
    let mut s = opened("2026-01-01 00:00+00", ", rollover_percent => 100");
    s.run("SELECT * FROM credits_define_plan('p', 100)");
    s.run("SELECT * FROM credits_define_plan('q', 100, rollover_percent => 100, rollover_max => 60)");
    s.run("SELECT * FROM credits_define_plan('r', 100, rollover_percent => 100, rollover_max => 60)");
    for plan in ["p", "q", "r"] {
        s.run(&format!("SELECT credits_subscribe('a', '{plan}', '{plan}')"));
    }
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "120|180|300|420");
    sound(&mut s);
}

/// A plan's lots roll by the plan that granted them, also when another has taken its place since, or none.
#[test]
fn a_plan_that_has_gone_rolls_over_still() {
    // Replaced in mid-cycle: both roll, each by its own terms.
    let mut s = on("100, rollover_percent => 50, rank => 1", 1);
    s.run("SELECT * FROM credits_define_plan('q', 300, rollover_percent => 10, rank => 2)");
    s.run("SELECT credits_change_plan('a', 'p', 'q', 'up')");
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "80|320|300|380");
    assert_eq!(
        living(&mut s),
        ["p|50|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00", "q|30|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"]
    );
    assert_eq!(held(&mut s), ["q|1|NULL|NULL|f"]);
    sound(&mut s);

    // Replaced at the boundary: the closing cycle's allowance was the old plan's.
    let mut s = on("300, rollover_percent => 50, rank => 2", 1);
    s.run("SELECT * FROM credits_define_plan('q', 100, rank => 1)");
    s.run("SELECT credits_change_plan('a', 'p', 'q', 'down')");
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "150|150|100|250");
    assert_eq!(close(&mut s, "2026-03-01 00:00+00"), "0|250|100|100");
    sound(&mut s);

    // Given up.
    for takes_effect in ["now", "next_cycle"] {
        let mut s = on("300, rollover_percent => 50", 1);
        s.run(&format!("SELECT credits_unsubscribe('a', 'p', 'gone', '{takes_effect}')"));
        assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "150|150|0|150", "{takes_effect}");
        assert_eq!(close(&mut s, "2026-03-01 00:00+00"), "0|150|0|0", "{takes_effect}");
        sound(&mut s);
    }
}

/// With `expire` the replaced plan's allowance is gone before anything could roll; what rolled over earlier stays.
#[test]
fn what_expired_by_a_change_does_not_roll() {
    let mut s = on("100, rollover_percent => 50, rank => 1", 1);
    s.run("SELECT * FROM credits_define_plan('q', 300, rollover_percent => 50, rank => 2)");
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "50|50|100|150");
    s.row("SELECT * FROM credits_change_plan('a', 'p', 'q', 'up', unused_allowance => 'expire')")
        .has(&[("amount", "300"), ("balance", "350")]);
    assert_eq!(living(&mut s), ["p|50|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"]);
    assert_eq!(close(&mut s, "2026-03-01 00:00+00"), "150|200|300|450");
    sound(&mut s);
}

/// A boundary uses the terms in force at its instant.
#[test]
fn terms_that_change() {
    let mut s = on("100, rollover_percent => 50", 1);
    s.at("2026-01-20 00:00+00");
    s.run("SELECT * FROM credits_define_plan('p', 100, rollover_percent => 20, rollover_cycles => 2)");
    assert_eq!(close(&mut s, "2026-02-01 00:00+00"), "20|80|100|120");
    assert_eq!(living(&mut s), ["p|20|2026-02-01 00:00:00+00|2026-04-01 00:00:00+00"]);
    // What has rolled lives on as it was.
    s.at("2026-02-02 00:00+00");
    s.run("SELECT * FROM credits_define_plan('p', 100)");
    assert_eq!(close(&mut s, "2026-03-01 00:00+00"), "0|100|100|120");
    assert_eq!(living(&mut s), ["p|20|2026-02-01 00:00:00+00|2026-04-01 00:00:00+00"]);
    assert_eq!(close(&mut s, "2026-04-01 00:00+00"), "0|120|100|100");
    sound(&mut s);
}

/// Missed cycles roll one by one, as they would have with somebody looking.
#[test]
fn missed_cycles_roll_one_by_one() {
    let definition = "90, rollover_percent => 33.333333, rollover_max => 70, rollover_cycles => 3";
    let mut late = on(definition, 1);
    let mut prompt = on(definition, 1);
    for month in 2..=9 {
        close(&mut prompt, &format!("2026-{month:02}-01 00:00+00"));
    }
    // 29.999999 of each 90: two fit whole, then what is left of the 70; then one goes as one comes.
    assert_eq!(
        prompt.list("SELECT trim_scale(rolled_over), trim_scale(expired) FROM credits_cycles WHERE closed_at IS NOT NULL ORDER BY cycle"),
        [
            "29.999999|60.000001",
            "29.999999|60.000001",
            "10.000002|79.999998",
            "29.999999|90",
            "29.999999|90",
            "10.000002|90",
            "29.999999|90",
            "29.999999|90"
        ]
    );
    late.at("2026-09-01 00:00+00");
    assert_eq!(living(&mut late), living(&mut prompt));
    late.run("SELECT credits_maintain()");
    for table in ["credits_cycles", "credits_grants"] {
        let rows =
            |s: &mut Session| s.list(&format!("SELECT to_jsonb(t) - 'closed_at' - 'entry' FROM {table} t ORDER BY t"));
        assert_eq!(rows(&mut late), rows(&mut prompt), "{table}");
    }
    assert_eq!(history(&mut late, 0), history(&mut prompt, 0));
    sound(&mut late);
    sound(&mut prompt);
}

/// A cycle ended by hand rolls over like any other; on a manual account the rolled part waits for the next reset.
#[test]
fn resets_by_hand() {
    let mut s = on("100, rollover_percent => 50", 1);
    s.at("2026-01-20 00:00+00");
    s.row("SELECT * FROM credits_reset_cycle('a', 'evt', '2026-01-19 00:00+00')").has(&[
        ("cycles_closed", "1"),
        ("rolled_over", "50"),
        ("expired", "50"),
        ("granted", "100"),
        ("allowance", "150"),
    ]);
    assert_eq!(living(&mut s), ["p|50|2026-01-20 00:00:00+00|2026-02-19 00:00:00+00"]);
    sound(&mut s);

    let mut s = opened("2026-01-01 00:00+00", ", cycle_length => '0'");
    s.run("SELECT * FROM credits_define_plan('p', 100, rollover_percent => 50, rollover_cycles => 2)");
    s.run("SELECT credits_subscribe('a', 'p', 'sub')");
    for (year, allowance) in [(2027, "150"), (2028, "200"), (2029, "200")] {
        s.at(&format!("{year}-01-01 00:00+00"));
        s.row(&format!("SELECT * FROM credits_reset_cycle('a', 'r{year}')"))
            .has(&[("rolled_over", "50"), ("allowance", allowance)]);
    }
    sound(&mut s);
}

/// The first plan after others have gone starts a new cycle; what rolled over into the cycle before is over with it.
#[test]
fn rollover_and_a_new_first_plan() {
    let mut s = on("100, rollover_percent => 50, rollover_cycles => 2", 1);
    s.run("SELECT credits_unsubscribe('a', 'p', 'gone')");
    s.at("2026-02-10 00:00+00");
    assert_eq!(running(&mut s), "50|0|0|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00");
    s.row("SELECT * FROM credits_subscribe('a', 'p', 'again')").has(&[("amount", "100"), ("balance", "150")]);
    // The cycle from 1 February was its first, this is its second.
    assert_eq!(living(&mut s), ["p|50|2026-02-01 00:00:00+00|2026-03-10 00:00:00+00"]);
    assert_eq!(close(&mut s, "2026-03-10 00:00+00"), "50|100|100|150");
    sound(&mut s);
}
