//! An inbound SA: what opening a packet needs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::lifetime::ByteBudget;
use super::replay::ReplayWindow;
use super::sa::{BuildError, Filter, SaParameters, Selectors, prepare};
use super::suite::{SALT_LEN, Suite};
use crate::crypto::{Direction, Engines, KeySet};
use crate::packet::FlowKey;
use crate::tunnel::{HasSpi, SlotId};
use crate::verdict::DropReason;

/// What every packet reads and nobody writes, and the window's top.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct InboundHot {
    pub(super) keys: KeySet,
    pub(super) window: ReplayWindow,
    pub(super) salt: [u8; SALT_LEN],
    pub(super) suite: Suite,
    pub(super) esn: bool,
}

const _: () = assert!(
    size_of::<InboundHot>() == 64,
    "keys and window take one cache line"
);

/// What the home worker counts.
#[derive(Debug)]
#[repr(align(64))]
struct InboundProgress {
    budget: ByteBudget,
    packets: AtomicU64,
    drops: [AtomicU64; 2],
}

const _: () = assert!(
    size_of::<InboundProgress>() == 64,
    "what is written per packet is one cache line"
);

/// An inbound SA. One worker opens with it; anybody may read its counters.
#[derive(Debug)]
pub struct InboundSa {
    pub(super) hot: InboundHot,
    progress: InboundProgress,
    spi: u32,
    local: u32,
    remote: u32,
    encapsulation: Option<(u16, u16)>,
    /// Address and UDP port from which the peer's newest packet came.
    origin: AtomicU64,
    slot: SlotId,
    filter: Filter,
    selectors: Selectors,
}

const REPLAYED: usize = 0;
const NOT_AUTHENTIC: usize = 1;

impl HasSpi for InboundSa {
    fn spi(&self) -> u32 {
        Self::spi(self)
    }
}

impl InboundSa {
    /// An SA that has received nothing yet.
    pub fn build(parameters: &SaParameters<'_>, engines: &Engines) -> Result<Self, BuildError> {
        let (keys, salt) = prepare(parameters, engines, Direction::Open)?;
        Ok(Self {
            hot: InboundHot {
                keys,
                window: ReplayWindow::new(parameters.replay_window, parameters.esn),
                salt,
                suite: parameters.suite,
                esn: parameters.esn,
            },
            progress: InboundProgress {
                budget: ByteBudget::new(parameters.suite, parameters.lifetime_bytes),
                packets: AtomicU64::new(0),
                drops: [AtomicU64::new(0), AtomicU64::new(0)],
            },
            spi: parameters.spi,
            local: parameters.local,
            remote: parameters.remote,
            encapsulation: parameters.encapsulation,
            origin: AtomicU64::new(
                parameters
                    .encapsulation
                    .map_or(0, |(_, port)| origin(parameters.remote, port)),
            ),
            slot: parameters.slot,
            filter: Filter::new(&parameters.selectors),
            selectors: parameters.selectors,
        })
    }

    /// Asks for the key's lines, for a packet with `esp_len` bytes of ESP.
    #[inline]
    pub fn prefetch_keys(&self, esp_len: usize) {
        self.hot.keys.prefetch(esp_len);
    }

    /// Whether its packets come in UDP.
    #[inline]
    pub fn is_encapsulated(&self) -> bool {
        self.encapsulation().is_some()
    }

    /// Whether an authenticated packet with this sequence number tells that the peer's mapping has
    /// changed: it is the newest, in UDP, and from elsewhere than the one before. For the home
    /// worker, which then reports it and calls [`InboundSa::has_moved`].
    #[inline]
    pub fn is_moved(&self, sequence: u64, remote: u32, remote_port: u16) -> bool {
        self.is_encapsulated()
            && self.origin.load(Relaxed) != origin(remote, remote_port)
            && sequence == self.hot.window.top()
    }

    /// The change has been reported.
    pub fn has_moved(&self, remote: u32, remote_port: u16) {
        self.origin.store(origin(remote, remote_port), Relaxed);
    }

    /// Whether packets between these addresses lie within its selectors, whatever their ports.
    #[inline]
    pub fn selects_addresses(&self, key: &FlowKey) -> bool {
        self.filter.holds(key.dst, key.src)
    }

    /// Whether an inner packet may come by this SA (RFC 4301 section 5.2 step 4).
    #[inline]
    pub fn selects(&self, key: &FlowKey) -> bool {
        self.filter
            .selects_outbound(&self.selectors, &key.reversed())
    }

    /// Whether the SA still may carry packets.
    #[inline]
    pub(super) fn check_lifetime(&self) -> Result<(), DropReason> {
        self.progress.budget.admit(0).map(|_| ())
    }

    /// Counts an inner packet that was accepted; fails if it is more than the lifetime allows.
    #[inline]
    pub(super) fn account(&self, bytes: usize) -> Result<(), DropReason> {
        let used = self.progress.budget.admit(bytes as u64)?;
        self.progress.budget.spend(used);
        increment(&self.progress.packets);
        Ok(())
    }

    /// Counts a drop that `show crypto ipsec sa` tells apart.
    #[inline]
    pub(super) fn count_drop(&self, reason: DropReason) {
        let [replayed, not_authentic] = &self.progress.drops;
        match reason {
            DropReason::EspReplay => increment(replayed),
            DropReason::EspAuthentication => increment(not_authentic),
            _ => {}
        }
    }

    /// Whether the soft limit was reached and this has not been told yet. For the home worker.
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
        self.hot.esn
    }

    /// Packets that the replay window covers.
    pub fn replay_window(&self) -> u32 {
        self.hot.window.size()
    }

    /// Highest sequence number that was accepted.
    pub fn sequence(&self) -> u64 {
        self.hot.window.top()
    }

    /// The newest 64 numbers of the anti-replay window, the highest in the lowest bit.
    pub fn replay_bitmap(&self) -> u64 {
        self.hot.window.bitmap()
    }

    /// Our SPI.
    pub fn spi(&self) -> u32 {
        self.spi
    }

    /// Our outer address, host byte order.
    pub fn local(&self) -> u32 {
        self.local
    }

    /// The peer's outer address, host byte order.
    pub fn remote(&self) -> u32 {
        self.remote
    }

    /// Our and the peer's UDP port, if ESP comes in UDP.
    pub fn encapsulation(&self) -> Option<(u16, u16)> {
        self.encapsulation
    }

    /// The slot that the SA serves.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// Which packets it is for.
    pub fn selectors(&self) -> &Selectors {
        &self.selectors
    }

    /// Packets that were accepted.
    pub fn packets(&self) -> u64 {
        self.progress.packets.load(Relaxed)
    }

    /// Bytes of inner packets that were accepted.
    pub fn bytes(&self) -> u64 {
        self.progress.budget.used()
    }

    /// Packets that the replay check has refused.
    pub fn replayed(&self) -> u64 {
        self.progress.drops[REPLAYED].load(Relaxed)
    }

    /// Packets that were not authentic.
    pub fn not_authentic(&self) -> u64 {
        self.progress.drops[NOT_AUTHENTIC].load(Relaxed)
    }
}

const fn origin(remote: u32, remote_port: u16) -> u64 {
    (remote as u64) << 16 | remote_port as u64
}

/// One writer: no read-modify-write is needed.
#[inline]
fn increment(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
}
