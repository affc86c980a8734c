//! What goes into IKE and what comes out of it: bytes and time in, actions out.

use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Encryption, Hash, IsakmpIdentity, IsakmpPolicy, Keepalive, MaskedNet, Secret};
use zeroize::Zeroizing;

use crate::time::Time;

/// The crypto map entry and access-list entry that a phase-2 SA belongs to. Given by the tunnel
/// owner, carried by IKE, understood by the tunnel owner alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TunnelId(pub u32);

/// Everything that IKE needs to know of the configuration.
#[derive(Clone, Debug, Default)]
pub struct IkeConfig {
    /// Phase-1 policies by ascending priority.
    pub policies: Vec<IsakmpPolicy>,
    /// How we name ourselves.
    pub identity: IsakmpIdentity,
    /// `hostname.domain`, for [`IsakmpIdentity::Hostname`].
    pub fqdn: String,
    /// NAT traversal and its keepalive interval in seconds, `None` when off.
    pub nat_traversal_s: Option<u16>,
    /// Peers that we speak to.
    pub peers: Vec<PeerConfig>,
    /// Tunnels, in the order of crypto map sequence and access-list line.
    pub tunnels: Vec<TunnelConfig>,
}

/// One peer (`tunnel-group`).
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Its address.
    pub address: Ipv4Addr,
    /// The key; a peer without one cannot negotiate.
    pub pre_shared_key: Option<Secret>,
    /// Dead peer detection.
    pub keepalive: Keepalive,
}

/// One access-list entry of one crypto map entry.
#[derive(Clone, Debug)]
pub struct TunnelConfig {
    /// Its handle.
    pub id: TunnelId,
    /// Name of the crypto map (logs).
    pub map_name: String,
    /// Name of the interface (logs).
    pub nameif: String,
    /// Our address.
    pub local: Ipv4Addr,
    /// Peers in the order in which they are tried. All of them are one identity.
    pub peers: Vec<Ipv4Addr>,
    /// What we protect and what the peer protects. A responder accepts what lies inside.
    pub selectors: Selectors,
    /// ESP proposals in order of preference.
    pub proposals: Vec<EspSuite>,
    /// `set pfs`: MODP group.
    pub pfs: Option<u8>,
    /// Lifetime in seconds.
    pub lifetime_s: u32,
    /// Lifetime in kilobytes, `None` for no bound.
    pub lifetime_kb: Option<u32>,
}

/// Traffic selectors of IKEv1: one net on each side, protocol and ports (RFC 2407 section 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Selectors {
    /// The net on our side.
    pub local: MaskedNet,
    /// The net on the peer's side.
    pub remote: MaskedNet,
    /// IP protocol, 0 for all.
    pub protocol: u8,
    /// Port on our side, 0 for all.
    pub local_port: u16,
    /// Port on the peer's side, 0 for all.
    pub remote_port: u16,
}

/// Algorithms of an ESP SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EspSuite {
    /// The cipher.
    pub encryption: Encryption,
    /// The HMAC, `None` with AES-GCM.
    pub integrity: Option<Hash>,
}

/// A UDP payload that has arrived at port 500 or 4500.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Our address and port.
    pub local: SocketAddrV4,
    /// The peer's address and port as seen here.
    pub remote: SocketAddrV4,
    /// The IKE message; on port 4500 without the non-ESP marker.
    pub message: &'a [u8],
}

/// Where an inbound SPI comes from: chosen by the tunnel owner, so that lookup is one array access.
pub trait SpiSource {
    /// A fresh SPI for `tunnel`, `None` when all are in use.
    fn reserve(&mut self, tunnel: TunnelId) -> Option<u32>;
    /// Gives back an SPI that was never reported by [`Action::ChildUp`].
    fn release(&mut self, spi: u32);
}

/// Where cookies, nonces and exponents come from. The process uses the operating system's
/// generator, tests a seeded one.
pub trait Entropy {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// Which SAs a `clear` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearScope {
    /// All.
    All,
    /// Those with this peer.
    Peer(Ipv4Addr),
    /// Those of this tunnel (phase 2 only).
    Tunnel(TunnelId),
}

/// What IKE wants done. Polled until `None` after every call.
#[derive(Debug)]
pub enum Action {
    /// Send a message from `local` to `remote`; with port 4500 the sender adds the non-ESP marker.
    Send {
        /// Our address and port.
        local: SocketAddrV4,
        /// The peer's.
        remote: SocketAddrV4,
        /// The IKE message, or the one byte 0xff of a NAT keepalive (then without marker).
        message: Vec<u8>,
        /// A NAT keepalive.
        keepalive: bool,
    },
    /// Do public-key work off the control loop and report it with `Engine::computed`.
    Compute(super::DhJob),
    /// Negotiation for the tunnel has begun.
    Negotiating(TunnelId),
    /// Negotiation for the tunnel has ended without an SA, every peer tried.
    NegotiationFailed {
        /// The tunnel.
        tunnel: TunnelId,
        /// Why.
        reason: EndReason,
    },
    /// A phase-2 SA pair is ready. With `replaces` it is a rekey and not a tunnel that comes up.
    ChildUp(Box<ChildSa>),
    /// The peer has shown that it uses the new pair: the replaced outbound SA may go.
    ChildConfirmed {
        /// Inbound SPI of the new pair.
        inbound_spi: u32,
    },
    /// The peer has shown that it takes packets under a pair.
    PeerReceives {
        /// Inbound SPI of the pair.
        inbound_spi: u32,
        /// How it has shown it.
        proof: Proof,
    },
    /// A peer that was suspected to be dead has answered.
    PeerAnswered {
        /// The peer.
        peer: Ipv4Addr,
    },
    /// A phase-2 SA pair has ended.
    ChildDown {
        /// The tunnel.
        tunnel: TunnelId,
        /// Inbound SPI.
        inbound_spi: u32,
        /// Outbound SPI.
        outbound_spi: u32,
        /// Why.
        reason: EndReason,
        /// Another pair of the tunnel has taken over: nothing ends but this pair.
        superseded: bool,
    },
    /// The peer's NAT has given it another mapping: ESP in UDP goes there from now on.
    PeerMoved {
        /// The peer that was authenticated.
        peer: Ipv4Addr,
        /// Its address and port now.
        remote: SocketAddrV4,
    },
    /// A phase-1 SA is ready.
    IkeUp {
        /// Peer.
        peer: Ipv4Addr,
    },
    /// A phase-1 SA has ended.
    IkeDown {
        /// Peer.
        peer: Ipv4Addr,
        /// Why.
        reason: EndReason,
    },
    /// Log a line (ASA message number, level, text without prefix).
    Log {
        /// Message number, such as 713119.
        id: u32,
        /// 0 to 7.
        level: u8,
        /// The text.
        text: String,
    },
}

/// How a peer has shown that it takes packets under a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It sent the second message of quick mode and had announced that it then has the pair.
    SecondMessage,
    /// It sent the third message of quick mode, after which it has the pair.
    ThirdMessage,
    /// It answered a probe that we sent behind the third message.
    Answer,
    /// It sent a packet under the pair.
    Traffic,
    /// It did not: the bounded wait was over.
    Wait,
}

/// What comes of the suspicion that a peer is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// It is probed.
    Probing,
    /// It cannot be: no phase-1 SA, no dead peer detection there, or it is turned off here.
    Unable,
}

/// A negotiated phase-2 SA pair.
#[derive(Debug)]
pub struct ChildSa {
    /// The tunnel.
    pub tunnel: TunnelId,
    /// The peer that was authenticated.
    pub peer: Ipv4Addr,
    /// Whether we initiated it.
    pub initiator: bool,
    /// SPI of packets to us.
    pub inbound_spi: u32,
    /// SPI of packets to the peer.
    pub outbound_spi: u32,
    /// Keys of packets to us.
    pub inbound_keys: SaKeys,
    /// Keys of packets to the peer.
    pub outbound_keys: SaKeys,
    /// Algorithms.
    pub suite: EspSuite,
    /// Negotiated selectors.
    pub selectors: Selectors,
    /// Extended sequence numbers.
    pub esn: bool,
    /// Addresses and ports for ESP in UDP, `None` for raw ESP: ours and the peer's.
    pub encapsulation: Option<(SocketAddrV4, SocketAddrV4)>,
    /// Our outer address.
    pub local: Ipv4Addr,
    /// The peer's outer address.
    pub remote: Ipv4Addr,
    /// Negotiated lifetime in seconds (the lower of the two).
    pub lifetime_s: u32,
    /// Negotiated lifetime in kilobytes.
    pub lifetime_kb: Option<u32>,
    /// Inbound and outbound SPI of the pair that this one rekeys.
    pub replaces: Option<(u32, u32)>,
    /// Both sides negotiated at once and the other pair stays: this one only receives.
    pub superseded: bool,
}

/// Keys of one direction.
#[derive(Clone)]
pub struct SaKeys {
    /// Cipher key; with AES-GCM the four bytes of salt follow it.
    pub encryption: Zeroizing<Vec<u8>>,
    /// HMAC key, empty with AES-GCM.
    pub integrity: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for SaKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SaKeys(*)")
    }
}

/// Why an SA or a negotiation has ended; the texts are those of 713050 and 113019.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The peer deleted it.
    PeerTerminate,
    /// An operator cleared it.
    AdministratorReset,
    /// The box stops.
    AdministratorShutdown,
    /// Dead peer detection or retransmissions without an answer.
    LostContact,
    /// Its lifetime ended without a rekey.
    MaxTimeExceeded,
    /// The peer announced INITIAL-CONTACT: it knows nothing of the old SA.
    InitialContact,
    /// No common proposal.
    NoProposal,
    /// Identities or selectors did not match.
    InvalidId,
    /// The authentication failed.
    AuthenticationFailed,
    /// The configuration no longer has it.
    ConfigurationChanged,
    /// A rekey replaced it.
    Rekeyed,
}

/// A phase-1 SA as `show crypto isakmp sa` needs it.
#[derive(Clone, Debug)]
pub struct IkeSaView {
    /// Peer.
    pub peer: Ipv4Addr,
    /// Whether we initiated it.
    pub initiator: bool,
    /// `MM_ACTIVE`, `MM_WAIT_MSG2`...
    pub state: &'static str,
    /// Being replaced.
    pub rekeying: bool,
    /// The chosen policy, once there is one.
    pub policy: Option<IsakmpPolicy>,
    /// Seconds until it ends, `None` for never.
    pub lifetime_remaining_s: Option<u32>,
    /// When it came up.
    pub established: Option<Time>,
    /// NAT traversal is in use.
    pub nat_traversal: bool,
}
