//! The straight line: every step takes a burst and hands it on.
//!
//! ```text
//! receive -> parse -> open -> lookup -> establish -> rewrite -> seal -> transmit
//!              |        |        |                                |
//!          fragments' SA home   flow home                    sealing home     (named entrances)
//! ```
//!
//! A step never frees a packet, counts a drop or logs a packet: it gives a verdict, and the worker
//! disposes of verdicts in one place.

mod establish;
mod gate;
mod lookup;
mod open;
mod parse;
mod permit;
mod reply;
mod rewrite;
mod seal;
mod transmit;

pub(crate) use parse::segment;
pub(crate) use permit::Outgoing;
pub(crate) use transmit::{LastHop, OutQueues, enqueue, enqueue_frame};

use crate::burst::Burst;
use crate::worker::{Core, Step, View};

/// Where another worker, or the slowpath, lets a packet take up the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Entrance {
    /// From the wire, or a fragment at the home of its addresses.
    Parse = 0,
    /// ESP at the home of its SA.
    Open = 1,
    /// A parsed packet at the home of its flow.
    Lookup = 2,
    /// A rewritten packet at the home of its outbound SA.
    Seal = 3,
    /// An IP packet of the slowpath with an adjacency.
    Transmit = 4,
    /// A whole frame of the slowpath with a port.
    Wire = 5,
}

impl Entrance {
    /// Every entrance at which a worker hands packets over.
    pub(crate) const HANDOFF: [Self; 4] = [Self::Parse, Self::Open, Self::Lookup, Self::Seal];

    /// The entrance with this number; the slowpath's last one for what is unknown.
    pub(crate) const fn from_raw(raw: u8) -> Self {
        match raw {
            0 => Self::Parse,
            1 => Self::Open,
            2 => Self::Lookup,
            3 => Self::Seal,
            4 => Self::Transmit,
            _ => Self::Wire,
        }
    }
}

/// Takes a burst along the line from an entrance to the transmit queues.
///
/// What is left in `burst` at the end of a step goes on; what left it has a verdict, or stands in
/// a transmit queue with its permit.
pub(crate) fn run_burst(core: &mut Core, view: &View<'_>, burst: &mut Burst, entrance: Entrance) {
    let packets = burst.packets().len();
    core.timing.begin_line(packets);
    if entrance <= Entrance::Parse {
        parse::step(core, view, burst);
        core.timing.lap(Step::Parse, burst.packets().len());
    }
    if entrance <= Entrance::Open {
        open::step(core, view, burst);
        core.timing.lap(Step::Open, burst.packets().len());
    }
    if entrance <= Entrance::Lookup {
        let missing = lookup::step(core, view, burst);
        core.timing.lap(Step::Lookup, burst.packets().len());
        if missing {
            establish::step(core, view, burst);
        }
        core.timing.lap(Step::Establish, burst.packets().len());
        rewrite::step(core, view, burst);
        core.timing.lap(Step::Rewrite, burst.packets().len());
    }
    seal::step(core, view, burst);
    core.timing.lap(Step::Seal, packets);
    transmit::flush(core);
    core.timing.lap(Step::Transmit, 0);
}
