//! What a step decides about a packet, and the one table of drop reasons.

/// What becomes of a packet that leaves the line before `transmit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Goes on to the next step.
    Continue,
    /// Is freed and counted under its reason.
    Drop(DropReason),
    /// Goes to the slowpath, within the budget of its class.
    Punt(PuntClass),
    /// Goes to another worker, which takes it up at a named entrance.
    Handoff(u8),
    /// Is kept by a bounded holder (reassembly).
    Hold,
}

/// Why a packet goes to the slowpath. Lower classes are served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PuntClass {
    /// IKE to one of our addresses.
    Ike = 0,
    /// ARP.
    Arp = 1,
    /// ICMP to one of our addresses.
    Icmp = 2,
    /// A packet whose next hop is not resolved yet; it holds a permit.
    Neighbour = 3,
    /// Anything else for the box.
    Other = 4,
}

impl PuntClass {
    /// Number of classes.
    pub const COUNT: usize = 5;

    /// The class with this number; the last one for what is unknown.
    pub const fn from_raw(raw: u8) -> Self {
        match raw {
            0 => Self::Ike,
            1 => Self::Arp,
            2 => Self::Icmp,
            3 => Self::Neighbour,
            _ => Self::Other,
        }
    }
}

/// How loud a drop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Expected in normal operation.
    Normal,
    /// Somebody sends what should not be sent.
    Suspicious,
    /// A bound of this box was reached.
    Exhaustion,
}

macro_rules! drop_reasons {
    ($($variant:ident, $key:literal, $text:literal, $severity:ident, $help:literal;)*) => {
        /// Why a packet was dropped. One line of the table is one counter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum DropReason { $(#[doc = $help] $variant,)* }

        impl DropReason {
            /// Every reason, in the order of the counters.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// Number of reasons.
            pub const COUNT: usize = Self::ALL.len();

            /// The key of `show asp drop`; the ASA's where the ASA has one.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)* }
            }

            /// The description of `show asp drop`.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// How loud it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// One sentence for the operator.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

drop_reasons! {
    // receive and parse
    NotIp, "unexpected-packet", "Unexpected packet", Normal, "The frame is neither IPv4 nor ARP.";
    DestinationMac, "l2_acl", "FP L2 rule drop", Normal, "The frame is addressed to another station.";
    TruncatedFrame, "invalid-ip-length", "Invalid IP length", Suspicious, "The frame is shorter than its headers say.";
    BadIpHeader, "invalid-ip-header", "Invalid IP header", Suspicious, "Version, header length or total length is wrong.";
    BadIpChecksum, "invalid-ip-checksum", "IP header checksum is wrong", Suspicious, "The IPv4 header checksum does not fit.";
    BadIpAddress, "invalid-ip-addr", "Invalid IP address", Suspicious, "A source that no host can have, or a destination that is never forwarded.";
    LandAttack, "land-attack", "Source and destination are the same", Suspicious, "Source and destination address are equal.";
    IpOptions, "invalid-ip-option", "IP option drop", Suspicious, "IPv4 options are not forwarded, as on the ASA.";
    BadTcpHeader, "invalid-tcp-hdr-length", "Invalid TCP header length", Suspicious, "The TCP header does not fit into the packet.";
    BadTcpFlags, "bad-tcp-flags", "Bad TCP flags", Suspicious, "A combination of TCP flags that no stack sends.";
    BadTcpChecksum, "bad-tcp-cksum", "Bad TCP checksum", Suspicious, "The checksum of a SYN, FIN or RST does not fit; other segments are checked by their receivers.";
    BadUdpHeader, "invalid-udp-length", "Invalid UDP length", Suspicious, "The UDP length does not fit the packet.";
    BadIcmpHeader, "invalid-icmp-length", "Invalid ICMP length", Suspicious, "The ICMP message is shorter than its header.";
    FragmentOverlap, "fragment-reassembly-failed", "Fragment reassembly failed", Suspicious, "Fragments overlap, are too many, too small or never complete.";
    FragmentTimeout, "fragment-timeout", "Fragment reassembly timed out", Normal, "A datagram's fragments did not all arrive in time.";
    InterfaceDown, "interface-down", "Interface is down", Normal, "The interface is shut down or not configured.";
    NattKeepalive, "natt-keepalive", "NAT-T keepalive message", Normal, "A NAT traversal keepalive, which has done its work by arriving.";
    NotForUs, "sp-security-failed", "Slowpath security checks failed", Suspicious, "A packet to one of our addresses that no service takes.";
    // open
    InvalidSpi, "np-sp-invalid-spi", "Invalid SPI", Suspicious, "ESP with an SPI that is not installed.";
    BadNattIpsec, "bad-ipsec-natt", "Bad IPsec NAT-T packet", Suspicious, "ESP in UDP for an SA without encapsulation, or the reverse.";
    EspTruncated, "bad-ipsec-prot", "IPsec packet is too short", Suspicious, "The ESP packet is shorter than its algorithms allow or not a whole number of blocks.";
    EspReplay, "ipsec-replay", "IPsec anti-replay check failed", Suspicious, "The sequence number was seen before or lies left of the window.";
    EspAuthentication, "ctm-error", "CTM returned error", Suspicious, "The ICV does not fit: the packet was altered or the keys differ.";
    EspPadding, "ipsec-padding", "Incorrect IPsec padding", Suspicious, "Authenticated, but the padding or next header is malformed.";
    EspCongestion, "ipsec-ecn", "IPsec congestion mark cannot be passed on", Normal, "The tunnel marked congestion on a packet whose ends do not understand the mark.";
    EspDummy, "ipsec-dummy", "IPsec dummy packet", Normal, "Next header 59: made to be discarded.";
    EspSelector, "ipsec-selector-failure", "IPsec selector check failed", Suspicious, "The inner packet lies outside of its SA's selectors.";
    EspLifetime, "ipsec-lifetime", "IPsec SA lifetime is used up", Normal, "The SA has carried all that its lifetime allows.";
    // lookup and the gate
    NotThroughTunnel, "ipsec-clear-in-tunnel-flow", "Clear packet for a tunnelled flow", Suspicious, "A packet in clear for a flow that belongs to a tunnel.";
    WrongTunnel, "ipsec-spoof", "IPsec spoof detected", Suspicious, "A packet out of another tunnel than its flow's.";
    NeedIke, "need-ike", "IPsec SA not negotiated yet", Normal, "The flow's tunnel is down; IKE is asked to build it.";
    TunnelPending, "tunnel-pending", "Tunnel being brought up or torn down", Normal, "IKE is negotiating the flow's tunnel.";
    TunnelDown, "ipsec-tun-down", "IPSEC tunnel is down", Normal, "The flow's SA is being deleted.";
    TunnelTornDown, "tunnel-torn-down", "Flow's tunnel has been torn down", Normal, "The flow did not outlive its tunnel; its entry went with this packet.";
    HandoffFull, "dispatch-queue-limit", "Dispatch queue tail drops", Exhaustion, "The ring to the packet's home worker is full.";
    HandoffHops, "dispatch-hop-limit", "Dispatch hop limit", Exhaustion, "The packet was handed over more often than any flow needs.";
    // establish
    AclDrop, "acl-drop", "Flow is denied by configured rule", Normal, "An access list or the security levels deny it.";
    NoRoute, "no-route", "No route to host", Normal, "No route covers the destination.";
    NoAdjacency, "no-adjacency", "No valid adjacency", Normal, "The next hop does not answer ARP.";
    AdjacencyLimit, "adjacency-limit", "Next hop table is full", Exhaustion, "No entry is free for one more next hop; those of no use are given back, a thousand per second.";
    NeighbourHold, "no-adjacency-hold", "Packet replaced while its next hop resolves", Normal, "One packet per unresolved next hop is held; a later one took its place.";
    TcpNotSyn, "tcp-not-syn", "First TCP packet not SYN", Normal, "A TCP packet for a connection that does not exist.";
    ConnLimit, "conn-limit", "Connection table is full", Exhaustion, "The worker's shard of the connection table is full.";
    NatNoPort, "nat-no-xlate-to-pat-pool", "NAT no xlate to pat pool", Exhaustion, "No port of this worker's blocks is free, or the answer has no translation.";
    NatFailed, "nat-xlate-failed", "NAT failed", Normal, "A rule asks for a translation that cannot be made.";
    ClearButProtected, "ipsec-clear-text", "Clear packet of a protected selector", Suspicious, "A new flow came in clear although a crypto map entry covers it.";
    NoTunnel, "crypto-map-no-tunnel", "Crypto map entry without a tunnel", Normal, "A crypto map entry covers the packet and has no tunnel: a peer, a key, a proposal or IKE is missing.";
    IcmpErrorNoConn, "inspect-icmp-error-no-existing-conn", "ICMP error inspect no existing conn", Normal, "An ICMP error about a flow that does not exist.";
    IcmpNoConn, "inspect-icmp-seq-num-not-matched", "ICMP reply without a request", Suspicious, "An ICMP reply that nobody asked for.";
    // TCP
    Tcp3whs, "tcp-3whs-failed", "TCP failed 3 way handshake", Suspicious, "A segment that does not fit the handshake.";
    TcpRstFinOrder, "tcp-rstfin-ooo", "TCP RST/FIN out of order", Suspicious, "An RST or FIN outside of the window.";
    TcpSeqWindow, "tcp-seq-past-win", "TCP packet SEQ past window", Suspicious, "Data outside of the receiver's window.";
    TcpInvalidAck, "tcp-invalid-ack", "TCP invalid ACK", Suspicious, "An acknowledgement of what was never sent.";
    TcpSynInWindow, "tcp-rst-syn-in-win", "TCP RST/SYN in window", Suspicious, "A SYN in an established connection.";
    TcpSynDiff, "tcp-seq-syn-diff", "TCP SEQ in SYN/SYNACK invalid", Suspicious, "A second SYN with another sequence number.";
    TcpAckSynDiff, "tcp-ack-syn-diff", "TCP ACK in SYNACK invalid", Suspicious, "A SYN-ACK that acknowledges another SYN.";
    // rewrite, seal, transmit
    TtlExceeded, "ttl-exceeded", "TTL exceeded", Normal, "The packet has made its last hop.";
    MtuExceeded, "mtu-exceeded", "DF set and packet too big", Normal, "Too big for the path and not to be fragmented; the sender was told.";
    FragmentFailed, "fragment-failed", "Fragmentation failed", Exhaustion, "No buffer for a fragment.";
    SequenceExhausted, "ipsec-seq-exhausted", "IPsec sequence number exhausted", Exhaustion, "The SA may send no further packet.";
    SealFailed, "ipsec-seal-failed", "IPsec encryption failed", Exhaustion, "No room or no engine for sealing; nothing leaves in clear.";
    Unsealed, "ipsec-unsealed", "Unsealed packet of a tunnelled flow", Suspicious, "A packet of a tunnelled flow reached the way out in clear and was stopped there: a fault of the box.";
    NoBuffer, "no-mbuf", "No packet buffer", Exhaustion, "The packet pool is empty.";
    TransmitFull, "interface-queue-full", "Transmit queue is full", Exhaustion, "The port refused the packet.";
    PuntBudget, "punt-rate-limit", "Punt rate limit exceeded", Exhaustion, "The slowpath's budget for this class of packets is used up.";
    InjectRefused, "inject-refused", "Injected packet refused", Exhaustion, "The slowpath's packet did not fit into the ring.";
    Shutdown, "shutdown", "Box is shutting down", Normal, "Freed while the box stopped.";
    // slowpath
    ArpConsumed, "arp-consumed", "ARP answered or learned", Normal, "An ARP packet has done its work.";
    IkeConsumed, "ike-consumed", "IKE message taken", Normal, "An IKE message has been handed to IKE.";
    LocalConsumed, "local-consumed", "Packet for the box taken", Normal, "A packet for the box itself was taken or answered.";
}

const _: () = assert!(
    DropReason::COUNT <= u8::MAX as usize,
    "a reason is one byte"
);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_unique() {
        let keys: HashSet<_> = DropReason::ALL.iter().map(|reason| reason.key()).collect();
        assert_eq!(keys.len(), DropReason::COUNT);
    }
}
