//! Money: prices that do not divide, small ones, large ones, and currencies.

use crate::asked::*;

/// The row after each of these calls.
fn after_each(amount: &str, price: &str, debits: &[&str]) -> Vec<String> {
    let mut s = ledger();
    call(&mut s, &format!("credits_grant('a', {amount}, 'g', price => {price}, currency => 'EUR')"));
    let mut rows = Vec::new();
    for (n, debit) in debits.iter().enumerate() {
        call(&mut s, &format!("credits_debit('a', {debit}, 'd{n}')"));
        rows.push(money(&mut s, "-infinity", "infinity"));
    }
    rows
}

/// What is deferred is rounded up to the 6th decimal, so the last credit takes what rounding left.
#[test]
fn ten_for_three() {
    assert_eq!(
        after_each("3", "10.00", &["1", "1", "1"]),
        [
            "EUR purchase 0 10 3.333333 0 0 6.666667",
            "EUR purchase 0 10 6.666666 0 0 3.333334",
            "EUR purchase 0 10 10 0 0 0",
        ]
    );
}

#[test]
fn by_month_the_last_part_takes_what_rounding_left() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 3, 'g', price => 10, currency => 'EUR')");
    for month in ["01", "02", "03"] {
        on(&mut s, &format!("{month}-15"));
        call(&mut s, &format!("credits_debit('a', 1, '{month}')"));
    }
    on(&mut s, "04-01");
    assert_eq!(money(&mut s, "01-01", "02-01"), "EUR purchase 0 10 3.333333 0 0 6.666667");
    assert_eq!(money(&mut s, "02-01", "03-01"), "EUR purchase 6.666667 0 3.333333 0 0 3.333334");
    assert_eq!(money(&mut s, "03-01", "04-01"), "EUR purchase 3.333334 0 3.333334 0 0 0");
    assert_eq!(money(&mut s, "01-01", "04-01"), "EUR purchase 0 10 10 0 0 0");
}

/// A cent for 7: 6/7 of a cent is 0.00857142…, 5/7 is 0.00714285….
#[test]
fn a_cent_for_seven() {
    assert_eq!(
        after_each("7", "0.01", &["1", "1", "5"]),
        [
            "EUR purchase 0 0.01 0.001428 0 0 0.008572",
            "EUR purchase 0 0.01 0.002857 0 0 0.007143",
            "EUR purchase 0 0.01 0.01 0 0 0",
        ]
    );
}

#[test]
fn the_smallest_price_is_recognised_with_the_last_credit() {
    assert_eq!(
        after_each("3", "0.000001", &["1", "1.999999", "0.000001"]),
        [
            "EUR purchase 0 0.000001 0 0 0 0.000001",
            "EUR purchase 0 0.000001 0 0 0 0.000001",
            "EUR purchase 0 0.000001 0.000001 0 0 0",
        ]
    );
}

#[test]
fn the_largest_amounts() {
    let most = "99999999999999.999999";
    assert_eq!(
        after_each(most, most, &["0.000001", "99999999999999", "0.999998"]),
        [
            "EUR purchase 0 99999999999999.999999 0.000001 0 0 99999999999999.999998",
            "EUR purchase 0 99999999999999.999999 99999999999999.000001 0 0 0.999998",
            "EUR purchase 0 99999999999999.999999 99999999999999.999999 0 0 0",
        ]
    );
    assert_eq!(
        after_each(most, "0.000001", &["99999999999999.999998", "0.000001"]),
        ["EUR purchase 0 0.000001 0 0 0 0.000001", "EUR purchase 0 0.000001 0.000001 0 0 0"]
    );
    // A third of the price, exactly 33333333333333.333333 of 99999999999999.999999.
    assert_eq!(
        after_each("3", most, &["1", "2"]),
        [
            "EUR purchase 0 99999999999999.999999 33333333333333.333333 0 0 66666666666666.666666",
            "EUR purchase 0 99999999999999.999999 99999999999999.999999 0 0 0",
        ]
    );
}

/// A sum over accounts may be larger than an amount may be.
#[test]
fn sums_have_no_limit() {
    let mut s = ledger();
    for account in ["a", "b"] {
        call(&mut s, &format!("credits_grant('{account}', 1, 'g', price => 99999999999999.999999, currency => 'EUR')"));
    }
    call(&mut s, "credits_debit('a', 1, 'd')");
    assert_eq!(
        money(&mut s, "-infinity", "infinity"),
        "EUR purchase 0 199999999999999.999998 99999999999999.999999 0 0 99999999999999.999999"
    );
}

#[test]
fn no_price_is_not_a_price_of_zero() {
    let mut s = ledger();
    assert_eq!(s.error("SELECT * FROM credits_grant('a', 10, 'g', price => 0, currency => 'EUR')").code, "LC004");
    call(&mut s, "credits_grant('a', 10, 'g')");
    call(&mut s, "credits_debit('a', 10, 'd')");
    assert_eq!(revenue(&mut s, "-infinity", "infinity"), Vec::<String>::new());
}

#[test]
fn currencies_and_kinds_are_never_added_up() {
    let mut s = ledger();
    for (n, (kind, price, currency)) in [
        ("purchase", "10", "EUR"),
        ("purchase", "20", "USD"),
        ("promo", "1", "EUR"),
        ("welcome", "2", "EUR"),
        ("trial", "3", "EUR"),
        ("bonus", "4", "EUR"),
        ("adjustment", "5", "EUR"),
        ("purchase", "0.5", "EUR"),
    ]
    .into_iter()
    .enumerate()
    {
        let account = if n % 2 == 0 { "a" } else { "b" };
        call(
            &mut s,
            &format!("credits_grant('{account}', 10, 'g{n}', '{kind}', price => {price}, currency => '{currency}')"),
        );
    }
    let defers = |kind: &str, price: &str| format!("{kind} 0 {price} 0 0 0 {price}");
    assert_eq!(
        revenue(&mut s, "-infinity", "infinity"),
        [
            defers("EUR adjustment", "5"),
            defers("EUR bonus", "4"),
            defers("EUR promo", "1"),
            defers("EUR purchase", "10.5"),
            defers("EUR trial", "3"),
            defers("EUR welcome", "2"),
            defers("USD purchase", "20"),
        ]
    );
    // The welcome of `b` is spent first, then its bonus.
    call(&mut s, "credits_debit('b', 15, 'd')");
    let rows = revenue(&mut s, "-infinity", "infinity");
    assert_eq!(rows[5], "EUR welcome 0 2 2 0 0 0");
    assert_eq!(rows[1], "EUR bonus 0 4 2 0 0 2");
    assert_eq!(rows[6], "USD purchase 0 20 0 0 0 20");
}
