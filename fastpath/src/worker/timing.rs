//! How long packets take: measured on a few bursts, so that measuring costs the others nothing.
//!
//! One of so many bursts is sampled, by chance, so that no rhythm of the traffic hides from it. In
//! a sampled burst every step reads the TSC; in every other one a step tests a flag.

use crate::cpu;
use crate::crypto::{Direction, SIZE_CLASSES, size_class};
use crate::histogram::Recorder;
use crate::histogram_table;

/// One of how many bursts is sampled unless the operator says otherwise: a sampled burst costs
/// some 600 cycles more, which makes five per burst.
pub const SAMPLE_BURSTS_DEFAULT: u32 = 128;

histogram_table! {
    /// The histograms of a worker.
    pub enum WorkerHistogram {
        Line, "line_ns", Nanoseconds,
            "Time of a packet in the line: from the receive call, or the take-up, to the transmit queue.";
        Burst, "burst_packets", Packets,
            "Packets that a receive call gave, empty calls left out.";
        Parse, "parse_cycles", Cycles, "Cycles per packet in parse.";
        Open, "open_cycles", Cycles, "Cycles per packet in open, packets in clear included.";
        Lookup, "lookup_cycles", Cycles, "Cycles per packet in lookup.";
        Establish, "establish_cycles", Cycles, "Cycles per packet in establish.";
        Rewrite, "rewrite_cycles", Cycles, "Cycles per packet in rewrite, with the gate; queueing of clear packets included.";
        Seal, "seal_cycles", Cycles, "Cycles per packet in seal, by packets that reached it.";
        Transmit, "transmit_cycles", Cycles, "Cycles per packet that entered the line in transmit.";
        HandoffWait, "handoff_wait_ns", Nanoseconds,
            "Time of a packet between two workers: from the turn that handed it over to its take-up.";
        EspOpenTiny, "esp_open_tiny_cycles", Cycles, "Cycles per packet in the cryptography of open, up to 128 bytes.";
        EspOpenSmall, "esp_open_small_cycles", Cycles, "The same, 129 to 320 bytes.";
        EspOpenMedium, "esp_open_medium_cycles", Cycles, "The same, 321 to 768 bytes.";
        EspOpenLarge, "esp_open_large_cycles", Cycles, "The same, more than 768 bytes.";
        EspOpenMixed, "esp_open_mixed_cycles", Cycles, "The same, bursts with packets of several classes.";
        EspSealTiny, "esp_seal_tiny_cycles", Cycles, "Cycles per packet in the cryptography of seal, up to 128 bytes.";
        EspSealSmall, "esp_seal_small_cycles", Cycles, "The same, 129 to 320 bytes.";
        EspSealMedium, "esp_seal_medium_cycles", Cycles, "The same, 321 to 768 bytes.";
        EspSealLarge, "esp_seal_large_cycles", Cycles, "The same, more than 768 bytes.";
        EspSealMixed, "esp_seal_mixed_cycles", Cycles, "The same, bursts with packets of several classes.";
    }
}

histogram_table! {
    /// The histograms of a worker's preserved flows, which are recorded beside the stopwatch.
    pub enum ResumeHistogram {
        FlowResume, "flow_resume_us", Microseconds,
            "Time from the order to release a preserved flow's packets to the acknowledgement that came back.";
    }
}

/// Histograms of one direction of ESP: one per size class, and one for bursts of several classes.
const ESP_HISTOGRAMS: usize = SIZE_CLASSES + 1;

/// Where in the table each step of the line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Header offsets and flow key.
    Parse = WorkerHistogram::Parse as isize,
    /// ESP in.
    Open = WorkerHistogram::Open as isize,
    /// Connection and gate.
    Lookup = WorkerHistogram::Lookup as isize,
    /// First packets.
    Establish = WorkerHistogram::Establish as isize,
    /// Addresses, ports, TCP state.
    Rewrite = WorkerHistogram::Rewrite as isize,
    /// ESP out.
    Seal = WorkerHistogram::Seal as isize,
    /// Transmit queues.
    Transmit = WorkerHistogram::Transmit as isize,
}

/// The stopwatch of a worker.
#[derive(Debug)]
pub struct Timing {
    recorder: Recorder,
    /// The burst at hand is measured.
    sampling: bool,
    /// Bursts until the next one that is.
    until_next: u32,
    every: u32,
    random: u32,
    /// When the burst at hand was taken.
    begin_tsc: u64,
    /// When the last step ended.
    lap_tsc: u64,
    /// Packets that the step at hand began with.
    lap_packets: usize,
    /// Nanoseconds per cycle, 32 bits of fraction.
    ns_per_cycle: u64,
}

impl Timing {
    /// A stopwatch that measures the first burst and then one of `every`, none at all with zero.
    /// `seed` is any number.
    pub fn new(recorder: Recorder, every: u32, tsc_hz: u64, seed: u32) -> Self {
        Self {
            recorder,
            sampling: false,
            until_next: 1,
            every,
            random: seed | 1,
            begin_tsc: 0,
            lap_tsc: 0,
            lap_packets: 0,
            ns_per_cycle: ns_per_cycle(tsc_hz),
        }
    }

    /// A burst was taken. Whether it is measured.
    #[inline]
    pub fn begin_burst(&mut self) -> bool {
        self.until_next = self.until_next.wrapping_sub(1);
        if self.until_next == 0 && self.every > 0 {
            self.begin_sample();
        }
        self.sampling
    }

    #[cold]
    #[inline(never)]
    fn begin_sample(&mut self) {
        // xorshift32 (Marsaglia 2003): the distance is uniform around `every`.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.until_next = (self.every / 2 + self.random % self.every.max(1)).max(1);
        self.sampling = true;
        self.begin_tsc = cpu::tsc();
    }

    /// Counts what a receive call gave, in a measured burst.
    #[inline]
    pub fn received(&mut self, packets: usize) {
        if self.sampling {
            self.count(WorkerHistogram::Burst as usize, packets as u64, 1);
        }
    }

    /// Counts how long a packet of a measured burst has waited since `then_tsc`.
    #[inline]
    pub fn waited(&mut self, then_tsc: u64) {
        if self.sampling {
            let wait = self.begin_tsc.saturating_sub(then_tsc);
            let wait_ns = self.nanoseconds(wait);
            self.count(WorkerHistogram::HandoffWait as usize, wait_ns, 1);
        }
    }

    /// The line begins with `packets`.
    #[inline]
    pub fn begin_line(&mut self, packets: usize) {
        if self.sampling {
            self.lap_tsc = cpu::tsc();
            self.lap_packets = packets;
        }
    }

    /// A step has ended; `left` packets go on to the next one.
    #[inline]
    pub fn lap(&mut self, step: Step, left: usize) {
        if self.sampling {
            self.end_lap(step, left);
        }
    }

    #[cold]
    #[inline(never)]
    fn end_lap(&mut self, step: Step, left: usize) {
        let now = cpu::tsc();
        let packets = self.lap_packets as u64;
        if let Some(each) = now.saturating_sub(self.lap_tsc).checked_div(packets) {
            self.count(step as usize, each, packets);
        }
        self.lap_packets = left;
        self.lap_tsc = now;
    }

    /// When the cryptography of a measured burst begins.
    #[inline]
    pub fn begin_esp(&self) -> Option<u64> {
        self.sampling.then(cpu::tsc)
    }

    /// The cryptography of packets with these lengths in bytes has ended.
    #[inline]
    pub fn end_esp(
        &mut self,
        direction: Direction,
        begin_tsc: Option<u64>,
        lens: impl Iterator<Item = usize>,
    ) {
        if let Some(begin) = begin_tsc {
            let cycles = cpu::tsc().saturating_sub(begin);
            self.count_esp(direction, cycles, lens);
        }
    }

    fn count_esp(&mut self, direction: Direction, cycles: u64, lens: impl Iterator<Item = usize>) {
        let (mut packets, mut classes) = (0, 0_u32);
        for len in lens {
            packets += 1;
            classes |= 1 << size_class(len);
        }
        let class = match classes.count_ones() {
            1 => classes.trailing_zeros() as usize,
            _ => ESP_HISTOGRAMS - 1,
        };
        let first = match direction {
            Direction::Open => WorkerHistogram::EspOpenTiny,
            Direction::Seal => WorkerHistogram::EspSealTiny,
        };
        if let Some(each) = cycles.checked_div(packets) {
            self.count(first as usize + class, each, packets);
        }
    }

    /// What was taken has left: `packets` of it.
    #[inline]
    pub fn end_burst(&mut self, packets: usize) {
        if self.sampling {
            self.end_sample(packets);
        }
    }

    #[cold]
    #[inline(never)]
    fn end_sample(&mut self, packets: usize) {
        let took = cpu::tsc().saturating_sub(self.begin_tsc);
        let took_ns = self.nanoseconds(took);
        self.count(WorkerHistogram::Line as usize, took_ns, packets as u64);
        self.sampling = false;
    }

    /// Once per loop: lets the reader have what was counted.
    #[inline]
    pub fn turn(&mut self) {
        self.recorder.turn();
    }

    fn count(&mut self, histogram: usize, value: u64, count: u64) {
        self.recorder.record_many(histogram, value, count);
    }

    fn nanoseconds(&self, cycles: u64) -> u64 {
        nanoseconds(cycles, self.ns_per_cycle)
    }
}

/// Nanoseconds per cycle with 32 bits of fraction; zero for a TSC whose rate is not known.
pub(crate) fn ns_per_cycle(tsc_hz: u64) -> u64 {
    let fraction = (1_000_000_000_u128 << 32).checked_div(u128::from(tsc_hz));
    fraction.unwrap_or(0) as u64
}

/// Cycles in nanoseconds.
#[inline]
pub(crate) fn nanoseconds(cycles: u64, ns_per_cycle: u64) -> u64 {
    ((u128::from(cycles) * u128::from(ns_per_cycle)) >> 32) as u64
}

const _: () = assert!(
    WorkerHistogram::EspOpenMixed as usize
        == WorkerHistogram::EspOpenTiny as usize + ESP_HISTOGRAMS - 1
        && WorkerHistogram::EspSealMixed as usize
            == WorkerHistogram::EspSealTiny as usize + ESP_HISTOGRAMS - 1,
    "the histograms of the size classes follow each other"
);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::histogram::{Counts, Reader, histograms};

    const HZ: u64 = 2_000_000_000;

    fn timing(every: u32) -> (Timing, Reader) {
        let (recorder, reader) = histograms(WorkerHistogram::SPECS.len());
        (Timing::new(recorder, every, HZ, 7), reader)
    }

    fn counts(timing: Timing, mut reader: Reader) -> Vec<Counts> {
        drop(timing);
        let mut counts: Vec<Counts> = WorkerHistogram::SPECS
            .iter()
            .map(|_| Counts::default())
            .collect();
        reader.collect(&mut counts);
        counts
    }

    #[test]
    fn cycles_become_nanoseconds() {
        assert_eq!(nanoseconds(2_000_000_000, ns_per_cycle(HZ)), 1_000_000_000);
        assert_eq!(nanoseconds(3, ns_per_cycle(HZ)), 1);
        assert_eq!(nanoseconds(u64::from(u32::MAX), ns_per_cycle(0)), 0);
    }

    #[test]
    fn one_of_so_many_bursts_is_measured_and_the_first_one_is() {
        let (mut timing, _reader) = timing(16);
        assert!(timing.begin_burst());
        timing.end_burst(1);
        let measured = (0..16_000).filter(|_| {
            let measured = timing.begin_burst();
            timing.end_burst(1);
            measured
        });
        let measured = measured.count();
        assert!((900..1100).contains(&measured), "{measured}");
        let (mut never, _reader) = self::timing(0);
        assert!((0..1000).all(|_| !never.begin_burst()));
    }

    #[test]
    fn a_measured_burst_counts_its_packets_in_every_step() {
        let (mut timing, reader) = timing(1_000_000);
        assert!(timing.begin_burst());
        timing.received(32);
        timing.begin_line(32);
        timing.lap(Step::Parse, 30);
        timing.lap(Step::Open, 0);
        timing.lap(Step::Lookup, 0);
        timing.waited(u64::MAX);
        timing.end_burst(32);
        assert!(!timing.begin_burst());
        timing.received(32);
        timing.begin_line(32);
        timing.lap(Step::Parse, 32);
        timing.end_burst(32);
        let counts = counts(timing, reader);
        let total = |histogram: WorkerHistogram| counts[histogram as usize].total();
        assert_eq!(total(WorkerHistogram::Burst), 1);
        assert_eq!(total(WorkerHistogram::Parse), 32);
        assert_eq!(total(WorkerHistogram::Open), 30);
        assert_eq!(total(WorkerHistogram::Lookup), 0);
        assert_eq!(total(WorkerHistogram::Line), 32);
        // A clock of another core that is ahead makes no time before time.
        let waits: Vec<_> = counts[WorkerHistogram::HandoffWait as usize]
            .iter()
            .collect();
        assert_eq!(waits, [(0, 0, 1)]);
    }

    #[test]
    fn cryptography_is_counted_by_the_size_of_its_packets() {
        let (mut timing, reader) = timing(1);
        timing.begin_burst();
        timing.count_esp(Direction::Open, 1000, [64, 128].into_iter());
        timing.count_esp(Direction::Seal, 900, [1400].into_iter());
        timing.count_esp(Direction::Seal, 800, [64, 1400].into_iter());
        timing.count_esp(Direction::Seal, 800, std::iter::empty());
        let counts = counts(timing, reader);
        let seen = |histogram: WorkerHistogram| {
            let counts = &counts[histogram as usize];
            (counts.value_at_percentile(100.0), counts.total())
        };
        assert_eq!(seen(WorkerHistogram::EspOpenTiny), (Some(501), 2));
        assert_eq!(seen(WorkerHistogram::EspSealLarge), (Some(903), 1));
        assert_eq!(seen(WorkerHistogram::EspSealMixed), (Some(401), 2));
        let counted: u64 = counts.iter().map(Counts::total).sum();
        assert_eq!(counted, 5);
    }
}
