//! Every column adds up to what the usage views show.

use crate::asked::*;
use crate::csv::usage;
use credits_ledger_tests::Session;
use std::collections::BTreeMap;

/// Charges, captures and refunds of three days and two cycles, by two actors.
fn busy() -> Session {
    let mut s = ledger();
    s.run("SELECT credits_define_rate('chat', 1, per_units => 10), credits_define_rate('run', 2, 100, 'package')");
    s.run("SELECT credits_define_plan('solo', 20), credits_include('solo', 'chat', 15)");
    call(&mut s, "credits_open_account('a', cycle_length => '7 days', overdraft_limit => 40)");
    call(&mut s, "credits_subscribe('a', 'solo', 's')");
    call(&mut s, "credits_grant('a', 60, 'g')");
    for (n, (day, actor)) in
        [("01-02", "'ann'"), ("01-02 23:59:59.999999", "'bob'"), ("01-08", "'ann'"), ("01-09", "NULL")]
            .iter()
            .enumerate()
    {
        on(&mut s, day);
        for verb in [
            format!("credits_charge('a', 'chat', 87, 'c{n}', {actor})"),
            format!("credits_charge('a', 'run', 130, 'p{n}', {actor})"),
            format!("credits_debit('a', 3.25, 'd{n}', NULL, {actor})"),
            format!("credits_hold('a', 6, 'h{n}', feature => 'chat', actor => {actor})"),
            format!("credits_capture('a', 'h{n}', 'k{n}', quantity => 50)"),
            format!("credits_refund('a', 'd{n}', 'r{n}', 1.25)"),
        ] {
            call(&mut s, &verb);
        }
    }
    call(&mut s, "credits_refund('a', 'c0', 'rc', quantity => 80)");
    call(&mut s, "credits_refund('a', 'p0', 'rp')");
    s
}

const FIGURES: [&str; 5] = ["quantity", "included", "credits", "from_allowance", "from_credits"];

/// `(of, figures in millionths, operations)` of the export.
fn exported(s: &mut Session, of: impl Fn(&BTreeMap<&str, String>) -> String) -> BTreeMap<String, [i64; 6]> {
    let rows = s.list("SELECT * FROM credits_usage_csv('a', '-infinity', 'infinity')");
    let mut sums: BTreeMap<String, [i64; 6]> = BTreeMap::new();
    for record in usage(&rows) {
        let sum = sums.entry(of(&record)).or_default();
        for (sum, column) in sum.iter_mut().zip(FIGURES) {
            *sum += (record[column].parse::<f64>().unwrap_or(0.0) * 1e6).round() as i64;
        }
        let sign = i64::from(record["operation"] != "refund");
        sum[5] += sign;
    }
    sums
}

fn shown(s: &mut Session, of: &str, view: &str, included: &str) -> BTreeMap<String, [i64; 6]> {
    s.rows(&format!("SELECT {of} AS of, quantity, {included} AS included, credits, from_allowance, from_credits, operations FROM {view} WHERE account = 'a'"))
        .iter()
        .map(|row| {
            let mut figures = [0; 6];
            for (figure, column) in figures.iter_mut().zip(FIGURES) {
                *figure = (row.get(column).parse::<f64>().expect("a number") * 1e6).round() as i64;
            }
            figures[5] = row.get("operations").parse().expect("a number");
            (row.get("of").to_owned(), figures)
        })
        .collect()
}

#[test]
fn by_day() {
    let mut s = busy();
    let mut exported = exported(&mut s, |record| {
        format!("{} {} {}", &record["recorded_at"][..10], record["feature"], record["actor"])
    });
    exported.values_mut().for_each(|figures| figures[1] = 0);
    assert_eq!(exported.len(), 14, "{exported:?}");
    assert_eq!(shown(&mut s, "format('%s %s %s', day, feature, actor)", "credits_usage_daily", "0"), exported);
}

#[test]
fn by_cycle() {
    let mut s = busy();
    let exported = exported(&mut s, |record| {
        let cycle = if record["recorded_at"].as_str() < "2026-01-08" { 1 } else { 2 };
        format!("{cycle} {}", record["feature"])
    });
    assert_eq!(exported.len(), 6, "{exported:?}");
    assert_eq!(shown(&mut s, "format('%s %s', cycle, feature)", "credits_usage_by_cycle", "included"), exported);
    // By hand: 7.2 for 72 of 87 units, the others included, and 5, all of the plan's 20; then 8.7, of which the plan had 1.8
    // left, and 5.
    assert_eq!(exported["1 chat"], [274_000_000, 15_000_000, 25_900_000, 14_000_000, 11_900_000, 4]);
}

#[test]
fn a_records_parts_add_up() {
    let mut s = busy();
    let rows = s.list("SELECT * FROM credits_usage_csv('a', '-infinity', 'infinity')");
    for record in usage(&rows) {
        let [credits, allowance, others, debt] = ["credits", "from_allowance", "from_credits", "overdraft"]
            .map(|column| (record[column].parse::<f64>().expect("a number") * 1e6).round() as i64);
        assert_eq!(credits, allowance + others + debt, "{record:?}");
        assert_eq!(record["operation"] == "refund", credits < 0, "{record:?}");
    }
}
