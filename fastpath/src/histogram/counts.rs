//! Counts that a reader has collected.

use std::fmt;

use super::classes::{CLASSES, bounds};

/// Counts by class, as a reader has collected them, of one worker or of several.
#[derive(Clone, PartialEq, Eq)]
pub struct Counts {
    classes: Box<[u64]>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            classes: vec![0; CLASSES].into(),
        }
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Counts {
    /// The classes that are not empty, ascending: lowest value, highest value, count.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let classes = self.classes.iter().enumerate();
        classes
            .filter(|(_, count)| **count > 0)
            .map(|(class, count)| {
                let (low, high) = bounds(class);
                (low, high, *count)
            })
    }

    /// As [`Counts::iter`], by number of the class and count: what a reader keeps as a baseline.
    pub fn sparse(&self) -> impl Iterator<Item = (u16, u64)> {
        let classes = self.classes.iter().enumerate();
        classes
            .filter(|(_, count)| **count > 0)
            .map(|(class, count)| (class as u16, *count))
    }

    /// Takes away what a baseline has counted already.
    pub fn subtract(&mut self, baseline: impl IntoIterator<Item = (u16, u64)>) {
        for (class, count) in baseline {
            if let Some(mine) = self.classes.get_mut(usize::from(class)) {
                *mine = mine.saturating_sub(count);
            }
        }
    }

    /// Adds to the count of a class by its number.
    pub(super) fn add_to(&mut self, class: usize, count: u64) {
        if let Some(mine) = self.classes.get_mut(class) {
            *mine += count;
        }
    }

    /// How many values were counted.
    pub fn total(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            *mine += theirs;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.classes.fill(0);
    }

    /// The highest value of the class in which the value at `percentile` (0 to 100) lies; `None`
    /// when nothing was counted.
    pub fn value_at_percentile(&self, percentile: f64) -> Option<u64> {
        let total = self.total();
        let rank = (percentile / 100.0 * total as f64).ceil() as u64;
        let rank = rank.clamp(1, total.max(1));
        let mut below = 0;
        self.iter().find_map(|(_, high, count)| {
            below += count;
            (below >= rank).then_some(high)
        })
    }
}
