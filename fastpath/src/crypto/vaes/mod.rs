//! AES-GCM in the shape of ESP, for CPUs with AES and carry-less multiplication on wide vectors.
//!
//! What follows is said of vectors of 512 bits; those of 256 are in [`narrow`].
//!
//! A packet is a row of vectors of four blocks ([`text`]): what GHASH takes in (AAD, ciphertext,
//! lengths) and what counter mode encrypts lie lane above lane. Short packets go four at a time
//! ([`short`]), so that one packet's latency hides behind the work on the others; long packets go
//! one by one ([`long`]). Opening decrypts and authenticates in one pass and wipes what was not
//! authentic.

#![expect(
    unsafe_code,
    reason = "vector loads and stores, and instructions that not every CPU has"
)]

mod columns;
mod key;
mod long;
mod narrow;
mod short;
mod tag;
mod text;
mod vector;

use super::{CryptoJob, Direction, Engine, KeyMaterial};
use crate::esp::Suite;
use crate::limits::BURST_MAX;
use columns::COLUMNS_MAX;
use long::BYTE_COUNTERS_MAX;
use text::row_len;
use vector::{BLOCK, LANES};

pub(crate) use key::Key;

const _: () = assert!(
    super::job::TEXT_LEN_MAX <= 1 << 20,
    "a text has few enough blocks for every counter here"
);

/// This CPU has the instructions: values exist only where it was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vaes(Width);

/// How wide the vectors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// 512 bits.
    Wide,
    /// 256 bits.
    Narrow,
}

impl Vaes {
    /// The engine on the widest vectors; `None` if the CPU lacks an instruction.
    pub(super) fn new() -> Option<Self> {
        Self::of(Width::Wide).or_else(|| Self::of(Width::Narrow))
    }

    /// The engine on all vectors that the CPU has, the widest first.
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Width::Wide, Width::Narrow]
            .into_iter()
            .filter_map(Self::of)
    }

    fn of(width: Width) -> Option<Self> {
        let narrow = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("vpclmulqdq")
            && is_x86_feature_detected!("bmi2");
        let wide = narrow
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        let found = match width {
            Width::Wide => wide,
            Width::Narrow => narrow,
        };
        found.then_some(Self(width))
    }
}

impl Engine for Vaes {
    type Key = Key;
    type Worker = Self;

    fn has(suite: Suite) -> bool {
        suite.is_gcm()
    }

    fn prepare(&self, material: &KeyMaterial<'_>, _: Direction) -> Option<Box<Key>> {
        if !Self::has(material.suite()) {
            return None;
        }
        // SAFETY: `self` exists, so the CPU has the features (`of`).
        unsafe { Key::expand(material.cipher()) }
    }

    fn seal(worker: &mut Self, jobs: &mut [CryptoJob<'_, Key>]) {
        // SAFETY: the worker exists, so the CPU has the features (`of`).
        unsafe {
            match worker.0 {
                Width::Wide => run::<true>(jobs),
                Width::Narrow => narrow::run::<true>(jobs),
            }
        }
    }

    fn open(worker: &mut Self, jobs: &mut [CryptoJob<'_, Key>]) {
        // SAFETY: the worker exists, so the CPU has the features (`of`).
        unsafe {
            match worker.0 {
                Width::Wide => run::<false>(jobs),
                Width::Narrow => narrow::run::<false>(jobs),
            }
        }
        for job in jobs.iter_mut().filter(|job| !job.done) {
            job.text().fill(0);
        }
    }
}

/// Packets of a burst that wait for others with rows as long and keys with as many rounds.
#[derive(Clone, Copy)]
struct Queue {
    /// Length of the rows and rounds of the keys.
    kind: u64,
    /// A byte per packet, the latest one lowest, and a one in front of all of them.
    waiting: u64,
}

/// A queue in which nobody waits.
const EMPTY: Queue = Queue {
    kind: 0,
    waiting: 1,
};
/// Bit that is set when four packets wait.
const FULL: u64 = 1 << 32;
/// Queues: packets whose kinds agree modulo this share one, and one of them waits in vain.
const QUEUES: usize = 16;

const _: () = assert!(
    BURST_MAX <= 1 << 8 && BURST_MAX.is_power_of_two(),
    "a queue has a byte per packet"
);

/// Seals or opens every job of which the ICV is a block.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn run<const SEAL: bool>(jobs: &mut [CryptoJob<'_, Key>]) {
    for burst in jobs.chunks_mut(BURST_MAX) {
        let mut queues = [EMPTY; QUEUES];
        let mut at = 0;
        while at < burst.len() {
            let next = burst.get_mut(at..).and_then(<[_]>::first_chunk_mut);
            if let Some(next) = next
                && let Some(row_len) = common_row(next)
            {
                // SAFETY: so `common_row` says.
                unsafe { four::<SEAL>(next.each_mut(), row_len) };
                at += LANES;
            } else {
                enqueue::<SEAL>(burst, at, &mut queues);
                at += 1;
            }
        }
        for queue in &queues {
            finish::<SEAL>(burst, *queue);
        }
    }
}

/// Length of the rows of four packets that follow each other, if they may be worked off together
/// at once: their ICVs are blocks, rows and keys are alike, and the rows not too long.
#[inline]
fn common_row(jobs: &[CryptoJob<'_, Key>; LANES]) -> Option<usize> {
    let [first, others @ ..] = jobs;
    let row = row_len(first.text_len());
    let is_alike = |job: &CryptoJob<'_, Key>| {
        row_len(job.text_len()) == row
            && job.icv_len() == BLOCK
            && (std::ptr::eq(job.key, first.key) || job.key.rounds == first.key.rounds)
    };
    let alike = row <= COLUMNS_MAX && first.icv_len() == BLOCK && others.iter().all(is_alike);
    alike.then_some(row)
}

/// Puts a job in a queue; a full one is worked off.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn enqueue<const SEAL: bool>(
    burst: &mut [CryptoJob<'_, Key>],
    at: usize,
    queues: &mut [Queue; QUEUES],
) {
    let Some(job) = burst.get_mut(at) else { return };
    job.done = false;
    if job.icv_len() != BLOCK {
        return;
    }
    let row_len = row_len(job.text_len());
    if row_len > COLUMNS_MAX {
        return long::<SEAL>(job);
    }
    let kind = row_len as u64 * 4 + u64::from(job.key.rounds) / 2;
    let queue = &mut queues[kind as usize % QUEUES];
    if queue.kind != kind {
        finish::<SEAL>(burst, *queue);
        *queue = Queue { kind, ..EMPTY };
    }
    queue.waiting = queue.waiting << 8 | at as u64;
    if queue.waiting >= FULL {
        let waiting = queue.waiting;
        queue.waiting = EMPTY.waiting;
        let places = [24, 16, 8, 0].map(|bit| (waiting >> bit) as usize % BURST_MAX);
        if let Ok(jobs) = burst.get_disjoint_mut(places) {
            // SAFETY: a job is queued if its ICV is a block, by the length of its row.
            unsafe { four::<SEAL>(jobs, row_len) };
        }
    }
}

/// Works off a queue that has not become full.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn finish<const SEAL: bool>(burst: &mut [CryptoJob<'_, Key>], queue: Queue) {
    let mut waiting = queue.waiting;
    while waiting > EMPTY.waiting {
        if let Some(job) = burst.get_mut(waiting as usize % BURST_MAX) {
            let row_len = row_len(job.text_len());
            // SAFETY: a job is queued if its ICV is a block.
            unsafe { one::<SEAL>(job, row_len) };
        }
        waiting >>= 8;
    }
}

/// Seals or opens a job whose row is longer than four vectors and whose ICV is a block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn long<const SEAL: bool>(job: &mut CryptoJob<'_, Key>) {
    if job.text_len() <= BYTE_COUNTERS_MAX {
        long::one::<SEAL, false>(job);
    } else {
        long::one::<SEAL, true>(job);
    }
}

/// # Safety
///
/// The jobs' ICVs are blocks, and their rows have this length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
unsafe fn four<const SEAL: bool>(mut jobs: [&mut CryptoJob<'_, Key>; LANES], row_len: usize) {
    for job in &mut jobs {
        job.done = false;
    }
    let same = jobs.iter().all(|job| std::ptr::eq(job.key, jobs[0].key));
    let lengths = |job: &CryptoJob<'_, Key>| (job.text_len(), job.aad_len());
    let are_even =
        |jobs: &[&mut CryptoJob<'_, Key>]| jobs.iter().all(|job| lengths(job) == lengths(jobs[0]));
    // SAFETY: the caller's promise.
    unsafe {
        match (row_len, same) {
            (1, true) => short::four::<1, SEAL, true>(jobs),
            (1, false) => short::four::<1, SEAL, false>(jobs),
            (2, true) => short::four::<2, SEAL, true>(jobs),
            (2, false) => short::four::<2, SEAL, false>(jobs),
            (3, true) => short::four::<3, SEAL, true>(jobs),
            (3, false) => short::four::<3, SEAL, false>(jobs),
            (4, true) => short::four::<4, SEAL, true>(jobs),
            (4, false) => short::four::<4, SEAL, false>(jobs),
            (_, true) if are_even(&jobs) => columns::four::<SEAL, true>(jobs, row_len),
            (_, true) => columns::four::<SEAL, false>(jobs, row_len),
            (_, false) => jobs.into_iter().for_each(|job| long::<SEAL>(job)),
        }
    }
}

/// # Safety
///
/// The job's ICV is a block, and its row has this length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
unsafe fn one<const SEAL: bool>(job: &mut CryptoJob<'_, Key>, row_len: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match row_len {
            1 => short::one::<1, SEAL>(job),
            2 => short::one::<2, SEAL>(job),
            3 => short::one::<3, SEAL>(job),
            4 => short::one::<4, SEAL>(job),
            _ => long::<SEAL>(job),
        }
    }
}

#[cfg(test)]
mod tests;
