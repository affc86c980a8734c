//! Ports that rest, first in, first out.

/// Places of ports and the coarse time when each may be used again. A ring of a fixed size: a
/// collection that can grow has a way to the allocator, taken or not.
#[derive(Debug)]
pub(super) struct Resting {
    ring: Box<[(u16, u32)]>,
    first: usize,
    count: usize,
}

impl Resting {
    /// Room for `ports` ports: all that there are.
    pub(super) fn new(ports: usize) -> Self {
        Self {
            ring: vec![(0, 0); ports].into_boxed_slice(),
            first: 0,
            count: 0,
        }
    }

    /// The place that is `by` places after `from`; both are less than the ring is long.
    fn after(&self, from: usize, by: usize) -> usize {
        let at = from + by;
        if at < self.ring.len() {
            at
        } else {
            at - self.ring.len()
        }
    }

    /// Adds a port behind the others. One that rests already does not come here, so there is room.
    pub(super) fn add(&mut self, place: u16, until: u32) {
        let at = self.after(self.first, self.count);
        if self.count < self.ring.len()
            && let Some(slot) = self.ring.get_mut(at)
        {
            *slot = (place, until);
            self.count += 1;
        }
    }

    /// The port that rests longest.
    pub(super) fn first(&self) -> Option<(u16, u32)> {
        let first = self.ring.get(self.first).copied();
        first.filter(|_| self.count > 0)
    }

    /// Takes it out.
    pub(super) fn remove_first(&mut self) {
        if self.count > 0 {
            self.first = self.after(self.first, 1);
            self.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_queue_of_a_fixed_size(
            room in 1_usize..9,
            steps in prop::collection::vec(any::<Option<(u16, u32)>>(), 0..100),
        ) {
            let (mut resting, mut oracle) = (Resting::new(room), VecDeque::new());
            for step in steps {
                match step {
                    Some((place, until)) if oracle.len() < room => {
                        resting.add(place, until);
                        oracle.push_back((place, until));
                    }
                    Some((place, until)) => resting.add(place, until),
                    None => {
                        resting.remove_first();
                        oracle.pop_front();
                    }
                }
                prop_assert_eq!(resting.first(), oracle.front().copied());
            }
        }
    }
}
