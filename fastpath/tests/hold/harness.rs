//! A box with one worker between a client's net and a peer, and everything that both see.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};

use arrayvec::ArrayVec;
use config::MaskedNet;
use fastpath::control::{Fastpath, Settings};
use fastpath::counters::Snapshot;
use fastpath::dpdk::{
    Eal, Mbuf, Pool, PortSettings, Ports, RxQueue, StartedPort, TxQueue, crossover, tsc_hz,
};
use fastpath::esp::{OpenScratch, SaParameters, SealScratch, Selectors};
use fastpath::limits::BURST_MAX;
use fastpath::packet::protocol;
use fastpath::testing::{self, Stepper};
use fastpath::tunnel::{
    BounceRecord, NeighbourState, ReleaseOrder, ResumeOptions, SlotId, TunnelMtu,
};
use fastpath::verdict::DropReason;
use fastpath::wire::{Ethernet, Ipv4, Mac, checksum, ethernet};
use fastpath::worker::Idle;
use fastpath::worker::event::Event;
use fastpath::worker::request::{Filter, Reply, What};

pub(crate) use crate::office::INSIDE_ADDRESS;
use crate::office::{
    self, FAR_MAC, INSIDE, OUTSIDE, PEER, Peer, clock_tsc, net, parameters, peer_spi, policy,
    portable, receiver, seed, unseal,
};

pub(crate) const ACK: u8 = 0x10;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const FIN: u8 = 0x01;

/// Tunnels of the box, each to a /24.
pub(crate) const TUNNELS: u16 = 3;
/// What a test holds in, unless it says otherwise.
pub(crate) const MEMORY_BYTES: u64 = 4 << 20;

/// First sequence numbers: the client's wrap around soon.
pub(crate) const CLIENT_SEQ: u32 = u32::MAX - 50;
pub(crate) const SERVER_SEQ: u32 = 70_000;

/// A connection from a client inside to a server behind a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) client: u32,
    pub(crate) port: u16,
    pub(crate) tunnel: u16,
}

/// What one end says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Says<'a> {
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) text: &'a [u8],
}

struct Far {
    receive: RxQueue,
    transmit: TxQueue,
    mac: [u8; 6],
}

/// Everything.
pub(crate) struct Lab {
    pub(crate) fastpath: Fastpath,
    stepper: Stepper,
    inside: Far,
    outside: Far,
    pool: Pool,
    peers: Vec<Peer>,
    seal: SealScratch,
    open: OpenScratch,
    now_tsc: u64,
    pub(crate) events: Vec<Event>,
    next_port: u16,
    pub(crate) bounce: u32,
    /// What the peer and the client were sent since they were last asked.
    sealed: Vec<Vec<u8>>,
    clear: Vec<Vec<u8>>,
}

type Work = Box<dyn FnOnce(&mut Lab) + Send>;

/// The lab lives on one thread, because a worker does.
static LAB: LazyLock<Sender<(Work, Sender<std::thread::Result<()>>)>> = LazyLock::new(|| {
    let (sender, receiver) = channel();
    std::thread::spawn(move || serve(&receiver));
    sender
});

fn serve(work: &Receiver<(Work, Sender<std::thread::Result<()>>)>) {
    let mut lab = Lab::start();
    while let Ok((work, done)) = work.recv() {
        let result = catch_unwind(AssertUnwindSafe(|| {
            lab.begin();
            work(&mut lab);
            lab.end();
        }));
        let _ = done.send(result);
    }
}

/// Runs a test in the lab, with nothing left of the one before.
pub(crate) fn with(work: impl FnOnce(&mut Lab) + Send + 'static) {
    let (done, result) = channel();
    let sender = LAB.clone();
    sender
        .send((Box::new(work), done))
        .expect("the lab is open");
    if let Err(panic) = result.recv().expect("the lab answers") {
        resume_unwind(panic);
    }
}

pub(crate) fn options(hold: bool, unreachable: bool) -> ResumeOptions {
    ResumeOptions {
        hold,
        hold_memory_bytes: MEMORY_BYTES,
        unreachable,
        probe: None,
    }
}

fn far(port: u16, pool: Pool, mac: [u8; 6]) -> Far {
    let settings = PortSettings {
        workers: 1,
        mtu: 1500,
    };
    let StartedPort {
        mut receive,
        mut transmit,
        ..
    } = Ports::start(port, settings, pool).expect("the far end starts");
    Far {
        receive: receive.remove(0).expect("a queue"),
        transmit: transmit.remove(0),
        mac,
    }
}

impl Lab {
    fn start() -> Self {
        let prefix = format!("hf_hold_{}", std::process::id());
        let words = "hold --no-huge --no-pci --no-shconf -m 256 --no-telemetry --lcores 0@0 \
                     --log-level error --file-prefix";
        let arguments: Vec<String> = words
            .split_whitespace()
            .map(str::to_owned)
            .chain([prefix])
            .collect();
        let eal = Eal::start(&arguments).expect("the EAL starts without hugepages and NICs");
        let (inside, far_inside) = crossover("in", 1).expect("two ports");
        let (outside, far_outside) = crossover("out", 1).expect("two ports");
        let settings = Settings {
            idle: Idle::Busy,
            conns_per_worker: 20_000,
            buffers: 2047,
            large_buffers: 63,
            mtu: 1500,
            sample_bursts: 1,
            seed,
        };
        let (fastpath, mut workers) =
            testing::assemble(eal, &settings, &[inside, outside], 1).expect("a box");
        let pool = Pool::create("far", 4095, 0, 2048).expect("a pool");
        let mac = |port| fastpath.shared().port_mac(port);
        let (inside_mac, outside_mac) = (mac(inside), mac(outside));
        let portable = portable();
        let mut lab = Self {
            stepper: workers.remove(0).take(),
            inside: far(far_inside, pool, inside_mac),
            outside: far(far_outside, pool, outside_mac),
            pool,
            peers: Vec::new(),
            seal: SealScratch::new(&portable, &[9; 16]).expect("an engine"),
            open: OpenScratch::new(&portable).expect("an engine"),
            now_tsc: clock_tsc(),
            events: Vec::new(),
            next_port: 1024,
            bounce: 0,
            sealed: Vec::new(),
            clear: Vec::new(),
            fastpath,
        };
        lab.configure([inside, outside]);
        lab
    }

    fn configure(&mut self, ports: [u16; 2]) {
        for tunnel in 0..TUNNELS {
            let slot = self.add_tunnel(tunnel);
            assert_eq!(self.slot(tunnel), slot);
        }
        let hops = self.fastpath.neighbours();
        let peer = hops.intern(OUTSIDE, PEER).expect("there is room");
        hops.learn(OUTSIDE, PEER, FAR_MAC);
        for tunnel in 0..TUNNELS {
            let slot = self.slot(tunnel);
            self.fastpath.shared().set_peer_adjacency(slot, peer);
        }
        let slots: Vec<SlotId> = self.peers.iter().map(|peer| peer.slot).collect();
        assert!(self.fastpath.publish_policy(policy(&slots, ports)));
    }

    fn add_tunnel(&mut self, tunnel: u16) -> SlotId {
        let (tunnels, publisher) = self.fastpath.tunnels();
        let mtu = TunnelMtu {
            path: 1600,
            inner: 1500,
            mss: 1300,
        };
        let slot = tunnels.allocate(mtu).expect("a slot");
        let spi = tunnels.reserve_spi().expect("an SPI");
        let inbound = parameters(slot, spi);
        let outbound = parameters(slot, peer_spi(u32::from(tunnel)));
        tunnels.install_inbound(publisher, &inbound).expect("an SA");
        tunnels
            .install_outbound(publisher, &outbound)
            .expect("an SA");
        self.peers.push(Peer::of(&inbound, &outbound));
        slot
    }

    /// All tunnels up with PRESERVE, no flow, nothing held, holding on.
    fn begin(&mut self) {
        let ticket = self.fastpath.request(What::Clear(Filter::default()));
        self.done(ticket.expect("there is room"));
        for tunnel in 0..TUNNELS {
            self.up(tunnel);
        }
        self.set_options(options(true, false));
        self.run(300_000);
        self.events.clear();
        self.sealed.clear();
        self.clear.clear();
        self.latencies();
    }

    fn end(&mut self) {
        let sets = self.fastpath.counters();
        let total = sets.iter().fold(Snapshot::default(), |sum, set| &sum + set);
        assert!(total.balance().holds(), "{total:?}");
        assert!(sets.iter().all(|set| set.balance().holds()));
    }

    pub(crate) fn set_options(&mut self, options: ResumeOptions) {
        assert!(self.fastpath.set_resume(options));
        // They come into force with the next coarse tick.
        self.run(300_000);
    }

    pub(crate) fn slot(&self, tunnel: u16) -> SlotId {
        self.peers[usize::from(tunnel)].slot
    }

    pub(crate) fn up(&mut self, tunnel: u16) {
        let slot = self.slot(tunnel);
        assert!(self.fastpath.tunnels().0.bring_up(slot, true));
    }

    pub(crate) fn down(&mut self, tunnel: u16) {
        let slot = self.slot(tunnel);
        assert!(self.fastpath.tunnels().0.take_down(slot));
    }

    pub(crate) fn down_planned(&mut self, tunnel: u16) {
        let slot = self.slot(tunnel);
        assert!(self.fastpath.tunnels().0.take_down_planned(slot));
    }

    /// The tunnel is up, and its peer owes answers or has given one.
    pub(crate) fn silent(&mut self, tunnel: u16, silent: bool) {
        let slot = self.slot(tunnel);
        assert!(self.fastpath.tunnels().0.set_silent(slot, silent));
    }

    /// Orders a release at `packets_per_s` for a round trip of ten milliseconds; what the worker
    /// answered.
    pub(crate) fn release(&mut self, tunnel: u16, packets_per_s: u32) -> u32 {
        self.bounce += 1;
        let order = ReleaseOrder {
            slot: self.slot(tunnel),
            bounce: self.bounce,
            packets_per_s,
            first_packets: 1,
            round_trip_us: 10_000,
        };
        let ticket = self.fastpath.release_held(order).expect("there is room");
        self.done(ticket)
    }

    fn done(&mut self, wanted: u32) -> u32 {
        for _ in 0..10_000 {
            self.step();
            let mut found = None;
            self.fastpath.replies(64, |reply| match reply {
                Reply::Done { ticket, count, .. } if ticket == wanted => found = Some(count),
                _ => {}
            });
            if let Some(count) = found {
                return count;
            }
        }
        panic!("the request is never done");
    }

    /// One turn of the worker; time stands still.
    pub(crate) fn step(&mut self) {
        self.stepper.step(self.now_tsc);
        self.fastpath.reclaim();
        let events = &mut self.events;
        self.fastpath.events(64, |_, event| events.push(event));
        self.collect();
    }

    /// Lets time pass, with a turn every hundred microseconds.
    pub(crate) fn run(&mut self, us: u64) {
        for _ in 0..us.div_ceil(100) {
            self.now_tsc += tsc_hz() / 1_000_000 * 100;
            self.step();
        }
    }

    /// Lets seconds pass, with a turn every fifty milliseconds.
    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 20 {
            self.now_tsc += tsc_hz() / 20;
            self.step();
        }
    }

    fn collect(&mut self) {
        let mut packets = ArrayVec::<Mbuf, BURST_MAX>::new();
        while self.outside.receive.receive(&mut packets, BURST_MAX) > 0 {
            for mut packet in packets.drain(..) {
                let inner = unseal(&mut self.open, &self.peers, packet.data_mut());
                self.sealed.extend(inner);
            }
        }
        while self.inside.receive.receive(&mut packets, BURST_MAX) > 0 {
            for packet in packets.drain(..) {
                self.clear.push(packet.data()[ethernet::LEN..].to_vec());
            }
        }
    }

    /// What the peers have opened since the last call.
    pub(crate) fn sealed(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.sealed)
    }

    /// What came to the clients since the last call.
    pub(crate) fn clear(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.clear)
    }

    fn send_clear(&mut self, packet: &[u8]) {
        let header = Ethernet::emit(
            Mac(self.inside.mac),
            Mac(FAR_MAC),
            ethernet::ethertype::IPV4,
        );
        let frame = [&header.0[..], packet].concat();
        let mut burst = ArrayVec::new();
        burst.push(self.pool.allocate_with(&frame).expect("a buffer"));
        assert_eq!(self.inside.transmit.transmit(&mut burst), 1);
    }

    /// The client sends; the worker takes it up.
    pub(crate) fn client(&mut self, flow: Flow, says: Says<'_>) -> Vec<u8> {
        let packet = segment(flow, says, false);
        self.send_clear(&packet);
        self.step();
        packet
    }

    /// The client sends something that is not TCP.
    pub(crate) fn client_raw(&mut self, packet: &[u8]) {
        self.send_clear(packet);
        self.step();
    }

    /// The client sends packets that are taken up together.
    pub(crate) fn client_burst(&mut self, packets: &[Vec<u8>]) {
        for packet in packets {
            self.send_clear(packet);
        }
        self.step();
    }

    /// The server sends, through its tunnel.
    pub(crate) fn server(&mut self, flow: Flow, says: Says<'_>) {
        self.server_raw(flow.tunnel, &segment(flow, says, true));
    }

    /// A packet comes out of a tunnel.
    pub(crate) fn server_raw(&mut self, tunnel: u16, inner: &[u8]) {
        let packet = self.peers[usize::from(tunnel)].sealed(&mut self.seal, inner);
        let header = Ethernet::emit(
            Mac(self.outside.mac),
            Mac(FAR_MAC),
            ethernet::ethertype::IPV4,
        );
        let frame = [&header.0[..], &packet].concat();
        let mut burst = ArrayVec::new();
        burst.push(self.pool.allocate_with(&frame).expect("a buffer"));
        assert_eq!(self.outside.transmit.transmit(&mut burst), 1);
        self.step();
    }

    /// An established connection of client `client` through `tunnel`.
    pub(crate) fn connect(&mut self, client: u32, tunnel: u16) -> Flow {
        self.next_port = self.next_port.wrapping_add(1).max(1024);
        let flow = Flow {
            client,
            port: self.next_port,
            tunnel,
        };
        self.learn(client);
        self.client(flow, says(SYN, CLIENT_SEQ.wrapping_sub(1), 0, b""));
        self.server(flow, says(SYN | ACK, SERVER_SEQ - 1, CLIENT_SEQ, b""));
        self.client(flow, says(ACK, CLIENT_SEQ, SERVER_SEQ, b""));
        assert_eq!(self.sealed().len(), 2, "the handshake goes through");
        flow
    }

    pub(crate) fn learn(&mut self, client: u32) {
        let hops = self.fastpath.neighbours();
        let address = client_address(client);
        hops.intern(INSIDE, address).expect("there is room");
        hops.learn(INSIDE, address, FAR_MAC);
    }

    pub(crate) fn set_client_state(&mut self, client: u32, state: NeighbourState) {
        let hops = self.fastpath.neighbours();
        let hop = hops.intern(INSIDE, client_address(client));
        assert!(hops.set_state(hop.expect("there is room"), state));
    }

    pub(crate) fn drops(&self, reason: DropReason) -> u64 {
        self.fastpath.counters()[0].drops_of(reason)
    }

    /// The reports since the last call, added up by slot.
    pub(crate) fn report(&mut self, tunnel: u16) -> BounceRecord {
        self.run(130_000);
        let slot = self.slot(tunnel);
        let mut sum = BounceRecord {
            slot,
            bounce: 0,
            held: 0,
            refused: 0,
            released: 0,
            unreachables: 0,
            resumed: 0,
            far_resets: 0,
            probed_out: 0,
            first_resumed_us: 0,
            last_resumed_us: 0,
        };
        for event in self.events.drain(..) {
            let Event::Bounce(record) = event else {
                continue;
            };
            if record.slot != slot {
                continue;
            }
            sum.bounce = record.bounce;
            sum.held += record.held;
            sum.refused += record.refused;
            sum.released += record.released;
            sum.unreachables += record.unreachables;
            sum.resumed += record.resumed;
            sum.far_resets += record.far_resets;
            sum.probed_out += record.probed_out;
            sum.first_resumed_us = record.first_resumed_us;
            sum.last_resumed_us = record.last_resumed_us;
        }
        sum
    }

    /// How many flows have resumed since the last call, by the histogram.
    pub(crate) fn latencies(&mut self) -> u64 {
        let mut counts = fastpath::histogram::Counts::default();
        for _ in 0..3 {
            self.fastpath.resume_latency(&mut counts);
            self.run(130_000);
        }
        counts.total()
    }

    /// A new outbound SA, for the net of another tunnel.
    pub(crate) fn narrow(&mut self, tunnel: u16, to: u16) {
        let selectors = Selectors::between(MaskedNet::ANY, net(u32::from(to)));
        self.replace(tunnel, |it| it.selectors = selectors);
    }

    /// Puts the outbound SA back that takes everything.
    pub(crate) fn widen(&mut self, tunnel: u16) {
        let parameters = self.replace(tunnel, |_| {});
        // Sequence numbers begin anew, and so does the peer's replay window.
        self.peers[usize::from(tunnel)].inbound = receiver(&parameters);
    }

    /// A new outbound SA with which every worker seals.
    pub(crate) fn spread(&mut self, tunnel: u16, lifetime_bytes: u64) {
        let parameters = self.replace(tunnel, |it| {
            it.spread = true;
            it.lifetime_bytes = Some(lifetime_bytes);
        });
        self.peers[usize::from(tunnel)].inbound = receiver(&parameters);
    }

    fn replace(
        &mut self,
        tunnel: u16,
        alter: impl FnOnce(&mut SaParameters<'static>),
    ) -> SaParameters<'static> {
        let mut parameters = parameters(self.slot(tunnel), peer_spi(u32::from(tunnel)));
        alter(&mut parameters);
        let (tunnels, publisher) = self.fastpath.tunnels();
        let installed = tunnels.install_outbound(publisher, &parameters);
        installed.expect("an SA");
        parameters
    }

    /// `clear conn` for one client.
    pub(crate) fn clear_client(&mut self, client: u32) -> u32 {
        let filter = Filter {
            address: Some(client_address(client)),
            ..Filter::default()
        };
        let ticket = self.fastpath.request(What::Clear(filter));
        self.done(ticket.expect("there is room"))
    }

    pub(crate) fn expecting(&self, tunnel: u16) -> u64 {
        let (tunnels, publisher) = self.fastpath.tunnels_view();
        let sa = tunnels.outbound(publisher, self.slot(tunnel));
        sa.expect("an SA").expecting()
    }
}

pub(crate) fn client_address(client: u32) -> u32 {
    0x0a01_0100 + client
}

pub(crate) const fn server_address(tunnel: u16) -> u32 {
    office::server_address(tunnel as u32)
}

pub(crate) const fn says(flags: u8, seq: u32, ack: u32, text: &[u8]) -> Says<'_> {
    Says {
        flags,
        seq,
        ack,
        text,
    }
}

/// The client's text at `offset` bytes into its stream.
pub(crate) fn text_at(offset: u32, text: &[u8]) -> Says<'_> {
    says(ACK, CLIENT_SEQ.wrapping_add(offset), SERVER_SEQ, text)
}

/// The server's acknowledgement of the client's first `bytes` bytes.
pub(crate) fn acknowledges(bytes: u32) -> Says<'static> {
    says(ACK, SERVER_SEQ, CLIENT_SEQ.wrapping_add(bytes), b"")
}

fn segment(flow: Flow, says: Says<'_>, from_server: bool) -> Vec<u8> {
    let server = (server_address(flow.tunnel), 443_u16);
    let client = (client_address(flow.client), flow.port);
    let (src, dst) = if from_server {
        (server, client)
    } else {
        (client, server)
    };
    let mut tcp = vec![0; 20];
    tcp[..2].copy_from_slice(&src.1.to_be_bytes());
    tcp[2..4].copy_from_slice(&dst.1.to_be_bytes());
    tcp[4..8].copy_from_slice(&says.seq.to_be_bytes());
    tcp[8..12].copy_from_slice(&says.ack.to_be_bytes());
    tcp[12..16].copy_from_slice(&[0x50, says.flags, 0xf0, 0]);
    tcp.extend_from_slice(says.text);
    let sum = checksum::of_segment(src.0, dst.0, protocol::TCP, &tcp);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    let header = Ipv4::emit(src.0, dst.0, protocol::TCP, tcp.len());
    [&header.as_bytes()[..], &tcp].concat()
}

/// The same packet one hop further.
pub(crate) fn one_hop_on(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let mut header = Ipv4::parse_mut(&mut packet).expect("a packet");
    assert!(header.decrement_ttl());
    packet
}
