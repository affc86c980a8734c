//! `make bounce` and `make bounce-quick`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use tests::bounce::{self, Extent};
use tests::lab::error::{LabError, Result};
use tests::lab::{interrupt, run};

/// What a shell reports for a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

/// How soon TCP flows go on after outages of the path under their tunnel.
#[derive(Parser)]
struct Arguments {
    /// Outages of 1 and 5 s, once each.
    #[arg(long)]
    quick: bool,
    /// Repeats at the most; without it, as many as fit into 40 minutes.
    #[arg(long, default_value_t = u32::MAX)]
    rounds: u32,
}

fn main() -> ExitCode {
    match play(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("A goal was missed.");
            ExitCode::FAILURE
        }
        Err(LabError::Interrupted) => {
            eprintln!("\nInterrupted; everything is taken down.");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("\nFailed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every goal was met.
fn play(arguments: &Arguments) -> Result<bool> {
    interrupt::install()?;
    let extent = if arguments.quick {
        Extent::Quick
    } else {
        Extent::Whole
    };
    let rows = bounce::run(extent, arguments.rounds, &run::target_dir()?.join("bounce"))?;
    Ok(rows.iter().all(|row| row.faults.is_empty()))
}
