//! What the commands on tunnels mean: IKE, IPsec, crypto maps, tunnel groups.

use std::net::Ipv4Addr;

use crate::Secret;

/// Which name the box gives itself in phase 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IsakmpIdentity {
    /// `address`.
    Address,
    /// `hostname`.
    Hostname,
    /// `key-id TEXT`.
    KeyId(String),
    /// `auto`: the address with pre-shared keys.
    #[default]
    Auto,
}

/// `crypto isakmp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isakmp {
    /// `enable NAMEIF`.
    pub enabled_on: Vec<String>,
    /// `policy` with pre-shared keys, by ascending priority.
    pub policies: Vec<IsakmpPolicy>,
    /// `policy` with an authentication that Holdfast does not have, by ascending priority: kept,
    /// never offered. A priority stands in one of the two lists only.
    pub unusable_policies: Vec<(IsakmpAuthentication, IsakmpPolicy)>,
    /// `identity`.
    pub identity: IsakmpIdentity,
    /// `nat-traversal SECONDS`, `None` when turned off; default 20.
    pub nat_traversal_s: Option<u16>,
}

impl Isakmp {
    /// Default of `nat-traversal`, seconds.
    pub const NAT_TRAVERSAL_S: u16 = 20;
}

impl Default for Isakmp {
    fn default() -> Self {
        Self {
            enabled_on: Vec::new(),
            policies: Vec::new(),
            unusable_policies: Vec::new(),
            identity: IsakmpIdentity::Auto,
            nat_traversal_s: Some(Self::NAT_TRAVERSAL_S),
        }
    }
}

/// `authentication` of an ISAKMP policy, apart from `pre-share`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsakmpAuthentication {
    /// `rsa-sig`.
    RsaSig,
    /// `crack`.
    Crack,
}

/// `crypto isakmp policy N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsakmpPolicy {
    /// 1 to 65534; lower is preferred.
    pub priority: u16,
    /// `encryption`.
    pub encryption: Encryption,
    /// `hash`.
    pub hash: Hash,
    /// `group`: 1, 2, 5, 14, 15, 16.
    pub group: u8,
    /// `lifetime`, 0 for never.
    pub lifetime_s: u32,
}

impl IsakmpPolicy {
    /// A policy as `crypto isakmp policy N` makes it.
    pub const fn new(priority: u16) -> Self {
        Self {
            priority,
            encryption: Encryption::TripleDes,
            hash: Hash::Sha1,
            group: 2,
            lifetime_s: 86_400,
        }
    }
}

/// Ciphers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// DES-CBC.
    Des,
    /// 3DES-CBC.
    TripleDes,
    /// AES-128-CBC.
    Aes128,
    /// AES-192-CBC.
    Aes192,
    /// AES-256-CBC.
    Aes256,
    /// AES-128-GCM, ESP only.
    AesGcm128,
    /// AES-192-GCM, ESP only.
    AesGcm192,
    /// AES-256-GCM, ESP only.
    AesGcm256,
}

/// Hash functions, as PRF or as HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// `crypto ipsec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipsec {
    /// `transform-set`s.
    pub transform_sets: Vec<TransformSet>,
    /// `security-association lifetime`, global.
    pub lifetime: SaLifetime,
    /// `security-association replay window-size`, default 64.
    pub replay_window: u32,
}

impl Ipsec {
    /// Default lifetime of an IPsec SA, seconds.
    pub const LIFETIME_S: u32 = 28_800;
    /// Default lifetime of an IPsec SA, kilobytes.
    pub const LIFETIME_KB: u32 = 4_608_000;
    /// Default replay window, packets.
    pub const REPLAY_WINDOW: u32 = 64;
}

impl Default for Ipsec {
    fn default() -> Self {
        Self {
            transform_sets: Vec::new(),
            lifetime: SaLifetime {
                seconds: Some(Self::LIFETIME_S),
                kilobytes: Some(Self::LIFETIME_KB),
            },
            replay_window: Self::REPLAY_WINDOW,
        }
    }
}

/// Lifetime of an IPsec SA; in a crypto map `None` means the global value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SaLifetime {
    /// 120 to 2147483647.
    pub seconds: Option<u32>,
    /// 10 to 2147483647.
    pub kilobytes: Option<u32>,
}

/// `crypto ipsec transform-set NAME ESP-CIPHER [ESP-HMAC]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformSet {
    /// Its name.
    pub name: String,
    /// The cipher; `None` for `esp-null`.
    pub encryption: Option<Encryption>,
    /// The HMAC; `None` for `esp-none` and with AES-GCM.
    pub integrity: Option<Hash>,
}

/// A crypto map: entries by sequence number, and the interface that it is applied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CryptoMap {
    /// Its name.
    pub name: String,
    /// Entries by ascending sequence number.
    pub entries: Vec<CryptoMapEntry>,
    /// `crypto map NAME interface NAMEIF`.
    pub interface: Option<String>,
}

/// `crypto map NAME SEQ ...`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CryptoMapEntry {
    /// 1 to 65535.
    pub sequence: u16,
    /// `match address`.
    pub access_list: Option<String>,
    /// `set peer`, in the order in which they are tried.
    pub peers: Vec<Ipv4Addr>,
    /// `set transform-set`, in order of preference.
    pub transform_sets: Vec<String>,
    /// `set pfs`: group.
    pub pfs: Option<u8>,
    /// `set security-association lifetime`.
    pub lifetime: SaLifetime,
    /// `set spread peer-window`: packets of the peer's replay window.
    pub spread_peer_window: Option<u32>,
    /// Lines kept without effect.
    pub kept: Vec<String>,
}

/// `tunnel-group NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelGroup {
    /// Its name: the peer's address for LAN-to-LAN.
    pub name: String,
    /// `type`.
    pub kind: TunnelGroupKind,
    /// `ipsec-attributes` / `pre-shared-key`.
    pub pre_shared_key: Option<Secret>,
    /// `isakmp keepalive`.
    pub keepalive: Keepalive,
    /// Lines of the group's blocks that are kept without effect: block name and line.
    pub kept: Vec<(String, String)>,
}

impl TunnelGroup {
    /// A group without attributes.
    pub fn new(name: String, kind: TunnelGroupKind) -> Self {
        Self {
            name,
            kind,
            pre_shared_key: None,
            keepalive: Keepalive::default(),
            kept: Vec::new(),
        }
    }
}

/// `tunnel-group NAME type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelGroupKind {
    /// `ipsec-l2l`.
    LanToLan,
    /// `remote-access`; kept.
    RemoteAccess,
}

/// `isakmp keepalive threshold S retry S` or `disable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Off with `disable`.
    pub enabled: bool,
    /// Seconds of silence before a probe, 10 to 3600.
    pub threshold_s: u16,
    /// Seconds between probes, 2 to 10.
    pub retry_s: u16,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold_s: 10,
            retry_s: 2,
        }
    }
}
