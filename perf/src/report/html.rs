//! Figures as one page that needs nothing else.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::Figure;

const STYLE: &str = "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}\
    td,th{padding:4px 10px;text-align:right;border-bottom:1px solid #ccc}\
    td:first-child,th:first-child{text-align:left}.bar{background:#47a;height:10px}";
/// Pixels of the longest bar.
const BAR_WIDTH: f64 = 300.0;

/// Writes the page.
pub(crate) fn save(path: &Path, figures: &[Figure]) -> io::Result<()> {
    std::fs::write(path, page(figures))
}

fn page(figures: &[Figure]) -> String {
    let mut rows = String::new();
    for figure in figures {
        let most = figures
            .iter()
            .filter(|other| other.unit == figure.unit)
            .map(|other| other.value)
            .fold(f64::MIN_POSITIVE, f64::max);
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{}</td><td>{:.1}</td><td>{:.1} &ndash; {:.1}</td><td>{}</td>\
             <td>{}</td><td>{}</td><td><div class=\"bar\" style=\"width:{:.0}px\"></div></td></tr>",
            escape(&figure.name),
            figure.size,
            figure.value,
            figure.low,
            figure.high,
            escape(&figure.unit),
            figure.blocks,
            figure.rejected,
            figure.value / most * BAR_WIDTH
        );
    }
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>holdfast-perf</title>\
         <style>{STYLE}</style><h1>holdfast-perf</h1><table><tr><th>what</th><th>size</th>\
         <th>median</th><th>95 %</th><th>unit</th><th>blocks</th><th>rejected</th><th></th></tr>\
         {rows}</table></html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_every_figure_and_escapes_names() {
        let page = page(&[
            Figure::single("a<b", 64, 5.0, "us"),
            Figure::single("c", 1, 2.0, "x"),
        ]);
        assert!(page.contains("a&lt;b") && page.contains("<td>64</td>"));
        assert_eq!(page.matches("<tr>").count(), 3);
    }
}
