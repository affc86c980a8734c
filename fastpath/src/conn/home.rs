//! Which worker owns a flow: the same answer from the NIC's RSS and from software.
//!
//! RSS is a Toeplitz hash of the packet's addresses (and ports, for TCP and UDP) that picks a queue
//! from an indirection table. The key here repeats every 16 bits, and every field starts at a
//! multiple of 16 bits; so the hash is the same for both directions of a flow, and it is the hash
//! of one 16-bit word, the exclusive or of all words. That makes it cheap, and anybody can choose
//! flows that collide: it spreads work and decides nothing else.

use crate::limits::WORKERS_MAX;
use crate::packet::{FlowKey, protocol};

/// Bytes of the RSS key. NICs take 40 or 52; a key for 52 goes on with the same two bytes.
pub const RSS_KEY_LEN: usize = 52;
/// The RSS key: 0x6d5a repeated, which makes the hash symmetric. NICs with 40-byte keys take the
/// first 40.
pub const RSS_KEY: [u8; RSS_KEY_LEN] = {
    let mut key = [0x6d; RSS_KEY_LEN];
    let mut odd = 1;
    while odd < RSS_KEY_LEN {
        key[odd] = 0x5a;
        odd += 2;
    }
    key
};
/// Entries of the indirection table: what the common NICs have at least.
pub const RETA_LEN: usize = 128;

const _: () = assert!(RETA_LEN.is_power_of_two(), "a hash is masked to its entry");
const _: () = assert!(
    WORKERS_MAX <= RETA_LEN,
    "every worker is named in the table"
);

/// Toeplitz hash of `input` under `key`, bit by bit: every set bit adds the 32 bits of the key that
/// begin at its place. Key bits past the end count as zero.
pub const fn toeplitz(key: &[u8], input: &[u8]) -> u32 {
    let mut hash = 0;
    let mut bit = 0;
    while bit < input.len() * 8 {
        if input[bit / 8] & (0x80 >> (bit % 8)) != 0 {
            hash ^= key_bits(key, bit);
        }
        bit += 1;
    }
    hash
}

/// 32 bits of the key from this bit on.
const fn key_bits(key: &[u8], from: usize) -> u32 {
    let mut window = 0_u64;
    let mut byte = 0;
    while byte < 5 {
        let at = from / 8 + byte;
        let next = if at < key.len() { key[at] } else { 0 };
        window = window << 8 | next as u64;
        byte += 1;
    }
    (window >> (8 - from % 8)) as u32
}

/// Hashes under [`RSS_KEY`] of a 16-bit word's high byte and of its low byte.
static WORD_HASHES: [[u32; 256]; 2] = {
    let mut hashes = [[0; 256]; 2];
    let mut value = 0;
    while value < 256 {
        hashes[0][value] = toeplitz(&RSS_KEY, &[value as u8, 0]);
        hashes[1][value] = toeplitz(&RSS_KEY, &[0, value as u8]);
        value += 1;
    }
    hashes
};

/// RSS hash of a flow as the NIC makes it under [`RSS_KEY`]: with ports for TCP and UDP, by the
/// addresses alone for everything else.
#[inline]
pub fn rss_hash(key: &FlowKey) -> u32 {
    let ports = match key.protocol {
        protocol::TCP | protocol::UDP => key.sport ^ key.dport,
        _ => 0,
    };
    hash_folded(key.src ^ key.dst, ports)
}

#[inline]
fn hash_folded(addresses: u32, ports: u16) -> u32 {
    let [high, low] = ((addresses >> 16) as u16 ^ addresses as u16 ^ ports).to_be_bytes();
    WORD_HASHES[0][usize::from(high)] ^ WORD_HASHES[1][usize::from(low)]
}

/// The map from flows to workers; fixed while the process runs.
#[derive(Clone, Debug)]
pub struct HomeMap {
    reta: [u8; RETA_LEN],
}

impl HomeMap {
    /// Spreads over `workers` workers (1 to [`WORKERS_MAX`]; what lies outside is brought inside).
    pub fn new(workers: u8) -> Self {
        let workers = usize::from(workers).clamp(1, WORKERS_MAX);
        Self {
            reta: std::array::from_fn(|entry| (entry % workers) as u8),
        }
    }

    /// The worker that owns a flow, given in either direction.
    #[inline]
    pub fn home(&self, key: &FlowKey) -> u8 {
        self.of_hash(rss_hash(key))
    }

    /// The worker that reassembles the fragments between two hosts, in either direction. It owns
    /// their flows without ports too.
    #[inline]
    pub fn home_of_addresses(&self, src: u32, dst: u32) -> u8 {
        self.of_hash(hash_folded(src ^ dst, 0))
    }

    /// The worker of a hash that the NIC made.
    #[inline]
    pub fn of_hash(&self, hash: u32) -> u8 {
        self.reta[hash as usize % RETA_LEN]
    }

    /// The indirection table for the NIC: queue numbers, which are worker numbers.
    pub fn reta(&self) -> [u16; RETA_LEN] {
        self.reta.map(u16::from)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    /// The key of Microsoft's RSS verification suite.
    const VERIFICATION_KEY: [u8; 40] = [
        0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f,
        0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
        0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
    ];

    /// What the NIC hashes: network byte order, source before destination.
    fn input(key: &FlowKey, ports: bool) -> Vec<u8> {
        let mut input = [key.src.to_be_bytes(), key.dst.to_be_bytes()].concat();
        if ports {
            input.extend(key.sport.to_be_bytes());
            input.extend(key.dport.to_be_bytes());
        }
        input
    }

    #[test]
    fn the_published_vectors_come_out() {
        type Vector = ([u8; 4], u16, [u8; 4], u16, u32, u32);
        let vectors: [Vector; 5] = [
            (
                [66, 9, 149, 187],
                2794,
                [161, 142, 100, 80],
                1766,
                0x323e8fc2,
                0x51ccc178,
            ),
            (
                [199, 92, 111, 2],
                14230,
                [65, 69, 140, 83],
                4739,
                0xd718262a,
                0xc626b0ea,
            ),
            (
                [24, 19, 198, 95],
                12898,
                [12, 22, 207, 184],
                38024,
                0xd2d0a5de,
                0x5c2b394a,
            ),
            (
                [38, 27, 205, 30],
                48228,
                [209, 142, 163, 6],
                2217,
                0x82989176,
                0xafc7327f,
            ),
            (
                [153, 39, 163, 191],
                44251,
                [202, 188, 127, 2],
                1303,
                0x5d1809c5,
                0x10e828a2,
            ),
        ];
        for (src, sport, dst, dport, by_addresses, with_ports) in vectors {
            let (src, dst) = (Ipv4Addr::from(src), Ipv4Addr::from(dst));
            let key = FlowKey::new(protocol::TCP, src.into(), sport, dst.into(), dport);
            assert_eq!(
                toeplitz(&VERIFICATION_KEY, &input(&key, false)),
                by_addresses
            );
            assert_eq!(toeplitz(&VERIFICATION_KEY, &input(&key, true)), with_ports);
        }
    }

    proptest! {
        #[test]
        fn the_tables_say_what_the_definition_says(
            number in prop_oneof![Just(protocol::TCP), Just(protocol::UDP), any::<u8>()],
            (src, sport, dst, dport) in any::<(u32, u16, u32, u16)>(),
        ) {
            let key = FlowKey::new(number, src, sport, dst, dport);
            let ports = number == protocol::TCP || number == protocol::UDP;
            for length in [40, 52] {
                let expected = toeplitz(&RSS_KEY[..length], &input(&key, ports));
                prop_assert_eq!(rss_hash(&key), expected);
            }
        }

        #[test]
        fn both_directions_have_one_home(
            (number, src, sport, dst, dport) in any::<(u8, u32, u16, u32, u16)>(),
            workers: u8,
        ) {
            let map = HomeMap::new(workers);
            let key = FlowKey::new(number, src, sport, dst, dport);
            prop_assert_eq!(map.home(&key), map.home(&key.reversed()));
            let by_addresses = map.home_of_addresses(src, dst);
            prop_assert_eq!(by_addresses, map.home_of_addresses(dst, src));
            let esp = FlowKey::new(protocol::ESP, src, sport, dst, dport);
            prop_assert_eq!(map.home(&esp), by_addresses);
            prop_assert!(map.home(&key) < workers.clamp(1, WORKERS_MAX as u8));
        }
    }

    #[test]
    fn every_worker_has_its_share() {
        for workers in [0, 1, 2, 3, 7, 64, 255] {
            let expected = workers.clamp(1, 64);
            let map = HomeMap::new(workers);
            let named: HashSet<u16> = map.reta().into_iter().collect();
            assert_eq!(named.len(), usize::from(expected));
            let mut share = [0_u32; WORKERS_MAX];
            for client in 0..1 << 16 {
                let key = FlowKey::new(protocol::TCP, 0x0a000001, client as u16, 0x0a000002, 443);
                share[usize::from(map.home(&key))] += 1;
            }
            let fair = (1 << 16) / u32::from(expected);
            for count in &share[..usize::from(expected)] {
                assert!(
                    (fair * 8 / 10..=fair * 13 / 10).contains(count),
                    "{count} of {fair}"
                );
            }
        }
    }
}
