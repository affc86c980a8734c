//! What goes wrong in the lab.

use std::fmt;

/// Result of a lab operation.
pub type Result<T> = std::result::Result<T, LabError>;

/// Why a lab operation stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabError {
    /// SIGINT or SIGTERM came: everything is taken down.
    Interrupted,
    /// Something that the lab needs is not on this machine; one line per thing.
    Missing(Vec<String>),
    /// An operation failed; the text says which and why.
    Failed(String),
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::Missing(lines) => write!(f, "missing on this machine: {}", lines.join("; ")),
            Self::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for LabError {}

/// Adds what was being done to an error of the standard library.
pub trait Doing<T> {
    /// `what` names the operation, as in "start nginx".
    fn doing(self, what: &str) -> Result<T>;
}

impl<T, E: fmt::Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: &str) -> Result<T> {
        self.map_err(|error| LabError::Failed(format!("{what}: {error}")))
    }
}

/// Shorthand for [`LabError::Failed`].
pub fn failed<T>(text: impl Into<String>) -> Result<T> {
    Err(LabError::Failed(text.into()))
}
