//! The validated model of a configuration: what the commands mean.
//!
//! Lists keep the order of the text. Names refer to other items by text, because an ASA keeps what
//! is incomplete: a reference that leads nowhere makes its item inactive, not wrong.

use std::net::Ipv4Addr;

use crate::{MaskedNet, Secret};

/// A whole configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// `hostname`, `domain-name`.
    pub identity: Identity,
    /// `interface` blocks in order.
    pub interfaces: Vec<Interface>,
    /// `mtu NAMEIF BYTES`.
    pub mtus: Vec<(String, u16)>,
    /// `name ADDRESS NAME`.
    pub names: Vec<(Ipv4Addr, String)>,
    /// `access-list`s in the order of first mention.
    pub access_lists: Vec<AccessList>,
    /// `access-group`s.
    pub access_groups: Vec<AccessGroup>,
    /// `route`s.
    pub routes: Vec<Route>,
    /// `timeout`.
    pub timeouts: Timeouts,
    /// `global`.
    pub globals: Vec<Global>,
    /// `nat`.
    pub nats: Vec<Nat>,
    /// `sysopt`.
    pub sysopt: Sysopt,
    /// `service resetinbound` and its kin.
    pub service: Service,
    /// `crypto isakmp`.
    pub isakmp: Isakmp,
    /// `crypto ipsec`.
    pub ipsec: Ipsec,
    /// `crypto map`s.
    pub crypto_maps: Vec<CryptoMap>,
    /// `tunnel-group`s.
    pub tunnel_groups: Vec<TunnelGroup>,
    /// `logging`.
    pub logging: Logging,
    /// Commands that are accepted, kept and rendered, and have no effect in Holdfast.
    pub kept: Vec<KeptCommand>,
}

/// Who the box is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `hostname`.
    pub hostname: String,
    /// `domain-name`.
    pub domain_name: Option<String>,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            hostname: "ciscoasa".to_owned(),
            domain_name: None,
        }
    }
}

/// An `interface` block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interface {
    /// `Ethernet0/0`, `Management0/0`: as rendered.
    pub hardware: String,
    /// `nameif`.
    pub nameif: Option<String>,
    /// `security-level`, 0 to 100.
    pub security_level: Option<u8>,
    /// `ip address ADDRESS MASK`.
    pub address: Option<(Ipv4Addr, Ipv4Addr)>,
    /// `shutdown`.
    pub shutdown: bool,
    /// Holdfast's own: ` device NAME`, the EAL's name of the port.
    pub device: Option<String>,
    /// Lines kept without effect (`speed`, `duplex`, `description`...).
    pub kept: Vec<String>,
}

/// An access list, standard or extended.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessList {
    /// Its name.
    pub name: String,
    /// Its lines in order, remarks included.
    pub lines: Vec<AclLine>,
}

/// One line of an access list.
#[derive(Clone, Debug, PartialEq)]
pub enum AclLine {
    /// `remark TEXT`.
    Remark(String),
    /// `extended permit|deny ...`.
    Extended(AccessEntry),
    /// `standard permit|deny NET`.
    Standard {
        /// Permit or deny.
        permit: bool,
        /// The destination.
        net: MaskedNet,
    },
}

/// An access-list entry.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessEntry {
    /// Permit or deny.
    pub permit: bool,
    /// The protocol, `None` for `ip`.
    pub protocol: Option<u8>,
    /// Source net.
    pub source: MaskedNet,
    /// Source ports; TCP and UDP only.
    pub source_ports: PortMatch,
    /// Destination net.
    pub destination: MaskedNet,
    /// Destination ports; TCP and UDP only.
    pub destination_ports: PortMatch,
    /// ICMP type, `None` for all.
    pub icmp_type: Option<u8>,
    /// `log [level] [interval seconds]`, `log disable`.
    pub log: Option<AclLog>,
    /// `inactive`.
    pub inactive: bool,
}

/// The `log` option of an access-list entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclLog {
    /// `disable`.
    pub disabled: bool,
    /// Syslog level of 106100, default 6.
    pub level: u8,
    /// Seconds between two lines of one flow, default 300.
    pub interval_s: u16,
}

/// Which ports match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PortMatch {
    /// All.
    #[default]
    Any,
    /// `eq`.
    Eq(u16),
    /// `neq`.
    Neq(u16),
    /// `lt`.
    Lt(u16),
    /// `gt`.
    Gt(u16),
    /// `range`, both ends included.
    Range(u16, u16),
}

impl PortMatch {
    /// Whether `port` matches.
    pub const fn matches(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Eq(other) => port == other,
            Self::Neq(other) => port != other,
            Self::Lt(bound) => port < bound,
            Self::Gt(bound) => port > bound,
            Self::Range(first, last) => first <= port && port <= last,
        }
    }
}

/// `access-group ACL in|out interface NAMEIF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGroup {
    /// The access list.
    pub access_list: String,
    /// `in` (packets that enter by the interface) or `out`.
    pub inbound: bool,
    /// The interface.
    pub nameif: String,
}

/// `route NAMEIF NET MASK GATEWAY [METRIC]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Egress interface.
    pub nameif: String,
    /// The destination.
    pub net: MaskedNet,
    /// The next hop.
    pub gateway: Ipv4Addr,
    /// 1 to 255, default 1.
    pub metric: u8,
}

/// `timeout`, in seconds; 0 means never where the ASA allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `xlate`, default 3:00:00.
    pub xlate_s: u32,
    /// `conn`, default 1:00:00.
    pub conn_s: u32,
    /// `half-closed`, default 0:10:00.
    pub half_closed_s: u32,
    /// `udp`, default 0:02:00.
    pub udp_s: u32,
    /// `icmp`, default 0:00:02.
    pub icmp_s: u32,
    /// The other timers of the command (`sunrpc`, `sip`...), name and seconds, kept without effect.
    pub kept: Vec<(String, u32)>,
    /// `uauth H:MM:SS absolute`: whether `absolute` stands there.
    pub uauth_absolute: bool,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            xlate_s: 10_800,
            conn_s: 3_600,
            half_closed_s: 600,
            udp_s: 120,
            icmp_s: 2,
            kept: Vec::new(),
            uauth_absolute: true,
        }
    }
}

/// `global (NAMEIF) ID interface`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Egress interface.
    pub nameif: String,
    /// Number that `nat` refers to.
    pub nat_id: u32,
    /// What to map to.
    pub pool: GlobalPool,
}

/// What a `global` maps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobalPool {
    /// `interface`: port translation to the interface's own address.
    Interface,
    /// One address: port translation to it.
    Address(Ipv4Addr),
}

/// `nat (NAMEIF) ID ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    /// Ingress interface.
    pub nameif: String,
    /// 0: no translation.
    pub nat_id: u32,
    /// Which sources.
    pub source: NatSource,
}

/// What a `nat` matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatSource {
    /// `NET MASK`.
    Net(MaskedNet),
    /// `access-list NAME`.
    AccessList(String),
}

/// `sysopt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysopt {
    /// `connection timewait`.
    pub timewait: bool,
    /// `connection tcpmss`, bytes; 0 turns clamping off.
    pub tcpmss: u16,
    /// `connection tcpmss minimum`, bytes; 0 turns raising off.
    pub tcpmss_minimum: u16,
    /// `connection permit-vpn`.
    pub permit_vpn: bool,
    /// `connection reclassify-vpn`.
    pub reclassify_vpn: bool,
    /// `connection preserve-vpn-flows`.
    pub preserve_vpn_flows: bool,
    /// Ours: `connection preserve-vpn-flows immediate` stamps live contexts too.
    pub preserve_immediate: bool,
    /// `nodnsalias inbound`, kept.
    pub nodnsalias_inbound: bool,
    /// `nodnsalias outbound`, kept.
    pub nodnsalias_outbound: bool,
    /// `radius ignore-secret`, kept.
    pub radius_ignore_secret: bool,
    /// `noproxyarp NAMEIF`.
    pub noproxyarp: Vec<String>,
}

impl Default for Sysopt {
    fn default() -> Self {
        Self {
            timewait: false,
            tcpmss: 1380,
            tcpmss_minimum: 0,
            permit_vpn: true,
            reclassify_vpn: true,
            preserve_vpn_flows: false,
            preserve_immediate: false,
            nodnsalias_inbound: false,
            nodnsalias_outbound: false,
            radius_ignore_secret: false,
            noproxyarp: Vec::new(),
        }
    }
}

/// `service reset...`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// `resetinbound`: answer denied inbound TCP with RST.
    pub reset_inbound: bool,
    /// `resetoutside`: answer TCP to the outside interface itself with RST.
    pub reset_outside: bool,
}

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
    /// `policy`, by ascending priority.
    pub policies: Vec<IsakmpPolicy>,
    /// `identity`.
    pub identity: IsakmpIdentity,
    /// `nat-traversal SECONDS`, `None` when turned off; default 20.
    pub nat_traversal_s: Option<u16>,
}

impl Default for Isakmp {
    fn default() -> Self {
        Self {
            enabled_on: Vec::new(),
            policies: Vec::new(),
            identity: IsakmpIdentity::Auto,
            nat_traversal_s: Some(20),
        }
    }
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

impl Default for Ipsec {
    fn default() -> Self {
        Self {
            transform_sets: Vec::new(),
            lifetime: SaLifetime {
                seconds: Some(28_800),
                kilobytes: Some(4_608_000),
            },
            replay_window: 64,
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
    /// Lines kept without effect.
    pub kept: Vec<String>,
}

/// `tunnel-group NAME`.
#[derive(Clone, Debug, PartialEq)]
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

/// `logging`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// `enable`.
    pub enabled: bool,
    /// `timestamp`.
    pub timestamp: bool,
    /// `buffered LEVEL`.
    pub buffered: Option<u8>,
    /// `buffer-size BYTES`, default 4096.
    pub buffer_size_bytes: Option<u32>,
    /// `trap LEVEL`.
    pub trap: Option<u8>,
    /// `host NAMEIF ADDRESS [udp/PORT]`.
    pub hosts: Vec<LoggingHost>,
    /// Ours: `file PATH LEVEL`.
    pub file: Option<(String, u8)>,
}

/// `logging host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggingHost {
    /// Interface behind which the host stands.
    pub nameif: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// UDP port, default 514.
    pub port: u16,
}

/// A command that is kept and rendered but has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCommand {
    /// The command line without leading blank.
    pub line: String,
    /// Its block's lines, each without leading blank but with their relative indentation.
    pub block: Vec<String>,
}
