//! The mapped ports of one worker: allocation, un-NAT, quarantine.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::PortBlocks;
use super::resting::Resting;
use crate::conn::TICKS_PER_S;
use crate::packet::protocol;

/// Mapped addresses at a time. Each costs its worker 14 bytes per own port and protocol, taken at
/// start: for eight addresses 22 MB over all workers together.
pub const ADDRESSES_MAX: usize = 8;
/// Seconds that a port rests after its connection has ended, as on ASA 8.2, so that late packets
/// of the old connection do not reach a new one.
pub const QUARANTINE_S: u32 = 30;

/// Protocols with ports or identifiers of their own.
const PROTOCOLS: usize = 3;
/// The connection of a port that is free or rests.
const NOBODY: u32 = u32::MAX;
/// The place of a port that is not this worker's.
const FOREIGN: u16 = u16::MAX;

/// A translation that a connection uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xlate {
    /// Mapped address.
    pub address: u32,
    /// IP protocol number.
    pub protocol: u8,
    /// Mapped port or ICMP identifier.
    pub port: u16,
    /// Index of its connection in this worker's table.
    pub conn: u32,
}

/// How many translations there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NatCounts {
    /// Now, resting ones included: an ASA shows them until they go.
    pub in_use: u32,
    /// At most since the start.
    pub most_used: u32,
}

/// The ports of one mapped address and one protocol, by their place among the worker's own.
#[derive(Debug)]
struct Pool {
    /// Connection of each port, [`NOBODY`] when there is none.
    conns: Box<[u32]>,
    /// Places of free ports, in no order.
    free: Vec<u16>,
    /// Resting ports, oldest first.
    resting: Resting,
}

impl Pool {
    fn new(ports: usize) -> Self {
        Self {
            conns: vec![NOBODY; ports].into_boxed_slice(),
            free: (0..ports as u16).collect(),
            resting: Resting::new(ports),
        }
    }

    /// Gives back the ports that have rested long enough, and answers how many.
    fn wake(&mut self, now: u32) -> u32 {
        let mut woken = 0;
        while let Some((place, until)) = self.resting.first() {
            if (now.wrapping_sub(until) as i32) < 0 {
                break;
            }
            self.resting.remove_first();
            // There is room for every place. The compiler is told so, which leaves no way to the
            // allocator.
            if self.free.len() < self.free.capacity() {
                self.free.push(place);
            }
            woken += 1;
        }
        woken
    }

    fn is_unused(&self) -> bool {
        self.free.len() == self.conns.len()
    }
}

/// The pools of one mapped address.
#[derive(Debug)]
struct Mapped {
    /// The address, `None` while the pools wait for one.
    address: Option<u32>,
    pools: [Pool; PROTOCOLS],
}

/// The translations of one worker. All memory is taken when it is made; time is in ticks of the
/// coarse clock ([`TICKS_PER_S`]).
///
/// Pools belong to addresses, not to rules: a changed configuration leaves existing translations
/// alone, and an address that is no longer used gives way to a new one when its last port is free.
#[derive(Debug)]
pub struct WorkerNat {
    /// The port of each place.
    ports: Box<[u16]>,
    /// The place of each port, [`FOREIGN`] for those of other workers.
    places: Box<[u16]>,
    mapped: [Mapped; ADDRESSES_MAX],
    counts: NatCounts,
    key: [u64; 2],
    draws: u64,
}

impl WorkerNat {
    /// The translations of `worker`. `seed` is secret and differs between workers: who knows it
    /// knows the ports to come.
    pub fn new(blocks: PortBlocks, worker: u8, seed: [u64; 2]) -> Self {
        let ports: Box<[u16]> = blocks.ports_of(worker).collect();
        let mut places = vec![FOREIGN; 1 << 16].into_boxed_slice();
        for (place, port) in ports.iter().enumerate() {
            places[usize::from(*port)] = place as u16;
        }
        let mapped = core::array::from_fn(|_| Mapped {
            address: None,
            pools: core::array::from_fn(|_| Pool::new(ports.len())),
        });
        Self {
            ports,
            places,
            mapped,
            counts: NatCounts::default(),
            key: seed,
            draws: 0,
        }
    }

    /// A port of `address` for the connection with this index, chosen at random among all that are
    /// free (RFC 6056 section 3.3.1); `None` when none is free, the protocol has no ports, or
    /// [`ADDRESSES_MAX`] other addresses are in use.
    pub fn allocate(&mut self, address: u32, protocol: u8, conn: u32, now: u32) -> Option<u16> {
        let which = pool_index(protocol)?;
        let draw = self.draw();
        let at = self.place_of_address(address, now)?;
        let pool = &mut self.mapped.get_mut(at)?.pools[which];
        let woken = pool.wake(now);
        self.counts.in_use -= woken;
        if conn == NOBODY || pool.free.is_empty() {
            return None;
        }
        let chosen = ((u128::from(draw) * pool.free.len() as u128) >> 64) as usize;
        let last = pool.free.pop()?;
        let place = pool
            .free
            .get_mut(chosen)
            .map_or(last, |place| core::mem::replace(place, last));
        *pool.conns.get_mut(usize::from(place))? = conn;
        self.counts.in_use += 1;
        self.counts.most_used = self.counts.most_used.max(self.counts.in_use);
        self.ports.get(usize::from(place)).copied()
    }

    /// The connection that uses this mapped port; `None` when nobody does, it rests, or it belongs
    /// to another worker.
    #[inline]
    pub fn lookup(&self, address: u32, protocol: u8, port: u16) -> Option<u32> {
        let which = pool_index(protocol)?;
        let mapped = self
            .mapped
            .iter()
            .find(|mapped| mapped.address == Some(address))?;
        let place = *self.places.get(usize::from(port))?;
        let conn = *mapped.pools[which].conns.get(usize::from(place))?;
        (conn != NOBODY).then_some(conn)
    }

    /// The connection that used this port has ended: the port rests for [`QUARANTINE_S`]. `false`
    /// when `conn` does not use it.
    pub fn release(&mut self, address: u32, protocol: u8, port: u16, conn: u32, now: u32) -> bool {
        if conn == NOBODY || self.lookup(address, protocol, port) != Some(conn) {
            return false;
        }
        let Some(&place) = self.places.get(usize::from(port)) else {
            return false;
        };
        let pool = pool_index(protocol).and_then(|which| {
            let mut all = self.mapped.iter_mut();
            let mapped = all.find(|mapped| mapped.address == Some(address))?;
            Some(&mut mapped.pools[which])
        });
        let Some(pool) = pool else {
            return false;
        };
        let Some(user) = pool.conns.get_mut(usize::from(place)) else {
            return false;
        };
        *user = NOBODY;
        let until = now.wrapping_add(QUARANTINE_S * TICKS_PER_S);
        pool.resting.add(place, until);
        true
    }

    /// How many translations there are, after those that have rested long enough are gone.
    pub fn counts(&mut self, now: u32) -> NatCounts {
        let pools = self.mapped.iter_mut().flat_map(|mapped| &mut mapped.pools);
        let woken: u32 = pools.map(|pool| pool.wake(now)).sum();
        self.counts.in_use -= woken;
        self.counts
    }

    /// The translations in use from `cursor` on (zero to begin), at most `budget` ports looked at,
    /// each given to `see`. Answers where to go on, `None` at the end.
    pub fn walk(&self, cursor: u32, budget: u32, mut see: impl FnMut(Xlate)) -> Option<u32> {
        let per_pool = self.ports.len() as u32;
        let end = per_pool * (ADDRESSES_MAX * PROTOCOLS) as u32;
        let stop = cursor.saturating_add(budget).min(end);
        for at in cursor..stop {
            let (pool, place) = ((at / per_pool) as usize, (at % per_pool) as usize);
            let mapped = &self.mapped[pool / PROTOCOLS];
            let conn = mapped.pools[pool % PROTOCOLS].conns[place];
            if let (Some(address), true) = (mapped.address, conn != NOBODY) {
                see(Xlate {
                    address,
                    protocol: PROTOCOL_OF_POOL[pool % PROTOCOLS],
                    port: self.ports[place],
                    conn,
                });
            }
        }
        (stop < end).then_some(stop)
    }

    /// The place of `address`, an unused one when it has none yet.
    fn place_of_address(&mut self, address: u32, now: u32) -> Option<usize> {
        let known = |mapped: &Mapped| mapped.address == Some(address);
        if let Some(at) = self.mapped.iter().position(known) {
            return Some(at);
        }
        let _ = self.counts(now);
        let at = self
            .mapped
            .iter()
            .position(|mapped| mapped.pools.iter().all(Pool::is_unused))?;
        self.mapped[at].address = Some(address);
        Some(at)
    }

    /// The next number of a keyed generator: nobody without the key can tell it from chance.
    fn draw(&mut self) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key[0], self.key[1]);
        hasher.write_u64(self.draws);
        self.draws = self.draws.wrapping_add(1);
        hasher.finish()
    }
}

const PROTOCOL_OF_POOL: [u8; PROTOCOLS] = [protocol::TCP, protocol::UDP, protocol::ICMP];

#[inline]
const fn pool_index(protocol: u8) -> Option<usize> {
    match protocol {
        protocol::TCP => Some(0),
        protocol::UDP => Some(1),
        protocol::ICMP => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const ADDRESS: u32 = 0xd1a5_c902;
    const REST: u32 = QUARANTINE_S * TICKS_PER_S;

    fn worker(workers: usize, index: u8) -> (PortBlocks, WorkerNat) {
        let blocks = PortBlocks::new(workers).unwrap();
        (blocks, WorkerNat::new(blocks, index, [7, u64::from(index)]))
    }

    #[test]
    fn a_port_names_its_worker_and_its_connection() {
        let (blocks, mut nat) = worker(3, 2);
        for conn in 0..1000 {
            let port = nat.allocate(ADDRESS, protocol::TCP, conn, 0).unwrap();
            assert_eq!(blocks.owner_of(port), 2);
            assert_eq!(nat.lookup(ADDRESS, protocol::TCP, port), Some(conn));
            assert_eq!(nat.lookup(ADDRESS, protocol::UDP, port), None);
            assert_eq!(nat.lookup(ADDRESS + 1, protocol::TCP, port), None);
        }
        assert_eq!(
            nat.counts(0),
            NatCounts {
                in_use: 1000,
                most_used: 1000
            }
        );
    }

    #[test]
    fn ports_run_out_rest_and_come_back() {
        let (blocks, mut nat) = worker(64, 5);
        let own = blocks.ports_of(5).count();
        let ports: Vec<u16> = (0..own)
            .map(|conn| {
                nat.allocate(ADDRESS, protocol::UDP, conn as u32, 10)
                    .unwrap()
            })
            .collect();
        assert_eq!(ports.iter().collect::<HashSet<_>>().len(), own);
        assert_eq!(nat.allocate(ADDRESS, protocol::UDP, 9999, 10), None);
        assert!(nat.allocate(ADDRESS, protocol::ICMP, 9999, 10).is_some());
        assert!(!nat.release(ADDRESS, protocol::UDP, ports[3], 4, 20));
        assert!(nat.release(ADDRESS, protocol::UDP, ports[3], 3, 20));
        assert!(!nat.release(ADDRESS, protocol::UDP, ports[3], 3, 20));
        assert_eq!(nat.lookup(ADDRESS, protocol::UDP, ports[3]), None);
        assert_eq!(
            nat.allocate(ADDRESS, protocol::UDP, 77, 20 + REST - 1),
            None
        );
        assert_eq!(
            nat.allocate(ADDRESS, protocol::UDP, 77, 20 + REST),
            Some(ports[3])
        );
    }

    #[test]
    fn the_coarse_clock_may_wrap_while_a_port_rests() {
        let (_, mut nat) = worker(1, 0);
        let port = nat
            .allocate(ADDRESS, protocol::TCP, 1, u32::MAX - 10)
            .unwrap();
        assert!(nat.release(ADDRESS, protocol::TCP, port, 1, u32::MAX - 5));
        assert_eq!(nat.counts(u32::MAX).in_use, 1);
        assert_eq!(nat.counts(REST.wrapping_sub(7)).in_use, 1);
        assert_eq!(nat.counts(REST.wrapping_sub(6)).in_use, 0);
        assert_eq!(nat.counts(0).most_used, 1);
    }

    #[test]
    fn an_unused_address_gives_way() {
        let (_, mut nat) = worker(1, 0);
        let mut ports = Vec::new();
        for address in 0..ADDRESSES_MAX as u32 {
            ports.push(nat.allocate(address, protocol::TCP, address, 0).unwrap());
        }
        assert_eq!(nat.allocate(1000, protocol::TCP, 1, 0), None);
        assert!(nat.release(2, protocol::TCP, ports[2], 2, 0));
        assert_eq!(nat.allocate(1000, protocol::TCP, 1, 1), None);
        let port = nat.allocate(1000, protocol::TCP, 1, REST).unwrap();
        assert_eq!(nat.lookup(1000, protocol::TCP, port), Some(1));
        assert_eq!(nat.lookup(2, protocol::TCP, port), None);
    }

    #[test]
    fn a_walk_in_steps_sees_every_translation() {
        let (_, mut nat) = worker(2, 1);
        let mut made = HashSet::new();
        for conn in 0..300 {
            for protocol in PROTOCOL_OF_POOL {
                let port = nat.allocate(ADDRESS, protocol, conn, 0).unwrap();
                made.insert((protocol, port, conn));
            }
        }
        let mut seen = HashSet::new();
        let mut cursor = Some(0);
        while let Some(at) = cursor {
            cursor = nat.walk(at, 10_007, |xlate| {
                assert_eq!(xlate.address, ADDRESS);
                seen.insert((xlate.protocol, xlate.port, xlate.conn));
            });
        }
        assert_eq!(seen, made);
    }

    #[test]
    fn protocols_without_ports_get_none() {
        let (_, mut nat) = worker(1, 0);
        assert_eq!(nat.allocate(ADDRESS, protocol::ESP, 1, 0), None);
        assert_eq!(nat.allocate(ADDRESS, 47, 1, 0), None);
    }

    #[test]
    fn another_seed_gives_other_ports() {
        let blocks = PortBlocks::new(1).unwrap();
        let first = |seed| {
            let mut nat = WorkerNat::new(blocks, 0, seed);
            let port = |conn| nat.allocate(ADDRESS, protocol::TCP, conn, 0);
            (0..8).map(port).collect::<Vec<_>>()
        };
        assert_ne!(first([1, 2]), first([1, 3]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_port_has_one_connection_at_a_time(
            steps in prop::collection::vec((any::<bool>(), 0usize..3, 0u32..400), 1..400),
        ) {
            let (_, mut nat) = worker(16, 3);
            let mut live: Vec<(u8, u16, u32)> = Vec::new();
            let mut now = 0;
            for (index, (allocate, which, wait)) in steps.into_iter().enumerate() {
                now += wait;
                let protocol = PROTOCOL_OF_POOL[which];
                if allocate || live.is_empty() {
                    let conn = index as u32;
                    let port = nat.allocate(ADDRESS, protocol, conn, now).unwrap();
                    prop_assert!(live.iter().all(|(p, q, _)| (*p, *q) != (protocol, port)));
                    live.push((protocol, port, conn));
                } else {
                    let (protocol, port, conn) = live.swap_remove(index % live.len());
                    prop_assert!(nat.release(ADDRESS, protocol, port, conn, now));
                }
                for (protocol, port, conn) in &live {
                    prop_assert_eq!(nat.lookup(ADDRESS, *protocol, *port), Some(*conn));
                }
            }
            prop_assert_eq!(nat.counts(now + REST).in_use as usize, live.len());
        }
    }
}
