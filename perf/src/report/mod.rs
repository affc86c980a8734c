//! Figures as a table or as JSON.

pub(crate) mod compare;
pub(crate) mod histogram;
pub(crate) mod html;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One measured figure.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// Bytes of the packet, or number of flows.
    pub(crate) size: u64,
    /// Median over the undisturbed blocks.
    pub(crate) value: f64,
    /// Lowest block.
    pub(crate) best: f64,
    /// Lower end of the median's 95 % interval.
    pub(crate) low: f64,
    /// Upper end.
    pub(crate) high: f64,
    /// Unit of all four.
    pub(crate) unit: String,
    /// Core cycles per TSC cycle while it was measured; 0 where this was not watched.
    pub(crate) core_per_tsc: f64,
    /// Blocks that counted; 0 when every one was disturbed and the value is theirs.
    pub(crate) blocks: usize,
    /// Blocks that were rejected: core clock drift, stolen time, a CPU that others had.
    pub(crate) rejected: usize,
}

impl Figure {
    /// A figure that was counted once, not in blocks.
    pub(crate) fn single(name: &str, size: u64, value: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            size,
            value,
            best: value,
            low: value,
            high: value,
            unit: unit.to_owned(),
            core_per_tsc: 0.0,
            blocks: 1,
            rejected: 0,
        }
    }
}

/// Figures as JSON.
pub(crate) fn json(figures: &[Figure]) -> String {
    serde_json::to_string_pretty(figures).map_or_else(|_| String::new(), |text| text + "\n")
}

/// Figures as a table.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text = format!(
        "{:<34} {:>9} {:>10} {:>10} {:>23}  {:<20} {:>7} {:>8}\n",
        "what", "size", "median", "best", "95 % interval", "unit", "blocks", "rejected"
    );
    for figure in figures {
        let _ = writeln!(
            text,
            "{:<34} {:>9} {:>10.1} {:>10.1} {:>11.1} {:>11.1}  {:<20} {:>7} {:>8}",
            figure.name,
            figure.size,
            figure.value,
            figure.best,
            figure.low,
            figure.high,
            figure.unit,
            figure.blocks,
            figure.rejected
        );
    }
    text
}
