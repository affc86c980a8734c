//! Throughput over time as a picture that needs nothing beside itself.

use std::fmt::Write;

use super::report::{Run, Sample};
use crate::lab::payload::MEGABYTE;

const WIDTH: f64 = 1100.0;
const PANEL_HEIGHT: f64 = 260.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
/// Room above a panel's plot for the title and the bounces' names.
const TOP: f64 = 80.0;
const BOTTOM: f64 = 40.0;

/// One panel per run, bounces as marked lines.
pub fn draw(runs: &[Run]) -> String {
    let height = PANEL_HEIGHT * runs.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (number, run) in runs.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            svg,
            "<g transform=\"translate(0 {})\">",
            PANEL_HEIGHT * number as f64
        );
        panel(&mut svg, run);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, run: &Run) {
    let rates = rates(&run.samples);
    let end_s = run
        .samples
        .last()
        .map_or(1.0, |sample| sample.at_s)
        .max(1.0);
    let peak = rates.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
    let x = |at_s: f64| LEFT + at_s / end_s * (WIDTH - LEFT - RIGHT);
    let y = |rate: f64| TOP + (1.0 - rate / peak) * (PANEL_HEIGHT - TOP - BOTTOM);
    let (base, ceiling) = (y(0.0), y(peak));
    let title = escape(&format!("{}: {}", run.setting, run.claim));
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"16\" font-size=\"14\" font-weight=\"bold\">{title}</text>"
    );
    for (rate, label) in [(0.0, "0"), (peak, &*format!("{peak:.0} MB/s"))] {
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{1}\" y2=\"{1}\" stroke=\"#ccc\"/>\
             <text x=\"{2}\" y=\"{3}\" text-anchor=\"end\">{label}</text>",
            WIDTH - RIGHT,
            y(rate),
            LEFT - 6.0,
            y(rate) + 4.0
        );
    }
    for tick in (0..=end_s as u32).step_by(10) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick} s</text>",
            x(tick.into()),
            base + 16.0
        );
    }
    for (number, bounce) in run.bounces.iter().enumerate() {
        // Names of neighbours stand on three heights.
        let (at, text_y) = (x(bounce.at_s), ceiling - 8.0 - 14.0 * (number % 3) as f64);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{text_y:.1}\" y2=\"{base:.1}\" \
             stroke=\"#c00\" stroke-dasharray=\"4 3\"/>\
             <text x=\"{:.1}\" y=\"{text_y:.1}\" fill=\"#c00\">{}</text>",
            at + 3.0,
            escape(&bounce.cause)
        );
    }
    let points: String = rates
        .iter()
        .fold(String::new(), |mut points, (at_s, rate)| {
            let _ = write!(points, "{:.1},{:.1} ", x(*at_s), y(*rate));
            points
        });
    let _ = writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\" points=\"{}\"/>",
        points.trim_end()
    );
}

/// Middle of each sample's time, and megabytes per second in it.
fn rates(samples: &[Sample]) -> Vec<(f64, f64)> {
    samples
        .windows(2)
        .filter(|pair| pair[1].at_s > pair[0].at_s)
        .map(|pair| {
            let bytes = (pair[1].bytes - pair[0].bytes) as f64;
            let seconds = pair[1].at_s - pair[0].at_s;
            (
                f64::midpoint(pair[0].at_s, pair[1].at_s),
                bytes / seconds / MEGABYTE as f64,
            )
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::example;
    use super::*;

    #[test]
    fn a_panel_has_the_line_the_marks_and_nothing_from_elsewhere() {
        let picture = draw(&[example(), example()]);
        assert_eq!(picture.matches("<polyline").count(), 2);
        assert_eq!(picture.matches("outage &lt;10 s&gt;").count(), 2);
        assert_eq!(
            picture.matches("<g ").count(),
            picture.matches("</g>").count()
        );
        assert!(!picture.contains("href"));
        assert!(!picture.contains("NaN"));
    }

    #[test]
    fn rates_are_megabytes_per_second() {
        let rates = rates(&example().samples);
        assert_eq!(rates.len(), 19);
        assert!((rates[0].1 - 8.0).abs() < 1e-9);
    }
}
