//! `names` and `name` as text.

use crate::Config;
use crate::render::Sink;

/// Writes the family; `names` always, as an ASA does. Addresses are written as numbers everywhere.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let no = if config.names_enabled { "" } else { "no " };
    out.line(format!("{no}names"));
    for named in &config.names {
        let mut line = format!("name {} {}", named.address, named.name);
        if let Some(text) = &named.description {
            line.push_str(" description ");
            line.push_str(text);
        }
        out.line(line);
    }
}
