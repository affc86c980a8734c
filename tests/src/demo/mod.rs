//! The demo: one download through a tunnel that is bounced in every way, in three settings.

pub mod live_line;
pub mod report;
pub mod runs;
pub mod svg;
pub mod watch;

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::lab::error::{Doing, Result};
use crate::lab::payload::{MEGABYTE, Payload};
use crate::lab::{holdfast_box, needs};
use report::{Report, table};

/// Size of the file.
pub const FILE_MEGABYTES: u64 = 200;
/// The server's pace, on average over a connection's life.
pub const RATE_BYTES_S: u64 = 8 * MEGABYTE;

/// Runs the three settings and writes the report, the picture and the boxes' logs into
/// `directory`.
pub fn run(directory: &Path) -> Result<Report> {
    needs::check()?;
    holdfast_box::binaries()?;
    fs::create_dir_all(directory).doing("make the report's directory")?;
    println!("Preparing a file of {FILE_MEGABYTES} MB");
    Payload::of(FILE_MEGABYTES)?;
    let start = Instant::now();
    let runs = vec![
        runs::preserve_both(directory)?,
        runs::preserve_off(directory)?,
        runs::strongswan_peer(directory)?,
    ];
    let report = Report {
        seconds: start.elapsed().as_secs_f64(),
        runs,
    };
    let json = serde_json::to_string_pretty(&report).doing("write the report")?;
    fs::write(directory.join("report.json"), json).doing("write the report")?;
    fs::write(directory.join("throughput.svg"), svg::draw(&report.runs))
        .doing("draw the throughput")?;
    println!("\n{}", table(&report));
    println!("{0}/throughput.svg\n{0}/report.json", directory.display());
    Ok(report)
}
