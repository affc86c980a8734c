//! The outer header of tunnel mode: IPv4, and UDP where NAT is on the way (RFC 3948).

use std::sync::atomic::{AtomicU64, Ordering};

use super::sa::SaParameters;
use crate::packet::protocol;

/// Bytes of an IPv4 header without options.
pub(super) const IPV4_LEN: usize = 20;
const UDP_LEN: usize = 8;
/// Bytes that every head has at least: without UDP IPv4, ESP header and an IV of eight bytes.
pub(super) const HEAD_LEN_MIN: usize = IPV4_LEN + 16;
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

    /// What it is now, for packets that follow each other.
    #[inline]
    pub(super) fn words(&self) -> HeaderWords {
        let end = self.end.load(Ordering::Relaxed);
        let in_udp = self.in_udp();
        let next = u16::from_be_bytes([TTL, self.next_header()]);
        let (remote, remote_port) = (end & !u64::from(u32::MAX), end >> 16 & 0xffff);
        let spi = u64::from(self.spi);
        let ports = u64::from(self.local_port) << 16 | remote_port;
        HeaderWords {
            sum: u32::from(end as u16),
            second: u64::from(next) << 48 | u64::from(self.local),
            third: remote | if in_udp { ports } else { spi },
            fourth: spi,
            in_udp,
        }
    }
}

/// A template as it is written: the words of eight bytes from the second one on, in host byte
/// order, with what changes per packet zero. A header is written in whole words: what is written in
/// pieces has to reach the cache before it can be read whole.
#[derive(Clone, Copy)]
pub(super) struct HeaderWords {
    /// Of the IPv4 header's words.
    sum: u32,
    second: u64,
    third: u64,
    /// Of ESP in UDP.
    fourth: u64,
    in_udp: bool,
}

impl HeaderWords {
    /// Writes outer header, SPI and the low half of `sequence` for a packet of `total_len` bytes
    /// whose inner header begins with these TOS and fragment word.
    ///
    /// TOS is copied whole: DSCP by RFC 4301 section 5.1.2.1, ECN by RFC 6040 section 4.1. DF is
    /// copied (RFC 4301 section 8.1); an atomic datagram's identification means nothing (RFC 6864
    /// section 4.1), others get the sequence number's low bits.
    #[inline]
    pub(super) fn write(
        &self,
        head: &mut [u8; HEAD_LEN_MIN],
        total_len: u16,
        sequence: u64,
        (inner_tos, inner_fragment): (u8, u16),
    ) {
        let dont_fragment = inner_fragment & DONT_FRAGMENT;
        let id = if dont_fragment != 0 {
            0
        } else {
            sequence as u16
        };
        let changing = [u16::from(inner_tos), total_len, id, dont_fragment];
        let sum = changing.map(u32::from).iter().sum::<u32>() + self.sum;
        let [tos, total_len, id, dont_fragment] = changing.map(u64::from);
        let first = 0x45 << 56 | tos << 48 | total_len << 32 | id << 16 | dont_fragment;
        let second = self.second | u64::from(!fold(sum)) << 32;
        let low = (sequence as u32).to_be_bytes();
        let (words, rest) = head.as_chunks_mut::<8>();
        let ([one, two, three, four], Some(fifth)) = (words, rest.first_chunk_mut()) else {
            return;
        };
        *one = first.to_be_bytes();
        *two = second.to_be_bytes();
        *three = self.third.to_be_bytes();
        if self.in_udp {
            let udp_len = total_len - IPV4_LEN as u64;
            *four = (udp_len << 48 | self.fourth).to_be_bytes();
            *fifth = low;
        } else {
            let [a, b, c, d, ..] = four;
            [*a, *b, *c, *d] = low;
        }
    }
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
