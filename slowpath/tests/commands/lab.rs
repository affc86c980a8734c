//! The box and what is around it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use arrayvec::ArrayVec;
use config::Severity;
use fastpath::control::Settings;
use fastpath::dpdk::{
    Eal, Mbuf, Pool, PortSettings, Ports, RxQueue, StartedPort, TxQueue, crossover, tsc_hz,
};
use fastpath::limits::BURST_MAX;
use fastpath::testing::{self, Stepper};
use fastpath::wire::ethernet::ethertype;
use fastpath::wire::{Arp, Ethernet, Ipv4, Mac, arp};
use fastpath::worker::Idle;
use slowpath::appliance::{Appliance, BoxFacts, Offload, StatsEnds};
use slowpath::control_socket::{Client, ControlSocket, Format, ReplyMessage, RequestMessage};
use slowpath::stats::measures::Measures;
use slowpath::stats::published::Mailbox;
use slowpath::stats::questions::questions;
use slowpath::syslog::{Logger, Writer};
use slowpath::time::Time;

use super::packet::{Seen, ip};
use super::peer::{PEER, Peer};

/// Interfaces of the box, and cables of the same numbers.
pub(crate) const OUTSIDE: usize = 0;
pub(crate) const INSIDE: usize = 1;
pub(crate) const DMZ: usize = 2;
/// A host behind each of them.
pub(crate) const SERVER: &str = "192.0.2.80";
pub(crate) const CLIENT: &str = "10.0.0.10";
pub(crate) const DMZ_HOST: &str = "172.16.0.10";
/// Beyond the default route.
pub(crate) const FAR_AWAY: &str = "203.0.113.5";

/// What every configuration begins with.
pub(crate) const BASE: &str = "hostname Box
interface Ethernet0/0
 nameif outside
 security-level 0
 ip address 192.0.2.1 255.255.255.0
interface Ethernet0/1
 nameif inside
 security-level 100
 ip address 10.0.0.1 255.255.255.0
interface Ethernet0/2
 nameif dmz
 security-level 50
 ip address 172.16.0.1 255.255.255.0
route outside 0 0 192.0.2.254
logging enable
logging buffered 7
logging buffer-size 1048576
";

/// Every host that the box is connected to.
const FAR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
/// Seconds by which the driven clock is ahead of the real one, so that no turn seems to take long.
const AHEAD_S: u64 = 10_000;
/// Nov 23 2026 16:58:42.
const WALL_MS: u64 = 1_795_453_122_000;
/// Real time that other threads of the product are given between two turns.
const REST: Duration = Duration::from_micros(200);
/// Turns that a test waits for what must come.
const PATIENCE: u32 = 60_000;
/// Turns of the worker for one of the control loop.
const WORKER_TURNS: usize = 2;
/// Milliseconds within which a packet passes that waits for its next hop.
const PASSAGE_MS: u64 = 12;

struct Far {
    receive: RxQueue,
    transmit: TxQueue,
    mac: [u8; 6],
}

/// Everything.
pub(crate) struct Lab {
    appliance: Appliance,
    stepper: Stepper,
    fars: Vec<Far>,
    pool: Pool,
    now_ms: u64,
    start_tsc: u64,
    directory: PathBuf,
    /// The far end of tunnels, where a test has one.
    pub(crate) peer: Option<Peer>,
    /// What came out of the box, by interface, since a test last asked.
    received: Vec<(usize, Vec<u8>)>,
    /// ARP replies of the box since then.
    arp_replies: usize,
}

type Work = Box<dyn FnOnce(&mut Lab) + Send>;

/// The lab lives on one thread, because a worker does.
static LAB: LazyLock<Sender<(Work, Sender<thread::Result<()>>)>> = LazyLock::new(|| {
    let (sender, receiver) = channel();
    thread::spawn(move || serve(&receiver));
    sender
});

fn serve(work: &Receiver<(Work, Sender<thread::Result<()>>)>) {
    let mut lab = Lab::start();
    while let Ok((work, done)) = work.recv() {
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut lab)));
        lab.peer = None;
        let _ = done.send(result);
    }
}

/// Runs a test in the lab. It begins with a configuration of its own.
pub(crate) fn with(work: impl FnOnce(&mut Lab) + Send + 'static) {
    let (done, result) = channel();
    let sender = LAB.clone();
    sender
        .send((Box::new(work), done))
        .expect("the lab is open");
    if let Err(panic) = result.recv().expect("the lab answers") {
        resume_unwind(panic);
    }
}

fn seed(bytes: &mut [u8]) {
    for (byte, value) in bytes.iter_mut().zip(31_u8..) {
        *byte = value;
    }
}

fn far(port: u16, pool: Pool, mac: [u8; 6]) -> Far {
    let settings = PortSettings {
        workers: 1,
        mtu: 1500,
    };
    let StartedPort {
        mut receive,
        mut transmit,
        ..
    } = Ports::start(port, settings, pool).expect("the far end starts");
    Far {
        receive: receive.remove(0).expect("a queue"),
        transmit: transmit.remove(0),
        mac,
    }
}

impl Lab {
    fn start() -> Self {
        let prefix = format!("hf_commands_{}", std::process::id());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands");
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join("config"), BASE).expect("a configuration");
        let words = "commands --no-huge --no-pci --no-shconf -m 256 --no-telemetry \
                     --lcores 0@0 --log-level error --file-prefix";
        let words = words.split_whitespace().map(str::to_owned);
        let arguments: Vec<String> = words.chain([prefix]).collect();
        let eal = Eal::start(&arguments).expect("the EAL starts without hugepages and NICs");
        let cables = ["out", "in", "dmz"].map(|name| crossover(name, 1).expect("two ports"));
        let settings = Settings {
            idle: Idle::Busy,
            conns_per_worker: 4096,
            buffers: 4095,
            large_buffers: 63,
            mtu: 1500,
            sample_bursts: 1,
            seed,
        };
        let ports = cables.map(|(ours, _)| ours);
        let (fastpath, mut workers) = testing::assemble(eal, &settings, &ports, 1).expect("a box");
        let pool = Pool::create("far", 4095, 0, 2048).expect("a pool");
        let fars = cables.map(|(ours, theirs)| (theirs, fastpath.shared().port_mac(ours)));
        let fars = fars.map(|(theirs, mac)| far(theirs, pool, mac));
        let (measures, _) = Measures::new();
        let (_, answering) = questions();
        let stats = StatsEnds {
            mailbox: Mailbox::default(),
            answering,
            measures,
            stopwatch_us: Box::new(|| 0),
        };
        let numbered = ports.into_iter().enumerate();
        let facts = BoxFacts {
            ports: numbered
                .map(|(number, port)| (format!("Ethernet0/{number}"), port))
                .collect(),
            cpu: String::new(),
            build: "",
            workers_started: Time(0),
        };
        let appliance = Appliance::start(
            fastpath,
            ControlSocket::bind(&directory).expect("a socket"),
            Logger::new(Writer::new(Vec::new())),
            (Offload::spawn(&[]).expect("threads"), stats),
            (config::parse(BASE).0, directory.join("config")),
            facts,
            (Time(0), WALL_MS),
        );
        Self {
            appliance,
            stepper: workers.remove(0).take(),
            fars: fars.into(),
            pool,
            now_ms: 0,
            start_tsc: fastpath::cpu::tsc() + AHEAD_S * tsc_hz(),
            directory,
            peer: None,
            received: Vec::new(),
            arp_replies: 0,
        }
    }

    /// Puts a configuration in the place of the one before, of which nothing is left.
    pub(crate) fn configure(&mut self, more: &str) {
        self.peer = None;
        self.load(BASE);
        self.load(&format!("{BASE}{more}"));
        self.tick();
        self.ask("clear logging buffer");
    }

    fn load(&mut self, text: &str) {
        let (_, remarks) = config::parse(text);
        let errors = remarks.iter().filter(|it| it.severity == Severity::Error);
        let errors: String = errors.map(|it| it.render(text)).collect();
        assert!(errors.is_empty(), "{errors}");
        std::fs::write(self.directory.join("config"), text).expect("a configuration");
        self.appliance.reload();
        // Waits until the configuration is in force.
        self.ask("clear conn");
    }

    /// Types configuration commands; everything else stays as it is.
    pub(crate) fn edit(&mut self, commands: &str) {
        let commands: Vec<&str> = ["configure terminal"]
            .into_iter()
            .chain(commands.lines())
            .collect();
        self.converse(&commands);
        self.ask("show conn count");
        self.tick();
    }

    /// What a command prints.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.converse(&[command]).remove(0).0
    }

    /// One operator's commands: what each prints, and what it is followed by.
    pub(crate) fn converse(&mut self, commands: &[&str]) -> Vec<(String, ReplyMessage)> {
        let directory = self.directory.clone();
        let commands: Vec<String> = commands.iter().map(|&it| it.to_owned()).collect();
        let session = thread::spawn(move || {
            let mut client = Client::connect(&directory).expect("a session");
            let mut call = |command: String| {
                let mut text = String::new();
                let request = RequestMessage {
                    command: command.clone(),
                    format: Format::Text,
                    interactive: false,
                };
                let reply = client.call(&request, |piece| {
                    text.push_str(piece);
                    Ok(())
                });
                let reply = reply.expect("an answer");
                assert!(!reply.error, "{command}: {text}");
                (text, reply)
            };
            commands.into_iter().map(&mut call).collect()
        });
        while !session.is_finished() {
            self.step(1);
            thread::sleep(REST);
        }
        session.join().expect("every command is taken")
    }

    /// Lines of the log with this number.
    pub(crate) fn logged(&mut self, number: u32) -> Vec<String> {
        let shown = self.ask("show logging");
        let mark = format!("-{number:06}: ");
        let lines = shown.lines().filter(|line| line.contains(&mark));
        lines.map(str::to_owned).collect()
    }

    fn step(&mut self, ms: u64) {
        self.now_ms += ms;
        let now = Time(self.now_ms);
        self.appliance.turn(now, WALL_MS + self.now_ms);
        let tsc = self.start_tsc + self.now_ms * (tsc_hz() / 1_000);
        for _ in 0..WORKER_TURNS {
            self.stepper.step(tsc);
        }
        self.collect(now);
    }

    /// Lets time pass, a turn every millisecond.
    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.step(1);
        }
    }

    /// Lets seconds pass, a turn every hundred milliseconds.
    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 10 {
            self.step(100);
        }
    }

    /// The worker's next tick comes, with which timers come into force.
    fn tick(&mut self) {
        for _ in 0..3 {
            self.step(100);
        }
    }

    /// Lets time pass, and other threads work, until something holds.
    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        for _ in 0..PATIENCE {
            if holds(self) {
                return;
            }
            self.step(1);
            thread::sleep(REST);
        }
        panic!("{what} never came:\n{}", self.ask("show logging"));
    }

    fn collect(&mut self, now: Time) {
        for at in 0..self.fars.len() {
            let mut packets = ArrayVec::<Mbuf, BURST_MAX>::new();
            while self.fars[at].receive.receive(&mut packets, BURST_MAX) > 0 {
                let frames: Vec<Vec<u8>> = packets.drain(..).map(|it| it.data().to_vec()).collect();
                for frame in frames {
                    self.take_frame(at, &frame, now);
                }
            }
        }
        let sent = self.peer.as_mut().map(|peer| peer.step(now));
        for packet in sent.unwrap_or_default() {
            self.transmit(OUTSIDE, &packet);
        }
    }

    fn take_frame(&mut self, at: usize, frame: &[u8], now: Time) {
        let (header, payload) = Ethernet::parse(frame).expect("a frame");
        if header.ethertype() == ethertype::ARP {
            let asked = Arp::parse(payload).expect("a message");
            if asked.operation() == Some(arp::Operation::Request) {
                let reply = asked.reply(Mac(FAR_MAC));
                self.transmit_frame(at, ethertype::ARP, &reply.0);
            } else {
                self.arp_replies += 1;
            }
            return;
        }
        let to_peer =
            at == OUTSIDE && Ipv4::parse(payload).is_some_and(|header| header.dst() == ip(PEER));
        match &mut self.peer {
            Some(peer) if to_peer => peer.take(payload, now),
            _ => self.received.push((at, payload.to_vec())),
        }
    }

    fn transmit_frame(&mut self, at: usize, kind: u16, payload: &[u8]) {
        let far = &mut self.fars[at];
        let header = Ethernet::emit(Mac(far.mac), Mac(FAR_MAC), kind);
        let frame = [&header.0[..], payload].concat();
        let mut burst = ArrayVec::new();
        burst.push(self.pool.allocate_with(&frame).expect("a buffer"));
        assert_eq!(far.transmit.transmit(&mut burst), 1);
    }

    /// A host sends a packet to the box.
    pub(crate) fn transmit(&mut self, at: usize, packet: &[u8]) {
        self.transmit_frame(at, ethertype::IPV4, packet);
    }

    /// A host sends a packet; what comes out of it, and where.
    pub(crate) fn send(&mut self, at: usize, packet: &[u8]) -> Vec<(usize, Seen)> {
        self.received.clear();
        self.transmit(at, packet);
        self.run(PASSAGE_MS);
        self.received()
    }

    /// Whether the box answers an ARP request.
    pub(crate) fn ask_arp(&mut self, at: usize, request: &Arp<[u8; arp::LEN]>) -> bool {
        let before = self.arp_replies;
        self.transmit_frame(at, ethertype::ARP, &request.0);
        self.run(PASSAGE_MS);
        self.arp_replies > before
    }

    /// What came out of the box since it was last asked.
    pub(crate) fn received(&mut self) -> Vec<(usize, Seen)> {
        let seen = self.received.drain(..);
        seen.map(|(at, packet)| (at, Seen::of(&packet))).collect()
    }

    /// Whether a packet passes, and by which interface: it alone comes out, if anything does.
    pub(crate) fn way(&mut self, at: usize, packet: &[u8]) -> Option<usize> {
        let came = self.send(at, packet);
        assert!(came.len() <= 1, "{came:?}");
        came.first().map(|(out, _)| *out)
    }

    /// The peer begins a negotiation.
    pub(crate) fn peer_initiates(&mut self) {
        let now = Time(self.now_ms);
        self.peer.as_mut().expect("a peer").initiate(now);
    }

    /// Connections of the box.
    pub(crate) fn connections(&self) -> u32 {
        self.stepper.connections()
    }
}
