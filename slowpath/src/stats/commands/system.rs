//! The box: versions, health, interfaces, log, events.

use serde_json::json;

use super::{ANSWER_MAX_BYTES, Answer, COMMANDS, Context, Page, value};

pub(super) fn list(_: &mut Context<'_>, _: &str) -> Answer {
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    Answer::Value(json!(names))
}

pub(super) fn help(_: &mut Context<'_>, parameters: &str) -> Answer {
    let known = COMMANDS.iter().find(|command| command.name == parameters);
    let text = known.map(|command| {
        let parameters = match command.parameters {
            "" => String::new(),
            parameters => format!(" Parameters: {parameters}"),
        };
        json!({ command.name: format!("{}{parameters}", command.help) })
    });
    text.into()
}

pub(super) fn info(_: &mut Context<'_>, _: &str) -> Answer {
    Answer::Value(greeting())
}

/// What a client is greeted with.
pub fn greeting() -> serde_json::Value {
    json!({
        "version": format!("Holdfast {}", env!("CARGO_PKG_VERSION")),
        "pid": std::process::id(),
        "max_output_len": ANSWER_MAX_BYTES,
    })
}

pub(super) fn version(context: &mut Context<'_>, _: &str) -> Answer {
    let Some(published) = context.published() else {
        return Answer::Nothing;
    };
    let version = &published.version;
    Answer::Value(json!({
        "version": version.version,
        "dpdk": fastpath::dpdk::version(),
        "build": version.build,
        "hostname": version.hostname,
        "config_file": version.config_file,
        "uptime_s": version.uptime_s,
        "cpu": version.cpu,
        "workers": version.workers,
        "tsc_hz": context.reading.tsc_hz,
        "engines": version.engines.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
    }))
}

pub(super) fn health(context: &mut Context<'_>, _: &str) -> Answer {
    value(context.reading.health()).into()
}

pub(super) fn interfaces(context: &mut Context<'_>, _: &str) -> Answer {
    let published = context.published();
    published.map(|it| Page::of(&it.interfaces, 0)).into()
}

pub(super) fn log(context: &mut Context<'_>, _: &str) -> Answer {
    context.published().and_then(|it| value(it.log)).into()
}

pub(super) fn events(context: &mut Context<'_>, _: &str) -> Answer {
    context.published().and_then(|it| value(it.events)).into()
}
