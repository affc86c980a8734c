//! A configuration as text, in the order of an ASA.

use std::fmt::Write;

use crate::{Config, Secret};
use crate::{
    access_group, access_list, crypto_map, identity, interface, ipsec, isakmp, kept, logging,
    names, nat, route, service, snmp_server, sysopt, timeout, tunnel_group, vpn_resume,
};

/// Who reads the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// An operator: secrets are `*`.
    Shown,
    /// A file of the box: secrets are whole. The caller zeroizes the text.
    Stored,
}

/// Which settings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defaults {
    /// Those that are not at their default, and those that an ASA writes always.
    Hidden,
    /// All (`show running-config all`).
    All,
}

/// What an ASA of the language's release writes on top.
const VERSION: &str = "ASA Version 8.2(1)";

/// Writes `config` out; with `section`, only the commands that begin with its words (`sysopt`,
/// `crypto map`, `interface Ethernet0/0`), without header and separators.
///
/// What is written with [`Audience::Stored`] and [`Defaults::Hidden`] parses to `config` again.
pub fn render(
    config: &Config,
    audience: Audience,
    defaults: Defaults,
    section: Option<&str>,
) -> String {
    let mut out = Sink {
        text: String::new(),
        audience,
        defaults,
        section: section.map(|words| words.split_whitespace().map(str::to_owned).collect()),
        within: false,
    };
    if out.section.is_none() {
        out.text = format!(": Saved\n:\n{VERSION}\n!\n");
    }
    everything(config, &mut out);
    if out.section.is_none() {
        out.text.push_str(": end\n");
    }
    out.text
}

fn everything(config: &Config, out: &mut Sink) {
    identity::render(config, out);
    kept::render(config, kept::Slot::Passwords, out);
    names::render(config, out);
    out.separator();
    interface::render(config, out);
    kept::render(config, kept::Slot::System, out);
    access_list::render(config, out);
    kept::render(config, kept::Slot::Screen, out);
    logging::render(config, out);
    kept::render(config, kept::Slot::Logging, out);
    interface::render_mtus(config, out);
    kept::render(config, kept::Slot::Device, out);
    nat::render(config, out);
    access_group::render(config, out);
    route::render(config, out);
    timeout::render(config, out);
    kept::render(config, kept::Slot::Servers, out);
    snmp_server::render(config, out);
    sysopt::render(config, out);
    vpn_resume::render(config, out);
    service::render(config, out);
    ipsec::render(config, out);
    crypto_map::render(config, out);
    isakmp::render(config, out);
    kept::render(config, kept::Slot::Crypto, out);
    kept::render(config, kept::Slot::Access, out);
    tunnel_group::render(config, out);
    out.separator();
    kept::render(config, kept::Slot::Policies, out);
    kept::render(config, kept::Slot::Prompt, out);
}

/// Where a configuration is written to.
#[derive(Debug)]
pub(crate) struct Sink {
    text: String,
    audience: Audience,
    defaults: Defaults,
    section: Option<Vec<String>>,
    /// Whether the last line belongs to the section.
    within: bool,
}

impl Sink {
    /// Whether defaults are to be written too.
    pub(crate) fn all(&self) -> bool {
        self.defaults == Defaults::All
    }

    /// A command.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        self.within = self.section.as_ref().is_none_or(|words| {
            let mut of_line = line.strip_prefix("no ").unwrap_or(line).split(' ');
            let mut same = |word: &String| of_line.next().is_some_and(|w| same_word(w, word));
            words.iter().all(&mut same)
        });
        if self.within {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// A line of the block of the last command.
    pub(crate) fn nested(&mut self, line: impl AsRef<str>) {
        if self.within {
            // Writing to a String does not fail.
            let _ = writeln!(self.text, " {}", line.as_ref());
        }
    }

    /// A command that is on or off.
    pub(crate) fn flag(&mut self, on: bool, default: bool, command: &str) {
        if on != default || self.all() {
            let no = if on { "" } else { "no " };
            self.line(format!("{no}{command}"));
        }
    }

    /// `!`
    pub(crate) fn separator(&mut self) {
        if self.section.is_none() {
            self.text.push_str("!\n");
        }
    }

    /// What stands for the secret.
    pub(crate) fn secret<'a>(&self, secret: &'a Secret) -> &'a str {
        match self.audience {
            Audience::Shown => "*",
            Audience::Stored => secret.expose(),
        }
    }
}

fn same_word(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
