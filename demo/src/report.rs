//! What the demo prints about the load.

use crate::Result;
use crate::accounts::{Plan, failed};
use crate::load::Outcome;
use crate::options::Options;
use crate::trace::Request;
use postgres::Client;
use rust_decimal::Decimal;
use std::time::Duration;

/// What is replayed.
pub fn requests(options: &Options, requests: &[Request]) {
    match &options.trace {
        Some(file) => println!("Trace: {}", file.display()),
        None => println!("Trace: generated (a CSV file of your own: make demo TRACE=file.csv)"),
    }
    let sum = |count: fn(&Request) -> u32| requests.iter().map(|request| u64::from(count(request))).sum::<u64>();
    let (context, generated) = (sum(|request| request.context), sum(|request| request.generated));
    println!(
        "       {} requests, {} context and {} generated tokens, at {} credits per token",
        grouped(requests.len() as u64),
        grouped(context),
        grouped(generated),
        options.rate
    );
}

/// How fast it went.
pub fn throughput(outcome: &Outcome, connections: usize) {
    let calls = outcome.latencies.len();
    let seconds = outcome.elapsed.as_secs_f64();
    println!("\n{} calls over {connections} connections in {seconds:.2} s", grouped(calls as u64));
    println!("  throughput      {} debits/s", grouped((calls as f64 / seconds.max(0.001)) as u64));
    println!(
        "  latency         p50 {}, p99 {}, longest {}",
        milliseconds(percentile(&outcome.latencies, 50)),
        milliseconds(percentile(&outcome.latencies, 99)),
        milliseconds(percentile(&outcome.latencies, 100))
    );
    println!("  accepted        {}", grouped(outcome.accepted));
    println!("  refused         {} (too few credits)", grouped(outcome.refused));
    println!(
        "  sent again      {} with the same key: {} replayed, {} refused again",
        outcome.replayed + outcome.refused_again,
        outcome.replayed,
        outcome.refused_again
    );
}

/// What the accounts have now.
pub fn balances(client: &mut Client, plan: &Plan, rate: Decimal) -> Result<()> {
    let rows = client
        .query(
            "SELECT a.account, a.entry, round(g.granted, $2)::text, round(a.used, $2)::text,
                    round(a.allowance, $2)::text, round(a.credits, $2)::text, round(a.balance, $2)::text
             FROM credits_accounts a
             JOIN (SELECT account, sum(amount) AS granted FROM credits_grants GROUP BY account) g USING (account)
             WHERE a.account = ANY ($1) ORDER BY a.account",
            // Every amount has at most the rate's decimals, so this rounds nothing: it lines the figures up.
            &[&names(plan), &(rate.scale() as i32)],
        )
        .map_err(|error| failed("credits_accounts", &error))?;
    println!("\nBalances");
    println!(
        "  {:<12} {:>8} {:>14} {:>14} {:>13} {:>13} {:>13}",
        "account", "entries", "granted", "used", "allowance", "credits", "balance"
    );
    for row in rows {
        let text = |index: usize| row.get::<_, String>(index);
        println!(
            "  {:<12} {:>8} {:>14} {:>14} {:>13} {:>13} {:>13}",
            text(0),
            row.get::<_, i64>(1),
            text(2),
            text(3),
            text(4),
            text(5),
            text(6)
        );
    }
    Ok(())
}

/// Whether the ledger's figures, the receipts' and the trace's agree; says so.
pub fn reconciliation(client: &mut Client, plan: &Plan, outcome: &Outcome) -> Result<bool> {
    let mut figure = |sql: &str| -> Result<Decimal> {
        let row = client.query_one(sql, &[&names(plan)]).map_err(|error| failed(sql, &error))?;
        row.get::<_, String>(0).parse().map_err(|error| format!("{sql}: {error}"))
    };
    let used = figure("SELECT coalesce(sum(credits), 0)::text FROM credits_usage_by_cycle WHERE account = ANY ($1)")?;
    let operations =
        figure("SELECT coalesce(sum(operations), 0)::text FROM credits_usage_by_cycle WHERE account = ANY ($1)")?;
    let granted = figure("SELECT sum(amount)::text FROM credits_grants WHERE account = ANY ($1)")?;
    let balance = figure("SELECT sum(balance)::text FROM credits_accounts WHERE account = ANY ($1)")?;

    println!("\nDoes it add up?");
    let traced = same("tokens × rate = used + refused", plan.total, used + outcome.refused_amount);
    let given = same("granted = used + balances", granted, used + balance);
    let counted = same("debits accepted = debits in the ledger", Decimal::from(outcome.accepted), operations);
    Ok(traced && given && counted)
}

/// Whether `credits_verify` finds nothing; says what it found.
pub fn verification(client: &mut Client) -> Result<bool> {
    let rows = client
        .query("SELECT account, entry, problem FROM credits_verify()", &[])
        .map_err(|error| failed("credits_verify", &error))?;
    println!("\ncredits_verify: {}", if rows.is_empty() { "no problem found" } else { "problems:" });
    for row in &rows {
        let entry: Option<i64> = row.get(1);
        let entry = entry.map(|entry| format!(" entry {entry}")).unwrap_or_default();
        println!(
            "  {}{entry}: {}",
            row.get::<_, Option<String>>(0).unwrap_or_default(),
            row.get::<_, Option<String>>(2).unwrap_or_default()
        );
    }
    Ok(rows.is_empty())
}

fn same(what: &str, left: Decimal, right: Decimal) -> bool {
    let (left, right) = (left.normalize(), right.normalize());
    if left == right {
        println!("  {what:<40} {left}  yes");
    } else {
        println!("  {what:<40} {left} is not {right}: NO");
    }
    left == right
}

fn names(plan: &Plan) -> Vec<String> {
    plan.accounts.iter().map(|account| account.name.clone()).collect()
}

/// The latency that this many of 100 calls do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            ["0", "999", "1,000", "12,345,678"],
            [0, 999, 1000, 12_345_678].map(grouped).each_ref().map(|s| &**s)
        );
    }

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let of = |percent| percentile(&sorted, percent).as_millis();
        assert_eq!((of(50), of(99), of(100)), (100, 198, 200));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
