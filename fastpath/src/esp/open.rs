//! Opens a burst: replay check, verification and decryption in one go, then advance and unframe.

use arrayvec::ArrayVec;

use super::ecn;
use super::gcm::{GcmFacts, expect_icv};
use super::inbound::InboundSa;
use super::seal::{NEXT_HEADER_IPV4, append_high};
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
    /// Where the inner IPv4 packet begins in [`OpenJob::esp`].
    pub offset: usize,
    /// Its length by its own header.
    pub len: usize,
    /// The whole sequence number.
    pub sequence: u64,
}

/// One packet to open.
#[derive(Debug)]
pub struct OpenJob<'a> {
    /// The SA of its SPI.
    pub sa: &'a InboundSa,
    /// From the ESP header to the end of the ESP packet. Lost if the packet is not opened.
    pub esp: &'a mut [u8],
    /// TOS byte of the outer header.
    pub outer_tos: u8,
    /// Set by [`open_burst`].
    pub outcome: Result<Opened, DropReason>,
}

impl<'a> OpenJob<'a> {
    /// A packet that has not been opened yet.
    pub fn new(sa: &'a InboundSa, esp: &'a mut [u8], outer_tos: u8) -> Self {
        Self {
            sa,
            esp,
            outer_tos,
            outcome: Err(DropReason::EspTruncated),
        }
    }
}

/// Opens packets of possibly many SAs and advances their windows, in the order of the jobs.
pub fn open_burst(scratch: &mut OpenScratch, jobs: &mut [OpenJob<'_>]) {
    for burst in jobs.chunks_mut(BURST_MAX) {
        open_chunk(scratch, burst);
    }
}

/// What is known of a packet before its ICV.
#[derive(Clone, Copy, Default)]
struct Claim {
    sequence: u64,
    text_len: usize,
    authentic: bool,
}

fn open_chunk(scratch: &mut OpenScratch, burst: &mut [OpenJob<'_>]) {
    let mut claims = [Claim::default(); BURST_MAX];
    let mut portable: ArrayVec<PortableJob<'_>, BURST_MAX> = ArrayVec::new();
    let mut ipsec_mb: ArrayVec<IpsecMbJob<'_>, BURST_MAX> = ArrayVec::new();
    let mut vaes: ArrayVec<VaesJob<'_>, BURST_MAX> = ArrayVec::new();
    for ((index, job), claim) in burst.iter_mut().enumerate().zip(&mut claims) {
        let sa = job.sa;
        match check(sa, job.esp) {
            Err(reason) => job.outcome = Err(reason),
            Ok(found) => {
                *claim = found;
                job.outcome = Err(DropReason::EspAuthentication);
                match sa.hot.keys.packet_key(found.text_len) {
                    Some(PacketKey::Portable(key)) => {
                        portable.push(crypto_job(sa, key, job.esp, found, index));
                    }
                    Some(PacketKey::IpsecMb(key)) => {
                        ipsec_mb.push(crypto_job(sa, key, job.esp, found, index));
                    }
                    // Its suites are GCM's.
                    Some(PacketKey::Vaes(key)) => {
                        vaes.push(gcm_job(sa, key, job.esp, found, index));
                        vaes.last_mut().map(expect_icv);
                    }
                    None => {}
                }
            }
        }
    }
    scratch
        .workers
        .run(Direction::Open, &mut portable, &mut ipsec_mb, &mut vaes);
    note(&portable, &mut claims);
    note(&ipsec_mb, &mut claims);
    note(&vaes, &mut claims);
    drop((portable, ipsec_mb, vaes));
    for (job, claim) in burst.iter_mut().zip(claims) {
        if claim.authentic {
            job.outcome = accept(job.sa, job.esp, claim, job.outer_tos);
        }
        if let Err(reason) = job.outcome {
            job.sa.count_drop(reason);
        }
    }
}

/// Lengths, lifetime and replay: everything that costs less than cryptography.
#[inline]
fn check(sa: &InboundSa, esp: &[u8]) -> Result<Claim, DropReason> {
    let text_len = text_len(sa.hot.suite, esp.len()).ok_or(DropReason::EspTruncated)?;
    let low = esp.get(4..8).and_then(|field| field.first_chunk());
    let low = u32::from_be_bytes(*low.ok_or(DropReason::EspTruncated)?);
    sa.check_lifetime()?;
    Ok(Claim {
        sequence: sa.hot.window.check(low)?,
        text_len,
        authentic: false,
    })
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
    claim: Claim,
    index: usize,
) -> CryptoJob<'a, K> {
    let suite = sa.hot.suite;
    if suite.is_gcm() {
        let mut crypto = gcm_job(sa, key, esp, claim, index);
        expect_icv(&mut crypto);
        return crypto;
    }
    let mut crypto = CryptoJob::new(suite, key, esp, claim.text_len);
    crypto.index = index;
    let text_end = crypto.text_offset + claim.text_len;
    copy(&mut crypto.icv, crypto.packet.get(text_end..));
    let iv_start = crypto.text_offset - suite.iv_len();
    let iv = crypto.packet.get(iv_start..crypto.text_offset);
    copy(&mut crypto.iv, iv);
    if sa.hot.esn {
        append_high(&mut crypto, claim.sequence);
    }
    crypto
}

#[inline]
fn gcm_job<'a, K>(
    sa: &InboundSa,
    key: &'a K,
    esp: &'a mut [u8],
    claim: Claim,
    index: usize,
) -> CryptoJob<'a, K> {
    let suite = sa.hot.suite;
    let chunk = |from: usize| esp.get(from..);
    let spi = chunk(0).and_then(<[u8]>::first_chunk).copied();
    let explicit = chunk(ESP_HEADER_LEN).and_then(<[u8]>::first_chunk).copied();
    let facts = GcmFacts {
        salt: sa.hot.salt,
        // Of a packet that holds its text all of these are there.
        explicit: explicit.unwrap_or_default(),
        spi: u32::from_be_bytes(spi.unwrap_or_default()),
        sequence: claim.sequence,
        esn: sa.hot.esn,
    };
    facts.job(suite, key, esp, claim.text_len, index)
}

/// Copies `from` to the start of `to`, as far as there is room.
#[inline]
fn copy(to: &mut [u8], from: Option<&[u8]>) {
    let from = from.unwrap_or_default();
    let len = from.len().min(to.len());
    if let (Some(to), Some(from)) = (to.get_mut(..len), from.get(..len)) {
        to.copy_from_slice(from);
    }
}

fn note<K>(jobs: &[CryptoJob<'_, K>], claims: &mut [Claim; BURST_MAX]) {
    for job in jobs {
        if let Some(claim) = claims.get_mut(job.index) {
            claim.authentic = job.done;
        }
    }
}

/// Everything behind the ICV.
#[inline]
fn accept(
    sa: &InboundSa,
    esp: &mut [u8],
    claim: Claim,
    outer_tos: u8,
) -> Result<Opened, DropReason> {
    sa.hot.window.advance(claim.sequence)?;
    let offset = sa.hot.suite.esp_head_len();
    let text = esp
        .get_mut(offset..offset + claim.text_len)
        .ok_or(DropReason::EspTruncated)?;
    let payload_len = payload_len(text)?;
    let payload = text.get_mut(..payload_len).ok_or(DropReason::EspPadding)?;
    let len = inner_len(payload)?;
    let header = payload
        .first_chunk_mut::<IPV4_LEN>()
        .ok_or(DropReason::BadIpHeader)?;
    ecn::decapsulate(header, outer_tos)?;
    sa.account(len)?;
    Ok(Opened {
        offset,
        len,
        sequence: claim.sequence,
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
