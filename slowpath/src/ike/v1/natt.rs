//! NAT traversal in phase 1 (RFC 3947) and the vendor IDs that announce what we can do.

use std::net::SocketAddrV4;

use config::Hash;

use crate::ike::crypto::prf::hash;
use crate::ike::wire::{Chain, Writer, payload};

const RFC_3947: [u8; 16] = 0x4a13_1c81_0703_5845_5c57_28f2_0e95_452fu128.to_be_bytes();
const DRAFT_02: [u8; 16] = 0x90cb_8091_3ebb_696e_0863_81b5_ec42_7b1fu128.to_be_bytes();
const DRAFT_03: [u8; 16] = 0x7d94_19a6_5310_ca6f_2c17_9d92_1552_9d56u128.to_be_bytes();
/// Dead peer detection, version 1.0 (RFC 3706 section 5.1).
const DPD: [u8; 16] = 0xafca_d713_68a1_f1c9_6b86_96fc_7757_0100u128.to_be_bytes();

/// Ours: a responder's SAs are there before its answer of quick mode leaves, so that the answer
/// shows that packets under them are taken.
const SAS_BEFORE_ANSWER: [u8; 16] = 0x0a19_7266_e12d_34ec_7cf7_ec23_9660_58c1u128.to_be_bytes();

/// Which NAT traversal both sides speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ike) enum Dialect {
    /// RFC 3947.
    Standard,
    /// Drafts 02 and 03.
    Draft,
}

impl Dialect {
    const fn nat_d(self) -> u8 {
        match self {
            Self::Standard => payload::NAT_D,
            Self::Draft => payload::NAT_D_DRAFT,
        }
    }
}

/// Adds our vendor IDs.
pub(in crate::ike) fn announce(writer: &mut Writer, traversal: bool) {
    if traversal {
        for id in [&RFC_3947, &DRAFT_03, &DRAFT_02] {
            writer.add(payload::VENDOR, id);
        }
    }
    writer.add(payload::VENDOR, &DPD);
    writer.add(payload::VENDOR, &SAS_BEFORE_ANSWER);
}

/// What a peer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ike) struct Announced {
    /// NAT traversal.
    pub(in crate::ike) dialect: Option<Dialect>,
    /// Dead peer detection.
    pub(in crate::ike) dpd: bool,
    /// That its SAs are there before it answers in quick mode.
    pub(in crate::ike) sas_before_answer: bool,
}

/// What the peer announces.
pub(in crate::ike) fn announced(chain: &Chain<'_>) -> Announced {
    let has = |id: &[u8]| chain.all(payload::VENDOR).any(|vendor| vendor.body == id);
    let dialect = if has(&RFC_3947) {
        Some(Dialect::Standard)
    } else if has(&DRAFT_03) || has(&DRAFT_02) {
        Some(Dialect::Draft)
    } else {
        None
    };
    // The last byte is the minor version.
    let dpd = chain
        .all(payload::VENDOR)
        .any(|vendor| vendor.body.get(..15) == DPD.get(..15));
    Announced {
        dialect,
        dpd,
        sas_before_answer: has(&SAS_BEFORE_ANSWER),
    }
}

/// What the hashes of addresses cover.
pub(in crate::ike) struct Discovery<'a> {
    pub(in crate::ike) hash: Hash,
    pub(in crate::ike) cookie_i: &'a [u8; 8],
    pub(in crate::ike) cookie_r: &'a [u8; 8],
    pub(in crate::ike) local: SocketAddrV4,
    pub(in crate::ike) remote: SocketAddrV4,
}

impl Discovery<'_> {
    /// Adds two NAT-D payloads: where the message goes, then where it comes from.
    pub(in crate::ike) fn add(&self, writer: &mut Writer, dialect: Dialect) {
        for address in [self.remote, self.local] {
            writer.add(dialect.nat_d(), &self.digest(address));
        }
    }

    /// Whether there is a NAT in front of us, and in front of the peer. A peer that sends hashes of
    /// nothing wants encapsulation without a NAT being there.
    pub(in crate::ike) fn find(&self, chain: &Chain<'_>, dialect: Dialect) -> (bool, bool) {
        let mut hashes = chain.all(dialect.nat_d()).map(|payload| payload.body);
        let Some(destination) = hashes.next() else {
            return (false, false);
        };
        let here = destination != self.digest(self.local);
        let source = self.digest(self.remote);
        let there = !hashes.any(|hash| hash == source);
        (here, there)
    }

    fn digest(&self, address: SocketAddrV4) -> Vec<u8> {
        let ip = address.ip().octets();
        let port = address.port().to_be_bytes();
        hash(self.hash, &[self.cookie_i, self.cookie_r, &ip, &port])
    }
}
