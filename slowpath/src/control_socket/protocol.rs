//! The messages of the control socket.

use serde::{Deserialize, Serialize};

/// What a client asks. It has no `Debug` form, because the command may hold a key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestMessage {
    /// The command line; empty asks for the prompt only.
    pub command: String,
    /// How the output shall look.
    #[serde(default)]
    pub format: Format,
    /// The line was typed behind the prompt, so that a caret under it is moved by the prompt.
    #[serde(default)]
    pub interactive: bool,
}

/// How output looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As the ASA prints it.
    #[default]
    Text,
    /// The view as one JSON object.
    Json,
}

/// A piece of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyMessage {
    /// The next piece of output.
    pub text: String,
    /// Nothing follows.
    #[serde(rename = "final")]
    pub last: bool,
    /// The command was refused; in the last piece.
    #[serde(default)]
    pub error: bool,
    /// The session has ended; in the last piece.
    #[serde(default)]
    pub closed: bool,
    /// What the next command is prompted with; in the last piece.
    #[serde(default)]
    pub prompt: String,
}

impl ReplyMessage {
    /// The message as it is sent.
    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and flags always have a JSON form")
    }
}
