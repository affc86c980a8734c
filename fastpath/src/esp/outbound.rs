//! An outbound SA: what sealing a packet needs.

use super::lifetime::OutboundProgress;
use super::sa::{BuildError, Filter, SaParameters, Selectors, prepare};
use super::suite::{ESP_HEADER_LEN, ESP_TRAILER_LEN, SALT_LEN, Suite};
use super::tunnel_header::HeaderTemplate;
use crate::cpu;
use crate::crypto::{Direction, Engines, KeySet};
use crate::packet::FlowKey;
use crate::tunnel::SlotId;
use crate::verdict::DropReason;

/// What every packet reads and nobody writes.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct OutboundHot {
    pub(super) keys: KeySet,
    pub(super) header: HeaderTemplate,
    pub(super) salt: [u8; SALT_LEN],
    pub(super) suite: Suite,
}

const _: () = assert!(
    size_of::<OutboundHot>() == 64,
    "what is read per packet is one cache line"
);

/// How much longer packets become, worked out once for those of one SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    head_len: usize,
    /// The cipher's block less one; blocks are powers of two.
    block_mask: usize,
    icv_len: usize,
}

impl Growth {
    /// [`OutboundSa::head_len`].
    #[inline]
    pub fn head_len(&self) -> usize {
        self.head_len
    }

    /// [`OutboundSa::tail_len`].
    #[inline]
    pub fn tail_len(&self, inner_len: usize) -> usize {
        self.pad_len(inner_len) + ESP_TRAILER_LEN + self.icv_len
    }

    /// Bytes of padding for `inner_len` bytes of payload.
    #[inline]
    pub(super) fn pad_len(&self, inner_len: usize) -> usize {
        inner_len.wrapping_add(ESP_TRAILER_LEN).wrapping_neg() & self.block_mask
    }

    /// Bytes of the ICV.
    #[inline]
    pub(super) fn icv_len(&self) -> usize {
        self.icv_len
    }
}

/// Which worker seals with an SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealer {
    /// One, which alone advances the sequence number.
    Worker(u8),
    /// Whichever has the packet: the peer's replay window takes the reordering.
    Spread,
}

/// An outbound SA. Its [`Sealer`] reserves sequence numbers in it; anybody may read its counters.
/// Three lines, in this order: read only, written, read only.
#[derive(Debug)]
#[repr(C)]
pub struct OutboundSa {
    pub(super) hot: OutboundHot,
    progress: OutboundProgress,
    spi: u32,
    slot: SlotId,
    sealer: Sealer,
    filter: Filter,
    selectors: Selectors,
}

impl OutboundSa {
    /// An SA that has sent nothing yet. Its home is the first worker, see [`OutboundSa::at_home`].
    pub fn build(parameters: &SaParameters<'_>, engines: &Engines) -> Result<Self, BuildError> {
        let (keys, salt) = prepare(parameters, engines, Direction::Seal)?;
        let suite = parameters.suite;
        let sealer = if parameters.spread {
            Sealer::Spread
        } else {
            Sealer::Worker(0)
        };
        Ok(Self {
            hot: OutboundHot {
                keys,
                header: HeaderTemplate::new(parameters),
                salt,
                suite,
            },
            progress: OutboundProgress::new(suite, parameters.esn, parameters.lifetime_bytes),
            spi: parameters.spi,
            slot: parameters.slot,
            sealer,
            filter: Filter::new(&parameters.selectors),
            selectors: parameters.selectors,
        })
    }

    /// The same SA with its home at `worker`, where it has one.
    #[must_use]
    pub fn at_home(mut self, worker: u8) -> Self {
        if let Sealer::Worker(home) = &mut self.sealer {
            *home = worker;
        }
        self
    }

    /// Sends what is sealed from now on to another address and UDP port of the peer: its NAT has
    /// given it another mapping (RFC 3947 section 4). `false`, and nothing done, for an SA that is
    /// not in UDP. Keys and sequence numbers go on.
    pub fn move_to(&self, remote: u32, remote_port: u16) -> bool {
        let in_udp = self.hot.header.in_udp();
        if in_udp {
            self.hot.header.move_to(remote, remote_port);
        }
        in_udp
    }

    /// How its packets grow.
    #[inline]
    pub fn growth(&self) -> Growth {
        Growth {
            head_len: self.head_len(),
            block_mask: self.hot.suite.block_len() - 1,
            icv_len: self.hot.suite.icv_len(),
        }
    }

    /// Bytes in front of the inner packet: outer IPv4, UDP if any, ESP header, IV.
    #[inline]
    pub fn head_len(&self) -> usize {
        self.hot.header.outer_len() + self.hot.suite.esp_head_len()
    }

    /// Bytes behind an inner packet of `inner_len` bytes: padding, trailer, ICV.
    #[inline]
    pub fn tail_len(&self, inner_len: usize) -> usize {
        self.hot.suite.tail_len(inner_len)
    }

    /// The longest inner packet that fits into `path_mtu` bytes once it is sealed; 0 if none does.
    pub fn inner_mtu(&self, path_mtu: usize) -> usize {
        let block = self.hot.suite.block_len();
        let room = path_mtu.saturating_sub(self.head_len() + self.hot.suite.icv_len());
        (room - room % block).saturating_sub(ESP_TRAILER_LEN)
    }

    /// Whether packets that `worker` has are sealed by it.
    #[inline]
    pub fn is_sealed_by(&self, worker: u8) -> bool {
        matches!(self.sealer, Sealer::Worker(home) if home == worker)
            || self.sealer == Sealer::Spread
    }

    /// Asks for the lines that nobody writes: those that tell who seals.
    #[inline]
    pub fn prefetch(&self) {
        cpu::prefetch(&self.hot);
        cpu::prefetch(&self.spi);
    }

    /// Asks for the other lines that sealing a packet with `inner_len` bytes takes.
    #[inline]
    pub fn prefetch_to_seal(&self, inner_len: usize) {
        cpu::prefetch(&self.progress);
        self.hot.keys.prefetch(inner_len);
    }

    /// Takes the next sequence number for an inner packet of `bytes` bytes: a run of one packet.
    #[inline]
    pub fn reserve(&self, bytes: usize) -> Result<u64, DropReason> {
        self.reserve_run(1, bytes)
    }

    /// Takes `packets` numbers that follow each other, for inner packets of together `bytes` bytes;
    /// the first of them. All or none: a run that does not fit says nothing of a shorter one.
    ///
    /// Call it after the last step that may drop the packets: a number is never given back.
    /// Fails with [`DropReason::EspLifetime`] or [`DropReason::SequenceExhausted`].
    #[inline]
    pub fn reserve_run(&self, packets: usize, bytes: usize) -> Result<u64, DropReason> {
        let (packets, bytes) = (packets as u64, bytes as u64);
        match self.sealer {
            Sealer::Worker(_) => self.progress.reserve(packets, bytes),
            Sealer::Spread => self.progress.reserve_shared(packets, bytes),
        }
    }

    /// Whether the soft limit was reached and this has not been told yet. For the sealer.
    #[inline]
    pub fn take_soft(&self) -> bool {
        self.progress.budget.take_soft()
    }

    /// Cipher and integrity algorithm.
    pub fn suite(&self) -> Suite {
        self.hot.suite
    }

    /// Whether sequence numbers have 64 bits.
    pub fn esn(&self) -> bool {
        self.progress.esn()
    }

    /// The peer's SPI.
    pub fn spi(&self) -> u32 {
        self.spi
    }

    /// The slot that the SA serves.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// Who seals with it.
    #[inline]
    pub fn sealer(&self) -> Sealer {
        self.sealer
    }

    /// Which packets it is for.
    pub fn selectors(&self) -> &Selectors {
        &self.selectors
    }

    /// Whether a packet to the peer may go by this SA.
    #[inline]
    pub fn selects(&self, key: &FlowKey) -> bool {
        self.filter.selects_outbound(&self.selectors, key)
    }

    /// Packets for which a number was reserved; also the last number.
    pub fn packets(&self) -> u64 {
        self.progress.sequence()
    }

    /// Counts packets whose TCP flows wait for an answer. For the sealer.
    #[inline]
    pub(crate) fn note_expecting(&self, packets: usize) {
        match self.sealer {
            Sealer::Worker(_) => self.progress.note_expecting(packets as u64),
            Sealer::Spread => self.progress.add_expecting(packets as u64),
        }
    }

    /// Packets sealed of TCP flows of which data, a SYN or a FIN was not acknowledged: the peer's
    /// hosts owe an answer to each of them.
    pub fn expecting(&self) -> u64 {
        self.progress.expecting()
    }

    /// Bytes of inner packets for which numbers were reserved.
    pub fn bytes(&self) -> u64 {
        self.progress.budget.used()
    }

    /// Bytes from the ESP header to the end of a sealed packet.
    pub fn esp_len(&self, inner_len: usize) -> usize {
        self.head_len() - self.hot.header.outer_len() + inner_len + self.tail_len(inner_len)
    }
}

#[cfg(not(loom))]
const _: () = assert!(
    size_of::<OutboundSa>() == 192,
    "what tells who seals is one cache line"
);
const _: () = assert!(
    20 + 8 + ESP_HEADER_LEN + 16 == crate::limits::SEAL_HEADROOM_BYTES,
    "the head room holds every head"
);
