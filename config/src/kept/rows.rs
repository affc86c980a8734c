//! The rows of kept commands.

use super::{block, parse};
use crate::grammar::kind::Kind;
use crate::grammar::{Apply, Effect, No, Place, Row, Token, arg, choice, kw, word};
use crate::limits;

const LINE: Token = arg("value", Kind::Rest(480), "The value");
const MAYBE: Token = Token::Optional(&[LINE]);
const SECRET: Token = arg("secret", Kind::Secret, "The password");
const ENCRYPTED: Token = Token::Optional(&[kw("encrypted", "It is a hash")]);
const NAME: Token = arg("name", Kind::Word(limits::NAME_CHARS), "The name");
const NAMEIF: Token = arg("nameif", Kind::Nameif, "Name of the interface");

const ENABLE: Token = kw("enable", "Privileged mode");
const PASSWORD: Token = kw("password", "Its password");
const PASSWD: Token = kw("passwd", "Password of telnet");
const SNMP: Token = kw("snmp-server", "SNMP");
const CRYPTO: Token = kw("crypto", "Configure IKE and IPsec");

/// A row of a command that is kept.
const fn row(
    id: &'static str,
    place: Place,
    syntax: &'static [Token],
    help: &'static str,
    apply: Apply,
) -> Row {
    Row {
        id,
        place,
        effect: Effect::Kept,
        syntax,
        no: No::Same,
        help,
        apply,
    }
}

const fn once(id: &'static str, syntax: &'static [Token], help: &'static str) -> Row {
    row(id, Place::Global, syntax, help, parse::once)
}

const fn many(id: &'static str, syntax: &'static [Token], help: &'static str) -> Row {
    row(id, Place::Global, syntax, help, parse::many)
}

const fn inner(
    id: &'static str,
    place: Place,
    syntax: &'static [Token],
    help: &'static str,
) -> Row {
    row(id, place, syntax, help, block::plain)
}

const INSPECTION: &str = "Application inspection is not there";

pub(crate) const ROWS: &[Row] = &[
    Row {
        no: No::As(&[ENABLE, PASSWORD, Token::Optional(&[SECRET, ENCRYPTED])]),
        ..once(
            "enable password",
            &[ENABLE, PASSWORD, SECRET, ENCRYPTED],
            "Who may use the control socket is set by its file's permissions",
        )
    },
    Row {
        no: No::As(&[PASSWD, Token::Optional(&[SECRET, ENCRYPTED])]),
        ..once("passwd", &[PASSWD, SECRET, ENCRYPTED], "There is no telnet")
    },
    many(
        "banner",
        &[kw("banner", "Words at the log-in"), LINE],
        "There is no log-in",
    ),
    many(
        "boot",
        &[kw("boot", "What to start"), LINE],
        "The program is the one that runs",
    ),
    once(
        "ftp mode passive",
        &[
            kw("ftp", "FTP"),
            kw("mode", "Its mode"),
            kw("passive", "Passive"),
        ],
        "There is no FTP client",
    ),
    many(
        "clock",
        &[kw("clock", "Time zone"), LINE],
        "The host's clock is used",
    ),
    once(
        "pager",
        &[kw("pager", "Lines of a screen"), MAYBE],
        "The terminal's pager is used",
    ),
    once(
        "logging asdm",
        &[LOGGING, kw("asdm", "To ASDM"), MAYBE],
        "There is no ASDM",
    ),
    once(
        "logging monitor",
        &[LOGGING, kw("monitor", "To sessions"), MAYBE],
        "Sessions see `show logging`",
    ),
    once(
        "logging standby",
        &[LOGGING, kw("standby", "Log on the second box")],
        "There is no second box",
    ),
    once(
        "failover",
        &[kw("failover", "A second box"), MAYBE],
        "There is no second box",
    ),
    many(
        "icmp",
        &[kw("icmp", "ICMP to the box"), LINE],
        "The box answers echo requests",
    ),
    many("asdm", &[kw("asdm", "ASDM"), LINE], "There is no ASDM"),
    once(
        "arp timeout",
        &[kw("arp", "ARP"), kw("timeout", "Age of an entry"), MAYBE],
        "Neighbours are probed",
    ),
    many(
        "dynamic-access-policy-record",
        &[kw("dynamic-access-policy-record", "Policy of users"), NAME],
        "There are no users",
    ),
    once(
        "http server enable",
        &[HTTP, SERVER, kw("enable", "Run it"), MAYBE],
        "There is no HTTP server",
    ),
    once(
        "http server idle-timeout",
        &[
            HTTP,
            SERVER,
            kw("idle-timeout", "Idle time of a session"),
            MAYBE,
        ],
        "There is no HTTP server",
    ),
    many(
        "http",
        &[HTTP, ADDRESS, MASK, NAMEIF],
        "There is no HTTP server",
    ),
    many(
        "snmp-server enable traps other",
        &[SNMP, kw("enable", "Turn on"), kw("traps", "Traps"), LINE],
        "Traps of SNMP itself and of IPsec tunnels are there",
    ),
    once(
        "snmp-server location",
        &[SNMP, kw("location", "Where the box is"), MAYBE],
        "There is no agent that would tell it",
    ),
    once(
        "snmp-server contact",
        &[SNMP, kw("contact", "Whose the box is"), MAYBE],
        "There is no agent that would tell it",
    ),
    many(
        "crypto ipsec df-bit",
        &[CRYPTO, IPSEC, kw("df-bit", "DF bit of outer packets"), LINE],
        "The bit is copied",
    ),
    many(
        "crypto ipsec fragmentation",
        &[CRYPTO, IPSEC, kw("fragmentation", "When to fragment"), LINE],
        "Packets are fragmented before encryption",
    ),
    once(
        "crypto isakmp am-disable",
        &[CRYPTO, ISAKMP, kw("am-disable", "No aggressive mode")],
        "Aggressive mode is not there",
    ),
    once(
        "crypto isakmp reload-wait",
        &[
            CRYPTO,
            ISAKMP,
            kw("reload-wait", "Wait for sessions to end"),
        ],
        "A restart waits for nobody",
    ),
    once(
        "crypto isakmp disconnect-notify",
        &[CRYPTO, ISAKMP, kw("disconnect-notify", "Tell peers")],
        "Peers are told always",
    ),
    once(
        "telnet timeout",
        &[TELNET, IDLE, MINUTES],
        "There is no telnet",
    ),
    many(
        "telnet",
        &[TELNET, ADDRESS, MASK, NAMEIF],
        "There is no telnet",
    ),
    once("ssh timeout", &[SSH, IDLE, MINUTES], "The host has SSH"),
    once(
        "ssh version",
        &[SSH, kw("version", "Its version"), MAYBE],
        "The host has SSH",
    ),
    many("ssh", &[SSH, ADDRESS, MASK, NAMEIF], "The host has SSH"),
    once(
        "console timeout",
        &[kw("console", "The console"), IDLE, MINUTES],
        "There is no console",
    ),
    many(
        "threat-detection",
        &[kw("threat-detection", "Statistics of drops"), LINE],
        "Drops are counted always: `show asp drop`",
    ),
    many(
        "ntp",
        &[
            kw("ntp", "Time from servers"),
            kw("server", "A server"),
            ADDRESS,
            MAYBE,
        ],
        "The host's clock is used",
    ),
    row(
        "class-map",
        Place::Global,
        &[
            kw("class-map", "Traffic for a policy"),
            Token::Optional(&[
                kw("type", "Type of the map"),
                kw("inspect", "For inspection"),
                arg("protocol", Kind::Word(limits::NAME_CHARS), "The protocol"),
            ]),
            Token::Optional(&[choice(
                "lines",
                &[
                    word("match-all", 0, "All lines"),
                    word("match-any", 1, "Any line"),
                ],
            )]),
            NAME,
        ],
        INSPECTION,
        parse::class_map,
    ),
    inner(
        "class-map match",
        Place::ClassMap,
        &[MATCH, LINE],
        INSPECTION,
    ),
    inner(
        "class-map description",
        Place::ClassMap,
        &[DESCRIPTION, LINE],
        INSPECTION,
    ),
    row(
        "policy-map",
        Place::Global,
        &[
            kw("policy-map", "What to do with traffic"),
            Token::Optional(&[
                kw("type", "Type of the map"),
                kw("inspect", "For inspection"),
                arg("protocol", Kind::Word(limits::NAME_CHARS), "The protocol"),
            ]),
            NAME,
        ],
        INSPECTION,
        parse::policy_map,
    ),
    inner(
        "policy-map description",
        Place::PolicyMap,
        &[DESCRIPTION, LINE],
        INSPECTION,
    ),
    row(
        "policy-map class",
        Place::PolicyMap,
        &[kw("class", "A class of traffic"), NAME],
        INSPECTION,
        parse::class,
    ),
    row(
        "policy-map parameters",
        Place::PolicyMap,
        &[kw("parameters", "Parameters of an inspection")],
        INSPECTION,
        parse::parameters,
    ),
    row(
        "policy-map match",
        Place::PolicyMap,
        &[MATCH, LINE],
        INSPECTION,
        parse::policy_match,
    ),
    inner(
        "policy-map class inspect",
        Place::PolicyClass,
        &[kw("inspect", "Inspect an application"), LINE],
        INSPECTION,
    ),
    inner(
        "policy-map class set",
        Place::PolicyClass,
        &[kw("set", "Options of connections"), LINE],
        "Use `timeout` and `sysopt connection`",
    ),
    inner(
        "policy-map class police",
        Place::PolicyClass,
        &[kw("police", "Limit a rate"), LINE],
        "There is no rate limit",
    ),
    inner(
        "policy-map class priority",
        Place::PolicyClass,
        &[kw("priority", "Send first")],
        "There are no priorities",
    ),
    inner(
        "policy-map parameters setting",
        Place::PolicyParameters,
        &[
            choice(
                "setting",
                &[
                    word("dns-guard", 0, "One answer per question"),
                    word("id-mismatch", 1, "Answers nobody asked for"),
                    word("id-randomization", 2, "Random numbers"),
                    word("message-length", 3, "Length of messages"),
                    word("nat-rewrite", 4, "Rewrite addresses"),
                    word("protocol-enforcement", 5, "Check the form"),
                ],
            ),
            MAYBE,
        ],
        INSPECTION,
    ),
    inner(
        "policy-map match action",
        Place::PolicyMatch,
        &[
            choice(
                "action",
                &[
                    word("drop", 0, "Drop the packet"),
                    word("drop-connection", 1, "Drop the connection"),
                    word("log", 2, "Log"),
                    word("mask", 3, "Mask the text"),
                    word("reset", 4, "Reset the connection"),
                ],
            ),
            MAYBE,
        ],
        INSPECTION,
    ),
    many(
        "service-policy",
        &[kw("service-policy", "Where a policy holds"), LINE],
        INSPECTION,
    ),
    once(
        "prompt",
        &[kw("prompt", "Words of the prompt"), LINE],
        "The prompt is the host name",
    ),
];

const LOGGING: Token = kw("logging", "Configure logging");
const IPSEC: Token = kw("ipsec", "Configure IPsec");
const ISAKMP: Token = kw("isakmp", "Configure IKE");
const HTTP: Token = kw("http", "HTTP server");
const SERVER: Token = kw("server", "The server");
const TELNET: Token = kw("telnet", "Telnet server");
const SSH: Token = kw("ssh", "SSH server");
const IDLE: Token = kw("timeout", "Idle time of a session");
const MINUTES: Token = arg("minutes", Kind::Number(0, 1440), "Minutes");
const ADDRESS: Token = arg("address", Kind::Address, "Address");
const MASK: Token = arg("mask", Kind::Address, "Its mask");
const MATCH: Token = kw("match", "Choose traffic");
const DESCRIPTION: Token = kw("description", "Words about the map");
