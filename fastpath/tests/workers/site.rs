//! A box between clients and several peers, and everything that both see.

use arrayvec::ArrayVec;
use fastpath::control::{Fastpath, Settings};
use fastpath::counters::Snapshot;
use fastpath::dpdk::{
    Eal, Mbuf, Pool, PortSettings, Ports, RxQueue, StartedPort, TxQueue, crossover, tsc_hz,
};
use fastpath::esp::{OpenScratch, SaParameters, SealScratch};
use fastpath::limits::{BURST_MAX, WORKERS_MAX};
use fastpath::packet::protocol;
use fastpath::testing::{self, Stepper, Unlaunched};
use fastpath::tunnel::{SlotId, TunnelMtu};
use fastpath::wire::{Ethernet, Ipv4, Mac, ethernet};
use fastpath::worker::Idle;

use crate::office::{
    FAR_MAC, INSIDE, OUTSIDE, PEER, Peer, clock_tsc, parameters, peer_spi, policy, portable, seed,
    server_address, unseal,
};

/// Flows; each goes through one of the tunnels.
pub(crate) const FLOWS: u32 = 60;
const TUNNELS: u32 = 5;
/// The narrowest window of an ASA (RFC 4303 section 3.4.3).
const WINDOW: u32 = 64;
/// Turns of every worker until a packet has been handed over as often as it may be.
const TURNS: usize = 8;

const CLIENTS: u32 = 0x0a01_0100;
const UDP_LEN: usize = 8;

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

/// A packet of a flow; `out` says whether its client has sent it.
fn packet(flow: u32, round: u32, out: bool) -> Vec<u8> {
    let client = (CLIENTS + flow, 1024 + flow as u16);
    let server = (server_address(tunnel_of(flow)), 443_u16);
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
            now_tsc: clock_tsc(),
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
    fn add_tunnel(&mut self, tunnel: u32) {
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
        let with = |spi, home| SaParameters {
            replay_window: WINDOW,
            home,
            ..parameters(slot, spi)
        };
        let inbound = with(spi, inbound_home);
        let outbound = with(peer_spi(tunnel), outbound_home);
        tunnels.install_inbound(publisher, &inbound).expect("an SA");
        tunnels
            .install_outbound(publisher, &outbound)
            .expect("an SA");
        self.peers.push(Peer::of(&inbound, &outbound));
    }

    /// One packet of every flow and direction, each by the queue of its flow or SA: as a port
    /// spreads them, which knows nothing of homes.
    pub(crate) fn send_all(&mut self, round: u32) {
        let queues = self.inside.transmit.len();
        for flow in 0..FLOWS {
            let clear = packet(flow, round, true);
            let queue = (flow * 7 + 3) as usize % queues;
            self.transmit(true, queue, &clear);
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
    let word = |at: usize| {
        let bytes = &inner[20 + UDP_LEN + at..];
        u32::from_be_bytes(*bytes.first_chunk().expect("a word"))
    };
    streams[word(0) as usize][way].push(Seen {
        round: word(4),
        bytes: inner.to_vec(),
    });
}
