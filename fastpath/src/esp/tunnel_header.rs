//! The outer header of tunnel mode: IPv4, and UDP where NAT is on the way (RFC 3948).

use std::sync::atomic::{AtomicU64, Ordering};

use super::sa::SaParameters;
use crate::packet::protocol;

/// Bytes of an IPv4 header without options.
pub(super) const IPV4_LEN: usize = 20;
const UDP_LEN: usize = 8;
/// Bytes of IPv4, UDP and SPI.
const TEMPLATE_LEN: usize = IPV4_LEN + UDP_LEN + 4;
const TTL: u8 = 64;
const DONT_FRAGMENT: u16 = 0x4000;

/// Outer header and SPI of an SA, to be completed.
#[derive(Debug)]
#[repr(C)]
pub(super) struct HeaderTemplate {
    /// The peer's end, in one word so that a packet has the whole of one: address, UDP port, and
    /// the sum of the IPv4 header's words with those that change per packet zero.
    end: AtomicU64,
    local: u32,
    spi: u32,
    /// Our UDP port, zero for ESP in IP.
    local_port: u16,
}

impl HeaderTemplate {
    pub(super) fn new(parameters: &SaParameters<'_>) -> Self {
        let (local_port, remote_port) = parameters.encapsulation.unwrap_or((0, 0));
        let template = Self {
            end: AtomicU64::new(0),
            local: parameters.local,
            spi: parameters.spi,
            local_port,
        };
        template.move_to(parameters.remote, remote_port);
        template
    }

    /// Sends what follows elsewhere. `remote_port` counts for ESP in UDP only.
    pub(super) fn move_to(&self, remote: u32, remote_port: u16) {
        let next = u16::from_be_bytes([TTL, self.next_header()]);
        let fixed = word_sum(&[0x45, 0]) + u32::from(next);
        let addresses = word_sum(&self.local.to_be_bytes()) + word_sum(&remote.to_be_bytes());
        let sum = fold(fixed + addresses);
        let end = u64::from(remote) << 32 | u64::from(remote_port) << 16 | u64::from(sum);
        self.end.store(end, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn in_udp(&self) -> bool {
        self.local_port != 0
    }

    #[inline]
    fn next_header(&self) -> u8 {
        if self.in_udp() {
            protocol::UDP
        } else {
            protocol::ESP
        }
    }

    /// Bytes in front of the ESP header.
    #[inline]
    pub(super) fn outer_len(&self) -> usize {
        if self.in_udp() {
            IPV4_LEN + UDP_LEN
        } else {
            IPV4_LEN
        }
    }

    /// Writes outer header, SPI and the low half of `sequence` in front of a packet whose inner
    /// header begins with `inner_tos` and has the fragment word `inner_fragment`.
    ///
    /// TOS is copied whole: DSCP by RFC 4301 section 5.1.2.1, ECN by RFC 6040 section 4.1. DF is
    /// copied (RFC 4301 section 8.1); an atomic datagram's identification means nothing (RFC 6864
    /// section 4.1), others get the sequence number's low bits. `None` if `packet` is too short or
    /// longer than IPv4 can say.
    #[inline]
    pub(super) fn write(
        &self,
        packet: &mut [u8],
        sequence: u64,
        inner_tos: u8,
        inner_fragment: u16,
    ) -> Option<()> {
        let total_len = u16::try_from(packet.len()).ok()?;
        let outer_len = self.outer_len();
        let dont_fragment = inner_fragment & DONT_FRAGMENT;
        let id = if dont_fragment != 0 {
            0
        } else {
            sequence as u16
        };
        let end = self.end.load(Ordering::Relaxed);
        let (remote, remote_port) = ((end >> 32) as u32, (end >> 16) as u16);
        let words = [
            end as u16,
            u16::from(inner_tos),
            total_len,
            id,
            dont_fragment,
        ];
        let sum = words.iter().fold(0, |sum, word| sum + u32::from(*word));
        let in_udp = self.in_udp();
        let (head, _) = packet.first_chunk_mut::<TEMPLATE_LEN>()?.as_chunks_mut();
        let [first, second, third, fourth] = head else {
            return None;
        };
        *first = eight([0x4500 | u16::from(inner_tos), total_len, id, dont_fragment]);
        let [local_high, local_low] = halves(self.local);
        let next = u16::from_be_bytes([TTL, self.next_header()]);
        *second = eight([next, !fold(sum), local_high, local_low]);
        let [remote_high, remote_low] = halves(remote);
        let [spi_high, spi_low] = halves(self.spi);
        if in_udp {
            let udp_len = total_len.checked_sub(IPV4_LEN as u16)?;
            *third = eight([remote_high, remote_low, self.local_port, remote_port]);
            *fourth = eight([udp_len, 0, spi_high, spi_low]);
        } else {
            *third = eight([remote_high, remote_low, spi_high, spi_low]);
        }
        let low = packet.get_mut(outer_len + 4..outer_len + 8)?;
        low.copy_from_slice(&(sequence as u32).to_be_bytes());
        Some(())
    }
}

/// Four words as they lie in a header, to be written at once: what is written in pieces has to reach
/// the cache before it can be read whole.
#[inline]
fn eight(words: [u16; 4]) -> [u8; 8] {
    let joined = words
        .iter()
        .fold(0, |sum, word| sum << 16 | u64::from(*word));
    joined.to_be_bytes()
}

#[inline]
const fn halves(word: u32) -> [u16; 2] {
    [(word >> 16) as u16, word as u16]
}

/// Sum of big-endian words (RFC 1071).
pub(super) fn word_sum(bytes: &[u8]) -> u32 {
    let (words, _) = bytes.as_chunks::<2>();
    words
        .iter()
        .map(|word| u32::from(u16::from_be_bytes(*word)))
        .sum()
}

/// Folds the carries of a sum of at most 2^16 words.
#[inline]
pub(super) const fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    ((once & 0xffff) + (once >> 16)) as u16
}
