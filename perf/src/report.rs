//! Figures as a table or as JSON.

use std::fmt::Write as _;

use serde::Serialize;

/// One measured figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// Bytes of the packet, or number of flows.
    pub(crate) size: u64,
    /// Median over the blocks of the run.
    pub(crate) value: f64,
    /// Lowest block.
    pub(crate) best: f64,
    /// Unit of both.
    pub(crate) unit: &'static str,
}

pub(crate) fn json(figures: &[Figure]) -> String {
    serde_json::to_string_pretty(figures).map_or_else(|_| String::new(), |text| text + "\n")
}

pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text = format!(
        "{:<28} {:>10} {:>10} {:>10}\n",
        "what", "size", "median", "best"
    );
    for figure in figures {
        let _ = writeln!(
            text,
            "{:<28} {:>10} {:>10.1} {:>10.1} {}",
            figure.name, figure.size, figure.value, figure.best, figure.unit
        );
    }
    text
}
