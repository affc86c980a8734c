//! Measures engines, so that the fastest is chosen.

use super::engine::{Direction, Engine, KeyMaterial};
use super::keys::SIZE_CLASSES;
use super::{CryptoJob, known_answer};
use crate::cpu::tsc;
use crate::esp::{CostClass, Suite};

/// Bytes of text that stand for each size class; whole blocks of every cipher.
const TEXT_LENS: [usize; SIZE_CLASSES] = [96, 256, 576, 1408];
/// Packets of one call: half a burst, so that wide engines can fill their lanes.
const BURST: usize = 16;

/// TSC cycles of one call by direction and size class: the best of a few.
///
/// The amount of work is fixed, which bounds the time: all suites together are some 60 million
/// cycles per engine.
pub(super) fn cycles<E: Engine>(
    engine: &E,
    worker: &mut E::Worker,
    suite: Suite,
) -> [[u64; SIZE_CLASSES]; 2] {
    let mut best = [[u64::MAX; SIZE_CLASSES]; 2];
    let (cipher, integrity) = known_answer::any_keys(suite);
    let prepare = |direction| {
        KeyMaterial::new(suite, &cipher, &integrity)
            .and_then(|material| engine.prepare(&material, direction))
    };
    let (Some(seal), Some(open)) = (prepare(Direction::Seal), prepare(Direction::Open)) else {
        return best;
    };
    let rounds = match suite.cost_class() {
        CostClass::Gcm | CostClass::AesCbc => 4,
        CostClass::Des | CostClass::TripleDes => 1,
    };
    for (class, text_len) in TEXT_LENS.into_iter().enumerate() {
        for _ in 0..rounds {
            let taken = round::<E>(worker, suite, [&seal, &open], text_len);
            for (row, cycles) in best.iter_mut().zip(taken) {
                row[class] = row[class].min(cycles);
            }
        }
    }
    best
}

/// Seals a burst and opens it again, so that what is opened is authentic: an engine may verify
/// first and skip the rest.
fn round<E: Engine>(
    worker: &mut E::Worker,
    suite: Suite,
    keys: [&E::Key; 2],
    text_len: usize,
) -> [u64; 2] {
    let mut packets = vec![vec![0x5a; suite.esp_head_len() + text_len]; BURST];
    let [seal, open] = keys;
    let mut jobs: Vec<CryptoJob<'_, E::Key>> = packets
        .iter_mut()
        .map(|packet| CryptoJob::new(suite, seal, packet, text_len))
        .collect();
    let start = tsc();
    E::seal(worker, &mut jobs);
    let sealed = tsc().wrapping_sub(start);
    for job in &mut jobs {
        job.key = open;
    }
    let start = tsc();
    E::open(worker, &mut jobs);
    [sealed, tsc().wrapping_sub(start)]
}

/// Cycles of one full-sized packet by direction, with the faster of two engines.
pub(super) fn packet_cycles(
    mine: &[[u64; SIZE_CLASSES]; 2],
    theirs: &[[u64; SIZE_CLASSES]; 2],
) -> [u64; 2] {
    [Direction::Seal, Direction::Open].map(|direction| {
        let [mine, theirs] = [mine, theirs].map(|by_direction| {
            let by_class = by_direction[direction as usize];
            by_class[SIZE_CLASSES - 1]
        });
        mine.min(theirs) / BURST as u64
    })
}
