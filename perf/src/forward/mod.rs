//! Forwarding on ports of the EAL: threads on the worker lcores, the main lcore commands them.

mod arp;
mod generator;
mod meter;
mod modes;
mod prompt;
mod search;
mod statistics;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fastpath::control::Fastpath;
use fastpath::counters::Snapshot;
use fastpath::dpdk::{Eal, Lcore, Pool, PortSettings, Ports, StartedPort, tsc_hz};

use hdrhistogram::Histogram;

use crate::clock::lost_ns;
use crate::eal;
use crate::load::flows::{Flows, Sizes};
use crate::options::{Mode, Run};
use crate::report::Figure;
use crate::rig::{Blueprint, plan, set_up, settings};
use crate::signals::Signals;
use generator::{FRAME_LEN_MIN, Generator, Recipe};
use meter::{Counters, Latencies, Orders};
use modes::{Leg, Legs};
use statistics::{Totals, summary};

/// Buffers: descriptors of all queues, and bursts under way.
const BUFFERS: u32 = 32_767;
const CACHE: u32 = 256;
const ROOM_BYTES: u16 = 2048;
const MTU: u16 = 1500;
/// Pause of the main thread between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Pause of a thread that does not forward.
const IDLE: Duration = Duration::from_micros(200);
/// Longest wait for links.
const LINK_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for a generator's first packets to come back.
const RETURN_WAIT: Duration = Duration::from_secs(20);
/// Time for a changed rate to take hold.
const WARM_UP: Duration = Duration::from_millis(200);
/// Packets of a port that wait at the most when a trial ends.
const SETTLE: Duration = Duration::from_millis(100);
const ETHERNET_LEN: usize = 14;
/// Counters of one thread at one port.
type PortCounters = (u16, Arc<Counters>);

/// Threads that forward, seen from the main lcore.
#[derive(Debug)]
pub(crate) struct Session {
    eal: Eal,
    lcores: Vec<Lcore>,
    ports: Vec<u16>,
    orders: Arc<Orders>,
    latencies: Arc<Latencies>,
    counters: Vec<PortCounters>,
    /// What was counted when counting last began anew.
    base: Totals,
    begun: Instant,
    /// What had been lost to others by then.
    lost_ns: f64,
}

/// Runs what the options ask for; figures for `--json` and reports.
pub(crate) fn run(arguments: &[String], run: &Run, mode: Mode) -> Result<Vec<Figure>, String> {
    let signals = Signals::watch()?;
    let eal = eal::start(arguments, 0)?;
    if matches!(mode, Mode::Gateway | Mode::Firewall) {
        return product(eal, run, mode, &signals);
    }
    let mut session = Session::start(eal, run, mode)?;
    let figures = if let Some(kind) = run.search {
        search::run(&mut session, run, kind, &signals)
    } else if run.interactive || run.cmdline_file.is_some() {
        prompt::run(&mut session, run, &signals)?
    } else {
        session.await_links(&signals);
        session.forward(true);
        if mode == Mode::Flowgen {
            session.await_return(&signals);
        }
        session.watch(run, &signals);
        session.figures(mode)
    };
    let latencies = session.stop();
    if let Some(path) = &run.histogram {
        crate::report::histogram::save(path, &latencies)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(figures)
}

impl Session {
    fn start(eal: Eal, run: &Run, mode: Mode) -> Result<Self, String> {
        let lcores = eal.workers();
        if lcores.is_empty() {
            return Err("there is no worker lcore: name at least two with -l".to_owned());
        }
        let ports: Vec<u16> = Ports::available()
            .into_iter()
            .map(|(port, _)| port)
            .collect();
        if ports.is_empty() {
            return Err("the EAL has no port: name devices with -a or --vdev".to_owned());
        }
        let pool = Pool::create("hf_perf", BUFFERS, CACHE, ROOM_BYTES)
            .map_err(|error| error.to_string())?;
        let (orders, latencies) = (Arc::new(Orders::default()), Arc::new(Latencies::new()));
        orders
            .rate
            .store(run.rate / lcores.len() as u64, Ordering::Relaxed);
        let (threads, counters) = deal(&ports, lcores.len(), pool)?;
        for (lcore, mut legs) in lcores.iter().zip(threads) {
            let mut generator = Generator::new(Recipe {
                peer: run.eth_peer.unwrap_or(plan::FAR_MAC),
                flows: Flows::new(run.flows, run.draw),
                sizes: sizes(run),
                clear: run.tunnels == 0,
                orders: Arc::clone(&orders),
                latencies: Arc::clone(&latencies),
                tsc_hz: tsc_hz(),
            });
            let orders = Arc::clone(&orders);
            eal.launch(*lcore, move || {
                while !orders.stop.load(Ordering::Acquire) {
                    let forwards = orders.forward.load(Ordering::Relaxed);
                    if forwards || orders.connected.load(Ordering::Relaxed) {
                        legs.round(mode, &mut generator, forwards);
                    }
                    if !forwards {
                        // The CPU may be needed by what is still to be connected.
                        std::thread::sleep(IDLE);
                    }
                }
                generator.merge();
            })
            .map_err(|error| error.to_string())?;
        }
        Ok(Self {
            eal,
            lcores,
            ports,
            orders,
            latencies,
            counters,
            base: Totals::default(),
            begun: Instant::now(),
            lost_ns: 0.0,
        })
    }

    /// Waits until every port has its link, as software ports have once the other side is there.
    fn await_links(&self, signals: &Signals) {
        await_links(&self.ports, signals);
        self.orders.connected.store(true, Ordering::Release);
    }

    /// Waits until packets come back: a box may have its links long before it forwards. Then
    /// counts anew.
    fn await_return(&mut self, signals: &Signals) {
        let begin = Instant::now();
        eprintln!("holdfast-perf: counting begins when packets come back");
        while self.totals().received() == 0 && begin.elapsed() < RETURN_WAIT && !signals.asked() {
            std::thread::sleep(PAUSE);
        }
        std::thread::sleep(WARM_UP);
        self.clear();
    }

    /// Begins or ends forwarding; beginning is a new trial.
    fn forward(&mut self, on: bool) {
        if on {
            self.clear();
        }
        self.orders.forward.store(on, Ordering::Release);
    }

    /// Counts anew.
    fn clear(&mut self) {
        self.base = self.totals_ever();
        self.begun = Instant::now();
        self.lost_ns = lost_ns();
        self.latencies.take();
        self.orders.trial.fetch_add(1, Ordering::Release);
    }

    fn totals_ever(&self) -> Totals {
        Totals::of(&self.ports, &self.counters)
    }

    /// What was counted since counting began.
    fn totals(&self) -> Totals {
        self.totals_ever().since(&self.base)
    }

    /// Waits for the end, with statistics now and then.
    fn watch(&mut self, run: &Run, signals: &Signals) {
        let mut next = Duration::from_secs(run.stats_period.max(1));
        while !signals.asked() {
            let passed = self.begun.elapsed();
            if run.forward_s > 0 && passed >= Duration::from_secs(run.forward_s) {
                break;
            }
            if run.stats_period > 0 && passed >= next {
                next += Duration::from_secs(run.stats_period);
                print!("{}", summary(&self.totals(), passed));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Rates and losses since counting began. Ends forwarding and waits for what is under way.
    fn figures(&mut self, mode: Mode) -> Vec<Figure> {
        let passed = self.begun.elapsed();
        let lost_ns = lost_ns() - self.lost_ns;
        let totals = self.totals();
        self.forward(false);
        std::thread::sleep(SETTLE);
        let settled = self.totals();
        let seconds = passed.as_secs_f64();
        let rate = |count: u64| count as f64 / seconds;
        let name = |what: &str| format!("{mode:?} {what}").to_lowercase();
        let count =
            |what: &str, value: u64| Figure::single(&name(what), 0, value as f64, "packets");
        if !matches!(mode, Mode::Rxonly) {
            eprint!("{}", summary(&settled, passed));
        }
        vec![
            Figure::single(&name("received"), 0, rate(totals.received()), "packets/s"),
            Figure::single(&name("sent"), 0, rate(totals.sent()), "packets/s"),
            count("lost", settled.sent().saturating_sub(settled.received())),
            count("refused", settled.refused()),
            count("reordered", settled.reordered()),
            Figure::single(
                &name("lost time"),
                0,
                lost_ns / passed.as_nanos() as f64,
                "of the time",
            ),
        ]
    }

    /// Ends the threads; what they have recorded of latencies since counting began.
    fn stop(self) -> Histogram<u64> {
        self.orders.stop.store(true, Ordering::Release);
        for lcore in &self.lcores {
            self.eal.wait(*lcore);
        }
        for port in &self.ports {
            Ports::stop(*port);
        }
        self.latencies.take()
    }
}

/// memif must not be polled while it connects: its queues appear one by one.
fn await_links(ports: &[u16], signals: &Signals) {
    let begin = Instant::now();
    let down = |port: &u16| Ports::link(*port).is_none_or(|link| !link.up);
    while ports.iter().any(down) && begin.elapsed() < LINK_WAIT && !signals.asked() {
        std::thread::sleep(PAUSE);
    }
    std::thread::sleep(SETTLE);
}

/// Lengths of IP packets from what the options say about frames.
fn sizes(run: &Run) -> Sizes {
    if run.imix {
        return Sizes::imix(usize::from(MTU));
    }
    let frame = run.txpkts.first().copied().unwrap_or(FRAME_LEN_MIN);
    Sizes::fixed(frame.max(FRAME_LEN_MIN) - ETHERNET_LEN)
}

/// Starts the ports and gives each thread one queue pair of each.
fn deal(
    ports: &[u16],
    threads: usize,
    pool: Pool,
) -> Result<(Vec<Legs>, Vec<PortCounters>), String> {
    let mut legs: Vec<Vec<Leg>> = (0..threads).map(|_| Vec::new()).collect();
    let mut all = Vec::new();
    for &port in ports {
        let settings = PortSettings {
            workers: threads as u16,
            mtu: MTU,
        };
        let StartedPort {
            receive, transmit, ..
        } = Ports::start(port, settings, pool).map_err(|error| error.to_string())?;
        for ((legs, receive), transmit) in legs.iter_mut().zip(receive).zip(transmit) {
            let counters = Arc::new(Counters::default());
            all.push((port, Arc::clone(&counters)));
            legs.push(Leg {
                receive,
                transmit,
                counters,
            });
        }
    }
    // Paired as testpmd pairs: 0 with 1, 2 with 3; one that is left over with itself.
    let pair = |at: usize| if at ^ 1 < ports.len() { at ^ 1 } else { at };
    let pairs: Vec<usize> = (0..ports.len()).map(pair).collect();
    let threads = legs.into_iter().map(|legs| Legs {
        ports: legs,
        pairs: pairs.clone(),
        pool,
    });
    Ok((threads.collect(), all))
}

/// The product's workers on ports 0 (inside) and 1 (outside), until the end.
fn product(eal: Eal, run: &Run, mode: Mode, signals: &Signals) -> Result<Vec<Figure>, String> {
    let blueprint = Blueprint {
        workers: eal.workers().len() as u16,
        tunnels: if mode == Mode::Gateway {
            run.tunnels
        } else {
            0
        },
        cipher: run.cipher,
        connections: run.flows + run.flows / 4 + 1024,
        spread: false,
        aces: 0,
        translated: false,
    };
    let mut settings = settings(blueprint.connections);
    settings.buffers = BUFFERS;
    let mut fastpath =
        Fastpath::start(eal, &settings, &[0, 1]).map_err(|error| error.to_string())?;
    let shape = plan::Shape {
        ports: [0, 1],
        aces: blueprint.aces,
        translated: blueprint.translated,
    };
    let peer = run.eth_peer.unwrap_or(plan::FAR_MAC);
    // Workers without a policy do not poll.
    await_links(&[0, 1], signals);
    set_up(&mut fastpath, &blueprint, shape, peer)?;
    let begin = Instant::now();
    let ends =
        |begin: Instant| run.forward_s > 0 && begin.elapsed() >= Duration::from_secs(run.forward_s);
    while !signals.asked() && !ends(begin) {
        std::thread::sleep(PAUSE);
        fastpath.reclaim();
        fastpath.events(usize::from(u16::MAX), |_, _| ());
        for punt in fastpath.punts(64) {
            fastpath.consume(punt.packet, fastpath::verdict::DropReason::NotForUs);
        }
    }
    let drops = crate::rig::drops(&fastpath);
    let counters = fastpath.stop();
    let sum = |of: fn(&Snapshot) -> u64| -> f64 { counters.iter().map(of).sum::<u64>() as f64 };
    eprintln!("drops:{drops}");
    Ok(vec![
        Figure::single("box received", 0, sum(|set| set.received), "packets"),
        Figure::single("box sent", 0, sum(|set| set.sent), "packets"),
        Figure::single("box sealed", 0, sum(|set| set.sealed), "packets"),
        Figure::single("box dropped", 0, sum(Snapshot::dropped), "packets"),
    ])
}
