//! What a walk can find, told by the name of what is called.

use std::fmt;

/// What a polling core must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Memory is taken or given back.
    Allocation,
    /// A lock, or another way to wait for a thread.
    Lock,
    /// A way to a panic.
    Panic,
    /// Text is formatted or written.
    Output,
    /// The kernel is called.
    SystemCall,
    /// A function of a shared library.
    Foreign,
    /// A call through a pointer.
    Indirect,
    /// An instruction that locks a cache line.
    Atomic,
}

/// One way out of the line.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What kind.
    pub fault: Fault,
    /// What is called, or the instruction.
    pub callee: String,
    /// Address of the instruction.
    pub at: u64,
    /// The functions from the root to the one with the instruction.
    pub chain: Vec<String>,
    /// The innermost source line of ours, or of whom it was inlined from: `path:line`.
    pub line: String,
}

impl Finding {
    /// The source file.
    pub fn file(&self) -> &str {
        self.line
            .rsplit_once(':')
            .map_or(&self.line, |(file, _)| file)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {} at {}", self.fault, self.callee, self.line)?;
        for name in self.chain.iter().rev() {
            write!(f, "\n        in {name}")?;
        }
        Ok(())
    }
}

/// Names and what they mean: the first row of which one word is in the name.
const NAMES: [(Fault, &[&str]); 5] = [
    (
        Fault::Panic,
        &[
            "core::panicking::",
            "std::panicking::",
            "unwrap_failed",
            "expect_failed",
            "core::slice::index::slice_",
            "len_mismatch_fail",
            "core::cell::panic_",
            "core::str::slice_error_fail",
            "_fail_rt",
            "rust_panic",
            "rust_begin_unwind",
            "std::process::abort",
            "__stack_chk_fail",
        ],
    ),
    (
        Fault::Allocation,
        &[
            "__rust_alloc",
            "__rust_realloc",
            "__rust_dealloc",
            "__rustc::",
            "alloc::alloc::",
            "alloc::raw_vec",
            "RawVec",
            "handle_alloc_error",
            "malloc",
            "calloc",
            "realloc",
            "posix_memalign",
            "aligned_alloc",
            "_mi_",
        ],
    ),
    (
        Fault::Lock,
        &[
            "pthread_",
            "futex",
            "sys::sync::",
            "std::sync::",
            "std::thread::",
            "sem_wait",
            "sem_post",
        ],
    ),
    (
        Fault::Output,
        &[
            "core::fmt::",
            "alloc::fmt::",
            "std::io::",
            "std::fs::",
            "std::net::",
            "printf",
            "rte_log",
            "syslog",
        ],
    ),
    (
        Fault::SystemCall,
        &["std::sys::", "std::time::", "std::env::"],
    ),
];

/// Allocators whose names are too short to look for inside of others.
const ALLOCATORS: [&str; 4] = ["free", "cfree", "mi_free", "mi_new"];

/// What it means that a function with this name is called, `None` when it is to be walked through.
/// A function of a shared library is at least foreign.
pub(super) fn fault_of(name: &str, foreign: bool) -> Option<Fault> {
    let bare = name.split('@').next().unwrap_or(name);
    if ALLOCATORS.contains(&bare) || bare.starts_with("mi_") {
        return Some(Fault::Allocation);
    }
    let named = |words: &&(Fault, &[&str])| words.1.iter().any(|word| bare.contains(word));
    let known = NAMES.iter().find(named).map(|(fault, _)| *fault);
    known.or(foreign.then_some(Fault::Foreign))
}
