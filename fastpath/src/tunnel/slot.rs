//! A tunnel slot: the thing that a connection names instead of a security association.

/// Index of a tunnel slot: crypto map entry + access-list entry + authenticated peer identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct SlotId(u16);

impl SlotId {
    /// No tunnel: the packet or the flow is in clear.
    pub const NONE: Self = Self(u16::MAX);

    /// The slot with this index; [`SlotId::NONE`] for the one index that no slot has.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The index, `None` for clear.
    pub const fn get(self) -> Option<u16> {
        if self.0 == u16::MAX {
            None
        } else {
            Some(self.0)
        }
    }

    /// The index as it is stored in an entry.
    pub const fn raw(self) -> u16 {
        self.0
    }
}

/// What a slot can do for a packet now. The three states that are not `Up` are the three drop
/// reasons of a preserved flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SlotState {
    /// Nothing negotiates: a packet that is dropped here asks IKE to start (`need-ike`).
    Down = 0,
    /// IKE negotiates (`tunnel-pending`).
    Pending = 1,
    /// A child SA carries packets.
    Up = 2,
    /// The SA is being deleted (`ipsec-tun-down`).
    Deleting = 3,
}

/// State, stamp and epoch of a slot as one word, read by the gate in one load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotWord(u64);

impl SlotWord {
    const PRESERVE: u64 = 1 << 8;

    /// A word from its parts.
    pub const fn new(state: SlotState, preserve: bool, epoch: u16) -> Self {
        let stamp = if preserve { Self::PRESERVE } else { 0 };
        Self(state as u64 | stamp | (epoch as u64) << 16)
    }

    /// The word as it is stored.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// A stored word.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The state.
    pub const fn state(self) -> SlotState {
        match self.0 & 0xff {
            1 => SlotState::Pending,
            2 => SlotState::Up,
            3 => SlotState::Deleting,
            _ => SlotState::Down,
        }
    }

    /// Whether the VPN contexts of this slot were made with PRESERVE.
    pub const fn preserve(self) -> bool {
        self.0 & Self::PRESERVE != 0
    }

    /// Raised whenever the slot's TCP flows become stale.
    pub const fn epoch(self) -> u16 {
        (self.0 >> 16) as u16
    }
}
