//! The far end of tunnels: the product's own IKE with a configuration of its own, and ESP.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use config::MaskedNet;
use fastpath::crypto::{Choice, EngineKind, Engines};
use fastpath::esp::{
    InboundSa, OpenJob, OpenScratch, OutboundSa, SaParameters, SealJob, SealScratch, Selectors,
    Suite, open_burst, seal_burst,
};
use fastpath::packet::protocol;
use fastpath::tunnel::SlotId;
use fastpath::wire::{Ipv4, ipv4};
use slowpath::apply::Compiler;
use slowpath::ike::{Action, ChildSa, Engine, Entropy, SaKeys, SpiSource, TunnelId};
use slowpath::local;
use slowpath::time::Time;

/// Its address, and hosts behind it.
pub(crate) const PEER: &str = "192.0.2.2";
pub(crate) const FAR_HOST: &str = "10.9.0.7";

/// The box's side of a tunnel between 10.0.0.0/24 and 10.9.0.0/16.
pub(crate) const TUNNEL: &str = "\
access-list vpn permit ip 10.0.0.0 255.255.255.0 10.9.0.0 255.255.0.0
crypto ipsec transform-set set1 esp-aes esp-sha-hmac
crypto map map1 5 match address vpn
crypto map map1 5 set peer 192.0.2.2
crypto map map1 5 set transform-set set1
crypto map map1 interface outside
crypto isakmp enable outside
crypto isakmp policy 5
 encryption aes
 hash sha
 group 2
tunnel-group 192.0.2.2 type ipsec-l2l
tunnel-group 192.0.2.2 ipsec-attributes
 pre-shared-key swordfish
";

/// The peer's side.
const MIRROR: &str = "\
interface Ethernet0/0
 nameif outside
 ip address 192.0.2.2 255.255.255.0
access-list vpn permit ip 10.9.0.0 255.255.0.0 10.0.0.0 255.255.255.0
crypto ipsec transform-set set1 esp-aes esp-sha-hmac
crypto map map1 5 match address vpn
crypto map map1 5 set peer 192.0.2.1
crypto map map1 5 set transform-set set1
crypto map map1 interface outside
crypto isakmp enable outside
crypto isakmp policy 5
 encryption aes
 hash sha
 group 2
tunnel-group 192.0.2.1 type ipsec-l2l
tunnel-group 192.0.2.1 ipsec-attributes
 pre-shared-key swordfish
";

/// A generator that a seed determines.
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

/// SPIs in order.
struct Spis(u32);

impl SpiSource for Spis {
    fn reserve(&mut self, _: TunnelId) -> Option<u32> {
        self.0 += 1;
        Some(self.0)
    }

    fn release(&mut self, _: u32) {}
}

struct Pair {
    inbound: InboundSa,
    outbound: OutboundSa,
}

/// What ESP needs, made once: it takes a second.
struct Tools {
    engines: Engines,
    open: OpenScratch,
    seal: SealScratch,
}

thread_local! {
    static TOOLS: RefCell<Tools> = RefCell::new(Tools::new());
}

impl Tools {
    fn new() -> Self {
        let engines = Engines::with(Choice::Fixed(EngineKind::Portable));
        Self {
            open: OpenScratch::new(&engines).expect("an engine"),
            seal: SealScratch::new(&engines, &[9; 16]).expect("an engine"),
            engines,
        }
    }
}

/// The far end.
pub(crate) struct Peer {
    engine: Engine,
    tunnel: TunnelId,
    spis: Spis,
    /// By inbound SPI; SPIs grow, so that the last one is the newest.
    pairs: BTreeMap<u32, Pair>,
    /// Packets to the box that are on their way.
    outbox: Vec<Vec<u8>>,
    /// Inner packets that came out of the tunnel.
    pub(crate) opened: Vec<Vec<u8>>,
    /// It hears nothing.
    pub(crate) deaf: bool,
}

fn parameters<'a>(child: &ChildSa, spi: u32, keys: &'a SaKeys) -> SaParameters<'a> {
    SaParameters {
        spi,
        suite: Suite::new(child.suite.encryption, child.suite.integrity).expect("a suite"),
        encryption_key: &keys.encryption,
        integrity_key: &keys.integrity,
        local: child.local.to_bits(),
        remote: child.remote.to_bits(),
        encapsulation: None,
        esn: false,
        replay_window: 8192,
        lifetime_bytes: None,
        slot: SlotId::new(0),
        selectors: Selectors::between(MaskedNet::ANY, MaskedNet::ANY),
        spread: false,
    }
}

impl Peer {
    pub(crate) fn new() -> Self {
        let plan = Compiler::default().plan(&config::parse(MIRROR).0);
        assert_eq!(plan.ike.tunnels.len(), 1, "{:?}", plan.notes);
        let tunnel = plan.ike.tunnels[0].id;
        Self {
            engine: Engine::new(plan.ike, Box::new(Seeded(77))),
            tunnel,
            spis: Spis(0x5000),
            pairs: BTreeMap::new(),
            outbox: Vec::new(),
            opened: Vec::new(),
            deaf: false,
        }
    }

    /// Whether it has a tunnel to the box.
    pub(crate) fn is_up(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// The inbound SPI of its newest pair.
    pub(crate) fn newest(&self) -> Option<u32> {
        self.pairs.last_key_value().map(|(spi, _)| *spi)
    }

    /// Wants a tunnel.
    pub(crate) fn initiate(&mut self, now: Time) {
        self.engine.initiate(now, &mut self.spis, self.tunnel);
        self.act(now);
    }

    /// A packet of the box's to it.
    pub(crate) fn take(&mut self, packet: &[u8], now: Time) {
        if self.deaf {
            return;
        }
        let header = Ipv4::parse(packet).expect("a header");
        if header.protocol() == protocol::ESP {
            let mut esp = packet[ipv4::LEN..].to_vec();
            let inner = self.opened_of(&mut esp);
            self.opened.extend(inner);
        } else if let Some(datagram) = local::ike_datagram(packet) {
            self.engine.datagram(now, &mut self.spis, datagram);
            self.act(now);
        }
    }

    /// `None` for what a pair seals that it no longer has.
    fn opened_of(&mut self, esp: &mut [u8]) -> Option<Vec<u8>> {
        let spi = u32::from_be_bytes(*esp.first_chunk()?);
        let pair = self.pairs.get(&spi)?;
        let job = OpenJob::new(&pair.inbound, esp, 0);
        let outcomes = TOOLS.with_borrow_mut(|tools| open_burst(&mut tools.open, [job]));
        let opened = outcomes[0].expect("the box seals for its peer");
        Some(esp[opened.range()].to_vec())
    }

    /// A packet in its newest tunnel, as it goes to the box.
    pub(crate) fn sealed(&mut self, inner: &[u8]) -> Vec<u8> {
        let (_, pair) = self.pairs.last_key_value().expect("a tunnel");
        let sa = &pair.outbound;
        let tail = vec![0; sa.tail_len(inner.len())];
        let mut packet = [&vec![0; sa.head_len()], inner, &tail].concat();
        let job = SealJob {
            sa,
            sequence: sa.reserve(inner.len()).expect("a number"),
            packet: &mut packet,
            inner_len: inner.len(),
        };
        let sealed = TOOLS.with_borrow_mut(|tools| seal_burst(&mut tools.seal, [job]));
        assert!(sealed.all());
        packet
    }

    /// What is due; packets for the box.
    pub(crate) fn step(&mut self, now: Time) -> Vec<Vec<u8>> {
        if self.engine.next_timeout().is_some_and(|due| due <= now) {
            self.engine.timeout(now, &mut self.spis);
            self.act(now);
        }
        std::mem::take(&mut self.outbox)
    }

    fn act(&mut self, now: Time) {
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Send {
                    local,
                    remote,
                    message,
                    keepalive,
                } => {
                    let packets = local::ike_packets(local, remote, &message, keepalive, 1, 1500);
                    self.outbox.extend(packets);
                }
                Action::Compute(job) => {
                    let result = job.run();
                    self.engine.computed(now, &mut self.spis, result);
                }
                Action::ChildUp(child) => self.install(&child),
                Action::ChildDown { inbound_spi, .. } => {
                    self.pairs.remove(&inbound_spi);
                }
                _ => {}
            }
        }
    }

    fn install(&mut self, child: &ChildSa) {
        assert_eq!(child.remote, Ipv4Addr::new(192, 0, 2, 1));
        let inbound = parameters(child, child.inbound_spi, &child.inbound_keys);
        let outbound = parameters(child, child.outbound_spi, &child.outbound_keys);
        let pair = TOOLS.with_borrow(|tools| Pair {
            inbound: InboundSa::build(&inbound, &tools.engines).expect("an SA"),
            outbound: OutboundSa::build(&outbound, &tools.engines).expect("an SA"),
        });
        self.pairs.insert(child.inbound_spi, pair);
    }
}
