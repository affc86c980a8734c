//! Phase-2 SA pairs: by tunnel, by peer, by their SPIs.

use std::net::Ipv4Addr;

use super::api::TunnelId;
use super::table::{Index, Record, Table};
use super::v1::phase1::Wanted;
use crate::time::Time;

/// A phase-2 SA pair in use.
#[derive(Clone, Debug)]
pub(super) struct Child {
    /// Its number: later ones have higher ones.
    pub(super) id: u64,
    pub(super) tunnel: TunnelId,
    pub(super) peer: Ipv4Addr,
    pub(super) inbound_spi: u32,
    pub(super) outbound_spi: u32,
    /// We began its exchange.
    pub(super) initiator: bool,
    pub(super) created: Time,
    pub(super) expires: Time,
    pub(super) rekey_at: Time,
    /// A rekey of this pair is under way.
    pub(super) rekeying: bool,
    /// Replaced: until then it still receives.
    pub(super) superseded_until: Option<Time>,
}

impl Child {
    /// Whether no other pair has taken over.
    pub(super) const fn is_current(&self) -> bool {
        self.superseded_until.is_none()
    }

    /// When it may receive no more.
    pub(super) fn end(&self) -> Time {
        let superseded = self.superseded_until.unwrap_or(self.expires);
        self.expires.min(superseded)
    }

    /// When another pair shall replace it, `None` when one does already.
    pub(super) fn rekey_due(&self) -> Option<Time> {
        (self.is_current() && !self.rekeying).then_some(self.rekey_at)
    }

    /// A pair in its place.
    pub(super) const fn successor(&self) -> Wanted {
        Wanted {
            tunnel: self.tunnel,
            replaces: Some((self.inbound_spi, self.outbound_spi)),
        }
    }
}

/// What a pair is found by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    tunnel: TunnelId,
    peer: Ipv4Addr,
    inbound: u32,
    outbound: (Ipv4Addr, u32),
}

/// The indexes by that.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Indexes {
    tunnel: Index<TunnelId>,
    peer: Index<Ipv4Addr>,
    inbound: Index<u32>,
    outbound: Index<(Ipv4Addr, u32)>,
}

impl Record for Child {
    type Keys = Keys;
    type Indexes = Indexes;

    fn id(&self) -> u64 {
        self.id
    }

    fn keys(&self) -> Keys {
        Keys {
            tunnel: self.tunnel,
            peer: self.peer,
            inbound: self.inbound_spi,
            outbound: (self.peer, self.outbound_spi),
        }
    }

    fn due(&self) -> Option<Time> {
        let end = self.end();
        Some(self.rekey_due().map_or(end, |at| at.min(end)))
    }

    fn index(indexes: &mut Indexes, id: u64, before: Option<Keys>, after: Option<Keys>) {
        let both = [before, after];
        let [was, is] = both.map(|keys| keys.map(|keys| keys.tunnel));
        indexes.tunnel.follow(id, was, is);
        let [was, is] = both.map(|keys| keys.map(|keys| keys.peer));
        indexes.peer.follow(id, was, is);
        let [was, is] = both.map(|keys| keys.map(|keys| keys.inbound));
        indexes.inbound.follow(id, was, is);
        let [was, is] = both.map(|keys| keys.map(|keys| keys.outbound));
        indexes.outbound.follow(id, was, is);
    }
}

/// All phase-2 SA pairs.
pub(super) type Children = Table<Child>;

impl Children {
    /// The pairs of a tunnel, the oldest first.
    pub(super) fn of_tunnel(&self, tunnel: TunnelId) -> impl DoubleEndedIterator<Item = &Child> {
        self.each(self.indexes().tunnel.of(tunnel))
    }

    /// The pairs with a peer, the oldest first.
    pub(super) fn of_peer(&self, peer: Ipv4Addr) -> impl DoubleEndedIterator<Item = &Child> {
        self.each(self.indexes().peer.of(peer))
    }

    /// The pair with this inbound SPI.
    pub(super) fn of_inbound(&self, spi: u32) -> Option<&Child> {
        self.each(self.indexes().inbound.of(spi)).next()
    }

    /// The pairs with a peer that have this outbound SPI: it chose them.
    pub(super) fn of_outbound(
        &self,
        peer: Ipv4Addr,
        spi: u32,
    ) -> impl DoubleEndedIterator<Item = &Child> {
        self.each(self.indexes().outbound.of((peer, spi)))
    }
}
