//! Finding entries by time.

use crate::time::Timestamp;

/// The number of the newest of the entries 1 to `last` whose instant lies at or before `at`; 0: none does.
///
/// Instants never fall from one entry to the next. `instant` tells an entry's, at a cost, so few are asked: where entries
/// are spread evenly over time, about twice the logarithm of the logarithm of their number, and never more than a few
/// times its logarithm.
pub fn newest_until<E>(
    last: i64,
    at: Timestamp,
    mut instant: impl FnMut(i64) -> Result<Timestamp, E>,
) -> Result<i64, E> {
    if last < 1 {
        return Ok(0);
    }
    // Often it is the newest.
    let mut high = Probe { entry: last, instant: instant(last)? };
    if high.instant <= at {
        return Ok(last);
    }
    let mut low = Probe { entry: 1, instant: instant(1)? };
    if low.instant > at {
        return Ok(0);
    }
    // It is low, or lies between low and high, which lies after `at`.
    while high.entry - low.entry > 1 {
        let width = high.entry - low.entry;
        let guess = between(low, high, at);
        let reach = width.isqrt();
        for entry in [guess - reach, guess + reach, (low.entry + high.entry) / 2] {
            // The middle only where the guess has not halved what is to be searched.
            if entry == (low.entry + high.entry) / 2 && (high.entry - low.entry) * 2 <= width {
                break;
            }
            if low.entry < entry && entry < high.entry {
                let probe = Probe { entry, instant: instant(entry)? };
                *(if probe.instant <= at { &mut low } else { &mut high }) = probe;
            }
        }
    }
    Ok(low.entry)
}

#[derive(Clone, Copy)]
struct Probe {
    entry: i64,
    instant: Timestamp,
}

/// Where `at` would lie if entries came at an even pace.
fn between(low: Probe, high: Probe, at: Timestamp) -> i64 {
    let span = i128::from(high.instant.0) - i128::from(low.instant.0);
    let passed = i128::from(at.0) - i128::from(low.instant.0);
    let share = i128::from(high.entry - low.entry) * passed / span.max(1);
    low.entry + share as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    /// What is found, and how many entries were asked for.
    fn find(instants: &[i64], at: i64) -> (i64, u32) {
        let mut asked = 0;
        let found = newest_until(instants.len() as i64, Timestamp(at), |entry| {
            asked += 1;
            Ok::<_, Infallible>(Timestamp(instants[entry as usize - 1]))
        });
        (found.unwrap(), asked)
    }

    #[test]
    fn few_are_asked_however_many_there_are() {
        let even: Vec<i64> = (0..1_000_000).map(|n| n * 1_000).collect();
        // A hundred at once each minute.
        let bursts: Vec<i64> = (0..1_000_000).map(|n| n / 100 * 60_000).collect();
        // Each ten times as old as the one ten after it.
        let crowded: Vec<i64> = (0..1_000_000).map(|n: i64| i64::MAX >> ((999_999 - n) / 20_000)).collect();
        for (instants, most) in [(&even, 16), (&bursts, 30), (&crowded, 60)] {
            for at in (0..1_000).map(|n| instants[n * 1_000 + 7].saturating_add(n as i64)) {
                let (found, asked) = find(instants, at);
                assert_eq!(found as usize, instants.partition_point(|instant| *instant <= at));
                assert!(asked <= most, "{asked} were asked");
            }
        }
    }

    proptest! {
        #[test]
        fn finds_what_a_scan_finds(mut instants in prop::collection::vec(-50..50i64, 0..200), at in -60..60i64) {
            instants.sort_unstable();
            let (found, asked) = find(&instants, at);
            prop_assert_eq!(found as usize, instants.partition_point(|instant| *instant <= at));
            prop_assert!(asked <= 26, "{} were asked", asked);
        }
    }
}
