//! `show conn [detail | count]`.
//!
//! The header and the brief lines are from published samples: the endpoint of the lower security
//! level comes first. The detail lines and the legend are by knowledge of 8.2, as is the order of
//! the closing flags.

mod entry;

use std::net::Ipv4Addr;

use fastpath::conn::TcpState;
use fastpath::packet::protocol;
use serde::Serialize;

use super::duration::{compact, hms};
use super::protocol_name;

/// Connections with the numbers of the header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnTable {
    /// Connections of the box now, listed or not.
    pub in_use: u64,
    /// Highest number since the start.
    pub most_used: u64,
    /// Those to list.
    pub conns: Vec<Conn>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conn {
    /// IP protocol number.
    pub protocol: u8,
    /// The endpoint on the less secure interface.
    pub foreign: ConnEnd,
    /// The endpoint on the more secure interface.
    pub local: ConnEnd,
    /// Seconds since the last packet.
    pub idle_s: u64,
    /// Seconds since it was made.
    pub uptime_s: u64,
    /// Its idle timeout in seconds, 0 for never.
    pub timeout_s: u64,
    /// IP bytes in both directions.
    pub bytes: u64,
    /// What the flags say.
    pub flags: ConnFlags,
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnEnd {
    /// Name of the interface.
    pub nameif: String,
    /// Real address.
    pub address: Ipv4Addr,
    /// Port or ICMP identifier.
    pub port: u16,
    /// Mapped address where it differs and shall be shown.
    pub mapped: Option<Ipv4Addr>,
}

/// The facts behind the letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnFlags {
    /// How far a TCP connection is, `None` for other protocols.
    pub tcp: Option<TcpPhase>,
    /// Made from the less secure side (`B`).
    pub inbound: bool,
    /// Data came from the less secure side (`I`).
    pub data_inbound: bool,
    /// Data went to the less secure side (`O`).
    pub data_outbound: bool,
    /// The more secure side sent its FIN (`f`).
    pub inside_fin: bool,
    /// That FIN is acknowledged (`r`).
    pub inside_fin_acked: bool,
    /// The less secure side sent its FIN (`F`).
    pub outside_fin: bool,
    /// That FIN is acknowledged (`R`).
    pub outside_fin_acked: bool,
    /// Its tunnel is down and it is preserved (`V`).
    pub vpn_orphan: bool,
}

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TcpPhase {
    /// SYN seen.
    SynSent,
    /// SYN-ACK seen.
    SynReceived,
    /// Complete.
    Up,
}

impl TcpPhase {
    /// The phase of an entry's state, `None` when it is not TCP.
    pub const fn from_state(state: TcpState) -> Option<Self> {
        match state {
            TcpState::None => None,
            TcpState::SynSent => Some(Self::SynSent),
            TcpState::SynReceived => Some(Self::SynReceived),
            TcpState::Established | TcpState::HalfClosed | TcpState::Closing | TcpState::Closed => {
                Some(Self::Up)
            }
        }
    }
}

impl ConnFlags {
    /// The letters, `-` when there are none.
    pub fn letters(&self) -> String {
        let mut letters = String::with_capacity(10);
        match (self.tcp, self.inbound) {
            (Some(TcpPhase::SynSent), false) => letters.push_str("saA"),
            (Some(TcpPhase::SynSent), true) => letters.push_str("SaA"),
            (Some(TcpPhase::SynReceived), false) => letters.push('A'),
            (Some(TcpPhase::SynReceived), true) => letters.push('a'),
            (Some(TcpPhase::Up), _) => letters.push('U'),
            (None, _) => {}
        }
        let tcp = self.tcp.is_some();
        for (set, letter) in [
            (self.inside_fin, 'f'),
            (self.outside_fin, 'F'),
            (self.inside_fin_acked, 'r'),
            (self.outside_fin_acked, 'R'),
            (tcp && self.data_inbound, 'I'),
            (tcp && self.data_outbound, 'O'),
            (tcp && self.inbound, 'B'),
            (self.vpn_orphan, 'V'),
        ] {
            if set {
                letters.push(letter);
            }
        }
        if letters.is_empty() {
            letters.push('-');
        }
        letters
    }
}

impl ConnEnd {
    fn address(&self) -> String {
        match self.mapped {
            Some(mapped) if mapped != self.address => format!("{}({mapped})", self.address),
            _ => self.address.to_string(),
        }
    }

    fn brief(&self) -> String {
        format!("{} {}:{}", self.nameif, self.address(), self.port)
    }

    fn detail(&self) -> String {
        format!("{}:{}/{}", self.nameif, self.address(), self.port)
    }
}

impl Conn {
    /// The line of `show conn`.
    pub fn render(&self) -> String {
        let mut line = format!(
            "{} {} {}, idle {}, bytes {}",
            protocol_name(self.protocol),
            self.foreign.brief(),
            self.local.brief(),
            hms(self.idle_s),
            self.bytes
        );
        if self.protocol != protocol::ICMP {
            line.push_str(", flags ");
            line.push_str(&self.flags.letters());
        }
        line.push('\n');
        line
    }

    /// The two lines of `show conn detail`.
    pub fn render_detail(&self) -> String {
        format!(
            "{} {} {},\n    flags {}, idle {}, uptime {}, timeout {}, bytes {}\n",
            protocol_name(self.protocol),
            self.foreign.detail(),
            self.local.detail(),
            self.flags.letters(),
            compact(self.idle_s),
            compact(self.uptime_s),
            if self.timeout_s == 0 {
                "-".to_owned()
            } else {
                compact(self.timeout_s)
            },
            self.bytes
        )
    }
}

const LEGEND: &str = "\
Flags: A - awaiting inside ACK to SYN, a - awaiting outside ACK to SYN,
       B - initial SYN from outside, b - TCP state-bypass or nailed, C - CTIQBE media,
       D - DNS, d - dump, E - outside back connection, F - outside FIN, f - inside FIN,
       G - group, g - MGCP, H - H.323, h - H.225.0, I - inbound data,
       i - incomplete, J - GTP, j - GTP data, K - GTP t3-response
       k - Skinny media, M - SMTP data, m - SIP media, n - GUP
       O - outbound data, P - inside back connection, p - Phone-proxy TFTP connection,
       q - SQL*Net data, R - outside acknowledged FIN,
       R - UDP SUNRPC, r - inside acknowledged FIN, S - awaiting inside SYN,
       s - awaiting outside SYN, T - SIP, t - SIP transient, U - up,
       V - VPN orphan, W - WAAS,
       X - inspected by service module
";

impl ConnTable {
    /// `N in use, M most used`: the whole output of `show conn count`.
    pub fn render_header(&self) -> String {
        format!("{} in use, {} most used\n", self.in_use, self.most_used)
    }

    /// What precedes the connections of `show conn detail`.
    pub fn render_detail_header(&self) -> String {
        self.render_header() + LEGEND
    }

    /// `show conn`.
    pub fn render(&self) -> String {
        let mut out = self.render_header();
        out.extend(self.conns.iter().map(Conn::render));
        out
    }

    /// `show conn detail`.
    pub fn render_detail(&self) -> String {
        let mut out = self.render_detail_header();
        out.extend(self.conns.iter().map(Conn::render_detail));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(nameif: &str, address: [u8; 4], port: u16) -> ConnEnd {
        ConnEnd {
            nameif: nameif.to_owned(),
            address: address.into(),
            port,
            mapped: None,
        }
    }

    fn conn() -> Conn {
        Conn {
            protocol: protocol::TCP,
            foreign: end("outside", [192, 168, 3, 5], 80),
            local: end("dmz", [172, 16, 103, 221], 57646),
            idle_s: 29,
            uptime_s: 43 * 3600,
            timeout_s: 3600,
            bytes: 2176,
            flags: ConnFlags {
                tcp: Some(TcpPhase::Up),
                data_inbound: true,
                data_outbound: true,
                ..ConnFlags::default()
            },
        }
    }

    #[test]
    fn brief_is_the_published_sample() {
        let embryonic = Conn {
            foreign: end("outside", [10, 23, 232, 59], 5223),
            local: end("inside", [192, 168, 1, 3], 52419),
            idle_s: 11,
            bytes: 0,
            flags: ConnFlags {
                tcp: Some(TcpPhase::SynSent),
                ..ConnFlags::default()
            },
            ..conn()
        };
        let dns = Conn {
            protocol: protocol::UDP,
            foreign: end("outside", [10, 1, 2, 5], 53),
            local: end("inside", [10, 184, 2, 53], 62082),
            idle_s: 0,
            bytes: 42,
            flags: ConnFlags::default(),
            ..conn()
        };
        let mut translated = conn();
        translated.foreign.mapped = Some(Ipv4Addr::new(18, 17, 16, 15));
        let table = ConnTable {
            in_use: 101,
            most_used: 5589,
            conns: vec![embryonic, conn(), dns, translated],
        };
        assert_eq!(
            table.render(),
            "101 in use, 5589 most used\n\
             TCP outside 10.23.232.59:5223 inside 192.168.1.3:52419, idle 0:00:11, bytes 0, \
             flags saA\n\
             TCP outside 192.168.3.5:80 dmz 172.16.103.221:57646, idle 0:00:29, bytes 2176, \
             flags UIO\n\
             UDP outside 10.1.2.5:53 inside 10.184.2.53:62082, idle 0:00:00, bytes 42, flags -\n\
             TCP outside 192.168.3.5(18.17.16.15):80 dmz 172.16.103.221:57646, idle 0:00:29, \
             bytes 2176, flags UIO\n"
        );
    }

    #[test]
    fn detail_has_legend_and_two_lines_per_connection() {
        let table = ConnTable {
            in_use: 1,
            most_used: 1,
            conns: vec![Conn {
                foreign: end("outside", [10, 10, 49, 10], 23),
                local: end("inside", [10, 1, 1, 15], 1026),
                idle_s: 39,
                bytes: 1_940_435,
                ..conn()
            }],
        };
        let text = table.render_detail();
        assert!(text.starts_with("1 in use, 1 most used\nFlags: A - awaiting inside ACK"));
        assert!(text.ends_with(
            "       X - inspected by service module\n\
             TCP outside:10.10.49.10/23 inside:10.1.1.15/1026,\n    \
             flags UIO, idle 39s, uptime 1D19h, timeout 1h0m, bytes 1940435\n"
        ));
    }

    #[test]
    fn flags_follow_the_handshake_and_the_close() {
        let letters = |change: fn(&mut ConnFlags)| {
            let mut flags = conn().flags;
            change(&mut flags);
            flags.letters()
        };
        let inbound_syn = ConnFlags {
            tcp: Some(TcpPhase::SynSent),
            inbound: true,
            ..ConnFlags::default()
        };
        assert_eq!(inbound_syn.letters(), "SaAB");
        let inbound_syn_ack = ConnFlags {
            tcp: Some(TcpPhase::SynReceived),
            ..inbound_syn
        };
        assert_eq!(inbound_syn_ack.letters(), "aB");
        assert_eq!(letters(|flags| flags.inbound = true), "UIOB");
        assert_eq!(
            letters(|flags| flags.vpn_orphan = true),
            "UIOV",
            "decision 8"
        );
        let half_closed = letters(|flags| {
            flags.inbound = true;
            flags.inside_fin = true;
            flags.inside_fin_acked = true;
        });
        assert_eq!(half_closed, "UfrIOB");
        assert_eq!(TcpPhase::from_state(TcpState::Closing), Some(TcpPhase::Up));
        assert_eq!(TcpPhase::from_state(TcpState::None), None);
    }

    #[test]
    fn icmp_has_no_flags() {
        let icmp = Conn {
            protocol: protocol::ICMP,
            flags: ConnFlags::default(),
            ..conn()
        };
        assert!(icmp.render().ends_with("bytes 2176\n"));
    }
}
