//! Denied packets: 106001, 106006, 106010, 106014, 106015, 106023.

use fastpath::packet::{FlowKey, protocol};
use fastpath::worker::event::DenyKind;

use super::super::Message;
use super::{address, protocol_name};

/// A denied packet with names instead of numbers.
pub(super) struct Denied<'a> {
    pub(super) kind: DenyKind,
    pub(super) key: &'a FlowKey,
    /// TCP flags, or ICMP type (high byte) and code.
    pub(super) detail: u16,
    pub(super) ingress: &'a str,
    pub(super) egress: &'a str,
}

/// TCP flags from the lowest bit on (RFC 9293 section 3.1).
const TCP_FLAGS: [&str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];

/// `SYN ACK `: every flag with a blank behind it, which makes the two blanks of 106015.
fn tcp_flags(flags: u16) -> String {
    TCP_FLAGS
        .iter()
        .enumerate()
        .filter(|(bit, _)| flags & (1 << bit) != 0)
        .fold(String::new(), |text, (_, name)| text + name + " ")
}

impl Denied<'_> {
    /// `10.0.0.1/1024 to 10.0.0.2/80`.
    fn endpoints(&self) -> String {
        format!(
            "{}/{} to {}/{}",
            address(self.key.src),
            self.key.sport,
            address(self.key.dst),
            self.key.dport
        )
    }

    /// `src outside:10.0.0.1/1024 dst inside:10.0.0.2/80`, ports where the protocol has them.
    fn src_dst(&self) -> String {
        let (src, dst) = (address(self.key.src), address(self.key.dst));
        let (ingress, egress) = (self.ingress, self.egress);
        match self.key.protocol {
            protocol::TCP | protocol::UDP => format!(
                "src {ingress}:{src}/{} dst {egress}:{dst}/{}",
                self.key.sport, self.key.dport
            ),
            protocol::ICMP => format!(
                "src {ingress}:{src} dst {egress}:{dst} (type {}, code {})",
                self.detail >> 8,
                self.detail & 0xff
            ),
            _ => format!("src {ingress}:{src} dst {egress}:{dst}"),
        }
    }

    fn no_connection(&self) -> Message {
        let text = format!(
            "Deny TCP (no connection) from {} flags {} on interface {}",
            self.endpoints(),
            tcp_flags(self.detail),
            self.ingress
        );
        Message::new(106_015, 6, text)
    }

    fn access_group(&self, access_list: &str) -> Message {
        let name = match self.key.protocol {
            protocol::TCP | protocol::UDP | protocol::ICMP => protocol_name(self.key.protocol),
            other => format!("protocol {other}"),
        };
        let packet = self.src_dst();
        let text = format!("Deny {name} {packet} by access-group \"{access_list}\" [0x0, 0x0]");
        Message::new(106_023, 4, text)
    }

    fn security_level(&self) -> Message {
        let ingress = self.ingress;
        match self.key.protocol {
            protocol::TCP => Message::new(
                106_001,
                2,
                format!(
                    "Inbound TCP connection denied from {} flags {} on interface {ingress}",
                    self.endpoints(),
                    tcp_flags(self.detail)
                ),
            ),
            protocol::UDP => {
                let packet = self.endpoints();
                let text = format!("Deny inbound UDP from {packet} on interface {ingress}");
                Message::new(106_006, 2, text)
            }
            protocol::ICMP => {
                Message::new(106_014, 3, format!("Deny inbound icmp {}", self.src_dst()))
            }
            other => {
                let packet = self.src_dst();
                Message::new(
                    106_010,
                    3,
                    format!("Deny inbound protocol {other} {packet}"),
                )
            }
        }
    }
}

pub(super) fn denied(packet: &Denied<'_>, access_list: Option<&str>) -> Message {
    match packet.kind {
        DenyKind::NoConnection => packet.no_connection(),
        DenyKind::AccessGroup => packet.access_group(access_list.unwrap_or("unknown")),
        DenyKind::SecurityLevel => packet.security_level(),
    }
}
