//! A fastpath on a real EAL: starts, moves packets, stops, and every packet is accounted for.

use std::time::Duration;

use fastpath::control::{Fastpath, Settings};
use fastpath::counters::Snapshot;
use fastpath::dpdk::Eal;
use fastpath::policy::Policy;
use fastpath::verdict::DropReason;
use fastpath::worker::Idle;

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
    let counters = fastpath.stop();
    let total = counters
        .iter()
        .fold(Snapshot::default(), |sum, set| &sum + set);
    assert!(total.received >= 1_000);
    // No interface names the port, so nothing else can become of a packet.
    assert_eq!(total.drops_of(DropReason::InterfaceDown), total.received);
    assert!(total.balance().holds(), "{total:?}");
}
