//! The table: the rows of every command family.

use std::sync::OnceLock;

use super::Row;
use super::automaton::Automaton;
use crate::{
    access_group, access_list, crypto_map, identity, interface, ipsec, isakmp, kept, logging,
    names, nat, navigation, route, service, snmp_server, sysopt, timeout, tunnel_group, vpn_resume,
};

/// Title and rows of every command family, in the order of the command reference.
pub(crate) const FAMILIES: &[(&str, &[Row])] = &[
    ("Navigation", navigation::ROWS),
    ("Identity", identity::ROWS),
    ("Names", names::ROWS),
    ("Interfaces", interface::ROWS),
    ("Access lists", access_list::ROWS),
    ("Access groups", access_group::ROWS),
    ("Routes", route::ROWS),
    ("Timeouts", timeout::ROWS),
    ("Address translation", nat::ROWS),
    ("System options", sysopt::ROWS),
    ("Resume of preserved flows", vpn_resume::ROWS),
    ("Service", service::ROWS),
    ("ISAKMP", isakmp::ROWS),
    ("IPsec", ipsec::ROWS),
    ("Crypto maps", crypto_map::ROWS),
    ("Tunnel groups", tunnel_group::ROWS),
    ("Logging", logging::ROWS),
    ("SNMP", snmp_server::ROWS),
    ("Kept commands", kept::ROWS),
];

/// Every row.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    FAMILIES.iter().flat_map(|(_, rows)| rows.iter())
}

/// The compiled table.
pub(crate) fn automaton() -> &'static Automaton {
    static AUTOMATON: OnceLock<Automaton> = OnceLock::new();
    AUTOMATON.get_or_init(|| Automaton::new(&rows().collect::<Vec<_>>()))
}
