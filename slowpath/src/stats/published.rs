//! What the control loop lets others read: a copy of its state, twice per second.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::view::ipsec_sa::EspSa;
use super::view::isakmp_sa::IsakmpSa;
use super::view::version::VersionView;
use super::view::vpn_bounce::VpnBounce;
use super::view::vpn_context::{ContextState, VpnContext};
use crate::snmp::SnmpStats;

/// State of the control loop at one moment.
#[derive(Clone, Debug)]
pub struct Published {
    /// Wall clock, milliseconds since 1970.
    pub unix_ms: u64,
    /// Monotonic clock of the control loop in milliseconds.
    pub now_ms: u64,
    /// What runs here.
    pub version: VersionView,
    /// Interfaces of the configuration.
    pub interfaces: Vec<InterfaceStats>,
    /// Items of the configuration that are kept without effect.
    pub inactive_items: u64,
    /// The log.
    pub log: LogStats,
    /// SNMP traps.
    pub snmp: SnmpStats,
    /// Events of the workers.
    pub events: EventStats,
    /// Flows torn down by key and count, since `clear asp drop`.
    pub flow_drops: Vec<(&'static str, u64)>,
    /// Phase-1 SAs.
    pub ike_sas: Vec<IsakmpSa>,
    /// Every configured tunnel, of the last whole round over them.
    pub tunnels: Arc<Vec<TunnelStats>>,
    /// Bounces since the start.
    pub bounces_made: u64,
    /// Those that the ledger remembers, oldest first.
    pub bounces: Vec<VpnBounce>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterfaceStats {
    /// `Ethernet0/0`.
    pub hardware: String,
    /// Its name.
    pub nameif: Option<String>,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// `shutdown`.
    pub shutdown: bool,
    /// EAL port of its device.
    pub port: Option<u16>,
}

/// Counters of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogStats {
    /// Messages that went to the buffer.
    pub buffered: u64,
    /// Messages that went to syslog hosts.
    pub trapped: u64,
    /// Lines that went to the console.
    pub console: u64,
    /// Lines that went to the file.
    pub file: u64,
    /// Messages that a rate limit kept back.
    pub rate_limited: u64,
    /// Lines that found the queue of a destination full.
    pub queue_dropped: u64,
    /// Lines that could not be sent to a host.
    pub host_errors: u64,
    /// TCP hosts that do not answer.
    pub hosts_down: u64,
}

/// Events that the workers told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventStats {
    /// Connections made.
    pub conns_built: u64,
    /// Connections ended.
    pub conns_torn_down: u64,
    /// Translations made.
    pub xlates_built: u64,
    /// Translations ended.
    pub xlates_torn_down: u64,
    /// Packets denied, as far as they were told.
    pub denied: u64,
    /// Packets that an access-list entry with `log` decided about.
    pub access_logged: u64,
    /// Packets that IPsec refused, as far as they were told.
    pub ipsec_refused: u64,
    /// Wishes for a rekey.
    pub rekeys_wanted: u64,
    /// Reports about flows of a tunnel that bounced.
    pub bounce_reports: u64,
    /// Peers that were seen at another address.
    pub peers_moved: u64,
}

/// A configured tunnel: a crypto map entry with one entry of its access list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TunnelStats {
    /// Its handle.
    pub tunnel: u32,
    /// Name of the crypto map.
    pub map: String,
    /// Sequence number of its entry.
    pub sequence: u16,
    /// Interface of the map.
    pub nameif: String,
    /// The peer that it reaches, or would try first.
    pub peer: Ipv4Addr,
    /// What its slot can do now.
    pub state: ContextState,
    /// Its TCP flows outlive it.
    pub preserve: bool,
    /// Our side of the selectors, `ADDRESS/MASK`.
    pub local: String,
    /// The peer's side.
    pub remote: String,
    /// Packets opened.
    pub packets_in: u64,
    /// Bytes opened.
    pub bytes_in: u64,
    /// Packets sealed.
    pub packets_out: u64,
    /// Bytes sealed.
    pub bytes_out: u64,
    /// Packets that anti-replay refused.
    pub replayed: u64,
    /// Packets whose authentication failed.
    pub not_authentic: u64,
    /// VPN contexts.
    #[serde(skip)]
    pub contexts: Vec<VpnContext>,
    /// Inbound SAs.
    #[serde(skip)]
    pub inbound: Vec<EspSa>,
    /// Outbound SAs, the one in use first.
    #[serde(skip)]
    pub outbound: Vec<EspSa>,
}

/// Where the control loop leaves its copy and readers find the newest one.
#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<Mutex<Option<Arc<Published>>>>);

impl Mailbox {
    /// Leaves a copy. The lock is held for the exchange of a pointer.
    pub fn publish(&self, published: Published) {
        let fresh = Some(Arc::new(published));
        let old = {
            let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, fresh)
        };
        drop(old);
    }

    /// The newest copy; `None` before the first one.
    pub fn read(&self) -> Option<Arc<Published>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
