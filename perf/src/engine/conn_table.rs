//! The connection table against `rte_hash` with the same keys: look-up, change, ageing, memory.

use std::array;

use fastpath::conn::{
    Cold, ConnId, ConnTable, HashKey, Hot, Prepared, TICKS_PER_S, TcpSide, TcpState, Timeouts,
};
use fastpath::dpdk::PeerHash;
use fastpath::limits::EXPIRE_STEP;
use fastpath::packet::{FlowKey, protocol};
use fastpath::policy;
use fastpath::tunnel::SlotId;

use super::gateway::budget;
use crate::measure::{BURST, Sample, Subject, measure_both, timed};
use crate::options::Run;
use crate::report::Figure;
use crate::rig::rate;
use crate::statistics::Random;

/// Seconds of the table's time over which ageing is measured.
const AGEING_S: u32 = 20;
/// Ticks between a flow's last packet and its timer.
const STAMP_AGE_TICKS: u32 = 4;
/// Seconds that flows live without a packet.
const TIMEOUT_S: u32 = 60;

/// All figures for one number of flows.
pub(super) fn run(run: &Run) -> Result<Vec<Figure>, String> {
    let capacity = run
        .flows
        .checked_add(run.flows / 8)
        .ok_or("too many flows")?;
    let mut table = ConnTable::new(capacity, HashKey([0x9e37_79b9, 0x7f4a_7c15]), 0);
    let mut peer = PeerHash::new("hf_peer", capacity).map_err(|error| error.to_string())?;
    let mut random = Random::new(5);
    for flow in 0..run.flows {
        let (mut hot, cold) = entry(flow);
        // Spread over the wheel; by the time that it fires, a packet will have come shortly before.
        hot.last_seen = random.below(u64::from(TIMEOUT_S * TICKS_PER_S)) as u32;
        table
            .insert(hot, cold, STAMP_AGE_TICKS)
            .map_err(|_| "the table is full")?;
        if !peer.insert(&key(flow)) {
            return Err("rte_hash is full".to_owned());
        }
    }
    let bytes = ConnTable::bytes_for(capacity) as f64 / f64::from(capacity);
    let memory = Figure::single("conn-table memory", u64::from(run.flows), bytes, "B/flow");
    let lookups = lookup(run, &table, &peer)?;
    let changes = change(run, &mut table, &mut peer)?;
    let ageing = age(run, &mut table);
    Ok(lookups
        .into_iter()
        .chain(changes)
        .chain([ageing, memory])
        .collect())
}

fn subjects(run: &Run, what: &str, unit: &'static str) -> [Subject; 2] {
    ["conn-table", "rte_hash"].map(|name| Subject {
        name: format!("{name} {what}"),
        size: u64::from(run.flows),
        unit,
    })
}

fn lookup(run: &Run, table: &ConnTable, peer: &PeerHash) -> Result<[Figure; 2], String> {
    let sample = |cycles| {
        Ok(Sample {
            cycles,
            items: BURST as u64,
        })
    };
    let subjects = subjects(run, "lookup", "TSC cycles/lookup");
    let (mut ours, mut theirs) = (Random::new(11), Random::new(11));
    let mut found = [None; BURST];
    measure_both(
        subjects,
        budget(run),
        || {
            let keys = draw(&mut ours, run.flows);
            let cycles = timed(|| table.lookup_burst(&keys, &mut found));
            if found.iter().any(Option::is_none) {
                return Err("a flow was not found".to_owned());
            }
            sample(cycles)
        },
        || {
            let keys = draw(&mut theirs, run.flows);
            let mut count = 0;
            let cycles = timed(|| count = peer.lookup_burst(&keys));
            if count != BURST {
                return Err("rte_hash did not find a flow".to_owned());
            }
            sample(cycles)
        },
    )
}

/// Random order, not round robin: a hardware prefetcher would foresee it.
fn draw(random: &mut Random, flows: u32) -> [FlowKey; BURST] {
    [(); BURST].map(|()| key(random.below(u64::from(flows)) as u32))
}

/// A new flow in, then out again, while all others stay.
fn change(run: &Run, table: &mut ConnTable, peer: &mut PeerHash) -> Result<[Figure; 2], String> {
    let subjects = subjects(run, "insert + delete", "TSC cycles/pair");
    let fresh = run.flows;
    let (mut at, mut peer_at) = (0, 0);
    measure_both(
        subjects,
        budget(run),
        || {
            at = (at + BURST as u32) % (run.flows / 2).max(1);
            let mut numbers = [0; BURST];
            let mut full = false;
            let cycles = timed(|| {
                // As the line does with the first packets of flows in a burst.
                let mut prepared = Prepared::new();
                let keys: [FlowKey; BURST] = array::from_fn(|it| key(fresh + at + it as u32));
                table.prepare(&keys, &mut prepared);
                for (place, number) in numbers.iter_mut().enumerate() {
                    let parts = entry(fresh + at + place as u32);
                    let timeout = TIMEOUT_S * TICKS_PER_S;
                    match table.insert_prepared(&prepared, place, parts, timeout) {
                        Ok(entry) => *number = entry,
                        Err(_) => full = true,
                    }
                }
                for number in numbers {
                    table.remove(number);
                }
            });
            if full {
                return Err("the table is full".to_owned());
            }
            let items = BURST as u64;
            Ok(Sample { cycles, items })
        },
        || {
            peer_at = (peer_at + BURST as u32) % (run.flows / 2).max(1);
            let mut done = true;
            let cycles = timed(|| {
                for offset in 0..BURST as u32 {
                    done &= peer.insert(&key(fresh + peer_at + offset));
                }
                for offset in 0..BURST as u32 {
                    done &= peer.remove(&key(fresh + peer_at + offset));
                }
            });
            let items = BURST as u64;
            done.then_some(Sample { cycles, items })
                .ok_or_else(|| "rte_hash refused a key".to_owned())
        },
    )
}

/// Share of a core that the wheel takes while every flow lives: each timer that fires finds a
/// stamp of shortly before and is armed again.
fn age(run: &Run, table: &mut ConnTable) -> Figure {
    let timeouts = Timeouts::from_policy(&policy::Timeouts {
        conn_s: TIMEOUT_S,
        half_closed_s: TIMEOUT_S,
        udp_s: TIMEOUT_S,
        icmp_s: TIMEOUT_S,
        xlate_s: TIMEOUT_S,
    });
    let mut fired = 0;
    let cycles = timed(|| {
        for tick in 1..=AGEING_S * TICKS_PER_S {
            loop {
                let seen = table.advance(tick, EXPIRE_STEP, |hot| timeouts.timeout_of(hot), |_| ());
                fired += seen;
                if seen == 0 {
                    break;
                }
            }
        }
    });
    let share = cycles as f64 / f64::from(AGEING_S) / rate() as f64 * 100.0;
    let name = format!(
        "conn-table ageing, {:.0} timers/s",
        fired as f64 / f64::from(AGEING_S)
    );
    Figure::single(&name, u64::from(run.flows), share, "% of a core")
}

fn key(flow: u32) -> FlowKey {
    let key = FlowKey::new(
        protocol::TCP,
        0x0a00_0000 + flow / 1000,
        1024 + (flow % 1000) as u16,
        0xc000_0201,
        443,
    );
    key.canonical().0
}

fn entry(flow: u32) -> (Hot, Cold) {
    let key = key(flow);
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
        next_hops: [0; 2],
        icmp: [0; 2],
    };
    (hot, cold)
}
