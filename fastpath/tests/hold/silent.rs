//! Tunnels that are up and do not answer: what leaves is held as well.

use fastpath::verdict::DropReason;

use super::harness::{
    ACK, CLIENT_SEQ, SERVER_SEQ, acknowledges, one_hop_on, options, says, text_at, with,
};

#[test]
fn what_leaves_by_a_silent_tunnel_is_held_and_leaves_again_when_the_peer_answers() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        let dropped = lab.drops(DropReason::NeedIke);
        lab.client(flow, text_at(0, b"before anybody knows"));
        lab.silent(0, true);
        lab.sealed();
        let first = lab.client(flow, text_at(0, b"before anybody knows"));
        let later = lab.client(flow, text_at(20, b"behind it"));
        assert_eq!(
            lab.sealed(),
            [one_hop_on(&first), one_hop_on(&later)],
            "both go on"
        );
        lab.silent(0, false);
        assert_eq!(lab.release(0, 1000), 1);
        lab.run(1_000);
        assert_eq!(lab.sealed(), [one_hop_on(&first)]);
        lab.server(flow, acknowledges(29));
        lab.run(100_000);
        assert!(lab.sealed().is_empty(), "answered");
        let report = lab.report(0);
        assert_eq!((report.held, report.released, report.resumed), (1, 1, 1));
        assert_eq!(lab.drops(DropReason::NeedIke), dropped);
    });
}

#[test]
fn an_answer_that_comes_while_the_tunnel_is_silent_frees_the_copy() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.silent(0, true);
        lab.client(flow, text_at(0, b"slow server"));
        lab.run(1_000);
        lab.server(flow, acknowledges(11));
        lab.silent(0, false);
        assert_eq!(lab.release(0, 1000), 0);
        lab.sealed();
        lab.run(100_000);
        assert!(lab.sealed().is_empty());
        assert_eq!(lab.report(0).released, 0);
    });
}

#[test]
fn what_was_held_before_the_peer_was_dead_is_held_on() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.silent(0, true);
        let sent = lab.client(flow, text_at(0, b"nobody hears"));
        lab.down(0);
        lab.run(1_000_000);
        lab.up(0);
        lab.sealed();
        assert_eq!(lab.release(0, 1000), 1);
        lab.run(1_000);
        assert_eq!(lab.sealed(), [one_hop_on(&sent)]);
    });
}

#[test]
fn a_released_copy_is_not_offered_again_and_an_idle_flow_holds_its_ack() {
    with(|lab| {
        let (busy, idle) = (lab.connect(1, 0), lab.connect(2, 0));
        lab.silent(0, true);
        let data = lab.client(busy, text_at(0, b"data"));
        let ack = lab.client(idle, says(ACK, CLIENT_SEQ, SERVER_SEQ, b""));
        lab.silent(0, false);
        assert_eq!(lab.release(0, 100_000), 2);
        lab.sealed();
        // Silent once more while the copies are on their way.
        lab.silent(0, true);
        lab.run(1_000);
        assert_eq!(lab.sealed(), [one_hop_on(&data), one_hop_on(&ack)]);
        lab.silent(0, false);
        lab.run(1_000_000);
        assert_eq!(lab.report(0).held, 2);
    });
}

#[test]
fn without_holding_nothing_is_held_and_nobody_is_told() {
    with(|lab| {
        lab.set_options(options(false, true));
        let flow = lab.connect(1, 0);
        lab.sealed();
        lab.clear();
        lab.silent(0, true);
        lab.client(flow, text_at(0, b"data"));
        lab.client(flow, text_at(0, b"data"));
        lab.run(1_000);
        assert_eq!(lab.sealed().len(), 2);
        assert!(
            lab.clear().is_empty(),
            "the net is reachable, as far as is known"
        );
        lab.silent(0, false);
        assert_eq!(lab.release(0, 1000), 0);
    });
}
