//! Which packets of a preserved flow are worth holding.

use super::holder::Holder;
use super::pool::{Place, Pool};
use super::release::span;
use crate::conn::tcp::{self, Progress, Segment, after, tcp_flag};
use crate::conn::{Hot, TcpState};
use crate::packet::{Side, protocol};
use crate::wire::{Ipv4, checksum, ipv4};

/// What a segment is to the direction of the flow that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It brings the oldest byte that is not acknowledged.
    Oldest,
    /// It brings bytes, but not the oldest one.
    Later,
    /// It brings nothing but an acknowledgement.
    Ack,
}

/// What a segment is worth; `None` for what is never held: handshakes, resets, whatever the flow
/// would not take now, and flows that are not established.
///
/// The flow's windows are those of the moment when its tunnel went down, because what is dropped at
/// the gate moves nothing.
pub(super) fn kind(hot: &Hot, from: Side, segment: &Segment) -> Option<Kind> {
    let established = matches!(
        hot.state,
        TcpState::Established | TcpState::HalfClosed | TcpState::Closing
    );
    let plain = segment.flags & (tcp_flag::SYN | tcp_flag::RST) == 0;
    if hot.protocol != protocol::TCP || !established || !plain {
        return None;
    }
    let mut tried = *hot;
    if !matches!(
        tcp::track(&mut tried, from, segment),
        Ok(Progress::None | Progress::HalfClosed | Progress::Closing | Progress::Closed)
    ) {
        return None;
    }
    let unacked = hot.tcp[from.index()].unacked;
    if segment.end() == segment.seq {
        return Some(Kind::Ack);
    }
    if !after(segment.end(), unacked) {
        // Acknowledged already: a keepalive with its byte, or a copy that comes too late.
        return Some(Kind::Ack).filter(|_| segment.payload_len <= 1);
    }
    if after(segment.seq, unacked) {
        Some(Kind::Later)
    } else {
        Some(Kind::Oldest)
    }
}

/// Whether a TCP packet's checksum is right: one that its receiver would drop must not take the
/// place of one that it would take.
pub(super) fn is_intact(packet: &[u8]) -> bool {
    let segment = packet.get(ipv4::LEN..).unwrap_or_default();
    Ipv4::parse(packet)
        .is_some_and(|ip| checksum::segment_is_valid(ip.src(), ip.dst(), protocol::TCP, segment))
}

/// Whether the direction has sent anything that is not acknowledged.
pub(super) fn is_outstanding(hot: &Hot, from: Side) -> bool {
    let side = &hot.tcp[from.index()];
    side.end != side.unacked
}

/// Behind what is held in order: bytes that come after it, and ACKs. Anything else is a copy of
/// what is held.
pub(super) fn goes_on(pool: &Pool, holder: &Holder, packet: &[u8], kind: Kind) -> Option<Place> {
    let (_, held_to) = span(&pool.cells().front(holder.last));
    let new = kind == Kind::Ack || after(span(packet).1, held_to);
    new.then_some(Place::Back)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::conn::TcpSide;
    use crate::conn::side_flag::{SYN, SYN_ACKED};
    use crate::conn::tcp::tcp_flag::{ACK, FIN, RST};
    use crate::hold::testing::flow;

    fn data(seq: u32, len: u32) -> Segment {
        Segment {
            seq,
            ack: 5000,
            flags: ACK,
            window: 1000,
            payload_len: len,
            scale: None,
        }
    }

    /// The low side has 2000 bytes under way, from `start` on.
    fn outstanding(start: u32) -> Hot {
        let mut hot = flow();
        hot.tcp[0] = TcpSide {
            unacked: start,
            end: start.wrapping_add(2000),
            end_max: start.wrapping_add(8000),
            window_max: 8000,
            window_scale: 0,
            flags: SYN | SYN_ACKED,
        };
        hot.tcp[1] = TcpSide {
            unacked: 5000,
            end: 5000,
            end_max: 13_000,
            ..hot.tcp[0]
        };
        hot
    }

    proptest! {
        #[test]
        fn the_segment_with_the_oldest_byte_is_known_wherever_numbers_wrap(
            start: u32, back in 0_u32..100, len in 1_u32..1460,
        ) {
            let hot = outstanding(start);
            let seq = start.wrapping_sub(back);
            let expected = if back < len {
                Some(Kind::Oldest)
            } else {
                Some(Kind::Ack).filter(|_| len <= 1)
            };
            prop_assert_eq!(kind(&hot, Side::Low, &data(seq, len)), expected);
            let later = data(start.wrapping_add(1 + back), len);
            prop_assert_eq!(kind(&hot, Side::Low, &later), Some(Kind::Later));
            let ack = data(start.wrapping_add(2000), 0);
            prop_assert_eq!(kind(&hot, Side::Low, &ack), Some(Kind::Ack));
        }
    }

    #[test]
    fn a_fin_is_a_segment_of_one_number() {
        let mut hot = outstanding(u32::MAX);
        hot.tcp[0].end = hot.tcp[0].unacked;
        let fin = Segment {
            flags: ACK | FIN,
            ..data(u32::MAX, 0)
        };
        assert_eq!(kind(&hot, Side::Low, &fin), Some(Kind::Oldest));
        assert!(!is_outstanding(&hot, Side::Low));
    }

    #[test]
    fn handshakes_resets_and_what_the_flow_would_not_take_are_not_held() {
        let hot = outstanding(0);
        for flags in [tcp_flag::SYN, tcp_flag::SYN | ACK, RST, RST | ACK] {
            let segment = Segment {
                flags,
                ..data(0, 0)
            };
            assert_eq!(kind(&hot, Side::Low, &segment), None, "{flags:#x}");
        }
        assert_eq!(kind(&hot, Side::Low, &data(20_000, 100)), None);
        let forged = Segment {
            ack: 50_000,
            ..data(0, 100)
        };
        assert_eq!(kind(&hot, Side::Low, &forged), None);
        for state in [TcpState::SynSent, TcpState::SynReceived, TcpState::Closed] {
            let young = Hot { state, ..hot };
            assert_eq!(kind(&young, Side::Low, &data(0, 100)), None);
        }
        let udp = Hot {
            protocol: protocol::UDP,
            ..hot
        };
        assert_eq!(kind(&udp, Side::Low, &data(0, 100)), None);
    }
}
