//! Translation of an ICMP error: its own addresses and the packet that it quotes (RFC 5508
//! section 4.2).

use super::translate::{End, put, real};
use crate::conn::{Cold, Hot, entry_flag};
use crate::packet::Side;
use crate::wire::{Icmp, Ipv4, icmp, ipv4};

/// Translates an error that `from`'s side sends about a packet of the other side.
///
/// Towards the initiator: the error's destination and the quoted source become real. From the
/// initiator's side: the quoted destination becomes mapped, and so does the error's source.
pub(super) fn translate(packet: &mut [u8], hot: &Hot, cold: &Cold, from: Side) {
    if !hot.has(entry_flag::SOURCE_TRANSLATED) {
        return;
    }
    let initiator = hot.initiator();
    let (address, port) = real(hot, initiator);
    let (outer_end, quoted_end, address, port) = if from == initiator {
        (End::Source, End::Destination, cold.mapped_address, cold.mapped_port)
    } else {
        (End::Destination, End::Source, address, port)
    };
    let quoted_at = ipv4::LEN + icmp::LEN;
    if let Some(quoted) = packet.get_mut(quoted_at..)
        && let Some(header_len) = Ipv4::parse(quoted).map(|header| header.header_len())
    {
        put(quoted, header_len, quoted_end, address, port);
    }
    put_outer(packet, outer_end, address);
    // The quoted bytes changed in several places: the message is summed anew. Errors are rare.
    if let Some(message) = packet.get_mut(ipv4::LEN..) {
        Icmp::fill_checksum(message);
    }
}

fn put_outer(packet: &mut [u8], end: End, address: u32) {
    if let Some(mut header) = Ipv4::parse_mut(packet) {
        match end {
            End::Source => header.set_src(address),
            End::Destination => header.set_dst(address),
        }
        header.fill_checksum();
    }
}
