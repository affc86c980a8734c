//! A wire with faults: frames between two devices, delayed, lost, doubled, out of order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::error::{Doing, Result};
use super::namespace::Namespace;
use super::packet_socket::PacketSocket;
use super::process::Process;
use super::run::beside;

/// Frames in flight at most; more are lost, as in a full queue.
const IN_FLIGHT_MAX: usize = 16_384;
/// Jumbo frames fit.
const FRAME_BYTES: usize = 9_216;

/// How often the wire tells of its delays.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The faults of a wire; shares are of 1000 frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impairment {
    /// One-way delay in microseconds.
    pub delay_us: u32,
    /// Frames lost.
    pub loss_per_mille: u32,
    /// Frames sent twice.
    pub duplicate_per_mille: u32,
    /// Frames held back by one more delay (at least 1 ms), so that later ones pass them.
    pub reorder_per_mille: u32,
    /// Start of the pseudo-random choice; the same start gives the same choices.
    pub seed: u64,
}

/// Starts `lab-tool wire` between two devices of `space` and waits until it forwards.
pub fn start_wire(
    space: &Namespace,
    devices: [&str; 2],
    impairment: Impairment,
    log: &Path,
) -> Result<Process> {
    let mut command = space.command(&beside("lab-tool")?.to_string_lossy());
    command.arg("wire").args(devices);
    for (option, value) in [
        ("--delay-us", u64::from(impairment.delay_us)),
        ("--loss-per-mille", impairment.loss_per_mille.into()),
        (
            "--duplicate-per-mille",
            impairment.duplicate_per_mille.into(),
        ),
        ("--reorder-per-mille", impairment.reorder_per_mille.into()),
        ("--seed", impairment.seed),
    ] {
        command.args([option, &value.to_string()]);
    }
    let mut process = Process::start("the wire", command, log)?;
    process.wait_output("ready", Duration::from_secs(10))?;
    Ok(process)
}

/// Pseudo-random numbers (SplitMix64): enough for faults and file contents, good for no key.
#[derive(Clone, Debug)]
pub struct SplitMix(pub u64);

impl SplitMix {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn chance(&mut self, per_mille: u32) -> bool {
        self.draw() % 1000 < u64::from(per_mille)
    }
}

/// When copies of one frame leave, after its arrival.
fn departures(impairment: &Impairment, choice: &mut SplitMix) -> impl Iterator<Item = Duration> {
    let delay = Duration::from_micros(impairment.delay_us.into());
    let lost = choice.chance(impairment.loss_per_mille);
    let twice = choice.chance(impairment.duplicate_per_mille);
    let late = choice.chance(impairment.reorder_per_mille);
    let first = if late {
        delay * 2 + Duration::from_millis(1)
    } else {
        delay
    };
    let copies = if lost { 0 } else { 1 + usize::from(twice) };
    std::iter::repeat_n(first, copies)
}

/// A frame in flight; ordered by departure, then arrival.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct InFlight {
    departure: Instant,
    order: u64,
    arrival: Instant,
    to: usize,
    frame: Vec<u8>,
}

/// What the wire has carried since it last told of it.
#[derive(Default)]
struct Carried {
    frames: u32,
    no_room: u32,
    delay: Duration,
    longest: Duration,
    told: Option<Instant>,
}

impl Carried {
    fn note(&mut self, delay: Duration) {
        self.frames += 1;
        self.delay += delay;
        self.longest = self.longest.max(delay);
    }

    /// Once per second in which frames were carried: their delays as they were.
    fn tell(&mut self, now: Instant) {
        let told = *self.told.get_or_insert(now);
        if self.frames == 0 || now.duration_since(told) < TELL_EVERY {
            return;
        }
        println!(
            "carried {} delay_us mean {} most {} no room {}",
            self.frames,
            (self.delay / self.frames).as_micros(),
            self.longest.as_micros(),
            self.no_room
        );
        *self = Self {
            told: Some(now),
            ..Self::default()
        };
    }
}

/// Forwards between two devices of the caller's namespace until the process ends.
pub fn forward(devices: [&str; 2], impairment: &Impairment) -> Result<()> {
    let ends = [
        PacketSocket::open(devices[0])?,
        PacketSocket::open(devices[1])?,
    ];
    let mut choice = SplitMix(impairment.seed);
    let mut in_flight = BinaryHeap::new();
    let mut order = 0;
    let mut carried = Carried::default();
    let mut buffer = vec![0; FRAME_BYTES];
    println!("ready");
    loop {
        wait(
            &ends,
            in_flight
                .peek()
                .map(|Reverse(next): &Reverse<InFlight>| next.departure),
        )?;
        for (from, end) in ends.iter().enumerate() {
            while let Some(received) = end.receive(&mut buffer)? {
                if received.outgoing {
                    continue;
                }
                let arrival = Instant::now();
                for delay in departures(impairment, &mut choice) {
                    if in_flight.len() >= IN_FLIGHT_MAX {
                        carried.no_room += 1;
                    } else {
                        order += 1;
                        in_flight.push(Reverse(InFlight {
                            departure: arrival + delay,
                            arrival,
                            order,
                            to: 1 - from,
                            frame: buffer[..received.len_bytes].to_vec(),
                        }));
                    }
                }
            }
        }
        let now = Instant::now();
        while in_flight
            .peek()
            .is_some_and(|Reverse(next)| next.departure <= now)
        {
            if let Some(Reverse(next)) = in_flight.pop() {
                ends[next.to].send(&next.frame)?;
                carried.note(next.arrival.elapsed());
            }
        }
        carried.tell(now);
    }
}

/// Sleeps until a frame arrives or `departure`.
fn wait(ends: &[PacketSocket; 2], departure: Option<Instant>) -> Result<()> {
    use std::os::fd::AsFd;
    let mut watched = [0, 1].map(|end| PollFd::new(ends[end].as_fd(), PollFlags::POLLIN));
    let left = departure.map(|at| at.saturating_duration_since(Instant::now()));
    match ppoll(&mut watched, left.map(TimeSpec::from_duration), None) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(error).doing("poll the wire"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First outputs of the published SplitMix64 reference for the seed 1234567.
    #[test]
    fn the_generator_gives_the_published_sequence() {
        let mut choice = SplitMix(1234567);
        assert_eq!(choice.draw(), 6457827717110365317);
        assert_eq!(choice.draw(), 3203168211198807973);
    }

    #[test]
    fn faults_come_in_their_shares() {
        let faults = Impairment {
            delay_us: 5_000,
            loss_per_mille: 100,
            ..Impairment::default()
        };
        let mut choice = SplitMix(1);
        let kept: usize = (0..10_000)
            .map(|_| departures(&faults, &mut choice).count())
            .sum();
        assert!((8_800..9_200).contains(&kept), "{kept}");
        let doubled = Impairment {
            duplicate_per_mille: 1000,
            ..Impairment::default()
        };
        assert_eq!(departures(&doubled, &mut choice).count(), 2);
        let late = Impairment {
            delay_us: 5_000,
            reorder_per_mille: 1000,
            ..Impairment::default()
        };
        let first = departures(&late, &mut choice).next();
        assert_eq!(first, Some(Duration::from_millis(11)));
    }
}
