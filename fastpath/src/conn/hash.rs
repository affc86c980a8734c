//! The keyed hash of the table: SipHash-1-3 over the 16 bytes of a key, several keys abreast.
//!
//! Flow keys come from strangers, so the hash must be one that nobody can steer without the key of
//! this boot. SipHash is that; it is written out here for a fixed length because a burst then runs
//! in lanes, which the compiler turns into vector code where the CPU has it.

#![allow(
    clippy::inline_always,
    reason = "the lanes become vector code only where the rounds are inlined"
)]

use crate::packet::FlowKey;

/// The secret of the hash: random per boot, given by the caller.
#[derive(Clone, Copy)]
pub struct HashKey(pub [u64; 2]);

impl HashKey {
    /// Keyed hash of an address alone.
    pub(crate) fn hash_address(self, address: u32) -> u64 {
        hash_one(self, &FlowKey::new(0, address, 0, 0, 0))
    }
}

/// Keys that are hashed abreast.
pub(super) const LANES: usize = 8;

/// Length of the message in the top byte of the last block, as SipHash closes every message.
const LAST_BLOCK: u64 = (size_of::<FlowKey>() as u64) << 56;

struct State<const N: usize> {
    v0: [u64; N],
    v1: [u64; N],
    v2: [u64; N],
    v3: [u64; N],
}

impl<const N: usize> State<N> {
    #[inline(always)]
    fn new(key: HashKey) -> Self {
        let [k0, k1] = key.0;
        Self {
            v0: [k0 ^ 0x736f_6d65_7073_6575; N],
            v1: [k1 ^ 0x646f_7261_6e64_6f6d; N],
            v2: [k0 ^ 0x6c79_6765_6e65_7261; N],
            v3: [k1 ^ 0x7465_6462_7974_6573; N],
        }
    }

    #[inline(always)]
    fn round(&mut self) {
        for lane in 0..N {
            let (mut v0, mut v1) = (self.v0[lane], self.v1[lane]);
            let (mut v2, mut v3) = (self.v2[lane], self.v3[lane]);
            v0 = v0.wrapping_add(v1);
            v2 = v2.wrapping_add(v3);
            v1 = v1.rotate_left(13) ^ v0;
            v3 = v3.rotate_left(16) ^ v2;
            v0 = v0.rotate_left(32);
            v2 = v2.wrapping_add(v1);
            v0 = v0.wrapping_add(v3);
            v1 = v1.rotate_left(17) ^ v2;
            v3 = v3.rotate_left(21) ^ v0;
            v2 = v2.rotate_left(32);
            (self.v0[lane], self.v1[lane]) = (v0, v1);
            (self.v2[lane], self.v3[lane]) = (v2, v3);
        }
    }

    #[inline(always)]
    fn absorb(&mut self, block: &[u64; N]) {
        for (v3, word) in self.v3.iter_mut().zip(block) {
            *v3 ^= word;
        }
        self.round();
        for (v0, word) in self.v0.iter_mut().zip(block) {
            *v0 ^= word;
        }
    }
}

/// Hashes of `N` keys.
#[inline]
pub(super) fn hash_lanes<const N: usize>(key: HashKey, flows: &[FlowKey; N]) -> [u64; N] {
    let mut state = State::<N>::new(key);
    state.absorb(&flows.map(|flow| u64::from(flow.src) | u64::from(flow.dst) << 32));
    state.absorb(&flows.map(|flow| {
        u64::from(flow.sport) | u64::from(flow.dport) << 16 | u64::from(flow.protocol) << 32
    }));
    state.absorb(&[LAST_BLOCK; N]);
    for v2 in &mut state.v2 {
        *v2 ^= 0xff;
    }
    state.round();
    state.round();
    state.round();
    let mut hashes = [0; N];
    for (lane, hash) in hashes.iter_mut().enumerate() {
        *hash = state.v0[lane] ^ state.v1[lane] ^ state.v2[lane] ^ state.v3[lane];
    }
    hashes
}

/// Hash of one key.
#[inline]
pub(super) fn hash_one(key: HashKey, flow: &FlowKey) -> u64 {
    let [hash] = hash_lanes(key, &[*flow]);
    hash
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;

    use super::*;

    fn bytes(flow: &FlowKey) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[0..4].copy_from_slice(&flow.src.to_le_bytes());
        bytes[4..8].copy_from_slice(&flow.dst.to_le_bytes());
        bytes[8..10].copy_from_slice(&flow.sport.to_le_bytes());
        bytes[10..12].copy_from_slice(&flow.dport.to_le_bytes());
        bytes[12] = flow.protocol;
        bytes
    }

    proptest! {
        #[test]
        fn every_lane_is_siphash_1_3(
            secret: [u64; 2],
            flows: [(u8, u32, u16, u32, u16); LANES],
        ) {
            let flows = flows.map(|(p, s, sp, d, dp)| FlowKey::new(p, s, sp, d, dp));
            let oracle = SipHasher13::new_with_keys(secret[0], secret[1]);
            let hashes = hash_lanes(HashKey(secret), &flows);
            for (flow, hash) in flows.iter().zip(hashes) {
                prop_assert_eq!(hash, oracle.hash(&bytes(flow)));
                prop_assert_eq!(hash, hash_one(HashKey(secret), flow));
            }
        }
    }
}
