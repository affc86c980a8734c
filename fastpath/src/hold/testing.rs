//! Flows for the tests.

use crate::conn::{Cold, ConnId, Hot, TcpSide, TcpState};
use crate::packet::protocol;
use crate::tunnel::SlotId;

/// An established connection whose high side is reached by a slot.
pub(super) fn flow() -> Hot {
    Hot {
        low_address: 0x0a00_0001,
        high_address: 0xc000_0201,
        low_port: 1000,
        high_port: 80,
        protocol: protocol::TCP,
        state: TcpState::Established,
        flags: 0,
        last_seen: 0,
        epochs: [0; 2],
        slots: [SlotId::NONE, SlotId::new(3)],
        adjacencies: [0; 2],
        tcp: [TcpSide::default(); 2],
    }
}

/// The cold part of a connection without translation.
pub(super) fn unused_cold() -> Cold {
    Cold {
        bytes: 0,
        id: ConnId(0),
        created: 0,
        mapped_address: 0,
        mapped_port: 0,
        interfaces: [0; 2],
        generation: 0,
        wheel_next: u32::MAX,
        wheel_prev: u32::MAX,
        route_generation: 0,
        next_hops: [0; 2],
        icmp: [0; 2],
    }
}
