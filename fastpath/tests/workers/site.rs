//! A box between clients and several peers, and everything that both see.

use arrayvec::ArrayVec;
use config::{AccessEntry, AclLine, Encryption, MaskedNet, PortMatch};
use fastpath::control::{Fastpath, Settings};
use fastpath::counters::Snapshot;
use fastpath::crypto::{Choice, EngineKind, Engines};
use fastpath::dpdk::{
    Eal, Mbuf, Pool, PortSettings, Ports, RxQueue, StartedPort, TxQueue, crossover, tsc_hz,
};
use fastpath::esp::{
    InboundSa, OpenJob, OpenScratch, OutboundSa, SaParameters, SealJob, SealScratch, Selectors,
    Suite, open_burst, seal_burst,
};
use fastpath::limits::{BURST_MAX, WORKERS_MAX};
use fastpath::packet::protocol;
use fastpath::policy::{
    Acl, CryptoEntry, CryptoMap, InterfacePolicy, Policy, PortTable, PortsOf, Route, RouteTable,
};
use fastpath::testing::{self, Stepper, Unlaunched};
use fastpath::tunnel::{SlotId, TunnelMtu};
use fastpath::wire::{Ethernet, Ipv4, Mac, ethernet};
use fastpath::worker::Idle;

/// Flows; each goes through one of the tunnels.
pub(crate) const FLOWS: u32 = 60;
const TUNNELS: u32 = 5;
/// The narrowest window of an ASA (RFC 4303 section 3.4.3).
const WINDOW: u32 = 64;
/// Turns of every worker until a packet has been handed over as often as it may be.
const TURNS: usize = 8;

const INSIDE: u8 = 0;
const OUTSIDE: u8 = 1;
const LOCAL: u32 = 0xc000_0201;
const PEER: u32 = 0xc000_0202;
const INSIDE_ADDRESS: u32 = 0x0a01_0001;
const CLIENTS: u32 = 0x0a01_0100;
const REMOTE_NET: u32 = 0x0a40_0000;
const FAR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const KEY: [u8; 20] = *b"twenty bytes of keys";
/// SPIs of what the box seals: this one and those after it, by tunnel.
const PEER_SPIS: u32 = 0x2000;
const UDP_LEN: usize = 8;

/// A packet that came out of the box.
pub(crate) struct Seen {
    /// The round in which it was sent.
    pub(crate) round: u32,
    /// All of it, from its IP header on.
    pub(crate) bytes: Vec<u8>,
}

struct Peer {
    outbound: OutboundSa,
    inbound: InboundSa,
}

/// The other end of a port's cable.
struct Far {
    receive: Vec<RxQueue>,
    transmit: Vec<TxQueue>,
    mac: [u8; 6],
}

/// Everything.
pub(crate) struct Site {
    fastpath: Fastpath,
    steppers: Vec<Stepper>,
    inside: Far,
    outside: Far,
    pool: Pool,
    peers: Vec<Peer>,
    seal: SealScratch,
    open: OpenScratch,
    now_tsc: u64,
    /// By flow: what its server and what its client have received.
    streams: Vec<[Vec<Seen>; 2]>,
}

fn seed(bytes: &mut [u8]) {
    for (byte, value) in bytes.iter_mut().zip(23_u8..) {
        *byte = value;
    }
}

fn portable() -> Engines {
    Engines::with(Choice::Fixed(EngineKind::Portable))
}

fn far(port: u16, workers: usize, pool: Pool, mac: [u8; 6]) -> Far {
    let settings = PortSettings {
        workers: workers as u16,
        mtu: 1500,
    };
    let StartedPort {
        receive, transmit, ..
    } = Ports::start(port, settings, pool).expect("the far end starts");
    Far {
        receive: receive.into_iter().flatten().collect(),
        transmit: transmit.into_iter().collect(),
        mac,
    }
}

const fn tunnel_of(flow: u32) -> u32 {
    flow % TUNNELS
}

fn net(tunnel: u32) -> MaskedNet {
    let address = REMOTE_NET + (tunnel << 8);
    MaskedNet::new(address.into(), 0xffff_ff00_u32.into())
}

/// A packet of a flow; `out` says whether its client has sent it.
fn packet(flow: u32, round: u32, out: bool) -> Vec<u8> {
    let client = (CLIENTS + flow, 1024 + flow as u16);
    let server = (REMOTE_NET + (tunnel_of(flow) << 8) + 7, 443_u16);
    let (src, dst) = if out {
        (client, server)
    } else {
        (server, client)
    };
    let mut udp = vec![0; UDP_LEN];
    udp[..2].copy_from_slice(&src.1.to_be_bytes());
    udp[2..4].copy_from_slice(&dst.1.to_be_bytes());
    udp.extend_from_slice(&flow.to_be_bytes());
    udp.extend_from_slice(&round.to_be_bytes());
    // Lengths differ, so that engines have more than one kind of packet in a burst.
    udp.resize(
        udp.len() + (flow as usize * 37 + round as usize * 11) % 600,
        0x5a,
    );
    let len = udp.len() as u16;
    udp[4..6].copy_from_slice(&len.to_be_bytes());
    let header = Ipv4::emit(src.0, dst.0, protocol::UDP, udp.len());
    [&header.as_bytes()[..], &udp].concat()
}

fn parameters(slot: SlotId, spi: u32, home: u8) -> SaParameters<'static> {
    let suite = Suite::new(Encryption::AesGcm128, None).expect("a suite");
    SaParameters {
        spi,
        suite,
        encryption_key: &KEY[..suite.encryption_key_len()],
        integrity_key: &[],
        local: LOCAL,
        remote: PEER,
        encapsulation: None,
        esn: false,
        replay_window: WINDOW,
        lifetime_bytes: None,
        slot,
        selectors: Selectors::between(MaskedNet::ANY, MaskedNet::ANY),
        home,
    }
}

impl Site {
    /// A box with so many workers.
    pub(crate) fn start(workers: usize) -> Self {
        assert!((1..=WORKERS_MAX).contains(&workers));
        let words = "workers --no-huge --no-pci --no-shconf -m 512 --no-telemetry --lcores 0@0 \
                     --log-level error --file-prefix";
        let prefix = format!("hf_workers_{}", std::process::id());
        let arguments = words.split_whitespace().map(str::to_owned);
        let arguments: Vec<String> = arguments.chain([prefix]).collect();
        let eal = Eal::start(&arguments).expect("the EAL starts without hugepages and NICs");
        let queues = workers as u16;
        let (inside, far_inside) = crossover("in", queues).expect("two ports");
        let (outside, far_outside) = crossover("out", queues).expect("two ports");
        let settings = Settings {
            idle: Idle::Busy,
            conns_per_worker: 2_000,
            buffers: 8191,
            large_buffers: 63,
            mtu: 1500,
            sample_bursts: 1,
            seed,
        };
        let (fastpath, parts) =
            testing::assemble(eal, &settings, &[inside, outside], workers).expect("a box");
        let pool = Pool::create("far", 8191, 0, 2048).expect("a pool");
        let mac = |port| fastpath.shared().port_mac(port);
        let (inside_mac, outside_mac) = (mac(inside), mac(outside));
        let mut site = Self {
            steppers: parts.into_iter().map(Unlaunched::take).collect(),
            inside: far(far_inside, workers, pool, inside_mac),
            outside: far(far_outside, workers, pool, outside_mac),
            pool,
            peers: Vec::new(),
            seal: SealScratch::new(&portable(), &[9; 16]).expect("an engine"),
            open: OpenScratch::new(&portable()).expect("an engine"),
            now_tsc: fastpath::cpu::tsc(),
            streams: (0..FLOWS).map(|_| [Vec::new(), Vec::new()]).collect(),
            fastpath,
        };
        site.configure([inside, outside]);
        site
    }

    fn configure(&mut self, ports: [u16; 2]) {
        let slots: Vec<SlotId> = (0..TUNNELS).map(|tunnel| self.add_tunnel(tunnel)).collect();
        let hops = self.fastpath.neighbours();
        let peer = hops.intern(OUTSIDE, PEER).expect("there is room");
        hops.learn(OUTSIDE, PEER, FAR_MAC);
        for flow in 0..FLOWS {
            hops.intern(INSIDE, CLIENTS + flow).expect("there is room");
            hops.learn(INSIDE, CLIENTS + flow, FAR_MAC);
        }
        for slot in &slots {
            self.fastpath.shared().set_peer_adjacency(*slot, peer);
            assert!(self.fastpath.tunnels().0.bring_up(*slot, true));
        }
        assert!(self.fastpath.publish_policy(policy(&slots, ports)));
    }

    /// A tunnel whose SAs have their homes at workers in turn, the two directions at different
    /// ones.
    fn add_tunnel(&mut self, tunnel: u32) -> SlotId {
        let home = |at: u32| (at as usize % self.steppers.len()) as u8;
        let (inbound_home, outbound_home) = (home(tunnel), home(tunnel + 1));
        let (tunnels, publisher) = self.fastpath.tunnels();
        let mtu = TunnelMtu {
            path: 1600,
            inner: 1500,
            mss: 1300,
        };
        let slot = tunnels.allocate(mtu).expect("a slot");
        let spi = tunnels.reserve_spi().expect("an SPI");
        let inbound = parameters(slot, spi, inbound_home);
        let outbound = parameters(slot, PEER_SPIS + tunnel, outbound_home);
        tunnels.install_inbound(publisher, &inbound).expect("an SA");
        tunnels
            .install_outbound(publisher, &outbound)
            .expect("an SA");
        let turned = |parameters: SaParameters<'static>| SaParameters {
            local: PEER,
            remote: LOCAL,
            ..parameters
        };
        let (engines, build) = (portable(), "the peer's SA");
        self.peers.push(Peer {
            outbound: OutboundSa::build(&turned(inbound), &engines).expect(build),
            inbound: InboundSa::build(&turned(outbound), &engines).expect(build),
        });
        slot
    }

    /// One packet of every flow and direction, each by the queue of its flow or SA: as a port
    /// spreads them, which knows nothing of homes.
    pub(crate) fn send_all(&mut self, round: u32) {
        let queues = self.inside.transmit.len();
        for flow in 0..FLOWS {
            let clear = packet(flow, round, true);
            let queue = (flow * 7 + 3) as usize % queues;
            self.transmit(true, queue, &clear);
            let sealed = self.sealed(flow, &packet(flow, round, false));
            let queue = (tunnel_of(flow) * 5 + 2) as usize % queues;
            self.transmit(false, queue, &sealed);
        }
    }

    fn sealed(&mut self, flow: u32, inner: &[u8]) -> Vec<u8> {
        let peer = &self.peers[tunnel_of(flow) as usize];
        let (head, tail) = (
            peer.outbound.head_len(),
            peer.outbound.tail_len(inner.len()),
        );
        let mut packet = [&vec![0; head], inner, &vec![0; tail]].concat();
        let mut jobs = [SealJob {
            sa: &peer.outbound,
            sequence: peer.outbound.reserve(inner.len()).expect("a number"),
            packet: &mut packet,
            inner_len: inner.len(),
            sealed: false,
        }];
        seal_burst(&mut self.seal, &mut jobs);
        assert!(jobs[0].sealed);
        packet
    }

    fn transmit(&mut self, inside: bool, queue: usize, packet: &[u8]) {
        let far = if inside {
            &mut self.inside
        } else {
            &mut self.outside
        };
        let kind = ethernet::ethertype::IPV4;
        let header = Ethernet::emit(Mac(far.mac), Mac(FAR_MAC), kind);
        let frame = [&header.0[..], packet].concat();
        let mut burst = ArrayVec::new();
        burst.push(self.pool.allocate_with(&frame).expect("a buffer"));
        assert_eq!(far.transmit[queue].transmit(&mut burst), 1);
    }

    /// Every worker has its turns, and what comes out is looked at.
    pub(crate) fn settle(&mut self) {
        for _ in 0..TURNS {
            self.now_tsc += tsc_hz() / 10_000;
            for stepper in &mut self.steppers {
                stepper.step(self.now_tsc);
            }
            self.fastpath.reclaim();
            self.fastpath.events(1024, |_, _| {});
            self.collect();
        }
    }

    fn collect(&mut self) {
        let mut packets = ArrayVec::<Mbuf, BURST_MAX>::new();
        for queue in &mut self.outside.receive {
            while queue.receive(&mut packets, BURST_MAX) > 0 {
                for mut packet in packets.drain(..) {
                    let inner = unseal(&mut self.open, &self.peers, packet.data_mut());
                    note(&mut self.streams, 0, &inner);
                }
            }
        }
        for queue in &mut self.inside.receive {
            while queue.receive(&mut packets, BURST_MAX) > 0 {
                for packet in packets.drain(..) {
                    note(&mut self.streams, 1, &packet.data()[ethernet::LEN..]);
                }
            }
        }
    }

    /// What every flow has received; nothing was lost or is left over.
    pub(crate) fn finish(self) -> Vec<[Vec<Seen>; 2]> {
        let sets = self.fastpath.counters();
        let total = sets.iter().fold(Snapshot::default(), |sum, set| &sum + set);
        assert!(total.balance().holds(), "{total:?}");
        assert!(sets.iter().all(|set| set.balance().holds()));
        assert_eq!(total.dropped(), 0, "{total:?}");
        let handed_in = total.scalars().find(|(name, _)| *name == "handed_in");
        let (_, handed_in) = handed_in.expect("the counter of what was handed over");
        let many = self.steppers.len() > 1;
        assert_eq!(handed_in > 0, many, "{handed_in} handed over");
        let Self {
            fastpath,
            steppers,
            inside,
            outside,
            streams,
            ..
        } = self;
        steppers.into_iter().for_each(Stepper::finish);
        // The EAL goes with the fastpath, so whatever lives in its memory goes before.
        drop((inside, outside));
        drop(fastpath);
        streams
    }
}

/// The inner packet of what a peer was sent. Every one is new to its window.
fn unseal(open: &mut OpenScratch, peers: &[Peer], frame: &mut [u8]) -> Vec<u8> {
    let esp = &mut frame[ethernet::LEN + 20..];
    let spi = u32::from_be_bytes(*esp.first_chunk().expect("an SPI"));
    let peer = &peers[(spi - PEER_SPIS) as usize];
    let mut jobs = [OpenJob::new(&peer.inbound, esp, 0)];
    open_burst(open, &mut jobs);
    let opened = jobs[0].outcome.expect("the peer takes it");
    let end = opened.offset + opened.len;
    esp[opened.offset..end].to_vec()
}

fn note(streams: &mut [[Vec<Seen>; 2]], way: usize, inner: &[u8]) {
    let word = |at: usize| {
        let bytes = &inner[20 + UDP_LEN + at..];
        u32::from_be_bytes(*bytes.first_chunk().expect("a word"))
    };
    streams[word(0) as usize][way].push(Seen {
        round: word(4),
        bytes: inner.to_vec(),
    });
}

fn policy(slots: &[SlotId], ports: [u16; 2]) -> Policy {
    let interface = |port, nameif: &str, security_level, address, mask| InterfacePolicy {
        port: Some(port),
        nameif: nameif.to_owned(),
        security_level,
        address,
        mask,
        mtu: 1500,
        up: true,
        ..InterfacePolicy::default()
    };
    let mut outside = interface(ports[1], "outside", 0, LOCAL, 0xffff_ff00);
    outside.crypto_map = Some(0);
    let inside = interface(ports[0], "inside", 100, INSIDE_ADDRESS, 0xffff_0000);
    let interfaces = [inside, outside];
    let route = |net, mask, interface, gateway| Route {
        net,
        mask,
        interface,
        gateway,
        metric: 0,
    };
    let routes = [
        route(INSIDE_ADDRESS & 0xffff_0000, 0xffff_0000, INSIDE, None),
        route(LOCAL & 0xffff_ff00, 0xffff_ff00, OUTSIDE, None),
        route(REMOTE_NET, 0xffff_0000, OUTSIDE, Some(PEER)),
    ];
    let line = |tunnel| {
        AclLine::Extended(AccessEntry {
            permit: true,
            protocol: None,
            source: MaskedNet::ANY,
            source_ports: PortMatch::Any,
            destination: net(tunnel),
            destination_ports: PortMatch::Any,
            icmp_type: None,
            log: None,
            inactive: false,
        })
    };
    let lines: Vec<AclLine> = (0..TUNNELS).map(line).collect();
    let map = CryptoMap {
        name: "map".to_owned(),
        entries: vec![CryptoEntry {
            complete: true,
            sequence: 10,
            acl: Acl::compile(&lines, PortsOf::Packet).into(),
            slots: slots.to_vec(),
        }],
    };
    Policy {
        generation: 1,
        ports: PortTable::new(&interfaces),
        interfaces: interfaces.to_vec().into(),
        routes: RouteTable::new(&routes).into(),
        crypto: vec![map].into(),
        permit_vpn: true,
        ..Policy::default()
    }
}
