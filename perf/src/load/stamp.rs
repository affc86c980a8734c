//! Stamps in packets: which one it is, and when it should have left.
//!
//! ```text
//! UDP payload: | magic 2 | trial 2 | sequence 6 | intended TSC 8 |
//! ```

use fastpath::wire::{ipv4, udp};

/// Marks our packets.
const MAGIC: [u8; 2] = *b"hf";
/// Where the payload of an IPv4 packet without options begins.
const OFFSET: usize = ipv4::LEN + udp::LEN;
/// Bytes of a stamp: what is left of the smallest frame.
pub(crate) const LEN: usize = 18;
/// Bits of a sequence number on the wire.
const SEQUENCE_BITS: u32 = 48;

/// A stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Number of the packet in its trial, 48 bits.
    pub(crate) sequence: u64,
    /// Which trial; packets of earlier ones are not counted.
    pub(crate) trial: u16,
    /// When it should have left.
    pub(crate) intended_tsc: u64,
}

/// Writes a stamp into an IP packet with UDP, where there is room.
pub(crate) fn write(packet: &mut [u8], stamp: Stamp) {
    let Some(place) = packet
        .get_mut(OFFSET..)
        .and_then(|it| it.first_chunk_mut::<LEN>())
    else {
        return;
    };
    place[..2].copy_from_slice(&MAGIC);
    place[2..4].copy_from_slice(&stamp.trial.to_be_bytes());
    let [_, _, sequence @ ..] = (stamp.sequence & ((1 << SEQUENCE_BITS) - 1)).to_be_bytes();
    place[4..10].copy_from_slice(&sequence);
    place[10..].copy_from_slice(&stamp.intended_tsc.to_be_bytes());
}

/// The stamp of an IP packet; `None` when it has none (it may be encrypted).
pub(crate) fn read(packet: &[u8]) -> Option<Stamp> {
    let place = packet.get(OFFSET..)?.first_chunk::<LEN>()?;
    let [m0, m1, t0, t1, s0, s1, s2, s3, s4, s5, tsc @ ..] = *place;
    ([m0, m1] == MAGIC).then_some(Stamp {
        sequence: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
        trial: u16::from_be_bytes([t0, t1]),
        intended_tsc: u64::from_be_bytes(tsc),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            sequence in 0_u64..1 << SEQUENCE_BITS,
            trial: u16,
            intended_tsc: u64,
            len in 0_usize..100,
        ) {
            let mut packet = vec![0; len];
            let stamp = Stamp { sequence, trial, intended_tsc };
            write(&mut packet, stamp);
            prop_assert_eq!(read(&packet), (len >= OFFSET + LEN).then_some(stamp));
        }
    }
}
