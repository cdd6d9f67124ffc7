//! Changes to a plan of equal rank: at once, by the excess.

use super::*;

/// Now, and only by what the new plan has more.
#[test]
fn a_plan_of_equal_rank_brings_the_excess() {
    let mut s = on("t1");
    s.run("SELECT credits_debit('a', 900, 'd')");
    change(&mut s, "t1", "t3", "").has(&[("amount", "500"), ("from_allowance", "500"), ("balance", "600")]);
    assert_eq!(held(&mut s), ["t3|1|NULL|NULL|f"]);
    assert_eq!(lots(&mut s), ["allowance|t1|1000|100|active", "allowance|t3|500|500|active"]);
    assert_eq!(running(&mut s), format!("600|0|1500|{JAN}"));
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("1500|0|1500|{FEB}"));
    sound(&mut s);

    let mut s = on("t1");
    change(&mut s, "t1", "t2", "").has(&[("amount", "0"), ("from_allowance", "0"), ("balance", "1000")]);
    assert_eq!(held(&mut s), ["t2|1|NULL|NULL|f"]);
    assert_eq!(lots(&mut s), ["allowance|t1|1000|1000|active"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("500|0|500|{FEB}"));
    sound(&mut s);
}

/// In a chain each plan counts with its whole allowance, granted or not: together they grant what the largest does.
#[test]
fn chains_of_equal_rank() {
    // 1000, 500, 1000
    let mut s = on("t1");
    brings(&mut s, "t1", "t2", "", 0);
    brings(&mut s, "t2", "t1", "", 0);
    assert_eq!(running(&mut s), format!("1000|0|1000|{JAN}"));
    sound(&mut s);

    // 500, 1000, 1200, 500, 1500, 1000, 1200, 2000, 500
    let mut s = on("t2");
    for (from, to, amount) in [
        ("t2", "t1", 500),
        ("t1", "t4", 200),
        ("t4", "t2", 0),
        ("t2", "t3", 300),
        ("t3", "t1", 0),
        ("t1", "t4", 0),
        ("t4", "t5", 500),
        ("t5", "t2", 0),
    ] {
        brings(&mut s, from, to, "", amount);
        sound(&mut s);
    }
    assert_eq!(running(&mut s), format!("2000|0|2000|{JAN}"));
    assert_eq!(held(&mut s), ["t2|1|NULL|NULL|f"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("500|0|500|{FEB}"));
    // A new cycle, a new count.
    brings(&mut s, "t2", "t5", "", 1500);
    sound(&mut s);
}

/// 1000, then 500 of equal rank (nothing), then 1500: less the larger of the two.
#[test]
fn a_small_plan_between_two_large_ones() {
    let mut s = on("t1");
    brings(&mut s, "t1", "t2", "", 0);
    brings(&mut s, "t2", "t3", "", 500);
    assert_eq!(running(&mut s), format!("1500|0|1500|{JAN}"));
    sound(&mut s);
}

#[test]
fn equal_rank_after_an_upgrade() {
    let mut s = on("basic");
    s.run("SELECT * FROM credits_define_plan('pro2', 1300, rank => 2)");
    brings(&mut s, "basic", "pro", "", 1000);
    // The excess over what pro granted, not over all that the cycle did.
    brings(&mut s, "pro", "pro2", "", 300);
    assert_eq!(running(&mut s), format!("1800|0|1800|{JAN}"));
    sound(&mut s);
}

#[test]
fn equal_rank_by_seats() {
    let mut s = opened("2026-01-01 00:00+00", "");
    s.run("SELECT * FROM credits_define_plan('x', 100, true)");
    s.run("SELECT * FROM credits_define_plan('y', 60, true)");
    s.run("SELECT credits_subscribe('a', 'x', 'sub', 3)");
    brings(&mut s, "x", "y", "", 0); // 180, less than 300
    s.row("SELECT * FROM credits_set_seats('a', 'y', 5, 's1')").has(&[("amount", "0")]); // 300
    s.row("SELECT * FROM credits_set_seats('a', 'y', 6, 's2')").has(&[("amount", "60")]); // 360
    brings(&mut s, "y", "x", "", 240); // 600
    s.row("SELECT * FROM credits_set_seats('a', 'x', 8, 's3')").has(&[("amount", "200")]);
    brings(&mut s, "x", "y", "", 0); // 480
    s.row("SELECT * FROM credits_set_seats('a', 'y', 20, 's4')").has(&[("amount", "400")]); // 1200
    assert_eq!(running(&mut s), format!("1200|0|1200|{JAN}"));
    sound(&mut s);
}

#[test]
fn equal_rank_may_wait_too() {
    let mut s = on("t1");
    brings(&mut s, "t1", "t3", ", 'next_cycle'", 0);
    assert_eq!(held(&mut s), ["t1|1|t3|NULL|f"]);
    s.at("2026-02-01 00:00+00");
    assert_eq!(running(&mut s), format!("1500|0|1500|{FEB}"));
    sound(&mut s);
}
