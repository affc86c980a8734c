//! Bounces that nobody has planned: one packet per direction of a flow.

use fastpath::verdict::DropReason;

use super::harness::{
    ACK, CLIENT_SEQ, FIN, RST, SERVER_SEQ, SYN, acknowledges, one_hop_on, options, says, text_at,
    with,
};

#[test]
fn the_oldest_segment_leaves_with_the_release_and_its_ack_ends_it() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.client(flow, text_at(0, b"lost on the way"));
        assert_eq!(lab.sealed().len(), 1);
        lab.down(0);
        let before = lab.drops(DropReason::NeedIke);
        lab.client(flow, text_at(0, b"lost on the way"));
        lab.run(50_000);
        let latest = lab.client(flow, text_at(0, b"lost again and longer"));
        assert_eq!(lab.drops(DropReason::NeedIke), before + 2);
        lab.up(0);
        lab.run(1_000);
        assert!(lab.sealed().is_empty(), "nothing leaves without an order");
        assert_eq!(lab.release(0, 1000), 1);
        lab.run(1_000);
        assert_eq!(lab.sealed(), [one_hop_on(&latest)]);
        lab.server(flow, acknowledges(21));
        lab.run(100_000);
        assert!(
            lab.sealed().is_empty(),
            "what was answered is not sent again"
        );
        let report = lab.report(0);
        assert_eq!((report.held, report.released, report.resumed), (1, 1, 1));
        assert_eq!((report.refused, report.bounce), (0, lab.bounce));
        assert!((1..5_000).contains(&report.first_resumed_us), "{report:?}");
        assert_eq!(lab.latencies(), 1);
    });
}

#[test]
fn what_nobody_answers_leaves_once_more_after_two_round_trips() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.down(0);
        let held = lab.client(flow, text_at(0, b"first sent while it was down"));
        lab.up(0);
        lab.release(0, 1000);
        lab.run(19_000);
        assert_eq!(lab.sealed(), [one_hop_on(&held)]);
        lab.run(2_000);
        assert_eq!(lab.sealed(), [one_hop_on(&held)], "the second copy");
        lab.run(1_000_000);
        assert!(lab.sealed().is_empty());
        // The answer to the second copy still counts.
        lab.server(flow, acknowledges(28));
        let report = lab.report(0);
        assert_eq!((report.released, report.resumed), (2, 1));
        assert!(report.first_resumed_us > 1_000_000);
    });
}

#[test]
fn an_idle_flow_holds_its_latest_ack_and_data_takes_its_place() {
    with(|lab| {
        let idle = lab.connect(1, 0);
        let busy = lab.connect(2, 0);
        lab.down(0);
        lab.client(idle, says(ACK, CLIENT_SEQ, SERVER_SEQ, b""));
        let keepalive = lab.client(idle, says(ACK, CLIENT_SEQ.wrapping_sub(1), SERVER_SEQ, b""));
        lab.client(busy, says(ACK, CLIENT_SEQ, SERVER_SEQ, b""));
        let data = lab.client(busy, text_at(0, b"data"));
        lab.client(busy, says(ACK, CLIENT_SEQ, SERVER_SEQ, b""));
        lab.up(0);
        assert_eq!(lab.release(0, 100_000), 2);
        lab.run(1_000);
        assert_eq!(lab.sealed(), [one_hop_on(&keepalive), one_hop_on(&data)]);
        lab.server(idle, says(ACK, SERVER_SEQ, CLIENT_SEQ, b""));
        lab.server(busy, says(ACK, SERVER_SEQ, CLIENT_SEQ, b""));
        let report = lab.report(0);
        assert_eq!(
            report.resumed, 1,
            "an ACK that advances nothing is no answer to data"
        );
        lab.server(busy, acknowledges(4));
        assert_eq!(lab.report(0).resumed, 1);
    });
}

#[test]
fn a_fin_is_held_and_handshakes_resets_and_strangers_are_not() {
    with(|lab| {
        let closing = lab.connect(1, 0);
        let reset = lab.connect(2, 0);
        let beyond = lab.connect(3, 0);
        let mut young = lab.connect(4, 0);
        young.port += 1000;
        lab.down(0);
        let fin = lab.client(closing, says(ACK | FIN, CLIENT_SEQ, SERVER_SEQ, b""));
        lab.client(reset, says(ACK | RST, CLIENT_SEQ, SERVER_SEQ, b""));
        lab.client(young, says(SYN, CLIENT_SEQ, 0, b""));
        lab.client(beyond, text_at(1_000_000, b"outside of the window"));
        lab.client(
            beyond,
            says(ACK, CLIENT_SEQ, SERVER_SEQ + 9_000, b"ack of nothing"),
        );
        lab.up(0);
        assert_eq!(lab.release(0, 100_000), 1);
        lab.run(5_000);
        assert_eq!(lab.sealed(), [one_hop_on(&fin)]);
    });
}

#[test]
fn a_damaged_copy_does_not_take_the_place_of_a_good_one() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.down(0);
        let good = lab.client(flow, text_at(0, b"text"));
        let mut damaged = good.clone();
        *damaged.last_mut().expect("has text") ^= 1;
        lab.client_raw(&damaged);
        lab.up(0);
        lab.release(0, 100_000);
        lab.run(5_000);
        assert_eq!(lab.sealed(), [one_hop_on(&good)]);
    });
}

#[test]
fn a_slot_that_goes_down_again_keeps_the_rest() {
    with(|lab| {
        let flows: Vec<_> = (1..=6).map(|client| lab.connect(client, 0)).collect();
        lab.down(0);
        for flow in &flows {
            lab.client(*flow, text_at(0, b"text"));
        }
        lab.up(0);
        // One at once and one per millisecond.
        assert_eq!(lab.release(0, 1000), 6);
        lab.run(2_050);
        lab.down(0);
        lab.run(30_000);
        assert_eq!(lab.sealed().len(), 3);
        // The first one is answered by nobody; its next retransmission is held again.
        let again = lab.client(flows[0], text_at(0, b"text once more"));
        lab.up(0);
        lab.run(30_000);
        assert!(lab.sealed().is_empty(), "the old order does not come back");
        assert_eq!(lab.release(0, 100_000), 6);
        lab.run(5_000);
        let sealed = lab.sealed();
        assert_eq!(sealed.len(), 6);
        assert!(sealed.contains(&one_hop_on(&again)));
        let report = lab.report(0);
        assert_eq!(report.held, 7, "one began again in the second outage");
    });
}

#[test]
fn a_flow_that_is_gone_or_another_one_releases_nothing() {
    with(|lab| {
        let gone = lab.connect(1, 0);
        let reused = lab.connect(2, 0);
        lab.down(0);
        lab.client(gone, text_at(0, b"text"));
        lab.client(reused, text_at(0, b"text"));
        assert_eq!((lab.clear_client(1), lab.clear_client(2)), (1, 1));
        lab.up(0);
        // Takes the entry of one of them.
        lab.connect(3, 0);
        assert_eq!(lab.release(0, 100_000), 0);
        lab.run(50_000);
        assert!(lab.sealed().is_empty());
    });
}

#[test]
fn new_selectors_are_held_against_what_was_held() {
    with(|lab| {
        let flow = lab.connect(1, 1);
        lab.down(1);
        lab.client(flow, text_at(0, b"text"));
        lab.narrow(1, 2);
        lab.up(1);
        let before = lab.drops(DropReason::EspSelector);
        lab.release(1, 100_000);
        lab.run(50_000);
        assert!(lab.sealed().is_empty());
        assert_eq!(lab.drops(DropReason::EspSelector), before + 2);
        lab.widen(1);
    });
}

#[test]
fn without_preserve_or_with_holding_off_nothing_is_held() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.set_options(options(false, false));
        lab.down(0);
        lab.client(flow, text_at(0, b"text"));
        lab.up(0);
        assert_eq!(lab.release(0, 100_000), 0);
        lab.set_options(options(true, false));
        let slot = lab.slot(0);
        let tunnels = lab.fastpath.tunnels().0;
        tunnels.bring_up(slot, false);
        tunnels.set_state(slot, fastpath::tunnel::SlotState::Down);
        lab.client(flow, text_at(0, b"text"));
        lab.up(0);
        assert_eq!(lab.release(0, 100_000), 0);
        lab.run(20_000);
        assert!(lab.sealed().is_empty());
    });
}

#[test]
fn a_reset_after_the_release_is_told() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.down(0);
        lab.client(flow, text_at(0, b"text"));
        lab.up(0);
        lab.release(0, 100_000);
        lab.run(1_000);
        lab.server(flow, says(RST, SERVER_SEQ, 0, b""));
        let report = lab.report(0);
        assert_eq!((report.far_resets, report.resumed), (1, 0));
        lab.run(50_000);
        assert_eq!(lab.sealed().len(), 1, "nothing of a flow that is gone");
    });
}

#[test]
fn packets_that_want_an_answer_are_counted_on_the_sa() {
    with(|lab| {
        let before = lab.expecting(0);
        // The SYN; the last ACK of the handshake wants none.
        let flow = lab.connect(1, 0);
        assert_eq!(lab.expecting(0), before + 1);
        lab.client(flow, text_at(0, b"text"));
        lab.client(flow, says(ACK, CLIENT_SEQ.wrapping_add(4), SERVER_SEQ, b""));
        assert_eq!(lab.expecting(0), before + 3, "text is outstanding");
        lab.server(flow, acknowledges(4));
        lab.client(flow, says(ACK, CLIENT_SEQ.wrapping_add(4), SERVER_SEQ, b""));
        assert_eq!(lab.expecting(0), before + 3);
    });
}
