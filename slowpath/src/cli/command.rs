//! What an operator can ask for.

use std::net::Ipv4Addr;

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// An empty line or a comment.
    Nothing,
    /// `?`: the text to print.
    Help(String),
    /// `?` behind a configuration command: the line without `?`, for `config` to answer.
    ConfigureHelp(String),
    /// A configuration command as it was typed, for `config` to apply.
    Configure(String),
    /// `configure terminal`.
    ConfigureTerminal,
    /// `end`: back to exec mode.
    End,
    /// `exit`, `quit`: one mode up, or out.
    Exit,
    /// `write memory`, `copy running-config startup-config`.
    WriteMemory,
    /// `terminal pager N`, `terminal width N`: accepted without effect.
    Terminal,
    /// `show running-config [all] [SECTION...]`, `write terminal`.
    ShowRunningConfig {
        /// Defaults too.
        all: bool,
        /// First words of the lines to show, empty for everything.
        section: Vec<String>,
    },
    /// `show startup-config`.
    ShowStartupConfig,
    /// `show asp table vpn-context [detail]`.
    ShowVpnContext {
        /// The long form.
        detail: bool,
    },
    /// `show asp drop`.
    ShowAspDrop,
    /// Ours: `show asp balance`.
    ShowAspBalance,
    /// `show conn [detail] [FILTER]`.
    ShowConn {
        /// The long form.
        detail: bool,
        /// Which connections.
        filter: ConnFilter,
    },
    /// Ours: `show conn raw [FILTER]`.
    ShowConnRaw(ConnFilter),
    /// `show conn count`.
    ShowConnCount,
    /// `show xlate`.
    ShowXlate,
    /// `show crypto isakmp sa [detail]`.
    ShowIsakmpSa {
        /// The long form.
        detail: bool,
    },
    /// `show crypto ipsec sa [peer P]`.
    ShowIpsecSa {
        /// One peer's only.
        peer: Option<Ipv4Addr>,
    },
    /// Ours: `show vpn-bounce [detail | json]`.
    ShowVpnBounce {
        /// The long form.
        detail: bool,
        /// One JSON object, whatever the client asked for.
        json: bool,
    },
    /// `show logging`.
    ShowLogging,
    /// `show logging queue`.
    ShowLoggingQueue,
    /// `show version`.
    ShowVersion,
    /// `show arp`.
    ShowArp,
    /// `show interface [NAMEIF]`.
    ShowInterface {
        /// One interface's only, by its name.
        nameif: Option<String>,
    },
    /// `show route`.
    ShowRoute,
    /// `show interface ip brief`.
    ShowInterfaceIpBrief,
    /// `show snmp-server statistics`.
    ShowSnmp,
    /// `show clock`.
    ShowClock,
    /// `clear crypto isakmp sa [PEER]`.
    ClearIsakmpSa {
        /// One peer's only.
        peer: Option<Ipv4Addr>,
    },
    /// `clear crypto ipsec sa ...`.
    ClearIpsecSa(IpsecClear),
    /// `clear conn [all | FILTER]`.
    ClearConn(ConnFilter),
    /// `clear xlate`.
    ClearXlate,
    /// `clear asp drop`.
    ClearAspDrop,
    /// `clear logging buffer`.
    ClearLogging,
    /// `clear arp`.
    ClearArp,
    /// Ours: `test vpn tunnel PEER` starts the negotiation with a peer.
    TestVpnTunnel {
        /// The peer.
        peer: Ipv4Addr,
    },
}

/// Which connections; every part that is there must fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnFilter {
    /// Address of either end, real or mapped.
    pub address: Option<Ipv4Addr>,
    /// Port of either end.
    pub port: Option<u16>,
    /// IP protocol number.
    pub protocol: Option<u8>,
}

/// What `clear crypto ipsec sa` clears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IpsecClear {
    /// Every SA.
    All,
    /// `counters`: only the counters.
    Counters,
    /// `peer P`.
    Peer(Ipv4Addr),
    /// `map NAME`.
    Map(String),
    /// `entry PEER esp SPI`.
    Entry {
        /// The peer.
        peer: Ipv4Addr,
        /// SPI of either direction.
        spi: u32,
    },
}

impl Command {
    /// Whether it changes the configuration (111010).
    pub const fn changes_configuration(&self) -> bool {
        matches!(self, Self::Configure(_))
    }
}
