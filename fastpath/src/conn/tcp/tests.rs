use proptest::prelude::*;

use super::simulation::{Options, Random, simulate};
use super::*;
use crate::conn::entry::entry_flag::{DATA_BACKWARD, DATA_FORWARD, INITIATOR_LOW};
use crate::conn::table::UNUSED_HOT;

const C: Side = Side::High;
const S: Side = Side::Low;
/// Initial sequence numbers just below the wrap.
const CLIENT: u32 = u32::MAX - 5;
const SERVER: u32 = u32::MAX - 100;
const SHIFT: u8 = 3;
const WINDOW: u32 = 1000 << SHIFT;

type Judged = Result<Progress, DropReason>;

const PASS: Judged = Ok(Progress::None);

/// Offsets count from the initial sequence numbers.
fn segment(from: Side, flags: u8, seq: i64, ack: i64, payload_len: u32) -> Segment {
    let (mine, other) = if from == C {
        (CLIENT, SERVER)
    } else {
        (SERVER, CLIENT)
    };
    Segment {
        seq: mine.wrapping_add(seq as u32),
        ack: if flags & ACK != 0 {
            other.wrapping_add(ack as u32)
        } else {
            0
        },
        flags,
        window: 1000,
        payload_len,
        scale: (flags & SYN != 0).then_some(SHIFT),
    }
}

struct Flow(Hot);

impl Flow {
    fn opened() -> Self {
        let mut hot = UNUSED_HOT;
        open(&mut hot, C, &segment(C, SYN, 0, 0, 0)).expect("a SYN");
        Self(hot)
    }

    fn established() -> Self {
        let mut flow = Self::opened();
        flow.expect(S, SYN | ACK, 0, 1, 0, PASS);
        flow.expect(C, ACK, 1, 1, 0, Ok(Progress::Established));
        flow
    }

    fn judge(&mut self, from: Side, segment: &Segment) -> Judged {
        let before = self.0;
        let judged = track(&mut self.0, from, segment);
        if judged.is_err() || judged == Ok(Progress::Reopen) {
            assert_eq!(before, self.0, "a refusal leaves no trace");
        }
        judged
    }

    #[track_caller]
    fn expect(&mut self, from: Side, flags: u8, seq: i64, ack: i64, len: u32, expected: Judged) {
        let segment = segment(from, flags, seq, ack, len);
        assert_eq!(self.judge(from, &segment), expected, "{segment:?}");
    }

    /// Passes, and leaves no trace.
    #[track_caller]
    fn expect_no_trace(&mut self, from: Side, flags: u8, seq: i64, ack: i64, len: u32) {
        let before = self.0;
        self.expect(from, flags, seq, ack, len, PASS);
        assert_eq!(before, self.0);
    }

    fn state(&self) -> TcpState {
        self.0.state
    }
}

#[test]
fn flags_that_mean_nothing_are_bad() {
    for flags in 0..=u8::MAX {
        let core = flags & (FIN | SYN | RST | ACK);
        let good = [SYN, SYN | ACK, RST, RST | ACK, ACK, FIN | ACK].contains(&core);
        assert_eq!(flags_are_sane(flags), good, "{flags:#x}");
    }
    let mut flow = Flow::established();
    flow.expect(C, FIN, 1, 0, 0, Err(DropReason::BadTcpFlags));
}

#[test]
fn only_a_bare_syn_opens() {
    for flags in 0..=u8::MAX {
        let mut hot = UNUSED_HOT;
        let opened = open(&mut hot, C, &segment(C, flags, 0, 0, 0));
        if flags & (FIN | SYN | RST | ACK) == SYN {
            assert_eq!((opened, hot.state), (Ok(()), TcpState::SynSent));
        } else {
            assert_eq!(opened, Err(DropReason::TcpNotSyn));
            assert_eq!(hot, UNUSED_HOT);
        }
    }
}

#[test]
fn the_initiator_is_the_sender_of_the_first_syn() {
    for (from, flag) in [(Side::Low, INITIATOR_LOW), (Side::High, 0)] {
        let mut hot = Hot {
            flags: INITIATOR_LOW ^ flag,
            ..UNUSED_HOT
        };
        open(&mut hot, from, &segment(from, SYN, 0, 0, 0)).expect("a SYN");
        assert_eq!((hot.initiator(), hot.flags), (from, flag));
    }
}

#[test]
fn a_whole_connection() {
    let mut flow = Flow::established();
    flow.expect(C, ACK, 1, 1, 100, PASS);
    assert_eq!(flow.0.flags & (DATA_FORWARD | DATA_BACKWARD), DATA_FORWARD);
    flow.expect(S, ACK, 1, 101, 1400, PASS);
    assert!(flow.0.has(DATA_FORWARD | DATA_BACKWARD));
    flow.expect(C, FIN | ACK, 101, 1401, 0, Ok(Progress::HalfClosed));
    flow.expect(S, ACK, 1401, 102, 500, PASS);
    flow.expect(C, ACK, 102, 1901, 0, PASS);
    flow.expect(S, FIN | ACK, 1901, 102, 0, Ok(Progress::Closing));
    flow.expect(S, FIN | ACK, 1901, 102, 0, PASS);
    flow.expect(C, ACK, 102, 1902, 0, Ok(Progress::Closed));
    flow.expect(S, FIN | ACK, 1901, 102, 0, PASS);
    flow.expect(C, ACK, 102, 1902, 0, PASS);
    assert_eq!(flow.state(), TcpState::Closed);
}

#[test]
fn both_ends_close_at_once() {
    let mut flow = Flow::established();
    flow.expect(C, FIN | ACK, 1, 1, 10, Ok(Progress::HalfClosed));
    flow.expect(S, FIN | ACK, 1, 1, 10, Ok(Progress::Closing));
    flow.expect(C, ACK, 12, 12, 0, PASS);
    flow.expect(S, ACK, 12, 12, 0, Ok(Progress::Closed));
}

#[test]
fn the_handshake_is_checked_number_by_number() {
    let mut flow = Flow::opened();
    flow.expect(C, ACK, 1, 1, 0, Err(DropReason::Tcp3whs));
    flow.expect(C, SYN | ACK, 0, 1, 0, Err(DropReason::Tcp3whs));
    flow.expect(S, SYN | ACK, 0, 0, 0, Err(DropReason::TcpAckSynDiff));
    flow.expect(S, SYN | ACK, 0, 2, 0, Err(DropReason::TcpAckSynDiff));
    flow.expect(S, ACK, 1, 1, 10, Err(DropReason::Tcp3whs));
    flow.expect(S, FIN | ACK, 1, 1, 0, Err(DropReason::Tcp3whs));
    flow.expect(C, SYN, 0, 0, 0, PASS);
    flow.expect(S, SYN | ACK, 0, 1, 0, PASS);
    assert_eq!(flow.state(), TcpState::SynReceived);
    flow.expect(S, SYN | ACK, 0, 1, 0, PASS);
    flow.expect(C, ACK, 1, 0, 0, Err(DropReason::Tcp3whs));
    flow.expect(C, ACK, 1, 2, 0, Err(DropReason::Tcp3whs));
    flow.expect_no_trace(C, SYN, 0, 0, 0);
    flow.expect(C, ACK, 1, 1, 0, Ok(Progress::Established));
    flow.expect_no_trace(S, SYN | ACK, 0, 1, 0);
    flow.expect(S, SYN | ACK, 7, 1, 0, Err(DropReason::TcpSynDiff));
}

#[test]
fn a_second_attempt_with_another_number_counts_while_nobody_has_answered() {
    let mut flow = Flow::opened();
    flow.expect(C, SYN, 5000, 0, 0, PASS);
    flow.expect(S, SYN | ACK, 0, 1, 0, Err(DropReason::TcpAckSynDiff));
    flow.expect(S, SYN | ACK, 0, 5001, 0, PASS);
    flow.expect(C, ACK, 5001, 1, 0, Ok(Progress::Established));
}

#[test]
fn a_syn_ack_with_another_number_counts_when_it_proves_itself() {
    let mut flow = Flow::opened();
    flow.expect(S, SYN | ACK, 0, 1, 0, PASS);
    flow.expect(S, SYN | ACK, 9000, 2, 0, Err(DropReason::TcpAckSynDiff));
    flow.expect(S, SYN | ACK, 9000, 1, 0, PASS);
    flow.expect(C, ACK, 1, 1, 0, Err(DropReason::Tcp3whs));
    flow.expect(C, ACK, 1, 9001, 0, Ok(Progress::Established));
}

#[test]
fn a_simultaneous_open_is_established_when_both_have_acknowledged() {
    let mut flow = Flow::opened();
    flow.expect(S, SYN, 0, 0, 0, PASS);
    assert_eq!(flow.state(), TcpState::SynReceived);
    flow.expect(S, SYN, 50, 0, 0, Err(DropReason::TcpSynDiff));
    flow.expect(C, SYN | ACK, 0, 1, 0, PASS);
    flow.expect(S, SYN | ACK, 0, 1, 0, Ok(Progress::Established));
    flow.expect(C, ACK, 1, 1, 100, PASS);
}

#[test]
fn a_forged_syn_of_the_responder_does_not_bind() {
    let mut flow = Flow::opened();
    flow.expect(S, SYN, 777, 0, 0, PASS);
    flow.expect(S, SYN | ACK, 0, 1, 0, PASS);
    flow.expect(C, ACK, 1, 1, 0, Ok(Progress::Established));
}

#[test]
fn data_in_the_syn_may_be_acknowledged_in_part() {
    for acked in [1, 101] {
        let mut flow = Flow(UNUSED_HOT);
        open(&mut flow.0, C, &segment(C, SYN, 0, 0, 100)).expect("a SYN");
        flow.expect(S, SYN | ACK, 0, 102, 0, Err(DropReason::TcpAckSynDiff));
        flow.expect(S, SYN | ACK, 0, acked, 0, PASS);
        flow.expect(S, ACK, 1, acked, 500, PASS);
        flow.expect(C, ACK, acked, 1, 50, Ok(Progress::Established));
        flow.expect(S, ACK, 501, acked + 50, 500, PASS);
    }
}

#[test]
fn a_refused_connection_ends() {
    let mut flow = Flow::opened();
    flow.expect(S, RST, -1, 0, 0, Err(DropReason::TcpRstFinOrder));
    flow.expect(S, RST | ACK, 0, 2, 0, Err(DropReason::TcpRstFinOrder));
    flow.expect(S, RST | ACK, 12345, 1, 0, Ok(Progress::Reset));
    assert_eq!(flow.state(), TcpState::Closed);
}

#[test]
fn an_initiator_resets_what_an_older_connection_left_at_the_responder() {
    let mut flow = Flow::opened();
    flow.expect_no_trace(S, ACK, 900_000, 700_000, 0);
    flow.expect_no_trace(C, RST, 700_000, 0, 0);
    flow.expect(C, SYN, 0, 0, 0, PASS);
    flow.expect(S, SYN | ACK, 0, 1, 0, PASS);
    flow.expect(C, ACK, 1, 1, 0, Ok(Progress::Established));
}

#[test]
fn a_restarted_initiator_gets_through_by_challenge_and_reset() {
    for mut flow in [Flow::established(), {
        let mut flow = Flow::opened();
        flow.expect(S, SYN | ACK, 0, 1, 0, PASS);
        flow
    }] {
        flow.expect_no_trace(C, SYN, 1 << 30, 0, 0);
        flow.expect(S, ACK, 1, 1, 0, PASS);
        flow.expect(C, RST, 1, 0, 0, Ok(Progress::Reset));
        flow.expect(C, SYN, 1 << 30, 0, 0, Ok(Progress::Reopen));
    }
}

#[test]
fn a_reset_is_exact_or_without_effect() {
    let established = || {
        let mut flow = Flow::established();
        flow.expect(C, ACK, 1, 1, 100, PASS);
        flow.expect(S, ACK, 1, 51, 0, PASS);
        flow
    };
    // 51 is acknowledged, 101 is sent, the window ends at 51 + WINDOW.
    let edge = 51 + i64::from(WINDOW + PAST_WINDOW);
    for exact in [51, 101] {
        established().expect(C, RST, exact, 0, 0, Ok(Progress::Reset));
        established().expect(C, RST | ACK, exact, 1, 0, Ok(Progress::Reset));
    }
    for inside in [52, 100, 102, edge] {
        established().expect_no_trace(C, RST, inside, 0, 0);
    }
    for outside in [50, -100_000, edge + 1, 1 << 31] {
        established().expect(C, RST, outside, 0, 0, Err(DropReason::TcpRstFinOrder));
    }
}

#[test]
fn a_syn_in_a_connection_passes_without_effect_and_without_data() {
    let mut flow = Flow::established();
    for seq in [-1, 0, 1, 5, 1 << 20, 1 << 31] {
        for from in [C, S] {
            flow.expect_no_trace(from, SYN, seq, 0, 0);
            flow.expect(from, SYN, seq, 0, 1, Err(DropReason::TcpSynInWindow));
        }
    }
}

#[test]
fn a_closed_connection_is_reused_by_a_higher_number_only() {
    let mut flow = Flow::established();
    flow.expect(C, FIN | ACK, 1, 1, 0, Ok(Progress::HalfClosed));
    flow.expect(S, FIN | ACK, 1, 2, 0, Ok(Progress::Closing));
    flow.expect_no_trace(C, SYN, 2, 0, 0);
    flow.expect(C, ACK, 2, 2, 0, Ok(Progress::Closed));
    flow.expect_no_trace(C, SYN, 1, 0, 0);
    flow.expect(C, SYN, 2, 0, 0, Ok(Progress::Reopen));
    flow.expect(C, SYN, 1 << 30, 0, 10, Ok(Progress::Reopen));
}

#[test]
fn sequence_numbers_have_four_bounds() {
    let mut flow = Flow::established();
    let window = i64::from(WINDOW);
    flow.expect(S, ACK, 1, 1, 0, PASS);
    flow.expect(C, ACK, 1, 1, WINDOW, PASS);
    flow.expect(S, ACK, 1, 1 + window, 0, PASS);
    // Now sent and acknowledged: 1 + window; the right edge is 1 + 2 * window.
    let seq = |flow: &mut Flow, seq: i64, len, expected| flow.expect(C, ACK, seq, 1, len, expected);
    let past = Err(DropReason::TcpSeqWindow);
    seq(&mut flow, 1, 1, PASS);
    seq(&mut flow, -2, 0, PASS);
    seq(&mut flow, -3, 0, past);
    seq(&mut flow, 4 + 2 * window, 0, past);
    seq(&mut flow, 1 + 2 * window, 3, past);
    flow.expect(
        C,
        FIN | ACK,
        9 * window,
        1,
        0,
        Err(DropReason::TcpRstFinOrder),
    );
    let ack = |flow: &mut Flow, ack: i64, expected| flow.expect(S, ACK, 1, ack, 0, expected);
    let invalid = Err(DropReason::TcpInvalidAck);
    let mut probed = Flow(flow.0);
    seq(&mut probed, 1 + 2 * window, 1, PASS);
    seq(&mut probed, 2 + 2 * window, 0, PASS);
    ack(&mut flow, 1 + window + 1, invalid);
    ack(&mut flow, 1 + window, PASS);
    ack(&mut flow, 1, PASS);
    ack(&mut flow, 0, invalid);
    ack(&mut flow, 1 << 31, invalid);
}

#[test]
fn keepalives_and_zero_windows_pass() {
    let mut flow = Flow::established();
    flow.expect(C, ACK, 1, 1, 100, PASS);
    let full = Segment {
        window: 0,
        ..segment(S, ACK, 1, 101, 0)
    };
    assert_eq!(flow.judge(S, &full), PASS);
    flow.expect(C, ACK, 100, 1, 0, PASS);
    flow.expect(C, ACK, 100, 1, 1, PASS);
    flow.expect(S, ACK, 0, 101, 0, PASS);
    flow.expect(C, ACK, 101, 1, 1, PASS);
}

#[test]
fn scales_count_only_when_both_offer_them() {
    let mut hot = UNUSED_HOT;
    let first = Segment {
        scale: Some(30),
        ..segment(C, SYN, 0, 0, 0)
    };
    open(&mut hot, C, &first).expect("a SYN");
    assert_eq!(hot.tcp[C.index()].window_scale, SCALE_MAX);
    let mut flow = Flow(hot);
    let answer = Segment {
        scale: None,
        ..segment(S, SYN | ACK, 0, 1, 0)
    };
    assert_eq!(flow.judge(S, &answer), PASS);
    flow.expect(C, ACK, 1, 1, 0, Ok(Progress::Established));
    flow.expect(S, ACK, 1, 1, 1000, PASS);
    flow.expect(S, ACK, 1001, 1, 3, Err(DropReason::TcpSeqWindow));
}

#[test]
fn a_forged_fin_does_not_freeze_the_stream() {
    let mut flow = Flow::established();
    flow.expect(C, FIN | ACK, 500, 1, 0, Ok(Progress::HalfClosed));
    flow.expect(C, ACK, 1, 1, 400, PASS);
    assert_eq!(flow.state(), TcpState::HalfClosed);
    flow.expect(C, ACK, 401, 1, 400, PASS);
    assert_eq!(flow.state(), TcpState::Established);
    flow.expect(C, FIN | ACK, 700, 1, 0, Err(DropReason::TcpRstFinOrder));
    flow.expect(C, FIN | ACK, 801, 1, 0, Ok(Progress::HalfClosed));
    flow.expect(S, ACK, 1, 802, 0, PASS);
    flow.expect(C, ACK, 802, 1, 1, Err(DropReason::TcpSeqWindow));
}

#[test]
fn what_was_in_flight_before_an_outage_passes_after_it() {
    let mut flow = Flow::established();
    flow.expect(S, ACK, 1, 1, 0, PASS);
    flow.expect(C, ACK, 1, 1, WINDOW, PASS);
    flow.expect(S, ACK, 1, 1, WINDOW, PASS);
    // Both ends saw nothing of the other's flight, and begin again.
    for offset in (0..WINDOW).step_by(1000) {
        flow.expect(C, ACK, i64::from(1 + offset), 1, 1000, PASS);
        flow.expect(S, ACK, i64::from(1 + offset), 1, 1000, PASS);
    }
    let next = i64::from(1 + WINDOW);
    flow.expect(S, ACK, next, next, 0, PASS);
    flow.expect(C, ACK, next, next, 10, PASS);
}

fn options() -> impl Strategy<Value = Options> {
    let side = || {
        (
            prop_oneof![any::<u32>(), u32::MAX - 60_000..=u32::MAX],
            proptest::option::of(0_u8..=14),
            50_u64..200_000,
            0_u64..60_000,
        )
    };
    (side(), side(), any::<u64>(), 0_u32..20, any::<[bool; 2]>()).prop_map(
        |(client, server, seed, loss_percent, [simultaneous, outage])| Options {
            iss: [client.0, server.0],
            scale: [client, server].map(|side| {
                // Nobody takes a unit that makes nothing of its own buffer.
                let sensible = (side.2 / 16).checked_ilog2().unwrap_or(0) as u8;
                side.1.map(|scale| scale.min(sensible))
            }),
            buffer_bytes: [client.2, server.2],
            stream_bytes: [client.3, server.3],
            seed,
            loss_percent,
            simultaneous,
            outage,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_lawful_connection_is_never_hindered(options in options()) {
        let hot = simulate(&options, |_| ());
        prop_assert_eq!(hot.state, TcpState::Closed);
    }

    #[test]
    fn forged_segments_never_change_an_entry(options in options(), seed: u64) {
        let mut random = Random(seed | 1);
        simulate(&options, |hot| {
            for _ in 0..4 {
                inject(hot, &mut random);
            }
        });
    }
}

/// Judges a forged segment on a copy: unless the rules allow it an effect, it has none.
fn inject(hot: &Hot, random: &mut Random) {
    let from = if random.below(2) == 0 { C } else { S };
    let (sender, receiver) = (hot.tcp[from.index()], hot.tcp[from.other().index()]);
    let near = |random: &mut Random, base: u32| match random.below(4) {
        0 => random.next() as u32,
        1 => base,
        _ => base.wrapping_add(random.below(9) as u32).wrapping_sub(4),
    };
    let seq_base = [sender.end, sender.end_max, sender.unacked][random.below(3) as usize];
    let seq = near(random, seq_base);
    let ack_base = [receiver.end, receiver.unacked][random.below(2) as usize];
    let ack = near(random, ack_base);
    let flags = [RST, RST | ACK, SYN, SYN | ACK, ACK, FIN | ACK][random.below(6) as usize];
    let segment = Segment {
        seq,
        ack,
        flags,
        window: random.next() as u16,
        payload_len: [0, 0, 1, 1400][random.below(4) as usize],
        scale: None,
    };
    let exact_reset = flags & RST != 0 && (seq == sender.end || seq == sender.unacked);
    let both_known = hot.state as u8 >= TcpState::Established as u8;
    let shift = |side: TcpSide| {
        let scaled = sender.flags & receiver.flags & side_flag::SCALE_OFFERED != 0;
        if scaled { side.window_scale } else { 0 }
    };
    let window = |side: TcpSide| i64::from(side.window_max) << shift(side);
    let distance = |a: u32, b: u32| i64::from(a.wrapping_sub(b) as i32);
    let end = distance(segment.end(), sender.end);
    let in_sequence =
        end >= -(window(receiver) + 3) && distance(segment.end(), sender.end_max) <= 2;
    let in_ack =
        distance(ack, receiver.end) <= 0 && distance(ack, receiver.unacked) >= -window(sender);
    let plausible = flags & (RST | SYN) == 0 && in_sequence && in_ack;
    let mut after = *hot;
    let judged = track(&mut after, from, &segment);
    if judged.is_err() || both_known && !exact_reset && !plausible {
        assert_eq!(*hot, after, "{segment:?} {judged:?}");
    }
    if both_known && flags & (RST | SYN) == 0 && !plausible {
        assert!(judged.is_err(), "{segment:?} {judged:?}");
    }
}
