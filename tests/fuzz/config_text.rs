//! A configuration text, and the last line of it typed at a prompt.

use config::{
    Applied, Audience, Config, Defaults, Mode, Severity, apply_line, check, complete, help, parse,
    render,
};

use super::Target;

/// Configuration texts.
pub const TARGET: Target = Target {
    name: "config-text",
    run,
    seeds,
    len_max: 4096,
};

const SAMPLE: &str = include_str!("../../config/tests/fixtures/ciscoasa.cfg");

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (mut config, remarks) = parse(&text);
    for remark in remarks {
        let _ = remark.render(&text);
    }
    stored_is_itself(&config);
    for remark in check(&config) {
        assert_eq!(remark.severity, Severity::Warning);
    }
    let mut mode = Mode::Global;
    for line in text.lines().rev().take(2) {
        typed(&mut config, &mut mode, line);
    }
    stored_is_itself(&config);
}

/// What is written to be read again says the same, and without a complaint.
fn stored_is_itself(config: &Config) {
    let stored = render(config, Audience::Stored, Defaults::Hidden, None);
    let (again, remarks) = parse(&stored);
    let error = remarks.iter().find(|it| it.severity == Severity::Error);
    assert!(error.is_none(), "{error:?}\n{stored}");
    assert!(again == *config, "not the same again:\n{stored}");
}

fn typed(config: &mut Config, mode: &mut Mode, line: &str) {
    let _ = (help(line, mode), complete(line, mode));
    let before = (config.clone(), mode.clone());
    match apply_line(config, mode, line) {
        Ok(Applied { .. }) => {}
        Err(error) => {
            assert!(!error.report(8).is_empty());
            let same = before.0 == *config && before.1 == *mode;
            assert!(same, "refused, and yet something changed: {line}");
        }
    }
}

/// The sample whole, and every block of it alone.
fn seeds() -> Vec<Vec<u8>> {
    let mut blocks: Vec<String> = Vec::new();
    for line in SAMPLE.lines() {
        match blocks.last_mut() {
            Some(block) if line.starts_with(' ') => {
                block.push('\n');
                block.push_str(line);
            }
            _ => blocks.push(line.to_owned()),
        }
    }
    blocks.push(SAMPLE.to_owned());
    blocks.into_iter().map(String::into_bytes).collect()
}
