//! A fastpath on a real EAL: starts, moves packets, stops, and every packet is accounted for.

use std::time::Duration;

use fastpath::control::{ControlHistogram, Fastpath, Settings, Telemetry};
use fastpath::counters::Snapshot;
use fastpath::dpdk::{Eal, Ports};
use fastpath::histogram::Counts;
use fastpath::policy::Policy;
use fastpath::verdict::DropReason;
use fastpath::worker::{Idle, WorkerHistogram};

/// A deterministic stand-in for the operating system's generator.
fn seed(bytes: &mut [u8]) {
    for (byte, value) in bytes.iter_mut().zip(17u8..) {
        *byte = value;
    }
}

fn arguments() -> Vec<String> {
    let prefix = format!("hf_test_{}", std::process::id());
    [
        "test",
        "--no-huge",
        "--no-pci",
        "-m",
        "256",
        "--no-telemetry",
        "--lcores",
        "0@0,1@0,2@1",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(["--file-prefix".to_owned(), prefix])
    .chain(["--vdev".to_owned(), "net_null0,size=64".to_owned()])
    .collect()
}

#[test]
fn every_packet_of_a_null_port_is_a_named_drop() {
    let eal = Eal::start(&arguments()).expect("the EAL starts without hugepages and NICs");
    let settings = Settings {
        idle: Idle::Sleep,
        conns_per_worker: 4096,
        buffers: 4095,
        large_buffers: 63,
        mtu: 1500,
        sample_bursts: 1,
        seed,
    };
    let mut fastpath = Fastpath::start(eal, &settings, &[0]).expect("two workers on one port");
    assert_eq!(fastpath.workers(), 2);
    assert!(fastpath.publish_policy(Policy::default()));
    let mut waited = 0;
    while fastpath
        .counters()
        .iter()
        .map(|set| set.received)
        .sum::<u64>()
        < 1_000
    {
        std::thread::sleep(Duration::from_millis(10));
        fastpath.reclaim();
        waited += 1;
        assert!(waited < 1_000, "the port gives packets without end");
    }
    let mut telemetry = fastpath.telemetry().expect("nobody has it yet");
    assert!(fastpath.telemetry().is_none());
    assert!(fastpath.publish_policy(Policy::default()));
    its_readers_see_it(&mut fastpath, &mut telemetry);
    let counters = fastpath.stop();
    let total = counters
        .iter()
        .fold(Snapshot::default(), |sum, set| &sum + set);
    assert!(total.received >= 1_000);
    // No interface names the port, so nothing else can become of a packet.
    assert_eq!(total.drops_of(DropReason::InterfaceDown), total.received);
    assert!(total.balance().holds(), "{total:?}");
}

/// Every burst is timed, and a policy that was replaced is freed once the workers have passed.
fn its_readers_see_it(fastpath: &mut Fastpath, telemetry: &mut Telemetry) {
    let empty = |count: usize| vec![Counts::default(); count];
    let mut workers = empty(WorkerHistogram::SPECS.len());
    let mut control = empty(ControlHistogram::SPECS.len());
    let grace = ControlHistogram::SwapGrace as usize;
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(10));
        fastpath.reclaim();
        for worker in &mut telemetry.workers {
            worker.histograms.collect(&mut workers);
        }
        telemetry.control_histograms.collect(&mut control);
        if control[grace].total() > 0 && workers[0].total() > 0 {
            break;
        }
    }
    assert_eq!(control[grace].total(), 1);
    let bursts = &workers[WorkerHistogram::Burst as usize];
    assert!(bursts.total() > 0);
    assert!(bursts.value_at_percentile(100.0) <= Some(32));
    assert!(workers[WorkerHistogram::Line as usize].total() >= bursts.total());
    assert!(workers[WorkerHistogram::Parse as usize].total() > 0);
    assert_eq!(telemetry.ports.len(), 1);
    assert!(Ports::link(0).is_some() && Ports::link(77).is_none());
    let xstats = Ports::xstats(0);
    assert!(
        xstats
            .iter()
            .any(|(name, count)| name == "rx_good_packets" && *count > 0),
        "{xstats:?}"
    );
    assert!(Ports::xstats(77).is_empty());
}
