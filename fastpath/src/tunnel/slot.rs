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
    const ABSENT: u64 = 1 << 9;
    const PLANNED: u64 = 1 << 10;
    const SILENT: u64 = 1 << 11;
    const EPOCH_SHIFT: u32 = 16;

    /// The word of a slot that nobody has.
    pub const NONE: Self = Self(Self::ABSENT);

    /// A word from its parts.
    pub const fn new(state: SlotState, preserve: bool, epoch: u16) -> Self {
        let stamp = if preserve { Self::PRESERVE } else { 0 };
        Self(state as u64 | stamp | (epoch as u64) << Self::EPOCH_SHIFT)
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
        (self.0 >> Self::EPOCH_SHIFT) as u16
    }

    /// Whether nobody has the slot: it was removed from the configuration, or never given out.
    /// Every flow that names it is stale, whatever its protocol and epoch.
    pub const fn absent(self) -> bool {
        self.0 & Self::ABSENT != 0
    }

    /// Whether somebody has the slot, it is up, and its peer is heard.
    #[inline]
    pub const fn is_open(self) -> bool {
        self.0 & (0xff | Self::ABSENT | Self::SILENT) == SlotState::Up as u64
    }

    /// The same word with the mark of [`SlotWord::absent`].
    pub const fn into_absent(self) -> Self {
        Self(self.0 | Self::ABSENT)
    }

    /// Whether the slot went down on purpose and is coming back: packets of preserved flows are
    /// held in order meanwhile. Up ends it.
    pub const fn planned(self) -> bool {
        self.0 & Self::PLANNED != 0
    }

    /// The same word with or without the mark of [`SlotWord::planned`].
    pub const fn with_planned(self, planned: bool) -> Self {
        let mark = if planned { Self::PLANNED } else { 0 };
        Self(self.0 & !Self::PLANNED | mark)
    }

    /// Whether the slot is up and its peer owes answers: packets of preserved flows leave as ever,
    /// and copies of them are held.
    pub const fn silent(self) -> bool {
        self.0 & Self::SILENT != 0 && matches!(self.state(), SlotState::Up)
    }

    /// The same word with or without the mark of [`SlotWord::silent`].
    pub const fn with_silent(self, silent: bool) -> Self {
        let mark = if silent { Self::SILENT } else { 0 };
        Self(self.0 & !Self::SILENT | mark)
    }

    /// The same word in another state.
    pub const fn with_state(self, state: SlotState) -> Self {
        Self(self.0 & !0xff | state as u64)
    }

    /// The same word with the next epoch.
    pub const fn with_next_epoch(self) -> Self {
        let epoch = self.epoch().wrapping_add(1) as u64;
        Self(self.0 & !(0xffff << Self::EPOCH_SHIFT) | epoch << Self::EPOCH_SHIFT)
    }
}
