//! Connection look-up.

use fastpath::conn::{Cold, ConnId, ConnTable, HashKey, Hot, TcpSide, TcpState};
use fastpath::packet::{FlowKey, protocol};
use fastpath::tunnel::SlotId;

use super::{BURST, Load, cycles_per_item, timed};
use crate::report::Figure;

pub(super) fn lookup(load: &Load) -> Result<Vec<Figure>, String> {
    let capacity = load
        .flows
        .checked_add(load.flows / 4)
        .ok_or("too many flows")?;
    let mut table = ConnTable::new(capacity, HashKey([0x9e37_79b9, 0x7f4a_7c15]), 0);
    for flow in 0..load.flows {
        let (hot, cold) = entry(flow);
        table
            .insert(hot, cold, 1 << 20)
            .map_err(|_| "the table is full")?;
    }
    // Random order, not round robin: a hardware prefetcher would foresee it.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut keys = [FlowKey::default(); BURST];
    let mut found = [None; BURST];
    let (value, best) = cycles_per_item(load, || {
        for key in &mut keys {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *key = entry((state % u64::from(load.flows)) as u32).0.key();
        }
        let cycles = timed(|| table.lookup_burst(&keys, &mut found));
        assert!(found.iter().all(Option::is_some), "every flow is found");
        cycles
    });
    Ok(vec![Figure {
        name: "conn-table lookup".to_owned(),
        size: u64::from(load.flows),
        value,
        best,
        unit: "TSC cycles/lookup",
    }])
}

fn entry(flow: u32) -> (Hot, Cold) {
    let key = FlowKey::new(
        protocol::TCP,
        0x0a00_0000 + flow / 1000,
        1024 + (flow % 1000) as u16,
        0xc000_0201,
        443,
    );
    let (key, _) = key.canonical();
    let hot = Hot {
        low_address: key.src,
        high_address: key.dst,
        low_port: key.sport,
        high_port: key.dport,
        protocol: key.protocol,
        state: TcpState::Established,
        flags: 0,
        last_seen: 0,
        epochs: [0; 2],
        slots: [SlotId::NONE; 2],
        adjacencies: [0; 2],
        tcp: [TcpSide::default(); 2],
    };
    let cold = Cold {
        bytes: 0,
        id: ConnId(flow),
        created: 0,
        mapped_address: 0,
        mapped_port: 0,
        interfaces: [0; 2],
        generation: 0,
        wheel_next: u32::MAX,
        wheel_prev: u32::MAX,
        route_generation: 0,
        icmp: [0; 2],
        reserved: [0; 4],
    };
    (hot, cold)
}
