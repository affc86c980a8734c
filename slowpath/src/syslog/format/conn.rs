//! Connections and translations: 302013 to 302021, 305011, 305012.

use fastpath::packet::protocol;
use fastpath::worker::event::{ConnRecord, Endpoint, TeardownReason, XlateRecord};

use super::super::Message;
use super::{NameTable, address};
use crate::stats::view::duration::hms;
use crate::stats::view::protocol_name;

const GRE: u8 = 47;

/// `outside:192.0.2.1/80`.
fn real(endpoint: &Endpoint, names: &NameTable) -> String {
    let nameif = names.interface(endpoint.interface);
    format!("{nameif}:{}/{}", address(endpoint.address), endpoint.port)
}

/// `outside:192.0.2.1/80 (192.0.2.1/80)`.
fn real_and_mapped(endpoint: &Endpoint, names: &NameTable) -> String {
    format!(
        "{} ({}/{})",
        real(endpoint, names),
        address(endpoint.mapped_address),
        endpoint.mapped_port
    )
}

/// `faddr A/n gaddr B/n laddr C/n`: the side that asked has the identifier, the other one zero.
fn icmp_addresses(record: &ConnRecord) -> String {
    let (foreign, local) = (&record.foreign, &record.local);
    let (foreign_id, global_id, local_id) = if record.inbound {
        (foreign.port, 0, 0)
    } else {
        (0, local.mapped_port, local.port)
    };
    format!(
        "faddr {}/{foreign_id} gaddr {}/{global_id} laddr {}/{local_id}",
        address(foreign.address),
        address(local.mapped_address),
        address(local.address)
    )
}

pub(super) fn built(record: &ConnRecord, names: &NameTable) -> Option<Message> {
    let direction = if record.inbound {
        "inbound"
    } else {
        "outbound"
    };
    let id = match record.protocol {
        protocol::TCP => 302_013,
        protocol::UDP => 302_015,
        GRE => 302_017,
        protocol::ICMP => {
            let addresses = icmp_addresses(record);
            let text = format!("Built {direction} ICMP connection for {addresses}");
            return Some(Message::new(302_020, 6, text));
        }
        _ => return None,
    };
    let text = format!(
        "Built {direction} {} connection {} for {} to {}",
        protocol_name(record.protocol),
        record.id.0,
        real_and_mapped(&record.foreign, names),
        real_and_mapped(&record.local, names)
    );
    Some(Message::new(id, 6, text))
}

pub(super) fn teardown(
    record: &ConnRecord,
    reason: TeardownReason,
    duration_s: u32,
    bytes: u64,
    names: &NameTable,
) -> Option<Message> {
    let id = match record.protocol {
        protocol::TCP => 302_014,
        protocol::UDP => 302_016,
        GRE => 302_018,
        protocol::ICMP => {
            let addresses = icmp_addresses(record);
            let text = format!("Teardown ICMP connection for {addresses}");
            return Some(Message::new(302_021, 6, text));
        }
        _ => return None,
    };
    let mut text = format!(
        "Teardown {} connection {} for {} to {} duration {} bytes {bytes}",
        protocol_name(record.protocol),
        record.id.0,
        real(&record.foreign, names),
        real(&record.local, names),
        hms(u64::from(duration_s))
    );
    if record.protocol == protocol::TCP && !reason.text().is_empty() {
        text.push(' ');
        text.push_str(reason.text());
    }
    Some(Message::new(id, 6, text))
}

pub(super) fn xlate(
    built: bool,
    record: &XlateRecord,
    duration_s: u32,
    names: &NameTable,
) -> Message {
    let translation = format!(
        "dynamic {} translation from {} to {}:{}/{}",
        protocol_name(record.protocol),
        real(&record.real, names),
        names.interface(record.mapped_interface),
        address(record.real.mapped_address),
        record.real.mapped_port
    );
    if built {
        Message::new(305_011, 6, format!("Built {translation}"))
    } else {
        let duration = hms(u64::from(duration_s));
        Message::new(
            305_012,
            6,
            format!("Teardown {translation} duration {duration}"),
        )
    }
}
