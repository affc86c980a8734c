//! Seals a burst: framing, then encryption and authentication of all packets in one go.

use arrayvec::ArrayVec;

use super::gcm::GcmFacts;
use super::outbound::{Growth, OutboundSa};
use super::suite::{ESP_HEADER_LEN, ESP_TRAILER_LEN, SALT_LEN};
use super::tunnel_header::{HeaderWords, IPV4_LEN};
use crate::crypto::{
    CryptoJob, Direction, EngineWorkers, Engines, IpsecMbJob, IvGenerator, PacketKey, PortableJob,
    VaesJob, VaesKey, WorkerError,
};
use crate::limits::BURST_MAX;

/// Next header of tunnel mode with IPv4 inside.
pub(super) const NEXT_HEADER_IPV4: u8 = 4;

/// What a worker needs to seal.
#[derive(Debug)]
pub struct SealScratch {
    workers: EngineWorkers,
    ivs: IvGenerator,
}

impl SealScratch {
    /// State for one worker; `iv_key` is random and given to no other.
    pub fn new(engines: &Engines, iv_key: &[u8; 16]) -> Result<Self, WorkerError> {
        Ok(Self {
            workers: engines.worker()?,
            ivs: IvGenerator::new(iv_key),
        })
    }
}

/// One packet to seal.
#[derive(Debug)]
pub struct SealJob<'a> {
    /// The SA.
    pub sa: &'a OutboundSa,
    /// What [`OutboundSa::reserve`] has returned.
    pub sequence: u64,
    /// [`OutboundSa::head_len`] bytes of room, the inner packet, [`OutboundSa::tail_len`] bytes of
    /// room.
    pub packet: &'a mut [u8],
    /// Bytes of the inner packet.
    pub inner_len: usize,
}

/// Which packets of a burst were sealed. One that was not must not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Sealed {
    /// A bit per packet.
    bits: u64,
    packets: usize,
}

const _: () = assert!(BURST_MAX <= u64::BITS as usize, "a packet has a bit");

impl Sealed {
    /// How many were.
    #[inline]
    pub fn count(self) -> usize {
        self.bits.count_ones() as usize
    }

    /// Whether all were.
    #[inline]
    pub fn all(self) -> bool {
        self.count() == self.packets
    }

    /// Whether each was, in the burst's order.
    pub fn each(self) -> impl Iterator<Item = bool> {
        (0..self.packets).map(move |at| at < BURST_MAX && self.bits >> at & 1 != 0)
    }

    #[inline]
    fn set(&mut self, at: usize) {
        self.bits |= 1 << (at % BURST_MAX);
    }
}

/// The jobs of a burst, by engine.
#[derive(Default)]
struct Lists<'a> {
    portable: ArrayVec<PortableJob<'a>, BURST_MAX>,
    ipsec_mb: ArrayVec<IpsecMbJob<'a>, BURST_MAX>,
    vaes: ArrayVec<VaesJob<'a>, BURST_MAX>,
}

/// Seals up to [`BURST_MAX`] packets of possibly many SAs; afterwards `packet` is the outer IPv4
/// packet. What goes beyond that is not sealed.
#[inline]
pub fn seal_burst<'a>(
    scratch: &mut SealScratch,
    jobs: impl IntoIterator<Item = SealJob<'a>>,
) -> Sealed {
    seal_runs(scratch, jobs.into_iter().map(|job| (job.sa, [job])))
}

/// The same for packets that follow each other through one SA: `jobs` of a run are of its SA.
#[inline]
pub(crate) fn seal_runs<'a, J>(
    scratch: &mut SealScratch,
    runs: impl IntoIterator<Item = (&'a OutboundSa, J)>,
) -> Sealed
where
    J: IntoIterator<Item = SealJob<'a>>,
{
    let mut lists = Lists::default();
    let mut sealed = Sealed {
        bits: 0,
        packets: 0,
    };
    for (sa, jobs) in runs {
        let framing = Framing::of(sa);
        for job in jobs {
            let index = sealed.packets;
            sealed.packets += 1;
            if index >= BURST_MAX {
                continue;
            }
            let sequence = job.sequence;
            let Some((esp, text_len)) = framing.frame(job) else {
                continue;
            };
            if let Some(key) = framing.vaes_alone {
                lists
                    .vaes
                    .extend(framing.gcm_job(key, esp, sequence, index));
            } else {
                let ivs = &mut scratch.ivs;
                choose(&framing, esp, (sequence, text_len), index, ivs, &mut lists);
            }
        }
    }
    scratch.workers.run(
        Direction::Seal,
        &mut lists.portable,
        &mut lists.ipsec_mb,
        &mut lists.vaes,
    );
    note(&lists.portable, &mut sealed);
    note(&lists.ipsec_mb, &mut sealed);
    note(&lists.vaes, &mut sealed);
    sealed
}

/// Gives a packet to the engine that takes its size.
#[inline(never)]
fn choose<'a>(
    framing: &Framing<'a>,
    esp: &'a mut [u8],
    (sequence, text_len): (u64, usize),
    index: usize,
    ivs: &mut IvGenerator,
    lists: &mut Lists<'a>,
) {
    match framing.sa.hot.keys.packet_key(text_len) {
        Some(PacketKey::Portable(key)) => {
            let job = framing.crypto_job(key, esp, sequence, ivs, index);
            lists.portable.extend(job);
        }
        Some(PacketKey::IpsecMb(key)) => {
            let job = framing.crypto_job(key, esp, sequence, ivs, index);
            lists.ipsec_mb.extend(job);
        }
        // Its suites are GCM's.
        Some(PacketKey::Vaes(key)) => {
            lists
                .vaes
                .extend(framing.gcm_job(key, esp, sequence, index));
        }
        None => {}
    }
}

/// What packets of one SA have in common.
#[derive(Clone, Copy)]
struct Framing<'a> {
    sa: &'a OutboundSa,
    header: HeaderWords,
    /// Bytes in front of the ESP header.
    outer_len: usize,
    growth: Growth,
    salt: [u8; SALT_LEN],
    spi: u32,
    esn: bool,
    vaes_alone: Option<&'a VaesKey>,
}

impl<'a> Framing<'a> {
    fn of(sa: &'a OutboundSa) -> Self {
        Self {
            sa,
            header: sa.hot.header.words(),
            outer_len: sa.hot.header.outer_len(),
            growth: sa.growth(),
            salt: sa.hot.salt,
            spi: sa.spi(),
            esn: sa.esn(),
            vaes_alone: sa.hot.keys.vaes_alone(),
        }
    }

    /// Writes everything in clear: outer header, SPI and sequence number, padding and trailer.
    /// Returns the packet from the ESP header on, and the length of the text; `None` if lengths or
    /// inner header do not fit.
    #[inline]
    fn frame<'p>(&self, job: SealJob<'p>) -> Option<(&'p mut [u8], usize)> {
        let (packet, inner_len) = (job.packet, job.inner_len);
        let total_len = u16::try_from(packet.len()).ok()?;
        let pad_len = self.growth.pad_len(inner_len);
        let (head, body) = packet.split_at_mut_checked(self.growth.head_len())?;
        let (inner, behind) = body.split_at_mut_checked(inner_len)?;
        if behind.len() != pad_len + ESP_TRAILER_LEN + self.growth.icv_len() {
            return None;
        }
        let inner = inner.first_chunk::<IPV4_LEN>()?;
        let (tos, fragment) = (inner[1], u16::from_be_bytes([inner[6], inner[7]]));
        close(behind, pad_len)?;
        let head = head.first_chunk_mut()?;
        self.header
            .write(head, total_len, job.sequence, (tos, fragment));
        let text_len = inner_len + pad_len + ESP_TRAILER_LEN;
        Some((packet.get_mut(self.outer_len..)?, text_len))
    }

    /// The job of a packet that is framed, with its IV in front of the text.
    fn crypto_job<'p, K>(
        &self,
        key: &'p K,
        esp: &'p mut [u8],
        sequence: u64,
        ivs: &mut IvGenerator,
        index: usize,
    ) -> Option<CryptoJob<'p, K>> {
        let suite = self.sa.hot.suite;
        if suite.is_gcm() {
            return self.gcm_job(key, esp, sequence, index);
        }
        let mut crypto = CryptoJob::new(suite, key, esp)?;
        crypto.index = index as u8;
        crypto.iv = ivs.next_iv();
        let (iv, iv_len, end) = (crypto.iv, suite.iv_len(), crypto.text_offset());
        let field = crypto.packet().get_mut(end - iv_len..end)?;
        field.copy_from_slice(iv.get(..iv_len)?);
        if self.esn {
            crypto.append_high(sequence);
        }
        Some(crypto)
    }

    #[inline]
    fn gcm_job<'p, K>(
        &self,
        key: &'p K,
        esp: &'p mut [u8],
        sequence: u64,
        index: usize,
    ) -> Option<CryptoJob<'p, K>> {
        let explicit = sequence.to_be_bytes();
        *esp.get_mut(ESP_HEADER_LEN..)?.first_chunk_mut()? = explicit;
        let facts = GcmFacts {
            salt: self.salt,
            explicit,
            spi: self.spi,
            sequence,
            esn: self.esn,
        };
        facts.job(key, esp, index)
    }
}

/// Padding and trailer behind a payload (RFC 4303 section 2.4): 1, 2, 3..., its length, what is
/// protected. `behind` goes on at least to the end of the ICV.
#[inline]
fn close(behind: &mut [u8], pad_len: usize) -> Option<()> {
    // The ICV, which is longer, is written later.
    if let Some(closing) = CLOSINGS.get(pad_len) {
        *behind.first_chunk_mut()? = *closing;
        return Some(());
    }
    let (pad, trailer) = behind.split_at_mut_checked(pad_len)?;
    for (byte, value) in pad.iter_mut().zip(1_u8..) {
        *byte = value;
    }
    *trailer.first_chunk_mut()? = [pad_len as u8, NEXT_HEADER_IPV4];
    Some(())
}

/// What short paddings and their trailers are, each as one word.
pub(super) const CLOSINGS: [[u8; 8]; 7] = {
    let mut words = [[0; 8]; 7];
    let mut len = 0;
    while len < words.len() {
        let mut at = 0;
        while at < len {
            words[len][at] = at as u8 + 1;
            at += 1;
        }
        words[len][len] = len as u8;
        words[len][len + 1] = NEXT_HEADER_IPV4;
        len += 1;
    }
    words
};

/// Notes what was sealed.
#[inline]
fn note<K>(jobs: &[CryptoJob<'_, K>], sealed: &mut Sealed) {
    for job in jobs.iter().filter(|job| job.done) {
        sealed.set(usize::from(job.index));
    }
}
