//! The rows as a picture that needs nothing beside itself: resume times on a logarithmic scale.

use std::fmt::Write;

use super::report::Row;

const WIDTH: f64 = 900.0;
const PANEL_HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 40.0;
/// The scale, in seconds.
const LEAST_S: f64 = 0.001;
const MOST_S: f64 = 1_000.0;
/// Settings and their colours.
const COLOURS: [(&str, &str); 4] = [
    ("hold", "#06c"),
    ("strongswan", "#093"),
    ("unreachable", "#e80"),
    ("none", "#c00"),
];

/// One panel per round trip: for each outage and setting a bar from p50 to p99.
pub(super) fn draw(rows: &[Row]) -> String {
    let mut trips: Vec<u32> = rows.iter().map(|row| row.rtt_ms).collect();
    trips.sort_unstable();
    trips.dedup();
    let height = PANEL_HEIGHT * trips.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (number, trip_ms) in trips.iter().enumerate() {
        let down = PANEL_HEIGHT * number as f64;
        // Writing to a String cannot fail.
        let _ = writeln!(svg, "<g transform=\"translate(0 {down})\">");
        let of_trip: Vec<&Row> = rows.iter().filter(|row| row.rtt_ms == *trip_ms).collect();
        panel(&mut svg, *trip_ms, &of_trip);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, trip_ms: u32, rows: &[&Row]) {
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"18\" font-size=\"14\" font-weight=\"bold\">From tunnel-up to the \
         next byte, half and 99% of the flows; added round trip {trip_ms} ms</text>"
    );
    for (place, (name, colour)) in COLOURS.iter().enumerate() {
        let x = LEFT + 130.0 * place as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"27\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"36\">{name}</text>",
            x + 15.0
        );
    }
    let mut tick_s = LEAST_S;
    while tick_s <= MOST_S * 1.01 {
        let at = y(tick_s);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{} s</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            (tick_s * 1_000.0).round() / 1_000.0
        );
        tick_s *= 10.0;
    }
    let mut outages: Vec<u64> = rows.iter().map(|row| row.outage_s).collect();
    outages.sort_unstable();
    outages.dedup();
    let room = (WIDTH - LEFT - RIGHT) / outages.len().max(1) as f64;
    for (number, outage_s) in outages.iter().enumerate() {
        let left = LEFT + room * number as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">outage of {outage_s} s</text>",
            left + room / 2.0,
            PANEL_HEIGHT - BOTTOM + 18.0
        );
        for (place, (name, colour)) in COLOURS.iter().enumerate() {
            let mut of_setting = rows.iter().filter(|row| row.setting == *name);
            if let Some(row) = of_setting.find(|row| row.outage_s == *outage_s) {
                bar(svg, row, left + room * (place + 1) as f64 / 5.0, colour);
            }
        }
    }
}

fn bar(svg: &mut String, row: &Row, x: f64, colour: &str) {
    let (Some(half_s), Some(most_s)) = (row.resume_p50_s, row.resume_p99_s) else {
        return;
    };
    let (half, most) = (y(half_s), y(most_s));
    let _ = writeln!(
        svg,
        "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{half:.1}\" y2=\"{most:.1}\" \
         stroke=\"{colour}\" stroke-width=\"6\"/>\
         <circle cx=\"{x:.1}\" cy=\"{half:.1}\" r=\"4\" fill=\"{colour}\"/>\
         <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{colour}\">{most_s:.3}</text>",
        most - 6.0
    );
}

fn y(seconds: f64) -> f64 {
    let scale = (MOST_S / LEAST_S).log10();
    let part = (seconds.clamp(LEAST_S, MOST_S) / LEAST_S).log10() / scale;
    PANEL_HEIGHT - BOTTOM - part * (PANEL_HEIGHT - TOP - BOTTOM)
}

#[cfg(test)]
mod tests {
    use super::super::case::Setting;
    use super::super::report::{rows, tests::run};
    use super::*;

    #[test]
    fn every_row_has_a_bar_and_nothing_comes_from_elsewhere() {
        let runs = [run(Setting::Hold, 0.01), run(Setting::None, 3.0)];
        let picture = draw(&rows(&runs));
        assert_eq!(picture.matches("<circle").count(), 2);
        assert_eq!(
            picture.matches("<g ").count(),
            picture.matches("</g>").count()
        );
        assert!(!picture.contains("href") && !picture.contains("NaN"));
    }

    #[test]
    fn the_scale_ends_where_the_plot_does() {
        assert!((y(MOST_S) - TOP).abs() < 1e-9);
        assert!((y(0.0) - (PANEL_HEIGHT - BOTTOM)).abs() < 1e-9);
    }
}
