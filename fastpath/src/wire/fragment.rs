//! Cutting an IPv4 packet into fragments (RFC 791 section 3.2).

use super::ipv4::{self, Ipv4, MORE_FRAGMENTS, OFFSET_MASK};

/// One fragment of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// First byte of the original's payload that it carries.
    pub start: usize,
    /// Bytes of payload that it carries.
    pub len: usize,
    /// Flags and offset for its header.
    pub word: u16,
}

/// The fragments of a packet in order; their number is known at once.
#[derive(Clone, Debug)]
pub struct Plan {
    payload_len: usize,
    per_fragment: usize,
    /// The original's own flags and offset: a fragment may be cut again.
    base: u16,
    start: usize,
}

/// How a packet with this header and `payload_len` bytes of payload is cut so that each fragment,
/// with a header without options, fits into `mtu` bytes. `None` when the packet must not be
/// fragmented, the MTU leaves no room for eight bytes, or an offset would not fit its field.
pub fn plan<T>(header: &Ipv4<T>, payload_len: usize, mtu: usize) -> Option<Plan>
where
    T: std::borrow::Borrow<[u8; ipv4::LEN]>,
{
    let per_fragment = mtu.checked_sub(ipv4::LEN)? & !7;
    let last_byte = header.fragment_offset() + payload_len;
    if header.dont_fragment() || per_fragment == 0 || last_byte > usize::from(u16::MAX) {
        return None;
    }
    Some(Plan {
        payload_len,
        per_fragment,
        base: header.fragment_word() & (MORE_FRAGMENTS | OFFSET_MASK),
        start: 0,
    })
}

impl Iterator for Plan {
    type Item = Fragment;

    fn next(&mut self) -> Option<Fragment> {
        let left = self.payload_len.checked_sub(self.start)?;
        if left == 0 {
            return None;
        }
        let len = left.min(self.per_fragment);
        let more = if len < left { MORE_FRAGMENTS } else { 0 };
        let fragment = Fragment {
            start: self.start,
            len,
            word: (self.base + (self.start / 8) as u16) | more,
        };
        self.start += len;
        Some(fragment)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.payload_len.saturating_sub(self.start);
        let count = left.div_ceil(self.per_fragment);
        (count, Some(count))
    }
}

impl ExactSizeIterator for Plan {}

/// The header of a fragment, checksum included. Options are dropped: packets with options are not
/// forwarded.
pub fn header<T>(original: &Ipv4<T>, fragment: &Fragment) -> Ipv4<[u8; ipv4::LEN]>
where
    T: std::borrow::Borrow<[u8; ipv4::LEN]>,
{
    let mut header = Ipv4(*original.as_bytes());
    header.0[0] = 0x45;
    header.set_total_len((ipv4::LEN + fragment.len) as u16);
    header.set_fragment_word(fragment.word);
    header.fill_checksum();
    header
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checksum;
    use super::*;

    fn forwardable(payload_len: usize) -> Ipv4<[u8; ipv4::LEN]> {
        let mut header = Ipv4::emit(1, 2, 17, payload_len);
        header.set_fragment_word(0);
        header.set_identification(0x1234);
        header
    }

    #[test]
    fn a_full_packet_over_a_smaller_link() {
        let header = forwardable(1480);
        let fragments: Vec<_> = plan(&header, 1480, 1400).unwrap().collect();
        assert_eq!(
            fragments,
            [
                Fragment {
                    start: 0,
                    len: 1376,
                    word: MORE_FRAGMENTS
                },
                Fragment {
                    start: 1376,
                    len: 104,
                    word: 172
                },
            ]
        );
    }

    #[test]
    fn what_must_not_or_cannot_be_cut() {
        let mut header = forwardable(1480);
        assert!(plan(&header, 1480, 27).is_none());
        header.set_fragment_word(ipv4::DONT_FRAGMENT);
        assert!(plan(&header, 1480, 1400).is_none());
        header.set_fragment_word(OFFSET_MASK);
        assert!(plan(&header, 100, 1400).is_none());
    }

    proptest! {
        #[test]
        fn fragments_cover_the_payload_once(
            payload_len in 1usize..9000, mtu in 28usize..1600, base in 0u16..4000, more: bool,
        ) {
            let mut original = forwardable(payload_len);
            original.set_fragment_word(base | if more { MORE_FRAGMENTS } else { 0 });
            let plan = plan(&original, payload_len, mtu).unwrap();
            let count = plan.len();
            let mut next = 0;
            let mut seen = 0;
            for fragment in plan {
                let header = header(&original, &fragment);
                prop_assert!(checksum::is_valid(header.as_bytes()));
                prop_assert!(usize::from(header.total_len()) <= mtu);
                prop_assert_eq!(header.identification(), 0x1234);
                prop_assert_eq!(fragment.start, next);
                prop_assert_eq!(header.fragment_offset(), usize::from(base) * 8 + next);
                next += fragment.len;
                let last = next == payload_len;
                prop_assert_eq!(header.fragment_word() & MORE_FRAGMENTS != 0, !last || more);
                seen += 1;
            }
            prop_assert_eq!((next, seen), (payload_len, count));
        }
    }
}
