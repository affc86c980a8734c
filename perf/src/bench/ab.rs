//! Two builds of this program in turn: whether a change is a gain.

use std::process::Command;

use super::child::{Failure, figures, run};
use crate::options::Ab;
use crate::report::Figure;
use crate::statistics::{median, ratio_interval};

/// Runs both in turn and prints the ratio of each figure.
pub(crate) fn interleave(options: &Ab) -> Result<(), String> {
    let mut runs: [Vec<Vec<Figure>>; 2] = Default::default();
    let mut rejected = 0;
    for _ in 0..options.blocks {
        for (program, runs) in [&options.a, &options.b].into_iter().zip(&mut runs) {
            let mut command = Command::new(program);
            command.args(&options.arguments).arg("--json");
            match run(&mut command, figures, f64::INFINITY) {
                Ok(figures) => runs.push(figures),
                Err(Failure::Disturbed) => rejected += 1,
                Err(Failure::Missing(text)) => return Err(text),
            }
        }
    }
    let [a, b] = runs;
    let first = a.first().ok_or("every run was disturbed")?;
    println!(
        "{:<40} {:>9} {:>11} {:>11} {:>7} {:>15}",
        "what", "size", "a", "b", "b/a", "95 %"
    );
    for figure in first {
        let values = |runs: &[Vec<Figure>]| -> Vec<f64> {
            runs.iter()
                .flatten()
                .filter(|it| it.name == figure.name && it.size == figure.size && it.blocks > 0)
                .map(|it| it.value)
                .collect()
        };
        let (a, b) = (values(&a), values(&b));
        let [low, high] = ratio_interval(&b, &a);
        let (a, b) = (median(&a), median(&b));
        println!(
            "{:<40} {:>9} {a:>11.1} {b:>11.1} {:>7.3} {low:>7.3}..{high:.3}",
            figure.name,
            figure.size,
            b / a
        );
    }
    println!("{rejected} runs were rejected");
    Ok(())
}
