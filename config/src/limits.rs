//! Every bound of the configuration language, each with its reason.

/// Characters of one line, without its indentation. An ASA takes 511; one rendered `set peer` or
/// `set transform-set` list of full length must fit.
pub const LINE_CHARS: usize = 1024;
/// Lines of one text: room for every entry below, and an end for a file that is none.
pub const LINES: usize = 1 << 20;
/// Diagnostics of one text; what follows is counted, not listed.
pub const DIAGNOSTICS: usize = 1000;
/// Length of a name that an ASA bounds by 48 (nameif).
pub const NAMEIF_CHARS: usize = 48;
/// Length of a name that an ASA bounds by 64 (crypto maps, transform sets, tunnel groups).
pub const NAME_CHARS: usize = 64;
/// Length of a name's description, as on an ASA.
pub const NAME_DESCRIPTION_CHARS: usize = 200;
/// Length of an access list's name, as on an ASA.
pub const ACCESS_LIST_NAME_CHARS: usize = 241;
/// Length of a host name (RFC 1035 section 2.3.4), of a domain name's label and of a `name`.
pub const LABEL_CHARS: usize = 63;
/// Length of a domain name, as on an ASA.
pub const DOMAIN_CHARS: usize = 127;
/// Length of a pre-shared key, as on an ASA.
pub const KEY_CHARS: usize = 128;
/// Length of a path or an EAL device name.
pub const PATH_CHARS: usize = 255;
/// Interfaces: as many ports as DPDK opens by default (`RTE_MAX_ETHPORTS`), with spares.
pub const INTERFACES: usize = 64;
/// `name`s; each is compared with every new one.
pub const NAMES: usize = 8192;
/// Access lists; found by comparing names.
pub const ACCESS_LISTS: usize = 4096;
/// Lines of one access list: what a policy build takes in seconds.
pub const ACCESS_LIST_LINES: usize = 1 << 18;
/// Access groups: in and out for each interface.
pub const ACCESS_GROUPS: usize = 2 * INTERFACES;
/// Static routes; each is compared with every new one.
pub const ROUTES: usize = 8192;
/// `global`s and `nat`s, each.
pub const NAT_RULES: usize = 4096;
/// ISAKMP policies: what fits an SA payload of one datagram many times over.
pub const ISAKMP_POLICIES: usize = 256;
/// Transform sets; found by comparing names.
pub const TRANSFORM_SETS: usize = 1024;
/// Crypto maps: one per interface, and spares to switch to.
pub const CRYPTO_MAPS: usize = 2 * INTERFACES;
/// Entries of one crypto map; found by binary search.
pub const CRYPTO_MAP_ENTRIES: usize = 16384;
/// Peers of one crypto map entry, as on an ASA.
pub const PEERS: usize = 10;
/// Transform sets of one crypto map entry, as on an ASA.
pub const TRANSFORM_SETS_PER_ENTRY: usize = 11;
/// Tunnel groups; each is compared with every new one.
pub const TUNNEL_GROUPS: usize = 8192;
/// Syslog hosts, as on an ASA.
pub const LOGGING_HOSTS: usize = 16;
/// `logging list`s; each is compared with every new one.
pub const LOGGING_LISTS: usize = 64;
/// Lines of one `logging list`: a message is held against all of them.
pub const LOGGING_LIST_RULES: usize = 64;
/// `logging rate-limit`s: one per severity, and more messages than the box has.
pub const LOGGING_RATE_LIMITS: usize = 256;
/// `logging message`s that are not at their default: more than the box has.
pub const LOGGING_MESSAGES: usize = 1024;
/// `snmp-server host`s: one trap is sent to each in one turn of the control loop.
pub const SNMP_HOSTS: usize = 16;
/// Length of an SNMP community, as on an ASA.
pub const COMMUNITY_CHARS: usize = 32;
/// Kept commands, and kept lines of one block.
pub const KEPT: usize = 4096;

const _: () = assert!(
    PEERS * "255.255.255.255 ".len() + "crypto map  65535 set peer ".len() + NAME_CHARS
        <= LINE_CHARS,
    "a full list of peers must fit a line"
);
const _: () = assert!(
    TRANSFORM_SETS_PER_ENTRY * (NAME_CHARS + 1)
        + "crypto map  65535 set transform-set ".len()
        + NAME_CHARS
        <= LINE_CHARS,
    "a full list of transform sets must fit a line"
);
const _: () = assert!(
    ACCESS_LIST_LINES < LINES,
    "the longest access list must fit a text"
);
