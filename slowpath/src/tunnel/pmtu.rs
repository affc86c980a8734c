//! The path to a peer, as far as routers tell of it (RFC 1191, RFC 4301 section 8.2.1).
//!
//! Nobody authenticates an ICMP error, so a report is believed only as far as it can do little
//! harm:
//!
//! - It must quote a packet that this box has just sent: both addresses (and UDP ports) of the SA
//!   that seals, its SPI, and one of its last [`SEQUENCE_REACH`] sequence numbers. Who does not see
//!   our packets has to guess 32 bits of SPI and 16 of sequence number.
//! - It lowers the path MTU of that one tunnel, never below [`PATH_MTU_MIN`], and never raises it.
//!   The packet that it quotes must have been longer than what it allows.
//! - One report per tunnel counts in [`INTERVAL_MS`], and [`REPORTS_PER_S`] in all.
//! - After [`AGE_MS`] without another one the interface's MTU holds again (RFC 1191 section 6.3).
//!
//! So whoever stands on the path can make a tunnel's packets smaller, as by dropping large ones,
//! and everybody else nothing.

use std::net::Ipv4Addr;

use super::child::suite_of;
use super::dataplane::Dataplane;
use super::owner::{Tunnel, TunnelOwner};
use crate::ike::TunnelId;
use crate::syslog::format::path_mtu_lowered;
use crate::time::Time;
use crate::too_big::TooBig;

/// Bytes below which no report brings a path: every host takes datagrams of as much (RFC 791
/// section 3.1), and what is left for inner packets is enough for every protocol.
pub(super) const PATH_MTU_MIN: u16 = 576;
/// Time for which a report holds.
pub(super) const AGE_MS: u64 = 10 * 60 * 1_000;
/// Time between two reports of one tunnel that count.
pub(super) const INTERVAL_MS: u64 = 1_000;
/// Reports per second that are held against the tunnels: each costs a look at every tunnel.
pub(super) const REPORTS_PER_S: u32 = 64;
/// Packets back from the last one sent that a report may quote: half a second at 100,000 per
/// second.
pub(super) const SEQUENCE_REACH: u32 = 1 << 16;

/// What a router has told of a tunnel's path.
#[derive(Clone, Copy, Debug)]
pub(super) struct LearnedPath {
    /// The end of the path: another one is another path.
    remote: Ipv4Addr,
    mtu_bytes: u16,
    since: Time,
}

/// The second's share of reports.
#[derive(Debug, Default)]
pub(super) struct ReportBudget {
    since: Time,
    used: u32,
}

impl ReportBudget {
    fn take(&mut self, now: Time) -> bool {
        if now.since_ms(self.since) >= 1_000 {
            *self = Self {
                since: now,
                used: 0,
            };
        }
        self.used += 1;
        self.used <= REPORTS_PER_S
    }
}

impl Tunnel {
    /// Bytes of the largest packet on the path to the peer.
    pub(super) fn path_mtu(&self) -> u16 {
        let learned = self.learned_path.map(|path| path.mtu_bytes);
        learned.map_or(self.spec.path_mtu, |mtu| mtu.min(self.spec.path_mtu))
    }

    /// Forgets a path that leads elsewhere than to `remote`.
    pub(super) fn keep_path_to(&mut self, remote: Ipv4Addr) {
        self.learned_path = self.learned_path.filter(|path| path.remote == remote);
    }

    /// Tells the workers how large packets may be.
    pub(super) fn apply_mtu<D: Dataplane>(&self, dp: &mut D) {
        let current = self
            .sealing()
            .and_then(|child| suite_of(child.suite).map(|suite| (suite, child.in_udp)));
        dp.set_mtu(self.slot, self.spec.mtu(current, self.path_mtu()));
    }

    /// Whether the report quotes the SA that seals.
    fn seals(&self, report: &TooBig) -> bool {
        self.sealing().is_some_and(|child| {
            child.outbound_spi == report.spi
                && child.local == report.local
                && child.remote == report.remote
                && child.ports == report.ports
        })
    }

    /// Whether the report quotes a packet that was sent lately.
    fn has_sent(&self, report: &TooBig, dp: &impl Dataplane) -> bool {
        let sealed = dp.outbound(self.slot).unwrap_or_default().packets;
        let back = (sealed as u32).wrapping_sub(report.sequence);
        sealed > 0 && back < SEQUENCE_REACH && report.len_bytes <= self.path_mtu()
    }

    /// The path MTU after a report that may be believed; `None` when nothing changes.
    fn lowered(&self, report: &TooBig, now: Time) -> Option<u16> {
        let settled = self
            .learned_path
            .is_none_or(|path| now.since_ms(path.since) >= INTERVAL_MS);
        let mtu = report.mtu_bytes.max(PATH_MTU_MIN);
        let lowers = report.mtu_bytes < report.len_bytes && mtu < self.path_mtu();
        (settled && lowers).then_some(mtu)
    }
}

impl<D: Dataplane> TunnelOwner<D> {
    /// A router says that a packet of ours was too big; whether that changed a tunnel.
    pub fn too_big(&mut self, report: &TooBig, now: Time, dp: &mut D) -> bool {
        if !self.reports.take(now) {
            return false;
        }
        let mut tunnels = self.tunnels.iter_mut();
        let found = tunnels.find(|(_, tunnel)| tunnel.seals(report));
        let Some((&id, tunnel)) = found.filter(|(_, tunnel)| tunnel.has_sent(report, dp)) else {
            return false;
        };
        tunnel.path_reports += 1;
        let Some(mtu_bytes) = tunnel.lowered(report, now) else {
            return false;
        };
        let old = tunnel.path_mtu();
        tunnel.learned_path = Some(LearnedPath {
            remote: report.remote,
            mtu_bytes,
            since: now,
        });
        tunnel.apply_mtu(dp);
        self.timed.insert(id);
        self.messages
            .push_back(path_mtu_lowered(report, old, mtu_bytes));
        true
    }

    /// Reports that are old enough hold no longer.
    pub(super) fn age_paths(&mut self, now: Time, dp: &mut D) {
        let old = |id: &TunnelId| {
            let path = self.tunnels.get(id).and_then(|tunnel| tunnel.learned_path);
            path.is_some_and(|path| now.since_ms(path.since) >= AGE_MS)
        };
        let due: Vec<TunnelId> = self.timed.iter().copied().filter(old).collect();
        for id in due {
            if let Some(tunnel) = self.tunnels.get_mut(&id) {
                tunnel.learned_path = None;
                tunnel.apply_mtu(dp);
            }
        }
    }
}
