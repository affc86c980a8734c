//! What is told of tunnels to who manages the network: they came up, they went down.

use std::net::Ipv4Addr;

use super::dataplane::Dataplane;
use super::owner::TunnelOwner;
use crate::ike::{ChildSa, TunnelId};
use crate::time::Time;

/// A tunnel that is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uptime {
    since: Time,
    local: Ipv4Addr,
    remote: Ipv4Addr,
}

/// A tunnel came up, or went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunnelChange {
    /// The tunnel.
    pub tunnel: TunnelId,
    /// Our end.
    pub local: Ipv4Addr,
    /// The peer's end.
    pub remote: Ipv4Addr,
    /// What became of it.
    pub change: Change,
}

/// What became of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It can carry packets, with SAs of this lifetime.
    Up {
        /// In seconds.
        lifetime_s: u32,
        /// In kilobytes, where it is bounded so.
        lifetime_kb: Option<u32>,
    },
    /// It carries no more, after so long.
    Down {
        /// In milliseconds.
        active_ms: u64,
    },
}

impl<D: Dataplane> TunnelOwner<D> {
    /// The next tunnel that came up or went down. A rekey is neither.
    pub fn poll_change(&mut self) -> Option<TunnelChange> {
        self.changes.pop_front()
    }

    pub(super) fn came_up(&mut self, sa: &ChildSa, now: Time) {
        let Some(tunnel) = self.tunnels.get_mut(&sa.tunnel) else {
            return;
        };
        tunnel.uptime = Some(Uptime {
            since: now,
            local: sa.local,
            remote: sa.remote,
        });
        self.changes.push_back(TunnelChange {
            tunnel: sa.tunnel,
            local: sa.local,
            remote: sa.remote,
            change: Change::Up {
                lifetime_s: sa.lifetime_s,
                lifetime_kb: sa.lifetime_kb,
            },
        });
    }

    pub(super) fn went_down(&mut self, id: TunnelId, now: Time) {
        let tunnel = self.tunnels.get_mut(&id);
        let Some(uptime) = tunnel.and_then(|tunnel| tunnel.uptime.take()) else {
            return;
        };
        self.changes.push_back(TunnelChange {
            tunnel: id,
            local: uptime.local,
            remote: uptime.remote,
            change: Change::Down {
                active_ms: now.since_ms(uptime.since),
            },
        });
    }
}
