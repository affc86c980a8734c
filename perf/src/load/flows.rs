//! Which flow the next packet belongs to, and how long it is.

use crate::options::Draw;
use crate::statistics::Random;

/// Draws numbers of flows.
#[derive(Clone, Debug)]
pub(crate) struct Flows {
    random: Random,
    count: u32,
    draw: Draw,
    /// The integral of 1/x from 1 to `count` + 1, for Zipf's law.
    area: f64,
}

impl Flows {
    /// A source of numbers below `count` (at least one).
    pub(crate) fn new(count: u32, draw: Draw) -> Self {
        let count = count.clamp(1, u32::MAX - 1);
        Self {
            random: Random::new(u64::from(count)),
            count,
            draw,
            area: f64::from(count + 1).ln(),
        }
    }

    /// The next flow: random order, because a prefetcher foresees round robin.
    #[inline]
    pub(crate) fn next(&mut self) -> u32 {
        match self.draw {
            Draw::Uniform => self.random.below(u64::from(self.count)) as u32,
            // The inverse of the continuous distribution: rank = e^(u ln n).
            Draw::Zipf => {
                let rank = (self.random.unit() * self.area).exp() as u32;
                rank.saturating_sub(1).min(self.count - 1)
            }
        }
    }
}

/// Bytes of the Ethernet header and the FCS: what a frame is longer than its IP packet.
const FRAME_OVERHEAD_BYTES: usize = 18;
/// The simple Internet mix: frames of 64, 594 and 1518 bytes, 7 : 4 : 1.
const IMIX: [usize; 12] = [64, 594, 64, 594, 64, 1518, 64, 594, 64, 594, 64, 64];

/// Draws lengths of IP packets.
#[derive(Clone, Debug)]
pub(crate) struct Sizes {
    lens: Vec<usize>,
    at: usize,
}

impl Sizes {
    /// Always the same.
    pub(crate) fn fixed(ip_len: usize) -> Self {
        Self {
            lens: vec![ip_len],
            at: 0,
        }
    }

    /// The Internet mix; the largest is cut to what fits a tunnel on a path of 1500 bytes.
    pub(crate) fn imix(ip_len_max: usize) -> Self {
        let ip_len = |frame: usize| (frame - FRAME_OVERHEAD_BYTES).min(ip_len_max);
        Self {
            lens: IMIX.map(ip_len).to_vec(),
            at: 0,
        }
    }

    /// The next length.
    #[inline]
    pub(crate) fn next(&mut self) -> usize {
        self.at = (self.at + 1) % self.lens.len();
        self.lens[self.at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_draws_stay_in_range_and_reach_the_ends() {
        for draw in [Draw::Uniform, Draw::Zipf] {
            let mut flows = Flows::new(10, draw);
            let mut counts = [0_u32; 10];
            for _ in 0..20_000 {
                counts[flows.next() as usize] += 1;
            }
            assert!(counts.iter().all(|count| *count > 0), "{draw:?} {counts:?}");
        }
    }

    #[test]
    fn zipf_prefers_the_first() {
        let mut flows = Flows::new(1000, Draw::Zipf);
        let first = (0..10_000).filter(|_| flows.next() < 10).count();
        assert!((2_500..5_000).contains(&first), "{first}");
    }

    #[test]
    fn the_mix_has_its_proportions() {
        let mut sizes = Sizes::imix(1446);
        let lens: Vec<usize> = (0..12).map(|_| sizes.next()).collect();
        let count = |len| lens.iter().filter(|it| **it == len).count();
        assert_eq!((count(46), count(576), count(1446)), (7, 4, 1));
    }
}
