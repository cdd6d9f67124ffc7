//! What was measured, against what is to be reached; printed, and written as Markdown.

use crate::failure::Result;
use crate::pgbench::Spread;
use std::fmt::Write;

/// What a figure has to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Nothing: shown for what it tells about the others.
    None,
}

/// How a figure reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unit {
    /// Times something else.
    Ratio,
    /// A rate.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Megabytes.
    Megabytes,
}

/// One line of the table of results.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured and against what.
    pub what: String,
    /// The figure and its range over the rounds.
    pub value: Spread,
    /// What the figure counts.
    pub unit: Unit,
    /// What it has to reach.
    pub target: Target,
}

impl Row {
    /// Whether the target is reached; `None` where there is none.
    pub fn reached(&self) -> Option<bool> {
        match self.target {
            Target::AtLeast(target) => Some(self.value.median >= target),
            Target::AtMost(target) => Some(self.value.median <= target),
            Target::None => None,
        }
    }

    /// How far the figure is: 1 is the target, more is better. Capped at 9, so that a cost of nothing has a place.
    pub fn score(&self) -> Option<f64> {
        let score = match self.target {
            Target::AtLeast(target) => self.value.median / target,
            Target::AtMost(target) if self.value.median > 0.0 => target / self.value.median,
            Target::AtMost(_) => 9.0,
            Target::None => return None,
        };
        Some(score.clamp(0.0, 9.0))
    }

    fn target_text(&self) -> String {
        match self.target {
            Target::AtLeast(target) => format!("≥ {}", self.unit.show(target)),
            Target::AtMost(target) => format!("≤ {}", self.unit.show(target)),
            Target::None => String::new(),
        }
    }

    fn reached_text(&self) -> &'static str {
        match self.reached() {
            Some(true) => "reached",
            Some(false) => "not reached",
            None => "",
        }
    }
}

impl Unit {
    /// Writes a figure in this unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Ratio => format!("{value:.2} ×"),
            Unit::PerSecond => format!("{}/s", thousands(value)),
            Unit::Bytes => format!("{} bytes", thousands(value)),
            Unit::Megabytes => format!("{value:.2} MB"),
        }
    }
}

/// An absolute figure of one contender. It holds for this machine only; the ratios carry over better.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// Whose figure it is.
    pub contender: String,
    /// The figure and its range over the rounds.
    pub value: Spread,
    /// What it counts.
    pub unit: Unit,
}

/// Everything that a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// Lines about machine, server and options.
    pub about: Vec<String>,
    /// Figures against targets.
    pub rows: Vec<Row>,
    /// Absolute figures.
    pub figures: Vec<Figure>,
    /// What a reader has to know to read a row right.
    pub notes: Vec<String>,
}

impl Report {
    /// Adds a row and prints it.
    pub fn row(&mut self, what: impl Into<String>, value: Spread, unit: Unit, target: Target) {
        let row = Row { what: what.into(), value, unit, target };
        println!("{:92} {:>14}  {:>14}  {}", row.what, unit.show(value.median), row.target_text(), row.reached_text());
        self.rows.push(row);
    }

    /// Adds an absolute figure and prints it.
    pub fn figure(&mut self, what: impl Into<String>, contender: &str, value: Spread, unit: Unit) {
        let figure = Figure { what: what.into(), contender: contender.to_owned(), value, unit };
        println!("  {:60} {:12} {:>14}", figure.what, figure.contender, unit.show(value.median));
        self.figures.push(figure);
    }

    /// Adds a note.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// How many targets were reached, of how many.
    pub fn reached(&self) -> (usize, usize) {
        let judged: Vec<bool> = self.rows.iter().filter_map(Row::reached).collect();
        (judged.iter().filter(|reached| **reached).count(), judged.len())
    }

    /// The report as Markdown; `chart` is the file name of the chart.
    pub fn markdown(&self, chart: &str) -> Result<String> {
        let mut out = String::from("# Benchmark\n\n");
        for line in &self.about {
            let _ = writeln!(out, "- {line}");
        }
        let (reached, judged) = self.reached();
        let _ = write!(out, "\n{reached} of {judged} targets reached.\n\n![What was reached]({chart})\n\n");
        out.push_str("## Against the targets\n\n");
        out.push_str("Each ratio is the median over the rounds of the ratio within a round; the range is that of the rounds.\n\n");
        out.push_str("| what | measured | range | target | |\n|---|---:|---:|---:|---|\n");
        for row in &self.rows {
            let Row { what, value, unit, .. } = row;
            let range = range(*unit, *value);
            let (measured, target) = (unit.show(value.median), row.target_text());
            let _ = writeln!(out, "| {what} | {measured} | {range} | {target} | {} |", row.reached_text());
        }
        if !self.notes.is_empty() {
            out.push_str("\n## How to read it\n\n");
            for note in &self.notes {
                let _ = writeln!(out, "- {note}");
            }
        }
        out.push_str("\n## Absolute figures\n\nOf this machine; compare within a line's own group only.\n\n");
        out.push_str("| what | contender | median | range |\n|---|---|---:|---:|\n");
        for Figure { what, contender, value, unit } in &self.figures {
            let _ = writeln!(out, "| {what} | {contender} | {} | {} |", unit.show(value.median), range(*unit, *value));
        }
        Ok(out)
    }
}

fn range(unit: Unit, value: Spread) -> String {
    if value.low == value.high {
        return String::new();
    }
    match unit {
        Unit::Ratio | Unit::Megabytes => format!("{:.2} – {:.2}", value.low, value.high),
        Unit::PerSecond | Unit::Bytes => format!("{} – {}", thousands(value.low), thousands(value.high)),
    }
}

/// A whole number with commas between its thousands.
fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    if value <= -0.5 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: f64, target: Target) -> Row {
        let value = Spread { low: value, median: value, high: value };
        Row { what: "x".into(), value, unit: Unit::Ratio, target }
    }

    #[test]
    fn a_target_is_reached_from_its_side() {
        assert_eq!(row(0.85, Target::AtLeast(0.85)).reached(), Some(true));
        assert_eq!(row(0.84, Target::AtLeast(0.85)).reached(), Some(false));
        assert_eq!(row(1.6, Target::AtMost(1.5)).reached(), Some(false));
        assert_eq!(row(0.0, Target::AtMost(0.0)).reached(), Some(true));
        assert_eq!(row(1.0, Target::None).reached(), None);
    }

    #[test]
    fn the_score_is_one_at_the_target() {
        assert_eq!(row(0.5, Target::AtLeast(1.0)).score(), Some(0.5));
        assert_eq!(row(3.0, Target::AtMost(1.5)).score(), Some(0.5));
        assert_eq!(row(0.0, Target::AtMost(0.0)).score(), Some(9.0));
        assert_eq!(row(8.0, Target::AtMost(0.0)).score(), Some(0.0));
    }

    #[test]
    fn thousands_are_split() {
        assert_eq!(thousands(1234567.4), "1,234,567");
        assert_eq!(thousands(999.6), "1,000");
        assert_eq!(thousands(0.0), "0");
        assert_eq!(thousands(-1500.0), "-1,500");
    }
}
