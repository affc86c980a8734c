//! Copies for readers whose time is over: what they are made of is freed in steps, and by the
//! thread that made it, because an allocator gives back what another one frees at a time of its
//! own.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::limits::{COPIES_KEPT, FREED_PER_TURN};

/// The rows of copies that were published, oldest first.
#[derive(Debug)]
pub(super) struct Copies<T> {
    published: VecDeque<Arc<Vec<T>>>,
    /// Rows that nobody reads any more.
    over: Vec<T>,
}

impl<T> Default for Copies<T> {
    fn default() -> Self {
        Self {
            published: VecDeque::new(),
            over: Vec::new(),
        }
    }
}

impl<T> Copies<T> {
    /// Room for `count` rows: that of a copy whose rows are freed, because fresh memory costs more.
    pub(super) fn room(&mut self, count: usize) -> Vec<T> {
        let mut room = Vec::new();
        if self.over.is_empty() {
            std::mem::swap(&mut room, &mut self.over);
        }
        if room.capacity() < count {
            // Not `reserve`, which may move what was there, and with room for some tunnels more.
            room = Vec::with_capacity(count.next_power_of_two());
        }
        room
    }

    /// These rows are published.
    pub(super) fn publish(&mut self, rows: Vec<T>) -> Arc<Vec<T>> {
        let rows = Arc::new(rows);
        self.published.push_back(Arc::clone(&rows));
        if self.published.len() > COPIES_KEPT {
            // Who has read it for so long frees it.
            self.published.pop_front();
        }
        rows
    }

    /// Frees some rows that nobody reads any more. Once per turn.
    pub(super) fn free(&mut self) {
        let oldest = self.published.front();
        let unread = oldest.is_some_and(|rows| Arc::strong_count(rows) == 1);
        if self.over.is_empty()
            && unread
            && let Some(rows) = self.published.pop_front().and_then(Arc::into_inner)
        {
            self.over = rows;
        }
        let left = self.over.len().saturating_sub(FREED_PER_TURN);
        self.over.truncate(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_freed_in_steps_once_nobody_reads_them() {
        let row = Arc::new(());
        let rows = || vec![Arc::clone(&row); 3 * FREED_PER_TURN];
        let freed = || 3 * FREED_PER_TURN + 1 - Arc::strong_count(&row);
        let mut copies = Copies::default();
        let read = copies.publish(rows());
        copies.free();
        assert_eq!(freed(), 0, "somebody reads it");
        drop(read);
        for step in 1..=3 {
            copies.free();
            assert_eq!(freed(), step * FREED_PER_TURN);
        }
        let room = copies.room(1);
        assert!(room.is_empty() && room.capacity() >= 3 * FREED_PER_TURN);
        assert!(copies.room(5).capacity() >= 5);
    }

    #[test]
    fn copies_that_are_read_for_long_are_left_to_their_readers() {
        let mut copies = Copies::default();
        let read: Vec<_> = (0..9).map(|row| copies.publish(vec![row])).collect();
        assert_eq!(copies.published.len(), COPIES_KEPT);
        assert_eq!(Arc::strong_count(&read[0]), 1);
    }
}
