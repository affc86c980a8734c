//! The office that harnesses of the line share: clients inside, nets behind tunnels outside, one
//! peer for all of them.

use config::{AccessEntry, AclLine, Encryption, MaskedNet, PortMatch};
use fastpath::crypto::{Choice, EngineKind, Engines};
use fastpath::dpdk::tsc_hz;
use fastpath::esp::{
    InboundSa, OpenJob, OpenScratch, OutboundSa, SaParameters, SealJob, SealScratch, Selectors,
    Suite, open_burst, seal_burst,
};
use fastpath::policy::{
    Acl, CryptoEntry, CryptoMap, InterfacePolicy, Policy, PortTable, PortsOf, Route, RouteTable,
};
use fastpath::tunnel::SlotId;
use fastpath::wire::ethernet;

pub(crate) const INSIDE: u8 = 0;
pub(crate) const OUTSIDE: u8 = 1;
const LOCAL: u32 = 0xc000_0201;
pub(crate) const PEER: u32 = 0xc000_0202;
pub(crate) const INSIDE_ADDRESS: u32 = 0x0a01_0001;
const REMOTE_NET: u32 = 0x0a40_0000;
pub(crate) const FAR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const KEY: [u8; 20] = *b"twenty bytes of keys";
/// Seconds of a driven clock ahead of the real one.
const AHEAD_S: u64 = 10_000;
/// SPIs of what the box seals: this one and those after it, by tunnel.
const PEER_SPIS: u32 = 0x2000;

/// Where a driven clock begins: so far ahead of the real one that no turn seems to take long, for
/// which a worker would receive less.
pub(crate) fn clock_tsc() -> u64 {
    fastpath::cpu::tsc() + AHEAD_S * tsc_hz()
}

/// A deterministic stand-in for the operating system's generator.
pub(crate) fn seed(bytes: &mut [u8]) {
    for (byte, value) in bytes.iter_mut().zip(23_u8..) {
        *byte = value;
    }
}

/// The engine of the far end.
pub(crate) fn portable() -> Engines {
    Engines::with(Choice::Fixed(EngineKind::Portable))
}

/// The net behind a tunnel.
pub(crate) fn net(tunnel: u32) -> MaskedNet {
    let address = REMOTE_NET + (tunnel << 8);
    MaskedNet::new(address.into(), 0xffff_ff00_u32.into())
}

/// The server in a tunnel's net.
pub(crate) const fn server_address(tunnel: u32) -> u32 {
    REMOTE_NET + (tunnel << 8) + 7
}

/// The SPI by which a tunnel's peer receives.
pub(crate) const fn peer_spi(tunnel: u32) -> u32 {
    PEER_SPIS + tunnel
}

/// An SA for everything, with its home at the first worker.
pub(crate) fn parameters(slot: SlotId, spi: u32) -> SaParameters<'static> {
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
        replay_window: 1024,
        lifetime_bytes: None,
        slot,
        selectors: Selectors::between(MaskedNet::ANY, MaskedNet::ANY),
        spread: false,
    }
}

/// The far end of a tunnel.
pub(crate) struct Peer {
    pub(crate) slot: SlotId,
    outbound: OutboundSa,
    pub(crate) inbound: InboundSa,
}

impl Peer {
    /// The peer of a box with these SAs.
    pub(crate) fn of(inbound: &SaParameters<'_>, outbound: &SaParameters<'_>) -> Self {
        let own = OutboundSa::build(&turned(inbound), &portable());
        Self {
            slot: inbound.slot,
            outbound: own.expect("the peer's SA"),
            inbound: receiver(outbound),
        }
    }

    /// The packet with which the peer sends `inner`, from its outer IP header on.
    pub(crate) fn sealed(&self, scratch: &mut SealScratch, inner: &[u8]) -> Vec<u8> {
        let (head, tail) = (
            self.outbound.head_len(),
            self.outbound.tail_len(inner.len()),
        );
        let mut packet = [&vec![0; head], inner, &vec![0; tail]].concat();
        let job = SealJob {
            sa: &self.outbound,
            sequence: self.outbound.reserve(inner.len()).expect("a number"),
            packet: &mut packet,
            inner_len: inner.len(),
        };
        assert!(seal_burst(scratch, [job]).all());
        packet
    }
}

/// What receives under an SA of the box, with a window that is new.
pub(crate) fn receiver(outbound: &SaParameters<'_>) -> InboundSa {
    InboundSa::build(&turned(outbound), &portable()).expect("the peer's SA")
}

/// The same SA as its other end has it.
fn turned<'a>(parameters: &SaParameters<'a>) -> SaParameters<'a> {
    SaParameters {
        local: PEER,
        remote: LOCAL,
        ..*parameters
    }
}

/// The inner packet of a frame for one of the peers, which takes it; `None` for anything else.
pub(crate) fn unseal(open: &mut OpenScratch, peers: &[Peer], frame: &mut [u8]) -> Option<Vec<u8>> {
    let esp = frame.get_mut(ethernet::LEN + 20..)?;
    let spi = u32::from_be_bytes(*esp.first_chunk()?);
    let peer = peers.get(spi.checked_sub(PEER_SPIS)? as usize)?;
    let outcome = open_burst(open, [OpenJob::new(&peer.inbound, esp, 0)])[0];
    let opened = outcome.expect("the peer takes it");
    Some(esp[opened.range()].to_vec())
}

/// Clients inside, one crypto map entry with a line for each tunnel's net outside.
pub(crate) fn policy(slots: &[SlotId], ports: [u16; 2]) -> Policy {
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
    let lines: Vec<AclLine> = (0..slots.len() as u32).map(line).collect();
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
