//! The names that an ASA has for protocols, ports, ICMP types and severities.

use super::{Word, word};

/// A transport whose ports have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// A port's name.
#[derive(Debug)]
pub(crate) struct PortName {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    tcp: bool,
    udp: bool,
}

impl PortName {
    /// Whether the name is known for `transport`.
    pub(crate) const fn is_of(&self, transport: Transport) -> bool {
        match transport {
            Transport::Tcp => self.tcp,
            Transport::Udp => self.udp,
        }
    }
}

const fn tcp(name: &'static str, port: u16) -> PortName {
    PortName {
        name,
        port,
        tcp: true,
        udp: false,
    }
}

const fn udp(name: &'static str, port: u16) -> PortName {
    PortName {
        name,
        port,
        tcp: false,
        udp: true,
    }
}

const fn both(name: &'static str, port: u16) -> PortName {
    PortName {
        name,
        port,
        tcp: true,
        udp: true,
    }
}

/// Port names; of two for one port the first is rendered.
pub(crate) const PORTS: &[PortName] = &[
    tcp("aol", 5190),
    tcp("bgp", 179),
    udp("biff", 512),
    udp("bootpc", 68),
    udp("bootps", 67),
    tcp("chargen", 19),
    both("cifs", 3020),
    tcp("citrix-ica", 1494),
    tcp("cmd", 514),
    tcp("ctiqbe", 2748),
    tcp("daytime", 13),
    both("discard", 9),
    udp("dnsix", 195),
    both("domain", 53),
    both("echo", 7),
    tcp("exec", 512),
    tcp("finger", 79),
    tcp("ftp", 21),
    tcp("ftp-data", 20),
    tcp("gopher", 70),
    tcp("h323", 1720),
    tcp("hostname", 101),
    tcp("https", 443),
    tcp("ident", 113),
    tcp("imap4", 143),
    tcp("irc", 194),
    udp("isakmp", 500),
    both("kerberos", 750),
    tcp("klogin", 543),
    tcp("kshell", 544),
    tcp("ldap", 389),
    tcp("ldaps", 636),
    tcp("login", 513),
    tcp("lotusnotes", 1352),
    tcp("lpd", 515),
    udp("mobile-ip", 434),
    udp("nameserver", 42),
    udp("netbios-dgm", 138),
    udp("netbios-ns", 137),
    tcp("netbios-ssn", 139),
    both("nfs", 2049),
    tcp("nntp", 119),
    udp("ntp", 123),
    tcp("pcanywhere-data", 5631),
    udp("pcanywhere-status", 5632),
    both("pim-auto-rp", 496),
    tcp("pop2", 109),
    tcp("pop3", 110),
    tcp("pptp", 1723),
    udp("radius", 1645),
    udp("radius-acct", 1646),
    udp("rip", 520),
    tcp("rsh", 514),
    tcp("rtsp", 554),
    udp("secureid-udp", 5510),
    both("sip", 5060),
    tcp("smtp", 25),
    udp("snmp", 161),
    udp("snmptrap", 162),
    tcp("sqlnet", 1521),
    tcp("ssh", 22),
    both("sunrpc", 111),
    udp("syslog", 514),
    both("tacacs", 49),
    both("talk", 517),
    tcp("telnet", 23),
    udp("tftp", 69),
    udp("time", 37),
    tcp("uucp", 540),
    udp("who", 513),
    tcp("whois", 43),
    both("www", 80),
    both("http", 80),
    udp("xdmcp", 177),
];

/// A port by its name, where it has one.
pub(crate) fn show_port(port: u16, transport: Transport) -> String {
    PORTS
        .iter()
        .find(|entry| entry.port == port && entry.is_of(transport))
        .map_or_else(|| port.to_string(), |entry| entry.name.to_owned())
}

/// Protocols without ports and without types, by IANA number.
pub(crate) const PROTOCOLS: &[Word] = &[
    word("ah", 51, "Authentication Header (RFC 4302)"),
    word("ahp", 51, "Authentication Header (RFC 4302)"),
    word("eigrp", 88, "Enhanced Interior Gateway Routing Protocol"),
    word("esp", 50, "Encapsulating Security Payload (RFC 4303)"),
    word("gre", 47, "Generic Routing Encapsulation"),
    word("icmp6", 58, "Internet Control Message Protocol for IPv6"),
    word("igmp", 2, "Internet Group Management Protocol"),
    word("igrp", 9, "Interior Gateway Routing Protocol"),
    word("ipinip", 4, "IP in IP"),
    word("nos", 94, "KA9Q NOS compatible IP over IP"),
    word("ospf", 89, "Open Shortest Path First"),
    word("pcp", 108, "Payload Compression Protocol"),
    word("pim", 103, "Protocol Independent Multicast"),
    word("pptp", 47, "Point-to-Point Tunneling Protocol: GRE"),
    word("snp", 109, "Sitara Networks Protocol"),
];

/// ICMP types.
pub(crate) const ICMP_TYPES: &[Word] = &[
    word("alternate-address", 6, "Alternate host address"),
    word("conversion-error", 31, "Datagram conversion error"),
    word("echo", 8, "Echo request"),
    word("echo-reply", 0, "Echo reply"),
    word("information-reply", 16, "Information reply"),
    word("information-request", 15, "Information request"),
    word("mask-reply", 18, "Address mask reply"),
    word("mask-request", 17, "Address mask request"),
    word("mobile-redirect", 32, "Mobile host redirect"),
    word("parameter-problem", 12, "Parameter problem"),
    word("redirect", 5, "Redirect"),
    word("router-advertisement", 9, "Router advertisement"),
    word("router-solicitation", 10, "Router solicitation"),
    word("source-quench", 4, "Source quench"),
    word("time-exceeded", 11, "Time exceeded"),
    word("timestamp-reply", 14, "Timestamp reply"),
    word("timestamp-request", 13, "Timestamp request"),
    word("traceroute", 30, "Traceroute"),
    word("unreachable", 3, "Destination unreachable"),
];

/// Syslog severities (RFC 5424 section 6.2.1) by the ASA's names, and by number.
pub(crate) const LEVELS: &[Word] = &[
    word("emergencies", 0, "System is unusable (severity 0)"),
    word("alerts", 1, "Immediate action needed (severity 1)"),
    word("critical", 2, "Critical conditions (severity 2)"),
    word("errors", 3, "Error conditions (severity 3)"),
    word("warnings", 4, "Warning conditions (severity 4)"),
    word(
        "notifications",
        5,
        "Normal but significant conditions (severity 5)",
    ),
    word("informational", 6, "Informational messages (severity 6)"),
    word("debugging", 7, "Debugging messages (severity 7)"),
    word("0", 0, "Severity 0"),
    word("1", 1, "Severity 1"),
    word("2", 2, "Severity 2"),
    word("3", 3, "Severity 3"),
    word("4", 4, "Severity 4"),
    word("5", 5, "Severity 5"),
    word("6", 6, "Severity 6"),
    word("7", 7, "Severity 7"),
];

/// The first word with `value`, or the number.
pub(crate) fn show(words: &[Word], value: u32) -> String {
    words
        .iter()
        .find(|entry| entry.value == value)
        .map_or_else(|| value.to_string(), |entry| entry.text.to_owned())
}
