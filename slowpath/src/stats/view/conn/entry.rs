//! A connection entry of the fastpath as a row of `show conn`.

use std::net::Ipv4Addr;

use fastpath::conn::{Cold, Hot, TICKS_PER_S, entry_flag, side_flag};
use fastpath::packet::Side;

use super::{Conn, ConnEnd, ConnFlags, TcpPhase};

/// The side that is printed first: the initiator of an inbound connection, else the responder.
const fn foreign_side(hot: &Hot) -> Side {
    if hot.has(entry_flag::INBOUND) {
        hot.initiator()
    } else {
        hot.initiator().other()
    }
}

impl ConnFlags {
    /// The flags of an entry. `vpn_orphan`: its tunnel is down and it is preserved.
    pub const fn from_entry(hot: &Hot, vpn_orphan: bool) -> Self {
        let inbound = hot.has(entry_flag::INBOUND);
        let forward = hot.has(entry_flag::DATA_FORWARD);
        let backward = hot.has(entry_flag::DATA_BACKWARD);
        let outside = hot.tcp[foreign_side(hot).index()].flags;
        let inside = hot.tcp[foreign_side(hot).other().index()].flags;
        Self {
            tcp: TcpPhase::from_state(hot.state),
            inbound,
            data_inbound: if inbound { forward } else { backward },
            data_outbound: if inbound { backward } else { forward },
            inside_fin: inside & side_flag::FIN != 0,
            inside_fin_acked: inside & side_flag::FIN_ACKED != 0,
            outside_fin: outside & side_flag::FIN != 0,
            outside_fin_acked: outside & side_flag::FIN_ACKED != 0,
            vpn_orphan,
        }
    }
}

impl Conn {
    /// The row of an entry at coarse time `now_ticks`. `nameif` names an interface by its index in
    /// the policy; a translated address is shown for the less secure side only, as on 8.2.
    pub fn from_entry<'a>(
        hot: &Hot,
        cold: &Cold,
        nameif: impl Fn(u8) -> &'a str,
        now_ticks: u32,
        timeout_s: u64,
        vpn_orphan: bool,
    ) -> Self {
        let foreign = foreign_side(hot);
        let end = |side: Side| {
            let (address, port) = match side {
                Side::Low => (hot.low_address, hot.low_port),
                Side::High => (hot.high_address, hot.high_port),
            };
            let translated = hot.has(entry_flag::SOURCE_TRANSLATED)
                && side == hot.initiator()
                && side == foreign;
            ConnEnd {
                nameif: nameif(cold.interfaces[side.index()]).to_owned(),
                address: Ipv4Addr::from_bits(address),
                port,
                mapped: translated.then(|| Ipv4Addr::from_bits(cold.mapped_address)),
            }
        };
        let seconds_since = |ticks: u32| u64::from(now_ticks.wrapping_sub(ticks) / TICKS_PER_S);
        Self {
            protocol: hot.protocol,
            foreign: end(foreign),
            local: end(foreign.other()),
            idle_s: seconds_since(hot.last_seen),
            uptime_s: seconds_since(cold.created),
            timeout_s,
            bytes: cold.bytes,
            flags: ConnFlags::from_entry(hot, vpn_orphan),
        }
    }
}

#[cfg(test)]
mod tests {
    use fastpath::conn::{ConnId, TcpSide, TcpState};
    use fastpath::packet::protocol;
    use fastpath::tunnel::SlotId;

    use super::*;

    /// 10.0.0.1:1025 (inside, low) and 192.0.2.1:80 (outside, high).
    fn entry(flags: u16) -> (Hot, Cold) {
        let fin = TcpSide {
            flags: side_flag::SYN | side_flag::FIN,
            ..TcpSide::default()
        };
        let hot = Hot {
            low_address: u32::from_be_bytes([10, 0, 0, 1]),
            high_address: u32::from_be_bytes([192, 0, 2, 1]),
            low_port: 1025,
            high_port: 80,
            protocol: protocol::TCP,
            state: TcpState::HalfClosed,
            flags,
            last_seen: 1000 - 11 * TICKS_PER_S,
            epochs: [0; 2],
            slots: [SlotId::NONE; 2],
            adjacencies: [0; 2],
            tcp: [TcpSide::default(), fin],
        };
        let cold = Cold {
            bytes: 2176,
            id: ConnId(1),
            created: 1000 - 60 * TICKS_PER_S,
            mapped_address: u32::from_be_bytes([198, 51, 100, 9]),
            mapped_port: 1024,
            interfaces: [1, 0],
            generation: 0,
            wheel_next: 0,
            wheel_prev: 0,
            route_generation: 0,
            next_hops: [0; 2],
            icmp: [0; 2],
        };
        (hot, cold)
    }

    fn line(flags: u16, orphan: bool) -> String {
        let (hot, cold) = entry(flags);
        let nameif = |index| ["outside", "inside"][usize::from(index)];
        Conn::from_entry(&hot, &cold, nameif, 1000, 3600, orphan).render()
    }

    #[test]
    fn outbound_entries_print_the_responder_first() {
        let flags =
            entry_flag::INITIATOR_LOW | entry_flag::SOURCE_TRANSLATED | entry_flag::DATA_FORWARD;
        assert_eq!(
            line(flags, true),
            "TCP outside 192.0.2.1:80 inside 10.0.0.1:1025, idle 0:00:11, bytes 2176, \
             flags UFOV\n"
        );
    }

    #[test]
    fn inbound_entries_print_the_initiator_first() {
        let flags = entry_flag::INBOUND | entry_flag::SOURCE_TRANSLATED | entry_flag::DATA_FORWARD;
        assert_eq!(
            line(flags, false),
            "TCP outside 192.0.2.1(198.51.100.9):80 inside 10.0.0.1:1025, idle 0:00:11, \
             bytes 2176, flags UFIB\n"
        );
    }

    #[test]
    fn ages_survive_the_wrap_of_the_coarse_clock() {
        let (mut hot, mut cold) = entry(0);
        hot.last_seen = u32::MAX - 7;
        cold.created = u32::MAX - 15;
        let conn = Conn::from_entry(&hot, &cold, |_| "x", 8, 0, false);
        assert_eq!((conn.idle_s, conn.uptime_s), (2, 3));
    }
}
