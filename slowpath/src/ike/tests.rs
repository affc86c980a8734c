//! Two engines on a simulated wire: virtual time, seeded randomness, loss.

mod collision;
mod commands;
mod configured;
mod detection;
mod flood;
mod many;
mod recorded;
mod refused;
mod refused_work;
mod replaced;
mod tables;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Encryption, Hash, IsakmpIdentity, IsakmpPolicy, Keepalive, MaskedNet, Secret};

use super::v1::phase1::Phase1;
use super::*;
use crate::time::Time;

const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const TUNNEL: TunnelId = TunnelId(7);

/// A generator that a seed determines.
#[derive(Clone, Debug)]
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.next() >> 24) as u8;
        }
    }
}

/// SPIs in order.
struct Spis {
    next: u32,
    reserved: Vec<u32>,
}

impl SpiSource for Spis {
    fn reserve(&mut self, _: TunnelId) -> Option<u32> {
        self.next += 1;
        self.reserved.push(self.next);
        Some(self.next)
    }

    fn release(&mut self, spi: u32) {
        self.reserved.retain(|reserved| *reserved != spi);
    }
}

/// One end with what its owner would know.
struct End {
    engine: Engine,
    spis: Spis,
    /// Pairs that are installed: inbound SPI to the SA.
    children: BTreeMap<u32, ChildSa>,
    downs: Vec<(EndReason, bool)>,
    failed: Vec<EndReason>,
    logs: Vec<(u32, String)>,
    /// Pairs that the peer is known to have, and how.
    proofs: Vec<(u32, Proof, Time)>,
    /// Answers of a suspected peer.
    answers: usize,
    /// Keepalives for a NAT, and when they were sent.
    keepalives: Vec<Time>,
    moves: Vec<(Ipv4Addr, SocketAddrV4)>,
}

impl End {
    fn new(config: IkeConfig, seed: u64) -> Self {
        Self {
            engine: Engine::new(config, Box::new(Seeded(seed))),
            spis: Spis {
                next: seed as u32 * 0x1_0000,
                reserved: Vec::new(),
            },
            children: BTreeMap::new(),
            downs: Vec::new(),
            failed: Vec::new(),
            logs: Vec::new(),
            proofs: Vec::new(),
            answers: 0,
            keepalives: Vec::new(),
            moves: Vec::new(),
        }
    }

    fn restart(&mut self, config: IkeConfig, seed: u64) {
        *self = Self::new(config, seed);
    }

    /// Its oldest phase-1 SA.
    fn sa(&self) -> &Phase1 {
        self.engine.phase1s.iter().next().expect("an SA")
    }

    /// Alters its oldest phase-1 SA.
    fn alter_sa(&mut self, alter: impl FnOnce(&mut Phase1)) {
        let id = self.sa().id;
        self.engine.phase1s.change(id, alter);
    }

    /// Alters its configuration; nothing ends by that.
    fn alter_config(&mut self, alter: impl FnOnce(&mut IkeConfig)) {
        let mut config = self.engine.core.config().clone();
        alter(&mut config);
        self.engine.core.replace_config(config.into());
    }
}

/// A message on its way.
struct Flight {
    arrives: Time,
    to: usize,
    local: SocketAddrV4,
    remote: SocketAddrV4,
    message: Vec<u8>,
}

struct Lab {
    now: Time,
    ends: [End; 2],
    wire: Vec<Flight>,
    random: Seeded,
    loss_percent: u64,
    /// One way, and what may be added to it at random.
    delay_ms: u64,
    jitter_ms: u64,
    /// Every message that was sent, for those who forge.
    seen: Vec<Flight>,
    /// End 1 keeps the state of so many exchanges only, as strongSwan does.
    memory: Option<Memory>,
    /// Public-key work is refused at this end once so many pieces were done.
    refuses: Option<(usize, usize)>,
}

/// The exchanges that an end has in mind: the least recently used one is forgotten.
struct Memory {
    most: usize,
    kept: Vec<u32>,
    forgotten: Vec<u32>,
}

impl Memory {
    fn new(most: usize) -> Self {
        Self {
            most,
            kept: Vec::new(),
            forgotten: Vec::new(),
        }
    }

    /// Whether the message of phase 2 or of an informational exchange can be understood.
    fn use_exchange(&mut self, message: &[u8]) -> bool {
        let id = u32::from_be_bytes(message[20..24].try_into().unwrap());
        if id == 0 {
            return true;
        }
        self.kept.retain(|kept| *kept != id);
        self.kept.push(id);
        if self.kept.len() > self.most {
            self.forgotten.push(self.kept.remove(0));
        }
        !self.forgotten.contains(&id)
    }
}

const DELAY_MS: u64 = 5;

impl Lab {
    fn new(a: IkeConfig, b: IkeConfig) -> Self {
        Self {
            now: Time(1000),
            ends: [End::new(a, 1), End::new(b, 2)],
            wire: Vec::new(),
            random: Seeded(99),
            loss_percent: 0,
            delay_ms: DELAY_MS,
            jitter_ms: 0,
            seen: Vec::new(),
            memory: None,
            refuses: None,
        }
    }

    fn with<R>(&mut self, end: usize, call: impl FnOnce(&mut Engine, Time, &mut Spis) -> R) -> R {
        let now = self.now;
        let end_ref = &mut self.ends[end];
        let result = call(&mut end_ref.engine, now, &mut end_ref.spis);
        let engine = &end_ref.engine;
        assert!(engine.phase1s.is_true() && engine.core.children.is_true());
        self.drain(end);
        result
    }

    fn drain(&mut self, end: usize) {
        while let Some(action) = self.ends[end].engine.poll_action() {
            match action {
                Action::Send {
                    local,
                    remote,
                    message,
                    keepalive,
                } => {
                    if keepalive {
                        assert_eq!(message, [0xff], "RFC 3948 section 2.3");
                        let now = self.now;
                        self.ends[end].keepalives.push(now);
                        continue;
                    }
                    let lost = self.random.next() % 100 < self.loss_percent;
                    let jitter_ms = self.random.next() % (self.jitter_ms + 1);
                    let flight = |message| Flight {
                        arrives: self.now.after_ms(self.delay_ms + jitter_ms),
                        to: 1 - end,
                        local: remote,
                        remote: local,
                        message,
                    };
                    self.seen.push(flight(message.clone()));
                    if let Some(memory) = self.memory.as_mut().filter(|_| end == 1) {
                        memory.use_exchange(&message);
                    }
                    if !lost {
                        self.wire.push(flight(message));
                    }
                }
                Action::Compute(job) => match &mut self.refuses {
                    Some((at, 0)) if *at == end => {
                        self.with(end, |engine, now, spis| {
                            engine.not_computed(now, spis, &job);
                        });
                    }
                    refuses => {
                        if let Some((_, left)) = refuses.as_mut().filter(|(at, _)| *at == end) {
                            *left -= 1;
                        }
                        let result = job.run();
                        self.with(end, |engine, now, spis| engine.computed(now, spis, result));
                    }
                },
                Action::ChildUp(child) => {
                    self.ends[end].children.insert(child.inbound_spi, *child);
                }
                Action::ChildDown {
                    inbound_spi,
                    reason,
                    superseded,
                    ..
                } => {
                    let gone = self.ends[end].children.remove(&inbound_spi);
                    assert!(gone.is_some(), "a pair ends once");
                    self.ends[end].downs.push((reason, superseded));
                }
                Action::NegotiationFailed { reason, .. } => self.ends[end].failed.push(reason),
                Action::PeerReceives { inbound_spi, proof } => {
                    let now = self.now;
                    self.ends[end].proofs.push((inbound_spi, proof, now));
                }
                Action::PeerAnswered { .. } => self.ends[end].answers += 1,
                Action::PeerMoved { peer, remote } => self.ends[end].moves.push((peer, remote)),
                Action::Log { id, text, .. } => self.ends[end].logs.push((id, text)),
                _ => {}
            }
        }
    }

    fn deliver(&mut self, flight: &Flight) {
        if let Some(memory) = self.memory.as_mut().filter(|_| flight.to == 1)
            && !memory.use_exchange(&flight.message)
        {
            return;
        }
        self.with(flight.to, |engine, now, spis| {
            let datagram = Datagram {
                local: flight.local,
                remote: flight.remote,
                message: &flight.message,
            };
            engine.datagram(now, spis, datagram);
        });
    }

    /// Runs until `end` of virtual time; `each` looks at every moment.
    fn run(&mut self, for_ms: u64, mut each: impl FnMut(&Lab)) {
        let end = self.now.after_ms(for_ms);
        loop {
            let flight = self.wire.iter().map(|flight| flight.arrives).min();
            let timers = self
                .ends
                .iter()
                .filter_map(|end| end.engine.next_timeout())
                .min();
            let Some(next) = [flight, timers]
                .into_iter()
                .flatten()
                .min()
                .filter(|t| *t <= end)
            else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            let (due, later) = std::mem::take(&mut self.wire)
                .into_iter()
                .partition(|f| f.arrives <= self.now);
            self.wire = later;
            let due: Vec<Flight> = due;
            for flight in &due {
                self.deliver(flight);
            }
            for end in 0..2 {
                if self.ends[end]
                    .engine
                    .next_timeout()
                    .is_some_and(|due| due <= self.now)
                {
                    self.with(end, |engine, now, spis| engine.timeout(now, spis));
                }
            }
            each(self);
        }
    }

    fn quiet(&mut self, for_ms: u64) {
        self.run(for_ms, |_| {});
    }

    /// Pairs that both ends have, with the same keys crosswise.
    fn agreed(&self) -> usize {
        let [a, b] = &self.ends;
        a.children
            .values()
            .filter(|ours| {
                b.children.get(&ours.outbound_spi).is_some_and(|theirs| {
                    theirs.outbound_spi == ours.inbound_spi
                        && theirs.inbound_keys.encryption == ours.outbound_keys.encryption
                        && theirs.outbound_keys.integrity == ours.inbound_keys.integrity
                })
            })
            .count()
    }
}

fn net(octet: u8) -> MaskedNet {
    MaskedNet::new(
        Ipv4Addr::new(10, octet, 0, 0),
        Ipv4Addr::new(255, 255, 0, 0),
    )
}

fn policy() -> IsakmpPolicy {
    IsakmpPolicy {
        priority: 5,
        encryption: Encryption::TripleDes,
        hash: Hash::Sha1,
        group: 2,
        lifetime_s: 86_400,
    }
}

fn suite() -> EspSuite {
    EspSuite {
        encryption: Encryption::TripleDes,
        integrity: Some(Hash::Md5),
    }
}

fn config(local: Ipv4Addr, peer: Ipv4Addr, nets: (u8, u8)) -> IkeConfig {
    IkeConfig {
        policies: vec![policy()],
        identity: IsakmpIdentity::Auto,
        fqdn: String::new(),
        nat_traversal_s: Some(20),
        peers: vec![PeerConfig {
            address: peer,
            pre_shared_key: Some(Secret::new("swordfish".to_owned())),
            keepalive: Keepalive::default(),
        }],
        tunnels: vec![TunnelConfig {
            id: TUNNEL,
            map_name: "map1".to_owned(),
            nameif: "outside".to_owned(),
            local,
            peers: vec![peer],
            selectors: Selectors {
                local: net(nets.0),
                remote: net(nets.1),
                protocol: 0,
                local_port: 0,
                remote_port: 0,
            },
            proposals: vec![suite()],
            pfs: None,
            lifetime_s: 28_800,
            lifetime_kb: Some(4_608_000),
        }],
    }
}

fn pair() -> [IkeConfig; 2] {
    [config(A, B, (1, 2)), config(B, A, (2, 1))]
}

fn lab() -> Lab {
    let [a, b] = pair();
    Lab::new(a, b)
}

fn up(lab: &mut Lab) {
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(2_000);
    assert_eq!(
        lab.agreed(),
        1,
        "{:?}",
        lab.ends.each_ref().map(|end| end.logs.clone())
    );
}

#[test]
fn the_seeds_proposals_make_a_tunnel() {
    let mut lab = lab();
    up(&mut lab);
    let child = lab.ends[0].children.values().next().unwrap();
    assert_eq!((child.peer, child.local, child.remote), (B, A, B));
    assert_eq!(child.lifetime_s, 28_800);
    assert!(child.encapsulation.is_none(), "no NAT, no UDP");
    assert!(lab.ends[1].logs.iter().any(|(id, _)| *id == 713_119));
}

#[test]
fn every_suite_and_group_agrees_in_both_roles() {
    let phase1 = [
        (Encryption::Des, Hash::Md5, 1),
        (Encryption::Aes128, Hash::Sha256, 14),
        (Encryption::Aes192, Hash::Sha384, 5),
        (Encryption::Aes256, Hash::Sha512, 2),
    ];
    let phase2 = [
        (Encryption::Des, Some(Hash::Sha1)),
        (Encryption::Aes128, Some(Hash::Sha256)),
        (Encryption::Aes256, Some(Hash::Sha512)),
        (Encryption::AesGcm256, None),
    ];
    for ((p1, p2), initiator) in phase1.into_iter().zip(phase2).zip([0, 1, 0, 1]) {
        let [mut a, mut b] = pair();
        for config in [&mut a, &mut b] {
            config.policies[0].encryption = p1.0;
            config.policies[0].hash = p1.1;
            config.policies[0].group = p1.2;
            config.tunnels[0].proposals = vec![EspSuite {
                encryption: p2.0,
                integrity: p2.1,
            }];
            config.tunnels[0].pfs = Some(2);
        }
        let mut lab = Lab::new(a, b);
        lab.with(initiator, |engine, now, spis| {
            engine.initiate(now, spis, TUNNEL);
        });
        lab.quiet(2_000);
        assert_eq!(
            lab.agreed(),
            1,
            "{p1:?} {p2:?} {:?}",
            lab.ends[initiator].logs
        );
    }
}

#[test]
fn the_lower_lifetimes_are_used() {
    let [a, mut b] = pair();
    b.tunnels[0].lifetime_s = 3_600;
    b.tunnels[0].lifetime_kb = Some(1_000);
    let mut lab = Lab::new(a, b);
    up(&mut lab);
    for end in &lab.ends {
        let child = end.children.values().next().unwrap();
        assert_eq!((child.lifetime_s, child.lifetime_kb), (3_600, Some(1_000)));
    }
}

#[test]
fn a_third_of_the_messages_may_be_lost() {
    for seed in 1..20 {
        let mut lab = lab();
        lab.random = Seeded(seed * 7919);
        lab.loss_percent = 30;
        lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
        lab.quiet(60_000);
        lab.loss_percent = 0;
        // Whatever was left half done ends by itself; then the next packet asks again.
        lab.quiet(60_000);
        lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
        lab.quiet(60_000);
        assert!(lab.agreed() >= 1, "seed {seed}: {:?}", lab.ends[0].logs);
    }
}

#[test]
fn days_of_rekeys_never_leave_a_moment_without_a_pair() {
    let mut lab = lab();
    for end in &mut lab.ends {
        end.alter_config(|config| {
            config.tunnels[0].lifetime_s = 600;
            config.policies[0].lifetime_s = 3_000;
        });
    }
    up(&mut lab);
    let mut moments = 0;
    lab.run(2 * 86_400_000, |lab| {
        moments += 1;
        assert!(lab.agreed() >= 1, "at {:?}", lab.now);
    });
    assert!(moments > 1_000);
    assert!(lab.ends[0].downs.iter().all(|(_, superseded)| *superseded));
    assert!(
        lab.ends.iter().all(|end| end.children.len() <= 3),
        "old pairs go"
    );
    let reserved: usize = lab.ends.iter().map(|end| end.spis.reserved.len()).sum();
    assert!(reserved > 400, "many pairs were made");
}

#[test]
fn a_phase_1_that_never_expires_is_not_replaced() {
    let [mut a, mut b] = pair();
    a.policies[0].lifetime_s = 0;
    b.policies[0].lifetime_s = 0;
    let mut lab = Lab::new(a, b);
    up(&mut lab);
    lab.quiet(30 * 86_400_000);
    assert_eq!(lab.agreed(), 1);
    assert_eq!(
        lab.ends[0].engine.ike_sas(lab.now)[0].lifetime_remaining_s,
        None
    );
    let completed = lab.ends[0]
        .logs
        .iter()
        .filter(|(id, _)| *id == 713_119)
        .count();
    assert_eq!(completed, 1);
}

#[test]
fn a_dead_peer_is_detected() {
    let mut lab = lab();
    up(&mut lab);
    lab.loss_percent = 100;
    lab.run(30_000, |_| {});
    assert_eq!(lab.ends[0].downs, [(EndReason::LostContact, false)]);
    assert!(lab.ends[0].engine.ike_sas(lab.now).is_empty());
}

#[test]
fn a_live_peer_is_not_declared_dead() {
    let mut lab = lab();
    up(&mut lab);
    lab.quiet(3_600_000);
    assert!(lab.ends[0].downs.is_empty());
}

#[test]
fn a_box_that_goes_begins_nothing_with_a_peer_that_begins_anew() {
    let mut lab = lab();
    up(&mut lab);
    lab.with(1, |engine, now, spis| engine.shutdown(now, spis));
    lab.quiet(50);
    assert!(lab.ends[0].children.is_empty(), "it was told");
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(1_000);
    assert!(lab.ends.iter().all(|end| end.children.is_empty()));
}

#[test]
fn clears_and_deletes_end_pairs_on_both_sides() {
    for clear in 0..3 {
        let mut lab = lab();
        up(&mut lab);
        lab.with(1, |engine, now, spis| match clear {
            0 => engine.clear_ipsec(now, ClearScope::All),
            1 => engine.clear_isakmp(now, spis, ClearScope::Peer(A)),
            _ => engine.shutdown(now, spis),
        });
        lab.quiet(1_000);
        assert_eq!(
            lab.ends[0].downs,
            [(EndReason::PeerTerminate, false)],
            "clear {clear}"
        );
        assert!(lab.ends[1].children.is_empty());
        if clear < 2 {
            up(&mut lab);
        }
    }
}

#[test]
fn the_delete_of_the_last_phase1_ends_the_pairs_whose_deletes_it_overtook() {
    let mut lab = lab();
    up(&mut lab);
    lab.with(1, |engine, now, spis| {
        engine.clear_isakmp(now, spis, ClearScope::Peer(A));
    });
    lab.wire.reverse();
    assert_eq!(lab.wire.len(), 2, "a delete of the pair and one of phase 1");
    lab.quiet(1_000);
    assert_eq!(lab.ends[0].downs, [(EndReason::PeerTerminate, false)]);
    assert!(lab.ends[0].children.is_empty());
}

#[test]
fn a_peer_that_restarted_is_known_by_its_initial_contact() {
    let mut lab = lab();
    up(&mut lab);
    let [_, b] = pair();
    lab.ends[1].restart(b, 3);
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(5_000);
    assert_eq!(lab.agreed(), 1);
    assert!(
        lab.ends[0]
            .downs
            .iter()
            .any(|(reason, _)| *reason == EndReason::InitialContact)
    );
}

#[test]
fn the_wrong_key_ends_in_failure() {
    let [a, mut b] = pair();
    b.peers[0].pre_shared_key = Some(Secret::new("sardine".to_owned()));
    let mut lab = Lab::new(a, b);
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(60_000);
    assert_eq!(lab.agreed(), 0);
    assert_eq!(lab.ends[0].failed, [EndReason::LostContact]);
    assert!(lab.ends.iter().all(|end| end.children.is_empty()));
}

#[test]
fn proposals_and_nets_that_differ_fail_without_a_pair() {
    for what in 0..3 {
        let [a, mut b] = pair();
        match what {
            0 => b.policies[0].hash = Hash::Sha256,
            1 => b.tunnels[0].proposals[0].integrity = Some(Hash::Sha1),
            _ => b.tunnels[0].selectors.remote = net(9),
        }
        let mut lab = Lab::new(a, b);
        lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
        lab.quiet(120_000);
        assert!(
            !lab.ends[0].failed.is_empty(),
            "case {what}: {:?}",
            lab.ends[0].logs
        );
        assert!(lab.ends.iter().all(|end| end.children.is_empty()));
        assert!(
            lab.ends.iter().all(|end| end.spis.reserved.is_empty()),
            "SPIs are given back"
        );
    }
}

#[test]
fn the_next_peer_is_tried() {
    let [mut a, b] = pair();
    let silent = Ipv4Addr::new(192, 0, 2, 9);
    a.tunnels[0].peers = vec![silent, B];
    a.peers.push(PeerConfig {
        address: silent,
        ..a.peers[0].clone()
    });
    let mut lab = Lab::new(a, b);
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    // The silent peer's messages must not reach the other one.
    for _ in 0..40 {
        lab.wire.retain(|flight| *flight.local.ip() != silent);
        lab.quiet(1_000);
        lab.wire.retain(|flight| *flight.local.ip() != silent);
    }
    assert_eq!(lab.agreed(), 1);
}

#[test]
fn a_narrower_proposal_of_the_peer_is_accepted() {
    let [a, mut b] = pair();
    let narrow = MaskedNet::new(Ipv4Addr::new(10, 2, 3, 0), Ipv4Addr::new(255, 255, 255, 0));
    b.tunnels[0].selectors.local = narrow;
    let mut lab = Lab::new(a, b);
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(2_000);
    assert_eq!(lab.agreed(), 1);
    assert_eq!(
        lab.ends[0]
            .children
            .values()
            .next()
            .unwrap()
            .selectors
            .remote,
        narrow
    );
}

#[test]
fn the_responders_shorter_phase_1_lifetime_is_told() {
    let [a, mut b] = pair();
    for policy in &mut b.policies {
        policy.lifetime_s = 3_600;
    }
    let mut lab = Lab::new(a, b);
    up(&mut lab);
    let left = lab.ends.each_ref().map(|end| {
        let views = end.engine.ike_sas(lab.now);
        views[0].lifetime_remaining_s.expect("it ends")
    });
    assert!(
        left.iter().all(|left| (3_590..=3_600).contains(left)),
        "{left:?}"
    );
    // The other way round the offer itself says it.
    let [mut a, b] = pair();
    a.policies[0].lifetime_s = 3_600;
    let mut lab = Lab::new(a, b);
    up(&mut lab);
    assert!(!lab.ends[1].sa().shortened);
}

#[test]
fn behind_a_nat_both_move_to_port_4500() {
    let mut lab = lab();
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    let mapped = Ipv4Addr::new(198, 51, 100, 1);
    // B is told of A as its NAT shows it.
    lab.ends[1].alter_config(|config| {
        config.peers[0].address = mapped;
        config.tunnels[0].peers = vec![mapped];
    });
    through_nat(&mut lab, mapped, None);
    let child = lab.ends[0]
        .children
        .values()
        .next()
        .expect("a tunnel through the NAT");
    let (local, remote) = child.encapsulation.expect("in UDP");
    assert_eq!((local.port(), remote.port()), (4500, 4500));
    let spi = child.inbound_spi;
    // The end behind the NAT keeps its mapping alive, every twenty seconds.
    let begin = lab.now;
    for _ in 0..61_000 / DELAY_MS / 200 {
        through_nat(&mut lab, mapped, None);
    }
    let [sent, none] = [0, 1].map(|end| &lab.ends[end].keepalives);
    let waits: Vec<u64> = sent
        .windows(2)
        .map(|pair| pair[1].since_ms(pair[0]))
        .collect();
    assert!(
        sent.len() >= 3 && waits.iter().all(|wait| *wait == 20_000),
        "{sent:?}"
    );
    assert!(none.is_empty() && lab.now.since_ms(begin) >= 60_000);
    // The NAT forgets its mapping and makes another one.
    lab.with(0, |engine, now, spis| engine.rekey(now, spis, spi));
    through_nat(&mut lab, mapped, Some(40_001));
    let moved = SocketAddrV4::new(mapped, 40_001);
    assert_eq!(lab.ends[1].moves, [(mapped, moved)]);
    assert_eq!(lab.ends[1].sa().remote, moved);
    assert_eq!(lab.ends[0].moves, [], "there is no NAT in front of B");
    // ESP may tell of it first.
    let again = SocketAddrV4::new(mapped, 40_002);
    lab.with(1, |engine, _, _| engine.peer_moved(mapped, again));
    lab.with(1, |engine, _, _| engine.peer_moved(mapped, again));
    assert_eq!(lab.ends[1].moves, [(mapped, moved), (mapped, again)]);
    lab.with(0, |engine, _, _| engine.peer_moved(B, again));
    assert_eq!(lab.ends[0].moves, [], "B is not behind a NAT");
}

/// A's packets come to B from `mapped`, and from `port` when its mapping has changed.
fn through_nat(lab: &mut Lab, mapped: Ipv4Addr, port: Option<u16>) {
    for _ in 0..200 {
        for flight in &mut lab.wire {
            if flight.to == 1 {
                flight.remote.set_ip(mapped);
                flight.remote.set_port(port.unwrap_or(flight.remote.port()));
            } else {
                flight.local.set_ip(A);
                let port = port.map_or(flight.local.port(), |_| 4500);
                flight.local.set_port(port);
            }
        }
        lab.quiet(DELAY_MS);
    }
}

#[test]
fn forged_clear_messages_change_nothing() {
    let mut lab = lab();
    up(&mut lab);
    let header = |next: u8| {
        let sa = lab.ends[0].sa();
        (sa.cookie_i, sa.cookie_r, next)
    };
    let (cookie_i, cookie_r, _) = header(0);
    for (kind, body) in [
        (
            12u8,
            [&[0, 0, 0, 1, 1, 16, 0, 1][..], &cookie_i, &cookie_r].concat(),
        ),
        (
            11,
            [&[0, 0, 0, 1, 1, 16, 0x60, 0x02][..], &cookie_i, &cookie_r].concat(),
        ),
    ] {
        let mut writer = wire::Writer::default();
        writer.add(kind, &body);
        let forged = wire::Header {
            initiator_cookie: cookie_i,
            responder_cookie: cookie_r,
            next: kind,
            exchange: 5,
            flags: 0,
            message_id: 0x1234,
        };
        let message = [&forged.emit(writer.bytes().len())[..], writer.bytes()].concat();
        let flight = Flight {
            arrives: lab.now,
            to: 0,
            local: SocketAddrV4::new(A, 500),
            remote: SocketAddrV4::new(B, 500),
            message,
        };
        lab.deliver(&flight);
    }
    lab.quiet(1_000);
    assert_eq!(lab.agreed(), 1);
    assert!(lab.ends[0].downs.is_empty());
}

#[test]
fn altered_and_repeated_messages_neither_panic_nor_change_a_tunnel() {
    let mut lab = lab();
    up(&mut lab);
    let seen = std::mem::take(&mut lab.seen);
    let mut random = Seeded(4711);
    for round in 0..3_000 {
        let original = &seen[random.next() as usize % seen.len()];
        let mut message = original.message.clone();
        if round % 5 != 0 {
            for _ in 0..=random.next() % 4 {
                let at = random.next() as usize % message.len();
                message[at] ^= (random.next() >> 8) as u8;
            }
            if random.next().is_multiple_of(3) {
                message.truncate(random.next() as usize % message.len());
            }
        }
        let flight = Flight {
            message,
            arrives: lab.now,
            ..*original
        };
        lab.deliver(&flight);
        assert!(lab.agreed() >= 1, "round {round}");
        lab.wire.clear();
    }
    lab.quiet(200_000);
    assert!(lab.agreed() >= 1);
    assert!(lab.ends.iter().all(|end| end.downs.is_empty()));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(60))]

    #[test]
    fn what_a_peer_with_the_key_garbles_neither_panics_nor_sticks(
        edits in proptest::collection::vec((0u16..400, 1u8..), 1..5),
        which in 0usize..8,
        replaced in proptest::prelude::any::<bool>(),
    ) {
        let mut lab = lab();
        if replaced {
            up(&mut lab);
            lab.with(0, |engine, now, _| engine.clear_ipsec(now, ClearScope::All));
        }
        lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
        for _ in 0..which {
            lab.quiet(DELAY_MS);
        }
        let edit = |(at, mask)| fuzzing::Edit { at, mask };
        fuzzing::alter_next(edits.into_iter().map(edit).collect());
        lab.quiet(120_000);
        fuzzing::alter_next(Vec::new());
        for _ in 0..3 {
            lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
            lab.quiet(120_000);
        }
        let carried: usize = lab.ends.iter().map(|end| end.children.len()).sum();
        let held: usize = lab.ends.iter().map(|end| end.spis.reserved.len()).sum();
        proptest::prop_assert!(carried >= 1, "{:?}", lab.ends[0].logs);
        let ended: usize = lab.ends.iter().map(|end| end.downs.len()).sum();
        proptest::prop_assert!(held <= carried + ended, "{held} SPIs for {carried} pairs");
    }
}
