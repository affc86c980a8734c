//! The manual of the statistics names what there is, in the words of the tables.

use slowpath::stats::commands::COMMANDS;
use slowpath::stats::histograms::Histograms;

const MANUAL: &str = include_str!("../../docs/manual/statistics.md");

/// The rows between a heading and the next one.
fn rows(heading: &str) -> Vec<&'static str> {
    let (_, rest) = MANUAL.split_once(heading).expect("the heading");
    let section = rest.split("\n## ").next().unwrap_or(rest);
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect()
}

#[test]
fn every_command_is_in_the_manual_and_no_other() {
    let expected: Vec<String> = COMMANDS
        .iter()
        .map(|command| {
            let parameters = match command.parameters {
                "" => String::new(),
                parameters => format!(",{parameters}"),
            };
            format!("| `{}{parameters}` | {} |", command.name, command.help)
        })
        .collect();
    assert_eq!(rows("## Commands\n"), expected, "{}", expected.join("\n"));
}

#[test]
fn every_histogram_is_in_the_manual_and_no_other() {
    let expected: Vec<String> = Histograms::specs()
        .map(|spec| {
            format!(
                "| `{}` | {} | {} |",
                spec.name,
                spec.unit.suffix(),
                spec.help
            )
        })
        .collect();
    assert_eq!(rows("## Histograms\n"), expected, "{}", expected.join("\n"));
}
