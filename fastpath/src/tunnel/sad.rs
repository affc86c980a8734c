//! The inbound half of the SAD: from an SPI to the SA in one permutation and one array access.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::spi::{GENERATION_MAX, SpiParts, SpiPermutation};
use crate::cpu;
use crate::limits::{INBOUND_SAS_MAX, WORKERS_MAX};
use crate::rcu::{Domain, Publisher, QsReader, RcuCell};

/// An inbound SA knows its SPI, host byte order.
pub trait HasSpi {
    /// The SPI under which it was installed.
    fn spi(&self) -> u32;
}

/// SPI of an entry without an SA; no peer may send it (RFC 4303 section 2.1).
const NO_SPI: u32 = 0;

#[repr(align(32))]
struct Entry<In: Send + Sync + 'static> {
    /// What the cell holds, or [`NO_SPI`]: a packet with an unknown SPI touches no SA.
    spi: AtomicU32,
    sa: RcuCell<In>,
}

const _: () = assert!(
    size_of::<Entry<u64>>() == 32,
    "two entries are one cache line"
);

/// All inbound SAs by SPI.
pub struct Sad<In: HasSpi + Send + Sync + 'static> {
    permutation: SpiPermutation,
    entries: Box<[Entry<In>]>,
}

impl<In: HasSpi + Send + Sync> fmt::Debug for Sad<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sad").finish_non_exhaustive()
    }
}

/// Where the SA of an SPI stands if there is one: what [`Sad::locate`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    spi: u32,
    home: u8,
    index: u16,
}

/// No entry has it.
const NOWHERE: u16 = u16::MAX;
const _: () = assert!(INBOUND_SAS_MAX <= NOWHERE as usize);

impl Located {
    /// The SPI.
    #[inline]
    pub const fn spi(self) -> u32 {
        self.spi
    }
}

/// What [`Sad::find`] says of an SPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'r, In> {
    /// The SA, at its home.
    Here(&'r In),
    /// Another worker has it.
    Elsewhere(u8),
    /// There is no such SA.
    Nobody,
}

impl<In: HasSpi + Send + Sync> Sad<In> {
    /// An empty table for [`INBOUND_SAS_MAX`] SAs, and its owner. `key` is fresh and secret: who
    /// has it can guess SPIs.
    pub fn new(domain: &Domain, key: [u8; 16]) -> (Arc<Self>, SadOwner<In>) {
        let permutation = SpiPermutation::new(key);
        let generations = (0..INBOUND_SAS_MAX)
            .map(|index| permutation.first_generation(index as u16))
            .collect();
        let entry = |_| Entry {
            spi: AtomicU32::new(NO_SPI),
            sa: RcuCell::new(domain),
        };
        let sad = Arc::new(Self {
            permutation,
            entries: (0..INBOUND_SAS_MAX).map(entry).collect(),
        });
        let owner = SadOwner {
            sad: sad.clone(),
            generations,
            places: vec![Place::Free; INBOUND_SAS_MAX].into(),
            free: (0..INBOUND_SAS_MAX as u16).collect(),
        };
        (sad, owner)
    }

    /// Takes an SPI apart: some twenty cycles, for a batch that looks it up soon.
    #[inline]
    pub fn locate(&self, spi: u32) -> Located {
        let parts = self.permutation.open(spi);
        Located {
            spi,
            home: parts.map_or(0, |parts| parts.home),
            index: parts.map_or(NOWHERE, |parts| parts.index),
        }
    }

    /// Who opens packets with this SPI, and the SA if that is `worker`. For anybody else it touches
    /// the table but not the SA, whose lines belong to its home.
    #[inline]
    pub fn find<'r>(&'r self, at: Located, worker: u8, reader: &'r QsReader) -> Found<'r, In> {
        match self.installed(at) {
            None => Found::Nobody,
            Some(_) if at.home != worker => Found::Elsewhere(at.home),
            Some(entry) => {
                // It may have changed hands since its SPI was compared: the SA itself decides.
                let sa = entry.sa.load(reader).filter(|sa| sa.spi() == at.spi);
                sa.map_or(Found::Nobody, Found::Here)
            }
        }
    }

    /// Asks for the entry's line, for a batch that looks it up soon.
    #[inline]
    pub fn prefetch(&self, at: Located) {
        if let Some(entry) = self.entry(at) {
            cpu::prefetch(entry);
        }
    }

    #[inline]
    fn entry(&self, at: Located) -> Option<&Entry<In>> {
        self.entries.get(usize::from(at.index))
    }

    #[inline]
    fn installed(&self, at: Located) -> Option<&Entry<In>> {
        self.entry(at)
            .filter(|entry| entry.spi.load(Ordering::Acquire) == at.spi)
    }
}

/// Why an SA could not be installed; it is handed back.
pub enum InstallError<In> {
    /// Its SPI is not reserved, or has an SA already.
    NotReserved(Box<In>),
    /// Too many retired SAs wait for readers: poll the publisher and try again.
    LimboFull(Box<In>),
}

impl<In> InstallError<In> {
    /// The SA that was not installed.
    pub fn into_sa(self) -> Box<In> {
        match self {
            Self::NotReserved(sa) | Self::LimboFull(sa) => sa,
        }
    }
}

impl<In> fmt::Debug for InstallError<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReserved(_) => "NotReserved",
            Self::LimboFull(_) => "LimboFull",
        })
    }
}

impl<In> fmt::Display for InstallError<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReserved(_) => "the SPI is not reserved",
            Self::LimboFull(_) => "too many retired SAs wait for a worker that does not pass",
        })
    }
}

impl<In> std::error::Error for InstallError<In> {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    Reserved(u32),
    Installed(u32),
}

/// The only one who chooses SPIs, installs and removes SAs.
pub struct SadOwner<In: HasSpi + Send + Sync + 'static> {
    sad: Arc<Sad<In>>,
    /// Of the next SPI of each place.
    generations: Box<[u16]>,
    places: Box<[Place]>,
    /// First in, first out, so that an SPI's place rests as long as possible.
    free: VecDeque<u16>,
}

impl<In: HasSpi + Send + Sync> fmt::Debug for SadOwner<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SadOwner")
            .field("free", &self.free.len())
            .finish_non_exhaustive()
    }
}

impl<In: HasSpi + Send + Sync> SadOwner<In> {
    /// A fresh SPI whose packets worker `home` will open. `None` when all places are in use, or
    /// when no such worker can be.
    pub fn reserve(&mut self, home: u8) -> Option<u32> {
        if usize::from(home) >= WORKERS_MAX {
            return None;
        }
        let index = self.free.pop_front()?;
        let generation = &mut self.generations[usize::from(index)];
        let spi = self.sad.permutation.seal(SpiParts {
            index,
            home,
            generation: *generation,
        });
        *generation = *generation % GENERATION_MAX + 1;
        self.places[usize::from(index)] = Place::Reserved(spi);
        Some(spi)
    }

    /// Gives back an SPI that was reserved and never installed; `false` for any other.
    pub fn release(&mut self, spi: u32) -> bool {
        self.vacate(spi, Place::Reserved(spi))
    }

    /// Makes a reserved SPI's SA visible to its home.
    pub fn install(
        &mut self,
        publisher: &mut Publisher,
        sa: Box<In>,
    ) -> Result<(), InstallError<In>> {
        let spi = sa.spi();
        let Some(place) = self
            .place(spi)
            .filter(|place| **place == Place::Reserved(spi))
        else {
            return Err(InstallError::NotReserved(sa));
        };
        *place = Place::Installed(spi);
        let Some(entry) = self.sad.entry(self.sad.locate(spi)) else {
            return Err(InstallError::NotReserved(sa));
        };
        if let Err(full) = publisher.publish(&entry.sa, sa) {
            if let Some(place) = self.place(spi) {
                *place = Place::Reserved(spi);
            }
            return Err(InstallError::LimboFull(full.0));
        }
        entry.spi.store(spi, Ordering::Release);
        Ok(())
    }

    /// Takes an SA away and gives its SPI back; `false` when no SA has it.
    pub fn remove(&mut self, publisher: &mut Publisher, spi: u32) -> bool {
        if !self.vacate(spi, Place::Installed(spi)) {
            return false;
        }
        if let Some(entry) = self.sad.entry(self.sad.locate(spi)) {
            entry.spi.store(NO_SPI, Ordering::Release);
            publisher.remove(&entry.sa);
        }
        true
    }

    /// The SA with this SPI, for `show`.
    pub fn get<'p>(&'p self, publisher: &'p Publisher, spi: u32) -> Option<&'p In> {
        let entry = self.sad.installed(self.sad.locate(spi))?;
        publisher.peek(&entry.sa)
    }

    /// SPIs that can be reserved.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    fn place(&mut self, spi: u32) -> Option<&mut Place> {
        let parts = self.sad.permutation.open(spi)?;
        self.places.get_mut(usize::from(parts.index))
    }

    fn vacate(&mut self, spi: u32, expected: Place) -> bool {
        let Some(parts) = self.sad.permutation.open(spi) else {
            return false;
        };
        match self.places.get_mut(usize::from(parts.index)) {
            Some(place) if *place == expected => *place = Place::Free,
            _ => return false,
        }
        self.free.push_back(parts.index);
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;
    use crate::limits::RETIRED_MAX;

    struct Sa {
        spi: u32,
        tag: u32,
    }

    impl HasSpi for Sa {
        fn spi(&self) -> u32 {
            self.spi
        }
    }

    const KEY: [u8; 16] = *b"a key for tests.";

    fn boxed(spi: u32, tag: u32) -> Box<Sa> {
        Box::new(Sa { spi, tag })
    }

    /// Who opens packets with this SPI.
    fn home(sad: &Sad<Sa>, spi: u32, reader: &QsReader) -> Option<u8> {
        match sad.find(sad.locate(spi), u8::MAX, reader) {
            Found::Elsewhere(home) => Some(home),
            Found::Here(_) => panic!("no worker has this number"),
            Found::Nobody => None,
        }
    }

    /// What its home finds of it.
    fn tag_of(sad: &Sad<Sa>, spi: u32, reader: &QsReader) -> Option<u32> {
        match sad.find(sad.locate(spi), home(sad, spi, reader)?, reader) {
            Found::Here(sa) => Some(sa.tag),
            Found::Elsewhere(_) | Found::Nobody => None,
        }
    }

    #[test]
    fn an_sa_is_found_by_its_spi_from_install_to_remove() {
        let (domain, mut publisher) = Domain::new(1);
        let (sad, mut owner) = Sad::new(&domain, KEY);
        let reader = domain.reader(0).unwrap();
        let spi = owner.reserve(63).unwrap();
        assert_eq!(home(&sad, spi, &reader), None);
        owner.install(&mut publisher, boxed(spi, 7)).unwrap();
        assert_eq!(home(&sad, spi, &reader), Some(63));
        assert_eq!(tag_of(&sad, spi, &reader), Some(7));
        assert_eq!(owner.get(&publisher, spi).unwrap().tag, 7);
        assert!(!owner.release(spi));
        for other in [0, 1, 255, spi ^ 1, spi.wrapping_add(1 << 20)] {
            assert_eq!(home(&sad, other, &reader), None);
        }
        assert!(owner.remove(&mut publisher, spi));
        assert!(!owner.remove(&mut publisher, spi));
        assert_eq!(home(&sad, spi, &reader), None);
    }

    #[test]
    fn only_reserved_spis_are_installed() {
        let (domain, mut publisher) = Domain::new(1);
        let (_sad, mut owner) = Sad::new(&domain, KEY);
        assert!(owner.reserve(64).is_none());
        let spi = owner.reserve(0).unwrap();
        for wrong in [0, 255, spi ^ 0x8000] {
            let refused = owner.install(&mut publisher, boxed(wrong, 0)).unwrap_err();
            assert_eq!(refused.into_sa().spi, wrong);
        }
        owner.install(&mut publisher, boxed(spi, 0)).unwrap();
        let twice = owner.install(&mut publisher, boxed(spi, 1)).unwrap_err();
        assert!(matches!(twice, InstallError::NotReserved(sa) if sa.tag == 1));
        let other = owner.reserve(0).unwrap();
        assert!(owner.release(other));
        assert!(!owner.release(other));
        assert!(owner.install(&mut publisher, boxed(other, 0)).is_err());
        assert_eq!(owner.free(), INBOUND_SAS_MAX - 1);
    }

    #[test]
    fn a_stuck_worker_leaves_the_spi_reserved() {
        let (domain, mut publisher) = Domain::new(1);
        let (_sad, mut owner) = Sad::new(&domain, KEY);
        let mut reader = domain.reader(0).unwrap();
        for _ in 0..RETIRED_MAX {
            let spi = owner.reserve(0).unwrap();
            owner.install(&mut publisher, boxed(spi, 0)).unwrap();
            assert!(owner.remove(&mut publisher, spi));
        }
        let spi = owner.reserve(0).unwrap();
        let refused = owner.install(&mut publisher, boxed(spi, 9)).unwrap_err();
        assert!(matches!(refused, InstallError::LimboFull(_)));
        reader.quiescent();
        owner.install(&mut publisher, refused.into_sa()).unwrap();
    }

    #[test]
    fn all_places_are_used_and_none_soon_again() {
        let (domain, mut publisher) = Domain::new(1);
        let (sad, mut owner) = Sad::new(&domain, KEY);
        let mut reader = domain.reader(0).unwrap();
        let mut spis = HashSet::new();
        for round in 0..3 {
            let mut reserved = Vec::new();
            while let Some(spi) = owner.reserve(round) {
                assert!(spis.insert(spi), "used twice");
                reserved.push(spi);
            }
            assert_eq!(reserved.len(), INBOUND_SAS_MAX);
            for spi in reserved {
                owner.install(&mut publisher, boxed(spi, 0)).unwrap();
                assert_eq!(home(&sad, spi, &reader), Some(round));
                assert!(owner.remove(&mut publisher, spi));
                reader.quiescent();
                publisher.poll();
            }
        }
    }

    proptest! {
        #[test]
        fn behaves_as_a_map(key: [u8; 16], steps in prop::collection::vec(0_u8..4, 0..200)) {
            let (domain, mut publisher) = Domain::new(1);
            let (sad, mut owner) = Sad::new(&domain, key);
            let mut reader = domain.reader(0).unwrap();
            let mut reserved = Vec::new();
            let mut installed = HashMap::new();
            for (tag, step) in (0_u32..).zip(steps) {
                match step {
                    0 => reserved.push(owner.reserve((tag % 64) as u8).unwrap()),
                    1 => if let Some(spi) = reserved.pop() {
                        owner.install(&mut publisher, boxed(spi, tag)).unwrap();
                        installed.insert(spi, tag);
                    },
                    2 => if let Some(spi) = reserved.pop() {
                        prop_assert!(owner.release(spi));
                    },
                    _ => if let Some(spi) = installed.keys().next().copied() {
                        installed.remove(&spi);
                        prop_assert!(owner.remove(&mut publisher, spi));
                    },
                }
                for spi in &reserved {
                    prop_assert!(tag_of(&sad, *spi, &reader).is_none());
                }
                for (spi, tag) in &installed {
                    prop_assert_eq!(tag_of(&sad, *spi, &reader), Some(*tag));
                }
                reader.quiescent();
                publisher.poll();
            }
            prop_assert_eq!(owner.free(), INBOUND_SAS_MAX - reserved.len() - installed.len());
        }
    }
}
