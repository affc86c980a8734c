//! The rows of configuration commands: their first words.

use super::super::command::Command;
use super::{Args, Row, Token, row, word};

pub(super) fn configure(args: &Args<'_>) -> Command {
    Command::Configure(args.line.to_owned())
}

/// A configuration command by its first word.
macro_rules! configuration_rows {
    ($($keyword:literal, $help:literal;)*) => {
        &[$(row(
            &[word($keyword, $help), Token::Rest("The rest of the command")],
            configure,
        ),)*]
    };
}

/// First words of configuration commands, so that they can be given in exec mode too.
pub(super) const CONFIGURATION_ROWS: &[Row] = configuration_rows! {
    "access-group", "Bind an access list to an interface";
    "access-list", "Add a line to an access list";
    "boot", "Kept without effect";
    "crypto", "Configure IPsec and IKE";
    "domain-name", "Name of the domain";
    "dynamic-access-policy-record", "Kept without effect";
    "enable", "Kept without effect";
    "ftp", "Kept without effect";
    "global", "Addresses to translate to";
    "hostname", "Name of the box";
    "http", "Kept without effect";
    "interface", "Configure an interface";
    "logging", "Configure the system log";
    "mtu", "MTU of an interface";
    "name", "A name for an address";
    "names", "Use names for addresses";
    "nat", "Addresses to translate from";
    "no", "Negate a command or set its default";
    "passwd", "Kept without effect";
    "route", "A static route";
    "service", "Answers to denied packets";
    "snmp-server", "Configure SNMP traps";
    "ssh", "Kept without effect";
    "sysopt", "System options";
    "telnet", "Kept without effect";
    "timeout", "Idle timeouts";
    "tunnel-group", "A peer with its key";
    "vpn-resume", "How preserved flows resume";
};
