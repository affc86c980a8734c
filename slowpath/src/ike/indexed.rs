//! A configuration whose peers and tunnels are found without a search.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::api::{IkeConfig, PeerConfig, TunnelConfig, TunnelId};

/// A configuration with its indexes. Of two peers with one address, and of two tunnels with one
/// handle, the first one counts.
#[derive(Clone, Debug, Default)]
pub struct IndexedConfig {
    plain: IkeConfig,
    /// Places of peers.
    peers: HashMap<Ipv4Addr, usize>,
    /// Places of tunnels.
    tunnels: HashMap<TunnelId, usize>,
    /// Places of the tunnels that name a peer, in their order.
    tunnels_with: HashMap<Ipv4Addr, Vec<usize>>,
}

impl From<IkeConfig> for IndexedConfig {
    fn from(plain: IkeConfig) -> Self {
        let mut indexed = Self::default();
        for (place, peer) in plain.peers.iter().enumerate() {
            indexed.peers.entry(peer.address).or_insert(place);
        }
        for (place, tunnel) in plain.tunnels.iter().enumerate() {
            indexed.tunnels.entry(tunnel.id).or_insert(place);
            for peer in &tunnel.peers {
                indexed.tunnels_with.entry(*peer).or_default().push(place);
            }
        }
        Self { plain, ..indexed }
    }
}

impl IndexedConfig {
    /// The configuration itself.
    pub(super) const fn plain(&self) -> &IkeConfig {
        &self.plain
    }

    /// The peer with this address.
    pub(super) fn peer(&self, address: Ipv4Addr) -> Option<&PeerConfig> {
        let place = self.peers.get(&address)?;
        self.plain.peers.get(*place)
    }

    /// The tunnel with this handle.
    pub(super) fn tunnel(&self, id: TunnelId) -> Option<&TunnelConfig> {
        let place = self.tunnels.get(&id)?;
        self.plain.tunnels.get(*place)
    }

    /// The tunnels that name a peer, in their order.
    pub(super) fn tunnels_with(&self, peer: Ipv4Addr) -> impl Iterator<Item = &TunnelConfig> {
        let places = self.tunnels_with.get(&peer).into_iter().flatten();
        places.filter_map(|place| self.plain.tunnels.get(*place))
    }
}
