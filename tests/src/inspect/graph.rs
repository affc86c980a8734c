//! The walk over the calls of a program.

use std::collections::{HashMap, VecDeque};

use super::finding::{Fault, Finding, fault_of};
use super::listing::{Call, Function, Program, Target};
use crate::lab::Result;
use crate::lab::error::failed;

/// Ending of the names that a linkage table gives to functions of shared libraries.
const STUB: &str = "@plt";
/// Functions of the C library that compilers call by themselves; they touch memory alone.
const PLAIN: [&str; 5] = ["memcpy", "memmove", "memset", "memcmp", "bcmp"];

/// Walks from the functions whose names end with one of `roots`, breadth first, so that a finding
/// has a shortest chain; gives the number of functions that were walked through.
///
/// # Errors
/// When a root is not in the program.
pub fn walk(program: &Program, roots: &[&str], findings: &mut Vec<Finding>) -> Result<usize> {
    let mut callers: HashMap<u64, Option<u64>> = HashMap::new();
    let mut next = VecDeque::new();
    for root in roots {
        let starts = program.named(root);
        if starts.is_empty() {
            return failed(format!("{root} is not in the program"));
        }
        for start in starts {
            callers.insert(start, None);
            next.push_back(start);
        }
    }
    while let Some(start) = next.pop_front() {
        let Some((_, function)) = program.function_at(start) else {
            continue;
        };
        for call in &function.calls {
            match judge(program, start, call) {
                Step::Stay => {}
                Step::Enter(callee) => {
                    callers.entry(callee).or_insert_with(|| {
                        next.push_back(callee);
                        Some(start)
                    });
                }
                Step::Fault(fault, callee) => findings.push(Finding {
                    fault,
                    callee,
                    at: call.at,
                    chain: chain(program, &callers, start),
                    line: String::new(),
                }),
            }
        }
    }
    Ok(callers.len())
}

enum Step {
    Stay,
    Enter(u64),
    Fault(Fault, String),
}

fn judge(program: &Program, from: u64, call: &Call) -> Step {
    match &call.target {
        Target::Kernel => Step::Fault(Fault::SystemCall, "the kernel".to_owned()),
        Target::Atomic(text) => Step::Fault(Fault::Atomic, text.clone()),
        Target::Pointer(text) => Step::Fault(Fault::Indirect, text.clone()),
        Target::Foreign(name) => foreign(name),
        Target::Address(address) => match program.function_at(*address) {
            Some((start, _)) if start == from => Step::Stay,
            Some((start, function)) => local(start, function),
            None => Step::Fault(Fault::Indirect, format!("{address:#x}")),
        },
    }
}

fn local(start: u64, function: &Function) -> Step {
    if let Some(name) = function.name.strip_suffix(STUB) {
        return foreign(name);
    }
    match fault_of(&function.name, false) {
        Some(fault) => Step::Fault(fault, function.name.clone()),
        None => Step::Enter(start),
    }
}

fn foreign(name: &str) -> Step {
    let bare = name.split('@').next().unwrap_or(name).to_owned();
    if PLAIN.contains(&bare.as_str()) {
        return Step::Stay;
    }
    Step::Fault(fault_of(&bare, true).unwrap_or(Fault::Foreign), bare)
}

/// Names from the root to `start`.
fn chain(program: &Program, callers: &HashMap<u64, Option<u64>>, start: u64) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = Some(start);
    while let Some(start) = at {
        names.extend(program.function_at(start).map(|(_, it)| it.name.clone()));
        at = callers.get(&start).copied().flatten();
    }
    names.reverse();
    names
}
