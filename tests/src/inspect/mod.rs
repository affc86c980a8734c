//! What the machine code of a polling core can reach: a walk over the disassembled program, from
//! the worker's turn on, that names every way to the allocator, a lock, a system call, a panic or
//! an output.
//!
//! `objdump` reads the instructions, `addr2line` the source lines. The walk follows direct calls
//! and jumps, calls through the global offset table, and jump tables as parts of their function.
//! It cannot follow a pointer: each call through one is a finding of its own, which has to be
//! allowed by name ([`allowed`]). Foreign code (shared libraries) is not entered: each of its
//! functions has to be allowed too.

pub mod allowed;
mod finding;
mod graph;
mod instruction;
mod lines;
mod listing;

use std::path::Path;

pub use self::finding::{Fault, Finding};
pub use self::graph::walk;
pub use self::listing::{Call, Function, Program, Target};
use crate::lab::Result;
use allowed::Allowed;

/// What an inspection has seen.
#[derive(Debug)]
pub struct Report {
    /// Functions that were walked through.
    pub functions: usize,
    /// Findings that nothing allows.
    pub violations: Vec<Finding>,
    /// Findings that are allowed.
    pub allowed: Vec<Finding>,
    /// Entries of the list that allow nothing, or more than there is.
    pub idle: Vec<String>,
}

/// Walks through the program from the functions whose names end with one of `roots`, and holds what
/// it finds against `allowed`.
///
/// # Errors
/// When the program cannot be read, or a root is not in it.
pub fn inspect(program: &Path, roots: &[&str], allowed: &[Allowed]) -> Result<Report> {
    let listing = Program::read(program)?;
    let mut findings = Vec::new();
    let functions = walk(&listing, roots, &mut findings)?;
    lines::name(program, &mut findings)?;
    let judged = allowed::judge(findings, allowed);
    Ok(Report {
        functions,
        violations: judged.violations,
        allowed: judged.allowed,
        idle: judged.idle,
    })
}
