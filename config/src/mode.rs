//! Configuration mode and its submodes.

use crate::grammar::Place;

/// Where in the configuration a session stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Configuration mode itself.
    #[default]
    Global,
    /// `interface HARDWARE`.
    Interface(String),
    /// `crypto isakmp policy PRIORITY`.
    IsakmpPolicy(u16),
    /// `tunnel-group NAME general-attributes` or `ipsec-attributes`.
    TunnelGroup {
        /// The group.
        name: String,
        /// Which attributes.
        block: TunnelBlock,
    },
    /// A block of kept lines: `class-map`, `policy-map`.
    Kept(KeptBlock),
}

/// A block of a tunnel group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelBlock {
    /// `general-attributes`.
    General,
    /// `ipsec-attributes`.
    Ipsec,
}

impl TunnelBlock {
    /// The keyword that opens the block.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::General => "general-attributes",
            Self::Ipsec => "ipsec-attributes",
        }
    }
}

/// A place inside of a kept command's block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBlock {
    /// The command's line.
    pub(crate) command: String,
    /// The command's own level.
    pub(crate) outer: Place,
    /// The levels inside of it, each with the line that opened it.
    pub(crate) inner: Vec<(Place, String)>,
}

impl KeptBlock {
    fn place(&self) -> Place {
        self.inner.last().map_or(self.outer, |(place, _)| *place)
    }
}

impl Mode {
    /// What stands in parentheses in the prompt: `config`, `config-if`...
    pub fn prompt(&self) -> &'static str {
        match self.place() {
            Place::Global | Place::Everywhere => "config",
            Place::Interface => "config-if",
            Place::IsakmpPolicy => "config-isakmp-policy",
            Place::TunnelGeneral => "config-tunnel-general",
            Place::TunnelIpsec => "config-tunnel-ipsec",
            Place::ClassMap => "config-cmap",
            Place::PolicyMap => "config-pmap",
            Place::PolicyClass => "config-pmap-c",
            Place::PolicyParameters => "config-pmap-p",
            Place::PolicyMatch => "config-pmap-m",
        }
    }

    /// The innermost level.
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Global => Place::Global,
            Self::Interface(_) => Place::Interface,
            Self::IsakmpPolicy(_) => Place::IsakmpPolicy,
            Self::TunnelGroup { block, .. } => match block {
                TunnelBlock::General => Place::TunnelGeneral,
                TunnelBlock::Ipsec => Place::TunnelIpsec,
            },
            Self::Kept(block) => block.place(),
        }
    }

    /// Every level whose commands may be entered here, from the inside out.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        if let Self::Kept(block) = self {
            places.extend(block.inner.iter().rev().map(|(place, _)| *place));
            places.push(block.outer);
        } else if *self != Self::Global {
            places.push(self.place());
        }
        places.push(Place::Global);
        places
    }

    /// Goes one level out; false where that leaves configuration mode.
    pub(crate) fn leave(&mut self) -> bool {
        let stays = match self {
            Self::Global => return false,
            Self::Kept(block) => block.inner.pop().is_some(),
            _ => false,
        };
        if !stays {
            *self = Self::Global;
        }
        true
    }

    /// Goes out to the level `place`, where a command of that level was entered further inside.
    pub(crate) fn rewind(&mut self, place: Place) {
        while self.place() != place && self.leave() {}
    }
}
