//! ASA configuration text in, validated model out; pure.
//!
//! [`parse`] reads a text, [`check`] says what is incomplete in a configuration, [`render`] writes
//! one out. [`apply_line`], [`help`] and [`complete`] serve a command line. One table of commands
//! drives all of them, and [`command_reference`].

#![forbid(unsafe_code)]
#![expect(
    clippy::unnecessary_wraps,
    reason = "the effects of all commands have one type, also of those that cannot be refused"
)]

mod access_group;
mod access_list;
mod address;
mod check;
mod crypto_map;
mod diagnostic;
mod edit;
mod grammar;
mod identity;
mod interface;
mod ipsec;
mod isakmp;
mod kept;
mod legacy;
pub mod limits;
mod logging;
mod mode;
mod model;
mod names;
mod nat;
mod navigation;
mod parse;
mod render;
mod route;
mod secret;
mod service;
mod session;
mod snmp_server;
mod sysopt;
#[cfg(test)]
mod testing;
mod timeout;
mod tunnel_group;
mod vpn_resume;

pub use address::MaskedNet;
pub use check::check;
pub use diagnostic::{Diagnostic, Severity};
pub use grammar::Effect;
pub use grammar::reference::command_reference;
pub use logging::LogClass;
pub use mode::{KeptBlock, Mode, TunnelBlock};
pub use model::*;
pub use parse::parse;
pub use render::{Audience, Defaults, render};
pub use secret::Secret;
pub use session::{Applied, CliError, HelpLine, apply_line, complete, help};
