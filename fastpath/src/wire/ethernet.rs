//! Ethernet II (RFC 894).

use std::borrow::{Borrow, BorrowMut};
use std::fmt;

use super::field::{bytes_at, put_bytes, put_u16, u16_at};

/// Bytes of the header.
pub const LEN: usize = 14;

const DST: usize = 0;
const SRC: usize = 6;
const ETHERTYPE: usize = 12;

/// Values of the type field.
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
}

/// A station's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Every station.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// No station (the unknown target of an ARP request).
    pub const UNKNOWN: Self = Self([0; 6]);

    /// Whether the address names a group of stations, the broadcast address included.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// As a number, the first byte highest.
    const fn word(self) -> u64 {
        let [one, two, three, four, five, six] = self.0;
        u64::from_be_bytes([0, 0, one, two, three, four, five, six])
    }
}

impl fmt::Display for Mac {
    /// Three groups of four digits, as an ASA prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [high, middle, low] = [0, 2, 4].map(|at| [self.0[at], self.0[at + 1]]);
        let group = u16::from_be_bytes;
        write!(
            f,
            "{:04x}.{:04x}.{:04x}",
            group(high),
            group(middle),
            group(low)
        )
    }
}

/// An Ethernet header.
#[derive(Clone, Copy, Debug)]
pub struct Ethernet<T>(pub T);

impl<'a> Ethernet<&'a [u8; LEN]> {
    /// The header and what follows it, `None` when the frame is shorter.
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, payload) = frame.split_first_chunk()?;
        Some((Self(header), payload))
    }
}

impl<'a> Ethernet<&'a mut [u8; LEN]> {
    /// Like [`Ethernet::parse`], to be written.
    #[inline]
    pub fn parse_mut(frame: &'a mut [u8]) -> Option<(Self, &'a mut [u8])> {
        let (header, payload) = frame.split_first_chunk_mut()?;
        Some((Self(header), payload))
    }
}

/// A header as it is written in front of packets: two words that have two bytes in common, as the
/// CPU reads them.
#[derive(Clone, Copy, Debug)]
pub struct HeaderWords {
    front: u64,
    back: u64,
}

impl HeaderWords {
    /// The words of [`Ethernet::emit`].
    pub const fn new(dst: Mac, src: Mac, ethertype: u16) -> Self {
        let (dst, src) = (dst.word(), src.word());
        Self {
            front: (dst << 16 | src >> 32).to_be(),
            back: (src << 16 | ethertype as u64).to_be(),
        }
    }

    /// The same header with another destination.
    #[inline]
    #[must_use]
    pub const fn towards(self, dst: Mac) -> Self {
        let [one, two, three, four, five, six] = dst.0;
        let dst = u64::from_ne_bytes([one, two, three, four, five, six, 0, 0]);
        let source = u64::from_ne_bytes([0, 0, 0, 0, 0, 0, 0xff, 0xff]);
        Self {
            front: self.front & source | dst,
            back: self.back,
        }
    }

    /// Writes them.
    #[inline]
    pub fn write(self, header: &mut [u8; LEN]) {
        header[..8].copy_from_slice(&self.front.to_ne_bytes());
        header[LEN - 8..].copy_from_slice(&self.back.to_ne_bytes());
    }
}

impl Ethernet<[u8; LEN]> {
    /// A header from its parts.
    pub fn emit(dst: Mac, src: Mac, ethertype: u16) -> Self {
        let mut header = Self([0; LEN]);
        header.set_dst(dst);
        header.set_src(src);
        header.set_ethertype(ethertype);
        header
    }
}

impl<T: Borrow<[u8; LEN]>> Ethernet<T> {
    /// Destination.
    #[inline]
    pub fn dst(&self) -> Mac {
        Mac(bytes_at::<DST, 6, LEN>(self.0.borrow()))
    }

    /// Source.
    #[inline]
    pub fn src(&self) -> Mac {
        Mac(bytes_at::<SRC, 6, LEN>(self.0.borrow()))
    }

    /// What follows ([`ethertype`]).
    #[inline]
    pub fn ethertype(&self) -> u16 {
        u16_at::<ETHERTYPE, LEN>(self.0.borrow())
    }
}

impl<T: BorrowMut<[u8; LEN]>> Ethernet<T> {
    /// Sets the destination.
    #[inline]
    pub fn set_dst(&mut self, mac: Mac) {
        put_bytes::<DST, 6, LEN>(self.0.borrow_mut(), mac.0);
    }

    /// Sets the source.
    #[inline]
    pub fn set_src(&mut self, mac: Mac) {
        put_bytes::<SRC, 6, LEN>(self.0.borrow_mut(), mac.0);
    }

    /// Sets what follows.
    #[inline]
    pub fn set_ethertype(&mut self, ethertype: u16) {
        put_u16::<ETHERTYPE, LEN>(self.0.borrow_mut(), ethertype);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mac_prints_in_three_groups() {
        let mac = Mac([0x00, 0x1b, 0x54, 0xff, 0x01, 0x0a]);
        assert_eq!(mac.to_string(), "001b.54ff.010a");
        assert!(Mac::BROADCAST.is_group() && !mac.is_group());
    }

    proptest! {
        #[test]
        fn emitted_headers_parse(dst: [u8; 6], src: [u8; 6], kind: u16, rest: Vec<u8>) {
            let mut frame = Ethernet::emit(Mac(dst), Mac(src), kind).0.to_vec();
            frame.extend_from_slice(&rest);
            let (header, payload) = Ethernet::parse(&frame).unwrap();
            prop_assert_eq!(header.dst(), Mac(dst));
            prop_assert_eq!(header.src(), Mac(src));
            prop_assert_eq!(header.ethertype(), kind);
            prop_assert_eq!(payload, &rest[..]);
            let mut written = [0x5a; LEN];
            HeaderWords::new(Mac(src), Mac(src), kind).towards(Mac(dst)).write(&mut written);
            prop_assert_eq!(&written, &frame[..LEN]);
        }

        #[test]
        fn short_frames_are_refused(frame in prop::collection::vec(any::<u8>(), 0..LEN)) {
            prop_assert!(Ethernet::parse(&frame).is_none());
        }
    }
}
