//! Conversations of two IKE engines, with a hand on the wire: messages lost, repeated, altered,
//! made up, and altered by a peer that has the key.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Encryption, Hash, IsakmpIdentity, IsakmpPolicy, Keepalive, MaskedNet, Secret};
use slowpath::ike::{
    Action, ClearScope, Datagram, DhJob, DhResult, Engine, Entropy, EspSuite, IKE_PORT, IkeConfig,
    NATT_PORT, PeerConfig, Selectors, SpiSource, TunnelConfig, TunnelId,
};
use slowpath::time::Time;

use super::{Script, Target};

/// IKE.
pub const TARGET: Target = Target {
    name: "ike",
    run,
    seeds,
    len_max: 512,
};

const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
const TUNNELS: [TunnelId; 2] = [TunnelId(7), TunnelId(8)];
/// Decisions of one conversation.
const STEPS_MAX: usize = 120;
/// Longer than any lifetime, retransmission and overlap of a conversation that has ended.
const WIND_DOWN_STEPS: usize = 200;
/// Phase-1 SAs that one engine may have with its only peer.
const PHASE1_MAX: usize = 12;
/// SPIs that one engine may hold: two tunnels, all exchanges of all phase-1 SAs.
const SPIS_MAX: usize = 1000;

/// A generator that is fixed by its seed.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *byte = (self.0 >> 24) as u8;
        }
    }
}

/// SPIs in order, with what became of them.
#[derive(Default)]
struct Spis {
    last: u32,
    held: std::collections::BTreeSet<u32>,
}

impl SpiSource for Spis {
    fn reserve(&mut self, _: TunnelId) -> Option<u32> {
        self.last += 1;
        self.held.insert(self.last);
        Some(self.last)
    }

    fn release(&mut self, spi: u32) {
        assert!(self.held.remove(&spi), "SPI {spi} was given back twice");
    }
}

struct End {
    engine: Engine,
    spis: Spis,
    /// Inbound SPIs of the pairs that are up, with their outbound SPIs.
    pairs: BTreeMap<u32, u32>,
}

struct Flight {
    to: usize,
    local: SocketAddrV4,
    remote: SocketAddrV4,
    message: Vec<u8>,
}

struct Conversation {
    now: Time,
    ends: [End; 2],
    wire: VecDeque<Flight>,
    /// The last messages that were sent.
    seen: Vec<Flight>,
}

fn compute(job: DhJob) -> DhResult {
    #[cfg(fuzzing)]
    return job.pretend();
    #[cfg(not(fuzzing))]
    job.run()
}

/// The next message that this end protects says something else.
#[cfg(fuzzing)]
fn alter_next(script: &mut Script<'_>) {
    let count = script.byte() % 4;
    let edit = |_| slowpath::ike::fuzzing::Edit {
        at: script.word() % 1024,
        mask: script.byte(),
    };
    slowpath::ike::fuzzing::alter_next((0..=count).map(edit).collect());
}

#[cfg(not(fuzzing))]
fn alter_next(script: &mut Script<'_>) {
    let count = script.byte() % 4;
    let _ = script.take(usize::from(count + 1) * 3);
}

impl Conversation {
    fn new(options: u8) -> Self {
        let end = |own: usize| End {
            engine: Engine::new(
                configuration(own, options),
                Box::new(Seeded(own as u64 + 1)),
            ),
            spis: Spis {
                last: (own as u32 + 1) << 16,
                ..Spis::default()
            },
            pairs: BTreeMap::new(),
        };
        Self {
            now: Time(1000),
            ends: [end(0), end(1)],
            wire: VecDeque::new(),
            seen: Vec::new(),
        }
    }

    fn with(&mut self, end: usize, call: impl FnOnce(&mut Engine, Time, &mut Spis)) {
        let now = self.now;
        let own = &mut self.ends[end];
        call(&mut own.engine, now, &mut own.spis);
        while let Some(action) = self.ends[end].engine.poll_action() {
            self.act(end, action);
        }
        let own = &self.ends[end];
        assert!(own.engine.ike_sas(now).len() <= PHASE1_MAX);
        assert!(own.spis.held.len() <= SPIS_MAX);
    }

    fn act(&mut self, end: usize, action: Action) {
        let own = &mut self.ends[end];
        match action {
            Action::Send {
                local,
                remote,
                message,
                keepalive: false,
            } => {
                assert_eq!(
                    (*local.ip(), *remote.ip()),
                    (ADDRESSES[end], ADDRESSES[1 - end])
                );
                let flight = |message| Flight {
                    to: 1 - end,
                    local: remote,
                    remote: local,
                    message,
                };
                if self.seen.len() < 64 {
                    self.seen.push(flight(message.clone()));
                }
                if self.wire.len() < 64 {
                    self.wire.push_back(flight(message));
                }
            }
            Action::Compute(job) => {
                let result = compute(job);
                let (engine, spis, now) = (&mut own.engine, &mut own.spis, self.now);
                engine.computed(now, spis, result);
            }
            Action::ChildUp(child) => {
                assert!(own.spis.held.contains(&child.inbound_spi));
                let before = own.pairs.insert(child.inbound_spi, child.outbound_spi);
                assert!(before.is_none(), "a pair comes up once");
            }
            Action::ChildDown {
                inbound_spi,
                outbound_spi,
                ..
            } => {
                let pair = own.pairs.remove(&inbound_spi);
                assert_eq!(pair, Some(outbound_spi), "a pair ends once");
                assert!(own.spis.held.remove(&inbound_spi));
            }
            Action::Log { text, .. } => assert!(!text.contains(char::is_control), "{text:?}"),
            _ => {}
        }
    }

    fn deliver(&mut self, flight: &Flight) {
        self.with(flight.to, |engine, now, spis| {
            let datagram = Datagram {
                local: flight.local,
                remote: flight.remote,
                message: &flight.message,
            };
            engine.datagram(now, spis, datagram);
        });
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now.after_ms(ms);
        for end in 0..2 {
            let due = self.ends[end].engine.next_timeout();
            if due.is_some_and(|due| due <= self.now) {
                self.with(end, |engine, now, spis| engine.timeout(now, spis));
            }
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let what = script.byte();
        let end = usize::from(what >> 7);
        match what & 15 {
            0..=4 => {
                if let Some(flight) = self.wire.pop_front() {
                    self.deliver(&flight);
                }
            }
            5 => self.with(end, |engine, now, spis| {
                engine.initiate(now, spis, TUNNELS[usize::from(what >> 6 & 1)]);
            }),
            6 => {
                if let Some(mut flight) = self.wire.pop_front() {
                    alter(&mut flight.message, script);
                    self.deliver(&flight);
                }
            }
            7 => drop(self.wire.pop_front()),
            8 => self.repeat(script),
            9 => self.made_up(end, script),
            10 => self.pass(u64::from(script.word()) * 20),
            11 => alter_next(script),
            12 => self.wire.rotate_left(usize::from(self.wire.len() > 1)),
            13 => self.operator(end, script.byte()),
            14 => self.moved(script),
            _ => self.pass(1_000),
        }
    }

    /// A message that was sent before, perhaps not as it was.
    fn repeat(&mut self, script: &mut Script<'_>) {
        let (which, edits) = (script.byte(), script.byte());
        let Some(earlier) = self.seen.get(usize::from(which) % self.seen.len().max(1)) else {
            return;
        };
        let mut flight = Flight {
            message: earlier.message.clone(),
            ..*earlier
        };
        if edits & 1 != 0 {
            alter(&mut flight.message, script);
        }
        self.deliver(&flight);
    }

    /// Any bytes behind a header, with the cookies of a conversation that there is.
    fn made_up(&mut self, end: usize, script: &mut Script<'_>) {
        let mut message = vec![0; 16];
        if let Some(earlier) = self.seen.last() {
            message.copy_from_slice(&earlier.message[..16]);
        }
        let choice = script.byte();
        if choice & 1 != 0 {
            message[8..].fill(0);
        }
        if choice & 2 != 0 {
            message[0] ^= choice;
        }
        let exchange = script.pick(&[2, 5, 32]);
        message.extend_from_slice(&[script.byte(), 0x10, exchange, script.byte() & 1]);
        message.extend_from_slice(&[0, 0, 0, script.byte()]);
        let len = usize::from(script.byte());
        let body = script.take(len);
        message.extend_from_slice(&(28 + body.len() as u32).to_be_bytes());
        message.extend_from_slice(body);
        let port = if choice & 4 == 0 { IKE_PORT } else { NATT_PORT };
        self.deliver(&Flight {
            to: end,
            local: SocketAddrV4::new(ADDRESSES[end], port),
            remote: SocketAddrV4::new(ADDRESSES[1 - end], port),
            message,
        });
    }

    /// The next message comes from another port, as behind a NAT that has forgotten.
    fn moved(&mut self, script: &mut Script<'_>) {
        let port = script.pick(&[IKE_PORT, NATT_PORT, 1024]);
        if let Some(mut flight) = self.wire.pop_front() {
            flight.remote.set_port(port);
            self.deliver(&flight);
        }
    }

    fn operator(&mut self, end: usize, what: u8) {
        let spi = self.ends[end].pairs.keys().next_back().copied();
        let spi = spi.unwrap_or(u32::from(what));
        self.with(end, |engine, now, spis| match what % 9 {
            0 => engine.clear_isakmp(now, spis, ClearScope::All),
            1 => engine.clear_ipsec(now, ClearScope::Peer(ADDRESSES[1 - end])),
            2 => engine.clear_ipsec(now, ClearScope::Tunnel(TUNNELS[0])),
            3 => engine.rekey(now, spis, spi),
            4 => engine.expire(now, spi),
            5 => engine.child_failed(now, spi),
            6 => engine.clear_pair(now, ADDRESSES[end], spi),
            7 => engine.inbound_seen(now, ADDRESSES[1 - end]),
            _ => drop(engine.configure(now, spis, configuration(end, what))),
        });
    }

    /// When both are shut down and time has passed, nothing is left.
    fn wind_down(mut self) {
        self.wire.clear();
        for end in 0..2 {
            self.with(end, |engine, now, spis| engine.shutdown(now, spis));
        }
        self.wire.clear();
        for _ in 0..WIND_DOWN_STEPS {
            self.pass(1_000);
            self.wire.clear();
        }
        for end in &self.ends {
            assert!(end.engine.ike_sas(self.now).is_empty(), "a phase 1 is left");
            assert!(end.pairs.is_empty(), "a pair is left");
            assert!(
                end.spis.held.is_empty(),
                "SPIs are left: {:x?}",
                end.spis.held
            );
        }
    }
}

/// Changes a few bytes, perhaps the length.
fn alter(message: &mut Vec<u8>, script: &mut Script<'_>) {
    let how = script.byte();
    for _ in 0..=how % 4 {
        let at = usize::from(script.word()) % message.len().max(1);
        let mask = script.byte();
        if let Some(byte) = message.get_mut(at) {
            *byte ^= mask;
        }
    }
    if how & 0x40 != 0 {
        message.truncate(usize::from(script.word()) % (message.len() + 1));
    }
    if let (true, Some(field)) = (how & 0x80 != 0, message.get_mut(24..28)) {
        let len = (field.len() as u32).to_be_bytes();
        field.copy_from_slice(&len);
        let len = (message.len() as u32).to_be_bytes();
        message[24..28].copy_from_slice(&len);
    }
}

fn net(octet: usize) -> MaskedNet {
    MaskedNet::new(
        Ipv4Addr::new(10, octet as u8, 0, 0),
        Ipv4Addr::new(255, 255, 0, 0),
    )
}

/// Bits of `options`: PFS, another cipher, no NAT traversal, short lifetimes, no second tunnel.
fn configuration(own: usize, options: u8) -> IkeConfig {
    let has = |bit: u8| options & 1 << bit != 0;
    let peer = ADDRESSES[1 - own];
    let tunnel = |(at, id): (usize, TunnelId)| TunnelConfig {
        id,
        map_name: "map".to_owned(),
        nameif: "outside".to_owned(),
        local: ADDRESSES[own],
        peers: vec![peer],
        selectors: Selectors {
            local: net(at * 2 + own),
            remote: net(at * 2 + 1 - own),
            protocol: 0,
            local_port: 0,
            remote_port: 0,
        },
        proposals: vec![EspSuite {
            encryption: Encryption::Aes128,
            integrity: Some(Hash::Sha1),
        }],
        pfs: has(0).then_some(2),
        lifetime_s: if has(3) { 120 } else { 28_800 },
        lifetime_kb: None,
    };
    let count = if has(4) { 1 } else { 2 };
    IkeConfig {
        policies: vec![IsakmpPolicy {
            priority: 5,
            encryption: if has(1) {
                Encryption::TripleDes
            } else {
                Encryption::Aes256
            },
            hash: Hash::Sha256,
            group: 2,
            lifetime_s: if has(3) { 300 } else { 86_400 },
        }],
        identity: IsakmpIdentity::Auto,
        fqdn: String::new(),
        nat_traversal_s: (!has(2)).then_some(20),
        peers: vec![PeerConfig {
            address: peer,
            pre_shared_key: Some(Secret::new("swordfish".to_owned())),
            keepalive: Keepalive::default(),
        }],
        tunnels: TUNNELS
            .into_iter()
            .enumerate()
            .take(count)
            .map(tunnel)
            .collect(),
    }
}

fn run(input: &[u8]) {
    let mut script = Script(input);
    let mut conversation = Conversation::new(script.byte());
    for _ in 0..STEPS_MAX {
        if script.is_over() {
            break;
        }
        conversation.step(&mut script);
    }
    conversation.wind_down();
}

fn seeds() -> Vec<Vec<u8>> {
    const INITIATE: u8 = 5;
    /// The step is of the other end.
    const THERE: u8 = 0x80;
    let go = |count: usize| vec![0; count];
    let mut seeds = Vec::new();
    for options in [0, 1, 2, 4, 8] {
        // A tunnel; then a rekey, an alteration, a deletion, a day.
        let up = [vec![options, INITIATE], go(14)].concat();
        seeds.push(up.clone());
        seeds.push([&up[..], &[13, 3], &go(8)].concat());
        seeds.push([&up[..], &[0x40 | INITIATE], &go(6)].concat());
        seeds.push([&up[..], &[THERE + 11, 0, 0, 1, 5, THERE + 13, 3], &go(6)].concat());
        seeds.push([&up[..], &[13, 0], &go(4)].concat());
        seeds.push([&up[..], &[15; 40]].concat());
        for at in 1..9 {
            let (head, tail) = up.split_at(at + 2);
            seeds.push([head, &[11, 1, 0, 40, 1, 0, 44, 7], tail].concat());
            seeds.push([head, &[6, 1, 0, 40, 1, 0, 44, 7], tail].concat());
        }
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_inputs_bring_a_tunnel_up() {
        for seed in seeds() {
            let mut script = Script(&seed);
            let mut conversation = Conversation::new(script.byte());
            let mut most = 0;
            while !script.is_over() {
                conversation.step(&mut script);
                most = most.max(conversation.ends[0].pairs.len());
            }
            // One altered message may cost the tunnel, nothing else does.
            let altered = seed[2..].contains(&6);
            assert!(most > 0 || altered, "{seed:?}");
        }
    }
}
