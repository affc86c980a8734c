//! `show asp table vpn-context [detail]`.
//!
//! Both layouts are from published samples. Parsers in the field refuse any other line in the
//! detail form, so it prints these lines and no more. Where NATT and PRESERVE come together their
//! order is by knowledge of 8.2; the states other than `UP` are ours.

use std::net::Ipv4Addr;

use fastpath::tunnel::SlotState;
use serde::Serialize;

use super::Append;

/// All VPN contexts, in the order in which they are printed: the inbound one of a pair first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VpnContextTable {
    /// The contexts.
    pub contexts: Vec<VpnContext>,
}

/// One direction of a tunnel slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VpnContext {
    /// The handle; stays over a rekey.
    pub ctx: u32,
    /// What the ASA prints as its address; stays over a rekey.
    pub pointer: u32,
    /// The peer.
    pub peer: Ipv4Addr,
    /// Inbound (DECR) or outbound (ENCR).
    pub direction: Direction,
    /// ESP goes in UDP.
    pub nat_traversal: bool,
    /// Made with `sysopt connection preserve-vpn-flows`.
    pub preserve: bool,
    /// What the context can do now.
    pub state: ContextState,
    /// Handle of the SA that serves it.
    pub sa: u32,
    /// SPI of that SA.
    pub spi: u32,
    /// Group.
    pub group: u32,
    /// Packets.
    pub packets: u64,
    /// Packets that were malformed.
    pub bad_packets: u64,
    /// Packets with an unknown SPI.
    pub bad_spi: u64,
    /// Packets outside of the selectors, or in clear.
    pub spoof: u64,
    /// Packets whose authentication failed.
    pub bad_crypto: u64,
    /// Rekeys that packets have seen.
    pub rekey_packets: u64,
    /// Rekeys.
    pub rekey_calls: u64,
    /// `vpn-filter`, `None` for none.
    pub vpn_filter: Option<String>,
}

/// Which way a context's packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Inbound: packets are decrypted.
    Decrypt,
    /// Outbound: packets are encrypted.
    Encrypt,
}

/// State of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ContextState {
    /// Carries packets.
    Up,
    /// IKE negotiates.
    Pending,
    /// Nothing negotiates.
    Down,
    /// The SA is being deleted.
    Deleting,
}

impl From<SlotState> for ContextState {
    fn from(state: SlotState) -> Self {
        match state {
            SlotState::Up => Self::Up,
            SlotState::Pending => Self::Pending,
            SlotState::Down => Self::Down,
            SlotState::Deleting => Self::Deleting,
        }
    }
}

impl ContextState {
    const fn text(self) -> &'static str {
        match self {
            Self::Up => "UP",
            Self::Pending => "PENDING",
            Self::Down => "DOWN",
            Self::Deleting => "DELETING",
        }
    }
}

impl VpnContext {
    fn flags(&self) -> String {
        let mut flags = match self.direction {
            Direction::Decrypt => "DECR+ESP".to_owned(),
            Direction::Encrypt => "ENCR+ESP".to_owned(),
        };
        if self.nat_traversal {
            flags.push_str("+NATT");
        }
        if self.preserve {
            flags.push_str("+PRESERVE");
        }
        flags
    }

    fn render_detail(&self, out: &mut String) {
        out.append(format_args!("VPN CTX  = 0x{:08X}\n", self.ctx));
        out.push('\n');
        out.append(format_args!("Peer IP  = {}\n", self.peer));
        out.append(format_args!("Pointer  = 0x{:08X}\n", self.pointer));
        out.append(format_args!("State    = {}\n", self.state.text()));
        out.append(format_args!("Flags    = {}\n", self.flags()));
        out.append(format_args!("SA   = 0x{:08X}\n", self.sa));
        out.append(format_args!("SPI  = 0x{:08X}\n", self.spi));
        out.append(format_args!("Group    = {}\n", self.group));
        out.append(format_args!("Pkts     = {}\n", self.packets));
        out.append(format_args!("Bad Pkts = {}\n", self.bad_packets));
        out.append(format_args!("Bad SPI  = {}\n", self.bad_spi));
        out.append(format_args!("Spoof    = {}\n", self.spoof));
        out.append(format_args!("Bad Crypto = {}\n", self.bad_crypto));
        out.append(format_args!("Rekey Pkt  = {}\n", self.rekey_packets));
        out.append(format_args!("Rekey Call = {}\n", self.rekey_calls));
        let filter = self.vpn_filter.as_deref().unwrap_or("<none>");
        out.append(format_args!("VPN Filter = {filter}\n"));
    }
}

impl VpnContextTable {
    /// The brief form, one line per context.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for context in &self.contexts {
            out.append(format_args!(
                "VPN CTX=0x{:08X}, Ptr=0x{:08X}, {}, {}, pk={:010}, rk={:010}, gc={}\n",
                context.ctx,
                context.pointer,
                context.flags(),
                context.state.text(),
                context.packets,
                context.rekey_packets,
                context.group
            ));
        }
        out
    }

    /// The detail form.
    pub fn render_detail(&self) -> String {
        let mut out = String::new();
        for (index, context) in self.contexts.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            context.render_detail(&mut out);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> VpnContext {
        VpnContext {
            ctx: 0x0005_FF54,
            pointer: 0x6DE6_2DA0,
            peer: Ipv4Addr::new(10, 11, 200, 23),
            direction: Direction::Decrypt,
            nat_traversal: false,
            preserve: true,
            state: ContextState::Up,
            sa: 0x0DAC_F9C5,
            spi: 0x0F51_782D,
            group: 0,
            packets: 0,
            bad_packets: 0,
            bad_spi: 0,
            spoof: 0,
            bad_crypto: 0,
            rekey_packets: 0,
            rekey_calls: 0,
            vpn_filter: None,
        }
    }

    #[test]
    fn brief_is_the_sample_of_the_note() {
        let outbound = VpnContext {
            ctx: 0x0005_B234,
            pointer: 0x6DE6_35E0,
            direction: Direction::Encrypt,
            ..context()
        };
        let table = VpnContextTable {
            contexts: vec![context(), outbound],
        };
        assert_eq!(
            table.render(),
            "VPN CTX=0x0005FF54, Ptr=0x6DE62DA0, DECR+ESP+PRESERVE, UP, \
             pk=0000000000, rk=0000000000, gc=0\n\
             VPN CTX=0x0005B234, Ptr=0x6DE635E0, ENCR+ESP+PRESERVE, UP, \
             pk=0000000000, rk=0000000000, gc=0\n"
        );
    }

    #[test]
    fn detail_is_the_published_sample() {
        let first = VpnContext {
            ctx: 0x0115_5524,
            pointer: 0xCC05_C8F0,
            group: 1,
            packets: 27_257,
            rekey_packets: 5,
            rekey_calls: 5,
            vpn_filter: Some("VPN-ACL-1".to_owned()),
            ..context()
        };
        let second = VpnContext {
            nat_traversal: true,
            preserve: false,
            ..context()
        };
        let table = VpnContextTable {
            contexts: vec![first, second],
        };
        let expected = "\
VPN CTX  = 0x01155524

Peer IP  = 10.11.200.23
Pointer  = 0xCC05C8F0
State    = UP
Flags    = DECR+ESP+PRESERVE
SA   = 0x0DACF9C5
SPI  = 0x0F51782D
Group    = 1
Pkts     = 27257
Bad Pkts = 0
Bad SPI  = 0
Spoof    = 0
Bad Crypto = 0
Rekey Pkt  = 5
Rekey Call = 5
VPN Filter = VPN-ACL-1

VPN CTX  = 0x0005FF54

Peer IP  = 10.11.200.23
Pointer  = 0x6DE62DA0
State    = UP
Flags    = DECR+ESP+NATT
SA   = 0x0DACF9C5
SPI  = 0x0F51782D
Group    = 0
Pkts     = 0
Bad Pkts = 0
Bad SPI  = 0
Spoof    = 0
Bad Crypto = 0
Rekey Pkt  = 0
Rekey Call = 0
VPN Filter = <none>
";
        assert_eq!(table.render_detail(), expected);
    }

    #[test]
    fn decision_10_brief_is_a_line_per_context_and_detail_the_long_form() {
        let table = VpnContextTable {
            contexts: vec![context(), context()],
        };
        let brief = table.render();
        assert_eq!(brief.lines().count(), 2);
        assert!(brief.lines().all(|line| line.starts_with("VPN CTX=0x")));
        let detail = table.render_detail();
        let starts = detail
            .lines()
            .filter(|line| line.starts_with("VPN CTX  = 0x"));
        assert_eq!(starts.count(), 2);
        assert!(detail.contains("\nRekey Call = ") && !brief.contains("Rekey Call"));
    }

    #[test]
    fn a_slot_state_without_packets_is_not_up() {
        let down = VpnContext {
            state: SlotState::Down.into(),
            ..context()
        };
        let text = VpnContextTable {
            contexts: vec![down],
        }
        .render();
        assert!(text.contains("DECR+ESP+PRESERVE, DOWN, pk="), "{text}");
    }
}
