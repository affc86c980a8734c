//! As much of BER (X.690) as SNMP needs: definite lengths, low tags.

/// Tags of RFC 3416 and RFC 2578.
pub(super) mod tag {
    pub(in super::super) const INTEGER: u8 = 0x02;
    pub(in super::super) const OCTETS: u8 = 0x04;
    pub(in super::super) const OID: u8 = 0x06;
    pub(in super::super) const SEQUENCE: u8 = 0x30;
    pub(in super::super) const IP_ADDRESS: u8 = 0x40;
    pub(in super::super) const TIME_TICKS: u8 = 0x43;
    pub(in super::super) const TRAP_V2: u8 = 0xa7;
}

/// `content` behind its tag and length.
pub(super) fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let len = content.len().to_be_bytes();
    let skip = len.iter().take_while(|byte| **byte == 0).count();
    let significant = len.get(skip..).unwrap_or_default();
    match *significant {
        [] => out.push(0),
        [short] if short < 0x80 => out.push(short),
        _ => {
            // At most eight bytes of length.
            out.push(0x80 | significant.len() as u8);
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

/// The fewest bytes that hold a signed number.
fn signed(number: i64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let redundant = |pair: &&[u8]| {
        matches!(**pair, [0x00, next] if next < 0x80)
            || matches!(**pair, [0xff, next] if next >= 0x80)
    };
    let skip = bytes.windows(2).take_while(redundant).count();
    bytes.get(skip..).unwrap_or_default().to_vec()
}

/// An `INTEGER`.
pub(super) fn integer(number: i32) -> Vec<u8> {
    wrap(tag::INTEGER, &signed(i64::from(number)))
}

/// `TimeTicks`: hundredths of a second.
pub(super) fn time_ticks(ticks: u32) -> Vec<u8> {
    wrap(tag::TIME_TICKS, &signed(i64::from(ticks)))
}

/// An `OBJECT IDENTIFIER` of two arcs or more.
pub(super) fn oid(arcs: &[u32]) -> Vec<u8> {
    let (first, rest) = match *arcs {
        [first, second, ref rest @ ..] => (first * 40 + second, rest),
        [first] => (first * 40, [].as_slice()),
        [] => (0, [].as_slice()),
    };
    let mut content = Vec::new();
    for arc in std::iter::once(first).chain(rest.iter().copied()) {
        let groups = (32 - arc.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let more = if group > 0 { 0x80 } else { 0 };
            content.push((arc >> (7 * group) & 0x7f) as u8 | more);
        }
    }
    wrap(tag::OID, &content)
}

/// Takes a value off the front of `bytes`: its tag and content. `None` where there is none of a
/// definite length that is whole.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        short @ ..=0x7f => (usize::from(short), rest),
        0x81 => {
            let (&len, rest) = rest.split_first()?;
            (usize::from(len), rest)
        }
        0x82 => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        // Longer than any datagram, or of no length.
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    Some((tag, content))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_the_fewest_bytes() {
        for (number, bytes) in [
            (0, vec![2, 1, 0]),
            (127, vec![2, 1, 127]),
            (128, vec![2, 2, 0, 128]),
            (-1, vec![2, 1, 0xff]),
            (-129, vec![2, 2, 0xff, 0x7f]),
            (i32::MAX, vec![2, 4, 0x7f, 0xff, 0xff, 0xff]),
        ] {
            assert_eq!(integer(number), bytes, "{number}");
        }
        // An unsigned number of 32 bits has a leading zero.
        assert_eq!(time_ticks(u32::MAX), [0x43, 5, 0, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn identifiers_have_seven_bits_per_byte() {
        assert_eq!(oid(&[1, 3, 6, 1]), [6, 3, 0x2b, 6, 1]);
        assert_eq!(oid(&[1, 3, 171, 0]), [6, 4, 0x2b, 0x81, 0x2b, 0]);
        assert_eq!(
            oid(&[1, 3, u32::MAX]),
            [6, 6, 0x2b, 0x8f, 0xff, 0xff, 0xff, 0x7f]
        );
    }

    #[test]
    fn long_contents_have_long_lengths() {
        assert_eq!(wrap(4, &[7; 127])[..2], [4, 127]);
        assert_eq!(wrap(4, &[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(wrap(4, &[7; 300])[..4], [4, 0x82, 1, 44]);
    }

    proptest! {
        #[test]
        fn what_is_wrapped_is_taken(
            tag in any::<u8>(),
            content in prop::collection::vec(any::<u8>(), 0..700),
        ) {
            let bytes = wrap(tag, &content);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(take(&mut rest), Some((tag, content.as_slice())));
            prop_assert!(rest.is_empty());
            for cut in 0..bytes.len().min(8) {
                prop_assert_eq!(take(&mut &bytes[..cut]), None);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut rest = bytes.as_slice();
            while take(&mut rest).is_some() {}
        }
    }
}
