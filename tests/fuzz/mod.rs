//! What coverage-guided fuzzing runs: one function per input from outside, and first inputs.
//!
//! Each target is a program of its own under libFuzzer (`make fuzz`). Here, without it, every
//! target takes its first inputs and what has once broken it; so `make test` keeps them alive.

pub mod config_text;
pub mod control;
pub mod esp;
pub mod frame;
pub mod ike;
mod packets;
mod script;
pub mod snmp;

use std::path::PathBuf;

use script::Script;

/// One way into the product.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its program is `fuzz-NAME`.
    pub name: &'static str,
    /// Takes one input; panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Inputs that reach far.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// The longest input that is worth trying, in bytes.
    pub len_max: usize,
}

/// Every target.
pub const TARGETS: [Target; 6] = [
    frame::TARGET,
    esp::TARGET,
    ike::TARGET,
    config_text::TARGET,
    control::TARGET,
    snmp::TARGET,
];

impl Target {
    /// Takes an input of a length that is worth trying.
    pub fn take(&self, input: &[u8]) {
        if input.len() <= self.len_max {
            (self.run)(input);
        }
    }

    /// Writes the seeds into the directory that the command line names, where libFuzzer looks for
    /// its first inputs; nothing when it names none.
    ///
    /// # Panics
    /// When the directory cannot be written.
    pub fn plant(&self) {
        let corpus = std::env::args().skip(1).find(|word| !word.starts_with('-'));
        let Some(directory) = corpus.map(PathBuf::from).filter(|path| path.is_dir()) else {
            return;
        };
        for (at, seed) in (self.seeds)().iter().enumerate() {
            let path = directory.join(format!("seed-{at:03}"));
            std::fs::write(&path, seed).expect("the corpus can be written");
        }
    }
}
