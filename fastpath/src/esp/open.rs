//! Opens a burst: replay check, verification and decryption in one go, then advance and unframe.

use arrayvec::ArrayVec;

use super::ecn;
use super::gcm::GcmFacts;
use super::inbound::InboundSa;
use super::seal::{CLOSINGS, NEXT_HEADER_IPV4};
use super::suite::{ESP_HEADER_LEN, ESP_TRAILER_LEN, SALT_LEN};
use super::tunnel_header::IPV4_LEN;
use crate::crypto::{
    CryptoJob, Direction, EngineWorkers, Engines, IpsecMbJob, PacketKey, PortableJob, VaesJob,
    VaesKey, WorkerError,
};
use crate::limits::BURST_MAX;
use crate::verdict::DropReason;

/// Next header of a packet that is made to be discarded (RFC 4303 section 2.6).
const NEXT_HEADER_NONE: u8 = 59;

/// What a worker needs to open.
#[derive(Debug)]
pub struct OpenScratch {
    workers: EngineWorkers,
}

impl OpenScratch {
    /// State for one worker.
    pub fn new(engines: &Engines) -> Result<Self, WorkerError> {
        Ok(Self {
            workers: engines.worker()?,
        })
    }
}

/// An inner packet that may go on, once its addresses have passed [`InboundSa::selects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The whole sequence number.
    pub sequence: u64,
    /// Where the inner IPv4 packet begins in [`OpenJob::esp`].
    pub offset: u16,
    /// Its length by its own header.
    pub len: u16,
}

impl Opened {
    /// Where the inner packet lies in [`OpenJob::esp`].
    #[inline]
    pub fn range(&self) -> core::ops::Range<usize> {
        let offset = usize::from(self.offset);
        offset..offset + usize::from(self.len)
    }
}

/// What became of a packet.
pub type Outcome = Result<Opened, DropReason>;

/// One packet to open.
#[derive(Debug)]
pub struct OpenJob<'a> {
    /// The SA of its SPI.
    pub sa: &'a InboundSa,
    /// From the ESP header to the end of the ESP packet. Lost if the packet is not opened.
    pub esp: &'a mut [u8],
    /// TOS byte of the outer header.
    pub outer_tos: u8,
}

impl<'a> OpenJob<'a> {
    /// A packet for `sa`.
    pub fn new(sa: &'a InboundSa, esp: &'a mut [u8], outer_tos: u8) -> Self {
        Self { sa, esp, outer_tos }
    }
}

/// A packet between its check and its acceptance.
struct Claim<'a> {
    sa: &'a InboundSa,
    sequence: u64,
    /// Given away to an engine, and back by it.
    esp: &'a mut [u8],
    head_len: u8,
    icv_len: u8,
    outer_tos: u8,
    /// Not known yet: [`DropReason::EspAuthentication`].
    verdict: Result<(), DropReason>,
}

/// The jobs of a burst, by engine.
#[derive(Default)]
struct Lists<'a> {
    portable: ArrayVec<PortableJob<'a>, BURST_MAX>,
    ipsec_mb: ArrayVec<IpsecMbJob<'a>, BURST_MAX>,
    vaes: ArrayVec<VaesJob<'a>, BURST_MAX>,
}

/// Opens up to [`BURST_MAX`] packets of possibly many SAs and advances their windows, in the order
/// of the jobs; an outcome per packet. What goes beyond that is not opened.
#[inline]
pub fn open_burst<'a>(
    scratch: &mut OpenScratch,
    jobs: impl IntoIterator<Item = OpenJob<'a>>,
) -> ArrayVec<Outcome, BURST_MAX> {
    let mut claims: ArrayVec<Claim<'_>, BURST_MAX> = ArrayVec::new();
    let mut lists = Lists::default();
    let mut last: Option<Unframing<'_>> = None;
    for OpenJob { sa, esp, outer_tos } in jobs.into_iter().take(BURST_MAX) {
        let unframing = match &last {
            Some(unframing) if core::ptr::eq(unframing.sa, sa) => unframing,
            _ => last.insert(Unframing::of(sa)),
        };
        let checked = unframing.check(esp);
        if let Ok((sequence, text_len)) = checked {
            let index = claims.len();
            if let Some(key) = unframing.vaes_alone {
                lists
                    .vaes
                    .extend(unframing.gcm_job(key, esp, sequence, index));
            } else {
                choose(unframing, esp, (sequence, text_len), index, &mut lists);
            }
        }
        claims.push(Claim {
            sa,
            sequence: checked.map_or(0, |(sequence, _)| sequence),
            esp: &mut [],
            head_len: unframing.head_len as u8,
            icv_len: unframing.icv_len as u8,
            outer_tos,
            verdict: Err(checked.err().unwrap_or(DropReason::EspAuthentication)),
        });
    }
    scratch.workers.run(
        Direction::Open,
        &mut lists.portable,
        &mut lists.ipsec_mb,
        &mut lists.vaes,
    );
    note(&mut lists.portable, &mut claims);
    note(&mut lists.ipsec_mb, &mut claims);
    note(&mut lists.vaes, &mut claims);
    conclude(&mut claims)
}

/// Gives a packet to the engine that takes its size.
#[inline(never)]
fn choose<'a>(
    unframing: &Unframing<'a>,
    esp: &'a mut [u8],
    (sequence, text_len): (u64, usize),
    index: usize,
    lists: &mut Lists<'a>,
) {
    match unframing.sa.hot.keys.packet_key(text_len) {
        Some(PacketKey::Portable(key)) => {
            let job = unframing.crypto_job(key, esp, sequence, index);
            lists.portable.extend(job);
        }
        Some(PacketKey::IpsecMb(key)) => {
            let job = unframing.crypto_job(key, esp, sequence, index);
            lists.ipsec_mb.extend(job);
        }
        // Its suites are GCM's.
        Some(PacketKey::Vaes(key)) => {
            lists
                .vaes
                .extend(unframing.gcm_job(key, esp, sequence, index));
        }
        None => {}
    }
}

/// Notes what was authentic.
#[inline]
fn note<'a, K>(jobs: &mut ArrayVec<CryptoJob<'a, K>, BURST_MAX>, claims: &mut [Claim<'a>]) {
    for job in jobs.drain(..) {
        if let Some(claim) = claims.get_mut(usize::from(job.index)).filter(|_| job.done) {
            claim.verdict = Ok(());
            claim.esp = job.into_packet();
        }
    }
}

#[inline(never)]
fn conclude(claims: &mut [Claim<'_>]) -> ArrayVec<Outcome, BURST_MAX> {
    let mut outcomes = ArrayVec::new();
    for claim in claims {
        let outcome = claim.verdict.and_then(|()| accept(claim));
        if let Err(reason) = outcome {
            claim.sa.count_drop(reason);
        }
        outcomes.push(outcome);
    }
    outcomes
}

/// What packets of one SA have in common.
struct Unframing<'a> {
    sa: &'a InboundSa,
    /// Bytes in front of the text.
    head_len: usize,
    icv_len: usize,
    /// The cipher's block less one.
    block_mask: usize,
    salt: [u8; SALT_LEN],
    esn: bool,
    vaes_alone: Option<&'a VaesKey>,
}

impl<'a> Unframing<'a> {
    fn of(sa: &'a InboundSa) -> Self {
        let suite = sa.hot.suite;
        Self {
            sa,
            head_len: suite.esp_head_len(),
            icv_len: suite.icv_len(),
            block_mask: suite.block_len() - 1,
            salt: sa.hot.salt,
            esn: sa.hot.esn,
            vaes_alone: sa.hot.keys.vaes_alone(),
        }
    }

    /// Lengths, lifetime and replay: everything that costs less than cryptography. The whole
    /// sequence number, and the length of the text: whole blocks, at least one.
    #[inline]
    fn check(&self, esp: &[u8]) -> Result<(u64, usize), DropReason> {
        let text_len = esp.len().wrapping_sub(self.head_len + self.icv_len);
        let fits = (1..esp.len()).contains(&text_len)
            && text_len & self.block_mask == 0
            && u16::try_from(esp.len()).is_ok();
        let header = esp.first_chunk::<ESP_HEADER_LEN>().filter(|_| fits);
        let &[.., s0, s1, s2, s3] = header.ok_or(DropReason::EspTruncated)?;
        self.sa.check_lifetime()?;
        let low = u32::from_be_bytes([s0, s1, s2, s3]);
        Ok((self.sa.hot.window.check(low)?, text_len))
    }

    fn crypto_job<'p, K>(
        &self,
        key: &'p K,
        esp: &'p mut [u8],
        sequence: u64,
        index: usize,
    ) -> Option<CryptoJob<'p, K>> {
        let suite = self.sa.hot.suite;
        if suite.is_gcm() {
            return self.gcm_job(key, esp, sequence, index);
        }
        let mut crypto = CryptoJob::new(suite, key, esp)?;
        crypto.index = index as u8;
        let (iv_len, end) = (suite.iv_len(), crypto.text_offset());
        let mut iv = [0; 16];
        let found = crypto.packet().get(end - iv_len..end)?;
        iv.get_mut(..iv_len)?.copy_from_slice(found);
        crypto.iv = iv;
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
        let (header, rest) = esp.split_first_chunk::<ESP_HEADER_LEN>()?;
        let &[s0, s1, s2, s3, ..] = header;
        let facts = GcmFacts {
            salt: self.salt,
            explicit: *rest.first_chunk()?,
            spi: u32::from_be_bytes([s0, s1, s2, s3]),
            sequence,
            esn: self.esn,
        };
        facts.job(key, esp, index)
    }
}

/// Everything behind the ICV.
#[inline]
fn accept(claim: &mut Claim<'_>) -> Outcome {
    let (sa, sequence) = (claim.sa, claim.sequence);
    sa.hot.window.advance(sequence)?;
    let offset = usize::from(claim.head_len);
    let text_end = claim.esp.len().wrapping_sub(usize::from(claim.icv_len));
    let text = claim.esp.get_mut(offset..text_end);
    let text = text.ok_or(DropReason::EspTruncated)?;
    let payload_len = payload_len(text)?;
    let payload = text.get_mut(..payload_len).ok_or(DropReason::EspPadding)?;
    let len = inner_len(payload)?;
    let header = payload
        .first_chunk_mut::<IPV4_LEN>()
        .ok_or(DropReason::BadIpHeader)?;
    ecn::decapsulate(header, claim.outer_tos)?;
    sa.account(len)?;
    Ok(Opened {
        sequence,
        offset: offset as u16,
        len: len as u16,
    })
}

/// Checks trailer and padding (RFC 4303 sections 2.4 to 2.6); what is left is the payload, with
/// traffic flow confidentiality padding if there is any (section 2.7).
#[inline]
fn payload_len(text: &[u8]) -> Result<usize, DropReason> {
    // Nearly all are IPv4 behind a short padding: that is one word.
    if let Some(end) = text.last_chunk::<8>() {
        let pad_len = usize::from(end[6]);
        if let Some((closing, mask)) = ENDS.get(pad_len)
            && (u64::from_le_bytes(*end) ^ closing) & mask == 0
        {
            return Ok(text.len() - ESP_TRAILER_LEN - pad_len);
        }
    }
    any_payload_len(text)
}

/// What texts of IPv4 packets with short paddings end with, by the padding's length: a word and
/// which of its bits count.
const ENDS: [(u64, u64); CLOSINGS.len()] = {
    let mut ends = [(0, 0); CLOSINGS.len()];
    let mut len = 0;
    while len < ends.len() {
        let beyond = 8 * (8 - ESP_TRAILER_LEN - len) as u32;
        ends[len] = (
            u64::from_le_bytes(CLOSINGS[len]) << beyond,
            u64::MAX << beyond,
        );
        len += 1;
    }
    ends
};

#[cold]
#[inline(never)]
fn any_payload_len(text: &[u8]) -> Result<usize, DropReason> {
    let (body, trailer) = text
        .split_last_chunk::<ESP_TRAILER_LEN>()
        .ok_or(DropReason::EspPadding)?;
    let [pad_len, next_header] = *trailer;
    let payload_len = body
        .len()
        .checked_sub(usize::from(pad_len))
        .ok_or(DropReason::EspPadding)?;
    let padding = body.iter().skip(payload_len).zip(1u8..);
    let wrong = padding.fold(0, |wrong, (byte, value)| wrong | (byte ^ value));
    match next_header {
        _ if wrong != 0 => Err(DropReason::EspPadding),
        NEXT_HEADER_IPV4 => Ok(payload_len),
        NEXT_HEADER_NONE => Err(DropReason::EspDummy),
        _ => Err(DropReason::EspPadding),
    }
}

/// The inner packet's length by its own header.
#[inline]
fn inner_len(payload: &[u8]) -> Result<usize, DropReason> {
    let header = payload
        .first_chunk::<IPV4_LEN>()
        .ok_or(DropReason::BadIpHeader)?;
    let header_len = usize::from(header[0] & 0xf) * 4;
    let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let fits =
        header[0] >> 4 == 4 && header_len >= IPV4_LEN && header_len <= len && len <= payload.len();
    if fits {
        Ok(len)
    } else {
        Err(DropReason::BadIpHeader)
    }
}
