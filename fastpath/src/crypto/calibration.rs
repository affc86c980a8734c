//! Measures engines, so that the fastest is chosen.

use std::fmt;

use super::engine::{Direction, Engine, KeyMaterial};
use super::keys::SIZE_CLASSES;
use super::{CryptoJob, known_answer};
use crate::cpu::tsc;
use crate::esp::Suite;

/// Bytes of text that stand for each size class; whole blocks of every cipher.
const TEXT_LENS: [usize; SIZE_CLASSES] = [96, 256, 576, 1408];
/// Packets of one call: half a burst, so that wide engines can fill their lanes.
const BURST: usize = 16;

/// Bytes in front of each packet: mbuf and headers.
const HEADROOM: usize = 162;

/// TSC cycles of one call by direction and size class.
pub(super) type Cycles = [[u64; SIZE_CLASSES]; 2];

/// Measures an engine: the best of a few calls each; `u64::MAX` if it does not have the suite.
///
/// The amount of work is fixed, which bounds the time: all suites together are some 60 million
/// cycles per engine. DES is measured with the shortest text, which stands for every size class
/// ([`Suite::is_des`]).
pub(super) fn cycles<E: Engine>(engine: &E, mut worker: E::Worker, suite: Suite) -> Cycles {
    let mut best = [[u64::MAX; SIZE_CLASSES]; 2];
    let (rounds, measured) = if suite.is_des() {
        (1, 1)
    } else {
        (4, SIZE_CLASSES)
    };
    for (class, text_len) in TEXT_LENS.into_iter().take(measured).enumerate() {
        let Some(mut burst) = Burst::new(engine, worker, suite, &[text_len; BURST], 1) else {
            break;
        };
        for _ in 0..rounds {
            for (row, cycles) in best.iter_mut().zip(burst.round()) {
                row[class] = row[class].min(cycles);
            }
        }
        worker = burst.worker;
    }
    if suite.is_des() {
        for row in &mut best {
            *row = [row[0]; SIZE_CLASSES];
        }
    }
    best
}

/// A burst of packets that one engine seals and opens again, over and over.
pub struct Trial(Box<dyn Round>);

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trial(*)")
    }
}

impl Trial {
    /// A burst with a packet per length of text, which take turns with `sas` SAs; `None` if the
    /// engine does not have the suite.
    pub(super) fn new<E>(
        engine: &E,
        worker: E::Worker,
        suite: Suite,
        text_lens: &[usize],
        sas: usize,
    ) -> Option<Self>
    where
        E: Engine + 'static,
        E::Key: 'static,
        E::Worker: 'static,
    {
        let burst = Burst::<E>::new(engine, worker, suite, text_lens, sas)?;
        Some(Self(Box::new(burst)))
    }

    /// Seals the burst in one call and opens it in another; TSC cycles of each.
    pub fn round(&mut self) -> [u64; 2] {
        self.0.round()
    }
}

trait Round {
    fn round(&mut self) -> [u64; 2];
}

/// Packets of an engine's call.
struct Burst<E: Engine> {
    worker: E::Worker,
    suite: Suite,
    /// By SA, for sealing and for opening.
    keys: Vec<[Box<E::Key>; 2]>,
    packets: Vec<Vec<u8>>,
}

impl<E: Engine> Burst<E> {
    fn new(
        engine: &E,
        worker: E::Worker,
        suite: Suite,
        text_lens: &[usize],
        sas: usize,
    ) -> Option<Self> {
        let (mut cipher, integrity) = known_answer::any_keys(suite);
        let mut keys = Vec::with_capacity(sas);
        for sa in 0..sas {
            cipher[0] = sa as u8;
            let material = KeyMaterial::new(suite, &cipher, &integrity)?;
            keys.push([
                engine.prepare(&material, Direction::Seal)?,
                engine.prepare(&material, Direction::Open)?,
            ]);
        }
        // Apart and aligned as packets in a pool are: neighbours in one cache line would cost.
        let beside = HEADROOM + suite.esp_head_len() + suite.icv_len();
        let packet = |len: &usize| vec![0x5a; beside + len];
        Some(Self {
            worker,
            suite,
            keys,
            packets: text_lens.iter().map(packet).collect(),
        })
    }
}

impl<E: Engine> Round for Burst<E> {
    /// Opens what it has sealed, so that it is authentic: an engine may verify first and skip the
    /// rest.
    fn round(&mut self) -> [u64; 2] {
        let suite = self.suite;
        let mut jobs: Vec<CryptoJob<'_, E::Key>> = self
            .packets
            .iter_mut()
            .zip(self.keys.iter().cycle())
            .filter_map(|(packet, [seal, _])| {
                CryptoJob::new(suite, &**seal, packet.get_mut(HEADROOM..)?)
            })
            .collect();
        let start = tsc();
        E::seal(&mut self.worker, &mut jobs);
        let sealed = tsc().wrapping_sub(start);
        for (job, [_, open]) in jobs.iter_mut().zip(self.keys.iter().cycle()) {
            job.key = open;
        }
        let start = tsc();
        E::open(&mut self.worker, &mut jobs);
        [sealed, tsc().wrapping_sub(start)]
    }
}
