//! Opens a burst: replay check, verification and decryption in one go, then advance and unframe.

use arrayvec::ArrayVec;

use super::ecn;
use super::gcm::GcmFacts;
use super::inbound::InboundSa;
use super::seal::NEXT_HEADER_IPV4;
use super::suite::{ESP_HEADER_LEN, ESP_TRAILER_LEN, Suite};
use super::tunnel_header::IPV4_LEN;
use crate::crypto::{
    CryptoJob, Direction, EngineWorkers, Engines, IpsecMbJob, PacketKey, PortableJob, VaesJob,
    WorkerError,
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
    outer_tos: u8,
    /// Given away to an engine, and back by it.
    esp: &'a mut [u8],
    /// Not known yet: [`DropReason::EspAuthentication`].
    verdict: Result<(), DropReason>,
}

/// Opens up to [`BURST_MAX`] packets of possibly many SAs and advances their windows, in the order
/// of the jobs; an outcome per packet. What goes beyond that is not opened.
#[inline]
pub fn open_burst<'a>(
    scratch: &mut OpenScratch,
    jobs: impl IntoIterator<Item = OpenJob<'a>>,
) -> ArrayVec<Outcome, BURST_MAX> {
    let mut claims: ArrayVec<Claim<'_>, BURST_MAX> = ArrayVec::new();
    let mut portable: ArrayVec<PortableJob<'_>, BURST_MAX> = ArrayVec::new();
    let mut ipsec_mb: ArrayVec<IpsecMbJob<'_>, BURST_MAX> = ArrayVec::new();
    let mut vaes: ArrayVec<VaesJob<'_>, BURST_MAX> = ArrayVec::new();
    for (index, OpenJob { sa, esp, outer_tos }) in jobs.into_iter().take(BURST_MAX).enumerate() {
        let (sequence, verdict) = match check(sa, esp) {
            Err(reason) => (0, Err(reason)),
            Ok((sequence, text_len)) => {
                match sa.hot.keys.packet_key(text_len) {
                    Some(PacketKey::Portable(key)) => {
                        portable.extend(crypto_job(sa, key, esp, sequence, index));
                    }
                    Some(PacketKey::IpsecMb(key)) => {
                        ipsec_mb.extend(crypto_job(sa, key, esp, sequence, index));
                    }
                    // Its suites are GCM's.
                    Some(PacketKey::Vaes(key)) => {
                        if let Some(job) = gcm_job(sa, key, esp, sequence, index) {
                            vaes.push(job);
                        }
                    }
                    None => {}
                }
                (sequence, Err(DropReason::EspAuthentication))
            }
        };
        claims.push(Claim {
            sa,
            sequence,
            outer_tos,
            esp: &mut [],
            verdict,
        });
    }
    scratch
        .workers
        .run(Direction::Open, &mut portable, &mut ipsec_mb, &mut vaes);
    note(&mut portable, &mut claims);
    note(&mut ipsec_mb, &mut claims);
    note(&mut vaes, &mut claims);
    claims.drain(..).map(conclude).collect()
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

#[inline]
fn conclude(claim: Claim<'_>) -> Outcome {
    let sa = claim.sa;
    let outcome = claim.verdict.and_then(|()| accept(claim));
    if let Err(reason) = outcome {
        sa.count_drop(reason);
    }
    outcome
}

/// Lengths, lifetime and replay: everything that costs less than cryptography. The whole sequence
/// number, and the length of the text.
#[inline]
fn check(sa: &InboundSa, esp: &[u8]) -> Result<(u64, usize), DropReason> {
    let text_len = text_len(sa.hot.suite, esp.len()).ok_or(DropReason::EspTruncated)?;
    let low = esp.get(4..8).and_then(|field| field.first_chunk());
    let low = u32::from_be_bytes(*low.ok_or(DropReason::EspTruncated)?);
    sa.check_lifetime()?;
    Ok((sa.hot.window.check(low)?, text_len))
}

/// Bytes of text in an ESP packet of `esp_len` bytes: whole blocks, at least one.
#[inline]
fn text_len(suite: Suite, esp_len: usize) -> Option<usize> {
    let text_len = esp_len.checked_sub(suite.esp_head_len() + suite.icv_len())?;
    let fits = text_len > 0
        && text_len.is_multiple_of(suite.block_len())
        && u16::try_from(esp_len).is_ok();
    fits.then_some(text_len)
}

#[inline]
fn crypto_job<'a, K>(
    sa: &InboundSa,
    key: &'a K,
    esp: &'a mut [u8],
    sequence: u64,
    index: usize,
) -> Option<CryptoJob<'a, K>> {
    let suite = sa.hot.suite;
    if suite.is_gcm() {
        return gcm_job(sa, key, esp, sequence, index);
    }
    let mut crypto = CryptoJob::new(suite, key, esp)?;
    crypto.index = index as u8;
    let (iv_len, end) = (suite.iv_len(), crypto.text_offset());
    let mut iv = [0; 16];
    let found = crypto.packet().get(end - iv_len..end)?;
    iv.get_mut(..iv_len)?.copy_from_slice(found);
    crypto.iv = iv;
    if sa.hot.esn {
        crypto.append_high(sequence);
    }
    Some(crypto)
}

#[inline]
fn gcm_job<'a, K>(
    sa: &InboundSa,
    key: &'a K,
    esp: &'a mut [u8],
    sequence: u64,
    index: usize,
) -> Option<CryptoJob<'a, K>> {
    let (header, rest) = esp.split_first_chunk::<ESP_HEADER_LEN>()?;
    let &[s0, s1, s2, s3, ..] = header;
    let facts = GcmFacts {
        salt: sa.hot.salt,
        explicit: *rest.first_chunk()?,
        spi: u32::from_be_bytes([s0, s1, s2, s3]),
        sequence,
        esn: sa.hot.esn,
    };
    facts.job(key, esp, index)
}

/// Everything behind the ICV.
#[inline]
fn accept(claim: Claim<'_>) -> Outcome {
    let (sa, sequence) = (claim.sa, claim.sequence);
    sa.hot.window.advance(sequence)?;
    let suite = sa.hot.suite;
    let offset = suite.esp_head_len();
    let text_end = claim.esp.len().wrapping_sub(suite.icv_len());
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
