//! An entry as bytes: every field in its order, so that two copies can be compared whole.

use super::entry::{Cold, Hot, TcpSide};
use crate::tunnel::SlotId;

/// Bytes of [`Hot::to_bytes`].
pub const HOT_BYTES: usize = size_of::<Hot>();
/// Bytes of [`Cold::to_bytes`].
pub const COLD_BYTES: usize = size_of::<Cold>();

impl Hot {
    /// The fields in the order of the entry's layout, each in the machine's byte order.
    pub fn to_bytes(&self) -> [u8; HOT_BYTES] {
        // Taken apart, so that a field that is added cannot be forgotten.
        let Self {
            low_address,
            high_address,
            low_port,
            high_port,
            protocol,
            state,
            flags,
            last_seen,
            epochs,
            slots,
            adjacencies,
            tcp,
        } = self;
        let mut out = Fields::<HOT_BYTES>::default();
        out.put(&low_address.to_ne_bytes());
        out.put(&high_address.to_ne_bytes());
        out.put(&low_port.to_ne_bytes());
        out.put(&high_port.to_ne_bytes());
        out.put(&[*protocol, *state as u8]);
        out.put(&flags.to_ne_bytes());
        out.put(&last_seen.to_ne_bytes());
        for pair in [epochs, &slots.map(SlotId::raw), adjacencies] {
            out.put(&pair[0].to_ne_bytes());
            out.put(&pair[1].to_ne_bytes());
        }
        out.put_side(&tcp[0]);
        out.put_side(&tcp[1]);
        out.bytes
    }
}

impl Cold {
    /// The fields in the order of the entry's layout, each in the machine's byte order. The links
    /// of the timer wheel belong to the entry's neighbours there and read as zero.
    pub fn to_bytes(&self) -> [u8; COLD_BYTES] {
        let Self {
            bytes,
            id,
            created,
            mapped_address,
            mapped_port,
            interfaces,
            generation,
            wheel_next: _,
            wheel_prev: _,
            route_generation,
            icmp,
            next_hops,
        } = self;
        let mut out = Fields::<COLD_BYTES>::default();
        out.put(&bytes.to_ne_bytes());
        out.put(&id.0.to_ne_bytes());
        out.put(&created.to_ne_bytes());
        out.put(&mapped_address.to_ne_bytes());
        out.put(&mapped_port.to_ne_bytes());
        out.put(interfaces);
        out.put(&generation.to_ne_bytes());
        out.put(&[0; 8]);
        out.put(&route_generation.to_ne_bytes());
        out.put(icmp);
        out.put(&next_hops[0].to_ne_bytes());
        out.put(&next_hops[1].to_ne_bytes());
        out.bytes
    }
}

/// Bytes that are filled from the front.
struct Fields<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Default for Fields<N> {
    fn default() -> Self {
        Self {
            bytes: [0; N],
            used: 0,
        }
    }
}

impl<const N: usize> Fields<N> {
    fn put(&mut self, field: &[u8]) {
        for (place, byte) in self.bytes.iter_mut().skip(self.used).zip(field) {
            *place = *byte;
        }
        self.used += field.len();
    }

    fn put_side(&mut self, side: &TcpSide) {
        let TcpSide {
            end,
            end_max,
            unacked,
            window_max,
            window_scale,
            flags,
        } = side;
        self.put(&end.to_ne_bytes());
        self.put(&end_max.to_ne_bytes());
        self.put(&unacked.to_ne_bytes());
        self.put(&window_max.to_ne_bytes());
        self.put(&[*window_scale, *flags]);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::conn::TcpState;
    use crate::conn::table::{UNUSED_COLD, UNUSED_HOT};

    /// Each change of one field changes the bytes at the place that the layout gives it.
    #[test]
    fn every_field_is_at_its_place() {
        let base = UNUSED_HOT;
        let differs = |changed: Hot| {
            let pairs = base.to_bytes().into_iter().zip(changed.to_bytes());
            let mut places = pairs.enumerate().filter(|(_, (a, b))| a != b);
            places.next().expect("a difference").0
        };
        let mut seen = Vec::new();
        let mut change = |edit: &dyn Fn(&mut Hot)| {
            let mut hot = base;
            edit(&mut hot);
            seen.push(differs(hot));
        };
        change(&|hot| hot.low_address ^= 1);
        change(&|hot| hot.high_address ^= 1);
        change(&|hot| hot.low_port ^= 1);
        change(&|hot| hot.high_port ^= 1);
        change(&|hot| hot.protocol ^= 1);
        change(&|hot| hot.state = TcpState::Closed);
        change(&|hot| hot.flags ^= 1);
        change(&|hot| hot.last_seen ^= 1);
        change(&|hot| hot.epochs[0] ^= 1);
        change(&|hot| hot.adjacencies[1] ^= 1);
        change(&|hot| hot.tcp[0].end ^= 1);
        change(&|hot| hot.tcp[1].flags ^= 1);
        let first_bytes = [0, 4, 8, 10, 12, 13, 14, 16, 20, 30, 32, 63];
        assert_eq!(seen, first_bytes);
    }

    #[test]
    fn the_second_part_ends_with_its_last_field() {
        let mut cold = UNUSED_COLD;
        cold.bytes = 1;
        cold.next_hops[1] = u32::from_ne_bytes([0, 0, 0, 7]);
        let bytes = cold.to_bytes();
        assert_eq!(u64::from_ne_bytes(*bytes.first_chunk().expect("eight")), 1);
        assert_eq!(bytes.last(), Some(&7));
        let mut linked = cold;
        (linked.wheel_next, linked.wheel_prev) = (8, 9);
        assert_eq!(linked.to_bytes(), bytes);
    }
}
