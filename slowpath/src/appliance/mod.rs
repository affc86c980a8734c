//! The box: one control loop around IKE, tunnels, packets for the box itself, the command line.
//!
//! A turn looks at everything once and never waits: the workers' rings, the sockets, IKE's timers,
//! the results of the helper threads.

mod clock;
mod compute;
mod configure;
mod console;
mod listing;
mod packets;
mod vpn;

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::Config;
use fastpath::control::Fastpath;
use fastpath::dpdk::Mbuf;
use fastpath::worker::event::{Event, TeardownReason};
use fastpath::worker::request::Reply;

pub use clock::Clock;
pub use compute::Compute;

use crate::apply::Compiler;
use crate::control_socket::ControlSocket;
use crate::ike::{Engine, Entropy};
use crate::local_net::LocalNet;
use crate::neighbour::Resolver;
use crate::syslog::format::{self, NameTable};
use crate::syslog::{Logger, Message};
use crate::time::Time;
use crate::tunnel::TunnelOwner;

/// Event records of each worker per turn.
const EVENTS_PER_TURN: usize = 256;
/// Punted packets of each worker per turn.
const PUNTS_PER_TURN: usize = 64;
/// Answers of each worker per turn.
const REPLIES_PER_TURN: usize = 512;
/// Milliseconds between two looks at what changes slowly.
const SLOW_TICK_MS: u64 = 1_000;

/// The box.
pub struct Appliance {
    fastpath: Fastpath,
    engine: Engine,
    tunnels: TunnelOwner<Fastpath>,
    compiler: Compiler,
    config: Config,
    config_path: PathBuf,
    generation: u16,
    net: LocalNet,
    names: NameTable,
    resolver: Resolver<Mbuf>,
    logger: Logger,
    socket: ControlSocket,
    compute: Compute,
    clock: Clock,
    listings: BTreeMap<u32, listing::Listing>,
    teardowns: Vec<(TeardownReason, u64)>,
    drops_cleared: Vec<u64>,
    identification: u16,
    slow_tick: Time,
    policy_pending: bool,
    routes: std::sync::Arc<fastpath::policy::RouteTable>,
}

/// What the box is made of.
pub struct Parts {
    /// The running fastpath.
    pub fastpath: Fastpath,
    /// The configuration.
    pub config: Config,
    /// Where `write memory` puts it.
    pub config_path: PathBuf,
    /// Log sinks.
    pub logger: Logger,
    /// Control socket.
    pub socket: ControlSocket,
    /// Public-key thread.
    pub compute: Compute,
    /// Clocks.
    pub clock: Clock,
    /// Randomness for IKE.
    pub entropy: Box<dyn Entropy + Send>,
}

impl Appliance {
    /// A box with its configuration in force.
    pub fn new(parts: Parts) -> Self {
        let mut appliance = Self {
            fastpath: parts.fastpath,
            engine: Engine::new(crate::ike::IkeConfig::default(), parts.entropy),
            tunnels: TunnelOwner::default(),
            compiler: Compiler::default(),
            config: Config::default(),
            config_path: parts.config_path,
            generation: 0,
            net: LocalNet::default(),
            names: NameTable::default(),
            resolver: Resolver::default(),
            logger: parts.logger,
            socket: parts.socket,
            compute: parts.compute,
            clock: parts.clock,
            listings: BTreeMap::new(),
            teardowns: Vec::new(),
            drops_cleared: Vec::new(),
            identification: 1,
            slow_tick: Time(0),
            policy_pending: false,
            routes: std::sync::Arc::default(),
        };
        let now = appliance.clock.now();
        appliance.put_in_force(parts.config, now);
        appliance.log(&format::startup());
        appliance
    }

    /// Runs until `stops` says so, then deletes the tunnels at the peers.
    pub fn run(mut self, mut stops: impl FnMut(&mut Self) -> bool) {
        while !stops(&mut self) {
            let now = self.clock.now();
            if !self.turn(now) {
                self.clock.rest();
            }
        }
        self.shut_down();
    }

    /// One turn of the control loop; whether there was anything to do.
    pub fn turn(&mut self, now: Time) -> bool {
        let mut busy = self.events();
        busy |= self.punts(now);
        busy |= self.vpn(now);
        busy |= self.replies(now);
        busy |= self.requests(now);
        if now >= self.slow_tick {
            self.slow_tick = now.after_ms(SLOW_TICK_MS);
            self.each_second(now);
        }
        self.fastpath.reclaim();
        busy
    }

    /// Reads the configuration file again (SIGHUP).
    pub fn reload(&mut self) {
        let Ok(text) = std::fs::read_to_string(&self.config_path) else { return };
        let (config, _) = config::parse(&text);
        let now = self.clock.now();
        self.put_in_force(config, now);
    }

    fn log(&mut self, message: &Message) {
        let (now, unix_ms) = (self.clock.now(), self.clock.unix_ms());
        self.logger.log(message, now, unix_ms);
    }

    fn events(&mut self) -> bool {
        let mut events: Vec<Event> = Vec::new();
        self.fastpath.events(EVENTS_PER_TURN, |_, event| events.push(event));
        for event in &events {
            self.event(event);
        }
        !events.is_empty()
    }

    fn event(&mut self, event: &Event) {
        match *event {
            Event::RekeyWanted { slot, spi, hard } => self.tunnels.rekey_wanted(slot, spi, hard),
            Event::ConnTeardown { reason, .. } => count(&mut self.teardowns, reason),
            _ => {}
        }
        if let Some(message) = format::event(event, &self.names) {
            self.log(&message);
        }
    }

    fn replies(&mut self, now: Time) -> bool {
        let mut replies: Vec<Reply> = Vec::new();
        self.fastpath.replies(REPLIES_PER_TURN, |reply| replies.push(reply));
        for reply in &replies {
            self.answer(reply, now);
        }
        let sent = self.continue_listings(now);
        sent || !replies.is_empty()
    }

    fn each_second(&mut self, now: Time) {
        let traffic = self.tunnels.traffic(&self.fastpath);
        for (peer, seen) in traffic {
            if seen.inbound {
                self.engine.inbound_seen(now, peer);
            }
        }
        let effects = self.resolver.tick(&self.net, self.fastpath.neighbours(), now);
        self.take_effects(effects);
        let effects = self.resolver.age(&self.net, self.fastpath.neighbours(), now);
        self.take_effects(effects);
        self.bind_peers(now);
        if self.policy_pending {
            self.publish(now);
        }
    }

    /// Deletes at the peers, gives the messages time to leave, stops the workers.
    fn shut_down(mut self) {
        let now = self.clock.now();
        let mut spis = crate::tunnel::SpiPool(&mut self.fastpath);
        self.engine.shutdown(now, &mut spis);
        self.vpn(now);
        let end = self.clock.now().after_ms(LEAVE_MS);
        while self.clock.now() < end {
            let now = self.clock.now();
            self.turn(now);
            self.clock.rest();
        }
        self.log(&format::shutdown("", "signal"));
        self.logger.finish();
        self.fastpath.stop();
    }
}

/// How long the deletes may take to leave, of the two seconds that a stop may take.
const LEAVE_MS: u64 = 200;

fn count(teardowns: &mut Vec<(TeardownReason, u64)>, reason: TeardownReason) {
    match teardowns.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, count)) => *count += 1,
        None => teardowns.push((reason, 1)),
    }
}
