//! A tunnel as the configuration describes it.

use std::net::Ipv4Addr;

use fastpath::esp::Suite;
use fastpath::tunnel::TunnelMtu;

use super::child::inner_mtu;
use crate::ike::{EspSuite, Selectors, TunnelId};

/// A crypto map entry with one permit entry of its access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelSpec {
    /// Its identity through edits: another one is another tunnel, which inherits no flow.
    pub id: TunnelId,
    /// Name of the crypto map.
    pub map_name: String,
    /// Sequence number of its entry.
    pub sequence: u16,
    /// What the access-list entry selects.
    pub selectors: Selectors,
    /// The access-list entry as `show running-config` prints it.
    pub access_list_line: Option<String>,
    /// Name of the interface that the map is applied to.
    pub nameif: String,
    /// Our outer address.
    pub local: Ipv4Addr,
    /// Peers in the order in which they are tried; all of them are one identity.
    pub peers: Vec<Ipv4Addr>,
    /// ESP proposals.
    pub proposals: Vec<EspSuite>,
    /// MTU of the interface in bytes.
    pub path_mtu: u16,
    /// Every worker seals with the SAs to come.
    pub spread: bool,
}

/// TCP and IPv4 header without options.
const TCP_IP_HEADERS: u32 = 40;

impl TunnelSpec {
    /// How large packets may be on a path of `path_mtu` bytes: inner packets for `current` (suite,
    /// in UDP or not), segments for the worst encapsulation that the tunnel may come back with.
    pub(super) fn mtu(&self, current: Option<(Suite, bool)>, path_mtu: u16) -> TunnelMtu {
        let path = u32::from(path_mtu);
        let offered = self.proposals.iter();
        let offered = offered.filter_map(|it| Suite::new(it.encryption, it.integrity));
        let worst = offered
            .chain(current.map(|(suite, _)| suite))
            .map(|suite| inner_mtu(path, suite, true))
            .min()
            .unwrap_or(path);
        TunnelMtu {
            path,
            inner: current.map_or(worst, |(suite, in_udp)| inner_mtu(path, suite, in_udp)),
            mss: worst.saturating_sub(TCP_IP_HEADERS) as u16,
        }
    }
}
