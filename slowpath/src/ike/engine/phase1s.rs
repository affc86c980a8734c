//! Phase-1 SAs: by peer, by the initiator's cookie, and those whose peer is not configured.

use std::net::Ipv4Addr;

use crate::ike::limits::{UNPROVEN_MAX, UNPROVEN_PER_PEER_MAX};
use crate::ike::table::{Index, Record, Table};
use crate::ike::v1::phase1::Phase1;
use crate::time::Time;

/// What a phase-1 SA is found by.
#[derive(Clone, Copy, Debug)]
pub(in crate::ike) struct Keys {
    peer: Ipv4Addr,
    cookie_i: [u8; 8],
    configured: bool,
    unproven: bool,
}

/// The indexes by that.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::ike) struct Indexes {
    peer: Index<Ipv4Addr>,
    cookie_i: Index<[u8; 8]>,
    configured: Index<bool>,
    unproven: Index<()>,
}

impl Record for Phase1 {
    type Keys = Keys;
    type Indexes = Indexes;

    fn id(&self) -> u64 {
        self.id
    }

    fn keys(&self) -> Keys {
        Keys {
            peer: self.peer,
            cookie_i: self.cookie_i,
            configured: self.keepalive.is_some(),
            unproven: self.is_unproven(),
        }
    }

    fn due(&self) -> Option<Time> {
        self.deadline()
    }

    fn index(indexes: &mut Indexes, id: u64, before: Option<Keys>, after: Option<Keys>) {
        let both = [before, after];
        let [was, is] = both.map(|keys| keys.map(|keys| keys.peer));
        indexes.peer.follow(id, was, is);
        let [was, is] = both.map(|keys| keys.map(|keys| keys.cookie_i));
        indexes.cookie_i.follow(id, was, is);
        let [was, is] = both.map(|keys| keys.map(|keys| keys.configured));
        indexes.configured.follow(id, was, is);
        let [was, is] = both.map(|keys| keys.filter(|keys| keys.unproven).map(|_| ()));
        indexes.unproven.follow(id, was, is);
    }
}

/// All phase-1 SAs.
pub(in crate::ike) type Phase1s = Table<Phase1>;

impl Phase1s {
    /// The SAs with a peer, the oldest first.
    pub(in crate::ike) fn of_peer(
        &self,
        peer: Ipv4Addr,
    ) -> impl DoubleEndedIterator<Item = &Phase1> {
        self.each(self.indexes().peer.of(peer))
    }

    /// The SAs whose initiator chose this cookie, the oldest first.
    pub(in crate::ike) fn of_cookie(
        &self,
        cookie_i: [u8; 8],
    ) -> impl DoubleEndedIterator<Item = &Phase1> {
        self.each(self.indexes().cookie_i.of(cookie_i))
    }

    /// The newest SA with a peer that is up.
    pub(in crate::ike) fn newest_up(&self, peer: Ipv4Addr) -> Option<&Phase1> {
        self.of_peer(peer).rev().find(|sa| sa.is_up())
    }

    /// The newest SA with a peer that is up and that no other one has taken over from.
    pub(in crate::ike) fn current(&self, peer: Ipv4Addr) -> Option<&Phase1> {
        self.of_peer(peer)
            .rev()
            .find(|sa| sa.is_up() && !sa.is_superseded())
    }

    /// How many SAs with a peer are more than an unproven first message.
    pub(in crate::ike) fn proven(&self, peer: Ipv4Addr) -> usize {
        self.of_peer(peer).filter(|sa| !sa.is_unproven()).count()
    }

    /// The unproven SA that makes room for one more with a peer, if one has to.
    pub(in crate::ike) fn crowded_out(&self, peer: Ipv4Addr) -> Option<u64> {
        let of_peer = || self.of_peer(peer).filter(|sa| sa.is_unproven());
        if of_peer().count() >= UNPROVEN_PER_PEER_MAX {
            return of_peer().next().map(|sa| sa.id);
        }
        let unproven = &self.indexes().unproven;
        let is_full = unproven.len() >= UNPROVEN_MAX;
        unproven.of(()).next().filter(|_| is_full)
    }

    /// The SAs whose peers are not configured, the oldest first.
    pub(in crate::ike) fn strangers(&self) -> impl Iterator<Item = u64> {
        self.indexes().configured.of(false)
    }

    /// Changes the SAs with a peer, the oldest first.
    pub(in crate::ike) fn change_of_peer(
        &mut self,
        peer: Ipv4Addr,
        mut change: impl FnMut(&mut Phase1),
    ) {
        let ids: Vec<u64> = self.indexes().peer.of(peer).collect();
        for id in ids {
            self.change(id, &mut change);
        }
    }
}
