//! `make demo`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use tests::demo;
use tests::lab::error::{LabError, Result};
use tests::lab::{interrupt, run};

/// What a shell reports for a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match show() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(LabError::Interrupted) => {
            eprintln!("\nInterrupted; everything is taken down.");
            ExitCode::from(INTERRUPTED)
        }
        Err(LabError::Missing(lines)) => {
            eprintln!("The demo cannot run here. Missing:");
            for line in lines {
                eprintln!("  - {line}");
            }
            ExitCode::FAILURE
        }
        Err(LabError::Failed(text)) => {
            eprintln!("\nThe demo failed: {text}");
            ExitCode::FAILURE
        }
    }
}

fn show() -> Result<bool> {
    interrupt::install()?;
    let directory = run::target_dir()?.join("demo");
    Ok(demo::run(&directory)?.holds())
}
