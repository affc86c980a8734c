//! Seals a burst: framing, then encryption and authentication of all packets in one go.

use arrayvec::ArrayVec;

use super::outbound::OutboundSa;
use super::suite::{ESP_TRAILER_LEN, SALT_LEN};
use super::tunnel_header::IPV4_LEN;
use crate::crypto::{
    CryptoJob, Direction, EngineWorkers, Engines, IpsecMbJob, IvGenerator, PacketKey, PortableJob,
    VaesJob, WorkerError,
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
    /// Set by [`seal_burst`]. A packet that was not sealed must not leave.
    pub sealed: bool,
}

/// Seals packets of possibly many SAs; afterwards `packet` is the outer IPv4 packet.
pub fn seal_burst(scratch: &mut SealScratch, jobs: &mut [SealJob<'_>]) {
    for burst in jobs.chunks_mut(BURST_MAX) {
        seal_chunk(scratch, burst);
    }
}

fn seal_chunk(scratch: &mut SealScratch, burst: &mut [SealJob<'_>]) {
    let mut sealed = [false; BURST_MAX];
    let mut portable: ArrayVec<PortableJob<'_>, BURST_MAX> = ArrayVec::new();
    let mut ipsec_mb: ArrayVec<IpsecMbJob<'_>, BURST_MAX> = ArrayVec::new();
    let mut vaes: ArrayVec<VaesJob<'_>, BURST_MAX> = ArrayVec::new();
    for (index, job) in burst.iter_mut().enumerate() {
        job.sealed = false;
        let Some(text_len) = frame(job) else { continue };
        let (sa, sequence) = (job.sa, job.sequence);
        let outer_len = sa.hot.header.outer_len();
        let Some(esp) = job.packet.get_mut(outer_len..) else {
            continue;
        };
        match sa.hot.keys.packet_key(text_len) {
            Some(PacketKey::Portable(key)) => {
                let mut crypto = CryptoJob::new(sa.hot.suite, key, esp, text_len);
                crypto.index = index;
                set_iv(sa, sequence, &mut crypto, &mut scratch.ivs);
                portable.push(crypto);
            }
            Some(PacketKey::IpsecMb(key)) => {
                let mut crypto = CryptoJob::new(sa.hot.suite, key, esp, text_len);
                crypto.index = index;
                set_iv(sa, sequence, &mut crypto, &mut scratch.ivs);
                ipsec_mb.push(crypto);
            }
            Some(PacketKey::Vaes(key)) => {
                let mut crypto = CryptoJob::new(sa.hot.suite, key, esp, text_len);
                crypto.index = index;
                set_iv(sa, sequence, &mut crypto, &mut scratch.ivs);
                vaes.push(crypto);
            }
            None => {}
        }
    }
    scratch
        .workers
        .run(Direction::Seal, &mut portable, &mut ipsec_mb, &mut vaes);
    finish(&mut portable, &mut sealed);
    finish(&mut ipsec_mb, &mut sealed);
    finish(&mut vaes, &mut sealed);
    drop((portable, ipsec_mb, vaes));
    for (job, sealed) in burst.iter_mut().zip(sealed) {
        job.sealed = sealed;
    }
}

/// Writes everything in clear: outer header, SPI and sequence number, padding and trailer.
/// Returns the length of the text; `None` if lengths or inner header do not fit.
#[inline]
fn frame(job: &mut SealJob<'_>) -> Option<usize> {
    let suite = job.sa.hot.suite;
    let (head_len, inner_len) = (job.sa.head_len(), job.inner_len);
    if !(IPV4_LEN..=job.packet.len()).contains(&inner_len) {
        return None;
    }
    let whole = head_len + inner_len + suite.tail_len(inner_len);
    let (head, body) = job.packet.split_at_mut_checked(head_len)?;
    if head.len() + body.len() != whole {
        return None;
    }
    let inner = body.first_chunk::<IPV4_LEN>()?;
    let (tos, fragment) = (inner[1], u16::from_be_bytes([inner[6], inner[7]]));
    let pad_len = suite.pad_len(inner_len);
    let text_len = inner_len + pad_len + ESP_TRAILER_LEN;
    let (pad, trailer) = body
        .get_mut(inner_len..text_len)?
        .split_at_mut_checked(pad_len)?;
    // RFC 4303 section 2.4: 1, 2, 3...
    for (byte, value) in pad.iter_mut().zip(1u8..) {
        *byte = value;
    }
    trailer.copy_from_slice(&[pad_len as u8, NEXT_HEADER_IPV4]);
    job.sa
        .hot
        .header
        .write(job.packet, job.sequence, tos, fragment)?;
    Some(text_len)
}

/// IV or nonce, and where the high half of an extended sequence number goes.
#[inline]
fn set_iv<K>(sa: &OutboundSa, sequence: u64, crypto: &mut CryptoJob<'_, K>, ivs: &mut IvGenerator) {
    let suite = sa.hot.suite;
    if suite.is_gcm() {
        let counter = sequence.to_be_bytes();
        set_nonce(crypto, sa.hot.salt, counter);
        set_aad(crypto, sequence, sa.esn());
        write_iv(crypto, &counter);
    } else {
        crypto.iv = ivs.next_iv();
        let iv = crypto.iv;
        write_iv(crypto, iv.get(..suite.iv_len()).unwrap_or_default());
        if sa.esn() {
            append_high(crypto, sequence);
        }
    }
}

fn write_iv<K>(crypto: &mut CryptoJob<'_, K>, iv: &[u8]) {
    let end = crypto.text_offset;
    if let Some(field) = crypto.packet.get_mut(end - iv.len()..end) {
        field.copy_from_slice(iv);
    }
}

/// RFC 4106 section 4: salt, then the explicit IV.
#[inline]
pub(super) fn set_nonce<K>(crypto: &mut CryptoJob<'_, K>, salt: [u8; SALT_LEN], explicit: [u8; 8]) {
    crypto.iv[..4].copy_from_slice(&salt);
    crypto.iv[4..12].copy_from_slice(&explicit);
}

/// RFC 4106 section 5: the SPI and the whole sequence number.
#[inline]
pub(super) fn set_aad<K>(crypto: &mut CryptoJob<'_, K>, sequence: u64, esn: bool) {
    let Some(spi) = crypto.packet.first_chunk::<4>().copied() else {
        return;
    };
    crypto.aad[..4].copy_from_slice(&spi);
    if esn {
        crypto.aad[4..].copy_from_slice(&sequence.to_be_bytes());
        crypto.aad_len = 12;
    } else {
        crypto.aad[4..8].copy_from_slice(&(sequence as u32).to_be_bytes());
        crypto.aad_len = 8;
    }
}

/// RFC 4303 section 2.2.1: the high half is authenticated behind the text but not sent. It stands
/// where the ICV will be or was.
#[inline]
pub(super) fn append_high<K>(crypto: &mut CryptoJob<'_, K>, sequence: u64) {
    let end = crypto.text_offset + crypto.text_len;
    if let Some(field) = crypto.packet.get_mut(end..end + 4) {
        field.copy_from_slice(&((sequence >> 32) as u32).to_be_bytes());
        crypto.authenticated_len = end + 4;
    }
}

/// Puts the ICVs behind the texts.
fn finish<K>(jobs: &mut [CryptoJob<'_, K>], sealed: &mut [bool; BURST_MAX]) {
    for job in jobs.iter_mut().filter(|job| job.done) {
        let start = job.text_offset + job.text_len;
        let icv = job.icv.get(..job.icv_len).unwrap_or_default();
        let field = job.packet.get_mut(start..start + job.icv_len);
        if let (Some(field), Some(sealed)) = (field, sealed.get_mut(job.index)) {
            field.copy_from_slice(icv);
            *sealed = true;
        }
    }
}
