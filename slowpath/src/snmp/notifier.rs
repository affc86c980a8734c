//! Traps on their way to their receivers, and what was heard.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Secret, Snmp};
use serde::Serialize;
use subtle::ConstantTimeEq;

use super::query::{Query, hear};
use super::trap::Trap;
use crate::time::Time;

/// Traps that wait: one for each tunnel of a large box that goes down at once.
const QUEUE_MAX: usize = 4096;
/// Time between two traps about wrong communities: a stranger causes them.
const AUTHENTICATION_MS: u64 = 5_000;

/// Counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SnmpStats {
    /// Datagrams that came in.
    pub received: u64,
    /// Those of a version without communities.
    pub bad_version: u64,
    /// Queries with a community that is not ours.
    pub unknown_community: u64,
    /// Datagrams that are no queries.
    pub malformed: u64,
    /// Traps sent, one for each receiver.
    pub sent: u64,
    /// Traps that the system refused to send.
    pub errors: u64,
    /// Traps that there was no room for.
    pub dropped: u64,
}

/// Traps and counters.
#[derive(Debug, Default)]
pub struct Notifier {
    settings: Snmp,
    waiting: VecDeque<(Trap, Time)>,
    request_id: i32,
    stats: SnmpStats,
    /// When the last trap about a wrong community was raised.
    complained: Option<Time>,
}

impl Notifier {
    /// Takes over the `snmp-server` commands.
    pub fn configure(&mut self, settings: &Snmp) {
        self.settings = settings.clone();
    }

    fn community<'a>(&'a self, own: Option<&'a Secret>) -> Option<&'a Secret> {
        let community = own.or(self.settings.community.as_ref());
        community.filter(|community| !community.is_masked())
    }

    /// Every receiver with its community, where that is a whole one.
    fn receivers(&self) -> impl Iterator<Item = (SocketAddrV4, &Secret)> {
        self.settings.hosts.iter().filter_map(|host| {
            let community = self.community(host.community.as_ref())?;
            Some((SocketAddrV4::new(host.address, host.port), community))
        })
    }

    /// Something has happened. It is sent if the configuration has the trap and a receiver.
    pub fn raise(&mut self, trap: Trap, now: Time) {
        if !trap.is_enabled(&self.settings.traps) || self.receivers().next().is_none() {
            return;
        }
        if self.waiting.len() < QUEUE_MAX {
            self.waiting.push_back((trap, now));
        } else {
            self.stats.dropped += 1;
        }
    }

    /// The datagrams of the next trap, one for each receiver; `None` where none waits.
    pub fn poll(&mut self) -> Option<Vec<(SocketAddrV4, Vec<u8>)>> {
        let (trap, when) = self.waiting.pop_front()?;
        self.request_id = self.request_id.wrapping_add(1);
        let datagram = |(to, community): (SocketAddrV4, &Secret)| {
            let bytes = trap.datagram(community.expose(), self.request_id, when.0);
            (to, bytes)
        };
        Some(self.receivers().map(datagram).collect())
    }

    /// What became of a datagram.
    pub fn sent(&mut self, gone: bool) {
        if gone {
            self.stats.sent += 1;
        } else {
            self.stats.errors += 1;
        }
    }

    /// Whether somebody shall listen on port 161: wrong communities are to be told of.
    pub fn listens(&self) -> bool {
        self.settings.traps.authentication && self.receivers().next().is_some()
    }

    /// A datagram has come to port 161.
    pub fn heard(&mut self, datagram: &[u8], from: Ipv4Addr, now: Time) {
        self.stats.received += 1;
        let own = self
            .settings
            .hosts
            .iter()
            .map(|host| host.community.as_ref());
        let ours: Vec<&Secret> = own
            .chain([None])
            .filter_map(|it| self.community(it))
            .collect();
        // Without telling by the time that it takes how much of a community was right.
        let is_ours = |community: &[u8]| {
            ours.iter().fold(false, |found, secret| {
                found | bool::from(secret.expose().as_bytes().ct_eq(community))
            })
        };
        match hear(datagram, is_ours) {
            Query::Known => {}
            Query::OtherVersion => self.stats.bad_version += 1,
            Query::Malformed => self.stats.malformed += 1,
            Query::Unknown => {
                self.stats.unknown_community += 1;
                let complained = self.complained;
                if complained.is_none_or(|last| now.since_ms(last) >= AUTHENTICATION_MS) {
                    self.complained = Some(now);
                    self.raise(Trap::AuthenticationFailure { from }, now);
                }
            }
        }
    }

    /// Counters.
    pub const fn stats(&self) -> SnmpStats {
        self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::super::ber;
    use super::*;

    fn notifier(text: &str) -> Notifier {
        let mut notifier = Notifier::default();
        notifier.configure(&config::parse(text).0.snmp);
        notifier
    }

    fn query(community: &str) -> Vec<u8> {
        let parts = [
            ber::integer(1),
            ber::wrap(ber::tag::OCTETS, community.as_bytes()),
            ber::wrap(0xa0, &[]),
        ];
        ber::wrap(ber::tag::SEQUENCE, &parts.concat())
    }

    fn has(bytes: &[u8], community: &[u8]) -> bool {
        bytes
            .windows(community.len())
            .any(|window| window == community)
    }

    const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 9);

    #[test]
    fn every_receiver_gets_its_trap_under_its_community() {
        let mut notifier = notifier(
            "snmp-server host in 10.0.0.1 community own udp-port 1162\n\
             snmp-server host in 10.0.0.2\nsnmp-server host in 10.0.0.3 community *\n\
             snmp-server community common\nsnmp-server enable traps snmp coldstart\n",
        );
        notifier.raise(Trap::ColdStart, Time(0));
        notifier.raise(Trap::AuthenticationFailure { from: STRANGER }, Time(0));
        let datagrams = notifier.poll().expect("a trap");
        let to: Vec<String> = datagrams.iter().map(|(to, _)| to.to_string()).collect();
        assert_eq!(to, ["10.0.0.1:1162", "10.0.0.2:162"], "no masked community");
        assert!(has(&datagrams[0].1, b"own") && has(&datagrams[1].1, b"common"));
        assert_eq!(notifier.poll(), None, "the other is not enabled");
    }

    #[test]
    fn without_a_receiver_nothing_waits_and_nobody_listens() {
        let mut notifier = notifier("snmp-server enable traps\nsnmp-server community c\n");
        notifier.raise(Trap::ColdStart, Time(0));
        assert_eq!(notifier.poll(), None);
        assert!(!notifier.listens());
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut notifier = notifier(
            "snmp-server host in 10.0.0.1 community c\nsnmp-server enable traps snmp coldstart\n",
        );
        for _ in 0..QUEUE_MAX + 3 {
            notifier.raise(Trap::ColdStart, Time(0));
        }
        assert_eq!(notifier.stats().dropped, 3);
        let sent = std::iter::from_fn(|| notifier.poll()).count();
        assert_eq!(sent, QUEUE_MAX);
        assert!(!notifier.listens(), "no trap about communities");
    }

    #[test]
    fn a_wrong_community_is_complained_of_now_and_then() {
        let mut notifier = notifier(
            "snmp-server host in 10.0.0.1 community own\nsnmp-server community common\n\
             snmp-server enable traps snmp authentication\n",
        );
        assert!(notifier.listens());
        for community in ["own", "common"] {
            notifier.heard(&query(community), STRANGER, Time(0));
        }
        assert_eq!(notifier.poll(), None);
        for now in [0, 1, AUTHENTICATION_MS - 1, AUTHENTICATION_MS] {
            notifier.heard(&query("guess"), STRANGER, Time(now));
        }
        notifier.heard(b"noise", STRANGER, Time(0));
        assert_eq!(std::iter::from_fn(|| notifier.poll()).count(), 2);
        let stats = notifier.stats();
        assert_eq!((stats.received, stats.unknown_community), (7, 4));
        assert_eq!(stats.malformed, 1);
    }
}
