//! Running pgbench, and letting contenders take turns.

use crate::failure::{Failure, Result};
use crate::server::{Server, feed};

/// How long a pgbench run lasts.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    /// Seconds.
    Seconds(u32),
    /// Transactions of each client.
    Transactions(u32),
}

/// One pgbench run.
#[derive(Debug, Clone)]
pub struct Load {
    /// The script.
    pub script: String,
    /// Sessions.
    pub clients: usize,
    /// How long.
    pub length: Length,
    /// Whether each commit waits for its WAL to reach the disk.
    pub durable: bool,
    /// Variables of the script.
    pub variables: Vec<(&'static str, String)>,
}

impl Load {
    /// A load that does not wait for the disk.
    pub fn new(script: impl Into<String>, clients: usize, length: Length) -> Load {
        Load { script: script.into(), clients, length, durable: false, variables: Vec::new() }
    }

    /// The same load with another variable.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Load {
        self.variables.push((name, value.to_string()));
        self
    }

    /// The same load, each commit waiting for the disk or not.
    pub fn durable(mut self, durable: bool) -> Load {
        self.durable = durable;
        self
    }

    /// The same load for another length.
    pub fn lasting(mut self, length: Length) -> Load {
        self.length = length;
        self
    }

    /// Runs it; transactions per second, the time to connect left out.
    pub fn run(&self, server: &Server, database: &str) -> Result<f64> {
        let mut command = server.client("pgbench", database);
        let threads = self.clients.min(crate::machine::cores());
        command.args(["-n", "-M", "prepared", "-f", "-"]);
        command.args(["-c", &self.clients.to_string(), "-j", &threads.to_string()]);
        match self.length {
            Length::Seconds(seconds) => command.args(["-T", &seconds.to_string()]),
            Length::Transactions(count) => command.args(["-t", &count.to_string()]),
        };
        for (name, value) in &self.variables {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        if !self.durable {
            command.env("PGOPTIONS", "-c synchronous_commit=off");
        }
        let text = feed(&mut command, &self.script)?;
        parse_tps(&text).ok_or_else(|| Failure(format!("pgbench printed no tps:\n{text}")))
    }
}

/// Reads `tps = …` from pgbench's report.
fn parse_tps(report: &str) -> Option<f64> {
    let line = report.lines().find_map(|line| line.trim().strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Results of contenders that took turns: for each contender, one figure a round.
#[derive(Debug, Clone)]
pub struct Turns(Vec<Vec<f64>>);

impl Turns {
    /// Lets `contenders` run one after the other, `rounds` times over.
    pub fn take(rounds: usize, contenders: usize, mut run: impl FnMut(usize, usize) -> Result<f64>) -> Result<Turns> {
        let mut figures = vec![Vec::with_capacity(rounds); contenders];
        for round in 0..rounds {
            for (contender, figures) in figures.iter_mut().enumerate() {
                figures.push(run(round, contender)?);
            }
        }
        Ok(Turns(figures))
    }

    /// Contender `a` divided by contender `b`, round by round.
    pub fn ratio(&self, a: usize, b: usize) -> Spread {
        Spread::of(self.0[a].iter().zip(&self.0[b]).map(|(a, b)| a / b).collect())
    }

    /// A contender's own figures.
    pub fn figures(&self, contender: usize) -> Spread {
        Spread::of(self.0[contender].clone())
    }
}

/// A median and the range around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The smallest figure.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The largest figure.
    pub high: f64,
}

impl Spread {
    /// The median and range of `figures`.
    pub fn of(mut figures: Vec<f64>) -> Spread {
        figures.sort_by(f64::total_cmp);
        let median = median(&figures);
        let at = |i: usize| figures.get(i).copied().unwrap_or(f64::NAN);
        Spread { low: at(0), median, high: at(figures.len().saturating_sub(1)) }
    }
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_report_of_pgbench() {
        let report = "latency average = 0.5 ms\ntps = 14523.250313 (without initial connection time)\n";
        assert_eq!(parse_tps(report), Some(14523.250313));
        assert_eq!(parse_tps("pgbench: error"), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The second round ran on a machine half as fast: the ratio does not see it.
        let figures = [[100.0, 80.0], [50.0, 40.0], [100.0, 90.0]];
        let turns = Turns::take(3, 2, |round, contender| Ok(figures[round][contender])).unwrap();
        assert_eq!(turns.ratio(1, 0), Spread { low: 0.8, median: 0.8, high: 0.9 });
        assert_eq!(turns.figures(0), Spread { low: 50.0, median: 100.0, high: 100.0 });
    }

    #[test]
    fn contenders_alternate() {
        let mut order = Vec::new();
        let turns = Turns::take(2, 2, |round, contender| {
            order.push((round, contender));
            Ok(1.0)
        });
        assert!(turns.is_ok());
        assert_eq!(order, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    }

    #[test]
    fn median_of_an_even_number_is_the_middle() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
