//! Histograms.

use std::time::Duration;

use fastpath::histogram::{Counts, Spec};
use serde_json::{Value, json};

use super::{ANSWER_MAX_BYTES, Answer, Context, split, value};
use crate::stats::histograms::{self, Histograms, Row};

/// Bytes of an encoded histogram: room is left for the command's name, and for what JSON writes
/// with two bytes (line feeds).
const TEXT_MAX_BYTES: usize = ANSWER_MAX_BYTES - 2048;
/// Percentiles that are told, with their names.
pub(super) const PERCENTILES: [(&str, f64); 6] = [
    ("p50", 50.0),
    ("p90", 90.0),
    ("p99", 99.0),
    ("p999", 99.9),
    ("p9999", 99.99),
    ("max", 100.0),
];

/// The view that a client asks for.
struct View<'a> {
    spec: &'static Spec,
    thread: Option<&'a str>,
    /// Since the start of the box.
    total: Counts,
}

fn view<'a>(context: &Context<'_>, parameters: &'a str) -> Option<View<'a>> {
    let (name, thread) = split(parameters);
    let thread = (!thread.is_empty()).then_some(thread);
    Some(View {
        spec: Histograms::spec(name)?,
        thread,
        total: context.reading.histograms.counts(name, thread)?,
    })
}

/// What was counted in a view since the client reset it.
fn counts(context: &Context<'_>, view: &View<'_>) -> Counts {
    let mut counts = view.total.clone();
    let baselines = &context.baselines;
    baselines.apply(view.spec.name, view.thread, &mut counts);
    counts
}

pub(super) fn list(context: &mut Context<'_>, _: &str) -> Answer {
    let rows = Histograms::specs().map(|spec| {
        let threads = context.reading.histograms.sources(spec.name);
        json!({
            "name": spec.name,
            "unit": spec.unit.suffix(),
            "help": spec.help,
            "threads": threads.len(),
        })
    });
    Answer::Value(super::Page::of(rows, 0))
}

pub(super) fn percentiles(context: &mut Context<'_>, parameters: &str) -> Answer {
    let view = view(context, parameters);
    view.map(|view| percentile_values(&counts(context, &view)))
        .into()
}

/// Count and percentiles of a histogram. An empty one has a count alone.
pub fn percentile_values(counts: &Counts) -> Value {
    let mut fields = serde_json::Map::from_iter([("count".to_owned(), json!(counts.total()))]);
    let values = PERCENTILES
        .into_iter()
        .filter_map(|(name, percentile)| Some((name, counts.value_at_percentile(percentile)?)));
    fields.extend(values.map(|(name, value)| (name.to_owned(), json!(value))));
    Value::Object(fields)
}

pub(super) fn base64(context: &mut Context<'_>, parameters: &str) -> Answer {
    let view = view(context, parameters);
    view.and_then(|view| {
        let counts = counts(context, &view);
        value(histograms::base64(&counts, TEXT_MAX_BYTES))
    })
    .into()
}

pub(super) fn hgrm(context: &mut Context<'_>, parameters: &str) -> Answer {
    let view = view(context, parameters);
    view.and_then(|view| value(histograms::hgrm(&counts(context, &view), TEXT_MAX_BYTES)))
        .into()
}

pub(super) fn log(context: &mut Context<'_>, parameters: &str) -> Answer {
    let Some(view) = view(context, parameters) else {
        return Answer::Nothing;
    };
    let tag = match view.thread {
        Some(thread) => format!("{}.{thread}", view.spec.name),
        None => view.spec.name.to_owned(),
    };
    let since = context.baselines.since(view.spec.name, view.thread);
    let begin_unix_ms = since.unwrap_or_else(|| context.reading.start_unix_ms());
    let length_ms = context.reading.unix_ms().saturating_sub(begin_unix_ms);
    let mut text = histograms::header(begin_unix_ms);
    text += &histograms::row(
        Row {
            tag: &tag,
            begin: Duration::ZERO,
            length: Duration::from_millis(length_ms),
            counts: &counts(context, &view),
        },
        TEXT_MAX_BYTES,
    );
    value(text).into()
}

pub(super) fn reset(context: &mut Context<'_>, parameters: &str) -> Answer {
    let Some(view) = view(context, parameters) else {
        return Answer::Nothing;
    };
    let unix_ms = context.reading.unix_ms();
    let done = context
        .baselines
        .reset(view.spec.name, view.thread, &view.total, unix_ms);
    if done {
        Answer::Value(json!({ "reset": view.spec.name }))
    } else {
        Answer::Nothing
    }
}
