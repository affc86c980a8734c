//! What somebody asks on port 161: whether the community is one of ours.

use super::ber::{self, tag};

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// A query with a community of ours. There is no agent: it is not answered.
    Known,
    /// A query with another community.
    Unknown,
    /// SNMP of a version without communities.
    OtherVersion,
    /// Not a query.
    Malformed,
}

/// Versions of SNMP with a community: 1 and 2c.
const WITH_COMMUNITY: [u8; 2] = [0, 1];
/// GetRequest, GetNextRequest, SetRequest, GetBulkRequest (RFC 3416 section 3).
const QUERIES: [u8; 4] = [0xa0, 0xa1, 0xa3, 0xa5];

/// Looks at a datagram; `is_ours` says whether a community is.
pub fn hear(datagram: &[u8], is_ours: impl Fn(&[u8]) -> bool) -> Query {
    let Some((version, mut rest)) = message(datagram) else {
        return Query::Malformed;
    };
    if !WITH_COMMUNITY.contains(&version) {
        return Query::OtherVersion;
    }
    match (ber::take(&mut rest), ber::take(&mut rest)) {
        (Some((tag::OCTETS, community)), Some((unit, _))) if QUERIES.contains(&unit) => {
            if is_ours(community) {
                Query::Known
            } else {
                Query::Unknown
            }
        }
        _ => Query::Malformed,
    }
}

/// The version of a message and what follows it.
fn message(mut datagram: &[u8]) -> Option<(u8, &[u8])> {
    let (tag::SEQUENCE, mut message) = ber::take(&mut datagram)? else {
        return None;
    };
    let (tag::INTEGER, &[version]) = ber::take(&mut message)? else {
        return None;
    };
    Some((version, message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(version: i32, community: &[u8], unit: u8) -> Vec<u8> {
        let parts = [
            ber::integer(version),
            ber::wrap(tag::OCTETS, community),
            ber::wrap(unit, &[]),
        ];
        ber::wrap(tag::SEQUENCE, &parts.concat())
    }

    fn heard(datagram: &[u8]) -> Query {
        hear(datagram, |community| community == b"ours")
    }

    #[test]
    fn queries_are_told_by_their_community() {
        for unit in QUERIES {
            assert_eq!(heard(&query(1, b"ours", unit)), Query::Known);
            assert_eq!(heard(&query(0, b"theirs", unit)), Query::Unknown);
        }
        assert_eq!(heard(&query(3, b"", 0xa0)), Query::OtherVersion);
        // Traps and responses are no queries.
        for unit in [0xa2, 0xa4, 0xa6, 0xa7, 0xa8, 0x30] {
            assert_eq!(heard(&query(1, b"theirs", unit)), Query::Malformed);
        }
        assert_eq!(heard(b""), Query::Malformed);
        let whole = query(1, b"theirs", 0xa0);
        for cut in 0..whole.len() {
            assert_eq!(heard(&whole[..cut]), Query::Malformed, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn any_datagram_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = heard(&bytes);
        }

        #[test]
        fn an_altered_query_is_survived(
            at in 0_usize..20,
            byte in any::<u8>(),
            community in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut datagram = query(1, &community, 0xa0);
            if let Some(place) = datagram.get_mut(at) {
                *place = byte;
            }
            let _ = heard(&datagram);
        }
    }
}
