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

use fastpath::worker::event::Event;

use super::Message;
use crate::ike::Selectors;

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

/// The message of an event, `None` where the ASA writes none (a rekey that is asked for, a
/// connection of a protocol other than TCP, UDP, ICMP and GRE).
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
        Event::RekeyWanted { .. } => None,
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

fn address(bits: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(bits)
}

#[cfg(test)]
mod tests;
