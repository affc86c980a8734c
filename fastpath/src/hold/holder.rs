//! A holder: one direction of one flow that has packets in the pool. One cell.

use super::cells::{Cell, NIL};
use super::list::Links;
use crate::packet::Side;
use crate::tunnel::SlotId;

/// Links among all holders, by the last packet that each was given.
pub(super) const RECENT: Links = Links(8);
/// Links among the holders of one source address, in the same order.
pub(super) const OF_SOURCE: Links = Links(10);
/// Links among the holders of one slot that are at the same stage.
pub(super) const OF_SLOT: Links = Links(12);
/// Word of the next holder in the same bucket.
pub(super) const BUCKET_NEXT: usize = 7;

/// How far the release of a holder has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// It has packets that have not left.
    Held = 0,
    /// All have left once; the copies wait for an answer.
    Sent = 1,
    /// The second copies have left and are gone; the answer is still looked for.
    Watched = 2,
}

impl Stage {
    pub(super) const ALL: [Self; 3] = [Self::Held, Self::Sent, Self::Watched];
}

/// Bits of [`Holder::marks`].
pub(super) mod mark {
    /// Nothing but pure ACKs.
    pub(crate) const ACKS_ONLY: u8 = 1 << 0;
    /// Packets are kept in order, behind each other.
    pub(crate) const IN_ORDER: u8 = 1 << 1;
    /// The second copies are on their way out.
    pub(crate) const AGAIN: u8 = 1 << 2;
    /// The far end has answered; packets that have not left yet still follow.
    pub(crate) const RESUMED: u8 = 1 << 3;
}

/// What is known of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Index of the connection in the worker's table.
    pub(super) conn: u32,
    /// Who sent the packets.
    pub(super) side: Side,
    /// Generation of the connection: a reused entry is another flow.
    pub(super) generation: u32,
    /// Cell of the source address.
    pub(super) source: u32,
    /// The slot by which the packets leave.
    pub(super) slot: SlotId,
    /// Port of the EAL by which the packets came.
    pub(super) in_port: u16,
    /// Packets that are held.
    pub(super) packets: u8,
    /// How many of them have left in this release.
    pub(super) sent: u8,
    /// How far the release has come.
    pub(super) stage: Stage,
    /// Bits of [`mark`].
    pub(super) marks: u8,
    /// First and last packet.
    pub(super) first: u32,
    /// See `first`.
    pub(super) last: u32,
    /// The byte whose acknowledgement shows that the flow goes on.
    pub(super) watch: u32,
    /// Microseconds: the last packet that was held, later the last one that left.
    pub(super) stamp_us: u32,
}

impl Holder {
    /// The number under which a direction of a flow is looked up.
    pub(super) const fn flow(conn: u32, side: Side) -> u32 {
        conn << 1 | side as u32
    }

    /// Whether every bit is set.
    pub(super) const fn has(&self, marks: u8) -> bool {
        self.marks & marks == marks
    }

    pub(super) fn read(cell: &Cell) -> Self {
        let [packets, sent, stage, marks] = cell[4].to_le_bytes();
        Self {
            conn: cell[0] >> 1,
            side: if cell[0] & 1 == 0 {
                Side::Low
            } else {
                Side::High
            },
            generation: cell[1],
            source: cell[2],
            slot: SlotId::new(cell[3] as u16),
            in_port: (cell[3] >> 16) as u16,
            packets,
            sent,
            stage: match stage {
                0 => Stage::Held,
                1 => Stage::Sent,
                _ => Stage::Watched,
            },
            marks,
            first: cell[5],
            last: cell[6],
            watch: cell[14],
            stamp_us: cell[15],
        }
    }

    /// Writes everything but the links.
    pub(super) fn write(&self, cell: &mut Cell) {
        cell[0] = Self::flow(self.conn, self.side);
        cell[1] = self.generation;
        cell[2] = self.source;
        cell[3] = u32::from(self.slot.raw()) | u32::from(self.in_port) << 16;
        cell[4] = u32::from_le_bytes([self.packets, self.sent, self.stage as u8, self.marks]);
        cell[5] = self.first;
        cell[6] = self.last;
        cell[14] = self.watch;
        cell[15] = self.stamp_us;
    }

    /// One that has no packet yet.
    pub(super) const fn empty(conn: u32, side: Side) -> Self {
        Self {
            conn,
            side,
            generation: 0,
            source: NIL,
            slot: SlotId::NONE,
            in_port: u16::MAX,
            packets: 0,
            sent: 0,
            stage: Stage::Held,
            marks: 0,
            first: NIL,
            last: NIL,
            watch: 0,
            stamp_us: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hold::cells::WORDS;

    #[test]
    fn a_holder_is_read_as_it_was_written_and_its_links_stay() {
        let holder = Holder {
            generation: 7,
            source: 8,
            slot: SlotId::new(9),
            in_port: 10,
            packets: 11,
            sent: 12,
            stage: Stage::Watched,
            marks: mark::IN_ORDER,
            first: 13,
            last: 14,
            watch: 15,
            stamp_us: 16,
            ..Holder::empty((1 << 31) - 1, Side::High)
        };
        let mut cell = [99; WORDS];
        holder.write(&mut cell);
        assert_eq!(Holder::read(&cell), holder);
        assert!(cell[BUCKET_NEXT..14].iter().all(|word| *word == 99));
    }
}
