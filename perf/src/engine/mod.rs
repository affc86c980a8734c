//! The engines of the closed loop, one file each.

mod bounce;
mod conn_table;
mod esp;
mod firewall;
mod gateway;
pub(crate) mod gcm;
mod ike;
mod rcu;
mod recording;
mod scaling;

use clap::ValueEnum;
use fastpath::dpdk::Eal;

use crate::options::Run;
use crate::report::Figure;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// ESP tunnel mode over slices, sealing: one SA.
    EspSeal,
    /// ESP tunnel mode over slices, opening.
    EspOpen,
    /// AES-GCM of every crypto engine side by side: bursts of 32; sizes are bytes of text.
    Gcm,
    /// Connection table: look-up, insertion, ageing, against rte_hash.
    ConnTable,
    /// The product's line with tunnels.
    Gateway,
    /// The product's line in clear: UDP flows, then TCP connections with PAT.
    Firewall,
    /// The quiescent report against rte_rcu_qsbr, then SA swaps under load.
    Rcu,
    /// Bounces of a tunnel with many preserved TCP flows: what is held, released, left alone.
    Bounce,
    /// What a worker's histograms cost per burst.
    Recording,
    /// IKE negotiations and rekeys: sizes are MODP groups.
    Ike,
}

impl Kind {
    /// What is measured when nothing is named.
    pub(crate) const DEFAULT: [Self; 1] = [Self::Gateway];

    /// Measures. An engine that builds a box ends the EAL with it.
    pub(crate) fn measure(self, eal: Eal, run: &Run) -> Result<Vec<Figure>, String> {
        match self {
            Self::EspSeal => esp::seal(run),
            Self::EspOpen => esp::open(run),
            Self::ConnTable => conn_table::run(run),
            Self::Gateway => gateway::run(eal, run),
            Self::Firewall => firewall::run(eal, run),
            Self::Gcm => gcm::run(run),
            Self::Rcu => rcu::run(eal, run),
            Self::Bounce => bounce::run(eal, run),
            Self::Recording => recording::run(run),
            Self::Ike => ike::run(run),
        }
    }
}
