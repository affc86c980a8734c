//! The text format (OpenMetrics 1.0, section "Text format").

use std::fmt::Display;

use crate::stats::view::Append;

/// What every name begins with.
const PREFIX: &str = "holdfast_";

/// Type of a family of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// An exposition that grows family by family.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    family: String,
}

impl Text {
    /// Begins a family. Names that end with a unit of OpenMetrics name it.
    pub(super) fn family(&mut self, kind: Kind, name: &str, help: &str) {
        self.family = format!("{PREFIX}{name}");
        let family = &self.family;
        self.out
            .append(format_args!("# TYPE {family} {}\n", kind.name()));
        let unit = ["seconds", "bytes"]
            .into_iter()
            .find(|unit| name.ends_with(unit));
        if let Some(unit) = unit {
            self.out.append(format_args!("# UNIT {family} {unit}\n"));
        }
        self.out
            .append(format_args!("# HELP {family} {}\n", escaped(help.trim())));
    }

    /// Adds a sample of the family.
    pub(super) fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        self.out.push_str(&self.family);
        self.out.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            self.out
                .append(format_args!("{before}{name}=\"{}\"", escaped(value)));
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        self.out.append(format_args!(" {value}\n"));
    }

    /// A gauge with one sample.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(Kind::Gauge, name, help);
        self.sample("", &[], value);
    }

    /// The exposition with its end mark.
    pub(super) fn end(mut self) -> String {
        self.out.push_str("# EOF\n");
        self.out
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_and_samples_have_the_formats_lines() {
        let mut text = Text::default();
        text.family(Kind::Counter, "rx_bytes", " Help with \"quotes\".");
        text.sample("_total", &[("port", "0"), ("device", "a\\b\n\"c\"")], 7);
        text.gauge("up", "Up.", 1.5);
        assert_eq!(
            text.end(),
            "# TYPE holdfast_rx_bytes counter\n# UNIT holdfast_rx_bytes bytes\n\
             # HELP holdfast_rx_bytes Help with \\\"quotes\\\".\n\
             holdfast_rx_bytes_total{port=\"0\",device=\"a\\\\b\\n\\\"c\\\"\"} 7\n\
             # TYPE holdfast_up gauge\n# HELP holdfast_up Up.\nholdfast_up 1.5\n# EOF\n"
        );
    }
}
