//! What workers tell the slowpath: fixed-size records through bounded rings.

use crate::conn::ConnId;
use crate::packet::FlowKey;
use crate::tunnel::{BounceRecord, SlotId};

/// A record of the event ring.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A connection was made (302013, 302015, 302020).
    ConnBuilt(ConnRecord),
    /// A connection has ended (302014, 302016, 302021).
    ConnTeardown {
        /// Which.
        conn: ConnRecord,
        /// Why.
        reason: TeardownReason,
        /// Seconds that it lived.
        duration_s: u32,
        /// IP bytes in both directions.
        bytes: u64,
    },
    /// A port translation was made (305011) or has ended (305012).
    Xlate {
        /// Made, else ended.
        built: bool,
        /// Real and mapped side.
        xlate: XlateRecord,
        /// Seconds that it lived, when it has ended.
        duration_s: u32,
    },
    /// A packet was denied: TCP without a connection (106015) or by an access list (106023).
    Denied {
        /// Which message.
        kind: DenyKind,
        /// The packet.
        key: FlowKey,
        /// TCP flags, or ICMP type (high byte) and code.
        detail: u16,
        /// Interface (index of the policy) by which it came.
        interface: u8,
        /// Interface by which it would have left, 255 when unknown.
        egress: u8,
        /// Access group (index of the policy), `u16::MAX` when none.
        access_group: u16,
    },
    /// The `log` option of an access-list entry asks for the packet (106100).
    AccessLog {
        /// Permitted, else denied.
        permitted: bool,
        /// The packet.
        key: FlowKey,
        /// ICMP type and code.
        icmp: [u8; 2],
        /// Interface (index of the policy) by which it came.
        interface: u8,
        /// Interface by which it leaves, or would have left.
        egress: u8,
        /// Whose entry it is, and what that asks for.
        entry: LoggedEntry,
    },
    /// IPsec refused a packet (402116 to 402120, 402130).
    Ipsec {
        /// Which message.
        kind: IpsecKind,
        /// SPI, zero where there is none.
        spi: u32,
        /// Sequence number on the wire.
        sequence: u32,
        /// Outer addresses and protocol, or those of the packet in clear.
        outer: FlowKey,
        /// Inner packet of a selector mismatch.
        inner: FlowKey,
    },
    /// A slot's soft kilobyte lifetime is used up, or its sequence numbers run out: rekey it.
    RekeyWanted {
        /// The slot.
        slot: SlotId,
        /// Inbound or outbound SPI.
        spi: u32,
        /// The hard limit: the SA carries nothing more.
        hard: bool,
    },
    /// The newest authenticated packet of an SA in UDP came from another address or port than the
    /// one before: the peer's NAT has given it another mapping.
    PeerMoved {
        /// The inbound SPI.
        spi: u32,
        /// The slot.
        slot: SlotId,
        /// The peer's address now, host byte order.
        remote: u32,
        /// Its UDP port now.
        remote_port: u16,
    },
    /// What a worker did for the flows of a slot that bounced.
    Bounce(BounceRecord),
}

/// A connection as the logs print it.
#[derive(Clone, Copy, Debug)]
pub struct ConnRecord {
    /// Its number.
    pub id: ConnId,
    /// IP protocol number.
    pub protocol: u8,
    /// Made by the side with the lower security level.
    pub inbound: bool,
    /// The endpoint on the less secure interface; printed first.
    pub foreign: Endpoint,
    /// The endpoint on the more secure interface.
    pub local: Endpoint,
    /// ICMP type and code.
    pub icmp: [u8; 2],
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Interface (index of the policy) behind which it stands.
    pub interface: u8,
    /// Real address.
    pub address: u32,
    /// Real port or ICMP identifier.
    pub port: u16,
    /// Mapped address; equal to the real one without NAT.
    pub mapped_address: u32,
    /// Mapped port.
    pub mapped_port: u16,
}

/// A port translation as the logs print it.
#[derive(Clone, Copy, Debug)]
pub struct XlateRecord {
    /// IP protocol number.
    pub protocol: u8,
    /// Real side.
    pub real: Endpoint,
    /// Interface (index of the policy) of the mapped address.
    pub mapped_interface: u8,
}

/// An access-list entry with `log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoggedEntry {
    /// Access group (index of the policy).
    pub access_group: u16,
    /// Syslog level.
    pub level: u8,
    /// Seconds between two counts of one flow.
    pub interval_s: u16,
}

/// Which message a denied packet makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyKind {
    /// 106015: TCP that belongs to no connection.
    NoConnection,
    /// 106023: denied by an access group.
    AccessGroup,
    /// 106001, 106006, 106014: denied by the security levels.
    SecurityLevel,
}

/// Which message IPsec makes; each at most once per five seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpsecKind {
    /// 402116: inner packet outside of the selectors.
    Selector,
    /// 402117: a packet in clear that must come through a tunnel.
    NotIpsec,
    /// 402119: anti-replay.
    Replay,
    /// 402120: authentication.
    Authentication,
    /// 402130: padding.
    Padding,
    /// 402114: unknown SPI.
    InvalidSpi,
}

/// Why a connection has ended; the texts are the ASA's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TeardownReason {
    /// No reason is printed (UDP, ICMP).
    None,
    /// `TCP FINs`.
    TcpFins,
    /// `TCP Reset-I`: from the more secure side.
    TcpResetInside,
    /// `TCP Reset-O`: from the less secure side.
    TcpResetOutside,
    /// `TCP Reset-APPLIANCE`.
    TcpResetAppliance,
    /// `SYN Timeout`.
    SynTimeout,
    /// `FIN Timeout`.
    FinTimeout,
    /// `Conn-timeout`: the idle timer.
    ConnTimeout,
    /// `Tunnel has been torn down`.
    TunnelTornDown,
    /// `VPN reclassify failed`.
    VpnReclassifyFailed,
    /// `Flow closed by inspection`: reclassified into a tunnel.
    Reclassified,
    /// `Xlate Clear`.
    XlateClear,
    /// `Deny Terminate`: `clear conn`.
    Cleared,
    /// `Probe maximum retries of retransmission exceeded`: an end was silent after its tunnel came
    /// back and answered no probe.
    ProbeRetries,
}

impl TeardownReason {
    /// The text at the end of 302014; empty for [`TeardownReason::None`].
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::TcpFins => "TCP FINs",
            Self::TcpResetInside => "TCP Reset-I",
            Self::TcpResetOutside => "TCP Reset-O",
            Self::TcpResetAppliance => "TCP Reset-APPLIANCE",
            Self::SynTimeout => "SYN Timeout",
            Self::FinTimeout => "FIN Timeout",
            Self::ConnTimeout => "Conn-timeout",
            Self::TunnelTornDown => "Tunnel has been torn down",
            Self::VpnReclassifyFailed => "VPN reclassify failed",
            Self::Reclassified => "Free the flow created as result of packet injection",
            Self::XlateClear => "Xlate Clear",
            Self::Cleared => "Deny Terminate",
            Self::ProbeRetries => "Probe maximum retries of retransmission exceeded",
        }
    }
}
