//! Measures `credits_ledger` against the statements that one would write by hand.
//!
//! Contenders take turns on one private server (A B A B …), and what counts is the ratio within a round: a
//! machine that is busy for a while slows both. Results go to `bench/results` as Markdown and as a chart.

mod chart;
mod contender;
mod failure;
mod machine;
mod options;
mod pgbench;
mod report;
mod rows;
mod server;

use failure::{Failure, Result, While};
use options::Options;
use report::Report;
use rows::Bench;
use server::Postgres;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(message)) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let Some(options) = Options::parse(std::env::args().skip(1))? else {
        return Ok(());
    };
    let started = Instant::now();
    let postgres = Postgres::find()?;
    let mut report = Report::default();
    report.about.push(machine::when());
    report.about.push(machine::describe());
    report.about.push(format!(
        "Postgres {}, shared_buffers = {}, {}",
        postgres.version()?,
        postgres.shared_buffers,
        server::SETTINGS.map(|(name, value)| format!("{name} = {value}")).join(", ")
    ));
    report.about.push(format!(
        "{} rounds, {} s a turn{}",
        options.rounds,
        options.seconds,
        if options.quick { ", quick: less data" } else { "" }
    ));
    let mut bench = Bench { options: options.clone(), postgres, report };
    let failed = rows::run(&mut bench);
    let report = bench.report;

    // A partial run must not replace the published one.
    let name = match (options.only.is_empty() && !options.baseline, options.quick) {
        (true, false) => "benchmark",
        (true, true) => "quick",
        _ => "partial",
    };
    std::fs::create_dir_all(&options.output).during("creating the folder of the results")?;
    let chart = format!("{name}.svg");
    let markdown = options.output.join(format!("{name}.md"));
    std::fs::write(&markdown, report.markdown(&chart)?)?;
    std::fs::write(options.output.join(&chart), chart::draw(&report))?;
    let (reached, judged) = report.reached();
    println!(
        "\n{reached} of {judged} targets reached, {} s; written to {}",
        started.elapsed().as_secs(),
        markdown.display()
    );
    if failed > 0 {
        return Err(Failure(format!("{failed} groups could not be measured")));
    }
    Ok(())
}
