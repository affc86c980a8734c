//! The table of exec-mode commands and of the first words of configuration commands.

mod configuration;

use std::net::Ipv4Addr;

use super::command::{Command, ConnFilter, IpsecClear};
use configuration::{CONFIGURATION_ROWS, configure};

/// One place of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    /// A keyword with its help.
    Word(&'static str, &'static str),
    /// An argument with its help.
    Arg(Kind, &'static str),
    /// The rest of the line, which may be empty, with its help.
    Rest(&'static str),
}

/// What an argument looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `10.0.0.1`.
    Address,
    /// 0 to 65535.
    Port,
    /// `tcp`, `udp`, `icmp` or a number.
    Protocol,
    /// A hexadecimal SPI, with or without `0x`.
    Spi,
    /// 0 to 2147483647.
    Number,
    /// A name without blanks.
    Name,
}

impl Kind {
    /// How `?` names it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Address => "A.B.C.D",
            Self::Port => "<0-65535>",
            Self::Protocol => "tcp|udp|icmp|<0-255>",
            Self::Spi => "<0x0-0xFFFFFFFF>",
            Self::Number => "<0-2147483647>",
            Self::Name => "WORD",
        }
    }
}

/// An argument's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Address(Ipv4Addr),
    Port(u16),
    Protocol(u8),
    Spi(u32),
    Number,
    Text(String),
}

/// The values of a row's arguments and the line that they come from.
#[derive(Debug, Default)]
pub(super) struct Args<'a> {
    pub(super) values: Vec<Value>,
    pub(super) line: &'a str,
}

impl Args<'_> {
    fn find<T>(&self, pick: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.values.iter().find_map(pick)
    }

    fn address(&self) -> Option<Ipv4Addr> {
        self.find(|value| match value {
            Value::Address(address) => Some(*address),
            _ => None,
        })
    }

    fn peer(&self) -> Ipv4Addr {
        self.address().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn spi(&self) -> u32 {
        self.find(|value| match value {
            Value::Spi(spi) => Some(*spi),
            _ => None,
        })
        .unwrap_or_default()
    }

    fn text(&self) -> String {
        self.find(|value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
        .unwrap_or_default()
    }

    fn conn_filter(&self) -> ConnFilter {
        ConnFilter {
            address: self.address(),
            port: self.find(|value| match value {
                Value::Port(port) => Some(*port),
                _ => None,
            }),
            protocol: self.find(|value| match value {
                Value::Protocol(protocol) => Some(*protocol),
                _ => None,
            }),
        }
    }

    fn section(&self) -> Vec<String> {
        self.text().split_whitespace().map(str::to_owned).collect()
    }
}

/// A command: its words and arguments, and what it means.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) tokens: &'static [Token],
    pub(super) make: fn(&Args<'_>) -> Command,
}

const fn word(keyword: &'static str, help: &'static str) -> Token {
    Token::Word(keyword, help)
}

const fn row(tokens: &'static [Token], make: fn(&Args<'_>) -> Command) -> Row {
    Row { tokens, make }
}

const SHOW: Token = word("show", "Show running system information");
const CLEAR: Token = word("clear", "Reset functions or counters");
const CRYPTO: Token = word("crypto", "IPsec and IKE");
const ISAKMP: Token = word("isakmp", "Phase-1 SAs");
const IPSEC: Token = word("ipsec", "Phase-2 SAs");
const SA: Token = word("sa", "Security associations");
const ASP: Token = word("asp", "Accelerated security path");
const TABLE: Token = word("table", "Tables of the accelerated security path");
const VPN_CONTEXT: Token = word("vpn-context", "VPN contexts");
const VPN_BOUNCE: Token = word("vpn-bounce", "What happened when tunnels went down");
const JSON: Token = word("json", "As one JSON object");
const DROP: Token = word("drop", "Dropped packets and flows");
const CONN: Token = word("conn", "Connections");
const DETAIL: Token = word("detail", "More about each entry");
const RAW: Token = word("raw", "The bytes of each entry");
const PEER: Token = word("peer", "SAs with one peer");
const PEER_ADDRESS: Token = Token::Arg(Kind::Address, "Address of the peer");
const PROTOCOL: Token = word("protocol", "Connections of one protocol");
const PROTOCOL_NAME: Token = Token::Arg(Kind::Protocol, "Protocol");
const ADDRESS: Token = word("address", "Connections of one address");
const HOST: Token = Token::Arg(Kind::Address, "Address of either end");
const PORT: Token = word("port", "Connections of one port");
const PORT_NUMBER: Token = Token::Arg(Kind::Port, "Port of either end");
const RUNNING: Token = word("running-config", "The configuration that is in force");
const STARTUP: Token = word("startup-config", "The configuration for the next start");
const SECTION: Token = Token::Rest("First words of the lines to show");
const LOGGING: Token = word("logging", "System log");
const TERMINAL: Token = word("terminal", "Settings of the terminal");
const INTERFACE: Token = word("interface", "Interfaces");
const NUMBER: Token = Token::Arg(Kind::Number, "Lines or columns");

/// The rows of a command that takes a [`ConnFilter`].
macro_rules! filter_rows {
    ($make:expr; $($lead:expr),+) => {
        [
            row(&[$($lead,)+ PROTOCOL, PROTOCOL_NAME], $make),
            row(&[$($lead,)+ PROTOCOL, PROTOCOL_NAME, ADDRESS, HOST], $make),
            row(
                &[$($lead,)+ PROTOCOL, PROTOCOL_NAME, ADDRESS, HOST, PORT, PORT_NUMBER],
                $make,
            ),
            row(&[$($lead,)+ PROTOCOL, PROTOCOL_NAME, PORT, PORT_NUMBER], $make),
            row(&[$($lead,)+ ADDRESS, HOST], $make),
            row(&[$($lead,)+ ADDRESS, HOST, PORT, PORT_NUMBER], $make),
            row(&[$($lead,)+ PORT, PORT_NUMBER], $make),
        ]
    };
}

/// `show`.
const SHOW_ROWS: &[Row] = &[
    row(
        &[SHOW, RUNNING, word("all", "Default values too"), SECTION],
        |args| Command::ShowRunningConfig {
            all: true,
            section: args.section(),
        },
    ),
    row(&[SHOW, RUNNING, SECTION], |args| {
        Command::ShowRunningConfig {
            all: false,
            section: args.section(),
        }
    }),
    row(&[SHOW, STARTUP], |_| Command::ShowStartupConfig),
    row(&[SHOW, ASP, TABLE, VPN_CONTEXT], |_| {
        Command::ShowVpnContext { detail: false }
    }),
    row(&[SHOW, ASP, TABLE, VPN_CONTEXT, DETAIL], |_| {
        Command::ShowVpnContext { detail: true }
    }),
    row(&[SHOW, ASP, DROP], |_| Command::ShowAspDrop),
    row(
        &[
            SHOW,
            ASP,
            word("balance", "Where every packet and buffer is"),
        ],
        |_| Command::ShowAspBalance,
    ),
    row(&[SHOW, CONN], show_conn),
    row(&[SHOW, CONN, DETAIL], show_conn_detail),
    row(&[SHOW, CONN, RAW], show_conn_raw),
    row(&[SHOW, CONN, word("count", "Only their number")], |_| {
        Command::ShowConnCount
    }),
    row(&[SHOW, word("xlate", "Translations")], |_| {
        Command::ShowXlate
    }),
    row(&[SHOW, CRYPTO, ISAKMP, SA], |_| Command::ShowIsakmpSa {
        detail: false,
    }),
    row(&[SHOW, CRYPTO, ISAKMP, SA, DETAIL], |_| {
        Command::ShowIsakmpSa { detail: true }
    }),
    row(&[SHOW, CRYPTO, IPSEC, SA], show_ipsec_sa),
    row(
        &[SHOW, CRYPTO, IPSEC, SA, PEER, PEER_ADDRESS],
        show_ipsec_sa,
    ),
    row(&[SHOW, VPN_BOUNCE], |_| vpn_bounce(false, false)),
    row(&[SHOW, VPN_BOUNCE, DETAIL], |_| vpn_bounce(true, false)),
    row(&[SHOW, VPN_BOUNCE, JSON], |_| vpn_bounce(true, true)),
    row(&[SHOW, LOGGING], |_| Command::ShowLogging),
    row(
        &[SHOW, LOGGING, word("queue", "Messages that wait")],
        |_| Command::ShowLoggingQueue,
    ),
    row(&[SHOW, word("version", "Version and hardware")], |_| {
        Command::ShowVersion
    }),
    row(&[SHOW, word("arp", "Neighbours")], |_| Command::ShowArp),
    row(&[SHOW, INTERFACE], |_| Command::ShowInterface {
        nameif: None,
    }),
    row(
        &[
            SHOW,
            INTERFACE,
            Token::Arg(Kind::Name, "Name of one interface"),
        ],
        |args| Command::ShowInterface {
            nameif: Some(args.text()),
        },
    ),
    row(&[SHOW, word("route", "Routes in force")], |_| {
        Command::ShowRoute
    }),
    row(
        &[
            SHOW,
            INTERFACE,
            word("ip", "Their addresses"),
            word("brief", "One line each"),
        ],
        |_| Command::ShowInterfaceIpBrief,
    ),
    row(
        &[
            SHOW,
            word("snmp-server", "SNMP traps"),
            word("statistics", "Counters"),
        ],
        |_| Command::ShowSnmp,
    ),
    row(&[SHOW, word("clock", "Time of day")], |_| {
        Command::ShowClock
    }),
];

const fn vpn_bounce(detail: bool, json: bool) -> Command {
    Command::ShowVpnBounce { detail, json }
}

fn show_conn(args: &Args<'_>) -> Command {
    Command::ShowConn {
        detail: false,
        filter: args.conn_filter(),
    }
}

fn show_conn_detail(args: &Args<'_>) -> Command {
    Command::ShowConn {
        detail: true,
        filter: args.conn_filter(),
    }
}

fn show_conn_raw(args: &Args<'_>) -> Command {
    Command::ShowConnRaw(args.conn_filter())
}

fn show_ipsec_sa(args: &Args<'_>) -> Command {
    Command::ShowIpsecSa {
        peer: args.address(),
    }
}

fn clear_isakmp_sa(args: &Args<'_>) -> Command {
    Command::ClearIsakmpSa {
        peer: args.address(),
    }
}

fn clear_conn(args: &Args<'_>) -> Command {
    Command::ClearConn(args.conn_filter())
}

/// `clear`.
const CLEAR_ROWS: &[Row] = &[
    row(&[CLEAR, CRYPTO, ISAKMP, SA], clear_isakmp_sa),
    row(&[CLEAR, CRYPTO, ISAKMP, SA, PEER_ADDRESS], clear_isakmp_sa),
    row(&[CLEAR, CRYPTO, IPSEC, SA], |_| {
        Command::ClearIpsecSa(IpsecClear::All)
    }),
    row(
        &[
            CLEAR,
            CRYPTO,
            IPSEC,
            SA,
            word("counters", "Only the counters"),
        ],
        |_| Command::ClearIpsecSa(IpsecClear::Counters),
    ),
    row(&[CLEAR, CRYPTO, IPSEC, SA, PEER, PEER_ADDRESS], |args| {
        Command::ClearIpsecSa(IpsecClear::Peer(args.peer()))
    }),
    row(
        &[
            CLEAR,
            CRYPTO,
            IPSEC,
            SA,
            word("map", "SAs of one crypto map"),
            Token::Arg(Kind::Name, "Name of the crypto map"),
        ],
        |args| Command::ClearIpsecSa(IpsecClear::Map(args.text())),
    ),
    row(
        &[
            CLEAR,
            CRYPTO,
            IPSEC,
            SA,
            word("entry", "One SA"),
            PEER_ADDRESS,
            word("esp", "ESP"),
            Token::Arg(Kind::Spi, "SPI of either direction"),
        ],
        |args| {
            Command::ClearIpsecSa(IpsecClear::Entry {
                peer: args.peer(),
                spi: args.spi(),
            })
        },
    ),
    row(&[CLEAR, CONN], clear_conn),
    row(&[CLEAR, CONN, word("all", "Every connection")], clear_conn),
    row(&[CLEAR, word("xlate", "Translations")], |_| {
        Command::ClearXlate
    }),
    row(&[CLEAR, ASP, DROP], |_| Command::ClearAspDrop),
    row(
        &[CLEAR, LOGGING, word("buffer", "The buffer of the log")],
        |_| Command::ClearLogging,
    ),
    row(&[CLEAR, word("arp", "Neighbours")], |_| Command::ClearArp),
    row(
        &[
            CLEAR,
            word("configure", "Parts of the configuration"),
            Token::Rest("First words of the lines to remove"),
        ],
        configure,
    ),
];

/// Everything else.
const OTHER_ROWS: &[Row] = &[
    row(
        &[
            word("configure", "Change the configuration"),
            word("terminal", "From the terminal"),
        ],
        |_| Command::ConfigureTerminal,
    ),
    row(&[word("end", "Back to exec mode")], |_| Command::End),
    row(&[word("exit", "One mode up, or out")], |_| Command::Exit),
    row(&[word("quit", "One mode up, or out")], |_| Command::Exit),
    row(&[WRITE], |_| Command::WriteMemory),
    row(
        &[WRITE, word("memory", "Save it for the next start")],
        |_| Command::WriteMemory,
    ),
    row(&[WRITE, word("terminal", "Print it")], |_| {
        Command::ShowRunningConfig {
            all: false,
            section: Vec::new(),
        }
    }),
    row(
        &[word("copy", "Copy a configuration"), RUNNING, STARTUP],
        |_| Command::WriteMemory,
    ),
    row(
        &[
            TERMINAL,
            word("pager", "Lines of a page; no effect"),
            NUMBER,
        ],
        |_| Command::Terminal,
    ),
    row(
        &[
            TERMINAL,
            word("width", "Columns of a line; no effect"),
            NUMBER,
        ],
        |_| Command::Terminal,
    ),
    row(
        &[
            word("test", "Try something out"),
            word("vpn", "VPN"),
            word("tunnel", "Start the negotiation with a peer"),
            PEER_ADDRESS,
        ],
        |args| Command::TestVpnTunnel { peer: args.peer() },
    ),
];

const WRITE: Token = word("write", "Save or print the configuration");

/// Every row, grouped as they are written above.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    SHOW_ROWS
        .iter()
        .chain(const { &filter_rows!(show_conn; SHOW, CONN) })
        .chain(const { &filter_rows!(show_conn_detail; SHOW, CONN, DETAIL) })
        .chain(const { &filter_rows!(show_conn_raw; SHOW, CONN, RAW) })
        .chain(CLEAR_ROWS)
        .chain(const { &filter_rows!(clear_conn; CLEAR, CONN) })
        .chain(OTHER_ROWS)
        .chain(CONFIGURATION_ROWS)
}

/// Whether the row is a configuration command.
pub(super) fn is_configuration(row: &Row) -> bool {
    CONFIGURATION_ROWS
        .iter()
        .any(|configuration| std::ptr::eq(configuration, row))
}
