//! Doubly linked lists through the words of cells.

use super::cells::{Cells, NIL};

/// The two ends of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub(super) newest: u32,
    pub(super) oldest: u32,
}

/// Which pair of words of a cell links it: the newer neighbour in the first one, the older one in
/// the second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links(pub(super) usize);

impl List {
    pub(super) const EMPTY: Self = Self {
        newest: NIL,
        oldest: NIL,
    };

    pub(super) fn is_empty(self) -> bool {
        self.newest == NIL
    }

    /// Links a cell in front of all.
    pub(super) fn push(&mut self, cells: &mut Cells, links: Links, cell: u32) {
        cells.set(cell, links.0, NIL);
        cells.set(cell, links.0 + 1, self.newest);
        if self.newest == NIL {
            self.oldest = cell;
        } else {
            cells.set(self.newest, links.0, cell);
        }
        self.newest = cell;
    }

    /// Unlinks a cell that is in this list.
    pub(super) fn unlink(&mut self, cells: &mut Cells, links: Links, cell: u32) {
        let newer = cells.cell(cell)[links.0];
        let older = cells.cell(cell)[links.0 + 1];
        if newer == NIL {
            self.newest = older;
        } else {
            cells.set(newer, links.0 + 1, older);
        }
        if older == NIL {
            self.oldest = newer;
        } else {
            cells.set(older, links.0, newer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    const LINKS: Links = Links(4);

    fn content(list: List, cells: &Cells) -> Vec<u32> {
        let step = |cell: &u32| Some(cells.cell(*cell)[LINKS.0 + 1]);
        let forth: Vec<u32> = std::iter::successors(Some(list.newest), step)
            .take_while(|cell| *cell != NIL)
            .collect();
        let step = |cell: &u32| Some(cells.cell(*cell)[LINKS.0]);
        let mut back: Vec<u32> = std::iter::successors(Some(list.oldest), step)
            .take_while(|cell| *cell != NIL)
            .collect();
        back.reverse();
        assert_eq!(forth, back);
        forth
    }

    proptest! {
        #[test]
        fn behaves_as_a_deque(steps in prop::collection::vec((0_u8..3, 0_usize..16), 0..80)) {
            let mut cells = Cells::new(128);
            let mut lists = [List::EMPTY; 2];
            let mut models = [VecDeque::new(), VecDeque::new()];
            for (step, which) in steps {
                let side = which % 2;
                match step {
                    0 | 1 => {
                        let cell = cells.take().expect("there are more cells than steps");
                        lists[side].push(&mut cells, LINKS, cell);
                        models[side].push_front(cell);
                    }
                    2 if !models[side].is_empty() => {
                        let at = which % models[side].len();
                        let cell = models[side].remove(at).expect("is there");
                        lists[side].unlink(&mut cells, LINKS, cell);
                    }
                    _ => {}
                }
                for (list, model) in lists.iter().zip(&models) {
                    prop_assert_eq!(content(*list, &cells), Vec::from(model.clone()));
                }
            }
        }
    }
}
