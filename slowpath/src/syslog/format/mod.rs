//! Events of the workers, and what the control side does, as ASA messages.
//!
//! Texts of 302013 to 302021, 305011, 305012, 106015, 106023, 402116 to 402120, 602303, 602304 and
//! 111008 are from published samples of the ASA's log or its message guide. The rest, and the
//! blanks inside 402116 and 402130, are by knowledge of 8.2.

mod conn;
mod deny;
mod ipsec;
mod operator;

pub use operator::{audit, redact, shutdown, startup};

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use fastpath::packet::protocol;
use fastpath::worker::event::Event;

use super::Message;
use super::access_log::Hit;
use crate::ike::Selectors;
use crate::too_big::TooBig;

/// What the numbers in events mean. Rebuilt when the policy or the SAs change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameTable {
    /// `nameif` by the interface's index in the policy.
    pub interfaces: Vec<String>,
    /// Access list by the access group's index in the policy.
    pub access_groups: Vec<String>,
    /// Negotiated selectors by inbound SPI, for 402116.
    pub selectors: BTreeMap<u32, Selectors>,
}

impl NameTable {
    fn interface(&self, index: u8) -> &str {
        self.interfaces
            .get(usize::from(index))
            .map_or("unknown", String::as_str)
    }

    fn access_group(&self, index: u16) -> Option<&str> {
        self.access_groups
            .get(usize::from(index))
            .map(String::as_str)
    }
}

/// The message of an event, `None` where the ASA writes none (what only tunnels need, a
/// connection of a protocol other than TCP, UDP, ICMP and GRE) or where an [`super::AccessLog`]
/// decides.
pub fn event(event: &Event, names: &NameTable) -> Option<Message> {
    match event {
        Event::ConnBuilt(record) => conn::built(record, names),
        Event::ConnTeardown {
            conn,
            reason,
            duration_s,
            bytes,
        } => conn::teardown(conn, *reason, *duration_s, *bytes, names),
        Event::Xlate {
            built,
            xlate,
            duration_s,
        } => Some(conn::xlate(*built, xlate, *duration_s, names)),
        Event::Denied {
            kind,
            key,
            detail,
            interface,
            egress,
            access_group,
        } => Some(deny::denied(
            &deny::Denied {
                kind: *kind,
                key,
                detail: *detail,
                ingress: names.interface(*interface),
                egress: names.interface(*egress),
            },
            names.access_group(*access_group),
        )),
        Event::Ipsec {
            kind,
            spi,
            sequence,
            outer,
            inner,
        } => Some(ipsec::refused(
            *kind,
            *spi,
            *sequence,
            (outer, inner),
            names.selectors.get(spi),
        )),
        Event::AccessLog { .. }
        | Event::RekeyWanted { .. }
        | Event::PeerMoved { .. }
        | Event::Bounce(_) => None,
    }
}

/// 602303 and 602304: one direction of a phase-2 SA was made or deleted.
pub fn sa_changed(
    created: bool,
    inbound: bool,
    spi: u32,
    local: Ipv4Addr,
    remote: Ipv4Addr,
) -> Message {
    let direction = if inbound { "inbound" } else { "outbound" };
    let (id, fate) = if created {
        (602_303, "created")
    } else {
        (602_304, "deleted")
    };
    Message::new(
        id,
        6,
        format!(
            "IPSEC: An {direction} LAN-to-LAN SA (SPI= 0x{spi:08X}) between {local} and {remote} \
             (user= {remote}) has been {fate}."
        ),
    )
}

/// 602103: a router's report has lowered the path MTU of a tunnel.
pub fn path_mtu_lowered(report: &TooBig, old_bytes: u16, new_bytes: u16) -> Message {
    let TooBig {
        router,
        remote,
        spi,
        mtu_bytes,
        ..
    } = report;
    Message::new(
        602_103,
        6,
        format!(
            "IPSEC: Received an ICMP Destination Unreachable from {router} with suggested PMTU of \
             {mtu_bytes}; PMTU updated for SA with peer {remote}, SPI 0x{spi:08X}, tunnel name \
             {remote}, old PMTU {old_bytes}, new PMTU {new_bytes}."
        ),
    )
}

/// The packet of an event that an access-list entry logs.
pub fn access_hit<'a>(event: &'a Event, names: &'a NameTable) -> Option<Hit<'a>> {
    let Event::AccessLog {
        permitted,
        key,
        icmp,
        interface,
        egress,
        entry,
    } = event
    else {
        return None;
    };
    Some(Hit {
        permitted: *permitted,
        key,
        icmp: *icmp,
        ingress: names.interface(*interface),
        egress: names.interface(*egress),
        access_list: names.access_group(entry.access_group).unwrap_or("unknown"),
        entry: *entry,
    })
}

pub(super) fn address(bits: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(bits)
}

/// `tcp`, `udp`, `icmp` or the number.
pub(super) fn protocol_name(number: u8) -> String {
    match number {
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::ICMP => "icmp".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
