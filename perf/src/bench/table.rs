//! Rows as text: lines for a terminal, a table for a document.

use std::fmt::Write as _;

use super::Measured;

/// Names of the columns of [`lines`].
pub(super) fn head() -> String {
    format!(
        "{:<36} {:>9} {:>11} {:<18} {:>11} {:>6} {:>13} {:<14} {:<4} {:>3} {}",
        "what",
        "size",
        "value",
        "unit",
        "peer value",
        "ratio",
        "95 %",
        "goal",
        "met",
        "rej",
        "peer"
    )
}

/// Rows as lines.
pub(super) fn lines(rows: &[Measured]) -> String {
    let mut text = String::new();
    for row in rows {
        let interval = row.interval.map_or_else(
            || "-".to_owned(),
            |[low, high]| format!("{low:.2} .. {high:.2}"),
        );
        let _ = writeln!(
            text,
            "{:<36} {:>9} {:>11} {:<18} {:>11} {:>6} {:>13} {:<14} {:<4} {:>3} {}",
            row.name,
            row.size,
            number(row.value),
            row.unit,
            number(row.peer_value),
            number(row.ratio),
            interval,
            row.goal,
            met(row),
            row.rejected,
            row.peer
        );
    }
    text
}

/// Rows as a table in Markdown.
pub(super) fn markdown(rows: &[Measured]) -> String {
    let mut text = "| what | size | ours | against | ratio | goal | |\n\
                    |---|--:|--:|---|--:|---|---|\n"
        .to_owned();
    for row in rows {
        let against = match (row.peer_value, row.peer.as_str()) {
            (Some(value), "the goal itself") => number(Some(value)),
            (Some(value), peer) => format!("{peer}: {}", number(Some(value))),
            (None, peer) => peer.to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} {} | {against} | {} | {} | {} |",
            row.name,
            row.size,
            number(row.value),
            row.unit,
            number(row.ratio),
            row.goal,
            met(row)
        );
    }
    text
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 10_000.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.2}"),
    }
}

fn met(row: &Measured) -> &'static str {
    row.met.map_or("?", |met| if met { "yes" } else { "no" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_document_has_as_many_cells_as_its_head() {
        let row = Measured {
            name: "seal".to_owned(),
            size: 50,
            value: Some(12_345.6),
            unit: "cycles".to_owned(),
            peer: "peer".to_owned(),
            peer_value: Some(2.0),
            ratio: None,
            interval: None,
            goal: "at most 1.00".to_owned(),
            met: Some(false),
            rejected: 0,
        };
        let text = markdown(&[row]);
        let cells: Vec<usize> = text.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(cells, [8; 3], "{text}");
        assert!(
            text.ends_with("| seal | 50 | 12346 cycles | peer: 2.00 | - | at most 1.00 | no |\n")
        );
    }
}
