//! What takes minutes of real time and little else: it needs no turn.

mod foreign_phase_1;
mod rekeys;
mod timers;

use std::thread;

use tests::lab::Result;
use tests::lab::scene::judge;

/// Plays a scenario with 1, 2 and 4 workers at the same time.
fn together(scenario: fn(usize) -> Result<()>) {
    let runs = [1, 2, 4].map(|workers| thread::spawn(move || scenario(workers)));
    for run in runs {
        judge(run.join().expect("a scenario returns its error"));
    }
}
