//! What operators do: 111008, 111009, 111010, and the box's start and stop: 199002, 199006.

use super::super::Message;

/// Audit of a command that was executed for `user`: 111009 for `show`, 111008 for the rest, and
/// 111010 too when it changed the configuration. Secrets in the command are replaced.
pub fn audit(user: &str, command: &str, changes_configuration: bool) -> Vec<Message> {
    let command = redact(command);
    let is_show = command
        .split_whitespace()
        .next()
        .is_some_and(|word| word.len() >= 2 && "show".starts_with(&word.to_ascii_lowercase()));
    if is_show {
        let text = format!("User '{user}' executed cmd: {command}");
        return vec![Message::new(111_009, 7, text)];
    }
    let text = format!("User '{user}' executed the '{command}' command.");
    let mut messages = vec![Message::new(111_008, 5, text)];
    if changes_configuration {
        let text = format!("User '{user}', running 'CLI' from IP 0.0.0.0, executed '{command}'");
        messages.push(Message::new(111_010, 5, text));
    }
    messages
}

/// Whether what follows `word` is a secret: `pre-shared-key`, `password`, `passwd`, `community`,
/// also abbreviated to three letters, and `key`.
fn precedes_secret(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let abbreviates = |keyword: &str| word.len() >= 3 && keyword.starts_with(&word);
    word == "key"
        || ["pre-shared-key", "password", "passwd", "community"]
            .into_iter()
            .any(abbreviates)
}

/// The command with everything behind a secret's keyword as `*`.
///
/// The rest of the line goes, because a key may contain blanks when it is mistyped.
pub fn redact(command: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for word in command.split_whitespace() {
        if out.last().is_some_and(|last| precedes_secret(last)) {
            out.push("*");
            break;
        }
        out.push(word);
    }
    out.join(" ")
}

/// 199002: the box works.
pub fn startup() -> Message {
    Message::new(199_002, 6, "Startup completed.  Beginning operation.")
}

/// 199006: the box stops in order. `stamp` is the time as the log writes it.
pub fn shutdown(stamp: &str, user: &str) -> Message {
    let text = format!("Orderly reload started at {stamp} by {user}. Reload reason: unspecified");
    Message::new(199_006, 5, text)
}
