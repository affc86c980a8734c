//! `names` and `name` as text.

use crate::Config;
use crate::render::Sink;

/// Writes the family; `names` always, as an ASA does. Addresses are written as numbers everywhere.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let no = if config.names_enabled { "" } else { "no " };
    out.line(format!("{no}names"));
    for (address, name) in &config.names {
        out.line(format!("name {address} {name}"));
    }
}
