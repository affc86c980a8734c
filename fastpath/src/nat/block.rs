//! Which worker owns which port of the mapped addresses.

use core::num::NonZeroU8;

use crate::limits::WORKERS_MAX;
use crate::wire::udp::port;

/// Neighbouring ports with one owner.
pub const BLOCK_PORTS: u16 = 64;
/// The first port that is given out: those below are well-known and never taken by translation.
pub const PORT_FIRST: u16 = 1024;
/// Ports at or above [`PORT_FIRST`] at which the box itself listens: IKE behind NAT (RFC 3947).
/// IKE's own port 500 lies below.
const LISTENED: [u16; 1] = [port::NAT_TRAVERSAL];

const _: () = assert!(
    PORT_FIRST.is_multiple_of(BLOCK_PORTS),
    "the first block is whole"
);
const _: () = assert!(
    (65_536 - PORT_FIRST as usize) / BLOCK_PORTS as usize / WORKERS_MAX >= 8,
    "even with every worker each has enough ports to choose from at random"
);

/// The blocks of every mapped address, dealt to the workers in turn. Fixed while the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortBlocks {
    workers: NonZeroU8,
}

impl PortBlocks {
    /// Blocks for this many workers, from 1 to [`WORKERS_MAX`].
    pub const fn new(workers: usize) -> Option<Self> {
        if workers > WORKERS_MAX {
            return None;
        }
        match NonZeroU8::new(workers as u8) {
            Some(workers) => Some(Self { workers }),
            None => None,
        }
    }

    /// The worker that gives out `port`; for a port that nobody gives out, some worker.
    #[inline]
    pub const fn owner_of(self, port: u16) -> u8 {
        ((port / BLOCK_PORTS) % self.workers.get() as u16) as u8
    }

    /// Whether `port` is given out at all.
    pub const fn is_given_out(port: u16) -> bool {
        port >= PORT_FIRST && port != LISTENED[0]
    }

    /// The ports that `worker` gives out, in order.
    pub fn ports_of(self, worker: u8) -> impl Iterator<Item = u16> {
        (PORT_FIRST..=u16::MAX)
            .filter(move |port| Self::is_given_out(*port) && self.owner_of(*port) == worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_has_one_owner_and_shares_are_even() {
        for workers in [1usize, 2, 3, 7, WORKERS_MAX] {
            let blocks = PortBlocks::new(workers).unwrap();
            let shares: Vec<usize> = (0..workers)
                .map(|worker| blocks.ports_of(worker as u8).count())
                .collect();
            assert_eq!(shares.iter().sum::<usize>(), 65_536 - 1024 - 1);
            let spread = shares.iter().max().unwrap() - shares.iter().min().unwrap();
            assert!(
                spread <= usize::from(BLOCK_PORTS) + 1,
                "{workers}: {shares:?}"
            );
        }
    }

    #[test]
    fn ports_of_the_box_are_nobodys() {
        let blocks = PortBlocks::new(1).unwrap();
        assert!(blocks.ports_of(0).all(|port| port != 4500 && port >= 1024));
        assert!(!PortBlocks::is_given_out(500));
    }

    #[test]
    fn the_number_of_workers_is_bounded() {
        assert_eq!(PortBlocks::new(0), None);
        assert_eq!(PortBlocks::new(WORKERS_MAX + 1), None);
    }
}
