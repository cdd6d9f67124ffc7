//! The load: several connections, each taking the next debit of the trace as soon as it has an answer.

use crate::Result;
use crate::accounts::{Plan, failed};
use crate::options::Options;
use rust_decimal::Decimal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Each debit whose number is a multiple of this is sent twice, as an application does that missed an answer.
const RETRY_EVERY: usize = 100;

/// What came back.
#[derive(Default)]
pub struct Outcome {
    pub accepted: u64,
    /// Refused for want of credits.
    pub refused: u64,
    pub refused_amount: Decimal,
    /// Repeated calls that returned the first call's receipt.
    pub replayed: u64,
    /// Repeated calls of refused debits: a refusal keeps no key, so they were asked anew, and refused again.
    pub refused_again: u64,
    /// Of all calls, sorted.
    pub latencies: Vec<Duration>,
    pub elapsed: Duration,
}

/// Makes all debits of the plan.
pub fn replay(options: &Options, plan: &Plan) -> Result<Outcome> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let outcomes: Vec<Result<Outcome>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.connections).map(|_| scope.spawn(|| work(options, plan, &next))).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|_| Err("a connection's thread ended early".to_owned()))
        };
        workers.into_iter().map(join).collect()
    });
    let elapsed = started.elapsed();
    let mut all = Outcome { elapsed, ..Outcome::default() };
    for outcome in outcomes {
        let one = outcome?;
        all.accepted += one.accepted;
        all.refused += one.refused;
        all.refused_amount += one.refused_amount;
        all.replayed += one.replayed;
        all.refused_again += one.refused_again;
        all.latencies.extend(one.latencies);
    }
    all.latencies.sort_unstable();
    Ok(all)
}

fn work(options: &Options, plan: &Plan, next: &AtomicUsize) -> Result<Outcome> {
    let mut client = options.connect()?;
    let debit = client
        .prepare(
            "SELECT accepted, replayed FROM credits_debit($1, $2::text::numeric, $3, \
             feature => 'completion', on_insufficient => 'refuse')",
        )
        .map_err(|error| failed("preparing credits_debit", &error))?;
    let mut outcome = Outcome::default();
    let mut call = |outcome: &mut Outcome, account: &str, amount: &str, key: &str| -> Result<(bool, bool)> {
        let sent = Instant::now();
        let row = client
            .query_one(&debit, &[&account, &amount, &key])
            .map_err(|error| failed(&format!("credits_debit of {amount} from {account} with key {key}"), &error))?;
        outcome.latencies.push(sent.elapsed());
        Ok((row.get(0), row.get(1)))
    };
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(debit) = plan.debits.get(number) else {
            return Ok(outcome);
        };
        let account = &plan.accounts[debit.account].name;
        let (amount, key) = (debit.amount.to_string(), format!("request-{}", number + 1));
        let (accepted, replayed) = call(&mut outcome, account, &amount, &key)?;
        if replayed {
            return Err(format!("{account}: the first call with key {key} says that it is a replay"));
        }
        if accepted {
            outcome.accepted += 1;
        } else {
            outcome.refused += 1;
            outcome.refused_amount += debit.amount;
        }
        if (number + 1).is_multiple_of(RETRY_EVERY) {
            match (accepted, call(&mut outcome, account, &amount, &key)?) {
                (true, (true, true)) => outcome.replayed += 1,
                (false, (false, false)) => outcome.refused_again += 1,
                (_, again) => return Err(format!("{account}: the second call with key {key} says {again:?}")),
            }
        }
    }
}
