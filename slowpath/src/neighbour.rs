//! ARP (RFC 826): who stands behind a next hop, and who we are.
//!
//! A worker that meets an unresolved next hop sends its packet here. One packet per next hop is
//! held, the newest; the next hop is asked for once per second, three times, and then has failed
//! for a while. Next hops that answered are asked again before their entry gets old. Nothing is
//! learned of stations that nobody has asked for, so strangers fill no table, and what is of no use
//! gives its entry back.

mod retire;

use std::collections::BTreeMap;

use fastpath::control::Neighbours;
use fastpath::tunnel::{Adjacency, AdjacencyId, NeighbourState};
use fastpath::verdict::DropReason;
use fastpath::wire::arp::{Arp, Operation};
use fastpath::wire::ethernet::{self, Ethernet, Mac, ethertype};

use crate::local_net::{LocalInterface, LocalNet};
use crate::stats::view::arp::{ArpTable, Neighbour};
use crate::time::Time;

/// Time between two requests for one next hop.
pub const REQUEST_INTERVAL_MS: u64 = 1_000;
/// Requests without an answer after which a next hop has failed.
pub const REQUESTS_MAX: u8 = 3;
/// Time after which a next hop that failed may be asked for again.
pub const FAILED_HOLD_MS: u64 = 5_000;
/// Age at which an entry is asked for again; the ASA's `arp timeout`.
pub const REFRESH_AGE_MS: u64 = 4 * 60 * 60 * 1_000;
/// Packets that wait for next hops: a hundredth of the smallest buffer pool.
pub const HELD_MAX: usize = 128;
/// Next hops that are asked for at one time; more wait for their next packet.
pub const ASKS_MAX: usize = 1_024;

pub use retire::{IDLE_HOLD_MS, PRESSURE, RETIRE_STEP, WALK_STEP};

/// The table of next hops, as ARP changes it.
pub trait NextHops {
    /// A next hop by its index.
    fn get(&self, id: AdjacencyId) -> Option<Adjacency>;
    /// A next hop by its address.
    fn find(&self, interface: u8, next_hop: u32) -> Option<Adjacency>;
    /// A station has told its address; `false` when nobody has asked for it.
    fn learn(&mut self, interface: u8, next_hop: u32, mac: [u8; 6]) -> bool;
    /// Changes what is known of a next hop.
    fn set_state(&mut self, id: AdjacencyId, state: NeighbourState) -> bool;
    /// Up to `limit` next hops from index `from` on, by index.
    fn walk(&self, from: u16, limit: usize) -> Vec<Adjacency>;
    /// Takes a next hop out of use.
    fn retire(&mut self, id: AdjacencyId) -> bool;
}

impl NextHops for Neighbours {
    fn get(&self, id: AdjacencyId) -> Option<Adjacency> {
        Self::get(self, id)
    }

    fn find(&self, interface: u8, next_hop: u32) -> Option<Adjacency> {
        Self::find(self, interface, next_hop)
    }

    fn learn(&mut self, interface: u8, next_hop: u32, mac: [u8; 6]) -> bool {
        Self::learn(self, interface, next_hop, mac)
    }

    fn set_state(&mut self, id: AdjacencyId, state: NeighbourState) -> bool {
        Self::set_state(self, id, state)
    }

    fn walk(&self, from: u16, limit: usize) -> Vec<Adjacency> {
        Self::walk(self, from).take(limit).collect()
    }

    fn retire(&mut self, id: AdjacencyId) -> bool {
        Self::retire(self, id)
    }
}

/// What ARP wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect<P> {
    /// Send this frame out of a port.
    Frame {
        /// EAL port.
        port: u16,
        /// The whole frame.
        frame: [u8; FRAME_LEN],
    },
    /// The packet's next hop is known: send it.
    Send(P),
    /// The packet waited in vain, or a newer one took its place.
    Drop(P, DropReason),
    /// Another station claims one of our addresses (405001).
    Collision {
        /// EAL port on which it was heard.
        port: u16,
        /// The address.
        address: u32,
        /// The station.
        mac: Mac,
        /// In a request, else in a reply.
        request: bool,
    },
}

/// Bytes of a frame with an ARP message; the NIC pads it.
pub const FRAME_LEN: usize = ethernet::LEN + fastpath::wire::arp::LEN;

/// A next hop that is being asked for.
#[derive(Debug)]
struct Ask<P> {
    interface: u8,
    next_hop: u32,
    sent: u8,
    next: Time,
    held: Option<P>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It has answered, and somebody who knows of it has wanted it last.
    Answered { at: Time, wanted: Time },
    /// It does not answer.
    Failed(Time),
    /// Nobody asks for it.
    Idle(Time),
}

impl Known {
    const fn answered(at: Time) -> Self {
        Self::Answered { at, wanted: at }
    }
}

/// ARP's state; `P` is a packet.
#[derive(Debug)]
pub struct Resolver<P> {
    asks: BTreeMap<u16, Ask<P>>,
    known: BTreeMap<u16, Known>,
    held: usize,
    /// Where the walk over the table goes on.
    walk_from: u16,
}

impl<P> Default for Resolver<P> {
    fn default() -> Self {
        Self {
            asks: BTreeMap::new(),
            known: BTreeMap::new(),
            held: 0,
            walk_from: 0,
        }
    }
}

impl<P> Resolver<P> {
    /// Packets that wait.
    pub const fn held(&self) -> usize {
        self.held
    }

    /// A packet waits for a next hop, or (without a packet) one will be needed soon.
    pub fn want(
        &mut self,
        id: AdjacencyId,
        packet: Option<P>,
        net: &LocalNet,
        hops: &impl NextHops,
        now: Time,
    ) -> Vec<Effect<P>> {
        let mut effects = Vec::new();
        let Some(adjacency) = hops.get(id) else {
            effects.extend(packet.map(|packet| Effect::Drop(packet, DropReason::NoAdjacency)));
            return effects;
        };
        match adjacency.state {
            // It has answered, or failed, while the packet was on its way here.
            NeighbourState::Reachable | NeighbourState::Stale => {
                if let Some(Known::Answered { wanted, .. }) = self.known.get_mut(&id.raw()) {
                    *wanted = now;
                }
                effects.extend(packet.map(Effect::Send));
                return effects;
            }
            NeighbourState::Failed => {
                effects.extend(packet.map(|packet| Effect::Drop(packet, DropReason::NoAdjacency)));
                return effects;
            }
            NeighbourState::Incomplete => {}
        }
        let fresh = !self.asks.contains_key(&id.raw());
        if fresh && self.asks.len() >= ASKS_MAX {
            effects.extend(packet.map(|packet| Effect::Drop(packet, DropReason::NeighbourHold)));
            return effects;
        }
        let ask = self.asks.entry(id.raw()).or_insert(Ask {
            interface: adjacency.interface,
            next_hop: adjacency.next_hop,
            sent: 0,
            next: now,
            held: None,
        });
        if let Some(packet) = packet {
            if ask.held.is_none() && self.held >= HELD_MAX {
                effects.push(Effect::Drop(packet, DropReason::NeighbourHold));
            } else if let Some(older) = ask.held.replace(packet) {
                effects.push(Effect::Drop(older, DropReason::NeighbourHold));
            } else {
                self.held += 1;
            }
        }
        if fresh {
            effects.extend(ask.request(net, None, now));
            self.known.remove(&id.raw());
        }
        effects
    }

    /// A frame that the workers took for ARP.
    pub fn frame(
        &mut self,
        port: u16,
        frame: &[u8],
        net: &LocalNet,
        hops: &mut impl NextHops,
        now: Time,
    ) -> Vec<Effect<P>> {
        let mut effects = Vec::new();
        let Some(interface) = net.by_port(port) else {
            return effects;
        };
        let Some((header, payload)) = Ethernet::parse(frame) else {
            return effects;
        };
        let Some(message) = Arp::parse(payload) else {
            return effects;
        };
        let (mac, sender) = (message.sender_mac(), message.sender_address());
        let Some(operation) = message.operation() else {
            return effects;
        };
        // A message that names another station than its frame, or a group, is forged.
        if mac != header.src() || mac.is_group() || mac == interface.mac {
            return effects;
        }
        if interface.answers_for(sender) {
            let request = operation == Operation::Request;
            effects.push(Effect::Collision {
                port,
                address: sender,
                mac,
                request,
            });
            return effects;
        }
        if sender != 0 && hops.learn(interface.index, sender, mac.0) {
            self.answered(interface.index, sender, hops, now, &mut effects);
        }
        if operation == Operation::Request && interface.answers_for(message.target_address()) {
            let reply = message.reply(interface.mac);
            effects.push(frame_of(interface, mac, &reply));
        }
        effects
    }

    fn answered(
        &mut self,
        interface: u8,
        next_hop: u32,
        hops: &impl NextHops,
        now: Time,
        effects: &mut Vec<Effect<P>>,
    ) {
        let Some(adjacency) = hops.find(interface, next_hop) else {
            return;
        };
        let id = adjacency.id.raw();
        self.known.insert(id, Known::answered(now));
        if let Some(packet) = self.asks.remove(&id).and_then(|ask| ask.held) {
            self.held -= 1;
            effects.push(Effect::Send(packet));
        }
    }

    /// Requests that are due, failures, entries that get old. Once per turn; cheap when nothing
    /// is asked for.
    pub fn tick(&mut self, net: &LocalNet, hops: &mut impl NextHops, now: Time) -> Vec<Effect<P>> {
        let mut effects = Vec::new();
        let due: Vec<u16> = self
            .asks
            .iter()
            .filter(|(_, ask)| ask.next <= now)
            .map(|(&id, _)| id)
            .collect();
        for raw in due {
            let Some(ask) = self.asks.get_mut(&raw) else {
                continue;
            };
            let id = AdjacencyId::from_raw(raw);
            if ask.sent < REQUESTS_MAX {
                let known = hops.get(id).and_then(|adjacency| adjacency.mac);
                effects.extend(ask.request(net, known.map(Mac), now));
                continue;
            }
            hops.set_state(id, NeighbourState::Failed);
            self.known.insert(raw, Known::Failed(now));
            if let Some(packet) = self.asks.remove(&raw).and_then(|ask| ask.held) {
                self.held -= 1;
                effects.push(Effect::Drop(packet, DropReason::NoAdjacency));
            }
        }
        effects
    }

    /// Entries that get old are asked for again, failed ones may be. Once per second.
    pub fn age(&mut self, net: &LocalNet, hops: &mut impl NextHops, now: Time) -> Vec<Effect<P>> {
        let mut effects = Vec::new();
        let old: Vec<(u16, Known)> = self
            .known
            .iter()
            .filter(|(_, known)| match known {
                Known::Answered { at, .. } => now.since_ms(*at) >= REFRESH_AGE_MS,
                Known::Failed(at) => now.since_ms(*at) >= FAILED_HOLD_MS,
                Known::Idle(_) => false,
            })
            .map(|(&id, &known)| (id, known))
            .collect();
        for (raw, known) in old {
            let id = AdjacencyId::from_raw(raw);
            if matches!(known, Known::Failed(_)) {
                self.known.insert(raw, Known::Idle(now));
                hops.set_state(id, NeighbourState::Incomplete);
                continue;
            }
            let Some(adjacency) = hops.get(id) else {
                self.known.remove(&raw);
                continue;
            };
            if self.asks.contains_key(&raw) || self.asks.len() >= ASKS_MAX {
                continue;
            }
            hops.set_state(id, NeighbourState::Stale);
            let mut ask = Ask {
                interface: adjacency.interface,
                next_hop: adjacency.next_hop,
                sent: 0,
                next: now,
                held: None,
            };
            effects.extend(ask.request(net, adjacency.mac.map(Mac), now));
            self.asks.insert(raw, ask);
        }
        effects
    }

    /// Gives up every packet that waits.
    pub fn drain(&mut self) -> Vec<P> {
        self.held = 0;
        std::mem::take(&mut self.asks)
            .into_values()
            .filter_map(|ask| ask.held)
            .collect()
    }

    /// `clear arp`: everything is asked for anew when it is needed.
    pub fn clear(&mut self, hops: &mut impl NextHops) {
        for &raw in self.known.keys() {
            hops.set_state(AdjacencyId::from_raw(raw), NeighbourState::Incomplete);
        }
        self.known.clear();
    }

    /// `show arp`.
    pub fn view(&self, net: &LocalNet, hops: &impl NextHops, now: Time) -> ArpTable {
        let answered = self.known.iter().filter_map(|(&raw, known)| match known {
            Known::Answered { at, .. } => Some((AdjacencyId::from_raw(raw), *at)),
            Known::Failed(_) | Known::Idle(_) => None,
        });
        let rows = answered.filter_map(|(id, at)| {
            let adjacency = hops.get(id)?;
            Some(Neighbour {
                nameif: net.by_index(adjacency.interface)?.nameif.clone(),
                address: adjacency.next_hop.into(),
                mac: adjacency.mac?,
                age_s: Some(now.since_ms(at) / 1000),
            })
        });
        ArpTable {
            neighbours: rows.collect(),
        }
    }
}

impl<P> Ask<P> {
    /// Asks: the station that is known, else all.
    fn request(&mut self, net: &LocalNet, known: Option<Mac>, now: Time) -> Option<Effect<P>> {
        self.sent += 1;
        self.next = now.after_ms(REQUEST_INTERVAL_MS);
        let interface = net.by_index(self.interface)?;
        let request = Arp::request((interface.mac, interface.address), self.next_hop);
        Some(frame_of(
            interface,
            known.unwrap_or(Mac::BROADCAST),
            &request,
        ))
    }
}

fn frame_of<P>(
    interface: &LocalInterface,
    to: Mac,
    message: &Arp<[u8; fastpath::wire::arp::LEN]>,
) -> Effect<P> {
    let mut frame = [0; FRAME_LEN];
    let (header, payload) = frame.split_at_mut(ethernet::LEN);
    header.copy_from_slice(&Ethernet::emit(to, interface.mac, ethertype::ARP).0);
    payload.copy_from_slice(&message.0);
    Effect::Frame {
        port: interface.port,
        frame,
    }
}

#[cfg(test)]
mod tests;
