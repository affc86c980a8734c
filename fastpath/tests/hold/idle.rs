//! The idle timer of a flow whose tunnel stays down.

use fastpath::verdict::DropReason;
use fastpath::worker::event::{Event, TeardownReason};

use super::harness::{Lab, text_at, with};

/// `timeout conn` where nothing is configured, in seconds.
const CONN_S: u64 = 3_600;
/// How late the timer wheel may be.
const LATE_S: u64 = 5;

fn ended(lab: &Lab) -> Vec<(TeardownReason, u32)> {
    let ends = lab.events.iter().filter_map(|event| match event {
        Event::ConnTeardown {
            reason, duration_s, ..
        } => Some((*reason, *duration_s)),
        _ => None,
    });
    ends.collect()
}

#[test]
fn decision_2_a_silent_orphan_goes_by_the_idle_timer() {
    with(|lab| {
        lab.connect(5, 0);
        lab.down(0);
        lab.pass(CONN_S - LATE_S);
        assert!(ended(lab).is_empty());
        lab.pass(2 * LATE_S);
        let [(reason, duration_s)] = ended(lab)[..] else {
            panic!("{:?}", ended(lab));
        };
        assert_eq!(reason, TeardownReason::ConnTimeout);
        assert_eq!(reason.text(), "Conn-timeout");
        assert!(u64::from(duration_s) >= CONN_S - 1, "{duration_s}");
    });
}

#[test]
fn decision_2_an_orphan_whose_end_keeps_trying_lives() {
    with(|lab| {
        let flow = lab.connect(5, 0);
        lab.down(0);
        let before = lab.drops(DropReason::NeedIke);
        for _ in 0..4 {
            lab.pass(CONN_S / 2);
            lab.client(flow, text_at(0, b"again"));
        }
        assert!(ended(lab).is_empty());
        assert_eq!(lab.drops(DropReason::NeedIke), before + 4);
        lab.pass(CONN_S + LATE_S);
        assert_eq!(ended(lab).len(), 1);
    });
}
