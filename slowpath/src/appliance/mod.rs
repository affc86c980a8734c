//! The control loop: one turn after the other on the main lcore, at most five milliseconds each.
//!
//! ```text
//! turn:  punts -> events, replies -> IKE -> operators -> edits -> sweeps
//! ```
//!
//! Nothing here waits: what takes longer than a turn is a job of a helper thread or a request that
//! the workers answer bit by bit. Time comes in as an argument.

mod apply;
mod clock;
mod commands;
mod events;
mod helper;
mod ike;
mod listing;
mod output;
mod punts;
mod reload;
mod show;
mod signals;
mod start;

use std::collections::HashMap;
use std::path::PathBuf;

use config::Config;
use fastpath::control::Fastpath;
use fastpath::counters::Snapshot;
use fastpath::dpdk::Mbuf;
use fastpath::policy::Policy;
use fastpath::verdict::DropReason;

use crate::apply::{Compiler, Note};
use crate::control_socket::{ClientId, ControlSocket};
use crate::ike::{Engine, TunnelId};
use crate::local_net::LocalNet;
use crate::neighbour::Resolver;
use crate::syslog::format::NameTable;
use crate::syslog::{Logger, Message};
use crate::time::Time;
use crate::tunnel::{SpiPool, TunnelOwner};

pub use clock::Clock;
pub use helper::Helpers;
pub use reload::read_config;
pub use signals::{Signal, Signals};
pub use start::{BoxFacts, map_ports};

use events::FlowDrops;
use helper::Done;
use listing::Listings;
use output::Outputs;

/// Packets that one turn takes from each worker.
const PUNTS_PER_TURN: usize = 64;
/// Events that one turn takes from each worker.
const EVENTS_PER_TURN: usize = 512;
/// Actions of IKE that one turn carries out.
const ACTIONS_PER_TURN: usize = 256;
/// Time for which edits are gathered before they are compiled.
const EDIT_QUIET_MS: u64 = 20;
/// Time after which gathered edits are compiled although more come.
const EDIT_WAIT_MAX_MS: u64 = 200;
/// Time between two rounds of what needs no more than one per second.
const SECOND_MS: u64 = 1_000;

/// The box.
pub struct Appliance {
    fastpath: Fastpath,
    engine: Engine,
    tunnels: TunnelOwner<Fastpath>,
    arp: Resolver<Mbuf>,
    socket: ControlSocket,
    logger: Logger,
    helpers: Helpers,
    compiler: Compiler,
    /// The configuration as it stands, edits that are not compiled yet included.
    config: Config,
    config_path: PathBuf,
    /// The policy in force.
    policy: Policy,
    net: LocalNet,
    names: NameTable,
    notes: Vec<Note>,
    /// First and last edit that is not compiled yet.
    edited: Option<(Time, Time)>,
    modes: HashMap<ClientId, config::Mode>,
    outputs: Outputs,
    listings: Listings,
    flow_drops: FlowDrops,
    /// Counters when `clear asp drop` was given, and when that was.
    cleared: Option<(Snapshot, String)>,
    facts: BoxFacts,
    next_second: Time,
    /// Where the round over the tunnels' peers stands.
    bind_from: Option<TunnelId>,
    identification: u16,
    wall_ms: u64,
}

impl std::fmt::Debug for Appliance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appliance").finish_non_exhaustive()
    }
}

impl Appliance {
    /// One turn at `now`; `wall_ms` is the wall clock in milliseconds since 1970. Whether there
    /// was anything to do.
    pub fn turn(&mut self, now: Time, wall_ms: u64) -> bool {
        self.wall_ms = wall_ms;
        let mut busy = self.take_punts(now);
        busy |= self.take_events(now);
        busy |= self.take_replies(now);
        busy |= self.take_results(now);
        self.run_ike(now);
        busy |= self.serve_operators(now);
        self.apply_edits(now);
        self.tunnels.tick(now, &mut self.fastpath);
        let effects = self.arp.tick(&self.net, self.fastpath.neighbours(), now);
        self.arp_effects(effects, now);
        if now >= self.next_second {
            self.next_second = now.after_ms(SECOND_MS);
            self.once_per_second(now);
        }
        self.bind_peers(now);
        self.drain_tunnel_messages(now);
        self.fastpath.set_held(self.arp.held() as u64);
        self.fastpath.reclaim();
        busy
    }

    fn once_per_second(&mut self, now: Time) {
        let effects = self.arp.age(&self.net, self.fastpath.neighbours(), now);
        self.arp_effects(effects, now);
        for (peer, seen) in self.tunnels.traffic(&self.fastpath) {
            if seen.inbound {
                self.engine.inbound_seen(now, peer);
            }
        }
        self.bind_from = Some(TunnelId(0));
        let Self { modes, socket, .. } = self;
        modes.retain(|&client, _| socket.session(client).is_ok());
    }

    /// What the helper threads have finished.
    fn take_results(&mut self, now: Time) -> bool {
        let mut busy = false;
        while let Some(done) = self.helpers.poll() {
            busy = true;
            match done {
                Done::Dh(result) => {
                    self.engine
                        .computed(now, &mut SpiPool(&mut self.fastpath), result);
                }
                Done::Written { client, outcome } => self.written(client, &outcome, now),
            }
        }
        busy
    }

    fn log(&mut self, message: &Message, now: Time) {
        self.logger.log(message, now, self.wall_ms);
    }

    fn drain_tunnel_messages(&mut self, now: Time) {
        while let Some(message) = self.tunnels.poll_message() {
            self.log(&message, now);
        }
    }

    /// Takes the tunnels down with the peers: their DELETEs are sent by the turns that follow.
    pub fn begin_shutdown(&mut self, now: Time) {
        self.engine.shutdown(now, &mut SpiPool(&mut self.fastpath));
        self.run_ike(now);
        self.drain_tunnel_messages(now);
        let stamp = crate::stats::view::duration::CivilTime::from_unix_ms(self.wall_ms);
        let message = crate::syslog::format::shutdown(&stamp.log_stamp(), "system");
        self.log(&message, now);
    }

    /// Stops the workers and ends the log.
    pub fn finish(self) {
        let Self {
            mut fastpath,
            logger,
            socket,
            mut arp,
            ..
        } = self;
        for packet in arp.drain() {
            fastpath.consume(packet, DropReason::Shutdown);
        }
        fastpath.stop();
        drop(socket);
        logger.finish();
    }
}
