//! Source lines of findings.

use std::path::Path;

use super::finding::Finding;
use crate::lab::Result;
use crate::lab::run::run;

/// Findings whose lines one call of `addr2line` names: an argument list has an end.
const PER_CALL: usize = 2000;
/// Where sources of ours lie, whatever the directory of the project is called.
const OURS: [&str; 5] = [
    "/fastpath/src/",
    "/slowpath/src/",
    "/config/src/",
    "/dpdk-sys/",
    "/tests/src/",
];
/// Where sources of others lie; the next folder is the registry's own.
const REGISTRY: &str = "/registry/src/";
/// Where those of the compiler's libraries lie.
const LIBRARY: &str = "/library/";

/// Gives each finding the innermost line of ours that it was compiled from, or, where there is
/// none, that of whom it was inlined from.
pub(super) fn name(program: &Path, findings: &mut [Finding]) -> Result<()> {
    let program = program.to_string_lossy();
    for findings in findings.chunks_mut(PER_CALL) {
        let addresses: Vec<String> = findings.iter().map(|it| format!("{:#x}", it.at)).collect();
        let mut arguments = vec!["-a", "-i", "-e", &program];
        arguments.extend(addresses.iter().map(String::as_str));
        let text = run("addr2line", &arguments)?;
        let groups = groups(&text);
        for (finding, frames) in findings.iter_mut().zip(groups) {
            finding.line = innermost(&frames);
        }
    }
    Ok(())
}

/// The lines of each address: what was inlined comes first.
fn groups(text: &str) -> Vec<Vec<&str>> {
    let mut groups: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        if line.starts_with("0x") {
            groups.push(Vec::new());
        } else if let Some(group) = groups.last_mut() {
            group.push(line);
        }
    }
    groups
}

fn innermost(frames: &[&str]) -> String {
    let ours = frames
        .iter()
        .find_map(|frame| OURS.iter().find_map(|root| after(frame, root, 1)));
    let theirs = || {
        let line = |frame: &&str| after(frame, REGISTRY, REGISTRY.len());
        let line = frames.iter().find_map(line)?;
        line.split_once('/').map(|(_, line)| line.to_owned())
    };
    let library = || frames.last().and_then(|frame| after(frame, LIBRARY, 1));
    let outermost = || frames.last().map(|frame| (*frame).to_owned());
    let line = ours
        .or_else(theirs)
        .or_else(library)
        .or_else(outermost)
        .unwrap_or_default();
    line.split(" (").next().unwrap_or_default().to_owned()
}

/// What follows `skip` bytes after the place of `mark` in a path.
fn after(frame: &str, mark: &str, skip: usize) -> Option<String> {
    frame.rfind(mark).map(|at| frame[at + skip..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_ours_is_preferred() {
        let text = "0x0000000000001000\n/rustc/abc/core/src/slice/index.rs:1\n\
                    /home/x/fastpath/src/conn/index.rs:7 (discriminator 2)\n\
                    /home/x/fastpath/src/path/mod.rs:9\n\
                    0x0000000000002000\n/c/registry/src/index/aes-1/src/lib.rs:3\n\
                    0x0000000000003000\n??:0\n";
        let lines: Vec<String> = groups(text)
            .iter()
            .map(|frames| innermost(frames))
            .collect();
        assert_eq!(
            lines,
            ["fastpath/src/conn/index.rs:7", "aes-1/src/lib.rs:3", "??:0"]
        );
    }
}
