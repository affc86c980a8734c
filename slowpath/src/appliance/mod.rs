//! The control loop: one turn after the other on the main lcore, at most five milliseconds each.
//!
//! ```text
//! turn:  punts -> events, replies, results -> IKE -> operators -> edits -> sweeps -> the copy
//! ```
//!
//! Nothing here waits: what takes longer than a turn is a job of another thread, a request that the
//! workers answer bit by bit, or it is done in steps, whose lengths are in `limits.rs`. Time comes
//! in as an argument.

mod apply;
mod clock;
mod commands;
mod copies;
mod edits;
mod events;
mod ike;
mod jobs;
mod listing;
mod next_hops;
mod offload;
mod output;
mod publish;
mod punts;
mod reload;
mod show;
mod signals;
mod snmp;
mod start;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use config::Config;
use fastpath::control::Fastpath;
use fastpath::counters::Snapshot;
use fastpath::dpdk::Mbuf;
use fastpath::policy::Policy;
use fastpath::verdict::DropReason;

use crate::apply::{Compiler, Note};
use crate::control_socket::{ClientId, ControlSocket};
use crate::ike::{Engine, TunnelId};
use crate::limits::RESULTS_PER_TURN;
use crate::local_net::LocalNet;
use crate::neighbour::Resolver;
use crate::stats::measures::SlowpathHistogram;
use crate::syslog::format::NameTable;
use crate::syslog::{AccessLog, Logger, Message};
use crate::time::Time;
use crate::tunnel::{SpiPool, TunnelOwner};

pub use clock::Clock;
pub use jobs::read_config;
pub use offload::Offload;
pub use publish::StatsEnds;
pub use signals::{Signal, Signals};
pub use start::{BoxFacts, map_ports};

use edits::Edits;
use events::FlowDrops;
use jobs::Done;
use listing::Listings;
use next_hops::Recycling;
use output::Outputs;
use publish::Publishing;
use reload::Writes;
use snmp::Snmp;

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
    access_log: AccessLog,
    snmp: Snmp,
    offload: Offload,
    compiler: Compiler,
    /// The configuration as it stands, edits that are not compiled yet included. Jobs share it: an
    /// edit leaves theirs as it is.
    config: Arc<Config>,
    config_path: PathBuf,
    /// The policy in force.
    policy: Policy,
    net: LocalNet,
    names: NameTable,
    /// What of the configuration is left out or warned about.
    noted: usize,
    /// Notes that the log does not have yet.
    notes: VecDeque<Note>,
    edits: Edits,
    writes: Writes,
    modes: HashMap<ClientId, config::Mode>,
    outputs: Outputs,
    listings: Listings,
    publishing: Publishing,
    flow_drops: FlowDrops,
    /// Counters when `clear asp drop` was given, and when that was.
    cleared: Option<(Snapshot, String)>,
    facts: BoxFacts,
    next_second: Time,
    /// Where the round over the tunnels' peers stands.
    bind_from: Option<TunnelId>,
    identification: u16,
    recycling: Recycling,
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
        let begin_us = self.publishing.stopwatch_us();
        let mut busy = self.take_punts(now);
        busy |= self.take_events(now);
        busy |= self.take_replies(now);
        busy |= self.take_results(now);
        self.engine.settle(now, &mut SpiPool(&mut self.fastpath));
        self.run_ike(now);
        self.read_file();
        self.write_file();
        busy |= self.serve_operators(now);
        busy |= self.apply_edits(now);
        self.log_notes(now);
        self.watch_peers(now);
        self.tunnels.tick(now, &mut self.fastpath);
        let effects = self.arp.tick(&self.net, self.fastpath.neighbours(), now);
        self.arp_effects(effects, now);
        if now >= self.next_second {
            self.next_second = now.after_ms(SECOND_MS);
            self.once_per_second(now);
        }
        self.bind_peers(now);
        self.drain_tunnel_messages(now);
        self.run_snmp(now);
        self.fastpath.set_held(self.arp.held() as u64);
        self.fastpath.reclaim();
        self.publish_state(now);
        self.publishing
            .record_since(SlowpathHistogram::Turn, begin_us);
        busy
    }

    fn once_per_second(&mut self, now: Time) {
        let effects = self.arp.age(&self.net, self.fastpath.neighbours(), now);
        self.arp_effects(effects, now);
        self.recycle_next_hops(now);
        for (peer, seen) in self.tunnels.traffic(now, &self.fastpath) {
            if let Some(at) = seen.inbound {
                self.engine.inbound_seen(at, peer);
            }
        }
        self.watch_links(now);
        for message in self.logger.poll_hosts() {
            self.log(&message, now);
        }
        self.bind_from = Some(TunnelId(0));
        let Self { modes, socket, .. } = self;
        modes.retain(|&client, _| socket.session(client).is_ok());
    }

    /// What other threads have finished.
    fn take_results(&mut self, now: Time) -> bool {
        for taken in 0..RESULTS_PER_TURN {
            let Some(done) = self.offload.poll() else {
                return taken > 0;
            };
            match done {
                Done::Dh(result) => {
                    self.engine
                        .computed(now, &mut SpiPool(&mut self.fastpath), result);
                }
                Done::Planned(planned) => self.planned(planned),
                Done::Compiled(compiled) => self.compiled(*compiled, now),
                Done::Printed { client, answer } => self.printed(client, answer, now),
                Done::Written { client, outcome } => self.written(client, &outcome, now),
                Done::Read(read) => self.file_read(read, now),
            }
        }
        true
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
