//! The grammar: rows of tokens, and everything that is derived from them.
//!
//! One table (the `ROWS` of every command family) drives parsing, `no` forms, `?`, completion and
//! the command reference.

pub(crate) mod args;
pub(crate) mod automaton;
pub(crate) mod kind;
pub(crate) mod line;
pub(crate) mod names;
pub(crate) mod reference;
pub(crate) mod table;

use crate::edit::{Edit, Refusal};
use args::Args;
use kind::Kind;

/// What a command does in Holdfast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Holdfast acts upon it.
    Acted,
    /// It is accepted, kept and rendered, and has no effect.
    Kept,
}

/// Where a row is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// In every mode.
    Everywhere,
    Global,
    Interface,
    IsakmpPolicy,
    TunnelGeneral,
    TunnelIpsec,
    ClassMap,
    PolicyMap,
    PolicyClass,
    PolicyParameters,
    PolicyMatch,
}

impl Place {
    /// Every mode that has rows of its own.
    pub(crate) const ALL: [Self; 10] = [
        Self::Global,
        Self::Interface,
        Self::IsakmpPolicy,
        Self::TunnelGeneral,
        Self::TunnelIpsec,
        Self::ClassMap,
        Self::PolicyMap,
        Self::PolicyClass,
        Self::PolicyParameters,
        Self::PolicyMatch,
    ];

    /// What the command reference calls it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "every mode",
            Self::Global => "configuration mode",
            Self::Interface => "interface",
            Self::IsakmpPolicy => "crypto isakmp policy",
            Self::TunnelGeneral => "tunnel-group general-attributes",
            Self::TunnelIpsec => "tunnel-group ipsec-attributes",
            Self::ClassMap => "class-map",
            Self::PolicyMap => "policy-map",
            Self::PolicyClass => "policy-map class",
            Self::PolicyParameters => "policy-map parameters",
            Self::PolicyMatch => "policy-map match",
        }
    }
}

/// A piece of a command's syntax.
#[derive(Debug)]
pub(crate) enum Token {
    /// A fixed word.
    Keyword {
        word: &'static str,
        help: &'static str,
    },
    /// One of several fixed words, read as a number under `name`.
    Choice {
        name: &'static str,
        options: &'static [Word],
    },
    /// A typed argument, read under `name`.
    Argument {
        name: &'static str,
        kind: Kind,
        help: &'static str,
    },
    /// Tokens that the command reference shows as `<name>` and explains.
    Named {
        name: &'static str,
        tokens: &'static [Token],
    },
    /// May be left out.
    Optional(&'static [Token]),
    /// One of several continuations.
    OneOf(&'static [&'static [Token]]),
    /// Once or more.
    Repeat(&'static [Token]),
}

/// A word of a [`Token::Choice`].
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) text: &'static str,
    pub(crate) value: u32,
    pub(crate) help: &'static str,
}

/// A fixed word.
pub(crate) const fn kw(word: &'static str, help: &'static str) -> Token {
    Token::Keyword { word, help }
}

/// A typed argument.
pub(crate) const fn arg(name: &'static str, kind: Kind, help: &'static str) -> Token {
    Token::Argument { name, kind, help }
}

/// One of several fixed words.
pub(crate) const fn choice(name: &'static str, options: &'static [Word]) -> Token {
    Token::Choice { name, options }
}

/// A word of a choice.
pub(crate) const fn word(text: &'static str, value: u32, help: &'static str) -> Word {
    Word { text, value, help }
}

/// The `no` form of a row.
#[derive(Debug)]
pub(crate) enum No {
    /// There is none.
    Without,
    /// `no` and the same syntax.
    Same,
    /// `no` and another syntax.
    As(&'static [Token]),
}

/// What a row does to a configuration.
pub(crate) type Apply = fn(&mut Edit<'_>, &Args) -> Result<(), Refusal>;

/// A command.
#[derive(Debug)]
pub(crate) struct Row {
    /// Unique name.
    pub(crate) id: &'static str,
    pub(crate) place: Place,
    pub(crate) effect: Effect,
    pub(crate) syntax: &'static [Token],
    pub(crate) no: No,
    /// One line of help.
    pub(crate) help: &'static str,
    pub(crate) apply: Apply,
}
