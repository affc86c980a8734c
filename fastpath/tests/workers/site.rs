//! A box between clients, several peers and a server in clear, and everything that all of them see.

use arrayvec::ArrayVec;
use config::MaskedNet;
use fastpath::control::{Fastpath, Settings};
use fastpath::counters::Snapshot;
use fastpath::dpdk::{
    Eal, Mbuf, Pool, PortSettings, Ports, RxQueue, StartedPort, TxQueue, crossover, tsc_hz,
};
use fastpath::esp::{OpenScratch, SaParameters, SealScratch};
use fastpath::limits::{BURST_MAX, WORKERS_MAX};
use fastpath::packet::protocol;
use fastpath::policy::Policy;
use fastpath::testing::{self, Stepper, Unlaunched};
use fastpath::tunnel::{SlotId, TunnelMtu};
use fastpath::wire::{Ethernet, Mac, ethernet};
use fastpath::worker::Idle;

use crate::clear::{self, CLEAR_SERVER, ClearServer, UDP_LEN, udp_packet, words};
use crate::office::{
    FAR_MAC, INSIDE, OUTSIDE, PEER, Peer, clock_tsc, parameters, peer_spi, policy, portable, seed,
    server_address, unseal,
};

/// Flows.
pub(crate) const FLOWS: u32 = 100;
/// Of these, the ones through one of the tunnels; the others are translated.
const TUNNELLED: u32 = 60;
const TUNNELS: u32 = 5;
/// The narrowest window of an ASA (RFC 4303 section 3.4.3).
const WINDOW: u32 = 64;
/// Turns of every worker until a packet has been handed over as often as it may be.
const TURNS: usize = 8;

const CLIENTS: u32 = 0x0a01_0100;

/// A packet that came out of the box.
pub(crate) struct Seen {
    /// The round in which it was sent.
    pub(crate) round: u32,
    /// All of it, from its IP header on.
    pub(crate) bytes: Vec<u8>,
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
    spread: bool,
    /// By tunnel: the highest sequence number that its peer has seen.
    highest: [u32; TUNNELS as usize],
    /// Sealed packets that others of their SA had overtaken.
    overtaken: u32,
    server: ClearServer,
    /// By flow: what its server and what its client have received.
    streams: Vec<[Vec<Seen>; 2]>,
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

/// All nets behind tunnels.
fn remote_nets() -> MaskedNet {
    let mask = 0xffff_0000_u32;
    MaskedNet::new((server_address(0) & mask).into(), mask.into())
}

const fn server_of(flow: u32) -> u32 {
    if flow < TUNNELLED {
        server_address(tunnel_of(flow))
    } else {
        CLEAR_SERVER
    }
}

/// A packet of a flow; `out` says whether its client has sent it.
fn packet(flow: u32, round: u32, out: bool) -> Vec<u8> {
    // Addresses and ports that go by the same steps would cancel each other out in the hash.
    let client = (CLIENTS + flow, 1024 + flow as u16 * 37);
    let server = (server_of(flow), 443_u16);
    if out {
        udp_packet(client, server, flow, round)
    } else {
        udp_packet(server, client, flow, round)
    }
}

impl Site {
    /// A box with so many workers, all of which seal for each tunnel where `spread` says so.
    pub(crate) fn start(workers: usize, spread: bool) -> Self {
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
            now_tsc: clock_tsc(),
            spread,
            highest: [0; TUNNELS as usize],
            overtaken: 0,
            server: ClearServer::default(),
            streams: (0..FLOWS).map(|_| [Vec::new(), Vec::new()]).collect(),
            fastpath,
        };
        site.configure([inside, outside]);
        site
    }

    fn configure(&mut self, ports: [u16; 2]) {
        (0..TUNNELS).for_each(|tunnel| self.add_tunnel(tunnel));
        let slots: Vec<SlotId> = self.peers.iter().map(|peer| peer.slot).collect();
        let hops = self.fastpath.neighbours();
        let peer = hops.intern(OUTSIDE, PEER).expect("there is room");
        hops.learn(OUTSIDE, PEER, FAR_MAC);
        hops.intern(OUTSIDE, CLEAR_SERVER).expect("there is room");
        hops.learn(OUTSIDE, CLEAR_SERVER, FAR_MAC);
        for flow in 0..FLOWS {
            hops.intern(INSIDE, CLIENTS + flow).expect("there is room");
            hops.learn(INSIDE, CLIENTS + flow, FAR_MAC);
        }
        for slot in &slots {
            self.fastpath.shared().set_peer_adjacency(*slot, peer);
            assert!(self.fastpath.tunnels().0.bring_up(*slot, true));
        }
        let policy = Policy {
            nat: clear::nat(CLIENTS, remote_nets()).into(),
            ..policy(&slots, ports)
        };
        assert!(self.fastpath.publish_policy(policy));
    }

    /// A tunnel whose SAs have their homes at workers in turn, or whose packets are sealed wherever
    /// they are.
    fn add_tunnel(&mut self, tunnel: u32) {
        let (tunnels, publisher) = self.fastpath.tunnels();
        let mtu = TunnelMtu {
            path: 1600,
            inner: 1500,
            mss: 1300,
        };
        let slot = tunnels.allocate(mtu).expect("a slot");
        let spi = tunnels.reserve_spi().expect("an SPI");
        let with = |spi, spread| SaParameters {
            replay_window: WINDOW,
            spread,
            ..parameters(slot, spi)
        };
        let inbound = with(spi, false);
        let outbound = with(peer_spi(tunnel), self.spread);
        tunnels.install_inbound(publisher, &inbound).expect("an SA");
        tunnels
            .install_outbound(publisher, &outbound)
            .expect("an SA");
        self.peers.push(Peer::of(&inbound, &outbound));
    }

    /// One packet of every flow and direction, each by the queue of its flow or SA: as a port
    /// spreads them, which knows nothing of homes. The server in clear answers later.
    pub(crate) fn send_all(&mut self, round: u32) {
        let queues = self.inside.transmit.len();
        for flow in 0..FLOWS {
            let clear = packet(flow, round, true);
            let queue = (flow * 7 + 3) as usize % queues;
            self.transmit(true, queue, &clear);
            if flow >= TUNNELLED {
                continue;
            }
            let inner = packet(flow, round, false);
            let sealed = self.peers[tunnel_of(flow) as usize].sealed(&mut self.seal, &inner);
            let queue = (tunnel_of(flow) * 5 + 2) as usize % queues;
            self.transmit(false, queue, &sealed);
        }
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
            self.answer();
            self.now_tsc += tsc_hz() / 10_000;
            for stepper in &mut self.steppers {
                stepper.step(self.now_tsc);
            }
            self.fastpath.reclaim();
            self.fastpath.events(1024, |_, _| {});
            self.collect();
        }
    }

    /// The server in clear sends each packet back, by queues that know nothing of homes.
    fn answer(&mut self) {
        let queues = self.outside.transmit.len();
        for (flow, answer) in self.server.answers() {
            self.transmit(false, (flow * 3 + 1) as usize % queues, &answer);
        }
    }

    /// The last worker's queue first: what it has sealed overtakes what those before it have.
    fn collect(&mut self) {
        let mut packets = ArrayVec::<Mbuf, BURST_MAX>::new();
        for queue in self.outside.receive.iter_mut().rev() {
            while queue.receive(&mut packets, BURST_MAX) > 0 {
                for mut packet in packets.drain(..) {
                    if packet.data()[ethernet::LEN + 9] == protocol::UDP {
                        let (flow, seen) = self.server.meet(&packet.data()[ethernet::LEN..]);
                        self.streams[flow as usize][0].push(seen);
                        continue;
                    }
                    let [spi, number] = words(&packet.data()[ethernet::LEN + 20..]);
                    let highest = &mut self.highest[(spi - peer_spi(0)) as usize];
                    self.overtaken += u32::from(number < *highest);
                    *highest = number.max(*highest);
                    let inner = unseal(&mut self.open, &self.peers, packet.data_mut());
                    note(&mut self.streams, 0, &inner.expect("a sealed packet"));
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
        assert_eq!(self.server.flows(), FLOWS - TUNNELLED, "a port each");
        assert_eq!(
            self.overtaken > 0,
            many && self.spread,
            "{}",
            self.overtaken
        );
        if self.spread {
            let sealed = |set: &Snapshot| set.scalars().any(|(name, n)| name == "sealed" && n > 0);
            let sealers = sets.iter().filter(|set| sealed(set)).count();
            assert_eq!(sealers, self.steppers.len(), "a worker has sealed nothing");
        }
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

fn note(streams: &mut [[Vec<Seen>; 2]], way: usize, inner: &[u8]) {
    let [flow, round] = words(&inner[20 + UDP_LEN..]);
    streams[flow as usize][way].push(Seen {
        round,
        bytes: inner.to_vec(),
    });
}
