//! The validated model of a configuration: what the commands mean.
//!
//! Lists keep the order of the text. Names refer to other items by text, because an ASA keeps what
//! is incomplete: a reference that leads nowhere makes its item inactive, not wrong.

use std::net::Ipv4Addr;

use crate::Secret;

mod logging;
mod policy;
mod resume;
mod snmp;
mod vpn;

pub use logging::*;
pub use policy::*;
pub use resume::*;
pub use snmp::*;
pub use vpn::*;

/// A whole configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `hostname`, `domain-name`.
    pub identity: Identity,
    /// `interface` blocks in order.
    pub interfaces: Vec<Interface>,
    /// `mtu NAMEIF BYTES`.
    pub mtus: Vec<(String, u16)>,
    /// `names`: whether a `name` may stand where an address is expected.
    pub names_enabled: bool,
    /// `name ADDRESS NAME [description TEXT]`.
    pub names: Vec<AddressName>,
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
    /// Ours: `vpn-resume`.
    pub vpn_resume: VpnResume,
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
    /// `snmp-server`.
    pub snmp: Snmp,
    /// Commands that are accepted, kept and rendered, and have no effect in Holdfast.
    pub kept: Vec<KeptCommand>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            identity: Identity::default(),
            interfaces: Vec::new(),
            mtus: Vec::new(),
            names_enabled: true,
            names: Vec::new(),
            access_lists: Vec::new(),
            access_groups: Vec::new(),
            routes: Vec::new(),
            timeouts: Timeouts::default(),
            globals: Vec::new(),
            nats: Vec::new(),
            sysopt: Sysopt::default(),
            vpn_resume: VpnResume::default(),
            service: Service::default(),
            isakmp: Isakmp::default(),
            ipsec: Ipsec::default(),
            crypto_maps: Vec::new(),
            tunnel_groups: Vec::new(),
            logging: Logging::default(),
            snmp: Snmp::default(),
            kept: Vec::new(),
        }
    }
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

/// `name ADDRESS NAME [description TEXT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressName {
    /// The address.
    pub address: Ipv4Addr,
    /// What may be written in its place.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
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

impl Interface {
    /// N of `Ethernet0/N`: the port of the EAL that serves the interface unless `device` names
    /// another; `None` for other hardware.
    pub fn port(&self) -> Option<u16> {
        self.hardware.strip_prefix("Ethernet0/")?.parse().ok()
    }
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
    /// The other timers of the command (`sunrpc`, `sip`...), name and seconds, kept without effect;
    /// only those that differ from their default, in the order in which they are rendered.
    pub kept: Vec<(String, u32)>,
    /// `uauth H:MM:SS absolute`: whether `absolute` (default) or `inactivity` stands there.
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

/// A command that is kept and rendered but has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCommand {
    /// The command line without leading blank; a secret word stands as `*`.
    pub line: String,
    /// The secret words of `line`, in order, one for each `*` that stands as a word of its own.
    pub secrets: Vec<Secret>,
    /// Its block's lines, each without leading blank but with their relative indentation.
    pub block: Vec<String>,
}
