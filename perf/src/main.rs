//! holdfast-perf: measures the fastpath, in a closed loop or on ports of the EAL.

#![forbid(unsafe_code)]

mod bench;
mod clock;
mod crowd;
mod eal;
mod engine;
mod forward;
mod load;
mod measure;
mod options;
mod progress;
mod report;
mod rig;
mod signals;
mod statistics;
mod stats_socket;

use clap::Parser;

use options::{Command, Options, Run};
use report::Figure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (eal, ours) = options::split(&arguments);
    let options = Options::parse_from(ours);
    match execute(&eal, &options) {
        Ok(true) => {}
        Ok(false) => std::process::exit(1),
        Err(error) => {
            eprintln!("holdfast-perf: {error}");
            std::process::exit(1);
        }
    }
}

/// Does what was asked; `false` when a comparison failed.
fn execute(eal: &[String], options: &Options) -> Result<bool, String> {
    let run = &options.run;
    let figures = match (&options.command, run.forward_mode) {
        (Some(Command::Bench(options)), _) => return bench::run(options).map(|()| true),
        (Some(Command::Ab(options)), _) => return bench::interleave(options).map(|()| true),
        (Some(Command::Compare(options)), _) => {
            return report::compare::run(options).map(|worse| !worse);
        }
        (Some(Command::Crowd(options)), _) => crowd::run(options)?,
        (None, Some(mode)) => forward::run(eal, run, mode)?,
        (None, None) => closed_loop(eal, run)?,
    };
    print_figures(run, &figures);
    if let Some(path) = &run.html {
        report::html::save(path, &figures)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(true)
}

/// The engines, one EAL for all: only one of them may build a box.
fn closed_loop(arguments: &[String], run: &Run) -> Result<Vec<Figure>, String> {
    let kinds = if run.engine.is_empty() {
        engine::Kind::DEFAULT.to_vec()
    } else {
        run.engine.clone()
    };
    let [kind] = kinds[..] else {
        return Err("one --engine at a time: each builds a box of its own".to_owned());
    };
    let eal = eal::start(arguments, run.flows)?;
    kind.measure(eal, run)
}

fn print_figures(run: &Run, figures: &[Figure]) {
    let text = if run.json {
        report::json(figures)
    } else {
        report::table(figures)
    };
    print!("{text}");
}
