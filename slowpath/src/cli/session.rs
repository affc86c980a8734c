//! The mode of one operator's session.

/// Where a session stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Exec mode: `hostname#`.
    #[default]
    Exec,
    /// Configuration mode: `hostname(config)#`.
    Config,
    /// Inside a block: `hostname(config-if)#`.
    Block {
        /// The command that opened it.
        header: String,
        /// What the prompt says.
        prompt: &'static str,
    },
}

/// A session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    mode: Mode,
}

/// Commands that open a block: keywords, where `""` stands for an argument, and the prompt.
const BLOCKS: [(&[&str], &str); 4] = [
    (&["interface", ""], "config-if"),
    (&["crypto", "isakmp", "policy", ""], "config-isakmp-policy"),
    (
        &["tunnel-group", "", "ipsec-attributes"],
        "config-tunnel-ipsec",
    ),
    (
        &["tunnel-group", "", "general-attributes"],
        "config-tunnel-general",
    ),
];

fn block_prompt(line: &str) -> Option<&'static str> {
    let words: Vec<String> = line
        .split_whitespace()
        .map(str::to_ascii_lowercase)
        .collect();
    BLOCKS
        .iter()
        .find(|(pattern, _)| {
            pattern.len() == words.len()
                && pattern
                    .iter()
                    .zip(&words)
                    .all(|(keyword, word)| keyword.is_empty() || keyword.starts_with(word.as_str()))
        })
        .map(|(_, prompt)| *prompt)
}

impl Session {
    /// The mode.
    pub const fn mode(&self) -> &Mode {
        &self.mode
    }

    /// The command that opened the block in which the session stands.
    pub fn block(&self) -> Option<&str> {
        match &self.mode {
            Mode::Block { header, .. } => Some(header),
            Mode::Exec | Mode::Config => None,
        }
    }

    /// `CiscoASA(config-if)# `.
    pub fn prompt(&self, hostname: &str) -> String {
        match &self.mode {
            Mode::Exec => format!("{hostname}# "),
            Mode::Config => format!("{hostname}(config)# "),
            Mode::Block { prompt, .. } => format!("{hostname}({prompt})# "),
        }
    }

    /// `configure terminal`.
    pub fn configure_terminal(&mut self) {
        self.mode = Mode::Config;
    }

    /// `end`.
    pub fn end(&mut self) {
        self.mode = Mode::Exec;
    }

    /// `exit`: one mode up; `true` when the session itself ends.
    pub fn exit(&mut self) -> bool {
        match self.mode {
            Mode::Exec => return true,
            Mode::Config => self.mode = Mode::Exec,
            Mode::Block { .. } => self.mode = Mode::Config,
        }
        false
    }

    /// A configuration command was accepted; `in_block` when it belonged to the open block. Any
    /// other command closes the block, and may open the next one. Exec mode stays exec mode.
    pub fn configured(&mut self, line: &str, in_block: bool) {
        if self.mode == Mode::Exec || (in_block && self.block().is_some()) {
            return;
        }
        self.mode = match block_prompt(line) {
            Some(prompt) => Mode::Block {
                header: line.trim().to_owned(),
                prompt,
            },
            None => Mode::Config,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_lead_into_each_other() {
        let mut session = Session::default();
        assert_eq!(session.prompt("CiscoASA"), "CiscoASA# ");
        session.configured("interface Ethernet0/1", false);
        assert_eq!(session.mode(), &Mode::Exec);
        session.configure_terminal();
        assert_eq!(session.prompt("CiscoASA"), "CiscoASA(config)# ");
        session.configured("int Ethernet0/1", false);
        assert_eq!(session.prompt("CiscoASA"), "CiscoASA(config-if)# ");
        assert_eq!(session.block(), Some("int Ethernet0/1"));
        session.configured("nameif dmz", true);
        assert_eq!(session.block(), Some("int Ethernet0/1"));
        session.configured("crypto isakmp policy 5", false);
        assert_eq!(session.prompt("a"), "a(config-isakmp-policy)# ");
        session.configured("crypto isakmp policy 5 hash sha", false);
        assert_eq!(session.mode(), &Mode::Config);
        session.configured("tunnel-group 192.0.2.1 ipsec-attributes", false);
        assert!(!session.exit());
        assert_eq!(session.mode(), &Mode::Config);
        assert!(!session.exit() && session.exit());
        session.configure_terminal();
        session.end();
        assert_eq!(session.mode(), &Mode::Exec);
    }
}
