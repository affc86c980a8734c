//! Memory of held packets: cells of one cache line, handed out one by one.
//!
//! A packet is a chain of cells. The first has a head of three words and 52 bytes of the packet, so
//! that a pure ACK with timestamps is one cell; each further one has a head of one word and 60
//! bytes. Every cell that is not in use is zero.

/// No cell.
pub(super) const NIL: u32 = u32::MAX;
/// Words of a cell.
pub(super) const WORDS: usize = 16;
/// Bytes of the packet in its first cell, and in each further one.
const FIRST_BYTES: usize = (WORDS - FIRST_HEAD) * 4;
const MORE_BYTES: usize = (WORDS - MORE_HEAD) * 4;

/// Words of a packet's cells: the next cell; in the first one also the next packet of the same
/// holder, and the packet's length (low half) and flags.
const NEXT_CELL: usize = 0;
const NEXT_PACKET: usize = 1;
const LEN_FLAGS: usize = 2;
const FIRST_HEAD: usize = 3;
const MORE_HEAD: usize = 1;

/// A cell as it is stored.
pub(super) type Cell = [u32; WORDS];

const _: () = assert!(size_of::<Cell>() == 64, "a cell is one cache line");
const _: () = assert!(
    FIRST_BYTES >= 20 + 32,
    "a pure ACK with timestamps is one cell"
);

/// Cells that one packet of `len` bytes takes.
pub(super) const fn cells_of(len: usize) -> u32 {
    1 + len.saturating_sub(FIRST_BYTES).div_ceil(MORE_BYTES) as u32
}

/// All cells of a pool. The numbers of those in use are the caller's to keep.
pub(super) struct Cells {
    memory: Box<[Cell]>,
    /// Cells that were used and freed; a stack.
    freed: Vec<u32>,
    /// Cells from here on have never been used.
    fresh: u32,
}

impl Cells {
    /// Bytes that each cell takes, all in.
    pub(super) const BYTES_PER_CELL: usize = size_of::<Cell>() + size_of::<u32>();

    /// `count` cells. The memory is zero and untouched: pages come with their first use.
    pub(super) fn new(count: u32) -> Self {
        Self {
            memory: vec![[0; WORDS]; count as usize].into_boxed_slice(),
            freed: Vec::with_capacity(count as usize),
            fresh: 0,
        }
    }

    /// All cells.
    pub(super) fn total(&self) -> u32 {
        self.memory.len() as u32
    }

    /// Cells that are not in use.
    pub(super) fn free(&self) -> u32 {
        self.total() - self.fresh + self.freed.len() as u32
    }

    /// A zero cell, `None` when all are in use.
    pub(super) fn take(&mut self) -> Option<u32> {
        if let Some(cell) = self.freed.pop() {
            return Some(cell);
        }
        let cell = self.fresh;
        (cell < self.total()).then(|| {
            self.fresh += 1;
            cell
        })
    }

    /// Gives a cell back, zeroized.
    pub(super) fn give(&mut self, cell: u32) {
        if let Some(words) = self.memory.get_mut(cell as usize) {
            zeroize::Zeroize::zeroize(words);
            // Room for every cell was reserved, so this allocates nothing.
            self.freed.push(cell);
        }
    }

    /// A cell for reading; zeros for [`NIL`].
    #[inline]
    pub(super) fn cell(&self, cell: u32) -> &Cell {
        const NOTHING: Cell = [0; WORDS];
        self.memory.get(cell as usize).unwrap_or(&NOTHING)
    }

    /// A cell for writing.
    #[inline]
    pub(super) fn cell_mut(&mut self, cell: u32) -> Option<&mut Cell> {
        self.memory.get_mut(cell as usize)
    }

    /// Sets one word of a cell.
    #[inline]
    pub(super) fn set(&mut self, cell: u32, word: usize, value: u32) {
        if let Some(place) = self.cell_mut(cell).and_then(|cell| cell.get_mut(word)) {
            *place = value;
        }
    }

    /// Writes a packet of at most 65,535 bytes into [`cells_of`] cells that are free; `None` when
    /// they are not.
    pub(super) fn store(&mut self, bytes: &[u8], flags: u16) -> Option<u32> {
        if self.free() < cells_of(bytes.len()) {
            return None;
        }
        let first = self.take()?;
        let (front, mut rest) = bytes.split_at(bytes.len().min(FIRST_BYTES));
        let words = self.cell_mut(first)?;
        words[NEXT_CELL] = NIL;
        words[NEXT_PACKET] = NIL;
        words[LEN_FLAGS] = bytes.len() as u32 & 0xffff | u32::from(flags) << 16;
        write(&mut words[FIRST_HEAD..], front);
        let mut last = first;
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(MORE_BYTES));
            let cell = self.take()?;
            self.set(last, NEXT_CELL, cell);
            let words = self.cell_mut(cell)?;
            words[NEXT_CELL] = NIL;
            write(&mut words[MORE_HEAD..], part);
            (last, rest) = (cell, after);
        }
        Some(first)
    }

    /// Copies a packet into `out`, which is as long as [`Cells::len`] says.
    pub(super) fn load(&self, packet: u32, out: &mut [u8]) {
        let (front, mut rest) = out.split_at_mut(out.len().min(FIRST_BYTES));
        read(&self.cell(packet)[FIRST_HEAD..], front);
        let mut cell = self.cell(packet)[NEXT_CELL];
        while !rest.is_empty() && cell != NIL {
            let (part, after) = rest.split_at_mut(rest.len().min(MORE_BYTES));
            read(&self.cell(cell)[MORE_HEAD..], part);
            cell = self.cell(cell)[NEXT_CELL];
            rest = after;
        }
    }

    /// The first bytes of a packet: its headers, if it has no options of IPv4.
    pub(super) fn front(&self, packet: u32) -> [u8; FIRST_BYTES] {
        let mut front = [0; FIRST_BYTES];
        read(&self.cell(packet)[FIRST_HEAD..], &mut front);
        front
    }

    /// Bytes of a packet.
    pub(super) fn len(&self, packet: u32) -> usize {
        (self.cell(packet)[LEN_FLAGS] & 0xffff) as usize
    }

    /// The flags that a packet was stored with.
    pub(super) fn flags(&self, packet: u32) -> u16 {
        (self.cell(packet)[LEN_FLAGS] >> 16) as u16
    }

    /// The next packet of the same holder.
    pub(super) fn next(&self, packet: u32) -> u32 {
        self.cell(packet)[NEXT_PACKET]
    }

    /// Links a packet to the next one of the same holder.
    pub(super) fn set_next(&mut self, packet: u32, next: u32) {
        self.set(packet, NEXT_PACKET, next);
    }

    /// Frees a packet and tells how many cells that were.
    pub(super) fn discard(&mut self, packet: u32) -> u32 {
        let mut count = 0;
        let mut cell = packet;
        while cell != NIL && count < self.total() {
            let next = self.cell(cell)[NEXT_CELL];
            self.give(cell);
            count += 1;
            cell = next;
        }
        count
    }

    /// Whether every cell that is not in use is zero.
    #[cfg(test)]
    pub(super) fn free_are_zero(&self) -> bool {
        let fresh = self.memory.iter().skip(self.fresh as usize);
        let freed = self.freed.iter().map(|cell| self.cell(*cell));
        fresh.chain(freed).all(|cell| *cell == [0; WORDS])
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        let used = self.memory.iter_mut().take(self.fresh as usize);
        used.for_each(zeroize::Zeroize::zeroize);
    }
}

fn write(words: &mut [u32], bytes: &[u8]) {
    for (word, part) in words.iter_mut().zip(bytes.chunks(4)) {
        let mut four = [0; 4];
        four[..part.len()].copy_from_slice(part);
        *word = u32::from_ne_bytes(four);
    }
}

fn read(words: &[u32], bytes: &mut [u8]) {
    for (word, part) in words.iter().zip(bytes.chunks_mut(4)) {
        part.copy_from_slice(&word.to_ne_bytes()[..part.len()]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pure_ack_with_timestamps_is_one_cell() {
        assert_eq!(cells_of(40), 1);
        assert_eq!(cells_of(52), 1);
        assert_eq!(cells_of(53), 2);
        assert_eq!(cells_of(1500), 26);
    }

    proptest! {
        #[test]
        fn what_was_stored_comes_back_and_leaves_nothing(
            packets in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..400), any::<u16>()), 0..20),
        ) {
            let mut cells = Cells::new(40);
            let mut kept = Vec::new();
            for (bytes, flags) in packets {
                let room = cells.free() >= cells_of(bytes.len());
                let stored = cells.store(&bytes, flags);
                prop_assert_eq!(stored.is_some(), room);
                kept.extend(stored.map(|packet| (packet, bytes, flags)));
            }
            for (packet, bytes, flags) in &kept {
                let mut out = vec![0; cells.len(*packet)];
                cells.load(*packet, &mut out);
                prop_assert_eq!((&out, cells.flags(*packet)), (bytes, *flags));
            }
            for (packet, bytes, _) in kept {
                prop_assert_eq!(cells.discard(packet), cells_of(bytes.len()));
            }
            prop_assert_eq!(cells.free(), 40);
            prop_assert!(cells.free_are_zero());
        }
    }
}
