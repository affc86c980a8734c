//! holdfast-perf: closed-loop measurements of the fastpath's parts, in TSC cycles.

mod engine;
mod report;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures parts of Holdfast's fastpath in a closed loop: no port, no kernel.
#[derive(Parser, Debug)]
#[command(name = "holdfast-perf", version)]
struct Options {
    /// What to measure; every engine when none is named.
    #[arg(long, value_enum)]
    engine: Vec<engine::Kind>,
    /// Bytes of the inner IP packet, for the ESP engines.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 114, 242, 498, 1010, 1386])]
    sizes: Vec<usize>,
    /// Connections in the table, for conn-table.
    #[arg(long, default_value_t = 1_000_000)]
    flows: u32,
    /// Milliseconds per figure.
    #[arg(long, default_value_t = 300)]
    duration_ms: u64,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() {
    let options = Options::parse();
    let kinds = if options.engine.is_empty() {
        engine::Kind::ALL.to_vec()
    } else {
        options.engine.clone()
    };
    let mut figures = Vec::new();
    for kind in kinds {
        let load = engine::Load {
            sizes: options.sizes.clone(),
            flows: options.flows,
            duration_ms: options.duration_ms,
        };
        match kind.measure(&load) {
            Ok(more) => figures.extend(more),
            Err(error) => {
                eprintln!("holdfast-perf: {kind:?}: {error}");
                std::process::exit(1);
            }
        }
    }
    print!(
        "{}",
        if options.json {
            report::json(&figures)
        } else {
            report::table(&figures)
        }
    );
}
