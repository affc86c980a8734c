use super::super::pmtu::{AGE_MS, INTERVAL_MS, PATH_MTU_MIN, REPORTS_PER_S, SEQUENCE_REACH};
use super::*;
use crate::too_big::TooBig;

const START: Time = Time(5_000);

/// A tunnel that is up and has sent a thousand packets; a report about the last one.
fn bench() -> (Bench, TooBig) {
    let mut bench = Bench::new(true);
    let (inbound, spi) = bench.up(Time(0));
    bench.carry(inbound, 0, 1_000);
    bench.messages();
    let report = TooBig {
        router: OTHER,
        local: LOCAL,
        remote: PEER,
        ports: None,
        spi,
        sequence: 1_000,
        len_bytes: 1_500,
        mtu_bytes: 1_400,
    };
    (bench, report)
}

fn tell(bench: &mut Bench, report: TooBig, now: Time) -> bool {
    bench.owner.too_big(&report, now, &mut bench.dp)
}

fn path(bench: &Bench) -> (u32, u32, u16) {
    let mtu = bench.dp.mtus[&bench.slot];
    (mtu.path, mtu.inner, mtu.mss)
}

#[test]
fn a_report_lowers_what_inner_packets_and_segments_may_be() {
    let (mut bench, report) = bench();
    assert_eq!(path(&bench), (1500, 1446, 1398));
    assert!(tell(&mut bench, report, START));
    // 1400 - 20 - 8 - 8 - 12 is 1352, in blocks 1352, less the trailer; in UDP one block less.
    assert_eq!(path(&bench), (1400, 1350, 1302));
    assert_eq!(
        bench.messages(),
        [
            "%ASA-6-602103: IPSEC: Received an ICMP Destination Unreachable from 209.165.200.11 \
             with suggested PMTU of 1400; PMTU updated for SA with peer 209.165.200.10, SPI \
             0x0000A001, tunnel name 209.165.200.10, old PMTU 1500, new PMTU 1400."
        ]
    );
    let view = bench.owner.ipsec_sas(None, START, &bench.dp);
    let tunnel = &view.interfaces[0].tunnels[0];
    assert_eq!((tunnel.path_mtu, tunnel.media_mtu), (1400, 1500));
    assert_eq!(tunnel.counters.pmtu_received, 1);
}

#[test]
fn what_was_not_sent_is_not_believed() {
    let (mut bench, good) = bench();
    let forged = [
        TooBig {
            spi: good.spi ^ 1,
            ..good
        },
        TooBig {
            remote: OTHER,
            ..good
        },
        TooBig {
            local: OTHER,
            ..good
        },
        TooBig {
            ports: Some((4500, 4500)),
            ..good
        },
        TooBig {
            sequence: 1_001,
            ..good
        },
        TooBig {
            sequence: 1_000_u32.wrapping_sub(SEQUENCE_REACH),
            ..good
        },
        TooBig {
            len_bytes: 1_501,
            ..good
        },
        // A packet that fits is not refused.
        TooBig {
            len_bytes: 1_400,
            ..good
        },
    ];
    for report in forged {
        assert!(!tell(&mut bench, report, START), "{report:?}");
    }
    assert_eq!(path(&bench).0, 1500);
    assert!(tell(&mut bench, good, START));
}

#[test]
fn a_report_never_raises_and_never_goes_below_the_floor() {
    let (mut bench, report) = bench();
    assert!(tell(
        &mut bench,
        TooBig {
            mtu_bytes: 0,
            ..report
        },
        START
    ));
    assert_eq!(path(&bench).0, u32::from(PATH_MTU_MIN));
    let larger = TooBig {
        len_bytes: 576,
        mtu_bytes: 570,
        ..report
    };
    assert!(!tell(&mut bench, larger, START.after_ms(INTERVAL_MS)));
    let raising = TooBig {
        len_bytes: 576,
        mtu_bytes: 1_300,
        ..report
    };
    assert!(!tell(&mut bench, raising, START.after_ms(2 * INTERVAL_MS)));
    assert_eq!(path(&bench).0, u32::from(PATH_MTU_MIN));
}

#[test]
fn an_interface_below_the_floor_stays_as_it_is() {
    let (mut bench, report) = bench();
    let small = TunnelSpec {
        path_mtu: 500,
        ..spec()
    };
    bench.reconcile(&[small], START);
    let report = TooBig {
        len_bytes: 500,
        mtu_bytes: 400,
        ..report
    };
    assert!(!tell(&mut bench, report, START));
    assert_eq!(path(&bench).0, 500);
}

#[test]
fn a_lowered_path_lasts_ten_minutes_and_through_edits() {
    let (mut bench, report) = bench();
    assert!(tell(&mut bench, report, START));
    bench.reconcile(&[spec()], START);
    bench.tick(START.after_ms(AGE_MS - 1));
    assert_eq!(path(&bench).0, 1400);
    bench.tick(START.after_ms(AGE_MS));
    assert_eq!(path(&bench), (1500, 1446, 1398));
}

#[test]
fn another_end_of_the_path_is_another_path() {
    let (mut bench, report) = bench();
    assert!(tell(&mut bench, report, START));
    let spis = (0x1001, report.spi);
    bench.down(spis, EndReason::LostContact, START);
    let child = ChildSa {
        peer: OTHER,
        remote: OTHER,
        ..bench.child()
    };
    bench.install(child, START);
    assert_eq!(path(&bench).0, 1500);
}

#[test]
fn reports_that_count_are_bounded() {
    let (mut bench, report) = bench();
    assert!(tell(&mut bench, report, START));
    let next = TooBig {
        len_bytes: 1_400,
        mtu_bytes: 1_300,
        ..report
    };
    assert!(!tell(&mut bench, next, START.after_ms(INTERVAL_MS - 1)));
    assert!(tell(&mut bench, next, START.after_ms(INTERVAL_MS)));
    let later = START.after_ms(10 * INTERVAL_MS);
    for _ in 0..REPORTS_PER_S {
        tell(&mut bench, TooBig { spi: 1, ..report }, later);
    }
    let good = TooBig {
        len_bytes: 1_300,
        mtu_bytes: 1_200,
        ..report
    };
    assert!(!tell(&mut bench, good, later));
    assert!(tell(&mut bench, good, later.after_ms(1_000)));
}
