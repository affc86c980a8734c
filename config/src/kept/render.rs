//! Kept commands as text.

use super::{ORDER, Slot, rank};
use crate::render::Sink;
use crate::{Config, KeptCommand};

/// Writes the kept commands of `slot`.
pub(crate) fn render(config: &Config, slot: Slot, out: &mut Sink) {
    for command in &config.kept {
        let place = rank(&command.line).and_then(|at| ORDER.get(at));
        if place.is_some_and(|(_, other)| *other == slot) {
            let line = with_secrets(command, out);
            out.line(line);
            for line in &command.block {
                out.nested(line);
            }
        }
    }
}

/// The line with its secrets, or what stands for them, in their places.
fn with_secrets(command: &KeptCommand, out: &Sink) -> String {
    let mut secrets = command.secrets.iter();
    let words = command.line.split(' ').map(|word| match word {
        "*" => secrets.next().map_or(word, |secret| out.secret(secret)),
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}
