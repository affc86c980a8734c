//! SAs in the order in which they were made, found by their keys and by when they want to act.
//!
//! An SA is put in, taken out, or changed where it is: nobody changes one without the indexes and
//! the deadlines following.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Time;

/// What a [`Table`] keeps.
pub(super) trait Record {
    /// What it is found by.
    type Keys: Copy;
    /// The indexes by that.
    type Indexes: Default + PartialEq;

    /// Its number in the table: what was made later has a higher one.
    fn id(&self) -> u64;
    /// What it is found by now.
    fn keys(&self) -> Self::Keys;
    /// When it wants to act by itself next.
    fn due(&self) -> Option<Time>;
    /// The record `id` had the keys `before` and has `after`; `None` while it is not in the table.
    fn index(
        indexes: &mut Self::Indexes,
        id: u64,
        before: Option<Self::Keys>,
        after: Option<Self::Keys>,
    );
}

/// Numbers of records by a key of theirs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Index<K>(BTreeSet<(K, u64)>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<K: Ord + Copy> Index<K> {
    /// The record `id` had the key `before` and has `after`; `None` stands for no key.
    pub(super) fn follow(&mut self, id: u64, before: Option<K>, after: Option<K>) {
        if before == after {
            return;
        }
        if let Some(key) = before {
            self.0.remove(&(key, id));
        }
        if let Some(key) = after {
            self.0.insert((key, id));
        }
    }

    /// The records with this key, the oldest first.
    pub(super) fn of(&self, key: K) -> impl DoubleEndedIterator<Item = u64> {
        self.0.range((key, 0)..=(key, u64::MAX)).map(|&(_, id)| id)
    }

    /// How many records have a key.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the record has this key.
    pub(super) fn has(&self, key: K, id: u64) -> bool {
        self.0.contains(&(key, id))
    }

    fn until(&self, last: K) -> impl Iterator<Item = u64> {
        self.0.range(..=(last, u64::MAX)).map(|&(_, id)| id)
    }

    fn least(&self) -> Option<K> {
        self.0.first().map(|&(key, _)| key)
    }
}

/// The keys of a record, and when it wants to act.
type Marks<T> = (<T as Record>::Keys, Option<Time>);

fn marks<T: Record>(record: &T) -> Marks<T> {
    (record.keys(), record.due())
}

/// The ways to a record.
struct Ways<T: Record> {
    indexes: T::Indexes,
    due: Index<Time>,
}

impl<T: Record> Ways<T> {
    fn follow(&mut self, id: u64, before: Option<Marks<T>>, after: Option<Marks<T>>) {
        let keys = |marks: Option<Marks<T>>| marks.map(|(keys, _)| keys);
        let due = |marks: Option<Marks<T>>| marks.and_then(|(_, due)| due);
        T::index(&mut self.indexes, id, keys(before), keys(after));
        self.due.follow(id, due(before), due(after));
    }
}

/// Records by number, with the ways to them.
pub(super) struct Table<T: Record> {
    by_id: BTreeMap<u64, Box<T>>,
    ways: Ways<T>,
    last_id: u64,
}

impl<T: Record> Default for Table<T> {
    fn default() -> Self {
        Self {
            by_id: BTreeMap::new(),
            ways: Ways {
                indexes: T::Indexes::default(),
                due: Index::default(),
            },
            last_id: 0,
        }
    }
}

impl<T: Record> Table<T> {
    /// The number of the record that is made next.
    pub(super) fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The indexes by keys.
    pub(super) const fn indexes(&self) -> &T::Indexes {
        &self.ways.indexes
    }

    /// All records, the oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.by_id.values().map(|record| {
            touch();
            &**record
        })
    }

    /// The record with this number.
    pub(super) fn get(&self, id: u64) -> Option<&T> {
        touch();
        self.by_id.get(&id).map(|record| &**record)
    }

    /// The records with these numbers.
    pub(super) fn each(
        &self,
        ids: impl DoubleEndedIterator<Item = u64>,
    ) -> impl DoubleEndedIterator<Item = &T> {
        ids.filter_map(|id| self.get(id))
    }

    /// Puts a record in, in the place of the one with its number if there is one.
    pub(super) fn put(&mut self, record: T) {
        touch();
        let (id, after) = (record.id(), marks(&record));
        let before = self.by_id.insert(id, Box::new(record));
        self.ways
            .follow(id, before.map(|it| marks(&*it)), Some(after));
    }

    /// Takes a record out.
    pub(super) fn take(&mut self, id: u64) -> Option<T> {
        touch();
        let record = self.by_id.remove(&id)?;
        self.ways.follow(id, Some(marks(&*record)), None);
        Some(*record)
    }

    /// Changes a record; its number stays. Answers what `change` does, `None` without a record.
    pub(super) fn change<R>(&mut self, id: u64, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        touch();
        let record = self.by_id.get_mut(&id)?;
        let before = marks(&**record);
        let result = change(record);
        self.ways.follow(id, Some(before), Some(marks(&**record)));
        Some(result)
    }

    /// Changes every record, the oldest first.
    pub(super) fn change_all(&mut self, mut change: impl FnMut(&mut T)) {
        for (id, record) in &mut self.by_id {
            touch();
            let before = marks(&**record);
            change(record);
            self.ways.follow(*id, Some(before), Some(marks(&**record)));
        }
    }

    /// When the first record wants to act.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.ways.due.least()
    }

    /// The records that want to act by `now`, the longest due first.
    pub(super) fn due(&self, now: Time) -> impl Iterator<Item = u64> {
        self.ways.due.until(now)
    }
}

#[cfg(test)]
impl<T: Record> Table<T> {
    /// Whether the ways to the records are those that the records make, and no others.
    pub(super) fn is_true(&self) -> bool {
        let mut fresh = Self::default().ways;
        for (id, record) in &self.by_id {
            fresh.follow(*id, None, Some(marks(&**record)));
        }
        fresh.indexes == self.ways.indexes && fresh.due == self.ways.due
    }
}

#[cfg(test)]
thread_local! {
    static TOUCHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many records of tables were read or changed by this thread since the last time.
#[cfg(test)]
pub(super) fn touched() -> usize {
    TOUCHED.take()
}

fn touch() {
    #[cfg(test)]
    TOUCHED.set(TOUCHED.get() + 1);
}
