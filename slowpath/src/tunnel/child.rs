//! One negotiated SA pair of a tunnel.

use std::net::Ipv4Addr;

use fastpath::esp::{ESP_TRAILER_LEN, PortRange, SaParameters, Suite};
use fastpath::tunnel::SlotId;

use super::dataplane::{InboundTraffic, OutboundTraffic};
use crate::ike::{ChildSa, EspSuite, SaKeys, Selectors};
use crate::time::Time;

/// Outer IPv4 header.
const OUTER_LEN: u32 = 20;
/// UDP header of ESP in UDP (RFC 3948 section 2.1).
const UDP_LEN: u32 = 8;

/// Longest inner packet in bytes that fits `path` bytes once a suite has sealed it.
pub fn inner_mtu(path: u32, suite: Suite, in_udp: bool) -> u32 {
    let udp = if in_udp { UDP_LEN } else { 0 };
    let head = OUTER_LEN + udp + suite.esp_head_len() as u32;
    let room = path.saturating_sub(head + suite.icv_len() as u32);
    (room - room % suite.block_len() as u32).saturating_sub(ESP_TRAILER_LEN as u32)
}

/// What is remembered of an SA pair; its keys live in the dataplane alone.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) inbound_spi: u32,
    pub(super) outbound_spi: u32,
    pub(super) peer: Ipv4Addr,
    pub(super) local: Ipv4Addr,
    pub(super) remote: Ipv4Addr,
    pub(super) suite: EspSuite,
    pub(super) selectors: Selectors,
    pub(super) in_udp: bool,
    /// UDP ports of ESP in UDP, ours first.
    pub(super) ports: Option<(u16, u16)>,
    pub(super) since: Time,
    pub(super) lifetime_s: u32,
    pub(super) lifetime_kb: Option<u32>,
    /// Handle that `show` prints.
    pub(super) conn_id: u32,
    /// Its outbound SA is the slot's.
    pub(super) sealing: bool,
    /// Every worker seals with it.
    pub(super) spread: bool,
    /// Counters when they were last compared for dead peer detection.
    pub(super) seen: (u64, u64),
    /// What its outbound SA has counted, once it no longer seals.
    pub(super) sealed: OutboundTraffic,
}

impl Child {
    pub(super) fn new(sa: &ChildSa, now: Time, conn_id: u32) -> Self {
        Self {
            inbound_spi: sa.inbound_spi,
            outbound_spi: sa.outbound_spi,
            peer: sa.peer,
            local: sa.local,
            remote: sa.remote,
            suite: sa.suite,
            selectors: sa.selectors,
            in_udp: sa.encapsulation.is_some(),
            ports: ports_of(sa),
            since: now,
            lifetime_s: sa.lifetime_s,
            lifetime_kb: sa.lifetime_kb,
            conn_id,
            sealing: false,
            spread: false,
            seen: (0, 0),
            sealed: OutboundTraffic::default(),
        }
    }

    pub(super) fn remaining_s(&self, now: Time) -> u32 {
        let age_s = now.since_ms(self.since) / 1000;
        self.lifetime_s
            .saturating_sub(u32::try_from(age_s).unwrap_or(u32::MAX))
    }

    pub(super) fn remaining_kb(&self, bytes: u64) -> Option<u32> {
        let used = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
        self.lifetime_kb.map(|limit| limit.saturating_sub(used))
    }
}

/// Packets and bytes of SAs that are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) inbound: InboundTraffic,
    pub(super) outbound: OutboundTraffic,
}

impl Totals {
    pub(super) fn add_inbound(&mut self, traffic: InboundTraffic) {
        self.inbound.packets += traffic.packets;
        self.inbound.bytes += traffic.bytes;
        self.inbound.replayed += traffic.replayed;
        self.inbound.not_authentic += traffic.not_authentic;
    }

    pub(super) fn add_outbound(&mut self, traffic: OutboundTraffic) {
        self.outbound.packets += traffic.packets;
        self.outbound.bytes += traffic.bytes;
        self.outbound.expecting += traffic.expecting;
    }

    pub(super) fn since(&self, base: &Self) -> Self {
        let (inbound, outbound) = (&self.inbound, &self.outbound);
        Self {
            inbound: inbound.since(&base.inbound),
            outbound: OutboundTraffic {
                packets: outbound.packets.saturating_sub(base.outbound.packets),
                bytes: outbound.bytes.saturating_sub(base.outbound.bytes),
                expecting: outbound.expecting.saturating_sub(base.outbound.expecting),
            },
        }
    }
}

/// The suite of an SA as the fastpath names it; `None` for what does not authenticate.
pub(super) fn suite_of(suite: EspSuite) -> Option<Suite> {
    Suite::new(suite.encryption, suite.integrity)
}

fn ports_of(sa: &ChildSa) -> Option<(u16, u16)> {
    sa.encapsulation
        .map(|(ours, theirs)| (ours.port(), theirs.port()))
}

/// Both directions of an SA for the fastpath.
pub(super) struct Directions<'a> {
    sa: &'a ChildSa,
    suite: Suite,
    slot: SlotId,
    replay_window: u32,
    spread: bool,
}

impl<'a> Directions<'a> {
    /// The pair `sa` of a tunnel; every worker seals with it where `spread` says so.
    pub(super) fn new(
        sa: &'a ChildSa,
        slot: SlotId,
        replay_window: u32,
        spread: bool,
    ) -> Option<Self> {
        let suite = suite_of(sa.suite)?;
        Some(Self {
            sa,
            suite,
            slot,
            replay_window,
            spread,
        })
    }

    pub(super) fn inbound(&self) -> SaParameters<'a> {
        self.parameters(self.sa.inbound_spi, &self.sa.inbound_keys)
    }

    pub(super) fn outbound(&self) -> SaParameters<'a> {
        self.parameters(self.sa.outbound_spi, &self.sa.outbound_keys)
    }

    fn parameters(&self, spi: u32, keys: &'a SaKeys) -> SaParameters<'a> {
        let sa = self.sa;
        SaParameters {
            spi,
            suite: self.suite,
            encryption_key: &keys.encryption,
            integrity_key: &keys.integrity,
            local: sa.local.to_bits(),
            remote: sa.remote.to_bits(),
            encapsulation: ports_of(sa),
            esn: sa.esn,
            replay_window: self.replay_window,
            lifetime_bytes: sa.lifetime_kb.map(|kb| u64::from(kb) * 1024),
            slot: self.slot,
            selectors: fastpath_selectors(&sa.selectors),
            spread: self.spread,
        }
    }
}

fn fastpath_selectors(selectors: &Selectors) -> fastpath::esp::Selectors {
    let ports = |port| match port {
        0 => PortRange::ANY,
        port => PortRange {
            first: port,
            last: port,
        },
    };
    fastpath::esp::Selectors {
        local: selectors.local,
        remote: selectors.remote,
        protocol: (selectors.protocol != 0).then_some(selectors.protocol),
        local_ports: ports(selectors.local_port),
        remote_ports: ports(selectors.remote_port),
    }
}
