//! The results as a picture: for each target, how far it was reached.

use crate::report::{Report, Row};
use std::fmt::Write;

const WIDTH: f64 = 1060.0;
const LABELS: f64 = 610.0;
const LINE: f64 = 22.0;
const TOP: f64 = 64.0;
/// The score at the right edge. What is beyond ends there with an arrow's colour and its figure.
const SCALE: f64 = 2.0;

/// Draws the rows that have a target as horizontal bars; the vertical line is the target.
pub fn draw(report: &Report) -> String {
    let rows: Vec<&Row> = report.rows.iter().filter(|row| row.score().is_some()).collect();
    let height = TOP + LINE * rows.len() as f64 + 24.0;
    let bars = WIDTH - LABELS - 130.0;
    let target = LABELS + bars / SCALE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"bold\" fill=\"#1f2933\">credits_ledger: measured against its targets</text>\n\
         <text x=\"16\" y=\"46\" fill=\"#52606d\">Bars that reach the line reach their target; longer is better. Medians of ratios taken within a round.</text>\n"
    );
    for (i, row) in rows.iter().enumerate() {
        let y = TOP + LINE * i as f64;
        let score = row.score().unwrap_or(0.0);
        let length = bars * score.min(SCALE) / SCALE;
        let colour = if row.reached() == Some(true) { "#2f8f6b" } else { "#c8553d" };
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#1f2933\">{}</text>\n\
             <rect x=\"{LABELS}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#1f2933\">{}</text>\n",
            LABELS - 8.0,
            y + 15.0,
            escape(&row.what),
            y + 4.0,
            LINE - 8.0,
            LABELS + length + 6.0,
            y + 15.0,
            escape(&row.unit.show(row.value.median)),
        );
    }
    let bottom = TOP + LINE * rows.len() as f64;
    let _ = write!(
        out,
        "<line x1=\"{target:.1}\" y1=\"{:.1}\" x2=\"{target:.1}\" y2=\"{bottom:.1}\" stroke=\"#1f2933\" stroke-dasharray=\"4 3\"/>\n\
         <text x=\"{target:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#1f2933\">target</text>\n</svg>\n",
        TOP - 4.0,
        bottom + 16.0,
    );
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgbench::Spread;
    use crate::report::{Target, Unit};

    #[test]
    fn a_bar_at_its_target_ends_at_the_line() {
        let mut report = Report::default();
        let value = Spread { low: 0.85, median: 0.85, high: 0.85 };
        report.row("a < b", value, Unit::Ratio, Target::AtLeast(0.85));
        report.row("untold", value, Unit::Ratio, Target::None);
        let svg = draw(&report);
        assert!(svg.contains("a &lt; b") && !svg.contains("untold"));
        assert!(svg.contains("width=\"160.0\""), "{svg}");
        assert!(svg.contains("x1=\"770.0\""), "{svg}");
    }
}
