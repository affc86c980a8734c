//! The server in clear, to which clients are translated.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::{AccessEntry, AclLine, MaskedNet, PortMatch};
use fastpath::packet::protocol;
use fastpath::policy::{Acl, DynamicNat, NatRules, NatSource, Pool, PortsOf};
use fastpath::wire::Ipv4;

use crate::office::{INSIDE, OUTSIDE};
use crate::site::Seen;

/// Its address.
pub(crate) const CLEAR_SERVER: u32 = 0xc000_024d;
/// What the addresses of its clients become.
const MAPPED: u32 = 0xc000_0209;
pub(crate) const UDP_LEN: usize = 8;

/// Answers what comes to it.
#[derive(Default)]
pub(crate) struct ClearServer {
    /// Flows by the port that their client's became.
    mapped: BTreeMap<u16, u32>,
    /// Port, flow and round of each packet that has no answer yet.
    unanswered: Vec<(u16, u32, u32)>,
}

impl ClearServer {
    /// A translated packet at the server: the same port for a flow all the time, and for no other.
    /// What the translation has changed depends on the worker and is left out of what was seen.
    pub(crate) fn meet(&mut self, packet: &[u8]) -> (u32, Seen) {
        assert_eq!(packet[12..16], MAPPED.to_be_bytes(), "translated");
        let port = u16::from_be_bytes([packet[20], packet[21]]);
        let [flow, round] = words(&packet[20 + UDP_LEN..]);
        let known = *self.mapped.entry(port).or_insert(flow);
        assert_eq!(known, flow, "port {port}");
        self.unanswered.push((port, flow, round));
        let bytes = [&packet[..10], &packet[16..20], &packet[22..]].concat();
        (flow, Seen { round, bytes })
    }

    /// The answers that are due, with their flows.
    pub(crate) fn answers(&mut self) -> Vec<(u32, Vec<u8>)> {
        let unanswered = std::mem::take(&mut self.unanswered).into_iter();
        let answer = |(port, flow, round)| {
            let packet = udp_packet((CLEAR_SERVER, 443), (MAPPED, port), flow, round);
            (flow, packet)
        };
        unanswered.map(answer).collect()
    }

    /// Flows that have come, each by a port of its own.
    pub(crate) fn flows(&self) -> u32 {
        self.mapped.len() as u32
    }
}

/// Translates what no tunnel protects, ports included.
pub(crate) fn nat(clients: u32, protected: MaskedNet) -> NatRules {
    let exempt = AclLine::Extended(AccessEntry {
        permit: true,
        protocol: None,
        source: MaskedNet::ANY,
        source_ports: PortMatch::Any,
        destination: protected,
        destination_ports: PortMatch::Any,
        icmp_type: None,
        log: None,
        inactive: false,
    });
    NatRules {
        exemptions: vec![(INSIDE, Arc::new(Acl::compile(&[exempt], PortsOf::Nobody)))],
        dynamic: vec![DynamicNat {
            interface: INSIDE,
            nat_id: 1,
            source: NatSource::Net {
                address: clients & 0xffff_0000,
                mask: 0xffff_0000,
            },
        }],
        pools: vec![Pool {
            interface: OUTSIDE,
            nat_id: 1,
            address: MAPPED,
        }],
    }
}

/// A packet with flow and round in its text.
pub(crate) fn udp_packet(src: (u32, u16), dst: (u32, u16), flow: u32, round: u32) -> Vec<u8> {
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

/// The first two words.
pub(crate) fn words(bytes: &[u8]) -> [u32; 2] {
    let (words, _) = bytes.as_chunks::<4>();
    [0, 1].map(|at: usize| u32::from_be_bytes(words[at]))
}
